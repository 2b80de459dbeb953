/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_LOAD_H
#define SLUICE_WORK_LOAD_H

/*
 * One job into the lake: parts in order -> tokenizer -> converters -> batches -> the lake's load;
 * failed records into a blob and, as problem records, into the same load.  Private to work/.
 */

#include "catalog/catalog.h"
#include "job/job.h"
#include "lake/lake.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The most columns that a header may name: the schema's 1,000 and many more that are ignored. */
#define LOAD_COLUMNS_MAX 16384

/* Upserts of no more bytes go straight into their table.  Larger jobs have more keys than the lake
 * can tell apart while they come, and would be found out only after all that work. */
#define LOAD_DIRECT_BYTES_MAX (INT64_C(512) * 1024 * 1024)

struct load_control {
	atomic_bool stop;        /* set by who wants it to end */
	_Atomic double progress; /* 0 to 1, for who asks */
	bool must_stage;         /* the loading thread's: not directly, that has failed */
};

enum load_outcome {
	LOAD_APPLIED,    /* rows and mark are in the lake, or it only validates and all was read */
	LOAD_UNREADABLE, /* the data is at fault: trying again would not help; the text is for the
			  * client */
};

/*
 * Load a job that this server holds the lease of.  On LOAD_APPLIED ${ret_mark} has the counts, and
 * its failed records, if any, are durable; on LOAD_UNREADABLE nothing of it is in the lake and
 * ${err} says why.  E_CANCELLED: stop was set before the commit; other failures are the world's;
 * nothing of it is in the lake then.
 */
enum status load_job(struct job_service *service, struct lake *lake, const struct job *job,
    struct load_control *control, enum load_outcome *ret_outcome, struct lake_mark *ret_mark,
    struct err *err) WARN_UNUSED;

/*
 * The same for ${count} jobs of one object and operation, one behind the other, that this server holds
 * the leases of (job_claim): all of them in one change of the lake, which costs what one job does
 * beside its rows.  OK: all were applied, ${ret_marks} has the counts of each.  Anything else: none
 * was by this call, whatever the reason, and each is to be loaded alone, which tells which one it is.
 */
enum status load_together(struct job_service *service, struct lake *lake, const struct job *jobs,
    size_t count, struct load_control *control, struct lake_mark *ret_marks,
    struct err *err) WARN_UNUSED;

/*
 * A job in steps, for who begins before the job is closed (early.c):
 *
 *	load_open -> [ load_follow -> load_followed ] … -> load_adopt -> load_finish -> load_close
 *
 * One thread at a time, not always the same.  After a failure only load_judge and load_close are
 * left; a close without a finish leaves nothing of it.
 */
struct load;

/* Borrows all but ${job}.  When the job cannot be read there is a load, too, which says so. */
enum status load_open(struct job_service *service, struct lake *lake, const struct job *job,
    bool is_direct, struct load_control *control, struct load **ret_load,
    struct err *err) WARN_UNUSED;
void load_close(struct load **load);

/* Is there more of the part than the ${seen} bytes that were read?  May wait for it.  False: it is
 * whole.  What else it returns ends the reading. */
typedef enum status load_wait_fn(void *ctx, uint64_t seen, bool *ret_is_more, struct err *err);

/* Read a part that is still being written. */
enum status load_follow(struct load *load, struct blob_reader *reader, load_wait_fn *wait,
    void *wait_ctx, struct err *err) WARN_UNUSED;
/* It has become ${part}.  E_CONFLICT: not the job's next one. */
enum status load_followed(struct load *load, const struct part *part, struct err *err) WARN_UNUSED;

/* Read a part that is stored already, the job's next one.  ${wait} is asked as above, and lets the
 * reading go on or end it. */
enum status load_stored(struct load *load, const struct part *part, load_wait_fn *wait,
    void *wait_ctx, struct err *err) WARN_UNUSED;
/* How many parts have been read. */
size_t load_done_count(const struct load *load);

/* Does somebody wait for what the load holds in the lake? */
bool load_is_in_the_way(const struct load *load);

/* The job as it is after its close, under another control.  E_CONFLICT: what the load was begun
 * with has changed since.  E_NOT_FOUND: it is gone. */
enum status load_adopt(struct load *load, const struct job *job, struct load_control *control,
    struct err *err) WARN_UNUSED;

/* Load the job's other parts and commit.  E_CONFLICT: what was followed is not the beginning of
 * what the job has, or see load_judge. */
enum status load_finish(struct load *load, struct err *err) WARN_UNUSED;

/* What a step that returned ${st} means for the load. */
enum load_verdict { LOAD_IS_DONE, LOAD_IS_NOT_DIRECT, LOAD_IS_UNREADABLE, LOAD_HAS_FAILED };
enum load_verdict load_judge(const struct load *load, enum status st);

/* What was read so far; after load_finish, what was applied. */
struct lake_mark load_counts(const struct load *load);

#endif
