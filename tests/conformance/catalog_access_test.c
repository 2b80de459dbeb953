/* SPDX-License-Identifier: Apache-2.0 */
/* What every catalog promises about users, apps and tokens: see access.h. */
#include "catalog_fixture.h"

#include "catalog/access.h"

static const unsigned char *hash_of(unsigned number)
{
	static unsigned char hash[CATALOG_HASH_BYTES];

	memset(hash, 0, sizeof(hash));
	memcpy(hash, &number, sizeof(number));
	return hash;
}

static struct catalog_user add_user(const char *name)
{
	struct catalog_user user = {.password = ""};

	snprintf(user.name, sizeof(user.name), "%s", name);
	assert_ok(catalog_user_add(catalog, &user, &err));
	return user;
}

static struct catalog_app new_app(const char *name, const struct catalog_user *user)
{
	struct catalog_app app = {.scopes = SCOPE_INGEST | SCOPE_QUERY};

	snprintf(app.name, sizeof(app.name), "%s", name);
	snprintf(app.client_id, sizeof(app.client_id), "client of %s", name);
	snprintf(app.user_id, sizeof(app.user_id), "%s", user->id);
	memcpy(app.secret_hash, hash_of(77), sizeof(app.secret_hash));
	return app;
}

static struct catalog_app add_app(const char *name, const struct catalog_user *user)
{
	struct catalog_app app = new_app(name, user);

	assert_ok(catalog_app_add(catalog, &app, &err));
	return app;
}

static enum status issue(unsigned hash, const struct catalog_app *app, enum catalog_token_kind kind,
    int64_t expires_us, int64_t parent, struct catalog_token *ret_token)
{
	*ret_token = (struct catalog_token){
	    .kind = kind, .scopes = SCOPE_INGEST, .expires_us = expires_us, .parent = parent};
	snprintf(ret_token->user_id, sizeof(ret_token->user_id), "%s", app->user_id);
	snprintf(ret_token->client_id, sizeof(ret_token->client_id), "%s", app->client_id);
	return catalog_token_issue(catalog, hash_of(hash), NULL, ret_token, &err);
}

static enum status find(unsigned hash, struct catalog_token *ret_token)
{
	return catalog_token_find(catalog, hash_of(hash), ret_token, &err);
}

/* What went with a user or an app. */
static struct catalog_token *went;
static size_t went_count;

static enum status delete_user(const char *name)
{
	return catalog_user_delete(catalog, S(name), &arena, &went, &went_count, &err);
}

static enum status delete_app(struct catalog *handle, const char *name)
{
	return catalog_app_delete(handle, S(name), &arena, &went, &went_count, &err);
}

/* --- Users ------------------------------------------------------------------------------------ */

static void a_catalog_is_one_organisation_for_ever(void **state)
{
	char first[CATALOG_ORG_BYTES], again[CATALOG_ORG_BYTES];

	(void)state;
	assert_ok(catalog_org_get(catalog, first, &err));
	assert_int_equal(strlen(first), 18);
	assert_memory_equal(first, "00D", 3);
	assert_string_equal(first + 15, "EAA");
	assert_int_equal(strspn(first + 3, "0123456789abcdefghijklmnopqrstuvwxyz"), 12);
	reopen();
	assert_ok(catalog_org_get(catalog, again, &err));
	assert_string_equal(again, first);
}

static void a_user_is_found_in_whatever_case_and_by_id(void **state)
{
	struct catalog_user ann = add_user("Ann@Example.com"), bob = add_user("bob"), user;
	struct catalog_user rival = {.name = "ANN@example.com"};

	(void)state;
	assert_int_equal(strlen(ann.id), 18);
	assert_memory_equal(ann.id, "005", 3);
	assert_string_equal(ann.id + 15, "AAA");
	assert_string_not_equal(ann.id, bob.id);
	assert_true(ann.created_us > 0);
	assert_status(catalog_user_add(catalog, &rival, &err), E_EXISTS);
	assert_ok(catalog_user_find(catalog, S("ann@EXAMPLE.com"), &user, &err));
	assert_string_equal(user.name, "Ann@Example.com");
	assert_string_equal(user.id, ann.id);
	assert_ok(catalog_user_get(catalog, slice_of(bob.id), &user, &err));
	assert_string_equal(user.name, "bob");
	assert_status(catalog_user_find(catalog, S("eve"), &user, &err), E_NOT_FOUND);
	assert_status(catalog_user_get(catalog, S("005000000000009AAA"), &user, &err), E_NOT_FOUND);
	assert_status(catalog_user_get(catalog, S(""), &user, &err), E_NOT_FOUND);
}

