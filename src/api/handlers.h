/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_HANDLERS_H
#define SLUICE_API_HANDLERS_H

/* What the files of api/ share: the handlers that routes.def names, and how things are
 * rendered.  Private to api/. */

#include "api/api.h"
#include "base/clock.h"
#include "base/json.h"

/* 150 MiB: the hosted service's limit for a part. */
#define API_PART_BYTES_MAX 157286400
/* How much larger its gzip may be.  Of what cannot be packed zlib makes stored blocks of 16 KiB,
 * which is 48 KiB in all; bgzip, a member for every 64 KiB, needs 75 KiB.  The rest is for names
 * and comments in the headers. */
#define API_PART_GZIP_EXTRA_BYTES 1048576
/* Of a streaming request: the hosted service's "200 KB". */
#define API_RECORDS_BYTES_MAX 204800
/* The most that an answer which is built in memory may have. */
#define API_ANSWER_BYTES_MAX (256 * 1024 * 1024)

#define ROUTE(method, pattern, scopes, lane, body, max, handler, text) http_handler_fn handler;
#define OPEN_ROUTE(method, pattern, lane, handler, text)               http_handler_fn handler;
#define OPEN_BODY_ROUTE(method, pattern, max, handler, text)           http_handler_fn handler;
#define UPLOAD_ROUTE(method, pattern, scopes, max, extra, upload, text)                            \
	extern const struct http_upload upload;
#include "api/routes.def"
#undef ROUTE
#undef OPEN_ROUTE
#undef OPEN_BODY_ROUTE
#undef UPLOAD_ROUTE

/* Parse a body that must be a JSON object; when it is not, respond with 400 and return NULL.  The
 * caller frees with json_decref. */
json_t *api_parse_object(struct request *request);

/* A text member that must be there; when it is not, respond with 400 and return false. */
bool api_need_text(
    struct request *request, const json_t *object, const char *name, struct slice *ret_text);

/* The job as it stands on the wire. */
void api_write_job(struct json_writer *w, const struct job *job, struct api *api);
void api_respond_job(struct request *request, unsigned status, const struct job *job);

/* 404 for a job id, with the id. */
void api_respond_no_job(struct request *request, struct slice id);

/* Is it a media type such as "text/csv", parameters aside, in either case? */
bool api_media_type_is(struct slice header, const char *type);

/* 404 for an object without a data stream: says what is missing, and how to make it. */
void api_respond_no_stream(struct request *request, struct slice connector, struct slice object);

/* For api_name_metrics: the outcomes of queries, and of streaming requests. */
void api_name_query_outcomes(void);
void api_name_streaming_outcomes(void);

/* The settings of a stream as they stand on the wire, an object; with how far it is applied when
 * ${state} is not NULL. */
void api_write_stream(
    struct json_writer *w, const struct stream *stream, const struct applier_state *state);

/* Digits only, within bounds. */
bool api_parse_number(struct slice text, int64_t min, int64_t max, int64_t *ret_value);

/* ?wait=SECONDS, 0 when it is not there; when it is out of bounds, respond with 400 and return
 * false. */
bool api_take_wait(struct request *request, int64_t *ret_seconds);

#endif
