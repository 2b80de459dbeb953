/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of lines that come from a pipe (cli/lines.h).  A case is a text and what must come
 * out of it; each runs with the text in the pipe at once, byte by byte and in pieces of seven, with
 * a call that does not wait after each.
 */
#include "cli/lines.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 10
/* Lines as "1=text|", "2!|" for one that is too long. */
#define OUT_BYTES 4096

struct pipe_lines {
	int write;
	int read;
	struct lines *lines;
};

static void open_pipe(struct pipe_lines *p, const struct lines_options *options)
{
	int ends[2];
	char name[32];

	assert_int_equal(pipe(ends), 0);
	p->read = ends[0];
	p->write = ends[1];
	snprintf(name, sizeof(name), "/dev/fd/%d", p->read);
	assert_int_equal(lines_open(name, options, &p->lines, NULL), OK);
}

static void close_pipe(struct pipe_lines *p)
{
	lines_close(&p->lines);
	assert_null(p->lines);
	close(p->read);
}

static void put(const struct pipe_lines *p, const char *bytes, size_t count)
{
	assert_int_equal(write(p->write, bytes, count), count);
}

/* All that is there, appended to ${out}; returns what came last. */
static enum lines_event take(struct lines *lines, char *out)
{
	enum lines_event event;
	struct line line;

	for (;;) {
		size_t length = strlen(out);

		assert_true(length < OUT_BYTES - 1); /* one line for ever would fill it */
		assert_int_equal(lines_next(lines, 0, &line, &event, NULL), OK);
		if (event == LINES_LINE)
			snprintf(out + length, OUT_BYTES - length, "%d=%.*s|", (int)line.number,
			    SLICE_ARGS(line.text));
		else if (event == LINES_TOO_LONG)
			snprintf(out + length, OUT_BYTES - length, "%d!|", (int)line.number);
		else
			return event;
	}
}

static void check(const char *text, const char *expected)
{
	static const size_t pieces[] = {1, 7, 1000};
	const struct lines_options options = {.line_bytes_max = LINE_BYTES_MAX};
	size_t length = strlen(text);

	for (size_t n = 0; n < 3; n++) {
		char out[OUT_BYTES] = "";
		struct pipe_lines p;

		open_pipe(&p, &options);
		for (size_t i = 0; i < length; i += pieces[n]) {
			put(&p, text + i, length - i < pieces[n] ? length - i : pieces[n]);
			assert_int_equal(take(p.lines, out), LINES_QUIET);
		}
		close(p.write);
		assert_int_equal(take(p.lines, out), LINES_END);
		assert_int_equal(take(p.lines, out), LINES_END);
		assert_string_equal(out, expected);
		assert_int_equal(lines_bytes_read(p.lines), length);
		close_pipe(&p);
	}
}

static void lines_end_in_lf_or_cr_lf_or_with_the_file(void **state)
{
	(void)state;
	check("", "");
	check("a\n", "1=a|");
	check("a\r\nb\rc\r\n\nd", "1=a|2=b\rc|3=|4=d|");
	check("\n\n", "1=|2=|");
	check("a\r", "1=a\r|");
}

static void a_byte_order_mark_is_skipped_at_the_start_only(void **state)
{
	(void)state;
	check("\xef\xbb\xbf"
	      "a\n\xef\xbb\xbf"
	      "b\n",
	    "1=a|2=\xef\xbb\xbf"
	    "b|");
	check("\xef\xbb\xbf", "1=|");
}

static void a_line_that_is_too_long_is_told_and_the_next_one_is_whole(void **state)
{
	(void)state;
	check("0123456789\r\na\n", "1=0123456789|2=a|");
	check("0123456789x\na\n", "1!|2=a|");
	check("a\n0123456789xy", "1=a|2!|");
	check("0123456789xyz0123456789xyz0123456789xyz\n0123456789\n", "1!|2=0123456789|");
}

