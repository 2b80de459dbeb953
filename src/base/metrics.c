/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: see metrics.h.
 *
 * Cells of all metrics lie in one array, those of histograms in another, because each of theirs has
 * a count a bucket.  Nothing orders one addition against another: whoever reads wants numbers, not
 * moments.  The total of a histogram is what its buckets add up to when they are read, so that it
 * can't contradict them.
 *
 * Not here: where numbers come from that nobody counts (jobs by state, memory): whoever serves the
 * text sets those just before (api/metrics.c).
 */
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum metric_kind { COUNTER, GAUGE, HISTOGRAM };
enum metric_shown { ALL, USED };

#define LABELS(...)                                                                                \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define NO_LABELS                                                                                  \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct metric_row {
	enum metric_kind kind;
	enum metric_shown shown;
	size_t cells;
	const char *name, *help;
	const char *labels[METRIC_LABELS_MAX + 1]; /* ends with NULL */
} rows[] = {
#define METRIC(id, kind_, cells_, shown_, name_, help_, labels_)                                   \
	{.kind = kind_,                                                                            \
	    .shown = shown_,                                                                       \
	    .cells = cells_,                                                                       \
	    .name = name_,                                                                         \
	    .help = help_,                                                                         \
	    .labels = labels_},
#include "base/metrics.def"
#undef METRIC
};

/* Upper bounds in microseconds, with the text that the label "le" has: from a request that is
 * answered at once to the load of a large job. */
static const struct {
	int64_t us;
	const char *text;
} bounds[] = {
    {1000, "0.001"},
    {5000, "0.005"},
    {10000, "0.01"},
    {50000, "0.05"},
    {100000, "0.1"},
    {500000, "0.5"},
    {1000000, "1"},
    {5000000, "5"},
    {10000000, "10"},
    {30000000, "30"},
    {60000000, "60"},
    {300000000, "300"},
};
#define BOUND_COUNT (sizeof(bounds) / sizeof(bounds[0]))

struct histogram {
	atomic_int_fast64_t counts[BOUND_COUNT + 1]; /* the last: of what is above all bounds */
	atomic_int_fast64_t sum_us;
};

/* Where each metric's cells begin. */
#define METRIC(id, kind, cells, shown, name, help, labels) char id[(cells)];
struct offsets {
#include "base/metrics.def"
};
#undef METRIC
static const size_t offset_of[] = {
#define METRIC(id, kind, cells, shown, name, help, labels) offsetof(struct offsets, id),
#include "base/metrics.def"
#undef METRIC
};

static atomic_int_fast64_t numbers[sizeof(struct offsets)];
static struct histogram histograms[METRICS_ROUTE_CELLS + 2];

/* Written at start and stop only, while nobody reads. */
static struct {
	metric_name_fn *name;
	const void *ctx;
} naming[METRIC_COUNT];

void metric_name_cells(enum metric metric, metric_name_fn *name, const void *ctx)
{
	naming[metric].name = name;
	naming[metric].ctx = ctx;
}

bool metric_name_from_list(size_t cell, struct metric_labels *ret_labels, const void *ctx)
{
	const struct metric_list *list = ctx;

	if (cell >= list->count)
		return false;
	ret_labels->values[0] = list->names[cell];
	return true;
}

/* --- Counting --------------------------------------------------------------------------------- */

static atomic_int_fast64_t *number_of(enum metric metric, size_t cell)
{
	assert(rows[metric].kind != HISTOGRAM);
	assert(cell < rows[metric].cells);
	return &numbers[offset_of[metric] + cell];
}

/* There are three metrics of histograms: that of routes, and two with a single cell. */
static struct histogram *histogram_of(enum metric metric, size_t cell)
{
	assert(rows[metric].kind == HISTOGRAM);
	assert(cell < rows[metric].cells);
	if (metric == METRIC_HTTP_SECONDS)
		return &histograms[cell];
	if (metric == METRIC_LOAD_SECONDS)
		return &histograms[METRICS_ROUTE_CELLS];
	assert(metric == METRIC_STREAM_APPLY_SECONDS);
	return &histograms[METRICS_ROUTE_CELLS + 1];
}

void metric_add(enum metric metric, size_t cell, int64_t n)
{
	assert(n >= 0 || rows[metric].kind == GAUGE);
	atomic_fetch_add_explicit(number_of(metric, cell), n, memory_order_relaxed);
}

