/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process as the system sees it: see process.h.  /proc is Linux's; elsewhere all is 0, which
 * who reads a gauge can tell from an answer.
 */
#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t process_resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long long pages = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*d %lld", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

int64_t process_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	int64_t count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* not the folder's own */
}

/* The start stands there in ticks since the machine was started. */
int64_t process_start_seconds(void)
{
	FILE *file = fopen("/proc/self/stat", "re");
	struct timespec now, up;
	char text[1024];
	const char *end;
	size_t len;
	long long ticks;

	if (file == NULL)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	/* The second field is the program's name in parentheses, which may hold anything. */
	end = strrchr(text, ')');
	if (end == NULL ||
	    sscanf(end + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld",
		&ticks) != 1)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec - up.tv_sec + ticks / sysconf(_SC_CLK_TCK);
}
