/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins: see oauth.h.
 *
 * A grant finds out on what basis there is to be a token (whose, of which app, with which scopes);
 * then the scopes are narrowed to what was asked for, the token is made and stored, and the audit
 * is told.  A refresh token is stored before the core token that comes of it: after a crash in
 * between there is one that nobody has.
 *
 * So that neither the answer nor its time tells which part was wrong, a grant that compares secrets
 * does all of its work before it judges: for an app that does not exist a secret is compared with
 * that of no app, for a user that does not exist a password is hashed.
 *
 * Not here: a user's security token behind his password, which the hosted service asks for from
 * addresses that it does not know; codes by way of a browser (authorization_code, device).
 */
#include "auth/oauth.h"

#include "auth/auth.h"
#include "auth/oauth_grant.h"
#include "auth/secret.h"
#include "base/clock.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* --- What the grants share -------------------------------------------------------------------- */

static bool counts_as_failure(const struct attempt *attempt, const char *error)
{
	return strcmp(attempt->grant, "exchange") != 0 &&
	       (strcmp(error, "invalid_client") == 0 || strcmp(error, "invalid_grant") == 0);
}

enum status attempt_refuse(
    struct attempt *attempt, const char *error, const char *reason, const char *format, ...)
{
	const char *address = attempt->form->address;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* A failed login always has its line: the limit is one for its lines, too. */
	if (counts_as_failure(attempt, error)) {
		login_limit_failed(attempt->oauth->limit, address, clock_mono_us());
		audit_refused(attempt->grant, attempt->app, attempt->user, address, reason);
	} else {
		audit_refused_often(attempt->oauth->audit, attempt->grant, attempt->app,
		    attempt->user, address, reason);
	}
	*attempt->ret_error = error;
	return err_set(attempt->err, E_INVALID, "%s", text);
}

enum status attempt_issue(struct attempt *attempt, struct slice text,
    const struct catalog_assertion *assertion, struct catalog_token *token)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	enum status st;

	secret_hash(text, hash);
	st = catalog_token_issue(attempt->oauth->catalog, hash, assertion, token, attempt->err);
	if (st == E_EXISTS)
		return attempt_refuse(attempt, "invalid_grant", "assertion_used",
		    "the assertion was used before; make a new one, with another jti");
	if (st == E_NOT_FOUND)
		return attempt_refuse(attempt, "invalid_grant", "gone",
		    "the user, the app or the refresh token has just been removed");
	if (st == OK)
		audit_made(token, attempt->grant, attempt->form->address);
	return st;
}

/* --- Scopes ----------------------------------------------------------------------------------- */

/* What the hosted service's clients ask for beside our scopes, and what means nothing here. */
static bool is_known_elsewhere(struct slice word)
{
	static const char *const words[] = {"address", "cdp_calculated_insight_api",
	    "cdp_identityresolution_api", "cdp_profile_api", "cdp_segment_api", "chatbot_api",
	    "content", "custom_permissions", "eclair_api", "einstein_gpt_api", "email", "full",
	    "id", "interaction_api", "lightning", "offline_access", "openid", "pardot_api", "phone",
	    "profile", "refresh_token", "sfap_api", "user_registration_api", "visualforce",
	    "wave_api", "web"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_is(word, words[i]))
			return true;
	}
	return false;
}

/* ${scopes} narrowed to those that are asked for; "full" asks for all. */
static enum status narrow_scopes(struct attempt *attempt, unsigned *scopes, bool *ret_refresh_asked)
{
	struct slice rest = attempt->form->scope, word;
	unsigned asked = 0, bit;

	*ret_refresh_asked = false;
	while (rest.len > 0) {
		word = (struct slice){rest.ptr, 0};
		while (word.len < rest.len && word.ptr[word.len] != ' ')
			word.len++;
		rest = slice_skip(rest, word.len < rest.len ? word.len + 1 : word.len);
		bit = auth_scope_of_name(word);
		if (word.len > 0 && bit == 0 && !is_known_elsewhere(word))
			return attempt_refuse(attempt, "invalid_scope", "unknown_scope",
			    "there is no such scope as asked for; there are cdp_ingest_api, "
			    "cdp_query_api and api");
		asked |= slice_is(word, "full") ? *scopes : bit;
		*ret_refresh_asked = *ret_refresh_asked || slice_is(word, "refresh_token") ||
				     slice_is(word, "offline_access");
	}
	if (attempt->form->scope.len == 0)
		return OK;
	*scopes &= asked;
	if (*scopes == 0)
		return attempt_refuse(attempt, "invalid_scope", "no_scope",
		    "of the scopes asked for the app has none");
	return OK;
}

/* --- Grants ----------------------------------------------------------------------------------- */

