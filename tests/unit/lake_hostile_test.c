/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile SQL in the thousands: every function of the engine's that a query must not reach in every
 * disguise, statements thrown together at random, and the limit on what the engine allocates. */
#include "../conformance/lake_fixture.h"

#include "lake/lake_duckdb_db.h"
#include "lake/lake_duckdb_memory.h"

#include <duckdb.h>
#include <pthread.h>
#include <stdatomic.h>

/* Names from the engine itself: what it has of functions that touch more than tables. */
static const char doors[] =
    "SELECT DISTINCT function_name FROM duckdb_functions() WHERE (function_type IN ('table', "
    "'table_macro') AND regexp_matches(function_name, "
    "'read|scan|glob|parquet|sniff|secret|setting|log|checkpoint|database|query|extension|temp|"
    "variable|memory|storage|metadata')) OR function_name IN ('getenv', 'current_setting', "
    "'getvariable', 'nextval', 'write_log', 'from_json', 'json_structure', 'levenshtein') ORDER BY "
    "1";

static const char *const disguises[] = {"%s('x')", "\"%s\"('x')", "%s ('x')", "%s\t\n('x')",
    "%s/**/('x')", "%s--\n('x')", "\"%s\" /* ( */ ('x')", "system.main.%s('x')", "main.\"%s\"('x')",
    "%s\xc2\xa0('x')", "%s\xe3\x80\x80('x')", "%s('x', a := 1)"};

static const char *const places[] = {"FROM %s", "SELECT %s", "SELECT * FROM %s AS t",
    "WITH x AS (FROM %s) FROM x", "SELECT (SELECT 1 FROM %s)", "EXPLAIN ANALYZE FROM %s",
    "DESCRIBE FROM %s", "SUMMARIZE FROM %s", "SELECT list_transform([1], lambda x: %s)",
    "VALUES ((SELECT 1 FROM %s))", "FROM range(1), LATERAL %s", "/* a */ (FROM %s)"};

static void must_refuse(struct lake *lake, const char *sql)
{
	static struct answer answer;
	struct err err = {{0}};
	enum status status = try_query(lake, sql, 5000, 10, &answer, &err);

	if (status != E_INVALID)
		fail_msg("%s: %s: %s", sql, status_name(status), err.text);
	assert_null(strstr(err.text, "lake.duckdb"));
}

