/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The splitter's promises (cli/split.h).  A case is a text, a part size and the parts it must make,
 * each written as the bytes that would be sent: the header, "|", the body.  Every case runs with
 * the text fed whole, byte by byte and in pieces of seven.
 */
#include "cli/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define PARTS_MAX 8
#define MARK      "\xef\xbb\xbf"

struct split_case {
	const char *text;
	uint64_t part_bytes_max;
	bool has_header;
	const char *parts[PARTS_MAX + 1]; /* up to a NULL */
};

struct found {
	struct split_part parts[PARTS_MAX];
	size_t count;
};

static enum status note(void *ctx, const struct split_part *part, struct err *err)
{
	struct found *found = ctx;

	(void)err;
	assert_true(found->count < PARTS_MAX);
	found->parts[found->count++] = *part;
	return OK;
}

static enum status split_text(const char *text, uint64_t part_bytes_max, bool has_header,
    size_t piece, struct found *ret_found, struct err *err)
{
	struct split split;
	size_t length = strlen(text);
	enum status st = OK;

	*ret_found = (struct found){.count = 0};
	split_init(&split, part_bytes_max, has_header);
	for (size_t i = 0; st == OK && i < length; i += piece) {
		size_t count = length - i < piece ? length - i : piece;

		st = split_feed(&split, (struct slice){text + i, count}, note, ret_found, err);
	}
	if (st == OK)
		st = split_finish(&split, note, ret_found, err);
	return st;
}

static void check_parts(const struct split_case *c, size_t piece)
{
	struct found found;
	struct err err;
	char sent[256];

	assert_int_equal(
	    split_text(c->text, c->part_bytes_max, c->has_header, piece, &found, &err), OK);
	for (size_t i = 0; i < found.count; i++) {
		const struct split_part *part = &found.parts[i];

		assert_non_null(c->parts[i]);
		snprintf(sent, sizeof(sent), "%.*s|%.*s", (int)part->header_bytes, c->text,
		    (int)part->bytes, c->text + part->offset);
		assert_string_equal(sent, c->parts[i]);
		assert_true(part->header_bytes + part->bytes <= c->part_bytes_max);
	}
	assert_null(c->parts[found.count]);
}

static void check(const struct split_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_parts(&cases[i], SIZE_MAX / 2);
		check_parts(&cases[i], 1);
		check_parts(&cases[i], 7);
	}
}
#define CHECK(cases) check((cases), sizeof(cases) / sizeof((cases)[0]))

static void parts_end_between_records_and_repeat_the_header(void **state)
{
	static const struct split_case cases[] = {
	    {"id,n\n1,a\n2,b\n3,c\n", 13, true, {"id,n\n|1,a\n2,b\n", "id,n\n|3,c\n"}},
	    {"id,n\n1,a\n2,b\n3,c\n", 12, true, {"id,n\n|1,a\n", "id,n\n|2,b\n", "id,n\n|3,c\n"}},
	    {"id,n\n1,a\n2,b\n3,c\n", 100, true, {"id,n\n|1,a\n2,b\n3,c\n"}},
	    {"id,n\n1,a\n2,b\n3,c\n", 17, true, {"id,n\n|1,a\n2,b\n3,c\n"}},
	};

	(void)state;
	CHECK(cases);
}

static void without_a_header_nothing_is_repeated(void **state)
{
	static const struct split_case cases[] = {
	    {"k1\nk2\nk3\n", 6, false, {"|k1\nk2\n", "|k3\n"}},
	    {"k1\nk2\nk3", 5, false, {"|k1\n", "|k2\nk3"}},
	};

	(void)state;
	CHECK(cases);
}

static void a_line_end_inside_quotes_ends_no_record(void **state)
{
	static const struct split_case cases[] = {
	    {"h\n\"a\nb\"\n\"c\nd\"\n", 10, true, {"h\n|\"a\nb\"\n", "h\n|\"c\nd\"\n"}},
	    {"h\n\"a\n\"\"\nb\"\nc\n", 11, true, {"h\n|\"a\n\"\"\nb\"\n", "h\n|c\n"}},
	    {"h\nx,\"\n\"\ny\n", 8, true, {"h\n|x,\"\n\"\n", "h\n|y\n"}},
	    {"\"h\nh\"\n1\n2\n", 8, true, {"\"h\nh\"\n|1\n", "\"h\nh\"\n|2\n"}},
	};

	(void)state;
	CHECK(cases);
}

static void quotes_that_open_nothing_do_not_hide_line_ends(void **state)
{
	static const struct split_case cases[] = {
	    /* inside a field that began without one */
	    {"h\n5\" a\nb\nc\n", 8, true, {"h\n|5\" a\n", "h\n|b\nc\n"}},
	    /* after text behind a closing quote */
	    {"h\n\"a\"b\"\nc\nd\n", 8, true, {"h\n|\"a\"b\"\n", "h\n|c\nd\n"}},
	    /* the field after a fault is whole again */
	    {"h\na\"b,\"\n\"\nc\n", 10, true, {"h\n|a\"b,\"\n\"\n", "h\n|c\n"}},
	};

	(void)state;
	CHECK(cases);
}

static void crlf_stays_together(void **state)
{
	static const struct split_case cases[] = {
	    {"id\r\n1\r\n2\r\n", 7, true, {"id\r\n|1\r\n", "id\r\n|2\r\n"}},
	    {"id\r\n\"1\r\n\"\r\n2\r\n", 11, true, {"id\r\n|\"1\r\n\"\r\n", "id\r\n|2\r\n"}},
	};

	(void)state;
	CHECK(cases);
}

