/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to typed values: what each type takes, with the value written by hand, and what it refuses,
 * with the reason. Every text is handed over in memory of exactly its size, so that a sanitizer
 * sees a look past either end.
 */
#include "convert/value.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct slice exact(struct slice text)
{
	char *copy = malloc(text.len);

	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	return (struct slice){copy, text.len};
}

static void drop(struct slice text)
{
	free((char *)text.ptr);
}

static void expect_code(const char *text, enum reject_code got, enum reject_code want)
{
	if (got != want)
		fail_msg("\"%s\": %s, not %s", text, reject_name(got), reject_name(want));
}

/*
 * Numbers.
 */

static void write_int128(int128 value, char out[48])
{
	uint128 rest = value < 0 ? -(uint128)value : (uint128)value;
	char digits[48];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*out++ = '-';
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
}

static enum reject_code number(const char *text, char out[48])
{
	struct slice copy = exact(slice_of(text));
	int128 scaled = -7;
	enum reject_code code = value_number(copy, &scaled);

	drop(copy);
	write_int128(scaled, out);
	return code;
}

static void number_is_kept_exactly(void **state)
{
	static const struct {
		const char *text, *scaled;
	} cases[] = {
	    {"0", "0"},
	    {"-0", "0"},
	    {"+0", "0"},
	    {"-0.000", "0"},
	    {"1", "1000000000000000000"},
	    {"+1", "1000000000000000000"},
	    {"-1", "-1000000000000000000"},
	    {"007", "7000000000000000000"},
	    {"12", "12000000000000000000"},
	    {"123", "123000000000000000000"},
	    {"1.5", "1500000000000000000"},
	    {"12.5", "12500000000000000000"},
	    {"1.25", "1250000000000000000"},
	    {"-12.50", "-12500000000000000000"},
	    {"0.1", "100000000000000000"},
	    {"0.123456", "123456000000000000"},
	    {"1.234567", "1234567000000000000"},
	    {"123456.7", "123456700000000000000000"},
	    {"12345678", "12345678000000000000000000"},
	    {"-12345678", "-12345678000000000000000000"},
	    {"123456789", "123456789000000000000000000"},
	    {"1234567.8", "1234567800000000000000000"},
	    {"12345.678", "12345678000000000000000"},
	    {"-99999.99", "-99999990000000000000000"},
	    {"9.9", "9900000000000000000"},
	    {"1234567890.12345678", "1234567890123456780000000000"},
	    {"9999999999999999999", "9999999999999999999000000000000000000"},
	    {"-9999999999999999999", "-9999999999999999999000000000000000000"},
	    {"0.00000000000000001", "10"},
	    {"0.000000000000000001", "1"},
	    {"-0.000000000000000001", "-1"},
	    {"0.999999999999999999", "999999999999999999"},
	    {"0.12345678901234567", "123456789012345670"},
	    {"1.123456789012345678", "1123456789012345678"},
	    {"99999999999999999999", "99999999999999999999000000000000000000"},
	    {"99999999999999999999.999999999999999999", "99999999999999999999999999999999999999"},
	    {"-99999999999999999999.999999999999999999", "-99999999999999999999999999999999999999"},
	    /* Zeros that say nothing. */
	    {"1.10000000000000000000", "1100000000000000000"},
	    {"1.0000000000000000000000000000000000000000000000", "1000000000000000000"},
	    {"0.0000000000000000000000000000000000000000", "0"},
	    {"000000000000000000000000000000000000000000001.5", "1500000000000000000"},
	    {"00000000", "0"},
	    {"0000000000000000000000000000000000000000000000000000000000000000000", "0"},
	    /* Exponents. */
	    {"1e0", "1000000000000000000"},
	    {"1E0", "1000000000000000000"},
	    {"1.5e3", "1500000000000000000000"},
	    {"1.5E+3", "1500000000000000000000"},
	    {"-2.5e-3", "-2500000000000000"},
	    {"1e-18", "1"},
	    {"1e19", "10000000000000000000000000000000000000"},
	    {"9.9e19", "99000000000000000000000000000000000000"},
	    {"1e0019", "10000000000000000000000000000000000000"},
	    {"100e-20", "1"},
	    {"123456789e-18", "123456789"},
	    {"0.00000000000000000001e2", "1"},
	    {"0.0000000000000000000000000000001e31", "1000000000000000000"},
	    {"1000000000000000000000000000000e-30", "1000000000000000000"},
	    {"0e5", "0"},
	    {"0e999999999", "0"},
	    {"-0.0e-999999999999999999999999999999999999", "0"},
	    {"0e99999999999999999999999999999999999999999999", "0"},
	    {"1e00000000000000000000000000000000000000000000000001", "10000000000000000000"},
	};
	char got[48];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect_code(cases[i].text, number(cases[i].text, got), REJECT_NONE);
		if (strcmp(got, cases[i].scaled) != 0)
			fail_msg("%s: %s, not %s", cases[i].text, got, cases[i].scaled);
	}
}

