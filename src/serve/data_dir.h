/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SERVE_DATA_DIR_H
#define SLUICE_SERVE_DATA_DIR_H

/* The data directory: what is where in it (docs/DESIGN.md), and who owns it. */

#include "base/status.h"

#include <limits.h>

struct data_dir {
	char catalog[PATH_MAX];
	char lake[PATH_MAX];
	char blobs[PATH_MAX];
	char journal[PATH_MAX];
	char temp[PATH_MAX];
	char results[PATH_MAX];
	char keys[PATH_MAX];
	char tls[PATH_MAX];
	int lock_fd; /* -1: not owned */
};

/* Make the directory, for us alone, when it is not there, and fill in the paths.  Does not take
 * ownership: a token may be made beside a running server.  E_IO, E_INVALID (too long a path). */
enum status data_dir_open(const char *path, struct data_dir *ret_dir, struct err *err) WARN_UNUSED;

/* Become its one server.  E_BUSY: another process is; the text names it. */
enum status data_dir_own(struct data_dir *dir, struct err *err) WARN_UNUSED;

/* Give ownership up, if it is ours. */
void data_dir_close(struct data_dir *dir);

#endif
