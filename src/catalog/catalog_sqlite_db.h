/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_CATALOG_SQLITE_DB_H
#define SLUICE_CATALOG_CATALOG_SQLITE_DB_H

/*
 * The inside of the SQLite catalog, shared by the files catalog_sqlite*.c and by nobody else:
 *
 *	catalog_sqlite.c	opening (format, file mode), closing, the table of operations
 *	…_db.c			connections, queries, the pool of readers, SQLite's errors as ours
 *	…_commit.c		group commit
 *	…_connector.c		connectors, streams
 *	…_access.c		users, apps, tokens
 *	…_job.c			jobs and parts, one at a time
 *	…_list.c		many jobs: lists and walks
 *	…_schema.h, …_sql.def	the tables; all statements
 *
 * A reading call borrows a connection of the pool for its statements and never waits for a
 * writer.  A changing call hands a function to catalog_sqlite_write(), which runs it on
 * the one connection that writes.
 */

#include "catalog/catalog_ops.h"

#include <pthread.h>
#include <sqlite3.h>

/* How long to wait for another process that writes.  Such a write takes milliseconds. */
#define BUSY_TIMEOUT_MS 10000

enum sql {
#define SQL(name, text) SQL_##name,
#include "catalog/catalog_sqlite_sql.def"
#undef SQL
	SQL_COUNT,
};

/* One connection with its prepared statements.  One thread at a time. */
struct conn {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT]; /* NULL until first used */
	struct conn *next;                   /* in the pool */
};

struct write;

struct catalog_sqlite {
	struct catalog catalog; /* first: the contract's part */
	char *path;             /* absolute, so that a later chdir() does no harm */
	struct conn *writer;    /* the leader's */

	pthread_mutex_t write_mutex; /* guards the next three */
	bool leading;                /* somebody is leader, and alone uses ${writer} */
	struct write *first, **last; /* waiting, oldest first */

	pthread_mutex_t read_mutex; /* guards the next two */
	struct conn *readers;       /* idle ones */
	int reader_count;
};

static inline struct catalog_sqlite *store_of(struct catalog *catalog)
{
	return (struct catalog_sqlite *)(void *)catalog;
}

/* --- Connections ------------------------------------------------------------------------------ */

/* ${rc} of SQLite, met on ${db} (NULL: none) while doing ${what}, as a status and a text. */
enum status catalog_sqlite_error(sqlite3 *db, int rc, const char *what, struct err *err);

/* The file must be there.  A ${read_only} connection refuses to change anything. */
enum status conn_open(
    const char *path, bool read_only, struct conn **ret_conn, struct err *err) WARN_UNUSED;
void conn_close(struct conn **conn);

/* Run a statement that has no values and gives no rows. */
enum status conn_run(struct conn *conn, enum sql sql, struct err *err) WARN_UNUSED;

/* Borrow a connection for reading; give it back with all queries ended. */
enum status reader_take(
    struct catalog_sqlite *store, struct conn **ret_conn, struct err *err) WARN_UNUSED;
void reader_give(struct catalog_sqlite *store, struct conn **conn);

/* --- Queries ---------------------------------------------------------------------------------- */

/*
 *	query_begin -> query_put_… for each value -> query_row -> query_get_… for each column,
 *	next query_row … -> query_end
 *
 * A failure sticks: after it no row comes, what is got is empty, and query_end says what it was.
 * query_end comes always, and before the memory goes that was put.
 */
struct query {
	struct conn *conn;
	sqlite3_stmt *statement;
	enum sql sql;
	int rc;     /* of the first failure, else SQLITE_OK */
	int put;    /* values so far */
	int column; /* the next of this row */
};

void query_begin(struct query *query, struct conn *conn, enum sql sql);
void query_put_text(struct query *query, struct slice text);
void query_put_bytes(struct query *query, const void *bytes, size_t count);
void query_put_number(struct query *query, int64_t number);

bool query_row(struct query *query);

