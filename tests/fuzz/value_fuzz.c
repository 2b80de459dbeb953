/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every converter against a model of it: for any text both must say the same, reason and value.
 *
 * The models are written to be obviously right, not quick, and share nothing with the converters:
 * numbers are decimal strings that are shifted and compared digit by digit, days are counted year
 * by year from 1970, text is decoded character by character.
 */
#include "convert/value.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: converter and model differ\n", what);
	abort();
}

/* Does ${text} have the shape of ${shape}, where 9 stands for a digit? */
static bool has_shape(const char *text, size_t len, const char *shape)
{
	if (len != strlen(shape))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (shape[i] == '9' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	}
	return true;
}

static int number_at(const char *text, size_t at, size_t count)
{
	int number = 0;

	for (size_t i = at; i < at + count; i++)
		number = number * 10 + (text[i] - '0');
	return number;
}

/*
 * Numbers: all digits as one string, and how many of them stand before the point once the exponent
 * has moved it.
 */
struct decimal {
	char digits[TEXT_BYTES_MAX];
	long count;
	long point;
	bool minus;
};

static bool decimal_read(const char *text, size_t len, struct decimal *d)
{
	size_t i = 0, before;
	long exponent = 0;
	bool down = false;

	*d = (struct decimal){.count = 0};
	if (i < len && (text[i] == '+' || text[i] == '-'))
		d->minus = text[i++] == '-';
	for (before = i; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		d->digits[d->count++] = text[i];
	if (i == before)
		return false;
	d->point = d->count;
	if (i < len && text[i] == '.') {
		for (before = ++i; i < len && text[i] >= '0' && text[i] <= '9'; i++)
			d->digits[d->count++] = text[i];
		if (i == before)
			return false;
	}
	if (i < len && (text[i] == 'e' || text[i] == 'E')) {
		i++;
		if (i < len && (text[i] == '+' || text[i] == '-'))
			down = text[i++] == '-';
		for (before = i; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
			exponent = exponent * 10 + (text[i] - '0');
			if (exponent > 10 * TEXT_BYTES_MAX)
				exponent = 10 * TEXT_BYTES_MAX; /* farther than any text is long */
		}
		if (i == before)
			return false;
	}
	d->point += down ? -exponent : exponent;
	return i == len;
}

/* The 20 digits before the point and the 18 behind it into ${kept}; what lies outside must be 0. */
static enum reject_code decimal_keep(const struct decimal *d, char kept[39])
{
	bool high = false, low = false;
	long place;

	memset(kept, '0', 38);
	kept[38] = '\0';
	for (long i = 0; i < d->count; i++) {
		place = i - d->point + 20;
		if (place >= 0 && place < 38)
			kept[place] = d->digits[i];
		else if (d->digits[i] != '0' && place < 0)
			high = true;
		else if (d->digits[i] != '0')
			low = true;
	}
	return high ? REJECT_NUMBER_RANGE : low ? REJECT_NUMBER_SCALE : REJECT_NONE;
}

static void check_number(struct slice text)
{
	static struct decimal d;
	char want[39], got[39];
	int128 scaled = 0;
	enum reject_code code = value_number(text, &scaled);
	uint128 rest;

	if (!decimal_read(text.ptr, text.len, &d)) {
		check(code == REJECT_NUMBER_FORM, "number's form");
		return;
	}
	check(code == decimal_keep(&d, want), "number's reason");
	if (code != REJECT_NONE)
		return;
	check(scaled == 0 || (scaled < 0) == d.minus, "number's sign");
	rest = scaled < 0 ? -(uint128)scaled : (uint128)scaled;
	for (int i = 37; i >= 0; i--, rest /= 10)
		got[i] = (char)('0' + (int)(rest % 10));
	got[38] = '\0';
	check(rest == 0 && strcmp(got, want) == 0, "number");
}

static void check_integer(struct slice text)
{
	const char *p = text.ptr, *end = text.ptr + text.len, *limit;
	bool minus = false;
	char got[32];
	int64_t value = 0;
	enum reject_code code = value_integer(text, &value);
	size_t len;

	if (p < end && (*p == '+' || *p == '-'))
		minus = *p++ == '-';
	if (p == end || strspn(p, "0123456789") < (size_t)(end - p)) {
		check(code == REJECT_INTEGER_FORM, "integer's form");
		return;
	}
	while (p < end - 1 && *p == '0')
		p++;
	len = (size_t)(end - p);
	limit = minus ? "9223372036854775808" : "9223372036854775807";
	if (len > 19 || (len == 19 && memcmp(p, limit, 19) > 0)) {
		check(code == REJECT_INTEGER_RANGE, "integer's range");
		return;
	}
	check(code == REJECT_NONE, "integer's reason");
	snprintf(got, sizeof(got), "%lld", (long long)value);
	check((got[0] == '-') == (minus && *p != '0'), "integer's sign");
	check(strlen(got) == len + (got[0] == '-') && memcmp(got + (got[0] == '-'), p, len) == 0,
	    "integer");
}

static void check_boolean(struct slice text)
{
	static const char *const words[] = {"false", "true", "0", "1"};
	char lower[8] = "";
	bool value = false;
	enum reject_code code = value_boolean(text, &value);

	for (size_t i = 0; i < text.len && text.len < sizeof(lower); i++)
		lower[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] - 'A' + 'a'
									   : text.ptr[i]);
	for (size_t i = 0; i < 4; i++) {
		if (text.len == strlen(words[i]) && memcmp(lower, words[i], text.len) == 0) {
			check(code == REJECT_NONE && value == (i % 2 == 1), "boolean");
			return;
		}
	}
	check(code == REJECT_BOOLEAN_FORM, "boolean's form");
}

