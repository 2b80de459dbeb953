/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an order: see order.h.  One pass from left to right; spaces part words. */
#include "query/order.h"

#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice skip_spaces(struct slice text)
{
	while (text.len > 0 && is_space(text.ptr[0]))
		text = slice_skip(text, 1);
	return text;
}

/* What stands before the next space, comma or quote. */
static struct slice word_at(struct slice text)
{
	size_t n = 0;

	while (n < text.len && !is_space(text.ptr[n]) && text.ptr[n] != ',' && text.ptr[n] != '"')
		n++;
	return (struct slice){text.ptr, n};
}

/* Take the word if it comes next. */
static bool take_word(struct slice *text, const char *word)
{
	struct slice rest = skip_spaces(*text), next = word_at(rest);

	if (!slice_is_nocase(next, word))
		return false;
	*text = slice_skip(rest, next.len);
	return true;
}

/* The place that ${word} says; -1: it is no number. */
static int64_t place_of(struct slice word)
{
	int64_t place = 0;

	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return -1;
		if (place < INT32_MAX) /* more columns there never are */
			place = place * 10 + (word.ptr[i] - '0');
	}
	return place;
}

static enum status take_quoted(
    struct slice *text, struct arena *arena, struct slice *ret_name, struct err *err)
{
	char *name = arena_alloc(arena, text->len);
	size_t length = 0, i = 1;

	if (name == NULL)
		return err_set(err, E_NOMEM, "no memory for an order");
	for (;; i++) {
		if (i >= text->len)
			return err_set(
			    err, E_INVALID, "a quote is not closed in \"%.*s\"", SLICE_ARGS(*text));
		if (text->ptr[i] == '"') {
			if (i + 1 >= text->len || text->ptr[i + 1] != '"')
				break;
			i++;
		}
		name[length++] = text->ptr[i];
	}
	if (length == 0)
		return err_set(err, E_INVALID, "a column has an empty name");
	*ret_name = (struct slice){name, length};
	*text = slice_skip(*text, i + 1);
	return OK;
}

static enum status take_column(
    struct slice *text, struct arena *arena, struct lake_order *order, struct err *err)
{
	struct slice word;
	int64_t place;

	*text = skip_spaces(*text);
	if (text->len > 0 && text->ptr[0] == '"')
		return take_quoted(text, arena, &order->name, err);
	word = word_at(*text);
	if (word.len == 0)
		return err_set(err, E_INVALID, "a column's name is missing");
	place = place_of(word);
	if (place >= 0)
		order->place = place;
	else
		order->name = word;
	*text = slice_skip(*text, word.len);
	return OK;
}

static enum status take_direction(struct slice *text, struct lake_order *order, struct err *err)
{
	if (take_word(text, "DESC"))
		order->descending = true;
	else
		(void)take_word(text, "ASC");
	if (!take_word(text, "NULLS"))
		return OK;
	if (take_word(text, "FIRST"))
		order->nulls_first = true;
	else if (!take_word(text, "LAST"))
		return err_set(err, E_INVALID, "behind NULLS comes FIRST or LAST");
	return OK;
}

enum status order_parse(struct slice text, struct arena *arena, struct lake_order **ret_order,
    size_t *ret_count, struct err *err)
{
	struct lake_order *order = arena_array(arena, ORDER_COLUMNS_MAX, sizeof(*order));
	size_t count = 0;
	enum status status = OK;

	if (order == NULL)
		return err_set(err, E_NOMEM, "no memory for an order");
	for (;;) {
		if (count == ORDER_COLUMNS_MAX)
			return err_set(
			    err, E_INVALID, "it names more than %d columns", ORDER_COLUMNS_MAX);
		status = take_column(&text, arena, &order[count], err);
		if (status == OK)
			status = take_direction(&text, &order[count], err);
		if (status != OK)
			return status;
		count++;
		text = skip_spaces(text);
		if (text.len == 0)
			break;
		if (text.ptr[0] != ',')
			return err_set(err, E_INVALID,
			    "\"%.*s\" is not ASC, DESC, NULLS FIRST or NULLS LAST, nor a comma",
			    SLICE_ARGS(text));
		text = slice_skip(text, 1);
	}
	*ret_order = order;
	*ret_count = count;
	return OK;
}
