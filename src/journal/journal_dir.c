/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal in a folder: a folder a log, in it files of about JOURNAL_FILE_BYTES, each named by
 * the position at which it begins.  This file has the logs, who waits for what, and the bounds;
 * journal_dir_disk.c does what is done to files, journal_dir_recover.c opens a log,
 * journal_dir_read.c reads one, journal_dir_frame.c knows the bytes.
 *
 * Group commit, for each log alone.  An append takes its place at the end of the queue; places are
 * the order of the log.  If the log's role is free it leads: it takes what is in the queue by then,
 * writes it, syncs, and wakes those whose entries these were.  Then the oldest of those who came
 * meanwhile leads.  So a lone append starts at once, and while the disk syncs one group the next
 * one gathers.  No mutex is held meanwhile: the role makes the leader alone with the files.
 *
 * Who wants the role for something else (opening, rolling, removal) goes before the next group.
 *
 * The role's holder works on what it knows of the log; what others see (the end, the list of files)
 * is changed under the mutex when the disk has it.
 *
 * A log that was removed is remembered until the journal is closed, some 400 bytes: whoever still
 * has its name must not bring it back.  Nothing here guards against a second server on the same
 * folder: the data directory's lock does.
 */
#include "journal/journal_dir.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "journal/journal_dir_log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A group, unless one entry is more: what the disk writes in about the time of a sync.  More would
 * make the first wait longer than it saves the last. */
#define GROUP_BYTES_MAX (1024 * 1024)
#define GROUP_MAX       256

/* Logs that keep their last file open, of those that nobody writes to. */
#define OPEN_FILES_MAX 128

/* When all of a log is trimmed, a last file of more bytes is left for a new one, so that it can be
 * deleted. */
#define SPENT_BYTES (1024 * 1024)

/* Logs by name. */

static struct journal_log *make_log(const char *name)
{
	struct journal_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	memcpy(log->name, name, strlen(name) + 1);
	log->seed = journal_frame_seed(name);
	cond_init(&log->role);
	log->last = &log->first;
	log->file = -1;
	log->segment = -1;
	return log;
}

static void free_log(struct journal_log *log)
{
	assert(!log->busy && log->first == NULL);
	journal_disk_close_file(log);
	cond_fini(&log->role);
	free(log->firsts);
	free(log);
}

static struct journal_log *find_log_locked(struct journal_dir *dir, const char *name)
{
	struct journal_log **at = &dir->logs[journal_frame_seed(name) % JOURNAL_HASH_SIZE];

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next_of_hash;
	if (*at == NULL)
		*at = make_log(name);
	return *at;
}

/* Open files: a list of the logs that have one, the last used is the newest. */

static void list_out_locked(struct journal_dir *dir, struct journal_log *log)
{
	if (!log->listed)
		return;
	*(log->older == NULL ? &dir->oldest : &log->older->newer) = log->newer;
	*(log->newer == NULL ? &dir->newest : &log->newer->older) = log->older;
	log->listed = false;
	dir->open_files--;
}

static void list_in_locked(struct journal_dir *dir, struct journal_log *log)
{
	log->older = dir->newest;
	log->newer = NULL;
	*(dir->newest == NULL ? &dir->oldest : &dir->newest->newer) = log;
	dir->newest = log;
	log->listed = true;
	dir->open_files++;
}

/* ${log} was used.  Closes the file of the one that was not used for longest when there are too
 * many; all that was written to it is on the disk, so that this is no I/O. */
static void note_use_locked(struct journal_dir *dir, struct journal_log *log)
{
	struct journal_log *idle;

	list_out_locked(dir, log);
	if (log->file >= 0)
		list_in_locked(dir, log);
	if (dir->open_files <= OPEN_FILES_MAX)
		return;
	idle = dir->oldest;
	while (idle != NULL && idle->busy)
		idle = idle->newer;
	if (idle == NULL)
		return;
	journal_disk_close_file(idle);
	list_out_locked(dir, idle);
}

/* The role. */

static void take_role_locked(struct journal_dir *dir, struct journal_log *log)
{
	log->waiting_for_role++;
	while (log->busy || log->trimming)
		cond_wait(&log->role, &dir->mutex);
	log->waiting_for_role--;
	log->busy = true;
}

