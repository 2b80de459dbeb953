/* SPDX-License-Identifier: Apache-2.0 */
/* What every catalog promises about many jobs, listed and walked: see catalog_fixture.h. */
#include "catalog_fixture.h"

/* --- Lists ------------------------------------------------------------------------------------ */

/* Ten jobs, "0" to "9", whose first digit of the id is that, created at 100 … 1000; each changed
 * later, in the order 3 1 4 0 5 9 2 6 8 7.  Two are created at the same time as their neighbour. */
static void make_ten(void)
{
	static const struct {
		const char *connector, *object;
		int64_t created_us;
		enum job_state state;
	} rows[10] = {
	    {"ecomm", "orders", 100, JOB_OPEN},
	    {"ecomm", "orders", 200, JOB_ABORTED},
	    {"ecomm", "customers", 300, JOB_ABORTED},
	    {"crm", "orders", 400, JOB_OPEN},
	    {"ecomm", "orders", 500, JOB_FAILED},
	    {"crm", "orders", 500, JOB_COMPLETE},
	    {"ecomm", "customers", 700, JOB_COMPLETE},
	    {"ecomm", "orders", 800, JOB_COMPLETE},
	    {"ecomm", "orders", 800, JOB_UPLOAD_COMPLETE},
	    {"ecomm", "customers", 1000, JOB_IN_PROGRESS},
	};
	static const char changed[] = "3140592687";
	char ids[10][UUID_TEXT_BYTES];
	struct job job;
	int i, at;

	assert_ok(catalog_connector_put(catalog, S("crm"), S("x"), 0, &err));
	put_stream("crm", "orders");
	for (i = 0; i < 10; i++) {
		job = new_job(rows[i].object, rows[i].created_us);
		snprintf(job.connector, sizeof(job.connector), "%s", rows[i].connector);
		job.id[0] = (char)('0' + i);
		memcpy(ids[i], job.id, sizeof(job.id));
		assert_ok(catalog_job_create(catalog, &job, &err));
	}
	for (i = 0; i < 10; i++) {
		at = changed[i] - '0';
		assert_ok(move(ids[at], JOB_OPEN, rows[at].state, &job));
	}
}

static void a_list_filters_orders_and_pages(void **state)
{
	static const struct {
		unsigned states;
		const char *connector, *object;
		enum job_order order;
		bool ascending;
		int64_t limit, offset;
		const char *wanted; /* first digits of the ids */
		int64_t total;
	} cases[] = {
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 20, 0, "0123456789", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, false, 20, 0, "9876543210", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, true, 20, 0, "3140592687", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, false, 20, 0, "7862950413", 10},
	    /* Pages; those behind the middle too; one that the end cuts; one behind the end. */
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 3, 0, "012", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 3, 3, "345", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 3, 6, "678", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 3, 9, "9", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 3, 10, "", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_CREATED, true, 3, INT64_MAX, "", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, false, 4, 5, "5041", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, false, 4, 6, "0413", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, false, 4, 8, "13", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, true, INT64_MAX, 8, "87", 10},
	    {JOB_STATES_ALL, "", "", JOB_ORDER_MODIFIED, false, 0, 0, "", 10},
	    /* States. */
	    {ONE(JOB_ABORTED), "", "", JOB_ORDER_MODIFIED, true, 20, 0, "12", 2},
	    {ONE(JOB_OPEN) | ONE(JOB_COMPLETE), "", "", JOB_ORDER_MODIFIED, true, 20, 0, "30567",
		5},
	    {ONE(JOB_OPEN) | ONE(JOB_COMPLETE), "", "", JOB_ORDER_CREATED, false, 2, 3, "30", 5},
	    {ONE(JOB_IN_PROGRESS), "", "", JOB_ORDER_CREATED, false, 20, 0, "9", 1},
	    {ONE(JOB_UPLOAD_COMPLETE), "", "", JOB_ORDER_CREATED, false, 20, 0, "8", 1},
	    {ONE(JOB_FAILED), "", "", JOB_ORDER_CREATED, false, 20, 1, "", 1},
	    {0, "", "", JOB_ORDER_CREATED, false, 20, 0, "", 0},
	    /* Names, exactly. */
	    {JOB_STATES_ALL, "crm", "", JOB_ORDER_CREATED, true, 20, 0, "35", 2},
	    {JOB_STATES_ALL, "ecomm", "", JOB_ORDER_MODIFIED, false, 3, 0, "786", 8},
	    {JOB_STATES_ALL, "ecomm", "", JOB_ORDER_MODIFIED, false, 3, 5, "041", 8},
	    {JOB_STATES_ALL, "", "orders", JOB_ORDER_CREATED, true, 20, 0, "0134578", 7},
	    {JOB_STATES_ALL, "ecomm", "orders", JOB_ORDER_CREATED, true, 20, 0, "01478", 5},
	    {JOB_STATES_ALL, "ecomm", "customers", JOB_ORDER_MODIFIED, true, 20, 0, "926", 3},
	    {ONE(JOB_COMPLETE), "ecomm", "orders", JOB_ORDER_MODIFIED, true, 20, 0, "7", 1},
	    {ONE(JOB_COMPLETE), "ecomm", "", JOB_ORDER_CREATED, false, 20, 0, "76", 2},
	    {JOB_STATES_ALL, "Ecomm", "", JOB_ORDER_CREATED, true, 20, 0, "", 0},
	    {JOB_STATES_ALL, "crm", "customers", JOB_ORDER_CREATED, true, 20, 0, "", 0},
	    {JOB_STATES_ALL, "%", "", JOB_ORDER_CREATED, true, 20, 0, "", 0},
	};
	struct job *jobs;
	char got[11];
	size_t i, k, count;
	int64_t total;

	(void)state;
	make_ten();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog_job_filter filter = {
		    .states = cases[i].states,
		    .connector = S(cases[i].connector),
		    .object = S(cases[i].object),
		    .order = cases[i].order,
		    .ascending = cases[i].ascending,
		    .limit = cases[i].limit,
		    .offset = cases[i].offset,
		};

		assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
		assert_true(count <= 10);
		for (k = 0; k < count; k++)
			got[k] = jobs[k].id[0];
		got[count] = '\0';
		if (strcmp(got, cases[i].wanted) != 0 || total != cases[i].total)
			fail_msg("case %zu: \"%s\", %lld in all; wanted \"%s\", %lld", i, got,
			    (long long)total, cases[i].wanted, (long long)cases[i].total);
	}
}

