/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lake's contract (src/lake/lake.h), promise by promise; that of problem records is in
 * lake_problem_test.c.
 */
#include "lake_fixture.h"

#include "base/clock.h"
#include "base/thread.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* --- Values ----------------------------------------------------------------------------------- */

static void every_type_comes_back_as_it_went_in(void **context)
{
	struct state *state = *context;
	static const row rows[] = {
	    {"a", "12500000000000000000", "42", "true", "18788", "1623331544784000"},
	    {"b", NULL, NULL, NULL, NULL, NULL},
	    {"c", "99999999999999999999999999999999999999", "9223372036854775807", "false",
		"2932896", "253402300799999999"},
	    {"d", "-99999999999999999999999999999999999999", "-9223372036854775808", "true",
		"-719162", "-62135596800000000"},
	    {"e", "0", "0", "false", "0", "0"},
	    {"f", "-1", "-1", "false", "-1", "-1"},
	    {"g", "3000000000000000000", "7", "true", "1", "1500000"},
	    {"", "-500000000000000000", "7", "true", "1", "123450"},
	    {"twelve bytes", "1", "7", "true", "1", "1"},
	    {"thirteen byte", "10", "7", "true", "1", "1"},
	    {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 and a longer text with ' and \" in it",
		"1000000", "7", "true", "1", "1"},
	};

	ensure(state->lake, &all_types);
	load_rows(state->lake, &all_types, LAKE_UPSERT, "j1", rows, COUNT(rows));
	check(state->lake, "SELECT * FROM shop.all_types ORDER BY id",
	    "|-0.500000000000000000|7|true|1970-01-02|1970-01-01T00:00:00.12345Z\n"
	    "a|12.500000000000000000|42|true|2021-06-10|2021-06-10T13:25:44.784Z\n"
	    "b|~|~|~|~|~\n"
	    "c|99999999999999999999.999999999999999999|9223372036854775807|false|9999-12-31|"
	    "9999-12-31T23:59:59.999999Z\n"
	    "d|-99999999999999999999.999999999999999999|-9223372036854775808|true|0001-01-01|"
	    "0001-01-01T00:00:00.000Z\n"
	    "e|0.000000000000000000|0|false|1970-01-01|1970-01-01T00:00:00.000Z\n"
	    "f|-0.000000000000000001|-1|false|1969-12-31|1969-12-31T23:59:59.999999Z\n"
	    "g|3.000000000000000000|7|true|1970-01-02|1970-01-01T00:00:01.500Z\n"
	    "thirteen byte|0.000000000000000010|7|true|1970-01-02|1970-01-01T00:00:00.000001Z\n"
	    "twelve bytes|0.000000000000000001|7|true|1970-01-02|1970-01-01T00:00:00.000001Z\n"
	    "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 and a longer text with ' and \" in it|"
	    "0.000000000001000000|7|true|1970-01-02|1970-01-01T00:00:00.000001Z\n");
}

/* The same value in every row of several batches, NULL where the row's number says so. */
static void a_null_is_where_it_was_put_in_every_batch(void **context)
{
	struct state *state = *context;
	struct batch *batch = make_batch(&all_types, LAKE_UPSERT);
	struct lake_load *load = NULL;
	struct lake_mark mark = {0};
	struct err err;
	static char ids[3][BATCH_ROWS][32];

	ensure(state->lake, &all_types);
	assert_int_equal(lake_load_begin(state->lake, &all_types, LAKE_UPSERT, &load, &err), OK);
	for (int k = 0; k < 3; k++) {
		batch_reset(batch);
		for (size_t i = 0; i < BATCH_ROWS; i++) {
			snprintf(ids[k][i], sizeof(ids[k][i]), "%d-%zu", k, i);
			put_value(&batch->columns[0], i, ids[k][i]);
			/* The middle batch has a NULL in every fifth row. */
			if (k != 1 || i % 5 != 0)
				put_value(&batch->columns[2], i, "3");
		}
		batch->row_count = k == 2 ? 100 : BATCH_ROWS;
		assert_int_equal(lake_load_append(load, batch, &err), OK);
	}
	batch_destroy(&batch);
	assert_int_equal(lake_load_commit(&load, "j1", &mark, &err), OK);
	check(state->lake,
	    "SELECT id[1:1] AS k, count(*), count(int), count(num), sum(int), min(length(id)) "
	    "FROM shop.all_types GROUP BY k ORDER BY k",
	    "0|2048|2048|0|6144|3\n1|2048|1638|0|4914|3\n2|100|100|0|300|3\n");
}

