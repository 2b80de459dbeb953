/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_HTTP_APP_H
#define SLUICE_TESTS_HTTP_APP_H

/* An application for the tests of http/: a route for each thing that a handler can do. */

#include "http/http.h"

#include "base/json.h"
#include "base/log.h"
#include "base/thread.h"
#include "http_client.h"

#include <pthread.h>
#include <stdatomic.h>

#define HOST          "Host: t\r\n"
#define BODY_MAX      1000
#define DROPPED_MAX   65536
#define ASKS_AT_ONCE  16
#define ASKS_PER_CONN 125

/* --- The application: what the routes do ------------------------------------------------------ */

enum { SCOPE_DENIED = 1 };

static struct {
	struct http_server *server;
	uint16_t port;
	_Atomic long handled, authorized, closed_sources;
	_Atomic bool hold; /* work routes wait while it is true */

	pthread_mutex_t mutex;
	pthread_cond_t came;
	struct request *deferred[ASKS_AT_ONCE * 2];
	size_t deferred_count;
	bool ending;
	pthread_t answerer;
} app;

static inline void respond_text(struct request *request, unsigned status, const char *text)
{
	struct buffer body;

	buffer_init(&body, 65536);
	buffer_put_text(&body, text);
	respond(request, status, "text/plain", &body);
}

static inline void handle_hello(struct request *request)
{
	app.handled++;
	assert_ptr_equal(request_context(request), &app);
	respond_text(request, 200, "hello");
}

/* Its two parameters, a query parameter and a header, one a line. */
static inline void handle_echo(struct request *request)
{
	struct slice query = SLICE("-"), header = SLICE("-");
	struct buffer body;

	request_query(request, "q", &query);
	request_header(request, "X-Thing", &header);
	buffer_init(&body, 65536);
	buffer_printf(&body, "%s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s",
	    http_method_name(request_method(request)), SLICE_ARGS(request_path(request)),
	    SLICE_ARGS(request_param(request, 0)), SLICE_ARGS(request_param(request, 1)),
	    SLICE_ARGS(query), SLICE_ARGS(header));
	respond(request, 200, "text/plain", &body);
}

static inline void handle_body(struct request *request)
{
	struct slice body = request_body(request);
	struct buffer out;

	assert_int_equal(request_body_bytes(request), body.len);
	buffer_init(&out, 65536);
	buffer_put(&out, body);
	respond(request, 200, "text/plain", &out);
}

static inline void handle_work(struct request *request)
{
	char name[16];

	while (app.hold)
		usleep(1000);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	app.handled++;
	respond_text(request, 200, name);
}

/* Deferred, and answered by another thread as fast as it can. */
static inline void handle_defer(struct request *request)
{
	request_defer(request);
	mutex_lock(&app.mutex);
	app.deferred[app.deferred_count++] = request;
	cond_signal(&app.came);
	mutex_unlock(&app.mutex);
}

static inline void *answer_deferred(void *ctx)
{
	struct request *request;

	(void)ctx;
	mutex_lock(&app.mutex);
	while (!app.ending) {
		if (app.deferred_count == 0 || app.hold) {
			cond_wait_until(&app.came, &app.mutex, clock_mono_us() + 10000);
			continue;
		}
		request = app.deferred[--app.deferred_count];
		mutex_unlock(&app.mutex);
		respond_text(request, 200, "later");
		mutex_lock(&app.mutex);
	}
	mutex_unlock(&app.mutex);
	return NULL;
}

static inline void handle_error(struct request *request)
{
	struct buffer details;
	struct err err;

	buffer_init(&details, 65536);
	switch (request_param(request, 0).ptr[0]) {
	case '4':
		respond_error(request, 404, "job %d.", 7);
		break;
	case '9':
		buffer_put_text(&details, "{\"state\":\"Open\"}");
		respond_error_details(request, 409, &details, "it is \"Open\".");
		break;
	case '5':
		respond_error(request, 500, "a secret");
		break;
	case 'f':
		err_set(&err, E_FULL, "disk");
		respond_failure(request, E_FULL, &err);
		break;
	case 'i':
		err_set(&err, E_IO, "a secret");
		respond_failure(request, E_IO, &err);
		break;
	case '1':
		respond_error(request, 401, "who are you?");
		break;
	case 'b':
		details.failed = true;
		respond(request, 200, "text/plain", &details);
		break;
	case 'e':
		respond_header(request, "X-One", "1");
		respond_header(request, "X-Two", "2");
		respond_empty(request, 204);
		break;
	default:
		respond_error(request, 403, "no.");
		break;
	}
	buffer_fini(&details);
}

struct counting {
	long left;
	long fail_at;
};

static inline int64_t read_counting(void *ctx, char *ret_bytes, size_t room)
{
	struct counting *c = ctx;
	size_t n = room < (size_t)c->left ? room : (size_t)c->left;

	if (c->left <= c->fail_at)
		return -1;
	memset(ret_bytes, 'x', n);
	c->left -= (long)n;
	return (int64_t)n;
}

