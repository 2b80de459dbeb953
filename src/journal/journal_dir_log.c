/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs that are known, and who may do what with one: see journal_dir_log.h.
 *
 * A log becomes known when it is first named, and is opened when something of it is wanted.  Who
 * wants the role for something else than a group (opening, rolling, removal) goes before the next
 * group, so that neither waits for ever: there is one such thread at a time, or few.
 *
 * The role's holder works on what it knows of the log; what others see (the end, the list of files)
 * is changed under the mutex when the disk has it.
 *
 * A log that was removed is remembered until the journal is closed, some 500 bytes: whoever still
 * has its name must not bring it back.
 */
#include "journal/journal_dir_log.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Logs that keep their last file open, of those that nobody writes to. */
#define OPEN_FILES_MAX 128

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

void journal_log_free(struct journal_log *log)
{
	assert(!log->busy && log->first == NULL);
	journal_disk_close_file(log);
	cond_fini(&log->role);
	free(log->firsts);
	free(log);
}

struct journal_log *journal_log_find_locked(struct journal_dir *dir, const char *name)
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

void journal_log_take_role_locked(struct journal_dir *dir, struct journal_log *log)
{
	log->waiting_for_role++;
	while (log->busy || log->trimming)
		cond_wait(&log->role, &dir->mutex);
	log->waiting_for_role--;
	log->busy = true;
}

void journal_log_give_role_locked(struct journal_dir *dir, struct journal_log *log)
{
	log->busy = false;
	note_use_locked(dir, log);
	if (log->waiting_for_role > 0)
		cond_broadcast(&log->role);
	else if (log->first != NULL)
		cond_signal(&log->first->wake);
}

/* What is known of a log. */

void journal_log_count_bytes_locked(struct journal_dir *dir, int64_t bytes)
{
	dir->bytes += bytes;
	metric_add(METRIC_JOURNAL_BYTES, 0, bytes);
}

enum status journal_log_check_locked(const struct journal_log *log, struct err *err)
{
	if (log->removed)
		return err_set(err, E_NOT_FOUND, "the log was removed");
	if (log->broken)
		return err_set(err, E_IO, "%s", log->why);
	return OK;
}

bool journal_log_break_locked(struct journal_log *log, const char *why)
{
	if (log->broken || log->removed)
		return false;
	log->broken = true;
	snprintf(log->why, sizeof(log->why), "%s", why);
	return true;
}

void journal_log_say_broken(const struct journal_log *log, const char *why)
{
	log_event(LOG_LEVEL_ERROR, "journal.broken", "log=%s why=\"%s\"", log->name, why);
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
	if (broken)
		journal_log_say_broken(log, why.text);
	mutex_lock(&dir->mutex);
	if (broken)
		journal_log_break_locked(log, why.text);
	if (st != OK)
		return err_set(err, st, "%s", why.text);
	log->firsts = found.firsts;
	log->count = log->room = found.count;
	log->begin = found.count == 0 ? 0 : found.firsts[0];
	log->end = found.end;
	log->opened = true;
	journal_log_count_bytes_locked(dir, log->end - log->begin);
	return OK;
}

enum status journal_log_use_locked(
    struct journal_dir *dir, const char *name, struct journal_log **ret_log, struct err *err)
{
	struct journal_log *log = journal_log_find_locked(dir, name);
	enum status st;

	if (log == NULL)
		return err_set(err, E_NOMEM, "no memory");
	st = journal_log_check_locked(log, err);
	if (st == OK && !log->opened) {
		journal_log_take_role_locked(dir, log);
		st = journal_log_check_locked(log, err); /* it may have been opened meanwhile */
		if (st == OK && !log->opened)
			st = open_log_locked(dir, log, err);
		journal_log_give_role_locked(dir, log);
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
enum status journal_log_delete_oldest_locked(
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
		st = journal_log_delete_oldest_locked(dir, log, err);
	log->clear = st != OK;
	mutex_unlock(&dir->mutex);
	if (st == OK) {
		journal_disk_close_file(log);
		log->segment = -1;
	}
	return st;
}

/* Begin a file at ${position}, where the log ends. */
enum status journal_log_start_file(
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
