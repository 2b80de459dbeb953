/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lake in a DuckDB file: opening, closing, and the rules for writing that the other
 * lake_duckdb_*.c share.
 *
 * The commit lock.  While DuckDB commits an insert of a row group (122,880 rows) or more, other
 * connections see old and new rows together, even inside a transaction that was opened before.  So
 * a query holds the lock shared for its whole run, and COMMIT, that statement alone, holds it
 * exclusively (lake_dirty_read_test.c).
 *
 * Claims.  Two transactions that change one table would conflict at once, so a table has one
 * writer: applying, ensuring and dropping take a claim, an entry in a list that others wait for.
 * Different tables go in parallel.  DDL takes one more claim, since two transactions that make the
 * same schema conflict.
 *
 * Checkpoints.  DuckDB's automatic one runs inside COMMIT, which would make every query wait for it
 * (0.6 s where rows of old row groups have been deleted).  It is switched off by its threshold; a
 * thread of ours runs CHECKPOINT when the log has grown, with the writers' gate closed: readers go
 * on meanwhile, writers would wait in any case.  Large loads write their row groups straight into
 * the file at INSERT and add little to the log.
 *
 * Crash safety is DuckDB's: COMMIT returns after the log's fsync.  There is no second file of ours
 * to agree with it.
 *
 * Not here: reopening after a failure that DuckDB calls fatal (such as a failed fsync).  Every call
 * fails then until the process starts again, which replays the log.
 */
#include "lake/lake_duckdb.h"
#include "lake/lake_duckdb_db.h"
#include "lake/lake_duckdb_feed.h"
#include "lake/lake_duckdb_memory.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The log is brought into the file once it has this many bytes: replaying 16 MB at a start takes
 * well below 1 s. */
#define WAL_BYTES_CHECKPOINT (16 * 1024 * 1024)

/* How long a checkpoint waits for a moment without writers before it
 * closes the gate to new ones. */
#define CHECKPOINT_PATIENCE_US 2000000

/* --- Statements ------------------------------------------------------------------------------- */

void lake_duckdb_quote(struct buffer *sql, const char *name, char quote)
{
	buffer_put_char(sql, quote);
	for (; *name != '\0'; name++) {
		if (*name == quote)
			buffer_put_char(sql, quote);
		buffer_put_char(sql, *name);
	}
	buffer_put_char(sql, quote);
}

enum status lake_duckdb_fail(
    duckdb_error_type type, const char *message, const char *doing, struct err *err)
{
	enum status status = E_IO;

	if (message == NULL)
		message = "no reason given";
	if (strstr(message, strerror(ENOSPC)) != NULL ||
	    strstr(message, "max_temp_directory_size") != NULL)
		status = E_FULL;
	else if (type == DUCKDB_ERROR_OUT_OF_MEMORY ||
		 strncmp(message, "Out of Memory", strlen("Out of Memory")) == 0)
		status = E_NOMEM;
	if (status == E_NOMEM)
		lake_duckdb_memory_want();
	return err_set(err, status, "%s: %s", doing, message);
}

enum status lake_duckdb_connect(
    struct lake_duckdb *db, duckdb_connection *ret_connection, struct err *err)
{
	/* Whoever connects is one of our threads; a query says so itself. */
	if (lake_duckdb_memory_role(LAKE_DUCKDB_OURS) == LAKE_DUCKDB_QUERY)
		(void)lake_duckdb_memory_role(LAKE_DUCKDB_QUERY);
	/* No cache of them: one costs 4 microseconds. */
	if (duckdb_connect(db->database, ret_connection) != DuckDBSuccess)
		return err_set(err, E_IO, "connect to the lake failed");
	return OK;
}

static enum status run_for_result(duckdb_connection connection, const char *sql, const char *doing,
    duckdb_result *ret_result, struct err *err)
{
	duckdb_result result;
	enum status status;

	if (duckdb_query(connection, sql, &result) == DuckDBSuccess) {
		*ret_result = result;
		return OK;
	}
	status = lake_duckdb_fail(
	    duckdb_result_error_type(&result), duckdb_result_error(&result), doing, err);
	duckdb_destroy_result(&result);
	return status;
}

