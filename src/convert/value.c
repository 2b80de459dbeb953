/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to typed values: see value.h.
 *
 * Nearly every value is short and well formed, so each converter tries that first and leaves the
 * rest to a plain way that knows the whole grammar and tells "no number at all" from "too large a
 * one".  Texts with fixed places, such as 2024-02-29, are checked eight characters at a time: XOR
 * with a template of '0' and separators leaves 0 to 9 where a digit belongs and 0 where a separator
 * does, and one multiplication makes two-digit numbers of all neighbours.
 *
 * A number is never a floating-point one on its way: its digits are kept as an integer, and the
 * point and the exponent only say by which power of ten that is to be multiplied.
 *
 * Not here: blank text, trimming, locales, thousands separators,
 * hexadecimal, infinities, local time.
 */
#include "convert/value.h"

#include "base/utf8.h"

#include <string.h>

#define POWERS_MAX 19 /* 10^19 is the largest that fits into 64 bits */

static const uint64_t powers_of_ten[POWERS_MAX + 1] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

/*
 * Eight characters in a word: the first is the lowest byte, so that a carry or a borrow only ever
 * goes from left to right in the text.
 */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The same for 1 to 8 characters: they are the highest bytes, with '0' in front of them. */
static inline uint64_t load_right(struct slice text)
{
	uint32_t low, high;
	uint64_t word = 0;
	unsigned spare = 8 * (8 - (unsigned)text.len);

	if (text.len >= sizeof(low)) {
		memcpy(&low, text.ptr, sizeof(low));
		memcpy(&high, text.ptr + text.len - sizeof(high), sizeof(high));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		low = __builtin_bswap32(low);
		high = __builtin_bswap32(high);
#endif
		word = (uint64_t)high << 32 | (uint64_t)low << spare;
	} else {
		for (size_t i = 0; i < text.len; i++)
			word |= (uint64_t)(unsigned char)text.ptr[i] << (spare + 8 * i);
	}
	return word | (EACH_BYTE('0') & ~(UINT64_MAX << spare));
}

/* A byte is no digit when its value, or that plus 6, reaches 16.  A byte that is so large that the
 * addition carries into the next one is one of those already. */
static inline bool are_digits(uint64_t digits)
{
	return ((digits | (digits + EACH_BYTE(6))) & EACH_BYTE(0xf0)) == 0;
}

/* Byte i of the result is the number that digits i and i + 1 make. */
static inline uint64_t pairs_of(uint64_t digits)
{
	return digits * 10 + (digits >> 8);
}

/* The number that all eight make: pairs first, then each half's two pairs are
 * weighed and added up at once. */
static inline uint64_t number_of(uint64_t digits)
{
	const uint64_t outer = UINT64_C(0x000000ff000000ff);
	uint64_t pairs = pairs_of(digits);

	return ((pairs & outer) * ((UINT64_C(1000000) << 32) + 100) +
		   (pairs >> 16 & outer) * ((UINT64_C(10000) << 32) + 1)) >>
	       32;
}

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

static inline unsigned digit_of(char c)
{
	return (unsigned char)(c - '0');
}

/* How many digits does the text begin with? */
static size_t count_digits(struct slice text)
{
	size_t n = 0;

	while (n < text.len && is_digit(text.ptr[n]))
		n++;
	return n;
}

/* Skip a sign and say whether it was a minus. */
static inline bool take_sign(struct slice *text)
{
	bool minus;

	if (text->len == 0 || (text->ptr[0] != '-' && text->ptr[0] != '+'))
		return false;
	minus = text->ptr[0] == '-';
	*text = slice_skip(*text, 1);
	return minus;
}

/*
 * Numbers, the plain way: take the text apart, find its first and its last digit
 * that is not 0, and ask whether their places are ones that a DECIMAL(38,18) has.
 * Place 0 is the one before the point.
 */

