/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load: batches into a temporary stage table, then the stage onto the table of
 * the stream in one transaction.
 *
 *	begin	own connection; TEMP stage (c0, c1, … in the batches' order, seq = number of the
 *		row in the load)
 *	append	batch -> data chunk (fixed widths by memcpy, texts by reference) -> the engine's
 *		appender
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
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "lake/key_set.h"
#include "lake/lake_duckdb_problem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct load {
	struct lake_load base; /* first */
	struct lake_duckdb *db;
	struct arena arena; /* names and types */
	enum lake_operation operation;
	const char *connector;
	const char *object;
	const char **names; /* of the table's columns that the batches have */
	size_t key;         /* which of them is the key */
	bool has_version;
	size_t version;

	duckdb_connection connection;
	duckdb_appender appender;
	duckdb_data_chunk chunk;
	int64_t row_count;
	struct key_set keys; /* of an upsert: its repetitions must go */
	struct lake_duckdb_problems problems;

	struct lake_duckdb_claim table_claim;
	struct lake_duckdb_claim job_claim;
	struct buffer sql;
};

static void destroy_load(struct load *load)
{
	if (load->appender != NULL)
		duckdb_appender_destroy(&load->appender);
	lake_duckdb_problems_fini(&load->problems);
	duckdb_destroy_data_chunk(&load->chunk);
	duckdb_disconnect(&load->connection); /* and with it the stages */
	lake_duckdb_unclaim(load->db, &load->job_claim);
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
	bool is_upsert = load->operation == LAKE_UPSERT;
	size_t count = is_upsert ? table->field_count : (table->has_version ? 2 : 1);

	load->connector = arena_copy(&load->arena, slice_of(table->connector));
	load->object = arena_copy(&load->arena, slice_of(table->object));
	load->names = arena_array(&load->arena, count, sizeof(*load->names));
	load->base.types = arena_array(&load->arena, count, sizeof(*load->base.types));
	if (load->connector == NULL || load->object == NULL || load->names == NULL ||
	    load->base.types == NULL)
		return false;
	load->base.column_count = count;
	load->has_version = table->has_version;
	load->key = is_upsert ? table->key_index : 0;
	load->version = is_upsert ? table->version_index : 1;
	if (!is_upsert) {
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

static enum status make_stage(struct load *load, struct err *err)
{
	enum status status;

	buffer_put_text(&load->sql, "CREATE TEMP TABLE stage (");
	for (size_t i = 0; i < load->base.column_count; i++)
		buffer_printf(
		    &load->sql, "c%zu %s, ", i, lake_duckdb_type_name(load->base.types[i]));
	buffer_put_text(&load->sql, "seq BIGINT)");
	status = lake_duckdb_run_buffer(load->connection, &load->sql, "make the stage", err);
	buffer_reset(&load->sql);
	if (status != OK)
		return status;
	if (duckdb_appender_create_ext(
		load->connection, "temp", "main", "stage", &load->appender) != DuckDBSuccess)
		return lake_duckdb_fail(DUCKDB_ERROR_INVALID, duckdb_appender_error(load->appender),
		    "open the stage", err);
	return OK;
}

static duckdb_logical_type make_type(enum field_type type)
{
	switch (type) {
	case FIELD_STRING:
		return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
	case FIELD_NUMBER:
		return duckdb_create_decimal_type(38, 18);
	case FIELD_INTEGER:
		return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	case FIELD_BOOLEAN:
		return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
	case FIELD_DATE:
		return duckdb_create_logical_type(DUCKDB_TYPE_DATE);
	case FIELD_DATE_TIME:
		return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
	}
	assert(false && "a field type");
	return NULL;
}

/* One for the whole load: each append fills it anew. */
static enum status make_chunk(struct load *load, struct err *err)
{
	size_t count = load->base.column_count;
	duckdb_logical_type *types = calloc(count + 1, sizeof(duckdb_logical_type));

	if (types == NULL)
		return err_set(err, E_NOMEM, "no memory for a chunk");
	for (size_t i = 0; i < count; i++)
		types[i] = make_type(load->base.types[i]);
	types[count] = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	load->chunk = duckdb_create_data_chunk(types, count + 1);
	for (size_t i = 0; i <= count; i++)
		duckdb_destroy_logical_type(&types[i]);
	free(types);
	return load->chunk == NULL ? err_set(err, E_NOMEM, "no memory for a chunk") : OK;
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
	load->operation = operation;
	key_set_init(&load->keys);
	arena_init(&load->arena, 4096);
	buffer_init(&load->sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	if (copy_table(load, table))
		status = lake_duckdb_connect(load->db, &load->connection, err);
	else
		status = err_set(err, E_NOMEM, "no memory for a load");
	lake_duckdb_problems_init(&load->problems, load->connection);
	if (status == OK)
		status = make_stage(load, err);
	if (status == OK)
		status = make_chunk(load, err);
	if (status != OK) {
		destroy_load(load);
		return status;
	}
	*ret_load = &load->base;
	return OK;
}

/* --- Append ----------------------------------------------------------------------------------- */

_Static_assert(
    sizeof(duckdb_hugeint) == sizeof(__int128_t), "a decimal's 16 bytes, low half first");
_Static_assert(sizeof(bool) == 1, "a boolean is a byte in both");

/* Texts are not copied here: the engine copies them out of the chunk before the
 * append returns.  A short one stands in the string itself and its unused bytes must
 * be 0, as the engine compares them. */
static void fill_strings(duckdb_string_t *to, const struct batch_column *column, size_t row_count)
{
	const struct slice *from = column->values;

	for (size_t i = 0; i < row_count; i++) {
		duckdb_string_t text = {.value.inlined = {.length = 0}};
		size_t length = from[i].len;

		if (batch_is_valid(column, i) && length > 0) {
			assert(length <= UINT32_MAX);
			if (length <= sizeof(text.value.inlined.inlined)) {
				text.value.inlined.length = (uint32_t)length;
				memcpy(text.value.inlined.inlined, from[i].ptr, length);
			} else {
				text.value.pointer.length = (uint32_t)length;
				memcpy(text.value.pointer.prefix, from[i].ptr,
				    sizeof(text.value.pointer.prefix));
				/* The engine only reads it. */
				memcpy(&text.value.pointer.ptr, &from[i].ptr, sizeof(char *));
			}
		}
		to[i] = text;
	}
}

static bool all_valid(const struct batch_column *column, size_t row_count)
{
	size_t whole = row_count / 64, rest = row_count % 64;

	for (size_t i = 0; i < whole; i++) {
		if (column->valid[i] != UINT64_MAX)
			return false;
	}
	return rest == 0 || (~column->valid[whole] & ((UINT64_C(1) << rest) - 1)) == 0;
}

static size_t width_of(enum field_type type)
{
	switch (type) {
	case FIELD_NUMBER:
		return sizeof(duckdb_hugeint);
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return sizeof(int64_t);
	case FIELD_BOOLEAN:
		return sizeof(bool);
	case FIELD_DATE:
		return sizeof(int32_t);
	case FIELD_STRING:
		break;
	}
	assert(false && "a type of fixed width");
	return 0;
}

static void fill_vector(duckdb_vector vector, const struct batch_column *column, size_t row_count)
{
	if (column->type == FIELD_STRING)
		fill_strings(duckdb_vector_get_data(vector), column, row_count);
	else
		memcpy(duckdb_vector_get_data(vector), column->values,
		    row_count * width_of(column->type));
	if (!all_valid(column, row_count)) {
		duckdb_vector_ensure_validity_writable(vector);
		memcpy(duckdb_vector_get_validity(vector), column->valid,
		    (row_count + 63) / 64 * sizeof(column->valid[0]));
	}
}

enum status lake_duckdb_load_append(
    struct lake_load *base, const struct batch *batch, struct err *err)
{
	struct load *load = (struct load *)base;
	int64_t *seq;

	if (load->operation == LAKE_UPSERT)
		key_set_add(&load->keys, &batch->columns[load->key], batch->row_count);
	duckdb_data_chunk_reset(load->chunk);
	for (size_t i = 0; i < batch->column_count; i++)
		fill_vector(duckdb_data_chunk_get_vector(load->chunk, i), &batch->columns[i],
		    batch->row_count);
	seq =
	    duckdb_vector_get_data(duckdb_data_chunk_get_vector(load->chunk, batch->column_count));
	for (size_t i = 0; i < batch->row_count; i++)
		seq[i] = load->row_count++;
	duckdb_data_chunk_set_size(load->chunk, batch->row_count);
	if (duckdb_append_data_chunk(load->appender, load->chunk) != DuckDBSuccess)
		return lake_duckdb_fail(DUCKDB_ERROR_INVALID, duckdb_appender_error(load->appender),
		    "fill the stage", err);
	return OK;
}

enum status lake_duckdb_load_problem(
    struct lake_load *base, const struct lake_problem *problem, struct err *err)
{
	return lake_duckdb_problems_add(&((struct load *)base)->problems, problem, err);
}

/* --- Commit ----------------------------------------------------------------------------------- */

static enum status close_stage(struct load *load, struct err *err)
{
	enum status status = OK;

	if (duckdb_appender_close(load->appender) != DuckDBSuccess)
		status = lake_duckdb_fail(DUCKDB_ERROR_INVALID,
		    duckdb_appender_error(load->appender), "fill the stage", err);
	duckdb_appender_destroy(&load->appender);
	return status == OK ? lake_duckdb_problems_close(&load->problems, err) : status;
}

static enum status run(struct load *load, const char *doing, struct err *err)
{
	enum status status = lake_duckdb_run_buffer(load->connection, &load->sql, doing, err);

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
	    load->key);
	if (load->has_version)
		buffer_printf(&load->sql, "c%zu DESC NULLS LAST, ", load->version);
	buffer_printf(&load->sql,
	    "seq DESC) AS place FROM temp.stage WHERE c%zu IN (SELECT c%zu FROM temp.stage GROUP "
	    "BY "
	    "c%zu HAVING count(*) > 1)) WHERE place > 1)",
	    load->key, load->key, load->key);
	return run(load, "drop replaced rows", err);
}

static void put_table(struct load *load)
{
	lake_duckdb_put_rows(&load->sql, load->connector, load->object);
}

/* t."name", the stored side of a comparison. */
static void put_stored(struct load *load, size_t column)
{
	buffer_put_text(&load->sql, "t.");
	lake_duckdb_quote(&load->sql, load->names[column], '"');
}

static void put_same_key(struct load *load)
{
	put_stored(load, load->key);
	buffer_printf(&load->sql, " = s.c%zu", load->key);
}

/* Leave no row that is older than the stored one of its key. */
static enum status drop_old_rows(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "DELETE FROM temp.stage AS s USING ");
	put_table(load);
	buffer_put_text(&load->sql, " AS t WHERE ");
	put_same_key(load);
	buffer_put_text(&load->sql, " AND (");
	put_stored(load, load->version);
	buffer_printf(
	    &load->sql, " > s.c%zu OR (s.c%zu IS NULL AND ", load->version, load->version);
	put_stored(load, load->version);
	buffer_put_text(&load->sql, " IS NOT NULL))");
	return run(load, "drop old rows", err);
}

static enum status delete_stored(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "DELETE FROM ");
	put_table(load);
	buffer_put_text(&load->sql, " AS t USING temp.stage AS s WHERE ");
	put_same_key(load);
	if (load->operation == LAKE_DELETE && load->has_version) {
		buffer_put_text(&load->sql, " AND (");
		put_stored(load, load->version);
		buffer_put_text(&load->sql, " IS NULL OR ");
		put_stored(load, load->version);
		buffer_printf(&load->sql, " < s.c%zu)", load->version);
	}
	return run(load, "delete rows", err);
}

