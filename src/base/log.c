/* SPDX-License-Identifier: Apache-2.0 */
/* The log: see log.h.  A line goes out in one write(2), so lines of several threads do not mix. */
#include "base/log.h"

#include "base/clock.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level level_max = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	level_max = level;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char line[2048], now[CLOCK_TEXT_BYTES];
	size_t used, i;
	va_list args;

	if (level > level_max)
		return;
	used =
	    (size_t)snprintf(line, sizeof(line), "%s %s %s%s", clock_format_ms(now, clock_now_us()),
		names[level], event, format[0] == '\0' ? "" : " ");
	assert(used < sizeof(line) / 2);
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);

	/* What a client sent may be in the text: it must not be able to begin a line of its own. */
	used = strlen(line);
	for (i = 0; i < used; i++) {
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	}
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nowhere left to say so */
}
