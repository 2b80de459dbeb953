/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_PROBLEM_H
#define SLUICE_LAKE_LAKE_DUCKDB_PROBLEM_H

/*
 * The problem records of one load, on the load's connection:
 *
 *	init -> add … -> close -> apply, inside the load's transaction -> fini
 *
 * One that gets none costs nothing.  Private to the DuckDB lake.
 */

#include "lake/lake_duckdb_db.h"

struct lake_duckdb_problems {
	duckdb_connection connection; /* the load's */
	duckdb_appender appender;     /* NULL before the first one, and after close */
	int64_t count;
	size_t bytes;       /* given to the appender since it was flushed */
	struct buffer text; /* what is stored instead of a text that can't be */
};

/* The columns of their table, in its order. */
#define LAKE_DUCKDB_PROBLEM_COLUMNS 8
extern const char
    *const lake_duckdb_problem_columns[LAKE_DUCKDB_PROBLEM_COLUMNS][2]; /* name, type */

void lake_duckdb_problems_init(struct lake_duckdb_problems *problems, duckdb_connection connection);
void lake_duckdb_problems_fini(struct lake_duckdb_problems *problems);

/* May the next one, of any size, need the connection? */
bool lake_duckdb_problems_need_connection(const struct lake_duckdb_problems *problems);

enum status lake_duckdb_problems_add(struct lake_duckdb_problems *problems,
    const struct lake_problem *problem, struct err *err) WARN_UNUSED;

/* No more of them. */
enum status lake_duckdb_problems_close(
    struct lake_duckdb_problems *problems, struct err *err) WARN_UNUSED;

/* Insert them into the table of the problem records of "connector"."object". */
enum status lake_duckdb_problems_apply(struct lake_duckdb_problems *problems, const char *connector,
    const char *object, struct err *err) WARN_UNUSED;

#endif