static void a_listed_job_is_the_row(void **state)
{
	struct catalog_job_filter filter = {.states = JOB_STATES_ALL, .limit = 1};
	struct job job = create_job("orders", 5), got, *jobs;
	size_t count;
	int64_t total;

	(void)state;
	assert_ok(add_part(job.id, 12, 5));
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	got = get_job(job.id);
	assert_string_equal(jobs[0].id, job.id);
	assert_string_equal(jobs[0].connector, "ecomm");
	assert_string_equal(jobs[0].object, "orders");
	assert_string_equal(jobs[0].created_by, "005000000000001AAA");
	assert_int_equal(jobs[0].part_bytes, 12);
	assert_int_equal(jobs[0].modified_us, got.modified_us);
}

static void totals_follow_every_change(void **state)
{
	struct catalog_job_filter filter = {.states = ONE(JOB_OPEN) | ONE(JOB_ABORTED)};
	struct job *jobs, job[4], got;
	size_t count, i;
	int64_t total;

	(void)state;
	for (i = 0; i < 4; i++)
		job[i] = create_job("orders", (int64_t)i);
	assert_ok(move(job[0].id, JOB_OPEN, JOB_ABORTED, &got));
	close_job(job[1].id);
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	assert_int_equal(total, 3);
	assert_ok(catalog_job_delete(catalog, S(job[2].id), JOB_STATES_ALL, &got, &err));
	assert_ok(catalog_job_remove(catalog, S(job[2].id), &err));
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	assert_int_equal(total, 2);
	assert_ok(claim_job(catalog, "l", &got, &err));
	filter.states = ONE(JOB_IN_PROGRESS);
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	assert_int_equal(total, 1);
	assert_int_equal(count, 0);
}

/* --- Walk ------------------------------------------------------------------------------------- */

struct walk {
	char seen[1000];
	size_t count;
	bool change;      /* abort each open job as it comes */
	const char *also; /* and abort this one at the first visit */
	size_t stop_at;   /* E_CANCELLED at this one; 0: never */
};

static enum status note(void *ctx, const struct job *job, struct err *e)
{
	struct walk *walk = ctx;
	struct job got;

	walk->seen[walk->count++] = job->id[0];
	if (walk->count == walk->stop_at)
		return err_set(e, E_CANCELLED, "enough");
	if (walk->change && job->state == JOB_OPEN)
		assert_ok(move(job->id, JOB_OPEN, JOB_ABORTED, &got));
	if (walk->also != NULL && walk->count == 1)
		assert_ok(move(walk->also, JOB_OPEN, JOB_ABORTED, &got));
	return OK;
}

