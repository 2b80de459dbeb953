/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applier: see applier.h.  This file says when a log is applied and by whom; apply.c does it.
 *
 * Of each stream that had something to apply since the start there is a feed:
 *
 *	         wake                its time comes           nothing is left
 *	idle ------------> pending ------------------> busy ------------------> idle
 *	                    ^   ^                       | |
 *	                    |   |  more, or it failed   | |  what is left is behind a job
 *	                    |   +-----------------------+ +------------------> held
 *	                    |                    a job is settled               |
 *	                    +---------------------------------------------------+
 *
 * Its time comes an interval after the first entry was accepted, so that many are applied together;
 * a backlog has no interval between its batches; a failure has a pause behind it.
 *
 * Two threads take the feed that is due first; a feed is busy with one of them at a time.  Two,
 * because a large batch, or a lake that makes one table's commit wait, must not keep the other
 * streams from being visible within a second; no more, because the lake's commits come one after
 * the other anyway.
 *
 * What comes while a feed is busy is not lost: wakes and settlements are counted, and a feed whose
 * count moved meanwhile stays pending.
 */
#include "work/applier.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "work/apply.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define THREADS        2
#define BUCKETS        1024
#define PAUSE_FIRST_US 100000 /* then twice as long each time */
#define PAUSE_FULL_US  1000000
#define PAUSE_MAX_US   10000000
#define NEVER_US       INT64_MAX
#define ARENA_BYTES    65536

enum feed_state { FEED_IDLE, FEED_PENDING, FEED_HELD };

struct feed {
	struct apply_log log; /* whoever is busy with it works on a copy */
	int64_t applied;      /* the position that the lake had last; it may be not known now */
	enum feed_state state;
	bool is_busy;
	uint64_t wakes;    /* how often something changed for it */
	int64_t since_us;  /* of clock_mono_us(): when the oldest entry came that is left */
	int64_t due_us;    /* pending: when to apply it */
	int64_t retry_us;  /* not before; after a failure */
	int64_t pause_us;  /* the last pause; 0: no failure */
	uint64_t why_hash; /* of the failure that was logged last */
	struct feed *next; /* in its bucket */
	struct feed *next_active;
	bool is_active; /* in the list of those that are not idle */
};

struct applier {
	struct applier_options options;
	struct apply_stores stores;

	pthread_mutex_t mutex;  /* guards all below but threads */
	pthread_cond_t changed; /* for the threads: a feed is due earlier, or the end is near */
	pthread_cond_t passed;  /* for who waits: a feed is not busy any more, or look at stop */
	struct feed *buckets[BUCKETS];
	struct feed *active;
	bool is_ending;
	int64_t end_us; /* is_ending: until then what is pending is applied */

	pthread_t threads[THREADS];
	size_t thread_count;
};

/* --- Feeds ------------------------------------------------------------------------------------ */

static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

static struct feed **bucket_of(struct applier *applier, const char *journal)
{
	return &applier->buckets[hash_text(journal) % BUCKETS];
}

static struct feed *find_locked(struct applier *applier, const char *journal)
{
	struct feed *feed = *bucket_of(applier, journal);

	while (feed != NULL && strcmp(feed->log.journal, journal) != 0)
		feed = feed->next;
	return feed;
}

/* NULL: no memory. */
static struct feed *find_or_add_locked(struct applier *applier, const struct stream *stream)
{
	struct feed **bucket = bucket_of(applier, stream->journal);
	struct feed *feed = find_locked(applier, stream->journal);

	if (feed != NULL)
		return feed;
	feed = calloc(1, sizeof(*feed));
	if (feed == NULL) {
		log_event(LOG_LEVEL_ERROR, "stream.forgotten",
		    "connector=%s object=%s error=\"no memory\"", stream->connector,
		    stream->object);
		return NULL;
	}
	strcpy(feed->log.connector, stream->connector);
	strcpy(feed->log.object, stream->object);
	strcpy(feed->log.journal, stream->journal);
	feed->next = *bucket;
	*bucket = feed;
	return feed;
}

