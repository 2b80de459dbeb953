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
 *		SELECT CAST(… AS VARCHAR) FROM query('…')
 *	stream	chunk by chunk, so that a large result is never whole in memory; stop at rows_max
 *	end	ROLLBACK, unlock
 *
 * Time.  One thread watches all running queries and interrupts those whose time is up.  An
 * interrupt only counts while the engine executes, and it forgets one that came before; so it is
 * repeated until the query is gone.  The time runs from the call, waiting for the lock included.
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
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How soon a late query is interrupted again. */
#define INTERRUPT_AGAIN_US 10000

/* How often the engine's memory is looked at while queries run (at a gigabyte a second 20 MB may
 * come between), and how long one that was ended has to give its own back before the next is
 * chosen. */
#define LOOK_US      20000
#define GIVE_BACK_US 100000

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

static void choose_too_large_locked(struct lake_duckdb *db, int64_t now_us)
{
	struct lake_duckdb_watch *watch = db->watches; /* the youngest */

	if (now_us < db->next_choice_us || !lake_duckdb_memory_is_over())
		return;
	while (watch != NULL && atomic_load(&watch->is_too_large))
		watch = watch->next;
	if (watch == NULL)
		return;
	atomic_store(&watch->is_too_large, true);
	db->next_choice_us = now_us + GIVE_BACK_US;
}

static int64_t interrupt_late_locked(struct lake_duckdb *db, int64_t now_us)
{
	int64_t next_us = db->watches == NULL ? INT64_MAX : now_us + LOOK_US;

	choose_too_large_locked(db, now_us);
	for (struct lake_duckdb_watch *watch = db->watches; watch != NULL; watch = watch->next) {
		int64_t due_us = atomic_load(&watch->is_too_large) ? now_us : watch->deadline_us;

		if (due_us <= now_us) {
			/* Sets a flag, no more; the connection lives
			 * as long as it is in the list. */
			duckdb_interrupt(watch->connection);
			due_us = now_us + INTERRUPT_AGAIN_US;
		}
		if (due_us < next_us)
			next_us = due_us;
	}
	return next_us;
}

void *lake_duckdb_timer_run(void *ctx)
{
	struct lake_duckdb *db = ctx;

	mutex_lock(&db->mutex);
	while (!db->is_closing) {
		int64_t next_us = interrupt_late_locked(db, clock_mono_us());

		if (next_us == INT64_MAX)
			cond_wait(&db->watches_changed, &db->mutex);
		else
			(void)cond_wait_until(&db->watches_changed, &db->mutex, next_us);
	}
	mutex_unlock(&db->mutex);
	return NULL;
}

static void start_watch(struct run *run)
{
	struct lake_duckdb *db = run->db;

	run->watch.connection = run->connection;
	mutex_lock(&db->mutex);
	run->watch.next = db->watches;
	db->watches = &run->watch;
	cond_signal(&db->watches_changed);
	mutex_unlock(&db->mutex);
}

static void stop_watch(struct run *run)
{
	struct lake_duckdb *db = run->db;
	struct lake_duckdb_watch **link = &db->watches;

	if (run->watch.connection == NULL)
		return;
	mutex_lock(&db->mutex);
	while (*link != &run->watch)
		link = &(*link)->next;
	*link = run->watch.next;
	mutex_unlock(&db->mutex);
	run->watch.connection = NULL;
}

static bool is_late(const struct run *run)
{
	return clock_mono_us() >= run->watch.deadline_us;
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
		return say_late(run, err);
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

/* Prepare the statement again inside one that casts what has no kind.  The engine's
 * query() takes it as a text, so that a comment or a semicolon at its end does no harm;
 * the order of its rows is kept. */
static enum status wrap(struct run *run, const char *sql, struct err *err)
{
	struct buffer text;
	enum status status;

	buffer_init(&text, 3 * QUERY_BYTES_MAX);
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
	buffer_put_text(&text, " FROM query(");
	lake_duckdb_quote(&text, sql, '\'');
	buffer_put_text(&text, ")");
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
	if (status == OK && needs_cast)
		status = wrap(run, sql, err);
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

static enum status give_rows(
    struct run *run, duckdb_data_chunk chunk, int64_t *given, bool *ret_more, struct err *err)
{
	size_t row_count = (size_t)duckdb_data_chunk_get_size(chunk);
	enum status status = OK;

	view_chunk(run, chunk);
	for (size_t row = 0; row < row_count && status == OK; row++) {
		if (*given == run->query->rows_max) {
			*ret_more = true;
			return OK;
		}
		for (size_t i = 0; i < run->column_count; i++)
			run->values[i] = lake_duckdb_render(&run->vectors[i], row, run->texts[i]);
		status = run->sink->row(run->sink->ctx, run->values, err);
		++*given;
	}
	return status;
}

static enum status give_result(struct run *run, bool *ret_more, struct err *err)
{
	enum status status =
	    run->sink->columns(run->sink->ctx, run->columns, run->column_count, err);
	int64_t given = 0;

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
		status = give_rows(run, chunk, &given, ret_more, err);
		duckdb_destroy_data_chunk(&chunk);
		/* A sink that is slow must not hold up commits for longer than the query may. */
		if (status == OK && is_late(run))
			status = say_late(run, err);
	}
	return status;
}

static enum status begin(struct run *run, struct err *err)
{
	enum status status = lake_duckdb_connect(run->db, &run->connection, err);

	if (status == OK)
		status = lake_duckdb_run(
		    run->connection, "BEGIN TRANSACTION READ ONLY", "begin a query", err);
	run->is_begun = status == OK;
	if (status == OK)
		start_watch(run);
	return status;
}

static void end(struct run *run)
{
	struct err ignored;

	stop_watch(run);
	if (run->has_result)
		duckdb_destroy_result(&run->result);
	duckdb_destroy_prepare(&run->statement);
	if (run->is_begun && lake_duckdb_run(run->connection, "ROLLBACK", "end", &ignored) != OK)
		log_event(LOG_LEVEL_DEBUG, "lake.rollback_failed", "reason=\"%s\"", ignored.text);
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
	role = lake_duckdb_memory_role(LAKE_DUCKDB_QUERY);
	run.watch.deadline_us = clock_mono_us() + query->timeout_ms * 1000;
	arena_init(&run.arena, 8192);
	rwlock_read(&run.db->commit_lock);
	status = is_late(&run) ? say_late(&run, err) : begin(&run, err);
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
