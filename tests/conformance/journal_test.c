/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of journal.h, one test each, for any backend: only store_open and what it calls know
 * which one it is.  What can be seen of a folder alone (files, syncs, damage, failing disks) is in
 * unit/journal_dir_test.c.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "journal/journal.h"
#include "journal/journal_dir.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (1024 * 1024)

struct store {
	char folder[256], root[300];
	int64_t log_bytes_max, bytes_max;
	struct journal *journal;
	struct arena arena;
	struct err err;
};

/* The backend. */

static void store_reopen(struct store *s)
{
	struct journal_dir_options options = {
	    .path = s->root, .log_bytes_max = s->log_bytes_max, .bytes_max = s->bytes_max};

	journal_close(&s->journal);
	assert_null(s->journal);
	assert_int_equal(journal_dir_open(&options, &s->journal, &s->err), OK);
}

static int store_open(void **state)
{
	struct store *s = calloc(1, sizeof(*s));
	const char *tmp = getenv("TMPDIR");

	snprintf(
	    s->folder, sizeof(s->folder), "%s/sluice-journal-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->root, sizeof(s->root), "%s/journal", s->folder);
	s->log_bytes_max = 64 * MIB;
	s->bytes_max = 256 * MIB;
	arena_init(&s->arena, 4096);
	store_reopen(s);
	*state = s;
	return 0;
}

static int remove_path(const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

static int store_close(void **state)
{
	struct store *s = *state;

	journal_close(&s->journal);
	assert_int_equal(nftw(s->folder, remove_path, 16, FTW_DEPTH | FTW_PHYS), 0);
	arena_fini(&s->arena);
	free(s);
	return 0;
}

/* What the tests are told in. */

static int64_t append(struct store *s, const char *name, struct slice entry)
{
	int64_t end = -1;

	assert_int_equal(journal_append(s->journal, name, entry, &end, &s->err), OK);
	return end;
}

static int64_t append_text(struct store *s, const char *name, const char *text)
{
	return append(s, name, slice_of(text));
}

static struct journal_state state_of(struct store *s, const char *name)
{
	struct journal_state state = {.begin = -1, .end = -1};

	assert_int_equal(journal_state(s->journal, name, &state, &s->err), OK);
	return state;
}

static void assert_state(struct store *s, const char *name, int64_t begin, int64_t end)
{
	struct journal_state state = state_of(s, name);

	assert_int_equal(state.begin, begin);
	assert_int_equal(state.end, end);
}

static void trim(struct store *s, const char *name, int64_t position)
{
	assert_int_equal(journal_trim(s->journal, name, position, &s->err), OK);
}

/* Texts of entries, with a space between them, and where the last one began. */
struct texts {
	char text[4096];
	int count;
	int64_t position;
};

static enum status note_text(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	struct texts *texts = ctx;
	size_t used = strlen(texts->text);

	(void)err;
	assert_true(position > texts->position);
	texts->position = position;
	texts->count++;
	snprintf(texts->text + used, sizeof(texts->text) - used, "%s%.*s", used == 0 ? "" : " ",
	    SLICE_ARGS(entry));
	return OK;
}

static int64_t read_texts(struct store *s, const char *name, int64_t from, int64_t to,
    size_t bytes_max, struct texts *ret_texts)
{
	int64_t next = -1;

	*ret_texts = (struct texts){.position = -1};
	assert_int_equal(journal_read(s->journal, name, from, to, bytes_max, &s->arena, note_text,
			     ret_texts, &next, &s->err),
	    OK);
	return next;
}

/* All that is needed of a log. */
static void assert_log(struct store *s, const char *name, const char *expected)
{
	struct journal_state state = state_of(s, name);
	struct texts texts;

	assert_int_equal(read_texts(s, name, state.begin, state.end, SIZE_MAX, &texts), state.end);
	assert_string_equal(texts.text, expected);
}

static void assert_names(struct store *s, const char *expected)
{
	const char **names = NULL;
	char text[1024] = "";
	size_t count = 99;

	assert_int_equal(journal_list(s->journal, &s->arena, &names, &count, &s->err), OK);
	for (char c = 'a'; c <= 'z'; c++) {
		for (size_t i = 0; i < count; i++) {
			if (names[i][0] == c)
				strncat(text, names[i], 100);
		}
	}
	assert_string_equal(text, expected);
}

/* Bytes that say which entry they are of. */
static struct slice make_entry(struct store *s, size_t bytes, int number)
{
	char *entry = arena_alloc(&s->arena, bytes + 1);
	uint32_t random = (uint32_t)number * 2654435761u + 1;

	assert_non_null(entry);
	for (size_t i = 0; i < bytes; i++) {
		random = random * 1664525 + 1013904223;
		entry[i] = (char)(random >> 24);
	}
	return (struct slice){entry, bytes};
}

/* Appending and reading. */

static void what_is_appended_is_read_in_order(void **state)
{
	struct store *s = *state;

	append_text(s, "a", "one");
	append_text(s, "a", "two");
	append_text(s, "a", "three");
	assert_log(s, "a", "one two three");
}

static void a_log_that_nothing_was_appended_to_is_empty_at_0(void **state)
{
	struct store *s = *state;
	struct texts texts;

	assert_state(s, "a", 0, 0);
	assert_int_equal(read_texts(s, "a", 0, 0, SIZE_MAX, &texts), 0);
	assert_int_equal(texts.count, 0);
	assert_names(s, "");
}

static void positions_grow_from_one_end_to_the_next(void **state)
{
	struct store *s = *state;
	struct texts texts;
	int64_t first, second;

	first = append_text(s, "a", "one");
	assert_true(first >= 3);
	assert_state(s, "a", 0, first);
	second = append_text(s, "a", "two");
	assert_true(second >= first + 3);
	assert_state(s, "a", 0, second);
	assert_int_equal(read_texts(s, "a", 0, second, SIZE_MAX, &texts), second);
	assert_int_equal(texts.position, first);
	assert_int_equal(read_texts(s, "a", first, second, SIZE_MAX, &texts), second);
	assert_string_equal(texts.text, "two");
}

static void a_read_ends_where_it_is_told_to(void **state)
{
	struct store *s = *state;
	struct texts texts;
	int64_t first;

	first = append_text(s, "a", "one");
	append_text(s, "a", "two");
	assert_int_equal(read_texts(s, "a", 0, first, SIZE_MAX, &texts), first);
	assert_string_equal(texts.text, "one");
	assert_int_equal(read_texts(s, "a", first, first, SIZE_MAX, &texts), first);
	assert_int_equal(texts.count, 0);
}

static void a_read_gives_as_many_bytes_as_were_asked_for_and_at_least_one_entry(void **state)
{
	struct store *s = *state;
	int64_t ends[4], next;
	struct texts texts;

	for (int i = 0; i < 4; i++)
		ends[i] = append_text(s, "a", "1234567890");
	assert_int_equal(read_texts(s, "a", 0, ends[3], 1, &texts), ends[0]);
	assert_int_equal(texts.count, 1);
	assert_int_equal(read_texts(s, "a", 0, ends[3], 10, &texts), ends[0]);
	assert_int_equal(read_texts(s, "a", 0, ends[3], 11, &texts), ends[1]);
	assert_int_equal(texts.count, 2);
	next = read_texts(s, "a", ends[1], ends[3], 10, &texts);
	assert_int_equal(next, ends[2]);
	assert_int_equal(read_texts(s, "a", next, ends[3], 10, &texts), ends[3]);
}

/* Compares what it is given with what make_entry makes. */
struct comparison {
	struct store *s;
	const size_t *sizes;
	int count;
};

static enum status compare_entry(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	struct comparison *comparison = ctx;
	int number = comparison->count++;
	struct slice expected = make_entry(comparison->s, comparison->sizes[number], number);

	(void)position;
	(void)err;
	assert_int_equal(entry.len, expected.len);
	assert_true(slice_equals(entry, expected));
	return OK;
}

static void an_entry_may_be_empty_or_hold_any_bytes_up_to_the_largest_size(void **state)
{
	/* The largest comes last: a file that ends with it is longer than others. */
	static const size_t sizes[] = {
	    0, 1, 7, 8, 9, 4095, 300000, 5, JOURNAL_ENTRY_BYTES_MAX - 1, JOURNAL_ENTRY_BYTES_MAX};
	const int count = sizeof(sizes) / sizeof(sizes[0]);
	struct store *s = *state;
	struct comparison comparison = {.s = s, .sizes = sizes};
	int64_t next = -1;

	for (int i = 0; i < count; i++)
		append(s, "a", make_entry(s, sizes[i], i));
	for (int round = 0; round < 2; round++) {
		comparison.count = 0;
		assert_int_equal(journal_read(s->journal, "a", 0, state_of(s, "a").end, SIZE_MAX,
				     &s->arena, compare_entry, &comparison, &next, &s->err),
		    OK);
		assert_int_equal(comparison.count, count);
		store_reopen(s);
	}
}

/* 12 MB in entries of all sizes up to 50 KB, so that they lie about ends of blocks and files. */
static void a_long_log_is_read_in_pieces_as_it_was_written(void **state)
{
	enum { COUNT = 480 };
	struct store *s = *state;
	size_t sizes[COUNT];
	struct comparison comparison = {.s = s, .sizes = sizes};
	int64_t at = 0, end;

	for (int i = 0; i < COUNT; i++) {
		sizes[i] = (size_t)(i * 7919 % 50000);
		append(s, "a", make_entry(s, sizes[i], i));
		arena_reset(&s->arena);
	}
	end = state_of(s, "a").end;
	while (at < end) {
		assert_int_equal(journal_read(s->journal, "a", at, end, 700000, &s->arena,
				     compare_entry, &comparison, &at, &s->err),
		    OK);
		arena_reset(&s->arena);
	}
	assert_int_equal(comparison.count, COUNT);
	assert_int_equal(at, end);
}

static enum status keep_slice(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	struct slice **next = ctx;

	(void)position;
	(void)err;
	*(*next)++ = entry;
	return OK;
}

static void entries_stay_as_long_as_the_arena(void **state)
{
	struct store *s = *state;
	struct slice kept[2], *next = kept;
	int64_t end, at = 0;

	append_text(s, "a", "one");
	end = append_text(s, "a", "two");
	for (int i = 0; i < 2; i++)
		assert_int_equal(journal_read(s->journal, "a", at, end, 1, &s->arena, keep_slice,
				     &next, &at, &s->err),
		    OK);
	assert_int_equal(journal_remove(s->journal, "a", &s->err), OK);
	assert_true(slice_is(kept[0], "one"));
	assert_true(slice_is(kept[1], "two"));
}

static enum status stop_at_two(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	int *count = ctx;

	(void)position;
	++*count;
	return slice_is(entry, "two") ? err_set(err, E_CANCELLED, "enough") : OK;
}

static void a_read_ends_with_what_its_visitor_returns(void **state)
{
	struct store *s = *state;
	int64_t end, next = -7;
	int count = 0;

	append_text(s, "a", "one");
	append_text(s, "a", "two");
	end = append_text(s, "a", "three");
	assert_int_equal(journal_read(s->journal, "a", 0, end, SIZE_MAX, &s->arena, stop_at_two,
			     &count, &next, &s->err),
	    E_CANCELLED);
	assert_int_equal(count, 2);
	assert_int_equal(next, -7);
	assert_string_equal(s->err.text, "enough");
}

static void logs_do_not_touch_each_other(void **state)
{
	struct store *s = *state;
	const char *longest = "z-0123456789-0123456789-0123456789-0123456789-0123456789-0123456";

	assert_int_equal(strlen(longest), JOURNAL_NAME_BYTES - 1);
	append_text(s, "a", "one");
	append_text(s, longest, "eins");
	append_text(s, "a", "two");
	append_text(s, longest, "zwei");
	assert_log(s, "a", "one two");
	assert_log(s, longest, "eins zwei");
	trim(s, "a", state_of(s, "a").end);
	assert_log(s, longest, "eins zwei");
}

/* What an end of the server leaves. */

static void what_was_appended_is_there_after_a_restart(void **state)
{
	struct store *s = *state;
	int64_t end;

	append_text(s, "a", "one");
	end = append_text(s, "a", "two");
	store_reopen(s);
	assert_state(s, "a", 0, end);
	assert_log(s, "a", "one two");
	append_text(s, "a", "three");
	store_reopen(s);
	append_text(s, "a", "four");
	assert_log(s, "a", "one two three four");
}

static void what_was_acknowledged_outlives_a_server_that_is_killed(void **state)
{
	struct store *s = *state;
	int how;
	pid_t child;

	append_text(s, "a", "one");
	child = fork();
	if (child == 0) {
		int64_t end;

		store_reopen(s);
		_exit(journal_append(s->journal, "a", SLICE("two"), &end, NULL) == OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_int_equal(how, 0);
	store_reopen(s);
	assert_log(s, "a", "one two");
}

/* Trimming. */

static void what_is_trimmed_is_not_needed_any_more(void **state)
{
	struct store *s = *state;
	int64_t first, end;

	first = append_text(s, "a", "one");
	end = append_text(s, "a", "two");
	trim(s, "a", first);
	assert_state(s, "a", first, end);
	assert_log(s, "a", "two");
	trim(s, "a", end);
	assert_state(s, "a", end, end);
	assert_log(s, "a", "");
	append_text(s, "a", "three");
	assert_log(s, "a", "three");
}

static void a_trim_that_goes_back_changes_nothing(void **state)
{
	struct store *s = *state;
	int64_t first, end;

	first = append_text(s, "a", "one");
	end = append_text(s, "a", "two");
	trim(s, "a", first);
	trim(s, "a", 0);
	assert_state(s, "a", first, end);
}

static void after_a_restart_the_begin_is_not_behind_what_was_trimmed(void **state)
{
	struct store *s = *state;
	int64_t first, end;

	first = append_text(s, "a", "one");
	end = append_text(s, "a", "two");
	trim(s, "a", first);
	store_reopen(s);
	assert_true(state_of(s, "a").begin <= first);
	assert_int_equal(state_of(s, "a").end, end);
	trim(s, "a", first);
	assert_log(s, "a", "two");
}

/* Round after round of more than one file's bytes, each trimmed at once. */
static void no_position_comes_twice_whatever_is_trimmed(void **state)
{
	struct store *s = *state;
	int64_t end = 0;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++) {
			int64_t next = append(s, "a", make_entry(s, 2 * MIB, i));

			assert_true(next >= end + 2 * MIB);
			end = next;
			arena_reset(&s->arena);
		}
		trim(s, "a", end);
		if (round % 2 == 0)
			store_reopen(s);
		assert_int_equal(state_of(s, "a").end, end);
	}
}

static void a_log_whose_files_were_lost_goes_on_where_the_lake_is(void **state)
{
	struct store *s = *state;
	struct texts texts;
	int64_t end;

	append_text(s, "a", "one");
	trim(s, "a", 10 * MIB);
	assert_state(s, "a", 10 * MIB, 10 * MIB);
	end = append_text(s, "a", "two");
	assert_true(end > 10 * MIB);
	assert_int_equal(read_texts(s, "a", 10 * MIB, end, SIZE_MAX, &texts), end);
	assert_string_equal(texts.text, "two");
	store_reopen(s);
	assert_state(s, "a", 10 * MIB, end);
	assert_log(s, "a", "two");

	trim(s, "never-seen", 800);
	assert_state(s, "never-seen", 800, 800);
	store_reopen(s);
	assert_state(s, "never-seen", 800, 800);
}

/* Bounds. */

static void a_log_takes_no_byte_more_than_it_may(void **state)
{
	struct store *s = *state;
	int64_t one, end = -7;

	one = append_text(s, "probe", "12345678");
	s->log_bytes_max = 2 * one;
	store_reopen(s);
	append_text(s, "a", "12345678");
	append_text(s, "a", "12345678");
	assert_int_equal(journal_append(s->journal, "a", SLICE(""), &end, &s->err), E_BUSY);
	assert_int_equal(end, -7);
	assert_non_null(strstr(s->err.text, "the log holds"));
	assert_state(s, "a", 0, 2 * one);

	/* Others may, and so may this one when there is room again. */
	append_text(s, "b", "12345678");
	trim(s, "a", one);
	append_text(s, "a", "abcdefgh");
	assert_log(s, "a", "12345678 abcdefgh");
	assert_int_equal(journal_append(s->journal, "a", SLICE(""), &end, &s->err), E_BUSY);

	s->log_bytes_max = one - 1;
	store_reopen(s);
	assert_int_equal(journal_append(s->journal, "c", SLICE("12345678"), &end, &s->err), E_BUSY);
	assert_int_equal(journal_append(s->journal, "a", SLICE(""), &end, &s->err), E_BUSY);
}

static void all_logs_take_no_byte_more_than_they_may(void **state)
{
	struct store *s = *state;
	int64_t one, end = -7;

	one = append_text(s, "probe", "12345678");
	assert_int_equal(journal_remove(s->journal, "probe", &s->err), OK);
	s->bytes_max = 3 * one;
	store_reopen(s);
	append_text(s, "a", "12345678");
	append_text(s, "b", "12345678");
	append_text(s, "c", "12345678");
	assert_int_equal(journal_append(s->journal, "d", SLICE(""), &end, &s->err), E_BUSY);
	assert_non_null(strstr(s->err.text, "all logs hold"));
	trim(s, "b", one);
	append_text(s, "d", "12345678");
	assert_int_equal(journal_append(s->journal, "d", SLICE(""), &end, &s->err), E_BUSY);
	assert_int_equal(journal_remove(s->journal, "c", &s->err), OK);
	append_text(s, "a", "12345678");
	assert_int_equal(journal_append(s->journal, "d", SLICE(""), &end, &s->err), E_BUSY);

	/* What is found counts when it is known. */
	store_reopen(s);
	state_of(s, "a");
	state_of(s, "d");
	assert_int_equal(journal_append(s->journal, "e", SLICE(""), &end, &s->err), E_BUSY);
}

/* Removal, and the list. */

static void a_removed_log_is_gone_and_takes_nothing(void **state)
{
	struct store *s = *state;
	struct journal_state range = {.begin = -7};
	struct texts texts;
	int64_t end = -7;

	append_text(s, "a", "one");
	append_text(s, "b", "two");
	assert_int_equal(journal_remove(s->journal, "a", &s->err), OK);
	assert_names(s, "b");
	assert_int_equal(journal_append(s->journal, "a", SLICE("x"), &end, &s->err), E_NOT_FOUND);
	assert_string_equal(s->err.text, "log a: append: the log was removed");
	assert_int_equal(journal_state(s->journal, "a", &range, &s->err), E_NOT_FOUND);
	assert_int_equal(journal_trim(s->journal, "a", 100, &s->err), E_NOT_FOUND);
	assert_int_equal(
	    journal_read(s->journal, "a", 0, 0, 1, &s->arena, note_text, &texts, &end, &s->err),
	    E_NOT_FOUND);
	assert_int_equal(end, -7);
	assert_int_equal(range.begin, -7);
	assert_names(s, "b");
	assert_log(s, "b", "two");
	store_reopen(s);
	assert_names(s, "b");
	assert_state(s, "a", 0, 0);
}

static void removing_what_is_not_there_is_fine(void **state)
{
	struct store *s = *state;
	int64_t end;

	assert_int_equal(journal_remove(s->journal, "a", &s->err), OK);
	assert_int_equal(journal_remove(s->journal, "a", &s->err), OK);
	assert_int_equal(journal_append(s->journal, "a", SLICE("x"), &end, &s->err), E_NOT_FOUND);
	assert_names(s, "");
}

static void a_log_is_removed_that_was_not_used_yet(void **state)
{
	struct store *s = *state;

	append_text(s, "a", "one");
	store_reopen(s);
	assert_int_equal(journal_remove(s->journal, "a", &s->err), OK);
	assert_names(s, "");
}

static void the_list_has_every_log_once(void **state)
{
	struct store *s = *state;
	char name[16];
	const char **names;
	size_t count;

	append_text(s, "c", "x");
	append_text(s, "a", "x");
	append_text(s, "b", "x");
	append_text(s, "b", "x");
	assert_names(s, "abc");
	store_reopen(s);
	assert_names(s, "abc");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		append_text(s, name, "x");
	}
	assert_int_equal(journal_list(s->journal, &s->arena, &names, &count, &s->err), OK);
	assert_int_equal(count, 203);
}

static void closing_accepts_null(void **state)
{
	struct journal *none = NULL;

	(void)state;
	journal_close(&none);
}

/* Many at once. */

enum { THREADS = 32, ENTRIES = 40 };

struct writer {
	struct store *s;
	int number;
	int64_t ends[ENTRIES];
	bool failed;
};

static const char *log_of(int writer)
{
	return writer % 4 == 0 ? "b" : "a";
}

static void *append_many(void *ctx)
{
	struct writer *writer = ctx;
	char text[32];

	for (int i = 0; i < ENTRIES; i++) {
		snprintf(text, sizeof(text), "%d.%d", writer->number, i);
		if (journal_append(writer->s->journal, log_of(writer->number), slice_of(text),
			&writer->ends[i], NULL) != OK)
			writer->failed = true;
	}
	return NULL;
}

struct tally {
	struct writer *writers;
	int next[THREADS]; /* entry of each */
	int64_t end;       /* of the entry before */
	int entries;
};

/* Each entry is where its writer was told, and those of a writer are in order. */
static enum status check_place(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	struct tally *tally = ctx;
	struct writer *writer;
	char text[32];
	int number, i;

	(void)err;
	snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(entry));
	assert_int_equal(sscanf(text, "%d.%d", &number, &i), 2);
	writer = &tally->writers[number];
	assert_int_equal(i, tally->next[number]++);
	assert_int_equal(position, tally->end);
	tally->end = writer->ends[i];
	tally->entries++;
	return OK;
}

