/* SPDX-License-Identifier: Apache-2.0 */
/* GET /id/keys: with what a tenant token's signature is checked, by those who are handed one.  The
 * server itself asks its catalog instead (docs/DESIGN.md, "Who is let in"). */
#include "api/handlers.h"

#include "auth/keys.h"

void api_keys(struct request *request)
{
	struct api *api = request_context(request);
	struct err err = {{0}};
	struct buffer body;
	enum status st;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	st = keys_publish(api->oauth.keys, &body, &err);
	if (st != OK) {
		buffer_fini(&body);
		respond_failure(request, st, &err);
		return;
	}
	/* A new key signs at once: who meets a "kid" that it has not asks again. */
	respond_header(request, "Cache-Control", "public, max-age=60");
	respond_json(request, 200, &body);
}
