/* SPDX-License-Identifier: Apache-2.0 */
/* What every lake promises about problem records (src/lake/lake.h): see lake_fixture.h. */
#include "lake_fixture.h"

#include "base/clock.h"
#include "base/thread.h"

#include <stdatomic.h>

#define ALL_PROBLEMS                                                                               \
	"SELECT job_id, part, line, field, error_code, message, record FROM PR_shop.plain ORDER "  \
	"BY job_id, part, line"

static const row one_row[] = {{"text", "key", "50"}};

static void add_problem(struct lake_load *load, const struct lake_problem *problem)
{
	struct err err;

	if (lake_load_problem(load, problem, &err) != OK)
		fail_msg("%s", err.text);
}

static void add_lines(struct lake_load *load, const char *job, int64_t first, int64_t count)
{
	struct lake_problem problem = {.job_id = job,
	    .part = 1,
	    .field = SLICE("id"),
	    .code = SLICE("NOT_A_NUMBER"),
	    .message = SLICE("id: \"x\" is not a number"),
	    .record = SLICE("x,\"a,b\"")};

	for (int64_t i = 0; i < count; i++) {
		problem.line = first + i;
		add_problem(load, &problem);
	}
}

static void commit(struct lake_load **load, const char *job)
{
	struct err err;

	if (lake_load_commit(load, job, &(struct lake_mark){0}, &err) != OK)
		fail_msg("%s", err.text);
}

/* A load of one row and of ${count} problem records. */
static void load_problems(struct lake *lake, const char *job, int64_t count)
{
	struct lake_load *load = begin_with(lake, &plain, LAKE_UPSERT, one_row, 1);

	add_lines(load, job, 2, count);
	commit(&load, job);
}

static int64_t expire(struct lake *lake, int64_t before_us)
{
	int64_t removed = -1;
	struct err err;

	if (lake_problems_expire(lake, "shop", "plain", before_us, &removed, &err) != OK)
		fail_msg("%s", err.text);
	return removed;
}

/* --- With a load ------------------------------------------------------------------------------ */

static void they_come_with_the_loads_commit(void **context)
{
	struct state *state = *context;
	struct lake_load *load;
	char sql[256];
	int64_t before_us, after_us;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	add_problem(load, &(struct lake_problem){.job_id = "j1",
			      .part = 1,
			      .line = 9007199254740993,
			      .field = SLICE("id"),
			      .code = SLICE("NOT_A_NUMBER"),
			      .message = SLICE("id: \"x\" is not a number"),
			      .record = SLICE("x,\"a,b\",")});
	add_problem(load, &(struct lake_problem){.job_id = "j1",
			      .part = 2,
			      .line = 1,
			      .code = SLICE("FIELD_COUNT"),
			      .message = SLICE("the record has 1 field"),
			      .record = SLICE("")});
	check(state->lake, ALL_PROBLEMS, "");
	before_us = clock_now_us();
	commit(&load, "j1");
	after_us = clock_now_us();
	check(state->lake, ALL_PROBLEMS,
	    "j1|1|9007199254740993|id|NOT_A_NUMBER|id: \"x\" is not a number|x,\"a,b\",\n"
	    "j1|2|1|~|FIELD_COUNT|the record has 1 field|\n");
	check(state->lake, ALL_PLAIN, "key|text\n");
	snprintf(sql, sizeof(sql),
	    "SELECT count(*), count(DISTINCT failed_at) FROM pr_shop.plain WHERE "
	    "epoch_us(failed_at) "
	    "BETWEEN %" PRId64 " AND %" PRId64,
	    before_us, after_us);
	check(state->lake, sql, "2|1\n");
}

static void they_have_the_types_and_names_that_every_table_has(void **context)
{
	struct state *state = *context;

	ensure(state->lake, &plain);
	load_problems(state->lake, "j1", 1);
	check(state->lake, "SELECT column_name, column_type FROM (DESCRIBE PR_shop.plain)",
	    "job_id|VARCHAR\npart|BIGINT\nline|BIGINT\nfield|VARCHAR\nerror_code|VARCHAR\n"
	    "message|VARCHAR\nrecord|VARCHAR\nfailed_at|TIMESTAMP\n");
	check(state->lake,
	    "SELECT job_id__c, part__c, line__c, field__c, error_code__c, message__c, record__c "
	    "FROM "
	    "PR_shop_plain__dll WHERE failed_at__c > '2020-01-01'",
	    "j1|1|2|id|NOT_A_NUMBER|id: \"x\" is not a number|x,\"a,b\"\n");
	check(state->lake,
	    "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'PR_shop_plain__dll'", "8\n");
}

