/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Net changes: each key once, the stored row replaced, merged with or removed, and the journal's
 * position moved in the same transaction.
 *
 *	append	a batch without merges into "stage", one with merges into "partial", which knows
 *		of each value whether it is given
 *	commit	claims of the table and of the journal; BEGIN; table there? ; position;
 *		the stage: DELETE … USING stage; INSERT … SELECT without the removals;
 *		the partial: as below; COMMIT
 *
 * Merging.  The stored rows are looked for by their keys once, which gives their row ids ("hit").
 * By these they are read, merged and inserted anew, and by these the old ones are deleted.  A join
 * by key that reads all columns goes through the whole table: with 1 million rows of 12 columns 80
 * to 90 ms, where the keys alone take 15 ms and reading by row ids 4 ms more for 10 rows, 13 for
 * 50, 55 for 500.  (UPDATE of the stage FROM the table takes as long as the join, and with 10,000
 * keys four times as long; MERGE INTO took 100 ms, and its updates in place make the next
 * checkpoint 20 times as long.)  A row id is only good as long as no checkpoint moves rows: so all
 * of it is inside the transaction, which keeps checkpoints out, under the table's claim, which
 * keeps other changes out.  A field called "rowid" hides the row ids; then the rows are copied by
 * key.
 *
 * That no key comes twice is the caller's duty: twice it would be stored twice.  A bug is worse
 * than a crash here, so it is asserted: hashes while the rows arrive (key_set.h), and only when
 * they say "perhaps", a count.
 *
 * Many are small and come several times a second, so what is the same each time counts: no
 * statement is run that has no rows to work on.
 */
#include "lake/lake_duckdb_load.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <strings.h>

enum status lake_duckdb_load_append_changes(struct lake_load *base, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64], struct err *err)
{
	struct load *load = (struct load *)base;

	key_set_add(&load->keys, &batch->columns[base->key], batch->row_count);
	return lake_duckdb_stage_append(
	    given == NULL ? &load->stage : &load->partial, batch, changes, given, err);
}

/* --- Whole rows ------------------------------------------------------------------------------- */

static enum status delete_staged(
    struct load *load, const struct lake_duckdb_stage *stage, struct err *err)
{
	buffer_put_text(&load->sql, "DELETE FROM ");
	lake_duckdb_load_put_table(load);
	buffer_printf(&load->sql, " AS t USING temp.%s AS s WHERE ", stage->name);
	lake_duckdb_load_put_same_key(load);
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
	buffer_printf(&load->sql, " FROM temp.stage WHERE kind <> %d", LAKE_REMOVE);
	return lake_duckdb_load_run(load, "insert rows", err);
}

static enum status replace_rows(struct load *load, struct err *err)
{
	enum status status = delete_staged(load, &load->stage, err);

	return status == OK ? insert_staged(load, err) : status;
}

/* --- Parts of rows ---------------------------------------------------------------------------- */

/* A field of that name hides the row ids. */
static bool has_row_ids(const struct load *load)
{
	for (size_t i = 0; i < load->base.column_count; i++) {
		if (strcasecmp(load->names[i], "rowid") == 0)
			return false;
	}
	return true;
}

/* Which rows have the keys, or these rows themselves.  No field's name holds a '~'. */
static enum status find_stored(struct load *load, bool by_row_id, struct err *err)
{
	buffer_put_text(&load->sql, "CREATE TEMP TABLE hit AS SELECT s.seq AS \"~seq\", ");
	buffer_put_text(&load->sql, by_row_id ? "t.rowid AS \"~row\"" : "t.*");
	buffer_put_text(&load->sql, " FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " AS t JOIN temp.partial AS s ON ");
	lake_duckdb_load_put_same_key(load);
	return lake_duckdb_load_run(load, "find rows", err);
}

static void put_merged_columns(struct load *load)
{
	for (size_t i = 0; i < load->base.column_count; i++) {
		buffer_put_text(&load->sql, i == 0 ? " SELECT " : ", ");
		if (i == load->base.key) {
			buffer_printf(&load->sql, "s.c%zu", i);
			continue;
		}
		buffer_printf(&load->sql, "CASE WHEN s.g%zu THEN s.c%zu ELSE ", i, i);
		lake_duckdb_load_put_stored(load, i);
		buffer_put_text(&load->sql, " END");
	}
}

static enum status insert_merged(struct load *load, bool by_row_id, struct err *err)
{
	buffer_put_text(&load->sql, "INSERT INTO ");
	lake_duckdb_load_put_table(load);
	lake_duckdb_load_put_names(load, &load->sql);
	put_merged_columns(load);
	buffer_put_text(&load->sql, " FROM temp.partial AS s LEFT JOIN ");
	if (by_row_id) {
		buffer_put_text(&load->sql, "(SELECT h.\"~seq\", r.* FROM ");
		lake_duckdb_load_put_table(load);
		buffer_put_text(&load->sql, " AS r JOIN temp.hit AS h ON r.rowid = h.\"~row\")");
	} else {
		buffer_put_text(&load->sql, "temp.hit");
	}
	buffer_printf(&load->sql, " AS t ON t.\"~seq\" = s.seq WHERE s.kind <> %d", LAKE_REMOVE);
	return lake_duckdb_load_run(load, "insert merged rows", err);
}

static enum status delete_found(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "DELETE FROM ");
	lake_duckdb_load_put_table(load);
	buffer_put_text(&load->sql, " WHERE rowid IN (SELECT \"~row\" FROM temp.hit)");
	return lake_duckdb_load_run(load, "delete rows", err);
}

