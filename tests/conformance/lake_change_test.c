/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lake's contract (src/lake/lake.h) of net changes, positions and stored versions, promise by
 * promise.
 */
#include "lake_fixture.h"

#include "base/thread.h"

#include <stdatomic.h>

/* --- Helpers ---------------------------------------------------------------------------------- */

/* In the place of a value: this one is not given. */
static const char not_given[] = "not given";

struct change {
	enum lake_change kind;
	row values;
};

/* C17 adds no const to an array behind a pointer by itself. */
#define BITS(given) ((const uint64_t(*)[BATCH_ROWS / 64])(given))

#define REPLACE(...)                                                                               \
	{                                                                                          \
		LAKE_REPLACE,                                                                      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define MERGE(...)                                                                                 \
	{                                                                                          \
		LAKE_MERGE,                                                                        \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define REMOVE(...)                                                                                \
	{                                                                                          \
		LAKE_REMOVE,                                                                       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static struct lake_load *begin(struct lake *lake, const struct lake_table *table)
{
	struct lake_load *load = NULL;
	struct err err;

	if (lake_load_begin(lake, table, LAKE_CHANGE, &load, &err) != OK)
		fail_msg("%s", err.text);
	return load;
}

/* One batch; with bits of what is given only when it has a merge. */
static void append_changes(
    struct lake_load *load, struct batch *batch, const struct change *changes, size_t count)
{
	enum lake_change kinds[BATCH_ROWS];
	uint64_t given[COLUMNS_MAX][BATCH_ROWS / 64] = {0};
	bool has_merges = false;
	struct err err;

	batch_reset(batch);
	for (size_t i = 0; i < count; i++) {
		kinds[i] = changes[i].kind;
		has_merges = has_merges || kinds[i] == LAKE_MERGE;
		for (size_t j = 0; j < batch->column_count; j++) {
			if (changes[i].values[j] == not_given)
				continue;
			put_value(&batch->columns[j], i, changes[i].values[j]);
			if (kinds[i] == LAKE_MERGE)
				given[j][i / 64] |= UINT64_C(1) << (i % 64);
		}
	}
	batch->row_count = count;
	if (lake_load_append_changes(load, batch, kinds, has_merges ? BITS(given) : NULL, &err) !=
	    OK)
		fail_msg("%s", err.text);
}

static struct lake_load *begin_changes(
    struct lake *lake, const struct lake_table *table, const struct change *changes, size_t count)
{
	struct batch *batch = make_batch(table, LAKE_CHANGE);
	struct lake_load *load = begin(lake, table);

	for (size_t first = 0; first < count; first += BATCH_ROWS)
		append_changes(load, batch, changes + first,
		    count - first < BATCH_ROWS ? count - first : BATCH_ROWS);
	batch_destroy(&batch);
	return load;
}

static enum status try_change(struct lake *lake, const struct lake_table *table,
    const struct change *changes, size_t count, const char *journal, int64_t from, int64_t to,
    struct err *err)
{
	struct lake_load *load = begin_changes(lake, table, changes, count);
	enum status status = lake_load_commit_position(&load, journal, from, to, err);

	assert_null(load);
	return status;
}

static void change(struct lake *lake, const struct lake_table *table, const struct change *changes,
    size_t count, int64_t from, int64_t to)
{
	struct err err;

	if (try_change(lake, table, changes, count, "log", from, to, &err) != OK)
		fail_msg("%s", err.text);
}

static int64_t position_of(struct lake *lake, const char *journal)
{
	int64_t position = -1;
	struct err err;

	if (lake_position_get(lake, journal, &position, &err) != OK)
		fail_msg("%s", err.text);
	return position;
}

/* --- Rows ------------------------------------------------------------------------------------- */

static const row stored_rows[] = {{"old", "a", "50"}, {"old", "b", "50"}, {NULL, "c", NULL}};

static void store(struct lake *lake, const struct lake_table *table)
{
	ensure(lake, table);
	load_rows(lake, table, LAKE_UPSERT, "j1", stored_rows, COUNT(stored_rows));
}

#define WHOLE "SELECT id, text, epoch_us(changed) FROM shop.plain ORDER BY id, text"

static void a_replacement_takes_the_place_of_the_stored_row(void **context)
{
	struct state *state = *context;
	static const struct change changes[] = {
	    REPLACE("new", "b", NULL), REPLACE(NULL, "d", "70"), REPLACE("", "", "1")};

	store(state->lake, &plain);
	change(state->lake, &plain, changes, COUNT(changes), 0, 10);
	check(state->lake, WHOLE, "||1\na|old|50\nb|new|~\nc|~|~\nd|~|70\n");
}

static void a_merge_keeps_what_is_not_given(void **context)
{
	struct state *state = *context;
	static const struct change changes[] = {
	    MERGE("new", "a", not_given), MERGE(not_given, "b", NULL), MERGE(not_given, "c", "60")};

	store(state->lake, &plain);
	change(state->lake, &plain, changes, COUNT(changes), 0, 10);
	check(state->lake, WHOLE, "a|new|50\nb|old|~\nc|~|60\n");
}

static void a_merge_without_a_stored_row_is_new(void **context)
{
	struct state *state = *context;
	static const struct change changes[] = {
	    MERGE("new", "d", not_given), MERGE(not_given, "e", "60"), MERGE(NULL, "f", NULL)};

	store(state->lake, &plain);
	change(state->lake, &plain, changes, COUNT(changes), 0, 10);
	check(state->lake, WHOLE, "a|old|50\nb|old|50\nc|~|~\nd|new|~\ne|~|60\nf|~|~\n");
}

static void a_removal_takes_the_row_and_no_other(void **context)
{
	struct state *state = *context;
	static const struct change changes[] = {
	    REMOVE(NULL, "a", NULL), REMOVE("new", "b", "99"), REMOVE("new", "x", "99")};

	store(state->lake, &plain);
	change(state->lake, &plain, changes, COUNT(changes), 0, 10);
	check(state->lake, WHOLE, "c|~|~\n");
}

/* In a batch with a merge the values of other rows need no bits. */
static void all_kinds_come_in_one_batch(void **context)
{
	struct state *state = *context;
	static const struct change changes[] = {REPLACE("new", "a", NULL), REMOVE("new", "b", "9"),
	    MERGE("new", "c", not_given), REPLACE(NULL, "d", "70"), REMOVE("new", "x", "9"),
	    MERGE(not_given, "e", "60")};

	store(state->lake, &plain);
	change(state->lake, &plain, changes, COUNT(changes), 0, 10);
	check(state->lake, WHOLE, "a|new|~\nc|new|~\nd|~|70\ne|~|60\n");
}

/* Versions were compared by the caller. */
static void an_older_version_takes_its_place_too(void **context)
{
	struct state *state = *context;
	static const struct change replacements[] = {
	    REPLACE("new", "a", "1"), REPLACE("new", "c", NULL)};
	static const struct change merge[] = {MERGE("new", "b", "1")};

	store(state->lake, &versioned);
	change(state->lake, &versioned, replacements, COUNT(replacements), 0, 10);
	change(state->lake, &versioned, merge, 1, 10, 20);
	check(state->lake, ALL_VERSIONED, "a|new|1\nb|new|1\nc|new|~\n");
}

static void every_type_is_merged(void **context)
{
	struct state *state = *context;
	static const row rows[] = {
	    {"a", "12500000000000000000", "42", "true", "18788", "1623331544784000"},
	    {"b", "12500000000000000000", "42", "true", "18788", "1623331544784000"},
	    {"c", "12500000000000000000", "42", "true", "18788", "1623331544784000"}};
	static const struct change changes[] = {
	    MERGE("a", "-1", not_given, "false", not_given, "0"),
	    MERGE("b", not_given, "-7", not_given, "0", not_given),
	    MERGE("c", NULL, not_given, NULL, NULL, not_given),
	    MERGE("d", "-1", not_given, "false", not_given, "0")};

	ensure(state->lake, &all_types);
	load_rows(state->lake, &all_types, LAKE_UPSERT, "j1", rows, COUNT(rows));
	change(state->lake, &all_types, changes, COUNT(changes), 0, 10);
	check(state->lake, "SELECT * FROM shop.all_types ORDER BY id",
	    "a|-0.000000000000000001|42|false|2021-06-10|1970-01-01T00:00:00.000Z\n"
	    "b|12.500000000000000000|-7|true|1970-01-01|2021-06-10T13:25:44.784Z\n"
	    "c|~|42|~|~|2021-06-10T13:25:44.784Z\n"
	    "d|-0.000000000000000001|~|false|~|1970-01-01T00:00:00.000Z\n");
}

static void a_key_of_any_type_is_found(void **context)
{
	struct state *state = *context;
	/* Two keys that are stored, one to be merged and one to be removed, and a third that is not
	 * there; true and false are all that a boolean has. */
	static const char *const keys[COUNT(all_fields)][3] = {
	    {"a text of more than twelve bytes", "short", ""},
	    {"1", "99999999999999999999999999999999999999", "-1"},
	    {"9223372036854775807", "0", "-9223372036854775808"}, {"true", "false", NULL},
	    {"-719162", "0", "2932896"}, {"253402300799999999", "-1", "0"}};

	for (size_t i = 0; i < COUNT(all_fields); i++) {
		struct field fields[] = {all_fields[i], {.name = "v", .type = FIELD_INTEGER},
		    {.name = "w", .type = FIELD_INTEGER}};
		struct lake_table table = {.connector = "keys",
		    .object = all_fields[i].name,
		    .fields = fields,
		    .field_count = COUNT(fields)};
		const row rows[] = {{keys[i][0], "1", "2"}, {keys[i][1], "1", "2"}};
		const struct change changes[] = {MERGE(keys[i][0], not_given, "3"),
		    REMOVE(keys[i][1], NULL, NULL), REPLACE(keys[i][2], "5", "6")};
		char sql[100];

		ensure(state->lake, &table);
		load_rows(state->lake, &table, LAKE_UPSERT, fields[0].name, rows, COUNT(rows));
		change(state->lake, &table, changes, keys[i][2] == NULL ? 2 : 3, (int64_t)i * 10,
		    (int64_t)i * 10 + 10);
		snprintf(sql, sizeof(sql), "SELECT v, w FROM keys.%s ORDER BY v", fields[0].name);
		check(state->lake, sql, keys[i][2] == NULL ? "1|3\n" : "1|3\n5|6\n");
	}
}

static void a_field_may_have_any_name(void **context)
{
	struct state *state = *context;
	/* Among them the names that the engine has, or that we have in our statements. */
	static const struct field fields[] = {{.name = "RowId", .type = FIELD_STRING},
	    {.name = "seq", .type = FIELD_STRING}, {.name = "kind", .type = FIELD_INTEGER},
	    {.name = "g2", .type = FIELD_INTEGER}, {.name = "c0", .type = FIELD_INTEGER}};
	struct lake_table table = {
	    .connector = "shop", .object = "named", .fields = fields, .field_count = COUNT(fields)};
	static const row rows[] = {
	    {"r1", "s1", "1", "1", "1"}, {"r1", "s2", "2", "2", "2"}, {"r1", "s3", "3", "3", "3"}};
	static const struct change changes[] = {MERGE("r9", "s1", not_given, "9", not_given),
	    REMOVE(NULL, "s2"), REPLACE("r4", "s4", "4", "4", "4")};

	for (size_t first = 0; first < 2; first++) {
		/* Then without the field that the engine has as well. */
		table.fields = fields + first;
		table.field_count = COUNT(fields) - first;
		table.key_index = 1 - first;
		table.object = first == 0 ? "with_rowid" : "without";
		ensure(state->lake, &table);
		for (size_t i = 0; i < COUNT(rows); i++) {
			row values = {0};
			char job[32];

			memcpy(values, rows[i] + first, table.field_count * sizeof(values[0]));
			snprintf(job, sizeof(job), "j%zu-%zu", first, i);
			load_rows(state->lake, &table, LAKE_UPSERT, job, (const row *)&values, 1);
		}
		for (size_t i = 0; i < COUNT(changes); i++) {
			struct change one = {changes[i].kind, {0}};
			int64_t from = (int64_t)(first * 10 + i);

			memcpy(one.values, changes[i].values + first,
			    table.field_count * sizeof(one.values[0]));
			change(state->lake, &table, &one, 1, from,
			    from + (i + 1 == COUNT(changes) ? 8 : 1));
		}
	}
	check(state->lake, "SELECT * FROM shop.with_rowid ORDER BY seq",
	    "r9|s1|1|9|1\nr1|s3|3|3|3\nr4|s4|4|4|4\n");
	check(state->lake, "SELECT * FROM shop.without ORDER BY seq",
	    "s1|1|9|1\ns3|3|3|3\ns4|4|4|4\n");
}

/* Row i of 5,000: a third replaced, a third merged, a third removed, each with another value; the
 * second batch of three has no merges. */
#define MANY 5000

static void changes_of_many_batches_all_land(void **context)
{
	struct state *state = *context;
	static struct change changes[MANY];
	static char ids[MANY][16], texts[MANY][16];

	ensure(state->lake, &plain);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "k%zu", i);
		changes[i] = (struct change)REPLACE("old", ids[i], "1");
	}
	/* The last 1,000 are new. */
	change(state->lake, &plain, changes, MANY - 1000, 0, 1);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%zu", i);
		changes[i].kind = (enum lake_change)(i % 3);
		if (i / BATCH_ROWS == 1 && changes[i].kind == LAKE_MERGE)
			changes[i].kind = LAKE_REPLACE;
		changes[i].values[0] = texts[i];
		changes[i].values[2] = changes[i].kind == LAKE_MERGE ? not_given : NULL;
	}
	change(state->lake, &plain, changes, MANY, 1, 2);
	check(state->lake,
	    "SELECT count(*), count(DISTINCT id), count(*) FILTER (id <> 'k' || text), "
	    "count(*) FILTER (epoch_us(changed) = 1), count(*) FILTER (text::INT % 3 = 2), "
	    "count(*) FILTER (text::INT % 3 = 1 AND text::INT // 2048 <> 1 AND text::INT < 4000 "
	    "AND changed IS NULL) FROM shop.plain",
	    /* 1,666 go; of the 1,667 with remainder 1 those of the second batch are replaced, and
	     * of the others those below 4,000 keep their time. */
	    "3334|3334|0|683|0|0\n");
}

