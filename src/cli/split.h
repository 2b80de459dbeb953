/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_SPLIT_H
#define SLUICE_CLI_SPLIT_H

/*
 * Where to cut a CSV file into parts: between records, never inside one.
 *
 *	split_init(&split, part_bytes_max, has_header)
 *	split_feed(&split, bytes, on_part, ctx, &err)	as often as there are bytes, split anywhere
 *	split_finish(&split, on_part, ctx, &err)
 *
 * Only offsets come out; the bytes themselves are not kept or copied.  The parts do not depend on
 * how the bytes were split over the feeds.  No memory of its own, no input or output.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* What to send: the file's first ${header_bytes}, then ${bytes} from ${offset} on. */
struct split_part {
	uint64_t header_bytes; /* 0 without a header; a byte order mark and blank lines before it
				  are in it */
	uint64_t header_lines;
	uint64_t offset;
	uint64_t bytes; /* may be 0: a file of nothing but a header is one part */
	uint64_t line;  /* of the file, where ${offset} is; from 1 */
};

typedef enum status split_part_fn(void *ctx, const struct split_part *part, struct err *err);

enum split_state { SPLIT_FIELD_START, SPLIT_PLAIN, SPLIT_QUOTED, SPLIT_QUOTE_IN_QUOTED };

struct split {
	uint64_t part_bytes_max;
	bool wants_header;

	enum split_state state;
	unsigned mark_bytes; /* so many of a byte order mark were seen */
	bool only_cr;        /* nothing else in the record yet */
	bool has_header;
	uint64_t header_bytes, header_lines;
	uint64_t offset, line;               /* where the next byte is */
	uint64_t record_offset, record_line; /* where the record that it is in began */
	uint64_t part_offset, part_line;     /* where the next part's body begins */
	uint64_t part_count;
};

/* ${wants_header}: the first record that is not blank goes before every
 * part, and counts in its bytes. */
void split_init(struct split *split, uint64_t part_bytes_max, bool wants_header);

/* E_LIMIT: a record, with the header before it, is longer than a part may be; the text names its
 * line.  Or what ${on_part} returned.  After a failure only split_init is allowed. */
enum status split_feed(struct split *split, struct slice bytes, split_part_fn *on_part, void *ctx,
    struct err *err) WARN_UNUSED;

/* The end of the file; the last record may lack its line end.  An empty file has no part. */
enum status split_finish(
    struct split *split, split_part_fn *on_part, void *ctx, struct err *err) WARN_UNUSED;

#endif
