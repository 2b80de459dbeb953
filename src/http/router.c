/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: see router.h.
 *
 * The table is compiled once into pieces, sorted so that literal pieces stand before {names}, and
 * then walked from the top for each request: with some forty routes that is cheaper than anything
 * cleverer, and the first fit is the best.
 */
#include "http/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct compiled {
	const struct http_route *route;
	size_t segment_count;
	struct slice segments[ROUTER_SEGMENTS_MAX]; /* {name} has ptr NULL */
};

struct router {
	size_t count;
	struct compiled routes[];
};

const char *http_method_name(enum http_method method)
{
	static const char *const names[] = {
	    [HTTP_GET] = "GET",
	    [HTTP_POST] = "POST",
	    [HTTP_PUT] = "PUT",
	    [HTTP_PATCH] = "PATCH",
	    [HTTP_DELETE] = "DELETE",
	    [HTTP_METHOD_COUNT] = "other",
	};

	assert(method <= HTTP_METHOD_COUNT);
	return names[method];
}

enum http_method router_method(const char *name)
{
	int method;

	if (strcmp(name, "HEAD") == 0)
		return HTTP_GET;
	for (method = 0; method < HTTP_METHOD_COUNT; method++) {
		if (strcmp(name, http_method_name((enum http_method)method)) == 0)
			break;
	}
	return (enum http_method)method;
}

/* The next piece of ${rest} between slashes; false at the end.  Pieces are never empty. */
static bool take_segment(struct slice *rest, struct slice *ret_segment)
{
	size_t begin = 0, end;

	while (begin < rest->len && rest->ptr[begin] == '/')
		begin++;
	if (begin == rest->len)
		return false;
	for (end = begin; end < rest->len && rest->ptr[end] != '/'; end++)
		;
	*ret_segment = (struct slice){rest->ptr + begin, end - begin};
	*rest = slice_skip(*rest, end);
	return true;
}

static void compile(const struct http_route *route, struct compiled *ret)
{
	struct slice rest = slice_of(route->pattern), segment;
	size_t params = 0;

	assert(rest.len > 0 && rest.ptr[0] == '/');
	*ret = (struct compiled){.route = route};
	while (take_segment(&rest, &segment)) {
		assert(ret->segment_count < ROUTER_SEGMENTS_MAX);
		if (segment.ptr[0] == '{') {
			assert(segment.len > 2 && segment.ptr[segment.len - 1] == '}');
			segment.ptr = NULL;
			params++;
		}
		ret->segments[ret->segment_count++] = segment;
	}
	assert(params <= ROUTER_PARAMS_MAX);
}

/* Literal before {name}, at the leftmost piece where they differ so;
 * else the order of the table. */
static int compare(const void *left, const void *right)
{
	const struct compiled *a = left, *b = right;
	size_t i;

	for (i = 0; i < a->segment_count && i < b->segment_count; i++) {
		if ((a->segments[i].ptr == NULL) != (b->segments[i].ptr == NULL))
			return a->segments[i].ptr == NULL ? 1 : -1;
	}
	return a->route < b->route ? -1 : a->route > b->route;
}

enum status router_create(
    const struct http_route *routes, size_t count, struct router **ret_router, struct err *err)
{
	struct router *router = calloc(1, sizeof(*router) + count * sizeof(router->routes[0]));
	size_t i;

	if (router == NULL)
		return err_set(err, E_NOMEM, "routes: no memory");
	router->count = count;
	for (i = 0; i < count; i++)
		compile(&routes[i], &router->routes[i]);
	if (count > 0)
		qsort(router->routes, count, sizeof(router->routes[0]), compare);
	*ret_router = router;
	return OK;
}

