/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data directory: see data_dir.h.  Ownership is a lock on a file, which the kernel gives back
 * however the owner ends, so there is never a stale one.
 */
#include "serve/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status join(char ret_path[PATH_MAX], const char *dir, const char *name, struct err *err)
{
	if (snprintf(ret_path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return err_set(err, E_INVALID, "the path %.100s… is too long", dir);
	return OK;
}

enum status data_dir_open(const char *path, struct data_dir *ret_dir, struct err *err)
{
	struct data_dir dir = {.lock_fd = -1};
	char lock[PATH_MAX];
	enum status st;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, errno, "make the data directory %s", path);
	st = join(dir.catalog, path, "catalog.sqlite", err);
	if (st == OK)
		st = join(dir.lake, path, "lake.duckdb", err);
	if (st == OK)
		st = join(dir.blobs, path, "blobs", err);
	if (st == OK)
		st = join(dir.journal, path, "journal", err);
	if (st == OK)
		st = join(dir.temp, path, "tmp", err);
	if (st == OK)
		st = join(dir.results, path, "results", err);
	if (st == OK)
		st = join(dir.keys, path, "keys", err);
	if (st == OK)
		st = join(dir.tls, path, "tls", err);
	if (st == OK)
		st = join(lock, path, "lock", err);
	if (st != OK)
		return st;
	dir.lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir.lock_fd < 0)
		return err_errno(err, errno, "open %s", lock);
	*ret_dir = dir;
	return OK;
}

static long read_owner(int fd)
{
	char text[32] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}

enum status data_dir_own(struct data_dir *dir, struct err *err)
{
	char text[32];
	int length;

	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return err_errno(err, errno, "lock the data directory");
		return err_set(err, E_BUSY,
		    "the data directory is in use by another server, process %ld",
		    read_owner(dir->lock_fd));
	}
	/* The number is for people only; the lock is what counts. */
	length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(dir->lock_fd, 0) != 0 ||
	    pwrite(dir->lock_fd, text, (size_t)length, 0) != length)
		return err_errno(err, errno, "write the lock file");
	return OK;
}

void data_dir_close(struct data_dir *dir)
{
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	dir->lock_fd = -1;
}
