/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: see secret.h.
 *
 * A password's hash is scrypt's (RFC 7914), written as "scrypt$N$r$p$salt$hash" with salt and hash
 * in hexadecimal, so that the cost can be raised later without a look at what is stored.
 */
#include "auth/secret.h"

#include "base/digest.h"
#include "base/uuid.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_PREFIX   "sluice_" /* so that scanners for leaked secrets can know one */
#define REFRESH_PREFIX "5Aep861"
#define CLIENT_PREFIX  "3MVG9"

#define SALT_BYTES 16
#define KEY_BYTES  32
/* 16 MB and some 50 ms. */
#define COST_N          16384
#define COST_R          8
#define COST_P          1
#define COST_BYTES_MAX  (64 * 1024 * 1024)
#define COST_TEXT_BYTES 32

/* --- Made ------------------------------------------------------------------------------------- */

/* ${count} characters of an alphabet of 64, six random bits each, and a NUL. */
static void put_random(char *ret_text, size_t count, const char alphabet[65])
{
	unsigned char random[128];

	/* No prefix is long enough to need more. */
	random_fill(random, sizeof(random));
	for (size_t i = 0; i < count; i++)
		ret_text[i] = alphabet[random[i % sizeof(random)] & 63];
	ret_text[count] = '\0';
	explicit_bzero(random, sizeof(random));
}

static const char word_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
static const char hex_digits[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char hex_capitals[] =
    "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";

void secret_make_token(char ret_text[SECRET_TOKEN_BYTES])
{
	size_t used = sizeof(TOKEN_PREFIX) - 1;

	memcpy(ret_text, TOKEN_PREFIX, used);
	put_random(ret_text + used, SECRET_TOKEN_BYTES - 1 - used, hex_digits);
}

void secret_make_core(const char org[CATALOG_ORG_BYTES], char ret_text[SECRET_CORE_BYTES])
{
	const size_t used = 16;

	snprintf(ret_text, SECRET_CORE_BYTES, "%.15s!", org);
	put_random(ret_text + used, SECRET_CORE_BYTES - 1 - used, word_alphabet);
}

void secret_make_refresh(char ret_text[SECRET_REFRESH_BYTES])
{
	size_t used = sizeof(REFRESH_PREFIX) - 1;

	memcpy(ret_text, REFRESH_PREFIX, used);
	put_random(ret_text + used, SECRET_REFRESH_BYTES - 1 - used, word_alphabet);
}

void secret_make_client_id(char ret_text[SECRET_CLIENT_BYTES])
{
	size_t used = sizeof(CLIENT_PREFIX) - 1;

	memcpy(ret_text, CLIENT_PREFIX, used);
	put_random(ret_text + used, SECRET_CLIENT_BYTES - 1 - used, word_alphabet);
}

void secret_make_app(char ret_text[SECRET_APP_BYTES])
{
	put_random(ret_text, SECRET_APP_BYTES - 1, hex_capitals);
}

/* --- Hashed ----------------------------------------------------------------------------------- */

void secret_hash(struct slice text, unsigned char ret_hash[CATALOG_HASH_BYTES])
{
	_Static_assert(CATALOG_HASH_BYTES == DIGEST_SHA256_BYTES, "secrets are kept as SHA-256");

	digest_sha256(text, ret_hash);
}

bool secret_is(struct slice text, const unsigned char hash[CATALOG_HASH_BYTES])
{
	unsigned char given[CATALOG_HASH_BYTES];

	secret_hash(text, given);
	return CRYPTO_memcmp(given, hash, sizeof(given)) == 0;
}

/* --- Passwords -------------------------------------------------------------------------------- */

struct cost {
	uint64_t n, r, p;
};

/* false when there is no memory. */
static bool derive(struct slice password, const unsigned char salt[SALT_BYTES],
    const struct cost *cost, unsigned char ret_key[KEY_BYTES])
{
	return EVP_PBE_scrypt(password.ptr, password.len, salt, SALT_BYTES, cost->n, cost->r,
		   cost->p, COST_BYTES_MAX, ret_key, KEY_BYTES) == 1;
}

static void put_hex(char *ret_text, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}

/* Exactly ${count} bytes; false when it is something else. */
static bool take_hex(const char **text, unsigned char *ret_bytes, size_t count)
{
	for (size_t i = 0; i < count; i++, *text += 2) {
		char pair[3] = {(*text)[0], (*text)[0] == '\0' ? '\0' : (*text)[1], '\0'};
		char *end;

		ret_bytes[i] = (unsigned char)strtoul(pair, &end, 16);
		if (end != pair + 2)
			return false;
	}
	return true;
}

enum status secret_hash_password(
    struct slice password, char ret_text[CATALOG_PASSWORD_BYTES], struct err *err)
{
	const struct cost cost = {COST_N, COST_R, COST_P};
	unsigned char salt[SALT_BYTES], key[KEY_BYTES];
	char salt_text[2 * SALT_BYTES + 1], key_text[2 * KEY_BYTES + 1];

	random_fill(salt, sizeof(salt));
	if (!derive(password, salt, &cost, key))
		return err_set(err, E_NOMEM, "hash a password: no memory");
	put_hex(salt_text, salt, sizeof(salt));
	put_hex(key_text, key, sizeof(key));
	snprintf(ret_text, CATALOG_PASSWORD_BYTES, "scrypt$%d$%d$%d$%s$%s", COST_N, COST_R, COST_P,
	    salt_text, key_text);
	explicit_bzero(key, sizeof(key));
	return OK;
}

/* false: it is not of this form. */
static bool parse(const char *text, struct cost *ret_cost, unsigned char ret_salt[SALT_BYTES],
    unsigned char ret_key[KEY_BYTES])
{
	int used = 0;
	unsigned long n, r, p;

	if (sscanf(text, "scrypt$%lu$%lu$%lu$%n", &n, &r, &p, &used) != 3 || used == 0)
		return false;
	text += used;
	if (!take_hex(&text, ret_salt, SALT_BYTES) || *text++ != '$' ||
	    !take_hex(&text, ret_key, KEY_BYTES) || *text != '\0')
		return false;
	*ret_cost = (struct cost){n, r, p};
	return true;
}

bool secret_is_password(struct slice password, const char *text)
{
	struct cost cost = {COST_N, COST_R, COST_P};
	unsigned char salt[SALT_BYTES] = {0}, key[KEY_BYTES] = {0}, given[KEY_BYTES];
	/* Nobody's password costs as much as anybody's. */
	bool is_one = parse(text, &cost, salt, key);
	bool is_same =
	    derive(password, salt, &cost, given) && CRYPTO_memcmp(given, key, sizeof(key)) == 0;

	explicit_bzero(given, sizeof(given));
	return is_one && is_same;
}
