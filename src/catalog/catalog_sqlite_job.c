/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs in SQLite, one at a time: see catalog.h for what each call promises.
 *
 * A change reads the row, compares, changes the struct and writes it back, all inside one write
 * transaction: there is one writer at a time, so nothing moves between the look and the change, and
 * the struct that goes back to the caller is the row.
 *
 * A change may run on another caller's thread, and its commit may fail; so it works on a copy in
 * its context, which the caller passes on when it knows the outcome.
 */
#include "catalog/catalog_sqlite_db.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>

/* The numbers are part of the file format: see catalog_sqlite_schema.h. */
_Static_assert(JOB_UPSERT == 0 && JOB_DELETE == 1, "stored numbers");
_Static_assert(JOB_OPEN == 0 && JOB_UPLOAD_COMPLETE == 1 && JOB_IN_PROGRESS == 2, "stored numbers");
_Static_assert(JOB_COMPLETE == 3 && JOB_FAILED == 4 && JOB_ABORTED == 5, "stored numbers");

void catalog_sqlite_read_job(struct query *query, int64_t *ret_no, struct job *ret_job)
{
	*ret_no = query_get_number(query);
	query_get_text(query, ret_job->id, sizeof(ret_job->id));
	ret_job->operation = (enum job_operation)query_get_enum(query, JOB_DELETE + 1);
	ret_job->state = (enum job_state)query_get_enum(query, JOB_STATE_COUNT);
	ret_job->deleted = query_get_number(query) != 0;
	query_get_text(query, ret_job->connector, sizeof(ret_job->connector));
	query_get_text(query, ret_job->object, sizeof(ret_job->object));
	query_get_text(query, ret_job->created_by, sizeof(ret_job->created_by));
	ret_job->created_us = query_get_number(query);
	ret_job->modified_us = query_get_number(query);
	ret_job->queue_no = query_get_number(query);
	query_get_text(query, ret_job->lease, sizeof(ret_job->lease));
	ret_job->part_count = query_get_number(query);
	ret_job->part_bytes = query_get_number(query);
	ret_job->retries = query_get_number(query);
	ret_job->records_processed = query_get_number(query);
	ret_job->records_failed = query_get_number(query);
	ret_job->processing_ms = query_get_number(query);
	query_get_text(query, ret_job->error, sizeof(ret_job->error));
	ret_job->validate_only = query_get_number(query) != 0;
	ret_job->journal_end = query_get_number(query);
}

/* --- Steps ------------------------------------------------------------------------------------ */

enum status catalog_sqlite_read_row(
    struct conn *conn, struct slice id, int64_t *ret_no, struct job *ret_job, struct err *err)
{
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_JOB_GET);
	query_put_text(&query, id);
	found = query_row(&query);
	if (found)
		catalog_sqlite_read_job(&query, ret_no, ret_job);
	status = query_end(&query, err);
	if (status == OK && !found)
		return err_set(err, E_NOT_FOUND, "no job %.*s", SLICE_ARGS(id));
	return status;
}

/* Write back all that a change of state may touch. */
static enum status write_row(struct conn *conn, int64_t no, const struct job *job, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_JOB_UPDATE);
	query_put_number(&query, no);
	query_put_number(&query, job->state);
	query_put_number(&query, job->modified_us);
	query_put_number(&query, job->queue_no);
	query_put_text(&query, slice_of(job->lease));
	query_put_number(&query, job->retries);
	query_put_number(&query, job->records_processed);
	query_put_number(&query, job->records_failed);
	query_put_number(&query, job->processing_ms);
	query_put_text(&query, slice_of(job->error));
	query_put_number(&query, job->journal_end);
	return query_run(&query, NULL, err);
}

static enum status next_queue_no(struct conn *conn, int64_t *ret_queue_no, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_QUEUE_NEXT);
	if (query_row(&query))
		*ret_queue_no = query_get_number(&query);
	else
		query_fail(&query, SQLITE_CORRUPT); /* the counter's row is gone */
	return query_run(&query, NULL, err);
}

