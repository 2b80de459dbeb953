/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice user: those as whom apps may act.  A password is only for the password grant, which is off
 * unless the server is told otherwise; it comes from a file or a pipe and never from the command
 * line, where everybody on the machine could read it.
 */
#include "serve/serve.h"

#include "auth/secret.h"
#include "base/file.h"
#include "serve/admin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: sluice user create NAME --data DIR [--password-file FILE]\n"
    "       sluice user list --data DIR\n"
    "       sluice user password NAME --data DIR --password-file FILE\n"
    "       sluice user delete NAME --data DIR\n"
    "\n"
    "A user is as whom a program acts: the \"sub\" of an assertion, the name that jobs are "
    "created\n"
    "by.  delete takes all tokens of the user along.  Works while the server runs.\n"
    "\n"
    "  --data DIR            the server's data directory\n"
    "  --password-file FILE  its first line is the password; - is standard input.  Only logins by\n"
    "                        password need one (sluice serve --password-grant)\n"
    "\n"
    "example:\n"
    "  sluice user create ann@example.com --data ./data\n";

#define PASSWORD_BYTES_MAX 1024
#define PASSWORD_BYTES_MIN 8

/* The first line of a file, hashed. */
static enum status read_password(
    const char *path, char ret_text[CATALOG_PASSWORD_BYTES], struct err *err)
{
	struct slice line;
	struct buffer text;
	const char *end;
	enum status st;

	buffer_init(&text, PASSWORD_BYTES_MAX);
	st = strcmp(path, "-") == 0
		 ? file_read_open(STDIN_FILENO, path, PASSWORD_BYTES_MAX, &text, err)
		 : file_read(path, PASSWORD_BYTES_MAX, &text, err);
	line = buffer_slice(&text);
	end = line.len == 0 ? NULL : memchr(line.ptr, '\n', line.len);
	if (end != NULL)
		line.len = (size_t)(end - line.ptr);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (st == OK && line.len < PASSWORD_BYTES_MIN)
		st = err_set(err, E_INVALID,
		    "the first line of %s is the password; it must have "
		    "%d bytes at least",
		    path, PASSWORD_BYTES_MIN);
	if (st == OK)
		st = secret_hash_password(line, ret_text, err);
	if (text.ptr != NULL)
		explicit_bzero(text.ptr, text.len);
	buffer_fini(&text);
	return st;
}

static enum status create(const struct admin *admin, struct err *err)
{
	struct catalog_user user = {.password = ""};
	enum status st = admin_check_name("a user", admin->word, err);

	if (st == OK && admin->values[ADMIN_PASSWORD_FILE] != NULL)
		st = read_password(admin->values[ADMIN_PASSWORD_FILE], user.password, err);
	if (st != OK)
		return st;
	snprintf(user.name, sizeof(user.name), "%s", admin->word);
	st = catalog_user_add(admin->catalog, &user, err);
	if (st == OK)
		printf("user %s: %s\n", user.name, user.id);
	return st;
}

static enum status set_password(const struct admin *admin, struct err *err)
{
	char text[CATALOG_PASSWORD_BYTES];
	enum status st;

	if (admin->values[ADMIN_PASSWORD_FILE] == NULL)
		return err_set(err, E_INVALID,
		    "--password-file FILE must be given; - reads it from standard input");
	st = read_password(admin->values[ADMIN_PASSWORD_FILE], text, err);
	if (st == OK)
		st = catalog_user_set_password(admin->catalog, slice_of(admin->word), text, err);
	return st;
}

static enum status delete (const struct admin *admin, struct err *err) {
	return admin_remove(admin, catalog_user_delete, err);
}

static enum status list(const struct admin *admin, struct err *err)
{
	static const char *const names[] = {"name", "id", "password", "created"};
	struct catalog_user *users;
	struct table *table = NULL;
	struct arena arena;
	size_t count = 0;
	enum status st;

	arena_init(&arena, 65536);
	st = admin_table(names, 4, &table, err);
	if (st == OK)
		st = catalog_user_list(admin->catalog, &arena, &users, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		char created[ADMIN_TIME_BYTES];

		table_add(
		    table, (const struct slice[]){slice_of(users[i].name), slice_of(users[i].id),
			       slice_of(users[i].password[0] != '\0' ? "yes" : "no"),
			       slice_of(admin_time(users[i].created_us, created))});
	}
	if (st == OK)
		st = admin_print(table, err);
	table_destroy(&table);
	arena_fini(&arena);
	return st;
}

int serve_user_main(int argc, char **argv)
{
	static const struct admin_verb verbs[] = {
	    {"create", ADMIN_TAKES(ADMIN_PASSWORD_FILE), 1, 1, create},
	    {"list", 0, 0, 0, list},
	    {"password", ADMIN_TAKES(ADMIN_PASSWORD_FILE), 1, 1, set_password},
	    {"delete", 0, 1, 1, delete},
	};

	return admin_main(argc, argv, verbs, sizeof(verbs) / sizeof(verbs[0]), usage);
}
