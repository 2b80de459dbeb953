/* SPDX-License-Identifier: Apache-2.0 */
/* What every catalog promises about one job and its parts: see catalog_fixture.h. */
#include "catalog_fixture.h"

#include <sched.h>

#define HOUR_US INT64_C(3600000000)

/* --- Words ------------------------------------------------------------------------------------ */

static void states_and_operations_have_the_words_of_the_wire(void **state)
{
	static const struct {
		enum job_state state;
		const char *name;
	} states[] = {
	    {JOB_OPEN, "Open"},
	    {JOB_UPLOAD_COMPLETE, "UploadComplete"},
	    {JOB_IN_PROGRESS, "InProgress"},
	    {JOB_COMPLETE, "JobComplete"},
	    {JOB_FAILED, "Failed"},
	    {JOB_ABORTED, "Aborted"},
	};
	enum job_state parsed;
	enum job_operation operation;
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		assert_string_equal(job_state_name(states[i].state), states[i].name);
		assert_true(job_state_parse(S(states[i].name), &parsed));
		assert_int_equal(parsed, states[i].state);
	}
	assert_false(job_state_parse(S("open"), &parsed));
	assert_false(job_state_parse(S("Ope"), &parsed));
	assert_false(job_state_parse(S(""), &parsed));

	assert_string_equal(job_operation_name(JOB_UPSERT), "upsert");
	assert_string_equal(job_operation_name(JOB_DELETE), "delete");
	assert_true(job_operation_parse(S("upsert"), &operation));
	assert_int_equal(operation, JOB_UPSERT);
	assert_true(job_operation_parse(S("delete"), &operation));
	assert_int_equal(operation, JOB_DELETE);
	assert_false(job_operation_parse(S("insert"), &operation));
	assert_false(job_operation_parse(S("Upsert"), &operation));
}

/* --- Jobs ------------------------------------------------------------------------------------- */

static void a_created_job_is_read_back_whole(void **state)
{
	struct job job = new_job("orders", 1234567), got;

	(void)state;
	job.operation = JOB_DELETE;
	job.validate_only = true;
	assert_ok(catalog_job_create(catalog, &job, &err));
	got = get_job(job.id);
	assert_true(got.validate_only);
	assert_string_equal(got.id, job.id);
	assert_int_equal(got.operation, JOB_DELETE);
	assert_int_equal(got.state, JOB_OPEN);
	assert_false(got.deleted);
	assert_string_equal(got.connector, "ecomm");
	assert_string_equal(got.object, "orders");
	assert_string_equal(got.created_by, "005000000000001AAA");
	assert_int_equal(got.created_us, 1234567);
	assert_int_equal(got.modified_us, 1234567);
	assert_int_equal(got.queue_no, 0);
	assert_string_equal(got.lease, "");
	assert_int_equal(got.part_count, 0);
	assert_int_equal(got.part_bytes, 0);
	assert_int_equal(got.retries, 0);
	assert_int_equal(got.records_processed, 0);
	assert_int_equal(got.records_failed, 0);
	assert_int_equal(got.processing_ms, 0);
	assert_string_equal(got.error, "");
}

static void a_job_needs_a_stream(void **state)
{
	struct job job = new_job("nothing", 1);

	(void)state;
	assert_status(catalog_job_create(catalog, &job, &err), E_NOT_FOUND);
	assert_status(catalog_job_get(catalog, S(job.id), &job, &err), E_NOT_FOUND);
	job = new_job("Orders", 1);
	assert_status(catalog_job_create(catalog, &job, &err), E_NOT_FOUND);
	job = new_job("orders", 1);
	snprintf(job.connector, sizeof(job.connector), "other");
	assert_status(catalog_job_create(catalog, &job, &err), E_NOT_FOUND);
}

static void an_unknown_job_is_not_found_by_any_call(void **state)
{
	static const char *const ids[] = {
	    "", "x", "4d5a4477-e27f-4bc1-a219-31e79407eade", "' OR '1'='1"};
	struct part part = new_part(1), *parts;
	struct job job = {.retries = 7};
	enum job_state now = JOB_FAILED;
	size_t i, count;

	(void)state;
	create_job("orders", 1);
	for (i = 0; i < 4; i++) {
		assert_status(catalog_job_get(catalog, S(ids[i]), &job, &err), E_NOT_FOUND);
		assert_status(move(ids[i], JOB_OPEN, JOB_ABORTED, &job), E_NOT_FOUND);
		assert_status(catalog_job_delete(catalog, S(ids[i]), JOB_STATES_ALL, &job, &err),
		    E_NOT_FOUND);
		assert_status(
		    catalog_part_add(catalog, S(ids[i]), &part, 10, &now, &err), E_NOT_FOUND);
		assert_ok(catalog_job_remove(catalog, S(ids[i]), &err));
		assert_ok(catalog_part_list(catalog, S(ids[i]), &arena, &parts, &count, &err));
		assert_int_equal(count, 0);
	}
	/* Nothing that was not found wrote anything. */
	assert_int_equal(job.retries, 7);
	assert_int_equal(now, JOB_FAILED);
	assert_int_equal(part.number, 0);
}

