/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done to a log's files: made, written, cut back, deleted.  See journal_dir_log.h.
 *
 * All paths are relative to the root, which is open: it may be renamed while the server runs.
 *
 * A group goes out in one pwritev at the log's durable end, and one fdatasync.  When either fails,
 * the file is cut back to where it was and the cut is synced: only then may the caller say that
 * nothing of the group is in the log.  After an fdatasync that failed the kernel has forgotten
 * which pages did not reach the disk, so that file is not written to again: the next group begins
 * another one.
 *
 * Nothing here knows who waits, what is bounded, or what an entry means.
 */
#include "journal/journal_dir_log.h"

#include "base/crash.h"
#include "base/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Slices that one call writes; three a frame at most. */
#define SLICES_MAX 768

void journal_disk_path(char path[JOURNAL_PATH_BYTES], const struct journal_log *log, int64_t first)
{
	snprintf(path, JOURNAL_PATH_BYTES, "%s/%020lld.log", log->name, (long long)first);
}

void journal_disk_close_file(struct journal_log *log)
{
	if (log->file >= 0)
		close(log->file);
	log->file = -1;
}

enum status journal_disk_each(int folder, journal_disk_name_fn *visit, void *ctx, struct err *err)
{
	/* An open of its own, not a dup: the position in a folder is shared between dups. */
	int own = openat(folder, ".", FOLDER_FLAGS);
	DIR *stream = own < 0 ? NULL : fdopendir(own);
	const struct dirent *entry;
	enum status st = OK;

