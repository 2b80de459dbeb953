/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_H
#define SLUICE_LAKE_LAKE_DUCKDB_H

#include "lake/lake.h"

struct lake_duckdb_options {
	const char *path;      /* of the database file */
	const char *temp_path; /* a folder for what does not fit into memory; emptied at open */
	int64_t memory_bytes;  /* for all loads and queries together */
	/* For that and what the engine does not count in it, such as the lists that a query makes
	 * up; 0: twice the above. */
	int64_t memory_bytes_max;
	int64_t threads;
};

/* The lake in one DuckDB file, made when it is not there.  One process at a time.  The caller
 * closes with lake_close, which brings all into the main file. */
enum status lake_duckdb_open(
    const struct lake_duckdb_options *options, struct lake **ret_lake, struct err *err) WARN_UNUSED;

#endif