static void of_many_that_append_at_once_each_finds_its_own_in_order(void **state)
{
	static struct writer writers[THREADS];
	static const char *const names[] = {"a", "b"};
	struct store *s = *state;
	struct tally tally = {.writers = writers};
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.s = s, .number = i};
		assert_int_equal(
		    thread_start(&threads[i], "writer", append_many, &writers[i], &s->err), OK);
	}
	for (int i = 0; i < THREADS; i++) {
		thread_join(threads[i]);
		assert_false(writers[i].failed);
	}
	for (int i = 0; i < 2; i++) {
		int64_t end = state_of(s, names[i]).end, next;

		tally.end = 0;
		assert_int_equal(journal_read(s->journal, names[i], 0, end, SIZE_MAX, &s->arena,
				     check_place, &tally, &next, &s->err),
		    OK);
		assert_int_equal(tally.end, end);
	}
	assert_int_equal(tally.entries, THREADS * ENTRIES);
}

/* As the applier does: reads what there is, trims it, until the writers have ended. */
static void a_reader_that_trims_behind_writers_sees_every_entry_once(void **state)
{
	static struct writer writers[THREADS];
	struct store *s = *state;
	struct tally tally[2] = {{.writers = writers}, {.writers = writers}};
	int64_t deadline_us = clock_mono_us() + 60 * 1000000;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.s = s, .number = i};
		assert_int_equal(
		    thread_start(&threads[i], "writer", append_many, &writers[i], &s->err), OK);
	}
	while (tally[0].entries + tally[1].entries < THREADS * ENTRIES) {
		assert_true(clock_mono_us() < deadline_us);
		for (int i = 0; i < 2; i++) {
			const char *name = i == 0 ? "a" : "b";
			struct journal_state range = state_of(s, name);
			struct texts texts;
			int64_t next;

			next = read_texts(s, name, range.begin, range.end, 100, &texts);
			tally[i].entries += texts.count;
			trim(s, name, next);
			arena_reset(&s->arena);
		}
	}
	for (int i = 0; i < THREADS; i++) {
		thread_join(threads[i]);
		assert_false(writers[i].failed);
	}
	assert_int_equal(tally[0].entries + tally[1].entries, THREADS * ENTRIES);
	assert_log(s, "a", "");
	assert_log(s, "b", "");
}

