/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_DB_H
#define SLUICE_LAKE_LAKE_DUCKDB_DB_H

/*
 * What the files of the DuckDB lake share: the database, who may write what at the moment, and
 * small helpers for SQL.
 *
 *	lake_duckdb.c		open and close, errors, statements, claims, the commit lock,
 *				checkpoints, marks
 *	lake_duckdb_table.c	tables and views
 *	lake_duckdb_chunk.c	batches as the engine's vectors
 *	lake_duckdb_stage.c	batches into a temporary table
 *	lake_duckdb_feed.c	batches into a running INSERT
 *	lake_duckdb_load.c	a load's life; apply what a job brings, from a stage
 *	lake_duckdb_direct.c	apply what a job brings while it comes
 *	lake_duckdb_change.c	apply net changes
 *	lake_duckdb_position.c	how far a journal was applied
 *	lake_duckdb_version.c	versions of stored rows
 *	lake_duckdb_problem.c	problem records: stage and apply, and their end
 *	lake_duckdb_query.c	queries
 *	lake_duckdb_watch.c	the end of queries that are late or that nobody waits for
 *	lake_duckdb_guard.c	what a query's text may not say
 *	lake_duckdb_nesting.c	how deep it may be nested
 *	lake_duckdb_memory.c	what the engine allocates, and the limit on it
 *	lake_duckdb_render.c	values as text
 *
 * Locks, in the order in which they are taken:
 *	claim of a table, of its old problem	held over I/O, so they are entries in a list, not
 *	records, of a job or journal, of DDL	mutexes
 *	the writers' gate			as well
 *	commit_lock				shared by each query for its whole run; exclusive
 *						for COMMIT
 *	mutex					guards the lists; no I/O under it
 */

#include "base/arena.h"
#include "base/buffer.h"
#include "base/thread.h"
#include "lake/lake_ops.h"

#include <duckdb.h>
#include <stdatomic.h>

/* The schema of our own tables.  No connector's name holds a '~', so it collides with none. */
#define LAKE_DUCKDB_MARKS     "\"~sluice\".applied"
#define LAKE_DUCKDB_POSITIONS "\"~sluice\".positions"

/* The longest SQL text we make: 1,000 fields named three times in it. */
#define LAKE_DUCKDB_SQL_BYTES_MAX (1024 * 1024)

/* Something that one thread at a time may have: "connector.object",
 * "job …".  On its owner's stack. */
struct lake_duckdb_claim {
	const char *name;
	bool is_wanted; /* somebody waits for it; guarded by the lake's mutex */
	struct lake_duckdb_claim *next;
};

/* A running query, when it must end, and whether it may end before. */
struct lake_duckdb_watch {
	duckdb_connection connection;
	int64_t deadline_us;
	bool (*is_cancelled)(void *ctx); /* NULL: nobody can cancel it */
	void *cancel_ctx;
	atomic_bool cancelled;    /* it was: stays so */
	atomic_bool is_too_large; /* it was chosen to end when memory had run out */
	struct lake_duckdb_watch *next;
};

struct lake_duckdb {
	struct lake lake; /* first */
	duckdb_database database;
	char *path;
	char *wal_path;
	char *temp_path;
	int64_t threads;

	/* Function names that a query may not call, sorted; made at open, never changed. */
	char **refused;
	size_t refused_count;

	pthread_rwlock_t commit_lock;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	struct lake_duckdb_claim *claims;
	size_t writers;      /* transactions that change the file */
	bool gate_is_closed; /* a checkpoint runs or is to run: no new writer */
	bool wants_checkpoint;
	bool is_closing;
	pthread_cond_t watches_changed;
	struct lake_duckdb_feed *feeds;
	int64_t feeds_made;
	struct lake_duckdb_watch *watches;
	int64_t next_choice_us; /* the earliest time to choose one more that is too large */

	pthread_t checkpointer;
	bool has_checkpointer;
	pthread_t timer;
	bool has_timer;
};

/* --- Statements ------------------------------------------------------------------------------- */

