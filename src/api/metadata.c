/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to query, as the hosted service tells it: GET /api/v1/metadata.
 *
 * An entity a stream, by its view's name (<connector>_<object>__dll, fields <field>__c), in the
 * order of these names.  All of it is in the catalog, so the lake is not asked and a commit is not
 * waited for.  The documents are parsed one after the other, each once, and only those of which an
 * entity is asked for: an entity by its name costs one.
 *
 * Not here: the tables of problem records, which are no stream's.
 */
#include "api/handlers.h"

#include "catalog/catalog_schema.h"

#include <stdio.h>
#include <stdlib.h>

/* "connector_object__dll" and its NUL. */
#define ENTITY_NAME_BYTES (2 * SCHEMA_NAME_BYTES_MAX + sizeof("___dll"))
#define FIELD_NAME_BYTES  (SCHEMA_NAME_BYTES_MAX + sizeof("__c"))

struct entity {
	const struct stream *stream;
	char name[ENTITY_NAME_BYTES];
	size_t offset, length; /* of its JSON in struct answer; 0: its connector is gone */
};

/* --- Words ------------------------------------------------------------------------------------ */

/* Formats such as email are annotations of a string or a number, and told as what they annotate. */
static const struct {
	const char *type, *business_type;
} types[] = {
    [FIELD_STRING] = {"STRING", "TEXT"},
    [FIELD_NUMBER] = {"NUMBER", "NUMBER"},
    [FIELD_INTEGER] = {"NUMBER", "NUMBER"},
    [FIELD_BOOLEAN] = {"BOOLEAN", "BOOLEAN"},
    [FIELD_DATE] = {"DATE", "DATE"},
    [FIELD_DATE_TIME] = {"DATE_TIME", "DATE_TIME"},
};

/* The category that a stream's settings call Other is Related here. */
static const char *category_word(enum stream_category category)
{
	return category == STREAM_OTHER ? "Related" : stream_category_name(category);
}

/* --- The filters ------------------------------------------------------------------------------ */

struct filter {
	struct slice name; /* empty: any */
	bool of_all_categories;
	enum stream_category category;
	bool is_of_others; /* entities of a type that there are none of here */
};

/* A parameter with a value; an empty one is none. */
static bool read_parameter(struct request *request, const char *name, struct slice *ret_value)
{
	return request_query(request, name, ret_value) && ret_value->len > 0;
}

/* When a value is none that the filter takes, respond with 400 and return false. */
static bool read_filter(struct request *request, struct filter *ret_filter)
{
	struct filter filter = {.of_all_categories = true};
	struct slice text;

	if (read_parameter(request, "entityName", &text))
		filter.name = text;
	if (read_parameter(request, "entityType", &text)) {
		filter.is_of_others = !slice_is(text, "DataLakeObject");
		if (filter.is_of_others && !slice_is(text, "DataModelObject") &&
		    !slice_is(text, "CalculatedInsight")) {
			respond_error(request, 400,
			    "entityType is \"%.*s\"; it may be DataLakeObject, DataModelObject or "
			    "CalculatedInsight.",
			    SLICE_ARGS(text));
			return false;
		}
	}
	if (read_parameter(request, "entityCategory", &text)) {
		filter.of_all_categories = false;
		if (slice_is(text, "Related")) {
			filter.category = STREAM_OTHER;
		} else if (!stream_category_parse(text, &filter.category)) {
			respond_error(request, 400,
			    "entityCategory is \"%.*s\"; it may be Profile, Engagement or Related.",
			    SLICE_ARGS(text));
			return false;
		}
	}
	*ret_filter = filter;
	return true;
}

static bool matches(const struct filter *filter, const struct entity *entity)
{
	return !filter->is_of_others &&
	       (filter->of_all_categories || filter->category == entity->stream->category) &&
	       (filter->name.len == 0 || slice_is(filter->name, entity->name));
}

/* --- Rendering -------------------------------------------------------------------------------- */

/* "name" and "displayName" of a field, in the object that is open. */
static void write_names(struct json_writer *w, const char *field)
{
	char name[FIELD_NAME_BYTES];

	snprintf(name, sizeof(name), "%s__c", field);
	json_write_key(w, "name");
	json_write_text(w, name);
	json_write_key(w, "displayName");
	json_write_text(w, field);
}

static void write_fields(struct json_writer *w, const struct object *object)
{
	json_write_key(w, "fields");
	json_write_array(w);
	for (size_t i = 0; i < object->field_count; i++) {
		const struct field *field = &object->fields[i];

		json_write_object(w);
		write_names(w, field->name);
		json_write_key(w, "type");
		json_write_text(w, types[field->type].type);
		json_write_key(w, "businessType");
		json_write_text(w, types[field->type].business_type);
		json_write_end(w);
	}
	json_write_end(w);
}

