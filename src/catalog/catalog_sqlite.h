/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_CATALOG_SQLITE_H
#define SLUICE_CATALOG_CATALOG_SQLITE_H

#include "catalog/catalog.h"

/* The catalog in one SQLite file ${path}, which is made when it is not there.  Several processes
 * may have it open: that is how a token is made beside a running server.  The caller closes with
 * catalog_close. */
enum status catalog_sqlite_open(
    const char *path, struct catalog **ret_catalog, struct err *err) WARN_UNUSED;

#endif
