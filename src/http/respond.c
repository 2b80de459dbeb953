/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: see http.h.  Each function fills in the request's struct reply and then hands
 * it over with server_replied(), after which the request may be gone.  The error envelope
 * is built here and nowhere else.
 */
#include "http/request.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* The last stands for every status that is not there. */
struct status_row {
	unsigned status;
	const char *name;
	const char *beginning; /* of the message, as the hosted service writes it; NULL: none */
};

static const struct status_row status_rows[] = {
    {200, "OK", NULL},
    {201, "CREATED", NULL},
    {202, "ACCEPTED", NULL},
    {204, "NO_CONTENT", NULL},
    {304, "NOT_MODIFIED", NULL},
    {400, "BAD_REQUEST", NULL},
    {401, "UNAUTHORIZED", NULL},
    {403, "FORBIDDEN", NULL},
    {404, "NOT_FOUND", "The requested resource doesn't exist: "},
    {405, "METHOD_NOT_ALLOWED", NULL},
    {408, "REQUEST_TIMEOUT", NULL},
    {409, "CONFLICT", "The request conflicts with current state of the target resource: "},
    {413, "PAYLOAD_TOO_LARGE", NULL},
    {414, "URI_TOO_LONG", NULL},
    {415, "UNSUPPORTED_MEDIA_TYPE", NULL},
    {429, "TOO_MANY_REQUESTS", NULL},
    {431, "REQUEST_HEADER_FIELDS_TOO_LARGE", NULL},
    {500, "INTERNAL_SERVER_ERROR", NULL},
    {503, "SERVICE_UNAVAILABLE", NULL},
    {505, "HTTP_VERSION_NOT_SUPPORTED", NULL},
    {0, "ERROR", NULL},
};
#define STATUS_COUNT (sizeof(status_rows) / sizeof(status_rows[0]))
static_assert(STATUS_COUNT <= METRICS_STATUS_CELLS, "each status is counted in a cell of its own");

size_t respond_status_index(unsigned status)
{
	size_t i = 0;

	while (i < STATUS_COUNT - 1 && status_rows[i].status != status)
		i++;
	return i;
}

unsigned respond_status_at(size_t index)
{
	return index < STATUS_COUNT ? status_rows[index].status : 0;
}

static const struct status_row *find_row(unsigned status)
{
	return &status_rows[respond_status_index(status)];
}

const char *respond_status_name(unsigned status)
{
	return find_row(status)->name;
}

void reply_fini(struct reply *reply)
{
	buffer_fini(&reply->body);
	if (reply->source.read != NULL && reply->source.close != NULL)
		reply->source.close(reply->source.ctx);
	reply->source = (struct http_source){.read = NULL};
}

void respond_header(struct request *request, const char *name, const char *value)
{
	struct reply_header *header = arena_alloc(&request->arena, sizeof(*header));

	assert(!request->reply.ready);
	/* Without memory for a header there is none for the answer
	 * either: it will be a bare 500. */
	if (header == NULL)
		return;
	header->name = arena_copy(&request->arena, slice_of(name));
	header->value = arena_copy(&request->arena, slice_of(value));
	if (header->name == NULL || header->value == NULL)
		return;
	*request->reply.headers_end = header;
	request->reply.headers_end = &header->next;
}

static bool has_header(const struct request *request, const char *name)
{
	const struct reply_header *header;

	for (header = request->reply.headers; header != NULL; header = header->next) {
		if (slice_is_nocase(slice_of(header->name), name))
			return true;
	}
	return false;
}

/* The headers that a status must have, whoever answers with it. */
static void add_status_headers(struct request *request, unsigned status)
{
	if (status == 401 && !has_header(request, "WWW-Authenticate"))
		respond_header(request, "WWW-Authenticate", "Bearer");
	if (status == 503 && !has_header(request, "Retry-After"))
		respond_header(request, "Retry-After", "1");
}

/* The last step of each answer. */
static void reply_with(struct request *request, unsigned status, const char *content_type,
    struct buffer *body, const struct http_source *source)
{
	struct reply *reply = &request->reply;

