/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to the SQLite file, and queries on them: see catalog_sqlite_db.h.
 *
 * A statement is prepared at its first use on a connection and kept.  A query binds values in
 * order, steps, reads columns in order, and its end resets the statement, which also lets go of the
 * snapshot that it read from: the next query sees everything that was committed meanwhile, by
 * whatever process.
 *
 * The pool is a stack of idle connections.  Nobody waits for one: when it is empty another is
 * opened, and what comes back to a full pool is closed.
 *
 * What SQLite reports becomes a status here and nowhere else.
 */
#include "catalog/catalog_sqlite_db.h"

#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Idle readers to keep: about as many as there are threads that read at once;
 * each may hold 2 MB of pages. */
#define READERS_MAX 16

static const struct {
	const char *name;
	const char *text;
} statements[SQL_COUNT] = {
#define SQL(name, text) {#name, text},
#include "catalog/catalog_sqlite_sql.def"
#undef SQL
};

static enum status status_of(sqlite3 *db, int rc)
{
	int number = db == NULL ? 0 : sqlite3_system_errno(db);

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_FULL:
		return E_FULL;
	case SQLITE_IOERR:
		/* Growing the shared-memory file, and quotas, are not reported as SQLITE_FULL. */
		return number == ENOSPC || number == EDQUOT ? E_FULL : E_IO;
	default:
		return E_IO;
	}
}

enum status catalog_sqlite_error(sqlite3 *db, int rc, const char *what, struct err *err)
{
	/* The connection has the better text, but only for its own failure. */
	bool own = db != NULL && sqlite3_extended_errcode(db) == rc;

	assert(rc != SQLITE_OK);
	return err_set(err, status_of(db, rc), "catalog: %s: %s (SQLite %d)", what,
	    own ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc);
}

/* Durable at each commit; rows that are referred to stay; nothing spills into files elsewhere. */
static const char *const settings = "PRAGMA synchronous = FULL;"
				    "PRAGMA foreign_keys = ON;"
				    "PRAGMA temp_store = MEMORY;";