static enum status insert_staged(struct load *load, struct err *err)
{
	buffer_put_text(&load->sql, "INSERT INTO ");
	put_table(load);
	for (size_t i = 0; i < load->base.column_count; i++) {
		buffer_put_text(&load->sql, i == 0 ? " (" : ", ");
		lake_duckdb_quote(&load->sql, load->names[i], '"');
	}
	buffer_put_text(&load->sql, ") SELECT ");
	for (size_t i = 0; i < load->base.column_count; i++)
		buffer_printf(&load->sql, "%sc%zu", i == 0 ? "" : ", ", i);
	buffer_put_text(&load->sql, " FROM temp.stage");
	return run(load, "insert rows", err);
}

static enum status check_table(struct load *load, struct err *err)
{
	const char *params[] = {load->connector, load->object};
	duckdb_result result;
	enum status status = lake_duckdb_run_with(load->connection,
	    "SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND "
	    "lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
	    params, 2, "find the table", &result, err);

	if (status != OK)
		return status;
	if (duckdb_row_count(&result) == 0)
		status = err_set(
		    err, E_NOT_FOUND, "the table %s.%s is gone", load->connector, load->object);
	duckdb_destroy_result(&result);
	return status;
}

static enum status check_mark(struct load *load, const char *job_id, struct err *err)
{
	duckdb_result result;
	enum status status = lake_duckdb_run_with(load->connection,
	    "SELECT 1 FROM " LAKE_DUCKDB_MARKS " WHERE job_id = ?", &job_id, 1, "find the mark",
	    &result, err);