static void a_result_tells_kinds_and_the_engines_type_names(void **context)
{
	struct state *state = *context;
	static const struct {
		const char *sql, *kinds, *text;
	} cases[] = {
	    {"SELECT 1 AS a, 'x' AS a, 1.50 AS b, true AS c",
		"a:i:INTEGER a:t:VARCHAR b:n:DECIMAL(3,2) c:b:BOOLEAN ", "1|x|1.50|true\n"},
	    {"SELECT 1::DOUBLE/3 AS a, 'nan'::DOUBLE AS b, '-inf'::DOUBLE AS c, 0.1::FLOAT AS d, "
	     "1e300 AS e, 5::DOUBLE AS f",
		"a:f:DOUBLE b:f:DOUBLE c:f:DOUBLE d:f:FLOAT e:f:DOUBLE f:f:DOUBLE ",
		"0.3333333333333333|NaN|-Infinity|0.1|1e+300|5\n"},
	    {"SELECT sum(x) AS s, count(*) AS n FROM (VALUES (9223372036854775807), "
	     "(9223372036854775807)) t(x)",
		"s:n:HUGEINT n:i:BIGINT ", "18446744073709551614|2\n"},
	    {"SELECT '-170141183460469231731687303715884105728'::HUGEINT AS h, "
	     "'340282366920938463463374607431768211455'::UHUGEINT AS u, "
	     "18446744073709551615::UBIGINT AS b, 255::UTINYINT AS t",
		"h:n:HUGEINT u:n:UHUGEINT b:n:UBIGINT t:i:UTINYINT ",
		"-170141183460469231731687303715884105728|340282366920938463463374607431768211455|"
		"18446744073709551615|255\n"},
	    {"SELECT DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 12:34:56.789012' AS m, "
	     "'infinity'::TIMESTAMP AS i, TIMESTAMPTZ '2024-02-29 12:00:00+02' AS z",
		"d:d:DATE m:m:TIMESTAMP i:m:TIMESTAMP z:m:TIMESTAMP WITH TIME ZONE ",
		"2024-02-29|2024-02-29T12:34:56.789012Z|infinity|2024-02-29T10:00:00.000Z\n"},
	    {"SELECT TIMESTAMP_S '1969-12-31 23:59:59' AS s, TIMESTAMP_MS '1969-12-31 "
	     "23:59:59.999' AS "
	     "m, TIMESTAMP_NS '1969-12-31 23:59:59.999999999' AS n, 'infinity'::TIMESTAMP_NS AS i, "
	     "'-infinity'::TIMESTAMP_S AS j",
		"s:m:TIMESTAMP_S m:m:TIMESTAMP_MS n:m:TIMESTAMP_NS i:m:TIMESTAMP_NS "
		"j:m:TIMESTAMP_S ",
		"1969-12-31T23:59:59.000Z|1969-12-31T23:59:59.999Z|1969-12-31T23:59:59.999999Z|"
		"infinity|-infinity\n"},
	    {"SELECT DATE '0044-03-15 (BC)' AS b, DATE '0001-01-01' - 1 AS z, DATE '12024-02-29' "
	     "AS f, "
	     "TIMESTAMP '0044-03-15 (BC) 12:00:00' AS m",
		"b:d:DATE z:d:DATE f:d:DATE m:m:TIMESTAMP ",
		"-0043-03-15|0000-12-31|12024-02-29|-0043-03-15T12:00:00.000Z\n"},
	    {"SELECT 0::DECIMAL(9,9) AS z, -0.05::DECIMAL(4,2) AS m, 7::DECIMAL(5,0) AS w, "
	     "'99999999999999999999999999999999999999'::DECIMAL(38,0) AS x",
		"z:n:DECIMAL(9,9) m:n:DECIMAL(4,2) w:n:DECIMAL(5,0) x:n:DECIMAL(38,0) ",
		"0.000000000|-0.05|7|99999999999999999999999999999999999999\n"},
	    {"SELECT [1, NULL] AS l, {'a': 1} AS s, INTERVAL 90 MINUTE AS i, NULL AS n, 7 AS k -- "
	     "end",
		"l:t:INTEGER[] s:t:STRUCT(a INTEGER) i:t:INTERVAL n:i:INTEGER k:i:INTEGER ",
		"[1, NULL]|{'a': 1}|01:30:00|~|7\n"},
	    {"SELECT 'ab'::BLOB AS b, TIME '01:02:03' AS t, "
	     "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID AS u, 'x'' y' AS s; ",
		"b:t:BLOB t:t:TIME u:t:UUID s:t:VARCHAR ",
		"ab|01:02:03|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|x' y\n"},
	    {"SELECT i, [i] AS l FROM range(5000) t(i) ORDER BY i % 1000 DESC, i LIMIT 3",
		"i:i:BIGINT l:t:BIGINT[] ", "999|[999]\n1999|[1999]\n2999|[2999]\n"},
	};
	static struct answer answer;
	struct err err;

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (try_query(state->lake, cases[i].sql, 30000, 10, &answer, &err) != OK)
			fail_msg("%s: %s", cases[i].sql, err.text);
		assert_string_equal(answer.kinds, cases[i].kinds);
		assert_string_equal(answer.text, cases[i].text);
	}
}

/* --- Loads ------------------------------------------------------------------------------------ */

static void the_last_row_of_a_key_wins(void **context)
{
	struct state *state = *context;
	static const row first[] = {
	    {"1", "a", "50"}, {"2", "b", "50"}, {"3", "a", "10"}, {"4", "c", NULL}};
	static const row second[] = {
	    {"5", "c", "1"}, {"6", "d", "1"}, {"7", "c", "1"}, {"8", "c", NULL}};
	static const row gone[] = {{"b"}, {"zz"}, {"b"}};

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", first, COUNT(first));
	check(state->lake, ALL_PLAIN, "a|3\nb|2\nc|4\n");
	load_rows(state->lake, &plain, LAKE_UPSERT, "j2", second, COUNT(second));
	check(state->lake, ALL_PLAIN, "a|3\nb|2\nc|8\nd|6\n");
	load_rows(state->lake, &plain, LAKE_DELETE, "j3", gone, COUNT(gone));
	check(state->lake, ALL_PLAIN, "a|3\nc|8\nd|6\n");
	/* A key that went comes back. */
	load_rows(state->lake, &plain, LAKE_UPSERT, "j4", first, COUNT(first));
	check(state->lake, ALL_PLAIN, "a|3\nb|2\nc|4\nd|6\n");
}

static void an_upsert_lands_unless_it_is_older_than_what_is_stored(void **context)
{
	struct state *state = *context;
	/* text, id, version: what is stored, what comes, what is there after. */
	static const row stored[] = {{"s", "older", "100"}, {"s", "same", "100"},
	    {"s", "newer", "100"}, {"s", "mixed", "100"}, {"s", "ties", "100"},
	    {"s", "ups and downs", "100"}, {"s", "untouched", "100"}, {"s", "without", NULL}};
	static const row coming[] = {{"n", "older", "99"}, {"n", "same", "100"},
	    {"n", "newer", "101"}, {"n1", "mixed", "99"}, {"n2", "mixed", "100"},
	    {"n3", "mixed", "98"}, {"n1", "ties", "105"}, {"n2", "ties", "105"},
	    {"n3", "ties", "104"}, {"n1", "ups and downs", "103"}, {"n2", "ups and downs", "99"},
	    {"n3", "ups and downs", "107"}, {"n4", "ups and downs", "106"}, {"n", "fresh", "1"},
	    {"n", "without", "1"}, {"n1", "fresh twice", "5"}, {"n2", "fresh twice", "4"}};

	ensure(state->lake, &versioned);
	load_rows(state->lake, &versioned, LAKE_UPSERT, "j1", stored, COUNT(stored));
	load_rows(state->lake, &versioned, LAKE_UPSERT, "j2", coming, COUNT(coming));
	check(state->lake, ALL_VERSIONED,
	    "fresh|n|1\n"
	    "fresh twice|n1|5\n"
	    "mixed|n2|100\n"
	    "newer|n|101\n"
	    "older|s|100\n"
	    "same|n|100\n"
	    "ties|n2|105\n"
	    "untouched|s|100\n"
	    "ups and downs|n3|107\n"
	    "without|n|1\n");
}

