/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of blobs in a folder cannot be seen through blob.h: modes, the order in which effects reach
 * the disk, and disks that fail.
 *
 * The calls that change a folder or sync are defined here over the C library's: each is written to
 * a journal, and the one that the test names fails with EIO.
 */
#include "blob/blob.h"
#include "blob/blob_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[256], root[300];
static struct blob *blob;
static struct err err;

/* The disk. */

static char journal[1024];
static int calls_until_failure; /* 0: none fails */
static int calls_until_rival;   /* rival() comes in between, before that call; 0: never */
static void (*rival)(void);

/* "tmp-…" is written as "tmp", whatever the random part. */
static bool record(const char *call, const char *name)
{
	size_t used = strlen(journal);

	snprintf(journal + used, sizeof(journal) - used, "%s%s %s", used == 0 ? "" : ", ", call,
	    strncmp(name, "tmp-", 4) == 0 ? "tmp" : name);
	if (calls_until_rival > 0 && --calls_until_rival == 0)
		rival();
	if (calls_until_failure > 0 && --calls_until_failure == 0) {
		errno = EIO;
		return false;
	}
	return true;
}

static bool record_file(const char *call, int file)
{
	char link[64], path[512] = "";
	const char *slash;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return false;
	slash = strrchr(path, '/');
	return record(call, slash == NULL ? path : slash + 1);
}

int fsync(int file)
{
	return record_file("fsync", file) ? (int)syscall(SYS_fsync, file) : -1;
}

int fdatasync(int file)
{
	return record_file("fdatasync", file) ? (int)syscall(SYS_fdatasync, file) : -1;
}

int mkdirat(int at, const char *name, mode_t mode)
{
	return record("mkdir", name) ? (int)syscall(SYS_mkdirat, at, name, mode) : -1;
}

int renameat(int from, const char *old, int to, const char *new)
{
	return record("rename", old) ? (int)syscall(SYS_renameat, from, old, to, new) : -1;
}

