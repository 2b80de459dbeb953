/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_OAUTH_GRANT_H
#define SLUICE_AUTH_OAUTH_GRANT_H

/* What the grants share: oauth.c, oauth_assertion.c and oauth_exchange.c.  Private to them. */

#include "auth/oauth.h"

/* A request for a token on its way. */
struct attempt {
	struct oauth *oauth;
	const struct oauth_form *form;
	struct arena *arena;
	const char *grant;      /* for the audit, one word */
	struct slice app, user; /* for the audit: the name, or what the client said */
	int64_t now_us;
	const char **ret_error;
	struct err *err;
};

/* What a token is to be, once its grant is found good. */
struct basis {
	char user_id[CATALOG_USER_BYTES];
	char client_id[CATALOG_CLIENT_BYTES];
	unsigned scopes;                           /* all that there may be */
	int64_t parent;                            /* a refresh token's id, or 0 */
	const struct catalog_assertion *assertion; /* that it uses up, or NULL */
	bool refresh_always; /* a refresh token with it, though nobody asked for one */
	bool refresh_asked;  /* when its scope asks */
};

/* Refuse it: for the audit ${reason}, one word; for the client ${error} and the text.  "invalid_
 * client" and "invalid_grant" count as a failed login, but for an exchange.  E_INVALID. */
enum status attempt_refuse(struct attempt *attempt, const char *error, const char *reason,
    const char *format, ...) PRINTF_LIKE(4, 5);

/* Put the token's row into the catalog, with ${text}'s hash. ${token}'s user_id, client_id, scopes,
 * kind, expires_us and parent are given. */
enum status attempt_issue(struct attempt *attempt, struct slice text,
    const struct catalog_assertion *assertion, struct catalog_token *token) WARN_UNUSED;

/* urn:ietf:params:oauth:grant-type:jwt-bearer.  What ${ret_basis} points at is in the arena. */
enum status attempt_assertion(struct attempt *attempt, struct basis *ret_basis) WARN_UNUSED;

#endif
