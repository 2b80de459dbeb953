/* SPDX-License-Identifier: Apache-2.0 */
/* What every catalog promises about connectors, streams, tokens and its own life: see
 * catalog_fixture.h. */
#include "catalog_fixture.h"

#include "catalog/access.h"

/* --- Connectors ------------------------------------------------------------------------------- */

static void a_connector_keeps_its_document_and_counts_revisions(void **state)
{
	struct catalog_connector first, second;

	(void)state;
	assert_ok(catalog_connector_get(catalog, S("ecomm"), &arena, &first, &err));
	assert_string_equal(first.name, "ecomm");
	assert_int_equal(first.revision, 1);
	assert_true(slice_is(first.document, "openapi: 3.0.3"));
	assert_true(first.created_us > 0);
	assert_int_equal(first.created_us, first.modified_us);

	assert_ok(catalog_connector_put(catalog, S("ecomm"), S("openapi: 3.0.1"), 1, &err));
	assert_ok(catalog_connector_get(catalog, S("ecomm"), &arena, &second, &err));
	assert_int_equal(second.revision, 2);
	assert_true(slice_is(second.document, "openapi: 3.0.1"));
	assert_int_equal(second.created_us, first.created_us);
	assert_true(second.modified_us > first.modified_us);
}

static void a_connector_put_on_another_revision_is_refused(void **state)
{
	static const struct {
		const char *name;
		int64_t revision_now;
	} refused[] = {
	    {"ecomm", 0}, {"ECOMM", 0}, {"Ecomm", 0}, {"ecomm", 2}, {"ECOMM", 1}, {"nothing", 1}};
	struct catalog_connector connector;
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		assert_status(catalog_connector_put(catalog, S(refused[i].name), S("other"),
				  refused[i].revision_now, &err),
		    E_CONFLICT);
	assert_ok(catalog_connector_get(catalog, S("ecomm"), &arena, &connector, &err));
	assert_true(slice_is(connector.document, "openapi: 3.0.3"));
}

static void a_document_may_hold_any_bytes_and_be_large(void **state)
{
	static char large[4 * 1024 * 1024];
	struct slice odd = {"a\0b\xff", 4}, all = {large, sizeof(large)};
	struct catalog_connector connector;

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_ok(catalog_connector_put(catalog, S("odd"), odd, 0, &err));
	assert_ok(catalog_connector_put(catalog, S("large"), all, 0, &err));
	assert_ok(catalog_connector_put(catalog, S("empty"), S(""), 0, &err));
	assert_ok(catalog_connector_get(catalog, S("odd"), &arena, &connector, &err));
	assert_true(slice_equals(connector.document, odd));
	assert_ok(catalog_connector_get(catalog, S("large"), &arena, &connector, &err));
	assert_true(slice_equals(connector.document, all));
	assert_ok(catalog_connector_get(catalog, S("empty"), &arena, &connector, &err));
	assert_int_equal(connector.document.len, 0);
}

static void a_connector_is_found_by_its_exact_name_only(void **state)
{
	static const char *const names[] = {"ECOMM", "ecom", "ecomm ", "", "' OR 1=1 --"};
	struct catalog_connector connector = {.revision = 99};
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_status(catalog_connector_get(catalog, S(names[i]), &arena, &connector, &err),
		    E_NOT_FOUND);
	assert_int_equal(connector.revision, 99);
}

