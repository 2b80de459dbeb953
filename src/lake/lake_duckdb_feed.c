/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches as a table function's rows: see lake_duckdb_feed.h.
 *
 * A batch is copied into a chunk of the engine's form, the long texts behind it, so that who put it
 * can go on.  A thread of the engine takes the chunk, shows it as its own output by reference, and
 * gives it back when it asks for the next one: by then the INSERT has copied the rows.
 *
 * One function for all feeds, whose argument is the feed's number, since a function of the engine
 * stays until the database is closed.  A number that no feed has is an error, and queries may not
 * call it (lake_duckdb_guard.c refuses all table functions that it does not know).
 *
 * Engine threads wait here for the next batch.  They do not hold up others for long: a statement
 * that reads a feed runs only while somebody converts as fast as he can.
 */
#include "lake/lake_duckdb_feed.h"

#include "lake/lake_duckdb_chunk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTION "sluice_feed"

/* Enough that nobody waits while a thread closes a row group (50 ms), and no more memory than that:
 * each has room for BATCH_ROWS of all columns. */
#define CHUNKS_MAX      64
#define CHUNKS_MIN      3
#define ALL_CHUNK_BYTES ((size_t)16 * 1024 * 1024)

/* Rows of less than a row group's worth are faster on one thread: several would each begin a row
 * group, and the engine puts those together row by row. */
#define CHUNKS_FOR_ONE_THREAD 60

struct feed_chunk {
	struct feed_chunk *next;
	duckdb_data_chunk data;
	size_t row_count;
	char *text; /* what the long texts refer to */
	size_t text_bytes;
};

/* What a thread of the engine has in hand. */
struct cursor {
	struct lake_duckdb_feed *feed;
	struct feed_chunk *chunk;
};

/* --- Chunks ----------------------------------------------------------------------------------- */

static void chunk_free(struct feed_chunk *chunk)
{
	duckdb_destroy_data_chunk(&chunk->data);
	free(chunk->text);
	free(chunk);
}

static struct feed_chunk *chunk_make(const struct lake_duckdb_feed *feed)
{
	struct feed_chunk *chunk = calloc(1, sizeof(*chunk));
	duckdb_logical_type *types = calloc(feed->column_count, sizeof(*types));

	if (chunk == NULL || types == NULL) {
		free(types);
		free(chunk);
		return NULL;
	}
	for (size_t i = 0; i < feed->column_count; i++)
		types[i] = lake_duckdb_chunk_type(feed->types[i]);
	chunk->data = duckdb_create_data_chunk(types, feed->column_count);
	for (size_t i = 0; i < feed->column_count; i++)
		duckdb_destroy_logical_type(&types[i]);
	free(types);
	if (chunk->data == NULL) {
		free(chunk);
		return NULL;
	}
	return chunk;
}

/* Grow the chunk's room for texts; what was there is not needed any more. */
static bool make_text_room(struct feed_chunk *chunk, size_t bytes)
{
	if (bytes <= chunk->text_bytes)
		return true;
	free(chunk->text);
	chunk->text_bytes = 0;
	chunk->text = malloc(bytes + bytes / 4);
	if (chunk->text == NULL)
		return false;
	chunk->text_bytes = bytes + bytes / 4;
	return true;
}

static bool chunk_fill(struct feed_chunk *chunk, const struct batch *batch)
{
	size_t text_bytes = 0;
	char *text;

	duckdb_data_chunk_reset(chunk->data);
	for (size_t i = 0; i < batch->column_count; i++) {
		duckdb_vector vector = duckdb_data_chunk_get_vector(chunk->data, i);

		lake_duckdb_chunk_fill(vector, &batch->columns[i], batch->row_count);
		if (batch->columns[i].type == FIELD_STRING)
			text_bytes += lake_duckdb_chunk_far_bytes(vector, batch->row_count);
	}
	if (!make_text_room(chunk, text_bytes))
		return false;
	text = chunk->text;
	for (size_t i = 0; i < batch->column_count && text_bytes > 0; i++) {
		if (batch->columns[i].type == FIELD_STRING)
			text = lake_duckdb_chunk_keep(
			    duckdb_data_chunk_get_vector(chunk->data, i), batch->row_count, text);
	}
	duckdb_data_chunk_set_size(chunk->data, batch->row_count);
	chunk->row_count = batch->row_count;
	return true;
}

/* As many chunks as the memory for all of them has room for. */
static size_t count_chunks_max(size_t column_count)
{
	size_t count = ALL_CHUNK_BYTES / (column_count * BATCH_ROWS * sizeof(duckdb_string_t));

	if (count > CHUNKS_MAX)
		return CHUNKS_MAX;
	return count < CHUNKS_MIN ? CHUNKS_MIN : count;
}

