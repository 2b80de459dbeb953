/* SPDX-License-Identifier: Apache-2.0 */
/* Where the client believes this server to be: see origin.h. */
#include "api/origin.h"

#include <string.h>

#define HOST_BYTES_MAX 261 /* a name of 255, a colon, a port */

/* Nothing that would end the host in a URL, or a text that it is put into. */
static bool may_stand_in_host(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~[]:", c) != NULL;
}

struct slice api_host(const struct request *request)
{
	struct slice host;
	size_t i;

	if (!request_header(request, "Host", &host) || host.len == 0 || host.len > HOST_BYTES_MAX)
		return SLICE("localhost");
	for (i = 0; i < host.len; i++) {
		if (host.ptr[i] == '\0' || !may_stand_in_host(host.ptr[i]))
			return SLICE("localhost");
	}
	return host;
}

void api_put_origin(const struct request *request, struct buffer *out)
{
	struct slice forwarded;
	bool is_https = request_is_secure(request) ||
			(request_header(request, "X-Forwarded-Proto", &forwarded) &&
			    slice_is_nocase(forwarded, "https"));

	buffer_put_text(out, is_https ? "https://" : "http://");
	buffer_put(out, api_host(request));
}