static void connectors_are_listed_by_name(void **state)
{
	static const char *const names[] = {
	    "c09", "c03", "c10", "c01", "c08", "c02", "c07", "c05", "c04", "c06"};
	static const char *const sorted[] = {
	    "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "ecomm"};
	struct catalog_connector *connectors;
	size_t count, i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_ok(catalog_connector_put(catalog, S(names[i]), S(names[i]), 0, &err));
	assert_ok(catalog_connector_list(catalog, &arena, &connectors, &count, &err));
	assert_int_equal(count, 11);
	for (i = 0; i < 11; i++)
		assert_string_equal(connectors[i].name, sorted[i]);
	assert_true(slice_is(connectors[9].document, "c10"));
}

static void the_tables_of_a_deleted_connector_are_remembered_until_forgotten(void **state)
{
	struct stream orders = {.connector = "ecomm", .object = "orders", .primary_key = "id"};
	struct catalog_table *tables;
	size_t count;
	bool created;

	(void)state;
	assert_ok(catalog_dropped_list(catalog, S(""), &arena, &tables, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_stream_put(catalog, &orders, &created, &err));
	assert_ok(catalog_connector_delete(catalog, S("ecomm"), &err));
	assert_ok(catalog_dropped_list(catalog, S("other"), &arena, &tables, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_dropped_list(catalog, S("ecomm"), &arena, &tables, &count, &err));
	assert_true(count >= 1);
	assert_string_equal(tables[count - 1].connector, "ecomm");
	assert_string_equal(tables[count - 1].object, "orders");

	/* Meanwhile no stream gets such a table: it would be dropped with what it then holds. */
	assert_ok(catalog_connector_put(catalog, S("ecomm"), S("x"), 0, &err));
	assert_status(catalog_stream_put(catalog, &orders, &created, &err), E_CONFLICT);
	for (size_t i = 0; i < count; i++)
		assert_ok(catalog_dropped_forget(catalog, &tables[i], &err));
	assert_ok(catalog_dropped_forget(catalog, &tables[0], &err)); /* again */
	assert_ok(catalog_dropped_list(catalog, S(""), &arena, &tables, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(catalog_stream_put(catalog, &orders, &created, &err));
	assert_true(created);
}

static void a_connector_goes_with_its_streams_unless_it_has_jobs(void **state)
{
	struct stream stream;
	struct job job;

	(void)state;
	assert_status(catalog_connector_delete(catalog, S("nothing"), &err), E_NOT_FOUND);
	assert_status(catalog_connector_delete(catalog, S("ECOMM"), &err), E_NOT_FOUND);

	/* A job stands in the way, even one that is marked as deleted. */
	job = create_job("orders", 5);
	assert_status(catalog_connector_delete(catalog, S("ecomm"), &err), E_CONFLICT);
	assert_ok(catalog_job_delete(catalog, S(job.id), JOB_STATES_ALL, &job, &err));
	assert_status(catalog_connector_delete(catalog, S("ecomm"), &err), E_CONFLICT);
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("orders"), &stream, &err));

	assert_ok(catalog_job_remove(catalog, S(job.id), &err));
	assert_ok(catalog_connector_delete(catalog, S("ecomm"), &err));
	assert_status(
	    catalog_stream_get(catalog, S("ecomm"), S("orders"), &stream, &err), E_NOT_FOUND);
	assert_status(catalog_connector_delete(catalog, S("ecomm"), &err), E_NOT_FOUND);

	/* The name is free again, and begins at revision 1. */
	assert_ok(catalog_connector_put(catalog, S("Ecomm"), S("x"), 0, &err));
	assert_ok(catalog_connector_put(catalog, S("Ecomm"), S("y"), 1, &err));
}

/* --- Streams ---------------------------------------------------------------------------------- */

static void a_stream_is_stored_and_replaced_whole(void **state)
{
	struct stream got, stream = {
			       .connector = "ecomm",
			       .object = "visits",
			       .category = STREAM_ENGAGEMENT,
			       .refresh = STREAM_PARTIAL,
			       .primary_key = "visit_id",
			       .record_modified_field = "",
			       .event_time_field = "seen_at",
			   };
	bool created = false;

	(void)state;
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
	assert_true(created);
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("visits"), &got, &err));
	assert_string_equal(got.connector, "ecomm");
	assert_string_equal(got.object, "visits");
	assert_int_equal(got.category, STREAM_ENGAGEMENT);
	assert_int_equal(got.refresh, STREAM_PARTIAL);
	assert_string_equal(got.primary_key, "visit_id");
	assert_string_equal(got.record_modified_field, "");
	assert_string_equal(got.event_time_field, "seen_at");

	stream.category = STREAM_OTHER;
	stream.refresh = STREAM_UPSERT;
	snprintf(stream.record_modified_field, sizeof(stream.record_modified_field), "changed");
	stream.event_time_field[0] = '\0';
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
	assert_false(created);
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("visits"), &got, &err));
	assert_int_equal(got.category, STREAM_OTHER);
	assert_int_equal(got.refresh, STREAM_UPSERT);
	assert_string_equal(got.record_modified_field, "changed");
	assert_string_equal(got.event_time_field, "");
}

