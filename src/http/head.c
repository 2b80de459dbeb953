/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be said of a request by its head alone: is it well formed, is it short enough, may it
 * run, which route is it for, whose is it.  The answer is a route, or a reply, which then leaves
 * before the body is read.
 *
 * The framing comes first.  Where a request ends must be beyond doubt: a proxy in front of us that
 * sees it otherwise would take a part of one client's body for another client's request.  So
 * whatever is said twice is refused.
 */
#include "http/request.h"

#include "base/thread.h"

#include <assert.h>
#include <stdio.h>

/* The headers that the framing depends on. */
struct framing {
	size_t hosts, lengths, encodings;
	struct slice length, encoding;
	bool bad_name;
};

/* RFC 9110: token.  A name with a space before its colon is how one server's
 * header is another one's junk. */
static bool is_token(struct slice name)
{
	size_t i;

	for (i = 0; i < name.len; i++) {
		if ((unsigned char)name.ptr[i] <= ' ' || (unsigned char)name.ptr[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", name.ptr[i]) != NULL)
			return false;
	}
	return name.len > 0;
}

/* Also cuts the space behind the value, which the library leaves there; but only after the framing
 * was judged by the value that the library sees: to it, "chunked " is another coding. */
static void scan_header(struct framing *framing, struct request_header *header)
{
	framing->bad_name = framing->bad_name || !is_token(header->name);
	if (slice_is_nocase(header->name, "Host")) {
		framing->hosts++;
	} else if (slice_is_nocase(header->name, "Content-Length")) {
		framing->lengths++;
		framing->length = header->value;
	} else if (slice_is_nocase(header->name, "Transfer-Encoding")) {
		framing->encodings++;
		framing->encoding = header->value;
	}
	while (header->value.len > 0 && (header->value.ptr[header->value.len - 1] == ' ' ||
					    header->value.ptr[header->value.len - 1] == '\t'))
		header->value.len--;
}

/* false unless it is digits, and of a number that fits. */
static bool parse_length(struct slice text, uint64_t *ret_length)
{
	uint64_t length = 0;
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' ||
		    __builtin_mul_overflow(length, (uint64_t)10, &length) ||
		    __builtin_add_overflow(length, (uint64_t)(text.ptr[i] - '0'), &length))
			return false;
	}
	*ret_length = length;
	return text.len > 0;
}

/* What is wrong with it; NULL: nothing. */
static const char *find_fault(const struct framing *framing, bool http11, uint64_t *ret_length)
{
	if (framing->bad_name)
		return "A header's name holds a character that may not be there.";
	if (framing->lengths > 1)
		return "There is more than one Content-Length header.";
	if (framing->lengths > 0 && framing->encodings > 0)
		return "There are both Content-Length and Transfer-Encoding; one of them must go.";
	if (framing->lengths > 0 && !parse_length(framing->length, ret_length))
		return "Content-Length must be a number.";
	if (framing->encodings > 1 ||
	    (framing->encodings > 0 && !slice_is_nocase(framing->encoding, "chunked")))
		return "Transfer-Encoding must be 'chunked' and nothing else.";
	if (framing->encodings > 0 && !http11)
		return "Transfer-Encoding needs HTTP/1.1.";
	if (framing->hosts > 1 || (framing->hosts == 0 && http11))
		return "There must be one Host header.";
	return NULL;
}

/* false when a reply was made. */
static bool judge_framing(struct request *request, bool http11)
{
	struct framing framing = {.hosts = 0};
	const char *fault;
	size_t i;

	for (i = 0; i < request->header_count; i++)
		scan_header(&framing, &request->headers[i]);
	fault = find_fault(&framing, http11, &request->length);
	request->has_body = framing.encodings > 0 || request->length > 0;
	if (fault == NULL)
		return true;
	/* Nothing behind it may be read as another request: answered like
	 * one whose body is not read. */
	request->has_body = true;
	respond_error(request, 400, "%s", fault);
	return false;
}