static void a_move_changes_what_it_says_and_nothing_else(void **state)
{
	struct job job = create_job("orders", 1000), got;
	struct catalog_job_move change;

	(void)state;
	assert_ok(add_part(job.id, 30, 5));
	job = close_job(job.id);
	assert_int_equal(job.state, JOB_UPLOAD_COMPLETE);
	assert_int_equal(job.queue_no, 1);
	assert_true(job.modified_us > 1000);
	assert_int_equal(job.created_us, 1000);
	assert_int_equal(job.part_count, 1);
	assert_int_equal(job.part_bytes, 30);

	change = (struct catalog_job_move){.from = ONE(JOB_UPLOAD_COMPLETE) | ONE(JOB_FAILED),
	    .to = JOB_IN_PROGRESS,
	    .new_lease = "lease-1",
	    .add_retry = true};
	assert_ok(catalog_job_move(catalog, S(job.id), &change, &job, &err));
	assert_int_equal(job.state, JOB_IN_PROGRESS);
	assert_string_equal(job.lease, "lease-1");
	assert_int_equal(job.retries, 1);
	assert_int_equal(job.queue_no, 1);

	change = (struct catalog_job_move){.from = ONE(JOB_IN_PROGRESS),
	    .lease = "lease-1",
	    .to = JOB_FAILED,
	    .set_result = true,
	    .records_processed = 10,
	    .records_failed = 3,
	    .processing_ms = 99,
	    .error = "no header"};
	assert_ok(catalog_job_move(catalog, S(job.id), &change, &job, &err));
	got = get_job(job.id);
	assert_int_equal(got.modified_us, job.modified_us);
	assert_int_equal(got.created_us, 1000);
	assert_int_equal(got.queue_no, 1);
	assert_int_equal(got.part_bytes, 30);
	assert_int_equal(got.state, JOB_FAILED);
	assert_string_equal(got.lease, "");
	assert_int_equal(got.retries, 1);
	assert_int_equal(got.records_processed, 10);
	assert_int_equal(got.records_failed, 3);
	assert_int_equal(got.processing_ms, 99);
	assert_string_equal(got.error, "no header");

	/* A result stays until another is set. */
	assert_ok(move(job.id, JOB_FAILED, JOB_ABORTED, &got));
	assert_int_equal(got.records_failed, 3);
	change = (struct catalog_job_move){
	    .from = ONE(JOB_ABORTED), .to = JOB_COMPLETE, .set_result = true};
	assert_ok(catalog_job_move(catalog, S(job.id), &change, &got, &err));
	assert_int_equal(got.records_failed, 0);
	assert_string_equal(got.error, "");
}

static void a_long_error_is_cut_between_characters(void **state)
{
	struct catalog_job_move change = {
	    .from = ONE(JOB_OPEN), .to = JOB_FAILED, .set_result = true};
	struct job job = create_job("orders", 1);
	char text[2000];

	(void)state;
	/* 1,022 letters, then one of two bytes that would take the place of the NUL. */
	memset(text, 'e', sizeof(text));
	memcpy(text + 1022, "\xc3\xa9\xc3\xa9", 5);
	change.error = text;
	assert_ok(catalog_job_move(catalog, S(job.id), &change, &job, &err));
	assert_int_equal(strlen(job.error), 1022);
	job = get_job(job.id);
	assert_int_equal(strlen(job.error), 1022);
}

static void a_move_from_another_state_is_refused_and_shows_the_row(void **state)
{
	struct job job = create_job("orders", 1), got = {.retries = 9};

	(void)state;
	assert_ok(move(job.id, JOB_OPEN, JOB_ABORTED, &job));
	assert_status(move(job.id, JOB_OPEN, JOB_UPLOAD_COMPLETE, &got), E_CONFLICT);
	assert_int_equal(got.state, JOB_ABORTED);
	assert_string_equal(got.id, job.id);
	assert_int_equal(got.modified_us, job.modified_us);
	assert_int_equal(got.retries, 0);
	assert_int_equal(get_job(job.id).state, JOB_ABORTED);
}

static void a_move_with_another_lease_is_refused(void **state)
{
	struct catalog_job_move change = {
	    .from = ONE(JOB_IN_PROGRESS), .lease = "mine", .to = JOB_COMPLETE};
	struct job job, got;

	(void)state;
	make_closed("orders");
	assert_ok(claim_job(catalog, "theirs", &job, &err));
	assert_status(catalog_job_move(catalog, S(job.id), &change, &got, &err), E_CONFLICT);
	assert_int_equal(got.state, JOB_IN_PROGRESS);
	assert_string_equal(got.lease, "theirs");
	assert_string_equal(get_job(job.id).lease, "theirs");
	change.lease = "";
	assert_status(catalog_job_move(catalog, S(job.id), &change, &got, &err), E_CONFLICT);
	change.lease = "theirs";
	assert_ok(catalog_job_move(catalog, S(job.id), &change, &got, &err));
	assert_string_equal(got.lease, "");
}

