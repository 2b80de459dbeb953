/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_QUERY_RENDER_H
#define SLUICE_QUERY_RENDER_H

/* A result on the wire: what its columns are, and its rows as arrays or objects.  No line feed is
 * ever in them. */

#include "base/arena.h"
#include "base/buffer.h"
#include "lake/lake.h"

struct render {
	struct arena *arena; /* for names */
	bool as_objects;     /* {"id":"a"}; else ["a"] */
	/* Filled in by render_columns(); ${columns} are borrowed until the query ends. */
	const struct lake_column *columns;
	size_t count;
	const char **names; /* no two are the same */
};

/* Put {name:{"type","placeInOrder","typeCode"},…}, in the columns' order.  E_NOMEM; that of ${out}
 * is its own. */
enum status render_columns(struct render *render, const struct lake_column *columns, size_t count,
    struct buffer *out, struct err *err) WARN_UNUSED;

void render_row(const struct render *render, const struct lake_value *values, struct buffer *out);

#endif
