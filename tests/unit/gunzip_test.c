/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of base/gunzip.h.  The packed samples were made by Node.js's zlib, long ones are
 * made by zlib here; what comes out is compared with what went in, never with what came out before.
 *
 * Each input is fed at once, split in two at every position, and byte by byte, each piece an exact
 * allocation of its own, so that a read past its end is seen under ASan.
 */
#include "base/gunzip.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <zlib.h>

#define OUT_BYTES_MAX ((size_t)1 << 24)
#define NO_LIMIT      ((uint64_t)OUT_BYTES_MAX)

static const char short_text[] = "id,name\n1,one\n";
static const char long_text[] =
    "id,name,total\n0,name-0,0.00\n919,name-14,3.25\n838,name-11,13.00\n757,name-8,29.25\n"
    "676,name-5,52.00\n595,name-2,81.25\n514,name-16,117.00\n433,name-13,159.25\n"
    "352,name-10,208.00\n271,name-7,263.25\n190,name-4,325.00\n109,name-1,393.25\n"
    "28,name-15,468.00\n947,name-12,549.25\n";

/* clang-format off */
static const char SHORT[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x4c\xd1\xc9\x4b\xcc\x4d\xe5\x32\xd4"
	"\xc9\xcf\x4b\xe5\x02\x00\x83\x0b\xd5\x9f\x0e\x00\x00\x00";
static const char STORED[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03\x01\x0e\x00\xf1\xff\x69\x64\x2c\x6e\x61"
	"\x6d\x65\x0a\x31\x2c\x6f\x6e\x65\x0a\x83\x0b\xd5\x9f\x0e\x00\x00\x00";
static const char EMPTY[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";
static const char DYNAMIC[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x35\x8e\x4b\x0a\xc3\x30\x0c\x05\xf7\x39"
	"\xcb\x6b\xd0\xd7\xb6\x8e\x13\x48\x17\x85\x7e\x36\xb9\x3f\x45\xb2\xb3\xd4\x30\x3c"
	"\xcd\xeb\xc4\xf7\xf8\x3c\x71\xfd\xae\xe3\xbd\x51\x1d\x0f\x02\xed\x44\x5b\x70\xcc"
	"\x9b\x0d\xba\x8b\x6f\x43\xc7\x02\x0c\xd6\x54\xba\xf7\x49\x06\x24\x52\x69\xbd\x4d"
	"\xe0\x70\x49\xc3\xc3\x27\x10\x0c\x4e\xc3\xd9\xd6\x48\x03\x73\x4f\xc7\x54\x17\x52"
	"\xb0\xd7\x8e\xba\x2c\x44\x10\x1a\x69\x49\xe7\x89\x3a\xa4\x55\x0f\xc7\x0a\x36\xa8"
	"\x78\x3a\x4c\x77\x32\x34\xca\x91\x3b\xd9\x61\xad\x76\xc2\x56\x33\x0b\xdc\xea\xdb"
	"\x1f\x8c\x15\x2c\x29\x06\x01\x00\x00";
static const char FULL_HEADER[] =
	"\x1f\x8b\x08\x1e\x01\x02\x03\x04\x00\x03\x04\x00\x41\x42\x00\x00\x6f\x72\x64\x65"
	"\x72\x73\x2e\x63\x73\x76\x00\x61\x20\x63\x6f\x6d\x6d\x65\x6e\x74\x00\xdf\x1f\xcb"
	"\x4c\xd1\xc9\x4b\xcc\x4d\xe5\x32\xd4\xc9\xcf\x4b\xe5\x02\x00\x83\x0b\xd5\x9f\x0e"
	"\x00\x00\x00";
/* clang-format on */

#define TEXT(array) ((struct slice){(array), sizeof(array) - 1})

struct sample {
	const char *name;
	struct slice packed, text;
};

/* Fixed codes; stored; nothing at all; codes of its own; every field that a header can have. */
static const struct sample samples[] = {
    {"short", {SHORT, sizeof(SHORT) - 1}, {short_text, sizeof(short_text) - 1}},
    {"stored", {STORED, sizeof(STORED) - 1}, {short_text, sizeof(short_text) - 1}},
    {"empty", {EMPTY, sizeof(EMPTY) - 1}, {"", 0}},
    {"dynamic", {DYNAMIC, sizeof(DYNAMIC) - 1}, {long_text, sizeof(long_text) - 1}},
    {"full header", {FULL_HEADER, sizeof(FULL_HEADER) - 1}, {short_text, sizeof(short_text) - 1}},
};
#define SAMPLE_COUNT (sizeof(samples) / sizeof(samples[0]))

struct sink {
	struct buffer out;
	size_t largest;   /* piece */
	size_t refuse_at; /* the piece that it refuses, from 1; 0: none */
	size_t pieces;
};

static enum status take(void *ctx, struct slice bytes, struct err *err)
{
	struct sink *sink = ctx;

	assert_true(bytes.len > 0);
	sink->pieces++;
	if (sink->refuse_at != 0)
		assert_true(sink->pieces <= sink->refuse_at);
	if (sink->pieces == sink->refuse_at)
		return err_set(err, E_FULL, "no room");
	if (bytes.len > sink->largest)
		sink->largest = bytes.len;
	buffer_put(&sink->out, bytes);
	return OK;
}

/* Feed a copy that has nothing behind it. */
static enum status feed(
    struct gunzip *gunzip, struct slice bytes, struct sink *sink, struct err *err)
{
	char *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
	enum status st;

	assert_non_null(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	st = gunzip_feed(gunzip, (struct slice){copy, bytes.len}, take, sink, err);
	free(copy);
	return st;
}

/* Unpack in pieces: ${first} bytes, then ${step} at a time. */
static enum status unpack(struct slice packed, size_t first, size_t step, uint64_t limit,
    struct sink *sink, struct err *err)
{
	struct gunzip *gunzip;
	enum status st;
	size_t count = first;

	buffer_reset(&sink->out);
	sink->pieces = 0;
	assert_int_equal(gunzip_create(limit, &gunzip, err), OK);
	do {
		if (count > packed.len)
			count = packed.len;
		st = feed(gunzip, (struct slice){packed.ptr, count}, sink, err);
		packed = slice_skip(packed, count);
		count = step;
	} while (st == OK && packed.len > 0);
	if (st == OK)
		st = gunzip_finish(gunzip, err);
	gunzip_destroy(&gunzip);
	assert_null(gunzip);
	assert_true(sink->out.len <= limit);
	assert_false(sink->out.failed);
	return st;
}

static void sink_init(struct sink *sink)
{
	*sink = (struct sink){.largest = 0};
	buffer_init(&sink->out, OUT_BYTES_MAX);
}

static void must_give(struct slice packed, struct slice text, const char *name)
{
	struct sink sink;
	struct err err = {{0}};
	enum status st;

	sink_init(&sink);
	for (size_t first = 0; first <= packed.len; first++) {
		st = unpack(packed, first, packed.len + 1, NO_LIMIT, &sink, &err);
		if (st != OK || !slice_equals(buffer_slice(&sink.out), text))
			fail_msg("%s, split at %zu: %s %s", name, first, status_name(st), err.text);
	}
	st = unpack(packed, 1, 1, NO_LIMIT, &sink, &err);
	if (st != OK || !slice_equals(buffer_slice(&sink.out), text))
		fail_msg("%s, byte by byte: %s %s", name, status_name(st), err.text);
	buffer_fini(&sink.out);
}

/* However it is split, it is refused, and the text holds ${words}. */
static void must_refuse(struct slice packed, const char *words)
{
	struct sink sink;
	struct err err = {{0}};

	sink_init(&sink);
	for (size_t first = 0; first <= packed.len; first++) {
		assert_int_equal(
		    unpack(packed, first, packed.len + 1, NO_LIMIT, &sink, &err), E_INVALID);
		if (strstr(err.text, words) == NULL)
			fail_msg("split at %zu: \"%s\" lacks \"%s\"", first, err.text, words);
	}
	assert_int_equal(unpack(packed, 1, 1, NO_LIMIT, &sink, &err), E_INVALID);
	assert_non_null(strstr(err.text, words));
	buffer_fini(&sink.out);
}

static void members_are_unpacked_however_they_are_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++)
		must_give(samples[i].packed, samples[i].text, samples[i].name);
}

static void members_that_follow_each_other_are_one_text(void **state)
{
	struct buffer packed, text;

	(void)state;
	buffer_init(&packed, OUT_BYTES_MAX);
	buffer_init(&text, OUT_BYTES_MAX);
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		for (size_t j = 0; j < SAMPLE_COUNT; j++) {
			buffer_reset(&packed);
			buffer_reset(&text);
			buffer_put(&packed, samples[i].packed);
			buffer_put(&packed, samples[j].packed);
			buffer_put(&packed, samples[i].packed);
			buffer_put(&text, samples[i].text);
			buffer_put(&text, samples[j].text);
			buffer_put(&text, samples[i].text);
			must_give(buffer_slice(&packed), buffer_slice(&text), samples[j].name);
		}
	}
	buffer_fini(&packed);
	buffer_fini(&text);
}

static void what_ends_too_early_is_refused_wherever_it_ends(void **state)
{
	char words[64];

	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		for (size_t len = 1; len < samples[i].packed.len; len++) {
			snprintf(words, sizeof(words), "ends too early, after byte %zu,", len);
			must_refuse((struct slice){samples[i].packed.ptr, len}, words);
		}
	}
	must_refuse(TEXT(""), "empty");
}

static void what_stands_behind_a_member_is_refused(void **state)
{
	static const struct {
		struct slice rest;
		const char *words;
	} examples[] = {
	    {{"\n", 1}, "inside the member that begins at byte 35"},
	    {{"\0", 1}, "inside the member that begins at byte 35"},
	    {{"\x1f", 1}, "inside the member that begins at byte 35"},
	    {{"\0\0", 2}, "from byte 35 on, is not gzip"},
	    {{"\0\0\0\0\0\0", 6}, "from byte 35 on, is not gzip"},
	    {{"id,name\n2,two\n", 14}, "from byte 35 on, is not gzip"},
	    {{"\x78\x9c\x03\x00\x00\x00\x00\x01", 8}, "from byte 35 on, is not gzip"},
	    {{"\x1f\x8b\x07\x00", 4}, "broken near byte 38: unknown compression method"},
	};
	struct buffer packed;

	(void)state;
	buffer_init(&packed, OUT_BYTES_MAX);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		buffer_reset(&packed);
		buffer_put(&packed, samples[0].packed);
		buffer_put(&packed, examples[i].rest);
		must_refuse(buffer_slice(&packed), examples[i].words);
	}
	buffer_fini(&packed);
}

