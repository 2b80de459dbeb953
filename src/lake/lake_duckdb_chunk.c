/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch's columns to the engine's vectors: see lake_duckdb_chunk.h.  Fixed widths by memcpy, texts
 * by reference, a bit a row as it is.
 */
#include "lake/lake_duckdb_chunk.h"

#include <assert.h>
#include <string.h>

duckdb_logical_type lake_duckdb_chunk_type(enum field_type type)
{
	switch (type) {
	case FIELD_STRING:
		return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
	case FIELD_NUMBER:
		return duckdb_create_decimal_type(38, 18);
	case FIELD_INTEGER:
		return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	case FIELD_BOOLEAN:
		return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
	case FIELD_DATE:
		return duckdb_create_logical_type(DUCKDB_TYPE_DATE);
	case FIELD_DATE_TIME:
		return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
	}
	assert(false && "a field type");
	return NULL;
}

_Static_assert(
    sizeof(duckdb_hugeint) == sizeof(__int128_t), "a decimal's 16 bytes, low half first");
_Static_assert(sizeof(bool) == 1, "a boolean is a byte in both");

/* A short one stands in the string itself and its unused bytes must
 * be 0, as the engine compares them. */
static void fill_strings(duckdb_string_t *to, const struct batch_column *column, size_t row_count)
{
	const struct slice *from = column->values;

	for (size_t i = 0; i < row_count; i++) {
		duckdb_string_t text = {.value.inlined = {.length = 0}};
		size_t length = from[i].len;

		if (batch_is_valid(column, i) && length > 0) {
			assert(length <= UINT32_MAX);
			if (length <= sizeof(text.value.inlined.inlined)) {
				text.value.inlined.length = (uint32_t)length;
				memcpy(text.value.inlined.inlined, from[i].ptr, length);
			} else {
				text.value.pointer.length = (uint32_t)length;
				memcpy(text.value.pointer.prefix, from[i].ptr,
				    sizeof(text.value.pointer.prefix));
				/* The engine only reads it. */
				memcpy(&text.value.pointer.ptr, &from[i].ptr, sizeof(char *));
			}
		}
		to[i] = text;
	}
}

static bool all_valid(const struct batch_column *column, size_t row_count)
{
	size_t whole = row_count / 64, rest = row_count % 64;

	for (size_t i = 0; i < whole; i++) {
		if (column->valid[i] != UINT64_MAX)
			return false;
	}
	return rest == 0 || (~column->valid[whole] & ((UINT64_C(1) << rest) - 1)) == 0;
}

static size_t width_of(enum field_type type)
{
	switch (type) {
	case FIELD_NUMBER:
		return sizeof(duckdb_hugeint);
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return sizeof(int64_t);
	case FIELD_BOOLEAN:
		return sizeof(bool);
	case FIELD_DATE:
		return sizeof(int32_t);
	case FIELD_STRING:
		break;
	}
	assert(false && "a type of fixed width");
	return 0;
}

void lake_duckdb_chunk_fill(
    duckdb_vector vector, const struct batch_column *column, size_t row_count)
{
	if (column->type == FIELD_STRING)
		fill_strings(duckdb_vector_get_data(vector), column, row_count);
	else
		memcpy(duckdb_vector_get_data(vector), column->values,
		    row_count * width_of(column->type));
	if (!all_valid(column, row_count)) {
		duckdb_vector_ensure_validity_writable(vector);
		memcpy(duckdb_vector_get_validity(vector), column->valid,
		    (row_count + 63) / 64 * sizeof(column->valid[0]));
	}
}

static bool is_far(const duckdb_string_t *text)
{
	return text->value.inlined.length > sizeof(text->value.inlined.inlined);
}

size_t lake_duckdb_chunk_far_bytes(duckdb_vector vector, size_t row_count)
{
	const duckdb_string_t *texts = duckdb_vector_get_data(vector);
	size_t bytes = 0;

	for (size_t i = 0; i < row_count; i++)
		bytes += is_far(&texts[i]) ? texts[i].value.pointer.length : 0;
	return bytes;
}

char *lake_duckdb_chunk_keep(duckdb_vector vector, size_t row_count, char *to)
{
	duckdb_string_t *texts = duckdb_vector_get_data(vector);

	for (size_t i = 0; i < row_count; i++) {
		if (!is_far(&texts[i]))
			continue;
		memcpy(to, texts[i].value.pointer.ptr, texts[i].value.pointer.length);
		texts[i].value.pointer.ptr = to;
		to += texts[i].value.pointer.length;
	}
	return to;
}
