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
 * Small jobs that stand one behind the other go into the lake together (load_together): one load, whose
 * commit has a mark for each.
 *
 * A job that only validates has no rows in the lake: ${rows} stays NULL, and all else is the same.
 *
 * It does not decide what becomes of the job: worker.c does; nor what is read before its close:
 * early.c.
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

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Large enough that a batch is full most times it is handed over, small enough
 * for the second-level cache. */
#define CHUNK_BYTES (1024 * 1024)

/* Reading parts is about two thirds of a load's time, applying it the rest. */
#define PROGRESS_READ 0.7

struct load {
	struct job_service *service;
	struct lake *lake;
	struct job job;
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

	int64_t part_number; /* of the part that is being read */
	bool seen_header;    /* of this part */
	bool seen_record;    /* of this part */
	bool unreadable;     /* the failure is the data's, not the world's */
	bool is_direct;      /* the rows' way into the lake */
	bool is_not_direct;  /* it was the wrong one */
	int64_t bytes_read;
	struct lake_mark counts;
	int64_t failed_by[REJECT_CODE_COUNT];

	/* Those that were followed. */
	struct part done[JOB_PARTS_MAX];
	size_t done_count;
};

/* --- What the job is about -------------------------------------------------------------------- */

/* The stream and its object.  Both may have gone since the job was created. */
static enum status find_object(struct load *load, struct err *err)
{
	struct slice connector = slice_of(load->job.connector), object = slice_of(load->job.object);
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
		return err_set(err, E_IO, "the stored schema of %s has no %s", load->job.connector,
		    load->job.object);
	return OK;
}

static enum status begin_rows(struct load *load, struct err *err)
{
	struct lake_table table = lake_table_of(load->object, &load->stream);
	enum lake_operation operation = load->job.operation == JOB_DELETE ? LAKE_DELETE
					: load->is_direct                 ? LAKE_UPSERT_DIRECT
									  : LAKE_UPSERT;
	enum status st = lake_table_ensure(load->lake, &table, err);

	return st != OK ? st : lake_load_begin(load->lake, &table, operation, &load->rows, err);
}

static enum status begin_rejects(struct load *load, struct err *err)
{
	/* A failed attempt may have left failed records; if this one finds none,
	 * nothing would replace them. */
	enum status st = blob_remove(load->service->blob, load->job.id, JOB_REJECTS_BLOB, err);

	if (st != OK)
		return st;
	return rejects_create(load->service->blob, load->job.id, load->rows, &load->rejects, err);
}

static enum status prepare(struct load *load, struct err *err)
{
	const struct csv_options csv_options = {
	    .record_bytes_max = REJECT_RECORD_BYTES_MAX,
	    .fields_max = LOAD_COLUMNS_MAX,
	};
	bool upsert = load->job.operation == JOB_UPSERT;
	enum status st = find_object(load, err);

	if (st == OK)
		st = row_plan_create(load->object, &load->stream, upsert ? ROW_UPSERT : ROW_DELETE,
		    &load->plan, err);
	if (st == OK)
		st = row_plan_batch(load->plan, &load->batch, err);
	if (st == OK)
		st = csv_create(&csv_options, &load->csv, err);
	if (st == OK && !load->job.validate_only)
		st = begin_rows(load, err);
	if (st == OK)
		st = begin_rejects(load, err);
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
	    load->rejects, load->part_number, header->fields, header->field_kept, err);
}

/* A delete's parts have no header: the failed records' columns are the
 * fields that it consists of. */
static enum status begin_delete_part(struct load *load, struct err *err)
{
	struct slice columns[2] = {
	    slice_of(load->stream.primary_key), slice_of(load->stream.record_modified_field)};

	load->seen_header = true;
	return rejects_begin_part(
	    load->rejects, load->part_number, columns, columns[1].len > 0 ? 2 : 1, err);
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

static void show_progress(struct load *load)
{
	double part = (double)load->bytes_read / (double)load->job.part_bytes;

	atomic_store(&load->control->progress, PROGRESS_READ * part);
}

/* To the end of the part, or of what ${wait} says will come. */
static enum status read_chunks(struct load *load, struct blob_reader *reader, load_wait_fn *wait,
    void *wait_ctx, struct err *err)
{
	uint64_t seen = 0;
	size_t count;
	enum status st;

	for (;;) {
		bool is_more = true;

		if (atomic_load(&load->control->stop))
			return err_set(err, E_CANCELLED, "the server is stopping");
		st = wait != NULL ? wait(wait_ctx, seen, &is_more, err) : OK;
		if (st != OK || !is_more)
			return st;
		st = blob_read(reader, load->chunk, CHUNK_BYTES, &count, err);
		if (st != OK || (count == 0 && wait == NULL))
			return st;
		st = csv_feed(load->csv, load->chunk, count, take_record, load, err);
		if (st == OK)
			st = flush_batch(load, err);
		if (st != OK)
			return st;
		seen += count;
		load->bytes_read += (int64_t)count;
		if (load->job.part_bytes > 0)
			show_progress(load);
	}
}

static enum status read_part(struct load *load, int64_t number, struct blob_reader *reader,
    load_wait_fn *wait, void *wait_ctx, struct err *err)
{
	enum status st;

	load->part_number = number;
	load->seen_header = load->seen_record = false;
	csv_reset(load->csv);
	st = load->job.operation == JOB_DELETE ? begin_delete_part(load, err) : OK;
	if (st == OK)
		st = read_chunks(load, reader, wait, wait_ctx, err);
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
		err_add(err, "part %" PRId64, number);
	return st;
}

static enum status load_part(
    struct load *load, const struct part *part, load_wait_fn *wait, void *wait_ctx, struct err *err)
{
	struct blob_reader *reader = NULL;
	uint64_t bytes;
	enum status st = blob_read_open(
	    load->service->blob, load->job.id, part->blob_name, &reader, &bytes, err);

