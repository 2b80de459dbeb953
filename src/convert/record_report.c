/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why records do not fit the schema: the entries of details.validationReport.
 *
 * The sentences are those of the validator behind the hosted service (everit's JSON Schema, over
 * org.json), down to its names of types, for people match them.  Where it is silent, because it
 * keeps no exact decimals, or knows no primary key, they are the ones of a CSV's rejects.
 *
 * A record that failed is read once more here.  So the way of the many good ones keeps no account
 * of what might go wrong, and the order is free: what is missing in the schema's order, then what
 * is extraneous in the record's, then values in the schema's.
 *
 * The report is bounded twice: a record's list of sentences, and the whole.  200 KB of records could
 * be made to say some hundred MB otherwise.  The first record always fits.  What is not listed is
 * counted.
 */
#include "convert/record_plan.h"

#include "base/json.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCES_BYTES_MAX (128 * 1024) /* a record's: enough for 1,000 fields that are missing */
#define TAIL_BYTES          256          /* kept free for the last entry, of those not listed */
#define KEY_BYTES_MAX       200          /* of an extraneous key that is shown */
#define ARENA_BLOCK_BYTES   (16 * 1024)
#define NAME_OF_ROOT        "#"

/* The class that a value is in the original: an int, a long or beyond, and a decimal as soon as it
 * is written as one. */
static const char *class_of_number(struct slice text)
{
	char digits[24];
	long long value;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '.' || text.ptr[i] == 'e' || text.ptr[i] == 'E')
			return "BigDecimal";
	}
	if (text.len >= sizeof(digits))
		return "BigInteger";
	memcpy(digits, text.ptr, text.len);
	digits[text.len] = '\0';
	/* Nineteen digits and a sign may still be too many: then this is one of the two ends. */
	value = strtoll(digits, NULL, 10);
	if (value >= INT32_MIN && value <= INT32_MAX)
		return "Integer";
	if (value == INT64_MAX && strcmp(digits, "9223372036854775807") != 0)
		return "BigInteger";
	if (value == INT64_MIN && strcmp(digits, "-9223372036854775808") != 0)
		return "BigInteger";
	return "Long";
}

static const char *class_found(const struct json_token *token)
{
	switch (token->kind) {
	case SCAN_OBJECT:
		return "JSONObject";
	case SCAN_ARRAY:
		return "JSONArray";
	case SCAN_STRING:
		return "String";
	case SCAN_NUMBER:
		return class_of_number(token->text);
	case SCAN_TRUE:
	case SCAN_FALSE:
		return "Boolean";
	case SCAN_NULL:
		return "Null";
	case SCAN_CLOSE:
	case SCAN_KEY:
	case SCAN_DONE:
		break;
	}
	assert(false);
	return "";
}

/* An integer is asked twice: is it a number, and is it a whole one? */
static const char *class_expected(enum field_type type, const struct json_token *token)
{
	switch (type) {
	case FIELD_STRING:
	case FIELD_DATE:
	case FIELD_DATE_TIME:
		return "String";
	case FIELD_NUMBER:
		return "Number";
	case FIELD_INTEGER:
		return token->kind == SCAN_NUMBER ? "Integer" : "Number";
	case FIELD_BOOLEAN:
		return "Boolean";
	}
	assert(false);
	return "";
}

/* --- A record's sentences --------------------------------------------------------------------- */

/* A list of them that is being written, as an array of the report. */
struct sentences {
	struct report_writer *w;
	struct json_writer *json;
	size_t bytes, left_out;
};

/* The sentence is in the scratch buffer. */
static void say(struct sentences *s)
{
	struct buffer *text = &s->w->scratch;

	if (s->bytes + text->len > SENTENCES_BYTES_MAX) {
		s->left_out++;
	} else {
		s->bytes += text->len;
		json_write_slice(s->json, buffer_slice(text));
	}
	/* A failure stays: what is in the report is of no use then. */
	text->len = 0;
}

static void say_missing(struct sentences *s, const struct record_cell *cell)
{
	buffer_printf(&s->w->scratch, "#: required key [%.*s] not found", SLICE_ARGS(cell->name));
	say(s);
}

