/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas, once read: see schema.h.  The way in has three steps: document.c makes a tree
 * of the text (what it can't read at all is the only problem then), openapi.c makes
 * objects of the tree, and this file puts the two together, owns the result, looks names
 * up in it, and compares two of them.
 */
#include "schema/schema.h"

#include "schema/document.h"
#include "schema/openapi.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A usual document of some kilobytes becomes a tree of one block. */
#define TREE_BLOCK_BYTES (64 * 1024)

/* --- saying what is wrong --------------------------------------------------------------------- */

static void add_problem(struct problems *problems, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void add_problem(struct problems *problems, const char *format, va_list args)
{
	char text[1024];
	const char *copy;

	if (problems->count++ >= SCHEMA_PROBLEMS_MAX)
		return;
	vsnprintf(text, sizeof(text), format, args);
	copy = arena_copy(problems->arena, slice_of(text));
	problems->texts[problems->count - 1] = copy == NULL ? "no memory for the text" : copy;
}

void problems_add(struct problems *problems, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_problem(problems, format, args);
	va_end(args);
}

/* The first problem and how many more there are, for the error. */
static enum status sum_up(const struct problems *problems, enum status status, struct err *err)
{
	if (problems->count == 1)
		return err_set(err, status, "%s", problems->texts[0]);
	return err_set(err, status, "%.900s; and %zu more problem%s", problems->texts[0],
	    problems->count - 1, problems->count == 2 ? "" : "s");
}

/* --- names ------------------------------------------------------------------------------------ */

bool schema_name_is_valid(struct slice name)
{
	if (name.len == 0 || name.len > SCHEMA_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* --- the public functions --------------------------------------------------------------------- */

const char *field_type_name(enum field_type type)
{
	static const char *const names[] = {
	    [FIELD_STRING] = "string",
	    [FIELD_NUMBER] = "number",
	    [FIELD_INTEGER] = "integer",
	    [FIELD_BOOLEAN] = "boolean",
	    [FIELD_DATE] = "date",
	    [FIELD_DATE_TIME] = "date-time",
	};

	assert((size_t)type < sizeof(names) / sizeof(names[0]));
	return names[type];
}

/* Fill ${schema}; whatever comes, its arena is the caller's to end. */
static enum status parse_into(
    struct schema *schema, struct slice text, struct problems *problems, struct err *err)
{
	struct document document;
	struct arena tree;
	struct err reason;
	enum status status;

	if (text.len > SCHEMA_DOCUMENT_BYTES_MAX) {
		problems_add(problems, "the document: it has %zu bytes; it may have at most %d",
		    text.len, SCHEMA_DOCUMENT_BYTES_MAX);
		return sum_up(problems, E_INVALID, err);
	}
	arena_init(&tree, TREE_BLOCK_BYTES);
	status = document_parse(text, &tree, &document, &reason);
	if (status == OK)
		status = openapi_read(&document, schema, problems);
	else if (status == E_INVALID)
		problems_add(problems, "the document: %s", reason.text);
	arena_fini(&tree);
	if (status == E_NOMEM)
		return err_set(err, E_NOMEM, "no memory for the schema");
	return problems->count == 0 ? OK : sum_up(problems, E_INVALID, err);
}

enum status schema_parse(
    struct slice document, struct problems *problems, struct schema **ret_schema, struct err *err)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	enum status status;

	assert(problems->arena != NULL);
	assert(problems->count == 0);
	if (schema == NULL)
		return err_set(err, E_NOMEM, "no memory for the schema");
	arena_init(&schema->arena, 4096);
	status = parse_into(schema, document, problems, err);
	if (status == OK)
		*ret_schema = schema;
	else
		schema_destroy(&schema);
	return status;
}

void schema_destroy(struct schema **schema)
{
	if (*schema == NULL)
		return;
	arena_fini(&(*schema)->arena);
	free(*schema);
	*schema = NULL;
}

const struct object *schema_object(const struct schema *schema, struct slice name)
{
	for (size_t i = 0; i < schema->object_count; i++) {
		if (slice_is(name, schema->objects[i].name))
			return &schema->objects[i];
	}
	return NULL;
}

const struct field *object_field(const struct object *object, struct slice name)
{
	for (size_t i = 0; i < object->field_count; i++) {
		if (slice_is(name, object->fields[i].name))
			return &object->fields[i];
	}
	return NULL;
}

static void check_object_change(
    const struct object *now, const struct object *next, struct problems *problems)
{
	for (size_t i = 0; i < now->field_count; i++) {
		const struct field *old = &now->fields[i];
		const struct field *new = object_field(next, slice_of(old->name));

		if (new == NULL)
			problems_add(
			    problems, "%s.%s: the field can't be removed", now->name, old->name);
		else if (new->type != old->type)
			problems_add(problems, "%s.%s: type %s can't become %s", now->name,
			    old->name, field_type_name(old->type), field_type_name(new->type));
	}
}

enum status schema_check_change(
    const struct schema *now, const struct schema *next, struct problems *problems, struct err *err)
{
	assert(problems->count == 0);
	for (size_t i = 0; i < now->object_count; i++) {
		const struct object *old = &now->objects[i];
		const struct object *new = schema_object(next, slice_of(old->name));

		if (new == NULL)
			problems_add(problems, "%s: the object can't be removed", old->name);
		else
			check_object_change(old, new, problems);
	}
	return problems->count == 0 ? OK : sum_up(problems, E_CONFLICT, err);
}