struct rivals {
	struct store *s;
	const char *name;
	atomic_bool end;
	atomic_int taken, gone, wrong;
};

static void *append_until_gone(void *ctx)
{
	struct rivals *r = ctx;
	enum status st = OK;
	int64_t end;

	while (st == OK) {
		st = journal_append(r->s->journal, r->name, SLICE("x"), &end, NULL);
		atomic_fetch_add(st == OK            ? &r->taken
				 : st == E_NOT_FOUND ? &r->gone
						     : &r->wrong,
		    1);
	}
	return NULL;
}

static void a_removal_among_writers_ends_them_all_and_leaves_nothing(void **state)
{
	struct store *s = *state;

	for (int round = 0; round < 20; round++) {
		struct rivals r = {.s = s};
		pthread_t threads[4];
		char name[16];

		snprintf(name, sizeof(name), "r%d", round);
		r.name = name;
		for (int i = 0; i < 4; i++)
			assert_int_equal(
			    thread_start(&threads[i], "rival", append_until_gone, &r, &s->err), OK);
		while (atomic_load(&r.taken) < 10 && r.gone + r.wrong == 0)
			usleep(100);
		assert_int_equal(journal_remove(s->journal, name, &s->err), OK);
		for (int i = 0; i < 4; i++)
			thread_join(threads[i]);
		assert_true(r.taken >= 10);
		assert_int_equal(r.gone, 4);
		assert_int_equal(r.wrong, 0);
		assert_names(s, "");
	}
}

