/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job into the lake: see load.h, and docs/DESIGN.md, "Exactly once",
 * whose steps 8 to 10 are load_job().
 *
 * Bytes come from the blob in chunks of one buffer; the tokenizer calls take_record() for each
 * record; a converted record is a row of the batch, and a full batch goes to the lake.  Text in the
 * batch points into the chunk, so what is left in the batch is handed over before the next chunk is
 * read.  Nothing is allocated a record.
 *
 * Rows go straight into the table at first (LAKE_UPSERT_DIRECT); when the lake says that this job is
 * not of that kind, all of it is loaded again, through a stage.
 *
 * A job that only validates has no rows in the lake: ${rows} stays NULL, and all else is the same.
 *
 * It does not decide what becomes of the job: worker.c does.
 */
#include "work/load.h"

#include "base/crash.h"
#include "base/metrics.h"
#include "catalog/catalog_schema.h"
#include "convert/row.h"
#include "csv/csv.h"
#include "lake/lake_table.h"
#include "schema/schema.h"
#include "work/rejects.h"

#include <inttypes.h>
#include <stdlib.h>

/* Large enough that a batch is full most times it is handed over, small enough
 * for the second-level cache. */
#define CHUNK_BYTES (1024 * 1024)

/* Larger jobs have more keys than the lake can tell apart while they come, and would be found out
 * only after all that work. */
#define DIRECT_BYTES_MAX (INT64_C(512) * 1024 * 1024)

/* Reading parts is about two thirds of a load's time, applying it the rest. */
#define PROGRESS_READ 0.7

struct load {
	struct job_service *service;
	struct lake *lake;
	const struct job *job;
	struct load_control *control;

	struct arena arena; /* as long as the load */
	struct schema *schema;
	const struct object *object;
	struct stream stream;
	struct row_plan *plan;
	struct batch *batch;
	struct csv *csv;
	struct rejects *rejects;
	struct lake_load *rows; /* NULL: nothing is to land */
	char *chunk;

	const struct part *part; /* that is being read */
	bool seen_header;        /* of this part */
	bool seen_record;        /* of this part */
	bool unreadable;         /* the failure is the data's, not the world's */
	bool is_direct;          /* the rows' way into the lake */
	bool is_not_direct;      /* it was the wrong one */
	int64_t bytes_read;
	struct lake_mark counts;
	int64_t failed_by[REJECT_CODE_COUNT];
};

/* --- What the job is about -------------------------------------------------------------------- */

/* The stream and its object.  Both may have gone since the job was created. */
static enum status find_object(struct load *load, struct err *err)
{
	struct slice connector = slice_of(load->job->connector),
		     object = slice_of(load->job->object);
	enum status st =
	    catalog_stream_get(load->service->catalog, connector, object, &load->stream, err);

	if (st == OK)
		st = catalog_schema_get(load->service->catalog, connector, &load->schema, err);
	if (st == E_NOT_FOUND)
		load->unreadable = true;
	if (st != OK)
		return st;
	load->object = schema_object(load->schema, object);
	if (load->object == NULL)
		return err_set(err, E_IO, "the stored schema of %s has no %s", load->job->connector,
		    load->job->object);
	return OK;
}

static enum status begin_rows(struct load *load, struct err *err)
{
	struct lake_table table = lake_table_of(load->object, &load->stream);
	enum lake_operation operation = load->job->operation == JOB_DELETE ? LAKE_DELETE
					: load->is_direct                  ? LAKE_UPSERT_DIRECT
									   : LAKE_UPSERT;
	enum status st = lake_table_ensure(load->lake, &table, err);

	return st != OK ? st : lake_load_begin(load->lake, &table, operation, &load->rows, err);
}

static enum status prepare(struct load *load, struct err *err)
{
	const struct csv_options csv_options = {
	    .record_bytes_max = REJECT_RECORD_BYTES_MAX,
	    .fields_max = LOAD_COLUMNS_MAX,
	};
	bool upsert = load->job->operation == JOB_UPSERT;
	enum status st = find_object(load, err);

