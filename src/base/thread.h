/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_THREAD_H
#define SLUICE_BASE_THREAD_H

/*
 * Threads, locks and condition variables of POSIX, with what can only fail by a bug
 * turned into assertions, and timed waits on the monotonic clock (a wall clock that is
 * set back must not make a wait longer).
 */

#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void mutex_init(pthread_mutex_t *mutex);
void mutex_lock(pthread_mutex_t *mutex);
void mutex_unlock(pthread_mutex_t *mutex);
void mutex_fini(pthread_mutex_t *mutex);

void cond_init(pthread_cond_t *cond);
void cond_signal(pthread_cond_t *cond);
void cond_broadcast(pthread_cond_t *cond);
void cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
/* Until woken (true; it may be for nothing) or until clock_mono_us()
 * reaches ${deadline_us} (false). */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us);
void cond_fini(pthread_cond_t *cond);

/* A lock for many readers or one writer in which a waiting writer goes before
 * readers that come after it. */
void rwlock_init(pthread_rwlock_t *lock);
void rwlock_read(pthread_rwlock_t *lock);
/* The same, but give up after ${us} (false).  For waits that are repeated: a wall clock that is set
 * back makes this one longer. */
bool rwlock_read_for(pthread_rwlock_t *lock, int64_t us);
void rwlock_write(pthread_rwlock_t *lock);
void rwlock_unlock(pthread_rwlock_t *lock);
void rwlock_fini(pthread_rwlock_t *lock);

typedef void *thread_fn(void *ctx);

/* ${name} (at most 15 characters) is what top and gdb show.  The thread takes no
 * signals: the main thread does. */
enum status thread_start(pthread_t *ret_thread, const char *name, thread_fn *run, void *ctx,
    struct err *err) WARN_UNUSED;
void thread_join(pthread_t thread);

/* The calling thread gives way from here on, and so will those that it starts: for work that nobody
 * waits for in milliseconds, beside others of the program. */
void thread_give_way(void);

#endif
