/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of http/http.h about streamed bodies: order, limits, memory, and what happens to those
 * that do not come to an end. */
#include "http/http.h"

#include "base/log.h"
#include "base/thread.h"
#include "http_client.h"

#include <pthread.h>
#include <stdatomic.h>

#define HOST    "Host: t\r\n"
#define LIMIT   157286400 /* 150 MiB, as the real route has */
#define CHUNKED "Transfer-Encoding: chunked\r\n"

/* --- The application -------------------------------------------------------------------------- */

static struct {
	struct http_server *server;
	uint16_t port;
	_Atomic long begun, written, finished, cancelled, bytes;
	_Atomic bool hold; /* write waits while it is true */
	_Atomic long go;
} app;

/* What an upload of ours keeps: made by begin, freed by finish or cancel. */
struct upload_data {
	_Atomic int inside; /* of one of its functions; never two */
	uint64_t bytes;
	uint64_t sum; /* of position-dependent bytes, so that order counts */
};

static void begin(struct request *request)
{
	struct upload_data *data = calloc(1, sizeof(*data));

	assert_non_null(data);
	request_set_data(request, data);
	app.begun++;
}

static void write_sum(struct request *request, struct slice bytes)
{
	struct upload_data *data = request_data(request);
	size_t i;

	assert_int_equal(atomic_fetch_add(&data->inside, 1), 0);
	while (app.hold)
		usleep(1000);
	for (i = 0; i < bytes.len; i += 97)
		data->sum = data->sum * 31 + (unsigned char)bytes.ptr[i];
	data->bytes += bytes.len;
	assert_true(bytes.len > 0);
	assert_int_equal(request_body_bytes(request), data->bytes);
	app.written++;
	app.bytes += (long)bytes.len;
	atomic_fetch_sub(&data->inside, 1);
}

static void finish(struct request *request)
{
	struct upload_data *data = request_data(request);
	struct buffer body;

	assert_int_equal(atomic_fetch_add(&data->inside, 1), 0);
	buffer_init(&body, 100);
	buffer_printf(
	    &body, "%llu %llu", (unsigned long long)data->bytes, (unsigned long long)data->sum);
	free(data);
	app.finished++;
	respond(request, 202, "text/plain", &body);
}

static void *respond_later(void *ctx)
{
	usleep(1000);
	respond_empty(ctx, 202);
	return NULL;
}

static void finish_later(struct request *request)
{
	pthread_t thread;

	free(request_data(request));
	app.finished++;
	request_defer(request);
	assert_int_equal(thread_start(&thread, "later", respond_later, request, NULL), OK);
	pthread_detach(thread);
}

static void cancel(struct request *request)
{
	struct upload_data *data = request_data(request);

	assert_int_equal(atomic_fetch_add(&data->inside, 1), 0);
	/* What a handler may ask, it may ask here, too, though the client is gone. */
	assert_true(request_param(request, 0).len > 0);
	free(data);
	app.cancelled++;
}

static void begin_refuse(struct request *request)
{
	begin(request);
	respond_error(
	    request, 409, "job %.*s takes no more data.", SLICE_ARGS(request_param(request, 0)));
}

static void write_refuse(struct request *request, struct slice bytes)
{
	(void)bytes;
	app.written++;
	respond_error(request, 415, "not that.");
}

/* As cheap as a write can be, and with nothing to keep. */
static void count_begin(struct request *request)
{
	(void)request;
	app.begun++;
}

static void count_write(struct request *request, struct slice bytes)
{
	(void)request;
	while (app.hold)
		usleep(1000);
	app.written++;
	app.bytes += (long)bytes.len;
}

static void count_finish(struct request *request)
{
	app.finished++;
	respond_empty(request, 202);
}

static void count_cancel(struct request *request)
{
	(void)request;
	app.cancelled++;
}

static const struct http_upload count_upload = {
    count_begin, count_write, count_finish, count_cancel};
static const struct http_upload sum_upload = {begin, write_sum, finish, cancel};
static const struct http_upload later_upload = {begin, write_sum, finish_later, cancel};
static const struct http_upload begin_refuses = {begin_refuse, write_sum, finish, cancel};
static const struct http_upload write_refuses = {begin, write_refuse, finish, cancel};

#define STREAM(path, functions)                                                                    \
	{                                                                                          \
		.method = HTTP_PUT, .pattern = path "/{id}", .open = true, .lane = HTTP_LANE_WORK, \
		.body = HTTP_BODY_STREAM, .body_bytes_max = LIMIT, .upload = &(functions)          \
	}

