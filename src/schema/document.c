/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML into nodes: see document.h.
 *
 * libyaml's parser hands out events; here they become nodes, with a stack of the collections that
 * are open instead of recursion, so that every bound is a comparison at one place.  A mapping that
 * ends gets its children sorted by key, once: that finds the keys given twice and makes look-ups
 * quick, whatever the number of keys.
 *
 * libyaml is older than the wish that all JSON be YAML.  Three things of JSON that it refuses are
 * put right in a copy of the text, without moving a line: tabs before the first brace and after the
 * last, and characters beyond U+FFFF written as two \u escapes.  (A member's name of more than
 * 1,024 bytes, or one whose colon stands on another line, it still refuses.)
 *
 * Not here: numbers, booleans and other meanings of plain text, and aliases, which are flaws.
 */
#include "schema/document.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define NODE_IS_COLLECTION(kind) ((kind) == NODE_SEQUENCE || (kind) == NODE_MAPPING)

struct builder {
	struct arena *arena;
	struct document document;
	struct node *root;
	struct node *open[DOCUMENT_DEPTH_MAX];
	struct node **tail[DOCUMENT_DEPTH_MAX]; /* where the next child is linked in */
	size_t depth;
	struct node **flawed_tail;
	size_t node_count;
	struct slice key; /* of the mapping that is open, when key_waits */
	size_t key_line;
	bool key_waits;
};

/* --- the text, before libyaml sees it --------------------------------------------------------- */

static size_t line_of(struct slice text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < text.len; i++)
		line += text.ptr[i] == '\n';
	return line;
}

/* Does a line begin at ${at}?  libyaml takes these five for line ends. */
static bool begins_line(struct slice text, size_t at)
{
	const char *p = text.ptr + at;

	if (at == 0 || p[-1] == '\n' || p[-1] == '\r')
		return true;
	if (at >= 2 && memcmp(p - 2, "\xc2\x85", 2) == 0)
		return true;
	return at >= 3 &&
	       (memcmp(p - 3, "\xe2\x80\xa8", 3) == 0 || memcmp(p - 3, "\xe2\x80\xa9", 3) == 0);
}

static size_t count_directives(struct slice text)
{
	size_t count = 0;
	const char *percent;

	for (size_t at = 0; at < text.len; at++) {
		percent = memchr(text.ptr + at, '%', text.len - at);
		if (percent == NULL)
			break;
		at = (size_t)(percent - text.ptr);
		count += begins_line(text, at);
	}
	return count;
}

