/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOB_JOB_H
#define SLUICE_JOB_JOB_H

/*
 * The life of a bulk job: which event takes it from which state to which, and what is done to
 * storage with it.  job.c holds the diagram, the table, and the function that writes a state.
 *
 * All calls block on storage; any thread.
 */

#include "blob/blob.h"
#include "catalog/catalog.h"
#include "job/watch.h"
#include "journal/journal.h"

#define JOB_PARTS_MAX    100
#define JOB_PART_PREFIX  "part-"   /* the blobs of uploaded parts */
#define JOB_REJECTS_BLOB "rejects" /* the blob of failed records */

/* What the functions here work on; all borrowed. */
struct job_service {
	struct catalog *catalog;
	struct blob *blob;
	struct journal *journal; /* NULL: streams accept nothing */
	struct job_watch *watch;
	char lease[UUID_TEXT_BYTES]; /* this server's instance */
	int64_t delay_us;            /* how long a closed job waits before it may be claimed */
	void (*closed)(void *ctx);   /* a job was closed: the workers may have something to do */
	void *closed_ctx;
	/* A job came to its end, in whatever way, or was deleted: what its stream accepted after it
	 * was closed may go on.  NULL: nobody asks. */
	void (*settled)(void *ctx, const struct job *job);
	void *settled_ctx;
};

enum job_event {
	JOB_EVENT_CLOSE,      /* the client: all is uploaded */
	JOB_EVENT_ABORT,      /* the client: forget it */
	JOB_EVENT_EXPIRE,     /* it was left open for too long */
	JOB_EVENT_CLAIM,      /* a worker takes it */
	JOB_EVENT_RETRY,      /* storage failed, the worker tries again */
	JOB_EVENT_LOADED,     /* its rows and mark are in the lake */
	JOB_EVENT_UNREADABLE, /* nothing of it can be loaded */
	JOB_EVENT_LEASE_LOST, /* its worker is gone, or stops */
};

/* Every assumption that can be checked on a job's row; called wherever one is touched. */
void job_assert_state(const struct job *job);

/* Is ${state} one that a job never leaves? */
bool job_state_is_final(enum job_state state);

/* The client's Close; it notes where the journal of the job's stream ends.  OK also when it is closed already (then nothing changes).  ${ret_job} is the
 * job after it, and on E_CONFLICT as it is.  E_NOT_FOUND. */
enum status job_close(
    struct job_service *service, struct slice id, struct job *ret_job, struct err *err) WARN_UNUSED;

/* The client's Abort.  When OK is returned its uploaded data is gone from storage.  OK also when it
 * is aborted already.  E_NOT_FOUND, E_CONFLICT with ${ret_job} as above. */
enum status job_abort(
    struct job_service *service, struct slice id, struct job *ret_job, struct err *err) WARN_UNUSED;

/* Remove the job; its data is gone from storage when OK is returned, and on E_NOT_FOUND what an
 * earlier call left that failed half-way.  E_CONFLICT as above. */
enum status job_delete(
    struct job_service *service, struct slice id, struct job *ret_job, struct err *err) WARN_UNUSED;

/* Abort the job if it is Open, as job_abort() does.  E_CONFLICT: it is not Open (any more), and
 * nothing was done.  E_NOT_FOUND. */
enum status job_expire(struct job_service *service, struct slice id, struct err *err) WARN_UNUSED;

/* Remove the job, as job_delete() does, if it is in a final state.  E_CONFLICT, E_NOT_FOUND. */
enum status job_delete_final(
    struct job_service *service, struct slice id, struct err *err) WARN_UNUSED;

/* Remove the blobs that the job needs no more in the state that it has: all of one that is gone,
 * aborted, or finished without failed records; of another finished one all but those.  For who has
 * left a blob that became no part, as the upload that an abort overtook. */
enum status job_clear_blobs(
    struct job_service *service, struct slice id, struct err *err) WARN_UNUSED;

/* A worker's steps.  ${ret_jobs} are the jobs after it: one, or up to ${jobs_max} small ones of an
 * object, in their order, that may be loaded together (catalog_job_claim).  E_NOT_FOUND from claim:
 * nothing to do before clock_now_us() reaches ${ret_ready_us}, or, when that is 0, before another job
 * is closed. */
enum status job_claim(struct job_service *service, size_t jobs_max, struct job *ret_jobs,
    size_t *ret_count, int64_t *ret_ready_us, struct err *err) WARN_UNUSED;
/* So many bytes the parts of jobs that are claimed together have at most.  With more of them, what a
 * load costs beside its rows no longer matters. */
#define JOB_TOGETHER_BYTES_MAX (INT64_C(4) * 1024 * 1024)
enum status job_retry(struct job_service *service, const char *id, struct err *err) WARN_UNUSED;
enum status job_release(struct job_service *service, const char *id, struct err *err) WARN_UNUSED;

struct job_result {
	int64_t records_processed;
	int64_t records_failed;
	int64_t processing_ms;
};
/* To JobComplete; wakes who waits; then removes the parts. */
enum status job_complete(struct job_service *service, const char *id,
    const struct job_result *result, struct err *err) WARN_UNUSED;
/* The same for up to CATALOG_CLAIM_MAX jobs: all of them in one step, or none. */
enum status job_complete_all(struct job_service *service, const struct job *jobs,
    const struct job_result *results, size_t count, struct err *err) WARN_UNUSED;
/* To Failed with ${reason}; wakes who waits; then removes the parts. */
enum status job_fail(struct job_service *service, const char *id, const struct job_result *result,
    const char *reason, struct err *err) WARN_UNUSED;

#endif