static void hello(struct request *request)
{
	respond_empty(request, 204);
}

static const struct http_route routes[] = {
    STREAM("/count", count_upload),
    STREAM("/sum", sum_upload),
    STREAM("/later", later_upload),
    STREAM("/begin", begin_refuses),
    STREAM("/write", write_refuses),
    {.method = HTTP_GET, .pattern = "/hello", .open = true, .handle = hello},
    {.method = HTTP_PUT,
	.pattern = "/small/{id}",
	.open = true,
	.body = HTTP_BODY_STREAM,
	.body_bytes_max = 300000,
	.upload = &sum_upload},
};

static int set_up(void **state)
{
	struct http_options o = {.address = "127.0.0.1",
	    .routes = routes,
	    .route_count = sizeof(routes) / sizeof(routes[0]),
	    .event_threads = 2,
	    .work_threads = 3,
	    .query_threads = 1,
	    .connections_max = 1024,
	    .idle_timeout_s = 30};
	struct err err;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	app.begun = app.written = app.finished = app.cancelled = app.bytes = 0;
	app.hold = false;
	app.go = 0;
	if (http_server_start(&o, &app.server, &err) != OK)
		return 1;
	app.port = http_server_port(app.server);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	app.hold = false;
	http_server_stop(&app.server);
	/* Exactly one of the two for each that was begun. */
	assert_int_equal(app.begun, app.finished + app.cancelled);
	return 0;
}

/* --- Clients ---------------------------------------------------------------------------------- */

/* A body whose bytes depend on their position. */
static char *make_body(size_t len)
{
	char *body = malloc(len + 1);
	size_t i;

	assert_non_null(body);
	for (i = 0; i < len; i++)
		body[i] = (char)(i * 2654435761u >> 11);
	return body;
}

static void send_head(struct client *c, const char *path, const char *framing)
{
	char head[256];

	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\n" HOST "%s\r\n", path, framing);
	client_send(c, head);
}

static void send_head_length(struct client *c, const char *path, size_t len)
{
	char framing[64];

	snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", len);
	send_head(c, path, framing);
}

/* In chunks of up to ${step} bytes; true when all went out. */
static bool send_chunks(struct client *c, const char *body, size_t len, size_t step, bool end)
{
	char piece[32];
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < step ? len - at : step;
		snprintf(piece, sizeof(piece), "%zx\r\n", n);
		if (client_send_bytes(c, piece, strlen(piece)) != strlen(piece) ||
		    client_send_bytes(c, body + at, n) != n || client_send_bytes(c, "\r\n", 2) != 2)
			return false;
	}
	return !end || client_send_bytes(c, "0\r\n\r\n", 5) == 5;
}

static int status_of(struct client *c)
{
	struct client_reply r;
	int status;

	client_read_reply(c, &r, true);
	status = r.status;
	reply_free(&r);
	return status;
}

static void the_server_still_serves(void)
{
	struct client_reply r;

	client_ask(app.port, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r);
	assert_int_equal(r.status, 204);
	reply_free(&r);
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void a_body_arrives_whole_and_in_order_however_it_is_sent(void **state)
{
	static const size_t lengths[] = {
	    0, 1, 131071, 131072, 131073, 262144, 262145, 1000000, 5000000};
	static const size_t steps[] = {70000, 131072, 200000, 999};
	struct client_reply whole, r;
	char *body = make_body(5000000);
	struct client c;
	size_t i, k;

	(void)state;
	client_open(&c, app.port); /* all of them on one connection */
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		send_head_length(&c, "/sum/1", lengths[i]);
		assert_int_equal(client_send_bytes(&c, body, lengths[i]), lengths[i]);
		client_read_reply(&c, &whole, true);
		assert_int_equal(whole.status, 202);
		assert_int_equal(strtoul(whole.body, NULL, 10), lengths[i]);
		for (k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			send_head(&c, "/sum/1", CHUNKED);
			assert_true(send_chunks(&c, body, lengths[i], steps[k], true));
			client_read_reply(&c, &r, true);
			assert_string_equal(r.body, whole.body);
			reply_free(&r);
		}
		reply_free(&whole);
	}
	client_close(&c);
	free(body);
	assert_int_equal(app.begun, app.finished);
}

