/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_APPLY_H
#define SLUICE_WORK_APPLY_H

/*
 * One batch of a stream's log from the journal to the lake: docs/DESIGN.md, "Exactly once", steps
 * 17 and 18.  Private to work/.
 */

#include "base/arena.h"
#include "catalog/catalog.h"
#include "catalog/shape.h"
#include "journal/journal.h"
#include "lake/lake.h"

#include <stdbool.h>
#include <stdint.h>

/* All borrowed. */
struct apply_stores {
	struct catalog *catalog;
	struct shapes *shapes;
	struct journal *journal;
	struct lake *lake;
};

/* A stream's log, and what is known of it.  Plain data. */
struct apply_log {
	char connector[STREAM_NAME_BYTES];
	char object[STREAM_NAME_BYTES];
	char journal[STREAM_JOURNAL_BYTES];
	bool is_position_known;
	int64_t position;         /* the lake's */
	int64_t end;              /* the journal's, when it was last looked at */
	int64_t ensured_revision; /* of the document by which the table has all columns; 0: none */
	int64_t entries_max;      /* of a batch, after one that failed; 0: as many as fit */
	int64_t batches_since;    /* that were applied since that was set */
};

enum apply_outcome {
	APPLY_DONE, /* nothing is left of what was there at the look */
	APPLY_MORE, /* some is left, and may be applied now */
	APPLY_HELD, /* what is left is behind a job that is not settled */
	APPLY_GONE, /* the stream is gone, or is another that has the same name */
};

struct apply_result {
	enum apply_outcome outcome;
	int64_t entries, rows;    /* that were applied */
	int64_t last_accepted_us; /* the moment of acceptance of the last of them; 0: none */
};

/* Apply the next batch of ${log}, whose one user the caller is, and move its position.  ${arena} is
 * for what the batch needs.  A failure is the world's; nothing of the batch is in the lake then, or
 * all of it is: ${log} knows its position no more, and the next call asks the lake.  It also takes
 * half as many entries, for it may be that the lake has no memory for so many. */
enum status apply_batch(const struct apply_stores *stores, struct apply_log *log,
    struct arena *arena, struct apply_result *ret_result, struct err *err) WARN_UNUSED;

#endif
