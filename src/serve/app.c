/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice app: the apps that may log in.  An app's secret is shown once, when it is made; it may
 * have a certificate as well, and then asks with assertions instead.
 */
#include "serve/serve.h"

#include "auth/assertion.h"
#include "auth/auth.h"
#include "auth/secret.h"
#include "base/file.h"
#include "serve/admin.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: sluice app create NAME --data DIR [OPTION …]\n"
    "       sluice app list --data DIR\n"
    "       sluice app secret NAME --data DIR\n"
    "       sluice app delete NAME --data DIR\n"
    "\n"
    "An app is what a program logs in as: a connected app.  create prints its client id and its\n"
    "secret, which is shown this once; only its hash is kept.  secret makes a new one: the old "
    "one\n"
    "is none any more, tokens stay.  delete takes all of its tokens along.  Works while the "
    "server\n"
    "runs.\n"
    "\n"
    "  --data DIR          the server's data directory\n"
    "  --certificate FILE  of the key that signs its assertions (PEM, RSA): for the JWT bearer\n"
    "                      flow\n"
    "  --scope SCOPES      what its tokens may do; default: all three, separated by commas:\n"
    "                        cdp_ingest_api   jobs and uploads\n"
    "                        cdp_query_api    SQL\n"
    "                        api              connectors and streams\n"
    "  --user NAME         as whom it acts without a user of its own; default: a user with the\n"
    "                      app's name.  Made when there is none\n"
    "  --client-id ID      instead of one made up: that of a connected app you have elsewhere\n"
    "\n"
    "example:\n"
    "  sluice app create etl --data ./data --scope cdp_ingest_api,cdp_query_api\n"
    "  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=etl -keyout etl.key -out "
    "etl.crt\n"
    "  sluice app create cli --data ./data --certificate etl.crt --user ann@example.com\n";

#define CERTIFICATE_BYTES_MAX 65536

static enum status read_certificate(const char *path, char *ret_pem, struct err *err)
{
	struct buffer text;
	enum status st;

	buffer_init(&text, CERTIFICATE_BYTES_MAX);
	st = file_read(path, CERTIFICATE_BYTES_MAX, &text, err);
	if (st == OK) {
		st = assertion_key_of_certificate(
		    buffer_slice(&text), ret_pem, CATALOG_PEM_BYTES, err);
		if (st != OK)
			err_add(err, "%s", path);
	}
	buffer_fini(&text);
	return st;
}

/* The user of that name, made when there is none. */
static enum status take_user(
    struct catalog *catalog, const char *name, struct catalog_user *ret_user, struct err *err)
{
	struct catalog_user user = {.password = ""};
	enum status st = admin_check_name("a user", name, err);

	if (st != OK)
		return st;
	st = catalog_user_find(catalog, slice_of(name), ret_user, err);
	if (st != E_NOT_FOUND)
		return st;
	snprintf(user.name, sizeof(user.name), "%s", name);
	st = catalog_user_add(catalog, &user, err);
	if (st == OK)
		*ret_user = user;
	return st;
}

static enum status take_client_id(const char *given, struct catalog_app *app, struct err *err)
{
	if (given == NULL) {
		secret_make_client_id(app->client_id);
		return OK;
	}
	if (given[0] == '\0' || strlen(given) >= sizeof(app->client_id) ||
	    given[strspn(given, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				"._-@")] != '\0')
		return err_set(err, E_INVALID,
		    "a client id has 1 to %zu letters, digits and \"._-@\"",
		    sizeof(app->client_id) - 1);
	snprintf(app->client_id, sizeof(app->client_id), "%s", given);
	return OK;
}

static enum status create(const struct admin *admin, struct err *err)
{
	const char *const *values = admin->values;
	struct catalog_app app = {.scopes = SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN};
	struct catalog_user user;
	char secret[SECRET_APP_BYTES];
	enum status st = admin_check_name("an app", admin->word, err);

	if (st == OK && values[ADMIN_SCOPE] != NULL)
		st = auth_scopes_parse(slice_of(values[ADMIN_SCOPE]), &app.scopes, err);
	if (st == OK && values[ADMIN_CERTIFICATE] != NULL)
		st = read_certificate(values[ADMIN_CERTIFICATE], app.public_key, err);
	if (st == OK)
		st = take_client_id(values[ADMIN_CLIENT_ID], &app, err);
	if (st == OK)
		st = take_user(admin->catalog,
		    values[ADMIN_USER] != NULL ? values[ADMIN_USER] : admin->word, &user, err);
	if (st != OK)
		return st;
	snprintf(app.name, sizeof(app.name), "%s", admin->word);
	snprintf(app.user_id, sizeof(app.user_id), "%s", user.id);
	secret_make_app(secret);
	secret_hash(slice_of(secret), app.secret_hash);
	st = catalog_app_add(admin->catalog, &app, err);
	if (st == OK)
		printf("client_id=%s\nclient_secret=%s\n", app.client_id, secret);
	explicit_bzero(secret, sizeof(secret));
	return st;
}

static enum status renew_secret(const struct admin *admin, struct err *err)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	char secret[SECRET_APP_BYTES];
	enum status st;

	secret_make_app(secret);
	secret_hash(slice_of(secret), hash);
	st = catalog_app_set_secret(admin->catalog, slice_of(admin->word), hash, err);
	if (st == OK)
		printf("client_secret=%s\n", secret);
	explicit_bzero(secret, sizeof(secret));
	return st;
}

static enum status delete (const struct admin *admin, struct err *err) {
	return admin_remove(admin, catalog_app_delete, err);
}

static enum status list(const struct admin *admin, struct err *err)
{
	static const char *const names[] = {
	    "name", "client_id", "user", "scopes", "certificate", "created"};
	struct catalog_app *apps;
	struct catalog_user user;
	struct table *table = NULL;
	struct arena arena;
	size_t count = 0;
	enum status st;

	arena_init(&arena, 65536);
	st = admin_table(names, 6, &table, err);
	if (st == OK)
		st = catalog_app_list(admin->catalog, &arena, &apps, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		char scopes[AUTH_SCOPES_BYTES], created[ADMIN_TIME_BYTES];

		st = catalog_user_get(admin->catalog, slice_of(apps[i].user_id), &user, err);
		if (st == OK)
			table_add(table, (const struct slice[]){slice_of(apps[i].name),
					     slice_of(apps[i].client_id), slice_of(user.name),
					     slice_of(auth_scopes_format(apps[i].scopes, scopes)),
					     slice_of(apps[i].public_key[0] != '\0' ? "yes" : "no"),
					     slice_of(admin_time(apps[i].created_us, created))});
	}
	if (st == OK)
		st = admin_print(table, err);
	table_destroy(&table);
	arena_fini(&arena);
	return st;
}

int serve_app_main(int argc, char **argv)
{
	static const struct admin_verb verbs[] = {
	    {"create",
		ADMIN_TAKES(ADMIN_CERTIFICATE) | ADMIN_TAKES(ADMIN_SCOPE) |
		    ADMIN_TAKES(ADMIN_USER) | ADMIN_TAKES(ADMIN_CLIENT_ID),
		1, 1, create},
	    {"list", 0, 0, 0, list},
	    {"secret", 0, 1, 1, renew_secret},
	    {"delete", 0, 1, 1, delete},
	};

	return admin_main(argc, argv, verbs, sizeof(verbs) / sizeof(verbs[0]), usage);
}
