/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_CONTENT_DIGEST_H
#define SLUICE_HTTP_CONTENT_DIGEST_H

/*
 * The header Content-Digest (RFC 9530): what its sender says the digests of the body are.
 * Text in, struct out.
 *
 *	Content-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:, sha-512=:…:
 *
 * It is a structured field (RFC 8941), a dictionary whose values are byte sequences.  Algorithms
 * that are not known are ignored, as are parameters; but all must be well formed: a digest with a
 * slip in it, passed over in silence, would not be the check that was asked for.
 */

#include "base/digest.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

struct content_digest {
	bool given[DIGEST_ALGORITHM_COUNT];
	unsigned char bytes[DIGEST_ALGORITHM_COUNT][DIGEST_BYTES_MAX];
};

/* "sha-256", "sha-512". */
const char *content_digest_name(enum digest_algorithm algorithm);

/* Add what one header line says.  Several lines are one list; of two digests by the same algorithm
 * the later counts, as the structured field has it.  E_INVALID: the text says what is wrong;
 * ${digests} is as before then. */
enum status content_digest_add(
    struct slice line, struct content_digest *digests, struct err *err) WARN_UNUSED;

/* Room for a digest as the header has it, ":BASE64:" and NUL. */
#define CONTENT_DIGEST_TEXT_BYTES ((DIGEST_BYTES_MAX + 2) / 3 * 4 + 3)

/* Write it so, and return ${ret_text}. */
const char *content_digest_format(const unsigned char *bytes, enum digest_algorithm algorithm,
    char ret_text[CONTENT_DIGEST_TEXT_BYTES]);

#endif
