/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading ahead of the close: see early.h, and docs/DESIGN.md, "Before the close".
 *
 * A thread opens a load for the first upload that is worth it and reads the part's file behind its
 * writer.  Between parts the load lies idle; a worker that has claimed the job takes it from there.
 *
 *	none ---begin---> busy <---> idle ---finish---> none (the load is the worker's)
 *	  ^                 |          |
 *	  +----- dropped: in the way, too old, no part came, forgotten, failed
 *
 * The order of parts is that of acceptance, which is known only at an upload's end.  So what was
 * read is compared with the job's list of parts: it must be the beginning of that list, else all is
 * dropped.  A client that sends one part after the other never meets that.
 *
 * Nothing that goes wrong here is told to anybody: whoever loads the job after its close meets it
 * again, if it is still there.
 */
#include "work/early.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

/* So much is waited for before it is read: batches are full then. */
#define READ_BYTES (1024 * 1024)

/* How long a load may be open; how long it waits for the next part; how often it looks whether it
 * is in somebody's way. */
#define OPEN_US_MAX 60000000
#define IDLE_US_MAX 5000000
#define LOOK_US     20000

/* A load of which more records fail goes on after the close. */
#define FAILED_MAX 1000

/* The upload that is followed, or was last. */
struct followed {
	early_ticket ticket; /* 0: none */
	struct blob_reader *reader;
	uint64_t bytes; /* written */
	bool has_ended;
	bool is_part; /* when it has ended */
	struct part part;
};

enum early_state { EARLY_NONE, EARLY_BUSY, EARLY_IDLE };

struct early {
	struct job_service *jobs;
	struct lake *lake;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t mutex; /* guards all below, but what a comment says otherwise of */
	pthread_cond_t changed;
	enum early_state state;
	bool is_stopping;
	bool is_dropped; /* the thread is to give the load up */
	bool has_stored; /* the job has parts of which the thread has not heard */
	early_ticket last_ticket;
	struct job job; /* "" as its id: none */
	struct followed upload;

	/* The thread's while it is busy; who takes an idle load, its. */
	struct load_control control;
	struct load *load;
	uint64_t stored_bytes; /* of the stored part that is being read */
	int64_t opened_us;
	char hopeless_id[UUID_TEXT_BYTES]; /* the last one of which no other part is worth it */
	char staged_id[UUID_TEXT_BYTES]; /* the last job that was found to need the stage; or "" */
};

/* --- Uploads ---------------------------------------------------------------------------------- */

/* May the upload be followed?  Then the place is taken. */
static early_ticket reserve(struct early *early, const struct job *job)
{
	early_ticket ticket = 0;
	bool is_free = false;

	mutex_lock(&early->mutex);
	if (early->is_stopping || early->is_dropped || early->upload.ticket != 0 ||
	    strcmp(early->hopeless_id, job->id) == 0)
		is_free = false;
	else if (early->state == EARLY_NONE)
		is_free = early->job.id[0] == '\0';
	else
		is_free = strcmp(early->job.id, job->id) == 0;
	if (is_free) {
		ticket = ++early->last_ticket;
		early->upload = (struct followed){.ticket = ticket};
		early->job = *job;
	}
	mutex_unlock(&early->mutex);
	return ticket;
}

/* With the mutex held. */
static void forget_job_locked(struct early *early)
{
	early->job.id[0] = '\0';
	early->is_dropped = false;
	early->has_stored = false;
	early->state = EARLY_NONE;
	cond_broadcast(&early->changed);
}

early_ticket early_upload_begin(
    struct early *early, const struct job *job, const struct blob_writer *writer, uint64_t bytes)
{
	struct blob_reader *reader = NULL;
	early_ticket ticket;

	if (job->operation != JOB_UPSERT || job->validate_only)
		return 0;
	ticket = reserve(early, job);
	if (ticket == 0)
		return 0;
	/* The reader of a writer that has just been opened: without the mutex, as it is I/O. */
	if (blob_follow(writer, &reader, NULL) != OK)
		reader = NULL;
	mutex_lock(&early->mutex);
	if (reader == NULL) {
		early->upload.ticket = ticket = 0;
		if (early->state == EARLY_NONE)
			forget_job_locked(early);
	} else {
		early->upload.reader = reader;
		early->upload.bytes = bytes;
		cond_broadcast(&early->changed);
	}
	mutex_unlock(&early->mutex);
	return ticket;
}

void early_upload_grew(struct early *early, early_ticket ticket, uint64_t bytes)
{
	if (ticket == 0)
		return;
	mutex_lock(&early->mutex);
	if (early->upload.ticket == ticket) {
		uint64_t before = early->upload.bytes;

		early->upload.bytes = bytes;
		if (before / READ_BYTES != bytes / READ_BYTES)
			cond_broadcast(&early->changed);
	}
	mutex_unlock(&early->mutex);
}

void early_upload_end(struct early *early, early_ticket ticket, const struct part *part)
{
	if (ticket == 0)
		return;
	mutex_lock(&early->mutex);
	if (early->upload.ticket == ticket) {
		early->upload.has_ended = true;
		early->upload.is_part = part != NULL;
		if (part != NULL)
			early->upload.part = *part;
		cond_broadcast(&early->changed);
	}
	mutex_unlock(&early->mutex);
}

void early_part_stored(struct early *early, const char *job_id)
{
	mutex_lock(&early->mutex);
	if (strcmp(early->job.id, job_id) == 0) {
		early->has_stored = true;
		cond_broadcast(&early->changed);
	}
	mutex_unlock(&early->mutex);
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* With the mutex held, between two looks at the lake.  Why must the load end, if it must? */
static const char *find_end_locked(const struct early *early)
{
	if (early->is_stopping)
		return "the server stops";
	if (early->is_dropped)
		return "its job has ended";
	if (clock_mono_us() - early->opened_us > OPEN_US_MAX)
		return "it took too long";
	return NULL;
}

/* The same, for what the load itself tells. */
static const char *find_burden(const struct early *early)
{
	if (load_is_in_the_way(early->load))
		return "it is in the way";
	/* Those are staged, in memory that the thread which commits has no use for. */
	if (load_counts(early->load).records_failed > FAILED_MAX)
		return "many records fail";
	return NULL;
}

/* The load's own thread waits here for its upload. */
static enum status wait_for_bytes(void *ctx, uint64_t seen, bool *ret_is_more, struct err *err)
{
	struct early *early = ctx;
	const struct followed *upload = &early->upload;
	const char *end;
	bool is_lost;

	mutex_lock(&early->mutex);
	while ((end = find_end_locked(early)) == NULL && !upload->has_ended &&
	       upload->bytes < seen + READ_BYTES) {
		if (cond_wait_until(&early->changed, &early->mutex, clock_mono_us() + LOOK_US))
			continue;
		mutex_unlock(&early->mutex);
		if (load_is_in_the_way(early->load))
			return err_set(err, E_CANCELLED, "it is in the way");
		mutex_lock(&early->mutex);
	}
	is_lost = upload->has_ended && !upload->is_part;
	*ret_is_more = upload->bytes > seen;
	mutex_unlock(&early->mutex);
	if (end != NULL)
		return err_set(err, E_CANCELLED, "%s", end);
	if (is_lost)
		return err_set(err, E_CANCELLED, "the upload became no part");
	end = find_burden(early);
	return end == NULL ? OK : err_set(err, E_CANCELLED, "%s", end);
}

/* While a stored part is read. */
static enum status look_around(void *ctx, uint64_t seen, bool *ret_is_more, struct err *err)
{
	struct early *early = ctx;
	const char *end;

	mutex_lock(&early->mutex);
	end = find_end_locked(early);
	mutex_unlock(&early->mutex);
	if (end == NULL)
		end = find_burden(early);
	*ret_is_more = seen < early->stored_bytes;
	return end == NULL ? OK : err_set(err, E_CANCELLED, "%s", end);
}

/* Read what the job has been given beside what was followed. */
static enum status catch_up(struct early *early, struct err *err)
{
	struct arena arena;
	struct part *parts;
	size_t count;
	enum status st;

	mutex_lock(&early->mutex);
	early->has_stored = false;
	mutex_unlock(&early->mutex);
	arena_init(&arena, 4096);
	st = catalog_part_list(
	    early->jobs->catalog, slice_of(early->job.id), &arena, &parts, &count, err);
	for (size_t i = load_done_count(early->load); st == OK && i < count; i++) {
		early->stored_bytes = (uint64_t)parts[i].bytes;
		st = load_stored(early->load, &parts[i], look_around, early, err);
	}
	arena_fini(&arena);
	return st;
}

/* The thread is done with the upload. */
static void leave_upload(struct early *early)
{
	struct blob_reader *reader;

	mutex_lock(&early->mutex);
	reader = early->upload.reader;
	early->upload = (struct followed){.ticket = 0};
	mutex_unlock(&early->mutex);
	blob_read_close(&reader);
}

/* Read the upload, if there is one, to its end. */
static enum status follow(struct early *early, struct err *err)
{
	struct blob_reader *reader;
	bool is_caught_up; /* it had ended before, so that it was among the stored ones */
	enum status st = OK;

	mutex_lock(&early->mutex);
	reader = early->upload.reader;
	is_caught_up = early->upload.has_ended && early->upload.is_part &&
		       early->upload.part.number <= (int64_t)load_done_count(early->load);
	mutex_unlock(&early->mutex);
	if (reader == NULL)
		return OK;
	if (!is_caught_up)
		st = load_follow(early->load, reader, wait_for_bytes, early, err);
	if (!is_caught_up && st == OK)
		st = load_followed(early->load, &early->upload.part, err);
	leave_upload(early);
	return st;
}

/* Idle until there is an upload or another part (OK), or the load is not the thread's any more: taken
 * (E_GONE), or to be dropped. */
static enum status wait_for_upload(struct early *early, struct err *err)
{
	int64_t idle_until_us = clock_mono_us() + IDLE_US_MAX;
	const char *end = NULL;
	enum status st = OK;

	log_event(LOG_LEVEL_DEBUG, "early.read", "job=%s parts=%zu", early->job.id,
	    load_done_count(early->load));
	mutex_lock(&early->mutex);
	early->state = EARLY_IDLE;
	cond_broadcast(&early->changed);
	while (early->state == EARLY_IDLE && early->upload.reader == NULL && !early->has_stored &&
	       end == NULL) {
		(void)cond_wait_until(&early->changed, &early->mutex, clock_mono_us() + LOOK_US);
		end = find_end_locked(early);
		if (early->state != EARLY_IDLE || end != NULL)
			continue;
		if (clock_mono_us() > idle_until_us)
			end = "no part came";
		else if (load_is_in_the_way(early->load)) /* takes a leaf's lock, and no time */
			end = "it is in the way";
	}
	if (early->state != EARLY_IDLE)
		st = E_GONE;
	else if (end != NULL)
		st = err_set(err, E_CANCELLED, "%s", end);
	if (st != E_GONE)
		early->state = EARLY_BUSY;
	mutex_unlock(&early->mutex);
	return st;
}

/* One job, from its first upload until it is taken or dropped. */
static void load_ahead(struct early *early)
{
	struct err err = {{0}};
	bool must_stage, is_hopeless;
	enum status st;

	early->opened_us = clock_mono_us();
	log_event(LOG_LEVEL_DEBUG, "early.begun", "job=%s", early->job.id);
	st = load_open(
	    early->jobs, early->lake, &early->job, true, &early->control, &early->load, &err);
	while (st == OK) {
		st = catch_up(early, &err);
		if (st == OK)
			st = follow(early, &err);
		if (st == OK)
			st = wait_for_upload(early, &err);
	}
	if (st == E_GONE)
		return;
	log_event(
	    LOG_LEVEL_DEBUG, "early.dropped", "job=%s reason=\"%s\"", early->job.id, err.text);
	must_stage = early->load != NULL && load_judge(early->load, st) == LOAD_IS_NOT_DIRECT;
	is_hopeless = must_stage ||
		      (early->load != NULL && load_counts(early->load).records_failed > FAILED_MAX);
	load_close(&early->load);
	leave_upload(early);
	mutex_lock(&early->mutex);
	if (must_stage)
		strcpy(early->staged_id, early->job.id);
	if (is_hopeless)
		strcpy(early->hopeless_id, early->job.id);
	forget_job_locked(early);
	mutex_unlock(&early->mutex);
}

static void *run(void *ctx)
{
	struct early *early = ctx;

	thread_give_way();
	mutex_lock(&early->mutex);
	while (!early->is_stopping) {
		if (early->state != EARLY_NONE || early->upload.reader == NULL) {
			cond_wait(&early->changed, &early->mutex);
			continue;
		}
		early->state = EARLY_BUSY;
		mutex_unlock(&early->mutex);
		load_ahead(early);
		mutex_lock(&early->mutex);
	}
	mutex_unlock(&early->mutex);
	return NULL;
}

/* --- Ends ------------------------------------------------------------------------------------- */

void early_forget(struct early *early, const char *job_id)
{
	mutex_lock(&early->mutex);
	if (strcmp(early->job.id, job_id) == 0) {
		early->is_dropped = true;
		cond_broadcast(&early->changed);
	}
	mutex_unlock(&early->mutex);
}

/* Take the job's load, once it lies idle.  NULL: there is none. */
static struct load *take_load(struct early *early, const char *job_id, struct load_control *control)
{
	struct load *load = NULL;

	mutex_lock(&early->mutex);
	while (early->state == EARLY_BUSY && !early->is_stopping &&
	       strcmp(early->job.id, job_id) == 0 && !atomic_load(&control->stop))
		(void)cond_wait_until(&early->changed, &early->mutex, clock_mono_us() + LOOK_US);
	if (early->state == EARLY_IDLE && !early->is_dropped && !early->is_stopping &&
	    strcmp(early->job.id, job_id) == 0) {
		load = early->load;
		early->load = NULL;
		forget_job_locked(early);
	} else if (strcmp(early->job.id, job_id) == 0) {
		early->is_dropped = true; /* it was about to begin */
		cond_broadcast(&early->changed);
	}
	if (strcmp(early->staged_id, job_id) == 0)
		control->must_stage = true;
	mutex_unlock(&early->mutex);
	return load;
}

enum status early_finish(struct early *early, const struct job *job, struct load_control *control,
    enum load_outcome *ret_outcome, struct lake_mark *ret_mark, struct err *err)
{
	struct load *load = take_load(early, job->id, control);
	enum load_verdict verdict;
	enum status st;

	if (load == NULL)
		return E_NOT_FOUND;
	st = load_adopt(load, job, control, err);
	if (st == OK)
		st = load_finish(load, err);
	verdict = load_judge(load, st);
	if (verdict == LOAD_IS_DONE)
		*ret_mark = load_counts(load);
	load_close(&load);
	log_event(LOG_LEVEL_DEBUG, "early.finished", "job=%s status=%s", job->id, status_name(st));
	switch (verdict) {
	case LOAD_IS_DONE:
		*ret_outcome = LOAD_APPLIED;
		return OK;
	case LOAD_IS_UNREADABLE:
		*ret_outcome = LOAD_UNREADABLE;
		return OK;
	case LOAD_IS_NOT_DIRECT:
		control->must_stage = true;
		return E_NOT_FOUND;
	case LOAD_HAS_FAILED:
		break;
	}
	/* What was read cannot be used, or the stream is gone, which the next look says. */
	return st == E_CONFLICT ? E_NOT_FOUND : st;
}

/* --- The whole -------------------------------------------------------------------------------- */

enum status early_start(
    struct job_service *jobs, struct lake *lake, struct early **ret_early, struct err *err)
{
	struct early *early = calloc(1, sizeof(*early));
	enum status st;

	if (early == NULL)
		return err_set(err, E_NOMEM, "no memory for early loads");
	early->jobs = jobs;
	early->lake = lake;
	mutex_init(&early->mutex);
	cond_init(&early->changed);
	st = thread_start(&early->thread, "early", run, early, err);
	early->has_thread = st == OK;
	if (st != OK)
		early_stop(&early);
	else
		*ret_early = early;
	return st;
}

void early_stop(struct early **early_ptr)
{
	struct early *early = *early_ptr;

	if (early == NULL)
		return;
	mutex_lock(&early->mutex);
	early->is_stopping = true;
	cond_broadcast(&early->changed);
	mutex_unlock(&early->mutex);
	if (early->has_thread)
		thread_join(early->thread);
	blob_read_close(&early->upload.reader);
	cond_fini(&early->changed);
	mutex_fini(&early->mutex);
	free(early);
	*early_ptr = NULL;
}
