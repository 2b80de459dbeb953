/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads on one queue: see pool.h. */
#include "base/pool.h"

#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

struct pool {
	pthread_mutex_t mutex; /* guards all below but threads */
	pthread_cond_t work;   /* a task came, or the end */
	struct pool_task *first, **last;
	size_t queued, queue_max;
	bool ending;

	size_t thread_count;
	pthread_t threads[];
};

/* The oldest task, once there is one; NULL when the pool ends and the queue is empty. */
static struct pool_task *take(struct pool *pool)
{
	struct pool_task *task;

	mutex_lock(&pool->mutex);
	while (pool->first == NULL && !pool->ending)
		cond_wait(&pool->work, &pool->mutex);
	task = pool->first;
	if (task != NULL) {
		pool->first = task->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
		pool->queued--;
	}
	mutex_unlock(&pool->mutex);
	return task;
}

static void *work(void *ctx)
{
	struct pool *pool = ctx;
	struct pool_task *task;

	while ((task = take(pool)) != NULL)
		task->run(task);
	return NULL;
}

enum status pool_create(const char *name, size_t thread_count, size_t queue_max,
    struct pool **ret_pool, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool) + thread_count * sizeof(pthread_t));
	enum status st = OK;

	if (pool == NULL)
		return err_set(err, E_NOMEM, "thread pool %s: no memory", name);
	mutex_init(&pool->mutex);
	cond_init(&pool->work);
	pool->last = &pool->first;
	pool->queue_max = queue_max;
	while (pool->thread_count < thread_count) {
		st = thread_start(&pool->threads[pool->thread_count], name, work, pool, err);
		if (st != OK) {
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
	enum status st = E_BUSY;

	mutex_lock(&pool->mutex);
	assert(!pool->ending);
	if (pool->queued < queue_max) {
		task->next = NULL;
		*pool->last = task;
		pool->last = &task->next;
		pool->queued++;
		st = OK;
		cond_signal(&pool->work);
	}
	mutex_unlock(&pool->mutex);
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
	size_t i;

	if (pool == NULL)
		return;
	mutex_lock(&pool->mutex);
	pool->ending = true;
	cond_broadcast(&pool->work);
	mutex_unlock(&pool->mutex);
	for (i = 0; i < pool->thread_count; i++)
		thread_join(pool->threads[i]);
	cond_fini(&pool->work);
	mutex_fini(&pool->mutex);
	free(pool);
	*pool_ptr = NULL;
}
