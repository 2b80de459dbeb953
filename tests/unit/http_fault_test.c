/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of http/http.h about faults: delays that hold up nobody else, and connections that are
 * cut where it was said. */
#include "http/http.h"

#include "base/log.h"
#include "base/thread.h"
#include "http_client.h"

#include <stdatomic.h>

#define HOST      "Host: t\r\n"
#define LONG_MS   "600000"
#define BODY_TEXT "0123456789" /* of GET /ten */

/* --- The application: faults are asked for by headers ----------------------------------------- */

static struct {
	struct http_server *server;
	uint16_t port;
	_Atomic long intercepted, handled, begun, written, finished, cancelled, closed_sources;
} app;

static void respond_ten(struct request *request)
{
	struct buffer body;

	app.handled++;
	buffer_init(&body, 100);
	buffer_put_text(&body, BODY_TEXT);
	respond(request, 200, "text/plain", &body);
}

static void respond_nothing(struct request *request)
{
	app.handled++;
	respond_empty(request, 204);
}

static int64_t read_block(void *ctx, char *ret_bytes, size_t room)
{
	long *left = ctx;
	size_t n = room < (size_t)*left ? room : (size_t)*left;

	memset(ret_bytes, 'x', n);
	*left -= (long)n;
	return (int64_t)n;
}

static void close_block(void *ctx)
{
	(void)ctx;
	app.closed_sources++;
}

static void respond_block(struct request *request)
{
	long *left = arena_alloc(request_arena(request), sizeof(*left));
	struct http_source source = {.read = read_block, .close = close_block, .ctx = left};

	assert_non_null(left);
	*left = strtol(request_param(request, 0).ptr, NULL, 10);
	respond_source(request, 200, "text/csv", &source);
}

static void begin(struct request *request)
{
	struct slice refuse;

	app.begun++;
	if (request_header(request, "X-Refuse", &refuse))
		respond_error(request, 409, "not now.");
}

static void count_bytes(struct request *request, struct slice bytes)
{
	(void)request;
	app.written += (long)bytes.len;
}

static void finish(struct request *request)
{
	app.finished++;
	respond_ten(request);
}

static void cancel(struct request *request)
{
	(void)request;
	app.cancelled++;
}

static const struct http_upload upload = {
    .begin = begin, .write = count_bytes, .finish = finish, .cancel = cancel};

static long number_of(struct request *request, const char *name)
{
	struct slice text;

	return request_header(request, name, &text) ? strtol(text.ptr, NULL, 10) : -1;
}

static void intercept(struct request *request, const struct http_route *route)
{
	struct http_fault fault = {0};
	struct slice text;

	assert_non_null(route);
	app.intercepted++;
	if (number_of(request, "X-Delay") >= 0)
		fault.delay_ms = (uint32_t)number_of(request, "X-Delay");
	if (number_of(request, "X-Cut") >= 0) {
		fault.cut_request = true;
		fault.cut_after_bytes = (uint64_t)number_of(request, "X-Cut");
	}
	fault.cut_answer = request_header(request, "X-Cut-Answer", &text);
	request_set_fault(request, &fault);
	if (request_header(request, "X-Answer", &text))
		respond_error_verbatim(
		    request, (unsigned)number_of(request, "X-Answer"), SLICE("as told"));
}

static void authorize(struct request *request, const struct http_route *route)
{
	struct slice text;

	(void)route;
	if (request_header(request, "X-Stranger", &text))
		respond_error(request, 401, "who are you?");
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/ten", .handle = respond_ten},
    {.method = HTTP_GET, .pattern = "/nothing", .handle = respond_nothing},
    {.method = HTTP_GET, .pattern = "/block/{bytes}", .handle = respond_block},
    {.method = HTTP_POST,
	.pattern = "/ten",
	.lane = HTTP_LANE_WORK,
	.body = HTTP_BODY_WHOLE,
	.body_bytes_max = 1000000,
	.handle = respond_ten},
    {.method = HTTP_PUT,
	.pattern = "/upload",
	.lane = HTTP_LANE_WORK,
	.body = HTTP_BODY_STREAM,
	.body_bytes_max = 100000000,
	.upload = &upload},
};

