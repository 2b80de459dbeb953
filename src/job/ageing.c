/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes with time: see ageing.h, and docs/DESIGN.md, "Exactly once", "Age".
 *
 * A look asks the catalog for the jobs that are too old, some at a time, and takes the step of each
 * through job.h, which compares the state again: who was closed, aborted or removed meanwhile is
 * none of ours any more.  What storage refuses is logged and ends the look at that kind; the next
 * one goes on with those that are left.  A job whose state was set and whose bytes could not be
 * removed is not among them: its bytes stay until it is removed itself, or until the next start.
 *
 * The catalog finds jobs that are old by its index, so that part of a look costs what there is to
 * do and not what there is.  Each table of problem records has to be asked whether it has old ones,
 * so the thread does that once an hour only.
 *
 * It trusts the wall clock.  It never touches a job that is closed and not finished, however old.
 */
#include "job/ageing.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/access.h"

#include <inttypes.h>
#include <stdlib.h>

#define LOOK_US    INT64_C(60000000)
#define LOOKS      60   /* of which one asks for problem records, too */
#define BATCH_MAX  100  /* jobs that are asked for at a time */
#define ACCESS_MAX 1000 /* tokens that go in one step */

struct ageing {
	struct ageing_options options;
	pthread_t thread;

	pthread_mutex_t mutex; /* guards the two below */
	pthread_cond_t changed;
	bool stopping;
	bool looking; /* somebody is at it: one look at a time */
};

typedef enum status step_fn(struct job_service *service, struct slice id, struct err *err);

/* --- Jobs ------------------------------------------------------------------------------------- */

static bool is_stopping(struct ageing *ageing)
{
	bool stopping;

	mutex_lock(&ageing->mutex);
	stopping = ageing->stopping;
	mutex_unlock(&ageing->mutex);
	return stopping;
}

/* At most BATCH_MAX jobs.  ${ret_again}: there may be more of them, and this got on. */
static enum status take_some(struct ageing *ageing, enum job_state state, int64_t before_us,
    step_fn *step, int64_t *count, bool *ret_again, struct err *err)
{
	struct job_service *jobs = ageing->options.jobs;
	char(*ids)[UUID_TEXT_BYTES];
	struct arena arena;
	size_t id_count = 0, done = 0;
	enum status st;

	arena_init(&arena, 8192);
	st = catalog_job_aged(
	    jobs->catalog, state, before_us, BATCH_MAX, &arena, &ids, &id_count, err);
	for (size_t i = 0; st == OK && i < id_count && !is_stopping(ageing); i++) {
		st = step(jobs, slice_of(ids[i]), err);
		if (st == OK)
			done++;
		else if (st == E_NOT_FOUND || st == E_CONFLICT)
			st = OK; /* somebody else was faster */
	}
	*count += (int64_t)done;
	*ret_again = st == OK && id_count == BATCH_MAX && done > 0;
	arena_fini(&arena);
	return st;
}

static void take_all(struct ageing *ageing, int64_t now_us, enum job_state state, int64_t age_us,
    step_fn *step, int64_t *count)
{
	int64_t before_us = now_us - age_us;
	struct err err = {{0}};
	bool again = age_us > 0;
	enum status st = OK;

	while (again && st == OK && !is_stopping(ageing))
		st = take_some(ageing, state, before_us, step, count, &again, &err);
	if (st != OK)
		log_event(LOG_LEVEL_WARN, "ageing.failed", "state=%s status=%s error=\"%s\"",
		    job_state_name(state), status_name(st), err.text);
}

/* --- Problem records -------------------------------------------------------------------------- */

/* One table after the other, and each as far as it goes: that one of them cannot be read must not
 * keep what the others have too long. */
static void expire_problems(struct ageing *ageing, int64_t now_us, int64_t *count)
{
	const struct ageing_options *options = &ageing->options;
	int64_t before_us = now_us - options->problem_us, removed;
	const struct slice all = {0};
	struct stream *streams;
	struct err err = {{0}};
	size_t stream_count = 0;
	struct arena arena;
	enum status st;

	if (options->problem_us == 0)
		return;
	arena_init(&arena, 16384);
	st =
	    catalog_stream_list(options->jobs->catalog, all, &arena, &streams, &stream_count, &err);
	if (st != OK)
		log_event(LOG_LEVEL_WARN, "ageing.failed", "status=%s error=\"%s\"",
		    status_name(st), err.text);
	for (size_t i = 0; i < stream_count && !is_stopping(ageing); i++) {
		st = lake_problems_expire(options->lake, streams[i].connector, streams[i].object,
		    before_us, &removed, &err);
		if (st == OK)
			*count += removed;
		else
			log_event(LOG_LEVEL_WARN, "ageing.failed",
			    "connector=%s object=%s status=%s error=\"%s\"", streams[i].connector,
			    streams[i].object, status_name(st), err.text);
	}
	arena_fini(&arena);
}

