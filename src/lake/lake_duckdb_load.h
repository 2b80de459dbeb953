/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_DUCKDB_LOAD_H
#define SLUICE_LAKE_LAKE_DUCKDB_LOAD_H

/*
 * A load as the files of the DuckDB lake see it: lake_duckdb_load.c begins, fills and ends each and
 * applies those of jobs; lake_duckdb_change.c applies net changes.
 */

#include "lake/key_set.h"
#include "lake/lake_duckdb_direct.h"
#include "lake/lake_duckdb_problem.h"
#include "lake/lake_duckdb_stage.h"

struct load {
	struct lake_load base; /* first */
	struct lake_duckdb *db;
	struct arena arena; /* names and types */
	const char *connector;
	const char *object;
	const char **names; /* of the table's columns that the batches have */
	bool has_version;
	size_t version;

	duckdb_connection connection;
	struct lake_duckdb_stage stage;   /* "stage" */
	struct lake_duckdb_stage partial; /* "partial": of changes, the batches with merges */
	struct key_set keys;              /* of an upsert: its repetitions must go */
	struct lake_duckdb_direct direct; /* of LAKE_UPSERT_DIRECT, instead of a stage */
	struct lake_duckdb_problems problems;

	char table_name[LAKE_DUCKDB_TABLE_NAME_BYTES]; /* the claim's */
	struct lake_duckdb_claim table_claim;
	struct lake_duckdb_claim mark_claim; /* of the job or the journal */
	struct buffer sql;
};

/* Free all of it and give its claims back. */
void lake_duckdb_load_destroy(struct load *load);

/* Claim the load's table, unless it has the claim. */
void lake_duckdb_load_claim_table(struct load *load);

/* Claim the load's table, and then what it moves together with its rows: ${mark_name}, which must
 * outlive the load. */
void lake_duckdb_load_claim(struct load *load, const char *mark_name);

/* Run the statement in ${load}->sql and empty it. */
enum status lake_duckdb_load_run(struct load *load, const char *doing, struct err *err) WARN_UNUSED;

/* The same for one that gives an integer. */
enum status lake_duckdb_load_count(
    struct load *load, const char *doing, int64_t *ret_count, struct err *err) WARN_UNUSED;

/* Put parts of a statement: the table's name; t."name", the stored side of a comparison;
 * t."key" = s.c0; the names of all columns as a list. */
void lake_duckdb_load_put_table(struct load *load);
void lake_duckdb_load_put_stored(struct load *load, size_t column);
void lake_duckdb_load_put_same_key(struct load *load);
void lake_duckdb_load_put_names(const struct load *load, struct buffer *sql);

#endif
