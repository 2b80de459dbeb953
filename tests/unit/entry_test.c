/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries: what is written is what is read, byte for byte as the form says; and bytes that break
 * the form are refused, one rule after the other.
 */
#include "convert/entry.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define BYTES(literal) (literal), sizeof(literal) - 1
#define ONE            ((int128)INT64_C(1000000000000000000))

static const struct field id = {.name = "id", .type = FIELD_STRING};
static const struct field total = {.name = "total", .type = FIELD_NUMBER};
static const struct field items = {.name = "items", .type = FIELD_INTEGER};
static const struct field paid = {.name = "paid", .type = FIELD_BOOLEAN};
static const struct field due = {.name = "due", .type = FIELD_DATE};
static const struct field modified = {.name = "modified", .type = FIELD_DATE_TIME};
static const struct field *const all[] = {&id, &total, &items, &paid, &due, &modified};

static const struct value absent = {.state = VALUE_ABSENT};
static const struct value null = {.state = VALUE_NULL};

static struct value text_value(const char *text)
{
	return (struct value){.state = VALUE_GIVEN, .text = slice_of(text)};
}

static struct value number_value(int128 number)
{
	return (struct value){.state = VALUE_GIVEN, .number = number};
}

static struct value integer_value(int64_t integer)
{
	return (struct value){.state = VALUE_GIVEN, .integer = integer};
}

static struct value days_value(int32_t days)
{
	return (struct value){.state = VALUE_GIVEN, .days = days};
}

static struct value boolean_value(bool boolean)
{
	return (struct value){.state = VALUE_GIVEN, .boolean = boolean};
}

static void add_row(struct entry_writer *w, const struct value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		entry_add_value(w, &values[i]);
}

static void assert_value(enum field_type type, const struct value *got, const struct value *want)
{
	assert_int_equal(got->state, want->state);
	if (want->state != VALUE_GIVEN)
		return;
	switch (type) {
	case FIELD_STRING:
		assert_true(slice_equals(got->text, want->text));
		break;
	case FIELD_NUMBER:
		assert_true(got->number == want->number);
		break;
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		assert_true(got->integer == want->integer);
		break;
	case FIELD_DATE:
		assert_true(got->days == want->days);
		break;
	case FIELD_BOOLEAN:
		assert_true(got->boolean == want->boolean);
		break;
	}
}

/* A reader of an entry that is right, in memory of exactly its size. */
struct opened {
	struct arena arena;
	struct entry_reader reader;
	char *exact;
	enum status status;
	struct err err;
};

static void open_bytes(struct opened *o, const char *bytes, size_t len)
{
	*o = (struct opened){.exact = malloc(len == 0 ? 1 : len)};
	memcpy(o->exact, bytes, len);
	arena_init(&o->arena, 256);
	o->status = entry_open(&o->reader, (struct slice){o->exact, len}, &o->arena, &o->err);
}

static void close_bytes(struct opened *o)
{
	arena_fini(&o->arena);
	free(o->exact);
}

static void an_entry_is_these_bytes(void **state)
{
	static const char want[] =
	    /* version, kind, fields, rows, moment */
	    "\x01\x01\x06\x00\x03\x00\x00\x00\x15\xcd\x5b\x07\x00\x00\x00\x00"
	    "\x00\x02id\x01\x05total\x02\x05items\x03\x04paid\x04\x03"
	    "due\x05\x08modified"
	    /* A1, -5.94, -1, true, 128, NULL */
	    "\x02\x02"
	    "A1\x02\x08\x00\x00\x2e\xb2\x78\xe1\x90\xad\x02\x01\xff\x02\x01\x02\x02\x80\x00\x01"
	    /* B, and no more */
	    "\x02\x01"
	    "B\x00"
	    /* three absent, then false; due is absent; then NULL */
	    "\x0e\x00\x05";
	const struct value first[] = {text_value("A1"), number_value(-594 * ONE / 100),
	    integer_value(-1), boolean_value(true), days_value(128), null};
	const struct value second[] = {text_value("B"), absent, absent, absent, absent, absent};
	const struct value third[] = {absent, absent, absent, boolean_value(false), absent, null};
	struct entry_writer w;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1000);
	entry_begin(&w, &out, ENTRY_PARTIAL, 123456789, all, COUNT(all));
	add_row(&w, first, COUNT(first));
	add_row(&w, second, COUNT(second));
	add_row(&w, third, COUNT(third));
	entry_end(&w);
	assert_int_equal(out.len, sizeof(want) - 1);
	assert_memory_equal(out.ptr, want, out.len);
	buffer_fini(&out);
}

