/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_METRICS_H
#define SLUICE_BASE_METRICS_H

/*
 * What the process has counted since it started, for Prometheus.  metrics.def is the list.
 *
 * A metric is a row of cells, one for each combination of its labels' values.  Whoever counts knows
 * a cell by its number and names it once, at start; counting is an atomic addition and nothing
 * else, fit for any thread and any path.  The cells belong to the process: two servers in one
 * process, as in tests, share them.
 */

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Routes with their methods, and requests that reached none: see http/count.c. */
#define METRICS_ROUTE_CELLS   128
#define METRICS_STATUS_CELLS  32
#define METRICS_REQUEST_CELLS (METRICS_ROUTE_CELLS * METRICS_STATUS_CELLS)

enum metric {
#define METRIC(id, kind, cells, shown, name, help, labels) METRIC_##id,
#include "base/metrics.def"
#undef METRIC
	METRIC_COUNT,
};

#define METRIC_LABELS_MAX 3

/* What the labels of a cell are, in the order of the metric's; ${scratch} is room for one that has
 * to be made. */
struct metric_labels {
	const char *values[METRIC_LABELS_MAX];
	char scratch[16];
};

/* Name ${cell}; false when it is not in use.  Called by metrics_write, in its thread. */
typedef bool metric_name_fn(size_t cell, struct metric_labels *ret_labels, const void *ctx);

/* For a metric with one label: ${ctx} is a struct metric_list, by cell. */
struct metric_list {
	const char *const *names;
	size_t count;
};
metric_name_fn metric_name_from_list;

/* From now on ${name} names the cells of ${metric}, instead of whoever did before; NULL: nobody
 * does, and they are not shown.  ${ctx} must live as long.  Before the threads that count are
 * started, or after they ended: not while somebody is in metrics_write. */
void metric_name_cells(enum metric metric, metric_name_fn *name, const void *ctx);

/* For a counter (${n} is not negative) or a gauge. */
void metric_add(enum metric metric, size_t cell, int64_t n);
/* For a gauge. */
void metric_set(enum metric metric, size_t cell, int64_t value);
/* For a histogram. */
void metric_observe(enum metric metric, size_t cell, int64_t us);

/* All metrics as Prometheus text, version 0.0.4.  Within a histogram the numbers agree; otherwise
 * each is of its own moment. */
void metrics_write(struct buffer *out);

#endif
