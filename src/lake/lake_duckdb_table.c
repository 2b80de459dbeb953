/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of streams and the views that show them by the hosted service's names.
 *
 *	schema "connector", table "object", column "field"	the data
 *	view main."connector_object__dll", column "field__c"	the same under the other names
 *
 * The view carries a comment that says whose it is ("connector.object" in that spelling): two
 * streams whose names run together to the same view's name, or that differ in case only, are told
 * apart by it and the later is refused.
 *
 * No primary key: with one a load takes twice the time and the file twice the room, and deletes
 * take 4.4 times as long.  That a key is there once is the work of the apply in lake_duckdb_load.c.
 *
 * Never removes a column and never changes a type.
 */
#include "lake/lake_duckdb_db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* All DDL, one at a time: two transactions that make the same schema conflict. */
#define DDL_CLAIM "ddl"

struct change {
	struct lake_duckdb *db;
	duckdb_connection connection;
	const char *connector;
	const char *object;
	char name[LAKE_DUCKDB_TABLE_NAME_BYTES];
	struct lake_duckdb_claim table_claim;
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

/* Claim the table and all DDL, and begin. */
static enum status begin_change(struct change *change, struct lake_duckdb *db,
    const char *connector, const char *object, struct err *err)
{
	enum status status;

	*change = (struct change){.db = db, .connector = connector, .object = object};
	buffer_init(&change->sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	lake_duckdb_table_name(change->name, connector, object);
	lake_duckdb_claim(db, &change->table_claim, change->name);
	lake_duckdb_claim(db, &change->ddl_claim, DDL_CLAIM);
	status = lake_duckdb_connect(db, &change->connection, err);
	if (status == OK)
		status = lake_duckdb_begin(db, change->connection, err);
	if (status != OK) {
		duckdb_disconnect(&change->connection);
		lake_duckdb_unclaim(db, &change->ddl_claim);
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
	lake_duckdb_unclaim(change->db, &change->table_claim);
	buffer_fini(&change->sql);
	return status;
}

static void put_table(struct buffer *sql, const char *connector, const char *object)
{
	lake_duckdb_quote(sql, connector, '"');
	buffer_put_char(sql, '.');
	lake_duckdb_quote(sql, object, '"');
}

static void put_view_name(char name[2 * LAKE_DUCKDB_TABLE_NAME_BYTES], const struct change *change)
{
	strcpy(name, change->connector);
	strcat(name, "_");
	strcat(name, change->object);
	strcat(name, "__dll");
}

static void put_view(struct change *change)
{
	char name[2 * LAKE_DUCKDB_TABLE_NAME_BYTES];

	put_view_name(name, change);
	buffer_put_text(&change->sql, "main.");
	lake_duckdb_quote(&change->sql, name, '"');
}

static enum status run(struct change *change, const char *doing, struct err *err)
{
	enum status status = lake_duckdb_run_buffer(change->connection, &change->sql, doing, err);

	buffer_reset(&change->sql);
	return status;
}

/* The first column of the first row of ${result} as a new string; NULL when there is no row. */
static char *take_text(duckdb_result *result)
{
	if (duckdb_row_count(result) == 0)
		return NULL;
	return duckdb_value_varchar(result, 0, 0);
}

/* Is there a view of that name, and is it ours? */
static enum status read_view(struct change *change, bool *ret_is_there, struct err *err)
{
	char name[2 * LAKE_DUCKDB_TABLE_NAME_BYTES];
	const char *params[] = {name};
	duckdb_result result;
	char *owner;
	enum status status;

	put_view_name(name, change);
	status = lake_duckdb_run_with(change->connection,
	    "SELECT coalesce(comment, '') FROM duckdb_views() WHERE database_name = 'lake' AND "
	    "schema_name = 'main' AND NOT internal AND lower(view_name) = lower(?)",
	    params, 1, "read the view", &result, err);
	if (status != OK)
		return status;
	owner = take_text(&result);
	if (owner != NULL && strcmp(owner, change->name) != 0)
		status = err_set(err, E_CONFLICT, "the view %s is already that of %s", name, owner);
	*ret_is_there = owner != NULL;
	duckdb_free(owner);
	duckdb_destroy_result(&result);
	return status;
}

/* The table's columns with their types; no row: there is no table. */
static enum status read_columns(struct change *change, duckdb_result *ret_result, struct err *err)
{
	const char *params[] = {change->connector, change->object};

	return lake_duckdb_run_with(change->connection,
	    "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'lake' AND "
	    "lower(schema_name) = lower(?) AND lower(table_name) = lower(?) ORDER BY column_index",
	    params, 2, "read the table's columns", ret_result, err);
}

static enum status make_table(
    struct change *change, const struct lake_table *table, struct err *err)
{
	enum status status;

	buffer_put_text(&change->sql, "CREATE SCHEMA IF NOT EXISTS ");
	lake_duckdb_quote(&change->sql, change->connector, '"');
	status = run(change, "make the schema", err);
	if (status != OK)
		return status;
	buffer_put_text(&change->sql, "CREATE TABLE ");
	put_table(&change->sql, change->connector, change->object);
	for (size_t i = 0; i < table->field_count; i++) {
		buffer_put_text(&change->sql, i == 0 ? " (" : ", ");
		lake_duckdb_quote(&change->sql, table->fields[i].name, '"');
		buffer_printf(&change->sql, " %s", lake_duckdb_type_name(table->fields[i].type));
	}
	buffer_put_char(&change->sql, ')');
	return run(change, "make the table", err);
}

static enum status add_column(struct change *change, const struct field *field, struct err *err)
{
	buffer_put_text(&change->sql, "ALTER TABLE ");
	put_table(&change->sql, change->connector, change->object);
	buffer_put_text(&change->sql, " ADD COLUMN ");
	lake_duckdb_quote(&change->sql, field->name, '"');
	buffer_printf(&change->sql, " %s", lake_duckdb_type_name(field->type));
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
			char *name = duckdb_value_varchar(stored, 0, j);
			char *type = duckdb_value_varchar(stored, 1, j);

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

/* Over the columns that the table now has, so that one of before that the caller does not name
 * stays visible. */
static enum status make_view(struct change *change, struct err *err)
{
	duckdb_result columns;
	enum status status = read_columns(change, &columns, err);

	if (status != OK)
		return status;
	buffer_put_text(&change->sql, "CREATE OR REPLACE VIEW ");
	put_view(change);
	buffer_put_text(&change->sql, " AS SELECT ");
	for (idx_t i = 0; i < duckdb_row_count(&columns); i++) {
		char name[SCHEMA_NAME_BYTES_MAX + sizeof("__c")];
		char *field = duckdb_value_varchar(&columns, 0, i);

		assert(strlen(field) <= SCHEMA_NAME_BYTES_MAX);
		strcpy(name, field);
		strcat(name, "__c");
		if (i > 0)
			buffer_put_text(&change->sql, ", ");
		lake_duckdb_quote(&change->sql, field, '"');
		buffer_put_text(&change->sql, " AS ");
		lake_duckdb_quote(&change->sql, name, '"');
		duckdb_free(field);
	}
	duckdb_destroy_result(&columns);
	buffer_put_text(&change->sql, " FROM lake.");
	put_table(&change->sql, change->connector, change->object);
	status = run(change, "make the view", err);
	if (status != OK)
		return status;
	buffer_put_text(&change->sql, "COMMENT ON VIEW ");
	put_view(change);
	buffer_put_text(&change->sql, " IS ");
	lake_duckdb_quote(&change->sql, change->name, '\'');
	return run(change, "mark the view", err);
}

enum status lake_duckdb_table_ensure(
    struct lake *lake, const struct lake_table *table, struct err *err)
{
	struct change change;
	duckdb_result stored;
	bool has_view = false, is_changed = false;
	enum status status =
	    begin_change(&change, (struct lake_duckdb *)lake, table->connector, table->object, err);

	if (status != OK)
		return status;
	status = read_view(&change, &has_view, err);
	if (status == OK)
		status = read_columns(&change, &stored, err);
	if (status != OK)
		goto out;
	if (duckdb_row_count(&stored) == 0) {
		status = make_table(&change, table, err);
		is_changed = true;
	} else {
		status = add_columns(&change, table, &stored, &is_changed, err);
	}
	duckdb_destroy_result(&stored);
	if (status == OK && (is_changed || !has_view)) {
		status = make_view(&change, err);
		is_changed = true;
	}
out:
	return end_change(&change, status, is_changed, err);
}

/* Drop the schema when the table was its last: a connector that is gone leaves no name behind. */
static enum status drop_empty_schema(struct change *change, struct err *err)
{
	const char *params[] = {change->connector};
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
	lake_duckdb_quote(&change->sql, change->connector, '"');
	return run(change, "drop the schema", err);
}

enum status lake_duckdb_table_drop(
    struct lake *lake, const char *connector, const char *object, struct err *err)
{
	struct change change;
	bool has_view = false;
	enum status status =
	    begin_change(&change, (struct lake_duckdb *)lake, connector, object, err);

	if (status != OK)
		return status;
	status = read_view(&change, &has_view, err);
	/* The view is somebody else's, so this table was never made: there is nothing to drop. */
	if (status == E_CONFLICT)
		return end_change(&change, OK, false, err);
	if (status == OK && has_view) {
		buffer_put_text(&change.sql, "DROP VIEW ");
		put_view(&change);
		status = run(&change, "drop the view", err);
	}
	if (status == OK && has_view) {
		buffer_put_text(&change.sql, "DROP TABLE IF EXISTS ");
		put_table(&change.sql, connector, object);
		status = run(&change, "drop the table", err);
	}
	if (status == OK && has_view)
		status = drop_empty_schema(&change, err);
	return end_change(&change, status, has_view, err);
}