/* Also in upper case. */
static void try_name(struct lake *lake, const char *name)
{
	char call[200], sql[400], upper[100];
	size_t length = strlen(name);

	assert_true(length < sizeof(upper));
	for (size_t i = 0; i <= length; i++)
		upper[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
	for (size_t i = 0; i < COUNT(disguises) * COUNT(places) * 2; i++) {
		const char *disguise = disguises[i / 2 / COUNT(places)];
		const char *place = places[i / 2 % COUNT(places)];

		snprintf(call, sizeof(call), disguise, i % 2 == 0 ? name : upper);
		snprintf(sql, sizeof(sql), place, call);
		must_refuse(lake, sql);
	}
}

static void every_door_is_shut_in_every_disguise(void **context)
{
	struct state *state = *context;
	duckdb_database database = NULL;
	duckdb_connection connection = NULL;
	duckdb_result result;
	idx_t count;

	ensure(state->lake, &plain);
	assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
	assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
	assert_int_equal(duckdb_query(connection, doors, &result), DuckDBSuccess);
	count = duckdb_row_count(&result);
	assert_true(count > 30);
	for (idx_t i = 0; i < count; i++) {
		char *name = duckdb_value_varchar(&result, 0, i);

		try_name(state->lake, name);
		duckdb_free(name);
	}
	duckdb_destroy_result(&result);
	duckdb_disconnect(&connection);
	duckdb_close(&database);
	check(state->lake, "SELECT count(*) FROM shop.plain", "0\n");
}

static const char *const words[] = {"SELECT", "FROM", "WITH", "x", "AS", "(", ")", "(", ")", ",",
    "INSERT INTO", "DELETE FROM", "shop.plain", "VALUES", "1", "'a'", "*", "DROP TABLE", "COPY",
    "TO", "'/tmp/sluice-of-nobody'", "SET", "threads", "=", ";", "--", "\n", "/*", "*/", "EXPLAIN", "ANALYZE",
    "UNION ALL", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "range", "repeat", "ATTACH", "CREATE",
    "TEMP", "TABLE", "MACRO", "PRAGMA", "CALL", "[", "]", "{", "}", "::", "json", "->", "$1", "?",
    "\"", "'", "RETURNING", "PIVOT", "ON", "USING", "JOIN", "LATERAL", "RECURSIVE", "COMMIT"};

/* Whatever it is, it is answered, changes nothing and reaches nothing. */
static void statements_at_random_change_nothing(void **context)
{
	static struct answer answer;
	struct state *state = *context;
	uint64_t seed = 42;
	char sql[600];

	ensure(state->lake, &plain);
	for (int i = 0; i < 4000; i++) {
		size_t used = (size_t)snprintf(sql, sizeof(sql), "%s", i % 2 ? "SELECT " : "FROM ");
		struct err err = {{0}};
		enum status status;

		for (int j = 0; j < 3 + i % 25; j++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			used += (size_t)snprintf(sql + used, sizeof(sql) - used, "%s ",
			    words[(seed >> 33) % COUNT(words)]);
		}
		status = try_query(state->lake, sql, 2000, 10, &answer, &err);
		if (status != OK && status != E_INVALID && status != E_TIMEOUT && status != E_LIMIT)
			fail_msg("%s: %s: %s", sql, status_name(status), err.text);
	}
	check(state->lake, "SELECT count(*) FROM shop.plain", "0\n");
	check(state->lake, "SHOW TABLES", "PR_shop_plain__dll\nshop_plain__dll\n");
	assert_int_not_equal(access("/tmp/sluice-of-nobody", F_OK), 0);
}

static void the_engine_gets_no_more_than_its_limit(void **context)
{
	static struct answer answer;
	struct state *state = *context;
	struct err err = {{0}};
	char sql[100];

	assert_true(lake_duckdb_memory_is_seen());
	assert_true(lake_duckdb_memory_default(MEMORY_BYTES) > MEMORY_BYTES);
	/* The limit is 512 MB; a list of so many is 8 bytes each. */
	for (int64_t bytes = INT64_C(600) << 20; bytes < INT64_C(16) << 30; bytes *= 4) {
		snprintf(sql, sizeof(sql), "SELECT len(range(%" PRId64 "))", bytes / 8);
		assert_int_equal(try_query(state->lake, sql, 20000, 10, &answer, &err), E_LIMIT);
		assert_string_equal(err.text, "the query needs more memory than it may have");
	}
	check(state->lake, "SELECT len(range(1000000))", "1000000\n");
	assert_true(lake_duckdb_memory_used() < 64 << 20);
	assert_false(lake_duckdb_memory_is_over());
}

static _Atomic bool is_over;

static void *want_memory(void *ctx)
{
	struct err err;

	(void)ctx;
	(void)lake_duckdb_memory_role(LAKE_DUCKDB_OURS);
	while (!atomic_load(&is_over)) {
		assert_int_equal(
		    lake_duckdb_fail(DUCKDB_ERROR_OUT_OF_MEMORY, "none", "load", &err), E_NOMEM);
		usleep(10000);
	}
	return NULL;
}

/* A load that finds no memory has a query end for it; a query that finds none does not. */
static void queries_make_room_for_a_load(void **context)
{
	static struct answer answer;
	struct state *state = *context;
	struct err err = {{0}};
	pthread_t thread;
	enum lake_duckdb_role role = lake_duckdb_memory_role(LAKE_DUCKDB_QUERY);

	lake_duckdb_memory_want();
	assert_false(lake_duckdb_memory_is_over());
	(void)lake_duckdb_memory_role(role);
	assert_int_equal(pthread_create(&thread, NULL, want_memory, NULL), 0);
	assert_int_equal(
	    try_query(state->lake, "SELECT count(*) FROM range(1000000) a, range(1000000) b", 20000,
		10, &answer, &err),
	    E_LIMIT);
	atomic_store(&is_over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	while (lake_duckdb_memory_is_over())
		usleep(1000);
	check(state->lake, "SELECT 1", "1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_door_is_shut_in_every_disguise),
	    TEST(statements_at_random_change_nothing),
	    TEST(the_engine_gets_no_more_than_its_limit),
	    TEST(queries_make_room_for_a_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
