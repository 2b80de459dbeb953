/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LAKE_UPSERT_DIRECT (src/lake/lake.h): the same as an upsert where it is one of those it is for,
 * and E_CONFLICT without a trace where it is not.
 */
#include "lake_fixture.h"

#include "base/clock.h"
#include "base/thread.h"

#include <stdatomic.h>

/* So many batches that the rows do not wait for the commit: more than a feed holds. */
#define MANY_BATCHES 150

static void every_type_comes_back(void **context)
{
	struct state *state = *context;
	static const row rows[] = {
	    {"a", "12500000000000000000", "42", "true", "18788", "1623331544784000"},
	    {"b", NULL, NULL, NULL, NULL, NULL},
	    {"", "-500000000000000000", "7", "true", "1", "123450"},
	    {"twelve bytes", "1", "-7", "false", "-1", "-1"},
	    {"thirteen byte", "10", "7", "true", "1", "1"},
	    {"a text that is much longer than what the engine keeps in a string", "0", "0", "true",
		"1", "1"},
	};

	ensure(state->lake, &all_types);
	load_rows(state->lake, &all_types, LAKE_UPSERT_DIRECT, "j1", rows, COUNT(rows));
	check(state->lake, "SELECT * FROM shop.all_types ORDER BY id",
	    "|-0.500000000000000000|7|true|1970-01-02|1970-01-01T00:00:00.12345Z\n"
	    "a|12.500000000000000000|42|true|2021-06-10|2021-06-10T13:25:44.784Z\n"
	    "a text that is much longer than what the engine keeps in a "
	    "string|0.000000000000000000|0|true|1970-01-02|1970-01-01T00:00:00.000001Z\n"
	    "b|~|~|~|~|~\n"
	    "thirteen byte|0.000000000000000010|7|true|1970-01-02|1970-01-01T00:00:00.000001Z\n"
	    "twelve bytes|0.000000000000000001|-7|false|1969-12-31|"
	    "1969-12-31T23:59:59.999999Z\n");
}

static void stored_rows_of_the_keys_are_replaced_and_others_stay(void **context)
{
	struct state *state = *context;
	static const row first[] = {{"1", "a", "50"}, {"2", "b", "50"}, {"3", "c", "10"}};
	static const row second[] = {{"4", "c", "1"}, {"5", "a", NULL}, {"6", "d", "1"}};
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT_DIRECT, "j1", first, COUNT(first));
	check(state->lake, ALL_PLAIN, "a|1\nb|2\nc|3\n");
	load_rows(state->lake, &plain, LAKE_UPSERT_DIRECT, "j2", second, COUNT(second));
	check(state->lake, ALL_PLAIN, "a|5\nb|2\nc|4\nd|6\n");
	assert_int_equal(lake_mark_get(state->lake, "j2", &mark, &err), OK);
	assert_int_equal(mark.records_processed, 3);
	reopen(state);
	check(state->lake, ALL_PLAIN, "a|5\nb|2\nc|4\nd|6\n");
}

static void a_job_that_was_applied_is_not_applied_again(void **context)
{
	struct state *state = *context;
	static const row first[] = {{"1", "a", "50"}}, again[] = {{"2", "a", "50"}};
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT_DIRECT, "j1", first, COUNT(first));
	assert_int_equal(
	    try_load(state->lake, &plain, LAKE_UPSERT_DIRECT, "j1", again, COUNT(again), &err),
	    E_EXISTS);
	check(state->lake, ALL_PLAIN, "a|1\n");
}

/* Fill ${batch} with BATCH_ROWS rows whose keys are ${prefix} and the numbers from ${first} on. */
static void fill(struct batch *batch, char (*ids)[32], const char *prefix, int first)
{
	batch_reset(batch);
	for (size_t i = 0; i < BATCH_ROWS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%s-%d", prefix, first + (int)i);
		put_value(&batch->columns[0], i, "x");
		put_value(&batch->columns[1], i, ids[i]);
	}
	batch->row_count = BATCH_ROWS;
}

static enum status append_many(struct lake_load *load, int from, int count, struct err *err)
{
	static char ids[BATCH_ROWS][32];
	struct batch *batch = make_batch(&plain, LAKE_UPSERT);
	enum status status = OK;

	for (int k = from; k < from + count && status == OK; k++) {
		fill(batch, ids, "a key of many rows", k * BATCH_ROWS);
		status = lake_load_append(load, batch, err);
	}
	batch_destroy(&batch);
	return status;
}

