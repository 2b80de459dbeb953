/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_TERM_H
#define SLUICE_BASE_TERM_H

/*
 * Text for a terminal: how wide it is, and nothing in it that the terminal would obey.  What comes
 * from a server or a file may hold control characters; printed as they are they could move the
 * cursor or worse.
 */

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Take the user's locale for the widths of characters, and a UTF-8 one when theirs is none.  Once,
 * before the rest. */
void term_start(void);

/* Is it a terminal that understands more than lines? */
bool term_is_terminal(FILE *file);

/* Append ${text} with control characters spelled out ("\n", "\x1b") and
 * what is no UTF-8 as U+FFFD. */
void term_clean(struct buffer *out, struct slice text);

/* Print ${text} cleaned. */
void term_put(FILE *out, struct slice text);

/* How many columns clean text takes. */
size_t term_columns(struct slice text);

/* The longest beginning of clean text that takes at most ${columns}. */
struct slice term_cut(struct slice text, size_t columns);

/* "1,234,567".  Returns ${text}. */
#define TERM_COUNT_BYTES 32
char *term_count(char text[TERM_COUNT_BYTES], int64_t count);

#endif
