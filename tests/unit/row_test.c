/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to rows: what a header must have, what a record must have, and that a refused record
 * leaves no trace. Records are built by hand, from text with '|' between the fields, so no
 * tokenizer is needed.
 */
#include "convert/row.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELDS_ROOM  32

static const struct field order_fields[] = {
    {.name = "id", .type = FIELD_STRING},
    {.name = "total", .type = FIELD_NUMBER},
    {.name = "items", .type = FIELD_INTEGER},
    {.name = "paid", .type = FIELD_BOOLEAN},
    {.name = "due", .type = FIELD_DATE},
    {.name = "modified", .type = FIELD_DATE_TIME},
    {.name = "note", .type = FIELD_STRING, .required = true},
};
static const struct object orders = {
    .name = "orders", .fields = order_fields, .field_count = COUNT(order_fields)};
static const struct stream orders_stream = {
    .category = STREAM_PROFILE, .primary_key = "id", .record_modified_field = "modified"};
static const struct stream plain_stream = {.category = STREAM_OTHER, .primary_key = "id"};

enum { ID, TOTAL, ITEMS, PAID, DUE, MODIFIED, NOTE };

#define HEADER "id|total|items|paid|due|modified|note"
#define GOOD   "A1|12.50|3|true|2021-06-10|2021-06-10T13:25:40.784Z|hello"

/* A record and the memory that it needs. */
struct made {
	struct csv_record record;
	struct slice fields[FIELDS_ROOM];
};

static const struct csv_record *make(struct made *made, const char *text)
{
	const char *end;
	size_t n = 0;

	for (;; text = end + 1) {
		end = strchr(text, '|');
		if (end == NULL)
			end = text + strlen(text);
		assert_true(n < FIELDS_ROOM);
		made->fields[n++] = (struct slice){text, (size_t)(end - text)};
		if (*end == '\0')
			break;
	}
	made->record = (struct csv_record){
	    .fields = made->fields, .field_count = n, .field_kept = n, .line = 1};
	return &made->record;
}

struct fixture {
	struct row_plan *plan;
	struct batch *batch;
};

static void begin(struct fixture *f, const struct stream *stream, enum row_operation operation)
{
	struct err err;

	assert_int_equal(row_plan_create(&orders, stream, operation, &f->plan, &err), OK);
	assert_int_equal(row_plan_batch(f->plan, &f->batch, &err), OK);
}

static void end(struct fixture *f)
{
	batch_destroy(&f->batch);
	row_plan_destroy(&f->plan);
	assert_null(f->batch);
	assert_null(f->plan);
}

static enum status bind(struct fixture *f, const char *header, struct err *err)
{
	struct made made;

	return row_plan_bind(f->plan, make(&made, header), err);
}

static void begin_bound(struct fixture *f, const struct stream *stream, const char *header)
{
	struct err err = {""};

	begin(f, stream, ROW_UPSERT);
	if (bind(f, header, &err) != OK)
		fail_msg("%s", err.text);
}

static bool convert(struct fixture *f, const char *text, bool first, struct reject *ret_reject)
{
	struct made made;

	return row_convert(f->plan, make(&made, text), first, f->batch, ret_reject);
}

static void assert_no_trace_from(const struct batch *batch, size_t row)
{
	assert_int_equal(batch->row_count, row);
	for (size_t i = 0; i < batch->column_count; i++) {
		for (size_t r = row; r < BATCH_ROWS; r++)
			assert_false(batch_is_valid(&batch->columns[i], r));
	}
}

static void expect_reject(
    struct fixture *f, const char *text, bool first, enum reject_code code, const char *field)
{
	size_t row = f->batch->row_count;
	struct reject reject = {.code = REJECT_NONE};

	if (convert(f, text, first, &reject))
		fail_msg("%s: taken", text);
	if (reject.code != code)
		fail_msg("%s: %s, not %s", text, reject_name(reject.code), reject_name(code));
	if (field == NULL)
		assert_null(reject.field);
	else
		assert_string_equal(reject.field, field);
	assert_no_trace_from(f->batch, row);
}

