/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions of stored rows: the keys into a stage, one join with the table, and its rows back to
 * their places by their numbers.
 *
 * There is no index on a table (lake_duckdb_table.c says why), so a look reads all its keys, once
 * for as many as are asked for.  Of the versions only those near a hit are read.
 *
 * Like a query it runs under the commit lock: without it a commit could show it old rows and new
 * ones together.
 */
#include "lake/lake_duckdb_stage.h"

#include <assert.h>
#include <string.h>

struct look {
	struct lake_duckdb *db;
	const struct lake_table *table;
	duckdb_connection connection;
	struct lake_duckdb_stage keys;
};

static enum status join(struct look *look, duckdb_result *ret_result, struct err *err)
{
	const struct field *fields = look->table->fields;
	struct buffer sql;
	enum status status;

	buffer_init(&sql, LAKE_DUCKDB_SQL_BYTES_MAX);
	buffer_put_text(&sql, "SELECT s.seq, t.");
	lake_duckdb_quote(&sql, fields[look->table->version_index].name, '"');
	buffer_put_text(&sql, " FROM ");
	lake_duckdb_put_rows(&sql, look->table->connector, look->table->object);
	buffer_put_text(&sql, " AS t JOIN temp.keys AS s ON t.");
	lake_duckdb_quote(&sql, fields[look->table->key_index].name, '"');
	buffer_put_text(&sql, " = s.c0");
	rwlock_read(&look->db->commit_lock);
	status = lake_duckdb_run_buffer_with(
	    look->connection, &sql, NULL, 0, "look for versions", ret_result, err);
	rwlock_unlock(&look->db->commit_lock);
	buffer_fini(&sql);
	return status;
}

static void take_chunk(duckdb_data_chunk chunk, int64_t row_count, struct lake_version *versions)
{
	duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 1);
	const int64_t *seq = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
	const int64_t *us = duckdb_vector_get_data(vector);
	uint64_t *valid = duckdb_vector_get_validity(vector);

	for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
		bool is_null = valid != NULL && !duckdb_validity_row_is_valid(valid, i);

		assert(seq[i] >= 0);
		assert(seq[i] < row_count);
		versions[seq[i]] = (struct lake_version){
		    .is_there = true, .is_null = is_null, .us = is_null ? 0 : us[i]};
	}
}

static enum status find(struct look *look, struct lake_version *ret_versions, struct err *err)
{
	duckdb_result result;
	duckdb_data_chunk chunk;
	enum status status = lake_duckdb_table_check(
	    look->connection, look->table->connector, look->table->object, err);

	if (status == OK)
		status = join(look, &result, err);
	if (status != OK)
		return status;
	memset(ret_versions, 0, (size_t)look->keys.row_count * sizeof(*ret_versions));
	while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
		take_chunk(chunk, look->keys.row_count, ret_versions);
		duckdb_destroy_data_chunk(&chunk);
	}
	duckdb_destroy_result(&result);
	return OK;
}

enum status lake_duckdb_versions_get(struct lake *lake, const struct lake_table *table,
    const struct batch *const *keys, size_t batch_count, struct lake_version *ret_versions,
    struct err *err)
{
	struct look look = {.db = (struct lake_duckdb *)lake, .table = table};
	enum field_type type = table->fields[table->key_index].type;
	enum status status = lake_duckdb_connect(look.db, &look.connection, err);

	if (status != OK)
		return status;
	lake_duckdb_stage_init(&look.keys, "keys", STAGE_ROWS, look.connection, &type, 1);
	for (size_t i = 0; i < batch_count && status == OK; i++) {
		if (keys[i]->row_count > 0)
			status = lake_duckdb_stage_append(&look.keys, keys[i], NULL, NULL, err);
	}
	if (status == OK)
		status = lake_duckdb_stage_close(&look.keys, err);
	if (status == OK && look.keys.row_count > 0)
		status = find(&look, ret_versions, err);
	lake_duckdb_stage_fini(&look.keys);
	duckdb_disconnect(&look.connection);
	return status;
}