static void write_empty_array(struct json_writer *w, const char *key)
{
	json_write_key(w, key);
	json_write_array(w);
	json_write_end(w);
}

static void write_entity(
    struct json_writer *w, const struct entity *entity, const struct object *object)
{
	const struct stream *stream = entity->stream;

	json_write_object(w);
	json_write_key(w, "name");
	json_write_text(w, entity->name);
	json_write_key(w, "displayName");
	json_write_text(w, stream->object);
	json_write_key(w, "category");
	json_write_text(w, category_word(stream->category));
	write_fields(w, object);
	write_empty_array(w, "indexes");
	write_empty_array(w, "relationships");
	json_write_key(w, "primaryKeys");
	json_write_array(w);
	json_write_object(w);
	write_names(w, stream->primary_key);
	json_write_key(w, "indexOrder");
	json_write_text(w, "1");
	json_write_end(w);
	json_write_end(w);
	json_write_end(w);
}

/* --- The answer ------------------------------------------------------------------------------- */

struct answer {
	struct request *request;
	struct api *api;
	struct entity *entities; /* those that match */
	size_t count;
	struct buffer pieces; /* their JSON, in the catalog's order: that of connectors */
};

static int compare_entities(const void *a, const void *b)
{
	const struct entity *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static enum status list_entities(
    struct answer *answer, const struct filter *filter, struct err *err)
{
	struct arena *arena = request_arena(answer->request);
	struct stream *streams = NULL;
	size_t count = 0;
	enum status st =
	    catalog_stream_list(answer->api->catalog, SLICE(""), arena, &streams, &count, err);

	if (st != OK)
		return st;
	answer->entities = arena_array(arena, count, sizeof(*answer->entities));
	if (answer->entities == NULL)
		return err_set(err, E_NOMEM, "no memory for the entities");
	for (size_t i = 0; i < count; i++) {
		struct entity *entity = &answer->entities[answer->count];

		*entity = (struct entity){.stream = &streams[i]};
		snprintf(entity->name, sizeof(entity->name), "%s_%s__dll", streams[i].connector,
		    streams[i].object);
		if (matches(filter, entity))
			answer->count++;
	}
	return OK;
}

/* Render the entities from ${first} on that are of one connector, and tell where the next one's
 * begin. */
static enum status render_connector(
    struct answer *answer, size_t first, size_t *ret_next, struct err *err)
{
	struct slice connector = slice_of(answer->entities[first].stream->connector);
	struct schema *schema = NULL;
	size_t i = first;
	enum status st = catalog_schema_get(answer->api->catalog, connector, &schema, err);

	if (st != OK && st != E_NOT_FOUND)
		return st;
	for (; i < answer->count; i++) {
		struct entity *entity = &answer->entities[i];
		const struct object *object = NULL;
		struct json_writer w;

		if (!slice_is(connector, entity->stream->connector))
			break;
		/* Deleted since it was listed, and perhaps made again? */
		if (schema != NULL)
			object = schema_object(schema, slice_of(entity->stream->object));
		if (object == NULL)
			continue;
		entity->offset = answer->pieces.len;
		json_write_begin(&w, &answer->pieces);
		write_entity(&w, entity, object);
		entity->length = answer->pieces.len - entity->offset;
	}
	schema_destroy(&schema);
	*ret_next = i;
	return OK;
}

static enum status render(struct answer *answer, struct err *err)
{
	enum status st = OK;

	for (size_t i = 0; st == OK && i < answer->count;)
		st = render_connector(answer, i, &i, err);
	if (st == OK && answer->pieces.failed)
		st = err_set(err, E_NOMEM, "no memory for the metadata");
	if (st == OK)
		qsort(answer->entities, answer->count, sizeof(*answer->entities), compare_entities);
	return st;
}

static void respond_entities(const struct answer *answer)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "metadata");
	json_write_array(&w);
	for (size_t i = 0; i < answer->count; i++) {
		const struct entity *entity = &answer->entities[i];

		if (entity->length > 0)
			json_write_raw(&w,
			    (struct slice){answer->pieces.ptr + entity->offset, entity->length});
	}
	json_write_end(&w);
	json_write_end(&w);
	respond_json(answer->request, 200, &body);
}

void api_metadata(struct request *request)
{
	struct answer answer = {.request = request, .api = request_context(request)};
	struct filter filter;
	struct err err = {{0}};
	enum status st;

	if (!read_filter(request, &filter))
		return;
	buffer_init(&answer.pieces, API_ANSWER_BYTES_MAX);
	st = list_entities(&answer, &filter, &err);
	if (st == OK)
		st = render(&answer, &err);
	if (st == OK)
		respond_entities(&answer);
	else
		respond_failure(request, st, &err);
	buffer_fini(&answer.pieces);
}
