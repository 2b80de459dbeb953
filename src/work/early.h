/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_EARLY_H
#define SLUICE_WORK_EARLY_H

/*
 * Parts that are loaded before their job is closed: while they are uploaded, and as soon as they are
 * stored, so that the close has little left to do.
 *
 *	upload		early_upload_begin -> early_upload_grew … -> early_upload_end
 *	others		early_part_stored
 *	worker		early_finish, once it has claimed the job
 *	the job's end	early_forget
 *
 * One job at a time, the first that comes: its rows are in an open transaction of the lake, which
 * stands in the way of others that change that table and of checkpoints.  So it is given up as soon
 * as somebody waits for it, after a minute, and when for five seconds no part came.  Nothing of it
 * is durable; what was given up is loaded after the close, as is all that was never begun.
 *
 * Any thread; none of it belongs on an event thread.
 */

#include "blob/blob.h"
#include "job/job.h"
#include "lake/lake.h"
#include "work/load.h"

struct early;

/* An upload is worth following once it has so many bytes: smaller parts load in no time. */
#define EARLY_BYTES_MIN (4 * 1024 * 1024)

enum status early_start(
    struct job_service *jobs, struct lake *lake, struct early **ret_early, struct err *err);
/* Nobody is inside another call.  NULL is fine. */
void early_stop(struct early **early);

/* Which upload it is; 0: one that is not followed, of which nothing need be said. */
typedef uint64_t early_ticket;

/* ${job} as it was before the upload.  ${writer} has ${bytes} of it already. */
early_ticket early_upload_begin(
    struct early *early, const struct job *job, const struct blob_writer *writer, uint64_t bytes);
void early_upload_grew(struct early *early, early_ticket ticket, uint64_t bytes);
/* It has become ${part}, or none (NULL).  Ticket 0: fine. */
void early_upload_end(struct early *early, early_ticket ticket, const struct part *part);

/* The job has one more part, of an upload that was not followed. */
void early_part_stored(struct early *early, const char *job_id);

/* The job came to its end in another way, or is to be loaded anew. */
void early_forget(struct early *early, const char *job_id);

/* Load the rest of the closed job and commit, as load_job() does.  Waits until what is being read
 * has been.  E_NOT_FOUND: nothing was loaded of it, or nothing that can be used: all is to do. */
enum status early_finish(struct early *early, const struct job *job, struct load_control *control,
    enum load_outcome *ret_outcome, struct lake_mark *ret_mark, struct err *err) WARN_UNUSED;

#endif
