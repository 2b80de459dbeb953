/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries: one reading statement, its rows handed on as the engine makes them.
 *
 *	guard	what the text may not say (lake_duckdb_guard.c)
 *	lock	the commit lock, shared, to the end: a query sees all of a load or nothing
 *		(lake_duckdb.c says why)
 *	begin	READ ONLY: whatever the other checks miss cannot write
 *	prepare	exactly one statement, SELECT or EXPLAIN by the engine's own word, no parameters
 *	wrap	if it has columns that only the engine can write as text:
 *		SELECT CAST(… AS VARCHAR) FROM query('…'); and if the caller wants an order:
 *		SELECT … FROM (FROM query('…') ORDER BY 2 DESC), columns by their places, so that no
 *		name of the caller's gets into the SQL
 *	stream	chunk by chunk, so that a large result is never whole in memory; pass over what is to
 *		be skipped, stop at rows_max
 *	end	ROLLBACK, unlock
 *
 * Time.  It runs from the call, waiting for the lock included.  lake_duckdb_watch.c interrupts the
 * engine when it is up, or when whoever asked has left; here both are looked at between the steps,
 * between the chunks, and while waiting for the lock.
 *
 * Memory.  The engine's limit holds for its buffers; what does not fit goes to the folder for
 * temporary data.  Ours holds for all else that it allocates (lake_duckdb_memory.c): a large
 * request beyond it fails; where many small ones pass it, the same thread interrupts a query, the
 * youngest first, since the others have been getting on well.
 */
#include "lake/lake_duckdb_db.h"
#include "lake/lake_duckdb_memory.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one statement; the layers above take less. */
#define QUERY_BYTES_MAX (16 * 1024 * 1024)

struct run {
	struct lake_duckdb *db;
	const struct lake_query *query;
	const struct lake_sink *sink;
	struct arena arena; /* names, types, and the statement with its NUL */
	duckdb_connection connection;
	duckdb_prepared_statement statement;
	duckdb_result result;
	bool has_result;
	bool is_begun;
	struct lake_duckdb_watch watch;

	size_t column_count;
	struct lake_column *columns;
	struct lake_duckdb_vector *vectors;
	struct lake_value *values;
	char (*texts)[LAKE_DUCKDB_TEXT_BYTES];
};

/* --- Time ------------------------------------------------------------------------------------- */

/* Is its time up, or was it chosen to end? */
static bool is_late(const struct run *run)
{
	return clock_mono_us() >= run->watch.deadline_us || atomic_load(&run->watch.is_too_large);
}

static enum status say_too_large(struct err *err)
{
	return err_set(err, E_LIMIT, "the query needs more memory than it may have");
}

static enum status say_late(const struct run *run, struct err *err)
{
	if (atomic_load(&run->watch.is_too_large))
		return say_too_large(err);
	return err_set(err, E_TIMEOUT, "the query did not end within %lld ms",
	    (long long)run->query->timeout_ms);
}

static enum status say_cancelled(struct err *err)
{
	return err_set(err, E_CANCELLED, "the query was cancelled");
}

/* May it go on? */
static enum status check_time(struct run *run, struct err *err)
{
	if (lake_duckdb_watch_is_cancelled(&run->watch))
		return say_cancelled(err);
	return is_late(run) ? say_late(run, err) : OK;
}

/* The commit lock, shared: a commit that waits for a long query holds up all that come after it, so
 * this may take as long as a query may run. */
static enum status lock(struct run *run, struct err *err)
{
	enum status status = check_time(run, err);

	while (status == OK && !rwlock_read_for(&run->db->commit_lock, LAKE_DUCKDB_CANCEL_US))
		status = check_time(run, err);
	return status;
}

/* --- Failures --------------------------------------------------------------------------------- */

/* ${message} with every path of ours cut out. */
static void put_without_paths(const struct lake_duckdb *db, const char *message, struct err *err)
{
	const char *const hidden[] = {db->path, db->temp_path};
	size_t used = 0;

	if (err == NULL)
		return;
	while (*message != '\0' && used + 1 < sizeof(err->text)) {
		size_t skip = 0;

		for (size_t i = 0; i < 2 && skip == 0; i++) {
			if (strncmp(message, hidden[i], strlen(hidden[i])) == 0)
				skip = strlen(hidden[i]);
		}
		if (skip > 0)
			err->text[used++] = '*';
		else
			err->text[used++] = *message;
		message += skip > 0 ? skip : 1;
	}
	err->text[used] = '\0';
}