	if (status != OK)
		return status;
	if (duckdb_row_count(&result) > 0)
		status = err_set(err, E_EXISTS, "%s was applied before", job_id);
	duckdb_destroy_result(&result);
	return status;
}

static enum status write_mark(
    struct load *load, const char *job_id, const struct lake_mark *mark, struct err *err)
{
	char processed[24], failed[24];
	const char *params[] = {job_id, processed, failed};
	duckdb_result result;
	enum status status;

	snprintf(processed, sizeof(processed), "%" PRId64, mark->records_processed);
	snprintf(failed, sizeof(failed), "%" PRId64, mark->records_failed);
	status = lake_duckdb_run_with(load->connection,
	    "INSERT INTO " LAKE_DUCKDB_MARKS " VALUES (?, ?::BIGINT, ?::BIGINT)", params, 3,
	    "write the mark", &result, err);
	if (status == OK)
		duckdb_destroy_result(&result);
	return status;
}

/* The stage's rows onto the table, inside the transaction. */
static enum status change_table(struct load *load, struct err *err)
{
	enum status status;

	if (load->row_count == 0)
		return OK;
	status = delete_stored(load, err);
	if (status == OK && load->operation == LAKE_UPSERT)
		status = insert_staged(load, err);
	return status;
}

/* What can be done before the transaction: leave in the stage what is to be stored. */
static enum status settle_stage(struct load *load, struct err *err)
{
	enum status status = check_table(load, err);

