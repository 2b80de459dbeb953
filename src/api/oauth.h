/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_OAUTH_H
#define SLUICE_API_OAUTH_H

#include "base/buffer.h"

/* Everything below these answers errors as OAuth does; for http_options. */
#define OAUTH_PREFIX          "/services/oauth2"
#define OAUTH_EXCHANGE_PREFIX "/services/a360"

/* {"error":…,"error_description":…} */
void oauth_write_error(struct buffer *out, unsigned status, const char *message);

#endif
