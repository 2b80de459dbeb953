/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Net change: see fold.h, and docs/DESIGN.md, "Exactly once", "Net change".
 *
 * Rows stay in their entries: of each there is a note of its place, its key and its version.  A key
 * has a place in a hash table, and a chain of the rows that make up its net change: one row for a
 * replacement, more where partial rows follow, none for a removal.  fold_add finds the keys,
 * fold_play follows each key's state row by row and ties the chains, fold_next reads the chained
 * rows a second time, into batches.  So the memory is that of the entries and some 150 bytes a row,
 * and no value is copied that is not written.
 *
 * The keys' hash has a seed, since strangers choose the keys.
 *
 * Not here: reading the journal, asking the lake, and how large a batch may be (applier.c).
 */
#include "work/fold.h"

#include "base/clock.h"
#include "convert/entry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE      UINT32_MAX
#define SLOTS_MIN 256

struct fold_entry {
	struct entry_reader reader; /* before its first row */
	const uint32_t *columns;    /* of the table, for each of its fields */
};

/* Of a row or of what is stored; one that is not given is earlier than any that is. */
struct version {
	bool is_given;
	int64_t us;
};

struct fold_row {
	uint32_t entry;
	uint32_t key;
	struct slice rest; /* of the entry, from this row on */
	struct version version;
	uint32_t next; /* in the chain of its key */
};

struct fold_key {
	struct value value;
	uint64_t hash;
	uint32_t first, last; /* the chain */
	bool is_changed;
	enum lake_change change;
	enum { ROW_UNKNOWN, ROW_ABSENT, ROW_THERE } row; /* in the table, at this point */
	struct version version;                          /* of a row that is there */
};

struct fold {
	const struct lake_table *table;
	struct arena *arena;
	uint64_t seed;

	struct fold_entry *entries;
	struct fold_row *rows;
	struct fold_key *keys;
	size_t entry_count, entry_room, row_count, row_room, key_count, key_room;
	uint32_t *slots; /* keys by hash; NONE: free */
	size_t slot_count;
	struct value *values; /* of one row: as many as the widest entry has fields */
	size_t value_room;

	struct batch **key_batches;
	size_t key_batch_count;

	size_t next_key; /* fold_next's */
	struct batch *batch;
	enum lake_change *changes;
	uint64_t (*given)[BATCH_ROWS / 64];
};

/* --- Life ------------------------------------------------------------------------------------- */

enum status fold_create(
    const struct lake_table *table, struct arena *arena, struct fold **ret_fold, struct err *err)
{
	struct fold *fold = calloc(1, sizeof(*fold));

	if (fold == NULL)
		return err_set(err, E_NOMEM, "no memory for a fold");
	fold->table = table;
	fold->arena = arena;
	fold->seed = (uint64_t)clock_mono_us() ^ (uint64_t)(uintptr_t)fold;
	*ret_fold = fold;
	return OK;
}

void fold_destroy(struct fold **fold_ptr)
{
	struct fold *fold = *fold_ptr;

	if (fold == NULL)
		return;
	for (size_t i = 0; i < fold->key_batch_count; i++)
		batch_destroy(&fold->key_batches[i]);
	free(fold->key_batches);
	batch_destroy(&fold->batch);
	free(fold->changes);
	free(fold->given);
	free(fold->entries);
	free(fold->rows);
	free(fold->keys);
	free(fold->slots);
	free(fold->values);
	free(fold);
	*fold_ptr = NULL;
}

/* ${array} with room for one more than ${count}; NULL when there is no memory, and it stays. */
static void *grow(void *array, size_t count, size_t *room, size_t bytes)
{
	size_t more = *room == 0 ? 64 : *room * 2;
	void *larger;

	if (count < *room)
		return array;
	assert(more < NONE);
	larger = realloc(array, more * bytes);
	if (larger != NULL)
		*room = more;
	return larger;
}

static enum status no_memory(struct err *err)
{
	return err_set(err, E_NOMEM, "no memory to fold entries");
}