static void a_delete_takes_effect_only_when_it_is_later(void **context)
{
	struct state *state = *context;
	static const row stored[] = {{"s", "earlier", "100"}, {"s", "same", "100"},
	    {"s", "later", "100"}, {"s", "one of them", "100"}, {"s", "none of them", "100"},
	    {"s", "without", NULL}};
	static const row gone[] = {{"earlier", "99"}, {"same", "100"}, {"later", "101"},
	    {"one of them", "90"}, {"one of them", "101"}, {"one of them", "95"},
	    {"none of them", "99"}, {"none of them", "100"}, {"without", "1"},
	    {"not there", "1000"}};

	ensure(state->lake, &versioned);
	load_rows(state->lake, &versioned, LAKE_UPSERT, "j1", stored, COUNT(stored));
	load_rows(state->lake, &versioned, LAKE_DELETE, "j2", gone, COUNT(gone));
	check(state->lake, ALL_VERSIONED, "earlier|s|100\nnone of them|s|100\nsame|s|100\n");
}

/* Far apart: in other batches, and after the first thousands of keys. */
static void a_key_that_comes_again_after_many_rows_still_comes_once(void **context)
{
	struct state *state = *context;
	static char ids[BATCH_ROWS][32];
	struct batch *batch = make_batch(&plain, LAKE_UPSERT);
	struct lake_load *load = NULL;
	struct lake_mark mark = {0};
	struct err err;

	ensure(state->lake, &plain);
	assert_int_equal(lake_load_begin(state->lake, &plain, LAKE_UPSERT, &load, &err), OK);
	for (int k = 0; k <= 20; k++) {
		batch_reset(batch);
		for (size_t i = 0; i < BATCH_ROWS; i++) {
			/* The last batch has the keys of the first. */
			snprintf(ids[i], sizeof(ids[i]), "%d-%zu", k % 20, i);
			put_value(&batch->columns[0], i, k == 20 ? "again" : "first");
			put_value(&batch->columns[1], i, ids[i]);
		}
		batch->row_count = BATCH_ROWS;
		assert_int_equal(lake_load_append(load, batch, &err), OK);
	}
	batch_destroy(&batch);
	assert_int_equal(lake_load_commit(&load, "j1", &mark, &err), OK);
	check(state->lake,
	    "SELECT text, count(*), count(DISTINCT id) FROM shop.plain GROUP BY text ORDER BY text",
	    "again|2048|2048\nfirst|38912|38912\n");
}

static void an_aborted_load_leaves_nothing(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}};
	struct lake_load *load;
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, rows, 1);
	lake_load_abort(&load);
	assert_null(load);
	lake_load_abort(&load);
	check(state->lake, ALL_PLAIN, "");
	assert_int_equal(lake_mark_get(state->lake, "j1", &mark, &err), E_NOT_FOUND);
}

static void a_load_shows_nothing_before_its_commit(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}};
	struct lake_mark mark = {1, 0};
	struct lake_load *load;
	struct err err;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, rows, 1);
	check(state->lake, ALL_PLAIN, "");
	assert_int_equal(lake_load_commit(&load, "j1", &mark, &err), OK);
	check(state->lake, ALL_PLAIN, "a|1\n");
}

static void a_job_is_applied_once(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}},
			 other[] = {{"2", "a", "50"}, {"2", "b", "50"}};
	struct lake_mark mark = {-1, -1};
	struct err err;

	ensure(state->lake, &plain);
	assert_int_equal(lake_mark_get(state->lake, "j1", &mark, &err), E_NOT_FOUND);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", rows, 1);
	assert_int_equal(
	    try_load(state->lake, &plain, LAKE_UPSERT, "j1", other, 2, &err), E_EXISTS);
	check(state->lake, ALL_PLAIN, "a|1\n");
	assert_int_equal(lake_mark_get(state->lake, "j1", &mark, &err), OK);
	assert_int_equal(mark.records_processed, 1);
	assert_int_equal(mark.records_failed, 7);

	reopen(state);
	assert_int_equal(
	    try_load(state->lake, &plain, LAKE_UPSERT, "j1", other, 2, &err), E_EXISTS);
	assert_int_equal(lake_mark_clear(state->lake, &err), OK);
	assert_int_equal(lake_mark_get(state->lake, "j1", &mark, &err), E_NOT_FOUND);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", other, 2);
	check(state->lake, ALL_PLAIN, "a|2\nb|2\n");
}

static void several_jobs_are_applied_together_or_not_at_all(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}, {"2", "b", "50"}},
			 other[] = {{"3", "a", "50"}};
	const struct lake_applied first[] = {{"j1", {5, 4}}, {"j2", {9, 8}}},
				  again[] = {{"j3", {1, 0}}, {"j2", {1, 0}}};
	struct lake_problem problem = {
	    .part = 1, .line = 2, .code = SLICE("C"), .message = SLICE("m"), .record = SLICE("r")};
	struct lake_applied many[LAKE_JOBS_MAX];
	char names[LAKE_JOBS_MAX][8];
	struct lake_load *load;
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, rows, 2);
	for (size_t i = 0; i < 2; i++) {
		problem.job_id = first[i].job_id;
		assert_int_equal(lake_load_problem(load, &problem, &err), OK);
	}
	assert_int_equal(lake_load_commit_jobs(&load, first, 2, &err), OK);
	assert_null(load);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(lake_mark_get(state->lake, first[i].job_id, &mark, &err), OK);
		assert_int_equal(mark.records_processed, first[i].mark.records_processed);
		assert_int_equal(mark.records_failed, first[i].mark.records_failed);
	}
	check(state->lake, ALL_PLAIN, "a|1\nb|2\n");
	check(state->lake, "SELECT job_id FROM PR_shop.plain ORDER BY 1", "j1\nj2\n");

	/* One of them was applied before. */
	load = begin_with(state->lake, &plain, LAKE_UPSERT, other, 1);
	assert_int_equal(lake_load_commit_jobs(&load, again, 2, &err), E_EXISTS);
	assert_null(load);
	assert_int_equal(lake_mark_get(state->lake, "j3", &mark, &err), E_NOT_FOUND);
	check(state->lake, ALL_PLAIN, "a|1\nb|2\n");

	/* As many as there may be. */
	for (size_t i = 0; i < LAKE_JOBS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "m%zu", i);
		many[i] = (struct lake_applied){names[i], {(int64_t)i, 0}};
	}
	load = begin_with(state->lake, &plain, LAKE_UPSERT, other, 1);
	assert_int_equal(lake_load_commit_jobs(&load, many, LAKE_JOBS_MAX, &err), OK);
	assert_int_equal(lake_mark_get(state->lake, "m63", &mark, &err), OK);
	assert_int_equal(mark.records_processed, 63);
	check(state->lake, ALL_PLAIN, "a|3\nb|2\n");
}

