/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an assertion, and any header and claims in one that is signed: beyond not crashing,
 * nothing is taken that is not signed with RS256 by the app's key, whatever its header says; and
 * what is taken names who, whom, and a time that is now.
 *
 * The input's first byte chooses: an assertion as it is; or header and claims, a line each, signed
 * with the app's key, with another one, or by HMAC with the public key as its secret.
 */
#include "auth/assertion.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US    (INT64_C(1764000000) * 1000000)
#define DAY_US    (INT64_C(86400) * 1000000)
#define TEXT_MAX  65536
#define INPUT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static EVP_PKEY *app_key, *other_key, *hmac_key;
static char public_key[4096];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	BIO *memory = BIO_new(BIO_s_mem());
	int len;

	(void)argc;
	(void)argv;
	app_key = EVP_RSA_gen(2048);
	other_key = EVP_RSA_gen(2048);
	PEM_write_bio_PUBKEY(memory, app_key);
	len = BIO_read(memory, public_key, sizeof(public_key) - 1);
	if (len <= 0)
		abort();
	public_key[len] = '\0';
	BIO_free(memory);
	hmac_key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_HMAC, NULL, (unsigned char *)public_key, (size_t)len);
	return 0;
}

static size_t put_base64url(char *ret_text, const void *bytes, size_t count)
{
	int len = EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)count);

	while (len > 0 && ret_text[len - 1] == '=')
		len--;
	for (int i = 0; i < len; i++)
		ret_text[i] = ret_text[i] == '+' ? '-' : ret_text[i] == '/' ? '_' : ret_text[i];
	return (size_t)len;
}

static struct slice make(struct slice header, struct slice claims, EVP_PKEY *by)
{
	static char text[TEXT_MAX];
	unsigned char signature[512];
	size_t count = sizeof(signature), len = put_base64url(text, header.ptr, header.len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	text[len++] = '.';
	len += put_base64url(text + len, claims.ptr, claims.len);
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, by) != 1 ||
	    EVP_DigestSign(ctx, signature, &count, (unsigned char *)text, len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	text[len++] = '.';
	len += put_base64url(text + len, signature, count);
	return (struct slice){text, len};
}

static void need(bool holds)
{
	if (!holds)
		abort();
}

static bool is_text(const json_t *claims, const char *name, struct slice text)
{
	const json_t *value = json_object_get(claims, name);

	return json_is_string(value) && json_string_length(value) == text.len &&
	       memcmp(json_string_value(value), text.ptr, text.len) == 0;
}

static bool is_among(const json_t *audiences, struct slice text)
{
	const json_t *one;

	for (size_t i = 0; (one = json_array_get(audiences, i)) != NULL; i++) {
		if (json_is_string(one) && slice_is(text, json_string_value(one)))
			return true;
	}
	return false;
}

/* What was taken is what stood there: another reader of the same bytes says so. */
static void check_taken(
    struct slice header_text, struct slice claims_text, const struct assertion *taken)
{
	json_t *header = json_loadb(header_text.ptr, header_text.len, 0, NULL);
	json_t *claims = json_loadb(claims_text.ptr, claims_text.len, 0, NULL);

	need(is_text(header, "alg", SLICE("RS256")));
	need(json_object_get(header, "crit") == NULL);
	need(taken->issuer.len > 0 && is_text(claims, "iss", taken->issuer));
	need(taken->subject.len > 0 && is_text(claims, "sub", taken->subject));
	need(is_text(claims, "aud", taken->audience) ||
	     is_among(json_object_get(claims, "aud"), taken->audience));
	need(json_object_get(claims, "jti") == NULL ? taken->id.len == 0
						    : is_text(claims, "jti", taken->id));
	need(taken->expires_us >= NOW_US - ASSERTION_SKEW_US);
	need(taken->expires_us <= NOW_US + DAY_US + ASSERTION_SKEW_US);
	json_decref(header);
	json_decref(claims);
}

/* Returns whether it was taken. */
static bool check(struct slice jwt, struct arena *arena, struct assertion *ret_taken)
{
	const struct slice host = SLICE("localhost:8443");
	struct assertion peeked, checked = {.expires_us = -7};
	struct err err = {""};
	enum status peek = assertion_peek(jwt, arena, &peeked, &err);
	enum status st;

	need(peek == OK || (peek == E_INVALID && err.text[0] != '\0'));
	st = assertion_check(jwt, public_key, host, NOW_US, arena, &checked, &err);
	need(st == OK || (st == E_INVALID && err.text[0] != '\0' && checked.expires_us == -7));
	if (st != OK)
		return false;
	need(peek == OK && slice_equals(peeked.issuer, checked.issuer) &&
	     slice_equals(peeked.subject, checked.subject));
	*ret_taken = checked;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EVP_PKEY *const by[] = {NULL, app_key, other_key, hmac_key};
	struct slice input, header, claims;
	struct assertion taken;
	struct arena arena;
	const char *line;
	char *copy;
	int how;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	/* '0' to '3', so that a corpus can be written by hand. */
	how = data[0] % 4;
	input = (struct slice){(const char *)data + 1, size - 1};
	arena_init(&arena, 65536);
	if (how == 0) {
		/* Of its own length, so that who reads behind it is seen. */
		copy = malloc(input.len == 0 ? 1 : input.len);
		need(copy != NULL);
		memcpy(copy, input.ptr, input.len);
		/* Signed by nobody. */
		need(!check((struct slice){copy, input.len}, &arena, &taken));
		free(copy);
	} else {
		line = memchr(input.ptr, '\n', input.len);
		header = (struct slice){
		    input.ptr, line == NULL ? input.len : (size_t)(line - input.ptr)};
		claims = slice_skip(input, line == NULL ? input.len : header.len + 1);
		if (check(make(header, claims, by[how]), &arena, &taken)) {
			need(how == 1);
			check_taken(header, claims, &taken);
		}
	}
	arena_fini(&arena);
	return 0;
}
