// SPDX-License-Identifier: Apache-2.0
// How to break metrics and the OpenAPI document: each entry makes the named test fail (script/prove-tests).
const metrics = 'src/base/metrics.c', count = 'src/http/count.c', mhd = 'src/http/server_mhd.c', load = 'src/work/load.c', worker = 'src/work/worker.c', openapi = 'src/api/openapi.c', document = 'src/api/openapi.yaml';
const walked = 'scenario/19-openapi: what the walk is answered is declared, to the member', jobs = 'scenario/18-metrics: after jobs whose outcome is known, the counts are theirs';

export default [
	{ test: 'unit/metrics_test: each_metric_has_one_help_and_one_type', file: metrics, from: '"# HELP %s %s\\n# TYPE %s %s\\n"', to: '"# HELP %s %s\\n# HELP %s %s\\n"' },
	{ test: 'unit/metrics_test: a_counter_adds_up_and_a_gauge_goes_both_ways', file: metrics, from: 'atomic_fetch_add_explicit(number_of(metric, cell), n, memory_order_relaxed);', to: 'atomic_store_explicit(number_of(metric, cell), n, memory_order_relaxed);' },
	{ test: 'unit/metrics_test: a_cell_without_a_name_is_not_shown', file: metrics, from: 'if (cell >= list->count)', to: 'if (cell > list->count)' },
	{ test: 'unit/metrics_test: a_cell_without_a_name_is_not_shown', file: metrics, from: "if (*value == '\\\\' || *value == '\"')", to: "if (*value == '\\\\')" },
	{ test: 'unit/metrics_test: a_cell_without_a_name_is_not_shown', file: metrics, from: 'buffer_put_text(out, "\\\\n");', to: 'buffer_put_text(out, "\\n");' },
	{ test: 'unit/metrics_test: of_many_cells_only_the_used_are_shown', file: metrics, from: 'if (!used && row->shown == USED)', to: 'if (!used && row->shown != USED)' },
	{ test: 'unit/metrics_test: a_histograms_buckets_are_cumulative_and_hold_their_bound', file: metrics, from: 'us > bounds[i].us', to: 'us >= bounds[i].us' },
	{ test: 'unit/metrics_test: a_histograms_buckets_are_cumulative_and_hold_their_bound', file: metrics, from: 'return &histograms[METRICS_ROUTE_CELLS];', to: 'return &histograms[METRICS_ROUTE_CELLS - 1];' },
	{ test: 'unit/metrics_test: no_addition_is_lost_between_threads', file: metrics, from: 'atomic_fetch_add_explicit(number_of(metric, cell), n, memory_order_relaxed);', to: '*number_of(metric, cell) = *number_of(metric, cell) + n;' },

	{ test: 'scenario/18-metrics: the text is as the format has it, from the first request on', file: metrics, from: 'count += counts[i];', to: 'count = counts[i];' },
	{ test: 'scenario/18-metrics: the text is as the format has it, from the first request on', file: metrics, from: 'i == 0 ? "{" : ","', to: 'i == 0 ? "{" : ", "' },
	{ test: 'scenario/18-metrics: the text is as the format has it, from the first request on', file: 'src/base/process.c', from: 'now.tv_sec - up.tv_sec + ticks', to: 'now.tv_sec + ticks' },
	{ test: jobs, file: worker, from: 'metric_add(METRIC_LOADS, verdict.what, 1);', to: 'metric_add(METRIC_LOADS, VERDICT_COMPLETE, 1);' },
	{ test: jobs, file: load, from: 'if (!load->job.validate_only)\n\t\tcount_records', to: 'if (count > 0)\n\t\tcount_records' },
	{ test: jobs, file: load, from: 'load->failed_by[reject.code]++;', to: 'load->failed_by[REJECT_NUL]++;' },
	{ test: jobs, file: 'src/api/upload.c', from: 'metric_add(METRIC_PART_BYTES, 0, part.bytes);', to: 'metric_add(METRIC_PART_BYTES, 0, part.number);' },
	{ test: jobs, file: 'src/api/metrics.c', from: 'filter.states = 1u << state;', to: 'filter.states = JOB_STATES_ALL;' },
	{ test: jobs, file: mhd, from: 'count_reply(request, request->reply.status);', to: 'count_reply(request, 200);' },
	{ test: 'scenario/18-metrics: requests are counted by route, never by path, and those that reach none by method', file: count, from: 'cell = (size_t)(route - request->server->options.routes);', to: 'cell = (size_t)(route - request->server->options.routes) % 4;' },
	{ test: 'scenario/18-metrics: requests are counted by route, never by path, and those that reach none by method', file: count, from: '(NO_ROUTE_CELL + HTTP_METHOD_COUNT) * METRICS', to: 'NO_ROUTE_CELL * METRICS' },
	{ test: 'scenario/18-metrics: bytes of bodies are counted as they come, whatever becomes of them', file: mhd, from: 'metric_add(METRIC_HTTP_RECEIVED_BYTES, 0, (int64_t)taken);', to: 'metric_add(METRIC_HTTP_RECEIVED_BYTES, 0, (int64_t)bytes.len);' },
	{ test: 'scenario/18-metrics: queries are counted by outcome', file: 'src/api/query.c', from: 'return QUERY_TIMED_OUT;', to: 'return QUERY_FAILED;' },
	{ test: 'scenario/18-metrics: connections are counted while they are open', file: mhd, from: 'code == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1', to: 'code == MHD_CONNECTION_NOTIFY_STARTED ? 1 : 0' },

	{ test: 'scenario/19-openapi: the reader of schemas finds what is wrong', file: document, from: 'sha256: {type: string, pattern: "^[0-9a-f]{64}$"}', to: 'sha256: {type: string}' },
	{ test: 'scenario/19-openapi: its paths and methods are those of routes.def', file: document, from: '  /readyz:', to: '  /ready:' },
	{ test: 'scenario/19-openapi: its paths and methods are those of routes.def', file: 'src/api/routes.def', from: 'ROUTE(DELETE, "/api/v1/connectors/{name}", ', to: 'ROUTE(PATCH, "/api/v1/connectors/{name}", ' },
	{ test: 'scenario/19-openapi: it comes to every token, as it is in the source', file: 'src/api/routes.def', from: '"/openapi.yaml", 0, EVENT', to: '"/openapi.yaml", SCOPE_ADMIN, EVENT' },
	{ test: 'scenario/19-openapi: who has the document already is told so', file: openapi, from: 'memcmp(one.ptr, "W/", 2) == 0', to: 'memcmp(one.ptr, "w/", 2) == 0' },
	{ test: 'scenario/19-openapi: who has the document already is told so', file: openapi, from: 'known ? 304 : 200', to: 'known ? 200 : 200' },
	{ test: walked, file: document, from: 'bytesUploaded: {type', to: 'bytesUpload: {type' },
	{ test: walked, file: document, from: 'createdById: {type: string, pattern: "^005[0-9]{12}AAA$"}', to: 'createdById: {type: string, pattern: "^005[0-9]{12}AAB$"}' },
	{ test: walked, file: 'src/api/parts.c', from: 'json_write_key(w, "acceptedDate");', to: 'json_write_key(w, "accepted");' },
	{ test: walked, file: document, from: '"409": {$ref: "#/components/responses/Conflict"}\n        "413": {$ref: "#/components/responses/TooLarge"}\n        "414": {$ref: "#/components/responses/UriTooLong"}\n        "415": {$ref: "#/components/responses/WrongType"}', to: '"409": {$ref: "#/components/responses/Conflict"}\n        "413": {$ref: "#/components/responses/TooLarge"}\n        "414": {$ref: "#/components/responses/UriTooLong"}\n        "416": {$ref: "#/components/responses/WrongType"}' },
];
