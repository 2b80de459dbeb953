/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_PLATFORM_H
#define SLUICE_API_PLATFORM_H

#include "base/buffer.h"

/* Everything below it answers errors as the platform does; for http_options. */
#define PLATFORM_PREFIX "/services/data"

/* [{"message":…,"errorCode":…}] */
void platform_write_error(struct buffer *out, unsigned status, const char *message);

#endif
