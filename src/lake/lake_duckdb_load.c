/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load: batches into a temporary stage table, then the stage onto the table of
 * the stream in one transaction.
 *
 *	begin	own connection
 *	append	into the stage (lake_duckdb_stage.c)
 *	problem	into a stage of their own (lake_duckdb_problem.c)
 *	commit	claims; settle the stage; BEGIN; mark there? ; DELETE … USING stage;
 *		INSERT … SELECT; problem records; mark; COMMIT
 *
 * Why this equals going through the rows one by one (the contract in lake.h):
 *
 *	Upsert, no version: every row replaces, so of each key the last row is what stays.
 *
 *	Upsert with version: a row lands when its version is not older than the one then stored.
 *	Follow one key.  What is stored is at each moment the greatest version seen so far, the
 *	stored one of before included: a row that lands is not older, a row that does not land is
 *	smaller and changes nothing.  So the last row to land is the last of those that have the
 *	greatest version of the load, if that is not older than the one stored before; else none
 *	lands.  Hence: keep of each key the greatest (version, seq), then drop it when the stored
 *	is newer.
 *
 *	Delete, no version: the keys go.
 *
 *	Delete with version: a row takes effect when it is later than the stored one; after that
 *	the key is not there and further rows do nothing.  So a key goes exactly if any of its rows
 *	is later than the stored one, in whatever order.
 *
 *	A stored row without a version (it is from before there was one) is older than anything; so
 *	is a row of the load without one, which the layer above does not let through.
 *
 * The stored rows are compared outside the transaction and changed inside it; the table's claim
 * sees to it that nobody changes them in between.  The mark is looked for and written in the
 * transaction, under a claim of the job.
 *
 * Keys are not NULL: the layer above rejects such records.  Texts are UTF-8 for the same reason.
 *
 * Net changes begin here, too; what is done with them is in lake_duckdb_change.c.
 */
#include "lake/lake_duckdb_load.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lake_duckdb_load_destroy(struct load *load)
{
	lake_duckdb_direct_fini(load);
	lake_duckdb_stage_fini(&load->stage);
	lake_duckdb_stage_fini(&load->partial);
	lake_duckdb_problems_fini(&load->problems);
	duckdb_disconnect(&load->connection); /* and with it the stages */
	lake_duckdb_feed_fini(&load->direct.feed);
	lake_duckdb_unclaim(load->db, &load->mark_claim);
	lake_duckdb_unclaim(load->db, &load->table_claim);
	key_set_fini(&load->keys);
	buffer_fini(&load->sql);
	arena_fini(&load->arena);
	free(load);
}

/* --- Begin ------------------------------------------------------------------------------------ */

static bool copy_field(struct load *load, size_t to, const struct field *field)
{
	load->names[to] = arena_copy(&load->arena, slice_of(field->name));
	load->base.types[to] = field->type;
	return load->names[to] != NULL;
}

/* Which columns the batches have: all of the table's, or for a delete the key and the version. */
static bool copy_table(struct load *load, const struct lake_table *table)
{
	bool has_all = load->base.operation != LAKE_DELETE;
	size_t count = has_all ? table->field_count : (table->has_version ? 2 : 1);

	load->connector = arena_copy(&load->arena, slice_of(table->connector));
	load->object = arena_copy(&load->arena, slice_of(table->object));
	load->names = arena_array(&load->arena, count, sizeof(*load->names));
	load->base.types = arena_array(&load->arena, count, sizeof(*load->base.types));
	if (load->connector == NULL || load->object == NULL || load->names == NULL ||
	    load->base.types == NULL)
		return false;
	load->base.column_count = count;
	load->has_version = table->has_version;
	load->base.key = has_all ? table->key_index : 0;
	load->version = has_all ? table->version_index : 1;
	if (!has_all) {
		return copy_field(load, 0, &table->fields[table->key_index]) &&
		       (!table->has_version ||
			   copy_field(load, 1, &table->fields[table->version_index]));
	}
	for (size_t i = 0; i < count; i++) {
		if (!copy_field(load, i, &table->fields[i]))
			return false;
	}
	return true;
}

enum status lake_duckdb_load_begin(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, struct lake_load **ret_load, struct err *err)
{
	struct load *load = calloc(1, sizeof(*load));
	enum status status;

