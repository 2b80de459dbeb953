/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOURNAL_JOURNAL_H
#define SLUICE_JOURNAL_JOURNAL_H

/*
 * The journal: what streams have accepted and the lake does not hold yet.
 *
 * A log a stream, under a name that the catalog gives once and never again.  A log is a row of
 * entries in the order of their acceptance.  An entry is opaque here, appears whole or not at all,
 * and never changes.  Its position is the number of bytes before it since the log's beginning, so
 * positions grow, and none comes twice, whatever is trimmed, lost or restarted in between.
 *
 *	journal_append	an entry at the end; durable when it returns
 *	journal_read	entries from a position on, in order
 *	journal_trim	what is before a position is needed no more
 *
 * Appends that come together share one durable write (group commit); a lone one does not wait for
 * company.  What is appended and not trimmed is bounded, for one log and for all.
 *
 * Names are of a-z 0-9 - only, at most JOURNAL_NAME_BYTES - 1.  Calls block on storage and do not
 * belong on an event thread.  Any thread, any number at once; one thread at a time reads a log.
 *
 * All calls may return E_IO, E_FULL or E_NOMEM beside what stands at each.  A log in which bytes of
 * acknowledged entries were changed is E_IO with its name and the place, and takes and gives
 * nothing any more: nothing is skipped.  A log that was removed is E_NOT_FOUND to all but
 * journal_remove().
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_NAME_BYTES 65

/* The largest entry: a streaming request's records as they are stored, with room to spare. */
#define JOURNAL_ENTRY_BYTES_MAX (4 * 1024 * 1024)

struct journal;

struct journal_state {
	int64_t begin; /* of what is needed: the position that was trimmed to last */
	int64_t end;   /* behind the last durable entry */
};

/* Nobody may be inside another call any more.  NULL is fine. */
void journal_close(struct journal **journal);

/* Append; ${ret_end} is the position behind the entry.  When this returns OK the entry survives a
 * power cut, and so do all before it.  After a failure it is not in the log, unless the server ends
 * before the log could be cut back, which a client sees as an answer that was lost.
 * E_BUSY: the log, or all of them, hold as much as they may; trimming makes room. */
enum status journal_append(struct journal *journal, const char *name, struct slice entry,
    int64_t *ret_end, struct err *err) WARN_UNUSED;

/* A log that nothing was ever appended to is 0 to 0.  Reads no storage once the log is known; then
 * it does not block. */
enum status journal_state(struct journal *journal, const char *name,
    struct journal_state *ret_state, struct err *err) WARN_UNUSED;

/* Give ${visit} the entries between two positions, in order, until it has been given
 * ${bytes_max} bytes or more (at least one entry, if there is one).  ${from} and ${to} are
 * positions of entries or ends, not before the log's begin and not behind its end; E_IO when what
 * was at ${from} is lost.  ${ret_next} is the position behind the last entry given.  The entries
 * lie in ${arena} and are valid as long as it.  Anything but OK from ${visit} ends the walk and is
 * returned. */
typedef enum status journal_entry_fn(
    void *ctx, int64_t position, struct slice entry, struct err *err);
enum status journal_read(struct journal *journal, const char *name, int64_t from, int64_t to,
    size_t bytes_max, struct arena *arena, journal_entry_fn *visit, void *ctx, int64_t *ret_next,
    struct err *err) WARN_UNUSED;

/* What is before ${position} is needed no more.  Its storage goes by and by.  Going back changes
 * nothing.  A position behind the end means that the log's files were lost: it is logged as an
 * error, and the log goes on from there, so that no position is given twice. */
enum status journal_trim(
    struct journal *journal, const char *name, int64_t position, struct err *err) WARN_UNUSED;

/* Remove the log with all that is in it.  Whoever appends to it afterwards gets E_NOT_FOUND, until
 * the journal is opened anew.  Not there: OK. */
enum status journal_remove(struct journal *journal, const char *name, struct err *err) WARN_UNUSED;

/* The names of all logs in storage, for start-up. */
enum status journal_list(struct journal *journal, struct arena *arena, const char ***ret_names,
    size_t *ret_count, struct err *err) WARN_UNUSED;

#endif
