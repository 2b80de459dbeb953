/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: see assertion.h.
 *
 * The form, the header's algorithm and the claims are looked at here; the library is asked for the
 * signature alone.  It lets the token's own header choose how it is checked (then an HMAC with the
 * public key as its secret would do), takes padding, white space and a dot behind the signature,
 * and the last of two claims of one name: none of that comes as far as there.
 */
#include "auth/assertion.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
/* What is larger than this many seconds, in the year 5138, are milliseconds. */
#define SECONDS_MAX 1e11
/* An assertion that is good for years is a password. */
#define LIFE_US (INT64_C(86400) * SECOND_US)

#define KEY_BITS_MIN 2048

/* --- The form --------------------------------------------------------------------------------- */

struct parts {
	struct slice header, claims, signature; /* base64url */
};

static bool is_base64url(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* The piece before the next dot, or the rest. */
static struct slice take_part(struct slice *rest)
{
	struct slice part = {rest->ptr, 0};

	while (part.len < rest->len && is_base64url(part.ptr[part.len]))
		part.len++;
	*rest = slice_skip(*rest, part.len);
	return part;
}

static bool split(struct slice jwt, struct parts *ret_parts)
{
	struct slice rest = jwt;

	ret_parts->header = take_part(&rest);
	if (rest.len == 0 || rest.ptr[0] != '.')
		return false;
	rest = slice_skip(rest, 1);
	ret_parts->claims = take_part(&rest);
	if (rest.len == 0 || rest.ptr[0] != '.')
		return false;
	rest = slice_skip(rest, 1);
	ret_parts->signature = take_part(&rest);
	return rest.len == 0 && ret_parts->header.len > 0 && ret_parts->claims.len > 0 &&
	       ret_parts->signature.len > 0;
}

/* The bytes of base64url, in ${arena}; NULL ptr when it is none or there is no memory. */
static struct slice decode(struct slice text, struct arena *arena)
{
	size_t padded = (text.len + 3) / 4 * 4, padding = padded - text.len;
	unsigned char *copy = arena_alloc(arena, padded + 1), *bytes = arena_alloc(arena, padded);
	int count;

	if (copy == NULL || bytes == NULL || padding == 3)
		return (struct slice){NULL, 0};
	for (size_t i = 0; i < padded; i++) {
		char c = i < text.len ? text.ptr[i] : '=';

		copy[i] = (unsigned char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	count = EVP_DecodeBlock(bytes, copy, (int)padded);
	if (count < 0)
		return (struct slice){NULL, 0};
	return (struct slice){(const char *)bytes, (size_t)count - padding};
}

/* A part that is a JSON object; the caller frees it. */
static enum status load(
    struct slice part, const char *what, struct arena *arena, json_t **ret_object, struct err *err)
{
	struct slice text = decode(part, arena);
	json_t *object = NULL;

	if (text.ptr != NULL)
		object = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object)) {
		json_decref(object);
		return err_set(err, E_INVALID,
		    "the assertion is no signed JWT: its %s must be a JSON object in base64url, "
		    "with no member twice",
		    what);
	}
	*ret_object = object;
	return OK;
}

/* --- The claims ------------------------------------------------------------------------------- */

/* A text that must be there. */
static enum status take_text(const json_t *claims, const char *name, struct arena *arena,
    struct slice *ret_text, struct err *err)
{
	const json_t *value = json_object_get(claims, name);
	struct slice text;

	if (!json_is_string(value) || json_string_length(value) == 0)
		return err_set(
		    err, E_INVALID, "the assertion's claim \"%s\" is missing, or is no text", name);
	text = (struct slice){json_string_value(value), json_string_length(value)};
	ret_text->ptr = arena_copy(arena, text);
	ret_text->len = text.len;
	return ret_text->ptr == NULL ? err_set(err, E_NOMEM, "an assertion: no memory") : OK;
}

/* A time in seconds or milliseconds.  ${ret_us} stays when it is not there. */
static enum status take_time(
    const json_t *claims, const char *name, int64_t *ret_us, struct err *err)
{
	const json_t *value = json_object_get(claims, name);
	double time;

	if (value == NULL)
		return OK;
	time = json_is_number(value) ? json_number_value(value) : -1;
	if (time > SECONDS_MAX)
		time /= 1000;
	if (!(time >= 0 && time <= SECONDS_MAX))
		return err_set(err, E_INVALID,
		    "the assertion's claim \"%s\" is no time; it must be a number of seconds since "
		    "1970",
		    name);
	*ret_us = (int64_t)(time * (double)SECOND_US);
	return OK;
}

static enum status check_header(const json_t *header, struct err *err)
{
	const char *algorithm = json_string_value(json_object_get(header, "alg"));

	const json_t *type = json_object_get(header, "typ");

	if (algorithm == NULL || strcmp(algorithm, "RS256") != 0)
		return err_set(err, E_INVALID, "the assertion's \"alg\" must be RS256");
	/* The library would take it for a wrong signature. */
	if (type != NULL &&
	    (!json_is_string(type) || strcasecmp(json_string_value(type), "JWT") != 0))
		return err_set(err, E_INVALID, "the assertion's \"typ\" must be JWT");
	/* What it says must be understood, and nothing is (RFC 7515, 4.1.11). */
	if (json_object_get(header, "crit") != NULL)
		return err_set(err, E_INVALID, "the assertion's \"crit\" is not understood");
	return OK;
}

/* All that can be read; ${ret_claims} is the caller's to free when it returns OK. */
static enum status open_assertion(struct slice jwt, struct arena *arena,
    struct assertion *ret_assertion, json_t **ret_claims, struct err *err)
{
	struct assertion assertion = {.id = SLICE(""), .audience = SLICE(""), .expires_us = -1};
	json_t *header = NULL, *claims = NULL;
	struct parts parts;
	enum status st;

	if (jwt.len > ASSERTION_BYTES_MAX)
		return err_set(
		    err, E_INVALID, "the assertion is longer than %d bytes", ASSERTION_BYTES_MAX);
	if (!split(jwt, &parts))
		return err_set(err, E_INVALID,
		    "the assertion is no signed JWT: it must be a header, claims and a signature, "
		    "each in base64url without padding, with a dot between them");
	st = load(parts.header, "header", arena, &header, err);
	if (st == OK)
		st = load(parts.claims, "claims", arena, &claims, err);
	if (st == OK)
		st = check_header(header, err);
	if (st == OK)
		st = take_text(claims, "iss", arena, &assertion.issuer, err);
	if (st == OK)
		st = take_text(claims, "sub", arena, &assertion.subject, err);
	if (st == OK && json_object_get(claims, "jti") != NULL)
		st = take_text(claims, "jti", arena, &assertion.id, err);
	if (st == OK)
		st = take_time(claims, "exp", &assertion.expires_us, err);
	if (st == OK && assertion.expires_us < 0)
		st = err_set(err, E_INVALID,
		    "the assertion's claim \"exp\" is missing; it must be a number of seconds "
		    "since 1970");
	if (st != OK)
		goto out;
	*ret_assertion = assertion;
	*ret_claims = claims;
	claims = NULL;
out:
	json_decref(header);
	json_decref(claims);
	return st;
}

enum status assertion_peek(
    struct slice jwt, struct arena *arena, struct assertion *ret_assertion, struct err *err)
{
	json_t *claims;
	enum status st = open_assertion(jwt, arena, ret_assertion, &claims, err);

	if (st == OK)
		json_decref(claims);
	return st;
}

/* --- For whom --------------------------------------------------------------------------------- */

static bool drop_prefix(struct slice *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text->len < len || strncasecmp(text->ptr, prefix, len) != 0)
		return false;
	*text = slice_skip(*text, len);
	return true;
}

