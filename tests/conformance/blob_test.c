/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of blob.h, one test each, for any backend: only store_open and store_close below
 * know which one it is. What can be seen of a folder alone (modes, the order of syncs, failing
 * disks) is in unit/blob_dir_test.c.
 */
#include "base/thread.h"
#include "blob/blob.h"
#include "blob/blob_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIST_BYTES 4096

struct store {
	char folder[256], root[300];
	struct blob *blob;
	struct err err;
};

/* The backend. */

static void store_reopen(struct store *s)
{
	blob_close(&s->blob);
	assert_null(s->blob);
	assert_int_equal(blob_dir_open(s->root, &s->blob, &s->err), OK);
}

static int store_open(void **state)
{
	struct store *s = calloc(1, sizeof(*s));
	const char *tmp = getenv("TMPDIR");

	snprintf(s->folder, sizeof(s->folder), "%s/sluice-blob-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->root, sizeof(s->root), "%s/blobs", s->folder);
	store_reopen(s);
	*state = s;
	return 0;
}

static enum status remove_group(void *ctx, const char *group, struct err *err)
{
	struct store *s = ctx;

	return blob_remove(s->blob, group, "", err);
}

static int store_close(void **state)
{
	struct store *s = *state;

	assert_int_equal(blob_each_group(s->blob, remove_group, s, &s->err), OK);
	blob_close(&s->blob);
	assert_int_equal(rmdir(s->root), 0);
	assert_int_equal(rmdir(s->folder), 0);
	free(s);
	return 0;
}

/* What the tests are told in. */

static struct blob_writer *begin(struct store *s, const char *group, const char *name)
{
	struct blob_writer *writer = NULL;

	assert_int_equal(blob_write_begin(s->blob, group, name, &writer, &s->err), OK);
	assert_non_null(writer);
	return writer;
}

static void write_text(struct store *s, struct blob_writer *writer, const char *text)
{
	assert_int_equal(blob_write(writer, slice_of(text), &s->err), OK);
}

static void commit(struct store *s, struct blob_writer *writer)
{
	struct blob_info info;

	assert_int_equal(blob_write_commit(&writer, &info, &s->err), OK);
	assert_null(writer);
}

static void put(struct store *s, const char *group, const char *name, const char *text)
{
	struct blob_writer *writer = begin(s, group, name);

	write_text(s, writer, text);
	commit(s, writer);
}

static void assert_blob(struct store *s, const char *group, const char *name, const char *text)
{
	struct blob_reader *reader;
	char bytes[256];
	uint64_t size;
	size_t count;

	assert_int_equal(blob_read_open(s->blob, group, name, &reader, &size, &s->err), OK);
	assert_int_equal(size, strlen(text));
	assert_int_equal(blob_read(reader, bytes, sizeof(bytes), &count, &s->err), OK);
	assert_int_equal(count, strlen(text));
	assert_memory_equal(bytes, text, count);
	blob_read_close(&reader);
	assert_null(reader);
}

static void assert_no_blob(struct store *s, const char *group, const char *name)
{
	struct blob_reader *reader = (struct blob_reader *)1;
	uint64_t size = 77;

	assert_int_equal(
	    blob_read_open(s->blob, group, name, &reader, &size, &s->err), E_NOT_FOUND);
	assert_ptr_equal(reader, (void *)1);
	assert_int_equal(size, 77);
}

struct list {
	size_t count;
	char names[100][BLOB_NAME_BYTES_MAX + 1];
};

/* Unfinished blobs are shown as "tmp-". */
static enum status list_name(void *ctx, const char *name, struct err *err)
{
	struct list *list = ctx;

	(void)err;
	assert_true(list->count < 100);
	snprintf(list->names[list->count++], sizeof(list->names[0]), "%s",
	    strncmp(name, "tmp-", 4) == 0 ? "tmp-" : name);
	return OK;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void assert_list(struct list *list, const char *names)
{
	char joined[LIST_BYTES] = "";
	size_t used = 0;

	qsort(list->names, list->count, sizeof(list->names[0]), compare_names);
	for (size_t i = 0; i < list->count; i++)
		used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%s",
		    i == 0 ? "" : " ", list->names[i]);
	assert_string_equal(joined, names);
}

static void assert_names(struct store *s, const char *group, const char *names)
{
	struct list list = {0};

	assert_int_equal(blob_each(s->blob, group, list_name, &list, &s->err), OK);
	assert_list(&list, names);
}

static void assert_groups(struct store *s, const char *groups)
{
	struct list list = {0};

	assert_int_equal(blob_each_group(s->blob, list_name, &list, &s->err), OK);
	assert_list(&list, groups);
}

static void assert_hex(const unsigned char *bytes, const char *hex)
{
	char text[2 * BLOB_DIGEST_BYTES + 1];

	for (size_t i = 0; i < BLOB_DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(text, hex);
}

/* Writing and reading. */

static void a_commit_tells_size_and_sha256(void **state)
{
	/* From FIPS 180-2's examples; that of nothing is in every table. */
	static const struct {
		const char *piece;
		size_t times;
		uint64_t bytes;
		const char *sha256;
	} cases[] = {
	    {"", 0, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"", 3, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", 1, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaa",
		10000, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	};
	struct store *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct blob_writer *writer = begin(s, "g", "n");
		struct blob_info info;

		for (size_t k = 0; k < cases[i].times; k++)
			write_text(s, writer, cases[i].piece);
		assert_int_equal(blob_write_commit(&writer, &info, &s->err), OK);
		assert_int_equal(info.bytes, cases[i].bytes);
		assert_hex(info.sha256, cases[i].sha256);
	}
}

static void a_writer_tells_what_it_has_so_far_and_goes_on(void **state)
{
	/* As sha256sum prints them. */
	static const char empty[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char abc[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");
	struct blob_info info;

	assert_int_equal(blob_write_info(writer, &info, &s->err), OK);
	assert_int_equal(info.bytes, 0);
	assert_hex(info.sha256, empty);
	write_text(s, writer, "a");
	assert_int_equal(blob_write_info(writer, &info, &s->err), OK);
	assert_int_equal(info.bytes, 1);
	write_text(s, writer, "bc");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(blob_write_info(writer, &info, &s->err), OK);
		assert_int_equal(info.bytes, 3);
		assert_hex(info.sha256, abc);
	}
	assert_int_equal(blob_write_commit(&writer, &info, &s->err), OK);
	assert_int_equal(info.bytes, 3);
	assert_hex(info.sha256, abc);
}

static void what_is_read_is_what_was_written_however_it_was_split(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");

	write_text(s, writer, "one ");
	write_text(s, writer, "");
	write_text(s, writer, "t");
	write_text(s, writer, "wo");
	commit(s, writer);
	assert_blob(s, "g", "n", "one two");
}

static void a_blob_of_any_bytes_and_many_megabytes_comes_back(void **state)
{
	enum { PIECE = 65537, PIECES = 400 };
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "big");
	struct blob_reader *reader;
	char *piece = malloc(PIECE), *back = malloc(PIECE);
	uint64_t size;
	size_t count;

	for (size_t i = 0; i < PIECE; i++)
		piece[i] = (char)(i * 7 + i / 256);
	for (int k = 0; k < PIECES; k++) {
		piece[0] = (char)k;
		assert_int_equal(blob_write(writer, (struct slice){piece, PIECE}, &s->err), OK);
	}
	commit(s, writer);
	assert_int_equal(blob_read_open(s->blob, "g", "big", &reader, &size, &s->err), OK);
	assert_int_equal(size, 26214800);
	for (int k = 0; k < PIECES; k++) {
		piece[0] = (char)k;
		assert_int_equal(blob_read(reader, back, PIECE, &count, &s->err), OK);
		assert_int_equal(count, PIECE);
		assert_memory_equal(back, piece, PIECE);
	}
	assert_int_equal(blob_read(reader, back, PIECE, &count, &s->err), OK);
	assert_int_equal(count, 0);
	blob_read_close(&reader);
	free(piece);
	free(back);
}

static void a_read_gives_fewer_bytes_only_at_the_end_and_0_after_it(void **state)
{
	static const char *const pieces[] = {"0123", "4567", "89", "", ""};
	struct store *s = *state;
	struct blob_reader *reader;
	uint64_t size;

	put(s, "g", "n", "0123456789");
	assert_int_equal(blob_read_open(s->blob, "g", "n", &reader, &size, &s->err), OK);
	assert_int_equal(size, 10);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char bytes[4];
		size_t count = 99;

		assert_int_equal(blob_read(reader, bytes, sizeof(bytes), &count, &s->err), OK);
		assert_int_equal(count, strlen(pieces[i]));
		assert_memory_equal(bytes, pieces[i], count);
	}
	blob_read_close(&reader);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct store *s = *state;

	assert_no_blob(s, "g", "n");
	put(s, "g", "n", "x");
	assert_no_blob(s, "g", "m");
	assert_no_blob(s, "g", "n1");
	assert_no_blob(s, "h", "n");
}

static void names_may_be_64_long_and_hold_every_allowed_character(void **state)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz-";
	static const char digits[] =
	    "0000000000111111111122222222223333333333444444444455555555556666";
	struct store *s = *state;

	assert_int_equal(strlen(letters), 64);
	assert_int_equal(strlen(digits), 64);
	put(s, letters, digits, "long");
	put(s, "-", "0", "short");
	assert_blob(s, letters, digits, "long");
	assert_blob(s, "-", "0", "short");
	assert_names(s, letters, digits);
	assert_int_equal(blob_remove(s->blob, letters, digits, &s->err), OK);
	assert_no_blob(s, letters, digits);
}