	if (load == NULL)
		return err_set(err, E_NOMEM, "no memory for a load");
	load->base.lake = lake;
	load->db = (struct lake_duckdb *)lake;
	load->base.operation = operation;
	key_set_init(&load->keys);
	arena_init(&load->arena, 4096);
	buffer_init(&load->sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	if (copy_table(load, table))
		status = lake_duckdb_connect(load->db, &load->connection, err);
	else
		status = err_set(err, E_NOMEM, "no memory for a load");
	lake_duckdb_problems_init(&load->problems, load->connection);
	lake_duckdb_stage_init(&load->stage, "stage",
	    operation == LAKE_CHANGE ? STAGE_CHANGES : STAGE_ROWS, load->connection,
	    load->base.types, load->base.column_count);
	lake_duckdb_stage_init(&load->partial, "partial", STAGE_PARTIAL, load->connection,
	    load->base.types, load->base.column_count);
	if (operation == LAKE_UPSERT_DIRECT)
		lake_duckdb_direct_init(load);
	if (status != OK) {
		lake_duckdb_load_destroy(load);
		return status;
	}
	*ret_load = &load->base;
	return OK;
}

/* --- Append ----------------------------------------------------------------------------------- */

enum status lake_duckdb_load_append(
    struct lake_load *base, const struct batch *batch, struct err *err)
{
	struct load *load = (struct load *)base;

	if (load->base.operation != LAKE_DELETE)
		key_set_add(&load->keys, &batch->columns[load->base.key], batch->row_count);
	if (load->base.operation == LAKE_UPSERT_DIRECT)
		return lake_duckdb_direct_append(load, batch, err);
	return lake_duckdb_stage_append(&load->stage, batch, NULL, NULL, err);
}

enum status lake_duckdb_load_problem(
    struct lake_load *base, const struct lake_problem *problem, struct err *err)
{
	struct load *load = (struct load *)base;
	enum status status = OK;

	/* Their stage is of the same connection, which is busy while a statement runs. */
	if (load->direct.has_inserter && lake_duckdb_problems_need_connection(&load->problems))
		status = lake_duckdb_direct_pause(load, err);
	return status == OK ? lake_duckdb_problems_add(&load->problems, problem, err) : status;
}

/* --- Commit ----------------------------------------------------------------------------------- */

static enum status close_stages(struct load *load, struct err *err)
{
	enum status status = lake_duckdb_direct_pause(load, err);

	if (status == OK)
		status = lake_duckdb_stage_close(&load->stage, err);
	return status == OK ? lake_duckdb_problems_close(&load->problems, err) : status;
}

enum status lake_duckdb_load_run(struct load *load, const char *doing, struct err *err)
{
	enum status status = lake_duckdb_run_buffer(load->connection, &load->sql, doing, err);

	buffer_reset(&load->sql);
	return status;
}

enum status lake_duckdb_load_count(
    struct load *load, const char *doing, int64_t *ret_count, struct err *err)
{
	enum status status;

