/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/clock.h. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void times_are_written_as_the_wire_has_them(void **state)
{
	static const struct {
		int64_t us;
		const char *ms_text, *us_text;
	} cases[] = {
	    {0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"},
	    {1623331540784560, "2021-06-10T13:25:40.784Z", "2021-06-10T13:25:40.784560Z"},
	    {999, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000999Z"},
	    {1000, "1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.001000Z"},
	    {-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z"},
	    {-1000000, "1969-12-31T23:59:59.000Z", "1969-12-31T23:59:59.000000Z"},
	    {-86400000000, "1969-12-31T00:00:00.000Z", "1969-12-31T00:00:00.000000Z"},
	    {-86400000001, "1969-12-30T23:59:59.999Z", "1969-12-30T23:59:59.999999Z"},
	    {951782400000000, "2000-02-29T00:00:00.000Z", "2000-02-29T00:00:00.000000Z"},
	    {2147483647000000, "2038-01-19T03:14:07.000Z", "2038-01-19T03:14:07.000000Z"},
	    {-62135596800000000, "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000000Z"},
	    {-62167219200000000, "0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00.000000Z"},
	    {253402300799999999, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999999Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLOCK_TEXT_BYTES];

		assert_ptr_equal(clock_format_ms(text, cases[i].us), text);
		assert_string_equal(text, cases[i].ms_text);
		assert_ptr_equal(clock_format_us(text, cases[i].us), text);
		assert_string_equal(text, cases[i].us_text);
	}
}

static void days_count_from_1970_both_ways(void **state)
{
	static const struct {
		int year, month, day;
		int32_t days;
	} cases[] = {
	    {1970, 1, 1, 0},
	    {1970, 1, 2, 1},
	    {1969, 12, 31, -1},
	    {1, 1, 1, -719162},
	    {9999, 12, 31, 2932896},
	    {1900, 1, 1, -25567},
	    {1900, 2, 28, -25509},
	    {1900, 3, 1, -25508},
	    {2000, 1, 1, 10957},
	    {2000, 2, 28, 11015},
	    {2000, 2, 29, 11016},
	    {2000, 3, 1, 11017},
	    {2000, 12, 31, 11322},
	    {2021, 6, 10, 18788},
	    {2024, 2, 29, 19782},
	    {2038, 1, 19, 24855},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int year, month, day;

		assert_int_equal(
		    clock_days_of_date(cases[i].year, cases[i].month, cases[i].day), cases[i].days);
		clock_date_of_days(cases[i].days, &year, &month, &day);
		assert_int_equal(year, cases[i].year);
		assert_int_equal(month, cases[i].month);
		assert_int_equal(day, cases[i].day);
	}
}

static void there_are_the_days_that_there_are(void **state)
{
	static const struct {
		int year, month, day;
		bool exists;
	} cases[] = {
	    {1, 1, 1, true},
	    {0, 12, 31, false},
	    {-4, 1, 1, false},
	    {9999, 12, 31, true},
	    {10000, 1, 1, false},
	    {2021, 0, 1, false},
	    {2021, 13, 1, false},
	    {2021, -1, 1, false},
	    {2021, 1, 0, false},
	    {2021, 1, -1, false},
	    {2021, 1, 31, true},
	    {2021, 1, 32, false},
	    {2021, 2, 28, true},
	    {2021, 2, 29, false},
	    {2020, 2, 29, true},
	    {2020, 2, 30, false},
	    {1900, 2, 29, false},
	    {2000, 2, 29, true},
	    {2100, 2, 29, false},
	    {2400, 2, 29, true},
	    {2021, 3, 31, true},
	    {2021, 4, 30, true},
	    {2021, 4, 31, false},
	    {2021, 5, 31, true},
	    {2021, 6, 31, false},
	    {2021, 7, 31, true},
	    {2021, 8, 31, true},
	    {2021, 9, 31, false},
	    {2021, 10, 31, true},
	    {2021, 11, 31, false},
	    {2021, 12, 31, true},
	    {2021, 12, 32, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(clock_date_exists(cases[i].year, cases[i].month, cases[i].day),
		    cases[i].exists);
}

/* All 3,652,059 of them, counted as on a wall calendar. */
static void every_day_follows_the_one_before(void **state)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int32_t days = -719162;
	int wrong = 0;

	(void)state;
	for (int year = 1; year <= 9999; year++) {
		bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

		for (int month = 1; month <= 12; month++) {
			int last = month == 2 && leap ? 29 : lengths[month - 1];

			for (int day = 1; day <= last; day++, days++) {
				int y, m, d;

				clock_date_of_days(days, &y, &m, &d);
				wrong += clock_days_of_date(year, month, day) != days ||
					 y != year || m != month || d != day ||
					 !clock_date_exists(year, month, day);
			}
			wrong += clock_date_exists(year, month, last + 1);
		}
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(days, 2932897);
}

static void any_number_of_days_is_a_date(void **state)
{
	int year, month, day;

	(void)state;
	clock_date_of_days(INT32_MAX, &year, &month, &day);
	assert_true(year == 5881580 && month == 7 && day == 11);
	clock_date_of_days(INT32_MIN, &year, &month, &day);
	assert_true(year == -5877641 && month == 6 && day == 23);
}

static void the_wall_clock_is_the_systems(void **state)
{
	int64_t before = (int64_t)time(NULL) - 1, now = clock_now_us(), after;

	(void)state;
	after = (int64_t)time(NULL) + 1;
	assert_true(now >= before * 1000000 && now <= after * 1000000);
}

static void the_monotonic_clock_counts_microseconds_forward(void **state)
{
	struct timespec pause = {.tv_nsec = 20000000};
	int64_t start = clock_mono_us(), last = start, now;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		now = clock_mono_us();
		assert_true(now >= last);
		last = now;
	}
	start = clock_mono_us();
	nanosleep(&pause, NULL);
	assert_in_range(clock_mono_us() - start, 20000, 5000000);
}

/* The last test: there is no way back. */
static void the_wall_clock_can_be_moved_forward_and_waits_do_not_notice(void **state)
{
	int64_t now = clock_now_us(), mono = clock_mono_us();

	(void)state;
	assert_int_equal(clock_offset_us(), 0);
	assert_true(clock_advance_us(0));
	assert_int_equal(clock_offset_us(), 0);
	assert_true(clock_advance_us(INT64_C(3600000000)));
	assert_in_range(clock_now_us() - now, INT64_C(3600000000), INT64_C(3660000000));
	assert_in_range(clock_mono_us() - mono, 0, INT64_C(60000000));
	/* Steps add up, to the limit and not past it. */
	assert_true(clock_advance_us(CLOCK_OFFSET_US_MAX - INT64_C(3600000000)));
	assert_false(clock_advance_us(1));
	assert_false(clock_advance_us(INT64_MAX));
	assert_int_equal(clock_offset_us(), CLOCK_OFFSET_US_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_written_as_the_wire_has_them),
	    cmocka_unit_test(days_count_from_1970_both_ways),
	    cmocka_unit_test(there_are_the_days_that_there_are),
	    cmocka_unit_test(every_day_follows_the_one_before),
	    cmocka_unit_test(any_number_of_days_is_a_date),
	    cmocka_unit_test(the_wall_clock_is_the_systems),
	    cmocka_unit_test(the_monotonic_clock_counts_microseconds_forward),
	    cmocka_unit_test(the_wall_clock_can_be_moved_forward_and_waits_do_not_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
