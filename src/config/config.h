/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

/* The options of the server, made of options.def: a flag wins over the environment, which wins
 * over the config file, which wins over the default. */

#include "base/arena.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct config {
#define OPTION_GROUP(id, title)
#define PATH_OPTION(member, name, value, initial, example, text)    const char *member;
#define ADDRESS_OPTION(member, name, value, initial, text)          const char *member;
#define NUMBER_OPTION(member, name, value, initial, min, max, text) int64_t member;
#define CHOICE_OPTION(member, name, value, initial, choices, text)  int member;
#include "config/options.def"
};

/* The place of each row of options.def in option_table (option.h). */
enum config_row {
#define OPTION_GROUP(id, title)                                     CONFIG_ROW_group_##id,
#define PATH_OPTION(member, name, value, initial, example, text)    CONFIG_ROW_##member,
#define ADDRESS_OPTION(member, name, value, initial, text)          CONFIG_ROW_##member,
#define NUMBER_OPTION(member, name, value, initial, min, max, text) CONFIG_ROW_##member,
#define CHOICE_OPTION(member, name, value, initial, choices, text)  CONFIG_ROW_##member,
#include "config/options.def"
	CONFIG_ROW_COUNT
};

/* In the order in which one wins over those before it. */
enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

#define CONFIG_PROBLEMS_MAX 20 /* kept with their text; what is more is counted */

/*
 * What one reading of all sources found.  A mistake does not end the reading: all are told at once.
 *
 *	config_read(&reading, argc, argv);	whatever it returns,
 *	config_reading_fini(&reading);		gives back what it took
 *
 * Texts of ${values} are borrowed from the arguments, the environment, and the reading itself.
 */
struct config_reading {
	struct config values; /* whole when config_read() returned true */
	struct {
		enum config_source source;
		const char *name; /* "default", "flag", "SLUICE_WORKERS", "sluice.conf:3" */
	} origins[CONFIG_ROW_COUNT];
	bool help_asked; /* --help: nothing else was looked at */
	size_t problem_count;
	struct err problems[CONFIG_PROBLEMS_MAX]; /* each names the option, its value, what would
						   * be right */
	struct arena arena;
};

/* Read the config file, the environment and ${argv} (the arguments after the command word).  True
 * when every value is there and right.  Blocks on the config file; touches nothing else, the data
 * directory least of all. */
bool config_read(struct config_reading *reading, int argc, char **argv) WARN_UNUSED;
void config_reading_fini(struct config_reading *reading);

#define CONFIG_HOST_BYTES 64 /* an address without its port, with its NUL */

/* "127.0.0.1:8080" or "[::1]:8080" into its two halves; false, and both untouched, when ${address}
 * is neither. */
bool config_split_address(
    const char *address, char ret_host[CONFIG_HOST_BYTES], uint16_t *ret_port) WARN_UNUSED;

#endif
