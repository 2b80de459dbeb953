/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a job when a store fails for a moment: it goes on where it was.  The stores are
 * the real ones; a test puts functions of its own into their tables, which fail as often as it
 * says.
 */
#include "base/clock.h"
#include "blob/blob_dir.h"
#include "blob/blob_ops.h"
#include "catalog/catalog_ops.h"
#include "catalog/catalog_sqlite.h"
#include "job/job.h"
#include "lake/lake_duckdb.h"
#include "lake/lake_ops.h"
#include "work/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define FAR_US      INT64_C(3600000000)
#define PATIENCE_US INT64_C(20000000)

static const char document[] = "openapi: 3.0.3\n"
			       "info: {title: t, version: '1'}\n"
			       "paths: {}\n"
			       "components:\n"
			       "  schemas:\n"
			       "    orders:\n"
			       "      type: object\n"
			       "      properties:\n"
			       "        id: {type: string}\n";

static char folder[256];
static struct catalog *catalog;
static struct blob *blob;
static struct lake *lake;
static struct job_watch *watch;
static struct job_service jobs;
static struct err err;

static const struct catalog_ops *real_catalog;
static const struct blob_ops *real_blob;
static const struct lake_ops *real_lake;
static struct catalog_ops catalog_table;
static struct blob_ops blob_table;
static struct lake_ops lake_table;

/* How often each is still to fail. */
static atomic_int retries_to_fail, begins_to_fail, marks_to_fail, removes_to_fail;

static enum status begin_failure; /* how load_begin fails */

static bool fails(atomic_int *left)
{
	return atomic_fetch_sub(left, 1) > 0;
}

static enum status move(struct catalog *c, struct slice id, const struct catalog_job_move *m,
    struct job *ret_job, struct err *e)
{
	if (m->add_retry && fails(&retries_to_fail))
		return err_set(e, E_FULL, "no space for a retry");
	return real_catalog->job_move(c, id, m, ret_job, e);
}

static enum status begin(struct lake *l, const struct lake_table *table,
    enum lake_operation operation, struct lake_load **ret_load, struct err *e)
{
	if (fails(&begins_to_fail))
		return err_set(e, begin_failure, "no stage");
	return real_lake->load_begin(l, table, operation, ret_load, e);
}

static enum status mark(
    struct lake *l, const char *job_id, struct lake_mark *ret_mark, struct err *e)
{
	if (fails(&marks_to_fail))
		return err_set(e, E_NOMEM, "no memory for a mark");
	return real_lake->mark_get(l, job_id, ret_mark, e);
}

static enum status remove_blobs(
    struct blob *b, const char *group, const char *prefix, struct err *e)
{
	if (fails(&removes_to_fail))
		return err_set(e, E_IO, "no removal");
	return real_blob->remove(b, group, prefix, e);
}

static void nobody_closed(void *ctx)
{
	(void)ctx;
}

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum status got_ = (call);                                                         \
		if (got_ != OK)                                                                    \
			fail_msg("%s: %s: %s", #call, status_name(got_), err.text);                \
	} while (0)

static void open_stores(void)
{
	char path[300], temp[300];
	struct lake_duckdb_options options = {
	    .path = path, .temp_path = temp, .memory_bytes = 256 << 20, .threads = 1};

	snprintf(path, sizeof(path), "%s/catalog.sqlite", folder);
	assert_ok(catalog_sqlite_open(path, &catalog, &err));
	snprintf(path, sizeof(path), "%s/blobs", folder);
	assert_ok(blob_dir_open(path, &blob, &err));
	snprintf(path, sizeof(path), "%s/lake.duckdb", folder);
	snprintf(temp, sizeof(temp), "%s/tmp", folder);
	assert_ok(lake_duckdb_open(&options, &lake, &err));
}

/* Put our functions into the tables. */
static void make_faulty(void)
{
	real_catalog = catalog->ops;
	catalog_table = *real_catalog;
	catalog_table.job_move = move;
	catalog->ops = &catalog_table;
	real_blob = blob->ops;
	blob_table = *real_blob;
	blob_table.remove = remove_blobs;
	blob->ops = &blob_table;
	real_lake = lake->ops;
	lake_table = *real_lake;
	lake_table.load_begin = begin;
	lake_table.mark_get = mark;
	lake->ops = &lake_table;
	atomic_store(&retries_to_fail, 0);
	atomic_store(&begins_to_fail, 0);
	atomic_store(&marks_to_fail, 0);
	atomic_store(&removes_to_fail, 0);
}