/* The sum, by another way: a body whose answer was worked out by hand. */
static void the_bytes_are_those_that_were_sent(void **state)
{
	struct client_reply r;
	struct client c;

	(void)state;
	client_open(&c, app.port);
	send_head(&c, "/sum/1", CHUNKED "Expect: 100-continue\r\n");
	client_read_reply(&c, &r, true);
	assert_int_equal(r.status, 100);
	reply_free(&r);
	client_send(&c, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	client_read_reply(&c, &r, true);
	assert_string_equal(r.body, "5 97"); /* one write of five bytes; 'a' is 97 */
	reply_free(&r);
	client_close(&c);
}

static void finish_may_respond_later(void **state)
{
	struct client c;
	int i;

	(void)state;
	client_open(&c, app.port);
	for (i = 0; i < 20; i++) {
		send_head_length(&c, "/later/1", 3);
		client_send(&c, "abc");
		assert_int_equal(status_of(&c), 202);
	}
	client_close(&c);
}

static void the_limit_may_be_reached_and_not_passed(void **state)
{
	static const struct {
		size_t len;
		bool chunked;
		int status;
		long begun;
	} cases[] = {
	    {300000, false, 202, 1},
	    {300000, true, 202, 1},
	    {300001, false, 413, 0}, /* at once, by its Content-Length */
	    {300001, true, 413, 1},
	    {20000000, true, 413, 1},
	};
	char *body = make_body(20000000);
	struct client_reply r;
	struct client c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		app.begun = app.finished = app.cancelled = 0;
		client_open(&c, app.port);
		if (cases[i].chunked) {
			send_head(&c, "/small/1", CHUNKED);
			assert_true(send_chunks(&c, body, cases[i].len, 50000, true));
		} else {
			send_head_length(&c, "/small/1", cases[i].len);
			client_send_bytes(&c, body, cases[i].len);
		}
		client_read_reply(&c, &r, true);
		assert_int_equal(r.status, cases[i].status);
		if (r.status == 413) {
			assert_non_null(strstr(r.body, "the limit is 300000 bytes"));
			assert_true(client_at_end(&c));
			assert_true(wait_for(&app.cancelled, cases[i].begun));
		}
		assert_int_equal(app.begun, cases[i].begun);
		reply_free(&r);
		client_close(&c);
	}
	free(body);
}

static void begin_may_refuse_before_the_body(void **state)
{
	char *body = make_body(20000000);
	struct client_reply r;
	struct client c;

	(void)state;
	/* The body comes all the same, and the answer survives it. */
	client_open(&c, app.port);
	send_head_length(&c, "/begin/7", 20000000);
	assert_int_equal(client_send_bytes(&c, body, 20000000), 20000000);
	client_read_reply(&c, &r, true);
	assert_int_equal(r.status, 409);
	assert_non_null(strstr(r.body, "job 7 takes no more data."));
	assert_true(client_at_end(&c));
	reply_free(&r);
	client_close(&c);

	/* No 100 before it. */
	client_open(&c, app.port);
	send_head(&c, "/begin/7", "Content-Length: 10\r\nExpect: 100-continue\r\n");
	assert_int_equal(status_of(&c), 409);
	assert_true(client_at_end(&c));
	client_close(&c);

	/* Without a body the connection can go on. */
	client_open(&c, app.port);
	send_head_length(&c, "/begin/7", 0);
	assert_int_equal(status_of(&c), 409);
	send_head_length(&c, "/sum/7", 1);
	client_send(&c, "x");
	assert_int_equal(status_of(&c), 202);
	client_close(&c);
	free(body);
	assert_int_equal(app.cancelled, 3);
	assert_int_equal(app.written, 1);
}

static void write_may_refuse_in_mid_body(void **state)
{
	static const size_t lengths[] = {10, 131072, 131073, 300000, 20000000};
	char *body = make_body(20000000);
	struct client c;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (k = 0; k < 2; k++) {
			client_open(&c, app.port);
			if (k == 0) {
				send_head_length(&c, "/write/1", lengths[i]);
				assert_int_equal(
				    client_send_bytes(&c, body, lengths[i]), lengths[i]);
			} else {
				send_head(&c, "/write/1", CHUNKED);
				assert_true(send_chunks(&c, body, lengths[i], 100000, true));
			}
			assert_int_equal(status_of(&c), 415);
			client_close(&c);
		}
	}
	free(body);
	/* Nothing was handed over after a refusal. */
	assert_true(wait_for(&app.cancelled, 10));
	assert_int_equal(app.written, 10);
	assert_int_equal(app.finished, 0);
}

