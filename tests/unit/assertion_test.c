/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: what clients of the hosted service send is taken, and nothing beyond that.  They are
 * made here with OpenSSL alone, the certificate by its command.
 */
#include "auth/assertion.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US (INT64_C(1764000000) * 1000000)
#define NOW    "1764000000"
#define LATER  "1764000180" /* in three minutes */
#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define WHO    "\"iss\":\"client\",\"sub\":\"ann@example.com\""
#define FOR_US "\"aud\":\"https://localhost:8443\""
#define CLAIMS "{" WHO "," FOR_US ",\"exp\":" LATER "}"

static char folder[64], public_key[4096];
static EVP_PKEY *key, *other_key;
static struct arena arena;
static struct err err;

/* --- Making ----------------------------------------------------------------------------------- */

static void read_file(const char *name, char *ret_text, size_t room)
{
	char path[128];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(ret_text, 1, room - 1, file);
	ret_text[len] = '\0';
	fclose(file);
}

static EVP_PKEY *read_key(const char *name)
{
	char path[128];
	EVP_PKEY *read;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	read = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	assert_non_null(read);
	return read;
}

static int set_up_all(void **state)
{
	char command[1024], certificate[8192];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/assertion-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(command, sizeof(command),
	    "cd %s && for n in app other; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
	    "-subj /CN=$n -keyout $n.key -out $n.crt 2>/dev/null || exit 1; done; "
	    "openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=s -keyout small.key "
	    "-out small.crt 2>/dev/null; openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -subj /CN=e -keyout ec.key -out ec.crt 2>/dev/null",
	    folder);
	if (system(command) != 0)
		return -1;
	read_file("app.crt", certificate, sizeof(certificate));
	if (assertion_key_of_certificate(
		slice_of(certificate), public_key, sizeof(public_key), &err) != OK)
		return -1;
	key = read_key("app.key");
	other_key = read_key("other.key");
	arena_init(&arena, 65536);
	return 0;
}

static int tear_down_all(void **state)
{
	char command[128];

	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	arena_fini(&arena);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static size_t put_base64url(char *ret_text, const void *bytes, size_t count)
{
	int len = EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)count);

	while (len > 0 && ret_text[len - 1] == '=')
		len--;
	for (int i = 0; i < len; i++)
		ret_text[i] = ret_text[i] == '+' ? '-' : ret_text[i] == '/' ? '_' : ret_text[i];
	ret_text[len] = '\0';
	return (size_t)len;
}

/* A JWT of these two, signed with ${by}: an RSA key, or an HMAC's. */
static const char *make_by(EVP_PKEY *by, const char *header, const char *claims)
{
	static char text[65536];
	unsigned char signature[1024];
	size_t len = put_base64url(text, header, strlen(header)), count = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	text[len++] = '.';
	len += put_base64url(text + len, claims, strlen(claims));
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, by), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &count, (unsigned char *)text, len), 1);
	EVP_MD_CTX_free(ctx);
	text[len++] = '.';
	put_base64url(text + len, signature, count);
	return text;
}

static const char *make(const char *claims)
{
	return make_by(key, HEADER, claims);
}

static enum status check_at(const char *jwt, int64_t now_us, struct assertion *ret)
{
	enum status st = assertion_check(
	    slice_of(jwt), public_key, SLICE("localhost:8443"), now_us, &arena, ret, &err);

	arena_reset(&arena);
	return st;
}

static void assert_taken(const char *claims)
{
	struct assertion assertion;

	if (check_at(make(claims), NOW_US, &assertion) != OK)
		fail_msg("%s: %s", claims, err.text);
}

static void assert_refused(const char *claims, const char *why)
{
	struct assertion assertion;

	if (check_at(make(claims), NOW_US, &assertion) != E_INVALID)
		fail_msg("taken: %s", claims);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: %s", claims, err.text);
}

/* --- What is taken ---------------------------------------------------------------------------- */

static void an_assertion_tells_who_asks_for_whom(void **state)
{
	const char *jwt = make("{" WHO "," FOR_US ",\"exp\":" LATER ",\"jti\":\"one\"}");
	struct assertion a;

	(void)state;
	assert_int_equal(assertion_peek(slice_of(jwt), &arena, &a, &err), OK);
	assert_true(slice_is(a.issuer, "client"));
	assert_int_equal(assertion_check(slice_of(jwt), public_key, SLICE("localhost:8443"), NOW_US,
			     &arena, &a, &err),
	    OK);
	assert_true(slice_is(a.issuer, "client"));
	assert_true(slice_is(a.subject, "ann@example.com"));
	assert_true(slice_is(a.audience, "https://localhost:8443"));
	assert_true(slice_is(a.id, "one"));
	assert_int_equal(a.expires_us, NOW_US + 180 * INT64_C(1000000));
	arena_reset(&arena);
	assert_int_equal(check_at(make(CLAIMS), NOW_US, &a), OK);
	assert_int_equal(a.id.len, 0);
}

