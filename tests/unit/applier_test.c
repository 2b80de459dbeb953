/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applier: work/applier.h.  Catalog and journal are the real ones; the lake is one of this file,
 * which keeps small numbers, fails when it is told to, and can hold an apply in its middle.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "catalog/catalog_sqlite.h"
#include "convert/entry.h"
#include "journal/journal_dir.h"
#include "lake/lake_ops.h"
#include "work/applier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S(text)     slice_of(text)
#define FAR_US      INT64_C(3600000000)
#define PATIENCE_US INT64_C(30000000)
#define IDS         1000
#define STREAMS     2

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum status got_ = (call);                                                         \
		if (got_ != OK)                                                                    \
			fail_msg("%s: %s: %s", #call, status_name(got_), err.text);                \
	} while (0)

static char folder[256];
static struct catalog *catalog;
static struct shapes *shapes;
static struct journal *journal;
static struct job_watch *watch;
static struct applier *applier;
static struct stream streams[STREAMS];
static struct err err;

/* --- A lake ----------------------------------------------------------------------------------- */

struct small_load {
	struct lake_load load; /* first */
	size_t stream;
	int64_t ids[IDS], values[IDS];
	size_t count;
};

static struct {
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	int64_t values[STREAMS][IDS]; /* 0: no such row */
	int64_t positions[STREAMS];
	int64_t rows, commits, drops;
	int begins_to_fail, commits_to_fail, commits_to_deny, positions_to_fail;
	size_t rows_max; /* more in one commit are too many, until one has worked; 0: none are */
	enum status failure;
	bool is_shut; /* a load that begins waits */
	int waiting;
} lake_state;

static size_t stream_of_log(const char *name)
{
	size_t i = 0;

	while (strcmp(streams[i].journal, name) != 0)
		i++;
	return i;
}

static bool fails_locked(int *left)
{
	return *left > 0 && (*left)-- > 0;
}

static enum status small_ensure(struct lake *l, const struct lake_table *table, struct err *e)
{
	(void)l, (void)table, (void)e;
	return OK;
}

static enum status small_begin(struct lake *l, const struct lake_table *table,
    enum lake_operation operation, struct lake_load **ret_load, struct err *e)
{
	static enum field_type types[] = {FIELD_INTEGER, FIELD_INTEGER};
	struct small_load *load;
	enum status st = OK;

	mutex_lock(&lake_state.mutex);
	lake_state.waiting++;
	cond_broadcast(&lake_state.changed);
	while (lake_state.is_shut)
		cond_wait(&lake_state.changed, &lake_state.mutex);
	lake_state.waiting--;
	if (fails_locked(&lake_state.begins_to_fail))
		st = err_set(e, lake_state.failure, "no load");
	mutex_unlock(&lake_state.mutex);
	if (st != OK)
		return st;
	load = calloc(1, sizeof(*load));
	assert_non_null(load);
	load->load = (struct lake_load){
	    .lake = l, .operation = operation, .types = types, .column_count = 2};
	load->stream = strcmp(table->object, streams[0].object) == 0 ? 0 : 1;
	*ret_load = &load->load;
	return OK;
}

static enum status small_append(struct lake_load *l, const struct batch *batch,
    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64], struct err *e)
{
	struct small_load *load = (struct small_load *)l;

	(void)given, (void)e;
	for (size_t i = 0; i < batch->row_count; i++) {
		load->ids[load->count] = ((const int64_t *)batch->columns[0].values)[i];
		load->values[load->count++] =
		    changes[i] == LAKE_REMOVE ? 0 : ((const int64_t *)batch->columns[1].values)[i];
	}
	return OK;
}

static enum status small_commit(
    struct lake_load *l, const char *name, int64_t from, int64_t to, struct err *e)
{
	struct small_load *load = (struct small_load *)l;
	size_t stream = stream_of_log(name);
	enum status st = OK;

