/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of http/content_digest.h: which headers are understood, and what is wrong with the
 * others.  The digests are those of the text "id\nk1\n", as sha256sum, sha512sum and base64 print
 * them.
 */
#include "http/content_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define B256_UNPADDED   "22AzIxWJP9oCRBAcQlDh2VCxSfS0rWXUT3PWU+ZANRw"
#define B256_SPARE_BITS "22AzIxWJP9oCRBAcQlDh2VCxSfS0rWXUT3PWU+ZANRz"
#define B256            B256_UNPADDED "="
#define D256            ":" B256 ":"
#define B512_UNPADDED                                                                              \
	"Nj9zFg1Cq8fJIwu9+vF/zE/lJm3XrUjFsBhiczejoCD"                                              \
	"NmNXgkg/ncesFepyyjAhoPUrAKssqqILm1ikutRbAbQ"
#define D512     ":" B512_UNPADDED "==:"
#define OTHER256 ":2SmKENGwc1g33EvYXaxkGw887yekfl1TpU8vP1svz/o=:"

static const unsigned char sha256_bytes[DIGEST_BYTES_MAX] = {
    0xdb,
    0x60,
    0x33,
    0x23,
    0x15,
    0x89,
    0x3f,
    0xda,
    0x02,
    0x44,
    0x10,
    0x1c,
    0x42,
    0x50,
    0xe1,
    0xd9,
    0x50,
    0xb1,
    0x49,
    0xf4,
    0xb4,
    0xad,
    0x65,
    0xd4,
    0x4f,
    0x73,
    0xd6,
    0x53,
    0xe6,
    0x40,
    0x35,
    0x1c,
};
static const unsigned char sha512_bytes[DIGEST_BYTES_MAX] = {
    0x36,
    0x3f,
    0x73,
    0x16,
    0x0d,
    0x42,
    0xab,
    0xc7,
    0xc9,
    0x23,
    0x0b,
    0xbd,
    0xfa,
    0xf1,
    0x7f,
    0xcc,
    0x4f,
    0xe5,
    0x26,
    0x6d,
    0xd7,
    0xad,
    0x48,
    0xc5,
    0xb0,
    0x18,
    0x62,
    0x73,
    0x37,
    0xa3,
    0xa0,
    0x20,
    0xcd,
    0x98,
    0xd5,
    0xe0,
    0x92,
    0x0f,
    0xe7,
    0x71,
    0xeb,
    0x05,
    0x7a,
    0x9c,
    0xb2,
    0x8c,
    0x08,
    0x68,
    0x3d,
    0x4a,
    0xc0,
    0x2a,
    0xcb,
    0x2a,
    0xa8,
    0x82,
    0xe6,
    0xd6,
    0x29,
    0x2e,
    0xb5,
    0x16,
    0xc0,
    0x6d,
};

static const unsigned char zeros[DIGEST_BYTES_MAX];

/* One line; ${expect256} and ${expect512}: which digests it gives. */
struct good {
	const char *line;
	bool expect256, expect512;
};

static enum status parse(const char *line, struct content_digest *digests, struct err *err)
{
	size_t len = strlen(line);
	char *copy = malloc(len == 0 ? 1 : len); /* with nothing behind it */
	enum status st;

	assert_non_null(copy);
	memcpy(copy, line, len);
	st = content_digest_add((struct slice){copy, len}, digests, err);
	free(copy);
	return st;
}

static void check_digests(
    const struct content_digest *digests, bool expect256, bool expect512, const char *line)
{
	if (digests->given[DIGEST_SHA256] != expect256 ||
	    digests->given[DIGEST_SHA512] != expect512)
		fail_msg("%s: sha-256 %d, sha-512 %d", line, digests->given[DIGEST_SHA256],
		    digests->given[DIGEST_SHA512]);
	assert_memory_equal(digests->bytes[DIGEST_SHA256], expect256 ? sha256_bytes : zeros, 32);
	assert_memory_equal(digests->bytes[DIGEST_SHA512], expect512 ? sha512_bytes : zeros, 64);
}

