/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_VALUE_H
#define SLUICE_CONVERT_VALUE_H

/*
 * Text to one typed value, a function a type: pure, without allocation, without locale.  Blank text
 * is the caller's business (it is NULL for every type): these are never given it.
 *
 * Each returns REJECT_NONE and sets its result, or says why not and leaves the result alone.
 */

#include "base/int128.h"
#include "base/slice.h"
#include "convert/reject.h"

#include <stdbool.h>
#include <stdint.h>

#define VALUE_NUMBER_SCALE 18 /* decimal places of a number */

/* The value times 10^18.  Optional sign, digits, optional fraction, optional exponent; exact in
 * DECIMAL(38,18) or it is refused: trailing zeros past the 18th place are exact.  Too large and too
 * fine at once is RANGE.  The time is linear in the text's length, whatever the exponent says. */
enum reject_code value_number(struct slice text, int128 *ret_scaled);
enum reject_code value_integer(struct slice text, int64_t *ret_value);
enum reject_code value_boolean(struct slice text, bool *ret_value);
/* yyyy-MM-dd, years 0001 to 9999, days since 1970-01-01. */
enum reject_code value_date(struct slice text, int32_t *ret_days);
/* yyyy-MM-ddTHH:mm:ss[.fraction] and Z or ±HH:MM; microseconds since 1970-01-01T00:00:00Z; digits
 * of the fraction past the sixth are cut off.  The moment must lie in the years 0001 to 9999 of
 * UTC.  A well-formed text with an hour, minute, second or offset that no clock shows (a leap
 * second, too) is DATE_TIME_CALENDAR. */
enum reject_code value_date_time(struct slice text, int64_t *ret_us);
/* Valid UTF-8 without NUL; when both are wrong, UTF8. */
enum reject_code value_string(struct slice text);

#endif
