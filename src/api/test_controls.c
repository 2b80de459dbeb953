/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controls for people who test their clients: rules by which requests and jobs meet faults, and a
 * clock that can be moved.  docs/testing-clients.md is their manual.
 *
 * They are there only with --test-controls on.  Without, every call here answers 404 and says how
 * to switch them on, and api_intercept() is not given to the server at all.
 *
 * Not here: which rule hits (emulate/), and what it does to a request (http/fault.c) or to a job
 * (work/worker.c).
 */
#include "api/handlers.h"

#include "base/log.h"
#include "emulate/faults.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define JOBS_PATTERN     "/api/v1/ingest/jobs/{id}"
#define CONTROLS_PATTERN "/api/v1/test/"
#define SEGMENTS_MAX     16
#define ADVANCE_S_MAX    INT64_C(315360000) /* ten years */
#define DEFAULT_MESSAGE  "A test asked for this answer (rule %s)."
#define DEFAULT_RETRY_S  1

/* --- The intercept ---------------------------------------------------------------------------- */

/* What watches a server must see the server, and the controls must always work. */
static bool is_exempt(const struct http_route *route)
{
	return strncmp(route->pattern, CONTROLS_PATTERN, strlen(CONTROLS_PATTERN)) == 0 ||
	       strcmp(route->pattern, "/healthz") == 0 || strcmp(route->pattern, "/readyz") == 0;
}

/* The path's segments, decoded: the literal ones of the pattern, and the parameters. */
static size_t collect_segments(struct request *request, const char *pattern, struct slice *segments)
{
	size_t count = 0, params = 0, len;

	for (pattern += strspn(pattern, "/"); *pattern != '\0'; pattern += strspn(pattern, "/")) {
		assert(count < SEGMENTS_MAX);
		len = strcspn(pattern, "/");
		segments[count++] = *pattern == '{' ? request_param(request, params++)
						    : (struct slice){pattern, len};
		pattern += len;
	}
	return count;
}

static void respond_made_up(struct request *request, const struct fault_rule *rule)
{
	char text[FAULT_MESSAGE_BYTES];
	int64_t retry_s = rule->retry_after_s;

	if (retry_s < 0 && (rule->status == 429 || rule->status == 503))
		retry_s = DEFAULT_RETRY_S;
	if (retry_s >= 0) {
		snprintf(text, sizeof(text), "%" PRId64, retry_s);
		respond_header(request, "Retry-After", text);
	}
	snprintf(text, sizeof(text), DEFAULT_MESSAGE, rule->id);
	respond_error_verbatim(request, (unsigned)rule->status,
	    slice_of(rule->message[0] != '\0' ? rule->message : text));
}

void api_intercept(struct request *request, const struct http_route *route)
{
	struct api *api = request_context(request);
	struct slice segments[SEGMENTS_MAX];
	struct fault_request asked = {
	    .method = http_method_name(request_method(request)), .segments = segments};
	struct http_fault fault = {0};
	struct fault_rule rule;

	if (is_exempt(route))
		return;
	asked.segment_count = collect_segments(request, route->pattern, segments);
	if (strncmp(route->pattern, JOBS_PATTERN, strlen(JOBS_PATTERN)) == 0)
		asked.job = request_param(request, 0);
	if (!faults_take_request(api->faults, &asked, &rule))
		return;
	log_event(LOG_LEVEL_INFO, "fault.request", "rule=%s method=%s path=%.*s", rule.id,
	    asked.method, SLICE_ARGS(request_path(request)));
	fault.delay_ms = (uint32_t)rule.delay_ms;
	fault.cut_request = rule.cut == FAULT_CUT_REQUEST;
	fault.cut_after_bytes = (uint64_t)rule.cut_after_bytes;
	fault.cut_answer = rule.cut == FAULT_CUT_ANSWER;
	request_set_fault(request, &fault);
	if (rule.status != 0)
		respond_made_up(request, &rule);
}

/* --- Rules ------------------------------------------------------------------------------------ */

/* When they are off, respond. */
static bool are_on(struct request *request)
{
	const struct api *api = request_context(request);

	if (api->faults != NULL)
		return true;
	respond_error(
	    request, 404, "the test controls are off; start the server with --test-controls on.");
	return false;
}

static void respond_rule(struct request *request, unsigned status, const struct fault_rule *rule)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	fault_rule_write(&w, rule);
	respond_json(request, status, &body);
}

static void respond_bad_rule(struct request *request, const struct problems *problems)
{
	size_t shown =
	    problems->count < SCHEMA_PROBLEMS_MAX ? problems->count : SCHEMA_PROBLEMS_MAX;
	struct json_writer w;
	struct buffer details;

	buffer_init(&details, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &details);
	json_write_object(&w);
	json_write_key(&w, "problemCount");
	json_write_int(&w, (int64_t)problems->count);
	json_write_key(&w, "problems");
	json_write_array(&w);
	for (size_t i = 0; i < shown; i++)
		json_write_text(&w, problems->texts[i]);
	json_write_end(&w);
	json_write_end(&w);
	respond_error_details(request, 400, &details,
	    "The rule is not valid (problems: %zu, see details): %s.", problems->count,
	    problems->texts[0]);
}

