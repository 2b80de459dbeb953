/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of queries whose time is up, that nobody waits for any more, or that have come to need
 * more memory than there is.
 *
 * One thread watches all that run: it sleeps until the first is late, and looks twenty times a
 * second while one runs that can be cancelled.  An interrupt only counts while the engine executes,
 * and it forgets one that came before; so it is repeated until the query is gone.
 *
 * Memory (lake_duckdb_memory.h) is looked at while any query runs.  When it is over its limit, one
 * query is chosen to end, the youngest first, since the others have been getting on well; the next
 * only when that one has had time to give its own back.
 *
 * Sleep.  Where threads of the engine wait for one another by sleeping a little, or by yielding the
 * processor, again and again (the trees of window functions), the others wait for ever when one has
 * failed, and look at no interrupt.  So its nanosleep() and sched_yield() are ours, as its allocators
 * are: once a query is so late that interrupts have not helped, they fail.  Only in those functions,
 * told by their names: its allocator yields as well, in C; and whoever yields until tasks that use
 * its stack have ended must not leave before them.
 *
 * Asking whether a query was cancelled is the one callback that is made under a lock: the query it
 * belongs to must not end meanwhile.  Its contract (lake.h) is to look at something and return.
 */
#include "lake/lake_duckdb_db.h"

#include "base/clock.h"
#include "lake/lake_duckdb_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How soon a query is interrupted again. */
#define INTERRUPT_AGAIN_US 10000

/* How often the engine's memory is looked at while queries run (at a gigabyte a second 20 MB may
 * come between), and how long one that was ended has to give its own back before the next is
 * chosen. */
#define LOOK_US      20000
#define GIVE_BACK_US 100000

/* A query so much behind its time is stuck. */
#define STUCK_US 500000

static _Atomic bool is_stuck;

bool lake_duckdb_watch_is_cancelled(struct lake_duckdb_watch *watch)
{
	if (!atomic_load(&watch->cancelled) && watch->is_cancelled != NULL &&
	    watch->is_cancelled(watch->cancel_ctx))
		atomic_store(&watch->cancelled, true);
	return atomic_load(&watch->cancelled);
}

static void choose_too_large_locked(struct lake_duckdb *db, int64_t now_us)
{
	struct lake_duckdb_watch *watch = db->watches; /* the youngest */

	if (now_us < db->next_choice_us || !lake_duckdb_memory_is_over())
		return;
	while (watch != NULL && atomic_load(&watch->is_too_large))
		watch = watch->next;
	if (watch == NULL)
		return;
	atomic_store(&watch->is_too_large, true);
	db->next_choice_us = now_us + GIVE_BACK_US;
}

/* When the watch is to be looked at again. */
static int64_t look(struct lake_duckdb_watch *watch, int64_t now_us)
{
	int64_t ask_us = watch->is_cancelled == NULL ? INT64_MAX : now_us + LAKE_DUCKDB_CANCEL_US;

	if (watch->deadline_us <= now_us || atomic_load(&watch->is_too_large) ||
	    lake_duckdb_watch_is_cancelled(watch)) {
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
		bool some_stuck = false;
		int64_t now_us = clock_mono_us();
		int64_t next_us = db->watches == NULL ? INT64_MAX : now_us + LOOK_US;

		choose_too_large_locked(db, now_us);
		for (struct lake_duckdb_watch *w = db->watches; w != NULL; w = w->next) {
			int64_t due_us = look(w, now_us);

			some_stuck = some_stuck || w->deadline_us <= now_us - STUCK_US;
			if (due_us < next_us)
				next_us = due_us;
		}
		atomic_store(&is_stuck, some_stuck);
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

/* Is it in a function of the engine that can bear the exception? */
static bool is_tree_code(void *address)
{
	Dl_info engine, caller;

	return dladdr((void *)(uintptr_t)duckdb_library_version, &engine) != 0 &&
	       dladdr(address, &caller) != 0 && engine.dli_fbase == caller.dli_fbase &&
	       caller.dli_sname != NULL &&
	       (strstr(caller.dli_sname, "Window") != NULL ||
		   strstr(caller.dli_sname, "SortTree") != NULL);
}

static void fail_when_stuck(void *caller)
{
	if (atomic_load(&is_stuck) && is_tree_code(caller))
		lake_duckdb_memory_fail();
}

/* In front of the C library's. */
int nanosleep(const struct timespec *time, struct timespec *ret_left)
{
	int result;

	fail_when_stuck(__builtin_return_address(0));
	result = clock_nanosleep(CLOCK_REALTIME, 0, time, ret_left);
	if (result == 0)
		return 0;
	errno = result;
	return -1;
}

int sched_yield(void)
{
	fail_when_stuck(__builtin_return_address(0));
	return (int)syscall(SYS_sched_yield);
}
