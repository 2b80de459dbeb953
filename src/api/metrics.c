/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metrics: what was counted where it happened (base/metrics.h), and what is read when it is
 * asked for: jobs by state, what streams have waiting, and the process itself.
 */
#include "api/handlers.h"

#include "base/metrics.h"
#include "base/process.h"

#define METRICS_BYTES_MAX (16 * 1024 * 1024)

static bool name_state(size_t cell, struct metric_labels *ret_labels, const void *ctx)
{
	(void)ctx;
	if (cell >= JOB_STATE_COUNT)
		return false;
	ret_labels->values[0] = job_state_name((enum job_state)cell);
	return true;
}

void api_name_metrics(void)
{
	static const char *const version[] = {SLUICE_VERSION};
	static const struct metric_list build = {version, 1};

	metric_name_cells(METRIC_JOBS, name_state, NULL);
	metric_name_cells(METRIC_BUILD, metric_name_from_list, &build);
	metric_set(METRIC_BUILD, 0, 1);
	metric_set(METRIC_START_SECONDS, 0, process_start_seconds());
	api_name_query_outcomes();
	api_name_streaming_outcomes();
}

/* The totals of lists whose page lies behind their end: they come from counts, not from rows. */
static enum status count_jobs(struct request *request, struct err *err)
{
	struct api *api = request_context(request);
	struct catalog_job_filter filter = {.limit = 1, .offset = INT64_MAX};
	struct job *jobs;
	size_t count;
	int64_t total;
	enum status st = OK;

	for (int state = 0; st == OK && state < JOB_STATE_COUNT; state++) {
		filter.states = 1u << state;
		st = catalog_job_list(
		    api->catalog, &filter, request_arena(request), &jobs, &count, &total, err);
		if (st == OK)
			metric_set(METRIC_JOBS, (size_t)state, total);
	}
	return st;
}

static void set_streaming(struct api *api)
{
	metric_set(
	    METRIC_STREAM_OLDEST_PENDING_SECONDS, 0, applier_oldest_us(api->applier) / 1000000);
}

void api_metrics(struct request *request)
{
	struct buffer body;
	struct err err = {{0}};
	enum status st = count_jobs(request, &err);

	if (st != OK) {
		respond_failure(request, st, &err);
		return;
	}
	set_streaming(request_context(request));
	metric_set(METRIC_RESIDENT_BYTES, 0, process_resident_bytes());
	metric_set(METRIC_OPEN_FDS, 0, process_open_fds());
	buffer_init(&body, METRICS_BYTES_MAX);
	metrics_write(&body);
	respond(request, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}
