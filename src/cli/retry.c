/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying again: see retry.h.  It knows nothing of what is sent; that to repeat it is harmless is
 * what the caller says by calling.
 */
#include "cli/retry.h"

#include "base/clock.h"
#include "cli/interrupt.h"
#include "base/term.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#define PAUSE_MS_FIRST 250
#define PAUSE_MS_MAX   10000

int64_t retry_pause_ms(unsigned tried, unsigned asked_s, uint32_t random)
{
	int64_t longest = PAUSE_MS_FIRST, asked_ms = (int64_t)asked_s * 1000, by_chance;

	assert(tried > 0);
	for (unsigned i = 1; i < tried && longest < PAUSE_MS_MAX; i++)
		longest *= 2;
	if (longest > PAUSE_MS_MAX)
		longest = PAUSE_MS_MAX;
	by_chance = random % (longest / 2 + 1);
	return by_chance + (asked_ms > longest / 2 ? asked_ms : longest / 2);
}

/* Sleep, but not through Ctrl-C. */
static void pause_ms(int64_t ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (!interrupt_asked && nanosleep(&left, &left) != 0)
		;
}

static uint32_t any_number(void)
{
	uint32_t number = 0;

	/* Without it all clients pause alike, which is not worth a failure. */
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = 0;
	return number;
}

static bool may_pass(const struct retry *retry, enum status st)
{
	return st == E_BUSY || (st == E_IO && !retry->refused_only);
}

static void tell(const struct retry *retry, const struct err *err, int64_t ms)
{
	if (retry->progress != NULL)
		progress_clear(retry->progress);
	fflush(stdout);
	fputs("sluice: ", stderr);
	term_put(stderr, slice_of(err->text));
	fprintf(stderr, "; trying again in %.1f s\n", (double)ms / 1000);
}

/* How long to pause now; negative: the time is over, and ${err} says so. */
static int64_t next_pause_ms(const struct retry *retry, const struct client *client, unsigned tried,
    int64_t first_failure_us, struct err *err)
{
	unsigned asked_s = client_retry_after_s(client);
	int64_t left = retry->seconds_max * 1000 - (clock_mono_us() - first_failure_us) / 1000;
	int64_t pause = retry_pause_ms(tried, asked_s, any_number());
	struct err why = *err;

	if (retry->seconds_max == 0)
		return -1;
	if (left >= (int64_t)asked_s * 1000 && left > 0)
		return pause < left ? pause : left;
	if (left > 0)
		err_set(err, E_BUSY,
		    "%.800s; the server asks to be left alone for %u s, which is longer than the "
		    "%" PRId64 " s that are left",
		    why.text, asked_s, left / 1000);
	else
		err_set(err, E_IO, "%.800s; given up after %u tries in %" PRId64 " s", why.text,
		    tried, retry->seconds_max);
	return -1;
}

enum status retry_send(struct retry *retry, struct client *client,
    const struct client_request *request, struct slice *ret_body, struct err *err)
{
	int64_t first_failure_us = 0, pause;
	enum status st;

	for (unsigned tried = 1;; tried++) {
		st = client_send(client, request, ret_body, err);
		if (st == OK || !may_pass(retry, st))
			return st;
		if (tried == 1)
			first_failure_us = clock_mono_us();
		if (interrupt_asked)
			return err_set(err, E_CANCELLED, "interrupted");
		pause = next_pause_ms(retry, client, tried, first_failure_us, err);
		if (pause < 0)
			return st;
		tell(retry, err, pause);
		pause_ms(pause);
		if (interrupt_asked)
			return err_set(err, E_CANCELLED, "interrupted");
		retry->count++;
	}
}
