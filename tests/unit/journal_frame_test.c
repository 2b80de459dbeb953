/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file of frames is after a crash or worse: journal_frame_scan() over files that are made
 * here, frame by frame and group by group.
 */
#include "journal/journal.h"
#include "journal/journal_dir_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST        INT64_C(1000) /* where the file begins in its log */
#define HEADER_BYTES sizeof(struct journal_frame_header)

static char file[1 << 20];
static size_t used;
static size_t begins[64]; /* of the frames */
static int frames;
static uint32_t seed;

static int begin_file(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	used = 0;
	frames = 0;
	seed = journal_frame_seed("some-log");
	return 0;
}

/* A frame with ${bytes} of 'x', in a group that begins at ${group} of the file. */
static void add_frame(size_t bytes, size_t group)
{
	struct slice entry = {file + used + HEADER_BYTES, bytes};
	struct journal_frame_header header;

	memset(file + used + HEADER_BYTES, 'x', bytes);
	header = journal_frame_header(entry);
	journal_frame_place(&header, seed, FIRST + (int64_t)used, FIRST + (int64_t)group);
	memcpy(file + used, &header, HEADER_BYTES);
	begins[frames++] = used;
	used += (size_t)journal_frame_bytes(bytes);
}

static void assert_scan(enum journal_scan_kind kind, size_t whole, size_t group)
{
	struct journal_scan scan = {.whole = 99, .group = 99};

	assert_int_equal(journal_frame_scan(seed, (struct slice){file, used}, FIRST, &scan), kind);
	assert_int_equal(scan.whole, whole);
	assert_int_equal(scan.group, group);
}

static void an_empty_file_is_whole(void **state)
{
	(void)state;
	assert_scan(JOURNAL_SCAN_WHOLE, 0, 0);
}

static void a_frame_is_padded_to_a_multiple_of_8(void **state)
{
	(void)state;
	assert_int_equal(journal_frame_bytes(0), HEADER_BYTES);
	assert_int_equal(journal_frame_bytes(1), HEADER_BYTES + 8);
	assert_int_equal(journal_frame_bytes(8), HEADER_BYTES + 8);
	assert_int_equal(journal_frame_bytes(9), HEADER_BYTES + 16);
}

static void frames_to_the_last_byte_are_whole_and_the_last_group_is_known(void **state)
{
	(void)state;
	add_frame(10, 0);
	add_frame(20, begins[0]);
	assert_scan(JOURNAL_SCAN_WHOLE, used, 0);
	add_frame(30, used);
	assert_scan(JOURNAL_SCAN_WHOLE, used, begins[2]);
	add_frame(0, begins[2]);
	assert_scan(JOURNAL_SCAN_WHOLE, used, begins[2]);
}

/* However many bytes are missing at the end. */
static void a_last_frame_that_is_cut_anywhere_is_torn(void **state)
{
	size_t end;

	(void)state;
	add_frame(10, 0);
	add_frame(700, used);
	end = used;
	for (used = begins[1] + 1; used < end; used++)
		assert_scan(JOURNAL_SCAN_TORN, begins[1], 0);
}

static void any_bit_that_turns_in_the_middle_is_seen(void **state)
{
	(void)state;
	add_frame(13, 0);
	add_frame(50, used);
	for (size_t i = 0; i < begins[1]; i++) {
		for (int bit = 0; bit < 8; bit++) {
			file[i] = (char)(file[i] ^ 1 << bit);
			assert_scan(JOURNAL_SCAN_BROKEN, 0, 0);
			file[i] = (char)(file[i] ^ 1 << bit);
		}
	}
	assert_scan(JOURNAL_SCAN_WHOLE, used, begins[1]);
}

static void what_was_durable_is_broken_though_a_sector_of_it_is_missing(void **state)
{
	(void)state;
	add_frame(2000, 0);
	add_frame(50, used);
	memset(file + 512, 0, 512);
	assert_scan(JOURNAL_SCAN_BROKEN, 0, 0);
}

static void a_group_without_a_sector_in_its_middle_is_torn_there(void **state)
{
	(void)state;
	add_frame(100, 0);
	add_frame(100, used);
	add_frame(3000, begins[1]);
	add_frame(100, begins[1]);
	memset(file + 1024, 0, 512);
	assert_scan(JOURNAL_SCAN_TORN, begins[2], begins[1]);

	/* The sector in which the group began keeps what was durable of it. */
	begin_file(NULL);
	add_frame(100, 0);
	add_frame(1000, used);
	add_frame(100, begins[1]);
	memset(file + begins[1], 0, 512 - begins[1]);
	assert_scan(JOURNAL_SCAN_TORN, begins[1], 0);
}

