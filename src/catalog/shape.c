/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes: see shape.h.
 *
 * A table of shapes by name, a mutex around it, and a count of users in each.  Whoever asks reads
 * the stream's row first; a shape that was made of the same row and revision is given out, else a
 * new one is made, without the lock, and takes the old one's place.  A shape that was replaced goes
 * when its last user gives it back.
 *
 * A shape copies its one object out of the document's schema, so that a thousand objects of one
 * connector do not hold a thousand parsed documents.
 *
 * Not here: what a plan is.
 */
#include "catalog/shape.h"

#include "base/thread.h"
#include "catalog/catalog_schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct held_shape {
	struct shape shape; /* first */
	struct arena arena; /* the object */
	size_t users;       /* the table's place counts as none */
	bool is_replaced;   /* not in the table any more */
	uint64_t asked;     /* when, of the table's clock */
	struct held_shape *next;
};

struct shapes {
	struct catalog *catalog;
	struct shape_plans plans;
	size_t shapes_max;

	pthread_mutex_t mutex; /* guards all below, and the counts in the shapes */
	struct held_shape *buckets[BUCKETS];
	size_t count;
	uint64_t clock;
};

/* --- A shape ---------------------------------------------------------------------------------- */

static void destroy_shape(struct shapes *shapes, struct held_shape *held)
{
	if (held == NULL)
		return;
	if (held->shape.plan != NULL && shapes->plans.destroy != NULL)
		shapes->plans.destroy(held->shape.plan);
	arena_fini(&held->arena);
	free(held);
}

static const char *copy_text(struct arena *arena, const char *text, bool *ret_failed)
{
	const char *copy = text == NULL ? NULL : arena_copy(arena, slice_of(text));

	if (text != NULL && copy == NULL)
		*ret_failed = true;
	return copy;
}

/* NULL: no memory. */
static const struct object *copy_object(struct arena *arena, const struct object *object)
{
	struct object *copy = arena_alloc(arena, sizeof(*copy));
	struct field *fields = arena_array(arena, object->field_count, sizeof(*fields));
	bool failed = copy == NULL || fields == NULL;

	for (size_t i = 0; i < object->field_count && !failed; i++) {
		fields[i] = object->fields[i];
		fields[i].name = copy_text(arena, object->fields[i].name, &failed);
		fields[i].format = copy_text(arena, object->fields[i].format, &failed);
	}
	if (failed)
		return NULL;
	copy->name = copy_text(arena, object->name, &failed);
	copy->fields = fields;
	copy->field_count = object->field_count;
	return failed ? NULL : copy;
}

static enum status find_object(struct shapes *shapes, struct held_shape *held, struct err *err)
{
	const struct stream *stream = &held->shape.stream;
	const struct object *object;
	struct schema *schema = NULL;
	enum status st =
	    catalog_schema_get(shapes->catalog, slice_of(stream->connector), &schema, err);

	if (st != OK)
		return st;
	object = schema_object(schema, slice_of(stream->object));
	if (object == NULL) {
		st = err_set(err, E_IO, "the stored schema of %s has no %s", stream->connector,
		    stream->object);
	} else {
		held->shape.object = copy_object(&held->arena, object);
		if (held->shape.object == NULL)
			st = err_set(err, E_NOMEM, "no memory for the shape of an object");
	}
	schema_destroy(&schema);
	return st;
}

static enum status make_shape(struct shapes *shapes, const struct stream *stream,
    struct held_shape **ret_held, struct err *err)
{
	struct held_shape *held = calloc(1, sizeof(*held));
	enum status st;

	if (held == NULL)
		return err_set(err, E_NOMEM, "no memory for the shape of an object");
	held->shape.stream = *stream;
	arena_init(&held->arena, 4096);
	st = find_object(shapes, held, err);
	if (st == OK && shapes->plans.make != NULL)
		st = shapes->plans.make(
		    held->shape.object, &held->shape.stream, &held->shape.plan, err);
	if (st == OK)
		*ret_held = held;
	else
		destroy_shape(shapes, held);
	return st;
}

/* --- The table -------------------------------------------------------------------------------- */

