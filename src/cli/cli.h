/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

/*
 * The commands a person types at a server that runs: `sluice load`, `sluice query` and so on.  They
 * speak the public HTTP API and nothing else, so what they can do any client can do.
 */

#include <stdbool.h>
#include <stdio.h>

/* Is ${word} the first word of a command of ours? */
bool cli_has(const char *word);

/* Run the command in ${argv}, of which the first is the command's word ("load", "jobs"), and return
 * the exit status of the process: 0 done, 1 wrong usage or an error, which is then on standard
 * error.  `load` has more: see its --help.  Call it once and from the only thread: it sets the
 * locale, parses with getopt and may catch signals. */
int cli_main(int argc, char **argv);

/* List the commands, one a line. */
void cli_usage(FILE *out);

#endif
