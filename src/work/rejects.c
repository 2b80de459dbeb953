/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failed records: see rejects.h.  Rows are gathered in a buffer and go to the blob when it is full,
 * so a file with a million failures costs as little memory as one with none; the lake flushes its
 * own.  The record's text is made once for both where both show the same columns.
 */
#include "work/rejects.h"

#include "base/arena.h"
#include "csv/csv_write.h"
#include "job/job.h"

#include <inttypes.h>
#include <stdlib.h>

#define FLUSH_BYTES (256 * 1024)

struct rejects {
	struct blob *blob;
	const char *job_id;
	struct lake_load *load;
	struct blob_writer *writer; /* NULL until there is a failed record */
	struct buffer rows;
	struct buffer record; /* as it came, of a part that is mapped */
	int64_t part;

	struct arena names; /* of the table's columns: those of the first part */
	struct slice *columns;
	size_t column_count;

	struct arena mapping; /* of the current part; holds ${source} */
	size_t *source; /* for each column of the table, the record's field; NULL: as they came */
};

#define NO_SOURCE SIZE_MAX

enum status rejects_create(struct blob *blob, const char *job_id, struct lake_load *load,
    struct rejects **ret_rejects, struct err *err)
{
	struct rejects *rejects = calloc(1, sizeof(*rejects));

	if (rejects == NULL)
		return err_set(err, E_NOMEM, "no memory for failed records");
	rejects->blob = blob;
	rejects->job_id = job_id;
	rejects->load = load;
	/* One row may be as long as the longest record, with every byte doubled by quoting. */
	buffer_init(&rejects->rows, SIZE_MAX / 2);
	buffer_init(&rejects->record, SIZE_MAX / 2);
	arena_init(&rejects->names, 16384);
	arena_init(&rejects->mapping, 16384);
	*ret_rejects = rejects;
	return OK;
}

static enum status keep_columns(
    struct rejects *rejects, const struct slice *columns, size_t count, struct err *err)
{
	rejects->columns =
	    arena_array(&rejects->names, count > 0 ? count : 1, sizeof(struct slice));
	if (rejects->columns == NULL)
		return err_set(err, E_NOMEM, "no memory for column names");
	for (size_t i = 0; i < count; i++) {
		char *copy = arena_copy(&rejects->names, columns[i]);

		if (copy == NULL)
			return err_set(err, E_NOMEM, "no memory for column names");
		rejects->columns[i] = (struct slice){copy, columns[i].len};
	}
	rejects->column_count = count;
	return OK;
}

static bool is_same_header(const struct rejects *rejects, const struct slice *columns, size_t count)
{
	if (count != rejects->column_count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!slice_equals(columns[i], rejects->columns[i]))
			return false;
	}
	return true;
}

/* Rare, so plain: two nested walks over the names. */
static enum status map_columns(
    struct rejects *rejects, const struct slice *columns, size_t count, struct err *err)
{
	size_t *source = arena_array(&rejects->mapping, rejects->column_count, sizeof(size_t));

	if (source == NULL)
		return err_set(err, E_NOMEM, "no memory for column names");
	for (size_t i = 0; i < rejects->column_count; i++) {
		source[i] = NO_SOURCE;
		for (size_t j = 0; j < count && source[i] == NO_SOURCE; j++) {
			if (slice_equals(rejects->columns[i], columns[j]))
				source[i] = j;
		}
	}
	rejects->source = source;
	return OK;
}

enum status rejects_begin_part(struct rejects *rejects, int64_t part, const struct slice *columns,
    size_t column_count, struct err *err)
{
	rejects->part = part;
	rejects->source = NULL;
	arena_reset(&rejects->mapping);
	if (rejects->columns == NULL)
		return keep_columns(rejects, columns, column_count, err);
	if (is_same_header(rejects, columns, column_count))
		return OK;
	return map_columns(rejects, columns, column_count, err);
}

static enum status flush(struct rejects *rejects, struct err *err)
{
	enum status st;

	if (rejects->rows.failed)
		return err_set(err, E_NOMEM, "no memory for failed records");
	st = blob_write(rejects->writer, buffer_slice(&rejects->rows), err);
	buffer_reset(&rejects->rows);
	return st;
}

static enum status begin(struct rejects *rejects, struct err *err)
{
	enum status st = blob_write_begin(
	    rejects->blob, rejects->job_id, JOB_REJECTS_BLOB, &rejects->writer, err);