static void an_empty_load_still_marks_its_job(void **context)
{
	struct state *state = *context;
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", NULL, 0);
	load_rows(state->lake, &plain, LAKE_DELETE, "j2", NULL, 0);
	assert_int_equal(lake_mark_get(state->lake, "j1", &mark, &err), OK);
	assert_int_equal(lake_mark_get(state->lake, "j2", &mark, &err), OK);
}

static void a_load_into_a_table_that_is_gone_says_so(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}};
	struct lake_mark mark = {1, 0};
	struct lake_load *load;
	struct err err;

	ensure(state->lake, &plain);
	load = begin_with(state->lake, &plain, LAKE_UPSERT, rows, 1);
	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	assert_int_equal(lake_load_commit(&load, "j1", &mark, &err), E_NOT_FOUND);
	assert_int_equal(lake_mark_get(state->lake, "j1", &mark, &err), E_NOT_FOUND);
}

/* --- Crashes ---------------------------------------------------------------------------------- */

static const row crash_rows[] = {{"new", "a", "60"}, {"new", "b", "60"}};

static void begin_only(struct lake *lake)
{
	(void)begin_with(lake, &plain, LAKE_UPSERT, crash_rows, COUNT(crash_rows));
}

static void begin_and_commit(struct lake *lake)
{
	load_rows(lake, &plain, LAKE_UPSERT, "crash", crash_rows, COUNT(crash_rows));
}

static void a_kill_before_the_commit_leaves_nothing(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"old", "a", "50"}};
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", rows, 1);
	kill_after(state, begin_only);
	check(state->lake, ALL_PLAIN, "a|old\n");
	assert_int_equal(lake_mark_get(state->lake, "crash", &mark, &err), E_NOT_FOUND);
}

static void a_kill_after_the_commit_loses_nothing(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"old", "a", "50"}};
	struct lake_mark mark;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", rows, 1);
	kill_after(state, begin_and_commit);
	check(state->lake, ALL_PLAIN, "a|new\nb|new\n");
	assert_int_equal(lake_mark_get(state->lake, "crash", &mark, &err), OK);
}

/* --- Tables ----------------------------------------------------------------------------------- */

static void a_table_gets_new_columns_and_keeps_its_rows(void **context)
{
	struct state *state = *context;
	static const struct field more[] = {{.name = "text", .type = FIELD_STRING},
	    {.name = "extra", .type = FIELD_NUMBER}, {.name = "id", .type = FIELD_STRING},
	    {.name = "changed", .type = FIELD_DATE_TIME}, {.name = "day", .type = FIELD_DATE}};
	struct lake_table wider = plain;
	static const row rows[] = {{"1", "a", "50"}};
	static const row wide[] = {{"2", "2500000000000000000", "b", "60", "0"}};

	wider.fields = more;
	wider.field_count = COUNT(more);
	wider.key_index = 2;
	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", rows, 1);
	ensure(state->lake, &wider);
	ensure(state->lake, &wider);
	load_rows(state->lake, &wider, LAKE_UPSERT, "j2", wide, 1);
	check(state->lake, "SELECT id, text, extra, day FROM shop.plain ORDER BY id",
	    "a|1|~|~\nb|2|2.500000000000000000|1970-01-01\n");
	check(state->lake,
	    "SELECT id__c, text__c, extra__c, day__c FROM shop_plain__dll ORDER BY 1",
	    "a|1|~|~\nb|2|2.500000000000000000|1970-01-01\n");
	/* What knows less than is there takes nothing away. */
	ensure(state->lake, &plain);
	check(state->lake, "SELECT count(extra__c) FROM shop_plain__dll", "1\n");
	reopen(state);
	ensure(state->lake, &wider);
	check(state->lake, "SELECT count(extra__c) FROM shop_plain__dll", "1\n");
}

static void a_field_does_not_change_its_type(void **context)
{
	struct state *state = *context;
	static const struct field other[] = {{.name = "text", .type = FIELD_INTEGER},
	    {.name = "id", .type = FIELD_STRING}, {.name = "changed", .type = FIELD_DATE_TIME}};
	struct lake_table changed = plain;
	struct err err;

	changed.fields = other;
	ensure(state->lake, &plain);
	assert_int_equal(lake_table_ensure(state->lake, &changed, &err), E_CONFLICT);
	assert_non_null(strstr(err.text, "text"));
	check(state->lake, ALL_PLAIN, "");
}

static void two_tables_do_not_share_a_view(void **context)
{
	struct state *state = *context;
	struct lake_table one = plain, two = plain, three = plain;
	struct err err;

	one.connector = "a";
	one.object = "b_c";
	two.connector = "a_b";
	two.object = "c";
	three.connector = "A";
	three.object = "B_c";
	ensure(state->lake, &one);
	assert_int_equal(lake_table_ensure(state->lake, &two, &err), E_CONFLICT);
	assert_int_equal(lake_table_ensure(state->lake, &three, &err), E_CONFLICT);
	assert_int_equal(lake_table_drop(state->lake, "a_b", "c", &err), OK);
	check(state->lake, "SELECT count(*) FROM a_b_c__dll", "0\n");
	assert_int_equal(lake_table_drop(state->lake, "a", "b_c", &err), OK);
	ensure(state->lake, &two);
}

static void a_dropped_table_is_gone_and_may_come_again(void **context)
{
	struct state *state = *context;
	static const row rows[] = {{"1", "a", "50"}};
	static struct answer answer;
	struct err err;

	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", rows, 1);
	assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
	assert_int_equal(
	    try_query(state->lake, "FROM shop.plain", 1000, 1, &answer, &err), E_INVALID);
	assert_int_equal(
	    try_query(state->lake, "FROM shop_plain__dll", 1000, 1, &answer, &err), E_INVALID);
	ensure(state->lake, &plain);
	check(state->lake, ALL_PLAIN, "");
}