static void touch(struct job *job)
{
	int64_t now_us = clock_now_us();

	job->modified_us = now_us > job->modified_us ? now_us : job->modified_us + 1;
}

enum status catalog_sqlite_refuse_state(const struct job *job, struct err *err)
{
	return err_set(err, E_CONFLICT, "job %s is %s", job->id, job_state_name(job->state));
}

/* --- Create, get ------------------------------------------------------------------------------ */

struct job_create {
	const struct job *job;
	const struct catalog_quota *quota; /* NULL: none */
	struct catalog_quota_hit hit;
};

static enum status insert_job(struct conn *conn, const struct job *job, struct err *err)
{
	struct query query;
	enum status status;
	int changes = 0;

	/* The insert finds the stream itself, so there is no moment
	 * between the look and the row. */
	query_begin(&query, conn, SQL_JOB_INSERT);
	query_put_text(&query, slice_of(job->connector));
	query_put_text(&query, slice_of(job->object));
	query_put_text(&query, slice_of(job->id));
	query_put_number(&query, job->operation);
	query_put_number(&query, job->state);
	query_put_text(&query, slice_of(job->created_by));
	query_put_number(&query, job->created_us);
	query_put_number(&query, job->validate_only);
	status = query_run(&query, &changes, err);
	if (status == OK && changes == 0)
		return err_set(err, E_NOT_FOUND, "no stream for object \"%s\" of \"%s\"",
		    job->object, job->connector);
	return status;
}

/* Does the object have more active jobs than it may, now that the new one is there?  Then
 * ${ret_id} names one of the others. */
static enum status check_object(struct conn *conn, const struct job_create *create, bool *ret_full,
    char *ret_id, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_QUOTA_OBJECT);
	query_put_number(&query, JOB_STATES_ACTIVE);
	query_put_text(&query, slice_of(create->job->connector));
	query_put_text(&query, slice_of(create->job->object));
	query_put_number(&query, create->quota->object_max);
	query_put_text(&query, slice_of(create->job->id));
	*ret_full = query_row(&query);
	if (*ret_full)
		query_get_text(&query, ret_id, UUID_TEXT_BYTES);
	return query_end(&query, err);
}

static enum status check_active(
    struct conn *conn, const struct job_create *create, bool *ret_full, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_QUOTA_ACTIVE);
	query_put_number(&query, JOB_STATES_ACTIVE);
	*ret_full = query_row(&query) && query_get_number(&query) > create->quota->active_max;
	return query_end(&query, err);
}

/* Forgets what is older than the span, so that the table stays as small as the quota; and what is
 * further in the future than that, which is from a clock that has been set back. */
static enum status check_created(struct conn *conn, const struct job_create *create, bool *ret_full,
    int64_t *ret_free_us, struct err *err)
{
	const struct catalog_quota *quota = create->quota;
	struct query query;
	enum status status;

	query_begin(&query, conn, SQL_CREATION_FORGET);
	query_put_number(&query, create->job->created_us - quota->created_span_us);
	query_put_number(&query, create->job->created_us + quota->created_span_us);
	status = query_run(&query, NULL, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_QUOTA_CREATED);
	*ret_full = query_row(&query) && query_get_number(&query) >= quota->created_max;
	*ret_free_us = *ret_full ? query_get_number(&query) + quota->created_span_us : 0;
	return query_end(&query, err);
}

static enum status check_quota(struct conn *conn, struct job_create *create, struct err *err)
{
	const struct catalog_quota *quota = create->quota;
	struct catalog_quota_hit hit = {.part = QUOTA_OBJECT};
	enum status status = OK;
	bool full = false;

