/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_H
#define SLUICE_LAKE_LAKE_H

/*
 * The lake: typed rows in, SQL out.  A table a stream; a load changes a
 * table as a whole or not at all.
 *
 *	lake_load_begin -> lake_load_append … -> lake_load_commit | lake_load_abort
 *
 * Meaning of a load, row by row in the order of appending, the last row of a key wins:
 *	upsert	the row replaces the one of its key; with a version column only when its version is
 *		not older
 *	delete	the row of that key goes; with a version only when the one given is later than the
 *		stored one
 *
 *	direct	an upsert whose keys come once each and none of whose rows is older than the
 *		stored one: in half the time, as nothing is staged.  It takes the table from its
 *		first append to its end.  Append or commit says E_CONFLICT when it was no such
 *		load: nothing of it is in the lake, and it can be begun again as an upsert
 *
 *	change	net changes, each key once: a row takes the place of the one of its key, gives it
 *		some new values, or removes it; versions were compared by the caller
 *		(lake_versions_get)
 *
 * A load's rows and its mark ("job J is applied, with these counts"; of a change, the position in
 * its journal) become visible and durable in one step: that is the lake's half of exactly once.
 *
 * Beside each table "C"."O" stands "PR_C"."O" with the problem records of its loads: what was
 * refused, where it was and why.  They become visible and durable with the load's rows, in the same
 * step.
 *
 * Queries see all of a load or nothing of it.  Calls block; none belongs on an event thread.  Any
 * thread; one load is used by one thread at a time.  Two loads of one table at once are safe but
 * the later commit waits.
 */

#include "base/slice.h"
#include "base/status.h"
#include "convert/batch.h"
#include "schema/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lake;
struct lake_load;

/* All strings are borrowed for the call only.  Names are valid ones in the sense of schema.h. */
struct lake_table {
	const char *connector;
	const char *object;
	const struct field *fields;
	size_t field_count;
	size_t key_index; /* of the primary key among the fields */
	bool has_version;
	size_t version_index; /* of the record modified field, a date-time, when there is one */
};

enum lake_operation { LAKE_UPSERT, LAKE_UPSERT_DIRECT, LAKE_DELETE, LAKE_CHANGE };

struct lake_mark {
	int64_t records_processed;
	int64_t records_failed;
};

/* A job that a load applies, with its counts. */
struct lake_applied {
	const char *job_id;
	struct lake_mark mark;
};

/* So many jobs a load applies at most. */
#define LAKE_JOBS_MAX 64

/* A record that was refused.  Borrowed for the call only. */
struct lake_problem {
	const char *job_id; /* one of those that the load's commit names */
	int64_t part, line;
	struct slice field; /* its name; empty when the reason concerns the whole record: NULL */
	struct slice code, message;
	struct slice record; /* as CSV */
};

/* The tables of problem records: "PR_<connector>"."<object>". */
#define LAKE_PROBLEMS_PREFIX "PR_"

/* Of a problem record's text so many bytes are kept, cut at a whole character and ended with "…".
 * A vector of the engine holds 2,048 of them at once. */
#define LAKE_PROBLEM_BYTES_MAX 16384

/* No load is open any more, nobody is inside another call.  NULL is fine. */
void lake_close(struct lake **lake);

/* Has the lake a meaning of its own for ${connector} as the first half of "connector"."object": the
 * engine's names, "PR" and all that begins with "PR_"?  Then no connector may have that name.
 * Letters of either case are the same. */
bool lake_name_is_reserved(const char *connector);

/* Make the table and its view (<connector>_<object>__dll with columns <field>__c) and those of its
 * problem records (the same names behind PR_) when they are not there; add the columns that are not
 * there, NULL in the rows of before.  Never removes or changes one.  All of it or nothing.
 * Idempotent.  Waits for a commit on that table.  E_IO, E_FULL, E_CONFLICT (the stored type of a
 * field is another, or a view's name is taken: a.b_c and a_b.c would both have a_b_c__dll, and so
 * would names that differ in case only; or the connector's name is reserved, though some older
 * program let it pass). */
enum status lake_table_ensure(
    struct lake *lake, const struct lake_table *table, struct err *err) WARN_UNUSED;