static size_t bucket_of(const struct stream *stream)
{
	uint32_t hash = 2166136261u; /* FNV-1a, over a text that is this stream's for ever */

	for (const char *c = stream->journal; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash % BUCKETS;
}

/* Would a shape made now be like that of the same journal? */
static bool is_current(const struct held_shape *held, const struct stream *stream)
{
	const struct stream *made = &held->shape.stream;

	return made->revision == stream->revision && made->category == stream->category &&
	       made->refresh == stream->refresh &&
	       strcmp(made->primary_key, stream->primary_key) == 0 &&
	       strcmp(made->record_modified_field, stream->record_modified_field) == 0 &&
	       strcmp(made->event_time_field, stream->event_time_field) == 0;
}

/* By the journal, whose name tells a stream from one of the same name that was there before. */
static struct held_shape **find_locked(struct shapes *shapes, const struct stream *stream)
{
	struct held_shape **link = &shapes->buckets[bucket_of(stream)];

	while (*link != NULL && strcmp((*link)->shape.stream.journal, stream->journal) != 0)
		link = &(*link)->next;
	return link;
}

/* Take it out of the table; give it to be destroyed if nobody uses it, else NULL. */
static struct held_shape *unlink_locked(struct shapes *shapes, struct held_shape **link)
{
	struct held_shape *held = *link;

	*link = held->next;
	held->next = NULL;
	held->is_replaced = true;
	shapes->count--;
	return held->users == 0 ? held : NULL;
}

/* Of those that nobody uses, the one that was not asked for the longest; NULL when all are used. */
static struct held_shape **find_oldest_locked(struct shapes *shapes)
{
	struct held_shape **oldest = NULL;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct held_shape **link = &shapes->buckets[i]; *link != NULL;
		     link = &(*link)->next) {
			if ((*link)->users == 0 &&
			    (oldest == NULL || (*link)->asked < (*oldest)->asked))
				oldest = link;
		}
	}
	return oldest;
}

static const struct shape *use_locked(struct shapes *shapes, struct held_shape *held)
{
	held->users++;
	held->asked = ++shapes->clock;
	return &held->shape;
}

/* --- Calls ------------------------------------------------------------------------------------ */

enum status shapes_create(struct catalog *catalog, const struct shape_plans *plans,
    size_t shapes_max, struct shapes **ret_shapes, struct err *err)
{
	struct shapes *shapes = calloc(1, sizeof(*shapes));

	if (shapes == NULL)
		return err_set(err, E_NOMEM, "no memory for shapes");
	shapes->catalog = catalog;
	shapes->shapes_max = shapes_max;
	if (plans != NULL)
		shapes->plans = *plans;
	mutex_init(&shapes->mutex);
	*ret_shapes = shapes;
	return OK;
}

void shapes_destroy(struct shapes **shapes_ptr)
{
	struct shapes *shapes = *shapes_ptr;

	if (shapes == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (shapes->buckets[i] != NULL) {
			assert(shapes->buckets[i]->users == 0);
			destroy_shape(shapes, unlink_locked(shapes, &shapes->buckets[i]));
		}
	}
	mutex_fini(&shapes->mutex);
	free(shapes);
	*shapes_ptr = NULL;
}

/* The shape that the table has, if it is one that would be made now.  NULL: there is none. */
static const struct shape *find(struct shapes *shapes, const struct stream *stream)
{
	const struct shape *found = NULL;
	struct held_shape *held;

	mutex_lock(&shapes->mutex);
	held = *find_locked(shapes, stream);
	if (held != NULL && is_current(held, stream))
		found = use_locked(shapes, held);
	mutex_unlock(&shapes->mutex);
	return found;
}

/* Put it into the table, in place of an older one, and use it; or, when another thread was faster,
 * use that one's. */
static const struct shape *add(struct shapes *shapes, struct held_shape *made)
{
	struct held_shape **link, *dead = NULL, *evicted = NULL;
	const struct shape *shape;

	mutex_lock(&shapes->mutex);
	link = find_locked(shapes, &made->shape.stream);
	if (*link != NULL && is_current(*link, &made->shape.stream)) {
		shape = use_locked(shapes, *link);
		dead = made;
	} else {
		if (*link != NULL)
			dead = unlink_locked(shapes, link);
		made->next = shapes->buckets[bucket_of(&made->shape.stream)];
		shapes->buckets[bucket_of(&made->shape.stream)] = made;
		shapes->count++;
		shape = use_locked(shapes, made);
		link = shapes->count > shapes->shapes_max ? find_oldest_locked(shapes) : NULL;
		if (link != NULL)
			evicted = unlink_locked(shapes, link);
	}
	mutex_unlock(&shapes->mutex);
	destroy_shape(shapes, dead);
	destroy_shape(shapes, evicted);
	return shape;
}

enum status shape_get(struct shapes *shapes, struct slice connector, struct slice object,
    const struct shape **ret_shape, struct err *err)
{
	struct held_shape *made = NULL;
	struct stream stream;
	const struct shape *found;
	enum status st = catalog_stream_get(shapes->catalog, connector, object, &stream, err);

	if (st != OK)
		return st;
	found = find(shapes, &stream);
	if (found == NULL) {
		/* The document may be newer than the row that was just read; then the next look
		 * makes the shape once more. */
		st = make_shape(shapes, &stream, &made, err);
		if (st != OK)
			return st;
		found = add(shapes, made);
	}
	*ret_shape = found;
	return OK;
}

void shape_release(struct shapes *shapes, const struct shape **shape_ptr)
{
	/* The cache's own: it gave it out as one that does not change. */
	struct held_shape *held = (struct held_shape *)(uintptr_t)*shape_ptr;
	bool is_last;

	if (held == NULL)
		return;
	mutex_lock(&shapes->mutex);
	assert(held->users > 0);
	held->users--;
	is_last = held->users == 0 && held->is_replaced;
	mutex_unlock(&shapes->mutex);
	if (is_last)
		destroy_shape(shapes, held);
	*shape_ptr = NULL;
}