	if (quota->object_max > 0)
		status = check_object(conn, create, &full, hit.job_id, err);
	if (status == OK && !full && quota->active_max > 0) {
		hit.part = QUOTA_ACTIVE;
		status = check_active(conn, create, &full, err);
	}
	if (status == OK && !full && quota->created_max > 0) {
		hit.part = QUOTA_CREATED;
		status = check_created(conn, create, &full, &hit.free_us, err);
	}
	if (status != OK || !full)
		return status;
	create->hit = hit;
	return err_set(err, E_LIMIT, "a quota of jobs is used up");
}

static enum status create_job(struct conn *conn, void *ctx, struct err *err)
{
	struct job_create *create = ctx;
	struct query query;
	enum status status = OK;

	/* The insert first, so that an unknown object is told before a quota; a refusal undoes
	 * it. */
	status = insert_job(conn, create->job, err);
	if (status != OK || create->quota == NULL)
		return status;
	status = check_quota(conn, create, err);
	if (status != OK || create->quota->created_max == 0)
		return status;
	query_begin(&query, conn, SQL_CREATION_INSERT);
	query_put_number(&query, create->job->created_us);
	return query_run(&query, NULL, err);
}

enum status catalog_sqlite_job_create(struct catalog *catalog, const struct job *job,
    const struct catalog_quota *quota, struct catalog_quota_hit *ret_hit, struct err *err)
{
	struct job_create create = {.job = job, .quota = quota};
	enum status status = catalog_sqlite_write(store_of(catalog), create_job, &create, err);

	if (status == E_LIMIT)
		*ret_hit = create.hit;
	return status;
}

enum status catalog_sqlite_job_get(
    struct catalog *catalog, struct slice id, struct job *ret_job, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct conn *conn;
	struct job job;
	enum status status;
	int64_t no;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	status = catalog_sqlite_read_row(conn, id, &no, &job, err);
	reader_give(store, &conn);
	if (status == OK)
		*ret_job = job;
	return status;
}

enum status catalog_sqlite_job_first_closed(struct catalog *catalog, struct slice connector,
    struct slice object, struct job *ret_job, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct query query;
	struct conn *conn;
	struct job job;
	enum status status;
	int64_t no;
	bool found;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_JOB_FIRST_CLOSED);
	query_put_text(&query, connector);
	query_put_text(&query, object);
	query_put_number(&query, JOB_UPLOAD_COMPLETE);
	query_put_number(&query, JOB_IN_PROGRESS);
	found = query_row(&query);
	if (found)
		catalog_sqlite_read_job(&query, &no, &job);
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	if (!found)
		return err_set(err, E_NOT_FOUND, "no closed job of object \"%.*s\" of \"%.*s\"",
		    SLICE_ARGS(object), SLICE_ARGS(connector));
	*ret_job = job;
	return OK;
}

/* --- Move, claim, delete ---------------------------------------------------------------------- */

struct job_move {
	struct slice id;
	const struct catalog_job_move *move;
	struct job job;
};

/* ${text} as far as it fits, not cut inside a character. */
static void set_error(struct job *job, const char *text)
{
	size_t length = strnlen(text, sizeof(job->error) - 1);

	length = utf8_valid_prefix((struct slice){text, length});
	memcpy(job->error, text, length);
	job->error[length] = '\0';
}

static enum status change_job(
    struct conn *conn, const struct catalog_job_move *move, struct job *job, struct err *err)
{
	job->state = move->to;
	touch(job);
	snprintf(
	    job->lease, sizeof(job->lease), "%s", move->new_lease == NULL ? "" : move->new_lease);
	if (move->add_retry)
		job->retries++;
	if (move->set_result) {
		job->records_processed = move->records_processed;
		job->records_failed = move->records_failed;
		job->processing_ms = move->processing_ms;
		set_error(job, move->error == NULL ? "" : move->error);
	}
	if (!move->enqueue)
		return OK;
	job->journal_end = move->journal_end;
	return next_queue_no(conn, &job->queue_no, err);
}

static enum status move_job(struct conn *conn, void *ctx, struct err *err)
{
	struct job_move *m = ctx;
	struct job changed;
	enum status status;
	int64_t no;

