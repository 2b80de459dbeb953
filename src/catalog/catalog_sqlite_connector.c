/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connectors and streams in SQLite: see catalog.h for what each call promises.
 *
 * Conflicts are looked for before the change, in its transaction: there is one writer at a time, so
 * what was not there is still not there.  The unique indexes only back this up.
 */
#include "catalog/catalog_sqlite_db.h"

#include "base/clock.h"

#include <inttypes.h>

/* The numbers are part of the file format: see catalog_sqlite_schema.h. */
_Static_assert(
    STREAM_PROFILE == 0 && STREAM_ENGAGEMENT == 1 && STREAM_OTHER == 2, "stored numbers");
_Static_assert(STREAM_UPSERT == 0 && STREAM_PARTIAL == 1, "stored numbers");

/* --- Connectors ------------------------------------------------------------------------------- */

struct connector_put {
	struct slice name, document;
	int64_t revision_now;
};

static enum status insert_connector(
    struct conn *conn, const struct connector_put *put, struct err *err)
{
	char rival[CATALOG_NAME_BYTES];
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_CONNECTOR_NOCASE);
	query_put_text(&query, put->name);
	found = query_row(&query);
	if (found)
		query_get_text(&query, rival, sizeof(rival));
	status = query_end(&query, err);
	if (status != OK)
		return status;
	if (found)
		return err_set(err, E_CONFLICT, "there is a connector \"%s\" already", rival);

	query_begin(&query, conn, SQL_CONNECTOR_INSERT);
	query_put_text(&query, put->name);
	query_put_number(&query, clock_now_us());
	query_put_bytes(&query, put->document.ptr, put->document.len);
	return query_run(&query, NULL, err);
}

static enum status update_connector(
    struct conn *conn, const struct connector_put *put, struct err *err)
{
	struct query query;
	enum status status;
	int changes = 0;

	query_begin(&query, conn, SQL_CONNECTOR_UPDATE);
	query_put_text(&query, put->name);
	query_put_number(&query, put->revision_now);
	query_put_number(&query, clock_now_us());
	query_put_bytes(&query, put->document.ptr, put->document.len);
	status = query_run(&query, &changes, err);
	if (status == OK && changes == 0)
		return err_set(err, E_CONFLICT,
		    "connector \"%.*s\" is not at revision %" PRId64 " any more",
		    SLICE_ARGS(put->name), put->revision_now);
	return status;
}

static enum status put_connector(struct conn *conn, void *ctx, struct err *err)
{
	const struct connector_put *put = ctx;

	return put->revision_now == 0 ? insert_connector(conn, put, err)
				      : update_connector(conn, put, err);
}

enum status catalog_sqlite_connector_put(struct catalog *catalog, struct slice name,
    struct slice document, int64_t revision_now, struct err *err)
{
	struct connector_put put = {name, document, revision_now};

	return catalog_sqlite_write(store_of(catalog), put_connector, &put, err);
}

static void read_connector(
    struct query *query, struct arena *arena, struct catalog_connector *connector)
{
	query_get_text(query, connector->name, sizeof(connector->name));
	connector->revision = query_get_number(query);
	connector->created_us = query_get_number(query);
	connector->modified_us = query_get_number(query);
	connector->document = query_get_slice(query, arena);
}

enum status catalog_sqlite_connector_get(struct catalog *catalog, struct slice name,
    struct arena *arena, struct catalog_connector *ret_connector, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct catalog_connector connector;
	struct conn *conn;
	struct query query;
	enum status status;
	bool found;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_CONNECTOR_GET);
	query_put_text(&query, name);
	found = query_row(&query);
	if (found)
		read_connector(&query, arena, &connector);
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	if (!found)
		return err_set(err, E_NOT_FOUND, "no connector \"%.*s\"", SLICE_ARGS(name));
	*ret_connector = connector;
	return OK;
}

enum status catalog_sqlite_connector_list(struct catalog *catalog, struct arena *arena,
    struct catalog_connector **ret_connectors, size_t *ret_count, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct catalog_connector *connectors = NULL, *grown;
	size_t count = 0, room = 0;
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_CONNECTOR_LIST);
	while (query_row(&query)) {
		grown = catalog_sqlite_grow(arena, connectors, count, &room, sizeof(*grown));
		if (grown == NULL) {
			query_fail(&query, SQLITE_NOMEM);
			break;
		}
		connectors = grown;
		read_connector(&query, arena, &connectors[count++]);
	}
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	*ret_connectors = connectors;
	*ret_count = count;
	return OK;
}