static void a_client_that_leaves_is_cancelled_wherever_it_stood(void **state)
{
	static const size_t sent[] = {0, 1, 131071, 131072, 131073, 500000, 1000000};
	char *body = make_body(1000001);
	struct client c;
	long expected = 0;
	size_t i, held;

	(void)state;
	for (held = 0; held < 2; held++) {
		for (i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
			app.hold = held == 1;
			client_open(&c, app.port);
			send_head_length(&c, "/sum/1", 1000001);
			/* While write() is held up not all of it is taken: the kernel keeps the
			 * rest. */
			client_send_bytes(&c, body, sent[i]);
			expected++;
			assert_true(wait_for(&app.begun, expected));
			client_close(&c);
			usleep(2000);
			app.hold = false;
			if (!wait_for(&app.cancelled, expected))
				fail_msg("after %zu bytes, held %zu", sent[i], held);
		}
	}
	/* Chunked: an end of the connection is no end of the body. */
	client_open(&c, app.port);
	send_head(&c, "/sum/1", CHUNKED);
	assert_true(send_chunks(&c, body, 300000, 1000, false));
	client_close(&c);
	assert_true(wait_for(&app.cancelled, expected + 1));
	assert_int_equal(app.finished, 0);
	free(body);
	the_server_still_serves();
}

static void a_body_that_is_no_body_is_cancelled(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, app.port);
	send_head(&c, "/sum/1", CHUNKED);
	client_send(&c, "5\r\nabcde\r\nzz\r\n");
	assert_int_equal(status_of(&c), 400);
	client_close(&c);
	assert_true(wait_for(&app.cancelled, 1));
	assert_int_equal(app.finished, 0);
}

struct sender {
	pthread_t thread;
	const char *body;
	size_t len;
	int repeat;
	bool begun_first; /* send the body only when ${app.go} says so */
	int status;
};

static void *send_body(void *ctx)
{
	struct sender *s = ctx;
	struct client c;
	int i;

	client_open(&c, app.port);
	for (i = 0; i < s->repeat; i++) {
		send_head_length(&c, "/sum/1", s->len);
		if (s->begun_first && !wait_for(&app.go, 1))
			break;
		if (client_send_bytes(&c, s->body, s->len) != s->len)
			break;
		s->status = status_of(&c);
	}
	client_close(&c);
	return NULL;
}

static void send_at_once(struct sender *senders, size_t count, const char *body, size_t len,
    int repeat, bool begun_first)
{
	size_t i;

	for (i = 0; i < count; i++) {
		senders[i] = (struct sender){
		    .body = body, .len = len, .repeat = repeat, .begun_first = begun_first};
		assert_int_equal(
		    thread_start(&senders[i].thread, "sender", send_body, &senders[i], NULL), OK);
	}
}

static void join_senders(struct sender *senders, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		thread_join(senders[i].thread);
		assert_int_equal(senders[i].status, 202);
	}
}

static void a_hundred_uploads_run_at_once(void **state)
{
	static struct sender senders[100];
	char *body = make_body(3000000);

	(void)state;
	send_at_once(senders, 100, body, 3000000, 1, false);
	join_senders(senders, 100);
	assert_int_equal(app.finished, 100);
	assert_int_equal(app.bytes, 300000000);
	free(body);
}

/* More uploads than the pool has chunks for, all held up at once: those without one wait, and all
 * come to an end. */
static void uploads_wait_for_a_chunk_and_get_one(void **state)
{
	static struct sender senders[300];
	char *body = make_body(400000);

	(void)state;
	send_at_once(senders, 300, body, 400000, 1, true);
	assert_true(wait_for(&app.begun, 300));
	app.hold = true;
	app.go = 1;
	usleep(300000);
	the_server_still_serves();
	app.hold = false;
	join_senders(senders, 300);
	assert_int_equal(app.finished, 300);
	assert_int_equal(app.bytes, 120000000);
	free(body);
}

static void a_stop_cancels_uploads_that_wait(void **state)
{
	static struct client clients[300];
	char *body = make_body(200000);
	int64_t start_us;
	size_t i;

	(void)state;
	for (i = 0; i < 300; i++) {
		client_open(&clients[i], app.port);
		send_head_length(&clients[i], "/sum/1", 100000000);
		client_send_bytes(&clients[i], body, 200000);
	}
	/* 256 of them keep a chunk that is not full; the others wait for one. */
	assert_true(wait_for(&app.written, 256));
	usleep(100000);
	start_us = clock_mono_us();
	http_server_stop(&app.server);
	assert_true(clock_mono_us() - start_us < 10000000);
	assert_int_equal(app.finished, 0);
	assert_int_equal(app.cancelled, 300);
	for (i = 0; i < 300; i++)
		client_close(&clients[i]);
	free(body);
}

