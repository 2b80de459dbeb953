/* SPDX-License-Identifier: Apache-2.0 */
/* Thin wrappers over pthreads: see thread.h. */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Of 19: others get nine tenths of a core that both want. */
#define GIVE_WAY_NICE 10

/* A call that fails only when the program is wrong. */
static void must(int result)
{
	assert(result == 0);
}

void mutex_init(pthread_mutex_t *mutex)
{
	must(pthread_mutex_init(mutex, NULL));
}

void mutex_lock(pthread_mutex_t *mutex)
{
	must(pthread_mutex_lock(mutex));
}

void mutex_unlock(pthread_mutex_t *mutex)
{
	must(pthread_mutex_unlock(mutex));
}

void mutex_fini(pthread_mutex_t *mutex)
{
	must(pthread_mutex_destroy(mutex));
}

void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr));
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	must(pthread_cond_init(cond, &attr));
	must(pthread_condattr_destroy(&attr));
}

void cond_signal(pthread_cond_t *cond)
{
	must(pthread_cond_signal(cond));
}

void cond_broadcast(pthread_cond_t *cond)
{
	must(pthread_cond_broadcast(cond));
}

void cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	must(pthread_cond_wait(cond, mutex));
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us)
{
	struct timespec deadline = {
	    .tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
	int result = pthread_cond_timedwait(cond, mutex, &deadline);

	assert(result == 0 || result == ETIMEDOUT);
	return result == 0;
}

void cond_fini(pthread_cond_t *cond)
{
	must(pthread_cond_destroy(cond));
}

void rwlock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	must(pthread_rwlockattr_init(&attr));
	/* glibc's plain "prefer writer" kind lets readers pass as long as readers may nest; this
	 * one keeps its word. */
	must(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
	must(pthread_rwlock_init(lock, &attr));
	must(pthread_rwlockattr_destroy(&attr));
}

void rwlock_read(pthread_rwlock_t *lock)
{
	must(pthread_rwlock_rdlock(lock));
}

bool rwlock_read_for(pthread_rwlock_t *lock, int64_t us)
{
	struct timespec until;
	int result;

	/* Not pthread_rwlock_clockrdlock(), of which ThreadSanitizer knows nothing. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += us % 1000000 * 1000;
	until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	result = pthread_rwlock_timedrdlock(lock, &until);
	if (result != ETIMEDOUT)
		must(result);
	return result == 0;
}

void rwlock_write(pthread_rwlock_t *lock)
{
	must(pthread_rwlock_wrlock(lock));
}

void rwlock_unlock(pthread_rwlock_t *lock)
{
	must(pthread_rwlock_unlock(lock));
}

void rwlock_fini(pthread_rwlock_t *lock)
{
	must(pthread_rwlock_destroy(lock));
}

enum status thread_start(
    pthread_t *ret_thread, const char *name, thread_fn *run, void *ctx, struct err *err)
{
	sigset_t all, before;
	pthread_t thread;
	int result;

	assert(strlen(name) <=
	       15); /* the kernel refuses a longer one, and the thread would go unnamed */

	/* A thread inherits the mask of its maker; that is the only moment at
	 * which no signal can slip in. */
	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before));
	result = pthread_create(&thread, NULL, run, ctx);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL));
	if (result != 0)
		return err_errno(err, result, "start thread %s", name);
	pthread_setname_np(thread, name);
	*ret_thread = thread;
	return OK;
}

void thread_join(pthread_t thread)
{
	must(pthread_join(thread, NULL));
}

void thread_give_way(void)
{
	/* Linux has a priority for each thread.  Only advice: whatever comes of it. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), GIVE_WAY_NICE);
}
