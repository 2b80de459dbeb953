/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads on one queue: see pool.h. */
#include "base/pool.h"

#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

struct pool;

struct pool_thread {
	struct pool *pool;
	pthread_t id;
	sem_t wake;
	struct pool_task *task;    /* given before the wake; NULL: the end */
	struct pool_thread *older; /* that is idle */
};

struct pool {
	pthread_mutex_t mutex;    /* guards all below but threads */
	struct pool_thread *idle; /* the one that was busy last first: its memory is still in the
				     caches */
	struct pool_task *first, **last; /* for whom nobody was idle */
	size_t queued, queue_max;
	bool ending;

	size_t thread_count;
	struct pool_thread threads[];
};

/* The oldest task, once there is one; NULL when the pool ends and the queue is empty. */
static struct pool_task *take(struct pool_thread *thread)
{
	struct pool *pool = thread->pool;
	struct pool_task *task;
	bool is_over;

	mutex_lock(&pool->mutex);
	task = pool->first;
	is_over = task == NULL && pool->ending;
	if (task != NULL) {
		pool->first = task->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
		pool->queued--;
	} else if (!is_over) {
		thread->older = pool->idle;
		pool->idle = thread;
	}
	mutex_unlock(&pool->mutex);
	if (task != NULL || is_over)
		return task;
	while (sem_wait(&thread->wake) != 0)
		assert(errno == EINTR);
	return thread->task;
}

static void wake(struct pool_thread *thread, struct pool_task *task)
{
	int result;

	thread->task = task;
	result = sem_post(&thread->wake);
	assert(result == 0);
}

static void *work(void *ctx)
{
	struct pool_thread *thread = ctx;
	struct pool_task *task;

	while ((task = take(thread)) != NULL)
		task->run(task);
	return NULL;
}

enum status pool_create(const char *name, size_t thread_count, size_t queue_max,
    struct pool **ret_pool, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool) + thread_count * sizeof(struct pool_thread));
	enum status st = OK;

	if (pool == NULL)
		return err_set(err, E_NOMEM, "thread pool %s: no memory", name);
	mutex_init(&pool->mutex);
	pool->last = &pool->first;
	pool->queue_max = queue_max;
	while (pool->thread_count < thread_count) {
		struct pool_thread *thread = &pool->threads[pool->thread_count];

		thread->pool = pool;
		sem_init(&thread->wake, 0, 0);
		st = thread_start(&thread->id, name, work, thread, err);
		if (st != OK) {
			sem_destroy(&thread->wake);
			pool_destroy(&pool);
			return st;
		}
		pool->thread_count++;
	}
	*ret_pool = pool;
	return OK;
}

static enum status submit(struct pool *pool, struct pool_task *task, size_t queue_max)
{
	struct pool_thread *thread;
	enum status st = OK;

	mutex_lock(&pool->mutex);
	assert(!pool->ending);
	thread = pool->idle;
	if (thread != NULL) {
		pool->idle = thread->older;
	} else if (pool->queued < queue_max) {
		task->next = NULL;
		*pool->last = task;
		pool->last = &task->next;
		pool->queued++;
	} else {
		st = E_BUSY;
	}
	mutex_unlock(&pool->mutex);
	/* Without the mutex, and with the task in hand: who is woken need not wait for either. */
	if (thread != NULL)
		wake(thread, task);
	return st;
}

enum status pool_submit(struct pool *pool, struct pool_task *task)
{
	return submit(pool, task, pool->queue_max);
}

void pool_submit_always(struct pool *pool, struct pool_task *task)
{
	enum status st = submit(pool, task, (size_t)-1);

	assert(st == OK);
}

void pool_destroy(struct pool **pool_ptr)
{
	struct pool *pool = *pool_ptr;
	struct pool_thread *idle;

	if (pool == NULL)
		return;
	mutex_lock(&pool->mutex);
	pool->ending = true;
	idle = pool->idle;
	pool->idle = NULL;
	mutex_unlock(&pool->mutex);
	while (idle != NULL) {
		struct pool_thread *older = idle->older;

		wake(idle, NULL);
		idle = older;
	}
	for (size_t i = 0; i < pool->thread_count; i++) {
		thread_join(pool->threads[i].id);
		sem_destroy(&pool->threads[i].wake);
	}
	mutex_fini(&pool->mutex);
	free(pool);
	*pool_ptr = NULL;
}