/*
 * The calendar, counted.
 */

static bool is_leap(int year)
{
	return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
}

static int month_days(int year, int month)
{
	switch (month) {
	case 2:
		return is_leap(year) ? 29 : 28;
	case 4:
	case 6:
	case 9:
	case 11:
		return 30;
	default:
		return 31;
	}
}

static bool count_days(int year, int month, int day, int *ret_days)
{
	int days = 0;

	if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	for (int y = 1970; y < year; y++)
		days += is_leap(y) ? 366 : 365;
	for (int y = year; y < 1970; y++)
		days -= is_leap(y) ? 366 : 365;
	for (int m = 1; m < month; m++)
		days += month_days(year, m);
	*ret_days = days + day - 1;
	return true;
}

static void check_date(struct slice text)
{
	int32_t got = 0;
	int want;
	enum reject_code code = value_date(text, &got);

	if (!has_shape(text.ptr, text.len, "9999-99-99"))
		check(code == REJECT_DATE_FORM, "date's form");
	else if (!count_days(number_at(text.ptr, 0, 4), number_at(text.ptr, 5, 2),
		     number_at(text.ptr, 8, 2), &want))
		check(code == REJECT_DATE_CALENDAR, "date's calendar");
	else
		check(code == REJECT_NONE && got == want, "date");
}

/* The length of a fraction at ${at}, its point included: 0 when there is none. */
static size_t fraction_length(struct slice text, size_t at)
{
	size_t i = at;

	if (i >= text.len || text.ptr[i] != '.')
		return 0;
	for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
		;
	return i - at;
}

static void check_date_time(struct slice text)
{
	const char *p = text.ptr;
	int64_t got = 0, want;
	int days, ahead = 0;
	size_t fraction, zone;
	char six[] = "000000";
	bool form, fits = true;
	enum reject_code code = value_date_time(text, &got);

	form = text.len >= 19 && has_shape(p, 19, "9999-99-99T99:99:99");
	fraction = form ? fraction_length(text, 19) : 0;
	zone = 19 + fraction;
	form = form && fraction != 1;
	if (form && has_shape(p + zone, text.len - zone, "+99:99"))
		ahead = 1;
	else if (form && has_shape(p + zone, text.len - zone, "-99:99"))
		ahead = -1;
	else
		form = form && has_shape(p + zone, text.len - zone, "Z");
	if (!form) {
		check(code == REJECT_DATE_TIME_FORM, "date-time's form");
		return;
	}
	if (ahead != 0) {
		fits = number_at(p, zone + 1, 2) < 24 && number_at(p, zone + 4, 2) < 60;
		ahead *= number_at(p, zone + 1, 2) * 60 + number_at(p, zone + 4, 2);
	}
	fits = fits && number_at(p, 11, 2) < 24 && number_at(p, 14, 2) < 60 &&
	       number_at(p, 17, 2) < 60;
	if (!fits ||
	    !count_days(number_at(p, 0, 4), number_at(p, 5, 2), number_at(p, 8, 2), &days)) {
		check(code == REJECT_DATE_TIME_CALENDAR, "date-time's calendar");
		return;
	}
	for (size_t i = 0; i < 6 && i + 1 < fraction; i++)
		six[i] = p[20 + i];
	want =
	    ((int64_t)days * 1440 + number_at(p, 11, 2) * 60 + number_at(p, 14, 2) - ahead) * 60 +
	    number_at(p, 17, 2);
	if (want < -719162LL * 86400 || want >= 2932897LL * 86400) {
		check(code == REJECT_DATE_TIME_CALENDAR, "date-time's years");
		return;
	}
	check(code == REJECT_NONE && got == want * 1000000 + number_at(six, 0, 6), "date-time");
}

/*
 * Text: each character's number is put together, and then asked whether it may be there in so many
 * bytes.
 */
static enum reject_code string_model(struct slice text)
{
	enum reject_code code = REJECT_NONE;
	size_t i = 0, more;
	unsigned long c;

	while (i < text.len) {
		c = (unsigned char)text.ptr[i++];
		more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if ((c >= 0x80 && c < 0xc0) || c >= 0xf8 || more > text.len - i)
			return REJECT_UTF8;
		if (more > 0)
			c &= 0x3fU >> more;
		for (size_t k = 0; k < more; k++, i++) {
			if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
				return REJECT_UTF8;
			c = c << 6 | ((unsigned char)text.ptr[i] & 0x3f);
		}
		if ((more == 1 && c < 0x80) || (more == 2 && c < 0x800) ||
		    (more == 3 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return REJECT_UTF8;
		if (c == 0)
			code = REJECT_NUL;
	}
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	char *copy;

	if (size == 0 || size > TEXT_BYTES_MAX)
		return 0;
	check_number(text);
	check_boolean(text);
	check_date(text);
	check_date_time(text);
	check(value_string(text) == string_model(text), "string");

	/* The integer's model wants an end that strspn() stops at. */
	copy = malloc(size + 1);
	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	check_integer((struct slice){copy, size});
	free(copy);
	return 0;
}