/* Remove the table, its view, and those of its problem records.  Not there: OK. */
enum status lake_table_drop(
    struct lake *lake, const char *connector, const char *object, struct err *err) WARN_UNUSED;

/* Begin a load.  The batches of an upsert have the table's fields in order; those of a
 * delete the key, and the version when the table has one.  Copies what it needs of ${table},
 * which must have been ensured. */
enum status lake_load_begin(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, struct lake_load **ret_load, struct err *err) WARN_UNUSED;

/* Take the batch's rows; its text may go when this returns.  After a failure the load can only be
 * aborted.  E_CONFLICT: see LAKE_UPSERT_DIRECT above. */
enum status lake_load_append(
    struct lake_load *load, const struct batch *batch, struct err *err) WARN_UNUSED;

/* What a row of a LAKE_CHANGE load does to the one of its key. */
enum lake_change {
	LAKE_REPLACE, /* takes its place, or is new */
	LAKE_MERGE,   /* its given values take the place of the stored ones; without a stored row it
			 is new, and what is not given is NULL */
	LAKE_REMOVE,  /* it goes, if it is there; of the row only the key counts */
};

/* The same for a LAKE_CHANGE load, whose batches have the table's fields in order.  ${changes} says
 * of each row what it does.  ${given} has for each column the bits (as a batch's valid) of the rows
 * whose value is given; NULL when no row is a LAKE_MERGE.  No key may come twice in a load, that of
 * a LAKE_REMOVE included: the commit asserts it. */
enum status lake_load_append_changes(struct lake_load *load, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64],
    struct err *err) WARN_UNUSED;

/* Keep a problem record with the load: it becomes visible with its commit, which gives it that
 * time.  Bytes that are not UTF-8, and NULs, are stored as U+FFFD.  E_IO, E_FULL, E_NOMEM; after a
 * failure the load can only be aborted. */
enum status lake_load_problem(
    struct lake_load *load, const struct lake_problem *problem, struct err *err) WARN_UNUSED;

/* Apply the load with its problem records and its mark, durably, and end it either way.  On failure
 * nothing of it is in the lake.  E_IO, E_FULL; E_NOT_FOUND: the table was dropped meanwhile;
 * E_EXISTS: that job has a mark, it was applied before: nothing is changed; E_CONFLICT: see
 * LAKE_UPSERT_DIRECT above. */
enum status lake_load_commit(struct lake_load **load, const char *job_id,
    const struct lake_mark *mark, struct err *err) WARN_UNUSED;
/* The same for a load that has the rows of several jobs, one job's behind the other's: all of them
 * are applied, each with its mark, or none is. */
enum status lake_load_commit_jobs(struct lake_load **load, const struct lake_applied *jobs,
    size_t count, struct err *err) WARN_UNUSED;
/* Apply a LAKE_CHANGE load and move the journal's position from ${from} to ${to}, a later one,
 * durably, in one step, and end the load either way.  On failure nothing of it is in the lake.
 * E_IO, E_FULL; E_NOT_FOUND: the table was dropped meanwhile; E_CONFLICT: the position is not
 * ${from} (it was applied before): nothing is changed.  A load without rows moves the position
 * alone. */
enum status lake_load_commit_position(struct lake_load **load, const char *journal, int64_t from,
    int64_t to, struct err *err) WARN_UNUSED;
/* Does somebody wait for the end of the load: another change of its table, or of the lake's own?
 * For who keeps one open for longer than it takes to fill it.  Never blocks. */
bool lake_load_is_in_the_way(const struct lake_load *load);
/* Forget the load; nothing of it is in the lake.  NULL is fine. */
void lake_load_abort(struct lake_load **load);

/* Remove the problem records of a table that were committed before ${before_us}, durably, and say
 * how many there were.  With none to remove, or without such a table, nothing is written.  Does not
 * wait for loads.  E_IO, E_FULL. */
enum status lake_problems_expire(struct lake *lake, const char *connector, const char *object,
    int64_t before_us, int64_t *ret_removed, struct err *err) WARN_UNUSED;

/* Was the job applied?  E_NOT_FOUND: no. */
enum status lake_mark_get(
    struct lake *lake, const char *job_id, struct lake_mark *ret_mark, struct err *err) WARN_UNUSED;

