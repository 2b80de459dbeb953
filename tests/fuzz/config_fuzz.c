/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a config file: whatever comes, every line is told once at most and in order, names
 * and values are views of the text, CR LF says the same as LF, and a value that was read can be
 * written so that it is read again.
 */
#include "config/config_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static bool is_inside(struct slice part, struct slice whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* Blanks, and nothing that a line cannot hold. */
static void check_view(struct slice part, struct slice text)
{
	check(is_inside(part, text), "a view leaves the text");
	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.ptr[i];

		check((c >= 0x20 || c == '\t') && c != 0x7f, "a control character came through");
	}
}

static void check_again(const struct config_line *line)
{
	char quote = config_file_quote(line->value);
	char text[2 * CONFIG_LINE_BYTES_MAX];
	struct config_file file;
	struct config_line again;
	int len = snprintf(text, sizeof(text), "%.*s = %.*s%.*s%.*s # note", SLICE_ARGS(line->name),
	    quote != '\0', &quote, SLICE_ARGS(line->value), quote != '\0', &quote);

	/* Quotes and the note may make a full line too long. */
	if ((size_t)len > CONFIG_LINE_BYTES_MAX)
		return;
	config_file_begin(&file, (struct slice){text, (size_t)len});
	/* A mark of the byte order is part of a name only after the first line. */
	if (file.rest.len != (size_t)len)
		return;
	check(config_file_next(&file, &again) && again.problem == NULL, "not read again");
	check(slice_equals(again.name, line->name), "another name");
	check(slice_equals(again.value, line->value), "another value");
}

/* ${windows} is ${text} with a CR before each LF. */
static void check_windows(struct slice text, struct slice windows)
{
	struct config_file one, two;
	struct config_line a, b;
	bool more;

	config_file_begin(&one, text);
	config_file_begin(&two, windows);
	do {
		more = config_file_next(&one, &a);
		check(config_file_next(&two, &b) == more, "CR LF has other lines");
		if (!more)
			break;
		check(a.number == b.number, "CR LF has other numbers");
		check((a.problem == NULL) == (b.problem == NULL), "CR LF has other problems");
		check(a.problem != NULL ||
			  (slice_equals(a.name, b.name) && slice_equals(a.value, b.value)),
		    "CR LF has other values");
	} while (more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char windows[2 * TEXT_BYTES_MAX];
	struct slice text = {(const char *)data, size};
	struct config_file file;
	struct config_line line;
	size_t last = 0, used = 0;
	bool has_cr = size > 0 && memchr(data, '\r', size) != NULL;

	if (size > TEXT_BYTES_MAX)
		return 0;
	config_file_begin(&file, text);
	while (config_file_next(&file, &line)) {
		check(line.number > last, "lines go back");
		last = line.number;
		if (line.problem != NULL)
			continue;
		check_view(line.name, text);
		check_view(line.value, text);
		check(line.name.len > 0, "no name");
		check_again(&line);
	}
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			windows[used++] = '\r';
		windows[used++] = (char)data[i];
	}
	if (!has_cr)
		check_windows(text, (struct slice){windows, used});
	return 0;
}
