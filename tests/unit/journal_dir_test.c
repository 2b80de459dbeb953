/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a journal in a folder cannot be seen through journal.h: its files, the order in which
 * effects reach the disk, and what crashes, damage and failing disks do.
 *
 * The calls that change files or sync are defined here over the C library's: each is written into a
 * record, and the one that the test names fails, or the test does something in between.
 */
#include "base/metrics.h"
#include "base/thread.h"
#include "journal/journal.h"
#include "journal/journal_dir.h"
#include "journal/journal_dir_frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB          (1024 * 1024)
#define CALL(number) (1u << (number))
#define FIRST_FILE   "00000000000000000000.log"

static char folder[256], root[300];
static struct journal *journal;
static struct arena arena;
static struct err err;

/* The disk. */

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static char calls[2048];
static int call_count;
static unsigned failing;           /* CALL(2) | CALL(4): the second and the fourth one fail */
static bool has_failed;            /* one did */
static int event_at;               /* event() comes in between, before that call; 0: never */
static void (*event)(void);        /* without the mutex */
static atomic_int syncs;           /* calls of fdatasync */
static atomic_int_fast64_t landed; /* bytes until the disk ends the process; negative: never */

static bool record(const char *call, const char *name)
{
	bool fails, happens;
	size_t used;

	pthread_mutex_lock(&disk);
	used = strlen(calls);
	snprintf(calls + used, sizeof(calls) - used, "%s%s %s", used == 0 ? "" : ", ", call, name);
	happens = ++call_count == event_at;
	fails = call_count < 32 && (failing & CALL(call_count)) != 0;
	has_failed = has_failed || fails;
	pthread_mutex_unlock(&disk);
	if (happens)
		event();
	errno = EIO;
	return !fails;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static bool record_file(const char *call, int file)
{
	char link[64], path[512] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return false;
	return record(call, last_part(path));
}

int fsync(int file)
{
	return record_file("fsync", file) ? (int)syscall(SYS_fsync, file) : -1;
}

int fdatasync(int file)
{
	atomic_fetch_add(&syncs, 1);
	return record_file("fdatasync", file) ? (int)syscall(SYS_fdatasync, file) : -1;
}

int mkdirat(int at, const char *name, mode_t mode)
{
	return record("mkdir", name) ? (int)syscall(SYS_mkdirat, at, name, mode) : -1;
}

int unlinkat(int at, const char *name, int flags)
{
	const char *call = (flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink";

	/* Only those that find something: to look for what may be there is no step. */
	if (faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return record(call, last_part(name)) ? (int)syscall(SYS_unlinkat, at, name, flags) : -1;
}

int ftruncate(int file, off_t bytes)
{
	return record_file("cut", file) ? (int)syscall(SYS_ftruncate, file, bytes) : -1;
}

ssize_t pwritev(int file, const struct iovec *slices, int count, off_t offset)
{
	if (!record_file("write", file))
		return -1;
	if (atomic_load(&landed) >= 0) {
		size_t bytes = (size_t)atomic_load(&landed);

		for (int i = 0; i < count && bytes > 0; i++) {
			size_t n = slices[i].iov_len < bytes ? slices[i].iov_len : bytes;

			if (syscall(SYS_pwrite64, file, slices[i].iov_base, n, offset) != (long)n)
				_exit(2);
			offset += (off_t)n;
			bytes -= n;
		}
		_exit(0);
	}
	return syscall(SYS_pwritev, file, slices, count, offset, 0);
}

/* From now on. */
static void fail_calls(unsigned which)
{
	calls[0] = '\0';
	call_count = 0;
	failing = which;
	has_failed = false;
	event_at = 0;
}

static void forget_calls(void)
{
	fail_calls(0);
}

/* The folder. */

static void reopen(void)
{
	struct journal_dir_options options = {
	    .path = root, .log_bytes_max = 1024 * MIB, .bytes_max = 1024 * MIB};

	journal_close(&journal);
	forget_calls();
	assert_int_equal(journal_dir_open(&options, &journal, &err), OK);
	forget_calls();
}

static int open_store(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	atomic_store(&landed, -1);
	atomic_store(&syncs, 0);
	forget_calls();
	arena_init(&arena, 4096);
	snprintf(folder, sizeof(folder), "%s/sluice-logs-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(folder));
	snprintf(root, sizeof(root), "%s/root", folder);
	reopen();
	return 0;
}

static int remove_path(const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

static int close_store(void **state)
{
	(void)state;
	forget_calls();
	journal_close(&journal);
	arena_fini(&arena);
	assert_int_equal(nftw(folder, remove_path, 16, FTW_DEPTH | FTW_PHYS), 0);
	return 0;
}

static enum status try_append(const char *name, const char *text)
{
	int64_t end = -7;
	enum status st = journal_append(journal, name, slice_of(text), &end, &err);

	if (st != OK)
		assert_int_equal(end, -7);
	return st;
}

static int64_t append(const char *name, const char *text)
{
	int64_t end;

	assert_int_equal(journal_append(journal, name, slice_of(text), &end, &err), OK);
	return end;
}

/* An entry that fills some files' worth of bytes. */
static int64_t append_bytes(const char *name, size_t bytes)
{
	static const char entry[JOURNAL_ENTRY_BYTES_MAX];
	int64_t end;

	assert_true(bytes <= sizeof(entry));
	assert_int_equal(
	    journal_append(journal, name, (struct slice){entry, bytes}, &end, &err), OK);
	return end;
}

static struct journal_state state_of(const char *name)
{
	struct journal_state state = {.begin = -1};

	assert_int_equal(journal_state(journal, name, &state, &err), OK);
	return state;
}

/* Long entries are shown by their length. */
static enum status note_entry(void *ctx, int64_t position, struct slice entry, struct err *why)
{
	char *text = ctx;
	size_t used = strlen(text);

	(void)position;
	(void)why;
	if (entry.len > 100)
		snprintf(text + used, 1024 - used, "%s%zu", used == 0 ? "" : " ", entry.len);
	else
		snprintf(
		    text + used, 1024 - used, "%s%.*s", used == 0 ? "" : " ", SLICE_ARGS(entry));
	return OK;
}

static enum status try_read(const char *name, int64_t from, int64_t to, char text[1024])
{
	int64_t next;
	enum status st;

	text[0] = '\0';
	st = journal_read(journal, name, from, to, SIZE_MAX, &arena, note_entry, text, &next, &err);
	if (st == OK)
		assert_int_equal(next, to);
	return st;
}

static void assert_log(const char *name, const char *expected)
{
	struct journal_state state = state_of(name);
	char text[1024];

	assert_int_equal(try_read(name, state.begin, state.end, text), OK);
	assert_string_equal(text, expected);
}

static const char *path_of(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static off_t size_of(const char *name)
{
	struct stat about;

	return stat(path_of(name), &about) < 0 ? -1 : about.st_size;
}

static mode_t mode_of(const char *name)
{
	struct stat about;

	assert_int_equal(stat(path_of(name), &about), 0);
	return about.st_mode;
}

static int count_files(const char *name)
{
	DIR *stream = opendir(path_of(name));
	int count = 0;

	if (stream == NULL)
		return -1;
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count - 2;
}

static void write_at(const char *name, off_t offset, const void *bytes, size_t count)
{
	int file = open(path_of(name), O_WRONLY | O_CREAT, 0600);

	assert_true(file >= 0);
	assert_int_equal(pwrite(file, bytes, count, offset), count);
	close(file);
}

static void turn_byte(const char *name, off_t offset)
{
	int file = open(path_of(name), O_RDWR);
	char byte;

	assert_true(file >= 0);
	assert_int_equal(pread(file, &byte, 1, offset), 1);
	byte = (char)(byte ^ 0x10);
	assert_int_equal(pwrite(file, &byte, 1, offset), 1);
	close(file);
}

static void cut_file(const char *name, off_t bytes)
{
	assert_int_equal(truncate(path_of(name), bytes), 0);
}

/* An empty folder. */
static void anew(void)
{
	journal_close(&journal);
	if (count_files("a") >= 0)
		assert_int_equal(nftw(path_of("a"), remove_path, 16, FTW_DEPTH | FTW_PHYS), 0);
	reopen();
}

/* Files, and the order of effects. */

static void nobody_else_may_look_in(void **state)
{
	mode_t before = umask(0);

	(void)state;
	journal_close(&journal);
	assert_int_equal(rmdir(root), 0);
	reopen();
	append("a", "x");
	umask(before);
	assert_int_equal(mode_of("."), S_IFDIR | 0700);
	assert_int_equal(mode_of("a"), S_IFDIR | 0700);
	assert_int_equal(mode_of("a/" FIRST_FILE), S_IFREG | 0600);
}

static void an_open_that_fails_says_where_and_leaves_its_output(void **state)
{
	struct journal *other = (struct journal *)1;
	char path[400], expected[500];
	struct journal_dir_options options = {.path = path};

	(void)state;
	snprintf(path, sizeof(path), "%s/no/such", folder);
	snprintf(expected, sizeof(expected), "journal %s: mkdir: No such file or directory", path);
	assert_int_equal(journal_dir_open(&options, &other, &err), E_NOT_FOUND);
	assert_string_equal(err.text, expected);
	for (int number = 1; number <= 2; number++) {
		snprintf(path, sizeof(path), "%s", root);
		fail_calls(CALL(number));
		assert_int_equal(journal_dir_open(&options, &other, &err), E_IO);
	}
	assert_ptr_equal(other, (void *)1);
}

static void an_open_syncs_what_a_killed_run_may_have_left(void **state)
{
	struct journal_dir_options options = {.path = root};
	char expected[300];

	(void)state;
	journal_close(&journal);
	forget_calls();
	snprintf(expected, sizeof(expected), "fsync %s, fsync root", last_part(folder));
	assert_int_equal(journal_dir_open(&options, &journal, &err), OK);
	assert_string_equal(calls, expected);
}

static void each_step_is_on_the_disk_before_the_next_needs_it(void **state)
{
	(void)state;
	append("a", "one");
	assert_string_equal(
	    calls, "mkdir a, fsync root, fsync a, write " FIRST_FILE ", fdatasync " FIRST_FILE);
	forget_calls();
	append("a", "two");
	assert_string_equal(calls, "write " FIRST_FILE ", fdatasync " FIRST_FILE);
	forget_calls();
	state_of("a");
	assert_log("a", "one two");
	assert_string_equal(calls, "");
	assert_int_equal(journal_remove(journal, "a", &err), OK);
	assert_string_equal(calls, "unlink " FIRST_FILE ", rmdir a, fsync root");
}

static void a_file_that_is_full_is_followed_by_one_with_the_name_of_its_position(void **state)
{
	char expected[200], name[32];
	int64_t end;

	(void)state;
	append_bytes("a", 3 * MIB);
	end = append_bytes("a", 3 * MIB);
	assert_int_equal(count_files("a"), 1);
	forget_calls();
	append("a", "more");
	snprintf(name, sizeof(name), "%020lld.log", (long long)end);
	snprintf(expected, sizeof(expected), "fsync a, write %s, fdatasync %s", name, name);
	assert_string_equal(calls, expected);
	assert_int_equal(count_files("a"), 2);
	assert_int_equal(size_of("a/" FIRST_FILE), end);
	assert_log("a", "3145728 3145728 more");
	reopen();
	assert_log("a", "3145728 3145728 more");
}

/* Syncs. */

static void a_lone_append_makes_one_sync(void **state)
{
	(void)state;
	append("a", "one");
	assert_int_equal(syncs, 1);
	append("a", "two");
	assert_int_equal(syncs, 2);
}

/* What the metric says of bytes that are queued or not trimmed. */
static long long bytes_counted(void)
{
	struct buffer text;
	const char *line;
	long long bytes = -1;

	buffer_init(&text, MIB);
	metrics_write(&text);
	buffer_put_char(&text, '\0');
	line = strstr(text.ptr, "\nsluice_journal_bytes ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "\nsluice_journal_bytes %lld", &bytes), 1);
	buffer_fini(&text);
	return bytes;
}

enum { TOGETHER = 40 };

static void *append_one(void *ctx)
{
	int64_t *end = ctx;

	return journal_append(journal, "a", SLICE("12345678"), end, NULL) == OK ? NULL : ctx;
}

/* The first one's sync waits until all others are in the queue. */
static void wait_for_the_others(void)
{
	while (bytes_counted() < TOGETHER * journal_frame_bytes(8))
		usleep(100);
}

static void appends_that_come_together_share_one_sync(void **state)
{
	pthread_t threads[TOGETHER];
	int64_t ends[TOGETHER];

	(void)state;
	event = wait_for_the_others;
	state_of("a");
	forget_calls();
	event_at = 5; /* after mkdir, two fsyncs and the write */
	for (int i = 0; i < TOGETHER; i++)
		assert_int_equal(
		    thread_start(&threads[i], "append", append_one, &ends[i], &err), OK);
	for (int i = 0; i < TOGETHER; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(syncs, 2);
	assert_int_equal(state_of("a").end, TOGETHER * journal_frame_bytes(8));
}

static void a_group_that_fails_fails_for_all_in_it_and_the_next_one_works(void **state)
{
	pthread_t threads[TOGETHER];
	int64_t ends[TOGETHER];
	int failed_count = 0;

	(void)state;
	event = wait_for_the_others;
	state_of("a");
	fail_calls(CALL(7)); /* the first's write and sync, and then the second's sync */
	event_at = 5;
	for (int i = 0; i < TOGETHER; i++)
		assert_int_equal(
		    thread_start(&threads[i], "append", append_one, &ends[i], &err), OK);
	for (int i = 0; i < TOGETHER; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		failed_count += failed != NULL;
	}
	assert_int_equal(failed_count, TOGETHER - 1);
	assert_int_equal(bytes_counted(), journal_frame_bytes(8));
	append("a", "more");
	assert_log("a", "12345678 more");
	reopen();
	assert_log("a", "12345678 more");
}

static void what_all_logs_hold_is_counted_and_nothing_stays_when_they_are_closed(void **state)
{
	int64_t one;

	(void)state;
	assert_int_equal(bytes_counted(), 0);
	one = append("a", "12345678");
	append("b", "12345678");
	append("b", "12345678");
	assert_int_equal(bytes_counted(), 3 * one);
	assert_int_equal(journal_trim(journal, "b", one, &err), OK);
	assert_int_equal(bytes_counted(), 2 * one);
	assert_int_equal(journal_remove(journal, "a", &err), OK);
	assert_int_equal(bytes_counted(), one);
	reopen();
	assert_int_equal(bytes_counted(), 0);
	state_of("b");
	assert_int_equal(bytes_counted(), 2 * one);
	journal_close(&journal);
	assert_int_equal(bytes_counted(), 0);
}

/* Crashes. */

static void a_last_entry_that_is_cut_anywhere_goes_and_what_was_before_stays(void **state)
{
	int64_t second, end;

	(void)state;
	append("a", "one");
	second = append("a", "two");
	end = append("a", "a third one of some length");
	for (int64_t bytes = second + 1; bytes < end; bytes++) {
		journal_close(&journal);
		cut_file("a/" FIRST_FILE, bytes);
		reopen();
		assert_int_equal(state_of("a").end, second);
		assert_int_equal(size_of("a/" FIRST_FILE), second);
		assert_log("a", "one two");
		assert_int_equal(append("a", "a third one of some length"), end);
		assert_log("a", "one two a third one of some length");
	}
}

/* A process that ends after so many bytes of an append have reached the file. */
static void crash_in_append(const char *text, int64_t bytes)
{
	int how;
	pid_t child;

	journal_close(&journal);
	child = fork();
	if (child == 0) {
		reopen();
		atomic_store(&landed, bytes);
		try_append("a", text);
		_exit(1); /* it should not get here */
	}
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_int_equal(how, 0);
	reopen();
}

static void a_crash_while_an_entry_is_written_leaves_all_of_it_or_nothing(void **state)
{
	int64_t frame = journal_frame_bytes(3);

	(void)state;
	crash_in_append("one", 0);
	assert_log("a", "");
	append("a", "one");
	for (int64_t bytes = 0; bytes < frame; bytes += 5) {
		crash_in_append("two", bytes);
		assert_log("a", "one");
	}
	crash_in_append("two", frame);
	assert_log("a", "one two");
}

static void what_an_opening_finds_is_synced_before_it_is_shown(void **state)
{
	char expected[200];
	int64_t end;

	(void)state;
	append("a", "one");
	end = append("a", "two");
	reopen();
	state_of("a");
	assert_string_equal(calls, "fsync " FIRST_FILE ", fsync a");
	write_at("a/" FIRST_FILE, end, "garbage", 7);
	reopen();
	state_of("a");
	snprintf(expected, sizeof(expected), "cut %s, fsync %s, fsync a", FIRST_FILE, FIRST_FILE);
	assert_string_equal(calls, expected);

	/* When it cannot be, the next one who asks tries again. */
	for (int number = 1; number <= 3; number++) {
		struct journal_state range;

		write_at("a/" FIRST_FILE, end, "garbage", 7);
		reopen();
		fail_calls(CALL(number));
		assert_int_equal(journal_state(journal, "a", &range, &err), E_IO);
		assert_log("a", "one two");
	}
}

static void the_last_group_is_written_again_at_an_opening(void **state)
{
	struct stat before, after;

	(void)state;
	append("a", "one");
	assert_int_equal(stat(path_of("a/" FIRST_FILE), &before), 0);
	usleep(20000);
	reopen();
	assert_log("a", "one");
	assert_int_equal(stat(path_of("a/" FIRST_FILE), &after), 0);
	assert_true(after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
		    after.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
}

static void a_file_that_was_just_begun_may_be_empty(void **state)
{
	char name[64];
	int64_t end;

	(void)state;
	append_bytes("a", 3 * MIB);
	end = append_bytes("a", 3 * MIB);
	snprintf(name, sizeof(name), "a/%020lld.log", (long long)end);
	write_at(name, 0, "", 0);
	reopen();
	assert_int_equal(state_of("a").end, end);
	append("a", "more");
	assert_int_equal(size_of(name), journal_frame_bytes(4));
	reopen();
	assert_log("a", "3145728 3145728 more");
}

/* Damage. */

static void assert_broken(const char *name, const char *where)
{
	struct journal_state range = {.begin = 77};
	char text[1024];

	assert_int_equal(journal_state(journal, name, &range, &err), E_IO);
	assert_int_equal(range.begin, 77);
	if (strstr(err.text, where) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, where);
	assert_int_equal(try_append(name, "x"), E_IO);
	assert_int_equal(try_read(name, 0, 0, text), E_IO);
	assert_int_equal(journal_trim(journal, name, 0, &err), E_IO);
	assert_non_null(strstr(err.text, where));
}

static void a_byte_that_changed_before_the_last_entry_stops_that_log_and_no_other(void **state)
{
	int64_t second;

	(void)state;
	append("a", "one");
	second = append("a", "two");
	append("a", "three");
	append("b", "other");
	for (int64_t i = 0; i < second; i++) {
		char where[80];

		journal_close(&journal);
		turn_byte("a/" FIRST_FILE, i);
		reopen();
		snprintf(where, sizeof(where), "a/%s, byte %lld: not as it was written", FIRST_FILE,
		    (long long)(i < journal_frame_bytes(3) ? 0 : journal_frame_bytes(3)));
		assert_broken("a", where);
		assert_log("b", "other");
		journal_close(&journal);
		turn_byte("a/" FIRST_FILE, i);
	}
	reopen();
	assert_log("a", "one two three");
}

/* Two files of a log; returns the name of the second. */
static const char *make_two_files(int64_t *ret_second)
{
	static char name[64];

	append("a", "one");
	append_bytes("a", 3 * MIB);
	*ret_second = append_bytes("a", 3 * MIB);
	append("a", "two");
	snprintf(name, sizeof(name), "a/%020lld.log", (long long)*ret_second);
	return name;
}

static void a_byte_that_changed_in_an_earlier_file_is_found_when_it_is_read(void **state)
{
	int64_t second, end;
	char text[1024];

	(void)state;
	make_two_files(&second);
	turn_byte("a/" FIRST_FILE, 2 * MIB);
	reopen();
	end = state_of("a").end;
	assert_int_equal(try_read("a", second, end, text), OK);
	assert_string_equal(text, "two");
	append("a", "three");
	assert_int_equal(try_read("a", 0, end, text), E_IO);
	assert_string_equal(text, "one");
	assert_broken("a", "a/" FIRST_FILE ", byte 40: not as it was written");
}

static void a_gap_between_files_stops_the_log(void **state)
{
	const char *name;
	int64_t second;

	(void)state;
	name = make_two_files(&second);
	cut_file("a/" FIRST_FILE, second - 8);
	reopen();
	assert_broken("a", "entries are lost");
	write_at("a/" FIRST_FILE, second - 8, "12345678more", 12);
	reopen();
	assert_broken("a", "entries are lost");
	cut_file("a/" FIRST_FILE, second);
	reopen();
	state_of("a");
	assert_int_equal(unlink(path_of(name)), 0);
	name = "a/00000000000099999999.log";
	write_at(name, 0, "", 0);
	reopen();
	assert_broken("a", "entries are lost");
	assert_int_equal(journal_remove(journal, "a", &err), OK);
	assert_int_equal(count_files("a"), -1);
}

static void what_is_not_there_any_more_is_not_read_past(void **state)
{
	int64_t second, end;
	char text[1024];

	(void)state;
	make_two_files(&second);
	assert_int_equal(unlink(path_of("a/" FIRST_FILE)), 0);
	reopen();
	end = state_of("a").end;
	assert_int_equal(state_of("a").begin, second);
	assert_int_equal(try_read("a", 0, end, text), E_IO);
	assert_string_equal(err.text, "what was at 0 is not there any more");
	assert_string_equal(text, "");
	assert_int_equal(try_read("a", second, end, text), OK);
	assert_string_equal(text, "two");
}

static void a_file_that_is_lost_while_the_server_runs_is_an_error(void **state)
{
	const char *second_file;
	int64_t second, end;
	char text[1024];

	(void)state;
	second_file = make_two_files(&second);
	end = state_of("a").end;
	assert_int_equal(unlink(path_of("a/" FIRST_FILE)), 0);
	assert_int_equal(try_read("a", 0, end, text), E_IO);
	assert_int_equal(try_read("a", second, end, text), OK);
	cut_file(second_file, 8);
	assert_int_equal(try_read("a", second, end, text), E_IO);
	assert_broken("a", "byte 0: not as it was written");
}

static void a_last_file_longer_than_any_is_not_read(void **state)
{
	(void)state;
	append("a", "one");
	journal_close(&journal);
	cut_file("a/" FIRST_FILE, (off_t)1 << 40);
	reopen();
	assert_broken("a", "which no file of a log has");
}

static void a_log_without_its_last_file_goes_on_behind_what_the_lake_has(void **state)
{
	int64_t second, end;
	const char *name;

	(void)state;
	name = make_two_files(&second);
	end = state_of("a").end;
	assert_int_equal(unlink(path_of(name)), 0);
	reopen();
	assert_int_equal(state_of("a").end, second);
	assert_int_equal(journal_trim(journal, "a", end, &err), OK);
	assert_int_equal(count_files("a"), 1);
	append("a", "new");
	reopen();
	assert_int_equal(state_of("a").begin, end);
	assert_log("a", "new");
}

static void going_on_behind_what_was_lost_may_fail_and_gives_no_position_twice(void **state)
{
	int64_t position, second;
	int number;

	(void)state;
	for (number = 1; number < 20; number++) {
		enum status st;

		anew();
		make_two_files(&second);
		position = second + 8000; /* not so far that the last file would be full */
		fail_calls(CALL(number));
		st = journal_trim(journal, "a", position, &err);
		if (!has_failed)
			break;
		assert_int_equal(st, E_IO);
		forget_calls();
		assert_int_equal(state_of("a").begin, position);
		assert_int_equal(append("a", "new"), position + journal_frame_bytes(3));
		assert_int_equal(count_files("a"), 1);
		reopen();
		assert_int_equal(state_of("a").begin, position);
		assert_log("a", "new");
	}
	assert_int_equal(number, 6); /* two unlinks with their syncs, a new file */
}

static void the_operator_is_told_of_what_was_cut_off_lost_or_changed(void **state)
{
	static char log[4096];
	int file, before = dup(STDERR_FILENO);
	struct journal_state range;
	int64_t end;
	ssize_t n;

	(void)state;
	file = open(path_of("stderr"), O_RDWR | O_CREAT, 0600);
	assert_true(file >= 0 && before >= 0);
	assert_true(dup2(file, STDERR_FILENO) >= 0);
	append("a", "one");
	end = append("a", "two");
	write_at("a/" FIRST_FILE, end, "garbage", 7);
	reopen();
	state_of("a");
	turn_byte("a/" FIRST_FILE, 3);
	reopen();
	for (int i = 0; i < 2; i++)
		assert_int_equal(journal_state(journal, "a", &range, &err), E_IO);
	assert_int_equal(journal_trim(journal, "b", 800, &err), OK);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	n = pread(file, log, sizeof(log) - 1, 0);
	close(file);
	assert_true(n > 0);
	assert_non_null(strstr(log, " warn journal.cut file=a/" FIRST_FILE " byte=80 bytes=7\n"));
	assert_non_null(strstr(log, " error journal.broken log=a why=\"a/" FIRST_FILE
				    ", byte 0: not as it was written\"\n"));
	assert_null(strstr(strstr(log, "journal.broken") + 1, "journal.broken"));
	assert_non_null(strstr(log, " error journal.lost log=b end=0 position=800\n"));
}

static void what_is_not_ours_is_passed_over(void **state)
{
	const char **names;
	size_t count;

	(void)state;
	append("a", "one");
	write_at("a-file", 0, "x", 1);
	write_at("a/notes.txt", 0, "x", 1);
	write_at("a/0000000000000000000.log", 0, "x", 1);
	write_at("a/99999999999999999999.log", 0, "x", 1);
	assert_int_equal(mkdir(path_of("lost+found"), 0700), 0);
	reopen();
	assert_log("a", "one");
	assert_int_equal(journal_list(journal, &arena, &names, &count, &err), OK);
	assert_int_equal(count, 1);
	assert_string_equal(names[0], "a");
	assert_int_equal(journal_remove(journal, "a", &err), OK);
	assert_int_equal(count_files("a"), -1);
}

static void no_link_is_followed(void **state)
{
	struct journal_state range;

	(void)state;
	append("a", "one");
	assert_int_equal(symlink("a", path_of("b")), 0);
	assert_int_equal(journal_state(journal, "b", &range, &err), E_IO);
	append_bytes("c", 100);
	journal_close(&journal);
	assert_int_equal(unlink(path_of("c/" FIRST_FILE)), 0);
	assert_int_equal(symlink("../a/" FIRST_FILE, path_of("c/" FIRST_FILE)), 0);
	reopen();
	assert_int_equal(journal_state(journal, "c", &range, &err), E_IO);
}

/* Failing disks. */

/* Fails each step of an append in turn; whatever fails, what was acknowledged is there, nothing
 * else is, and the next append works.  Returns how many steps there are. */
static int fail_each_step_of_an_append(void (*prepare)(void))
{
	int number;

	for (number = 1; number < 20; number++) {
		struct journal_state before, after;
		char expected[1024], text[1024];
		enum status st;

		prepare();
		before = state_of("a");
		assert_int_equal(try_read("a", before.begin, before.end, expected), OK);
		fail_calls(CALL(number));
		st = try_append("a", "new");
		if (!has_failed)
			break;
		assert_int_equal(st, E_IO);
		after = state_of("a");
		assert_int_equal(after.end, before.end);
		append("a", "again");
		strcat(expected, expected[0] == '\0' ? "again" : " again");
		assert_log("a", expected);
		reopen();
		after = state_of("a");
		assert_int_equal(try_read("a", before.begin, after.end, text), OK);
		assert_string_equal(text, expected);
	}
	return number - 1;
}

static void anew_with_one(void)
{
	anew();
	append("a", "one");
}

static void anew_with_a_full_file(void)
{
	anew();
	append_bytes("a", 3 * MIB);
	append_bytes("a", 3 * MIB);
}

static void an_append_that_fails_at_any_step_leaves_nothing_and_can_be_tried_again(void **state)
{
	(void)state;
	assert_int_equal(fail_each_step_of_an_append(anew), 5);
	assert_int_equal(fail_each_step_of_an_append(anew_with_one), 2);
	assert_int_equal(fail_each_step_of_an_append(anew_with_a_full_file), 3);
}

static void after_a_sync_that_failed_another_file_is_written_to(void **state)
{
	char expected[300], name[32];
	int64_t end;

	(void)state;
	end = append("a", "one");
	fail_calls(CALL(2));
	assert_int_equal(try_append("a", "two"), E_IO);
	assert_string_equal(err.text, "log a: append: fdatasync: Input/output error");
	snprintf(expected, sizeof(expected), "write %s, fdatasync %s, cut %s, fsync %s", FIRST_FILE,
	    FIRST_FILE, FIRST_FILE, FIRST_FILE);
	assert_string_equal(calls, expected);
	assert_int_equal(size_of("a/" FIRST_FILE), end);
	forget_calls();
	append("a", "two");
	snprintf(name, sizeof(name), "%020lld.log", (long long)end);
	snprintf(expected, sizeof(expected), "fsync a, write %s, fdatasync %s", name, name);
	assert_string_equal(calls, expected);
	assert_log("a", "one two");

	/* Also when nothing was ever written to the file. */
	fail_calls(CALL(5));
	assert_int_equal(try_append("b", "one"), E_IO);
	append("b", "two");
	assert_log("b", "two");
	assert_int_equal(count_files("b"), 1);
}

static void after_a_write_that_failed_the_same_file_is_written_to(void **state)
{
	int64_t end;

	(void)state;
	append("a", "one");
	fail_calls(CALL(1));
	assert_int_equal(try_append("a", "two"), E_IO);
	end = append("a", "three");
	assert_int_equal(count_files("a"), 1);
	assert_int_equal(size_of("a/" FIRST_FILE), end);
	assert_log("a", "one three");
}

/* The sync of an append fails, and what would undo it. */
static void assert_stuck(unsigned which, const char *reopened)
{
	int64_t end;

	anew();
	end = append("a", "one");
	append("b", "other");
	fail_calls(which);
	assert_int_equal(try_append("a", "two"), E_IO);
	assert_non_null(strstr(err.text, "not cut back"));
	forget_calls();
	assert_int_equal(try_append("a", "three"), E_IO);
	assert_non_null(strstr(err.text, "takes nothing until the server is started anew"));
	assert_string_equal(calls, "");
	assert_int_equal(state_of("a").end, end);
	assert_log("a", "one");
	append("b", "another");
	reopen();
	append("a", "four");
	assert_log("a", reopened);
}

static void a_log_that_cannot_be_cut_back_takes_nothing_until_it_is_opened_anew(void **state)
{
	(void)state;
	assert_stuck(CALL(2) | CALL(3), "one two four"); /* fdatasync, ftruncate */
	assert_stuck(CALL(2) | CALL(4), "one four");     /* fdatasync, fsync */
}

static void a_full_log_that_is_stuck_is_not_rolled(void **state)
{
	int64_t end;

	(void)state;
	end = append_bytes("a", 2 * MIB);
	fail_calls(CALL(2) | CALL(3));
	assert_int_equal(try_append("a", "two"), E_IO);
	forget_calls();
	assert_int_equal(journal_trim(journal, "a", end, &err), OK);
	assert_int_equal(count_files("a"), 1);
	reopen();
	assert_log("a", "2097152 two");
}

static void a_write_that_is_cut_short_leaves_no_trace(void **state)
{
	struct rlimit before, small;
	enum status st;
	int64_t end;

	(void)state;
	end = append("a", "one");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = (rlim_t)end + 20, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	st = try_append("a", "two");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(st, E_IO);
	assert_string_equal(err.text, "log a: append: write: File too large");
	assert_int_equal(size_of("a/" FIRST_FILE), end);
	append("a", "three");
	assert_log("a", "one three");
}

static void a_full_disk_is_said_to_be_full_and_works_again_after(void **state)
{
	struct slice big = {NULL, 400 * 1024};
	enum status st = OK;
	int64_t end, kept = 0;

	(void)state;
	/* A mount of our own, which ends with this process; only root may. */
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", root, "tmpfs", 0, "size=1m,mode=0700") != 0)
		skip();
	reopen();
	big.ptr = arena_alloc(&arena, big.len);
	for (int i = 0; i < 4 && st == OK; i++) {
		st = journal_append(journal, "a", big, &end, &err);
		kept += st == OK;
	}
	assert_int_equal(st, E_FULL);
	assert_string_equal(err.text, "log a: append: write: No space left on device");
	assert_int_equal(kept, 2);
	assert_int_equal(size_of("a/" FIRST_FILE), state_of("a").end);
	append("a", "small");
	assert_log("a", "409600 409600 small");
	journal_close(&journal);
	assert_int_equal(umount(root), 0);
	reopen();
}

/* Trimming and removal. */

static void a_trim_deletes_whole_files_oldest_first_and_never_the_last(void **state)
{
	int64_t ends[6];
	char expected[300];

	(void)state;
	for (int i = 0; i < 6; i++)
		ends[i] = append_bytes("a", 4 * MIB);
	append("a", "last");
	assert_int_equal(count_files("a"), 7);
	forget_calls();
	assert_int_equal(journal_trim(journal, "a", ends[0] - 8, &err), OK);
	assert_string_equal(calls, "");
	assert_int_equal(journal_trim(journal, "a", ends[1] + 8, &err), OK);
	snprintf(expected, sizeof(expected), "unlink %s, fsync a, unlink %020lld.log, fsync a",
	    FIRST_FILE, (long long)ends[0]);
	assert_string_equal(calls, expected);
	assert_int_equal(count_files("a"), 5);
	assert_int_equal(journal_trim(journal, "a", state_of("a").end, &err), OK);
	assert_int_equal(count_files("a"), 1);
	reopen();
	assert_int_equal(state_of("a").begin, ends[5]);
	assert_log("a", "last");
}

static void a_large_last_file_goes_when_all_of_it_is_trimmed(void **state)
{
	int64_t end;

	(void)state;
	end = append_bytes("a", MIB - 100);
	assert_int_equal(journal_trim(journal, "a", end, &err), OK);
	assert_true(size_of("a/" FIRST_FILE) > 0);
	end = append_bytes("a", 100);
	assert_int_equal(journal_trim(journal, "a", end - 8, &err), OK);
	assert_true(size_of("a/" FIRST_FILE) > 0);
	assert_int_equal(journal_trim(journal, "a", end, &err), OK);
	assert_int_equal(size_of("a/" FIRST_FILE), -1);
	assert_int_equal(count_files("a"), 1);
	reopen();
	assert_int_equal(state_of("a").begin, end);
	assert_int_equal(state_of("a").end, end);
	append("a", "more");
	assert_log("a", "more");
}

static void a_trim_that_fails_at_any_step_can_be_tried_again(void **state)
{
	int number;

	(void)state;
	for (number = 1; number < 20; number++) {
		enum status st;
		int64_t end;

		anew();
		append_bytes("a", 4 * MIB);
		append_bytes("a", 4 * MIB);
		end = append_bytes("a", 4 * MIB);
		fail_calls(CALL(number));
		st = journal_trim(journal, "a", end, &err);
		if (!has_failed)
			break;
		assert_int_equal(st, E_IO);
		assert_int_equal(state_of("a").begin, end);
		forget_calls();
		append("a", "new");
		assert_int_equal(journal_trim(journal, "a", end, &err), OK);
		assert_int_equal(count_files("a"), 1);
		reopen();
		assert_log("a", "new");
	}
	assert_int_equal(number, 8); /* a new file, three unlinks with their syncs */
}

static void a_file_is_not_written_past_the_name_of_one_that_could_not_be_synced(void **state)
{
	int64_t end;

	(void)state;
	end = append_bytes("a", 2 * MIB);
	fail_calls(CALL(1)); /* the sync of the folder, once the empty file is made */
	assert_int_equal(journal_trim(journal, "a", end, &err), E_IO);
	assert_int_equal(count_files("a"), 2);
	forget_calls();
	append("a", "new");
	reopen();
	assert_log("a", "2097152 new");
}

static void a_removal_that_fails_at_any_step_can_be_tried_again(void **state)
{
	int64_t second;
	int number;

	(void)state;
	for (number = 1; number < 20; number++) {
		enum status st;

		anew();
		make_two_files(&second);
		fail_calls(CALL(number));
		st = journal_remove(journal, "a", &err);
		if (!has_failed)
			break;
		assert_int_equal(st, E_IO);
		assert_int_equal(try_append("a", "x"), E_NOT_FOUND);
		forget_calls();
		assert_int_equal(journal_remove(journal, "a", &err), OK);
		assert_non_null(strstr(calls, "fsync root"));
		assert_int_equal(count_files("a"), -1);
	}
	assert_int_equal(number, 5); /* two unlinks, rmdir, fsync */
}

/* Descriptors. */

static int count_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(stream);
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count;
}

static void many_logs_keep_few_files_open(void **state)
{
	int before = count_descriptors();
	char name[16];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 300; i++) {
			snprintf(name, sizeof(name), "n%d", i);
			append(name, round == 0 ? "one" : "two");
		}
		assert_true(count_descriptors() <= before + 128);
	}
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_log(name, "one two");
	}
	reopen();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_log(name, "one two");
		if (i % 2 == 0)
			assert_int_equal(journal_remove(journal, name, &err), OK);
	}
	assert_true(count_descriptors() <= before + 128);
	journal_close(&journal);
	assert_true(count_descriptors() <= before);
	reopen();
}

static void a_file_that_was_changed_while_it_was_closed_takes_nothing(void **state)
{
	char name[16];
	int64_t end;

	(void)state;
	end = append("a", "one");
	for (int i = 0; i < 130; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		append(name, "x");
	}
	write_at("a/" FIRST_FILE, end, "garbage", 7);
	assert_int_equal(try_append("a", "two"), E_IO);
	assert_non_null(strstr(err.text, "has 47 bytes instead of 40"));
	assert_log("a", "one");
	cut_file("a/" FIRST_FILE, end);
	append("a", "two");
	assert_log("a", "one two");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nobody_else_may_look_in),
	    TEST(an_open_that_fails_says_where_and_leaves_its_output),
	    TEST(an_open_syncs_what_a_killed_run_may_have_left),
	    TEST(each_step_is_on_the_disk_before_the_next_needs_it),
	    TEST(a_file_that_is_full_is_followed_by_one_with_the_name_of_its_position),
	    TEST(a_lone_append_makes_one_sync),
	    TEST(appends_that_come_together_share_one_sync),
	    TEST(a_group_that_fails_fails_for_all_in_it_and_the_next_one_works),
	    TEST(what_all_logs_hold_is_counted_and_nothing_stays_when_they_are_closed),
	    TEST(a_last_entry_that_is_cut_anywhere_goes_and_what_was_before_stays),
	    TEST(a_crash_while_an_entry_is_written_leaves_all_of_it_or_nothing),
	    TEST(what_an_opening_finds_is_synced_before_it_is_shown),
	    TEST(the_last_group_is_written_again_at_an_opening),
	    TEST(a_file_that_was_just_begun_may_be_empty),
	    TEST(a_byte_that_changed_before_the_last_entry_stops_that_log_and_no_other),
	    TEST(a_byte_that_changed_in_an_earlier_file_is_found_when_it_is_read),
	    TEST(a_gap_between_files_stops_the_log),
	    TEST(what_is_not_there_any_more_is_not_read_past),
	    TEST(a_file_that_is_lost_while_the_server_runs_is_an_error),
	    TEST(a_last_file_longer_than_any_is_not_read),
	    TEST(a_log_without_its_last_file_goes_on_behind_what_the_lake_has),
	    TEST(going_on_behind_what_was_lost_may_fail_and_gives_no_position_twice),
	    TEST(the_operator_is_told_of_what_was_cut_off_lost_or_changed),
	    TEST(what_is_not_ours_is_passed_over),
	    TEST(no_link_is_followed),
	    TEST(an_append_that_fails_at_any_step_leaves_nothing_and_can_be_tried_again),
	    TEST(after_a_sync_that_failed_another_file_is_written_to),
	    TEST(after_a_write_that_failed_the_same_file_is_written_to),
	    TEST(a_log_that_cannot_be_cut_back_takes_nothing_until_it_is_opened_anew),
	    TEST(a_full_log_that_is_stuck_is_not_rolled),
	    TEST(a_write_that_is_cut_short_leaves_no_trace),
	    TEST(a_full_disk_is_said_to_be_full_and_works_again_after),
	    TEST(a_trim_deletes_whole_files_oldest_first_and_never_the_last),
	    TEST(a_large_last_file_goes_when_all_of_it_is_trimmed),
	    TEST(a_trim_that_fails_at_any_step_can_be_tried_again),
	    TEST(a_file_is_not_written_past_the_name_of_one_that_could_not_be_synced),
	    TEST(a_removal_that_fails_at_any_step_can_be_tried_again),
	    TEST(many_logs_keep_few_files_open),
	    TEST(a_file_that_was_changed_while_it_was_closed_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
