/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The progress line: see progress.h.  A carriage return and "erase to the end of the
 * line" redraw it; it stays short enough for 80 columns, so that it never wraps and
 * the next one really covers it.
 */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/term.h"

#include <stdio.h>
#include <string.h>

#define BAR_COLUMNS 20
/* Ten a second look smooth and cost nothing. */
#define REDRAW_US 100000
#define ERASE     "\r\033[K"

void progress_init(struct progress *progress)
{
	*progress = (struct progress){.active = term_is_terminal(stderr)};
	progress_restart(progress);
}

void progress_restart(struct progress *progress)
{
	progress->start_us = clock_mono_us();
	progress->drawn_us = 0;
}

static bool is_due(struct progress *progress)
{
	int64_t now = clock_mono_us();

	if (!progress->active || now - progress->drawn_us < REDRAW_US)
		return false;
	progress->drawn_us = now;
	progress->drawn = true;
	return true;
}

static void draw_bar(double part)
{
	char bar[BAR_COLUMNS + 1];
	int filled;

	part = part < 0 ? 0 : part > 1 ? 1 : part;
	filled = (int)(part * BAR_COLUMNS);
	memset(bar, ' ', BAR_COLUMNS);
	memset(bar, '#', (size_t)filled);
	bar[BAR_COLUMNS] = '\0';
	fprintf(stderr, "  [%s] %3d%%", bar, (int)(part * 100));
}

void progress_bytes(struct progress *progress, const char *label, uint64_t done, uint64_t all)
{
	double seconds, megabytes = (double)done / 1e6;

	if (!is_due(progress))
		return;
	seconds = (double)(progress->drawn_us - progress->start_us) / 1e6;
	fprintf(stderr, ERASE "%.24s", label);
	if (all > 0) {
		draw_bar((double)done / (double)all);
		fprintf(stderr, "  %.1f of %.1f MB", megabytes, (double)all / 1e6);
	} else {
		fprintf(stderr, "  %.1f MB", megabytes);
	}
	/* A speed measured over less than this jumps about. */
	if (seconds > 0.5)
		fprintf(stderr, "  %.1f MB/s", megabytes / seconds);
	fflush(stderr);
}

void progress_share(struct progress *progress, const char *label, double part)
{
	if (!is_due(progress))
		return;
	fprintf(stderr, ERASE "%.24s", label);
	draw_bar(part);
	fflush(stderr);
}

void progress_clear(struct progress *progress)
{
	if (!progress->drawn)
		return;
	progress->drawn = false;
	fputs(ERASE, stderr);
	fflush(stderr);
}