static void say_extraneous(struct sentences *s, struct slice key)
{
	struct slice cut = utf8_cut(key, KEY_BYTES_MAX);

	buffer_printf(&s->w->scratch, "#: extraneous key [%.*s%s] is not permitted",
	    SLICE_ARGS(cut), cut.len < key.len ? "…" : "");
	say(s);
}

static void say_type(
    struct sentences *s, struct slice place, const char *expected, const char *found)
{
	buffer_printf(&s->w->scratch, "%.*s: expected type: %s, found: %s", SLICE_ARGS(place),
	    expected, found);
	say(s);
}

/* A reject's sentence without its code and field: "total: NOT_A_NUMBER: …" is a CSV's. */
static void say_reject(
    struct sentences *s, const struct record_cell *cell, enum reject_code code, struct slice value)
{
	struct buffer *text = &s->w->scratch;
	struct reject reject = {.code = code, .field = cell->name.ptr, .value = value};
	size_t begin, skip;

	buffer_printf(text, "#/%.*s: ", SLICE_ARGS(cell->name));
	begin = text->len;
	reject_describe(&reject, text);
	if (!text->failed) {
		skip = strlen(reject_name(code)) + strlen(REJECT_NAME_END) + cell->name.len +
		       strlen(": ");
		memmove(text->ptr + begin, text->ptr + begin + skip, text->len - begin - skip);
		text->len -= skip;
	}
	say(s);
}

static void say_value(
    struct sentences *s, const struct record_cell *cell, const struct json_token *token)
{
	enum reject_code code = REJECT_NONE;
	struct value value;
	char place[SCHEMA_NAME_BYTES_MAX + 3];

	switch (record_convert(cell, token, &value, &code)) {
	case RECORD_FINE:
		return;
	case RECORD_REJECT:
		say_reject(s, cell, code, token->kind == SCAN_NULL ? SLICE("") : token->text);
		return;
	case RECORD_TYPE:
		memcpy(place, "#/", 2);
		memcpy(place + 2, cell->name.ptr, cell->name.len);
		say_type(s, (struct slice){place, cell->name.len + 2},
		    class_expected(cell->type, token), class_found(token));
		return;
	}
}

/* --- Reading it once more --------------------------------------------------------------------- */

/* A record's members, sorted out. */
struct members {
	struct json_token *values; /* by cell */
	bool *there;               /* by cell */
	struct slice *extraneous;  /* in the record's order */
	size_t extraneous_count, extraneous_room;
};

static enum status add_extraneous(
    struct members *m, struct slice key, struct arena *arena, struct err *err)
{
	struct slice *grown;
	size_t room;

	if (m->extraneous_count == m->extraneous_room) {
		room = m->extraneous_room == 0 ? 16 : 2 * m->extraneous_room;
		grown = arena_array(arena, room, sizeof(*grown));
		if (grown == NULL)
			return err_set(err, E_NOMEM, "no memory for %zu keys", room);
		if (m->extraneous_count > 0)
			memcpy(grown, m->extraneous, m->extraneous_count * sizeof(*grown));
		m->extraneous = grown;
		m->extraneous_room = room;
	}
	m->extraneous[m->extraneous_count++] = key;
	return OK;
}

/* The record is an object, and valid: only memory can fail. */
static enum status sort_out(
    struct report_writer *w, struct json_scan *scan, struct members *m, struct err *err)
{
	size_t count = w->plan->cell_count, cell;
	struct json_token key, value;
	enum status status;

	m->values = arena_array(&w->arena, count, sizeof(*m->values));
	m->there = arena_array(&w->arena, count, sizeof(*m->there));
	if (m->values == NULL || m->there == NULL)
		return err_set(err, E_NOMEM, "no memory for records of %zu fields", count);
	for (;;) {
		status = json_scan_next(scan, &key, err);
		if (status != OK || key.kind == SCAN_CLOSE)
			return status;
		status = json_scan_next(scan, &value, err);
		if (status != OK)
			return status;
		cell = record_plan_find(w->plan, key.text);
		if (cell < count) {
			m->values[cell] = value;
			m->there[cell] = true;
		} else {
			status = add_extraneous(m, key.text, &w->arena, err);
			if (status != OK)
				return status;
		}
		status = json_scan_skip(scan, &value, err);
		if (status != OK)
			return status;
	}
}

