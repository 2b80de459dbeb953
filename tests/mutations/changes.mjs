// SPDX-License-Identifier: Apache-2.0
// How to break net changes, positions and the look at stored versions: each entry makes the named test fail (script/prove-tests).
const change = 'src/lake/lake_duckdb_change.c', position = 'src/lake/lake_duckdb_position.c', version = 'src/lake/lake_duckdb_version.c';
const stage = 'src/lake/lake_duckdb_stage.c', base = 'src/lake/lake_duckdb.c', table = 'src/lake/lake_duckdb_table.c';
const suite = 'conformance/lake_change_test';
const move = 'if (status == OK)\n\t\tstatus = lake_duckdb_position_move(load->connection, journal, from, to, err);\n\t';
const between = 'changed_us = clock_mono_us();\n\tstatus = lake_duckdb_commit(load->db, load->connection, err);';

export default [
	/* --- Rows --- */
	{ test: `${suite}: a_replacement_takes_the_place_of_the_stored_row`, file: change, from: 'enum status status = delete_staged(load, &load->stage, err);', to: 'enum status status = OK;\n\n\tif (load->stage.row_count < 0)\n\t\tstatus = delete_staged(load, &load->stage, err);' },
	{ test: `${suite}: a_merge_keeps_what_is_not_given`, file: change, from: '"CASE WHEN s.g%zu THEN s.c%zu ELSE "', to: '"CASE WHEN s.g%zu OR true THEN s.c%zu ELSE "' },
	{ test: `${suite}: a_merge_keeps_what_is_not_given`, file: change, from: '"CASE WHEN s.g%zu THEN s.c%zu ELSE "', to: '"CASE WHEN s.g%zu AND s.c%zu IS NOT NULL THEN s.c%2$zu ELSE "' },
	{ test: `${suite}: a_merge_keeps_what_is_not_given`, file: change, from: '" WHERE rowid IN (', to: '" WHERE rowid > 0 AND rowid IN (' },
	{ test: `${suite}: a_merge_without_a_stored_row_is_new`, file: change, from: 'FROM temp.partial AS s LEFT JOIN ', to: 'FROM temp.partial AS s JOIN ' },
	{ test: `${suite}: a_removal_takes_the_row_and_no_other`, file: change, from: '" FROM temp.stage WHERE kind <> %d", LAKE_REMOVE', to: '" FROM temp.stage WHERE kind <> %d", LAKE_MERGE' },
	{ test: `${suite}: all_kinds_come_in_one_batch`, file: stage, from: ' || changes[i] != LAKE_MERGE;', to: ';' },
	{ test: `${suite}: all_kinds_come_in_one_batch`, file: change, from: 's.seq WHERE s.kind <> %d", LAKE_REMOVE', to: 's.seq WHERE s.kind <> %d", LAKE_REMOVE + 1' },
	{ test: `${suite}: an_older_version_takes_its_place_too`, file: change, from: '" FROM temp.stage WHERE kind <> %d", LAKE_REMOVE', to: '" FROM temp.stage WHERE kind <> %d AND c2 >= make_timestamp(50)", LAKE_REMOVE' },
	{ test: `${suite}: an_older_version_takes_its_place_too`, file: change, from: 's.seq WHERE s.kind <> %d", LAKE_REMOVE', to: 's.seq WHERE s.kind <> %d AND s.c2 >= make_timestamp(50)", LAKE_REMOVE' },
	{ test: `${suite}: every_type_is_merged`, file: 'src/lake/lake_duckdb_chunk.c', from: 'return sizeof(duckdb_hugeint);', to: 'return sizeof(int64_t);' },
	{ test: `${suite}: a_key_of_any_type_is_found`, file: 'src/lake/lake_duckdb_load.c', from: '" = s.c%zu"', to: '"::VARCHAR[1:12] = s.c%zu::VARCHAR"' },
	{ test: `${suite}: a_field_may_have_any_name`, file: change, from: 'if (strcasecmp(load->names[i], "rowid") == 0)', to: 'if (strcasecmp(load->names[i], "~row") == 0)' },
	{ test: `${suite}: a_field_may_have_any_name`, file: change, from: 'if (status == OK && !by_row_id)', to: 'if (status == OK && by_row_id && !by_row_id)' },
	{ test: `${suite}: changes_of_many_batches_all_land`, file: stage, from: 'seq[i] = stage->row_count + (int64_t)i;', to: 'seq[i] = (stage->row_count == BATCH_ROWS ? 0 : stage->row_count) + (int64_t)i;' },

	/* --- Positions --- */
	{ test: `${suite}: the_position_moves_with_the_rows`, file: change, from: move, to: '' },
	{ test: `${suite}: the_position_moves_with_the_rows`, file: position, from: 'SET position = $2::BIGINT', to: 'SET position = $2::BIGINT % 1000' },
	{ test: `${suite}: what_was_applied_before_changes_nothing`, file: position, from: '"AND position = $3::BIGINT"', to: '"AND position >= $3::BIGINT"' },
	{ test: `${suite}: what_was_applied_before_changes_nothing`, file: position, from: '" WHERE journal = $1)"', to: '" WHERE journal = $1 AND position = 0)"' },
	{ test: `${suite}: what_was_applied_before_changes_nothing`, file: position, from: 'if (changed == 0)\n\t\treturn err_set', to: 'if (changed == 0 && is_first)\n\t\treturn err_set' },
	{ test: `${suite}: a_load_without_rows_moves_the_position_alone`, file: change, from: 'if (status == OK && load->stage.row_count > 0)', to: 'if (status == OK)' },
	{ test: `${suite}: an_aborted_change_leaves_nothing`, file: 'src/lake/lake_duckdb_load.c', from: 'lake_duckdb_load_destroy((struct load *)base);', to: 'struct err err;\n\n\tif (base->operation != LAKE_CHANGE || lake_duckdb_load_commit_position(base, "log", 0, 1, &err) != OK)\n\t\tlake_duckdb_load_destroy((struct load *)base);' },
	{ test: `${suite}: a_change_of_a_table_that_is_gone_says_so`, file: table, from: 'if (is_there)\n\t\treturn OK;\n\tstatus', to: 'if (connector != NULL)\n\t\treturn OK;\n\tstatus' },
	{ test: `${suite}: a_forgotten_position_is_0`, file: position, from: 'if (changed > 0)\n\t\treturn lake_duckdb_commit', to: 'if (changed > 1)\n\t\treturn lake_duckdb_commit' },
	{ test: `${suite}: a_forgotten_position_is_0`, file: position, from: '"DELETE FROM " LAKE_DUCKDB_POSITIONS " WHERE journal = ?"', to: '"DELETE FROM " LAKE_DUCKDB_POSITIONS " WHERE journal >= ?"' },
	{ test: 'unit/lake_duckdb_test: a_file_without_positions_gets_them', file: base, from: 'CREATE TABLE IF NOT EXISTS " LAKE_DUCKDB_POSITIONS', to: 'CREATE TEMP TABLE IF NOT EXISTS \\"applied\\"" ' },

	/* --- Crashes --- */
	{ test: `${suite}: a_kill_before_the_commit_leaves_nothing`, file: change, from: 'return lake_duckdb_stage_append(\n\t    given', to: 'if (changes[0] == LAKE_REPLACE)\n\t\t(void)!lake_duckdb_position_move(load->connection, "log", 5, 9, err);\n\treturn lake_duckdb_stage_append(\n\t    given' },
	{ test: `${suite}: a_kill_after_the_commit_loses_nothing`, file: change, from: between, to: 'changed_us = clock_mono_us();\n\tstatus = from == 0 ? lake_duckdb_commit(load->db, load->connection, err) : (lake_duckdb_rollback(load->db, load->connection), OK);' },

	/* --- Versions --- */
	{ test: `${suite}: stored_versions_are_told_in_the_keys_order`, file: version, from: 'versions[seq[i]] = (struct', to: 'versions[i] = (struct' },
	{ test: `${suite}: stored_versions_are_told_in_the_keys_order`, file: version, from: '.is_null = is_null,', to: '.is_null = false,' },
	{ test: `${suite}: stored_versions_are_told_in_the_keys_order`, file: version, from: 'memset(ret_versions, 0,', to: 'memset(ret_versions, 1,' },
	{ test: `${suite}: versions_of_keys_of_any_type`, file: version, from: 'fields[look->table->key_index].name', to: 'fields[0].name' },
	{ test: `${suite}: versions_of_many_keys_come_in_one_look`, file: version, from: 'i < batch_count && status == OK;', to: 'i < batch_count && i < 2 && status == OK;' },
	{ test: `${suite}: versions_of_many_keys_come_in_one_look`, file: version, from: 'while ((chunk = duckdb_fetch_chunk(result)) != NULL) {', to: 'if ((chunk = duckdb_fetch_chunk(result)) != NULL) {' },
	{ test: `${suite}: versions_of_a_table_that_is_gone_are_not_told`, file: table, from: 'if (duckdb_row_count(&result) == 0)\n\t\tstatus = err_set(err, E_NOT_FOUND', to: 'if (duckdb_row_count(&result) == 0)\n\t\tstatus = err_set(err, E_IO' },

	/* --- Together --- */
	{ test: `${suite}: journals_do_not_get_into_each_others_way`, file: position, from: 'SET position = $2::BIGINT WHERE journal = $1 "', to: 'SET position = CASE WHEN journal = $1 THEN $2::BIGINT ELSE position END WHERE journal = $1 OR true "' },
	{ test: `${suite}: of_two_who_move_one_position_one_does`, file: 'src/lake/lake_duckdb_load.c', from: 'lake_duckdb_load_claim_table(load);\n\tlake_duckdb_claim(load->db, &load->mark_claim, mark_name);', to: '(void)mark_name;' },
	{ test: `${suite}: no_query_sees_half_a_change`, file: change, from: '"DELETE FROM ");\n\tlake_duckdb_load_put_table(load);\n\tbuffer_put_text(&load->sql, " WHERE rowid IN', to: '"COMMIT; BEGIN; DELETE FROM ");\n\tlake_duckdb_load_put_table(load);\n\tbuffer_put_text(&load->sql, " WHERE rowid IN' },

	/* --- Bugs --- */
	{ test: `${suite}: a_key_that_comes_twice_is_a_bug`, file: change, from: 'assert(repeated == 0);', to: '(void)repeated;' },
	{ test: `${suite}: a_key_that_comes_twice_is_a_bug`, file: change, from: 'put_keys(load, &load->partial, before);', to: '(void)before;' },
];
