/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines as they come: see lines.h.
 *
 * One block of memory; between ${begin} and ${end} lies what was read and not given yet, and up to
 * ${searched} it holds no line end.  When the rest of the block is full, what lies there moves to
 * its start.  A line that does not fit is told at once and then dropped piece by piece.
 */
#include "cli/lines.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe holds 64 KiB; less would be read in more calls than need be. */
#define READ_BYTES_MIN (64u << 10)

struct lines {
	char *name;
	struct lines_options options;
	int in;
	bool owns_in;
	uint64_t bytes, bytes_read;

	char *block;
	size_t room;
	size_t begin, searched, end;
	uint64_t number; /* of the line that begins at ${begin} */
	bool is_dropping;
	bool at_start; /* nothing was given yet */
	bool ended;    /* there is no more to read */
};

/* --- Life ------------------------------------------------------------------------------------- */

static enum status open_input(struct lines *lines, const char *name, struct err *err)
{
	struct stat about = {0};

	lines->owns_in = strcmp(name, "-") != 0;
	lines->in = lines->owns_in ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (lines->in < 0)
		return err_errno(err, errno, "%s", name);
	if (fstat(lines->in, &about) != 0)
		return err_errno(err, errno, "%s", lines->name);
	if (S_ISDIR(about.st_mode))
		return err_set(err, E_INVALID, "%s is a folder", name);
	if (S_ISREG(about.st_mode))
		lines->bytes = (uint64_t)about.st_size;
	return OK;
}

enum status lines_open(const char *name, const struct lines_options *options,
    struct lines **ret_lines, struct err *err)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	enum status st;

	if (lines == NULL)
		return err_set(err, E_NOMEM, "no memory");
	lines->in = -1;
	lines->options = *options;
	lines->number = 1;
	lines->at_start = true;
	/* The longest line and its end, and room to read on behind it. */
	lines->room = options->line_bytes_max + 2;
	lines->room += lines->room < READ_BYTES_MIN ? READ_BYTES_MIN : lines->room;
	lines->name = strdup(strcmp(name, "-") == 0 ? "standard input" : name);
	lines->block = malloc(lines->room);
	if (lines->name == NULL || lines->block == NULL)
		st = err_set(err, E_NOMEM, "no memory");
	else
		st = open_input(lines, name, err);
	if (st == OK)
		*ret_lines = lines;
	else
		lines_close(&lines);
	return st;
}

void lines_close(struct lines **lines)
{
	struct lines *l = *lines;

	if (l == NULL)
		return;
	if (l->in >= 0 && l->owns_in)
		close(l->in);
	free(l->block);
	free(l->name);
	free(l);
	*lines = NULL;
}

const char *lines_name(const struct lines *lines)
{
	return lines->name;
}

uint64_t lines_bytes(const struct lines *lines)
{
	return lines->bytes;
}

