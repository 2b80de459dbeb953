/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streamed records: what becomes an entry, and what the report says of those that do not, byte for
 * byte.
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
static void show_number(int128 number, struct buffer *out)
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

static void show_value(enum field_type type, const struct value *value, struct buffer *out)
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

static void show_entry(struct slice bytes, struct buffer *out)
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

static struct record_plan *plan_of(const struct object *object, const struct stream *stream)
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

static void outcome_fini(struct outcome *outcome)
{
	buffer_fini(&outcome->shown);
	buffer_fini(&outcome->report.json);
}

typedef enum status (*read_fn)(const struct record_plan *plan, struct slice body, int64_t now_us,
    struct buffer *entry, struct err *err);

/* In memory of exactly its size, so that a byte read past it is found; and behind something that
 * is in the entry's buffer already. */
static void run(const struct object *object, const struct stream *stream, read_fn read_ids,
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

static void assert_text(const struct buffer *got, const char *want)
{
	if (!slice_is(buffer_slice(got), want))
		print_error("got:\n%.*s\nwant:\n%s\n", (int)got->len, got->ptr, want);
	assert_true(slice_is(buffer_slice(got), want));
}

static void assert_entry(
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

static void assert_report(const struct object *object, const struct stream *stream,
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

static void assert_refused(const struct object *object, const struct stream *stream,
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

/* --- What becomes an entry -------------------------------------------------------------------- */

static void a_record_becomes_typed_values_in_the_schemas_order(void **state)
{
	(void)state;
	assert_entry(&orders, &full,
	    "{\"data\":[{\"id\":\"A1\",\"total\":12.50,\"items\":3,\"paid\":true,"
	    "\"due\":\"1970-01-11\",\"modified\":\"1970-01-01T00:00:01.5Z\",\"note\":\"hi\"},"
	    "{\"note\":\"a\\u00e4\\n\\ud83d\\ude00\",\"modified\":\"1970-01-01T01:00:00+01:00\","
	    "\"due\":null,\"paid\":false,\"items\":-1,\"total\":-1e-18,\"id\":\"A2\"}]}",
	    "upsert\n"
	    "id=A1 total=12.5 items=3 paid=true due=10 modified=1500000 note=hi\n"
	    "id=A2 total=-0.000000000000000001 items=-1 paid=false due=NULL modified=0 "
	    "note=a\xc3\xa4\n\xf0\x9f\x98\x80");
}

static void blank_is_null_for_every_type(void **state)
{
	(void)state;
	assert_entry(&orders, &full,
	    "{\"data\":[{\"id\":\"A\",\"total\":null,\"items\":null,\"paid\":null,\"due\":null,"
	    "\"modified\":\"1970-01-01T00:00:00Z\",\"note\":\" \"},"
	    "{\"id\":\"B\",\"total\":\"\",\"items\":\"\",\"paid\":\"\",\"due\":\"\","
	    "\"modified\":\"1970-01-01T00:00:00Z\",\"note\":\"x\"}]}",
	    "upsert\n"
	    "id=A total=NULL items=NULL paid=NULL due=NULL modified=0 note= \n"
	    "id=B total=NULL items=NULL paid=NULL due=NULL modified=0 note=x");
	assert_entry(&events, &events_stream,
	    "{\"data\":[{\"event_id\":\" \",\"total\":0,\"at\":\"\"}]}",
	    "upsert\nevent_id=  total=0 at=NULL");
}

static void numbers_keep_their_exact_value(void **state)
{
	(void)state;
	assert_entry(&events, &events_stream,
	    "{\"data\":["
	    "{\"event_id\":\"a\",\"total\":12345678901234567890.123456789012345678,\"at\":null},"
	    "{\"event_id\":\"b\",\"total\":0.1,\"at\":null},"
	    "{\"event_id\":\"c\",\"total\":1E+2,\"at\":null},"
	    "{\"event_id\":\"d\",\"total\":9007199254740993,\"at\":null},"
	    "{\"event_id\":\"e\",\"total\":-0,\"at\":null}]}",
	    "upsert\n"
	    "event_id=a total=12345678901234567890.123456789012345678 at=NULL\n"
	    "event_id=b total=0.1 at=NULL\n"
	    "event_id=c total=100 at=NULL\n"
	    "event_id=d total=9007199254740993 at=NULL\n"
	    "event_id=e total=0 at=NULL");
}

static void a_partial_record_may_leave_fields_out(void **state)
{
	(void)state;
	assert_entry(&orders, &partial,
	    "{\"data\":[{\"id\":\"A\",\"modified\":\"1970-01-01T00:00:00Z\"},"
	    "{\"modified\":\"1970-01-01T00:00:00Z\",\"total\":null,\"id\":\"B\",\"paid\":false},"
	    "{\"id\":\"C\",\"modified\":\"1970-01-01T00:00:00Z\",\"note\":\"n\"}]}",
	    "partial\nid=A modified=0\nid=B total=NULL paid=false modified=0\n"
	    "id=C modified=0 note=n");
	assert_entry(&events, &partial_events,
	    "{\"data\":[{\"event_id\":\"A\",\"at\":\"1970-01-02\"}]}", "partial\nevent_id=A at=1");
}

static void what_says_which_row_and_when_must_be_in_a_partial_record(void **state)
{
	(void)state;
	assert_report(&orders, &partial, "{\"data\":[{\"note\":\"n\"}]}", 1,
	    "[{\"record\":\"{\\\"note\\\":\\\"n\\\"}\",\"causingExceptions\":["
	    "\"#: required key [id] not found\",\"#: required key [modified] not found\"]}]");
	assert_report(&events, &partial_events, "{\"data\":[{\"event_id\":\"n\"}]}", 1,
	    "[{\"record\":\"{\\\"event_id\\\":\\\"n\\\"}\",\"causingExceptions\":["
	    "\"#: required key [at] not found\"]}]");
	/* What the schema requires may be left out, but not be blank. */
	assert_report(&orders, &partial,
	    "{\"data\":[{\"id\":\"A\",\"modified\":\"1970-01-01T00:00:00Z\",\"note\":\"\"}]}", 1,
	    "[{\"record\":\"{\\\"id\\\":\\\"A\\\",\\\"modified\\\":\\\"1970-01-01T00:00:00Z\\\","
	    "\\\"note\\\":\\\"\\\"}\",\"causingExceptions\":["
	    "\"#/note: the field is required and blank; give it a value\"]}]");
}

static void other_members_beside_data_are_ignored(void **state)
{
	(void)state;
	assert_entry(&events, &events_stream,
	    "{\"x\":[{\"a\":1},{\"a\":{}}],\"data\":[{\"event_id\":\"a\",\"total\":1,\"at\":null}],"
	    "\"y\":null}",
	    "upsert\nevent_id=a total=1 at=NULL");
}

static void the_order_of_members_may_change_from_record_to_record(void **state)
{
	(void)state;
	assert_entry(&events, &events_stream,
	    "{\"data\":[{\"at\":null,\"total\":1,\"event_id\":\"a\"},"
	    "{\"total\":2,\"at\":null,\"event_id\":\"b\"},"
	    "{\"event_id\":\"c\",\"at\":null,\"total\":3},"
	    "{\"event_\\u0069d\":\"d\",\"at\":null,\"total\":4}]}",
	    "upsert\nevent_id=a total=1 at=NULL\nevent_id=b total=2 at=NULL\n"
	    "event_id=c total=3 at=NULL\nevent_id=d total=4 at=NULL");
}

/* --- The report ------------------------------------------------------------------------------- */

static void the_report_is_the_wires_byte_for_byte(void **state)
{
	(void)state;
	/* The sentences of api.md §3, and in its order. */
	assert_report(&events, &events_stream,
	    "{\"data\":[{\"x\":1,\"total\":\"12\" , \"at\":\"2021-02-03\"}]}", 1,
	    "[{\"record\":\"{\\\"x\\\":1,\\\"total\\\":\\\"12\\\" , "
	    "\\\"at\\\":\\\"2021-02-03\\\"}\","
	    "\"causingExceptions\":[\"#: required key [event_id] not found\","
	    "\"#: extraneous key [x] is not permitted\","
	    "\"#/total: expected type: Number, found: String\"]}]");
}

static void sentences_come_in_the_schemas_and_the_records_order(void **state)
{
	(void)state;
	assert_report(&orders, &full,
	    "{\"data\":[{\"z\":{},\"paid\":1,\"a\":[1,{\"b\":2}],\"total\":true,\"items\":1.0}]}",
	    1,
	    "[{\"record\":\"{\\\"z\\\":{},\\\"paid\\\":1,\\\"a\\\":[1,{\\\"b\\\":2}],"
	    "\\\"total\\\":true,\\\"items\\\":1.0}\",\"causingExceptions\":["
	    "\"#: required key [id] not found\",\"#: required key [due] not found\","
	    "\"#: required key [modified] not found\",\"#: required key [note] not found\","
	    "\"#: extraneous key [z] is not permitted\",\"#: extraneous key [a] is not permitted\","
	    "\"#/total: expected type: Number, found: Boolean\","
	    "\"#/items: expected type: Integer, found: BigDecimal\","
	    "\"#/paid: expected type: Boolean, found: Integer\"]}]");
}

static void types_are_named_as_the_original_does(void **state)
{
	static const struct {
		const char *field, *value, *sentence;
	} cases[] = {
	    {"total", "\"1\"", "expected type: Number, found: String"},
	    {"total", "{}", "expected type: Number, found: JSONObject"},
	    {"total", "[1]", "expected type: Number, found: JSONArray"},
	    {"items", "\"1\"", "expected type: Number, found: String"},
	    {"items", "1.5", "expected type: Integer, found: BigDecimal"},
	    {"items", "1e2", "expected type: Integer, found: BigDecimal"},
	    {"items", "1E2", "expected type: Integer, found: BigDecimal"},
	    {"paid", "\"true\"", "expected type: Boolean, found: String"},
	    {"paid", "0", "expected type: Boolean, found: Integer"},
	    {"due", "20210203", "expected type: String, found: Integer"},
	    {"due", "2147483647", "expected type: String, found: Integer"},
	    {"due", "-2147483648", "expected type: String, found: Integer"},
	    {"due", "2147483648", "expected type: String, found: Long"},
	    {"due", "-9223372036854775808", "expected type: String, found: Long"},
	    {"due", "9223372036854775807", "expected type: String, found: Long"},
	    {"due", "9223372036854775808", "expected type: String, found: BigInteger"},
	    {"due", "-9223372036854775809", "expected type: String, found: BigInteger"},
	    {"due", "100000000000000000000000000000000",
		"expected type: String, found: BigInteger"},
	    {"modified", "false", "expected type: String, found: Boolean"},
	    {"note", "1.5", "expected type: String, found: BigDecimal"},
	};
	char body[1000], want[1000];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outcome outcome;
		struct slice got;

		snprintf(body, sizeof(body),
		    "{\"data\":[{\"id\":\"A\",\"modified\":\"1970-01-01T00:00:00Z\",\"%s\":%s}]}",
		    strcmp(cases[i].field, "modified") == 0 ? "note" : cases[i].field,
		    strcmp(cases[i].field, "modified") == 0 ? "\"x\"" : cases[i].value);
		if (strcmp(cases[i].field, "modified") == 0)
			snprintf(body, sizeof(body), "{\"data\":[{\"id\":\"A\",\"modified\":%s}]}",
			    cases[i].value);
		snprintf(want, sizeof(want), "\"causingExceptions\":[\"#/%s: %s\"]}]",
		    cases[i].field, cases[i].sentence);
		run(&orders, &partial, NULL, slice_of(body), &outcome);
		assert_int_equal(outcome.status, E_CONFLICT);
		got = buffer_slice(&outcome.report.json);
		assert_true(got.len > strlen(want));
		got = slice_skip(got, got.len - strlen(want));
		if (!slice_is(got, want))
			print_error(
			    "%s: %.*s\n", want, SLICE_ARGS(buffer_slice(&outcome.report.json)));
		assert_true(slice_is(got, want));
		outcome_fini(&outcome);
	}
}

static void a_value_that_does_not_fit_says_what_would(void **state)
{
	static const struct {
		const char *field, *value, *sentence;
	} cases[] = {
	    {"total", "100000000000000000000",
		"\\\"100000000000000000000\\\" is out of range; at most 20 digits before the point "
		"are kept"},
	    {"total", "0.0000000000000000001",
		"\\\"0.0000000000000000001\\\" has more than 18 decimal places; round it to those"},
	    {"items", "9223372036854775808",
		"\\\"9223372036854775808\\\" does not fit into 64 bits; expected "
		"-9223372036854775808 to 9223372036854775807"},
	    {"due", "\"3.2.2021\"", "\\\"3.2.2021\\\" is not a date; expected yyyy-MM-dd"},
	    {"due", "\"2021-02-29\"",
		"\\\"2021-02-29\\\" is not in the calendar; expected a day that exists, in the "
		"years "
		"0001 to 9999"},
	    {"id", "null", "the primary key is blank; every record needs one"},
	    {"id", "\"\"", "the primary key is blank; every record needs one"},
	    {"modified", "\"\"", "the record modified field is blank; every record needs one"},
	    {"modified", "\"2021-06-10 13:25:40\"",
		"\\\"2021-06-10 13:25:40\\\" is not a date-time; expected "
		"yyyy-MM-ddTHH:mm:ss.SSSZ, "
		"or an offset such as +02:00 for the Z"},
	    {"modified", "\"2021-06-10T13:25:60Z\"",
		"\\\"2021-06-10T13:25:60Z\\\" is not a moment of the calendar; expected a day that "
		"exists, in the years 0001 to 9999, and a time from 00:00:00 to 23:59:59"},
	    {"note", "null", "the field is required and blank; give it a value"},
	};
	static const char *const good[][2] = {{"id", "\"A\""}, {"total", "1"}, {"items", "1"},
	    {"paid", "true"}, {"due", "null"}, {"modified", "\"1970-01-01T00:00:00Z\""},
	    {"note", "\"n\""}};
	char want[1000];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outcome outcome;
		struct buffer body;
		struct slice got;

		buffer_init(&body, 10000);
		buffer_put_text(&body, "{\"data\":[{");
		for (size_t k = 0; k < COUNT(good); k++)
			buffer_printf(&body, "%s\"%s\":%s", k > 0 ? "," : "", good[k][0],
			    strcmp(good[k][0], cases[i].field) == 0 ? cases[i].value : good[k][1]);
		buffer_put_text(&body, "}]}");
		snprintf(want, sizeof(want), "\"causingExceptions\":[\"#/%s: %s\"]}]",
		    cases[i].field, cases[i].sentence);
		run(&orders, &full, NULL, buffer_slice(&body), &outcome);
		assert_int_equal(outcome.status, E_CONFLICT);
		got = buffer_slice(&outcome.report.json);
		assert_true(got.len > strlen(want));
		got = slice_skip(got, got.len - strlen(want));
		if (!slice_is(got, want))
			print_error(
			    "%s: %.*s\n", want, SLICE_ARGS(buffer_slice(&outcome.report.json)));
		assert_true(slice_is(got, want));
		outcome_fini(&outcome);
		buffer_fini(&body);
	}
}

static void a_blank_event_time_is_refused(void **state)
{
	(void)state;
	assert_report(&events, &partial_events, "{\"data\":[{\"event_id\":\"n\",\"at\":null}]}", 1,
	    "[{\"record\":\"{\\\"event_id\\\":\\\"n\\\",\\\"at\\\":null}\",\"causingExceptions\":["
	    "\"#/at: the event time field is blank; every record needs one\"]}]");
}

static void good_records_are_not_listed_and_not_stored_beside_bad_ones(void **state)
{
	(void)state;
	assert_report(&events, &events_stream,
	    "{\"data\":[{\"event_id\":\"a\",\"total\":1,\"at\":null},{},"
	    "{\"event_id\":\"b\",\"total\":2,\"at\":null},7]}",
	    2,
	    "[{\"record\":\"{}\",\"causingExceptions\":[\"#: required key [event_id] not found\","
	    "\"#: required key [total] not found\",\"#: required key [at] not found\"]},"
	    "{\"record\":\"7\",\"causingExceptions\":["
	    "\"#: expected type: JSONObject, found: Integer\"]}]");
}

static void a_record_that_is_no_object_is_named_by_its_type(void **state)
{
	(void)state;
	assert_report(&events, &events_stream, "{\"data\":[\"a\\n\",[[1]],null,true,1.5]}", 5,
	    "[{\"record\":\"\\\"a\\\\n\\\"\",\"causingExceptions\":["
	    "\"#: expected type: JSONObject, found: String\"]},"
	    "{\"record\":\"[[1]]\",\"causingExceptions\":["
	    "\"#: expected type: JSONObject, found: JSONArray\"]},"
	    "{\"record\":\"null\",\"causingExceptions\":["
	    "\"#: expected type: JSONObject, found: Null\"]},"
	    "{\"record\":\"true\",\"causingExceptions\":["
	    "\"#: expected type: JSONObject, found: Boolean\"]},"
	    "{\"record\":\"1.5\",\"causingExceptions\":["
	    "\"#: expected type: JSONObject, found: BigDecimal\"]}]");
}

static void a_long_extraneous_key_is_cut(void **state)
{
	struct outcome outcome;
	struct buffer body;
	static const char end[] = "\xc3\xa4…] is not permitted\"]}]";

	(void)state;
	buffer_init(&body, 10000);
	buffer_put_text(&body, "{\"data\":[{\"event_id\":\"a\",\"total\":1,\"at\":null,\"");
	for (int i = 0; i < 1000; i++)
		buffer_put_text(&body, "\xc3\xa4");
	buffer_put_text(&body, "\":1}]}");
	run(&events, &events_stream, NULL, buffer_slice(&body), &outcome);
	assert_int_equal(outcome.status, E_CONFLICT);
	assert_true(outcome.report.json.len < body.len + 400);
	assert_memory_equal(outcome.report.json.ptr + outcome.report.json.len - (sizeof(end) - 1),
	    end, sizeof(end) - 1);
	outcome_fini(&outcome);
	buffer_fini(&body);
}

/* 1,000 fields with names of 80 characters. */
struct wide {
	struct field fields[SCHEMA_FIELDS_MAX];
	char names[SCHEMA_FIELDS_MAX][SCHEMA_NAME_BYTES_MAX + 1];
	struct object object;
	struct stream stream;
};

static struct wide *wide_create(void)
{
	struct wide *wide = calloc(1, sizeof(*wide));

	for (int i = 0; i < SCHEMA_FIELDS_MAX; i++) {
		snprintf(wide->names[i], sizeof(wide->names[i]), "f%079d", i);
		wide->fields[i] =
		    (struct field){.name = wide->names[i], .type = (enum field_type)(i % 6)};
	}
	wide->object = (struct object){
	    .name = "wide", .fields = wide->fields, .field_count = SCHEMA_FIELDS_MAX};
	snprintf(wide->stream.primary_key, sizeof(wide->stream.primary_key), "%s", wide->names[0]);
	return wide;
}

static void the_report_is_bounded_and_its_count_exact(void **state)
{
	static const char end[] = "{\"record\":\"\",\"causingExceptions\":["
				  "\"#: 66657 more records failed and are not listed here\"]}]";
	struct wide *wide = wide_create();
	struct outcome outcome;
	struct buffer body;
	size_t missing = 0;

	(void)state;
	buffer_init(&body, 1000000);
	buffer_put_text(&body, "{\"data\":[{}");
	for (int i = 1; i < 66666; i++)
		buffer_put_text(&body, ",{}");
	buffer_put_text(&body, "]}");
	run(&wide->object, &wide->stream, NULL, buffer_slice(&body), &outcome);
	assert_int_equal(outcome.status, E_CONFLICT);
	assert_int_equal(outcome.report.count, 66666);
	assert_true(outcome.report.json.len <= RECORD_REPORT_BYTES_MAX);
	for (size_t i = 0; i + 5 < outcome.report.json.len; i++)
		missing += memcmp(outcome.report.json.ptr + i, " not f", 6) == 0;
	/* Each of the listed ones names all that it lacks. */
	assert_int_equal(missing, 9 * 1000);
	assert_memory_equal(outcome.report.json.ptr + outcome.report.json.len - (sizeof(end) - 1),
	    end, sizeof(end) - 1);
	outcome_fini(&outcome);
	buffer_fini(&body);
	free(wide);
}

/* 20,000 keys that the schema lacks: the sentences end at 128 KiB, and the record is there whole. */
static void a_record_says_so_many_sentences_and_how_many_more(void **state)
{
	static const char end[] =
	    "\"#: extraneous key [3222] is not permitted\",\"#: and 16777 more\"]}]";
	struct outcome outcome;
	struct buffer body;

	(void)state;
	buffer_init(&body, 1000000);
	buffer_put_text(&body, "{\"data\":[{\"event_id\":\"a\",\"total\":1,\"at\":null");
	for (int i = 0; i < 20000; i++)
		buffer_printf(&body, ",\"%d\":1", i);
	buffer_put_text(&body, "}]}");
	run(&events, &events_stream, NULL, buffer_slice(&body), &outcome);
	assert_int_equal(outcome.status, E_CONFLICT);
	assert_int_equal(outcome.report.count, 1);
	assert_true(outcome.report.json.len > body.len);
	assert_memory_equal(outcome.report.json.ptr + outcome.report.json.len - (sizeof(end) - 1),
	    end, sizeof(end) - 1);
	outcome_fini(&outcome);
	buffer_fini(&body);
}

/* --- What is no request of this form ---------------------------------------------------------- */

static void a_body_of_another_form_is_refused(void **state)
{
	static const struct {
		const char *body, *why;
	} cases[] = {
	    {"", "the body is empty; a JSON object is expected"},
	    {"[]", "the body must be an object with \"data\": {\"data\":[{…}]}"},
	    {"{}", "\"data\" is missing; it must be an array: {\"data\":[{…}]}"},
	    {"{\"Data\":[{}]}", "\"data\" is missing; it must be an array: {\"data\":[{…}]}"},
	    {"{\"x\":{\"data\":[{}]}}",
		"\"data\" is missing; it must be an array: {\"data\":[{…}]}"},
	    {"{\"data\":null}", "\"data\" must be an array of records: {\"data\":[{…}]}"},
	    {"{\"data\":{\"event_id\":\"a\",\"total\":1,\"at\":null}}",
		"\"data\" must be an array of records: {\"data\":[{…}]}"},
	    {"{\"data\":[]}", "\"data\" is empty; it must have at least one record"},
	    {"{\"data\":[],\"data\":[]}",
		"not valid JSON: the member \"data\" is there twice, again at line 1, column 12"},
	    {"{\"data\":[{\"event_id\":\"a\",\"total\":1,\"at\":null}]",
		"not valid JSON: ',' or '}' expected, but the text ends at line 1, column 47"},
	    {"{\"data\":[{\"event_id\":\"a\",\"total\":1,\"at\":null}]}}",
		"not valid JSON: the end of the text expected instead of '}' at line 1, column 48"},
	    /* malformed comes before what does not fit */
	    {"{\"data\":[{},\n{\"event_id\":NaN}]}",
		"not valid JSON: a value expected instead of 'N' at line 2, column 13"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(&events, &events_stream, NULL, cases[i].body, cases[i].why);
}

/* A field's name, by an escape too; a key that the schema lacks; inside a value. */
static void a_member_that_comes_twice_is_an_error_wherever_it_is(void **state)
{
	static const struct {
		const char *body, *name, *column;
	} cases[] = {
	    {"{\"data\":[{\"event_id\":\"a\",\"total\":1,\"event_id\":\"a\"}]}", "event_id", "36"},
	    {"{\"data\":[{\"event_id\":\"a\",\"\\u0065vent_id\":\"b\"}]}", "event_id", "26"},
	    {"{\"data\":[{\"x\":\"a\",\"total\":1,\"x\":\"a\"}]}", "x", "29"},
	    {"{\"data\":[{\"x\":{\"y\":1,\"y\":1}}]}", "y", "22"},
	    {"{\"data\":[[{\"y\":1,\"y\":1}]]}", "y", "18"},
	    {"{\"z\":{\"y\":1,\"y\":1}}", "y", "13"},
	};
	char want[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(want, sizeof(want),
		    "not valid JSON: the member \"%s\" is there twice, again at line 1, column %s",
		    cases[i].name, cases[i].column);
		assert_refused(&events, &events_stream, NULL, cases[i].body, want);
	}
}

/* Each record has its own members. */
static void the_same_member_in_two_records_is_fine(void **state)
{
	(void)state;
	assert_report(&events, &events_stream, "{\"data\":[{\"x\":1},{\"x\":1}]}", 2,
	    "[{\"record\":\"{\\\"x\\\":1}\",\"causingExceptions\":["
	    "\"#: required key [event_id] not found\",\"#: required key [total] not found\","
	    "\"#: required key [at] not found\",\"#: extraneous key [x] is not permitted\"]},"
	    "{\"record\":\"{\\\"x\\\":1}\",\"causingExceptions\":["
	    "\"#: required key [event_id] not found\",\"#: required key [total] not found\","
	    "\"#: required key [at] not found\",\"#: extraneous key [x] is not permitted\"]}]");
}

/* --- Ids -------------------------------------------------------------------------------------- */

static const struct field number_fields[] = {
    {.name = "n", .type = FIELD_NUMBER},
    {.name = "i", .type = FIELD_INTEGER},
    {.name = "b", .type = FIELD_BOOLEAN},
    {.name = "d", .type = FIELD_DATE},
    {.name = "t", .type = FIELD_DATE_TIME},
};
static const struct object numbers = {
    .name = "numbers", .fields = number_fields, .field_count = COUNT(number_fields)};

static struct stream keyed_by(const char *key)
{
	struct stream stream = {.category = STREAM_OTHER};

	snprintf(stream.primary_key, sizeof(stream.primary_key), "%s", key);
	return stream;
}

static void assert_ids(const struct object *object, const char *key, read_fn read_ids,
    const char *text, const char *want)
{
	struct stream stream = keyed_by(key);
	struct outcome outcome;

	run(object, &stream, read_ids, slice_of(text), &outcome);
	if (outcome.status != OK)
		print_error("%s: %s\n", text, outcome.err.text);
	assert_int_equal(outcome.status, OK);
	assert_text(&outcome.shown, want);
	outcome_fini(&outcome);
}

static void ids_are_values_of_the_keys_type(void **state)
{
	static const struct {
		const char *key, *body, *want;
	} cases[] = {
	    {"n", "{\"ids\":[\"1.50\",2,-3e2,\"1.50\"]}", "delete\nn=1.5\nn=2\nn=-300\nn=1.5"},
	    {"i", "{\"x\":[{}],\"ids\":[\"+1\",2]}", "delete\ni=1\ni=2"},
	    {"b", "{\"ids\":[\"TRUE\",\"0\",true,false]}",
		"delete\nb=true\nb=false\nb=true\nb=false"},
	    {"d", "{\"ids\":[\"1970-01-02\"]}", "delete\nd=1"},
	    {"t", "{\"ids\":[\"1970-01-01T01:00:01+01:00\"]}", "delete\nt=1000000"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ids(&numbers, cases[i].key, record_ids_read, cases[i].body, cases[i].want);
	assert_ids(&orders, "id", record_ids_read, "{\"ids\":[\"a,b\",\" \",\"\\u00e4\"]}",
	    "delete\nid=a,b\nid= \nid=\xc3\xa4");
	assert_ids(&orders, "id", record_ids_split, "a,b c,\xc3\xa4,a",
	    "delete\nid=a\nid=b c\nid=\xc3\xa4\nid=a");
	assert_ids(&numbers, "n", record_ids_split, "1,2.5", "delete\nn=1\nn=2.5");
}

static void ids_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *key, *body, *why;
	} cases[] = {
	    {"i", "", "the body is empty; a JSON object is expected"},
	    {"i", "[1]", "the body must be an object with \"ids\": {\"ids\":[\"a\",\"b\"]}"},
	    {"i", "{}", "\"ids\" is missing; it must be an array: {\"ids\":[\"a\",\"b\"]}"},
	    {"i", "{\"ids\":\"1\"}", "\"ids\" must be an array: {\"ids\":[\"a\",\"b\"]}"},
	    {"i", "{\"ids\":[]}", "there is no id; name at least one record to delete"},
	    {"i", "{\"ids\":[1,\"x\"]}",
		"id 2: i: \"x\" is not an integer; expected digits such as -42"},
	    {"i", "{\"ids\":[1.0]}",
		"id 1: i: \"1.0\" is not an integer; expected digits such as -42"},
	    {"i", "{\"ids\":[1,null]}",
		"id 2 must be a string, or of the type of the key i: integer"},
	    {"i", "{\"ids\":[{}]}", "id 1 must be a string, or of the type of the key i: integer"},
	    {"d", "{\"ids\":[1]}", "id 1 must be a string, or of the type of the key d: date"},
	    {"n", "{\"ids\":[true]}", "id 1 must be a string, or of the type of the key n: number"},
	    {"n", "{\"ids\":[\"\"]}", "id 1: n: the primary key is blank; every record needs one"},
	    {"d", "{\"ids\":[\"2021-02-29\"]}",
		"id 1: d: \"2021-02-29\" is not in the calendar; expected a day that exists, in "
		"the "
		"years 0001 to 9999"},
	    {"n", "{\"ids\":[1],\"ids\":[2]}",
		"not valid JSON: the member \"ids\" is there twice, again at line 1, column 12"},
	    {"n", "{\"ids\":[1]}x",
		"not valid JSON: the end of the text expected instead of 'x' at line 1, column 12"},
	};
	static const struct {
		const char *text, *why;
	} splits[] = {
	    {"", "there is no id; name at least one record to delete"},
	    {",", "id 1: i: the primary key is blank; every record needs one"},
	    {"1,", "id 2: i: the primary key is blank; every record needs one"},
	    {",1", "id 1: i: the primary key is blank; every record needs one"},
	    {"1,,2", "id 2: i: the primary key is blank; every record needs one"},
	    {"1, 2", "id 2: i: \" 2\" is not an integer; expected digits such as -42"},
	};
	struct stream stream;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		stream = keyed_by(cases[i].key);
		assert_refused(&numbers, &stream, record_ids_read, cases[i].body, cases[i].why);
	}
	stream = keyed_by("i");
	for (size_t i = 0; i < COUNT(splits); i++)
		assert_refused(&numbers, &stream, record_ids_split, splits[i].text, splits[i].why);
	stream = keyed_by("id");
	assert_refused(&orders, &stream, record_ids_split, "a,\xff",
	    "id 2: id: \"\\xff\" is not valid UTF-8; write the file in that encoding");
}

static void two_hundred_ids_are_the_most(void **state)
{
	struct stream stream = keyed_by("i");
	struct buffer list, body;
	struct outcome outcome;

	(void)state;
	buffer_init(&list, 10000);
	buffer_init(&body, 10000);
	buffer_put_char(&list, '1');
	for (int i = 1; i < RECORD_IDS_MAX; i++)
		buffer_put_text(&list, ",1");
	for (int more = 0; more < 2; more++) {
		buffer_reset(&body);
		buffer_printf(&body, "{\"ids\":[%.*s]}", (int)list.len, list.ptr);
		for (int split = 0; split < 2; split++) {
			run(&numbers, &stream, split ? record_ids_split : record_ids_read,
			    buffer_slice(split ? &list : &body), &outcome);
			assert_int_equal(outcome.status, more ? E_INVALID : OK);
			if (more)
				assert_string_equal(outcome.err.text,
				    "there are more than 200 ids; send them in several requests");
			outcome_fini(&outcome);
		}
		buffer_put_text(&list, ",1");
	}
	buffer_fini(&list);
	buffer_fini(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_becomes_typed_values_in_the_schemas_order),
	    cmocka_unit_test(blank_is_null_for_every_type),
	    cmocka_unit_test(numbers_keep_their_exact_value),
	    cmocka_unit_test(a_partial_record_may_leave_fields_out),
	    cmocka_unit_test(what_says_which_row_and_when_must_be_in_a_partial_record),
	    cmocka_unit_test(other_members_beside_data_are_ignored),
	    cmocka_unit_test(the_order_of_members_may_change_from_record_to_record),
	    cmocka_unit_test(the_report_is_the_wires_byte_for_byte),
	    cmocka_unit_test(sentences_come_in_the_schemas_and_the_records_order),
	    cmocka_unit_test(types_are_named_as_the_original_does),
	    cmocka_unit_test(a_value_that_does_not_fit_says_what_would),
	    cmocka_unit_test(a_blank_event_time_is_refused),
	    cmocka_unit_test(good_records_are_not_listed_and_not_stored_beside_bad_ones),
	    cmocka_unit_test(a_record_that_is_no_object_is_named_by_its_type),
	    cmocka_unit_test(a_long_extraneous_key_is_cut),
	    cmocka_unit_test(the_report_is_bounded_and_its_count_exact),
	    cmocka_unit_test(a_record_says_so_many_sentences_and_how_many_more),
	    cmocka_unit_test(a_body_of_another_form_is_refused),
	    cmocka_unit_test(a_member_that_comes_twice_is_an_error_wherever_it_is),
	    cmocka_unit_test(the_same_member_in_two_records_is_fine),
	    cmocka_unit_test(ids_are_values_of_the_keys_type),
	    cmocka_unit_test(ids_that_are_none_are_refused),
	    cmocka_unit_test(two_hundred_ids_are_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
