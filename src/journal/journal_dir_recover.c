/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a log: what its files say after whatever has happened to them.  See journal_dir_log.h.
 *
 * The files must follow each other without a gap.  A new one is begun only when all of the one
 * before is durable, so a crash can have left something half done in the last one alone: it is read
 * whole and judged by journal_frame_scan().  What was never acknowledged is cut off; a whole entry
 * of which nobody knows whether it was acknowledged stays.  Then the last group is written once
 * more, in place, and synced: a server that could not sync it may have ended, and what the kernel
 * shows of it need not be on the disk, nor would a sync alone put it there.
 *
 * The files before the last are not read here but when their entries are needed: a start must not
 * take as long as all that waits.
 */
#include "journal/journal_dir_log.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest that a last file can be: a group is begun in one that is not full yet, and has one
 * entry of the largest size or several of less. */
#define LAST_FILE_BYTES_MAX (JOURNAL_FILE_BYTES + JOURNAL_ENTRY_BYTES_MAX + 4096)

#define POSITION_DIGITS 18 /* of JOURNAL_POSITION_MAX */

struct look {
	struct journal_dir *dir;
	struct journal_log *log;
	int64_t *firsts;
	size_t count, room;
};

static enum status no_memory(struct err *err)
{
	return err_set(err, E_NOMEM, "no memory");
}

/* "00…07.log" is 7; -1: not a name of ours. */
static int64_t first_of(const char *name)
{
	if (strlen(name) != 24 || strspn(name, "0123456789") != 20 ||
	    strcmp(name + 20, ".log") != 0 || strspn(name, "0") < 20 - POSITION_DIGITS)
		return -1;
	return strtoll(name, NULL, 10);
}

static enum status note_file(void *ctx, int folder, const struct dirent *entry, struct err *err)
{
	struct look *look = ctx;
	int64_t first = first_of(entry->d_name);

	(void)folder;
	if (first < 0)
		return OK;
	if (look->count == look->room) {
		size_t room = look->room == 0 ? 8 : 2 * look->room;
		int64_t *more = realloc(look->firsts, room * sizeof(*more));

		if (more == NULL)
			return no_memory(err);
		look->firsts = more;
		look->room = room;
	}
	look->firsts[look->count++] = first;
	return OK;
}

