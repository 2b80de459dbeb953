/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results in batches: see results.h.
 *
 * A result is a spool (spool.h) of lines: what its columns are, and then a row a line, as JSON, in
 * which no line feed can be.  So where a batch ends need not be remembered: whoever reads on counts
 * lines and bytes.  What is kept of a result in memory is its struct, and the place up to which it
 * was read.
 *
 * A kept result is in the list.  Whoever takes a batch takes the result out of it, under the lock,
 * and puts it back with its next id: so of two with one id one finds it, and reading needs no lock.
 * Were the process to die meanwhile, nothing of it would be missed: files are removed at start.
 *
 * Not here: HTTP, and how a batch is wrapped into an answer (api/query.c).
 */
#include "query/results.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "query/render.h"
#include "query/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of results that are kept in memory, all together; then they go to files, too. */
#define MEMORY_BYTES_MAX (64 * 1024 * 1024)
#define LOOK_US          INT64_C(60000000)
#define READ_BYTES       65536

/* A result's file is called "result-" and its query's id.  Not a name that the lake's engine would
 * take for a table's. */
static const char prefix[] = "result-";

struct result {
	struct result *next;
	char query_id[UUID_TEXT_BYTES];
	char next_id[UUID_TEXT_BYTES]; /* of the batch that begins at ${offset} */
	char user_id[CATALOG_USER_BYTES];
	int64_t begun_us, ended_us;
	int64_t metadata_bytes; /* without its line feed */
	int64_t offset;         /* up to where it was read */
	struct spool *spool;
};

struct results {
	struct results_options options;
	char path[PATH_MAX];
	struct spool_room room;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	bool stopping;
	struct result *kept;
	size_t count;      /* of them, and of those that are out to be read */
	int64_t oldest_us; /* no kept one ended before; INT64_MAX: there was none */
};

void results_batch_init(struct results_batch *batch)
{
	*batch = (struct results_batch){0};
	buffer_init(&batch->metadata, RESULTS_ROW_BYTES_MAX);
}

void results_batch_fini(struct results_batch *batch)
{
	buffer_fini(&batch->metadata);
}