/* The value of "\uXXXX" at ${at}; 0 when there is none. */
static unsigned escape_value(struct slice text, size_t at)
{
	static const char digits[] = "0123456789abcdef";
	unsigned value = 0;
	const char *digit;

	if (text.len - at < 6 || text.ptr[at] != '\\' || text.ptr[at + 1] != 'u')
		return 0;
	for (size_t i = at + 2; i < at + 6; i++) {
		char c = text.ptr[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		digit = c == '\0' ? NULL : strchr(digits, c);
		if (digit == NULL)
			return 0;
		value = value * 16 + (unsigned)(digit - digits);
	}
	return value;
}

/* In JSON's strings, write \ud83d\ude00 as \U0001f600, which is
 * shorter.  In place; the new length. */
static size_t join_surrogates(char *text, size_t length)
{
	const struct slice all = {text, length};
	size_t out = 0, i = 0;
	bool quoted = false;

	while (i < length) {
		if (quoted && text[i] == '\\' && length - i >= 2) {
			unsigned high = escape_value(all, i);
			unsigned low = length - i > 6 ? escape_value(all, i + 6) : 0;

			if (high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
				char joined[11];

				snprintf(joined, sizeof(joined), "\\U%08x",
				    0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
				memcpy(text + out, joined, 10);
				out += 10;
				i += 12;
				continue;
			}
			text[out++] =
			    text[i++]; /* the next byte is escaped: no end of the string */
		} else if (text[i] == '"') {
			quoted = !quoted;
		}
		text[out++] = text[i++];
	}
	return out;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A copy of ${text} that libyaml can read; nothing changes unless it begins with a brace. */
static enum status prepare(struct slice text, struct arena *arena, struct slice *ret_text)
{
	size_t length = text.len, at = 0;
	char *copy = arena_copy(arena, text);

	if (copy == NULL)
		return E_NOMEM;
	while (at < length && is_blank(copy[at]))
		at++;
	if (at < length && copy[at] == '{') {
		for (size_t i = 0; i < at; i++) {
			if (copy[i] == '\t')
				copy[i] = ' ';
		}
		while (is_blank(copy[length - 1]))
			length--;
		length = join_surrogates(copy, length);
	}
	*ret_text = (struct slice){copy, length};
	return OK;
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* By key; the same keys by their place in the text. */
static int compare_by_key(const void *a_, const void *b_)
{
	const struct node *a = *(const struct node *const *)a_;
	const struct node *b = *(const struct node *const *)b_;
	size_t shorter = a->key.len < b->key.len ? a->key.len : b->key.len;
	int order = shorter == 0 ? 0 : memcmp(a->key.ptr, b->key.ptr, shorter);

	if (order != 0)
		return order;
	if (a->key.len != b->key.len)
		return a->key.len < b->key.len ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void add_flaw(struct builder *b, struct node *node, const char *flaw)
{
	node->flaw = flaw;
	*b->flawed_tail = node;
	b->flawed_tail = &node->next_flawed;
}

static void drop_repeated(struct node *mapping)
{
	struct node **link = &mapping->first_child;
	size_t index = 0;

	while (*link != NULL) {
		if ((*link)->repeated) {
			*link = (*link)->next_child;
			continue;
		}
		(*link)->index = index++;
		link = &(*link)->next_child;
	}
	mapping->child_count = index;
}

/* The mapping is whole: order its children and find the keys given twice. */
static enum status end_mapping(struct builder *b, struct node *mapping)
{
	struct node **sorted, *child;
	size_t count = 0, kept = 0;

	if (mapping->child_count == 0)
		return OK;
	sorted = arena_array(b->arena, mapping->child_count, sizeof(struct node *));
	if (sorted == NULL)
		return E_NOMEM;
	for (child = mapping->first_child; child != NULL; child = child->next_child)
		sorted[count++] = child;
	assert(count == mapping->child_count);
	qsort(sorted, count, sizeof(struct node *), compare_by_key);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && slice_equals(sorted[kept - 1]->key, sorted[i]->key)) {
			sorted[i]->repeated = true;
			if (sorted[i]->flaw == NULL)
				add_flaw(b, sorted[i], "this key is there twice; give it once");
			continue;
		}
		sorted[kept++] = sorted[i];
	}
	if (kept < count)
		drop_repeated(mapping);
	mapping->by_name = (const struct node **)sorted;
	return OK;
}

/* A new node as the next child of the collection that is open, or as the root. */
static enum status add_node(struct builder *b, enum node_kind kind, const yaml_event_t *event,
    struct node **ret_node, struct err *err)
{
	struct node *node, *parent = b->depth == 0 ? NULL : b->open[b->depth - 1];
	size_t line = event->start_mark.line + 1;

	if (b->depth == DOCUMENT_DEPTH_MAX && NODE_IS_COLLECTION(kind))
		return err_set(err, E_INVALID, "nested deeper than %d levels (line %zu)",
		    DOCUMENT_DEPTH_MAX, line);
	node = arena_alloc(b->arena, sizeof(*node));
	if (node == NULL)
		return err_set(err, E_NOMEM, "no memory for the document");
	*node = (struct node){.kind = kind, .line = line, .parent = parent};
	if (parent == NULL) {
		b->root = node;
	} else {
		if (b->key_waits) {
			node->key = b->key;
			node->line = b->key_line;
			b->key_waits = false;
		}
		node->index = parent->child_count++;
		*b->tail[b->depth - 1] = node;
		b->tail[b->depth - 1] = &node->next_child;
	}
	if (NODE_IS_COLLECTION(kind)) {
		b->open[b->depth] = node;
		b->tail[b->depth] = &node->first_child;
		b->depth++;
	}
	*ret_node = node;
	return OK;
}

static bool expects_key(const struct builder *b)
{
	return b->depth > 0 && b->open[b->depth - 1]->kind == NODE_MAPPING && !b->key_waits;
}

static enum status add_text(struct builder *b, const yaml_event_t *event, struct err *err)
{
	const struct slice value = {
	    (const char *)event->data.scalar.value, event->data.scalar.length};
	const char *copy = arena_copy(b->arena, value);
	struct node *node;
	enum status status;

	if (copy == NULL)
		return err_set(err, E_NOMEM, "no memory for the document");
	if (expects_key(b)) {
		b->key = (struct slice){copy, value.len};
		b->key_line = event->start_mark.line + 1;
		b->key_waits = true;
		return OK;
	}
	status = add_node(b, NODE_TEXT, event, &node, err);
	if (status == OK) {
		node->text = (struct slice){copy, value.len};
		node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			      event->data.scalar.tag == NULL;
	}
	return status;
}

static enum status add_alias(struct builder *b, const yaml_event_t *event, struct err *err)
{
	struct node *node;
	enum status status = add_node(b, NODE_ALIAS, event, &node, err);

	if (status == OK)
		add_flaw(b, node, "YAML aliases are not supported; write the value out");
	return status;
}

static enum status end_collection(struct builder *b, struct err *err)
{
	struct node *node;

	assert(b->depth > 0);
	node = b->open[--b->depth];
	if (node->kind == NODE_MAPPING && end_mapping(b, node) != OK)
		return err_set(err, E_NOMEM, "no memory for the document");
	return OK;
}

static enum status take_event(struct builder *b, const yaml_event_t *event, struct err *err)
{
	const size_t line = event->start_mark.line + 1;
	struct node *node;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->root != NULL)
			return err_set(err, E_INVALID,
			    "a second YAML document begins; there must be one (line %zu)", line);
		return OK;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return end_collection(b, err);
	case YAML_SCALAR_EVENT:
	case YAML_ALIAS_EVENT:
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		break;
	default:
		return OK;
	}
	if (++b->node_count > DOCUMENT_NODES_MAX)
		return err_set(err, E_INVALID, "more than %d keys and values (line %zu)",
		    DOCUMENT_NODES_MAX, line);
	if (event->type == YAML_SCALAR_EVENT)
		return add_text(b, event, err);
	if (expects_key(b))
		return err_set(err, E_INVALID, "a key must be text (line %zu)", line);
	if (event->type == YAML_ALIAS_EVENT)
		return add_alias(b, event, err);
	return add_node(b, event->type == YAML_MAPPING_START_EVENT ? NODE_MAPPING : NODE_SEQUENCE,
	    event, &node, err);
}

static enum status refuse(const yaml_parser_t *parser, struct slice text, struct err *err)
{
	size_t line = parser->problem_mark.line + 1;
	const char *context = parser->context == NULL ? "" : parser->context;

	if (parser->error == YAML_MEMORY_ERROR)
		return err_set(err, E_NOMEM, "no memory for the document");
	if (parser->error == YAML_READER_ERROR)
		line = line_of(text, parser->problem_offset);
	return err_set(err, E_INVALID, "not YAML: %s%s%s (line %zu)", context,
	    *context == '\0' ? "" : ": ", parser->problem == NULL ? "?" : parser->problem, line);
}

static enum status build(struct builder *b, struct slice text, struct err *err)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool at_end = false;
	enum status status = OK;

	if (!yaml_parser_initialize(&parser))
		return err_set(err, E_NOMEM, "no memory for the document");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	while (status == OK && !at_end) {
		if (!yaml_parser_parse(&parser, &event)) {
			status = refuse(&parser, text, err);
			break;
		}
		at_end = event.type == YAML_STREAM_END_EVENT;
		status = take_event(b, &event, err);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return status;
}

/* --- the public functions --------------------------------------------------------------------- */

enum status document_parse(
    struct slice text, struct arena *arena, struct document *ret_document, struct err *err)
{
	static const struct slice byte_order_mark = {"\xef\xbb\xbf", 3};
	struct builder b = {.arena = arena};
	enum status status;
	size_t valid;

	/* libyaml would count the mark as a column. */
	if (slice_starts(text, byte_order_mark))
		text = slice_skip(text, byte_order_mark.len);
	valid = utf8_valid_prefix(text);
	if (valid < text.len)
		return err_set(err, E_INVALID, "not UTF-8 (line %zu)", line_of(text, valid));
	if (count_directives(text) > DOCUMENT_DIRECTIVES_MAX)
		return err_set(
		    err, E_INVALID, "more than %d lines begin with %%", DOCUMENT_DIRECTIVES_MAX);
	if (prepare(text, arena, &text) != OK)
		return err_set(err, E_NOMEM, "no memory for the document");
	b.flawed_tail = (struct node **)&b.document.first_flawed;
	status = build(&b, text, err);
	if (status == OK && b.root == NULL)
		status = err_set(err, E_INVALID, "empty");
	if (status == OK) {
		b.document.root = b.root;
		*ret_document = b.document;
	}
	return status;
}

const struct node *node_get(const struct node *node, struct slice key)
{
	const struct node wanted = {.key = key}, *const wanted_ptr = &wanted;
	size_t low = 0, high;

	if (node == NULL || node->kind != NODE_MAPPING)
		return NULL;
	high = node->child_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct node *child = node->by_name[middle];

		if (slice_equals(child->key, key))
			return child;
		if (compare_by_key(&child, &wanted_ptr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool node_is(const struct node *node, const char *text)
{
	return node != NULL && node->kind == NODE_TEXT && slice_is(node->text, text);
}

bool node_is_null(const struct node *node)
{
	return node != NULL && node->plain &&
	       (node->text.len == 0 || node_is(node, "~") || node_is(node, "null") ||
		   node_is(node, "Null") || node_is(node, "NULL"));
}

struct shown show(struct slice text)
{
	struct shown shown = {0};
	size_t length = text.len;

	if (length > SHOWN_BYTES_MAX) {
		text.len = SHOWN_BYTES_MAX;
		text.len = utf8_valid_prefix(text); /* no half of a character */
	}
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		shown.text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	if (text.len < length)
		memcpy(shown.text + text.len, "…", strlen("…"));
	return shown;
}

struct node_place node_place(const struct node *node)
{
	const struct node *path[DOCUMENT_DEPTH_MAX + 1];
	struct node_place place = {0};
	size_t depth = 0, used = 0;

	for (; node->parent != NULL; node = node->parent) {
		assert(depth <= DOCUMENT_DEPTH_MAX);
		path[depth++] = node;
	}
	/* A part that does not fit whole is left out with all after it. */
	while (depth > 0) {
		char part[SHOWN_BYTES_MAX + 32];
		int length;

		node = path[--depth];
		if (node->parent->kind == NODE_SEQUENCE)
			length = snprintf(part, sizeof(part), "[%zu]", node->index);
		else
			length = snprintf(
			    part, sizeof(part), "%s%s", used == 0 ? "" : ".", show(node->key).text);
		if ((size_t)length + sizeof("…") > sizeof(place.text) - used) {
			memcpy(place.text + used, "…", strlen("…"));
			break;
		}
		memcpy(place.text + used, part, (size_t)length);
		used += (size_t)length;
	}
	return place;
}
