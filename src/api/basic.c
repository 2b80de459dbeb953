/* SPDX-License-Identifier: Apache-2.0 */
/* Basic authentication of an app: see basic.h. */
#include "api/basic.h"

#include <stdlib.h>

static const struct slice scheme = {"Basic ", 6};

bool basic_is(struct slice header)
{
	return header.len >= scheme.len && strncasecmp(header.ptr, scheme.ptr, scheme.len) == 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Its padding may be missing.  false: it is no base64. */
static bool decode_base64(struct slice text, char *ret_bytes, size_t *ret_count)
{
	unsigned bits = 0, bit_count = 0;
	size_t count = 0;
	int value;

	while (text.len > 0 && text.ptr[text.len - 1] == '=')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		value = base64_value(text.ptr[i]);
		if (value < 0)
			return false;
		bits = (bits << 6 | (unsigned)value) & 0xfff;
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			ret_bytes[count++] = (char)(bits >> bit_count);
		}
	}
	*ret_count = count;
	return text.len % 4 != 1;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: it can only become shorter. */
static struct slice decode_percent(char *text, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++, used++) {
		text[used] = text[i];
		if (text[i] == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 &&
		    hex_value(text[i + 2]) >= 0) {
			text[used] = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
			i += 2;
		}
	}
	return (struct slice){text, used};
}

enum status basic_parse(struct slice header, struct arena *arena, struct slice *ret_id,
    struct slice *ret_secret, struct err *err)
{
	char *text, *colon;
	size_t len = 0;

	header = slice_skip(header, scheme.len);
	while (header.len > 0 && header.ptr[0] == ' ')
		header = slice_skip(header, 1);
	text = arena_alloc(arena, header.len + 1);
	if (text == NULL)
		return err_set(err, E_NOMEM, "no memory for an Authorization header");
	if (!decode_base64(header, text, &len))
		return err_set(err, E_INVALID, "what follows \"Basic\" is no base64");
	colon = memchr(text, ':', len);
	if (colon == NULL)
		return err_set(err, E_INVALID,
		    "what follows \"Basic\" is not the base64 of client_id:client_secret");
	*ret_id = decode_percent(text, (size_t)(colon - text));
	*ret_secret = decode_percent(colon + 1, len - (size_t)(colon - text) - 1);
	return OK;
}
