/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of failures: see status.h. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status err_set(struct err *err, enum status status, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return status;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return status;
}

static enum status status_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return E_FULL;
	case ENOENT:
		return E_NOT_FOUND;
	case ENOMEM:
		return E_NOMEM;
	default:
		return E_IO;
	}
}

enum status err_errno(struct err *err, int number, const char *format, ...)
{
	char reason[128];
	size_t used;
	va_list args;

	if (err == NULL)
		return status_of_errno(number);
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
	    strerror_r(number, reason, sizeof(reason)));
	return status_of_errno(number);
}

void err_add(struct err *err, const char *format, ...)
{
	struct err whole;
	size_t used;
	va_list args;

	if (err == NULL)
		return;
	va_start(args, format);
	vsnprintf(whole.text, sizeof(whole.text), format, args);
	va_end(args);
	used = strlen(whole.text);
	/* Too long a text is cut; the test is there to say that this is known. */
	if (snprintf(whole.text + used, sizeof(whole.text) - used, ": %s", err->text) >= 0)
		*err = whole;
}

const char *status_name(enum status status)
{
	static const char *const names[] = {
	    [OK] = "ok",
	    [E_NOMEM] = "no_memory",
	    [E_IO] = "io",
	    [E_FULL] = "full",
	    [E_EXISTS] = "exists",
	    [E_NOT_FOUND] = "not_found",
	    [E_CONFLICT] = "conflict",
	    [E_INVALID] = "invalid",
	    [E_LIMIT] = "limit",
	    [E_GONE] = "gone",
	    [E_BUSY] = "busy",
	    [E_TIMEOUT] = "timeout",
	    [E_CANCELLED] = "cancelled",
	};

	return names[status];
}
