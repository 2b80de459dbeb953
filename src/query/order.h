/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_QUERY_ORDER_H
#define SLUICE_QUERY_ORDER_H

/*
 * The text of an order, as a parameter has it: "total DESC, id", "1 ASC", "\"my col\" nulls first".
 *
 * Columns with commas between them.  A column is a name, a name in double quotes (with "" for one of
 * them), or its place in the result, from 1; behind it ASC (the default) or DESC, and NULLS FIRST or
 * NULLS LAST (the default of both), in either case.
 *
 * Nothing of the text gets into SQL: what comes out of it are names and places that are looked up
 * among the result's columns (struct lake_order).
 */

#include "base/arena.h"
#include "lake/lake.h"

#define ORDER_COLUMNS_MAX 32

/* The order that ${text} says.  Names are views of ${text} or lie in ${arena}, as ${ret_order} does.
 * E_INVALID: it says none, the text tells what is wrong; E_NOMEM. */
enum status order_parse(struct slice text, struct arena *arena, struct lake_order **ret_order,
    size_t *ret_count, struct err *err) WARN_UNUSED;

#endif