#define PLACE_MAX 19
#define PLACE_MIN (-VALUE_NUMBER_SCALE)
#define EXPONENT_NO_MATTER                                                                         \
	(INT64_MAX / 4) /* beyond the length of any text, and sums of it do not overflow */

struct number {
	bool minus;
	struct slice whole; /* digits before the point */
	struct slice part;  /* digits behind it */
	int64_t exponent;
};

/* The digits before and behind the point, as if there were none. */
static inline char number_digit(const struct number *number, size_t i)
{
	return i < number->whole.len ? number->whole.ptr[i]
				     : number->part.ptr[i - number->whole.len];
}

static bool take_exponent(struct slice *text, int64_t *ret_exponent)
{
	bool minus = take_sign(text);
	size_t n = count_digits(*text);
	int64_t exponent = 0;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n && exponent < EXPONENT_NO_MATTER / 10; i++)
		exponent = exponent * 10 + digit_of(text->ptr[i]);
	*text = slice_skip(*text, n);
	*ret_exponent = minus ? -exponent : exponent;
	return true;
}

static bool number_split(struct slice text, struct number *ret_number)
{
	struct number number = {.minus = take_sign(&text)};

	number.whole = (struct slice){text.ptr, count_digits(text)};
	if (number.whole.len == 0)
		return false;
	text = slice_skip(text, number.whole.len);
	if (text.len > 0 && text.ptr[0] == '.') {
		text = slice_skip(text, 1);
		number.part = (struct slice){text.ptr, count_digits(text)};
		if (number.part.len == 0)
			return false;
		text = slice_skip(text, number.part.len);
	}
	if (text.len > 0 && (text.ptr[0] == 'e' || text.ptr[0] == 'E')) {
		text = slice_skip(text, 1);
		if (!take_exponent(&text, &number.exponent))
			return false;
	}
	if (text.len > 0)
		return false;
	*ret_number = number;
	return true;
}

static enum reject_code number_plain(struct slice text, int128 *ret_scaled)
{
	struct number number;
	size_t first = 0, end;
	int64_t units; /* the place of digit i is units - i */
	uint128 scaled = 0;

	if (!number_split(text, &number))
		return REJECT_NUMBER_FORM;
	end = number.whole.len + number.part.len;
	while (first < end && number_digit(&number, first) == '0')
		first++;
	while (end > first && number_digit(&number, end - 1) == '0')
		end--;
	if (first == end) {
		*ret_scaled = 0;
		return REJECT_NONE;
	}
	units = (int64_t)number.whole.len - 1 + number.exponent;
	if (units - (int64_t)first > PLACE_MAX)
		return REJECT_NUMBER_RANGE;
	if (units - (int64_t)(end - 1) < PLACE_MIN)
		return REJECT_NUMBER_SCALE;

	/* At most 38 digits are left, so neither loop is long and nothing overflows. */
	for (size_t i = first; i < end; i++)
		scaled = scaled * 10 + digit_of(number_digit(&number, i));
	for (int64_t place = units - (int64_t)(end - 1); place > PLACE_MIN; place--)
		scaled *= 10;
	*ret_scaled = number.minus ? -(int128)scaled : (int128)scaled;
	return REJECT_NONE;
}

/* The quick ways below take a number without sign and exponent, or say false
 * and let the plain way decide. */

static inline int128 scale(uint64_t digits, size_t places)
{
	return (int128)((uint128)digits * powers_of_ten[VALUE_NUMBER_SCALE - places]);
}

/* At most eight characters: the digits before the point move up to those behind it. */
static inline bool number_word(struct slice text, int128 *ret_scaled)
{
	uint64_t word = load_right(text), other = word ^ EACH_BYTE('.');
	uint64_t points =
	    (other - EACH_BYTE(1)) & ~other & EACH_BYTE(0x80); /* the lowest is a true one */
	uint64_t before;
	size_t places = 0;

	if (points != 0) {
		before = (points & (0 - points)) / 0x80 - 1;
		places = (size_t)__builtin_clzll(before + 1) / 8;
		if (places == 0 || places + 1 == text.len)
			return false;
		word = (word & ~(before << 8 | 0xff)) | (word & before) << 8 | '0';
	}
	word ^= EACH_BYTE('0');
	if (!are_digits(word))
		return false;
	*ret_scaled = scale(number_of(word), places);
	return true;
}

