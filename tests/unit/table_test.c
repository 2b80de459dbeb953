/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of aligned tables (base/table.h) and of text for a terminal (base/term.h). */
#include "base/table.h"

#include "base/buffer.h"
#include "base/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Two columns, the second on the right; ${cells} two a row, up to a row that begins with "END". */
static void check_table(const char *const *cells, bool on_terminal, const char *expected)
{
	struct table *table = NULL;
	struct err err = {""};
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(table_create(2, &table, &err), OK);
	table_set_column(table, 0, SLICE("name"), TABLE_LEFT);
	table_set_column(table, 1, SLICE("n"), TABLE_RIGHT);
	for (size_t i = 0; cells[i] == NULL || strcmp(cells[i], "END") != 0; i += 2)
		table_add(table, (struct slice[]){slice_of(cells[i]), slice_of(cells[i + 1])});
	assert_int_equal(table_print(table, on_terminal, out, &err), OK);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	table_destroy(&table);
	assert_null(table);
}

static void columns_are_aligned_and_numbers_stand_on_the_right(void **state)
{
	static const char *const cells[] = {"Ann", "1", "Bartholomew", "-23.50", "", "7", "END"};

	(void)state;
	check_table(cells, false,
	    "name              n\n"
	    "-----------  ------\n"
	    "Ann               1\n"
	    "Bartholomew  -23.50\n"
	    "                  7\n");
}

static void a_table_in_pieces_keeps_the_widths_of_the_first(void **state)
{
	struct table *table = NULL;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	assert_non_null(out);
	assert_int_equal(table_create(2, &table, NULL), OK);
	table_set_column(table, 0, SLICE("name"), TABLE_LEFT);
	table_set_column(table, 1, SLICE("n"), TABLE_RIGHT);
	table_add(table, (const struct slice[]){SLICE("Anna"), SLICE("17")});
	assert_int_equal(table_print(table, false, out, NULL), OK);
	assert_int_equal(table_print(table, false, out, NULL), OK);
	table_add(table, (const struct slice[]){SLICE("B"), SLICE("8")});
	table_add(table, (const struct slice[]){SLICE("Bartholomew"), SLICE("9")});
	table_add(table, (const struct slice[]){SLICE("C"), SLICE("1000")});
	assert_int_equal(table_print(table, false, out, NULL), OK);
	fclose(out);
	assert_string_equal(text, "name   n\n"
				  "----  --\n"
				  "Anna  17\n"
				  "B      8\n"
				  "Bartholomew   9\n"
				  "C     1000\n");
	free(text);
	table_destroy(&table);
}

static void a_table_without_rows_has_its_heading(void **state)
{
	static const char *const cells[] = {"END"};

	(void)state;
	check_table(cells, true, "name  n\n----  -\n");
}

static void a_missing_value_is_blank_and_ends_no_line_in_blanks(void **state)
{
	static const char *const cells[] = {"a", NULL, NULL, "1", NULL, NULL, "END"};

	(void)state;
	check_table(cells, false, "name  n\n----  -\na\n      1\n\n");
}

static void on_a_terminal_a_missing_value_is_a_dim_null(void **state)
{
	static const char *const cells[] = {"a", NULL, NULL, "1", "END"};

	(void)state;
	check_table(cells, true,
	    "name     n\n"
	    "----  ----\n"
	    "a     \033[2mNULL\033[0m\n"
	    "\033[2mNULL\033[0m     1\n");
}

static void width_counts_columns_not_bytes(void **state)
{
	/* u with diaeresis (2 bytes, 1 column), two CJK characters (6 bytes, 4 columns), e and a
	 * combining accent (3 bytes, 1 column) */
	static const char *const cells[] = {"M\xc3\xbcller", "1", "\xe6\x9d\xb1\xe4\xba\xac", "2",
	    "e\xcc\x81t\xc3\xa9", "3", "END"};

	(void)state;
	check_table(cells, false,
	    "name    n\n"
	    "------  -\n"
	    "M\xc3\xbcller  1\n"
	    "\xe6\x9d\xb1\xe4\xba\xac    2\n"
	    "e\xcc\x81t\xc3\xa9     3\n");
}

