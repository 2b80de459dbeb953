/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streamed records to entries: see records.h.
 *
 * One pass: a token at a time becomes a value in its field's place, and when the record is closed
 * its values go into the entry in the schema's order.  Clients send the members of all records in
 * one order, so the field of a member is first looked for where the record before had it.  A field
 * that was there is marked with its record's number, which tells a member that comes twice and one
 * that is missing without clearing anything in between.
 *
 * Nearly all records are fine, so this pass only finds out *that* one is not; record_report.c then
 * reads that record once more to say why.  From the first such record on nothing is written: the
 * request is refused as a whole.  It is still read to its end, for the report, and since a body that
 * is no JSON at all is another error.
 *
 * Not here: ids to delete (record_ids.c), the report's sentences.
 */
#include "convert/records.h"

#include "base/arena.h"
#include "convert/record_plan.h"
#include "convert/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES (16 * 1024)

/* --- The plan --------------------------------------------------------------------------------- */

static int compare_names(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

size_t record_plan_find(const struct record_plan *plan, struct slice name)
{
	size_t low = 0, high = plan->cell_count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = compare_names(name, plan->cells[plan->by_name[middle]].name);
		if (order == 0)
			return plan->by_name[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return plan->cell_count;
}

/* By insertion: once a schema, and of a thousand fields at most. */
static void sort_by_name(struct record_plan *plan)
{
	size_t k;

	for (size_t i = 0; i < plan->cell_count; i++) {
		for (k = i; k > 0 && compare_names(plan->cells[i].name,
					 plan->cells[plan->by_name[k - 1]].name) < 0;
		     k--)
			plan->by_name[k] = plan->by_name[k - 1];
		plan->by_name[k] = i;
	}
}

static enum reject_code blank_rule(const struct stream *stream, const struct field *field)
{
	if (strcmp(field->name, stream->primary_key) == 0)
		return REJECT_BLANK_KEY;
	if (strcmp(field->name, stream->record_modified_field) == 0)
		return REJECT_BLANK_VERSION;
	if (strcmp(field->name, stream->event_time_field) == 0)
		return REJECT_BLANK_EVENT_TIME;
	return field->required ? REJECT_BLANK_REQUIRED : REJECT_NONE;
}

/* A Partial record may leave out any field but those that say which row is meant, and when. */
static void fill_plan(
    struct record_plan *plan, const struct object *object, const struct stream *stream)
{
	plan->object = object;
	plan->kind = stream->refresh == STREAM_PARTIAL ? ENTRY_PARTIAL : ENTRY_UPSERT;
	plan->cell_count = object->field_count;
	plan->key = object->field_count;
	for (size_t i = 0; i < object->field_count; i++) {
		const struct field *field = &object->fields[i];
		enum reject_code if_blank = blank_rule(stream, field);

		plan->fields[i] = field;
		plan->cells[i] = (struct record_cell){
		    .name = slice_of(field->name),
		    .type = field->type,
		    .if_blank = if_blank,
		    .must_be_there = plan->kind == ENTRY_UPSERT ||
				     (if_blank != REJECT_NONE && if_blank != REJECT_BLANK_REQUIRED),
		};
		if (if_blank == REJECT_BLANK_KEY)
			plan->key = i;
	}
	/* The stream's own check has found it. */
	assert(plan->key < plan->cell_count);
	sort_by_name(plan);
}

enum status record_plan_create(const struct object *object, const struct stream *stream,
    struct record_plan **ret_plan, struct err *err)
{
	enum status status = E_NOMEM;
	struct record_plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		goto out;
	plan->cells = calloc(object->field_count, sizeof(*plan->cells));
	plan->fields = calloc(object->field_count, sizeof(struct field *));
	plan->by_name = calloc(object->field_count, sizeof(*plan->by_name));
	if (plan->cells == NULL || plan->fields == NULL || plan->by_name == NULL)
		goto out;
	fill_plan(plan, object, stream);
	*ret_plan = plan;
	plan = NULL;
	status = OK;
out:
	record_plan_destroy(&plan);
	return status == OK ? OK
			    : err_set(err, status, "no memory for a plan of %zu fields",
				  object->field_count);
}

void record_plan_destroy(struct record_plan **plan)
{
	if (*plan == NULL)
		return;
	free((*plan)->cells);
	free((*plan)->fields);
	free((*plan)->by_name);
	free(*plan);
	*plan = NULL;
}

/* --- Values ----------------------------------------------------------------------------------- */

enum reject_code record_value(enum field_type type, struct slice text, struct value *ret_value)
{
	ret_value->state = VALUE_GIVEN;
	switch (type) {
	case FIELD_STRING:
		ret_value->text = text;
		return value_string(text);
	case FIELD_NUMBER:
		return value_number(text, &ret_value->number);
	case FIELD_INTEGER:
		return value_integer(text, &ret_value->integer);
	case FIELD_BOOLEAN:
		return value_boolean(text, &ret_value->boolean);
	case FIELD_DATE:
		return value_date(text, &ret_value->days);
	case FIELD_DATE_TIME:
		return value_date_time(text, &ret_value->integer);
	}
	assert(false);
	return REJECT_NONE;
}

/* Is a value of this JSON type one of the field's?  A number is an integer when it is written as
 * one: 1.0 and 1e2 are not, as in the original. */
static bool fits_type(enum field_type type, const struct json_token *token)
{
	switch (token->kind) {
	case SCAN_STRING:
		return type == FIELD_STRING || type == FIELD_DATE || type == FIELD_DATE_TIME;
	case SCAN_NUMBER:
		return type == FIELD_NUMBER || type == FIELD_INTEGER;
	case SCAN_TRUE:
	case SCAN_FALSE:
		return type == FIELD_BOOLEAN;
	default:
		return false;
	}
}

enum record_fault record_convert(const struct record_cell *cell, const struct json_token *token,
    struct value *ret_value, enum reject_code *ret_code)
{
	enum reject_code code;

	if (token->kind == SCAN_NULL || (token->kind == SCAN_STRING && token->text.len == 0)) {
		ret_value->state = VALUE_NULL;
		code = cell->if_blank;
	} else if (!fits_type(cell->type, token)) {
		return RECORD_TYPE;
	} else if (cell->type == FIELD_STRING) {
		/* The tokenizer has checked it. */
		ret_value->state = VALUE_GIVEN;
		ret_value->text = token->text;
		return RECORD_FINE;
	} else {
		code = record_value(cell->type, token->text, ret_value);
		if (code == REJECT_INTEGER_FORM)
			return RECORD_TYPE;
	}
	if (code == REJECT_NONE)
		return RECORD_FINE;
	*ret_code = code;
	return RECORD_REJECT;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* A request that is being read. */
struct reading {
	const struct record_plan *plan;
	struct json_scan scan;
	struct arena arena;
	struct entry_writer entry;
	struct report_writer report;
	struct value *values;
	uint32_t *seen;       /* the last record, by number, that had the field */
	size_t *order;        /* the cell of a record's first, second, … member */
	uint32_t record;      /* the number of the one that is read, from 1 */
	uint32_t fields_seen; /* in it */
	bool good;            /* is it so far? */
};

/* The cell that the record's ${place}th member belongs to. */
static inline size_t find_cell(struct reading *r, struct slice name, size_t place)
{
	const struct record_plan *plan = r->plan;
	size_t cell;

	if (place >= plan->cell_count)
		return record_plan_find(plan, name);
	cell = r->order[place];
	if (slice_equals(plan->cells[cell].name, name))
		return cell;
	cell = record_plan_find(plan, name);
	if (cell < plan->cell_count)
		r->order[place] = cell;
	return cell;
}

static enum status read_value(struct reading *r, size_t cell, struct err *err)
{
	struct json_token token;
	enum reject_code code;
	enum status status = json_scan_next(&r->scan, &token, err);

	if (status != OK)
		return status;
	if (cell == r->plan->cell_count ||
	    record_convert(&r->plan->cells[cell], &token, &r->values[cell], &code) != RECORD_FINE)
		r->good = false;
	return json_scan_skip(&r->scan, &token, err);
}

static enum status read_member(
    struct reading *r, const struct json_token *key, size_t place, struct err *err)
{
	size_t cell = find_cell(r, key->text, place);
	enum status status;

	if (cell == r->plan->cell_count) {
		status = json_scan_watch(&r->scan, key, err);
		if (status != OK)
			return status;
	} else if (r->seen[cell] == r->record) {
		return json_scan_twice(&r->scan, key, err);
	} else {
		r->seen[cell] = r->record;
		r->fields_seen++;
	}
	return read_value(r, cell, err);
}

/* Has the record all fields that it must have? */
static bool is_complete(const struct reading *r)
{
	if (r->fields_seen == r->plan->cell_count)
		return true;
	for (size_t i = 0; i < r->plan->cell_count; i++) {
		if (r->plan->cells[i].must_be_there && r->seen[i] != r->record)
			return false;
	}
	return true;
}

/* A Partial record of a wide schema is nearly all absent, so that costs no more than a look. */
static void write_record(struct reading *r)
{
	const size_t count = r->plan->cell_count;
	size_t next;

	for (size_t i = 0; i < count; i = next + 1) {
		for (next = i; next < count && r->seen[next] != r->record; next++)
			;
		entry_add_absent(&r->entry, next - i);
		if (next < count)
			entry_add_value(&r->entry, &r->values[next]);
	}
}

/* Read the members of the record that was just begun. */
static enum status read_members(struct reading *r, struct err *err)
{
	struct json_token token;
	enum status status;

	json_scan_own_keys(&r->scan);
	for (size_t place = 0;; place++) {
		status = json_scan_next(&r->scan, &token, err);
		if (status != OK || token.kind == SCAN_CLOSE)
			return status;
		status = read_member(r, &token, place, err);
		if (status != OK)
			return status;
	}
}

static enum status read_record(struct reading *r, const struct json_token *first, struct err *err)
{
	enum status status;
	struct slice text;

	r->record++;
	r->fields_seen = 0;
	r->good = first->kind == SCAN_OBJECT;
	status = r->good ? read_members(r, err) : json_scan_skip(&r->scan, first, err);
	if (status != OK)
		return status;
	if (r->good && is_complete(r)) {
		if (r->report.report->count == 0)
			write_record(r);
		return OK;
	}
	text = (struct slice){first->begin, (size_t)(r->scan.at - first->begin)};
	return report_add(&r->report, first, text, err);
}

static enum status read_records(struct reading *r, const struct json_token *data, struct err *err)
{
	struct json_token token;
	enum status status;

	if (data->kind != SCAN_ARRAY)
		return err_set(
		    err, E_INVALID, "\"data\" must be an array of records: {\"data\":[{…}]}");
	for (;;) {
		status = json_scan_next(&r->scan, &token, err);
		if (status != OK || token.kind == SCAN_CLOSE)
			return status;
		status = read_record(r, &token, err);
		if (status != OK)
			return status;
	}
}

/* Read the whole body; what its records are stands in ${r} then. */
static enum status read_body(struct reading *r, struct err *err)
{
	struct json_token token, value;
	bool found = false;
	enum status status = json_scan_next(&r->scan, &token, err);

	if (status != OK)
		return status;
	if (token.kind != SCAN_OBJECT)
		return err_set(
		    err, E_INVALID, "the body must be an object with \"data\": {\"data\":[{…}]}");
	for (;;) {
		status = json_scan_next(&r->scan, &token, err);
		if (status != OK || token.kind == SCAN_CLOSE)
			break;
		found = found || slice_is(token.text, "data");
		status = json_scan_next(&r->scan, &value, err);
		if (status == OK)
			status = slice_is(token.text, "data")
				     ? read_records(r, &value, err)
				     : json_scan_skip(&r->scan, &value, err);
		if (status != OK)
			break;
	}
	if (status == OK)
		status = json_scan_next(&r->scan, &token, err);
	if (status != OK)
		return status;
	if (!found)
		return err_set(
		    err, E_INVALID, "\"data\" is missing; it must be an array: {\"data\":[{…}]}");
	if (r->record == 0)
		return err_set(
		    err, E_INVALID, "\"data\" is empty; it must have at least one record");
	return OK;
}

static enum status begin_reading(
    struct reading *r, const struct record_plan *plan, struct slice body, struct err *err)
{
	json_scan_init(&r->scan, body, &r->arena);
	r->plan = plan;
	r->values = arena_array(&r->arena, plan->cell_count, sizeof(*r->values));
	r->seen = arena_array(&r->arena, plan->cell_count, sizeof(*r->seen));
	r->order = arena_array(&r->arena, plan->cell_count, sizeof(*r->order));
	if (r->values == NULL || r->seen == NULL || r->order == NULL)
		return err_set(
		    err, E_NOMEM, "no memory for records of %zu fields", plan->cell_count);
	for (size_t i = 0; i < plan->cell_count; i++)
		r->order[i] = i;
	return OK;
}

enum status records_read(const struct record_plan *plan, struct slice body, int64_t now_us,
    struct buffer *entry, struct record_report *ret_report, struct err *err)
{
	const size_t before = entry->len;
	struct reading r = {.record = 0};
	enum status status;

	arena_init(&r.arena, ARENA_BLOCK_BYTES);
	report_begin(&r.report, plan, ret_report);
	status = begin_reading(&r, plan, body, err);
	if (status != OK)
		goto out;
	entry_begin(&r.entry, entry, plan->kind, now_us, plan->fields, plan->cell_count);
	status = read_body(&r, err);
	if (status != OK)
		goto out;
	if (ret_report->count > 0) {
		status = report_end(&r.report, err);
		if (status == OK)
			status = err_set(err, E_CONFLICT, RECORDS_MISMATCH);
		goto out;
	}
	entry_end(&r.entry);
	if (entry->failed)
		status = err_set(err, E_NOMEM, "no memory for an entry of %u records", r.record);
out:
	if (status != OK)
		entry->len = before;
	if (status != E_CONFLICT) {
		buffer_reset(&ret_report->json);
		ret_report->count = 0;
	}
	report_fini(&r.report);
	arena_fini(&r.arena);
	return status;
}
