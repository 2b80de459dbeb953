/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aligned tables: see table.h.
 *
 * Cells are cleaned (term.h) when they are added and live in an arena, in a list of rows.  Printing
 * goes over them twice: for the widths, then for the text.  Columns are two blanks apart and a line
 * never ends in blanks.
 *
 * What was printed is dropped: the rows have an arena of their own.
 */
#include "base/table.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/term.h"

#include <assert.h>
#include <stdlib.h>

#define CELL_COLUMNS_MAX 60
/* Bounds the clean copy of one cell; far above what a server sends. */
#define CELL_BYTES_MAX (256u << 20)

#define DIM      "\033[2m"
#define UNDIM    "\033[0m"
#define ELLIPSIS "\xe2\x80\xa6"

struct row {
	struct row *next;
	struct slice cells[];
};

struct table {
	struct arena arena;      /* what stays */
	struct arena rows_arena; /* what goes when it is printed */
	struct buffer scratch;
	size_t column_count;
	enum table_side *sides;
	struct row *heading;
	struct row *first, **last;
	size_t *widths;  /* a column each */
	bool is_printed; /* the heading is, and the widths do not change any more */
	bool failed;
};

static struct row *make_row(struct table *table, struct arena *arena)
{
	struct row *row =
	    arena_alloc(arena, sizeof(*row) + table->column_count * sizeof(row->cells[0]));

	if (row == NULL)
		table->failed = true;
	return row;
}

enum status table_create(size_t column_count, struct table **ret_table, struct err *err)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return err_set(err, E_NOMEM, "no memory for a table");
	arena_init(&table->arena, 4096);
	arena_init(&table->rows_arena, 64u << 10);
	buffer_init(&table->scratch, CELL_BYTES_MAX);
	table->column_count = column_count;
	table->last = &table->first;
	table->sides = arena_array(&table->arena, column_count, sizeof(table->sides[0]));
	table->widths = arena_array(&table->arena, column_count + 1, sizeof(table->widths[0]));
	table->heading = make_row(table, &table->arena);
	if (table->sides == NULL || table->widths == NULL || table->heading == NULL) {
		table_destroy(&table);
		return err_set(err, E_NOMEM, "no memory for a table");
	}
	*ret_table = table;
	return OK;
}

void table_destroy(struct table **table)
{
	if (*table == NULL)
		return;
	arena_fini(&(*table)->arena);
	arena_fini(&(*table)->rows_arena);
	buffer_fini(&(*table)->scratch);
	free(*table);
	*table = NULL;
}

/* A clean copy; a missing value stays one. */
static struct slice keep(struct table *table, struct arena *arena, struct slice text)
{
	char *copy;

	if (text.ptr == NULL)
		return text;
	buffer_reset(&table->scratch);
	term_clean(&table->scratch, text);
	copy = arena_copy(arena, buffer_slice(&table->scratch));
	if (table->scratch.failed || copy == NULL) {
		table->failed = true;
		return (struct slice){NULL, 0};
	}
	return (struct slice){copy, table->scratch.len};
}

void table_set_column(struct table *table, size_t column, struct slice name, enum table_side side)
{
	assert(column < table->column_count);
	table->heading->cells[column] = keep(table, &table->arena, name);
	table->sides[column] = side;
}

void table_add(struct table *table, const struct slice *cells)
{
	struct row *row = make_row(table, &table->rows_arena);

	if (row == NULL)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		row->cells[i] = keep(table, &table->rows_arena, cells[i]);
	*table->last = row;
	table->last = &row->next;
}

/* How wide a cell comes out. */
static size_t cell_columns(struct slice cell, bool on_terminal)
{
	size_t columns;

	if (cell.ptr == NULL)
		return on_terminal ? strlen("NULL") : 0;
	columns = term_columns(cell);
	return on_terminal && columns > CELL_COLUMNS_MAX ? CELL_COLUMNS_MAX : columns;
}

static void put_blanks(size_t count, FILE *out)
{
	fprintf(out, "%*s", (int)count, "");
}

static void print_cell(struct slice cell, bool on_terminal, FILE *out)
{
	if (cell.ptr == NULL) {
		if (on_terminal)
			fputs(DIM "NULL" UNDIM, out);
	} else if (on_terminal && term_columns(cell) > CELL_COLUMNS_MAX) {
		cell = term_cut(cell, CELL_COLUMNS_MAX - 1);
		fwrite(cell.ptr, 1, cell.len, out);
		/* A wide character that did not fit leaves a column over. */
		put_blanks(CELL_COLUMNS_MAX - 1 - term_columns(cell), out);
		fputs(ELLIPSIS, out);
	} else {
		fwrite(cell.ptr, 1, cell.len, out);
	}
}

/* Blanks that are owed are paid only when text follows, so none end a line.  A cell of a later piece
 * may be wider than its column. */
static void print_row(const struct table *table, const struct row *row, bool on_terminal, FILE *out)
{
	size_t owed = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		size_t columns = cell_columns(row->cells[i], on_terminal);
		size_t spare = columns < table->widths[i] ? table->widths[i] - columns : 0;

		if (table->sides[i] == TABLE_RIGHT)
			owed += spare;
		if (columns > 0) {
			put_blanks(owed, out);
			print_cell(row->cells[i], on_terminal, out);
			owed = 0;
		}
		owed += (table->sides[i] == TABLE_LEFT ? spare : 0) + 2;
	}
	fputc('\n', out);
}

static void print_rule(const struct table *table, FILE *out)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (i > 0)
			fputs("  ", out);
		for (size_t n = 0; n < table->widths[i]; n++)
			fputc('-', out);
	}
	fputc('\n', out);
}

static void widen(struct table *table, const struct row *row, bool on_terminal)
{
	for (size_t i = 0; i < table->column_count; i++) {
		size_t columns = cell_columns(row->cells[i], on_terminal);

		if (columns > table->widths[i])
			table->widths[i] = columns;
	}
}

static void print_head(struct table *table, bool on_terminal, FILE *out)
{
	widen(table, table->heading, on_terminal);
	for (const struct row *row = table->first; row != NULL; row = row->next)
		widen(table, row, on_terminal);
	print_row(table, table->heading, on_terminal, out);
	print_rule(table, out);
	table->is_printed = true;
}

enum status table_print(struct table *table, bool on_terminal, FILE *out, struct err *err)
{
	if (table->failed)
		return err_set(err, E_NOMEM, "no memory for a table of this size");
	if (!table->is_printed)
		print_head(table, on_terminal, out);
	for (const struct row *row = table->first; row != NULL; row = row->next)
		print_row(table, row, on_terminal, out);
	table->first = NULL;
	table->last = &table->first;
	arena_reset(&table->rows_arena);
	return OK;
}
