/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/metrics.h. */
#include "base/metrics.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* The text of all metrics, ending in NUL. */
static char *write_all(struct buffer *out)
{
	buffer_init(out, 1048576);
	metrics_write(out);
	buffer_put_char(out, '\0');
	assert_false(out->failed);
	return out->ptr;
}

static void has(const char *line)
{
	struct buffer out;

	if (strstr(write_all(&out), line) == NULL)
		fail_msg("there is no %s in\n%s", line, out.ptr);
	buffer_fini(&out);
}

static void has_not(const char *text)
{
	struct buffer out;

	if (strstr(write_all(&out), text) != NULL)
		fail_msg("there is %s in\n%s", text, out.ptr);
	buffer_fini(&out);
}

static void each_metric_has_one_help_and_one_type(void **state)
{
#define METRIC(id, kind, cells, shown, name, help, labels) name,
#define NO_LABELS
	static const char *const names[] = {
#include "base/metrics.def"
	};
	struct buffer out;
	const char *text, *found;
	char head[256];
	size_t i, j;

	(void)state;
	text = write_all(&out);
	for (i = 0; i < METRIC_COUNT; i++) {
		for (j = 0; j < 2; j++) {
			snprintf(
			    head, sizeof(head), "# %s %s ", j == 0 ? "HELP" : "TYPE", names[i]);
			found = strstr(text, head);
			assert_non_null(found);
			assert_null(strstr(found + 1, head));
		}
	}
	buffer_fini(&out);
}

static void a_counter_adds_up_and_a_gauge_goes_both_ways(void **state)
{
	(void)state;
	has("\nsluice_parts_accepted_total 0\n");
	metric_add(METRIC_PARTS_ACCEPTED, 0, 1);
	metric_add(METRIC_PARTS_ACCEPTED, 0, INT64_C(5000000000));
	has("\nsluice_parts_accepted_total 5000000001\n");
	metric_add(METRIC_HTTP_CONNECTIONS, 0, 3);
	metric_add(METRIC_HTTP_CONNECTIONS, 0, -1);
	has("\nsluice_http_connections 2\n");
	metric_set(METRIC_HTTP_CONNECTIONS, 0, 40);
	has("\nsluice_http_connections 40\n");
}

static void a_cell_without_a_name_is_not_shown(void **state)
{
	static const char *const names[] = {"up", "a \"quoted\" \\ one\nof two lines"};
	static const struct metric_list list = {names, 2};

	(void)state;
	metric_add(METRIC_LOADS, 1, 7);
	metric_add(METRIC_LOADS, 2, 9);
	has_not("\nsluice_loads_total");
	metric_name_cells(METRIC_LOADS, metric_name_from_list, &list);
	has("\nsluice_loads_total{outcome=\"up\"} 0\n"
	    "sluice_loads_total{outcome=\"a \\\"quoted\\\" \\\\ one\\nof two lines\"} 7\n# HELP");
	metric_name_cells(METRIC_LOADS, NULL, NULL);
	has_not("\nsluice_loads_total");
}

static const int asker;

static bool name_route(size_t cell, struct metric_labels *ret_labels, const void *ctx)
{
	assert_ptr_equal(ctx, &asker);
	snprintf(ret_labels->scratch, sizeof(ret_labels->scratch), "%zu", cell);
	ret_labels->values[0] = "/x/{id}";
	ret_labels->values[1] = "GET";
	ret_labels->values[2] = ret_labels->scratch;
	return cell != 5;
}

static void of_many_cells_only_the_used_are_shown(void **state)
{
	(void)state;
	metric_name_cells(METRIC_HTTP_REQUESTS, name_route, &asker);
	has_not("\nsluice_http_requests_total");
	metric_add(METRIC_HTTP_REQUESTS, METRICS_REQUEST_CELLS - 1, 2);
	metric_add(METRIC_HTTP_REQUESTS, 5, 1);
	metric_add(METRIC_HTTP_REQUESTS, 3, 1);
	has("\nsluice_http_requests_total{route=\"/x/{id}\",method=\"GET\",status=\"3\"} 1\n"
	    "sluice_http_requests_total{route=\"/x/{id}\",method=\"GET\",status=\"4095\"} 2\n# "
	    "HELP");
	metric_name_cells(METRIC_HTTP_REQUESTS, NULL, NULL);
}

