/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upload of a part: head -> body -> blob writer -> durable -> the part's row -> 202.
 * docs/DESIGN.md, "Exactly once", steps 1 to 3.  All of it runs on the work lane.
 *
 * The job's state is looked at before the body is read, so that a refused client need not send it;
 * what counts is the look that catalog_part_add takes in its transaction.
 *
 * An upload whose Idempotency-Key the job has already is a repeat: its body is read, and compared
 * with the part that is there, but nothing is stored.  That, too, may be found out only by
 * catalog_part_add, when two with one key run at once.
 */
#include "api/handlers.h"
#include "api/upload_body.h"
#include "api/upload_head.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>

struct upload {
	struct upload_head head;
	struct upload_body body;
	bool repeated;     /* nothing is stored: */
	struct part known; /* the part that has the key */
	char name[BLOB_NAME_BYTES_MAX + 1];
	struct job job;     /* as it was before the body */
	early_ticket early; /* the load that follows the upload; 0: none */
	bool has_asked;     /* for one */
};

/* --- Answers ---------------------------------------------------------------------------------- */

static void respond_accepted(struct request *request)
{
	struct buffer body;

	buffer_init(&body, 64);
	buffer_put_text(&body, "{\"accepted\":true}");
	respond_json(request, 202, &body);
}

static void respond_closed(struct request *request, const char *job_id, enum job_state state)
{
	respond_error(
	    request, 409, "job %s is %s, so it takes no more data.", job_id, job_state_name(state));
}

static void respond_full_job(struct request *request, const char *job_id)
{
	respond_error(request, 400, "Job %s has %d parts, which is the most that a job may have.",
	    job_id, JOB_PARTS_MAX);
}

static bool is_same(const struct part *part, const struct blob_info *info)
{
	return (uint64_t)part->bytes == info->bytes &&
	       memcmp(part->sha256, info->sha256, sizeof(part->sha256)) == 0;
}

/* The job has ${part} of the upload's key.  Was it this one? */
static void respond_repeated(struct request *request, const struct upload *upload,
    const struct part *part, const struct blob_info *info)
{
	if (!is_same(part, info)) {
		respond_error(request, 409,
		    "part %" PRId64 " of job %s has the Idempotency-Key \"%s\" but other content "
		    "(%" PRId64 " bytes, these are %" PRIu64 "); a new part needs a new key.",
		    part->number, upload->job.id, part->key, part->bytes, info->bytes);
		return;
	}
	log_event(
	    LOG_LEVEL_INFO, "part.repeated", "job=%s part=%" PRId64, upload->job.id, part->number);
	respond_accepted(request);
}

/* The job as it is now, for an upload that it may have left behind.  When it is gone or aborted,
 * respond with that and return false. */
static bool find_living_job(struct request *request, const char *job_id, struct job *ret_job)
{
	struct api *api = request_context(request);
	struct err err = {{0}};
	enum status st = catalog_job_get(api->catalog, slice_of(job_id), ret_job, &err);

	if (st == E_NOT_FOUND)
		api_respond_no_job(request, slice_of(job_id));
	else if (st != OK)
		respond_failure(request, st, &err);
	else if (ret_job->state == JOB_ABORTED)
		respond_closed(request, ret_job->id, ret_job->state);
	return st == OK && ret_job->state != JOB_ABORTED;
}

/* E_NOT_FOUND also when there is no key. */
static enum status find_known_part(
    struct api *api, const char *job_id, const char *key, struct part *ret_part, struct err *err)
{
	if (key[0] == '\0')
		return E_NOT_FOUND;
	return catalog_part_find(api->catalog, slice_of(job_id), slice_of(key), ret_part, err);
}

/* The upload's folder is gone: its job was aborted, removed, or came to its end.  In the last case
 * the part may be there, by another upload with the same key; but what was digested of this one
 * went with the folder.  The next try will be known as a repeat from its beginning. */
static void respond_overtaken(struct request *request, const struct upload *upload)
{
	struct api *api = request_context(request);
	struct part part;
	struct job job;
	struct err err = {{0}};
	enum status st;

	if (!find_living_job(request, upload->job.id, &job))
		return;
	st = find_known_part(api, upload->job.id, upload->head.key, &part, &err);
	if (st == E_NOT_FOUND)
		respond_closed(request, job.id, job.state);
	else if (st == OK)
		respond_failure(request, err_set(&err, E_BUSY, "job %s has ended", job.id), &err);
	else
		respond_failure(request, st, &err);
}