static void give_role_locked(struct journal_dir *dir, struct journal_log *log)
{
	log->busy = false;
	note_use_locked(dir, log);
	if (log->waiting_for_role > 0)
		cond_broadcast(&log->role);
	else if (log->first != NULL)
		cond_signal(&log->first->wake);
}

/* What is known of a log. */

static void count_bytes_locked(struct journal_dir *dir, int64_t bytes)
{
	dir->bytes += bytes;
	metric_add(METRIC_JOURNAL_BYTES, 0, bytes);
}

enum status journal_check_locked(const struct journal_log *log, struct err *err)
{
	if (log->removed)
		return err_set(err, E_NOT_FOUND, "the log was removed");
	if (log->broken)
		return err_set(err, E_IO, "%s", log->why);
	return OK;
}

void journal_break_locked(struct journal_log *log, const char *why)
{
	if (log->broken || log->removed)
		return;
	log->broken = true;
	snprintf(log->why, sizeof(log->why), "%s", why);
	/* One line to standard error, once in the life of a log: not worth an unlock. */
	log_event(LOG_LEVEL_ERROR, "journal.broken", "log=%s why=\"%s\"", log->name, log->why);
}

static enum status open_log_locked(
    struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	struct journal_found found = {.end = 0};
	bool broken = false;
	struct err why;
	enum status st;

	mutex_unlock(&dir->mutex);
	st = journal_recover(dir, log, &found, &broken, &why);
	mutex_lock(&dir->mutex);
	if (broken)
		journal_break_locked(log, why.text);
	if (st != OK)
		return err_set(err, st, "%s", why.text);
	log->firsts = found.firsts;
	log->count = log->room = found.count;
	log->begin = found.count == 0 ? 0 : found.firsts[0];
	log->end = found.end;
	log->opened = true;
	count_bytes_locked(dir, log->end - log->begin);
	return OK;
}

enum status journal_use_locked(
    struct journal_dir *dir, const char *name, struct journal_log **ret_log, struct err *err)
{
	struct journal_log *log = find_log_locked(dir, name);
	enum status st;

	if (log == NULL)
		return err_set(err, E_NOMEM, "no memory");
	st = journal_check_locked(log, err);
	if (st == OK && !log->opened) {
		take_role_locked(dir, log);
		st = journal_check_locked(log, err); /* it may have been opened meanwhile */
		if (st == OK && !log->opened)
			st = open_log_locked(dir, log, err);
		give_role_locked(dir, log);
	}
	if (st == OK)
		*ret_log = log;
	return st;
}

/* Files.  By who has the role, without the mutex. */

static enum status make_room(struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	enum status st = OK;

	mutex_lock(&dir->mutex);
	if (log->count == log->room) {
		size_t room = log->room == 0 ? 8 : 2 * log->room;
		int64_t *more = realloc(log->firsts, room * sizeof(*more));

		if (more == NULL) {
			st = err_set(err, E_NOMEM, "no memory");
		} else {
			log->firsts = more;
			log->room = room;
		}
	}
	mutex_unlock(&dir->mutex);
	return st;
}

/* Delete the oldest file. */
static enum status delete_oldest_locked(
    struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	int64_t first = log->firsts[0];
	enum status st;

	mutex_unlock(&dir->mutex);
	st = journal_disk_delete_file(dir, log, first, err);
	mutex_lock(&dir->mutex);
	if (st != OK)
		return st;
	log->count--;
	memmove(log->firsts, log->firsts + 1, log->count * sizeof(*log->firsts));
	return OK;
}

/* Delete all files, oldest first, so that a crash leaves a row without a gap. */
static enum status clear_files(struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	enum status st = OK;

	mutex_lock(&dir->mutex);
	while (st == OK && log->count > 0)
		st = delete_oldest_locked(dir, log, err);
	log->clear = st != OK;
	mutex_unlock(&dir->mutex);
	if (st == OK) {
		journal_disk_close_file(log);
		log->segment = -1;
	}
	return st;
}

/* Begin a file at ${position}, where the log ends. */
static enum status start_file(
    struct journal_dir *dir, struct journal_log *log, int64_t position, struct err *err)
{
	enum status st = log->clear ? clear_files(dir, log, err) : OK;
	bool again = log->segment == position; /* in place of one that is empty */

