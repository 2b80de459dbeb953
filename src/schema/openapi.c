/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OpenAPI document's tree into objects and fields: see openapi.h.
 *
 * It goes over the tree in passes, each of which reports what it finds and goes on:
 *
 *	1. flaws of the tree itself (keys given twice, aliases), and the openapi version
 *	2. which entries of components.schemas some $ref points to
 *	3. every entry that is written out: an object with its fields, or a named type such as
 *	   `type: string`
 *	4. every entry that is only a $ref to another: it shares that one's fields, so they are read
 *	   and reported once
 *	5. names and number of the objects
 *
 * Not here: paths, info and the other parts of OpenAPI, which mean nothing to ingestion and
 * aren't looked at; nor the constraints (enum, maxLength, minimum ...), which the hosted
 * service does not check either.
 */
#include "schema/openapi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A $ref may lead to another; this many are followed. */
#define REFS_MAX 16

#define REF_PREFIX "#/components/schemas/"

/* Every type and format that has a meaning.  Any other format is taken for none,
 * as the hosted service does. */
static const struct known_type {
	const char *type;
	const char *format; /* NULL: without one */
	enum field_type field_type;
	bool annotates;
} known_types[] = {
    {"string", NULL, FIELD_STRING, false},
    {"string", "date", FIELD_DATE, false},
    {"string", "date-time", FIELD_DATE_TIME, false},
    {"string", "email", FIELD_STRING, true},
    {"string", "phone", FIELD_STRING, true},
    {"string", "url", FIELD_STRING, true},
    {"number", NULL, FIELD_NUMBER, false},
    {"number", "percent", FIELD_NUMBER, true},
    {"integer", NULL, FIELD_INTEGER, false},
    {"boolean", NULL, FIELD_BOOLEAN, false},
};

