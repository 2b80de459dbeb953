/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_CONFORMANCE_LAKE_FIXTURE_H
#define SLUICE_TESTS_CONFORMANCE_LAKE_FIXTURE_H

/*
 * What the lake's conformance tests share.  They are written against lake.h; only open_lake() knows
 * which backend it is.  Each test has a lake of its own.
 *
 * Rows are written as texts: strings as they are, numbers in units of 10^-18, dates in days and
 * date-times in microseconds since 1970.  Results are compared as "a|b\nc|d\n", NULL as "~".
 */
#include "convert/batch.h"
#include "lake/lake.h"
#include "lake/lake_duckdb.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMNS_MAX  8
#define ANSWER_BYTES 65536
#define MEMORY_BYTES (256 * 1024 * 1024)

struct state {
	char folder[256];
	struct lake *lake;
};

struct answer {
	char text[ANSWER_BYTES];
	char kinds[512];
	size_t columns;
	int64_t rows;
	bool more;
};

/* --- Helpers ---------------------------------------------------------------------------------- */

static inline struct lake *open_lake(const char *folder)
{
	char path[300], temp[300];
	struct lake_duckdb_options options = {
	    .path = path, .temp_path = temp, .memory_bytes = MEMORY_BYTES, .threads = 2};
	struct lake *lake = NULL;
	struct err err;
	enum status status;

	snprintf(path, sizeof(path), "%s/lake.duckdb", folder);
	snprintf(temp, sizeof(temp), "%s/temp", folder);
	status = lake_duckdb_open(&options, &lake, &err);
	if (status != OK)
		fail_msg("open: %s", err.text);
	return lake;
}

static inline int set_up(void **context)
{
	const char *base = getenv("TMPDIR");
	struct state *state = calloc(1, sizeof(*state));

	assert_non_null(state);
	snprintf(state->folder, sizeof(state->folder), "%s/lake_test.XXXXXX",
	    base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(state->folder));
	state->lake = open_lake(state->folder);
	*context = state;
	return 0;
}

static inline void remove_folder(const char *folder)
{
	struct dirent *entry;
	char path[600];
	DIR *dir = opendir(folder);

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
		    (int)sizeof(path))
			continue;
		if (unlink(path) != 0)
			remove_folder(path);
	}
	closedir(dir);
	rmdir(folder);
}

static inline int tear_down(void **context)
{
	struct state *state = *context;

	lake_close(&state->lake);
	remove_folder(state->folder);
	free(state);
	return 0;
}

static inline void reopen(struct state *state)
{
	lake_close(&state->lake);
	state->lake = open_lake(state->folder);
}

static inline int128 parse_wide(const char *text)
{
	int128 value = 0;
	bool is_negative = *text == '-';

	for (text += is_negative; *text != '\0'; text++)
		value = value * 10 + (*text - '0');
	return is_negative ? -value : value;
}

static inline void put_value(struct batch_column *column, size_t row, const char *text)
{
	if (text == NULL)
		return;
	batch_set_valid(column, row);
	switch (column->type) {
	case FIELD_STRING:
		((struct slice *)column->values)[row] = slice_of(text);
		break;
	case FIELD_NUMBER:
		((int128 *)column->values)[row] = parse_wide(text);
		break;
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		((int64_t *)column->values)[row] = (int64_t)parse_wide(text);
		break;
	case FIELD_BOOLEAN:
		((bool *)column->values)[row] = strcmp(text, "true") == 0;
		break;
	case FIELD_DATE:
		((int32_t *)column->values)[row] = (int32_t)parse_wide(text);
		break;
	}
}

typedef const char *row[COLUMNS_MAX];

/* A batch for the load of ${table}: all its columns, or those of a delete. */
static inline struct batch *make_batch(
    const struct lake_table *table, enum lake_operation operation)
{
	enum field_type types[COLUMNS_MAX];
	size_t count = 0;
	struct batch *batch = NULL;
	struct err err;

	if (operation != LAKE_DELETE) {
		for (; count < table->field_count; count++)
			types[count] = table->fields[count].type;
	} else {
		types[count++] = table->fields[table->key_index].type;
		if (table->has_version)
			types[count++] = FIELD_DATE_TIME;
	}
	assert_int_equal(batch_create(types, count, &batch, &err), OK);
	return batch;
}

static inline void append(
    struct lake_load *load, struct batch *batch, const row *rows, size_t count)
{
	struct err err;

	batch_reset(batch);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < batch->column_count; j++)
			put_value(&batch->columns[j], i, rows[i][j]);
	}
	batch->row_count = count;
	assert_int_equal(lake_load_append(load, batch, &err), OK);
}

static inline struct lake_load *begin_with(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, const row *rows, size_t count)
{
	struct batch *batch = make_batch(table, operation);
	struct lake_load *load = NULL;
	struct err err;

	if (lake_load_begin(lake, table, operation, &load, &err) != OK)
		fail_msg("%s", err.text);
	append(load, batch, rows, count);
	batch_destroy(&batch);
	return load;
}

