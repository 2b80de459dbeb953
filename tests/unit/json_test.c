/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/json.h. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEXT(literal) literal, sizeof(literal) - 1

/* In memory of exactly its size, so that a byte read past it is found. */
static enum status parse(const char *text, size_t len, json_t **ret_value, struct err *err)
{
	char *exact = malloc(len == 0 ? 1 : len);
	enum status st;

	memcpy(exact, text, len);
	st = json_parse((struct slice){exact, len}, ret_value, err);
	free(exact);
	return st;
}

static void what_is_json_is_parsed(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
	    {TEXT("{}")},
	    {TEXT("[]")},
	    {TEXT(" \t\r\n{ \"a\" : [ 1 , -2.5e3 , true , false , null ] } \n")},
	    {TEXT("{\"a\":1,\"b\":1,\"A\":1}")},
	    {TEXT("[{\"a\":1},{\"a\":2}]")},
	    {TEXT("{\"a\":{\"a\":{\"a\":1}}}")},
	    {TEXT("[\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"]")},
	    {TEXT("[\"\xc3\xa4\xf0\x9f\x98\x80\"]")},
	    {TEXT("[9223372036854775807,-9223372036854775808]")},
	    {TEXT("{\"\":\"\"}")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = NULL;
		struct err err;

		assert_int_equal(parse(cases[i].text, cases[i].len, &value, &err), OK);
		assert_non_null(value);
		json_decref(value);
	}
}

static void what_is_not_quite_json_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
	    {TEXT("")},
	    {TEXT(" ")},
	    {TEXT("1")},
	    {TEXT("\"text\"")},
	    {TEXT("null")},

	    /* duplicates, in depth and by an escape too */
	    {TEXT("{\"a\":1,\"a\":1}")},
	    {TEXT("[{\"b\":{\"a\":1,\"a\":2}}]")},
	    {TEXT("{\"a\":1,\"\\u0061\":2}")},

	    /* something behind */
	    {TEXT("{}x")},
	    {TEXT("{}{}")},
	    {TEXT("[],")},
	    {TEXT("[]]")},
	    {TEXT("{}\0")},
	    {TEXT("{} \0 ")},

	    /* NUL */
	    {TEXT("\0{}")},
	    {TEXT("[1\0]")},
	    {TEXT("[true\0]")},
	    {TEXT("[\"a\0b\"]")},
	    {TEXT("[\"a\\u0000b\"]")},
	    {TEXT("{\"\\u0000\":1}")},

	    /* not UTF-8 */
	    {TEXT("[\"\xff\"]")},
	    {TEXT("[\"\xc3\"]")},
	    {TEXT("[\"\xc0\x80\"]")},
	    {TEXT("[\"\xed\xa0\x80\"]")},
	    {TEXT("[\"\xf4\x90\x80\x80\"]")},
	    {TEXT("{\"\xff\":1}")},
	    {TEXT("[\"\\ud800\"]")},
	    {TEXT("\xef\xbb\xbf{}")},

	    /* loose forms */
	    {TEXT("{\"a\":1,}")},
	    {TEXT("[1,]")},
	    {TEXT("{a:1}")},
	    {TEXT("{'a':1}")},
	    {TEXT("[01]")},
	    {TEXT("[.5]")},
	    {TEXT("[1.]")},
	    {TEXT("[+1]")},
	    {TEXT("[NaN]")},
	    {TEXT("[Infinity]")},
	    {TEXT("[1e999]")},
	    {TEXT("[9223372036854775808]")},
	    {TEXT("[True]")},
	    {TEXT("[1]//")},
	    {TEXT("[\"a\nb\"]")},
	    {TEXT("[\"\\x41\"]")},

	    /* cut short */
	    {TEXT("{")},
	    {TEXT("[\"a")},
	    {TEXT("[\"a\\")},
	    {TEXT("{\"a\"")},
	    {TEXT("{\"a\":")},
	    {TEXT("[tru")},
	    {TEXT("[}")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = (json_t *)1;
		struct err err = {""};
		enum status st = parse(cases[i].text, cases[i].len, &value, &err);

		if (st != E_INVALID)
			print_error("case %zu: %s\n", i, cases[i].text);
		assert_int_equal(st, E_INVALID);
		assert_ptr_equal(value, (json_t *)1);
		assert_true(err.text[0] != '\0');
	}
}

