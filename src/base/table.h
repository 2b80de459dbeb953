/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_TABLE_H
#define SLUICE_BASE_TABLE_H

/*
 * An aligned table of text.
 *
 *	table_create(2, &table, &err)
 *	table_set_column(table, 0, SLICE("id"), TABLE_RIGHT)	every column once
 *	table_add(table, cells)					every row
 *	table_print(table, false, stdout, &err)
 *	table_destroy(&table)
 *
 * Rows are kept until they are printed, as the widths are known then only.  A table without an end
 * is printed in pieces, table_add and table_print in turn: the widths are those of the first piece,
 * and a wider cell of a later one is printed whole and moves what is behind it in its row.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

struct table;

enum table_side { TABLE_LEFT, TABLE_RIGHT };

enum status table_create(
    size_t column_count, struct table **ret_table, struct err *err) WARN_UNUSED;
void table_destroy(struct table **table);

/* The texts are copied.  A lack of memory is remembered and told by table_print. */
void table_set_column(struct table *table, size_t column, struct slice name, enum table_side side);

/* As many cells as there are columns; one whose pointer is NULL is a missing value. */
void table_add(struct table *table, const struct slice *cells);

/* Heading, rule and the rows that were added; again: the rows that were added since.  On a terminal
 * a cell of more than 60 columns is cut and ends in "…", and a missing value is a dim NULL;
 * elsewhere cells are whole and a missing value is blank.  E_NOMEM. */
enum status table_print(
    struct table *table, bool on_terminal, FILE *out, struct err *err) WARN_UNUSED;

#endif
