/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_FILE_H
#define SLUICE_BASE_FILE_H

/*
 * Small files that are there whole or not at all: keys, certificates.
 *
 * Blocks on the disk.  Any thread; who writes one path at a time is the caller's to see to.
 */

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <sys/types.h>

/* Make a folder, for its owner alone, when it is not there; its name is durable when it returns
 * OK. */
enum status file_make_folder(const char *path, struct err *err) WARN_UNUSED;

/* Wait until no other process, nor another caller in this one, has the folder's lock, and have it
 * until ${ret_fd} is closed or the process ends. */
enum status file_lock_folder(const char *path, int *ret_fd, struct err *err) WARN_UNUSED;

/* Put a whole file at the end of ${ret_bytes}.  E_NOT_FOUND; E_LIMIT: it is longer than ${most}
 * bytes. */
enum status file_read(
    const char *path, size_t most, struct buffer *ret_bytes, struct err *err) WARN_UNUSED;

/* The same from what is open already, such as standard input, up to its end; ${path} is for
 * messages. */
enum status file_read_open(int fd, const char *path, size_t most, struct buffer *ret_bytes,
    struct err *err) WARN_UNUSED;

/* Make or replace a file: it is durable, and has ${mode}, when it returns OK.  Whatever fails, and
 * whenever the process ends, under its name is what there was before or all of ${bytes}; beside it
 * "NAME.new" may be left, which the next call replaces. */
enum status file_replace(
    const char *path, struct slice bytes, mode_t mode, struct err *err) WARN_UNUSED;

#endif