	mutex_lock(&lake_state.mutex);
	if (fails_locked(&lake_state.commits_to_fail)) {
		st = err_set(e, lake_state.failure, "no commit");
	} else if (lake_state.rows_max > 0 && load->count > lake_state.rows_max) {
		st = err_set(e, E_NOMEM, "no memory for so many");
	} else if (lake_state.positions[stream] != from) {
		st = err_set(e, E_CONFLICT, "applied before");
	} else {
		for (size_t i = 0; i < load->count; i++)
			lake_state.values[stream][load->ids[i]] = load->values[i];
		lake_state.positions[stream] = to;
		lake_state.rows += (int64_t)load->count;
		lake_state.commits++;
		lake_state.rows_max = 0;
		if (fails_locked(&lake_state.commits_to_deny))
			st = err_set(e, E_IO, "nobody knows");
	}
	mutex_unlock(&lake_state.mutex);
	free(load);
	return st;
}

static void small_abort(struct lake_load *load)
{
	free(load);
}

static enum status small_position(struct lake *l, const char *name, int64_t *ret, struct err *e)
{
	enum status st = OK;

	(void)l;
	mutex_lock(&lake_state.mutex);
	if (fails_locked(&lake_state.positions_to_fail))
		st = err_set(e, E_IO, "no position");
	else
		*ret = lake_state.positions[stream_of_log(name)];
	mutex_unlock(&lake_state.mutex);
	return st;
}

static const struct lake_ops small_ops = {.table_ensure = small_ensure,
    .load_begin = small_begin,
    .load_append_changes = small_append,
    .load_commit_position = small_commit,
    .load_abort = small_abort,
    .position_get = small_position};
static struct lake lake = {&small_ops};

/* An apply that begins from now on waits in its middle, until it is let go. */
static void shut(bool is_shut)
{
	mutex_lock(&lake_state.mutex);
	lake_state.is_shut = is_shut;
	cond_broadcast(&lake_state.changed);
	mutex_unlock(&lake_state.mutex);
}

static void wait_until_held(void)
{
	const int64_t until_us = clock_mono_us() + PATIENCE_US;
	bool is_held;

	mutex_lock(&lake_state.mutex);
	while (lake_state.waiting == 0 && clock_mono_us() < until_us)
		cond_wait_until(&lake_state.changed, &lake_state.mutex, until_us);
	is_held = lake_state.waiting > 0;
	mutex_unlock(&lake_state.mutex);
	assert_true(is_held);
}

/* --- The house -------------------------------------------------------------------------------- */

static void open_journal(void)
{
	char path[300];
	struct journal_dir_options options = {
	    .path = path, .log_bytes_max = 64 << 20, .bytes_max = 64 << 20};

	snprintf(path, sizeof(path), "%s/journal", folder);
	assert_ok(journal_dir_open(&options, &journal, &err));
}

static void start(int64_t interval_us)
{
	const struct applier_options options = {.catalog = catalog,
	    .shapes = shapes,
	    .journal = journal,
	    .lake = &lake,
	    .watch = watch,
	    .interval_us = interval_us};

	assert_ok(applier_start(&options, &applier, &err));
}

/* An end that has all the time it wants, and takes none of it. */
static void stop(void)
{
	const int64_t until_us = clock_mono_us() + PATIENCE_US;

	applier_stop(&applier, until_us);
	assert_true(clock_mono_us() < until_us);
}

static void put_stream(size_t i, const char *object)
{
	struct stream stream = {
	    .connector = "shop", .primary_key = "id", .category = STREAM_PROFILE};
	bool created;

	snprintf(stream.object, sizeof(stream.object), "%s", object);
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
	assert_ok(catalog_stream_get(catalog, S("shop"), S(object), &streams[i], &err));
}

