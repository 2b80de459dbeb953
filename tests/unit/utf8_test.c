/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/utf8.h.  Each text lies in memory of exactly its size, so that a byte read
 * past it is found. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The prefix of ${count} ASCII letters and then ${text}. */
static size_t prefix_behind_letters(size_t count, const char *text, size_t len)
{
	char *exact = malloc(count + len == 0 ? 1 : count + len);
	size_t prefix;

	memset(exact, 'a', count);
	if (len > 0)
		memcpy(exact + count, text, len);
	prefix = utf8_valid_prefix((struct slice){exact, count + len});
	assert_int_equal(utf8_is_valid((struct slice){exact, count + len}), prefix == count + len);
	free(exact);
	return prefix;
}

static void the_prefix_ends_at_the_first_byte_that_is_not_utf8(void **state)
{
#define CASE(text, prefix)                                                                         \
	{                                                                                          \
		text, sizeof(text) - 1, prefix                                                     \
	}
	static const struct {
		const char *text;
		size_t len, prefix;
	} cases[] = {
	    CASE("", 0),
	    CASE("plain", 5),
	    CASE("nul\0inside", 10),
	    CASE("0123456789abcdef", 16),
	    CASE("\x7f", 1),
	    CASE("\xc2\x80", 2),
	    CASE("\xdf\xbf", 2),
	    CASE("\xe0\xa0\x80", 3),
	    CASE("\xed\x9f\xbf", 3), /* U+D7FF */
	    CASE("\xee\x80\x80", 3), /* U+E000 */
	    CASE("\xef\xbf\xbf", 3),
	    CASE("\xf0\x90\x80\x80", 4),
	    CASE("\xf4\x8f\xbf\xbf", 4), /* U+10FFFF */
	    CASE("a\xc3\xa4o\xe2\x82\xac\xf0\x9f\x98\x80!", 12),

	    /* bytes that begin nothing */
	    CASE("\x80", 0),
	    CASE("a\xbf", 1),
	    CASE("\xc0\x80", 0),
	    CASE("\xc1\xbf", 0),
	    CASE("\xf5\x80\x80\x80", 0),
	    CASE("\xf8\x88\x80\x80\x80", 0),
	    CASE("\xfe", 0),
	    CASE("ab\xff", 2),

	    /* overlong, surrogates, too large */
	    CASE("\xe0\x80\x80", 0),
	    CASE("\xe0\x9f\xbf", 0),
	    CASE("\xf0\x80\x80\x80", 0),
	    CASE("\xf0\x8f\xbf\xbf", 0),
	    CASE("\xed\xa0\x80", 0),
	    CASE("\xed\xbf\xbf", 0),
	    CASE("\xf4\x90\x80\x80", 0),

	    /* cut short, at the end and by another character */
	    CASE("\xc3", 0),
	    CASE("\xe2\x82", 0),
	    CASE("\xe2", 0),
	    CASE("\xf0\x9f\x98", 0),
	    CASE("\xf0\x9f", 0),
	    CASE("\xf0", 0),
	    CASE("\xc3(", 0),
	    CASE("\xe2(\xa1", 0),
	    CASE("\xe2\x82(", 0),
	    CASE("\xf0(\x8c\xbc", 0),
	    CASE("\xf0\x90(\xbc", 0),
	    CASE("\xf0\x90\x8c(", 0),
	    CASE("\xc3\xc3\xa4", 0),
	    CASE("\xe2\x82\xac\xe2\x82", 3),
	    CASE("\xc3\xa4\x80", 2),
	    CASE("\xe2\x82\xc0", 0),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t letters = 0; letters < 18; letters++)
			assert_int_equal(
			    prefix_behind_letters(letters, cases[i].text, cases[i].len),
			    letters + cases[i].prefix);
	}
}

