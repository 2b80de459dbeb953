/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job machine.
 *
 *            close                 claim                  loaded
 *   Open ------------> UploadComplete ------> InProgress ---------> JobComplete
 *    |                  |       ^               |  |  | unreadable
 *    | abort, expire    | abort | lease lost    |  |  +-----------> Failed
 *    +---> Aborted <----+       +---------------+  +--> (retry: stays)
 *
 *   Open             parts may be added; nothing has been read from them; no worker knows the job
 *   UploadComplete   the set of parts is frozen, every part is durable, it has a queue number; any
 *                    worker may claim it
 *   InProgress       one lease is live; nothing of it shows in the lake unless its mark is there,
 *                    too
 *   JobComplete      every record is in the lake or among the failed records; parts may be removed
 *   Failed, Aborted  final; nothing of it is in the lake; parts may be removed
 *
 * Each arrow is one row of the table below and one compare-and-set in the catalog, made by apply(),
 * the only place that writes a state, with three exceptions: a claim is picked and written by the
 * catalog in one step, jobs that were loaded together are settled together, and recover.c, at start,
 * moves the jobs of a dead server.  A row whose two
 * states are the same is a repeated request that is answered as done: a client that lost the first
 * answer may ask again.  What is not in the table is a conflict.
 *
 * Deleting is no arrow: the row vanishes, for a client from the states of ${deletable}, for ageing
 * from the final ones.
 */
#include "job/job.h"

#include "base/crash.h"
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct transition {
	enum job_state from;
	enum job_event event;
	enum job_state to;
} transitions[] = {
    {JOB_OPEN, JOB_EVENT_CLOSE, JOB_UPLOAD_COMPLETE},
    {JOB_UPLOAD_COMPLETE, JOB_EVENT_CLOSE, JOB_UPLOAD_COMPLETE},
    {JOB_IN_PROGRESS, JOB_EVENT_CLOSE, JOB_IN_PROGRESS},
    {JOB_COMPLETE, JOB_EVENT_CLOSE, JOB_COMPLETE},
    {JOB_FAILED, JOB_EVENT_CLOSE, JOB_FAILED},

    {JOB_OPEN, JOB_EVENT_ABORT, JOB_ABORTED},
    {JOB_UPLOAD_COMPLETE, JOB_EVENT_ABORT, JOB_ABORTED},
    {JOB_ABORTED, JOB_EVENT_ABORT, JOB_ABORTED},

    {JOB_OPEN, JOB_EVENT_EXPIRE, JOB_ABORTED},

    {JOB_UPLOAD_COMPLETE, JOB_EVENT_CLAIM, JOB_IN_PROGRESS},
    {JOB_IN_PROGRESS, JOB_EVENT_RETRY, JOB_IN_PROGRESS},
    {JOB_IN_PROGRESS, JOB_EVENT_LOADED, JOB_COMPLETE},
    {JOB_IN_PROGRESS, JOB_EVENT_UNREADABLE, JOB_FAILED},
    {JOB_IN_PROGRESS, JOB_EVENT_LEASE_LOST, JOB_UPLOAD_COMPLETE},
};

#define STATE_BIT(state) (1u << (state))

#define FINAL_STATES (STATE_BIT(JOB_COMPLETE) | STATE_BIT(JOB_FAILED) | STATE_BIT(JOB_ABORTED))

static const unsigned deletable = STATE_BIT(JOB_UPLOAD_COMPLETE) | FINAL_STATES;

void job_assert_state(const struct job *job)
{
	bool closed = job->state != JOB_OPEN && job->state != JOB_ABORTED;

	assert(uuid_is_valid(slice_of(job->id)));
	assert(job->modified_us >= job->created_us);
	assert(!closed || job->queue_no > 0);
	assert(job->state != JOB_OPEN || job->queue_no == 0);
	assert((job->state == JOB_IN_PROGRESS) == (job->lease[0] != '\0'));
	assert((job->state == JOB_FAILED) == (job->error[0] != '\0'));
	assert(job->part_count >= 0 && job->part_count <= JOB_PARTS_MAX);
	assert(job->records_failed <= job->records_processed);
	assert(
	    job->state == JOB_COMPLETE || job->state == JOB_FAILED || job->records_processed == 0);
}

bool job_state_is_final(enum job_state state)
{
	return (FINAL_STATES & STATE_BIT(state)) != 0;
}

