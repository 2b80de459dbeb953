/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_QUERY_RESULTS_H
#define SLUICE_QUERY_RESULTS_H

/*
 * A query's whole result, in batches.
 *
 *	results_run	the statement to its end, and the first batch; the rest is kept
 *	results_next	the next batch, by the id that came with the one before
 *	results_page	the older form: one answer, nothing is kept
 *
 * A statement runs to its end on one state of the lake before its first row is handed out: what
 * lands later does not show in later batches, and nothing of the lake is held while a client
 * fetches them, however slowly.  What is kept lies in memory while it is small, else in a file; it
 * goes once its last batch was taken, after an hour, or with the process.
 *
 * An id is good once, for who ran the query, for an hour from the query's end.
 *
 * Any thread; calls block on the lake and the disk.
 */

#include "base/buffer.h"
#include "base/status.h"
#include "base/uuid.h"
#include "catalog/catalog.h"
#include "lake/lake.h"

/* How long a result is kept, by the wall clock. */
#define RESULTS_KEPT_US INT64_C(3600000000)
/* A batch ends before the row with which it would have more; a larger row is a batch of its own. */
#define RESULTS_BATCH_BYTES_MAX (8 * 1024 * 1024)
/* One row as JSON. */
#define RESULTS_ROW_BYTES_MAX (64 * 1024 * 1024)
/* The metadata and one batch: what the buffer of an answer must take. */
#define RESULTS_ANSWER_BYTES_MAX (2 * RESULTS_ROW_BYTES_MAX + 1024 * 1024)
/* Results that are kept at a time. */
#define RESULTS_MAX 10000

struct results;

struct results_options {
	struct lake *lake; /* borrowed */
	const char *path;  /* a folder of ours alone; what is in it is removed */
	int64_t bytes_max; /* of all results that are kept or being written */
	int64_t rows_max;  /* of a batch */
	int64_t timeout_ms;
};

/* Make the folder if it is not there, empty it, and start the thread that removes what is an hour
 * old.  E_IO, E_NOMEM. */
enum status results_open(const struct results_options *options, struct results **ret_results,
    struct err *err) WARN_UNUSED;
/* Nobody is inside another call.  What is kept is removed.  NULL is fine. */
void results_close(struct results **results);

/* Borrowed for the call only. */
struct results_query {
	struct slice sql;
	const char *user_id;
	bool (*is_cancelled)(void *ctx); /* as in struct lake_query */
	void *cancel_ctx;
};

struct results_batch {
	struct buffer metadata; /* a JSON object */
	int64_t row_count;
	int64_t begun_us, ended_us; /* the query's */
	char query_id[UUID_TEXT_BYTES];
	char next_id[UUID_TEXT_BYTES]; /* empty: there is none, it is the last */
	bool done;
};

/* Before anything else, and after everything. */
void results_batch_init(struct results_batch *batch);
void results_batch_fini(struct results_batch *batch);

/* Run the statement and put the rows of the first batch, "[…],[…]", behind what is in ${rows}.
 * E_INVALID, E_TIMEOUT, E_CANCELLED, as lake_query(); E_LIMIT: it needs more memory than it may
 * have, or a row is too large; E_BUSY: there is no room to keep the result, the text says what would
 * help; E_FULL, E_IO, E_NOMEM. */
enum status results_run(struct results *results, const struct results_query *query,
    struct buffer *rows, struct results_batch *batch, struct err *err) WARN_UNUSED;

/* The batch of that id, once.  E_NOT_FOUND: there is none (never was, was taken, is too old), or it
 * is not ${user_id}'s; of two calls at once one gets it.  E_IO, E_NOMEM: the result is lost. */
enum status results_next(struct results *results, struct slice id, const char *user_id,
    struct buffer *rows, struct results_batch *batch, struct err *err) WARN_UNUSED;

/* Which rows of a result, in which order. */
struct results_page {
	const struct lake_order *order;
	size_t order_count;
	int64_t offset, limit;
};

/* Run the statement and put the page's rows as objects, "{…},{…}"; fewer than ${page}->limit when
 * they have more than RESULTS_BATCH_BYTES_MAX.  ${batch}->done: there are none behind these.  Errors
 * as results_run(). */
enum status results_page(struct results *results, const struct results_query *query,
    const struct results_page *page, struct buffer *rows, struct results_batch *batch,
    struct err *err) WARN_UNUSED;

/* Remove what is too old by the clock as it is now. */
void results_expire(struct results *results);

#endif
