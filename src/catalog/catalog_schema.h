/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_CATALOG_SCHEMA_H
#define SLUICE_CATALOG_CATALOG_SCHEMA_H

#include "catalog/catalog.h"
#include "schema/schema.h"

/* Read and parse the schema that a connector has now.  The caller destroys it.
 * E_NOT_FOUND: no such connector.  The document was checked when it was stored, so one
 * that cannot be parsed is E_IO. */
enum status catalog_schema_get(struct catalog *catalog, struct slice connector,
    struct schema **ret_schema, struct err *err) WARN_UNUSED;

#endif
