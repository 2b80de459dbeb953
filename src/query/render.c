/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows and columns of a result as JSON: see render.h.  A row goes straight from the engine's values
 * into the buffer; nothing is allocated for it.
 */
#include "query/render.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* --- Rendering -------------------------------------------------------------------------------- */

enum status render_columns(struct render *render, const struct lake_column *columns, size_t count,
    struct buffer *out, struct err *err)
{
	struct json_writer w;

	render->columns = columns;
	render->count = count;
	render->names = name_columns(render->arena, columns, count);
	if (render->names == NULL)
		return err_set(err, E_NOMEM, "no memory for the columns' names");
	json_write_begin(&w, out);
	json_write_object(&w);
	for (size_t i = 0; i < count; i++) {
		json_write_key(&w, render->names[i]);
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

void render_row(const struct render *render, const struct lake_value *values, struct buffer *out)
{
	struct json_writer w;

	json_write_begin(&w, out);
	if (render->as_objects)
		json_write_object(&w);
	else
		json_write_array(&w);
	for (size_t i = 0; i < render->count; i++) {
		if (render->as_objects)
			json_write_key(&w, render->names[i]);
		if (values[i].is_null)
			json_write_null(&w);
		else if (is_bare(render->columns[i].kind, values[i].text))
			json_write_raw(&w, values[i].text);
		else
			json_write_slice(&w, values[i].text);
	}
	json_write_end(&w);
}
