/* SPDX-License-Identifier: Apache-2.0 */
/* Random identifiers: see uuid.h. */
#include "base/uuid.h"

#include <assert.h>
#include <stdio.h>
#include <sys/random.h>

void random_fill(void *ret_bytes, size_t count)
{
	/* Up to 256 bytes getrandom(2) is never interrupted and never short. */
	assert(count <= 256);
	ssize_t got = getrandom(ret_bytes, count, 0);
	assert(got == (ssize_t)count);
}

void uuid_make(char text[UUID_TEXT_BYTES])
{
	unsigned char b[16];

	random_fill(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* the RFC's variant */
	snprintf(text, UUID_TEXT_BYTES,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}

bool uuid_is_valid(struct slice text)
{
	size_t i;

	if (text.len != UUID_TEXT_BYTES - 1)
		return false;
	for (i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}
