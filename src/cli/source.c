/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and streams as parts: see source.h.
 *
 * Offsets are those of the file or stream, whatever of it is still there.  A stream's bytes lie in
 * the spool, the header at its start and behind it the body less the bytes that were dropped:
 *
 *	stream	[header][sent part][sent part][part][rest]
 *	spool	[header][part][rest]			dropped = both sent parts
 *
 * After a part is sent, the rest (a block and a record at most) moves down over it.
 */
#include "cli/source.h"

#include "base/slice.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (1u << 20)

struct source {
	char *name;
	struct source_options options;
	int in;   /* what is read; -1: closed */
	int data; /* where source_read looks: ${in} or the spool */
	bool is_stream;
	bool owns_in;
	uint64_t size;
	char *block;

	struct split split;
	uint64_t scanned; /* so much was fed into ${split} */
	uint64_t dropped;
	bool ended;

	struct split_part parts[SOURCE_PARTS_MAX];
	uint64_t part_count; /* found; only the first SOURCE_PARTS_MAX are kept */
	uint64_t sent_bytes;
	uint64_t next; /* index of the part that source_next gives */
};

/* A file that has no name is gone when the process is. */
static enum status open_spool(int *ret_file, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	char name[4096];
	int file;

	if (folder == NULL || *folder == '\0')
		folder = "/tmp";
	if ((size_t)snprintf(name, sizeof(name), "%s/sluice-load-XXXXXX", folder) >= sizeof(name))
		return err_set(err, E_INVALID, "TMPDIR is too long");
	file = mkostemp(name, O_CLOEXEC);
	if (file < 0)
		return err_errno(err, errno, "temporary file in %s", folder);
	unlink(name);
	*ret_file = file;
	return OK;
}

/* Standard input that comes from a file at its start is as good as the file. */
static bool is_plain_file(int file, struct stat *ret_stat)
{
	return fstat(file, ret_stat) == 0 && S_ISREG(ret_stat->st_mode) &&
	       lseek(file, 0, SEEK_CUR) == 0;
}

static enum status open_input(struct source *source, const char *name, struct err *err)
{
	struct stat about = {0};

	source->owns_in = strcmp(name, "-") != 0;
	source->in = source->owns_in ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (source->in < 0)
		return err_errno(err, errno, "%s", name);
	source->is_stream = !is_plain_file(source->in, &about);
	if (S_ISDIR(about.st_mode))
		return err_set(err, E_INVALID, "%s is a folder", name);
	if (source->is_stream)
		return open_spool(&source->data, err);
	source->data = source->in;
	source->size = (uint64_t)about.st_size;
	return OK;
}

enum status source_open(const char *name, const struct source_options *options,
    struct source **ret_source, struct err *err)
{
	struct source *source = calloc(1, sizeof(*source));
	enum status st;

	if (source == NULL)
		return err_set(err, E_NOMEM, "no memory");
	source->in = source->data = -1;
	source->options = *options;
	split_init(&source->split, options->part_bytes_max, options->has_header);
	source->name = strdup(strcmp(name, "-") == 0 ? "standard input" : name);
	source->block = malloc(BLOCK_BYTES);
	if (source->name == NULL || source->block == NULL)
		st = err_set(err, E_NOMEM, "no memory");
	else
		st = open_input(source, name, err);
	if (st == OK)
		*ret_source = source;
	else
		source_close(&source);
	return st;
}

void source_close(struct source **source)
{
	struct source *s = *source;

	if (s == NULL)
		return;
	if (s->data >= 0 && s->data != s->in)
		close(s->data);
	if (s->in >= 0 && s->owns_in)
		close(s->in);
	free(s->block);
	free(s->name);
	free(s);
	*source = NULL;
}

const char *source_name(const struct source *source)
{
	return source->name;
}

bool source_is_stream(const struct source *source)
{
	return source->is_stream;
}

uint64_t source_bytes(const struct source *source)
{
	return source->size;
}

uint64_t source_part_count(const struct source *source)
{
	return source->part_count;
}

uint64_t source_sent_bytes(const struct source *source)
{
	return source->sent_bytes;
}

/* --- Reading and cutting
 * ---------------------------------------------------------------------------------------- */

static enum status note_part(void *ctx, const struct split_part *part, struct err *err)
{
	struct source *source = ctx;

	(void)err;
	if (source->part_count < SOURCE_PARTS_MAX)
		source->parts[source->part_count] = *part;
	source->part_count++;
	source->sent_bytes += source_part_bytes(part);
	return OK;
}

