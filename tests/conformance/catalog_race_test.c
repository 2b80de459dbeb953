/* SPDX-License-Identifier: Apache-2.0 */
/* What every catalog promises to many threads and processes at once: see catalog_fixture.h.  Also
 * run under ThreadSanitizer. */
#include "catalog_fixture.h"

#include "catalog/access.h"

#include <sched.h>
#include <stdatomic.h>

#define THREADS_MAX 150

/* Run ${run} on ${count} threads, each with its number's slot of ${slots}, all let go at once. */
static pthread_barrier_t gate;

static void race(int count, thread_fn *run, void *slots, size_t slot_bytes)
{
	pthread_t threads[THREADS_MAX];
	int i;

	assert_true(count <= THREADS_MAX);
	pthread_barrier_init(&gate, NULL, (unsigned)count);
	for (i = 0; i < count; i++)
		assert_ok(thread_start(
		    &threads[i], "race", run, (char *)slots + (size_t)i * slot_bytes, &err));
	for (i = 0; i < count; i++)
		thread_join(threads[i]);
	pthread_barrier_destroy(&gate);
}

/* --- Races ------------------------------------------------------------------------------------ */

struct move_race {
	const char *id;
	enum job_state to;
	enum status status;
	struct job job;
};

static void *run_move(void *ctx)
{
	struct move_race *racer = ctx;
	struct catalog_job_move change = {
	    .from = ONE(JOB_OPEN), .to = racer->to, .enqueue = racer->to == JOB_UPLOAD_COMPLETE};
	struct err e;

	pthread_barrier_wait(&gate);
	racer->status = catalog_job_move(catalog, S(racer->id), &change, &racer->job, &e);
	return NULL;
}

static void of_64_racing_moves_exactly_one_wins(void **state)
{
	static struct move_race racers[64];
	struct job job;
	int round, i, winners;
	enum job_state winner;

	(void)state;
	for (round = 0; round < 10; round++) {
		job = create_job("orders", 5);
		for (i = 0; i < 64; i++)
			racers[i] = (struct move_race){
			    .id = job.id, .to = i % 2 == 0 ? JOB_UPLOAD_COMPLETE : JOB_ABORTED};
		race(64, run_move, racers, sizeof(racers[0]));
		winner = get_job(job.id).state;
		for (winners = 0, i = 0; i < 64; i++) {
			assert_int_equal(racers[i].job.state, winner);
			if (racers[i].status == OK) {
				winners++;
				assert_int_equal(racers[i].to, winner);
			} else {
				assert_status(racers[i].status, E_CONFLICT);
			}
		}
		assert_int_equal(winners, 1);
	}
}

struct part_race {
	const char *id;
	enum status status;
	int64_t number;
};

static void *run_part(void *ctx)
{
	struct part_race *racer = ctx;
	struct part part = new_part(3);
	enum job_state now;
	struct err e;

	pthread_barrier_wait(&gate);
	racer->status = catalog_part_add(catalog, S(racer->id), &part, 100, &now, &e);
	racer->number = part.number;
	return NULL;
}

