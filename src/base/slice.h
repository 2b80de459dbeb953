/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_SLICE_H
#define SLUICE_BASE_SLICE_H

/*
 * Text by pointer and length: how text travels between modules.  A slice owns nothing; who keeps
 * one longer than the call that it came with copies it into an arena.  It may hold any byte, NUL
 * included, and need not end in one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* For printf's "%.*s". */
#define SLICE_ARGS(s) (int)(s).len, (s).ptr

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool slice_equals(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equals(a, slice_of(text));
}

/* ASCII letters of either case are the same. */
static inline bool slice_is_nocase(struct slice a, const char *text)
{
	return a.len == strlen(text) && (a.len == 0 || strncasecmp(a.ptr, text, a.len) == 0);
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
	return a.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/* The rest after the first ${n} bytes; ${n} must not pass the end. */
static inline struct slice slice_skip(struct slice a, size_t n)
{
	/* Nothing is added to a NULL, not even 0: that is undefined. */
	return n == 0 ? a : (struct slice){a.ptr + n, a.len - n};
}

#endif
