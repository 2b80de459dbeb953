/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server on libmicrohttpd; with server_mhd_refuse.c the only file that knows of it.  See
 * request.h for the states.
 *
 * The library calls on_access() once when the headers are whole (again if the connection was
 * parked meanwhile), once for each piece of the body (again with what was not taken), and once at
 * the end.  What to know of version 0.9.75, read in its source and tested:
 *	- An answer may be queued in the first call or in the last.  In the first it makes the
 *	  library close the connection even if there is no body; so the answer to a request
 *	  without one waits for the last.
 *	- In mid-body none can be queued, and what it cannot read it refuses itself: for both see
 *	  server_mhd_refuse.c.
 *	- A socket is closed with unread bytes in it, which resets the connection and may destroy
 *	  the answer; such a one lingers (linger.h).
 *	- Two Content-Lengths, or one beside Transfer-Encoding, are taken; not by head.c.
 *	- By the time of on_access() the path is unescaped, and what was a slash or a NUL is lost.
 *	  So unescaping is turned off, and on_target() copies the target before it is cut up, and
 *	  hides the query's parameters from the library.
 *	- It must not be stopped while connections are parked: hence ${busy}.
 *	- While it is being stopped it drops an answer that is queued, says MHD_YES, and calls
 *	  again; then the connection is cut.
 */
#include "http/server_mhd.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "http/tls_handshake.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Per connection, for headers and for what a socket gives at once.  The library zeroes all of it
 * after each request: with 128 KiB small requests take half as long again, and a large upload a
 * tenth less. */
#define CONNECTION_BYTES ((size_t)40960)
/* Of a source at a time, where the library does not use the connection's own memory. */
#define SOURCE_BLOCK_BYTES 32768

static const char busy_text[] = "The server is busy; try again in a moment.";

/* --- Connections ------------------------------------------------------------------------------ */

struct connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

int socket_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* --- Parking ---------------------------------------------------------------------------------- */

bool server_park_locked(struct request *request)
{
	if (!server_enter_locked(request->server))
		return false;
	/* Under the lock, so that nobody unparks what is not parked yet.  It takes a lock of the
	 * library's, under which the library calls nothing of ours. */
	MHD_suspend_connection(request->connection);
	return true;
}

bool server_park(struct request *request)
{
	bool parked;

	mutex_lock(&request->server->mutex);
	parked = server_park_locked(request);
	mutex_unlock(&request->server->mutex);
	return parked;
}

void server_unpark(struct request *request)
{
	struct http_server *server = request->server;

	/* The event thread may free the request at once. */
	MHD_resume_connection(request->connection);
	server_leave(server);
}

void server_replied(struct request *request)
{
	if (request->unpark)
		server_unpark(request);
}

void request_defer(struct request *request)
{
	assert(request->handling && !request->deferred && !request->reply.ready);
	request->deferred = true;
	if (request->unpark)
		return; /* on a lane: parked already */
	/* On the event thread, which has entered.  Nobody else has the request yet, so
	 * nobody can unpark too early; and that the library is still inside
	 * on_access() does not matter to it. */
	request->unpark = true;
	MHD_suspend_connection(request->connection);
}

/* As the network does it: see fault.c. */
static enum MHD_Result cut(struct request *request)
{
	fault_reset(socket_of(request->connection));
	request->cut = true;
	return MHD_NO;
}

/* --- Answers ---------------------------------------------------------------------------------- */

static ssize_t read_source(void *cls, uint64_t position, char *bytes, size_t room)
{
	struct request *request = cls;
	int64_t count;

	(void)position;
	count = request->reply.source.read(request->reply.source.ctx, bytes, room);
	assert(count <= (int64_t)room);
	if (count < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return count == 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)count;
}

static void close_source(void *cls)
{
	request_unref(cls); /* the last one closes the source */
}

/* Half of a body, and then the end of the connection instead of the rest.  The body stays the
 * request's. */
