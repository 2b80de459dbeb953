/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/buffer.h and of base/slice.h. */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The address sanitizer ends a program that asks for too much; a real realloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void assert_holds(const struct buffer *buffer, const char *text)
{
	assert_int_equal(buffer->len, strlen(text));
	assert_true(slice_is(buffer_slice(buffer), text));
}

static void puts_follow_each_other(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 100);
	buffer_put(&buffer, (struct slice){"a\0b", 3});
	buffer_put(&buffer, (struct slice){NULL, 0});
	buffer_put_char(&buffer, 'c');
	buffer_put_text(&buffer, "def");
	buffer_put_text(&buffer, "");
	buffer_printf(&buffer, "-%d-%s", 42, "x");
	assert_false(buffer.failed);
	assert_int_equal(buffer.len, 12);
	assert_memory_equal(buffer.ptr, "a\0bcdef-42-x", 12);
	buffer_fini(&buffer);
	assert_null(buffer.ptr);
	buffer_fini(&buffer);
}

static void what_is_there_stays_when_it_grows(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 100000);
	for (int i = 0; i < 100000; i++)
		buffer_put_char(&buffer, (char)('a' + i % 23));
	assert_false(buffer.failed);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buffer.ptr[i], 'a' + i % 23);
	buffer_fini(&buffer);
}

static void the_limit_can_be_filled_to_the_last_byte_and_not_passed(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 5);
	buffer_put_text(&buffer, "12345");
	assert_false(buffer.failed);
	buffer_put_text(&buffer, "");
	assert_false(buffer.failed);
	buffer_put_char(&buffer, '6');
	assert_true(buffer.failed);
	assert_holds(&buffer, "12345");
	buffer_fini(&buffer);
}

static void printf_has_the_same_limit_as_put(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 300);
	buffer_printf(
	    &buffer, "%0300d", 7); /* past the first room of 256, and the NUL does not count */
	assert_false(buffer.failed);
	assert_int_equal(buffer.len, 300);
	buffer_reset(&buffer);
	buffer_printf(&buffer, "%0301d", 7);
	assert_true(buffer.failed);
	assert_int_equal(buffer.len, 0);
	buffer_fini(&buffer);
}

static void a_printf_that_cannot_be_written_is_a_failure(void **state)
{
	static const wchar_t not_a_character[] = {0x7fffffff, 0};
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 100);
	buffer_printf(&buffer, "%ls", not_a_character);
	assert_true(buffer.failed);
	buffer_fini(&buffer);
}

static void a_failure_sticks_until_the_reset(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 4);
	buffer_put_text(&buffer, "12");
	buffer_put_text(&buffer, "345");
	assert_true(buffer.failed);
	buffer_put_char(&buffer, '3');
	buffer_printf(&buffer, "%d", 3);
	assert_null(buffer_reserve(&buffer, 0));
	assert_true(buffer.failed);
	assert_holds(&buffer, "12");

	buffer_reset(&buffer);
	assert_false(buffer.failed);
	assert_holds(&buffer, "");
	buffer_put_text(&buffer, "3456");
	assert_holds(&buffer, "3456");
	buffer_fini(&buffer);
}

static void a_reset_keeps_the_memory(void **state)
{
	struct buffer buffer;
	const char *before;

	(void)state;
	buffer_init(&buffer, 1000);
	buffer_printf(&buffer, "%0600d", 1);
	before = buffer.ptr;
	buffer_reset(&buffer);
	buffer_printf(&buffer, "%0600d", 2);
	assert_ptr_equal(buffer.ptr, before);
	buffer_fini(&buffer);
}

