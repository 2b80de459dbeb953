/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of csv.h, one table row each.
 *
 * Every row is read at once, split in two at every position, and byte by byte, each chunk an exact
 * allocation of its own, so that a read past a chunk's end is seen under ASan; what was reported is
 * looked at only after the call, as the contract allows.  Then thousands of random parts are
 * compared with the model of tests/fuzz/csv_model.h, which also says how a log is written.
 */
#include "../fuzz/csv_model.h"

#include "csv/csv_index.h"
#include "csv/csv_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LOG_BYTES_MAX ((size_t)1 << 26)

static const struct csv_options wide_options = {.record_bytes_max = 1000, .fields_max = 100};

struct example {
	struct slice part;
	const char *log;
};

/* A slice for a table: SLICE() is no constant. */
#define PART(literal)                                                                              \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}
#define BOM "\xef\xbb\xbf"

static void check_log(
    struct buffer *got, const char *expected, struct slice part, const char *how, size_t split)
{
	if (!slice_is(buffer_slice(got), expected)) {
		struct buffer shown;

		buffer_init(&shown, LOG_BYTES_MAX);
		log_text(&shown, part);
		fail_msg("%.*s %s %zu:\nexpected\n%sgot\n%.*s", (int)shown.len, shown.ptr, how,
		    split, expected, (int)got->len, got->ptr);
	}
	buffer_reset(got);
}

/* Read ${example} in every way; always the same must come. */
static void check_example_by(const struct example *example, const struct csv_options *options)
{
	struct slice part = example->part;
	struct buffer got;
	struct run run;
	uint64_t random = 0;

	buffer_init(&got, LOG_BYTES_MAX);
	for (size_t split = 0; split <= part.len; split++) {
		run_begin(&run, options, &got);
		run_feed(&run, (struct slice){part.ptr, split});
		run_feed(&run, slice_skip(part, split));
		run_finish(&run);
		run_end(&run);
		check_log(&got, example->log, part, "split at", split);
	}
	run_split(part, options, 1, &random, &got);
	check_log(&got, example->log, part, "in chunks of", 1);
	run_whole(part, options, &got);
	check_log(&got, example->log, part, "in chunks of", part.len);
	buffer_fini(&got);
}

static void check_example(const struct example *example, const struct csv_options *options)
{
	struct csv_options by = *options;

	for (size_t i = 0; (by.index = csv_index_at(i)) != NULL; i++)
		check_example_by(example, &by);
}

static void check_examples(
    const struct example *examples, size_t count, const struct csv_options *options)
{
	for (size_t i = 0; i < count; i++)
		check_example(&examples[i], options);
}

#define CHECK_EXAMPLES(examples, options)                                                          \
	check_examples(examples, sizeof(examples) / sizeof((examples)[0]), options)