/* Each value in a row of its own, among absent and NULL ones. */
static void a_value_is_read_as_it_was_written(void **state)
{
	const int128 most = (INT64_C(10000000000000000) * (int128)ONE * 10000) - 1;
	const struct {
		size_t field;
		struct value value;
	} cases[] = {
	    {0, text_value("x")},
	    {0, text_value("\xc3\xa4 \xf0\x9f\x98\x80\n\"")},
	    {0, text_value(
		    "a text of more than a hundred and twenty-seven bytes, so that its length "
		    "takes "
		    "two: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
	    {1, number_value(0)},
	    {1, number_value(1)},
	    {1, number_value(-1)},
	    {1, number_value(127)},
	    {1, number_value(128)},
	    {1, number_value(-128)},
	    {1, number_value(-129)},
	    {1, number_value(INT64_MAX)},
	    {1, number_value((int128)INT64_MAX + 1)},
	    {1, number_value(INT64_MIN)},
	    {1, number_value((int128)INT64_MIN - 1)},
	    {1, number_value(most)},
	    {1, number_value(-most)},
	    {2, integer_value(INT64_MIN)},
	    {2, integer_value(INT64_MAX)},
	    {3, boolean_value(true)},
	    {3, boolean_value(false)},
	    {4, days_value(-719162)},
	    {4, days_value(2932896)},
	    {5, integer_value(INT64_C(-62135596800000000))},
	    {5, integer_value(INT64_C(253402300799999999))},
	};
	const struct value others[] = {absent, null};
	struct value row[COUNT(all)];
	struct entry_writer w;
	struct opened o;
	struct buffer out;

	(void)state;
	for (size_t other = 0; other < COUNT(others); other++) {
		buffer_init(&out, 100000);
		buffer_put_text(&out, "something before");
		entry_begin(&w, &out, ENTRY_UPSERT, INT64_MIN, all, COUNT(all));
		for (size_t i = 0; i < COUNT(cases); i++) {
			for (size_t k = 0; k < COUNT(all); k++)
				row[k] = k == cases[i].field ? cases[i].value : others[other];
			add_row(&w, row, COUNT(row));
		}
		entry_end(&w);
		open_bytes(&o, out.ptr + 16, out.len - 16);
		assert_int_equal(o.status, OK);
		assert_int_equal(o.reader.kind, ENTRY_UPSERT);
		assert_true(o.reader.accepted_us == INT64_MIN);
		assert_int_equal(o.reader.row_count, COUNT(cases));
		for (size_t i = 0; i < COUNT(cases); i++) {
			assert_int_equal(entry_next(&o.reader, row, &o.err), OK);
			for (size_t k = 0; k < COUNT(all); k++)
				assert_value(all[k]->type, &row[k],
				    k == cases[i].field ? &cases[i].value : &others[other]);
		}
		assert_int_equal(entry_next(&o.reader, row, &o.err), E_NOT_FOUND);
		assert_int_equal(entry_next(&o.reader, row, &o.err), E_NOT_FOUND);
		close_bytes(&o);
		buffer_fini(&out);
	}
}

static void an_entry_may_have_no_rows(void **state)
{
	const struct field *const key[] = {&id};
	struct value value;
	struct entry_writer w;
	struct buffer out;
	struct opened o;

	(void)state;
	buffer_init(&out, 1000);
	entry_begin(&w, &out, ENTRY_DELETE, 1, key, 1);
	entry_end(&w);
	open_bytes(&o, out.ptr, out.len);
	assert_int_equal(o.status, OK);
	assert_int_equal(entry_next(&o.reader, &value, &o.err), E_NOT_FOUND);
	close_bytes(&o);
	buffer_fini(&out);
}

/* A row of a thousand absent values is one byte, and one far in the middle costs three more. */
static void absent_values_take_no_room(void **state)
{
	static struct field fields[SCHEMA_FIELDS_MAX];
	static const struct field *pointers[SCHEMA_FIELDS_MAX];
	static char names[SCHEMA_FIELDS_MAX][16];
	static struct value row[SCHEMA_FIELDS_MAX];
	const struct value yes = boolean_value(true);
	struct entry_writer w;
	struct buffer out;
	struct opened o;
	size_t before;

	(void)state;
	for (int i = 0; i < SCHEMA_FIELDS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "f%d", i);
		fields[i] = (struct field){.name = names[i], .type = FIELD_BOOLEAN};
		pointers[i] = &fields[i];
	}
	buffer_init(&out, 100000);
	entry_begin(&w, &out, ENTRY_PARTIAL, 1, pointers, SCHEMA_FIELDS_MAX);
	before = out.len;
	for (int i = 0; i < SCHEMA_FIELDS_MAX; i++)
		entry_add_value(&w, &absent);
	assert_int_equal(out.len, before + 1);
	/* The same, told at once. */
	entry_add_absent(&w, 0);
	entry_add_absent(&w, SCHEMA_FIELDS_MAX);
	assert_int_equal(out.len, before + 2);
	entry_add_absent(&w, 500);
	entry_add_value(&w, &yes);
	entry_add_absent(&w, SCHEMA_FIELDS_MAX - 501);
	assert_int_equal(out.len, before + 2 + 4);
	for (int i = 0; i < SCHEMA_FIELDS_MAX; i++)
		entry_add_value(&w, i == 500 ? &yes : &absent);
	assert_int_equal(out.len, before + 2 + 4 + 4);
	entry_end(&w);
	open_bytes(&o, out.ptr, out.len);
	assert_int_equal(o.status, OK);
	assert_int_equal(entry_next(&o.reader, row, &o.err), OK);
	assert_int_equal(row[500].state, VALUE_ABSENT);
	assert_int_equal(entry_next(&o.reader, row, &o.err), OK);
	assert_int_equal(row[500].state, VALUE_ABSENT);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(entry_next(&o.reader, row, &o.err), OK);
		for (int i = 0; i < SCHEMA_FIELDS_MAX; i++)
			assert_int_equal(row[i].state, i == 500 ? VALUE_GIVEN : VALUE_ABSENT);
	}
	assert_int_equal(entry_next(&o.reader, row, &o.err), E_NOT_FOUND);
	close_bytes(&o);
	buffer_fini(&out);
}