static void any_valid_name_names_a_table(void **context)
{
	struct state *state = *context;
	static const char *const names[][2] = {{"a-b", "c-d"}, {"Select", "ORDER"},
	    {"Mixed", "Case"}, {"x", "main"}, {"from", "lake"}, {"1st", "2nd"}, {"_", "-"},
	    {"pg", "temp"}, {"stage", "stage"}};
	static const struct field fields[] = {{.name = "SELECT", .type = FIELD_STRING},
	    {.name = "a-b", .type = FIELD_INTEGER}, {.name = "seq", .type = FIELD_INTEGER},
	    {.name = "c0", .type = FIELD_STRING}, {.name = "Order", .type = FIELD_DATE_TIME}};
	static const row rows[] = {{"k", "1", "2", "x", "5"}, {"k", "3", "4", "y", "6"}};
	static const row gone[] = {{"k", "7"}};
	char sql[256], job[16];

	for (size_t i = 0; i < COUNT(names); i++) {
		struct lake_table table = {.connector = names[i][0],
		    .object = names[i][1],
		    .fields = fields,
		    .field_count = COUNT(fields),
		    .key_index = 0,
		    .has_version = true,
		    .version_index = 4};

		ensure(state->lake, &table);
		ensure(state->lake, &table);
		snprintf(job, sizeof(job), "u%zu", i);
		load_rows(state->lake, &table, LAKE_UPSERT, job, rows, COUNT(rows));
		snprintf(sql, sizeof(sql), "SELECT \"SELECT\", \"a-b\", seq, c0 FROM \"%s\".\"%s\"",
		    names[i][0], names[i][1]);
		check(state->lake, sql, "k|3|4|y\n");
		snprintf(sql, sizeof(sql),
		    "SELECT \"SELECT__c\", \"a-b__c\", seq__c, c0__c FROM \"%s_%s__dll\"",
		    names[i][0], names[i][1]);
		check(state->lake, sql, "k|3|4|y\n");
		snprintf(job, sizeof(job), "d%zu", i);
		load_rows(state->lake, &table, LAKE_DELETE, job, gone, 1);
		check(state->lake, sql, "");
	}
}

static void the_engines_own_names_are_reserved(void **context)
{
	static const char *const reserved[] = {"main", "MAIN", "temp", "System", "memory", "lake",
	    "Lake", "sluice", "information_schema", "pg_catalog"};
	static const char *const free_names[] = {"shop", "lakes", "mai", "a-b", "main_"};

	(void)context;
	for (size_t i = 0; i < COUNT(reserved); i++)
		assert_true(lake_name_is_reserved(reserved[i]));
	for (size_t i = 0; i < COUNT(free_names); i++)
		assert_false(lake_name_is_reserved(free_names[i]));
}

