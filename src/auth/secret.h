/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_SECRET_H
#define SLUICE_AUTH_SECRET_H

/*
 * Secrets: made, hashed, compared.  Those that are made here have 256 random bits or more, and a
 * plain hash keeps them; a password is somebody's choice, and gets a slow one.
 *
 * Any thread.  A comparison takes as long whatever it compares.
 */

#include "base/slice.h"
#include "base/status.h"
#include "catalog/access.h"

#define SECRET_TOKEN_BYTES   72  /* "sluice_", 64 hexadecimal digits, NUL */
#define SECRET_CORE_BYTES    113 /* "00D" and 12 more, "!", 96 characters, NUL */
#define SECRET_REFRESH_BYTES 89  /* "5Aep861", 81 characters, NUL */
#define SECRET_CLIENT_BYTES  86  /* a client id, "3MVG9" and 80 characters, NUL */
#define SECRET_APP_BYTES     65  /* an app's secret, 64 upper-case hexadecimal digits, NUL */

void secret_make_token(char ret_text[SECRET_TOKEN_BYTES]);
/* The form of the hosted service's session ids: the organisation's first 15 characters, "!", and
 * letters, digits, "." and "_". */
void secret_make_core(const char org[CATALOG_ORG_BYTES], char ret_text[SECRET_CORE_BYTES]);
void secret_make_refresh(char ret_text[SECRET_REFRESH_BYTES]);
void secret_make_client_id(char ret_text[SECRET_CLIENT_BYTES]);
void secret_make_app(char ret_text[SECRET_APP_BYTES]);

/* What the catalog keeps of it. */
void secret_hash(struct slice text, unsigned char ret_hash[CATALOG_HASH_BYTES]);
bool secret_is(struct slice text, const unsigned char hash[CATALOG_HASH_BYTES]);

/* A password's slow hash with its salt and cost, as text for the catalog; takes some 50 ms and
 * 16 MB.  E_NOMEM. */
enum status secret_hash_password(
    struct slice password, char ret_text[CATALOG_PASSWORD_BYTES], struct err *err) WARN_UNUSED;
/* ${text}: from above, or "" for a user without a password or who does not exist, which takes as
 * long and is false. */
bool secret_is_password(struct slice password, const char *text);

#endif