static void number_that_is_none_or_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum reject_code code;
	} cases[] = {
	    {" ", REJECT_NUMBER_FORM},
	    {"+", REJECT_NUMBER_FORM},
	    {"-", REJECT_NUMBER_FORM},
	    {".", REJECT_NUMBER_FORM},
	    {"-.", REJECT_NUMBER_FORM},
	    {"1.", REJECT_NUMBER_FORM},
	    {".5", REJECT_NUMBER_FORM},
	    {"-.5", REJECT_NUMBER_FORM},
	    {"+1.", REJECT_NUMBER_FORM},
	    {"1234567.", REJECT_NUMBER_FORM},
	    {".1234567", REJECT_NUMBER_FORM},
	    {"123456789.", REJECT_NUMBER_FORM},
	    {".123456789", REJECT_NUMBER_FORM},
	    {"1..2", REJECT_NUMBER_FORM},
	    {"1.2.3", REJECT_NUMBER_FORM},
	    {"1.234.567", REJECT_NUMBER_FORM},
	    {"123456.7.8.9", REJECT_NUMBER_FORM},
	    {"--1", REJECT_NUMBER_FORM},
	    {"+-1", REJECT_NUMBER_FORM},
	    {"1-", REJECT_NUMBER_FORM},
	    {" 1", REJECT_NUMBER_FORM},
	    {"1 ", REJECT_NUMBER_FORM},
	    {"1,5", REJECT_NUMBER_FORM},
	    {"1,234.5", REJECT_NUMBER_FORM},
	    {"1_000", REJECT_NUMBER_FORM},
	    {"0x10", REJECT_NUMBER_FORM},
	    {"abc", REJECT_NUMBER_FORM},
	    {"12a", REJECT_NUMBER_FORM},
	    {"a12", REJECT_NUMBER_FORM},
	    {"1234567:", REJECT_NUMBER_FORM},
	    {"/1234567", REJECT_NUMBER_FORM},
	    {"123\xb1"
	     "45",
		REJECT_NUMBER_FORM},
	    {"\xff", REJECT_NUMBER_FORM},
	    {"NaN", REJECT_NUMBER_FORM},
	    {"inf", REJECT_NUMBER_FORM},
	    {"Infinity", REJECT_NUMBER_FORM},
	    {"1e", REJECT_NUMBER_FORM},
	    {"1e+", REJECT_NUMBER_FORM},
	    {"1e-", REJECT_NUMBER_FORM},
	    {"e5", REJECT_NUMBER_FORM},
	    {"1e5.5", REJECT_NUMBER_FORM},
	    {"1e5e5", REJECT_NUMBER_FORM},
	    {"1.e5", REJECT_NUMBER_FORM},
	    {"1e 5", REJECT_NUMBER_FORM},
	    {"1d5", REJECT_NUMBER_FORM},
	    {"\xd9\xa1", REJECT_NUMBER_FORM}, /* a digit, but not one of ours */
	    {"99999999999999999999999999999999999999x", REJECT_NUMBER_FORM},
	    {"0.00000000000000000000000000000000000001x", REJECT_NUMBER_FORM},
	    {"1e99999999999999999999x", REJECT_NUMBER_FORM},
	    {"100000000000000000000", REJECT_NUMBER_RANGE},
	    {"-100000000000000000000", REJECT_NUMBER_RANGE},
	    {"1e20", REJECT_NUMBER_RANGE},
	    {"0.1e21", REJECT_NUMBER_RANGE},
	    {"1e999999999", REJECT_NUMBER_RANGE},
	    {"1e9223372036854775807", REJECT_NUMBER_RANGE},
	    {"1e9223372036854775808", REJECT_NUMBER_RANGE},
	    {"1e99999999999999999999999999999999999999999999", REJECT_NUMBER_RANGE},
	    {"170141183460469231731687303715884105728", REJECT_NUMBER_RANGE},
	    {"0.0000000000000000001", REJECT_NUMBER_SCALE},
	    {"-1.0000000000000000001", REJECT_NUMBER_SCALE},
	    {"1.1234567890123456789", REJECT_NUMBER_SCALE},
	    {"1e-19", REJECT_NUMBER_SCALE},
	    {"10.1e-18", REJECT_NUMBER_SCALE},
	    {"1e-999999999", REJECT_NUMBER_SCALE},
	    {"1e-99999999999999999999999999999999999999999999", REJECT_NUMBER_SCALE},
	    /* Both: the larger fault is named. */
	    {"100000000000000000000.0000000000000000001", REJECT_NUMBER_RANGE},
	};
	char got[48];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect_code(cases[i].text, number(cases[i].text, got), cases[i].code);
		assert_string_equal(got, "-7"); /* left alone */
	}
}