static void a_histograms_buckets_are_cumulative_and_hold_their_bound(void **state)
{
	(void)state;
	metric_observe(METRIC_LOAD_SECONDS, 0, 0);
	metric_observe(METRIC_LOAD_SECONDS, 0, 1000);
	metric_observe(METRIC_LOAD_SECONDS, 0, 1001);
	metric_observe(METRIC_LOAD_SECONDS, 0, 300000000);
	metric_observe(METRIC_LOAD_SECONDS, 0, 300000001);
	has("\nsluice_load_duration_seconds_bucket{le=\"0.001\"} 2\n"
	    "sluice_load_duration_seconds_bucket{le=\"0.005\"} 3\n");
	has("\nsluice_load_duration_seconds_bucket{le=\"60\"} 3\n"
	    "sluice_load_duration_seconds_bucket{le=\"300\"} 4\n"
	    "sluice_load_duration_seconds_bucket{le=\"+Inf\"} 5\n"
	    "sluice_load_duration_seconds_sum 600.002002\n"
	    "sluice_load_duration_seconds_count 5\n");
	/* Those of routes are others, with labels before the bound's. */
	metric_name_cells(METRIC_HTTP_SECONDS, name_route, &asker);
	has_not("\nsluice_http_request_duration_seconds_");
	metric_observe(METRIC_HTTP_SECONDS, METRICS_ROUTE_CELLS - 1, 2000000);
	has("\nsluice_http_request_duration_seconds_bucket{route=\"/x/"
	    "{id}\",method=\"GET\",le=\"5\"} "
	    "1\n");
	has("\nsluice_http_request_duration_seconds_sum{route=\"/x/{id}\",method=\"GET\"} "
	    "2.000000\n"
	    "sluice_http_request_duration_seconds_count{route=\"/x/{id}\",method=\"GET\"} 1\n");
	has("\nsluice_load_duration_seconds_count 5\n");
	metric_name_cells(METRIC_HTTP_SECONDS, NULL, NULL);
}

enum { COUNTERS = 4, EACH = 500000 };

static void *count(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < EACH; i++) {
		metric_add(METRIC_PART_BYTES, 0, 3);
		metric_add(METRIC_JOBS, 0, i % 2 == 0 ? 1 : -1);
	}
	return NULL;
}

static void no_addition_is_lost_between_threads(void **state)
{
	static const char *const names[] = {"Open"};
	static const struct metric_list list = {names, 1};
	pthread_t threads[COUNTERS];
	struct buffer out;
	struct err err;

	(void)state;
	metric_name_cells(METRIC_JOBS, metric_name_from_list, &list);
	for (int i = 0; i < COUNTERS; i++)
		assert_int_equal(thread_start(&threads[i], "counter", count, NULL, &err), OK);
	write_all(&out);
	buffer_fini(&out);
	for (int i = 0; i < COUNTERS; i++)
		thread_join(threads[i]);
	has("\nsluice_part_bytes_total 6000000\n");
	has("\nsluice_jobs{state=\"Open\"} 0\n");
	metric_name_cells(METRIC_JOBS, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_metric_has_one_help_and_one_type),
	    cmocka_unit_test(a_counter_adds_up_and_a_gauge_goes_both_ways),
	    cmocka_unit_test(a_cell_without_a_name_is_not_shown),
	    cmocka_unit_test(of_many_cells_only_the_used_are_shown),
	    cmocka_unit_test(a_histograms_buckets_are_cumulative_and_hold_their_bound),
	    cmocka_unit_test(no_addition_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
