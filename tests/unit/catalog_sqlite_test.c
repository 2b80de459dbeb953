/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SQLite catalog promises beside the contract (tests/conformance/catalog_*_test.c): who
 * may read its files, which files it takes, that changes share commits, and what is left when the
 * storage fails.
 */
#include "catalog_format_1.h"

#include "base/thread.h"
#include "base/uuid.h"
#include "catalog/access.h"
#include "catalog/catalog_sqlite.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct err err;
static char folder[256], path[300];

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/catalog-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/catalog.db", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[320];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return rmdir(folder);
}

static struct catalog *open_catalog(void)
{
	struct catalog *catalog = NULL;

	if (catalog_sqlite_open(path, &catalog, &err) != OK)
		fail_msg("open: %s", err.text);
	return catalog;
}

static struct catalog *open_with_stream(void)
{
	struct stream stream = {.connector = "c", .object = "o", .primary_key = "id"};
	struct catalog *catalog = open_catalog();
	bool created;

	assert_int_equal(catalog_connector_put(catalog, SLICE("c"), SLICE("x"), 0, &err), OK);
	assert_int_equal(catalog_stream_put(catalog, &stream, &created, &err), OK);
	return catalog;
}

static struct job new_job(void)
{
	struct job job = {.connector = "c", .object = "o", .created_us = 1, .modified_us = 1};

