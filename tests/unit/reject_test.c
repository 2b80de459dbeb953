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

static void sentence_says_reason_field_value_and_what_would_be_right(void **state)
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
		"NO_SUCH_DATE: born: \"2021-02-29\" is not in the calendar; expected a day that "
		"exists, in the years 0001 to 9999"},
	    {{.code = REJECT_UTF8,
		 .field = "name",
		 .value = {"Gr\xfc\xdf"
			   "e",
		     5}},
		"NOT_UTF8: name: \"Gr\\xfc\\xdfe\" is not valid UTF-8; write the file in that "
		"encoding"},
	    {{.code = REJECT_NUL, .field = "name", .value = {"a\0b", 3}},
		"NUL_BYTE: name: \"a\\x00b\" holds a NUL byte; leave it out"},
	    {{.code = REJECT_BLANK_KEY, .field = "id"},
		"BLANK_PRIMARY_KEY: id: the primary key is blank; every record needs one"},
	    {{.code = REJECT_BLANK_VERSION, .field = "modified"},
		"BLANK_RECORD_MODIFIED: modified: the record modified field is blank; every "
		"record needs one"},
	    {{.code = REJECT_BLANK_EVENT_TIME, .field = "at"},
		"BLANK_EVENT_TIME: at: the event time field is blank; every record needs one"},
	    {{.code = REJECT_BLANK_REQUIRED, .field = "total"},
		"BLANK_REQUIRED: total: the field is required and blank; give it a value"},
	    {{.code = REJECT_LOOKS_LIKE_HEADER, .field = "id", .value = {"id", 2}},
		"LOOKS_LIKE_HEADER: id: \"id\" looks like a header; a delete job's parts have "
		"none, so leave it out"},
	    {{.code = REJECT_TOO_LONG},
		"RECORD_TOO_LONG: the record is longer than 16 MiB; shorten its fields, or close a "
		"quote that was left open"},
	    {{.code = REJECT_BARE_QUOTE, .value = {"5\" disk", 7}},
		"CSV_BARE_QUOTE: \"5\" disk\" has a quote inside an unquoted field; quote the "
		"field and "
		"double the quote"},
	    {{.code = REJECT_LONE_CR}, "CSV_LONE_CR: a field has a CR without LF; end lines with "
				       "LF or CRLF, or quote the field"},
	    {{.code = REJECT_TEXT_AFTER_QUOTE, .field = "name", .value = {"\"a\"b", 4}},
		"CSV_TEXT_AFTER_QUOTE: name: \"\"a\"b\" has text after its closing quote; double "
		"a quote that belongs to the text"},
	    {{.code = REJECT_FIELD_COUNT, .want = 8, .have = 9},
		"FIELD_COUNT: the record has 9 fields, the header 8; quote a field that holds a "
		"comma"},
	    {{.code = REJECT_NUMBER_RANGE, .field = "n", .value = {"1e20", 4}},
		"NUMBER_RANGE: n: \"1e20\" is out of range; at most 20 digits before the point are "
		"kept"},
	    {{.code = REJECT_NUMBER_SCALE, .field = "n", .value = {"1e-19", 5}},
		"NUMBER_SCALE: n: \"1e-19\" has more than 18 decimal places; round it to those"},
	    {{.code = REJECT_INTEGER_FORM, .field = "n", .value = {"1.5", 3}},
		"NOT_AN_INTEGER: n: \"1.5\" is not an integer; expected digits such as -42"},
	    {{.code = REJECT_INTEGER_RANGE, .field = "n", .value = {"9223372036854775808", 19}},
		"INTEGER_RANGE: n: \"9223372036854775808\" does not fit into 64 bits; expected "
		"-9223372036854775808 to 9223372036854775807"},
	    {{.code = REJECT_DATE_FORM, .field = "born", .value = {"31.12.2021", 10}},
		"NOT_A_DATE: born: \"31.12.2021\" is not a date; expected yyyy-MM-dd"},
	    {{.code = REJECT_DATE_TIME_FORM, .field = "at", .value = {"2021-12-31", 10}},
		"NOT_A_DATE_TIME: at: \"2021-12-31\" is not a date-time; expected "
		"yyyy-MM-ddTHH:mm:ss.SSSZ, or an offset such as +02:00 for the Z"},
	    {{.code = REJECT_DATE_TIME_CALENDAR,
		 .field = "at",
		 .value = {"2021-12-31T24:00:00Z", 20}},
		"NO_SUCH_DATE_TIME: at: \"2021-12-31T24:00:00Z\" is not a moment of the calendar; "
		"expected a day that exists, in the years 0001 to 9999, and a time from 00:00:00 "
		"to "
		"23:59:59"},
	};
	bool seen[] = {
#define REJECT(code, name, text) [REJECT_##code] = false,
#include "convert/reject.def"
#undef REJECT
	};

	(void)state;
	seen[REJECT_NONE] = true; /* is no reason */
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect_sentence(&cases[i].reject, cases[i].text);
		seen[cases[i].reject.code] = true;
	}
	/* A reason that is added needs its sentence here. */
	for (size_t i = 0; i < COUNT(seen); i++) {
		if (!seen[i])
			fail_msg("no sentence of %s", reject_name((enum reject_code)i));
	}
}

static void sentence_about_the_number_of_fields_says_both_numbers(void **state)
{
	(void)state;
	expect_sentence(&(struct reject){.code = REJECT_FIELD_COUNT, .want = 8, .have = 3},
	    "FIELD_COUNT: the record has 3 fields, the header 8; keep the commas of blank values");
	expect_sentence(&(struct reject){.code = REJECT_FIELD_COUNT, .want = 2, .have = 1},
	    "FIELD_COUNT: the record has 1 field, the header 2; keep the commas of blank values");
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
	    cmocka_unit_test(sentence_says_reason_field_value_and_what_would_be_right),
	    cmocka_unit_test(sentence_about_the_number_of_fields_says_both_numbers),
	    cmocka_unit_test(value_is_cut_at_40_bytes_and_a_whole_character),
	    cmocka_unit_test(names_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