/* What the engine says against a query.  Most of it is for the person who wrote it; what is about
 * our disk goes to the log instead. */
static enum status fail(
    const struct run *run, duckdb_error_type type, const char *message, struct err *err)
{
	if (message == NULL)
		message = "no reason given";
	if (type == DUCKDB_ERROR_INTERRUPT ||
	    (is_late(run) && strstr(message, "INTERRUPT") != NULL))
		return atomic_load(&run->watch.cancelled) ? say_cancelled(err) : say_late(run, err);
	/* The name of a file where a table's belongs.  The engine looks for it only in the folder
	 * for temporary data, in which there is none of a kind that it would read. */
	if (strstr(message, "No files found that match") != NULL)
		type = DUCKDB_ERROR_PERMISSION;
	switch (type) {
	case DUCKDB_ERROR_OUT_OF_MEMORY:
		return say_too_large(err);
	case DUCKDB_ERROR_PERMISSION:
		return err_set(
		    err, E_INVALID, "a query may not reach files, the network or settings");
	case DUCKDB_ERROR_IO:
	case DUCKDB_ERROR_FATAL:
	case DUCKDB_ERROR_INTERNAL:
		log_event(LOG_LEVEL_ERROR, "lake.query_failed", "reason=\"%s\"", message);
		return err_set(err, E_IO, "the engine failed");
	default:
		put_without_paths(run->db, message, err);
		return E_INVALID;
	}
}

/* A failure of which only the text is given; the engine puts the type in front of it. */
static enum status fail_text(const struct run *run, const char *message, struct err *err)
{
	static const struct {
		const char *prefix;
		duckdb_error_type type;
	} types[] = {
	    {"INTERRUPT", DUCKDB_ERROR_INTERRUPT},
	    {"Out of Memory", DUCKDB_ERROR_OUT_OF_MEMORY},
	    {"Permission", DUCKDB_ERROR_PERMISSION},
	    {"IO Error", DUCKDB_ERROR_IO},
	    {"FATAL", DUCKDB_ERROR_FATAL},
	    {"INTERNAL", DUCKDB_ERROR_INTERNAL},
	};

	for (size_t i = 0; message != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strncmp(message, types[i].prefix, strlen(types[i].prefix)) == 0)
			return fail(run, types[i].type, message, err);
	}
	return fail(run, DUCKDB_ERROR_INVALID, message, err);
}

/* --- Preparing -------------------------------------------------------------------------------- */

static enum status prepare_only_statement(struct run *run, const char *sql, struct err *err)
{
	duckdb_extracted_statements statements = NULL;
	idx_t count = duckdb_extract_statements(run->connection, sql, &statements);
	enum status status = OK;

	if (count == 0) {
		const char *message = duckdb_extract_statements_error(statements);

		status = message != NULL && message[0] != '\0'
			     ? fail_text(run, message, err)
			     : err_set(err, E_INVALID, "there is no statement");
	} else if (count > 1) {
		status = err_set(err, E_INVALID, "one statement at a time, please");
	} else if (duckdb_prepare_extracted_statement(
		       run->connection, statements, 0, &run->statement) != DuckDBSuccess) {
		status = fail_text(run, duckdb_prepare_error(run->statement), err);
	}
	duckdb_destroy_extracted(&statements);
	return status;
}

static enum status check_statement(const struct run *run, struct err *err)
{
	duckdb_statement_type type = duckdb_prepared_statement_type(run->statement);

	if (type != DUCKDB_STATEMENT_TYPE_SELECT && type != DUCKDB_STATEMENT_TYPE_EXPLAIN)
		return err_set(err, E_INVALID, "only a statement that reads may be run");
	if (duckdb_nparams(run->statement) != 0)
		return err_set(
		    err, E_INVALID, "a query has no parameters: write the values into it");
	return OK;
}

static enum status make_columns(struct run *run, struct err *err)
{
	struct arena *arena = &run->arena;
	size_t count = (size_t)duckdb_prepared_statement_column_count(run->statement);

