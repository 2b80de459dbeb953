/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers: see work.h.  Each runs a loop: claim, load, settle.
 *
 *	several jobs	-> loaded together and settled together; if that fails, for whatever reason,
 *			   nothing of them is in the lake by it, or all is, and each goes the way of a
 *			   job of its own
 *	a test's fault	-> held as long as it says, then job_fail or loaded as usual
 *	before it loads	-> waits until what its stream accepted before its close is applied
 *	applied		-> job_complete
 *	unreadable	-> job_fail
 *	stopped		-> job_release
 *	world failed	-> ask the lake for the mark (the failure may have come after the commit):
 *			   with it, as applied;
 *			   without it, wait and try again, ATTEMPTS_MAX times in all, then job_fail;
 *			   but when the disk is full the job goes back to the queue, as often as it
 *			   takes: what was accepted is not given up for want of space, and its
 *			   client may abort it there;
 *			   when the lake cannot tell, ask until it can; when the server stops before
 *			   that, leave it InProgress: the next start asks
 *
 * Settling a job that is in the lake must not fail for good: it is repeated until it works or the
 * server stops, and then start-up settles it by the mark.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "convert/reject.h"
#include "work/load.h"

#include <inttypes.h>
#include <stdlib.h>

#define ATTEMPTS_MAX   4
#define PAUSE_FIRST_US 100000 /* then four times as long each time: 0.1 s, 0.4 s, 1.6 s */
#define PAUSE_MAX_US   5000000
#define PAUSE_FULL_US  1000000 /* short beside the load that may fill the disk again */

struct worker {
	struct work *work;
	pthread_t thread;
	struct load_control control;
	size_t shown_count; /* guarded by the work's mutex: so many of the jobs are at work */
	struct job jobs[CATALOG_CLAIM_MAX]; /* changed only while none is shown */
};

struct work {
	struct job_service *jobs;
	struct lake *lake;
	struct applier *applier; /* or NULL */
	struct early *early;     /* or NULL */
	struct faults *faults;   /* or NULL */

	pthread_mutex_t mutex; /* guards the three below and what the workers show */
	pthread_cond_t changed;
	uint64_t wakes; /* how often somebody said that there may be something to do */
	bool stopping;
	int64_t rest_until_us; /* of clock_mono_us(): no job is claimed before */

	size_t worker_count;
	struct worker workers[];
};

static bool is_stopping(struct work *work)
{
	bool stopping;

	mutex_lock(&work->mutex);
	stopping = work->stopping;
	mutex_unlock(&work->mutex);
	return stopping;
}

/* Wait so long, or until the server stops (false). */
static bool pause_for(struct work *work, int64_t us)
{
	int64_t until_us = clock_mono_us() + us;
	bool stopping;

	mutex_lock(&work->mutex);
	while (!work->stopping && clock_mono_us() < until_us)
		cond_wait_until(&work->changed, &work->mutex, until_us);
	stopping = work->stopping;
	mutex_unlock(&work->mutex);
	return !stopping;
}

static void show_jobs(struct worker *worker, size_t count)
{
	mutex_lock(&worker->work->mutex);
	worker->shown_count = count;
	mutex_unlock(&worker->work->mutex);
}

static int64_t longer_pause(int64_t us)
{
	return us * 4 > PAUSE_MAX_US ? PAUSE_MAX_US : us * 4;
}

/* What the worker does in the end, and with what. */
struct verdict {
	enum {
		VERDICT_COMPLETE,
		VERDICT_FAIL,
		VERDICT_RELEASE,
		VERDICT_UNKNOWN,
		VERDICT_COUNT
	} what;
	struct lake_mark counts;
	struct err reason;
};

