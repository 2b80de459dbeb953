/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer of streamed records: see json_scan.h.
 *
 * One pointer walks over the text; what may come next is a state, and whether a level is an object
 * is a bit, so there is no recursion and nothing to free.  A string is a view of the text unless it
 * has an escape.  Its plain characters are passed eight at a time, and bytes of other than ASCII,
 * if there are any, are checked once the string is whole.  Lines and columns are counted only when
 * there is an error to place.
 *
 * A member that comes twice is found when its object is closed (json_keys.h).
 *
 * Not here: numbers' values, what the text means, texts that come in pieces.
 */
#include "json/json_scan.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

enum expect {
	EXPECT_TOP,         /* the text's object or array */
	EXPECT_FIRST_KEY,   /* behind { */
	EXPECT_FIRST_VALUE, /* behind [ */
	EXPECT_VALUE,       /* behind a key */
	EXPECT_MORE,        /* behind a value */
	EXPECT_END,         /* behind the text's object or array */
	EXPECT_NOTHING,     /* there was an error */
};

/* --- What is wrong, and where ----------------------------------------------------------------- */

struct place {
	size_t line, column;
};

/* Both from 1; a column is a character. */
static struct place place_of(const struct json_scan *scan, const char *at)
{
	struct place place = {1, 1};

	for (const char *p = scan->body.ptr; p < at; p++) {
		if (*p == '\n')
			place = (struct place){place.line + 1, 1};
		else if (((unsigned char)*p & 0xc0) != 0x80)
			place.column++;
	}
	return place;
}

static enum status refuse(struct json_scan *scan, const char *at, const char *why, struct err *err)
{
	struct place place = place_of(scan, at);

	scan->expect = EXPECT_NOTHING;
	return err_set(err, E_INVALID, "not valid JSON: %s at line %zu, column %zu", why,
	    place.line, place.column);
}

/* Something else, or nothing, stands where ${wanted} should. */
static enum status refuse_token(struct json_scan *scan, const char *wanted, struct err *err)
{
	struct place place = place_of(scan, scan->at);
	unsigned char c = scan->at < scan->end ? (unsigned char)*scan->at : '\0';

	scan->expect = EXPECT_NOTHING;
	if (scan->at == scan->end)
		return err_set(err, E_INVALID,
		    "not valid JSON: %s expected, but the text ends at line %zu, column %zu",
		    wanted, place.line, place.column);
	if (c < 0x20 || c > 0x7e)
		return err_set(err, E_INVALID,
		    "not valid JSON: %s expected instead of byte 0x%02x at line %zu, column %zu",
		    wanted, c, place.line, place.column);
	return err_set(err, E_INVALID,
	    "not valid JSON: %s expected instead of '%c' at line %zu, column %zu", wanted, c,
	    place.line, place.column);
}

static enum status refuse_memory(struct json_scan *scan, struct err *err)
{
	scan->expect = EXPECT_NOTHING;
	return err_set(err, E_NOMEM, "no memory for a text of %zu bytes", scan->body.len);
}

enum status json_scan_twice(
    const struct json_scan *scan, const struct json_token *key, struct err *err)
{
	struct place place = place_of(scan, key->begin);
	struct slice cut = utf8_cut(key->text, 80);

	return err_set(err, E_INVALID,
	    "not valid JSON: the member \"%.*s%s\" is there twice, again at line %zu, column %zu",
	    SLICE_ARGS(cut), cut.len < key->text.len ? "…" : "", place.line, place.column);
}

/* --- Levels ----------------------------------------------------------------------------------- */

enum status json_scan_watch(struct json_scan *scan, const struct json_token *key, struct err *err)
{
	const struct json_key kept = {key->text, key->begin};

	return json_keys_add(&scan->keys, &kept, scan->arena) ? OK : refuse_memory(scan, err);
}

void json_scan_own_keys(struct json_scan *scan)
{
	assert(scan->expect == EXPECT_FIRST_KEY);
	scan->caller_keys |= UINT64_C(1) << (scan->depth - 1);
}

static inline bool in_object(const struct json_scan *scan)
{
	return (scan->in_object >> (scan->depth - 1) & 1) != 0;
}

