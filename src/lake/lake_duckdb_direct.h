/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_DIRECT_H
#define SLUICE_LAKE_LAKE_DUCKDB_DIRECT_H

/*
 * A load of whole rows whose keys come once each, into the table itself (LAKE_UPSERT_DIRECT):
 *
 *	append …		the first claims the table and begins the transaction
 *	pause			the connection is free for other statements until the next append
 *	settle			all rows are in; those that they replace are gone
 *	fini			roll back what was not committed
 *
 * Private to the DuckDB lake; the fields are lake_duckdb_direct.c's own, but for is_open.
 */

#include "lake/lake_duckdb_feed.h"

struct load;

struct lake_duckdb_direct {
	bool is_open; /* the transaction: whoever ends it says so here */
	struct lake_duckdb_feed feed;
	bool has_inserter; /* a thread runs the statement */
	pthread_t inserter;
	enum status inserted; /* how its statement ended, once it has been joined */
	struct err reason;
	bool is_fed; /* something was put since the last statement */
	int64_t row_count;
	int64_t stored_count; /* rows of before */
	int64_t version_least;
	bool has_null_version;
};

void lake_duckdb_direct_init(struct load *load);
void lake_duckdb_direct_fini(struct load *load);

/* E_CONFLICT: not a load for this way. */
enum status lake_duckdb_direct_append(
    struct load *load, const struct batch *batch, struct err *err) WARN_UNUSED;
enum status lake_duckdb_direct_pause(struct load *load, struct err *err) WARN_UNUSED;
/* E_CONFLICT: a stored row is newer than the one that would replace it. */
enum status lake_duckdb_direct_settle(struct load *load, struct err *err) WARN_UNUSED;

#endif