static ssize_t read_half(void *cls, uint64_t position, char *bytes, size_t room)
{
	struct request *request = cls;
	size_t half = fault_half(request->reply.body.len);
	size_t count = half - (size_t)position < room ? half - (size_t)position : room;

	if (count == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(bytes, request->reply.body.ptr + position, count);
	return (ssize_t)count;
}

/* Half of a source's first block: how long it is, nobody knows. */
static ssize_t read_half_source(void *cls, uint64_t position, char *bytes, size_t room)
{
	ssize_t count = position > 0 ? 0 : read_source(cls, position, bytes, room);

	return count <= 0 ? MHD_CONTENT_READER_END_WITH_ERROR : (ssize_t)fault_half((size_t)count);
}

static struct MHD_Response *make_half_response(struct request *request)
{
	const struct reply *reply = &request->reply;
	bool is_source = reply->source.read != NULL;
	struct MHD_Response *response;

	request_ref(request);
	response = MHD_create_response_from_callback(is_source ? MHD_SIZE_UNKNOWN : reply->body.len,
	    SOURCE_BLOCK_BYTES, is_source ? read_half_source : read_half, request, close_source);
	if (response == NULL)
		request_unref(request);
	return response;
}

static struct MHD_Response *make_response(struct request *request)
{
	struct reply *reply = &request->reply;
	struct MHD_Response *response;

	if (request->fault.cut_answer)
		return make_half_response(request);
	if (reply->source.read != NULL) {
		request_ref(request);
		response = MHD_create_response_from_callback(
		    MHD_SIZE_UNKNOWN, SOURCE_BLOCK_BYTES, read_source, request, close_source);
		if (response == NULL)
			request_unref(request);
		/* To a HEAD the library would send the last chunk of a body that has no others;
		 * without chunks the end of the answer is that of the connection. */
		else if (request->head_only)
			MHD_set_response_options(
			    response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
		return response;
	}
	if (reply->body.len == 0)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer(
	    reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);
	if (response != NULL)
		buffer_init(&reply->body, 0);
	return response;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		log_event(LOG_LEVEL_WARN, "http.header_dropped", "name=%s", name);
}

static bool has_body_to_cut(const struct request *request)
{
	return !request->head_only &&
	       (request->reply.body.len > 0 || request->reply.source.read != NULL);
}

/* Give the reply to the library.  First or last call only. */
static enum MHD_Result queue_reply(struct request *request)
{
	struct MHD_Response *response;
	const struct reply_header *header;
	enum MHD_Result result;

	assert(request->reply.ready);
	assert(request->state == REQUEST_HEAD || request->state == REQUEST_HANDLER);
	if (request->fault.cut_answer && !has_body_to_cut(request))
		return cut(request);
	request->cut = request->fault.cut_answer;
	response = make_response(request);
	if (response == NULL)
		return MHD_NO;
	if (request->reply.content_type != NULL)
		add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->reply.content_type);
	for (header = request->reply.headers; header != NULL; header = header->next)
		add_header(response, header->name, header->value);
	request->linger = request->state == REQUEST_HEAD;
	request->state = REQUEST_SENDING;
	count_reply(request, request->reply.status);
	result = refuse_pass(request->connection, request->reply.status, response);
	MHD_destroy_response(response);
	return result;
}

/* --- Headers ---------------------------------------------------------------------------------- */

static enum MHD_Result copy_header(void *cls, enum MHD_ValueKind kind, const char *name,
    size_t name_size, const char *value, size_t value_size)
{
	struct request *request = cls;
	struct request_header *header = &request->headers[request->header_count];
	struct arena *arena = &request->arena;

	(void)kind;
	header->name =
	    (struct slice){arena_copy(arena, (struct slice){name, name_size}), name_size};
	header->value =
	    (struct slice){arena_copy(arena, (struct slice){value, value_size}), value_size};
	if (header->name.ptr == NULL || header->value.ptr == NULL)
		return MHD_NO;
	request->header_count++;
	return MHD_YES;
}

/* false when there is no memory. */
static bool copy_headers(struct request *request)
{
	struct MHD_Connection *connection = request->connection;
	int count = MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL);

	request->headers =
	    arena_array(&request->arena, (size_t)count + 1, sizeof(struct request_header));
	if (request->headers == NULL)
		return false;
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, copy_header, request);
	return request->header_count == (size_t)count;
}