static void set_state_locked(struct applier *applier, struct feed *feed, enum feed_state state)
{
	struct feed **link = &applier->active;

	feed->state = state;
	if (feed->is_active == (state != FEED_IDLE))
		return;
	feed->is_active = !feed->is_active;
	if (feed->is_active) {
		feed->next_active = applier->active;
		applier->active = feed;
		return;
	}
	while (*link != feed)
		link = &(*link)->next_active;
	*link = feed->next_active;
}

static void remove_locked(struct applier *applier, struct feed *feed)
{
	struct feed **link = bucket_of(applier, feed->log.journal);

	assert(!feed->is_busy);
	set_state_locked(applier, feed, FEED_IDLE);
	while (*link != feed)
		link = &(*link)->next;
	*link = feed->next;
	free(feed);
}

/* Make it due at ${due_us}, or earlier if it was, but not before the pause after a failure. */
static void plan_locked(struct applier *applier, struct feed *feed, int64_t due_us)
{
	if (feed->state == FEED_PENDING && feed->due_us < due_us)
		due_us = feed->due_us;
	feed->due_us = due_us > feed->retry_us ? due_us : feed->retry_us;
	set_state_locked(applier, feed, FEED_PENDING);
	cond_signal(&applier->changed);
}

/* --- A pass: one batch of one feed ------------------------------------------------------------ */

static void count_batch(const struct apply_result *result, int64_t begun_us)
{
	if (result->entries == 0)
		return;
	metric_add(METRIC_STREAM_ENTRIES_APPLIED, 0, result->entries);
	metric_add(METRIC_STREAM_ROWS_APPLIED, 0, result->rows);
	metric_observe(METRIC_STREAM_APPLY_SECONDS, 0, clock_mono_us() - begun_us);
}

/* When what is left was accepted at the earliest: the wall clock's time of the last entry that was
 * applied, as the other clock's, and within reason should the wall clock have been moved. */
static int64_t since_of(const struct feed *feed, const struct apply_result *result)
{
	int64_t since_us = clock_mono_us() - (clock_now_us() - result->last_accepted_us);

	if (result->last_accepted_us == 0 || since_us < feed->since_us)
		return feed->since_us;
	return since_us < clock_mono_us() ? since_us : clock_mono_us();
}

static void end_well_locked(struct applier *applier, struct feed *feed,
    const struct apply_result *result, int64_t begun_us, bool is_woken)
{
	int64_t now_us = clock_mono_us();

	if (feed->pause_us > 0)
		log_event(LOG_LEVEL_INFO, "stream.recovered", "connector=%s object=%s",
		    feed->log.connector, feed->log.object);
	feed->pause_us = feed->retry_us = 0;
	feed->why_hash = 0;
	feed->applied = feed->log.position;
	feed->state = FEED_PENDING; /* whatever it was planned for meanwhile is overtaken */
	feed->due_us = NEVER_US;
	switch (result->outcome) {
	case APPLY_MORE:
		feed->since_us = since_of(feed, result);
		plan_locked(applier, feed, now_us);
		break;
	case APPLY_HELD:
		feed->since_us = since_of(feed, result);
		if (is_woken)
			plan_locked(applier, feed, now_us);
		else
			set_state_locked(applier, feed, FEED_HELD);
		break;
	case APPLY_DONE:
		/* What came meanwhile came after the pass began. */
		feed->since_us = begun_us;
		if (is_woken)
			plan_locked(applier, feed, begun_us + applier->options.interval_us);
		else
			set_state_locked(applier, feed, FEED_IDLE);
		break;
	case APPLY_GONE:
		break;
	}
}

/* Tried again for ever; said once, until the reason changes. */
static void end_badly_locked(
    struct applier *applier, struct feed *feed, enum status why, const struct err *err)
{
	uint64_t why_hash = hash_text(err->text);

	metric_add(METRIC_STREAM_APPLY_FAILURES, 0, 1);
	feed->pause_us = feed->pause_us == 0 ? PAUSE_FIRST_US : feed->pause_us * 2;
	if (why == E_FULL && feed->pause_us < PAUSE_FULL_US)
		feed->pause_us = PAUSE_FULL_US;
	if (feed->pause_us > PAUSE_MAX_US)
		feed->pause_us = PAUSE_MAX_US;
	feed->retry_us = clock_mono_us() + feed->pause_us;
	if (why_hash != feed->why_hash)
		log_event(LOG_LEVEL_ERROR, "stream.apply_failed",
		    "connector=%s object=%s status=%s error=\"%s\"", feed->log.connector,
		    feed->log.object, status_name(why), err->text);
	feed->why_hash = why_hash;
	plan_locked(applier, feed, feed->retry_us);
}

