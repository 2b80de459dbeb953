/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and scopes: what is handed out is found again, what is kept is only its hash. */
#include "auth/auth.h"

#include "base/digest.h"
#include "catalog/catalog_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW_US INT64_C(1000)

struct fixture {
	char folder[64];
	char path[96];
	struct catalog *catalog;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;

	strcpy(f->folder, "/tmp/sluice-auth-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/catalog.sqlite", f->folder);
	assert_int_equal(catalog_sqlite_open(f->path, &f->catalog, &err), OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char path[128];

	catalog_close(&f->catalog);
	unlink(f->path);
	snprintf(path, sizeof(path), "%s-wal", f->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", f->path);
	unlink(path);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static enum status check(
    struct fixture *f, const char *prefix, const char *token, struct catalog_token *ret)
{
	char header[256];
	struct err err;

	snprintf(header, sizeof(header), "%s%s", prefix, token);
	return auth_check(f->catalog, slice_of(header), NOW_US, ret, &err);
}

static void a_token_is_found_by_its_text_alone(void **state)
{
	struct fixture *f = *state;
	char one[AUTH_TOKEN_TEXT_BYTES], two[AUTH_TOKEN_TEXT_BYTES];
	struct catalog_token token;
	struct err err;

	assert_int_equal(auth_token_create(f->catalog, "one", SCOPE_INGEST, 0, one, &err), OK);
	assert_int_equal(
	    auth_token_create(f->catalog, "two", SCOPE_QUERY | SCOPE_ADMIN, 0, two, &err), OK);
	assert_int_equal(strlen(one), AUTH_TOKEN_TEXT_BYTES - 1);
	assert_memory_equal(one, "sluice_", 7);
	assert_string_not_equal(one, two);

	assert_int_equal(check(f, "Bearer ", one, &token), OK);
	assert_string_equal(token.name, "one");
	assert_int_equal(token.scopes, SCOPE_INGEST);
	assert_int_equal(check(f, "bEARER   ", two, &token), OK);
	assert_string_equal(token.name, "two");
	assert_int_equal(token.scopes, SCOPE_QUERY | SCOPE_ADMIN);

	one[20] ^= 1;
	assert_int_equal(check(f, "Bearer ", one, &token), E_NOT_FOUND);
	assert_int_equal(check(f, "Bearer ", "sluice_", &token), E_NOT_FOUND);
	assert_int_equal(check(f, "Bearer", "", &token), E_INVALID);
	assert_int_equal(check(f, "Bearer ", "", &token), E_INVALID);
	assert_int_equal(check(f, "Basic ", two, &token), E_INVALID);
	assert_int_equal(check(f, "", two, &token), E_INVALID);
}

/* A token of a login with the text "x", for an app of its own. */
static void issue(struct fixture *f, enum catalog_token_kind kind, int64_t expires_us)
{
	struct catalog_user user = {.name = "ann"};
	struct catalog_app app = {.client_id = "client", .name = "loader", .scopes = SCOPE_INGEST};
	struct catalog_token token = {
	    .kind = kind, .client_id = "client", .scopes = SCOPE_INGEST, .expires_us = expires_us};
	unsigned char hash[CATALOG_HASH_BYTES];
	struct err err;

	assert_int_equal(catalog_user_add(f->catalog, &user, &err), OK);
	memcpy(app.user_id, user.id, sizeof(user.id));
	memcpy(token.user_id, user.id, sizeof(user.id));
	assert_int_equal(catalog_app_add(f->catalog, &app, &err), OK);
	digest_sha256(SLICE("x"), hash);
	assert_int_equal(catalog_token_issue(f->catalog, hash, NULL, &token, &err), OK);
}

static void a_token_is_good_until_its_time_is_over(void **state)
{
	struct fixture *f = *state;
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token token = {.id = -1};
	struct err err;

	issue(f, TOKEN_CORE, NOW_US + 1);
	assert_int_equal(check(f, "Bearer ", "x", &token), OK);
	assert_string_equal(token.name, "loader");
	assert_string_equal(token.user_name, "ann");
	memset(&token, 0, sizeof(token));
	assert_int_equal(
	    auth_check(f->catalog, SLICE("Bearer x"), NOW_US + 1, &token, &err), E_GONE);
	assert_string_equal(token.name, "loader"); /* so that one can say which it was */

	digest_sha256(SLICE("y"), hash);
	assert_int_equal(catalog_token_add(f->catalog, hash, "ci", SCOPE_INGEST, NOW_US, &err), OK);
	assert_int_equal(check(f, "Bearer ", "y", &token), E_GONE);
}

static void a_refresh_token_is_no_access_token(void **state)
{
	struct fixture *f = *state;
	struct catalog_token token = {.id = -1};

	issue(f, TOKEN_REFRESH, 0);
	assert_int_equal(check(f, "Bearer ", "x", &token), E_NOT_FOUND);
	assert_int_equal(token.id, -1);
}

static void a_name_is_taken_once(void **state)
{
	struct fixture *f = *state;
	char text[AUTH_TOKEN_TEXT_BYTES] = "untouched";
	struct err err;

	assert_int_equal(auth_token_create(f->catalog, "me", SCOPE_INGEST, 0, text, &err), OK);
	strcpy(text, "untouched");
	assert_int_equal(
	    auth_token_create(f->catalog, "me", SCOPE_INGEST, 0, text, &err), E_EXISTS);
	assert_string_equal(text, "untouched");
}

static void scopes_are_read_by_name(void **state)
{
	static const struct {
		const char *text;
		unsigned scopes; /* 0: refused */
	} cases[] = {
	    {"api", SCOPE_ADMIN},
	    {"cdp_ingest_api", SCOPE_INGEST},
	    {"cdp_query_api", SCOPE_QUERY},
	    {"cdp_ingest_api,cdp_query_api,api", SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN},
	    {" api  cdp_query_api ", SCOPE_ADMIN | SCOPE_QUERY},
	    {"api,api", SCOPE_ADMIN},
	    {"", 0},
	    {" , ", 0},
	    {"API", 0},
	    {"api,root", 0},
	    {"cdp_ingest", 0},
	};
	char text[AUTH_SCOPES_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned scopes = 99;
		struct err err;
		enum status st = auth_scopes_parse(slice_of(cases[i].text), &scopes, &err);

		assert_int_equal(st, cases[i].scopes != 0 ? OK : E_INVALID);
		assert_int_equal(scopes, cases[i].scopes != 0 ? cases[i].scopes : 99);
	}
	assert_string_equal(auth_scopes_format(0, text), "");
	assert_string_equal(auth_scopes_format(SCOPE_QUERY, text), "cdp_query_api");
	assert_string_equal(auth_scopes_format(SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN, text),
	    "cdp_ingest_api cdp_query_api api");
	assert_string_equal(auth_scope_name(SCOPE_INGEST), "cdp_ingest_api");
	assert_string_equal(auth_scope_name(SCOPE_QUERY), "cdp_query_api");
	assert_string_equal(auth_scope_name(SCOPE_ADMIN), "api");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_token_is_found_by_its_text_alone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_token_is_good_until_its_time_is_over, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_refresh_token_is_no_access_token, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_name_is_taken_once, set_up, tear_down),
	    cmocka_unit_test(scopes_are_read_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
