/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many jobs at once: pages of the list, the walk over all, and those that have aged.
 *
 * A list reads its total from the counts that triggers keep, then picks the page by walking
 * the index of its order.  That index holds all that the filter looks at, so a job that is
 * skipped costs no look at the table: 100,000 of them take some milliseconds.  A page behind
 * the middle is picked from the other end and turned around, which halves the longest way.
 * Total and page are read from one snapshot.
 *
 * A walk notes the numbers of all matching rows first, eight bytes each, and reads each row when
 * its turn comes.  So no snapshot is held while the visitor works, however long that takes.
 */
#include "catalog/catalog_sqlite_db.h"

#include <assert.h>
#include <stdlib.h>

/* --- Pages ------------------------------------------------------------------------------------ */

struct page {
	bool named; /* a connector or an object is asked for */
	bool ascending;
	bool reversed; /* picked from the other end */
	int64_t count;
	int64_t offset;
};

static enum status read_total(
    struct conn *conn, const struct catalog_job_filter *filter, int64_t *ret_total, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_JOB_TOTAL);
	query_put_number(&query, filter->states);
	query_put_text(&query, filter->connector);
	query_put_text(&query, filter->object);
	*ret_total = query_row(&query) ? query_get_number(&query) : 0;
	return query_end(&query, err);
}

/* Which rows to pick, from which end. */
static struct page plan_page(const struct catalog_job_filter *filter, int64_t total)
{
	struct page page = {
	    .named = filter->connector.len > 0 || filter->object.len > 0,
	    .ascending = filter->ascending,
	    .offset = filter->offset,
	};

	if (filter->offset >= total)
		return page;
	page.count =
	    total - filter->offset < filter->limit ? total - filter->offset : filter->limit;
	if (filter->offset > total / 2) {
		page.reversed = true;
		page.ascending = !filter->ascending;
		page.offset = total - filter->offset - page.count;
	}
	return page;
}

static enum sql page_sql(enum job_order order, const struct page *page)
{
	static const enum sql table[2][2][2] = {
	    /* order, named, ascending */
	    [JOB_ORDER_MODIFIED] =
		{
		    {SQL_PAGE_MODIFIED_DOWN, SQL_PAGE_MODIFIED_UP},
		    {SQL_PAGE_MODIFIED_NAMED_DOWN, SQL_PAGE_MODIFIED_NAMED_UP},
		},
	    [JOB_ORDER_CREATED] =
		{
		    {SQL_PAGE_CREATED_DOWN, SQL_PAGE_CREATED_UP},
		    {SQL_PAGE_CREATED_NAMED_DOWN, SQL_PAGE_CREATED_NAMED_UP},
		},
	};

	return table[order][page->named][page->ascending];
}

/* Read the page's rows into ${jobs}, which has room for them. */
static enum status read_page(struct conn *conn, const struct catalog_job_filter *filter,
    const struct page *page, struct job *jobs, size_t *ret_count, struct err *err)
{
	struct query query;
	size_t count = 0;
	int64_t no;

	query_begin(&query, conn, page_sql(filter->order, page));
	query_put_number(&query, filter->states);
	query_put_number(&query, page->count);
	query_put_number(&query, page->offset);
	if (page->named) {
		query_put_text(&query, filter->connector);
		query_put_text(&query, filter->object);
	}
	while (query_row(&query)) {
		assert(count < (size_t)page->count);
		catalog_sqlite_read_job(&query, &no, &jobs[count++]);
	}
	*ret_count = count;
	return query_end(&query, err);
}

static void reverse(struct job *jobs, size_t count)
{
	struct job swapped;
	size_t i;

	for (i = 0; i < count / 2; i++) {
		swapped = jobs[i];
		jobs[i] = jobs[count - 1 - i];
		jobs[count - 1 - i] = swapped;
	}
}

static enum status list_jobs(struct conn *conn, const struct catalog_job_filter *filter,
    struct arena *arena, struct job **ret_jobs, size_t *ret_count, int64_t *ret_total,
    struct err *err)
{
	struct page page;
	enum status status;