static void a_stream_has_a_journal_of_its_own_for_ever(void **state)
{
	struct stream orders, customers, again;
	struct catalog_table *tables;
	size_t count;
	bool created;

	(void)state;
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("orders"), &orders, &err));
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("customers"), &customers, &err));
	assert_int_equal(strlen(orders.journal), STREAM_JOURNAL_BYTES - 1);
	assert_int_equal(strspn(orders.journal, "0123456789abcdef"), STREAM_JOURNAL_BYTES - 1);
	assert_string_not_equal(orders.journal, customers.journal);
	assert_int_equal(orders.revision, 1);

	/* Other settings, another document: the same journal, the next revision. */
	orders.refresh = STREAM_PARTIAL;
	assert_ok(catalog_stream_put(catalog, &orders, &created, &err));
	assert_ok(catalog_connector_put(catalog, S("ecomm"), S("x"), 1, &err));
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("orders"), &again, &err));
	assert_string_equal(again.journal, orders.journal);
	assert_int_equal(again.revision, 2);

	/* It is remembered with the dropped table, and a stream made again has another. */
	assert_ok(catalog_connector_delete(catalog, S("ecomm"), &err));
	assert_ok(catalog_dropped_list(catalog, S("ecomm"), &arena, &tables, &count, &err));
	assert_int_equal(count, 3);
	assert_string_equal(tables[2].object, "orders");
	assert_string_equal(tables[2].journal, orders.journal);
	assert_string_equal(tables[0].journal, customers.journal);
	for (size_t i = 0; i < count; i++)
		assert_ok(catalog_dropped_forget(catalog, &tables[i], &err));
	assert_ok(catalog_connector_put(catalog, S("ecomm"), S("x"), 0, &err));
	assert_ok(catalog_stream_put(catalog, &orders, &created, &err));
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("orders"), &again, &err));
	assert_string_not_equal(again.journal, orders.journal);
}

static void a_stream_needs_its_connector(void **state)
{
	struct stream stream = {.connector = "nothing", .object = "o", .primary_key = "id"};
	bool created = true;

	(void)state;
	assert_status(catalog_stream_put(catalog, &stream, &created, &err), E_NOT_FOUND);
	snprintf(stream.connector, sizeof(stream.connector), "ECOMM");
	assert_status(catalog_stream_put(catalog, &stream, &created, &err), E_NOT_FOUND);
	assert_true(created);
	assert_status(
	    catalog_stream_get(catalog, S("nothing"), S("o"), &stream, &err), E_NOT_FOUND);
	assert_status(
	    catalog_stream_get(catalog, S("ecomm"), S("Orders"), &stream, &err), E_NOT_FOUND);
}

static void two_streams_never_share_a_table_name(void **state)
{
	static const struct {
		const char *connector, *object;
		enum status wanted;
	} cases[] = {
	    {"a", "b_c", OK},
	    {"a_b", "c", E_CONFLICT},
	    {"a_b", "C", E_CONFLICT},
	    {"A_B2", "c", OK},
	    {"a", "b2_C", E_CONFLICT},
	    {"a", "B_c", E_CONFLICT},
	    {"a", "b_c", OK},
	    {"a", "b-c", OK},
	};
	struct stream stream = {.primary_key = "id"};
	bool created;
	size_t i;

	(void)state;
	assert_ok(catalog_connector_put(catalog, S("a"), S("x"), 0, &err));
	assert_ok(catalog_connector_put(catalog, S("a_b"), S("x"), 0, &err));
	assert_ok(catalog_connector_put(catalog, S("A_B2"), S("x"), 0, &err));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(stream.connector, sizeof(stream.connector), "%s", cases[i].connector);
		snprintf(stream.object, sizeof(stream.object), "%s", cases[i].object);
		assert_status(
		    catalog_stream_put(catalog, &stream, &created, &err), cases[i].wanted);
	}
}

static void streams_are_listed_by_connector_and_object(void **state)
{
	static const char *const all[][2] = {
	    {"alpha", "zoo"},
	    {"ecomm", "customers"},
	    {"ecomm", "events"},
	    {"ecomm", "orders"},
	};
	struct stream *streams;
	size_t count, i;

	(void)state;
	assert_ok(catalog_connector_put(catalog, S("alpha"), S("x"), 0, &err));
	put_stream("alpha", "zoo");
	assert_ok(catalog_stream_list(catalog, S(""), &arena, &streams, &count, &err));
	assert_int_equal(count, 4);
	for (i = 0; i < 4; i++) {
		assert_string_equal(streams[i].connector, all[i][0]);
		assert_string_equal(streams[i].object, all[i][1]);
	}
	assert_ok(catalog_stream_list(catalog, S("ecomm"), &arena, &streams, &count, &err));
	assert_int_equal(count, 3);
	assert_string_equal(streams[0].object, "customers");
	assert_ok(catalog_stream_list(catalog, S("Ecomm"), &arena, &streams, &count, &err));
	assert_int_equal(count, 0);
}

/* --- Tokens ----------------------------------------------------------------------------------- */

