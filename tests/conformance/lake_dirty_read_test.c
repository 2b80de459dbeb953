/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query sees all of a load or nothing of it, also while a large one is being committed.
 *
 * DuckDB alone does not keep that promise: while it commits an insert of a row group (122,880 rows)
 * or more, others see the old rows and the new ones together.  The backend's commit lock does; this
 * test goes red without it.
 *
 * A table holds generation g of ROWS keys.  Each load replaces all of them by generation g + 1,
 * while threads keep asking how many rows and how many generations there are: always ROWS, and 1.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "convert/batch.h"
#include "lake/lake.h"
#include "lake/lake_duckdb.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS        150000 /* more than a row group */
#define GENERATIONS 8
#define READERS     3

static const struct field fields[] = {
    {.name = "id", .type = FIELD_INTEGER}, {.name = "gen", .type = FIELD_INTEGER}};
static const struct lake_table table = {
    .connector = "shop", .object = "things", .fields = fields, .field_count = 2, .key_index = 0};

struct reader {
	struct lake *lake;
	pthread_t thread;
	int64_t queries;
	char wrong[256]; /* what should never have been seen */
};

static atomic_bool is_over;

static enum status take_columns(
    void *ctx, const struct lake_column *columns, size_t count, struct err *err)
{
	(void)ctx, (void)columns, (void)count, (void)err;
	return OK;
}

static enum status take_row(void *ctx, const struct lake_value *values, struct err *err)
{
	struct reader *reader = ctx;

	(void)err;
	if (!slice_is(values[0].text, "150000") || !slice_is(values[1].text, "1"))
		snprintf(reader->wrong, sizeof(reader->wrong), "%.*s rows of %.*s generations",
		    SLICE_ARGS(values[0].text), SLICE_ARGS(values[1].text));
	return OK;
}

static void *read_all_the_time(void *ctx)
{
	struct reader *reader = ctx;
	struct lake_query query = {
	    .sql = SLICE("SELECT count(*), count(DISTINCT gen) FROM shop.things"),
	    .timeout_ms = 20000,
	    .rows_max = 10};
	struct lake_sink sink = {.columns = take_columns, .row = take_row, .ctx = reader};
	struct err err;
	bool more;

	while (!atomic_load(&is_over) && reader->wrong[0] == '\0') {
		if (lake_query(reader->lake, &query, &sink, &more, &err) != OK)
			snprintf(reader->wrong, sizeof(reader->wrong), "%.250s", err.text);
		reader->queries++;
	}
	return NULL;
}

static void load_generation(struct lake *lake, int64_t generation)
{
	static const enum field_type types[] = {FIELD_INTEGER, FIELD_INTEGER};
	struct lake_mark mark = {ROWS, 0};
	struct lake_load *load = NULL;
	struct batch *batch = NULL;
	char job[32];
	struct err err;

	assert_int_equal(batch_create(types, 2, &batch, &err), OK);
	assert_int_equal(lake_load_begin(lake, &table, LAKE_UPSERT, &load, &err), OK);
	for (int64_t id = 0; id < ROWS; id += BATCH_ROWS) {
		batch_reset(batch);
		for (size_t i = 0; i < BATCH_ROWS && id + (int64_t)i < ROWS; i++) {
			((int64_t *)batch->columns[0].values)[i] = id + (int64_t)i;
			((int64_t *)batch->columns[1].values)[i] = generation;
			batch_set_valid(&batch->columns[0], i);
			batch_set_valid(&batch->columns[1], i);
			batch->row_count++;
		}
		assert_int_equal(lake_load_append(load, batch, &err), OK);
	}
	batch_destroy(&batch);
	snprintf(job, sizeof(job), "generation %" PRId64, generation);
	if (lake_load_commit(&load, job, &mark, &err) != OK)
		fail_msg("%s", err.text);
}

static void no_query_sees_half_a_load(void **context)
{
	struct reader readers[READERS] = {0};
	struct lake *lake = *context;
	struct err err;
	int64_t queries = 0;

	assert_int_equal(lake_table_ensure(lake, &table, &err), OK);
	load_generation(lake, 0);
	for (int i = 0; i < READERS; i++) {
		readers[i].lake = lake;
		assert_int_equal(thread_start(&readers[i].thread, "reader", read_all_the_time,
				     &readers[i], &err),
		    OK);
	}
	for (int64_t generation = 1; generation <= GENERATIONS; generation++)
		load_generation(lake, generation);
	atomic_store(&is_over, true);
	for (int i = 0; i < READERS; i++) {
		thread_join(readers[i].thread);
		queries += readers[i].queries;
	}
	for (int i = 0; i < READERS; i++) {
		if (readers[i].wrong[0] != '\0')
			fail_msg("a reader saw %s", readers[i].wrong);
	}
	/* Or else nobody looked while there was something to see. */
	assert_true(queries > 2 * GENERATIONS);
}

static char folder[256];

static int set_up(void **context)
{
	const char *base = getenv("TMPDIR");
	char path[300], temp[300];
	struct lake_duckdb_options options = {
	    .path = path, .temp_path = temp, .memory_bytes = 512 << 20, .threads = 2};
	struct lake *lake = NULL;
	struct err err;

	snprintf(folder, sizeof(folder), "%s/lake_dirty.XXXXXX", base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/lake.duckdb", folder);
	snprintf(temp, sizeof(temp), "%s/temp", folder);
	assert_int_equal(lake_duckdb_open(&options, &lake, &err), OK);
	*context = lake;
	return 0;
}

static int tear_down(void **context)
{
	struct lake *lake = *context;
	char path[300];

	lake_close(&lake);
	snprintf(path, sizeof(path), "%s/lake.duckdb", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/temp", folder);
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(no_query_sees_half_a_load, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