/* Where the event leads from ${from}; JOB_STATE_COUNT when it is not allowed there. */
static enum job_state target_of(enum job_state from, enum job_event event)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].from == from && transitions[i].event == event)
			return transitions[i].to;
	}
	return JOB_STATE_COUNT;
}

/* The states that the event really takes somewhere, and where to: it
 * is one place for each event. */
static unsigned sources_of(enum job_event event, enum job_state *ret_to)
{
	unsigned sources = 0;

	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		const struct transition *t = &transitions[i];

		if (t->event != event || (t->from == t->to && event != JOB_EVENT_RETRY))
			continue;
		assert(sources == 0 || *ret_to == t->to);
		sources |= STATE_BIT(t->from);
		*ret_to = t->to;
	}
	return sources;
}

/*
 * Writes a state; for the two exceptions see above.  ${move} brings what changes with it; from and
 * to come from the table.  OK with ${ret_changed} false: the table says that the job stays as it
 * is.
 */
static enum status apply(struct job_service *service, struct slice id, enum job_event event,
    struct catalog_job_move *move, struct job *ret_job, bool *ret_changed, struct err *err)
{
	enum status st;

	move->from = sources_of(event, &move->to);
	st = catalog_job_move(service->catalog, id, move, ret_job, err);
	*ret_changed = st == OK;
	if (st == E_CONFLICT && target_of(ret_job->state, event) == ret_job->state &&
	    move->lease == NULL)
		st = OK;
	if (st != OK)
		return st;
	job_assert_state(ret_job);
	return OK;
}

/* Where the journal of the job's stream ends: what lies before it was accepted before the close and
 * takes effect before the job (docs/DESIGN.md, "Order between streams and jobs").  It may grow until
 * the close is stored; what comes in between comes together with the close. */
static enum status find_journal_end(
    struct job_service *service, struct slice id, int64_t *ret_end, struct err *err)
{
	struct journal_state state;
	struct stream stream;
	struct job job;
	enum status st;

	if (service->journal == NULL)
		return OK;
	st = catalog_job_get(service->catalog, id, &job, err);
	if (st == OK)
		st = catalog_stream_get(
		    service->catalog, slice_of(job.connector), slice_of(job.object), &stream, err);
	if (st == E_NOT_FOUND)
		return OK; /* the move says so, or the load */
	if (st == OK)
		st = journal_state(service->journal, stream.journal, &state, err);
	if (st == OK)
		*ret_end = state.end;
	return st;
}

enum status job_close(
    struct job_service *service, struct slice id, struct job *ret_job, struct err *err)
{
	struct catalog_job_move move = {.enqueue = true};
	bool changed;
	enum status st = find_journal_end(service, id, &move.journal_end, err);

	if (st == OK)
		st = apply(service, id, JOB_EVENT_CLOSE, &move, ret_job, &changed, err);
	if (st != OK || !changed)
		return st;
	CRASH_POINT("close.moved");
	log_event(LOG_LEVEL_INFO, "job.closed",
	    "job=%s object=%s.%s queue_no=%" PRId64 " parts=%" PRId64 " bytes=%" PRId64,
	    ret_job->id, ret_job->connector, ret_job->object, ret_job->queue_no,
	    ret_job->part_count, ret_job->part_bytes);
	service->closed(service->closed_ctx);
	return OK;
}

static void tell_settled(struct job_service *service, const struct job *job)
{
	if (service->settled != NULL)
		service->settled(service->settled_ctx, job);
}

/* By the client, or for its age. */
static enum status abort_job(struct job_service *service, struct slice id, enum job_event event,
    struct job *ret_job, struct err *err)
{
	struct catalog_job_move move = {0};
	struct job job;
	bool changed;
	enum status st = apply(service, id, event, &move, &job, &changed, err);

	if (st == OK || st == E_CONFLICT)
		*ret_job = job;
	if (st != OK)
		return st;
	CRASH_POINT("abort.moved");
	/* Who waits for the end has it now, whatever becomes of the bytes. */
	if (changed) {
		log_event(LOG_LEVEL_INFO, event == JOB_EVENT_EXPIRE ? "job.expired" : "job.aborted",
		    "job=%s", job.id);
		job_watch_wake(service->watch, job.id);
		tell_settled(service, &job);
	}
	/* State first, bytes second: the other way round a crash could leave an open job whose
	 * parts are gone.  A repeated abort removes as well, for the first one may still be at it,
	 * or have failed there. */
	st = blob_remove(service->blob, job.id, "", err);
	if (st != OK)
		return st;
	CRASH_POINT("abort.removed");
	return OK;
}

