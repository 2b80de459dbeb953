/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of keys in an open-addressed table: see key_set.h.  Two keys of one hash only make
 * it say "perhaps", and the engine counts the keys then; so the hash must be fast and
 * spread well, and needs no secret.
 */
#include "lake/key_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* 128 KiB at first, 64 MiB at most: 5.8 million keys, as many as a load of some 600 MB has. */
#define SLOTS_MIN ((size_t)1 << 14)
#define SLOTS_MAX ((size_t)1 << 23)

/* So many slots are asked for before the first is looked at: the set is far larger than the caches,
 * and one miss after the other was most of its time. */
#define AHEAD 64

#define MIX_A UINT64_C(0x9E3779B97F4A7C15)
#define MIX_B UINT64_C(0xD6E8FEB86659FD93)

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint128 product = (uint128)(a ^ MIX_A) * (b ^ MIX_B);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(const char *bytes, size_t count)
{
	uint64_t hash = count, word;

	for (; count >= sizeof(word); bytes += sizeof(word), count -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = mix(hash, word);
	}
	if (count > 0) {
		word = 0;
		memcpy(&word, bytes, count);
		hash = mix(hash, word);
	}
	return mix(hash, MIX_A);
}

static uint64_t hash_key(const struct batch_column *keys, size_t row)
{
	const struct slice *text;

	switch (keys->type) {
	case FIELD_STRING:
		text = (const struct slice *)keys->values + row;
		return hash_bytes(text->ptr, text->len);
	case FIELD_NUMBER:
		return hash_bytes(
		    (const char *)((const int128 *)keys->values + row), sizeof(int128));
	case FIELD_INTEGER:
	case FIELD_DATE_TIME:
		return hash_bytes(
		    (const char *)((const int64_t *)keys->values + row), sizeof(int64_t));
	case FIELD_BOOLEAN:
		return hash_bytes((const char *)((const bool *)keys->values + row), sizeof(bool));
	case FIELD_DATE:
		return hash_bytes(
		    (const char *)((const int32_t *)keys->values + row), sizeof(int32_t));
	}
	assert(false && "a field type");
	return 0;
}

/* False: it was there. */
static bool put(uint64_t *slots, size_t slot_count, uint64_t hash)
{
	size_t i = hash & (slot_count - 1);

	while (slots[i] != 0) {
		if (slots[i] == hash)
			return false;
		i = (i + 1) & (slot_count - 1);
	}
	slots[i] = hash;
	return true;
}

/* From here on it is unknown. */
static void give_up(struct key_set *set)
{
	free(set->slots);
	set->slots = NULL;
	set->slot_count = 0;
	set->may_repeat = true;
}

/* Make room for ${more} at no more than seven tenths full. */
static bool make_room(struct key_set *set, size_t more)
{
	size_t slot_count = set->slot_count == 0 ? SLOTS_MIN : set->slot_count;
	uint64_t *slots;

	while ((set->count + more) * 10 > slot_count * 7)
		slot_count *= 2;
	if (slot_count == set->slot_count)
		return true;
	if (slot_count > SLOTS_MAX)
		return false;
	slots = calloc(slot_count, sizeof(*slots));
	if (slots == NULL)
		return false;
	for (size_t i = 0; i < set->slot_count; i++) {
		if (set->slots[i] != 0)
			(void)put(slots, slot_count, set->slots[i]);
	}
	free(set->slots);
	set->slots = slots;
	set->slot_count = slot_count;
	return true;
}

void key_set_init(struct key_set *set)
{
	*set = (struct key_set){0};
}

void key_set_fini(struct key_set *set)
{
	free(set->slots);
	*set = (struct key_set){0};
}

void key_set_add(struct key_set *set, const struct batch_column *keys, size_t row_count)
{
	if (set->may_repeat)
		return;
	if (!make_room(set, row_count)) {
		give_up(set);
		return;
	}
	for (size_t first = 0; first < row_count; first += AHEAD) {
		size_t count = row_count - first < AHEAD ? row_count - first : AHEAD;
		uint64_t hashes[AHEAD];

		for (size_t i = 0; i < count; i++) {
			uint64_t hash = hash_key(keys, first + i);

			/* 0 means free, so its keys share a hash with
			 * others: "perhaps" at worst. */
			hashes[i] = hash == 0 ? 1 : hash;
			__builtin_prefetch(&set->slots[hashes[i] & (set->slot_count - 1)], 1);
		}
		for (size_t i = 0; i < count; i++) {
			if (!put(set->slots, set->slot_count, hashes[i])) {
				give_up(set);
				return;
			}
		}
		set->count += count;
	}
}