static enum status open_level(struct json_scan *scan, bool object, struct err *err)
{
	uint64_t bit;

	if (scan->depth == JSON_SCAN_DEPTH) {
		scan->expect = EXPECT_NOTHING;
		return err_set(
		    err, E_INVALID, "JSON nested deeper than %d levels", JSON_SCAN_DEPTH);
	}
	bit = UINT64_C(1) << scan->depth;
	scan->in_object = object ? scan->in_object | bit : scan->in_object & ~bit;
	scan->caller_keys &= ~bit;
	scan->first_key[scan->depth] = scan->keys.count;
	scan->depth++;
	scan->expect = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
	return OK;
}

static enum status close_level(struct json_scan *scan, struct err *err)
{
	size_t first = scan->first_key[scan->depth - 1];
	const struct json_key *twice = json_keys_twice(&scan->keys, first);
	struct json_token key;

	if (twice != NULL) {
		key = (struct json_token){.text = twice->text, .begin = twice->begin};
		scan->expect = EXPECT_NOTHING;
		return json_scan_twice(scan, &key, err);
	}
	scan->keys.count = first;
	scan->depth--;
	scan->expect = scan->depth == 0 ? EXPECT_END : EXPECT_MORE;
	return OK;
}

/* --- Strings ---------------------------------------------------------------------------------- */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Is there a quote, a backslash, a control character or a byte of 0x80 or more among the eight at
 * ${p}?  Seven bits of each are compared by additions and subtractions that can't carry into the
 * next byte, once the top bits are known to be 0. */
static inline bool eight_are_plain(const char *p)
{
	const uint64_t high = EACH_BYTE(0x80);
	uint64_t word, quote, backslash;

	memcpy(&word, p, sizeof(word));
	if ((word & high) != 0)
		return false;
	quote = (word ^ EACH_BYTE('"')) + EACH_BYTE(0x7f);
	backslash = (word ^ EACH_BYTE('\\')) + EACH_BYTE(0x7f);
	return (quote & backslash & (word + EACH_BYTE(0x60)) & high) == high;
}