static int set_up(void **state)
{
	struct http_options o = {.address = "127.0.0.1",
	    .routes = routes,
	    .route_count = sizeof(routes) / sizeof(routes[0]),
	    .authorize = authorize,
	    .intercept = intercept,
	    .event_threads = 2,
	    .work_threads = 2,
	    .query_threads = 1,
	    .connections_max = 64,
	    .idle_timeout_s = 1};
	struct err err;

	(void)state;
	alarm(60); /* a delay that does not end would hang the stop, too */
	log_set_level(LOG_LEVEL_ERROR);
	app.intercepted = app.handled = app.begun = app.written = app.finished = app.cancelled =
	    app.closed_sources = 0;
	if (http_server_start(&o, &app.server, &err) != OK)
		return 1;
	app.port = http_server_port(app.server);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http_server_stop(&app.server);
	alarm(0);
	return 0;
}

/* --- What a client sees ----------------------------------------------------------------------- */

/* All that comes until the connection ends; returns whether it ended with a reset. */
static bool read_to_the_end(struct client *c)
{
	while (client_fill(c))
		;
	assert_true(errno == 0 || errno == ECONNRESET || errno == EPIPE);
	return errno != 0;
}

static void expect_status(struct client *c, int status)
{
	struct client_reply r;

	client_read_reply(c, &r, true);
	if (r.status != status)
		fail_msg("%d expected, got: %s%s", status, r.head, r.body);
	reply_free(&r);
}

static void ask(const char *text, int status)
{
	struct client c;

	client_open(&c, app.port);
	client_send(&c, text);
	expect_status(&c, status);
	client_close(&c);
}

static int64_t ms_since(int64_t begun_us)
{
	return (clock_mono_us() - begun_us) / 1000;
}

/* --- Delays ----------------------------------------------------------------------------------- */

static void a_delay_is_waited_for_and_then_all_is_as_usual(void **state)
{
	static const char *const requests[] = {
	    "GET /ten HTTP/1.1\r\n" HOST "X-Delay: 300\r\n\r\n",
	    "POST /ten HTTP/1.1\r\n" HOST "X-Delay: 300\r\nContent-Length: 3\r\n\r\nabc",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Delay: 300\r\nContent-Length: 3\r\n\r\nabc",
	    "PUT /upload HTTP/1.1\r\n" HOST
	    "X-Delay: 300\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	};
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int64_t begun_us = clock_mono_us();

		client_open(&c, app.port);
		client_send(&c, requests[i]);
		expect_status(&c, 200);
		assert_true(ms_since(begun_us) >= 300);
		/* The connection is as good as new. */
		client_send(&c, "GET /ten HTTP/1.1\r\n" HOST "\r\n");
		expect_status(&c, 200);
		client_close(&c);
	}
	assert_int_equal(app.written, 6);
}

static void a_delayed_connection_is_not_idle(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(&c, "GET /ten HTTP/1.1\r\n" HOST "X-Delay: 1500\r\n\r\n");
	expect_status(&c, 200);
	client_close(&c);
}