enum status lake_duckdb_run(
    duckdb_connection connection, const char *sql, const char *doing, struct err *err)
{
	duckdb_result result;
	enum status status = run_for_result(connection, sql, doing, &result, err);

	if (status == OK)
		duckdb_destroy_result(&result);
	return status;
}

enum status lake_duckdb_run_buffer(
    duckdb_connection connection, struct buffer *sql, const char *doing, struct err *err)
{
	buffer_put_char(sql, '\0');
	if (sql->failed)
		return err_set(err, E_NOMEM, "%s: no memory for the statement", doing);
	return lake_duckdb_run(connection, sql->ptr, doing, err);
}

enum status lake_duckdb_run_for_count(duckdb_connection connection, const char *sql,
    const char *doing, int64_t *ret_count, struct err *err)
{
	duckdb_result result;
	duckdb_data_chunk chunk;
	enum status status = run_for_result(connection, sql, doing, &result, err);

	if (status != OK)
		return status;
	chunk = duckdb_fetch_chunk(result);
	assert(chunk != NULL);
	assert(duckdb_data_chunk_get_size(chunk) == 1);
	assert(duckdb_column_type(&result, 0) == DUCKDB_TYPE_BIGINT);
	memcpy(ret_count, duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)),
	    sizeof(*ret_count));
	duckdb_destroy_data_chunk(&chunk);
	duckdb_destroy_result(&result);
	return OK;
}

enum status lake_duckdb_run_with(duckdb_connection connection, const char *sql,
    const char *const *texts, size_t count, const char *doing, duckdb_result *ret_result,
    struct err *err)
{
	duckdb_prepared_statement statement = NULL;
	duckdb_result result;
	enum status status = OK;

	if (duckdb_prepare(connection, sql, &statement) != DuckDBSuccess) {
		status = lake_duckdb_fail(
		    DUCKDB_ERROR_INVALID, duckdb_prepare_error(statement), doing, err);
		goto out;
	}
	for (size_t i = 0; i < count; i++) {
		if (duckdb_bind_varchar(statement, i + 1, texts[i]) != DuckDBSuccess) {
			status = err_set(err, E_NOMEM, "%s: bind a parameter", doing);
			goto out;
		}
	}
	if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess) {
		status = lake_duckdb_fail(
		    duckdb_result_error_type(&result), duckdb_result_error(&result), doing, err);
		duckdb_destroy_result(&result);
		goto out;
	}
	*ret_result = result;
out:
	duckdb_destroy_prepare(&statement);
	return status;
}

enum status lake_duckdb_run_buffer_with(duckdb_connection connection, struct buffer *sql,
    const char *const *texts, size_t count, const char *doing, duckdb_result *ret_result,
    struct err *err)
{
	buffer_put_char(sql, '\0');
	if (sql->failed)
		return err_set(err, E_NOMEM, "%s: no memory for the statement", doing);
	return lake_duckdb_run_with(connection, sql->ptr, texts, count, doing, ret_result, err);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static struct lake_duckdb_claim *find_claim_locked(const struct lake_duckdb *db, const char *name)
{
	struct lake_duckdb_claim *claim = db->claims;

	while (claim != NULL && strcasecmp(claim->name, name) != 0)
		claim = claim->next;
	return claim;
}

void lake_duckdb_claim(struct lake_duckdb *db, struct lake_duckdb_claim *claim, const char *name)
{
	struct lake_duckdb_claim *other;

	assert(claim->name == NULL);
	mutex_lock(&db->mutex);
	while ((other = find_claim_locked(db, name)) != NULL) {
		other->is_wanted = true;
		cond_wait(&db->changed, &db->mutex);
	}
	claim->name = name;
	claim->is_wanted = false;
	claim->next = db->claims;
	db->claims = claim;
	mutex_unlock(&db->mutex);
}

void lake_duckdb_unclaim(struct lake_duckdb *db, struct lake_duckdb_claim *claim)
{
	struct lake_duckdb_claim **link = &db->claims;

	if (claim->name == NULL)
		return;
	mutex_lock(&db->mutex);
	while (*link != claim)
		link = &(*link)->next;
	*link = claim->next;
	claim->name = NULL;
	cond_broadcast(&db->changed);
	mutex_unlock(&db->mutex);
}

void lake_duckdb_table_name(
    char ret_name[LAKE_DUCKDB_TABLE_NAME_BYTES], const char *connector, const char *object)
{
	int length = snprintf(ret_name, LAKE_DUCKDB_TABLE_NAME_BYTES, "%s.%s", connector, object);

	/* A name that was cut would be another table's claim. */
	assert(length > 0);
	assert(length < LAKE_DUCKDB_TABLE_NAME_BYTES);
}

void lake_duckdb_problems_name(
    char ret_name[LAKE_DUCKDB_PROBLEMS_NAME_BYTES], const char *connector, const char *object)
{
	int length = snprintf(ret_name, LAKE_DUCKDB_PROBLEMS_NAME_BYTES,
	    LAKE_PROBLEMS_PREFIX "%s.%s", connector, object);

	assert(length > 0);
	assert(length < (int)LAKE_DUCKDB_PROBLEMS_NAME_BYTES);
}

static void enter_gate(struct lake_duckdb *db)
{
	mutex_lock(&db->mutex);
	while (db->gate_is_closed)
		cond_wait(&db->changed, &db->mutex);
	db->writers++;
	mutex_unlock(&db->mutex);
}

static void leave_gate(struct lake_duckdb *db, bool wants_checkpoint)
{
	mutex_lock(&db->mutex);
	assert(db->writers > 0);
	db->writers--;
	if (wants_checkpoint)
		db->wants_checkpoint = true;
	cond_broadcast(&db->changed);
	mutex_unlock(&db->mutex);
}

enum status lake_duckdb_begin(struct lake_duckdb *db, duckdb_connection connection, struct err *err)
{
	enum status status;