static enum status need(struct attempt *attempt, struct slice value, const char *name)
{
	if (value.ptr != NULL && value.len > 0)
		return OK;
	return attempt_refuse(attempt, "invalid_request", "incomplete", "%s is missing", name);
}

/* Find the app, and compare its secret; of one that is not there, that of none.  ${ret_fits}: it is
 * there and the secret is its own. */
static enum status check_client(
    struct attempt *attempt, struct catalog_app *ret_app, bool *ret_fits)
{
	const struct oauth_form *form = attempt->form;
	struct catalog_app app = {.user_id = ""};
	enum status st = need(attempt, form->client_id, "client_id");
	bool found, fits;

	if (st == OK)
		st = need(attempt, form->client_secret, "client_secret");
	if (st != OK)
		return st;
	st = catalog_app_find(attempt->oauth->catalog, form->client_id, &app, attempt->err);
	if (st != OK && st != E_NOT_FOUND)
		return st;
	found = st == OK;
	fits = secret_is(form->client_secret, app.secret_hash);
	*ret_fits = found && fits;
	*ret_app = app;
	attempt->app = form->client_id;
	if (found)
		attempt->app = slice_of(arena_copy(attempt->arena, slice_of(app.name)));
	return OK;
}

static const char *why_not_client(const struct catalog_app *app)
{
	return app->client_id[0] == '\0' ? "unknown_app" : "wrong_secret";
}

static enum status refuse_client(struct attempt *attempt, const struct catalog_app *app)
{
	return attempt_refuse(
	    attempt, "invalid_client", why_not_client(app), "client_id or client_secret is wrong");
}

static enum status take_client_credentials(struct attempt *attempt, struct basis *ret_basis)
{
	struct catalog_app app;
	bool fits = false;
	enum status st = check_client(attempt, &app, &fits);

	if (st != OK)
		return st;
	if (!fits)
		return refuse_client(attempt, &app);
	*ret_basis = (struct basis){.scopes = app.scopes};
	memcpy(ret_basis->user_id, app.user_id, sizeof(app.user_id));
	memcpy(ret_basis->client_id, app.client_id, sizeof(app.client_id));
	return OK;
}

static enum status take_password(struct attempt *attempt, struct basis *ret_basis)
{
	const struct oauth_form *form = attempt->form;
	struct catalog_user user = {.password = ""};
	struct catalog_app app;
	bool fits = false, is_password;
	enum status st = need(attempt, form->username, "username");

	attempt->user = form->username;
	if (st == OK)
		st = need(attempt, form->password, "password");
	if (st == OK)
		st = check_client(attempt, &app, &fits);
	if (st != OK)
		return st;
	st = catalog_user_find(attempt->oauth->catalog, form->username, &user, attempt->err);
	if (st != OK && st != E_NOT_FOUND)
		return st;
	is_password = secret_is_password(form->password, user.password);
	if (!fits || st != OK || !is_password)
		return attempt_refuse(attempt, "invalid_grant",
		    !fits      ? why_not_client(&app)
		    : st != OK ? "unknown_user"
			       : "wrong_password",
		    "client_id, client_secret, username or password is wrong");
	*ret_basis = (struct basis){.scopes = app.scopes, .refresh_always = true};
	memcpy(ret_basis->user_id, user.id, sizeof(user.id));
	memcpy(ret_basis->client_id, app.client_id, sizeof(app.client_id));
	return OK;
}

static enum status take_refresh_token(struct attempt *attempt, struct basis *ret_basis)
{
	const struct oauth_form *form = attempt->form;
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token token;
	struct catalog_app app;
	bool fits = false;
	enum status st = need(attempt, form->refresh_token, "refresh_token");

	if (st == OK)
		st = check_client(attempt, &app, &fits);
	if (st != OK)
		return st;
	if (!fits)
		return refuse_client(attempt, &app);
	secret_hash(form->refresh_token, hash);
	st = catalog_token_find(attempt->oauth->catalog, hash, &token, attempt->err);
	if (st != OK && st != E_NOT_FOUND)
		return st;
	if (st != OK || token.kind != TOKEN_REFRESH || strcmp(token.client_id, app.client_id) != 0)
		return attempt_refuse(attempt, "invalid_grant",
		    st != OK ? "unknown_token" : "wrong_token",
		    "the refresh token is unknown, revoked, or another app's");
	audit_used(attempt->oauth->audit, &token, form->address);
	*ret_basis = (struct basis){.scopes = token.scopes, .parent = token.id};
	memcpy(ret_basis->user_id, token.user_id, sizeof(token.user_id));
	memcpy(ret_basis->client_id, app.client_id, sizeof(app.client_id));
	return OK;
}

struct grant {
	const char *type, *name;
	enum status (*take)(struct attempt *attempt, struct basis *ret_basis);
};

