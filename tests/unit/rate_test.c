/* SPDX-License-Identifier: Apache-2.0 */
/* A quota of requests in a span of time. */
#include "emulate/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void so_many_in_any_span_and_no_more(void **state)
{
	struct rate *rate = NULL;
	struct err err;
	int64_t wait_us = -1;

	(void)state;
	assert_int_equal(rate_create(3, 1000, &rate, &err), OK);
	assert_true(rate_take(rate, 100, &wait_us));
	assert_true(rate_take(rate, 500, &wait_us));
	assert_true(rate_take(rate, 500, &wait_us));
	assert_int_equal(wait_us, -1);
	assert_false(rate_take(rate, 900, &wait_us));
	assert_int_equal(wait_us, 200);
	assert_false(rate_take(rate, 1099, &wait_us));
	assert_int_equal(wait_us, 1);
	/* What was refused did not count; the one of 100 is a span ago. */
	assert_true(rate_take(rate, 1100, &wait_us));
	assert_false(rate_take(rate, 1100, &wait_us));
	assert_int_equal(wait_us, 400);
	assert_true(rate_take(rate, 1500, &wait_us));
	assert_true(rate_take(rate, 1500, &wait_us));
	assert_false(rate_take(rate, 1500, &wait_us));
	assert_int_equal(wait_us, 600);
	rate_destroy(&rate);
	assert_null(rate);
	rate_destroy(&rate);
}

/* Whenever a span begins, it holds no more than the quota: slide it over all that was taken. */
static void no_span_holds_more_wherever_it_begins(void **state)
{
	enum { QUOTA = 5, SPAN = 100, ASKED = 5000 };
	static int64_t taken[ASKED];
	struct rate *rate = NULL;
	struct err err;
	size_t count = 0, first = 0;
	int64_t now_us = 0, wait_us;
	unsigned random = 7;

	(void)state;
	assert_int_equal(rate_create(QUOTA, SPAN, &rate, &err), OK);
	for (size_t i = 0; i < ASKED; i++) {
		random = random * 1103515245 + 12345;
		now_us += random >> 16 & 15;
		if (rate_take(rate, now_us, &wait_us))
			taken[count++] = now_us;
	}
	assert_true(count > ASKED / 4);
	for (size_t last = 0; last < count; last++) {
		while (taken[last] - taken[first] >= SPAN)
			first++;
		assert_true(last - first + 1 <= QUOTA);
	}
	rate_destroy(&rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(so_many_in_any_span_and_no_more),
	    cmocka_unit_test(no_span_holds_more_wherever_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
