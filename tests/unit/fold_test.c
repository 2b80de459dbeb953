/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Net change: work/fold.h.  Random entries are folded and their changes written to a small table;
 * beside it the same rows are applied one by one, by the contract's words and nothing clever.
 */
#include "convert/entry.h"
#include "work/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ID, N, NOTE, CHANGED, FIELDS };

static const struct field fields[FIELDS] = {
    [ID] = {.name = "id", .type = FIELD_STRING},
    [N] = {.name = "n", .type = FIELD_INTEGER},
    [NOTE] = {.name = "note", .type = FIELD_STRING},
    [CHANGED] = {.name = "changed", .type = FIELD_DATE_TIME},
};

#define KEYS 6
#define ROWS 40

static const char *const key_texts[KEYS] = {"a", "b", "ab", "a b", "longer than eight", "ü"};
static const size_t key_lengths[KEYS] = {1, 1, 2, 3, 17, 2};
static const char *const notes[] = {"x", "yy", "a much longer note"};

static struct arena arena;
static struct err err;

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum status got_ = (call);                                                         \
		if (got_ != OK)                                                                    \
			fail_msg("%s: %s: %s", #call, status_name(got_), err.text);                \
	} while (0)

/* --- The model -------------------------------------------------------------------------------- */

struct cell {
	bool is_given;
	int64_t number; /* of a note: its place */
};

struct model_row {
	bool is_there;
	struct cell cells[FIELDS]; /* that of the key is not used */
};

/* One row of one entry. */
struct step {
	enum entry_kind kind;
	int64_t accepted_us;
	unsigned key;
	bool has[FIELDS]; /* else absent */
	struct cell cells[FIELDS];
};

static uint64_t seed;