/* --- Positions -------------------------------------------------------------------------------- */

static const struct change one_change[] = {REPLACE("new", "a", "60")};

static void the_position_moves_with_the_rows(void **context)
{
	struct state *state = *context;
	struct lake_load *load;
	struct err err;

	store(state->lake, &plain);
	assert_int_equal(position_of(state->lake, "log"), 0);
	load = begin_changes(state->lake, &plain, one_change, 1);
	assert_int_equal(position_of(state->lake, "log"), 0);
	check(state->lake, ALL_PLAIN, "a|old\nb|old\nc|~\n");
	assert_int_equal(lake_load_commit_position(&load, "log", 0, 7, &err), OK);
	assert_int_equal(position_of(state->lake, "log"), 7);
	assert_int_equal(position_of(state->lake, "LOG"), 0);
	check(state->lake, ALL_PLAIN, "a|new\nb|old\nc|~\n");
	change(state->lake, &plain, one_change, 1, 7, INT64_MAX);
	assert_int_equal(position_of(state->lake, "log"), INT64_MAX);
	reopen(state);
	assert_int_equal(position_of(state->lake, "log"), INT64_MAX);
}

static void what_was_applied_before_changes_nothing(void **context)
{
	struct state *state = *context;
	struct err err;
	static const int64_t wrong[] = {0, 6, 8};

	store(state->lake, &plain);
	assert_int_equal(
	    try_change(state->lake, &plain, one_change, 1, "log", 3, 7, &err), E_CONFLICT);
	assert_int_equal(position_of(state->lake, "log"), 0);
	change(state->lake, &plain, NULL, 0, 0, 7);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(try_change(state->lake, &plain, one_change, 1, "log", wrong[i],
				     wrong[i] + 7, &err),
		    E_CONFLICT);
		assert_int_equal(position_of(state->lake, "log"), 7);
	}
	check(state->lake, ALL_PLAIN, "a|old\nb|old\nc|~\n");
}

