/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_QUERY_SPOOL_H
#define SLUICE_QUERY_SPOOL_H

/*
 * Bytes that are written once from the beginning to the end, and then read: in memory while they
 * are few, in a file of their own when they are more.
 *
 *	spool_create -> spool_buffer, spool_settle … -> spool_read …, perhaps spool_keep -> spool_destroy
 *
 * All spools of a struct spool_room share what they may take of the disk and of memory for longer
 * than their writing takes.
 *
 * One thread at a time for a spool, any for its room.  Calls block on the disk.
 */

#include "base/buffer.h"
#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* So much is gathered in memory before it goes to the file. */
#define SPOOL_CHUNK_BYTES 1048576

struct spool_room {
	int64_t bytes_max;     /* of all spools, in files or kept in memory */
	int64_t memory_max;    /* of those that are kept in memory */
	pthread_mutex_t mutex; /* guards the two below */
	int64_t bytes, memory;
};

void spool_room_init(struct spool_room *room, int64_t bytes_max, int64_t memory_max);
/* No spool is there any more. */
void spool_room_fini(struct spool_room *room);

struct spool;

/* ${path} is where its file would be; made when it is needed, for us alone (0600).  ${room} must
 * outlive it.  E_NOMEM. */
enum status spool_create(struct spool_room *room, const char *path, size_t put_bytes_max,
    struct spool **ret_spool, struct err *err) WARN_UNUSED;
/* Remove the file and give back the room.  NULL is fine. */
void spool_destroy(struct spool **spool);

/* Where the next bytes are put: at most ${put_bytes_max} before each spool_settle. */
struct buffer *spool_buffer(struct spool *spool);
/* Take what was put.  E_LIMIT: it was too much; E_NOMEM; E_BUSY: the room has no more; E_FULL,
 * E_IO.  After a failure it can only be destroyed. */
enum status spool_settle(struct spool *spool, struct err *err) WARN_UNUSED;

/* The bytes so far. */
int64_t spool_bytes(const struct spool *spool);

/* Read at most ${count} bytes from ${offset}; *ret_count is less only at the end.  E_IO. */
enum status spool_read(struct spool *spool, int64_t offset, char *ret_bytes, size_t count,
    size_t *ret_count, struct err *err) WARN_UNUSED;

/* It is written, and stays for a while: what is in memory counts from now on, or goes to the file,
 * which is closed.  E_BUSY, E_FULL, E_IO as above. */
enum status spool_keep(struct spool *spool, struct err *err) WARN_UNUSED;

#endif
