/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of a streaming deletion. */
#include "records_fixture.h"

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
	    cmocka_unit_test(ids_are_values_of_the_keys_type),
	    cmocka_unit_test(ids_that_are_none_are_refused),
	    cmocka_unit_test(two_hundred_ids_are_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
