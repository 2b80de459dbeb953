/* SPDX-License-Identifier: Apache-2.0 */
/* What the validation report says of records that do not fit, byte for byte. */
#include "records_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