/* Without its count of all memory there is no mutex that all connections meet at. */
static void configure_sqlite(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum status conn_open(const char *path, bool read_only, struct conn **ret_conn, struct err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct conn *conn = calloc(1, sizeof(*conn));
	int rc;

	if (conn == NULL)
		return err_set(err, E_NOMEM, "catalog: open: no memory");
	pthread_once(&once, configure_sqlite);
	rc = sqlite3_open_v2(path, &conn->db, flags, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(conn->db, BUSY_TIMEOUT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(conn->db, settings, NULL, NULL, NULL);
	/* Not SQLITE_OPEN_READONLY: a reader must be able to take its
	 * locks in the shared memory. */
	if (rc == SQLITE_OK && read_only)
		rc = sqlite3_exec(conn->db, "PRAGMA query_only = ON", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		enum status status = catalog_sqlite_error(conn->db, rc, "open", err);

		conn_close(&conn);
		return status;
	}
	*ret_conn = conn;
	return OK;
}

void conn_close(struct conn **conn)
{
	int i, rc;

	if (*conn == NULL)
		return;
	for (i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize((*conn)->statements[i]);
	rc = sqlite3_close((*conn)->db);
	assert(rc == SQLITE_OK);
	free(*conn);
	*conn = NULL;
}

enum status conn_run(struct conn *conn, enum sql sql, struct err *err)
{
	struct query query;

	query_begin(&query, conn, sql);
	return query_run(&query, NULL, err);
}

enum status reader_take(struct catalog_sqlite *store, struct conn **ret_conn, struct err *err)
{
	struct conn *conn;

	mutex_lock(&store->read_mutex);
	conn = store->readers;
	if (conn != NULL) {
		store->readers = conn->next;
		store->reader_count--;
	}
	mutex_unlock(&store->read_mutex);
	if (conn == NULL)
		return conn_open(store->path, true, ret_conn, err);
	*ret_conn = conn;
	return OK;
}

void reader_give(struct catalog_sqlite *store, struct conn **conn)
{
	/* A snapshot that is still held would hide later commits and
	 * keep the log from being reused. */
	assert(sqlite3_txn_state((*conn)->db, NULL) == SQLITE_TXN_NONE);

	mutex_lock(&store->read_mutex);
	if (store->reader_count < READERS_MAX) {
		(*conn)->next = store->readers;
		store->readers = *conn;
		store->reader_count++;
		*conn = NULL;
	}
	mutex_unlock(&store->read_mutex);
	conn_close(conn);
}

void query_begin(struct query *query, struct conn *conn, enum sql sql)
{
	*query = (struct query){.conn = conn, .sql = sql, .rc = SQLITE_OK};
	if (conn->statements[sql] == NULL)
		query->rc = sqlite3_prepare_v3(conn->db, statements[sql].text, -1,
		    SQLITE_PREPARE_PERSISTENT, &conn->statements[sql], NULL);
	query->statement = conn->statements[sql];
}

void query_put_text(struct query *query, struct slice text)
{
	/* SQLite takes a NULL pointer for NULL, which is not an empty text. */
	const char *ptr = text.len == 0 ? "" : text.ptr;

	if (query->rc == SQLITE_OK)
		query->rc = sqlite3_bind_text64(
		    query->statement, ++query->put, ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void query_put_bytes(struct query *query, const void *bytes, size_t count)
{
	const void *ptr = count == 0 ? "" : bytes;

	if (query->rc == SQLITE_OK)
		query->rc =
		    sqlite3_bind_blob64(query->statement, ++query->put, ptr, count, SQLITE_STATIC);
}

void query_put_number(struct query *query, int64_t number)
{
	if (query->rc == SQLITE_OK)
		query->rc = sqlite3_bind_int64(query->statement, ++query->put, number);
}

bool query_row(struct query *query)
{
	int rc;

	if (query->rc != SQLITE_OK)
		return false;
	assert(query->put == sqlite3_bind_parameter_count(query->statement));
	rc = sqlite3_step(query->statement);
	query->column = 0;
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		query->rc = rc;
	return false;
}

/* The next column's bytes.  What is not there, or longer than ${most}, fails the query. */
static struct slice next_column(struct query *query, size_t most)
{
	int column = query->column++;
	struct slice bytes;

	if (query->rc != SQLITE_OK)
		return SLICE("");
	assert(column < sqlite3_data_count(query->statement));
	bytes.ptr = sqlite3_column_blob(query->statement, column);
	bytes.len = (size_t)sqlite3_column_bytes(query->statement, column);
	if (bytes.len == 0) {
		/* An empty value has no pointer; nor has one for which there is no memory. */
		if (sqlite3_errcode(query->conn->db) == SQLITE_NOMEM)
			query->rc = SQLITE_NOMEM;
		return SLICE("");
	}
	if (bytes.len > most) {
		query->rc = SQLITE_CORRUPT;
		return SLICE("");
	}
	return bytes;
}

void query_get_text(struct query *query, char *ret_text, size_t room)
{
	struct slice text = next_column(query, room - 1);

	memcpy(ret_text, text.ptr, text.len);
	ret_text[text.len] = '\0';
}

void query_get_bytes(struct query *query, void *ret_bytes, size_t count)
{
	struct slice bytes = next_column(query, count);

	if (bytes.len != count)
		query_fail(query, SQLITE_CORRUPT);
	else
		memcpy(ret_bytes, bytes.ptr, count);
}

struct slice query_get_slice(struct query *query, struct arena *arena)
{
	struct slice bytes = next_column(query, SIZE_MAX);
	char *copy = arena_copy(arena, bytes);

	if (copy == NULL) {
		query_fail(query, SQLITE_NOMEM);
		return SLICE("");
	}
	return (struct slice){copy, bytes.len};
}

int64_t query_get_number(struct query *query)
{
	int column = query->column++;

	if (query->rc != SQLITE_OK)
		return 0;
	assert(column < sqlite3_data_count(query->statement));
	return sqlite3_column_int64(query->statement, column);
}

unsigned query_get_enum(struct query *query, unsigned count)
{
	int64_t number = query_get_number(query);

	if (number < 0 || number >= count) {
		query_fail(query, SQLITE_CORRUPT);
		return 0;
	}
	return (unsigned)number;
}

void query_fail(struct query *query, int rc)
{
	if (query->rc == SQLITE_OK)
		query->rc = rc;
}

enum status query_end(struct query *query, struct err *err)
{
	enum status status = OK;

	/* The text first: a reset wipes it. */
	if (query->rc != SQLITE_OK)
		status = catalog_sqlite_error(
		    query->conn->db, query->rc, statements[query->sql].name, err);
	if (query->statement != NULL) {
		sqlite3_reset(query->statement);
		sqlite3_clear_bindings(query->statement);
	}
	return status;
}

enum status query_run(struct query *query, int *ret_changes, struct err *err)
{
	enum status status;

	while (query_row(query))
		;
	status = query_end(query, err);
	if (status == OK && ret_changes != NULL)
		*ret_changes = sqlite3_changes(query->conn->db);
	return status;
}

void *catalog_sqlite_grow(
    struct arena *arena, void *array, size_t count, size_t *room, size_t bytes)
{
	size_t more = *room == 0 ? 8 : *room * 2;
	void *grown;

	if (count < *room)
		return array;
	grown = arena_array(arena, more, bytes);
	if (grown == NULL)
		return NULL;
	if (count > 0)
		memcpy(grown, array, count * bytes);
	*room = more;
	return grown;
}
