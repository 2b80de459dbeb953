/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first failed records: see failures.h.
 *
 * The answer may be as long as the upload was, so it is tokenized as it comes and the
 * connection is dropped once there are enough.  Columns are found by the names in the
 * first row, not by their place.
 */
#include "cli/failures.h"

#include "csv/csv.h"

#include <stdlib.h>

/* What an upload may hold in one record, and in fields: a record comes back as
 * it was sent, with three more. */
#define RECORD_BYTES_MAX (160u << 20)
#define FIELDS_MAX       16
#define NO_COLUMN        SIZE_MAX

struct reading {
	struct csv *csv;
	struct buffer copy; /* the tokenizer writes into its input, which is libcurl's */
	failure_fn *on_failure;
	void *ctx;
	uint64_t left;
	bool has_names;
	size_t part, line, reason; /* columns */
};

static void find_columns(struct reading *reading, const struct csv_record *record)
{
	for (size_t i = 0; i < record->field_kept; i++) {
		if (slice_is(record->fields[i], "sf__Part"))
			reading->part = i;
		else if (slice_is(record->fields[i], "sf__Line"))
			reading->line = i;
		else if (slice_is(record->fields[i], "sf__Error"))
			reading->reason = i;
	}
	reading->has_names = true;
}

static struct slice field(const struct csv_record *record, size_t column)
{
	return column < record->field_kept ? record->fields[column] : SLICE("");
}

static uint64_t number(struct slice text)
{
	char digits[24] = "";

	if (text.len < sizeof(digits) && text.len > 0)
		memcpy(digits, text.ptr, text.len);
	return strtoull(digits, NULL, 10);
}

static enum status take_record(void *ctx, const struct csv_record *record, struct err *err)
{
	struct reading *reading = ctx;
	struct failure failure;

	if (!reading->has_names) {
		find_columns(reading, record);
		return OK;
	}
	failure = (struct failure){
	    .part = number(field(record, reading->part)),
	    .line = number(field(record, reading->line)),
	    .reason = field(record, reading->reason),
	};
	reading->on_failure(reading->ctx, &failure);
	reading->left--;
	return reading->left > 0 ? OK : err_set(err, E_CANCELLED, "enough");
}

static enum status take_bytes(void *ctx, struct slice bytes, struct err *err)
{
	struct reading *reading = ctx;

	buffer_reset(&reading->copy);
	buffer_put(&reading->copy, bytes);
	if (reading->copy.failed)
		return err_set(err, E_NOMEM, "no memory");
	return csv_feed(
	    reading->csv, reading->copy.ptr, reading->copy.len, take_record, reading, err);
}

enum status failures_read(struct client *client, const char *job_id, uint64_t count_max,
    failure_fn *on_failure, void *ctx, struct err *err)
{
	struct csv_options options = {
	    .record_bytes_max = RECORD_BYTES_MAX, .fields_max = FIELDS_MAX};
	struct reading reading = {
	    .on_failure = on_failure,
	    .ctx = ctx,
	    .left = count_max,
	    .part = NO_COLUMN,
	    .line = NO_COLUMN,
	    .reason = NO_COLUMN,
	};
	struct client_request request = {.method = "GET", .write = take_bytes, .ctx = &reading};
	struct buffer path;
	enum status st;

	buffer_init(&path, 4096);
	buffer_init(&reading.copy, RECORD_BYTES_MAX);
	client_path(&path, "/api/v1/ingest/jobs/{}/failedResults", job_id);
	request.path = path.ptr;
	st = path.failed ? err_set(err, E_NOMEM, "no memory")
			 : csv_create(&options, &reading.csv, err);
	if (st == OK)
		st = client_send(client, &request, NULL, err);
	if (st == OK)
		st = csv_finish(reading.csv, take_record, &reading, err);
	/* It was we who stopped it. */
	if (st == E_CANCELLED && reading.left == 0)
		st = OK;
	csv_destroy(&reading.csv);
	buffer_fini(&reading.copy);
	buffer_fini(&path);
	return st;
}