static enum status settle_once(struct worker *worker, const struct job *job,
    const struct verdict *verdict, int64_t begun_us, struct err *err)
{
	struct job_service *jobs = worker->work->jobs;
	struct job_result result = {
	    .records_processed = verdict->counts.records_processed,
	    .records_failed = verdict->counts.records_failed,
	    .processing_ms = (clock_mono_us() - begun_us) / 1000,
	};

	switch (verdict->what) {
	case VERDICT_COMPLETE:
		return job_complete(jobs, job->id, &result, err);
	case VERDICT_FAIL:
		return job_fail(jobs, job->id, &result, verdict->reason.text, err);
	case VERDICT_RELEASE:
		return job_release(jobs, job->id, err);
	case VERDICT_UNKNOWN:
	case VERDICT_COUNT:
		break;
	}
	/* Neither Failed nor the queue: its rows may be there. */
	log_event(LOG_LEVEL_ERROR, "job.left_in_progress", "job=%s error=\"%s\"", job->id,
	    verdict->reason.text);
	return OK;
}

static void settle(
    struct worker *worker, const struct job *job, const struct verdict *verdict, int64_t begun_us)
{
	int64_t pause_us = PAUSE_FIRST_US;
	struct err err = {{0}};
	enum status st;

	for (;;) {
		st = settle_once(worker, job, verdict, begun_us, &err);
		if (st == OK)
			return;
		log_event(LOG_LEVEL_ERROR, "job.settle_failed", "job=%s status=%s error=\"%s\"",
		    job->id, status_name(st), err.text);
		if (!pause_for(worker->work, pause_us))
			return; /* the next start settles it */
		pause_us = longer_pause(pause_us);
	}
}

/* Was the job applied?  To guess would lose its rows or apply them twice, so a lake that cannot
 * tell is asked again, until the server stops: OK, E_NOT_FOUND, or then what the lake said last. */
static enum status ask_mark(
    struct worker *worker, const struct job *job, struct lake_mark *ret_mark)
{
	int64_t pause_us = PAUSE_FIRST_US;
	struct err err = {{0}};
	enum status st;

	for (;;) {
		st = lake_mark_get(worker->work->lake, job->id, ret_mark, &err);
		if (st == OK || st == E_NOT_FOUND)
			return st;
		log_event(LOG_LEVEL_ERROR, "job.mark_unread", "job=%s status=%s error=\"%s\"",
		    job->id, status_name(st), err.text);
		if (!pause_for(worker->work, pause_us))
			return st;
		pause_us = longer_pause(pause_us);
	}
}

/* Count the attempt for who reads the job.  That it can't be counted is no reason not to make it:
 * the disk that was full for the lake is full for the catalog, too. */
static void count_retry(struct job_service *jobs, const struct job *job)
{
	struct err err = {{0}};
	enum status st = job_retry(jobs, job->id, &err);

	if (st != OK)
		log_event(LOG_LEVEL_WARN, "job.retry_uncounted", "job=%s status=%s error=\"%s\"",
		    job->id, status_name(st), err.text);
}

/* The disk is full: nobody claims a job for a while. */
static void rest(struct work *work)
{
	mutex_lock(&work->mutex);
	work->rest_until_us = clock_mono_us() + PAUSE_FULL_US;
	mutex_unlock(&work->mutex);
}