static void groups_do_not_touch_each_other(void **state)
{
	struct store *s = *state;

	put(s, "job-1", "part-1", "one");
	put(s, "job-10", "part-1", "ten");
	assert_blob(s, "job-1", "part-1", "one");
	assert_blob(s, "job-10", "part-1", "ten");
	assert_int_equal(blob_remove(s->blob, "job-1", "", &s->err), OK);
	assert_no_blob(s, "job-1", "part-1");
	assert_blob(s, "job-10", "part-1", "ten");
}

/* Whole or not at all. */

static void no_reader_sees_an_unfinished_blob(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");

	assert_no_blob(s, "g", "n");
	write_text(s, writer, "half");
	assert_no_blob(s, "g", "n");
	assert_names(s, "g", "tmp-");
	write_text(s, writer, " and half");
	commit(s, writer);
	assert_blob(s, "g", "n", "half and half");
	assert_names(s, "g", "n");
}

static void a_committed_blob_takes_the_place_of_an_older_one(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer;

	put(s, "g", "n", "a long old text");
	writer = begin(s, "g", "n");
	write_text(s, writer, "new");
	assert_blob(s, "g", "n", "a long old text");
	commit(s, writer);
	assert_blob(s, "g", "n", "new");
	assert_names(s, "g", "n");
}

