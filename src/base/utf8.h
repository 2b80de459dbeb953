/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_UTF8_H
#define SLUICE_BASE_UTF8_H

/* Is it UTF-8?  RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* The length of the longest prefix of ${text} that is whole, valid UTF-8;
 * ${text}.len when all of it is. */
size_t utf8_valid_prefix(struct slice text);

/* The first ${bytes_max} bytes of ${text} or, where a character lies across that end, a few less;
 * all of it when it is no longer. */
struct slice utf8_cut(struct slice text, size_t bytes_max);

/* Append ${text} with U+FFFD for each NUL and for each byte that is no part of a valid
 * character. */
void utf8_mend(struct slice text, struct buffer *out);

static inline bool utf8_is_valid(struct slice text)
{
	return utf8_valid_prefix(text) == text.len;
}

#endif
