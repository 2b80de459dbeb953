/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of shapes: what it gives, when it makes a new one, and that none goes while it is
 * used. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"
#include "catalog/catalog_sqlite.h"
#include "catalog/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S(text) slice_of(text)

static char folder[256];
static struct catalog *catalog;
static struct shapes *shapes;
static struct err err;
static atomic_int plans_alive, plans_made, makers_awaited;

#define PATIENCE_US INT64_C(30000000)

#define DOCUMENT(fields)                                                                           \
	"{\"openapi\":\"3.0.3\",\"components\":{\"schemas\":{\"orders\":{\"type\":\"object\","     \
	"\"properties\":{" fields "}},\"visits\":{\"type\":\"object\",\"properties\":{\"id\":"     \
	"{\"type\":\"string\"}}}}}}"
#define ID     "\"id\":{\"type\":\"string\"}"
#define AMOUNT ",\"amount\":{\"type\":\"number\",\"format\":\"percent\"}"

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum status got_ = (call);                                                         \
		if (got_ != OK)                                                                    \
			fail_msg("%s: %s: %s", #call, status_name(got_), err.text);                \
	} while (0)

/* A plan is the number of fields that it was made for, on the heap.  Those that are awaited are made
 * at the same time. */
static enum status make_plan(
    const struct object *object, const struct stream *stream, void **ret_plan, struct err *e)
{
	size_t *plan = malloc(sizeof(*plan));

	(void)stream;
	(void)e;
	assert_non_null(plan);
	if (atomic_load(&makers_awaited) > 0) {
		atomic_fetch_sub(&makers_awaited, 1);
		for (int64_t us = clock_mono_us(); clock_mono_us() < us + PATIENCE_US;)
			if (atomic_load(&makers_awaited) == 0)
				break;
	}
	*plan = object->field_count;
	plans_alive++;
	plans_made++;
	*ret_plan = plan;
	return OK;
}

static void destroy_plan(void *plan)
{
	plans_alive--;
	free(plan);
}

static void put_stream(const char *object, enum stream_refresh refresh)
{
	struct stream stream = {.connector = "shop", .primary_key = "id", .refresh = refresh};
	bool created;

	snprintf(stream.object, sizeof(stream.object), "%s", object);
	assert_ok(catalog_stream_put(catalog, &stream, &created, &err));
}

static int set_up(void **state)
{
	static const struct shape_plans plans = {make_plan, destroy_plan};
	const char *tmp = getenv("TMPDIR");
	char path[300];

	(void)state;
	snprintf(folder, sizeof(folder), "%s/shape-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/catalog.db", folder);
	assert_ok(catalog_sqlite_open(path, &catalog, &err));
	assert_ok(catalog_connector_put(catalog, S("shop"), S(DOCUMENT(ID)), 0, &err));
	put_stream("orders", STREAM_UPSERT);
	plans_alive = plans_made = 0;
	return shapes_create(catalog, &plans, 3, &shapes, &err) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[300];

	(void)state;
	shapes_destroy(&shapes);
	catalog_close(&catalog);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/catalog.db%s", folder, ends[i]);
		unlink(path);
	}
	rmdir(folder);
	return plans_alive == 0 ? 0 : -1;
}

static const struct shape *get(const char *object)
{
	const struct shape *shape = NULL;

	assert_ok(shape_get(shapes, S("shop"), S(object), &shape, &err));
	return shape;
}

static void a_shape_is_made_once_and_given_again(void **state)
{
	const struct shape *first = get("orders"), *second = get("orders");

	(void)state;
	assert_ptr_equal(first, second);
	assert_int_equal(plans_made, 1);
	assert_string_equal(first->object->name, "orders");
	assert_int_equal(first->object->field_count, 1);
	assert_string_equal(first->object->fields[0].name, "id");
	assert_string_equal(first->stream.primary_key, "id");
	assert_int_equal(*(size_t *)first->plan, 1);
	shape_release(shapes, &first);
	assert_null(first);
	shape_release(shapes, &second);
	shape_release(shapes, &second); /* NULL */
	second = get("orders");
	assert_int_equal(plans_made, 1);
	shape_release(shapes, &second);
}

static void what_has_no_stream_has_no_shape(void **state)
{
	const struct shape *shape = NULL;

	(void)state;
	assert_int_equal(shape_get(shapes, S("shop"), S("visits"), &shape, &err), E_NOT_FOUND);
	assert_int_equal(shape_get(shapes, S("none"), S("orders"), &shape, &err), E_NOT_FOUND);
	assert_int_equal(shape_get(shapes, S("shop"), S("Orders"), &shape, &err), E_NOT_FOUND);
	assert_null(shape);
	assert_int_equal(plans_made, 0);
}

static void a_new_document_makes_a_new_shape_and_the_old_one_stays_for_its_users(void **state)
{
	const struct shape *old = get("orders"), *new;

	(void)state;
	assert_ok(catalog_connector_put(catalog, S("shop"), S(DOCUMENT(ID AMOUNT)), 1, &err));
	new = get("orders");
	assert_ptr_not_equal(old, new);
	assert_int_equal(new->object->field_count, 2);
	assert_string_equal(new->object->fields[1].format, "percent");
	assert_int_equal(old->object->field_count, 1);
	assert_int_equal(plans_alive, 2);
	shape_release(shapes, &old);
	assert_int_equal(plans_alive, 1);
	shape_release(shapes, &new);
	assert_int_equal(plans_alive, 1);
}

