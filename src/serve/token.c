/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice token: tokens for those who need no login, and the list of all, those of logins too.  What
 * is printed of a token is never the token, but for the one time at which it is made.
 */
#include "serve/serve.h"

#include "auth/audit.h"
#include "auth/auth.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "serve/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: sluice token create --data DIR --name NAME --scope SCOPES [--expires TIME]\n"
    "       sluice token list --data DIR\n"
    "       sluice token revoke NAME|ID --data DIR\n"
    "       sluice token revoke --app NAME --data DIR\n"
    "\n"
    "create makes a token and prints it.  It is shown this once; only its hash is kept.\n"
    "list shows all tokens, those of logins too; revoke ends one, and all that came of it, or all\n"
    "of an app.  A token of a login has an id and no name.  Works while the server runs.\n"
    "\n"
    "  --data DIR      the server's data directory\n"
    "  --name NAME     what to call the token, different from all others\n"
    "  --scope SCOPES  any of, separated by commas:\n"
    "                    cdp_ingest_api   jobs and uploads\n"
    "                    cdp_query_api    SQL\n"
    "                    api              connectors and streams\n"
    "  --expires TIME  how long it is good: 30m, 12h, 90d; default: until it is revoked\n"
    "\n"
    "example:\n"
    "  export SLUICE_TOKEN=$(sluice token create --data ./data --name me \\\n"
    "      --scope cdp_ingest_api,cdp_query_api,api)\n";

/* "90d" as microseconds from now. */
static enum status read_expiry(const char *text, int64_t *ret_expires_us, struct err *err)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	/* A hundred years in minutes has eight. */
	int64_t number = digits > 0 && digits <= 8 ? strtoll(text, NULL, 10) : 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (number == 0 || text[digits] != units[i].unit || text[digits + 1] != '\0')
			continue;
		if (number * units[i].seconds > INT64_C(36500) * 86400)
			break;
		*ret_expires_us = clock_now_us() + number * units[i].seconds * 1000000;
		return OK;
	}
	return err_set(err, E_INVALID,
	    "--expires is \"%s\"; it must be a number of minutes, hours or days, a hundred years "
	    "at "
	    "most, such as 30m, 12h or 90d",
	    text);
}

/* It has its line in the audit, like those of logins. */
static enum status tell_made(struct catalog *catalog, const char *text, struct err *err)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token token;
	enum status st;

	secret_hash(slice_of(text), hash);
	st = catalog_token_find(catalog, hash, &token, err);
	if (st == OK)
		audit_made(&token, "command", "-");
	return st;
}

/* A word of digits is an id and never a name: create takes no such name, and one that is older has
 * an id as well. */
static bool is_number(const char *word)
{
	return word[strspn(word, "0123456789")] == '\0';
}

static enum status create(const struct admin *admin, struct err *err)
{
	const char *const *values = admin->values;
	char text[AUTH_TOKEN_TEXT_BYTES];
	int64_t expires_us = 0;
	unsigned scopes = 0;
	enum status st;

	if (values[ADMIN_NAME] == NULL || values[ADMIN_SCOPE] == NULL)
		return err_set(err, E_INVALID,
		    "--name and --scope must be given; see sluice token "
		    "--help");
	st = admin_check_name("a token", values[ADMIN_NAME], err);
	if (st == OK && is_number(values[ADMIN_NAME]))
		st = err_set(err, E_INVALID,
		    "the name of a token has something else than digits: revoke takes a number "
		    "for an id");
	if (st == OK)
		st = auth_scopes_parse(slice_of(values[ADMIN_SCOPE]), &scopes, err);
	if (st == OK && values[ADMIN_EXPIRES] != NULL)
		st = read_expiry(values[ADMIN_EXPIRES], &expires_us, err);
	if (st == OK)
		st = auth_token_create(
		    admin->catalog, values[ADMIN_NAME], scopes, expires_us, text, err);
	if (st == OK)
		st = tell_made(admin->catalog, text, err);
	if (st == OK)
		puts(text);
	explicit_bzero(text, sizeof(text));
	return st;
}

