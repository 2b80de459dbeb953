/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts in SQLite: see catalog.h for what each call promises, and catalog_sqlite_job.c for how a
 * change is made.  A part is accepted in the transaction that looks at its job's state, so no part
 * comes after the close, and none is accepted twice under one key.
 */
#include "catalog/catalog_sqlite_db.h"

#include <inttypes.h>

struct part_add {
	struct slice job_id;
	const struct part *part;
	int64_t part_max;
	int64_t number;
	enum job_state state;
	struct part there; /* that has the key already */
};

static void read_part(struct query *query, struct part *part)
{
	part->number = query_get_number(query);
	query_get_text(query, part->blob_name, sizeof(part->blob_name));
	part->bytes = query_get_number(query);
	query_get_bytes(query, part->sha256, sizeof(part->sha256));
	part->accepted_us = query_get_number(query);
	query_get_text(query, part->key, sizeof(part->key));
}

static enum status find_part(struct conn *conn, struct slice job_id, struct slice key,
    bool *ret_found, struct part *ret_part, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_PART_FIND);
	query_put_text(&query, job_id);
	query_put_text(&query, key);
	*ret_found = query_row(&query);
	if (*ret_found)
		read_part(&query, ret_part);
	return query_end(&query, err);
}

static enum status insert_part(
    struct conn *conn, int64_t job_no, const struct part_add *add, struct err *err)
{
	struct query query;
	enum status status;

	query_begin(&query, conn, SQL_PART_INSERT);
	query_put_number(&query, job_no);
	query_put_number(&query, add->number);
	query_put_text(&query, slice_of(add->part->blob_name));
	query_put_number(&query, add->part->bytes);
	query_put_bytes(&query, add->part->sha256, sizeof(add->part->sha256));
	query_put_number(&query, add->part->accepted_us);
	query_put_text(&query, slice_of(add->part->key));
	status = query_run(&query, NULL, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_PART_COUNT);
	query_put_number(&query, job_no);
	query_put_number(&query, add->number);
	query_put_number(&query, add->part->bytes);
	return query_run(&query, NULL, err);
}

static enum status add_part(struct conn *conn, void *ctx, struct err *err)
{
	struct part_add *add = ctx;
	enum status status;
	struct job job;
	int64_t no;
	bool found = false;

	status = catalog_sqlite_read_row(conn, add->job_id, &no, &job, err);
	if (status != OK)
		return status;
	add->state = job.state;
	/* A repeated upload first: what was accepted is accepted, though the
	 * job be closed or full by now.  An aborted one has lost it. */
	if (add->part->key[0] != '\0' && job.state != JOB_ABORTED) {
		status = find_part(
		    conn, add->job_id, slice_of(add->part->key), &found, &add->there, err);
		if (status != OK)
			return status;
		if (found)
			return err_set(err, E_EXISTS, "job %s has that part as number %" PRId64,
			    job.id, add->there.number);
	}
	if (job.state != JOB_OPEN)
		return catalog_sqlite_refuse_state(&job, err);
	if (job.part_count >= add->part_max)
		return err_set(
		    err, E_LIMIT, "job %s has %" PRId64 " parts", job.id, job.part_count);
	add->number = job.part_count + 1;
	return insert_part(conn, no, add, err);
}

enum status catalog_sqlite_part_add(struct catalog *catalog, struct slice job_id, struct part *part,
    int64_t part_max, enum job_state *ret_state, struct err *err)
{
	struct part_add add = {.job_id = job_id, .part = part, .part_max = part_max};
	enum status status = catalog_sqlite_write(store_of(catalog), add_part, &add, err);

	if (status == OK)
		part->number = add.number;
	if (status == E_CONFLICT)
		*ret_state = add.state;
	if (status == E_EXISTS)
		*part = add.there;
	return status;
}

enum status catalog_sqlite_part_find(struct catalog *catalog, struct slice job_id, struct slice key,
    struct part *ret_part, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct conn *conn;
	struct part part;
	enum status status;
	bool found;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	status = find_part(conn, job_id, key, &found, &part, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	if (!found)
		return err_set(err, E_NOT_FOUND, "no part of that key");
	*ret_part = part;
	return OK;
}

enum status catalog_sqlite_part_list(struct catalog *catalog, struct slice job_id,
    struct arena *arena, struct part **ret_parts, size_t *ret_count, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct part *parts = NULL, *grown;
	size_t count = 0, room = 0;
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_PART_LIST);
	query_put_text(&query, job_id);
	while (query_row(&query)) {
		grown = catalog_sqlite_grow(arena, parts, count, &room, sizeof(*grown));
		if (grown == NULL) {
			query_fail(&query, SQLITE_NOMEM);
			break;
		}
		parts = grown;
		read_part(&query, &parts[count++]);
	}
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	*ret_parts = parts;
	*ret_count = count;
	return OK;
}
