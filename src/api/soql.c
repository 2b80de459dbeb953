/* SPDX-License-Identifier: Apache-2.0 */
/* The one form of a SOQL query that is understood: see soql.h. */
#include "api/soql.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.';
}

/* The next word, or the next other character; empty at the end. */
static struct slice take(struct slice *rest)
{
	struct slice token;
	size_t begin = 0, end;

	while (begin < rest->len && is_blank(rest->ptr[begin]))
		begin++;
	for (end = begin; end < rest->len && is_of_word(rest->ptr[end]); end++)
		;
	if (end == begin && end < rest->len)
		end++;
	token = (struct slice){rest->ptr + begin, end - begin};
	*rest = slice_skip(*rest, end);
	return token;
}

static enum status expect(const char *what, struct slice found, struct err *err)
{
	if (found.len == 0)
		return err_set(err, E_INVALID, "unexpected end of the query; expected %s", what);
	if (found.len > 40)
		found.len = 40;
	return err_set(
	    err, E_INVALID, "unexpected token: '%.*s'; expected %s", SLICE_ARGS(found), what);
}

static bool is_same(struct slice a, struct slice b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static bool is_word(struct slice token)
{
	return token.len > 0 && is_of_word(token.ptr[0]);
}

static enum status take_fields(struct slice *rest, struct soql *soql, struct err *err)
{
	struct slice token;

	do {
		token = take(rest);
		if (!is_word(token))
			return expect("the name of a field", token, err);
		for (size_t i = 0; i < soql->field_count; i++) {
			if (is_same(soql->fields[i], token))
				return err_set(err, E_INVALID, "duplicate field selected: %.*s",
				    SLICE_ARGS(token));
		}
		if (soql->field_count == SOQL_FIELDS_MAX)
			return err_set(err, E_INVALID, "more than %d fields", SOQL_FIELDS_MAX);
		soql->fields[soql->field_count++] = token;
		token = take(rest);
	} while (slice_is(token, ","));
	return slice_is_nocase(token, "FROM") ? OK : expect("FROM", token, err);
}

static enum status take_limit(struct slice *rest, struct soql *soql, struct err *err)
{
	struct slice token = take(rest);

	/* Nine digits are more records than there are. */
	if (!is_word(token) || token.len > 9)
		return expect("a number", token, err);
	soql->limit = 0;
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] < '0' || token.ptr[i] > '9')
			return expect("a number", token, err);
		soql->limit = soql->limit * 10 + (token.ptr[i] - '0');
	}
	return OK;
}

enum status soql_parse(struct slice text, struct soql *ret_soql, struct err *err)
{
	struct soql soql = {.limit = INT64_MAX};
	struct slice rest = text, token;
	enum status st;

	if (text.len > SOQL_BYTES_MAX)
		return err_set(err, E_INVALID, "the query is longer than %d bytes", SOQL_BYTES_MAX);
	token = take(&rest);
	if (!slice_is_nocase(token, "SELECT"))
		return expect("SELECT", token, err);
	st = take_fields(&rest, &soql, err);
	if (st != OK)
		return st;
	soql.object = take(&rest);
	if (!is_word(soql.object))
		return expect("the name of an object", soql.object, err);
	token = take(&rest);
	if (slice_is_nocase(token, "LIMIT")) {
		st = take_limit(&rest, &soql, err);
		if (st != OK)
			return st;
		token = take(&rest);
	}
	if (token.len > 0)
		return expect("the end of the query", token, err);
	*ret_soql = soql;
	return OK;
}
