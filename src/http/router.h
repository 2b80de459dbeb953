/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_ROUTER_H
#define SLUICE_HTTP_ROUTER_H

/*
 * Which route is meant by a path, and what a query string says.  Text in,
 * text out: no sockets, no library.
 *
 * A path is cut at its slashes; empty pieces are dropped, so repeated slashes collapse and a
 * trailing one does not count.  Each piece is percent-decoded by itself, so that a slash that came
 * as %2F stays inside its parameter.  Where a literal piece and a {name} both fit, the literal one
 * wins, whatever the order of the table.
 *
 * Not here: "." and ".." are names like any other, since no path leads to a file.
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/http.h"

#include <stdbool.h>
#include <stddef.h>

#define ROUTER_SEGMENTS_MAX 16 /* the longest path of the API has eight */
#define ROUTER_PARAMS_MAX   8

struct router;

struct router_match {
	const struct http_route *route; /* NULL when no route has this path and this method */
	unsigned methods; /* bit 1 << method for each that the path has; 0: no such path */
	size_t param_count;
	struct slice params[ROUTER_PARAMS_MAX]; /* decoded; views of the path or of the arena */
};

/* ${routes} must stay as long as the router.  E_NOMEM; a malformed pattern is a bug. */
enum status router_create(const struct http_route *routes, size_t count, struct router **ret_router,
    struct err *err) WARN_UNUSED;
void router_destroy(struct router **router);

/* ${method} may be HTTP_METHOD_COUNT for one that no route can have.  ${path} has no query; the
 * scheme and host of an absolute form are skipped.  Decoded pieces come from ${arena}. E_INVALID:
 * bad percent-encoding, a NUL, or a byte that may not stand in a path.  E_NOMEM. */
enum status router_find(const struct router *router, enum http_method method, struct slice path,
    struct arena *arena, struct router_match *ret_match, struct err *err) WARN_UNUSED;

/* The value of the first parameter ${name} of a query string, decoded ('+' is a space; a
 * '%' that begins no escape stays).  A view of ${query} or of ${arena}.  false when absent,
 * or when there is no memory. */
bool router_query(
    struct slice query, const char *name, struct arena *arena, struct slice *ret_value);
/* How many parameters of that name there are. */
size_t router_query_count(struct slice query, const char *name, struct arena *arena);

/* The method of that name; HTTP_METHOD_COUNT for any other.  HEAD is GET. */
enum http_method router_method(const char *name);

#endif
