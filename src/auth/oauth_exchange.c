/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a core token to a tenant token (RFC 8693 with the hosted service's own grant type), and the
 * end of a token (RFC 7009): see oauth.h.
 *
 * A tenant token is a JWT with the claims that the hosted service's has, since clients look into
 * it.  Its row in the catalog is what lets it in.  It does not hang on its core token, for the
 * official connectors revoke that as soon as they have exchanged it; when the core token came of a
 * refresh token, it hangs on that.
 */
#include "auth/oauth_grant.h"

#include "auth/auth.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <stdio.h>

#define EXCHANGE_GRANT      "urn:salesforce:grant-type:external:cdp"
#define EXCHANGE_TOKEN_TYPE "urn:ietf:params:oauth:token-type:access_token"
#define DATASPACE_BYTES_MAX 80
#define JWT_BYTES_MAX       16384

/* --- What is asked for ------------------------------------------------------------------------ */

/* No controls: it ends up in clients' logs. */
static bool is_dataspace(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7f)
			return false;
	}
	return name.len <= DATASPACE_BYTES_MAX && utf8_is_valid(name);
}

static enum status check_form(struct attempt *attempt)
{
	const struct oauth_form *form = attempt->form;

	if (form->grant_type.len == 0)
		return attempt_refuse(
		    attempt, "invalid_request", "incomplete", "grant_type is missing");
	if (!slice_is(form->grant_type, EXCHANGE_GRANT))
		return attempt_refuse(attempt, "unsupported_grant_type", "unsupported_grant",
		    "the grant type is not taken here; " EXCHANGE_GRANT " is");
	if (form->subject_token.len == 0)
		return attempt_refuse(attempt, "invalid_request", "incomplete",
		    "subject_token is missing; it may also be the Authorization header's");
	if (form->subject_token_type.len > 0 &&
	    !slice_is(form->subject_token_type, EXCHANGE_TOKEN_TYPE))
		return attempt_refuse(attempt, "invalid_request", "wrong_type",
		    "subject_token_type must be " EXCHANGE_TOKEN_TYPE);
	if (!is_dataspace(form->dataspace))
		return attempt_refuse(attempt, "invalid_request", "wrong_dataspace",
		    "dataspace must be a name of at most %d bytes", DATASPACE_BYTES_MAX);
	return OK;
}

static enum status find_core(struct attempt *attempt, struct catalog_token *ret_core)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token core;
	enum status st;

	secret_hash(attempt->form->subject_token, hash);
	st = catalog_token_find(attempt->oauth->catalog, hash, &core, attempt->err);
	if (st == E_NOT_FOUND)
		return attempt_refuse(attempt, "invalid_grant", "unknown_token",
		    "the subject token is unknown or has ended");
	if (st != OK)
		return st;
	attempt->app = slice_of(
	    arena_copy(attempt->arena, slice_of(core.kind == TOKEN_STATIC ? "" : core.name)));
	attempt->user = slice_of(arena_copy(attempt->arena, slice_of(core.user_name)));
	if (core.kind != TOKEN_CORE)
		return attempt_refuse(attempt, "invalid_grant", "wrong_token",
		    "only the token of a login can be exchanged");
	if (auth_has_ended(&core, attempt->now_us))
		return attempt_refuse(attempt, "invalid_grant", "ended_token",
		    "the subject token is unknown or has ended");
	*ret_core = core;
	return OK;
}

/* --- The token -------------------------------------------------------------------------------- */

static void write_claim(struct json_writer *w, const char *name, const char *value)
{
	json_write_key(w, name);
	json_write_text(w, value);
}