static void modified_moves_forward_even_when_the_clock_is_behind(void **state)
{
	int64_t future_us = clock_now_us() + HOUR_US;
	struct job job = create_job("orders", future_us), got;
	int i;

	(void)state;
	for (i = 1; i <= 3; i++) {
		assert_ok(move(job.id, JOB_OPEN, JOB_OPEN, &got));
		assert_int_equal(got.modified_us, future_us + i);
	}
	close_job(job.id);
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_int_equal(got.modified_us, future_us + 5);

	/* And is the time when the clock is not behind. */
	job = create_job("orders", 1);
	assert_ok(move(job.id, JOB_OPEN, JOB_ABORTED, &got));
	assert_true(got.modified_us > future_us - HOUR_US);
	assert_true(got.modified_us < future_us);
}

static void queue_numbers_never_go_back(void **state)
{
	struct job first = make_closed("orders"), second = make_closed("customers");

	(void)state;
	assert_int_equal(first.queue_no, 1);
	assert_int_equal(second.queue_no, 2);
	assert_ok(catalog_job_delete(catalog, S(second.id), JOB_STATES_ALL, &second, &err));
	assert_ok(catalog_job_remove(catalog, S(second.id), &err));
	reopen();
	assert_int_equal(make_closed("customers").queue_no, 3);
	/* A refused move uses none up. */
	assert_status(move(first.id, JOB_OPEN, JOB_ABORTED, &first), E_CONFLICT);
	assert_int_equal(make_closed("customers").queue_no, 4);
}

/* --- Claim ------------------------------------------------------------------------------------ */

static void claims_come_in_the_order_of_closing_one_job_an_object(void **state)
{
	struct job a, b, c, d, got = {.retries = 5};

	(void)state;
	assert_status(claim_job(catalog, "l", &got, &err), E_NOT_FOUND);
	assert_int_equal(got.retries, 5);
	/* Created in another order than closed. */
	b = create_job("orders", 1);
	a = create_job("orders", 2);
	c = create_job("customers", 3);
	d = create_job("orders", 4);
	close_job(a.id);
	close_job(b.id);
	close_job(c.id);

	assert_ok(claim_job(catalog, "lease", &got, &err));
	assert_string_equal(got.id, a.id);
	assert_int_equal(got.state, JOB_IN_PROGRESS);
	assert_string_equal(got.lease, "lease");
	assert_string_equal(got.object, "orders");
	/* b is older than c, but a is at work on its object. */
	assert_ok(claim_job(catalog, "lease", &got, &err));
	assert_string_equal(got.id, c.id);
	assert_status(claim_job(catalog, "lease", &got, &err), E_NOT_FOUND);
	/* Each object's next comes when the one before is through. */
	assert_ok(move(a.id, JOB_IN_PROGRESS, JOB_COMPLETE, &got));
	assert_ok(claim_job(catalog, "lease", &got, &err));
	assert_string_equal(got.id, b.id);
	/* An open job is never claimed. */
	assert_ok(move(b.id, JOB_IN_PROGRESS, JOB_FAILED, &got));
	assert_status(claim_job(catalog, "lease", &got, &err), E_NOT_FOUND);
	assert_int_equal(get_job(d.id).state, JOB_OPEN);
}

static void a_job_that_goes_back_keeps_its_place(void **state)
{
	struct job a = make_closed("orders"), b = make_closed("orders"), got;

	(void)state;
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_string_equal(got.id, a.id);
	assert_ok(move(a.id, JOB_IN_PROGRESS, JOB_UPLOAD_COMPLETE, &got));
	assert_int_equal(got.queue_no, 1);
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_string_equal(got.id, a.id);
	assert_int_equal(get_job(b.id).state, JOB_UPLOAD_COMPLETE);
}

static void a_deleted_job_is_not_claimed(void **state)
{
	struct job a = make_closed("orders"), b = make_closed("orders"), got;

	(void)state;
	assert_ok(catalog_job_delete(catalog, S(a.id), ONE(JOB_UPLOAD_COMPLETE), &got, &err));
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_string_equal(got.id, b.id);
}

/* --- What comes before a job, and behind it ---------------------------------------------------- */

static void a_job_keeps_where_its_journal_ended_when_it_was_closed(void **state)
{
	struct catalog_job_move close = {.from = ONE(JOB_OPEN),
	    .to = JOB_UPLOAD_COMPLETE,
	    .enqueue = true,
	    .journal_end = INT64_C(5000000000)};
	struct job job = create_job("orders", 1), got;

	(void)state;
	assert_int_equal(job.journal_end, 0);
	assert_ok(catalog_job_move(catalog, S(job.id), &close, &got, &err));
	assert_int_equal(got.journal_end, INT64_C(5000000000));
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_int_equal(got.journal_end, INT64_C(5000000000));
	/* No other move touches it. */
	assert_ok(move(job.id, JOB_IN_PROGRESS, JOB_UPLOAD_COMPLETE, &got));
	reopen();
	assert_int_equal(get_job(job.id).journal_end, INT64_C(5000000000));
}

static void assert_first_closed(const char *object, const struct job *wanted)
{
	struct job got;

	if (wanted == NULL) {
		assert_status(catalog_job_first_closed(catalog, S("ecomm"), S(object), &got, &err),
		    E_NOT_FOUND);
		return;
	}
	assert_ok(catalog_job_first_closed(catalog, S("ecomm"), S(object), &got, &err));
	assert_string_equal(got.id, wanted->id);
}

