/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of streams and the views that show them by the hosted service's names.
 *
 *	schema "connector", table "object", column "field"	the data
 *	view main."connector_object__dll", column "field__c"	the same under the other names
 *	the same two behind "PR_"				the problem records of its loads
 *
 * The four come and go together, in one transaction.  Ensuring runs before every load, so two
 * look-ups tell whether all is there.
 *
 * A view carries a comment that says whose it is ("connector.object" in that spelling): two
 * streams whose names run together to the same view's name, or that differ in case only, are told
 * apart by it and the later is refused.
 *
 * No primary key: with one a load takes twice the time and the file twice the room, and deletes
 * take 4.4 times as long.  That a key is there once is the work of the apply in lake_duckdb_load.c.
 *
 * Never removes a column and never changes a type.
 */
#include "lake/lake_duckdb_problem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* All DDL, one at a time: two transactions that make the same schema conflict. */
#define DDL_CLAIM "ddl"

#define SCHEMA_BYTES (sizeof(LAKE_PROBLEMS_PREFIX) + SCHEMA_NAME_BYTES_MAX)
#define VIEW_BYTES   (SCHEMA_BYTES + SCHEMA_NAME_BYTES_MAX + sizeof("___dll"))
#define OWNER_BYTES  (sizeof("problem records of ") + LAKE_DUCKDB_TABLE_NAME_BYTES)

/* A table and its view. */
struct relation {
	char schema[SCHEMA_BYTES];
	const char *table;
	char view[VIEW_BYTES];
	char owner[OWNER_BYTES]; /* the view's comment */
	bool has_table;
	bool has_view;
};

struct change {
	struct lake_duckdb *db;
	duckdb_connection connection;
	struct relation rows;
	struct relation problems;
	char name[LAKE_DUCKDB_TABLE_NAME_BYTES];
	char problems_name[LAKE_DUCKDB_PROBLEMS_NAME_BYTES];
	struct lake_duckdb_claim table_claim;
	struct lake_duckdb_claim problems_claim;
	struct lake_duckdb_claim ddl_claim;
	struct buffer sql;
};

const char *lake_duckdb_type_name(enum field_type type)
{
	static const char *const names[] = {
	    [FIELD_STRING] = "VARCHAR",
	    [FIELD_NUMBER] = "DECIMAL(38,18)",
	    [FIELD_INTEGER] = "BIGINT",
	    [FIELD_BOOLEAN] = "BOOLEAN",
	    [FIELD_DATE] = "DATE",
	    [FIELD_DATE_TIME] = "TIMESTAMP",
	};

	assert((size_t)type < sizeof(names) / sizeof(names[0]));
	return names[type];
}

static void put_name(struct buffer *sql, const char *schema, const char *table)
{
	lake_duckdb_quote(sql, schema, '"');
	buffer_put_char(sql, '.');
	lake_duckdb_quote(sql, table, '"');
}

void lake_duckdb_put_rows(struct buffer *sql, const char *connector, const char *object)
{
	buffer_put_text(sql, "lake.");
	put_name(sql, connector, object);
}

void lake_duckdb_put_problems(struct buffer *sql, const char *connector, const char *object)
{
	char schema[SCHEMA_BYTES];

	assert(strlen(connector) <= SCHEMA_NAME_BYTES_MAX);
	snprintf(schema, sizeof(schema), LAKE_PROBLEMS_PREFIX "%s", connector);
	lake_duckdb_put_rows(sql, schema, object);
}

/* The names of a stream's table and view, or those of its problem records. */
static void name_relation(struct relation *relation, const char *prefix, const char *connector,
    const char *object, const char *owner)
{
	assert(strlen(connector) <= SCHEMA_NAME_BYTES_MAX);
	assert(strlen(object) <= SCHEMA_NAME_BYTES_MAX);
	relation->table = object;
	snprintf(relation->schema, sizeof(relation->schema), "%s%s", prefix, connector);
	snprintf(relation->view, sizeof(relation->view), "%s%s_%s__dll", prefix, connector, object);
	snprintf(relation->owner, sizeof(relation->owner), "%s%s.%s", owner, connector, object);
}