static void a_load_without_rows_has_them_too(void **context)
{
	struct state *state = *context;
	struct lake_load *load;
	static const row none[1];

	ensure(state->lake, &versioned);
	load = begin_with(state->lake, &versioned, LAKE_DELETE, none, 0);
	add_lines(load, "j1", 1, 3);
	commit(&load, "j1");
	check(state->lake, "SELECT job_id, line FROM PR_shop.versioned ORDER BY line",
	    "j1|1\nj1|2\nj1|3\n");
}

static void a_load_that_is_not_committed_leaves_none(void **context)
{
	struct state *state = *context;
	struct lake_load *load;
	struct err err;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	add_lines(load, "j1", 1, 3);
	lake_load_abort(&load);
	check(state->lake, ALL_PROBLEMS, "");
	/* A job that was applied before. */
	load_problems(state->lake, "j1", 1);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	add_lines(load, "j1", 5, 3);
	assert_int_equal(lake_load_commit(&load, "j1", &(struct lake_mark){0}, &err), E_EXISTS);
	check(state->lake, "SELECT line FROM PR_shop.plain", "2\n");
	/* A table that went meanwhile. */
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	add_lines(load, "j1", 5, 3);
	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	assert_int_equal(lake_load_commit(&load, "j2", &(struct lake_mark){0}, &err), E_NOT_FOUND);
	ensure(state->lake, &plain);
	check(state->lake, ALL_PROBLEMS, "");
}

static void they_are_durable_and_outlive_the_marks(void **context)
{
	struct state *state = *context;
	struct err err;

	ensure(state->lake, &plain);
	load_problems(state->lake, "j1", 3);
	assert_int_equal(lake_mark_clear(state->lake, &err), OK);
	reopen(state);
	ensure(state->lake, &plain);
	check(state->lake, "SELECT job_id, line FROM PR_shop.plain ORDER BY line",
	    "j1|2\nj1|3\nj1|4\n");
}

/* --- Texts ------------------------------------------------------------------------------------ */

static void what_is_no_text_is_stored_as_one(void **context)
{
	struct state *state = *context;
	const struct slice records[] = {SLICE("a\0b,\xff\xfe,\xe2\x82,€\xed\xa0\x80"),
	    SLICE("only\0NUL"), SLICE("no NUL\xff"), SLICE("fine: äöü€")};
	struct lake_problem problem = {
	    .job_id = "j1", .part = 1, .code = SLICE("NOT_UTF8"), .message = SLICE("\xc3\xa9\0")};
	struct lake_load *load;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	for (size_t i = 0; i < COUNT(records); i++) {
		problem.line = (int64_t)i + 1;
		problem.record = records[i];
		add_problem(load, &problem);
	}
	commit(&load, "j1");
	check(state->lake, "SELECT DISTINCT message FROM PR_shop.plain", "é\ufffd\n");
	check(state->lake, "SELECT record FROM PR_shop.plain ORDER BY line",
	    "a\ufffdb,\ufffd\ufffd,\ufffd\ufffd,€\ufffd\ufffd\ufffd\nonly\ufffdNUL\n"
	    "no NUL\ufffd\nfine: äöü€\n");
}

static void a_long_text_is_cut_at_a_whole_character(void **context)
{
	struct state *state = *context;
	static char text[LAKE_PROBLEM_BYTES_MAX + 100];
	struct lake_problem problem = {.job_id = "j1",
	    .part = 1,
	    .code = SLICE("C"),
	    .message = SLICE("m"),
	    .record = {text, 0}};
	struct lake_load *load;

	memset(text, 'x', sizeof(text));
	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	problem.line = 1; /* as long as it may be */
	problem.record.len = LAKE_PROBLEM_BYTES_MAX;
	add_problem(load, &problem);
	problem.line = 2; /* one more */
	problem.record.len++;
	add_problem(load, &problem);
	problem.line = 3; /* and a character that lies across the limit */
	memcpy(text + LAKE_PROBLEM_BYTES_MAX - 2, "\xe2\x82\xac", 3);
	add_problem(load, &problem);
	commit(&load, "j1");
	check(state->lake,
	    "SELECT line, length(record), trim(record, 'x') FROM PR_shop.plain ORDER BY line",
	    "1|16384|\n2|16385|…\n3|16383|…\n");
}

/* --- Many ------------------------------------------------------------------------------------- */

enum { MANY = 130000 }; /* more than a row group, which is when dirty reads would come */

