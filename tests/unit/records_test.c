/* SPDX-License-Identifier: Apache-2.0 */
/* Streamed records: what becomes an entry, and what is no request at all. */
#include "records_fixture.h"

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
	    cmocka_unit_test(a_body_of_another_form_is_refused),
	    cmocka_unit_test(a_member_that_comes_twice_is_an_error_wherever_it_is),
	    cmocka_unit_test(the_same_member_in_two_records_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
