/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches into a temporary table: see lake_duckdb_stage.h.
 *
 * A batch becomes one data chunk for the engine's appender (lake_duckdb_chunk.c), whose texts are
 * references: the engine copies them before the append returns.  The bits that say whether a value
 * is given become bytes, a column of booleans each; only the stage of partial changes has them, for
 * they are as many columns again.
 *
 * Not here: what is done with the rows.
 */
#include "lake/lake_duckdb_stage.h"

#include "lake/lake_duckdb_chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- The table -------------------------------------------------------------------------------- */

/* Behind those of the batches. */
static size_t seq_column(const struct lake_duckdb_stage *stage)
{
	return stage->column_count;
}

static size_t kind_column(const struct lake_duckdb_stage *stage)
{
	assert(stage->form != STAGE_ROWS);
	return stage->column_count + 1;
}

static size_t given_column(const struct lake_duckdb_stage *stage, size_t column)
{
	assert(stage->form == STAGE_PARTIAL);
	return stage->column_count + 2 + column;
}

static size_t count_columns(const struct lake_duckdb_stage *stage)
{
	switch (stage->form) {
	case STAGE_ROWS:
		return stage->column_count + 1;
	case STAGE_CHANGES:
		return stage->column_count + 2;
	case STAGE_PARTIAL:
		return 2 * stage->column_count + 2;
	}
	assert(false && "a form");
	return 0;
}

static enum status make_table(struct lake_duckdb_stage *stage, struct err *err)
{
	struct buffer sql;
	enum status status;

	buffer_init(&sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	buffer_printf(&sql, "CREATE TEMP TABLE %s (", stage->name);
	for (size_t i = 0; i < stage->column_count; i++)
		buffer_printf(&sql, "c%zu %s, ", i, lake_duckdb_type_name(stage->types[i]));
	buffer_put_text(&sql, "seq BIGINT");
	if (stage->form != STAGE_ROWS)
		buffer_put_text(&sql, ", kind UTINYINT");
	for (size_t i = 0; stage->form == STAGE_PARTIAL && i < stage->column_count; i++)
		buffer_printf(&sql, ", g%zu BOOLEAN", i);
	buffer_put_char(&sql, ')');
	status = lake_duckdb_run_buffer(stage->connection, &sql, "make the stage", err);
	buffer_fini(&sql);
	return status;
}

static enum status open_appender(struct lake_duckdb_stage *stage, struct err *err)
{
	enum status status = OK;

	if (duckdb_appender_create_ext(stage->connection, "temp", "main", stage->name,
		&stage->appender) != DuckDBSuccess) {
		status = lake_duckdb_fail(DUCKDB_ERROR_INVALID,
		    duckdb_appender_error(stage->appender), "open the stage", err);
		duckdb_appender_destroy(&stage->appender);
	}
	return status;
}

static enum status make_chunk(struct lake_duckdb_stage *stage, struct err *err)
{
	size_t count = count_columns(stage);
	duckdb_logical_type *types = calloc(count, sizeof(*types));

	if (types == NULL)
		return err_set(err, E_NOMEM, "no memory for a chunk");
	for (size_t i = 0; i < stage->column_count; i++)
		types[i] = lake_duckdb_chunk_type(stage->types[i]);
	types[seq_column(stage)] = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	if (stage->form != STAGE_ROWS)
		types[kind_column(stage)] = duckdb_create_logical_type(DUCKDB_TYPE_UTINYINT);
	for (size_t i = 0; stage->form == STAGE_PARTIAL && i < stage->column_count; i++)
		types[given_column(stage, i)] = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
	stage->chunk = duckdb_create_data_chunk(types, count);
	for (size_t i = 0; i < count; i++)
		duckdb_destroy_logical_type(&types[i]);
	free(types);
	return stage->chunk == NULL ? err_set(err, E_NOMEM, "no memory for a chunk") : OK;
}

static enum status make(struct lake_duckdb_stage *stage, struct err *err)
{
	enum status status = make_table(stage, err);

