/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer of streamed records: what is JSON and what is not, byte by byte; where an error is;
 * and that it agrees with base/json.h about both.
 *
 * Tokens are shown as text, each by a letter and what it holds, so that a case is one line.
 */
#include "json/json_scan.h"

#include "base/buffer.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) literal, sizeof(literal) - 1

static void show(const struct json_token *token, struct buffer *out)
{
	static const char *const names[] = {[SCAN_OBJECT] = "{",
	    [SCAN_ARRAY] = "[",
	    [SCAN_CLOSE] = "!",
	    [SCAN_KEY] = "k:",
	    [SCAN_STRING] = "s:",
	    [SCAN_NUMBER] = "n:",
	    [SCAN_TRUE] = "T",
	    [SCAN_FALSE] = "F",
	    [SCAN_NULL] = "N",
	    [SCAN_DONE] = "."};

	if (out->len > 0)
		buffer_put_char(out, ' ');
	buffer_put_text(out, names[token->kind]);
	if (token->kind == SCAN_KEY || token->kind == SCAN_STRING || token->kind == SCAN_NUMBER)
		buffer_put(out, token->text);
}

/* In memory of exactly its size, so that a byte read past it is found.  ${out} may be NULL. */
static enum status scan_all(const char *text, size_t len, struct buffer *out, struct err *err)
{
	char *exact = malloc(len == 0 ? 1 : len);
	struct json_token token = {.kind = SCAN_NULL};
	struct json_scan scan;
	struct arena arena;
	enum status status;

	memcpy(exact, text, len);
	arena_init(&arena, 256);
	json_scan_init(&scan, (struct slice){exact, len}, &arena);
	do {
		status = json_scan_next(&scan, &token, err);
		if (status == OK && out != NULL)
			show(&token, out);
	} while (status == OK && token.kind != SCAN_DONE);
	arena_fini(&arena);
	free(exact);
	return status;
}

static void a_text_is_given_token_by_token(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *tokens;
	} cases[] = {
	    {TEXT("{}"), "{ ! ."},
	    {TEXT("[]"), "[ ! ."},
	    {TEXT(" \t\r\n{ \"a\" : [ 1 , -2.5e3 , true , false , null , \"\" ] } \n"),
		"{ k:a [ n:1 n:-2.5e3 T F N s: ! ! ."},
	    {TEXT("{\"a\":1,\"b\":{\"a\":{}},\"c\":[[],[{}]]}"),
		"{ k:a n:1 k:b { k:a { ! ! k:c [ [ ! [ { ! ! ! ! ."},
	    {TEXT("[0,-0,0.0,10,0e0,1E5,1e+5,1e-5,1.25E05]"),
		"[ n:0 n:-0 n:0.0 n:10 n:0e0 n:1E5 n:1e+5 n:1e-5 n:1.25E05 ! ."},
	    {TEXT("[123456789012345678901234567890.000000000000000000000000000001,1e999]"),
		"[ n:123456789012345678901234567890.000000000000000000000000000001 n:1e999 ! ."},
	    {TEXT("[\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
		"[ s:\xc3\xa4\xf0\x9f\x98\x80\"\\/\b\f\n\r\t ! ."},
	    {TEXT("[\"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff\\uD7FF\\uE000\"]"),
		"[ s:\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80 ! ."},
	    {TEXT("[\"\\ud800\\udc00\\uDBFF\\uDFFF\"]"),
		"[ s:\xf0\x90\x80\x80\xf4\x8f\xbf\xbf ! ."},
	    {TEXT("[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 long enough for eight at a time\"]"),
		"[ s:\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 long enough for eight at a time ! ."},
	    {TEXT("[\"\x7f /'\"]"), "[ s:\x7f /' ! ."},
	    {TEXT("[\"12345678\",\"1234567\\\"\",\"1234567\\\\\",\"123456789\"]"),
		"[ s:12345678 s:1234567\" s:1234567\\ s:123456789 ! ."},
	    {TEXT("{\"\":\"\",\"\\u0061\":1,\"A\":2}"), "{ k: s: k:a n:1 k:A n:2 ! ."},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = {""};
		struct buffer out;

		buffer_init(&out, 10000);
		assert_int_equal(scan_all(cases[i].text, cases[i].len, &out, &err), OK);
		if (!slice_is(buffer_slice(&out), cases[i].tokens))
			print_error("%s: %.*s\n", cases[i].text, (int)out.len, out.ptr);
		assert_true(slice_is(buffer_slice(&out), cases[i].tokens));
		buffer_fini(&out);
	}
}