	enter_gate(db);
	status = lake_duckdb_run(connection, "BEGIN TRANSACTION", "begin", err);
	if (status != OK)
		leave_gate(db, false);
	return status;
}

static bool log_is_long(const struct lake_duckdb *db)
{
	struct stat info;

	return stat(db->wal_path, &info) == 0 && info.st_size >= WAL_BYTES_CHECKPOINT;
}

enum status lake_duckdb_commit(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err)
{
	enum status status;

	rwlock_write(&db->commit_lock);
	status = lake_duckdb_run(connection, "COMMIT", "commit", err);
	rwlock_unlock(&db->commit_lock);
	if (status != OK) {
		lake_duckdb_rollback(db, connection);
		return status;
	}
	leave_gate(db, log_is_long(db));
	return OK;
}

void lake_duckdb_rollback(struct lake_duckdb *db, duckdb_connection connection)
{
	struct err ignored;

	/* A failure has ended the transaction already or the connection's end will. */
	if (lake_duckdb_run(connection, "ROLLBACK", "roll back", &ignored) != OK)
		log_event(LOG_LEVEL_DEBUG, "lake.rollback_failed", "reason=\"%s\"", ignored.text);
	leave_gate(db, false);
}

/* --- Checkpoints ------------------------------------------------------------------------------ */

static void checkpoint(struct lake_duckdb *db)
{
	duckdb_connection connection = NULL;
	struct err err;
	int64_t begin_us = clock_mono_us();
	enum status status = lake_duckdb_connect(db, &connection, &err);

	if (status == OK)
		status = lake_duckdb_run(connection, "CHECKPOINT", "checkpoint", &err);
	/* Nothing is lost by a failure: the log still holds it all, and
	 * the next commit asks again. */
	if (status != OK)
		log_event(LOG_LEVEL_WARN, "lake.checkpoint_failed", "reason=\"%s\"", err.text);
	else
		log_event(
		    LOG_LEVEL_DEBUG, "lake.checkpoint", "us=%" PRId64, clock_mono_us() - begin_us);
	duckdb_disconnect(&connection);
}

/* Wait until there is no writer: patiently at first, then with the gate closed to new ones. */
static void close_gate_locked(struct lake_duckdb *db)
{
	int64_t patient_until_us = clock_mono_us() + CHECKPOINT_PATIENCE_US;

	while (db->writers > 0 && !db->is_closing &&
	       cond_wait_until(&db->changed, &db->mutex, patient_until_us))
		continue;
	db->gate_is_closed = true;
	while (db->writers > 0)
		cond_wait(&db->changed, &db->mutex);
}

static void *run_checkpointer(void *ctx)
{
	struct lake_duckdb *db = ctx;

	mutex_lock(&db->mutex);
	while (!db->is_closing) {
		if (!db->wants_checkpoint) {
			cond_wait(&db->changed, &db->mutex);
			continue;
		}
		close_gate_locked(db);
		db->wants_checkpoint = false;
		mutex_unlock(&db->mutex);
		checkpoint(db);
		mutex_lock(&db->mutex);
		db->gate_is_closed = false;
		cond_broadcast(&db->changed);
	}
	mutex_unlock(&db->mutex);
	return NULL;
}

/* --- Marks ------------------------------------------------------------------------------------ */

static enum status mark_get(
    struct lake *lake, const char *job_id, struct lake_mark *ret_mark, struct err *err)
{
	struct lake_duckdb *db = (struct lake_duckdb *)lake;
	duckdb_connection connection = NULL;
	duckdb_result result;
	duckdb_data_chunk chunk = NULL;
	enum status status = lake_duckdb_connect(db, &connection, err);

