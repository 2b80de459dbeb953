/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOURNAL_JOURNAL_DIR_FRAME_H
#define SLUICE_JOURNAL_JOURNAL_DIR_FRAME_H

/*
 * The bytes of a log's file: frames, one an entry, and nothing between them.
 *
 *	magic	entry's bytes	position	group	crc of the entry	crc of all this
 *	 4	 4		 8		 8	 4			 4
 *	the entry
 *	zeros up to a multiple of 8
 *
 * A frame tells for itself whether it is as it was written, and whether it was written here: its
 * position must be where it stands, and the header's checksum begins with the log's name.  No
 * client knows that name, so none can put into an entry what would pass for a frame.
 *
 * Group is the position of the first frame of those that were written, and synced, together.  All
 * before it was durable when this one was written.
 *
 * Pure functions over memory: no file is touched here.
 */

#include "base/slice.h"

#include <stdint.h>

#define JOURNAL_FRAME_ALIGN 8

struct journal_frame_header {
	uint32_t magic;
	uint32_t entry_bytes;
	int64_t position;
	int64_t group;
	uint32_t entry_crc;
	uint32_t header_crc; /* with the log's name in front, and without this field */
};

/* What a log's header checksums begin with. */
uint32_t journal_frame_seed(const char *name);

/* Of the whole frame of an entry. */
int64_t journal_frame_bytes(size_t entry_bytes);

/* A header in two steps: what takes as long as the entry is, and what takes a place in the log. */
struct journal_frame_header journal_frame_header(struct slice entry);
void journal_frame_place(
    struct journal_frame_header *header, uint32_t seed, int64_t position, int64_t group);

enum journal_frame_kind {
	JOURNAL_FRAME_WHOLE,
	JOURNAL_FRAME_PART, /* as far as it can be seen it is one, but the bytes end before it */
	JOURNAL_FRAME_BAD,
};

struct journal_frame {
	struct slice entry;
	int64_t group;
	size_t bytes; /* of the frame; for a part, how many must be seen to tell more */
};

/* What do ${bytes}, which stand at ${position} of the log, begin with?  Sets all of ${ret_frame} of
 * a whole frame, ${bytes} of a part, else nothing. */
enum journal_frame_kind journal_frame_look(
    uint32_t seed, struct slice bytes, int64_t position, struct journal_frame *ret_frame);

enum journal_scan_kind {
	JOURNAL_SCAN_WHOLE,  /* frames to the last byte */
	JOURNAL_SCAN_TORN,   /* then something that was never acknowledged: cut it off */
	JOURNAL_SCAN_BROKEN, /* what was acknowledged is not as it was written */
};

struct journal_scan {
	size_t whole; /* bytes of whole frames from the beginning on */
	size_t group; /* where the last group of them begins */
};

/* Look through the last file of a log, which begins at ${first}. */
enum journal_scan_kind journal_frame_scan(
    uint32_t seed, struct slice file, int64_t first, struct journal_scan *ret_scan);

#endif