/* What is refused, and what is said. */
static const struct {
	const char *text;
	size_t len;
	const char *why;
} refused[] = {
    {TEXT(""), "the body is empty; a JSON object is expected"},
    {TEXT(" "), "'{' or '[' expected, but the text ends at line 1, column 2"},
    {TEXT("1"), "'{' or '[' expected instead of '1' at line 1, column 1"},
    {TEXT("\"text\""), "'{' or '[' expected instead of '\"' at line 1, column 1"},
    {TEXT("null"), "'{' or '[' expected instead of 'n' at line 1, column 1"},
    {TEXT("\xef\xbb\xbf{}"), "'{' or '[' expected instead of byte 0xef at line 1, column 1"},

    /* something behind */
    {TEXT("{}x"), "the end of the text expected instead of 'x' at line 1, column 3"},
    {TEXT("{}{}"), "the end of the text expected instead of '{' at line 1, column 3"},
    {TEXT("[],"), "the end of the text expected instead of ',' at line 1, column 3"},
    {TEXT("[]\n ]"), "the end of the text expected instead of ']' at line 2, column 2"},
    {TEXT("{} \0 "), "the end of the text expected instead of byte 0x00 at line 1, column 4"},
    {TEXT("[1]//"), "the end of the text expected instead of '/' at line 1, column 4"},

    /* members that come twice: in depth, by an escape, among many */
    {TEXT("{\"a\":1,\"a\":1}"), "the member \"a\" is there twice, again at line 1, column 8"},
    {TEXT("[{\"b\":{\"a\":1,\n\"a\":2}}]"),
	"the member \"a\" is there twice, again at line 2, column 1"},
    {TEXT("{\"a\":1,\"\\u0061\":2}"), "the member \"a\" is there twice, again at line 1, column 8"},
    {TEXT("{\"\":{\"x\":1},\"x\":1,\"\":2}"),
	"the member \"\" is there twice, again at line 1, column 19"},
    {TEXT("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"c\":1,\"b\":1}"),
	"the member \"c\" is there twice, again at line 1, column 50"},

    /* NUL */
    {TEXT("\0{}"), "'{' or '[' expected instead of byte 0x00 at line 1, column 1"},
    {TEXT("[1\0]"), "',' or ']' expected instead of byte 0x00 at line 1, column 3"},
    {TEXT("[\"a\0b\"]"), "a control character in a string at line 1, column 4"},
    {TEXT("[\"a\\u0000b\"]"), "\\u0000, which no text may hold, at line 1, column 4"},
    {TEXT("{\"\\u0000\":1}"), "\\u0000, which no text may hold, at line 1, column 3"},

    /* not UTF-8 */
    {TEXT("[\"\xff\"]"), "a byte that is not UTF-8 at line 1, column 3"},
    {TEXT("[\"\xc3\"]"), "a byte that is not UTF-8 at line 1, column 3"},
    {TEXT("[\"\xc0\x80\"]"), "a byte that is not UTF-8 at line 1, column 3"},
    {TEXT("[\"12345678\xc3\xa4\xed\xa0\x80\"]"), "a byte that is not UTF-8 at line 1, column 12"},
    {TEXT("[\"\xf4\x90\x80\x80\"]"), "a byte that is not UTF-8 at line 1, column 3"},
    {TEXT("{\"\xff\":1}"), "a byte that is not UTF-8 at line 1, column 3"},
    {TEXT("[\"\\n\xff\"]"), "a byte that is not UTF-8 at line 1, column 5"},
    {TEXT("[\xc3\xa4]"), "a value expected instead of byte 0xc3 at line 1, column 2"},

    /* escapes */
    {TEXT("[\"\\x41\"]"), "an unknown escape at line 1, column 3"},
    {TEXT("[\"\\U0041\"]"), "an unknown escape at line 1, column 3"},
    {TEXT("[\"\\u\"]"), "a \\u without four hexadecimal digits at line 1, column 3"},
    {TEXT("[\"\\u004\"]"), "a \\u without four hexadecimal digits at line 1, column 3"},
    {TEXT("[\"\\u004g\"]"), "a \\u without four hexadecimal digits at line 1, column 3"},
    {TEXT("[\"\\u00`1\"]"), "a \\u without four hexadecimal digits at line 1, column 3"},
    {TEXT("[\"\\ud800\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\ud800x\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\ud800\\n\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\ud800\\ud800\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\ud800\\u0041\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\ud800\\u\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\udc00\"]"), "half of a surrogate pair at line 1, column 3"},
    {TEXT("[\"\\udfff\\ud800\"]"), "half of a surrogate pair at line 1, column 3"},

    /* control characters */
    {TEXT("[\"a\nb\"]"), "a control character in a string at line 1, column 4"},
    {TEXT("[\"a\tb\"]"), "a control character in a string at line 1, column 4"},
    {TEXT("[\"12345678\x1f\"]"), "a control character in a string at line 1, column 11"},
    {TEXT("[\x0c]"), "a value expected instead of byte 0x0c at line 1, column 2"},

    /* loose forms */
    {TEXT("{\"a\":1,}"),
	"a member's name in double quotes expected instead of '}' at line 1, column 8"},
    {TEXT("{,}"), "a member's name in double quotes expected instead of ',' at line 1, column 2"},
    {TEXT("[1,]"), "a value expected instead of ']' at line 1, column 4"},
    {TEXT("[,1]"), "a value expected instead of ',' at line 1, column 2"},
    {TEXT("[1 2]"), "',' or ']' expected instead of '2' at line 1, column 4"},
    {TEXT("[1}"), "',' or ']' expected instead of '}' at line 1, column 3"},
    {TEXT("{\"a\":1]"), "',' or '}' expected instead of ']' at line 1, column 7"},
    {TEXT("{\"a\" 1}"), "':' expected instead of '1' at line 1, column 6"},
    {TEXT("{\"a\":}"), "a value expected instead of '}' at line 1, column 6"},
    {TEXT("{\"a\"}"), "':' expected instead of '}' at line 1, column 5"},
    {TEXT("{1:1}"), "a member's name in double quotes expected instead of '1' at line 1, column 2"},
    {TEXT("{a:1}"), "a member's name in double quotes expected instead of 'a' at line 1, column 2"},
    {TEXT("['a']"), "a value expected instead of ''' at line 1, column 2"},
    {TEXT("[01]"), "a number that begins with 0 at line 1, column 2"},
    {TEXT("[-01]"), "a number that begins with 0 at line 1, column 2"},
    {TEXT("[.5]"), "a value expected instead of '.' at line 1, column 2"},
    {TEXT("[1.]"), "a number without digits behind its point at line 1, column 2"},
    {TEXT("[1.e5]"), "a number without digits behind its point at line 1, column 2"},
    {TEXT("[1e]"), "a number without digits in its exponent at line 1, column 2"},
    {TEXT("[1e+]"), "a number without digits in its exponent at line 1, column 2"},
    {TEXT("[+1]"), "a value expected instead of '+' at line 1, column 2"},
    {TEXT("[-]"), "a '-' without digits at line 1, column 2"},
    {TEXT("[--1]"), "a '-' without digits at line 1, column 2"},
    {TEXT("[-Infinity]"), "a '-' without digits at line 1, column 2"},
    {TEXT("[1a]"), "',' or ']' expected instead of 'a' at line 1, column 3"},
    {TEXT("[0x1]"), "',' or ']' expected instead of 'x' at line 1, column 3"},
    {TEXT("[1.5.5]"), "',' or ']' expected instead of '.' at line 1, column 5"},
    {TEXT("[NaN]"), "a value expected instead of 'N' at line 1, column 2"},
    {TEXT("[True]"), "a value expected instead of 'T' at line 1, column 2"},
    {TEXT("[nul]"), "a value expected instead of 'n' at line 1, column 2"},
    {TEXT("[truex]"), "',' or ']' expected instead of 'x' at line 1, column 6"},

    /* cut short */
    {TEXT("{"), "a member's name in double quotes expected, but the text ends at line 1, column 2"},
    {TEXT("["), "a value expected, but the text ends at line 1, column 2"},
    {TEXT("[\"a"), "a string without an end at line 1, column 2"},
    {TEXT("[\"a\\"), "a string without an end at line 1, column 2"},
    {TEXT("[\"a\\\""), "a string without an end at line 1, column 2"},
    {TEXT("[\"\\u12"), "a string without an end at line 1, column 2"},
    {TEXT("{\"a\""), "':' expected, but the text ends at line 1, column 5"},
    {TEXT("{\"a\":"), "a value expected, but the text ends at line 1, column 6"},
    {TEXT("{\"a\":1"), "',' or '}' expected, but the text ends at line 1, column 7"},
    {TEXT("{\"a\":1,"),
	"a member's name in double quotes expected, but the text ends at line 1, column 8"},
    {TEXT("[1,"), "a value expected, but the text ends at line 1, column 4"},
    {TEXT("[tru"), "a value expected instead of 't' at line 1, column 2"},
    {TEXT("[-"), "a '-' without digits at line 1, column 2"},
    {TEXT("\n[\"\xc3\xa4\",\n \"\xc3\xa4\" x]"),
	"',' or ']' expected instead of 'x' at line 3, column 6"},
};