static void a_token_of_the_command_line_is_a_user_of_its_own(void **state)
{
	struct catalog_token token;
	struct catalog_user user;

	(void)state;
	assert_ok(catalog_token_add(catalog, hash_of(1), "ci", SCOPE_ADMIN, 0, &err));
	assert_ok(find(1, &token));
	assert_string_equal(token.user_name, "ci");
	assert_ok(catalog_user_get(catalog, slice_of(token.user_id), &user, &err));
	assert_string_equal(user.name, "ci");
	assert_string_equal(user.password, "");
	assert_status(catalog_user_get(catalog, S("005000000000001AAB"), &user, &err), E_NOT_FOUND);
}

static void a_password_is_replaced(void **state)
{
	struct catalog_user user;

	(void)state;
	add_user("ann");
	assert_ok(catalog_user_set_password(catalog, S("ANN"), "scrypt$…", &err));
	assert_ok(catalog_user_find(catalog, S("ann"), &user, &err));
	assert_string_equal(user.password, "scrypt$…");
	assert_status(catalog_user_set_password(catalog, S("eve"), "x", &err), E_NOT_FOUND);
}

static void a_user_goes_with_its_tokens_unless_an_app_acts_as_it(void **state)
{
	struct catalog_user ann = add_user("ann"), bob = add_user("bob");
	struct catalog_app app = add_app("etl", &ann), as_bob = app;
	struct catalog_token token, bobs;

	(void)state;
	snprintf(as_bob.user_id, sizeof(as_bob.user_id), "%s", bob.id);
	assert_ok(issue(1, &as_bob, TOKEN_CORE, 0, 0, &bobs));
	assert_ok(issue(2, &app, TOKEN_CORE, 0, 0, &token));
	assert_status(delete_user("ann"), E_CONFLICT);
	assert_non_null(strstr(err.text, "etl"));
	assert_ok(delete_user("Bob"));
	assert_int_equal(went_count, 1);
	assert_int_equal(went[0].id, bobs.id);
	assert_string_equal(went[0].user_name, "bob");
	assert_status(find(1, &token), E_NOT_FOUND);
	assert_ok(find(2, &token));
	assert_status(delete_user("bob"), E_NOT_FOUND);
	assert_ok(delete_app(catalog, "etl"));
	assert_ok(delete_user("ann"));
}

/* --- Apps ------------------------------------------------------------------------------------- */

static void an_app_is_stored_whole_and_found_by_its_client_id(void **state)
{
	struct catalog_user ann = add_user("ann"), nobody = {.id = "005uffffffffffAAA"};
	struct catalog_app app = new_app("etl", &ann), got, rival;

	(void)state;
	snprintf(app.public_key, sizeof(app.public_key), "-----BEGIN PUBLIC KEY-----\n");
	assert_ok(catalog_app_add(catalog, &app, &err));
	assert_true(app.created_us > 0);
	assert_ok(catalog_app_find(catalog, S("client of etl"), &got, &err));
	assert_string_equal(got.name, "etl");
	assert_string_equal(got.user_id, ann.id);
	assert_int_equal(got.scopes, SCOPE_INGEST | SCOPE_QUERY);
	assert_memory_equal(got.secret_hash, hash_of(77), CATALOG_HASH_BYTES);
	assert_string_equal(got.public_key, "-----BEGIN PUBLIC KEY-----\n");
	assert_int_equal(got.created_us, app.created_us);
	assert_status(catalog_app_find(catalog, S("Client of etl"), &got, &err), E_NOT_FOUND);

	rival = new_app("ETL", &ann);
	assert_status(catalog_app_add(catalog, &rival, &err), E_EXISTS);
	rival = new_app("other", &ann);
	snprintf(rival.client_id, sizeof(rival.client_id), "client of etl");
	assert_status(catalog_app_add(catalog, &rival, &err), E_EXISTS);
	rival = new_app("other", &nobody);
	assert_status(catalog_app_add(catalog, &rival, &err), E_NOT_FOUND);
}

