/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, apps and tokens in SQLite: see access.h for what each call promises.
 *
 * Tokens of the command line and those of logins are two tables, for the former are older than the
 * latter: their users' ids are made of their numbers, and stand in jobs.  Ids of tokens are even in
 * the one and odd in the other, and both tables give no number twice.
 *
 * As everywhere in this backend, what would be in the way is looked for before the change, in its
 * transaction; the unique indexes only back this up.
 */
#include "catalog/catalog_sqlite_db.h"

#include "base/clock.h"

/* The numbers are part of the file format: see catalog_sqlite_schema.h. */
_Static_assert(SCOPE_INGEST == 1 && SCOPE_QUERY == 2 && SCOPE_ADMIN == 4, "stored numbers");
_Static_assert(TOKEN_STATIC == 0 && TOKEN_CORE == 1 && TOKEN_TENANT == 2 && TOKEN_REFRESH == 3,
    "stored numbers");
#define TOKEN_KIND_COUNT 4

static bool is_static_id(int64_t id)
{
	return id % 2 == 0;
}

/* Read one row with a connection of the pool: ${put} gives the values, ${read} takes the columns. */
struct lookup {
	enum sql sql;
	struct slice text;         /* the only value; or, when its ptr is NULL, */
	const unsigned char *hash; /* this; or, when that is NULL, too, none */
	void (*read)(struct query *query, void *ret);
	void *ret;
	const char *missing; /* what to say when there is no row */
};

static enum status look_up(struct catalog *catalog, const struct lookup *lookup, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct conn *conn;
	struct query query;
	enum status status = reader_take(store, &conn, err);
	bool found;

	if (status != OK)
		return status;
	query_begin(&query, conn, lookup->sql);
	if (lookup->text.ptr != NULL)
		query_put_text(&query, lookup->text);
	else if (lookup->hash != NULL)
		query_put_bytes(&query, lookup->hash, CATALOG_HASH_BYTES);
	found = query_row(&query);
	if (found)
		lookup->read(&query, lookup->ret);
	status = query_end(&query, err);
	reader_give(store, &conn);
	if (status == OK && !found)
		return err_set(err, E_NOT_FOUND, "%s", lookup->missing);
	return status;
}

/* All rows that are left of a query, each of ${bytes}, into an array of the arena; and its end. */
static enum status read_all(struct query *query, void (*read)(struct query *query, void *ret),
    size_t bytes, struct arena *arena, void **ret_rows, size_t *ret_count, struct err *err)
{
	size_t count = 0, room = 0;
	char *rows = NULL, *grown;
	enum status status;

	while (query_row(query)) {
		grown = catalog_sqlite_grow(arena, rows, count, &room, bytes);
		if (grown == NULL) {
			query_fail(query, SQLITE_NOMEM);
			break;
		}
		rows = grown;
		read(query, rows + bytes * count++);
	}
	status = query_end(query, err);
	if (status != OK)
		return status;
	*ret_rows = rows;
	*ret_count = count;
	return OK;
}

/* The same of a statement without values. */
static enum status list_all(struct catalog *catalog, enum sql sql,
    void (*read)(struct query *query, void *ret), size_t bytes, struct arena *arena,
    void **ret_rows, size_t *ret_count, struct err *err)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct conn *conn;
	struct query query;
	enum status status = reader_take(store, &conn, err);

	if (status != OK)
		return status;
	query_begin(&query, conn, sql);
	status = read_all(&query, read, bytes, arena, ret_rows, ret_count, err);
	reader_give(store, &conn);
	return status;
}

/* Is there a row for ${text} (and ${more}, when its ptr is not NULL)?  Then ${ret_name} is its
 * first column. */
static enum status find_name(struct conn *conn, enum sql sql, struct slice text, struct slice more,
    char ret_name[CATALOG_TOKEN_NAME_BYTES], bool *ret_found, struct err *err)
{
	struct query query;

	query_begin(&query, conn, sql);
	query_put_text(&query, text);
	if (more.ptr != NULL)
		query_put_text(&query, more);
	*ret_found = query_row(&query);
	if (*ret_found)
		query_get_text(&query, ret_name, CATALOG_TOKEN_NAME_BYTES);
	return query_end(&query, err);
}

