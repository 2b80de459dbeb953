/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SCHEMA_DOCUMENT_H
#define SLUICE_SCHEMA_DOCUMENT_H

/*
 * One YAML document (so, one JSON document too) as a tree of nodes that know their place.
 *
 *	document_parse(text, &arena, &document, &err)  ->  node_get(document.root, SLICE("openapi"))
 *
 * It knows nothing of schemas.  The tree is bounded in depth and in nodes, and nothing in it is
 * shared: an alias is not followed, so a small text can't become a large tree.
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define DOCUMENT_DEPTH_MAX 64     /* far past what OpenAPI needs */
#define DOCUMENT_NODES_MAX 200000 /* keys included; some 24 MB of nodes */
#define DOCUMENT_DIRECTIVES_MAX                                                                    \
	16 /* lines that begin with %: libyaml compares each with all others */

enum node_kind {
	NODE_TEXT,
	NODE_SEQUENCE,
	NODE_MAPPING,
	NODE_ALIAS, /* always flawed */
};

struct node {
	enum node_kind kind;
	bool plain; /* NODE_TEXT: without quotes or tag, so it may mean a number, a boolean or null
		     */
	bool repeated;      /* the key is there already: not among its parent's children */
	size_t line;        /* from 1; of the key, when there is one */
	struct slice text;  /* NODE_TEXT */
	struct slice key;   /* in a mapping */
	const char *flaw;   /* what is wrong with the node itself; else NULL */
	size_t index;       /* among the parent's children */
	size_t child_count; /* NODE_SEQUENCE, NODE_MAPPING */
	struct node *parent;
	struct node *first_child;
	struct node *next_child;     /* of the same parent */
	struct node *next_flawed;    /* of the document */
	const struct node **by_name; /* NODE_MAPPING: the children ordered by key */
};

struct document {
	const struct node *root;
	/* Aliases, and the second and later values of a key. */
	const struct node *first_flawed;
};

/* Read ${text}.  All is in ${arena}, also after a failure; ${text} may go.
 * E_INVALID: not UTF-8, not YAML, not exactly one document, a key that is not text, or past a
 * bound; the text says which and on what line.  E_NOMEM. */
enum status document_parse(struct slice text, struct arena *arena, struct document *ret_document,
    struct err *err) WARN_UNUSED;

/* The value of a key, or NULL when ${node} is NULL, is no mapping or has no such key. */
const struct node *node_get(const struct node *node, struct slice key);

/* Is it text with that value?  NULL is not. */
bool node_is(const struct node *node, const char *text);

/* Is it what YAML and JSON call null? */
bool node_is_null(const struct node *node);

/* Text for a person's eyes: cut, control characters replaced.  To be
 * used as show(x).text in a call. */
#define SHOWN_BYTES_MAX 80
struct shown {
	char text[SHOWN_BYTES_MAX + sizeof("…")];
};
struct shown show(struct slice text);

/* Where it is, as "components.schemas.orders.required[2]", from the root; cut. */
struct node_place {
	char text[512];
};
struct node_place node_place(const struct node *node);

#endif
