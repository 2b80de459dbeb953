/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of http/http.h: what is refused, how it is said, and that the client gets to read it. */
#include "http/request.h"
#include "http_app.h"

#include <poll.h>
#include <sys/resource.h>

static void authorize_comes_before_all_that_could_tell_something(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
	    {"GET /closed HTTP/1.1\r\n" HOST "\r\n", 401},
	    {"GET /closed HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n", 200},
	    {"GET /denied HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n", 403},
	    {"GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 401},
	    {"GET /nowhere HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n", 404},
	    {"PATCH /closed HTTP/1.1\r\n" HOST "\r\n", 401},
	    {"PATCH /closed HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n", 405},
	    {"PUT /closed HTTP/1.1\r\n" HOST "Content-Length: 900000000\r\n\r\n", 401},
	    {"PUT /closed HTTP/1.1\r\n" HOST
	     "Authorization: x\r\nContent-Length: 900000000\r\n\r\n",
		413},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ask(cases[i].text, cases[i].status, NULL);
	assert_int_equal(app.authorized, sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(app.handled, 1);
}

static void another_method_is_405_and_names_those_there_are(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
		const char *allow;
	} cases[] = {
	    {"PUT", "/hello", 405, "GET, HEAD, POST"},
	    {"OPTIONS", "/hello", 405, "GET, HEAD, POST"},
	    {"FOO", "/echo/1/x/2", 405, "GET, HEAD, DELETE"},
	    {"TRACE", "/body", 405, "POST"},
	    {"HEAD", "/body", 405, "POST"},
	    {"get", "/hello", 405, "GET, HEAD, POST"},
	    {"OPTIONS", "*", 404, NULL},
	    {"FOO", "/nowhere", 404, NULL},
	};
	struct client_reply r;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n",
		    cases[i].method, cases[i].path);
		client_ask(app.port, text, &r);
		assert_int_equal(r.status, cases[i].status);
		if (cases[i].allow != NULL)
			assert_string_equal(reply_header(&r, "Allow"), cases[i].allow);
		else
			assert_null(reply_header(&r, "Allow"));
		reply_free(&r);
	}
}

static void text_member(const json_t *json, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (text == NULL || strcmp(text, value) != 0)
		fail_msg("%s is %s, not %s", name, text == NULL ? "missing" : text, value);
}

static json_t *ask_error(const char *path, int status, struct client_reply *r)
{
	struct err err;
	char text[256];
	json_t *json;

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "Authorization: x\r\n\r\n", path);
	client_ask(app.port, text, r);
	assert_int_equal(r->status, status);
	assert_string_equal(reply_header(r, "Content-Type"), "application/json;charset=UTF-8");
	if (json_parse((struct slice){r->body, r->body_len}, &json, &err) != OK)
		fail_msg("%s: %s", err.text, r->body);
	assert_int_equal(json_object_size(json), 7);
	text_member(json, "tenantId", "a360/local");
	text_member(json, "internalErrorCode", "COMMON_ERROR_GENERIC");
	return json;
}