	if (status == OK)
		status = make_chunk(stage, err);
	return status == OK ? open_appender(stage, err) : status;
}

void lake_duckdb_stage_init(struct lake_duckdb_stage *stage, const char *name,
    enum lake_duckdb_stage_form form, duckdb_connection connection, const enum field_type *types,
    size_t column_count)
{
	*stage = (struct lake_duckdb_stage){.name = name,
	    .form = form,
	    .connection = connection,
	    .types = types,
	    .column_count = column_count};
}

void lake_duckdb_stage_fini(struct lake_duckdb_stage *stage)
{
	if (stage->appender != NULL)
		duckdb_appender_destroy(&stage->appender);
	duckdb_destroy_data_chunk(&stage->chunk);
}

/* --- Its rows --------------------------------------------------------------------------------- */

static void fill_kinds(uint8_t *to, const enum lake_change *changes, size_t row_count)
{
	for (size_t i = 0; i < row_count; i++)
		to[i] = (uint8_t)changes[i];
}

/* All values of a row that is no merge count as given. */
static void fill_given(
    bool *to, const uint64_t *bits, const enum lake_change *changes, size_t row_count)
{
	for (size_t i = 0; i < row_count; i++)
		to[i] = (bits[i / 64] >> (i % 64) & 1) != 0 || changes[i] != LAKE_MERGE;
}

static void *data_of(struct lake_duckdb_stage *stage, size_t column)
{
	return duckdb_vector_get_data(duckdb_data_chunk_get_vector(stage->chunk, column));
}

static void fill_chunk(struct lake_duckdb_stage *stage, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64])
{
	int64_t *seq;

	duckdb_data_chunk_reset(stage->chunk);
	for (size_t i = 0; i < batch->column_count; i++)
		lake_duckdb_chunk_fill(duckdb_data_chunk_get_vector(stage->chunk, i),
		    &batch->columns[i], batch->row_count);
	seq = data_of(stage, seq_column(stage));
	for (size_t i = 0; i < batch->row_count; i++)
		seq[i] = stage->row_count + (int64_t)i;
	if (stage->form != STAGE_ROWS)
		fill_kinds(data_of(stage, kind_column(stage)), changes, batch->row_count);
	for (size_t i = 0; stage->form == STAGE_PARTIAL && i < batch->column_count; i++)
		fill_given(
		    data_of(stage, given_column(stage, i)), given[i], changes, batch->row_count);
	duckdb_data_chunk_set_size(stage->chunk, batch->row_count);
}

enum status lake_duckdb_stage_append(struct lake_duckdb_stage *stage, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64], struct err *err)
{
	enum status status = OK;

	assert(batch->row_count > 0);
	assert(batch->column_count == stage->column_count);
	assert((changes != NULL) == (stage->form != STAGE_ROWS));
	assert((given != NULL) == (stage->form == STAGE_PARTIAL));
	if (stage->appender == NULL)
		status = make(stage, err);
	if (status != OK)
		return status;
	fill_chunk(stage, batch, changes, given);
	if (duckdb_append_data_chunk(stage->appender, stage->chunk) != DuckDBSuccess)
		return lake_duckdb_fail(DUCKDB_ERROR_INVALID,
		    duckdb_appender_error(stage->appender), "fill the stage", err);
	stage->row_count += (int64_t)batch->row_count;
	return OK;
}

enum status lake_duckdb_stage_close(struct lake_duckdb_stage *stage, struct err *err)
{
	enum status status = OK;

	if (stage->appender == NULL)
		return OK;
	if (duckdb_appender_close(stage->appender) != DuckDBSuccess)
		status = lake_duckdb_fail(DUCKDB_ERROR_INVALID,
		    duckdb_appender_error(stage->appender), "fill the stage", err);
	duckdb_appender_destroy(&stage->appender);
	return status;
}
