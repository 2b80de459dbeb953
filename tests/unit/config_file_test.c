/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a config file, line by line. */
#include "config/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* What a file says, as text: "1:name=[value]" or "1!problem", a line each. */
static void expect(struct slice text, const char *expected)
{
	struct config_file file;
	struct config_line line;
	char said[4096] = "";
	size_t used = 0;

	config_file_begin(&file, text);
	while (config_file_next(&file, &line)) {
		if (line.problem != NULL)
			used += (size_t)snprintf(said + used, sizeof(said) - used, "%zu!%s\n",
			    line.number, line.problem);
		else
			used +=
			    (size_t)snprintf(said + used, sizeof(said) - used, "%zu:%.*s=[%.*s]\n",
				line.number, SLICE_ARGS(line.name), SLICE_ARGS(line.value));
	}
	assert_string_equal(said, expected);
}

static void settings_comments_and_blank_lines(void **state)
{
	(void)state;
	expect((struct slice){NULL, 0}, "");
	expect(SLICE("\n  \n\t\n# a\n   # b = c\n"), "");
	expect(SLICE("a=1\n  b\t=  2 3  \n\nc = x=y"), "1:a=[1]\n2:b=[2 3]\n4:c=[x=y]\n");
	expect(SLICE("a = 1 # note\nb = 2\t# = #\nc = \xc3\xa4\n"),
	    "1:a=[1]\n2:b=[2]\n3:c=[\xc3\xa4]\n");
}

static void quotes_keep_what_would_be_lost(void **state)
{
	(void)state;
	expect(SLICE("a = \" x # y \"\nb = 'say \"no\"' # note\nc = \"\"\nd = x\"y\"\n"),
	    "1:a=[ x # y ]\n2:b=[say \"no\"]\n3:c=[]\n4:d=[x\"y\"]\n");
	expect(SLICE("a = \"\\\"#\n"), "1:a=[\\]\n");
	expect(SLICE("a = \"x\nb = 1\nc = '\n"), "1!the quote is not closed on this line\n2:b=[1]\n"
						 "3!the quote is not closed on this line\n");
	expect(SLICE("a = \"x\" y\nb = 'x''y'\n"),
	    "1!something follows the closing quote; only a comment may\n"
	    "2!something follows the closing quote; only a comment may\n");
}

static void what_is_not_a_setting_is_refused(void **state)
{
	(void)state;
	expect(SLICE("a 1\n= 1\n  =\na =\na = # 1\n"),
	    "1!there is no =; it must be name = value\n"
	    "2!there is no name before the =; it must be name = value\n"
	    "3!there is no name before the =; it must be name = value\n"
	    "4!there is no value; it must be name = value\n"
	    "5!there is no value; it must be name = value\n");
	expect(SLICE("a = /srv/x#y\n"), "1!a # touches the value; put a blank before it if a "
					"comment begins there, or the value "
					"in quotes\n");
}

static void line_ends_of_windows_and_a_byte_order_mark_are_fine(void **state)
{
	(void)state;
	expect(SLICE("\xef\xbb\xbf"
		     "a = 1\r\n\r\n# x\r\nb = 'c'\r\nd = 2\r"),
	    "1:a=[1]\n4:b=[c]\n5:d=[2]\n");
	expect(SLICE("a = 1\n\xef\xbb\xbf"
		     "b = 2\n"),
	    "1:a=[1]\n2:\xef\xbb\xbf"
	    "b=[2]\n");
}

static void control_characters_are_refused_wherever_they_stand(void **state)
{
	static const char lines[][8] = {
	    "a = \0x", "a\0 = x", "# \0", "a =\rx", "a = \033x", "a = \x7f", "a = \x1f", "a = \vx"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t len = sizeof(lines[i]);

		/* Those without a NUL inside are padded with some; cut them off. */
		while (len > 0 && lines[i][len - 1] == '\0')
			len--;
		if (lines[i][0] == '#')
			len = 3;
		expect((struct slice){lines[i], len},
		    "1!there is a control character; is this a text file?\n");
	}
}

static void a_line_has_1024_bytes_at_most(void **state)
{
	char text[1028];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = '#';
	memcpy(text + 1024, "\r\n\n", 4);
	expect((struct slice){text, 1024}, "");
	expect((struct slice){text, 1026}, "");
	memcpy(text + 1024, "x\r\n", 3);
	expect((struct slice){text, 1027}, "1!the line is longer than 1,024 bytes\n");
}

static void a_value_is_quoted_as_it_needs(void **state)
{
	static const struct {
		const char *value;
		char quote;
	} cases[] = {{"x", '\0'}, {"a b", '\0'}, {"a\"b'c", '\0'}, {"", '"'}, {" x", '"'},
	    {"x\t", '"'}, {"a#b", '"'}, {"a # \"b\"", '\''}, {"\"x", '\''}, {"'x", '"'},
	    {"'\"", '"'}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(config_file_quote(slice_of(cases[i].value)), cases[i].quote);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_comments_and_blank_lines),
	    cmocka_unit_test(quotes_keep_what_would_be_lost),
	    cmocka_unit_test(what_is_not_a_setting_is_refused),
	    cmocka_unit_test(line_ends_of_windows_and_a_byte_order_mark_are_fine),
	    cmocka_unit_test(control_characters_are_refused_wherever_they_stand),
	    cmocka_unit_test(a_line_has_1024_bytes_at_most),
	    cmocka_unit_test(a_value_is_quoted_as_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