static void a_full_buffer_stays_failed(void **state)
{
	const struct value value = text_value("a text that is longer than all the room there is");
	const struct field *const key[] = {&id};

	(void)state;
	for (size_t room = 0; room < 70; room++) {
		struct entry_writer w;
		struct buffer out;

		buffer_init(&out, room);
		entry_begin(&w, &out, ENTRY_DELETE, 1, key, 1);
		entry_add_value(&w, &value);
		entry_end(&w);
		assert_true(out.failed);
		assert_true(out.len <= room);
		buffer_fini(&out);
	}
}

/* --- Bytes that break the form ---------------------------------------------------------------- */

#define HEAD(kind, fields, rows)                                                                   \
	"\x01" kind fields "\x00" rows "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define ONE_TEXT     HEAD("\x00", "\x01", "\x01") "\x00\x01k"
#define ONE_OF(type) HEAD("\x00", "\x01", "\x01") type "\x01k"

static void bytes_that_break_the_form_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *why; /* NULL: they are in order */
	} cases[] = {
	    {BYTES(ONE_TEXT "\x02\x01x"), NULL},
	    {BYTES(""), "0 bytes are too few for an entry"},
	    {BYTES("\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"15 bytes are too few for an entry"},
	    {BYTES("\x02" ONE_TEXT), "the entry is of version 2; 1 is known"},
	    {BYTES(HEAD("\x03", "\x01", "\x00") "\x00\x01k"),
		"the entry is of kind 3 and has 1 fields"},
	    {BYTES(HEAD("\x00", "\x00", "\x00")), "the entry is of kind 0 and has 0 fields"},
	    {BYTES(HEAD("\x02", "\x02", "\x00") "\x00\x01k\x00\x01l"),
		"the entry is of kind 2 and has 2 fields"},
	    {BYTES("\x01\x00\xe9\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"the entry is of kind 0 and has 1001 fields"},
	    {BYTES(HEAD("\x00", "\x01", "\x00")), "field 1 of the entry is malformed"},
	    {BYTES(HEAD("\x00", "\x01", "\x00") "\x00"), "field 1 of the entry is malformed"},
	    {BYTES(HEAD("\x00", "\x01", "\x00") "\x06\x01k"), "field 1 of the entry is malformed"},
	    {BYTES(HEAD("\x00", "\x01", "\x00") "\x00\x02k"), "field 1 of the entry is malformed"},
	    {BYTES(HEAD("\x00", "\x01", "\x00") "\x00\x00"), "field 1 of the entry is malformed"},
	    {BYTES(HEAD("\x00", "\x01", "\x00") "\x00\x01\""), "field 1 of the entry is malformed"},
	    {BYTES(HEAD("\x00", "\x03", "\x00") "\x00\x01k\x00\x01l\x01\x01k"),
		"the entry names the field \"k\" twice"},
	    {BYTES(HEAD("\x00", "\x01", "\x02") "\x00\x01k\x01"),
		"the entry has 1 bytes for 2 rows"},
	    {BYTES(HEAD("\x00", "\x01", "\x01") "\x00\x01k\x01\x01"),
		"the entry has 1 bytes behind its last row"},

	    /* tags */
	    {BYTES(ONE_TEXT "\x00"), NULL},
	    {BYTES(ONE_TEXT "\x01"), NULL},
	    {BYTES(ONE_TEXT "\x03"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x04"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x05"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x09"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x80"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\xff\xff\xff\xff\x1f"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x81\x80\x80\x80\x80\x00"), "row 1 of the entry is malformed"},

	    /* texts */
	    {BYTES(ONE_TEXT "\x02"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x02\x00"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x02\x02x"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x02\xff\xff\xff\xff\x0fx"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x02\x01\xff"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_TEXT "\x02\x01\x00"), "row 1 of the entry is malformed"},

	    /* numbers: 10^38 - 1 and 10^38, and the same below 0 */
	    {BYTES(ONE_OF("\x01") "\x02\x01\x00"), NULL},
	    {BYTES(ONE_OF("\x01") "\x02"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x01") "\x02\x00"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x01") "\x02\x02\x01"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x01") "\x02\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		"row 1 of the entry is malformed"},
	    {BYTES(
		 ONE_OF("\x01") "\x02\x10"
				"\xff\xff\xff\xff\x3f\x22\x8a\x09\x7a\xc4\x86\x5a\xa8\x4c\x3b\x4b"),
		NULL},
	    {BYTES(
		 ONE_OF("\x01") "\x02\x10"
				"\x00\x00\x00\x00\x40\x22\x8a\x09\x7a\xc4\x86\x5a\xa8\x4c\x3b\x4b"),
		"row 1 of the entry is malformed"},
	    {BYTES(
		 ONE_OF("\x01") "\x02\x10"
				"\x00\x00\x00\x00\xc0\xdd\x75\xf6\x85\x3b\x79\xa5\x57\xb3\xc4\xb4"),
		"row 1 of the entry is malformed"},

	    /* 2^63 and below -2^63 */
	    {BYTES(ONE_OF("\x02") "\x02\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00"),
		"row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x02") "\x02\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff"),
		"row 1 of the entry is malformed"},

	    /* booleans; the days before the year 1 and after 9999, and a microsecond out */
	    {BYTES(ONE_OF("\x03") "\x02\x02"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x03") "\x02"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x04") "\x02\x03\xa0\xc0\x2c"), NULL},
	    {BYTES(ONE_OF("\x04") "\x02\x03\xa1\xc0\x2c"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x04") "\x02\x03\xc6\x06\xf5"), NULL},
	    {BYTES(ONE_OF("\x04") "\x02\x03\xc5\x06\xf5"), "row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x05") "\x02\x08\xff\x5f\x73\xcc\x0c\x44\x84\x03"), NULL},
	    {BYTES(ONE_OF("\x05") "\x02\x08\x00\x60\x73\xcc\x0c\x44\x84\x03"),
		"row 1 of the entry is malformed"},
	    {BYTES(ONE_OF("\x05") "\x02\x08\x00\x40\xd4\x00\x01\x40\x23\xff"), NULL},
	    {BYTES(ONE_OF("\x05") "\x02\x08\xff\x3f\xd4\x00\x01\x40\x23\xff"),
		"row 1 of the entry is malformed"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum status status;
		struct value value;
		struct opened o;

		open_bytes(&o, cases[i].bytes, cases[i].len);
		status = o.status;
		while (status == OK)
			status = entry_next(&o.reader, &value, &o.err);
		if (status != (cases[i].why == NULL ? E_NOT_FOUND : E_INVALID))
			print_error("case %zu: %d %s\n", i, status, o.err.text);
		assert_int_equal(status, cases[i].why == NULL ? E_NOT_FOUND : E_INVALID);
		if (cases[i].why != NULL)
			assert_string_equal(o.err.text, cases[i].why);
		close_bytes(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_entry_is_these_bytes),
	    cmocka_unit_test(a_value_is_read_as_it_was_written),
	    cmocka_unit_test(an_entry_may_have_no_rows),
	    cmocka_unit_test(absent_values_take_no_room),
	    cmocka_unit_test(a_full_buffer_stays_failed),
	    cmocka_unit_test(bytes_that_break_the_form_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
