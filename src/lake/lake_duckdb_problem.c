/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problem records: what a load refused, in a table beside the stream's.
 *
 *	add	a row of the engine's appender, into a temporary table that the first one makes
 *	close	the appender's last rows
 *	apply	INSERT … SELECT into "PR_connector"."object", with the time, inside the transaction
 *		that has the load's rows and marks
 *	expire	DELETE of those that are older than a moment, under a claim of its own: a load that
 *		adds others meanwhile touches none of them, and may take minutes
 *
 * Memory.  The appender keeps up to 204,800 rows before it hands them to the table, where the
 * engine's limit counts them and they may be spilled; so it is flushed by bytes.  And the engine
 * reads a table 2,048 rows at a time with all their texts, in the INSERT, in the commit's log, and
 * in every query; so texts are cut.
 *
 * Rows come one by one, not in chunks as a load's do: they are the exception.  No index: who looks
 * for a job's problems scans.
 */
#include "lake/lake_duckdb_problem.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* As many as a load's chunk: not noticed beside it, and 10,000 short records a flush. */
#define FLUSH_BYTES (1024 * 1024)

const char *const lake_duckdb_problem_columns[LAKE_DUCKDB_PROBLEM_COLUMNS][2] = {
    {"job_id", "VARCHAR"},
    {"part", "BIGINT"},
    {"line", "BIGINT"},
    {"field", "VARCHAR"},
    {"error_code", "VARCHAR"},
    {"message", "VARCHAR"},
    {"record", "VARCHAR"},
    {"failed_at", "TIMESTAMP"},
};

/* --- A load's --------------------------------------------------------------------------------- */

void lake_duckdb_problems_init(struct lake_duckdb_problems *problems, duckdb_connection connection)
{
	*problems = (struct lake_duckdb_problems){.connection = connection};
	/* Each byte that can't be stored becomes three. */
	buffer_init(&problems->text, 3 * LAKE_PROBLEM_BYTES_MAX + sizeof("…"));
}

void lake_duckdb_problems_fini(struct lake_duckdb_problems *problems)
{
	if (problems->appender != NULL)
		duckdb_appender_destroy(&problems->appender);
	buffer_fini(&problems->text);
}

static enum status fail(struct lake_duckdb_problems *problems, const char *doing, struct err *err)
{
	return lake_duckdb_fail(
	    DUCKDB_ERROR_INVALID, duckdb_appender_error(problems->appender), doing, err);
}

static enum status begin(struct lake_duckdb_problems *problems, struct err *err)
{
	enum status status = lake_duckdb_run(problems->connection,
	    "CREATE TEMP TABLE problems (job_id VARCHAR, part BIGINT, line BIGINT, field VARCHAR, "
	    "error_code VARCHAR, message VARCHAR, record VARCHAR)",
	    "make the stage of problem records", err);

	if (status != OK)
		return status;
	if (duckdb_appender_create_ext(problems->connection, "temp", "main", "problems",
		&problems->appender) != DuckDBSuccess) {
		status = fail(problems, "open the stage of problem records", err);
		duckdb_appender_destroy(&problems->appender);
	}
	return status;
}

/* Append a text as it can be stored: UTF-8 without NULs, and not too long. */
static duckdb_state put_text(struct lake_duckdb_problems *problems, struct slice text)
{
	struct slice cut = utf8_cut(text, LAKE_PROBLEM_BYTES_MAX);

	if (cut.len < text.len || !utf8_is_valid(cut) ||
	    (cut.len > 0 && memchr(cut.ptr, '\0', cut.len) != NULL)) {
		buffer_reset(&problems->text);
		utf8_mend(cut, &problems->text);
		if (cut.len < text.len)
			buffer_put_text(&problems->text, "…");
		if (problems->text.failed)
			return DuckDBError;
		cut = buffer_slice(&problems->text);
	}
	problems->bytes += cut.len;
	return duckdb_append_varchar_length(
	    problems->appender, cut.len > 0 ? cut.ptr : "", cut.len);
}

static duckdb_state put_row(
    struct lake_duckdb_problems *problems, const struct lake_problem *problem)
{
	duckdb_appender to = problems->appender;

	if (duckdb_append_varchar(to, problem->job_id) != DuckDBSuccess ||
	    duckdb_append_int64(to, problem->part) != DuckDBSuccess ||
	    duckdb_append_int64(to, problem->line) != DuckDBSuccess)
		return DuckDBError;
	if ((problem->field.len == 0 ? duckdb_append_null(to)
				     : put_text(problems, problem->field)) != DuckDBSuccess ||
	    put_text(problems, problem->code) != DuckDBSuccess ||
	    put_text(problems, problem->message) != DuckDBSuccess ||
	    put_text(problems, problem->record) != DuckDBSuccess)
		return DuckDBError;
	return duckdb_appender_end_row(to);
}

/* The appender hands over what it has at FLUSH_BYTES, or by itself at 204,800 rows, which have more
 * than so many bytes. */
bool lake_duckdb_problems_need_connection(const struct lake_duckdb_problems *problems)
{
	return problems->appender == NULL ||
	       problems->bytes + 4 * LAKE_PROBLEM_BYTES_MAX >= FLUSH_BYTES;
}

enum status lake_duckdb_problems_add(
    struct lake_duckdb_problems *problems, const struct lake_problem *problem, struct err *err)
{
	enum status status = OK;

