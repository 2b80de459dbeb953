/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of http/router.h: which route a path and a method mean, and what a query says. */
#include "http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

enum { LIST, CREATE, READ, PATCH_JOB, BATCHES, HEALTH, CLOSED_JOBS, DEEP, ROOT };

/* The order is such that {id} stands before the literal that must win. */
static const struct http_route routes[] = {
    [LIST] = {.method = HTTP_GET, .pattern = "/jobs"},
    [CREATE] = {.method = HTTP_POST, .pattern = "/jobs"},
    [READ] = {.method = HTTP_GET, .pattern = "/jobs/{id}"},
    [PATCH_JOB] = {.method = HTTP_PATCH, .pattern = "/jobs/{id}"},
    [BATCHES] = {.method = HTTP_PUT, .pattern = "/jobs/{id}/batches"},
    [HEALTH] = {.method = HTTP_GET, .pattern = "/healthz/"},
    [CLOSED_JOBS] = {.method = HTTP_GET, .pattern = "/jobs/closed"},
    [DEEP] = {.method = HTTP_GET, .pattern = "/s/{connector}/{object}/x"},
    [ROOT] = {.method = HTTP_DELETE, .pattern = "/"},
};

struct fixture {
	struct router *router;
	struct arena arena;
};

static int set_up(void **state)
{
	static struct fixture f;

	arena_init(&f.arena, 4096);
	*state = &f;
	return router_create(routes, sizeof(routes) / sizeof(routes[0]), &f.router, NULL) != OK;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	router_destroy(&f->router);
	arena_fini(&f->arena);
	return 0;
}

static enum status find(struct fixture *f, enum http_method method, const char *path,
    struct router_match *ret_match, struct err *err)
{
	return router_find(f->router, method, slice_of(path), &f->arena, ret_match, err);
}

static void a_path_and_a_method_name_one_route(void **state)
{
	static const struct {
		enum http_method method;
		const char *path;
		int route; /* -1: none */
		const char *params[2];
	} cases[] = {
	    {HTTP_GET, "/jobs", LIST, {NULL}},
	    {HTTP_POST, "/jobs", CREATE, {NULL}},
	    {HTTP_GET, "/jobs/", LIST, {NULL}},
	    {HTTP_GET, "//jobs///", LIST, {NULL}},
	    {HTTP_GET, "/jobs/7", READ, {"7"}},
	    {HTTP_PATCH, "/jobs//7/", PATCH_JOB, {"7"}},
	    {HTTP_PUT, "/jobs/7/batches", BATCHES, {"7"}},
	    {HTTP_PUT, "/jobs/7/batches/", BATCHES, {"7"}},
	    {HTTP_GET, "/healthz", HEALTH, {NULL}},
	    {HTTP_GET, "/healthz/", HEALTH, {NULL}},
	    {HTTP_GET, "/jobs/closed", CLOSED_JOBS, {NULL}},
	    {HTTP_PATCH, "/jobs/closed", PATCH_JOB, {"closed"}},
	    {HTTP_GET, "/s/a/b/x", DEEP, {"a", "b"}},
	    {HTTP_DELETE, "/", ROOT, {NULL}},
	    {HTTP_DELETE, "///", ROOT, {NULL}},
	    {HTTP_GET, "http://host:80/jobs/7", READ, {"7"}},
	    {HTTP_GET, "HTTPS://host/jobs", LIST, {NULL}},
	    {HTTP_DELETE, "http://host", ROOT, {NULL}},
	    {HTTP_GET, "/Jobs", -1, {NULL}},
	    {HTTP_GET, "/job", -1, {NULL}},
	    {HTTP_GET, "/jobs/7/8", -1, {NULL}},
	    {HTTP_PUT, "/jobs//batches", -1, {NULL}},
	    {HTTP_GET, "jobs", -1, {NULL}},
	    {HTTP_GET, "*", -1, {NULL}},
	    {HTTP_GET, "", -1, {NULL}},
	    {HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", -1, {NULL}},
	};
	struct router_match match;
	size_t i, p;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(find(*state, cases[i].method, cases[i].path, &match, NULL), OK);
		if (match.route != (cases[i].route < 0 ? NULL : &routes[cases[i].route]))
			fail_msg("case %zu: %s", i, cases[i].path);
		for (p = 0; p < 2 && cases[i].params[p] != NULL; p++)
			assert_true(slice_is(match.params[p], cases[i].params[p]));
		assert_int_equal(match.param_count, p);
	}
}

