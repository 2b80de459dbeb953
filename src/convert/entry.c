/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries: see entry.h.
 *
 *	entry	version (1 byte), kind (1), number of fields (2), of rows (4), accepted_us (8)
 *	field	type (1), length of the name (1), name
 *	row	for each value that is not absent: tag, value; then the tag 0 if fields are left
 *	tag	absent fields in front of it * 4 + state
 *	value	text: length, bytes; number, integer, date, date-time: length (1), the bytes of two's
 *		complement that matter; boolean: 1 byte; NULL: nothing
 *
 * Fixed numbers are little-endian; tags and the lengths of texts take seven bits a byte, the lowest
 * first, the top bit saying that more follow.  So an ordinary tag is one byte, a number such as
 * 12.50 nine, and a record of a Partial stream that names two of a thousand fields costs those two:
 * no request can make an entry that is many times its own length.
 *
 * What is read is checked as if a stranger had written it, because it goes straight into the lake
 * from here: against the form, and each value against what its type may hold.
 *
 * Not here: checksums and where an entry ends (the journal's), what a row means (the applier's).
 */
#include "convert/entry.h"

#include "base/arena.h"
#include "convert/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VERSION          1
#define HEAD_BYTES       16
#define COUNT_OFFSET     4 /* of the number of rows, in the head */
#define ROWS_ANNOUNCED   0 /* until entry_end knows better */
#define VARINT_BYTES_MAX 5 /* of 32 bits */
#define SIGNED_BYTES_MAX 16

enum tag { TAG_END, TAG_NULL, TAG_GIVEN, TAG_COUNT };
#define TAG_BITS 2

/* What the fields may hold: see value.h. */
#define DAYS_FIRST (-719162) /* 0001-01-01 */
#define DAYS_LAST  2932896   /* 9999-12-31 */
#define US_A_DAY   INT64_C(86400000000)

