/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an entry: refused, or read to values that may be, which, written again, are an entry
 * that says the same.  (Not always the same bytes: a number may have been longer than it had to be.)
 */
#include "convert/entry.h"

#include "base/arena.h"
#include "convert/value.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "entry: %s\n", what);
	abort();
}

static void check_value(enum field_type type, const struct value *value)
{
	const int128 ten_to_19 = INT64_C(1000000000000000000) * (int128)10;

	if (value->state != VALUE_GIVEN)
		return;
	if (type == FIELD_STRING)
		check(value->text.len > 0 && value_string(value->text) == REJECT_NONE, "a text");
	if (type == FIELD_NUMBER)
		check(
		    value->number / ten_to_19 < ten_to_19 && value->number / ten_to_19 > -ten_to_19,
		    "a number");
	if (type == FIELD_DATE)
		check(value->days >= -719162 && value->days <= 2932896, "a date");
	if (type == FIELD_DATE_TIME)
		check(value->integer >= INT64_C(-62135596800000000) &&
			  value->integer <= INT64_C(253402300799999999),
		    "a date-time");
}

/* Write what is read into ${out}; the status that reading ended with. */
static enum status copy(struct entry_reader *reader, struct arena *arena, struct buffer *out)
{
	size_t count = reader->field_count;
	struct field *fields = arena_array(arena, count, sizeof(*fields));
	const struct field **pointers = arena_array(arena, count, sizeof(struct field *));
	struct value *values = arena_array(arena, count, sizeof(*values));
	struct entry_writer w;
	struct err err;
	enum status status;

	check(fields != NULL && pointers != NULL && values != NULL, "memory");
	for (size_t i = 0; i < count; i++) {
		fields[i] = (struct field){.name = arena_copy(arena, reader->fields[i].name),
		    .type = reader->fields[i].type};
		pointers[i] = &fields[i];
	}
	entry_begin(&w, out, reader->kind, reader->accepted_us, pointers, count);
	while ((status = entry_next(reader, values, &err)) == OK) {
		for (size_t i = 0; i < count; i++) {
			check_value(fields[i].type, &values[i]);
			entry_add_value(&w, &values[i]);
		}
	}
	entry_end(&w);
	check(!out->failed, "more memory");
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer once, twice;
	struct entry_reader reader;
	struct arena arena;
	enum status status;
	struct err err;

	arena_init(&arena, 4096);
	buffer_init(&once, (size_t)1 << 26);
	buffer_init(&twice, (size_t)1 << 26);
	if (entry_open(&reader, (struct slice){(const char *)data, size}, &arena, &err) != OK)
		goto out;
	status = copy(&reader, &arena, &once);
	check(status == E_NOT_FOUND || status == E_INVALID, "the end");
	if (status == E_NOT_FOUND)
		check(once.len <= size, "an entry that grew");
	check(entry_open(&reader, buffer_slice(&once), &arena, &err) == OK, err.text);
	check(copy(&reader, &arena, &twice) == E_NOT_FOUND, "its copy");
	check(slice_equals(buffer_slice(&once), buffer_slice(&twice)), "a copy of a copy");
out:
	buffer_fini(&once);
	buffer_fini(&twice);
	arena_fini(&arena);
	return 0;
}