/* Into an array of ${room} bytes, with a NUL.  Too long a text is a corrupt file. */
void query_get_text(struct query *query, char *ret_text, size_t room);
/* Exactly ${count} bytes. */
void query_get_bytes(struct query *query, void *ret_bytes, size_t count);
/* Any number of bytes, into the arena. */
struct slice query_get_slice(struct query *query, struct arena *arena);
int64_t query_get_number(struct query *query);
/* A number below ${count}. */
unsigned query_get_enum(struct query *query, unsigned count);

/* Give up for a reason of the caller's, such as SQLITE_NOMEM. */
void query_fail(struct query *query, int rc);

enum status query_end(struct query *query, struct err *err) WARN_UNUSED;

/* For statements that change: all rows, then the end.  ${ret_changes} (or NULL)
 * is how many rows it changed. */
enum status query_run(struct query *query, int *ret_changes, struct err *err) WARN_UNUSED;

/* --- Group commit ----------------------------------------------------------------------------- */

/* A change.  It may fail with any status, and is then undone alone.  It may run on another caller's
 * thread, and what it did may fail to commit; so it writes to ${ctx} only, and the caller looks
 * there once it knows. */
typedef enum status write_fn(struct conn *conn, void *ctx, struct err *err);

/* Run ${run} in a transaction, perhaps together with others', and return once it is durable. */
enum status catalog_sqlite_write(
    struct catalog_sqlite *store, write_fn *run, void *ctx, struct err *err) WARN_UNUSED;

/* --- The operations --------------------------------------------------------------------------- */

/* Room for one more element of ${bytes} in an array in the arena that has ${count} of ${room};
 * grows it by copying.  NULL when there is no memory. */
void *catalog_sqlite_grow(
    struct arena *arena, void *array, size_t count, size_t *room, size_t bytes) WARN_UNUSED;

/* Read the columns of JOB_COLUMNS.  ${ret_no} is the row's number. */
void catalog_sqlite_read_job(struct query *query, int64_t *ret_no, struct job *ret_job);
/* The row of a job that is not marked as deleted.  E_NOT_FOUND. */
enum status catalog_sqlite_read_row(struct conn *conn, struct slice id, int64_t *ret_no,
    struct job *ret_job, struct err *err) WARN_UNUSED;
/* E_CONFLICT, with the job's state. */
enum status catalog_sqlite_refuse_state(const struct job *job, struct err *err);

enum status catalog_sqlite_connector_put(struct catalog *catalog, struct slice name,
    struct slice document, int64_t revision_now, struct err *err);
enum status catalog_sqlite_connector_get(struct catalog *catalog, struct slice name,
    struct arena *arena, struct catalog_connector *ret_connector, struct err *err);
enum status catalog_sqlite_connector_list(struct catalog *catalog, struct arena *arena,
    struct catalog_connector **ret_connectors, size_t *ret_count, struct err *err);
enum status catalog_sqlite_connector_delete(
    struct catalog *catalog, struct slice name, struct err *err);
enum status catalog_sqlite_stream_put(
    struct catalog *catalog, const struct stream *stream, bool *ret_created, struct err *err);
enum status catalog_sqlite_stream_get(struct catalog *catalog, struct slice connector,
    struct slice object, struct stream *ret_stream, struct err *err);
enum status catalog_sqlite_stream_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct stream **ret_streams, size_t *ret_count, struct err *err);
enum status catalog_sqlite_dropped_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct catalog_table **ret_tables, size_t *ret_count, struct err *err);
enum status catalog_sqlite_dropped_forget(
    struct catalog *catalog, const struct catalog_table *table, struct err *err);
enum status catalog_sqlite_org_get(
    struct catalog *catalog, char ret_org[CATALOG_ORG_BYTES], struct err *err);
enum status catalog_sqlite_user_add(
    struct catalog *catalog, struct catalog_user *user, struct err *err);
enum status catalog_sqlite_user_find(
    struct catalog *catalog, struct slice name, struct catalog_user *ret_user, struct err *err);
enum status catalog_sqlite_user_get(
    struct catalog *catalog, struct slice id, struct catalog_user *ret_user, struct err *err);
enum status catalog_sqlite_user_set_password(
    struct catalog *catalog, struct slice name, const char *password, struct err *err);
