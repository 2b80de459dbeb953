/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the engine as text, in the forms that lake.h promises.  Pure: a
 * vector's memory in, a text out.
 *
 * Only the plain types are told here.  Lists, structs, intervals, blobs and whatever a later
 * version brings have no kind: the query casts them to VARCHAR inside the engine, which alone knows
 * how they are written.
 */
#include "lake/lake_duckdb_db.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	duckdb_type type;
	enum lake_kind kind;
	const char *name;
} kinds[] = {
    {DUCKDB_TYPE_VARCHAR, LAKE_TEXT, "VARCHAR"},
    {DUCKDB_TYPE_BOOLEAN, LAKE_BOOLEAN, "BOOLEAN"},
    {DUCKDB_TYPE_TINYINT, LAKE_INTEGER, "TINYINT"},
    {DUCKDB_TYPE_SMALLINT, LAKE_INTEGER, "SMALLINT"},
    {DUCKDB_TYPE_INTEGER, LAKE_INTEGER, "INTEGER"},
    {DUCKDB_TYPE_BIGINT, LAKE_INTEGER, "BIGINT"},
    {DUCKDB_TYPE_UTINYINT, LAKE_INTEGER, "UTINYINT"},
    {DUCKDB_TYPE_USMALLINT, LAKE_INTEGER, "USMALLINT"},
    {DUCKDB_TYPE_UINTEGER, LAKE_INTEGER, "UINTEGER"},
    /* Does not fit into what people keep 64-bit integers in. */
    {DUCKDB_TYPE_UBIGINT, LAKE_NUMBER, "UBIGINT"},
    {DUCKDB_TYPE_HUGEINT, LAKE_NUMBER, "HUGEINT"},
    {DUCKDB_TYPE_UHUGEINT, LAKE_NUMBER, "UHUGEINT"},
    {DUCKDB_TYPE_DECIMAL, LAKE_NUMBER, "DECIMAL"},
    {DUCKDB_TYPE_FLOAT, LAKE_DOUBLE, "FLOAT"},
    {DUCKDB_TYPE_DOUBLE, LAKE_DOUBLE, "DOUBLE"},
    {DUCKDB_TYPE_DATE, LAKE_DATE, "DATE"},
    {DUCKDB_TYPE_TIMESTAMP, LAKE_DATE_TIME, "TIMESTAMP"},
    {DUCKDB_TYPE_TIMESTAMP_S, LAKE_DATE_TIME, "TIMESTAMP_S"},
    {DUCKDB_TYPE_TIMESTAMP_MS, LAKE_DATE_TIME, "TIMESTAMP_MS"},
    {DUCKDB_TYPE_TIMESTAMP_NS, LAKE_DATE_TIME, "TIMESTAMP_NS"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, LAKE_DATE_TIME, "TIMESTAMP WITH TIME ZONE"},
};

bool lake_duckdb_kind(duckdb_type type, enum lake_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			*ret_kind = kinds[i].kind;
			return true;
		}
	}
	return false;
}

const char *lake_duckdb_kind_type(duckdb_logical_type type, char *text, size_t bytes)
{
	duckdb_type id = duckdb_get_type_id(type);

	if (id == DUCKDB_TYPE_DECIMAL) {
		snprintf(text, bytes, "DECIMAL(%u,%u)", duckdb_decimal_width(type),
		    duckdb_decimal_scale(type));
		return text;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == id)
			return kinds[i].name;
	}
	assert(false && "a type that has a kind");
	return NULL;
}

/* ${value} over 10^${scale}, with a minus if ${is_negative}: all places of the fraction, no empty
 * one. */
static size_t put_decimal(char *text, __uint128_t value, bool is_negative, unsigned scale)
{
	char digits[48];
	size_t count = 0, length = 0;

	do {
		digits[count++] = (char)('0' + (int)(value % 10));
		value /= 10;
	} while (value != 0 || count <= scale);
	if (is_negative)
		text[length++] = '-';
	while (count > 0) {
		text[length++] = digits[--count];
		if (count == scale && count > 0)
			text[length++] = '.';
	}
	return length;
}

static size_t put_signed(char *text, __int128_t value, unsigned scale)
{
	/* The unsigned negation also holds for the smallest value, which has no positive. */
	__uint128_t magnitude = (__uint128_t)value;

	return put_decimal(text, value < 0 ? -magnitude : magnitude, value < 0, scale);
}