static inline void close_counting(void *ctx)
{
	(void)ctx;
	app.closed_sources++;
}

static inline void handle_source(struct request *request)
{
	/* In the request's arena, which must last until close(). */
	struct counting *c = arena_alloc(request_arena(request), sizeof(*c));
	struct http_source source = {.read = read_counting, .close = close_counting, .ctx = c};

	assert_non_null(c);
	c->left = strtol(request_param(request, 0).ptr, NULL, 10);
	c->fail_at = c->left == 200001 ? 100000 : -1;
	respond_source(request, 200, "text/csv", &source);
}

static inline void authorize(struct request *request, const struct http_route *route)
{
	struct slice token;
	bool known;

	app.authorized++;
	if (request_header(request, "X-Slow", &token))
		usleep(300000); /* an event thread may be slow, as on a machine that is */
	known = request_header(request, "Authorization", &token);
	if (route != NULL && route->open)
		return;
	if (!known)
		respond_error(request, 401, "a token is needed.");
	else if (route != NULL && (route->scopes & SCOPE_DENIED) != 0)
		respond_error(request, 403, "the token lacks a scope.");
}

static const struct http_route app_routes[] = {
    {.method = HTTP_GET, .pattern = "/hello", .open = true, .handle = handle_hello},
    {.method = HTTP_GET, .pattern = "/echo/{a}/x/{b}", .open = true, .handle = handle_echo},
    {.method = HTTP_DELETE, .pattern = "/echo/{a}/x/{b}", .open = true, .handle = handle_echo},
    {.method = HTTP_POST,
	.pattern = "/body",
	.open = true,
	.body = HTTP_BODY_WHOLE,
	.body_bytes_max = BODY_MAX,
	.handle = handle_body},
    {.method = HTTP_POST,
	.pattern = "/body/work",
	.open = true,
	.lane = HTTP_LANE_WORK,
	.body = HTTP_BODY_WHOLE,
	.body_bytes_max = BODY_MAX,
	.handle = handle_body},
    {.method = HTTP_POST, .pattern = "/hello", .open = true, .handle = handle_hello},
    {.method = HTTP_GET,
	.pattern = "/work",
	.open = true,
	.lane = HTTP_LANE_WORK,
	.handle = handle_work},
    {.method = HTTP_GET,
	.pattern = "/query",
	.open = true,
	.lane = HTTP_LANE_QUERY,
	.handle = handle_work},
    {.method = HTTP_GET, .pattern = "/defer", .open = true, .handle = handle_defer},
    {.method = HTTP_GET,
	.pattern = "/defer/work",
	.open = true,
	.lane = HTTP_LANE_WORK,
	.handle = handle_defer},
    {.method = HTTP_GET, .pattern = "/error/{which}", .open = true, .handle = handle_error},
    {.method = HTTP_GET, .pattern = "/source/{bytes}", .open = true, .handle = handle_source},
    {.method = HTTP_GET, .pattern = "/closed", .handle = handle_hello},
    {.method = HTTP_PUT,
	.pattern = "/closed",
	.body = HTTP_BODY_WHOLE,
	.body_bytes_max = 100000000,
	.handle = handle_body},
    {.method = HTTP_GET, .pattern = "/denied", .scopes = SCOPE_DENIED, .handle = handle_hello},
};

static inline struct http_options app_options(void)
{
	return (struct http_options){.address = "127.0.0.1",
	    .routes = app_routes,
	    .route_count = sizeof(app_routes) / sizeof(app_routes[0]),
	    .authorize = authorize,
	    .context = &app,
	    .event_threads = 2,
	    .work_threads = 2,
	    .query_threads = 1,
	    .connections_max = 512,
	    .idle_timeout_s = 30};
}

static inline int app_set_up(void **state)
{
	struct http_options o = app_options();
	struct err err;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	app.handled = app.authorized = app.closed_sources = 0;
	app.hold = false;
	app.ending = false;
	app.deferred_count = 0;
	mutex_init(&app.mutex);
	cond_init(&app.came);
	if (http_server_start(&o, &app.server, &err) != OK ||
	    thread_start(&app.answerer, "answerer", answer_deferred, NULL, &err) != OK)
		return 1;
	app.port = http_server_port(app.server);
	return 0;
}

static inline int app_tear_down(void **state)
{
	(void)state;
	app.hold = false;
	http_server_stop(&app.server);
	mutex_lock(&app.mutex);
	app.ending = true;
	mutex_unlock(&app.mutex);
	thread_join(app.answerer);
	cond_fini(&app.came);
	mutex_fini(&app.mutex);
	return 0;
}

static inline void ask(const char *text, int status, const char *body)
{
	struct client_reply r;

	client_ask(app.port, text, &r);
	if (r.status != status || (body != NULL && strcmp(r.body, body) != 0))
		fail_msg("%s\ngot: %s%s", text, r.head, r.body);
	reply_free(&r);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, app_set_up, app_tear_down)

#endif
