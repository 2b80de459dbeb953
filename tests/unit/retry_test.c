/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of pauses between tries (cli/retry.h). */
#include "cli/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define TRIES 40

static void pauses_double_up_to_ten_seconds_and_half_of_each_is_chance(void **state)
{
	int64_t longest = 250;

	(void)state;
	for (unsigned tried = 1; tried <= TRIES; tried++) {
		assert_int_equal(retry_pause_ms(tried, 0, 0), longest / 2);
		assert_int_equal(
		    retry_pause_ms(tried, 0, (uint32_t)(longest / 2)), longest / 2 * 2);
		for (uint32_t random = 0; random < 100000; random += 997) {
			int64_t pause = retry_pause_ms(tried, 0, random * 43);

			assert_in_range(pause, longest / 2, longest);
		}
		longest = longest * 2 > 10000 ? 10000 : longest * 2;
	}
	assert_int_equal(longest, 10000);
}

static void a_pause_is_never_shorter_than_the_server_asks(void **state)
{
	(void)state;
	for (unsigned tried = 1; tried <= TRIES; tried++) {
		for (unsigned asked_s = 1; asked_s <= 3600; asked_s *= 3) {
			int64_t asked_ms = asked_s * 1000;

			for (uint32_t random = 0; random < 100000; random += 997) {
				int64_t pause = retry_pause_ms(tried, asked_s, random);

				assert_true(pause >= asked_ms);
				assert_true(pause <= (asked_ms > 5000 ? asked_ms : 5000) + 5000);
			}
		}
	}
	assert_int_not_equal(retry_pause_ms(9, 3, 1), retry_pause_ms(9, 3, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pauses_double_up_to_ten_seconds_and_half_of_each_is_chance),
	    cmocka_unit_test(a_pause_is_never_shorter_than_the_server_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
