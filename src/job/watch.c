/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting: see watch.h.  One list and one timer thread.  Lists are short (a waiter is a
 * connection), so a walk beats any index; waiters are taken off under the lock and woken after it.
 */
#include "job/watch.h"

#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

struct job_watch {
	pthread_mutex_t mutex; /* guards all below but timer */
	pthread_cond_t changed;
	struct job_waiter *waiters;
	bool ending;
	bool over; /* job_watch_wake_all() was called */

	pthread_t timer;
};

typedef bool choose_fn(const struct job_waiter *waiter, const void *ctx);

struct reached {
	const char *key;
	int64_t position;
};

static bool waits_for(const struct job_waiter *waiter, const void *ctx)
{
	const struct reached *reached = ctx;

	return waiter->position <= reached->position && strcmp(waiter->key, reached->key) == 0;
}

static bool is_due(const struct job_waiter *waiter, const void *ctx)
{
	const int64_t *now_us = ctx;

	return waiter->deadline_us <= *now_us;
}

static bool is_any(const struct job_waiter *waiter, const void *ctx)
{
	(void)waiter;
	(void)ctx;
	return true;
}

/* Take the chosen ones off the list. */
static struct job_waiter *take_locked(struct job_watch *watch, choose_fn *choose, const void *ctx)
{
	struct job_waiter **link = &watch->waiters, *taken = NULL, *waiter;

	while ((waiter = *link) != NULL) {
		if (!choose(waiter, ctx)) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		waiter->next = taken;
		taken = waiter;
	}
	return taken;
}

static void wake_list(struct job_waiter *waiter)
{
	while (waiter != NULL) {
		struct job_waiter *next = waiter->next;

		waiter->woken(waiter);
		waiter = next;
	}
}

static int64_t first_deadline_locked(const struct job_watch *watch)
{
	int64_t first = INT64_MAX;

	for (const struct job_waiter *w = watch->waiters; w != NULL; w = w->next) {
		if (w->deadline_us < first)
			first = w->deadline_us;
	}
	return first;
}

static void *run_timer(void *ctx)
{
	struct job_watch *watch = ctx;
	struct job_waiter *due;
	int64_t now_us, first;

	mutex_lock(&watch->mutex);
	while (!watch->ending) {
		now_us = clock_mono_us();
		due = take_locked(watch, is_due, &now_us);
		if (due != NULL) {
			mutex_unlock(&watch->mutex);
			wake_list(due);
			mutex_lock(&watch->mutex);
			continue;
		}
		first = first_deadline_locked(watch);
		if (first == INT64_MAX)
			cond_wait(&watch->changed, &watch->mutex);
		else
			cond_wait_until(&watch->changed, &watch->mutex, first);
	}
	mutex_unlock(&watch->mutex);
	return NULL;
}

enum status job_watch_create(struct job_watch **ret_watch, struct err *err)
{
	struct job_watch *watch = calloc(1, sizeof(*watch));
	enum status st;

	if (watch == NULL)
		return err_set(err, E_NOMEM, "no memory for the list of waiters");
	mutex_init(&watch->mutex);
	cond_init(&watch->changed);
	st = thread_start(&watch->timer, "timer", run_timer, watch, err);
	if (st != OK) {
		cond_fini(&watch->changed);
		mutex_fini(&watch->mutex);
		free(watch);
		return st;
	}
	*ret_watch = watch;
	return OK;
}

void job_watch_destroy(struct job_watch **watch_ptr)
{
	struct job_watch *watch = *watch_ptr;

	if (watch == NULL)
		return;
	mutex_lock(&watch->mutex);
	watch->ending = true;
	cond_broadcast(&watch->changed);
	mutex_unlock(&watch->mutex);
	thread_join(watch->timer);
	assert(watch->waiters == NULL);
	cond_fini(&watch->changed);
	mutex_fini(&watch->mutex);
	free(watch);
	*watch_ptr = NULL;
}

void job_watch_add(struct job_watch *watch, struct job_waiter *waiter)
{
	bool over;

	mutex_lock(&watch->mutex);
	over = watch->over;
	if (!over) {
		waiter->next = watch->waiters;
		watch->waiters = waiter;
		cond_signal(&watch->changed);
	}
	mutex_unlock(&watch->mutex);
	if (over)
		waiter->woken(waiter);
}

void job_watch_wake_reached(struct job_watch *watch, const char *key, int64_t position)
{
	const struct reached reached = {key, position};
	struct job_waiter *taken;

	mutex_lock(&watch->mutex);
	taken = take_locked(watch, waits_for, &reached);
	mutex_unlock(&watch->mutex);
	wake_list(taken);
}

void job_watch_wake(struct job_watch *watch, const char *key)
{
	job_watch_wake_reached(watch, key, INT64_MAX);
}

void job_watch_wake_all(struct job_watch *watch)
{
	struct job_waiter *taken;

	mutex_lock(&watch->mutex);
	watch->over = true;
	taken = take_locked(watch, is_any, NULL);
	mutex_unlock(&watch->mutex);
	wake_list(taken);
}