static enum status delete_connector(struct conn *conn, void *ctx, struct err *err)
{
	const struct slice *name = ctx;
	char job_id[UUID_TEXT_BYTES];
	struct query query;
	enum status status;
	int changes = 0;
	bool found;

	query_begin(&query, conn, SQL_CONNECTOR_JOB);
	query_put_text(&query, *name);
	found = query_row(&query);
	if (found)
		query_get_text(&query, job_id, sizeof(job_id));
	status = query_end(&query, err);
	if (status != OK)
		return status;
	if (found)
		return err_set(err, E_CONFLICT, "connector \"%.*s\" has jobs, such as %s",
		    SLICE_ARGS(*name), job_id);

	query_begin(&query, conn, SQL_CONNECTOR_STREAMS_DROP);
	query_put_text(&query, *name);
	status = query_run(&query, NULL, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_CONNECTOR_STREAMS_DELETE);
	query_put_text(&query, *name);
	status = query_run(&query, NULL, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_CONNECTOR_DELETE);
	query_put_text(&query, *name);
	status = query_run(&query, &changes, err);
	if (status == OK && changes == 0)
		return err_set(err, E_NOT_FOUND, "no connector \"%.*s\"", SLICE_ARGS(*name));
	return status;
}

enum status catalog_sqlite_connector_delete(
    struct catalog *catalog, struct slice name, struct err *err)
{
	return catalog_sqlite_write(store_of(catalog), delete_connector, &name, err);
}

/* --- Streams ---------------------------------------------------------------------------------- */

struct stream_put {
	const struct stream *stream;
	bool created;
};

/* Is the connector there, and no other stream with a table of this name? */
static enum status check_stream(struct conn *conn, const struct stream *stream, struct err *err)
{
	char connector[CATALOG_NAME_BYTES], object[CATALOG_NAME_BYTES];
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_CONNECTOR_GET);
	query_put_text(&query, slice_of(stream->connector));
	found = query_row(&query);
	status = query_end(&query, err);
	if (status != OK)
		return status;
	if (!found)
		return err_set(err, E_NOT_FOUND, "no connector \"%s\"", stream->connector);

	query_begin(&query, conn, SQL_STREAM_RIVAL);
	query_put_text(&query, slice_of(stream->connector));
	query_put_text(&query, slice_of(stream->object));
	found = query_row(&query);
	if (found) {
		query_get_text(&query, connector, sizeof(connector));
		query_get_text(&query, object, sizeof(object));
	}
	status = query_end(&query, err);
	if (status == OK && found)
		return err_set(err, E_CONFLICT,
		    "the table \"%s_%s\" would be that of connector \"%s\", object \"%s\"",
		    stream->connector, stream->object, connector, object);
	if (status != OK)
		return status;

	query_begin(&query, conn, SQL_DROPPED_RIVAL);
	query_put_text(&query, slice_of(stream->connector));
	query_put_text(&query, slice_of(stream->object));
	found = query_row(&query);
	status = query_end(&query, err);
	if (status == OK && found)
		return err_set(err, E_CONFLICT,
		    "the table \"%s_%s\" of a connector that was deleted is still being removed",
		    stream->connector, stream->object);
	return status;
}

static enum status store_stream(
    struct conn *conn, enum sql sql, const struct stream *stream, int *ret_changes, struct err *err)
{
	struct query query;

	query_begin(&query, conn, sql);
	query_put_text(&query, slice_of(stream->connector));
	query_put_text(&query, slice_of(stream->object));
	query_put_number(&query, stream->category);
	query_put_number(&query, stream->refresh);
	query_put_text(&query, slice_of(stream->primary_key));
	query_put_text(&query, slice_of(stream->record_modified_field));
	query_put_text(&query, slice_of(stream->event_time_field));
	return query_run(&query, ret_changes, err);
}

static enum status put_stream(struct conn *conn, void *ctx, struct err *err)
{
	struct stream_put *put = ctx;
	enum status status = check_stream(conn, put->stream, err);
	int changes = 0;