#define TEN "0123456789"
#define SIXTY_DASHES                                                                               \
	"----------"                                                                               \
	"----------"                                                                               \
	"----------"                                                                               \
	"----------"                                                                               \
	"----------"                                                                               \
	"----------"
#define FIFTY_SIX_BLANKS "                                                        "

static void wide_text_is_cut_at_60_columns_on_a_terminal_only(void **state)
{
	static const char *const just[] = {TEN TEN TEN TEN TEN TEN, "1", "END"};
	static const char *const over[] = {TEN TEN TEN TEN TEN TEN "x", "1", "END"};
	static const char *const wide[] = {
	    TEN TEN TEN TEN TEN "01234567\xe6\x9d\xb1\xe4\xba\xac", "1", "END"};

	(void)state;
	check_table(just, true,
	    "name" FIFTY_SIX_BLANKS "  n\n" SIXTY_DASHES "  -\n" TEN TEN TEN TEN TEN TEN "  1\n");
	check_table(over, true,
	    "name" FIFTY_SIX_BLANKS "  n\n" SIXTY_DASHES "  -\n" TEN TEN TEN TEN TEN
	    "012345678\xe2\x80\xa6  1\n");
	check_table(over, false,
	    "name" FIFTY_SIX_BLANKS "   n\n" SIXTY_DASHES "-  -\n" TEN TEN TEN TEN TEN TEN
	    "x  1\n");
	/* the first wide character would be columns 59 and 60: a blank takes its place */
	check_table(wide, true,
	    "name" FIFTY_SIX_BLANKS "  n\n" SIXTY_DASHES "  -\n" TEN TEN TEN TEN TEN
	    "01234567 \xe2\x80\xa6  1\n");
}

static void control_characters_and_bad_bytes_never_reach_the_terminal(void **state)
{
	static const struct {
		struct slice text;
		const char *clean;
	} cases[] = {
	    {{"plain", 5}, "plain"},
	    {{"", 0}, ""},
	    {{"a\nb\tc\r", 6}, "a\\nb\\tc\\r"},
	    {{"\x1b[2Jx\x7f", 6}, "\\x1b[2Jx\\x7f"},
	    {{"a\0b", 3}, "a\\x00b"},
	    {{"\xc2\x9b"
	      "31m\xc2\xa0",
		 7},
		"\\x9b"
		"31m\xc2\xa0"},
	    {{"a\xff\xfe"
	      "b",
		 4},
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;

		buffer_init(&out, 1024);
		term_clean(&out, cases[i].text);
		buffer_put_char(&out, '\0');
		assert_false(out.failed);
		assert_string_equal(out.ptr, cases[i].clean);
		buffer_fini(&out);
	}
}

static void cells_are_clean(void **state)
{
	static const char *const cells[] = {"a\nb", "1", "END"};

	(void)state;
	check_table(cells, false, "name  n\n----  -\na\\nb  1\n");
}

static void counts_have_commas(void **state)
{
	static const struct {
		int64_t count;
		const char *text;
	} cases[] = {
	    {0, "0"},
	    {999, "999"},
	    {1000, "1,000"},
	    {1234567, "1,234,567"},
	    {-1000, "-1,000"},
	    {INT64_MIN, "-9,223,372,036,854,775,808"},
	};
	char text[TERM_COUNT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(term_count(text, cases[i].count), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_aligned_and_numbers_stand_on_the_right),
	    cmocka_unit_test(a_table_in_pieces_keeps_the_widths_of_the_first),
	    cmocka_unit_test(a_table_without_rows_has_its_heading),
	    cmocka_unit_test(a_missing_value_is_blank_and_ends_no_line_in_blanks),
	    cmocka_unit_test(on_a_terminal_a_missing_value_is_a_dim_null),
	    cmocka_unit_test(width_counts_columns_not_bytes),
	    cmocka_unit_test(wide_text_is_cut_at_60_columns_on_a_terminal_only),
	    cmocka_unit_test(control_characters_and_bad_bytes_never_reach_the_terminal),
	    cmocka_unit_test(cells_are_clean),
	    cmocka_unit_test(counts_have_commas),
	};

	/* Widths are known in a UTF-8 locale only, whatever the tests run in. */
	setenv("LC_ALL", "C.UTF-8", 1);
	term_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
