/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_UUID_H
#define SLUICE_BASE_UUID_H

/* Random UUIDs (RFC 9562, version 4) in their text form: 36 lower-case characters. */

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define UUID_TEXT_BYTES 37 /* with the NUL */

/* A new one, with its NUL. */
void uuid_make(char text[UUID_TEXT_BYTES]);

/* Has ${text} the form of a UUID of ours, lower case? */
bool uuid_is_valid(struct slice text);

/* Fill ${ret_bytes}, at most 256, with what the kernel's random source gives.  Never fails on a
 * kernel that runs this program. */
void random_fill(void *ret_bytes, size_t count);

#endif