	buffer_put_char(&load->sql, '\0');
	if (load->sql.failed)
		status = err_set(err, E_NOMEM, "%s: no memory for the statement", doing);
	else
		status = lake_duckdb_run_for_count(
		    load->connection, load->sql.ptr, doing, ret_count, err);
	buffer_reset(&load->sql);
	return status;
}

/* Leave one row a key. */
static enum status drop_replaced_rows(struct load *load, struct err *err)
{
	/* Number the rows of the keys that are there more than once, the one that stays first. */
	buffer_printf(&load->sql,
	    "DELETE FROM temp.stage WHERE seq IN (SELECT seq FROM (SELECT seq, row_number() OVER "
	    "(PARTITION BY c%zu ORDER BY ",
	    load->base.key);
	if (load->has_version)
		buffer_printf(&load->sql, "c%zu DESC NULLS LAST, ", load->version);
	buffer_printf(&load->sql,
	    "seq DESC) AS place FROM temp.stage WHERE c%zu IN (SELECT c%zu FROM temp.stage GROUP "
	    "BY "
	    "c%zu HAVING count(*) > 1)) WHERE place > 1)",
	    load->base.key, load->base.key, load->base.key);
	return lake_duckdb_load_run(load, "drop replaced rows", err);
}

void lake_duckdb_load_put_table(struct load *load)
{
	lake_duckdb_put_rows(&load->sql, load->connector, load->object);
}

/* t."name", the stored side of a comparison. */
void lake_duckdb_load_put_stored(struct load *load, size_t column)
{
	buffer_put_text(&load->sql, "t.");
	lake_duckdb_quote(&load->sql, load->names[column], '"');
}

void lake_duckdb_load_put_same_key(struct load *load)
{
	lake_duckdb_load_put_stored(load, load->base.key);
	buffer_printf(&load->sql, " = s.c%zu", load->base.key);
}

void lake_duckdb_load_put_names(const struct load *load, struct buffer *sql)
{
	for (size_t i = 0; i < load->base.column_count; i++) {
		buffer_put_text(sql, i == 0 ? " (" : ", ");
		lake_duckdb_quote(sql, load->names[i], '"');
	}
	buffer_put_char(sql, ')');
}

/* Leave no row that is older than the stored one of its key. */
static enum status drop_old_rows(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "DELETE FROM temp.stage AS s USING ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " AS t WHERE ");
	lake_duckdb_load_put_same_key(load);
	buffer_put_text(&load->sql, " AND (");
	lake_duckdb_load_put_stored(load, load->version);
	buffer_printf(
	    &load->sql, " > s.c%zu OR (s.c%zu IS NULL AND ", load->version, load->version);
	lake_duckdb_load_put_stored(load, load->version);
	buffer_put_text(&load->sql, " IS NOT NULL))");
	return lake_duckdb_load_run(load, "drop old rows", err);
}

static enum status delete_stored(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "DELETE FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " AS t USING temp.stage AS s WHERE ");
	lake_duckdb_load_put_same_key(load);
	if (load->base.operation == LAKE_DELETE && load->has_version) {
		buffer_put_text(&load->sql, " AND (");
		lake_duckdb_load_put_stored(load, load->version);
		buffer_put_text(&load->sql, " IS NULL OR ");
		lake_duckdb_load_put_stored(load, load->version);
		buffer_printf(&load->sql, " < s.c%zu)", load->version);
	}
	return lake_duckdb_load_run(load, "delete rows", err);
}

static enum status insert_staged(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "INSERT INTO ");
	lake_duckdb_load_put_table(load);
	lake_duckdb_load_put_names(load, &load->sql);
	buffer_put_text(&load->sql, " SELECT ");
	for (size_t i = 0; i < load->base.column_count; i++)
		buffer_printf(&load->sql, "%sc%zu", i == 0 ? "" : ", ", i);
	buffer_put_text(&load->sql, " FROM temp.stage");
	return lake_duckdb_load_run(load, "insert rows", err);
}

/* Was one of the jobs applied before? */
static enum status check_marks(
    struct load *load, const struct lake_applied *jobs, size_t count, struct err *err)
{
	const char *ids[LAKE_JOBS_MAX];
	duckdb_result result;
	enum status status;

	buffer_put_text(&load->sql, "SELECT 1 FROM " LAKE_DUCKDB_MARKS " WHERE job_id IN (");
	for (size_t i = 0; i < count; i++) {
		buffer_put_text(&load->sql, i == 0 ? "?" : ", ?");
		ids[i] = jobs[i].job_id;
	}
	buffer_put_text(&load->sql, ")");
	status = lake_duckdb_run_buffer_with(
	    load->connection, &load->sql, ids, count, "find the marks", &result, err);
	buffer_reset(&load->sql);
	if (status != OK)
		return status;
	if (duckdb_row_count(&result) > 0)
		status = err_set(err, E_EXISTS, "%s was applied before",
		    count == 1 ? jobs[0].job_id : "one of the jobs");
	duckdb_destroy_result(&result);
	return status;
}

static enum status write_marks(
    struct load *load, const struct lake_applied *jobs, size_t count, struct err *err)
{
	const char *ids[LAKE_JOBS_MAX];
	duckdb_result result;
	enum status status;

	buffer_put_text(&load->sql, "INSERT INTO " LAKE_DUCKDB_MARKS " VALUES ");
	for (size_t i = 0; i < count; i++) {
		buffer_printf(&load->sql, "%s(?, %" PRId64 ", %" PRId64 ")", i == 0 ? "" : ", ",
		    jobs[i].mark.records_processed, jobs[i].mark.records_failed);
		ids[i] = jobs[i].job_id;
	}
	status = lake_duckdb_run_buffer_with(
	    load->connection, &load->sql, ids, count, "write the marks", &result, err);
	buffer_reset(&load->sql);
	if (status == OK)
		duckdb_destroy_result(&result);
	return status;
}

