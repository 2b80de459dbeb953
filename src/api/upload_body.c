/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an upload: see upload_body.h.
 *
 * Digests are of two kinds.  Content-Digest is about the bytes as they are sent (RFC 9530), the
 * part's own SHA-256 about what they unpack to.  When nothing is packed the two are the same, and
 * then a sha-256 that is asked for is not computed twice: it is the dearest thing that happens to
 * an upload.
 *
 * It does not commit: whether the part may be is not the body's to decide.
 */
#include "api/upload_body.h"

#include "api/handlers.h"

#include <assert.h>
#include <inttypes.h>

_Static_assert(BLOB_DIGEST_BYTES == DIGEST_SHA256_BYTES, "a part's digest is SHA-256");

enum status upload_body_begin(struct upload_body *body, const struct upload_head *head,
    struct blob_writer *writer, struct err *err)
{
	enum status st = OK;
	int a;

	*body = (struct upload_body){.expected = head->digests, .writer = writer};
	for (a = 0; st == OK && a < DIGEST_ALGORITHM_COUNT; a++) {
		if (head->digests.given[a] && (head->packed || a != DIGEST_SHA256))
			st = digest_create((enum digest_algorithm)a, &body->sent[a], err);
	}
	if (st == OK && head->packed)
		st = gunzip_create(API_PART_BYTES_MAX, &body->gunzip, err);
	if (st == OK && writer == NULL)
		st = digest_create(DIGEST_SHA256, &body->sha256, err);
	return st;
}

void upload_body_fini(struct upload_body *body)
{
	for (int a = 0; a < DIGEST_ALGORITHM_COUNT; a++)
		digest_destroy(&body->sent[a]);
	gunzip_destroy(&body->gunzip);
	digest_destroy(&body->sha256);
	blob_write_abort(&body->writer);
}

/* A piece of the part itself. */
static enum status take(void *ctx, struct slice bytes, struct err *err)
{
	struct upload_body *body = ctx;

	body->bytes += bytes.len;
	if (body->writer != NULL)
		return blob_write(body->writer, bytes, err);
	digest_add(body->sha256, bytes);
	return OK;
}

enum status upload_body_add(struct upload_body *body, struct slice bytes, struct err *err)
{
	for (int a = 0; a < DIGEST_ALGORITHM_COUNT; a++) {
		if (body->sent[a] != NULL)
			digest_add(body->sent[a], bytes);
	}
	if (body->gunzip != NULL)
		return gunzip_feed(body->gunzip, bytes, take, body, err);
	return take(body, bytes, err);
}

static enum status compare_digest(const struct upload_body *body, enum digest_algorithm algorithm,
    const struct blob_info *info, struct err *err)
{
	char expected_text[CONTENT_DIGEST_TEXT_BYTES], sent_text[CONTENT_DIGEST_TEXT_BYTES];
	const unsigned char *expected = body->expected.bytes[algorithm];
	unsigned char sent[DIGEST_BYTES_MAX];
	enum status st = OK;

	if (body->sent[algorithm] != NULL)
		st = digest_get(body->sent[algorithm], sent, err);
	else
		memcpy(sent, info->sha256, sizeof(info->sha256));
	if (st != OK || memcmp(sent, expected, digest_bytes(algorithm)) == 0)
		return st;
	return err_set(err, E_INVALID,
	    "Content-Digest says that the %s digest of the body is %s, but that of the body which "
	    "came is %s",
	    content_digest_name(algorithm),
	    content_digest_format(expected, algorithm, expected_text),
	    content_digest_format(sent, algorithm, sent_text));
}

enum status upload_body_end(struct upload_body *body, struct blob_info *ret_info, struct err *err)
{
	struct blob_info info = {.bytes = body->bytes};
	enum status st = OK;

	/* The digests first: when bytes were lost or changed on the way, that is the better
	 * explanation than what it did to the gzip. */
	if (body->writer != NULL)
		st = blob_write_info(body->writer, &info, err);
	else
		st = digest_get(body->sha256, info.sha256, err);
	assert(st != OK || info.bytes == body->bytes);
	for (int a = 0; st == OK && a < DIGEST_ALGORITHM_COUNT; a++) {
		if (body->expected.given[a])
			st = compare_digest(body, (enum digest_algorithm)a, &info, err);
	}
	if (st == OK && body->gunzip != NULL)
		st = gunzip_finish(body->gunzip, err);
	if (st == OK)
		*ret_info = info;
	return st;
}
