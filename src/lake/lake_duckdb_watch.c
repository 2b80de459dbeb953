/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of queries whose time is up, or that nobody waits for any more.
 *
 * One thread watches all that run: it sleeps until the first is late, and looks twenty times a
 * second while one runs that can be cancelled.  An interrupt only counts while the engine executes,
 * and it forgets one that came before; so it is repeated until the query is gone.
 *
 * Asking whether a query was cancelled is the one callback that is made under a lock: the query it
 * belongs to must not end meanwhile.  Its contract (lake.h) is to look at something and return.
 */
#include "lake/lake_duckdb_db.h"

#include "base/clock.h"

/* How soon a query is interrupted again. */
#define INTERRUPT_AGAIN_US 10000

bool lake_duckdb_watch_is_cancelled(struct lake_duckdb_watch *watch)
{
	if (!atomic_load(&watch->cancelled) && watch->is_cancelled != NULL &&
	    watch->is_cancelled(watch->cancel_ctx))
		atomic_store(&watch->cancelled, true);
	return atomic_load(&watch->cancelled);
}

/* When the watch is to be looked at again. */
static int64_t look(struct lake_duckdb_watch *watch, int64_t now_us)
{
	int64_t ask_us = watch->is_cancelled == NULL ? INT64_MAX : now_us + LAKE_DUCKDB_CANCEL_US;

	if (watch->deadline_us <= now_us || lake_duckdb_watch_is_cancelled(watch)) {
		/* Sets a flag, no more; the connection lives as long as it is in the list. */
		duckdb_interrupt(watch->connection);
		return now_us + INTERRUPT_AGAIN_US;
	}
	return watch->deadline_us < ask_us ? watch->deadline_us : ask_us;
}

void *lake_duckdb_timer_run(void *ctx)
{
	struct lake_duckdb *db = ctx;

	mutex_lock(&db->mutex);
	while (!db->is_closing) {
		int64_t now_us = clock_mono_us(), next_us = INT64_MAX;

		for (struct lake_duckdb_watch *w = db->watches; w != NULL; w = w->next) {
			int64_t due_us = look(w, now_us);

			if (due_us < next_us)
				next_us = due_us;
		}
		if (next_us == INT64_MAX)
			cond_wait(&db->watches_changed, &db->mutex);
		else
			(void)cond_wait_until(&db->watches_changed, &db->mutex, next_us);
	}
	mutex_unlock(&db->mutex);
	return NULL;
}

void lake_duckdb_watch_start(struct lake_duckdb *db, struct lake_duckdb_watch *watch)
{
	mutex_lock(&db->mutex);
	watch->next = db->watches;
	db->watches = watch;
	cond_signal(&db->watches_changed);
	mutex_unlock(&db->mutex);
}

void lake_duckdb_watch_stop(struct lake_duckdb *db, struct lake_duckdb_watch *watch)
{
	struct lake_duckdb_watch **link = &db->watches;

	if (watch->connection == NULL)
		return;
	mutex_lock(&db->mutex);
	while (*link != watch)
		link = &(*link)->next;
	*link = watch->next;
	mutex_unlock(&db->mutex);
	watch->connection = NULL;
}