static void many_rows_go_in_while_they_come(void **context)
{
	struct state *state = *context;
	const struct lake_mark mark = {0};
	const struct lake_problem problem = {.job_id = "j1",
	    .part = 1,
	    .line = 2,
	    .code = SLICE("CODE"),
	    .message = SLICE("it is wrong"),
	    .record = SLICE("a,b")};
	struct lake_load *load = NULL;
	char expected[64];
	struct err err;

	ensure(state->lake, &plain);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(
		    lake_load_begin(state->lake, &plain, LAKE_UPSERT_DIRECT, &load, &err), OK);
		/* The half that was stored in the first round is replaced in the second; and
		 * problem records come between, for which the statement must rest. */
		assert_int_equal(
		    append_many(load, round * MANY_BATCHES / 2, MANY_BATCHES / 2, &err), OK);
		assert_int_equal(lake_load_problem(load, &problem, &err), OK);
		assert_int_equal(
		    append_many(load, (round + 1) * MANY_BATCHES / 2, MANY_BATCHES / 2, &err), OK);
		if (lake_load_commit(&load, round == 0 ? "j1" : "j2", &mark, &err) != OK)
			fail_msg("%s", err.text);
	}
	snprintf(expected, sizeof(expected), "%d|%d\n", 3 * MANY_BATCHES / 2 * BATCH_ROWS,
	    3 * MANY_BATCHES / 2 * BATCH_ROWS);
	check(state->lake, "SELECT count(*), count(DISTINCT id) FROM shop.plain", expected);
	check(state->lake, "SELECT count(*) FROM PR_shop.plain", "2\n");
}

/* --- What it is not for ----------------------------------------------------------------------- */

/* Append and, if that goes well, commit. */
static enum status try_direct(struct lake *lake, const struct lake_table *table, const char *job,
    const row *rows, size_t count, struct err *err)
{
	const struct lake_mark mark = {0};
	struct batch *batch = make_batch(table, LAKE_UPSERT);
	struct lake_load *load = NULL;
	enum status status;

	assert_int_equal(lake_load_begin(lake, table, LAKE_UPSERT_DIRECT, &load, err), OK);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < batch->column_count; j++)
			put_value(&batch->columns[j], i, rows[i][j]);
	}
	batch->row_count = count;
	status = lake_load_append(load, batch, err);
	if (status == OK)
		status = lake_load_commit(&load, job, &mark, err);
	lake_load_abort(&load);
	batch_destroy(&batch);
	return status;
}

static void a_key_that_comes_twice_is_a_conflict_that_leaves_nothing(void **context)
{
	struct state *state = *context;
	static const row stored[] = {{"1", "a", "50"}, {"2", "b", "50"}};
	static const row twice[] = {{"3", "a", "1"}, {"4", "c", "1"}, {"5", "a", "1"}};
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", stored, COUNT(stored));
	assert_int_equal(
	    try_direct(state->lake, &plain, "j2", twice, COUNT(twice), &err), E_CONFLICT);
	check(state->lake, ALL_PLAIN, "a|1\nb|2\n");
	assert_int_equal(lake_mark_get(state->lake, "j2", &mark, &err), E_NOT_FOUND);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j2", twice, COUNT(twice));
	check(state->lake, ALL_PLAIN, "a|5\nb|2\nc|4\n");
}

static void a_key_that_comes_again_after_many_rows_is_a_conflict(void **context)
{
	struct state *state = *context;
	struct lake_load *load = NULL;
	struct err err;

	ensure(state->lake, &plain);
	assert_int_equal(lake_load_begin(state->lake, &plain, LAKE_UPSERT_DIRECT, &load, &err), OK);
	assert_int_equal(append_many(load, 0, MANY_BATCHES, &err), OK);
	assert_int_equal(append_many(load, 3, 1, &err), E_CONFLICT);
	lake_load_abort(&load);
	check(state->lake, "SELECT count(*) FROM shop.plain", "0\n");
}

static void a_row_that_is_older_than_the_stored_one_is_a_conflict(void **context)
{
	struct state *state = *context;
	static const row stored[] = {{"s", "a", "100"}, {"s", "b", "200"}, {"s", "c", NULL}};
	static const row older[] = {{"n", "a", "101"}, {"n", "b", "199"}};
	static const row without[] = {{"n", "a", NULL}};
	static const row good[] = {
	    {"n", "a", "100"}, {"n", "b", "201"}, {"n", "c", "1"}, {"n", "d", "1"}};
	struct err err;

	ensure(state->lake, &versioned);
	load_rows(state->lake, &versioned, LAKE_UPSERT, "j1", stored, COUNT(stored));
	assert_int_equal(
	    try_direct(state->lake, &versioned, "j2", older, COUNT(older), &err), E_CONFLICT);
	assert_int_equal(
	    try_direct(state->lake, &versioned, "j2", without, COUNT(without), &err), E_CONFLICT);
	check(state->lake, ALL_VERSIONED, "a|s|100\nb|s|200\nc|s|~\n");
	/* One key's stored row may be later than another's new one. */
	assert_int_equal(try_direct(state->lake, &versioned, "j2", good, COUNT(good), &err), OK);
	check(state->lake, ALL_VERSIONED, "a|n|100\nb|n|201\nc|n|1\nd|n|1\n");
}

