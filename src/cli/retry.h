/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_RETRY_H
#define SLUICE_CLI_RETRY_H

/*
 * A request that is sent again while its failure is one that passes: 429, 503 and other 5xx, no
 * connection, a cut connection.  For requests that may arrive twice.
 */

#include "cli/client.h"
#include "cli/progress.h"

#include <stdbool.h>

struct retry {
	int64_t seconds_max;       /* from the first failure of a request on */
	bool refused_only;         /* 429 and 503 alone: what was refused did not happen */
	struct progress *progress; /* what to wipe before a message; may be NULL */
	uint64_t count;            /* how often something was sent again */
};

/* As client_send.  Each pause is told on standard error.  When the server asks for a longer pause
 * than there is time left, it ends at once.  E_CANCELLED: interrupt_asked was set and it would have
 * been tried again. */
enum status retry_send(struct retry *retry, struct client *client,
    const struct client_request *request, struct slice *ret_body, struct err *err) WARN_UNUSED;

/* The pause before try ${tried} + 1 (${tried} from 1) in milliseconds: doubling up to 10 s, half of
 * it by chance (${random} is any number), so that clients that were refused together do not come
 * together again; never less than the ${asked_s} that the server asks for. */
int64_t retry_pause_ms(unsigned tried, unsigned asked_s, uint32_t random);

#endif