	if (stream == NULL) {
		st = err_errno(err, errno, "open the folder");
		if (own >= 0)
			close(own);
		return st;
	}
	while (st == OK) {
		errno = 0;
		entry = readdir(stream);
		if (entry == NULL) {
			if (errno != 0)
				st = err_errno(err, errno, "read the folder");
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			st = visit(ctx, folder, entry, err);
	}
	closedir(stream);
	return st;
}

static enum status sync_root(struct journal_dir *dir, struct err *err)
{
	return fsync(dir->root) < 0 ? err_errno(err, errno, "fsync the root") : OK;
}

/* A folder that went away has nothing to be synced. */
static enum status sync_folder(struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	int folder = openat(dir->root, log->name, FOLDER_FLAGS);
	enum status st = OK;

	if (folder < 0)
		return errno == ENOENT ? OK : err_errno(err, errno, "open the folder");
	if (fsync(folder) < 0)
		st = err_errno(err, errno, "fsync the folder");
	close(folder);
	return st;
}

static enum status make_folder(struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	enum status st;

	if (log->made)
		return OK;
	if (mkdirat(dir->root, log->name, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make the folder");
	st = sync_root(dir, err);
	log->made = st == OK;
	return st;
}

enum status journal_disk_start_file(
    struct journal_dir *dir, struct journal_log *log, int64_t position, struct err *err)
{
	char path[JOURNAL_PATH_BYTES];
	enum status st;
	int file;

	st = make_folder(dir, log, err);
	if (st != OK)
		return st;

	/* What may be there is empty: a try that failed, or a last file that must not be written to
	 * any more. */
	journal_disk_path(path, log, position);
	if (unlinkat(dir->root, path, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "%s: unlink", path);
	file = openat(dir->root, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0) {
		st = err_errno(err, errno, "%s: make", path);
		return st == E_NOT_FOUND ? E_IO : st;
	}
	st = sync_folder(dir, log, err);
	if (st != OK) {
		/* Its name may be on the disk already.  Were the file before to grow past it, the
		 * two would overlap, which is a log that broke. */
		log->roll = true;
		close(file);
		return st;
	}
	CRASH_POINT("journal.made");
	journal_disk_close_file(log);
	log->file = file;
	log->segment = position;
	log->roll = false;
	return OK;
}

/* Writing. */

static enum status open_last(
    struct journal_dir *dir, struct journal_log *log, int64_t end, struct err *err)
{
	char path[JOURNAL_PATH_BYTES];
	struct stat about;
	enum status st = OK;

	if (log->file >= 0)
		return OK;
	journal_disk_path(path, log, log->segment);
	log->file = openat(dir->root, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (log->file < 0 || fstat(log->file, &about) < 0) {
		err_errno(err, errno, "%s: open", path);
		st = E_IO;
	} else if (about.st_size != end - log->segment) {
		st = err_set(err, E_IO, "%s has %lld bytes instead of %lld", path,
		    (long long)about.st_size, (long long)(end - log->segment));
	}
	if (st != OK)
		journal_disk_close_file(log);
	return st;
}

/* The slices of as many frames as there is room for; returns where it stopped. */
static const struct journal_append *gather(const struct journal_append *append,
    struct iovec slices[SLICES_MAX], int *ret_count, size_t *ret_bytes)
{
	static char zeros[JOURNAL_FRAME_ALIGN];
	size_t bytes = 0;
	int count = 0;

	for (; append != NULL && count + 3 <= SLICES_MAX; append = append->next) {
		size_t padding = (size_t)append->bytes - sizeof(append->header) - append->entry.len;

		slices[count++] = (struct iovec){(void *)&append->header, sizeof(append->header)};
		slices[count++] = (struct iovec){(void *)append->entry.ptr, append->entry.len};
		slices[count++] = (struct iovec){zeros, padding};
		bytes += (size_t)append->bytes;
	}
	*ret_count = count;
	*ret_bytes = bytes;
	return append;
}

static enum status write_slices(
    int file, struct iovec *slices, int count, size_t bytes, off_t offset, struct err *err)
{
	while (bytes > 0) {
		ssize_t n = pwritev(file, slices, count, offset);
		size_t done;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "write");
		done = (size_t)n;
		offset += n;
		bytes -= done;
		for (; count > 0 && done >= slices->iov_len; slices++, count--)
			done -= slices->iov_len;
		if (done > 0) {
			slices->iov_base = (char *)slices->iov_base + done;
			slices->iov_len -= done;
		}
	}
	return OK;
}

static enum status write_group(
    int file, const struct journal_append *append, off_t offset, struct err *err)
{
	struct iovec slices[SLICES_MAX];
	enum status st = OK;
	size_t bytes;
	int count;

	while (append != NULL && st == OK) {
		append = gather(append, slices, &count, &bytes);
		st = write_slices(file, slices, count, bytes, offset, err);
		offset += (off_t)bytes;
	}
	return st;
}

/* Make it as if the group had never been written.  The size is what matters, so fsync. */
static enum status cut_back(int file, off_t bytes, struct err *err)
{
	if (ftruncate(file, bytes) < 0)
		return err_errno(err, errno, "ftruncate");
	if (fsync(file) < 0)
		return err_errno(err, errno, "fsync");
	return OK;
}

enum status journal_disk_write(struct journal_dir *dir, struct journal_log *log,
    const struct journal_append *group, int64_t end, bool *ret_stuck, struct err *err)
{
	enum status st = open_last(dir, log, end, err);
	off_t offset = end - log->segment;
	struct err why;

	if (st != OK)
		return st;
	assert(!log->roll);
	st = write_group(log->file, group, offset, err);
	if (st == OK) {
		CRASH_POINT("journal.written");
		if (fdatasync(log->file) < 0)
			st = err_errno(err, errno, "fdatasync");
		log->roll = st != OK;
	}
	if (st == OK) {
		metric_add(METRIC_JOURNAL_SYNCS, 0, 1);
		CRASH_POINT("journal.synced");
		return OK;
	}
	if (cut_back(log->file, offset, &why) != OK) {
		*ret_stuck = true;
		err_add(err, "not cut back (%s)", why.text);
	}
	return st;
}

/* Deleting. */

enum status journal_disk_delete_file(
    struct journal_dir *dir, struct journal_log *log, int64_t first, struct err *err)
{
	char path[JOURNAL_PATH_BYTES];

	journal_disk_path(path, log, first);
	if (unlinkat(dir->root, path, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "%s: unlink", path);
	CRASH_POINT("journal.trimmed");

	/* Before the next one goes: a crash must not bring an older file back and not a newer one,
	 * which would look like a loss. */
	return sync_folder(dir, log, err);
}

static enum status delete_entry(void *ctx, int folder, const struct dirent *entry, struct err *err)
{
	(void)ctx;
	if (unlinkat(folder, entry->d_name, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "%s: unlink", entry->d_name);
	return OK;
}

enum status journal_disk_delete_log(
    struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	int folder = openat(dir->root, log->name, FOLDER_FLAGS);
	enum status st;

	journal_disk_close_file(log);
	log->segment = -1;
	if (folder < 0 && errno != ENOENT)
		return err_errno(err, errno, "open the folder");
	if (folder >= 0) {
		st = journal_disk_each(folder, delete_entry, NULL, err);
		close(folder);
		if (st != OK)
			return st;
		if (unlinkat(dir->root, log->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return err_errno(err, errno, "rmdir");
	}

	/* Also when it was gone: an earlier try may have got no further. */
	st = sync_root(dir, err);
	if (st == OK) {
		log->made = false;
		CRASH_POINT("journal.removed");
	}
	return st;
}
