/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONFIG_CONFIG_FILE_H
#define SLUICE_CONFIG_CONFIG_FILE_H

/*
 * The form of a config file, without any knowledge of options:
 *
 *	# a comment
 *	idle-timeout = 60	# another
 *	data = "/srv/what # ever"
 *
 * A line is "name = value", a comment, or blank; blanks around name and value do not count.
 * Quotes, double or single, keep blanks and # in a value; there are no escapes in them.  Lines may
 * end in CR LF; a byte order mark before the first is skipped.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_FILE_BYTES_MAX ((size_t)256 * 1024) /* twenty times what "config print" writes */
#define CONFIG_LINE_BYTES_MAX ((size_t)1024)       /* a path and a comment */

/* The caller's storage; ${text} must stay as long as what config_file_next() lends. */
struct config_file {
	struct slice rest;
	size_t line;
};

struct config_line {
	size_t number;            /* from 1 */
	const char *problem;      /* what is wrong with the line and what would be right, or NULL */
	struct slice name, value; /* views of the text, when there is no problem */
};

void config_file_begin(struct config_file *file, struct slice text);

/* The next line that says something, or has a problem; false when there is none. */
bool config_file_next(struct config_file *file, struct config_line *ret_line) WARN_UNUSED;

/* The quotes that ${value} needs so that a line gives it back as it is: '\0' for none.  For a value
 * that has both kinds inside and needs some, '"', though it cannot be said in a file. */
char config_file_quote(struct slice value);

#endif