static void a_reader_keeps_the_blob_that_it_opened(void **state)
{
	struct store *s = *state;
	struct blob_reader *reader;
	char bytes[8];
	uint64_t size;
	size_t count;

	put(s, "g", "n", "old");
	assert_int_equal(blob_read_open(s->blob, "g", "n", &reader, &size, &s->err), OK);
	put(s, "g", "n", "newer");
	assert_int_equal(blob_read(reader, bytes, sizeof(bytes), &count, &s->err), OK);
	assert_int_equal(count, 3);
	assert_memory_equal(bytes, "old", 3);
	blob_read_close(&reader);
}

static void two_writers_of_one_name_do_not_mix(void **state)
{
	struct store *s = *state;
	struct blob_writer *a = begin(s, "g", "n"), *b = begin(s, "g", "n");

	write_text(s, a, "aaaa");
	write_text(s, b, "bb");
	write_text(s, a, "AAAA");
	commit(s, b);
	assert_blob(s, "g", "n", "bb");
	commit(s, a);
	assert_blob(s, "g", "n", "aaaaAAAA");
}

static void an_abort_leaves_no_blob_and_the_older_one_in_place(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");

	write_text(s, writer, "text");
	blob_write_abort(&writer);
	assert_null(writer);
	assert_no_blob(s, "g", "n");
	assert_names(s, "g", "");

	put(s, "g", "n", "old");
	writer = begin(s, "g", "n");
	write_text(s, writer, "text");
	blob_write_abort(&writer);
	assert_blob(s, "g", "n", "old");
	assert_names(s, "g", "n");
}

static void enders_accept_null(void **state)
{
	struct blob *blob = NULL;
	struct blob_writer *writer = NULL;
	struct blob_reader *reader = NULL;

	(void)state;
	blob_write_abort(&writer);
	blob_read_close(&reader);
	blob_close(&blob);
}

static void blobs_are_there_after_a_restart(void **state)
{
	struct store *s = *state;

	put(s, "g", "n", "kept");
	store_reopen(s);
	assert_blob(s, "g", "n", "kept");
	assert_groups(s, "g");
}