/* Load until there is a verdict. */
static void load(struct worker *worker, const struct job *job, struct verdict *verdict)
{
	struct work *work = worker->work;
	int64_t pause_us = PAUSE_FIRST_US;
	enum load_outcome outcome;
	enum status st, marked;

	for (int attempt = 1;; attempt++) {
		*verdict = (struct verdict){.what = VERDICT_COMPLETE};
		st = work->early == NULL ? E_NOT_FOUND
					 : early_finish(work->early, job, &worker->control,
					       &outcome, &verdict->counts, &verdict->reason);
		if (st == E_NOT_FOUND)
			st = load_job(work->jobs, work->lake, job, &worker->control, &outcome,
			    &verdict->counts, &verdict->reason);
		if (st == OK && outcome == LOAD_UNREADABLE)
			verdict->what = VERDICT_FAIL;
		if (st == OK)
			return;
		/* Was the failure before or after the commit? */
		marked = ask_mark(worker, job, &verdict->counts);
		if (marked == OK)
			return;
		if (marked != E_NOT_FOUND) {
			verdict->what = VERDICT_UNKNOWN;
			return;
		}
		if (st == E_CANCELLED || is_stopping(work)) {
			verdict->what = VERDICT_RELEASE;
			return;
		}
		metric_add(METRIC_LOAD_ATTEMPTS_FAILED, 0, 1);
		log_event(LOG_LEVEL_WARN, "job.attempt_failed",
		    "job=%s attempt=%d status=%s error=\"%s\"", job->id, attempt, status_name(st),
		    verdict->reason.text);
		if (st == E_FULL) {
			verdict->what = VERDICT_RELEASE;
			rest(work);
			return;
		}
		verdict->what = VERDICT_FAIL;
		if (attempt == ATTEMPTS_MAX) {
			/* The reason may name files and the like: it is in the log, not in the
			 * answer. */
			err_set(&verdict->reason, st,
			    "Storage failed %d times; the server's log tells how.", attempt);
			return;
		}
		count_retry(work->jobs, job);
		pause_for(work, pause_us);
		pause_us = longer_pause(pause_us);
	}
}

/* The fault that a test asked for, if any.  Is there a verdict by it? Else the job is loaded as
 * usual.  Nothing of it is in the lake yet, so it may as well fail, or go back to the queue. */
static bool meet_fault(struct worker *worker, const struct job *job, struct verdict *verdict)
{
	struct work *work = worker->work;
	const struct fault_job asked = {
	    .id = job->id, .connector = job->connector, .object = job->object};
	struct fault_rule rule;

	if (work->faults == NULL || !faults_take_job(work->faults, &asked, &rule))
		return false;
	log_event(LOG_LEVEL_INFO, "fault.job", "rule=%s job=%s hold_seconds=%" PRId64 " fail=%d",
	    rule.id, job->id, rule.hold_s, rule.fail);
	if (rule.hold_s > 0 && !pause_for(work, rule.hold_s * 1000000)) {
		*verdict = (struct verdict){.what = VERDICT_RELEASE};
		return true;
	}
	if (!rule.fail)
		return false;
	*verdict = (struct verdict){.what = VERDICT_FAIL};
	err_set(&verdict->reason, E_CANCELLED, "%s",
	    rule.message[0] != '\0' ? rule.message : "A test asked for the end of this job.");
	return true;
}

/* What the object's stream accepted before the job was closed goes first (docs/DESIGN.md, "Order
 * between streams and jobs").  A job that only validates does not look at the table. False: there is
 * a verdict, the server stops. */
static bool wait_for_stream(struct worker *worker, const struct job *job, struct verdict *verdict)
{
	struct work *work = worker->work;
	int64_t pause_us = PAUSE_FIRST_US;
	struct err err = {{0}};
	enum status st;

	if (work->applier == NULL || job->validate_only)
		return true;
	for (;;) {
		st = applier_wait(work->applier, job, &worker->control.stop, &err);
		if (st == OK || st == E_NOT_FOUND)
			return true; /* gone: the load says so */
		if (st != E_CANCELLED)
			log_event(LOG_LEVEL_ERROR, "job.order_unknown",
			    "job=%s status=%s error=\"%s\"", job->id, status_name(st), err.text);
		if (st == E_CANCELLED || !pause_for(work, pause_us)) {
			*verdict = (struct verdict){.what = VERDICT_RELEASE};
			return false;
		}
		pause_us = longer_pause(pause_us);
	}
}

/* One job from its claim to its settlement. */
static void do_one(struct worker *worker, const struct job *job)
{
	int64_t begun_us = clock_mono_us();
	struct verdict verdict;

	atomic_store(&worker->control.progress, 0.0);
	worker->control.must_stage = false;
	if (!meet_fault(worker, job, &verdict) && wait_for_stream(worker, job, &verdict))
		load(worker, job, &verdict);
	/* Before the client can see the job's end. */
	metric_add(METRIC_LOADS, verdict.what, 1);
	metric_observe(METRIC_LOAD_SECONDS, 0, clock_mono_us() - begun_us);
	settle(worker, job, &verdict, begun_us);
}

