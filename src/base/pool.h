/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_POOL_H
#define SLUICE_BASE_POOL_H

/*
 * A fixed number of threads that do tasks from one bounded queue, oldest first.
 *
 * The task's struct belongs to who submits it and must stay until its
 * run() is called; run() may free it.
 */

#include "base/status.h"

#include <stddef.h>

struct pool;
struct pool_task;

typedef void pool_task_fn(struct pool_task *task);

struct pool_task {
	pool_task_fn *run;
	struct pool_task *next; /* the pool's */
};

/* ${name} names the threads; at most ${queue_max} tasks wait. */
enum status pool_create(const char *name, size_t thread_count, size_t queue_max,
    struct pool **ret_pool, struct err *err) WARN_UNUSED;

/* Queue a task; run() will be called once, on a thread of the pool.  Never blocks.  Any thread.
 * E_BUSY when the queue is full: run() will then not be called. */
enum status pool_submit(struct pool *pool, struct pool_task *task) WARN_UNUSED;

/* As pool_submit, but never refused: for the next step of work that was admitted already. */
void pool_submit_always(struct pool *pool, struct pool_task *task);

/* Run what is queued, end the threads, free.  Nobody may submit any more.  NULL is fine. */
void pool_destroy(struct pool **pool);

#endif