/* Column names that the hosted service keeps for itself. */
static const char *const reserved_names[] = {"date_id", "location_id", "dat_account_currency",
    "dat_exchange_rate", "pacing_period", "pacing_end_date", "row_count", "version"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One entry of components.schemas. */
struct entry {
	const struct node *node;
	bool is_object;
	bool is_type;    /* a named primitive type */
	bool referenced; /* some $ref points to it */
	const struct field *fields;
	size_t field_count;
};

struct reading {
	struct problems *problems;
	struct arena *arena; /* the schema's */
	const struct node *root;
	const struct node *schemas; /* components.schemas */
	struct entry *entries;      /* as many as it has children, in order */
	struct schema *schema;
	bool no_memory;
};

/* --- saying what is wrong --------------------------------------------------------------------- */

/* "place: what is wrong (line 12)"; ${node} is where. */
static void complain(struct reading *r, const struct node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void complain(struct reading *r, const struct node *node, const char *format, ...)
{
	char text[448];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problems_add(r->problems, "%s: %s (line %zu)",
	    node->parent == NULL ? "the document" : node_place(node).text, text, node->line);
}

/* --- names ------------------------------------------------------------------------------------ */

static void check_name(struct reading *r, const struct node *node, const char *what)
{
	if (node->key.len == 0)
		complain(r, node, "the %s name is empty", what);
	else if (node->key.len > SCHEMA_NAME_BYTES_MAX)
		complain(r, node, "the %s name has %zu bytes; it may have at most %d", what,
		    node->key.len, SCHEMA_NAME_BYTES_MAX);
	else if (!schema_name_is_valid(node->key))
		complain(r, node, "the %s name may be made of a-z A-Z 0-9 _ - only", what);
}

static void check_field_name(struct reading *r, const struct node *node)
{
	check_name(r, node, "field");
	if (memmem(node->key.ptr, node->key.len, "__", 2) != NULL)
		complain(r, node, "a field name can't hold two underscores in a row");
	for (size_t i = 0; i < COUNT_OF(reserved_names); i++) {
		if (slice_is_nocase(node->key, reserved_names[i]))
			complain(r, node, "the field name \"%s\" is reserved; choose another",
			    reserved_names[i]);
	}
}

/* Without regard to case; the same names by their place in the text.  Valid
 * names only, so no NUL is inside. */
static int compare_nocase(const void *a_, const void *b_)
{
	const struct node *a = *(const struct node *const *)a_;
	const struct node *b = *(const struct node *const *)b_;
	int order = strcasecmp(a->key.ptr, b->key.ptr);

	if (order != 0)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Report the names that differ from an earlier one in case only.
 * ${nodes} is put in another order. */
static void check_case(struct reading *r, const struct node **nodes, size_t count, const char *what)
{
	const struct node *first = NULL;

	if (count > 1)
		qsort(nodes, count, sizeof(struct node *), compare_nocase);
	for (size_t i = 0; i < count; i++) {
		if (first == NULL || strcasecmp(first->key.ptr, nodes[i]->key.ptr) != 0) {
			first = nodes[i];
			continue;
		}
		complain(r, nodes[i],
		    "the %s name differs from \"%s\" (line %zu) in case only; choose another", what,
		    first->key.ptr, first->line);
	}
}

/* --- $ref ------------------------------------------------------------------------------------- */

/* The entry that ${node}'s $ref names; NULL after a complaint. */
static struct entry *find_target(struct reading *r, const struct node *node)
{
	const struct node *ref = node_get(node, SLICE("$ref")), *target;

	if (ref->kind == NODE_ALIAS)
		return NULL;
	if (ref->kind != NODE_TEXT || !slice_starts(ref->text, slice_of(REF_PREFIX))) {
		complain(r, node, "$ref \"%s\" is not supported; it must begin with %s",
		    show(ref->text).text, REF_PREFIX);
		return NULL;
	}
	target = node_get(r->schemas, slice_skip(ref->text, strlen(REF_PREFIX)));
	if (target == NULL) {
		complain(r, node, "$ref \"%s\" points to nothing", show(ref->text).text);
		return NULL;
	}
	return &r->entries[target->index];
}

/* Follow ${node}'s $ref to an entry that is none itself; NULL after a complaint. */
static struct entry *follow_refs(struct reading *r, const struct node *node)
{
	const struct node *at = node;
	struct entry *seen[REFS_MAX], *entry;

	for (size_t count = 0; count < REFS_MAX; count++) {
		entry = find_target(r, at);
		if (entry == NULL)
			return NULL;
		for (size_t i = 0; i < count; i++) {
			if (seen[i] == entry) {
				complain(r, node, "its $ref leads in a circle");
				return NULL;
			}
		}
		if (node_get(entry->node, SLICE("$ref")) == NULL)
			return entry;
		seen[count] = entry;
		at = entry->node;
	}
	complain(r, node, "its $ref leads through more than %d others", REFS_MAX);
	return NULL;
}

/* Mark the entries that a $ref anywhere in the document names.  The
 * depth of the tree is bounded. */
static void mark_referenced(struct reading *r, const struct node *node)
{
	const struct node *target;

	for (const struct node *child = node->first_child; child != NULL;
	     child = child->next_child) {
		mark_referenced(r, child);
		if (!slice_is(child->key, "$ref") || child->kind != NODE_TEXT ||
		    !slice_starts(child->text, slice_of(REF_PREFIX)))
			continue;
		target = node_get(r->schemas, slice_skip(child->text, strlen(REF_PREFIX)));
		if (target != NULL)
			r->entries[target->index].referenced = true;
	}
}

/* --- fields ----------------------------------------------------------------------------------- */

/* Is ${node} a mapping?  A complaint when not, unless it is an alias: that was reported. */
static bool expect_mapping(struct reading *r, const struct node *node, const char *what)
{
	if (node->kind != NODE_MAPPING && node->kind != NODE_ALIAS)
		complain(r, node, "%s", what);
	return node->kind == NODE_MAPPING;
}

/* allOf and its like; a complaint when there is one. */
static bool is_composed(struct reading *r, const struct node *node, const struct node *place)
{
	static const char *const words[] = {"allOf", "oneOf", "anyOf", "not"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (node_get(node, slice_of(words[i])) != NULL) {
			complain(r, place, "%s is not supported; write the type out", words[i]);
			return true;
		}
	}
	return false;
}

static const struct known_type *find_type(struct slice type, struct slice format)
{
	const struct known_type *plain = NULL;

	for (size_t i = 0; i < COUNT_OF(known_types); i++) {
		if (!slice_is(type, known_types[i].type))
			continue;
		if (known_types[i].format == NULL)
			plain = &known_types[i];
		else if (slice_is(format, known_types[i].format))
			return &known_types[i];
	}
	return plain;
}

/* The type that ${node} says, for the field at ${place}; NULL after a complaint. */
static const struct known_type *read_type(
    struct reading *r, const struct node *node, const struct node *place)
{
	const struct node *type = node_get(node, SLICE("type"));
	const struct node *format = node_get(node, SLICE("format"));
	const struct known_type *known;

	if (is_composed(r, node, place))
		return NULL;
	if (node_is(type, "object") ||
	    (type == NULL && node_get(node, SLICE("properties")) != NULL)) {
		complain(r, place, "a field can't be an object; nested objects are not supported");
		return NULL;
	}
	if (node_is(type, "array") || (type == NULL && node_get(node, SLICE("items")) != NULL)) {
		complain(r, place, "a field can't be an array; arrays are not supported");
		return NULL;
	}
	if (type == NULL) {
		complain(r, place, "it has no type; give string, number, integer or boolean");
		return NULL;
	}
	if (type->kind == NODE_ALIAS || (format != NULL && format->kind == NODE_ALIAS))
		return NULL;
	if (type->kind != NODE_TEXT) {
		complain(r, place, "its type must be one word: string, number, integer or boolean");
		return NULL;
	}
	if (format != NULL && format->kind != NODE_TEXT) {
		complain(r, place, "its format must be one word");
		return NULL;
	}
	known = find_type(type->text, format == NULL ? SLICE("") : format->text);
	if (known == NULL)
		complain(r, place,
		    "type \"%s\" is not known; it may be string, number, integer or boolean",
		    show(type->text).text);
	return known;
}

static void read_field(struct reading *r, const struct node *property, struct field *field)
{
	const struct node *node = property;
	const struct known_type *known;
	const struct entry *entry;

	check_field_name(r, property);
	field->name = arena_copy(r->arena, property->key);
	if (field->name == NULL)
		r->no_memory = true;
	if (!expect_mapping(r, property, "a field must be a mapping with a type"))
		return;
	if (node_get(property, SLICE("$ref")) != NULL) {
		entry = follow_refs(r, property);
		if (entry == NULL)
			return;
		node = entry->node;
		if (node->kind != NODE_MAPPING) /* reported where it stands */
			return;
	}
	known = read_type(r, node, property);
	if (known == NULL)
		return;
	field->type = known->field_type;
	field->format = known->annotates ? known->format : NULL;
}

/* The object's list of fields whose value must not be blank. */
static void read_required(struct reading *r, const struct node *object, struct field *fields)
{
	const struct node *required = node_get(object, SLICE("required"));
	const struct node *properties = node_get(object, SLICE("properties")), *property;

	if (required == NULL || required->kind == NODE_ALIAS)
		return;
	if (required->kind != NODE_SEQUENCE) {
		complain(r, required, "it must be a list of field names");
		return;
	}
	for (const struct node *item = required->first_child; item != NULL;
	     item = item->next_child) {
		if (item->kind == NODE_ALIAS)
			continue;
		if (item->kind != NODE_TEXT) {
			complain(r, item, "it must be a field name");
			continue;
		}
		property = node_get(properties, item->text);
		if (property == NULL)
			complain(r, item, "\"%s\" is none of the object's fields",
			    show(item->text).text);
		else
			fields[property->index].required = true;
	}
}

static void check_fields_case(struct reading *r, const struct node *properties)
{
	const struct node *valid[SCHEMA_FIELDS_MAX];
	size_t count = 0;

	for (const struct node *p = properties->first_child; p != NULL; p = p->next_child) {
		if (schema_name_is_valid(p->key))
			valid[count++] = p;
	}
	check_case(r, valid, count, "field");
}

/* --- entries of components.schemas ------------------------------------------------------------ */

static void read_object(struct reading *r, struct entry *entry)
{
	const struct node *properties = node_get(entry->node, SLICE("properties")), *property;
	struct field *fields;

	entry->is_object = true;
	if (properties == NULL) {
		complain(r, entry->node, "the object has no properties; it needs at least one");
		return;
	}
	if (!expect_mapping(r, properties, "it must be a mapping of field names to types"))
		return;
	if (properties->child_count == 0) {
		complain(r, properties, "there are no fields; an object needs at least one");
		return;
	}
	if (properties->child_count > SCHEMA_FIELDS_MAX) {
		complain(r, properties, "there are %zu fields; an object may have at most %d",
		    properties->child_count, SCHEMA_FIELDS_MAX);
		return;
	}
	fields = arena_array(r->arena, properties->child_count, sizeof(*fields));
	if (fields == NULL) {
		r->no_memory = true;
		return;
	}
	for (property = properties->first_child; property != NULL; property = property->next_child)
		read_field(r, property, &fields[property->index]);
	read_required(r, entry->node, fields);
	check_fields_case(r, properties);
	entry->fields = fields;
	entry->field_count = properties->child_count;
}

static void read_entry(struct reading *r, struct entry *entry)
{
	const struct node *node = entry->node, *type = node_get(node, SLICE("type"));

	if (!expect_mapping(r, node, "an object must be a mapping with type and properties"))
		return;
	if (is_composed(r, node, node))
		return;
	if (node_is(type, "object") ||
	    (type == NULL && node_get(node, SLICE("properties")) != NULL)) {
		read_object(r, entry);
	} else if (type == NULL) {
		complain(r, node, "it is not an object: it has neither type nor properties");
	} else if (type->kind == NODE_TEXT) {
		entry->is_type = find_type(type->text, SLICE("")) != NULL;
		if (!entry->is_type || !entry->referenced)
			complain(r, node, "it is not an object: its type is \"%s\"%s",
			    show(type->text).text, entry->is_type ? ", and no $ref uses it" : "");
	} else if (type->kind != NODE_ALIAS) {
		complain(r, node, "it is not an object: its type must be one word");
	}
}

/* An entry that is only another name for another one. */
static void read_ref_entry(struct reading *r, struct entry *entry)
{
	const struct entry *target = follow_refs(r, entry->node);

	if (target == NULL)
		return;
	entry->is_object = target->is_object;
	entry->is_type = target->is_type;
	entry->fields = target->fields;
	entry->field_count = target->field_count;
	if (entry->is_type && !entry->referenced)
		complain(r, entry->node, "it is not an object, and no $ref uses it");
}

/* Make the schema's objects of the entries that are some. */
static void collect_objects(struct reading *r)
{
	const struct node *valid[SCHEMA_OBJECTS_MAX];
	size_t count = 0, valid_count = 0;
	struct object *objects;

	for (size_t i = 0; i < r->schemas->child_count; i++)
		count += r->entries[i].is_object;
	if (count == 0)
		complain(r, r->schemas, "there is no object; at least one is needed");
	if (count > SCHEMA_OBJECTS_MAX)
		complain(r, r->schemas, "there are %zu objects; there may be at most %d", count,
		    SCHEMA_OBJECTS_MAX);
	if (count == 0 || count > SCHEMA_OBJECTS_MAX)
		return;
	objects = arena_array(r->arena, count, sizeof(*objects));
	r->schema->objects = objects;
	if (objects == NULL) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < r->schemas->child_count; i++) {
		const struct entry *entry = &r->entries[i];
		struct object *object = &objects[r->schema->object_count];

		if (!entry->is_object)
			continue;
		check_name(r, entry->node, "object");
		if (schema_name_is_valid(entry->node->key))
			valid[valid_count++] = entry->node;
		*object = (struct object){.name = arena_copy(r->arena, entry->node->key),
		    .fields = entry->fields,
		    .field_count = entry->field_count};
		if (object->name == NULL)
			r->no_memory = true;
		r->schema->object_count++;
	}
	check_case(r, valid, valid_count, "object");
}

static void read_schemas(struct reading *r)
{
	const size_t count = r->schemas->child_count;
	const struct node *child;

	r->entries = calloc(count + 1, sizeof(*r->entries));
	if (r->entries == NULL) {
		r->no_memory = true;
		return;
	}
	for (child = r->schemas->first_child; child != NULL; child = child->next_child)
		r->entries[child->index].node = child;
	mark_referenced(r, r->root);
	for (size_t i = 0; i < count; i++) {
		if (node_get(r->entries[i].node, SLICE("$ref")) == NULL)
			read_entry(r, &r->entries[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (node_get(r->entries[i].node, SLICE("$ref")) != NULL)
			read_ref_entry(r, &r->entries[i]);
	}
	collect_objects(r);
	free(r->entries);
}

/* --- the document ----------------------------------------------------------------------------- */

static bool is_digits(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	}
	return text.len > 0;
}

/* Plain text of digits and at most one dot: YAML takes it for a number. */
static bool is_number(const struct node *node)
{
	const char *dot = memchr(node->text.ptr, '.', node->text.len);
	size_t whole = dot == NULL ? node->text.len : (size_t)(dot - node->text.ptr);

	if (!node->plain || !is_digits((struct slice){node->text.ptr, whole}))
		return false;
	return dot == NULL || is_digits(slice_skip(node->text, whole + 1));
}

static void check_version(struct reading *r)
{
	const struct slice prefix = SLICE("3.0.");
	const struct node *openapi = node_get(r->root, SLICE("openapi"));

	if (openapi == NULL) {
		complain(r, r->root, "openapi is missing; it must be 3.0.x, such as 3.0.3");
	} else if (openapi->kind == NODE_ALIAS) {
		return;
	} else if (openapi->kind != NODE_TEXT || node_is_null(openapi)) {
		complain(r, openapi, "it must be text of the form 3.0.x, such as 3.0.3");
	} else if (is_number(openapi)) {
		complain(r, openapi,
		    "%s is a number; it must be text of the form 3.0.x, such as 3.0.3",
		    show(openapi->text).text);
	} else if (!slice_starts(openapi->text, prefix) ||
		   !is_digits(slice_skip(openapi->text, prefix.len))) {
		complain(r, openapi,
		    "version \"%s\" is not supported; it must be 3.0.x, such as 3.0.3",
		    show(openapi->text).text);
	}
}

enum status openapi_read(
    const struct document *document, struct schema *schema, struct problems *problems)
{
	struct reading r = {.problems = problems,
	    .arena = &schema->arena,
	    .root = document->root,
	    .schema = schema};
	const struct node *flawed, *components;

	for (flawed = document->first_flawed; flawed != NULL; flawed = flawed->next_flawed)
		complain(&r, flawed, "%s", flawed->flaw);
	if (!expect_mapping(&r, r.root, "it must be a mapping with openapi and components"))
		return OK;
	check_version(&r);
	components = node_get(r.root, SLICE("components"));
	r.schemas = node_get(components, SLICE("schemas"));
	if (components != NULL &&
	    !expect_mapping(&r, components, "it must be a mapping with schemas"))
		return OK;
	if (r.schemas == NULL)
		complain(&r, r.root, "components.schemas is missing; it holds the objects");
	else if (expect_mapping(&r, r.schemas, "it must be a mapping of names to objects"))
		read_schemas(&r);
	return r.no_memory ? E_NOMEM : OK;
}