static void *use_once(void *ctx)
{
	struct rivals *r = ctx;
	struct journal_state range;
	int64_t end;

	if (journal_state(r->s->journal, r->name, &range, NULL) != OK || range.end == 0 ||
	    journal_append(r->s->journal, r->name, SLICE("x"), &end, NULL) != OK)
		atomic_fetch_add(&r->wrong, 1);
	return NULL;
}

static void many_may_be_the_first_to_use_a_log(void **state)
{
	struct store *s = *state;
	struct rivals r = {.s = s, .name = "a"};
	pthread_t threads[8];

	append_text(s, "a", "x");
	for (int round = 1; round <= 10; round++) {
		struct texts texts;
		int64_t end;

		store_reopen(s);
		for (int i = 0; i < 8; i++)
			assert_int_equal(
			    thread_start(&threads[i], "user", use_once, &r, &s->err), OK);
		for (int i = 0; i < 8; i++)
			thread_join(threads[i]);
		end = state_of(s, "a").end;
		assert_int_equal(read_texts(s, "a", 0, end, SIZE_MAX, &texts), end);
		assert_int_equal(texts.count, 1 + 8 * round);
	}
	assert_int_equal(r.wrong, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_open, store_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_appended_is_read_in_order),
	    TEST(a_log_that_nothing_was_appended_to_is_empty_at_0),
	    TEST(positions_grow_from_one_end_to_the_next),
	    TEST(a_read_ends_where_it_is_told_to),
	    TEST(a_read_gives_as_many_bytes_as_were_asked_for_and_at_least_one_entry),
	    TEST(an_entry_may_be_empty_or_hold_any_bytes_up_to_the_largest_size),
	    TEST(a_long_log_is_read_in_pieces_as_it_was_written),
	    TEST(entries_stay_as_long_as_the_arena),
	    TEST(a_read_ends_with_what_its_visitor_returns),
	    TEST(logs_do_not_touch_each_other),
	    TEST(what_was_appended_is_there_after_a_restart),
	    TEST(what_was_acknowledged_outlives_a_server_that_is_killed),
	    TEST(what_is_trimmed_is_not_needed_any_more),
	    TEST(a_trim_that_goes_back_changes_nothing),
	    TEST(after_a_restart_the_begin_is_not_behind_what_was_trimmed),
	    TEST(no_position_comes_twice_whatever_is_trimmed),
	    TEST(a_log_whose_files_were_lost_goes_on_where_the_lake_is),
	    TEST(a_log_takes_no_byte_more_than_it_may),
	    TEST(all_logs_take_no_byte_more_than_they_may),
	    TEST(a_removed_log_is_gone_and_takes_nothing),
	    TEST(removing_what_is_not_there_is_fine),
	    TEST(a_log_is_removed_that_was_not_used_yet),
	    TEST(the_list_has_every_log_once),
	    cmocka_unit_test(closing_accepts_null),
	    TEST(of_many_that_append_at_once_each_finds_its_own_in_order),
	    TEST(a_reader_that_trims_behind_writers_sees_every_entry_once),
	    TEST(a_removal_among_writers_ends_them_all_and_leaves_nothing),
	    TEST(many_may_be_the_first_to_use_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