struct reader {
	struct lake *lake;
	atomic_bool stop;
	int64_t looks;
	pthread_t thread;
};

static void *run_reader(void *ctx)
{
	struct reader *reader = ctx;
	static struct answer answer;
	struct err err;

	do {
		if (try_query(reader->lake,
			"SELECT (SELECT count(*) FROM shop.plain WHERE id LIKE 'm%'), (SELECT "
			"count(*) FROM "
			"PR_shop.plain)",
			30000, 10, &answer, &err) != OK)
			return strdup(err.text);
		if (strcmp(answer.text, "0|0\n") != 0 &&
		    strcmp(answer.text, "130000|130000\n") != 0)
			return strdup("a query saw half of a load");
		reader->looks++;
	} while (!atomic_load(&reader->stop));
	return NULL;
}

static void a_query_sees_rows_and_problems_or_neither(void **context)
{
	struct state *state = *context;
	struct reader reader = {.lake = state->lake};
	static char keys[BATCH_ROWS][16];
	static row rows[BATCH_ROWS];
	struct batch *batch = make_batch(&plain, LAKE_UPSERT);
	struct lake_load *load = NULL;
	void *failure = NULL;
	struct err err;

	ensure(state->lake, &plain);
	assert_int_equal(lake_load_begin(state->lake, &plain, LAKE_UPSERT, &load, &err), OK);
	for (size_t done = 0; done < MANY;) {
		size_t count = MANY - done < BATCH_ROWS ? MANY - done : BATCH_ROWS;

		for (size_t i = 0; i < count; i++) {
			snprintf(keys[i], sizeof(keys[i]), "m%zu", done + i);
			rows[i][1] = keys[i];
		}
		append(load, batch, (const row *)rows, count);
		done += count;
	}
	add_lines(load, "j1", 1, MANY);
	assert_int_equal(pthread_create(&reader.thread, NULL, run_reader, &reader), 0);
	commit(&load, "j1");
	atomic_store(&reader.stop, true);
	assert_int_equal(pthread_join(reader.thread, &failure), 0);
	if (failure != NULL)
		fail_msg("%s", (char *)failure);
	check(state->lake, "SELECT count(*), count(DISTINCT line), min(line) FROM PR_shop.plain",
	    "130000|130000|1\n");
	batch_destroy(&batch);
}

/* --- Their end -------------------------------------------------------------------------------- */

static void the_old_ones_go_and_the_others_stay(void **context)
{
	struct state *state = *context;
	int64_t between_us;

	ensure(state->lake, &plain);
	load_problems(state->lake, "j1", 3);
	between_us = clock_now_us() + 1;
	while (clock_now_us() <= between_us)
		continue;
	load_problems(state->lake, "j2", 2);
	assert_int_equal(expire(state->lake, 0), 0);
	assert_int_equal(expire(state->lake, between_us), 3);
	assert_int_equal(expire(state->lake, between_us), 0);
	check(state->lake, "SELECT job_id, line FROM PR_shop.plain ORDER BY line", "j2|2\nj2|3\n");
	check(state->lake, ALL_PLAIN, "key|text\n");
	reopen(state);
	check(state->lake, "SELECT job_id, line FROM PR_shop.plain ORDER BY line", "j2|2\nj2|3\n");
	assert_int_equal(expire(state->lake, INT64_MAX), 2);
	check(state->lake, "SELECT count(*) FROM PR_shop.plain", "0\n");
}

static void without_their_table_there_are_none_to_expire(void **context)
{
	struct state *state = *context;
	int64_t removed = -1;
	struct err err;

	assert_int_equal(
	    lake_problems_expire(state->lake, "no", "table", INT64_MAX, &removed, &err), OK);
	assert_int_equal(removed, 0);
}

struct expirer {
	struct lake *lake;
	int64_t removed;
	pthread_t thread;
};

static void *run_expirer(void *ctx)
{
	struct expirer *expirer = ctx;
	struct err err;
	enum status status = lake_problems_expire(
	    expirer->lake, "shop", "plain", INT64_MAX, &expirer->removed, &err);

	return status == OK ? NULL : strdup(err.text);
}