static size_t put_double(char *text, double value)
{
	int length = 0;

	if (isnan(value))
		return (size_t)sprintf(text, "NaN");
	if (isinf(value))
		return (size_t)sprintf(text, value < 0 ? "-Infinity" : "Infinity");
	/* 17 digits always read back the same, 15 sometimes do; shorter ones
	 * come out of %g by themselves. */
	for (int digits = 15; digits <= 17; digits++) {
		length = snprintf(text, LAKE_DUCKDB_TEXT_BYTES, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return (size_t)length;
}

static size_t put_float(char *text, float value)
{
	int length = 0;

	if (isnan(value) || isinf(value))
		return put_double(text, (double)value);
	for (int digits = 6; digits <= 9; digits++) {
		length = snprintf(text, LAKE_DUCKDB_TEXT_BYTES, "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	return (size_t)length;
}

/* Four digits of the year at least; that before 0001 is 0000, and then come those with a minus, as
 * ISO 8601 counts. */
static size_t put_day(char *text, duckdb_date_struct day)
{
	return (size_t)snprintf(text, LAKE_DUCKDB_TEXT_BYTES, "%s%04" PRId32 "-%02d-%02d",
	    day.year < 0 ? "-" : "", day.year < 0 ? -day.year : day.year, day.month, day.day);
}

static size_t put_date(char *text, duckdb_date date)
{
	duckdb_date_struct day;

	if (!duckdb_is_finite_date(date))
		return (size_t)sprintf(text, date.days < 0 ? "-infinity" : "infinity");
	day = duckdb_from_date(date);
	return put_day(text, day);
}

static size_t put_timestamp(char *text, duckdb_timestamp timestamp)
{
	duckdb_timestamp_struct parts;
	int32_t micros;
	size_t length;

	if (!duckdb_is_finite_timestamp(timestamp))
		return (size_t)sprintf(text, timestamp.micros < 0 ? "-infinity" : "infinity");
	parts = duckdb_from_timestamp(timestamp);
	micros = parts.time.micros;
	length = put_day(text, parts.date);
	length += (size_t)snprintf(text + length, LAKE_DUCKDB_TEXT_BYTES - length,
	    "T%02d:%02d:%02d.%06" PRId32, parts.time.hour, parts.time.min, parts.time.sec, micros);
	for (int dropped = 0; dropped < 3 && text[length - 1] == '0'; dropped++)
		length--;
	text[length++] = 'Z';
	return length;
}

/* Microseconds, for all units alike; what they cannot tell of nanoseconds is cut off. */
static duckdb_timestamp read_timestamp(duckdb_type type, int64_t value)
{
	bool is_finite = value != INT64_MAX && value != -INT64_MAX;
	int64_t micros = value;

	if (is_finite && type == DUCKDB_TYPE_TIMESTAMP_NS)
		micros = value / 1000 - (value % 1000 < 0);
	/* The engine makes these of microseconds, so they have room there. */
	else if (is_finite && type != DUCKDB_TYPE_TIMESTAMP && type != DUCKDB_TYPE_TIMESTAMP_TZ)
		micros = value * (type == DUCKDB_TYPE_TIMESTAMP_S ? 1000000 : 1000);
	return (duckdb_timestamp){micros};
}

/* The integer of ${type} at ${row}, 128 bits taking all of them but the upper half of UHUGEINT. */
static __int128_t read_integer(duckdb_type type, const void *data, size_t row)
{
	__int128_t wide;

	switch (type) {
	case DUCKDB_TYPE_TINYINT:
		return ((const int8_t *)data)[row];
	case DUCKDB_TYPE_SMALLINT:
		return ((const int16_t *)data)[row];
	case DUCKDB_TYPE_INTEGER:
		return ((const int32_t *)data)[row];
	case DUCKDB_TYPE_BIGINT:
		return ((const int64_t *)data)[row];
	case DUCKDB_TYPE_UTINYINT:
		return ((const uint8_t *)data)[row];
	case DUCKDB_TYPE_USMALLINT:
		return ((const uint16_t *)data)[row];
	case DUCKDB_TYPE_UINTEGER:
		return ((const uint32_t *)data)[row];
	case DUCKDB_TYPE_UBIGINT:
		return ((const uint64_t *)data)[row];
	default:
		assert(type == DUCKDB_TYPE_HUGEINT || type == DUCKDB_TYPE_UHUGEINT);
		memcpy(&wide, (const char *)data + row * sizeof(wide), sizeof(wide));
		return wide;
	}
}

static struct slice view_string(const duckdb_string_t *string)
{
	uint32_t length = string->value.inlined.length;

	if (length <= sizeof(string->value.inlined.inlined))
		return (struct slice){string->value.inlined.inlined, length};
	return (struct slice){string->value.pointer.ptr, length};
}

static size_t put_value(const struct lake_duckdb_vector *vector, size_t row, char *text)
{
	const void *data = vector->data;

	switch (vector->type) {
	case DUCKDB_TYPE_BOOLEAN:
		return (size_t)sprintf(text, ((const bool *)data)[row] ? "true" : "false");
	case DUCKDB_TYPE_FLOAT:
		return put_float(text, ((const float *)data)[row]);
	case DUCKDB_TYPE_DOUBLE:
		return put_double(text, ((const double *)data)[row]);
	case DUCKDB_TYPE_DATE:
		return put_date(text, ((const duckdb_date *)data)[row]);
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_TIMESTAMP_S:
	case DUCKDB_TYPE_TIMESTAMP_MS:
	case DUCKDB_TYPE_TIMESTAMP_NS:
	case DUCKDB_TYPE_TIMESTAMP_TZ:
		return put_timestamp(
		    text, read_timestamp(vector->type, ((const int64_t *)data)[row]));
	case DUCKDB_TYPE_DECIMAL:
		return put_signed(text, read_integer(vector->storage, data, row), vector->scale);
	case DUCKDB_TYPE_UHUGEINT:
		return put_decimal(
		    text, (__uint128_t)read_integer(vector->type, data, row), false, 0);
	default:
		return put_signed(text, read_integer(vector->type, data, row), 0);
	}
}

struct lake_value lake_duckdb_render(
    const struct lake_duckdb_vector *vector, size_t row, char text[LAKE_DUCKDB_TEXT_BYTES])
{
	if (vector->valid != NULL && (vector->valid[row / 64] >> (row % 64) & 1) == 0)
		return (struct lake_value){.is_null = true};
	if (vector->type == DUCKDB_TYPE_VARCHAR)
		return (struct lake_value){
		    .text = view_string((const duckdb_string_t *)vector->data + row)};
	return (struct lake_value){.text = {text, put_value(vector, row, text)}};
}
