/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spools: see spool.h.
 *
 * The bytes are those of the file, and behind them those of the buffer.  A chunk is counted before
 * it is written, so that two that write at once cannot pass the limit together; what a failed write
 * has counted goes with the spool.
 *
 * Nothing is synced: whatever a crash leaves is removed at the next start.
 */
#include "query/spool.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct spool {
	struct spool_room *room;
	char *path;
	struct buffer buffer;
	int fd; /* -1: not open */
	bool has_file;
	int64_t file_bytes;
	int64_t counted, counted_memory;
};

void spool_room_init(struct spool_room *room, int64_t bytes_max, int64_t memory_max)
{
	*room = (struct spool_room){.bytes_max = bytes_max, .memory_max = memory_max};
	mutex_init(&room->mutex);
}

void spool_room_fini(struct spool_room *room)
{
	assert(room->bytes == 0);
	assert(room->memory == 0);
	mutex_fini(&room->mutex);
}

/* Count ${bytes} more, of them ${memory} in memory; false when there is no room for them. */
static bool take_room(struct spool *spool, int64_t bytes, int64_t memory)
{
	struct spool_room *room = spool->room;
	bool fits;

	mutex_lock(&room->mutex);
	fits = bytes <= room->bytes_max - room->bytes && memory <= room->memory_max - room->memory;
	if (fits) {
		room->bytes += bytes;
		room->memory += memory;
		metric_add(METRIC_QUERY_RESULT_BYTES, 0, bytes);
	}
	mutex_unlock(&room->mutex);
	if (fits) {
		spool->counted += bytes;
		spool->counted_memory += memory;
	}
	return fits;
}

static void give_room(struct spool *spool)
{
	struct spool_room *room = spool->room;

	mutex_lock(&room->mutex);
	room->bytes -= spool->counted;
	room->memory -= spool->counted_memory;
	metric_add(METRIC_QUERY_RESULT_BYTES, 0, -spool->counted);
	mutex_unlock(&room->mutex);
}

enum status spool_create(struct spool_room *room, const char *path, size_t put_bytes_max,
    struct spool **ret_spool, struct err *err)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (spool == NULL || (spool->path = strdup(path)) == NULL) {
		free(spool);
		return err_set(err, E_NOMEM, "no memory for a result");
	}
	spool->room = room;
	spool->fd = -1;
	buffer_init(&spool->buffer, SPOOL_CHUNK_BYTES + put_bytes_max);
	*ret_spool = spool;
	return OK;
}

void spool_destroy(struct spool **spool_ptr)
{
	struct spool *spool = *spool_ptr;

	if (spool == NULL)
		return;
	if (spool->fd >= 0)
		close(spool->fd);
	if (spool->has_file && unlink(spool->path) != 0)
		log_event(LOG_LEVEL_WARN, "query.result_left", "path=\"%s\" error=\"%s\"",
		    spool->path, strerror(errno));
	give_room(spool);
	buffer_fini(&spool->buffer);
	free(spool->path);
	free(spool);
	*spool_ptr = NULL;
}

struct buffer *spool_buffer(struct spool *spool)
{
	return &spool->buffer;
}

int64_t spool_bytes(const struct spool *spool)
{
	return spool->file_bytes + (int64_t)spool->buffer.len;
}

static enum status open_file(struct spool *spool, int flags, struct err *err)
{
	if (spool->fd >= 0)
		return OK;
	spool->fd = open(spool->path, flags | O_CLOEXEC, 0600);
	if (spool->fd < 0)
		return err_errno(err, errno, "open a result's file");
	spool->has_file = true;
	return OK;
}

static enum status flush(struct spool *spool, struct err *err)
{
	struct slice rest = buffer_slice(&spool->buffer);
	enum status status = open_file(spool, O_RDWR | O_CREAT | O_EXCL, err);

	if (status != OK)
		return status;
	if (!take_room(spool, (int64_t)rest.len, 0))
		return err_set(err, E_BUSY, "there is no room for more of it");
	while (rest.len > 0) {
		ssize_t count = pwrite(spool->fd, rest.ptr, rest.len, spool->file_bytes);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_errno(err, errno, "write a result");
		spool->file_bytes += count;
		rest = slice_skip(rest, (size_t)count);
	}
	buffer_reset(&spool->buffer);
	return OK;
}

enum status spool_settle(struct spool *spool, struct err *err)
{
	if (spool->buffer.failed)
		return err_set(err, E_LIMIT, "a row has more than %zu bytes",
		    spool->buffer.bytes_max - SPOOL_CHUNK_BYTES);
	return spool->buffer.len < SPOOL_CHUNK_BYTES ? OK : flush(spool, err);
}

enum status spool_read(struct spool *spool, int64_t offset, char *ret_bytes, size_t count,
    size_t *ret_count, struct err *err)
{
	size_t done = 0;
	enum status status = offset < spool->file_bytes ? open_file(spool, O_RDONLY, err) : OK;

	while (status == OK && done < count && offset + (int64_t)done < spool->file_bytes) {
		ssize_t n =
		    pread(spool->fd, ret_bytes + done, count - done, offset + (int64_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? err_set(err, E_IO, "a result's file was cut")
				      : err_errno(err, errno, "read a result");
		done += (size_t)n;
	}
	if (status == OK && done < count && offset + (int64_t)done < spool_bytes(spool)) {
		size_t from = (size_t)(offset + (int64_t)done - spool->file_bytes);
		size_t there = spool->buffer.len - from;
		size_t n = there < count - done ? there : count - done;

		memcpy(ret_bytes + done, spool->buffer.ptr + from, n);
		done += n;
	}
	if (status == OK)
		*ret_count = done;
	return status;
}

enum status spool_keep(struct spool *spool, struct err *err)
{
	int64_t bytes = (int64_t)spool->buffer.len;
	enum status status = OK;

	if (spool->counted_memory > 0)
		return OK; /* kept already */
	if (bytes > 0 && (spool->has_file || !take_room(spool, bytes, bytes)))
		status = flush(spool, err);
	if (status == OK && spool->buffer.len == 0)
		buffer_fini(&spool->buffer);
	if (spool->fd >= 0)
		close(spool->fd);
	spool->fd = -1;
	return status;
}