/* Forget all marks: start-up, once no job needs them any more. */
enum status lake_mark_clear(struct lake *lake, struct err *err) WARN_UNUSED;

/* Up to where was the journal's log applied?  0: nothing of it was. */
enum status lake_position_get(
    struct lake *lake, const char *journal, int64_t *ret_position, struct err *err) WARN_UNUSED;
/* The log is gone: forget its position.  Not there: OK. */
enum status lake_position_forget(
    struct lake *lake, const char *journal, struct err *err) WARN_UNUSED;

/* What a key's row has in the record modified field. */
struct lake_version {
	bool is_there; /* the row */
	bool is_null;  /* its version */
	int64_t us;
};

/* The versions of the stored rows of some keys: ${keys} are ${batch_count} batches of one column,
 * the table's key, none NULL; ${ret_versions} has a place for each of their rows, in order.  The
 * table has a version.  One look for all of them, for each costs a pass over the stored keys.
 * E_NOT_FOUND: no such table. */
enum status lake_versions_get(struct lake *lake, const struct lake_table *table,
    const struct batch *const *keys, size_t batch_count, struct lake_version *ret_versions,
    struct err *err) WARN_UNUSED;

/* --- Queries ---------------------------------------------------------------------------------- */

/* What a result's column holds, by how it is told on the wire. */
enum lake_kind {
	LAKE_TEXT, /* anything that is written as text, also types that have no kind of their own */
	LAKE_INTEGER, /* up to 64 bits, digits */
	LAKE_NUMBER,  /* larger integer, or exact decimal with all places of its type: digits */
	LAKE_DOUBLE,  /* shortest digits that read back the same; "NaN", "Infinity", "-Infinity" */
	LAKE_BOOLEAN, /* "true", "false" */
	LAKE_DATE,    /* yyyy-MM-dd */
	LAKE_DATE_TIME, /* yyyy-MM-ddTHH:mm:ss.SSSSSSZ, the fraction as short as it is exact but of
			   3 digits at least */
};

struct lake_column {
	const char *name;
	enum lake_kind kind;
	const char *type; /* the engine's own name, such as DECIMAL(38,18) */
};

struct lake_value {
	bool is_null;
	struct slice text; /* in the form that the kind says */
};

/* Receives a result.  columns() comes once, before the rows; what it is given is valid until the
 * query ends, a row until row() returns.  Anything but OK ends the query, which returns it. */
struct lake_sink {
	enum status (*columns)(
	    void *ctx, const struct lake_column *columns, size_t count, struct err *err);
	enum status (*row)(void *ctx, const struct lake_value *values, struct err *err);
	void *ctx;
};

/* By which column rows are ordered: its place, from 1, or its name as the result has it (letters of
 * either case are the same; of several columns the first). */
struct lake_order {
	struct slice name; /* empty: by ${place} */
	int64_t place;
	bool descending;
	bool nulls_first;
};

struct lake_query {
	struct slice sql;
	int64_t timeout_ms;
	int64_t skip;     /* so many rows at its beginning are not given */
	int64_t rows_max; /* of those given; then it stops and says that there is more */
	/* The order of the rows, the first column before the second; none: the statement's own.
	 * Only for a SELECT, VALUES, WITH or FROM. */
	const struct lake_order *order;
	size_t order_count;
	/* Has whoever asked lost interest?  Asked a few times a second until the query ends, from
	 * this thread and from another, the latter under a lock of the lake's: it must not block,
	 * nor call the lake.  NULL: nobody can. */
	bool (*is_cancelled)(void *ctx);
	void *cancel_ctx;
};

/* Run one reading statement (SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE of tables) on one state
 * of the lake.  It can write nothing and reach no file, network or setting.  A commit waits for it,
 * so its time is bounded.  E_INVALID: the statement is wrong or not allowed, or has no such column to
 * order by: the text is for the person who wrote it; E_TIMEOUT; E_CANCELLED: is_cancelled() said
 * so; E_LIMIT: more memory than it may have. */
enum status lake_query(struct lake *lake, const struct lake_query *query,
    const struct lake_sink *sink, bool *ret_more, struct err *err) WARN_UNUSED;

#endif
