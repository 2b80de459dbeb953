/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_HTTP_H
#define SLUICE_HTTP_HTTP_H

/*
 * HTTP as the rest of the program sees it: a table of routes, a request, a response.  The library
 * below it shows in server_mhd.c only.
 *
 * A request's way:
 *	route -> authorize -> (intercept) -> (body) -> handler -> response
 * The server reads the request line and headers on an event thread, finds the route, asks
 * authorize(), reads the body as the route says, and calls the handler on the route's
 * lane.  The handler responds once, there and then, or calls request_defer() and somebody
 * responds later from any thread.
 *
 * Event threads never block: on them run the matching of routes, authorize(),
 * and handlers of the event lane.
 *
 * A streamed body (HTTP_BODY_STREAM) passes through chunks of a fixed pool: the event thread fills
 * one while a worker writes the other; when both are full, or the pool is empty, the socket is not
 * read.  So an upload's memory does not depend on its length.
 */

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_tls; /* http/tls.h */
struct request;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_METHOD_COUNT };
const char *http_method_name(enum http_method method);

enum http_lane {
	HTTP_LANE_EVENT, /* on the event thread: must not block */
	HTTP_LANE_WORK,  /* a worker thread: may wait for storage */
	HTTP_LANE_QUERY, /* a thread for what may take seconds, so that it holds up no upload */
};

enum http_body {
	HTTP_BODY_NONE,   /* a body is read and dropped, up to 64 KiB */
	HTTP_BODY_WHOLE,  /* collected, up to body_bytes_max, then the handler runs */
	HTTP_BODY_STREAM, /* handed to the route's upload functions as it comes */
};

typedef void http_handler_fn(struct request *request);

/*
 * A streamed body's functions; all run on the work lane, one at a time
 * for one request, in this order:
 *	begin -> write … -> finish		or at any point after begin: cancel
 * begin and write may respond: that refuses the upload, and nothing more of the body is
 * handed over; then cancel is called.  Neither may defer, nor write answer with a source.
 * finish must respond (or defer).  cancel is also called when the client goes away in
 * mid-body; it releases what begin made and must not respond.  Exactly one of finish and
 * cancel is called when begin was, also when begin itself refused.  Before the answer to a
 * refusal leaves, cancel may still be running.
 */
struct http_upload {
	http_handler_fn *begin;
	void (*write)(struct request *request, struct slice bytes);
	http_handler_fn *finish;
	http_handler_fn *cancel;
};

struct http_route {
	enum http_method method;
	/* "/api/v1/ingest/jobs/{id}/batches": {name} is one non-empty path segment. */
	const char *pattern;
	unsigned scopes; /* for authorize(): bits of the application's */
	bool open;       /* needs no token */
	enum http_lane lane;
	enum http_body body;
	/* One more byte is 413, for WHOLE and STREAM.  A streamed body in a content coding may be
	 * ${coded_extra_bytes} longer as it comes; that what it decodes to keeps to the limit is
	 * its reader's to see to. */
	uint64_t body_bytes_max, coded_extra_bytes;
	http_handler_fn *handle;          /* not for STREAM */
	const struct http_upload *upload; /* for STREAM */
};

/* How errors look at one path and below it.  write() puts the whole body into ${out}; ${message} is what the
 * usual envelope would say.  Any thread. */
struct http_error_form {
	const char *prefix; /* "/services/data"; repeated slashes of a request count as one */
	void (*write)(struct buffer *out, unsigned status, const char *message);
};

struct http_options {
	const char *address; /* numeric, IPv4 or IPv6 */
	uint16_t port;       /* 0: a free one */
	const struct http_route *routes;
	size_t route_count;
	/* May the request go on?  Called before the body, for every request; ${route} is NULL when
	 * no route matches (then a token is needed all the same, so that strangers learn nothing of
	 * the routes).  It responds (401, 403, 503) when not, and may not defer.  NULL: all may.
	 * Event thread: must not block. */
	void (*authorize)(struct request *request, const struct http_route *route);
	/* What a test of a client asks for in place of, or beside, the usual: called after
	 * authorize() for a request that has a route and will be handled.  It may respond (then the
	 * body is not read), or call request_set_fault(), or both; it may not defer.  NULL: nothing
	 * of it runs, no thread either.  Event thread: must not block. */
	void (*intercept)(struct request *request, const struct http_route *route);
	/* The first that fits counts; where none does, the error envelope. */
	const struct http_error_form *error_forms;
	size_t error_form_count;
	struct http_tls *tls; /* NULL: plain HTTP.  It must stay as long as the server */
	void *context;        /* request_context() */
	unsigned event_threads;
	unsigned work_threads;
	unsigned query_threads;
	unsigned connections_max;
	unsigned idle_timeout_s; /* for a connection on which nothing moves */
};

/* Listen and serve.  E_IO: the address is taken or not ours; the text says which. */
enum status http_server_start(const struct http_options *options, struct http_server **ret_server,
    struct err *err) WARN_UNUSED;

/* The port that is listened on. */
uint16_t http_server_port(const struct http_server *server);

/* From now on a new request gets 503 with Retry-After and Connection: close; those that
 * run go on, uploads included.  Returns when none runs any more (true) or
 * clock_mono_us() reaches ${deadline_us} (false).  Deferred requests count as running:
 * whoever deferred them must respond. */
bool http_server_drain(struct http_server *server, int64_t deadline_us);