/* More than the block holds, and lines across its end. */
static void a_long_input_comes_out_as_it_went_in(void **state)
{
	const struct lines_options options = {.line_bytes_max = 20000};
	struct pipe_lines p;
	char text[20002];
	enum lines_event event;
	struct line line;

	(void)state;
	open_pipe(&p, &options);
	for (uint64_t i = 1; i <= 40; i++) {
		size_t length = (size_t)(i * 7919 % 20001);

		memset(text, 'a' + (int)(i % 26), length);
		text[length] = '\n';
		put(&p, text, length + 1);
		put(&p, "xyz\n", 4);
		assert_int_equal(lines_next(p.lines, LINES_FOREVER, &line, &event, NULL), OK);
		assert_int_equal(event, LINES_LINE);
		assert_int_equal(line.number, 2 * i - 1);
		assert_int_equal(line.text.len, length);
		assert_memory_equal(line.text.ptr, text, length);
		assert_int_equal(lines_next(p.lines, LINES_FOREVER, &line, &event, NULL), OK);
		assert_true(slice_is(line.text, "xyz"));
	}
	close(p.write);
	close_pipe(&p);
}

static void a_pipe_without_a_line_is_quiet_after_the_wait(void **state)
{
	const struct lines_options options = {.line_bytes_max = LINE_BYTES_MAX};
	struct pipe_lines p;
	enum lines_event event;
	struct line line;
	int64_t start = clock_mono_us();

	(void)state;
	open_pipe(&p, &options);
	put(&p, "half", 4);
	assert_int_equal(lines_next(p.lines, 50, &line, &event, NULL), OK);
	assert_int_equal(event, LINES_QUIET);
	assert_true(clock_mono_us() - start >= 49000);
	close(p.write);
	close_pipe(&p);
}

static void a_stop_ends_it_behind_the_lines_that_are_whole(void **state)
{
	volatile sig_atomic_t stopped = 0;
	const struct lines_options options = {
	    .line_bytes_max = LINE_BYTES_MAX, .stopped = &stopped};
	struct pipe_lines p;
	char out[OUT_BYTES] = "";
	enum lines_event event;
	struct line line;

	(void)state;
	open_pipe(&p, &options);
	put(&p, "a\nb\nhalf", 8);
	assert_int_equal(lines_next(p.lines, LINES_FOREVER, &line, &event, NULL), OK);
	put(&p, "\nnever read\n", 12);
	stopped = 1;
	assert_int_equal(take(p.lines, out), LINES_END);
	assert_string_equal(out, "2=b|");
	assert_int_equal(lines_next(p.lines, LINES_FOREVER, &line, &event, NULL), OK);
	assert_int_equal(event, LINES_END);
	close(p.write);
	close_pipe(&p);
}

static volatile sig_atomic_t rings;

static void ring(int number)
{
	(void)number;
	rings = 1;
}

/* The signal comes at any moment of the call, also between the look at the flag and the wait. */
static void a_stop_just_before_the_wait_is_not_slept_through(void **state)
{
	const struct lines_options options = {.line_bytes_max = LINE_BYTES_MAX, .stopped = &rings};
	const struct sigaction on_ring = {.sa_handler = ring};
	struct sigaction before;
	struct pipe_lines p;
	enum lines_event event;
	struct line line;

	(void)state;
	open_pipe(&p, &options);
	assert_int_equal(sigaction(SIGALRM, &on_ring, &before), 0);
	for (int i = 0; i < 3000; i++) {
		const struct itimerval soon = {.it_value = {.tv_usec = 1 + i % 10}};

		rings = 0;
		assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
		for (int spins = i * 7 % 4000; spins > 0 && !rings; spins--)
			;
		assert_int_equal(lines_next(p.lines, 5000, &line, &event, NULL), OK);
		assert_int_equal(event, LINES_END);
	}
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	close(p.write);
	close_pipe(&p);
}

static void what_cannot_be_read_is_an_error(void **state)
{
	const struct lines_options options = {.line_bytes_max = LINE_BYTES_MAX};
	struct lines *lines = NULL;
	struct err err = {""};

	(void)state;
	assert_int_equal(lines_open("/", &options, &lines, &err), E_INVALID);
	assert_int_equal(lines_open("/no-such-file", &options, &lines, &err), E_NOT_FOUND);
	assert_null(lines);
	lines_close(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_end_in_lf_or_cr_lf_or_with_the_file),
	    cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_start_only),
	    cmocka_unit_test(a_line_that_is_too_long_is_told_and_the_next_one_is_whole),
	    cmocka_unit_test(a_long_input_comes_out_as_it_went_in),
	    cmocka_unit_test(a_pipe_without_a_line_is_quiet_after_the_wait),
	    cmocka_unit_test(a_stop_ends_it_behind_the_lines_that_are_whole),
	    cmocka_unit_test(a_stop_just_before_the_wait_is_not_slept_through),
	    cmocka_unit_test(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
