/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of a data stream: see stream.h.  Pure checks; nothing is stored here.  The messages call
 * each setting as the wire does (primaryKey, recordModifiedField, eventTimeField).
 */
#include "schema/stream.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const category_names[] = {
    [STREAM_PROFILE] = "Profile",
    [STREAM_ENGAGEMENT] = "Engagement",
    [STREAM_OTHER] = "Other",
};

static const char *const refresh_names[] = {
    [STREAM_UPSERT] = "Upsert",
    [STREAM_PARTIAL] = "Partial",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const char *stream_category_name(enum stream_category category)
{
	assert((size_t)category < COUNT_OF(category_names));
	return category_names[category];
}

const char *stream_refresh_name(enum stream_refresh refresh)
{
	assert((size_t)refresh < COUNT_OF(refresh_names));
	return refresh_names[refresh];
}

bool stream_category_parse(struct slice text, enum stream_category *ret_category)
{
	for (size_t i = 0; i < COUNT_OF(category_names); i++) {
		if (slice_is(text, category_names[i])) {
			*ret_category = (enum stream_category)i;
			return true;
		}
	}
	return false;
}

bool stream_refresh_parse(struct slice text, enum stream_refresh *ret_refresh)
{
	for (size_t i = 0; i < COUNT_OF(refresh_names); i++) {
		if (slice_is(text, refresh_names[i])) {
			*ret_refresh = (enum stream_refresh)i;
			return true;
		}
	}
	return false;
}

/* A setting that names a field, and which types the field may have. */
struct setting {
	const char *name;
	const char *value;
	unsigned types; /* a bit each, 1 << enum field_type */
	const char *types_text;
};

#define ANY_TYPE ~0U

/* The names of the object's fields that the setting could have named: as
 * many as fit into some lines. */
struct candidates {
	char text[400];
};

static struct candidates list_candidates(const struct setting *setting, const struct object *object)
{
	struct candidates list = {"none"};
	size_t used = 0;

	for (size_t i = 0; i < object->field_count; i++) {
		const struct field *field = &object->fields[i];

		if ((setting->types >> field->type & 1U) == 0)
			continue;
		if (used + strlen(field->name) + sizeof(", , …") > sizeof(list.text)) {
			memcpy(list.text + used, ", …", sizeof(", …"));
			break;
		}
		used += (size_t)snprintf(list.text + used, sizeof(list.text) - used, "%s%s",
		    used == 0 ? "" : ", ", field->name);
	}
	return list;
}

/* Does the setting name a field of one of its types? */
static enum status check_field(
    const struct setting *setting, const struct object *object, struct err *err)
{
	const struct field *field = object_field(object, slice_of(setting->value));

	if (setting->value[0] == '\0')
		return err_set(err, E_INVALID, "%s is missing; it must name %s of %s (it has: %s)",
		    setting->name, setting->types_text, object->name,
		    list_candidates(setting, object).text);
	if (field == NULL)
		return err_set(err, E_INVALID,
		    "%s \"%s\" is no field of %s; it must name %s (it has: %s)", setting->name,
		    setting->value, object->name, setting->types_text,
		    list_candidates(setting, object).text);
	if ((setting->types >> field->type & 1U) == 0)
		return err_set(err, E_INVALID,
		    "%s \"%s\" is a field of type %s; it must name %s of %s (it has: %s)",
		    setting->name, setting->value, field_type_name(field->type),
		    setting->types_text, object->name, list_candidates(setting, object).text);
	return OK;
}

static enum status check_event_time(
    const struct stream *stream, const struct object *object, struct err *err)
{
	const struct setting setting = {"eventTimeField", stream->event_time_field,
	    1U << FIELD_DATE_TIME | 1U << FIELD_DATE, "a date-time or date field"};

	if (stream->category == STREAM_ENGAGEMENT)
		return check_field(&setting, object, err);
	if (stream->event_time_field[0] != '\0')
		return err_set(err, E_INVALID,
		    "eventTimeField \"%s\" is for the category Engagement only; leave it out, for "
		    "the "
		    "category is %s",
		    stream->event_time_field, stream_category_name(stream->category));
	return OK;
}

static enum status check_record_modified(
    const struct stream *stream, const struct object *object, struct err *err)
{
	const struct setting setting = {"recordModifiedField", stream->record_modified_field,
	    1U << FIELD_DATE_TIME, "a date-time field"};

	if (stream->record_modified_field[0] == '\0')
		return OK;
	if (stream->category == STREAM_ENGAGEMENT)
		return err_set(err, E_INVALID,
		    "recordModifiedField \"%s\" is for the categories Profile and Other only; "
		    "leave it "
		    "out, for the category is Engagement",
		    stream->record_modified_field);
	return check_field(&setting, object, err);
}

bool stream_is_same(const struct stream *a, const struct stream *b)
{
	return strcmp(a->connector, b->connector) == 0 && strcmp(a->object, b->object) == 0 &&
	       a->category == b->category && a->refresh == b->refresh &&
	       strcmp(a->primary_key, b->primary_key) == 0 &&
	       strcmp(a->record_modified_field, b->record_modified_field) == 0 &&
	       strcmp(a->event_time_field, b->event_time_field) == 0 &&
	       strcmp(a->journal, b->journal) == 0 && a->revision == b->revision;
}

enum status stream_check(const struct stream *stream, const struct object *object, struct err *err)
{
	const struct setting primary_key = {"primaryKey", stream->primary_key, ANY_TYPE, "a field"};
	enum status status = check_field(&primary_key, object, err);

	if (status == OK)
		status = check_record_modified(stream, object, err);
	if (status == OK)
		status = check_event_time(stream, object, err);
	return status;
}

enum status stream_check_change(
    const struct stream *now, const struct stream *next, struct err *err)
{
	if (strcmp(now->primary_key, next->primary_key) != 0)
		return err_set(err, E_CONFLICT,
		    "primaryKey is \"%s\" and can't become \"%s\": rows are stored by it",
		    now->primary_key, next->primary_key);
	if (strcmp(now->record_modified_field, next->record_modified_field) != 0)
		return err_set(err, E_CONFLICT,
		    "recordModifiedField is \"%s\" and can't become \"%s\": rows are stored by it",
		    now->record_modified_field, next->record_modified_field);
	return OK;
}
