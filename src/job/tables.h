/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOB_TABLES_H
#define SLUICE_JOB_TABLES_H

/*
 * The lake's tables follow the catalog's streams.  The catalog is changed first and says
 * what is to be done; these do it, now or, after a crash in between, at the next start.
 * Doing it again changes nothing.
 */

#include "catalog/catalog.h"
#include "journal/journal.h"
#include "lake/lake.h"

/* Give each stream (of ${connector}, or of all when it is empty) its table, with all columns that
 * its object has now. */
enum status tables_ensure(struct catalog *catalog, struct lake *lake, struct slice connector,
    struct err *err) WARN_UNUSED;

/* What tables_drop() works on; all borrowed. */
struct tables_service {
	struct catalog *catalog;
	struct lake *lake;
	struct journal *journal;
	/* The stream of this log is gone: returns when nobody works on it any more.  NULL: nobody
	 * does. */
	void (*forget)(void *ctx, const char *journal);
	void *forget_ctx;
};

/* Drop the tables that the catalog remembers as dropped (of ${connector}, or all) and the logs of
 * their streams, and let it forget them. */
enum status tables_drop(
    const struct tables_service *service, struct slice connector, struct err *err) WARN_UNUSED;

#endif
