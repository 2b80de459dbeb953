/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables after streams: see tables.h, and docs/DESIGN.md, "Exactly once", steps 13 to 15 and 19.  Callers
 * see to it that two changes do not come at once (api.h, tables_mutex).
 */
#include "job/tables.h"

#include "base/crash.h"
#include "base/log.h"
#include "catalog/catalog_schema.h"
#include "lake/lake_table.h"

static enum status ensure_one(
    struct lake *lake, const struct schema *schema, const struct stream *stream, struct err *err)
{
	const struct object *object = schema_object(schema, slice_of(stream->object));
	struct lake_table table;

	if (object == NULL)
		return err_set(err, E_IO, "the stored schema of %s has no %s", stream->connector,
		    stream->object);
	table = lake_table_of(object, stream);
	return lake_table_ensure(lake, &table, err);
}

enum status tables_ensure(
    struct catalog *catalog, struct lake *lake, struct slice connector, struct err *err)
{
	struct stream *streams;
	struct schema *schema = NULL;
	struct arena arena;
	struct err why = {{0}};
	size_t count = 0, failed = 0;
	enum status st;

	arena_init(&arena, 65536);
	st = catalog_stream_list(catalog, connector, &arena, &streams, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		/* Streams come by connector: its schema is read once. */
		if (i == 0 || strcmp(streams[i].connector, streams[i - 1].connector) != 0) {
			schema_destroy(&schema);
			st = catalog_schema_get(
			    catalog, slice_of(streams[i].connector), &schema, err);
		}
		if (st == OK && ensure_one(lake, schema, &streams[i], &why) != OK) {
			log_event(LOG_LEVEL_ERROR, "table.not_ensured",
			    "connector=%s object=%s error=\"%s\"", streams[i].connector,
			    streams[i].object, why.text);
			failed++;
		}
	}
	if (st == OK && failed > 0)
		st = err_set(err, E_IO, "%zu tables could not be made, the last because: %s",
		    failed, why.text);
	schema_destroy(&schema);
	arena_fini(&arena);
	return st;
}

/* In this order: with the position gone and the log still there, entries that the table held
 * would count as not applied; but there is no table any more, and no stream to apply them for. */
static enum status drop_one(
    const struct tables_service *service, const struct catalog_table *table, struct err *err)
{
	bool has_log = table->journal[0] != '\0';
	enum status st;

	if (has_log && service->forget != NULL)
		service->forget(service->forget_ctx, table->journal);
	st = lake_table_drop(service->lake, table->connector, table->object, err);
	CRASH_POINT("table.dropped");
	if (st == OK && has_log)
		st = lake_position_forget(service->lake, table->journal, err);
	if (st == OK && has_log)
		st = journal_remove(service->journal, table->journal, err);
	return st;
}

enum status tables_drop(
    const struct tables_service *service, struct slice connector, struct err *err)
{
	struct catalog_table *tables;
	struct arena arena;
	size_t count = 0;
	enum status st;

	arena_init(&arena, 16384);
	st = catalog_dropped_list(service->catalog, connector, &arena, &tables, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		/* The catalog last: what is forgotten would never be dropped. */
		st = drop_one(service, &tables[i], err);
		if (st == OK)
			st = catalog_dropped_forget(service->catalog, &tables[i], err);
		if (st == OK)
			log_event(LOG_LEVEL_INFO, "table.dropped", "connector=%s object=%s",
			    tables[i].connector, tables[i].object);
	}
	arena_fini(&arena);
	return st;
}
