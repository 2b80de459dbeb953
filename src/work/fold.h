/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_FOLD_H
#define SLUICE_WORK_FOLD_H

/*
 * A batch of a journal's entries, folded to its net change: for each key what all its rows together
 * do, as if they had been applied one by one.
 *
 *	fold_create -> fold_add … -> (fold_keys) -> fold_play -> fold_next …
 *
 * What a row does, in the order of adding:
 *	upsert	replaces the row of its key; what it does not name is NULL
 *	partial	gives the row of its key the values that it has; without such a row it is new, and
 *		what it does not have is NULL
 *	delete	the row of its key goes
 * In a table with a version (a record modified field) an upsert or partial lands only when no row
 * is there or the one that is there is not later, and a delete only when the one there is earlier
 * than the entry's acceptance; a version that is NULL is earlier than any.
 *
 * Fields are matched by name, for the table may have more than it had when the entry was made.
 *
 * Pure.  One thread at a time.  Private to work/.
 */

#include "base/arena.h"
#include "convert/batch.h"
#include "lake/lake.h"

struct fold;

/* Borrows ${table} and ${arena} until its end.  The caller destroys.  E_NOMEM. */
enum status fold_create(const struct lake_table *table, struct arena *arena, struct fold **ret_fold,
    struct err *err) WARN_UNUSED;
/* NULL is fine. */
void fold_destroy(struct fold **fold);

/* Take the rows of an entry, which is borrowed as long as the fold.  E_INVALID: it is no entry, or
 * not of this table; the fold can only be destroyed then.  E_NOMEM. */
enum status fold_add(struct fold *fold, struct slice entry, struct err *err) WARN_UNUSED;

/* How many rows were added, how many keys they have, and when the last entry was accepted (0: there
 * is none). */
size_t fold_row_count(const struct fold *fold);
size_t fold_key_count(const struct fold *fold);
int64_t fold_accepted_us(const struct fold *fold);

/* The keys, for lake_versions_get; as long as the fold.  E_NOMEM. */
enum status fold_keys(struct fold *fold, const struct batch *const **ret_batches, size_t *ret_count,
    struct err *err) WARN_UNUSED;

/* Play all rows.  ${versions}: of the stored rows of fold_keys, in their order, in a table with a
 * version; else NULL. */
void fold_play(struct fold *fold, const struct lake_version *versions);

/* Changes for lake_load_append_changes. */
struct fold_changes {
	const struct batch *batch;
	const enum lake_change *changes;
	const uint64_t (*given)[BATCH_ROWS / 64]; /* NULL: none is a merge */
};

/* The next changes, each key once; valid until the next call.  Texts are views of the entries.
 * E_NOT_FOUND: there are none any more.  E_NOMEM, E_INVALID. */
enum status fold_next(
    struct fold *fold, struct fold_changes *ret_changes, struct err *err) WARN_UNUSED;

#endif