static void a_walk_visits_every_job_of_the_states(void **state)
{
	struct walk walk = {.count = 0};
	struct job got, job;

	(void)state;
	make_ten();
	assert_ok(
	    catalog_job_each(catalog, ONE(JOB_OPEN) | ONE(JOB_ABORTED), false, note, &walk, &err));
	assert_memory_equal(walk.seen, "0123", 5);

	job = new_job("orders", 5);
	job.id[0] = 'a';
	assert_ok(catalog_job_create(catalog, &job, &err));
	assert_ok(catalog_job_delete(catalog, S(job.id), JOB_STATES_ALL, &got, &err));
	walk = (struct walk){.count = 0};
	assert_ok(catalog_job_each(catalog, ONE(JOB_OPEN), false, note, &walk, &err));
	assert_memory_equal(walk.seen, "03", 3);
	walk = (struct walk){.count = 0};
	assert_ok(catalog_job_each(catalog, ONE(JOB_FAILED), true, note, &walk, &err));
	assert_memory_equal(walk.seen, "4a", 3);
	walk = (struct walk){.count = 0};
	assert_ok(catalog_job_each(catalog, 0, true, note, &walk, &err));
	assert_memory_equal(walk.seen, "a", 2);
}

static void a_visitor_may_change_jobs_and_end_the_walk(void **state)
{
	struct job jobs[3];
	struct walk walk = {.change = true};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		jobs[i] = new_job("orders", 1);
		jobs[i].id[0] = (char)('a' + i);
		assert_ok(catalog_job_create(catalog, &jobs[i], &err));
	}
	/* The third is changed at the first visit, and so left out. */
	walk.also = jobs[2].id;
	assert_ok(catalog_job_each(catalog, ONE(JOB_OPEN), false, note, &walk, &err));
	assert_memory_equal(walk.seen, "ab", 3);
	walk = (struct walk){.stop_at = 2};
	assert_status(
	    catalog_job_each(catalog, JOB_STATES_ALL, true, note, &walk, &err), E_CANCELLED);
	assert_string_equal(err.text, "enough");
	assert_int_equal(walk.count, 2);
}

/* --- Age -------------------------------------------------------------------------------------- */

static void aged_jobs_come_oldest_first_and_by_their_last_change(void **state)
{
	char(*ids)[UUID_TEXT_BYTES];
	struct job jobs[4], job;
	size_t count, i;

	(void)state;
	for (i = 0; i < 4; i++)
		jobs[i] = create_job("orders", (int64_t)(40 - 10 * i));
	assert_ok(catalog_job_aged(catalog, JOB_OPEN, 31, 9, &arena, &ids, &count, &err));
	assert_int_equal(count, 3);
	assert_string_equal(ids[0], jobs[3].id);
	assert_string_equal(ids[1], jobs[2].id);
	assert_string_equal(ids[2], jobs[1].id);
	assert_ok(catalog_job_aged(catalog, JOB_OPEN, 31, 2, &arena, &ids, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(ids[1], jobs[2].id);
	assert_ok(catalog_job_aged(catalog, JOB_OPEN, 10, 2, &arena, &ids, &count, &err));
	assert_int_equal(count, 0);

	/* A change of state makes it young; a removed one is nobody's. */
	assert_ok(move(jobs[3].id, JOB_OPEN, JOB_ABORTED, &job));
	assert_ok(catalog_job_delete(catalog, S(jobs[2].id), ONE(JOB_OPEN), &job, &err));
	assert_ok(catalog_job_aged(catalog, JOB_OPEN, 31, 9, &arena, &ids, &count, &err));
	assert_int_equal(count, 1);
	assert_string_equal(ids[0], jobs[1].id);
	assert_ok(catalog_job_aged(catalog, JOB_ABORTED, 31, 9, &arena, &ids, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_job_aged(catalog, JOB_ABORTED, INT64_MAX, 9, &arena, &ids, &count, &err));
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_list_filters_orders_and_pages),
	    TEST(a_listed_job_is_the_row),
	    TEST(totals_follow_every_change),
	    TEST(a_walk_visits_every_job_of_the_states),
	    TEST(a_visitor_may_change_jobs_and_end_the_walk),
	    TEST(aged_jobs_come_oldest_first_and_by_their_last_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