/* At most NUMBER_SHORT characters: 19 digits fit into 64 bits, and times 10^18 into 127. */
#define NUMBER_SHORT 19

static inline bool number_short(struct slice text, int128 *ret_scaled)
{
	const char *p = text.ptr, *end = text.ptr + text.len, *point;
	uint64_t digits = 0;
	size_t places = 0;

	while (p < end && is_digit(*p))
		digits = digits * 10 + digit_of(*p++);
	if (p == text.ptr)
		return false;
	if (p < end && *p == '.') {
		point = p++;
		while (p < end && is_digit(*p))
			digits = digits * 10 + digit_of(*p++);
		places = (size_t)(p - point) - 1;
		if (places == 0)
			return false;
	}
	if (p < end)
		return false;
	*ret_scaled = scale(digits, places);
	return true;
}

enum reject_code value_number(struct slice text, int128 *ret_scaled)
{
	struct slice rest = text;
	bool minus = take_sign(&rest), taken = false;
	int128 scaled;

	if (rest.len > 0 && rest.len <= sizeof(uint64_t))
		taken = number_word(rest, &scaled);
	else if (rest.len > 0 && rest.len <= NUMBER_SHORT)
		taken = number_short(rest, &scaled);
	if (!taken)
		return number_plain(text, ret_scaled);
	*ret_scaled = minus ? -scaled : scaled;
	return REJECT_NONE;
}

#define INTEGER_SHORT 18 /* so many digits never overflow */

enum reject_code value_integer(struct slice text, int64_t *ret_value)
{
	bool minus = take_sign(&text);
	uint64_t limit = (uint64_t)INT64_MAX + (minus ? 1 : 0), value = 0;
	unsigned digit;
	size_t i = 0;

	if (text.len == 0 || count_digits(text) != text.len)
		return REJECT_INTEGER_FORM;
	for (; i < text.len && i < INTEGER_SHORT; i++)
		value = value * 10 + digit_of(text.ptr[i]);
	for (; i < text.len; i++) {
		digit = digit_of(text.ptr[i]);
		if (value > (limit - digit) / 10)
			return REJECT_INTEGER_RANGE;
		value = value * 10 + digit;
	}
	/* 0 - value is two's complement, so the least integer needs no case of its own. */
	*ret_value = (int64_t)(minus ? 0 - value : value);
	return REJECT_NONE;
}

enum reject_code value_boolean(struct slice text, bool *ret_value)
{
	uint64_t lower;

	if (text.len == 0 || text.len > 5)
		return REJECT_BOOLEAN_FORM;
	/* With this bit a letter's two cases are the same, and no other byte becomes one of these
	 * words' letters; the digits in front have it already. */
	lower = load_right(text) | EACH_BYTE(0x20);
	if ((text.len == 4 && lower == load8("0000true")) ||
	    (text.len == 1 && text.ptr[0] == '1')) {
		*ret_value = true;
		return REJECT_NONE;
	}
	if ((text.len == 5 && lower == load8("000false")) ||
	    (text.len == 1 && text.ptr[0] == '0')) {
		*ret_value = false;
		return REJECT_NONE;
	}
	return REJECT_BOOLEAN_FORM;
}

/*
 * Dates and times: characters at fixed places.  In pairs, a separator counts as 0.
 */

struct shape {
	char text[9];        /* '0' stands for any digit */
	uint64_t separators; /* all bits of the others */
};

