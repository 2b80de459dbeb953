/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_BATCH_H
#define SLUICE_CONVERT_BATCH_H

/*
 * A batch: up to BATCH_ROWS rows of typed values, column by column, on the way
 * from the converters to the lake.
 *
 * Column i holds, by its type, an array of BATCH_ROWS:
 *	FIELD_STRING	struct slice	views of text that somebody else keeps until the batch is
 *					reset
 *	FIELD_NUMBER	int128		value times 10^18
 *	FIELD_INTEGER	int64_t
 *	FIELD_BOOLEAN	bool
 *	FIELD_DATE	int32_t		days since 1970-01-01
 *	FIELD_DATE_TIME	int64_t		microseconds since 1970-01-01T00:00:00Z
 * and a bit a row that says whether there is a value (1) or NULL (0).  The bits of rows past
 * row_count are 0; what the array holds where the bit is 0 means nothing.
 */

#include "base/int128.h"
#include "base/slice.h"
#include "base/status.h"
#include "schema/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_ROWS 2048 /* what a vector of the lake's engine holds */

struct batch_column {
	enum field_type type;
	void *values;
	uint64_t valid[BATCH_ROWS / 64];
};

struct batch {
	struct batch_column *columns;
	size_t column_count;
	size_t row_count;
};

/* The caller destroys.  E_NOMEM. */
enum status batch_create(const enum field_type *types, size_t count, struct batch **ret_batch,
    struct err *err) WARN_UNUSED;
void batch_destroy(struct batch **batch);

/* Make it empty: no rows, and every value NULL. */
void batch_reset(struct batch *batch);

static inline bool batch_is_valid(const struct batch_column *column, size_t row)
{
	return (column->valid[row / 64] >> (row % 64) & 1) != 0;
}

static inline void batch_set_valid(struct batch_column *column, size_t row)
{
	column->valid[row / 64] |= UINT64_C(1) << (row % 64);
}

#endif