static void read_org(struct query *query, void *ret)
{
	query_get_text(query, ret, CATALOG_ORG_BYTES);
}

enum status catalog_sqlite_org_get(
    struct catalog *catalog, char ret_org[CATALOG_ORG_BYTES], struct err *err)
{
	char org[CATALOG_ORG_BYTES];
	enum status status = look_up(catalog,
	    &(struct lookup){
		.sql = SQL_ORG_GET, .read = read_org, .ret = org, .missing = "no organisation"},
	    err);

	if (status == OK)
		memcpy(ret_org, org, sizeof(org));
	return status == E_NOT_FOUND ? E_IO : status;
}

/* --- Whom tokens go with ---------------------------------------------------------------------- */

static void read_token(struct query *query, void *ret)
{
	struct catalog_token *token = ret;

	token->id = query_get_number(query);
	token->kind = (enum catalog_token_kind)query_get_enum(query, TOKEN_KIND_COUNT);
	query_get_text(query, token->name, sizeof(token->name));
	query_get_text(query, token->user_id, sizeof(token->user_id));
	query_get_text(query, token->user_name, sizeof(token->user_name));
	query_get_text(query, token->client_id, sizeof(token->client_id));
	token->scopes = (unsigned)query_get_number(query);
	token->created_us = query_get_number(query);
	token->expires_us = query_get_number(query);
	token->used_us = query_get_number(query);
	token->parent = query_get_number(query);
}

/* A user or an app that goes with its tokens. */
struct removal {
	struct slice name;
	struct arena *arena;
	void *tokens;
	size_t count;
	int changes; /* 0: there was none of that name */
};

/* Which tokens go is read in the same transaction, so that none is missed that came meanwhile; the
 * table's ON DELETE CASCADE takes them. */
static enum status remove_with_tokens(
    struct conn *conn, enum sql list, enum sql remove, struct removal *removal, struct err *err)
{
	struct query query;
	enum status status;

	query_begin(&query, conn, list);
	query_put_text(&query, removal->name);
	status = read_all(&query, read_token, sizeof(struct catalog_token), removal->arena,
	    &removal->tokens, &removal->count, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, remove);
	query_put_text(&query, removal->name);
	return query_run(&query, &removal->changes, err);
}

static enum status remove_by_name(struct catalog *catalog, write_fn *run, struct slice name,
    struct arena *arena, struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	struct removal removal = {.name = name, .arena = arena};
	enum status status = catalog_sqlite_write(store_of(catalog), run, &removal, err);

	if (status != OK)
		return status;
	*ret_tokens = removal.tokens;
	*ret_count = removal.count;
	return OK;
}

/* --- Users ------------------------------------------------------------------------------------ */

static void read_user(struct query *query, void *ret)
{
	struct catalog_user *user = ret;

	query_get_text(query, user->id, sizeof(user->id));
	query_get_text(query, user->name, sizeof(user->name));
	query_get_text(query, user->password, sizeof(user->password));
	user->created_us = query_get_number(query);
}

static enum status refuse_user(struct slice name, struct err *err)
{
	return err_set(err, E_NOT_FOUND, "there is no user \"%.*s\"", SLICE_ARGS(name));
}

static enum status add_user(struct conn *conn, void *ctx, struct err *err)
{
	struct catalog_user *user = ctx;
	const struct slice name = slice_of(user->name);
	struct catalog_user rival;
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_USER_FIND);
	query_put_text(&query, name);
	found = query_row(&query);
	if (found)
		read_user(&query, &rival);
	status = query_end(&query, err);
	if (status == OK && found)
		return err_set(err, E_EXISTS, "there is a user \"%s\" already", rival.name);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_USER_INSERT);
	query_put_text(&query, name);
	query_put_text(&query, slice_of(user->password));
	query_put_number(&query, clock_now_us());
	status = query_run(&query, NULL, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_USER_FIND);
	query_put_text(&query, name);
	if (query_row(&query))
		read_user(&query, user);
	return query_end(&query, err);
}

