/* SPDX-License-Identifier: Apache-2.0 */
/* An app's name and secret in an Authorization header. */
#include "api/basic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_stands_in_the_header_is_read(void **state)
{
	static const struct {
		const char *header, *id, *secret; /* NULL: refused */
	} cases[] = {
	    {"Basic YTpi", "a", "b"},
	    {"bAsIc   YTpi", "a", "b"},
	    {"Basic YTpiYw==", "a", "bc"},
	    {"Basic YTpiYw", "a", "bc"},
	    {"Basic Og==", "", ""},
	    {"Basic YTpiOmM=", "a", "b:c"},                    /* the first colon counts */
	    {"Basic YSUzQWI6JTI1JTJCJTJiKw==", "a:b", "%+++"}, /* a%3Ab:%25%2B%2b+ */
	    {"Basic YSU6JTQlZzAl", "a%", "%4%g0%"},            /* what is no escape stays */
	    {"Basic OiU=", "", "%"},
	    {"Basic OiU0", "", "%4"},
	    {"Basic OiU0MQ==", "", "A"},
	    {"Basic Oi8rLz8=", "", "/+/?"},
	    {"Basic ", NULL, NULL},
	    {"Basic YWI=", NULL, NULL},
	    {"Basic YTpiY", NULL, NULL},
	    {"Basic YTpi YTpi", NULL, NULL},
	    {"Basic YTpi-_", NULL, NULL},
	    {"Basic =", NULL, NULL},
	};
	struct slice id, secret;
	struct arena arena;
	struct err err;

	(void)state;
	arena_init(&arena, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		id = secret = SLICE("untouched");
		assert_true(basic_is(slice_of(cases[i].header)));
		if (basic_parse(slice_of(cases[i].header), &arena, &id, &secret, &err) == OK) {
			assert_non_null(cases[i].id);
			assert_true(slice_is(id, cases[i].id));
			assert_true(slice_is(secret, cases[i].secret));
		} else {
			assert_null(cases[i].id);
			assert_true(slice_is(id, "untouched"));
		}
	}
	assert_false(basic_is(SLICE("Bearer YTpi")));
	assert_false(basic_is(SLICE("Basi")));
	assert_false(basic_is(SLICE("")));
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_stands_in_the_header_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