static void a_killed_writer_leaves_litter_that_a_sweep_finds_and_removes(void **state)
{
	struct store *s = *state;
	pid_t child;
	int how;

	put(s, "g", "n", "kept");
	child = fork();
	if (child == 0) {
		struct blob_writer *writer;

		if (blob_write_begin(s->blob, "g", "m", &writer, NULL) != OK ||
		    blob_write(writer, SLICE("lost"), NULL) != OK)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_int_equal(how, 0);
	store_reopen(s);
	assert_no_blob(s, "g", "m");
	assert_names(s, "g", "n tmp-");
	assert_int_equal(blob_remove(s->blob, "g", "tmp-", &s->err), OK);
	assert_names(s, "g", "n");
}

/* Removing. */

static void a_prefix_removes_what_begins_with_it_and_nothing_else(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer;

	put(s, "g", "part-1", "1");
	put(s, "g", "part-10", "10");
	put(s, "g", "part-2", "2");
	put(s, "g", "par", "p");
	put(s, "g", "tail", "t");
	writer = begin(s, "g", "part-11");
	write_text(s, writer, "11");

	assert_int_equal(blob_remove(s->blob, "g", "part-1", &s->err), OK);
	assert_names(s, "g", "par part-2 tail tmp-");
	assert_int_equal(blob_remove(s->blob, "g", "t", &s->err), OK);
	assert_names(s, "g", "par part-2 tmp-");
	write_text(s, writer, " more");
	commit(s, writer);
	assert_blob(s, "g", "part-11", "11 more");
	assert_int_equal(blob_remove(s->blob, "g", "pa", &s->err), OK);
	assert_names(s, "g", "");
}

static void no_prefix_removes_the_group_and_unfinished_blobs_too(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer;

	put(s, "g", "a", "1");
	put(s, "g", "b", "2");
	put(s, "h", "a", "3");
	writer = begin(s, "g", "c");
	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_groups(s, "h");
	assert_names(s, "g", "");
	assert_no_blob(s, "g", "a");
	blob_write_abort(&writer);
	assert_groups(s, "h");
}

static void removing_what_is_not_there_is_fine(void **state)
{
	struct store *s = *state;

	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_int_equal(blob_remove(s->blob, "g", "part", &s->err), OK);
	put(s, "g", "n", "x");
	assert_int_equal(blob_remove(s->blob, "g", "part", &s->err), OK);
	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_groups(s, "");
}

static void a_write_into_a_removed_group_says_gone(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");

	write_text(s, writer, "before");
	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_int_equal(blob_write(writer, SLICE("after"), &s->err), E_GONE);
	assert_string_equal(s->err.text, "write blob g/n: the group was removed");
	blob_write_abort(&writer);
	assert_groups(s, "");
}

static void a_commit_into_a_removed_group_says_gone(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");
	struct blob_info info = {.bytes = 77};

	write_text(s, writer, "before");
	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_int_equal(blob_write_commit(&writer, &info, &s->err), E_GONE);
	assert_null(writer);
	assert_int_equal(info.bytes, 77);
	assert_string_equal(s->err.text, "commit blob g/n: the group was removed");
	assert_groups(s, "");
}

static void a_group_made_anew_does_not_bring_old_writers_back(void **state)
{
	struct store *s = *state;
	struct blob_writer *old = begin(s, "g", "n"), *older = begin(s, "g", "n");
	struct blob_info info;

	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	put(s, "g", "n", "second life");
	assert_int_equal(blob_write(old, SLICE("x"), &s->err), E_GONE);
	blob_write_abort(&old);
	assert_int_equal(blob_write_commit(&older, &info, &s->err), E_GONE);
	assert_blob(s, "g", "n", "second life");
	assert_names(s, "g", "n");
}

/* Walks. */

struct stop {
	struct store *s;
	const char *group;
	int visits;
};

static enum status stop_at_second(void *ctx, const char *name, struct err *err)
{
	struct stop *stop = ctx;

	return ++stop->visits == 2 ? err_set(err, E_CANCELLED, "at %zu", strlen(name)) : OK;
}

static void a_walk_ends_with_what_its_visitor_returns(void **state)
{
	static const char *const names[] = {"na", "nb", "nc"};
	struct store *s = *state;
	struct stop stop = {0};

	for (size_t i = 0; i < 3; i++) {
		put(s, "g", names[i], "x");
		put(s, names[i], "x", "x");
	}
	assert_int_equal(blob_each(s->blob, "g", stop_at_second, &stop, &s->err), E_CANCELLED);
	assert_int_equal(stop.visits, 2);
	assert_string_equal(s->err.text, "at 2");
	stop.visits = 0;
	assert_int_equal(blob_each_group(s->blob, stop_at_second, &stop, &s->err), E_CANCELLED);
	assert_int_equal(stop.visits, 2);
}

static void a_walk_of_groups_shows_each_once(void **state)
{
	struct store *s = *state;

	assert_groups(s, "");
	put(s, "b", "x", "");
	put(s, "a", "x", "");
	put(s, "a", "y", "");
	put(s, "c-3", "x", "");
	assert_groups(s, "a b c-3");
}

static void a_walk_of_a_group_that_is_not_there_shows_nothing(void **state)
{
	assert_names(*state, "g", "");
}

static enum status remove_one(void *ctx, const char *name, struct err *err)
{
	struct stop *stop = ctx;

	stop->visits++;
	if (stop->group == NULL)
		return blob_remove(stop->s->blob, name, "", err);
	return blob_remove(stop->s->blob, stop->group, name, err);
}

static void a_visitor_may_remove_what_it_is_shown(void **state)
{
	struct store *s = *state;
	struct stop groups = {.s = s}, blobs = {.s = s, .group = "job-7"};

	for (int i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "job-%d", i);
		put(s, name, "part", "x");
		snprintf(name, sizeof(name), "part-%02d", i);
		put(s, "job-7", name, "x");
	}
	assert_int_equal(blob_remove(s->blob, "job-7", "part-1", &s->err), OK); /* 10 to 19 */
	assert_int_equal(blob_remove(s->blob, "job-7", "part-20", &s->err), OK);
	assert_int_equal(blob_each(s->blob, "job-7", remove_one, &blobs, &s->err), OK);
	assert_in_range(
	    blobs.visits, 1, 40); /* "part" takes the others with it, if it comes early */
	assert_names(s, "job-7", "");
	assert_int_equal(blob_each_group(s->blob, remove_one, &groups, &s->err), OK);
	assert_int_equal(groups.visits, 50);
	assert_groups(s, "");
}

