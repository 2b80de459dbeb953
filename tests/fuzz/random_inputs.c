/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target's main() where libFuzzer is not to be had: COUNT inputs of bytes that matter to a CSV,
 * the same each time.  For script/test-aarch64.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

int main(int argc, char **argv)
{
	static const char bytes[] = ",,\"\"\r\n\nabcdefghijklmnop\xef\xbb\xbf\t";
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	uint64_t state = 1;
	uint8_t data[700];

	for (long i = 0; i < count; i++) {
		size_t size = 3 + next(&state) % (sizeof(data) - 2);

		for (size_t k = 0; k < size; k++)
			data[k] = k < 3 ? (uint8_t)next(&state)
					: (uint8_t)bytes[next(&state) % (i % 2 ? 6 : 24)];
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("%ld inputs\n", count);
	return count > 0 ? 0 : 2;
}
