/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: changes that come together share one transaction, and with it one fsync.
 *
 * A caller puts its change at the end of the queue.  If nobody is leader it becomes leader: it
 * begins a transaction, takes what is in the queue by then, runs each change under its own
 * savepoint, commits, and wakes those whose change was among them.  Then the oldest of those who
 * came meanwhile leads.  So a lone change starts at once, and while the storage syncs one group the
 * next one gathers.
 *
 * A change that is refused (E_CONFLICT, E_NOT_FOUND, …) is undone alone; its refusal is delivered
 * after the commit too, for it may rest on what a neighbour in the same transaction did.  When the
 * commit fails, or SQLite gives up the transaction under way (full disk, say), everybody in the
 * group is told so: nothing of it happened.
 *
 * No mutex is held while the database is used: being leader is what makes the
 * leader alone with the connection.  Nor while others are woken, for they would wake up to wait for
 * it: that, and not the storage, was the limit with 64 clients.
 */
#include "catalog/catalog_sqlite_db.h"

#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>

/* More would make the first wait longer than it saves the last. */
#define GROUP_MAX 256

struct write {
	write_fn *run;
	void *ctx;
	enum status status;
	struct err err;
	bool done;  /* written before, and read after the wake */
	sem_t wake; /* it is done, or it is its turn to lead */
	struct write *next;
};

static void append_locked(struct catalog_sqlite *store, struct write *write)
{
	*store->last = write;
	store->last = &write->next;
}

/* The oldest GROUP_MAX of the queue, as a list that ends in NULL. */
static struct write *take_group(struct catalog_sqlite *store)
{
	struct write *group, **end = &group;
	size_t count;

	mutex_lock(&store->write_mutex);
	group = store->first;
	for (count = 0; *end != NULL && count < GROUP_MAX; count++)
		end = &(*end)->next;
	store->first = *end;
	if (store->first == NULL)
		store->last = &store->first;
	*end = NULL;
	mutex_unlock(&store->write_mutex);
	return group;
}

/* Run one change.  The status is of the transaction as a whole; the
 * change's own goes into ${write}. */
static enum status run_one(struct conn *conn, struct write *write, struct err *err)
{
	enum status status = conn_run(conn, SQL_STEP_BEGIN, err);

	if (status != OK)
		return status;
	write->status = write->run(conn, write->ctx, &write->err);
	/* Some failures end the transaction, and then there is nothing to go on with. */
	if (sqlite3_get_autocommit(conn->db)) {
		assert(write->status != OK);
		*err = write->err;
		return write->status;
	}
	if (write->status != OK)
		status = conn_run(conn, SQL_STEP_UNDO, err);
	if (status == OK)
		status = conn_run(conn, SQL_STEP_KEEP, err);
	return status;
}

/* Run all of the group and commit.  Unless OK nothing of it is in the file. */
static enum status run_group(struct conn *conn, struct write *group, struct err *err)
{
	enum status status = OK;
	struct write *write;
	struct err ignored;

	for (write = group; write != NULL && status == OK; write = write->next)
		status = run_one(conn, write, err);
	if (status == OK)
		status = conn_run(conn, SQL_COMMIT, err);
	/* Best effort: if even this fails, the next begin fails as well and says so. */
	if (status != OK && !sqlite3_get_autocommit(conn->db) &&
	    conn_run(conn, SQL_ROLLBACK, &ignored) != OK)
		err_add(err, "not rolled back (%s)", ignored.text);
	return status;
}

static void wake(struct write *write)
{
	int result = sem_post(&write->wake);

	assert(result == 0);
}

static void sleep_until_woken(struct write *write)
{
	while (sem_wait(&write->wake) != 0)
		assert(errno == EINTR);
}

/* The oldest of those who came meanwhile leads, if there is one. */
static void hand_over(struct catalog_sqlite *store)
{
	struct write *heir;

	mutex_lock(&store->write_mutex);
	heir = store->first;
	store->leading = heir != NULL;
	mutex_unlock(&store->write_mutex);
	if (heir != NULL)
		wake(heir);
}

static void lead(struct catalog_sqlite *store)
{
	struct write *group, *write, *next;
	enum status status;
	struct err err;

	/* The queue is taken after the begin, which may have waited for another process: more have
	 * come meanwhile. */
	status = conn_run(store->writer, SQL_BEGIN_WRITE, &err);
	group = take_group(store);
	if (status == OK)
		status = run_group(store->writer, group, &err);
	for (write = group; write != NULL && status != OK; write = write->next) {
		write->status = status;
		write->err = err;
	}

	hand_over(store);
	/* Who is woken may be gone at once, and its place in the list with it. */
	for (write = group; write != NULL; write = next) {
		next = write->next;
		write->done = true;
		wake(write);
	}
}

enum status catalog_sqlite_write(
    struct catalog_sqlite *store, write_fn *run, void *ctx, struct err *err)
{
	struct write write = {.run = run, .ctx = ctx};

	bool leads;

	sem_init(&write.wake, 0, 0);
	mutex_lock(&store->write_mutex);
	append_locked(store, &write);
	leads = !store->leading;
	store->leading = true;
	mutex_unlock(&store->write_mutex);
	if (!leads)
		sleep_until_woken(&write);
	if (!write.done) {
		lead(store);
		sleep_until_woken(&write); /* its own wake: it was in its group */
	}
	assert(write.done);
	sem_destroy(&write.wake);
	if (write.status != OK && err != NULL)
		*err = write.err;
	return write.status;
}