static int128 number_limit(void)
{
	const int128 ten_to_19 = INT64_C(1000000000000000000) * (int128)10;

	return ten_to_19 * ten_to_19;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void put_fixed(unsigned char *p, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

static unsigned char *put_varint(unsigned char *p, uint32_t value)
{
	while (value >= 0x80) {
		*p++ = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	*p++ = (unsigned char)value;
	return p;
}

/* How many bytes of two's complement matter: those above are all like the last one's top bit. */
static size_t signed_length(int128 value)
{
	uint128 folded = (uint128)(value < 0 ? ~value : value);
	uint64_t high = (uint64_t)(folded >> 64), low = (uint64_t)folded;
	unsigned bits = high != 0  ? 128 - (unsigned)__builtin_clzll(high)
			: low != 0 ? 64 - (unsigned)__builtin_clzll(low)
				   : 0;

	return bits / 8 + 1;
}

static unsigned char *put_signed(unsigned char *p, int128 value)
{
	size_t length = signed_length(value);

	*p++ = (unsigned char)length;
	put_fixed(p, (uint64_t)value, length < 8 ? length : 8);
	if (length > 8)
		put_fixed(p + 8, (uint64_t)((uint128)value >> 64), length - 8);
	return p + length;
}

static unsigned char *put_text(unsigned char *p, struct slice text)
{
	p = put_varint(p, (uint32_t)text.len);
	if (text.len > 0)
		memcpy(p, text.ptr, text.len);
	return p + text.len;
}

void entry_begin(struct entry_writer *w, struct buffer *out, enum entry_kind kind,
    int64_t accepted_us, const struct field *const *fields, size_t field_count)
{
	unsigned char *head;

	assert(field_count > 0);
	assert(field_count <= SCHEMA_FIELDS_MAX);
	assert(kind != ENTRY_DELETE || field_count == 1);
	*w = (struct entry_writer){.out = out,
	    .fields = fields,
	    .field_count = field_count,
	    .count_offset = out->len + COUNT_OFFSET};
	head = (unsigned char *)buffer_reserve(out, HEAD_BYTES);
	if (head == NULL)
		return;
	head[0] = VERSION;
	head[1] = (unsigned char)kind;
	put_fixed(head + 2, field_count, 2);
	put_fixed(head + COUNT_OFFSET, ROWS_ANNOUNCED, 4);
	put_fixed(head + 8, (uint64_t)accepted_us, 8);
	out->len += HEAD_BYTES;
	for (size_t i = 0; i < field_count; i++) {
		struct slice name = slice_of(fields[i]->name);

		assert(name.len <= SCHEMA_NAME_BYTES_MAX);
		buffer_put_char(out, (char)fields[i]->type);
		buffer_put_char(out, (char)name.len);
		buffer_put(out, name);
	}
}

static unsigned char *put_given(unsigned char *p, enum field_type type, const struct value *value)
{
	switch (type) {
	case FIELD_STRING:
		assert(value->text.len > 0);
		return put_text(p, value->text);
	case FIELD_NUMBER:
		return put_signed(p, value->number);
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return put_signed(p, value->integer);
	case FIELD_DATE:
		return put_signed(p, value->days);
	case FIELD_BOOLEAN:
		*p = value->boolean;
		return p + 1;
	}
	assert(false);
	return p;
}

static void put_value(
    struct entry_writer *w, enum field_type type, enum tag tag, const struct value *value)
{
	const bool text = tag == TAG_GIVEN && type == FIELD_STRING;
	size_t most = VARINT_BYTES_MAX + 1 + SIGNED_BYTES_MAX + (text ? value->text.len : 0);
	unsigned char *begin = (unsigned char *)buffer_reserve(w->out, most), *end;

	if (begin == NULL)
		return;
	end = put_varint(begin, w->absent << TAG_BITS | (uint32_t)tag);
	if (tag == TAG_GIVEN)
		end = put_given(end, type, value);
	w->out->len += (size_t)(end - begin);
}

/* ${count} fields are done; behind the last of them the row is. */
static void advance(struct entry_writer *w, size_t count)
{
	w->at += count;
	if (w->at < w->field_count)
		return;
	if (w->absent > 0)
		buffer_put_char(w->out, TAG_END);
	w->absent = 0;
	w->at = 0;
	w->row_count++;
}

void entry_add_value(struct entry_writer *w, const struct value *value)
{
	if (value->state == VALUE_ABSENT) {
		entry_add_absent(w, 1);
		return;
	}
	put_value(
	    w, w->fields[w->at]->type, value->state == VALUE_NULL ? TAG_NULL : TAG_GIVEN, value);
	w->absent = 0;
	advance(w, 1);
}

void entry_add_absent(struct entry_writer *w, size_t count)
{
	assert(count <= w->field_count - w->at);
	if (count == 0)
		return;
	w->absent += (uint32_t)count;
	advance(w, count);
}

void entry_end(struct entry_writer *w)
{
	assert(w->at == 0);
	if (!w->out->failed)
		put_fixed((unsigned char *)w->out->ptr + w->count_offset, w->row_count, 4);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static uint64_t fixed_at(const char *p, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return value;
}

static bool take_byte(struct slice *rest, unsigned *ret_byte)
{
	if (rest->len == 0)
		return false;
	*ret_byte = (unsigned char)rest->ptr[0];
	*rest = slice_skip(*rest, 1);
	return true;
}

static bool take_bytes(struct slice *rest, size_t count, struct slice *ret_bytes)
{
	if (rest->len < count)
		return false;
	*ret_bytes = (struct slice){rest->ptr, count};
	*rest = slice_skip(*rest, count);
	return true;
}

static bool take_varint(struct slice *rest, uint32_t *ret_value)
{
	uint64_t value = 0;
	unsigned byte;

	for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
		if (!take_byte(rest, &byte))
			return false;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*ret_value = (uint32_t)value;
			return value <= UINT32_MAX;
		}
	}
	return false;
}

static bool take_signed(struct slice *rest, int128 *ret_value)
{
	struct slice bytes;
	unsigned length;
	uint128 value = 0;

	if (!take_byte(rest, &length) || length == 0 || length > SIGNED_BYTES_MAX ||
	    !take_bytes(rest, length, &bytes))
		return false;
	if (bytes.ptr[length - 1] & 0x80)
		value = ~value;
	for (size_t i = length; i-- > 0;)
		value = value << 8 | (unsigned char)bytes.ptr[i];
	*ret_value = (int128)value;
	return true;
}

/* The value of a field of ${type}; false when it is none. */
static bool take_value(struct slice *rest, enum field_type type, struct value *value)
{
	int128 number = 0;
	uint32_t length;
	unsigned byte;

	if (type == FIELD_STRING)
		return take_varint(rest, &length) && length > 0 &&
		       take_bytes(rest, length, &value->text) &&
		       value_string(value->text) == REJECT_NONE;
	if (type == FIELD_BOOLEAN) {
		if (!take_byte(rest, &byte) || byte > 1)
			return false;
		value->boolean = byte == 1;
		return true;
	}
	if (!take_signed(rest, &number))
		return false;
	switch (type) {
	case FIELD_NUMBER:
		value->number = number;
		return number > -number_limit() && number < number_limit();
	case FIELD_INTEGER:
		value->integer = (int64_t)number;
		return number >= INT64_MIN && number <= INT64_MAX;
	case FIELD_DATE:
		value->days = (int32_t)number;
		return number >= DAYS_FIRST && number <= DAYS_LAST;
	case FIELD_DATE_TIME:
		value->integer = (int64_t)number;
		return number >= DAYS_FIRST * US_A_DAY && number < (DAYS_LAST + 1) * US_A_DAY;
	case FIELD_STRING:
	case FIELD_BOOLEAN:
		break;
	}
	assert(false);
	return false;
}

static int compare_names(const void *a, const void *b)
{
	const struct slice *left = a, *right = b;

	if (left->len != right->len)
		return left->len < right->len ? -1 : 1;
	return memcmp(left->ptr, right->ptr, left->len);
}

/* Does a name come twice?  Sorted, because a stranger chooses the names. */
static enum status check_names(
    const struct entry_reader *reader, struct arena *arena, struct err *err)
{
	struct slice *names = arena_array(arena, reader->field_count, sizeof(*names));

	if (names == NULL)
		return err_set(
		    err, E_NOMEM, "no memory for an entry of %zu fields", reader->field_count);
	for (size_t i = 0; i < reader->field_count; i++)
		names[i] = reader->fields[i].name;
	qsort(names, reader->field_count, sizeof(*names), compare_names);
	for (size_t i = 1; i < reader->field_count; i++) {
		if (slice_equals(names[i - 1], names[i]))
			return err_set(err, E_INVALID, "the entry names the field \"%.*s\" twice",
			    SLICE_ARGS(names[i]));
	}
	return OK;
}

static bool take_field(struct slice *rest, struct entry_field *field)
{
	unsigned type, length;

	if (!take_byte(rest, &type) || type > FIELD_DATE_TIME || !take_byte(rest, &length) ||
	    !take_bytes(rest, length, &field->name))
		return false;
	field->type = (enum field_type)type;
	return schema_name_is_valid(field->name);
}

enum status entry_open(
    struct entry_reader *reader, struct slice bytes, struct arena *arena, struct err *err)
{
	struct entry_reader r = {.field_count = 0};
	struct slice head;
	unsigned kind;
	enum status status;

	if (!take_bytes(&bytes, HEAD_BYTES, &head))
		return err_set(err, E_INVALID, "%zu bytes are too few for an entry", bytes.len);
	if (head.ptr[0] != VERSION)
		return err_set(err, E_INVALID, "the entry is of version %u; %d is known",
		    (unsigned)(unsigned char)head.ptr[0], VERSION);
	kind = (unsigned char)head.ptr[1];
	r.kind = (enum entry_kind)kind;
	r.field_count = fixed_at(head.ptr + 2, 2);
	r.row_count = r.rows_left = (uint32_t)fixed_at(head.ptr + COUNT_OFFSET, 4);
	r.accepted_us = (int64_t)fixed_at(head.ptr + 8, 8);
	if (kind > ENTRY_DELETE || r.field_count == 0 || r.field_count > SCHEMA_FIELDS_MAX ||
	    (r.kind == ENTRY_DELETE && r.field_count != 1))
		return err_set(err, E_INVALID, "the entry is of kind %u and has %zu fields", kind,
		    r.field_count);
	r.fields = arena_array(arena, r.field_count, sizeof(*r.fields));
	if (r.fields == NULL)
		return err_set(err, E_NOMEM, "no memory for an entry of %zu fields", r.field_count);
	for (size_t i = 0; i < r.field_count; i++) {
		if (!take_field(&bytes, &r.fields[i]))
			return err_set(
			    err, E_INVALID, "field %zu of the entry is malformed", i + 1);
	}
	status = check_names(&r, arena, err);
	if (status != OK)
		return status;
	/* A row has a byte at least, so that nobody makes room for rows that can't be there. */
	if (r.row_count > bytes.len)
		return err_set(
		    err, E_INVALID, "the entry has %zu bytes for %u rows", bytes.len, r.row_count);
	r.rest = bytes;
	*reader = r;
	return OK;
}

/* Take a row's values; false when they are malformed. */
static bool take_row(struct entry_reader *reader, struct value *values)
{
	size_t at = 0, next;
	uint32_t tag;

	while (at < reader->field_count) {
		if (!take_varint(&reader->rest, &tag))
			return false;
		next = tag == TAG_END ? reader->field_count : at + (tag >> TAG_BITS);
		if (next > reader->field_count)
			return false;
		for (; at < next; at++)
			values[at].state = VALUE_ABSENT;
		if (tag == TAG_END)
			break;
		tag &= (1U << TAG_BITS) - 1;
		if (at == reader->field_count || tag == TAG_END || tag >= TAG_COUNT)
			return false;
		values[at].state = tag == TAG_GIVEN ? VALUE_GIVEN : VALUE_NULL;
		if (tag == TAG_GIVEN &&
		    !take_value(&reader->rest, reader->fields[at].type, &values[at]))
			return false;
		at++;
	}
	return true;
}

enum status entry_next(struct entry_reader *reader, struct value *ret_values, struct err *err)
{
	uint32_t row = reader->row_count - reader->rows_left + 1;

	if (reader->rows_left == 0 && reader->rest.len > 0)
		return err_set(err, E_INVALID, "the entry has %zu bytes behind its last row",
		    reader->rest.len);
	if (reader->rows_left == 0)
		return err_set(err, E_NOT_FOUND, "the entry has no more rows");
	if (!take_row(reader, ret_values))
		return err_set(err, E_INVALID, "row %u of the entry is malformed", row);
	reader->rows_left--;
	return OK;
}