enum status catalog_sqlite_user_add(
    struct catalog *catalog, struct catalog_user *user, struct err *err)
{
	struct catalog_user added = *user;
	enum status status = catalog_sqlite_write(store_of(catalog), add_user, &added, err);

	if (status == OK)
		*user = added;
	return status;
}

static enum status look_up_user(struct catalog *catalog, enum sql sql, struct slice text,
    struct catalog_user *ret_user, struct err *err)
{
	struct catalog_user user;
	enum status status = look_up(catalog,
	    &(struct lookup){.sql = sql,
		.text = text,
		.read = read_user,
		.ret = &user,
		.missing = "no such user"},
	    err);

	if (status == OK)
		*ret_user = user;
	return status;
}

enum status catalog_sqlite_user_find(
    struct catalog *catalog, struct slice name, struct catalog_user *ret_user, struct err *err)
{
	return look_up_user(catalog, SQL_USER_FIND, name, ret_user, err);
}

enum status catalog_sqlite_user_get(
    struct catalog *catalog, struct slice id, struct catalog_user *ret_user, struct err *err)
{
	return look_up_user(catalog, SQL_USER_GET, id, ret_user, err);
}

struct password_set {
	struct slice name;
	const char *password;
};

static enum status set_password(struct conn *conn, void *ctx, struct err *err)
{
	const struct password_set *set = ctx;
	struct query query;
	enum status status;
	int changes = 0;

	query_begin(&query, conn, SQL_USER_SET_PASSWORD);
	query_put_text(&query, set->name);
	query_put_text(&query, slice_of(set->password));
	status = query_run(&query, &changes, err);
	return status == OK && changes == 0 ? refuse_user(set->name, err) : status;
}

enum status catalog_sqlite_user_set_password(
    struct catalog *catalog, struct slice name, const char *password, struct err *err)
{
	struct password_set set = {name, password};

	return catalog_sqlite_write(store_of(catalog), set_password, &set, err);
}

static enum status delete_user(struct conn *conn, void *ctx, struct err *err)
{
	struct removal *removal = ctx;
	char app[CATALOG_TOKEN_NAME_BYTES];
	enum status status;
	bool found;

	status =
	    find_name(conn, SQL_USER_APP, removal->name, (struct slice){NULL, 0}, app, &found, err);
	if (status == OK && found)
		return err_set(err, E_CONFLICT, "the app \"%s\" acts as user \"%.*s\"", app,
		    SLICE_ARGS(removal->name));
	if (status == OK)
		status =
		    remove_with_tokens(conn, SQL_TOKEN_LIST_USER, SQL_USER_DELETE, removal, err);
	return status == OK && removal->changes == 0 ? refuse_user(removal->name, err) : status;
}

enum status catalog_sqlite_user_delete(struct catalog *catalog, struct slice name,
    struct arena *arena, struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	return remove_by_name(catalog, delete_user, name, arena, ret_tokens, ret_count, err);
}

enum status catalog_sqlite_user_list(struct catalog *catalog, struct arena *arena,
    struct catalog_user **ret_users, size_t *ret_count, struct err *err)
{
	return list_all(catalog, SQL_USER_LIST, read_user, sizeof(**ret_users), arena,
	    (void **)ret_users, ret_count, err);
}

/* --- Apps ------------------------------------------------------------------------------------- */

static void read_app(struct query *query, void *ret)
{
	struct catalog_app *app = ret;

	query_get_text(query, app->client_id, sizeof(app->client_id));
	query_get_text(query, app->name, sizeof(app->name));
	query_get_text(query, app->user_id, sizeof(app->user_id));
	app->scopes = (unsigned)query_get_number(query);
	query_get_bytes(query, app->secret_hash, sizeof(app->secret_hash));
	query_get_text(query, app->public_key, sizeof(app->public_key));
	app->created_us = query_get_number(query);
}