static void of_150_parts_at_once_100_are_accepted(void **state)
{
	static struct part_race racers[150];
	struct job job = create_job("orders", 5);
	bool given[101] = {false};
	struct part *parts;
	int i, accepted = 0;
	size_t count;

	(void)state;
	for (i = 0; i < 150; i++)
		racers[i].id = job.id;
	race(150, run_part, racers, sizeof(racers[0]));
	for (i = 0; i < 150; i++) {
		if (racers[i].status != OK) {
			assert_status(racers[i].status, E_LIMIT);
			continue;
		}
		accepted++;
		assert_in_range(racers[i].number, 1, 100);
		assert_false(given[racers[i].number]);
		given[racers[i].number] = true;
	}
	assert_int_equal(accepted, 100);
	assert_ok(catalog_part_list(catalog, S(job.id), &arena, &parts, &count, &err));
	assert_int_equal(count, 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(parts[i].number, i + 1);
	assert_int_equal(get_job(job.id).part_count, 100);
	assert_int_equal(get_job(job.id).part_bytes, 300);
}

#define CLAIM_JOBS 90
static const char *const claim_objects[3] = {"orders", "customers", "events"};
static struct {
	atomic_int in_progress; /* jobs of this object that somebody holds */
	int64_t last_queue_no;  /* the holder's to write */
} claimed[3];
static atomic_int claims_done;
static atomic_bool claims_broken;

/* Check that nobody else holds a job of this object, and that none was overtaken. */
static void hold(const struct job *job)
{
	size_t i = 0;

	while (strcmp(claim_objects[i], job->object) != 0)
		i++;
	if (atomic_fetch_add(&claimed[i].in_progress, 1) != 0)
		claims_broken = true;
	if (job->queue_no <= claimed[i].last_queue_no)
		claims_broken = true;
	claimed[i].last_queue_no = job->queue_no;
	sched_yield();
	atomic_fetch_sub(&claimed[i].in_progress, 1);
}

static void *run_claim(void *ctx)
{
	struct catalog_job_move done = {.from = ONE(JOB_IN_PROGRESS), .to = JOB_COMPLETE};
	char lease[UUID_TEXT_BYTES];
	enum status status;
	struct job job;
	struct err e;

	(void)ctx;
	uuid_make(lease);
	done.lease = lease;
	pthread_barrier_wait(&gate);
	while (claims_done < CLAIM_JOBS && !claims_broken) {
		status = claim_job(catalog, lease, &job, &e);
		if (status == E_NOT_FOUND)
			continue;
		if (status == OK) {
			hold(&job);
			status = catalog_job_move(catalog, S(job.id), &done, &job, &e);
		}
		if (status != OK)
			claims_broken = true;
		claims_done++;
	}
	return NULL;
}

static void eight_claimers_never_share_an_object_nor_overtake(void **state)
{
	struct catalog_job_filter filter = {.states = ONE(JOB_COMPLETE)};
	struct job *jobs;
	char slots[8];
	size_t count;
	int64_t total;
	int i;

	(void)state;
	for (i = 0; i < CLAIM_JOBS; i++)
		make_closed(claim_objects[i * 7 % 3]);
	claims_done = 0;
	claims_broken = false;
	race(8, run_claim, slots, 1);
	assert_false(claims_broken);
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	assert_int_equal(total, CLAIM_JOBS);
}

/* Each of two handles, as of two processes, from eight threads. */
struct two_race {
	struct catalog *handle;
	int failures;
};

static void *run_two(void *ctx)
{
	struct two_race *racer = ctx;
	struct job job, got;
	struct err e;
	int i;

	pthread_barrier_wait(&gate);
	for (i = 0; i < 20; i++) {
		job = new_job("events", 1);
		/* Who wrote it reads it, through whatever reader. */
		if (catalog_job_create(racer->handle, &job, &e) != OK ||
		    catalog_job_get(racer->handle, S(job.id), &got, &e) != OK)
			racer->failures++;
	}
	return NULL;
}

static void two_processes_write_at_the_same_time(void **state)
{
	struct catalog_job_filter filter = {.states = ONE(JOB_OPEN)};
	struct catalog *other = open_catalog();
	struct two_race racers[16];
	struct job *jobs;
	size_t count;
	int64_t total;
	int i;

	(void)state;
	for (i = 0; i < 16; i++)
		racers[i] = (struct two_race){.handle = i % 2 == 0 ? catalog : other};
	race(16, run_two, racers, sizeof(racers[0]));
	for (i = 0; i < 16; i++)
		assert_int_equal(racers[i].failures, 0);
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	assert_int_equal(total, 320);
	catalog_close(&other);
}

/* Refused and accepted changes that share a commit do not disturb each other. */
struct mixed_race {
	int number;
	const char *id; /* an aborted job */
	struct job job; /* the one created */
	enum status create, refused;
};

static void *run_mixed(void *ctx)
{
	struct mixed_race *racer = ctx;
	struct catalog_job_move change = {
	    .from = ONE(JOB_OPEN), .to = JOB_UPLOAD_COMPLETE, .enqueue = true};
	struct job job;
	struct err e;

	racer->job = new_job(racer->number % 3 == 0 ? "nothing" : "orders", 1);
	pthread_barrier_wait(&gate);
	racer->create = catalog_job_create(catalog, &racer->job, &e);
	racer->refused = catalog_job_move(catalog, S(racer->id), &change, &job, &e);
	return NULL;
}

static void a_refused_change_does_not_disturb_its_neighbours(void **state)
{
	static struct mixed_race racers[60];
	struct job aborted = create_job("orders", 1), got;
	int i;

	(void)state;
	assert_ok(move(aborted.id, JOB_OPEN, JOB_ABORTED, &aborted));
	for (i = 0; i < 60; i++)
		racers[i] = (struct mixed_race){.number = i, .id = aborted.id};
	race(60, run_mixed, racers, sizeof(racers[0]));
	for (i = 0; i < 60; i++) {
		assert_status(racers[i].refused, E_CONFLICT);
		assert_status(racers[i].create, i % 3 == 0 ? E_NOT_FOUND : OK);
		assert_status(catalog_job_get(catalog, S(racers[i].job.id), &got, &err),
		    i % 3 == 0 ? E_NOT_FOUND : OK);
	}
	assert_int_equal(get_job(aborted.id).modified_us, aborted.modified_us);
	assert_int_equal(make_closed("orders").queue_no, 1);
}

/* One assertion, which eight threads each of two processes use at once. */
struct assertion_race {
	struct catalog *handle;
	struct catalog_token token;
	unsigned char hash[CATALOG_HASH_BYTES];
	enum status status;
};

static void *run_assertion(void *ctx)
{
	static const struct catalog_assertion assertion = {.hash = {7}, .expires_us = 1};
	struct assertion_race *racer = ctx;
	struct err e;

	pthread_barrier_wait(&gate);
	racer->status =
	    catalog_token_issue(racer->handle, racer->hash, &assertion, &racer->token, &e);
	return NULL;
}

static void of_16_uses_of_an_assertion_one_gets_a_token(void **state)
{
	static struct assertion_race racers[16];
	struct catalog *other = open_catalog();
	struct catalog_user user = {.name = "ann"};
	struct catalog_app app = {.name = "etl", .client_id = "etl", .scopes = SCOPE_INGEST};
	struct catalog_token *tokens;
	size_t count, winners = 0;

	(void)state;
	assert_ok(catalog_user_add(catalog, &user, &err));
	snprintf(app.user_id, sizeof(app.user_id), "%s", user.id);
	assert_ok(catalog_app_add(catalog, &app, &err));
	for (unsigned char i = 0; i < 16; i++) {
		racers[i] = (struct assertion_race){
		    .handle = i % 2 == 0 ? catalog : other,
		    .token = {.kind = TOKEN_CORE, .scopes = SCOPE_INGEST, .client_id = "etl"},
		    .hash = {i},
		};
		snprintf(racers[i].token.user_id, sizeof(user.id), "%s", user.id);
	}
	race(16, run_assertion, racers, sizeof(racers[0]));
	for (int i = 0; i < 16; i++) {
		if (racers[i].status == OK)
			winners++;
		else
			assert_status(racers[i].status, E_EXISTS);
	}
	assert_int_equal(winners, 1);
	assert_ok(catalog_token_list(catalog, &arena, &tokens, &count, &err));
	assert_int_equal(count, 1);
	catalog_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(of_64_racing_moves_exactly_one_wins),
	    TEST(of_150_parts_at_once_100_are_accepted),
	    TEST(eight_claimers_never_share_an_object_nor_overtake),
	    TEST(two_processes_write_at_the_same_time),
	    TEST(a_refused_change_does_not_disturb_its_neighbours),
	    TEST(of_16_uses_of_an_assertion_one_gets_a_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