/* --- Keys ------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint128 product = (uint128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b | 1);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(uint64_t hash, const char *p, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		hash = mix(hash ^ word, UINT64_C(0xd6e8feb86659fd93));
	}
	word = len;
	if (len > 0)
		memcpy((char *)&word + 1, p, len); /* at most seven bytes, beside their number */
	return mix(hash ^ word, UINT64_C(0xa0761d6478bd642f));
}

static uint64_t hash_key(uint64_t seed, enum field_type type, const struct value *key)
{
	switch (type) {
	case FIELD_STRING:
		return hash_bytes(seed, key->text.ptr, key->text.len);
	case FIELD_NUMBER:
		return hash_bytes(seed, (const char *)&key->number, sizeof(key->number));
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return hash_bytes(seed, (const char *)&key->integer, sizeof(key->integer));
	case FIELD_DATE:
		return hash_bytes(seed, (const char *)&key->days, sizeof(key->days));
	case FIELD_BOOLEAN:
		return mix(seed, key->boolean ? 3 : 5);
	}
	assert(false && "a field type");
	return 0;
}

static bool keys_equal(enum field_type type, const struct value *a, const struct value *b)
{
	switch (type) {
	case FIELD_STRING:
		return slice_equals(a->text, b->text);
	case FIELD_NUMBER:
		return a->number == b->number;
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return a->integer == b->integer;
	case FIELD_DATE:
		return a->days == b->days;
	case FIELD_BOOLEAN:
		return a->boolean == b->boolean;
	}
	assert(false && "a field type");
	return false;
}

/* At most half of the slots are in use, so a free one is near. */
static enum status make_slots(struct fold *fold, struct err *err)
{
	size_t count = fold->slot_count == 0 ? SLOTS_MIN : fold->slot_count * 2;
	uint32_t *slots;

	if (fold->key_count * 2 < fold->slot_count)
		return OK;
	slots = malloc(count * sizeof(*slots));
	if (slots == NULL)
		return no_memory(err);
	memset(slots, 0xff, count * sizeof(*slots)); /* NONE */
	for (size_t i = 0; i < fold->key_count; i++) {
		size_t at = fold->keys[i].hash & (count - 1);

		while (slots[at] != NONE)
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i;
	}
	free(fold->slots);
	fold->slots = slots;
	fold->slot_count = count;
	return OK;
}

/* The key's place among the keys; a new one when it was not there. */
static enum status find_key(
    struct fold *fold, const struct value *value, uint32_t *ret_key, struct err *err)
{
	enum field_type type = fold->table->fields[fold->table->key_index].type;
	uint64_t hash = hash_key(fold->seed, type, value);
	struct fold_key *keys;
	enum status st = make_slots(fold, err);
	size_t at;

	if (st != OK)
		return st;
	at = hash & (fold->slot_count - 1);
	for (; fold->slots[at] != NONE; at = (at + 1) & (fold->slot_count - 1)) {
		const struct fold_key *key = &fold->keys[fold->slots[at]];

		if (key->hash == hash && keys_equal(type, &key->value, value)) {
			*ret_key = fold->slots[at];
			return OK;
		}
	}
	keys = grow(fold->keys, fold->key_count, &fold->key_room, sizeof(*keys));
	if (keys == NULL)
		return no_memory(err);
	fold->keys = keys;
	keys[fold->key_count] =
	    (struct fold_key){.value = *value, .hash = hash, .first = NONE, .last = NONE};
	*ret_key = fold->slots[at] = (uint32_t)fold->key_count++;
	return OK;
}

/* --- Adding ----------------------------------------------------------------------------------- */

/* Which column of the table each of the entry's fields is.  An entry is written in the schema's
 * order, and a schema only grows, so the next field is mostly the next column. */
static enum status match_fields(
    struct fold *fold, const struct entry_reader *reader, uint32_t *columns, struct err *err)
{
	const struct lake_table *table = fold->table;
	size_t column = 0;

