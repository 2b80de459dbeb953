/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_WORK_H
#define SLUICE_WORK_WORK_H

/*
 * The workers: threads that claim closed jobs and load them into the lake, different objects side
 * by side, the jobs of one object one after the other.
 *
 * This is the one place that tries again: a load that storage failed is repeated a few times with
 * growing pauses before its job is given up as Failed.
 */

#include "base/status.h"
#include "emulate/faults.h"
#include "job/job.h"
#include "lake/lake.h"
#include "work/applier.h"
#include "work/early.h"

#include <stdbool.h>
#include <stddef.h>

struct work;

struct work_options {
	struct job_service *jobs; /* borrowed, as are the stores in it */
	struct lake *lake;
	struct applier *applier; /* NULL: streams accept nothing */
	struct early *early;     /* what was loaded before the close; borrowed; NULL: nothing */
	struct faults *faults;   /* what jobs are to meet; borrowed; NULL: nothing */
	size_t worker_count;
};

/* Start the workers; they begin with what is in the queue. */
enum status work_start(
    const struct work_options *options, struct work **ret_work, struct err *err) WARN_UNUSED;

/* There may be something to do: a job was closed.  Any thread, never blocks for long. */
void work_wake(struct work *work);

/* How far is the job, from 0 to 1?  false when no worker has it. */
bool work_progress(struct work *work, const char *job_id, double *ret_progress);

/* End the workers: a load that has not come to its commit is taken back and its job returned to the
 * queue.  NULL is fine. */
void work_stop(struct work **work);

#endif