static void an_error_comes_in_the_wires_envelope(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *error, *message;
	} cases[] = {
	    {"/error/4", 404, "404 NOT_FOUND", "The requested resource doesn't exist: job 7."},
	    {"/nowhere", 404, "404 NOT_FOUND",
		"The requested resource doesn't exist: there is nothing at /nowhere."},
	    {"/body", 405, "405 METHOD_NOT_ALLOWED",
		"GET is not a method of this resource; it has POST."},
	    {"/error/1", 401, "401 UNAUTHORIZED", "who are you?"},
	    {"/error/3", 403, "403 FORBIDDEN", "no."},
	    {"/error/5", 500, "500 INTERNAL_SERVER_ERROR", "The server failed; its log says why."},
	    {"/error/i", 500, "500 INTERNAL_SERVER_ERROR", "The server failed; its log says why."},
	    {"/error/b", 500, "500 INTERNAL_SERVER_ERROR", "The server failed; its log says why."},
	    {"/error/f", 503, "503 SERVICE_UNAVAILABLE",
		"The server has no storage space left; try again later."},
	    {"/hello/%zz", 400, "400 BAD_REQUEST",
		"the path holds a % that two hexadecimal digits do not follow"},
	};
	struct client_reply r;
	char path[128];
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json = ask_error(cases[i].path, cases[i].status, &r);
		text_member(json, "error", cases[i].error);
		text_member(json, "message", cases[i].message);
		snprintf(path, sizeof(path), "uri=%s", cases[i].path);
		text_member(json, "path", path);
		assert_int_equal(json_object_size(json_object_get(json, "details")), 0);
		json_decref(json);
		reply_free(&r);
	}
	json = ask_error("/error/9", 409, &r);
	text_member(json, "message",
	    "The request conflicts with current state of the target resource: it is \"Open\".");
	text_member(json_object_get(json, "details"), "state", "Open");
	json_decref(json);
	reply_free(&r);
}

static void an_errors_time_has_nine_digits(void **state)
{
	struct client_reply r;
	json_t *json;
	int y, mo, d, h, mi, s, n, end = 0;

	(void)state;
	json = ask_error("/error/3", 403, &r);
	assert_int_equal(sscanf(json_string_value(json_object_get(json, "timestamp")),
			     "%4d-%2d-%2dT%2d:%2d:%2d.%9dZ%n", &y, &mo, &d, &h, &mi, &s, &n, &end),
	    7);
	assert_int_equal(end, strlen("2021-08-20T16:34:26.047666123Z"));
	assert_int_equal(json_string_length(json_object_get(json, "timestamp")), end);
	json_decref(json);
	reply_free(&r);
}

/* A request with a target of ${target} bytes and, beside Host, headers that count as ${lengths}; 0
 * ends them. */
static void ask_with_lengths(size_t target, const size_t *lengths, int status, const char *message)
{
	struct buffer text;
	struct client_reply r;
	size_t i, n;

	buffer_init(&text, 1000000);
	buffer_put_text(&text, "GET /hello?");
	for (i = strlen("/hello?"); i < target; i++)
		buffer_put_char(&text, 'q');
	buffer_put_text(&text, " HTTP/1.1\r\n" HOST);
	for (i = 0; lengths[i] > 0; i++) {
		buffer_put_text(&text, "X-Y: ");
		for (n = 7; n < lengths[i]; n++)
			buffer_put_char(&text, 'v');
		buffer_put_text(&text, "\r\n");
	}
	buffer_put(&text, SLICE("\r\n\0"));
	assert_false(text.failed);
	client_ask(app.port, text.ptr, &r);
	if (r.status != status || (message != NULL && strstr(r.body, message) == NULL))
		fail_msg("target %zu, header %zu: %s%s", target, lengths[0], r.head, r.body);
	buffer_fini(&text);
	reply_free(&r);
}

static void a_head_may_have_its_limits_and_not_one_byte_more(void **state)
{
	enum { HOST_LENGTH = 9, ONE = HTTP_HEADER_BYTES_MAX, ALL = HTTP_HEADERS_BYTES_MAX };
	static const size_t none[] = {0}, one[] = {ONE, 0}, one_more[] = {ONE + 1, 0},
			    all[] = {ONE, ALL - ONE - HOST_LENGTH, 0},
			    all_more[] = {ONE, ALL - ONE - HOST_LENGTH + 1, 0};
	static const char one_text[] = "431 REQUEST_HEADER_FIELDS_TOO_LARGE\",\"message\":\"The "
				       "request's headers are too long: the limit is 8192 bytes "
				       "for one and 16384 bytes for all.\",\"path\":\"uri=/hello\"";

	(void)state;
	ask_with_lengths(HTTP_TARGET_BYTES_MAX, none, 200, "hello");
	ask_with_lengths(HTTP_TARGET_BYTES_MAX + 1, none, 414,
	    "414 URI_TOO_LONG\",\"message\":\"The request target is too long: the limit is 8192 "
	    "bytes, query included.\",\"path\":\"uri=/hello\"");
	ask_with_lengths(100, one, 200, "hello");
	ask_with_lengths(100, one_more, 431, one_text);
	ask_with_lengths(100, all, 200, "hello");
	ask_with_lengths(100, all_more, 431, one_text);
	assert_int_equal(app.handled, 3);
}

