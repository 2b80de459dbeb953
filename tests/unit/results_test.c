/* SPDX-License-Identifier: Apache-2.0 */
/* Results in batches, on a lake that makes up rows: "ROWS BYTES" is a statement with so many rows of
 * a number and a text of so many bytes. */
#include "query/results.h"

#include "base/clock.h"
#include "base/thread.h"
#include "lake/lake_ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS_MAX     100

struct state {
	char folder[256];
	struct lake lake;
	struct results *results;
};

/* --- The lake --------------------------------------------------------------------------------- */

static enum status made_up(struct lake *lake, const struct lake_query *query,
    const struct lake_sink *sink, bool *ret_more, struct err *err)
{
	static const struct lake_column columns[] = {
	    {"n", LAKE_INTEGER, "BIGINT"}, {"t", LAKE_TEXT, "VARCHAR"}};
	struct lake_value values[2] = {{0}};
	long rows = 0, bytes = 0;
	char number[32], *text;
	enum status st;

	(void)lake;
	assert_int_equal(sscanf(query->sql.ptr, "%ld %ld", &rows, &bytes), 2);
	text = malloc((size_t)bytes + 1);
	assert_non_null(text);
	memset(text, 'x', (size_t)bytes);
	text[0] = '\n'; /* which must not look like the end of a row */
	values[1].text = (struct slice){text, (size_t)bytes};
	st = sink->columns(sink->ctx, columns, COUNT(columns), err);
	for (long i = query->skip; st == OK && i < rows && i - query->skip < query->rows_max; i++) {
		values[0].text =
		    (struct slice){number, (size_t)snprintf(number, sizeof(number), "%ld", i)};
		st = sink->row(sink->ctx, values, err);
	}
	free(text);
	if (st == OK && bytes == 13)
		st = err_set(err, E_TIMEOUT, "at the end");
	if (st == OK)
		*ret_more = rows - query->skip > query->rows_max;
	return st;
}

static const struct lake_ops ops = {.query = made_up};

/* --- Helpers ---------------------------------------------------------------------------------- */

static void open_results(struct state *state, int64_t bytes_max)
{
	const struct results_options options = {.lake = &state->lake,
	    .path = state->folder,
	    .bytes_max = bytes_max,
	    .rows_max = ROWS_MAX,
	    .timeout_ms = 1000};
	struct err err = {{0}};

	results_close(&state->results);
	if (results_open(&options, &state->results, &err) != OK)
		fail_msg("%s", err.text);
}

