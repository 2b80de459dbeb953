/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_REQUEST_H
#define SLUICE_HTTP_REQUEST_H

/*
 * What the files of this folder share: a request, its reply, and the server that holds them.
 * Private to http/.
 *
 *	server.c	a server's start and end
 *	server_mhd.c	the library's calls; moves a request from state to state
 *	server_mhd_refuse.c	answers that the library can't send, or would word itself
 *	head.c		what can be said of a request by its head: refused, or which route
 *	request.c	what a handler asks of a request: copies all, which outlive the connection
 *	respond.c	what a handler answers: fills in struct reply, then server_replied()
 *	upload.c	a streamed body's way through the chunks to the work lane
 *	router.c	paths
 *	linger.c	sockets of clients that still send though they were answered
 *	fault.c		what tests ask for: delays and cuts
 *	count.c		what is counted of requests
 *
 * A request's states.  Only the event thread moves it:
 *
 *	        body, or none        whole               replied            sent, or cut
 *	  HEAD -------------> BODY --------> HANDLER -------------> SENDING -------------> OVER
 *	   |                   |                                       ^                    ^
 *	   |                   +-- refused in mid-body ----------------+                    |
 *	   +------ refused; the body is not read ----------------------+                    |
 *	   (from each) client gone, connection timed out, server stops ---------------------+
 *
 *	state    what is known   whose is the reply                who moves it on
 *	HEAD     the target      event thread; STREAM: begin       the head is judged, begin ends
 *	BODY     the head        event thread; STREAM: write       the last byte
 *	HANDLER  the whole body  the handler; to whom it deferred  server_replied()
 *	SENDING  the reply       nobody                            the library
 *	OVER     all             nobody                            the last reference frees it
 *
 * Beside the state, a connection is parked or not.  Parked: the library has taken it off its event
 * loop, the event thread touches neither it nor the request, nobody notices that the client left
 * (a handler may ask: request_client_left()), and exactly one unparks it.  It is parked before whoever unparks it can learn of the request;
 * that, and the library's own lock in suspend and resume, is all the ordering there is.
 *
 * A fault (fault.c) is set while the head is judged and never changes.  It adds no state; it parks
 * once more, and takes three shorter ways to OVER:
 *
 *	state    fault                 instead of                what happens
 *	HEAD     delay                 going on                  parked; the delays' timer unparks
 *	                                                         it: it goes on as if just judged
 *	HEAD     cut request, at 0 or  BODY                      cut
 *	         without a body
 *	BODY     cut request           taking the piece with     cut; an upload is cancelled as
 *	                               that byte; HANDLER, at    when its client leaves
 *	                               the end of a shorter one
 *	any      cut answer            SENDING all of it         SENDING half of it, then cut; cut
 *	                                                         at once when it has no body
 *
 * A delay comes before any upload function, so the timer and a step never want the same connection.
 * What is cut does not linger.
 *
 * A request is freed by whoever drops its last reference.  One is the library's until it is OVER,
 * one is each lane task's, one is that of a source which is being sent.
 */

#include "base/arena.h"
#include "base/buffer.h"
#include "base/pool.h"
#include "base/slice.h"
#include "http/http.h"
#include "http/linger.h"
#include "http/router.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;
struct MHD_Daemon;

/* A body that nobody wants is read up to here, so that the connection can be used again. */
#define HTTP_DROPPED_BYTES_MAX 65536
/* Of a request's target, of one header, and of all headers.  A header counts as its name, its value
 * and the four bytes around them.  Well below what a connection's memory holds, so that it is we
 * who refuse, and at a number that does not depend on the library. */
#define HTTP_TARGET_BYTES_MAX  8192
#define HTTP_HEADER_BYTES_MAX  8192
#define HTTP_HEADERS_BYTES_MAX 16384
/* Of an error's message; the envelope around it may have some more. */
#define HTTP_ERROR_BYTES_MAX 65536
/* Two of them hold what comes in during one write to storage; larger ones were no faster. */
#define UPLOAD_CHUNK_BYTES 131072
#define UPLOAD_CHUNKS_MAX  256
/* When more are in use, no upload waits for its own to be full. */
#define UPLOAD_CHUNKS_MANY 128
/* Tasks that wait for a lane; one more is answered with 503. */
#define LANE_QUEUE_MAX 1024

enum request_state { REQUEST_HEAD, REQUEST_BODY, REQUEST_HANDLER, REQUEST_SENDING, REQUEST_OVER };