static void a_lone_header_is_one_part_and_an_empty_file_none(void **state)
{
	static const struct split_case cases[] = {
	    {"id,n\n", 50, true, {"id,n\n|"}},
	    {"id,n", 50, true, {"id,n|"}},
	    {"", 50, true, {NULL}},
	    {"", 50, false, {NULL}},
	};

	(void)state;
	CHECK(cases);
}

static void the_last_record_may_lack_its_line_end(void **state)
{
	static const struct split_case cases[] = {
	    {"h\n1\n2", 50, true, {"h\n|1\n2"}},
	    {"h\n1\n2", 4, true, {"h\n|1\n", "h\n|2"}},
	    {"h\n1\n\"2", 5, true, {"h\n|1\n", "h\n|\"2"}},
	};

	(void)state;
	CHECK(cases);
}

static void a_byte_order_mark_stays_with_the_header(void **state)
{
	static const struct split_case cases[] = {
	    {MARK "h\n1\n2\n", 7, true, {MARK "h\n|1\n", MARK "h\n|2\n"}},
	    {MARK "\"h\nh\"\n1\n2\n", 11, true, {MARK "\"h\nh\"\n|1\n", MARK "\"h\nh\"\n|2\n"}},
	    {MARK "\"k\n\"\nk\n", 8, false, {"|" MARK "\"k\n\"\n", "|k\n"}},
	    /* half of one is text, so the quote behind it opens nothing */
	    {"\xef\xbb\"h\n1\n2\n", 7, true, {"\xef\xbb\"h\n|1\n", "\xef\xbb\"h\n|2\n"}},
	};

	(void)state;
	CHECK(cases);
}

static void blank_lines_before_the_header_are_not_the_header(void **state)
{
	static const struct split_case cases[] = {
	    {"\n\r\nh\n1\n2\n", 7, true, {"\n\r\nh\n|1\n", "\n\r\nh\n|2\n"}},
	    {MARK "\nh\n1\n2\n", 8, true, {MARK "\nh\n|1\n", MARK "\nh\n|2\n"}},
	    {"\n\n", 7, true, {"\n\n|"}},
	};

	(void)state;
	CHECK(cases);
}

static void parts_know_their_line_in_the_file(void **state)
{
	struct found found;
	struct err err;

	(void)state;
	assert_int_equal(split_text("\nh\n\"a\nb\"\nc\nd\n", 9, true, 3, &found, &err), OK);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.parts[0].header_lines, 2);
	assert_int_equal(found.parts[0].line, 3);
	assert_int_equal(found.parts[1].header_lines, 2);
	assert_int_equal(found.parts[1].line, 5);
}

static void too_long_a_record_is_an_error_that_names_its_line(void **state)
{
	static const struct {
		const char *text;
		bool has_header;
		const char *line;
	} cases[] = {
	    {"h\n1\n\"2\n\"\n12345678\n", true, "line 5:"},
	    {"h\n1\n12345678", true, "line 3:"},
	    {"h\n1\n\"2\n3\n4\n5\n6\n", true, "line 3:"},
	    {"1\n123456789\n", false, "line 2:"},
	    {"header789\n1\n", true, "line 1:"},
	};
	const size_t pieces[] = {SIZE_MAX / 2, 1, 7};
	struct found found;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t n = 0; n < 3; n++) {
			assert_int_equal(split_text(cases[i].text, 9, cases[i].has_header,
					     pieces[n], &found, &err),
			    E_LIMIT);
			assert_memory_equal(err.text, cases[i].line, strlen(cases[i].line));
		}
	}
}

static void an_open_quote_is_told_before_the_whole_file_is_read(void **state)
{
	struct found found = {.count = 0};
	struct split split;
	struct err err;

	(void)state;
	split_init(&split, 9, true);
	assert_int_equal(split_feed(&split, SLICE("h\n1\n\"2\n3\n4\n"), note, &found, &err), OK);
	assert_int_equal(split_feed(&split, SLICE("5\n"), note, &found, &err), E_LIMIT);
	assert_memory_equal(err.text, "line 3:", 7);
}

static enum status refuse(void *ctx, const struct split_part *part, struct err *err)
{
	(void)ctx;
	(void)part;
	return err_set(err, E_FULL, "no");
}

static void what_the_callback_returns_ends_the_feed(void **state)
{
	struct split split;
	struct err err;

	(void)state;
	split_init(&split, 4, true);
	assert_int_equal(split_feed(&split, SLICE("h\n1\n2\n"), refuse, NULL, &err), E_FULL);
	assert_string_equal(err.text, "no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_end_between_records_and_repeat_the_header),
	    cmocka_unit_test(without_a_header_nothing_is_repeated),
	    cmocka_unit_test(a_line_end_inside_quotes_ends_no_record),
	    cmocka_unit_test(quotes_that_open_nothing_do_not_hide_line_ends),
	    cmocka_unit_test(crlf_stays_together),
	    cmocka_unit_test(a_lone_header_is_one_part_and_an_empty_file_none),
	    cmocka_unit_test(the_last_record_may_lack_its_line_end),
	    cmocka_unit_test(a_byte_order_mark_stays_with_the_header),
	    cmocka_unit_test(blank_lines_before_the_header_are_not_the_header),
	    cmocka_unit_test(parts_know_their_line_in_the_file),
	    cmocka_unit_test(too_long_a_record_is_an_error_that_names_its_line),
	    cmocka_unit_test(an_open_quote_is_told_before_the_whole_file_is_read),
	    cmocka_unit_test(what_the_callback_returns_ends_the_feed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