/* Where the socket has nothing more to give because the client has closed, make that an event of
 * its own.  The library reads less than it asked for, takes that for the end of what is there, and
 * waits for another edge; but the one of the client's FIN may be the one that it woke up for.  Then
 * it would notice only at the idle timeout.  Reading is over, so shutting it down hurts nobody. */
static void notice_close(struct MHD_Connection *mhd)
{
	int fd = socket_of(mhd);
	char byte;

	if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		shutdown(fd, SHUT_RD);
}

/* --- The library's calls ---------------------------------------------------------------------- */

static bool is_stream(const struct request *request)
{
	return request->match.route != NULL && request->match.route->body == HTTP_BODY_STREAM;
}

/* The head is judged, and its delay over.  Again when an upload's begin has ended. */
static enum MHD_Result leave_head(struct request *request)
{
	bool replied = request->reply.ready;

	if (fault_cuts_head(request))
		return cut(request);
	if (is_stream(request) && (!replied || request->upload.opened)) {
		switch (upload_open(request)) {
		case UPLOAD_GO:
			break;
		case UPLOAD_REPLIED:
			replied = true;
			break;
		case UPLOAD_PARKED:
			return MHD_YES;
		case UPLOAD_CUT:
			return MHD_NO;
		}
	}
	if (replied && request->has_body)
		return queue_reply(request);
	request->state = REQUEST_BODY;
	return MHD_YES;
}

static enum MHD_Result on_head(struct request *request, const char *method, const char *version)
{
	if (request->head_read)
		return leave_head(request); /* parked meanwhile */
	request->head_read = true;
	if (!copy_headers(request))
		return MHD_NO;
	head_judge(request, method, strcmp(version, MHD_HTTP_VERSION_1_0) != 0);
	switch (fault_delay(request)) {
	case FAULT_PARKED:
		return MHD_YES;
	case FAULT_CUT:
		return MHD_NO;
	case FAULT_GO:
		break;
	}
	return leave_head(request);
}

/* A piece of a body that is not streamed. */
static enum MHD_Result collect(struct request *request, struct slice bytes)
{
	const struct http_route *route = request->match.route;

	if (bytes.len > request->body_bytes_max - request->received) {
		respond_too_large(request);
		return refuse_midway(request);
	}
	request->received += bytes.len;
	request->body_bytes = request->received;
	if (route->body == HTTP_BODY_WHOLE)
		buffer_put(&request->body, bytes);
	if (request->body.failed) {
		respond_error(request, 500, "no memory for a body");
		return refuse_midway(request);
	}
	notice_close(request->connection);
	return MHD_YES;
}

static enum MHD_Result on_body(struct request *request, const char *data, size_t *data_size)
{
	struct slice bytes = {data, *data_size};
	enum upload_next next;
	size_t taken = 0;

	if (fault_cuts_body(request, bytes.len))
		return cut(request);
	if (!is_stream(request)) {
		*data_size = 0;
		metric_add(METRIC_HTTP_RECEIVED_BYTES, 0, (int64_t)bytes.len);
		return collect(request, bytes);
	}
	next = upload_feed(request, bytes, &taken);
	metric_add(METRIC_HTTP_RECEIVED_BYTES, 0, (int64_t)taken);
	switch (next) {
	case UPLOAD_GO:
		notice_close(request->connection);
		*data_size = 0;
		return MHD_YES;
	case UPLOAD_PARKED:
		*data_size = bytes.len - taken;
		return MHD_YES;
	case UPLOAD_REPLIED:
		return refuse_midway(request);
	case UPLOAD_CUT:
		break;
	}
	return MHD_NO;
}

