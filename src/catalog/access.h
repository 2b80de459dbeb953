/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_ACCESS_H
#define SLUICE_CATALOG_ACCESS_H

/*
 * The part of the catalog that says who is let in: users, apps, tokens.  The rows, not the rules:
 * what makes a secret, which grant is given and what it is called on the wire is decided in auth/.
 *
 * No secret is stored, only what a secret is checked against: the SHA-256 of what has 256 random
 * bits, and auth/'s slow hash of what a person chose.
 *
 * What catalog.h says of all calls goes for these: a change is durable when it returns OK and must
 * not be made on an event thread; a read is short and may; any thread; the arena is the caller's;
 * E_IO, E_FULL and E_NOMEM beside what stands at each.  Commands change these rows beside a running
 * server, which sees it at once.
 */

#include "catalog/catalog.h"

#define CATALOG_TOKEN_NAME_BYTES 81  /* of a token, an app or a user */
#define CATALOG_CLIENT_BYTES     129 /* a client id and NUL */
#define CATALOG_ORG_BYTES        19  /* "00D…EAA" and NUL */
#define CATALOG_PASSWORD_BYTES   256 /* auth/'s text of a hashed password */
#define CATALOG_PEM_BYTES        4096

struct catalog_token;

/* The one organisation that this data directory is: "00D", 12 digits or small letters, "EAA".
 * Made with the catalog, and the same for ever. */
enum status catalog_org_get(
    struct catalog *catalog, char ret_org[CATALOG_ORG_BYTES], struct err *err) WARN_UNUSED;

/* --- Users ------------------------------------------------------------------------------------ */

struct catalog_user {
	char id[CATALOG_USER_BYTES];           /* given by the catalog; no token's or job's other */
	char name[CATALOG_TOKEN_NAME_BYTES];   /* as it was given; unique in whatever case */
	char password[CATALOG_PASSWORD_BYTES]; /* "": has none */
	int64_t created_us;
};

/* Store one; its id and time are filled in.  E_EXISTS: there is one of that name. */
enum status catalog_user_add(
    struct catalog *catalog, struct catalog_user *user, struct err *err) WARN_UNUSED;
/* E_NOT_FOUND.  In whatever case. */
enum status catalog_user_find(struct catalog *catalog, struct slice name,
    struct catalog_user *ret_user, struct err *err) WARN_UNUSED;
/* By its id; also for the user that a token made by the command line is. E_NOT_FOUND. */
enum status catalog_user_get(struct catalog *catalog, struct slice id,
    struct catalog_user *ret_user, struct err *err) WARN_UNUSED;
/* E_NOT_FOUND. */
enum status catalog_user_set_password(
    struct catalog *catalog, struct slice name, const char *password, struct err *err) WARN_UNUSED;
/* With its tokens: ${ret_tokens} are those that went.  E_NOT_FOUND; E_CONFLICT: an app acts as this
 * user. */
enum status catalog_user_delete(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err) WARN_UNUSED;
/* All, by name. */
enum status catalog_user_list(struct catalog *catalog, struct arena *arena,
    struct catalog_user **ret_users, size_t *ret_count, struct err *err) WARN_UNUSED;

/* --- Apps ------------------------------------------------------------------------------------- */

struct catalog_app {
	char client_id[CATALOG_CLIENT_BYTES];
	char name[CATALOG_TOKEN_NAME_BYTES]; /* unique in whatever case */
	char user_id[CATALOG_USER_BYTES];    /* as whom it acts by client_credentials */
	unsigned scopes; /* of enum catalog_scope: all that a token of it may have */
	unsigned char secret_hash[CATALOG_HASH_BYTES];
	char public_key[CATALOG_PEM_BYTES]; /* of its certificate, as PEM; "": has none */
	int64_t created_us;
};

/* Store one; its time is filled in.  E_EXISTS: there is one of that name or client id;
 * E_NOT_FOUND: no such user. */
enum status catalog_app_add(
    struct catalog *catalog, struct catalog_app *app, struct err *err) WARN_UNUSED;
/* By its client id, which matches exactly.  E_NOT_FOUND. */
enum status catalog_app_find(struct catalog *catalog, struct slice client_id,
    struct catalog_app *ret_app, struct err *err) WARN_UNUSED;
/* A new secret; the old one is none any more, its tokens stay.  E_NOT_FOUND: no app of that
 * name. */
