/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for jobs: each waiter is woken once, for the right reason, and none is forgotten. */
#include "job/watch.h"

#include "base/clock.h"
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FAR_US INT64_C(3600000000)

static const char job_a[] = "aaaaaaaa-0000-4000-8000-000000000000";
static const char job_b[] = "bbbbbbbb-0000-4000-8000-000000000000";

/* A waiter that counts its wakes and lets a test wait for them. */
struct counted {
	struct job_waiter waiter; /* first */
	pthread_mutex_t mutex;
	pthread_cond_t woken;
	int wakes;
};

static void count_wake(struct job_waiter *waiter)
{
	struct counted *c = (struct counted *)waiter;

	mutex_lock(&c->mutex);
	c->wakes++;
	cond_broadcast(&c->woken);
	mutex_unlock(&c->mutex);
}

static void counted_init(struct counted *c, const char *key, int64_t in_us)
{
	*c = (struct counted){
	    .waiter = {.deadline_us = clock_mono_us() + in_us, .woken = count_wake}};
	strcpy(c->waiter.key, key);
	mutex_init(&c->mutex);
	cond_init(&c->woken);
}

static int wakes_of(struct counted *c)
{
	int wakes;

	mutex_lock(&c->mutex);
	wakes = c->wakes;
	mutex_unlock(&c->mutex);
	return wakes;
}

static void wait_for_wake(struct counted *c)
{
	mutex_lock(&c->mutex);
	while (c->wakes == 0)
		cond_wait(&c->woken, &c->mutex);
	mutex_unlock(&c->mutex);
}

static struct job_watch *make_watch(void)
{
	struct job_watch *watch = NULL;
	struct err err;

	assert_int_equal(job_watch_create(&watch, &err), OK);
	return watch;
}

static void wakes_those_of_the_job_and_no_others(void **state)
{
	struct job_watch *watch = make_watch();
	struct counted first, second, other;

	(void)state;
	counted_init(&first, job_a, FAR_US);
	counted_init(&second, job_a, FAR_US);
	counted_init(&other, job_b, FAR_US);
	job_watch_add(watch, &first.waiter);
	job_watch_add(watch, &other.waiter);
	job_watch_add(watch, &second.waiter);
	job_watch_wake(watch, job_a);
	assert_int_equal(wakes_of(&first), 1);
	assert_int_equal(wakes_of(&second), 1);
	assert_int_equal(wakes_of(&other), 0);
	job_watch_wake(watch, job_a); /* they wait no more */
	assert_int_equal(wakes_of(&first), 1);
	job_watch_wake_all(watch);
	assert_int_equal(wakes_of(&other), 1);
	job_watch_destroy(&watch);
	assert_null(watch);
}

static void wakes_those_whose_position_is_reached(void **state)
{
	struct job_watch *watch = make_watch();
	struct counted near, far, other;

	(void)state;
	counted_init(&near, "log-a", FAR_US);
	counted_init(&far, "log-a", FAR_US);
	counted_init(&other, "log-b", FAR_US);
	near.waiter.position = other.waiter.position = 10;
	far.waiter.position = 11;
	job_watch_add(watch, &far.waiter);
	job_watch_add(watch, &near.waiter);
	job_watch_add(watch, &other.waiter);
	job_watch_wake_reached(watch, "log-a", 9);
	assert_int_equal(wakes_of(&near), 0);
	job_watch_wake_reached(watch, "log-a", 10);
	assert_int_equal(wakes_of(&near), 1);
	assert_int_equal(wakes_of(&far), 0);
	assert_int_equal(wakes_of(&other), 0);
	job_watch_wake(watch, "log-a"); /* it is gone */
	assert_int_equal(wakes_of(&far), 1);
	job_watch_wake_all(watch);
	assert_int_equal(wakes_of(&other), 1);
	job_watch_destroy(&watch);
}

static void wakes_at_the_deadline_and_not_before(void **state)
{
	struct job_watch *watch = make_watch();
	struct counted soon, late;
	int64_t deadline_us;

	(void)state;
	counted_init(&late, job_a, FAR_US);
	counted_init(&soon, job_a, 20000);
	deadline_us = soon.waiter.deadline_us;
	job_watch_add(watch, &late.waiter);
	job_watch_add(watch, &soon.waiter);
	wait_for_wake(&soon);
	assert_true(clock_mono_us() >= deadline_us);
	assert_int_equal(wakes_of(&late), 0);
	job_watch_wake_all(watch);
	assert_int_equal(wakes_of(&soon), 1);
	assert_int_equal(wakes_of(&late), 1);
	job_watch_destroy(&watch);
}

static void after_wake_all_nobody_waits(void **state)
{
	struct job_watch *watch = make_watch();
	struct counted late;

	(void)state;
	job_watch_wake_all(watch);
	counted_init(&late, job_a, FAR_US);
	job_watch_add(watch, &late.waiter);
	assert_int_equal(wakes_of(&late), 1);
	job_watch_destroy(&watch);
}

#define RACERS 8
#define ROUNDS 500

struct race {
	struct job_watch *watch;
	struct counted *waiters;
};

static void *add_all(void *ctx)
{
	struct race *race = ctx;

	for (int i = 0; i < ROUNDS; i++)
		job_watch_add(race->watch, &race->waiters[i].waiter);
	return NULL;
}

static void *wake_often(void *ctx)
{
	struct race *race = ctx;

	for (int i = 0; i < ROUNDS; i++)
		job_watch_wake(race->watch, i % 2 ? job_a : job_b);
	return NULL;
}

static void every_waiter_is_woken_exactly_once_whatever_races(void **state)
{
	struct race races[RACERS];
	pthread_t adders[RACERS], wakers[RACERS];
	struct job_watch *watch = make_watch();
	struct err err;

	(void)state;
	for (int r = 0; r < RACERS; r++) {
		races[r] = (struct race){
		    .watch = watch, .waiters = calloc(ROUNDS, sizeof(struct counted))};
		for (int i = 0; i < ROUNDS; i++)
			counted_init(
			    &races[r].waiters[i], i % 3 ? job_a : job_b, i % 5 ? FAR_US : i);
		assert_int_equal(thread_start(&adders[r], "adder", add_all, &races[r], &err), OK);
		assert_int_equal(
		    thread_start(&wakers[r], "waker", wake_often, &races[r], &err), OK);
	}
	for (int r = 0; r < RACERS; r++) {
		thread_join(adders[r]);
		thread_join(wakers[r]);
	}
	job_watch_wake_all(watch);
	job_watch_destroy(&watch); /* and with it the timer, which may have been waking */
	for (int r = 0; r < RACERS; r++) {
		for (int i = 0; i < ROUNDS; i++)
			assert_int_equal(wakes_of(&races[r].waiters[i]), 1);
		free(races[r].waiters);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wakes_those_of_the_job_and_no_others),
	    cmocka_unit_test(wakes_those_whose_position_is_reached),
	    cmocka_unit_test(wakes_at_the_deadline_and_not_before),
	    cmocka_unit_test(after_wake_all_nobody_waits),
	    cmocka_unit_test(every_waiter_is_woken_exactly_once_whatever_races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
