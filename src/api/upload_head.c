/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of an upload: what the body is, how it is packed, how it can be checked, and what the
 * client calls it.  All is judged before the body is read, so that a refused client need not send
 * it.  Not here: its length, which http/ sees to.
 */
#include "api/upload_head.h"

#include "api/handlers.h"

#define KEY_BYTES_MAX (CATALOG_KEY_BYTES - 1)

static bool read_type(struct request *request)
{
	struct slice type;

	if (request_header(request, "Content-Type", &type) && api_media_type_is(type, "text/csv"))
		return true;
	respond_error(request, 415, "A part must come with the header \"Content-Type: text/csv\".");
	return false;
}

static bool read_coding(struct request *request, bool *ret_packed)
{
	enum http_coding coding = request_coding(request);
	struct slice text = {NULL, 0};

	*ret_packed = coding == HTTP_CODING_GZIP;
	if (coding != HTTP_CODING_OTHER)
		return true;
	request_header(request, "Content-Encoding", &text);
	respond_header(request, "Accept-Encoding", "gzip");
	respond_error(request, 415,
	    "Content-Encoding \"%.*s\" is not supported; send the part as it is, or with one gzip.",
	    text.len > 256 ? 256 : SLICE_ARGS(text));
	return false;
}

static bool read_digests(struct request *request, struct content_digest *ret_digests)
{
	struct slice line;
	struct err err = {{0}};

	for (size_t i = 0; request_header_line(request, "Content-Digest", i, &line); i++) {
		if (content_digest_add(line, ret_digests, &err) != OK) {
			respond_error(request, 400,
			    "The header Content-Digest is malformed: %s.  It should be "
			    "\"sha-256=:BASE64:\" or \"sha-512=:BASE64:\".",
			    err.text);
			return false;
		}
	}
	return true;
}

static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	}
	return true;
}

static bool read_key(struct request *request, char ret_key[CATALOG_KEY_BYTES])
{
	struct slice key, other;

	if (!request_header(request, "Idempotency-Key", &key))
		return true;
	if (request_header_line(request, "Idempotency-Key", 1, &other)) {
		respond_error(request, 400, "There is more than one Idempotency-Key.");
		return false;
	}
	if (key.len == 0 || key.len > KEY_BYTES_MAX || !is_printable(key)) {
		respond_error(request, 400,
		    "An Idempotency-Key has 1 to %d printable ASCII characters; this one has "
		    "%zu bytes%s.",
		    KEY_BYTES_MAX, key.len, is_printable(key) ? "" : ", and others among them");
		return false;
	}
	memcpy(ret_key, key.ptr, key.len);
	ret_key[key.len] = '\0';
	return true;
}

bool upload_head_read(struct request *request, struct upload_head *ret_head)
{
	struct upload_head head = {.packed = false};

	if (!read_type(request) || !read_coding(request, &head.packed) ||
	    !read_digests(request, &head.digests) || !read_key(request, head.key))
		return false;
	*ret_head = head;
	return true;
}