static void a_load_without_rows_moves_the_position_alone(void **context)
{
	struct state *state = *context;

	store(state->lake, &plain);
	change(state->lake, &plain, NULL, 0, 0, 7);
	change(state->lake, &plain, NULL, 0, 7, 9);
	assert_int_equal(position_of(state->lake, "log"), 9);
	check(state->lake, ALL_PLAIN, "a|old\nb|old\nc|~\n");
}

static void an_aborted_change_leaves_nothing(void **context)
{
	struct state *state = *context;
	struct lake_load *load;

	store(state->lake, &plain);
	load = begin_changes(state->lake, &plain, one_change, 1);
	lake_load_abort(&load);
	assert_null(load);
	assert_int_equal(position_of(state->lake, "log"), 0);
	check(state->lake, ALL_PLAIN, "a|old\nb|old\nc|~\n");
}

static void a_change_of_a_table_that_is_gone_says_so(void **context)
{
	struct state *state = *context;
	struct lake_load *load;
	struct err err;

	store(state->lake, &plain);
	for (size_t count = 0; count <= 1; count++) {
		ensure(state->lake, &plain);
		load = begin_changes(state->lake, &plain, one_change, count);
		assert_int_equal(lake_table_drop(state->lake, "shop", "plain", &err), OK);
		assert_int_equal(lake_load_commit_position(&load, "log", 0, 7, &err), E_NOT_FOUND);
		assert_null(load);
		assert_int_equal(position_of(state->lake, "log"), 0);
	}
}