/* --- Putting ---------------------------------------------------------------------------------- */

void lake_duckdb_feed_init(struct lake_duckdb_feed *feed, struct lake_duckdb *db,
    const enum field_type *types, size_t column_count)
{
	*feed = (struct lake_duckdb_feed){.db = db, .types = types, .column_count = column_count};
	mutex_init(&feed->mutex);
	cond_init(&feed->changed);
	mutex_lock(&db->mutex);
	feed->id = ++db->feeds_made;
	feed->next = db->feeds;
	db->feeds = feed;
	mutex_unlock(&db->mutex);
}

static void free_chunks(struct feed_chunk *chunk)
{
	while (chunk != NULL) {
		struct feed_chunk *next = chunk->next;

		chunk_free(chunk);
		chunk = next;
	}
}

void lake_duckdb_feed_fini(struct lake_duckdb_feed *feed)
{
	struct lake_duckdb_feed **link;

	if (feed->db == NULL)
		return;
	mutex_lock(&feed->db->mutex);
	for (link = &feed->db->feeds; *link != feed; link = &(*link)->next)
		assert(*link != NULL);
	*link = feed->next;
	mutex_unlock(&feed->db->mutex);
	free_chunks(feed->free);
	free_chunks(feed->first);
	cond_fini(&feed->changed);
	mutex_fini(&feed->mutex);
	feed->db = NULL;
}

void lake_duckdb_feed_put_source(const struct lake_duckdb_feed *feed, struct buffer *sql)
{
	buffer_printf(sql, FUNCTION "(%" PRId64 ")", feed->id);
}

bool lake_duckdb_feed_has_room(struct lake_duckdb_feed *feed)
{
	bool has_room;

	mutex_lock(&feed->mutex);
	has_room = feed->free != NULL || feed->is_over ||
		   feed->chunk_count < count_chunks_max(feed->column_count);
	mutex_unlock(&feed->mutex);
	return has_room;
}

/* A chunk to fill.  OK with NULL: one must be made. */
static enum status take_free(
    struct lake_duckdb_feed *feed, struct feed_chunk **ret_chunk, struct err *err)
{
	enum status status = OK;

	mutex_lock(&feed->mutex);
	assert(!feed->has_ended);
	while (feed->free == NULL && !feed->is_over &&
	       feed->chunk_count == count_chunks_max(feed->column_count))
		cond_wait(&feed->changed, &feed->mutex);
	*ret_chunk = feed->free;
	if (feed->is_over)
		status = err_set(err, E_CANCELLED, "the load's statement has ended");
	else if (feed->free != NULL)
		feed->free = feed->free->next;
	else
		feed->chunk_count++;
	mutex_unlock(&feed->mutex);
	return status;
}

static void add_full(struct lake_duckdb_feed *feed, struct feed_chunk *chunk)
{
	chunk->next = NULL;
	mutex_lock(&feed->mutex);
	if (feed->last == NULL)
		feed->first = chunk;
	else
		feed->last->next = chunk;
	feed->last = chunk;
	feed->full_count++;
	cond_broadcast(&feed->changed);
	mutex_unlock(&feed->mutex);
}

enum status lake_duckdb_feed_put(
    struct lake_duckdb_feed *feed, const struct batch *batch, struct err *err)
{
	struct feed_chunk *chunk;
	enum status status = take_free(feed, &chunk, err);

	assert(batch->column_count == feed->column_count);
	if (status != OK)
		return status;
	if (chunk == NULL)
		chunk = chunk_make(feed);
	if (chunk == NULL || !chunk_fill(chunk, batch)) {
		/* Whoever fails here ends the load: the room is not missed. */
		if (chunk != NULL)
			chunk_free(chunk);
		return err_set(err, E_NOMEM, "no memory for a chunk");
	}
	add_full(feed, chunk);
	return OK;
}

void lake_duckdb_feed_end(struct lake_duckdb_feed *feed)
{
	mutex_lock(&feed->mutex);
	feed->has_ended = true;
	cond_broadcast(&feed->changed);
	mutex_unlock(&feed->mutex);
}

void lake_duckdb_feed_stop(struct lake_duckdb_feed *feed)
{
	mutex_lock(&feed->mutex);
	feed->is_over = true;
	cond_broadcast(&feed->changed);
	mutex_unlock(&feed->mutex);
}

void lake_duckdb_feed_again(struct lake_duckdb_feed *feed)
{
	mutex_lock(&feed->mutex);
	assert(feed->first == NULL);
	feed->has_ended = false;
	feed->is_over = false;
	mutex_unlock(&feed->mutex);
}

/* --- Taking: the table function --------------------------------------------------------------- */

