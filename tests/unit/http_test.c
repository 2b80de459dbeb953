/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of http/http.h: requests that go well, lanes, sources, and a server's life. */
#include "http_app.h"

static void a_handler_sees_the_request_as_it_was_sent(void **state)
{
	(void)state;
	ask("GET /hello HTTP/1.1\r\n" HOST "\r\n", 200, "hello");
	ask("GET //hello/ HTTP/1.1\r\n" HOST "\r\n", 200, "hello");
	ask("GET /hello?x HTTP/1.1\r\n" HOST "\r\n", 200, "hello");
	ask("GET /echo/1/x/2?q=a+b%2B HTTP/1.1\r\n" HOST "x-thing:  it \r\n\r\n", 200,
	    "GET\n/echo/1/x/2\n1\n2\na b+\nit");
	ask("GET /echo/a%2Fb/x//%41/?r=1&q= HTTP/1.1\r\n" HOST "\r\n", 200,
	    "GET\n/echo/a%2Fb/x//%41/\na/b\nA\n\n-");
	ask("DELETE /echo/1/x/2 HTTP/1.1\r\n" HOST "\r\n", 200, "DELETE\n/echo/1/x/2\n1\n2\n-\n-");
	ask("GET /hello HTTP/1.0\r\n\r\n", 200, "hello");
}

static void head_is_get_without_a_body(void **state)
{
	struct client_reply r;
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(
	    &c, "HEAD /hello HTTP/1.1\r\n" HOST "\r\nHEAD /source/70000 HTTP/1.1\r\n" HOST "\r\n");
	client_read_reply(&c, &r, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_header(&r, "Content-Length"), "5");
	reply_free(&r);
	/* How long it is nobody knows; so the connection's end is its end. */
	client_read_reply(&c, &r, false);
	assert_int_equal(r.status, 200);
	assert_null(reply_header(&r, "Content-Length"));
	assert_string_equal(reply_header(&r, "Content-Type"), "text/csv");
	assert_true(client_at_end(&c));
	reply_free(&r);
	client_close(&c);
	assert_true(wait_for(&app.closed_sources, 1));
}

static void a_connection_serves_many_requests(void **state)
{
	struct client_reply r;
	struct client c;
	int i;

	(void)state;
	client_open(&c, app.port);
	for (i = 0; i < 3; i++) {
		client_send(&c, "GET /hello HTTP/1.1\r\n" HOST "\r\nGET /work HTTP/1.1\r\n" HOST
				"\r\nPOST /body HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
				"GET /nowhere HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n");
		client_read_reply(&c, &r, true);
		assert_string_equal(r.body, "hello");
		reply_free(&r);
		client_read_reply(&c, &r, true);
		assert_string_equal(r.body, "work");
		reply_free(&r);
		client_read_reply(&c, &r, true);
		assert_string_equal(r.body, "abc");
		reply_free(&r);
		client_read_reply(&c, &r, true);
		assert_int_equal(r.status, 404);
		reply_free(&r);
	}
	client_close(&c);
}

static void a_route_runs_on_its_lane(void **state)
{
	(void)state;
	ask("GET /work HTTP/1.1\r\n" HOST "\r\n", 200, "work");
	ask("GET /query HTTP/1.1\r\n" HOST "\r\n", 200, "query");
	ask("POST /body/work HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcd", 200, "abcd");
}

static void a_status_brings_the_headers_that_it_needs(void **state)
{
	static const struct {
		const char *path, *name, *value;
	} cases[] = {
	    {"/error/1", "WWW-Authenticate", "Bearer"},
	    {"/error/f", "Retry-After", "1"},
	    {"/error/e", "X-One", "1"},
	    {"/error/e", "X-Two", "2"},
	    {"/error/e", "Content-Type", NULL},
	    {"/error/3", "WWW-Authenticate", NULL},
	    {"/hello", "Content-Type", "text/plain"},
	    {"/hello", "Connection", NULL},
	};
	struct client_reply r;
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", cases[i].path);
		client_ask(app.port, text, &r);
		if (cases[i].value != NULL)
			assert_string_equal(reply_header(&r, cases[i].name), cases[i].value);
		else
			assert_null(reply_header(&r, cases[i].name));
		reply_free(&r);
	}
}