	*ret_jobs = NULL;
	*ret_count = 0;
	status = read_total(conn, filter, ret_total, err);
	if (status != OK)
		return status;
	page = plan_page(filter, *ret_total);
	if (page.count == 0)
		return OK;
	*ret_jobs = arena_array(arena, (size_t)page.count, sizeof(**ret_jobs));
	if (*ret_jobs == NULL)
		return err_set(err, E_NOMEM, "catalog: list jobs: no memory");
	status = read_page(conn, filter, &page, *ret_jobs, ret_count, err);
	if (status == OK && page.reversed)
		reverse(*ret_jobs, *ret_count);
	return status;
}

enum status catalog_sqlite_job_list(struct catalog *catalog,
    const struct catalog_job_filter *filter, struct arena *arena, struct job **ret_jobs,
    size_t *ret_count, int64_t *ret_total, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct conn *conn;
	struct job *jobs;
	size_t count;
	int64_t total;
	enum status status, ended;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	status = conn_run(conn, SQL_BEGIN_READ, err);
	if (status == OK) {
		status = list_jobs(conn, filter, arena, &jobs, &count, &total, err);
		/* Nothing was changed: this only lets go of the snapshot. */
		ended = conn_run(conn, SQL_ROLLBACK, status == OK ? err : NULL);
		if (status == OK)
			status = ended;
	}
	reader_give(store, &conn);
	if (status != OK)
		return status;
	*ret_jobs = jobs;
	*ret_count = count;
	*ret_total = total;
	return OK;
}

/* --- Walk ------------------------------------------------------------------------------------- */

struct numbers {
	int64_t *list;
	size_t count, room;
};

static bool add_number(struct numbers *numbers, int64_t no)
{
	size_t room = numbers->room == 0 ? 256 : numbers->room * 2;
	int64_t *list;

	if (numbers->count == numbers->room) {
		list = reallocarray(numbers->list, room, sizeof(*list));
		if (list == NULL)
			return false;
		numbers->list = list;
		numbers->room = room;
	}
	numbers->list[numbers->count++] = no;
	return true;
}

static enum status collect(struct catalog_sqlite *store, unsigned states, bool deleted,
    struct numbers *numbers, struct err *err)
{
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_JOB_EACH);
	query_put_number(&query, states);
	query_put_number(&query, deleted);
	while (query_row(&query)) {
		if (!add_number(numbers, query_get_number(&query))) {
			query_fail(&query, SQLITE_NOMEM);
			break;
		}
	}
	status = query_end(&query, err);
	reader_give(store, &conn);
	return status;
}

static enum status read_by_number(
    struct catalog_sqlite *store, int64_t no, bool *ret_found, struct job *ret_job, struct err *err)
{
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_JOB_VISIT);
	query_put_number(&query, no);
	*ret_found = query_row(&query);
	if (*ret_found)
		catalog_sqlite_read_job(&query, &no, ret_job);
	status = query_end(&query, err);
	reader_give(store, &conn);
	return status;
}

enum status catalog_sqlite_job_each(struct catalog *catalog, unsigned states, bool deleted,
    catalog_job_fn *visit, void *ctx, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct numbers numbers = {NULL, 0, 0};
	struct job job;
	enum status status;
	size_t i;
	bool found;

	status = collect(store, states, deleted, &numbers, err);
	for (i = 0; i < numbers.count && status == OK; i++) {
		status = read_by_number(store, numbers.list[i], &found, &job, err);
		if (status != OK || !found)
			continue;
		if (job.deleted ? deleted : (states & 1u << job.state) != 0)
			status = visit(ctx, &job, err);
	}
	free(numbers.list);
	return status;
}

/* --- Age -------------------------------------------------------------------------------------- */

enum status catalog_sqlite_job_aged(struct catalog *catalog, enum job_state state,
    int64_t before_us, int64_t limit, struct arena *arena, char (**ret_ids)[UUID_TEXT_BYTES],
    size_t *ret_count, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	char(*ids)[UUID_TEXT_BYTES] = NULL, (*grown)[UUID_TEXT_BYTES];
	size_t count = 0, room = 0;
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_JOB_AGED);
	query_put_number(&query, state);
	query_put_number(&query, before_us);
	query_put_number(&query, limit);
	while (query_row(&query)) {
		grown = catalog_sqlite_grow(arena, ids, count, &room, sizeof(*grown));
		if (grown == NULL) {
			query_fail(&query, SQLITE_NOMEM);
			break;
		}
		ids = grown;
		query_get_text(&query, ids[count++], UUID_TEXT_BYTES);
	}
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	*ret_ids = ids;
	*ret_count = count;
	return OK;
}
