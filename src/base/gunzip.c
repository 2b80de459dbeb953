/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip to bytes on zlib: see gunzip.h.
 *
 * zlib decodes one member at a time into a slice of fixed size, which is handed on and used again:
 * so a bomb costs time as far as the limit, and no memory.  At the limit it gets room for one byte
 * more, and when it fills that, there is too much.  An empty slice cannot be offered instead: zlib
 * would not go on to the member's end, which may be what comes next.
 *
 * Between members there is nothing to be skipped: some tools put zeros behind the end of a gzip
 * file, and gunzip(1) drops whatever stands there with a warning.  Here nobody would see a warning,
 * so it is an error.
 *
 * What it does not do: it looks at no name or time of a header, and takes no zlib or raw deflate
 * streams.
 */
#include "base/gunzip.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

/* Larger ones were no faster. */
#define SLICE_BYTES 65536
/* The largest window that deflate has; 16 more: with gzip's header and trailer, and no other. */
#define GZIP_WINDOW_BITS (15 + 16)

struct gunzip {
	z_stream z;
	uint64_t bytes_max;
	uint64_t in, out;  /* bytes so far, of all members */
	uint64_t member;   /* where the present or next member begins */
	bool inside;       /* of a member: its end is still to come */
	bool done, failed; /* only destroy is left */
	unsigned char slice[SLICE_BYTES];
};

enum status gunzip_create(uint64_t bytes_max, struct gunzip **ret_gunzip, struct err *err)
{
	struct gunzip *gunzip = calloc(1, sizeof(*gunzip));

	if (gunzip == NULL || inflateInit2(&gunzip->z, GZIP_WINDOW_BITS) != Z_OK) {
		free(gunzip);
		return err_set(err, E_NOMEM, "no memory to unpack gzip");
	}
	gunzip->bytes_max = bytes_max;
	*ret_gunzip = gunzip;
	return OK;
}

void gunzip_destroy(struct gunzip **gunzip)
{
	if (*gunzip == NULL)
		return;
	inflateEnd(&(*gunzip)->z);
	free(*gunzip);
	*gunzip = NULL;
}

/* The member that begins at ${member} is no good. */
static enum status refuse(const struct gunzip *gunzip, const char *why, struct err *err)
{
	/* All that a header must begin with is in its first bytes; zlib has taken no more
	 * when it finds them wrong. */
	bool no_header = gunzip->z.total_out == 0 && gunzip->in - gunzip->member <= 2;

	if (no_header && gunzip->member > 0)
		return err_set(err, E_INVALID,
		    "what follows the end of the gzip data, from byte %" PRIu64 " on, is not gzip",
		    gunzip->member + 1);
	if (no_header)
		return err_set(
		    err, E_INVALID, "this is not gzip, which begins with the bytes 1f 8b");
	return err_set(
	    err, E_INVALID, "the gzip data is broken near byte %" PRIu64 ": %s", gunzip->in, why);
}

/* One call of zlib: take what it takes, and hand on what came out. */
static enum status inflate_slice(
    struct gunzip *gunzip, bool *ret_ended, gunzip_fn *on_bytes, void *ctx, struct err *err)
{
	z_stream *z = &gunzip->z;
	uint64_t left = gunzip->bytes_max - gunzip->out;
	uInt room = left < SLICE_BYTES ? (uInt)left + 1 : SLICE_BYTES, before = z->avail_in;
	size_t count;
	enum status st;
	int code;

	z->next_out = gunzip->slice;
	z->avail_out = room;
	code = inflate(z, Z_NO_FLUSH);
	assert(code != Z_STREAM_ERROR);
	gunzip->in += before - z->avail_in;
	count = room - z->avail_out;
	if (count > left)
		return err_set(
		    err, E_LIMIT, "it unpacks to more than %" PRIu64 " bytes", gunzip->bytes_max);
	gunzip->out += count;
	if (count > 0) {
		st = on_bytes(ctx, (struct slice){(const char *)gunzip->slice, count}, err);
		if (st != OK)
			return st;
	}
	*ret_ended = code == Z_STREAM_END;
	switch (code) {
	case Z_OK:
	case Z_STREAM_END:
	case Z_BUF_ERROR: /* it wants more input, and had nothing to hand out either */
		return OK;
	case Z_MEM_ERROR:
		return err_set(err, E_NOMEM, "no memory to unpack gzip");
	default:
		return refuse(gunzip, z->msg == NULL ? "a dictionary is asked for" : z->msg, err);
	}
}

static enum status feed(struct gunzip *gunzip, gunzip_fn *on_bytes, void *ctx, struct err *err)
{
	z_stream *z = &gunzip->z;
	bool ended = false;
	enum status st;

	/* A full slice may have left some output inside zlib, which then wants no input for it. */
	while (z->avail_in > 0 || (gunzip->inside && z->avail_out == 0)) {
		gunzip->inside = true;
		st = inflate_slice(gunzip, &ended, on_bytes, ctx, err);
		if (st != OK)
			return st;
		if (!ended)
			continue;
		gunzip->inside = false;
		gunzip->member = gunzip->in;
		inflateReset(z);
	}
	return OK;
}

enum status gunzip_feed(
    struct gunzip *gunzip, struct slice bytes, gunzip_fn *on_bytes, void *ctx, struct err *err)
{
	enum status st;

	assert(!gunzip->done && !gunzip->failed);
	assert(bytes.len <= UINT_MAX);
	gunzip->z.next_in = (z_const Bytef *)bytes.ptr;
	gunzip->z.avail_in = (uInt)bytes.len;
	st = feed(gunzip, on_bytes, ctx, err);
	gunzip->failed = st != OK;
	return st;
}

enum status gunzip_finish(struct gunzip *gunzip, struct err *err)
{
	assert(!gunzip->done && !gunzip->failed);
	gunzip->done = true;
	if (gunzip->inside)
		return err_set(err, E_INVALID,
		    "the gzip data ends too early, after byte %" PRIu64 ", inside the member that "
		    "begins at byte %" PRIu64,
		    gunzip->in, gunzip->member + 1);
	if (gunzip->in == 0)
		return err_set(err, E_INVALID,
		    "this is not gzip but empty; nothing at all is 20 bytes in gzip");
	return OK;
}