/* Is each of its parts short enough?  false when a reply was made. */
static bool judge_lengths(struct request *request)
{
	size_t i, length, sum = 0;

	if (request->target.len > HTTP_TARGET_BYTES_MAX) {
		respond_error(request, 414,
		    "The request target is too long: the limit is %d bytes, query included.",
		    HTTP_TARGET_BYTES_MAX);
		return false;
	}
	for (i = 0; i < request->header_count; i++) {
		length = request->headers[i].name.len + request->headers[i].value.len + 4;
		sum += length;
		if (length > HTTP_HEADER_BYTES_MAX || sum > HTTP_HEADERS_BYTES_MAX) {
			respond_error(request, 431,
			    "The request's headers are too long: the limit is %d bytes for one "
			    "and %d bytes for all.",
			    HTTP_HEADER_BYTES_MAX, HTTP_HEADERS_BYTES_MAX);
			return false;
		}
	}
	return true;
}

/* May it run?  Not when the server drains. */
static bool admit(struct request *request)
{
	struct http_server *server = request->server;

	mutex_lock(&server->mutex);
	request->admitted = !server->draining;
	if (request->admitted)
		server->running++;
	mutex_unlock(&server->mutex);
	if (request->admitted)
		return true;
	respond_header(request, "Retry-After", "5");
	respond_header(request, "Connection", "close");
	respond_error(request, 503, "The server is shutting down.");
	return false;
}

static void respond_not_allowed(struct request *request, const char *method)
{
	char allow[64] = "";
	size_t used = 0;
	int m;

	for (m = 0; m < HTTP_METHOD_COUNT; m++) {
		if ((request->match.methods & 1u << m) != 0)
			used += (size_t)snprintf(allow + used, sizeof(allow) - used, "%s%s%s",
			    used == 0 ? "" : ", ", http_method_name((enum http_method)m),
			    m == HTTP_GET ? ", HEAD" : "");
	}
	respond_header(request, "Allow", allow);
	respond_error(
	    request, 405, "%.32s is not a method of this resource; it has %s.", method, allow);
}

/* How long the body may be, as it comes. */
static uint64_t find_limit(const struct request *request)
{
	const struct http_route *route = request->match.route;

	if (route->body == HTTP_BODY_NONE)
		return HTTP_DROPPED_BYTES_MAX;
	return route->body_bytes_max +
	       (request_coding(request) == HTTP_CODING_NONE ? 0 : route->coded_extra_bytes);
}

/* There is no such route.  Whoever asks has a token, so may be told. */
static void respond_no_route(struct request *request, const char *method)
{
	if (request->match.methods != 0)
		respond_not_allowed(request, method);
	else
		respond_error(request, 404, "there is nothing at %.*s.",
		    request->path.len > 512 ? 512 : SLICE_ARGS(request->path));
}

void head_judge(struct request *request, const char *method, bool http11)
{
	struct http_server *server = request->server;
	struct router_match *match = &request->match;
	struct err err;
	enum status st;

	request->method = router_method(method);
	request->head_only = strcmp(method, "HEAD") == 0;
	if (!judge_framing(request, http11) || !judge_lengths(request) || !admit(request))
		return;
	st = router_find(
	    server->router, request->method, request->path, &request->arena, match, &err);
	if (st != OK) {
		respond_error(request, st == E_INVALID ? 400 : 500, "%s", err.text);
		return;
	}
	if (server->options.authorize != NULL)
		server->options.authorize(request, match->route);
	if (request->reply.ready)
		return;
	if (match->route == NULL) {
		respond_no_route(request, method);
		return;
	}
	request->body_bytes_max = find_limit(request);
	if (request->length > request->body_bytes_max) {
		respond_too_large(request);
		return;
	}
	buffer_init(&request->body, match->route->body_bytes_max);
	if (server->options.intercept != NULL)
		server->options.intercept(request, match->route);
}
