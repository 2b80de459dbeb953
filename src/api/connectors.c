/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connectors and their schemas.  A new document replaces the old one only when it keeps every
 * object and every field's type; the tables that follow from it are made and dropped by
 * job/tables.c.
 */
#include "api/handlers.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/catalog_schema.h"
#include "job/tables.h"

#include <inttypes.h>

/* --- Rendering -------------------------------------------------------------------------------- */

static void write_field(struct json_writer *w, const struct field *field)
{
	json_write_object(w);
	json_write_key(w, "name");
	json_write_text(w, field->name);
	json_write_key(w, "type");
	json_write_text(w, field_type_name(field->type));
	json_write_key(w, "format");
	json_write_text(w, field->format);
	json_write_key(w, "required");
	json_write_bool(w, field->required);
	json_write_end(w);
}

static void write_object(struct json_writer *w, const struct object *object,
    const struct stream *streams, size_t stream_count)
{
	const struct stream *stream = NULL;

	for (size_t i = 0; i < stream_count; i++) {
		if (strcmp(streams[i].object, object->name) == 0)
			stream = &streams[i];
	}
	json_write_object(w);
	json_write_key(w, "name");
	json_write_text(w, object->name);
	json_write_key(w, "fields");
	json_write_array(w);
	for (size_t i = 0; i < object->field_count; i++)
		write_field(w, &object->fields[i]);
	json_write_end(w);
	json_write_key(w, "stream");
	if (stream != NULL)
		api_write_stream(w, stream, NULL);
	else
		json_write_null(w);
	json_write_end(w);
}

static enum status write_connector(struct json_writer *w, struct request *request,
    const struct catalog_connector *connector, bool with_schema, struct err *err)
{
	struct api *api = request_context(request);
	struct slice name = slice_of(connector->name);
	char created[CLOCK_TEXT_BYTES], modified[CLOCK_TEXT_BYTES];
	struct stream *streams;
	size_t stream_count;
	struct schema *schema = NULL;
	enum status st = catalog_stream_list(
	    api->catalog, name, request_arena(request), &streams, &stream_count, err);

	if (st == OK)
		st = catalog_schema_get(api->catalog, name, &schema, err);
	if (st != OK)
		return st;
	json_write_object(w);
	json_write_key(w, "name");
	json_write_text(w, connector->name);
	json_write_key(w, "revision");
	json_write_int(w, connector->revision);
	json_write_key(w, "createdDate");
	json_write_text(w, clock_format_ms(created, connector->created_us));
	json_write_key(w, "modifiedDate");
	json_write_text(w, clock_format_ms(modified, connector->modified_us));
	json_write_key(w, "objects");
	json_write_array(w);
	for (size_t i = 0; i < schema->object_count; i++)
		write_object(w, &schema->objects[i], streams, stream_count);
	json_write_end(w);
	if (with_schema) {
		json_write_key(w, "schema");
		json_write_slice(w, connector->document);
	}
	json_write_end(w);
	schema_destroy(&schema);
	return OK;
}

static void respond_connector(struct request *request, unsigned status, struct slice name)
{
	struct api *api = request_context(request);
	struct catalog_connector connector;
	struct json_writer w;
	struct buffer body;
	struct err err = {{0}};
	enum status st =
	    catalog_connector_get(api->catalog, name, request_arena(request), &connector, &err);

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	if (st == OK)
		st = write_connector(&w, request, &connector, true, &err);
	if (st == OK) {
		respond_json(request, status, &body);
		return;
	}
	buffer_fini(&body);
	if (st == E_NOT_FOUND)
		respond_error(
		    request, 404, "there is no connector named \"%.*s\".", SLICE_ARGS(name));
	else
		respond_failure(request, st, &err);
}

void api_connector_get(struct request *request)
{
	respond_connector(request, 200, request_param(request, 0));
}

void api_connector_list(struct request *request)
{
	struct api *api = request_context(request);
	struct catalog_connector *connectors;
	size_t count = 0;
	struct json_writer w;
	struct buffer body;
	struct err err = {{0}};
	enum status st =
	    catalog_connector_list(api->catalog, request_arena(request), &connectors, &count, &err);

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "connectors");
	json_write_array(&w);
	for (size_t i = 0; st == OK && i < count; i++) {
		st = write_connector(&w, request, &connectors[i], false, &err);
		if (st == E_NOT_FOUND)
			st = OK; /* deleted since it was listed */
	}
	json_write_end(&w);
	json_write_end(&w);
	if (st == OK) {
		respond_json(request, 200, &body);
		return;
	}
	buffer_fini(&body);
	respond_failure(request, st, &err);
}

/* --- Put -------------------------------------------------------------------------------------- */

static void respond_problems(
    struct request *request, unsigned status, const struct problems *problems)
{
	size_t shown =
	    problems->count < SCHEMA_PROBLEMS_MAX ? problems->count : SCHEMA_PROBLEMS_MAX;
	struct json_writer w;
	struct buffer details, message;

