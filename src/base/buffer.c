/* SPDX-License-Identifier: Apache-2.0 */
/* Growing bytes with a limit: see buffer.h.  The room doubles, so n puts cost O(n) copies. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buffer_init(struct buffer *buffer, size_t bytes_max)
{
	*buffer = (struct buffer){.bytes_max = bytes_max};
}

void buffer_fini(struct buffer *buffer)
{
	free(buffer->ptr);
	*buffer = (struct buffer){.bytes_max = buffer->bytes_max};
}

void buffer_reset(struct buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
}

/* As buffer_reserve, with room for ${spare} bytes more that do not count against the limit. */
static char *reserve(struct buffer *buffer, size_t bytes, size_t spare)
{
	size_t need, room;
	char *grown;

	if (buffer->failed || bytes > buffer->bytes_max - buffer->len ||
	    __builtin_add_overflow(buffer->len + bytes, spare, &need)) {
		buffer->failed = true;
		return NULL;
	}
	if (need > buffer->room || buffer->ptr == NULL) {
		room = buffer->room > SIZE_MAX / 2 ? SIZE_MAX : buffer->room * 2;
		if (room < 256)
			room = 256;
		if (room < need)
			room = need;
		grown = realloc(buffer->ptr, room);
		if (grown == NULL) {
			buffer->failed = true;
			return NULL;
		}
		buffer->ptr = grown;
		buffer->room = room;
	}
	return buffer->ptr + buffer->len;
}

char *buffer_reserve(struct buffer *buffer, size_t bytes)
{
	return reserve(buffer, bytes, 0);
}

void buffer_put(struct buffer *buffer, struct slice bytes)
{
	char *end = buffer_reserve(buffer, bytes.len);

	if (end == NULL || bytes.len == 0)
		return;
	memcpy(end, bytes.ptr, bytes.len);
	buffer->len += bytes.len;
}

void buffer_put_char(struct buffer *buffer, char c)
{
	buffer_put(buffer, (struct slice){&c, 1});
}

void buffer_put_text(struct buffer *buffer, const char *text)
{
	buffer_put(buffer, slice_of(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args, again;
	char *end;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	/* The NUL that vsnprintf adds is no part of the text and must
	 * not be what passes the limit. */
	end = length < 0 ? NULL : reserve(buffer, (size_t)length, 1);
	if (end == NULL) {
		buffer->failed = true;
	} else {
		vsnprintf(end, (size_t)length + 1, format, again);
		buffer->len += (size_t)length;
	}
	va_end(again);
	va_end(args);
}