static void what_is_not_json_is_refused_with_its_place(void **state)
{
	char want[300];

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct err err = {""};
		enum status status = scan_all(refused[i].text, refused[i].len, NULL, &err);

		snprintf(want, sizeof(want), "%s%s",
		    refused[i].len == 0 ? "" : "not valid JSON: ", refused[i].why);
		if (status != E_INVALID || strcmp(err.text, want) != 0)
			print_error("case %zu, %s: %s\n", i, refused[i].text, err.text);
		assert_int_equal(status, E_INVALID);
		assert_string_equal(err.text, want);
	}
}

/* The other reader has no opinion of its own about any of them. */
static void base_json_refuses_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		json_t *value;
		struct err err;

		assert_int_equal(
		    json_parse((struct slice){refused[i].text, refused[i].len}, &value, &err),
		    E_INVALID);
	}
}

static void nesting_ends_at_64(void **state)
{
	char text[512];
	struct err err;

	(void)state;
	for (size_t depth = 1; depth <= 70; depth++) {
		for (int object = 0; object < 2; object++) {
			struct buffer out;
			enum status status;

			buffer_init(&out, sizeof(text));
			for (size_t i = 0; i < depth; i++)
				buffer_put_text(&out, object && i + 1 < depth ? "{\"\":" : "[");
			for (size_t i = depth; i-- > 0;)
				buffer_put_text(&out, object && i + 1 < depth ? "}" : "]");
			status = scan_all(out.ptr, out.len, NULL, &err);
			assert_int_equal(status, depth <= 64 ? OK : E_INVALID);
			if (status != OK)
				assert_string_equal(err.text, "JSON nested deeper than 64 levels");
			buffer_fini(&out);
		}
	}
}