	if (st == OK)
		st = make_room(dir, log, err);
	if (st == OK)
		st = journal_disk_start_file(dir, log, position, err);
	if (st != OK || again)
		return st;
	mutex_lock(&dir->mutex);
	log->firsts[log->count++] = position;
	mutex_unlock(&dir->mutex);
	return OK;
}

/* Appending. */

/* The oldest of the queue that make a group, as a list that ends in NULL. */
static struct journal_append *take_group_locked(struct journal_log *log)
{
	struct journal_append *group = log->first, **end = &group;
	int64_t bytes = 0;

	for (size_t count = 0; *end != NULL && count < GROUP_MAX; count++) {
		bytes += (*end)->bytes;
		if (count > 0 && bytes > GROUP_BYTES_MAX)
			break;
		end = &(*end)->next;
	}
	log->first = *end;
	if (log->first == NULL)
		log->last = &log->first;
	*end = NULL;
	return group;
}

/* Put the group at ${end}, where the log ends. */
static enum status write_group(struct journal_dir *dir, struct journal_log *log,
    struct journal_append *group, int64_t end, bool *ret_stuck, struct err *err)
{
	int64_t position = end;
	enum status st = OK;

	if (log->segment < 0 || log->roll || log->clear || end - log->segment >= JOURNAL_FILE_BYTES)
		st = start_file(dir, log, end, err);
	if (st != OK)
		return st;
	for (struct journal_append *append = group; append != NULL; append = append->next) {
		append->header = journal_frame_header(log->seed, append->entry, position, end);
		position += append->bytes;
		append->end = position;
	}
	return journal_disk_write(dir, log, group, end, ret_stuck, err);
}

/* Tell all of the group what became of it.  Nobody in it runs before the unlock, so the list is
 * ours until then. */
static void settle_group_locked(struct journal_dir *dir, struct journal_log *log,
    struct journal_append *group, enum status st, const struct err *err)
{
	struct journal_append *append, *next;

	for (append = group; append != NULL; append = next) {
		next = append->next;
		log->queued -= append->bytes;
		if (st == OK) {
			log->end = append->end;
			metric_add(METRIC_JOURNAL_ENTRIES, 0, 1);
		} else {
			count_bytes_locked(dir, -append->bytes);
			append->err = *err;
		}
		append->status = st;
		append->done = true;
		cond_signal(&append->wake);
	}
}

static void lead_locked(struct journal_dir *dir, struct journal_log *log)
{
	struct journal_append *group = take_group_locked(log);
	int64_t end = log->end;
	bool stuck = false;
	struct err err;
	enum status st;

	log->busy = true;
	st = journal_check_locked(log, &err);
	if (st == OK && log->stuck)
		st = err_set(&err, E_IO, "%s", log->why);
	if (st == OK) {
		mutex_unlock(&dir->mutex);
		st = write_group(dir, log, group, end, &stuck, &err);
		if (stuck)
			log_event(LOG_LEVEL_ERROR, "journal.stuck", "log=%s why=\"%s\"", log->name,
			    err.text);
		mutex_lock(&dir->mutex);
	}
	if (stuck) {
		log->stuck = true;
		snprintf(log->why, sizeof(log->why),
		    "takes nothing until the server is started anew: %.140s", err.text);
	}
	settle_group_locked(dir, log, group, st, &err);
	give_role_locked(dir, log);
}

static enum status check_bounds_locked(
    const struct journal_dir *dir, const struct journal_log *log, int64_t bytes, struct err *err)
{
	int64_t held = log->end - log->begin + log->queued;

	if (bytes > dir->log_bytes_max - held)
		return err_set(err, E_BUSY,
		    "the log holds %" PRId64 " bytes that are not applied, of at most %" PRId64,
		    held, dir->log_bytes_max);
	if (bytes > dir->bytes_max - dir->bytes)
		return err_set(err, E_BUSY,
		    "all logs hold %" PRId64 " bytes that are not applied, of at most %" PRId64,
		    dir->bytes, dir->bytes_max);
	return OK;
}