static void the_database_is_for_its_owner_only(void **context)
{
	struct state *state = *context;
	struct stat info;
	char path[300];

	snprintf(path, sizeof(path), "%s/lake.duckdb", state->folder);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

/* --- Queries ---------------------------------------------------------------------------------- */

static void reading_statements_run(void **context)
{
	struct state *state = *context;
	static const char *const statements[] = {"SELECT 1", "  select 1 ;", "-- hello\nSELECT 1",
	    "/* a */ WITH x AS (SELECT 1) FROM x", "(SELECT 1) UNION (SELECT 2)", "VALUES (1), (2)",
	    "FROM shop.plain", "TABLE shop.plain", "SHOW TABLES", "SHOW ALL TABLES",
	    "DESCRIBE shop.plain", "DESCRIBE SELECT 1", "SUMMARIZE shop.plain", "EXPLAIN SELECT 1",
	    "EXPLAIN ANALYZE SELECT 1", "EXPLAIN (FORMAT json) SELECT 1", "SHOW shop.plain",
	    "SELECT * FROM information_schema.tables", "SELECT range FROM (SELECT 1 AS range)",
	    "SELECT query, summary FROM (SELECT 1 AS query, 2 AS summary)", "SELECT version()",
	    "SELECT 'a' GLOB 'b'", "SELECT * FROM range(3)", "SELECT * FROM duckdb_tables()",
	    "SELECT list_transform([1], lambda x: x + 1)"};
	static struct answer answer;
	struct err err;

	ensure(state->lake, &plain);
	for (size_t i = 0; i < COUNT(statements); i++) {
		if (try_query(state->lake, statements[i], 10000, 100, &answer, &err) != OK)
			fail_msg("%s: %s", statements[i], err.text);
	}
}

static void everything_else_is_refused(void **context)
{
	struct state *state = *context;
	static const char *const statements[] = {"", " ; ", "-- nothing", "SELEC 1",
	    "SELECT FROM WHERE", "SELECT 1; SELECT 2", "SELECT ?", "SELECT $1", "SELECT $a",
	    "COPY shop.plain TO '/tmp/x.csv'", "COPY shop.plain FROM '/etc/passwd'",
	    "ATTACH '/tmp/other.db'", "ATTACH ':memory:' AS x", "DETACH lake",
	    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_csv_auto('/etc/passwd')",
	    "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_blob('/etc/passwd')",
	    "SELECT * FROM read_json('/etc/passwd')", "SELECT * FROM read_parquet('/etc/passwd')",
	    "SELECT * FROM glob('/etc/*')", "SELECT * FROM sniff_csv('/etc/passwd')",
	    "SELECT * FROM '/etc/passwd'", "SELECT * FROM '/etc/passwd.csv'",
	    "SELECT * FROM 'x.parquet'", "SELECT * FROM read_text ('/etc/passwd')",
	    "SELECT * FROM read_text/**/('/etc/passwd')",
	    "SELECT * FROM read_text--\n('/etc/passwd')",
	    "SELECT * FROM \"read_text\"('/etc/passwd')",
	    "SELECT * FROM READ_text\t(\n'/etc/passwd')",
	    "SELECT * FROM system.main.read_text('/etc/passwd')",
	    "SELECT * FROM read_text\xC2\xA0('/etc/passwd')",
	    "SELECT $a$ ' $a$, (SELECT content FROM read_text('/etc/passwd')) --'",
	    "SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('shop.plain')",
	    "SELECT * FROM query('SELECT * FROM re' || 'ad_text(''/etc/passwd'')')",
	    "SELECT getenv('HOME')", "SELECT current_setting('temp_directory')",
	    "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_databases()",
	    "SELECT * FROM duckdb_databases", "SELECT * FROM \"duckdb_databases\"",
	    "SELECT * FROM pragma_database_list", "SELECT * FROM pg_catalog.pg_settings",
	    "SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_extensions()",
	    "SELECT * FROM checkpoint()", "SELECT * FROM force_checkpoint()",
	    "SELECT * FROM enable_logging()", "SELECT write_log('x')", "PRAGMA database_list",
	    "PRAGMA table_info('shop.plain')", "PRAGMA version", "PRAGMA memory_limit='1GB'",
	    "SET memory_limit='10GB'", "SET threads=1", "RESET threads", "INSTALL httpfs",
	    "LOAD httpfs", "CREATE TABLE x(i INTEGER)", "CREATE TEMP TABLE x(i INTEGER)",
	    "CREATE VIEW x AS SELECT 1", "CREATE MACRO f(x) AS x",
	    "CREATE TABLE shop.x AS SELECT 1", "INSERT INTO shop.plain VALUES ('1', '2', NULL)",
	    "UPDATE shop.plain SET text = ''", "DELETE FROM shop.plain", "TRUNCATE shop.plain",
	    "DROP TABLE shop.plain", "DROP SCHEMA shop",
	    "ALTER TABLE shop.plain ADD COLUMN z INTEGER",
	    "MERGE INTO shop.plain USING shop.plain AS s ON true WHEN MATCHED THEN DELETE",
	    "EXPLAIN INSERT INTO shop.plain VALUES ('1', '2', NULL)",
	    "EXPLAIN ANALYZE INSERT INTO shop.plain VALUES ('1', '2', NULL)",
	    "EXPLAIN ANALYZE DELETE FROM shop.plain",
	    "EXPLAIN (FORMAT json, ANALYZE) DELETE FROM shop.plain",
	    "EXPLAIN (ANALYZE) DELETE FROM shop.plain",
	    "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
	    "WITH x AS (SELECT 1) INSERT INTO shop.plain SELECT '1', '2', NULL",
	    "WITH x AS (SELECT 1) DELETE FROM shop.plain", "FROM shop.plain INSERT INTO shop.plain",
	    "CALL pragma_version()", "CALL force_checkpoint()", "EXPORT DATABASE '/tmp/x'",
	    "IMPORT DATABASE '/tmp/x'", "VACUUM", "ANALYZE", "CHECKPOINT", "FORCE CHECKPOINT",
	    "BEGIN", "COMMIT", "ROLLBACK", "PREPARE x AS SELECT 1", "EXECUTE x", "DEALLOCATE x",
	    "USE main", "COMMENT ON TABLE shop.plain IS 'x'", "SELECT nextval('x')",
	    "PIVOT shop.plain ON text", "FROM (PIVOT shop.plain ON text)",
	    "CREATE SECRET x (TYPE s3)", "UPDATE EXTENSIONS", "SELECT 1 INTO x",
	    "SELECT * FROM json_execute_serialized_sql('{}')",
	    "SELECT * FROM \"~sluice\".applied; DELETE FROM \"~sluice\".applied"};
	static const row rows[] = {{"1", "a", "50"}};
	static struct answer answer;
	struct err err;

	ensure(state->lake, &plain);
	load_rows(state->lake, &plain, LAKE_UPSERT, "j1", rows, 1);
	for (size_t i = 0; i < COUNT(statements); i++) {
		strcpy(err.text, "");
		if (try_query(state->lake, statements[i], 10000, 100, &answer, &err) != E_INVALID)
			fail_msg("not refused: %s (%s)", statements[i], err.text);
		if (err.text[0] == '\0' || strstr(err.text, state->folder) != NULL)
			fail_msg("%s: tells \"%s\"", statements[i], err.text);
	}
	check(state->lake, ALL_PLAIN, "a|1\n");
	check(state->lake, "SHOW TABLES", "PR_shop_plain__dll\nshop_plain__dll\n");
}

static void the_lakes_own_files_cannot_be_read(void **context)
{
	struct state *state = *context;
	static const char *const forms[] = {"SELECT * FROM read_blob('%s/lake.duckdb')",
	    "SELECT * FROM read_text('%s/lake.duckdb.wal')", "SELECT * FROM glob('%s/temp/*')",
	    "SELECT * FROM '%s/lake.duckdb'", "SELECT * FROM '%s/temp/x.csv'",
	    "SELECT * FROM \"%s/temp/x.parquet\"", "SELECT * FROM '%s/lake.duckdb.wal'",
	    "SELECT * FROM '%s/temp/../../../etc/x.csv'", "SELECT * FROM '%s/temp/**/../x.csv'"};
	static struct answer answer;
	struct err err;
	char sql[400];

	for (size_t i = 0; i < COUNT(forms); i++) {
		snprintf(sql, sizeof(sql), forms[i], state->folder);
		if (try_query(state->lake, sql, 10000, 100, &answer, &err) != E_INVALID)
			fail_msg("not refused: %s (%s)", sql, err.text);
	}
}

static void a_query_ends_at_its_time(void **context)
{
	struct state *state = *context;
	static const char *const statements[] = {
	    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 "
	    "= 3",
	    "SELECT sum(sin(a.range) * cos(b.range)) FROM range(1000000) a, range(1000000) b",
	    "SELECT a.range FROM range(1000000000) a, range(1000000) b WHERE a.range + b.range < 0",
	    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM "
	    "r",
	    "SELECT [a.range] FROM range(10000000) a, range(10000000) b ORDER BY hash(a.range + "
	    "b.range)"};
	static struct answer answer;
	struct err err;

	for (size_t i = 0; i < COUNT(statements); i++) {
		int64_t begin_us = clock_mono_us(), taken_ms;
		enum status status = try_query(state->lake, statements[i], 300, 1, &answer, &err);

		taken_ms = (clock_mono_us() - begin_us) / 1000;
		if (status != E_TIMEOUT || taken_ms > 3000)
			fail_msg("%s: status %d after %" PRId64 " ms: %s", statements[i],
			    (int)status, taken_ms, err.text);
	}
	check(state->lake, "SELECT 1", "1\n");
}

static void a_result_is_cut_at_rows_max(void **context)
{
	struct state *state = *context;
	static const struct {
		int64_t there, max, given;
		bool more;
	} cases[] = {{0, 0, 0, false}, {1, 0, 0, true}, {0, 5, 0, false}, {4, 5, 4, false},
	    {5, 5, 5, false}, {6, 5, 5, true}, {2048, 2048, 2048, false}, {2049, 2048, 2048, true},
	    {2047, 2048, 2047, false}, {5000, 4096, 4096, true}, {4096, 4096, 4096, false},
	    {1000000000, 3000, 3000, true}};
	static struct answer answer;
	struct err err;
	char sql[100];

	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(sql, sizeof(sql), "SELECT i FROM range(%" PRId64 ") t(i)", cases[i].there);
		if (try_query(state->lake, sql, 20000, cases[i].max, &answer, &err) != OK)
			fail_msg("%s: %s", sql, err.text);
		assert_int_equal(answer.rows, cases[i].given);
		assert_int_equal(answer.more, cases[i].more);
	}
}