static void the_first_closed_job_is_the_oldest_that_is_not_settled(void **state)
{
	struct job open = create_job("orders", 1), a, b, c, got;

	(void)state;
	assert_first_closed("orders", NULL);
	a = make_closed("orders");
	b = make_closed("orders");
	c = make_closed("orders");
	assert_first_closed("orders", &a);
	assert_first_closed("customers", NULL);
	/* At work it is still the first, and back in the queue; settled it is not. */
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_first_closed("orders", &a);
	assert_ok(move(a.id, JOB_IN_PROGRESS, JOB_UPLOAD_COMPLETE, &got));
	assert_first_closed("orders", &a);
	assert_ok(move(a.id, JOB_UPLOAD_COMPLETE, JOB_ABORTED, &got));
	assert_first_closed("orders", &b);
	assert_ok(catalog_job_delete(catalog, S(b.id), ONE(JOB_UPLOAD_COMPLETE), &got, &err));
	assert_first_closed("orders", &c);
	assert_ok(claim_job(catalog, "l", &got, &err));
	assert_ok(move(c.id, JOB_IN_PROGRESS, JOB_COMPLETE, &got));
	assert_first_closed("orders", NULL);
	assert_int_equal(get_job(open.id).state, JOB_OPEN);
}

/* A dry run lands nothing, so nothing waits for it. */
static void the_first_closed_job_is_none_that_only_validates(void **state)
{
	struct catalog_job_move close = {
	    .from = ONE(JOB_OPEN), .to = JOB_UPLOAD_COMPLETE, .enqueue = true};
	struct job dry = {.operation = JOB_UPSERT,
	    .state = JOB_OPEN,
	    .connector = "ecomm",
	    .object = "orders",
	    .created_by = "005000000000001AAA",
	    .created_us = 1,
	    .modified_us = 1,
	    .validate_only = true};
	struct job real, got;

	(void)state;
	uuid_make(dry.id);
	assert_ok(catalog_job_create(catalog, &dry, &err));
	assert_ok(catalog_job_move(catalog, S(dry.id), &close, &got, &err));
	assert_first_closed("orders", NULL);
	real = make_closed("orders");
	assert_first_closed("orders", &real);
}

/* --- Delete, remove --------------------------------------------------------------------------- */

static void a_deleted_job_is_gone_for_clients_until_its_row_goes(void **state)
{
	struct catalog_job_filter filter = {.states = JOB_STATES_ALL, .limit = 10};
	struct job job = create_job("orders", 5), got, *jobs;
	struct part *parts;
	size_t count;
	int64_t total;

	(void)state;
	assert_ok(add_part(job.id, 10, 5));
	assert_status(
	    catalog_job_delete(catalog, S(job.id), ONE(JOB_ABORTED), &got, &err), E_CONFLICT);
	assert_int_equal(got.state, JOB_OPEN);
	assert_false(got.deleted);
	assert_status(catalog_job_remove(catalog, S(job.id), &err), E_CONFLICT);
	assert_int_equal(get_job(job.id).part_count, 1);

	assert_ok(
	    catalog_job_delete(catalog, S(job.id), ONE(JOB_ABORTED) | ONE(JOB_OPEN), &got, &err));
	assert_true(got.deleted);
	assert_string_equal(got.id, job.id);
	assert_status(catalog_job_get(catalog, S(job.id), &got, &err), E_NOT_FOUND);
	assert_status(move(job.id, JOB_OPEN, JOB_ABORTED, &got), E_NOT_FOUND);
	assert_status(
	    catalog_job_delete(catalog, S(job.id), JOB_STATES_ALL, &got, &err), E_NOT_FOUND);
	assert_status(add_part(job.id, 10, 5), E_NOT_FOUND);
	assert_ok(catalog_job_list(catalog, &filter, &arena, &jobs, &count, &total, &err));
	assert_int_equal(count, 0);
	assert_int_equal(total, 0);

	assert_ok(catalog_part_list(catalog, S(job.id), &arena, &parts, &count, &err));
	assert_int_equal(count, 1);
	assert_ok(catalog_job_remove(catalog, S(job.id), &err));
	assert_ok(catalog_part_list(catalog, S(job.id), &arena, &parts, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_job_remove(catalog, S(job.id), &err));
}

/* --- Parts ------------------------------------------------------------------------------------ */

static void parts_are_numbered_in_the_order_of_acceptance(void **state)
{
	struct job job = create_job("orders", 5), other = create_job("orders", 5);
	struct part part = {.blob_name = "p-one", .bytes = 150, .accepted_us = 12}, *parts;
	enum job_state now = JOB_FAILED;
	size_t count;

	(void)state;
	part.sha256[0] = 0x00;
	part.sha256[31] = 0xff;
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 3, &now, &err));
	assert_int_equal(part.number, 1);
	assert_ok(add_part(other.id, 7, 3));
	snprintf(part.blob_name, sizeof(part.blob_name), "p-two");
	part.bytes = 0;
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 3, &now, &err));
	assert_int_equal(part.number, 2);
	assert_int_equal(now, JOB_FAILED);

	assert_ok(catalog_part_list(catalog, S(job.id), &arena, &parts, &count, &err));
	assert_int_equal(count, 2);
	assert_int_equal(parts[0].number, 1);
	assert_string_equal(parts[0].blob_name, "p-one");
	assert_int_equal(parts[0].bytes, 150);
	assert_int_equal(parts[0].sha256[0], 0x00);
	assert_int_equal(parts[0].sha256[31], 0xff);
	assert_int_equal(parts[0].accepted_us, 12);
	assert_int_equal(parts[1].number, 2);
	assert_string_equal(parts[1].blob_name, "p-two");

	other = get_job(job.id);
	assert_int_equal(other.part_count, 2);
	assert_int_equal(other.part_bytes, 150);
	assert_int_equal(other.modified_us, 5);
}