static const struct shape year_month = {"0000-00-", UINT64_C(0xff0000ff00000000)};
static const struct shape month_day = {"00-00-00", UINT64_C(0x0000ff0000ff0000)};
static const struct shape day_hour = {"00T00:00", UINT64_C(0x0000ff0000ff0000)};
static const struct shape hour_second = {"00:00:00", UINT64_C(0x0000ff0000ff0000)};
static const struct shape second_ms = {":00.000Z", UINT64_C(0xff000000ff0000ff)};

static inline bool take_shape(const char *p, const struct shape *shape, uint64_t *ret_pairs)
{
	uint64_t digits = load8(p) ^ load8(shape->text);

	*ret_pairs = pairs_of(digits);
	return are_digits(digits) && (digits & shape->separators) == 0;
}

static inline int pair_at(uint64_t pairs, unsigned byte)
{
	return (int)(pairs >> (8 * byte) & 0xff);
}

#define DAYS_BEFORE_EPOCH 719162 /* from 0001-01-01 to 1970-01-01 */

/* clock.h's calendar in two tables, here so that it is inlined: called, it was a sixth of a row's
 * time.  The tests hold the two against each other for every day there is. */
static inline bool days_of(int year, int month, int day, int32_t *ret_days)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	int past = year - 1;

	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	if (day > lengths[month - 1] && !(leap && month == 2 && day == 29))
		return false;
	*ret_days = past * 365 + past / 4 - past / 100 + past / 400 + before[month - 1] +
		    (leap && month > 2) + day - 1 - DAYS_BEFORE_EPOCH;
	return true;
}

enum reject_code value_date(struct slice text, int32_t *ret_days)
{
	uint64_t a, b;
	int year, month, day;

	if (text.len != 10 || !take_shape(text.ptr, &year_month, &a) ||
	    !take_shape(text.ptr + 2, &month_day, &b))
		return REJECT_DATE_FORM;
	year = pair_at(a, 0) * 100 + pair_at(a, 2);
	month = pair_at(a, 5);
	day = pair_at(b, 6);
	return days_of(year, month, day, ret_days) ? REJECT_NONE : REJECT_DATE_CALENDAR;
}

#define SECONDS_BYTES 19 /* yyyy-MM-ddTHH:mm:ss */
#define MS_BYTES      24 /* yyyy-MM-ddTHH:mm:ss.SSSZ */
#define US_A_SECOND   INT64_C(1000000)
#define US_A_MINUTE   (60 * US_A_SECOND)
#define US_A_DAY      (1440 * US_A_MINUTE)
#define US_FIRST      INT64_C(-62135596800000000) /* 0001-01-01T00:00:00Z */
#define US_LAST       INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

/* Skip ".784" if it is there: 784000 microseconds. */
static inline bool take_fraction(struct slice *text, int64_t *ret_us)
{
	size_t n, kept;
	uint64_t us = 0;

	*ret_us = 0;
	if (text->len == 0 || text->ptr[0] != '.')
		return true;
	*text = slice_skip(*text, 1);
	n = count_digits(*text);
	kept = n < 6 ? n : 6;
	for (size_t i = 0; i < kept; i++)
		us = us * 10 + digit_of(text->ptr[i]);
	*ret_us = (int64_t)(us * powers_of_ten[6 - kept]);
	*text = slice_skip(*text, n);
	return n > 0;
}

/* All of the text: Z, or how far the local clock is ahead of UTC's, sign and two numbers. */
static inline bool take_zone(struct slice text, int *ret_sign, int *ret_hours, int *ret_minutes)
{
	const char *p = text.ptr;

	*ret_sign = *ret_hours = *ret_minutes = 0;
	if (text.len == 1)
		return p[0] == 'Z';
	if (text.len != 6 || (p[0] != '+' && p[0] != '-') || !is_digit(p[1]) || !is_digit(p[2]) ||
	    p[3] != ':' || !is_digit(p[4]) || !is_digit(p[5]))
		return false;
	*ret_sign = p[0] == '+' ? 1 : -1;
	*ret_hours = (int)(digit_of(p[1]) * 10 + digit_of(p[2]));
	*ret_minutes = (int)(digit_of(p[4]) * 10 + digit_of(p[5]));
	return true;
}