static enum status refuse_app(struct slice name, struct err *err)
{
	return err_set(err, E_NOT_FOUND, "there is no app \"%.*s\"", SLICE_ARGS(name));
}

static enum status add_app(struct conn *conn, void *ctx, struct err *err)
{
	struct catalog_app *app = ctx;
	char rival[CATALOG_TOKEN_NAME_BYTES];
	struct query query;
	enum status status;
	int changes = 0;
	bool found;

	status = find_name(
	    conn, SQL_APP_RIVAL, slice_of(app->name), slice_of(app->client_id), rival, &found, err);
	if (status == OK && found)
		return err_set(err, E_EXISTS,
		    "there is an app \"%s\" already, of this name or client id", rival);
	if (status != OK)
		return status;
	app->created_us = clock_now_us();
	query_begin(&query, conn, SQL_APP_INSERT);
	query_put_text(&query, slice_of(app->client_id));
	query_put_text(&query, slice_of(app->name));
	query_put_number(&query, app->scopes);
	query_put_bytes(&query, app->secret_hash, sizeof(app->secret_hash));
	query_put_text(&query, slice_of(app->public_key));
	query_put_number(&query, app->created_us);
	query_put_text(&query, slice_of(app->user_id));
	status = query_run(&query, &changes, err);
	if (status == OK && changes == 0)
		return err_set(err, E_NOT_FOUND, "there is no user %s", app->user_id);
	return status;
}

enum status catalog_sqlite_app_add(
    struct catalog *catalog, struct catalog_app *app, struct err *err)
{
	struct catalog_app added = *app;
	enum status status = catalog_sqlite_write(store_of(catalog), add_app, &added, err);

	if (status == OK)
		*app = added;
	return status;
}

enum status catalog_sqlite_app_find(
    struct catalog *catalog, struct slice client_id, struct catalog_app *ret_app, struct err *err)
{
	struct catalog_app app;
	enum status status = look_up(catalog,
	    &(struct lookup){.sql = SQL_APP_FIND,
		.text = client_id,
		.read = read_app,
		.ret = &app,
		.missing = "no such app"},
	    err);

	if (status == OK)
		*ret_app = app;
	return status;
}

struct secret_set {
	struct slice name;
	const unsigned char *hash;
};

static enum status set_secret(struct conn *conn, void *ctx, struct err *err)
{
	const struct secret_set *set = ctx;
	struct query query;
	enum status status;
	int changes = 0;

	query_begin(&query, conn, SQL_APP_SET_SECRET);
	query_put_text(&query, set->name);
	query_put_bytes(&query, set->hash, CATALOG_HASH_BYTES);
	status = query_run(&query, &changes, err);
	return status == OK && changes == 0 ? refuse_app(set->name, err) : status;
}

enum status catalog_sqlite_app_set_secret(struct catalog *catalog, struct slice name,
    const unsigned char secret_hash[CATALOG_HASH_BYTES], struct err *err)
{
	struct secret_set set = {name, secret_hash};

	return catalog_sqlite_write(store_of(catalog), set_secret, &set, err);
}

static enum status delete_app(struct conn *conn, void *ctx, struct err *err)
{
	struct removal *removal = ctx;
	enum status status =
	    remove_with_tokens(conn, SQL_TOKEN_LIST_APP, SQL_APP_DELETE, removal, err);

	return status == OK && removal->changes == 0 ? refuse_app(removal->name, err) : status;
}

enum status catalog_sqlite_app_delete(struct catalog *catalog, struct slice name,
    struct arena *arena, struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	return remove_by_name(catalog, delete_app, name, arena, ret_tokens, ret_count, err);
}

enum status catalog_sqlite_app_list(struct catalog *catalog, struct arena *arena,
    struct catalog_app **ret_apps, size_t *ret_count, struct err *err)
{
	return list_all(catalog, SQL_APP_LIST, read_app, sizeof(**ret_apps), arena,
	    (void **)ret_apps, ret_count, err);
}

