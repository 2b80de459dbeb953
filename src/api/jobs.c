/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk jobs: create, read, wait, list, close, abort, delete.
 *
 * Reading runs on the event thread: it is one look into the catalog.  A read that waits is parked
 * with the watch, and whoever wakes it answers; no thread stands still for it.
 */
#include "api/handlers.h"

#include "catalog/access.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_LIMIT_MAX 100
#define LIST_LIMIT     20
/* After which a client may ask again whether one of the jobs that are running has ended. */
#define QUOTA_RETRY_SECONDS 30

/* --- Create ----------------------------------------------------------------------------------- */

static void respond_quota(struct request *request, const struct job *job,
    const struct catalog_quota *quota, const struct catalog_quota_hit *hit)
{
	int64_t seconds = (hit->free_us - job->created_us + 999999) / 1000000;
	char retry_after[24];

	if (hit->part == QUOTA_OBJECT) {
		respond_error(request, 409,
		    "object \"%s\" of \"%s\" has a job that is not finished, %s, and may have "
		    "%" PRId64 " at a time; wait for its end, or abort it.",
		    job->object, job->connector, hit->job_id, quota->object_max);
		return;
	}
	/* Nobody knows when a job will end. */
	if (hit->part == QUOTA_ACTIVE)
		seconds = QUOTA_RETRY_SECONDS;
	snprintf(retry_after, sizeof(retry_after), "%" PRId64, seconds < 1 ? 1 : seconds);
	respond_header(request, "Retry-After", retry_after);
	if (hit->part == QUOTA_ACTIVE)
		respond_error(request, 429,
		    "There are %" PRId64
		    " jobs open or running, which is the most at a time; wait until one ends.",
		    quota->active_max);
	else
		respond_error(request, 429,
		    "%" PRId64 " jobs were created in the last hour, which is the most; the next "
		    "may be created "
		    "in %s seconds.",
		    quota->created_max, retry_after);
}

/* An optional boolean, false when it is not there; when it is something else, respond with 400 and
 * return false. */
static bool take_flag(struct request *request, const json_t *body, const char *name, bool *ret_flag)
{
	const json_t *value = json_object_get(body, name);

	*ret_flag = json_is_true(value);
	if (value == NULL || json_is_boolean(value))
		return true;
	respond_error(request, 400, "\"%s\" must be true or false.", name);
	return false;
}

static enum status insert(
    struct api *api, const struct job *job, struct catalog_quota_hit *ret_hit, struct err *err)
{
	return api->quota == NULL
		   ? catalog_job_create(api->catalog, job, err)
		   : catalog_job_create_within(api->catalog, job, api->quota, ret_hit, err);
}

static void create(struct request *request, const json_t *body)
{
	struct api *api = request_context(request);
	const struct catalog_token *token = request_user(request);
	struct slice connector, object, operation;
	struct catalog_quota_hit hit;
	struct stream stream;
	struct job job = {.state = JOB_OPEN};
	struct err err = {{0}};
	enum status st;

	if (!api_need_text(request, body, "object", &object) ||
	    !api_need_text(request, body, "sourceName", &connector) ||
	    !api_need_text(request, body, "operation", &operation) ||
	    !take_flag(request, body, "validateOnly", &job.validate_only))
		return;
	if (!job_operation_parse(operation, &job.operation)) {
		respond_error(request, 400,
		    "\"operation\" is \"%.*s\"; it must be \"upsert\" or \"delete\".",
		    SLICE_ARGS(operation));
		return;
	}
	st = catalog_stream_get(api->catalog, connector, object, &stream, &err);
	if (st == OK) {
		uuid_make(job.id);
		strcpy(job.connector, stream.connector);
		strcpy(job.object, stream.object);
		strcpy(job.created_by, token->user_id);
		job.created_us = job.modified_us = clock_now_us();
		st = insert(api, &job, &hit, &err);
	}
	if (st == E_NOT_FOUND)
		api_respond_no_stream(request, connector, object);
	else if (st == E_LIMIT)
		respond_quota(request, &job, api->quota, &hit);
	else if (st != OK)
		respond_failure(request, st, &err);
	else
		api_respond_job(request, 201, &job);
}

void api_job_create(struct request *request)
{
	json_t *body = api_parse_object(request);

	if (body == NULL)
		return;
	create(request, body);
	json_decref(body);
}

/* --- Read, and wait --------------------------------------------------------------------------- */

struct waiting {
	struct job_waiter waiter; /* first: the watch gives it back */
	struct request *request;
};