/* What the library cannot read or hold: it answers before anything of ours is asked. */
static void what_the_library_refuses_comes_in_the_envelope_too(void **state)
{
	enum { MORE_THAN_IT_HOLDS = 200000 };
	static const struct {
		const char *begin, *repeated, *end;
		int status;
		const char *error, *path;
	} cases[] = {
	    {"G", "G", " / HTTP/1.1\r\n\r\n", 414, "414 URI_TOO_LONG", "uri="},
	    {"GET /", "x", " HTTP/1.1\r\n\r\n", 414, "414 URI_TOO_LONG", "uri="},
	    {"GET /hello HTTP/1.1\r\n" HOST "X: ", "y", "\r\n\r\n", 431,
		"431 REQUEST_HEADER_FIELDS_TOO_LARGE", "uri=/hello"},
	    {"GET /hello HTTP/1.1\r\n" HOST, "X: y\r\n", "\r\n", 431,
		"431 REQUEST_HEADER_FIELDS_TOO_LARGE", "uri=/hello"},
	    {"GET /hello HTTP/1.1\r\n" HOST "Cookie: ", "a=b; ", "\r\n\r\n", 431,
		"431 REQUEST_HEADER_FIELDS_TOO_LARGE", "uri=/hello"},
	    {"POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
		"X: y\r\n", "\r\n", 431, "431 REQUEST_HEADER_FIELDS_TOO_LARGE", "uri=/body"},
	    {"POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2;", "x",
		"\r\n{}\r\n0\r\n\r\n", 400, "400 BAD_REQUEST", "uri=/body"},
	    {"GET /hello HTTP/1.1\r\n" HOST "no colon\r\n\r\n", NULL, "", 400, "400 BAD_REQUEST",
		"uri=/hello"},
	    {"GET /hello\r\n\r\n", NULL, "", 400, "400 BAD_REQUEST", "uri="},
	    {"GET /hello HTTP/2.0\r\n\r\n", NULL, "", 505, "505 HTTP_VERSION_NOT_SUPPORTED",
		"uri="},
	    {"POST /body HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n", NULL, "", 400,
		"400 BAD_REQUEST", "uri=/body"},
	    {"POST /body HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", NULL,
		"", 413, "413 PAYLOAD_TOO_LARGE", "uri=/body"},
	    {"POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", NULL, "",
		400, "400 BAD_REQUEST", "uri=/body"},
	    {"POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", NULL,
		"", 400, "400 BAD_REQUEST", "uri=/body"},
	    {"POST /body HTTP/1.1\r\n" HOST
	     "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
		NULL, "", 413, "413 PAYLOAD_TOO_LARGE", "uri=/body"},
	};
	struct client_reply r;
	struct client c;
	struct buffer text;
	struct err err;
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buffer_init(&text, 1000000);
		buffer_put_text(&text, cases[i].begin);
		while (cases[i].repeated != NULL && text.len < MORE_THAN_IT_HOLDS)
			buffer_put_text(&text, cases[i].repeated);
		buffer_put_text(&text, cases[i].end);
		client_open(&c, app.port);
		client_send_bytes(&c, text.ptr, text.len);
		client_read_reply(&c, &r, true);
		if (r.status != cases[i].status)
			fail_msg("case %zu: %s%s", i, r.head, r.body);
		assert_string_equal(reply_header(&r, "Connection"), "close");
		assert_string_equal(
		    reply_header(&r, "Content-Type"), "application/json;charset=UTF-8");
		if (json_parse((struct slice){r.body, r.body_len}, &json, &err) != OK)
			fail_msg("case %zu: %s: %s", i, err.text, r.body);
		assert_int_equal(json_object_size(json), 7);
		text_member(json, "error", cases[i].error);
		text_member(json, "path", cases[i].path);
		/* Nothing of the library's page behind it, and the end. */
		assert_true(client_at_end(&c));
		json_decref(json);
		reply_free(&r);
		client_close(&c);
		buffer_fini(&text);
	}
	assert_int_equal(app.handled, 0);
}

