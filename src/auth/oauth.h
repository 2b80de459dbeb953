/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_OAUTH_H
#define SLUICE_AUTH_OAUTH_H

/*
 * Grants: from what a client shows to a token (RFC 6749, RFC 7523, RFC 8693, RFC 7009).  What
 * stands in a form, a query string or a header, and how an answer is written, is api/oauth.c's.
 *
 * What is refused gets one of OAuth's words and a sentence; whether it is the app, its secret, the
 * user or the password that is wrong, neither says, nor the time that it takes.
 *
 * Blocks on storage; a password takes some 50 ms of a processor.  Any thread.
 */

#include "auth/audit.h"
#include "auth/keys.h"
#include "auth/login_limit.h"
#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "catalog/access.h"

#define OAUTH_CORE_US   (INT64_C(7200) * 1000000) /* how long a core token lasts */
#define OAUTH_TENANT_US (INT64_C(7200) * 1000000) /* and one exchanged for it */

struct oauth {
	struct catalog *catalog;
	struct keys *keys;
	struct login_limit *limit;
	struct audit *audit;
	bool refresh_tokens; /* a login also gives one, and one is taken */
	bool passwords;      /* the password grant is taken */
};

/* What the client sent; what it did not send has ptr NULL. */
struct oauth_form {
	struct slice grant_type;
	struct slice client_id, client_secret;
	struct slice assertion;
	struct slice refresh_token;
	struct slice username, password;
	struct slice scope;
	struct slice subject_token, subject_token_type, dataspace;
	struct slice host;     /* the Host header */
	struct slice instance; /* where we are, as a URL: "http://localhost:8080" */
	const char *address;   /* the client's, numeric */
};

struct oauth_token {
	struct catalog_token row;
	struct slice text, refresh_text; /* in the arena; the latter empty when there is none */
};

/* ${ret_error}, when it returns E_INVALID or E_BUSY: "invalid_request",
 * "unsupported_grant_type", "invalid_client", "invalid_grant", "invalid_scope",
 * "temporarily_unavailable"; ${err} is then its description, for the client. */

/* POST /services/oauth2/token.  E_INVALID: 400; E_BUSY: too many failures from this address, to be
 * tried again in ${ret_wait_us}. */
enum status oauth_login(struct oauth *oauth, const struct oauth_form *form, struct arena *arena,
    struct oauth_token *ret_token, const char **ret_error, int64_t *ret_wait_us,
    struct err *err) WARN_UNUSED;

/* POST /services/a360/token: a core token (${form}'s subject_token) becomes a tenant token, which
 * outlives it.  What is refused here does not count as a failed login: a core token has more bits
 * than anybody can guess, and a client that goes on with one that has ended should be able to get a
 * new one. */
enum status oauth_exchange(struct oauth *oauth, const struct oauth_form *form, struct arena *arena,
    struct oauth_token *ret_token, const char **ret_error, struct err *err) WARN_UNUSED;

/* POST /services/oauth2/revoke: ${text} is over, and when it is a refresh token all that came of
 * it.  Not a token of ours: OK, as RFC 7009 has it. */
enum status oauth_revoke(
    struct oauth *oauth, struct slice text, const char *address, struct err *err) WARN_UNUSED;

#endif
