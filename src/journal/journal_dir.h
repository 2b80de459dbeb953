/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOURNAL_JOURNAL_DIR_H
#define SLUICE_JOURNAL_JOURNAL_DIR_H

/* The journal in a directory: see journal.h for all but its opening. */

#include "journal/journal.h"

struct journal_dir_options {
	const char *path;      /* made (0700) when it is not there; borrowed for the call */
	int64_t log_bytes_max; /* that one log may hold beyond its begin */
	int64_t bytes_max;     /* that all logs may hold beyond their begins */
};

/* The logs that are there are found, not read: each is opened when it is first used.  E_IO. */
enum status journal_dir_open(const struct journal_dir_options *options,
    struct journal **ret_journal, struct err *err) WARN_UNUSED;

#endif