	if (st != OK)
		return st;
	/* A failed attempt may have left failed records; if this one finds none,
	 * nothing would replace them. */
	st = blob_remove(load->service->blob, load->job->id, JOB_REJECTS_BLOB, err);
	if (st == OK)
		st = row_plan_create(load->object, &load->stream, upsert ? ROW_UPSERT : ROW_DELETE,
		    &load->plan, err);
	if (st == OK)
		st = row_plan_batch(load->plan, &load->batch, err);
	if (st == OK)
		st = csv_create(&csv_options, &load->csv, err);
	if (st == OK && !load->job->validate_only)
		st = begin_rows(load, err);
	if (st == OK)
		st = rejects_create(
		    load->service->blob, load->job->id, load->rows, &load->rejects, err);
	if (st != OK)
		return st;
	load->chunk = malloc(CHUNK_BYTES);
	return load->chunk != NULL ? OK : err_set(err, E_NOMEM, "no memory for a chunk");
}

/* --- Records ---------------------------------------------------------------------------------- */

static enum status take_header(struct load *load, const struct csv_record *header, struct err *err)
{
	enum status st = row_plan_bind(load->plan, header, err);

	if (st == E_INVALID)
		load->unreadable = true;
	if (st != OK)
		return st;
	load->seen_header = true;
	return rejects_begin_part(
	    load->rejects, load->part->number, header->fields, header->field_kept, err);
}

/* A delete's parts have no header: the failed records' columns are the
 * fields that it consists of. */
static enum status begin_delete_part(struct load *load, struct err *err)
{
	struct slice columns[2] = {
	    slice_of(load->stream.primary_key), slice_of(load->stream.record_modified_field)};

	load->seen_header = true;
	return rejects_begin_part(
	    load->rejects, load->part->number, columns, columns[1].len > 0 ? 2 : 1, err);
}

static enum status flush_batch(struct load *load, struct err *err)
{
	enum status st = OK;

	if (load->batch->row_count > 0 && load->rows != NULL)
		st = lake_load_append(load->rows, load->batch, err);
	if (st == E_CONFLICT)
		load->is_not_direct = load->is_direct;
	batch_reset(load->batch);
	return st;
}

static enum status take_record(void *ctx, const struct csv_record *record, struct err *err)
{
	struct load *load = ctx;
	struct reject reject;
	bool first = !load->seen_record;

	if (!load->seen_header)
		return take_header(load, record, err);
	load->seen_record = true;
	load->counts.records_processed++;
	if (!row_convert(load->plan, record, first, load->batch, &reject)) {
		load->counts.records_failed++;
		load->failed_by[reject.code]++;
		return rejects_add(load->rejects, record, &reject, err);
	}
	return load->batch->row_count == BATCH_ROWS ? flush_batch(load, err) : OK;
}

/* --- Parts ------------------------------------------------------------------------------------ */

static enum status read_chunks(struct load *load, struct blob_reader *reader, struct err *err)
{
	size_t count;
	enum status st;

	for (;;) {
		if (atomic_load(&load->control->stop))
			return err_set(err, E_CANCELLED, "the server is stopping");
		st = blob_read(reader, load->chunk, CHUNK_BYTES, &count, err);
		if (st != OK || count == 0)
			return st;
		st = csv_feed(load->csv, load->chunk, count, take_record, load, err);
		if (st == OK)
			st = flush_batch(load, err);
		if (st != OK)
			return st;
		load->bytes_read += (int64_t)count;
		atomic_store(&load->control->progress,
		    PROGRESS_READ * (double)load->bytes_read / (double)load->job->part_bytes);
	}
}

static enum status load_part(struct load *load, const struct part *part, struct err *err)
{
	struct blob_reader *reader = NULL;
	uint64_t bytes;
	enum status st;

