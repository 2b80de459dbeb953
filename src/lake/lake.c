/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lake's contract as far as it is the same for every backend: what a caller must
 * not do is asserted here, once, and the call goes on to the backend's table of
 * functions.  No SQL and no engine here.
 */
#include "lake/lake_ops.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* What DuckDB resolves in "x.y" before it looks for a schema x: its catalogs and its own schemas.
 * "lake" is the catalog of our own file (lake_duckdb.c insists on that name), "sluice" is kept for
 * whatever comes. */
static const char *const reserved_names[] = {"main", "temp", "system", "memory", "lake", "sluice",
    "information_schema", "pg_catalog",
    /* The view PR_c_o__dll would be that of PR.c_o as well as that of c.o's problem records. */
    "PR"};

static void assert_name(const char *name)
{
	assert(name != NULL);
	assert(name[0] != '\0');
}

static void assert_table(const struct lake_table *table)
{
	assert(table != NULL);
	assert_name(table->connector);
	assert_name(table->object);
	assert(table->field_count > 0);
	assert(table->field_count <= SCHEMA_FIELDS_MAX);
	assert(table->key_index < table->field_count);
	if (table->has_version) {
		assert(table->version_index < table->field_count);
		assert(table->version_index != table->key_index);
		assert(table->fields[table->version_index].type == FIELD_DATE_TIME);
	}
	for (size_t i = 0; i < table->field_count; i++)
		assert_name(table->fields[i].name);
}

/* Has each row a value? */
static void assert_no_null(const struct batch_column *column, size_t row_count)
{
	size_t whole = row_count / 64, rest = row_count % 64;

	for (size_t i = 0; i < whole; i++)
		assert(column->valid[i] == UINT64_MAX);
	assert(rest == 0 || (~column->valid[whole] & ((UINT64_C(1) << rest) - 1)) == 0);
}

static void assert_batch(const struct lake_load *load, const struct batch *batch)
{
	assert(batch != NULL);
	assert(batch->row_count <= BATCH_ROWS);
	assert(batch->column_count == load->column_count);
	for (size_t i = 0; i < batch->column_count; i++)
		assert(batch->columns[i].type == load->types[i]);
}

bool lake_name_is_reserved(const char *connector)
{
	assert(connector != NULL);
	for (size_t i = 0; i < sizeof(reserved_names) / sizeof(reserved_names[0]); i++) {
		if (strcasecmp(connector, reserved_names[i]) == 0)
			return true;
	}
	return strncasecmp(connector, LAKE_PROBLEMS_PREFIX, strlen(LAKE_PROBLEMS_PREFIX)) == 0;
}

void lake_close(struct lake **lake)
{
	assert(lake != NULL);
	if (*lake == NULL)
		return;
	(*lake)->ops->close(*lake);
	*lake = NULL;
}

enum status lake_table_ensure(struct lake *lake, const struct lake_table *table, struct err *err)
{
	enum status status;

	assert(lake != NULL);
	assert_table(table);
	/* Not an assertion: the list has grown, and a data directory may be older. */
	if (lake_name_is_reserved(table->connector))
		status = err_set(err, E_CONFLICT, "the connector's name is reserved");
	else
		status = lake->ops->table_ensure(lake, table, err);
	if (status != OK)
		err_add(err, "table %s.%s", table->connector, table->object);
	return status;
}

enum status lake_table_drop(
    struct lake *lake, const char *connector, const char *object, struct err *err)
{
	enum status status;

	assert(lake != NULL);
	assert_name(connector);
	assert_name(object);
	status = lake->ops->table_drop(lake, connector, object, err);
	if (status != OK)
		err_add(err, "drop table %s.%s", connector, object);
	return status;
}

enum status lake_load_begin(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, struct lake_load **ret_load, struct err *err)
{
	enum status status;

	assert(lake != NULL);
	assert_table(table);
	assert(!lake_name_is_reserved(table->connector));
	assert(operation == LAKE_UPSERT || operation == LAKE_UPSERT_DIRECT ||
	       operation == LAKE_DELETE || operation == LAKE_CHANGE);
	assert(ret_load != NULL);
	status = lake->ops->load_begin(lake, table, operation, ret_load, err);
	if (status != OK)
		err_add(err, "begin load of %s.%s", table->connector, table->object);
	return status;
}

enum status lake_load_append(struct lake_load *load, const struct batch *batch, struct err *err)
{
	assert(load != NULL);
	assert(load->operation != LAKE_CHANGE);
	assert_batch(load, batch);
	if (batch->row_count == 0)
		return OK;
	return load->lake->ops->load_append(load, batch, err);
}

enum status lake_load_append_changes(struct lake_load *load, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64], struct err *err)
{
	assert(load != NULL);
	assert(load->operation == LAKE_CHANGE);
	assert_batch(load, batch);
	if (batch->row_count == 0)
		return OK;
	assert_no_null(&batch->columns[load->key], batch->row_count);
	assert(changes != NULL);
	for (size_t i = 0; i < batch->row_count; i++) {
		assert(changes[i] == LAKE_REPLACE || changes[i] == LAKE_REMOVE ||
		       changes[i] == LAKE_MERGE);
		assert(changes[i] != LAKE_MERGE || given != NULL);
	}
	return load->lake->ops->load_append_changes(load, batch, changes, given, err);
}