static void a_result_can_be_ordered_and_begin_later(void **context)
{
	struct state *state = *context;
	static const struct lake_order down = {.place = 1, .descending = true},
				       lists = {.name = {"L", 1}, .nulls_first = true},
				       nothing = {.name = {"n", 1}}, zero = {.place = 0},
				       third = {.place = 3};
	static const char sql[] =
	    "FROM (VALUES (1, [10]), (2, [9, 1]), (3, [9]), (4, NULL)) t(i, l) -- ;";
	static const struct {
		const struct lake_order *order;
		int64_t skip, max;
		const char *expected; /* NULL: E_INVALID */
		bool more;
	} cases[] = {
	    {NULL, 0, 9, "1|[10]\n2|[9, 1]\n3|[9]\n4|~\n", false},
	    {NULL, 1, 2, "2|[9, 1]\n3|[9]\n", true},
	    {NULL, 3, 1, "4|~\n", false},
	    {NULL, 4, 1, "", false},
	    {NULL, INT64_MAX, INT64_MAX, "", false},
	    {&down, 0, 9, "4|~\n3|[9]\n2|[9, 1]\n1|[10]\n", false},
	    {&down, 2, 1, "2|[9, 1]\n", true},
	    {&down, 3, INT64_MAX, "1|[10]\n", false},
	    {&lists, 0, 9, "4|~\n3|[9]\n2|[9, 1]\n1|[10]\n", false},
	    {&nothing, 0, 9, NULL, false},
	    {&zero, 0, 9, NULL, false},
	    {&third, 0, 9, NULL, false},
	};
	static struct answer answer;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lake_query query = {.sql = slice_of(sql),
		    .timeout_ms = 30000,
		    .skip = cases[i].skip,
		    .rows_max = cases[i].max,
		    .order = cases[i].order,
		    .order_count = cases[i].order != NULL};
		struct lake_sink sink = {.columns = take_columns, .row = take_row, .ctx = &answer};
		struct err err = {{0}};

		memset(&answer, 0, sizeof(answer));
		if (lake_query(state->lake, &query, &sink, &answer.more, &err) !=
		    (cases[i].expected == NULL ? E_INVALID : OK))
			fail_msg("case %zu: %s", i, err.text);
		if (cases[i].expected == NULL) {
			assert_non_null(strstr(err.text, "to order by"));
			continue;
		}
		assert_string_equal(answer.text, cases[i].expected);
		assert_int_equal(answer.more, cases[i].more);
	}
}

/* Says so from the ${ctx}th time on that it is asked. */
static bool count_down(void *ctx)
{
	return atomic_fetch_sub((atomic_int *)ctx, 1) <= 1;
}

static void a_query_that_is_cancelled_ends_soon(void **context)
{
	struct state *state = *context;
	static const char *const statements[] = {
	    "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range % 7 = "
	    "b.range",
	    "FROM range(1000000000000)", /* rows without end */
	};
	static struct answer answer;

	for (int asked = 1; asked <= 3; asked++) {
		for (size_t i = 0; i < COUNT(statements); i++) {
			atomic_int left = asked;
			struct lake_query query = {.sql = slice_of(statements[i]),
			    .timeout_ms = 600000,
			    .rows_max = INT64_MAX,
			    .is_cancelled = count_down,
			    .cancel_ctx = &left};
			struct lake_sink sink = {
			    .columns = take_columns, .row = take_row, .ctx = &answer};
			struct err err = {{0}};

			memset(&answer, 0, sizeof(answer));
			assert_int_equal(lake_query(state->lake, &query, &sink, &answer.more, &err),
			    E_CANCELLED);
			if (asked == 1)
				assert_int_equal(answer.columns, 0); /* it was not begun */
		}
	}
	check(state->lake, "SELECT 1", "1\n");
}

static void a_query_that_needs_too_much_memory_is_ended(void **context)
{
	struct state *state = *context;
	static struct answer answer;
	struct err err;

	assert_int_equal(
	    try_query(state->lake, "SELECT length(list(i)::VARCHAR) FROM range(400000000) t(i)",
		60000, 1, &answer, &err),
	    E_LIMIT);
	check(state->lake, "SELECT 1", "1\n");
}

static enum status refuse_row(void *ctx, const struct lake_value *values, struct err *err)
{
	(void)values;
	++*(int *)ctx;
	return err_set(err, E_CANCELLED, "enough");
}

static enum status ignore_columns(
    void *ctx, const struct lake_column *columns, size_t count, struct err *err)
{
	(void)ctx, (void)columns, (void)count, (void)err;
	return OK;
}

static void what_the_sink_says_ends_the_query(void **context)
{
	struct state *state = *context;
	int calls = 0;
	struct lake_query query = {
	    .sql = SLICE("FROM range(1000000)"), .timeout_ms = 10000, .rows_max = 1000000};
	struct lake_sink sink = {.columns = ignore_columns, .row = refuse_row, .ctx = &calls};
	bool more;
	struct err err;

	assert_int_equal(lake_query(state->lake, &query, &sink, &more, &err), E_CANCELLED);
	assert_int_equal(calls, 1);
	assert_string_equal(err.text, "enough");
	check(state->lake, "SELECT 1", "1\n");
}

/* --- Together --------------------------------------------------------------------------------- */

struct worker {
	struct lake *lake;
	int number;
	pthread_t thread;
};

static void *run_worker(void *ctx)
{
	struct worker *worker = ctx;
	struct lake_table table = plain;
	char object[16], job[32], text[16];
	struct err err;

	snprintf(object, sizeof(object), "t%d", worker->number / 2);
	table.object = object;
	for (int i = 0; i < 25; i++) {
		row rows[2] = {{text, "k", "5"}, {text, job, "5"}};

		if (lake_table_ensure(worker->lake, &table, &err) != OK)
			return strdup(err.text);
		snprintf(job, sizeof(job), "w%d-%d", worker->number, i);
		snprintf(text, sizeof(text), "%d", i);
		if (try_load(worker->lake, &table, LAKE_UPSERT, job, (const row *)rows, 2, &err) !=
		    OK)
			return strdup(err.text);
	}
	return NULL;
}

/* Pairs of threads load the same table, others other tables, and all ensure theirs all the time. */
static void loads_of_many_threads_all_land(void **context)
{
	struct state *state = *context;
	struct worker workers[6];
	struct err err;

	for (int i = 0; i < 6; i++) {
		workers[i] = (struct worker){.lake = state->lake, .number = i};
		assert_int_equal(
		    thread_start(&workers[i].thread, "worker", run_worker, &workers[i], &err), OK);
	}
	for (int i = 0; i < 6; i++) {
		void *failure = NULL;

		pthread_join(workers[i].thread, &failure);
		if (failure != NULL)
			fail_msg("worker %d: %s", i, (char *)failure);
	}
	check(state->lake,
	    "SELECT count(*), count(DISTINCT id) FROM shop.t0 UNION ALL SELECT count(*), "
	    "count(DISTINCT id) FROM shop.t1 UNION ALL SELECT count(*), count(DISTINCT id) FROM "
	    "shop.t2",
	    "51|51\n51|51\n51|51\n");
}