/* Asked for each load and several times a second for a stream: the description takes 20
 * microseconds, the list of tables 500 and more for each table that there is.  But only the list
 * tells that a table is not there from that nothing could be read. */
enum status lake_duckdb_table_check(
    duckdb_connection connection, const char *connector, const char *object, struct err *err)
{
	const char *params[] = {connector, object};
	duckdb_table_description description = NULL;
	duckdb_result result;
	bool is_there = duckdb_table_description_create_ext(
			    connection, "lake", connector, object, &description) == DuckDBSuccess;
	enum status status;

	duckdb_table_description_destroy(&description);
	if (is_there)
		return OK;
	status = lake_duckdb_run_with(connection,
	    "SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND "
	    "lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
	    params, 2, "find the table", &result, err);
	if (status != OK)
		return status;
	if (duckdb_row_count(&result) == 0)
		status = err_set(err, E_NOT_FOUND, "the table %s.%s is gone", connector, object);
	duckdb_destroy_result(&result);
	return status;
}

/* Claim the table and all DDL, and begin. */
static enum status begin_change(struct change *change, struct lake_duckdb *db,
    const char *connector, const char *object, struct err *err)
{
	enum status status;

	*change = (struct change){.db = db};
	name_relation(&change->rows, "", connector, object, "");
	name_relation(
	    &change->problems, LAKE_PROBLEMS_PREFIX, connector, object, "problem records of ");
	buffer_init(&change->sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	lake_duckdb_table_name(change->name, connector, object);
	lake_duckdb_problems_name(change->problems_name, connector, object);
	lake_duckdb_claim(db, &change->table_claim, change->name);
	lake_duckdb_claim(db, &change->problems_claim, change->problems_name);
	lake_duckdb_claim(db, &change->ddl_claim, DDL_CLAIM);
	status = lake_duckdb_connect(db, &change->connection, err);
	if (status == OK)
		status = lake_duckdb_begin(db, change->connection, err);
	if (status != OK) {
		duckdb_disconnect(&change->connection);
		lake_duckdb_unclaim(db, &change->ddl_claim);
		lake_duckdb_unclaim(db, &change->problems_claim);
		lake_duckdb_unclaim(db, &change->table_claim);
		buffer_fini(&change->sql);
	}
	return status;
}

/* Commit when ${status} is OK and something was done, else roll back; give the claims back. */
static enum status end_change(
    struct change *change, enum status status, bool is_changed, struct err *err)
{
	if (status == OK && is_changed)
		status = lake_duckdb_commit(change->db, change->connection, err);
	else
		lake_duckdb_rollback(change->db, change->connection);
	duckdb_disconnect(&change->connection);
	lake_duckdb_unclaim(change->db, &change->ddl_claim);
	lake_duckdb_unclaim(change->db, &change->problems_claim);
	lake_duckdb_unclaim(change->db, &change->table_claim);
	buffer_fini(&change->sql);
	return status;
}

static enum status run(struct change *change, const char *doing, struct err *err)
{
	enum status status = lake_duckdb_run_buffer(change->connection, &change->sql, doing, err);

	buffer_reset(&change->sql);
	return status;
}

/* --- What is there ---------------------------------------------------------------------------- */

/* Which of the two views are there?  E_CONFLICT: one is somebody else's; has_view says of the other
 * then what it says at all. */
static enum status read_views(struct change *change, struct err *err)
{
	struct relation *const relations[] = {&change->problems, &change->rows};
	const char *params[] = {change->rows.view, change->problems.view};
	duckdb_result result;
	enum status status = lake_duckdb_run_with(change->connection,
	    "SELECT view_name, coalesce(comment, '') FROM duckdb_views() WHERE database_name = "
	    "'lake' AND schema_name = 'main' AND NOT internal AND lower(view_name) IN (lower(?), "
	    "lower(?))",
	    params, 2, "read the views", &result, err);

	if (status != OK)
		return status;
	for (idx_t i = 0; i < duckdb_row_count(&result); i++) {
		char *view = duckdb_value_varchar(&result, 0, i);
		char *owner = duckdb_value_varchar(&result, 1, i);

		for (size_t j = 0; j < 2; j++) {
			if (strcasecmp(view, relations[j]->view) != 0)
				continue;
			relations[j]->has_view = strcmp(owner, relations[j]->owner) == 0;
			if (!relations[j]->has_view)
				status = err_set(err, E_CONFLICT,
				    "the view %s is already that of %s", relations[j]->view, owner);
		}
		duckdb_free(owner);
		duckdb_free(view);
	}
	duckdb_destroy_result(&result);
	return status;
}

/* The columns of both tables, each with its schema, name and type. */
static enum status read_columns(struct change *change, duckdb_result *ret_result, struct err *err)
{
	const char *params[] = {change->rows.table, change->rows.schema, change->problems.schema};

	return lake_duckdb_run_with(change->connection,
	    "SELECT schema_name, column_name, data_type FROM duckdb_columns() WHERE "
	    "database_name = 'lake' AND lower(table_name) = lower(?) AND lower(schema_name) IN "
	    "(lower(?), lower(?)) ORDER BY column_index",
	    params, 3, "read the tables' columns", ret_result, err);
}

/* Is row ${row} of read_columns() of the relation's table? */
static bool is_column_of(const struct relation *relation, duckdb_result *columns, idx_t row)
{
	char *schema = duckdb_value_varchar(columns, 0, row);
	bool is_of = strcasecmp(schema, relation->schema) == 0;

	duckdb_free(schema);
	return is_of;
}

static void find_tables(struct change *change, duckdb_result *columns)
{
	for (idx_t i = 0; i < duckdb_row_count(columns); i++) {
		if (is_column_of(&change->rows, columns, i))
			change->rows.has_table = true;
		else
			change->problems.has_table = true;
	}
}

/* --- Making ----------------------------------------------------------------------------------- */

static enum status begin_table(
    struct change *change, const struct relation *relation, struct err *err)
{
	enum status status;

	buffer_put_text(&change->sql, "CREATE SCHEMA IF NOT EXISTS ");
	lake_duckdb_quote(&change->sql, relation->schema, '"');
	status = run(change, "make the schema", err);
	if (status != OK)
		return status;
	buffer_put_text(&change->sql, "CREATE TABLE ");
	put_name(&change->sql, relation->schema, relation->table);
	return OK;
}

static void put_column(struct change *change, size_t i, const char *name, const char *type)
{
	buffer_put_text(&change->sql, i == 0 ? " (" : ", ");
	lake_duckdb_quote(&change->sql, name, '"');
	buffer_printf(&change->sql, " %s", type);
}

/* How a column is kept, where the engine's own choice costs more than it brings (bench/RESULTS.md,
 * 2026-11-24).  It looks for a dictionary in every column of texts; where each text comes once
 * there is none, and looking takes twice as long as all else that is done with the column.  And of a
 * DECIMAL(38,18) it packs the bits, 9 bytes of 16, which takes as long as all else, too. */
static const char *compression_of(enum field_type type, bool is_key)
{
	if (type == FIELD_STRING && is_key)
		return " USING COMPRESSION zstd";
	return type == FIELD_NUMBER ? " USING COMPRESSION uncompressed" : "";
}

static enum status make_table(
    struct change *change, const struct lake_table *table, struct err *err)
{
	enum status status = begin_table(change, &change->rows, err);

	if (status != OK)
		return status;
	for (size_t i = 0; i < table->field_count; i++) {
		put_column(
		    change, i, table->fields[i].name, lake_duckdb_type_name(table->fields[i].type));
		buffer_put_text(
		    &change->sql, compression_of(table->fields[i].type, i == table->key_index));
	}
	buffer_put_char(&change->sql, ')');
	return run(change, "make the table", err);
}

static enum status add_column(struct change *change, const struct field *field, struct err *err)
{
	buffer_put_text(&change->sql, "ALTER TABLE ");
	put_name(&change->sql, change->rows.schema, change->rows.table);
	buffer_put_text(&change->sql, " ADD COLUMN ");
	lake_duckdb_quote(&change->sql, field->name, '"');
	buffer_printf(&change->sql, " %s%s", lake_duckdb_type_name(field->type),
	    compression_of(field->type, false));
	return run(change, "add a column", err);
}

/* One pass over the stored columns a field: a thousand of each at most, and
 * only when a schema changes. */
static enum status add_columns(struct change *change, const struct lake_table *table,
    duckdb_result *stored, bool *ret_is_changed, struct err *err)
{
	idx_t count = duckdb_row_count(stored);
	bool is_there = false;
	enum status status = OK;

	for (size_t i = 0; i < table->field_count && status == OK; i++) {
		const struct field *field = &table->fields[i];

		is_there = false;
		for (idx_t j = 0; j < count && !is_there; j++) {
			char *name, *type;

			if (!is_column_of(&change->rows, stored, j))
				continue;
			name = duckdb_value_varchar(stored, 1, j);
			type = duckdb_value_varchar(stored, 2, j);
			is_there = strcasecmp(name, field->name) == 0;
			if (is_there && strcmp(type, lake_duckdb_type_name(field->type)) != 0)
				status =
				    err_set(err, E_CONFLICT, "field %s is stored as %s, not as %s",
					field->name, type, lake_duckdb_type_name(field->type));
			duckdb_free(name);
			duckdb_free(type);
		}
		if (status == OK && !is_there) {
			status = add_column(change, field, err);
			*ret_is_changed = true;
		}
	}
	return status;
}

static void begin_view(struct change *change, const struct relation *relation)
{
	buffer_put_text(&change->sql, "CREATE OR REPLACE VIEW main.");
	lake_duckdb_quote(&change->sql, relation->view, '"');
	buffer_put_text(&change->sql, " AS SELECT");
}

static void put_view_column(struct change *change, bool is_first, const char *field)
{
	char name[SCHEMA_NAME_BYTES_MAX + sizeof("__c")];

	assert(strlen(field) <= SCHEMA_NAME_BYTES_MAX);
	strcpy(name, field);
	strcat(name, "__c");
	buffer_put_text(&change->sql, is_first ? " " : ", ");
	lake_duckdb_quote(&change->sql, field, '"');
	buffer_put_text(&change->sql, " AS ");
	lake_duckdb_quote(&change->sql, name, '"');
}

static enum status end_view(struct change *change, const struct relation *relation, struct err *err)
{
	enum status status;

	buffer_put_text(&change->sql, " FROM lake.");
	put_name(&change->sql, relation->schema, relation->table);
	status = run(change, "make the view", err);
	if (status != OK)
		return status;
	buffer_put_text(&change->sql, "COMMENT ON VIEW main.");
	lake_duckdb_quote(&change->sql, relation->view, '"');
	buffer_put_text(&change->sql, " IS ");
	lake_duckdb_quote(&change->sql, relation->owner, '\'');
	return run(change, "mark the view", err);
}

/* Over the columns that the table now has, so that one of before that the caller does not name
 * stays visible. */
static enum status make_view(struct change *change, struct err *err)
{
	duckdb_result columns;
	bool is_first = true;
	enum status status = read_columns(change, &columns, err);

	if (status != OK)
		return status;
	begin_view(change, &change->rows);
	for (idx_t i = 0; i < duckdb_row_count(&columns); i++) {
		char *field;

		if (!is_column_of(&change->rows, &columns, i))
			continue;
		field = duckdb_value_varchar(&columns, 1, i);
		put_view_column(change, is_first, field);
		is_first = false;
		duckdb_free(field);
	}
	duckdb_destroy_result(&columns);
	return end_view(change, &change->rows, err);
}

static enum status ensure_rows(struct change *change, const struct lake_table *table,
    duckdb_result *stored, bool *ret_is_changed, struct err *err)
{
	bool is_changed = false;
	enum status status;

	if (change->rows.has_table) {
		status = add_columns(change, table, stored, &is_changed, err);
	} else {
		status = make_table(change, table, err);
		is_changed = true;
	}
	if (status == OK && (is_changed || !change->rows.has_view)) {
		status = make_view(change, err);
		is_changed = true;
	}
	if (is_changed)
		*ret_is_changed = true;
	return status;
}

static enum status ensure_problems(struct change *change, bool *ret_is_changed, struct err *err)
{
	enum status status = OK;

	if (!change->problems.has_table) {
		status = begin_table(change, &change->problems, err);
		if (status != OK)
			return status;
		for (size_t i = 0; i < LAKE_DUCKDB_PROBLEM_COLUMNS; i++)
			put_column(change, i, lake_duckdb_problem_columns[i][0],
			    lake_duckdb_problem_columns[i][1]);
		buffer_put_char(&change->sql, ')');
		status = run(change, "make the table of problem records", err);
		*ret_is_changed = true;
	}
	if (status != OK || change->problems.has_view)
		return status;
	*ret_is_changed = true;
	begin_view(change, &change->problems);
	for (size_t i = 0; i < LAKE_DUCKDB_PROBLEM_COLUMNS; i++)
		put_view_column(change, i == 0, lake_duckdb_problem_columns[i][0]);
	return end_view(change, &change->problems, err);
}

enum status lake_duckdb_table_ensure(
    struct lake *lake, const struct lake_table *table, struct err *err)
{
	struct change change;
	duckdb_result stored;
	bool is_changed = false;
	enum status status =
	    begin_change(&change, (struct lake_duckdb *)lake, table->connector, table->object, err);

	if (status != OK)
		return status;
	status = read_views(&change, err);
	if (status == OK)
		status = read_columns(&change, &stored, err);
	if (status != OK)
		goto out;
	find_tables(&change, &stored);
	status = ensure_rows(&change, table, &stored, &is_changed, err);
	if (status == OK)
		status = ensure_problems(&change, &is_changed, err);
	duckdb_destroy_result(&stored);
out:
	return end_change(&change, status, is_changed, err);
}

/* --- Dropping --------------------------------------------------------------------------------- */

/* Drop the schema when the table was its last: a connector that is gone leaves no name behind. */
static enum status drop_empty_schema(
    struct change *change, const struct relation *relation, struct err *err)
{
	const char *params[] = {relation->schema};
	duckdb_result result;
	enum status status = lake_duckdb_run_with(change->connection,
	    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND "
	    "lower(schema_name) = lower(?) LIMIT 1",
	    params, 1, "read the schema", &result, err);
	bool is_empty;

	if (status != OK)
		return status;
	is_empty = duckdb_row_count(&result) == 0;
	duckdb_destroy_result(&result);
	if (!is_empty)
		return OK;
	buffer_put_text(&change->sql, "DROP SCHEMA IF EXISTS ");
	lake_duckdb_quote(&change->sql, relation->schema, '"');
	return run(change, "drop the schema", err);
}

static enum status drop_relation(
    struct change *change, const struct relation *relation, struct err *err)
{
	enum status status;

	buffer_put_text(&change->sql, "DROP VIEW main.");
	lake_duckdb_quote(&change->sql, relation->view, '"');
	status = run(change, "drop the view", err);
	if (status != OK)
		return status;
	buffer_put_text(&change->sql, "DROP TABLE IF EXISTS ");
	put_name(&change->sql, relation->schema, relation->table);
	status = run(change, "drop the table", err);
	return status == OK ? drop_empty_schema(change, relation, err) : status;
}

enum status lake_duckdb_table_drop(
    struct lake *lake, const char *connector, const char *object, struct err *err)
{
	struct change change;
	bool is_changed;
	enum status status =
	    begin_change(&change, (struct lake_duckdb *)lake, connector, object, err);

	if (status != OK)
		return status;
	status = read_views(&change, err);
	/* A view that is somebody else's says that ours, and so its table, was never made. */
	if (status == E_CONFLICT)
		status = OK;
	is_changed = change.rows.has_view || change.problems.has_view;
	if (status == OK && change.rows.has_view)
		status = drop_relation(&change, &change.rows, err);
	if (status == OK && change.problems.has_view)
		status = drop_relation(&change, &change.problems, err);
	return end_change(&change, status, is_changed, err);
}