static void number_with_a_nul_is_refused(void **state)
{
	struct slice text = exact(SLICE("12\0"
					"34"));
	int128 scaled;

	(void)state;
	assert_int_equal(value_number(text, &scaled), REJECT_NUMBER_FORM);
	drop(text);
}

/* Ten million digits in a moment: squared, they would take hours. */
static void number_of_any_length_is_read_in_linear_time(void **state)
{
	const size_t len = 10 * 1000 * 1000;
	char *text = malloc(len), got[48];
	int128 scaled = -7;
	int64_t begin = clock_mono_us();

	(void)state;
	assert_non_null(text);
	memset(text, '9', len);
	assert_int_equal(value_number((struct slice){text, len}, &scaled), REJECT_NUMBER_RANGE);
	memset(text, '0', len);
	assert_int_equal(value_number((struct slice){text, len}, &scaled), REJECT_NONE);
	assert_true(scaled == 0);
	/* 1 at the 9,999,990th place, and the exponent takes it back. */
	text[1] = '.';
	text[len - 9] = '1';
	memcpy(text + len - 8, "e9999990", 8);
	assert_int_equal(value_number((struct slice){text, len}, &scaled), REJECT_NONE);
	write_int128(scaled, got);
	assert_string_equal(got, "1000000000000000000");
	memset(text, '9', len);
	text[1] = 'e';
	assert_int_equal(value_number((struct slice){text, len}, &scaled), REJECT_NUMBER_RANGE);
	assert_true(clock_mono_us() - begin < 10000000);
	free(text);
}

/*
 * Integers and booleans.
 */

static void integer_is_any_of_64_bits(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} cases[] = {
	    {"0", 0},
	    {"-0", 0},
	    {"+0", 0},
	    {"7", 7},
	    {"+7", 7},
	    {"-42", -42},
	    {"007", 7},
	    {"12345678", 12345678},
	    {"123456789", 123456789},
	    {"999999999999999999", 999999999999999999},
	    {"1000000000000000000", 1000000000000000000},
	    {"9223372036854775807", INT64_MAX},
	    {"+9223372036854775807", INT64_MAX},
	    {"-9223372036854775807", -INT64_MAX},
	    {"-9223372036854775808", INT64_MIN},
	    {"000000000000000000000000000009223372036854775807", INT64_MAX},
	    {"-000000000000000000000000000000000000000000000001", -1},
	};
	struct slice text;
	int64_t value;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i].text));
		expect_code(cases[i].text, value_integer(text, &value), REJECT_NONE);
		assert_true(value == cases[i].value);
		drop(text);
	}
}

