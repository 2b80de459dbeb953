/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_TABLE_H
#define SLUICE_LAKE_LAKE_TABLE_H

#include "lake/lake.h"
#include "schema/stream.h"

/* The table of a stream: a view of both, valid as long as they are.  The settings must fit the
 * object, as stream_check() says. */
struct lake_table lake_table_of(const struct object *object, const struct stream *stream);

#endif