static struct lake_duckdb_feed *find_feed(struct lake_duckdb *db, int64_t id)
{
	struct lake_duckdb_feed *feed;

	mutex_lock(&db->mutex);
	feed = db->feeds;
	while (feed != NULL && feed->id != id)
		feed = feed->next;
	mutex_unlock(&db->mutex);
	return feed;
}

static void bind(duckdb_bind_info info)
{
	duckdb_value number = duckdb_bind_get_parameter(info, 0);
	struct lake_duckdb_feed *feed =
	    find_feed(duckdb_bind_get_extra_info(info), duckdb_get_int64(number));

	duckdb_destroy_value(&number);
	if (feed == NULL) {
		duckdb_bind_set_error(info, "there is no such feed");
		return;
	}
	for (size_t i = 0; i < feed->column_count; i++) {
		duckdb_logical_type type = lake_duckdb_chunk_type(feed->types[i]);
		char name[24];

		snprintf(name, sizeof(name), "c%zu", i);
		duckdb_bind_add_result_column(info, name, type);
		duckdb_destroy_logical_type(&type);
	}
	duckdb_bind_set_bind_data(info, feed, NULL);
}

static void init(duckdb_init_info info)
{
	struct lake_duckdb_feed *feed = duckdb_init_get_bind_data(info);
	bool is_small;

	mutex_lock(&feed->mutex);
	is_small = feed->has_ended && feed->full_count < CHUNKS_FOR_ONE_THREAD;
	mutex_unlock(&feed->mutex);
	duckdb_init_set_max_threads(info, is_small ? 1 : (idx_t)feed->db->threads);
}

/* Give back what the cursor has; its rows have been copied. */
static void give_back(struct cursor *cursor)
{
	struct lake_duckdb_feed *feed = cursor->feed;

	if (cursor->chunk == NULL)
		return;
	mutex_lock(&feed->mutex);
	cursor->chunk->next = feed->free;
	feed->free = cursor->chunk;
	cond_broadcast(&feed->changed);
	mutex_unlock(&feed->mutex);
	cursor->chunk = NULL;
}

static void cursor_free(void *ctx)
{
	struct cursor *cursor = ctx;

	give_back(cursor);
	free(cursor);
}

static void init_local(duckdb_init_info info)
{
	struct cursor *cursor = calloc(1, sizeof(*cursor));

	if (cursor == NULL) {
		duckdb_init_set_error(info, "no memory for a cursor");
		return;
	}
	cursor->feed = duckdb_init_get_bind_data(info);
	duckdb_init_set_init_data(info, cursor, cursor_free);
}

/* The next chunk, or NULL at the end.  False: the feed was stopped. */
static bool take_full(struct lake_duckdb_feed *feed, struct feed_chunk **ret_chunk)
{
	bool is_good;

	mutex_lock(&feed->mutex);
	while (feed->first == NULL && !feed->has_ended && !feed->is_over)
		cond_wait(&feed->changed, &feed->mutex);
	is_good = !feed->is_over;
	*ret_chunk = feed->first;
	if (feed->first != NULL) {
		feed->first = feed->first->next;
		feed->full_count--;
	}
	if (feed->first == NULL)
		feed->last = NULL;
	mutex_unlock(&feed->mutex);
	return is_good;
}

static void take(duckdb_function_info info, duckdb_data_chunk output)
{
	struct cursor *cursor = duckdb_function_get_local_init_data(info);

	give_back(cursor);
	if (!take_full(cursor->feed, &cursor->chunk)) {
		duckdb_function_set_error(info, "the load was given up");
		return;
	}
	if (cursor->chunk == NULL) {
		duckdb_data_chunk_set_size(output, 0);
		return;
	}
	for (size_t i = 0; i < cursor->feed->column_count; i++)
		duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, i),
		    duckdb_data_chunk_get_vector(cursor->chunk->data, i));
	duckdb_data_chunk_set_size(output, cursor->chunk->row_count);
}

enum status lake_duckdb_feed_register(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err)
{
	duckdb_table_function function = duckdb_create_table_function();
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	enum status status = OK;

	duckdb_table_function_set_name(function, FUNCTION);
	duckdb_table_function_add_parameter(function, number);
	duckdb_table_function_set_extra_info(function, db, NULL);
	duckdb_table_function_set_bind(function, bind);
	duckdb_table_function_set_init(function, init);
	duckdb_table_function_set_local_init(function, init_local);
	duckdb_table_function_set_function(function, take);
	if (duckdb_register_table_function(connection, function) != DuckDBSuccess)
		status = err_set(err, E_IO, "the lake's engine takes no table function");
	duckdb_destroy_logical_type(&number);
	duckdb_destroy_table_function(&function);
	return status;
}