static void a_group_of_which_a_bit_turned_is_broken(void **state)
{
	(void)state;
	add_frame(100, 0);
	add_frame(3000, used);
	add_frame(100, begins[1]);
	file[begins[1] + 600] ^= 1;
	assert_scan(JOURNAL_SCAN_BROKEN, begins[1], 0);

	/* Zeros, but fewer than a sector of them. */
	memset(file + 513, 0, 510);
	assert_scan(JOURNAL_SCAN_BROKEN, begins[1], 0);
}

static void a_later_group_behind_a_torn_one_is_no_excuse(void **state)
{
	(void)state;
	add_frame(100, 0);
	add_frame(3000, used);
	add_frame(100, begins[1]);
	add_frame(100, used);
	memset(file + 1024, 0, 512);
	assert_scan(JOURNAL_SCAN_BROKEN, begins[1], 0);
}

static void a_frame_from_elsewhere_is_none(void **state)
{
	(void)state;
	/* From another log, and from another place of this one. */
	seed = journal_frame_seed("other-log");
	add_frame(100, 0);
	seed = journal_frame_seed("some-log");
	assert_scan(JOURNAL_SCAN_TORN, 0, 0);

	begin_file(NULL);
	add_frame(100, 0);
	add_frame(100, used);
	memcpy(file + begins[1], file, begins[1]);
	assert_scan(JOURNAL_SCAN_TORN, begins[1], 0);
}

/* A client may send what looks like a frame. */
static void a_frame_inside_an_entry_is_none(void **state)
{
	struct journal_frame_header fake;

	(void)state;
	add_frame(100, 0);
	add_frame(400, used);
	used = begins[1] + HEADER_BYTES + 64;
	fake = journal_frame_header((struct slice){file + used + HEADER_BYTES, 32});
	journal_frame_place(&fake, 0, FIRST + (int64_t)used, FIRST + (int64_t)used);
	memcpy(file + used, &fake, HEADER_BYTES);
	used += 200;
	assert_scan(JOURNAL_SCAN_TORN, begins[1], 0);
}

static void bytes_that_never_were_a_frame_are_cut_off(void **state)
{
	(void)state;
	add_frame(100, 0);
	used += 4096; /* zeros: the size reached the disk, the bytes did not */
	assert_scan(JOURNAL_SCAN_TORN, begins[0] + (size_t)journal_frame_bytes(100), 0);
	memset(file + begins[0] + journal_frame_bytes(100), 'y', 4096);
	assert_scan(JOURNAL_SCAN_TORN, begins[0] + (size_t)journal_frame_bytes(100), 0);
}

static void an_entry_longer_than_any_is_no_frame(void **state)
{
	struct journal_frame frame = {.bytes = 0};
	struct journal_frame_header header;

	(void)state;
	add_frame(0, 0);
	memcpy(&header, file, HEADER_BYTES);
	header.entry_bytes = JOURNAL_ENTRY_BYTES_MAX;
	journal_frame_place(&header, seed, FIRST, FIRST);
	memcpy(file, &header, HEADER_BYTES);
	assert_int_equal(
	    journal_frame_look(seed, (struct slice){file, 100}, FIRST, &frame), JOURNAL_FRAME_PART);
	assert_int_equal(frame.bytes, journal_frame_bytes(JOURNAL_ENTRY_BYTES_MAX));
	header.entry_bytes++;
	journal_frame_place(&header, seed, FIRST, FIRST);
	memcpy(file, &header, HEADER_BYTES);
	assert_int_equal(
	    journal_frame_look(seed, (struct slice){file, 100}, FIRST, &frame), JOURNAL_FRAME_BAD);
}

#define TEST(name) cmocka_unit_test_setup(name, begin_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_file_is_whole),
	    TEST(a_frame_is_padded_to_a_multiple_of_8),
	    TEST(frames_to_the_last_byte_are_whole_and_the_last_group_is_known),
	    TEST(a_last_frame_that_is_cut_anywhere_is_torn),
	    TEST(any_bit_that_turns_in_the_middle_is_seen),
	    TEST(what_was_durable_is_broken_though_a_sector_of_it_is_missing),
	    TEST(a_group_without_a_sector_in_its_middle_is_torn_there),
	    TEST(a_group_of_which_a_bit_turned_is_broken),
	    TEST(a_later_group_behind_a_torn_one_is_no_excuse),
	    TEST(a_frame_from_elsewhere_is_none),
	    TEST(a_frame_inside_an_entry_is_none),
	    TEST(bytes_that_never_were_a_frame_are_cut_off),
	    TEST(an_entry_longer_than_any_is_no_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