static void a_part_is_refused_past_the_limit_and_by_a_closed_job(void **state)
{
	struct job job = create_job("orders", 5);
	struct part part = new_part(10);
	enum job_state now = JOB_FAILED;

	(void)state;
	assert_status(catalog_part_add(catalog, S(job.id), &part, 0, &now, &err), E_LIMIT);
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err));
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err));
	assert_status(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err), E_LIMIT);
	assert_int_equal(part.number, 2);
	assert_int_equal(now, JOB_FAILED);
	assert_int_equal(get_job(job.id).part_count, 2);
	assert_int_equal(get_job(job.id).part_bytes, 20);

	close_job(job.id);
	assert_status(catalog_part_add(catalog, S(job.id), &part, 9, &now, &err), E_CONFLICT);
	assert_int_equal(now, JOB_UPLOAD_COMPLETE);
	assert_int_equal(get_job(job.id).part_count, 2);
}

static struct part keyed_part(const char *key, const char *blob_name)
{
	struct part part = new_part(10);

	snprintf(part.key, sizeof(part.key), "%s", key);
	snprintf(part.blob_name, sizeof(part.blob_name), "%s", blob_name);
	return part;
}

static void a_part_is_added_once_under_its_key(void **state)
{
	struct job job = create_job("orders", 5), other = create_job("orders", 5);
	struct part part = keyed_part("k", "first");
	enum job_state now = JOB_FAILED;

	(void)state;
	assert_status(catalog_part_find(catalog, S(job.id), S("k"), &part, &err), E_NOT_FOUND);
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err));

	/* Again: it is the one that is there, also when the job is full, or closed. */
	part = keyed_part("k", "second");
	assert_status(catalog_part_add(catalog, S(job.id), &part, 1, &now, &err), E_EXISTS);
	assert_string_equal(part.blob_name, "first");
	assert_int_equal(part.number, 1);
	assert_string_equal(part.key, "k");
	assert_int_equal(part.accepted_us, 77);
	assert_int_equal(get_job(job.id).part_count, 1);
	close_job(job.id);
	part = keyed_part("k", "third");
	assert_status(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err), E_EXISTS);
	part = keyed_part("new", "third");
	assert_status(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err), E_CONFLICT);

	/* Another job's keys are its own; no key is like no other. */
	part = keyed_part("k", "fourth");
	assert_ok(catalog_part_add(catalog, S(other.id), &part, 9, &now, &err));
	part = keyed_part("K", "fifth");
	assert_ok(catalog_part_add(catalog, S(other.id), &part, 9, &now, &err));
	part = keyed_part("", "sixth");
	assert_ok(catalog_part_add(catalog, S(other.id), &part, 9, &now, &err));
	part = keyed_part("", "seventh");
	assert_ok(catalog_part_add(catalog, S(other.id), &part, 9, &now, &err));
	assert_int_equal(part.number, 4);
	assert_ok(catalog_part_find(catalog, S(other.id), S("k"), &part, &err));
	assert_string_equal(part.blob_name, "fourth");
}

static void an_aborted_job_has_lost_its_keyed_parts(void **state)
{
	struct job job = create_job("orders", 5);
	struct part part = keyed_part("k", "first");
	enum job_state now = JOB_FAILED;

	(void)state;
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err));
	assert_ok(move(job.id, JOB_OPEN, JOB_ABORTED, &job));
	assert_status(catalog_part_add(catalog, S(job.id), &part, 2, &now, &err), E_CONFLICT);
	assert_int_equal(now, JOB_ABORTED);
}

static enum status claim_after(int64_t delay_us, struct job *ret_job, int64_t *ret_ready_us)
{
	const struct catalog_claim claim = {.lease = "l", .delay_us = delay_us, .jobs_max = 1};
	size_t count;

	return catalog_job_claim(catalog, &claim, ret_job, &count, ret_ready_us, &err);
}