	load->part = part;
	load->seen_header = load->seen_record = false;
	csv_reset(load->csv);
	st = load->job->operation == JOB_DELETE ? begin_delete_part(load, err) : OK;
	if (st == OK)
		st = blob_read_open(
		    load->service->blob, load->job->id, part->blob_name, &reader, &bytes, err);
	if (st == OK && bytes != (uint64_t)part->bytes)
		st = err_set(err, E_IO, "stored with %" PRIu64 " bytes instead of %" PRId64, bytes,
		    part->bytes);
	if (st == OK)
		st = read_chunks(load, reader, err);
	if (st == OK) {
		st = csv_finish(load->csv, take_record, load, err);
		if (st == E_INVALID)
			load->unreadable = true;
	}
	/* The tokenizer's last record may point into its own memory,
	 * which the next part uses again. */
	if (st == OK)
		st = flush_batch(load, err);
	if (st != OK)
		err_add(err, "part %" PRId64, part->number);
	blob_read_close(&reader);
	return st;
}

static enum status load_parts(struct load *load, struct err *err)
{
	struct part *parts;
	size_t count;
	enum status st = catalog_part_list(
	    load->service->catalog, slice_of(load->job->id), &load->arena, &parts, &count, err);

	for (size_t i = 0; st == OK && i < count; i++)
		st = load_part(load, &parts[i], err);
	return st;
}

/* Only a job that takes effect, so that one which is loaded again is not counted twice. */
static void count_records(const struct load *load)
{
	metric_add(METRIC_RECORDS_PROCESSED, 0, load->counts.records_processed);
	for (size_t code = 0; code < REJECT_CODE_COUNT; code++)
		metric_add(METRIC_RECORDS_FAILED, code, load->failed_by[code]);
}

/* --- The whole -------------------------------------------------------------------------------- */

/* Failed records before rows: once the mark is there, nobody will write them any more. */
static enum status commit(struct load *load, struct err *err)
{
	const char *job_id = load->job->id;
	enum status st = rejects_commit(&load->rejects, err);

	CRASH_POINT("load.rejects");
	if (st == OK && load->rows != NULL)
		st = lake_load_commit(&load->rows, job_id, &load->counts, err);
	if (st == E_CONFLICT)
		load->is_not_direct = load->is_direct;
	if (st == OK && !load->job->validate_only)
		count_records(load);
	if (st == E_EXISTS)
		st = lake_mark_get(load->lake, job_id, &load->counts, err); /* applied before */
	return st;
}

static void finish(struct load *load)
{
	lake_load_abort(&load->rows);
	rejects_abort(&load->rejects);
	csv_destroy(&load->csv);
	batch_destroy(&load->batch);
	row_plan_destroy(&load->plan);
	schema_destroy(&load->schema);
	free(load->chunk);
	arena_fini(&load->arena);
}

static enum status load_once(struct load *load, struct err *err)
{
	enum status st;

	arena_init(&load->arena, 65536);
	atomic_store(&load->control->progress, 0.0);
	st = prepare(load, err);
	if (st == OK)
		st = load_parts(load, err);
	if (st == OK) {
		CRASH_POINT("load.staged");
		st = commit(load, err);
	}
	finish(load);
	return st;
}

enum status load_job(struct job_service *service, struct lake *lake, const struct job *job,
    struct load_control *control, enum load_outcome *ret_outcome, struct lake_mark *ret_mark,
    struct err *err)
{
	const struct load fresh = {
	    .service = service, .lake = lake, .job = job, .control = control};
	struct load load = fresh;
	enum status st;

	load.is_direct = job->operation == JOB_UPSERT && job->part_bytes <= DIRECT_BYTES_MAX;
	st = load_once(&load, err);
	if (load.is_not_direct) {
		load = fresh;
		st = load_once(&load, err);
	}
	if (st != OK && load.unreadable) {
		*ret_outcome = LOAD_UNREADABLE;
		return OK;
	}
	if (st != OK)
		return st;
	CRASH_POINT("load.applied");
	atomic_store(&control->progress, 1.0);
	*ret_outcome = LOAD_APPLIED;
	*ret_mark = load.counts;
	return OK;
}
