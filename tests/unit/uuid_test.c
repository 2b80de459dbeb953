/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/uuid.h. */
#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_made_uuid_has_the_form_of_version_4(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char text[UUID_TEXT_BYTES];

		uuid_make(text);
		assert_int_equal(strlen(text), 36);
		assert_int_equal(strspn(text, "0123456789abcdef-"), 36);
		assert_true(
		    text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-');
		assert_int_equal(text[14], '4');
		assert_non_null(memchr("89ab", text[19], 4));
		assert_true(uuid_is_valid(slice_of(text)));
	}
}

static int compare_texts(const void *a, const void *b)
{
	return memcmp(a, b, UUID_TEXT_BYTES);
}

static void no_two_are_the_same(void **state)
{
	static char texts[10000][UUID_TEXT_BYTES];

	(void)state;
	for (int i = 0; i < 10000; i++)
		uuid_make(texts[i]);
	qsort(texts, 10000, UUID_TEXT_BYTES, compare_texts);
	for (int i = 1; i < 10000; i++)
		assert_string_not_equal(texts[i - 1], texts[i]);
}

static void only_the_lower_case_form_is_valid(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
	    {"4d5a1f00-0b9e-4c21-9f3a-0123456789ab", true},
	    {"4D5A1F00-0B9E-4C21-9F3A-0123456789AB", false},
	    {"4d5a1f00-0b9e-4c21-9f3a-0123456789a", false},
	    {"4d5a1f00-0b9e-4c21-9f3a-0123456789abc", false},
	    {"4d5a1f000-b9e-4c21-9f3a-0123456789ab", false},
	    {"4d5a1f0000b9e04c2109f3a00123456789ab", false},
	    {"4d5a1f00-0b9e-4c21-9f3a-0123456789ag", false},
	    {"4d5a1f00-0b9e-4c21-9f3a-0123456789a ", false},
	    {"-d5a1f00-0b9e-4c21-9f3a-0123456789ab", false},
	    {"../../../../../../../../../etc/passw", false},
	    {"{4d5a1f00-0b9e-4c21-9f3a-0123456789}", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(uuid_is_valid(slice_of(cases[i].text)), cases[i].valid);
	assert_false(uuid_is_valid((struct slice){NULL, 0}));
	assert_false(uuid_is_valid((struct slice){"4d5a1f00-0b9e-4c21-9f3a-0123456789a\0", 36}));
}

static void random_fill_fills_all_of_it_and_no_more(void **state)
{
	static const size_t sizes[] = {0, 1, 16, 255, 256};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *bytes = calloc(1, sizes[i] == 0 ? 1 : sizes[i]);
		unsigned char seen[256] = {0};

		/* A byte that stays 0 in 20 rounds was not filled, but for one chance in 2^160. */
		for (int round = 0; round < 20; round++) {
			random_fill(bytes, sizes[i]);
			for (size_t k = 0; k < sizes[i]; k++)
				seen[k] |= bytes[k];
		}
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_not_equal(seen[k], 0);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_made_uuid_has_the_form_of_version_4),
	    cmocka_unit_test(no_two_are_the_same),
	    cmocka_unit_test(only_the_lower_case_form_is_valid),
	    cmocka_unit_test(random_fill_fills_all_of_it_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