	if (st == OK && bytes != (uint64_t)part->bytes)
		st = err_set(err, E_IO,
		    "part %" PRId64 ": stored with %" PRIu64 " bytes instead of %" PRId64,
		    part->number, bytes, part->bytes);
	if (st == OK)
		st = read_part(load, part->number, reader, wait, wait_ctx, err);
	blob_read_close(&reader);
	return st;
}

enum status load_follow(struct load *load, struct blob_reader *reader, load_wait_fn *wait,
    void *wait_ctx, struct err *err)
{
	return read_part(load, (int64_t)load->done_count + 1, reader, wait, wait_ctx, err);
}

enum status load_followed(struct load *load, const struct part *part, struct err *err)
{
	if (load->done_count == JOB_PARTS_MAX || part->number != (int64_t)load->done_count + 1)
		return err_set(err, E_CONFLICT, "another part came first");
	load->done[load->done_count++] = *part;
	return OK;
}

enum status load_stored(
    struct load *load, const struct part *part, load_wait_fn *wait, void *wait_ctx, struct err *err)
{
	enum status st = load_part(load, part, wait, wait_ctx, err);

	return st == OK ? load_followed(load, part, err) : st;
}

size_t load_done_count(const struct load *load)
{
	return load->done_count;
}

/* Only jobs that take effect, so that one which is loaded again is not counted twice. */
static void count_records(const struct load *load, const struct lake_applied *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		metric_add(METRIC_RECORDS_PROCESSED, 0, jobs[i].mark.records_processed);
	for (size_t code = 0; code < REJECT_CODE_COUNT; code++)
		metric_add(METRIC_RECORDS_FAILED, code, load->failed_by[code]);
}

/* --- The whole -------------------------------------------------------------------------------- */

enum status load_open(struct job_service *service, struct lake *lake, const struct job *job,
    bool is_direct, struct load_control *control, struct load **ret_load, struct err *err)
{
	struct load *load = calloc(1, sizeof(*load));
	enum status st;

	if (load == NULL)
		return err_set(err, E_NOMEM, "no memory for a load");
	*load = (struct load){.service = service,
	    .lake = lake,
	    .job = *job,
	    .control = control,
	    .is_direct = is_direct};
	arena_init(&load->arena, 65536);
	*ret_load = load;
	st = prepare(load, err);
	/* One that cannot be read is given, too: it says why. */
	if (st != OK && !load->unreadable)
		load_close(ret_load);
	return st;
}

void load_close(struct load **load_ptr)
{
	struct load *load = *load_ptr;

	if (load == NULL)
		return;
	lake_load_abort(&load->rows);
	rejects_abort(&load->rejects);
	csv_destroy(&load->csv);
	batch_destroy(&load->batch);
	row_plan_destroy(&load->plan);
	schema_destroy(&load->schema);
	free(load->chunk);
	arena_fini(&load->arena);
	free(load);
	*load_ptr = NULL;
}

bool load_is_in_the_way(const struct load *load)
{
	return load->rows != NULL && lake_load_is_in_the_way(load->rows);
}

enum status load_adopt(
    struct load *load, const struct job *job, struct load_control *control, struct err *err)
{
	struct stream now;
	enum status st = catalog_stream_get(
	    load->service->catalog, slice_of(job->connector), slice_of(job->object), &now, err);

	if (st != OK)
		return st;
	if (!stream_is_same(&load->stream, &now))
		return err_set(err, E_CONFLICT, "the stream has changed since");
	load->job = *job;
	load->control = control;
	return OK;
}

/* All of the job was read.  Failed records before rows: once the mark is there, nobody will write
 * them any more. */
static enum status end_job(struct load *load, struct err *err)
{
	enum status st = rejects_commit(&load->rejects, err);

	CRASH_POINT("load.rejects");
	return st;
}

static enum status commit(
    struct load *load, const struct lake_applied *jobs, size_t count, struct err *err)
{
	enum status st = OK;

