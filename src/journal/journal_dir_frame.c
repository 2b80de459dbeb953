/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames, and what a file of them is after a crash: see journal_dir_frame.h.
 *
 * Three things can be behind the last good frame.  Nothing.  Or what a crash left of the group that
 * was being written, of which nobody was told: the end of it is missing, or, since a disk writes in
 * any order, sectors in its middle, which then read as zeros.  Or bytes that went bad later.  The
 * scan tells the last two apart by what stands behind the bad place:
 *
 *   no good frame                     the end is missing
 *   a good frame of a later group     that was begun when the bad place was durable: went bad
 *   good frames of the same group     a sector of zeros is missing; without one, went bad
 *
 * What it cannot tell apart is the last frame of all: one that went bad after it was acknowledged
 * looks like one that never was.
 */
#include "journal/journal_dir_frame.h"

#include "journal/journal.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

/* Read as bytes "SJL1"; a computer of the other byte order reads it differently, and refuses. */
#define MAGIC UINT32_C(0x314c4a53)

/* The smallest piece that a disk writes or leaves. */
#define SECTOR_BYTES 512

#define HEADER_BYTES sizeof(struct journal_frame_header)

_Static_assert(HEADER_BYTES == 32, "the header has no holes");
_Static_assert(HEADER_BYTES % JOURNAL_FRAME_ALIGN == 0, "frames stay aligned");

static uint32_t crc_add(uint32_t crc, const void *bytes, size_t count)
{
	return (uint32_t)crc32_z(crc, bytes, count);
}

static uint32_t header_crc(uint32_t seed, const struct journal_frame_header *header)
{
	return crc_add(seed, header, offsetof(struct journal_frame_header, header_crc));
}

static bool is_zeros(struct slice bytes)
{
	return bytes.len == 0 ||
	       (bytes.ptr[0] == '\0' && memcmp(bytes.ptr, bytes.ptr + 1, bytes.len - 1) == 0);
}

uint32_t journal_frame_seed(const char *name)
{
	return crc_add(0, name, strlen(name));
}

int64_t journal_frame_bytes(size_t entry_bytes)
{
	size_t bytes = HEADER_BYTES + entry_bytes;

	return (
	    int64_t)((bytes + JOURNAL_FRAME_ALIGN - 1) / JOURNAL_FRAME_ALIGN * JOURNAL_FRAME_ALIGN);
}

struct journal_frame_header journal_frame_header(struct slice entry)
{
	assert(entry.len <= JOURNAL_ENTRY_BYTES_MAX);
	return (struct journal_frame_header){
	    .magic = MAGIC,
	    .entry_bytes = (uint32_t)entry.len,
	    .entry_crc = crc_add(0, entry.ptr == NULL ? "" : entry.ptr, entry.len),
	};
}

void journal_frame_place(
    struct journal_frame_header *header, uint32_t seed, int64_t position, int64_t group)
{
	assert(group <= position);
	header->position = position;
	header->group = group;
	header->header_crc = header_crc(seed, header);
}

enum journal_frame_kind journal_frame_look(
    uint32_t seed, struct slice bytes, int64_t position, struct journal_frame *ret_frame)
{
	struct journal_frame_header header;
	struct slice entry, padding;
	size_t frame_bytes;

	if (bytes.len < HEADER_BYTES) {
		ret_frame->bytes = HEADER_BYTES;
		return JOURNAL_FRAME_PART;
	}
	memcpy(&header, bytes.ptr, HEADER_BYTES);
	if (header.magic != MAGIC || header.position != position || header.group > position ||
	    header.entry_bytes > JOURNAL_ENTRY_BYTES_MAX ||
	    header.header_crc != header_crc(seed, &header))
		return JOURNAL_FRAME_BAD;
	frame_bytes = (size_t)journal_frame_bytes(header.entry_bytes);
	if (bytes.len < frame_bytes) {
		ret_frame->bytes = frame_bytes;
		return JOURNAL_FRAME_PART;
	}
	entry = (struct slice){bytes.ptr + HEADER_BYTES, header.entry_bytes};
	padding = (struct slice){entry.ptr + entry.len, frame_bytes - HEADER_BYTES - entry.len};
	if (header.entry_crc != crc_add(0, entry.ptr, entry.len) || !is_zeros(padding))
		return JOURNAL_FRAME_BAD;
	*ret_frame =
	    (struct journal_frame){.entry = entry, .group = header.group, .bytes = frame_bytes};
	return JOURNAL_FRAME_WHOLE;
}

/* Is there a sector between two places that was never written?  The first may have an older part in
 * front of ${from}; the last has a good frame in it and is there. */
static bool has_missing_sector(struct slice file, size_t from, size_t to)
{
	while (from / SECTOR_BYTES < to / SECTOR_BYTES) {
		size_t next = (from / SECTOR_BYTES + 1) * SECTOR_BYTES;

		if (is_zeros((struct slice){file.ptr + from, next - from}))
			return true;
		from = next;
	}
	return false;
}

/* What is the bad place at ${bad}? */
static enum journal_scan_kind judge(uint32_t seed, struct slice file, int64_t first, size_t bad)
{
	bool found = false, missing = false;
	struct journal_frame frame;
	size_t at = bad + JOURNAL_FRAME_ALIGN;

	while (at < file.len) {
		if (journal_frame_look(seed, slice_skip(file, at), first + (int64_t)at, &frame) !=
		    JOURNAL_FRAME_WHOLE) {
			at += JOURNAL_FRAME_ALIGN;
			continue;
		}
		if (frame.group > first + (int64_t)bad)
			return JOURNAL_SCAN_BROKEN;
		if (!found)
			missing = has_missing_sector(file, bad, at);
		found = true;
		at += frame.bytes;
	}
	return found && !missing ? JOURNAL_SCAN_BROKEN : JOURNAL_SCAN_TORN;
}

enum journal_scan_kind journal_frame_scan(
    uint32_t seed, struct slice file, int64_t first, struct journal_scan *ret_scan)
{
	struct journal_scan scan = {.whole = 0};
	struct journal_frame frame;
	enum journal_scan_kind kind = JOURNAL_SCAN_WHOLE;

	while (scan.whole < file.len) {
		if (journal_frame_look(seed, slice_skip(file, scan.whole),
			first + (int64_t)scan.whole, &frame) != JOURNAL_FRAME_WHOLE) {
			kind = judge(seed, file, first, scan.whole);
			break;
		}
		/* A group does not reach over two files. */
		scan.group = frame.group < first ? 0 : (size_t)(frame.group - first);
		scan.whole += frame.bytes;
	}
	*ret_scan = scan;
	return kind;
}
