/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_STAGE_H
#define SLUICE_LAKE_LAKE_DUCKDB_STAGE_H

/*
 * A stage: a temporary table of a connection, filled with batches.
 *
 *	init -> append … -> close -> SQL on "temp"."<name>" -> fini, before the connection's end
 *
 * Its columns are c0, c1, … in the batches' order, then by the stage's form:
 *	rows		seq BIGINT: the number of the row in the stage
 *	changes		seq, kind UTINYINT: the enum lake_change
 *	partial changes	seq, kind, g0, g1, … BOOLEAN: is the value given?
 * The first append makes it: one that gets no rows costs nothing and is not there.  Private to the
 * DuckDB lake.
 */

#include "lake/lake_duckdb_db.h"

enum lake_duckdb_stage_form { STAGE_ROWS, STAGE_CHANGES, STAGE_PARTIAL };

struct lake_duckdb_stage {
	const char *name;
	enum lake_duckdb_stage_form form;
	duckdb_connection connection;
	const enum field_type *types; /* of the batches' columns; somebody else's */
	size_t column_count;
	duckdb_appender appender; /* NULL before the first append, and after close */
	duckdb_data_chunk chunk;  /* one for all: each append fills it anew */
	int64_t row_count;
};

/* What is given is kept, not copied. */
void lake_duckdb_stage_init(struct lake_duckdb_stage *stage, const char *name,
    enum lake_duckdb_stage_form form, duckdb_connection connection, const enum field_type *types,
    size_t column_count);
void lake_duckdb_stage_fini(struct lake_duckdb_stage *stage);

/* Take the batch's rows, one or more; its text may go when this returns.  ${changes} for all forms
 * but rows, ${given} for partial changes, as lake_load_append_changes() has them. */
enum status lake_duckdb_stage_append(struct lake_duckdb_stage *stage, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64],
    struct err *err) WARN_UNUSED;

/* No more of them. */
enum status lake_duckdb_stage_close(struct lake_duckdb_stage *stage, struct err *err) WARN_UNUSED;

#endif
