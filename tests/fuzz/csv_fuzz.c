/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes, with any limits, split anywhere: the tokenizer must read what the model reads.
 *
 * The input's first three bytes choose the limits and the splits, the rest is the part; so that a
 * person can write an input by hand, the choice is by remainder.  Compared are: the part at once,
 * in random chunks, both in every way to find special bytes that the processor has, and byte
 * by byte.
 */
#include "csv_model.h"

#include "csv/csv_index.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const char *how, const struct buffer *expected, const struct buffer *got)
{
	if (slice_equals(buffer_slice(expected), buffer_slice(got)))
		return;
	fprintf(stderr, "%s:\n--- model\n%.*s--- csv\n%.*s", how, (int)expected->len, expected->ptr,
	    (int)got->len, got->ptr);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t record_limits[] = {100000, 1, 2, 3, 5, 8, 13, 100};
	static const size_t field_limits[] = {1000, 1, 2, 3};
	struct buffer expected, got;
	struct csv_options options;
	struct slice part;
	uint64_t random;

	if (size < 3)
		return 0;
	options.record_bytes_max = record_limits[data[0] % 8];
	options.fields_max = field_limits[data[1] % 4];
	random = data[2];
	part = (struct slice){(const char *)data + 3, size - 3};
	buffer_init(&expected, (size_t)1 << 26);
	buffer_init(&got, (size_t)1 << 26);

	model_log(part, &options, &expected);
	for (size_t i = 0; (options.index = csv_index_at(i)) != NULL; i++) {
		run_whole(part, &options, &got);
		compare("at once", &expected, &got);
		buffer_reset(&got);
		run_split(part, &options, data[2] % 97 + 2, &random, &got);
		compare("in chunks", &expected, &got);
		buffer_reset(&got);
	}
	options.index = NULL;
	run_split(part, &options, 1, &random, &got);
	compare("byte by byte", &expected, &got);

	buffer_fini(&expected);
	buffer_fini(&got);
	return 0;
}
