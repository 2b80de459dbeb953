/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of lines that become members of a body (cli/record.h). */
#include "cli/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void a_record_is_one_json_object(void **state)
{
	static const struct {
		const char *line;
		enum status expected;
	} cases[] = {
	    {"{}", OK},
	    {" \t{\"a\": {\"b\": [1, {}]} } ", OK},
	    {"{\"n\":123456789012345678901234567890.5e-400}", OK},
	    {"[]", E_INVALID},
	    {"[{}]", E_INVALID},
	    {"{},{}", E_INVALID},
	    {"{} {}", E_INVALID},
	    {"{}]}", E_INVALID},
	    {"{", E_INVALID},
	    {"{\"a\":1,\"a\":1}", E_INVALID},
	    {"{\"a\":\"\xff\"}", E_INVALID},
	    {"{\"a\":nan}", E_INVALID},
	    {"\"a\"", E_INVALID},
	    {"1", E_INVALID},
	    {"null", E_INVALID},
	    {"id,total", E_INVALID},
	};
	struct arena scratch;

	(void)state;
	arena_init(&scratch, 256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		assert_int_equal(
		    record_check(slice_of(cases[i].line), &scratch, &err), cases[i].expected);
		assert_true((err.text[0] != '\0') == (cases[i].expected != OK));
	}
	arena_fini(&scratch);
}

static void an_id_is_a_json_string_and_never_another_id(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 100);
	assert_int_equal(record_put_id(&out, SLICE("a\"b\\c ,\xc3\xa4"), NULL), OK);
	assert_true(slice_is(buffer_slice(&out), "\"a\\\"b\\\\c ,\xc3\xa4\""));
	assert_int_equal(record_put_id(&out, SLICE("\xff"), NULL), E_INVALID);
	assert_int_equal(record_put_id(&out, SLICE("a\0b"), NULL), E_INVALID);
	assert_int_equal(out.len, strlen("\"a\\\"b\\\\c ,\xc3\xa4\""));
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_is_one_json_object),
	    cmocka_unit_test(an_id_is_a_json_string_and_never_another_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
