/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal: see term.h.
 *
 * Widths are wcwidth()'s, so combining marks and wide characters come out right where the C library
 * knows them; a sequence of several characters that one glyph shows (emoji with joiners) counts too
 * much, which costs a few blanks.
 */
#include "base/term.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

void term_start(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

bool term_is_terminal(FILE *file)
{
	const char *kind = getenv("TERM");

	return isatty(fileno(file)) && kind != NULL && strcmp(kind, "dumb") != 0;
}

static void put_control(struct buffer *out, unsigned char c)
{
	switch (c) {
	case '\n':
		buffer_put_text(out, "\\n");
		break;
	case '\r':
		buffer_put_text(out, "\\r");
		break;
	case '\t':
		buffer_put_text(out, "\\t");
		break;
	default:
		buffer_printf(out, "\\x%02x", c);
	}
}

/* Text that is valid UTF-8, in runs between what is spelled out.  U+0080
 * to U+009F are controls, too. */
static void clean_valid(struct buffer *out, struct slice text)
{
	size_t start = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;
		bool is_c1 = c == 0xc2 && next < 0xa0;

		if (c >= ' ' && c != 0x7f && !is_c1)
			continue;
		buffer_put(out, (struct slice){text.ptr + start, i - start});
		if (is_c1)
			i++;
		put_control(out, is_c1 ? next : c);
		start = i + 1;
	}
	buffer_put(out, slice_skip(text, start));
}

void term_clean(struct buffer *out, struct slice text)
{
	size_t valid;

	while (text.len > 0) {
		valid = utf8_valid_prefix(text);
		clean_valid(out, (struct slice){text.ptr, valid});
		if (valid == text.len)
			break;
		buffer_put_text(out, "\xef\xbf\xbd");
		text = slice_skip(text, valid + 1);
	}
}

void term_put(FILE *out, struct slice text)
{
	struct buffer clean;

	/* Spelled out a byte takes at most four. */
	buffer_init(&clean, 4 * text.len + 1);
	term_clean(&clean, text);
	fwrite(clean.len == 0 ? "" : clean.ptr, 1, clean.len, out);
	buffer_fini(&clean);
}

/* The first character of ${text}, which is not empty: its bytes and its columns. */
static size_t measure(struct slice text, size_t *ret_columns)
{
	mbstate_t state = {0};
	wchar_t character;
	size_t bytes = mbrtowc(&character, text.ptr, text.len, &state);
	int columns;

	if (bytes == 0 || bytes > text.len) {
		*ret_columns = 1;
		return 1;
	}
	columns = wcwidth(character);
	*ret_columns = columns < 0 ? 1 : (size_t)columns;
	return bytes;
}

size_t term_columns(struct slice text)
{
	size_t all = 0, one;

	while (text.len > 0) {
		text = slice_skip(text, measure(text, &one));
		all += one;
	}
	return all;
}

struct slice term_cut(struct slice text, size_t columns)
{
	struct slice rest = text;
	size_t bytes, one;

	while (rest.len > 0) {
		bytes = measure(rest, &one);
		if (one > columns)
			break;
		columns -= one;
		rest = slice_skip(rest, bytes);
	}
	return (struct slice){text.ptr, text.len - rest.len};
}

char *term_count(char text[TERM_COUNT_BYTES], int64_t count)
{
	char digits[24];
	size_t length, used = 0;

	snprintf(
	    digits, sizeof(digits), "%" PRIu64, count < 0 ? -(uint64_t)count : (uint64_t)count);
	length = strlen(digits);
	if (count < 0)
		text[used++] = '-';
	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}
