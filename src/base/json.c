/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in and out: see json.h. */
#include "base/json.h"

#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX 64

/* jansson's own limit is compiled in and far deeper than any document of ours; brackets are counted
 * before it sees them, so that its recursion is bounded by ours. */
static bool is_too_deep(struct slice text)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

enum status json_parse(struct slice text, json_t **ret_value, struct err *err)
{
	json_error_t why;
	json_t *value;

	if (text.len == 0)
		return err_set(err, E_INVALID, "the body is empty; a JSON object is expected");
	if (is_too_deep(text))
		return err_set(err, E_INVALID, "JSON nested deeper than %d levels", DEPTH_MAX);
	value = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
	if (value == NULL)
		return err_set(err, E_INVALID, "not valid JSON: %s at line %d, column %d", why.text,
		    why.line, why.column);
	/* jansson passes over one that follows a number or a word. */
	if (memchr(text.ptr, '\0', text.len) != NULL) {
		json_decref(value);
		return err_set(err, E_INVALID, "not valid JSON: it holds a NUL byte");
	}
	*ret_value = value;
	return OK;
}

enum status json_member_text(
    const json_t *object, const char *name, struct slice *ret_text, struct err *err)
{
	const json_t *member = json_object_get(object, name);

	if (member == NULL || json_is_null(member))
		return err_set(err, E_NOT_FOUND, "\"%s\" is missing", name);
	if (!json_is_string(member))
		return err_set(err, E_INVALID, "\"%s\" must be a string", name);
	*ret_text = (struct slice){json_string_value(member), json_string_length(member)};
	return OK;
}

void json_write_begin(struct json_writer *w, struct buffer *out)
{
	*w = (struct json_writer){.out = out};
}

/* What goes before a value: a comma unless it is the first of its level or follows its key. */
static void before_value(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->depth == 0)
		return;
	if (w->filled[w->depth - 1])
		buffer_put_char(w->out, ',');
	w->filled[w->depth - 1] = true;
}

static void open_level(struct json_writer *w, char opener, char closer)
{
	before_value(w);
	assert(w->depth < JSON_WRITER_DEPTH);
	w->filled[w->depth] = false;
	w->closer[w->depth] = closer;
	w->depth++;
	buffer_put_char(w->out, opener);
}

void json_write_object(struct json_writer *w)
{
	open_level(w, '{', '}');
}

void json_write_array(struct json_writer *w)
{
	open_level(w, '[', ']');
}

void json_write_end(struct json_writer *w)
{
	assert(w->depth > 0);
	w->depth--;
	buffer_put_char(w->out, w->closer[w->depth]);
}

void json_write_key(struct json_writer *w, const char *key)
{
	json_write_key_slice(w, slice_of(key));
}

void json_write_key_slice(struct json_writer *w, struct slice key)
{
	assert(!w->after_key);
	json_write_slice(w, key);
	buffer_put_char(w->out, ':');
	w->after_key = true;
}

static void put_escaped(struct buffer *out, unsigned char c)
{
	switch (c) {
	case '"':
		buffer_put_text(out, "\\\"");
		break;
	case '\\':
		buffer_put_text(out, "\\\\");
		break;
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
		buffer_printf(out, "\\u%04x", c);
	}
}

/* Text that is valid UTF-8: copied in runs between the characters that need an escape. */
static void put_valid(struct buffer *out, struct slice text)
{
	size_t start = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		buffer_put(out, (struct slice){text.ptr + start, i - start});
		put_escaped(out, c);
		start = i + 1;
	}
	buffer_put(out, slice_skip(text, start));
}

void json_write_slice(struct json_writer *w, struct slice text)
{
	size_t valid;

	before_value(w);
	buffer_put_char(w->out, '"');
	while ((valid = utf8_valid_prefix(text)) < text.len) {
		put_valid(w->out, (struct slice){text.ptr, valid});
		buffer_put_text(w->out, "\\ufffd");
		text = slice_skip(text, valid + 1);
	}
	if (text.len > 0)
		put_valid(w->out, text);
	buffer_put_char(w->out, '"');
}

void json_write_text(struct json_writer *w, const char *text)
{
	if (text == NULL)
		json_write_null(w);
	else
		json_write_slice(w, slice_of(text));
}

void json_write_int(struct json_writer *w, int64_t value)
{
	before_value(w);
	buffer_printf(w->out, "%" PRId64, value);
}

void json_write_bool(struct json_writer *w, bool value)
{
	json_write_raw(w, value ? SLICE("true") : SLICE("false"));
}

void json_write_null(struct json_writer *w)
{
	json_write_raw(w, SLICE("null"));
}

void json_write_raw(struct json_writer *w, struct slice text)
{
	before_value(w);
	buffer_put(w->out, text);
}