static void integer_that_is_none_or_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum reject_code code;
	} cases[] = {
	    {"+", REJECT_INTEGER_FORM},
	    {"-", REJECT_INTEGER_FORM},
	    {"--1", REJECT_INTEGER_FORM},
	    {"+-1", REJECT_INTEGER_FORM},
	    {"1.0", REJECT_INTEGER_FORM},
	    {"1e3", REJECT_INTEGER_FORM},
	    {" 1", REJECT_INTEGER_FORM},
	    {"1 ", REJECT_INTEGER_FORM},
	    {"1,000", REJECT_INTEGER_FORM},
	    {"0x1f", REJECT_INTEGER_FORM},
	    {"true", REJECT_INTEGER_FORM},
	    {"12/", REJECT_INTEGER_FORM},
	    {"12:", REJECT_INTEGER_FORM},
	    {"99999999999999999999999x", REJECT_INTEGER_FORM},
	    {"9223372036854775808", REJECT_INTEGER_RANGE},
	    {"-9223372036854775809", REJECT_INTEGER_RANGE},
	    {"9223372036854775810", REJECT_INTEGER_RANGE},
	    {"18446744073709551615", REJECT_INTEGER_RANGE},
	    {"18446744073709551616", REJECT_INTEGER_RANGE},
	    {"99999999999999999999999999999999999999999999", REJECT_INTEGER_RANGE},
	};
	struct slice text;
	int64_t value = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i].text));
		expect_code(cases[i].text, value_integer(text, &value), cases[i].code);
		assert_true(value == 77);
		drop(text);
	}
}

static void boolean_is_a_word_in_any_case_or_a_bit(void **state)
{
	static const char *const yes[] = {"true", "TRUE", "True", "tRuE", "1"};
	static const char *const no[] = {"false", "FALSE", "False", "fAlSe", "0"};
	struct slice text;
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		text = exact(slice_of(yes[i]));
		value = false;
		expect_code(yes[i], value_boolean(text, &value), REJECT_NONE);
		assert_true(value);
		drop(text);
	}
	for (size_t i = 0; i < COUNT(no); i++) {
		text = exact(slice_of(no[i]));
		value = true;
		expect_code(no[i], value_boolean(text, &value), REJECT_NONE);
		assert_false(value);
		drop(text);
	}
}

static void boolean_of_any_other_word_is_refused(void **state)
{
	static const char *const cases[] = {"t", "f", "T", "yes", "no", "on", "2", "-1", "01", "10",
	    "00", "1.0", "tru", "truee", "true ", " true", "fals", "falsee", "false ", "null",
	    "0true", "0000true", "\x11", "\x10", "T\x12UE", "t\xf2ue", "TRU\x05"};
	struct slice text;
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i]));
		expect_code(cases[i], value_boolean(text, &value), REJECT_BOOLEAN_FORM);
		drop(text);
	}
}

/*
 * Dates and date-times.
 */

static void date_is_a_day_of_the_calendar(void **state)
{
	static const struct {
		const char *text;
		int32_t days;
	} cases[] = {
	    {"1970-01-01", 0},
	    {"1970-01-02", 1},
	    {"1969-12-31", -1},
	    {"1970-12-31", 364},
	    {"1972-02-29", 789},
	    {"2000-02-29", 11016},
	    {"2000-03-01", 11017},
	    {"2021-06-10", 18788},
	    {"2024-02-29", 19782},
	    {"2024-12-31", 20088},
	    {"0001-01-01", -719162},
	    {"9999-12-31", 2932896},
	};
	struct slice text;
	int32_t days;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i].text));
		expect_code(cases[i].text, value_date(text, &days), REJECT_NONE);
		assert_int_equal(days, cases[i].days);
		drop(text);
	}
}

