/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/log.h.  Standard error goes into a pipe while a line is written. */
#include "base/log.h"

#include "base/thread.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2], saved;

static void capture_begin(void)
{
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
}

static size_t capture_end(char *text, size_t room)
{
	size_t used = 0;
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	while (used < room - 1 && (n = read(ends[0], text + used, room - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	close(ends[1]);
	return used;
}

/* "2026-01-02T03:04:05.678Z " in front of ${rest}? */
static void assert_line(const char *line, const char *rest)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'd')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], form[i]);
	}
	assert_string_equal(line + sizeof(form) - 1, rest);
}

static void a_line_has_time_level_event_and_keys(void **state)
{
	static const struct {
		enum log_level level;
		const char *line;
	} cases[] = {
	    {LOG_LEVEL_ERROR, "error job.closed job=4d5a queue_no=7\n"},
	    {LOG_LEVEL_WARN, "warn job.closed job=4d5a queue_no=7\n"},
	    {LOG_LEVEL_INFO, "info job.closed job=4d5a queue_no=7\n"},
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		capture_begin();
		log_event(cases[i].level, "job.closed", "job=%s queue_no=%d", "4d5a", 7);
		capture_end(text, sizeof(text));
		assert_line(text, cases[i].line);
	}
}

/* gcc takes an empty format for an accident; here it is the promise. */
#pragma GCC diagnostic ignored "-Wformat-zero-length"

static void an_event_without_keys_ends_at_its_name(void **state)
{
	char text[4096];

	(void)state;
	capture_begin();
	log_event(LOG_LEVEL_INFO, "server.ready", "");
	capture_end(text, sizeof(text));
	assert_line(text, "info server.ready\n");
}

static void lines_above_the_level_are_dropped(void **state)
{
	char text[4096];

	(void)state;
	capture_begin();
	log_event(LOG_LEVEL_DEBUG, "a", "x=%d", 1); /* the default is info */
	log_set_level(LOG_LEVEL_WARN);
	log_event(LOG_LEVEL_INFO, "b", "x=%d", 1);
	log_event(LOG_LEVEL_WARN, "c", "x=%d", 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_event(LOG_LEVEL_DEBUG, "d", "x=%d", 1);
	log_set_level(LOG_LEVEL_INFO);
	capture_end(text, sizeof(text));
	assert_string_equal(strchr(text, '\n') + 1 + 25, "debug d x=1\n");
	*strchr(text, '\n') = '\0';
	assert_line(text, "warn c x=1");
}

static void what_a_client_sent_cannot_begin_a_line(void **state)
{
	char text[4096];

	(void)state;
	capture_begin();
	log_event(LOG_LEVEL_INFO, "e", "k=%s", "a\nb\r\nc\td\x1b[31m");
	capture_end(text, sizeof(text));
	assert_line(text, "info e k=a b  c d [31m\n");
}

static void too_long_a_line_is_cut_and_still_a_line(void **state)
{
	char text[8192];
	size_t length;

	(void)state;
	capture_begin();
	log_event(LOG_LEVEL_INFO, "e", "k=%05000d", 1);
	length = capture_end(text, sizeof(text));
	assert_in_range(length, 1000, 2048);
	assert_ptr_equal(strchr(text, '\n'), text + length - 1);
}

static void *log_a_hundred(void *ctx)
{
	for (int i = 0; i < 100; i++)
		log_event(LOG_LEVEL_INFO, "e", "k=%s", (const char *)ctx);
	return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
	static char keys[4][41], text[65536];
	pthread_t threads[4];
	int lines = 0;

	(void)state;
	capture_begin();
	for (int i = 0; i < 4; i++) {
		memset(keys[i], 'a' + i, 40);
		assert_int_equal(
		    thread_start(&threads[i], "logger", log_a_hundred, keys[i], NULL), OK);
	}
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	capture_end(text, sizeof(text));
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
		char rest[64];

		*end = '\0';
		assert_int_equal(strlen(line), 25 + 9 + 40);
		snprintf(rest, sizeof(rest), "info e k=%s", keys[line[40] - 'a']);
		assert_line(line, rest);
	}
	assert_int_equal(lines, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_has_time_level_event_and_keys),
	    cmocka_unit_test(an_event_without_keys_ends_at_its_name),
	    cmocka_unit_test(lines_above_the_level_are_dropped),
	    cmocka_unit_test(what_a_client_sent_cannot_begin_a_line),
	    cmocka_unit_test(too_long_a_line_is_cut_and_still_a_line),
	    cmocka_unit_test(lines_of_several_threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