static void a_drain_lets_an_upload_finish(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, app.port);
	send_head_length(&c, "/sum/1", 6);
	client_send(&c, "abc");
	assert_true(wait_for(&app.begun, 1));
	assert_false(http_server_drain(app.server, clock_mono_us() + 20000));
	client_send(&c, "def");
	assert_int_equal(status_of(&c), 202);
	assert_true(http_server_drain(app.server, clock_mono_us() + 10000000));
	client_close(&c);
}

/* --- Memory and speed ------------------------------------------------------------------------- */

/* Sanitizers have a memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURABLE false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define MEASURABLE false
#endif
#endif
#ifndef MEASURABLE
#define MEASURABLE true
#endif

static const char zeros[65536];

static void *send_zeros(void *ctx)
{
	struct sender *s = ctx;
	struct client c;
	size_t sent, n;

	client_open(&c, app.port);
	send_head_length(&c, "/count/1", s->len);
	for (sent = 0; sent < s->len; sent += n) {
		n = s->len - sent < sizeof(zeros) ? s->len - sent : sizeof(zeros);
		if (client_send_bytes(&c, zeros, n) != n)
			break;
	}
	s->status = status_of(&c);
	client_close(&c);
	return NULL;
}

static void start_zeros(struct sender *senders, size_t count, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++) {
		senders[i] = (struct sender){.len = len};
		assert_int_equal(
		    thread_start(&senders[i].thread, "zeros", send_zeros, &senders[i], NULL), OK);
	}
}

/* The most that the process grows by while ${count} uploads are sent, in KiB. */
static long grow_by(size_t count, size_t len)
{
	struct sender senders[100];
	long before = rss_kib(), most = before, now;
	int64_t start_us = clock_mono_us();

	start_zeros(senders, count, len);
	while (app.finished < (long)count && clock_mono_us() < start_us + 60000000) {
		now = rss_kib();
		most = now > most ? now : most;
		usleep(2000);
	}
	print_message("    %zu x %zu MB: %.0f MB/s, %ld KiB more\n", count, len / 1000000,
	    (double)count * (double)len / (double)(clock_mono_us() - start_us), most - before);
	join_senders(senders, count);
	return most - before;
}

static void an_uploads_memory_does_not_grow_with_its_length(void **state)
{
	(void)state;
	if (!MEASURABLE)
		skip();
	assert_true(grow_by(1, 150000000) < 1024);
	app.finished = app.begun = 0;
	assert_true(grow_by(8, 40000000) < 3 * 1024);
	app.finished = app.begun = 0;
	assert_true(grow_by(100, 5000000) < 100 * 1024);
}

static void a_slow_write_stops_the_client_and_not_the_server(void **state)
{
	struct sender senders[3];
	long before;

	(void)state;
	if (!MEASURABLE)
		skip();
	app.hold = true;
	before = rss_kib();
	start_zeros(senders, 3, 50000000);
	assert_true(wait_for(&app.begun, 3));
	usleep(500000);
	assert_true(rss_kib() - before < 3 * 1024);
	the_server_still_serves();
	app.hold = false;
	join_senders(senders, 3);
	assert_int_equal(app.bytes, 150000000);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    /* First, while the process is small. */
	    SERVED(an_uploads_memory_does_not_grow_with_its_length),
	    SERVED(a_body_arrives_whole_and_in_order_however_it_is_sent),
	    SERVED(the_bytes_are_those_that_were_sent),
	    SERVED(finish_may_respond_later),
	    SERVED(the_limit_may_be_reached_and_not_passed),
	    SERVED(begin_may_refuse_before_the_body),
	    SERVED(write_may_refuse_in_mid_body),
	    SERVED(a_client_that_leaves_is_cancelled_wherever_it_stood),
	    SERVED(a_body_that_is_no_body_is_cancelled),
	    SERVED(a_hundred_uploads_run_at_once),
	    SERVED(uploads_wait_for_a_chunk_and_get_one),
	    SERVED(a_stop_cancels_uploads_that_wait),
	    SERVED(a_drain_lets_an_upload_finish),
	    SERVED(a_slow_write_stops_the_client_and_not_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