static void pass_locked(struct applier *applier, struct feed *feed, struct arena *arena)
{
	struct apply_log log = feed->log;
	struct apply_result result = {.outcome = APPLY_GONE};
	const uint64_t seen = feed->wakes;
	const int64_t begun_us = clock_mono_us();
	struct err err = {{0}};
	bool is_gone;
	enum status st;

	/* Busy first, the look at the catalog second: docs/DESIGN.md, "Exactly once", rule (c). */
	feed->is_busy = true;
	mutex_unlock(&applier->mutex);
	st = apply_batch(&applier->stores, &log, arena, &result, &err);
	arena_reset(arena);
	if (st == OK)
		count_batch(&result, begun_us);

	mutex_lock(&applier->mutex);
	feed->is_busy = false;
	if (log.end < feed->log.end)
		log.end = feed->log.end; /* more has come */
	feed->log = log;
	is_gone = st == OK && result.outcome == APPLY_GONE;
	if (is_gone)
		remove_locked(applier, feed);
	else if (st == OK)
		end_well_locked(applier, feed, &result, begun_us, feed->wakes != seen);
	else
		end_badly_locked(applier, feed, st, &err);
	cond_broadcast(&applier->passed);
	mutex_unlock(&applier->mutex);
	if (is_gone)
		job_watch_wake(applier->options.watch, log.journal);
	else if (st == OK)
		job_watch_wake_reached(applier->options.watch, log.journal, log.position);
	mutex_lock(&applier->mutex);
}

/* --- Threads ---------------------------------------------------------------------------------- */

/* May it be taken?  At the end nobody waits for anything: neither for an interval nor for the end
 * of a pause. */
static int64_t due_of(const struct applier *applier, const struct feed *feed)
{
	if (feed->state != FEED_PENDING || feed->is_busy)
		return NEVER_US;
	if (!applier->is_ending)
		return feed->due_us;
	return feed->pause_us == 0 ? 0 : NEVER_US;
}

/* The feed that is due first, and when; NULL: none will be. */
static struct feed *first_locked(const struct applier *applier, int64_t *ret_due_us)
{
	struct feed *first = NULL;

	*ret_due_us = NEVER_US;
	for (struct feed *feed = applier->active; feed != NULL; feed = feed->next_active) {
		int64_t due_us = due_of(applier, feed);

		if (due_us < *ret_due_us) {
			*ret_due_us = due_us;
			first = feed;
		}
	}
	return first;
}

static void *run(void *ctx)
{
	struct applier *applier = ctx;
	struct arena arena;

	arena_init(&arena, ARENA_BYTES);
	mutex_lock(&applier->mutex);
	for (;;) {
		int64_t now_us = clock_mono_us(), due_us;
		struct feed *feed = first_locked(applier, &due_us);

		if (applier->is_ending && (feed == NULL || now_us >= applier->end_us))
			break;
		if (feed != NULL && due_us <= now_us)
			pass_locked(applier, feed, &arena);
		else if (feed != NULL)
			cond_wait_until(&applier->changed, &applier->mutex, due_us);
		else
			cond_wait(&applier->changed, &applier->mutex);
	}
	mutex_unlock(&applier->mutex);
	arena_fini(&arena);
	return NULL;
}

/* --- Start and end ---------------------------------------------------------------------------- */

/* One stream at start: what the lake has is not needed in the log; what it lacks is pending. */
static enum status begin_stream(
    struct applier *applier, const struct stream *stream, struct err *err)
{
	const struct applier_options *o = &applier->options;
	struct journal_state state = {0};
	struct err why = {{0}};
	int64_t position;
	struct feed *feed;
	enum status st = lake_position_get(o->lake, stream->journal, &position, err), known;

