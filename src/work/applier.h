/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_APPLIER_H
#define SLUICE_WORK_APPLIER_H

/*
 * The applier: takes what streams have accepted from the journal to the lake, in order with the
 * object's bulk jobs, each entry once (docs/DESIGN.md, "Exactly once").
 *
 *	applier_start -> applier_wake (after each append) … -> applier_stop
 *
 * A stream's entries are gathered for a moment after the first and applied together.  A failure is
 * tried again with growing pauses until it works: what was accepted is never given up.
 *
 * Any thread.
 */

#include "catalog/catalog.h"
#include "catalog/shape.h"
#include "job/watch.h"
#include "journal/journal.h"
#include "lake/lake.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct applier;

/* All borrowed. */
struct applier_options {
	struct catalog *catalog;
	struct shapes *shapes;
	struct journal *journal;
	struct lake *lake;
	struct job_watch *watch; /* told how far each log is applied, by the log's name */
	int64_t interval_us;     /* how long entries are gathered */
};

/* Bring journal and lake to agree on what is applied, and begin with what is not.  Before anything
 * is appended; jobs were recovered, tables settled.  Fails when the lake cannot tell, or a log whose
 * files were lost cannot be made to go on behind the lake's position: to append to it would lose
 * entries. */
enum status applier_start(const struct applier_options *options, struct applier **ret_applier,
    struct err *err) WARN_UNUSED;

/* Something was appended to the stream's log.  Does not block for long. */
void applier_wake(struct applier *applier, const struct stream *stream);

/* A job of the object is settled, or will never be loaded: what is behind it may go on. */
void applier_settled(struct applier *applier, const struct job *job);

/* For a worker that has claimed ${job}: wait until all is applied that comes before it, and no apply
 * of its object is under way.  From then on until the job is settled there is none.
 * E_CANCELLED: ${stop} was set, and applier_interrupt() called after that. */
enum status applier_wait(struct applier *applier, const struct job *job, const atomic_bool *stop,
    struct err *err) WARN_UNUSED;
void applier_interrupt(struct applier *applier);

/* The stream of this log is gone from the catalog: wait until nothing of it is under way.  After
 * that the applier neither touches its table nor its log. */
void applier_forget(struct applier *applier, const char *journal);

/* How far a stream is. */
struct applier_state {
	int64_t accepted, applied; /* positions */
	int64_t oldest_us;         /* how long the oldest entry that is not applied has waited,
				      since the server's start at most; 0: all is applied */
};
/* E_IO, E_NOMEM. */
enum status applier_state(struct applier *applier, const struct stream *stream,
    struct applier_state *ret_state, struct err *err) WARN_UNUSED;

/* The oldest entry's age, as above, of all streams. */
int64_t applier_oldest_us(struct applier *applier);

/* Nobody is inside another call any more.  What is pending is applied now, as long as
 * clock_mono_us() does not pass ${deadline_us}; what is left, or fails, is for the next start.
 * NULL is fine. */
void applier_stop(struct applier **applier, int64_t deadline_us);

#endif
