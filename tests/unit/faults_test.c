/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of emulate/: what a rule may say, which rule hits, and how often. */
#include "emulate/faults.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define ID    "4d5a1c2e-0b3f-4a6d-8e7f-123456789abc"
#define OTHER "4d5a1c2e-0b3f-4a6d-8e7f-123456789abd"

static struct faults *faults;

static int set_up(void **state)
{
	struct err err;

	(void)state;
	return faults_create(&faults, &err) == OK ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	faults_destroy(&faults);
	assert_null(faults);
	faults_destroy(&faults);
	return 0;
}

/* Parse a rule; the problems, a line each, into ${ret_problems}. */
static bool parse(const char *text, struct fault_rule *ret_rule, char *ret_problems, size_t room)
{
	struct arena arena;
	struct problems problems = {.arena = &arena};
	json_t *object = NULL;
	struct err err;
	size_t used = 0;
	bool good;

	arena_init(&arena, 4096);
	assert_int_equal(json_parse(slice_of(text), &object, &err), OK);
	good = fault_rule_parse(object, ret_rule, &problems);
	assert_int_equal(good, problems.count == 0);
	ret_problems[0] = '\0';
	for (size_t i = 0; i < problems.count; i++)
		used += (size_t)snprintf(ret_problems + used, room - used, "%s%s",
		    i == 0 ? "" : "\n", problems.texts[i]);
	json_decref(object);
	arena_fini(&arena);
	return good;
}

static struct fault_rule rule_of(const char *text)
{
	char problems[4096];
	struct fault_rule rule;

	if (!parse(text, &rule, problems, sizeof(problems)))
		fail_msg("%s\n%s", text, problems);
	return rule;
}

static void add(const char *text)
{
	struct fault_rule rule = rule_of(text), added;
	struct err err;

	assert_int_equal(faults_add(faults, &rule, &added, &err), OK);
}

/* The id of the rule that hits, or "". */
static const char *hit(const char *method, const char *path, const char *job)
{
	static struct fault_rule rule;
	struct slice segments[16];
	struct fault_request request = {
	    .method = method, .segments = segments, .job = slice_of(job)};

	for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
		segments[request.segment_count++] = (struct slice){path, strcspn(path, "/")};
		path += strcspn(path, "/");
	}
	return faults_take_request(faults, &request, &rule) ? rule.id : "";
}

static const char *hit_job(const char *id, const char *connector, const char *object)
{
	static struct fault_rule rule;
	struct fault_job job = {.id = id, .connector = connector, .object = object};

	return faults_take_job(faults, &job, &rule) ? rule.id : "";
}

/* --- What a rule may say ---------------------------------------------------------------------- */