/* Where in ${data} the byte ${offset} of the stream lies. */
static off_t place_of(const struct source *source, uint64_t offset)
{
	if (offset < source->split.header_bytes)
		return (off_t)offset;
	return (off_t)(offset - source->dropped);
}

static bool is_cancelled(const struct source *source)
{
	return source->options.cancelled != NULL && *source->options.cancelled != 0;
}

static enum status write_all(
    const struct source *source, const char *bytes, size_t count, off_t place, struct err *err)
{
	while (count > 0) {
		ssize_t done = pwrite(source->data, bytes, count, place);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_errno(err, errno, "%s: temporary file", source->name);
		bytes += done;
		count -= (size_t)done;
		place += done;
	}
	return OK;
}

/* A block of input; ${ret_count} of 0 is the end.  A signal in between is looked at, not hidden. */
static enum status read_input(struct source *source, size_t *ret_count, struct err *err)
{
	ssize_t got;

	do {
		if (is_cancelled(source))
			return err_set(err, E_CANCELLED, "interrupted");
		got = source->is_stream
			  ? read(source->in, source->block, BLOCK_BYTES)
			  : pread(source->in, source->block, BLOCK_BYTES, (off_t)source->scanned);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, errno, "%s", source->name);
	*ret_count = (size_t)got;
	return OK;
}

/* One block further: read it, keep it if it comes from a stream, look for cuts in it. */
static enum status advance(struct source *source, struct err *err)
{
	enum status st;
	size_t count = 0;

	st = read_input(source, &count, err);
	if (st != OK)
		return st;
	if (source->is_stream) {
		st =
		    write_all(source, source->block, count, place_of(source, source->scanned), err);
		if (st != OK)
			return st;
	}
	source->scanned += count;
	if (count > 0) {
		st = split_feed(
		    &source->split, (struct slice){source->block, count}, note_part, source, err);
	} else {
		source->ended = true;
		st = split_finish(&source->split, note_part, source, err);
	}
	if (st != OK)
		err_add(err, "%s", source->name);
	return st;
}

enum status source_plan(struct source *source, struct err *err)
{
	enum status st = OK;

	assert(!source->is_stream);
	while (st == OK && !source->ended)
		st = advance(source, err);
	return st;
}

/* --- Giving parts ----------------------------------------------------------------------------- */

/* Move what follows the last given part down over it. */
static enum status drop_sent(struct source *source, struct err *err)
{
	const struct split_part *sent = &source->parts[source->next - 1];
	uint64_t from = sent->offset + sent->bytes, to = sent->offset;
	enum status st = OK;

	while (st == OK && from < source->scanned) {
		ssize_t got =
		    pread(source->data, source->block, BLOCK_BYTES, place_of(source, from));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(err, errno, "%s: temporary file", source->name);
		st = write_all(source, source->block, (size_t)got, place_of(source, to), err);
		from += (uint64_t)got;
		to += (uint64_t)got;
	}
	if (st == OK && ftruncate(source->data, place_of(source, to)) != 0)
		st = err_errno(err, errno, "%s: temporary file", source->name);
	if (st == OK)
		source->dropped += sent->bytes;
	return st;
}

enum status source_next(
    struct source *source, struct split_part *ret_part, bool *ret_more, struct err *err)
{
	enum status st = OK;

	if (source->is_stream && source->next > 0)
		st = drop_sent(source, err);
	while (st == OK && source->next == source->part_count && !source->ended)
		st = advance(source, err);
	if (st != OK)
		return st;
	*ret_more = source->next < source->part_count;
	if (!*ret_more)
		return OK;
	if (source->next >= SOURCE_PARTS_MAX)
		return err_set(err, E_LIMIT,
		    "%s: more than %d parts, which is all that a job takes; a larger --part-size "
		    "may help",
		    source->name, SOURCE_PARTS_MAX);
	*ret_part = source->parts[source->next++];
	return OK;
}

enum status source_read(const struct source *source, const struct split_part *part, uint64_t offset,
    char *ret_bytes, size_t room, size_t *ret_count, struct err *err)
{
	uint64_t at = offset, left = part->header_bytes - offset;
	ssize_t got;

	if (offset >= part->header_bytes) {
		at = part->offset + (offset - part->header_bytes);
		left = part->offset + part->bytes - at;
	}
	if (room > left)
		room = (size_t)left;
	do {
		got = pread(source->data, ret_bytes, room, place_of(source, at));
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, errno, "%s", source->name);
	if (got == 0)
		return err_set(
		    err, E_INVALID, "%s became shorter while it was being sent", source->name);
	*ret_count = (size_t)got;
	return OK;
}