	if (st != OK)
		return st;
	known = journal_state(o->journal, stream->journal, &state, &why);
	if (known == OK && position > state.begin) {
		st = journal_trim(o->journal, stream->journal, position, &why);
		/* A log that went on before the lake's position would lose what is appended. */
		if (st != OK && position > state.end) {
			*err = why;
			return st;
		}
	}
	if (known == OK && position >= state.end)
		return OK;
	/* Also one that cannot be read: it is tried again, and its failure told, like any other. */
	feed = find_or_add_locked(applier, stream);
	if (feed == NULL)
		return err_set(err, E_NOMEM, "no memory for a stream");
	feed->applied = position;
	feed->log.end = state.end;
	feed->since_us = clock_mono_us();
	plan_locked(applier, feed, feed->since_us);
	return OK;
}

static enum status begin_streams(struct applier *applier, struct err *err)
{
	const struct slice all = {0};
	struct stream *streams;
	struct arena arena;
	size_t count = 0;
	enum status st;

	arena_init(&arena, ARENA_BYTES);
	st = catalog_stream_list(applier->options.catalog, all, &arena, &streams, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		st = begin_stream(applier, &streams[i], err);
		if (st != OK)
			err_add(err, "stream %s.%s", streams[i].connector, streams[i].object);
	}
	arena_fini(&arena);
	return st;
}

enum status applier_start(
    const struct applier_options *options, struct applier **ret_applier, struct err *err)
{
	struct applier *applier = calloc(1, sizeof(*applier));
	enum status st;

	if (applier == NULL)
		return err_set(err, E_NOMEM, "no memory for the applier");
	applier->options = *options;
	applier->stores = (struct apply_stores){.catalog = options->catalog,
	    .shapes = options->shapes,
	    .journal = options->journal,
	    .lake = options->lake};
	mutex_init(&applier->mutex);
	cond_init(&applier->changed);
	cond_init(&applier->passed);
	st = begin_streams(applier, err); /* nobody else is there yet: it needs no lock */
	while (st == OK && applier->thread_count < THREADS) {
		st = thread_start(
		    &applier->threads[applier->thread_count], "applier", run, applier, err);
		if (st == OK)
			applier->thread_count++;
	}
	if (st == OK)
		*ret_applier = applier;
	else
		applier_stop(&applier, 0);
	return st;
}

void applier_stop(struct applier **applier_ptr, int64_t deadline_us)
{
	struct applier *applier = *applier_ptr;

	if (applier == NULL)
		return;
	mutex_lock(&applier->mutex);
	applier->is_ending = true;
	applier->end_us = deadline_us;
	cond_broadcast(&applier->changed);
	mutex_unlock(&applier->mutex);
	for (size_t i = 0; i < applier->thread_count; i++)
		thread_join(applier->threads[i]);
	for (size_t i = 0; i < BUCKETS; i++) {
		while (applier->buckets[i] != NULL)
			remove_locked(applier, applier->buckets[i]);
	}
	cond_fini(&applier->passed);
	cond_fini(&applier->changed);
	mutex_fini(&applier->mutex);
	free(applier);
	*applier_ptr = NULL;
}

/* --- Who brings something, and who waits ------------------------------------------------------- */

void applier_wake(struct applier *applier, const struct stream *stream)
{
	struct journal_state state = {0};
	struct err err = {{0}};
	int64_t now_us = clock_mono_us();
	struct feed *feed;
	bool is_known =
	    journal_state(applier->options.journal, stream->journal, &state, &err) == OK;

	mutex_lock(&applier->mutex);
	feed = find_or_add_locked(applier, stream);
	if (feed != NULL) {
		feed->wakes++;
		if (is_known && feed->log.end < state.end)
			feed->log.end = state.end;
		if (feed->state == FEED_IDLE) {
			feed->since_us = now_us;
			plan_locked(applier, feed, now_us + applier->options.interval_us);
		}
	}
	mutex_unlock(&applier->mutex);
}

void applier_settled(struct applier *applier, const struct job *job)
{
	mutex_lock(&applier->mutex);
	for (struct feed *feed = applier->active; feed != NULL; feed = feed->next_active) {
		if (strcmp(feed->log.object, job->object) != 0 ||
		    strcmp(feed->log.connector, job->connector) != 0)
			continue;
		feed->wakes++;
		if (feed->state == FEED_HELD)
			plan_locked(applier, feed, clock_mono_us());
	}
	mutex_unlock(&applier->mutex);
}