/* What the eight at a time must not do: a byte that is special at each place of a word. */
static void a_strings_end_is_found_at_any_place(void **state)
{
	static const unsigned char bytes[] = {
	    0x00, 0x01, 0x1f, 0x20, 0x21, '"', 0x23, '\\', 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff};
	char text[64];

	(void)state;
	for (size_t at = 0; at < 24; at++) {
		for (size_t i = 0; i < COUNT(bytes); i++) {
			bool plain = bytes[i] >= 0x20 && bytes[i] < 0x80 && bytes[i] != '"' &&
				     bytes[i] != '\\';
			struct err err;
			struct buffer out;
			enum status status;

			memcpy(text, "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaa\"]", 31);
			text[2 + at] = (char)bytes[i];
			buffer_init(&out, 100);
			status = scan_all(text, 31, &out, &err);
			assert_int_equal(status, plain ? OK : E_INVALID);
			if (plain)
				assert_memory_equal(out.ptr + 4, text + 2, 27);
			buffer_fini(&out);
		}
	}
}

static void a_value_can_be_skipped(void **state)
{
	static const char text[] = "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":[],\"e\":\"x\",\"f\":1}";
	struct json_token token;
	struct json_scan scan;
	struct arena arena;
	struct buffer keys;
	struct err err;

	(void)state;
	arena_init(&arena, 256);
	buffer_init(&keys, 100);
	json_scan_init(&scan, slice_of(text), &arena);
	assert_int_equal(json_scan_next(&scan, &token, &err), OK);
	while (json_scan_next(&scan, &token, &err) == OK && token.kind == SCAN_KEY) {
		buffer_put(&keys, token.text);
		assert_int_equal(json_scan_next(&scan, &token, &err), OK);
		assert_int_equal(json_scan_skip(&scan, &token, &err), OK);
	}
	assert_int_equal(token.kind, SCAN_CLOSE);
	assert_true(slice_is(buffer_slice(&keys), "adef"));
	buffer_fini(&keys);
	arena_fini(&arena);
}

