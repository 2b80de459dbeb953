/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL over the lake: POST /api/v2/query, one batch of rows.  Rows are written into the answer as they come; how many
 * an answer may hold is bounded by query_rows_max and by its bytes.
 */
#include "api/handlers.h"

#include <stdio.h>

struct result {
	struct request *request;
	struct json_writer w;
	struct buffer body;
	struct buffer metadata; /* comes last on the wire, but is known first */
	const struct lake_column *columns;
	size_t column_count;
	int64_t row_count;
};

/* What a kind is to a JDBC client: its type's name and code (java.sql.Types). */
static const struct {
	const char *type;
	int code;
	bool quoted; /* as a JSON string; else as it is */
} kinds[] = {
    [LAKE_TEXT] = {"VARCHAR", 12, true},
    [LAKE_INTEGER] = {"BIGINT", -5, false},
    [LAKE_NUMBER] = {"DECIMAL", 3, false},
    [LAKE_DOUBLE] = {"DOUBLE", 8, false},
    [LAKE_BOOLEAN] = {"BOOLEAN", 16, false},
    [LAKE_DATE] = {"DATE", 91, true},
    [LAKE_DATE_TIME] = {"TIMESTAMP", 93, true},
};

static enum status take_columns(
    void *ctx, const struct lake_column *columns, size_t count, struct err *err)
{
	struct result *result = ctx;
	struct json_writer w;

	(void)err;
	result->columns = columns;
	result->column_count = count;
	json_write_begin(&w, &result->metadata);
	json_write_object(&w);
	for (size_t i = 0; i < count; i++) {
		json_write_key(&w, columns[i].name);
		json_write_object(&w);
		json_write_key(&w, "type");
		json_write_text(&w, kinds[columns[i].kind].type);
		json_write_key(&w, "placeInOrder");
		json_write_int(&w, (int64_t)i);
		json_write_key(&w, "typeCode");
		json_write_int(&w, kinds[columns[i].kind].code);
		json_write_end(&w);
	}
	json_write_end(&w);
	return OK;
}

/* JSON has no NaN and no infinity: they travel as strings. */
static bool is_bare(enum lake_kind kind, struct slice text)
{
	if (kinds[kind].quoted)
		return false;
	return kind != LAKE_DOUBLE ||
	       (memchr(text.ptr, 'N', text.len) == NULL && memchr(text.ptr, 'I', text.len) == NULL);
}

static enum status take_row(void *ctx, const struct lake_value *values, struct err *err)
{
	struct result *result = ctx;

	json_write_array(&result->w);
	for (size_t i = 0; i < result->column_count; i++) {
		if (values[i].is_null)
			json_write_null(&result->w);
		else if (is_bare(result->columns[i].kind, values[i].text))
			json_write_raw(&result->w, values[i].text);
		else
			json_write_slice(&result->w, values[i].text);
	}
	json_write_end(&result->w);
	result->row_count++;
	return result->body.failed ? err_set(err, E_LIMIT, "the answer is larger than %d bytes",
					 API_ANSWER_BYTES_MAX)
				   : OK;
}

static void respond_result(struct result *result, int64_t begun_us, bool more)
{
	char begun[CLOCK_TEXT_BYTES], ended[CLOCK_TEXT_BYTES], id[UUID_TEXT_BYTES];
	struct json_writer *w = &result->w;

	uuid_make(id);
	json_write_end(w);
	json_write_key(w, "startTime");
	json_write_text(w, clock_format_ms(begun, begun_us));
	json_write_key(w, "endTime");
	json_write_text(w, clock_format_ms(ended, clock_now_us()));
	json_write_key(w, "rowCount");
	json_write_int(w, result->row_count);
	json_write_key(w, "queryId");
	json_write_text(w, id);
	json_write_key(w, "nextBatchId");
	json_write_null(w);
	json_write_key(w, "done");
	json_write_bool(w, !more);
	json_write_key(w, "metadata");
	json_write_raw(w, buffer_slice(&result->metadata));
	json_write_end(w);
	respond_json(result->request, 200, &result->body);
}

static void respond_query_failure(
    struct request *request, const struct api *api, enum status st, const struct err *err)
{
	switch (st) {
	case E_INVALID:
		respond_error(request, 400, "The query was refused: %s", err->text);
		break;
	case E_TIMEOUT:
		respond_error(request, 408,
		    "The query ran longer than %lld ms, which is the most that one may.",
		    (long long)api->query_timeout_ms);
		break;
	case E_LIMIT:
		respond_error(request, 503, "The query needs more memory than there is for it: %s",
		    err->text);
		break;
	default:
		respond_failure(request, st, err);
	}
}

static void run(struct request *request, struct slice sql)
{
	struct api *api = request_context(request);
	struct result result = {.request = request};
	struct lake_sink sink = {.columns = take_columns, .row = take_row, .ctx = &result};
	struct lake_query query = {
	    .sql = sql, .timeout_ms = api->query_timeout_ms, .rows_max = api->query_rows_max};
	int64_t begun_us = clock_now_us();
	bool more = false;
	struct err err = {{0}};
	enum status st;

	buffer_init(&result.body, API_ANSWER_BYTES_MAX);
	buffer_init(&result.metadata, API_ANSWER_BYTES_MAX);
	json_write_begin(&result.w, &result.body);
	json_write_object(&result.w);
	json_write_key(&result.w, "data");
	json_write_array(&result.w);
	st = lake_query(api->lake, &query, &sink, &more, &err);
	if (st == OK)
		respond_result(&result, begun_us, more);
	else
		respond_query_failure(request, api, st, &err);
	buffer_fini(&result.body);
	buffer_fini(&result.metadata);
}

void api_query(struct request *request)
{
	json_t *body = api_parse_object(request);
	struct slice sql;

	if (body == NULL)
		return;
	if (api_need_text(request, body, "sql", &sql))
		run(request, sql);
	json_decref(body);
}
