/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal in a folder: a folder a log, in it files of about JOURNAL_FILE_BYTES, each named by
 * the position at which it begins.  Here are the journal as a whole, trimming and removal.  Beside
 * it: journal_dir_log.c, the logs and their roles; journal_dir_append.c, group commit;
 * journal_dir_read.c; journal_dir_recover.c, what opening a log does; journal_dir_disk.c, what is
 * done to files; journal_dir_frame.c, their bytes.
 *
 * Trimming is a number that moves, and files that go behind it.  The last file stays, for its name
 * is what keeps the position; when all of it is trimmed and it is large, an empty one takes its
 * place first.
 *
 * Nothing here guards against a second server on the same folder: the data directory's lock does.
 */
#include "journal/journal_dir.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "journal/journal_dir_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* When all of a log is trimmed, a last file of more bytes is left for a new one, so that it can be
 * deleted. */
#define SPENT_BYTES (1024 * 1024)

static enum status dir_state(
    struct journal *base, const char *name, struct journal_state *ret_state, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_log *log;
	enum status st;

	mutex_lock(&dir->mutex);
	st = journal_log_use_locked(dir, name, &log, err);
	if (st == OK)
		*ret_state = (struct journal_state){.begin = log->begin, .end = log->end};
	mutex_unlock(&dir->mutex);
	return st;
}

/* Trimming. */

static void move_begin_locked(struct journal_dir *dir, struct journal_log *log, int64_t position)
{
	if (position <= log->begin)
		return;
	journal_log_count_bytes_locked(dir, log->begin - position);
	log->begin = position;
}

/* The lake is past the end: what it has from here was lost here.  The files that are left are needed
 * by nobody, and journal_log_start_file() deletes them. */
static enum status go_on_behind_locked(
    struct journal_dir *dir, struct journal_log *log, int64_t position, struct err *err)
{
	int64_t end = log->end;
	enum status st;

	journal_log_count_bytes_locked(dir, log->begin - log->end);
	log->begin = log->end = position;
	log->clear = true;
	mutex_unlock(&dir->mutex);
	log_event(LOG_LEVEL_ERROR, "journal.lost", "log=%s end=%" PRId64 " position=%" PRId64,
	    log->name, end, position);
	st = journal_log_start_file(dir, log, position, err);
	mutex_lock(&dir->mutex);
	return st;
}

/* Is all of the log trimmed, and its last file so large that another should take its place?  Not of
 * a log that is stuck: that file has more than its place in the row allows. */
static bool is_spent_locked(const struct journal_log *log)
{
	return log->count > 0 && log->begin == log->end && log->queued == 0 && !log->stuck &&
	       log->end - log->firsts[log->count - 1] > SPENT_BYTES;
}

/* With the role. */
static enum status roll_spent_locked(
    struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	int64_t end = log->end;
	enum status st;

	mutex_unlock(&dir->mutex);
	st = journal_log_start_file(dir, log, end, err);
	mutex_lock(&dir->mutex);
	return st;
}

/* Delete the files that lie before the begin, but the last one: its name keeps the position.  One
 * thread at a time; another leaves it to that. */
static enum status delete_files_locked(
    struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	enum status st = OK;

	if (log->trimming || log->clear || log->removed)
		return OK;
	log->trimming = true;
	while (st == OK && log->count > 1 && log->firsts[1] <= log->begin)
		st = journal_log_delete_oldest_locked(dir, log, err);
	log->trimming = false;
	if (log->waiting_for_role > 0)
		cond_broadcast(&log->role);
	return st;
}

static enum status trim_locked(
    struct journal_dir *dir, struct journal_log *log, int64_t position, struct err *err)
{
	enum status st = OK;

	if (position <= log->end)
		move_begin_locked(dir, log, position);
	if (position > log->end || is_spent_locked(log)) {
		/* While this waits the log may go, or grow. */
		journal_log_take_role_locked(dir, log);
		st = journal_log_check_locked(log, err);
		if (st == OK && position > log->end)
			st = go_on_behind_locked(dir, log, position, err);
		else if (st == OK && is_spent_locked(log))
			st = roll_spent_locked(dir, log, err);
		journal_log_give_role_locked(dir, log);
	}
	return st == OK ? delete_files_locked(dir, log, err) : st;
}

static enum status dir_trim(
    struct journal *base, const char *name, int64_t position, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_log *log;
	enum status st;

	if (position > JOURNAL_POSITION_MAX)
		return err_set(err, E_IO, "no log is as long as %" PRId64 " bytes", position);
	mutex_lock(&dir->mutex);
	st = journal_log_use_locked(dir, name, &log, err);
	if (st == OK)
		st = trim_locked(dir, log, position, err);
	mutex_unlock(&dir->mutex);
	return st;
}

