/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks and the calendar: see clock.h.  A year is counted from March here, so that the leap
 * day is the last of its year and the month lengths follow from one multiplication; 400
 * years ("an era") have 146,097 days.
 */
#include "base/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define DAYS_AN_ERA       146097
#define DAYS_BEFORE_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */
#define US_A_DAY          INT64_C(86400000000)

/* How far the wall clock is ahead of the real one. */
static _Atomic int64_t offset_us;

static int64_t read_clock(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	return read_clock(CLOCK_REALTIME) + clock_offset_us();
}

int64_t clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

bool clock_advance_us(int64_t us)
{
	int64_t now_us = atomic_load(&offset_us);

	assert(us >= 0);
	do {
		if (us > CLOCK_OFFSET_US_MAX - now_us)
			return false;
	} while (!atomic_compare_exchange_weak(&offset_us, &now_us, now_us + us));
	return true;
}

int64_t clock_offset_us(void)
{
	return atomic_load_explicit(&offset_us, memory_order_relaxed);
}

/* Everything up to the seconds; returns the microseconds that are left. */
static int format_seconds(char text[CLOCK_TEXT_BYTES], int64_t us)
{
	int64_t days = us / US_A_DAY, rest = us % US_A_DAY;
	int year, month, day, seconds;

	if (rest < 0) {
		rest += US_A_DAY;
		days--;
	}
	seconds = (int)(rest / 1000000);
	clock_date_of_days((int32_t)days, &year, &month, &day);
	assert(year >= 0 && year <= 9999);
	snprintf(text, CLOCK_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d", year % 10000, month, day,
	    seconds / 3600, seconds / 60 % 60, seconds % 60);
	return (int)(rest % 1000000);
}

char *clock_format_ms(char text[CLOCK_TEXT_BYTES], int64_t us)
{
	int rest = format_seconds(text, us);

	snprintf(text + 19, CLOCK_TEXT_BYTES - 19, ".%03dZ", rest / 1000);
	return text;
}

char *clock_format_us(char text[CLOCK_TEXT_BYTES], int64_t us)
{
	int rest = format_seconds(text, us);

	snprintf(text + 19, CLOCK_TEXT_BYTES - 19, ".%06dZ", rest);
	return text;
}

bool clock_date_exists(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

int32_t clock_days_of_date(int year, int month, int day)
{
	int shifted = month <= 2 ? year - 1 : year;
	int era = (shifted >= 0 ? shifted : shifted - 399) / 400;
	int year_of_era = shifted - era * 400;
	int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_AN_ERA + day_of_era - DAYS_BEFORE_EPOCH;
}

void clock_date_of_days(int32_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t shifted = (int64_t)days + DAYS_BEFORE_EPOCH;
	int era = (int)((shifted >= 0 ? shifted : shifted - (DAYS_AN_ERA - 1)) / DAYS_AN_ERA);
	int day_of_era = (int)(shifted - (int64_t)era * DAYS_AN_ERA);
	int year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month_from_march = (5 * day_of_year + 2) / 153;

	*ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	*ret_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0);
}