static void record_becomes_a_row_of_typed_values(void **state)
{
	struct fixture f;
	struct reject reject;
	const struct batch_column *c;

	(void)state;
	begin_bound(&f, &orders_stream, HEADER);
	assert_true(convert(&f, GOOD, true, &reject));
	assert_int_equal(f.batch->row_count, 1);
	c = f.batch->columns;
	for (size_t i = 0; i < f.batch->column_count; i++)
		assert_true(batch_is_valid(&c[i], 0));
	assert_true(slice_is(((struct slice *)c[ID].values)[0], "A1"));
	assert_true(((int128 *)c[TOTAL].values)[0] == (int128)12500000000 * 1000000000);
	assert_true(((int64_t *)c[ITEMS].values)[0] == 3);
	assert_true(((bool *)c[PAID].values)[0]);
	assert_int_equal(((int32_t *)c[DUE].values)[0], 18788);
	assert_true(((int64_t *)c[MODIFIED].values)[0] == INT64_C(1623331540784000));
	assert_true(slice_is(((struct slice *)c[NOTE].values)[0], "hello"));
	assert_no_trace_from(f.batch, 1);
	end(&f);
}

static void columns_may_come_in_any_order_with_others_between(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin_bound(&f, &orders_stream, "note|x|modified|due|paid|Total|items|total||id|");
	/* What is in a column that nobody asked for is not looked at, bad bytes neither. */
	assert_true(convert(
	    &f, "hi|\xff|2021-06-10T13:25:40Z|2021-06-10|0|junk|7|1.5|\x80|K9|?", false, &reject));
	assert_true(slice_is(((struct slice *)f.batch->columns[ID].values)[0], "K9"));
	assert_true(slice_is(((struct slice *)f.batch->columns[NOTE].values)[0], "hi"));
	assert_true(((int64_t *)f.batch->columns[ITEMS].values)[0] == 7);
	assert_true(((int128 *)f.batch->columns[TOTAL].values)[0] == INT64_C(1500000000000000000));
	assert_false(((bool *)f.batch->columns[PAID].values)[0]);
	end(&f);
}

static void plan_is_bound_anew_at_each_part(void **state)
{
	struct fixture f;
	struct reject reject;
	struct err err = {""};

	(void)state;
	begin_bound(&f, &orders_stream, HEADER);
	assert_true(convert(&f, GOOD, true, &reject));
	assert_int_equal(bind(&f, "note|modified|due|paid|items|total|id", &err), OK);
	assert_true(convert(&f, "ho|2021-06-10T13:25:40Z|2021-06-10|false|4|2|A2", false, &reject));
	assert_int_equal(f.batch->row_count, 2);
	assert_true(slice_is(((struct slice *)f.batch->columns[ID].values)[1], "A2"));
	end(&f);
}

static void blank_is_null_for_every_type(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin_bound(&f, &plain_stream, HEADER);
	assert_true(convert(&f, GOOD, false, &reject));
	assert_true(convert(&f, "A2||||||x", false, &reject));
	assert_int_equal(f.batch->row_count, 2);
	for (size_t i = TOTAL; i <= MODIFIED; i++) {
		assert_true(batch_is_valid(&f.batch->columns[i], 0));
		assert_false(batch_is_valid(&f.batch->columns[i], 1));
	}
	assert_true(batch_is_valid(&f.batch->columns[ID], 1));
	assert_true(batch_is_valid(&f.batch->columns[NOTE], 1));
	end(&f);
}

static void blank_string_is_null_too(void **state)
{
	static const struct field fields[] = {
	    {.name = "id", .type = FIELD_STRING}, {.name = "name", .type = FIELD_STRING}};
	static const struct object object = {.name = "o", .fields = fields, .field_count = 2};
	struct fixture f;
	struct reject reject;
	struct err err;

	(void)state;
	assert_int_equal(row_plan_create(&object, &plain_stream, ROW_UPSERT, &f.plan, &err), OK);
	assert_int_equal(row_plan_batch(f.plan, &f.batch, &err), OK);
	assert_int_equal(bind(&f, "id|name", &err), OK);
	assert_true(convert(&f, "1|", false, &reject));
	assert_false(batch_is_valid(&f.batch->columns[1], 0));
	assert_true(convert(&f, "2| ", false, &reject));
	assert_true(batch_is_valid(&f.batch->columns[1], 1)); /* never trimmed */
	end(&f);
}