/* --- Tokens ----------------------------------------------------------------------------------- */

static enum status find_token(struct conn *conn, const unsigned char *hash,
    struct catalog_token *ret_token, bool *ret_found, struct err *err)
{
	struct query query;

	query_begin(&query, conn, SQL_TOKEN_FIND);
	query_put_bytes(&query, hash, CATALOG_HASH_BYTES);
	*ret_found = query_row(&query);
	if (*ret_found)
		read_token(&query, ret_token);
	return query_end(&query, err);
}

struct token_add {
	const unsigned char *hash;
	const char *name;
	unsigned scopes;
	int64_t expires_us;
};

static enum status add_token(struct conn *conn, void *ctx, struct err *err)
{
	const struct token_add *add = ctx;
	char rival[CATALOG_TOKEN_NAME_BYTES];
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_TOKEN_RIVAL);
	query_put_text(&query, slice_of(add->name));
	query_put_bytes(&query, add->hash, CATALOG_HASH_BYTES);
	found = query_row(&query);
	if (found)
		query_get_text(&query, rival, sizeof(rival));
	status = query_end(&query, err);
	if (status != OK)
		return status;
	if (found)
		return err_set(err, E_EXISTS, "there is a token \"%s\" already", rival);

	query_begin(&query, conn, SQL_TOKEN_INSERT);
	query_put_text(&query, slice_of(add->name));
	query_put_bytes(&query, add->hash, CATALOG_HASH_BYTES);
	query_put_number(&query, add->scopes);
	query_put_number(&query, clock_now_us());
	query_put_number(&query, add->expires_us);
	return query_run(&query, NULL, err);
}

enum status catalog_sqlite_token_add(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], const char *name, unsigned scopes,
    int64_t expires_us, struct err *err)
{
	struct token_add add = {hash, name, scopes, expires_us};

	return catalog_sqlite_write(store_of(catalog), add_token, &add, err);
}

struct token_issue {
	const unsigned char *hash;
	const struct catalog_assertion *assertion;
	struct catalog_token token;
};

static enum status use_assertion(
    struct conn *conn, const struct catalog_assertion *assertion, struct err *err)
{
	struct query query;
	enum status status;
	bool found;

	query_begin(&query, conn, SQL_ASSERTION_USED);
	query_put_bytes(&query, assertion->hash, sizeof(assertion->hash));
	found = query_row(&query);
	status = query_end(&query, err);
	if (status == OK && found)
		return err_set(err, E_EXISTS, "the assertion was used before");
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_ASSERTION_INSERT);
	query_put_bytes(&query, assertion->hash, sizeof(assertion->hash));
	query_put_number(&query, assertion->expires_us);
	return query_run(&query, NULL, err);
}

static enum status issue_token(struct conn *conn, void *ctx, struct err *err)
{
	struct token_issue *issue = ctx;
	const struct catalog_token *token = &issue->token;
	struct query query;
	enum status status = OK;
	int changes = 0;
	bool found = false;

	if (issue->assertion != NULL)
		status = use_assertion(conn, issue->assertion, err);
	if (status != OK)
		return status;
	query_begin(&query, conn, SQL_TOKEN_ISSUE);
	query_put_bytes(&query, issue->hash, CATALOG_HASH_BYTES);
	query_put_number(&query, token->kind);
	query_put_number(&query, token->scopes);
	query_put_number(&query, clock_now_us());
	query_put_number(&query, token->expires_us);
	query_put_text(&query, slice_of(token->user_id));
	query_put_text(&query, slice_of(token->client_id));
	query_put_number(&query, token->parent);
	status = query_run(&query, &changes, err);
	if (status == OK && changes > 0)
		status = find_token(conn, issue->hash, &issue->token, &found, err);
	if (status == OK && !found)
		return err_set(err, E_NOT_FOUND, "the user, the app or the token is gone");
	return status;
}

