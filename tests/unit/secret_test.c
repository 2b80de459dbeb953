/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: their forms, that no two are alike, and what is kept of them. */
#include "auth/secret.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

static struct err err;

static void assert_form(const char *text, const char *prefix, size_t length, const char *alphabet)
{
	size_t used = strlen(prefix);

	assert_int_equal(strlen(text), length);
	assert_memory_equal(text, prefix, used);
	assert_int_equal(strspn(text + used, alphabet), length - used);
}

static void secrets_have_the_forms_that_clients_and_scanners_know(void **state)
{
	char token[SECRET_TOKEN_BYTES], core[SECRET_CORE_BYTES], refresh[SECRET_REFRESH_BYTES],
	    client[SECRET_CLIENT_BYTES], app[SECRET_APP_BYTES];

	(void)state;
	secret_make_token(token);
	assert_form(token, "sluice_", 71, "0123456789abcdef");
	secret_make_core("00Dabcdef012345EAA", core);
	assert_form(core, "00Dabcdef012345!", 112, WORD);
	secret_make_refresh(refresh);
	assert_form(refresh, "5Aep861", 88, WORD);
	secret_make_client_id(client);
	assert_form(client, "3MVG9", 85, WORD);
	secret_make_app(app);
	assert_form(app, "", 64, "0123456789ABCDEF");
}

/* Of 64 letters each comes at each place in 2,000 tries, and as often as any other. */
static void every_letter_is_as_likely(void **state)
{
	char core[SECRET_CORE_BYTES];
	unsigned seen[256] = {0};

	(void)state;
	for (int i = 0; i < 2000; i++) {
		secret_make_core("00Dabcdef012345EAA", core);
		for (size_t k = 16; k < SECRET_CORE_BYTES - 1; k++)
			seen[(unsigned char)core[k]]++;
	}
	/* 3,000 each; six sigma are 330. */
	for (const char *c = WORD; *c != '\0'; c++)
		assert_in_range(seen[(unsigned char)*c], 2670, 3330);
}

static void a_secret_is_known_by_its_hash_alone(void **state)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	/* printf abc | sha256sum */
	static const unsigned char abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};

	(void)state;
	secret_hash(SLICE("abc"), hash);
	assert_memory_equal(hash, abc, sizeof(abc));
	assert_true(secret_is(SLICE("abc"), hash));
	assert_false(secret_is(SLICE("abd"), hash));
	assert_false(secret_is(SLICE(""), hash));
	hash[31] ^= 1;
	assert_false(secret_is(SLICE("abc"), hash));
}

static void a_password_is_known_by_its_slow_hash(void **state)
{
	char first[CATALOG_PASSWORD_BYTES], second[CATALOG_PASSWORD_BYTES];

	(void)state;
	assert_int_equal(secret_hash_password(SLICE("open sesame"), first, &err), OK);
	assert_int_equal(secret_hash_password(SLICE("open sesame"), second, &err), OK);
	assert_memory_equal(first, "scrypt$16384$8$1$", 17);
	assert_string_not_equal(first, second); /* salt */
	assert_null(strstr(first, "sesame"));
	assert_true(secret_is_password(SLICE("open sesame"), first));
	assert_true(secret_is_password(SLICE("open sesame"), second));
	assert_false(secret_is_password(SLICE("open sesamE"), first));
	assert_false(secret_is_password(SLICE(""), first));
	assert_false(secret_is_password(SLICE("open sesame "), first));
}

/* Made by Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChloride!!", n=16384, r=8, p=1,
 * dklen=32). */
static void the_hash_is_scrypts(void **state)
{
	static const char stored[] =
	    "scrypt$16384$8$1$536f6469756d43686c6f726964652121$"
	    "5266323433bf611b859ac800e892b96da335a93270d5b16f5f66ab7b50f63817";

	(void)state;
	assert_true(secret_is_password(SLICE("pleaseletmein"), stored));
	assert_false(secret_is_password(SLICE("pleaseletmeout"), stored));
}

static void what_is_no_hash_lets_nobody_in(void **state)
{
	static const char *const stored[] = {"", "x", "scrypt$", "scrypt$16384$8$1$",
	    "scrypt$16384$8$1$00$00",
	    "scrypt$0$0$0$00000000000000000000000000000000$"
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "scrypt$16384$8$1$zz000000000000000000000000000000$"
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "scrypt$16384$8$1$00000000000000000000000000000000$"
	    "0000000000000000000000000000000000000000000000000000000000000000x"};

	char text[CATALOG_PASSWORD_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		assert_false(secret_is_password(SLICE(""), stored[i]));
		assert_false(secret_is_password(SLICE("x"), stored[i]));
	}
	/* Nor does what is one but for its end, to who knows the password. */
	assert_int_equal(secret_hash_password(SLICE("x"), text, &err), OK);
	assert_true(secret_is_password(SLICE("x"), text));
	text[strlen(text) + 1] = '\0';
	text[strlen(text)] = 'x';
	assert_false(secret_is_password(SLICE("x"), text));
	text[strlen(text) - 2] = '\0';
	assert_false(secret_is_password(SLICE("x"), text));
}

/* So that the time does not tell whether there is such a user. */
static void nobodys_password_costs_as_much_as_anybodys(void **state)
{
	char text[CATALOG_PASSWORD_BYTES];
	int64_t begun_us, somebody_us = INT64_MAX, nobody_us = INT64_MAX, took_us;

	(void)state;
	assert_int_equal(secret_hash_password(SLICE("open sesame"), text, &err), OK);
	/* The best of five: what else runs on the machine only adds. */
	for (int i = 0; i < 5; i++) {
		begun_us = clock_mono_us();
		assert_false(secret_is_password(SLICE("wrong"), text));
		took_us = clock_mono_us() - begun_us;
		somebody_us = took_us < somebody_us ? took_us : somebody_us;
		begun_us = clock_mono_us();
		assert_false(secret_is_password(SLICE("wrong"), ""));
		took_us = clock_mono_us() - begun_us;
		nobody_us = took_us < nobody_us ? took_us : nobody_us;
	}
	assert_in_range(nobody_us, somebody_us / 4, somebody_us * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(secrets_have_the_forms_that_clients_and_scanners_know),
	    cmocka_unit_test(every_letter_is_as_likely),
	    cmocka_unit_test(a_secret_is_known_by_its_hash_alone),
	    cmocka_unit_test(a_password_is_known_by_its_slow_hash),
	    cmocka_unit_test(the_hash_is_scrypts),
	    cmocka_unit_test(what_is_no_hash_lets_nobody_in),
	    cmocka_unit_test(nobodys_password_costs_as_much_as_anybodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