static void check_good(const struct good *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct content_digest digests = {.given = {false}};
		struct err err = {{0}};

		if (parse(examples[i].line, &digests, &err) != OK)
			fail_msg("%s: %s", examples[i].line, err.text);
		check_digests(
		    &digests, examples[i].expect256, examples[i].expect512, examples[i].line);
	}
}
#define CHECK_GOOD(examples) check_good(examples, sizeof(examples) / sizeof((examples)[0]))

static void digests_are_read(void **state)
{
	static const struct good examples[] = {
	    {"sha-256=" D256, true, false},
	    {"sha-512=" D512, false, true},
	    {"sha-256=" D256 ", sha-512=" D512, true, true},
	    {"sha-512=" D512 ",sha-256=" D256, true, true},
	    {"  sha-256=" D256 " \t ,\t sha-512=" D512 "  ", true, true},
	    {"", false, false},
	    {"   ", false, false},
	};

	(void)state;
	CHECK_GOOD(examples);
}

static void parameters_and_other_algorithms_are_ignored(void **state)
{
	static const struct good examples[] = {
	    {"sha-256=" D256 ";a", true, false},
	    {"sha-256=" D256 "; a=1;b=-2.5;c=\"x \\\" \\\\ ,y\";d=tok/en:*;e=?0;*f=:YQ==:", true,
		false},
	    {"sha-256=" D256 ";a, sha-512=" D512 ";b=?1", true, true},
	    {"md5=:CY9rzUYh03PK3k6DJie09g==:", false, false},
	    {"md5=:CY9rzUYh03PK3k6DJie09g==:;x=y, sha-256=" D256 ", unixsum=::", true, false},
	    {"sha-2567=" D256 ", *=:YQ==:, a_-.*9=:YQ==:", false, false},
	};

	(void)state;
	CHECK_GOOD(examples);
}

/* RFC 8941, 4.2.7: padding and spare bits need not be right. */
static void loose_base64_is_read(void **state)
{
	static const struct good examples[] = {
	    {"sha-256=:" B256_UNPADDED ":", true, false},
	    {"sha-256=:" B256_SPARE_BITS "=:", true, false},
	    {"sha-512=:" B512_UNPADDED ":", false, true},
	};

	(void)state;
	CHECK_GOOD(examples);
}

static void of_two_digests_by_one_algorithm_the_later_counts(void **state)
{
	static const struct good examples[] = {
	    {"sha-256=" OTHER256 ", sha-256=" D256, true, false},
	    {"sha-256=" OTHER256 ", sha-512=" D512 ", sha-256=" D256, true, true},
	};

	(void)state;
	CHECK_GOOD(examples);
}

static void several_lines_are_one_list(void **state)
{
	struct content_digest digests = {.given = {false}};

	(void)state;
	assert_int_equal(parse("sha-512=" D512, &digests, NULL), OK);
	assert_int_equal(parse("md5=:YQ==:", &digests, NULL), OK);
	check_digests(&digests, false, true, "two lines");
	assert_int_equal(parse("sha-256=" OTHER256, &digests, NULL), OK);
	assert_int_equal(parse("sha-256=" D256, &digests, NULL), OK);
	check_digests(&digests, true, true, "four lines");
}

