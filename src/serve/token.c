/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice token create: makes a token in a data directory and prints it, once.  It opens the catalog
 * directly, so it works before the server's first start and beside a running one; whoever may write
 * the directory may make tokens.
 */
#include "serve/serve.h"

#include "auth/auth.h"
#include "catalog/catalog_sqlite.h"
#include "serve/data_dir.h"

#include <getopt.h>
#include <stdio.h>

static void usage(FILE *out)
{
	fputs("usage: sluice token create --data DIR --name NAME --scope SCOPES\n"
	      "\n"
	      "Makes a token and prints it.  It is shown this once; only its hash is kept.\n"
	      "Works while the server runs.\n"
	      "\n"
	      "  --data DIR      the server's data directory\n"
	      "  --name NAME     what to call the token, different from all others\n"
	      "  --scope SCOPES  any of, separated by commas:\n"
	      "                    cdp_ingest_api   jobs and uploads\n"
	      "                    cdp_query_api    SQL\n"
	      "                    api              connectors and streams\n"
	      "\n"
	      "example:\n"
	      "  export SLUICE_TOKEN=$(sluice token create --data ./data --name me \\\n"
	      "      --scope cdp_ingest_api,cdp_query_api,api)\n",
	    out);
}

static int create(const char *data, const char *name, const char *scope_text)
{
	struct data_dir dir = {.lock_fd = -1};
	struct catalog *catalog = NULL;
	char text[AUTH_TOKEN_TEXT_BYTES];
	unsigned scopes = 0;
	struct err err = {{0}};
	enum status st = auth_scopes_parse(slice_of(scope_text), &scopes, &err);

	if (st == OK)
		st = data_dir_open(data, &dir, &err);
	if (st == OK)
		st = catalog_sqlite_open(dir.catalog, &catalog, &err);
	if (st == OK)
		st = auth_token_create(catalog, name, scopes, text, &err);
	catalog_close(&catalog);
	data_dir_close(&dir);
	if (st != OK) {
		fprintf(stderr, "sluice: %s\n", err.text);
		return 1;
	}
	puts(text);
	return 0;
}

int serve_token_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"data", required_argument, NULL, 'd'},
	    {"name", required_argument, NULL, 'n'},
	    {"scope", required_argument, NULL, 's'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	const char *data = NULL, *name = NULL, *scope = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			data = optarg;
			break;
		case 'n':
			name = optarg;
			break;
		case 's':
			scope = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 1;
		}
	}
	if (optind + 1 != argc || !slice_is(slice_of(argv[optind]), "create") || data == NULL ||
	    name == NULL || scope == NULL) {
		usage(stderr);
		return 1;
	}
	if (name[0] == '\0' || slice_of(name).len >= CATALOG_TOKEN_NAME_BYTES) {
		fprintf(stderr, "sluice: a token's name has 1 to %d characters\n",
		    CATALOG_TOKEN_NAME_BYTES - 1);
		return 1;
	}
	return create(data, name, scope);
}