	run->column_count = count;
	run->columns = arena_array(arena, count, sizeof(*run->columns));
	run->vectors = arena_array(arena, count, sizeof(*run->vectors));
	run->values = arena_array(arena, count, sizeof(*run->values));
	run->texts = arena_array(arena, count, sizeof(*run->texts));
	if (run->columns == NULL || run->vectors == NULL || run->values == NULL ||
	    run->texts == NULL)
		return err_set(err, E_NOMEM, "no memory for the columns");
	for (size_t i = 0; i < count; i++) {
		const char *name = duckdb_prepared_statement_column_name(run->statement, i);

		run->columns[i].name = arena_copy(arena, slice_of(name == NULL ? "" : name));
		duckdb_free((void *)(uintptr_t)name);
		if (run->columns[i].name == NULL)
			return err_set(err, E_NOMEM, "no memory for the columns");
	}
	return OK;
}

/* Tell what can be told of the columns; *ret_needs_cast: some have a type
 * that only the engine can write. */
static enum status type_columns(struct run *run, bool *ret_needs_cast, struct err *err)
{
	bool needs_cast = false;

	for (size_t i = 0; i < run->column_count; i++) {
		duckdb_logical_type type =
		    duckdb_prepared_statement_column_logical_type(run->statement, i);
		char text[32];
		enum lake_kind kind;

		if (type == NULL || !lake_duckdb_kind(duckdb_get_type_id(type), &kind)) {
			needs_cast = true;
			run->columns[i].kind = LAKE_TEXT;
			run->columns[i].type = NULL;
		} else {
			char *alias = duckdb_logical_type_get_alias(type);

			run->columns[i].kind = kind;
			run->columns[i].type = arena_copy(&run->arena,
			    slice_of(alias != NULL && alias[0] != '\0'
					 ? alias
					 : lake_duckdb_kind_type(type, text, sizeof(text))));
			duckdb_free(alias);
			if (run->columns[i].type == NULL) {
				duckdb_destroy_logical_type(&type);
				return err_set(err, E_NOMEM, "no memory for the columns");
			}
		}
		duckdb_destroy_logical_type(&type);
	}
	*ret_needs_cast = needs_cast;
	return OK;
}

/* Ask the engine for its names of the types that we have none for. */
static enum status name_types(
    struct run *run, const char *sql, struct buffer *text, struct err *err)
{
	duckdb_result result;
	enum status status = OK;

	buffer_reset(text);
	buffer_put_text(text, "SELECT column_type FROM (DESCRIBE SELECT * FROM query(");
	lake_duckdb_quote(text, sql, '\'');
	buffer_put_text(text, "))");
	buffer_put_char(text, '\0');
	if (text->failed)
		return err_set(err, E_NOMEM, "no memory for the statement");
	if (duckdb_query(run->connection, text->ptr, &result) != DuckDBSuccess) {
		status =
		    fail(run, duckdb_result_error_type(&result), duckdb_result_error(&result), err);
		goto out;
	}
	for (size_t i = 0; i < run->column_count; i++) {
		char *name = NULL;

		if (run->columns[i].type != NULL)
			continue;
		if (i < duckdb_row_count(&result))
			name = duckdb_value_varchar(&result, 0, i);
		run->columns[i].type =
		    arena_copy(&run->arena, slice_of(name == NULL ? "UNKNOWN" : name));
		duckdb_free(name);
		if (run->columns[i].type == NULL)
			status = err_set(err, E_NOMEM, "no memory for the columns");
	}
out:
	duckdb_destroy_result(&result);
	return status;
}

/* The place of the column that is meant, from 1. */
static enum status find_column(
    const struct run *run, const struct lake_order *order, int64_t *ret_place, struct err *err)
{
	int64_t place = 0;

	if (order->name.len == 0) {
		if (order->place < 1 || order->place > (int64_t)run->column_count)
			return err_set(err, E_INVALID,
			    "there is no column %" PRId64 " to order by; the result has %zu",
			    order->place, run->column_count);
		*ret_place = order->place;
		return OK;
	}
	for (size_t i = run->column_count; i > 0; i--) {
		if (slice_is_nocase(order->name, run->columns[i - 1].name))
			place = (int64_t)i;
	}
	if (place == 0)
		return err_set(err, E_INVALID, "the result has no column \"%.*s\" to order by",
		    SLICE_ARGS(order->name));
	*ret_place = place;
	return OK;
}

/* " ORDER BY 2 DESC NULLS LAST, …": before any cast, so that a list is ordered as one.  What is
 * not to be given need not be sorted to its end. */
static enum status put_order(const struct run *run, struct buffer *text, struct err *err)
{
	const struct lake_query *query = run->query;
	int64_t place = 0, limit;

