/* SPDX-License-Identifier: Apache-2.0 */
/* Lines about tokens: what stands in them, and that a first use has one.  Standard error goes into
 * a file while they are written. */
#include "auth/audit.h"

#include "base/clock.h"
#include "base/thread.h"
#include "catalog/catalog_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKENS 400 /* more than can wait for their mark */

static struct catalog *catalog;
static struct err err;
static char folder[64], lines[1 << 18];
static int saved = -1;
static FILE *captured;

static int set_up(void **state)
{
	char path[96];

	(void)state;
	strcpy(folder, "/tmp/sluice-audit-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/catalog.sqlite", folder);
	assert_int_equal(catalog_sqlite_open(path, &catalog, &err), OK);
	fflush(stderr);
	captured = tmpfile();
	saved = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
	return 0;
}

/* What was logged so far; the times are cut off. */
static const char *read_lines(void)
{
	char line[4096];
	size_t used = 0;

	lines[0] = '\0';
	rewind(captured);
	while (fgets(line, sizeof(line), captured) != NULL)
		used += (size_t)snprintf(lines + used, sizeof(lines) - used, "%s", line + 25);
	return lines;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
	    "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"};
	char path[128];

	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(captured);
	catalog_close(&catalog);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static void a_line_has_the_names_that_scripts_read(void **state)
{
	struct catalog_token token = {.id = 7,
	    .kind = TOKEN_CORE,
	    .name = "loader",
	    .user_name = "ann@example.com",
	    .scopes = SCOPE_INGEST | SCOPE_ADMIN};

	(void)state;
	audit_made(&token, "jwt_bearer", "192.0.2.1");
	audit_revoked(&token, 2, "192.0.2.1");
	token.kind = TOKEN_STATIC;
	strcpy(token.name, "ci");
	strcpy(token.user_name, "ci");
	audit_made(&token, "command", "-");
	audit_refused("password", SLICE("loader"), SLICE("ann"), "::1", "wrong_password");
	assert_string_equal(read_lines(),
	    "info audit.token_made token=7 kind=core app=\"loader\" user=\"ann@example.com\" "
	    "scopes=\"cdp_ingest_api api\" grant=jwt_bearer address=192.0.2.1\n"
	    "info audit.token_revoked token=7 kind=core app=\"loader\" user=\"ann@example.com\" "
	    "count=2 by=192.0.2.1\n"
	    "info audit.token_made token=7 kind=static app=\"\" user=\"ci\" "
	    "scopes=\"cdp_ingest_api api\" grant=command address=-\n"
	    "warn audit.token_refused grant=password app=\"loader\" user=\"ann\" address=::1 "
	    "reason=wrong_password\n");
}

static void what_a_client_sent_stays_between_its_quotes(void **state)
{
	char eighty[82], wanted[256];

	(void)state;
	memset(eighty, 'x', sizeof(eighty));
	audit_refused("none", SLICE("a\" user=\"root\\"), SLICE("\n\t\x7f\0\x1b[31m"), "::1", "r");
	audit_refused("none", SLICE("Zo\xc3\xab \xf0\x9f\x90\x9f"),
	    SLICE("\xc2\x9b \xff\xc3 \xc3\xa9\xa9"), "::1", "r");
	audit_refused("none", (struct slice){eighty, 81}, (struct slice){NULL, 0}, "::1", "r");
	snprintf(wanted, sizeof(wanted),
	    "warn audit.token_refused grant=none app=\"%.80s\" user=\"\" address=::1 reason=r\n",
	    eighty);
	read_lines();
	assert_non_null(strstr(
	    lines, "app=\"a\\x22 user=\\x22root\\x5c\" user=\"\\x0a\\x09\\x7f\\x00\\x1b[31m\" "));
	assert_non_null(strstr(lines,
	    "app=\"Zo\xc3\xab \xf0\x9f\x90\x9f\" user=\"\\xc2\\x9b \\xff\\xc3 \\xc3\\xa9\\xa9\" "));
	assert_non_null(strstr(lines, wanted));
}

static void what_is_refused_often_has_ten_lines_a_minute_for_each_address(void **state)
{
	struct audit *audit = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(audit_start(catalog, &audit, &err), OK);
	for (int i = 0; i < 1000; i++)
		audit_refused_often(
		    audit, "bearer", SLICE(""), SLICE(""), i % 2 ? "192.0.2.1" : "::1", "r");
	audit_stop(&audit);
	for (const char *at = read_lines(); (at = strstr(at, "audit.token_refused")) != NULL; at++)
		count++;
	assert_int_equal(count, 20);
}