static void the_audience_may_be_spelled_in_all_ways_and_no_others(void **state)
{
	static const char *const ours[] = {"https://localhost:8443", "http://localhost:8443",
	    "localhost:8443", "https://localhost", "localhost", "https://LocalHost:8443/",
	    "https://localhost:8443/services/oauth2/token", "https://login.salesforce.com",
	    "https://test.salesforce.com", "https://login.salesforce.com/services/oauth2/token"};
	static const char *const others[] = {"", "https://", "/", "https://localhost:8444",
	    "https://example.com", "https://localhost.example.com",
	    "https://localhost:8443/services", "https://localhost:8443.example.com",
	    "ftp://localhost:8443", "https://user@localhost:8443", "https://salesforce.com",
	    "https://evil-login.salesforce.com", "https://login.salesforce.com.evil.com", "8443",
	    "https://localhost:8443?", " https://localhost:8443"};
	char claims[512];

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		snprintf(
		    claims, sizeof(claims), "{" WHO ",\"aud\":\"%s\",\"exp\":" LATER "}", ours[i]);
		assert_taken(claims);
		snprintf(claims, sizeof(claims),
		    "{" WHO ",\"aud\":[7,\"https://a\",\"%s\"],\"exp\":" LATER "}", ours[i]);
		assert_taken(claims);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(claims, sizeof(claims), "{" WHO ",\"aud\":\"%s\",\"exp\":" LATER "}",
		    others[i]);
		assert_refused(claims, "\"aud\"");
	}
	assert_refused("{" WHO ",\"exp\":" LATER "}", "\"aud\"");
	assert_refused("{" WHO ",\"aud\":[],\"exp\":" LATER "}", "\"aud\"");
	assert_refused("{" WHO ",\"aud\":null,\"exp\":" LATER "}", "\"aud\"");
	assert_refused("{" WHO ",\"aud\":{\"a\":\"localhost\"},\"exp\":" LATER "}", "\"aud\"");
}

static void a_host_without_a_port_or_of_an_address_is_a_host(void **state)
{
	static const struct {
		const char *host, *audience;
		bool is_ours;
	} cases[] = {{"example.com", "https://example.com", true},
	    {"example.com", "https://example.com:443", true},
	    {"example.com", "http://example.com:80", true},
	    {"example.com", "https://example.com:80", false},
	    {"example.com", "http://example.com:443", false},
	    {"example.com", "https://example.com:8443", false},
	    {"example.com:8443", "https://example.com:443", false},
	    {"[::1]", "https://[::1]:443", true}, {"[::1]:8443", "https://[::1]:8443", true},
	    {"[::1]:8443", "https://[::1]", true}, {"[::1]", "https://[::1]", true},
	    {"[::1]", "https://[:", false}, {"127.0.0.1:80", "http://127.0.0.1", true},
	    {"8080", "https://8080", true}};
	char claims[256];
	struct assertion a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(claims, sizeof(claims), "{" WHO ",\"aud\":\"%s\",\"exp\":" LATER "}",
		    cases[i].audience);
		assert_int_equal(assertion_check(slice_of(make(claims)), public_key,
				     slice_of(cases[i].host), NOW_US, &arena, &a, &err) == OK,
		    cases[i].is_ours);
		arena_reset(&arena);
	}
}

static void times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew(void **state)
{
	(void)state;
	assert_taken("{" WHO "," FOR_US ",\"exp\":" LATER "}");
	assert_taken("{" WHO "," FOR_US ",\"exp\":" LATER "000}");
	assert_taken("{" WHO "," FOR_US ",\"exp\":1764000300.5}");
	/* As the official client sends it: a lifetime of nothing. */
	assert_taken("{" WHO "," FOR_US ",\"exp\":" NOW ",\"iat\":" NOW "}");
	assert_taken("{" WHO "," FOR_US ",\"exp\":1763999820}");
	assert_refused("{" WHO "," FOR_US ",\"exp\":1763999819}", "ended 181 seconds ago");
	assert_refused("{" WHO "," FOR_US ",\"exp\":1763999819000}", "ended 181 seconds ago");
	assert_taken("{" WHO "," FOR_US ",\"exp\":1764086400}");
	assert_refused("{" WHO "," FOR_US ",\"exp\":1764086581}", "more than a day");
	assert_taken(
	    "{" WHO "," FOR_US ",\"exp\":" LATER ",\"iat\":" LATER ",\"nbf\":" LATER "000}");
	assert_refused(
	    "{" WHO "," FOR_US ",\"exp\":1764000600,\"iat\":1764000181}", "in the future");
	assert_refused(
	    "{" WHO "," FOR_US ",\"exp\":1764000600,\"nbf\":1764000181000}", "in the future");
	assert_refused("{" WHO "," FOR_US "}", "\"exp\" is missing");
	assert_refused("{" WHO "," FOR_US ",\"exp\":\"" LATER "\"}", "\"exp\" is no time");
	assert_refused("{" WHO "," FOR_US ",\"exp\":-1}", "\"exp\" is no time");
	assert_refused("{" WHO "," FOR_US ",\"exp\":1e300}", "\"exp\" is no time");
	assert_refused("{" WHO "," FOR_US ",\"exp\":null}", "\"exp\" is no time");
	assert_refused(
	    "{" WHO "," FOR_US ",\"exp\":" LATER ",\"iat\":\"x\"}", "\"iat\" is no time");
}