/* NULL: there is none, or it is switched off. */
static const struct grant *find_grant(const struct oauth *oauth, struct slice type)
{
	static const struct grant grants[] = {
	    {"client_credentials", "client_credentials", take_client_credentials},
	    {"urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt_bearer", attempt_assertion},
	    {"password", "password", take_password},
	    {"refresh_token", "refresh_token", take_refresh_token},
	};

	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		if ((grants[i].take == take_password && !oauth->passwords) ||
		    (grants[i].take == take_refresh_token && !oauth->refresh_tokens))
			continue;
		if (slice_is(type, grants[i].type))
			return &grants[i];
	}
	return NULL;
}

/* --- The token -------------------------------------------------------------------------------- */

/* A refresh token lasts until somebody ends it. */
static enum status make_refresh(
    struct attempt *attempt, struct basis *basis, struct oauth_token *token)
{
	char text[SECRET_REFRESH_BYTES];
	struct catalog_token row = {.kind = TOKEN_REFRESH, .scopes = basis->scopes};
	enum status st;

	memcpy(row.user_id, basis->user_id, sizeof(row.user_id));
	memcpy(row.client_id, basis->client_id, sizeof(row.client_id));
	secret_make_refresh(text);
	token->refresh_text = slice_of(arena_copy(attempt->arena, slice_of(text)));
	explicit_bzero(text, sizeof(text));
	if (token->refresh_text.ptr == NULL)
		return err_set(attempt->err, E_NOMEM, "no memory for a token");
	st = attempt_issue(attempt, token->refresh_text, basis->assertion, &row);
	basis->assertion = NULL;
	basis->parent = row.id;
	return st;
}

static enum status make_core(
    struct attempt *attempt, const struct basis *basis, struct oauth_token *token)
{
	char org[CATALOG_ORG_BYTES], text[SECRET_CORE_BYTES];
	enum status st = catalog_org_get(attempt->oauth->catalog, org, attempt->err);

	if (st != OK)
		return st;
	token->row = (struct catalog_token){.kind = TOKEN_CORE,
	    .scopes = basis->scopes,
	    .expires_us = attempt->now_us + OAUTH_CORE_US,
	    .parent = basis->parent};
	memcpy(token->row.user_id, basis->user_id, sizeof(token->row.user_id));
	memcpy(token->row.client_id, basis->client_id, sizeof(token->row.client_id));
	secret_make_core(org, text);
	token->text = slice_of(arena_copy(attempt->arena, slice_of(text)));
	explicit_bzero(text, sizeof(text));
	if (token->text.ptr == NULL)
		return err_set(attempt->err, E_NOMEM, "no memory for a token");
	return attempt_issue(attempt, token->text, basis->assertion, &token->row);
}

static enum status make_tokens(
    struct attempt *attempt, struct basis *basis, struct oauth_token *ret_token)
{
	struct oauth_token token = {.text = {NULL, 0}};
	bool asked = false;
	enum status st = narrow_scopes(attempt, &basis->scopes, &asked);

	asked = basis->refresh_always || (basis->refresh_asked && asked);
	if (st == OK && asked && attempt->oauth->refresh_tokens)
		st = make_refresh(attempt, basis, &token);
	if (st == OK)
		st = make_core(attempt, basis, &token);
	if (st == OK)
		*ret_token = token;
	return st;
}

enum status oauth_login(struct oauth *oauth, const struct oauth_form *form, struct arena *arena,
    struct oauth_token *ret_token, const char **ret_error, int64_t *ret_wait_us, struct err *err)
{
	const struct grant *grant = find_grant(oauth, form->grant_type);
	struct attempt attempt = {.oauth = oauth,
	    .form = form,
	    .arena = arena,
	    .grant = grant == NULL ? "none" : grant->name,
	    .app = form->client_id,
	    .now_us = clock_now_us(),
	    .ret_error = ret_error,
	    .err = err};
	struct basis basis;
	enum status st = need(&attempt, form->grant_type, "grant_type");

	if (st != OK)
		return st;
	if (grant == NULL)
		return attempt_refuse(&attempt, "unsupported_grant_type", "unsupported_grant",
		    "the grant type is not taken here; client_credentials and "
		    "urn:ietf:params:oauth:grant-type:jwt-bearer are%s%s",
		    oauth->passwords ? ", password" : "",
		    oauth->refresh_tokens ? ", refresh_token" : "");
	if (!login_limit_may(oauth->limit, form->address, clock_mono_us(), ret_wait_us)) {
		audit_refused_often(oauth->audit, attempt.grant, attempt.app, form->username,
		    form->address, "too_many_failures");
		*ret_error = "temporarily_unavailable";
		return err_set(
		    err, E_BUSY, "too many logins from this address have failed; wait a while");
	}
	st = grant->take(&attempt, &basis);
	return st == OK ? make_tokens(&attempt, &basis, ret_token) : st;
}