static void a_table_with_a_field_called_rowid_is_a_conflict(void **context)
{
	struct state *state = *context;
	static const struct field fields[] = {
	    {.name = "id", .type = FIELD_STRING}, {.name = "RowId", .type = FIELD_INTEGER}};
	static const struct lake_table table = {
	    .connector = "shop", .object = "numbered", .fields = fields, .field_count = 2};
	static const row rows[] = {{"a", "1"}};
	struct err err;

	ensure(state->lake, &table);
	assert_int_equal(
	    try_direct(state->lake, &table, "j1", rows, COUNT(rows), &err), E_CONFLICT);
	load_rows(state->lake, &table, LAKE_UPSERT, "j1", rows, COUNT(rows));
	check(state->lake, "SELECT * FROM shop.numbered", "a|1\n");
}

/* --- Beside others ---------------------------------------------------------------------------- */

static void an_abort_in_the_middle_leaves_nothing_and_holds_up_nobody(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}};
	struct lake_load *load = NULL;
	struct err err;

	ensure(state->lake, &plain);
	assert_int_equal(lake_load_begin(state->lake, &plain, LAKE_UPSERT_DIRECT, &load, &err), OK);
	assert_int_equal(append_many(load, 0, MANY_BATCHES, &err), OK);
	lake_load_abort(&load);
	check(state->lake, ALL_PLAIN, "");
	load_rows(state->lake, &plain, LAKE_UPSERT_DIRECT, "j2", rows, COUNT(rows));
	check(state->lake, ALL_PLAIN, "a|1\n");
}

struct rival {
	struct lake *lake;
	atomic_bool is_done;
};

static void *load_beside(void *ctx)
{
	static const row rows[] = {{"2", "b", "50"}};
	struct rival *rival = ctx;

	load_rows(rival->lake, &plain, LAKE_UPSERT, "rival", rows, COUNT(rows));
	atomic_store(&rival->is_done, true);
	return NULL;
}

static void who_waits_for_the_table_is_told_of(void **context)
{
	struct state *state = *context;
	struct rival rival = {.lake = state->lake};
	int64_t give_up_us = clock_mono_us() + 30000000;
	const struct lake_mark mark = {0};
	struct lake_load *load = NULL;
	pthread_t thread;
	struct err err;

	ensure(state->lake, &plain);
	assert_int_equal(lake_load_begin(state->lake, &plain, LAKE_UPSERT_DIRECT, &load, &err), OK);
	assert_false(lake_load_is_in_the_way(load));
	assert_int_equal(append_many(load, 0, 1, &err), OK);
	assert_false(lake_load_is_in_the_way(load));
	assert_int_equal(thread_start(&thread, "rival", load_beside, &rival, &err), OK);
	while (!lake_load_is_in_the_way(load)) {
		assert_false(atomic_load(&rival.is_done));
		assert_true(clock_mono_us() < give_up_us);
	}
	assert_int_equal(lake_load_commit(&load, "j1", &mark, &err), OK);
	thread_join(thread);
	check(state->lake, "SELECT count(*) FROM shop.plain", "2049\n");
}

static void a_query_may_not_read_a_feed(void **context)
{
	struct state *state = *context;
	static const char *const statements[] = {"SELECT * FROM sluice_feed(1)",
	    "SELECT * FROM \"sluice_feed\" (1)", "EXPLAIN FROM SLUICE_FEED(1)"};
	static struct answer answer;
	struct err err;

	for (size_t i = 0; i < COUNT(statements); i++) {
		assert_int_equal(
		    try_query(state->lake, statements[i], 1000, 10, &answer, &err), E_INVALID);
		assert_non_null(strstr(err.text, "may not use"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_type_comes_back),
	    TEST(stored_rows_of_the_keys_are_replaced_and_others_stay),
	    TEST(a_job_that_was_applied_is_not_applied_again),
	    TEST(many_rows_go_in_while_they_come),
	    TEST(a_key_that_comes_twice_is_a_conflict_that_leaves_nothing),
	    TEST(a_key_that_comes_again_after_many_rows_is_a_conflict),
	    TEST(a_row_that_is_older_than_the_stored_one_is_a_conflict),
	    TEST(a_table_with_a_field_called_rowid_is_a_conflict),
	    TEST(an_abort_in_the_middle_leaves_nothing_and_holds_up_nobody),
	    TEST(who_waits_for_the_table_is_told_of),
	    TEST(a_query_may_not_read_a_feed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
