/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of goal 5: how many durable steps a second there are when each has a sync of its own.
 *
 *	fsync_rate FOLDER SECONDS	appends 4 KiB and syncs, over and over; prints steps a second
 *
 * An append and fdatasync(), not a whole transaction of a database, which takes several writes: the least that a durable step
 * can cost on this disk.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static char page[4096];
	char path[4096];
	double begin, seconds;
	unsigned steps = 0;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: fsync_rate FOLDER SECONDS\n");
		return 2;
	}
	seconds = atof(argv[2]);
	snprintf(path, sizeof(path), "%s/fsync_rate", argv[1]);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	for (begin = now(); now() < begin + seconds; steps++) {
		if (write(fd, page, sizeof(page)) != sizeof(page) || fdatasync(fd) != 0) {
			perror(path);
			return 1;
		}
	}
	printf("%.1f\n", steps / (now() - begin));
	close(fd);
	unlink(path);
	return 0;
}
