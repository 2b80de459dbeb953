/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

/*
 * Times: the wall clock in microseconds since 1970-01-01T00:00:00Z, a clock that only goes forward
 * for waits, and the calendar.  The calendar is the proleptic Gregorian one; nothing here knows a
 * time zone or a locale.
 */

#include <stdbool.h>
#include <stdint.h>

/* Room for the longest text that clock_format_* writes, and its NUL. */
#define CLOCK_TEXT_BYTES 32

int64_t clock_now_us(void);
int64_t clock_mono_us(void);

/* Let the wall clock go ahead of the real one, for tests of what takes days; only ever forward, and
 * in this process alone.  false, and nothing is changed, when it would be more than
 * CLOCK_OFFSET_US_MAX ahead.  Waits do not notice.  Any thread. */
#define CLOCK_OFFSET_US_MAX (INT64_C(36500) * 86400 * 1000000) /* a hundred years */
bool clock_advance_us(int64_t us);
int64_t clock_offset_us(void);

/* "2021-06-10T13:25:40.784Z", "….784560Z": the wire's times.  Returns ${text}.
 * The year must be 0 to 9999. */
char *clock_format_ms(char text[CLOCK_TEXT_BYTES], int64_t us);
char *clock_format_us(char text[CLOCK_TEXT_BYTES], int64_t us);

/* Is there such a day?  Years 1 to 9999. */
bool clock_date_exists(int year, int month, int day);

/* Days since 1970-01-01 of a day that exists. */
int32_t clock_days_of_date(int year, int month, int day);
void clock_date_of_days(int32_t days, int *ret_year, int *ret_month, int *ret_day);

#endif