	if (problems->appender == NULL)
		status = begin(problems, err);
	if (status != OK)
		return status;
	if (put_row(problems, problem) != DuckDBSuccess) {
		if (problems->text.failed)
			return err_set(err, E_NOMEM, "no memory for a problem record");
		return fail(problems, "stage a problem record", err);
	}
	problems->count++;
	if (problems->bytes < FLUSH_BYTES)
		return OK;
	problems->bytes = 0;
	if (duckdb_appender_flush(problems->appender) != DuckDBSuccess)
		return fail(problems, "stage problem records", err);
	return OK;
}

enum status lake_duckdb_problems_close(struct lake_duckdb_problems *problems, struct err *err)
{
	enum status status = OK;

	if (problems->appender == NULL)
		return OK;
	if (duckdb_appender_close(problems->appender) != DuckDBSuccess)
		status = fail(problems, "stage problem records", err);
	duckdb_appender_destroy(&problems->appender);
	return status;
}

enum status lake_duckdb_problems_apply(struct lake_duckdb_problems *problems, const char *connector,
    const char *object, struct err *err)
{
	char now[24];
	const char *params[] = {now};
	duckdb_result result;
	struct buffer sql;
	enum status status;

	if (problems->count == 0)
		return OK;
	snprintf(now, sizeof(now), "%" PRId64, clock_now_us());
	buffer_init(&sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	buffer_put_text(&sql, "INSERT INTO ");
	lake_duckdb_put_problems(&sql, connector, object);
	buffer_put_text(&sql, " SELECT job_id, part, line, field, error_code, message, record, "
			      "make_timestamp(?::BIGINT) FROM temp.problems");
	status = lake_duckdb_run_buffer_with(
	    problems->connection, &sql, params, 1, "insert problem records", &result, err);
	if (status == OK)
		duckdb_destroy_result(&result);
	buffer_fini(&sql);
	return status;
}

/* --- Their end -------------------------------------------------------------------------------- */

/* The rest of a statement about problem records, and what it needs. */
struct expiry {
	struct lake_duckdb *db;
	duckdb_connection connection;
	const char *connector;
	const char *object;
	char before[24];
	struct buffer sql;
};

/* ${verb} FROM the table, those that are old. */
static enum status run_on_old(struct expiry *expiry, const char *verb, const char *rest,
    const char *doing, duckdb_result *ret_result, struct err *err)
{
	const char *params[] = {expiry->before};

	buffer_reset(&expiry->sql);
	buffer_put_text(&expiry->sql, verb);
	buffer_put_text(&expiry->sql, " FROM ");
	lake_duckdb_put_problems(&expiry->sql, expiry->connector, expiry->object);
	buffer_put_text(&expiry->sql, " WHERE epoch_us(failed_at) < ?::BIGINT");
	buffer_put_text(&expiry->sql, rest);
	return lake_duckdb_run_buffer_with(
	    expiry->connection, &expiry->sql, params, 1, doing, ret_result, err);
}

static enum status has_table(struct expiry *expiry, bool *ret_is_there, struct err *err)
{
	const char *params[] = {expiry->connector, expiry->object};
	duckdb_result result;
	enum status status = lake_duckdb_run_with(expiry->connection,
	    "SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND lower(schema_name) = "
	    "lower('" LAKE_PROBLEMS_PREFIX "' || ?) AND lower(table_name) = lower(?)",
	    params, 2, "find the table of problem records", &result, err);

	if (status != OK)
		return status;
	*ret_is_there = duckdb_row_count(&result) > 0;
	duckdb_destroy_result(&result);
	return OK;
}

static enum status has_old(struct expiry *expiry, bool *ret_has_old, struct err *err)
{
	duckdb_result result;
	enum status status = run_on_old(
	    expiry, "SELECT 1", " LIMIT 1", "look for old problem records", &result, err);

	if (status != OK)
		return status;
	*ret_has_old = duckdb_row_count(&result) > 0;
	duckdb_destroy_result(&result);
	return OK;
}

static enum status remove_old(struct expiry *expiry, int64_t *ret_removed, struct err *err)
{
	duckdb_result result;
	int64_t removed;
	enum status status = lake_duckdb_begin(expiry->db, expiry->connection, err);

	if (status != OK)
		return status;
	status = run_on_old(expiry, "DELETE", "", "remove old problem records", &result, err);
	if (status != OK) {
		lake_duckdb_rollback(expiry->db, expiry->connection);
		return status;
	}
	removed = (int64_t)duckdb_rows_changed(&result);
	duckdb_destroy_result(&result);
	status = lake_duckdb_commit(expiry->db, expiry->connection, err);
	if (status == OK)
		*ret_removed = removed;
	return status;
}

enum status lake_duckdb_problems_expire(struct lake *lake, const char *connector,
    const char *object, int64_t before_us, int64_t *ret_removed, struct err *err)
{
	struct expiry expiry = {
	    .db = (struct lake_duckdb *)lake, .connector = connector, .object = object};
	char name[LAKE_DUCKDB_PROBLEMS_NAME_BYTES];
	struct lake_duckdb_claim claim = {0};
	bool goes_on = false;
	enum status status = lake_duckdb_connect(expiry.db, &expiry.connection, err);

	if (status != OK)
		return status;
	snprintf(expiry.before, sizeof(expiry.before), "%" PRId64, before_us);
	buffer_init(&expiry.sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	lake_duckdb_problems_name(name, connector, object);
	lake_duckdb_claim(expiry.db, &claim, name);
	status = has_table(&expiry, &goes_on, err);
	if (status == OK && goes_on)
		status = has_old(&expiry, &goes_on, err);
	if (status == OK && goes_on)
		status = remove_old(&expiry, ret_removed, err);
	else if (status == OK)
		*ret_removed = 0;
	lake_duckdb_unclaim(expiry.db, &claim);
	buffer_fini(&expiry.sql);
	duckdb_disconnect(&expiry.connection);
	return status;
}