/* End all connections and threads.  Uploads in mid-body are cancelled; handlers that run, and
 * deferred requests, are waited for: whoever deferred must respond.  NULL is fine. */
void http_server_stop(struct http_server **server);

/* --- Request: valid until its response is sent or the client is gone -------------------------- */

void *request_context(const struct request *request);
/* HEAD is HTTP_GET; HTTP_METHOD_COUNT (authorize() may see it) is one that no route can have. */
enum http_method request_method(const struct request *request);
struct slice request_path(const struct request *request); /* as it came, without the query */
/* The value of the ${index}th {name} of the route's pattern, percent-decoded. */
struct slice request_param(const struct request *request, size_t index);
/* The value of a query parameter, percent-decoded ('+' is a space); false
 * when absent.  The first counts. */
bool request_query(const struct request *request, const char *name, struct slice *ret_value);
/* false when absent; names match without regard to case. */
bool request_header(const struct request *request, const char *name, struct slice *ret_value);
/* The value of the ${index}th header line of that name, from 0; false when there are not so
 * many. */
bool request_header_line(
    const struct request *request, const char *name, size_t index, struct slice *ret_value);
/* The value of a parameter of a form, decoded as request_query(): of the body, when that is
 * application/x-www-form-urlencoded, else of the query string.  false when absent. */
bool request_form(const struct request *request, const char *name, struct slice *ret_value);
/* How often a parameter of that name was given, in both together. */
size_t request_form_count(const struct request *request, const char *name);
/* The client's address, numeric, without a port: "127.0.0.1", "::1". */
const char *request_peer(const struct request *request);
/* Did it come over TLS? */
bool request_is_secure(const struct request *request);
/* The body's Content-Encoding.  "identity" is none; "x-gzip" is gzip. */
enum http_coding { HTTP_CODING_NONE, HTTP_CODING_GZIP, HTTP_CODING_OTHER /* or several */ };
enum http_coding request_coding(const struct request *request);
struct slice request_body(const struct request *request);   /* WHOLE only */
uint64_t request_body_bytes(const struct request *request); /* how many came so far */

/* Memory as long as the request. */
struct arena *request_arena(struct request *request);

/* One pointer for the application (a token, an upload); not touched here. */
void request_set_data(struct request *request, void *data);
void *request_data(const struct request *request);
void request_set_user(struct request *request, const void *user);
const void *request_user(const struct request *request);

/* Has the client closed its side of the connection, or lost it?  For a handler on a lane, before it
 * responds; on the event lane and in an upload it is the library that notices.  Never true of a
 * client that is merely silent.  Never blocks. */
bool request_client_left(const struct request *request);

/* The response comes later, from whichever thread.  The request stays valid until
 * then.  Only in a handler or in finish, and before anybody else is told of the
 * request: he might respond at once. */
void request_defer(struct request *request);

/* A fault that a test asks for; all zero: none. */
struct http_fault {
	uint32_t delay_ms; /* before anything is done; a drain or a stop ends it at once */
	/* Cut the connection, with a reset, once so many bytes of the body have come, before any of
	 * that piece is handed on; at 0 at the head; a shorter body at its end.  To the handler it
	 * is a client that went away.  Not for a request that intercept() has answered. */
	bool cut_request;
	uint64_t cut_after_bytes;
	/* Handle the request, send the answer's head and half of its body (of a source, of its
	 * first block), and cut.  An answer without a body is cut before its head. */
	bool cut_answer;
};

/* Only in intercept().  More delays at a time than half of the connections, or 256, are
 * answered with 503. */
void request_set_fault(struct request *request, const struct http_fault *fault);

/* --- Response: exactly once a request, from any thread ---------------------------------------- */

/* Add a header to the response that follows; both texts are copied. */
void respond_header(struct request *request, const char *name, const char *value);

/* ${body}'s memory is taken over; ${body} is empty afterwards.  If it failed (no memory, too big),
 * the answer is a 500 instead. */
void respond(
    struct request *request, unsigned status, const char *content_type, struct buffer *body);
/* The same with the content type of the wire's JSON answers. */
void respond_json(struct request *request, unsigned status, struct buffer *body);
void respond_empty(struct request *request, unsigned status);

/* A body that is made as it is sent.  read() fills in up to ${room} bytes and returns how many, 0
 * at the end, -1 to cut the connection; it runs on an event thread and may read files but not wait
 * for anything else.  close() is called once, also when the client goes away. */
struct http_source {
	int64_t (*read)(void *ctx, char *ret_bytes, size_t room);
	void (*close)(void *ctx);
	void *ctx;
};
void respond_source(struct request *request, unsigned status, const char *content_type,
    const struct http_source *source);

/* The error envelope (api: "Errors"): the only place that builds one.  ${format} gives the message;
 * for 404 and 409 the wire's own beginning ("The requested resource doesn't exist", …) is put in
 * front.  500 never tells the message to the client: it is logged. */
void respond_error(struct request *request, unsigned status, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same with "details": a JSON object in ${details} (taken over). */
void respond_error_details(struct request *request, unsigned status, struct buffer *details,
    const char *format, ...) PRINTF_LIKE(4, 5);
/* The envelope with this message and nothing in front of it, whatever the status: for an answer
 * that a test made up, which hides nothing. */
void respond_error_verbatim(struct request *request, unsigned status, struct slice message);
/* For a failure of the world: E_FULL and E_BUSY are 503 with Retry-After, the
 * rest 500; logged with ${err}. */
void respond_failure(struct request *request, enum status status, const struct err *err);

#endif