/* The stage's rows onto the table, inside the transaction. */
static enum status change_table(struct load *load, struct err *err)
{
	enum status status;

	if (load->stage.row_count == 0)
		return OK;
	status = delete_stored(load, err);
	if (status == OK && load->base.operation == LAKE_UPSERT)
		status = insert_staged(load, err);
	return status;
}

/* What can be done before the transaction: leave in the stage what is to be stored. */
static enum status settle_stage(struct load *load, struct err *err)
{
	enum status status =
	    lake_duckdb_table_check(load->connection, load->connector, load->object, err);

	if (status != OK || load->stage.row_count == 0 || load->base.operation == LAKE_DELETE)
		return status;
	if (load->keys.may_repeat)
		status = drop_replaced_rows(load, err);
	if (status == OK && load->has_version)
		status = drop_old_rows(load, err);
	return status;
}

static enum status apply(
    struct load *load, const struct lake_applied *jobs, size_t count, struct err *err)
{
	int64_t begin_us = clock_mono_us(), changed_us, settled_us;
	enum status status = OK;

	if (!load->direct.is_open)
		status = settle_stage(load, err);
	if (status != OK)
		return status;
	settled_us = clock_mono_us();
	if (!load->direct.is_open)
		status = lake_duckdb_begin(load->db, load->connection, err);
	if (status != OK)
		return status;
	status = check_marks(load, jobs, count, err);
	if (status == OK)
		status = load->direct.is_open ? lake_duckdb_direct_settle(load, err)
					      : change_table(load, err);
	load->direct.is_open = false; /* from here on it is ours to end */
	if (status == OK)
		status =
		    lake_duckdb_problems_apply(&load->problems, load->connector, load->object, err);
	if (status == OK)
		status = write_marks(load, jobs, count, err);
	if (status != OK) {
		lake_duckdb_rollback(load->db, load->connection);
		return status;
	}
	changed_us = clock_mono_us();
	status = lake_duckdb_commit(load->db, load->connection, err);
	if (status == OK)
		log_event(LOG_LEVEL_DEBUG, "lake.applied",
		    "job=%s jobs=%zu rows=%" PRId64 " problems=%" PRId64 " settle_us=%" PRId64
		    " change_us=%" PRId64 " commit_us=%" PRId64,
		    jobs[0].job_id, count, load->stage.row_count + load->direct.row_count,
		    load->problems.count, settled_us - begin_us, changed_us - settled_us,
		    clock_mono_us() - changed_us);
	return status;
}

void lake_duckdb_load_claim_table(struct load *load)
{
	if (load->table_claim.name != NULL)
		return;
	lake_duckdb_table_name(load->table_name, load->connector, load->object);
	lake_duckdb_claim(load->db, &load->table_claim, load->table_name);
}

void lake_duckdb_load_claim(struct load *load, const char *mark_name)
{
	lake_duckdb_load_claim_table(load);
	lake_duckdb_claim(load->db, &load->mark_claim, mark_name);
}

/* Of several jobs the first one's claim does: the claim of their table keeps apart who would load
 * them twice. */
enum status lake_duckdb_load_commit(
    struct lake_load *base, const struct lake_applied *jobs, size_t count, struct err *err)
{
	struct load *load = (struct load *)base;
	char *job_name = arena_printf(&load->arena, "job %s", jobs[0].job_id);
	enum status status;

	if (job_name == NULL) {
		lake_duckdb_load_destroy(load);
		return err_set(err, E_NOMEM, "no memory for a claim");
	}
	status = close_stages(load, err);
	if (status == OK) {
		lake_duckdb_load_claim(load, job_name);
		status = apply(load, jobs, count, err);
	}
	lake_duckdb_load_destroy(load);
	return status;
}

bool lake_duckdb_load_is_in_the_way(const struct lake_load *base)
{
	const struct load *load = (const struct load *)base;
	bool is_in_the_way;

	if (!load->direct.is_open)
		return false;
	mutex_lock(&load->db->mutex);
	is_in_the_way = load->table_claim.is_wanted || load->db->wants_checkpoint;
	mutex_unlock(&load->db->mutex);
	return is_in_the_way;
}

void lake_duckdb_load_abort(struct lake_load *base)
{
	lake_duckdb_load_destroy((struct load *)base);
}