struct reply_header {
	const char *name, *value;
	struct reply_header *next;
};

struct reply {
	bool ready;
	unsigned status;
	const char *content_type; /* NULL: none */
	struct buffer body;
	struct http_source source; /* read is NULL when there is none */
	struct reply_header *headers, **headers_end;
};

struct upload_chunk {
	struct upload_chunk *next;
	size_t used;
	char bytes[UPLOAD_CHUNK_BYTES];
};

/* See upload.c; the server's mutex guards all but ${filling}. */
struct upload {
	struct upload_chunk *filling; /* the event thread's; the work lane's once ${ended} */
	struct upload_chunk *ready;   /* full, for the next step */
	bool opened;                  /* begin is queued, runs or has run */
	bool begun;                   /* begin was called */
	bool closed;   /* finish or cancel was called, or there is nothing to cancel */
	bool step_out; /* a task of this upload is queued or runs */
	bool parked;
	bool waiting; /* for a chunk of the pool; then parked, too */
	bool refused; /* begin, write or the limit has replied */
	bool ended;   /* the body is whole */
	bool gone;    /* the client is */
	struct request *next_waiting;
};

struct request_header {
	struct slice name, value;
};

struct request {
	struct http_server *server;
	struct MHD_Connection *connection;
	int socket; /* the connection's: nobody closes it while it is parked */
	char peer[INET6_ADDRSTRLEN];
	enum request_state state;
	bool head_read; /* the headers were looked at */
	bool admitted;  /* counts as running */
	bool deferred;  /* request_defer() was called; by the thread that calls the handler */
	bool handling;  /* the handler, or finish, may respond and defer */
	bool unpark;    /* server_replied() unparks the connection */
	bool linger;    /* the client may be sending still */
	bool cut;       /* by a fault: the client is not waited for */
	atomic_uint references;

	int64_t begun_us; /* when its first line was there; of clock_mono_us() */

	struct arena arena;
	struct slice target; /* as it came */
	struct slice path, query;
	enum http_method method; /* HTTP_METHOD_COUNT: one that no route has */
	bool head_only;          /* a GET that was sent as HEAD */
	struct router_match match;
	struct request_header *headers;
	size_t header_count;
	void *data;
	const void *user;

	bool has_body;
	uint64_t length;         /* Content-Length */
	uint64_t body_bytes_max; /* how long it may be, as it comes; once there is a route */
	uint64_t received;       /* bytes of the body that came; the event thread's */
	uint64_t body_bytes;     /* bytes of the body that the handler knows of */
	struct buffer body;      /* WHOLE */
	struct reply reply;
	struct pool_task task;
	struct upload upload; /* STREAM */

	struct http_fault fault;
	int64_t delayed_until_us;     /* of clock_mono_us() */
	struct request *next_delayed; /* guarded by the server's mutex */
};

struct http_server {
	struct http_options options;
	struct router *router;
	struct MHD_Daemon *daemon;
	struct pool *work, *query;
	struct lingering *linger;
	uint16_t port;
	pthread_t delay_timer; /* fault.c; only when there is an intercept() */
	bool has_delay_timer;

	pthread_mutex_t mutex; /* guards all below, and every struct upload */
	pthread_cond_t idle;   /* one of the counts fell to 0 */
	bool draining;         /* no request is admitted any more */
	bool stopping;         /* no connection is parked any more */
	size_t running;        /* admitted requests that are not freed */
	size_t busy;           /* requests in an event lane's handler, or parked */
	struct upload_chunk *chunks;
	size_t chunk_count; /* made so far, in use or not */
	size_t chunks_used; /* of them, those that are not in ${chunks} */
	struct request *waiting, **waiting_end;
	pthread_cond_t delays_changed;
	struct request *delayed; /* in no order */
	size_t delayed_count;
};

/* --- server_mhd.c ----------------------------------------------------------------------------- */

enum status server_daemon_start(struct http_server *server, struct err *err) WARN_UNUSED;
void server_daemon_stop(struct http_server *server);

/* The reply is filled in: whoever waits for it goes on.  Whoever is not the event thread inside its
 * callback, nor in an upload's begin or write, must not touch the request afterwards. */
void server_replied(struct request *request);

/* Take the connection off the event loop; false when the server stops (then cut it).  Event thread,
 * in its callback. */
