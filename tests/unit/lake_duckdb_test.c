/* SPDX-License-Identifier: Apache-2.0 */
/* The lake's file as older programs left it: made here by hand, with the engine itself. */
#include "../conformance/lake_fixture.h"

#include <duckdb.h>

/* Run SQL on the file while nobody has the lake open. */
static void change_file(struct state *state, const char *const *statements, size_t count)
{
	duckdb_database database = NULL;
	duckdb_connection connection = NULL;
	duckdb_result result;
	char path[300];

	lake_close(&state->lake);
	snprintf(path, sizeof(path), "%s/lake.duckdb", state->folder);
	assert_int_equal(duckdb_open(path, &database), DuckDBSuccess);
	assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
	for (size_t i = 0; i < count; i++) {
		if (duckdb_query(connection, statements[i], &result) != DuckDBSuccess)
			fail_msg("%s: %s", statements[i], duckdb_result_error(&result));
		duckdb_destroy_result(&result);
	}
	duckdb_disconnect(&connection);
	duckdb_close(&database);
	state->lake = open_lake(state->folder);
}

static const row one_row[] = {{"text", "key", "50"}};
static const char *const without_problems[] = {
    "DROP VIEW main.\"PR_shop_plain__dll\"", "DROP SCHEMA \"PR_shop\" CASCADE"};
static const char *const with_namesake[] = {"DROP VIEW main.\"PR_shop_plain__dll\"",
    "DROP SCHEMA \"PR_shop\" CASCADE", "CREATE SCHEMA \"PR_shop\"",
    "CREATE TABLE \"PR_shop\".plain (id VARCHAR)",
    "CREATE VIEW main.\"PR_shop_plain__dll\" AS SELECT id AS id__c FROM lake.\"PR_shop\".plain",
    "COMMENT ON VIEW main.\"PR_shop_plain__dll\" IS 'PR_shop.plain'"};

static void a_table_without_problem_records_gets_them(void **context)
{
	struct state *state = *context;
	const struct lake_problem problem = {.job_id = "j2",
	    .part = 1,
	    .line = 2,
	    .code = SLICE("C"),
	    .message = SLICE("m"),
	    .record = SLICE("r")};
	struct lake_mark mark = {0};
	struct lake_load *load;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", one_row, 1);
	change_file(state, without_problems, COUNT(without_problems));
	ensure(state->lake, &plain);
	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	assert_int_equal(lake_load_problem(load, &problem, &err), OK);
	assert_int_equal(lake_load_commit(&load, "j2", &mark, &err), OK);
	check(state->lake, ALL_PLAIN, "key|text\n");
	check(state->lake, "SELECT job_id__c, line__c FROM PR_shop_plain__dll", "j2|2\n");
}

static void a_table_without_problem_records_can_be_dropped(void **context)
{
	struct state *state = *context;
	struct err err;

	ensure(state->lake, &plain);
	change_file(state, without_problems, COUNT(without_problems));
	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	check(state->lake, "SHOW TABLES", "");
	ensure(state->lake, &plain);
	check(state->lake, "SELECT count(*) FROM PR_shop.plain", "0\n");
}

/* Before the name was reserved a connector might have it.  Its table is not taken for one of
 * problem records, and once it is dropped the name is free for them. */
static void a_connector_of_that_name_keeps_its_table_until_it_is_dropped(void **context)
{
	struct state *state = *context;
	struct err err;

	ensure(state->lake, &plain);
	change_file(state, with_namesake, COUNT(with_namesake));
	assert_int_equal(lake_table_ensure(state->lake, &plain, &err), E_CONFLICT);
	assert_non_null(
	    strstr(err.text, "the view PR_shop_plain__dll is already that of PR_shop.plain"));
	check(state->lake, "SELECT column_name FROM (DESCRIBE PR_shop.plain)", "id\n");
	assert_int_equal(lake_table_drop(state->lake, "PR_shop", "plain", &err), OK);
	ensure(state->lake, &plain);
	check(state->lake, "SELECT job_id FROM PR_shop.plain", "");
}

static void dropping_a_table_leaves_that_of_its_namesake(void **context)
{
	struct state *state = *context;
	struct err err;

	ensure(state->lake, &plain);
	change_file(state, with_namesake, COUNT(with_namesake));
	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	check(state->lake, "SHOW TABLES", "PR_shop_plain__dll\n");
	check(state->lake, "SELECT count(*) FROM PR_shop.plain", "0\n");
}

static void a_file_without_positions_gets_them(void **context)
{
	struct state *state = *context;
	static const char *const without_positions[] = {"DROP TABLE \"~sluice\".positions"};
	struct lake_load *load;
	int64_t position = -1;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", one_row, 1);
	change_file(state, without_positions, 1);
	assert_int_equal(lake_position_get(state->lake, "log", &position, &err), OK);
	assert_int_equal(position, 0);
	assert_int_equal(lake_load_begin(state->lake, &plain, LAKE_CHANGE, &load, &err), OK);
	assert_int_equal(lake_load_commit_position(&load, "log", 0, 5, &err), OK);
	assert_int_equal(lake_position_get(state->lake, "log", &position, &err), OK);
	assert_int_equal(position, 5);
	check(state->lake, ALL_PLAIN, "key|text\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_table_without_problem_records_gets_them),
	    TEST(a_table_without_problem_records_can_be_dropped),
	    TEST(a_connector_of_that_name_keeps_its_table_until_it_is_dropped),
	    TEST(dropping_a_table_leaves_that_of_its_namesake),
	    TEST(a_file_without_positions_gets_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
