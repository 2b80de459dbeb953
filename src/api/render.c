/* SPDX-License-Identifier: Apache-2.0 */
/* What several resources share in reading requests and writing answers: see handlers.h. */
#include "api/handlers.h"

#include <stdio.h>

#define WAIT_SECONDS_MAX 60

json_t *api_parse_object(struct request *request)
{
	struct err err = {{0}};
	json_t *value = NULL;

	if (json_parse(request_body(request), &value, &err) != OK) {
		respond_error(request, 400, "%s", err.text);
		return NULL;
	}
	if (!json_is_object(value)) {
		json_decref(value);
		respond_error(request, 400, "The body must be a JSON object.");
		return NULL;
	}
	return value;
}

bool api_need_text(
    struct request *request, const json_t *object, const char *name, struct slice *ret_text)
{
	struct err err = {{0}};

	if (json_member_text(object, name, ret_text, &err) != OK) {
		respond_error(request, 400, "%s.", err.text);
		return false;
	}
	return true;
}

bool api_parse_number(struct slice text, int64_t min, int64_t max, int64_t *ret_value)
{
	int64_t value = 0;

	if (text.len == 0 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (text.ptr[i] - '0');
	}
	if (value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

bool api_take_wait(struct request *request, int64_t *ret_seconds)
{
	struct slice text;

	*ret_seconds = 0;
	if (!request_query(request, "wait", &text) || text.len == 0 ||
	    api_parse_number(text, 0, WAIT_SECONDS_MAX, ret_seconds))
		return true;
	respond_error(request, 400, "\"wait\" is \"%.*s\"; it must be 0 to %d seconds.",
	    SLICE_ARGS(text), WAIT_SECONDS_MAX);
	return false;
}

/* The members in the order in which the hosted service writes them, ours behind. */
void api_write_job(struct json_writer *w, const struct job *job, struct api *api)
{
	char created[CLOCK_TEXT_BYTES], modified[CLOCK_TEXT_BYTES], url[96], number[32];
	double progress = job_state_is_final(job->state) ? 1 : 0;

	if (job->state == JOB_IN_PROGRESS)
		work_progress(api->work, job->id, &progress);
	snprintf(url, sizeof(url), "/api/v1/ingest/jobs/%s/batches", job->id);
	snprintf(number, sizeof(number), "%.3f", progress);

	json_write_object(w);
	json_write_key(w, "id");
	json_write_text(w, job->id);
	json_write_key(w, "operation");
	json_write_text(w, job_operation_name(job->operation));
	json_write_key(w, "object");
	json_write_text(w, job->object);
	json_write_key(w, "sourceName");
	json_write_text(w, job->connector);
	json_write_key(w, "createdById");
	json_write_text(w, job->created_by);
	json_write_key(w, "createdDate");
	json_write_text(w, clock_format_us(created, job->created_us));
	json_write_key(w, "systemModstamp");
	json_write_text(w, clock_format_ms(modified, job->modified_us));
	json_write_key(w, "state");
	json_write_text(w, job_state_name(job->state));
	json_write_key(w, "contentType");
	json_write_text(w, "CSV");
	json_write_key(w, "apiVersion");
	json_write_text(w, "v1");
	json_write_key(w, "contentUrl");
	json_write_text(w, job->state == JOB_OPEN ? url : NULL);
	json_write_key(w, "retries");
	json_write_int(w, job->retries);
	json_write_key(w, "totalProcessingTime");
	json_write_int(w, job->processing_ms / 1000);
	json_write_key(w, "numberRecordsProcessed");
	json_write_int(w, job->records_processed);
	json_write_key(w, "numberRecordsFailed");
	json_write_int(w, job->records_failed);
	json_write_key(w, "processingMilliseconds");
	json_write_int(w, job->processing_ms);
	json_write_key(w, "progress");
	json_write_raw(w, slice_of(number));
	json_write_key(w, "numberParts");
	json_write_int(w, job->part_count);
	json_write_key(w, "bytesUploaded");
	json_write_int(w, job->part_bytes);
	json_write_key(w, "errorMessage");
	json_write_text(w, job->error[0] != '\0' ? job->error : NULL);
	json_write_key(w, "validateOnly");
	json_write_bool(w, job->validate_only);
	json_write_end(w);
}

void api_respond_job(struct request *request, unsigned status, const struct job *job)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	api_write_job(&w, job, request_context(request));
	respond_json(request, status, &body);
}

void api_respond_no_job(struct request *request, struct slice id)
{
	respond_error(request, 404, "there is no job %.*s.", SLICE_ARGS(id));
}

bool api_media_type_is(struct slice header, const char *type)
{
	size_t length = 0;

	while (length < header.len && strchr("; \t", header.ptr[length]) == NULL)
		length++;
	return slice_is_nocase((struct slice){header.ptr, length}, type);
}

static void write_setting(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_text(w, value[0] != '\0' ? value : NULL);
}

static void write_streaming(struct json_writer *w, const struct applier_state *state)
{
	char seconds[32];

	snprintf(seconds, sizeof(seconds), "%.3f", (double)state->oldest_us / 1e6);
	json_write_key(w, "streaming");
	json_write_object(w);
	json_write_key(w, "acceptedPosition");
	json_write_int(w, state->accepted);
	json_write_key(w, "appliedPosition");
	json_write_int(w, state->applied);
	json_write_key(w, "pendingBytes");
	json_write_int(w, state->accepted - state->applied);
	json_write_key(w, "oldestPendingSeconds");
	json_write_raw(w, slice_of(seconds));
	json_write_end(w);
}

void api_write_stream(
    struct json_writer *w, const struct stream *stream, const struct applier_state *state)
{
	json_write_object(w);
	write_setting(w, "connector", stream->connector);
	write_setting(w, "object", stream->object);
	write_setting(w, "primaryKey", stream->primary_key);
	write_setting(w, "category", stream_category_name(stream->category));
	write_setting(w, "recordModifiedField", stream->record_modified_field);
	write_setting(w, "eventTimeField", stream->event_time_field);
	write_setting(w, "refreshMode", stream_refresh_name(stream->refresh));
	if (state != NULL)
		write_streaming(w, state);
	json_write_end(w);
}

void api_respond_no_stream(struct request *request, struct slice connector, struct slice object)
{
	struct api *api = request_context(request);
	struct catalog_connector row;
	enum status st =
	    catalog_connector_get(api->catalog, connector, request_arena(request), &row, NULL);

	if (st == E_NOT_FOUND)
		respond_error(
		    request, 404, "there is no connector named \"%.*s\".", SLICE_ARGS(connector));
	else
		respond_error(request, 404,
		    "connector \"%.*s\" has no object \"%.*s\" with a data stream; make one with: "
		    "PUT /api/v1/connectors/%.*s/streams/%.*s",
		    SLICE_ARGS(connector), SLICE_ARGS(object), SLICE_ARGS(connector),
		    SLICE_ARGS(object));
}