static void another_setting_makes_a_new_shape(void **state)
{
	const struct shape *shape = get("orders");

	(void)state;
	assert_int_equal(shape->stream.refresh, STREAM_UPSERT);
	shape_release(shapes, &shape);
	put_stream("orders", STREAM_PARTIAL);
	shape = get("orders");
	assert_int_equal(shape->stream.refresh, STREAM_PARTIAL);
	assert_int_equal(plans_alive, 1);
	shape_release(shapes, &shape);
}

static void a_stream_made_anew_has_a_shape_of_its_own(void **state)
{
	struct catalog_table *tables;
	const struct shape *shape = get("orders");
	struct arena arena;
	char journal[STREAM_JOURNAL_BYTES];
	size_t count;

	(void)state;
	strcpy(journal, shape->stream.journal);
	shape_release(shapes, &shape);
	assert_ok(catalog_connector_delete(catalog, S("shop"), &err));
	assert_int_equal(shape_get(shapes, S("shop"), S("orders"), &shape, &err), E_NOT_FOUND);
	arena_init(&arena, 1024);
	assert_ok(catalog_dropped_list(catalog, S(""), &arena, &tables, &count, &err));
	assert_ok(catalog_dropped_forget(catalog, &tables[0], &err));
	arena_fini(&arena);
	/* The same name, the same revision, other fields. */
	assert_ok(catalog_connector_put(catalog, S("shop"), S(DOCUMENT(ID AMOUNT)), 0, &err));
	put_stream("orders", STREAM_UPSERT);
	shape = get("orders");
	assert_string_not_equal(shape->stream.journal, journal);
	assert_int_equal(shape->object->field_count, 2);
	shape_release(shapes, &shape);
}

static void of_too_many_shapes_the_longest_unasked_goes_unless_it_is_used(void **state)
{
	static const char *const names[] = {"orders", "visits", "o2", "o3", "o4"};
	const struct shape *used, *shape;

	(void)state;
	assert_ok(catalog_connector_put(catalog, S("shop"),
	    S("{\"openapi\":\"3.0.3\",\"components\":{\"schemas\":{\"orders\":{\"type\":\"object\","
	      "\"properties\":{" ID "}},\"visits\":{\"type\":\"object\",\"properties\":{" ID
	      "}},\"o2\":{\"type\":\"object\",\"properties\":{" ID
	      "}},\"o3\":{\"type\":\"object\",\"properties\":{" ID
	      "}},\"o4\":{\"type\":\"object\",\"properties\":{" ID "}}}}}"),
	    1, &err));
	used = get("orders");
	for (size_t i = 1; i < 5; i++) {
		put_stream(names[i], STREAM_UPSERT);
		shape = get(names[i]);
		shape_release(shapes, &shape);
	}
	/* orders is used, visits and o2 went; the three that are left cost nothing more. */
	assert_int_equal(plans_made, 5);
	assert_int_equal(plans_alive, 3);
	shape = get("o4");
	shape_release(shapes, &shape);
	shape = get("o3");
	shape_release(shapes, &shape);
	shape = get("orders");
	assert_ptr_equal(shape, used);
	shape_release(shapes, &shape);
	assert_int_equal(plans_made, 5);
	shape = get("visits");
	shape_release(shapes, &shape);
	assert_int_equal(plans_made, 6);
	assert_int_equal(plans_alive, 3);
	shape_release(shapes, &used);
}

#define THREADS 4
#define ROUNDS  200

static void *ask(void *ctx)
{
	struct err e = {{0}};
	size_t *wrong = ctx;

	for (int i = 0; i < ROUNDS; i++) {
		const struct shape *shape = NULL;

		if (shape_get(shapes, S("shop"), S("orders"), &shape, &e) != OK ||
		    *(size_t *)shape->plan != shape->object->field_count)
			++*wrong;
		shape_release(shapes, &shape);
	}
	return NULL;
}

static void any_number_of_threads_may_ask_while_documents_change(void **state)
{
	pthread_t threads[THREADS];
	size_t wrong[THREADS] = {0};
	const struct shape *shape;

	(void)state;
	atomic_store(&makers_awaited, THREADS); /* each makes a shape, and one of them is kept */
	for (size_t i = 0; i < THREADS; i++)
		assert_ok(thread_start(&threads[i], "ask", ask, &wrong[i], &err));
	for (int64_t revision = 1; revision <= 20; revision++)
		assert_ok(catalog_connector_put(catalog, S("shop"),
		    revision % 2 == 0 ? S(DOCUMENT(ID)) : S(DOCUMENT(ID AMOUNT)), revision, &err));
	for (size_t i = 0; i < THREADS; i++) {
		thread_join(threads[i]);
		assert_int_equal(wrong[i], 0);
	}
	assert_true(plans_made >= THREADS);
	shape = get("orders");
	assert_int_equal(shape->object->field_count, 1); /* as the last document says */
	shape_release(shapes, &shape);
	assert_int_equal(plans_alive, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_shape_is_made_once_and_given_again),
	    TEST(what_has_no_stream_has_no_shape),
	    TEST(a_new_document_makes_a_new_shape_and_the_old_one_stays_for_its_users),
	    TEST(another_setting_makes_a_new_shape),
	    TEST(a_stream_made_anew_has_a_shape_of_its_own),
	    TEST(of_too_many_shapes_the_longest_unasked_goes_unless_it_is_used),
	    TEST(any_number_of_threads_may_ask_while_documents_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