/* Several jobs in one load: true.  False: whatever came of it, each is to be done by itself. */
static bool do_together(struct worker *worker, size_t count)
{
	struct work *work = worker->work;
	struct job_result results[CATALOG_CLAIM_MAX] = {{0}};
	struct lake_mark marks[CATALOG_CLAIM_MAX];
	int64_t begun_us = clock_mono_us();
	struct verdict verdict;
	struct err err = {{0}};
	enum status st;

	worker->control.must_stage = false;
	/* They have the same place between the stream's requests. */
	if (!wait_for_stream(worker, &worker->jobs[0], &verdict))
		return false;
	st = load_together(
	    work->jobs, work->lake, worker->jobs, count, &worker->control, marks, &err);
	if (st != OK) {
		log_event(LOG_LEVEL_DEBUG, "job.together_failed",
		    "job=%s jobs=%zu status=%s error=\"%s\"", worker->jobs[0].id, count,
		    status_name(st), err.text);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		results[i] = (struct job_result){
		    .records_processed = marks[i].records_processed,
		    .records_failed = marks[i].records_failed,
		    .processing_ms = (clock_mono_us() - begun_us) / 1000,
		};
	metric_add(METRIC_LOADS, VERDICT_COMPLETE, (int64_t)count);
	metric_observe(METRIC_LOAD_SECONDS, 0, clock_mono_us() - begun_us);
	st = job_complete_all(work->jobs, worker->jobs, results, count, &err);
	if (st == OK)
		return true;
	log_event(LOG_LEVEL_ERROR, "job.settle_failed", "job=%s jobs=%zu status=%s error=\"%s\"",
	    worker->jobs[0].id, count, status_name(st), err.text);
	for (size_t i = 0; i < count; i++) {
		verdict = (struct verdict){.what = VERDICT_COMPLETE, .counts = marks[i]};
		settle(worker, &worker->jobs[i], &verdict, begun_us);
	}
	return true;
}

/* The jobs of one claim: OK; E_NOT_FOUND: there is none before ${ret_ready_us}. */
static enum status do_claim(struct worker *worker, int64_t *ret_ready_us, struct err *err)
{
	/* A fault is met by a job alone. */
	size_t jobs_max = worker->work->faults == NULL ? CATALOG_CLAIM_MAX : 1, count;
	enum status st =
	    job_claim(worker->work->jobs, jobs_max, worker->jobs, &count, ret_ready_us, err);

	if (st != OK)
		return st;
	show_jobs(worker, count);
	if (count == 1 || !do_together(worker, count)) {
		for (size_t i = 0; i < count; i++)
			do_one(worker, &worker->jobs[i]);
	}
	show_jobs(worker, 0);
	return OK;
}

/* Wait until jobs may be claimed; false when the server stops. */
static bool may_claim(struct work *work)
{
	bool stopping;

	mutex_lock(&work->mutex);
	while (!work->stopping && clock_mono_us() < work->rest_until_us)
		cond_wait_until(&work->changed, &work->mutex, work->rest_until_us);
	stopping = work->stopping;
	mutex_unlock(&work->mutex);
	return !stopping;
}

/* Until somebody says that there may be something to do, after ${seen} times, or the wall clock
 * reaches ${ready_us} (0: never). */
static void wait_for_work(struct work *work, uint64_t seen, int64_t ready_us)
{
	mutex_lock(&work->mutex);
	while (work->wakes == seen && !work->stopping) {
		int64_t left_us = ready_us - clock_now_us();

		if (ready_us == 0)
			cond_wait(&work->changed, &work->mutex);
		else if (left_us <= 0 ||
			 !cond_wait_until(&work->changed, &work->mutex, clock_mono_us() + left_us))
			break;
	}
	mutex_unlock(&work->mutex);
}

static void *run_worker(void *ctx)
{
	struct worker *worker = ctx;
	struct work *work = worker->work;
	struct err err = {{0}};
	int64_t ready_us;
	uint64_t seen;
	enum status st;

	for (;;) {
		mutex_lock(&work->mutex);
		seen = work->wakes;
		mutex_unlock(&work->mutex);
		if (!may_claim(work))
			return NULL;
		st = do_claim(worker, &ready_us, &err);
		if (st == OK)
			continue;
		if (st != E_NOT_FOUND) {
			log_event(LOG_LEVEL_ERROR, "job.claim_failed", "status=%s error=\"%s\"",
			    status_name(st), err.text);
			pause_for(work, PAUSE_MAX_US);
			continue;
		}
		/* Counting the wakes means that one between the claim
		 * and the wait is not missed. */
		wait_for_work(work, seen, ready_us);
	}
}

static bool name_reject(size_t cell, struct metric_labels *ret_labels, const void *ctx)
{
	(void)ctx;
	if (cell >= REJECT_CODE_COUNT || cell == REJECT_NONE)
		return false;
	ret_labels->values[0] = reject_name((enum reject_code)cell);
	return true;
}

static void name_metrics(void)
{
	static const char *const outcomes[VERDICT_COUNT] = {
	    [VERDICT_COMPLETE] = "complete",
	    [VERDICT_FAIL] = "failed",
	    [VERDICT_RELEASE] = "released",
	    [VERDICT_UNKNOWN] = "unknown",
	};
	static const struct metric_list loads = {outcomes, VERDICT_COUNT};

	metric_name_cells(METRIC_LOADS, metric_name_from_list, &loads);
	metric_name_cells(METRIC_RECORDS_FAILED, name_reject, NULL);
}

enum status work_start(const struct work_options *options, struct work **ret_work, struct err *err)
{
	struct work *work =
	    calloc(1, sizeof(*work) + options->worker_count * sizeof(struct worker));
	enum status st;

	if (work == NULL)
		return err_set(err, E_NOMEM, "no memory for workers");
	name_metrics();
	work->jobs = options->jobs;
	work->lake = options->lake;
	work->applier = options->applier;
	work->early = options->early;
	work->faults = options->faults;
	mutex_init(&work->mutex);
	cond_init(&work->changed);
	while (work->worker_count < options->worker_count) {
		struct worker *worker = &work->workers[work->worker_count];

		worker->work = work;
		st = thread_start(&worker->thread, "worker", run_worker, worker, err);
		if (st != OK) {
			work_stop(&work);
			return st;
		}
		work->worker_count++;
	}
	*ret_work = work;
	return OK;
}

void work_wake(struct work *work)
{
	mutex_lock(&work->mutex);
	work->wakes++;
	cond_broadcast(&work->changed);
	mutex_unlock(&work->mutex);
}

bool work_progress(struct work *work, const char *job_id, double *ret_progress)
{
	bool found = false;

	mutex_lock(&work->mutex);
	for (size_t i = 0; i < work->worker_count && !found; i++) {
		const struct worker *worker = &work->workers[i];

		for (size_t k = 0; k < worker->shown_count && !found; k++)
			found = strcmp(worker->jobs[k].id, job_id) == 0;
		if (found)
			*ret_progress = atomic_load(&worker->control.progress);
	}
	mutex_unlock(&work->mutex);
	return found;
}

void work_stop(struct work **work_ptr)
{
	struct work *work = *work_ptr;

	if (work == NULL)
		return;
	mutex_lock(&work->mutex);
	work->stopping = true;
	cond_broadcast(&work->changed);
	mutex_unlock(&work->mutex);
	for (size_t i = 0; i < work->worker_count; i++)
		atomic_store(&work->workers[i].control.stop, true);
	if (work->applier != NULL)
		applier_interrupt(work->applier);
	for (size_t i = 0; i < work->worker_count; i++)
		thread_join(work->workers[i].thread);
	cond_fini(&work->changed);
	mutex_fini(&work->mutex);
	free(work);
	*work_ptr = NULL;
}