static inline bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* The value of four hexadecimal digits; -1 when they are none. */
static int hex4(const char *p, const char *end)
{
	int value = 0, digit;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			digit = p[i] - '0';
		else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			digit = (p[i] | 0x20) - 'a' + 10;
		else
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static char *put_utf8(char *out, unsigned long c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* \uXXXX, or two of them that are a surrogate pair, at ${*p}: pass it and give the character.
 * Returns what is wrong with it, or NULL. */
static const char *take_unicode(const char **p, const char *end, unsigned long *ret_char)
{
	int first = hex4(*p + 2, end), second;

	if (first < 0)
		return "a \\u without four hexadecimal digits";
	if (first == 0)
		return "\\u0000, which no text may hold,";
	*p += 6;
	if (first < 0xd800 || first > 0xdfff) {
		*ret_char = (unsigned long)first;
		return NULL;
	}
	if (first > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return "half of a surrogate pair";
	second = hex4(*p + 2, end);
	if (second < 0xdc00 || second > 0xdfff)
		return "half of a surrogate pair";
	*p += 6;
	*ret_char =
	    0x10000 + ((unsigned long)(first - 0xd800) << 10) + (unsigned long)(second - 0xdc00);
	return NULL;
}

/* The character that a short escape such as \n means; 0 when it is none. */
static char short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
}

static enum status check_utf8(struct json_scan *scan, struct slice raw, struct err *err)
{
	size_t valid = utf8_valid_prefix(raw);

	return valid == raw.len ? OK
				: refuse(scan, raw.ptr + valid, "a byte that is not UTF-8", err);
}

/* Write ${raw}, in which no quote is left that ends it, without its escapes. */
static enum status unescape(
    struct json_scan *scan, struct slice raw, struct slice *ret_text, struct err *err)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len, *begin, *why;
	char *out = arena_alloc(scan->arena, raw.len), *start = out, c;
	unsigned long character;

	if (out == NULL)
		return refuse_memory(scan, err);
	while (p < end) {
		begin = p;
		while (p < end && *p != '\\')
			p++;
		memcpy(out, begin, (size_t)(p - begin));
		out += p - begin;
		if (p == end)
			break;
		begin = p;
		if (p[1] == 'u') {
			why = take_unicode(&p, end, &character);
			if (why != NULL)
				return refuse(scan, begin, why, err);
			out = put_utf8(out, character);
			continue;
		}
		c = short_escape(p[1]);
		if (c == '\0')
			return refuse(scan, begin, "an unknown escape", err);
		*out++ = c;
		p += 2;
	}
	*ret_text = (struct slice){start, (size_t)(out - start)};
	return OK;
}

/* A string at scan->at, which is its first quote. */
static enum status take_string(struct json_scan *scan, struct slice *ret_text, struct err *err)
{
	const char *p = scan->at + 1, *end = scan->end;
	bool escapes = false, ascii = true;
	struct slice raw;

	for (;;) {
		while (end - p >= 8 && eight_are_plain(p))
			p += 8;
		while (p < end && is_plain(*p)) {
			ascii = ascii && (signed char)*p >= 0;
			p++;
		}
		if (p == end)
			return refuse(scan, scan->at, "a string without an end", err);
		if (*p == '"')
			break;
		if (*p != '\\')
			return refuse(scan, p, "a control character in a string", err);
		if (end - p < 2)
			return refuse(scan, scan->at, "a string without an end", err);
		escapes = true;
		p += 2;
	}
	raw = (struct slice){scan->at + 1, (size_t)(p - scan->at) - 1};
	if (!ascii && check_utf8(scan, raw, err) != OK)
		return E_INVALID;
	scan->at = p + 1;
	*ret_text = raw;
	return escapes ? unescape(scan, raw, ret_text, err) : OK;
}

/* --- Other values ----------------------------------------------------------------------------- */

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

static inline const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* A number at scan->at, which is its sign or first digit. */
static enum status take_number(struct json_scan *scan, struct err *err)
{
	const char *p = scan->at, *end = scan->end, *digits;

	if (*p == '-')
		p++;
	digits = p;
	p = skip_digits(p, end);
	if (p == digits)
		return refuse(scan, scan->at, "a '-' without digits", err);
	if (*digits == '0' && p > digits + 1)
		return refuse(scan, scan->at, "a number that begins with 0", err);
	if (p < end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, end);
		if (p == digits)
			return refuse(
			    scan, scan->at, "a number without digits behind its point", err);
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(p, end);
		if (p == digits)
			return refuse(
			    scan, scan->at, "a number without digits in its exponent", err);
	}
	scan->at = p;
	return OK;
}

static enum status take_word(struct json_scan *scan, struct slice word, struct err *err)
{
	if (!slice_starts((struct slice){scan->at, (size_t)(scan->end - scan->at)}, word))
		return refuse_token(scan, "a value", err);
	scan->at += word.len;
	return OK;
}

/* --- Tokens ----------------------------------------------------------------------------------- */