static void refused_record_says_why_and_leaves_no_trace(void **state)
{
	static const struct {
		const char *text;
		enum reject_code code;
		const char *field;
	} cases[] = {
	    {"|1|1|1|2021-06-10|2021-06-10T13:25:40Z|x", REJECT_BLANK_KEY, "id"},
	    {"A|x|1|1|2021-06-10|2021-06-10T13:25:40Z|x", REJECT_NUMBER_FORM, "total"},
	    {"A|1e20|1|1|2021-06-10|2021-06-10T13:25:40Z|x", REJECT_NUMBER_RANGE, "total"},
	    {"A|1e-19|1|1|2021-06-10|2021-06-10T13:25:40Z|x", REJECT_NUMBER_SCALE, "total"},
	    {"A|1|1.5|1|2021-06-10|2021-06-10T13:25:40Z|x", REJECT_INTEGER_FORM, "items"},
	    {"A|1|9223372036854775808|1||2021-06-10T13:25:40Z|x", REJECT_INTEGER_RANGE, "items"},
	    {"A|1|1|yes|2021-06-10|2021-06-10T13:25:40Z|x", REJECT_BOOLEAN_FORM, "paid"},
	    {"A|1|1|1|10.6.2021|2021-06-10T13:25:40Z|x", REJECT_DATE_FORM, "due"},
	    {"A|1|1|1|2021-02-29|2021-06-10T13:25:40Z|x", REJECT_DATE_CALENDAR, "due"},
	    {"A|1|1|1|2021-06-10|2021-06-10|x", REJECT_DATE_TIME_FORM, "modified"},
	    {"A|1|1|1|2021-06-10|2021-02-29T00:00:00Z|x", REJECT_DATE_TIME_CALENDAR, "modified"},
	    {"A|1|1|1|2021-06-10||x", REJECT_BLANK_VERSION, "modified"},
	    {"A|1|1|1|2021-06-10|2021-06-10T13:25:40Z|", REJECT_BLANK_REQUIRED, "note"},
	    {"A|1|1|1|2021-06-10|2021-06-10T13:25:40Z|\xff", REJECT_UTF8, "note"},
	    /* Two faults: the schema's first field is named. */
	    {"|x|y|z|||", REJECT_BLANK_KEY, "id"},
	    {"A|x|y|z|||", REJECT_NUMBER_FORM, "total"},
	    /* The number of fields comes before any of them. */
	    {"|x|y", REJECT_FIELD_COUNT, NULL},
	    {GOOD "|", REJECT_FIELD_COUNT, NULL},
	};
	struct fixture f;
	struct reject reject;

	(void)state;
	begin_bound(&f, &orders_stream, HEADER);
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect_reject(&f, cases[i].text, false, cases[i].code, cases[i].field);
		assert_true(convert(&f, GOOD, false, &reject));
	}
	assert_int_equal(f.batch->row_count, COUNT(cases));
	end(&f);
}

static void refused_record_hands_over_its_value(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin_bound(&f, &orders_stream, HEADER);
	assert_false(convert(&f, "A|abc|1|1|||x", false, &reject));
	assert_true(slice_is(reject.value, "abc"));
	assert_false(convert(&f, "A|1", false, &reject));
	assert_int_equal(reject.have, 2);
	assert_int_equal(reject.want, 7);
	assert_false(reject.of_delete);
	end(&f);
}

static void row_after_a_refused_one_has_its_nulls(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin_bound(&f, &plain_stream, HEADER);
	assert_false(convert(&f, "A|1|1|1|2021-06-10|2021-06-10T13:25:40Z|", false, &reject));
	assert_true(convert(&f, "A||||||x", false, &reject));
	for (size_t i = TOTAL; i <= MODIFIED; i++)
		assert_false(batch_is_valid(&f.batch->columns[i], 0));
	end(&f);
}

