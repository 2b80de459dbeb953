/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Digest: see content_digest.h.
 *
 * A parser by descent over the grammar of RFC 8941, as far as this header needs it: a dictionary of
 * byte sequences, each with parameters, which are skipped; of their values no more is looked at
 * than that takes.  As that RFC asks for, the padding of a base64 text may be missing, and the bits
 * that its last character has too many may be anything.
 */
#include "http/content_digest.h"

#include <assert.h>

/* What is left of the line, and where it began: for messages. */
struct input {
	struct slice rest;
	const char *begin;
};

static const char *const names[DIGEST_ALGORITHM_COUNT] = {
    [DIGEST_SHA256] = "sha-256",
    [DIGEST_SHA512] = "sha-512",
};

const char *content_digest_name(enum digest_algorithm algorithm)
{
	assert(algorithm < DIGEST_ALGORITHM_COUNT);
	return names[algorithm];
}

/* --- Characters ------------------------------------------------------------------------------- */

/* The next one; -1 at the end. */
static int peek(const struct input *in)
{
	return in->rest.len == 0 ? -1 : (unsigned char)in->rest.ptr[0];
}

static void skip(struct input *in)
{
	in->rest = slice_skip(in->rest, 1);
}

static bool take(struct input *in, char c)
{
	if (peek(in) != c)
		return false;
	skip(in);
	return true;
}

static void skip_any(struct input *in, const char *chars)
{
	while (
	    in->rest.len > 0 && in->rest.ptr[0] != '\0' && strchr(chars, in->rest.ptr[0]) != NULL)
		skip(in);
}