/* Rivals. */

struct rivals {
	struct store *s;
	atomic_bool end;
	atomic_int committed, gone, wrong;
};

static void *write_again_and_again(void *ctx)
{
	struct rivals *r = ctx;

	while (!atomic_load(&r->end)) {
		struct blob_writer *writer;
		struct blob_info info;
		enum status st = blob_write_begin(r->s->blob, "g", "n", &writer, NULL);

		if (st != OK) {
			atomic_fetch_add(&r->wrong, 1);
			continue;
		}
		st = blob_write(writer, SLICE("whole"), NULL);
		if (st == OK)
			st = blob_write_commit(&writer, &info, NULL);
		blob_write_abort(&writer);
		atomic_fetch_add(st == OK ? &r->committed : st == E_GONE ? &r->gone : &r->wrong, 1);
	}
	return NULL;
}

/* A blob of its own: no rival writes that name, so that it must be gone once it was removed. */
static void removal_and_writers_at_once_end_in_ok_or_gone(void **state)
{
	struct store *s = *state;
	struct rivals r = {.s = s};
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    thread_start(&threads[i], "rival", write_again_and_again, &r, &s->err), OK);
	for (int i = 0; i < 300; i++) {
		struct blob_writer *writer = begin(s, "g", "own");
		struct blob_info info;

		assert_int_equal(blob_write_commit(&writer, &info, &s->err), OK);
		writer = begin(s, "g", "own");
		assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
		assert_no_blob(s, "g", "own");
		assert_int_equal(blob_write(writer, SLICE("x"), &s->err), E_GONE);
		blob_write_abort(&writer);
	}
	atomic_store(&r.end, true);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	assert_int_equal(r.wrong, 0);
	assert_true(r.committed > 0);
	assert_true(r.gone > 0);
	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_groups(s, "");
}

