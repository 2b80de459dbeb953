/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grant of an app that signs (RFC 7523): see assertion.h for what an assertion must be.
 *
 * Whose it is stands in it, so it is looked into before its signature can be checked.  For an app
 * that is not there, or that has no certificate, it is checked with a key that nobody has the other
 * half of, so that answer and time are those of a signature that does not fit.
 *
 * Who has signed may act as any user; so he is told when there is no such user.
 */
#include "auth/oauth_grant.h"

#include "auth/assertion.h"
#include "base/digest.h"

/* RSA, 2,048 bits; the private half was never stored. */
static const char no_key[] = "-----BEGIN PUBLIC KEY-----\n"
			     "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0UNYiIhmc9IrrJ7YEYdu\n"
			     "fRuh9q/VD1k2JPpvKIh7Nt2G7burmFFFT5fYwC1AwFQpBOAeflXvoGv08/2Iqxlg\n"
			     "1VmWPNPOJq4+m9tTTMLU8NYJDKtBRyggABHNldmcw0q/eQgrqrNFfptsr7y5m3vQ\n"
			     "eYz+aZvOFXb4UjoSlaZe4RjaQEjxtvcLr57Zwyl6DO3yxJ/GuYc2/cFVEeN/5JWO\n"
			     "6QqrEjkQk9pgb+PY0qovnvBQbQHTep3Eif1ztBnfrPB4sJ/E/GkvB0BIGXE0rjsL\n"
			     "TF6RvRjSBLQKt5j/N/u7hc7juodH20sr8rOS1XwVtrD5vlFW2ZQ39IQ1rqXjII0r\n"
			     "owIDAQAB\n"
			     "-----END PUBLIC KEY-----\n";

/* Who issued it, and his name for it; the lengths keep two apart that run together. */
static enum status use_up(struct attempt *attempt, const struct assertion *assertion,
    const struct catalog_assertion **ret_used)
{
	struct catalog_assertion *used = arena_alloc(attempt->arena, sizeof(*used));
	char *name = arena_printf(attempt->arena, "%zu:%.*s%.*s", assertion->issuer.len,
	    SLICE_ARGS(assertion->issuer), SLICE_ARGS(assertion->id));

	if (used == NULL || name == NULL)
		return err_set(attempt->err, E_NOMEM, "no memory for an assertion");
	digest_sha256(slice_of(name), used->hash);
	if (__builtin_add_overflow(assertion->expires_us, ASSERTION_SKEW_US + 1, &used->expires_us))
		used->expires_us = INT64_MAX;
	*ret_used = used;
	return OK;
}

/* Find the app, and check the assertion with its key.  Not so: attempt_refuse(). */
static enum status check(
    struct attempt *attempt, struct catalog_app *ret_app, struct assertion *ret_assertion)
{
	const struct oauth_form *form = attempt->form;
	struct assertion assertion = {.expires_us = 0};
	struct catalog_app app = {.public_key = ""};
	enum status st, checked;

	st = assertion_peek(form->assertion, attempt->arena, &assertion, attempt->err);
	if (st == E_INVALID)
		return attempt_refuse(
		    attempt, "invalid_grant", "bad_assertion", "%s", attempt->err->text);
	if (st != OK)
		return st;
	attempt->app = assertion.issuer;
	attempt->user = assertion.subject;
	st = catalog_app_find(attempt->oauth->catalog, assertion.issuer, &app, attempt->err);
	if (st != OK && st != E_NOT_FOUND)
		return st;
	if (st == OK)
		attempt->app = slice_of(arena_copy(attempt->arena, slice_of(app.name)));
	checked =
	    assertion_check(form->assertion, app.public_key[0] == '\0' ? no_key : app.public_key,
		form->host, attempt->now_us, attempt->arena, &assertion, attempt->err);
	if (checked != OK && checked != E_INVALID)
		return checked;
	if (st != OK || app.public_key[0] == '\0' || checked != OK)
		return attempt_refuse(attempt, "invalid_grant",
		    st != OK                    ? "unknown_app"
		    : app.public_key[0] == '\0' ? "no_certificate"
						: "bad_assertion",
		    "%s", attempt->err->text);
	*ret_app = app;
	*ret_assertion = assertion;
	return OK;
}

enum status attempt_assertion(struct attempt *attempt, struct basis *ret_basis)
{
	const struct oauth_form *form = attempt->form;
	struct assertion assertion = {.expires_us = 0};
	struct catalog_user user;
	struct catalog_app app = {.scopes = 0};
	enum status st;

	if (form->assertion.len == 0)
		return attempt_refuse(
		    attempt, "invalid_request", "incomplete", "assertion is missing");
	st = check(attempt, &app, &assertion);
	if (st != OK)
		return st;
	if (form->client_id.len > 0 && !slice_equals(form->client_id, assertion.issuer))
		return attempt_refuse(attempt, "invalid_grant", "other_app",
		    "client_id is not the assertion's \"iss\"");
	st = catalog_user_find(attempt->oauth->catalog, assertion.subject, &user, attempt->err);
	if (st == E_NOT_FOUND)
		return attempt_refuse(attempt, "invalid_grant", "unknown_user",
		    "there is no user of the name in \"sub\"");
	if (st != OK)
		return st;
	*ret_basis = (struct basis){.scopes = app.scopes, .refresh_asked = true};
	memcpy(ret_basis->user_id, user.id, sizeof(user.id));
	memcpy(ret_basis->client_id, app.client_id, sizeof(app.client_id));
	return assertion.id.len == 0 ? OK : use_up(attempt, &assertion, &ret_basis->assertion);
}
