/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /openapi.yaml: api/openapi.yaml as it was when this was built; the build makes an array of
 * it.  It never changes while the server runs, so its digest is a strong ETag, and a client that
 * has it already is told so.
 */
#include "api/handlers.h"

#include "openapi_document.h"

#include <stdio.h>

/* Is ${tag} in the list of If-None-Match, or is that "*"?  A weak tag (W/"…") fits, too: RFC 9110
 * compares weakly here. */
static bool is_listed(struct slice list, struct slice tag)
{
	struct slice one;
	const char *comma;

	while (list.len > 0) {
		comma = memchr(list.ptr, ',', list.len);
		one = list;
		if (comma != NULL)
			one.len = (size_t)(comma - list.ptr);
		list = slice_skip(list, comma != NULL ? one.len + 1 : one.len);
		while (one.len > 0 && (one.ptr[0] == ' ' || one.ptr[0] == '\t'))
			one = slice_skip(one, 1);
		while (one.len > 0 && (one.ptr[one.len - 1] == ' ' || one.ptr[one.len - 1] == '\t'))
			one.len--;
		if (one.len > 2 && memcmp(one.ptr, "W/", 2) == 0)
			one = slice_skip(one, 2);
		if (slice_is(one, "*") || slice_equals(one, tag))
			return true;
	}
	return false;
}

void api_openapi(struct request *request)
{
	char tag[sizeof(openapi_document_sha256) + 2];
	struct slice listed;
	struct buffer body;
	bool known;

	snprintf(tag, sizeof(tag), "\"%s\"", openapi_document_sha256);
	respond_header(request, "ETag", tag);
	/* Kept by who asked, and asked for again before it is used: the next version of the server
	 * has another. */
	respond_header(request, "Cache-Control", "private, no-cache");
	/* Of a 304 the library sends the head alone, with the length that the 200 would have. */
	known =
	    request_header(request, "If-None-Match", &listed) && is_listed(listed, slice_of(tag));
	buffer_init(&body, sizeof(openapi_document));
	buffer_put(&body, (struct slice){(const char *)openapi_document, sizeof(openapi_document)});
	respond(request, known ? 304 : 200, "application/yaml", &body);
}