/* ${org}: this data directory's organisation. */
static void write_claims(const struct attempt *attempt, const struct catalog_token *token,
    const char *org, struct buffer *out)
{
	const struct oauth_form *form = attempt->form;
	char id[UUID_TEXT_BYTES], scopes[AUTH_SCOPES_BYTES];
	struct buffer subject;
	struct json_writer w;

	uuid_make(id);
	buffer_init(&subject, JWT_BYTES_MAX);
	buffer_printf(&subject, "%.*s/id/%s/%s", SLICE_ARGS(form->instance), org, token->user_id);
	json_write_begin(&w, out);
	json_write_object(&w);
	json_write_key(&w, "sub");
	json_write_slice(&w, buffer_slice(&subject));
	json_write_key(&w, "aud");
	json_write_slice(&w, form->instance);
	json_write_key(&w, "iss");
	json_write_slice(&w, form->instance);
	write_claim(&w, "scp", auth_scopes_format(token->scopes, scopes));
	write_claim(&w, "orgId", org);
	write_claim(&w, "sfappid", token->client_id);
	write_claim(&w, "issuerTenantId", "core/local");
	write_claim(&w, "audienceTenantId", "a360/local");
	json_write_key(&w, "custom_attributes");
	json_write_object(&w);
	json_write_key(&w, "dataspace");
	json_write_slice(&w, form->dataspace.len > 0 ? form->dataspace : SLICE("default"));
	json_write_end(&w);
	json_write_key(&w, "iat");
	json_write_int(&w, attempt->now_us / 1000000);
	json_write_key(&w, "nbf");
	json_write_int(&w, attempt->now_us / 1000000);
	json_write_key(&w, "exp");
	json_write_int(&w, token->expires_us / 1000000);
	write_claim(&w, "jti", id);
	json_write_end(&w);
	buffer_put_char(out, '\0');
	out->failed = out->failed || subject.failed;
	buffer_fini(&subject);
}

static enum status sign(
    struct attempt *attempt, const struct catalog_token *token, struct slice *ret_text)
{
	char org[CATALOG_ORG_BYTES];
	struct buffer claims, jwt;
	enum status st = catalog_org_get(attempt->oauth->catalog, org, attempt->err);
	char *text = NULL;

	buffer_init(&claims, JWT_BYTES_MAX);
	buffer_init(&jwt, JWT_BYTES_MAX);
	if (st == OK) {
		write_claims(attempt, token, org, &claims);
		st = claims.failed
			 ? err_set(attempt->err, E_NOMEM, "no memory for a token's claims")
			 : keys_sign(attempt->oauth->keys, claims.ptr, &jwt, attempt->err);
	}
	if (st == OK && !jwt.failed)
		text = arena_copy(attempt->arena, buffer_slice(&jwt));
	if (st == OK && text == NULL)
		st = err_set(attempt->err, E_NOMEM, "no memory for a token");
	if (st == OK)
		*ret_text = slice_of(text);
	buffer_fini(&claims);
	buffer_fini(&jwt);
	return st;
}

enum status oauth_exchange(struct oauth *oauth, const struct oauth_form *form, struct arena *arena,
    struct oauth_token *ret_token, const char **ret_error, struct err *err)
{
	struct attempt attempt = {.oauth = oauth,
	    .form = form,
	    .arena = arena,
	    .grant = "exchange",
	    .now_us = clock_now_us(),
	    .ret_error = ret_error,
	    .err = err};
	struct oauth_token token = {.text = {NULL, 0}};
	struct catalog_token core;
	enum status st = check_form(&attempt);

	if (st == OK)
		st = find_core(&attempt, &core);
	if (st != OK)
		return st;
	audit_used(oauth->audit, &core, form->address);
	token.row = (struct catalog_token){.kind = TOKEN_TENANT,
	    .scopes = core.scopes,
	    .expires_us = attempt.now_us + OAUTH_TENANT_US,
	    .parent = core.parent};
	memcpy(token.row.user_id, core.user_id, sizeof(core.user_id));
	memcpy(token.row.client_id, core.client_id, sizeof(core.client_id));
	st = sign(&attempt, &token.row, &token.text);
	if (st == OK)
		st = attempt_issue(&attempt, token.text, NULL, &token.row);
	if (st == OK)
		*ret_token = token;
	return st;
}

/* --- Its end ---------------------------------------------------------------------------------- */

enum status oauth_revoke(
    struct oauth *oauth, struct slice text, const char *address, struct err *err)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token token;
	size_t count = 0;
	enum status st;

	secret_hash(text, hash);
	st = catalog_token_find(oauth->catalog, hash, &token, err);
	if (st == OK)
		st = catalog_token_revoke(oauth->catalog, token.id, &count, err);
	if (st == OK)
		audit_revoked(&token, count, address);
	return st == E_NOT_FOUND ? OK : st;
}