static unsigned draw(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

static struct cell draw_cell(unsigned field)
{
	struct cell cell = {.is_given = draw(5) > 0};

	if (cell.is_given)
		cell.number = field == NOTE ? draw(3) : field == CHANGED ? draw(8) : draw(1000);
	return cell;
}

static bool earlier(struct cell a, struct cell b)
{
	return b.is_given && (!a.is_given || a.number < b.number);
}

static void apply_step(struct model_row table[KEYS], const struct step *step, bool has_version)
{
	struct model_row *row = &table[step->key];

	if (step->kind == ENTRY_DELETE) {
		struct cell now = {true, step->accepted_us};

		if (row->is_there && (!has_version || earlier(row->cells[CHANGED], now)))
			*row = (struct model_row){.is_there = false};
		return;
	}
	if (has_version && row->is_there && earlier(step->cells[CHANGED], row->cells[CHANGED]))
		return;
	if (step->kind == ENTRY_UPSERT || !row->is_there)
		*row = (struct model_row){.is_there = true};
	for (unsigned i = 1; i < FIELDS; i++) {
		if (step->has[i])
			row->cells[i] = step->cells[i];
	}
}

/* --- Entries ---------------------------------------------------------------------------------- */

static void put_cell(struct entry_writer *w, unsigned field, const struct step *step)
{
	struct value value = {.state = VALUE_GIVEN};

	if (field == ID) {
		value.text = (struct slice){key_texts[step->key], key_lengths[step->key]};
	} else if (!step->has[field]) {
		value.state = VALUE_ABSENT;
	} else if (!step->cells[field].is_given) {
		value.state = VALUE_NULL;
	} else if (field == NOTE) {
		value.text = slice_of(notes[step->cells[field].number]);
	} else {
		value.integer = step->cells[field].number;
	}
	entry_add_value(w, &value);
}

/* An entry of some rows; what they are goes into ${steps}, too. */
static struct slice draw_entry(struct step *steps, size_t count, bool has_version)
{
	static const unsigned orders[3][FIELDS] = {
	    {ID, N, NOTE, CHANGED}, {CHANGED, NOTE, ID, N}, {ID, CHANGED, NOTE, N}};
	const unsigned *order = orders[draw(3)];
	/* A schema that had fewer fields: without n, and without note. */
	size_t field_count = FIELDS - (order == orders[2] ? draw(3) : 0);
	enum entry_kind kind = (enum entry_kind)draw(3);
	const struct field *named[FIELDS];
	struct entry_writer w;
	struct buffer out;
	int64_t accepted_us = draw(8);
	struct slice bytes;

	if (kind == ENTRY_DELETE) {
		order = orders[0];
		field_count = 1;
	}
	for (size_t i = 0; i < field_count; i++)
		named[i] = &fields[order[i]];
	buffer_init(&out, 100000);
	entry_begin(&w, &out, kind, accepted_us, named, field_count);
	for (size_t r = 0; r < count; r++) {
		struct step *step = &steps[r];

		*step = (struct step){.kind = kind, .accepted_us = accepted_us, .key = draw(KEYS)};
		for (size_t i = 0; i < field_count; i++) {
			unsigned field = order[i];

			step->has[field] = kind == ENTRY_UPSERT || draw(2) > 0 ||
					   (has_version && field == CHANGED);
			step->cells[field] = draw_cell(field);
		}
		for (size_t i = 0; i < field_count; i++)
			put_cell(&w, order[i], step);
	}
	entry_end(&w);
	assert_false(out.failed);
	bytes = (struct slice){arena_copy(&arena, buffer_slice(&out)), out.len};
	buffer_fini(&out);
	return bytes;
}

/* --- From changes back to a table -------------------------------------------------------------- */

static unsigned key_of(struct slice text)
{
	for (unsigned i = 0; i < KEYS; i++) {
		if (slice_equals(text, (struct slice){key_texts[i], key_lengths[i]}))
			return i;
	}
	fail_msg("a key that nobody gave");
	return 0;
}

static struct cell cell_of(const struct batch *batch, unsigned field, size_t row)
{
	const struct batch_column *column = &batch->columns[field];
	struct cell cell = {.is_given = batch_is_valid(column, row)};

	if (!cell.is_given)
		return cell;
	if (field != NOTE) {
		cell.number = ((const int64_t *)column->values)[row];
		return cell;
	}
	while (!slice_is(((const struct slice *)column->values)[row], notes[cell.number]))
		cell.number++;
	return cell;
}

static void write_change(
    struct model_row table[KEYS], const struct fold_changes *changes, size_t row, bool seen[KEYS])
{
	const struct batch *batch = changes->batch;
	unsigned key = key_of(((const struct slice *)batch->columns[ID].values)[row]);
	struct model_row *stored = &table[key];
	enum lake_change change = changes->changes[row];

	assert_true(batch_is_valid(&batch->columns[ID], row));
	assert_false(seen[key]); /* each key once */
	seen[key] = true;
	assert_true(change != LAKE_MERGE || changes->given != NULL);
	if (change != LAKE_MERGE || !stored->is_there)
		*stored = (struct model_row){.is_there = change != LAKE_REMOVE};
	for (unsigned i = 1; i < FIELDS && change != LAKE_REMOVE; i++) {
		if (change == LAKE_REPLACE || (changes->given[i][row / 64] >> (row % 64) & 1))
			stored->cells[i] = cell_of(batch, i, row);
	}
}

static void versions_of(const struct model_row table[KEYS], const struct batch *const *batches,
    size_t count, struct lake_version *ret_versions)
{
	for (size_t b = 0; b < count; b++) {
		const struct slice *keys = batches[b]->columns[0].values;

		for (size_t r = 0; r < batches[b]->row_count; r++, ret_versions++) {
			const struct model_row *row = &table[key_of(keys[r])];

			*ret_versions = (struct lake_version){.is_there = row->is_there,
			    .is_null = row->is_there && !row->cells[CHANGED].is_given,
			    .us = row->cells[CHANGED].number};
		}
	}
}

static void assert_same(const struct model_row a[KEYS], const struct model_row b[KEYS])
{
	for (unsigned k = 0; k < KEYS; k++) {
		assert_int_equal(a[k].is_there, b[k].is_there);
		for (unsigned i = 1; i < FIELDS && a[k].is_there; i++) {
			assert_int_equal(a[k].cells[i].is_given, b[k].cells[i].is_given);
			if (a[k].cells[i].is_given)
				assert_int_equal(a[k].cells[i].number, b[k].cells[i].number);
		}
	}
}

/* --- Tests ------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static struct lake_table table_of(bool has_version)
{
	return (struct lake_table){.connector = "shop",
	    .object = "things",
	    .fields = fields,
	    .field_count = FIELDS,
	    .key_index = ID,
	    .has_version = has_version,
	    .version_index = CHANGED};
}

static void play_once(bool has_version)
{
	const struct lake_table table = table_of(has_version);
	struct model_row stored[KEYS] = {{.is_there = false}}, wanted[KEYS];
	struct lake_version versions[KEYS];
	struct step steps[ROWS];
	const struct batch *const *batches;
	struct fold_changes changes;
	bool seen[KEYS] = {false};
	struct fold *fold = NULL;
	size_t count, entries = 1 + draw(8);

	for (unsigned k = 0; k < KEYS; k++) {
		stored[k].is_there = draw(2) > 0;
		for (unsigned i = 1; i < FIELDS; i++)
			stored[k].cells[i] = draw_cell(i);
	}
	memcpy(wanted, stored, sizeof(stored));
	assert_ok(fold_create(&table, &arena, &fold, &err));
	for (size_t e = 0; e < entries; e++) {
		size_t rows = 1 + draw(5);

		assert_ok(fold_add(fold, draw_entry(steps, rows, has_version), &err));
		for (size_t r = 0; r < rows; r++)
			apply_step(wanted, &steps[r], has_version);
	}
	if (has_version) {
		assert_ok(fold_keys(fold, &batches, &count, &err));
		versions_of(stored, batches, count, versions);
	}
	fold_play(fold, has_version ? versions : NULL);
	while (fold_next(fold, &changes, &err) == OK) {
		for (size_t r = 0; r < changes.batch->row_count; r++)
			write_change(stored, &changes, r, seen);
	}
	assert_same(stored, wanted);
	fold_destroy(&fold);
	arena_reset(&arena);
}

static void folded_rows_do_what_they_do_one_by_one(void **state)
{
	(void)state;
	for (uint64_t game = 1; game < 20000; game++) {
		seed = game * 10;
		play_once(game % 2 == 0);
	}
}

/* An entry of one field that is a key of ${type}: each of the values twice, the second time in
 * another entry. */
static void count_keys(enum field_type type, const struct value *values, size_t count)
{
	const struct field key = {.name = "k", .type = type}, *named[] = {&key};
	const struct lake_table table = {.fields = &key, .field_count = 1};
	struct fold_changes changes;
	struct fold *fold = NULL;
	struct entry_writer w;
	struct buffer out[2];

	assert_ok(fold_create(&table, &arena, &fold, &err));
	for (int round = 0; round < 2; round++) {
		buffer_init(&out[round], 1000000);
		entry_begin(&w, &out[round], ENTRY_UPSERT, 0, named, 1);
		for (size_t i = 0; i < count; i++)
			entry_add_value(&w, &values[i]);
		entry_end(&w);
		assert_ok(fold_add(fold, buffer_slice(&out[round]), &err));
	}
	assert_int_equal(fold_row_count(fold), 2 * count);
	assert_int_equal(fold_key_count(fold), count);
	fold_play(fold, NULL);
	assert_ok(fold_next(fold, &changes, &err));
	assert_int_equal(changes.batch->row_count, count);
	assert_null(changes.given);
	assert_int_equal(fold_next(fold, &changes, &err), E_NOT_FOUND);
	fold_destroy(&fold);
	buffer_fini(&out[0]);
	buffer_fini(&out[1]);
}

#define GIVEN(member, x)                                                                           \
	{                                                                                          \
		.state = VALUE_GIVEN, .member = (x)                                                \
	}

static void keys_of_every_type_are_told_apart(void **state)
{
	const struct value texts[] = {GIVEN(text, SLICE("1")), GIVEN(text, SLICE("1 ")),
	    GIVEN(text, SLICE("12345678")), GIVEN(text, SLICE("12345678 "))};
	const struct value numbers[] = {
	    GIVEN(number, 0), GIVEN(number, 1), GIVEN(number, -1), GIVEN(number, (int128)1 << 64)};
	const struct value integers[] = {GIVEN(integer, 0), GIVEN(integer, 1),
	    GIVEN(integer, INT64_MIN), GIVEN(integer, INT64_C(1) << 32)};
	const struct value times[] = {GIVEN(integer, 0), GIVEN(integer, 1)};
	const struct value days[] = {GIVEN(days, 0), GIVEN(days, 1), GIVEN(days, -1)};
	const struct value booleans[] = {GIVEN(boolean, false), GIVEN(boolean, true)};

	(void)state;
	count_keys(FIELD_STRING, texts, 4);
	count_keys(FIELD_NUMBER, numbers, 4);
	count_keys(FIELD_INTEGER, integers, 4);
	count_keys(FIELD_DATE_TIME, times, 2);
	count_keys(FIELD_DATE, days, 3);
	count_keys(FIELD_BOOLEAN, booleans, 2);
}

static void changes_come_in_batches_and_lose_no_key(void **state)
{
	enum { COUNT = 3 * BATCH_ROWS + 7 };
	const struct field key = {.name = "k", .type = FIELD_INTEGER}, *named[] = {&key};
	const struct lake_table table = {.fields = &key, .field_count = 1};
	const struct batch *const *batches;
	struct fold_changes changes;
	struct fold *fold = NULL;
	struct entry_writer w;
	struct buffer out;
	size_t count;
	int64_t next = 0;

	(void)state;
	buffer_init(&out, 1000000);
	entry_begin(&w, &out, ENTRY_DELETE, 77, named, 1);
	for (int64_t i = 0; i < COUNT; i++)
		entry_add_value(&w, &(struct value)GIVEN(integer, i));
	entry_end(&w);
	assert_ok(fold_create(&table, &arena, &fold, &err));
	assert_int_equal(fold_accepted_us(fold), 0);
	assert_ok(fold_add(fold, buffer_slice(&out), &err));
	assert_int_equal(fold_accepted_us(fold), 77);
	assert_ok(fold_keys(fold, &batches, &count, &err));
	assert_int_equal(count, 4);
	assert_int_equal(batches[3]->row_count, 7);
	fold_play(fold, NULL);
	while (fold_next(fold, &changes, &err) == OK) {
		for (size_t r = 0; r < changes.batch->row_count; r++, next++) {
			assert_int_equal(
			    ((const int64_t *)changes.batch->columns[0].values)[r], next);
			assert_int_equal(changes.changes[r], LAKE_REMOVE);
		}
	}
	assert_int_equal(next, COUNT);
	fold_destroy(&fold);
	buffer_fini(&out);
}

/* What is no entry of this table is told, by what it is. */
static void what_does_not_fit_the_table_is_refused(void **state)
{
	const struct field stranger = {.name = "other", .type = FIELD_STRING};
	const struct field twisted = {.name = "n", .type = FIELD_STRING};
	const struct field *cases[][2] = {{&fields[ID], &stranger}, {&fields[ID], &twisted},
	    {&fields[NOTE], &fields[N]}, {&fields[ID], &fields[N]}};
	static const char *const says[] = {"no field \"other\"", "type string", "no key", "no key"};
	const struct lake_table table = table_of(false);
	struct value value = {.state = VALUE_NULL};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct fold *fold = NULL;
		struct entry_writer w;
		struct buffer out;

		buffer_init(&out, 1000);
		entry_begin(&w, &out, ENTRY_UPSERT, 0, cases[i], 2);
		entry_add_value(&w, &value);
		entry_add_value(&w, &value);
		entry_end(&w);
		assert_ok(fold_create(&table, &arena, &fold, &err));
		assert_int_equal(fold_add(fold, buffer_slice(&out), &err), E_INVALID);
		assert_non_null(strstr(err.text, says[i]));
		fold_destroy(&fold);
		assert_ok(fold_create(&table, &arena, &fold, &err));
		assert_int_equal(
		    fold_add(fold, (struct slice){out.ptr, out.len - 1}, &err), E_INVALID);
		fold_destroy(&fold);
		buffer_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		folded_rows_do_what_they_do_one_by_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(keys_of_every_type_are_told_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		changes_come_in_batches_and_lose_no_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		what_does_not_fit_the_table_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
