/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONFIG_MANUAL_H
#define SLUICE_CONFIG_MANUAL_H

/* What people read about the options, all of it made from options.def. */

#include "config/config.h"

#include <stdio.h>

/* For --help: two lines an option. */
void manual_print_help(FILE *out);

/* A config file with every option at its default, and what it is for.  Reading it changes nothing,
 * but that "data", which has no default, is given. */
void manual_print_file(FILE *out);

/* docs/configuration.md */
void manual_print_document(FILE *out);

/* The values of a reading without problems and where each came from, as a config file. */
void manual_print_reading(const struct config_reading *reading, FILE *out);

/* The problems of a reading, a line each with "sluice: " in front. */
void manual_print_problems(const struct config_reading *reading, FILE *out);

#endif