static void expect_100_is_answered_and_a_refusal_comes_without(void **state)
{
	struct client_reply r;
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(
	    &c, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	client_read_reply(&c, &r, false);
	assert_int_equal(r.status, 100);
	reply_free(&r);
	client_send(&c, "abc");
	client_read_reply(&c, &r, true);
	assert_string_equal(r.body, "abc");
	reply_free(&r);
	client_close(&c);
	ask("POST /body HTTP/1.1\r\n" HOST "Content-Length: 3000\r\nExpect: 100-continue\r\n\r\n",
	    413, NULL);
	ask("PUT /closed HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
	    401, NULL);
}

static void a_source_is_sent_and_closed_once(void **state)
{
	struct client_reply r;
	struct client c;

	(void)state;
	client_ask(app.port, "GET /source/0 HTTP/1.1\r\n" HOST "\r\n", &r);
	assert_int_equal(r.body_len, 0);
	reply_free(&r);
	client_ask(app.port, "GET /source/300000 HTTP/1.1\r\n" HOST "\r\n", &r);
	assert_int_equal(r.body_len, 300000);
	assert_int_equal(strspn(r.body, "x"), 300000);
	assert_string_equal(reply_header(&r, "Content-Type"), "text/csv");
	reply_free(&r);
	assert_true(wait_for(&app.closed_sources, 2));

	/* The client goes away in the middle. */
	client_open(&c, app.port);
	client_send(&c, "GET /source/2000000000 HTTP/1.1\r\n" HOST "\r\n");
	client_need(&c, 100000);
	client_close(&c);
	assert_true(wait_for(&app.closed_sources, 3));

	/* The source fails in the middle: the last chunk never comes. */
	client_open(&c, app.port);
	client_send(&c, "GET /source/200001 HTTP/1.1\r\n" HOST "\r\n");
	while (client_fill(&c))
		;
	assert_true(c.len > 50000 && c.len < 200000);
	assert_null(strstr(c.bytes, "\r\n0\r\n"));
	client_close(&c);
	assert_true(wait_for(&app.closed_sources, 4));
	assert_int_equal(app.closed_sources, 4);
}

/* On one connection, four at a time. */
static void *ask_deferred(void *ctx)
{
	static const char four[] =
	    "GET /defer HTTP/1.1\r\n" HOST "\r\nGET /defer/work HTTP/1.1\r\n" HOST
	    "\r\nGET /defer HTTP/1.1\r\n" HOST "\r\nGET /defer HTTP/1.1\r\n" HOST "\r\n";
	_Atomic long *good = ctx;
	struct client_reply r;
	struct client c;
	int i, k;

	client_open(&c, app.port);
	for (i = 0; i < ASKS_PER_CONN; i += 4) {
		client_send(&c, four);
		for (k = 0; k < 4; k++) {
			client_read_reply(&c, &r, true);
			if (r.status == 200 && strcmp(r.body, "later") == 0)
				(*good)++;
			reply_free(&r);
		}
	}
	client_close(&c);
	return NULL;
}

static void deferred_requests_are_answered_from_another_thread(void **state)
{
	pthread_t threads[ASKS_AT_ONCE];
	_Atomic long good = 0;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ASKS_AT_ONCE; i++)
		assert_int_equal(
		    thread_start(&threads[i], "asker", ask_deferred, (void *)&good, &err), OK);
	for (i = 0; i < ASKS_AT_ONCE; i++)
		thread_join(threads[i]);
	assert_int_equal(good, ASKS_AT_ONCE * ((ASKS_PER_CONN + 3) / 4 * 4));
}

static void who_leaves_while_his_answer_is_made_harms_nobody(void **state)
{
	struct client c;
	int i;

	(void)state;
	app.hold = true;
	for (i = 0; i < 8; i++) {
		client_open(&c, app.port);
		client_send(&c, i % 2 == 0 ? "GET /work HTTP/1.1\r\n" HOST "\r\n"
					   : "GET /defer HTTP/1.1\r\n" HOST "\r\n");
		usleep(5000);
		client_close(&c);
	}
	app.hold = false;
	ask("GET /hello HTTP/1.1\r\n" HOST "\r\n", 200, "hello");
}

static void *stop_hold_later(void *ctx)
{
	(void)ctx;
	usleep(200000);
	app.hold = false;
	return NULL;
}