static void *run_rival(void *ctx)
{
	struct worker *worker = ctx;
	static row rows[400];
	static char ids[400][16];
	char job[32];
	struct err err;

	/* Number -1 makes the rows, before the others load them. */
	for (size_t i = 0; i < COUNT(rows) && worker->number < 0; i++) {
		snprintf(ids[i], sizeof(ids[i]), "k%zu", i);
		rows[i][0] = "x";
		rows[i][1] = ids[i];
	}
	for (int i = 0; i < 60 && worker->number >= 0; i++) {
		snprintf(job, sizeof(job), "r%d-%d", worker->number, i);
		if (try_load(worker->lake, &plain, LAKE_UPSERT, job, (const row *)rows, COUNT(rows),
			&err) != OK)
			return strdup(err.text);
	}
	return NULL;
}

static void loads_of_one_table_at_once_take_turns(void **context)
{
	struct state *state = *context;
	struct worker rivals[3] = {{.number = -1}, {.number = 0}, {.number = 1}};
	struct err err;

	ensure(state->lake, &plain);
	(void)run_rival(&rivals[0]);
	for (int i = 1; i < 3; i++) {
		rivals[i].lake = state->lake;
		assert_int_equal(
		    thread_start(&rivals[i].thread, "rival", run_rival, &rivals[i], &err), OK);
	}
	for (int i = 1; i < 3; i++) {
		void *failure = NULL;

		pthread_join(rivals[i].thread, &failure);
		if (failure != NULL)
			fail_msg("rival %d: %s", i, (char *)failure);
	}
	check(state->lake, "SELECT count(*), count(DISTINCT id) FROM shop.plain", "400|400\n");
}

static void *run_maker(void *ctx)
{
	struct worker *worker = ctx;
	struct lake_table table = plain;
	char connector[16], object[16];
	struct err err;

	table.connector = connector;
	table.object = object;
	snprintf(object, sizeof(object), "t%d", worker->number);
	for (int i = 0; i < 40; i++) {
		snprintf(connector, sizeof(connector), "c%d", i);
		if (lake_table_ensure(worker->lake, &table, &err) != OK ||
		    lake_table_drop(worker->lake, connector, object, &err) != OK)
			return strdup(err.text);
	}
	return NULL;
}

static void tables_of_one_connector_are_made_and_dropped_at_once(void **context)
{
	struct state *state = *context;
	struct worker makers[4];
	struct err err;

	for (int i = 0; i < 4; i++) {
		makers[i] = (struct worker){.lake = state->lake, .number = i};
		assert_int_equal(
		    thread_start(&makers[i].thread, "maker", run_maker, &makers[i], &err), OK);
	}
	for (int i = 0; i < 4; i++) {
		void *failure = NULL;

		pthread_join(makers[i].thread, &failure);
		if (failure != NULL)
			fail_msg("maker %d: %s", i, (char *)failure);
	}
	check(state->lake, "SHOW TABLES", "");
}

struct same_job {
	struct lake *lake;
	const char *object;
	enum status status;
	pthread_t thread;
};

static void *run_same_job(void *ctx)
{
	struct same_job *same = ctx;
	struct lake_table table = plain;
	static const row rows[] = {{"1", "a", "5"}};
	struct err err;

	table.object = same->object;
	same->status = try_load(same->lake, &table, LAKE_UPSERT, "same", rows, 1, &err);
	return NULL;
}

static void of_two_loads_of_one_job_at_once_one_lands(void **context)
{
	struct state *state = *context;
	struct same_job jobs[2] = {{.object = "x"}, {.object = "y"}};
	struct lake_table table = plain;
	struct err err;

	for (int i = 0; i < 2; i++) {
		table.object = jobs[i].object;
		ensure(state->lake, &table);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 2; i++) {
			jobs[i].lake = state->lake;
			assert_int_equal(
			    thread_start(&jobs[i].thread, "same", run_same_job, &jobs[i], &err),
			    OK);
		}
		for (int i = 0; i < 2; i++)
			thread_join(jobs[i].thread);
		assert_true((jobs[0].status == OK) != (jobs[1].status == OK));
		assert_true(jobs[0].status == E_EXISTS || jobs[1].status == E_EXISTS);
		assert_int_equal(lake_mark_clear(state->lake, &err), OK);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_type_comes_back_as_it_went_in),
	    TEST(a_null_is_where_it_was_put_in_every_batch),
	    TEST(a_result_tells_kinds_and_the_engines_type_names),
	    TEST(the_last_row_of_a_key_wins),
	    TEST(an_upsert_lands_unless_it_is_older_than_what_is_stored),
	    TEST(a_delete_takes_effect_only_when_it_is_later),
	    TEST(a_key_that_comes_again_after_many_rows_still_comes_once),
	    TEST(an_aborted_load_leaves_nothing),
	    TEST(a_load_shows_nothing_before_its_commit),
	    TEST(a_job_is_applied_once),
	    TEST(several_jobs_are_applied_together_or_not_at_all),
	    TEST(an_empty_load_still_marks_its_job),
	    TEST(a_load_into_a_table_that_is_gone_says_so),
	    TEST(a_kill_before_the_commit_leaves_nothing),
	    TEST(a_kill_after_the_commit_loses_nothing),
	    TEST(a_table_gets_new_columns_and_keeps_its_rows),
	    TEST(a_field_does_not_change_its_type),
	    TEST(two_tables_do_not_share_a_view),
	    TEST(a_dropped_table_is_gone_and_may_come_again),
	    TEST(any_valid_name_names_a_table),
	    cmocka_unit_test(the_engines_own_names_are_reserved),
	    TEST(the_database_is_for_its_owner_only),
	    TEST(reading_statements_run),
	    TEST(everything_else_is_refused),
	    TEST(the_lakes_own_files_cannot_be_read),
	    TEST(a_query_ends_at_its_time),
	    TEST(a_result_is_cut_at_rows_max),
	    TEST(a_result_can_be_ordered_and_begin_later),
	    TEST(a_query_that_is_cancelled_ends_soon),
	    TEST(a_query_that_needs_too_much_memory_is_ended),
	    TEST(what_the_sink_says_ends_the_query),
	    TEST(loads_of_many_threads_all_land),
	    TEST(loads_of_one_table_at_once_take_turns),
	    TEST(tables_of_one_connector_are_made_and_dropped_at_once),
	    TEST(of_two_loads_of_one_job_at_once_one_lands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
