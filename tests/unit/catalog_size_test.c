/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the catalog does when it holds much: its pages are whole, and a page of a list of 100,000
 * jobs comes within 10 ms, whatever its order, filter and offset; with 100,000 tokens one is found
 * as if it were alone, and nothing that removes some looks at all.  The file is filled by SQL, since
 * 100,000 calls would take a minute.  A time is the best of several, so that a busy machine does no
 * harm; a build with sanitizers is another program, so there nothing is timed.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "catalog/access.h"
#include "catalog/catalog.h"
#include "catalog/catalog_sqlite.h"

#include <inttypes.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURABLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEASURABLE 0
#endif
#endif
#ifndef MEASURABLE
#define MEASURABLE 1
#endif

#define JOBS    100000
#define WALKED  3000
#define TRIES   25
#define PAGE_US 10000

#define TOKENS    100000
#define FIND_US   1000  /* it runs on event threads, with each request */
#define CHANGE_US 50000 /* all other changes wait for it */

#define ONE(state) (1u << (state))

static struct err err;
static struct catalog *catalog;
static char folder[256], path[300];

static void put_stream(const char *connector, const char *object)
{
	struct stream stream = {.category = STREAM_PROFILE, .primary_key = "id"};
	bool created;

	snprintf(stream.connector, sizeof(stream.connector), "%s", connector);
	snprintf(stream.object, sizeof(stream.object), "%s", object);
	assert_int_equal(catalog_stream_put(catalog, &stream, &created, &err), OK);
}

static void run_sql(const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Jobs of both streams in all states that are final or Open, ids and changes in no order. */
static void fill(int count)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
	    "PRAGMA synchronous = OFF; BEGIN;"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " INSERT INTO jobs (id, stream, operation, state, created_by, created_us, modified_us,"
	    " queue_no)"
	    " SELECT printf('%%08x-0000-4000-8000-%%012x', i * 2654435761 %% 4294967296, i),"
	    " 1 + i %% 2, 0, CASE i %% 4 WHEN 0 THEN 0 ELSE 2 + i %% 4 END, '005000000000001AAA',"
	    " i * 1000, i * 1000 + i * 2654435761 %% 1000000, i FROM n; COMMIT;",
	    count);
	run_sql(sql);
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/catalog-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/catalog.db", folder);
	assert_int_equal(catalog_sqlite_open(path, &catalog, &err), OK);
	assert_int_equal(catalog_connector_put(catalog, SLICE("c"), SLICE("x"), 0, &err), OK);
	put_stream("c", "one");
	put_stream("c", "two");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[320];

	(void)state;
	catalog_close(&catalog);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return rmdir(folder);
}

/* The least time of several that a page takes, and what it held. */
static int64_t time_page(
    const struct catalog_job_filter *filter, size_t *ret_count, int64_t *ret_total)
{
	int64_t least_us = INT64_MAX, begin_us, us;
	struct arena arena;
	struct job *jobs;

	for (int i = 0; i < TRIES; i++) {
		arena_init(&arena, 65536);
		begin_us = clock_mono_us();
		if (catalog_job_list(catalog, filter, &arena, &jobs, ret_count, ret_total, &err) !=
		    OK)
			fail_msg("%s", err.text);
		us = clock_mono_us() - begin_us;
		arena_fini(&arena);
		if (us < least_us)
			least_us = us;
	}
	return least_us;
}

static void a_page_of_100000_jobs_takes_less_than_10_ms(void **state)
{
	static const struct {
		const char *what;
		struct catalog_job_filter filter;
		int64_t total;
	} cases[] = {
	    {"the newest", {.states = JOB_STATES_ALL, .limit = 100}, JOBS},
	    {"from the middle", {.states = JOB_STATES_ALL, .limit = 100, .offset = JOBS / 2}, JOBS},
	    {"the last",
		{.states = JOB_STATES_ALL,
		    .limit = 100,
		    .offset = JOBS - 100,
		    .order = JOB_ORDER_CREATED},
		JOBS},
	    {"the middle by creation",
		{.states = JOB_STATES_ALL,
		    .limit = 20,
		    .offset = JOBS / 2,
		    .order = JOB_ORDER_CREATED,
		    .ascending = true},
		JOBS},
	    {"of one state", {.states = ONE(JOB_FAILED), .limit = 100, .offset = JOBS / 8},
		JOBS / 4},
	    {"of an object",
		{.states = JOB_STATES_ALL,
		    .connector = {"c", 1},
		    .object = {"two", 3},
		    .limit = 100,
		    .offset = JOBS / 4},
		JOBS / 2},
	    {"of a state that none is in",
		{.states = ONE(JOB_IN_PROGRESS), .object = {"one", 3}, .limit = 100}, 0},
	};
	int64_t us, total;
	size_t count;

	(void)state;
	if (!MEASURABLE)
		skip();
	fill(JOBS);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		us = time_page(&cases[i].filter, &count, &total);
		print_message("# %s: %" PRId64 " us\n", cases[i].what, us);
		assert_int_equal(total, cases[i].total);
		assert_int_equal(count, total == 0 ? 0 : cases[i].filter.limit);
		assert_in_range(us, 0, PAGE_US);
	}
}

