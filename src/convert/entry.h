/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_ENTRY_H
#define SLUICE_CONVERT_ENTRY_H

/*
 * An entry: the records of one accepted streaming request as bytes, typed and checked, on the way
 * through the journal to the lake.  It says everything about itself (names and types of its fields,
 * what is to be done, when it was accepted), so that it means the same under whatever schema and
 * settings it is applied: a schema may have grown meanwhile, a stream have become Partial.
 *
 *	entry_begin -> entry_add_value … (a value for each field, row by row) -> entry_end
 *	entry_open -> entry_next …
 *
 * Reading trusts nothing: bytes that break a rule of the form, or hold what no field of that type
 * may (a number that is too large, a day past the year 9999, text that is not UTF-8), are
 * E_INVALID, never a crash.  That bytes were changed into others that are in order is not seen here:
 * who keeps entries has checksums.
 *
 * An entry is as long as its values: an absent one takes no byte, whatever the schema's width.
 * Pure; no locale; no allocation per row.
 */

#include "base/buffer.h"
#include "base/int128.h"
#include "base/slice.h"
#include "base/status.h"
#include "schema/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum entry_kind {
	ENTRY_UPSERT,  /* a row replaces the one of its key; absent fields are NULL */
	ENTRY_PARTIAL, /* absent fields keep their value */
	ENTRY_DELETE,  /* the only field is the key */
};

enum value_state { VALUE_ABSENT, VALUE_NULL, VALUE_GIVEN };

/* A value of a row.  By the type of its field: text, number (times 10^18), integer (also a
 * date-time in microseconds), boolean, days (a date). */
struct value {
	enum value_state state;
	union {
		struct slice text;
		int128 number;
		int64_t integer;
		int32_t days;
		bool boolean;
	};
};

struct entry_field {
	struct slice name;
	enum field_type type;
};

/* --- Writing ---------------------------------------------------------------------------------- */

struct entry_writer {
	struct buffer *out; /* a failure is its sticky one */
	const struct field *const *fields;
	size_t field_count;
	size_t at;           /* the field whose value comes next */
	uint32_t absent;     /* so many in front of it are not written */
	size_t count_offset; /* of the number of rows, in out */
	uint32_t row_count;
};

/* An entry behind what is in ${out} already.  ${fields} are borrowed until entry_end: at least one,
 * and for a deletion one.  ${accepted_us}: the moment of acceptance. */
void entry_begin(struct entry_writer *w, struct buffer *out, enum entry_kind kind,
    int64_t accepted_us, const struct field *const *fields, size_t field_count);
/* The value of the field that comes next; the last field's ends the row.  A text is
 * copied; it is not empty, for blank is NULL. */
void entry_add_value(struct entry_writer *w, const struct value *value);
/* The next ${count} fields of the row are absent. */
void entry_add_absent(struct entry_writer *w, size_t count);
/* The last row is whole. */
void entry_end(struct entry_writer *w);

/* --- Reading ---------------------------------------------------------------------------------- */

struct entry_reader {
	enum entry_kind kind;
	int64_t accepted_us;
	struct entry_field *fields; /* in the caller's arena */
	size_t field_count;
	uint32_t row_count; /* never more than the entry has bytes */
	struct slice rest;  /* rows that were not read yet */
	uint32_t rows_left;
};

struct arena;

/* ${bytes} are borrowed as long as the reader and the values that it gives.  No name comes twice
 * among the fields.  E_INVALID, E_NOMEM. */
enum status entry_open(struct entry_reader *reader, struct slice bytes, struct arena *arena,
    struct err *err) WARN_UNUSED;
/* The next row's values, one for each of the reader's fields; texts are views of the entry.
 * E_NOT_FOUND: there is none any more.  E_INVALID; ${ret_values} are not to be looked at then. */
enum status entry_next(
    struct entry_reader *reader, struct value *ret_values, struct err *err) WARN_UNUSED;

#endif
