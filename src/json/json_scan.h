/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JSON_JSON_SCAN_H
#define SLUICE_JSON_JSON_SCAN_H

/*
 * A JSON text in memory, token by token: what streamed records are read with.  No tree is built,
 * and a number stays the text that it was, so that a decimal keeps its exact value.
 *
 *	struct json_scan scan;
 *	json_scan_init(&scan, body, &arena);
 *	json_scan_next(&scan, &token, &err)	until token.kind is SCAN_DONE
 *	json_scan_skip(&scan, &token, &err)	a value that is of no interest
 *
 * As strict as base/json.h, and about the same texts: one object or array of RFC 8259; UTF-8
 * without NUL, not even an escaped one; no lone surrogates; no member twice in an object; nothing
 * behind the end; at most JSON_SCAN_DEPTH levels.  Only numbers are freer: of any size and length.
 *
 * Owner: who initialised it; there is nothing to end.  One thread at a time.
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "json/json_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_SCAN_DEPTH 64

enum json_scan_kind {
	SCAN_OBJECT, /* begins */
	SCAN_ARRAY,  /* begins */
	SCAN_CLOSE,  /* of the object or array that is open */
	SCAN_KEY,    /* of a member; its value is next */
	SCAN_STRING,
	SCAN_NUMBER,
	SCAN_TRUE,
	SCAN_FALSE,
	SCAN_NULL,
	SCAN_DONE, /* the end of the text */
};

struct json_token {
	enum json_scan_kind kind;
	struct slice text; /* a key's or string's characters, any other token as it was sent */
	const char *begin; /* of the token in the text, its quotes included */
};

struct json_scan {
	struct slice body;
	const char *at, *end;
	struct arena *arena;
	int expect;
	unsigned depth;
	uint64_t in_object;    /* a bit a level: is it an object? */
	uint64_t caller_keys;  /* a bit a level: see json_scan_own_keys */
	struct json_keys keys; /* of all levels that are open */
	size_t first_key[JSON_SCAN_DEPTH];
};

/* Borrows both.  The arena takes strings that had escapes, and keys, so what tokens hold is valid
 * until it is reset. */
void json_scan_init(struct json_scan *scan, struct slice body, struct arena *arena);

/* E_INVALID: the text is not valid JSON; the error says why, and in which line and column.  A
 * member that is there twice shows when its object is closed.  E_NOMEM.  After a failure the scan
 * is over. */
enum status json_scan_next(
    struct json_scan *scan, struct json_token *ret_token, struct err *err) WARN_UNUSED;

/* Read to the end of the value that ${first} begins. */
enum status json_scan_skip(
    struct json_scan *scan, const struct json_token *first, struct err *err) WARN_UNUSED;

/* For a caller who knows the members of the object that was just begun, and so sees cheaper when
 * one comes twice: its keys are not compared, but for those that are handed to json_scan_watch (all
 * with each other).  json_scan_twice is the error for one that the caller has found. */
void json_scan_own_keys(struct json_scan *scan);
enum status json_scan_watch(
    struct json_scan *scan, const struct json_token *key, struct err *err) WARN_UNUSED;
enum status json_scan_twice(
    const struct json_scan *scan, const struct json_token *key, struct err *err);

#endif