static void say_all(struct sentences *s, const struct record_plan *plan, const struct members *m)
{
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (plan->cells[i].must_be_there && !m->there[i])
			say_missing(s, &plan->cells[i]);
	}
	for (size_t i = 0; i < m->extraneous_count; i++)
		say_extraneous(s, m->extraneous[i]);
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (m->there[i])
			say_value(s, &plan->cells[i], &m->values[i]);
	}
}

static enum status explain(
    struct sentences *s, const struct json_token *first, struct slice record, struct err *err)
{
	struct members members = {.values = NULL};
	struct json_token token;
	struct json_scan scan;
	enum status status;

	if (first->kind != SCAN_OBJECT) {
		say_type(s, SLICE(NAME_OF_ROOT), "JSONObject", class_found(first));
		return OK;
	}
	json_scan_init(&scan, record, &s->w->arena);
	status = json_scan_next(&scan, &token, err);
	if (status == OK)
		status = sort_out(s->w, &scan, &members, err);
	if (status == OK)
		say_all(s, s->w->plan, &members);
	return status;
}

/* --- The array -------------------------------------------------------------------------------- */

void report_begin(
    struct report_writer *w, const struct record_plan *plan, struct record_report *report)
{
	*w = (struct report_writer){.plan = plan, .report = report};
	arena_init(&w->arena, ARENA_BLOCK_BYTES);
	buffer_init(&w->entry, SIZE_MAX);
	buffer_init(&w->scratch, SIZE_MAX);
	buffer_reset(&report->json);
	report->count = 0;
}

void report_fini(struct report_writer *w)
{
	arena_fini(&w->arena);
	buffer_fini(&w->entry);
	buffer_fini(&w->scratch);
}

/* An entry of the array, up to its list. */
static void begin_entry(struct report_writer *w, struct json_writer *json, struct slice record)
{
	w->entry.len = 0;
	json_write_begin(json, &w->entry);
	json_write_object(json);
	json_write_key(json, "record");
	json_write_slice(json, record);
	json_write_key(json, "causingExceptions");
	json_write_array(json);
}

static void end_entry(struct json_writer *json)
{
	json_write_end(json);
	json_write_end(json);
}

static void put_entry(struct report_writer *w)
{
	struct buffer *out = &w->report->json;

	buffer_put_char(out, out->len == 0 ? '[' : ',');
	buffer_put(out, buffer_slice(&w->entry));
}

static enum status check_memory(const struct report_writer *w, struct err *err)
{
	if (w->report->json.failed || w->entry.failed || w->scratch.failed)
		return err_set(err, E_NOMEM, "no memory for a report of %zu records", w->listed);
	return OK;
}

enum status report_add(
    struct report_writer *w, const struct json_token *first, struct slice record, struct err *err)
{
	struct json_writer json;
	struct sentences s = {.w = w, .json = &json};
	enum status status;

	if (w->report->count++ > w->listed)
		return OK;
	begin_entry(w, &json, record);
	status = explain(&s, first, record, err);
	if (status == OK && s.left_out > 0) {
		buffer_printf(&w->scratch, "#: and %zu more", s.left_out);
		json_write_slice(&json, buffer_slice(&w->scratch));
		w->scratch.len = 0;
	}
	end_entry(&json);
	arena_reset(&w->arena);
	if (status == OK &&
	    w->report->json.len + w->entry.len + TAIL_BYTES <= RECORD_REPORT_BYTES_MAX) {
		put_entry(w);
		w->listed++;
	}
	return status == OK ? check_memory(w, err) : status;
}

enum status report_end(struct report_writer *w, struct err *err)
{
	const size_t more = w->report->count - w->listed;
	struct json_writer json;

	if (more > 0) {
		begin_entry(w, &json, SLICE(""));
		buffer_printf(&w->scratch, "#: %zu more record%s failed and %s not listed here",
		    more, more == 1 ? "" : "s", more == 1 ? "is" : "are");
		json_write_slice(&json, buffer_slice(&w->scratch));
		end_entry(&json);
		put_entry(w);
	}
	buffer_put_char(&w->report->json, ']');
	return check_memory(w, err);
}
