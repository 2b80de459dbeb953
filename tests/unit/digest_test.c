/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/digest.h.  What is expected is what sha256sum and sha512sum print. */
#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const struct {
	const char *text, *sha256, *sha512;
} examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"id,name\n1,one\n", "6ce3439da00998c98347de9818a2ab2b6d84a0d69b7d2bb268ff264243bc292b",
	"cd11d108ccf8658f28f0b018132c7da497d1f1decab5c032adda4524b68b1995"
	"ee94a422e809118372a0ceccbd1e10916382e505d86c29813fb87d19ccef5f92"},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	"3afbb132863c57f08bdc32205eb6c63775397a9953819218a1f4b7cbdc0ff90f",
	"2263cbf87fd5c4166333bf2c45cd37a94c3529576a96b6730fa3dea9e0c89aa2"
	"0156946194177db2ca28da85a80ecf2137d078b7f9e5c9d4f7131ea461010ca5"},
};
#define EXAMPLE_COUNT (sizeof(examples) / sizeof(examples[0]))

static void check(const unsigned char *bytes, size_t count, const char *expected)
{
	char hex[2 * DIGEST_BYTES_MAX + 1] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(hex, expected);
}

/* In two pieces, split everywhere; asked for in between, which must change nothing. */
static void check_pieces(enum digest_algorithm algorithm, const char *text, const char *expected)
{
	unsigned char bytes[DIGEST_BYTES_MAX];
	struct digest *digest;

	for (size_t first = 0; first <= strlen(text); first++) {
		assert_int_equal(digest_create(algorithm, &digest, NULL), OK);
		digest_add(digest, (struct slice){text, first});
		assert_int_equal(digest_get(digest, bytes, NULL), OK);
		digest_add(digest, slice_of(text + first));
		assert_int_equal(digest_get(digest, bytes, NULL), OK);
		check(bytes, digest_bytes(algorithm), expected);
		assert_int_equal(digest_get(digest, bytes, NULL), OK);
		check(bytes, digest_bytes(algorithm), expected);
		digest_destroy(&digest);
		assert_null(digest);
	}
}

static void digests_are_those_of_sha256sum_and_sha512sum(void **state)
{
	unsigned char bytes[DIGEST_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
		check_pieces(DIGEST_SHA256, examples[i].text, examples[i].sha256);
		check_pieces(DIGEST_SHA512, examples[i].text, examples[i].sha512);
		digest_sha256(slice_of(examples[i].text), bytes);
		check(bytes, DIGEST_SHA256_BYTES, examples[i].sha256);
	}
}

static void nothing_to_destroy_is_fine(void **state)
{
	struct digest *digest = NULL;

	(void)state;
	digest_destroy(&digest);
	assert_null(digest);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digests_are_those_of_sha256sum_and_sha512sum),
	    cmocka_unit_test(nothing_to_destroy_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