/* Removal, and the journal as a whole. */

static enum status dir_remove(struct journal *base, const char *name, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_log *log;
	enum status st = E_NOMEM;

	mutex_lock(&dir->mutex);
	log = journal_log_find_locked(dir, name);
	if (log == NULL) {
		mutex_unlock(&dir->mutex);
		return err_set(err, E_NOMEM, "no memory");
	}

	/* First nobody may append any more, then the files go: when that fails half-way, the log is
	 * as good as gone, and the next try takes the rest. */
	journal_log_take_role_locked(dir, log);
	log->removed = true;
	journal_log_count_bytes_locked(dir, log->begin - log->end);
	log->begin = log->end = 0;
	log->count = 0;
	mutex_unlock(&dir->mutex);
	st = journal_disk_delete_log(dir, log, err);
	mutex_lock(&dir->mutex);
	journal_log_give_role_locked(dir, log);
	mutex_unlock(&dir->mutex);
	return st;
}

struct names {
	struct arena *arena;
	const char **names;
	size_t count, room;
};

/* What is not ours, such as lost+found, is passed over. */
static enum status note_name(void *ctx, int folder, const struct dirent *entry, struct err *err)
{
	struct names *names = ctx;
	struct stat about;

	if (!journal_name_is_valid(entry->d_name) ||
	    fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(about.st_mode))
		return OK;
	if (names->count == names->room) {
		size_t room = names->room == 0 ? 64 : 2 * names->room;
		const char **more = arena_array(names->arena, room, sizeof(*more));

		if (more == NULL)
			return err_set(err, E_NOMEM, "no memory");
		if (names->count > 0)
			memcpy(more, names->names, names->count * sizeof(*more));
		names->names = more;
		names->room = room;
	}
	names->names[names->count] = arena_copy(names->arena, slice_of(entry->d_name));
	if (names->names[names->count] == NULL)
		return err_set(err, E_NOMEM, "no memory");
	names->count++;
	return OK;
}

static enum status dir_list(struct journal *base, struct arena *arena, const char ***ret_names,
    size_t *ret_count, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct names names = {.arena = arena};
	enum status st = journal_disk_each(dir->root, note_name, &names, err);

	if (st != OK)
		return st;
	*ret_names = names.names;
	*ret_count = names.count;
	return OK;
}

static void dir_close(struct journal *base)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_log *log;

	for (size_t i = 0; i < JOURNAL_HASH_SIZE; i++) {
		while ((log = dir->logs[i]) != NULL) {
			dir->logs[i] = log->next_of_hash;
			journal_log_free(log);
		}
	}
	metric_add(METRIC_JOURNAL_BYTES, 0, -dir->bytes);
	if (dir->root >= 0)
		close(dir->root);
	mutex_fini(&dir->mutex);
	free(dir);
}

static const struct journal_ops dir_ops = {
    .close = dir_close,
    .append = journal_dir_append,
    .state = dir_state,
    .read = journal_dir_read,
    .trim = dir_trim,
    .remove = dir_remove,
    .list = dir_list,
};

/* A run that was killed may have made the root, or a log's folder in it, and not have synced it. */
static enum status sync_folders(int root, struct err *err)
{
	int parent = openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum status st = OK;

	if (parent < 0)
		return err_errno(err, errno, "open the parent");
	if (fsync(parent) < 0)
		st = err_errno(err, errno, "fsync the parent");
	close(parent);
	if (st == OK && fsync(root) < 0)
		st = err_errno(err, errno, "fsync");
	return st;
}

enum status journal_dir_open(
    const struct journal_dir_options *options, struct journal **ret_journal, struct err *err)
{
	struct journal_dir *dir = calloc(1, sizeof(*dir));
	enum status st = OK;

	if (dir == NULL)
		return err_set(err, E_NOMEM, "journal %s: no memory", options->path);
	dir->base.ops = &dir_ops;
	dir->log_bytes_max = options->log_bytes_max;
	dir->bytes_max = options->bytes_max;
	dir->root = -1;
	mutex_init(&dir->mutex);

	/* The operator may have made it a symbolic link, so links are followed here and nowhere
	 * else. */
	if (mkdir(options->path, 0700) < 0 && errno != EEXIST)
		st = err_errno(err, errno, "mkdir");
	if (st == OK) {
		dir->root = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		st = dir->root < 0 ? err_errno(err, errno, "open") : sync_folders(dir->root, err);
	}
	if (st != OK) {
		err_add(err, "journal %s", options->path);
		dir_close(&dir->base);
		return st;
	}
	*ret_journal = &dir->base;
	return OK;
}
