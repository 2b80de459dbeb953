/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that the server makes itself.  Whether they are any good is OpenSSL's word,
 * which has nothing to do with the library that made them.
 */
#include "http/tls.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_US (INT64_C(86400) * 1000000)

static char folder[64];
static struct http_tls_local local;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/tls-test-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void make(int64_t now_us)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/tls", folder);
	if (http_tls_local_make(path, now_us, &local, &err) != OK)
		fail_msg("%s", err.text);
}

/* The end of what a command of OpenSSL's says, in a folder where the four files are; it must say
 * something. */
static const char *ask(const char *command)
{
	static char answer[8192];
	char line[1024];
	FILE *pipe;
	size_t len;

	snprintf(line, sizeof(line), "cd %s/tls && %s 2>&1", folder, command);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	len = fread(answer, 1, sizeof(answer) - 1, pipe);
	answer[len] = '\0';
	(void)pclose(pipe);
	return answer;
}

static void assert_says(const char *command, const char *want)
{
	const char *answer = ask(command);

	if (strstr(answer, want) == NULL)
		fail_msg("%s: %s", command, answer);
}

static void assert_mode(const char *path, mode_t mode)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, mode);
}

static void remove_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/tls/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void the_certificate_is_for_this_machine_and_by_its_own_authority(void **state)
{
	char path[128];

	(void)state;
	make(clock_now_us());
	assert_says("openssl verify -x509_strict -purpose sslserver -CAfile ca.pem "
		    "-verify_hostname localhost cert.pem",
	    "cert.pem: OK");
	assert_says("openssl verify -x509_strict -CAfile ca.pem -verify_ip 127.0.0.1 cert.pem",
	    "cert.pem: OK");
	assert_says(
	    "openssl verify -x509_strict -CAfile ca.pem -verify_ip ::1 cert.pem", "cert.pem: OK");
	assert_says("openssl verify -CAfile ca.pem -verify_hostname example.com cert.pem",
	    "ostname mismatch");
	assert_says(
	    "openssl x509 -in cert.pem -noout -checkend $((395 * 86400))", "will not expire");
	assert_says("openssl x509 -in cert.pem -noout -checkend $((397 * 86400))", "will expire");
	snprintf(path, sizeof(path), "%s/tls", folder);
	assert_mode(path, 0700);
	assert_mode(local.key, 0600);
	snprintf(path, sizeof(path), "%s/tls/ca-key.pem", folder);
	assert_mode(path, 0600);
}

/* Whoever steals its key can play localhost, and nobody else. */
static void the_authority_can_vouch_for_nothing_but_this_machine(void **state)
{
	(void)state;
	make(clock_now_us());
	assert_says(
	    "openssl x509 -in ca.pem -noout -ext nameConstraints,basicConstraints", "pathlen:0");
	(void)ask("openssl req -x509 -newkey rsa:2048 -nodes -keyout other-key.pem -subj "
		  "/CN=other -out ignored.pem; openssl req -new -key other-key.pem -subj "
		  "/CN=other -out other.csr; echo subjectAltName=DNS:example.com > other.ext; "
		  "openssl x509 -req -in other.csr -CA ca.pem -CAkey ca-key.pem "
		  "-extfile other.ext -out other.pem");
	assert_says("openssl verify -CAfile ca.pem other.pem", "permitted subtree violation");
}

static void what_is_there_stays_as_it_is(void **state)
{
	char before[8192];

	(void)state;
	make(clock_now_us());
	snprintf(before, sizeof(before), "%s", ask("cat ca.pem ca-key.pem cert.pem key.pem"));
	make(clock_now_us() + 360 * DAY_US);
	assert_string_equal(ask("cat ca.pem ca-key.pem cert.pem key.pem"), before);
}

static void a_certificate_is_renewed_a_month_before_its_end(void **state)
{
	char authority[8192], certificate[8192];

	(void)state;
	make(clock_now_us());
	snprintf(authority, sizeof(authority), "%s", ask("cat ca.pem ca-key.pem key.pem"));
	snprintf(certificate, sizeof(certificate), "%s", ask("cat cert.pem"));
	make(clock_now_us() + 367 * DAY_US);
	assert_string_equal(ask("cat ca.pem ca-key.pem key.pem"), authority);
	assert_string_not_equal(ask("cat cert.pem"), certificate);
	assert_says("openssl verify -attime $(($(date +%s) + 367 * 86400)) -CAfile ca.pem cert.pem",
	    "cert.pem: OK");
}

static void the_authority_outlives_what_it_vouches_for(void **state)
{
	char authority[8192];

	(void)state;
	make(clock_now_us());
	snprintf(authority, sizeof(authority), "%s", ask("cat ca.pem"));
	make(clock_now_us() + 3300 * DAY_US);
	assert_string_not_equal(ask("cat ca.pem"), authority);
	assert_says(
	    "openssl verify -attime $(($(date +%s) + 3690 * 86400)) -CAfile ca.pem cert.pem",
	    "cert.pem: OK");
}

/* A first start that was cut off, a file that somebody removed, one that is no such thing. */
static void what_lacks_or_is_broken_is_made_again(void **state)
{
	static const char *const names[] = {"ca.pem", "ca-key.pem", "cert.pem", "key.pem"};
	char line[256];

	(void)state;
	for (unsigned gone = 1; gone < 16; gone++) {
		make(clock_now_us());
		for (unsigned i = 0; i < 4; i++) {
			if ((gone & 1u << i) != 0)
				remove_file(names[i]);
		}
		make(clock_now_us());
		assert_says("openssl verify -CAfile ca.pem cert.pem", "cert.pem: OK");
		assert_says("test \"$(openssl x509 -in cert.pem -noout -pubkey)\" = "
			    "\"$(openssl pkey -in key.pem -pubout)\" && echo same",
		    "same");
	}
	for (unsigned i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "echo nonsense | tee %s", names[i]);
		(void)ask(line);
		make(clock_now_us());
		assert_says("openssl verify -CAfile ca.pem cert.pem", "cert.pem: OK");
	}
	/* Another's certificate beside the key. */
	(void)ask("cp ca.pem cert.pem");
	make(clock_now_us());
	assert_says(
	    "openssl verify -CAfile ca.pem -verify_hostname localhost cert.pem", "cert.pem: OK");
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
	(void)state;
	assert_int_equal(
	    http_tls_local_make("/proc/none/tls", clock_now_us(), &local, &err), E_NOT_FOUND);
	assert_non_null(strstr(err.text, "/proc/none/tls"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_certificate_is_for_this_machine_and_by_its_own_authority),
	    TEST(the_authority_can_vouch_for_nothing_but_this_machine),
	    TEST(what_is_there_stays_as_it_is),
	    TEST(a_certificate_is_renewed_a_month_before_its_end),
	    TEST(the_authority_outlives_what_it_vouches_for),
	    TEST(what_lacks_or_is_broken_is_made_again),
	    TEST(a_folder_that_cannot_be_made_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
