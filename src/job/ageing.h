/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOB_AGEING_H
#define SLUICE_JOB_AGEING_H

/*
 * What goes with time: open jobs that nobody closes are aborted, finished ones are removed, and so
 * are problem records.  A thread looks once a minute, for problem records once an hour.
 */

#include "job/job.h"
#include "lake/lake.h"

struct ageing;

/* In microseconds; 0 keeps them for ever. */
struct ageing_options {
	struct job_service *jobs; /* borrowed, as are the stores in it */
	struct lake *lake;
	int64_t open_us;     /* a job that has been Open for longer is aborted */
	int64_t finished_us; /* one that has been in a final state for longer is removed */
	int64_t problem_us;  /* a problem record that is older is removed */
};

struct ageing_result {
	int64_t aborted, removed, problems;
};

/* Start the thread; its first look is now. */
enum status ageing_start(
    const struct ageing_options *options, struct ageing **ret_ageing, struct err *err) WARN_UNUSED;

/* Look now, by the clock as it is now, and return when that is done.  Blocks on storage; any
 * thread.  What cannot be done is logged and left for the next look; ${ret_result} counts what
 * was. */
void ageing_run(struct ageing *ageing, struct ageing_result *ret_result);

/* Nobody is inside ageing_run() any more.  NULL is fine. */
void ageing_stop(struct ageing **ageing);

#endif