static int set_up(void **context)
{
	struct state *state = calloc(1, sizeof(*state));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(state);
	snprintf(
	    state->folder, sizeof(state->folder), "%s/results-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(state->folder));
	state->lake.ops = &ops;
	open_results(state, INT64_C(1) << 40);
	*context = state;
	return 0;
}

static int count_files(const struct state *state)
{
	const struct dirent *entry;
	DIR *folder = opendir(state->folder);
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static int tear_down(void **context)
{
	struct state *state = *context;

	results_close(&state->results);
	assert_int_equal(count_files(state), 0);
	assert_int_equal(rmdir(state->folder), 0);
	free(state);
	return 0;
}

struct got {
	struct buffer rows;
	struct results_batch batch;
	struct err err;
};

static void got_fini(struct got *got)
{
	buffer_fini(&got->rows);
	results_batch_fini(&got->batch);
}

static void got_init(struct got *got)
{
	*got = (struct got){0};
	buffer_init(&got->rows, RESULTS_ANSWER_BYTES_MAX);
	results_batch_init(&got->batch);
}

static enum status run(struct state *state, const char *sql, struct got *got)
{
	struct results_query query = {.sql = slice_of(sql), .user_id = "me"};

	got_init(got);
	return results_run(state->results, &query, &got->rows, &got->batch, &got->err);
}

static enum status next(struct state *state, const char *id, const char *user, struct got *got)
{
	got_init(got);
	return results_next(state->results, slice_of(id), user, &got->rows, &got->batch, &got->err);
}

/* Are these the rows from ${first} on? */
static void check_rows(const struct got *got, int64_t first)
{
	struct slice rest = buffer_slice(&got->rows);
	char begin[48];

	for (int64_t i = 0; i < got->batch.row_count; i++) {
		size_t length = (size_t)snprintf(
		    begin, sizeof(begin), "%s[%" PRId64 ",\"", i == 0 ? "" : ",", first + i);
		const char *end;

		assert_true(rest.len > length);
		assert_memory_equal(rest.ptr, begin, length);
		rest = slice_skip(rest, length);
		end = memmem(rest.ptr, rest.len, "\"]", 2);
		assert_non_null(end);
		rest = slice_skip(rest, (size_t)(end - rest.ptr) + 2);
	}
	assert_int_equal(rest.len, 0);
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void every_row_comes_once_whatever_the_size(void **context)
{
	struct state *state = *context;
	/* In one batch; in memory; in a file, below and above a chunk of the spool; batches cut by
	 * bytes; rows of a batch each. */
	static const struct {
		const char *sql;
		int64_t rows, batches;
	} cases[] = {{"0 1", 0, 1}, {"100 1", 100, 1}, {"101 1", 101, 2}, {"1000 10", 1000, 10},
	    {"1000 1035", 1000, 10}, {"1000 1045", 1000, 10}, {"3000 3000", 3000, 30},
	    {"150 200000", 150, 4}, {"3 10000000", 3, 3}, {"120000 1", 120000, 1200}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t rows = 0, batches = 0;
		char id[UUID_TEXT_BYTES], query_id[UUID_TEXT_BYTES];
		struct got got;
		bool done;
		enum status st = run(state, cases[i].sql, &got);

		strcpy(query_id, got.batch.query_id);
		do {
			if (st != OK)
				fail_msg("%s: %s", cases[i].sql, got.err.text);
			check_rows(&got, rows);
			rows += got.batch.row_count;
			batches++;
			done = got.batch.done;
			assert_string_equal(got.batch.query_id, query_id);
			assert_int_equal(done, got.batch.next_id[0] == '\0');
			assert_true(slice_starts(buffer_slice(&got.batch.metadata),
			    SLICE("{\"n\":{\"type\":\"BIGINT\"")));
			strcpy(id, got.batch.next_id);
			got_fini(&got);
			if (!done)
				st = next(state, id, "me", &got);
		} while (!done);
		assert_int_equal(rows, cases[i].rows);
		assert_int_equal(batches, cases[i].batches);
		assert_int_equal(count_files(state), 0);
	}
}

static void an_id_is_good_once_and_for_its_user_alone(void **context)
{
	struct state *state = *context;
	char id[UUID_TEXT_BYTES];
	struct got got;

	assert_int_equal(run(state, "300 1", &got), OK);
	strcpy(id, got.batch.next_id);
	got_fini(&got);
	assert_int_equal(next(state, id, "you", &got), E_NOT_FOUND);
	assert_int_equal(got.rows.len, 0);
	got_fini(&got);
	assert_int_equal(next(state, "", "me", &got), E_NOT_FOUND);
	got_fini(&got);
	assert_int_equal(next(state, id, "me", &got), OK);
	check_rows(&got, 100);
	got_fini(&got);
	assert_int_equal(next(state, id, "me", &got), E_NOT_FOUND);
	got_fini(&got);
}

struct racer {
	struct state *state;
	char (*id)[UUID_TEXT_BYTES]; /* of the batch they race for */
	int64_t rows;
	bool done;
	char next_id[UUID_TEXT_BYTES];
	pthread_t thread;
};

static void *race(void *ctx)
{
	struct racer *racer = ctx;
	struct got got;

	if (next(racer->state, *racer->id, "me", &got) == OK) {
		racer->rows = got.batch.row_count;
		racer->done = got.batch.done;
		strcpy(racer->next_id, got.batch.next_id);
	}
	results_expire(racer->state->results); /* goes over the list meanwhile */
	got_fini(&got);
	return NULL;
}

static void of_many_with_one_id_exactly_one_gets_the_batch(void **context)
{
	struct state *state = *context;
	char id[UUID_TEXT_BYTES];
	int64_t rows = 0;
	bool done = false;
	struct got got;

	assert_int_equal(run(state, "5000 1000", &got), OK);
	strcpy(id, got.batch.next_id);
	rows += got.batch.row_count;
	got_fini(&got);
	while (!done) {
		struct racer racers[8] = {{0}};
		int winners = 0;

		for (size_t i = 0; i < COUNT(racers); i++) {
			racers[i].state = state;
			racers[i].id = &id;
			assert_int_equal(
			    thread_start(&racers[i].thread, "racer", race, &racers[i], &got.err),
			    OK);
		}
		for (size_t i = 0; i < COUNT(racers); i++)
			thread_join(racers[i].thread);
		for (size_t i = 0; i < COUNT(racers); i++) {
			if (racers[i].rows == 0)
				continue;
			winners++;
			rows += racers[i].rows;
			done = racers[i].done;
			strcpy(id, racers[i].next_id);
		}
		assert_int_equal(winners, 1);
	}
	assert_int_equal(rows, 5000);
}

static void a_result_is_kept_for_an_hour(void **context)
{
	struct state *state = *context;
	char id[UUID_TEXT_BYTES];
	struct got got;

	assert_int_equal(run(state, "3000 1000", &got), OK);
	strcpy(id, got.batch.next_id);
	got_fini(&got);
	assert_true(clock_advance_us(RESULTS_KEPT_US - 60000000));
	results_expire(state->results);
	assert_int_equal(count_files(state), 1);
	assert_int_equal(next(state, id, "me", &got), OK);
	strcpy(id, got.batch.next_id);
	got_fini(&got);
	assert_true(clock_advance_us(60000000));
	assert_int_equal(count_files(state), 1);
	assert_int_equal(next(state, id, "me", &got), E_NOT_FOUND); /* before anybody removed it */
	got_fini(&got);
	results_expire(state->results);
	assert_int_equal(count_files(state), 0);
}

static void what_is_kept_has_a_limit_and_gives_its_room_back(void **context)
{
	struct state *state = *context;
	char id[UUID_TEXT_BYTES];
	struct got got;

	open_results(state, 4000000);
	assert_int_equal(run(state, "1000 3000", &got), OK);
	strcpy(id, got.batch.next_id);
	got_fini(&got);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run(state, "1000 3000", &got), E_BUSY);
		assert_non_null(strstr(got.err.text, "3 MB"));
		assert_int_equal(count_files(state), 1);
		got_fini(&got);
	}
	for (bool done = false; !done;) {
		assert_int_equal(next(state, id, "me", &got), OK);
		strcpy(id, got.batch.next_id);
		done = got.batch.done;
		got_fini(&got);
	}
	assert_int_equal(run(state, "1000 3000", &got), OK);
	got_fini(&got);
	/* A query that needs room removes what is too old by then. */
	assert_true(clock_advance_us(RESULTS_KEPT_US));
	assert_int_equal(run(state, "1000 3000", &got), OK);
	got_fini(&got);
}

static void small_results_are_kept_in_memory_until_they_are_many(void **context)
{
	struct state *state = *context;
	struct got got;

	/* 67 of them have more than 64 MiB. */
	for (int i = 0; i < 67; i++) {
		assert_int_equal(run(state, "1000 1000", &got), OK);
		got_fini(&got);
		assert_int_equal(count_files(state), i < 66 ? 0 : 1);
	}
}

static void ten_thousand_results_are_kept_and_no_more(void **context)
{
	struct state *state = *context;
	char id[UUID_TEXT_BYTES];
	struct got got;

	for (int i = 0; i < RESULTS_MAX; i++) {
		assert_int_equal(run(state, "101 1", &got), OK);
		strcpy(id, got.batch.next_id);
		got_fini(&got);
	}
	assert_int_equal(run(state, "101 1", &got), E_BUSY);
	got_fini(&got);
	assert_int_equal(run(state, "100 1", &got), OK); /* needs not be kept */
	got_fini(&got);
	assert_int_equal(next(state, id, "me", &got), OK);
	got_fini(&got);
	assert_int_equal(run(state, "101 1", &got), OK);
	got_fini(&got);
}

static void a_query_that_fails_leaves_nothing(void **context)
{
	struct state *state = *context;
	struct got got;

	assert_int_equal(run(state, "200000 13", &got), E_TIMEOUT);
	assert_string_equal(got.err.text, "at the end");
	assert_int_equal(count_files(state), 0);
	got_fini(&got);
	assert_int_equal(run(state, "1 70000000", &got), E_LIMIT);
	got_fini(&got);
}

static void what_another_process_left_is_removed(void **context)
{
	struct state *state = *context;
	char path[300];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", state->folder, i == 0 ? "result-x" : "mine");
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	open_results(state, 1 << 20);
	assert_int_equal(count_files(state), 1); /* what is not ours stays */
	assert_int_equal(unlink(path), 0);
}

static void a_page_has_objects_and_says_whether_more_follows(void **context)
{
	struct state *state = *context;
	static const struct {
		const char *sql;
		int64_t offset, limit, rows;
		bool done;
	} cases[] = {{"5 1", 0, 5, 5, true}, {"5 1", 0, 4, 4, false}, {"5 1", 4, 4, 1, true},
	    {"5 1", 5, 4, 0, true}, {"4000 1", 0, 3000, 3000, false},
	    {"9 2000000", 0, 9, 4, false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct results_query query = {.sql = slice_of(cases[i].sql), .user_id = "me"};
		struct results_page page = {.offset = cases[i].offset, .limit = cases[i].limit};
		char begin[32];
		struct got got;

		got_init(&got);
		assert_int_equal(
		    results_page(state->results, &query, &page, &got.rows, &got.batch, &got.err),
		    OK);
		assert_int_equal(got.batch.row_count, cases[i].rows);
		assert_int_equal(got.batch.done, cases[i].done);
		snprintf(begin, sizeof(begin), "{\"n\":%" PRId64 ",\"t\":\"", cases[i].offset);
		if (cases[i].rows > 0)
			assert_true(slice_starts(buffer_slice(&got.rows), slice_of(begin)));
		got_fini(&got);
	}
	assert_int_equal(count_files(state), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_row_comes_once_whatever_the_size),
	    TEST(an_id_is_good_once_and_for_its_user_alone),
	    TEST(of_many_with_one_id_exactly_one_gets_the_batch),
	    TEST(a_result_is_kept_for_an_hour),
	    TEST(what_is_kept_has_a_limit_and_gives_its_room_back),
	    TEST(small_results_are_kept_in_memory_until_they_are_many),
	    TEST(ten_thousand_results_are_kept_and_no_more),
	    TEST(a_query_that_fails_leaves_nothing),
	    TEST(what_another_process_left_is_removed),
	    TEST(a_page_has_objects_and_says_whether_more_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
