/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data streams: the settings of an object, and with them its table in the lake.
 *
 * Not here: the rules for settings (schema/stream.c), and removing a stream, which only goes with
 * its connector (connectors.c).
 */
#include "api/handlers.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/catalog_schema.h"
#include "lake/lake_table.h"

/* ${state}: how far it is applied; NULL: not told. */
static void respond_stream(struct request *request, unsigned status, const struct stream *stream,
    const struct applier_state *state)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	api_write_stream(&w, stream, state);
	respond_json(request, status, &body);
}

/* --- Read, and wait --------------------------------------------------------------------------- */

struct waiting {
	struct job_waiter waiter; /* first: the watch gives it back */
	struct request *request;
};

/* The stream that the path names, or a 404. */
static bool find_stream(struct request *request, struct stream *ret_stream)
{
	struct api *api = request_context(request);
	struct slice connector = request_param(request, 0), object = request_param(request, 1);
	struct err err = {{0}};
	enum status st = catalog_stream_get(api->catalog, connector, object, ret_stream, &err);

	if (st == E_NOT_FOUND)
		respond_error(request, 404, "connector \"%.*s\" has no data stream for \"%.*s\".",
		    SLICE_ARGS(connector), SLICE_ARGS(object));
	else if (st != OK)
		respond_failure(request, st, &err);
	return st == OK;
}

static void respond_now(struct request *request, const struct stream *stream)
{
	struct api *api = request_context(request);
	struct applier_state state;
	/* A log that cannot be read is told of by whoever applies it; the settings are there. */
	bool known = applier_state(api->applier, stream, &state, NULL) == OK;

	respond_stream(request, 200, stream, known ? &state : NULL);
}

static void answer_waiter(struct job_waiter *waiter)
{
	struct request *request = ((struct waiting *)waiter)->request;
	struct stream stream;

	if (find_stream(request, &stream))
		respond_now(request, &stream);
}

/* Until all is applied that was accepted when ${state} was looked at. */
static void wait_for_apply(struct request *request, const struct stream *stream,
    const struct applier_state *state, int64_t seconds)
{
	struct api *api = request_context(request);
	struct waiting *waiting = arena_alloc(request_arena(request), sizeof(*waiting));
	const int64_t position = state->accepted;
	struct applier_state again;
	struct err err;

	if (waiting == NULL) {
		respond_failure(request, err_set(&err, E_NOMEM, "no memory to wait"), &err);
		return;
	}
	strcpy(waiting->waiter.key, stream->journal);
	waiting->waiter.position = position;
	waiting->waiter.deadline_us = clock_mono_us() + seconds * 1000000;
	waiting->waiter.woken = answer_waiter;
	waiting->request = request;
	request_defer(request);
	job_watch_add(api->jobs->watch, &waiting->waiter);
	/* From here on the request may be answered and gone: only what is on our stack is ours.
	 * It was applied between the look and the add? */
	if (applier_state(api->applier, stream, &again, &err) != OK || again.applied >= position)
		job_watch_wake_reached(api->jobs->watch, stream->journal, position);
}

void api_stream_get(struct request *request)
{
	struct api *api = request_context(request);
	struct applier_state state;
	struct stream stream;
	int64_t seconds;

	if (!api_take_wait(request, &seconds) || !find_stream(request, &stream))
		return;
	if (seconds > 0 && applier_state(api->applier, &stream, &state, NULL) == OK &&
	    state.applied < state.accepted)
		wait_for_apply(request, &stream, &state, seconds);
	else
		respond_now(request, &stream);
}

/* --- Put -------------------------------------------------------------------------------------- */

/* A member that may be missing, into one of the stream's texts. */
static enum status take_name(
    const json_t *body, const char *member, char ret_name[STREAM_NAME_BYTES], struct err *err)
{
	struct slice text = {0};
	enum status st = json_member_text(body, member, &text, err);

	if (st == E_INVALID)
		return st;
	if (text.len > SCHEMA_NAME_BYTES_MAX)
		return err_set(err, E_INVALID, "\"%s\" is longer than any field's name", member);
	if (text.len > 0)
		memcpy(ret_name, text.ptr, text.len);
	ret_name[text.len] = '\0';
	return OK;
}

static enum status take_words(const json_t *body, struct stream *stream, struct err *err)
{
	struct slice text;
	enum status st = json_member_text(body, "category", &text, err);