static void a_rule_is_given_back_as_it_was_told(void **state)
{
	static const char *const rules[][2] = {
	    {"{\"delayMs\":600000}", "{\"skip\":0,\"count\":1,\"delayMs\":600000,"},
	    {"{\"answer\":{\"status\":400}}",
		"{\"skip\":0,\"count\":1,\"answer\":{\"status\":400},"},
	    {"{\"method\":\"PUT\",\"path\":\"/a/*/b/**\",\"job\":\"" ID
	     "\",\"skip\":2,\"count\":0,\"delayMs\":1,\"answer\":{\"status\":599,\"message\":"
	     "\"no\",\"retryAfter\":0}}",
		"{\"method\":\"PUT\",\"path\":\"/a/*/b/**\",\"job\":\"" ID
		"\",\"skip\":2,\"count\":0,\"delayMs\":1,\"answer\":{\"status\":599,\"message\":"
		"\"no\",\"retryAfter\":0},"},
	    {"{\"cut\":\"request\"}",
		"{\"skip\":0,\"count\":1,\"cut\":\"request\",\"afterBytes\":0,"},
	    {"{\"cut\":\"request\",\"afterBytes\":1000000000,\"method\":null}",
		"{\"skip\":0,\"count\":1,\"cut\":\"request\",\"afterBytes\":1000000000,"},
	    {"{\"cut\":\"answer\",\"delayMs\":5}",
		"{\"skip\":0,\"count\":1,\"delayMs\":5,\"cut\":\"answer\","},
	    {"{\"failJob\":{}}", "{\"skip\":0,\"count\":1,\"failJob\":{},"},
	    {"{\"connector\":\"c\",\"object\":\"o\",\"holdJobSeconds\":86400,\"failJob\":"
	     "{\"message\":\"m\"}}",
		"{\"connector\":\"c\",\"object\":\"o\",\"skip\":0,\"count\":1,"
		"\"holdJobSeconds\":86400,\"failJob\":{\"message\":\"m\"},"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct fault_rule rule = rule_of(rules[i][0]);
		char expected[1024];
		struct json_writer w;
		struct buffer out;

		buffer_init(&out, 4096);
		json_write_begin(&w, &out);
		fault_rule_write(&w, &rule);
		buffer_put_char(&out, '\0');
		snprintf(expected, sizeof(expected), "%s\"matched\":0,\"applied\":0}", rules[i][1]);
		assert_string_equal(out.ptr, expected);
		buffer_fini(&out);
	}
}

static void whatever_is_wrong_with_a_rule_is_named(void **state)
{
#define ONE_OF(words)    " must be one of: " words
#define NUMBER(min, max) " must be a whole number from " min " to " max
	static const char *const rules[][2] = {
	    {"{}", "there is no fault; one of \"answer\", \"delayMs\", \"cut\", \"failJob\" and "
		   "\"holdJobSeconds\" must be there"},
	    {"{\"delayMs\":0}", "\"delayMs\"" NUMBER("1", "600000")},
	    {"{\"delayMs\":600001}", "\"delayMs\"" NUMBER("1", "600000")},
	    {"{\"delayMs\":1.5}", "\"delayMs\"" NUMBER("1", "600000")},
	    {"{\"delayMs\":\"5\"}", "\"delayMs\"" NUMBER("1", "600000")},
	    {"{\"delayMs\":1,\"skip\":-1}", "\"skip\"" NUMBER("0", "1000000000")},
	    {"{\"delayMs\":1,\"count\":-1}", "\"count\"" NUMBER("0", "1000000000")},
	    {"{\"delayMs\":1,\"colour\":1}", "\"colour\" is not a member of a rule"},
	    {"{\"delayMs\":1,\"method\":\"get\"}",
		"\"method\"" ONE_OF("GET, POST, PUT, PATCH, DELETE")},
	    {"{\"delayMs\":1,\"path\":\"a\"}", "\"path\" must begin with \"/\""},
	    {"{\"delayMs\":1,\"path\":\"/a?b\"}", "\"path\" must have no query"},
	    {"{\"delayMs\":1,\"path\":\"/a*/b\"}",
		"\"path\" has \"a*\"; a \"*\" stands for a whole segment, \"**\" for the rest of "
		"the path"},
	    {"{\"delayMs\":1,\"path\":\"/**/b\"}",
		"\"path\" has \"**\" in its midst; it may only be the last segment"},
	    {"{\"delayMs\":1,\"path\":\"\"}", "\"path\" must be a text of 1 to 512 bytes"},
	    {"{\"delayMs\":1,\"path\":7}", "\"path\" must be a text of 1 to 512 bytes"},
	    {"{\"delayMs\":1,\"job\":\"7\"}",
		"\"job\" must be the id of a job, a UUID in lower case"},
	    {"{\"delayMs\":1,\"connector\":\"c\"}",
		"\"connector\" is for faults of jobs and does not go with \"answer\", \"delayMs\" "
		"and \"cut\""},
	    {"{\"failJob\":{},\"method\":\"PUT\",\"path\":\"/a\"}",
		"\"method\" is for faults of requests and does not go with \"failJob\" and "
		"\"holdJobSeconds\"\n\"path\" is for faults of requests and does not go with "
		"\"failJob\" and \"holdJobSeconds\""},
	    {"{\"failJob\":{},\"delayMs\":1}",
		"\"delayMs\" is for faults of requests and does not go with \"failJob\" and "
		"\"holdJobSeconds\""},
	    {"{\"failJob\":true}", "\"failJob\" must be an object"},
	    {"{\"failJob\":{\"text\":\"x\"}}", "\"failJob.text\" is not a member of a rule"},
	    {"{\"failJob\":{\"message\":\"\"}}",
		"\"failJob.message\" must be a text of 1 to 1000 bytes"},
	    {"{\"holdJobSeconds\":86401}", "\"holdJobSeconds\"" NUMBER("1", "86400")},
	    {"{\"answer\":503}", "\"answer\" must be an object"},
	    {"{\"answer\":{}}", "\"answer.status\" is missing"},
	    {"{\"answer\":{\"status\":399}}", "\"answer.status\"" NUMBER("400", "599")},
	    {"{\"answer\":{\"status\":600}}", "\"answer.status\"" NUMBER("400", "599")},
	    {"{\"answer\":{\"status\":400,\"retryAfter\":-1,\"body\":\"x\"}}",
		"\"answer.body\" is not a member of a rule\n\"answer.retryAfter\"" NUMBER(
		    "0", "86400")},
	    {"{\"answer\":{\"status\":400},\"cut\":\"answer\"}",
		"\"answer\" and \"cut\" do not go together"},
	    {"{\"cut\":\"both\"}", "\"cut\"" ONE_OF("request, answer")},
	    {"{\"cut\":\"answer\",\"afterBytes\":1}",
		"\"afterBytes\" goes with \"cut\": \"request\" only"},
	};
	struct fault_rule rule;
	char problems[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (parse(rules[i][0], &rule, problems, sizeof(problems)) ||
		    strcmp(problems, rules[i][1]) != 0)
			fail_msg("%s\ngave: %s\nnot:  %s", rules[i][0], problems, rules[i][1]);
	}
}

/* --- Which rule hits -------------------------------------------------------------------------- */

static void a_path_fits_by_its_segments(void **state)
{
	static const struct {
		const char *rule, *path;
		bool fits;
	} cases[] = {
	    {"/a/b", "/a/b", true},
	    {"/a/b", "/a/b/c", false},
	    {"/a/b", "/a", false},
	    {"/a/b", "/a/B", false},
	    {"/a/b", "/a/bb", false},
	    {"//a///b/", "/a/b", true},
	    {"/a/*", "/a/b", true},
	    {"/a/*", "/a", false},
	    {"/a/*", "/a/b/c", false},
	    {"/a/*/c", "/a/b/c", true},
	    {"/a/*/c", "/a/b/d", false},
	    {"/a/**", "/a", true},
	    {"/a/**", "/a/b/c/d", true},
	    {"/a/**", "/b/a", false},
	    {"/a/*/**", "/a", false},
	    {"/a/*/**", "/a/b", true},
	    {"/**", "/a", true},
	    {"/", "/a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];

		faults_clear(faults);
		snprintf(text, sizeof(text), "{\"delayMs\":1,\"path\":\"%s\"}", cases[i].rule);
		add(text);
		if ((hit("GET", cases[i].path, "")[0] != '\0') != cases[i].fits)
			fail_msg("%s and %s", cases[i].rule, cases[i].path);
	}
}

static void a_request_fits_by_method_path_and_job(void **state)
{
	(void)state;
	add("{\"delayMs\":1,\"count\":0,\"method\":\"PUT\",\"path\":\"/a/*\",\"job\":\"" ID "\"}");
	assert_string_equal(hit("PUT", "/a/b", ID), "f1");
	assert_string_equal(hit("GET", "/a/b", ID), "");
	assert_string_equal(hit("PUT", "/b/b", ID), "");
	assert_string_equal(hit("PUT", "/a/b", OTHER), "");
	assert_string_equal(hit("PUT", "/a/b", ""), "");
	add("{\"delayMs\":1,\"count\":0}");
	assert_string_equal(hit("GET", "/", ""), "f2");
	/* Rules of requests are not for jobs. */
	assert_string_equal(hit_job(ID, "c", "o"), "");
}

static void a_job_fits_by_id_connector_and_object(void **state)
{
	(void)state;
	add("{\"failJob\":{},\"count\":0,\"connector\":\"c\",\"object\":\"o\",\"job\":\"" ID "\"}");
	assert_string_equal(hit_job(ID, "c", "o"), "f1");
	assert_string_equal(hit_job(OTHER, "c", "o"), "");
	assert_string_equal(hit_job(ID, "C", "o"), "");
	assert_string_equal(hit_job(ID, "c", "oo"), "");
	add("{\"holdJobSeconds\":1,\"count\":0}");
	assert_string_equal(hit_job(OTHER, "x", "y"), "f2");
	assert_string_equal(hit("GET", "/a", OTHER), "");
}

static void skip_and_count_say_which_ones(void **state)
{
	struct fault_rule rule;

	(void)state;
	add("{\"delayMs\":1,\"skip\":2,\"count\":3}");
	for (int i = 0; i < 8; i++)
		assert_string_equal(hit("GET", "/a", ""), i >= 2 && i < 5 ? "f1" : "");
	assert_true(faults_get(faults, SLICE("f1"), &rule));
	assert_int_equal(rule.matched, 8);
	assert_int_equal(rule.applied, 3);
	/* 0: without end. */
	faults_clear(faults);
	add("{\"delayMs\":1,\"skip\":1,\"count\":0}");
	assert_string_equal(hit("GET", "/a", ""), "");
	for (int i = 0; i < 1000; i++)
		assert_string_equal(hit("GET", "/a", ""), "f2");
}

static void the_first_rule_that_is_not_used_up_hits(void **state)
{
	struct fault_rule rules[FAULTS_MAX];

	(void)state;
	add("{\"delayMs\":1,\"path\":\"/a\"}");
	add("{\"delayMs\":2,\"skip\":1}");
	add("{\"delayMs\":3}");
	assert_string_equal(hit("GET", "/a", ""), "f1"); /* the others are not asked */
	assert_string_equal(hit("GET", "/a", ""), "f3"); /* f1 is used up, f2 lets one pass */
	assert_string_equal(hit("GET", "/a", ""), "f2");
	assert_string_equal(hit("GET", "/b", ""), "");
	assert_int_equal(faults_list(faults, rules, FAULTS_MAX), 3);
	assert_int_equal(rules[0].matched, 3);
	assert_int_equal(rules[1].matched, 3);
	assert_int_equal(rules[2].matched, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rules[i].applied, 1);
}

/* --- The table -------------------------------------------------------------------------------- */

static void the_table_holds_a_hundred_in_their_order(void **state)
{
	struct fault_rule rules[FAULTS_MAX], rule = rule_of("{\"delayMs\":1}"), added;
	struct err err = {{0}};
	char id[FAULT_ID_BYTES];

	(void)state;
	for (int i = 1; i <= FAULTS_MAX; i++) {
		assert_int_equal(faults_add(faults, &rule, &added, &err), OK);
		snprintf(id, sizeof(id), "f%d", i);
		assert_string_equal(added.id, id);
	}
	assert_int_equal(faults_add(faults, &rule, &added, &err), E_LIMIT);
	assert_string_equal(err.text, "there are 100 rules already");
	/* From the middle and from both ends; the order of the rest stays. */
	assert_true(faults_remove(faults, SLICE("f50")));
	assert_true(faults_remove(faults, SLICE("f1")));
	assert_true(faults_remove(faults, SLICE("f100")));
	assert_false(faults_remove(faults, SLICE("f50")));
	assert_false(faults_get(faults, SLICE("f50"), &added));
	assert_int_equal(faults_add(faults, &rule, &added, &err), OK);
	assert_string_equal(added.id, "f101"); /* an id is never given twice */
	assert_int_equal(faults_list(faults, rules, FAULTS_MAX), 98);
	assert_string_equal(rules[0].id, "f2");
	assert_string_equal(rules[48].id, "f51");
	assert_string_equal(rules[97].id, "f101");
	assert_int_equal(faults_list(faults, rules, 5), 5);
	faults_clear(faults);
	assert_int_equal(faults_list(faults, rules, FAULTS_MAX), 0);
	assert_string_equal(hit("GET", "/a", ""), "");
}

#define THREADS 4
#define ROUNDS  2000

static _Atomic long hits;

static void *ask_and_change(void *ctx)
{
	struct fault_rule rule = rule_of("{\"delayMs\":1,\"path\":\"/never\"}"), added, taken;
	struct fault_request request = {.method = "GET"};
	struct err err;

	(void)ctx;
	for (int i = 0; i < ROUNDS; i++) {
		hits += faults_take_request(faults, &request, &taken);
		if (faults_add(faults, &rule, &added, &err) == OK)
			assert_true(faults_remove(faults, slice_of(added.id)));
	}
	return NULL;
}

static void many_threads_get_each_use_once(void **state)
{
	pthread_t threads[THREADS];
	struct err err;

	(void)state;
	hits = 0;
	add("{\"delayMs\":1,\"skip\":100,\"count\":1000}");
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(thread_start(&threads[i], "ask", ask_and_change, NULL, &err), OK);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	assert_int_equal(hits, 1000);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_TABLE(a_rule_is_given_back_as_it_was_told),
	    WITH_TABLE(whatever_is_wrong_with_a_rule_is_named),
	    WITH_TABLE(a_path_fits_by_its_segments),
	    WITH_TABLE(a_request_fits_by_method_path_and_job),
	    WITH_TABLE(a_job_fits_by_id_connector_and_object),
	    WITH_TABLE(skip_and_count_say_which_ones),
	    WITH_TABLE(the_first_rule_that_is_not_used_up_hits),
	    WITH_TABLE(the_table_holds_a_hundred_in_their_order),
	    WITH_TABLE(many_threads_get_each_use_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