static void event_time_must_not_be_blank(void **state)
{
	static const struct stream engagement = {
	    .category = STREAM_ENGAGEMENT, .primary_key = "id", .event_time_field = "due"};
	struct fixture f;

	(void)state;
	begin_bound(&f, &engagement, HEADER);
	expect_reject(&f, "A|1|1|1||2021-06-10T13:25:40Z|x", false, REJECT_BLANK_EVENT_TIME, "due");
	end(&f);
}

static void key_that_is_required_too_is_named_as_key(void **state)
{
	static const struct stream by_note = {.category = STREAM_OTHER, .primary_key = "note"};
	struct fixture f;

	(void)state;
	begin_bound(&f, &by_note, HEADER);
	expect_reject(&f, "A||||||", false, REJECT_BLANK_KEY, "note");
	end(&f);
}

static void fault_of_the_tokenizer_comes_first(void **state)
{
	static const struct {
		enum csv_fault fault;
		enum reject_code code;
	} cases[] = {
	    {CSV_FAULT_LONE_CR, REJECT_LONE_CR},
	    {CSV_FAULT_BARE_QUOTE, REJECT_BARE_QUOTE},
	    {CSV_FAULT_TEXT_AFTER_QUOTE, REJECT_TEXT_AFTER_QUOTE},
	    {CSV_FAULT_TOO_LONG, REJECT_TOO_LONG},
	};
	struct fixture f;
	struct reject reject;
	struct made made;

	(void)state;
	begin_bound(&f, &orders_stream, "x|" HEADER);
	for (size_t i = 0; i < COUNT(cases); i++) {
		make(&made, "?|A|bad");
		made.record.fault = cases[i].fault;
		made.record.fault_field = 2;
		assert_false(row_convert(f.plan, &made.record, false, f.batch, &reject));
		assert_int_equal(reject.code, cases[i].code);
		assert_string_equal(reject.field, "total");
		assert_true(
		    slice_is(reject.value, cases[i].fault == CSV_FAULT_TOO_LONG ? "" : "bad"));
		/* In a column that nobody asked for, or that there is not: no name. */
		made.record.fault_field = 0;
		assert_false(row_convert(f.plan, &made.record, false, f.batch, &reject));
		assert_null(reject.field);
		made.record.fault_field = 1000;
		assert_false(row_convert(f.plan, &made.record, false, f.batch, &reject));
		assert_null(reject.field);
		assert_int_equal(reject.value.len, 0);
	}
	assert_no_trace_from(f.batch, 0);
	end(&f);
}

/*
 * Deletes.
 */

static void delete_takes_the_key_alone(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin(&f, &plain_stream, ROW_DELETE);
	assert_int_equal(f.batch->column_count, 1);
	assert_true(convert(&f, "A1", true, &reject));
	assert_true(slice_is(((struct slice *)f.batch->columns[0].values)[0], "A1"));
	expect_reject(&f, "A1|2021-06-10T13:25:40Z", false, REJECT_FIELD_COUNT, NULL);
	assert_false(convert(&f, "A1|x", false, &reject));
	assert_true(reject.of_delete);
	assert_int_equal(reject.want, 1);
	assert_int_equal(reject.have, 2);
	expect_reject(&f, "\xff", false, REJECT_UTF8, "id");
	expect_reject(&f, "", false, REJECT_BLANK_KEY, "id");
	end(&f);
}

static void delete_takes_key_and_version_of_a_versioned_stream(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin(&f, &orders_stream, ROW_DELETE);
	assert_int_equal(f.batch->column_count, 2);
	assert_int_equal(f.batch->columns[1].type, FIELD_DATE_TIME);
	assert_true(convert(&f, "A1|1970-01-01T00:00:01Z", true, &reject));
	assert_true(((int64_t *)f.batch->columns[1].values)[0] == 1000000);
	expect_reject(&f, "A1", false, REJECT_FIELD_COUNT, NULL);
	expect_reject(&f, "A1|", false, REJECT_BLANK_VERSION, "modified");
	expect_reject(&f, "|1970-01-01T00:00:01Z", false, REJECT_BLANK_KEY, "id");
	expect_reject(&f, "A1|now", false, REJECT_DATE_TIME_FORM, "modified");
	end(&f);
}

