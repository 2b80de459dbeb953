/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files: whole or not at all, on disks that fail.  The calls that count are defined here over
 * the C library's: each is written to a journal, and the one that the test names fails with EIO.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];
static struct err err;

/* --- The disk --------------------------------------------------------------------------------- */

static char journal[256];
static int calls_until_failure; /* 0: none fails */
static bool is_watched;

static bool record(const char *call)
{
	if (!is_watched)
		return true;
	strncat(journal, journal[0] == '\0' ? "" : " ", sizeof(journal) - strlen(journal) - 1);
	strncat(journal, call, sizeof(journal) - strlen(journal) - 1);
	if (calls_until_failure > 0 && --calls_until_failure == 0) {
		errno = EIO;
		return false;
	}
	return true;
}

int fsync(int fd)
{
	struct stat info;

	if (fstat(fd, &info) != 0)
		return -1;
	return record(S_ISDIR(info.st_mode) ? "sync-folder" : "sync") ? (int)syscall(SYS_fsync, fd)
								      : -1;
}

int fchmod(int fd, mode_t mode)
{
	return record("mode") ? (int)syscall(SYS_fchmod, fd, mode) : -1;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
	/* A write may take less than it was given. */
	size_t some = is_watched && count > 3 ? 3 : count;

	return record("write") ? syscall(SYS_write, fd, bytes, some) : -1;
}

int rename(const char *from, const char *to)
{
	return record("rename") ? (int)syscall(SYS_rename, from, to) : -1;
}

static void watch(int fail_at)
{
	journal[0] = '\0';
	calls_until_failure = fail_at;
	is_watched = true;
}

static int set_up(void **state)
{
	(void)state;
	is_watched = false;
	snprintf(folder, sizeof(folder), "/tmp/file-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key.pem", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	is_watched = false;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void assert_file(const char *want)
{
	struct buffer bytes;

	is_watched = false;
	buffer_init(&bytes, 100);
	assert_int_equal(file_read(path, 100, &bytes, &err), OK);
	assert_true(slice_is(buffer_slice(&bytes), want));
	buffer_fini(&bytes);
}

static bool is_there(const char *name)
{
	char other[256];

	snprintf(other, sizeof(other), "%s/%s", folder, name);
	return access(other, F_OK) == 0;
}

static enum status replace(const char *text, mode_t mode)
{
	return file_replace(path, slice_of(text), mode, &err);
}

/* --- Replacing -------------------------------------------------------------------------------- */

static void a_file_is_durable_before_it_has_its_name_and_so_is_the_name(void **state)
{
	(void)state;
	watch(0);
	assert_int_equal(replace("secret", 0600), OK);
	assert_string_equal(journal, "mode write write sync rename sync-folder");
	assert_file("secret");
	assert_false(is_there("key.pem.new"));
}

static void a_file_has_the_mode_that_was_asked_for_whatever_was_left(void **state)
{
	struct stat info;
	char fresh[160];
	int fd;

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_CREAT | O_WRONLY, 0666);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(fresh, 0666), 0);
	assert_int_equal(replace("secret", 0600), OK);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(replace("public", 0644), OK);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0644);
}

static void a_disk_that_fails_leaves_what_there_was(void **state)
{
	(void)state;
	assert_int_equal(replace("before", 0600), OK);
	/* Mode, two writes, sync, rename. */
	for (int call = 1; call <= 5; call++) {
		watch(call);
		assert_int_equal(replace("later!", 0600), E_IO);
		assert_non_null(strstr(err.text, folder));
		assert_file("before");
		assert_false(is_there("key.pem.new"));
	}
	/* It has its name, and may lose it again. */
	watch(6);
	assert_int_equal(replace("later!", 0600), E_IO);
	assert_file("later!");
	watch(7);
	assert_int_equal(replace("last", 0600), OK);
}

/* --- Reading, folders ------------------------------------------------------------------------- */

static void a_file_is_read_up_to_its_limit(void **state)
{
	struct buffer bytes;

	(void)state;
	buffer_init(&bytes, 100);
	assert_int_equal(file_read(path, 10, &bytes, &err), E_NOT_FOUND);
	assert_int_equal(replace("0123456789", 0600), OK);
	assert_int_equal(file_read(path, 10, &bytes, &err), OK);
	assert_int_equal(bytes.len, 10);
	assert_int_equal(file_read(path, 9, &bytes, &err), E_LIMIT);
	assert_non_null(strstr(err.text, "longer than 9 bytes"));
	buffer_fini(&bytes);
}

static void a_folder_is_for_its_owner_and_durable(void **state)
{
	struct stat info;

	(void)state;
	snprintf(path, sizeof(path), "%s/keys", folder);
	umask(0);
	watch(0);
	assert_int_equal(file_make_folder(path, &err), OK);
	assert_string_equal(journal, "sync-folder");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(file_make_folder(path, &err), OK);
	snprintf(path, sizeof(path), "%s/none/keys", folder);
	assert_int_equal(file_make_folder(path, &err), E_NOT_FOUND);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_file_is_durable_before_it_has_its_name_and_so_is_the_name),
	    TEST(a_file_has_the_mode_that_was_asked_for_whatever_was_left),
	    TEST(a_disk_that_fails_leaves_what_there_was),
	    TEST(a_file_is_read_up_to_its_limit),
	    TEST(a_folder_is_for_its_owner_and_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
