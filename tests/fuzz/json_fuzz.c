/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes: the tokenizer of streamed records must take what jansson takes, refuse what it refuses,
 * and read the same values; and records of them become an entry that can be read, or nothing.
 *
 * jansson makes doubles of all numbers here, as whole numbers of more than 64 bits are an error to it
 * else.  Three differences are wanted, and left out: decimals that are too large for a double, and
 * what base/json.c adds to jansson, more than 64 levels and a NUL byte, which it passes over behind
 * a number.
 */
#include "json/json_scan.h"

#include "base/json.h"
#include "convert/entry.h"
#include "convert/records.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the tokenizer and jansson differ: %s\n", what);
	abort();
}

static struct json_token next(struct json_scan *scan)
{
	struct json_token token;
	struct err err;

	check(json_scan_next(scan, &token, &err) == OK, "the second reading fails");
	return token;
}

/* --- The same values -------------------------------------------------------------------------- */

static void compare(struct json_scan *scan, const struct json_token *token, json_t *value);

static void compare_object(struct json_scan *scan, json_t *object)
{
	struct json_token token;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		token = next(scan);
		check(token.kind == SCAN_KEY && slice_is(token.text, key), "a member's name");
		token = next(scan);
		compare(scan, &token, value);
	}
	check(next(scan).kind == SCAN_CLOSE, "the end of an object");
}

static void compare_array(struct json_scan *scan, json_t *array)
{
	struct json_token token;

	for (size_t i = 0; i < json_array_size(array); i++) {
		token = next(scan);
		compare(scan, &token, json_array_get(array, i));
	}
	check(next(scan).kind == SCAN_CLOSE, "the end of an array");
}

static void compare_number(struct slice text, double number)
{
	char *copy = malloc(text.len + 1);

	check(copy != NULL, "memory");
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	check(strtod(copy, NULL) == number, "a number");
	free(copy);
}

static void compare(struct json_scan *scan, const struct json_token *token, json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		check(token->kind == SCAN_OBJECT, "an object");
		compare_object(scan, value);
		break;
	case JSON_ARRAY:
		check(token->kind == SCAN_ARRAY, "an array");
		compare_array(scan, value);
		break;
	case JSON_STRING:
		check(token->kind == SCAN_STRING &&
			  slice_equals(token->text,
			      (struct slice){json_string_value(value), json_string_length(value)}),
		    "a string");
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		check(token->kind == SCAN_NUMBER, "a number's type");
		compare_number(token->text, json_number_value(value));
		break;
	case JSON_TRUE:
		check(token->kind == SCAN_TRUE, "true");
		break;
	case JSON_FALSE:
		check(token->kind == SCAN_FALSE, "false");
		break;
	case JSON_NULL:
		check(token->kind == SCAN_NULL, "null");
		break;
	}
}

/* --- The same verdict ------------------------------------------------------------------------- */

static enum status scan_all(struct slice text, struct arena *arena, struct err *err)
{
	struct json_token token = {.kind = SCAN_NULL};
	struct json_scan scan;
	enum status status = OK;

	json_scan_init(&scan, text, arena);
	while (status == OK && token.kind != SCAN_DONE) {
		status = json_scan_next(&scan, &token, err);
		check(
		    status != OK || (token.begin >= text.ptr && token.begin <= text.ptr + text.len),
		    "a token's place");
	}
	return status;
}

/* true: it is JSON. */
static bool check_verdict(struct slice text)
{
	struct err err = {""};
	struct json_token token;
	struct json_scan scan;
	struct arena arena;
	json_error_t why;
	json_t *value;
	enum status status;

	arena_init(&arena, 1024);
	status = scan_all(text, &arena, &err);
	value =
	    json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
	if (value != NULL && status != OK)
		check(strstr(err.text, "nested deeper") != NULL ||
			  memchr(text.ptr, '\0', text.len) != NULL,
		    err.text);
	if (value == NULL && status == OK)
		check(json_error_code(&why) == json_error_numeric_overflow, why.text);
	if (value != NULL && status == OK) {
		json_scan_init(&scan, text, &arena);
		token = next(&scan);
		compare(&scan, &token, value);
		check(next(&scan).kind == SCAN_DONE, "the end");
	}
	json_decref(value);
	arena_fini(&arena);
	return status == OK;
}

/* --- Records of them -------------------------------------------------------------------------- */

static const struct field fields[] = {
    {.name = "s", .type = FIELD_STRING},
    {.name = "n", .type = FIELD_NUMBER},
    {.name = "i", .type = FIELD_INTEGER},
    {.name = "b", .type = FIELD_BOOLEAN},
    {.name = "d", .type = FIELD_DATE},
    {.name = "t", .type = FIELD_DATE_TIME},
};
static const struct object object = {.name = "o", .fields = fields, .field_count = 6};
static const struct stream streams[] = {
    {.category = STREAM_OTHER, .primary_key = "s"},
    {.category = STREAM_OTHER, .refresh = STREAM_PARTIAL, .primary_key = "n"},
    {.category = STREAM_OTHER,
	.refresh = STREAM_PARTIAL,
	.primary_key = "i",
	.record_modified_field = "t"},
};

static void check_entry(struct slice bytes)
{
	struct entry_reader reader;
	struct value values[6];
	struct arena arena;
	struct err err;
	enum status status;

	arena_init(&arena, 1024);
	check(entry_open(&reader, bytes, &arena, &err) == OK, "an entry of records");
	check(reader.row_count > 0, "an entry without records");
	while ((status = entry_next(&reader, values, &err)) == OK)
		;
	check(status == E_NOT_FOUND, "an entry's rows");
	arena_fini(&arena);
}

/* A report is JSON, and a list. */
static void check_report(const struct record_report *report)
{
	json_t *value = json_loadb(report->json.ptr, report->json.len, 0, NULL);

	check(value != NULL && json_is_array(value), "a report that is no JSON");
	check(json_array_size(value) <= report->count + 1 && json_array_size(value) > 0,
	    "a report's length");
	check(report->json.len <= RECORD_REPORT_BYTES_MAX, "a report that is too long");
	json_decref(value);
}

static void check_records(const struct stream *stream, struct slice text, bool valid)
{
	struct record_report report = {.count = 0};
	struct record_plan *plan;
	struct buffer entry;
	struct err err;
	enum status status;

	check(record_plan_create(&object, stream, &plan, &err) == OK, "a plan");
	buffer_init(&entry, 128 * 1024 + 2 * text.len);
	buffer_init(&report.json, RECORD_REPORT_BYTES_MAX);
	status = records_read(plan, text, 1, &entry, &report, &err);
	check(valid || status == E_INVALID, "records of what is no JSON");
	check(status == OK || status == E_INVALID || status == E_CONFLICT, err.text);
	if (status == OK)
		check_entry(buffer_slice(&entry));
	else
		check(entry.len == 0, "an entry of bad records");
	if (status == E_CONFLICT)
		check_report(&report);
	buffer_reset(&entry);
	status = record_ids_read(plan, text, 1, &entry, &err);
	if (status == OK)
		check_entry(buffer_slice(&entry));
	buffer_reset(&entry);
	status = record_ids_split(plan, text, 1, &entry, &err);
	if (status == OK)
		check_entry(buffer_slice(&entry));
	buffer_fini(&entry);
	buffer_fini(&report.json);
	record_plan_destroy(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	bool valid;

	if (size == 0)
		return 0;
	valid = check_verdict(text);
	for (size_t i = 0; i < 3; i++)
		check_records(&streams[i], text, valid);
	return 0;
}
