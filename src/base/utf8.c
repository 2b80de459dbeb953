/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 validation: see utf8.h.  Runs of ASCII, which are most text, are
 * passed eight bytes at a time. */
#include "base/utf8.h"

#include <stdint.h>

/* The length of the valid sequence at ${p}, which begins with a byte of 0x80 or
 * more; 0 when there is none. */
static size_t sequence_length(const unsigned char *p, size_t left)
{
	size_t need;
	unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */

	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		need = 3;
		if (p[0] == 0xe0)
			low = 0xa0; /* below: overlong */
		if (p[0] == 0xed)
			high = 0x9f; /* above: surrogates */
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 4;
		if (p[0] == 0xf0)
			low = 0x90; /* below: overlong */
		if (p[0] == 0xf4)
			high = 0x8f; /* above: past U+10FFFF */
	} else {
		return 0;
	}
	if (left < need || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return need;
}

size_t utf8_valid_prefix(struct slice text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0, n;
	uint64_t word;

	while (i < text.len) {
		if (text.len - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(word);
				continue;
			}
		}
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		n = sequence_length(p + i, text.len - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

struct slice utf8_cut(struct slice text, size_t bytes_max)
{
	size_t end = bytes_max;

	if (text.len <= bytes_max)
		return text;
	/* A character has at most three bytes after its first; more is not UTF-8 anyway. */
	while (end > 0 && bytes_max - end < 3 && ((unsigned char)text.ptr[end] & 0xc0) == 0x80)
		end--;
	return (struct slice){text.ptr, end};
}

void utf8_mend(struct slice text, struct buffer *out)
{
	while (text.len > 0) {
		const char *nul = memchr(text.ptr, '\0', text.len);
		size_t good = utf8_valid_prefix(
		    (struct slice){text.ptr, nul == NULL ? text.len : (size_t)(nul - text.ptr)});

		buffer_put(out, (struct slice){text.ptr, good});
		text = slice_skip(text, good);
		if (text.len > 0) {
			buffer_put_text(out, "\xef\xbf\xbd");
			text = slice_skip(text, 1);
		}
	}
}