static void delete_with_a_header_is_told_so(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin(&f, &orders_stream, ROW_DELETE);
	expect_reject(&f, "id|modified", true, REJECT_LOOKS_LIKE_HEADER, "id");
	expect_reject(
	    &f, "id", true, REJECT_LOOKS_LIKE_HEADER, "id"); /* before the number of fields */
	expect_reject(&f, HEADER, true, REJECT_LOOKS_LIKE_HEADER, "id");
	/* Elsewhere, or in other letters, it is a key like any. */
	assert_true(convert(&f, "id|1970-01-01T00:00:01Z", false, &reject));
	assert_true(convert(&f, "ID|1970-01-01T00:00:01Z", true, &reject));
	end(&f);
	begin_bound(&f, &plain_stream, HEADER);
	assert_true(convert(&f, "id||||||x", true, &reject));
	end(&f);
}

/*
 * Headers.
 */

static void header_that_cannot_be_bound_is_explained(void **state)
{
	static const struct {
		const char *header, *text;
	} cases[] = {
	    {"id|total|items|paid|due|modified",
		"the header lacks a column for \"note\" of the 7 fields of orders"},
	    {"ID|total|items|paid|due|modified|Note ",
		"the header lacks a column for \"id\", \"note\" of the 7 fields of orders"},
	    {"x", "the header lacks a column for \"id\", \"total\", \"items\", \"paid\", \"due\", "
		  "\"modified\", \"note\" of the 7 fields of orders"},
	    {"id|items|total|paid|due|modified|total|note",
		"the header names column \"total\" twice (columns 3 and 7)"},
	    {HEADER "|x|x", "the header names column \"x\" twice (columns 8 and 9)"},
	    {HEADER "|x|id|x|x", "the header names column \"x\" 3 times (columns 8, 10, ...), "
				 "column \"id\" twice (columns "
				 "1 and 9)"},
	    {"id|id",
		"the header names column \"id\" twice (columns 1 and 2); it lacks a column for "
		"\"total\", \"items\", \"paid\", \"due\", \"modified\", \"note\" of the 7 fields "
		"of "
		"orders"},
	};
	struct fixture f;
	struct err err;

	(void)state;
	begin(&f, &orders_stream, ROW_UPSERT);
	for (size_t i = 0; i < COUNT(cases); i++) {
		err = (struct err){""};
		assert_int_equal(bind(&f, cases[i].header, &err), E_INVALID);
		assert_string_equal(err.text, cases[i].text);
	}
	end(&f);
}

static void columns_without_a_name_may_be_many(void **state)
{
	struct fixture f;

	(void)state;
	begin_bound(&f, &orders_stream, "|" HEADER "|||");
	end(&f);
}

static void malformed_header_is_not_bound(void **state)
{
	struct fixture f;
	struct made made;
	struct err err = {""};

	(void)state;
	begin(&f, &orders_stream, ROW_UPSERT);
	make(&made, "id|to\"tal|items|paid|due|modified|note");
	made.record.fault = CSV_FAULT_BARE_QUOTE;
	made.record.fault_field = 1;
	assert_int_equal(row_plan_bind(f.plan, &made.record, &err), E_INVALID);
	assert_string_equal(err.text, "the header is malformed at column 2: CSV_BARE_QUOTE: "
				      "\"to\"tal\" has a quote inside an "
				      "unquoted field; quote the field and double the quote");
	make(&made, HEADER);
	made.record.field_count = 20000;
	assert_int_equal(row_plan_bind(f.plan, &made.record, &err), E_INVALID);
	assert_string_equal(err.text, "the header has more than 7 columns: 20000");
	end(&f);
}

/* A thousand fields of the longest names, the most columns: the text stays whole, and it is
 * quick. */