static void an_apps_secret_is_replaced_and_its_tokens_stay(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann), got;
	struct catalog_token token;

	(void)state;
	assert_ok(issue(1, &app, TOKEN_CORE, 0, 0, &token));
	assert_ok(catalog_app_set_secret(catalog, S("Etl"), hash_of(78), &err));
	assert_ok(catalog_app_find(catalog, slice_of(app.client_id), &got, &err));
	assert_memory_equal(got.secret_hash, hash_of(78), CATALOG_HASH_BYTES);
	assert_ok(find(1, &token));
	assert_status(catalog_app_set_secret(catalog, S("none"), hash_of(78), &err), E_NOT_FOUND);
}

static void an_app_goes_with_its_tokens(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann), other = add_app("other", &ann);
	struct catalog_token token, core, tenant;

	(void)state;
	assert_ok(issue(1, &app, TOKEN_CORE, 0, 0, &core));
	assert_ok(issue(2, &other, TOKEN_CORE, 0, 0, &token));
	assert_ok(issue(3, &app, TOKEN_TENANT, 0, core.id, &tenant));
	assert_ok(delete_app(catalog, "ETL"));
	assert_int_equal(went_count, 2);
	assert_int_equal(went[0].id, core.id);
	assert_string_equal(went[0].name, "etl");
	assert_int_equal(went[1].id, tenant.id);
	assert_status(find(1, &token), E_NOT_FOUND);
	assert_ok(find(2, &token));
	assert_status(delete_app(catalog, "etl"), E_NOT_FOUND);
}