/* By row ids the new rows are made of the old ones where these lie, so they go last.  By keys new
 * ones would go with them, so they go first. */
static enum status merge_rows(struct load *load, struct err *err)
{
	bool by_row_id = has_row_ids(load);
	enum status status = find_stored(load, by_row_id, err);

	if (status == OK && !by_row_id)
		status = delete_staged(load, &load->partial, err);
	if (status == OK)
		status = insert_merged(load, by_row_id, err);
	if (status == OK && by_row_id)
		status = delete_found(load, err);
	return status;
}

/* --- Commit ----------------------------------------------------------------------------------- */

static enum status close_stages(struct load *load, struct err *err)
{
	enum status status = lake_duckdb_stage_close(&load->stage, err);

	return status == OK ? lake_duckdb_stage_close(&load->partial, err) : status;
}

static const char *put_keys(
    struct load *load, const struct lake_duckdb_stage *stage, const char *before)
{
	if (stage->row_count == 0)
		return before;
	buffer_printf(
	    &load->sql, "%sSELECT c%zu AS k FROM temp.%s", before, load->base.key, stage->name);
	return " UNION ALL ";
}

static enum status assert_keys_differ(struct load *load, struct err *err)
{
	const char *before = "SELECT count(*) - count(DISTINCT k) FROM (";
	int64_t repeated;
	enum status status;

	if (!load->keys.may_repeat)
		return OK;
	before = put_keys(load, &load->stage, before);
	put_keys(load, &load->partial, before);
	buffer_put_text(&load->sql, ")");
	buffer_put_char(&load->sql, '\0');
	if (load->sql.failed)
		return err_set(err, E_NOMEM, "no memory for a statement");
	status = lake_duckdb_run_for_count(
	    load->connection, load->sql.ptr, "count keys", &repeated, err);
	buffer_reset(&load->sql);
	if (status == OK)
		assert(repeated == 0);
	return status;
}

static enum status change(
    struct load *load, const char *journal, int64_t from, int64_t to, struct err *err)
{
	enum status status =
	    lake_duckdb_table_check(load->connection, load->connector, load->object, err);

	if (status == OK)
		status = lake_duckdb_position_move(load->connection, journal, from, to, err);
	if (status == OK && load->stage.row_count > 0)
		status = replace_rows(load, err);
	if (status == OK && load->partial.row_count > 0)
		status = merge_rows(load, err);
	return status;
}

static enum status apply(
    struct load *load, const char *journal, int64_t from, int64_t to, struct err *err)
{
	int64_t begin_us = clock_mono_us(), changed_us;
	enum status status = assert_keys_differ(load, err);

	if (status == OK)
		status = lake_duckdb_begin(load->db, load->connection, err);
	if (status != OK)
		return status;
	status = change(load, journal, from, to, err);
	if (status != OK) {
		lake_duckdb_rollback(load->db, load->connection);
		return status;
	}
	changed_us = clock_mono_us();
	status = lake_duckdb_commit(load->db, load->connection, err);
	if (status == OK)
		log_event(LOG_LEVEL_DEBUG, "lake.changed",
		    "journal=%s rows=%" PRId64 " partial=%" PRId64 " change_us=%" PRId64
		    " commit_us=%" PRId64,
		    journal, load->stage.row_count, load->partial.row_count, changed_us - begin_us,
		    clock_mono_us() - changed_us);
	return status;
}

enum status lake_duckdb_load_commit_position(
    struct lake_load *base, const char *journal, int64_t from, int64_t to, struct err *err)
{
	struct load *load = (struct load *)base;
	const char *mark_name = lake_duckdb_position_claim(&load->arena, journal);
	enum status status;

	if (mark_name == NULL)
		status = err_set(err, E_NOMEM, "no memory for a claim");
	else
		status = close_stages(load, err);
	if (status == OK) {
		lake_duckdb_load_claim(load, mark_name);
		status = apply(load, journal, from, to, err);
	}
	lake_duckdb_load_destroy(load);
	return status;
}
