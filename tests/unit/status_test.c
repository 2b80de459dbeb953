/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of base/status.h. */
#include "base/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void every_status_has_a_name(void **state)
{
	static const struct {
		enum status status;
		const char *name;
	} cases[] = {
	    {OK, "ok"},
	    {E_NOMEM, "no_memory"},
	    {E_IO, "io"},
	    {E_FULL, "full"},
	    {E_EXISTS, "exists"},
	    {E_NOT_FOUND, "not_found"},
	    {E_CONFLICT, "conflict"},
	    {E_INVALID, "invalid"},
	    {E_LIMIT, "limit"},
	    {E_GONE, "gone"},
	    {E_BUSY, "busy"},
	    {E_TIMEOUT, "timeout"},
	    {E_CANCELLED, "cancelled"},
	};

	(void)state;
	assert_int_equal(OK, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(status_name(cases[i].status), cases[i].name);
}

static void levels_put_what_they_did_in_front(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, E_INVALID, "%s %d", "row", 7), E_INVALID);
	assert_string_equal(err.text, "row 7");
	err_add(&err, "part %d", 3);
	err_add(&err, "job %s", "a");
	assert_string_equal(err.text, "job a: part 3: row 7");
}

static void an_errno_gives_status_and_reason(void **state)
{
	static const struct {
		int number;
		enum status status;
		const char *text;
	} cases[] = {
	    {ENOSPC, E_FULL, "write: No space left on device"},
	    {EDQUOT, E_FULL, "write: Disk quota exceeded"},
	    {ENOENT, E_NOT_FOUND, "write: No such file or directory"},
	    {ENOMEM, E_NOMEM, "write: Cannot allocate memory"},
	    {EIO, E_IO, "write: Input/output error"},
	    {EACCES, E_IO, "write: Permission denied"},
	    {EMFILE, E_IO, "write: Too many open files"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;

		assert_int_equal(err_errno(&err, cases[i].number, "%s", "write"), cases[i].status);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err_errno(NULL, cases[i].number, "x"), cases[i].status);
	}
}

static void a_text_may_be_unwanted(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, E_GONE, "x"), E_GONE);
	err_add(NULL, "x");
}

static void too_long_a_text_is_cut(void **state)
{
	struct err err, full;

	(void)state;
	assert_int_equal(err_set(&err, E_IO, "%01500d", 1), E_IO);
	assert_int_equal(strlen(err.text), 1023);
	assert_int_equal(err_errno(&err, EIO, "%01020d", 1), E_IO);
	assert_int_equal(strlen(err.text), 1023);
	assert_string_equal(err.text + 1019, "1: I");
	err_errno(&err, EIO, "%01500d", 1);
	assert_int_equal(strlen(err.text), 1023);

	err_set(&full, E_IO, "%01023d", 1);
	err_add(&full, "job");
	assert_int_equal(strlen(full.text), 1023);
	assert_int_equal(strncmp(full.text, "job: 000", 8), 0);
	err_add(&full, "%01500d", 2);
	assert_int_equal(strlen(full.text), 1023);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_status_has_a_name),
	    cmocka_unit_test(levels_put_what_they_did_in_front),
	    cmocka_unit_test(an_errno_gives_status_and_reason),
	    cmocka_unit_test(a_text_may_be_unwanted),
	    cmocka_unit_test(too_long_a_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