	if (status != OK)
		return status;
	status = lake_duckdb_run_with(connection,
	    "SELECT processed, failed FROM " LAKE_DUCKDB_MARKS " WHERE job_id = ?", &job_id, 1,
	    "read a mark", &result, err);
	if (status != OK)
		goto out;
	chunk = duckdb_fetch_chunk(result);
	if (chunk == NULL || duckdb_data_chunk_get_size(chunk) == 0) {
		status = err_set(err, E_NOT_FOUND, "%s was not applied", job_id);
	} else {
		int64_t *processed = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
		int64_t *failed = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));

		*ret_mark = (struct lake_mark){*processed, *failed};
	}
	duckdb_destroy_data_chunk(&chunk);
	duckdb_destroy_result(&result);
out:
	duckdb_disconnect(&connection);
	return status;
}

static enum status mark_clear(struct lake *lake, struct err *err)
{
	struct lake_duckdb *db = (struct lake_duckdb *)lake;
	duckdb_connection connection = NULL;
	enum status status = lake_duckdb_connect(db, &connection, err);

	if (status != OK)
		return status;
	status = lake_duckdb_begin(db, connection, err);
	if (status != OK)
		goto out;
	/* Not TRUNCATE: loads may be adding marks at the same time, and
	 * a delete leaves those alone. */
	status = lake_duckdb_run(connection, "DELETE FROM " LAKE_DUCKDB_MARKS, "clear marks", err);
	if (status == OK)
		status = lake_duckdb_commit(db, connection, err);
	else
		lake_duckdb_rollback(db, connection);
out:
	duckdb_disconnect(&connection);
	return status;
}

/* --- Opening and closing
 * --------------------------------------------------------------------------------------- */

static void close_lake(struct lake *lake)
{
	struct lake_duckdb *db = (struct lake_duckdb *)lake;

	mutex_lock(&db->mutex);
	assert(db->claims == NULL);
	assert(db->watches == NULL);
	assert(db->feeds == NULL);
	db->is_closing = true;
	cond_broadcast(&db->changed);
	cond_broadcast(&db->watches_changed);
	mutex_unlock(&db->mutex);
	if (db->has_checkpointer)
		thread_join(db->checkpointer);
	if (db->has_timer)
		thread_join(db->timer);
	if (db->database != NULL) {
		checkpoint(db);
		duckdb_close(&db->database);
	}
	lake_duckdb_guard_fini(db);
	rwlock_fini(&db->commit_lock);
	cond_fini(&db->watches_changed);
	cond_fini(&db->changed);
	mutex_fini(&db->mutex);
	free(db->temp_path);
	free(db->wal_path);
	free(db->path);
	free(db);
}

