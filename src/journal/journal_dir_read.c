/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log: see journal_read() in journal.h.
 *
 * A file is opened for as long as it is read from, so that a reader shares no descriptor with those
 * who write.  Blocks of it go into the caller's arena, and entries are shown where they lie; a
 * frame that reaches over the end of a block is read again as the beginning of the next one.  All
 * of it lies before the durable end, where bytes do not change: a frame that is not whole there is
 * a log that broke.
 */
#include "journal/journal_dir_log.h"

#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Large enough that a frame seldom reaches over the end; and what a small read costs at least. */
#define BLOCK_BYTES     (256 * 1024)
#define BLOCK_BYTES_MIN 4096

struct reader {
	struct journal_dir *dir;
	struct journal_log *log;
	struct arena *arena;
	journal_entry_fn *visit;
	void *ctx;
	size_t bytes_left; /* to be given, about */
	int64_t at, to;

	int file;            /* -1: none is open */
	int64_t first, next; /* of that file: where it begins, and where the reader leaves it */
	char path[JOURNAL_PATH_BYTES];
};

/* The file in which ${at} lies, and how far it may be read. */
static enum status find_file_locked(struct reader *reader, struct err *err)
{
	const struct journal_log *log = reader->log;
	enum status st = journal_log_check_locked(log, err);
	size_t i = log->count;

	if (st != OK)
		return st;
	while (i > 0 && log->firsts[i - 1] > reader->at)
		i--;
	if (i == 0)
		return err_set(
		    err, E_IO, "what was at %lld is not there any more", (long long)reader->at);
	reader->first = log->firsts[i - 1];
	reader->next = i < log->count && log->firsts[i] < reader->to ? log->firsts[i] : reader->to;
	return OK;
}

static enum status open_file(struct reader *reader, struct err *err)
{
	enum status st;

	mutex_lock(&reader->dir->mutex);
	st = find_file_locked(reader, err);
	mutex_unlock(&reader->dir->mutex);
	if (st != OK)
		return st;
	journal_disk_path(reader->path, reader->log, reader->first);
	reader->file = openat(reader->dir->root, reader->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (reader->file >= 0)
		return OK;

	/* A file that is gone went with the log, or it was lost. */
	err_errno(err, errno, "%s: open", reader->path);
	mutex_lock(&reader->dir->mutex);
	st = reader->log->removed ? journal_log_check_locked(reader->log, err) : E_IO;
	mutex_unlock(&reader->dir->mutex);
	return st;
}

static void close_file(struct reader *reader)
{
	if (reader->file >= 0)
		close(reader->file);
	reader->file = -1;
}

static enum status fail_broken(struct reader *reader, struct err *err)
{
	struct err why;
	enum status st;
	bool news;

	err_set(&why, E_IO, "%s, byte %lld: not as it was written", reader->path,
	    (long long)(reader->at - reader->first));
	mutex_lock(&reader->dir->mutex);
	news = journal_log_break_locked(reader->log, why.text);
	st = journal_log_check_locked(reader->log, err);
	mutex_unlock(&reader->dir->mutex);
	if (news)
		journal_log_say_broken(reader->log, why.text);
	return st;
}

/* As many bytes as there are, at most ${bytes}. */
static enum status read_block(
    struct reader *reader, size_t bytes, struct slice *ret_block, struct err *err)
{
	char *block = arena_alloc(reader->arena, bytes);
	size_t count = 0;
	ssize_t n = 1;

	if (block == NULL)
		return err_set(err, E_NOMEM, "no memory");
	while (count < bytes && n != 0) {
		n = pread(reader->file, block + count, bytes - count,
		    (off_t)(reader->at - reader->first) + (off_t)count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "%s: read", reader->path);
		count += (size_t)n;
	}
	*ret_block = (struct slice){block, count};
	return OK;
}

/* Show the whole frames of a block.  ${ret_need}: what the next one needs to be seen whole, 0 if
 * nothing is known of it. */
static enum status show_block(
    struct reader *reader, struct slice block, size_t *ret_need, struct err *err)
{
	*ret_need = 0;
	while (block.len > 0 && reader->bytes_left > 0) {
		struct journal_frame frame;
		enum status st;

		switch (journal_frame_look(reader->log->seed, block, reader->at, &frame)) {
		case JOURNAL_FRAME_WHOLE:
			break;
		case JOURNAL_FRAME_PART:
			*ret_need = frame.bytes;
			return OK;
		case JOURNAL_FRAME_BAD:
			return fail_broken(reader, err);
		}
		st = reader->visit(reader->ctx, reader->at, frame.entry, err);
		if (st != OK)
			return st;
		reader->at += (int64_t)frame.bytes;
		block = slice_skip(block, frame.bytes);
		reader->bytes_left -=
		    frame.entry.len < reader->bytes_left ? frame.entry.len : reader->bytes_left;
	}
	return OK;
}

/* What is left of the file that is open. */
static enum status read_rest(struct reader *reader, struct err *err)
{
	size_t need = 0;

	while (reader->at < reader->next && reader->bytes_left > 0) {
		size_t left = (size_t)(reader->next - reader->at);
		size_t bytes = BLOCK_BYTES;
		struct slice block;
		enum status st;

		/* A frame that reaches over what may be read was not written like that. */
		if (need > left)
			return fail_broken(reader, err);
		if (reader->bytes_left < BLOCK_BYTES - BLOCK_BYTES_MIN)
			bytes = reader->bytes_left + BLOCK_BYTES_MIN;
		if (bytes < need)
			bytes = need;
		if (bytes > left)
			bytes = left;
		st = read_block(reader, bytes, &block, err);
		if (st == OK && block.len < bytes)
			st = fail_broken(reader, err);
		if (st == OK)
			st = show_block(reader, block, &need, err);
		if (st != OK)
			return st;
	}
	return OK;
}

enum status journal_dir_read(struct journal *base, const char *name, int64_t from, int64_t to,
    size_t bytes_max, struct arena *arena, journal_entry_fn *visit, void *ctx, int64_t *ret_next,
    struct err *err)
{
	struct reader reader = {
	    .dir = (struct journal_dir *)base,
	    .arena = arena,
	    .visit = visit,
	    .ctx = ctx,
	    .bytes_left = bytes_max == 0 ? 1 : bytes_max,
	    .at = from,
	    .to = to,
	    .file = -1,
	};
	enum status st;

	mutex_lock(&reader.dir->mutex);
	st = journal_log_use_locked(reader.dir, name, &reader.log, err);
	if (st == OK)
		assert(to <= reader.log->end);
	mutex_unlock(&reader.dir->mutex);
	while (st == OK && reader.at < reader.to && reader.bytes_left > 0) {
		st = open_file(&reader, err);
		if (st == OK)
			st = read_rest(&reader, err);
		close_file(&reader);
	}
	if (st == OK)
		*ret_next = reader.at;
	return st;
}