/* ${st} is why the body was not taken. */
static void respond_refused(
    struct request *request, const struct upload *upload, enum status st, const struct err *why)
{
	if (st == E_GONE)
		respond_overtaken(request, upload);
	else if (st == E_INVALID)
		respond_error(request, 400, "The part was not taken: %s.", why->text);
	else if (st == E_LIMIT)
		respond_error(request, 413, "The request entity is too large: %s.", why->text);
	else
		respond_failure(request, st, why);
}

/* --- The head --------------------------------------------------------------------------------- */

/* May the job be given a part, as far as can be said now? */
static bool takes_parts(struct request *request, const struct job *job)
{
	if (job->state != JOB_OPEN)
		respond_closed(request, job->id, job->state);
	else if (job->part_count >= JOB_PARTS_MAX)
		respond_full_job(request, job->id);
	else
		return true;
	return false;
}

/* Is it a repeat?  If not, may it be a new part?  When neither, or nobody knows, respond and return
 * false. */
static bool check_job(struct request *request, const struct job *job, struct upload *upload)
{
	struct api *api = request_context(request);
	struct err err = {{0}};
	enum status st = find_known_part(api, job->id, upload->head.key, &upload->known, &err);

	if (st != OK && st != E_NOT_FOUND) {
		respond_failure(request, st, &err);
		return false;
	}
	upload->repeated = st == OK && job->state != JOB_ABORTED;
	return upload->repeated || takes_parts(request, job);
}

static enum status open_body(struct api *api, struct upload *upload, struct err *err)
{
	struct blob_writer *writer = NULL;
	enum status st = OK;

	if (!upload->repeated)
		st = blob_write_begin(api->blob, upload->job.id, upload->name, &writer, err);
	if (st == OK)
		st = upload_body_begin(&upload->body, &upload->head, writer, err);
	return st;
}

static void begin(struct request *request)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0);
	struct upload *upload;
	struct job job;
	struct err err = {{0}};
	enum status st;

	request_set_data(request, NULL);
	st = catalog_job_get(api->catalog, id, &job, &err);
	if (st == E_NOT_FOUND) {
		api_respond_no_job(request, id);
		return;
	}
	if (st != OK) {
		respond_failure(request, st, &err);
		return;
	}
	upload = arena_alloc(request_arena(request), sizeof(*upload));
	if (upload == NULL) {
		respond_failure(request, err_set(&err, E_NOMEM, "no memory for an upload"), &err);
		return;
	}
	*upload = (struct upload){.repeated = false};
	if (!upload_head_read(request, &upload->head) || !check_job(request, &job, upload))
		return;
	upload->job = job;
	strcpy(upload->name, JOB_PART_PREFIX);
	uuid_make(upload->name + strlen(upload->name));
	request_set_data(request, upload);
	st = open_body(api, upload, &err);
	if (st != OK)
		respond_failure(request, st, &err);
}

/* --- The body --------------------------------------------------------------------------------- */

/* Once the part is large enough, its rows are loaded while the rest of it comes. */
static void tell_early(struct request *request, struct upload *upload)
{
	struct early *early = ((struct api *)request_context(request))->early;

	if (upload->has_asked) {
		early_upload_grew(early, upload->early, upload->body.bytes);
	} else if (!upload->repeated && upload->body.bytes >= EARLY_BYTES_MIN) {
		upload->has_asked = true;
		upload->early = early_upload_begin(
		    early, &upload->job, upload->body.writer, upload->body.bytes);
	}
}

static void end_early(struct request *request, struct upload *upload, const struct part *part)
{
	early_upload_end(((struct api *)request_context(request))->early, upload->early, part);
	upload->early = 0;
}

static void write_bytes(struct request *request, struct slice bytes)
{
	struct upload *upload = request_data(request);
	struct err err = {{0}};
	enum status st = upload_body_add(&upload->body, bytes, &err);

	if (st != OK)
		respond_refused(request, upload, st, &err);
	else
		tell_early(request, upload);
}

/* An upload that ends without a part may have been overtaken by an abort or a
 * removal, and then it may have made the job's folder again.  What stays in spite of
 * this is removed by the next start. */
