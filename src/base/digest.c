/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests on OpenSSL's EVP, the only file that includes it for them: see digest.h.
 *
 * EVP and not the plain functions, since those are deprecated and EVP picks the code for this
 * processor.  Once a context is made, SHA-2 in memory cannot fail; that it did would be a bug, and
 * is asserted.
 */
#include "base/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

_Static_assert(DIGEST_SHA256_BYTES == SHA256_DIGEST_LENGTH, "the same lengths as OpenSSL's");
_Static_assert(DIGEST_SHA512_BYTES == SHA512_DIGEST_LENGTH, "the same lengths as OpenSSL's");

struct digest {
	EVP_MD_CTX *context;
};

size_t digest_bytes(enum digest_algorithm algorithm)
{
	assert(algorithm < DIGEST_ALGORITHM_COUNT);
	return algorithm == DIGEST_SHA256 ? DIGEST_SHA256_BYTES : DIGEST_SHA512_BYTES;
}

enum status digest_create(
    enum digest_algorithm algorithm, struct digest **ret_digest, struct err *err)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	assert(algorithm < DIGEST_ALGORITHM_COUNT);
	if (digest == NULL)
		goto failed;
	digest->context = EVP_MD_CTX_new();
	if (digest->context == NULL ||
	    EVP_DigestInit_ex(digest->context,
		algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_sha512(), NULL) != 1)
		goto failed;
	*ret_digest = digest;
	return OK;
failed:
	digest_destroy(&digest);
	return err_set(err, E_NOMEM, "no memory for a digest");
}

void digest_destroy(struct digest **digest)
{
	if (*digest == NULL)
		return;
	EVP_MD_CTX_free((*digest)->context);
	free(*digest);
	*digest = NULL;
}

void digest_add(struct digest *digest, struct slice bytes)
{
	int done = EVP_DigestUpdate(digest->context, bytes.ptr, bytes.len);

	assert(done == 1);
}

enum status digest_get(const struct digest *digest, unsigned char *ret_bytes, struct err *err)
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	int done;

	/* To end a digest spoils it; so a copy is ended. */
	if (copy == NULL || EVP_MD_CTX_copy_ex(copy, digest->context) != 1) {
		EVP_MD_CTX_free(copy);
		return err_set(err, E_NOMEM, "no memory for a digest");
	}
	done = EVP_DigestFinal_ex(copy, ret_bytes, NULL);
	assert(done == 1);
	EVP_MD_CTX_free(copy);
	return OK;
}

void digest_sha256(struct slice bytes, unsigned char ret_digest[DIGEST_SHA256_BYTES])
{
	SHA256((const unsigned char *)bytes.ptr, bytes.len, ret_digest);
}