static void date_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum reject_code code;
	} cases[] = {
	    {"2021-6-10", REJECT_DATE_FORM},
	    {"2021-06-1", REJECT_DATE_FORM},
	    {"21-06-10", REJECT_DATE_FORM},
	    {"2021/06/10", REJECT_DATE_FORM},
	    {"2021-06/10", REJECT_DATE_FORM},
	    {"2021/06-10", REJECT_DATE_FORM},
	    {"20210610", REJECT_DATE_FORM},
	    {"10-06-2021", REJECT_DATE_FORM},
	    {"2021-06-10 ", REJECT_DATE_FORM},
	    {" 2021-06-10", REJECT_DATE_FORM},
	    {" 021-06-10", REJECT_DATE_FORM},
	    {"+021-06-10", REJECT_DATE_FORM},
	    {"-021-06-10", REJECT_DATE_FORM},
	    {"2021-06-1:", REJECT_DATE_FORM},
	    {"2021-06-/0", REJECT_DATE_FORM},
	    {"2021-0a-10", REJECT_DATE_FORM},
	    {"2021-06-10Z", REJECT_DATE_FORM},
	    {"2021-06-10T00:00:00Z", REJECT_DATE_FORM},
	    {"12021-06-10", REJECT_DATE_FORM},
	    {"today", REJECT_DATE_FORM},
	    {"0", REJECT_DATE_FORM},
	    {"2021\xad"
	     "06\xad"
	     "10",
		REJECT_DATE_FORM},
	    {"\xb2\xb0\xb2\xb1-06-10", REJECT_DATE_FORM},
	    {"2021-02-29", REJECT_DATE_CALENDAR},
	    {"2100-02-29", REJECT_DATE_CALENDAR},
	    {"1900-02-29", REJECT_DATE_CALENDAR},
	    {"2024-02-30", REJECT_DATE_CALENDAR},
	    {"2021-04-31", REJECT_DATE_CALENDAR},
	    {"2021-01-32", REJECT_DATE_CALENDAR},
	    {"2021-13-01", REJECT_DATE_CALENDAR},
	    {"2021-00-01", REJECT_DATE_CALENDAR},
	    {"2021-01-00", REJECT_DATE_CALENDAR},
	    {"2021-99-99", REJECT_DATE_CALENDAR},
	    {"0000-01-01", REJECT_DATE_CALENDAR},
	};
	struct slice text;
	int32_t days = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i].text));
		expect_code(cases[i].text, value_date(text, &days), cases[i].code);
		assert_int_equal(days, 77);
		drop(text);
	}
}

/* Every day and every day that is none, against the calendar that the clock has. */
static void date_agrees_with_the_clock_about_every_day(void **state)
{
	char text[] = "yyyy-mm-dd";
	bool exists;
	int32_t days;

	(void)state;
	for (int year = 0; year <= 9999; year++) {
		for (int i = 0, rest = year; i < 4; i++, rest /= 10)
			text[3 - i] = (char)('0' + rest % 10);
		for (int month = 0; month <= 13; month++) {
			text[5] = (char)('0' + month / 10);
			text[6] = (char)('0' + month % 10);
			for (int day = 0; day <= 32; day++) {
				text[8] = (char)('0' + day / 10);
				text[9] = (char)('0' + day % 10);
				exists = value_date((struct slice){text, 10}, &days) == REJECT_NONE;
				if (exists != clock_date_exists(year, month, day))
					fail_msg("%s: %s", text, exists ? "taken" : "refused");
				if (exists && days != clock_days_of_date(year, month, day))
					fail_msg("%s: %d", text, (int)days);
			}
		}
	}
}