static void delayed_requests_hold_up_nobody(void **state)
{
	struct client delayed[8];
	struct client c;
	int64_t begun_us = clock_mono_us();

	(void)state;
	for (int i = 0; i < 8; i++) {
		client_open(&delayed[i], app.port);
		client_send(&delayed[i], "PUT /upload HTTP/1.1\r\n" HOST "X-Delay: " LONG_MS
					 "\r\nContent-Length: 3\r\n\r\nabc");
	}
	assert_true(wait_for(&app.intercepted, 8));
	for (int i = 0; i < 20; i++) {
		client_open(&c, app.port);
		client_send(&c, "PUT /upload HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
		expect_status(&c, 200);
		client_close(&c);
	}
	assert_true(ms_since(begun_us) < 9000);
	assert_int_equal(app.begun, 20);
	for (int i = 0; i < 8; i++)
		client_close(&delayed[i]);
}

static void a_made_up_answer_waits_too_and_reads_no_body(void **state)
{
	struct client_reply r;
	struct client c;
	int64_t begun_us = clock_mono_us();

	(void)state;
	client_open(&c, app.port);
	/* Not one byte of the body is sent before the answer is there. */
	client_send(&c, "PUT /upload HTTP/1.1\r\n" HOST "X-Delay: 200\r\nX-Answer: 500\r\n"
			"Content-Length: 50000000\r\n\r\n");
	client_read_reply(&c, &r, true);
	assert_int_equal(r.status, 500);
	assert_non_null(strstr(r.body, "\"message\":\"as told\""));
	assert_true(ms_since(begun_us) >= 200);
	assert_int_equal(app.begun, 0);
	reply_free(&r);
	client_close(&c);
}

static void delays_are_bounded(void **state)
{
	struct client delayed[32];
	struct client_reply r;
	struct client c;
	int64_t begun_us = clock_mono_us();
	int status;

	(void)state;
	/* Half of the connections, and one more. */
	for (int i = 0; i < 32; i++) {
		client_open(&delayed[i], app.port);
		client_send(
		    &delayed[i], "GET /ten HTTP/1.1\r\n" HOST "X-Delay: " LONG_MS "\r\n\r\n");
	}
	assert_true(wait_for(&app.intercepted, 32));
	/* The last ones may still be on their way from the intercept to the list. */
	do {
		client_ask(app.port, "GET /ten HTTP/1.1\r\n" HOST "X-Delay: 1\r\n\r\n", &r);
		status = r.status;
		reply_free(&r);
	} while (status == 200 && ms_since(begun_us) < 9000);
	assert_int_equal(status, 503);
	client_open(&c, app.port);
	client_send(&c, "GET /ten HTTP/1.1\r\n" HOST "\r\n");
	expect_status(&c, 200);
	client_close(&c);
	for (int i = 0; i < 32; i++)
		client_close(&delayed[i]);
}

static void a_drain_ends_all_delays_and_they_are_served(void **state)
{
	struct client c[6];
	int64_t begun_us;

	(void)state;
	for (int i = 0; i < 6; i++) {
		client_open(&c[i], app.port);
		client_send(&c[i], i % 2 == 0 ? "GET /ten HTTP/1.1\r\n" HOST "X-Delay: " LONG_MS
						"\r\n\r\n"
					      : "PUT /upload HTTP/1.1\r\n" HOST "X-Delay: " LONG_MS
						"\r\nContent-Length: 3\r\n\r\nabc");
	}
	assert_true(wait_for(&app.intercepted, 6));
	begun_us = clock_mono_us();
	assert_true(http_server_drain(app.server, begun_us + 10000000));
	assert_true(ms_since(begun_us) < 9000);
	for (int i = 0; i < 6; i++) {
		expect_status(&c[i], 200);
		client_close(&c[i]);
	}
}

static void a_stop_ends_all_delays(void **state)
{
	struct client c[6];
	int64_t begun_us;

	(void)state;
	for (int i = 0; i < 6; i++) {
		client_open(&c[i], app.port);
		client_send(&c[i], i % 2 == 0 ? "GET /ten HTTP/1.1\r\n" HOST "X-Delay: " LONG_MS
						"\r\n\r\n"
					      : "PUT /upload HTTP/1.1\r\n" HOST "X-Delay: " LONG_MS
						"\r\nContent-Length: 3\r\n\r\na");
	}
	assert_true(wait_for(&app.intercepted, 6));
	begun_us = clock_mono_us();
	http_server_stop(&app.server);
	assert_true(ms_since(begun_us) < 9000);
	assert_int_equal(app.begun, app.cancelled);
	for (int i = 0; i < 6; i++)
		client_close(&c[i]);
}

static void who_leaves_during_a_delay_harms_nobody(void **state)
{
	struct client c;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20; i++) {
			client_open(&c, app.port);
			client_send(&c, i % 2 == 0 ? "GET /ten HTTP/1.1\r\n" HOST
						     "X-Delay: 50\r\n\r\n"
						   : "PUT /upload HTTP/1.1\r\n" HOST
						     "X-Delay: 50\r\nContent-Length: 3\r\n\r\na");
			client_close(&c);
		}
		assert_true(wait_for(&app.intercepted, round * 21 + 20));
		/* Later than all of them; and they keep no place among the delayed. */
		ask("GET /ten HTTP/1.1\r\n" HOST "X-Delay: 300\r\n\r\n", 200);
	}
	assert_true(http_server_drain(app.server, clock_mono_us() + 10000000));
	assert_int_equal(app.begun, app.cancelled + app.finished);
}

/* --- Cuts ------------------------------------------------------------------------------------- */