static const struct lake_ops ops = {
    .close = close_lake,
    .table_ensure = lake_duckdb_table_ensure,
    .table_drop = lake_duckdb_table_drop,
    .load_begin = lake_duckdb_load_begin,
    .load_append = lake_duckdb_load_append,
    .load_problem = lake_duckdb_load_problem,
    .load_append_changes = lake_duckdb_load_append_changes,
    .load_commit = lake_duckdb_load_commit,
    .load_commit_position = lake_duckdb_load_commit_position,
    .load_is_in_the_way = lake_duckdb_load_is_in_the_way,
    .load_abort = lake_duckdb_load_abort,
    .problems_expire = lake_duckdb_problems_expire,
    .mark_get = mark_get,
    .mark_clear = mark_clear,
    .position_get = lake_duckdb_position_get,
    .position_forget = lake_duckdb_position_forget,
    .versions_get = lake_duckdb_versions_get,
    .query = lake_duckdb_query,
};

/* What a crash left in the folder for temporary data.  Only what DuckDB calls its own: should
 * somebody have given us a folder of theirs, its files stay. */
static enum status empty_temp(const char *path, struct err *err)
{
	static const char prefix[] = "duckdb_temp_";
	const struct dirent *entry;
	enum status status = OK;
	DIR *folder;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, errno, "make the folder %s", path);
	folder = opendir(path);
	if (folder == NULL)
		return err_errno(err, errno, "open the folder %s", path);
	while ((entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (unlinkat(dirfd(folder), entry->d_name, 0) != 0 && status == OK)
			status = err_errno(err, errno, "remove %s/%s", path, entry->d_name);
	}
	closedir(folder);
	return status;
}

static enum status configure(
    duckdb_config config, const struct lake_duckdb_options *options, struct err *err)
{
	char memory[32], threads[32];
	const char *const settings[][2] = {
	    {"memory_limit", memory},
	    {"threads", threads},
	    {"temp_directory", options->temp_path}, /* refused after external access is off */
	    {"preserve_insertion_order", "false"},  /* a quarter off the time of an INSERT */
	    /* Newer ways to store texts: a sixth off the time of an INSERT, for the same bytes. */
	    {"storage_compatibility_version", "v1.3.0"},
	    {"checkpoint_threshold", "1TB"}, /* never inside a COMMIT: see the top */
	    /* Rows found by so many row ids are read where they are and not searched for in the
	     * whole table: as many as a streaming request has records (lake_duckdb_change.c). */
	    {"dynamic_or_filter_threshold", "1000"},
	    {"max_expression_depth", "250"}, /* planning takes its cube: 1,000 terms are 7 s */
	    /* Doors that a query could go through. */
	    {"enable_external_access", "false"},
	    {"autoinstall_known_extensions", "false"},
	    {"autoload_known_extensions", "false"},
	    {"allow_community_extensions", "false"},
	    {"allow_unsigned_extensions", "false"},
	    {"allow_persistent_secrets", "false"},
	    {"lock_configuration", "true"},
	};

	snprintf(memory, sizeof(memory), "%" PRId64 "B", options->memory_bytes);
	snprintf(threads, sizeof(threads), "%" PRId64, options->threads);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (duckdb_set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess)
			return err_set(err, E_INVALID, "the lake's engine refuses %s=%s",
			    settings[i][0], settings[i][1]);
	}
	return OK;
}

struct opening {
	struct lake_duckdb *db;
	duckdb_config config;
	char *message;
	duckdb_state state;
};

/* The engine's own threads give way, as the one does that starts them: they compress what loads
 * bring.  A query's own thread works on it, too, and does not. */
static void *run_open(void *ctx)
{
	struct opening *opening = ctx;

	thread_give_way();
	opening->state = duckdb_open_ext(
	    opening->db->path, &opening->db->database, opening->config, &opening->message);
	return NULL;
}

static enum status open_database(
    struct lake_duckdb *db, const struct lake_duckdb_options *options, struct err *err)
{
	duckdb_config config = NULL;
	struct opening opening;
	pthread_t thread;
	enum status status;

	if (duckdb_create_config(&config) != DuckDBSuccess)
		return err_set(err, E_NOMEM, "no memory for the lake's settings");
	opening = (struct opening){.db = db, .config = config};
	status = configure(config, options, err);
	if (status == OK)
		status = thread_start(&thread, "lake-open", run_open, &opening, err);
	if (status == OK) {
		thread_join(thread);
		if (opening.state != DuckDBSuccess)
			status = lake_duckdb_fail(
			    DUCKDB_ERROR_IO, opening.message, "open the lake", err);
		duckdb_free(opening.message);
	}
	duckdb_destroy_config(&config);
	if (status != OK)
		return status;
	if (chmod(db->path, 0600) != 0)
		return err_errno(err, errno, "restrict %s", db->path);
	return OK;
}

