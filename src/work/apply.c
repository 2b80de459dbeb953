/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch: see apply.h.  The order of the looks is what keeps entries and jobs in theirs
 * (docs/DESIGN.md, "Order between streams and jobs"): the log's end, then the shape, then the first
 * closed job.  Whatever was stored before one of the entries was accepted is seen by the looks that
 * come after the one at the end.
 *
 * Entries are read up to that end or the job's, some MiB at a time, folded (fold.h), and their net
 * change is one transaction of the lake, with the position.  Only after that the log is trimmed.
 *
 * Not here: when, how often, and what is done about failures (applier.c).
 */
#include "work/apply.h"

#include "base/crash.h"
#include "base/log.h"
#include "lake/lake_table.h"
#include "work/fold.h"

#include <inttypes.h>
#include <string.h>

/* Of entries in a batch: enough that a backlog is applied at the lake's speed, and little enough
 * that a job behind it does not wait for long. */
#define BATCH_BYTES_MAX (4 * 1024 * 1024)
/* A row takes some 150 bytes beside its entry, however short it is there. */
#define BATCH_ROWS_MAX 65536
/* So many batches after one that failed twice as many entries are tried again. */
#define BATCHES_UNTIL_MORE 4

struct batch_reading {
	struct fold *fold;
	int64_t cap;         /* no entry at or behind this position */
	int64_t entries_max; /* 0: as many as fit */
	int64_t to;          /* behind the last entry that was taken */
	int64_t entries;
	bool is_full;
};

static enum status take_entry(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	struct batch_reading *reading = ctx;
	enum status st;

	if (position >= reading->cap || fold_row_count(reading->fold) >= BATCH_ROWS_MAX ||
	    (reading->entries_max > 0 && reading->entries >= reading->entries_max)) {
		reading->to = position;
		reading->is_full = true;
		return err_set(err, E_CANCELLED, "the batch is full");
	}
	st = fold_add(reading->fold, entry, err);
	if (st == OK)
		reading->entries++;
	else
		err_add(err, "the entry at %" PRId64, position);
	return st;
}

/* --- Looks ------------------------------------------------------------------------------------ */

/* Where the log ends, where the lake is, and what is known only if something is new. */
static enum status look(const struct apply_stores *stores, struct apply_log *log, struct err *err)
{
	struct journal_state state;
	enum status st = journal_state(stores->journal, log->journal, &state, err);

	if (st == E_NOT_FOUND)
		return OK; /* the log was removed, so the stream is gone */
	if (st == OK && !log->is_position_known)
		st = lake_position_get(stores->lake, log->journal, &log->position, err);
	if (st != OK)
		return st;
	log->is_position_known = true;
	log->end = state.end;
	return OK;
}

/* NULL: the stream is gone, or it is another of the same name. */
static enum status find_shape(const struct apply_stores *stores, const struct apply_log *log,
    const struct shape **ret_shape, struct err *err)
{
	enum status st = shape_get(
	    stores->shapes, slice_of(log->connector), slice_of(log->object), ret_shape, err);

	if (st == E_NOT_FOUND)
		return OK;
	if (st == OK && strcmp((*ret_shape)->stream.journal, log->journal) != 0)
		shape_release(stores->shapes, ret_shape);
	return st;
}

/* Up to where may be applied now? */
static enum status find_cap(const struct apply_stores *stores, const struct apply_log *log,
    int64_t *ret_cap, struct err *err)
{
	struct job job;
	enum status st = catalog_job_first_closed(
	    stores->catalog, slice_of(log->connector), slice_of(log->object), &job, err);

	if (st != OK && st != E_NOT_FOUND)
		return st;
	*ret_cap = st == OK && job.journal_end < log->end ? job.journal_end : log->end;
	return OK;
}

/* --- The batch -------------------------------------------------------------------------------- */

static enum status read_entries(const struct apply_stores *stores, const struct apply_log *log,
    struct arena *arena, struct batch_reading *reading, struct err *err)
{
	enum status st = journal_read(stores->journal, log->journal, log->position, log->end,
	    BATCH_BYTES_MAX, arena, take_entry, reading, &reading->to, err);

	return st == E_CANCELLED && reading->is_full ? OK : st;
}

static enum status play(const struct apply_stores *stores, const struct lake_table *table,
    struct fold *fold, struct arena *arena, struct err *err)
{
	const struct batch *const *keys;
	struct lake_version *versions = NULL;
	size_t count;
	enum status st = OK;

	if (table->has_version) {
		versions = arena_array(arena, fold_key_count(fold) + 1, sizeof(*versions));
		if (versions == NULL)
			return err_set(err, E_NOMEM, "no memory for stored versions");
		st = fold_keys(fold, &keys, &count, err);
		if (st == OK)
			st = lake_versions_get(stores->lake, table, keys, count, versions, err);
	}
	if (st == OK)
		fold_play(fold, versions);
	return st;
}

