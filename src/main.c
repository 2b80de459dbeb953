/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the subcommand: those of serve/ work on a data directory, those of cli/ ask a server. */
#include "cli/cli.h"
#include "serve/serve.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void usage(FILE *out)
{
	fputs("usage: sluice COMMAND [ARGUMENT …]\n"
	      "\n"
	      "The server and its data directory:\n"
	      "  serve --data DIR        run the server\n"
	      "  app create NAME         make a client id and secret, for programs that log in\n"
	      "  app list | secret | delete\n"
	      "  user create NAME        make a user, for logins of a person\n"
	      "  user list | password | delete\n"
	      "  token create            make a token, printed once, for who needs no login\n"
	      "  token list | revoke     all tokens, those of logins too\n"
	      "  key rotate | list       the keys that sign tenant tokens\n"
	      "  config check            what the server would be started with; print: a file to "
	      "begin with\n"
	      "\n",
	    out);
	cli_usage(out);
	fputs("\nsluice COMMAND --help tells more of each.\n", out);
}

int main(int argc, char **argv)
{
	/* What is made here is for its owner alone; some files are made by
	 * libraries, which do not ask. */
	umask(077);
	if (argc < 2) {
		usage(stderr);
		return 1;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("sluice " SLUICE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "serve") == 0)
		return serve_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "app") == 0)
		return serve_app_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "user") == 0)
		return serve_user_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "key") == 0)
		return serve_key_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "token") == 0)
		return serve_token_main(argc - 1, argv + 1);
	if (strcmp(argv[1], "config") == 0)
		return serve_config_main(argc - 1, argv + 1);
	return cli_main(argc - 1, argv + 1);
}