	if (status != OK || load->row_count == 0 || load->operation == LAKE_DELETE)
		return status;
	if (load->keys.may_repeat)
		status = drop_replaced_rows(load, err);
	if (status == OK && load->has_version)
		status = drop_old_rows(load, err);
	return status;
}

static enum status apply(
    struct load *load, const char *job_id, const struct lake_mark *mark, struct err *err)
{
	int64_t begin_us = clock_mono_us(), changed_us, settled_us;
	enum status status = settle_stage(load, err);

	if (status != OK)
		return status;
	settled_us = clock_mono_us();
	status = lake_duckdb_begin(load->db, load->connection, err);
	if (status != OK)
		return status;
	status = check_mark(load, job_id, err);
	if (status == OK)
		status = change_table(load, err);
	if (status == OK)
		status = lake_duckdb_problems_apply(
		    &load->problems, load->connector, load->object, job_id, err);
	if (status == OK)
		status = write_mark(load, job_id, mark, err);
	if (status != OK) {
		lake_duckdb_rollback(load->db, load->connection);
		return status;
	}
	changed_us = clock_mono_us();
	status = lake_duckdb_commit(load->db, load->connection, err);
	if (status == OK)
		log_event(LOG_LEVEL_DEBUG, "lake.applied",
		    "job=%s rows=%" PRId64 " problems=%" PRId64 " settle_us=%" PRId64
		    " change_us=%" PRId64 " commit_us=%" PRId64,
		    job_id, load->row_count, load->problems.count, settled_us - begin_us,
		    changed_us - settled_us, clock_mono_us() - changed_us);
	return status;
}

enum status lake_duckdb_load_commit(
    struct lake_load *base, const char *job_id, const struct lake_mark *mark, struct err *err)
{
	struct load *load = (struct load *)base;
	char table_name[LAKE_DUCKDB_TABLE_NAME_BYTES];
	char *job_name = arena_printf(&load->arena, "job %s", job_id);
	enum status status;

	if (job_name == NULL) {
		destroy_load(load);
		return err_set(err, E_NOMEM, "no memory for a claim");
	}
	status = close_stage(load, err);
	if (status == OK) {
		lake_duckdb_table_name(table_name, load->connector, load->object);
		lake_duckdb_claim(load->db, &load->table_claim, table_name);
		lake_duckdb_claim(load->db, &load->job_claim, job_name);
		status = apply(load, job_id, mark, err);
	}
	destroy_load(load);
	return status;
}

void lake_duckdb_load_abort(struct lake_load *base)
{
	destroy_load((struct load *)base);
}
