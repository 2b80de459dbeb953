/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes as a schema document.  Beyond not crashing: a schema that is taken keeps
 * every rule that schema.h promises, may take its own place, and is found by its names; one that is
 * refused says why.
 */
#include "schema/schema.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_object(const struct object *object)
{
	assert(schema_name_is_valid(slice_of(object->name)));
	assert(object->field_count >= 1);
	assert(object->field_count <= SCHEMA_FIELDS_MAX);
	for (size_t i = 0; i < object->field_count; i++) {
		const struct field *field = &object->fields[i];

		assert(schema_name_is_valid(slice_of(field->name)));
		assert(strstr(field->name, "__") == NULL);
		assert(strcasecmp(field->name, "version") != 0);
		assert(field_type_name(field->type) != NULL);
		assert(object_field(object, slice_of(field->name)) == field);
		for (size_t j = 0; j < i; j++)
			assert(strcasecmp(field->name, object->fields[j].name) != 0);
	}
}

static void check_schema(const struct schema *schema, struct problems *problems)
{
	assert(schema->object_count >= 1);
	assert(schema->object_count <= SCHEMA_OBJECTS_MAX);
	for (size_t i = 0; i < schema->object_count; i++) {
		const struct object *object = &schema->objects[i];

		check_object(object);
		assert(schema_object(schema, slice_of(object->name)) == object);
	}
	assert(schema_check_change(schema, schema, problems, NULL) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice document = {(const char *)data, size};
	struct problems problems = {0};
	struct schema *schema = NULL;
	struct arena arena;
	struct err err = {""};
	enum status status;

	arena_init(&arena, 4096);
	problems.arena = &arena;
	status = schema_parse(document, &problems, &schema, &err);
	if (status == OK) {
		assert(problems.count == 0);
		check_schema(schema, &problems);
	} else {
		assert(status == E_INVALID);
		assert(schema == NULL);
		assert(problems.count > 0);
		assert(err.text[0] != '\0');
	}
	for (size_t i = 0; i < problems.count && i < SCHEMA_PROBLEMS_MAX; i++)
		assert(utf8_is_valid(slice_of(problems.texts[i])));
	schema_destroy(&schema);
	arena_fini(&arena);
	return 0;
}
