/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_VISIBLE_H
#define SLUICE_CLI_VISIBLE_H

/* When can a query see what a stream has accepted? */

#include "cli/client.h"
#include "cli/retry.h"

#include <stdint.h>

/* Wait up to ${wait_s} seconds until all that the stream of ${names}, a connector and an object, has
 * accepted before this call can be queried.  E_TIMEOUT: not yet; E_INVALID: the server does not tell;
 * or as retry_send.  The texts say that all was accepted. */
enum status visible_wait(struct client *client, struct retry *retry, const char *const names[2],
    int64_t wait_s, struct err *err) WARN_UNUSED;

#endif
