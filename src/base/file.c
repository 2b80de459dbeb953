/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files: see file.h.  The bytes go to a name of their own and are synced; then the rename
 * shows them, and a sync of the folder makes that last.
 */
#include "base/file.h"

#include "base/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make the names in the folder of ${path} durable. */
static enum status sync_folder_of(const char *path, struct err *err)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	enum status st = OK;
	int fd;

	if (len >= sizeof(folder))
		return err_set(err, E_INVALID, "the path %.100s… is too long", path);
	if (slash == NULL) {
		memcpy(folder, ".", 2);
	} else {
		memcpy(folder, path, len);
		memcpy(folder + len, len == 0 ? "/" : "", len == 0 ? 2 : 1);
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		st = err_errno(err, errno, "sync the folder %s", folder);
	if (fd >= 0)
		close(fd);
	return st;
}

enum status file_make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? OK : err_errno(err, errno, "make the folder %s", path);
	return sync_folder_of(path, err);
}

enum status file_lock_folder(const char *path, int *ret_fd, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	while ((code = flock(fd, LOCK_EX)) != 0 && errno == EINTR)
		continue;
	if (code != 0) {
		enum status st = err_errno(err, errno, "lock %s", path);

		close(fd);
		return st;
	}
	*ret_fd = fd;
	return OK;
}

enum status file_read_open(
    int fd, const char *path, size_t most, struct buffer *ret_bytes, struct err *err)
{
	enum status st = OK;
	size_t total = 0;
	ssize_t got = 1;
	char piece[4096];

	while (st == OK && got > 0) {
		got = read(fd, piece, sizeof(piece));
		if (got < 0)
			st = err_errno(err, errno, "read %s", path);
		else if (total + (size_t)got > most)
			st = err_set(err, E_LIMIT, "%s is longer than %zu bytes", path, most);
		else
			buffer_put(ret_bytes, (struct slice){piece, (size_t)got});
		total += got > 0 ? (size_t)got : 0;
	}
	/* It may have been a key. */
	explicit_bzero(piece, sizeof(piece));
	if (st == OK && ret_bytes->failed)
		st = err_set(err, E_NOMEM, "read %s: no memory", path);
	return st;
}

enum status file_read(const char *path, size_t most, struct buffer *ret_bytes, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum status st;

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	st = file_read_open(fd, path, most, ret_bytes, err);
	close(fd);
	return st;
}

static enum status write_all(int fd, struct slice bytes, const char *path, struct err *err)
{
	ssize_t put;

	while (bytes.len > 0) {
		put = write(fd, bytes.ptr, bytes.len);
		if (put < 0)
			return err_errno(err, errno, "write %s", path);
		bytes = slice_skip(bytes, (size_t)put);
	}
	return fsync(fd) != 0 ? err_errno(err, errno, "sync %s", path) : OK;
}

enum status file_replace(const char *path, struct slice bytes, mode_t mode, struct err *err)
{
	char fresh[PATH_MAX];
	enum status st;
	int fd;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return err_set(err, E_INVALID, "the path %.100s… is too long", path);
	/* What an earlier try left may have another mode. */
	if (unlink(fresh) != 0 && errno != ENOENT)
		return err_errno(err, errno, "remove %s", fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "make %s", fresh);
	if (fchmod(fd, mode) != 0)
		st = err_errno(err, errno, "set the mode of %s", fresh);
	else
		st = write_all(fd, bytes, fresh, err);
	close(fd);
	CRASH_POINT("file.written");
	if (st == OK && rename(fresh, path) != 0)
		st = err_errno(err, errno, "rename %s", fresh);
	if (st != OK) {
		(void)unlink(fresh);
		return st;
	}
	CRASH_POINT("file.renamed");
	return sync_folder_of(path, err);
}