static void what_is_not_gzip_is_refused(void **state)
{
	(void)state;
	must_refuse(TEXT("id,name\n1,one\n"), "not gzip, which begins with the bytes 1f 8b");
	must_refuse(TEXT("\x78\x9c\x03\x00\x00\x00\x00\x01"), "not gzip, which begins");
	must_refuse(TEXT("PK\x03\x04"), "not gzip, which begins");
	must_refuse(TEXT("\x1f\x9d\x90"), "not gzip, which begins");
	must_refuse(TEXT("\x1f\x8b\x08\xe0"), "broken near byte 4: unknown header flags set");
}

/* Some bits say nothing: in a header without a digest of its own the time, the level, the system
 * and a flag; between blocks, what fills up a byte.  All others are noticed, and none changes the
 * text. */
static void no_flipped_bit_changes_the_text(void **state)
{
	struct sink sink;
	struct err err = {{0}};
	char copy[256];
	enum status st;

	(void)state;
	sink_init(&sink);
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct slice packed = {copy, samples[i].packed.len};
		bool has_crc = samples[i].packed.ptr[3] != 0; /* of the header */

		for (size_t at = 0; at < packed.len; at++) {
			for (int bit = 0; bit < 8; bit++) {
				memcpy(copy, samples[i].packed.ptr, packed.len);
				copy[at] ^= (char)(1 << bit);
				st = unpack(packed, at, 7, NO_LIMIT, &sink, &err);
				if (st != OK) {
					assert_int_equal(st, E_INVALID);
					continue;
				}
				assert_true(slice_equals(buffer_slice(&sink.out), samples[i].text));
				if (at < 3 || (at < 10 && has_crc) || at >= packed.len - 8)
					fail_msg(
					    "%s: bit %d of byte %zu", samples[i].name, bit, at);
			}
		}
	}
	buffer_fini(&sink.out);
}