static void widest_header_is_bound_quickly_and_explained_briefly(void **state)
{
	enum { FIELDS = 1000, COLUMNS = 16384, NAME = 81 };
	char(*names)[NAME] = calloc(COLUMNS, NAME);
	struct field *fields = calloc(FIELDS, sizeof(*fields));
	struct slice *columns = calloc(COLUMNS, sizeof(*columns));
	struct object object = {.name = "wide", .fields = fields, .field_count = FIELDS};
	struct stream stream = {.category = STREAM_OTHER};
	struct csv_record header = {
	    .fields = columns, .field_count = COLUMNS, .field_kept = COLUMNS, .line = 1};
	struct row_plan *plan = NULL;
	struct err err = {""};
	int64_t begin_us;

	(void)state;
	assert_true(names != NULL && fields != NULL && columns != NULL);
	for (size_t i = 0; i < COLUMNS; i++) {
		snprintf(names[i], NAME, "%076zu", i * 7919 % COLUMNS);
		memcpy(names[i] + 76, "name", 4);
		columns[i] = (struct slice){names[i], 80};
		if (i < FIELDS)
			fields[i] = (struct field){.name = names[i], .type = FIELD_STRING};
	}
	memcpy(stream.primary_key, names[0], NAME);
	assert_int_equal(row_plan_create(&object, &stream, ROW_UPSERT, &plan, &err), OK);
	begin_us = clock_mono_us();
	assert_int_equal(row_plan_bind(plan, &header, &err), OK);
	assert_true(clock_mono_us() - begin_us < 2000000);

	header.fields += FIELDS;
	header.field_count = header.field_kept = COLUMNS - FIELDS;
	assert_int_equal(row_plan_bind(plan, &header, &err), E_INVALID);
	assert_true(strlen(err.text) < 900);
	assert_non_null(strstr(err.text, " and 992 more of the 1000 fields of wide"));

	/* Each of 2,000 names twice. */
	header.fields = columns;
	header.field_count = header.field_kept = 4000;
	for (size_t i = 0; i < 4000; i++)
		columns[i] = (struct slice){names[i / 2], 80};
	assert_int_equal(row_plan_bind(plan, &header, &err), E_INVALID);
	assert_true(strlen(err.text) < 900);
	assert_non_null(strstr(err.text, "more so"));
	row_plan_destroy(&plan);
	free(columns);
	free(fields);
	free(names);
}

static void batch_can_be_filled_and_used_again(void **state)
{
	struct fixture f;
	struct reject reject;

	(void)state;
	begin_bound(&f, &orders_stream, HEADER);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < BATCH_ROWS; i++)
			assert_true(convert(&f, GOOD, false, &reject));
		assert_int_equal(f.batch->row_count, BATCH_ROWS);
		for (size_t i = 0; i < BATCH_ROWS; i++)
			assert_true(batch_is_valid(&f.batch->columns[NOTE], i));
		batch_reset(f.batch);
		assert_no_trace_from(f.batch, 0);
	}
	end(&f);
}

static void destroyers_take_null(void **state)
{
	struct row_plan *plan = NULL;
	struct batch *batch = NULL;

	(void)state;
	row_plan_destroy(&plan);
	batch_destroy(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(record_becomes_a_row_of_typed_values),
	    cmocka_unit_test(columns_may_come_in_any_order_with_others_between),
	    cmocka_unit_test(plan_is_bound_anew_at_each_part),
	    cmocka_unit_test(blank_is_null_for_every_type),
	    cmocka_unit_test(blank_string_is_null_too),
	    cmocka_unit_test(refused_record_says_why_and_leaves_no_trace),
	    cmocka_unit_test(refused_record_hands_over_its_value),
	    cmocka_unit_test(row_after_a_refused_one_has_its_nulls),
	    cmocka_unit_test(event_time_must_not_be_blank),
	    cmocka_unit_test(key_that_is_required_too_is_named_as_key),
	    cmocka_unit_test(fault_of_the_tokenizer_comes_first),
	    cmocka_unit_test(delete_takes_the_key_alone),
	    cmocka_unit_test(delete_takes_key_and_version_of_a_versioned_stream),
	    cmocka_unit_test(delete_with_a_header_is_told_so),
	    cmocka_unit_test(header_that_cannot_be_bound_is_explained),
	    cmocka_unit_test(columns_without_a_name_may_be_many),
	    cmocka_unit_test(malformed_header_is_not_bound),
	    cmocka_unit_test(widest_header_is_bound_quickly_and_explained_briefly),
	    cmocka_unit_test(batch_can_be_filled_and_used_again),
	    cmocka_unit_test(destroyers_take_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