void router_destroy(struct router **router)
{
	free(*router);
	*router = NULL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that the escape at ${text}'s position ${at} stands for; -1 when there is none. */
static int escape_value(struct slice text, size_t at)
{
	int high, low;

	if (text.ptr[at] != '%' || text.len - at < 3)
		return -1;
	high = hex_value(text.ptr[at + 1]);
	low = hex_value(text.ptr[at + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Decode one piece of a path.  Bytes above 0x7e are let through: people
 * do send names in raw UTF-8. */
static enum status decode_segment(
    struct slice segment, struct arena *arena, struct slice *ret_text, struct err *err)
{
	char *text = NULL;
	size_t i, len = 0;
	int value;

	if (memchr(segment.ptr, '%', segment.len) != NULL) {
		text = arena_alloc(arena, segment.len);
		if (text == NULL)
			return err_set(err, E_NOMEM, "no memory");
	}
	for (i = 0; i < segment.len; i++) {
		value = (unsigned char)segment.ptr[i];
		if (value <= ' ' || value == 0x7f)
			return err_set(err, E_INVALID,
			    "the path holds a space or a control character; write it as %%%02X",
			    value);
		if (value == '%') {
			value = escape_value(segment, i);
			if (value < 0)
				return err_set(err, E_INVALID,
				    "the path holds a %% that two hexadecimal digits do not "
				    "follow");
			if (value == 0)
				return err_set(err, E_INVALID, "the path holds %%00");
			i += 2;
		}
		if (text != NULL)
			text[len++] = (char)value;
	}
	*ret_text = text != NULL ? (struct slice){text, len} : segment;
	return OK;
}

/* "http://host/path" is as good as "/path" (RFC 9112, 3.2.2). */
static struct slice skip_origin(struct slice path)
{
	static const char *const schemes[] = {"http://", "https://"};
	const char *slash;
	size_t i, len;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i]);
		if (path.len < len || strncasecmp(path.ptr, schemes[i], len) != 0)
			continue;
		path = slice_skip(path, len);
		slash = memchr(path.ptr, '/', path.len);
		return slash == NULL ? SLICE("/") : slice_skip(path, (size_t)(slash - path.ptr));
	}
	return path;
}

static bool fits(const struct compiled *c, const struct slice *segments, size_t count)
{
	size_t i;

	if (c->segment_count != count)
		return false;
	for (i = 0; i < count; i++) {
		if (c->segments[i].ptr != NULL && !slice_equals(c->segments[i], segments[i]))
			return false;
	}
	return true;
}

static void take_match(
    const struct compiled *c, const struct slice *segments, struct router_match *match)
{
	size_t i;

	match->route = c->route;
	for (i = 0; i < c->segment_count; i++) {
		if (c->segments[i].ptr == NULL)
			match->params[match->param_count++] = segments[i];
	}
}

enum status router_find(const struct router *router, enum http_method method, struct slice path,
    struct arena *arena, struct router_match *ret_match, struct err *err)
{
	struct slice segments[ROUTER_SEGMENTS_MAX], rest = skip_origin(path), segment;
	struct router_match match = {.route = NULL};
	size_t i, count = 0;
	enum status st;

	/* "*" and "host:port" are forms of a target, too, but no route of ours has them. */
	if (rest.len == 0 || rest.ptr[0] != '/')
		goto out;
	while (take_segment(&rest, &segment)) {
		st = decode_segment(segment, arena, &segment, err);
		if (st != OK)
			return st;
		if (count < ROUTER_SEGMENTS_MAX)
			segments[count] = segment;
		count++;
	}
	if (count > ROUTER_SEGMENTS_MAX)
		goto out;
	for (i = 0; i < router->count; i++) {
		if (!fits(&router->routes[i], segments, count))
			continue;
		match.methods |= 1u << router->routes[i].route->method;
		if (match.route == NULL && router->routes[i].route->method == method)
			take_match(&router->routes[i], segments, &match);
	}
out:
	*ret_match = match;
	return OK;
}

/* Decode a part of a query.  NULL ptr when there is no memory. */
static struct slice decode_query(struct slice raw, struct arena *arena)
{
	char *text;
	size_t i, len = 0;
	int value;

	if (memchr(raw.ptr, '%', raw.len) == NULL && memchr(raw.ptr, '+', raw.len) == NULL)
		return raw;
	text = arena_alloc(arena, raw.len);
	if (text == NULL)
		return (struct slice){NULL, 0};
	for (i = 0; i < raw.len; i++) {
		value = escape_value(raw, i);
		if (value >= 0)
			i += 2;
		else
			value = raw.ptr[i] == '+' ? ' ' : (unsigned char)raw.ptr[i];
		text[len++] = (char)value;
	}
	return (struct slice){text, len};
}

/* Take the next parameter off ${query}; false at the end.  Its value is not decoded yet. */
static bool take_parameter(
    struct slice *query, struct arena *arena, struct slice *ret_key, struct slice *ret_value)
{
	struct slice pair, key;
	const char *end;

	while (query->len > 0) {
		end = memchr(query->ptr, '&', query->len);
		pair = *query;
		if (end != NULL)
			pair.len = (size_t)(end - query->ptr);
		*query = slice_skip(*query, end != NULL ? pair.len + 1 : pair.len);

		key = pair;
		*ret_value = slice_skip(pair, pair.len);
		end = pair.len == 0 ? NULL : memchr(pair.ptr, '=', pair.len);
		if (end != NULL) {
			key.len = (size_t)(end - pair.ptr);
			*ret_value = slice_skip(pair, key.len + 1);
		}
		if (key.len == 0)
			continue;
		*ret_key = decode_query(key, arena);
		return true;
	}
	return false;
}

bool router_query(
    struct slice query, const char *name, struct arena *arena, struct slice *ret_value)
{
	struct slice key, value;

	while (take_parameter(&query, arena, &key, &value)) {
		if (!slice_is(key, name))
			continue;
		value = value.len == 0 ? value : decode_query(value, arena);
		if (value.ptr == NULL)
			return false;
		*ret_value = value;
		return true;
	}
	return false;
}

size_t router_query_count(struct slice query, const char *name, struct arena *arena)
{
	struct slice key, value;
	size_t count = 0;

	while (take_parameter(&query, arena, &key, &value))
		count += slice_is(key, name);
	return count;
}
