/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONFIG_OPTION_H
#define SLUICE_CONFIG_OPTION_H

/* options.def as data: a row each, and what can be done with one.  A row of kind OPTION_HEADING
 * has a title and no value; whoever walks the table passes it by. */

#include "base/slice.h"
#include "config/config.h"

#include <stdint.h>

enum option_kind { OPTION_HEADING, OPTION_PATH, OPTION_ADDRESS, OPTION_NUMBER, OPTION_CHOICE };

struct option_row {
	enum option_kind kind;
	const char *name;       /* "idle-timeout"; a heading's title */
	const char *value_name; /* "SECONDS" */
	const char *text;       /* a line, "\n", a paragraph */
	size_t offset;          /* of its member in struct config */
	const char *initial;    /* of all but numbers; NULL: it must be given */
	const char *example;    /* of a path */
	const char *choices;    /* "off|on" */
	int64_t number_initial, min, max;
};

extern const struct option_row option_table[CONFIG_ROW_COUNT];

#define OPTION_TEXT_BYTES 96 /* any text that the functions below write, with its NUL */

/* Check ${value} and store it; false, and nothing is stored, when it is not what
 * option_expected() says.  ${config} borrows the text. */
bool option_set(const struct option_row *row, struct config *config, const char *value) WARN_UNUSED;

/* Store the default; NULL for what must be given. */
void option_set_initial(const struct option_row *row, struct config *config);

/* The value as text, as a config file would have it but for quotes: either borrowed from ${config}
 * and the table, or written to ${room}.  NULL: must be given, and was not. */
const char *option_value(const struct option_row *row, const struct config *config,
    char room[OPTION_TEXT_BYTES]) WARN_UNUSED;

/* What a value must be: "a number from 1 to 64". */
void option_expected(const struct option_row *row, char ret_text[OPTION_TEXT_BYTES]);

/* "SLUICE_IDLE_TIMEOUT" */
void option_environment_name(const struct option_row *row, char ret_name[OPTION_TEXT_BYTES]);

/* The row of that name, or NULL. */
const struct option_row *option_find(struct slice name);

/* The row whose name a slip of the finger or two leads to, or NULL when none is near. */
const struct option_row *option_find_near(struct slice name);

/* Is it one that is off or on?  Its flag may go without a value, and is then on. */
bool option_is_switch(const struct option_row *row);

/* May the config file have it?  Everything but "config" itself. */
bool option_in_file(const struct option_row *row);

#endif