	if (load->rows != NULL)
		st = lake_load_commit_jobs(&load->rows, jobs, count, err);
	if (st == E_CONFLICT)
		load->is_not_direct = load->is_direct;
	if (st != OK)
		return st;
	if (!load->job.validate_only)
		count_records(load, jobs, count);
	CRASH_POINT("load.applied");
	atomic_store(&load->control->progress, 1.0);
	return OK;
}

/* Is what was followed the beginning of the job's list of parts? */
static bool begins_with_done(const struct load *load, const struct part *parts, size_t count)
{
	if (load->done_count > count)
		return false;
	for (size_t i = 0; i < load->done_count; i++) {
		if (load->done[i].number != parts[i].number ||
		    load->done[i].bytes != parts[i].bytes ||
		    strcmp(load->done[i].blob_name, parts[i].blob_name) != 0)
			return false;
	}
	return true;
}

/* Those that were not followed. */
static enum status read_parts(struct load *load, struct err *err)
{
	struct part *parts;
	size_t count;
	enum status st = catalog_part_list(
	    load->service->catalog, slice_of(load->job.id), &load->arena, &parts, &count, err);

	if (st == OK && !begins_with_done(load, parts, count))
		st = err_set(err, E_CONFLICT, "other parts were read");
	for (size_t i = load->done_count; st == OK && i < count; i++)
		st = load_part(load, &parts[i], NULL, NULL, err);
	return st;
}

enum status load_finish(struct load *load, struct err *err)
{
	struct lake_applied applied = {.job_id = load->job.id};
	enum status st = read_parts(load, err);

	if (st != OK)
		return st;
	CRASH_POINT("load.staged");
	st = end_job(load, err);
	applied.mark = load->counts;
	if (st == OK)
		st = commit(load, &applied, 1, err);
	if (st == E_EXISTS) /* it was applied before */
		st = lake_mark_get(load->lake, load->job.id, &load->counts, err);
	return st;
}

enum load_verdict load_judge(const struct load *load, enum status st)
{
	if (st == OK)
		return LOAD_IS_DONE;
	if (load->is_not_direct)
		return LOAD_IS_NOT_DIRECT;
	return load->unreadable ? LOAD_IS_UNREADABLE : LOAD_HAS_FAILED;
}

struct lake_mark load_counts(const struct load *load)
{
	return load->counts;
}

enum status load_job(struct job_service *service, struct lake *lake, const struct job *job,
    struct load_control *control, enum load_outcome *ret_outcome, struct lake_mark *ret_mark,
    struct err *err)
{
	bool is_direct = !control->must_stage && job->operation == JOB_UPSERT &&
			 job->part_bytes <= LOAD_DIRECT_BYTES_MAX;
	enum load_verdict verdict = LOAD_HAS_FAILED;
	struct load *load = NULL;
	enum status st;

	atomic_store(&control->progress, 0.0);
	st = load_open(service, lake, job, is_direct, control, &load, err);
	if (st == OK)
		st = load_finish(load, err);
	if (load != NULL)
		verdict = load_judge(load, st);
	if (verdict == LOAD_IS_DONE) {
		*ret_outcome = LOAD_APPLIED;
		*ret_mark = load->counts;
	}
	load_close(&load);
	switch (verdict) {
	case LOAD_IS_DONE:
		return OK;
	case LOAD_IS_NOT_DIRECT:
		control->must_stage = true;
		return load_job(service, lake, job, control, ret_outcome, ret_mark, err);
	case LOAD_IS_UNREADABLE:
		*ret_outcome = LOAD_UNREADABLE;
		return OK;
	case LOAD_HAS_FAILED:
		break;
	}
	return st;
}

/* --- Several jobs ----------------------------------------------------------------------------- */

/* The next job: what was made for the object serves it, too. */
static enum status turn_to(struct load *load, const struct job *job, struct err *err)
{
	load->job = *job;
	load->counts = (struct lake_mark){0};
	load->bytes_read = 0;
	return begin_rejects(load, err);
}

static enum status read_all(struct load *load, const struct job *jobs, size_t count,
    struct lake_applied *applied, struct err *err)
{
	enum status st = OK;

	for (size_t i = 0; st == OK && i < count; i++) {
		if (i > 0)
			st = turn_to(load, &jobs[i], err);
		if (st == OK)
			st = read_parts(load, err);
		if (st == OK)
			st = end_job(load, err);
		applied[i] = (struct lake_applied){jobs[i].id, load->counts};
	}
	CRASH_POINT("load.together");
	return st;
}

enum status load_together(struct job_service *service, struct lake *lake, const struct job *jobs,
    size_t count, struct load_control *control, struct lake_mark *ret_marks, struct err *err)
{
	bool is_direct = !control->must_stage && jobs[0].operation == JOB_UPSERT;
	struct lake_applied applied[LAKE_JOBS_MAX];
	struct load *load = NULL;
	bool again = false;
	enum status st;

	assert(count <= LAKE_JOBS_MAX);
	atomic_store(&control->progress, 0.0);
	st = load_open(service, lake, &jobs[0], is_direct, control, &load, err);
	if (st == OK)
		st = read_all(load, jobs, count, applied, err);
	if (st == OK)
		st = commit(load, applied, count, err);
	for (size_t i = 0; st == OK && i < count; i++)
		ret_marks[i] = applied[i].mark;
	if (load != NULL)
		again = load_judge(load, st) == LOAD_IS_NOT_DIRECT;
	load_close(&load);
	control->must_stage |= again;
	return again ? load_together(service, lake, jobs, count, control, ret_marks, err) : st;
}
