/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handler asks of a request: see http.h.  Everything here is the request's own copy of what
 * the client sent, because a step of an upload may still be running when the connection, and the
 * library's memory with it, is gone.
 */
#include "http/request.h"

#include "base/clock.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Target, headers and parameters of a usual request need about 1 KiB;
 * the rest is for the handler. */
#define ARENA_BLOCK_BYTES 4096

/* Now, and not when it is asked for: a client that has left has no address any more. */
static void read_peer(int socket, char ret_text[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	const void *binary;

	snprintf(ret_text, INET6_ADDRSTRLEN, "unknown");
	if (getpeername(socket, (struct sockaddr *)&address, &len) != 0)
		return;
	binary = address.ss_family == AF_INET6
		     ? (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr
		     : (const void *)&((struct sockaddr_in *)&address)->sin_addr;
	inet_ntop(address.ss_family, binary, ret_text, INET6_ADDRSTRLEN);
}

struct request *request_create(
    struct http_server *server, struct MHD_Connection *connection, int socket, struct slice target)
{
	struct request *request = calloc(1, sizeof(*request));
	const char *mark;

	if (request == NULL)
		return NULL;
	request->server = server;
	request->connection = connection;
	request->socket = socket;
	read_peer(socket, request->peer);
	request->begun_us = clock_mono_us();
	request->method = HTTP_METHOD_COUNT;
	atomic_init(&request->references, 1);
	arena_init(&request->arena, ARENA_BLOCK_BYTES);
	request->target.ptr = arena_copy(&request->arena, target);
	request->target.len = target.len;
	if (request->target.ptr == NULL) {
		free(request);
		return NULL;
	}
	request->path = request->target;
	mark = target.len == 0 ? NULL : memchr(request->target.ptr, '?', target.len);
	if (mark != NULL) {
		request->path.len = (size_t)(mark - request->target.ptr);
		request->query = slice_skip(request->target, request->path.len + 1);
	}
	request->reply.headers_end = &request->reply.headers;
	return request;
}

void request_ref(struct request *request)
{
	atomic_fetch_add_explicit(&request->references, 1, memory_order_relaxed);
}

void request_unref(struct request *request)
{
	struct http_server *server = request->server;
	bool admitted = request->admitted;

	if (atomic_fetch_sub_explicit(&request->references, 1, memory_order_acq_rel) > 1)
		return;
	assert(request->upload.filling == NULL && request->upload.ready == NULL);
	reply_fini(&request->reply);
	buffer_fini(&request->body);
	arena_fini(&request->arena);
	free(request);
	if (!admitted)
		return;
	mutex_lock(&server->mutex);
	server->running--;
	if (server->running == 0)
		cond_broadcast(&server->idle);
	mutex_unlock(&server->mutex);
}

void *request_context(const struct request *request)
{
	return request->server->options.context;
}

enum http_method request_method(const struct request *request)
{
	return request->method;
}

struct slice request_path(const struct request *request)
{
	return request->path;
}

struct slice request_param(const struct request *request, size_t index)
{
	assert(index < request->match.param_count);
	return request->match.params[index];
}

bool request_query(const struct request *request, const char *name, struct slice *ret_value)
{
	/* What the decoding needs of the arena changes nothing that a caller could see. */
	struct arena *arena = &((struct request *)request)->arena;

	return router_query(request->query, name, arena, ret_value);
}

/* The body as parameters; empty when it is something else. */
static struct slice form_of(const struct request *request)
{
	const struct slice form_type = SLICE("application/x-www-form-urlencoded");
	struct slice type;

	if (request->match.route->body != HTTP_BODY_WHOLE ||
	    !request_header(request, "Content-Type", &type) || type.len < form_type.len ||
	    strncasecmp(type.ptr, form_type.ptr, form_type.len) != 0)
		return SLICE("");
	return buffer_slice(&request->body);
}

bool request_form(const struct request *request, const char *name, struct slice *ret_value)
{
	struct arena *arena = &((struct request *)request)->arena;

	return router_query(form_of(request), name, arena, ret_value) ||
	       router_query(request->query, name, arena, ret_value);
}

size_t request_form_count(const struct request *request, const char *name)
{
	struct arena *arena = &((struct request *)request)->arena;

	return router_query_count(form_of(request), name, arena) +
	       router_query_count(request->query, name, arena);
}

const char *request_peer(const struct request *request)
{
	return request->peer;
}

bool request_is_secure(const struct request *request)
{
	return request->server->options.tls != NULL;
}

bool request_header(const struct request *request, const char *name, struct slice *ret_value)
{
	return request_header_line(request, name, 0, ret_value);
}

bool request_header_line(
    const struct request *request, const char *name, size_t index, struct slice *ret_value)
{
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		if (slice_is_nocase(request->headers[i].name, name) && index-- == 0) {
			*ret_value = request->headers[i].value;
			return true;
		}
	}
	return false;
}

enum http_coding request_coding(const struct request *request)
{
	struct slice coding;

	if (!request_header_line(request, "Content-Encoding", 0, &coding))
		return HTTP_CODING_NONE;
	/* Two lines are a list of two codings, one upon the other. */
	if (request_header_line(request, "Content-Encoding", 1, &(struct slice){NULL, 0}))
		return HTTP_CODING_OTHER;
	if (slice_is_nocase(coding, "identity"))
		return HTTP_CODING_NONE;
	if (slice_is_nocase(coding, "gzip") || slice_is_nocase(coding, "x-gzip"))
		return HTTP_CODING_GZIP;
	return HTTP_CODING_OTHER;
}

struct slice request_body(const struct request *request)
{
	assert(request->match.route != NULL && request->match.route->body == HTTP_BODY_WHOLE);
	return buffer_slice(&request->body);
}

uint64_t request_body_bytes(const struct request *request)
{
	return request->body_bytes;
}

struct arena *request_arena(struct request *request)
{
	return &request->arena;
}

void request_set_data(struct request *request, void *data)
{
	request->data = data;
}

void *request_data(const struct request *request)
{
	return request->data;
}

void request_set_user(struct request *request, const void *user)
{
	request->user = user;
}

const void *request_user(const struct request *request)
{
	return request->user;
}

bool request_client_left(const struct request *request)
{
	/* Not POLLIN: what the client has sent ahead, its next request, says nothing. */
	struct pollfd look = {.fd = request->socket, .events = POLLRDHUP};

	assert(request->state == REQUEST_HANDLER && request->unpark);
	return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void request_set_fault(struct request *request, const struct http_fault *fault)
{
	assert(request->state == REQUEST_HEAD);
	request->fault = *fault;
}