	if (st != OK)
		return st;
	buffer_put_text(&rejects->rows, "sf__Part,sf__Line,sf__Error");
	for (size_t i = 0; i < rejects->column_count; i++) {
		buffer_put_char(&rejects->rows, ',');
		csv_write_field(&rejects->rows, rejects->columns[i]);
	}
	buffer_put_char(&rejects->rows, '\n');
	return OK;
}

/* The record's fields as they came. */
static void put_record(struct buffer *out, const struct csv_record *record)
{
	for (size_t i = 0; i < record->field_kept; i++) {
		if (i > 0)
			buffer_put_char(out, ',');
		csv_write_field(out, record->fields[i]);
	}
}

/* The same under the columns of the first part. */
static void put_mapped_record(struct rejects *rejects, const struct csv_record *record)
{
	for (size_t i = 0; i < rejects->column_count; i++) {
		if (i > 0)
			buffer_put_char(&rejects->rows, ',');
		if (rejects->source[i] < record->field_kept)
			csv_write_field(&rejects->rows, record->fields[rejects->source[i]]);
	}
}

/* Put the record into the row of the file.  ${ret_record}: as it came, a view into what is the next
 * record's to change. */
static enum status put_fields(struct rejects *rejects, const struct csv_record *record,
    struct slice *ret_record, struct err *err)
{
	size_t begin;

	buffer_put_char(&rejects->rows, ',');
	begin = rejects->rows.len;
	buffer_reset(&rejects->record);
	if (rejects->source == NULL) {
		put_record(&rejects->rows, record);
	} else {
		put_mapped_record(rejects, record);
		put_record(&rejects->record, record);
	}
	if (rejects->rows.failed || rejects->record.failed)
		return err_set(err, E_NOMEM, "no memory for failed records");
	*ret_record = rejects->source == NULL ? slice_skip(buffer_slice(&rejects->rows), begin)
					      : buffer_slice(&rejects->record);
	return OK;
}

enum status rejects_add(struct rejects *rejects, const struct csv_record *record,
    const struct reject *reject, struct err *err)
{
	/* The sentence has one value of at most 40 bytes, each written as up to
	 * four, and names of at most 80. */
	char memory[2048];
	struct buffer sentence = {
	    .ptr = memory, .room = sizeof(memory), .bytes_max = sizeof(memory)};
	struct lake_problem problem = {
	    .job_id = rejects->job_id,
	    .part = rejects->part,
	    .line = (int64_t)record->line,
	    .field = slice_of(reject->field),
	    .code = slice_of(reject_name(reject->code)),
	};
	enum status st = OK;

	if (rejects->writer == NULL)
		st = begin(rejects, err);
	if (st != OK)
		return st;
	reject_describe(reject, &sentence);
	problem.message =
	    slice_skip(buffer_slice(&sentence), problem.code.len + strlen(REJECT_NAME_END));
	buffer_printf(&rejects->rows, "%" PRId64 ",%" PRIu64 ",", rejects->part, record->line);
	csv_write_field(&rejects->rows, buffer_slice(&sentence));
	st = put_fields(rejects, record, &problem.record, err);
	if (st == OK && rejects->load != NULL)
		st = lake_load_problem(rejects->load, &problem, err);
	if (st != OK)
		return st;
	buffer_put_char(&rejects->rows, '\n');
	return rejects->rows.len >= FLUSH_BYTES ? flush(rejects, err) : OK;
}

static void destroy(struct rejects **rejects_ptr)
{
	struct rejects *rejects = *rejects_ptr;

	blob_write_abort(&rejects->writer);
	buffer_fini(&rejects->record);
	buffer_fini(&rejects->rows);
	arena_fini(&rejects->names);
	arena_fini(&rejects->mapping);
	free(rejects);
	*rejects_ptr = NULL;
}

enum status rejects_commit(struct rejects **rejects, struct err *err)
{
	struct blob_info info;
	enum status st = OK;

	if ((*rejects)->writer != NULL)
		st = flush(*rejects, err);
	if (st == OK && (*rejects)->writer != NULL)
		st = blob_write_commit(&(*rejects)->writer, &info, err);
	destroy(rejects);
	return st;
}

void rejects_abort(struct rejects **rejects)
{
	if (*rejects != NULL)
		destroy(rejects);
}