static void a_forgotten_position_is_0(void **context)
{
	struct state *state = *context;
	struct err err;

	store(state->lake, &plain);
	change(state->lake, &plain, NULL, 0, 0, 7);
	assert_int_equal(try_change(state->lake, &plain, NULL, 0, "other", 0, 5, &err), OK);
	assert_int_equal(lake_position_forget(state->lake, "log", &err), OK);
	assert_int_equal(position_of(state->lake, "log"), 0);
	assert_int_equal(lake_position_forget(state->lake, "log", &err), OK);
	assert_int_equal(lake_position_forget(state->lake, "it's never there", &err), OK);
	reopen(state);
	assert_int_equal(position_of(state->lake, "log"), 0);
	assert_int_equal(position_of(state->lake, "other"), 5);
	change(state->lake, &plain, one_change, 1, 0, 3);
	assert_int_equal(position_of(state->lake, "log"), 3);
}

/* --- Crashes ---------------------------------------------------------------------------------- */

static const struct change crash_changes[] = {
    REPLACE("new", "a", "60"), MERGE("new", "b", not_given), REMOVE(NULL, "c")};

static void begin_only(struct lake *lake)
{
	(void)begin_changes(lake, &plain, crash_changes, COUNT(crash_changes));
}

static void begin_and_commit(struct lake *lake)
{
	change(lake, &plain, crash_changes, COUNT(crash_changes), 5, 9);
}