enum status catalog_sqlite_user_delete(struct catalog *catalog, struct slice name,
    struct arena *arena, struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
enum status catalog_sqlite_user_list(struct catalog *catalog, struct arena *arena,
    struct catalog_user **ret_users, size_t *ret_count, struct err *err);
enum status catalog_sqlite_app_add(
    struct catalog *catalog, struct catalog_app *app, struct err *err);
enum status catalog_sqlite_app_find(
    struct catalog *catalog, struct slice client_id, struct catalog_app *ret_app, struct err *err);
enum status catalog_sqlite_app_set_secret(struct catalog *catalog, struct slice name,
    const unsigned char secret_hash[CATALOG_HASH_BYTES], struct err *err);
enum status catalog_sqlite_app_delete(struct catalog *catalog, struct slice name,
    struct arena *arena, struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
enum status catalog_sqlite_app_list(struct catalog *catalog, struct arena *arena,
    struct catalog_app **ret_apps, size_t *ret_count, struct err *err);
enum status catalog_sqlite_token_add(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], const char *name, unsigned scopes,
    int64_t expires_us, struct err *err);
enum status catalog_sqlite_token_issue(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], const struct catalog_assertion *assertion,
    struct catalog_token *token, struct err *err);
enum status catalog_sqlite_token_find(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], struct catalog_token *ret_token, struct err *err);
enum status catalog_sqlite_token_used(
    struct catalog *catalog, int64_t id, int64_t now_us, bool *ret_first, struct err *err);
enum status catalog_sqlite_token_revoke(
    struct catalog *catalog, int64_t id, size_t *ret_count, struct err *err);
enum status catalog_sqlite_token_list(struct catalog *catalog, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
enum status catalog_sqlite_access_expire(
    struct catalog *catalog, int64_t now_us, size_t count_max, size_t *ret_count, struct err *err);
enum status catalog_sqlite_job_create(struct catalog *catalog, const struct job *job,
    const struct catalog_quota *quota, struct catalog_quota_hit *ret_hit, struct err *err);
enum status catalog_sqlite_job_get(
    struct catalog *catalog, struct slice id, struct job *ret_job, struct err *err);
enum status catalog_sqlite_job_first_closed(struct catalog *catalog, struct slice connector,
    struct slice object, struct job *ret_job, struct err *err);
enum status catalog_sqlite_job_move(struct catalog *catalog, struct slice id,
    const struct catalog_job_move *move, struct job *ret_job, struct err *err);
enum status catalog_sqlite_job_move_all(struct catalog *catalog,
    const struct catalog_job_step *steps, size_t count, struct job *ret_jobs, struct err *err);
enum status catalog_sqlite_job_claim(struct catalog *catalog, const struct catalog_claim *claim,
    struct job *ret_jobs, size_t *ret_count, int64_t *ret_ready_us, struct err *err);
enum status catalog_sqlite_job_delete(
    struct catalog *catalog, struct slice id, unsigned from, struct job *ret_job, struct err *err);
enum status catalog_sqlite_job_remove(struct catalog *catalog, struct slice id, struct err *err);
enum status catalog_sqlite_job_list(struct catalog *catalog,
    const struct catalog_job_filter *filter, struct arena *arena, struct job **ret_jobs,
    size_t *ret_count, int64_t *ret_total, struct err *err);
enum status catalog_sqlite_job_each(struct catalog *catalog, unsigned states, bool deleted,
    catalog_job_fn *visit, void *ctx, struct err *err);
enum status catalog_sqlite_job_aged(struct catalog *catalog, enum job_state state,
    int64_t before_us, int64_t limit, struct arena *arena, char (**ret_ids)[UUID_TEXT_BYTES],
    size_t *ret_count, struct err *err);
enum status catalog_sqlite_part_find(struct catalog *catalog, struct slice job_id, struct slice key,
    struct part *ret_part, struct err *err);
enum status catalog_sqlite_part_add(struct catalog *catalog, struct slice job_id, struct part *part,
    int64_t part_max, enum job_state *ret_state, struct err *err);
enum status catalog_sqlite_part_list(struct catalog *catalog, struct slice job_id,
    struct arena *arena, struct part **ret_parts, size_t *ret_count, struct err *err);

#endif
