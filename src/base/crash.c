/* SPDX-License-Identifier: Apache-2.0 */
/* Dying and waiting on purpose: see crash.h.  SIGKILL, so that nothing is flushed, closed or
 * unlocked on the way out. */
#include "base/crash.h"

#ifdef SLUICE_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What ${wanted}, "NAME" or "NAME:REST", says of ${name}: NULL when it
 * names another, else REST or "". */
static const char *rest_of(const char *wanted, const char *name)
{
	size_t length = strlen(name);

	if (wanted == NULL || strncmp(wanted, name, length) != 0)
		return NULL;
	if (wanted[length] == ':')
		return wanted + length + 1;
	return wanted[length] == '\0' ? "" : NULL;
}

/* Opening a FIFO waits for its writer, and reading it for the writer's end: both
 * sides know where the other is. */
static void hold(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0)
		return;
	while (read(fd, &byte, 1) > 0)
		;
	close(fd);
}

void crash_point(const char *name)
{
	static atomic_long passes;
	const char *at = rest_of(getenv("SLUICE_CRASH"), name);
	const char *path = rest_of(getenv("SLUICE_HOLD"), name);

	if (path != NULL)
		hold(path);
	if (at == NULL)
		return;
	if (atomic_fetch_add(&passes, 1) + 1 == (at[0] == '\0' ? 1 : strtol(at, NULL, 10))) {
		kill(getpid(), SIGKILL);
		pause(); /* the signal may take effect a moment later: go no step further */
	}
}

#else

/* ISO C wants a file to hold something. */
typedef int crash_points_are_off;

#endif
