/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that come twice: see json_keys.h.
 *
 * A few keys, which is the rule, are compared each with each.  Many are sorted, and two that are
 * the same then lie side by side.  It is a heap sort, because a stranger chooses the keys: it has no
 * bad cases, as quick sort and hash tables have, and takes no memory, as the C library's does.
 */
#include "json/json_keys.h"

#include <string.h>

#define ROOM_FIRST 64
#define FEW        8 /* 28 comparisons, most of them of two lengths */

bool json_keys_add(struct json_keys *keys, const struct json_key *key, struct arena *arena)
{
	struct json_key *grown;
	size_t room;

	if (keys->count == keys->room) {
		room = keys->room == 0 ? ROOM_FIRST : 2 * keys->room;
		grown = arena_array(arena, room, sizeof(*grown));
		if (grown == NULL)
			return false;
		if (keys->count > 0)
			memcpy(grown, keys->keys, keys->count * sizeof(*grown));
		keys->keys = grown;
		keys->room = room;
	}
	keys->keys[keys->count++] = *key;
	return true;
}

/* Shorter ones first: most differ in length, and that costs no look at the text. */
static int compare_texts(const struct json_key *a, const struct json_key *b)
{
	if (a->text.len != b->text.len)
		return a->text.len < b->text.len ? -1 : 1;
	return a->text.len == 0 ? 0 : memcmp(a->text.ptr, b->text.ptr, a->text.len);
}

/* Of two with the same text, the one that was sent first. */
static bool goes_before(const struct json_key *a, const struct json_key *b)
{
	int order = compare_texts(a, b);

	return order != 0 ? order < 0 : a->begin < b->begin;
}

static void sift_down(struct json_key *keys, size_t root, size_t count)
{
	struct json_key moved = keys[root];
	size_t child;

	while ((child = 2 * root + 1) < count) {
		if (child + 1 < count && goes_before(&keys[child], &keys[child + 1]))
			child++;
		if (!goes_before(&moved, &keys[child]))
			break;
		keys[root] = keys[child];
		root = child;
	}
	keys[root] = moved;
}

static void sort(struct json_key *keys, size_t count)
{
	struct json_key last;

	for (size_t i = count / 2; i-- > 0;)
		sift_down(keys, i, count);
	for (size_t i = count; i-- > 1;) {
		last = keys[i];
		keys[i] = keys[0];
		keys[0] = last;
		sift_down(keys, 0, i);
	}
}

static const struct json_key *twice_among_few(const struct json_key *keys, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (slice_equals(keys[k].text, keys[i].text))
				return &keys[i];
		}
	}
	return NULL;
}

const struct json_key *json_keys_twice(struct json_keys *all, size_t first)
{
	struct json_key *keys = all->keys == NULL ? NULL : all->keys + first;
	const struct json_key *found = NULL;
	size_t count = all->count - first;

	if (count <= FEW)
		return twice_among_few(keys, count);
	sort(keys, count);
	for (size_t i = 1; i < count; i++) {
		if (compare_texts(&keys[i - 1], &keys[i]) == 0 &&
		    (found == NULL || keys[i].begin < found->begin))
			found = &keys[i];
	}
	return found;
}