static void a_closed_job_is_claimed_when_its_delay_is_over(void **state)
{
	const int64_t hour_us = INT64_C(3600) * 1000000;
	struct job closed = make_closed("orders"), got;
	int64_t ready_us = 5;

	(void)state;
	assert_status(claim_after(hour_us, &got, &ready_us), E_NOT_FOUND);
	assert_int_equal(ready_us, get_job(closed.id).modified_us + hour_us);
	assert_int_equal(get_job(closed.id).state, JOB_UPLOAD_COMPLETE);
	assert_ok(claim_after(1, &got, &ready_us));
	assert_string_equal(got.id, closed.id);
	assert_status(claim_after(hour_us, &got, &ready_us), E_NOT_FOUND);
	assert_int_equal(ready_us, 0);
}

static void a_clock_that_was_set_back_holds_up_no_job(void **state)
{
	const int64_t hour_us = INT64_C(3600) * 1000000, now_us = clock_now_us();
	struct job ahead = create_job("orders", now_us + 3 * hour_us), got;
	int64_t ready_us = 5;

	(void)state;
	close_job(ahead.id);
	assert_status(claim_after(4 * hour_us, &got, &ready_us), E_NOT_FOUND);
	assert_int_equal(ready_us, get_job(ahead.id).modified_us + 4 * hour_us);
	assert_ok(claim_after(hour_us, &got, &ready_us));
	assert_string_equal(got.id, ahead.id);
}

/* --- Several jobs ----------------------------------------------------------------------------- */

/* A closed job with parts of so many bytes, like ${like}. */
static struct job make_like(struct job like, int64_t bytes, int64_t journal_end)
{
	struct job job = new_job("orders", 5);
	struct part part = new_part(bytes);
	const struct catalog_job_move change = {.from = ONE(JOB_OPEN),
	    .to = JOB_UPLOAD_COMPLETE,
	    .enqueue = true,
	    .journal_end = journal_end};
	enum job_state now;

	job.operation = like.operation;
	job.validate_only = like.validate_only;
	assert_ok(catalog_job_create(catalog, &job, &err));
	assert_ok(catalog_part_add(catalog, S(job.id), &part, 9, &now, &err));
	assert_ok(catalog_job_move(catalog, S(job.id), &change, &job, &err));
	return job;
}

/* Claim, and settle: how many there were, which must be the ${count} of ${expected} in their order. */
static void check_claim(
    size_t jobs_max, int64_t bytes_max, const struct job *expected, size_t count)
{
	const struct catalog_claim claim = {
	    .lease = "l", .jobs_max = jobs_max, .bytes_max = bytes_max};
	struct catalog_job_step steps[CATALOG_CLAIM_MAX];
	struct job got[CATALOG_CLAIM_MAX], after[CATALOG_CLAIM_MAX];
	size_t got_count = 0;
	int64_t ready_us;

	assert_ok(catalog_job_claim(catalog, &claim, got, &got_count, &ready_us, &err));
	assert_int_equal(got_count, count);
	for (size_t i = 0; i < count; i++) {
		struct job stored = get_job(expected[i].id);

		assert_string_equal(got[i].id, expected[i].id);
		assert_int_equal(stored.state, JOB_IN_PROGRESS);
		assert_string_equal(stored.lease, "l");
		assert_int_equal(got[i].modified_us, stored.modified_us);
		steps[i] = (struct catalog_job_step){.id = S(expected[i].id),
		    .move = {.from = ONE(JOB_IN_PROGRESS),
			.lease = "l",
			.to = JOB_COMPLETE,
			.set_result = true,
			.records_processed = (int64_t)i + 1}};
	}
	assert_ok(catalog_job_move_all(catalog, steps, count, after, &err));
	for (size_t i = 0; i < count; i++) {
		struct job stored = get_job(expected[i].id);

		assert_int_equal(stored.state, JOB_COMPLETE);
		assert_int_equal(stored.records_processed, i + 1);
		assert_int_equal(after[i].state, JOB_COMPLETE);
		assert_string_equal(after[i].id, expected[i].id);
	}
}

static void small_jobs_of_an_object_are_claimed_together(void **state)
{
	const struct job upsert = {.operation = JOB_UPSERT}, delete = {.operation = JOB_DELETE},
			 dry = {.operation = JOB_UPSERT, .validate_only = true};
	struct job jobs[12], other;

	(void)state;
	/* Up to so many bytes: the first two have them, the third would be one too much. */
	jobs[0] = make_like(upsert, 10, 0);
	jobs[1] = make_like(upsert, 20, 0);
	jobs[2] = make_like(upsert, 1, 0);
	check_claim(64, 30, jobs, 2);
	check_claim(64, 0, jobs + 2, 1); /* one is always claimed */

	/* Up to so many jobs. */
	for (size_t i = 0; i < 5; i++)
		jobs[i] = make_like(upsert, 0, 7);
	other = make_closed("customers");
	check_claim(3, 30, jobs, 3);
	check_claim(64, 30, jobs + 3, 2);
	check_claim(64, 30, &other, 1);

	/* Without a gap: nobody overtakes one that is unlike the first. */
	jobs[0] = make_like(upsert, 1, 7);
	jobs[1] = make_like(upsert, 1, 7);
	jobs[2] = make_like(delete, 1, 7);
	jobs[3] = make_like(upsert, 1, 7);
	jobs[4] = make_like(upsert, 1, 8);
	jobs[5] = make_like(upsert, 1, 8);
	jobs[6] = make_like(dry, 1, 8);
	jobs[7] = make_like(dry, 1, 8);
	jobs[8] = make_like(upsert, 1, 8);
	jobs[9] = make_like(upsert, 31, 8);
	jobs[10] = make_like(upsert, 1, 8);
	check_claim(64, 30, jobs, 2);
	check_claim(64, 30, jobs + 2, 1);
	check_claim(64, 30, jobs + 3, 1);
	check_claim(64, 30, jobs + 4, 2);
	check_claim(64, 30, jobs + 6, 1);
	check_claim(64, 30, jobs + 7, 1);
	check_claim(64, 30, jobs + 8, 1);
	check_claim(64, 30, jobs + 9, 1);
	check_claim(64, 30, jobs + 10, 1);

	/* Not those of other objects, whose place is in between. */
	jobs[0] = make_like(upsert, 1, 7);
	other = make_closed("customers");
	jobs[1] = make_like(upsert, 1, 7);
	check_claim(64, 30, jobs, 2);
	check_claim(64, 30, &other, 1);
}