static void a_request_is_cut_at_its_head(void **state)
{
	static const char *const requests[] = {
	    "GET /ten HTTP/1.1\r\n" HOST "X-Cut: 0\r\n\r\n",
	    "GET /ten HTTP/1.1\r\n" HOST "X-Cut: 100\r\n\r\n", /* it has no body to wait for */
	    "POST /ten HTTP/1.1\r\n" HOST "X-Cut: 0\r\nContent-Length: 3\r\n\r\n",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 0\r\nContent-Length: 3\r\n\r\n",
	    "PUT /upload HTTP/1.1\r\n" HOST
	    "X-Cut: 0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 0\r\nContent-Length: 0\r\n\r\n",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 5\r\nX-Delay: 50\r\nContent-Length: 0\r\n\r\n",
	};
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, requests[i]);
		assert_true(read_to_the_end(&c));
		assert_int_equal(c.len, 0);
		client_close(&c);
	}
	assert_int_equal(app.handled + app.begun, 0);
}

static void a_body_is_cut_once_so_many_bytes_have_come(void **state)
{
	static const char *const heads[] = {
	    "POST /ten HTTP/1.1\r\n" HOST "X-Cut: 6\r\nContent-Length: 20\r\n\r\n",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 6\r\nContent-Length: 20\r\n\r\n",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 6\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n",
	};
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, heads[i]);
		client_send(&c, "12345");
		/* One byte short of it the server waits for more. */
		assert_int_equal(recv(c.fd, c.bytes, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
		client_send(&c, "6");
		assert_true(read_to_the_end(&c));
		assert_int_equal(c.len, 0);
		client_close(&c);
	}
	assert_true(http_server_drain(app.server, clock_mono_us() + 10000000));
	assert_int_equal(app.handled + app.finished, 0);
	assert_int_equal(app.begun, 2);
	assert_int_equal(app.cancelled, 2);
}

static void a_shorter_body_is_cut_at_its_end(void **state)
{
	static const char *const requests[] = {
	    "POST /ten HTTP/1.1\r\n" HOST "X-Cut: 600\r\nContent-Length: 3\r\n\r\nabc",
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 600\r\nContent-Length: 3\r\n\r\nabc",
	    "PUT /upload HTTP/1.1\r\n" HOST
	    "X-Cut: 600\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	};
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, requests[i]);
		assert_true(read_to_the_end(&c));
		assert_int_equal(c.len, 0);
		client_close(&c);
	}
	assert_true(http_server_drain(app.server, clock_mono_us() + 10000000));
	assert_int_equal(app.handled + app.finished, 0);
	assert_int_equal(app.cancelled, 2);
}

/* While chunks are on their way to the lane, and its steps run. */
static void a_large_upload_is_cut_in_its_midst(void **state)
{
	static char block[1000000];
	struct client c;
	size_t sent = 0, n;

	(void)state;
	client_open(&c, app.port);
	client_send(&c,
	    "PUT /upload HTTP/1.1\r\n" HOST "X-Cut: 20000000\r\nContent-Length: 40000000\r\n\r\n");
	do {
		n = client_send_bytes(&c, block, sizeof(block));
		sent += n;
	} while (n == sizeof(block) && sent < 40000000);
	assert_true(sent < 40000000);
	assert_true(http_server_drain(app.server, clock_mono_us() + 10000000));
	assert_int_equal(app.finished, 0);
	assert_int_equal(app.cancelled, 1);
	assert_true(app.written < 20000000);
	client_close(&c);
}

static void an_answer_is_cut_in_the_middle_of_its_body(void **state)
{
	static const char *const requests[] = {
	    "GET /ten HTTP/1.1\r\n" HOST "X-Cut-Answer: 1\r\n\r\n",
	    "POST /ten HTTP/1.1\r\n" HOST "X-Cut-Answer: 1\r\nContent-Length: 3\r\n\r\nabc",
	    "PUT /upload HTTP/1.1\r\n" HOST
	    "X-Cut-Answer: 1\r\nX-Delay: 20\r\nContent-Length: 3\r\n\r\nabc",
	};
	struct client c;
	const char *body;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, requests[i]);
		read_to_the_end(&c);
		assert_int_equal(strncmp(c.bytes, "HTTP/1.1 200 ", 13), 0);
		assert_non_null(strstr(c.bytes, "Content-Length: 10\r\n"));
		body = strstr(c.bytes, "\r\n\r\n");
		assert_non_null(body);
		assert_string_equal(body + 4, "01234");
		client_close(&c);
	}
	/* The work was done. */
	assert_int_equal(app.handled, 3);
	assert_int_equal(app.finished, 1);
	assert_int_equal(app.cancelled, 0);
}