static void a_reader_among_replacing_writers_sees_whole_blobs_only(void **state)
{
	struct store *s = *state;
	struct rivals r = {.s = s};
	pthread_t threads[2];

	put(s, "g", "n", "whole");
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    thread_start(&threads[i], "rival", write_again_and_again, &r, &s->err), OK);
	for (int i = 0; i < 2000; i++)
		assert_blob(s, "g", "n", "whole");
	atomic_store(&r.end, true);
	for (int i = 0; i < 2; i++)
		thread_join(threads[i]);
	assert_int_equal(r.wrong + r.gone, 0);
	assert_names(s, "g", "n");
}

/* --- Following --------------------------------------------------------------------------------- */

static void assert_more(struct store *s, struct blob_reader *reader, const char *text)
{
	char bytes[64];
	size_t count;

	assert_int_equal(blob_read(reader, bytes, sizeof(bytes), &count, &s->err), OK);
	assert_int_equal(count, strlen(text));
	assert_memory_equal(bytes, text, count);
}

static void a_follower_reads_what_was_written_and_later_what_came_behind(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");
	struct blob_reader *reader = NULL;

	write_text(s, writer, "one");
	assert_int_equal(blob_follow(writer, &reader, &s->err), OK);
	assert_more(s, reader, "one");
	assert_more(s, reader, "");
	write_text(s, writer, "two");
	assert_more(s, reader, "two");
	write_text(s, writer, "three");
	commit(s, writer);
	assert_more(s, reader, "three");
	assert_more(s, reader, "");
	blob_read_close(&reader);
	assert_blob(s, "g", "n", "onetwothree");
}

static void a_follower_outlives_an_aborted_writer(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");
	struct blob_reader *reader = NULL;

	write_text(s, writer, "one");
	assert_int_equal(blob_follow(writer, &reader, &s->err), OK);
	blob_write_abort(&writer);
	assert_more(s, reader, "one");
	assert_more(s, reader, "");
	blob_read_close(&reader);
}

static void following_in_a_removed_group_says_gone(void **state)
{
	struct store *s = *state;
	struct blob_writer *writer = begin(s, "g", "n");
	struct blob_reader *reader = NULL;

	assert_int_equal(blob_remove(s->blob, "g", "", &s->err), OK);
	assert_int_equal(blob_follow(writer, &reader, &s->err), E_GONE);
	assert_null(reader);
	blob_write_abort(&writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_open, store_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_commit_tells_size_and_sha256),
	    TEST(a_writer_tells_what_it_has_so_far_and_goes_on),
	    TEST(what_is_read_is_what_was_written_however_it_was_split),
	    TEST(a_blob_of_any_bytes_and_many_megabytes_comes_back),
	    TEST(a_read_gives_fewer_bytes_only_at_the_end_and_0_after_it),
	    TEST(what_is_not_there_is_not_found),
	    TEST(names_may_be_64_long_and_hold_every_allowed_character),
	    TEST(groups_do_not_touch_each_other),
	    TEST(no_reader_sees_an_unfinished_blob),
	    TEST(a_committed_blob_takes_the_place_of_an_older_one),
	    TEST(a_reader_keeps_the_blob_that_it_opened),
	    TEST(two_writers_of_one_name_do_not_mix),
	    TEST(an_abort_leaves_no_blob_and_the_older_one_in_place),
	    TEST(enders_accept_null),
	    TEST(blobs_are_there_after_a_restart),
	    TEST(a_killed_writer_leaves_litter_that_a_sweep_finds_and_removes),
	    TEST(a_prefix_removes_what_begins_with_it_and_nothing_else),
	    TEST(no_prefix_removes_the_group_and_unfinished_blobs_too),
	    TEST(removing_what_is_not_there_is_fine),
	    TEST(a_write_into_a_removed_group_says_gone),
	    TEST(a_commit_into_a_removed_group_says_gone),
	    TEST(a_group_made_anew_does_not_bring_old_writers_back),
	    TEST(a_walk_ends_with_what_its_visitor_returns),
	    TEST(a_walk_of_groups_shows_each_once),
	    TEST(a_walk_of_a_group_that_is_not_there_shows_nothing),
	    TEST(a_visitor_may_remove_what_it_is_shown),
	    TEST(a_follower_reads_what_was_written_and_later_what_came_behind),
	    TEST(a_follower_outlives_an_aborted_writer),
	    TEST(following_in_a_removed_group_says_gone),
	    TEST(removal_and_writers_at_once_end_in_ok_or_gone),
	    TEST(a_reader_among_replacing_writers_sees_whole_blobs_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