enum status lake_load_problem(
    struct lake_load *load, const struct lake_problem *problem, struct err *err)
{
	assert(load != NULL);
	assert(load->operation != LAKE_CHANGE);
	assert(problem != NULL);
	assert_name(problem->job_id);
	assert(problem->part > 0);
	assert(problem->line > 0);
	assert(problem->code.len > 0);
	return load->lake->ops->load_problem(load, problem, err);
}

enum status lake_load_commit(
    struct lake_load **load, const char *job_id, const struct lake_mark *mark, struct err *err)
{
	assert(mark != NULL);
	return lake_load_commit_jobs(load, &(struct lake_applied){job_id, *mark}, 1, err);
}

enum status lake_load_commit_jobs(
    struct lake_load **load, const struct lake_applied *jobs, size_t count, struct err *err)
{
	struct lake_load *ending;
	enum status status;

	assert(load != NULL);
	assert(*load != NULL);
	assert((*load)->operation != LAKE_CHANGE);
	assert(count > 0 && count <= LAKE_JOBS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_name(jobs[i].job_id);
		assert(jobs[i].mark.records_processed >= 0);
		assert(jobs[i].mark.records_failed >= 0);
	}
	ending = *load;
	*load = NULL;
	status = ending->lake->ops->load_commit(ending, jobs, count, err);
	if (status != OK && count > 1)
		err_add(err, "apply %s and %zu more", jobs[0].job_id, count - 1);
	else if (status != OK)
		err_add(err, "apply %s", jobs[0].job_id);
	return status;
}

enum status lake_load_commit_position(
    struct lake_load **load, const char *journal, int64_t from, int64_t to, struct err *err)
{
	struct lake_load *ending;
	enum status status;

	assert(load != NULL);
	assert(*load != NULL);
	assert((*load)->operation == LAKE_CHANGE);
	assert_name(journal);
	assert(from >= 0);
	assert(to > from);
	ending = *load;
	*load = NULL;
	status = ending->lake->ops->load_commit_position(ending, journal, from, to, err);
	if (status != OK)
		err_add(err, "apply %s from %" PRId64 " to %" PRId64, journal, from, to);
	return status;
}

bool lake_load_is_in_the_way(const struct lake_load *load)
{
	assert(load != NULL);
	return load->lake->ops->load_is_in_the_way(load);
}

void lake_load_abort(struct lake_load **load)
{
	assert(load != NULL);
	if (*load == NULL)
		return;
	(*load)->lake->ops->load_abort(*load);
	*load = NULL;
}

enum status lake_problems_expire(struct lake *lake, const char *connector, const char *object,
    int64_t before_us, int64_t *ret_removed, struct err *err)
{
	enum status status;

	assert(lake != NULL);
	assert_name(connector);
	assert_name(object);
	assert(ret_removed != NULL);
	status = lake->ops->problems_expire(lake, connector, object, before_us, ret_removed, err);
	if (status != OK)
		err_add(err, "remove old problem records of %s.%s", connector, object);
	return status;
}

enum status lake_mark_get(
    struct lake *lake, const char *job_id, struct lake_mark *ret_mark, struct err *err)
{
	assert(lake != NULL);
	assert_name(job_id);
	assert(ret_mark != NULL);
	return lake->ops->mark_get(lake, job_id, ret_mark, err);
}

enum status lake_mark_clear(struct lake *lake, struct err *err)
{
	assert(lake != NULL);
	return lake->ops->mark_clear(lake, err);
}

enum status lake_position_get(
    struct lake *lake, const char *journal, int64_t *ret_position, struct err *err)
{
	assert(lake != NULL);
	assert_name(journal);
	assert(ret_position != NULL);
	return lake->ops->position_get(lake, journal, ret_position, err);
}

enum status lake_position_forget(struct lake *lake, const char *journal, struct err *err)
{
	assert(lake != NULL);
	assert_name(journal);
	return lake->ops->position_forget(lake, journal, err);
}

enum status lake_versions_get(struct lake *lake, const struct lake_table *table,
    const struct batch *const *keys, size_t batch_count, struct lake_version *ret_versions,
    struct err *err)
{
	enum status status;

	assert(lake != NULL);
	assert_table(table);
	assert(table->has_version);
	assert(batch_count == 0 || (keys != NULL && ret_versions != NULL));
	for (size_t i = 0; i < batch_count; i++) {
		assert(keys[i]->row_count <= BATCH_ROWS);
		assert(keys[i]->column_count == 1);
		assert(keys[i]->columns[0].type == table->fields[table->key_index].type);
		assert_no_null(&keys[i]->columns[0], keys[i]->row_count);
	}
	status = lake->ops->versions_get(lake, table, keys, batch_count, ret_versions, err);
	if (status != OK)
		err_add(err, "versions of %s.%s", table->connector, table->object);
	return status;
}

enum status lake_query(struct lake *lake, const struct lake_query *query,
    const struct lake_sink *sink, bool *ret_more, struct err *err)
{
	assert(lake != NULL);
	assert(query != NULL);
	assert(query->timeout_ms > 0);
	assert(query->skip >= 0);
	assert(query->rows_max >= 0);
	assert(query->order_count == 0 || query->order != NULL);
	assert(sink != NULL);
	assert(sink->columns != NULL);
	assert(sink->row != NULL);
	assert(ret_more != NULL);
	return lake->ops->query(lake, query, sink, ret_more, err);
}