static int set_up(void **state)
{
	struct stream stream = {.category = STREAM_PROFILE,
	    .connector = "shop",
	    .object = "orders",
	    .primary_key = "id"};
	const char *tmp = getenv("TMPDIR");
	bool created;

	(void)state;
	begin_failure = E_IO;
	snprintf(folder, sizeof(folder), "%s/job-fault-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	open_stores();
	make_faulty();
	assert_ok(job_watch_create(&watch, &err));
	jobs = (struct job_service){
	    .catalog = catalog, .blob = blob, .watch = watch, .closed = nobody_closed};
	uuid_make(jobs.lease);
	assert_ok(catalog_connector_put(catalog, slice_of("shop"), slice_of(document), 0, &err));
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	job_watch_wake_all(watch);
	job_watch_destroy(&watch);
	lake_close(&lake);
	blob_close(&blob);
	catalog_close(&catalog);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static void make_job(struct job *job)
{
	*job = (struct job){
	    .connector = "shop", .object = "orders", .created_by = "005000000000001AAA"};
	uuid_make(job->id);
	job->created_us = job->modified_us = clock_now_us();
	assert_ok(catalog_job_create(catalog, job, &err));
}

/* One part of one record. */
static void give_part(const char *id)
{
	struct part part = {.accepted_us = clock_now_us(), .blob_name = "part-1"};
	struct slice bytes = slice_of("id\na\n");
	struct blob_writer *writer;
	struct blob_info info;
	enum job_state job_state;

	assert_ok(blob_write_begin(blob, id, part.blob_name, &writer, &err));
	assert_ok(blob_write(writer, bytes, &err));
	assert_ok(blob_write_commit(&writer, &info, &err));
	part.bytes = (int64_t)info.bytes;
	assert_ok(catalog_part_add(catalog, slice_of(id), &part, JOB_PARTS_MAX, &job_state, &err));
}

/* Let a worker load the closed job until it is in a final state, or patience ends. */
static void work_until_final(struct job *job)
{
	struct work_options options = {.jobs = &jobs, .lake = lake, .worker_count = 1};
	int64_t until_us = clock_mono_us() + PATIENCE_US;
	struct work *work;

	assert_ok(work_start(&options, &work, &err));
	do {
		usleep(20000);
		assert_ok(catalog_job_get(catalog, slice_of(job->id), job, &err));
	} while (!job_state_is_final(job->state) && clock_mono_us() < until_us);
	work_stop(&work);
}

static void close_and_load(struct job *job)
{
	make_job(job);
	give_part(job->id);
	assert_ok(job_close(&jobs, slice_of(job->id), job, &err));
	work_until_final(job);
}

/* --- Loading ---------------------------------------------------------------------------------- */

/* The disk that the lake found full is the catalog's as well. */
static void a_retry_that_cannot_be_counted_is_made(void **state)
{
	struct job job;

	(void)state;
	atomic_store(&begins_to_fail, 1);
	atomic_store(&retries_to_fail, 1);
	close_and_load(&job);
	assert_string_equal(job_state_name(job.state), "JobComplete");
	assert_int_equal(job.records_processed, 1);
}

static void a_mark_that_cannot_be_read_is_asked_for_again(void **state)
{
	struct job job;

	(void)state;
	atomic_store(&begins_to_fail, 1);
	atomic_store(&marks_to_fail, 2);
	close_and_load(&job);
	assert_string_equal(job_state_name(job.state), "JobComplete");
	assert_int_equal(job.records_processed, 1);
}

static void a_full_disk_costs_a_closed_job_nothing(void **state)
{
	struct job job;

	(void)state;
	begin_failure = E_FULL;
	atomic_store(&begins_to_fail, 5); /* more often than any other failure is put up with */
	close_and_load(&job);
	assert_string_equal(job_state_name(job.state), "JobComplete");
	assert_int_equal(job.records_processed, 1);
}

static void other_failures_of_storage_end_as_failed_with_the_reason(void **state)
{
	struct job job;

	(void)state;
	atomic_store(&begins_to_fail, 4);
	close_and_load(&job);
	assert_string_equal(job_state_name(job.state), "Failed");
	assert_string_equal(job.error, "Storage failed 4 times; the server's log tells how.");
	assert_int_equal(job.retries, 3);
}

/* --- Abort, delete ---------------------------------------------------------------------------- */

struct counted {
	struct job_waiter waiter; /* first */
	atomic_int wakes;
};

static void count_wake(struct job_waiter *waiter)
{
	atomic_fetch_add(&((struct counted *)waiter)->wakes, 1);
}

static void who_waits_is_told_of_an_abort_whose_removal_failed(void **state)
{
	struct counted counted = {.waiter = {.woken = count_wake}};
	struct job job;

	(void)state;
	make_job(&job);
	strcpy(counted.waiter.key, job.id);
	counted.waiter.deadline_us = clock_mono_us() + FAR_US;
	job_watch_add(watch, &counted.waiter);
	atomic_store(&removes_to_fail, 1);
	assert_int_equal(job_abort(&jobs, slice_of(job.id), &job, &err), E_IO);
	assert_int_equal(atomic_load(&counted.wakes), 1);
	assert_ok(job_abort(&jobs, slice_of(job.id), &job, &err));
	assert_int_equal(atomic_load(&counted.wakes), 1);
}

static void a_repeated_delete_finishes_one_whose_removal_failed(void **state)
{
	struct blob_reader *reader;
	uint64_t bytes;
	struct job job;

	(void)state;
	make_job(&job);
	give_part(job.id);
	assert_ok(job_close(&jobs, slice_of(job.id), &job, &err));
	atomic_store(&removes_to_fail, 1);
	assert_int_equal(job_delete(&jobs, slice_of(job.id), &job, &err), E_IO);
	/* The job is gone for clients; the repeated request says so, and what was left goes. */
	assert_int_equal(job_delete(&jobs, slice_of(job.id), &job, &err), E_NOT_FOUND);
	assert_int_equal(
	    blob_read_open(blob, job.id, "part-1", &reader, &bytes, &err), E_NOT_FOUND);
	assert_ok(catalog_connector_delete(catalog, slice_of("shop"), &err));
}

static void a_delete_of_what_never_was_changes_nothing(void **state)
{
	char id[UUID_TEXT_BYTES];
	struct job job;

	(void)state;
	uuid_make(id);
	assert_int_equal(job_delete(&jobs, slice_of(id), &job, &err), E_NOT_FOUND);
	assert_int_equal(job_delete(&jobs, slice_of("../x"), &job, &err), E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_retry_that_cannot_be_counted_is_made, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_mark_that_cannot_be_read_is_asked_for_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_full_disk_costs_a_closed_job_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		other_failures_of_storage_end_as_failed_with_the_reason, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		who_waits_is_told_of_an_abort_whose_removal_failed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_repeated_delete_finishes_one_whose_removal_failed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_delete_of_what_never_was_changes_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