	for (size_t i = 0; i < reader->field_count; i++) {
		struct slice name = reader->fields[i].name;
		size_t looked = 0;

		for (; looked < table->field_count; looked++, column++) {
			if (column == table->field_count)
				column = 0;
			if (slice_is(name, table->fields[column].name))
				break;
		}
		if (looked == table->field_count)
			return err_set(
			    err, E_INVALID, "the table has no field \"%.*s\"", SLICE_ARGS(name));
		if (table->fields[column].type != reader->fields[i].type)
			return err_set(err, E_INVALID,
			    "the field \"%.*s\" is of type %s, the table's of type %s",
			    SLICE_ARGS(name), field_type_name(reader->fields[i].type),
			    field_type_name(table->fields[column].type));
		columns[i] = (uint32_t)column++;
	}
	return OK;
}

/* Make room for an entry with its values, and open it. */
static enum status open_entry(struct fold *fold, struct slice bytes, struct err *err)
{
	struct fold_entry *entries =
	    grow(fold->entries, fold->entry_count, &fold->entry_room, sizeof(*entries));
	struct fold_entry *entry;
	struct value *values;
	uint32_t *columns;
	enum status st;

	if (entries == NULL)
		return no_memory(err);
	fold->entries = entries;
	entry = &entries[fold->entry_count];
	st = entry_open(&entry->reader, bytes, fold->arena, err);
	if (st != OK)
		return st;
	columns = arena_array(fold->arena, entry->reader.field_count, sizeof(*columns));
	if (columns == NULL)
		return no_memory(err);
	entry->columns = columns;
	if (entry->reader.field_count > fold->value_room) {
		values = realloc(fold->values, entry->reader.field_count * sizeof(*values));
		if (values == NULL)
			return no_memory(err);
		fold->values = values;
		fold->value_room = entry->reader.field_count;
	}
	st = match_fields(fold, &entry->reader, columns, err);
	if (st == OK)
		fold->entry_count++;
	return st;
}

/* Note a row, whose values were read. */
static enum status add_row(struct fold *fold, struct slice rest, const struct value *key,
    struct version version, struct err *err)
{
	struct fold_row *rows = grow(fold->rows, fold->row_count, &fold->row_room, sizeof(*rows));
	uint32_t key_index = NONE;
	enum status st;

	if (rows == NULL)
		return no_memory(err);
	fold->rows = rows;
	if (key == NULL || key->state != VALUE_GIVEN)
		return err_set(err, E_INVALID, "a row of the entry has no key");
	st = find_key(fold, key, &key_index, err);
	if (st != OK)
		return st;
	rows[fold->row_count++] = (struct fold_row){.entry = (uint32_t)(fold->entry_count - 1),
	    .key = key_index,
	    .rest = rest,
	    .version = version,
	    .next = NONE};
	return OK;
}

/* The value of a column, of the row that was read; NULL: the entry does not have it. */
static const struct value *value_of(
    const struct fold *fold, const struct fold_entry *entry, size_t column)
{
	for (size_t i = 0; i < entry->reader.field_count; i++) {
		if (entry->columns[i] == column)
			return &fold->values[i];
	}
	return NULL;
}

static struct version version_of(const struct fold_entry *entry, const struct value *value)
{
	if (entry->reader.kind == ENTRY_DELETE)
		return (struct version){true, entry->reader.accepted_us};
	if (value == NULL || value->state != VALUE_GIVEN)
		return (struct version){.is_given = false};
	return (struct version){true, value->integer};
}

enum status fold_add(struct fold *fold, struct slice bytes, struct err *err)
{
	const struct fold_entry *entry;
	const struct value *key, *version = NULL;
	struct entry_reader reader;
	struct slice rest;
	enum status st = open_entry(fold, bytes, err);

	if (st != OK)
		return st;
	entry = &fold->entries[fold->entry_count - 1];
	/* The values lie at the same places for all rows. */
	key = value_of(fold, entry, fold->table->key_index);
	if (fold->table->has_version)
		version = value_of(fold, entry, fold->table->version_index);
	reader = entry->reader;
	for (;;) {
		rest = reader.rest;
		st = entry_next(&reader, fold->values, err);
		if (st == E_NOT_FOUND)
			return OK;
		if (st == OK)
			st = add_row(fold, rest, key, version_of(entry, version), err);
		if (st != OK)
			return st;
	}
}

