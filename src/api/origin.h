/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_ORIGIN_H
#define SLUICE_API_ORIGIN_H

/*
 * Where the client believes this server to be: what links and "instance_url" in answers are made
 * of.  The client's own Host is given back to it, since nobody else knows by which name, port or
 * tunnel it came.  One that could be no host is answered with "localhost".
 */

#include "base/buffer.h"
#include "http/http.h"

/* "https://localhost:8443" at the end of ${out}.  https: the request came over TLS, or over it to
 * a proxy that says so in X-Forwarded-Proto. */
void api_put_origin(const struct request *request, struct buffer *out);

/* The host and port alone: a view of the request's header, or of a constant. */
struct slice api_host(const struct request *request);

#endif
