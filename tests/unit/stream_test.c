/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of stream.h: the wire's words, which settings fit an object, which may change. */
#include "schema/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct field order_fields[] = {
    {"id", FIELD_STRING, NULL, true},
    {"total", FIELD_NUMBER, NULL, false},
    {"day", FIELD_DATE, NULL, false},
    {"at", FIELD_DATE_TIME, NULL, false},
};
static const struct object orders = {"orders", order_fields, 4};

static void categories_and_refresh_modes_are_the_words_of_the_wire(void **state)
{
	enum stream_category category = STREAM_OTHER;
	enum stream_refresh refresh = STREAM_PARTIAL;

	(void)state;
	assert_string_equal(stream_category_name(STREAM_PROFILE), "Profile");
	assert_string_equal(stream_category_name(STREAM_ENGAGEMENT), "Engagement");
	assert_string_equal(stream_category_name(STREAM_OTHER), "Other");
	assert_string_equal(stream_refresh_name(STREAM_UPSERT), "Upsert");
	assert_string_equal(stream_refresh_name(STREAM_PARTIAL), "Partial");
	assert_true(stream_category_parse(SLICE("Engagement"), &category));
	assert_int_equal(category, STREAM_ENGAGEMENT);
	assert_true(stream_category_parse(SLICE("Profile"), &category));
	assert_int_equal(category, STREAM_PROFILE);
	assert_true(stream_category_parse(SLICE("Other"), &category));
	assert_int_equal(category, STREAM_OTHER);
	assert_true(stream_refresh_parse(SLICE("Upsert"), &refresh));
	assert_int_equal(refresh, STREAM_UPSERT);
	assert_true(stream_refresh_parse(SLICE("Partial"), &refresh));
	assert_int_equal(refresh, STREAM_PARTIAL);
}

static void another_word_is_refused_and_changes_nothing(void **state)
{
	static const char *const words[] = {
	    "", "profile", "PROFILE", "Profiles", "Upser", "upsert", "Full"};
	enum stream_category category = STREAM_OTHER;
	enum stream_refresh refresh = STREAM_PARTIAL;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_false(stream_category_parse(slice_of(words[i]), &category));
		assert_false(stream_refresh_parse(slice_of(words[i]), &refresh));
	}
	assert_int_equal(category, STREAM_OTHER);
	assert_int_equal(refresh, STREAM_PARTIAL);
}

static void a_stream_is_the_same_only_with_the_same_settings_and_document(void **state)
{
	const struct stream stream = {.connector = "shop",
	    .object = "orders",
	    .category = STREAM_PROFILE,
	    .primary_key = "id",
	    .record_modified_field = "at",
	    .event_time_field = "day",
	    .journal = "log",
	    .revision = 7};
	const struct stream same = stream;
	struct stream others[9];

	(void)state;
	assert_true(stream_is_same(&stream, &same));
	for (size_t i = 0; i < 9; i++)
		others[i] = stream;
	others[0].connector[0] = 'x';
	others[1].object[0] = 'x';
	others[2].category = STREAM_OTHER;
	others[3].refresh = STREAM_PARTIAL;
	others[4].primary_key[0] = 'x';
	others[5].record_modified_field[0] = '\0';
	others[6].event_time_field[0] = '\0';
	others[7].journal[0] = 'x';
	others[8].revision = 8;
	for (size_t i = 0; i < 9; i++)
		assert_false(stream_is_same(&stream, &others[i]));
}