enum status job_abort(
    struct job_service *service, struct slice id, struct job *ret_job, struct err *err)
{
	return abort_job(service, id, JOB_EVENT_ABORT, ret_job, err);
}

enum status job_expire(struct job_service *service, struct slice id, struct err *err)
{
	struct job job;

	return abort_job(service, id, JOB_EVENT_EXPIRE, &job, err);
}

/* The bytes of a job that is marked as deleted, then its row.  The row stays until the bytes are
 * gone: it is what start-up finishes the removal by. */
static enum status remove_deleted(struct job_service *service, struct slice id, struct err *err)
{
	char group[UUID_TEXT_BYTES];
	enum status st;

	assert(uuid_is_valid(id));
	memcpy(group, id.ptr, id.len);
	group[id.len] = '\0';
	st = blob_remove(service->blob, group, "", err);
	if (st != OK)
		return st;
	CRASH_POINT("delete.removed");
	return catalog_job_remove(service->catalog, id, err);
}

enum status job_delete_final(struct job_service *service, struct slice id, struct err *err)
{
	struct job job;
	enum status st = catalog_job_delete(service->catalog, id, FINAL_STATES, &job, err);

	if (st != OK)
		return st;
	CRASH_POINT("delete.marked");
	log_event(
	    LOG_LEVEL_INFO, "job.aged_out", "job=%s state=%s", job.id, job_state_name(job.state));
	return remove_deleted(service, id, err);
}

enum status job_delete(
    struct job_service *service, struct slice id, struct job *ret_job, struct err *err)
{
	enum status st = catalog_job_delete(service->catalog, id, deletable, ret_job, err), removed;

	/* Perhaps one whose removal failed half-way and that nobody sees any more: the repeated
	 * request finishes it. */
	if (st == E_NOT_FOUND && uuid_is_valid(id)) {
		removed = remove_deleted(service, id, err);
		return removed != OK ? removed : err_set(err, st, "no job %.*s", SLICE_ARGS(id));
	}
	if (st != OK)
		return st;
	CRASH_POINT("delete.marked");
	log_event(LOG_LEVEL_INFO, "job.deleted", "job=%s", ret_job->id);
	job_watch_wake(service->watch, ret_job->id);
	tell_settled(service, ret_job);
	return remove_deleted(service, id, err);
}

enum status job_claim(struct job_service *service, size_t jobs_max, struct job *ret_jobs,
    size_t *ret_count, int64_t *ret_ready_us, struct err *err)
{
	const struct catalog_claim claim = {
	    .lease = service->lease,
	    .delay_us = service->delay_us,
	    .jobs_max = jobs_max,
	    .bytes_max = JOB_TOGETHER_BYTES_MAX,
	};
	/* The catalog picks the jobs and moves them in one step, so the table's row
	 * is only held against them here. */
	enum status st =
	    catalog_job_claim(service->catalog, &claim, ret_jobs, ret_count, ret_ready_us, err);

	if (st != OK)
		return st;
	CRASH_POINT("load.claimed");
	for (size_t i = 0; i < *ret_count; i++) {
		const struct job *job = &ret_jobs[i];

		assert(job->state == target_of(JOB_UPLOAD_COMPLETE, JOB_EVENT_CLAIM));
		job_assert_state(job);
		log_event(LOG_LEVEL_INFO, "job.claimed", "job=%s object=%s.%s queue_no=%" PRId64,
		    job->id, job->connector, job->object, job->queue_no);
	}
	return OK;
}

/* A step of the worker that holds the lease. */
static enum status step(struct job_service *service, const char *id, enum job_event event,
    struct catalog_job_move *move, struct job *ret_job, struct err *err)
{
	bool changed;
	enum status st;

	move->lease = service->lease;
	st = apply(service, slice_of(id), event, move, ret_job, &changed, err);
	if (st != OK)
		err_add(err, "job %s", id);
	return st;
}

enum status job_retry(struct job_service *service, const char *id, struct err *err)
{
	struct catalog_job_move move = {.new_lease = service->lease, .add_retry = true};
	struct job job;

	return step(service, id, JOB_EVENT_RETRY, &move, &job, err);
}

enum status job_release(struct job_service *service, const char *id, struct err *err)
{
	struct catalog_job_move move = {0};
	struct job job;
	enum status st = step(service, id, JOB_EVENT_LEASE_LOST, &move, &job, err);

