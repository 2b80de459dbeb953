/* SPDX-License-Identifier: Apache-2.0 */
/* From a connector's row to its schema: see catalog_schema.h. */
#include "catalog/catalog_schema.h"

enum status catalog_schema_get(
    struct catalog *catalog, struct slice connector, struct schema **ret_schema, struct err *err)
{
	struct catalog_connector row;
	struct problems problems = {0};
	struct arena arena;
	enum status st;

	arena_init(&arena, 65536);
	problems.arena = &arena;
	st = catalog_connector_get(catalog, connector, &arena, &row, err);
	if (st == OK) {
		st = schema_parse(row.document, &problems, ret_schema, err);
		if (st == E_INVALID)
			st = E_IO;
		if (st != OK)
			err_add(err, "the stored schema of %.*s", SLICE_ARGS(connector));
	}
	arena_fini(&arena);
	return st;
}
