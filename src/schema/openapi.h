/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SCHEMA_OPENAPI_H
#define SLUICE_SCHEMA_OPENAPI_H

/* The step of schema_parse() that knows OpenAPI: a tree into objects and fields. */

#include "base/status.h"
#include "schema/document.h"
#include "schema/schema.h"

/* Fill ${schema}, whose arena is initialised and takes all that stays.  Every broken rule goes into
 * ${problems}; when there is one, ${schema} is good for nothing but its end.  ${document} may go
 * afterwards.  E_NOMEM. */
enum status openapi_read(
    const struct document *document, struct schema *schema, struct problems *problems) WARN_UNUSED;

#endif