uint64_t lines_bytes_read(const struct lines *lines)
{
	return lines->bytes_read;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool is_stopped(const struct lines *lines)
{
	return lines->options.stopped != NULL && *lines->options.stopped != 0;
}

/* Is there something to read within ${wait_ms}?  Signals are let in only while it waits, so that
 * one between the look at the flag and the wait is not slept through. */
static enum status await_input(
    const struct lines *lines, int wait_ms, bool *ret_ready, struct err *err)
{
	struct pollfd in = {.fd = lines->in, .events = POLLIN};
	struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
	sigset_t all, before;
	int count = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (!is_stopped(lines))
		count = ppoll(&in, 1, wait_ms < 0 ? NULL : &wait, &before);
	if (count < 0 && errno != EINTR)
		err_errno(err, errno, "%s", lines->name);
	else if (count < 0)
		count = 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	*ret_ready = count > 0;
	return count < 0 ? E_IO : OK;
}

static void make_room(struct lines *lines)
{
	size_t kept = lines->end - lines->begin;

	if (lines->room - lines->end >= READ_BYTES_MIN / 2 || lines->begin == 0)
		return;
	memmove(lines->block, lines->block + lines->begin, kept);
	lines->searched -= lines->begin;
	lines->begin = 0;
	lines->end = kept;
}

static enum status read_some(struct lines *lines, struct err *err)
{
	ssize_t got;

	make_room(lines);
	assert(lines->end < lines->room);
	got = read(lines->in, lines->block + lines->end, lines->room - lines->end);
	if (got < 0 && errno != EINTR && errno != EAGAIN)
		return err_errno(err, errno, "%s", lines->name);
	if (got == 0)
		lines->ended = true;
	if (got > 0) {
		lines->end += (size_t)got;
		lines->bytes_read += (uint64_t)got;
	}
	return OK;
}

/* --- Lines ------------------------------------------------------------------------------------ */

/* What lies there up to ${end}, which is behind the line end if there is one. */
static enum lines_event give(struct lines *lines, size_t end, bool has_end, struct line *ret_line)
{
	struct slice text = {lines->block + lines->begin, end - lines->begin - has_end};

	if (has_end && text.len > 0 && text.ptr[text.len - 1] == '\r')
		text.len--;
	if (lines->at_start && slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_skip(text, 3);
	lines->at_start = false;
	*ret_line = (struct line){text, lines->number};
	lines->begin = lines->searched = end;
	if (has_end)
		lines->number++;
	return text.len > lines->options.line_bytes_max ? LINES_TOO_LONG : LINES_LINE;
}

/* Drop what there is of a line that is too long, its end included when that is there. */
static void drop(struct lines *lines, const char *end)
{
	lines->begin = end == NULL ? lines->end : (size_t)(end - lines->block) + 1;
	lines->searched = lines->begin;
	if (end != NULL) {
		lines->is_dropping = false;
		lines->number++;
	}
}

/* Is a line there, or too much of one?  The last of a file counts though it lacks its end; one that
 * the user cut off does not. */
static bool take_line(struct lines *lines, struct line *ret_line, enum lines_event *ret_event)
{
	const char *end;

	do {
		end = lines->end == lines->searched ? NULL
						    : memchr(lines->block + lines->searched, '\n',
							  lines->end - lines->searched);
		lines->searched = lines->end;
		if (!lines->is_dropping)
			break;
		drop(lines, end);
	} while (end != NULL);
	if (end != NULL) {
		*ret_event = give(lines, (size_t)(end - lines->block) + 1, true, ret_line);
		return true;
	}
	/* Its end may be a CR and an LF. */
	if (lines->end - lines->begin > lines->options.line_bytes_max + 1) {
		*ret_event = LINES_TOO_LONG;
		*ret_line = (struct line){.number = lines->number};
		lines->is_dropping = true;
		lines->at_start = false;
		return true;
	}
	if (lines->ended && lines->end > lines->begin) {
		*ret_event = give(lines, lines->end, false, ret_line);
		return true;
	}
	return false;
}

/* What is left of ${wait_ms} that began at ${start_us}. */
static int time_left_ms(int wait_ms, int64_t start_us)
{
	int64_t gone_ms;

	if (wait_ms <= 0)
		return wait_ms;
	gone_ms = (clock_mono_us() - start_us) / 1000;
	return gone_ms >= wait_ms ? 0 : wait_ms - (int)gone_ms;
}

enum status lines_next(struct lines *lines, int wait_ms, struct line *ret_line,
    enum lines_event *ret_event, struct err *err)
{
	int64_t start_us = 0;
	bool ready;
	enum status st;

	while (!take_line(lines, ret_line, ret_event)) {
		*ret_event = LINES_END;
		if (lines->ended || is_stopped(lines))
			return OK;
		if (start_us == 0)
			start_us = clock_mono_us();
		st = await_input(lines, time_left_ms(wait_ms, start_us), &ready, err);
		if (st == OK && ready)
			st = read_some(lines, err);
		if (st != OK)
			return st;
		*ret_event = LINES_QUIET;
		if (!ready && !is_stopped(lines) && time_left_ms(wait_ms, start_us) == 0)
			return OK;
	}
	return OK;
}
