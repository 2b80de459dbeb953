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
 * leader alone with the connection.
 */
#include "catalog/catalog_sqlite_db.h"

#include "base/thread.h"

#include <assert.h>

/* More would make the first wait longer than it saves the last. */
#define GROUP_MAX 256

struct write {
	write_fn *run;
	void *ctx;
	enum status status;
	struct err err;
	bool done;
	pthread_cond_t wake; /* it is done, or it is first in the queue and nobody leads */
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

static void lead(struct catalog_sqlite *store)
{
	struct write *group, *write;
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

	/* Nobody in the group runs before the unlock, so the list is ours until then. */
	mutex_lock(&store->write_mutex);
	for (write = group; write != NULL; write = write->next) {
		write->done = true;
		cond_signal(&write->wake);
	}
	store->leading = false;
	if (store->first != NULL)
		cond_signal(&store->first->wake);
	mutex_unlock(&store->write_mutex);
}

enum status catalog_sqlite_write(
    struct catalog_sqlite *store, write_fn *run, void *ctx, struct err *err)
{
	struct write write = {.run = run, .ctx = ctx};

	cond_init(&write.wake);
	mutex_lock(&store->write_mutex);
	append_locked(store, &write);
	while (!write.done) {
		if (store->leading) {
			cond_wait(&write.wake, &store->write_mutex);
			continue;
		}
		store->leading = true;
		mutex_unlock(&store->write_mutex);
		lead(store);
		mutex_lock(&store->write_mutex);
	}
	mutex_unlock(&store->write_mutex);
	cond_fini(&write.wake);
	if (write.status != OK && err != NULL)
		*err = write.err;
	return write.status;
}
