/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema grows under a table that is large: a new column must not rewrite what is there.  Time is
 * measured in that of loading the same rows, so that a slow machine is slow for both, and the best
 * of several counts, so that a busy one does no harm.
 */
#include "base/clock.h"
#include "convert/batch.h"
#include "lake/lake.h"
#include "lake/lake_duckdb.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIELDS 4
#define MORE   5 /* columns that come later, one at a time */
#define ROWS   1000000

static char folder[256], path[300], temp[300];
static struct lake *lake;

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct lake_duckdb_options options = {
	    .path = path, .temp_path = temp, .memory_bytes = 512 << 20, .threads = 2};
	struct err err;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/lake_growth.XXXXXX", base == NULL ? "/tmp" : base);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/lake.duckdb", folder);
	snprintf(temp, sizeof(temp), "%s/temp", folder);
	return lake_duckdb_open(&options, &lake, &err) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	char wal[320];

	(void)state;
	lake_close(&lake);
	snprintf(wal, sizeof(wal), "%s.wal", path);
	unlink(path);
	unlink(wal);
	rmdir(temp);
	return rmdir(folder);
}

/* The table after ${count} of the later columns have come. */
static struct lake_table table_of(size_t count)
{
	static const struct field fields[FIELDS + MORE] = {{.name = "id", .type = FIELD_INTEGER},
	    {.name = "n", .type = FIELD_NUMBER}, {.name = "at", .type = FIELD_DATE_TIME},
	    {.name = "text", .type = FIELD_STRING}, {.name = "a", .type = FIELD_STRING},
	    {.name = "b", .type = FIELD_NUMBER}, {.name = "c", .type = FIELD_DATE},
	    {.name = "d", .type = FIELD_STRING}, {.name = "e", .type = FIELD_INTEGER}};

	return (struct lake_table){.connector = "shop",
	    .object = "things",
	    .fields = fields,
	    .field_count = FIELDS + count,
	    .key_index = 0};
}

static void fill(struct batch *batch, int64_t from, int64_t to)
{
	static char texts[BATCH_ROWS][48];

	batch_reset(batch);
	for (int64_t i = from; i < to; i++) {
		size_t row = (size_t)(i - from);
		uint64_t mixed = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);

		snprintf(
		    texts[row], sizeof(texts[row]), "text %016" PRIx64 " of %" PRId64, mixed, i);
		((int64_t *)batch->columns[0].values)[row] = i;
		((int128 *)batch->columns[1].values)[row] = (int128)mixed;
		((int64_t *)batch->columns[2].values)[row] = (int64_t)(mixed >> 16);
		((struct slice *)batch->columns[3].values)[row] = slice_of(texts[row]);
		for (size_t column = 0; column < FIELDS; column++)
			batch_set_valid(&batch->columns[column], row);
	}
	batch->row_count = (size_t)(to - from);
}

static void load_rows(void)
{
	static const enum field_type types[FIELDS] = {
	    FIELD_INTEGER, FIELD_NUMBER, FIELD_DATE_TIME, FIELD_STRING};
	struct lake_table table = table_of(0);
	struct lake_mark mark = {.records_processed = ROWS};
	struct lake_load *load = NULL;
	struct batch *batch = NULL;
	struct err err;

	assert_int_equal(lake_table_ensure(lake, &table, &err), OK);
	assert_int_equal(batch_create(types, FIELDS, &batch, &err), OK);
	assert_int_equal(lake_load_begin(lake, &table, LAKE_UPSERT, &load, &err), OK);
	for (int64_t from = 0; from < ROWS; from += BATCH_ROWS) {
		fill(batch, from, from + BATCH_ROWS < ROWS ? from + BATCH_ROWS : ROWS);
		assert_int_equal(lake_load_append(load, batch, &err), OK);
	}
	batch_destroy(&batch);
	assert_int_equal(lake_load_commit(&load, "j1", &mark, &err), OK);
}

/* Add them; the least time that one took. */
static int64_t grow_by_each(void)
{
	int64_t least_us = INT64_MAX, begin_us, us;
	struct lake_table table;
	struct err err;

	for (size_t i = 1; i <= MORE; i++) {
		table = table_of(i);
		begin_us = clock_mono_us();
		assert_int_equal(lake_table_ensure(lake, &table, &err), OK);
		us = clock_mono_us() - begin_us;
		if (us < least_us)
			least_us = us;
	}
	return least_us;
}

/* The lake's file after it was closed in good order, with nothing left in its log. */
static int64_t bytes_on_disk(void)
{
	struct lake_duckdb_options options = {
	    .path = path, .temp_path = temp, .memory_bytes = 512 << 20, .threads = 2};
	struct stat info;
	struct err err;

	lake_close(&lake);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(lake_duckdb_open(&options, &lake, &err), OK);
	return info.st_size;
}

/* The engine notes for each row that the new value is NULL, which is a bit a row and takes some
 * milliseconds; it neither reads nor writes what the other columns hold. */
static void a_new_column_costs_old_rows_next_to_nothing(void **state)
{
	int64_t begin_us = clock_mono_us(), load_us, before, after;

	(void)state;
	load_rows();
	load_us = clock_mono_us() - begin_us;
	before = bytes_on_disk();
	assert_in_range(before, 16 << 20, INT32_MAX);
	assert_in_range(grow_by_each(), 0, load_us / 10);
	after = bytes_on_disk();
	assert_in_range(after - before, 0, before / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_new_column_costs_old_rows_next_to_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
