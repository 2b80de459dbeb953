/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: see batch.h.  An array a column, taken once and used again for every batch of a part.
 * Who converts and who hands the columns to the lake write and read them directly; nothing is
 * copied here.  Not here: the text that strings point into.
 */
#include "convert/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t value_bytes(enum field_type type)
{
	switch (type) {
	case FIELD_STRING:
		return sizeof(struct slice);
	case FIELD_NUMBER:
		return sizeof(int128);
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return sizeof(int64_t);
	case FIELD_BOOLEAN:
		return sizeof(bool);
	case FIELD_DATE:
		return sizeof(int32_t);
	}
	assert(false);
	return 0;
}

enum status batch_create(
    const enum field_type *types, size_t count, struct batch **ret_batch, struct err *err)
{
	enum status status = E_NOMEM;
	struct batch *batch = NULL;
	struct batch_column *column;

	batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		goto out;
	batch->columns = calloc(count > 0 ? count : 1, sizeof(*batch->columns));
	if (batch->columns == NULL)
		goto out;
	batch->column_count = count;
	for (size_t i = 0; i < count; i++) {
		column = &batch->columns[i];
		column->type = types[i];
		/* Zeroed, so that who reads a NULL's place by mistake finds
		 * no bytes of somebody else's. */
		column->values = calloc(BATCH_ROWS, value_bytes(types[i]));
		if (column->values == NULL)
			goto out;
	}
	*ret_batch = batch;
	batch = NULL;
	status = OK;
out:
	batch_destroy(&batch);
	return status == OK ? OK
			    : err_set(err, status, "no memory for a batch of %zu columns", count);
}

void batch_destroy(struct batch **batch)
{
	struct batch *gone = *batch;

	if (gone == NULL)
		return;
	for (size_t i = 0; i < gone->column_count; i++)
		free(gone->columns[i].values);
	free(gone->columns);
	free(gone);
	*batch = NULL;
}

void batch_reset(struct batch *batch)
{
	for (size_t i = 0; i < batch->column_count; i++)
		memset(batch->columns[i].valid, 0, sizeof(batch->columns[i].valid));
	batch->row_count = 0;
}
