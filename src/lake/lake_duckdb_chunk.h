/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_CHUNK_H
#define SLUICE_LAKE_LAKE_DUCKDB_CHUNK_H

/*
 * A batch as the engine's vectors: what the stage hands to an appender and the feed to an INSERT.
 * Private to the DuckDB lake.
 */

#include "lake/lake_duckdb_db.h"

/* The engine's type of a field's values.  The caller destroys it. */
duckdb_logical_type lake_duckdb_chunk_type(enum field_type type);

/* Fill a vector of that type.  Texts are references into those of ${column}. */
void lake_duckdb_chunk_fill(
    duckdb_vector vector, const struct batch_column *column, size_t row_count);

/* Of a vector of texts that was so filled: the bytes that it refers to; the short texts stand in
 * the vector itself. */
size_t lake_duckdb_chunk_far_bytes(duckdb_vector vector, size_t row_count);

/* Copy those bytes to ${to} and refer to them there instead.  Returns what is behind them. */
char *lake_duckdb_chunk_keep(duckdb_vector vector, size_t row_count, char *to);

#endif