	for (size_t i = 0; i < query->order_count; i++) {
		enum status status = find_column(run, &query->order[i], &place, err);

		if (status != OK)
			return status;
		buffer_printf(text, "%s%" PRId64 " %s NULLS %s", i == 0 ? " ORDER BY " : ", ",
		    place, query->order[i].descending ? "DESC" : "ASC",
		    query->order[i].nulls_first ? "FIRST" : "LAST");
	}
	if (query->order_count > 0 &&
	    !__builtin_add_overflow(query->skip, query->rows_max, &limit) && limit < INT64_MAX)
		buffer_printf(text, " LIMIT %" PRId64, limit + 1);
	return OK;
}

/* Prepare the statement again inside one that casts what has no kind, and brings its rows into the
 * caller's order.  The engine's query() takes it as a text, so that a comment or a semicolon at its
 * end does no harm; the order of its rows is kept. */
static enum status wrap(struct run *run, const char *sql, bool needs_cast, struct err *err)
{
	struct buffer text;
	enum status status = OK;

	buffer_init(&text, 3 * QUERY_BYTES_MAX);
	if (needs_cast)
		status = name_types(run, sql, &text, err);
	if (status != OK)
		goto out;
	buffer_reset(&text);
	buffer_put_text(&text, "SELECT ");
	for (size_t i = 0; i < run->column_count; i++) {
		duckdb_type type = duckdb_prepared_statement_column_type(run->statement, i);
		enum lake_kind kind;
		bool has_kind = lake_duckdb_kind(type, &kind);

		buffer_printf(&text, has_kind ? "%s#%zu" : "%sCAST(#%zu AS VARCHAR)",
		    i == 0 ? "" : ", ", i + 1);
	}
	buffer_put_text(&text, " FROM (FROM query(");
	lake_duckdb_quote(&text, sql, '\'');
	buffer_put_char(&text, ')');
	status = put_order(run, &text, err);
	if (status != OK)
		goto out;
	buffer_put_char(&text, ')');
	buffer_put_char(&text, '\0');
	if (text.failed) {
		status = err_set(err, E_NOMEM, "no memory for the statement");
		goto out;
	}
	duckdb_destroy_prepare(&run->statement);
	status = prepare_only_statement(run, text.ptr, err);
	if (status == OK)
		status = check_statement(run, err);
out:
	buffer_fini(&text);
	return status;
}

static enum status prepare(struct run *run, struct err *err)
{
	const char *sql = arena_copy(&run->arena, run->query->sql);
	bool needs_cast = false;
	enum status status;

	if (sql == NULL)
		return err_set(err, E_NOMEM, "no memory for the statement");
	status = prepare_only_statement(run, sql, err);
	if (status == OK)
		status = check_statement(run, err);
	if (status == OK)
		status = make_columns(run, err);
	if (status == OK)
		status = type_columns(run, &needs_cast, err);
	if (status == OK && (needs_cast || run->query->order_count > 0))
		status = wrap(run, sql, needs_cast, err);
	return status;
}

/* --- Running ---------------------------------------------------------------------------------- */

static enum status execute(struct run *run, struct err *err)
{
	duckdb_pending_result pending = NULL;
	enum status status = OK;

	if (duckdb_pending_prepared_streaming(run->statement, &pending) != DuckDBSuccess) {
		status = fail_text(run, duckdb_pending_error(pending), err);
	} else {
		run->has_result = true;
		if (duckdb_execute_pending(pending, &run->result) != DuckDBSuccess)
			status = fail(run, duckdb_result_error_type(&run->result),
			    duckdb_result_error(&run->result), err);
	}
	duckdb_destroy_pending(&pending);
	return status;
}

static void view_chunk(struct run *run, duckdb_data_chunk chunk)
{
	for (size_t i = 0; i < run->column_count; i++) {
		duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
		duckdb_logical_type type = duckdb_vector_get_column_type(vector);
		struct lake_duckdb_vector *view = &run->vectors[i];

		view->type = duckdb_get_type_id(type);
		if (view->type == DUCKDB_TYPE_DECIMAL) {
			view->storage = duckdb_decimal_internal_type(type);
			view->scale = duckdb_decimal_scale(type);
		}
		view->data = duckdb_vector_get_data(vector);
		view->valid = duckdb_vector_get_validity(vector);
		duckdb_destroy_logical_type(&type);
	}
}

