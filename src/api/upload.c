/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upload of a part: body -> blob writer -> durable -> the part's row -> 202.  docs/DESIGN.md,
 * "Exactly once", steps 1 to 3.  All of it runs on the work lane.
 *
 * The job's state is looked at before the body is read, so that a refused client need not send it;
 * what counts is the look that catalog_part_add takes in its transaction.
 */
#include "api/handlers.h"

#include "base/crash.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

struct upload {
	struct blob_writer *writer;
	char name[BLOB_NAME_BYTES_MAX + 1];
	char job_id[UUID_TEXT_BYTES];
};

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

static void begin(struct request *request)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0), type;
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
	if (!request_header(request, "Content-Type", &type) ||
	    !api_media_type_is(type, "text/csv")) {
		respond_error(
		    request, 415, "A part must come with the header \"Content-Type: text/csv\".");
		return;
	}
	if (request_header(request, "Content-Encoding", &type) &&
	    !slice_is_nocase(type, "identity")) {
		respond_error(request, 415,
		    "Content-Encoding \"%.*s\" is not supported; send the part as it is.",
		    SLICE_ARGS(type));
		return;
	}
	if (job.state != JOB_OPEN) {
		respond_closed(request, job.id, job.state);
		return;
	}
	if (job.part_count >= JOB_PARTS_MAX) {
		respond_full_job(request, job.id);
		return;
	}
	upload = arena_alloc(request_arena(request), sizeof(*upload));
	if (upload == NULL) {
		respond_failure(request, err_set(&err, E_NOMEM, "no memory for an upload"), &err);
		return;
	}
	strcpy(upload->job_id, job.id);
	strcpy(upload->name, JOB_PART_PREFIX);
	uuid_make(upload->name + strlen(upload->name));
	st = blob_write_begin(api->blob, upload->job_id, upload->name, &upload->writer, &err);
	if (st != OK) {
		respond_failure(request, st, &err);
		return;
	}
	request_set_data(request, upload);
}

/* Why did storage refuse?  When the job was aborted or removed meanwhile, its folder is gone. */
static void respond_refused(struct request *request, const struct upload *upload,
    enum status refused, const struct err *why)
{
	struct api *api = request_context(request);
	struct job job;

	if (refused != E_GONE) {
		respond_failure(request, refused, why);
		return;
	}
	if (catalog_job_get(api->catalog, slice_of(upload->job_id), &job, NULL) == OK)
		respond_closed(request, job.id, job.state);
	else
		api_respond_no_job(request, slice_of(upload->job_id));
}

static void write_bytes(struct request *request, struct slice bytes)
{
	struct upload *upload = request_data(request);
	struct err err = {{0}};
	enum status st = blob_write(upload->writer, bytes, &err);

	if (st != OK)
		respond_refused(request, upload, st, &err);
}

/* An upload that ends without a part may have been overtaken by an abort or a
 * removal, and then it may have made the job's folder again.  What stays in spite of
 * this is removed by the next start. */
static void clear_up(struct request *request, const struct upload *upload)
{
	struct api *api = request_context(request);
	struct err err = {{0}};

	if (job_clear_blobs(api->jobs, slice_of(upload->job_id), &err) != OK)
		log_event(LOG_LEVEL_WARN, "upload.litter", "job=%s error=\"%s\"", upload->job_id,
		    err.text);
}

static void cancel(struct request *request)
{
	struct upload *upload = request_data(request);

	if (upload == NULL)
		return;
	blob_write_abort(&upload->writer);
	clear_up(request, upload);
}

/* The bytes are durable; make the part count.  Until its row is there, it is litter. */
static void accept(struct request *request, struct upload *upload, const struct blob_info *info)
{
	struct api *api = request_context(request);
	struct part part = {.bytes = (int64_t)info->bytes, .accepted_us = clock_now_us()};
	struct buffer body;
	enum job_state state;
	struct err err = {{0}};
	enum status st;

	strcpy(part.blob_name, upload->name);
	memcpy(part.sha256, info->sha256, sizeof(part.sha256));
	st = catalog_part_add(
	    api->catalog, slice_of(upload->job_id), &part, JOB_PARTS_MAX, &state, &err);
	if (st == OK) {
		CRASH_POINT("upload.accepted");
		log_event(LOG_LEVEL_INFO, "part.accepted", "job=%s part=%" PRId64 " bytes=%" PRId64,
		    upload->job_id, part.number, part.bytes);
		buffer_init(&body, 64);
		buffer_put_text(&body, "{\"accepted\":true}");
		respond_json(request, 202, &body);
		return;
	}
	/* A commit of the catalog that failed at its fsync may turn out to be done after a crash:
	 * then the part counts, and its bytes must be there.  If it does not, they are litter for
	 * the next start, as after a removal that failed. */
	if (st == E_IO)
		log_event(
		    LOG_LEVEL_WARN, "part.litter", "job=%s blob=%s", upload->job_id, upload->name);
	else if (blob_remove(api->blob, upload->job_id, upload->name, NULL) != OK)
		log_event(
		    LOG_LEVEL_WARN, "part.litter", "job=%s blob=%s", upload->job_id, upload->name);
	clear_up(request, upload);
	if (st == E_CONFLICT)
		respond_closed(request, upload->job_id, state);
	else if (st == E_LIMIT)
		respond_full_job(request, upload->job_id);
	else if (st == E_NOT_FOUND)
		api_respond_no_job(request, slice_of(upload->job_id));
	else
		respond_failure(request, st, &err);
}

static void finish(struct request *request)
{
	struct upload *upload = request_data(request);
	struct blob_info info;
	struct err err = {{0}};
	enum status st;

	CRASH_POINT("upload.written");
	st = blob_write_commit(&upload->writer, &info, &err);
	if (st != OK) {
		clear_up(request, upload);
		respond_refused(request, upload, st, &err);
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
