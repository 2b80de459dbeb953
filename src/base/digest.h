/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_DIGEST_H
#define SLUICE_BASE_DIGEST_H

/*
 * SHA-256 and SHA-512, of bytes that come piece by piece.
 *
 * Life:	digest_create -> digest_add … -> digest_get, digest_destroy
 *
 * One thread at a time.  Nothing here blocks.
 */

#include "base/slice.h"
#include "base/status.h"

#define DIGEST_SHA256_BYTES 32
#define DIGEST_SHA512_BYTES 64
#define DIGEST_BYTES_MAX    64

enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA512, DIGEST_ALGORITHM_COUNT };

struct digest;

/* How long it is. */
size_t digest_bytes(enum digest_algorithm algorithm);

/* E_NOMEM. */
enum status digest_create(
    enum digest_algorithm algorithm, struct digest **ret_digest, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void digest_destroy(struct digest **digest);

void digest_add(struct digest *digest, struct slice bytes);

/* The digest of what was added so far, digest_bytes() of it; more may be added afterwards.
 * E_NOMEM. */
enum status digest_get(
    const struct digest *digest, unsigned char *ret_bytes, struct err *err) WARN_UNUSED;

/* The SHA-256 of ${bytes}. */
void digest_sha256(struct slice bytes, unsigned char ret_digest[DIGEST_SHA256_BYTES]);

#endif