/* ${count} bytes in gzip; zeros, or noise that cannot be packed. */
static struct slice pack(size_t count, bool noise, int level, char **ret_text)
{
	z_stream z = {.next_in = NULL};
	char *text = calloc(1, count + 1), *packed;
	size_t room = count + count / 100 + 1000;
	uint32_t random = 1;

	packed = malloc(room);
	assert_non_null(text);
	assert_non_null(packed);
	for (size_t i = 0; noise && i < count; i++) {
		random = random * 1664525 + 1013904223;
		text[i] = (char)(random >> 24);
	}
	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)text;
	z.avail_in = (uInt)count;
	z.next_out = (Bytef *)packed;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	*ret_text = text;
	return (struct slice){packed, room - z.avail_out};
}

static void long_texts_come_in_pieces_of_fixed_size(void **state)
{
	static const size_t counts[] = {65535, 65536, 65537, 131072, 1000003, 5000000};
	static const size_t steps[] = {1000, 65536, 131072, 10000000};
	struct sink sink;
	struct err err = {{0}};

	(void)state;
	sink_init(&sink);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (int kind = 0; kind < 4; kind++) {
			char *text;
			struct slice packed =
			    pack(counts[i], kind % 2 == 1, kind < 2 ? 6 : 0, &text);

			for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
				assert_int_equal(
				    unpack(packed, steps[s], steps[s], NO_LIMIT, &sink, &err), OK);
				assert_true(slice_equals(
				    buffer_slice(&sink.out), (struct slice){text, counts[i]}));
				assert_true(sink.largest <= 65536);
			}
			free(text);
			free((char *)packed.ptr);
		}
	}
	buffer_fini(&sink.out);
}