static void clear_up(struct request *request, const struct upload *upload)
{
	struct api *api = request_context(request);
	struct err err = {{0}};

	if (job_clear_blobs(api->jobs, slice_of(upload->job.id), &err) != OK)
		log_event(LOG_LEVEL_WARN, "upload.litter", "job=%s error=\"%s\"", upload->job.id,
		    err.text);
}

static void cancel(struct request *request)
{
	struct upload *upload = request_data(request);

	if (upload == NULL)
		return;
	end_early(request, upload, NULL);
	upload_body_fini(&upload->body);
	if (!upload->repeated)
		clear_up(request, upload);
}

/* The bytes are durable, but have become no part: away with them, and say why. */
static void discard(struct request *request, struct upload *upload, enum status st)
{
	struct api *api = request_context(request);

	/* A commit of the catalog that failed at its fsync may turn out to be done after a crash:
	 * then the part counts, and its bytes must be there.  If it does not, they are litter for
	 * the next start, as after a removal that failed. */
	if (st == E_IO)
		log_event(
		    LOG_LEVEL_WARN, "part.litter", "job=%s blob=%s", upload->job.id, upload->name);
	else if (blob_remove(api->blob, upload->job.id, upload->name, NULL) != OK)
		log_event(
		    LOG_LEVEL_WARN, "part.litter", "job=%s blob=%s", upload->job.id, upload->name);
	clear_up(request, upload);
}

/* The bytes are durable; make the part count.  Until its row is there, it is litter. */
static void accept(struct request *request, struct upload *upload, const struct blob_info *info)
{
	struct api *api = request_context(request);
	struct part part = {.bytes = (int64_t)info->bytes, .accepted_us = clock_now_us()};
	enum job_state state;
	struct err err = {{0}};
	enum status st;

	strcpy(part.blob_name, upload->name);
	strcpy(part.key, upload->head.key);
	memcpy(part.sha256, info->sha256, sizeof(part.sha256));
	st = catalog_part_add(
	    api->catalog, slice_of(upload->job.id), &part, JOB_PARTS_MAX, &state, &err);
	if (st == OK) {
		if (upload->early == 0)
			early_part_stored(api->early, upload->job.id);
		end_early(request, upload, &part);
		CRASH_POINT("upload.accepted");
		metric_add(METRIC_PARTS_ACCEPTED, 0, 1);
		metric_add(METRIC_PART_BYTES, 0, part.bytes);
		log_event(LOG_LEVEL_INFO, "part.accepted", "job=%s part=%" PRId64 " bytes=%" PRId64,
		    upload->job.id, part.number, part.bytes);
		respond_accepted(request);
		return;
	}
	end_early(request, upload, NULL);
	discard(request, upload, st);
	if (st == E_EXISTS)
		respond_repeated(request, upload, &part, info);
	else if (st == E_CONFLICT)
		respond_closed(request, upload->job.id, state);
	else if (st == E_LIMIT)
		respond_full_job(request, upload->job.id);
	else if (st == E_NOT_FOUND)
		api_respond_no_job(request, slice_of(upload->job.id));
	else
		respond_failure(request, st, &err);
}

/* Nothing was stored; an abort may still have come meanwhile. */
static void finish_repeat(
    struct request *request, const struct upload *upload, const struct blob_info *info)
{
	struct job job;

	if (find_living_job(request, upload->job.id, &job))
		respond_repeated(request, upload, &upload->known, info);
}

static void finish(struct request *request)
{
	struct upload *upload = request_data(request);
	struct blob_info info;
	struct err err = {{0}};
	enum status st = upload_body_end(&upload->body, &info, &err);

	if (st == OK && !upload->repeated) {
		CRASH_POINT("upload.written");
		st = blob_write_commit(&upload->body.writer, &info, &err);
	}
	upload_body_fini(&upload->body);
	if (st != OK) {
		end_early(request, upload, NULL);
		if (!upload->repeated)
			clear_up(request, upload);
		respond_refused(request, upload, st, &err);
		return;
	}
	if (upload->repeated) {
		finish_repeat(request, upload, &info);
		return;
	}
	CRASH_POINT("upload.stored");
	accept(request, upload, &info);
}

const struct http_upload api_upload = {
    .begin = begin,
    .write = write_bytes,
    .finish = finish,
    .cancel = cancel,
};