/* --- List ------------------------------------------------------------------------------------- */

static void add_row(struct table *table, const struct catalog_token *token, int64_t now_us)
{
	char id[24], scopes[AUTH_SCOPES_BYTES], created[ADMIN_TIME_BYTES],
	    expires[ADMIN_TIME_BYTES + 8], used[ADMIN_TIME_BYTES];

	snprintf(id, sizeof(id), "%" PRId64, token->id);
	admin_time(token->expires_us, expires);
	if (auth_has_ended(token, now_us))
		strcat(expires, " ended");
	table_add(
	    table, (const struct slice[]){slice_of(id), slice_of(audit_kind_name(token->kind)),
		       slice_of(token->name), slice_of(token->user_name),
		       slice_of(auth_scopes_format(token->scopes, scopes)),
		       slice_of(admin_time(token->created_us, created)), slice_of(expires),
		       slice_of(admin_time(token->used_us, used))});
}

static enum status list(const struct admin *admin, struct err *err)
{
	static const char *const names[] = {
	    "id", "kind", "name or app", "user", "scopes", "created", "expires", "first used"};
	struct catalog_token *tokens;
	struct table *table = NULL;
	struct arena arena;
	size_t count = 0;
	enum status st;

	arena_init(&arena, 65536);
	st = admin_table(names, 8, &table, err);
	if (st == OK)
		st = catalog_token_list(admin->catalog, &arena, &tokens, &count, err);
	for (size_t i = 0; st == OK && i < count; i++)
		add_row(table, &tokens[i], clock_now_us());
	if (st == OK)
		st = admin_print(table, err);
	table_destroy(&table);
	arena_fini(&arena);
	return st;
}

/* --- Revoke ----------------------------------------------------------------------------------- */

static bool is_meant(const struct catalog_token *token, const char *word, const char *app)
{
	char id[24];

	if (app != NULL)
		return token->kind != TOKEN_STATIC && slice_is_nocase(slice_of(token->name), app);
	snprintf(id, sizeof(id), "%" PRId64, token->id);
	return is_number(word) ? strcmp(word, id) == 0
			       : token->kind == TOKEN_STATIC && strcmp(word, token->name) == 0;
}

static enum status revoke(const struct admin *admin, struct err *err)
{
	const char *word = admin->word, *app = admin->values[ADMIN_APP];
	struct catalog_token *tokens;
	size_t count = 0, gone, total = 0;
	struct arena arena;
	enum status st;

	if ((word == NULL) == (app == NULL))
		return err_set(err, E_INVALID,
		    "revoke takes the name or id of a token, or --app and the name of an app");
	arena_init(&arena, 65536);
	st = catalog_token_list(admin->catalog, &arena, &tokens, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		if (!is_meant(&tokens[i], word, app))
			continue;
		st = catalog_token_revoke(admin->catalog, tokens[i].id, &gone, err);
		if (st == E_NOT_FOUND) {
			st = OK; /* it came of one that went before */
			continue;
		}
		if (st == OK) {
			audit_revoked(&tokens[i], gone, "command");
			total += gone;
		}
	}
	if (st == OK && total == 0)
		st = app != NULL ? err_set(err, E_NOT_FOUND, "the app \"%s\" has no token", app)
				 : err_set(err, E_NOT_FOUND,
				       "there is no token \"%s\"; see sluice token list", word);
	if (st == OK)
		printf("%zu %s revoked\n", total, total == 1 ? "token" : "tokens");
	arena_fini(&arena);
	return st;
}

int serve_token_main(int argc, char **argv)
{
	static const struct admin_verb verbs[] = {
	    {"create",
		ADMIN_TAKES(ADMIN_NAME) | ADMIN_TAKES(ADMIN_SCOPE) | ADMIN_TAKES(ADMIN_EXPIRES), 0,
		0, create},
	    {"list", 0, 0, 0, list},
	    {"revoke", ADMIN_TAKES(ADMIN_APP), 1, 0, revoke},
	};

	return admin_main(argc, argv, verbs, sizeof(verbs) / sizeof(verbs[0]), usage);
}