/* A date-time taken apart, nothing of it checked against clock and calendar yet. */
struct moment {
	int year, month, day, hour, minute, second;
	int64_t fraction;         /* microseconds */
	int sign, hours, minutes; /* how far its clock is ahead of UTC's */
};

static inline bool moment_split(struct slice text, struct moment *ret_moment)
{
	struct moment moment = {.sign = 0};
	uint64_t a, b, c;
	struct slice rest;

	if (text.len <= SECONDS_BYTES || !take_shape(text.ptr, &year_month, &a) ||
	    !take_shape(text.ptr + 8, &day_hour, &b))
		return false;
	moment.year = pair_at(a, 0) * 100 + pair_at(a, 2);
	moment.month = pair_at(a, 5);
	moment.day = pair_at(b, 0);
	moment.hour = pair_at(b, 3);
	moment.minute = pair_at(b, 6);

	/* What programs mostly write: milliseconds and Z.  The last
	 * digit's pair is itself and a 0. */
	if (text.len == MS_BYTES && take_shape(text.ptr + 16, &second_ms, &c)) {
		moment.second = pair_at(c, 1);
		moment.fraction = pair_at(c, 4) * 10000 + pair_at(c, 6) * 100;
		*ret_moment = moment;
		return true;
	}
	rest = slice_skip(text, SECONDS_BYTES);
	if (!take_shape(text.ptr + 11, &hour_second, &c) ||
	    !take_fraction(&rest, &moment.fraction) ||
	    !take_zone(rest, &moment.sign, &moment.hours, &moment.minutes))
		return false;
	moment.second = pair_at(c, 6);
	*ret_moment = moment;
	return true;
}

enum reject_code value_date_time(struct slice text, int64_t *ret_us)
{
	struct moment m;
	int32_t days;
	int64_t us;

	if (!moment_split(text, &m))
		return REJECT_DATE_TIME_FORM;
	if (m.hour > 23 || m.minute > 59 || m.second > 59 || m.hours > 23 || m.minutes > 59 ||
	    !days_of(m.year, m.month, m.day, &days))
		return REJECT_DATE_TIME_CALENDAR;
	us = days * US_A_DAY +
	     (m.hour * 60 + m.minute - m.sign * (m.hours * 60 + m.minutes)) * US_A_MINUTE +
	     m.second * US_A_SECOND + m.fraction;
	if (us < US_FIRST || us > US_LAST)
		return REJECT_DATE_TIME_CALENDAR;
	*ret_us = us;
	return REJECT_NONE;
}

/*
 * Text that is ASCII without NUL, which is most, is recognised eight bytes at a time: taking 1 from
 * each byte sets its top bit when it was 0, and the top bit is set already when it was not ASCII.
 * A borrow out of a byte that was 0 can only spoil bytes of a word that is refused anyway.  The
 * last word overlaps the one before.
 */
static inline uint64_t not_plain(uint64_t word)
{
	return (word | (word - EACH_BYTE(1))) & EACH_BYTE(0x80);
}

static inline bool is_plain(struct slice text)
{
	const char *p = text.ptr;
	uint64_t bad;

	if (text.len < sizeof(bad))
		return text.len == 0 || not_plain(load_right(text)) == 0;
	bad = not_plain(load8(p)) | not_plain(load8(p + text.len - sizeof(bad)));
	for (size_t i = sizeof(bad); i + sizeof(bad) < text.len; i += sizeof(bad))
		bad |= not_plain(load8(p + i));
	return bad == 0;
}

enum reject_code value_string(struct slice text)
{
	if (is_plain(text))
		return REJECT_NONE;
	if (!utf8_is_valid(text))
		return REJECT_UTF8;
	return memchr(text.ptr, '\0', text.len) == NULL ? REJECT_NONE : REJECT_NUL;
}
