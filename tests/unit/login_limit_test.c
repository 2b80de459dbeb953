/* SPDX-License-Identifier: Apache-2.0 */
/* How often an address may fail to log in. */
#include "auth/login_limit.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)
#define PLACES    4096

static struct login_limit *create(void)
{
	struct login_limit *limit = NULL;
	struct err err;

	assert_int_equal(login_limit_create(&limit, &err), OK);
	return limit;
}

static void fail_often(struct login_limit *limit, const char *address, int count, int64_t now_us)
{
	for (int i = 0; i < count; i++)
		login_limit_failed(limit, address, now_us);
}

static bool may(struct login_limit *limit, const char *address, int64_t now_us)
{
	int64_t ignored;

	return login_limit_may(limit, address, now_us, &ignored);
}

static void ten_failures_in_a_minute_and_it_waits_for_the_first_to_be_a_minute_old(void **state)
{
	struct login_limit *limit = create();
	int64_t wait_us = -1;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_true(login_limit_may(limit, "192.0.2.1", i * SECOND_US, &wait_us));
		login_limit_failed(limit, "192.0.2.1", i * SECOND_US);
	}
	assert_int_equal(wait_us, -1);
	assert_false(login_limit_may(limit, "192.0.2.1", 9 * SECOND_US, &wait_us));
	assert_int_equal(wait_us, 51 * SECOND_US);
	assert_false(login_limit_may(limit, "192.0.2.1", 60 * SECOND_US - 1, &wait_us));
	assert_int_equal(wait_us, 1);

	/* One is a minute old: one more may fail, and then the second one counts. */
	assert_true(login_limit_may(limit, "192.0.2.1", 60 * SECOND_US, &wait_us));
	login_limit_failed(limit, "192.0.2.1", 60 * SECOND_US);
	assert_false(login_limit_may(limit, "192.0.2.1", 60 * SECOND_US, &wait_us));
	assert_int_equal(wait_us, SECOND_US);
	assert_true(login_limit_may(limit, "192.0.2.1", 61 * SECOND_US, &wait_us));
	login_limit_destroy(&limit);
	assert_null(limit);
	login_limit_destroy(&limit);
}

static void asking_does_not_count(void **state)
{
	struct login_limit *limit = create();

	(void)state;
	fail_often(limit, "192.0.2.1", 9, 0);
	for (int i = 0; i < 1000; i++)
		assert_true(may(limit, "192.0.2.1", 1));
	fail_often(limit, "192.0.2.1", 1, 1);
	assert_false(may(limit, "192.0.2.1", 1));
	login_limit_destroy(&limit);
}

static void an_address_answers_for_itself_alone(void **state)
{
	static const char *const others[] = {"192.0.2.2", "192.0.3.1", "2.0.192.1", "::1",
	    "2001:db8:0:2::1", "2001:db8:1:1::1", "::ffff:192.0.2.2", "::c000:201",
	    "c000:201::", "102:c0:100::1", "0:0:c000:201::", "unknown"};
	struct login_limit *limit = create();

	(void)state;
	fail_often(limit, "192.0.2.1", 10, 0);
	fail_often(limit, "2001:db8:0:1::1", 10, 0);
	assert_false(may(limit, "192.0.2.1", 0));
	assert_false(may(limit, "2001:db8:0:1::1", 0));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(may(limit, others[i], 0));
	/* One /64 is one client, and an IPv4 address is the same in the clothes of IPv6. */
	assert_false(may(limit, "2001:db8:0:1:ffff:ffff:ffff:ffff", 0));
	assert_false(may(limit, "::ffff:192.0.2.1", 0));
	fail_often(limit, "unknown", 10, 0);
	assert_false(may(limit, "what is this?", 0));
	login_limit_destroy(&limit);
}

/* The text of the ${i}th address. */
static const char *address(char text[32], unsigned i)
{
	snprintf(text, 32, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
	return text;
}

static void of_too_many_addresses_who_failed_longest_ago_is_forgotten(void **state)
{
	struct login_limit *limit = create();
	char text[32];

	(void)state;
	for (unsigned i = 0; i < PLACES; i++)
		fail_often(limit, address(text, i), 10, i);
	/* The first one fails again, so the second one is the oldest. */
	fail_often(limit, address(text, 0), 1, PLACES);
	fail_often(limit, address(text, PLACES), 10, PLACES);
	assert_false(may(limit, address(text, 0), PLACES));
	assert_true(may(limit, address(text, 1), PLACES));
	for (unsigned i = 2; i <= PLACES; i++)
		assert_false(may(limit, address(text, i), PLACES));
	/* And all of them in turn, many times over: nothing is lost among the lists. */
	for (unsigned i = 0; i < 5 * PLACES; i++)
		fail_often(limit, address(text, i), 10, 2 * PLACES + i);
	for (unsigned i = 0; i < 5 * PLACES; i++)
		assert_int_equal(may(limit, address(text, i), 8 * PLACES), i < 4 * PLACES);
	login_limit_destroy(&limit);
}

static void *run(void *ctx)
{
	struct login_limit *limit = ctx;
	char text[32];

	for (unsigned i = 0; i < 20000; i++) {
		may(limit, address(text, i % 6000), i);
		login_limit_failed(limit, address(text, i % 6000), i);
	}
	return NULL;
}

static void any_number_of_threads_may_ask_and_fail(void **state)
{
	struct login_limit *limit = create();
	pthread_t threads[4];
	struct err err;
	char text[32];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(thread_start(&threads[i], "test", run, limit, &err), OK);
	for (size_t i = 0; i < 4; i++)
		thread_join(threads[i]);
	for (unsigned i = 0; i < PLACES; i++)
		fail_often(limit, address(text, i), 10, 20000);
	for (unsigned i = 0; i < PLACES; i++)
		assert_false(may(limit, address(text, i), 20000));
	login_limit_destroy(&limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		ten_failures_in_a_minute_and_it_waits_for_the_first_to_be_a_minute_old),
	    cmocka_unit_test(asking_does_not_count),
	    cmocka_unit_test(an_address_answers_for_itself_alone),
	    cmocka_unit_test(of_too_many_addresses_who_failed_longest_ago_is_forgotten),
	    cmocka_unit_test(any_number_of_threads_may_ask_and_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