static void no_more_than_the_limit_comes_out(void **state)
{
	static const size_t counts[] = {0, 1, 14, 65535, 65536, 65537, 131072, 300000};
	struct sink sink;
	struct err err = {{0}};

	(void)state;
	sink_init(&sink);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (int noise = 0; noise < 2; noise++) {
			char *text;
			struct slice packed = pack(counts[i], noise == 1, 6, &text);

			for (size_t step = 100; step < 100000000; step *= 1000) {
				assert_int_equal(
				    unpack(packed, step, step, counts[i], &sink, &err), OK);
				assert_int_equal(sink.out.len, counts[i]);
				if (counts[i] == 0)
					continue;
				assert_int_equal(
				    unpack(packed, step, step, counts[i] - 1, &sink, &err),
				    E_LIMIT);
				assert_non_null(strstr(err.text, "unpacks to more than"));
			}
			free(text);
			free((char *)packed.ptr);
		}
	}
	buffer_fini(&sink.out);
}

static void a_bomb_is_unpacked_as_far_as_the_limit_only(void **state)
{
	struct sink sink;
	struct err err = {{0}};
	char *text;
	struct slice packed = pack((size_t)1 << 28, false, 9, &text);

	(void)state;
	free(text);
	sink_init(&sink);
	assert_int_equal(unpack(packed, packed.len, 1, 10000000, &sink, &err), E_LIMIT);
	assert_true(sink.out.len > 9900000 && sink.out.len <= 10000000);
	assert_true(sink.largest <= 65536);
	assert_true(sink.pieces <= 153);
	free((char *)packed.ptr);
	buffer_fini(&sink.out);
}

/* The limit is of all members together. */
static void members_share_the_limit(void **state)
{
	struct buffer packed;
	struct sink sink;
	struct err err = {{0}};
	uint64_t bytes = 3 * (sizeof(short_text) - 1);

	(void)state;
	buffer_init(&packed, OUT_BYTES_MAX);
	sink_init(&sink);
	for (int i = 0; i < 3; i++)
		buffer_put(&packed, samples[0].packed);
	buffer_put(&packed, samples[2].packed);
	assert_int_equal(unpack(buffer_slice(&packed), 5, 5, bytes, &sink, &err), OK);
	assert_int_equal(unpack(buffer_slice(&packed), 5, 5, bytes - 1, &sink, &err), E_LIMIT);
	assert_int_equal(unpack(buffer_slice(&packed), 999, 5, bytes - 1, &sink, &err), E_LIMIT);
	buffer_fini(&packed);
	buffer_fini(&sink.out);
}

static void a_piece_that_is_not_taken_ends_the_feed(void **state)
{
	struct sink sink;
	struct err err = {{0}};
	char *text;
	struct slice packed = pack(1000000, false, 6, &text);

	(void)state;
	sink_init(&sink);
	for (sink.refuse_at = 1; sink.refuse_at < 5; sink.refuse_at++) {
		assert_int_equal(unpack(packed, packed.len, 1, NO_LIMIT, &sink, &err), E_FULL);
		assert_string_equal(err.text, "no room");
		assert_int_equal(sink.pieces, sink.refuse_at);
	}
	free(text);
	free((char *)packed.ptr);
	buffer_fini(&sink.out);
}

static void nothing_to_destroy_is_fine(void **state)
{
	struct gunzip *gunzip = NULL;

	(void)state;
	gunzip_destroy(&gunzip);
	assert_int_equal(gunzip_create(1, &gunzip, NULL), OK);
	gunzip_destroy(&gunzip);
	assert_null(gunzip);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_are_unpacked_however_they_are_split),
	    cmocka_unit_test(members_that_follow_each_other_are_one_text),
	    cmocka_unit_test(what_ends_too_early_is_refused_wherever_it_ends),
	    cmocka_unit_test(what_stands_behind_a_member_is_refused),
	    cmocka_unit_test(what_is_not_gzip_is_refused),
	    cmocka_unit_test(no_flipped_bit_changes_the_text),
	    cmocka_unit_test(long_texts_come_in_pieces_of_fixed_size),
	    cmocka_unit_test(no_more_than_the_limit_comes_out),
	    cmocka_unit_test(a_bomb_is_unpacked_as_far_as_the_limit_only),
	    cmocka_unit_test(members_share_the_limit),
	    cmocka_unit_test(a_piece_that_is_not_taken_ends_the_feed),
	    cmocka_unit_test(nothing_to_destroy_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