static void users_and_apps_are_listed_by_name(void **state)
{
	struct catalog_user zoe = add_user("zoe"), *users;
	struct catalog_app *apps;
	size_t count;

	(void)state;
	add_user("Ann");
	add_app("b", &zoe);
	add_app("A", &zoe);
	assert_ok(catalog_user_list(catalog, &arena, &users, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(users[0].name, "Ann");
	assert_string_equal(users[1].id, zoe.id);
	assert_ok(catalog_app_list(catalog, &arena, &apps, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(apps[0].name, "A");
	assert_string_equal(apps[1].client_id, "client of b");
}

/* --- Tokens ----------------------------------------------------------------------------------- */

static void an_issued_token_says_whose_it_is(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann), gone = app;
	struct catalog_token issued, token;

	(void)state;
	assert_ok(issue(1, &app, TOKEN_TENANT, 5000, 0, &issued));
	assert_ok(find(1, &token));
	assert_int_equal(token.id, issued.id);
	assert_int_equal(token.kind, TOKEN_TENANT);
	assert_string_equal(token.name, "etl");
	assert_string_equal(token.user_id, ann.id);
	assert_string_equal(token.user_name, "ann");
	assert_string_equal(token.client_id, "client of etl");
	assert_int_equal(token.scopes, SCOPE_INGEST);
	assert_true(token.created_us > 0);
	assert_int_equal(token.expires_us, 5000);
	assert_int_equal(token.used_us, 0);
	assert_int_equal(token.parent, 0);
	assert_status(find(2, &token), E_NOT_FOUND);

	snprintf(gone.client_id, sizeof(gone.client_id), "none");
	assert_status(issue(2, &gone, TOKEN_CORE, 0, 0, &token), E_NOT_FOUND);
	gone = app;
	snprintf(gone.user_id, sizeof(gone.user_id), "none");
	assert_status(issue(2, &gone, TOKEN_CORE, 0, 0, &token), E_NOT_FOUND);
	assert_status(issue(2, &app, TOKEN_CORE, 0, 99, &token), E_NOT_FOUND);
	assert_status(find(2, &token), E_NOT_FOUND);
}

static void a_static_token_may_end(void **state)
{
	struct catalog_token token;

	(void)state;
	assert_ok(catalog_token_add(catalog, hash_of(1), "short", SCOPE_QUERY, 12345, &err));
	assert_ok(find(1, &token));
	assert_int_equal(token.kind, TOKEN_STATIC);
	assert_int_equal(token.expires_us, 12345);
	assert_string_equal(token.client_id, "");
}

static void no_two_tokens_ever_have_one_id(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann);
	struct catalog_token token;
	int64_t ids[8];
	size_t gone, count = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%u", i);
		assert_ok(catalog_token_add(catalog, hash_of(i), name, SCOPE_QUERY, 0, &err));
		assert_ok(find(i, &token));
		ids[count++] = token.id;
		if (i == 1) /* the last of its table: its number must not come again */
			assert_ok(catalog_token_revoke(catalog, token.id, &gone, &err));
		assert_ok(issue(100 + i, &app, TOKEN_CORE, 0, 0, &token));
		ids[count++] = token.id;
		if (i == 1)
			assert_ok(catalog_token_revoke(catalog, token.id, &gone, &err));
	}
	for (size_t i = 0; i < count; i++) {
		assert_true(ids[i] > 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(ids[i], ids[k]);
	}
}

static void revoking_a_token_ends_all_that_came_of_it(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann);
	struct catalog_token refresh, core, other, tenant;
	size_t count = 0;

	(void)state;
	assert_ok(issue(1, &app, TOKEN_REFRESH, 0, 0, &refresh));
	assert_ok(issue(2, &app, TOKEN_CORE, 9000, refresh.id, &core));
	assert_ok(issue(3, &app, TOKEN_TENANT, 9000, core.id, &tenant));
	assert_int_equal(tenant.parent, core.id);
	assert_ok(issue(4, &app, TOKEN_CORE, 9000, 0, &other));
	assert_ok(catalog_token_revoke(catalog, core.id, &count, &err));
	assert_int_equal(count, 2);
	assert_ok(find(1, &refresh));
	assert_status(find(2, &core), E_NOT_FOUND);
	assert_status(find(3, &tenant), E_NOT_FOUND);
	assert_ok(find(4, &other));
	assert_status(catalog_token_revoke(catalog, core.id, &count, &err), E_NOT_FOUND);
	assert_int_equal(count, 2);

	assert_ok(catalog_token_add(catalog, hash_of(5), "ci", SCOPE_QUERY, 0, &err));
	assert_ok(find(5, &core));
	assert_ok(catalog_token_revoke(catalog, core.id, &count, &err));
	assert_int_equal(count, 1);
	assert_status(find(5, &core), E_NOT_FOUND);
}

static void an_assertion_is_good_for_one_token(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann);
	struct catalog_assertion assertion = {.expires_us = 100};
	struct catalog_token token, model;

	(void)state;
	memset(assertion.hash, 9, sizeof(assertion.hash));
	assert_ok(issue(1, &app, TOKEN_CORE, 9000, 0, &model));
	token = model;
	assert_ok(catalog_token_issue(catalog, hash_of(2), &assertion, &token, &err));
	token = model;
	assert_status(catalog_token_issue(catalog, hash_of(3), &assertion, &token, &err), E_EXISTS);
	assert_status(find(3, &token), E_NOT_FOUND);
	/* What could not be issued uses nothing up. */
	assertion.hash[0] = 1;
	token = model;
	token.client_id[0] = '\0';
	assert_status(
	    catalog_token_issue(catalog, hash_of(3), &assertion, &token, &err), E_NOT_FOUND);
	token = model;
	assert_ok(catalog_token_issue(catalog, hash_of(3), &assertion, &token, &err));
}

static void the_first_use_is_told_once(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann);
	struct catalog_token token;
	bool first = false;

	(void)state;
	assert_ok(catalog_token_add(catalog, hash_of(1), "ci", SCOPE_QUERY, 0, &err));
	assert_ok(issue(2, &app, TOKEN_CORE, 9000, 0, &token));
	for (unsigned hash = 1; hash <= 2; hash++) {
		assert_ok(find(hash, &token));
		assert_ok(catalog_token_used(catalog, token.id, 500, &first, &err));
		assert_true(first);
		assert_ok(catalog_token_used(catalog, token.id, 600, &first, &err));
		assert_false(first);
		assert_ok(find(hash, &token));
		assert_int_equal(token.used_us, 500);
	}
	first = true;
	assert_ok(catalog_token_used(catalog, 4711, 600, &first, &err));
	assert_false(first);
}