static void a_token_is_found_by_its_hash_and_has_a_user_of_its_own(void **state)
{
	unsigned char first[CATALOG_HASH_BYTES], second[CATALOG_HASH_BYTES],
	    none[CATALOG_HASH_BYTES];
	struct catalog_token token = {.name = "untouched"};

	(void)state;
	memset(first, 1, sizeof(first));
	memset(second, 0, sizeof(second));
	memset(none, 3, sizeof(none));
	assert_ok(catalog_token_add(catalog, first, "ci", SCOPE_INGEST | SCOPE_QUERY, 0, &err));
	assert_status(catalog_token_add(catalog, second, "ci", SCOPE_ADMIN, 0, &err), E_EXISTS);
	assert_status(catalog_token_find(catalog, second, &token, &err), E_NOT_FOUND);
	assert_string_equal(token.name, "untouched");
	assert_ok(catalog_token_add(catalog, second, "admin", SCOPE_ADMIN, 0, &err));

	assert_ok(catalog_token_find(catalog, first, &token, &err));
	assert_string_equal(token.name, "ci");
	assert_string_equal(token.user_id, "005000000000001AAA");
	assert_int_equal(token.scopes, 3);
	assert_true(token.created_us > 0);
	assert_ok(catalog_token_find(catalog, second, &token, &err));
	assert_string_equal(token.name, "admin");
	assert_string_equal(token.user_id, "005000000000002AAA");
	assert_int_equal(token.scopes, 4);
	assert_status(catalog_token_find(catalog, none, &token, &err), E_NOT_FOUND);
}

static void what_another_process_writes_is_seen_at_once(void **state)
{
	struct catalog *other = open_catalog();
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token token;
	struct job job, got;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		char name[32];

		memset(hash, i, sizeof(hash));
		snprintf(name, sizeof(name), "token%d", i);
		/* Looked for before, so that a reader that keeps an old snapshot is found out. */
		assert_status(catalog_token_find(catalog, hash, &token, &err), E_NOT_FOUND);
		assert_ok(catalog_token_add(other, hash, name, SCOPE_INGEST, 0, &err));
		assert_ok(catalog_token_find(catalog, hash, &token, &err));
		assert_string_equal(token.name, name);
	}
	job = create_job("orders", 9);
	assert_ok(catalog_job_get(other, S(job.id), &got, &err));
	assert_ok(catalog_job_delete(other, S(job.id), ONE(JOB_OPEN), &got, &err));
	assert_status(catalog_job_get(catalog, S(job.id), &got, &err), E_NOT_FOUND);
	catalog_close(&other);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void everything_is_there_after_reopening(void **state)
{
	unsigned char hash[CATALOG_HASH_BYTES] = {42};
	struct catalog_connector connector;
	struct catalog_token token;
	struct stream stream;
	struct part *parts;
	struct job job;
	size_t count;

	(void)state;
	assert_ok(catalog_token_add(catalog, hash, "t", SCOPE_QUERY, 0, &err));
	job = create_job("orders", 5);
	assert_ok(add_part(job.id, 11, 5));
	close_job(job.id);
	assert_ok(claim_job(catalog, "the-lease", &job, &err));
	reopen();
	assert_ok(catalog_connector_get(catalog, S("ecomm"), &arena, &connector, &err));
	assert_true(slice_is(connector.document, "openapi: 3.0.3"));
	assert_ok(catalog_stream_get(catalog, S("ecomm"), S("events"), &stream, &err));
	assert_string_equal(stream.primary_key, "id");
	assert_ok(catalog_token_find(catalog, hash, &token, &err));
	assert_string_equal(token.user_id, "005000000000001AAA");
	assert_string_equal(get_job(job.id).lease, "the-lease");
	assert_int_equal(get_job(job.id).state, JOB_IN_PROGRESS);
	assert_ok(catalog_part_list(catalog, S(job.id), &arena, &parts, &count, &err));
	assert_int_equal(count, 1);
	assert_int_equal(parts[0].bytes, 11);
}

static void closing_nothing_is_fine(void **state)
{
	struct catalog *nothing = NULL;

	(void)state;
	catalog_close(&nothing);
	catalog_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_connector_keeps_its_document_and_counts_revisions),
	    TEST(a_connector_put_on_another_revision_is_refused),
	    TEST(a_document_may_hold_any_bytes_and_be_large),
	    TEST(a_connector_is_found_by_its_exact_name_only),
	    TEST(connectors_are_listed_by_name),
	    TEST(the_tables_of_a_deleted_connector_are_remembered_until_forgotten),
	    TEST(a_connector_goes_with_its_streams_unless_it_has_jobs),
	    TEST(a_stream_is_stored_and_replaced_whole),
	    TEST(a_stream_has_a_journal_of_its_own_for_ever),
	    TEST(a_stream_needs_its_connector),
	    TEST(two_streams_never_share_a_table_name),
	    TEST(streams_are_listed_by_connector_and_object),
	    TEST(a_token_is_found_by_its_hash_and_has_a_user_of_its_own),
	    TEST(what_another_process_writes_is_seen_at_once),
	    TEST(everything_is_there_after_reopening),
	    TEST(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
