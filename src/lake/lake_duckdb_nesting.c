/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How deep a query is nested, looked at before the engine sees it.
 *
 * The engine binds a subquery in an expression twice, and a lambda, so that each level doubles the
 * time: 24 levels are 12 s and 90 are for ever, during which it looks at no interrupt.  A thousand
 * brackets of a list cost it gigabytes.  So brackets have a limit, and those that hold a subquery or
 * a lambda have a lower one, with which the arrow counts that is another way to write a lambda.
 *
 * Brackets in texts, names and comments count for nothing as long as we know for sure where those
 * end.  Where we do not (an escape, a dollar quote, a comment in a comment), nothing that closes is
 * believed any more: then a harmless query may be refused, and no other let through.
 */
#include "lake/lake_duckdb_db.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX  100
#define COSTLY_MAX 16

/* What is open between two brackets. */
struct level {
	bool has_query;
	size_t arrows; /* each nests what follows it, to the next comma */
};

struct nesting {
	struct level levels[DEPTH_MAX + 1]; /* 0 is outside of brackets */
	size_t depth;
	size_t costly_count; /* over all that are open */
	bool is_unsure;
};

static enum status fail(struct err *err)
{
	return err_set(err, E_INVALID,
	    "the statement is nested too deep: %d brackets, %d of them with a subquery or a "
	    "lambda, "
	    "are the most",
	    DEPTH_MAX, COSTLY_MAX);
}

static bool open_bracket(struct nesting *nesting)
{
	if (nesting->depth == DEPTH_MAX)
		return false;
	nesting->levels[++nesting->depth] = (struct level){.arrows = 0};
	return true;
}

static void end_arrows(struct nesting *nesting)
{
	struct level *level = &nesting->levels[nesting->depth];

	if (nesting->is_unsure)
		return;
	nesting->costly_count -= level->arrows;
	level->arrows = 0;
}

static void close_bracket(struct nesting *nesting)
{
	if (nesting->is_unsure || nesting->depth == 0)
		return;
	end_arrows(nesting);
	if (nesting->levels[nesting->depth].has_query)
		nesting->costly_count--;
	nesting->depth--;
}

static bool note_query(struct nesting *nesting)
{
	struct level *level = &nesting->levels[nesting->depth];

	if (!level->has_query && nesting->depth > 0) {
		level->has_query = true;
		nesting->costly_count++;
	}
	return nesting->costly_count <= COSTLY_MAX;
}

static bool note_arrow(struct nesting *nesting)
{
	nesting->levels[nesting->depth].arrows++;
	nesting->costly_count++;
	return nesting->costly_count <= COSTLY_MAX;
}

/* Behind the text, name or comment at the start of ${sql}; what is not one, by a character. */
static struct slice skip_quoted(struct nesting *nesting, struct slice sql)
{
	const char *end;
	size_t from = 1;

	if (sql.ptr[0] == '\'' || sql.ptr[0] == '"') {
		end = memchr(sql.ptr + 1, sql.ptr[0], sql.len - 1);
		from = end == NULL ? sql.len : (size_t)(end - sql.ptr) + 1;
		if (memchr(sql.ptr, '\\', from) != NULL)
			nesting->is_unsure = true;
	} else if (slice_starts(sql, SLICE("--"))) {
		end = memchr(sql.ptr, '\n', sql.len);
		from = end == NULL ? sql.len : (size_t)(end - sql.ptr);
		/* Some take a carriage return for the end of a line. */
		if (memchr(sql.ptr, '\r', from) != NULL)
			nesting->is_unsure = true;
	} else if (slice_starts(sql, SLICE("/*"))) {
		end = memmem(sql.ptr + 2, sql.len - 2, "*/", 2);
		from = end == NULL ? sql.len : (size_t)(end - sql.ptr) + 2;
		if (memmem(sql.ptr + 2, from - 2, "/*", 2) != NULL)
			nesting->is_unsure = true;
	} else if (sql.ptr[0] == '$') {
		nesting->is_unsure = true;
	}
	/* Once unsure, what is inside of it is looked at, too. */
	return slice_skip(sql, nesting->is_unsure ? 1 : from);
}

static size_t word_bytes(struct slice sql)
{
	size_t n = 0;

	while (n < sql.len && (isalnum((unsigned char)sql.ptr[n]) || sql.ptr[n] == '_'))
		n++;
	return n;
}

static bool is_costly_word(struct slice word)
{
	return slice_is_nocase(word, "SELECT") || slice_is_nocase(word, "FROM") ||
	       slice_is_nocase(word, "VALUES") || slice_is_nocase(word, "TABLE") ||
	       slice_is_nocase(word, "LAMBDA");
}

enum status lake_duckdb_check_nesting(struct slice sql, struct err *err)
{
	struct nesting nesting = {.depth = 0};

	while (sql.len > 0) {
		size_t length = word_bytes(sql);
		bool is_good = true;

		if (length > 0) {
			if (is_costly_word((struct slice){sql.ptr, length}))
				is_good = note_query(&nesting);
			sql = slice_skip(sql, length);
		} else if (strchr("([{", sql.ptr[0]) != NULL) {
			is_good = open_bracket(&nesting);
			sql = slice_skip(sql, 1);
		} else if (strchr(")]}", sql.ptr[0]) != NULL) {
			close_bracket(&nesting);
			sql = slice_skip(sql, 1);
		} else {
			if (sql.ptr[0] == ',')
				end_arrows(&nesting);
			else if (slice_starts(sql, SLICE("->")) && !slice_starts(sql, SLICE("->>")))
				is_good = note_arrow(&nesting);
			sql = skip_quoted(&nesting, sql);
		}
		if (!is_good)
			return fail(err);
	}
	return OK;
}
