/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up's part of exactly once: see recover.h.  In this order:
 *
 * 1. Jobs InProgress: their workers are dead.  With a mark in the lake they are complete; without,
 *    they go back to the queue, where they keep their place.
 * 2. Jobs marked as deleted: the removal is finished.
 * 3. Blobs that no job needs: parts of finished jobs, all of aborted ones, parts that were never
 *    accepted.
 * 4. The marks: no job is InProgress any more, so nobody will ask for them.
 *
 * It does not load anything: the workers do, later.
 */
#include "job/recover.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

struct recovery {
	struct job_service *service;
	struct lake *lake;
	struct arena arena; /* of one job or group */
	uint64_t completed, requeued, removed;
};

/* The wall clock may have been set back meanwhile. */
static int64_t ms_since(int64_t us)
{
	int64_t now_us = clock_now_us();

	return now_us > us ? (now_us - us) / 1000 : 0;
}

static enum status recover_running(void *ctx, const struct job *job, struct err *err)
{
	struct recovery *r = ctx;
	struct catalog_job_move move = {.from = 1u << JOB_IN_PROGRESS, .lease = job->lease};
	struct lake_mark mark;
	struct job after;
	enum status st = lake_mark_get(r->lake, job->id, &mark, err);

	if (st == OK) {
		move.to = JOB_COMPLETE;
		move.set_result = true;
		move.records_processed = mark.records_processed;
		move.records_failed = mark.records_failed;
		move.processing_ms = ms_since(job->modified_us); /* since the claim */
		r->completed++;
	} else if (st == E_NOT_FOUND) {
		move.to = JOB_UPLOAD_COMPLETE;
		move.add_retry = true;
		r->requeued++;
	} else {
		return st;
	}
	st = catalog_job_move(r->service->catalog, slice_of(job->id), &move, &after, err);
	CRASH_POINT("recover.moved");
	if (st == OK)
		log_event(LOG_LEVEL_INFO, "job.recovered", "job=%s state=%s", job->id,
		    job_state_name(after.state));
	return st;
}

static enum status finish_delete(void *ctx, const struct job *job, struct err *err)
{
	struct recovery *r = ctx;
	enum status st;

	if (!job->deleted)
		return OK;
	st = blob_remove(r->service->blob, job->id, "", err);
	if (st == OK)
		st = catalog_job_remove(r->service->catalog, slice_of(job->id), err);
	r->removed++;
	return st;
}

struct names {
	struct recovery *recovery;
	const char *group;
	const struct part *parts;
	size_t count;
};

/* A blob of a job that may still be loaded: kept when a part's row names it. */
static enum status sweep_blob(void *ctx, const char *name, struct err *err)
{
	const struct names *names = ctx;

	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->parts[i].blob_name, name) == 0)
			return OK;
	}
	names->recovery->removed++;
	return blob_remove(names->recovery->service->blob, names->group, name, err);
}

static enum status sweep_group(void *ctx, const char *group, struct err *err)
{
	struct recovery *r = ctx;
	struct names names = {.recovery = r, .group = group};
	struct part *parts = NULL;
	struct job job;
	enum status st;

	if (!uuid_is_valid(slice_of(group))) {
		log_event(LOG_LEVEL_WARN, "blob.stranger", "group=\"%s\"",
		    group); /* not ours to remove */
		return OK;
	}
	st = catalog_job_get(r->service->catalog, slice_of(group), &job, NULL);
	if (st != OK && st != E_NOT_FOUND)
		return err_set(err, st, "read job %s", group);
	if (st == E_NOT_FOUND || job_state_is_final(job.state)) {
		/* Only a finished job's failed records may still have a group. */
		if (st == E_NOT_FOUND || job.records_failed == 0)
			r->removed++;
		return job_clear_blobs(r->service, slice_of(group), err);
	}
	arena_reset(&r->arena);
	st = catalog_part_list(
	    r->service->catalog, slice_of(group), &r->arena, &parts, &names.count, err);
	if (st != OK)
		return st;
	names.parts = parts;
	return blob_each(r->service->blob, group, sweep_blob, &names, err);
}

/* Marks that stay cost space, nothing else: no job that has one is ever loaded again. */
static void forget_marks(struct lake *lake)
{
	struct err err = {{0}};

	if (lake_mark_clear(lake, &err) != OK)
		log_event(LOG_LEVEL_WARN, "marks.kept", "error=\"%s\"", err.text);
}

enum status job_recover(struct job_service *service, struct lake *lake, struct err *err)
{
	struct recovery r = {.service = service, .lake = lake};
	enum status st;

	arena_init(&r.arena, 65536);
	st = catalog_job_each(
	    service->catalog, 1u << JOB_IN_PROGRESS, false, recover_running, &r, err);
	if (st == OK)
		st = catalog_job_each(service->catalog, 0, true, finish_delete, &r, err);
	if (st == OK)
		st = blob_each_group(service->blob, sweep_group, &r, err);
	CRASH_POINT("recover.swept");
	if (st == OK)
		forget_marks(lake);
	if (st != OK)
		err_add(err, "recover");
	else
		log_event(LOG_LEVEL_INFO, "server.recovered",
		    "jobs_completed=%" PRIu64 " jobs_requeued=%" PRIu64
		    " leftovers_removed=%" PRIu64,
		    r.completed, r.requeued, r.removed);
	arena_fini(&r.arena);
	return st;
}