static void run_on_lane(struct pool_task *task)
{
	struct request *request = (struct request *)((char *)task - offsetof(struct request, task));

	request->match.route->handle(request);
	assert(request->deferred || request->reply.ready); /* a handler responds or defers */
	request_unref(request);
}

static enum MHD_Result submit_to_lane(struct request *request, struct pool *pool)
{
	if (!server_park(request))
		return MHD_NO;
	request->unpark = true;
	request->task.run = run_on_lane;
	request_ref(request);
	if (pool_submit(pool, &request->task) != OK) {
		request_unref(request);
		respond_error(request, 503, "%s", busy_text);
	}
	return MHD_YES;
}

static enum MHD_Result run_handler(struct request *request)
{
	struct http_server *server = request->server;

	request->handling = true;
	switch (request->match.route->lane) {
	case HTTP_LANE_WORK:
		return submit_to_lane(request, server->work);
	case HTTP_LANE_QUERY:
		return submit_to_lane(request, server->query);
	case HTTP_LANE_EVENT:
		break;
	}
	if (!server_enter(server))
		return MHD_NO;
	request->match.route->handle(request);
	if (request->deferred)
		return MHD_YES; /* whoever responds leaves */
	server_leave(server);
	return queue_reply(request);
}

static enum MHD_Result on_end(struct request *request)
{
	if (fault_cuts_end(request))
		return cut(request);
	request->state = REQUEST_HANDLER;
	if (!is_stream(request) || !request->upload.opened)
		return request->reply.ready ? queue_reply(request) : run_handler(request);
	switch (upload_end(request)) {
	case UPLOAD_PARKED:
		return MHD_YES;
	case UPLOAD_REPLIED:
		return queue_reply(request);
	case UPLOAD_GO:
	case UPLOAD_CUT:
		break;
	}
	return MHD_NO;
}

/* The library refuses some requests (too long a head, too many parameters) after on_target() and
 * before on_access(), and then on_completed() is never called: such a one goes with its
 * connection. */
static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	struct connection *connection = *socket_context;

	metric_add(METRIC_HTTP_CONNECTIONS, 0, code == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = calloc(1, sizeof(*connection));
		if (connection != NULL)
			connection->server = cls;
		*socket_context = connection;
		return;
	}
	if (connection == NULL)
		return;
	if (connection->refused)
		linger_add(connection->server->linger, socket_of(mhd));
	if (connection->request != NULL)
		request_unref(connection->request);
	free(connection);
	*socket_context = NULL;
}

/* --- A request's begin and end ---------------------------------------------------------------- */

/* ${target} is where the library has read it to, and is going to cut up.  The rest of the head may
 * never come: then the client must not take up one of --connections until the idle timeout. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct connection *connection = connection_of(mhd);
	char *parameter = (char *)target;

	if (connection == NULL)
		return NULL; /* no memory in on_connection() */
	if (connection->request != NULL)
		request_unref(connection->request);
	connection->request = request_create(cls, mhd, socket_of(mhd), slice_of(target));
	/* The library has no need to know of parameters, and for some thousand of them it has no
	 * memory and loses its way: so it sees one at most. */
	while ((parameter = strchr(parameter, '&')) != NULL)
		*parameter = '_';
	notice_close(mhd);
	return connection->request;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
    enum MHD_RequestTerminationCode code)
{
	struct http_server *server = cls;
	struct request *request = *con_cls;

	(void)code;
	*con_cls = NULL;
	if (request == NULL)
		return;
	connection_of(connection)->request = NULL;
	/* What the library has refused lingers when its connection ends. */
	if (request->linger && !request->cut)
		linger_add(server->linger, socket_of(connection));
	request->state = REQUEST_OVER;
	if (request->upload.opened)
		upload_abandon(request);
	request_unref(request);
}

