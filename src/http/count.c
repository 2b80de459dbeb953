/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What http/ counts: requests by route, method and status, and how long they took.  A route is
 * counted by its pattern, never by a path, so that a client can't make up cells; what reached none,
 * as all that is refused before, by its method alone.
 *
 * A request counts when its answer is handed over, before any of it is sent: whoever has an answer
 * finds it counted.  One that gets no answer does not count.
 */
#include "http/request.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdio.h>

/* Behind the routes: a cell a method, HTTP_METHOD_COUNT for any other. */
#define NO_ROUTE_CELL (METRICS_ROUTE_CELLS - HTTP_METHOD_COUNT - 1)

static bool name_route(size_t cell, struct metric_labels *ret_labels, const void *ctx)
{
	const struct http_options *options = ctx;

	if (cell >= NO_ROUTE_CELL) {
		ret_labels->values[0] = "none";
		ret_labels->values[1] = http_method_name((enum http_method)(cell - NO_ROUTE_CELL));
		return true;
	}
	if (cell >= options->route_count)
		return false;
	ret_labels->values[0] = options->routes[cell].pattern;
	ret_labels->values[1] = http_method_name(options->routes[cell].method);
	return true;
}

static bool name_request(size_t cell, struct metric_labels *ret_labels, const void *ctx)
{
	unsigned status = respond_status_at(cell % METRICS_STATUS_CELLS);

	snprintf(ret_labels->scratch, sizeof(ret_labels->scratch), "%u", status);
	ret_labels->values[2] = ret_labels->scratch;
	return name_route(cell / METRICS_STATUS_CELLS, ret_labels, ctx);
}

void count_begin(const struct http_server *server)
{
	assert(server->options.route_count <= NO_ROUTE_CELL);
	metric_name_cells(METRIC_HTTP_REQUESTS, name_request, &server->options);
	metric_name_cells(METRIC_HTTP_SECONDS, name_route, &server->options);
}

void count_end(void)
{
	metric_name_cells(METRIC_HTTP_REQUESTS, NULL, NULL);
	metric_name_cells(METRIC_HTTP_SECONDS, NULL, NULL);
}

void count_reply(const struct request *request, unsigned status)
{
	const struct http_route *route = request->match.route;
	size_t cell = NO_ROUTE_CELL + request->method;

	if (route != NULL)
		cell = (size_t)(route - request->server->options.routes);
	metric_add(
	    METRIC_HTTP_REQUESTS, cell * METRICS_STATUS_CELLS + respond_status_index(status), 1);
	metric_observe(METRIC_HTTP_SECONDS, cell, clock_mono_us() - request->begun_us);
}

void count_unread(unsigned status)
{
	metric_add(METRIC_HTTP_REQUESTS,
	    (NO_ROUTE_CELL + HTTP_METHOD_COUNT) * METRICS_STATUS_CELLS +
		respond_status_index(status),
	    1);
}