/* ${passed} rows of the result were before this chunk. */
static enum status give_rows(
    struct run *run, duckdb_data_chunk chunk, int64_t passed, bool *ret_more, struct err *err)
{
	size_t row_count = (size_t)duckdb_data_chunk_get_size(chunk);
	int64_t first = run->query->skip - passed;
	enum status status = OK;

	view_chunk(run, chunk);
	for (size_t row = first > 0 ? (size_t)first : 0; row < row_count && status == OK; row++) {
		if (passed + (int64_t)row - run->query->skip == run->query->rows_max) {
			*ret_more = true;
			return OK;
		}
		for (size_t i = 0; i < run->column_count; i++)
			run->values[i] = lake_duckdb_render(&run->vectors[i], row, run->texts[i]);
		status = run->sink->row(run->sink->ctx, run->values, err);
	}
	return status;
}

static enum status give_result(struct run *run, bool *ret_more, struct err *err)
{
	enum status status =
	    run->sink->columns(run->sink->ctx, run->columns, run->column_count, err);
	int64_t passed = 0;

	while (status == OK && !*ret_more) {
		duckdb_data_chunk chunk = duckdb_fetch_chunk(run->result);
		const char *message;

		if (chunk == NULL) {
			message = duckdb_result_error(&run->result);
			if (message != NULL && message[0] != '\0')
				status =
				    fail(run, duckdb_result_error_type(&run->result), message, err);
			break;
		}
		status = give_rows(run, chunk, passed, ret_more, err);
		passed += (int64_t)duckdb_data_chunk_get_size(chunk);
		duckdb_destroy_data_chunk(&chunk);
		/* A sink that is slow must not hold up commits for longer than the query may. */
		if (status == OK)
			status = check_time(run, err);
	}
	return status;
}

static enum status begin(struct run *run, struct err *err)
{
	enum status status = lake_duckdb_connect(run->db, &run->connection, err);

	if (status == OK)
		status = lake_duckdb_run(
		    run->connection, "BEGIN TRANSACTION READ ONLY", "begin a query", err);
	/* The others have it all. */
	if (status == E_NOMEM)
		status = say_too_large(err);
	run->is_begun = status == OK;
	if (status == OK) {
		run->watch.connection = run->connection;
		lake_duckdb_watch_start(run->db, &run->watch);
	}
	return status;
}

/* A result that was not read to its end, and a rollback, wait for the engine's threads that still
 * work for it; so it is watched until both are over. */
static void end(struct run *run)
{
	struct err ignored;

	if (run->has_result)
		duckdb_destroy_result(&run->result);
	duckdb_destroy_prepare(&run->statement);
	if (run->is_begun && lake_duckdb_run(run->connection, "ROLLBACK", "end", &ignored) != OK)
		log_event(LOG_LEVEL_DEBUG, "lake.rollback_failed", "reason=\"%s\"", ignored.text);
	lake_duckdb_watch_stop(run->db, &run->watch);
	duckdb_disconnect(&run->connection);
}

enum status lake_duckdb_query(struct lake *lake, const struct lake_query *query,
    const struct lake_sink *sink, bool *ret_more, struct err *err)
{
	struct run run = {.db = (struct lake_duckdb *)lake, .query = query, .sink = sink};
	enum lake_duckdb_role role;
	bool more = false;
	enum status status;

	if (query->sql.len > QUERY_BYTES_MAX)
		return err_set(err, E_INVALID, "the statement is too long");
	status = lake_duckdb_guard(run.db, query->sql, err);
	if (status != OK)
		return status;
	run.watch.deadline_us = clock_mono_us() + query->timeout_ms * 1000;
	run.watch.is_cancelled = query->is_cancelled;
	run.watch.cancel_ctx = query->cancel_ctx;
	status = lock(&run, err);
	if (status != OK)
		return status;
	arena_init(&run.arena, 8192);
	role = lake_duckdb_memory_role(LAKE_DUCKDB_QUERY);
	status = begin(&run, err);
	if (status == OK)
		status = prepare(&run, err);
	if (status == OK)
		status = execute(&run, err);
	if (status == OK)
		status = give_result(&run, &more, err);
	end(&run);
	rwlock_unlock(&run.db->commit_lock);
	arena_fini(&run.arena);
	(void)lake_duckdb_memory_role(role);
	lake_duckdb_memory_give_back();
	if (status == OK)
		*ret_more = more;
	return status;
}
