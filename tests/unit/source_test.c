/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file and a stream come out as the same parts (cli/source.h).  The stream is a pipe that a child
 * process fills; it is many blocks long and its parts are small, so that the spool is moved down
 * again and again.
 */
#include "cli/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define PART_BYTES  100000u
#define RECORDS     300000u
#define RECORD_SIZE 14u /* a number of seven digits, then a text of two lines */
#define HEADER      "id,text\n"
#define HEADER_SIZE 8u

static void write_csv(FILE *out)
{
	fputs(HEADER, out);
	for (unsigned i = 0; i < RECORDS; i++)
		fprintf(out, "%07u,\"a\nb\"\n", i);
}

/* Read one part as an upload would, in odd pieces; its records go on from ${next}. */
static unsigned check_part(
    const struct source *source, const struct split_part *part, unsigned next)
{
	static char bytes[PART_BYTES + 1];
	uint64_t have = 0, all = source_part_bytes(part);
	char record[RECORD_SIZE + 1];
	struct err err = {""};
	size_t count;

	assert_true(all <= PART_BYTES);
	while (have < all) {
		assert_int_equal(
		    source_read(source, part, have, bytes + have, 777, &count, &err), OK);
		assert_true(count > 0);
		have += count;
	}
	assert_int_equal(have, all);
	assert_memory_equal(bytes, HEADER, HEADER_SIZE);
	assert_int_equal(part->line, 2 + 2 * next);
	assert_int_equal((all - HEADER_SIZE) % RECORD_SIZE, 0);
	for (uint64_t at = HEADER_SIZE; at < all; at += RECORD_SIZE) {
		snprintf(record, sizeof(record), "%07u,\"a\nb\"\n", next++);
		assert_memory_equal(bytes + at, record, RECORD_SIZE);
	}
	return next;
}

/* (100000 - 8) / 14 = 7142 records a part, 300000 / 7142 = 42.005: 43 parts. */
static void check_source(struct source *source)
{
	struct split_part part;
	struct err err = {""};
	unsigned next = 0, parts = 0;
	bool more = true;

	for (;;) {
		assert_int_equal(source_next(source, &part, &more, &err), OK);
		if (!more)
			break;
		next = check_part(source, &part, next);
		parts++;
	}
	assert_int_equal(next, RECORDS);
	assert_int_equal(parts, 43);
}

static const struct source_options options = {.part_bytes_max = PART_BYTES, .has_header = true};

static void a_file_comes_out_in_parts_that_are_known_before(void **state)
{
	char folder[256], name[300];
	const char *base = getenv("TMPDIR");
	struct source *source = NULL;
	struct err err = {""};
	FILE *file;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/source-test-XXXXXX", base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/a.csv", folder);
	file = fopen(name, "w");
	assert_non_null(file);
	write_csv(file);
	fclose(file);

	assert_int_equal(source_open(name, &options, &source, &err), OK);
	assert_false(source_is_stream(source));
	assert_int_equal(source_bytes(source), 8 + 300000 * 14);
	assert_int_equal(source_plan(source, &err), OK);
	assert_int_equal(source_part_count(source), 43);
	assert_int_equal(source_sent_bytes(source), 43 * 8 + 300000 * 14);
	check_source(source);
	source_close(&source);
	assert_null(source);
	unlink(name);
	rmdir(folder);
}

static void a_stream_comes_out_in_the_same_parts(void **state)
{
	struct source *source = NULL;
	struct err err = {""};
	char name[64];
	int ends[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		FILE *out = fdopen(ends[1], "w");

		close(ends[0]);
		write_csv(out);
		_exit(fflush(out) == 0 ? 0 : 1);
	}
	close(ends[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
	assert_int_equal(source_open(name, &options, &source, &err), OK);
	close(ends[0]);
	assert_true(source_is_stream(source));
	check_source(source);
	source_close(&source);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_file_that_is_not_there_or_is_a_folder_is_an_error_that_names_it(void **state)
{
	struct source *source = NULL;
	struct err err = {""};

	(void)state;
	assert_int_equal(source_open("/nonexistent/a.csv", &options, &source, &err), E_NOT_FOUND);
	assert_string_equal(err.text, "/nonexistent/a.csv: No such file or directory");
	assert_int_equal(source_open("/", &options, &source, &err), E_INVALID);
	assert_string_equal(err.text, "/ is a folder");
	assert_null(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_comes_out_in_parts_that_are_known_before),
	    cmocka_unit_test(a_stream_comes_out_in_the_same_parts),
	    cmocka_unit_test(a_file_that_is_not_there_or_is_a_folder_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