static void a_refusal_says_what_and_where(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
	    {"", "the body is empty; a JSON object is expected"},
	    {"{\n \"a\": 1,\n \"a\": 2}",
		"not valid JSON: duplicate object key near '\"a\"' at line 3, column 4"},
	    {"[1]x", "not valid JSON: end of file expected near 'x' at line 1, column 4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value;
		struct err err;

		assert_int_equal(json_parse(slice_of(cases[i].text), &value, &err), E_INVALID);
		assert_string_equal(err.text, cases[i].error);
	}
}

/* ${depth} arrays, or objects and arrays in turn, around ${core}. */
static size_t nest(char *text, unsigned depth, bool objects, const char *core)
{
	size_t used = 0;

	for (unsigned i = 0; i < depth; i++)
		used += (size_t)sprintf(text + used, "%s", objects && i % 2 == 0 ? "{\"k\":" : "[");
	used += (size_t)sprintf(text + used, "%s", core);
	for (unsigned i = depth; i-- > 0;)
		text[used++] = objects && i % 2 == 0 ? '}' : ']';
	return used;
}

static void nesting_ends_at_64(void **state)
{
	static const struct {
		unsigned depth;
		bool objects;
		const char *core;
		enum status st;
	} cases[] = {
	    {64, false, "", OK},
	    {65, false, "", E_INVALID},
	    {64, true, "1", OK},
	    {65, true, "1", E_INVALID},
	    {63, false, "[],[],[],{}", OK},
	    {63, false, "[],[],[],[[]]", E_INVALID},
	    {1000, false, "", E_INVALID},

	    /* brackets in strings are text */
	    {64, false, "\"[[[{{{\"", OK},
	    {64, false, "\"\\\"[[[\",\"]\\\\\"", OK},
	    {64, false, "\"\\\\\",[]", E_INVALID},
	    {63, false, "\"]]]]]]\",[[]]", E_INVALID},
	};
	char text[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = nest(text, cases[i].depth, cases[i].objects, cases[i].core);
		json_t *value = NULL;
		struct err err;

		assert_int_equal(parse(text, len, &value, &err), cases[i].st);
		if (cases[i].st != OK)
			assert_string_equal(err.text, "JSON nested deeper than 64 levels");
		json_decref(value);
	}
}

static void a_member_is_text_or_missing_or_wrong(void **state)
{
	static const struct {
		const char *name;
		enum status st;
		const char *text; /* or the error */
	} cases[] = {
	    {"text", OK, "v\xc3\xa4lue"},
	    {"empty", OK, ""},
	    {"absent", E_NOT_FOUND, "\"absent\" is missing"},
	    {"null", E_NOT_FOUND, "\"null\" is missing"},
	    {"number", E_INVALID, "\"number\" must be a string"},
	    {"bool", E_INVALID, "\"bool\" must be a string"},
	    {"object", E_INVALID, "\"object\" must be a string"},
	};
	json_t *object;
	struct err err;

	(void)state;
	assert_int_equal(json_parse(SLICE("{\"text\":\"v\\u00e4lue\",\"empty\":\"\",\"null\":null,"
					  "\"number\":1,\"bool\":true,\"object\":{}}"),
			     &object, &err),
	    OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice text = SLICE("untouched");

		assert_int_equal(json_member_text(object, cases[i].name, &text, &err), cases[i].st);
		assert_true(slice_is(text, cases[i].st == OK ? cases[i].text : "untouched"));
		if (cases[i].st != OK)
			assert_string_equal(err.text, cases[i].text);
	}
	json_decref(object);
}

/* Writing. */

static void commas_and_closers_are_the_writers_business(void **state)
{
	struct buffer out;
	struct json_writer w;

	(void)state;
	buffer_init(&out, 1000);
	json_write_begin(&w, &out);
	json_write_object(&w);
	json_write_key(&w, "id");
	json_write_text(&w, "a");
	json_write_key(&w, "none");
	json_write_text(&w, NULL);
	json_write_key_slice(&w, (struct slice){"list-of", 4});
	json_write_array(&w);
	json_write_int(&w, INT64_MIN);
	json_write_int(&w, INT64_MAX);
	json_write_bool(&w, true);
	json_write_bool(&w, false);
	json_write_null(&w);
	json_write_object(&w);
	json_write_end(&w);
	json_write_array(&w);
	json_write_array(&w);
	json_write_end(&w);
	json_write_end(&w);
	json_write_object(&w);
	json_write_key(&w, "k");
	json_write_raw(&w, SLICE("1.50"));
	json_write_end(&w);
	json_write_end(&w);
	json_write_key(&w, "last");
	json_write_slice(&w, SLICE(""));
	json_write_end(&w);
	assert_false(out.failed);
	assert_true(slice_is(buffer_slice(&out),
	    "{\"id\":\"a\",\"none\":null,\"list\":[-9223372036854775808,9223372036854775807,true,"
	    "false,null,{},[[]],{\"k\":1.50}],\"last\":\"\"}"));
	buffer_fini(&out);
}