static void respond_now(struct request *request, struct slice id)
{
	struct api *api = request_context(request);
	struct job job;
	struct err err = {{0}};
	enum status st = catalog_job_get(api->catalog, id, &job, &err);

	if (st == E_NOT_FOUND)
		api_respond_no_job(request, id);
	else if (st != OK)
		respond_failure(request, st, &err);
	else
		api_respond_job(request, 200, &job);
}

static void answer_waiter(struct job_waiter *waiter)
{
	struct waiting *waiting = (struct waiting *)waiter;

	respond_now(waiting->request, slice_of(waiter->key));
}

static void wait_for_end(struct request *request, const struct job *job, int64_t seconds)
{
	struct api *api = request_context(request);
	struct waiting *waiting = arena_alloc(request_arena(request), sizeof(*waiting));
	char id[UUID_TEXT_BYTES];
	struct job again;
	struct err err;

	if (waiting == NULL) {
		respond_failure(request, err_set(&err, E_NOMEM, "no memory to wait"), &err);
		return;
	}
	strcpy(id, job->id);
	strcpy(waiting->waiter.key, id);
	waiting->waiter.deadline_us = clock_mono_us() + seconds * 1000000;
	waiting->waiter.woken = answer_waiter;
	waiting->request = request;
	request_defer(request);
	job_watch_add(api->jobs->watch, &waiting->waiter);
	/* From here on the request may be answered and gone: only ${id} and ${api} are ours. */
	if (catalog_job_get(api->catalog, slice_of(id), &again, NULL) != OK ||
	    job_state_is_final(again.state))
		job_watch_wake(
		    api->jobs->watch, id); /* it ended between the first look and the add */
}

void api_job_get(struct request *request)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0);
	int64_t seconds;
	struct job job;
	struct err err = {{0}};
	enum status st;

	if (!api_take_wait(request, &seconds))
		return;
	st = catalog_job_get(api->catalog, id, &job, &err);
	if (st == E_NOT_FOUND)
		api_respond_no_job(request, id);
	else if (st != OK)
		respond_failure(request, st, &err);
	else if (seconds == 0 || job_state_is_final(job.state))
		api_respond_job(request, 200, &job);
	else
		wait_for_end(request, &job, seconds);
}

/* --- List ------------------------------------------------------------------------------------- */

/* The first of two spellings that is there and not empty. */
static bool query_either(
    struct request *request, const char *name, const char *older, struct slice *ret_value)
{
	if (request_query(request, name, ret_value) && ret_value->len > 0)
		return true;
	return older != NULL && request_query(request, older, ret_value) && ret_value->len > 0;
}

static struct slice trim(struct slice text)
{
	while (text.len > 0 && text.ptr[0] == ' ')
		text = slice_skip(text, 1);
	while (text.len > 0 && text.ptr[text.len - 1] == ' ')
		text.len--;
	return text;
}

static bool parse_states(struct request *request, struct slice text, unsigned *ret_states)
{
	unsigned states = 0;
	enum job_state state;
	const char *comma;

	/* A word stands before each comma and behind the last, so "Open," has a bad one. */
	do {
		comma = memchr(text.ptr, ',', text.len);
		size_t length = comma == NULL ? text.len : (size_t)(comma - text.ptr);
		struct slice word = trim((struct slice){text.ptr, length});

		if (!job_state_parse(word, &state)) {
			respond_error(request, 400,
			    "\"states\" names \"%.*s\"; the states are Open, UploadComplete, "
			    "InProgress, "
			    "JobComplete, Failed and Aborted.",
			    SLICE_ARGS(word));
			return false;
		}
		states |= 1u << state;
		text = slice_skip(text, comma == NULL ? length : length + 1);
	} while (comma != NULL);
	*ret_states = states;
	return true;
}

/* "systemModstamp", "createdDate", each alone or with " asc" or " desc";
 * the newest first unless asc. */
static bool parse_order(
    struct request *request, struct slice text, struct catalog_job_filter *filter)
{
	struct slice whole = text = trim(text), direction = SLICE("desc");
	const char *space = memchr(text.ptr, ' ', text.len);

	if (space != NULL) {
		direction = trim(slice_skip(text, (size_t)(space - text.ptr)));
		text.len = (size_t)(space - text.ptr);
	}
	filter->ascending = slice_is_nocase(direction, "asc");
	filter->order =
	    slice_is_nocase(text, "createdDate") ? JOB_ORDER_CREATED : JOB_ORDER_MODIFIED;
	if ((filter->ascending || slice_is_nocase(direction, "desc")) &&
	    (filter->order == JOB_ORDER_CREATED || slice_is_nocase(text, "systemModstamp")))
		return true;
	respond_error(request, 400,
	    "\"orderBy\" is \"%.*s\"; it must be systemModstamp or createdDate, and asc or desc "
	    "may follow.",
	    SLICE_ARGS(whole));
	return false;
}

