/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/pool.h. */
#include "base/pool.h"

#include "base/clock.h"
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TASKS_MAX   16
#define PATIENCE_US 10000000

/* What the tasks and the test share. */
static struct {
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	bool open; /* the gate at which gate tasks wait */
	int at_gate;
	int ran[TASKS_MAX]; /* the numbers of tasks, as they ran */
	int ran_count;
	char thread_name[16];
} shared;

struct numbered {
	struct pool_task task; /* first: run() casts */
	int number;
	struct pool *pool; /* where to submit the next step, or NULL */
	struct numbered *next_step;
};

static int init_shared(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	mutex_init(&shared.mutex);
	cond_init(&shared.changed);
	return 0;
}

static int fini_shared(void **state)
{
	(void)state;
	cond_fini(&shared.changed);
	mutex_fini(&shared.mutex);
	return 0;
}

static void note(struct pool_task *task)
{
	struct numbered *n = (struct numbered *)task;

	mutex_lock(&shared.mutex);
	assert_true(shared.ran_count < TASKS_MAX);
	shared.ran[shared.ran_count++] = n->number;
	pthread_getname_np(pthread_self(), shared.thread_name, sizeof(shared.thread_name));
	cond_broadcast(&shared.changed);
	mutex_unlock(&shared.mutex);
}

static void note_and_free(struct pool_task *task)
{
	note(task);
	free(task);
}

static void note_and_go_on(struct pool_task *task)
{
	struct numbered *n = (struct numbered *)task;

	note(task);
	pool_submit_always(n->pool, &n->next_step->task);
}

static void wait_at_gate(struct pool_task *task)
{
	(void)task;
	mutex_lock(&shared.mutex);
	shared.at_gate++;
	cond_broadcast(&shared.changed);
	while (!shared.open)
		cond_wait(&shared.changed, &shared.mutex);
	mutex_unlock(&shared.mutex);
}

static void wait_for(const int *count, int wanted)
{
	int64_t deadline = clock_mono_us() + PATIENCE_US;
	bool in_time = true;

	mutex_lock(&shared.mutex);
	while (*count < wanted && in_time)
		in_time = cond_wait_until(&shared.changed, &shared.mutex, deadline);
	mutex_unlock(&shared.mutex);
	assert_true(in_time);
}

static void open_gate(void)
{
	mutex_lock(&shared.mutex);
	shared.open = true;
	cond_broadcast(&shared.changed);
	mutex_unlock(&shared.mutex);
}

static struct pool *make(size_t threads, size_t queue_max)
{
	struct pool *pool;
	struct err err;

	assert_int_equal(pool_create("worker", threads, queue_max, &pool, &err), OK);
	return pool;
}

static void assert_ran(int count)
{
	assert_int_equal(shared.ran_count, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(shared.ran[i], i);
}

static void tasks_run_oldest_first(void **state)
{
	struct pool *pool = make(1, 10);
	struct pool_task gate = {.run = wait_at_gate};
	struct numbered tasks[10];

	(void)state;
	assert_int_equal(pool_submit(pool, &gate), OK);
	wait_for(&shared.at_gate, 1);
	for (int i = 0; i < 10; i++) {
		tasks[i] = (struct numbered){.task.run = note, .number = i};
		assert_int_equal(pool_submit(pool, &tasks[i].task), OK);
	}
	open_gate();
	wait_for(&shared.ran_count, 10);
	assert_ran(10);
	pool_destroy(&pool);
	assert_null(pool);
}

static void one_task_past_the_queue_is_refused_and_never_run(void **state)
{
	struct pool *pool = make(1, 3);
	struct pool_task gate = {.run = wait_at_gate};
	struct numbered tasks[3], refused = {.task.run = note, .number = 99};
	struct numbered always = {.task.run = note, .number = 3};

	(void)state;
	assert_int_equal(pool_submit(pool, &gate), OK);
	wait_for(&shared.at_gate, 1);
	for (int i = 0; i < 3; i++) {
		tasks[i] = (struct numbered){.task.run = note, .number = i};
		assert_int_equal(pool_submit(pool, &tasks[i].task), OK);
	}
	assert_int_equal(pool_submit(pool, &refused.task), E_BUSY);
	pool_submit_always(pool, &always.task);
	assert_int_equal(pool_submit(pool, &refused.task), E_BUSY);
	open_gate();
	wait_for(&shared.ran_count, 4);
	assert_int_equal(
	    pool_submit(pool, &(struct numbered){.task.run = note, .number = 4}.task), OK);
	pool_destroy(&pool);
	assert_ran(5);
}

static void destroy_runs_what_is_queued(void **state)
{
	struct pool *pool = make(2, 10);
	struct numbered tasks[10];
	int seen = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		tasks[i] = (struct numbered){.task.run = note, .number = i};
		assert_int_equal(pool_submit(pool, &tasks[i].task), OK);
	}
	pool_destroy(&pool);
	assert_int_equal(shared.ran_count, 10);
	for (int i = 0; i < 10; i++)
		seen |= 1 << shared.ran[i];
	assert_int_equal(seen, 0x3ff); /* each once */
}

static void as_many_tasks_run_at_once_as_there_are_threads(void **state)
{
	struct pool *pool = make(4, 10);
	struct pool_task gates[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		gates[i] = (struct pool_task){.run = wait_at_gate};
		assert_int_equal(pool_submit(pool, &gates[i]), OK);
	}
	wait_for(&shared.at_gate, 4);
	open_gate();
	pool_destroy(&pool);
}

static void a_task_may_free_itself_and_submit_the_next_step(void **state)
{
	struct pool *pool = make(1, 1);
	struct numbered second = {.task.run = note, .number = 1};
	struct numbered first = {
	    .task.run = note_and_go_on, .number = 0, .pool = pool, .next_step = &second};
	struct numbered *third = malloc(sizeof(*third));

	(void)state;
	*third = (struct numbered){.task.run = note_and_free, .number = 2};
	assert_int_equal(pool_submit(pool, &first.task), OK);
	wait_for(&shared.ran_count, 2);
	assert_int_equal(pool_submit(pool, &third->task), OK);
	pool_destroy(&pool);
	assert_ran(3);
}

static void the_threads_bear_the_pools_name(void **state)
{
	struct pool *pool = make(1, 1);
	struct numbered task = {.task.run = note};

	(void)state;
	/* The name is given just after the start, so the first task may come before it. */
	for (int i = 0; i < 10 && strcmp(shared.thread_name, "worker") != 0; i++) {
		assert_int_equal(pool_submit(pool, &task.task), OK);
		wait_for(&shared.ran_count, i + 1);
	}
	pool_destroy(&pool);
	assert_string_equal(shared.thread_name, "worker");
}

static void a_pool_may_end_unused_or_not_exist(void **state)
{
	struct pool *pool = make(3, 1), *none = NULL;

	(void)state;
	pool_destroy(&pool);
	pool_destroy(&none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init_shared, fini_shared)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(tasks_run_oldest_first),
	    TEST(one_task_past_the_queue_is_refused_and_never_run),
	    TEST(destroy_runs_what_is_queued),
	    TEST(as_many_tasks_run_at_once_as_there_are_threads),
	    TEST(a_task_may_free_itself_and_submit_the_next_step),
	    TEST(the_threads_bear_the_pools_name),
	    TEST(a_pool_may_end_unused_or_not_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
