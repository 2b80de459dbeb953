/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_LINES_H
#define SLUICE_CLI_LINES_H

/*
 * The lines of a file or of a pipe that may be slow.
 *
 *	lines_open("-", &options, &lines, &err)
 *	lines_next(lines, 200, &line, &event, &err)	until the event is LINES_END
 *	lines_close(&lines)
 *
 * A line is there as soon as its end is: who reads `tail -f` waits for no block to fill.  Memory is
 * twice the longest line that is allowed.  One thread at a time.
 */

#include "base/slice.h"
#include "base/status.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

struct lines_options {
	size_t line_bytes_max; /* without its end */
	/* Not 0: read no more; what was read in whole lines is still given, then comes the end.  May
	 * be NULL. */
	const volatile sig_atomic_t *stopped;
};

enum lines_event {
	LINES_LINE,
	LINES_QUIET,    /* no line in that time */
	LINES_TOO_LONG, /* a line, of which only the number is told */
	LINES_END,
};

struct line {
	struct slice text; /* without its end, LF or CR LF; a view until the next call */
	uint64_t number;   /* from 1 */
};

/* "-" is standard input. */
enum status lines_open(const char *name, const struct lines_options *options,
    struct lines **ret_lines, struct err *err) WARN_UNUSED;
void lines_close(struct lines **lines);

const char *lines_name(const struct lines *lines);

/* The size of a plain file, 0 of anything else; and how much of it was read. */
uint64_t lines_bytes(const struct lines *lines);
uint64_t lines_bytes_read(const struct lines *lines);

#define LINES_FOREVER (-1)

/* The next line.  Waits up to ${wait_ms}, 0 not at all, LINES_FOREVER until there is one or the
 * end.  The last line may lack its end; a byte order mark before the first is skipped.  After
 * LINES_END it comes again.  E_IO. */
enum status lines_next(struct lines *lines, int wait_ms, struct line *ret_line,
    enum lines_event *ret_event, struct err *err) WARN_UNUSED;

#endif