	status = catalog_sqlite_read_row(conn, m->id, &no, &m->job, err);
	if (status != OK)
		return status;
	if ((m->move->from & 1u << m->job.state) == 0)
		return catalog_sqlite_refuse_state(&m->job, err);
	if (m->move->lease != NULL && strcmp(m->move->lease, m->job.lease) != 0)
		return err_set(
		    err, E_CONFLICT, "job %s is leased to \"%s\"", m->job.id, m->job.lease);
	changed = m->job;
	status = change_job(conn, m->move, &changed, err);
	if (status == OK)
		status = write_row(conn, no, &changed, err);
	m->job = changed;
	return status;
}

enum status catalog_sqlite_job_move(struct catalog *catalog, struct slice id,
    const struct catalog_job_move *move, struct job *ret_job, struct err *err)
{
	struct job_move m = {.id = id, .move = move};
	enum status status = catalog_sqlite_write(store_of(catalog), move_job, &m, err);

	if (status == OK || status == E_CONFLICT)
		*ret_job = m.job;
	return status;
}

struct job_moves {
	const struct catalog_job_step *steps;
	size_t count;
	struct job *jobs; /* the caller's, who looks at them when all is well */
};

static enum status move_jobs(struct conn *conn, void *ctx, struct err *err)
{
	struct job_moves *moves = ctx;
	enum status status = OK;

	for (size_t i = 0; status == OK && i < moves->count; i++) {
		struct job_move one = {.id = moves->steps[i].id, .move = &moves->steps[i].move};

		status = move_job(conn, &one, err);
		moves->jobs[i] = one.job;
	}
	return status;
}

enum status catalog_sqlite_job_move_all(struct catalog *catalog,
    const struct catalog_job_step *steps, size_t count, struct job *ret_jobs, struct err *err)
{
	struct job_moves moves = {steps, count, ret_jobs};

	return catalog_sqlite_write(store_of(catalog), move_jobs, &moves, err);
}

struct job_claim {
	const struct catalog_claim *asked;
	struct job *jobs; /* the caller's, as above */
	int64_t nos[CATALOG_CLAIM_MAX];
	size_t count;
	int64_t ready_us; /* when the delay of the first one is over */
};

/* A job that was changed further in the future than the delay is long was so by a clock that has
 * been set back since: it would keep all others from their turn until that time comes again. */
static bool must_wait(const struct job_claim *claim, const struct job *job, int64_t now_us)
{
	int64_t since_us = now_us - job->modified_us, delay_us = claim->asked->delay_us;

	return since_us < delay_us && since_us >= -delay_us;
}

static enum status find_first(struct conn *conn, struct job_claim *claim, struct err *err)
{
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_JOB_NEXT);
	query_put_number(&query, JOB_UPLOAD_COMPLETE);
	query_put_number(&query, JOB_IN_PROGRESS);
	found = query_row(&query);
	if (found)
		catalog_sqlite_read_job(&query, &claim->nos[0], &claim->jobs[0]);
	status = query_end(&query, err);
	if (status != OK)
		return status;
	if (!found)
		return err_set(err, E_NOT_FOUND, "no job to work on");
	if (must_wait(claim, &claim->jobs[0], clock_now_us())) {
		claim->ready_us = claim->jobs[0].modified_us + claim->asked->delay_us;
		return err_set(err, E_NOT_FOUND, "no job to work on yet");
	}
	claim->count = 1;
	return OK;
}

/* May ${job} be claimed together with those before it, whose parts have ${bytes}? */
static bool goes_along(const struct job_claim *claim, const struct job *job, int64_t bytes)
{
	const struct job *first = &claim->jobs[0];

	return job->operation == first->operation && job->journal_end == first->journal_end &&
	       !job->validate_only && !first->validate_only &&
	       bytes + job->part_bytes <= claim->asked->bytes_max &&
	       !must_wait(claim, job, clock_now_us());
}

