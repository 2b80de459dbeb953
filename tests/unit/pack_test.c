/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of bodies that records are packed into (cli/pack.h), and of who is meant when one is
 * refused (cli/refusal.h). */
#include "cli/pack.h"

#include "cli/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct pack make(const char *member, size_t bytes_max, size_t count_max)
{
	struct pack pack;
	const struct pack_options options = {member, bytes_max, count_max};

	assert_int_equal(pack_init(&pack, &options, NULL), OK);
	return pack;
}

static void check_body(struct pack *pack, const char *expected)
{
	struct slice body;

	assert_int_equal(pack_body(pack, &body, NULL), OK);
	assert_int_equal(body.len, strlen(expected));
	assert_memory_equal(body.ptr, expected, body.len);
}

static void a_body_holds_what_fits_to_the_byte(void **state)
{
	struct pack pack = make("data", 20, 100);

	(void)state;
	assert_int_equal(pack_record_bytes_max(&pack), 9);
	assert_true(pack_add(&pack, SLICE("{\"a\":12}"), 1));
	check_body(&pack, "{\"data\":[{\"a\":12}]}");
	assert_false(pack_add(&pack, SLICE("{}"), 2));
	pack_clear(&pack);
	assert_false(pack_add(&pack, SLICE("{\"a\":1234}"), 2));
	assert_true(pack_add(&pack, SLICE("{\"a\":123}"), 3));
	check_body(&pack, "{\"data\":[{\"a\":123}]}");
	pack_clear(&pack);
	assert_true(pack_add(&pack, SLICE("{}"), 4));
	assert_true(pack_add(&pack, SLICE("{ }"), 5));
	assert_false(pack_add(&pack, SLICE("{ }"), 6)); /* there is no room for its comma */
	assert_true(pack_add(&pack, SLICE("{}"), 6));
	assert_false(pack_add(&pack, SLICE("{}"), 7));
	check_body(&pack, "{\"data\":[{},{ },{}]}");
	check_body(&pack, "{\"data\":[{},{ },{}]}");
	pack_fini(&pack);
}

static void a_body_holds_no_more_than_its_count(void **state)
{
	struct pack pack = make("ids", 10000, 300);

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		assert_true(pack_add(&pack, SLICE("\"a\""), 2 * i));
	assert_false(pack_add(&pack, SLICE("\"a\""), 600));
	assert_int_equal(pack.records[299].line, 598);
	pack_clear(&pack);
	assert_true(pack_add(&pack, SLICE("\"b\""), 600));
	check_body(&pack, "{\"ids\":[\"b\"]}");
	pack_fini(&pack);
}

static void records_can_be_taken_out_again(void **state)
{
	static const char *const records[] = {
	    "{\"a\":1}", "{}", "{\"long\":\"xxxx\"}", "{\"b\":2}"};
	struct pack pack = make("data", 1000, 100);

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_true(pack_add(&pack, slice_of(records[i]), 10 + i));
	pack_keep(&pack, (const bool[]){false, true, false, true});
	check_body(&pack, "{\"data\":[{},{\"b\":2}]}");
	assert_int_equal(pack.records[1].line, 13);
	assert_true(slice_is(pack_record(&pack, 1), "{\"b\":2}"));
	assert_true(pack_add(&pack, SLICE("{\"longer\":\"xxxxxxxxxxxxxxxxxx\"}"), 14));
	check_body(&pack, "{\"data\":[{},{\"b\":2},{\"longer\":\"xxxxxxxxxxxxxxxxxx\"}]}");
	/* They are found where they are now, not where they were. */
	assert_true(slice_is(pack_record(&pack, 1), "{\"b\":2}"));
	pack_keep(&pack, (const bool[]){false, true, false});
	check_body(&pack, "{\"data\":[{\"b\":2}]}");
	assert_true(pack_add(&pack, SLICE("{\"c\":3}"), 15));
	assert_true(pack_add(&pack, SLICE("{\"d\":4}"), 16));
	pack_keep(&pack, (const bool[]){false, false, false});
	check_body(&pack, "{\"data\":[]}");
	pack_fini(&pack);
}

#define REPORT(entries) "{\"message\":\"m\",\"details\":{\"validationReport\":[" entries "]}}"
#define ENTRY(text)     "{\"record\":\"" text "\",\"causingExceptions\":[\"x\",7,\"y\"]}"
#define NONE            SIZE_MAX

static void a_report_names_records_in_their_order(void **state)
{
	static const struct {
		const char *answer;
		size_t count;
		size_t records[3];
	} cases[] = {
	    {REPORT(ENTRY("{}")), 1, {0}},
	    {REPORT(ENTRY("{}") "," ENTRY("{}")), 2, {0, 2}},
	    {REPORT(ENTRY("{ \\\"a\\\":1}") "," ENTRY("{}")), 2, {1, 2}},
	    {REPORT(ENTRY("{\\\"b\\\":3,\\\"a\\\":2}")), 1, {3}},
	    {REPORT(ENTRY("{\\\"a\\\":1}") "," ENTRY("{\\\"z\\\":1}") "," ENTRY("")), 3,
		{1, NONE, NONE}},
	    {REPORT("7," ENTRY("{}")), 2, {NONE, 0}},
	    {REPORT(""), 0, {0}},
	    {"{\"message\":\"m\",\"details\":{}}", 0, {0}},
	    {"<html>", 0, {0}},
	    {"", 0, {0}},
	};
	struct pack pack = make("data", 1000, 100);

	(void)state;
	assert_true(pack_add(&pack, SLICE("{}"), 1));
	assert_true(pack_add(&pack, SLICE("{ \"a\":1}"), 2));
	assert_true(pack_add(&pack, SLICE("{}"), 3));
	assert_true(pack_add(&pack, SLICE("{\"a\":2,\"b\":3}"), 4));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct refusal refusal;
		size_t known = 0;

		assert_int_equal(
		    refusal_read(slice_of(cases[i].answer), &pack, &refusal, NULL), OK);
		assert_int_equal(refusal.count, cases[i].count);
		for (size_t n = 0; n < refusal.count; n++) {
			assert_int_equal(refusal.entries[n].record, cases[i].records[n]);
			known += refusal.entries[n].record != NONE;
		}
		assert_int_equal(refusal.known, known);
		refusal_fini(&refusal);
	}
	pack_fini(&pack);
}

static void reasons_are_joined(void **state)
{
	struct pack pack = make("data", 1000, 100);
	struct refusal refusal;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1000);
	assert_true(pack_add(&pack, SLICE("{}"), 1));
	assert_int_equal(
	    refusal_read(SLICE(REPORT(ENTRY("{}") ",{\"record\":\"{}\"}")), &pack, &refusal, NULL),
	    OK);
	refusal_put_reasons(&refusal.entries[0], &out);
	buffer_put_char(&out, '|');
	refusal_put_reasons(&refusal.entries[1], &out);
	buffer_put_char(&out, '|');
	refusal_put_reasons(&refusal.entries[0], &out);
	assert_true(slice_is(buffer_slice(&out), "x; y|refused without a reason|x; y"));
	refusal_fini(&refusal);
	buffer_fini(&out);
	pack_fini(&pack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_body_holds_what_fits_to_the_byte),
	    cmocka_unit_test(a_body_holds_no_more_than_its_count),
	    cmocka_unit_test(records_can_be_taken_out_again),
	    cmocka_unit_test(a_report_names_records_in_their_order),
	    cmocka_unit_test(reasons_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