	if (status == OK)
		status = store_stream(conn, SQL_STREAM_UPDATE, put->stream, &changes, err);
	put->created = changes == 0;
	if (status == OK && put->created)
		status = store_stream(conn, SQL_STREAM_INSERT, put->stream, &changes, err);
	return status;
}

enum status catalog_sqlite_stream_put(
    struct catalog *catalog, const struct stream *stream, bool *ret_created, struct err *err)
{
	struct stream_put put = {.stream = stream};
	enum status status = catalog_sqlite_write(store_of(catalog), put_stream, &put, err);

	if (status == OK)
		*ret_created = put.created;
	return status;
}

static void read_stream(struct query *query, struct stream *stream)
{
	query_get_text(query, stream->connector, sizeof(stream->connector));
	query_get_text(query, stream->object, sizeof(stream->object));
	stream->category = (enum stream_category)query_get_enum(query, STREAM_OTHER + 1);
	stream->refresh = (enum stream_refresh)query_get_enum(query, STREAM_PARTIAL + 1);
	query_get_text(query, stream->primary_key, sizeof(stream->primary_key));
	query_get_text(query, stream->record_modified_field, sizeof(stream->record_modified_field));
	query_get_text(query, stream->event_time_field, sizeof(stream->event_time_field));
	query_get_text(query, stream->journal, sizeof(stream->journal));
	stream->revision = query_get_number(query);
}

enum status catalog_sqlite_stream_get(struct catalog *catalog, struct slice connector,
    struct slice object, struct stream *ret_stream, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct stream stream;
	struct conn *conn;
	struct query query;
	enum status status;
	bool found;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_STREAM_GET);
	query_put_text(&query, connector);
	query_put_text(&query, object);
	found = query_row(&query);
	if (found)
		read_stream(&query, &stream);
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	if (!found)
		return err_set(err, E_NOT_FOUND, "no stream for object \"%.*s\" of \"%.*s\"",
		    SLICE_ARGS(object), SLICE_ARGS(connector));
	*ret_stream = stream;
	return OK;
}

enum status catalog_sqlite_stream_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct stream **ret_streams, size_t *ret_count, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct stream *streams = NULL, *grown;
	size_t count = 0, room = 0;
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_STREAM_LIST);
	query_put_text(&query, connector);
	while (query_row(&query)) {
		grown = catalog_sqlite_grow(arena, streams, count, &room, sizeof(*grown));
		if (grown == NULL) {
			query_fail(&query, SQLITE_NOMEM);
			break;
		}
		streams = grown;
		read_stream(&query, &streams[count++]);
	}
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	*ret_streams = streams;
	*ret_count = count;
	return OK;
}

/* --- Dropped tables --------------------------------------------------------------------------- */

enum status catalog_sqlite_dropped_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct catalog_table **ret_tables, size_t *ret_count, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct catalog_table *tables = NULL, *grown;
	size_t count = 0, room = 0;
	struct conn *conn;
	struct query query;
	enum status status;

	status = reader_take(store, &conn, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_DROPPED_LIST);
	query_put_text(&query, connector);
	while (query_row(&query)) {
		grown = catalog_sqlite_grow(arena, tables, count, &room, sizeof(*grown));
		if (grown == NULL) {
			query_fail(&query, SQLITE_NOMEM);
			break;
		}
		tables = grown;
		query_get_text(&query, tables[count].connector, sizeof(tables->connector));
		query_get_text(&query, tables[count].object, sizeof(tables->object));
		query_get_text(&query, tables[count].journal, sizeof(tables->journal));
		count++;
	}
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status != OK)
		return status;
	*ret_tables = tables;
	*ret_count = count;
	return OK;
}

static enum status forget_dropped(struct conn *conn, void *ctx, struct err *err)
{
	const struct catalog_table *table = ctx;
	struct query query;

	query_begin(&query, conn, SQL_DROPPED_FORGET);
	query_put_text(&query, slice_of(table->connector));
	query_put_text(&query, slice_of(table->object));
	return query_run(&query, NULL, err);
}

enum status catalog_sqlite_dropped_forget(
    struct catalog *catalog, const struct catalog_table *table, struct err *err)
{
	struct catalog_table copy = *table;

	return catalog_sqlite_write(store_of(catalog), forget_dropped, &copy, err);
}