/* Those right behind the first, up to one that is unlike it: nobody overtakes. */
static enum status find_others(struct conn *conn, struct job_claim *claim, struct err *err)
{
	int64_t bytes = claim->jobs[0].part_bytes;
	bool goes_on = true;
	struct query query;

	query_begin(&query, conn, SQL_JOB_BEHIND);
	query_put_number(&query, claim->nos[0]);
	query_put_number(&query, JOB_UPLOAD_COMPLETE);
	while (goes_on && claim->count < claim->asked->jobs_max && query_row(&query)) {
		struct job *job = &claim->jobs[claim->count];

		catalog_sqlite_read_job(&query, &claim->nos[claim->count], job);
		goes_on = goes_along(claim, job, bytes);
		bytes += job->part_bytes;
		claim->count += goes_on;
	}
	return query_end(&query, err);
}

static enum status claim_jobs(struct conn *conn, void *ctx, struct err *err)
{
	struct job_claim *claim = ctx;
	enum status status = find_first(conn, claim, err);

	if (status == OK && claim->asked->jobs_max > 1)
		status = find_others(conn, claim, err);
	for (size_t i = 0; status == OK && i < claim->count; i++) {
		struct job *job = &claim->jobs[i];

		job->state = JOB_IN_PROGRESS;
		touch(job);
		snprintf(job->lease, sizeof(job->lease), "%s", claim->asked->lease);
		status = write_row(conn, claim->nos[i], job, err);
	}
	return status;
}

enum status catalog_sqlite_job_claim(struct catalog *catalog, const struct catalog_claim *asked,
    struct job *ret_jobs, size_t *ret_count, int64_t *ret_ready_us, struct err *err)
{
	struct job_claim claim = {.asked = asked, .jobs = ret_jobs};
	enum status status = catalog_sqlite_write(store_of(catalog), claim_jobs, &claim, err);

	if (status == OK)
		*ret_count = claim.count;
	if (status == E_NOT_FOUND)
		*ret_ready_us = claim.ready_us;
	return status;
}

struct job_delete {
	struct slice id;
	unsigned from;
	struct job job;
};

static enum status delete_job(struct conn *conn, void *ctx, struct err *err)
{
	struct job_delete *d = ctx;
	struct query query;
	enum status status;
	int64_t no;

	status = catalog_sqlite_read_row(conn, d->id, &no, &d->job, err);
	if (status != OK)
		return status;
	if ((d->from & 1u << d->job.state) == 0)
		return catalog_sqlite_refuse_state(&d->job, err);
	d->job.deleted = true;
	query_begin(&query, conn, SQL_JOB_MARK_DELETED);
	query_put_number(&query, no);
	return query_run(&query, NULL, err);
}

enum status catalog_sqlite_job_delete(
    struct catalog *catalog, struct slice id, unsigned from, struct job *ret_job, struct err *err)
{
	struct job_delete d = {.id = id, .from = from};
	enum status status = catalog_sqlite_write(store_of(catalog), delete_job, &d, err);

	if (status == OK || status == E_CONFLICT)
		*ret_job = d.job;
	return status;
}

static enum status remove_job(struct conn *conn, void *ctx, struct err *err)
{
	const struct slice *id = ctx;
	struct query query;
	enum status status;
	bool alive = false;

	query_begin(&query, conn, SQL_JOB_IS_DELETED);
	query_put_text(&query, *id);
	if (query_row(&query))
		alive = query_get_number(&query) == 0;
	status = query_end(&query, err);
	if (status != OK)
		return status;
	if (alive)
		return err_set(
		    err, E_CONFLICT, "job %.*s is not marked as deleted", SLICE_ARGS(*id));
	query_begin(&query, conn, SQL_JOB_REMOVE);
	query_put_text(&query, *id);
	return query_run(&query, NULL, err);
}

enum status catalog_sqlite_job_remove(struct catalog *catalog, struct slice id, struct err *err)
{
	return catalog_sqlite_write(store_of(catalog), remove_job, &id, err);
}
