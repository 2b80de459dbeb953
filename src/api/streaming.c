/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming: small requests of JSON records, or of keys to delete, without a job.
 *
 * A request is checked whole; then it goes into the stream's journal as one entry, and is answered
 * once that is durable.  The lake follows on its own (work/).  A request that is not in order
 * leaves nothing.
 *
 * Not here: what a record may look like (convert/records.h), the settings of a stream (streams.c).
 */
#include "api/handlers.h"

#include "base/log.h"
#include "base/metrics.h"
#include "convert/records.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* What becomes of a request. */
enum streaming_outcome {
	STREAMING_ACCEPTED,
	STREAMING_VALID, /* actions/test */
	STREAMING_REFUSED,
	STREAMING_BUSY,
	STREAMING_FAILED,
	STREAMING_OUTCOME_COUNT
};

static void count_outcome(enum streaming_outcome outcome)
{
	metric_add(METRIC_STREAMING_REQUESTS, outcome, 1);
}

void api_name_streaming_outcomes(void)
{
	static const char *const names[STREAMING_OUTCOME_COUNT] = {
	    [STREAMING_ACCEPTED] = "accepted",
	    [STREAMING_VALID] = "valid",
	    [STREAMING_REFUSED] = "refused",
	    [STREAMING_BUSY] = "busy",
	    [STREAMING_FAILED] = "failed",
	};
	static const struct metric_list outcomes = {names, STREAMING_OUTCOME_COUNT};

	metric_name_cells(METRIC_STREAMING_REQUESTS, metric_name_from_list, &outcomes);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void respond_accepted(struct request *request, unsigned status)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "accepted");
	json_write_bool(&w, true);
	json_write_end(&w);
	respond_json(request, status, &body);
}

static void respond_report(
    struct request *request, const struct record_report *report, const struct err *err)
{
	struct json_writer w;
	struct buffer details;

	buffer_init(&details, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &details);
	json_write_object(&w);
	json_write_key(&w, "validationReport");
	json_write_raw(&w, buffer_slice(&report->json));
	json_write_end(&w);
	respond_error_details(request, 400, &details, "%s", err->text);
}

static void respond_refusal(struct request *request, enum status st, const struct err *err)
{
	if (st == E_INVALID) {
		count_outcome(STREAMING_REFUSED);
		respond_error(request, 400, "%s", err->text);
	} else {
		count_outcome(st == E_BUSY ? STREAMING_BUSY : STREAMING_FAILED);
		respond_failure(request, st, err);
	}
}

/* --- Before the body is looked at ------------------------------------------------------------- */

/* A quota of the hosted service's, if its habits are asked for. */
static bool may_ask(struct request *request, struct api *api)
{
	int64_t wait_us;

	if (api->streaming_rate == NULL ||
	    rate_take(api->streaming_rate, clock_mono_us(), &wait_us))
		return true;
	count_outcome(STREAMING_BUSY);
	respond_header(request, "Retry-After", "1");
	respond_error(request, 429,
	    "%d streaming requests came in the last second, which is the most; try again in a "
	    "second, with more records in each.",
	    HOSTED_STREAMING_MAX);
	return false;
}

static bool read_coding(struct request *request)
{
	if (request_coding(request) == HTTP_CODING_NONE)
		return true;
	count_outcome(STREAMING_REFUSED);
	respond_error(request, 415,
	    "A streaming request's body must come as it is, without a Content-Encoding.");
	return false;
}

/* The shape of the path's object; or respond, NULL. */
static const struct shape *find_shape(struct request *request, struct api *api)
{
	struct slice connector = request_param(request, 0), object = request_param(request, 1);
	const struct shape *shape = NULL;
	struct err err = {{0}};
	enum status st;

	if (!may_ask(request, api) || !read_coding(request))
		return NULL;
	st = shape_get(api->shapes, connector, object, &shape, &err);
	if (st == E_NOT_FOUND) {
		count_outcome(STREAMING_REFUSED);
		api_respond_no_stream(request, connector, object);
	} else if (st != OK) {
		count_outcome(STREAMING_FAILED);
		respond_failure(request, st, &err);
	}
	return shape;
}

/* --- Accept ----------------------------------------------------------------------------------- */

/* Into the journal, durably; then whoever takes it to the lake is told. */
static void append(struct request *request, const struct shape *shape, const struct buffer *entry)
{
	struct api *api = request_context(request);
	struct err err = {{0}};
	int64_t end;
	enum status st =
	    journal_append(api->journal, shape->stream.journal, buffer_slice(entry), &end, &err);

	if (st == E_NOT_FOUND) {
		/* It was there a moment ago. */
		count_outcome(STREAMING_REFUSED);
		api_respond_no_stream(
		    request, slice_of(shape->stream.connector), slice_of(shape->stream.object));
		return;
	}
	if (st != OK) {
		respond_refusal(request, st, &err);
		return;
	}
	if (api->accepted != NULL)
		api->accepted(api->accepted_ctx, &shape->stream);
	count_outcome(STREAMING_ACCEPTED);
	metric_add(METRIC_STREAMING_BYTES, 0, (int64_t)request_body(request).len);
	respond_accepted(request, 202);
}

static void take_records(struct request *request, bool only_test)
{
	struct api *api = request_context(request);
	const struct shape *shape = find_shape(request, api);
	struct record_report report = {.count = 0};
	struct buffer entry;
	struct err err = {{0}};
	enum status st;

	if (shape == NULL)
		return;
	buffer_init(&entry, JOURNAL_ENTRY_BYTES_MAX);
	buffer_init(&report.json, API_ANSWER_BYTES_MAX);
	st =
	    records_read(shape->plan, request_body(request), clock_now_us(), &entry, &report, &err);
	if (st == E_CONFLICT) {
		count_outcome(STREAMING_REFUSED);
		respond_report(request, &report, &err);
	} else if (st != OK) {
		respond_refusal(request, st, &err);
	} else if (only_test) {
		count_outcome(STREAMING_VALID);
		respond_accepted(request, 200);
	} else {
		append(request, shape, &entry);
	}
	buffer_fini(&report.json);
	buffer_fini(&entry);
	shape_release(api->shapes, &shape);
}

void api_records_post(struct request *request)
{
	take_records(request, false);
}

void api_records_test(struct request *request)
{
	take_records(request, true);
}

/* --- Delete ----------------------------------------------------------------------------------- */

/* The keys, from the query string or the body, whichever there is. */
static enum status read_ids(
    struct request *request, const struct shape *shape, struct buffer *entry, struct err *err)
{
	struct slice body = request_body(request), ids;
	bool in_query = request_query(request, "ids", &ids) && ids.len > 0;

	if (in_query && body.len > 0)
		return err_set(err, E_INVALID,
		    "There are ids in the query string and a body, too; send one of them.");
	return in_query ? record_ids_split(shape->plan, ids, clock_now_us(), entry, err)
			: record_ids_read(shape->plan, body, clock_now_us(), entry, err);
}

void api_records_delete(struct request *request)
{
	struct api *api = request_context(request);
	const struct shape *shape = find_shape(request, api);
	struct buffer entry;
	struct err err = {{0}};
	enum status st;

	if (shape == NULL)
		return;
	buffer_init(&entry, JOURNAL_ENTRY_BYTES_MAX);
	st = read_ids(request, shape, &entry, &err);
	if (st == OK)
		append(request, shape, &entry);
	else
		respond_refusal(request, st, &err);
	buffer_fini(&entry);
	shape_release(api->shapes, &shape);
}