static void a_job_whose_delay_is_not_over_does_not_go_along(void **state)
{
	const struct job upsert = {.operation = JOB_UPSERT};
	struct catalog_claim claim = {.lease = "l", .jobs_max = 64, .bytes_max = 30};
	struct job first = make_like(upsert, 1, 0), got[64];
	size_t count = 0;
	int64_t ready_us;

	(void)state;
	while (clock_now_us() <= first.modified_us + 20000)
		(void)sched_yield();
	make_like(upsert, 1, 0);
	claim.delay_us = 20000;
	assert_ok(catalog_job_claim(catalog, &claim, got, &count, &ready_us, &err));
	assert_string_equal(got[0].id, first.id);
	/* Unless this took longer than the delay. */
	assert_true(count == 1 || clock_now_us() > first.modified_us + 40000);
}

static void several_moves_are_made_together_or_not_at_all(void **state)
{
	struct job one = make_closed("orders"), two = make_closed("orders"), after[2];
	struct catalog_job_step steps[2] = {
	    {.id = S(one.id), .move = {.from = ONE(JOB_UPLOAD_COMPLETE), .to = JOB_ABORTED}},
	    {.id = S(two.id), .move = {.from = ONE(JOB_OPEN), .to = JOB_ABORTED}},
	};

	(void)state;
	assert_status(catalog_job_move_all(catalog, steps, 2, after, &err), E_CONFLICT);
	assert_int_equal(get_job(one.id).state, JOB_UPLOAD_COMPLETE);
	steps[1].id = S("00000000-0000-4000-8000-000000000000");
	assert_status(catalog_job_move_all(catalog, steps, 2, after, &err), E_NOT_FOUND);
	assert_int_equal(get_job(one.id).state, JOB_UPLOAD_COMPLETE);
	steps[1] = (struct catalog_job_step){S(two.id), steps[0].move};
	assert_ok(catalog_job_move_all(catalog, steps, 2, after, &err));
	assert_int_equal(get_job(one.id).state, JOB_ABORTED);
	assert_int_equal(get_job(two.id).state, JOB_ABORTED);
}

/* --- Quotas ----------------------------------------------------------------------------------- */

static enum status create_within(const struct catalog_quota *quota, const char *object,
    int64_t created_us, struct catalog_quota_hit *ret_hit, char ret_id[UUID_TEXT_BYTES])
{
	struct job job = new_job(object, created_us);

	strcpy(ret_id, job.id);
	return catalog_job_create_within(catalog, &job, quota, ret_hit, &err);
}

static void an_object_has_as_many_active_jobs_as_its_quota(void **state)
{
	const struct catalog_quota quota = {.object_max = 1};
	struct catalog_quota_hit hit;
	char first[UUID_TEXT_BYTES], id[UUID_TEXT_BYTES];
	struct job job;

	(void)state;
	assert_ok(create_within(&quota, "orders", 1, &hit, first));
	assert_status(create_within(&quota, "orders", 2, &hit, id), E_LIMIT);
	assert_int_equal(hit.part, QUOTA_OBJECT);
	assert_string_equal(hit.job_id, first);
	assert_status(catalog_job_get(catalog, S(id), &job, &err), E_NOT_FOUND);
	assert_ok(create_within(&quota, "customers", 2, &hit, id));

	/* Closed and in progress it is still active, and then no more. */
	close_job(first);
	assert_status(create_within(&quota, "orders", 3, &hit, id), E_LIMIT);
	assert_ok(claim_job(catalog, "l", &job, &err));
	assert_status(create_within(&quota, "orders", 3, &hit, id), E_LIMIT);
	assert_ok(move(first, JOB_IN_PROGRESS, JOB_COMPLETE, &job));
	assert_ok(create_within(&quota, "orders", 4, &hit, first));
	assert_ok(move(first, JOB_OPEN, JOB_ABORTED, &job));
	assert_ok(create_within(&quota, "orders", 5, &hit, id));

	/* Without a quota nobody asks; an unknown object is told first. */
	create_job("orders", 6);
	assert_status(create_within(&quota, "nothing", 7, &hit, id), E_NOT_FOUND);
}

