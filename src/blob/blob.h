/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BLOB_BLOB_H
#define SLUICE_BLOB_BLOB_H

/*
 * The bytes of uploaded parts and of failed records: named blobs in groups (a group is a job's).
 *
 * A blob is written as a stream, appears whole or not at all, and never changes.  Group and blob
 * names are of a-z 0-9 - only, at most 64 characters; a blob's does not begin with "tmp-", which
 * marks unfinished ones.
 *
 * Life of a writer:	blob_write_begin -> blob_write … -> blob_write_commit | blob_write_abort
 * Life of a reader:	blob_read_open -> blob_read … -> blob_read_close
 *
 * All calls may block on storage, none belongs on an event thread.  A writer or reader is used by
 * one thread at a time; different ones, and all else, by any threads at once.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define BLOB_NAME_BYTES_MAX 64
#define BLOB_DIGEST_BYTES   32 /* SHA-256 */
/* Of the names of blobs that are being written; no other has it. */
#define BLOB_UNFINISHED_PREFIX "tmp-"

struct blob;
struct blob_writer;
struct blob_reader;

struct blob_info {
	uint64_t bytes;
	unsigned char sha256[BLOB_DIGEST_BYTES];
};

/* No writer or reader is open any more, nobody is inside another call.  NULL is fine. */
void blob_close(struct blob **blob);

/* Begin a blob.  Makes its group when there is none yet.  E_IO, E_FULL, E_NOMEM. */
enum status blob_write_begin(struct blob *blob, const char *group, const char *name,
    struct blob_writer **ret_writer, struct err *err) WARN_UNUSED;

/* E_GONE: the group was removed meanwhile; E_IO, E_FULL.  After a failure only abort is left. */
enum status blob_write(struct blob_writer *writer, struct slice bytes, struct err *err) WARN_UNUSED;

/* How much was written so far, and its digest.  E_NOMEM. */
enum status blob_write_info(
    const struct blob_writer *writer, struct blob_info *ret_info, struct err *err) WARN_UNUSED;

/* Once OK is returned, the blob can be read under its name and survives a power cut;
 * it takes the place of an older one of that name.  Otherwise no reader ever sees
 * it.  Ends the writer either way.
 * E_GONE: the group was removed meanwhile; E_IO, E_FULL. */
enum status blob_write_commit(
    struct blob_writer **writer, struct blob_info *ret_info, struct err *err) WARN_UNUSED;
/* Drop what was written and end the writer.  NULL is fine. */
void blob_write_abort(struct blob_writer **writer);

/* E_NOT_FOUND, E_IO. */
enum status blob_read_open(struct blob *blob, const char *group, const char *name,
    struct blob_reader **ret_reader, uint64_t *ret_bytes, struct err *err) WARN_UNUSED;

/* Up to ${room} bytes; fewer only at the end, 0 after it. */
enum status blob_read(struct blob_reader *reader, char *ret_bytes, size_t room, size_t *ret_count,
    struct err *err) WARN_UNUSED;
void blob_read_close(struct blob_reader **reader);

/* Read what ${writer} has written, while it goes on: blob_read gives 0 when there is no more yet.
 * The reader's end is its own, however the writer's comes about.  Nothing of it is durable.  E_GONE:
 * the group was removed; E_IO. */
enum status blob_follow(const struct blob_writer *writer, struct blob_reader **ret_reader,
    struct err *err) WARN_UNUSED;

/* Remove the blobs of ${group} whose name begins with ${prefix} ("" = all, and the group with them,
 * unfinished writers' bytes included).  Unfinished ones are else taken only when ${prefix} itself
 * begins with "tmp-": so a sweep names the litter that blob_each showed.  Once OK is returned all
 * that was there at the call is gone from storage for good; a group that a new writer made
 * meanwhile may be there.  None there: OK. */
enum status blob_remove(
    struct blob *blob, const char *group, const char *prefix, struct err *err) WARN_UNUSED;

/* For each group: start-up's sweep.  ${visit} may remove it.  Anything but OK from ${visit} ends
 * the walk and is returned. */
typedef enum status blob_group_fn(void *ctx, const char *group, struct err *err);
enum status blob_each_group(
    struct blob *blob, blob_group_fn *visit, void *ctx, struct err *err) WARN_UNUSED;

/* For each blob of a group, unfinished ones included (by their prefix).  No such group: nothing to
 * visit, OK.  ${visit} may remove it.  Anything but OK from ${visit}
 * ends the walk and is returned. */
typedef enum status blob_name_fn(void *ctx, const char *name, struct err *err);
enum status blob_each(struct blob *blob, const char *group, blob_name_fn *visit, void *ctx,
    struct err *err) WARN_UNUSED;

#endif