static void any_bytes_come_out_as_a_json_string(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *json;
	} cases[] = {
	    {TEXT(""), "\"\""},
	    {TEXT("plain /"), "\"plain /\""},
	    {TEXT("\"quoted\" \\"), "\"\\\"quoted\\\" \\\\\""},
	    {TEXT("\n\r\t"), "\"\\n\\r\\t\""},
	    {TEXT("a\0b"), "\"a\\u0000b\""},
	    {TEXT("\x01\x08\x0c\x1f\x20\x7f"), "\"\\u0001\\u0008\\u000c\\u001f \x7f\""},
	    {TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
	    {TEXT("\xff"), "\"\\ufffd\""},
	    {TEXT("a\xff"
		  "b"),
		"\"a\\ufffdb\""},
	    {TEXT("\"\x80\""), "\"\\\"\\ufffd\\\"\""},
	    {TEXT("\xe2\x82"), "\"\\ufffd\\ufffd\""},
	    {TEXT("\xed\xa0\x80!"), "\"\\ufffd\\ufffd\\ufffd!\""},
	    {TEXT("\xc3\xa4\xc3"), "\"\xc3\xa4\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *exact = malloc(cases[i].len == 0 ? 1 : cases[i].len);
		struct buffer out;
		struct json_writer w;

		memcpy(exact, cases[i].text, cases[i].len);
		buffer_init(&out, 1000);
		json_write_begin(&w, &out);
		json_write_slice(&w, (struct slice){exact, cases[i].len});
		assert_true(slice_is(buffer_slice(&out), cases[i].json));

		/* Keys are strings, too. */
		buffer_reset(&out);
		json_write_object(&w);
		json_write_key_slice(&w, (struct slice){exact, cases[i].len});
		json_write_null(&w);
		json_write_end(&w);
		assert_int_equal(out.len, 1 + strlen(cases[i].json) + 6);
		assert_memory_equal(out.ptr + 1, cases[i].json, strlen(cases[i].json));
		buffer_fini(&out);
		free(exact);
	}
}

static void nothing_without_a_pointer_is_an_empty_string(void **state)
{
	struct buffer out;
	struct json_writer w;

	(void)state;
	buffer_init(&out, 10);
	json_write_begin(&w, &out);
	json_write_slice(&w, (struct slice){NULL, 0});
	assert_true(slice_is(buffer_slice(&out), "\"\""));
	buffer_fini(&out);
}

static void levels_go_16_deep(void **state)
{
	struct buffer out;
	struct json_writer w;

	(void)state;
	buffer_init(&out, 100);
	json_write_begin(&w, &out);
	for (int i = 0; i < JSON_WRITER_DEPTH; i++)
		json_write_array(&w);
	json_write_int(&w, 1);
	for (int i = 0; i < JSON_WRITER_DEPTH; i++)
		json_write_end(&w);
	assert_true(slice_is(buffer_slice(&out), "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
	buffer_fini(&out);
}

static void a_full_buffer_stays_failed_through_the_end(void **state)
{
	struct buffer out;
	struct json_writer w;

	(void)state;
	buffer_init(&out, 8);
	json_write_begin(&w, &out);
	json_write_array(&w);
	json_write_text(&w, "much too long");
	json_write_int(&w, 1);
	json_write_end(&w);
	assert_true(out.failed);
	assert_true(out.len <= 8);
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_json_is_parsed),
	    cmocka_unit_test(what_is_not_quite_json_is_refused),
	    cmocka_unit_test(a_refusal_says_what_and_where),
	    cmocka_unit_test(nesting_ends_at_64),
	    cmocka_unit_test(a_member_is_text_or_missing_or_wrong),
	    cmocka_unit_test(commas_and_closers_are_the_writers_business),
	    cmocka_unit_test(any_bytes_come_out_as_a_json_string),
	    cmocka_unit_test(nothing_without_a_pointer_is_an_empty_string),
	    cmocka_unit_test(levels_go_16_deep),
	    cmocka_unit_test(a_full_buffer_stays_failed_through_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