/* --- Tokens ----------------------------------------------------------------------------------- */

/* Logins leave rows that nobody needs once their time is over. */
static void expire_access(struct ageing *ageing, int64_t now_us)
{
	struct err err = {{0}};
	size_t count = ACCESS_MAX;
	enum status st = OK;

	while (st == OK && count >= ACCESS_MAX && !is_stopping(ageing))
		st = catalog_access_expire(
		    ageing->options.jobs->catalog, now_us, ACCESS_MAX, &count, &err);
	if (st != OK)
		log_event(LOG_LEVEL_WARN, "ageing.failed", "status=%s error=\"%s\"",
		    status_name(st), err.text);
}

/* --- A look ----------------------------------------------------------------------------------- */

static void look(struct ageing *ageing, bool problems, struct ageing_result *ret_result)
{
	static const enum job_state final_states[] = {JOB_COMPLETE, JOB_FAILED, JOB_ABORTED};
	const struct ageing_options *options = &ageing->options;
	struct ageing_result result = {0};
	/* One time for all: were the clock moved in between, a young finished job would go and an
	 * old open one stay. */
	int64_t now_us = clock_now_us();

	take_all(ageing, now_us, JOB_OPEN, options->open_us, job_expire, &result.aborted);
	for (size_t i = 0; i < 3; i++)
		take_all(ageing, now_us, final_states[i], options->finished_us, job_delete_final,
		    &result.removed);
	if (problems)
		expire_problems(ageing, now_us, &result.problems);
	expire_access(ageing, now_us);
	if (result.aborted + result.removed + result.problems > 0)
		log_event(LOG_LEVEL_INFO, "ageing.done",
		    "aborted=%" PRId64 " removed=%" PRId64 " problems=%" PRId64, result.aborted,
		    result.removed, result.problems);
	*ret_result = result;
}

/* One look at a time. */
static void look_alone(struct ageing *ageing, bool problems, struct ageing_result *ret_result)
{
	mutex_lock(&ageing->mutex);
	while (ageing->looking)
		cond_wait(&ageing->changed, &ageing->mutex);
	ageing->looking = true;
	mutex_unlock(&ageing->mutex);

	look(ageing, problems, ret_result);

	mutex_lock(&ageing->mutex);
	ageing->looking = false;
	cond_broadcast(&ageing->changed);
	mutex_unlock(&ageing->mutex);
}

void ageing_run(struct ageing *ageing, struct ageing_result *ret_result)
{
	look_alone(ageing, true, ret_result);
}

/* --- The thread ------------------------------------------------------------------------------- */

static void *run_ageing(void *ctx)
{
	struct ageing *ageing = ctx;
	struct ageing_result result;
	int64_t next_us;

	for (int i = 0; !is_stopping(ageing); i++) {
		look_alone(ageing, i % LOOKS == 0, &result);
		next_us = clock_mono_us() + LOOK_US;
		mutex_lock(&ageing->mutex);
		while (
		    !ageing->stopping && cond_wait_until(&ageing->changed, &ageing->mutex, next_us))
			;
		mutex_unlock(&ageing->mutex);
	}
	return NULL;
}

enum status ageing_start(
    const struct ageing_options *options, struct ageing **ret_ageing, struct err *err)
{
	struct ageing *ageing = calloc(1, sizeof(*ageing));
	enum status st;

	if (ageing == NULL)
		return err_set(err, E_NOMEM, "no memory for ageing");
	ageing->options = *options;
	mutex_init(&ageing->mutex);
	cond_init(&ageing->changed);
	st = thread_start(&ageing->thread, "ageing", run_ageing, ageing, err);
	if (st != OK) {
		cond_fini(&ageing->changed);
		mutex_fini(&ageing->mutex);
		free(ageing);
		return st;
	}
	*ret_ageing = ageing;
	return OK;
}

void ageing_stop(struct ageing **ageing_ptr)
{
	struct ageing *ageing = *ageing_ptr;

	if (ageing == NULL)
		return;
	mutex_lock(&ageing->mutex);
	ageing->stopping = true;
	cond_broadcast(&ageing->changed);
	mutex_unlock(&ageing->mutex);
	thread_join(ageing->thread);
	cond_fini(&ageing->changed);
	mutex_fini(&ageing->mutex);
	free(ageing);
	*ageing_ptr = NULL;
}