static void queue_locked(
    struct journal_dir *dir, struct journal_log *log, struct journal_append *append)
{
	log->queued += append->bytes;
	count_bytes_locked(dir, append->bytes);
	*log->last = append;
	log->last = &append->next;
	while (!append->done) {
		if (log->busy || log->waiting_for_role > 0)
			cond_wait(&append->wake, &dir->mutex);
		else
			lead_locked(dir, log);
	}
}

static enum status dir_append(
    struct journal *base, const char *name, struct slice entry, int64_t *ret_end, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_append append;
	struct journal_log *log;
	enum status st;

	mutex_lock(&dir->mutex);
	st = journal_use_locked(dir, name, &log, err);
	if (st == OK)
		st = check_bounds_locked(dir, log, journal_frame_bytes(entry.len), err);
	if (st == OK) {
		append.entry = entry;
		append.bytes = journal_frame_bytes(entry.len);
		append.done = false;
		append.next = NULL;
		cond_init(&append.wake);
		queue_locked(dir, log, &append);
		cond_fini(&append.wake);
		st = append.status;
		if (st == OK)
			*ret_end = append.end;
		else if (err != NULL)
			*err = append.err;
	}
	mutex_unlock(&dir->mutex);
	return st;
}

static enum status dir_state(
    struct journal *base, const char *name, struct journal_state *ret_state, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_log *log;
	enum status st;

	mutex_lock(&dir->mutex);
	st = journal_use_locked(dir, name, &log, err);
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
	count_bytes_locked(dir, log->begin - position);
	log->begin = position;
}

/* The lake is past the end: what it has from here was lost here.  The files that are left are needed
 * by nobody, and start_file() deletes them. */
static enum status go_on_behind_locked(
    struct journal_dir *dir, struct journal_log *log, int64_t position, struct err *err)
{
	enum status st;

	log_event(LOG_LEVEL_ERROR, "journal.lost", "log=%s end=%" PRId64 " position=%" PRId64,
	    log->name, log->end, position);
	count_bytes_locked(dir, log->begin - log->end);
	log->begin = log->end = position;
	log->clear = true;
	mutex_unlock(&dir->mutex);
	st = start_file(dir, log, position, err);
	mutex_lock(&dir->mutex);
	return st;
}

/* Is all of the log trimmed, and its last file so large that another should take its place? */
static bool is_spent_locked(const struct journal_log *log)
{
	return log->count > 0 && log->begin == log->end && log->queued == 0 &&
	       log->end - log->firsts[log->count - 1] > SPENT_BYTES;
}

/* With the role. */
static enum status roll_spent_locked(
    struct journal_dir *dir, struct journal_log *log, struct err *err)
{
	int64_t end = log->end;
	enum status st;

	mutex_unlock(&dir->mutex);
	st = start_file(dir, log, end, err);
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
		st = delete_oldest_locked(dir, log, err);
	log->trimming = false;
	if (log->waiting_for_role > 0)
		cond_broadcast(&log->role);
	return st;
}

static enum status trim_locked(
    struct journal_dir *dir, struct journal_log *log, int64_t position, struct err *err)
{
	bool wants_role = position > log->end;
	enum status st = OK;

	if (!wants_role) {
		move_begin_locked(dir, log, position);
		wants_role = is_spent_locked(log);
	}
	if (wants_role) {
		/* While this waited the log may have grown, or gone. */
		take_role_locked(dir, log);
		st = journal_check_locked(log, err);
		if (st == OK && position > log->end)
			st = go_on_behind_locked(dir, log, position, err);
		else if (st == OK && is_spent_locked(log))
			st = roll_spent_locked(dir, log, err);
		give_role_locked(dir, log);
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
	st = journal_use_locked(dir, name, &log, err);
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
	log = find_log_locked(dir, name);
	if (log == NULL) {
		mutex_unlock(&dir->mutex);
		return err_set(err, E_NOMEM, "no memory");
	}

	/* First nobody may append any more, then the files go: when that fails half-way, the log is
	 * as good as gone, and the next try takes the rest. */
	take_role_locked(dir, log);
	log->removed = true;
	count_bytes_locked(dir, log->begin - log->end);
	log->begin = log->end = 0;
	log->count = 0;
	mutex_unlock(&dir->mutex);
	st = journal_disk_delete_log(dir, log, err);
	mutex_lock(&dir->mutex);
	give_role_locked(dir, log);
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
			free_log(log);
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
    .append = dir_append,
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