void metric_set(enum metric metric, size_t cell, int64_t value)
{
	assert(rows[metric].kind == GAUGE);
	atomic_store_explicit(number_of(metric, cell), value, memory_order_relaxed);
}

void metric_observe(enum metric metric, size_t cell, int64_t us)
{
	struct histogram *histogram = histogram_of(metric, cell);
	size_t i = 0;

	while (i < BOUND_COUNT && us > bounds[i].us)
		i++;
	atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_us, us, memory_order_relaxed);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static int64_t read_number(const atomic_int_fast64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

static void put_value(struct buffer *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			buffer_put_text(out, "\\n");
			continue;
		}
		if (*value == '\\' || *value == '"')
			buffer_put_char(out, '\\');
		buffer_put_char(out, *value);
	}
}

/* "name_suffix{label="value",le="bound"} " */
static void put_name(struct buffer *out, const struct metric_row *row, const char *suffix,
    const struct metric_labels *labels, const char *bound)
{
	size_t i;

	buffer_printf(out, "%s%s", row->name, suffix);
	for (i = 0; row->labels[i] != NULL; i++) {
		buffer_printf(out, "%s%s=\"", i == 0 ? "{" : ",", row->labels[i]);
		put_value(out, labels->values[i]);
		buffer_put_char(out, '"');
	}
	if (bound != NULL)
		buffer_printf(out, "%sle=\"%s\"", i++ == 0 ? "{" : ",", bound);
	buffer_put_text(out, i > 0 ? "} " : " ");
}

static void write_number(struct buffer *out, const struct metric_row *row,
    const struct metric_labels *labels, int64_t value)
{
	put_name(out, row, "", labels, NULL);
	buffer_printf(out, "%" PRId64 "\n", value);
}

static void write_histogram(struct buffer *out, const struct metric_row *row,
    const struct metric_labels *labels, const int64_t counts[BOUND_COUNT + 1], int64_t sum_us)
{
	int64_t count = 0;
	size_t i;

	for (i = 0; i <= BOUND_COUNT; i++) {
		count += counts[i];
		put_name(out, row, "_bucket", labels, i < BOUND_COUNT ? bounds[i].text : "+Inf");
		buffer_printf(out, "%" PRId64 "\n", count);
	}
	put_name(out, row, "_sum", labels, NULL);
	buffer_printf(out, "%" PRId64 ".%06" PRId64 "\n", sum_us / 1000000, sum_us % 1000000);
	put_name(out, row, "_count", labels, NULL);
	buffer_printf(out, "%" PRId64 "\n", count);
}

/* A histogram's numbers, read once. */
static bool read_histogram(
    const struct histogram *histogram, int64_t ret_counts[BOUND_COUNT + 1], int64_t *ret_sum_us)
{
	bool used = false;
	size_t i;

	for (i = 0; i <= BOUND_COUNT; i++) {
		ret_counts[i] = read_number(&histogram->counts[i]);
		used = used || ret_counts[i] > 0;
	}
	*ret_sum_us = read_number(&histogram->sum_us);
	return used;
}

static void write_cell(struct buffer *out, enum metric metric, size_t cell)
{
	const struct metric_row *row = &rows[metric];
	struct metric_labels labels;
	int64_t counts[BOUND_COUNT + 1], number = 0;
	bool used;

	if (row->kind == HISTOGRAM) {
		used = read_histogram(histogram_of(metric, cell), counts, &number);
	} else {
		number = read_number(number_of(metric, cell));
		used = number != 0;
	}
	if (!used && row->shown == USED)
		return;
	if (row->labels[0] != NULL && (naming[metric].name == NULL ||
					  !naming[metric].name(cell, &labels, naming[metric].ctx)))
		return;
	if (row->kind == HISTOGRAM)
		write_histogram(out, row, &labels, counts, number);
	else
		write_number(out, row, &labels, number);
}

void metrics_write(struct buffer *out)
{
	static const char *const kinds[] = {
	    [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

	for (size_t metric = 0; metric < METRIC_COUNT; metric++) {
		const struct metric_row *row = &rows[metric];

		buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
		    kinds[row->kind]);
		for (size_t cell = 0; cell < row->cells; cell++)
			write_cell(out, (enum metric)metric, cell);
	}
}
