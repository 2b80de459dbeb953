/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: see arena.h.  A chain of blocks, newest first; a piece that does not fit into the newest
 * block gets a new one.  A reset keeps the oldest block, which has the usual size unless the first
 * piece was larger than that, so a steady user stops calling malloc.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
	struct arena_block *older;
	size_t bytes;
	size_t used;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t block_bytes)
{
	*arena = (struct arena){.block_bytes = block_bytes};
}

void arena_reset(struct arena *arena)
{
	struct arena_block *older;

	if (arena->newest == NULL)
		return;
	while ((older = arena->newest->older) != NULL) {
		free(arena->newest);
		arena->newest = older;
	}
	arena->newest->used = 0;
}

void arena_fini(struct arena *arena)
{
	arena_reset(arena);
	free(arena->newest);
	arena->newest = NULL;
}

static struct arena_block *block_add(struct arena *arena, size_t need)
{
	size_t bytes = need > arena->block_bytes ? need : arena->block_bytes;
	struct arena_block *block;

	if (bytes > SIZE_MAX - sizeof(*block))
		return NULL;
	block = malloc(sizeof(*block) + bytes);
	if (block == NULL)
		return NULL;
	*block = (struct arena_block){.older = arena->newest, .bytes = bytes};
	arena->newest = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block = arena->newest;
	void *piece;

	if (bytes > SIZE_MAX - align)
		return NULL;
	bytes = (bytes + align - 1) / align * align;
	if (block == NULL || block->bytes - block->used < bytes) {
		block = block_add(arena, bytes);
		if (block == NULL)
			return NULL;
	}
	piece = block->data + block->used;
	block->used += bytes;
	memset(piece, 0, bytes);
	return piece;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return arena_alloc(arena, total);
}

char *arena_copy(struct arena *arena, struct slice text)
{
	char *copy;

	if (text.len == SIZE_MAX)
		return NULL;
	copy = arena_alloc(arena, text.len + 1);
	if (copy != NULL && text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text = NULL;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length >= 0)
		text = arena_alloc(arena, (size_t)length + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}