size_t fold_row_count(const struct fold *fold)
{
	return fold->row_count;
}

size_t fold_key_count(const struct fold *fold)
{
	return fold->key_count;
}

int64_t fold_accepted_us(const struct fold *fold)
{
	return fold->entry_count == 0 ? 0 : fold->entries[fold->entry_count - 1].reader.accepted_us;
}

/* --- Batches ---------------------------------------------------------------------------------- */

static void put_value(struct batch_column *column, size_t row, const struct value *value)
{
	if (value->state != VALUE_GIVEN) {
		column->valid[row / 64] &= ~(UINT64_C(1) << (row % 64));
		return;
	}
	batch_set_valid(column, row);
	switch (column->type) {
	case FIELD_STRING:
		((struct slice *)column->values)[row] = value->text;
		break;
	case FIELD_NUMBER:
		((int128 *)column->values)[row] = value->number;
		break;
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		((int64_t *)column->values)[row] = value->integer;
		break;
	case FIELD_BOOLEAN:
		((bool *)column->values)[row] = value->boolean;
		break;
	case FIELD_DATE:
		((int32_t *)column->values)[row] = value->days;
		break;
	}
}

enum status fold_keys(
    struct fold *fold, const struct batch *const **ret_batches, size_t *ret_count, struct err *err)
{
	const enum field_type type = fold->table->fields[fold->table->key_index].type;
	size_t count = (fold->key_count + BATCH_ROWS - 1) / BATCH_ROWS;
	enum status st = OK;

	assert(fold->key_batches == NULL);
	fold->key_batches = calloc(count + 1, sizeof(*fold->key_batches));
	if (fold->key_batches == NULL)
		return no_memory(err);
	while (st == OK && fold->key_batch_count < count) {
		st = batch_create(&type, 1, &fold->key_batches[fold->key_batch_count], err);
		if (st == OK)
			fold->key_batch_count++;
	}
	for (size_t i = 0; st == OK && i < fold->key_count; i++) {
		struct batch *batch = fold->key_batches[i / BATCH_ROWS];

		put_value(&batch->columns[0], batch->row_count++, &fold->keys[i].value);
	}
	if (st != OK)
		return st;
	*ret_batches = (const struct batch *const *)fold->key_batches;
	*ret_count = count;
	return OK;
}

/* --- Playing ---------------------------------------------------------------------------------- */

static bool is_earlier(struct version a, struct version b)
{
	return b.is_given && (!a.is_given || a.us < b.us);
}

/* Does the row do anything, with its key's row as it is at this point? */
static bool lands(const struct fold *fold, const struct fold_key *key, const struct fold_row *row)
{
	if (!fold->table->has_version)
		return true;
	if (fold->entries[row->entry].reader.kind == ENTRY_DELETE)
		return key->row == ROW_THERE && is_earlier(key->version, row->version);
	return key->row != ROW_THERE || !is_earlier(row->version, key->version);
}

/* The net change becomes this one, made of ${row} alone (NONE: of no row). */
static void set_change(struct fold_key *key, enum lake_change change, uint32_t row)
{
	key->is_changed = true;
	key->change = change;
	key->first = key->last = row;
}

static void play_row(struct fold *fold, uint32_t index)
{
	struct fold_row *row = &fold->rows[index];
	struct fold_key *key = &fold->keys[row->key];

	if (!lands(fold, key, row))
		return;
	switch (fold->entries[row->entry].reader.kind) {
	case ENTRY_DELETE:
		set_change(key, LAKE_REMOVE, NONE);
		key->row = ROW_ABSENT;
		return;
	case ENTRY_UPSERT:
		set_change(key, LAKE_REPLACE, index);
		break;
	case ENTRY_PARTIAL:
		/* A row that is known to be absent has nothing to be kept. */
		if (key->row == ROW_ABSENT) {
			set_change(key, LAKE_REPLACE, index);
		} else if (!key->is_changed) {
			set_change(key, LAKE_MERGE, index);
		} else {
			fold->rows[key->last].next = index;
			key->last = index;
		}
		break;
	}
	key->row = ROW_THERE;
	key->version = row->version;
}

