/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_SHAPE_H
#define SLUICE_CATALOG_SHAPE_H

/*
 * The shape of an object: its fields and its stream's settings, read once and kept, since a
 * streaming request that parsed its connector's document first would do little else.
 *
 * A shape never changes.  A document or a setting that does makes a new one, which whoever asks
 * afterwards gets: a look at the catalog by key tells (the document's revision and the stream's
 * row), so that nobody has to be told.
 */

#include "catalog/catalog.h"
#include "schema/schema.h"

struct shapes;

/* Borrowed from the cache until shape_release. */
struct shape {
	struct stream stream;
	const struct object *object;
	/* One thing for the caller of shapes_create to hang on, made by its make(). */
	void *plan;
};

/* ${make} makes the plan of a new shape, ${destroy} ends it; both may be NULL. */
struct shape_plans {
	enum status (*make)(const struct object *object, const struct stream *stream,
	    void **ret_plan, struct err *err);
	void (*destroy)(void *plan);
};

/* Borrows ${catalog}.  Above ${shapes_max} shapes those go that nobody uses and that were not asked
 * for the longest.  E_NOMEM. */
enum status shapes_create(struct catalog *catalog, const struct shape_plans *plans,
    size_t shapes_max, struct shapes **ret_shapes, struct err *err) WARN_UNUSED;
/* Every shape was released.  NULL is fine. */
void shapes_destroy(struct shapes **shapes);

/* E_NOT_FOUND: no such connector, or the object has no stream.  Any thread; a short read, and when
 * the shape is new the parse of a document. */
enum status shape_get(struct shapes *shapes, struct slice connector, struct slice object,
    const struct shape **ret_shape, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void shape_release(struct shapes *shapes, const struct shape **shape);

#endif
