/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit, for each log alone: see journal_append() in journal.h.
 *
 * An append takes its place at the end of the queue; places are the order of the log.  If the log's
 * role is free it leads: it takes what is in the queue by then, writes it, syncs, and wakes those
 * whose entries these were.  Then the oldest of those who came meanwhile leads.  So a lone append
 * starts at once, and while the disk syncs one group the next one gathers.  No mutex is held
 * meanwhile: the role makes the leader alone with the files.
 *
 * A group that fails, fails for all in it; the next one tries anew.  What is bounded is counted when
 * an append takes its place, so that many at once cannot pass the bound together.
 */
#include "journal/journal_dir_log.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdio.h>

/* A group, unless one entry is more: what the disk writes in about the time of a sync.  More would
 * make the first wait longer than it saves the last. */
#define GROUP_BYTES_MAX (1024 * 1024)
#define GROUP_MAX       256

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
		st = journal_log_start_file(dir, log, end, err);
	if (st != OK)
		return st;
	for (struct journal_append *append = group; append != NULL; append = append->next) {
		journal_frame_place(&append->header, log->seed, position, end);
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
			journal_log_count_bytes_locked(dir, -append->bytes);
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
	st = journal_log_check_locked(log, &err);
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
	journal_log_give_role_locked(dir, log);
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
	journal_log_count_bytes_locked(dir, append->bytes);
	*log->last = append;
	log->last = &append->next;
	while (!append->done) {
		if (log->busy || log->waiting_for_role > 0)
			cond_wait(&append->wake, &dir->mutex);
		else
			lead_locked(dir, log);
	}
}

enum status journal_dir_append(
    struct journal *base, const char *name, struct slice entry, int64_t *ret_end, struct err *err)
{
	struct journal_dir *dir = (struct journal_dir *)base;
	struct journal_append append;
	struct journal_log *log;
	enum status st;

	append.entry = entry;
	append.header = journal_frame_header(entry);
	append.bytes = journal_frame_bytes(entry.len);
	mutex_lock(&dir->mutex);
	st = journal_log_use_locked(dir, name, &log, err);
	if (st == OK)
		st = check_bounds_locked(dir, log, append.bytes, err);
	if (st == OK) {
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
