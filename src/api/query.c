/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL over the lake: POST /api/v2/query, one batch of rows.  Rows are written into the answer as
 * they come; how many an answer may hold is bounded by query_rows_max and by its bytes.
 */
#include "api/handlers.h"

#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>

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
    /* As the hosted service does: a JSON number would lose digits in most clients. */
    [LAKE_NUMBER] = {"DECIMAL", 3, true},
    [LAKE_DOUBLE] = {"DOUBLE", 8, false},
    [LAKE_BOOLEAN] = {"BOOLEAN", 16, false},
    [LAKE_DATE] = {"DATE", 91, true},
    [LAKE_DATE_TIME] = {"TIMESTAMP", 93, true},
};

/* --- Names of columns ------------------------------------------------------------------------- */

/* The metadata has a member a column, so two columns of one name need two.  The first keeps the
 * name, the others get their place behind it, as the engine itself does in a subquery: a, a_1. */
struct column_name {
	const char *name;
	size_t place;
};

static int compare_names(const void *a, const void *b)
{
	const struct column_name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static bool is_name(const struct column_name *sorted, size_t count, const char *name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sorted[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && strcmp(sorted[low].name, name) == 0;
}

/* ${name} with its place behind it, once or as often as makes it a name
 * of its own.  NULL: no memory. */
static const char *rename_column(struct arena *arena, const struct column_name *sorted,
    size_t count, const struct column_name *column)
{
	const char *name = column->name;

	do {
		size_t room = strlen(name) + 24;
		char *longer = arena_alloc(arena, room);

		if (longer == NULL)
			return NULL;
		snprintf(longer, room, "%s_%zu", name, column->place);
		name = longer;
	} while (is_name(sorted, count, name));
	return name;
}

/* A name for each column, by place; no two are the same.  NULL: no memory. */
static const char **name_columns(
    struct arena *arena, const struct lake_column *columns, size_t count)
{
	struct column_name *sorted = arena_array(arena, count, sizeof(*sorted));
	const char **names = arena_array(arena, count, sizeof(*names));

	if (sorted == NULL || names == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct column_name){columns[i].name, i};
	qsort(sorted, count, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < count; i++) {
		bool again = i > 0 && strcmp(sorted[i].name, sorted[i - 1].name) == 0;
		const char *name =
		    again ? rename_column(arena, sorted, count, &sorted[i]) : sorted[i].name;

		if (name == NULL)
			return NULL;
		names[sorted[i].place] = name;
	}
	return names;
}

/* --- The result ------------------------------------------------------------------------------- */

static enum status take_columns(
    void *ctx, const struct lake_column *columns, size_t count, struct err *err)
{
	struct result *result = ctx;
	const char **names = name_columns(request_arena(result->request), columns, count);
	struct json_writer w;

	if (names == NULL)
		return err_set(err, E_NOMEM, "no memory for the columns' names");
	result->columns = columns;
	result->column_count = count;
	json_write_begin(&w, &result->metadata);
	json_write_object(&w);
	for (size_t i = 0; i < count; i++) {
		json_write_key(&w, names[i]);
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

enum query_outcome { QUERY_DONE, QUERY_REFUSED, QUERY_TIMED_OUT, QUERY_TOO_LARGE, QUERY_FAILED };

static enum query_outcome outcome_of(enum status st)
{
	switch (st) {
	case OK:
		return QUERY_DONE;
	case E_INVALID:
		return QUERY_REFUSED;
	case E_TIMEOUT:
		return QUERY_TIMED_OUT;
	case E_LIMIT:
		return QUERY_TOO_LARGE;
	default:
		return QUERY_FAILED;
	}
}

void api_name_query_outcomes(void)
{
	static const char *const names[] = {
	    [QUERY_DONE] = "done",
	    [QUERY_REFUSED] = "refused",
	    [QUERY_TIMED_OUT] = "timed_out",
	    [QUERY_TOO_LARGE] = "too_large",
	    [QUERY_FAILED] = "failed",
	};
	static const struct metric_list outcomes = {names, sizeof(names) / sizeof(names[0])};

	metric_name_cells(METRIC_QUERIES, metric_name_from_list, &outcomes);
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
	metric_add(METRIC_QUERIES, outcome_of(st), 1);
	if (st == OK)
		respond_result(&result, begun_us, more);
	else
		respond_query_failure(request, api, st, &err);
	buffer_fini(&result.body);
	buffer_fini(&result.metadata);
}

void api_query(struct request *request)
{
	struct api *api = request_context(request);
	struct slice sql;
	json_t *body;

	/* It may have waited for its turn while the server began to stop. */
	if (!atomic_load(&api->ready)) {
		respond_error(request, 503, "The server is stopping.");
		return;
	}
	body = api_parse_object(request);
	if (body == NULL)
		return;
	if (api_need_text(request, body, "sql", &sql))
		run(request, sql);
	json_decref(body);
}
