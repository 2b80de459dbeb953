/* SPDX-License-Identifier: Apache-2.0 */
/* CSV out: see csv_write.h.  What needs no quotes gets none, so that plain
 * data comes back byte for byte. */
#include "csv/csv_write.h"

#include <stdbool.h>
#include <string.h>

static bool needs_quotes(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == ',' || c == '"' || c == '\r' || c == '\n')
			return true;
	}
	return false;
}

void csv_write_field(struct buffer *out, struct slice text)
{
	const char *quote;
	size_t len;

	if (!needs_quotes(text)) {
		buffer_put(out, text);
		return;
	}
	/* Piece by piece, each up to a quote and with it; then the quote's twin. */
	buffer_put_char(out, '"');
	while ((quote = memchr(text.ptr, '"', text.len)) != NULL) {
		len = (size_t)(quote - text.ptr) + 1;
		buffer_put(out, (struct slice){text.ptr, len});
		buffer_put_char(out, '"');
		text = slice_skip(text, len);
	}
	buffer_put(out, text);
	buffer_put_char(out, '"');
}
