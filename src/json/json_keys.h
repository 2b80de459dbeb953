/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JSON_JSON_KEYS_H
#define SLUICE_JSON_JSON_KEYS_H

/*
 * The keys of the objects that are open, on a stack: an inner object's lie behind those of the one
 * around it, and go when it is closed.  For json_scan.c.
 */

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct json_key {
	struct slice text;
	const char *begin; /* in the text that is read */
};

/* All zero is an empty one. */
struct json_keys {
	struct json_key *keys; /* in the arena */
	size_t count, room;
};

/* false: no memory.  All in one arena. */
bool json_keys_add(
    struct json_keys *keys, const struct json_key *key, struct arena *arena) WARN_UNUSED;

/* Among those from ${first} on: the first in the text that was there before; NULL when there is
 * none.  Their order is lost.  Never slower than n log n comparisons; takes no memory. */
const struct json_key *json_keys_twice(struct json_keys *keys, size_t first);

#endif
