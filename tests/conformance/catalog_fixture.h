/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_CONFORMANCE_CATALOG_FIXTURE_H
#define SLUICE_TESTS_CONFORMANCE_CATALOG_FIXTURE_H

/*
 * What the catalog's conformance tests share.  They are written against catalog.h; only
 * open_catalog() knows which backend it is.  A second handle on the same store stands for a second
 * process.
 *
 * Each test has a store of its own, with connector "ecomm" and the streams orders, customers and
 * events.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "catalog/catalog.h"
#include "catalog/catalog_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S(text)    slice_of(text)
#define ONE(state) (1u << (state))

static struct catalog *catalog;
static struct arena arena;
static struct err err;
static char folder[256];

static inline struct catalog *open_catalog(void)
{
	struct catalog *opened = NULL;
	char path[300];

	snprintf(path, sizeof(path), "%s/catalog.db", folder);
	if (catalog_sqlite_open(path, &opened, &err) != OK)
		fail_msg("open: %s", err.text);
	return opened;
}

/* Fails with the error's text, which a bare comparison would hide. */
#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum status got_ = (call);                                                         \
		if (got_ != OK)                                                                    \
			fail_msg("%s: %s: %s", #call, status_name(got_), err.text);                \
	} while (0)

#define assert_status(call, wanted) assert_string_equal(status_name(call), status_name(wanted))

static inline void put_stream(const char *connector, const char *object)
{
	struct stream stream = {.category = STREAM_PROFILE, .primary_key = "id"};
	bool created;

	snprintf(stream.connector, sizeof(stream.connector), "%s", connector);
	snprintf(stream.object, sizeof(stream.object), "%s", object);
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
}

static inline int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/catalog-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	arena_init(&arena, 4096);
	catalog = open_catalog();
	assert_ok(catalog_connector_put(catalog, S("ecomm"), S("openapi: 3.0.3"), 0, &err));
	put_stream("ecomm", "orders");
	put_stream("ecomm", "customers");
	put_stream("ecomm", "events");
	return 0;
}

static inline int tear_down(void **state)
{
	static const char *const names[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm"};
	char path[300];
	size_t i;

	(void)state;
	catalog_close(&catalog);
	arena_fini(&arena);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static inline void reopen(void)
{
	catalog_close(&catalog);
	assert_null(catalog);
	catalog = open_catalog();
}

static inline struct job new_job(const char *object, int64_t created_us)
{
	struct job job = {
	    .operation = JOB_UPSERT,
	    .state = JOB_OPEN,
	    .connector = "ecomm",
	    .created_by = "005000000000001AAA",
	    .created_us = created_us,
	    .modified_us = created_us,
	};

	uuid_make(job.id);
	snprintf(job.object, sizeof(job.object), "%s", object);
	return job;
}

static inline struct job create_job(const char *object, int64_t created_us)
{
	struct job job = new_job(object, created_us);

	assert_ok(catalog_job_create(catalog, &job, &err));
	return job;
}

static inline struct job get_job(const char *id)
{
	struct job job;

	assert_ok(catalog_job_get(catalog, S(id), &job, &err));
	return job;
}

static inline enum status move(
    const char *id, enum job_state from, enum job_state to, struct job *ret_job)
{
	struct catalog_job_move change = {.from = ONE(from), .to = to};

	return catalog_job_move(catalog, S(id), &change, ret_job, &err);
}

static inline struct job close_job(const char *id)
{
	struct catalog_job_move change = {
	    .from = ONE(JOB_OPEN), .to = JOB_UPLOAD_COMPLETE, .enqueue = true};
	struct job job;

	assert_ok(catalog_job_move(catalog, S(id), &change, &job, &err));
	return job;
}

/* Without a delay. */
static inline enum status claim_job(
    struct catalog *c, const char *lease, struct job *ret_job, struct err *ret_err)
{
	const struct catalog_claim claim = {.lease = lease, .jobs_max = 1};
	int64_t ready_us = -1;
	size_t count = 0;
	enum status status = catalog_job_claim(c, &claim, ret_job, &count, &ready_us, ret_err);

	assert_int_equal(count, status == OK);
	if (status == E_NOT_FOUND)
		assert_int_equal(ready_us, 0);
	return status;
}

static inline struct job make_closed(const char *object)
{
	struct job job = create_job(object, clock_now_us());

	return close_job(job.id);
}

static inline struct part new_part(int64_t bytes)
{
	struct part part = {.blob_name = "part-0001", .bytes = bytes, .accepted_us = 77};

	memset(part.sha256, 0xab, sizeof(part.sha256));
	return part;
}

static inline enum status add_part(const char *id, int64_t bytes, int64_t part_max)
{
	struct part part = new_part(bytes);
	enum job_state state;

	return catalog_part_add(catalog, S(id), &part, part_max, &state, &err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
