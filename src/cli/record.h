/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_RECORD_H
#define SLUICE_CLI_RECORD_H

/*
 * What a line must be to go into a body as it is, {"data":[line,line]}: one that is no whole JSON
 * object would spoil the body for those beside it.  What is in the object is the server's to judge.
 */

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

/* Is it one JSON object?  The arena is scratch space, and reset.  E_INVALID: no, and why. */
enum status record_check(struct slice line, struct arena *scratch, struct err *err) WARN_UNUSED;

/* Append an id as a JSON string.  E_INVALID: it is not UTF-8 or holds a NUL. */
enum status record_put_id(struct buffer *out, struct slice id, struct err *err) WARN_UNUSED;

#endif