	assert(!reply->ready); /* exactly one answer a request */
	assert(status >= 200 && status <= 599);
	add_status_headers(request, status);
	reply->status = status;
	if (content_type != NULL)
		reply->content_type = arena_copy(&request->arena, slice_of(content_type));
	if (body != NULL) {
		reply->body = *body;
		buffer_init(body, body->bytes_max);
	}
	if (source != NULL)
		reply->source = *source;
	reply->ready = true;
	server_replied(request);
}

void respond(
    struct request *request, unsigned status, const char *content_type, struct buffer *body)
{
	if (body->failed) {
		buffer_fini(body);
		respond_error(request, 500, "the answer with status %u had no room", status);
		return;
	}
	reply_with(request, status, content_type, body, NULL);
}

void respond_json(struct request *request, unsigned status, struct buffer *body)
{
	respond(request, status, RESPOND_JSON_TYPE, body);
}

void respond_empty(struct request *request, unsigned status)
{
	reply_with(request, status, NULL, NULL, NULL);
}

void respond_source(struct request *request, unsigned status, const char *content_type,
    const struct http_source *source)
{
	assert(source->read != NULL);
	reply_with(request, status, content_type, NULL, source);
}

/* "2021-08-20T16:34:26.047666123Z" */
static void format_now(char text[CLOCK_TEXT_BYTES])
{
	struct timespec now;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_format_us(
	    text, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + clock_offset_us());
	len = strlen(text);
	assert(len + 3 < CLOCK_TEXT_BYTES && text[len - 1] == 'Z');
	snprintf(text + len - 1, 5, "%03uZ", (unsigned)now.tv_nsec % 1000u);
}

static void write_envelope(struct buffer *out, struct slice path, const struct status_row *row,
    unsigned status, const char *message, struct slice details)
{
	char now[CLOCK_TEXT_BYTES], error[64];
	struct buffer uri;
	struct json_writer w;

	/* What was refused for its length is not sent back at that length. */
	if (path.len > HTTP_TARGET_BYTES_MAX)
		path.len = HTTP_TARGET_BYTES_MAX;
	format_now(now);
	snprintf(error, sizeof(error), "%u %s", status, row->name);
	buffer_init(&uri, path.len + 4);
	buffer_put_text(&uri, "uri=");
	buffer_put(&uri, path);

	json_write_begin(&w, out);
	json_write_object(&w);
	json_write_key(&w, "timestamp");
	json_write_text(&w, now);
	json_write_key(&w, "error");
	json_write_text(&w, error);
	json_write_key(&w, "message");
	json_write_text(&w, message);
	json_write_key(&w, "path");
	json_write_slice(&w, buffer_slice(&uri));
	json_write_key(&w, "tenantId");
	json_write_text(&w, "a360/local");
	json_write_key(&w, "internalErrorCode");
	json_write_text(&w, "COMMON_ERROR_GENERIC");
	json_write_key(&w, "details");
	json_write_raw(&w, details.len == 0 ? SLICE("{}") : details);
	json_write_end(&w);
	out->failed = out->failed || uri.failed;
	buffer_fini(&uri);
}

void respond_write_envelope(
    struct buffer *out, struct slice path, unsigned status, const char *message)
{
	write_envelope(out, path, find_row(status), status, message, (struct slice){NULL, 0});
}

/* What ${format} makes of ${args}, behind the status's own beginning.  Never the text of a 500. */
static void write_message(
    struct buffer *out, const struct status_row *row, const char *format, va_list args)
{
	char text[4096];

	vsnprintf(text, sizeof(text), format, args);
	if (row->beginning != NULL)
		buffer_put_text(out, row->beginning);
	buffer_put_text(out, text);
	buffer_put_char(out, '\0');
}

static void log_500(const struct request *request, const char *message)
{
	log_event(LOG_LEVEL_ERROR, "http.failed", "method=%s path=%.*s error=\"%s\"",
	    http_method_name(request->method), SLICE_ARGS(request->path), message);
}