static void records_are_split_into_fields(void **state)
{
	static const struct example examples[] = {
	    {PART(""), ""},
	    {PART("a"), "1[a]\n"},
	    {PART("a\n"), "1[a]\n"},
	    {PART("a\r\n"), "1[a]\n"},
	    {PART("a,b\nc,d\n"), "1[a][b]\n2[c][d]\n"},
	    {PART("a,b\r\nc,d\n"), "1[a][b]\n2[c][d]\n"},
	    {PART(","), "1[][]\n"},
	    {PART(",\n"), "1[][]\n"},
	    {PART("a,\n,b"), "1[a][]\n2[][b]\n"},
	    {PART("a,,b\n"), "1[a][][b]\n"},
	    {PART(" a , b \n"), "1[ a ][ b ]\n"},
	    {PART("a\nb,c\nd,e,f"), "1[a]\n2[b][c]\n3[d][e][f]\n"},
	    {PART("\xc3\xa4;\t-\n"), "1[\\xc3\\xa4;\\x09-]\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void quotes_enclose_commas_line_ends_and_doubled_quotes(void **state)
{
	static const struct example examples[] = {
	    {PART("\"a\"\n"), "1[a]\n"},
	    {PART("\"a\"\r\n"), "1[a]\n"},
	    {PART("\"a\""), "1[a]\n"},
	    {PART("\"a,b\",c\n"), "1[a,b][c]\n"},
	    {PART("a,\"b\nc\",d\ne\n"), "1[a][b\\nc][d]\n3[e]\n"},
	    {PART("\"a\r\nb\rc\"\r\nd"), "1[a\\r\\nb\\rc]\n3[d]\n"},
	    {PART("\"\"\"\""), "1[\"]\n"},
	    {PART("\"a\"\"b\"\n"), "1[a\"b]\n"},
	    {PART("\"\"\"a\"\"\"\n"), "1[\"a\"]\n"},
	    {PART("\"\"\"\"\"\",x\n"), "1[\"\"][x]\n"},
	    {PART("\"a\"\",\"\"b\",\"c\"\n"), "1[a\",\"b][c]\n"},
	    {PART("\"\",\"\"\n"), "1[][]\n"},
	    {PART("a,\"\"\n"), "1[a][]\n"},
	    {PART("\"a\"\"\",b,\"\"\"c\",\"d\"\n"), "1[a\"][b][\"c][d]\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void blank_lines_are_skipped_but_counted(void **state)
{
	static const struct example examples[] = {
	    {PART("\n"), ""},
	    {PART("\r\n"), ""},
	    {PART("\n\r\n\n"), ""},
	    {PART("\na\n\r\n\nb\n\n"), "2[a]\n5[b]\n"},
	    {PART("a\n\n"), "1[a]\n"},
	    {PART("\"\"\n"), "1[]\n"},
	    {PART("\n\"\"\r\n\n\"\""), "2[]\n4[]\n"},
	    {PART(" \n"), "1[ ]\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void a_byte_order_mark_is_skipped_at_the_very_start_only(void **state)
{
	static const struct example examples[] = {
	    {PART(BOM), ""},
	    {PART(BOM "a\n"), "1[a]\n"},
	    {PART(BOM "\"a,\"\n"), "1[a,]\n"},
	    {PART(BOM "\nb"), "2[b]\n"},
	    {PART(BOM BOM "a"), "1[\\xef\\xbb\\xbfa]\n"},
	    {PART("a\n" BOM "b\n"), "1[a]\n2[\\xef\\xbb\\xbfb]\n"},
	    {PART("\n" BOM "b\n"), "2[\\xef\\xbb\\xbfb]\n"},
	    {PART("\xef"), "1[\\xef]\n"},
	    {PART("\xef\xbb"), "1[\\xef\\xbb]\n"},
	    {PART("\xef\xbb,a\n"), "1[\\xef\\xbb][a]\n"},
	    {PART("\xef\n\xbb\n"), "1[\\xef]\n2[\\xbb]\n"},
	    {PART("\xef\"a\n"), "1[\\xef\"a]!bare_quote@0\n"},
	    {PART("\xef\xef\xbb\xbf\n"), "1[\\xef\\xef\\xbb\\xbf]\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void a_cr_without_lf_is_a_fault_and_stays_text(void **state)
{
	static const struct example examples[] = {
	    {PART("\r"), "1[\\r]!lone_cr@0\n"},
	    {PART("\r\r\n"), "1[\\r]!lone_cr@0\n"},
	    {PART("\ra\n"), "1[\\ra]!lone_cr@0\n"},
	    {PART("a\rb\nc\n"), "1[a\\rb]!lone_cr@0\n2[c]\n"},
	    {PART("a\r"), "1[a\\r]!lone_cr@0\n"},
	    {PART("a\r\r\nb"), "1[a\\r]!lone_cr@0\n2[b]\n"},
	    {PART("a,b\r,c\n"), "1[a][b\\r][c]!lone_cr@1\n"},
	    {PART("a,\r,c\n"), "1[a][\\r][c]!lone_cr@1\n"},
	    {PART("\r\"a,b\"\n"), "1[\\r\"a][b\"]!lone_cr@0\n"},
	    {PART("\"a\"\rb\n"), "1[\"a\"\\rb]!lone_cr@0\n"},
	    {PART("\"a\"\r"), "1[\"a\"\\r]!lone_cr@0\n"},
	    {PART("a,\r"), "1[a][\\r]!lone_cr@1\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void a_quote_inside_a_plain_field_is_a_fault_and_stays_text(void **state)
{
	static const struct example examples[] = {
	    {PART("a\"b\nc\n"), "1[a\"b]!bare_quote@0\n2[c]\n"},
	    {PART("a\""), "1[a\"]!bare_quote@0\n"},
	    {PART("a,b\"\"c,d\n"), "1[a][b\"\"c][d]!bare_quote@1\n"},
	    {PART("a \"b,c\"\n"), "1[a \"b][c\"]!bare_quote@0\n"},
	    {PART(" \"a\nb\"\n"), "1[ \"a]!bare_quote@0\n2[b\"]!bare_quote@0\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void text_after_a_closing_quote_is_a_fault_and_the_field_stays_raw(void **state)
{
	static const struct example examples[] = {
	    {PART("\"a\"b\nc\n"), "1[\"a\"b]!text_after_quote@0\n2[c]\n"},
	    {PART("\"a\" ,b\n"), "1[\"a\" ][b]!text_after_quote@0\n"},
	    {PART("\"a\"\"b\"c,d\n"), "1[\"a\"\"b\"c][d]!text_after_quote@0\n"},
	    {PART("\"a\"b\"\nc\"\n"), "1[\"a\"b\"]!text_after_quote@0\n2[c\"]!bare_quote@0\n"},
	    {PART("\"\"a\n"), "1[\"\"a]!text_after_quote@0\n"},
	    {PART("a,\"b\"\tc\n"), "1[a][\"b\"\\x09c]!text_after_quote@1\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void the_first_fault_is_named_and_later_fields_are_read_as_ever(void **state)
{
	static const struct example examples[] = {
	    {PART("a\"b,\"c\n\"\"d\",e\nf\n"), "1[a\"b][c\\n\"d][e]!bare_quote@0\n3[f]\n"},
	    {PART("\"a\",\"b\"c,d\re\n"), "1[a][\"b\"c][d\\re]!text_after_quote@1\n"},
	    {PART("a\rb\",c\"\n"), "1[a\\rb\"][c\"]!lone_cr@0\n"},
	    {PART("a\"b\rc\n"), "1[a\"b\\rc]!bare_quote@0\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void a_nul_byte_is_an_ordinary_byte(void **state)
{
	static const struct example examples[] = {
	    {PART("\0"), "1[\\x00]\n"},
	    {PART("a\0b,\0\n\0"), "1[a\\x00b][\\x00]\n2[\\x00]\n"},
	    {PART("\"\0\"\n"), "1[\\x00]\n"},
	    {PART("\"a\"\0\n"), "1[\"a\"\\x00]!text_after_quote@0\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void an_open_quote_at_the_end_is_an_error_that_names_its_line(void **state)
{
	static const struct example examples[] = {
	    {PART("\""), "the quote opened in line 1 is never closed\n"},
	    {PART("a\nb,\"c\n"), "1[a]\nthe quote opened in line 2 is never closed\n"},
	    {PART("\"a\nb\",\"c\n\n"), "the quote opened in line 2 is never closed\n"},
	    {PART("a\n\n\"b\"\"\r\n"), "1[a]\nthe quote opened in line 3 is never closed\n"},
	    {PART("a\"b,\"\n"), "the quote opened in line 1 is never closed\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &wide_options);
}

static void a_record_over_the_limit_is_cut_and_the_next_one_found(void **state)
{
	static const struct csv_options five = {.record_bytes_max = 5, .fields_max = 100};
	static const struct example examples[] = {
	    /* At the limit: the line end does not count. */
	    {PART("ab,cd\n"), "1[ab][cd]\n"},
	    {PART("ab,cd\r\n"), "1[ab][cd]\n"},
	    {PART("ab,cd"), "1[ab][cd]\n"},
	    {PART("\"abc\"\r\n"), "1[abc]\n"},
	    {PART("\"a\r\n\"\n"), "1[a\\r\\n]\n"},
	    {PART(BOM "abcde\n"), "1[abcde]\n"},
	    /* One past it. */
	    {PART("ab,cde\nf\n"), "1[ab][cd]!too_long@1\n2[f]\n"},
	    {PART("abcdef"), "1[abcde]!too_long@0\n"},
	    {PART("\"abcd\"\n"), "1[\"abcd]!too_long@0\n"},
	    {PART("\"ab\r\n\"\nc"), "1[\"ab\\r\\n]!too_long@0\n3[c]\n"},
	    {PART("abcde,\n"), "1[abcde]#2!too_long@0\n"},
	    {PART("abcd,e\n"), "1[abcd][]!too_long@1\n"},
	    {PART("\"abc\",d\n"), "1[\"abc\"]#2!too_long@0\n"},
	    {PART("\"a\",b,c\n"), "1[a][b]#3!too_long@1\n"},
	    {PART("\"a\"\"b\"\n"), "1[\"a\"\"b]!too_long@0\n"},
	    {PART("abcde\r"), "1[abcde]!too_long@0\n"},
	    {PART("abcde\r\r\n"), "1[abcde]!too_long@0\n"},
	    {PART("abcd\r\r\n"), "1[abcd\\r]!lone_cr@0\n"},
	    /* Far past it: quotes still count, fields too. */
	    {PART("abcdefgh,\"i\nj\"\"k,\",l\nm\n"), "1[abcde]#3!too_long@0\n3[m]\n"},
	    {PART("\"abcdef,\nghi\"\nj\n"), "1[\"abcd]!too_long@0\n3[j]\n"},
	    {PART("abcdefg\"h\n\"i\"\n"), "1[abcde]!too_long@0\n2[i]\n"},
	    {PART("a\"bcdefg\ni\n"), "1[a\"bcd]!bare_quote@0\n2[i]\n"},
	    {PART("abcdef,\"gh"), "the quote opened in line 1 is never closed\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &five);
}

static void fields_past_their_maximum_are_counted_but_not_kept(void **state)
{
	static const struct csv_options two = {.record_bytes_max = 1000, .fields_max = 2};
	static const struct example examples[] = {
	    {PART("a,b\n"), "1[a][b]\n"},
	    {PART("a,b,c\nd\n"), "1[a][b]#3\n2[d]\n"},
	    {PART("a,,,\n"), "1[a][]#4\n"},
	    {PART("\"a\"\"\",b,\"c\n\"\"\",d\ne\n"), "1[a\"][b]#4\n3[e]\n"},
	    {PART("a,b,c\"d,e"), "1[a][b]#4!bare_quote@2\n"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, &two);
}

/* A row of ${length} letters, then ${tail}: it puts the tail at every place in the words and blocks
 * looked at. */
static void every_offset_in_a_long_row_is_as_good_as_any(void **state)
{
	static const struct csv_options options = {.record_bytes_max = 1000, .fields_max = 100};
	static const struct example tails[] = {
	    {PART(",b\nc"), "][b]\n2[c]\n"},
	    {PART("\r\nc,d\r\n"), "]\n2[c][d]\n"},
	    {PART(",\"b,\"\"\n\"\nc\n"), "][b,\"\\n]\n3[c]\n"},
	    {PART("\rb\n"), "\\rb]!lone_cr@0\n"},
	    {PART(",\"b\"c\nd\n"), "][\"b\"c]!text_after_quote@1\n2[d]\n"},
	};
	char part[300], log[300];

	(void)state;
	memset(part, 'a', sizeof(part));
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		for (size_t length = 1; length < 140; length++) {
			memcpy(part + length, tails[i].part.ptr, tails[i].part.len);
			snprintf(log, sizeof(log), "1[%.*s%s", (int)length, part, tails[i].log);
			check_example(
			    &(struct example){{part, length + tails[i].part.len}, log}, &options);
			memset(part, 'a', sizeof(part));
		}
	}
}

/* Bytes drawn from ${alphabet}, the model's opinion of them, and the tokenizer's. */
static void compare_random_parts(struct slice alphabet, size_t bytes_max, unsigned count)
{
	static const size_t limits[] = {1, 2, 3, 4, 5, 7, 11, 16, 40, 100, 100000};
	uint64_t random = bytes_max;
	struct buffer expected, got;

	buffer_init(&expected, LOG_BYTES_MAX);
	buffer_init(&got, LOG_BYTES_MAX);
	for (unsigned i = 0; i < count; i++) {
		size_t len = next_random(&random) % (bytes_max + 1);
		char *bytes = malloc(len + 1);
		struct csv_options options = {
		    .record_bytes_max = limits[next_random(&random) % 11],
		    .fields_max = next_random(&random) % 4 == 0 ? 2 : 1000,
		};
		struct slice part = {bytes, len};

		assert_non_null(bytes);
		for (size_t k = 0; k < len; k++)
			bytes[k] = alphabet.ptr[next_random(&random) % alphabet.len];
		model_log(part, &options, &expected);
		buffer_put_char(&expected, '\0');
		for (size_t k = 0; (options.index = csv_index_at(k)) != NULL; k++) {
			run_split(part, &options, next_random(&random) % 20 + 1, &random, &got);
			check_log(&got, expected.ptr, part, "in random chunks, limit",
			    options.record_bytes_max);
			run_whole(part, &options, &got);
			check_log(&got, expected.ptr, part, options.index->name,
			    options.record_bytes_max);
		}
		buffer_reset(&expected);
		free(bytes);
	}
	buffer_fini(&expected);
	buffer_fini(&got);
}

static void random_parts_are_read_as_the_model_reads_them(void **state)
{
	(void)state;
	compare_random_parts(SLICE(",\"\r\na\0\xef\xbb\xbf"), 12, 8000);
	compare_random_parts(SLICE(",,\"\"\"\r\n\r\nab\0"), 60, 4000);
	compare_random_parts(SLICE(",\"\n\nabcdefghijklmnopqrstuvwxyz \t"), 500, 1000);
	/* Several windows long, and mostly well formed. */
	compare_random_parts(SLICE(",,\nabcdefghijklmnopqrstuvwxyz0123456789"), 20000, 20);
}

/* What csv_index.h says of the place ${at} in ${bytes}: it must be named, may be, or must not. */
enum naming { NAMED, PERHAPS, UNNAMED };

static enum naming naming_of(unsigned char c, bool inside)
{
	if (c == '"' || c == '\n')
		return NAMED;
	if (c == ',' || c == '\r')
		return inside ? PERHAPS : NAMED;
	return c < ' ' ? PERHAPS : UNNAMED;
}

static void check_places(
    const struct csv_index *index, const char *bytes, size_t blocks, bool inside)
{
	const uint32_t untouched = 0xfefefefe;
	size_t count = blocks * INDEX_BLOCK_BYTES, room = count + INDEX_SLACK, found, next = 0;
	uint32_t *places = malloc((room + 1) * sizeof(*places));
	uint64_t state = inside ? UINT64_MAX : 0;

	assert_non_null(places);
	places[room] = untouched;
	found = index->run(bytes, blocks, &state, places);
	assert_in_range(found, 0, count);
	assert_int_equal(places[room], untouched);
	for (size_t at = 0; at < count; at++) {
		enum naming naming;
		bool named = next < found && places[next] == at;

		/* A closing quote is outside already, an opening one inside. */
		inside ^= bytes[at] == '"';
		naming = naming_of((unsigned char)bytes[at], inside);
		if ((naming == NAMED && !named) || (naming == UNNAMED && named))
			fail_msg("%s: byte %zu of %zu is %s", index->name, at, count,
			    named ? "named" : "not named");
		next += named;
	}
	assert_int_equal(next, found);
	if (strcmp(index->name, "scalar") != 0)
		assert_true(state == (inside ? UINT64_MAX : 0));
	free(places);
}

static void every_way_names_the_same_places(void **state)
{
	static const char *const alphabets[] = {",\"\r\na", "\"", ",", "abcdefghijklmnop,,,,\n\"",
	    "\x2b\x2d\x21\x23\x0b\x09\x8a\xac\xa2\x8d,"};
	uint64_t random = 7;
	size_t ways = 0;

	(void)state;
	for (; csv_index_at(ways) != NULL; ways++) {
		for (unsigned i = 0; i < 5000; i++) {
			const char *alphabet = alphabets[i % 5];
			size_t blocks = next_random(&random) % 5 + (i > 0);
			/* An exact allocation, at any alignment. */
			size_t shift = next_random(&random) % 64, size = blocks * INDEX_BLOCK_BYTES;
			char *bytes = malloc(shift + size + 1);

			assert_non_null(bytes);
			bytes = realloc(bytes, shift + size + (size == 0));
			assert_non_null(bytes);
			for (size_t k = 0; k < size; k++)
				bytes[shift + k] =
				    alphabet[next_random(&random) % strlen(alphabet)];
			check_places(csv_index_at(ways), bytes + shift, blocks, i % 2 == 1);
			free(bytes);
		}
	}
	assert_true(ways > 0);
	assert_string_equal(csv_index_at(ways - 1)->name, "scalar");
	assert_ptr_equal(csv_index_best(), csv_index_at(0));
#ifdef __x86_64__
	/* Every such processor has this one. */
	assert_true(ways >= 2);
	assert_string_equal(csv_index_at(ways - 2)->name, "sse2");
#endif
}

static void no_byte_but_comma_quote_cr_and_lf_means_anything(void **state)
{
	char part[80], log[400];

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		struct buffer text;

		if (strchr(",\"\r\n", byte) != NULL && byte != 0)
			continue;
		/* The byte 70 times, over the edge of a block, then a field that must be found. */
		memset(part, byte, 70);
		memcpy(part + 70, ",b\n", 3);
		buffer_init(&text, 400);
		log_text(&text, (struct slice){part, 70});
		snprintf(log, sizeof(log), "1%.*s[b]\n", (int)text.len, text.ptr);
		buffer_fini(&text);
		check_example(&(struct example){{part, 73}, log}, &wide_options);
	}
}

/* Remembers the last record, or refuses the one of line ${stop_line}. */
struct watcher {
	uint64_t stop_line;
	unsigned count;
	struct slice first_field;
};

static enum status watch(void *ctx, const struct csv_record *record, struct err *err)
{
	struct watcher *watcher = ctx;

	watcher->count++;
	watcher->first_field = record->fields[0];
	if (record->line == watcher->stop_line)
		return err_set(err, E_CANCELLED, "enough");
	return OK;
}

static void what_the_callback_returns_stops_the_feed_and_comes_back(void **state)
{
	/* Reported from: a run of ordinary records, the chunk's tail, a faulty record, a carried
	 * one. */
	static const char *const parts[] = {"a\nb\nc\n", "a\nb\n", "a\nb\"b\nc\n", "a\n\"b\"\r\n"};
	struct watcher watcher;
	struct csv *csv = NULL;
	struct err err;
	enum status status;
	char bytes[20];

	(void)state;
	assert_int_equal(csv_create(&wide_options, &csv, &err), OK);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (size_t split = 0; split <= 3; split++) {
			watcher = (struct watcher){.stop_line = 2};
			strcpy(bytes, parts[i]);
			status = csv_feed(csv, bytes, split, watch, &watcher, &err);
			assert_int_equal(status, OK);
			status = csv_feed(
			    csv, bytes + split, strlen(bytes) - split, watch, &watcher, &err);
			assert_int_equal(status, E_CANCELLED);
			assert_string_equal(err.text, "enough");
			assert_int_equal(watcher.count, 2);
			csv_reset(csv);
		}
	}
	watcher = (struct watcher){.stop_line = 1};
	strcpy(bytes, "a");
	assert_int_equal(csv_feed(csv, bytes, 1, watch, &watcher, &err), OK);
	assert_int_equal(csv_finish(csv, watch, &watcher, &err), E_CANCELLED);
	csv_destroy(&csv);
	assert_null(csv);
	csv_destroy(&csv);
}

static void a_reset_reader_is_like_a_new_one(void **state)
{
	static const struct example before[] = {
	    {PART("a\n\"b\nc"), NULL},
	    {PART("\xef\xbb"), NULL},
	    {PART("\n\n\r"), NULL},
	    {PART("a\"b,\"c\"\"\"d"), NULL},
	    {PART("a,b,c\"d"), NULL},
	};
	struct buffer ignored, got;
	struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		for (int finish = 0; finish < 2; finish++) {
			buffer_init(&ignored, LOG_BYTES_MAX);
			buffer_init(&got, LOG_BYTES_MAX);
			run_begin(&run, &wide_options, &ignored);
			run_feed(&run, before[i].part);
			if (finish)
				run_finish(&run);
			csv_reset(run.csv);
			run.log = &got;
			run_feed(&run, SLICE(BOM "\"x\",y\n"));
			run_feed(&run, SLICE("z"));
			run_finish(&run);
			run_end(&run);
			check_log(&got, "1[x][y]\n2[z]\n", before[i].part, "before reset", 0);
			buffer_fini(&got);
			buffer_fini(&ignored);
		}
	}
}

static void fields_are_views_of_the_chunk(void **state)
{
	char bytes[] = "\"a\"\"b\",c\nxy\"z\n";
	struct watcher watcher = {0};
	struct csv *csv = NULL;

	(void)state;
	assert_int_equal(csv_create(&wide_options, &csv, NULL), OK);
	assert_int_equal(csv_feed(csv, bytes, 9, watch, &watcher, NULL), OK);
	assert_ptr_equal(watcher.first_field.ptr, bytes + 1);
	assert_true(slice_is(watcher.first_field, "a\"b"));
	assert_int_equal(csv_feed(csv, bytes + 9, 5, watch, &watcher, NULL), OK);
	assert_ptr_equal(watcher.first_field.ptr, bytes + 9);
	csv_destroy(&csv);
}

/* Each feed ends one record and begins the next: after two of them nothing new may be allocated. */
static void records_that_span_feeds_take_turns_in_two_buffers(void **state)
{
	const char *seen[2] = {NULL, NULL};
	struct watcher watcher = {0};
	struct csv *csv = NULL;

	(void)state;
	assert_int_equal(csv_create(&wide_options, &csv, NULL), OK);
	for (unsigned i = 0; i < 100; i++) {
		char bytes[] = "right\nleft,";

		assert_int_equal(csv_feed(csv, bytes, strlen(bytes), watch, &watcher, NULL), OK);
		assert_int_equal(watcher.count, i + 1);
		if (i == 0)
			continue;
		if (i <= 2)
			seen[i % 2] = watcher.first_field.ptr;
		assert_ptr_equal(watcher.first_field.ptr, seen[i % 2]);
	}
	assert_ptr_not_equal(seen[0], seen[1]);
	csv_destroy(&csv);
}

static void a_long_record_over_many_feeds_is_cut_at_the_limit(void **state)
{
	static const struct csv_options options = {.record_bytes_max = 4096, .fields_max = 4};
	struct watcher watcher = {0};
	struct csv *csv = NULL;
	char bytes[1000], end[] = "\nnext\n";

	(void)state;
	assert_int_equal(csv_create(&options, &csv, NULL), OK);
	for (unsigned i = 0; i < 2000; i++) {
		memset(bytes, 'a', sizeof(bytes));
		assert_int_equal(csv_feed(csv, bytes, sizeof(bytes), watch, &watcher, NULL), OK);
	}
	assert_int_equal(csv_feed(csv, end, 1, watch, &watcher, NULL), OK);
	assert_int_equal(watcher.count, 1);
	assert_int_equal(watcher.first_field.len, 4096);
	assert_int_equal(csv_feed(csv, end + 1, 5, watch, &watcher, NULL), OK);
	assert_int_equal(watcher.count, 2);
	assert_true(slice_is(watcher.first_field, "next"));
	csv_destroy(&csv);
}

static void a_written_field_is_quoted_only_when_it_must_be(void **state)
{
	static const struct {
		struct slice text;
		const char *written;
	} examples[] = {
	    {PART(""), ""},
	    {PART("abc"), "abc"},
	    {PART(" a b "), " a b "},
	    {PART("a,b"), "\"a,b\""},
	    {PART("a\nb"), "\"a\nb\""},
	    {PART("a\r"), "\"a\r\""},
	    {PART("\""), "\"\"\"\""},
	    {PART("a\"b"), "\"a\"\"b\""},
	    {PART("\"\"x,"), "\"\"\"\"\"x,\""},
	};
	struct buffer out;

	(void)state;
	buffer_init(&out, 1000);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		buffer_reset(&out);
		csv_write_field(&out, examples[i].text);
		assert_true(slice_is(buffer_slice(&out), examples[i].written));
	}
	buffer_fini(&out);
}

static void a_written_field_is_read_back_as_it_was(void **state)
{
	static const char alphabet[] = ",\"\r\nab";
	struct buffer out;
	uint64_t random = 1;

	(void)state;
	buffer_init(&out, 1000);
	for (unsigned i = 0; i < 2000; i++) {
		struct watcher watcher = {0};
		struct csv *csv = NULL;
		char text[8];
		size_t len = next_random(&random) % sizeof(text) + 1;

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[next_random(&random) % 6];
		buffer_reset(&out);
		csv_write_field(&out, (struct slice){text, len});
		buffer_put_char(&out, '\n');
		assert_int_equal(csv_create(&wide_options, &csv, NULL), OK);
		assert_int_equal(csv_feed(csv, out.ptr, out.len, watch, &watcher, NULL), OK);
		assert_int_equal(watcher.count, 1);
		assert_true(slice_equals(watcher.first_field, (struct slice){text, len}));
		assert_int_equal(csv_finish(csv, watch, &watcher, NULL), OK);
		csv_destroy(&csv);
	}
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_split_into_fields),
	    cmocka_unit_test(quotes_enclose_commas_line_ends_and_doubled_quotes),
	    cmocka_unit_test(blank_lines_are_skipped_but_counted),
	    cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_very_start_only),
	    cmocka_unit_test(a_cr_without_lf_is_a_fault_and_stays_text),
	    cmocka_unit_test(a_quote_inside_a_plain_field_is_a_fault_and_stays_text),
	    cmocka_unit_test(text_after_a_closing_quote_is_a_fault_and_the_field_stays_raw),
	    cmocka_unit_test(the_first_fault_is_named_and_later_fields_are_read_as_ever),
	    cmocka_unit_test(a_nul_byte_is_an_ordinary_byte),
	    cmocka_unit_test(an_open_quote_at_the_end_is_an_error_that_names_its_line),
	    cmocka_unit_test(a_record_over_the_limit_is_cut_and_the_next_one_found),
	    cmocka_unit_test(fields_past_their_maximum_are_counted_but_not_kept),
	    cmocka_unit_test(every_offset_in_a_long_row_is_as_good_as_any),
	    cmocka_unit_test(random_parts_are_read_as_the_model_reads_them),
	    cmocka_unit_test(every_way_names_the_same_places),
	    cmocka_unit_test(no_byte_but_comma_quote_cr_and_lf_means_anything),
	    cmocka_unit_test(what_the_callback_returns_stops_the_feed_and_comes_back),
	    cmocka_unit_test(a_reset_reader_is_like_a_new_one),
	    cmocka_unit_test(fields_are_views_of_the_chunk),
	    cmocka_unit_test(records_that_span_feeds_take_turns_in_two_buffers),
	    cmocka_unit_test(a_long_record_over_many_feeds_is_cut_at_the_limit),
	    cmocka_unit_test(a_written_field_is_quoted_only_when_it_must_be),
	    cmocka_unit_test(a_written_field_is_read_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
