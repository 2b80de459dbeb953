/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_REPLY_H
#define SLUICE_CLI_REPLY_H

/* What a server's answer says to a person: refusals made into text, members of JSON made into
 * values.  No network. */

#include "base/buffer.h"
#include "base/json.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

/* The failure behind an answer that is not 2xx: the text from the envelope's message or the OAuth
 * form, or the bare code when the body is neither; on 401 what to do about it, too.  The strings in
 * details.problems go into ${problems}, a line each.
 * Returns E_NOT_FOUND for 404, E_CONFLICT for 409, E_BUSY for 429 and 503, E_IO for the other 5xx
 * (these two are worth another try), E_INVALID for the rest. */
enum status reply_explain(
    long http_status, struct slice body, struct buffer *problems, struct err *err) WARN_UNUSED;

/* A member's text, "" when it is absent or not a string.  Valid as long as ${object}. */
const char *reply_text(const json_t *object, const char *name);

/* A member's whole number, 0 when it is absent or not one. */
int64_t reply_int(const json_t *object, const char *name);

#endif
