/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SERVE_TLS_H
#define SLUICE_SERVE_TLS_H

/* Which certificate the options ask for, and how people are told to trust it.  Private to serve/. */

#include "config/config.h"
#include "http/tls.h"
#include "serve/data_dir.h"

/* What the options ask for, opened; NULL: plain HTTP. */
enum status serve_tls_open(const struct config *config, const struct data_dir *dir,
    struct http_tls **ret_tls, struct err *err) WARN_UNUSED;

/* At SIGHUP: read the files again, and renew a certificate of our own making.  Says in the log what
 * came of it.  ${tls}: NULL for plain HTTP, then it says that there is nothing to read. */
void serve_tls_reload(
    const struct config *config, const struct data_dir *dir, struct http_tls *tls);

/* With --tls-self-signed: tell on standard output how clients come to trust it. */
void serve_tls_announce(const struct config *config, const struct data_dir *dir);

#endif