static void what_has_ended_is_removed_and_nothing_else(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann);
	struct catalog_assertion assertion = {.expires_us = 1000};
	struct catalog_token token, core;
	size_t count;

	(void)state;
	assert_ok(catalog_token_add(catalog, hash_of(1), "old", SCOPE_QUERY, 10, &err));
	assert_ok(issue(2, &app, TOKEN_CORE, 1000, 0, &core));
	assert_ok(issue(3, &app, TOKEN_TENANT, 2000, core.id, &token));
	assert_ok(issue(4, &app, TOKEN_REFRESH, 0, 0, &token));
	assert_ok(issue(5, &app, TOKEN_CORE, 900, 0, &token));
	token.expires_us = 3000;
	assert_ok(catalog_token_issue(catalog, hash_of(6), &assertion, &token, &err));

	assert_ok(catalog_access_expire(catalog, 899, 100, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_access_expire(catalog, 999, 100, &count, &err));
	assert_int_equal(count, 1);
	assert_status(find(5, &token), E_NOT_FOUND);
	/* A token and an assertion; no more of each than that many. */
	assert_ok(catalog_access_expire(catalog, 1000, 1, &count, &err));
	assert_int_equal(count, 2);
	assert_status(find(2, &token), E_NOT_FOUND);
	/* What it came of has ended, and so has no say any more. */
	assert_ok(find(3, &token));
	assert_int_equal(token.parent, 0);
	assert_ok(catalog_token_issue(catalog, hash_of(7), &assertion, &token, &err));
	assert_ok(find(4, &token));
	assert_ok(find(1, &token));
}

static void tokens_are_listed_with_those_that_have_ended(void **state)
{
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann);
	struct catalog_token *tokens, token;
	size_t count;

	(void)state;
	assert_ok(catalog_token_list(catalog, &arena, &tokens, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_token_add(catalog, hash_of(1), "old", SCOPE_QUERY, 10, &err));
	assert_ok(issue(2, &app, TOKEN_CORE, 1000, 0, &token));
	assert_ok(catalog_token_list(catalog, &arena, &tokens, &count, &err));
	assert_int_equal(count, 2);
	assert_true(tokens[0].id < tokens[1].id);
	assert_string_equal(tokens[0].name, "old");
	assert_string_equal(tokens[1].name, "etl");
	assert_int_equal(tokens[1].kind, TOKEN_CORE);
}

static void a_command_beside_the_server_is_seen_at_once(void **state)
{
	struct catalog *other = open_catalog();
	struct catalog_user ann = add_user("ann");
	struct catalog_app app = add_app("etl", &ann), got;
	struct catalog_token token;
	size_t count;

	(void)state;
	assert_ok(issue(1, &app, TOKEN_CORE, 9000, 0, &token));
	assert_ok(find(1, &token));
	assert_ok(catalog_token_revoke(other, token.id, &count, &err));
	assert_status(find(1, &token), E_NOT_FOUND);
	assert_ok(catalog_app_find(catalog, slice_of(app.client_id), &got, &err));
	assert_ok(delete_app(other, "etl"));
	assert_status(catalog_app_find(catalog, slice_of(app.client_id), &got, &err), E_NOT_FOUND);
	catalog_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_catalog_is_one_organisation_for_ever),
	    TEST(a_user_is_found_in_whatever_case_and_by_id),
	    TEST(a_token_of_the_command_line_is_a_user_of_its_own),
	    TEST(a_password_is_replaced),
	    TEST(a_user_goes_with_its_tokens_unless_an_app_acts_as_it),
	    TEST(an_app_is_stored_whole_and_found_by_its_client_id),
	    TEST(an_apps_secret_is_replaced_and_its_tokens_stay),
	    TEST(an_app_goes_with_its_tokens),
	    TEST(users_and_apps_are_listed_by_name),
	    TEST(an_issued_token_says_whose_it_is),
	    TEST(a_static_token_may_end),
	    TEST(no_two_tokens_ever_have_one_id),
	    TEST(revoking_a_token_ends_all_that_came_of_it),
	    TEST(an_assertion_is_good_for_one_token),
	    TEST(the_first_use_is_told_once),
	    TEST(what_has_ended_is_removed_and_nothing_else),
	    TEST(tokens_are_listed_with_those_that_have_ended),
	    TEST(a_command_beside_the_server_is_seen_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
