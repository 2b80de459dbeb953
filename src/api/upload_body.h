/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_UPLOAD_BODY_H
#define SLUICE_API_UPLOAD_BODY_H

/*
 * The way of an upload's bytes from the wire to a part: digested as they come, unpacked if they are
 * packed, and then stored; or, when a stored part is repeated, only digested.
 *
 * Life:	upload_body_begin -> upload_body_add … -> upload_body_end -> upload_body_fini
 *
 * All of it may block on storage.  One thread at a time.
 */

#include "api/upload_head.h"
#include "base/gunzip.h"
#include "blob/blob.h"

struct upload_body {
	struct content_digest expected;
	struct digest *sent[DIGEST_ALGORITHM_COUNT]; /* as it comes; NULL: not needed */
	struct gunzip *gunzip;                       /* NULL: it is not packed */
	struct blob_writer *writer;                  /* NULL: a repeat, which is not stored */
	struct digest *sha256;                       /* of a repeat: what the writer would have */
	uint64_t bytes;                              /* unpacked */
};

/* ${writer} is the body's now; NULL: nothing is to be stored.  E_NOMEM; fini is due all the
 * same. */
enum status upload_body_begin(struct upload_body *body, const struct upload_head *head,
    struct blob_writer *writer, struct err *err) WARN_UNUSED;

/* Drop what was stored, unless the writer was taken out and committed. */
void upload_body_fini(struct upload_body *body);

/* E_INVALID: it is not the gzip that it should be; E_LIMIT: it unpacks to more than a part may
 * have; else as blob_write.  After a failure only fini is left. */
enum status upload_body_add(
    struct upload_body *body, struct slice bytes, struct err *err) WARN_UNUSED;

/* The body is whole.  ${ret_info} tells of the part, unpacked.
 * E_INVALID: gzip that ends too early, or a digest that is not the one expected; E_NOMEM. */
enum status upload_body_end(
    struct upload_body *body, struct blob_info *ret_info, struct err *err) WARN_UNUSED;

#endif