/* --- What is not ------------------------------------------------------------------------------ */

static void a_claim_that_lacks_or_is_no_text_is_named(void **state)
{
	(void)state;
	assert_refused("{\"sub\":\"a\"," FOR_US ",\"exp\":" LATER "}", "\"iss\"");
	assert_refused("{\"iss\":\"\",\"sub\":\"a\"," FOR_US ",\"exp\":" LATER "}", "\"iss\"");
	assert_refused("{\"iss\":7,\"sub\":\"a\"," FOR_US ",\"exp\":" LATER "}", "\"iss\"");
	assert_refused("{\"iss\":\"a\"," FOR_US ",\"exp\":" LATER "}", "\"sub\"");
	assert_refused("{" WHO "," FOR_US ",\"exp\":" LATER ",\"jti\":7}", "\"jti\"");
	assert_refused("{" WHO "," FOR_US ",\"exp\":" LATER ",\"jti\":\"\"}", "\"jti\"");
	assert_refused("[]", "its claims must be a JSON object");
	assert_refused("{", "its claims must be a JSON object");
	assert_refused(CLAIMS "x", "its claims must be a JSON object");
	assert_refused("{\"iss\":\"client\",\"iss\":\"x\",\"sub\":\"a\"," FOR_US ",\"exp\":" LATER
		       "}",
	    "no signed JWT");
}

static void assert_not_by_us(const char *jwt, const char *why)
{
	struct assertion assertion;

	if (check_at(jwt, NOW_US, &assertion) != E_INVALID)
		fail_msg("taken: %s", jwt);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: %s", jwt, err.text);
}

static void another_key_is_refused(void **state)
{
	(void)state;
	assert_not_by_us(make_by(other_key, HEADER, CLAIMS), "signature");
}

/* The signature must be of the very bytes. */
static void what_was_changed_after_signing_is_refused(void **state)
{
	char text[4096], *dot;

	(void)state;
	snprintf(text, sizeof(text), "%s", make(CLAIMS));
	dot = strrchr(text, '.');
	dot[1] = dot[1] == 'A' ? 'B' : 'A';
	assert_not_by_us(text, "signature");
	/* Other claims before a signature that is good for these. */
	snprintf(text, sizeof(text), "%s", make("{" WHO "," FOR_US ",\"exp\":1764000100}"));
	dot = strrchr(make(CLAIMS), '.');
	snprintf(strrchr(text, '.'), 2048, "%s", dot);
	assert_not_by_us(text, "signature");
}

static void no_other_algorithm_is_taken(void **state)
{
	static const char *const headers[] = {"{\"alg\":\"none\"}", "{\"alg\":\"None\"}",
	    "{\"alg\":\"HS256\"}", "{\"alg\":\"RS384\"}", "{\"alg\":\"rs256\"}",
	    "{\"alg\":\"RS256 \"}", "{\"alg\":[\"RS256\"]}", "{\"alg\":null}", "{}"};
	/* The public key, which everybody may know, as the secret of an HMAC. */
	EVP_PKEY *hmac = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_HMAC, NULL, (unsigned char *)public_key, strlen(public_key));
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		assert_not_by_us(make_by(key, headers[i], CLAIMS), "RS256");
		assert_not_by_us(make_by(hmac, headers[i], CLAIMS), "RS256");
	}
	assert_not_by_us(make_by(hmac, HEADER, CLAIMS), "signature");
	assert_not_by_us(
	    make_by(hmac, "{\"alg\":\"RS256\",\"alg\":\"HS256\"}", CLAIMS), "no signed JWT");
	/* Without any signature. */
	snprintf(text, sizeof(text), "%s", make_by(key, "{\"alg\":\"none\"}", CLAIMS));
	strrchr(text, '.')[1] = '\0';
	assert_not_by_us(text, "no signed JWT");
	snprintf(text, sizeof(text), "%s", make(CLAIMS));
	strrchr(text, '.')[1] = '\0';
	assert_not_by_us(text, "no signed JWT");
	assert_not_by_us(
	    make_by(key, "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", CLAIMS), "\"crit\"");
	EVP_PKEY_free(hmac);
}

