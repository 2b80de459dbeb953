/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes with time, and what does not: job/ageing.h on real stores, with ages that the tests
 * give.  That the clock can be moved is the scenario's part.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "blob/blob_ops.h"
#include "catalog/catalog_ops.h"
#include "job/ageing.h"

#include "blob/blob_dir.h"
#include "catalog/catalog_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_US (INT64_C(86400) * 1000000)

static char folder[256];
static struct catalog *catalog;
static struct blob *blob;
static struct job_watch *watch;
static struct job_service jobs;
static struct err err;

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum status got_ = (call);                                                         \
		if (got_ != OK)                                                                    \
			fail_msg("%s: %s: %s", #call, status_name(got_), err.text);                \
	} while (0)

static void nobody_closed(void *ctx)
{
	(void)ctx;
}

static int set_up(void **state)
{
	struct stream stream = {.connector = "shop", .object = "orders", .primary_key = "id"};
	const char *tmp = getenv("TMPDIR");
	char path[300];
	bool created;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/ageing-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/catalog.sqlite", folder);
	assert_ok(catalog_sqlite_open(path, &catalog, &err));
	snprintf(path, sizeof(path), "%s/blobs", folder);
	assert_ok(blob_dir_open(path, &blob, &err));
	assert_ok(job_watch_create(&watch, &err));
	jobs = (struct job_service){
	    .catalog = catalog, .blob = blob, .watch = watch, .closed = nobody_closed};
	uuid_make(jobs.lease);
	assert_ok(catalog_connector_put(catalog, slice_of("shop"), slice_of("x"), 0, &err));
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	job_watch_wake_all(watch);
	job_watch_destroy(&watch);
	blob_close(&blob);
	catalog_close(&catalog);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* An open job of that age with a part. */
static struct job make_job(int64_t age_us)
{
	struct job job = {
	    .connector = "shop", .object = "orders", .created_by = "005000000000001AAA"};
	struct part part = {.blob_name = "part-1", .bytes = 3};
	struct blob_writer *writer;
	struct blob_info info;
	enum job_state now;

	uuid_make(job.id);
	job.created_us = job.modified_us = clock_now_us() - age_us;
	assert_ok(catalog_job_create(catalog, &job, &err));
	assert_ok(blob_write_begin(blob, job.id, part.blob_name, &writer, &err));
	assert_ok(blob_write(writer, slice_of("id\n"), &err));
	assert_ok(blob_write_commit(&writer, &info, &err));
	assert_ok(catalog_part_add(catalog, slice_of(job.id), &part, JOB_PARTS_MAX, &now, &err));
	return job;
}

static enum job_state state_of(const struct job *job)
{
	struct job now;

	assert_ok(catalog_job_get(catalog, slice_of(job->id), &now, &err));
	return now.state;
}

static bool is_gone(const struct job *job)
{
	struct job now;

	return catalog_job_get(catalog, slice_of(job->id), &now, &err) == E_NOT_FOUND;
}

static bool has_blobs(const struct job *job)
{
	char path[400];
	struct stat info;

	snprintf(path, sizeof(path), "%s/blobs/%s", folder, job->id);
	return stat(path, &info) == 0;
}

/* The first look of a new thread, or one of ours behind it. */
static struct ageing_result look(int64_t open_us, int64_t finished_us)
{
	const struct ageing_options options = {
	    .jobs = &jobs, .open_us = open_us, .finished_us = finished_us};
	struct ageing_result result;
	struct ageing *ageing;

	assert_ok(ageing_start(&options, &ageing, &err));
	ageing_run(ageing, &result);
	ageing_stop(&ageing);
	return result;
}

static void an_open_job_that_is_too_old_is_aborted_and_its_data_removed(void **state)
{
	struct job old = make_job(8 * DAY_US), young = make_job(6 * DAY_US);

	(void)state;
	look(7 * DAY_US, 0);
	assert_int_equal(state_of(&old), JOB_ABORTED);
	assert_false(has_blobs(&old));
	assert_int_equal(state_of(&young), JOB_OPEN);
	assert_true(has_blobs(&young));
}

static void a_closed_job_is_left_alone_however_old_it_is(void **state)
{
	struct job queued = make_job(400 * DAY_US), running = make_job(400 * DAY_US), now;
	int64_t ready_us;
	size_t count;

	(void)state;
	assert_ok(job_close(&jobs, slice_of(running.id), &now, &err));
	assert_ok(job_claim(&jobs, 1, &now, &count, &ready_us, &err));
	assert_string_equal(now.id, running.id);
	assert_ok(job_close(&jobs, slice_of(queued.id), &now, &err));
	/* Both kinds at once, and as eager as can be. */
	look(1, 1);
	assert_int_equal(state_of(&queued), JOB_UPLOAD_COMPLETE);
	assert_int_equal(state_of(&running), JOB_IN_PROGRESS);
	assert_true(has_blobs(&queued) && has_blobs(&running));

	/* Also when the job was closed after the look that found it open. */
	assert_int_equal(job_expire(&jobs, slice_of(queued.id), &err), E_CONFLICT);
	assert_int_equal(job_delete_final(&jobs, slice_of(queued.id), &err), E_CONFLICT);
	assert_int_equal(job_delete_final(&jobs, slice_of(running.id), &err), E_CONFLICT);
	assert_int_equal(state_of(&queued), JOB_UPLOAD_COMPLETE);
	assert_int_equal(state_of(&running), JOB_IN_PROGRESS);
}

/* A job to each of the final states, just now. */
static void finish(struct job finished[3])
{
	const struct job_result result = {0};
	struct job now;
	int64_t ready_us;
	size_t count;

	for (size_t i = 0; i < 3; i++) {
		finished[i] = make_job(0);
		if (i == 2) {
			assert_ok(job_abort(&jobs, slice_of(finished[i].id), &now, &err));
			continue;
		}
		assert_ok(job_close(&jobs, slice_of(finished[i].id), &now, &err));
		assert_ok(job_claim(&jobs, 1, &now, &count, &ready_us, &err));
		assert_ok(i == 0 ? job_complete(&jobs, now.id, &result, &err)
				 : job_fail(&jobs, now.id, &result, "because", &err));
	}
}

static void finished_jobs_are_removed_after_their_days(void **state)
{
	struct job finished[3], open = make_job(0);

	(void)state;
	finish(finished);
	look(0, DAY_US);
	for (size_t i = 0; i < 3; i++)
		assert_false(is_gone(&finished[i]));
	look(0, 1);
	for (size_t i = 0; i < 3; i++) {
		assert_true(is_gone(&finished[i]));
		assert_false(has_blobs(&finished[i]));
	}
	assert_int_equal(state_of(&open), JOB_OPEN);
}

static void with_0_nothing_ages(void **state)
{
	struct job finished[3], open = make_job(400 * DAY_US);

	(void)state;
	finish(finished);
	look(0, 0);
	assert_int_equal(state_of(&open), JOB_OPEN);
	for (size_t i = 0; i < 3; i++)
		assert_false(is_gone(&finished[i]));
}

/* More than are asked for at a time. */
static void a_look_ends_when_nothing_is_too_old_any_more(void **state)
{
	struct job some[230];

	(void)state;
	for (size_t i = 0; i < 230; i++)
		some[i] = make_job(8 * DAY_US);
	look(7 * DAY_US, 0);
	for (size_t i = 0; i < 230; i++)
		assert_int_equal(state_of(&some[i]), JOB_ABORTED);
}

/* --- Failures of storage ---------------------------------------------------------------------- */

static const struct blob_ops *real_blob;
static int removes_to_fail;

static enum status remove_blobs(
    struct blob *b, const char *group, const char *prefix, struct err *e)
{
	if (removes_to_fail > 0) {
		removes_to_fail--;
		return err_set(e, E_IO, "no removal");
	}
	return real_blob->remove(b, group, prefix, e);
}

static void what_storage_refuses_is_taken_up_at_the_next_look(void **state)
{
	struct job old[3] = {make_job(8 * DAY_US), make_job(9 * DAY_US), make_job(10 * DAY_US)};
	struct blob_ops table;
	size_t aborted = 0;

	(void)state;
	real_blob = blob->ops;
	table = *real_blob;
	table.remove = remove_blobs;
	blob->ops = &table;
	/* One look or two: ours, perhaps the thread's first.  Each ends at its first failure. */
	removes_to_fail = 2;
	look(7 * DAY_US, 0);
	for (size_t i = 0; i < 3; i++)
		aborted += state_of(&old[i]) == JOB_ABORTED;
	assert_in_range(aborted, 1, 2);
	removes_to_fail = 0;
	look(7 * DAY_US, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(state_of(&old[i]), JOB_ABORTED);
	blob->ops = real_blob;
}

static void stopping_nothing_is_fine(void **state)
{
	struct ageing *nothing = NULL;

	(void)state;
	ageing_stop(&nothing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_open_job_that_is_too_old_is_aborted_and_its_data_removed),
	    TEST(a_closed_job_is_left_alone_however_old_it_is),
	    TEST(finished_jobs_are_removed_after_their_days),
	    TEST(with_0_nothing_ages),
	    TEST(a_look_ends_when_nothing_is_too_old_any_more),
	    TEST(what_storage_refuses_is_taken_up_at_the_next_look),
	    TEST(stopping_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