static void what_is_malformed_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		const char *line, *words;
	} examples[] = {
	    {"sha-256", "\"=:\" is expected, then base64 and a colon, at character 8"},
	    {"sha-256;a", "\"=:\" is expected"},
	    {"sha-256, sha-512=" D512, "\"=:\" is expected"},
	    {"sha-256=", "at character 9"},
	    {"sha-256=abc", "at character 9"},
	    {"sha-256=\"abc\"", "at character 9"},
	    {"sha-256=(" D256 ")", "at character 9"},
	    {"sha-256 =" D256, "at character 8"},
	    {"sha-256= " D256, "at character 9"},
	    {"sha-256=:", "the closing colon is missing at character 10"},
	    {"sha-256=:" B256, "the closing colon is missing"},
	    {"sha-256=:" B256_UNPADDED "!:", "what is not base64 stands"},
	    {"sha-256=:YWJj YWJj:", "what is not base64 stands at character 14"},
	    {"sha-256=:YW=Jj:", "what is not base64 stands at character 13"},
	    {"sha-256=:_-_-:", "what is not base64 stands at character 10"},
	    {"sha-256=:YWJjY:", "a length that none can have"},
	    {"sha-256=:YWJj=:", "a length that none can have"},
	    {"sha-256=:YW=:", "a length that none can have"},
	    {"sha-256=:YWJj====:", "a length that none can have"},
	    {"sha-256=:YWJj:", "a sha-256 digest has 32 bytes, not 3"},
	    {"sha-256=::", "a sha-256 digest has 32 bytes, not 0"},
	    {"sha-256=" D512, "a sha-256 digest has 32 bytes, not 64"},
	    {"sha-512=" D256, "a sha-512 digest has 64 bytes, not 32"},
	    {"sha-512=:" B512_UNPADDED "AAAAAAAA:", "a sha-512 digest has 64 bytes, not 70"},
	    {"md5=abc", "at character 5"},
	    {"md5", "at character 4"},
	    {"SHA-256=" D256, "lower-case name of an algorithm is expected at character 1"},
	    {"=" D256, "lower-case name"},
	    {D256, "lower-case name"},
	    {"256-sha=" D256, "lower-case name"},
	    {"sha-256=" D256 ",", "nothing follows the last comma"},
	    {"sha-256=" D256 ",,sha-512=" D512, "lower-case name"},
	    {",sha-256=" D256, "lower-case name"},
	    {"sha-256=" D256 " sha-512=" D512, "a comma is expected"},
	    {"sha-256=" D256 "x", "a comma is expected"},
	    {"sha-256=" D256 ";", "lower-case name"},
	    {"sha-256=" D256 ";A=1", "lower-case name"},
	    {"sha-256=" D256 ";a=", "a parameter's value is expected"},
	    {"sha-256=" D256 ";a=\"x", "a parameter's text is not closed"},
	    {"sha-256=" D256 ";a=\"x\\", "a parameter's text is not closed"},
	    {"sha-256=" D256 ";a=\"x\\\"", "a parameter's text is not closed"},
	    {"sha-256=" D256 ";a=\"\xc3\xa4\"", "a parameter's text is not closed"},
	    {"sha-256=" D256 ";a=:YQ==", "the closing colon is missing"},
	    {"sha-256=" D256 ";a=?2", "?0 or ?1 is expected"},
	    {"sha-256=" D256 ", \xc3\xa4=:YQ==:", "lower-case name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct content_digest digests = {.given = {false}};
		struct err err = {{0}};

		if (parse(examples[i].line, &digests, &err) != E_INVALID)
			fail_msg("%s: taken", examples[i].line);
		if (strstr(err.text, examples[i].words) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", examples[i].line, err.text,
			    examples[i].words);
		check_digests(&digests, false, false, examples[i].line);
	}
}

static void digests_are_written_as_they_are_read(void **state)
{
	char text[CONTENT_DIGEST_TEXT_BYTES];

	(void)state;
	assert_string_equal(content_digest_format(sha256_bytes, DIGEST_SHA256, text), D256);
	assert_string_equal(content_digest_format(sha512_bytes, DIGEST_SHA512, text), D512);
	assert_string_equal(content_digest_name(DIGEST_SHA256), "sha-256");
	assert_string_equal(content_digest_name(DIGEST_SHA512), "sha-512");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digests_are_read),
	    cmocka_unit_test(parameters_and_other_algorithms_are_ignored),
	    cmocka_unit_test(loose_base64_is_read),
	    cmocka_unit_test(of_two_digests_by_one_algorithm_the_later_counts),
	    cmocka_unit_test(several_lines_are_one_list),
	    cmocka_unit_test(what_is_malformed_is_refused_and_changes_nothing),
	    cmocka_unit_test(digests_are_written_as_they_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
