/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_BASIC_H
#define SLUICE_API_BASIC_H

/* What an app says of itself in an Authorization header "Basic …" (RFC 7617, RFC 6749 2.3.1). */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

/* Is it of that scheme, whatever follows? */
bool basic_is(struct slice header);

/* Both in the arena, percent-decoded; a '%' that begins no escape stays, and so does a '+', which
 * more clients send for itself than for a space.  E_INVALID: no base64, or no colon in it;
 * E_NOMEM. */
enum status basic_parse(struct slice header, struct arena *arena, struct slice *ret_id,
    struct slice *ret_secret, struct err *err) WARN_UNUSED;

#endif
