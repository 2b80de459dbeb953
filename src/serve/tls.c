/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate the options ask for: see tls.h. */
#include "serve/tls.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static bool has_given(const struct config *config)
{
	return config->tls_cert[0] != '\0';
}

enum status serve_tls_open(const struct config *config, const struct data_dir *dir,
    struct http_tls **ret_tls, struct err *err)
{
	struct http_tls_local local;
	enum status st;

	*ret_tls = NULL;
	if (has_given(config))
		return http_tls_open(config->tls_cert, config->tls_key, ret_tls, err);
	if (!config->tls_self_signed)
		return OK;
	st = http_tls_local_make(dir->tls, clock_now_us(), &local, err);
	return st == OK ? http_tls_open(local.certificate, local.key, ret_tls, err) : st;
}

void serve_tls_reload(const struct config *config, const struct data_dir *dir, struct http_tls *tls)
{
	struct http_tls_local local;
	struct err err = {{0}};
	enum status st = OK;

	if (tls == NULL) {
		log_event(LOG_LEVEL_INFO, "tls.nothing_to_reload", "%s", "");
		return;
	}
	if (!has_given(config))
		st = http_tls_local_make(dir->tls, clock_now_us(), &local, &err);
	if (st == OK)
		st = http_tls_reload(tls, &err);
	if (st == OK)
		log_event(LOG_LEVEL_INFO, "tls.reloaded", "%s", "");
	else
		log_event(LOG_LEVEL_ERROR, "tls.reload_failed", "error=\"%s\"", err.text);
}

void serve_tls_announce(const struct config *config, const struct data_dir *dir)
{
	static const char *const lines[][2] = {
	    {"export NODE_EXTRA_CA_CERTS=", "   # Node.js, sf"},
	    {"export REQUESTS_CA_BUNDLE=", "    # Python requests"},
	    {"export SSL_CERT_FILE=", "         # OpenSSL, Python, Go"},
	    {"curl --cacert ", " …"},
	    {"sluice … --ca-file ", ""},
	    {"keytool -importcert -noprompt -cacerts -storepass changeit -alias sluice -file ",
		"   # Java"},
	};
	char *folder;

	if (has_given(config) || !config->tls_self_signed)
		return;
	/* Clients run elsewhere. */
	folder = realpath(dir->tls, NULL);
	printf("\nIts certificate is by an authority of its own, which can vouch for this machine "
	       "alone.\nTo have a client trust it:\n");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		printf("  %s%s/ca.pem%s\n", lines[i][0], folder == NULL ? dir->tls : folder,
		    lines[i][1]);
	free(folder);
}