	buffer_init(&details, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &details);
	json_write_object(&w);
	json_write_key(&w, "problemCount");
	json_write_int(&w, (int64_t)problems->count);
	json_write_key(&w, "problems");
	json_write_array(&w);
	for (size_t i = 0; i < shown; i++)
		json_write_text(&w, problems->texts[i]);
	json_write_end(&w);
	json_write_end(&w);
	buffer_init(&message, API_ANSWER_BYTES_MAX);
	buffer_put_text(
	    &message, status == 409 ? "the schema change is refused" : "The schema is not valid");
	if (problems->count > 1)
		buffer_printf(&message, " (%zu problems, see details)", problems->count);
	buffer_printf(&message, ": %s", problems->texts[0]);
	respond_error_details(
	    request, status, &details, "%.*s", SLICE_ARGS(buffer_slice(&message)));
	buffer_fini(&message);
}

/* The document that is there now, if any, must allow the new one. */
static enum status check_change(struct request *request, struct slice name,
    const struct schema *next, struct problems *problems, int64_t *ret_revision, struct err *err)
{
	struct api *api = request_context(request);
	struct catalog_connector connector;
	struct schema *now = NULL;
	enum status st =
	    catalog_connector_get(api->catalog, name, request_arena(request), &connector, err);

	if (st == E_NOT_FOUND) {
		*ret_revision = 0;
		return OK;
	}
	if (st == OK)
		st = catalog_schema_get(api->catalog, name, &now, err);
	if (st == OK)
		st = schema_check_change(now, next, problems, err);
	if (st == OK)
		*ret_revision = connector.revision;
	schema_destroy(&now);
	return st;
}

/* The document into the catalog, and its new columns into the lake.  ${ret_revision}
 * is the one that it replaced. */
static enum status store(struct request *request, struct slice name, const struct schema *schema,
    struct problems *problems, int64_t *ret_revision, struct err *err)
{
	struct api *api = request_context(request);
	enum status st;

	mutex_lock(&api->tables_mutex);
	st = check_change(request, name, schema, problems, ret_revision, err);
	if (st == OK)
		st = catalog_connector_put(
		    api->catalog, name, request_body(request), *ret_revision, err);
	/* A crash here leaves streams whose tables lack the new
	 * columns; the next start adds them. */
	CRASH_POINT("connector.stored");
	if (st == OK)
		st = tables_ensure(api->catalog, api->lake, name, err);
	mutex_unlock(&api->tables_mutex);
	return st;
}

void api_connector_put(struct request *request)
{
	struct slice name = request_param(request, 0), document = request_body(request);
	struct problems problems = {.arena = request_arena(request)};
	struct schema *schema = NULL;
	int64_t revision = 0;
	struct err err = {{0}};
	enum status st;

	if (!schema_name_is_valid(name)) {
		respond_error(request, 400,
		    "The connector name \"%.*s\" is not valid; it may have a-z A-Z 0-9 _ - and at "
		    "most %d "
		    "characters.",
		    SLICE_ARGS(name), SCHEMA_NAME_BYTES_MAX);
		return;
	}
	if (lake_name_is_reserved(arena_copy(request_arena(request), name))) {
		respond_error(request, 400,
		    "The connector name \"%.*s\" is reserved (PR and PR_… for problem records, the "
		    "others by SQL); choose another.",
		    SLICE_ARGS(name));
		return;
	}
	st = schema_parse(document, &problems, &schema, &err);
	if (st == OK)
		st = store(request, name, schema, &problems, &revision, &err);
	if (st == OK) {
		log_event(LOG_LEVEL_INFO, "connector.stored", "connector=%.*s revision=%" PRId64,
		    SLICE_ARGS(name), revision + 1);
		respond_connector(request, revision == 0 ? 201 : 200, name);
	} else if (problems.count > 0) {
		respond_problems(request, st == E_CONFLICT ? 409 : 400, &problems);
	} else if (st == E_CONFLICT) {
		respond_error(request, 409, "%s.", err.text);
	} else {
		respond_failure(request, st, &err);
	}
	schema_destroy(&schema);
}

/* --- Delete ----------------------------------------------------------------------------------- */

void api_connector_delete(struct request *request)
{
	struct api *api = request_context(request);
	struct slice name = request_param(request, 0);
	struct err err = {{0}};
	enum status st, dropped = OK;

	mutex_lock(&api->tables_mutex);
	st = catalog_connector_delete(api->catalog, name, &err);
	/* The catalog decides, and remembers which tables are to go: a crash here is
	 * finished by the next start, and a failure by the repeated request, though that
	 * says that there is no connector. */
	CRASH_POINT("connector.deleted");
	if (st == OK || st == E_NOT_FOUND)
		dropped = tables_drop(api->tables, name, &err);
	if (dropped != OK)
		st = dropped;
	mutex_unlock(&api->tables_mutex);
	if (st == OK)
		log_event(LOG_LEVEL_INFO, "connector.deleted", "connector=%.*s", SLICE_ARGS(name));
	if (st == OK)
		respond_empty(request, 204);
	else if (st == E_NOT_FOUND)
		respond_error(
		    request, 404, "there is no connector named \"%.*s\".", SLICE_ARGS(name));
	else if (st == E_CONFLICT)
		respond_error(request, 409,
		    "connector \"%.*s\" has jobs, so it can't be deleted; delete its jobs first.",
		    SLICE_ARGS(name));
	else
		respond_failure(request, st, &err);
}