static void a_drain_refuses_the_new_and_lets_the_old_finish(void **state)
{
	struct client busy, idle;
	struct client_reply r;
	pthread_t thread;
	struct err err;

	(void)state;
	app.hold = true;
	client_open(&idle, app.port);
	client_send(&idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	client_read_reply(&idle, &r, true);
	reply_free(&r);
	client_open(&busy, app.port);
	client_send(&busy, "GET /work HTTP/1.1\r\n" HOST "\r\n");
	usleep(50000);

	/* One runs: not drained.  The connection that is merely open does not count. */
	assert_false(http_server_drain(app.server, clock_mono_us() + 50000));
	client_send(&idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	client_read_reply(&idle, &r, true);
	assert_int_equal(r.status, 503);
	assert_string_equal(reply_header(&r, "Retry-After"), "5");
	assert_string_equal(reply_header(&r, "Connection"), "close");
	assert_non_null(strstr(r.body, "503 SERVICE_UNAVAILABLE"));
	assert_true(client_at_end(&idle));
	reply_free(&r);
	client_close(&idle);

	assert_int_equal(thread_start(&thread, "unhold", stop_hold_later, NULL, &err), OK);
	assert_true(http_server_drain(app.server, clock_mono_us() + 10000000));
	thread_join(thread);
	client_read_reply(&busy, &r, true);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	client_close(&busy);
	assert_int_equal(app.handled, 2);
}

static void a_stop_ends_what_is_open(void **state)
{
	struct client open, half;
	pthread_t thread;
	struct err err;

	(void)state;
	client_open(&open, app.port);
	client_open(&half, app.port);
	client_send(&half, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\nabc");
	app.hold = true;
	client_send(&open, "GET /work HTTP/1.1\r\n" HOST "\r\n");
	usleep(50000);
	/* A handler that runs is waited for. */
	assert_int_equal(thread_start(&thread, "unhold", stop_hold_later, NULL, &err), OK);
	http_server_stop(&app.server);
	assert_int_equal(app.handled, 1);
	assert_null(app.server);
	thread_join(thread);
	client_close(&open);
	client_close(&half);
}

/* The library drops what is queued then, and asks again. */
static void an_answer_that_is_made_while_the_server_stops_harms_nobody(void **state)
{
	static const char *const requests[] = {
	    "GET /closed HTTP/1.1\r\n" HOST "X-Slow: 1\r\n\r\n",
	    "PUT /closed HTTP/1.1\r\n" HOST "X-Slow: 1\r\nContent-Length: 3\r\n\r\nabc",
	};
	struct client c[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		client_open(&c[i], app.port);
		client_send(&c[i], requests[i]);
	}
	assert_true(wait_for(&app.authorized, 1));
	http_server_stop(&app.server);
	for (int i = 0; i < 2; i++) {
		assert_false(client_fill(&c[i]));
		client_close(&c[i]);
	}
}

static void a_taken_or_foreign_address_is_said(void **state)
{
	struct http_options o = app_options();
	struct http_server *server = NULL;
	struct err err;

	(void)state;
	o.port = app.port;
	assert_int_equal(http_server_start(&o, &server, &err), E_IO);
	assert_non_null(strstr(err.text, "Address already in use"));
	assert_non_null(strstr(err.text, "127.0.0.1"));
	o.port = 0;
	o.address = "localhost";
	assert_int_equal(http_server_start(&o, &server, &err), E_IO);
	assert_non_null(strstr(err.text, "localhost"));
	o.address = "203.0.113.1";
	assert_int_equal(http_server_start(&o, &server, &err), E_IO);
	assert_non_null(strstr(err.text, "203.0.113.1"));
	assert_null(server);
}

static void one_event_thread_and_ipv6_will_do(void **state)
{
	struct http_options o = app_options();
	struct http_server *server = NULL;
	struct err err;

	(void)state;
	o.event_threads = 1;
	assert_int_equal(http_server_start(&o, &server, &err), OK);
	http_server_stop(&server);
	o.address = "::1";
	/* A machine may have no IPv6; then it must say so. */
	if (http_server_start(&o, &server, &err) != OK)
		assert_non_null(strstr(err.text, "::1"));
	else
		assert_true(http_server_port(server) != 0);
	http_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVED(a_handler_sees_the_request_as_it_was_sent),
	    SERVED(head_is_get_without_a_body),
	    SERVED(a_connection_serves_many_requests),
	    SERVED(a_route_runs_on_its_lane),
	    SERVED(a_status_brings_the_headers_that_it_needs),
	    SERVED(expect_100_is_answered_and_a_refusal_comes_without),
	    SERVED(a_source_is_sent_and_closed_once),
	    SERVED(deferred_requests_are_answered_from_another_thread),
	    SERVED(who_leaves_while_his_answer_is_made_harms_nobody),
	    SERVED(a_drain_refuses_the_new_and_lets_the_old_finish),
	    SERVED(a_stop_ends_what_is_open),
	    SERVED(an_answer_that_is_made_while_the_server_stops_harms_nobody),
	    SERVED(a_taken_or_foreign_address_is_said),
	    SERVED(one_event_thread_and_ipv6_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
