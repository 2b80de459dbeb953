/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice config: what the server would be started with, what may be said, and a file to begin with.
 * Nothing here opens the data directory or a socket, so it can run beside a server, or on another
 * machine than it.
 */
#include "serve/serve.h"

#include "config/config.h"
#include "config/manual.h"

#include <stdio.h>
#include <string.h>

static void usage(FILE *out)
{
	fputs("usage: sluice config check [OPTION …]   what sluice serve would make of these "
	      "options\n"
	      "       sluice config print              a config file: every option, explained\n"
	      "       sluice config manual             docs/configuration.md\n"
	      "\n"
	      "check reads the config file, the environment and the options of sluice serve, and "
	      "prints each\n"
	      "value and where it came from, or everything that is wrong (exit 1).  It does not "
	      "touch the data\n"
	      "directory.\n"
	      "\n"
	      "example:\n"
	      "  sluice config print > sluice.conf\n"
	      "  sluice config check --config sluice.conf\n",
	    out);
}

static int check(int argc, char **argv)
{
	struct config_reading reading;
	bool right = config_read(&reading, argc, argv);
	int result = right || reading.help_asked ? 0 : 1;

	if (reading.help_asked)
		usage(stdout);
	else if (right)
		manual_print_reading(&reading, stdout);
	else
		manual_print_problems(&reading, stderr);
	config_reading_fini(&reading);
	return result;
}

/* Was all of it written?  A disk may be full. */
static int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	perror("sluice: write");
	return 1;
}

int serve_config_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int result = 0;

	if (strcmp(verb, "check") == 0) {
		result = check(argc - 2, argv + 2);
	} else if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
		usage(stdout);
	} else if (argc == 2 && strcmp(verb, "print") == 0) {
		manual_print_file(stdout);
	} else if (argc == 2 && strcmp(verb, "manual") == 0) {
		manual_print_document(stdout);
	} else {
		usage(stderr);
		return 1;
	}
	return result != 0 ? result : finish_output();
}
