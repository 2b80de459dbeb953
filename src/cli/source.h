/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_SOURCE_H
#define SLUICE_CLI_SOURCE_H

/*
 * A file to load, seen as the parts it is sent in.
 *
 *	source_open("orders.csv", &options, &source, &err)
 *	source_plan(source, &err)		all parts of a plain file, before anything is sent
 *	while (source_next(source, &part, &more, &err) == OK && more)
 *		source_read(source, part, offset, …)	as often as wanted, until the next
 *							source_next
 *	source_close(&source)
 *
 * A plain file is read twice, once to find the cuts and once to be sent, and never held in memory.
 * Standard input, a pipe or a device cannot be read twice: it goes through a temporary file that
 * has no name and holds about a part.
 */

#include "base/status.h"
#include "cli/split.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server takes so many parts a job. */
#define SOURCE_PARTS_MAX 100

struct source;

struct source_options {
	uint64_t part_bytes_max;
	bool has_header;
	/* Not 0: stop reading, with E_CANCELLED.  May be NULL. */
	const volatile sig_atomic_t *cancelled;
};

/* "-" is standard input. */
enum status source_open(const char *name, const struct source_options *options,
    struct source **ret_source, struct err *err) WARN_UNUSED;
void source_close(struct source **source);

const char *source_name(const struct source *source);

/* Is its end unknown, so that it cannot be planned? */
bool source_is_stream(const struct source *source);

/* The size of a plain file, 0 of a stream. */
uint64_t source_bytes(const struct source *source);

/* Find all parts of a plain file.  E_LIMIT: a record is too long; E_IO; E_CANCELLED. */
enum status source_plan(struct source *source, struct err *err) WARN_UNUSED;

/* After the plan: how many parts there are (it may be more than SOURCE_PARTS_MAX; those past it
 * cannot be had), and how many bytes they are together, headers included. */
uint64_t source_part_count(const struct source *source);
uint64_t source_sent_bytes(const struct source *source);

/* The next part; ${ret_more} is false behind the last one.  Of a stream it is read
 * first.  The part before is gone.  E_LIMIT: a record is too long, or the parts too
 * many; E_IO, E_FULL; E_CANCELLED. */
enum status source_next(struct source *source, struct split_part *ret_part, bool *ret_more,
    struct err *err) WARN_UNUSED;

/* All bytes of a part, its header first. */
static inline uint64_t source_part_bytes(const struct split_part *part)
{
	return part->header_bytes + part->bytes;
}

/* Up to ${room} bytes of ${part} from its byte ${offset} on.  E_INVALID: the file has become
 * shorter; E_IO. */
enum status source_read(const struct source *source, const struct split_part *part, uint64_t offset,
    char *ret_bytes, size_t room, size_t *ret_count, struct err *err) WARN_UNUSED;

#endif