/* Without ":8080". */
static struct slice without_port(struct slice host)
{
	size_t i = host.len;

	while (i > 0 && host.ptr[i - 1] >= '0' && host.ptr[i - 1] <= '9')
		i--;
	if (i > 1 && i < host.len && host.ptr[i - 1] == ':' &&
	    (host.ptr[0] != '[' || host.ptr[i - 2] == ']'))
		return (struct slice){host.ptr, i - 1};
	return host;
}

static bool is_same_host(struct slice a, struct slice b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Without the port that clients leave out of a Host header. */
static struct slice without_default_port(struct slice host, const char *port)
{
	struct slice bare = without_port(host);

	return slice_is(slice_skip(host, bare.len), port) ? bare : host;
}

/* "https://HOST:PORT/services/oauth2/token", with or without each of its parts but the host. */
static bool is_ours(struct slice audience, struct slice host)
{
	static const char *const paths[] = {"", "/", "/services/oauth2/token"};
	const char *slash;
	struct slice path;
	bool is_path = false, is_plain = drop_prefix(&audience, "http://");

	if (!is_plain)
		(void)drop_prefix(&audience, "https://");
	slash = audience.len == 0 ? NULL : memchr(audience.ptr, '/', audience.len);
	path = slash == NULL ? SLICE("") : slice_skip(audience, (size_t)(slash - audience.ptr));
	audience.len -= path.len;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		is_path = is_path || slice_is(path, paths[i]);
	if (!is_path || audience.len == 0)
		return false;
	return is_same_host(audience, host) || is_same_host(audience, without_port(host)) ||
	       is_same_host(without_default_port(audience, is_plain ? ":80" : ":443"), host) ||
	       /* Clients that do not know a host take it for one of these. */
	       slice_is_nocase(audience, "login.salesforce.com") ||
	       slice_is_nocase(audience, "test.salesforce.com");
}

static enum status check_audience(const json_t *claims, struct slice host, struct arena *arena,
    struct slice *ret_audience, struct err *err)
{
	const json_t *value = json_object_get(claims, "aud");
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	for (size_t i = 0; value != NULL && i < count; i++) {
		const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
		struct slice text = {json_string_value(one), json_string_length(one)};

		if (text.ptr == NULL || !is_ours(text, host))
			continue;
		*ret_audience = (struct slice){arena_copy(arena, text), text.len};
		return ret_audience->ptr == NULL ? err_set(err, E_NOMEM, "an assertion: no memory")
						 : OK;
	}
	return err_set(err, E_INVALID,
	    "the assertion's claim \"aud\" is not this server; it must be \"https://%.*s\"",
	    SLICE_ARGS(host));
}

/* --- When ------------------------------------------------------------------------------------- */

static enum status check_times(
    const json_t *claims, int64_t expires_us, int64_t now_us, struct err *err)
{
	int64_t issued_us = now_us, begins_us = now_us;
	enum status st = take_time(claims, "iat", &issued_us, err);

	if (st == OK)
		st = take_time(claims, "nbf", &begins_us, err);
	if (st != OK)
		return st;
	if (expires_us < now_us - ASSERTION_SKEW_US)
		return err_set(err, E_INVALID, "the assertion ended %" PRId64 " seconds ago",
		    (now_us - expires_us) / SECOND_US);
	if (expires_us > now_us + LIFE_US + ASSERTION_SKEW_US)
		return err_set(err, E_INVALID,
		    "the assertion's claim \"exp\" is more than a day away; a few minutes will do");
	if (issued_us > now_us + ASSERTION_SKEW_US || begins_us > now_us + ASSERTION_SKEW_US)
		return err_set(err, E_INVALID,
		    "the assertion's claim \"iat\" or \"nbf\" is in the future; compare the "
		    "clocks");
	return OK;
}

/* --- By whom ---------------------------------------------------------------------------------- */

/* The library copies nothing of what it gets, and wants a text. */
static enum status check_signature(
    struct slice jwt, const char *public_key, struct arena *arena, struct err *err)
{
	const char *text = arena_copy(arena, jwt);
	jwt_t *decoded = NULL;
	int code;
	bool is_signed;

	if (text == NULL)
		return err_set(err, E_NOMEM, "an assertion: no memory");
	code =
	    jwt_decode(&decoded, text, (const unsigned char *)public_key, (int)strlen(public_key));
	if (code == ENOMEM)
		return err_set(err, E_NOMEM, "an assertion: no memory");
	is_signed = code == 0 && jwt_get_alg(decoded) == JWT_ALG_RS256;
	if (code == 0)
		jwt_free(decoded);
	if (!is_signed)
		return err_set(err, E_INVALID,
		    "the assertion's signature is not by the key of the app's certificate");
	return OK;
}

enum status assertion_check(struct slice jwt, const char *public_key, struct slice host,
    int64_t now_us, struct arena *arena, struct assertion *ret_assertion, struct err *err)
{
	struct assertion assertion;
	json_t *claims;
	enum status st = open_assertion(jwt, arena, &assertion, &claims, err);

	if (st != OK)
		return st;
	/* First, so that nobody learns of clocks and names who has no key. */
	st = check_signature(jwt, public_key, arena, err);
	if (st == OK)
		st = check_audience(claims, host, arena, &assertion.audience, err);
	if (st == OK)
		st = check_times(claims, assertion.expires_us, now_us, err);
	json_decref(claims);
	if (st == OK)
		*ret_assertion = assertion;
	return st;
}

/* --- Certificates ----------------------------------------------------------------------------- */

/* The key as PEM, at most ${room} bytes with the NUL. */
static enum status write_key(EVP_PKEY *key, char *ret_pem, size_t room, struct err *err)
{
	BIO *memory = BIO_new(BIO_s_mem());
	enum status st = OK;
	char *text;
	long len;

	if (memory == NULL || PEM_write_bio_PUBKEY(memory, key) != 1) {
		st = err_set(err, E_NOMEM, "a certificate's key: no memory");
	} else {
		len = BIO_get_mem_data(memory, &text);
		if (len <= 0 || (size_t)len >= room) {
			st = err_set(err, E_INVALID, "the certificate's key is too long");
		} else {
			memcpy(ret_pem, text, (size_t)len);
			ret_pem[len] = '\0';
		}
	}
	BIO_free(memory);
	return st;
}

enum status assertion_key_of_certificate(
    struct slice certificate, char *ret_pem, size_t room, struct err *err)
{
	BIO *memory = BIO_new_mem_buf(certificate.ptr, (int)certificate.len);
	/* With a password, or it would ask the terminal for one. */
	X509 *parsed = memory == NULL ? NULL : PEM_read_bio_X509(memory, NULL, NULL, (void *)"");
	EVP_PKEY *key = parsed == NULL ? NULL : X509_get0_pubkey(parsed);
	enum status st;

	if (key == NULL)
		st = err_set(err, E_INVALID,
		    "it is no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")");
	else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < KEY_BITS_MIN)
		st = err_set(err, E_INVALID,
		    "the certificate's key must be RSA, of %d bits or more", KEY_BITS_MIN);
	else
		st = write_key(key, ret_pem, room, err);
	X509_free(parsed);
	BIO_free(memory);
	return st;
}