/* ${name} as an identifier, in ${quote} '"', or ${name} as a text, in ${quote} '\'': the only way a
 * name gets into SQL. */
void lake_duckdb_quote(struct buffer *sql, const char *name, char quote);

/* What a failure of the engine is to us, with its text; not for queries. */
enum status lake_duckdb_fail(
    duckdb_error_type type, const char *message, const char *doing, struct err *err);

enum status lake_duckdb_connect(
    struct lake_duckdb *db, duckdb_connection *ret_connection, struct err *err) WARN_UNUSED;

/* Run SQL whose result is of no interest.  ${doing} goes in front of the text of a failure. */
enum status lake_duckdb_run(
    duckdb_connection connection, const char *sql, const char *doing, struct err *err) WARN_UNUSED;
enum status lake_duckdb_run_buffer(duckdb_connection connection, struct buffer *sql,
    const char *doing, struct err *err) WARN_UNUSED;

/* Run SQL that gives one integer. */
enum status lake_duckdb_run_for_count(duckdb_connection connection, const char *sql,
    const char *doing, int64_t *ret_count, struct err *err) WARN_UNUSED;

/* Run SQL with texts for its parameters; the caller destroys the result. */
enum status lake_duckdb_run_with(duckdb_connection connection, const char *sql,
    const char *const *texts, size_t count, const char *doing, duckdb_result *ret_result,
    struct err *err) WARN_UNUSED;

enum status lake_duckdb_run_buffer_with(duckdb_connection connection, struct buffer *sql,
    const char *const *texts, size_t count, const char *doing, duckdb_result *ret_result,
    struct err *err) WARN_UNUSED;

/* --- Writing ---------------------------------------------------------------------------------- */

/* Wait until nobody has ${name} (either case) and take it.  A claim's name must outlive it. */
void lake_duckdb_claim(struct lake_duckdb *db, struct lake_duckdb_claim *claim, const char *name);
/* Not claimed: nothing. */
void lake_duckdb_unclaim(struct lake_duckdb *db, struct lake_duckdb_claim *claim);

/* "connector.object", the name of a table's claim. */
#define LAKE_DUCKDB_TABLE_NAME_BYTES (2 * SCHEMA_NAME_BYTES_MAX + 2)
void lake_duckdb_table_name(
    char ret_name[LAKE_DUCKDB_TABLE_NAME_BYTES], const char *connector, const char *object);

/* "PR_connector.object", the name of the claim of a table's old problem records. */
#define LAKE_DUCKDB_PROBLEMS_NAME_BYTES                                                            \
	(LAKE_DUCKDB_TABLE_NAME_BYTES + sizeof(LAKE_PROBLEMS_PREFIX))
void lake_duckdb_problems_name(
    char ret_name[LAKE_DUCKDB_PROBLEMS_NAME_BYTES], const char *connector, const char *object);

/* Put the name of "connector"."object", or of the table of its problem records, catalog and all. */
void lake_duckdb_put_rows(struct buffer *sql, const char *connector, const char *object);
void lake_duckdb_put_problems(struct buffer *sql, const char *connector, const char *object);

/* BEGIN, and the end of what it began.  The commit takes the commit lock; when it fails it has
 * rolled back.  A rollback after a failure is safe in any state. */
enum status lake_duckdb_begin(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err) WARN_UNUSED;
enum status lake_duckdb_commit(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err) WARN_UNUSED;
void lake_duckdb_rollback(struct lake_duckdb *db, duckdb_connection connection);

/* Is the table there?  E_NOT_FOUND. */
enum status lake_duckdb_table_check(duckdb_connection connection, const char *connector,
    const char *object, struct err *err) WARN_UNUSED;
enum status lake_duckdb_table_ensure(
    struct lake *lake, const struct lake_table *table, struct err *err);
enum status lake_duckdb_table_drop(
    struct lake *lake, const char *connector, const char *object, struct err *err);

enum status lake_duckdb_load_begin(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, struct lake_load **ret_load, struct err *err);
enum status lake_duckdb_load_append(
    struct lake_load *load, const struct batch *batch, struct err *err);