/* All pages of an order, one after the other. */
static void walk(enum job_order order, bool ascending)
{
	struct catalog_job_filter filter = {
	    .states = JOB_STATES_ALL, .limit = 97, .order = order, .ascending = ascending};
	static bool seen[WALKED + 1];
	struct arena arena;
	struct job *jobs;
	size_t count;
	int64_t total, number;

	memset(seen, 0, sizeof(seen));
	do {
		arena_init(&arena, 65536);
		assert_int_equal(
		    catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err), OK);
		for (size_t i = 0; i < count; i++) {
			/* fill() ends each id with the job's number. */
			number = strtoll(strrchr(jobs[i].id, '-') + 1, NULL, 16);
			assert_in_range(number, 1, WALKED);
			assert_false(seen[number]);
			seen[number] = true;
			if (order == JOB_ORDER_CREATED)
				assert_int_equal(number, ascending
							     ? filter.offset + (int64_t)i + 1
							     : WALKED - filter.offset - (int64_t)i);
		}
		arena_fini(&arena);
		filter.offset += (int64_t)count;
	} while (count > 0);
	assert_int_equal(filter.offset, WALKED);
	assert_int_equal(total, WALKED);
}

static void pages_of_a_long_list_meet_each_job_once(void **state)
{
	(void)state;
	fill(WALKED);
	walk(JOB_ORDER_CREATED, true);
	walk(JOB_ORDER_CREATED, false);
	walk(JOB_ORDER_MODIFIED, true);
	walk(JOB_ORDER_MODIFIED, false);
}

/* --- Tokens ----------------------------------------------------------------------------------- */

/* Tokens of one app, each even one come of the one before; the ${i}th ends at ${i} us, and its hash
 * begins with that number. */
static void fill_tokens(int count)
{
	struct catalog_user user = {.name = "ann"};
	struct catalog_app app = {.name = "etl", .client_id = "etl", .scopes = SCOPE_INGEST};
	char sql[1024];

	assert_int_equal(catalog_user_add(catalog, &user, &err), OK);
	snprintf(app.user_id, sizeof(app.user_id), "%s", user.id);
	assert_int_equal(catalog_app_add(catalog, &app, &err), OK);
	snprintf(sql, sizeof(sql),
	    "PRAGMA synchronous = OFF; BEGIN;"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " INSERT INTO issued (no, hash, kind, user, app, scopes, created_us, expires_us, "
	    "parent)"
	    " SELECT i, CAST(printf('%%032d', i * 2654435761 %% 4294967296) AS BLOB), 1 + i %% 2, "
	    "1,"
	    " 1, 1, 0, i, CASE i %% 2 WHEN 0 THEN i - 1 END FROM n; COMMIT;",
	    count);
	run_sql(sql);
}

static void find_token(int64_t i, struct catalog_token *ret_token)
{
	char hash[CATALOG_HASH_BYTES + 1];

	snprintf(hash, sizeof(hash), "%032" PRId64, i * 2654435761 % 4294967296);
	if (catalog_token_find(catalog, (const unsigned char *)hash, ret_token, &err) != OK)
		fail_msg("%s", err.text);
}

/* The least time of several that finding one takes, and removing what a call removes. */
static void with_100000_tokens_one_is_found_and_some_are_removed_at_once(void **state)
{
	int64_t find_us = INT64_MAX, revoke_us = INT64_MAX, expire_us = INT64_MAX, begin_us, us;
	struct catalog_token token;
	size_t count;

	(void)state;
	if (!MEASURABLE)
		skip();
	fill_tokens(TOKENS);
	for (int i = 1; i <= TRIES; i++) {
		begin_us = clock_mono_us();
		find_token(TOKENS - 2 * i + 1, &token);
		us = clock_mono_us() - begin_us;
		find_us = us < find_us ? us : find_us;

		begin_us = clock_mono_us();
		assert_int_equal(catalog_token_revoke(catalog, token.id, &count, &err), OK);
		us = clock_mono_us() - begin_us;
		assert_int_equal(count, 2);
		revoke_us = us < revoke_us ? us : revoke_us;

		begin_us = clock_mono_us();
		assert_int_equal(catalog_access_expire(catalog, 100 * i, 1000, &count, &err), OK);
		us = clock_mono_us() - begin_us;
		assert_int_equal(count, 100);
		expire_us = us < expire_us ? us : expire_us;
	}
	print_message("# found in %" PRId64 " us, revoked in %" PRId64
		      " us, 100 expired in %" PRId64 " us\n",
	    find_us, revoke_us, expire_us);
	assert_in_range(find_us, 0, FIND_US);
	assert_in_range(revoke_us, 0, CHANGE_US);
	assert_in_range(expire_us, 0, CHANGE_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		pages_of_a_long_list_meet_each_job_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_page_of_100000_jobs_takes_less_than_10_ms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		with_100000_tokens_one_is_found_and_some_are_removed_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