int unlinkat(int at, const char *name, int flags)
{
	const char *call = (flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink";

	return record(call, name) ? (int)syscall(SYS_unlinkat, at, name, flags) : -1;
}

static void fail_call(int number)
{
	journal[0] = '\0';
	calls_until_failure = number;
}

/* The folder. */

static int open_store(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	fail_call(0);
	snprintf(folder, sizeof(folder), "%s/sluice-dir-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(folder));
	snprintf(root, sizeof(root), "%s/root", folder);
	assert_int_equal(blob_dir_open(root, &blob, &err), OK);
	fail_call(0);
	return 0;
}

static enum status remove_group(void *ctx, const char *group, struct err *why)
{
	(void)ctx;
	return blob_remove(blob, group, "", why);
}

static int close_store(void **state)
{
	(void)state;
	fail_call(0);
	assert_int_equal(blob_each_group(blob, remove_group, NULL, &err), OK);
	blob_close(&blob);
	assert_int_equal(rmdir(root), 0);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* Begin to commit, with an abort if it fails on the way. */
static enum status put(const char *group, const char *name)
{
	struct blob_writer *writer = NULL;
	struct blob_info info;
	enum status st = blob_write_begin(blob, group, name, &writer, &err);

	if (st == OK)
		st = blob_write(writer, SLICE("text"), &err);
	if (st == OK)
		st = blob_write_commit(&writer, &info, &err);
	blob_write_abort(&writer);
	return st;
}

static bool is_there(const char *group, const char *name)
{
	struct blob_reader *reader = NULL;
	uint64_t bytes;
	enum status st = blob_read_open(blob, group, name, &reader, &bytes, NULL);

	blob_read_close(&reader);
	assert_true(st == OK || st == E_NOT_FOUND);
	return st == OK;
}

static enum status count_name(void *ctx, const char *name, struct err *why)
{
	(void)name;
	(void)why;
	++*(int *)ctx;
	return OK;
}

static int count_blobs(const char *group)
{
	int count = 0;

	assert_int_equal(blob_each(blob, group, count_name, &count, &err), OK);
	return count;
}

static mode_t mode_of(const char *path)
{
	char whole[400];
	struct stat about;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	assert_int_equal(stat(whole, &about), 0);
	return about.st_mode;
}

static void make_file(const char *path)
{
	char whole[400];
	int file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	file = open(whole, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(file >= 0);
	close(file);
}

static void nobody_else_may_look_in(void **state)
{
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(blob_remove(blob, "g", "", &err), OK);
	blob_close(&blob);
	assert_int_equal(rmdir(root), 0);
	assert_int_equal(blob_dir_open(root, &blob, &err), OK);
	assert_int_equal(put("g", "n"), OK);
	umask(before);
	assert_int_equal(mode_of("."), S_IFDIR | 0700);
	assert_int_equal(mode_of("g"), S_IFDIR | 0700);
	assert_int_equal(mode_of("g/n"), S_IFREG | 0600);
}

static void an_open_that_fails_says_where_and_leaves_its_output(void **state)
{
	struct blob *other = (struct blob *)1;
	char path[400], expected[500];

	(void)state;
	snprintf(path, sizeof(path), "%s/no/such", folder);
	snprintf(
	    expected, sizeof(expected), "blob folder %s: mkdir: No such file or directory", path);
	assert_int_equal(blob_dir_open(path, &other, &err), E_NOT_FOUND);
	assert_string_equal(err.text, expected);

	make_file("file");
	snprintf(path, sizeof(path), "%s/file", root);
	assert_int_equal(blob_dir_open(path, &other, &err), E_IO);
	assert_ptr_equal(other, (void *)1);
	assert_int_equal(unlink(path), 0);
}

static void an_open_syncs_what_a_killed_run_may_have_left(void **state)
{
	char expected[300];
	struct blob *again;

	(void)state;
	snprintf(expected, sizeof(expected), "fsync %s, fsync root", strrchr(folder, '/') + 1);
	assert_int_equal(blob_dir_open(root, &again, &err), OK);
	assert_string_equal(journal, expected);
	blob_close(&again);
}

static void each_step_is_on_the_disk_before_the_next_needs_it(void **state)
{
	(void)state;
	assert_int_equal(put("g", "n"), OK);
	assert_string_equal(journal, "mkdir g, fsync root, fdatasync tmp, rename tmp, fsync g");
	fail_call(0);
	assert_int_equal(put("g", "m"), OK);
	assert_string_equal(journal, "fdatasync tmp, rename tmp, fsync g");
	fail_call(0);
	assert_int_equal(blob_remove(blob, "g", "m", &err), OK);
	assert_string_equal(journal, "unlink m, fsync g");
	fail_call(0);
	assert_int_equal(blob_remove(blob, "g", "", &err), OK);
	assert_string_equal(journal, "unlink n, rmdir g, fsync root");
	fail_call(0);
	assert_int_equal(blob_remove(blob, "g", "", &err), OK);
	assert_string_equal(journal, ""); /* so that the abort of an empty job costs no sync */
}

static void a_put_that_fails_at_any_step_leaves_nothing_to_see(void **state)
{
	int number;

	(void)state;
	for (number = 1; number < 20; number++) {
		enum status st;

		/* Anew each time: who saw a failed sync of the root syncs it more often. */
		blob_close(&blob);
		assert_int_equal(blob_dir_open(root, &blob, &err), OK);
		fail_call(number);
		st = put("g", "n");
		if (calls_until_failure > 0)
			break;
		assert_int_equal(st, E_IO);
		assert_false(is_there("g", "n"));
		assert_int_equal(count_blobs("g"), 0);
		fail_call(0);
		assert_int_equal(blob_remove(blob, "g", "", &err), OK);
	}
	assert_int_equal(number, 6); /* five steps */
	assert_true(is_there("g", "n"));
}

static void a_group_whose_sync_failed_is_synced_by_the_next_writer(void **state)
{
	(void)state;
	fail_call(2);
	assert_int_equal(put("g", "n"), E_IO);
	assert_string_equal(err.text, "write blob g/n: fsync the root: Input/output error");
	assert_string_equal(journal, "mkdir g, fsync root");
	fail_call(0);
	assert_int_equal(put("g", "n"), OK);
	assert_string_equal(journal, "fsync root, fdatasync tmp, rename tmp, fsync g");
}

static void a_removal_that_fails_at_any_step_can_be_tried_again(void **state)
{
	int number;

	(void)state;
	for (number = 1; number < 20; number++) {
		enum status st;

		fail_call(0);
		assert_int_equal(put("g", "n"), OK);
		assert_int_equal(put("g", "m"), OK);
		fail_call(number);
		st = blob_remove(blob, "g", "", &err);
		if (calls_until_failure > 0)
			break;
		assert_int_equal(st, E_IO);
		fail_call(0);
		assert_int_equal(blob_remove(blob, "g", "", &err), OK);
		assert_non_null(strstr(journal, "fsync root"));
		assert_int_equal(count_blobs("g"), 0);
	}
	assert_int_equal(number, 5); /* two unlinks, rmdir, fsync */
}

static void a_removal_by_prefix_that_could_not_be_synced_says_so(void **state)
{
	(void)state;
	assert_int_equal(put("g", "n"), OK);
	fail_call(2);
	assert_int_equal(blob_remove(blob, "g", "n", &err), E_IO);
	assert_string_equal(err.text, "remove blobs g/n*: fsync the group: Input/output error");
	fail_call(0);
	assert_int_equal(blob_remove(blob, "g", "n", &err), OK);
	assert_string_equal(journal, "fsync g");
}

/* The kernel's own calls, so that the journal shows only what blob_dir.c does. */
static void remove_folder_g(void)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/g", root);
	assert_int_equal(rmdir(path), 0);
}

static void a_writer_makes_its_group_anew_when_it_is_removed_in_between(void **state)
{
	(void)state;
	fail_call(0);
	rival = remove_folder_g;
	calls_until_rival = 2;
	assert_int_equal(put("g", "n"), OK);
	assert_string_equal(journal, "mkdir g, fsync root, mkdir g, fsync root, "
				     "fdatasync tmp, rename tmp, fsync g");
	assert_true(is_there("g", "n"));
}

static void make_file_in_g(void)
{
	make_file("g/tmp-rival");
}

static void a_removal_empties_again_what_a_rival_filled_in_between(void **state)
{
	(void)state;
	assert_int_equal(put("g", "n"), OK);
	fail_call(0);
	rival = make_file_in_g;
	calls_until_rival = 2;
	assert_int_equal(blob_remove(blob, "g", "", &err), OK);
	assert_string_equal(journal, "unlink n, rmdir g, unlink tmp, rmdir g, fsync root");
	assert_int_equal(count_blobs("g"), 0);
}

static void make_file_in_g_always(void)
{
	static int made;
	char path[32];

	snprintf(path, sizeof(path), "g/tmp-%d", made++);
	make_file(path);
	calls_until_rival = 2;
}

static void a_removal_ends_though_new_writers_never_do(void **state)
{
	(void)state;
	assert_int_equal(put("g", "n"), OK);
	fail_call(0);
	rival = make_file_in_g_always;
	calls_until_rival = 2;
	assert_int_equal(blob_remove(blob, "g", "", &err), OK);
	calls_until_rival = 0;
	assert_false(is_there("g", "n"));
	assert_int_equal(count_blobs("g"), 1); /* the last rival's */
	assert_non_null(strstr(journal, "rmdir g, fsync g"));
}

static void walks_pass_over_what_is_not_ours(void **state)
{
	char path[400];
	int groups = 0;

	(void)state;
	assert_int_equal(put("g", "n"), OK);
	make_file("a-file");
	make_file("g/Capital");
	make_file("g/.hidden");
	snprintf(path, sizeof(path), "%s/lost+found", root);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(blob_each_group(blob, count_name, &groups, &err), OK);
	assert_int_equal(groups, 1);
	assert_int_equal(count_blobs("g"), 1);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/a-file", root);
	assert_int_equal(unlink(path), 0);
}

static void no_link_is_followed_out_of_the_root(void **state)
{
	char path[400];
	struct blob_reader *reader;
	struct blob_writer *writer;
	uint64_t bytes;

	(void)state;
	assert_int_equal(put("g", "n"), OK);
	snprintf(path, sizeof(path), "%s/g/link", root);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(blob_read_open(blob, "g", "link", &reader, &bytes, &err), E_IO);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/h", root);
	assert_int_equal(symlink("g", path), 0);
	assert_int_equal(blob_write_begin(blob, "h", "n", &writer, &err), E_IO);
	assert_int_equal(unlink(path), 0);
}

/* Writes until one fails and returns how; the abort must then leave no trace. */
static enum status write_until_failure(void)
{
	static const char chunk[65536];
	struct blob_writer *writer;
	enum status st = OK;

	assert_int_equal(blob_write_begin(blob, "g", "big", &writer, &err), OK);
	for (int i = 0; i < 64 && st == OK; i++)
		st = blob_write(writer, (struct slice){chunk, sizeof(chunk)}, &err);
	blob_write_abort(&writer);
	assert_false(is_there("g", "big"));
	assert_int_equal(count_blobs("g"), 1);
	return st;
}

static void a_write_that_fails_leaves_no_trace(void **state)
{
	struct rlimit before, small;
	enum status st;

	(void)state;
	assert_int_equal(put("g", "n"), OK);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = 100000, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	st = write_until_failure();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(st, E_IO);
	assert_string_equal(err.text, "write blob g/big: write: File too large");
	assert_int_equal(put("g", "n"), OK);
}

static void a_full_disk_is_said_to_be_full_and_works_again_after(void **state)
{
	enum status st;

	(void)state;
	/* A mount of our own, which ends with this process; only root may. */
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", root, "tmpfs", 0, "size=1m,mode=0700") != 0)
		skip();
	blob_close(&blob);
	assert_int_equal(blob_dir_open(root, &blob, &err), OK);
	assert_int_equal(put("g", "n"), OK);
	st = write_until_failure();
	assert_int_equal(st, E_FULL);
	assert_string_equal(err.text, "write blob g/big: write: No space left on device");
	assert_int_equal(put("g", "m"), OK);
	blob_close(&blob);
	assert_int_equal(umount(root), 0);
	assert_int_equal(blob_dir_open(root, &blob, &err), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nobody_else_may_look_in),
	    TEST(an_open_that_fails_says_where_and_leaves_its_output),
	    TEST(an_open_syncs_what_a_killed_run_may_have_left),
	    TEST(each_step_is_on_the_disk_before_the_next_needs_it),
	    TEST(a_put_that_fails_at_any_step_leaves_nothing_to_see),
	    TEST(a_group_whose_sync_failed_is_synced_by_the_next_writer),
	    TEST(a_removal_that_fails_at_any_step_can_be_tried_again),
	    TEST(a_removal_by_prefix_that_could_not_be_synced_says_so),
	    TEST(a_writer_makes_its_group_anew_when_it_is_removed_in_between),
	    TEST(a_removal_empties_again_what_a_rival_filled_in_between),
	    TEST(a_removal_ends_though_new_writers_never_do),
	    TEST(walks_pass_over_what_is_not_ours),
	    TEST(no_link_is_followed_out_of_the_root),
	    TEST(a_write_that_fails_leaves_no_trace),
	    TEST(a_full_disk_is_said_to_be_full_and_works_again_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