static void only_so_many_jobs_are_active_at_once(void **state)
{
	const struct catalog_quota quota = {.active_max = 2};
	struct catalog_quota_hit hit;
	char id[UUID_TEXT_BYTES];
	struct job job;

	(void)state;
	assert_ok(create_within(&quota, "orders", 1, &hit, id));
	assert_ok(create_within(&quota, "customers", 1, &hit, id));
	assert_status(create_within(&quota, "events", 1, &hit, id), E_LIMIT);
	assert_int_equal(hit.part, QUOTA_ACTIVE);
	assert_string_equal(hit.job_id, "");
	assert_int_equal(hit.free_us, 0);
	create_job("orders", 2); /* of before the quota */
	assert_status(create_within(&quota, "nothing", 1, &hit, id), E_NOT_FOUND);
	job = make_closed("events");
	assert_ok(catalog_job_delete(catalog, S(job.id), ONE(JOB_UPLOAD_COMPLETE), &job, &err));
	assert_status(create_within(&quota, "events", 1, &hit, id), E_LIMIT);
}

static void only_so_many_jobs_are_created_in_a_span(void **state)
{
	const struct catalog_quota quota = {.created_max = 2, .created_span_us = 100};
	struct catalog_quota_hit hit;
	char id[UUID_TEXT_BYTES];
	struct job job;

	(void)state;
	assert_ok(create_within(&quota, "orders", 10, &hit, id));
	/* One that is removed counts all the same; one that was refused does not. */
	assert_ok(catalog_job_delete(catalog, S(id), ONE(JOB_OPEN), &job, &err));
	assert_ok(catalog_job_remove(catalog, S(id), &err));
	assert_ok(create_within(&quota, "orders", 50, &hit, id));
	assert_status(create_within(&quota, "orders", 109, &hit, id), E_LIMIT);
	assert_int_equal(hit.part, QUOTA_CREATED);
	assert_int_equal(hit.free_us, 110);
	assert_ok(create_within(&quota, "orders", 110, &hit, id));
	assert_status(create_within(&quota, "orders", 149, &hit, id), E_LIMIT);
	assert_int_equal(hit.free_us, 150);
	reopen();
	assert_status(create_within(&quota, "orders", 149, &hit, id), E_LIMIT);
	assert_ok(create_within(&quota, "orders", 150, &hit, id));
}

static void creations_ahead_of_a_clock_that_was_set_back_are_forgotten(void **state)
{
	const struct catalog_quota quota = {.created_max = 2, .created_span_us = 100};
	struct catalog_quota_hit hit;
	char id[UUID_TEXT_BYTES];

	(void)state;
	assert_ok(create_within(&quota, "orders", 1100, &hit, id));
	assert_ok(create_within(&quota, "orders", 1101, &hit, id));
	assert_status(create_within(&quota, "orders", 1001, &hit, id), E_LIMIT);
	assert_ok(create_within(&quota, "orders", 1000, &hit, id));
	assert_status(create_within(&quota, "orders", 1000, &hit, id), E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(states_and_operations_have_the_words_of_the_wire),
	    TEST(a_created_job_is_read_back_whole),
	    TEST(a_job_needs_a_stream),
	    TEST(an_unknown_job_is_not_found_by_any_call),
	    TEST(a_move_changes_what_it_says_and_nothing_else),
	    TEST(a_long_error_is_cut_between_characters),
	    TEST(a_move_from_another_state_is_refused_and_shows_the_row),
	    TEST(a_move_with_another_lease_is_refused),
	    TEST(modified_moves_forward_even_when_the_clock_is_behind),
	    TEST(queue_numbers_never_go_back),
	    TEST(claims_come_in_the_order_of_closing_one_job_an_object),
	    TEST(a_job_that_goes_back_keeps_its_place),
	    TEST(a_deleted_job_is_not_claimed),
	    TEST(a_job_keeps_where_its_journal_ended_when_it_was_closed),
	    TEST(the_first_closed_job_is_the_oldest_that_is_not_settled),
	    TEST(the_first_closed_job_is_none_that_only_validates),
	    TEST(a_deleted_job_is_gone_for_clients_until_its_row_goes),
	    TEST(parts_are_numbered_in_the_order_of_acceptance),
	    TEST(a_part_is_refused_past_the_limit_and_by_a_closed_job),
	    TEST(a_part_is_added_once_under_its_key),
	    TEST(an_aborted_job_has_lost_its_keyed_parts),
	    TEST(a_closed_job_is_claimed_when_its_delay_is_over),
	    TEST(small_jobs_of_an_object_are_claimed_together),
	    TEST(a_job_whose_delay_is_not_over_does_not_go_along),
	    TEST(several_moves_are_made_together_or_not_at_all),
	    TEST(a_clock_that_was_set_back_holds_up_no_job),
	    TEST(an_object_has_as_many_active_jobs_as_its_quota),
	    TEST(only_so_many_jobs_are_active_at_once),
	    TEST(only_so_many_jobs_are_created_in_a_span),
	    TEST(creations_ahead_of_a_clock_that_was_set_back_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