static void an_answer_without_a_body_is_cut_before_its_head(void **state)
{
	static const char *const requests[] = {
	    "GET /nothing HTTP/1.1\r\n" HOST "X-Cut-Answer: 1\r\n\r\n",
	    "HEAD /ten HTTP/1.1\r\n" HOST "X-Cut-Answer: 1\r\n\r\n",
	};
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, requests[i]);
		assert_true(read_to_the_end(&c));
		assert_int_equal(c.len, 0);
		client_close(&c);
	}
	assert_int_equal(app.handled, 2);
}

static void a_source_is_cut_in_its_first_block_and_closed(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(&c, "GET /block/1000 HTTP/1.1\r\n" HOST "X-Cut-Answer: 1\r\n\r\n"
			"GET /block/1000 HTTP/1.1\r\n" HOST "\r\n");
	read_to_the_end(&c);
	assert_non_null(strstr(c.bytes, "\r\n\r\n1F4\r\nxxx"));
	assert_null(strstr(c.bytes, "\r\n0\r\n"));
	client_close(&c);
	assert_true(wait_for(&app.closed_sources, 1));
}

static void a_refusal_is_cut_as_well(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(&c, "PUT /upload HTTP/1.1\r\n" HOST
			"X-Refuse: 1\r\nX-Cut-Answer: 1\r\nContent-Length: 3\r\n\r\n");
	read_to_the_end(&c);
	assert_int_equal(strncmp(c.bytes, "HTTP/1.1 409 ", 13), 0);
	assert_non_null(strstr(c.bytes, "\"timestamp\""));
	assert_null(strstr(c.bytes, "\"details\""));
	client_close(&c);
	/* In mid-body: too long a body without a Content-Length. */
	client_open(&c, app.port);
	client_send(&c, "POST /ten HTTP/1.1\r\n" HOST
			"X-Cut-Answer: 1\r\nTransfer-Encoding: chunked\r\n\r\nf4250\r\n");
	{
		static char block[1000016];

		client_send_bytes(&c, block, sizeof(block));
	}
	read_to_the_end(&c);
	if (c.len > 0) { /* a reset may have overtaken it */
		assert_int_equal(strncmp(c.bytes, "HTTP/1.1 413 ", 13), 0);
		assert_null(strstr(c.bytes, "\"details\""));
	}
	client_close(&c);
}

static void who_is_refused_is_not_intercepted(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(&c, "GET /ten HTTP/1.1\r\n" HOST "X-Stranger: 1\r\nX-Cut: 0\r\n\r\n");
	expect_status(&c, 401);
	client_send(&c, "GET /nowhere HTTP/1.1\r\n" HOST "X-Cut: 0\r\n\r\n");
	expect_status(&c, 404);
	client_send(
	    &c, "POST /ten HTTP/1.1\r\n" HOST "X-Cut: 0\r\nContent-Length: 1000001\r\n\r\n");
	expect_status(&c, 413);
	client_close(&c);
	assert_int_equal(app.intercepted, 0);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVED(a_delay_is_waited_for_and_then_all_is_as_usual),
	    SERVED(a_delayed_connection_is_not_idle),
	    SERVED(a_stop_ends_all_delays), /* before those that leave some to their end */
	    SERVED(delayed_requests_hold_up_nobody),
	    SERVED(a_made_up_answer_waits_too_and_reads_no_body),
	    SERVED(delays_are_bounded),
	    SERVED(a_drain_ends_all_delays_and_they_are_served),
	    SERVED(who_leaves_during_a_delay_harms_nobody),
	    SERVED(a_request_is_cut_at_its_head),
	    SERVED(a_body_is_cut_once_so_many_bytes_have_come),
	    SERVED(a_shorter_body_is_cut_at_its_end),
	    SERVED(a_large_upload_is_cut_in_its_midst),
	    SERVED(an_answer_is_cut_in_the_middle_of_its_body),
	    SERVED(an_answer_without_a_body_is_cut_before_its_head),
	    SERVED(a_source_is_cut_in_its_first_block_and_closed),
	    SERVED(a_refusal_is_cut_as_well),
	    SERVED(who_is_refused_is_not_intercepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
