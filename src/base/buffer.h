/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_BUFFER_H
#define SLUICE_BASE_BUFFER_H

/*
 * Bytes that grow at the end, up to a limit given at the start.
 *
 * Failure is sticky: once there is no memory, or the limit is passed, every later put does
 * nothing and ${failed} stays true.  So a writer puts all it has and asks once.  Owner: who
 * initialised it.  One thread at a time.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *ptr;
	size_t len;
	size_t room;
	size_t bytes_max;
	bool failed;
};

void buffer_init(struct buffer *buffer, size_t bytes_max);
void buffer_fini(struct buffer *buffer);

/* Empty it and forget a failure; the memory is kept. */
void buffer_reset(struct buffer *buffer);

void buffer_put(struct buffer *buffer, struct slice bytes);
void buffer_put_char(struct buffer *buffer, char c);
void buffer_put_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Make sure of ${bytes} more and return where they begin, for a caller that writes them itself and
 * then adds to ${len}; NULL (and failed) when there is no room. */
char *buffer_reserve(struct buffer *buffer, size_t bytes) WARN_UNUSED;

static inline struct slice buffer_slice(const struct buffer *buffer)
{
	return (struct slice){buffer->ptr, buffer->len};
}

#endif
