/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/arena.h. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The address sanitizer ends a program that asks for too much; a real malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static bool is_zero(const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

static void pieces_are_zeroed_aligned_and_apart_whatever_their_size(void **state)
{
	static const size_t sizes[] = {1, 15, 16, 17, 63, 64, 65, 100, 128, 129, 5000, 1, 0, 7};
	enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
	static const size_t blocks[] = {0, 1, 64, 100, 4096};

	(void)state;
	for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++) {
		struct arena arena;
		char *pieces[COUNT];

		arena_init(&arena, blocks[b]);
		for (int round = 0; round < 3; round++) {
			for (size_t i = 0; i < COUNT; i++) {
				pieces[i] = arena_alloc(&arena, sizes[i]);
				assert_non_null(pieces[i]);
				assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
				assert_true(is_zero(pieces[i], sizes[i]));
				memset(pieces[i], (int)i + 1, sizes[i]);
			}
			for (size_t i = 0; i < COUNT; i++) {
				for (size_t k = 0; k < sizes[i]; k++)
					assert_int_equal(pieces[i][k], i + 1);
			}
			arena_reset(&arena);
		}
		arena_fini(&arena);
	}
}

static void a_reset_keeps_the_first_block(void **state)
{
	struct arena arena;
	char *first;

	(void)state;
	arena_init(&arena, 256);
	first = arena_alloc(&arena, 16);
	assert_non_null(arena_alloc(&arena, 1000));
	assert_non_null(arena_alloc(&arena, 1000));
	arena_reset(&arena);
	assert_ptr_equal(arena_alloc(&arena, 32), first);
	arena_fini(&arena);
}

static void an_unused_arena_can_be_reset_and_ended_twice(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 64);
	arena_reset(&arena);
	arena_fini(&arena);
	arena_fini(&arena);
	assert_non_null(arena_alloc(&arena, 8));
	arena_fini(&arena);
}

static void no_memory_gives_null_and_spoils_nothing(void **state)
{
	static const size_t sizes[] = {
	    SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX - 64, SIZE_MAX / 2};
	struct arena arena;
	char *piece;

	(void)state;
	arena_init(&arena, 64);
	piece = arena_copy(&arena, SLICE("kept"));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_null(arena_alloc(&arena, sizes[i]));
	assert_null(arena_copy(&arena, (struct slice){piece, SIZE_MAX}));
	assert_non_null(arena_alloc(&arena, 8));
	assert_string_equal(piece, "kept");
	arena_fini(&arena);
}

static void an_array_whose_size_overflows_is_null(void **state)
{
	struct arena arena;
	uint64_t *numbers;

	(void)state;
	arena_init(&arena, 64);
	assert_null(arena_array(&arena, SIZE_MAX / 8 + 1, 8));
	assert_null(arena_array(&arena, SIZE_MAX / 2 + 1, 2)); /* the product is 0 when it wraps */
	numbers = arena_array(&arena, 100, sizeof(*numbers));
	assert_true(is_zero((const char *)numbers, 800));
	assert_non_null(arena_array(&arena, 0, 8));
	arena_fini(&arena);
}

static void a_copy_holds_every_byte_and_ends_in_nul(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 16);
	assert_memory_equal(arena_copy(&arena, (struct slice){"a\0b-no-end", 3}), "a\0b", 4);
	assert_string_equal(arena_copy(&arena, SLICE("0123456789abcdef")), "0123456789abcdef");
	assert_string_equal(arena_copy(&arena, (struct slice){NULL, 0}), "");
	arena_fini(&arena);
}

static void printf_gives_whole_texts_longer_than_a_block_too(void **state)
{
	struct arena arena;
	char expected[301];

	(void)state;
	memset(expected, '0', 299);
	expected[299] = '7';
	expected[300] = '\0';
	arena_init(&arena, 16);
	assert_string_equal(arena_printf(&arena, "%s-%d", "part", 12), "part-12");
	assert_string_equal(arena_printf(&arena, "%0300d", 7), expected);
	assert_string_equal(arena_printf(&arena, "%s", ""), "");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_are_zeroed_aligned_and_apart_whatever_their_size),
	    cmocka_unit_test(a_reset_keeps_the_first_block),
	    cmocka_unit_test(an_unused_arena_can_be_reset_and_ended_twice),
	    cmocka_unit_test(no_memory_gives_null_and_spoils_nothing),
	    cmocka_unit_test(an_array_whose_size_overflows_is_null),
	    cmocka_unit_test(a_copy_holds_every_byte_and_ends_in_nul),
	    cmocka_unit_test(printf_gives_whole_texts_longer_than_a_block_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