static void two_who_expire_at_once_take_turns(void **context)
{
	struct state *state = *context;
	struct expirer expirers[4];
	struct lake_load *load;
	int64_t removed = 0;
	void *failure;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, one_row, 1);
	add_lines(load, "j1", 1, MANY);
	commit(&load, "j1");
	for (size_t i = 0; i < COUNT(expirers); i++) {
		expirers[i] = (struct expirer){.lake = state->lake};
		assert_int_equal(
		    pthread_create(&expirers[i].thread, NULL, run_expirer, &expirers[i]), 0);
	}
	for (size_t i = 0; i < COUNT(expirers); i++) {
		assert_int_equal(pthread_join(expirers[i].thread, &failure), 0);
		if (failure != NULL)
			fail_msg("%s", (char *)failure);
		removed += expirers[i].removed;
	}
	assert_int_equal(removed, MANY);
}

static void they_go_with_the_table(void **context)
{
	struct state *state = *context;
	static struct answer answer;
	struct err err;

	ensure(state->lake, &plain);
	ensure(state->lake, &versioned);
	load_problems(state->lake, "j1", 1);
	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	check(state->lake, "SHOW TABLES", "PR_shop_versioned__dll\nshop_versioned__dll\n");
	assert_int_equal(
	    try_query(state->lake, "FROM PR_shop.plain", 1000, 1, &answer, &err), E_INVALID);
	assert_int_equal(lake_table_drop(state->lake, "shop", "versioned", &err), OK);
	check(state->lake,
	    "SELECT DISTINCT schema_name FROM duckdb_schemas() WHERE schema_name ILIKE '%shop'",
	    "");
	ensure(state->lake, &plain);
	check(state->lake, ALL_PROBLEMS, "");
}

/* --- Names ------------------------------------------------------------------------------------ */

static void the_longest_names_have_theirs(void **context)
{
	struct state *state = *context;
	char connector[SCHEMA_NAME_BYTES_MAX + 1], object[SCHEMA_NAME_BYTES_MAX + 1];
	struct lake_table table = plain;
	struct lake_load *load;
	int64_t removed = -1;
	char sql[512];
	struct err err;

	memset(connector, 'c', SCHEMA_NAME_BYTES_MAX);
	memset(object, 'o', SCHEMA_NAME_BYTES_MAX);
	connector[SCHEMA_NAME_BYTES_MAX] = object[SCHEMA_NAME_BYTES_MAX] = '\0';
	table.connector = connector;
	table.object = object;
	ensure(state->lake, &table);
	ensure(state->lake, &table);
	load = begin_with(state->lake, &table, LAKE_UPSERT, one_row, 1);
	add_lines(load, "j1", 1, 1);
	commit(&load, "j1");
	snprintf(sql, sizeof(sql),
	    "SELECT a.line, b.line__c FROM PR_%s.%s AS a, PR_%s_%s__dll AS b", connector, object,
	    connector, object);
	check(state->lake, sql, "1|1\n");
	assert_int_equal(
	    lake_problems_expire(state->lake, connector, object, INT64_MAX, &removed, &err), OK);
	assert_int_equal(removed, 1);
	assert_int_equal(lake_table_drop(state->lake, connector, object, &err), OK);
	check(state->lake, "SHOW TABLES", "");
}

static void their_names_are_no_connectors(void **context)
{
	struct state *state = *context;
	static const char *const reserved[] = {"PR_shop", "pr_shop", "Pr_", "PR", "pr"};
	static const char *const free_names[] = {"PR-shop", "pro", "p", "shop_PR_", "PRshop"};
	struct lake_table table = plain;
	struct err err;

	for (size_t i = 0; i < COUNT(reserved); i++) {
		assert_true(lake_name_is_reserved(reserved[i]));
		table.connector = reserved[i];
		assert_int_equal(lake_table_ensure(state->lake, &table, &err), E_CONFLICT);
		assert_int_equal(lake_table_drop(state->lake, reserved[i], "plain", &err), OK);
	}
	check(state->lake, "SHOW TABLES", "");
	for (size_t i = 0; i < COUNT(free_names); i++)
		assert_false(lake_name_is_reserved(free_names[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(they_come_with_the_loads_commit),
	    TEST(they_have_the_types_and_names_that_every_table_has),
	    TEST(a_load_without_rows_has_them_too),
	    TEST(a_load_that_is_not_committed_leaves_none),
	    TEST(they_are_durable_and_outlive_the_marks),
	    TEST(what_is_no_text_is_stored_as_one),
	    TEST(a_long_text_is_cut_at_a_whole_character),
	    TEST(a_query_sees_rows_and_problems_or_neither),
	    TEST(the_old_ones_go_and_the_others_stay),
	    TEST(without_their_table_there_are_none_to_expire),
	    TEST(two_who_expire_at_once_take_turns),
	    TEST(they_go_with_the_table),
	    TEST(the_longest_names_have_theirs),
	    TEST(their_names_are_no_connectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
