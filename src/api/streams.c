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

static void respond_stream(struct request *request, unsigned status, const struct stream *stream)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	api_write_stream(&w, stream);
	respond_json(request, status, &body);
}

void api_stream_get(struct request *request)
{
	struct api *api = request_context(request);
	struct slice connector = request_param(request, 0), object = request_param(request, 1);
	struct stream stream;
	struct err err = {{0}};
	enum status st = catalog_stream_get(api->catalog, connector, object, &stream, &err);

	if (st == E_NOT_FOUND)
		respond_error(request, 404, "connector \"%.*s\" has no data stream for \"%.*s\".",
		    SLICE_ARGS(connector), SLICE_ARGS(object));
	else if (st != OK)
		respond_failure(request, st, &err);
	else
		respond_stream(request, 200, &stream);
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
		respond_stream(request, created ? 201 : 200, stream);
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