static enum status prepare_database(struct lake_duckdb *db, struct err *err)
{
	duckdb_connection connection = NULL;
	int64_t is_ours = 0;
	enum status status = lake_duckdb_connect(db, &connection, err);

	if (status != OK)
		return status;
	/* The engine names the catalog after the file, and that name must
	 * be one that no connector has. */
	status = lake_duckdb_run_for_count(connection,
	    "SELECT (current_database() = 'lake')::BIGINT", "read the lake's name", &is_ours, err);
	if (status == OK && is_ours == 0)
		status = err_set(
		    err, E_INVALID, "%s: the file's name must be lake.<anything>", db->path);
	if (status == OK)
		status = lake_duckdb_run(connection,
		    "CREATE SCHEMA IF NOT EXISTS \"~sluice\";"
		    "CREATE TABLE IF NOT EXISTS " LAKE_DUCKDB_MARKS
		    " (job_id VARCHAR NOT NULL, processed BIGINT NOT NULL, failed BIGINT NOT NULL);"
		    "CREATE TABLE IF NOT EXISTS " LAKE_DUCKDB_POSITIONS
		    " (journal VARCHAR NOT NULL, position BIGINT NOT NULL)",
		    "make the tables of marks and positions", err);
	/* In this order: the guard refuses the functions that are there. */
	if (status == OK)
		status = lake_duckdb_feed_register(db, connection, err);
	if (status == OK)
		status = lake_duckdb_guard_init(db, connection, err);
	duckdb_disconnect(&connection);
	return status;
}

static struct lake_duckdb *make_lake(const struct lake_duckdb_options *options)
{
	struct lake_duckdb *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->lake.ops = &ops;
	db->threads = options->threads;
	rwlock_init(&db->commit_lock);
	mutex_init(&db->mutex);
	cond_init(&db->changed);
	cond_init(&db->watches_changed);
	db->path = strdup(options->path);
	db->temp_path = strdup(options->temp_path);
	if (asprintf(&db->wal_path, "%s.wal", options->path) < 0)
		db->wal_path = NULL;
	return db;
}

enum status lake_duckdb_open(
    const struct lake_duckdb_options *options, struct lake **ret_lake, struct err *err)
{
	struct lake_duckdb *db;
	struct lake *lake;
	enum status status;

	assert(options->path != NULL);
	assert(options->temp_path != NULL);
	assert(options->memory_bytes > 0);
	assert(options->threads > 0);
	/* A batch goes into a vector of the engine as it is. */
	assert(duckdb_vector_size() == BATCH_ROWS);

	db = make_lake(options);
	if (db == NULL)
		return err_set(err, E_NOMEM, "no memory for the lake");
	if (db->path == NULL || db->temp_path == NULL || db->wal_path == NULL) {
		status = err_set(err, E_NOMEM, "no memory for the lake");
		goto fail;
	}
	lake_duckdb_memory_limit(options->memory_bytes_max > 0
				     ? options->memory_bytes_max
				     : lake_duckdb_memory_default(options->memory_bytes));
	status = empty_temp(db->temp_path, err);
	if (status == OK)
		status = open_database(db, options, err);
	if (status == OK && !lake_duckdb_memory_is_seen())
		log_event(
		    LOG_LEVEL_WARN, "lake.memory_unseen", "engine=%s", duckdb_library_version());
	if (status == OK)
		status = prepare_database(db, err);
	if (status != OK)
		goto fail;
	status = thread_start(&db->checkpointer, "lake-checkpoint", run_checkpointer, db, err);
	if (status != OK)
		goto fail;
	db->has_checkpointer = true;
	status = thread_start(&db->timer, "lake-timer", lake_duckdb_timer_run, db, err);
	if (status != OK)
		goto fail;
	db->has_timer = true;
	*ret_lake = &db->lake;
	return OK;
fail:
	lake = &db->lake;
	close_lake(lake);
	return status;
}
