/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_RECORDS_FIXTURE_H
#define SLUICE_TESTS_RECORDS_FIXTURE_H

/*
 * What the tests of streamed records share: two objects, and a request read to text.
 *
 * An entry is shown as text: its kind, then a record a line with name=value for each field that is
 * there, so that a test is a body and what it means.
 */
#include "convert/records.h"

#include "base/arena.h"
#include "convert/entry.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW          INT64_C(1623331540784000)

static const struct field order_fields[] = {
    {.name = "id", .type = FIELD_STRING},
    {.name = "total", .type = FIELD_NUMBER},
    {.name = "items", .type = FIELD_INTEGER},
    {.name = "paid", .type = FIELD_BOOLEAN},
    {.name = "due", .type = FIELD_DATE},
    {.name = "modified", .type = FIELD_DATE_TIME},
    {.name = "note", .type = FIELD_STRING, .required = true},
};
static const struct object orders = {
    .name = "orders", .fields = order_fields, .field_count = COUNT(order_fields)};
static const struct stream full = {
    .category = STREAM_PROFILE, .primary_key = "id", .record_modified_field = "modified"};
static const struct stream partial = {.category = STREAM_PROFILE,
    .refresh = STREAM_PARTIAL,
    .primary_key = "id",
    .record_modified_field = "modified"};

/* A small one, of which nothing but the key matters. */
static const struct field event_fields[] = {
    {.name = "event_id", .type = FIELD_STRING},
    {.name = "total", .type = FIELD_NUMBER},
    {.name = "at", .type = FIELD_DATE},
};
static const struct object events = {
    .name = "events", .fields = event_fields, .field_count = COUNT(event_fields)};
static const struct stream events_stream = {.category = STREAM_OTHER, .primary_key = "event_id"};
static const struct stream partial_events = {.category = STREAM_ENGAGEMENT,
    .refresh = STREAM_PARTIAL,
    .primary_key = "event_id",
    .event_time_field = "at"};

/* --- Entries as text -------------------------------------------------------------------------- */

/* Without trailing zeros. */
static inline void show_number(int128 number, struct buffer *out)
{
	const int128 one = INT64_C(1000000000000000000);
	uint128 digits = (uint128)(number < 0 ? -number : number), whole = digits / (uint128)one;
	char fraction[24], text[48];
	size_t n = sizeof(text);

	if (number < 0)
		buffer_put_char(out, '-');
	do {
		text[--n] = (char)('0' + (int)(whole % 10));
		whole /= 10;
	} while (whole > 0);
	buffer_put(out, (struct slice){text + n, sizeof(text) - n});
	snprintf(fraction, sizeof(fraction), ".%018" PRIu64, (uint64_t)(digits % (uint128)one));
	for (n = 19; n > 1 && fraction[n - 1] == '0'; n--)
		;
	buffer_put(out, (struct slice){fraction, n > 1 ? n : 0});
}

static inline void show_value(enum field_type type, const struct value *value, struct buffer *out)
{
	if (value->state == VALUE_NULL) {
		buffer_put_text(out, "NULL");
		return;
	}
	switch (type) {
	case FIELD_STRING:
		buffer_put(out, value->text);
		break;
	case FIELD_NUMBER:
		show_number(value->number, out);
		break;
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		buffer_printf(out, "%" PRId64, value->integer);
		break;
	case FIELD_DATE:
		buffer_printf(out, "%" PRId32, value->days);
		break;
	case FIELD_BOOLEAN:
		buffer_put_text(out, value->boolean ? "true" : "false");
		break;
	}
}

