/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SERVE_ADMIN_H
#define SLUICE_SERVE_ADMIN_H

/*
 * What the commands for apps, users, tokens and keys share: their arguments, the catalog of the
 * data directory, a table.  They open the directory themselves, so they work before the server's
 * first start and beside a running one, which sees their changes at once; whoever may write the
 * directory may use them.  Private to serve/.
 */

#include "base/status.h"
#include "base/table.h"
#include "catalog/access.h"
#include "serve/data_dir.h"

#include <stdbool.h>
#include <stdint.h>

/* The options of all of them; a command takes some. */
enum admin_option {
	ADMIN_DATA,
	ADMIN_NAME,
	ADMIN_SCOPE,
	ADMIN_USER,
	ADMIN_CLIENT_ID,
	ADMIN_CERTIFICATE,
	ADMIN_PASSWORD_FILE,
	ADMIN_EXPIRES,
	ADMIN_APP,
	ADMIN_OPTION_COUNT,
};
#define ADMIN_TAKES(option) (1u << (option))

struct admin;

struct admin_verb {
	const char *name; /* "create" */
	unsigned options; /* ADMIN_TAKES() of those that it takes beside --data */
	int word_max;     /* one word at most: a name */
	int word_min;
	enum status (*run)(const struct admin *admin, struct err *err);
};

struct admin {
	const char *values[ADMIN_OPTION_COUNT]; /* NULL: not given */
	const char *word;                       /* NULL: not given */
	struct data_dir dir;
	struct catalog *catalog;
};

/* Run "sluice NOUN VERB …": ${argv}[0] is the noun.  ${usage} is printed for --help, and when the
 * arguments make no command.  Returns the exit status. */
int admin_main(
    int argc, char **argv, const struct admin_verb *verbs, size_t verb_count, const char *usage);

/* A name of an app, a user or a token: 1 to 80 bytes, none of them a control character. */
enum status admin_check_name(const char *what, const char *name, struct err *err) WARN_UNUSED;

/* A moment for a table: "2026-11-24 03:04:05Z"; "" for 0. */
#define ADMIN_TIME_BYTES 32
const char *admin_time(int64_t time_us, char ret_text[ADMIN_TIME_BYTES]);

/* Remove what has the name ${admin}->word, and give each token that went with it its line in the
 * audit. */
typedef enum status admin_remove_fn(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
enum status admin_remove(
    const struct admin *admin, admin_remove_fn *remove, struct err *err) WARN_UNUSED;

/* A table of these columns, which the caller fills, prints and destroys. */
enum status admin_table(
    const char *const *names, size_t count, struct table **ret_table, struct err *err) WARN_UNUSED;
enum status admin_print(struct table *table, struct err *err) WARN_UNUSED;

#endif