static void a_type_must_be_jwt_in_either_case_or_none(void **state)
{
	static const char *const right[] = {"{\"alg\":\"RS256\"}",
	    "{\"alg\":\"RS256\",\"typ\":\"jwt\"}",
	    "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"x\"}"};
	static const char *const wrong[] = {"{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}",
	    "{\"alg\":\"RS256\",\"typ\":7}", "{\"alg\":\"RS256\",\"typ\":null}"};
	struct assertion assertion;

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(check_at(make_by(key, right[i], CLAIMS), NOW_US, &assertion), OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_not_by_us(make_by(key, wrong[i], CLAIMS), "\"typ\" must be JWT");
}

static void what_has_another_form_is_no_jwt(void **state)
{
	static const char *const wrong[] = {"", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.e30",
	    "e30.e30.", "e30..e30", ".e30.e30", "bm8.bm8.bm8", "e30=.e30=.e30=", "e3 0.e30.e30",
	    "a.a.a", "e30.e30.e30\n"};
	struct assertion assertion;
	char text[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(
		    assertion_peek(slice_of(wrong[i]), &arena, &assertion, &err), E_INVALID);
		assert_int_equal(check_at(wrong[i], NOW_US, &assertion), E_INVALID);
	}
	/* More behind what is good. */
	snprintf(text, sizeof(text), "%s.e30", make(CLAIMS));
	assert_int_equal(check_at(text, NOW_US, &assertion), E_INVALID);
	snprintf(text, sizeof(text), "%s=", make(CLAIMS));
	assert_int_equal(check_at(text, NOW_US, &assertion), E_INVALID);
	snprintf(text, sizeof(text), " %s", make(CLAIMS));
	assert_int_equal(check_at(text, NOW_US, &assertion), E_INVALID);
	/* 16,384 bytes are looked at, one more is not. */
	memset(text, 'A', sizeof(text));
	assert_int_equal(
	    assertion_peek((struct slice){text, 16384}, &arena, &assertion, &err), E_INVALID);
	assert_non_null(strstr(err.text, "no signed JWT"));
	assert_int_equal(
	    assertion_peek((struct slice){text, 16385}, &arena, &assertion, &err), E_INVALID);
	assert_non_null(strstr(err.text, "longer than 16384 bytes"));
	arena_reset(&arena);
}

/* --- Certificates ----------------------------------------------------------------------------- */

static void a_certificate_must_be_one_of_a_long_rsa_key(void **state)
{
	static const struct {
		const char *file, *why;
	} cases[] = {{"small.crt", "RSA, of 2048 bits"}, {"ec.crt", "RSA, of 2048 bits"},
	    {"app.key", "no certificate"}};
	char text[8192], pem[4096] = "as it was";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_file(cases[i].file, text, sizeof(text));
		assert_int_equal(
		    assertion_key_of_certificate(slice_of(text), pem, sizeof(pem), &err),
		    E_INVALID);
		assert_non_null(strstr(err.text, cases[i].why));
		assert_string_equal(pem, "as it was");
	}
	assert_int_equal(
	    assertion_key_of_certificate(SLICE(""), pem, sizeof(pem), &err), E_INVALID);
	read_file("app.crt", text, sizeof(text));
	assert_int_equal(
	    assertion_key_of_certificate(slice_of(text), pem, strlen(public_key), &err), E_INVALID);
	assert_int_equal(
	    assertion_key_of_certificate(slice_of(text), pem, strlen(public_key) + 1, &err), OK);
	assert_string_equal(pem, public_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_assertion_tells_who_asks_for_whom),
	    cmocka_unit_test(the_audience_may_be_spelled_in_all_ways_and_no_others),
	    cmocka_unit_test(a_host_without_a_port_or_of_an_address_is_a_host),
	    cmocka_unit_test(times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew),
	    cmocka_unit_test(a_claim_that_lacks_or_is_no_text_is_named),
	    cmocka_unit_test(another_key_is_refused),
	    cmocka_unit_test(what_was_changed_after_signing_is_refused),
	    cmocka_unit_test(no_other_algorithm_is_taken),
	    cmocka_unit_test(a_type_must_be_jwt_in_either_case_or_none),
	    cmocka_unit_test(what_has_another_form_is_no_jwt),
	    cmocka_unit_test(a_certificate_must_be_one_of_a_long_rsa_key),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