static bool parse_filter(struct request *request, struct catalog_job_filter *filter)
{
	struct slice text;

	*filter = (struct catalog_job_filter){.states = JOB_STATES_ALL, .limit = LIST_LIMIT};
	if (query_either(request, "limit", NULL, &text) &&
	    !api_parse_number(text, 1, LIST_LIMIT_MAX, &filter->limit)) {
		respond_error(request, 400, "\"limit\" is \"%.*s\"; it must be 1 to %d.",
		    SLICE_ARGS(text), LIST_LIMIT_MAX);
		return false;
	}
	if (query_either(request, "offset", NULL, &text) &&
	    !api_parse_number(text, 0, INT64_MAX, &filter->offset)) {
		respond_error(request, 400, "\"offset\" is \"%.*s\"; it must be 0 or more.",
		    SLICE_ARGS(text));
		return false;
	}
	if (query_either(request, "orderBy", "orderby", &text) &&
	    !parse_order(request, text, filter))
		return false;
	if (query_either(request, "states", "state", &text) &&
	    !parse_states(request, text, &filter->states))
		return false;
	query_either(request, "sourceName", NULL, &filter->connector);
	query_either(request, "object", NULL, &filter->object);
	return true;
}

void api_job_list(struct request *request)
{
	struct api *api = request_context(request);
	struct catalog_job_filter filter;
	struct job *jobs;
	size_t count;
	int64_t total;
	struct json_writer w;
	struct buffer body;
	struct err err = {{0}};
	enum status st;

	if (!parse_filter(request, &filter))
		return;
	st = catalog_job_list(
	    api->catalog, &filter, request_arena(request), &jobs, &count, &total, &err);
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
		api_write_job(&w, &jobs[i], api);
	json_write_end(&w);
	json_write_key(&w, "totalSize");
	json_write_int(&w, total);
	json_write_end(&w);
	respond_json(request, 200, &body);
}

/* --- Close, abort, delete --------------------------------------------------------------------- */

static const char *why_not(const struct job *job, const char *wish)
{
	if (strcmp(wish, "closed") == 0)
		return "so it can't be closed";
	if (job->state == JOB_OPEN)
		return "so it can't be deleted; close or abort it first";
	if (job->state == JOB_IN_PROGRESS)
		return strcmp(wish, "aborted") == 0 ? "so it can't be aborted any more"
						    : "so it can't be deleted; wait for its end";
	return "so it can't be aborted any more";
}

static void respond_change(struct request *request, struct slice id, enum status st,
    const struct job *job, const char *wish, const struct err *err)
{
	if (st == E_NOT_FOUND)
		api_respond_no_job(request, id);
	else if (st == E_CONFLICT)
		respond_error(request, 409, "job %s is %s, %s.", job->id,
		    job_state_name(job->state), why_not(job, wish));
	else
		respond_failure(request, st, err);
}

static void change_state(struct request *request, struct slice wanted)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0);
	bool close = slice_is(wanted, "UploadComplete");
	struct job job;
	struct err err = {{0}};
	enum status st;

	if (!close && !slice_is(wanted, "Aborted")) {
		respond_error(request, 400,
		    "\"state\" is \"%.*s\"; it must be \"UploadComplete\" or \"Aborted\".",
		    SLICE_ARGS(wanted));
		return;
	}
	st = close ? job_close(api->jobs, id, &job, &err) : job_abort(api->jobs, id, &job, &err);
	if (st == OK)
		api_respond_job(request, 200, &job);
	else
		respond_change(request, id, st, &job, close ? "closed" : "aborted", &err);
}

void api_job_patch(struct request *request)
{
	json_t *body = api_parse_object(request);
	struct slice wanted;

	if (body == NULL)
		return;
	if (api_need_text(request, body, "state", &wanted))
		change_state(request, wanted);
	json_decref(body);
}

void api_job_delete(struct request *request)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0);
	struct job job;
	struct err err = {{0}};
	enum status st = job_delete(api->jobs, id, &job, &err);

	if (st == OK)
		respond_empty(request, 204);
	else
		respond_change(request, id, st, &job, "deleted", &err);
}
