/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL over the lake: POST /api/v2/query and the batches that follow, and the older form, POST
 * /api/v1/query.  What a result is, and how long it is kept, is query/results.h's; here it is
 * wrapped into answers.
 */
#include "api/handlers.h"

#include "base/metrics.h"
#include "catalog/access.h"
#include "query/order.h"
#include "query/results.h"

#include <inttypes.h>

/* The rows of an answer of the older form: its default and its most, as with the hosted service. */
#define PAGE_ROWS_MAX 49999

/* --- Answers ---------------------------------------------------------------------------------- */

struct answer {
	struct json_writer w;
	struct buffer body; /* its rows are put in by whoever makes the batch */
	struct results_batch batch;
};

static void answer_begin(struct answer *answer)
{
	results_batch_init(&answer->batch);
	buffer_init(&answer->body, RESULTS_ANSWER_BYTES_MAX);
	json_write_begin(&answer->w, &answer->body);
	json_write_object(&answer->w);
	json_write_key(&answer->w, "data");
	json_write_array(&answer->w);
}

static void answer_fini(struct answer *answer)
{
	buffer_fini(&answer->body);
	results_batch_fini(&answer->batch);
}

/* The members in the order in which the hosted service writes them. */
static void respond_batch(struct request *request, struct answer *answer, bool has_next)
{
	const struct results_batch *batch = &answer->batch;
	char begun[CLOCK_TEXT_BYTES], ended[CLOCK_TEXT_BYTES];
	struct json_writer *w = &answer->w;

	json_write_end(w);
	json_write_key(w, "startTime");
	json_write_text(w, clock_format_ms(begun, batch->begun_us));
	json_write_key(w, "endTime");
	json_write_text(w, clock_format_ms(ended, batch->ended_us));
	json_write_key(w, "rowCount");
	json_write_int(w, batch->row_count);
	json_write_key(w, "queryId");
	json_write_text(w, batch->query_id);
	if (has_next) {
		json_write_key(w, "nextBatchId");
		json_write_text(w, batch->next_id[0] != '\0' ? batch->next_id : NULL);
	}
	json_write_key(w, "done");
	json_write_bool(w, batch->done);
	json_write_key(w, "metadata");
	json_write_raw(w, buffer_slice(&batch->metadata));
	json_write_end(w);
	respond_json(request, 200, &answer->body);
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
	case E_CANCELLED:
		/* Nobody reads it, as far as we know. */
		respond_error(request, 408,
		    "The query was ended, because its client had closed its side of the "
		    "connection.");
		break;
	case E_LIMIT:
		respond_error(request, 503, "The query needs more memory than there is for it: %s",
		    err->text);
		break;
	case E_BUSY:
		respond_error(
		    request, 503, "The result of the query can't be kept: %s.", err->text);
		break;
	default:
		respond_failure(request, st, err);
	}
}

/* --- Outcomes --------------------------------------------------------------------------------- */

enum query_outcome {
	QUERY_DONE,
	QUERY_REFUSED,
	QUERY_TIMED_OUT,
	QUERY_TOO_LARGE,
	QUERY_FAILED,
	QUERY_CANCELLED,
};

static enum query_outcome outcome_of(enum status st)
{
	switch (st) {
	case OK:
		return QUERY_DONE;
	case E_INVALID:
		return QUERY_REFUSED;
	case E_TIMEOUT:
		return QUERY_TIMED_OUT;
	case E_CANCELLED:
		return QUERY_CANCELLED;
	case E_LIMIT:
	case E_BUSY:
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
	    [QUERY_CANCELLED] = "cancelled",
	};
	static const struct metric_list outcomes = {names, sizeof(names) / sizeof(names[0])};

	metric_name_cells(METRIC_QUERIES, metric_name_from_list, &outcomes);
}

/* --- Running ---------------------------------------------------------------------------------- */

static const char *user_of(const struct request *request)
{
	const struct catalog_token *token = request_user(request);

	return token->user_id;
}

static bool is_client_gone(void *ctx)
{
	return request_client_left(ctx);
}

