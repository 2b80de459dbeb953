/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_AUTH_H
#define SLUICE_AUTH_AUTH_H

/*
 * Who may do what: bearer tokens and their scopes.  The catalog keeps only a token's SHA-256,
 * so a copy of the data directory lets nobody in; a token has 256 random bits, so a plain
 * hash is as good as a slow one.
 */

#include "auth/secret.h"
#include "base/slice.h"
#include "base/status.h"
#include "catalog/access.h"

#include <stdbool.h>

#define AUTH_TOKEN_TEXT_BYTES SECRET_TOKEN_BYTES

/* Make a token, store its hash, and hand out its text: the only time that anybody sees it.
 * ${scopes}: bits of enum catalog_scope.  ${expires_us}: 0 for never.  E_EXISTS: there is one of
 * that name. */
enum status auth_token_create(struct catalog *catalog, const char *name, unsigned scopes,
    int64_t expires_us, char ret_text[AUTH_TOKEN_TEXT_BYTES], struct err *err) WARN_UNUSED;

/* Find the token of an Authorization header's value, at ${now_us}.  Reads the catalog; fit for an
 * event thread.  E_INVALID: not of the form "Bearer …"; E_NOT_FOUND: no such token, or one that is
 * good for new tokens only; E_GONE: its time is over, and ${ret_token} is which it was. */
enum status auth_check(struct catalog *catalog, struct slice header, int64_t now_us,
    struct catalog_token *ret_token, struct err *err) WARN_UNUSED;

/* The token in a header's value.  A view; false when it is not of the form "Bearer …". */
bool auth_read_bearer(struct slice header, struct slice *ret_text);

/* Is its time over? */
static inline bool auth_has_ended(const struct catalog_token *token, int64_t now_us)
{
	return token->expires_us != 0 && token->expires_us <= now_us;
}

/* "cdp_ingest_api cdp_query_api api", separated by spaces or commas, to bits.
 * E_INVALID names a wrong one. */
enum status auth_scopes_parse(struct slice text, unsigned *ret_scopes, struct err *err) WARN_UNUSED;

/* Their names with spaces between; returns ${ret_text}. */
#define AUTH_SCOPES_BYTES 64
const char *auth_scopes_format(unsigned scopes, char ret_text[AUTH_SCOPES_BYTES]);

/* The bit of that name, 0 for any other. */
unsigned auth_scope_of_name(struct slice name);
/* The name of one bit. */
const char *auth_scope_name(unsigned scope);

#endif