	if (st == E_INVALID)
		return st;
	if (st == OK && !stream_category_parse(text, &stream->category))
		return err_set(err, E_INVALID,
		    "\"category\" is \"%.*s\"; it must be Profile, Engagement or Other",
		    SLICE_ARGS(text));
	st = json_member_text(body, "refreshMode", &text, err);
	if (st == E_INVALID)
		return st;
	if (st == OK && !stream_refresh_parse(text, &stream->refresh))
		return err_set(err, E_INVALID,
		    "\"refreshMode\" is \"%.*s\"; it must be Upsert or Partial", SLICE_ARGS(text));
	return OK;
}

/* What the body says; category and refresh mode default to Profile and Upsert. */
static enum status take_settings(const json_t *body, struct stream *stream, struct err *err)
{
	enum status st = take_name(body, "primaryKey", stream->primary_key, err);

	if (st == OK)
		st = take_name(body, "recordModifiedField", stream->record_modified_field, err);
	if (st == OK)
		st = take_name(body, "eventTimeField", stream->event_time_field, err);
	if (st == OK)
		st = take_words(body, stream, err);
	return st;
}

/* The rules: the settings fit the object, and what rows are stored by does not change. */
static enum status check(
    struct api *api, const struct stream *stream, const struct object *object, struct err *err)
{
	struct stream now;
	enum status st = stream_check(stream, object, err);

	if (st != OK)
		return st;
	st = catalog_stream_get(
	    api->catalog, slice_of(stream->connector), slice_of(stream->object), &now, err);
	if (st == E_NOT_FOUND)
		return OK;
	return st == OK ? stream_check_change(&now, stream, err) : st;
}

static void store(struct request *request, const struct stream *stream, const struct object *object)
{
	struct api *api = request_context(request);
	struct lake_table table;
	bool created = false;
	struct err err = {{0}};
	enum status st = check(api, stream, object, &err);

	/* The catalog first: it decides who has the table's name.  A crash before the table is
	 * there is mended at start, which makes the table of every stream. */
	if (st == OK)
		st = catalog_stream_put(api->catalog, stream, &created, &err);
	CRASH_POINT("stream.stored");
	if (st == OK) {
		table = lake_table_of(object, stream);
		st = lake_table_ensure(api->lake, &table, &err);
	}
	if (st == OK) {
		log_event(LOG_LEVEL_INFO, "stream.stored", "connector=%s object=%s primary_key=%s",
		    stream->connector, stream->object, stream->primary_key);
		respond_stream(request, created ? 201 : 200, stream, NULL);
	} else if (st == E_INVALID) {
		respond_error(request, 400, "%s.", err.text);
	} else if (st == E_CONFLICT) {
		respond_error(request, 409, "%s.", err.text);
	} else {
		respond_failure(request, st, &err);
	}
}

/* The object that the path names, or a 404. */
static const struct object *find_object(struct request *request, struct schema **ret_schema)
{
	struct api *api = request_context(request);
	struct slice connector = request_param(request, 0), name = request_param(request, 1);
	const struct object *object = NULL;
	struct err err = {{0}};
	enum status st = catalog_schema_get(api->catalog, connector, ret_schema, &err);

	if (st == E_NOT_FOUND) {
		respond_error(
		    request, 404, "there is no connector named \"%.*s\".", SLICE_ARGS(connector));
		return NULL;
	}
	if (st != OK) {
		respond_failure(request, st, &err);
		return NULL;
	}
	object = schema_object(*ret_schema, name);
	if (object == NULL)
		respond_error(request, 404,
		    "the schema of connector \"%.*s\" has no object \"%.*s\".",
		    SLICE_ARGS(connector), SLICE_ARGS(name));
	return object;
}

static void put(struct request *request, const json_t *body)
{
	struct stream stream = {.category = STREAM_PROFILE, .refresh = STREAM_UPSERT};
	struct slice connector = request_param(request, 0);
	struct schema *schema = NULL;
	const struct object *object = find_object(request, &schema);
	struct err err = {{0}};

	if (object == NULL)
		goto out;
	memcpy(stream.connector, connector.ptr, connector.len);
	strcpy(stream.object, object->name);
	if (take_settings(body, &stream, &err) == OK)
		store(request, &stream, object);
	else
		respond_error(request, 400, "%s.", err.text);
out:
	schema_destroy(&schema);
}

void api_stream_put(struct request *request)
{
	struct api *api = request_context(request);
	json_t *body = api_parse_object(request);

	if (body == NULL)
		return;
	/* The answer is given under the lock: nobody waits for it to be sent. */
	mutex_lock(&api->tables_mutex);
	put(request, body);
	mutex_unlock(&api->tables_mutex);
	json_decref(body);
}