/* ${page} NULL: a whole result in batches. */
static void run(struct request *request, struct slice sql, const struct results_page *page)
{
	struct api *api = request_context(request);
	struct results_query query = {.sql = sql,
	    .user_id = user_of(request),
	    .is_cancelled = is_client_gone,
	    .cancel_ctx = request};
	struct answer answer;
	struct err err = {{0}};
	enum status st;

	answer_begin(&answer);
	if (page != NULL)
		st = results_page(api->results, &query, page, &answer.body, &answer.batch, &err);
	else
		st = results_run(api->results, &query, &answer.body, &answer.batch, &err);
	metric_add(METRIC_QUERIES, outcome_of(st), 1);
	if (st == OK)
		respond_batch(request, &answer, page == NULL);
	else
		respond_query_failure(request, api, st, &err);
	answer_fini(&answer);
}

/* The body that names the statement; NULL when it does not, and that is answered. */
static json_t *parse_statement(struct request *request, struct slice *ret_sql)
{
	struct api *api = request_context(request);
	json_t *body;

	/* It may have waited for its turn while the server began to stop. */
	if (!atomic_load(&api->ready)) {
		respond_error(request, 503, "The server is stopping.");
		return NULL;
	}
	body = api_parse_object(request);
	if (body != NULL && !api_need_text(request, body, "sql", ret_sql)) {
		json_decref(body);
		return NULL;
	}
	return body;
}

void api_query(struct request *request)
{
	struct slice sql;
	json_t *body = parse_statement(request, &sql);

	if (body != NULL)
		run(request, sql, NULL);
	json_decref(body);
}

void api_query_next(struct request *request)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, 0);
	struct answer answer;
	struct err err = {{0}};
	enum status st;

	answer_begin(&answer);
	st = results_next(api->results, id, user_of(request), &answer.body, &answer.batch, &err);
	if (st == OK)
		respond_batch(request, &answer, true);
	else if (st == E_NOT_FOUND)
		respond_error(request, 404,
		    "there is no batch %.*s: an id is good once, for an hour after its query, with "
		    "the token that ran it, until the server is started again.",
		    SLICE_ARGS(id));
	else
		respond_failure(request, st, &err);
	answer_fini(&answer);
}

/* --- The older form --------------------------------------------------------------------------- */

/* A whole number from ${min} to ${max}; absent or empty: ${*value} stays. */
static bool read_number(
    struct request *request, const char *name, int64_t min, int64_t max, int64_t *value)
{
	struct slice text;
	int64_t number = 0;
	bool right = true;

	if (!request_query(request, name, &text) || text.len == 0)
		return true;
	for (size_t i = 0; i < text.len && right; i++)
		right = text.ptr[i] >= '0' && text.ptr[i] <= '9' &&
			!__builtin_mul_overflow(number, (int64_t)10, &number) &&
			!__builtin_add_overflow(number, (int64_t)(text.ptr[i] - '0'), &number);
	if (!right || number < min || number > max) {
		respond_error(request, 400,
		    "%s is \"%.*s\"; it must be a whole number from %" PRId64 " to %" PRId64 ".",
		    name, SLICE_ARGS(text), min, max);
		return false;
	}
	*value = number;
	return true;
}

static bool read_order(struct request *request, struct results_page *page)
{
	struct slice text;
	struct lake_order *order = NULL;
	struct err err = {{0}};
	enum status st;

	if (!request_query(request, "orderby", &text) || text.len == 0)
		return true;
	st = order_parse(text, request_arena(request), &order, &page->order_count, &err);
	page->order = order;
	if (st == E_INVALID)
		respond_error(request, 400,
		    "orderby is \"%.*s\": %s; it must be columns of the result with commas between "
		    "them, each with ASC or DESC behind it or neither.",
		    SLICE_ARGS(text), err.text);
	else if (st != OK)
		respond_failure(request, st, &err);
	return st == OK;
}

void api_query_page(struct request *request)
{
	struct results_page page = {.limit = PAGE_ROWS_MAX};
	struct slice sql;
	json_t *body;

	if (!read_number(request, "limit", 1, PAGE_ROWS_MAX, &page.limit) ||
	    !read_number(request, "offset", 0, INT64_MAX, &page.offset) ||
	    !read_order(request, &page))
		return;
	body = parse_statement(request, &sql);
	if (body != NULL)
		run(request, sql, &page);
	json_decref(body);
}