/* POST a body of ${len} bytes, with a length or in chunks of up to 300 bytes. */
static void post(struct client *c, const char *path, size_t len, bool chunked)
{
	char head[256], piece[16];
	char *body = malloc(len + 1);
	size_t at, n;

	assert_non_null(body);
	memset(body, 'b', len);
	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\n" HOST, path);
	client_send(c, head);
	if (chunked)
		snprintf(head, sizeof(head), "Transfer-Encoding: chunked\r\n\r\n");
	else
		snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", len);
	client_send(c, head);
	for (at = 0; chunked && at < len; at += n) {
		n = len - at < 300 ? len - at : 300;
		snprintf(piece, sizeof(piece), "%zx\r\n", n);
		client_send_bytes(c, piece, strlen(piece));
		client_send_bytes(c, body, n);
		client_send_bytes(c, "\r\n", 2);
	}
	if (chunked)
		client_send_bytes(c, "0\r\n\r\n", 5);
	else
		client_send_bytes(c, body, len);
	free(body);
}

static void a_body_may_have_its_limit_and_not_one_byte_more(void **state)
{
	static const struct {
		const char *path;
		size_t len;
		bool chunked;
		int status;
	} cases[] = {
	    {"/body", 0, false, 200},
	    {"/body", 0, true, 200},
	    {"/body", BODY_MAX, false, 200},
	    {"/body", BODY_MAX, true, 200},
	    {"/body", BODY_MAX + 1, false, 413},
	    {"/body", BODY_MAX + 1, true, 413},
	    {"/body/work", BODY_MAX, true, 200},
	    {"/body/work", BODY_MAX + 1, true, 413},
	    {"/hello", DROPPED_MAX, false, 200},
	    {"/hello", DROPPED_MAX, true, 200},
	    {"/hello", DROPPED_MAX + 1, false, 413},
	    {"/hello", DROPPED_MAX + 1, true, 413},
	};
	struct client_reply r;
	struct client c;
	char limit[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_open(&c, app.port);
		post(&c, cases[i].path, cases[i].len, cases[i].chunked);
		client_read_reply(&c, &r, true);
		if (r.status != cases[i].status)
			fail_msg("case %zu: %s%s", i, r.head, r.body);
		if (r.status == 413) {
			snprintf(limit, sizeof(limit), "the limit is %d bytes",
			    cases[i].path[1] == 'b' ? BODY_MAX : DROPPED_MAX);
			assert_non_null(strstr(r.body, "The request entity is too large: "));
			assert_non_null(strstr(r.body, limit));
			assert_string_equal(reply_header(&r, "Connection"), "close");
			assert_true(client_at_end(&c));
		} else if (cases[i].path[1] == 'b') {
			assert_int_equal(r.body_len, cases[i].len);
		}
		reply_free(&r);
		client_close(&c);
	}
}

