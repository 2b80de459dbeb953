/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_PROGRESS_H
#define SLUICE_CLI_PROGRESS_H

/*
 * A line on standard error that says how far a long piece of work is, drawn over itself.  On
 * anything but a terminal nothing is drawn.  Anything else that is printed meanwhile calls
 * progress_clear first.
 */

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool active;      /* is there a terminal to draw on? */
	bool drawn;       /* is there a line to wipe? */
	int64_t start_us; /* of what is shown now */
	int64_t drawn_us;
};

void progress_init(struct progress *progress);

/* The clock behind the speed starts anew. */
void progress_restart(struct progress *progress);

/* "${label}  [####      ]  40%  56.0 MB of 140.0 MB  80.1 MB/s"; ${all} of 0 is unknown: no bar.
 * Draws a few times a second, however often it is called. */
void progress_bytes(struct progress *progress, const char *label, uint64_t done, uint64_t all);

/* "${label}  [####      ]  40%", ${part} from 0 to 1. */
void progress_share(struct progress *progress, const char *label, double part);

/* Wipe the line. */
void progress_clear(struct progress *progress);

#endif