static void settings_must_fit_the_object(void **state)
{
	static const struct {
		struct stream stream;
		const char *error; /* NULL: they fit */
	} cases[] = {
	    {{.category = STREAM_PROFILE, .primary_key = "id"}, NULL},
	    {{.category = STREAM_OTHER, .primary_key = "total"}, NULL},
	    {{.category = STREAM_PROFILE, .primary_key = "id", .record_modified_field = "at"},
		NULL},
	    {{.category = STREAM_OTHER, .primary_key = "id", .record_modified_field = "at"}, NULL},
	    {{.category = STREAM_ENGAGEMENT, .primary_key = "id", .event_time_field = "at"}, NULL},
	    {{.category = STREAM_ENGAGEMENT, .primary_key = "id", .event_time_field = "day"}, NULL},
	    {{.category = STREAM_PROFILE}, "primaryKey is missing; it must name a field of orders "
					   "(it has: id, total, day, at)"},
	    {{.category = STREAM_PROFILE, .primary_key = "ID"},
		"primaryKey \"ID\" is no field of orders; it must name a field (it has: id, total, "
		"day, at)"},
	    {{.category = STREAM_PROFILE, .primary_key = "id", .record_modified_field = "x"},
		"recordModifiedField \"x\" is no field of orders; it must name a date-time field "
		"(it has: "
		"at)"},
	    {{.category = STREAM_OTHER, .primary_key = "id", .record_modified_field = "day"},
		"recordModifiedField \"day\" is a field of type date; it must name a date-time "
		"field of "
		"orders (it has: at)"},
	    {{.category = STREAM_ENGAGEMENT,
		 .primary_key = "id",
		 .record_modified_field = "at",
		 .event_time_field = "at"},
		"recordModifiedField \"at\" is for the categories Profile and Other only; leave it "
		"out, for "
		"the category is Engagement"},
	    {{.category = STREAM_ENGAGEMENT, .primary_key = "id"},
		"eventTimeField is missing; it must name a date-time or date field of orders (it "
		"has: day, "
		"at)"},
	    {{.category = STREAM_ENGAGEMENT, .primary_key = "id", .event_time_field = "total"},
		"eventTimeField \"total\" is a field of type number; it must name a date-time or "
		"date field "
		"of orders (it has: day, at)"},
	    {{.category = STREAM_ENGAGEMENT, .primary_key = "id", .event_time_field = "x"},
		"eventTimeField \"x\" is no field of orders; it must name a date-time or date "
		"field (it "
		"has: day, at)"},
	    {{.category = STREAM_PROFILE, .primary_key = "id", .event_time_field = "at"},
		"eventTimeField \"at\" is for the category Engagement only; leave it out, for the "
		"category "
		"is Profile"},
	    {{.category = STREAM_OTHER, .primary_key = "id", .event_time_field = "at"},
		"eventTimeField \"at\" is for the category Engagement only; leave it out, for the "
		"category "
		"is Other"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {"untouched"};
		enum status status = stream_check(&cases[i].stream, &orders, &err);

		assert_string_equal(
		    err.text, cases[i].error == NULL ? "untouched" : cases[i].error);
		assert_int_equal(status, cases[i].error == NULL ? OK : E_INVALID);
	}
}

static void an_object_of_many_fields_or_none_that_fit_gives_a_bounded_text(void **state)
{
	static const char long_name[] =
	    "a2345678901234567890123456789012345678901234567890123456789012345678901234567890";
	static const struct stream stream = {.category = STREAM_ENGAGEMENT, .primary_key = "f"};
	struct field fields[1000];
	const struct object many = {"many", fields, 1000};
	const struct object one = {"one", fields, 1};
	struct err err;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		fields[i] = (struct field){long_name, FIELD_STRING, NULL, false};
	assert_int_equal(stream_check(&stream, &many, &err), E_INVALID);
	assert_non_null(strstr(err.text, "67890, …)"));
	assert_true(strlen(err.text) < 600);
	fields[0].name = "f";
	assert_int_equal(stream_check(&stream, &one, &err), E_INVALID);
	assert_string_equal(err.text, "eventTimeField is missing; it must name a date-time or date "
				      "field of one (it has: none)");
}

static void the_primary_key_and_record_modified_field_stay(void **state)
{
	static const struct stream now = {
	    .category = STREAM_PROFILE, .primary_key = "id", .record_modified_field = "at"};
	struct stream next = now;
	struct err err = {"untouched"};

	(void)state;
	assert_int_equal(stream_check_change(&now, &next, &err), OK);
	next.category = STREAM_OTHER;
	next.refresh = STREAM_PARTIAL;
	assert_int_equal(stream_check_change(&now, &next, &err), OK);
	assert_string_equal(err.text, "untouched");

	next = now;
	strcpy(next.primary_key, "Id");
	assert_int_equal(stream_check_change(&now, &next, &err), E_CONFLICT);
	assert_string_equal(
	    err.text, "primaryKey is \"id\" and can't become \"Id\": rows are stored by it");

	next = now;
	next.record_modified_field[0] = '\0';
	assert_int_equal(stream_check_change(&now, &next, &err), E_CONFLICT);
	assert_string_equal(
	    err.text, "recordModifiedField is \"at\" and can't become \"\": rows are stored by it");
	assert_int_equal(stream_check_change(&next, &now, &err), E_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(categories_and_refresh_modes_are_the_words_of_the_wire),
	    cmocka_unit_test(another_word_is_refused_and_changes_nothing),
	    cmocka_unit_test(a_stream_is_the_same_only_with_the_same_settings_and_document),
	    cmocka_unit_test(settings_must_fit_the_object),
	    cmocka_unit_test(an_object_of_many_fields_or_none_that_fit_gives_a_bounded_text),
	    cmocka_unit_test(the_primary_key_and_record_modified_field_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
