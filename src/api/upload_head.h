/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_UPLOAD_HEAD_H
#define SLUICE_API_UPLOAD_HEAD_H

/* What the head of an upload says of its body. */

#include "catalog/catalog.h"
#include "http/content_digest.h"
#include "http/http.h"

struct upload_head {
	bool packed;                   /* the body is gzip */
	char key[CATALOG_KEY_BYTES];   /* the Idempotency-Key; "": none */
	struct content_digest digests; /* of the body as it comes */
};

/* Read it.  When a header is wrong, respond with 415 or 400 and return false. */
bool upload_head_read(struct request *request, struct upload_head *ret_head);

#endif
