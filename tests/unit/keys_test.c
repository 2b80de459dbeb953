/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing keys: what is signed is checked with OpenSSL alone, by the key that is published under
 * the token's "kid".  Two struct keys on one folder are what two processes are.
 */
#include "auth/keys.h"

#include "base/clock.h"
#include "base/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)
#define TOKEN_US  (7200 * SECOND_US)

static char base[64], folder[96];
static struct keys *keys;
static struct err err;

/* --- The folder ------------------------------------------------------------------------------- */

/* The names in the folder that end in ${end}; the last of them, by the alphabet, in ${ret_last}. */
static size_t count_files(const char *end, char ret_last[256])
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	ret_last[0] = '\0';
	while ((entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < strlen(end) || strcmp(entry->d_name + len - strlen(end), end) != 0)
			continue;
		count++;
		if (strcmp(entry->d_name, ret_last) > 0)
			snprintf(ret_last, 256, "%s", entry->d_name);
	}
	closedir(dir);
	return count;
}

static void path_of(const char *name, char ret_path[512])
{
	snprintf(ret_path, 512, "%s/%s", folder, name);
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	char path[512];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* Run the openssl command so that it writes the file ${name}. */
static void make_pem(const char *how, const char *name)
{
	char command[1024], path[512];

	path_of(name, path);
	snprintf(command, sizeof(command), "openssl %s -out %s 2>/dev/null", how, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* --- What is published, and what that proves -------------------------------------------------- */

static json_t *publish(void)
{
	struct buffer text;
	json_t *set;

	buffer_init(&text, 65536);
	assert_int_equal(keys_publish(keys, &text, &err), OK);
	assert_int_equal(json_parse(buffer_slice(&text), &set, &err), OK);
	buffer_fini(&text);
	return set;
}

static size_t count_published(void)
{
	json_t *set = publish();
	size_t count = json_array_size(json_object_get(set, "keys"));

	json_decref(set);
	return count;
}

static size_t decode(const char *text, size_t len, unsigned char *ret_bytes)
{
	char padded[4096];
	size_t all = (len + 3) / 4 * 4;

	assert_true(all < sizeof(padded));
	for (size_t i = 0; i < all; i++) {
		char c = i < len ? text[i] : '=';

		padded[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	assert_true(EVP_DecodeBlock(ret_bytes, (unsigned char *)padded, (int)all) >= 0);
	return all / 4 * 3 - (all - len);
}

static BIGNUM *number_of(const json_t *key, const char *name)
{
	const char *text = json_string_value(json_object_get(key, name));
	unsigned char bytes[1024];
	size_t count;

	assert_non_null(text);
	count = decode(text, strlen(text), bytes);
	return BN_bin2bn(bytes, (int)count, NULL);
}

static EVP_PKEY *key_of(const json_t *jwk)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *n = number_of(jwk, "n"), *e = number_of(jwk, "e");
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

/* The key of the set with this id; NULL: none. */
static const json_t *find(const json_t *set, const char *id)
{
	const json_t *jwk, *list = json_object_get(set, "keys");

	for (size_t i = 0; (jwk = json_array_get(list, i)) != NULL; i++) {
		if (strcmp(json_string_value(json_object_get(jwk, "kid")), id) == 0)
			return jwk;
	}
	return NULL;
}

/* Sign, and say with which key: its "kid". */
static void sign(char ret_token[4096], char ret_id[KEYS_ID_BYTES])
{
	unsigned char bytes[4096];
	struct buffer token;
	json_t *header;
	size_t len;

	buffer_init(&token, 4095);
	assert_int_equal(keys_sign(keys, "{\"sub\":\"ann\",\"exp\":7}", &token, &err), OK);
	memcpy(ret_token, token.ptr, token.len);
	ret_token[token.len] = '\0';
	buffer_fini(&token);
	len = decode(ret_token, strcspn(ret_token, "."), bytes);
	assert_int_equal(json_parse((struct slice){(char *)bytes, len}, &header, &err), OK);
	assert_string_equal(json_string_value(json_object_get(header, "alg")), "RS256");
	assert_string_equal(json_string_value(json_object_get(header, "typ")), "JWT");
	assert_int_equal(json_object_size(header), 3);
	snprintf(ret_id, KEYS_ID_BYTES, "%s", json_string_value(json_object_get(header, "kid")));
	json_decref(header);
}

static bool is_signed(const char *token, const json_t *jwk)
{
	const char *dot = strrchr(token, '.');
	unsigned char signature[1024];
	size_t count = decode(dot + 1, strlen(dot + 1), signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = key_of(jwk);
	int code;

	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	code = EVP_DigestVerify(
	    ctx, signature, count, (const unsigned char *)token, (size_t)(dot - token));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return code == 1;
}

/* Which key signs now. */
static void signs(char ret_id[KEYS_ID_BYTES])
{
	char token[4096];

	sign(token, ret_id);
}

static void rotate(struct keys *by, char ret_id[KEYS_ID_BYTES])
{
	if (keys_rotate(by, ret_id, &err) != OK)
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(base, "/tmp/keys-test-XXXXXX");
	assert_non_null(mkdtemp(base));
	snprintf(folder, sizeof(folder), "%s/keys", base);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
	assert_int_equal(count_published(), 1);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	keys_close(&keys);
	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

/* --- Signing ---------------------------------------------------------------------------------- */

static void a_token_is_signed_by_the_published_key_that_it_names(void **state)
{
	char token[4096], id[KEYS_ID_BYTES], *claims;
	unsigned char bytes[4096];
	const json_t *jwk;
	json_t *set, *parsed;
	size_t len;

	(void)state;
	sign(token, id);
	set = publish();
	jwk = find(set, id);
	assert_non_null(jwk);
	assert_true(is_signed(token, jwk));
	assert_string_equal(json_string_value(json_object_get(jwk, "kty")), "RSA");
	assert_string_equal(json_string_value(json_object_get(jwk, "alg")), "RS256");
	assert_string_equal(json_string_value(json_object_get(jwk, "use")), "sig");
	/* Nothing else of the key: not its private half. */
	assert_int_equal(json_object_size(jwk), 6);
	claims = strchr(token, '.') + 1;
	len = decode(claims, strcspn(claims, "."), bytes);
	assert_int_equal(json_parse((struct slice){(char *)bytes, len}, &parsed, &err), OK);
	assert_string_equal(json_string_value(json_object_get(parsed, "sub")), "ann");
	assert_int_equal(json_integer_value(json_object_get(parsed, "exp")), 7);
	assert_int_equal(json_object_size(parsed), 2);
	json_decref(parsed);
	/* The check is one: of other bytes it does not hold. */
	token[5] = token[5] == 'A' ? 'B' : 'A';
	assert_false(is_signed(token, jwk));
	json_decref(set);
}

static void the_newest_signs_and_the_one_before_is_still_published(void **state)
{
	char old_token[4096], token[4096], old[KEYS_ID_BYTES], made[KEYS_ID_BYTES],
	    id[KEYS_ID_BYTES];
	json_t *set;

	(void)state;
	sign(old_token, old);
	rotate(keys, made);
	sign(token, id);
	assert_string_equal(id, made);
	assert_string_not_equal(id, old);
	set = publish();
	assert_int_equal(json_array_size(json_object_get(set, "keys")), 2);
	assert_true(is_signed(token, find(set, id)));
	assert_true(is_signed(old_token, find(set, old)));
	assert_false(is_signed(old_token, find(set, id)));
	json_decref(set);
}

static void a_key_is_of_2048_bits_and_for_its_owner_alone(void **state)
{
	char name[256], path[512];
	struct stat info;
	EVP_PKEY *key;
	json_t *set = publish();

	(void)state;
	assert_int_equal(count_files("", name), 3); /* with "." and ".." */
	assert_int_equal(count_files(".pem", name), 1);
	path_of(name, path);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(stat(folder, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
	key = key_of(json_array_get(json_object_get(set, "keys"), 0));
	assert_int_equal(EVP_PKEY_get_bits(key), 2048);
	EVP_PKEY_free(key);
	json_decref(set);
}

/* A restart makes none, and signs with the same. */
static void the_first_key_is_made_once(void **state)
{
	char before[KEYS_ID_BYTES], id[KEYS_ID_BYTES], name[256];

	(void)state;
	signs(before);
	keys_close(&keys);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
	signs(id);
	assert_string_equal(id, before);
	assert_int_equal(count_files(".pem", name), 1);
}

/* --- Others rotate ---------------------------------------------------------------------------- */

static void the_next_use_sees_what_another_process_has_made(void **state)
{
	struct keys *other;
	char made[KEYS_ID_BYTES], id[KEYS_ID_BYTES];

	(void)state;
	assert_int_equal(keys_open(folder, TOKEN_US, &other, &err), OK);
	for (int i = 1; i <= 3; i++) {
		signs(id);
		rotate(other, made);
		signs(id);
		assert_string_equal(id, made);
		assert_int_equal(count_published(), i + 1);
	}
	keys_close(&other);
}

/* The clock of a file system is coarse: here the folder's time is what it was before. */
static void a_change_within_one_tick_of_the_file_systems_clock_is_seen(void **state)
{
	char made[KEYS_ID_BYTES], id[KEYS_ID_BYTES];
	struct keys *other;
	struct stat info;

	(void)state;
	assert_int_equal(keys_open(folder, TOKEN_US, &other, &err), OK);
	assert_int_equal(stat(folder, &info), 0);
	signs(id);
	rotate(other, made);
	assert_int_equal(
	    utimensat(AT_FDCWD, folder, (struct timespec[]){info.st_atim, info.st_mtim}, 0), 0);
	signs(id);
	assert_string_equal(id, made);
	keys_close(&other);
}

static void processes_that_begin_or_rotate_at_once_do_not_disturb_each_other(void **state)
{
	enum { PROCESSES = 4, ROTATIONS = 3 };
	char name[256], id[KEYS_ID_BYTES], command[128];
	struct buffer token;
	int status;

	(void)state;
	keys_close(&keys);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child > 0)
			continue;
		/* No assert: it would run the rest of the tests in this process, too. */
		if (keys_open(folder, TOKEN_US, &keys, &err) != OK)
			_exit(1);
		buffer_init(&token, 4096);
		if (keys_sign(keys, "{}", &token, &err) != OK)
			_exit(3);
		for (int j = 0; j < ROTATIONS; j++) {
			if (keys_rotate(keys, id, &err) != OK)
				_exit(2);
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	/* One first key for all, and each rotation's. */
	assert_int_equal(count_files(".pem", name), 1 + PROCESSES * ROTATIONS);
	assert_int_equal(count_files(".new", name), 0);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
	assert_int_equal(count_published(), 1 + PROCESSES * ROTATIONS);
}

/* --- Time ------------------------------------------------------------------------------------- */

/* Make the key of ${name} as old as if it had been made at ${created_us}. */
static void make_old(const char *name, int64_t created_us)
{
	char from[512], to[512], other[256];

	snprintf(other, sizeof(other), "%019" PRId64 "%s", created_us, name + 19);
	path_of(name, from);
	path_of(other, to);
	assert_int_equal(rename(from, to), 0);
}

static void a_key_is_published_until_its_last_token_has_ended_and_then_removed(void **state)
{
	const int64_t margin_us = 60 * SECOND_US;
	char name[256], first[KEYS_ID_BYTES], id[KEYS_ID_BYTES];
	int64_t now_us;

	(void)state;
	signs(first);
	count_files(".pem", name);
	make_old(name, 1);
	rotate(keys, id);
	/* Its successor has come almost as long ago as a token lasts. */
	count_files(".pem", name);
	now_us = clock_now_us();
	make_old(name, now_us - TOKEN_US - margin_us + 30 * SECOND_US);
	assert_int_equal(count_published(), 2);
	keys_close(&keys);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
	assert_int_equal(count_files(".pem", name), 2);
	/* Longer ago than that: it is not published, and the next rotation removes it. */
	make_old(name, now_us - TOKEN_US - margin_us - SECOND_US);
	assert_int_equal(count_published(), 1);
	assert_int_equal(count_files(".pem", name), 2);
	rotate(keys, id);
	assert_int_equal(count_files(".pem", name), 2);
	assert_int_equal(count_published(), 2);
	signs(id);
	assert_string_not_equal(id, first);
	/* The only key there is never ends. */
	keys_close(&keys);
	count_files(".pem", name);
	make_old(name, 5);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
}

static void the_key_that_was_made_last_signs_though_the_clock_went_back(void **state)
{
	char name[256], made[KEYS_ID_BYTES], id[KEYS_ID_BYTES];

	(void)state;
	count_files(".pem", name);
	make_old(name, clock_now_us() + 86400 * SECOND_US);
	for (int i = 0; i < 2; i++) {
		rotate(keys, made);
		signs(id);
		assert_string_equal(id, made);
	}
}

/* --- What must not be there ------------------------------------------------------------------- */

static void assert_refused(const char *name, const char *why)
{
	struct keys *opened = NULL;

	assert_int_equal(keys_open(folder, TOKEN_US, &opened, &err), E_IO);
	assert_null(opened);
	if (strstr(err.text, name) == NULL || strstr(err.text, why) == NULL)
		fail_msg("%s", err.text);
}

static void a_key_that_others_may_read_is_refused_by_its_name(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601, 0644};
	char name[256], path[512];

	(void)state;
	count_files(".pem", name);
	path_of(name, path);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_refused(name, "others may");
	}
	assert_int_equal(chmod(path, 0600), 0);
}

static void what_is_no_key_is_refused_by_its_name(void **state)
{
	static const char id[] = "0001764000000000000-0123456789abcdef0123456789abcdef.pem";
	static const char *const names[] = {"mine.pem", "0001764000000000000-0123.pem",
	    "9999999999999999999-0123456789abcdef0123456789abcdef.pem",
	    "0001764000000000000-0123456789abcdef0123456789abcdeX.pem"};
	char path[512], *many;

	(void)state;
	path_of(id, path);
	put_file(id, "", 0600);
	assert_refused(id, "no RSA key");
	put_file(id, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0600);
	assert_refused(id, "no RSA key");
	make_pem("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", id);
	assert_refused(id, "2048");
	make_pem("ecparam -name prime256v1 -genkey -noout", id);
	assert_refused(id, "no RSA key");
	many = calloc(1, 10000);
	memset(many, 'A', 9999);
	put_file(id, many, 0600);
	free(many);
	assert_int_not_equal(keys_open(folder, TOKEN_US, &(struct keys *){NULL}, &err), OK);
	assert_non_null(strstr(err.text, id));
	unlink(path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put_file(names[i], "", 0600);
		assert_refused(names[i], "not the name of a key");
		path_of(names[i], path);
		unlink(path);
	}
	/* A key that somebody made is one, as long as it is one. */
	make_pem("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072", id);
	put_file("README", "mine", 0644);
	keys_close(&keys);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
}

static void what_a_crash_left_is_removed(void **state)
{
	char name[256];

	(void)state;
	put_file("0001764000000000000-0123456789abcdef0123456789abcdef.pem.new", "-----BEG", 0600);
	put_file("theirs.new", "", 0600);
	keys_close(&keys);
	assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
	assert_int_equal(count_files(".pem.new", name), 0);
	assert_int_equal(count_files(".new", name), 1);
	assert_int_equal(count_published(), 1);
}

/* 64 at most, so that one who rotates in a loop does not fill the disk. */
static void rotations_end_where_there_are_too_many_keys(void **state)
{
	char name[256], from[512], command[1400], id[KEYS_ID_BYTES] = "as it was";

	(void)state;
	count_files(".pem", name);
	path_of(name, from);
	for (int i = 1; i < KEYS_MAX; i++) {
		snprintf(command, sizeof(command), "cp -p %s %s/%019" PRId64 "-%032x.pem", from,
		    folder, clock_now_us(), i);
		assert_int_equal(system(command), 0);
	}
	assert_int_equal(keys_rotate(keys, id, &err), E_LIMIT);
	assert_string_equal(id, "as it was");
	assert_int_equal(count_published(), KEYS_MAX);
	assert_int_equal(count_files(".pem", name), KEYS_MAX);
}

/* Whoever removed them wants a new one. */
static void the_first_use_makes_a_key_and_opening_does_not(void **state)
{
	char name[256], path[512], id[KEYS_ID_BYTES];
	struct keys_entry entries[KEYS_MAX];
	size_t count = 7;

	(void)state;
	for (int i = 0; i < 2; i++) {
		count_files(".pem", name);
		path_of(name, path);
		unlink(path);
		keys_close(&keys);
		assert_int_equal(keys_open(folder, TOKEN_US, &keys, &err), OK);
		assert_int_equal(keys_list(keys, entries, &count, &err), OK);
		assert_int_equal(count, 0);
		assert_int_equal(count_files(".pem", name), 0);
		if (i == 0)
			signs(id);
		else
			assert_int_equal(count_published(), 1);
		assert_int_equal(count_files(".pem", name), 1);
		assert_int_equal(keys_list(keys, entries, &count, &err), OK);
		assert_int_equal(count, 1);
		if (i == 0)
			assert_string_equal(entries[0].id, id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    TEST(a_token_is_signed_by_the_published_key_that_it_names),
	    TEST(the_newest_signs_and_the_one_before_is_still_published),
	    TEST(a_key_is_of_2048_bits_and_for_its_owner_alone),
	    TEST(the_first_key_is_made_once),
	    TEST(the_next_use_sees_what_another_process_has_made),
	    TEST(a_change_within_one_tick_of_the_file_systems_clock_is_seen),
	    TEST(processes_that_begin_or_rotate_at_once_do_not_disturb_each_other),
	    TEST(a_key_is_published_until_its_last_token_has_ended_and_then_removed),
	    TEST(the_key_that_was_made_last_signs_though_the_clock_went_back),
	    TEST(a_key_that_others_may_read_is_refused_by_its_name),
	    TEST(what_is_no_key_is_refused_by_its_name),
	    TEST(what_a_crash_left_is_removed),
	    TEST(rotations_end_where_there_are_too_many_keys),
	    TEST(the_first_use_makes_a_key_and_opening_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
