/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_GUNZIP_H
#define SLUICE_BASE_GUNZIP_H

/*
 * A push decoder for gzip (RFC 1952).
 *
 *	gunzip_create(bytes_max, &gunzip, &err)
 *	gunzip_feed(gunzip, bytes, on_bytes, ctx, &err)		as often as there are bytes, split
 *								anywhere
 *	gunzip_finish(gunzip, &err)				the end: nothing may be missing
 *	gunzip_destroy(&gunzip)
 *
 * What comes out, and whether it is in order, does not depend on how the bytes were split over the
 * feeds.  Members may follow each other, and are one text; anything else behind one is an error.
 * Every member's CRC and length are checked.
 *
 * Memory is fixed, about 100 KiB, whatever the input unfolds to: the output is handed on in pieces.
 * One thread at a time.  Nothing here blocks but ${on_bytes}.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

struct gunzip;

/* Takes a piece of the output, never an empty one, valid until it returns.
 * Anything but OK stops the feed, which returns it. */
typedef enum status gunzip_fn(void *ctx, struct slice bytes, struct err *err);

/* ${bytes_max}: the most that may come out.  E_NOMEM. */
enum status gunzip_create(
    uint64_t bytes_max, struct gunzip **ret_gunzip, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void gunzip_destroy(struct gunzip **gunzip);

/* E_INVALID: it is not gzip, or broken; the text says what is wrong, and near which byte of the
 * input.  E_LIMIT: more than bytes_max would come out; no more than bytes_max did.  E_NOMEM, or
 * what ${on_bytes} returned.  After a failure only destroy is allowed. */
enum status gunzip_feed(struct gunzip *gunzip, struct slice bytes, gunzip_fn *on_bytes, void *ctx,
    struct err *err) WARN_UNUSED;

/* E_INVALID: it ends inside a member, or there was none. */
enum status gunzip_finish(struct gunzip *gunzip, struct err *err) WARN_UNUSED;

#endif
