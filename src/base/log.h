/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

/*
 * One event a line on standard error: time, level, a stable event name, then key=value:
 *
 *	2026-01-02T03:04:05.678Z info job.closed job=4d5a… queue_no=7
 *
 * Event names and keys are an interface: tests and people's scripts read them.  A secret never goes
 * in here.  Any thread; a line is written whole.
 */

#include "base/status.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above ${level} are dropped from now on (default: info).  Call it before threads start. */
void log_set_level(enum log_level level);

/* ${format} gives the key=value part, "" for none; line breaks in it are written as spaces. */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