static void a_kill_before_the_commit_leaves_nothing(void **context)
{
	struct state *state = *context;

	store(state->lake, &plain);
	change(state->lake, &plain, NULL, 0, 0, 5);
	kill_after(state, begin_only);
	check(state->lake, WHOLE, "a|old|50\nb|old|50\nc|~|~\n");
	assert_int_equal(position_of(state->lake, "log"), 5);
}

static void a_kill_after_the_commit_loses_nothing(void **context)
{
	struct state *state = *context;

	store(state->lake, &plain);
	change(state->lake, &plain, NULL, 0, 0, 5);
	kill_after(state, begin_and_commit);
	check(state->lake, WHOLE, "a|new|60\nb|new|50\n");
	assert_int_equal(position_of(state->lake, "log"), 9);
}

/* --- Versions --------------------------------------------------------------------------------- */

static enum status try_versions(struct lake *lake, const struct lake_table *table,
    const char *const *keys, size_t count, struct lake_version *versions, struct err *err)
{
	enum field_type type = table->fields[table->key_index].type;
	struct batch *batches[4] = {NULL};
	size_t batch_count = 0;
	enum status status;

	for (size_t first = 0; first < count || batch_count == 0; first += BATCH_ROWS) {
		struct batch *batch;

		assert_int_equal(batch_create(&type, 1, &batch, err), OK);
		for (size_t i = 0; i < BATCH_ROWS && first + i < count; i++) {
			put_value(&batch->columns[0], i, keys[first + i]);
			batch->row_count++;
		}
		batches[batch_count++] = batch;
	}
	status = lake_versions_get(
	    lake, table, (const struct batch *const *)batches, batch_count, versions, err);
	for (size_t i = 0; i < batch_count; i++)
		batch_destroy(&batches[i]);
	return status;
}

static void check_versions(struct lake *lake, const struct lake_table *table,
    const char *const *keys, size_t count, const char *expected)
{
	struct lake_version versions[8];
	char text[256] = "";
	size_t used = 0;
	struct err err;

	memset(versions, 0xFF, sizeof(versions));
	if (try_versions(lake, table, keys, count, versions, &err) != OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		if (!versions[i].is_there)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "- ");
		else if (versions[i].is_null)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "~ ");
		else
			used += (size_t)snprintf(
			    text + used, sizeof(text) - used, "%" PRId64 " ", versions[i].us);
	}
	assert_string_equal(text, expected);
}

