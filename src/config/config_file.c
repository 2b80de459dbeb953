/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a config file: see config_file.h.
 *
 * One pass, a line at a time, and nothing is copied: names and values are views.  A line with a
 * problem is told and passed by, so that a person sees all of them at once.  What could be read in
 * two ways is refused, not guessed: text after a closing quote, a # that touches a value.
 *
 * There are no sections, no includes, no escapes and no variables.
 */
#include "config/config_file.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim(struct slice text)
{
	while (text.len > 0 && is_blank(text.ptr[0]))
		text = slice_skip(text, 1);
	while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

static size_t find(struct slice text, char c)
{
	const char *at = text.len == 0 ? NULL : memchr(text.ptr, c, text.len);

	return at == NULL ? text.len : (size_t)(at - text.ptr);
}

/* A tab is no control character here; all of UTF-8 is welcome. */
static bool has_control(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* ${rest} begins with a quote. */
static const char *read_quoted(struct slice rest, struct slice *ret_value)
{
	struct slice inside = slice_skip(rest, 1), behind;
	size_t end = find(inside, rest.ptr[0]);

	if (end == inside.len)
		return "the quote is not closed on this line";
	behind = trim(slice_skip(inside, end + 1));
	if (behind.len > 0 && behind.ptr[0] != '#')
		return "something follows the closing quote; only a comment may";
	*ret_value = (struct slice){inside.ptr, end};
	return NULL;
}

static const char *read_plain(struct slice rest, struct slice *ret_value)
{
	size_t end = find(rest, '#');

	if (end > 0 && end < rest.len && !is_blank(rest.ptr[end - 1]))
		return "a # touches the value; put a blank before it if a comment begins there, or "
		       "the value in quotes";
	rest.len = end;
	*ret_value = trim(rest);
	return ret_value->len > 0 ? NULL : "there is no value; it must be name = value";
}

/* ${line} is neither blank nor a comment. */
static const char *read_setting(struct slice line, struct config_line *setting)
{
	size_t equals = find(line, '=');
	struct slice rest;

	if (equals == line.len)
		return "there is no =; it must be name = value";
	setting->name = trim((struct slice){line.ptr, equals});
	if (setting->name.len == 0)
		return "there is no name before the =; it must be name = value";
	rest = trim(slice_skip(line, equals + 1));
	if (rest.len > 0 && (rest.ptr[0] == '"' || rest.ptr[0] == '\''))
		return read_quoted(rest, &setting->value);
	return read_plain(rest, &setting->value);
}

/* Cut the next line off, without its end. */
static struct slice take_line(struct config_file *file)
{
	size_t end = find(file->rest, '\n');
	struct slice line = {file->rest.ptr, end};

	file->line++;
	file->rest = slice_skip(file->rest, end < file->rest.len ? end + 1 : end);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

void config_file_begin(struct config_file *file, struct slice text)
{
	const struct slice mark = SLICE("\xef\xbb\xbf");

	*file = (struct config_file){
	    .rest = slice_starts(text, mark) ? slice_skip(text, mark.len) : text};
}

bool config_file_next(struct config_file *file, struct config_line *ret_line)
{
	while (file->rest.len > 0) {
		struct slice line = take_line(file), text = trim(line);
		struct config_line setting = {.number = file->line};

		if (line.len > CONFIG_LINE_BYTES_MAX)
			setting.problem = "the line is longer than 1,024 bytes";
		else if (has_control(line))
			setting.problem = "there is a control character; is this a text file?";
		else if (text.len == 0 || text.ptr[0] == '#')
			continue;
		else
			setting.problem = read_setting(text, &setting);
		*ret_line = setting;
		return true;
	}
	return false;
}

char config_file_quote(struct slice value)
{
	struct slice inner = trim(value);
	bool plain = inner.len > 0 && inner.len == value.len && inner.ptr[0] != '"' &&
		     inner.ptr[0] != '\'' && find(value, '#') == value.len;

	if (plain)
		return '\0';
	return find(value, '"') == value.len ? '"' : find(value, '\'') == value.len ? '\'' : '"';
}
