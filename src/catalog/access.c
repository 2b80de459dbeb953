/* SPDX-License-Identifier: Apache-2.0 */
/* The contract's own part of access.h: arguments are checked here, once for all backends. */
#include "catalog/catalog_ops.h"

#include <assert.h>

/* A text that fits into an array of ${room} bytes, NUL included, and is not empty. */
static bool fits(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	return length > 0 && length < room;
}

enum status catalog_org_get(
    struct catalog *catalog, char ret_org[CATALOG_ORG_BYTES], struct err *err)
{
	assert(ret_org != NULL);
	return catalog->ops->org_get(catalog, ret_org, err);
}

enum status catalog_user_add(struct catalog *catalog, struct catalog_user *user, struct err *err)
{
	assert(fits(user->name, sizeof(user->name)));
	assert(strnlen(user->password, sizeof(user->password)) < sizeof(user->password));
	return catalog->ops->user_add(catalog, user, err);
}

enum status catalog_user_find(
    struct catalog *catalog, struct slice name, struct catalog_user *ret_user, struct err *err)
{
	return catalog->ops->user_find(catalog, name, ret_user, err);
}

enum status catalog_user_get(
    struct catalog *catalog, struct slice id, struct catalog_user *ret_user, struct err *err)
{
	return catalog->ops->user_get(catalog, id, ret_user, err);
}

enum status catalog_user_set_password(
    struct catalog *catalog, struct slice name, const char *password, struct err *err)
{
	assert(strnlen(password, CATALOG_PASSWORD_BYTES) < CATALOG_PASSWORD_BYTES);
	return catalog->ops->user_set_password(catalog, name, password, err);
}

enum status catalog_user_delete(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	return catalog->ops->user_delete(catalog, name, arena, ret_tokens, ret_count, err);
}

enum status catalog_user_list(struct catalog *catalog, struct arena *arena,
    struct catalog_user **ret_users, size_t *ret_count, struct err *err)
{
	return catalog->ops->user_list(catalog, arena, ret_users, ret_count, err);
}

enum status catalog_app_add(struct catalog *catalog, struct catalog_app *app, struct err *err)
{
	assert(fits(app->client_id, sizeof(app->client_id)));
	assert(fits(app->name, sizeof(app->name)));
	assert(app->scopes != 0);
	assert((app->scopes & ~(unsigned)(SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN)) == 0);
	return catalog->ops->app_add(catalog, app, err);
}

enum status catalog_app_find(
    struct catalog *catalog, struct slice client_id, struct catalog_app *ret_app, struct err *err)
{
	return catalog->ops->app_find(catalog, client_id, ret_app, err);
}

enum status catalog_app_set_secret(struct catalog *catalog, struct slice name,
    const unsigned char secret_hash[CATALOG_HASH_BYTES], struct err *err)
{
	return catalog->ops->app_set_secret(catalog, name, secret_hash, err);
}

enum status catalog_app_delete(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	return catalog->ops->app_delete(catalog, name, arena, ret_tokens, ret_count, err);
}

enum status catalog_app_list(struct catalog *catalog, struct arena *arena,
    struct catalog_app **ret_apps, size_t *ret_count, struct err *err)
{
	return catalog->ops->app_list(catalog, arena, ret_apps, ret_count, err);
}

enum status catalog_token_add(struct catalog *catalog, const unsigned char hash[CATALOG_HASH_BYTES],
    const char *name, unsigned scopes, int64_t expires_us, struct err *err)
{
	assert(fits(name, CATALOG_TOKEN_NAME_BYTES));
	assert(scopes != 0);
	assert((scopes & ~(unsigned)(SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN)) == 0);
	assert(expires_us >= 0);
	return catalog->ops->token_add(catalog, hash, name, scopes, expires_us, err);
}

enum status catalog_token_issue(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], const struct catalog_assertion *assertion,
    struct catalog_token *token, struct err *err)
{
	assert(token->kind != TOKEN_STATIC);
	assert(token->scopes != 0);
	assert((token->scopes & ~(unsigned)(SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN)) == 0);
	assert(token->expires_us >= 0);
	assert(token->parent >= 0);
	return catalog->ops->token_issue(catalog, hash, assertion, token, err);
}

enum status catalog_token_find(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], struct catalog_token *ret_token, struct err *err)
{
	assert(ret_token != NULL);
	return catalog->ops->token_find(catalog, hash, ret_token, err);
}

enum status catalog_token_used(
    struct catalog *catalog, int64_t id, int64_t now_us, bool *ret_first, struct err *err)
{
	assert(id > 0);
	assert(now_us > 0);
	return catalog->ops->token_used(catalog, id, now_us, ret_first, err);
}

enum status catalog_token_revoke(
    struct catalog *catalog, int64_t id, size_t *ret_count, struct err *err)
{
	return catalog->ops->token_revoke(catalog, id, ret_count, err);
}

enum status catalog_token_list(struct catalog *catalog, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	return catalog->ops->token_list(catalog, arena, ret_tokens, ret_count, err);
}

enum status catalog_access_expire(
    struct catalog *catalog, int64_t now_us, size_t count_max, size_t *ret_count, struct err *err)
{
	assert(count_max > 0);
	return catalog->ops->access_expire(catalog, now_us, count_max, ret_count, err);
}
