/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal says to a person (cli/reply.h). */
#include "cli/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void refusals_become_text_and_a_status(void **state)
{
	static const struct {
		long http_status;
		const char *body;
		enum status status;
		const char *text;
	} cases[] = {
	    {404, "{\"error\":\"404 NOT_FOUND\",\"message\":\"no job 7\",\"details\":{}}",
		E_NOT_FOUND, "no job 7"},
	    {409, "{\"message\":\"it is Aborted\"}", E_CONFLICT, "it is Aborted"},
	    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"audience is invalid\"}",
		E_INVALID, "audience is invalid (invalid_grant)"},
	    {500, "{\"error\":\"500 INTERNAL\"}", E_IO, "the server answered 500"},
	    {502, "<html>Bad gateway</html>", E_IO, "the server answered 502"},
	    {503, "", E_BUSY, "the server answered 503"},
	    {429, "{\"message\":\"slow down\"}", E_BUSY, "slow down"},
	    {413, "{\"message\":\"too big\"}", E_INVALID, "too big"},
	    {301, "", E_INVALID, "the server answered 301"},
	    {401, "{\"message\":\"no token.\"}", E_INVALID,
		"no token; set SLUICE_TOKEN, or give --token-file, to a token that this server "
		"knows"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};
		struct buffer problems;

		buffer_init(&problems, 1024);
		assert_int_equal(
		    reply_explain(cases[i].http_status, slice_of(cases[i].body), &problems, &err),
		    cases[i].status);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(problems.len, 0);
		buffer_fini(&problems);
	}
}

static void problems_come_one_a_line(void **state)
{
	struct err err = {""};
	struct buffer problems;

	(void)state;
	buffer_init(&problems, 1024);
	assert_int_equal(
	    reply_explain(400,
		SLICE("{\"message\":\"bad schema\",\"details\":{\"problems\":[\"a\",7,\"b c\"]}}"),
		&problems, &err),
	    E_INVALID);
	assert_string_equal(err.text, "bad schema");
	assert_int_equal(problems.len, 6);
	assert_memory_equal(problems.ptr, "a\nb c\n", 6);
	buffer_fini(&problems);
}

static void absent_members_are_empty(void **state)
{
	struct err err = {""};
	json_t *object = NULL;

	(void)state;
	assert_int_equal(json_parse(SLICE("{\"t\":\"x\",\"n\":7}"), &object, &err), OK);
	assert_string_equal(reply_text(object, "t"), "x");
	assert_string_equal(reply_text(object, "n"), "");
	assert_string_equal(reply_text(object, "none"), "");
	assert_string_equal(reply_text(NULL, "t"), "");
	assert_int_equal(reply_int(object, "n"), 7);
	assert_int_equal(reply_int(object, "t"), 0);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refusals_become_text_and_a_status),
	    cmocka_unit_test(problems_come_one_a_line),
	    cmocka_unit_test(absent_members_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