static void every_character_is_valid_and_no_surrogate_is(void **state)
{
	int wrong = 0;

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		unsigned char b[4];
		size_t len;

		if (c < 0x80) {
			b[0] = (unsigned char)c;
			len = 1;
		} else if (c < 0x800) {
			b[0] = (unsigned char)(0xc0 | c >> 6);
			len = 2;
		} else if (c < 0x10000) {
			b[0] = (unsigned char)(0xe0 | c >> 12);
			len = 3;
		} else {
			b[0] = (unsigned char)(0xf0 | c >> 18);
			len = 4;
		}
		for (size_t i = 1; i < len; i++)
			b[i] = (unsigned char)(0x80 | (c >> 6 * (len - 1 - i) & 0x3f));
		wrong += utf8_valid_prefix((struct slice){(const char *)b, len}) !=
			 (c >= 0xd800 && c <= 0xdfff ? 0 : len);
	}
	assert_int_equal(wrong, 0);
}

/* 128 characters, and 128 * 128 pairs of them; 1,920 characters of two bytes. */
static void of_all_pairs_of_bytes_as_many_are_valid_as_there_should_be(void **state)
{
	int valid = 0;

	(void)state;
	for (int i = 0; i < 65536; i++) {
		char pair[] = {(char)(i >> 8), (char)i};

		valid += utf8_is_valid((struct slice){pair, 2});
	}
	assert_int_equal(valid, 16384 + 1920);
}

static void nothing_is_valid(void **state)
{
	(void)state;
	assert_int_equal(utf8_valid_prefix((struct slice){NULL, 0}), 0);
	assert_true(utf8_is_valid((struct slice){NULL, 0}));
}

static void a_cut_ends_behind_a_whole_character(void **state)
{
	static const struct {
		const char *text;
		size_t bytes_max, want;
	} cases[] = {
	    {"", 0, 0}, {"abc", 3, 3}, {"abc", 2, 2}, {"abc", 0, 0}, {"a€b", 4, 4}, {"a€b", 3, 1},
	    {"a€b", 2, 1}, {"a€b", 1, 1}, {"€", 1, 0}, {"😀", 3, 0},
	    {"\x80\x80\x80\x80\x80\x80", 5, 2}, /* no text: any place will do */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice cut = utf8_cut(slice_of(cases[i].text), cases[i].bytes_max);

		assert_ptr_equal(cut.ptr, cases[i].text);
		assert_int_equal(cut.len, cases[i].want);
	}
}

static void what_is_mended_is_utf8_without_nuls(void **state)
{
#define MEND(text, mended)                                                                         \
	{                                                                                          \
		{(text), sizeof(text) - 1}, (mended)                                               \
	}
	static const struct {
		struct slice text;
		const char *mended;
	} cases[] = {
	    MEND("", ""),
	    MEND("plain €", "plain €"),
	    MEND("\0", "\ufffd"),
	    MEND("a\0\0b", "a\ufffd\ufffdb"),
	    MEND("\xff", "\ufffd"),
	    MEND("Gr\xfc\xdf", "Gr\ufffd\ufffd"),
	    MEND("\xe2\x82", "\ufffd\ufffd"),
	    MEND("\xe2\x82\0\xac", "\ufffd\ufffd\ufffd\ufffd"),
	    MEND("\xe2\x82€", "\ufffd\ufffd€"),
	    MEND("\xed\xa0\x80!", "\ufffd\ufffd\ufffd!"),
	};
#undef MEND
	struct buffer out;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buffer_init(&out, 4096);
		utf8_mend(cases[i].text, &out);
		assert_true(utf8_is_valid(buffer_slice(&out)));
		buffer_put_char(&out, '\0');
		assert_string_equal(out.ptr, cases[i].mended);
		buffer_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_prefix_ends_at_the_first_byte_that_is_not_utf8),
	    cmocka_unit_test(every_character_is_valid_and_no_surrogate_is),
	    cmocka_unit_test(of_all_pairs_of_bytes_as_many_are_valid_as_there_should_be),
	    cmocka_unit_test(nothing_is_valid),
	    cmocka_unit_test(a_cut_ends_behind_a_whole_character),
	    cmocka_unit_test(what_is_mended_is_utf8_without_nuls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
