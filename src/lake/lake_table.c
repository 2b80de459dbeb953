/* SPDX-License-Identifier: Apache-2.0 */
/* From an object and its stream to a table: see lake_table.h. */
#include "lake/lake_table.h"

#include <assert.h>

static size_t index_of(const struct object *object, const char *name)
{
	size_t i = 0;

	while (i < object->field_count && strcmp(object->fields[i].name, name) != 0)
		i++;
	assert(
	    i < object->field_count); /* stream_check() saw it, and a schema never loses a field */
	return i;
}

struct lake_table lake_table_of(const struct object *object, const struct stream *stream)
{
	struct lake_table table = {
	    .connector = stream->connector,
	    .object = stream->object,
	    .fields = object->fields,
	    .field_count = object->field_count,
	    .key_index = index_of(object, stream->primary_key),
	};

	if (stream->record_modified_field[0] != '\0') {
		table.has_version = true;
		table.version_index = index_of(object, stream->record_modified_field);
	}
	return table;
}