enum status catalog_sqlite_token_issue(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], const struct catalog_assertion *assertion,
    struct catalog_token *token, struct err *err)
{
	struct token_issue issue = {hash, assertion, *token};
	enum status status = catalog_sqlite_write(store_of(catalog), issue_token, &issue, err);

	if (status == OK)
		*token = issue.token;
	return status;
}

enum status catalog_sqlite_token_find(struct catalog *catalog,
    const unsigned char hash[CATALOG_HASH_BYTES], struct catalog_token *ret_token, struct err *err)
{
	struct catalog_token token;
	enum status status = look_up(catalog,
	    &(struct lookup){.sql = SQL_TOKEN_FIND,
		.hash = hash,
		.read = read_token,
		.ret = &token,
		.missing = "no such token"},
	    err);

	if (status == OK)
		*ret_token = token;
	return status;
}

struct token_change {
	int64_t id, now_us;
	int changes;
};

static enum status mark_used(struct conn *conn, void *ctx, struct err *err)
{
	struct token_change *change = ctx;
	struct query query;

	query_begin(
	    &query, conn, is_static_id(change->id) ? SQL_TOKEN_USED : SQL_TOKEN_USED_ISSUED);
	query_put_number(&query, change->id);
	query_put_number(&query, change->now_us);
	return query_run(&query, &change->changes, err);
}

enum status catalog_sqlite_token_used(
    struct catalog *catalog, int64_t id, int64_t now_us, bool *ret_first, struct err *err)
{
	struct token_change change = {.id = id, .now_us = now_us};
	enum status status = catalog_sqlite_write(store_of(catalog), mark_used, &change, err);

	if (status == OK)
		*ret_first = change.changes > 0;
	return status;
}

static enum status revoke_token(struct conn *conn, void *ctx, struct err *err)
{
	struct token_change *change = ctx;
	struct query query;
	enum status status;

	query_begin(
	    &query, conn, is_static_id(change->id) ? SQL_TOKEN_DELETE : SQL_TOKEN_DELETE_ISSUED);
	query_put_number(&query, change->id);
	status = query_run(&query, &change->changes, err);
	if (status == OK && change->changes == 0)
		return err_set(err, E_NOT_FOUND, "no such token");
	return status;
}

enum status catalog_sqlite_token_revoke(
    struct catalog *catalog, int64_t id, size_t *ret_count, struct err *err)
{
	struct token_change change = {.id = id};
	enum status status = catalog_sqlite_write(store_of(catalog), revoke_token, &change, err);

	if (status == OK)
		*ret_count = (size_t)change.changes;
	return status;
}

enum status catalog_sqlite_token_list(struct catalog *catalog, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err)
{
	return list_all(catalog, SQL_TOKEN_LIST, read_token, sizeof(**ret_tokens), arena,
	    (void **)ret_tokens, ret_count, err);
}

struct expire {
	int64_t now_us;
	size_t count_max, count;
};

static enum status expire_some(struct conn *conn, void *ctx, struct err *err)
{
	static const enum sql sqls[] = {SQL_ISSUED_EXPIRE, SQL_ASSERTION_EXPIRE};
	struct expire *expire = ctx;
	struct query query;
	enum status status = OK;
	int changes;

	expire->count = 0;
	for (size_t i = 0; status == OK && i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		query_begin(&query, conn, sqls[i]);
		query_put_number(&query, expire->now_us);
		query_put_number(&query, (int64_t)expire->count_max);
		changes = 0;
		status = query_run(&query, &changes, err);
		expire->count += (size_t)changes;
	}
	return status;
}

enum status catalog_sqlite_access_expire(
    struct catalog *catalog, int64_t now_us, size_t count_max, size_t *ret_count, struct err *err)
{
	struct expire expire = {.now_us = now_us, .count_max = count_max};
	enum status status = catalog_sqlite_write(store_of(catalog), expire_some, &expire, err);

	if (status == OK)
		*ret_count = expire.count;
	return status;
}