enum status catalog_app_set_secret(struct catalog *catalog, struct slice name,
    const unsigned char secret_hash[CATALOG_HASH_BYTES], struct err *err) WARN_UNUSED;
/* By name, with its tokens: ${ret_tokens} are those that went.  E_NOT_FOUND. */
enum status catalog_app_delete(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err) WARN_UNUSED;
/* All, by name. */
enum status catalog_app_list(struct catalog *catalog, struct arena *arena,
    struct catalog_app **ret_apps, size_t *ret_count, struct err *err) WARN_UNUSED;

/* --- Tokens ----------------------------------------------------------------------------------- */

enum catalog_scope {      /* bits */
	SCOPE_INGEST = 1, /* cdp_ingest_api */
	SCOPE_QUERY = 2,  /* cdp_query_api */
	SCOPE_ADMIN = 4,  /* api */
};

enum catalog_token_kind {  /* the numbers are part of the format */
	TOKEN_STATIC = 0,  /* made by the command line; has a name, and no app */
	TOKEN_CORE = 1,    /* "00D…!…", of a login */
	TOKEN_TENANT = 2,  /* a JWT, exchanged for a core token */
	TOKEN_REFRESH = 3, /* good for new core tokens, and for nothing else */
};

struct catalog_token {
	int64_t id; /* what a person calls it by; no other had or will have it */
	enum catalog_token_kind kind;
	char name[CATALOG_TOKEN_NAME_BYTES]; /* its own (STATIC), or that of the app */
	char user_id[CATALOG_USER_BYTES];    /* who acts with it */
	char user_name[CATALOG_TOKEN_NAME_BYTES];
	char client_id[CATALOG_CLIENT_BYTES]; /* of the app; "" (STATIC) */
	unsigned scopes;                      /* of enum catalog_scope */
	int64_t created_us;
	int64_t expires_us; /* from then on it is none; 0: never */
	int64_t used_us;    /* when it was first used; 0: never */
	int64_t parent; /* the token that it came of, which ends it when it is revoked; 0: none */
};

/* Store the hash of a STATIC token, which is its own user.  ${expires_us}: 0 for never.
 * E_EXISTS: there is one of that name. */
enum status catalog_token_add(struct catalog *catalog, const unsigned char hash[CATALOG_HASH_BYTES],
    const char *name, unsigned scopes, int64_t expires_us, struct err *err) WARN_UNUSED;

/* An assertion by which a token is asked for, and which is good for one. */
struct catalog_assertion {
	unsigned char hash[CATALOG_HASH_BYTES]; /* of whatever makes it the same one */
	int64_t expires_us;                     /* from then on it is refused without this, too */
};

/* Store the hash of a token of another kind; ${token}'s kind, user_id, client_id, scopes,
 * expires_us and parent are given, the rest is filled in.  ${assertion} (or NULL) is used up in
 * the same step.  E_EXISTS: it was used before; E_NOT_FOUND: the user, the app or the parent is
 * gone. */
enum status catalog_token_issue(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], const struct catalog_assertion *assertion,
    struct catalog_token *token, struct err *err) WARN_UNUSED;

/* E_NOT_FOUND: there is none, or it has been revoked.  One whose time is over is found as long as
 * nobody has removed it.  Fit for an event thread. */
enum status catalog_token_find(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], struct catalog_token *ret_token,
    struct err *err) WARN_UNUSED;

/* It was used, at ${now_us}.  ${ret_first}: for the first time, which is told once. Gone: OK and
 * not the first time. */
enum status catalog_token_used(struct catalog *catalog, int64_t id, int64_t now_us, bool *ret_first,
    struct err *err) WARN_UNUSED;

/* Remove a token, and all that came of it.  ${ret_count}: how many in all.  E_NOT_FOUND. */
enum status catalog_token_revoke(
    struct catalog *catalog, int64_t id, size_t *ret_count, struct err *err) WARN_UNUSED;

/* All, by id; those whose time is over as long as they are there. */
enum status catalog_token_list(struct catalog *catalog, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err) WARN_UNUSED;

/* Remove issued tokens and assertions whose time was over at ${now_us}, at most ${count_max} of
 * each; ${ret_count}: how many went.  STATIC ones stay in the list, so that a name is not taken
 * again. */
enum status catalog_access_expire(struct catalog *catalog, int64_t now_us, size_t count_max,
    size_t *ret_count, struct err *err) WARN_UNUSED;

#endif