static struct catalog_token make_token(int number)
{
	unsigned char hash[CATALOG_HASH_BYTES] = {
	    (unsigned char)number, (unsigned char)(number >> 8), 1};
	struct catalog_token token;
	char name[32];

	snprintf(name, sizeof(name), "token%d", number);
	assert_int_equal(catalog_token_add(catalog, hash, name, SCOPE_INGEST, 0, &err), OK);
	assert_int_equal(catalog_token_find(catalog, hash, &token, &err), OK);
	return token;
}

static size_t lines_of(const char *text)
{
	size_t count = 0;

	for (const char *at = lines; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

struct users {
	struct audit *audit;
	const struct catalog_token *tokens;
};

static void *use_all(void *ctx)
{
	const struct users *users = ctx;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < TOKENS; i++)
			audit_used(users->audit, &users->tokens[i], "192.0.2.1");
	}
	return NULL;
}

/* Four threads with rows that were read before the first use, as requests at once have them. */
static void a_first_use_is_told_once_whoever_is_first(void **state)
{
	static struct catalog_token tokens[TOKENS];
	struct users users = {.tokens = tokens};
	struct catalog_token *rows;
	pthread_t threads[4];
	struct arena arena;
	size_t count = 0;
	char line[128];

	(void)state;
	for (int i = 0; i < TOKENS; i++)
		tokens[i] = make_token(i);
	assert_int_equal(audit_start(catalog, &users.audit, &err), OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(thread_start(&threads[i], "test", use_all, &users, &err), OK);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	audit_stop(&users.audit); /* marks what waits */
	assert_null(users.audit);
	audit_stop(&users.audit);

	/* With too many at once some are left for a later request, which is what this is. */
	assert_int_equal(audit_start(catalog, &users.audit, &err), OK);
	for (int i = 0; i < TOKENS / 2; i++)
		audit_used(users.audit, &tokens[i], "192.0.2.1");
	audit_stop(&users.audit);
	assert_int_equal(audit_start(catalog, &users.audit, &err), OK);
	for (int i = TOKENS / 2; i < TOKENS; i++)
		audit_used(users.audit, &tokens[i], "192.0.2.1");
	audit_stop(&users.audit);

	read_lines();
	for (int i = 0; i < TOKENS; i++) {
		snprintf(line, sizeof(line),
		    "info audit.token_used token=%d kind=static app=\"\" "
		    "user=\"%s\" address=192.0.2.1\n",
		    (int)tokens[i].id, tokens[i].name);
		assert_int_equal(lines_of(line), 1);
	}
	assert_int_equal(lines_of("\n"), TOKENS);
	arena_init(&arena, 4096);
	assert_int_equal(catalog_token_list(catalog, &arena, &rows, &count, &err), OK);
	assert_int_equal(count, TOKENS);
	for (size_t i = 0; i < count; i++)
		assert_in_range(rows[i].used_us, 1, clock_now_us());
	arena_fini(&arena);
}

static void a_use_that_is_not_the_first_costs_nothing(void **state)
{
	struct catalog_token token = make_token(1), again;
	unsigned char hash[CATALOG_HASH_BYTES] = {1, 0, 1};
	struct audit *audit = NULL;
	size_t count;

	(void)state;
	assert_int_equal(audit_start(catalog, &audit, &err), OK);
	token.used_us = 5; /* as its row says */
	audit_used(audit, &token, "::1");
	audit_stop(&audit);
	assert_int_equal(catalog_token_find(catalog, hash, &again, &err), OK);
	assert_int_equal(again.used_us, 0); /* nobody asked the catalog */

	/* One that is gone meanwhile is no first use, and no failure. */
	assert_int_equal(catalog_token_revoke(catalog, token.id, &count, &err), OK);
	assert_int_equal(audit_start(catalog, &audit, &err), OK);
	token.used_us = 0;
	audit_used(audit, &token, "::1");
	audit_stop(&audit);
	assert_string_equal(read_lines(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_line_has_the_names_that_scripts_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		what_a_client_sent_stays_between_its_quotes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		what_is_refused_often_has_ten_lines_a_minute_for_each_address, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_first_use_is_told_once_whoever_is_first, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_use_that_is_not_the_first_costs_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