static enum status write_changes(struct lake_load *load, struct fold *fold, struct err *err)
{
	struct fold_changes changes;
	enum status st;

	while ((st = fold_next(fold, &changes, err)) == OK) {
		st = lake_load_append_changes(
		    load, changes.batch, changes.changes, changes.given, err);
		if (st != OK)
			return st;
	}
	return st == E_NOT_FOUND ? OK : st;
}

/* Make sure of the table's columns, once for each document: a schema may have grown. */
static enum status ensure_table(const struct apply_stores *stores, struct apply_log *log,
    const struct lake_table *table, int64_t revision, struct err *err)
{
	enum status st;

	if (log->ensured_revision == revision)
		return OK;
	st = lake_table_ensure(stores->lake, table, err);
	if (st == OK)
		log->ensured_revision = revision;
	return st;
}

/* What a batch costs the lake depends on the table's width, on what is in the table and on who else
 * is there.  So the lake itself tells what is too much. */
static void adapt(struct apply_log *log, enum status st, int64_t entries)
{
	if (st != OK && entries > 0) {
		log->entries_max = entries > 1 ? entries / 2 : 1;
		log->batches_since = 0;
	} else if (st == OK && log->entries_max > 0 && ++log->batches_since >= BATCHES_UNTIL_MORE) {
		log->entries_max = entries < log->entries_max ? 0 : 2 * log->entries_max;
		log->batches_since = 0;
	}
}

static enum status apply_to_table(const struct apply_stores *stores, struct apply_log *log,
    const struct lake_table *table, int64_t cap, struct arena *arena, struct apply_result *result,
    struct err *err)
{
	struct batch_reading reading = {.cap = cap, .entries_max = log->entries_max};
	struct lake_load *load = NULL;
	enum status st = fold_create(table, arena, &reading.fold, err);

	if (st == OK)
		st = read_entries(stores, log, arena, &reading, err);
	if (st == OK)
		st = play(stores, table, reading.fold, arena, err);
	if (st == OK)
		st = lake_load_begin(stores->lake, table, LAKE_CHANGE, &load, err);
	if (st == OK)
		st = write_changes(load, reading.fold, err);
	if (st != OK)
		goto out;
	CRASH_POINT("stream.folded");
	st = lake_load_commit_position(&load, log->journal, log->position, reading.to, err);
	if (st != OK)
		goto out;
	CRASH_POINT("stream.applied");
	log->position = reading.to;
	result->entries = reading.entries;
	result->rows = (int64_t)fold_row_count(reading.fold);
	result->last_accepted_us = fold_accepted_us(reading.fold);
out:
	adapt(log, st, reading.entries);
	lake_load_abort(&load);
	fold_destroy(&reading.fold);
	return st;
}

/* What is left in the log costs space until the next batch trims it. */
static void trim(const struct apply_stores *stores, const struct apply_log *log)
{
	struct err err = {{0}};

	if (journal_trim(stores->journal, log->journal, log->position, &err) != OK)
		log_event(LOG_LEVEL_WARN, "stream.not_trimmed",
		    "connector=%s object=%s error=\"%s\"", log->connector, log->object, err.text);
}

static enum apply_outcome outcome_of(const struct apply_log *log, int64_t cap)
{
	if (log->position < cap)
		return APPLY_MORE;
	return log->position < log->end ? APPLY_HELD : APPLY_DONE;
}

enum status apply_batch(const struct apply_stores *stores, struct apply_log *log,
    struct arena *arena, struct apply_result *ret_result, struct err *err)
{
	struct apply_result result = {.outcome = APPLY_GONE};
	const struct shape *shape = NULL;
	struct lake_table table;
	int64_t cap = 0;
	enum status st = look(stores, log, err);

	if (st == OK)
		st = find_shape(stores, log, &shape, err);
	if (st != OK || shape == NULL)
		goto out;
	st = find_cap(stores, log, &cap, err);
	if (st == OK && log->position < cap) {
		table = lake_table_of(shape->object, &shape->stream);
		st = ensure_table(stores, log, &table, shape->stream.revision, err);
		if (st == OK)
			st = apply_to_table(stores, log, &table, cap, arena, &result, err);
		if (st == OK)
			trim(stores, log);
	}
	result.outcome = outcome_of(log, cap);
out:
	shape_release(stores->shapes, &shape);
	if (st == OK) {
		*ret_result = result;
	} else {
		/* Perhaps the commit happened, or somebody has taken the table away. */
		log->is_position_known = false;
		log->ensured_revision = 0;
	}
	return st;
}