static void respond_no_rule(struct request *request)
{
	respond_error(
	    request, 404, "there is no rule %.*s.", SLICE_ARGS(request_param(request, 0)));
}

static void create(struct request *request, const json_t *body)
{
	struct api *api = request_context(request);
	struct problems problems = {.arena = request_arena(request)};
	struct fault_rule rule;
	struct err err = {{0}};

	if (!fault_rule_parse(body, &rule, &problems))
		respond_bad_rule(request, &problems);
	else if (faults_add(api->faults, &rule, &rule, &err) != OK)
		respond_error(request, 409, "%s; remove some.", err.text);
	else
		respond_rule(request, 201, &rule);
}

void api_fault_create(struct request *request)
{
	json_t *body = are_on(request) ? api_parse_object(request) : NULL;

	if (body == NULL)
		return;
	create(request, body);
	json_decref(body);
}

void api_fault_list(struct request *request)
{
	struct api *api = request_context(request);
	struct fault_rule *rules;
	struct json_writer w;
	struct buffer body;
	struct err err;
	size_t count;

	if (!are_on(request))
		return;
	rules = arena_array(request_arena(request), FAULTS_MAX, sizeof(*rules));
	if (rules == NULL) {
		respond_failure(request, err_set(&err, E_NOMEM, "no memory for rules"), &err);
		return;
	}
	count = faults_list(api->faults, rules, FAULTS_MAX);
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "data");
	json_write_array(&w);
	for (size_t i = 0; i < count; i++)
		fault_rule_write(&w, &rules[i]);
	json_write_end(&w);
	json_write_end(&w);
	respond_json(request, 200, &body);
}

void api_fault_get(struct request *request)
{
	struct api *api = request_context(request);
	struct fault_rule rule;

	if (!are_on(request))
		return;
	if (faults_get(api->faults, request_param(request, 0), &rule))
		respond_rule(request, 200, &rule);
	else
		respond_no_rule(request);
}

void api_fault_delete(struct request *request)
{
	struct api *api = request_context(request);

	if (!are_on(request))
		return;
	if (faults_remove(api->faults, request_param(request, 0)))
		respond_empty(request, 204);
	else
		respond_no_rule(request);
}

void api_fault_clear(struct request *request)
{
	struct api *api = request_context(request);

	if (!are_on(request))
		return;
	faults_clear(api->faults);
	respond_empty(request, 204);
}

/* --- The clock -------------------------------------------------------------------------------- */

static void respond_clock(struct request *request)
{
	char now[CLOCK_TEXT_BYTES];
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "now");
	json_write_text(&w, clock_format_ms(now, clock_now_us()));
	json_write_key(&w, "offsetSeconds");
	json_write_int(&w, clock_offset_us() / 1000000);
	json_write_end(&w);
	respond_json(request, 200, &body);
}

void api_clock_get(struct request *request)
{
	if (are_on(request))
		respond_clock(request);
}

static void advance(struct request *request, const json_t *body)
{
	struct api *api = request_context(request);
	const json_t *member = json_object_get(body, "advanceSeconds");
	int64_t seconds = json_is_integer(member) ? json_integer_value(member) : -1;

	if (seconds < 0 || seconds > ADVANCE_S_MAX) {
		respond_error(request, 400,
		    "\"advanceSeconds\" must be a whole number from 0 to %" PRId64
		    " (ten years); the clock only goes forward.",
		    ADVANCE_S_MAX);
		return;
	}
	if (!clock_advance_us(seconds * 1000000)) {
		respond_error(request, 400,
		    "\"advanceSeconds\" is %" PRId64 ", and the clock is %" PRId64
		    " seconds ahead already; the most is %" PRId64 ".",
		    seconds, clock_offset_us() / 1000000, CLOCK_OFFSET_US_MAX / 1000000);
		return;
	}
	log_event(LOG_LEVEL_INFO, "clock.moved", "seconds=%" PRId64 " offset_seconds=%" PRId64,
	    seconds, clock_offset_us() / 1000000);
	/* Jobs that wait for a time may be due; whatever else goes by the wall clock has its turn
	 * before the answer, so that a test need not wait for it. */
	work_wake(api->work);
	if (api->clock_moved != NULL)
		api->clock_moved(api->clock_moved_ctx);
	respond_clock(request);
}

void api_clock_advance(struct request *request)
{
	json_t *body = are_on(request) ? api_parse_object(request) : NULL;

	if (body == NULL)
		return;
	advance(request, body);
	json_decref(body);
}