void fold_play(struct fold *fold, const struct lake_version *versions)
{
	assert((versions != NULL) == fold->table->has_version);
	for (size_t i = 0; i < fold->key_count && versions != NULL; i++) {
		fold->keys[i].row = versions[i].is_there ? ROW_THERE : ROW_ABSENT;
		fold->keys[i].version = (struct version){!versions[i].is_null, versions[i].us};
	}
	for (size_t i = 0; i < fold->row_count; i++)
		play_row(fold, (uint32_t)i);
}

/* --- Changes ---------------------------------------------------------------------------------- */

static enum status make_batch(struct fold *fold, struct err *err)
{
	size_t count = fold->table->field_count;
	enum field_type *types;

	if (fold->batch != NULL)
		return OK;
	types = arena_array(fold->arena, count, sizeof(*types));
	fold->changes = calloc(BATCH_ROWS, sizeof(*fold->changes));
	fold->given = calloc(count, sizeof(*fold->given));
	if (types == NULL || fold->changes == NULL || fold->given == NULL)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		types[i] = fold->table->fields[i].type;
	return batch_create(types, count, &fold->batch, err);
}

static void mark_given(struct fold *fold, size_t column, size_t row)
{
	fold->given[column][row / 64] |= UINT64_C(1) << (row % 64);
}

/* The values of a row of the chain, over those of the rows before it. */
static enum status put_row(
    struct fold *fold, const struct fold_row *row, size_t at, struct err *err)
{
	const struct fold_entry *entry = &fold->entries[row->entry];
	struct entry_reader reader = entry->reader;
	enum status st;

	reader.rest = row->rest;
	st = entry_next(&reader, fold->values, err);
	for (size_t i = 0; st == OK && i < reader.field_count; i++) {
		if (fold->values[i].state == VALUE_ABSENT)
			continue;
		put_value(&fold->batch->columns[entry->columns[i]], at, &fold->values[i]);
		mark_given(fold, entry->columns[i], at);
	}
	return st;
}

static enum status put_key(struct fold *fold, const struct fold_key *key, struct err *err)
{
	size_t at = fold->batch->row_count++;
	enum status st = OK;

	fold->changes[at] = key->change;
	put_value(&fold->batch->columns[fold->table->key_index], at, &key->value);
	mark_given(fold, fold->table->key_index, at);
	for (uint32_t row = key->first; st == OK && row != NONE; row = fold->rows[row].next)
		st = put_row(fold, &fold->rows[row], at, err);
	return st;
}

enum status fold_next(struct fold *fold, struct fold_changes *ret_changes, struct err *err)
{
	bool has_merge = false;
	enum status st = make_batch(fold, err);

	if (st != OK)
		return st;
	batch_reset(fold->batch);
	memset(fold->given, 0, fold->table->field_count * sizeof(*fold->given));
	for (; st == OK && fold->next_key < fold->key_count; fold->next_key++) {
		const struct fold_key *key = &fold->keys[fold->next_key];

		if (fold->batch->row_count == BATCH_ROWS)
			break;
		if (!key->is_changed)
			continue;
		has_merge = has_merge || key->change == LAKE_MERGE;
		st = put_key(fold, key, err);
	}
	if (st != OK)
		return st;
	if (fold->batch->row_count == 0)
		return err_set(err, E_NOT_FOUND, "there are no more changes");
	*ret_changes = (struct fold_changes){.batch = fold->batch,
	    .changes = fold->changes,
	    .given = has_merge ? (const uint64_t(*)[BATCH_ROWS / 64]) fold->given : NULL};
	return OK;
}
