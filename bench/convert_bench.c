/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal 8: a CSV part of the orders of make_orders to checked, typed values, in memory, on one core.
 *
 *	convert_bench FILE ROUNDS	prints a line of JSON: gigabytes a second of the tokenizer alone,
 *					and of tokenizer and converters together, a number a round
 *
 * What a load does with a record is here, but for reading and storing it: tokenizer, row, batch, in
 * the load's chunks.  Each chunk's bytes are copied to where a read would put them, before the clock
 * runs.
 */
#include "convert/row.h"
#include "csv/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK_BYTES ((size_t)256 * 1024)

static struct field fields[] = {
    {.name = "id", .type = FIELD_STRING},
    {.name = "contact_name", .type = FIELD_STRING},
    {.name = "created_date", .type = FIELD_DATE_TIME},
    {.name = "tax_exempt", .type = FIELD_BOOLEAN},
    {.name = "ship_address", .type = FIELD_STRING},
    {.name = "total", .type = FIELD_NUMBER},
    {.name = "tax_rate", .type = FIELD_NUMBER},
    {.name = "modified_date", .type = FIELD_DATE_TIME},
};

struct run {
	struct row_plan *plan;
	struct batch *batch;
	struct csv *csv;
	bool converts, seen_header;
	size_t records, field_count, failed;
};

static void check(enum status status, const struct err *err)
{
	if (status == OK)
		return;
	fprintf(stderr, "convert_bench: %s\n", err->text);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static enum status take_record(void *ctx, const struct csv_record *record, struct err *err)
{
	struct run *run = ctx;
	struct reject reject;

	if (!run->seen_header) {
		run->seen_header = true;
		return row_plan_bind(run->plan, record, err);
	}
	run->records++;
	run->field_count += record->field_count;
	if (!run->converts)
		return OK;
	if (!row_convert(run->plan, record, false, run->batch, &reject))
		run->failed++;
	if (run->batch->row_count == BATCH_ROWS)
		batch_reset(run->batch);
	return OK;
}

/* Gigabytes a second. */
static double measure(struct run *run, const char *bytes, size_t size, bool converts)
{
	static char chunk[CHUNK_BYTES];
	struct err err = {0};
	double begin, seconds = 0;
	size_t records = run->records;

	csv_reset(run->csv);
	run->converts = converts;
	run->seen_header = false;
	for (size_t at = 0; at < size; at += CHUNK_BYTES) {
		size_t count = size - at < CHUNK_BYTES ? size - at : CHUNK_BYTES;

		memcpy(chunk, bytes + at, count);
		begin = now();
		check(csv_feed(run->csv, chunk, count, take_record, run, &err), &err);
		batch_reset(run->batch);
		seconds += now() - begin;
	}
	check(csv_finish(run->csv, take_record, run, &err), &err);
	if (run->failed > 0 || run->field_count != 8 * run->records || run->records == records) {
		fprintf(stderr, "convert_bench: these are not make_orders' rows\n");
		exit(1);
	}
	return (double)size / 1e9 / seconds;
}

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	char *bytes = NULL;
	long size = -1;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size > 0)
		bytes = malloc((size_t)size);
	if (bytes == NULL || fseek(file, 0, SEEK_SET) != 0 ||
	    fread(bytes, 1, (size_t)size, file) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	*ret_size = (size_t)size;
	return bytes;
}

static void print_rounds(const char *name, const double *values, int count)
{
	printf("\"%s\":[", name);
	for (int i = 0; i < count; i++)
		printf("%s%.3f", i > 0 ? "," : "", values[i]);
	printf("]");
}

int main(int argc, char **argv)
{
	struct object object = {.name = "orders", .fields = fields, .field_count = 8};
	struct stream stream = {.primary_key = "id", .record_modified_field = "modified_date"};
	const struct csv_options options = {.record_bytes_max = 1 << 24, .fields_max = 4000};
	struct run run = {0};
	struct err err = {0};
	int rounds = argc == 3 ? atoi(argv[2]) : 0;
	double tokens[100], values[100];
	size_t size;
	char *bytes;

	if (rounds < 1 || rounds > 100) {
		fprintf(stderr, "usage: convert_bench FILE ROUNDS (1 to 100)\n");
		return 2;
	}
	bytes = read_file(argv[1], &size);
	check(row_plan_create(&object, &stream, ROW_UPSERT, &run.plan, &err), &err);
	check(row_plan_batch(run.plan, &run.batch, &err), &err);
	check(csv_create(&options, &run.csv, &err), &err);
	for (int i = 0; i < rounds; i++) {
		tokens[i] = measure(&run, bytes, size, false);
		values[i] = measure(&run, bytes, size, true);
	}
	printf("{");
	print_rounds("tokens", tokens, rounds);
	printf(",");
	print_rounds("values", values, rounds);
	printf("}\n");
	csv_destroy(&run.csv);
	batch_destroy(&run.batch);
	row_plan_destroy(&run.plan);
	free(bytes);
	return 0;
}