static bool is_stopping(struct http_server *server)
{
	bool stopping;

	mutex_lock(&server->mutex);
	stopping = server->stopping;
	mutex_unlock(&server->mutex);
	return stopping;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_size, void **con_cls)
{
	struct request *request = *con_cls;

	(void)cls;
	(void)url;
	if (request == NULL)
		return MHD_NO; /* no memory in on_connection() or on_target() */
	if (connection_of(connection)->refused)
		return MHD_NO; /* and yet the library goes on */
	switch (request->state) {
	case REQUEST_HEAD:
		return on_head(request, method, version);
	case REQUEST_BODY:
		return data != NULL ? on_body(request, data, data_size) : on_end(request);
	case REQUEST_HANDLER:
		return queue_reply(request);
	case REQUEST_SENDING:
		assert(is_stopping(request->server)); /* it dropped the answer */
		return MHD_NO;
	case REQUEST_OVER:
		break;
	}
	assert(false && "the library calls again after the end");
	return MHD_NO;
}

static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static void __attribute__((format(printf, 2, 0)))
on_log(void *cls, const char *format, va_list args)
{
	char text[512];

	(void)cls;
	vsnprintf(text, sizeof(text), format, args);
	log_event(LOG_LEVEL_DEBUG, "http.library", "text=\"%s\"", text);
}

/* --- The daemon ------------------------------------------------------------------------------- */

/* What TLS adds to the daemon's options. */
static void add_tls(const struct http_options *options, struct MHD_OptionItem ret_items[4])
{
	/* Nothing older than 1.2, and of that no ciphers but those with forward secrecy; GnuTLS has
	 * an opinion on the rest. */
	static char versions[] =
	    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-AES-128-CBC:-AES-256-CBC";
	int (*const choose)(gnutls_session_t, const gnutls_datum_t *, int,
	    const gnutls_pk_algorithm_t *, int, gnutls_pcert_st **, unsigned *,
	    gnutls_privkey_t *) = tls_choose;

	ret_items[0] = (struct MHD_OptionItem){.option = MHD_OPTION_END};
	if (options->tls == NULL)
		return;
	ret_items[0] = (struct MHD_OptionItem){.option = MHD_OPTION_HTTPS_CERT_CALLBACK};
	/* ISO C has no cast for this. */
	memcpy(&ret_items[0].ptr_value, &choose, sizeof(choose));
	ret_items[1] =
	    (struct MHD_OptionItem){.option = MHD_OPTION_HTTPS_PRIORITIES, .ptr_value = versions};
	ret_items[2] = (struct MHD_OptionItem){.option = MHD_OPTION_END};
}

enum status server_daemon_start(struct http_server *server, struct err *err)
{
	const struct http_options *options = &server->options;
	struct MHD_OptionItem more[4];
	sigset_t all, before;
	enum status st;
	int fd;

	st = refuse_begin(err);
	if (st == OK)
		st = server_listen(options, &fd, &server->port, err);
	if (st != OK)
		return st;
	/* Signals are the main thread's; the library's threads inherit the mask.  The
	 * socket is the library's now: on failure it has been closed or not, which cannot
	 * be told, so it is left alone. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	add_tls(options, more);
	if (options->tls != NULL)
		tls_show(options->tls);
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
					      MHD_USE_ERROR_LOG |
					      (options->tls != NULL ? MHD_USE_TLS : MHD_NO_FLAG),
	    0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK,
	    on_target, server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_THREAD_POOL_SIZE, options->event_threads, MHD_OPTION_CONNECTION_LIMIT,
	    options->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_ARRAY, more,
	    MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (server->daemon != NULL)
		return OK;
	if (options->tls != NULL)
		tls_show(NULL);
	return err_errno(err, errno, "start the HTTP server");
}

void server_daemon_stop(struct http_server *server)
{
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	if (server->daemon != NULL && server->options.tls != NULL)
		tls_show(NULL);
	server->daemon = NULL;
}
