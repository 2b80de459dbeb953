/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands for apps, users, tokens and keys share: see admin.h. */
#include "serve/admin.h"

#include "auth/audit.h"
#include "base/clock.h"
#include "base/term.h"
#include "catalog/catalog_sqlite.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const option_names[ADMIN_OPTION_COUNT] = {
    [ADMIN_DATA] = "data",
    [ADMIN_NAME] = "name",
    [ADMIN_SCOPE] = "scope",
    [ADMIN_USER] = "user",
    [ADMIN_CLIENT_ID] = "client-id",
    [ADMIN_CERTIFICATE] = "certificate",
    [ADMIN_PASSWORD_FILE] = "password-file",
    [ADMIN_EXPIRES] = "expires",
    [ADMIN_APP] = "app",
};

/* getopt's numbers for them, away from all characters. */
#define OPTION_BASE 1000

/* Fills in ${admin}; false when it is not what ${verb} takes, which is told. */
static bool read_arguments(
    int argc, char **argv, const struct admin_verb *verb, struct admin *admin)
{
	struct option options[ADMIN_OPTION_COUNT + 1] = {{0}};
	size_t count = 0;
	int c, words;

	for (int i = 0; i < ADMIN_OPTION_COUNT; i++) {
		if (i == ADMIN_DATA || (verb->options & ADMIN_TAKES(i)) != 0)
			options[count++] = (struct option){
			    option_names[i], required_argument, NULL, OPTION_BASE + i};
	}
	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c < OPTION_BASE)
			return false; /* getopt has said what is wrong */
		admin->values[c - OPTION_BASE] = optarg;
	}
	words = argc - optind;
	if (words < verb->word_min || words > verb->word_max) {
		fprintf(stderr, "sluice: %s takes %s\n", verb->name,
		    verb->word_max == 0 ? "no name" : "one name");
		return false;
	}
	admin->word = words == 0 ? NULL : argv[optind];
	if (admin->values[ADMIN_DATA] == NULL) {
		fprintf(stderr, "sluice: --data DIR must be given\n");
		return false;
	}
	return true;
}

static enum status run(const struct admin_verb *verb, struct admin *admin, struct err *err)
{
	enum status st = data_dir_open(admin->values[ADMIN_DATA], &admin->dir, err);

	if (st == OK)
		st = catalog_sqlite_open(admin->dir.catalog, &admin->catalog, err);
	if (st == OK)
		st = verb->run(admin, err);
	catalog_close(&admin->catalog);
	data_dir_close(&admin->dir);
	return st;
}

int admin_main(
    int argc, char **argv, const struct admin_verb *verbs, size_t verb_count, const char *usage)
{
	struct admin admin = {.dir = {.lock_fd = -1}};
	const struct admin_verb *verb = NULL;
	struct err err = {{0}};

	term_start();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		}
	}
	for (size_t i = 0; argc > 1 && i < verb_count; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			verb = &verbs[i];
	}
	if (verb == NULL || !read_arguments(argc - 1, argv + 1, verb, &admin)) {
		fputs(usage, stderr);
		return 1;
	}
	if (run(verb, &admin, &err) != OK) {
		fprintf(stderr, "sluice: %s\n", err.text);
		return 1;
	}
	return 0;
}

enum status admin_check_name(const char *what, const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= CATALOG_TOKEN_NAME_BYTES)
		return err_set(err, E_INVALID, "the name of %s has 1 to %d bytes", what,
		    CATALOG_TOKEN_NAME_BYTES - 1);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return err_set(
			    err, E_INVALID, "the name of %s holds a control character", what);
	}
	return OK;
}

const char *admin_time(int64_t time_us, char ret_text[ADMIN_TIME_BYTES])
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm tm;

	ret_text[0] = '\0';
	if (time_us != 0 && gmtime_r(&seconds, &tm) != NULL)
		strftime(ret_text, ADMIN_TIME_BYTES, "%Y-%m-%d %H:%M:%SZ", &tm);
	return ret_text;
}

enum status admin_remove(const struct admin *admin, admin_remove_fn *remove, struct err *err)
{
	struct catalog_token *tokens = NULL;
	struct arena arena;
	size_t count = 0;
	enum status st;

	arena_init(&arena, 65536);
	st = remove(admin->catalog, slice_of(admin->word), &arena, &tokens, &count, err);
	for (size_t i = 0; st == OK && i < count; i++)
		audit_revoked(&tokens[i], 1, "command");
	arena_fini(&arena);
	return st;
}

enum status admin_table(
    const char *const *names, size_t count, struct table **ret_table, struct err *err)
{
	enum status st = table_create(count, ret_table, err);

	for (size_t i = 0; st == OK && i < count; i++)
		table_set_column(*ret_table, i, slice_of(names[i]), TABLE_LEFT);
	return st;
}

enum status admin_print(struct table *table, struct err *err)
{
	return table_print(table, term_is_terminal(stdout), stdout, err);
}
