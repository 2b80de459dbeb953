/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From accepted to visible: see visible.h.
 *
 * Others may go on sending to the stream, so it is waited for what is accepted when the wait begins,
 * not for a moment at which nothing is left.
 */
#include "cli/visible.h"

#include "base/clock.h"
#include "base/json.h"
#include "cli/reply.h"

#include <inttypes.h>
#include <time.h>

#define PATH_BYTES_MAX (64u << 10)
/* The longest ?wait= there is; and one that ends sooner than this was none. */
#define WAIT_S_MAX  60
#define POLL_US_MIN 200000

struct ask {
	struct client *client;
	struct retry *retry;
	const char *const *names;
};

/* Read how far the stream is.  ${ret_accepted} and ${ret_applied} are positions, or bytes that are
 * still to come when the server tells nothing better. */
static enum status ask_state(const struct ask *ask, int64_t wait_s, int64_t *ret_accepted,
    int64_t *ret_applied, struct err *err)
{
	struct client_request request = {.method = "GET"};
	const json_t *state;
	struct slice body;
	struct buffer path;
	json_t *answer = NULL;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	client_path(&path, "/api/v1/connectors/{}/streams/{}", ask->names[0], ask->names[1]);
	buffer_printf(&path, "?wait=%" PRId64, wait_s);
	buffer_put_char(&path, '\0');
	request.path = path.ptr;
	st = path.failed ? err_set(err, E_NOMEM, "no memory, or too long a name")
			 : retry_send(ask->retry, ask->client, &request, &body, err);
	if (st == OK)
		st = json_parse(body, &answer, err);
	buffer_fini(&path);
	if (st != OK)
		return st;
	state = json_object_get(answer, "streaming");
	if (json_is_integer(json_object_get(state, "appliedPosition"))) {
		*ret_accepted = reply_int(state, "acceptedPosition");
		*ret_applied = reply_int(state, "appliedPosition");
	} else if (json_is_integer(json_object_get(state, "pendingBytes"))) {
		*ret_accepted = 0;
		*ret_applied = -reply_int(state, "pendingBytes");
	} else {
		st = err_set(err, E_INVALID, "the server does not tell what is still to come");
	}
	json_decref(answer);
	return st;
}

enum status visible_wait(struct client *client, struct retry *retry, const char *const names[2],
    int64_t wait_s, struct err *err)
{
	const struct ask ask = {client, retry, names};
	int64_t start_us = clock_mono_us(), asked_us, left_s = wait_s, step, goal, accepted,
		applied;
	const struct timespec short_pause = {.tv_nsec = POLL_US_MIN * 1000L};
	enum status st;

	st = ask_state(&ask, 0, &goal, &applied, err);
	while (st == OK && applied < goal && left_s > 0) {
		step = left_s < WAIT_S_MAX ? left_s : WAIT_S_MAX;
		asked_us = clock_mono_us();
		st = ask_state(&ask, step, &accepted, &applied, err);
		/* A server that does not know ?wait= answers at once; it is not to be hammered. */
		if (st == OK && applied < goal && clock_mono_us() - asked_us < POLL_US_MIN)
			nanosleep(&short_pause, NULL);
		left_s = wait_s - (clock_mono_us() - start_us) / 1000000;
	}
	if (st != OK)
		err_add(err, "all was accepted; until it can be queried");
	else if (applied < goal)
		st = err_set(err, E_TIMEOUT,
		    "all was accepted, but it cannot be queried yet after %" PRId64 " s", wait_s);
	return st;
}
