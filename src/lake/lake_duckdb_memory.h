/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_MEMORY_H
#define SLUICE_LAKE_LAKE_DUCKDB_MEMORY_H

/*
 * A limit on all that DuckDB allocates, also on what its own memory_limit does not count.  One for
 * the process, since allocators are.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* On whose behalf a thread allocates.  Threads of the engine itself never say. */
enum lake_duckdb_role { LAKE_DUCKDB_ENGINE, LAKE_DUCKDB_QUERY, LAKE_DUCKDB_OURS };

/* From now on queries get no more than ${bytes_max} together with all else. */
void lake_duckdb_memory_limit(int64_t bytes_max);

/* The calling thread's role from here on; the one it had. */
enum lake_duckdb_role lake_duckdb_memory_role(enum lake_duckdb_role role);

/* What the engine has now; exact to some 100 KB a thread.  Any thread, never blocks. */
int64_t lake_duckdb_memory_used(void);

/* A thread that works for a load, a commit or a checkpoint found no memory: queries are to make room,
 * some at a time for a tenth of a second.  From a query's thread: nothing. */
void lake_duckdb_memory_want(void);

/* So much is used that refusing alone did not help, or room is wanted: queries have to end. */
bool lake_duckdb_memory_is_over(void);

/* Are the engine's allocations seen at all?  Once it has been opened. */
bool lake_duckdb_memory_is_seen(void);

/* Called by the engine, on a thread of the engine or a query: as if there were no memory, by an
 * exception of C++.  On another thread: nothing. */
void lake_duckdb_memory_fail(void);

/* At the end of a query: if much was used since the last call and is no more, give the system what
 * the allocators keep.  Some milliseconds then, else nothing. */
void lake_duckdb_memory_give_back(void);

/* How much the engine may have where ${bytes} are its own limit. */
int64_t lake_duckdb_memory_default(int64_t bytes);

#endif
