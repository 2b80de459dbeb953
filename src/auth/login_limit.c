/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failed logins of an address: see login_limit.h.
 *
 * A fixed number of places, each with the moments of an address's last ten failures.  A place is in
 * the list of its hash's bucket, and in a list of all that are taken, the youngest failure first;
 * when none is free, the last of that list is taken from its address.  The hash has a random seed,
 * so that nobody can choose addresses that share a bucket.
 *
 * Only failures are known here: who asks before it fails goes on, so of logins that are under way
 * at once a few more than ten may fail.  Not here: what counts as a failure (auth/oauth.c).
 */
#include "auth/login_limit.h"

#include "base/thread.h"
#include "base/uuid.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define PLACES  4096 /* of about 120 bytes */
#define BUCKETS 4096
#define NOWHERE UINT32_MAX
#define IPV4    (UINT64_C(1) << 32) /* no IPv6 address in use begins with 0:1: */

struct place {
	uint64_t who;
	int64_t failed_us[LOGIN_FAILURES_MAX]; /* a ring */
	uint32_t count, oldest;
	uint32_t next_in_bucket;
	uint32_t younger, older;
};

struct login_limit {
	uint64_t seed;
	pthread_mutex_t mutex; /* guards all below */
	uint32_t taken;        /* places from the first on */
	uint32_t youngest, oldest;
	uint32_t buckets[BUCKETS];
	struct place places[PLACES];
};

/* --- Who -------------------------------------------------------------------------------------- */

/* An IPv4 address, also where it comes in the clothes of an IPv6 one; the first half of any other;
 * 0 for what is no address. */
static uint64_t who_is(const char *address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char bytes[16];
	uint32_t four;
	uint64_t half;

	if (inet_pton(AF_INET, address, &four) == 1)
		return IPV4 | ntohl(four);
	if (inet_pton(AF_INET6, address, bytes) != 1)
		return 0;
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		memcpy(&four, bytes + sizeof(mapped), sizeof(four));
		return IPV4 | ntohl(four);
	}
	memcpy(&half, bytes, sizeof(half));
	return be64toh(half);
}

static uint32_t *bucket_of(struct login_limit *limit, uint64_t who)
{
	uint64_t mixed = (who ^ limit->seed) * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 32 ^ limit->seed) * UINT64_C(0xd6e8feb86659fd93);
	return &limit->buckets[(mixed ^ mixed >> 32) % BUCKETS];
}

/* --- Places; all with the mutex --------------------------------------------------------------- */

static uint32_t find_locked(struct login_limit *limit, uint64_t who)
{
	uint32_t i = *bucket_of(limit, who);

	while (i != NOWHERE && limit->places[i].who != who)
		i = limit->places[i].next_in_bucket;
	return i;
}

static void unlink_age_locked(struct login_limit *limit, uint32_t i)
{
	struct place *place = &limit->places[i];

	*(place->younger == NOWHERE ? &limit->youngest : &limit->places[place->younger].older) =
	    place->older;
	*(place->older == NOWHERE ? &limit->oldest : &limit->places[place->older].younger) =
	    place->younger;
}

static void make_youngest_locked(struct login_limit *limit, uint32_t i)
{
	limit->places[i].younger = NOWHERE;
	limit->places[i].older = limit->youngest;
	if (limit->youngest != NOWHERE)
		limit->places[limit->youngest].younger = i;
	else
		limit->oldest = i;
	limit->youngest = i;
}

static void unlink_bucket_locked(struct login_limit *limit, uint32_t i)
{
	uint32_t *link = bucket_of(limit, limit->places[i].who);

	while (*link != i) {
		assert(*link != NOWHERE);
		link = &limit->places[*link].next_in_bucket;
	}
	*link = limit->places[i].next_in_bucket;
}

/* A place for ${who}, who has none; it is in its bucket, but has no age yet. */
static uint32_t take_locked(struct login_limit *limit, uint64_t who)
{
	uint32_t i = limit->taken, *bucket = bucket_of(limit, who);

	if (i < PLACES) {
		limit->taken++;
	} else {
		i = limit->oldest;
		unlink_age_locked(limit, i);
		unlink_bucket_locked(limit, i);
	}
	limit->places[i] = (struct place){.who = who, .next_in_bucket = *bucket};
	*bucket = i;
	return i;
}

/* --- The limit -------------------------------------------------------------------------------- */

enum status login_limit_create(struct login_limit **ret_limit, struct err *err)
{
	struct login_limit *limit = calloc(1, sizeof(*limit));

	if (limit == NULL)
		return err_set(err, E_NOMEM, "no memory for the limit of failed logins");
	random_fill(&limit->seed, sizeof(limit->seed));
	mutex_init(&limit->mutex);
	limit->youngest = limit->oldest = NOWHERE;
	for (size_t i = 0; i < BUCKETS; i++)
		limit->buckets[i] = NOWHERE;
	*ret_limit = limit;
	return OK;
}

void login_limit_destroy(struct login_limit **limit)
{
	if (*limit == NULL)
		return;
	mutex_fini(&(*limit)->mutex);
	free(*limit);
	*limit = NULL;
}

bool login_limit_may(
    struct login_limit *limit, const char *address, int64_t now_us, int64_t *ret_wait_us)
{
	const struct place *place;
	int64_t free_us = now_us;
	uint32_t i;

	mutex_lock(&limit->mutex);
	i = find_locked(limit, who_is(address));
	if (i != NOWHERE) {
		place = &limit->places[i];
		if (place->count == LOGIN_FAILURES_MAX)
			free_us = place->failed_us[place->oldest] + LOGIN_SPAN_US;
	}
	mutex_unlock(&limit->mutex);
	if (free_us <= now_us)
		return true;
	*ret_wait_us = free_us - now_us;
	return false;
}

void login_limit_failed(struct login_limit *limit, const char *address, int64_t now_us)
{
	uint64_t who = who_is(address);
	struct place *place;
	uint32_t i;

	mutex_lock(&limit->mutex);
	i = find_locked(limit, who);
	if (i == NOWHERE)
		i = take_locked(limit, who);
	else
		unlink_age_locked(limit, i);
	make_youngest_locked(limit, i);
	place = &limit->places[i];
	if (place->count < LOGIN_FAILURES_MAX) {
		place->failed_us[place->count++] = now_us;
	} else {
		place->failed_us[place->oldest] = now_us;
		place->oldest = (place->oldest + 1) % LOGIN_FAILURES_MAX;
	}
	mutex_unlock(&limit->mutex);
}