static void date_time_is_microseconds_of_utc(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01T00:00:01Z", 1000000},
	    {"1970-01-01T00:00:00.000001Z", 1},
	    {"1969-12-31T23:59:59.999999Z", -1},
	    {"1970-01-02T03:04:05Z", 97445000000},
	    {"1970-01-02T03:04:05.678Z", 97445678000},
	    {"2021-06-10T13:25:40.784Z", 1623331540784000},
	    {"2021-06-10T13:25:40.784560Z", 1623331540784560},
	    {"2021-06-10T13:25:40Z", 1623331540000000},
	    {"2021-06-10T13:25:40.7Z", 1623331540700000},
	    {"2021-06-10T13:25:40.78Z", 1623331540780000},
	    {"2021-06-10T13:25:40.7845Z", 1623331540784500},
	    {"2021-06-10T13:25:40.78456Z", 1623331540784560},
	    {"2021-06-10T13:25:40.001Z", 1623331540001000},
	    {"2021-06-10T13:25:40.010Z", 1623331540010000},
	    {"2021-06-10T13:25:40.100Z", 1623331540100000},
	    /* Past the sixth digit: cut off, not rounded. */
	    {"2021-06-10T13:25:40.7845609Z", 1623331540784560},
	    {"2021-06-10T13:25:40.784560999999999999999999999999999999999999Z", 1623331540784560},
	    {"1969-12-31T23:59:59.9999999Z", -1},
	    /* Offsets. */
	    {"2021-06-10T13:25:40.784+00:00", 1623331540784000},
	    {"2021-06-10T13:25:40.784-00:00", 1623331540784000},
	    {"2021-06-10T15:25:40.784+02:00", 1623331540784000},
	    {"2021-06-10T07:55:40-05:30", 1623331540000000},
	    {"1970-01-01T00:00:00+00:01", -60000000},
	    {"1970-01-01T00:00:00-00:01", 60000000},
	    {"1970-01-01T00:00:00+23:59", -86340000000},
	    {"1970-01-01T00:00:00-23:59", 86340000000},
	    /* The ends of the calendar and of the clock. */
	    {"2024-02-29T23:59:59.999Z", 1709251199999000},
	    {"0001-01-01T00:00:00Z", -62135596800000000},
	    {"0001-01-01T00:00:00-01:00", -62135593200000000},
	    {"9999-12-31T23:59:59.999999Z", 253402300799999999},
	    {"9999-12-31T23:59:59.999Z", 253402300799999000},
	    {"9999-12-31T23:59:59+00:01", 253402300739000000},
	};
	struct slice text;
	int64_t us;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i].text));
		expect_code(cases[i].text, value_date_time(text, &us), REJECT_NONE);
		if (us != cases[i].us)
			fail_msg("%s: %lld", cases[i].text, (long long)us);
		drop(text);
	}
}

static void date_time_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum reject_code code;
	} cases[] = {
	    {"2021-06-10", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.784", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40,784Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.78aZ", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.784ZZ", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.784Z ", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.784z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10t13:25:40.784Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10 13:25:40.784Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10 13:25:40Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T1:25:40.784Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13-25-40.784Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25-40.784Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13.25:40.784Z", REJECT_DATE_TIME_FORM},
	    {"2021/06/10T13:25:40.784Z", REJECT_DATE_TIME_FORM},
	    {"20210610T132540Z0000", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+0200", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+02", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+2:00", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+02:0", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+02:00:00", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+02.00", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+a2:00", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40+02:b0", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40 02:00", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40Z+02:00", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40.784 Z", REJECT_DATE_TIME_FORM},
	    {"2021-06-10T13:25:40 UTC", REJECT_DATE_TIME_FORM},
	    {"1623331540784", REJECT_DATE_TIME_FORM},
	    {"99999-06-10T13:25:40Z", REJECT_DATE_TIME_FORM},
	    {"2021-02-30T00:00:00X", REJECT_DATE_TIME_FORM},
	    {"2021-02-29T00:00:00Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-02-29T00:00:00.000Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-13-01T00:00:00.000Z", REJECT_DATE_TIME_CALENDAR},
	    {"0000-12-31T23:59:59.999Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T24:00:00Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T24:00:00.000Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T23:60:00.000Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T23:60:00Z", REJECT_DATE_TIME_CALENDAR},
	    {"2016-12-31T23:59:60Z", REJECT_DATE_TIME_CALENDAR},
	    {"2016-12-31T23:59:60.000Z", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T13:25:40+24:00", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T13:25:40+00:60", REJECT_DATE_TIME_CALENDAR},
	    {"2021-06-10T13:25:40-99:99", REJECT_DATE_TIME_CALENDAR},
	    {"0001-01-01T00:00:00+00:01", REJECT_DATE_TIME_CALENDAR},
	    {"9999-12-31T23:59:59-00:01", REJECT_DATE_TIME_CALENDAR},
	};
	struct slice text;
	int64_t us = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(slice_of(cases[i].text));
		expect_code(cases[i].text, value_date_time(text, &us), cases[i].code);
		assert_true(us == 77);
		drop(text);
	}
}

/*
 * Strings.
 */