static void a_parameter_is_decoded_and_keeps_its_slashes(void **state)
{
	static const struct {
		const char *path, *param;
	} cases[] = {
	    {"/jobs/a%2Fb", "a/b"},
	    {"/jobs/a%2fb", "a/b"},
	    {"/jobs/%2F", "/"},
	    {"/jobs/a%20b", "a b"},
	    {"/jobs/a+b", "a+b"},
	    {"/jobs/%25", "%"},
	    {"/jobs/%2525", "%25"},
	    {"/jobs/%C3%A9", "\xc3\xa9"},
	    {"/jobs/\xc3\xa9", "\xc3\xa9"},
	    {"/jobs/%01", "\x01"},
	    {"/jobs/..", ".."},
	    {"/%6Aobs/%37", "7"},
	};
	struct router_match match;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(find(*state, HTTP_GET, cases[i].path, &match, NULL), OK);
		assert_ptr_equal(match.route, &routes[READ]);
		if (!slice_is(match.params[0], cases[i].param))
			fail_msg("case %zu: %.*s", i, SLICE_ARGS(match.params[0]));
	}
}

static void a_decoded_slash_divides_nothing(void **state)
{
	struct router_match match;

	assert_int_equal(find(*state, HTTP_PUT, "/jobs/7%2Fbatches", &match, NULL), OK);
	assert_null(match.route);
	assert_int_equal(find(*state, HTTP_GET, "/jobs%2Fclosed", &match, NULL), OK);
	assert_int_equal(match.methods, 0);
}

static void bad_escapes_and_bad_bytes_are_refused(void **state)
{
	static const char *const paths[] = {"/jobs/%", "/jobs/%4", "/jobs/%4g", "/jobs/%g4",
	    "/jobs/%%41", "/jobs/%00", "/jobs/a%00b", "/jobs/a b", "/jobs/a\tb", "/jobs/\x7f",
	    "/jobs/%2", "/nowhere/%zz", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/%00"};
	struct router_match match;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		err.text[0] = '\0';
		if (find(*state, HTTP_GET, paths[i], &match, &err) != E_INVALID)
			fail_msg("taken: %s", paths[i]);
		assert_true(err.text[0] != '\0');
	}
}

static void a_path_tells_which_methods_it_has(void **state)
{
	struct router_match match;

	assert_int_equal(find(*state, HTTP_DELETE, "/jobs/7", &match, NULL), OK);
	assert_null(match.route);
	assert_int_equal(match.methods, 1u << HTTP_GET | 1u << HTTP_PATCH);
	assert_int_equal(find(*state, HTTP_METHOD_COUNT, "/jobs", &match, NULL), OK);
	assert_null(match.route);
	assert_int_equal(match.methods, 1u << HTTP_GET | 1u << HTTP_POST);
	assert_int_equal(find(*state, HTTP_GET, "/nowhere", &match, NULL), OK);
	assert_int_equal(match.methods, 0);
}

static void methods_have_names(void **state)
{
	(void)state;
	assert_int_equal(router_method("GET"), HTTP_GET);
	assert_int_equal(router_method("HEAD"), HTTP_GET);
	assert_int_equal(router_method("PUT"), HTTP_PUT);
	assert_int_equal(router_method("DELETE"), HTTP_DELETE);
	assert_int_equal(router_method("get"), HTTP_METHOD_COUNT);
	assert_int_equal(router_method("OPTIONS"), HTTP_METHOD_COUNT);
	assert_int_equal(router_method(""), HTTP_METHOD_COUNT);
	assert_string_equal(http_method_name(HTTP_PATCH), "PATCH");
}

static void a_query_is_decoded_and_its_first_value_counts(void **state)
{
	static const struct {
		const char *query, *name, *value; /* NULL: absent */
	} cases[] = {
	    {"a=1", "a", "1"},
	    {"a=1&b=2", "b", "2"},
	    {"a=1&a=2", "a", "1"},
	    {"A=1", "a", NULL},
	    {"", "a", NULL},
	    {"&&&", "a", NULL},
	    {"=x", "a", NULL},
	    {"=x", "", NULL},
	    {"a", "a", ""},
	    {"a=", "a", ""},
	    {"a&b=2", "b", "2"},
	    {"a=b=c", "a", "b=c"},
	    {"a=x+y", "a", "x y"},
	    {"a=x%2By", "a", "x+y"},
	    {"a=%26&b=1", "a", "&"},
	    {"%61=1", "a", "1"},
	    {"a+b=1", "a b", "1"},
	    {"a=%", "a", "%"},
	    {"a=%4", "a", "%4"},
	    {"a=%zz+", "a", "%zz "},
	    {"ab=1&a=2", "a", "2"},
	    {"orderBy=createdDate%20desc", "orderBy", "createdDate desc"},
	};
	struct fixture *f = *state;
	struct slice value;
	bool found;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found = router_query(slice_of(cases[i].query), cases[i].name, &f->arena, &value);
		if (found != (cases[i].value != NULL) ||
		    (found && !slice_is(value, cases[i].value)))
			fail_msg("case %zu: %s", i, cases[i].query);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_path_and_a_method_name_one_route, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_parameter_is_decoded_and_keeps_its_slashes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_decoded_slash_divides_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		bad_escapes_and_bad_bytes_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_path_tells_which_methods_it_has, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(methods_have_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_query_is_decoded_and_its_first_value_counts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
