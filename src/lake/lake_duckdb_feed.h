/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_FEED_H
#define SLUICE_LAKE_LAKE_DUCKDB_FEED_H

/*
 * A feed: batches that one thread puts in and the engine's threads take out, as the rows of a table
 * function, while they run an INSERT:
 *
 *	lake_duckdb_feed_register(db, connection)	once: the function, for all connections
 *
 *	init -> [ put … , end ] … -> fini
 *	         the statement that reads the feed, in another thread, or after the end
 *
 * So rows go from the converters into a table's row groups without a stage in between, on as many
 * threads as the engine has, and the engine compresses while the next batch is converted.  It holds
 * a few batches only; who puts waits for room.  Private to the DuckDB lake.
 */

#include "lake/lake_duckdb_db.h"

struct feed_chunk;

struct lake_duckdb_feed {
	struct lake_duckdb *db;
	int64_t id;                   /* the function's argument */
	const enum field_type *types; /* of the batches' columns; somebody else's */
	size_t column_count;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	struct feed_chunk *free;
	struct feed_chunk *first; /* to be taken */
	struct feed_chunk *last;
	size_t chunk_count; /* all there are */
	size_t full_count;  /* to be taken */
	bool has_ended;     /* no more for this statement */
	bool is_over;       /* its statement has ended, or must end: nobody will take any more */

	struct lake_duckdb_feed *next; /* in the db's list, under its mutex */
};

/* Make the function known to the engine. */
enum status lake_duckdb_feed_register(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err) WARN_UNUSED;

/* ${types} is kept, not copied. */
void lake_duckdb_feed_init(struct lake_duckdb_feed *feed, struct lake_duckdb *db,
    const enum field_type *types, size_t column_count);
/* No statement reads it any more. */
void lake_duckdb_feed_fini(struct lake_duckdb_feed *feed);

/* Put the expression that reads it, for a FROM; its columns are c0, c1, … */
void lake_duckdb_feed_put_source(const struct lake_duckdb_feed *feed, struct buffer *sql);

/* Does a put find room at once? */
bool lake_duckdb_feed_has_room(struct lake_duckdb_feed *feed);
/* Take a copy of the batch's rows; waits for room.  E_CANCELLED: the feed is over.  E_NOMEM. */
enum status lake_duckdb_feed_put(
    struct lake_duckdb_feed *feed, const struct batch *batch, struct err *err) WARN_UNUSED;
/* No more for this statement: it ends when it has taken all. */
void lake_duckdb_feed_end(struct lake_duckdb_feed *feed);
/* Nobody will take any more: whoever puts, or would take, is told.  Of a statement that still runs
 * it makes a failure. */
void lake_duckdb_feed_stop(struct lake_duckdb_feed *feed);
/* Ready for the next statement, after the end of one that took all. */
void lake_duckdb_feed_again(struct lake_duckdb_feed *feed);

#endif