enum status lake_duckdb_load_problem(
    struct lake_load *load, const struct lake_problem *problem, struct err *err);
enum status lake_duckdb_load_commit(
    struct lake_load *load, const struct lake_applied *jobs, size_t count, struct err *err);
bool lake_duckdb_load_is_in_the_way(const struct lake_load *load);
void lake_duckdb_load_abort(struct lake_load *load);
enum status lake_duckdb_load_append_changes(struct lake_load *load, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64], struct err *err);
enum status lake_duckdb_load_commit_position(
    struct lake_load *load, const char *journal, int64_t from, int64_t to, struct err *err);

enum status lake_duckdb_position_get(
    struct lake *lake, const char *journal, int64_t *ret_position, struct err *err);
enum status lake_duckdb_position_forget(struct lake *lake, const char *journal, struct err *err);
/* Move it inside a transaction, under the journal's claim.  E_CONFLICT: it is not ${from}. */
enum status lake_duckdb_position_move(duckdb_connection connection, const char *journal,
    int64_t from, int64_t to, struct err *err) WARN_UNUSED;
/* The name of a journal's claim, in the arena.  NULL: no memory. */
char *lake_duckdb_position_claim(struct arena *arena, const char *journal);

enum status lake_duckdb_versions_get(struct lake *lake, const struct lake_table *table,
    const struct batch *const *keys, size_t batch_count, struct lake_version *ret_versions,
    struct err *err);

enum status lake_duckdb_problems_expire(struct lake *lake, const char *connector,
    const char *object, int64_t before_us, int64_t *ret_removed, struct err *err);

/* The engine's name of a field's type, as it tells it back. */
const char *lake_duckdb_type_name(enum field_type type);

/* --- Queries ---------------------------------------------------------------------------------- */

enum status lake_duckdb_query(struct lake *lake, const struct lake_query *query,
    const struct lake_sink *sink, bool *ret_more, struct err *err);

/* How often it is asked whether a query was cancelled. */
#define LAKE_DUCKDB_CANCEL_US 50000

/* The thread that interrupts queries at their time, and cancelled ones. */
void *lake_duckdb_timer_run(void *ctx);

/* Interrupt what runs on ${watch}->connection when it is late or cancelled, again and again until
 * the watch is stopped.  Stopping one that was not started does nothing. */
void lake_duckdb_watch_start(struct lake_duckdb *db, struct lake_duckdb_watch *watch);
void lake_duckdb_watch_stop(struct lake_duckdb *db, struct lake_duckdb_watch *watch);

/* Ask now, on this thread. */
bool lake_duckdb_watch_is_cancelled(struct lake_duckdb_watch *watch);

/* Fill ${db}->refused from the engine's own list of functions. */
enum status lake_duckdb_guard_init(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err);
void lake_duckdb_guard_fini(struct lake_duckdb *db);

/* May the text be shown to the engine?  E_INVALID. */
enum status lake_duckdb_guard(
    const struct lake_duckdb *db, struct slice sql, struct err *err) WARN_UNUSED;

/* Is it nested no deeper than the engine can bear?  E_INVALID. */
enum status lake_duckdb_check_nesting(struct slice sql, struct err *err) WARN_UNUSED;

/* What a column of that type is on the wire; false: only the engine can write
 * its values, it must be cast. */
bool lake_duckdb_kind(duckdb_type type, enum lake_kind *ret_kind);

/* The engine's name of a type that has a kind, in ${text} if need be. */
const char *lake_duckdb_kind_type(duckdb_logical_type type, char *text, size_t bytes);

/* A vector of a type that has a kind. */
struct lake_duckdb_vector {
	duckdb_type type;
	duckdb_type storage; /* of a decimal */
	uint8_t scale;
	const void *data;
	const uint64_t *valid; /* NULL: all */
};

/* The value of row ${row} as text.  It lies in ${text} or in the vector. */
#define LAKE_DUCKDB_TEXT_BYTES 64
struct lake_value lake_duckdb_render(
    const struct lake_duckdb_vector *vector, size_t row, char text[LAKE_DUCKDB_TEXT_BYTES]);

#endif
