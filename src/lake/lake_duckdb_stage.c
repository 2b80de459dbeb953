/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches into a temporary table: see lake_duckdb_stage.h.
 *
 * A batch becomes one data chunk for the engine's appender: fixed widths by memcpy, texts by
 * reference.  The bits that say whether a value is given become bytes, a column of booleans each;
 * only the stage of partial changes has them, for they are as many columns again.
 *
 * Not here: what is done with the rows.
 */
#include "lake/lake_duckdb_stage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- The table -------------------------------------------------------------------------------- */

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
		types[i] = make_type(stage->types[i]);
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
		fill_vector(duckdb_data_chunk_get_vector(stage->chunk, i), &batch->columns[i],
		    batch->row_count);
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
