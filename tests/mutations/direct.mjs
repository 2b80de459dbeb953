// SPDX-License-Identifier: Apache-2.0
// How to break direct upserts: each entry makes the named test fail (script/prove-tests).
const direct = 'src/lake/lake_duckdb_direct.c', feed = 'src/lake/lake_duckdb_feed.c', chunk = 'src/lake/lake_duckdb_chunk.c', load = 'src/lake/lake_duckdb_load.c', base = 'src/lake/lake_duckdb.c', problem = 'src/lake/lake_duckdb_problem.c';
const suite = (name) => `conformance/lake_direct_test: ${name}`;
const raw = String.raw;

export default [
	{ test: suite('every_type_comes_back'), file: chunk, from: raw`		texts[i].value.pointer.ptr = to;`, to: raw`		texts[i].value.pointer.ptr = to + 1;` },
	{ test: suite('every_type_comes_back'), file: chunk, from: raw`		memcpy(duckdb_vector_get_validity(vector), column->valid,`, to: raw`		memset(duckdb_vector_get_validity(vector), 255,` },
	{ test: suite('stored_rows_of_the_keys_are_replaced_and_others_stay'), file: direct, from: raw`#define ROW_ID_OURS "36028797018960000"`, to: raw`#define ROW_ID_OURS "36028797018960001"` },
	{ test: suite('stored_rows_of_the_keys_are_replaced_and_others_stay'), file: direct, from: raw`	return lake_duckdb_load_run(load, "delete replaced rows", err);`, to: raw`	buffer_reset(&load->sql);
	return OK;` },
	{ test: suite('a_job_that_was_applied_is_not_applied_again'), file: load, from: raw`	status = check_marks(load, jobs, count, err);
	if (status == OK)
		status = load->direct`, to: raw`	status = load->direct.is_open ? OK : check_marks(load, jobs, count, err);
	if (status == OK)
		status = load->direct` },
	{ test: suite('many_rows_go_in_while_they_come'), file: direct, from: raw`	direct->is_fed = false;
	lake_duckdb_feed_again(&direct->feed);`, to: raw`	direct->is_fed = false;` },
	{ test: suite('a_key_that_comes_twice_is_a_conflict_that_leaves_nothing'), file: load, from: raw`	if (load->base.operation != LAKE_DELETE)
		key_set_add`, to: raw`	if (load->base.operation == LAKE_UPSERT)
		key_set_add` },
	{ test: suite('a_key_that_comes_again_after_many_rows_is_a_conflict'), file: direct, from: raw`	if (load->keys.may_repeat)
		return err_set(err, E_CONFLICT, "a key came twice");
	if (!direct->is_open)`, to: raw`	if (!direct->is_open)` },
	{ test: suite('a_row_that_is_older_than_the_stored_one_is_a_conflict'), file: direct, from: raw`	if (load->has_version)
		status = check_versions(load, err);`, to: '' },
	{ test: suite('a_row_that_is_older_than_the_stored_one_is_a_conflict'), file: direct, from: raw`	if (load->direct.has_null_version)`, to: raw`	if (false)` },
	{ test: suite('a_table_with_a_field_called_rowid_is_a_conflict'), file: direct, from: raw`		if (strcasecmp(load->names[i], "rowid") == 0)`, to: raw`		if (strcasecmp(load->names[i], "row id") == 0)` },
	{ test: suite('an_abort_in_the_middle_leaves_nothing_and_holds_up_nobody'), file: direct, from: raw`		lake_duckdb_feed_stop(&direct->feed);
		thread_join(direct->inserter);
		direct->has_inserter = false;
	}
	if (direct->is_open)
		lake_duckdb_rollback(load->db, load->connection);`, to: raw`		lake_duckdb_feed_end(&direct->feed);
		thread_join(direct->inserter);
		direct->has_inserter = false;
	}
	if (direct->is_open && lake_duckdb_commit(load->db, load->connection, NULL) != OK)
		return;` },
	{ test: suite('who_waits_for_the_table_is_told_of'), file: base, from: raw`		other->is_wanted = true;`, to: raw`		other->is_wanted = false;` },
	{ test: suite('a_query_may_not_read_a_feed'), file: base, from: raw`	/* In this order: the guard refuses the functions that are there. */
	if (status == OK)
		status = lake_duckdb_feed_register(db, connection, err);
	if (status == OK)
		status = lake_duckdb_guard_init(db, connection, err);`, to: raw`	if (status == OK)
		status = lake_duckdb_guard_init(db, connection, err);
	if (status == OK)
		status = lake_duckdb_feed_register(db, connection, err);` },
];
