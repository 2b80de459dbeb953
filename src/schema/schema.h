/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SCHEMA_SCHEMA_H
#define SLUICE_SCHEMA_SCHEMA_H

/*
 * A connector's schema: an OpenAPI 3.0.x document (YAML, or JSON, which YAML contains) read into
 * objects and typed fields.  Immutable once parsed, so any number of threads may read one.
 *
 *	schema_parse(text, problems, &schema, &err)
 *	schema_object(schema, name)
 *	schema_destroy(&schema)
 *
 * The rules are those of the Ingestion API's schema requirements.  Every rule that a document
 * breaks is reported, with its place.
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define SCHEMA_NAME_BYTES_MAX     80   /* of an object or field name */
#define SCHEMA_FIELDS_MAX         1000 /* of one object: the hosted service's limit */
#define SCHEMA_OBJECTS_MAX        1000 /* of one schema */
#define SCHEMA_DOCUMENT_BYTES_MAX (4 * 1024 * 1024)
#define SCHEMA_PROBLEMS_MAX       200 /* reported; more are only counted */

enum field_type {
	FIELD_STRING,
	FIELD_NUMBER,  /* DECIMAL(38,18) */
	FIELD_INTEGER, /* 64-bit signed */
	FIELD_BOOLEAN,
	FIELD_DATE,      /* days since 1970-01-01 */
	FIELD_DATE_TIME, /* microseconds since 1970-01-01T00:00:00Z */
};

/* "string", "number", "integer", "boolean", "date", "date-time": for messages. */
const char *field_type_name(enum field_type type);

struct field {
	const char *name;
	enum field_type type;
	const char *format; /* "email", "phone", "percent", "url" as annotation; else NULL */
	bool required;      /* the value must not be blank */
};

struct object {
	const char *name;
	const struct field *fields; /* in the document's order */
	size_t field_count;
};

struct schema {
	struct arena arena;           /* holds all below */
	const struct object *objects; /* in the document's order */
	size_t object_count;
};

/* What is wrong with a document, a line each ("components.schemas.orders.properties.total: …"). */
struct problems {
	struct arena *arena; /* the caller's, holds the texts */
	const char *texts[SCHEMA_PROBLEMS_MAX];
	size_t count; /* may be more than there are texts */
};

void problems_add(struct problems *problems, const char *format, ...) PRINTF_LIKE(2, 3);

/* Read ${document}.  ${problems} (initialised with an arena, count 0) takes every broken rule.
 * E_INVALID when there is at least one, and ${err} then says the first and how many more; E_NOMEM.
 * The caller destroys.  Does not block; any thread. */
enum status schema_parse(struct slice document, struct problems *problems,
    struct schema **ret_schema, struct err *err) WARN_UNUSED;
void schema_destroy(struct schema **schema);

/* NULL when there is none.  Names match exactly, case included. */
const struct object *schema_object(const struct schema *schema, struct slice name);
const struct field *object_field(const struct object *object, struct slice name);

/* May ${next} take the place of ${now}?  It may add objects and fields; it may neither
 * remove one nor change a field's type.  E_CONFLICT, with every refused change in
 * ${problems} and the first in ${err}. */
enum status schema_check_change(const struct schema *now, const struct schema *next,
    struct problems *problems, struct err *err) WARN_UNUSED;

/* Is ${name} made of a-z A-Z 0-9 _ - only, 1 to SCHEMA_NAME_BYTES_MAX of them? */
bool schema_name_is_valid(struct slice name);

#endif