static void stored_versions_are_told_in_the_keys_order(void **context)
{
	struct state *state = *context;
	static const char *const keys[] = {"c", "x", "b", "", "a", "c"};
	static const struct change changes[] = {
	    REPLACE("new", "b", "-62135596800000000"), MERGE("new", "a", "253402300799999999")};

	store(state->lake, &versioned);
	check_versions(state->lake, &versioned, keys, COUNT(keys), "~ - 50 - 50 ~ ");
	change(state->lake, &versioned, changes, COUNT(changes), 0, 1);
	check_versions(state->lake, &versioned, keys, COUNT(keys),
	    "~ - -62135596800000000 - 253402300799999999 ~ ");
	check_versions(state->lake, &versioned, keys, 0, "");
}

static void versions_of_keys_of_any_type(void **context)
{
	struct state *state = *context;
	static const char *const keys[COUNT(all_fields)][2] = {
	    {"a text of more than twelve bytes", "a text of more than twelve bytez"},
	    {"99999999999999999999999999999999999999", "-1"},
	    {"-9223372036854775808", "9223372036854775807"}, {"true", "false"},
	    {"-719162", "2932896"}, {"253402300799999999", "0"}};

	for (size_t i = 0; i < COUNT(all_fields); i++) {
		struct field fields[] = {
		    {.name = "changed", .type = FIELD_DATE_TIME}, all_fields[i]};
		struct lake_table table = {.connector = "keys",
		    .object = all_fields[i].name,
		    .fields = fields,
		    .field_count = COUNT(fields),
		    .key_index = 1,
		    .has_version = true};
		const row rows[] = {{"77", keys[i][0]}};

		ensure(state->lake, &table);
		load_rows(state->lake, &table, LAKE_UPSERT, all_fields[i].name, rows, 1);
		check_versions(state->lake, &table, keys[i], 2, "77 - ");
	}
}

static void versions_of_many_keys_come_in_one_look(void **context)
{
	struct state *state = *context;
	static struct change changes[MANY];
	static char ids[MANY][16], times[MANY][16];
	static const char *keys[MANY];
	static struct lake_version versions[MANY];
	struct err err;

	ensure(state->lake, &versioned);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "k%zu", i);
		snprintf(times[i], sizeof(times[i]), "%zu", i);
		changes[i] = (struct change){
		    i % 2 == 0 ? LAKE_REPLACE : LAKE_REMOVE, {NULL, ids[i], times[i]}};
		keys[MANY - 1 - i] = ids[i];
	}
	change(state->lake, &versioned, changes, MANY, 0, 1);
	assert_int_equal(try_versions(state->lake, &versioned, keys, MANY, versions, &err), OK);
	for (size_t i = 0; i < MANY; i++) {
		const struct lake_version *version = &versions[MANY - 1 - i];

		assert_int_equal(version->is_there, i % 2 == 0);
		assert_int_equal(version->us, i % 2 == 0 ? i : 0);
		assert_false(version->is_null);
	}
}

static void versions_of_a_table_that_is_gone_are_not_told(void **context)
{
	struct state *state = *context;
	static const char *const keys[] = {"a"};
	struct lake_version version = {.us = 99};
	struct err err;

	store(state->lake, &versioned);
	assert_int_equal(lake_table_drop(state->lake, "shop", "versioned", &err), OK);
	assert_int_equal(
	    try_versions(state->lake, &versioned, keys, 1, &version, &err), E_NOT_FOUND);
	assert_int_equal(version.us, 99);
}

/* --- Together --------------------------------------------------------------------------------- */

#define MOVES 60

struct applier {
	struct lake *lake;
	int number;
	int64_t landed;
	pthread_t thread;
};

/* Each its own table and journal, with a merge, a replacement and a removal at each step. */
static void *run_applier(void *ctx)
{
	struct applier *applier = ctx;
	struct lake_table table = plain;
	char object[16], journal[16], old[16], new[16];
	struct err err;

	snprintf(object, sizeof(object), "t%d", applier->number);
	snprintf(journal, sizeof(journal), "log %d", applier->number);
	table.object = object;
	if (lake_table_ensure(applier->lake, &table, &err) != OK)
		return strdup(err.text);
	for (int i = 0; i < MOVES; i++) {
		const struct change changes[] = {
		    MERGE(new, "all", not_given), REPLACE(new, new, "1"), REMOVE(NULL, old, NULL)};

		snprintf(old, sizeof(old), "%d", i - 1);
		snprintf(new, sizeof(new), "%d", i);
		if (try_change(applier->lake, &table, changes, COUNT(changes), journal, i, i + 1,
			&err) != OK)
			return strdup(err.text);
	}
	return lake_position_forget(applier->lake, journal, &err) == OK ? NULL : strdup(err.text);
}