static void destroy(struct result *result)
{
	if (result == NULL)
		return;
	spool_destroy(&result->spool);
	free(result);
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct writing {
	struct result *result;
	struct render render;
};

static enum status end_line(struct result *result, struct err *err)
{
	buffer_put_char(spool_buffer(result->spool), '\n');
	return spool_settle(result->spool, err);
}

static enum status take_columns(
    void *ctx, const struct lake_column *columns, size_t count, struct err *err)
{
	struct writing *writing = ctx;
	struct result *result = writing->result;
	struct buffer *out = spool_buffer(result->spool);
	enum status st = render_columns(&writing->render, columns, count, out, err);

	result->metadata_bytes = (int64_t)out->len;
	return st == OK ? end_line(result, err) : st;
}

static enum status take_row(void *ctx, const struct lake_value *values, struct err *err)
{
	struct writing *writing = ctx;

	render_row(&writing->render, values, spool_buffer(writing->result->spool));
	return end_line(writing->result, err);
}

static enum status make_result(
    struct results *results, const char *user_id, struct result **ret_result, struct err *err)
{
	struct result *result = calloc(1, sizeof(*result));
	char path[PATH_MAX];
	enum status st;

	if (result == NULL)
		return err_set(err, E_NOMEM, "no memory for a result");
	uuid_make(result->query_id);
	snprintf(result->user_id, sizeof(result->user_id), "%s", user_id);
	result->begun_us = clock_now_us();
	if (snprintf(path, sizeof(path), "%s/%s%s", results->path, prefix, result->query_id) >=
	    PATH_MAX)
		st = err_set(err, E_IO, "the path of a result is too long");
	else
		st = spool_create(&results->room, path, RESULTS_ROW_BYTES_MAX, &result->spool, err);
	if (st != OK)
		destroy(result);
	else
		*ret_result = result;
	return st;
}

/* "No more room" for the person who ran the query. */
static enum status say_no_room(struct results *results, struct err *err)
{
	return err_set(err, E_BUSY,
	    "this result and those that are kept for their next batches would have more than the "
	    "%" PRId64
	    " MB that they may have together; fetch the batches of those, or ask for fewer rows "
	    "(--query-spool)",
	    results->options.bytes_max / 1048576);
}

/* Run ${ask}, with what this adds to it, into a result of its own. */
static enum status run(struct results *results, const struct results_query *query,
    struct lake_query *ask, bool as_objects, struct result **ret_result, bool *ret_more,
    struct err *err)
{
	struct writing writing = {.render = {.as_objects = as_objects}};
	struct lake_sink sink = {.columns = take_columns, .row = take_row, .ctx = &writing};
	struct arena arena;
	enum status st;

	results_expire(results);
	ask->sql = query->sql;
	ask->timeout_ms = results->options.timeout_ms;
	ask->is_cancelled = query->is_cancelled;
	ask->cancel_ctx = query->cancel_ctx;
	st = make_result(results, query->user_id, &writing.result, err);
	if (st != OK)
		return st;
	arena_init(&arena, 4096);
	writing.render.arena = &arena;
	st = lake_query(results->options.lake, ask, &sink, ret_more, err);
	writing.result->ended_us = clock_now_us();
	arena_fini(&arena);
	if (st == E_BUSY)
		st = say_no_room(results, err);
	if (st != OK) {
		destroy(writing.result);
		return st;
	}
	writing.result->offset = writing.result->metadata_bytes + 1;
	*ret_result = writing.result;
	return OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* How much of ${bytes}, which begins with a row, is the batch's; ${*ret_ended}: no more of the
 * result is needed to know. */
struct cutting {
	int64_t rows, rows_max;
	size_t end;    /* behind the last row that is the batch's */
	size_t looked; /* bytes that were searched for the end of a row */
	bool ended;
};

static void cut(struct cutting *c, char *bytes, size_t count)
{
	while (!c->ended) {
		char *feed = memchr(bytes + c->looked, '\n', count - c->looked);
		size_t end = feed == NULL ? count : (size_t)(feed - bytes) + 1;

		c->looked = end;
		if (c->rows > 0 && end > RESULTS_BATCH_BYTES_MAX) {
			c->ended = true;
			break;
		}
		if (feed == NULL)
			break;
		*feed = ',';
		c->end = end;
		c->rows++;
		c->ended = c->rows == c->rows_max;
	}
}

/* Put the next rows and go behind them. */
static enum status read_rows(struct result *result, int64_t rows_max, struct buffer *rows,
    int64_t *ret_count, struct err *err)
{
	struct cutting c = {.rows_max = rows_max};
	const size_t begin = rows->len;
	size_t count = READ_BYTES;

	while (!c.ended && count == READ_BYTES) {
		char *room = buffer_reserve(rows, READ_BYTES);
		enum status st;

		if (room == NULL)
			return err_set(err, E_NOMEM, "no memory for a batch");
		st = spool_read(result->spool, result->offset + (int64_t)(rows->len - begin), room,
		    READ_BYTES, &count, err);
		if (st != OK)
			return st;
		rows->len += count;
		if (count > 0)
			cut(&c, rows->ptr + begin, rows->len - begin);
	}
	/* Without the comma behind the last row. */
	rows->len = begin + (c.end > 0 ? c.end - 1 : 0);
	result->offset += (int64_t)c.end;
	*ret_count = c.rows;
	return OK;
}

static enum status read_batch(struct result *result, int64_t rows_max, struct buffer *rows,
    struct results_batch *batch, struct err *err)
{
	char *metadata = buffer_reserve(&batch->metadata, (size_t)result->metadata_bytes);
	enum status st;

	if (metadata == NULL)
		return err_set(err, E_NOMEM, "no memory for a batch");
	st = spool_read(
	    result->spool, 0, metadata, (size_t)result->metadata_bytes, &batch->metadata.len, err);
	if (st == OK)
		st = read_rows(result, rows_max, rows, &batch->row_count, err);
	if (st != OK)
		return st;
	memcpy(batch->query_id, result->query_id, sizeof(batch->query_id));
	batch->begun_us = result->begun_us;
	batch->ended_us = result->ended_us;
	batch->done = result->offset == spool_bytes(result->spool);
	return OK;
}

/* --- The list --------------------------------------------------------------------------------- */

static bool is_old(int64_t ended_us, int64_t now_us)
{
	return ended_us <= now_us - RESULTS_KEPT_US;
}

/* Take it out of the list, if it is there and theirs. */
static struct result *take(struct results *results, struct slice id, const char *user_id)
{
	int64_t now_us = clock_now_us();
	struct result **link, *result;

	mutex_lock(&results->mutex);
	for (link = &results->kept; *link != NULL; link = &(*link)->next) {
		if (slice_is(id, (*link)->next_id))
			break;
	}
	result = *link;
	if (result != NULL && !is_old(result->ended_us, now_us) &&
	    strcmp(result->user_id, user_id) == 0)
		*link = result->next;
	else
		result = NULL;
	mutex_unlock(&results->mutex);
	return result;
}

static bool count_one_more(struct results *results)
{
	bool fits;

	mutex_lock(&results->mutex);
	fits = results->count < RESULTS_MAX;
	if (fits)
		results->count++;
	mutex_unlock(&results->mutex);
	return fits;
}

static void put_back(struct results *results, struct result *result, struct results_batch *batch)
{
	uuid_make(result->next_id);
	memcpy(batch->next_id, result->next_id, sizeof(batch->next_id));
	mutex_lock(&results->mutex);
	result->next = results->kept;
	results->kept = result;
	if (result->ended_us < results->oldest_us)
		results->oldest_us = result->ended_us;
	mutex_unlock(&results->mutex);
}

/* Forget one that was counted. */
static void drop(struct results *results, struct result *result)
{
	destroy(result);
	mutex_lock(&results->mutex);
	results->count--;
	mutex_unlock(&results->mutex);
}

void results_expire(struct results *results)
{
	int64_t now_us = clock_now_us();
	struct result **link, *result, *old = NULL;
	int64_t oldest_us = INT64_MAX;

	mutex_lock(&results->mutex);
	/* Each query asks: with none too old, it need not go over all. */
	if (!is_old(results->oldest_us, now_us)) {
		mutex_unlock(&results->mutex);
		return;
	}
	for (link = &results->kept; (result = *link) != NULL;) {
		if (!is_old(result->ended_us, now_us)) {
			if (result->ended_us < oldest_us)
				oldest_us = result->ended_us;
			link = &result->next;
			continue;
		}
		*link = result->next;
		result->next = old;
		old = result;
	}
	results->oldest_us = oldest_us;
	mutex_unlock(&results->mutex);
	while ((result = old) != NULL) {
		old = result->next;
		drop(results, result);
	}
}

/* --- Batches ---------------------------------------------------------------------------------- */

/* The rest of a new result. */
static enum status keep(
    struct results *results, struct result *result, struct results_batch *batch, struct err *err)
{
	enum status st;

	if (!count_one_more(results))
		return err_set(err, E_BUSY,
		    "%d results are kept for their next batches, which is the most; fetch those",
		    RESULTS_MAX);
	st = spool_keep(result->spool, err);
	if (st == OK) {
		put_back(results, result, batch);
		return OK;
	}
	mutex_lock(&results->mutex);
	results->count--;
	mutex_unlock(&results->mutex);
	return st == E_BUSY ? say_no_room(results, err) : st;
}

enum status results_run(struct results *results, const struct results_query *query,
    struct buffer *rows, struct results_batch *batch, struct err *err)
{
	struct lake_query ask = {.rows_max = INT64_MAX};
	struct result *result = NULL;
	bool more;
	enum status st = run(results, query, &ask, false, &result, &more, err);

	if (st == OK)
		st = read_batch(result, results->options.rows_max, rows, batch, err);
	if (st == OK && !batch->done) {
		st = keep(results, result, batch, err);
		if (st == OK)
			result = NULL;
	}
	destroy(result);
	return st;
}

enum status results_next(struct results *results, struct slice id, const char *user_id,
    struct buffer *rows, struct results_batch *batch, struct err *err)
{
	struct result *result = take(results, id, user_id);
	enum status st;

	if (result == NULL)
		return err_set(err, E_NOT_FOUND, "there is no such batch");
	st = read_batch(result, results->options.rows_max, rows, batch, err);
	if (st == OK && !batch->done)
		st = spool_keep(result->spool, err);
	if (st == OK && !batch->done)
		put_back(results, result, batch);
	else
		drop(results, result);
	return st;
}

enum status results_page(struct results *results, const struct results_query *query,
    const struct results_page *page, struct buffer *rows, struct results_batch *batch,
    struct err *err)
{
	struct lake_query ask = {.skip = page->offset,
	    .rows_max = page->limit,
	    .order = page->order,
	    .order_count = page->order_count};
	struct result *result = NULL;
	bool more = false;
	enum status st = run(results, query, &ask, true, &result, &more, err);

	if (st == OK)
		st = read_batch(result, page->limit, rows, batch, err);
	if (st == OK)
		batch->done = batch->done && !more;
	destroy(result);
	return st;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void *run_expiry(void *ctx)
{
	struct results *results = ctx;
	bool stopping = false;

	while (!stopping) {
		int64_t next_us = clock_mono_us() + LOOK_US;

		mutex_lock(&results->mutex);
		while (!results->stopping &&
		       cond_wait_until(&results->changed, &results->mutex, next_us))
			;
		stopping = results->stopping;
		mutex_unlock(&results->mutex);
		if (!stopping)
			results_expire(results);
	}
	return NULL;
}

/* What the last process left. */
static enum status empty_folder(const char *path, struct err *err)
{
	const struct dirent *entry;
	enum status st = OK;
	DIR *folder;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, errno, "make the folder %s", path);
	folder = opendir(path);
	if (folder == NULL)
		return err_errno(err, errno, "open the folder %s", path);
	while ((entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		if (unlinkat(dirfd(folder), entry->d_name, 0) != 0 && st == OK)
			st = err_errno(err, errno, "remove %s/%s", path, entry->d_name);
	}
	closedir(folder);
	return st;
}

enum status results_open(
    const struct results_options *options, struct results **ret_results, struct err *err)
{
	struct results *results;
	enum status st;

	assert(options->rows_max > 0);
	assert(options->bytes_max > 0);
	st = empty_folder(options->path, err);
	if (st != OK)
		return st;
	results = calloc(1, sizeof(*results));
	if (results == NULL)
		return err_set(err, E_NOMEM, "no memory for results");
	results->options = *options;
	results->oldest_us = INT64_MAX;
	snprintf(results->path, sizeof(results->path), "%s", options->path);
	spool_room_init(&results->room, options->bytes_max, MEMORY_BYTES_MAX);
	mutex_init(&results->mutex);
	cond_init(&results->changed);
	st = thread_start(&results->thread, "results", run_expiry, results, err);
	results->has_thread = st == OK;
	if (st != OK)
		results_close(&results);
	else
		*ret_results = results;
	return st;
}

void results_close(struct results **results_ptr)
{
	struct results *results = *results_ptr;
	struct result *result;

	if (results == NULL)
		return;
	mutex_lock(&results->mutex);
	results->stopping = true;
	cond_broadcast(&results->changed);
	mutex_unlock(&results->mutex);
	if (results->has_thread)
		thread_join(results->thread);
	while ((result = results->kept) != NULL) {
		results->kept = result->next;
		drop(results, result);
	}
	assert(results->count == 0);
	cond_fini(&results->changed);
	mutex_fini(&results->mutex);
	spool_room_fini(&results->room);
	free(results);
	*results_ptr = NULL;
}
