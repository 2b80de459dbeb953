/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

/* The options of the server, made of options.def: a flag wins over the environment,
 * which wins over the default. */

#include "base/status.h"

#include <stdint.h>
#include <stdio.h>

struct config {
#define TEXT_OPTION(member, flag, value, initial, text)             const char *member;
#define NUMBER_OPTION(member, flag, value, initial, min, max, text) int64_t member;
#define CHOICE_OPTION(member, flag, value, initial, choices, text)  int member;
#include "config/options.def"
#undef TEXT_OPTION
#undef NUMBER_OPTION
#undef CHOICE_OPTION
};

/* Read the environment and ${argv} (the arguments after the command word).  Texts are
 * borrowed from both.  E_INVALID: names the option, its value, and what would be right.
 * E_CANCELLED: --help was asked for. */
enum status config_read(
    struct config *ret_config, int argc, char **argv, struct err *err) WARN_UNUSED;

/* A line or two for each option. */
void config_help(FILE *out);

#endif