static void who_still_sends_gets_the_refusal_whole(void **state)
{
	static const struct {
		const char *head;
		int status;
	} cases[] = {
	    {"PUT /closed HTTP/1.1\r\n" HOST "Content-Length: 20000000\r\n\r\n", 401},
	    {"POST /nowhere HTTP/1.1\r\n" HOST
	     "Authorization: x\r\nContent-Length: 20000000\r\n\r\n",
		404},
	    {"PATCH /body HTTP/1.1\r\n" HOST "Authorization: x\r\nContent-Length: 20000000\r\n\r\n",
		405},
	    {"POST /body HTTP/1.1\r\n" HOST "Content-Length: 20000000\r\n\r\n", 413},
	    {"POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1312d00\r\n", 413},
	    {"POST /body HTTP/1.1\r\n" HOST "Content-Length: 20000000\r\nContent-Length: 2\r\n\r\n",
		400},
	    /* Refused by the library itself. */
	    {"POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzzz\r\n", 400},
	    {"GET /hello HTTP/1.1\r\n" HOST "X: ", 431},
	    {"GET /hello", 414},
	    {"GET /hello HTTP/3.0\r\n", 505},
	};
	char *body = calloc(1, 20000000);
	struct client_reply r;
	struct client c;
	size_t i;

	(void)state;
	assert_non_null(body);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, cases[i].head);
		/* All of it is taken, and no reset comes behind the answer. */
		assert_int_equal(client_send_bytes(&c, body, 20000000), 20000000);
		client_read_reply(&c, &r, true);
		assert_int_equal(r.status, cases[i].status);
		assert_string_equal(reply_header(&r, "Connection"), "close");
		assert_true(client_at_end(&c));
		reply_free(&r);
		client_close(&c);
	}
	free(body);
}

static void a_request_whose_end_is_in_doubt_is_refused_and_ends_the_connection(void **state)
{
	static const char *const heads[] = {
	    HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
	    HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
	    HOST "Content-Length: 3\r\nContent-Length: 4\r\n",
	    HOST "Content-Length: 3\r\nContent-Length: 3\r\n",
	    HOST "Content-Length: 0\r\nContent-Length: 3\r\n",
	    HOST "Content-Length: 3\r\ncontent-length: 0\r\n",
	    HOST "Transfer-Encoding: chunked \r\n",
	    HOST "Transfer-Encoding: chunked\t\r\n",
	    HOST "Content-Length: 3, 3\r\n",
	    HOST "Content-Length: +3\r\n",
	    HOST "Content-Length: 3 3\r\n",
	    HOST "Content-Length: 0x3\r\n",
	    HOST "Content-Length: -1\r\n",
	    HOST "Content-Length:\r\n",
	    HOST "Content-Length : 3\r\n",
	    HOST "Transfer-Encoding : chunked\r\n",
	    HOST "Transfer-Encoding: identity\r\n",
	    HOST "Transfer-Encoding: gzip, chunked\r\n",
	    HOST "Transfer-Encoding: xchunked\r\n",
	    HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
	    HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
	    HOST HOST,
	    "",
	};
	/* Whichever way the end is taken to be found, a request stands behind it. */
	static const char smuggled[] = "0\r\n\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n";
	struct client_reply r;
	struct client c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		client_open(&c, app.port);
		client_send(&c, "POST /body HTTP/1.1\r\n");
		client_send(&c, heads[i]);
		client_send(&c, "\r\n");
		client_send_bytes(&c, smuggled, strlen(smuggled));
		client_read_reply(&c, &r, true);
		if (r.status != 400)
			fail_msg("taken: %s%s", heads[i], r.head);
		assert_string_equal(reply_header(&r, "Connection"), "close");
		/* What was smuggled in gets no answer. */
		assert_true(client_at_end(&c));
		reply_free(&r);
		client_close(&c);
	}
	assert_int_equal(app.handled, 0);
}