static void a_reserve_gives_room_that_the_caller_fills(void **state)
{
	struct buffer buffer;
	char *end;

	(void)state;
	buffer_init(&buffer, 1000);
	buffer_put_text(&buffer, "head ");
	end = buffer_reserve(&buffer, 995);
	assert_non_null(end);
	memset(end, 'x', 995);
	assert_int_equal(buffer.len, 5);
	buffer.len += 2;
	assert_holds(&buffer, "head xx");
	assert_null(buffer_reserve(&buffer, 994));
	assert_true(buffer.failed);
	buffer_fini(&buffer);
}

static void sizes_near_the_largest_number_fail_and_end(void **state)
{
	static const size_t sizes[] = {SIZE_MAX - 1, SIZE_MAX / 2 + 2, SIZE_MAX / 2};
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, SIZE_MAX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buffer_put_char(&buffer, 'a');
		assert_null(buffer_reserve(&buffer, sizes[i]));
		assert_true(buffer.failed);
		assert_holds(&buffer, "a");
		buffer_reset(&buffer);
	}
	buffer_fini(&buffer);
}

/* slice.h */

static void slices_compare_by_length_and_bytes(void **state)
{
	(void)state;
	assert_true(slice_equals((struct slice){NULL, 0}, SLICE("")));
	assert_true(slice_equals((struct slice){"abX", 2}, (struct slice){"abY", 2}));
	assert_false(slice_equals((struct slice){"a\0b", 3}, (struct slice){"a\0c", 3}));
	assert_false(slice_equals(SLICE("a"), SLICE("ab")));
	assert_true(slice_is(SLICE("abc"), "abc"));
	assert_false(slice_is((struct slice){"abc\0", 4}, "abc"));
	assert_int_equal(SLICE("a\0b").len, 3);
	assert_int_equal(slice_of(NULL).len, 0);
	assert_null(slice_of(NULL).ptr);
}

static void only_ascii_letters_have_two_cases(void **state)
{
	(void)state;
	assert_true(slice_is_nocase(SLICE("Content-LENGTH"), "content-length"));
	assert_true(slice_is_nocase((struct slice){NULL, 0}, ""));
	assert_false(slice_is_nocase(SLICE("content"), "content-length"));
	assert_false(slice_is_nocase(SLICE("["), "{"));
	assert_false(slice_is_nocase(SLICE("\xc3\x84"), "\xc3\xa4"));
	assert_false(slice_is_nocase((struct slice){"a\0b", 3}, "abc"));
}

static void starts_and_skip_mind_the_ends(void **state)
{
	(void)state;
	assert_true(slice_starts(SLICE("Bearer x"), SLICE("Bearer ")));
	assert_true(slice_starts(SLICE("x"), SLICE("x")));
	assert_true(slice_starts((struct slice){NULL, 0}, (struct slice){NULL, 0}));
	assert_false(slice_starts(SLICE("Bear"), SLICE("Bearer")));
	assert_false(slice_starts(SLICE("bearer"), SLICE("Bearer")));
	assert_true(slice_is(slice_skip(SLICE("abc"), 1), "bc"));
	assert_true(slice_is(slice_skip(SLICE("abc"), 3), ""));
	assert_null(slice_skip((struct slice){NULL, 0}, 0).ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(puts_follow_each_other),
	    cmocka_unit_test(what_is_there_stays_when_it_grows),
	    cmocka_unit_test(the_limit_can_be_filled_to_the_last_byte_and_not_passed),
	    cmocka_unit_test(printf_has_the_same_limit_as_put),
	    cmocka_unit_test(a_printf_that_cannot_be_written_is_a_failure),
	    cmocka_unit_test(a_failure_sticks_until_the_reset),
	    cmocka_unit_test(a_reset_keeps_the_memory),
	    cmocka_unit_test(a_reserve_gives_room_that_the_caller_fills),
	    cmocka_unit_test(sizes_near_the_largest_number_fail_and_end),
	    cmocka_unit_test(slices_compare_by_length_and_bytes),
	    cmocka_unit_test(only_ascii_letters_have_two_cases),
	    cmocka_unit_test(starts_and_skip_mind_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
