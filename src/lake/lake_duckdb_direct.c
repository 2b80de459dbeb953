/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows straight into the table, in one transaction that is open from the first batch on: see
 * lake_duckdb_direct.h.
 *
 *	append		claim; BEGIN; INSERT INTO table FROM feed, in a thread of its own
 *	settle		the feed's end; DELETE the stored rows of the keys that came
 *
 * The stage is written, read and dropped for two things only: of the rows of one key the last must
 * stay, and a row that is older than the stored one must not land.  Most loads have neither, and
 * without the stage they take half the time: the engine compresses one batch while the next is
 * converted, on all its threads.  So that is tried first.  When it turns out that a key came
 * twice (the load's key set), or that a stored row is newer, the transaction is rolled back and the
 * caller loads again through a stage.  Taking single rows out of the transaction again would be
 * right, too, but then the engine writes all rows of it once more, into its log, inside COMMIT.
 *
 * The rows of this transaction have row ids behind all others' (ROW_ID_OURS), which tells the two
 * apart: each stored row whose key one of ours has goes.  That the engine numbers them so is
 * checked for each load, since a row too few would go unseen.
 *
 * Small loads run the statement at their end, without a thread.
 */
#include "lake/lake_duckdb_direct.h"

#include "lake/lake_duckdb_load.h"
#include "lake/lake_duckdb_memory.h"

#include <assert.h>
#include <inttypes.h>
#include <strings.h>

/* The first row id of rows that the running transaction has inserted. */
#define ROW_ID_OURS "36028797018960000"

void lake_duckdb_direct_init(struct load *load)
{
	load->direct = (struct lake_duckdb_direct){.version_least = INT64_MAX};
	lake_duckdb_feed_init(
	    &load->direct.feed, load->db, load->base.types, load->base.column_count);
}

/* --- Rows in ---------------------------------------------------------------------------------- */

static enum status insert_fed(struct load *load, struct err *err)
{
	struct buffer sql;
	enum status status;

	/* Not the load's buffer: that is the other thread's. */
	buffer_init(&sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	buffer_put_text(&sql, "INSERT INTO ");
	lake_duckdb_put_rows(&sql, load->connector, load->object);
	lake_duckdb_load_put_names(load, &sql);
	buffer_put_text(&sql, " SELECT * FROM ");
	lake_duckdb_feed_put_source(&load->direct.feed, &sql);
	status = lake_duckdb_run_buffer(load->connection, &sql, "insert rows", err);
	buffer_fini(&sql);
	return status;
}

static void *run_inserter(void *ctx)
{
	struct load *load = ctx;
	struct lake_duckdb_direct *direct = &load->direct;

	(void)lake_duckdb_memory_role(LAKE_DUCKDB_OURS);
	direct->inserted = insert_fed(load, &direct->reason);
	lake_duckdb_feed_stop(
	    &direct->feed); /* who puts must not wait for a statement that failed */
	return NULL;
}

enum status lake_duckdb_direct_pause(struct load *load, struct err *err)
{
	struct lake_duckdb_direct *direct = &load->direct;
	enum status status = OK;

	if (!direct->is_fed)
		return OK;
	lake_duckdb_feed_end(&direct->feed);
	if (direct->has_inserter) {
		thread_join(direct->inserter);
		direct->has_inserter = false;
		status = direct->inserted;
		if (status != OK)
			*err = direct->reason;
	} else {
		status = insert_fed(load, err);
	}
	if (status != OK)
		return status;
	direct->is_fed = false;
	lake_duckdb_feed_again(&direct->feed);
	return OK;
}

/* Row ids are asked for by a name that a field may have. */
static bool has_row_id_field(const struct load *load)
{
	for (size_t i = 0; i < load->base.column_count; i++) {
		if (strcasecmp(load->names[i], "rowid") == 0)
			return true;
	}
	return false;
}

static enum status count_stored(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "SELECT count(*) FROM ");
	lake_duckdb_load_put_table(load);
	return lake_duckdb_load_count(
	    load, "count the stored rows", &load->direct.stored_count, err);
}

static enum status open_direct(struct load *load, struct err *err)
{
	enum status status;

	if (has_row_id_field(load))
		return err_set(err, E_CONFLICT, "a field is called rowid");
	lake_duckdb_load_claim_table(load);
	status = lake_duckdb_table_check(load->connection, load->connector, load->object, err);
	if (status == OK)
		status = lake_duckdb_begin(load->db, load->connection, err);
	if (status != OK)
		return status;
	load->direct.is_open = true;
	return count_stored(load, err);
}

static void note_versions(struct load *load, const struct batch *batch)
{
	const struct batch_column *versions = &batch->columns[load->version];
	const int64_t *us = versions->values;

	for (size_t i = 0; i < batch->row_count; i++) {
		if (!batch_is_valid(versions, i))
			load->direct.has_null_version = true;
		else if (us[i] < load->direct.version_least)
			load->direct.version_least = us[i];
	}
}

enum status lake_duckdb_direct_append(struct load *load, const struct batch *batch, struct err *err)
{
	struct lake_duckdb_direct *direct = &load->direct;
	enum status status = OK;

	if (load->keys.may_repeat)
		return err_set(err, E_CONFLICT, "a key came twice");
	if (!direct->is_open)
		status = open_direct(load, err);
	if (status == OK && !direct->has_inserter && !lake_duckdb_feed_has_room(&direct->feed)) {
		status = thread_start(&direct->inserter, "lake-insert", run_inserter, load, err);
		direct->has_inserter = status == OK;
	}
	if (status != OK)
		return status;
	if (load->has_version)
		note_versions(load, batch);
	direct->is_fed = true;
	direct->row_count += (int64_t)batch->row_count;
	status = lake_duckdb_feed_put(&direct->feed, batch, err);
	/* The statement failed: its reason is ours. */
	return status == E_CANCELLED ? lake_duckdb_direct_pause(load, err) : status;
}

/* --- Replaced rows out ------------------------------------------------------------------------ */

/* The table as t, the stored rows, and as s, ours, of the same key. */
static void put_pairs(struct load *load)
{
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " AS t, ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " AS s ");
	buffer_put_text(
	    &load->sql, "WHERE t.rowid < " ROW_ID_OURS " AND s.rowid >= " ROW_ID_OURS " AND ");
	lake_duckdb_load_put_stored(load, load->base.key);
	buffer_put_text(&load->sql, " = s.");
	lake_duckdb_quote(&load->sql, load->names[load->base.key], '"');
}

/* Could any stored row be newer than one of ours?  A look at one column, most of it at its zones'
 * bounds. */
static enum status may_be_older(struct load *load, bool *ret_may_be, struct err *err)
{
	int64_t count;
	enum status status;

	buffer_put_text(&load->sql, "SELECT count(*) FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " AS t WHERE t.rowid < " ROW_ID_OURS " AND ");
	lake_duckdb_load_put_stored(load, load->version);
	if (load->direct.has_null_version)
		buffer_put_text(&load->sql, " IS NOT NULL");
	else
		buffer_printf(
		    &load->sql, " > make_timestamp(%" PRId64 ")", load->direct.version_least);
	status = lake_duckdb_load_count(load, "look for newer rows", &count, err);
	if (status == OK)
		*ret_may_be = count > 0;
	return status;
}

/* E_CONFLICT: some row of ours is older than the stored one of its key. */
static enum status check_versions(struct load *load, struct err *err)
{
	int64_t count;
	bool may_be = false;
	enum status status = may_be_older(load, &may_be, err);

	if (status != OK || !may_be)
		return status;
	buffer_put_text(&load->sql, "SELECT count(*) FROM ");
	put_pairs(load);
	buffer_put_text(&load->sql, " AND (");
	lake_duckdb_load_put_stored(load, load->version);
	buffer_put_text(&load->sql, " > s.");
	lake_duckdb_quote(&load->sql, load->names[load->version], '"');
	buffer_put_text(&load->sql, " OR (s.");
	lake_duckdb_quote(&load->sql, load->names[load->version], '"');
	buffer_put_text(&load->sql, " IS NULL AND ");
	lake_duckdb_load_put_stored(load, load->version);
	buffer_put_text(&load->sql, " IS NOT NULL))");
	status = lake_duckdb_load_count(load, "compare versions", &count, err);
	if (status == OK && count > 0)
		status = err_set(err, E_CONFLICT, "stored rows are newer");
	return status;
}

static enum status check_row_ids(struct load *load, struct err *err)
{
	int64_t count;
	enum status status;

	buffer_put_text(&load->sql, "SELECT count(*) FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " WHERE rowid >= " ROW_ID_OURS);
	status = lake_duckdb_load_count(load, "count the new rows", &count, err);
	if (status == OK && count != load->direct.row_count)
		status =
		    err_set(err, E_IO, "the engine counts %" PRId64 " new rows instead of %" PRId64,
			count, load->direct.row_count);
	return status;
}

enum status lake_duckdb_direct_settle(struct load *load, struct err *err)
{
	enum status status = OK;

	if (load->keys.may_repeat)
		return err_set(err, E_CONFLICT, "a key came twice");
	status = lake_duckdb_direct_pause(load, err);
	if (status == OK)
		status = check_row_ids(load, err);
	if (status != OK || load->direct.stored_count == 0)
		return status;
	if (load->has_version)
		status = check_versions(load, err);
	if (status != OK)
		return status;
	/* IN, not USING: a tenth less. */
	buffer_put_text(&load->sql, "DELETE FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " WHERE rowid < " ROW_ID_OURS " AND ");
	lake_duckdb_quote(&load->sql, load->names[load->base.key], '"');
	buffer_put_text(&load->sql, " IN (SELECT ");
	lake_duckdb_quote(&load->sql, load->names[load->base.key], '"');
	buffer_put_text(&load->sql, " FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " WHERE rowid >= " ROW_ID_OURS ")");
	return lake_duckdb_load_run(load, "delete replaced rows", err);
}

void lake_duckdb_direct_fini(struct load *load)
{
	struct lake_duckdb_direct *direct = &load->direct;

	if (direct->has_inserter) {
		lake_duckdb_feed_stop(&direct->feed);
		thread_join(direct->inserter);
		direct->has_inserter = false;
	}
	if (direct->is_open)
		lake_duckdb_rollback(load->db, load->connection);
	direct->is_open = false;
}