static void string_is_utf8_without_nul(void **state)
{
	static const struct {
		struct slice text;
		enum reject_code code;
	} cases[] = {
	    {{"a", 1}, REJECT_NONE}, {{" ", 1}, REJECT_NONE}, {{"abc", 3}, REJECT_NONE},
	    {{"abcdefg", 7}, REJECT_NONE}, {{"abcdefgh", 8}, REJECT_NONE},
	    {{"abcdefghi", 9}, REJECT_NONE}, {{"abcdefghijklmnop", 16}, REJECT_NONE},
	    {{"abcdefghijklmnopq", 17}, REJECT_NONE}, {{"line\r\n\ttab \x01\x7f", 13}, REJECT_NONE},
	    {{"Gr\xc3\xbc\xc3\x9f"
	      "e",
		 7},
		REJECT_NONE},
	    {{"\xe2\x82\xac", 3}, REJECT_NONE}, {{"\xf0\x9f\x8e\x89", 4}, REJECT_NONE},
	    {{"\xf4\x8f\xbf\xbf", 4}, REJECT_NONE}, {{"\0", 1}, REJECT_NUL},
	    {{"a\0", 2}, REJECT_NUL}, {{"\0abcdefg", 8}, REJECT_NUL},
	    {{"abcdefg\0", 8}, REJECT_NUL}, {{"abc\0defghijk", 12}, REJECT_NUL},
	    {{"abcdefghijklmno\0", 16}, REJECT_NUL},
	    {{"abcdefghijklmnop\0qrstuvwxyz", 27}, REJECT_NUL}, {{"\xc3\xbc\0", 3}, REJECT_NUL},
	    {{"\x80", 1}, REJECT_UTF8}, {{"\xff", 1}, REJECT_UTF8},
	    {{"Gr\xfc\xdf"
	      "e",
		 5},
		REJECT_UTF8}, /* Latin-1 */
	    {{"\xc3", 1}, REJECT_UTF8}, {{"abcdefg\xc3", 8}, REJECT_UTF8},
	    {{"abcdefghijklmno\xe2\x82", 17}, REJECT_UTF8},
	    {{"\xc0\x80", 2}, REJECT_UTF8},         /* NUL, overlong */
	    {{"\xe0\x80\xaf", 3}, REJECT_UTF8},     /* overlong */
	    {{"\xed\xa0\x80", 3}, REJECT_UTF8},     /* a surrogate */
	    {{"\xf4\x90\x80\x80", 4}, REJECT_UTF8}, /* past the last character */
	    {{"\xff\xfe"
	      "a\0",
		 4},
		REJECT_UTF8}, /* UTF-16 */
	};
	struct slice text;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = exact(cases[i].text);
		expect_code(cases[i].text.ptr, value_string(text), cases[i].code);
		drop(text);
	}
}

static void string_is_checked_at_every_place(void **state)
{
	char text[40];

	(void)state;
	for (size_t len = 1; len < sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			struct slice copy;

			memset(text, 'x', len);
			text[at] = '\0';
			copy = exact((struct slice){text, len});
			assert_int_equal(value_string(copy), REJECT_NUL);
			drop(copy);
			text[at] = '\x9f';
			copy = exact((struct slice){text, len});
			assert_int_equal(value_string(copy), REJECT_UTF8);
			drop(copy);
			text[at] = '\x01';
			copy = exact((struct slice){text, len});
			assert_int_equal(value_string(copy), REJECT_NONE);
			drop(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(number_is_kept_exactly),
	    cmocka_unit_test(number_that_is_none_or_does_not_fit_is_refused),
	    cmocka_unit_test(number_with_a_nul_is_refused),
	    cmocka_unit_test(number_of_any_length_is_read_in_linear_time),
	    cmocka_unit_test(integer_is_any_of_64_bits),
	    cmocka_unit_test(integer_that_is_none_or_does_not_fit_is_refused),
	    cmocka_unit_test(boolean_is_a_word_in_any_case_or_a_bit),
	    cmocka_unit_test(boolean_of_any_other_word_is_refused),
	    cmocka_unit_test(date_is_a_day_of_the_calendar),
	    cmocka_unit_test(date_that_is_none_is_refused),
	    cmocka_unit_test(date_agrees_with_the_clock_about_every_day),
	    cmocka_unit_test(date_time_is_microseconds_of_utc),
	    cmocka_unit_test(date_time_that_is_none_is_refused),
	    cmocka_unit_test(string_is_utf8_without_nul),
	    cmocka_unit_test(string_is_checked_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