static bool is_lower(int c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static enum status refuse(const struct input *in, const char *what, struct err *err)
{
	return err_set(
	    err, E_INVALID, "%s at character %zu", what, (size_t)(in->rest.ptr - in->begin) + 1);
}

/* --- Base64 ----------------------------------------------------------------------------------- */

static int base64_value(int c)
{
	if (is_alpha(c))
		return is_lower(c) ? c - 'a' + 26 : c - 'A';
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* What stands between two colons, the first of which was taken.  Up to ${room} bytes are stored;
 * ${ret_count} is how many there are. */
static enum status parse_bytes(
    struct input *in, unsigned char *ret_bytes, size_t room, size_t *ret_count, struct err *err)
{
	unsigned bits = 0, bit_count = 0, padding = 0;
	size_t chars = 0, count = 0;
	int value;

	for (; (value = base64_value(peek(in))) >= 0; chars++, skip(in)) {
		bits = (bits << 6 | (unsigned)value) & 0xfff;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		if (count < room)
			ret_bytes[count] = (unsigned char)(bits >> bit_count);
		count++;
	}
	/* The padding may be missing, but what is there must fill up four. */
	for (; take(in, '='); padding++)
		;
	if (peek(in) != ':')
		return refuse(in,
		    peek(in) < 0 ? "the closing colon is missing" : "what is not base64 stands",
		    err);
	if (chars % 4 == 1 || padding > 2 || (padding > 0 && (chars + padding) % 4 != 0))
		return refuse(in, "the base64 text has a length that none can have; it ends", err);
	skip(in);
	*ret_count = count;
	return OK;
}

/* --- Parameters ------------------------------------------------------------------------------- */

static enum status parse_key(struct input *in, struct slice *ret_key, struct err *err)
{
	const char *begin = in->rest.ptr;

	if (!is_lower(peek(in)) && peek(in) != '*')
		return refuse(in, "the lower-case name of an algorithm is expected", err);
	while (is_lower(peek(in)) || is_digit(peek(in)) ||
	       (peek(in) > 0 && strchr("_-.*", peek(in)) != NULL))
		skip(in);
	*ret_key = (struct slice){begin, (size_t)(in->rest.ptr - begin)};
	return OK;
}

static enum status skip_string(struct input *in, struct err *err)
{
	while (peek(in) != '"') {
		/* What a backslash stands before is taken as it is, a quote too. */
		if (peek(in) == '\\')
			skip(in);
		if (peek(in) < ' ' || peek(in) > '~')
			return refuse(in, "a parameter's text is not closed", err);
		skip(in);
	}
	skip(in);
	return OK;
}

/* A number, text, token, byte sequence or boolean: what a parameter may be. */
static enum status skip_item(struct input *in, struct err *err)
{
	size_t unused;

	if (take(in, '"'))
		return skip_string(in, err);
	if (take(in, ':'))
		return parse_bytes(in, NULL, 0, &unused, err);
	if (take(in, '?')) {
		if (!take(in, '0') && !take(in, '1'))
			return refuse(in, "?0 or ?1 is expected", err);
		return OK;
	}
	if (is_digit(peek(in)) || peek(in) == '-') {
		skip(in);
		while (is_digit(peek(in)) || peek(in) == '.')
			skip(in);
		return OK;
	}
	if (!is_alpha(peek(in)) && peek(in) != '*')
		return refuse(in, "a parameter's value is expected", err);
	while (is_alpha(peek(in)) || is_digit(peek(in)) ||
	       (peek(in) > 0 && strchr("!#$%&'*+-.^_`|~:/", peek(in)) != NULL))
		skip(in);
	return OK;
}

static enum status skip_parameters(struct input *in, struct err *err)
{
	struct slice key;
	enum status st = OK;

	while (st == OK && take(in, ';')) {
		skip_any(in, " ");
		st = parse_key(in, &key, err);
		if (st == OK && take(in, '='))
			st = skip_item(in, err);
	}
	return st;
}

/* --- The dictionary --------------------------------------------------------------------------- */

/* DIGEST_ALGORITHM_COUNT: one that is not known. */
static enum digest_algorithm find_algorithm(struct slice name)
{
	int a;

	for (a = 0; a < DIGEST_ALGORITHM_COUNT; a++) {
		if (slice_is(name, names[a]))
			break;
	}
	return (enum digest_algorithm)a;
}

static enum status parse_member(struct input *in, struct content_digest *digests, struct err *err)
{
	unsigned char bytes[DIGEST_BYTES_MAX];
	enum digest_algorithm algorithm;
	struct slice name;
	size_t count;
	enum status st = parse_key(in, &name, err);

	if (st != OK)
		return st;
	algorithm = find_algorithm(name);
	if (!take(in, '=') || !take(in, ':'))
		return refuse(in, "\"=:\" is expected, then base64 and a colon,", err);
	st = parse_bytes(in, bytes, sizeof(bytes), &count, err);
	if (st == OK && algorithm < DIGEST_ALGORITHM_COUNT && count != digest_bytes(algorithm))
		return err_set(err, E_INVALID, "a %s digest has %zu bytes, not %zu",
		    names[algorithm], digest_bytes(algorithm), count);
	if (st == OK)
		st = skip_parameters(in, err);
	if (st == OK && algorithm < DIGEST_ALGORITHM_COUNT) {
		digests->given[algorithm] = true;
		memcpy(digests->bytes[algorithm], bytes, count);
	}
	return st;
}

enum status content_digest_add(struct slice line, struct content_digest *digests, struct err *err)
{
	struct input in = {line, line.ptr};
	struct content_digest parsed = *digests;
	enum status st;

	skip_any(&in, " ");
	while (in.rest.len > 0) {
		st = parse_member(&in, &parsed, err);
		if (st != OK)
			return st;
		skip_any(&in, " \t");
		if (in.rest.len == 0)
			break;
		if (!take(&in, ','))
			return refuse(&in, "a comma is expected", err);
		skip_any(&in, " \t");
		if (in.rest.len == 0)
			return refuse(&in, "nothing follows the last comma", err);
	}
	*digests = parsed;
	return OK;
}

const char *content_digest_format(const unsigned char *bytes, enum digest_algorithm algorithm,
    char ret_text[CONTENT_DIGEST_TEXT_BYTES])
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t count = digest_bytes(algorithm), i, left;
	char *end = ret_text;
	unsigned three;

	*end++ = ':';
	for (i = 0; i < count; i += 3) {
		left = count - i;
		three = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
			(left > 2 ? bytes[i + 2] : 0u);
		*end++ = digits[three >> 18];
		*end++ = digits[three >> 12 & 63];
		*end++ = left > 1 ? digits[three >> 6 & 63] : '=';
		*end++ = left > 2 ? digits[three & 63] : '=';
	}
	*end++ = ':';
	*end = '\0';
	return ret_text;
}