/* The same journal for all: who comes second is told so. */
static void *run_rival(void *ctx)
{
	struct applier *applier = ctx;
	struct err err;

	for (int i = 0; i < MOVES; i++) {
		int64_t from = i;
		enum status status =
		    try_change(applier->lake, &plain, one_change, 1, "log", from, from + 1, &err);

		if (status == OK)
			applier->landed++;
		else if (status != E_CONFLICT)
			return strdup(err.text);
	}
	return NULL;
}

static int64_t run_appliers(struct lake *lake, void *(*run)(void *ctx), size_t count)
{
	struct applier appliers[4];
	void *failures[4] = {NULL};
	int64_t landed = 0;
	struct err err;

	for (size_t i = 0; i < count; i++) {
		appliers[i] = (struct applier){.lake = lake, .number = (int)i};
		assert_int_equal(
		    thread_start(&appliers[i].thread, "applier", run, &appliers[i], &err), OK);
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(appliers[i].thread, &failures[i]);
	for (size_t i = 0; i < count; i++) {
		if (failures[i] != NULL)
			fail_msg("applier %zu: %s", i, (char *)failures[i]);
		landed += appliers[i].landed;
	}
	return landed;
}

static void journals_do_not_get_into_each_others_way(void **context)
{
	struct state *state = *context;

	run_appliers(state->lake, run_applier, 4);
	check(state->lake,
	    "SELECT * FROM shop.t0 WHERE id = 'all' UNION ALL SELECT * FROM shop.t1 WHERE id = "
	    "'all' UNION ALL SELECT * FROM shop.t2 WHERE id = 'all' UNION ALL SELECT * FROM "
	    "shop.t3 WHERE id = 'all'",
	    "59|all|~\n59|all|~\n59|all|~\n59|all|~\n");
	check(state->lake, "SELECT text, id FROM shop.t3 ORDER BY id", "59|59\n59|all\n");
}

static void of_two_who_move_one_position_one_does(void **context)
{
	struct state *state = *context;

	ensure(state->lake, &plain);
	assert_int_equal(run_appliers(state->lake, run_rival, 4), MOVES);
	assert_int_equal(position_of(state->lake, "log"), MOVES);
	check(state->lake, ALL_PLAIN, "a|new\n");
}

/* Many enough to take a while.  That a COMMIT itself shows nothing halfway is tested in
 * lake_dirty_read_test.c: it is the same for all loads. */
#define WIDE 130000

static atomic_bool is_over;

static void *look_all_the_time(void *ctx)
{
	struct lake *lake = ctx;
	static struct answer answer;
	struct err err;

	while (!atomic_load(&is_over)) {
		if (try_query(lake,
			"SELECT count(*), count(DISTINCT int), count(num) FROM "
			"shop.all_types",
			30000, 10, &answer, &err) != OK)
			return strdup(err.text);
		if (strcmp(answer.text, "130000|1|130000\n") != 0)
			return strdup(answer.text);
	}
	return NULL;
}

/* Half of the rows are replaced, half merged. */
static void apply_generation(struct lake *lake, int64_t generation)
{
	static enum lake_change kinds[BATCH_ROWS];
	static uint64_t given[COLUMNS_MAX][BATCH_ROWS / 64];
	static char ids[BATCH_ROWS][16];
	struct batch *batch = make_batch(&all_types, LAKE_CHANGE);
	struct lake_load *load = begin(lake, &all_types);
	bool merges = false;
	struct err err;

	memset(given[2], 0xFF, sizeof(given[2]));
	for (size_t first = 0; first < WIDE; first += BATCH_ROWS, merges = !merges) {
		batch_reset(batch);
		batch->row_count = WIDE - first < BATCH_ROWS ? WIDE - first : BATCH_ROWS;
		for (size_t i = 0; i < batch->row_count; i++) {
			bool merge = merges && generation > 0;

			snprintf(ids[i], sizeof(ids[i]), "k%zu", first + i);
			put_value(&batch->columns[0], i, ids[i]);
			((int64_t *)batch->columns[2].values)[i] = generation;
			batch_set_valid(&batch->columns[2], i);
			kinds[i] = merge ? LAKE_MERGE : LAKE_REPLACE;
			if (!merge)
				put_value(&batch->columns[1], i, "5");
		}
		assert_int_equal(lake_load_append_changes(load, batch, kinds,
				     merges && generation > 0 ? BITS(given) : NULL, &err),
		    OK);
	}
	batch_destroy(&batch);
	if (lake_load_commit_position(&load, "log", generation, generation + 1, &err) != OK)
		fail_msg("%s", err.text);
}

static void no_query_sees_half_a_change(void **context)
{
	struct state *state = *context;
	pthread_t reader;
	void *failure = NULL;
	struct err err;

	ensure(state->lake, &all_types);
	apply_generation(state->lake, 0);
	assert_int_equal(thread_start(&reader, "reader", look_all_the_time, state->lake, &err), OK);
	for (int64_t generation = 1; generation <= 6; generation++)
		apply_generation(state->lake, generation);
	atomic_store(&is_over, true);
	pthread_join(reader, &failure);
	if (failure != NULL)
		fail_msg("a reader saw %s", (char *)failure);
}

/* --- Bugs ------------------------------------------------------------------------------------- */

static void apply_a_key_twice(struct lake *lake)
{
	static const struct change changes[] = {
	    REPLACE("x", "a", "1"), REPLACE("x", "b", "1"), REPLACE("x", "a", "1")};

	change(lake, &plain, changes, COUNT(changes), 0, 1);
}

static void apply_a_key_twice_over_batches(struct lake *lake)
{
	static const struct change first = REPLACE("x", "a", "1"), second = MERGE("x", "a", "1");
	struct batch *batch = make_batch(&plain, LAKE_CHANGE);
	struct lake_load *load = begin(lake, &plain);
	struct err err;

	append_changes(load, batch, &first, 1);
	append_changes(load, batch, &second, 1);
	(void)!lake_load_commit_position(&load, "log", 0, 1, &err);
}

static void a_key_that_comes_twice_is_a_bug(void **context)
{
	struct state *state = *context;
	void (*const bugs[])(struct lake * lake) = {
	    apply_a_key_twice, apply_a_key_twice_over_batches};

	ensure(state->lake, &plain);
	lake_close(&state->lake);
	for (size_t i = 0; i < COUNT(bugs); i++) {
		int how = 0;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			/* What an assertion says is not what this test says. */
			if (freopen("/dev/null", "w", stderr) == NULL)
				_exit(2);
			signal(SIGABRT, SIG_DFL);
			bugs[i](open_lake(state->folder));
			_exit(0);
		}
		assert_int_equal(waitpid(child, &how, 0), child);
		assert_true(WIFSIGNALED(how));
		assert_int_equal(WTERMSIG(how), SIGABRT);
	}
	state->lake = open_lake(state->folder);
	check(state->lake, ALL_PLAIN, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_replacement_takes_the_place_of_the_stored_row),
	    TEST(a_merge_keeps_what_is_not_given),
	    TEST(a_merge_without_a_stored_row_is_new),
	    TEST(a_removal_takes_the_row_and_no_other),
	    TEST(all_kinds_come_in_one_batch),
	    TEST(an_older_version_takes_its_place_too),
	    TEST(every_type_is_merged),
	    TEST(a_key_of_any_type_is_found),
	    TEST(a_field_may_have_any_name),
	    TEST(changes_of_many_batches_all_land),
	    TEST(the_position_moves_with_the_rows),
	    TEST(what_was_applied_before_changes_nothing),
	    TEST(a_load_without_rows_moves_the_position_alone),
	    TEST(an_aborted_change_leaves_nothing),
	    TEST(a_change_of_a_table_that_is_gone_says_so),
	    TEST(a_forgotten_position_is_0),
	    TEST(a_kill_before_the_commit_leaves_nothing),
	    TEST(a_kill_after_the_commit_loses_nothing),
	    TEST(stored_versions_are_told_in_the_keys_order),
	    TEST(versions_of_keys_of_any_type),
	    TEST(versions_of_many_keys_come_in_one_look),
	    TEST(versions_of_a_table_that_is_gone_are_not_told),
	    TEST(journals_do_not_get_into_each_others_way),
	    TEST(of_two_who_move_one_position_one_does),
	    TEST(no_query_sees_half_a_change),
	    TEST(a_key_that_comes_twice_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
