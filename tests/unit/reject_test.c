/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences that a person reads about a refused record, word for word. */
#include "convert/reject.h"

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect_sentence(const struct reject *reject, const char *want)
{
	struct buffer out;

	buffer_init(&out, 4096);
	reject_describe(reject, &out);
	buffer_put_char(&out, '\0');
	assert_false(out.failed);
	assert_string_equal(out.ptr, want);
	buffer_fini(&out);
}

static void sentence_says_reason_field_and_value(void **state)
{
	static const struct {
		struct reject reject;
		const char *text;
	} cases[] = {
	    {{.code = REJECT_NUMBER_FORM, .field = "total", .value = {"abc", 3}},
		"NOT_A_NUMBER: total: \"abc\" is not a number; expected digits such as 12, -12.50 "
		"or 1.5e3"},
	    {{.code = REJECT_BOOLEAN_FORM, .field = "active", .value = {"yes", 3}},
		"NOT_A_BOOLEAN: active: \"yes\" is not a boolean; expected true, false, 1 or 0"},
	    {{.code = REJECT_DATE_CALENDAR, .field = "born", .value = {"2021-02-29", 10}},
		"NO_SUCH_DATE: born: \"2021-02-29\" is not in the calendar"},
	    {{.code = REJECT_UTF8,
		 .field = "name",
		 .value = {"Gr\xfc\xdf"
			   "e",
		     5}},
		"NOT_UTF8: name: \"Gr\\xfc\\xdfe\" is not valid UTF-8"},
	    {{.code = REJECT_NUL, .field = "name", .value = {"a\0b", 3}},
		"NUL_BYTE: name: \"a\\x00b\" holds a NUL byte"},
	    {{.code = REJECT_BLANK_KEY, .field = "id"},
		"BLANK_PRIMARY_KEY: id: the primary key is blank"},
	    {{.code = REJECT_BLANK_VERSION, .field = "modified"},
		"BLANK_RECORD_MODIFIED: modified: the record modified field is blank"},
	    {{.code = REJECT_BLANK_EVENT_TIME, .field = "at"},
		"BLANK_EVENT_TIME: at: the event time field is blank"},
	    {{.code = REJECT_BLANK_REQUIRED, .field = "total"},
		"BLANK_REQUIRED: total: the field is required and blank"},
	    {{.code = REJECT_LOOKS_LIKE_HEADER, .field = "id", .value = {"id", 2}},
		"LOOKS_LIKE_HEADER: id: \"id\" looks like a header; a delete job's parts have "
		"none"},
	    {{.code = REJECT_TOO_LONG}, "RECORD_TOO_LONG: the record is longer than the limit"},
	    {{.code = REJECT_BARE_QUOTE, .value = {"5\" disk", 7}},
		"CSV_BARE_QUOTE: \"5\" disk\" has a quote inside an unquoted field; quote the "
		"field and "
		"double the quote"},
	    {{.code = REJECT_LONE_CR}, "CSV_LONE_CR: a field has a CR without LF; end lines with "
				       "LF or CRLF, or quote the field"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_sentence(&cases[i].reject, cases[i].text);
}

static void sentence_about_the_number_of_fields_says_both_numbers(void **state)
{
	(void)state;
	expect_sentence(&(struct reject){.code = REJECT_FIELD_COUNT, .want = 8, .have = 3},
	    "FIELD_COUNT: the record has 3 fields, the header 8");
	expect_sentence(&(struct reject){.code = REJECT_FIELD_COUNT, .want = 2, .have = 1},
	    "FIELD_COUNT: the record has 1 field, the header 2");
	expect_sentence(
	    &(struct reject){.code = REJECT_FIELD_COUNT, .want = 1, .have = 3, .of_delete = true},
	    "FIELD_COUNT: the record has 3 fields, a delete's has 1: the primary key");
	expect_sentence(
	    &(struct reject){.code = REJECT_FIELD_COUNT, .want = 2, .have = 1, .of_delete = true},
	    "FIELD_COUNT: the record has 1 field, a delete's has 2: the primary key and the record "
	    "modified field");
}

static void value_is_cut_at_40_bytes_and_a_whole_character(void **state)
{
	static const struct {
		const char *value, *quoted;
	} cases[] = {
	    {"", "\"\""},
	    {"0123456789012345678901234567890123456789",
		"\"0123456789012345678901234567890123456789\""},
	    {"01234567890123456789012345678901234567890",
		"\"0123456789012345678901234567890123456789…\""},
	    /* The two bytes of ü are the 40th and 41st: it goes as a whole. */
	    {"012345678901234567890123456789012345678ü",
		"\"012345678901234567890123456789012345678…\""},
	    {"01234567890123456789012345678901234567ü",
		"\"01234567890123456789012345678901234567ü\""},
	    {"01234567890123456789012345678901234567üx",
		"\"01234567890123456789012345678901234567ü…\""},
	    {"0123456789012345678901234567890123456😀",
		"\"0123456789012345678901234567890123456…\""},
	    {"line\r\nline\t\x1b[31m\x7f", "\"line\\x0d\\x0aline\\x09\\x1b[31m\\x7f\""},
	    {"\xff\xfe\x80", "\"\\xff\\xfe\\x80\""},
	    {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
	    {"a\xe2\x82", "\"a\\xe2\\x82\""},
	};
	struct buffer out;
	struct slice value;
	char *copy;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		value = slice_of(cases[i].value);
		copy = malloc(value.len > 0 ? value.len : 1);
		assert_non_null(copy);
		memcpy(copy, value.ptr, value.len);
		buffer_init(&out, 4096);
		reject_quote((struct slice){copy, value.len}, &out);
		assert_true(utf8_is_valid(buffer_slice(&out)));
		buffer_put_char(&out, '\0');
		assert_string_equal(out.ptr, cases[i].quoted);
		buffer_fini(&out);
		free(copy);
	}
}

/* People's scripts match them: a name that changes here breaks somebody. */
static void names_are_stable(void **state)
{
	static const struct {
		enum reject_code code;
		const char *name;
	} cases[] = {
	    {REJECT_NONE, "NONE"},
	    {REJECT_LONE_CR, "CSV_LONE_CR"},
	    {REJECT_BARE_QUOTE, "CSV_BARE_QUOTE"},
	    {REJECT_TEXT_AFTER_QUOTE, "CSV_TEXT_AFTER_QUOTE"},
	    {REJECT_TOO_LONG, "RECORD_TOO_LONG"},
	    {REJECT_FIELD_COUNT, "FIELD_COUNT"},
	    {REJECT_LOOKS_LIKE_HEADER, "LOOKS_LIKE_HEADER"},
	    {REJECT_BLANK_KEY, "BLANK_PRIMARY_KEY"},
	    {REJECT_BLANK_VERSION, "BLANK_RECORD_MODIFIED"},
	    {REJECT_BLANK_EVENT_TIME, "BLANK_EVENT_TIME"},
	    {REJECT_BLANK_REQUIRED, "BLANK_REQUIRED"},
	    {REJECT_NUMBER_FORM, "NOT_A_NUMBER"},
	    {REJECT_NUMBER_RANGE, "NUMBER_RANGE"},
	    {REJECT_NUMBER_SCALE, "NUMBER_SCALE"},
	    {REJECT_INTEGER_FORM, "NOT_AN_INTEGER"},
	    {REJECT_INTEGER_RANGE, "INTEGER_RANGE"},
	    {REJECT_BOOLEAN_FORM, "NOT_A_BOOLEAN"},
	    {REJECT_DATE_FORM, "NOT_A_DATE"},
	    {REJECT_DATE_CALENDAR, "NO_SUCH_DATE"},
	    {REJECT_DATE_TIME_FORM, "NOT_A_DATE_TIME"},
	    {REJECT_DATE_TIME_CALENDAR, "NO_SUCH_DATE_TIME"},
	    {REJECT_UTF8, "NOT_UTF8"},
	    {REJECT_NUL, "NUL_BYTE"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(reject_name(cases[i].code), cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sentence_says_reason_field_and_value),
	    cmocka_unit_test(sentence_about_the_number_of_fields_says_both_numbers),
	    cmocka_unit_test(value_is_cut_at_40_bytes_and_a_whole_character),
	    cmocka_unit_test(names_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