bool server_park(struct request *request) WARN_UNUSED;
bool server_park_locked(struct request *request) WARN_UNUSED;
/* Put it back: the callback runs again with what it had not taken.  Any
 * thread, once; without the lock. */
void server_unpark(struct request *request);

/* --- server.c --------------------------------------------------------------------------------- */

/* A socket that listens.  Ours, since the library would not say why it got none. */
enum status server_listen(const struct http_options *options, int *ret_socket, uint16_t *ret_port,
    struct err *err) WARN_UNUSED;

/* Between the two the library is not stopped.  false when the server stops. */
bool server_enter(struct http_server *server) WARN_UNUSED;
bool server_enter_locked(struct http_server *server) WARN_UNUSED;
void server_leave(struct http_server *server);

/* --- request.c -------------------------------------------------------------------------------- */

/* NULL when there is no memory.  One reference. */
struct request *request_create(
    struct http_server *server, struct MHD_Connection *connection, int socket, struct slice target);
void request_ref(struct request *request);
void request_unref(struct request *request);

/* --- head.c ----------------------------------------------------------------------------------- */

/* Give the request a route or a reply.  Its headers are copied already. */
void head_judge(struct request *request, const char *method, bool http11);

/* --- upload.c --------------------------------------------------------------------------------- */

enum upload_next {
	UPLOAD_GO,      /* all was taken: go on */
	UPLOAD_PARKED,  /* the connection is parked: return to the library */
	UPLOAD_REPLIED, /* there is a reply, and no step runs: send it */
	UPLOAD_CUT,     /* the server stops: cut the connection */
};

/* Event thread, in its callback.  Each may be called again with what was not taken once it was
 * parked and unparked. */
enum upload_next upload_open(struct request *request);
enum upload_next upload_feed(struct request *request, struct slice bytes, size_t *ret_taken);
enum upload_next upload_end(struct request *request);
/* The connection is no more. */
void upload_abandon(struct request *request);

/* The server stops: let those that wait for a chunk run into it. */
void upload_wake_waiting(struct http_server *server);
void upload_free_chunks(struct http_server *server);

/* --- fault.c ---------------------------------------------------------------------------------- */

/* The timer of the delays.  Stopped when ${stopping} is set; then no connection is delayed any
 * more. */
enum status fault_start(struct http_server *server, struct err *err) WARN_UNUSED;
void fault_stop(struct http_server *server);

enum fault_next {
	FAULT_GO,     /* no delay */
	FAULT_PARKED, /* the connection is parked: return to the library */
	FAULT_CUT,    /* the server stops: cut the connection */
};

/* Event thread, in its callback, once, when the head was judged.  It may reply (503). */
enum fault_next fault_delay(struct request *request);

/* Is the connection to be cut instead of taking ${next} bytes more of the body; at its head, when
 * it has none; at its end? */
bool fault_cuts_body(const struct request *request, size_t next);
bool fault_cuts_head(const struct request *request);
bool fault_cuts_end(const struct request *request);

/* Of the ${body_bytes} of an answer's body, how many are to be sent before the connection is
 * cut? */
size_t fault_half(size_t body_bytes);

/* Reset the connection: the client learns at once, and what it still sends is refused. */
void fault_reset(int socket);

/* --- respond.c -------------------------------------------------------------------------------- */

/* The place of a status in the table of statuses, below METRICS_STATUS_CELLS; those that have no
 * place of their own share one.  And back; 0 for the one that is shared. */
size_t respond_status_index(unsigned status);
unsigned respond_status_at(size_t index);

#define RESPOND_JSON_TYPE "application/json;charset=UTF-8"

/* "409 CONFLICT"'s second word; "ERROR" for a status that the wire has no name for. */
const char *respond_status_name(unsigned status);
/* The error envelope alone, for an answer that no struct reply is made for. */
void respond_write_envelope(
    struct buffer *out, struct slice path, unsigned status, const char *message);
/* 413 with the limit of the request's route. */
void respond_too_large(struct request *request);
void reply_fini(struct reply *reply);

/* --- count.c ---------------------------------------------------------------------------------- */

/* Name what is counted by the server's routes, until count_end(). */
void count_begin(const struct http_server *server);
void count_end(void);
/* Event thread, as the answer is handed over. */
void count_reply(const struct request *request, unsigned status);
/* The same for what was refused before it could be read as a request. */
void count_unread(unsigned status);

#endif