static inline void show_entry(struct slice bytes, struct buffer *out)
{
	static const char *const kinds[] = {"upsert", "partial", "delete"};
	struct value values[COUNT(order_fields)];
	struct entry_reader reader;
	struct arena arena;
	struct err err;

	arena_init(&arena, 1024);
	assert_int_equal(entry_open(&reader, bytes, &arena, &err), OK);
	assert_int_equal(reader.accepted_us, NOW);
	assert_true(reader.field_count <= COUNT(values));
	buffer_put_text(out, kinds[reader.kind]);
	while (entry_next(&reader, values, &err) == OK) {
		buffer_put_char(out, '\n');
		for (size_t i = 0, shown = 0; i < reader.field_count; i++) {
			if (values[i].state == VALUE_ABSENT)
				continue;
			buffer_printf(out, "%s%.*s=", shown++ > 0 ? " " : "",
			    SLICE_ARGS(reader.fields[i].name));
			show_value(reader.fields[i].type, &values[i], out);
		}
	}
	assert_int_equal(reader.rows_left, 0);
	arena_fini(&arena);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static inline struct record_plan *plan_of(const struct object *object, const struct stream *stream)
{
	struct record_plan *plan;
	struct err err;

	assert_int_equal(record_plan_create(object, stream, &plan, &err), OK);
	return plan;
}

struct outcome {
	enum status status;
	struct err err;
	struct buffer shown; /* the entry as text */
	struct record_report report;
};

static inline void outcome_fini(struct outcome *outcome)
{
	buffer_fini(&outcome->shown);
	buffer_fini(&outcome->report.json);
}

typedef enum status (*read_fn)(const struct record_plan *plan, struct slice body, int64_t now_us,
    struct buffer *entry, struct err *err);

/* In memory of exactly its size, so that a byte read past it is found; and behind something that
 * is in the entry's buffer already. */
static inline void run(const struct object *object, const struct stream *stream, read_fn read_ids,
    struct slice body, struct outcome *outcome)
{
	struct record_plan *plan = plan_of(object, stream);
	char *exact = malloc(body.len == 0 ? 1 : body.len);
	struct buffer entry;

	*outcome = (struct outcome){.err = {""}};
	if (body.len > 0)
		memcpy(exact, body.ptr, body.len);
	buffer_init(&entry, 1 << 20);
	buffer_init(&outcome->shown, 1 << 24);
	buffer_init(&outcome->report.json, RECORD_REPORT_BYTES_MAX);
	buffer_put_text(&entry, "before");
	if (read_ids != NULL)
		outcome->status =
		    read_ids(plan, (struct slice){exact, body.len}, NOW, &entry, &outcome->err);
	else
		outcome->status = records_read(plan, (struct slice){exact, body.len}, NOW, &entry,
		    &outcome->report, &outcome->err);
	free(exact);
	if (outcome->status == OK)
		show_entry(slice_skip(buffer_slice(&entry), 6), &outcome->shown);
	else
		assert_int_equal(entry.len, 6);
	if (outcome->status != E_CONFLICT) {
		assert_int_equal(outcome->report.count, 0);
		assert_int_equal(outcome->report.json.len, 0);
	}
	buffer_fini(&entry);
	record_plan_destroy(&plan);
}

static inline void assert_text(const struct buffer *got, const char *want)
{
	struct slice wanted = slice_of(want);

	if (!slice_equals(buffer_slice(got), wanted))
		print_error("got:\n%.*s\nwant:\n%.*s\n", (int)got->len, got->ptr, (int)wanted.len,
		    wanted.ptr);
	assert_true(slice_equals(buffer_slice(got), wanted));
}

static inline void assert_entry(
    const struct object *object, const struct stream *stream, const char *body, const char *want)
{
	struct outcome outcome;

	run(object, stream, NULL, slice_of(body), &outcome);
	if (outcome.status != OK)
		print_error("%s: %s %.*s\n", body, outcome.err.text, (int)outcome.report.json.len,
		    outcome.report.json.ptr);
	assert_int_equal(outcome.status, OK);
	assert_text(&outcome.shown, want);
	outcome_fini(&outcome);
}

static inline void assert_report(const struct object *object, const struct stream *stream,
    const char *body, size_t count, const char *want)
{
	struct outcome outcome;

	run(object, stream, NULL, slice_of(body), &outcome);
	assert_int_equal(outcome.status, E_CONFLICT);
	assert_string_equal(outcome.err.text,
	    "Bad Request: JSON is properly formatted but has a mismatch with Schema.");
	assert_int_equal(outcome.report.count, count);
	assert_text(&outcome.report.json, want);
	outcome_fini(&outcome);
}

static inline void assert_refused(const struct object *object, const struct stream *stream,
    read_fn read_ids, const char *body, const char *want)
{
	struct outcome outcome;

	run(object, stream, read_ids, slice_of(body), &outcome);
	if (outcome.status != E_INVALID)
		print_error("%s: %d\n", body, outcome.status);
	assert_int_equal(outcome.status, E_INVALID);
	assert_string_equal(outcome.err.text, want);
	outcome_fini(&outcome);
}

#endif