	uuid_make(job.id);
	return job;
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* --- Files ------------------------------------------------------------------------------------ */

static void only_the_owner_may_read_its_files_whatever_the_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 0277};
	static const char *const ends[] = {"", "-wal", "-shm"};
	size_t i, k;

	for (i = 0; i < 3; i++) {
		mode_t before = umask(masks[i]);
		struct catalog *catalog = open_with_stream();

		umask(before);
		for (k = 0; k < 3; k++) {
			char name[320];
			struct stat info;

			snprintf(name, sizeof(name), "%s%s", path, ends[k]);
			assert_int_equal(stat(name, &info), 0);
			assert_int_equal(info.st_mode & 0777, 0600);
		}
		catalog_close(&catalog);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void a_later_format_is_refused_by_name(void **state)
{
	struct catalog *catalog = open_catalog();

	(void)state;
	catalog_close(&catalog);
	run_sql("PRAGMA user_version = 5");
	assert_int_equal(catalog_sqlite_open(path, &catalog, &err), E_INVALID);
	assert_null(catalog);
	assert_non_null(strstr(err.text, "has format 5, made by a newer version"));
	assert_non_null(strstr(err.text, "formats up to 4"));
}

static void a_file_of_format_1_is_brought_up_with_all_that_is_in_it(void **state)
{
	static const unsigned char hash[CATALOG_HASH_BYTES] = {0};
	struct slice id = SLICE("00000000-0000-4000-8000-000000000004");
	struct catalog_token token;
	struct catalog *catalog;
	char org[CATALOG_ORG_BYTES];
	struct part part = {.blob_name = "part-b", .bytes = 5, .key = "k"};
	enum job_state now;
	struct job job;
	int i;

	(void)state;
	run_sql(format_1_file);
	/* The second time it is of the new format already. */
	for (i = 0; i < 2; i++) {
		catalog = open_catalog();
		assert_int_equal(catalog_token_find(catalog, hash, &token, &err), OK);
		assert_string_equal(token.user_id, "005000000000007AAA");
		assert_int_equal(token.expires_us, 0);
		assert_int_equal(token.used_us, 0);
		assert_int_equal(catalog_org_get(catalog, org, &err), OK);
		assert_memory_equal(org, "00D", 3);
		assert_int_equal(catalog_job_get(catalog, id, &job, &err), OK);
		assert_false(job.validate_only);
		assert_int_equal(job.created_us, 30);
		assert_int_equal(job.part_count, 1 + i);
		assert_int_equal(job.journal_end, 0);
		if (i == 0)
			assert_int_equal(catalog_part_add(catalog, id, &part, 9, &now, &err), OK);
		assert_int_equal(catalog_part_find(catalog, id, SLICE("k"), &part, &err), OK);
		assert_int_equal(part.number, 2);
		catalog_close(&catalog);
	}
}

static void another_programs_file_is_refused_and_left_as_it_is(void **state)
{
	static const char *const others[] = {"CREATE TABLE t (x)", "PRAGMA user_version = 1",
	    "PRAGMA application_id = 7; CREATE TABLE t (x)"};
	struct catalog *catalog = NULL;
	char header[20];
	size_t i;
	int fd;

	for (i = 0; i < 3; i++) {
		run_sql(others[i]);
		assert_int_equal(catalog_sqlite_open(path, &catalog, &err), E_INVALID);
		assert_non_null(strstr(err.text, "another program"));
		/* Bytes 18 and 19 of the file would be 2 had the log been turned on. */
		fd = open(path, O_RDONLY);
		assert_int_equal(read(fd, header, sizeof(header)), sizeof(header));
		close(fd);
		assert_int_equal(header[18], 1);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void what_is_no_database_is_refused(void **state)
{
	struct catalog *catalog = NULL;
	char text[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	assert_int_equal(catalog_sqlite_open(path, &catalog, &err), E_IO);
	assert_non_null(strstr(err.text, "not a database"));
	assert_null(catalog);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct catalog *catalog = NULL;

	(void)state;
	assert_int_equal(catalog_sqlite_open("/nowhere/at/all.db", &catalog, &err), E_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nowhere/at/all.db"));
}

/* One of the processes of the next test: open, write, close. */
static int open_in_child(int number)
{
	unsigned char hash[CATALOG_HASH_BYTES] = {0};
	struct catalog *catalog = NULL;
	char name[32];
	enum status status;

	hash[0] = (unsigned char)number;
	snprintf(name, sizeof(name), "token%d", number);
	status = catalog_sqlite_open(path, &catalog, &err);
	if (status == OK)
		status = catalog_token_add(catalog, hash, name, SCOPE_ADMIN, 0, &err);
	if (status != OK)
		fprintf(stderr, "process %d: %s\n", number, err.text);
	catalog_close(&catalog);
	return status == OK ? 0 : 1;
}

static void processes_that_create_it_at_once_all_succeed(void **state)
{
	pid_t children[8];
	int round, i, result;

	for (round = 0; round < 30; round++) {
		for (i = 0; i < 8; i++) {
			children[i] = fork();
			assert_true(children[i] >= 0);
			if (children[i] == 0)
				_exit(open_in_child(i));
		}
		for (i = 0; i < 8; i++) {
			assert_int_equal(waitpid(children[i], &result, 0), children[i]);
			assert_int_equal(result, 0);
		}
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

/* --- Group commit ----------------------------------------------------------------------------- */

#define WRITERS 64

struct writer {
	struct catalog *catalog;
	struct job job;
	enum status status;
	struct err err;
};

static struct writer writers[WRITERS];

static void *run_writer(void *ctx)
{
	struct writer *writer = ctx;

	writer->status = catalog_job_create(writer->catalog, &writer->job, &writer->err);
	return NULL;
}

static uint32_t big_endian(const unsigned char *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Commits in the log: frames whose second word is not 0 and whose salt is the log's
 * (sqlite.org/fileformat.html). */
static int count_commits(void)
{
	unsigned char head[32], frame[24];
	char name[320];
	off_t at;
	int fd, count = 0;

	snprintf(name, sizeof(name), "%s-wal", path);
	fd = open(name, O_RDONLY);
	assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
	for (at = 32; pread(fd, frame, sizeof(frame), at) == sizeof(frame);
	     at += 24 + big_endian(head + 8))
		if (memcmp(frame + 8, head + 16, 8) == 0 && big_endian(frame + 4) != 0)
			count++;
	close(fd);
	return count;
}

static void start_writers(struct catalog *catalog, pthread_t *threads)
{
	int i;

	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.catalog = catalog, .job = new_job()};
		assert_int_equal(
		    thread_start(&threads[i], "writer", run_writer, &writers[i], &err), OK);
	}
}

static void changes_that_come_together_share_a_commit(void **state)
{
	struct catalog *catalog = open_with_stream();
	pthread_t threads[WRITERS];
	struct job job = new_job();
	sqlite3 *other;
	int before, i;

	(void)state;
	/* A lone one is one commit. */
	before = count_commits();
	assert_int_equal(catalog_job_create(catalog, &job, &err), OK);
	assert_int_equal(count_commits(), before + 1);

	/* As long as another process writes, all wait, and so come together. */
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	start_writers(catalog, threads);
	usleep(300 * 1000);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	for (i = 0; i < WRITERS; i++) {
		thread_join(threads[i]);
		assert_int_equal(writers[i].status, OK);
		assert_int_equal(
		    catalog_job_get(catalog, slice_of(writers[i].job.id), &job, &err), OK);
	}
	/* One, unless a thread was slow to start; never one each. */
	assert_in_range(count_commits() - before - 1, 1, WRITERS / 4);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	catalog_close(&catalog);
}

/* --- Storage that fails ----------------------------------------------------------------------- */

/* No file of this process may grow past ${bytes}. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void when_a_commit_fails_all_of_it_are_told_and_nothing_is_kept(void **state)
{
	struct catalog *catalog = open_with_stream();
	pthread_t threads[WRITERS];
	struct job job;
	int i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	limit_files(4096);
	start_writers(catalog, threads);
	for (i = 0; i < WRITERS; i++)
		thread_join(threads[i]);
	limit_files(RLIM_INFINITY);
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(writers[i].status, E_IO);
		assert_non_null(strstr(writers[i].err.text, "disk I/O error"));
		assert_int_equal(
		    catalog_job_get(catalog, slice_of(writers[i].job.id), &job, &err), E_NOT_FOUND);
	}

	/* And it goes on when the storage does. */
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(catalog_job_create(catalog, &writers[i].job, &err), OK);
	catalog_close(&catalog);
	catalog = open_catalog();
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(
		    catalog_job_get(catalog, slice_of(writers[i].job.id), &job, &err), OK);
	catalog_close(&catalog);
}

static void a_change_that_fails_half_way_is_undone_alone(void **state)
{
	const struct catalog_job_move close = {
	    .from = 1u << JOB_OPEN, .to = JOB_UPLOAD_COMPLETE, .enqueue = true};
	struct catalog *catalog = open_with_stream();
	struct job bad = new_job(), good = new_job();

	(void)state;
	assert_int_equal(catalog_job_create(catalog, &bad, &err), OK);
	assert_int_equal(catalog_job_create(catalog, &good, &err), OK);
	/* The storage fails after the queue number was taken: the number must go back. */
	run_sql("CREATE TRIGGER fault BEFORE UPDATE OF state ON jobs WHEN OLD.no = 1"
		" BEGIN SELECT RAISE(ABORT, 'the fault'); END");
	assert_int_equal(catalog_job_move(catalog, slice_of(bad.id), &close, &bad, &err), E_IO);
	assert_non_null(strstr(err.text, "the fault"));
	assert_int_equal(catalog_job_move(catalog, slice_of(good.id), &close, &good, &err), OK);
	assert_int_equal(good.queue_no, 1);
	assert_int_equal(catalog_job_get(catalog, slice_of(bad.id), &bad, &err), OK);
	assert_int_equal(bad.state, JOB_OPEN);
	catalog_close(&catalog);
}

static void a_damaged_row_is_an_error_and_not_a_wrong_answer(void **state)
{
	static const char *const damages[] = {
	    "UPDATE jobs SET state = 6",
	    "UPDATE jobs SET operation = -1",
	    "UPDATE jobs SET lease = 'longer than a lease can be, which is 36 characters'",
	};
	struct catalog *catalog = open_with_stream();
	struct job job = new_job(), got = {.retries = 5};
	size_t i;

	(void)state;
	assert_int_equal(catalog_job_create(catalog, &job, &err), OK);
	for (i = 0; i < 3; i++) {
		run_sql(damages[i]);
		assert_int_equal(catalog_job_get(catalog, slice_of(job.id), &got, &err), E_IO);
		assert_non_null(strstr(err.text, "malformed"));
		assert_int_equal(got.retries, 5);
		run_sql("UPDATE jobs SET state = 0, operation = 0, lease = ''");
	}
	assert_int_equal(catalog_job_get(catalog, slice_of(job.id), &got, &err), OK);
	catalog_close(&catalog);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(only_the_owner_may_read_its_files_whatever_the_umask),
	    TEST(a_later_format_is_refused_by_name),
	    TEST(a_file_of_format_1_is_brought_up_with_all_that_is_in_it),
	    TEST(another_programs_file_is_refused_and_left_as_it_is),
	    TEST(what_is_no_database_is_refused),
	    TEST(a_folder_that_is_not_there_is_named),
	    TEST(processes_that_create_it_at_once_all_succeed),
	    TEST(changes_that_come_together_share_a_commit),
	    TEST(when_a_commit_fails_all_of_it_are_told_and_nothing_is_kept),
	    TEST(a_change_that_fails_half_way_is_undone_alone),
	    TEST(a_damaged_row_is_an_error_and_not_a_wrong_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
