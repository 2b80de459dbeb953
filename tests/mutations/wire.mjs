// SPDX-License-Identifier: Apache-2.0
// How to break what holds for every resource: paths, parameters, JSON, times, errors, tokens.  Each entry makes the named test
// fail (script/prove-tests).
const raw = String.raw;

export default [
	// --- Paths and parameters ----------------------------------------------------------------------------------------
	{ test: 'scenario/24-wire: repeated slashes count as one, and one at the end as none', file: 'src/http/router.c', from: raw`	while (begin < rest->len && rest->ptr[begin] == '/')`, to: raw`	if (begin < rest->len && rest->ptr[begin] == '/')` },
	{ test: 'scenario/24-wire: unknown and empty query parameters are passed over', file: 'src/api/jobs.c', from: raw`	if (request_query(request, name, ret_value) && ret_value->len > 0)`, to: raw`	if (request_query(request, name, ret_value))` },
	{ test: 'scenario/24-wire: unknown and empty query parameters are passed over', file: 'src/api/render.c', from: raw`&text) || text.len == 0 ||`, to: raw`&text) ||` },
	{ test: 'scenario/24-wire: a GET may carry a Content-Type', file: 'src/http/head.c', from: raw`	request->body_bytes_max = find_limit(request);`, to: raw`	struct slice type;
	if (request->method == HTTP_GET && request_header(request, "Content-Type", &type)) {
		respond_error(request, 415, "a GET has no body");
		return;
	}
	request->body_bytes_max = find_limit(request);` },
	{ test: 'scenario/11-bad-input: an id that is none is 404, or 400 when its escapes are broken', file: 'src/http/router.c', from: raw`			if (value == 0)`, to: raw`			if (value == 1000)` },
	{ test: 'scenario/11-bad-input: an id that is none is 404, or 400 when its escapes are broken', file: 'src/api/render.c', from: raw`	respond_error(request, 404, "there is no job`, to: raw`	respond_error(request, 400, "there is no job` },
	{ test: 'scenario/11-bad-input: an unknown path is 404, with a token; without one it is 401', file: 'src/http/head.c', from: raw`		respond_error(request, 404, "there is nothing`, to: raw`		respond_error(request, 400, "there is nothing` },
	{ test: 'scenario/11-bad-input: an unknown path is 404, with a token; without one it is 401', file: 'src/api/api.c', from: raw`	if (route != NULL && route->open)`, to: raw`	if (route == NULL || route->open)` },
	{ test: 'scenario/11-bad-input: a method that a resource lacks is 405 and told which it has', file: 'src/http/head.c', from: raw`m == HTTP_GET ? ", HEAD" : ""`, to: raw`""` },
	{ test: 'scenario/11-bad-input: a method that a resource lacks is 405 and told which it has', file: 'src/http/head.c', from: raw`	if (request->match.methods != 0)`, to: raw`	if (request->match.methods == 0x1000)` },

	// --- JSON ----------------------------------------------------------------------------------------------------------
	{ test: 'scenario/24-wire: JSON answers say that they are JSON in UTF-8, errors as well', file: 'src/http/request.h', from: raw`"application/json;charset=UTF-8"`, to: raw`"application/json"` },
	{ test: 'scenario/24-wire: unknown members of a request are passed over', file: 'src/api/render.c', from: raw`	if (!json_is_object(value)) {`, to: raw`	if (!json_is_object(value) || json_object_get(value, "unknown") != NULL) {` },
	{ test: 'scenario/11-bad-input: what is not one JSON object is refused on every route that takes one', file: 'src/base/json.c', from: raw`text.len, JSON_REJECT_DUPLICATES, &why)`, to: raw`text.len, 0, &why)` },
	{ test: 'scenario/11-bad-input: what is not one JSON object is refused on every route that takes one', file: 'src/base/json.c', from: raw`text.len, JSON_REJECT_DUPLICATES, &why)`, to: raw`text.len, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &why)` },
	{ test: 'scenario/11-bad-input: what is not one JSON object is refused on every route that takes one', file: 'src/base/json.c', from: raw`#define DEPTH_MAX 64`, to: raw`#define DEPTH_MAX 65` },
	{ test: 'scenario/11-bad-input: what is not one JSON object is refused on every route that takes one', file: 'src/http/respond.c', from: raw`400, "BAD_REQUEST", NULL}`, to: raw`400, "INVALID", NULL}` },
	{ test: 'scenario/11-bad-input: members of the wrong type are refused', file: 'src/base/json.c', from: raw`	if (!json_is_string(member))`, to: raw`	if (!json_is_string(member) && !json_is_number(member))` },
	{ test: 'scenario/11-bad-input: a body may be as long as its route says, and not a byte longer, with a length or chunked', file: 'src/api/routes.def', from: raw`ROUTE(POST, "/api/v1/ingest/jobs", SCOPE_INGEST, WORK, WHOLE, 65536,`, to: raw`ROUTE(POST, "/api/v1/ingest/jobs", SCOPE_INGEST, WORK, WHOLE, 65535,` },
	{ test: 'scenario/11-bad-input: a body may be as long as its route says, and not a byte longer, with a length or chunked', file: 'src/api/routes.def', from: raw`WORK, WHOLE, SCHEMA_DOCUMENT_BYTES_MAX,`, to: raw`WORK, WHOLE, SCHEMA_DOCUMENT_BYTES_MAX + 1,` },
	{ test: 'scenario/11-bad-input: a body may be as long as its route says, and not a byte longer, with a length or chunked', file: 'src/http/server_mhd.c', from: raw`	if (bytes.len > request->body_bytes_max - request->received) {`, to: raw`	if (bytes.len > request->body_bytes_max + 1 - request->received) {` },

	// --- Times ---------------------------------------------------------------------------------------------------------
	{ test: "scenario/24-wire: times are UTC, whatever the server's own zone", file: 'src/base/clock.c', from: raw`	int64_t days = us / US_A_DAY, rest = us % US_A_DAY;`, to: raw`	tzset();
	us -= timezone * INT64_C(1000000);
	int64_t days = us / US_A_DAY, rest = us % US_A_DAY;` },
	{ test: "scenario/24-wire: times are UTC, whatever the server's own zone", file: 'src/base/clock.c', from: raw`".%03dZ", rest / 1000`, to: raw`".%03d+00:00", rest / 1000` },

	// --- Errors --------------------------------------------------------------------------------------------------------
	{ test: 'scenario/03-job: an error has the envelope of the wire', file: 'src/http/respond.c', from: raw`"COMMON_ERROR_GENERIC"`, to: raw`"COMMON_ERROR"` },
	{ test: 'scenario/03-job: an error has the envelope of the wire', file: 'src/http/respond.c', from: raw`	write_envelope(&body, request->path,`, to: raw`	write_envelope(&body, request->target,` },
	{ test: 'scenario/03-job: an error has the envelope of the wire', file: 'src/http/respond.c', from: raw`"%03uZ", (unsigned)now.tv_nsec % 1000u`, to: raw`"Z"` },
	{ test: 'scenario/03-job: an error has the envelope of the wire', file: 'src/http/respond.c', from: raw`"The requested resource doesn't exist: "`, to: raw`"Not found: "` },
	{ test: 'unit/http_refusal_test: an_error_comes_in_the_wires_envelope', file: 'src/http/respond.c', from: raw`	if (status == 500) {`, to: raw`	if (status == 599) {` },
	{ test: 'unit/http_refusal_test: an_error_comes_in_the_wires_envelope', file: 'src/http/respond.c', from: raw`	if (status != E_FULL && status != E_BUSY) {`, to: raw`	if (status != E_BUSY) {` },
	{ test: 'unit/http_refusal_test: an_errors_time_has_nine_digits', file: 'src/http/respond.c', from: raw`"%03uZ", (unsigned)now.tv_nsec % 1000u`, to: raw`"%02uZ", (unsigned)now.tv_nsec % 100u` },
	{ test: 'unit/http_refusal_test: a_lane_that_is_full_says_503', file: 'src/http/server_mhd.c', from: raw`		respond_error(request, 503, "%s", busy_text);`, to: raw`		respond_error(request, 500, "%s", busy_text);` },
	{ test: 'unit/http_test: a_drain_refuses_the_new_and_lets_the_old_finish', file: 'src/http/head.c', from: raw`	request->admitted = !server->draining;`, to: raw`	request->admitted = true;` },
	{ test: 'unit/http_test: a_drain_refuses_the_new_and_lets_the_old_finish', file: 'src/http/head.c', from: raw`	respond_header(request, "Retry-After", "5");
`, to: '' },
	{ test: 'scenario/11-bad-input: headers beyond the limit are 431', file: 'src/http/server_mhd_refuse.c', from: raw`	if (status == 500)
		status = 400;`, to: raw`	if (status == 500 || status == 431)
		status = 400;` },
	{ test: 'unit/job_fault_test: a_full_disk_costs_a_closed_job_nothing', file: 'src/work/worker.c', from: raw`		if (st == E_FULL) {`, to: raw`		if (st == E_BUSY) {` },

	// --- Tokens --------------------------------------------------------------------------------------------------------
	{ test: 'scenario/01-serve: no request passes without a token', file: 'src/http/respond.c', from: raw`	if (status == 401 && !has_header`, to: raw`	if (status == 402 && !has_header` },
	{ test: 'scenario/01-serve: no request passes without a token', file: 'src/auth/auth.c', from: raw`	if (header.len <= scheme.len || strncasecmp(header.ptr, scheme.ptr, scheme.len) != 0)`, to: raw`	if (header.len > scheme.len && strncasecmp(header.ptr, scheme.ptr, scheme.len) != 0)
		header = (struct slice){header.ptr - scheme.len, header.len + scheme.len};
	else if (header.len <= scheme.len)` },
	{ test: 'scenario/01-serve: a token reaches as far as its scopes', file: 'src/api/api.c', from: raw`	if (route != NULL && (route->scopes & token->scopes) != route->scopes) {`, to: raw`	if (route != NULL && token->scopes == 0) {` },
	{ test: 'scenario/01-serve: it says where it listens, answers, and ends with 0 on SIGTERM', file: 'src/api/api.c', from: raw`	respond_state(request, 200, "up");`, to: raw`	respond_state(request, 200, "ok");` },
	{ test: 'scenario/01-serve: it says where it listens, answers, and ends with 0 on SIGTERM', file: 'src/api/api.c', from: raw`	respond_state(request, ready ? 200 : 503,`, to: raw`	respond_state(request, ready ? 204 : 503,` },
];