/* Only the level that says so, and no other before or behind it. */
static void a_caller_may_compare_an_objects_keys_itself(void **state)
{
	static const struct {
		const char *text;
		bool own;   /* of the outer object */
		bool watch; /* its keys, nevertheless */
		enum status status;
	} cases[] = {
	    {"[{\"a\":1,\"a\":2},{\"b\":1}]", true, false, OK},
	    {"[{\"a\":1,\"a\":2},{\"b\":1}]", true, true, E_INVALID},
	    {"[{\"a\":1,\"a\":2},{\"b\":1}]", false, false, E_INVALID},
	    {"[{\"a\":{\"b\":1,\"b\":2}},{\"b\":1}]", true, false, E_INVALID},
	    {"[{\"a\":1},{\"b\":1,\"b\":2}]", true, false, E_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_token token = {.kind = SCAN_NULL};
		enum status status = OK;
		struct json_scan scan;
		struct arena arena;
		struct err err;
		int objects = 0;

		arena_init(&arena, 256);
		json_scan_init(&scan, slice_of(cases[i].text), &arena);
		while (status == OK && token.kind != SCAN_DONE) {
			status = json_scan_next(&scan, &token, &err);
			if (status != OK)
				break;
			if (token.kind == SCAN_OBJECT && objects++ == 0 && cases[i].own)
				json_scan_own_keys(&scan);
			if (token.kind == SCAN_KEY && objects == 1 && cases[i].watch)
				status = json_scan_watch(&scan, &token, &err);
		}
		assert_int_equal(status, cases[i].status);
		arena_fini(&arena);
	}
}

/* 20,000 members, in an order that is bad for some ways to sort; then one of them twice. */
static void many_members_are_compared_in_good_time(void **state)
{
	struct buffer text;
	struct err err;

	(void)state;
	buffer_init(&text, 1000000);
	for (int order = 0; order < 3; order++) {
		buffer_reset(&text);
		buffer_put_char(&text, '{');
		for (int i = 0; i < 20000; i++)
			buffer_printf(&text, "\"%05d\":1,",
			    order == 0   ? i
			    : order == 1 ? 19999 - i
					 : (int)((unsigned)i * 7919U % 20000));
		buffer_put_text(&text, "\"last\":1}");
		assert_int_equal(scan_all(text.ptr, text.len, NULL, &err), OK);
		text.len -= 9;
		buffer_put_text(&text, "\"12345\":1}");
		assert_int_equal(scan_all(text.ptr, text.len, NULL, &err), E_INVALID);
		assert_string_equal(err.text,
		    "not valid JSON: the member \"12345\" is there twice, again at line 1, column "
		    "200002");
	}
	buffer_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_text_is_given_token_by_token),
	    cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
	    cmocka_unit_test(base_json_refuses_the_same),
	    cmocka_unit_test(nesting_ends_at_64),
	    cmocka_unit_test(a_strings_end_is_found_at_any_place),
	    cmocka_unit_test(a_value_can_be_skipped),
	    cmocka_unit_test(a_caller_may_compare_an_objects_keys_itself),
	    cmocka_unit_test(many_members_are_compared_in_good_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