/* Is ${path} ${prefix} or below it, with repeated slashes as one? */
static bool is_below(struct slice path, const char *prefix)
{
	size_t i = 0;

	for (; *prefix != '\0'; prefix++, i++) {
		while (i > 0 && i + 1 < path.len && path.ptr[i - 1] == '/' && path.ptr[i] == '/')
			i++;
		if (i >= path.len || path.ptr[i] != *prefix)
			return false;
	}
	return i == path.len || path.ptr[i] == '/';
}

static const struct http_error_form *find_form(const struct request *request)
{
	const struct http_options *options = &request->server->options;

	for (size_t i = 0; i < options->error_form_count; i++) {
		if (is_below(request->path, options->error_forms[i].prefix))
			return &options->error_forms[i];
	}
	return NULL;
}

/* Without memory for it, the status alone. */
static void reply_envelope(struct request *request, const struct status_row *row, unsigned status,
    const char *message, struct slice details)
{
	const struct http_error_form *form = find_form(request);
	struct buffer body;

	/* A byte of the path may become six in JSON. */
	buffer_init(&body, 2 * HTTP_ERROR_BYTES_MAX + details.len + 6 * HTTP_TARGET_BYTES_MAX);
	if (form != NULL)
		form->write(&body, status, message);
	else
		write_envelope(&body, request->path, row, status, message, details);
	if (body.failed) {
		buffer_fini(&body);
		reply_with(request, status, NULL, NULL, NULL);
		return;
	}
	reply_with(request, status, RESPOND_JSON_TYPE, &body, NULL);
}

static void respond_errorv(struct request *request, unsigned status, struct slice details,
    const char *format, va_list args)
{
	const struct status_row *row = find_row(status);
	struct buffer message;

	buffer_init(&message, HTTP_ERROR_BYTES_MAX);
	write_message(&message, row, format, args);
	if (status == 500) {
		log_500(request, message.failed ? "no memory" : message.ptr);
		buffer_reset(&message);
		buffer_put_text(&message, "The server failed; its log says why.");
		buffer_put_char(&message, '\0');
		details = (struct slice){NULL, 0};
	}
	reply_envelope(request, row, status, message.failed ? "" : message.ptr, details);
	buffer_fini(&message);
}

void respond_error(struct request *request, unsigned status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	respond_errorv(request, status, (struct slice){NULL, 0}, format, args);
	va_end(args);
}

void respond_error_details(
    struct request *request, unsigned status, struct buffer *details, const char *format, ...)
{
	struct buffer taken = *details;
	va_list args;

	buffer_init(details, taken.bytes_max);
	if (taken.failed) {
		buffer_fini(&taken);
		respond_error(request, 500, "the details of a %u had no room", status);
		return;
	}
	va_start(args, format);
	respond_errorv(request, status, buffer_slice(&taken), format, args);
	va_end(args);
	buffer_fini(&taken);
}

void respond_error_verbatim(struct request *request, unsigned status, struct slice message)
{
	const char *text = arena_copy(&request->arena, message);

	reply_envelope(
	    request, find_row(status), status, text == NULL ? "" : text, (struct slice){NULL, 0});
}

void respond_failure(struct request *request, enum status status, const struct err *err)
{
	assert(status != OK);
	if (status != E_FULL && status != E_BUSY) {
		respond_error(request, 500, "%s: %s", status_name(status), err->text);
		return;
	}
	log_event(LOG_LEVEL_WARN, "http.refused", "method=%s path=%.*s reason=%s error=\"%s\"",
	    http_method_name(request->method), SLICE_ARGS(request->path), status_name(status),
	    err->text);
	respond_error(request, 503, "%s",
	    status == E_FULL ? "The server has no storage space left; try again later."
			     : "The server is busy; try again in a moment.");
}

void respond_too_large(struct request *request)
{
	const struct http_route *route = request->match.route;
	/* Not what a coding may add to it: that is no promise. */
	uint64_t bytes_max =
	    route->body == HTTP_BODY_NONE ? HTTP_DROPPED_BYTES_MAX : route->body_bytes_max;

	respond_error(request, 413,
	    "The request entity is too large: the limit is %llu bytes for this resource.",
	    (unsigned long long)bytes_max);
}
