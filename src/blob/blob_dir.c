/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs in a folder: the root holds a folder a group, that holds a file a blob.
 *
 * A blob is written as "tmp-<random>" in its group's folder and renamed to its name when it is
 * whole and on the disk, so what is under a name never changes but by being replaced.  All paths
 * are relative to open folders: the root may be renamed while the server runs, and no name is ever
 * looked up from "/".
 *
 * Two threads may make, fill and remove the same group at once, and no lock is held while they do.
 * The kernel decides: a file cannot be made in a folder that was removed (the writer then makes the
 * folder anew), a folder with a file in it cannot be removed (the remover then empties it again),
 * and a file that was removed cannot be renamed (the writer's group is gone).
 *
 * It does not guard against a second server on the same folder: the data directory's lock does.
 */
#include "blob/blob_dir.h"

#include "base/crash.h"
#include "base/uuid.h"
#include "blob/blob_ops.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Each turn needs a rival who removed the group in the microseconds between two calls of ours; so
 * many in a row are not bad luck but something else, and a loop without an end would hide it. */
#define BEGIN_TRIES_MAX 100

/* A pass can miss a file that is renamed in front of it, but a file is renamed once:
 * after two passes all that was there before is gone.  The others are for the folder
 * itself, until the rivals pause. */
#define REMOVE_PASSES_MAX 8

/* The disk is told to begin this often while a blob is written, so that the commit does not
 * wait for all of it.  Measured with 150 MB in writes of 128 KiB, medians of seven: begin to
 * commit 188 ms without (66 of them in the commit), 152 with 32 MiB (11), 135 with 8 MiB
 * (3).  92 ms of each are SHA-256. */
#define KICK_BYTES (8 << 20)

struct blob_dir {
	struct blob base;
	int root;

	/* How many changes to the root's entries may not be on the disk yet: counted up before a
	 * change, down after the fsync that follows it.  Who builds on what another thread did, and
	 * sees it at 0, need not sync himself.  A failed fsync leaves it up, so that nobody takes
	 * the change for durable. */
	atomic_uint root_unsynced;
};

struct dir_writer {
	struct blob_writer base;
	int folder, file;
	off_t written, kicked; /* to the file; from there on the disk was not told to begin */
	char tmp[sizeof(BLOB_UNFINISHED_PREFIX) + 32];
};

struct dir_reader {
	struct blob_reader base;
	int file;
};

/* The root. */

static enum status sync_root(struct blob_dir *dir, struct err *err)
{
	if (fsync(dir->root) < 0)
		return err_errno(err, errno, "fsync the root");
	return OK;
}

static void root_change_begin(struct blob_dir *dir)
{
	atomic_fetch_add(&dir->root_unsynced, 1);
}

static enum status root_change_commit(struct blob_dir *dir, struct err *err)
{
	enum status st = sync_root(dir, err);

	if (st == OK)
		atomic_fetch_sub(&dir->root_unsynced, 1);
	return st;
}

/* There was no change after all. */
static void root_change_cancel(struct blob_dir *dir)
{
	atomic_fetch_sub(&dir->root_unsynced, 1);
}

/* Make sure that what was just seen in the root is on the disk. */
static enum status settle_root(struct blob_dir *dir, struct err *err)
{
	return atomic_load(&dir->root_unsynced) == 0 ? OK : sync_root(dir, err);
}

/* A group that is there already is fine. */
static enum status make_group(struct blob_dir *dir, const char *group, struct err *err)
{
	root_change_begin(dir);
	if (mkdirat(dir->root, group, 0700) < 0 && errno != EEXIST) {
		int number = errno;

		root_change_cancel(dir);
		return err_errno(err, number, "make the group");
	}
	CRASH_POINT("blob.group_made");
	return root_change_commit(dir, err);
}

/* Walks. */

/* Called with an entry of ${folder} other than "." and "..". */
typedef enum status entry_fn(void *ctx, int folder, const struct dirent *entry, struct err *err);

static enum status each_entry(int folder, entry_fn *visit, void *ctx, struct err *err)
{
	/* An open of its own, not a dup: the position in a folder is shared between dups. */
	int own = openat(folder, ".", FOLDER_FLAGS);
	const struct dirent *entry;
	enum status st = OK;
	DIR *stream;

	if (own < 0 && errno == ENOENT)
		return OK; /* removed since it was opened: empty */
	stream = own < 0 ? NULL : fdopendir(own);
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

/* Is the entry of ${kind} (S_IFDIR, S_IFREG)?  Not every file system fills in d_type. */
static bool is_kind(int folder, const struct dirent *entry, mode_t kind)
{
	struct stat about;

	if (entry->d_type != DT_UNKNOWN)
		return (mode_t)DTTOIF(entry->d_type) == kind;
	return fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (about.st_mode & S_IFMT) == kind;
}

struct walk {
	mode_t kind;
	blob_name_fn *visit; /* a blob_group_fn is of the same type */
	void *ctx;
};

/* What is not ours, such as lost+found, is passed over. */
static enum status show_entry(void *ctx, int folder, const struct dirent *entry, struct err *err)
{
	const struct walk *walk = ctx;

	if (!blob_name_is_valid(entry->d_name) || !is_kind(folder, entry, walk->kind))
		return OK;
	return walk->visit(walk->ctx, entry->d_name, err);
}

static enum status dir_each_group(
    struct blob *blob, blob_group_fn *visit, void *ctx, struct err *err)
{
	struct blob_dir *dir = (struct blob_dir *)blob;
	struct walk walk = {.kind = S_IFDIR, .visit = visit, .ctx = ctx};

	return each_entry(dir->root, show_entry, &walk, err);
}

static enum status dir_each(
    struct blob *blob, const char *group, blob_name_fn *visit, void *ctx, struct err *err)
{
	struct blob_dir *dir = (struct blob_dir *)blob;
	struct walk walk = {.kind = S_IFREG, .visit = visit, .ctx = ctx};
	int folder = openat(dir->root, group, FOLDER_FLAGS);
	enum status st;

	if (folder < 0)
		return errno == ENOENT ? OK : err_errno(err, errno, "open group %s", group);
	st = each_entry(folder, show_entry, &walk, err);
	close(folder);
	return st;
}

/* Writing. */

static void free_writer(struct dir_writer *writer)
{
	if (writer->file >= 0)
		close(writer->file);
	if (writer->folder >= 0)
		close(writer->folder);
	free(writer);
}

static void dir_write_abort(struct blob_writer *base)
{
	struct dir_writer *writer = (struct dir_writer *)base;

	/* Nothing to be done about a failure: what stays is unfinished, no reader sees it, and the
	 * sweep at start or the removal of the group takes it. */
	unlinkat(writer->folder, writer->tmp, 0);
	free_writer(writer);
}

static void pick_tmp_name(struct dir_writer *writer)
{
	unsigned char random[16];
	char *end = writer->tmp + strlen(BLOB_UNFINISHED_PREFIX);

	memcpy(writer->tmp, BLOB_UNFINISHED_PREFIX, sizeof(BLOB_UNFINISHED_PREFIX));
	random_fill(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(end + 2 * i, 3, "%02x", random[i]);
}

/* One try.  E_GONE: there is no such group, or it went away under us; make it and try again. */
static enum status open_tmp(
    struct blob_dir *dir, const char *group, struct dir_writer *writer, struct err *err)
{
	enum status st;

	writer->folder = openat(dir->root, group, FOLDER_FLAGS);
	if (writer->folder < 0)
		return errno == ENOENT ? E_GONE : err_errno(err, errno, "open the group");

	/* Another thread may have made it and not have synced the root yet. */
	st = settle_root(dir, err);
	if (st != OK)
		return st;
	writer->file = openat(writer->folder, writer->tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (writer->file >= 0)
		return OK;
	if (errno != ENOENT)
		return err_errno(err, errno, "make a file");
	close(writer->folder);
	writer->folder = -1;
	return E_GONE;
}

static enum status dir_write_begin(
    struct blob *blob, const char *group, struct blob_writer **ret_writer, struct err *err)
{
	struct blob_dir *dir = (struct blob_dir *)blob;
	struct dir_writer *writer = calloc(1, sizeof(*writer));
	enum status st;

	if (writer == NULL)
		return err_set(err, E_NOMEM, "no memory");
	writer->folder = -1;
	writer->file = -1;
	pick_tmp_name(writer);
	st = open_tmp(dir, group, writer, err);
	for (int tries = 0; st == E_GONE && tries < BEGIN_TRIES_MAX; tries++) {
		st = make_group(dir, group, err);
		if (st == OK)
			st = open_tmp(dir, group, writer, err);
	}
	if (st == E_GONE)
		st = err_set(err, E_IO, "the group is removed as often as it is made");
	if (st != OK) {
		free_writer(writer);
		return st;
	}
	*ret_writer = &writer->base;
	return OK;
}

/* Only advice: whatever comes of it, the commit's fdatasync counts. */
static void kick_disk(struct dir_writer *writer)
{
	if (writer->written - writer->kicked < KICK_BYTES)
		return;
	sync_file_range(
	    writer->file, writer->kicked, writer->written - writer->kicked, SYNC_FILE_RANGE_WRITE);
	writer->kicked = writer->written;
}

static enum status dir_write(struct blob_writer *base, struct slice bytes, struct err *err)
{
	struct dir_writer *writer = (struct dir_writer *)base;
	struct stat about;
	ssize_t n;

	/* Who removes the group removes this file; it is then open, but without a name.  Said now,
	 * so that the upload of an aborted job ends soon and not at its last byte. */
	if (fstat(writer->file, &about) < 0)
		return err_errno(err, errno, "fstat");
	if (about.st_nlink == 0)
		return err_set(err, E_GONE, "the group was removed");
	while (bytes.len > 0) {
		n = write(writer->file, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "write");
		bytes = slice_skip(bytes, (size_t)n);
		writer->written += n;
	}
	kick_disk(writer);
	return OK;
}

static enum status dir_write_commit(struct blob_writer *base, struct err *err)
{
	struct dir_writer *writer = (struct dir_writer *)base;
	enum status st;

	/* The bytes before the name: after a power cut a name whose bytes are missing would pass
	 * for a whole blob. */
	if (fdatasync(writer->file) < 0) {
		st = err_errno(err, errno, "fdatasync");
		goto abort;
	}
	CRASH_POINT("blob.synced");

	/* From here on readers see it. */
	if (renameat(writer->folder, writer->tmp, writer->folder, base->name) < 0) {
		st = errno == ENOENT ? err_set(err, E_GONE, "the group was removed")
				     : err_errno(err, errno, "rename");
		goto abort;
	}
	CRASH_POINT("blob.renamed");

	/* And from here on after a power cut too.  When the disk does not say so, nobody may see
	 * what the caller is told to be missing: the name goes again. */
	if (fsync(writer->folder) < 0) {
		st = err_errno(err, errno, "fsync the group");
		unlinkat(writer->folder, base->name, 0);
		goto abort;
	}
	free_writer(writer);
	return OK;
abort:
	dir_write_abort(base);
	return st;
}

/* Reading. */

static enum status dir_read_open(struct blob *blob, const char *group, const char *name,
    struct blob_reader **ret_reader, uint64_t *ret_bytes, struct err *err)
{
	struct blob_dir *dir = (struct blob_dir *)blob;
	struct dir_reader *reader = calloc(1, sizeof(*reader));
	char path[2 * BLOB_NAME_BYTES_MAX + 2];
	struct stat about;
	enum status st;

	if (reader == NULL)
		return err_set(err, E_NOMEM, "no memory");
	snprintf(path, sizeof(path), "%s/%s", group, name);
	reader->file = openat(dir->root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (reader->file < 0 || fstat(reader->file, &about) < 0) {
		st = err_errno(err, errno, "open");
		if (reader->file >= 0)
			close(reader->file);
		free(reader);
		return st;
	}

	/* Only advice: doubles the kernel's read-ahead. */
	posix_fadvise(reader->file, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret_reader = &reader->base;
	*ret_bytes = (uint64_t)about.st_size;
	return OK;
}

static enum status dir_follow(
    const struct blob_writer *base, struct blob_reader **ret_reader, struct err *err)
{
	const struct dir_writer *writer = (const struct dir_writer *)base;
	struct dir_reader *reader = calloc(1, sizeof(*reader));
	enum status st = OK;

	if (reader == NULL)
		return err_set(err, E_NOMEM, "no memory");
	reader->file = openat(writer->folder, writer->tmp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (reader->file < 0)
		st = errno == ENOENT ? err_set(err, E_GONE, "the group was removed")
				     : err_errno(err, errno, "open");
	if (st != OK) {
		free(reader);
		return st;
	}
	*ret_reader = &reader->base;
	return OK;
}

static enum status dir_read(
    struct blob_reader *base, char *ret_bytes, size_t room, size_t *ret_count, struct err *err)
{
	struct dir_reader *reader = (struct dir_reader *)base;
	size_t count = 0;
	ssize_t n;

	while (count < room) {
		n = read(reader->file, ret_bytes + count, room - count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "read");
		if (n == 0)
			break;
		count += (size_t)n;
	}
	*ret_count = count;
	return OK;
}

static void dir_read_close(struct blob_reader *base)
{
	struct dir_reader *reader = (struct dir_reader *)base;

	close(reader->file);
	free(reader);
}

/* Removing. */

/* Does a remove of ${prefix} take ${name}?  One that names unfinished blobs takes those, "" takes
 * all, any other takes finished ones only: "t" is not meant to end an upload. */
static bool is_taken(const char *name, const char *prefix)
{
	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	return prefix[0] == '\0' || blob_name_is_unfinished(prefix) ||
	       !blob_name_is_unfinished(name);
}

static enum status remove_entry(void *ctx, int folder, const struct dirent *entry, struct err *err)
{
	const char *prefix = ctx;

	if (!is_taken(entry->d_name, prefix))
		return OK;
	if (unlinkat(folder, entry->d_name, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "unlink %s", entry->d_name);
	return OK;
}

/* E_BUSY: a rival put something into the folder. */
static enum status remove_folder(struct blob_dir *dir, const char *group, struct err *err)
{
	root_change_begin(dir);
	if (unlinkat(dir->root, group, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		int number = errno;

		root_change_cancel(dir);
		if (number == ENOTEMPTY || number == EEXIST)
			return E_BUSY;
		return err_errno(err, number, "rmdir");
	}
	return root_change_commit(dir, err);
}

static enum status dir_remove(
    struct blob *blob, const char *group, const char *prefix, struct err *err)
{
	struct blob_dir *dir = (struct blob_dir *)blob;
	bool all = prefix[0] == '\0';
	enum status st;
	int folder, passes = 0;

	folder = openat(dir->root, group, FOLDER_FLAGS);
	if (folder < 0 && errno == ENOENT)
		return settle_root(dir, err); /* gone, but for good? */
	if (folder < 0)
		return err_errno(err, errno, "open the group");

	do {
		st = each_entry(folder, remove_entry, (void *)prefix, err);
		CRASH_POINT("blob.emptied");
		if (st == OK && all)
			st = remove_folder(dir, group, err);
	} while (st == E_BUSY && ++passes < REMOVE_PASSES_MAX);

	/* A folder that stays, because it should or because new writers keep it
	 * full, remembers what left it. */
	if ((st == OK && !all) || st == E_BUSY) {
		st = settle_root(dir, err);
		if (st == OK && fsync(folder) < 0)
			st = err_errno(err, errno, "fsync the group");
	}
	close(folder);
	return st;
}

/* Opening. */

static void dir_close(struct blob *blob)
{
	struct blob_dir *dir = (struct blob_dir *)blob;

	close(dir->root);
	free(dir);
}

static const struct blob_ops dir_ops = {
    .close = dir_close,
    .write_begin = dir_write_begin,
    .write = dir_write,
    .write_commit = dir_write_commit,
    .write_abort = dir_write_abort,
    .read_open = dir_read_open,
    .read = dir_read,
    .read_close = dir_read_close,
    .follow = dir_follow,
    .remove = dir_remove,
    .each_group = dir_each_group,
    .each = dir_each,
};

/* A new root must not be lost with all that is put into it: its parent's entry is synced. */
static enum status sync_parent(int root, struct err *err)
{
	int parent = openat(root, "..", FOLDER_FLAGS);
	enum status st = OK;

	if (parent < 0)
		return err_errno(err, errno, "open the parent");
	if (fsync(parent) < 0)
		st = err_errno(err, errno, "fsync the parent");
	close(parent);
	return st;
}

enum status blob_dir_open(const char *path, struct blob **ret_blob, struct err *err)
{
	struct blob_dir *dir = calloc(1, sizeof(*dir));
	enum status st = OK;

	if (dir == NULL)
		return err_set(err, E_NOMEM, "blob folder %s: no memory", path);
	dir->base.ops = &dir_ops;
	dir->root = -1;

	/* The operator may have made it a symbolic link, so links are
	 * followed here and nowhere else. */
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		st = err_errno(err, errno, "mkdir");
		goto out;
	}
	dir->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->root < 0) {
		st = err_errno(err, errno, "open");
		goto out;
	}

	/* A run that was killed may have left changes that nobody synced; from now on the count
	 * knows them all. */
	st = sync_parent(dir->root, err);
	if (st == OK)
		st = sync_root(dir, err);
out:
	if (st != OK) {
		err_add(err, "blob folder %s", path);
		if (dir->root >= 0)
			close(dir->root);
		free(dir);
		return st;
	}
	*ret_blob = &dir->base;
	return OK;
}