static inline void skip_space(struct json_scan *scan)
{
	const char *p = scan->at;

	while (p < scan->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	scan->at = p;
}

/* The next character that is no space; 0 at the end, which no token begins with either. */
static inline char peek(struct json_scan *scan)
{
	skip_space(scan);
	return scan->at < scan->end ? *scan->at : '\0';
}

static enum status take_value(
    struct json_scan *scan, char c, struct json_token *token, struct err *err)
{
	enum status status;

	scan->expect = EXPECT_MORE;
	token->begin = scan->at;
	switch (c) {
	case '"':
		token->kind = SCAN_STRING;
		return take_string(scan, &token->text, err);
	case '{':
	case '[':
		token->kind = c == '{' ? SCAN_OBJECT : SCAN_ARRAY;
		scan->at++;
		status = open_level(scan, c == '{', err);
		break;
	case 't':
		token->kind = SCAN_TRUE;
		status = take_word(scan, SLICE("true"), err);
		break;
	case 'f':
		token->kind = SCAN_FALSE;
		status = take_word(scan, SLICE("false"), err);
		break;
	case 'n':
		token->kind = SCAN_NULL;
		status = take_word(scan, SLICE("null"), err);
		break;
	default:
		if (c != '-' && !is_digit(c))
			return refuse_token(scan, "a value", err);
		token->kind = SCAN_NUMBER;
		status = take_number(scan, err);
	}
	token->text = (struct slice){token->begin, (size_t)(scan->at - token->begin)};
	return status;
}

static enum status take_key(
    struct json_scan *scan, char c, struct json_token *token, struct err *err)
{
	enum status status;

	if (c != '"')
		return refuse_token(scan, "a member's name in double quotes", err);
	token->kind = SCAN_KEY;
	token->begin = scan->at;
	status = take_string(scan, &token->text, err);
	if (status != OK)
		return status;
	if (peek(scan) != ':')
		return refuse_token(scan, "':'", err);
	scan->at++;
	scan->expect = EXPECT_VALUE;
	if ((scan->caller_keys >> (scan->depth - 1) & 1) != 0)
		return OK;
	return json_scan_watch(scan, token, err);
}

static enum status take_close(struct json_scan *scan, struct json_token *token, struct err *err)
{
	*token = (struct json_token){.kind = SCAN_CLOSE, .text = {scan->at, 1}, .begin = scan->at};
	scan->at++;
	return close_level(scan, err);
}

/* Behind a value: a comma and the next one, or the end of the level. */
static enum status take_more(
    struct json_scan *scan, char c, struct json_token *token, struct err *err)
{
	bool object = in_object(scan);

	if (c == (object ? '}' : ']'))
		return take_close(scan, token, err);
	if (c != ',')
		return refuse_token(scan, object ? "',' or '}'" : "',' or ']'", err);
	scan->at++;
	c = peek(scan);
	return object ? take_key(scan, c, token, err) : take_value(scan, c, token, err);
}

void json_scan_init(struct json_scan *scan, struct slice body, struct arena *arena)
{
	*scan = (struct json_scan){.body = body,
	    .at = body.ptr,
	    .end = body.len == 0 ? body.ptr : body.ptr + body.len,
	    .arena = arena,
	    .expect = EXPECT_TOP};
}

/* ${ret_token} may be half written when there is an error. */
static enum status take_token(struct json_scan *scan, struct json_token *token, struct err *err)
{
	char c = peek(scan);

	switch ((enum expect)scan->expect) {
	case EXPECT_TOP:
		if (scan->body.len == 0)
			return err_set(
			    err, E_INVALID, "the body is empty; a JSON object is expected");
		if (c != '{' && c != '[')
			return refuse_token(scan, "'{' or '['", err);
		return take_value(scan, c, token, err);
	case EXPECT_FIRST_KEY:
		return c == '}' ? take_close(scan, token, err) : take_key(scan, c, token, err);
	case EXPECT_FIRST_VALUE:
		return c == ']' ? take_close(scan, token, err) : take_value(scan, c, token, err);
	case EXPECT_VALUE:
		return take_value(scan, c, token, err);
	case EXPECT_MORE:
		return take_more(scan, c, token, err);
	case EXPECT_END:
		if (scan->at < scan->end)
			return refuse_token(scan, "the end of the text", err);
		*token = (struct json_token){
		    .kind = SCAN_DONE, .text = {scan->at, 0}, .begin = scan->at};
		return OK;
	case EXPECT_NOTHING:
		break;
	}
	assert(scan->expect != EXPECT_NOTHING);
	return E_INVALID;
}

enum status json_scan_next(struct json_scan *scan, struct json_token *ret_token, struct err *err)
{
	struct json_token token;
	enum status status = take_token(scan, &token, err);

	if (status == OK)
		*ret_token = token;
	return status;
}

enum status json_scan_skip(struct json_scan *scan, const struct json_token *first, struct err *err)
{
	unsigned outside = scan->depth - 1;
	struct json_token token;
	enum status status = OK;

	if (first->kind != SCAN_OBJECT && first->kind != SCAN_ARRAY)
		return OK;
	while (status == OK && scan->depth > outside)
		status = json_scan_next(scan, &token, err);
	return status;
}
