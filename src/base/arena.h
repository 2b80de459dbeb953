/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

/*
 * Memory with one lifetime: a request's, a job's, a chunk's.  It is handed out piece by piece and
 * given back all at once, so nothing in it is freed alone and nothing in it leaks.
 *
 *	struct arena arena;
 *	arena_init(&arena, 4096);
 *	name = arena_copy(&arena, some_slice);
 *	arena_reset(&arena);	everything handed out is invalid, the first block is kept for the
 *				next round
 *	arena_fini(&arena);
 *
 * One thread at a time.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *newest;
	size_t block_bytes;
};

/* Cannot fail: the first block is taken at first use.  ${block_bytes}
 * is the usual size of a block. */
void arena_init(struct arena *arena, size_t block_bytes);
void arena_reset(struct arena *arena);
void arena_fini(struct arena *arena);

/* ${bytes} of zeroed memory aligned for any type; NULL when there is none. */
void *arena_alloc(struct arena *arena, size_t bytes) WARN_UNUSED;

/* ${count} zeroed elements of ${bytes} each; NULL when there is no
 * memory or the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t bytes) WARN_UNUSED;

/* A copy that ends in NUL; NULL when there is no memory. */
char *arena_copy(struct arena *arena, struct slice text) WARN_UNUSED;

/* Formatted text; NULL when there is no memory. */
char *arena_printf(struct arena *arena, const char *format, ...) WARN_UNUSED PRINTF_LIKE(2, 3);

#endif