static inline enum status try_load(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, const char *job, const row *rows, size_t count, struct err *err)
{
	struct lake_mark mark = {.records_processed = (int64_t)count, .records_failed = 7};
	struct lake_load *load = begin_with(lake, table, operation, rows, count);
	enum status status = lake_load_commit(&load, job, &mark, err);

	assert_null(load);
	return status;
}

static inline void load_rows(struct lake *lake, const struct lake_table *table,
    enum lake_operation operation, const char *job, const row *rows, size_t count)
{
	struct err err;

	if (try_load(lake, table, operation, job, rows, count, &err) != OK)
		fail_msg("%s", err.text);
}

static inline void ensure(struct lake *lake, const struct lake_table *table)
{
	struct err err;

	if (lake_table_ensure(lake, table, &err) != OK)
		fail_msg("%s", err.text);
}

static inline enum status take_columns(
    void *ctx, const struct lake_column *columns, size_t count, struct err *err)
{
	static const char letters[] = {[LAKE_TEXT] = 't',
	    [LAKE_INTEGER] = 'i',
	    [LAKE_NUMBER] = 'n',
	    [LAKE_DOUBLE] = 'f',
	    [LAKE_BOOLEAN] = 'b',
	    [LAKE_DATE] = 'd',
	    [LAKE_DATE_TIME] = 'm'};
	struct answer *answer = ctx;
	size_t used = 0;

	(void)err;
	answer->columns = count;
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(answer->kinds + used, sizeof(answer->kinds) - used,
		    "%s:%c:%s ", columns[i].name, letters[columns[i].kind], columns[i].type);
	return OK;
}

static inline enum status take_row(void *ctx, const struct lake_value *values, struct err *err)
{
	struct answer *answer = ctx;
	size_t used = strlen(answer->text);

	(void)err;
	answer->rows++;
	if (used > ANSWER_BYTES - 4096)
		return OK;
	for (size_t i = 0; i < answer->columns; i++) {
		struct slice text = values[i].is_null ? SLICE("~") : values[i].text;

		used += (size_t)snprintf(answer->text + used, sizeof(answer->text) - used, "%.*s%c",
		    SLICE_ARGS(text), i + 1 < answer->columns ? '|' : '\n');
	}
	return OK;
}

static inline enum status try_query(struct lake *lake, const char *sql, int64_t timeout_ms,
    int64_t rows_max, struct answer *answer, struct err *err)
{
	struct lake_query query = {
	    .sql = slice_of(sql), .timeout_ms = timeout_ms, .rows_max = rows_max};
	struct lake_sink sink = {.columns = take_columns, .row = take_row, .ctx = answer};

	memset(answer, 0, sizeof(*answer));
	return lake_query(lake, &query, &sink, &answer->more, err);
}

static inline void check(struct lake *lake, const char *sql, const char *expected)
{
	static struct answer answer;
	struct err err;

	if (try_query(lake, sql, 30000, 1000, &answer, &err) != OK)
		fail_msg("%s: %s", sql, err.text);
	assert_string_equal(answer.text, expected);
}

/* Let a child do ${work} on the lake and kill it where it says that it is there. */
static inline void kill_after(struct state *state, void (*work)(struct lake *lake))
{
	int pipe_ends[2];
	char byte;
	pid_t child;

	lake_close(&state->lake);
	assert_int_equal(pipe(pipe_ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct lake *lake = open_lake(state->folder);

		work(lake);
		if (write(pipe_ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipe_ends[1]);
	assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(pipe_ends[0]);
	state->lake = open_lake(state->folder);
}

/* --- Tables of the tests
 * --------------------------------------------------------------------------------------- */

static const struct field all_fields[] = {
    {.name = "id", .type = FIELD_STRING},
    {.name = "num", .type = FIELD_NUMBER},
    {.name = "int", .type = FIELD_INTEGER},
    {.name = "flag", .type = FIELD_BOOLEAN},
    {.name = "day", .type = FIELD_DATE},
    {.name = "moment", .type = FIELD_DATE_TIME},
};
static const struct lake_table all_types = {.connector = "shop",
    .object = "all_types",
    .fields = all_fields,
    .field_count = COUNT(all_fields),
    .key_index = 0};

static const struct field item_fields[] = {
    {.name = "text", .type = FIELD_STRING},
    {.name = "id", .type = FIELD_STRING},
    {.name = "changed", .type = FIELD_DATE_TIME},
};
static const struct lake_table plain = {.connector = "shop",
    .object = "plain",
    .fields = item_fields,
    .field_count = COUNT(item_fields),
    .key_index = 1};
static const struct lake_table versioned = {.connector = "shop",
    .object = "versioned",
    .fields = item_fields,
    .field_count = COUNT(item_fields),
    .key_index = 1,
    .has_version = true,
    .version_index = 2};

#define ALL_PLAIN     "SELECT id, text FROM shop.plain ORDER BY id, text"
#define ALL_VERSIONED "SELECT id, text, epoch_us(changed) FROM shop.versioned ORDER BY id, text"

#endif