/* Has ${stream}'s log been applied up to ${position}, and is nothing of it under way?  If not, see
 * to it that it soon is. */
static bool is_clear_locked(struct applier *applier, const struct stream *stream, int64_t position)
{
	struct feed *feed = find_locked(applier, stream->journal);

	/* An apply that is yet to begin looks at the catalog then, and sees the job. */
	if (feed == NULL && position == 0)
		return true;
	if (feed == NULL)
		feed = find_or_add_locked(applier, stream);
	if (feed == NULL || feed->is_busy)
		return false;
	if (position <= feed->applied)
		return true;
	if (feed->state == FEED_IDLE)
		feed->since_us = clock_mono_us();
	if (feed->state != FEED_HELD)
		plan_locked(applier, feed, clock_mono_us());
	return false;
}

enum status applier_wait(
    struct applier *applier, const struct job *job, const atomic_bool *stop, struct err *err)
{
	struct journal_state state;
	struct stream stream;
	int64_t position;
	enum status st = catalog_stream_get(applier->options.catalog, slice_of(job->connector),
	    slice_of(job->object), &stream, err);

	if (st == OK)
		st = journal_state(applier->options.journal, stream.journal, &state, err);
	if (st != OK)
		return st;
	position = job->journal_end < state.end ? job->journal_end : state.end;
	mutex_lock(&applier->mutex);
	while (!atomic_load(stop) && !is_clear_locked(applier, &stream, position))
		cond_wait(&applier->passed, &applier->mutex);
	mutex_unlock(&applier->mutex);
	return atomic_load(stop) ? err_set(err, E_CANCELLED, "the server is stopping") : OK;
}

void applier_interrupt(struct applier *applier)
{
	mutex_lock(&applier->mutex);
	cond_broadcast(&applier->passed);
	mutex_unlock(&applier->mutex);
}

void applier_forget(struct applier *applier, const char *journal)
{
	struct feed *feed;

	mutex_lock(&applier->mutex);
	while ((feed = find_locked(applier, journal)) != NULL && feed->is_busy)
		cond_wait(&applier->passed, &applier->mutex);
	if (feed != NULL)
		remove_locked(applier, feed);
	mutex_unlock(&applier->mutex);
	job_watch_wake(applier->options.watch, journal);
}

/* --- How far ---------------------------------------------------------------------------------- */

static int64_t age_of(const struct feed *feed, int64_t now_us)
{
	if (feed->state == FEED_IDLE && !feed->is_busy)
		return 0;
	return now_us > feed->since_us ? now_us - feed->since_us : 1;
}

enum status applier_state(struct applier *applier, const struct stream *stream,
    struct applier_state *ret_state, struct err *err)
{
	struct applier_state state = {0};
	struct journal_state journal;
	const struct feed *feed;
	enum status st = journal_state(applier->options.journal, stream->journal, &journal, err);

	if (st != OK)
		return st;
	state.accepted = journal.end;
	mutex_lock(&applier->mutex);
	feed = find_locked(applier, stream->journal);
	/* Without a feed nothing was applied since the start, which trimmed. */
	state.applied = feed != NULL ? feed->applied : journal.begin;
	if (state.applied < state.accepted && feed != NULL)
		state.oldest_us = age_of(feed, clock_mono_us());
	mutex_unlock(&applier->mutex);
	if (state.accepted < state.applied)
		state.accepted = state.applied; /* both went on between the two looks */
	*ret_state = state;
	return OK;
}

int64_t applier_oldest_us(struct applier *applier)
{
	int64_t now_us = clock_mono_us(), oldest_us = 0;

	mutex_lock(&applier->mutex);
	for (const struct feed *feed = applier->active; feed != NULL; feed = feed->next_active) {
		if (feed->applied < feed->log.end && age_of(feed, now_us) > oldest_us)
			oldest_us = age_of(feed, now_us);
	}
	mutex_unlock(&applier->mutex);
	return oldest_us;
}
