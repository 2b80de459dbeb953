// SPDX-License-Identifier: Apache-2.0
// How to break problem records, the failed results' stream, and the sentences: each entry makes the named test fail
// (script/prove-tests).
const problem = 'src/lake/lake_duckdb_problem.c', table = 'src/lake/lake_duckdb_table.c', load = 'src/lake/lake_duckdb_load.c';
const lake = 'src/lake/lake.c', rejects = 'src/work/rejects.c', utf8 = 'src/base/utf8.c', texts = 'src/convert/reject.def';
const suite = 'conformance/lake_problem_test', story = 'scenario/13-problem-records', older = 'unit/lake_duckdb_test';
const applied = 'if (status == OK)\n\t\tstatus =\n\t\t    lake_duckdb_problems_apply(&load->problems, load->connector, load->object, err);\n\t';

export default [
	/* --- With the load --- */
	{ test: `${suite}: they_come_with_the_loads_commit`, file: problem, from: 'if (problems->count == 0)', to: 'if (problems->count >= 0)' },
	{ test: `${suite}: they_come_with_the_loads_commit`, file: problem, from: 'problem->field.len == 0 ? duckdb_append_null(to)', to: 'false ? duckdb_append_null(to)' },
	{ test: `${suite}: they_come_with_the_loads_commit`, file: problem, from: 'PRId64, clock_now_us());', to: 'PRId64, clock_now_us() - 10000000);' },
	{ test: `${suite}: they_have_the_types_and_names_that_every_table_has`, file: problem, from: '{"line", "BIGINT"}', to: '{"line", "INTEGER"}' },
	{ test: `${suite}: they_have_the_types_and_names_that_every_table_has`, file: table, from: 'strcat(name, "__c");', to: 'strcat(name, "");' },
	{ test: `${suite}: a_load_without_rows_has_them_too`, file: load, from: applied, to: applied.replace('status == OK', 'status == OK && load->stage.row_count > 0') },
	{ test: `${suite}: a_load_that_is_not_committed_leaves_none`, file: load,
		from: 'status = check_marks(load, jobs, count, err);\n\tif (status == OK)\n\t\tstatus = load->direct', to: 'status = lake_duckdb_problems_apply(&load->problems, load->connector, load->object, err);\n\tif (status == OK)\n\t\tstatus = lake_duckdb_commit(load->db, load->connection, err);\n\tif (status == OK)\n\t\tstatus = lake_duckdb_begin(load->db, load->connection, err);\n\tif (status == OK)\n\t\tstatus = check_marks(load, jobs, count, err);\n\tif (status == OK)\n\t\tstatus = load->direct' },
	{ test: `${suite}: they_are_durable_and_outlive_the_marks`, file: 'src/lake/lake_duckdb.c',
		from: 'status = lake_duckdb_run(connection, "DELETE FROM " LAKE_DUCKDB_MARKS, "clear marks", err);', to: 'status = lake_duckdb_run(connection, "DELETE FROM " LAKE_DUCKDB_MARKS "; DELETE FROM PR_shop.plain", "clear marks", err);' },
	{ test: `${suite}: a_query_sees_rows_and_problems_or_neither`, file: problem,
		from: 'status = lake_duckdb_run_buffer_with(\n\t    problems->connection, &sql, params, 1,', to: 'status = lake_duckdb_run(problems->connection, "COMMIT; BEGIN", "x", err);\n\tif (status == OK)\n\t\tstatus = lake_duckdb_run_buffer_with(\n\t    problems->connection, &sql, params, 1,' },

	/* --- Texts --- */
	{ test: `${suite}: what_is_no_text_is_stored_as_one`, file: problem, from: '!utf8_is_valid(cut) ||', to: 'false ||' },
	{ test: `${suite}: what_is_no_text_is_stored_as_one`, file: problem, from: "(cut.len > 0 && memchr(cut.ptr, '\\0', cut.len) != NULL)", to: 'false' },
	{ test: `${suite}: a_long_text_is_cut_at_a_whole_character`, file: problem, from: 'utf8_cut(text, LAKE_PROBLEM_BYTES_MAX)', to: 'text' },
	{ test: `${suite}: a_long_text_is_cut_at_a_whole_character`, file: problem, from: 'buffer_put_text(&problems->text, "…");', to: '(void)text;' },
	{ test: 'unit/utf8_test: a_cut_ends_behind_a_whole_character', file: utf8, from: 'end > 0 && bytes_max - end < 3 &&', to: 'end > 0 && bytes_max - end < 1 &&' },
	{ test: 'unit/utf8_test: what_is_mended_is_utf8_without_nuls', file: utf8, from: 'nul == NULL ? text.len', to: 'true ? text.len' },

	/* --- Their end --- */
	{ test: `${suite}: the_old_ones_go_and_the_others_stay`, file: problem, from: 'epoch_us(failed_at) < ?::BIGINT', to: 'epoch_us(failed_at) <> ?::BIGINT' },
	{ test: `${suite}: the_old_ones_go_and_the_others_stay`, file: problem, from: 'status = lake_duckdb_commit(expiry->db, expiry->connection, err);', to: 'lake_duckdb_rollback(expiry->db, expiry->connection);' },
	{ test: `${suite}: without_their_table_there_are_none_to_expire`, file: problem, from: '*ret_is_there = duckdb_row_count(&result) > 0;', to: '*ret_is_there = true;' },
	{ test: `${suite}: two_who_expire_at_once_take_turns`, file: problem, from: 'lake_duckdb_claim(expiry.db, &claim, name);', to: '(void)name;' },
	{ test: `${suite}: they_go_with_the_table`, file: table, from: 'if (status == OK && change.problems.has_view)', to: 'if (status == OK && change.problems.has_view && !change.rows.has_view)' },

	/* --- Names, and files of before --- */
	{ test: `${suite}: the_longest_names_have_theirs`, file: table, from: '"%s%s_%s__dll"', to: '"%s%.79s_%s__dll"' },
	{ test: `${suite}: their_names_are_no_connectors`, file: lake, from: 'strncasecmp(connector, LAKE_PROBLEMS_PREFIX', to: 'strncmp(connector, LAKE_PROBLEMS_PREFIX' },
	{ test: `${suite}: their_names_are_no_connectors`, file: lake, from: '    "PR"};', to: '    "sluice"};' },
	{ test: `${older}: a_table_without_problem_records_gets_them`, file: table, from: 'if (!change->problems.has_table) {', to: 'if (!change->problems.has_table && !change->rows.has_table) {' },
	{ test: `${older}: a_table_without_problem_records_can_be_dropped`, file: table, from: 'if (status == OK && change.problems.has_view)', to: 'if (status == OK)' },
	{ test: `${older}: a_connector_of_that_name_keeps_its_table_until_it_is_dropped`, file: table, from: '"problem records of ");', to: 'LAKE_PROBLEMS_PREFIX);' },
	{ test: `${older}: dropping_a_table_leaves_that_of_its_namesake`, file: table, from: 'relations[j]->has_view = strcmp(owner, relations[j]->owner) == 0;', to: 'relations[j]->has_view = true;' },

	/* --- From a job --- */
	{ test: `${story}: every reason that a record can have is there with its code, field, sentence and record`, file: rejects, from: '.field = slice_of(reject->field),', to: '.field = {0},' },
	{ test: `${story}: every reason that a record can have is there with its code, field, sentence and record`, file: rejects, from: 'problem.code.len + strlen(REJECT_NAME_END)', to: 'problem.code.len' },
	{ test: `${story}: parts with other headers: each record as it came`, file: rejects, from: 'put_record(&rejects->record, record);', to: ';' },
	{ test: `${story}: values that need quotes, and tens of thousands of records: the same as in failedResults`, file: problem, from: 'if (put_row(problems, problem) != DuckDBSuccess) {', to: 'if (problems->count < 20000 && put_row(problems, problem) != DuckDBSuccess) {' },
	{ test: `${story}: values that need quotes, and tens of thousands of records: the same as in failedResults`, file: rejects, from: 'size_t begin;\n\n\tbuffer_put_char', to: 'size_t begin;\n\n\tif (rejects->rows.len > 200000)\n\t\treturn OK;\n\tbuffer_put_char' },
	{ test: `${story}: by the hosted service's names, with the time of the job's end, and in the list of tables`, file: table, from: 'LAKE_PROBLEMS_PREFIX, connector, object, "problem', to: '"PS_", connector, object, "problem' },
	{ test: `${story}: a job that failed, was aborted or was a dry run leaves none`, file: 'src/work/load.c', from: 'if (st == OK && !load->job.validate_only)\n\t\tst = begin_rows', to: 'if (st == OK)\n\t\tst = begin_rows' },
	{ test: `${story}: they outlive the job and a restart, and go with the connector`, file: table, from: 'if (status == OK && change.problems.has_view)', to: 'if (status == OK && change.problems.has_view && !change.rows.has_view)' },
	{ test: `${story}: their names are no connectors, and the longest names have theirs`, file: lake, from: 'strncasecmp(connector, LAKE_PROBLEMS_PREFIX', to: 'strncmp(connector, LAKE_PROBLEMS_PREFIX' },
	{ test: `${story}: a query sees the rows and the problem records of a job together, or neither`, file: rejects, from: 'if (st == OK && rejects->load != NULL)', to: 'if (st == OK && rejects->load == NULL)' },

	/* --- Once, whatever is killed --- */
	{ test: 'crash/points: load.applied: the job is applied once, and those behind it follow in their order', file: problem, from: 'if (problems->count == 0)', to: 'if (problems->count >= 0)' },
	{ test: 'crash/points: load.rejects: the job is applied once, and those behind it follow in their order', file: load,
		from: 'status = close_stages(load, err);\n\tif (status == OK) {', to: 'status = close_stages(load, err);\n\tif (status == OK)\n\t\tstatus = lake_duckdb_problems_apply(&load->problems, load->connector, load->object, err);\n\tif (status == OK) {' },
	{ test: 'crash/points: table.dropped: the tables of a deleted connector are gone after the next start, and its name is free', file: table, from: 'if (status == OK && change.problems.has_view)', to: 'if (status == OK && change.problems.has_view && !change.rows.has_view)' },

	/* --- The stream of failed results --- */
	{ test: 'scenario/12-memory: memory grows by less than 5 MB while the 300,000 failed records of a job are downloaded', file: 'src/api/parts.c',
		from: 'st = blob_read_open(api->blob, job.id, JOB_REJECTS_BLOB, &reader, &bytes, &err);', to: 'st = blob_read_open(api->blob, job.id, JOB_REJECTS_BLOB, &reader, &bytes, &err);\n\tif (st == OK)\n\t\tmemset(arena_alloc(request_arena(request), bytes), 1, bytes);' },

	{ test: 'scenario/12-memory: memory of a load stays near that of the lake\'s engine, whatever many long records fail', file: problem, from: 'if (problems->bytes < FLUSH_BYTES)', to: 'if (problems->bytes < 1000 * FLUSH_BYTES)' },

	/* --- Sentences --- */
	{ test: 'unit/reject_test: sentence_says_reason_field_value_and_what_would_be_right', file: texts, from: 'longer than 16 MiB', to: 'longer than the limit' },
	{ test: 'unit/reject_test: sentence_says_reason_field_value_and_what_would_be_right', file: texts, from: 'REJECT(NUL, "NUL_BYTE"', to: 'REJECT(NEW, "NEW", "is new")\nREJECT(NUL, "NUL_BYTE"' },
	{ test: 'unit/reject_test: sentence_about_the_number_of_fields_says_both_numbers', file: 'src/convert/reject.c', from: 'reject->have > reject->want ?', to: 'reject->have < reject->want ?' },
	{ test: 'unit/reject_test: names_are_stable', file: texts, from: '"NUMBER_SCALE", "', to: '"NUMBER_PLACES", "' },
	{ test: 'unit/reject_test: value_is_cut_at_40_bytes_and_a_whole_character', file: 'src/convert/reject.c', from: '#define VALUE_BYTES_MAX 40', to: '#define VALUE_BYTES_MAX 41' },
];
