/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/thread.h. */
#include "base/thread.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void pause_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

/* The lock of readers and writers. */

static struct {
	pthread_rwlock_t lock;
	atomic_int got;   /* how many got it so far */
	int order_writer; /* as which one */
	int order_reader;
} rw;

static void *write_once(void *ctx)
{
	(void)ctx;
	rwlock_write(&rw.lock);
	rw.order_writer = atomic_fetch_add(&rw.got, 1) + 1;
	rwlock_unlock(&rw.lock);
	return NULL;
}

static void *read_once(void *ctx)
{
	(void)ctx;
	rwlock_read(&rw.lock);
	rw.order_reader = atomic_fetch_add(&rw.got, 1) + 1;
	rwlock_unlock(&rw.lock);
	return NULL;
}

static void a_waiting_writer_goes_before_readers_that_come_after_it(void **state)
{
	int64_t deadline = clock_mono_us() + 5000000;
	pthread_t writer, reader;
	struct err err;

	(void)state;
	rwlock_init(&rw.lock);
	rwlock_read(&rw.lock);
	assert_int_equal(thread_start(&writer, "writer", write_once, NULL, &err), OK);

	/* The writer waits once a reader that asks is turned away. */
	while (pthread_rwlock_tryrdlock(&rw.lock) == 0) {
		rwlock_unlock(&rw.lock);
		assert_true(clock_mono_us() < deadline);
		pause_ms(1);
	}
	assert_int_equal(thread_start(&reader, "reader", read_once, NULL, &err), OK);
	pause_ms(100);
	assert_int_equal(atomic_load(&rw.got), 0);
	rwlock_unlock(&rw.lock);
	thread_join(writer);
	thread_join(reader);
	assert_int_equal(rw.order_writer, 1);
	assert_int_equal(rw.order_reader, 2);
	rwlock_fini(&rw.lock);
}

static void readers_share_the_lock_when_no_writer_waits(void **state)
{
	pthread_t reader;
	struct err err;

	(void)state;
	memset(&rw, 0, sizeof(rw));
	rwlock_init(&rw.lock);
	rwlock_read(&rw.lock);
	assert_int_equal(thread_start(&reader, "reader", read_once, NULL, &err), OK);
	thread_join(reader); /* would hang */
	assert_int_equal(rw.order_reader, 1);
	rwlock_unlock(&rw.lock);
	rwlock_fini(&rw.lock);
}

/* Conditions. */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool ready;
} gate;

static void *make_ready(void *ctx)
{
	(void)ctx;
	mutex_lock(&gate.mutex);
	gate.ready = true;
	cond_signal(&gate.cond);
	mutex_unlock(&gate.mutex);
	return NULL;
}

static void a_wait_ends_at_its_deadline_on_the_monotonic_clock(void **state)
{
	static const int64_t waits_us[] = {-1000000, 0, 30000};
	bool woken = true;

	(void)state;
	mutex_init(&gate.mutex);
	cond_init(&gate.cond);
	mutex_lock(&gate.mutex);
	for (size_t i = 0; i < 3; i++) {
		int64_t deadline = clock_mono_us() + waits_us[i];

		do {
			woken = cond_wait_until(&gate.cond, &gate.mutex, deadline);
		} while (woken && clock_mono_us() < deadline);
		assert_false(woken);
		assert_in_range(clock_mono_us() - deadline, 0, 5000000);
	}
	assert_false(cond_wait_until(&gate.cond, &gate.mutex, 0));
	mutex_unlock(&gate.mutex);
	cond_fini(&gate.cond);
	mutex_fini(&gate.mutex);
}

static void a_signal_ends_a_wait_long_before_its_deadline(void **state)
{
	int64_t start = clock_mono_us();
	pthread_t thread;
	struct err err;

	(void)state;
	gate.ready = false;
	mutex_init(&gate.mutex);
	cond_init(&gate.cond);
	mutex_lock(&gate.mutex);
	assert_int_equal(thread_start(&thread, "signaller", make_ready, NULL, &err), OK);
	while (!gate.ready)
		assert_true(cond_wait_until(&gate.cond, &gate.mutex, start + 60000000));
	mutex_unlock(&gate.mutex);
	thread_join(thread);
	assert_true(clock_mono_us() - start < 30000000);
	cond_fini(&gate.cond);
	mutex_fini(&gate.mutex);
}

/* Threads. */

static void *tell_mask(void *ctx)
{
	pthread_sigmask(SIG_SETMASK, NULL, ctx);
	return NULL;
}

static void a_thread_takes_no_signals_and_its_maker_those_from_before(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGCHLD};
	sigset_t inside, before, after;
	pthread_t thread;
	struct err err;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, "fifteen-letters", tell_mask, &inside, &err), OK);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	thread_join(thread);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(sigismember(&inside, signals[i]), 1);
		assert_int_equal(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
	}
}

static void *wait_until_ready(void *ctx)
{
	(void)ctx;
	mutex_lock(&gate.mutex);
	while (!gate.ready)
		cond_wait(&gate.cond, &gate.mutex);
	mutex_unlock(&gate.mutex);
	return NULL;
}

static void a_thread_bears_its_name(void **state)
{
	char name[16];
	pthread_t thread;
	struct err err;

	(void)state;
	gate.ready = false;
	mutex_init(&gate.mutex);
	cond_init(&gate.cond);
	assert_int_equal(
	    thread_start(&thread, "fifteen-letters", wait_until_ready, NULL, &err), OK);
	assert_int_equal(pthread_getname_np(thread, name, sizeof(name)), 0);
	assert_string_equal(name, "fifteen-letters");
	make_ready(NULL);
	thread_join(thread);
	cond_fini(&gate.cond);
	mutex_fini(&gate.mutex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_waiting_writer_goes_before_readers_that_come_after_it),
	    cmocka_unit_test(readers_share_the_lock_when_no_writer_waits),
	    cmocka_unit_test(a_wait_ends_at_its_deadline_on_the_monotonic_clock),
	    cmocka_unit_test(a_signal_ends_a_wait_long_before_its_deadline),
	    cmocka_unit_test(a_thread_takes_no_signals_and_its_maker_those_from_before),
	    cmocka_unit_test(a_thread_bears_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