	if (st == OK)
		log_event(LOG_LEVEL_INFO, "job.released", "job=%s", id);
	return st;
}

/* What ${job} (NULL: it is gone) needs no more. */
static enum status clear_blobs(
    struct job_service *service, const char *id, const struct job *job, struct err *err)
{
	enum status st;

	if (job == NULL || job->state == JOB_ABORTED)
		return blob_remove(service->blob, id, "", err);
	if (!job_state_is_final(job->state))
		return OK;
	if (job->records_failed == 0)
		return blob_remove(service->blob, id, "", err);
	st = blob_remove(service->blob, id, JOB_PART_PREFIX, err);
	if (st == OK)
		st = blob_remove(service->blob, id, BLOB_UNFINISHED_PREFIX, err);
	return st;
}

enum status job_clear_blobs(struct job_service *service, struct slice id, struct err *err)
{
	char group[UUID_TEXT_BYTES];
	struct job job;
	enum status st;

	assert(uuid_is_valid(id));
	st = catalog_job_get(service->catalog, id, &job, err);
	memcpy(group, id.ptr, id.len);
	group[id.len] = '\0';
	if (st != OK && st != E_NOT_FOUND)
		return st;
	return clear_blobs(service, group, st == OK ? &job : NULL, err);
}

/* A failure costs disk space until the next start, which sweeps. */
static void remove_parts(struct job_service *service, const struct job *job)
{
	struct err err = {{0}};

	if (clear_blobs(service, job->id, job, &err) != OK)
		log_event(
		    LOG_LEVEL_WARN, "job.parts_left", "job=%s error=\"%s\"", job->id, err.text);
	CRASH_POINT("load.removed");
}

enum status job_complete(
    struct job_service *service, const char *id, const struct job_result *result, struct err *err)
{
	struct job job;

	snprintf(job.id, sizeof(job.id), "%s", id);
	return job_complete_all(service, &job, result, 1, err);
}

enum status job_complete_all(struct job_service *service, const struct job *jobs,
    const struct job_result *results, size_t count, struct err *err)
{
	struct catalog_job_step steps[CATALOG_CLAIM_MAX];
	struct job *after = calloc(count, sizeof(*after));
	enum status st = OK;

	assert(count > 0 && count <= CATALOG_CLAIM_MAX);
	if (after == NULL)
		return err_set(err, E_NOMEM, "no memory for %zu jobs", count);
	for (size_t i = 0; i < count; i++) {
		struct catalog_job_move *move = &steps[i].move;

		steps[i] = (struct catalog_job_step){
		    .id = slice_of(jobs[i].id),
		    .move = {.lease = service->lease,
			.set_result = true,
			.records_processed = results[i].records_processed,
			.records_failed = results[i].records_failed,
			.processing_ms = results[i].processing_ms},
		};
		move->from = sources_of(JOB_EVENT_LOADED, &move->to);
	}
	st = catalog_job_move_all(service->catalog, steps, count, after, err);
	if (st != OK) {
		err_add(err, "job %s", jobs[0].id);
		goto out;
	}
	CRASH_POINT("load.completed");
	for (size_t i = 0; i < count; i++) {
		job_assert_state(&after[i]);
		log_event(LOG_LEVEL_INFO, "job.completed",
		    "job=%s processed=%" PRId64 " failed=%" PRId64 " ms=%" PRId64, after[i].id,
		    results[i].records_processed, results[i].records_failed,
		    results[i].processing_ms);
		job_watch_wake(service->watch, after[i].id);
		tell_settled(service, &after[i]);
	}
	for (size_t i = 0; i < count; i++)
		remove_parts(service, &after[i]);
out:
	free(after);
	return st;
}

enum status job_fail(struct job_service *service, const char *id, const struct job_result *result,
    const char *reason, struct err *err)
{
	struct catalog_job_move move = {
	    .set_result = true,
	    .records_processed = result->records_processed,
	    .records_failed = result->records_failed,
	    .processing_ms = result->processing_ms,
	    .error = reason,
	};
	struct job job;
	enum status st = step(service, id, JOB_EVENT_UNREADABLE, &move, &job, err);

	if (st != OK)
		return st;
	CRASH_POINT("load.failed");
	log_event(LOG_LEVEL_WARN, "job.failed", "job=%s reason=\"%s\"", id, reason);
	job_watch_wake(service->watch, id);
	tell_settled(service, &job);
	remove_parts(service, &job);
	return OK;
}
