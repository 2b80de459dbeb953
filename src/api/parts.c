/* SPDX-License-Identifier: Apache-2.0 */
/* What a job was given, and what of it failed: the list of its parts,
 * and its failed records as CSV. */
#include "api/handlers.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

/* Find the job, or respond with 404. */
static bool find_job(struct request *request, struct job *ret_job)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0);
	struct err err = {{0}};
	enum status st = catalog_job_get(api->catalog, id, ret_job, &err);

	if (st == E_NOT_FOUND)
		api_respond_no_job(request, id);
	else if (st != OK)
		respond_failure(request, st, &err);
	return st == OK;
}

static void write_part(struct json_writer *w, const struct part *part)
{
	char digest[2 * CATALOG_HASH_BYTES + 1], accepted[CLOCK_TEXT_BYTES];

	for (size_t i = 0; i < CATALOG_HASH_BYTES; i++)
		snprintf(digest + 2 * i, 3, "%02x", part->sha256[i]);
	json_write_object(w);
	json_write_key(w, "part");
	json_write_int(w, part->number);
	json_write_key(w, "bytes");
	json_write_int(w, part->bytes);
	json_write_key(w, "sha256");
	json_write_text(w, digest);
	json_write_key(w, "acceptedDate");
	json_write_text(w, clock_format_ms(accepted, part->accepted_us));
	json_write_end(w);
}

void api_part_list(struct request *request)
{
	struct api *api = request_context(request);
	struct part *parts;
	size_t count;
	struct job job;
	struct json_writer w;
	struct buffer body;
	struct err err = {{0}};
	enum status st;

	if (!find_job(request, &job))
		return;
	st = catalog_part_list(
	    api->catalog, slice_of(job.id), request_arena(request), &parts, &count, &err);
	if (st != OK) {
		respond_failure(request, st, &err);
		return;
	}
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "data");
	json_write_array(&w);
	for (size_t i = 0; i < count; i++)
		write_part(&w, &parts[i]);
	json_write_end(&w);
	json_write_end(&w);
	respond_json(request, 200, &body);
}

/* --- Failed records --------------------------------------------------------------------------- */

static int64_t read_rejects(void *ctx, char *ret_bytes, size_t room)
{
	struct err err = {{0}};
	size_t count;

	if (blob_read(ctx, ret_bytes, room, &count, &err) == OK)
		return (int64_t)count;
	log_event(LOG_LEVEL_ERROR, "rejects.read_failed", "error=\"%s\"", err.text);
	return -1;
}

static void close_rejects(void *ctx)
{
	struct blob_reader *reader = ctx;

	blob_read_close(&reader);
}

static void respond_none(struct request *request)
{
	struct buffer body;

	buffer_init(&body, 64);
	buffer_put_text(&body, "sf__Part,sf__Line,sf__Error\n");
	respond(request, 200, "text/csv; charset=UTF-8", &body);
}

void api_failed_results(struct request *request)
{
	struct api *api = request_context(request);
	struct http_source source = {.read = read_rejects, .close = close_rejects};
	struct blob_reader *reader;
	uint64_t bytes;
	struct job job;
	struct err err = {{0}};
	enum status st;

	if (!find_job(request, &job))
		return;
	if (!job_state_is_final(job.state)) {
		respond_error(request, 409,
		    "job %s is %s; its failed records are known at its end.", job.id,
		    job_state_name(job.state));
		return;
	}
	if (job.records_failed == 0) {
		respond_none(request);
		return;
	}
	st = blob_read_open(api->blob, job.id, JOB_REJECTS_BLOB, &reader, &bytes, &err);
	if (st != OK) {
		err_add(&err, "job %s", job.id);
		respond_failure(request, st, &err);
		return;
	}
	source.ctx = reader;
	respond_source(request, 200, "text/csv; charset=UTF-8", &source);
}
