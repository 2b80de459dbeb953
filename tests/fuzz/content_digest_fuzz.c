/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any header lines (an LF ends one): what is refused changes nothing, and what is read reads the
 * same once it was written again.
 */
#include "http/content_digest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct content_digest *digests)
{
	char text[CONTENT_DIGEST_TEXT_BYTES], line[CONTENT_DIGEST_TEXT_BYTES + 16];
	struct content_digest again = {.given = {false}};

	for (int i = 0; i < DIGEST_ALGORITHM_COUNT; i++) {
		enum digest_algorithm a = (enum digest_algorithm)i;

		if (!digests->given[a])
			continue;
		snprintf(line, sizeof(line), "%s=%s", content_digest_name(a),
		    content_digest_format(digests->bytes[a], a, text));
		if (content_digest_add(slice_of(line), &again, NULL) != OK || !again.given[a] ||
		    memcmp(again.bytes[a], digests->bytes[a], digest_bytes(a)) != 0)
			abort();
	}
}

static void add_line(struct slice line, struct content_digest *digests)
{
	struct content_digest before = *digests;
	char *copy = malloc(line.len + 1);
	struct err err = {{0}};
	enum status st;

	if (copy == NULL)
		abort();
	memcpy(copy, line.ptr, line.len);
	st = content_digest_add((struct slice){copy, line.len}, digests, &err);
	free(copy);
	if (st == OK) {
		check_again(digests);
		return;
	}
	if (st != E_INVALID || err.text[0] == '\0' || memcmp(&before, digests, sizeof(before)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct content_digest digests;
	struct slice rest = {(const char *)data, size}, line;
	const char *end;

	memset(&digests, 0, sizeof(digests));
	while (rest.len > 0) {
		end = memchr(rest.ptr, '\n', rest.len);
		line = rest;
		if (end != NULL)
			line.len = (size_t)(end - rest.ptr);
		rest = slice_skip(rest, end != NULL ? line.len + 1 : line.len);
		if (line.len > 0)
			add_line(line, &digests);
	}
	return 0;
}
