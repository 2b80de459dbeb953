/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ids of a streaming deletion to an entry: see records.h.
 *
 * An id comes as text, in a query string always and in a body nearly so, so it has the forms that a
 * CSV has.  A request is refused as a whole at the first id that is none: there are few of them, and
 * the text names it.  The same id twice is fine; the second finds nothing to delete.
 */
#include "convert/records.h"

#include "base/arena.h"
#include "convert/record_plan.h"

#include <string.h>

#define ARENA_BLOCK_BYTES (4 * 1024)

struct ids {
	const struct record_plan *plan;
	struct buffer *out;
	size_t before; /* of out, which goes back there on failure */
	const struct field *field;
	struct entry_writer entry;
	size_t count;
};

static void ids_begin(
    struct ids *ids, const struct record_plan *plan, int64_t now_us, struct buffer *out)
{
	*ids = (struct ids){
	    .plan = plan, .out = out, .before = out->len, .field = plan->fields[plan->key]};
	entry_begin(&ids->entry, out, ENTRY_DELETE, now_us, &ids->field, 1);
}

/* "id 3: NOT_A_NUMBER: …" would be two codes in one sentence, so the reject's own name is left out. */
static enum status refuse_id(
    const struct ids *ids, struct slice text, enum reject_code code, struct err *err)
{
	struct reject reject = {.code = code, .field = ids->field->name, .value = text};
	size_t skip = strlen(reject_name(code)) + strlen(REJECT_NAME_END);
	struct buffer sentence;
	enum status status;

	buffer_init(&sentence, 1024);
	reject_describe(&reject, &sentence);
	if (sentence.failed)
		status = err_set(err, E_NOMEM, "no memory for a sentence");
	else
		status = err_set(err, E_INVALID, "id %zu: %.*s", ids->count,
		    SLICE_ARGS(slice_skip(buffer_slice(&sentence), skip)));
	buffer_fini(&sentence);
	return status;
}

static enum status ids_add(struct ids *ids, struct slice text, struct err *err)
{
	struct value value = {.state = VALUE_GIVEN};
	enum reject_code code = REJECT_BLANK_KEY;

	if (++ids->count > RECORD_IDS_MAX)
		return err_set(err, E_INVALID,
		    "there are more than %d ids; send them in several requests", RECORD_IDS_MAX);
	if (text.len > 0)
		code = record_value(ids->field->type, text, &value);
	if (code != REJECT_NONE)
		return refuse_id(ids, text, code, err);
	entry_add_value(&ids->entry, &value);
	return OK;
}

static enum status ids_end(struct ids *ids, enum status status, struct err *err)
{
	if (status == OK && ids->count == 0)
		status =
		    err_set(err, E_INVALID, "there is no id; name at least one record to delete");
	if (status == OK) {
		entry_end(&ids->entry);
		if (ids->out->failed)
			status = err_set(err, E_NOMEM, "no memory for %zu ids", ids->count);
	}
	if (status != OK)
		ids->out->len = ids->before;
	return status;
}

enum status record_ids_split(const struct record_plan *plan, struct slice text, int64_t now_us,
    struct buffer *entry, struct err *err)
{
	enum status status = OK;
	struct ids ids;
	const char *comma;
	struct slice id;

	ids_begin(&ids, plan, now_us, entry);
	while (text.len > 0 && status == OK) {
		comma = memchr(text.ptr, ',', text.len);
		id =
		    (struct slice){text.ptr, comma == NULL ? text.len : (size_t)(comma - text.ptr)};
		status = ids_add(&ids, id, err);
		text = slice_skip(text, id.len);
		if (comma == NULL)
			continue;
		text = slice_skip(text, 1);
		/* A comma at the end has a blank id behind it, as one at the beginning has before. */
		if (status == OK && text.len == 0)
			status = ids_add(&ids, text, err);
	}
	return ids_end(&ids, status, err);
}

/* May an id of this kind be meant?  Text may be anything. */
static bool is_id(enum field_type type, enum json_scan_kind kind)
{
	switch (kind) {
	case SCAN_STRING:
		return true;
	case SCAN_NUMBER:
		return type == FIELD_NUMBER || type == FIELD_INTEGER;
	case SCAN_TRUE:
	case SCAN_FALSE:
		return type == FIELD_BOOLEAN;
	default:
		return false;
	}
}

static enum status read_ids(
    struct ids *ids, struct json_scan *scan, const struct json_token *first, struct err *err)
{
	struct json_token token;
	enum status status;

	if (first->kind != SCAN_ARRAY)
		return err_set(err, E_INVALID, "\"ids\" must be an array: {\"ids\":[\"a\",\"b\"]}");
	for (;;) {
		status = json_scan_next(scan, &token, err);
		if (status != OK || token.kind == SCAN_CLOSE)
			return status;
		if (!is_id(ids->field->type, token.kind))
			return err_set(err, E_INVALID,
			    "id %zu must be a string, or of the type of the key %s: %s",
			    ids->count + 1, ids->field->name, field_type_name(ids->field->type));
		status = ids_add(ids, token.text, err);
		if (status != OK)
			return status;
	}
}

static enum status read_body(struct ids *ids, struct json_scan *scan, struct err *err)
{
	struct json_token token, value;
	bool found = false;
	enum status status = json_scan_next(scan, &token, err);

	if (status != OK)
		return status;
	if (token.kind != SCAN_OBJECT)
		return err_set(err, E_INVALID,
		    "the body must be an object with \"ids\": {\"ids\":[\"a\",\"b\"]}");
	for (;;) {
		status = json_scan_next(scan, &token, err);
		if (status != OK || token.kind == SCAN_CLOSE)
			break;
		found = found || slice_is(token.text, "ids");
		status = json_scan_next(scan, &value, err);
		if (status == OK)
			status = slice_is(token.text, "ids") ? read_ids(ids, scan, &value, err)
							     : json_scan_skip(scan, &value, err);
		if (status != OK)
			break;
	}
	if (status == OK)
		status = json_scan_next(scan, &token, err);
	if (status == OK && !found)
		return err_set(err, E_INVALID,
		    "\"ids\" is missing; it must be an array: {\"ids\":[\"a\",\"b\"]}");
	return status;
}

enum status record_ids_read(const struct record_plan *plan, struct slice body, int64_t now_us,
    struct buffer *entry, struct err *err)
{
	struct json_scan scan;
	struct arena arena;
	enum status status;
	struct ids ids;

	arena_init(&arena, ARENA_BLOCK_BYTES);
	json_scan_init(&scan, body, &arena);
	ids_begin(&ids, plan, now_us, entry);
	status = ids_end(&ids, read_body(&ids, &scan, err), err);
	arena_fini(&arena);
	return status;
}
