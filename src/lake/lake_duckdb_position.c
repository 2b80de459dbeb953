/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the lake has applied each journal: a row a journal in a table of our own, moved inside
 * the transaction that applies what lies between.
 *
 * One statement moves it and says whether it was where the caller thinks: the first time a row
 * that must not be there yet, later an update of the row that has that position.  So it is changed
 * in place, and what is written does not grow with the number of moves.
 *
 * Transactions of different journals change different rows and so do not conflict.  Those of one
 * take turns by a claim; without it the second would fail as a conflict of the engine, which is no
 * answer to "was it applied before?".
 */
#include "lake/lake_duckdb_db.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *lake_duckdb_position_claim(struct arena *arena, const char *journal)
{
	return arena_printf(arena, "journal %s", journal);
}

enum status lake_duckdb_position_move(
    duckdb_connection connection, const char *journal, int64_t from, int64_t to, struct err *err)
{
	char from_text[24], to_text[24];
	const char *params[] = {journal, to_text, from_text};
	bool is_first = from == 0;
	duckdb_result result;
	idx_t changed;
	enum status status;

	snprintf(from_text, sizeof(from_text), "%" PRId64, from);
	snprintf(to_text, sizeof(to_text), "%" PRId64, to);
	/* No row has position 0. */
	if (is_first)
		status = lake_duckdb_run_with(connection,
		    "INSERT INTO " LAKE_DUCKDB_POSITIONS " SELECT $1, $2::BIGINT WHERE NOT EXISTS "
		    "(SELECT 1 FROM " LAKE_DUCKDB_POSITIONS " WHERE journal = $1)",
		    params, 2, "move the position", &result, err);
	else
		status = lake_duckdb_run_with(connection,
		    "UPDATE " LAKE_DUCKDB_POSITIONS " SET position = $2::BIGINT WHERE journal = $1 "
		    "AND position = $3::BIGINT",
		    params, 3, "move the position", &result, err);
	if (status != OK)
		return status;
	changed = duckdb_rows_changed(&result);
	duckdb_destroy_result(&result);
	if (changed == 0)
		return err_set(err, E_CONFLICT, "the position of %s is not %s", journal, from_text);
	return OK;
}

enum status lake_duckdb_position_get(
    struct lake *lake, const char *journal, int64_t *ret_position, struct err *err)
{
	duckdb_connection connection = NULL;
	duckdb_result result;
	duckdb_data_chunk chunk;
	enum status status = lake_duckdb_connect((struct lake_duckdb *)lake, &connection, err);

	if (status != OK)
		return status;
	status = lake_duckdb_run_with(connection,
	    "SELECT position FROM " LAKE_DUCKDB_POSITIONS " WHERE journal = ?", &journal, 1,
	    "read a position", &result, err);
	if (status != OK)
		goto out;
	chunk = duckdb_fetch_chunk(result);
	*ret_position = 0;
	if (chunk != NULL && duckdb_data_chunk_get_size(chunk) > 0)
		memcpy(ret_position, duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)),
		    sizeof(*ret_position));
	duckdb_destroy_data_chunk(&chunk);
	duckdb_destroy_result(&result);
out:
	duckdb_disconnect(&connection);
	return status;
}

/* With nothing to forget nothing is written. */
static enum status forget(
    struct lake_duckdb *db, duckdb_connection connection, const char *journal, struct err *err)
{
	duckdb_result result;
	idx_t changed;
	enum status status = lake_duckdb_begin(db, connection, err);

	if (status != OK)
		return status;
	status = lake_duckdb_run_with(connection,
	    "DELETE FROM " LAKE_DUCKDB_POSITIONS " WHERE journal = ?", &journal, 1,
	    "forget a position", &result, err);
	if (status != OK) {
		lake_duckdb_rollback(db, connection);
		return status;
	}
	changed = duckdb_rows_changed(&result);
	duckdb_destroy_result(&result);
	if (changed > 0)
		return lake_duckdb_commit(db, connection, err);
	lake_duckdb_rollback(db, connection);
	return OK;
}

enum status lake_duckdb_position_forget(struct lake *lake, const char *journal, struct err *err)
{
	struct lake_duckdb *db = (struct lake_duckdb *)lake;
	struct lake_duckdb_claim claim = {0};
	duckdb_connection connection = NULL;
	struct arena arena;
	const char *name;
	enum status status;

	arena_init(&arena, 256);
	name = lake_duckdb_position_claim(&arena, journal);
	if (name == NULL) {
		status = err_set(err, E_NOMEM, "no memory for a claim");
		goto out;
	}
	lake_duckdb_claim(db, &claim, name);
	status = lake_duckdb_connect(db, &connection, err);
	if (status == OK)
		status = forget(db, connection, journal, err);
	duckdb_disconnect(&connection);
	lake_duckdb_unclaim(db, &claim);
out:
	arena_fini(&arena);
	return status;
}