static int set_up(void **state)
{
	static const struct shape_plans no_plans = {NULL, NULL};
	static const char document[] =
	    "{\"openapi\":\"3.0.3\",\"components\":{\"schemas\":{\"a\":{\"type\":\"object\","
	    "\"properties\":{\"id\":{\"type\":\"integer\"},\"n\":{\"type\":\"integer\"}}},"
	    "\"b\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},"
	    "\"n\":{\"type\":\"integer\"}}}}}}";
	const char *tmp = getenv("TMPDIR");
	char path[300];

	(void)state;
	memset(&lake_state, 0, sizeof(lake_state));
	lake_state.failure = E_IO;
	mutex_init(&lake_state.mutex);
	cond_init(&lake_state.changed);
	snprintf(folder, sizeof(folder), "%s/applier-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/catalog.sqlite", folder);
	assert_ok(catalog_sqlite_open(path, &catalog, &err));
	assert_ok(catalog_connector_put(catalog, S("shop"), S(document), 0, &err));
	put_stream(0, "a");
	put_stream(1, "b");
	assert_ok(shapes_create(catalog, &no_plans, 16, &shapes, &err));
	assert_ok(job_watch_create(&watch, &err));
	open_journal();
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	shut(false); /* a test may have failed before it did */
	applier_stop(&applier, 0);
	job_watch_wake_all(watch);
	job_watch_destroy(&watch);
	shapes_destroy(&shapes);
	journal_close(&journal);
	catalog_close(&catalog);
	cond_fini(&lake_state.changed);
	mutex_fini(&lake_state.mutex);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* One row into the journal, without a word to the applier.  Returns the log's end. */
static int64_t append(size_t stream, int64_t id, int64_t value)
{
	const struct field fields[] = {
	    {.name = "id", .type = FIELD_INTEGER}, {.name = "n", .type = FIELD_INTEGER}};
	const struct field *named[] = {&fields[0], &fields[1]};
	struct entry_writer w;
	struct buffer out;
	struct err why;
	int64_t end;

	buffer_init(&out, 1000);
	entry_begin(&w, &out, ENTRY_UPSERT, clock_now_us(), named, 2);
	entry_add_value(&w, &(struct value){.state = VALUE_GIVEN, .integer = id});
	entry_add_value(&w, &(struct value){.state = VALUE_GIVEN, .integer = value});
	entry_end(&w);
	assert_int_equal(
	    journal_append(journal, streams[stream].journal, buffer_slice(&out), &end, &why), OK);
	buffer_fini(&out);
	return end;
}

static int64_t stream_row(size_t stream, int64_t id, int64_t value)
{
	int64_t end = append(stream, id, value);

	applier_wake(applier, &streams[stream]);
	return end;
}

/* Until all is applied that was accepted. */
static void wait_until_applied(size_t stream)
{
	const int64_t until_us = clock_mono_us() + PATIENCE_US;
	struct applier_state now;

	for (;;) {
		assert_ok(applier_state(applier, &streams[stream], &now, &err));
		if (now.applied == now.accepted)
			break;
		assert_true(now.oldest_us > 0);
		assert_true(clock_mono_us() < until_us);
		usleep(1000);
	}
	assert_int_equal(now.oldest_us, 0);
	assert_int_equal(now.applied, lake_state.positions[stream]);
}

/* A closed job of the first stream, before which lies what is before ${journal_end}. */
static struct job close_job(int64_t journal_end)
{
	struct catalog_job_move move = {.from = 1u << JOB_OPEN,
	    .to = JOB_UPLOAD_COMPLETE,
	    .enqueue = true,
	    .journal_end = journal_end};
	struct job job = {.connector = "shop", .object = "a", .created_by = "005000000000001AAA"};

	uuid_make(job.id);
	job.created_us = job.modified_us = clock_now_us();
	assert_ok(catalog_job_create(catalog, &job, &err));
	assert_ok(catalog_job_move(catalog, S(job.id), &move, &job, &err));
	return job;
}

static void abort_job(struct job *job)
{
	const struct catalog_job_move move = {.from = 1u << JOB_UPLOAD_COMPLETE, .to = JOB_ABORTED};

	assert_ok(catalog_job_move(catalog, S(job->id), &move, job, &err));
	applier_settled(applier, job);
}

/* --- Applying --------------------------------------------------------------------------------- */

#define CLIENTS 4
#define EACH    100

static void *stream_many(void *ctx)
{
	int64_t first = (int64_t)(intptr_t)ctx * EACH;

	for (int64_t i = 0; i < EACH; i++)
		stream_row((size_t)(i % STREAMS), first + i, first + i + 1);
	return NULL;
}

static void every_entry_is_applied_once(void **state)
{
	pthread_t threads[CLIENTS];

	(void)state;
	start(1000);
	for (int i = 0; i < CLIENTS; i++)
		assert_ok(
		    thread_start(&threads[i], "client", stream_many, (void *)(intptr_t)i, &err));
	for (int i = 0; i < CLIENTS; i++)
		thread_join(threads[i]);
	wait_until_applied(0);
	wait_until_applied(1);
	for (int64_t id = 0; id < CLIENTS * EACH; id++)
		assert_int_equal(lake_state.values[id % STREAMS][id], id + 1);
	assert_int_equal(lake_state.rows, CLIENTS * EACH);
	assert_int_equal(applier_oldest_us(applier), 0);
}

static void what_comes_together_is_applied_together(void **state)
{
	(void)state;
	start(FAR_US);
	for (int64_t i = 0; i < 10; i++)
		stream_row(0, i % 3, i + 1);
	assert_true(applier_oldest_us(applier) > 0);
	stop();
	assert_int_equal(lake_state.commits, 1);
	assert_int_equal(lake_state.rows, 3);
	assert_int_equal(lake_state.values[0][0], 10);
}

static void what_comes_during_an_apply_is_applied_by_the_next(void **state)
{
	(void)state;
	start(0);
	shut(true);
	stream_row(0, 1, 7);
	wait_until_held();
	/* Too late for the one that is held; nobody says so again. */
	stream_row(0, 2, 8);
	shut(false);
	wait_until_applied(0);
	assert_int_equal(lake_state.values[0][1], 7);
	assert_int_equal(lake_state.values[0][2], 8);
	assert_int_equal(lake_state.commits, 2);
}

static void a_failure_is_tried_again_until_it_works(void **state)
{
	static const enum status failures[] = {E_IO, E_FULL, E_NOMEM};

	(void)state;
	start(0);
	for (size_t i = 0; i < 3; i++) {
		mutex_lock(&lake_state.mutex);
		lake_state.failure = failures[i];
		lake_state.begins_to_fail = 2;
		lake_state.commits_to_fail = i == 1 ? 0 : 1;
		lake_state.positions_to_fail = i == 1 ? 0 : 1;
		mutex_unlock(&lake_state.mutex);
		stream_row(0, (int64_t)i, 7);
		stream_row(1, (int64_t)i, 7);
		wait_until_applied(0);
		wait_until_applied(1);
		assert_int_equal(lake_state.values[0][i], 7);
	}
	assert_int_equal(lake_state.rows, 6);
}

static void a_batch_that_is_too_much_for_the_lake_is_tried_in_parts(void **state)
{
	(void)state;
	for (int64_t i = 0; i < 20; i++)
		append(0, i, 100 + i);
	lake_state.rows_max = 3;
	start(0);
	wait_until_applied(0);
	for (int64_t i = 0; i < 20; i++)
		assert_int_equal(lake_state.values[0][i], 100 + i);
	assert_int_equal(lake_state.rows, 20);
	/* 20, 10 and 5 at once were too many; then come four of 2, and three of 4. */
	assert_int_equal(lake_state.commits, 7);
}

static void a_commit_that_happened_though_it_said_no_is_not_repeated(void **state)
{
	(void)state;
	start(0);
	lake_state.commits_to_deny = 1;
	stream_row(0, 1, 7);
	wait_until_applied(0);
	assert_int_equal(lake_state.commits, 1);
	stream_row(0, 2, 8);
	wait_until_applied(0);
	assert_int_equal(lake_state.rows, 2);
}

/* --- Jobs ------------------------------------------------------------------------------------- */

static atomic_bool is_stopping, is_clear;
static enum status wait_status;

static void *wait_for_turn(void *job)
{
	struct err why;

	wait_status = applier_wait(applier, job, &is_stopping, &why);
	atomic_store(&is_clear, true);
	return NULL;
}

static pthread_t begin_to_wait(struct job *job)
{
	pthread_t thread;

	atomic_store(&is_stopping, false);
	atomic_store(&is_clear, false);
	assert_ok(thread_start(&thread, "worker", wait_for_turn, job, &err));
	return thread;
}

/* The job's end was read and is applied, then came an entry, then was the close stored; the applier
 * has not seen the job. */
static void a_load_does_not_begin_while_an_apply_is_under_way(void **state)
{
	pthread_t worker;
	struct job job;
	int64_t end;

	(void)state;
	start(0);
	end = stream_row(0, 1, 7);
	wait_until_applied(0);
	shut(true);
	stream_row(0, 1, 8);
	wait_until_held();
	job = close_job(end);
	worker = begin_to_wait(&job);
	usleep(100000);
	assert_false(atomic_load(&is_clear));
	shut(false);
	thread_join(worker);
	assert_int_equal(wait_status, OK);
	/* And from here on until the job is settled there is no apply. */
	assert_int_equal(lake_state.values[0][1], 8);
	shut(true);
	stream_row(0, 1, 9);
	stream_row(1, 1, 9);
	wait_until_held(); /* the other stream's */
	usleep(100000);
	assert_int_equal(lake_state.waiting, 1);
	shut(false);
	wait_until_applied(1);
	assert_int_equal(lake_state.values[0][1], 8);
	abort_job(&job);
	wait_until_applied(0);
	assert_int_equal(lake_state.values[0][1], 9);
}

static void a_load_waits_for_what_was_accepted_before_but_not_for_the_interval(void **state)
{
	struct job job;
	int64_t end;

	(void)state;
	start(FAR_US);
	stream_row(0, 1, 7);
	end = append(0, 2, 8); /* its wake has not come yet */
	job = close_job(end);
	append(0, 3, 9);
	assert_ok(applier_wait(applier, &job, &is_stopping, &err));
	assert_int_equal(lake_state.positions[0], end);
	assert_int_equal(lake_state.values[0][2], 8);
	assert_int_equal(lake_state.values[0][3], 0);
}

static void a_load_that_waits_for_a_lake_that_fails_ends_with_the_server(void **state)
{
	pthread_t worker;
	struct job job;

	(void)state;
	lake_state.begins_to_fail = 1000000;
	start(0);
	job = close_job(stream_row(0, 1, 7));
	worker = begin_to_wait(&job);
	usleep(50000);
	assert_false(atomic_load(&is_clear));
	atomic_store(&is_stopping, true);
	applier_interrupt(applier);
	thread_join(worker);
	assert_int_equal(wait_status, E_CANCELLED);
	atomic_store(&is_stopping, false);
	stop(); /* what fails is not waited for */
	assert_int_equal(lake_state.rows, 0);
	lake_state.begins_to_fail = 0;
	start(0);
	assert_ok(applier_wait(applier, &job, &is_stopping, &err));
	assert_int_equal(lake_state.values[0][1], 7);
}

/* --- Start and end ---------------------------------------------------------------------------- */

static void a_stream_that_is_gone_is_left_alone(void **state)
{
	struct stream gone = streams[0];
	struct applier_state now;

	(void)state;
	start(FAR_US);
	stream_row(0, 1, 7);
	assert_ok(catalog_connector_delete(catalog, S("shop"), &err));
	applier_forget(applier, gone.journal);
	applier_wake(applier, &gone); /* of a request that was under way */
	stop();
	assert_int_equal(lake_state.commits, 0);
	start(0);
	assert_ok(journal_remove(journal, gone.journal, &err));
	applier_wake(applier, &gone);
	usleep(20000);
	assert_int_equal(lake_state.commits, 0);
	assert_int_equal(applier_state(applier, &gone, &now, &err), E_NOT_FOUND);
}

static void *forget_first(void *ctx)
{
	(void)ctx;
	applier_forget(applier, streams[0].journal);
	atomic_store(&is_clear, true);
	return NULL;
}

static void a_stream_is_not_dropped_while_an_apply_is_under_way(void **state)
{
	pthread_t thread;

	(void)state;
	start(0);
	shut(true);
	stream_row(0, 1, 7);
	wait_until_held();
	atomic_store(&is_clear, false);
	assert_ok(thread_start(&thread, "dropper", forget_first, NULL, &err));
	usleep(100000);
	assert_false(atomic_load(&is_clear));
	shut(false);
	thread_join(thread);
	assert_int_equal(lake_state.commits, 1);
}

static void what_is_not_applied_at_the_end_is_at_the_next_start(void **state)
{
	(void)state;
	start(FAR_US);
	stream_row(0, 1, 7);
	stream_row(1, 1, 8);
	applier_stop(&applier, 0);
	assert_int_equal(lake_state.commits, 0);
	journal_close(&journal);
	open_journal();
	start(FAR_US); /* which is of no matter to what is old */
	wait_until_applied(0);
	wait_until_applied(1);
	assert_int_equal(lake_state.values[0][1], 7);
	assert_int_equal(lake_state.values[1][1], 8);
	applier_stop(&applier, 0);
	journal_close(&journal);
	open_journal();
	start(0);
	wait_until_applied(0);
	assert_int_equal(lake_state.rows, 2);
}

static void a_log_that_was_lost_goes_on_behind_what_the_lake_has(void **state)
{
	char command[300];
	int64_t end;

	(void)state;
	start(0);
	stream_row(0, 1, 7);
	end = stream_row(0, 2, 7);
	wait_until_applied(0);
	applier_stop(&applier, 0);
	journal_close(&journal);
	snprintf(command, sizeof(command), "rm -rf '%s/journal'", folder);
	assert_int_equal(system(command), 0);
	open_journal();
	start(0);
	assert_true(stream_row(0, 3, 8) > end);
	wait_until_applied(0);
	assert_int_equal(lake_state.values[0][3], 8);
}

static void a_lake_that_cannot_tell_its_position_keeps_the_server_from_starting(void **state)
{
	const struct applier_options options = {.catalog = catalog,
	    .shapes = shapes,
	    .journal = journal,
	    .lake = &lake,
	    .watch = watch};

	(void)state;
	lake_state.positions_to_fail = 1;
	assert_int_equal(applier_start(&options, &applier, &err), E_IO);
	assert_non_null(strstr(err.text, "shop.a"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(every_entry_is_applied_once),
	    TEST(what_comes_together_is_applied_together),
	    TEST(what_comes_during_an_apply_is_applied_by_the_next),
	    TEST(a_failure_is_tried_again_until_it_works),
	    TEST(a_batch_that_is_too_much_for_the_lake_is_tried_in_parts),
	    TEST(a_commit_that_happened_though_it_said_no_is_not_repeated),
	    TEST(a_load_does_not_begin_while_an_apply_is_under_way),
	    TEST(a_load_waits_for_what_was_accepted_before_but_not_for_the_interval),
	    TEST(a_load_that_waits_for_a_lake_that_fails_ends_with_the_server),
	    TEST(a_stream_that_is_gone_is_left_alone),
	    TEST(a_stream_is_not_dropped_while_an_apply_is_under_way),
	    TEST(what_is_not_applied_at_the_end_is_at_the_next_start),
	    TEST(a_log_that_was_lost_goes_on_behind_what_the_lake_has),
	    TEST(a_lake_that_cannot_tell_its_position_keeps_the_server_from_starting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