static void bad_escapes_in_the_path_are_400_and_keep_the_connection(void **state)
{
	struct client_reply r;
	struct client c;

	(void)state;
	client_open(&c, app.port);
	client_send(&c,
	    "GET /echo/%zz/x/2 HTTP/1.1\r\n" HOST "\r\nGET /echo/%00/x/2 HTTP/1.1\r\n" HOST
	    "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
	client_read_reply(&c, &r, true);
	assert_int_equal(r.status, 400);
	reply_free(&r);
	client_read_reply(&c, &r, true);
	assert_int_equal(r.status, 400);
	reply_free(&r);
	client_read_reply(&c, &r, true);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	client_close(&c);
}

/* Told that it stops, the library takes an answer for queued that it has thrown away. */
static void a_server_may_stop_while_the_library_refuses(void **state)
{
	enum { ROUNDS = 80, CLIENTS = 16, HEAD_BYTES = 140000 };
	static const char begin[] = "GET /hello HTTP/1.1\r\n" HOST "X: ";
	static char head[HEAD_BYTES];
	static struct client clients[CLIENTS];
	struct http_options o = app_options();
	struct http_server *server;
	struct err err;
	int round, i;

	(void)state;
	memset(head, 'y', sizeof(head));
	memcpy(head, begin, strlen(begin));
	for (round = 0; round < ROUNDS; round++) {
		server = NULL;
		assert_int_equal(http_server_start(&o, &server, &err), OK);
		for (i = 0; i < CLIENTS; i++)
			client_open(&clients[i], http_server_port(server));
		for (i = 0; i < CLIENTS; i++)
			client_send_bytes(&clients[i], head, sizeof(head));
		/* Once one of them is refused, the others are about to be. */
		client_fill(&clients[round % CLIENTS]);
		http_server_stop(&server);
		for (i = 0; i < CLIENTS; i++)
			client_close(&clients[i]);
	}
}

static void a_lane_that_is_full_says_503(void **state)
{
	enum { TOO_MANY = 1100 }; /* more than the queue's 1024 and the one that runs */
	struct rlimit files = {.rlim_cur = 4096, .rlim_max = 4096};
	static struct client clients[TOO_MANY];
	static struct pollfd fds[TOO_MANY];
	struct http_options o = app_options();
	struct http_server *server = NULL;
	struct client_reply r;
	struct err err;
	int i, served = 0, refused = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	o.connections_max = 2 * TOO_MANY;
	assert_int_equal(http_server_start(&o, &server, &err), OK);
	app.hold = true;
	for (i = 0; i < TOO_MANY; i++) {
		client_open(&clients[i], http_server_port(server));
		client_send(&clients[i], "GET /query HTTP/1.1\r\n" HOST "\r\n");
		fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
	}
	/* None of those that wait is answered before one that cannot wait is. */
	assert_true(poll(fds, TOO_MANY, 10000) > 0);
	assert_int_equal(app.handled, 0);
	app.hold = false;
	for (i = 0; i < TOO_MANY; i++) {
		client_read_reply(&clients[i], &r, true);
		served += r.status == 200;
		refused += r.status == 503;
		if (r.status == 503)
			assert_string_equal(reply_header(&r, "Retry-After"), "1");
		reply_free(&r);
		client_close(&clients[i]);
	}
	assert_true(served >= 1025);
	assert_true(refused >= 1);
	assert_int_equal(served + refused, TOO_MANY);
	http_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVED(authorize_comes_before_all_that_could_tell_something),
	    SERVED(another_method_is_405_and_names_those_there_are),
	    SERVED(an_error_comes_in_the_wires_envelope),
	    SERVED(an_errors_time_has_nine_digits),
	    SERVED(a_head_may_have_its_limits_and_not_one_byte_more),
	    SERVED(what_the_library_refuses_comes_in_the_envelope_too),
	    SERVED(a_body_may_have_its_limit_and_not_one_byte_more),
	    SERVED(who_still_sends_gets_the_refusal_whole),
	    SERVED(a_request_whose_end_is_in_doubt_is_refused_and_ends_the_connection),
	    SERVED(bad_escapes_in_the_path_are_400_and_keep_the_connection),
	    SERVED(a_server_may_stop_while_the_library_refuses),
	    SERVED(a_lane_that_is_full_says_503),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
