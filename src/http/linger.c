/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lingering sockets: see linger.h.  One thread polls at most SOCKETS_MAX of them and an eventfd by
 * which it is woken.  It starts with the server and sleeps as long as nobody lingers.
 */
#include "http/linger.h"

#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 64
/* The largest body allowed is 150 MB: who sends more than this is no client of ours. */
#define BYTES_MAX (256u << 20)
#define TIME_US   5000000
/* One socket may not keep the others waiting. */
#define TURN_BYTES_MAX (1u << 20)

struct entry {
	int socket;
	size_t bytes;
	int64_t deadline_us;
};

struct lingering {
	pthread_t thread;
	int wake;

	pthread_mutex_t mutex; /* guards all below */
	bool ending;
	size_t count;
	struct entry entries[SOCKETS_MAX];

	char scratch[65536]; /* the thread's */
};

/* Read and drop.  Is it over with this socket? */
static bool drop_bytes(struct lingering *linger, struct entry *entry)
{
	size_t turn = 0;
	ssize_t got;

	while (turn < TURN_BYTES_MAX && entry->bytes < BYTES_MAX) {
		got = recv(entry->socket, linger->scratch, sizeof(linger->scratch), MSG_DONTWAIT);
		if (got < 0)
			return errno != EAGAIN && errno != EINTR;
		if (got == 0)
			return true;
		turn += (size_t)got;
		entry->bytes += (size_t)got;
	}
	return entry->bytes >= BYTES_MAX;
}

/* What to poll; the time to wait in ms. */
static int prepare(struct lingering *linger, struct pollfd *fds, size_t *ret_count)
{
	int64_t now_us = clock_mono_us(), wait_us = -1, left_us;
	size_t i;

	fds[0] = (struct pollfd){.fd = linger->wake, .events = POLLIN};
	mutex_lock(&linger->mutex);
	for (i = 0; i < linger->count; i++) {
		fds[i + 1] = (struct pollfd){.fd = linger->entries[i].socket, .events = POLLIN};
		left_us = linger->entries[i].deadline_us - now_us;
		if (left_us < 0)
			left_us = 0;
		if (wait_us < 0 || left_us < wait_us)
			wait_us = left_us;
	}
	*ret_count = linger->count;
	mutex_unlock(&linger->mutex);
	return wait_us < 0 ? -1 : (int)(wait_us / 1000) + 1;
}

/* Only this thread removes entries, and new ones go to the end, so ${fds}
 * still fit the first ${count}. */
static void serve(struct lingering *linger, const struct pollfd *fds, size_t count)
{
	int64_t now_us = clock_mono_us();
	struct entry entry;
	bool over;
	size_t i;

	for (i = count; i-- > 0;) {
		mutex_lock(&linger->mutex);
		entry = linger->entries[i];
		mutex_unlock(&linger->mutex);
		over = fds[i + 1].revents != 0 && drop_bytes(linger, &entry);
		over = over || now_us >= entry.deadline_us;
		if (over)
			close(entry.socket);
		mutex_lock(&linger->mutex);
		linger->entries[i] = over ? linger->entries[--linger->count] : entry;
		mutex_unlock(&linger->mutex);
	}
}

static void *run(void *ctx)
{
	struct lingering *linger = ctx;
	struct pollfd fds[SOCKETS_MAX + 1];
	uint64_t ignored;
	size_t count;
	bool ending = false;
	int wait_ms;

	while (!ending) {
		wait_ms = prepare(linger, fds, &count);
		if (poll(fds, count + 1, wait_ms) < 0)
			assert(errno == EINTR || errno == ENOMEM);
		else if (fds[0].revents != 0)
			(void)!read(linger->wake, &ignored, sizeof(ignored));
		serve(linger, fds, count);
		mutex_lock(&linger->mutex);
		ending = linger->ending;
		mutex_unlock(&linger->mutex);
	}
	return NULL;
}

static void wake(struct lingering *linger)
{
	const uint64_t one = 1;

	/* Fails only when 2^64 wakes are pending. */
	(void)!write(linger->wake, &one, sizeof(one));
}

enum status linger_create(struct lingering **ret_linger, struct err *err)
{
	struct lingering *linger = calloc(1, sizeof(*linger));
	enum status st;

	if (linger == NULL)
		return err_set(err, E_NOMEM, "lingering sockets: no memory");
	linger->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (linger->wake < 0) {
		st = err_errno(err, errno, "lingering sockets: eventfd");
		free(linger);
		return st;
	}
	mutex_init(&linger->mutex);
	st = thread_start(&linger->thread, "linger", run, linger, err);
	if (st != OK) {
		mutex_fini(&linger->mutex);
		close(linger->wake);
		free(linger);
		return st;
	}
	*ret_linger = linger;
	return OK;
}

void linger_add(struct lingering *linger, int socket)
{
	int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	bool added = false;

	if (copy < 0)
		return;
	/* FIN behind the answer: the client can tell that nothing more comes. */
	shutdown(copy, SHUT_WR);
	mutex_lock(&linger->mutex);
	if (linger->count < SOCKETS_MAX && !linger->ending) {
		linger->entries[linger->count++] =
		    (struct entry){.socket = copy, .deadline_us = clock_mono_us() + TIME_US};
		added = true;
	}
	mutex_unlock(&linger->mutex);
	if (added)
		wake(linger);
	else
		close(copy);
}

void linger_destroy(struct lingering **linger_ptr)
{
	struct lingering *linger = *linger_ptr;
	size_t i;

	if (linger == NULL)
		return;
	mutex_lock(&linger->mutex);
	linger->ending = true;
	mutex_unlock(&linger->mutex);
	wake(linger);
	thread_join(linger->thread);
	for (i = 0; i < linger->count; i++)
		close(linger->entries[i].socket);
	close(linger->wake);
	mutex_fini(&linger->mutex);
	free(linger);
	*linger_ptr = NULL;
}
