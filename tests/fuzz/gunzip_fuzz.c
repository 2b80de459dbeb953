/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes, with any limit, split anywhere: what comes out must not depend on the splits, must
 * keep to the limit, and must be what zlib's own one-call decoder makes of a first member.
 *
 * The input's first two bytes choose the limit and the splits, the rest is the gzip.
 */
#include "base/buffer.h"
#include "base/gunzip.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define OUT_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status take(void *ctx, struct slice bytes, struct err *err)
{
	struct buffer *out = ctx;

	if (bytes.len == 0)
		return err_set(err, E_IO, "an empty piece");
	buffer_put(out, bytes);
	return OK;
}

static enum status unpack(
    struct slice packed, size_t step, uint64_t limit, struct buffer *out, struct err *err)
{
	struct gunzip *gunzip;
	enum status st = gunzip_create(limit, &gunzip, err);
	size_t count;
	char *copy;

	buffer_reset(out);
	while (st == OK && packed.len > 0) {
		count = step < packed.len ? step : packed.len;
		copy = malloc(count);
		if (copy == NULL)
			abort();
		memcpy(copy, packed.ptr, count);
		st = gunzip_feed(gunzip, (struct slice){copy, count}, take, out, err);
		free(copy);
		packed = slice_skip(packed, count);
	}
	if (st == OK)
		st = gunzip_finish(gunzip, err);
	gunzip_destroy(&gunzip);
	if (out->failed || out->len > limit || (st != OK && st != E_INVALID && st != E_LIMIT))
		abort();
	return st;
}

static void compare(const char *how, enum status st, enum status expected, struct buffer *got,
    const struct buffer *whole)
{
	if (st == expected && slice_equals(buffer_slice(got), buffer_slice(whole)))
		return;
	fprintf(stderr, "%s: %s, %zu bytes; at once: %s, %zu bytes\n", how, status_name(st),
	    got->len, status_name(expected), whole->len);
	abort();
}

/* What is in order begins with what zlib makes of the first member in one call. */
static void compare_with_zlib(struct slice packed, const struct buffer *whole)
{
	static unsigned char out[OUT_BYTES_MAX + 1];
	z_stream z = {.next_in = (z_const Bytef *)packed.ptr, .avail_in = (uInt)packed.len};

	if (inflateInit2(&z, 31) != Z_OK)
		abort();
	z.next_out = out;
	z.avail_out = sizeof(out);
	if (inflate(&z, Z_FINISH) != Z_STREAM_END || z.total_out > whole->len ||
	    (z.total_out > 0 && memcmp(out, whole->ptr, z.total_out) != 0))
		abort();
	inflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t limits[] = {OUT_BYTES_MAX, 0, 1, 100, 65535, 65536, 65537, 131072};
	struct slice packed;
	struct buffer whole, got;
	struct err err;
	uint64_t limit;
	enum status expected, st;

	if (size < 2)
		return 0;
	limit = limits[data[0] % 8];
	packed = (struct slice){(const char *)data + 2, size - 2};
	buffer_init(&whole, OUT_BYTES_MAX);
	buffer_init(&got, OUT_BYTES_MAX);
	expected = unpack(packed, size, limit, &whole, &err);
	if (expected == OK)
		compare_with_zlib(packed, &whole);
	/* Where the limit is passed depends on the splits: what came out before is a slice more or
	 * less. */
	st = unpack(packed, data[1] % 97u + 2, limit, &got, &err);
	if (expected != E_LIMIT)
		compare("in chunks", st, expected, &got, &whole);
	else if (st != E_LIMIT)
		abort();
	if (size < 4096) {
		st = unpack(packed, 1, limit, &got, &err);
		if (expected != E_LIMIT)
			compare("byte by byte", st, expected, &got, &whole);
		else if (st != E_LIMIT)
			abort();
	}
	buffer_fini(&whole);
	buffer_fini(&got);
	return 0;
}