static int compare_firsts(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* Do the files follow each other? */
static enum status check_row(struct look *look, bool *ret_broken, struct err *err)
{
	char path[JOURNAL_PATH_BYTES];
	struct stat about;

	for (size_t i = 0; i + 1 < look->count; i++) {
		journal_disk_path(path, look->log, look->firsts[i]);
		if (fstatat(look->dir->root, path, &about, AT_SYMLINK_NOFOLLOW) < 0) {
			err_errno(err, errno, "%s: stat", path);
			return E_IO;
		}
		if (about.st_size == look->firsts[i + 1] - look->firsts[i])
			continue;
		*ret_broken = true;
		return err_set(err, E_IO,
		    "%s has %lld bytes, and the next file begins at %lld: entries are lost", path,
		    (long long)about.st_size, (long long)look->firsts[i + 1]);
	}
	return OK;
}

/* All of a file, malloc'd. */
static enum status read_file(
    int file, const char *path, struct slice *ret_bytes, bool *ret_broken, struct err *err)
{
	struct stat about;
	size_t count = 0, size;
	char *bytes;
	ssize_t n;

	if (fstat(file, &about) < 0)
		return err_errno(err, errno, "%s: fstat", path);
	if (about.st_size > LAST_FILE_BYTES_MAX) {
		*ret_broken = true;
		return err_set(err, E_IO, "%s has %lld bytes, which no file of a log has", path,
		    (long long)about.st_size);
	}
	size = (size_t)about.st_size;
	bytes = malloc(size == 0 ? 1 : size);
	if (bytes == NULL)
		return no_memory(err);
	while (count < size) {
		n = pread(file, bytes + count, size - count, (off_t)count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(bytes);
			return err_errno(err, n == 0 ? EIO : errno, "%s: read", path);
		}
		count += (size_t)n;
	}
	*ret_bytes = (struct slice){bytes, size};
	return OK;
}

/* The last group once more, and down to the disk. */
static enum status settle(
    int file, const char *path, struct slice bytes, size_t from, struct err *err)
{
	while (from < bytes.len) {
		ssize_t n = pwrite(file, bytes.ptr + from, bytes.len - from, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "%s: write", path);
		from += (size_t)n;
	}
	if (fsync(file) < 0)
		return err_errno(err, errno, "%s: fsync", path);
	return OK;
}

/* Read the last file, and leave of it what counts. */
static enum status recover_last(struct journal_log *log, int file, const char *path, int64_t first,
    int64_t *ret_end, bool *ret_broken, struct err *err)
{
	struct slice bytes = {NULL, 0};
	struct journal_scan scan;
	enum status st;

	st = read_file(file, path, &bytes, ret_broken, err);
	if (st != OK)
		return st;
	switch (journal_frame_scan(log->seed, bytes, first, &scan)) {
	case JOURNAL_SCAN_WHOLE:
		break;
	case JOURNAL_SCAN_TORN:
		log_event(LOG_LEVEL_WARN, "journal.cut", "file=%s byte=%zu bytes=%zu", path,
		    scan.whole, bytes.len - scan.whole);
		if (ftruncate(file, (off_t)scan.whole) < 0)
			st = err_errno(err, errno, "%s: ftruncate", path);
		break;
	case JOURNAL_SCAN_BROKEN:
		*ret_broken = true;
		st = err_set(err, E_IO, "%s, byte %zu: not as it was written", path, scan.whole);
	}
	bytes.len = scan.whole;
	if (st == OK)
		st = settle(file, path, bytes, scan.group, err);
	free((char *)bytes.ptr);
	if (st == OK)
		*ret_end = first + (int64_t)scan.whole;
	return st;
}

static enum status recover_files(
    struct look *look, int folder, int64_t *ret_end, bool *ret_broken, struct err *err)
{
	struct journal_log *log = look->log;
	int64_t first = look->firsts[look->count - 1], end = 0;
	char path[JOURNAL_PATH_BYTES];
	enum status st;
	int file;

	st = check_row(look, ret_broken, err);
	if (st != OK)
		return st;
	journal_disk_path(path, log, first);
	file = openat(look->dir->root, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0) {
		err_errno(err, errno, "%s: open", path);
		return E_IO;
	}
	st = recover_last(log, file, path, first, &end, ret_broken, err);
	if (st == OK && fsync(folder) < 0)
		st = err_errno(err, errno, "fsync the folder");
	if (st != OK) {
		close(file);
		return st;
	}
	log->file = file;
	log->segment = first;
	*ret_end = end;
	return OK;
}

enum status journal_recover(struct journal_dir *dir, struct journal_log *log,
    struct journal_found *ret_found, bool *ret_broken, struct err *err)
{
	struct look look = {.dir = dir, .log = log};
	int64_t end = 0;
	enum status st;
	int folder;

	folder = openat(dir->root, log->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT) {
		*ret_found = (struct journal_found){.end = 0};
		return OK;
	}
	if (folder < 0)
		return err_errno(err, errno, "open the folder");
	st = journal_disk_each(folder, note_file, &look, err);
	if (st == OK && look.count > 0) {
		qsort(look.firsts, look.count, sizeof(*look.firsts), compare_firsts);
		st = recover_files(&look, folder, &end, ret_broken, err);
	}
	close(folder);
	if (st != OK) {
		free(look.firsts);
		return st;
	}
	/* The folder's own entry was synced when the journal was opened, or when it was made. */
	log->made = true;
	*ret_found = (struct journal_found){.firsts = look.firsts, .count = look.count, .end = end};
	return OK;
}
