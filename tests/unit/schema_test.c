/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Promises of schema.h: which documents are read and into what, every broken rule reported at its
 * place, every limit refused one past it, and which changes of a schema are allowed.
 */
#include "schema/schema.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define HEAD "openapi: 3.0.3\ncomponents:\n  schemas:\n" /* three lines */

/* The object o, from line 4, with what follows as its fields, from line 6. */
#define FIELDS HEAD "    o:\n      properties:\n"

struct attempt {
	struct arena arena;
	struct problems problems;
	struct schema *schema;
	struct err err;
	enum status status;
};

static void attempt_begin(struct attempt *t, struct slice document)
{
	*t = (struct attempt){.err = {"untouched"}};
	arena_init(&t->arena, 1024);
	t->problems.arena = &t->arena;
	t->status = schema_parse(document, &t->problems, &t->schema, &t->err);
}

static void attempt_end(struct attempt *t)
{
	schema_destroy(&t->schema);
	assert_null(t->schema);
	arena_fini(&t->arena);
}

static void expect_one_problem(struct slice document, const char *expected)
{
	struct attempt t;

	attempt_begin(&t, document);
	for (size_t i = 1; i < t.problems.count && i < SCHEMA_PROBLEMS_MAX; i++)
		print_message("also: %s\n", t.problems.texts[i]);
	assert_int_equal(t.status, E_INVALID);
	assert_null(t.schema);
	assert_string_equal(t.problems.texts[0], expected);
	assert_int_equal(t.problems.count, 1);
	assert_string_equal(t.err.text, expected);
	attempt_end(&t);
}

static void expect_good(struct slice document)
{
	struct attempt t;

	attempt_begin(&t, document);
	if (t.problems.count > 0)
		print_message("%s\n", t.problems.texts[0]);
	assert_int_equal(t.status, OK);
	assert_int_equal(t.problems.count, 0);
	assert_non_null(t.schema);
	assert_string_equal(t.err.text, "untouched");
	attempt_end(&t);
}

/* --- good documents --------------------------------------------------------------------------- */

static const char all_types_yaml[] =
    HEAD "    Order-1:\n"
	 "      type: object\n"
	 "      description: |\n"
	 "        Any text: even \"this\".\n"
	 "      required: [id, at]\n"
	 "      properties:\n"
	 "        id: {type: string, nullable: false, example: 'x'}\n"
	 "        total: {type: number}\n"
	 "        float: {type: number, format: float}\n"
	 "        share: {type: number, format: percent}\n"
	 "        count: {type: integer, format: int64}\n"
	 "        paid: {type: boolean}\n"
	 "        day: {type: string, format: date}\n"
	 "        at: {type: string, format: date-time}\n"
	 "        mail: {type: string, format: email}\n"
	 "        call: {type: string, format: phone}\n"
	 "        link: {type: string, format: url}\n"
	 "        key: {type: string, format: uuid}\n"
	 "        'no': {type: string, format: ''}\n"
	 "    second:\n"
	 "      properties:\n"
	 "        ID: {type: string}\n";

/* The same, as JSON with tabs. */
static const char all_types_json[] =
    "\t{\n\t\"openapi\": \"3.0.3\",\r\n"
    "\t\"info\":{\"title\":\"caf\\u00e9 \\ud83d\\uDE00 \\\\ud83d\\\\ude00 \\\" "
    "\\/\",\"version\":1},\n"
    "\t\"components\":{\"schemas\":{\n"
    "\t\t\"Order-1\":{\"type\":\"object\",\"required\":[\"id\",\"at\"],\"properties\":{\n"
    "\t\t\t\"id\":{\"type\":\"string\",\"nullable\":false,\"example\":null},\n"
    "\t\t\t\"total\":{\"type\":\"number\"},\n"
    "\t\t\t\"float\":{\"type\":\"number\",\"format\":\"float\"},\n"
    "\t\t\t\"share\":{\"type\":\"number\",\"format\":\"percent\"},\n"
    "\t\t\t\"count\":{\"type\":\"integer\",\"format\":\"int64\"},\n"
    "\t\t\t\"paid\":{\"type\":\"boolean\"},\n"
    "\t\t\t\"day\":{\"type\":\"string\",\"format\":\"date\"},\n"
    "\t\t\t\"\\u0061t\":{\"type\":\"string\",\"format\":\"date-time\"},\n"
    "\t\t\t\"mail\":{\"type\":\"string\",\"format\":\"email\"},\n"
    "\t\t\t\"call\":{\"type\":\"string\",\"format\":\"phone\"},\n"
    "\t\t\t\"link\":{\"type\":\"string\",\"format\":\"url\"},\n"
    "\t\t\t\"key\":{\"type\":\"string\",\"format\":\"uuid\"},\n"
    "\t\t\t\"no\":{\"type\":\"string\"}}},\n"
    "\t\t\"second\":{\"properties\":{\"ID\":{\"type\":\"string\"}}}}}\n\t}\n\t\n";

static void expect_all_types(struct slice document)
{
	static const struct field expected[] = {
	    {"id", FIELD_STRING, NULL, true},
	    {"total", FIELD_NUMBER, NULL, false},
	    {"float", FIELD_NUMBER, NULL, false},
	    {"share", FIELD_NUMBER, "percent", false},
	    {"count", FIELD_INTEGER, NULL, false},
	    {"paid", FIELD_BOOLEAN, NULL, false},
	    {"day", FIELD_DATE, NULL, false},
	    {"at", FIELD_DATE_TIME, NULL, true},
	    {"mail", FIELD_STRING, "email", false},
	    {"call", FIELD_STRING, "phone", false},
	    {"link", FIELD_STRING, "url", false},
	    {"key", FIELD_STRING, NULL, false},
	    {"no", FIELD_STRING, NULL, false},
	};
	const struct object *object;
	struct attempt t;

	attempt_begin(&t, document);
	if (t.status != OK)
		print_message("%s\n", t.err.text);
	assert_int_equal(t.status, OK);
	assert_int_equal(t.schema->object_count, 2);
	object = &t.schema->objects[0];
	assert_string_equal(object->name, "Order-1");
	assert_int_equal(object->field_count, 13);
	for (size_t i = 0; i < 13; i++) {
		const struct field *field = &object->fields[i];

		assert_string_equal(field->name, expected[i].name);
		assert_int_equal(field->type, expected[i].type);
		assert_int_equal(field->required, expected[i].required);
		if (expected[i].format == NULL)
			assert_null(field->format);
		else
			assert_string_equal(field->format, expected[i].format);
	}
	assert_string_equal(t.schema->objects[1].name, "second");
	assert_string_equal(t.schema->objects[1].fields[0].name, "ID");
	attempt_end(&t);
}

static void reads_every_type_and_format_in_order_from_yaml(void **state)
{
	(void)state;
	expect_all_types(SLICE(all_types_yaml));
}

static void reads_the_same_from_json_with_tabs_and_escapes(void **state)
{
	(void)state;
	expect_all_types(SLICE(all_types_json));
}

static void takes_every_harmless_spelling(void **state)
{
	static const char *const documents[] = {
	    "\xef\xbb\xbf" FIELDS "        a: {type: string}\n",
	    "\xef\xbb\xbf\t{\"openapi\":\"3.0.0\",\"components\":{\"schemas\":{\"o\":{"
	    "\"properties\":"
	    "{\"a\":{\"type\":\"string\"}}}}}}",
	    "%YAML 1.1\n---\n" FIELDS "        a: {type: string}\n...\n",
	    "openapi: '3.0.12'\r\ncomponents:\r\n  schemas:\r\n    o:\r\n      properties:\r\n"
	    "        a:\r\n          type: string\r\n",
	    /* an anchor that nothing uses */
	    FIELDS "        a: &a {type: string}\n",
	    /* what is not checked */
	    "paths: {/x: {get: {}}}\n" FIELDS
	    "        a: {type: string, enum: [x], maxLength: 1}\n",
	    /* 80 bytes, and a single underscore at either end */
	    FIELDS
	    "        "
	    "a2345678901234567890123456789012345678901234567890123456789012345678901234567890"
	    ": {type: string}\n        _a_: {type: string}\n",
	    /* the same field name in two objects */
	    FIELDS
	    "        a: {type: string}\n    p:\n      properties:\n        A: {type: string}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		expect_good(slice_of(documents[i]));
}

static void a_ref_gives_a_field_the_named_type(void **state)
{
	static const char document[] = FIELDS "        at: {$ref: '#/components/schemas/Moment'}\n"
					      "        ID: {$ref: '#/components/schemas/Second'}\n"
					      "    Moment: {type: string, format: date-time}\n"
					      "    Second: {$ref: '#/components/schemas/Third'}\n"
					      "    Third: {type: integer}\n"
					      "    twin: {$ref: '#/components/schemas/o'}\n";
	const struct object *object;
	struct attempt t;

	(void)state;
	attempt_begin(&t, SLICE(document));
	assert_int_equal(t.status, OK);
	assert_int_equal(t.schema->object_count, 2);
	object = schema_object(t.schema, SLICE("o"));
	assert_int_equal(object_field(object, SLICE("at"))->type, FIELD_DATE_TIME);
	assert_int_equal(object_field(object, SLICE("ID"))->type, FIELD_INTEGER);
	object = schema_object(t.schema, SLICE("twin"));
	assert_int_equal(object->field_count, 2);
	assert_int_equal(object_field(object, SLICE("at"))->type, FIELD_DATE_TIME);
	attempt_end(&t);
}

static void names_are_found_exactly_case_included(void **state)
{
	struct attempt t;
	const struct object *object;

	(void)state;
	attempt_begin(&t, SLICE(all_types_yaml));
	object = schema_object(t.schema, SLICE("Order-1"));
	assert_non_null(object);
	assert_null(schema_object(t.schema, SLICE("order-1")));
	assert_null(schema_object(t.schema, SLICE("Order-")));
	assert_null(schema_object(t.schema, SLICE("")));
	assert_non_null(object_field(object, SLICE("total")));
	assert_null(object_field(object, SLICE("Total")));
	assert_null(object_field(object, SLICE("total2")));
	attempt_end(&t);
}

/* --- each rule broken alone ------------------------------------------------------------------- */

static void one_broken_rule_is_one_problem_at_its_place(void **state)
{
	static const struct {
		const char *document;
		const char *problem;
	} cases[] = {
	    /* the text */
	    {"", "the document: empty"},
	    {"# nothing\n", "the document: empty"},
	    {"openapi: 3.0.3\nx: \xff\n", "the document: not UTF-8 (line 2)"},
	    {"openapi: 3.0.3\nx: \x01\n",
		"the document: not YAML: control characters are not allowed (line 2)"},
	    {"openapi: 3.0.3\nx: {\n", "the document: not YAML: while parsing a flow node: did not "
				       "find expected node content "
				       "(line 3)"},
	    {"{\"openapi\":\"\\ud83d\"}", "the document: not YAML: while parsing a quoted scalar: "
					  "found invalid Unicode character "
					  "escape code (line 1)"},
	    {FIELDS "        a: {type: string}\n---\nb: 1\n",
		"the document: a second YAML document begins; there must be one (line 7)"},
	    {"? [a]\n: b\n", "the document: a key must be text (line 1)"},
	    {FIELDS "        a: &t {type: string}\n        b: *t\n",
		"components.schemas.o.properties.b: YAML aliases are not supported; write the "
		"value out "
		"(line 7)"},
	    {FIELDS
		"        a: {type: string}\n        b: {type: string}\n        a: {type: number}\n",
		"components.schemas.o.properties.a: this key is there twice; give it once (line "
		"8)"},
	    {FIELDS "        a: {type: string}\nx: {y: [{z: 1, z: 2}]}\n",
		"x.y[0].z: this key is there twice; give it once (line 7)"},
	    /* the top */
	    {"- a\n", "the document: it must be a mapping with openapi and components (line 1)"},
	    {"components: {schemas: {o: {properties: {a: {type: string}}}}}\n",
		"the document: openapi is missing; it must be 3.0.x, such as 3.0.3 (line 1)"},
	    {"openapi: 3.0\ncomponents: {schemas: {o: {properties: {a: {type: string}}}}}\n",
		"openapi: 3.0 is a number; it must be text of the form 3.0.x, such as 3.0.3 (line "
		"1)"},
	    {"openapi: '3.0'\ncomponents: {schemas: {o: {properties: {a: {type: string}}}}}\n",
		"openapi: version \"3.0\" is not supported; it must be 3.0.x, such as 3.0.3 (line "
		"1)"},
	    {"openapi: 3.1.0\ncomponents: {schemas: {o: {properties: {a: {type: string}}}}}\n",
		"openapi: version \"3.1.0\" is not supported; it must be 3.0.x, such as 3.0.3 "
		"(line 1)"},
	    {"openapi: 3.0.\ncomponents: {schemas: {o: {properties: {a: {type: string}}}}}\n",
		"openapi: version \"3.0.\" is not supported; it must be 3.0.x, such as 3.0.3 (line "
		"1)"},
	    {"openapi:\ncomponents: {schemas: {o: {properties: {a: {type: string}}}}}\n",
		"openapi: it must be text of the form 3.0.x, such as 3.0.3 (line 1)"},
	    {"openapi: 3.0.3\n",
		"the document: components.schemas is missing; it holds the objects (line 1)"},
	    {"openapi: 3.0.3\ncomponents: {}\n",
		"the document: components.schemas is missing; it holds the objects (line 1)"},
	    {"openapi: 3.0.3\ncomponents: []\n",
		"components: it must be a mapping with schemas (line 2)"},
	    {"openapi: 3.0.3\ncomponents:\n  schemas:\n",
		"components.schemas: it must be a mapping of names to objects (line 3)"},
	    {"openapi: 3.0.3\ncomponents:\n  schemas: {}\n",
		"components.schemas: there is no object; at least one is needed (line 3)"},
	    /* objects */
	    {FIELDS "        a: {type: string}\n    p:\n",
		"components.schemas.p: an object must be a mapping with type and properties (line "
		"7)"},
	    {FIELDS "        a: {type: string}\n    p: {description: x}\n",
		"components.schemas.p: it is not an object: it has neither type nor properties "
		"(line 7)"},
	    {FIELDS "        a: {type: string}\n    p: {type: string}\n",
		"components.schemas.p: it is not an object: its type is \"string\", and no $ref "
		"uses it "
		"(line 7)"},
	    {FIELDS "        a: {type: string}\n    p: {type: array, items: {type: string}}\n",
		"components.schemas.p: it is not an object: its type is \"array\" (line 7)"},
	    {FIELDS "        a: {type: string}\n    p: {type: [object]}\n",
		"components.schemas.p: it is not an object: its type must be one word (line 7)"},
	    {FIELDS
		"        a: {type: string}\n    p: {allOf: [{$ref: '#/components/schemas/o'}]}\n",
		"components.schemas.p: allOf is not supported; write the type out (line 7)"},
	    {FIELDS "        a: {type: string}\n    p: {type: object}\n",
		"components.schemas.p: the object has no properties; it needs at least one (line "
		"7)"},
	    {HEAD "    o: {type: object, properties: {}}\n",
		"components.schemas.o.properties: there are no fields; an object needs at least "
		"one (line "
		"4)"},
	    {HEAD "    o: {type: object, properties: [a]}\n",
		"components.schemas.o.properties: it must be a mapping of field names to types "
		"(line 4)"},
	    {HEAD "    my order: {properties: {a: {type: string}}}\n",
		"components.schemas.my order: the object name may be made of a-z A-Z 0-9 _ - only "
		"(line "
		"4)"},
	    {HEAD "    '': {properties: {a: {type: string}}}\n",
		"components.schemas.: the object name is empty (line 4)"},
	    {FIELDS "        a: {type: string}\n    O: {properties: {a: {type: string}}}\n",
		"components.schemas.O: the object name differs from \"o\" (line 4) in case only; "
		"choose "
		"another (line 7)"},
	    /* fields' names */
	    {FIELDS "        caf\xc3\xa9: {type: string}\n",
		"components.schemas.o.properties.caf\xc3\xa9: the field name may be made of a-z "
		"A-Z 0-9 _ "
		"- only (line 6)"},
	    {FIELDS "        \"a\\0\\n\": {type: string}\n",
		"components.schemas.o.properties.a??: the field name may be made of a-z A-Z 0-9 _ "
		"- only "
		"(line 6)"},
	    {FIELDS "        a__b: {type: string}\n",
		"components.schemas.o.properties.a__b: a field name can't hold two underscores in "
		"a row "
		"(line 6)"},
	    {FIELDS "        Version: {type: string}\n",
		"components.schemas.o.properties.Version: the field name \"version\" is reserved; "
		"choose "
		"another (line 6)"},
	    {FIELDS "        total: {type: string}\n        x: {type: string}\n        "
		    "Total: {type: number}\n",
		"components.schemas.o.properties.Total: the field name differs from \"total\" "
		"(line 6) in "
		"case only; choose another (line 8)"},
	    {FIELDS
		"        "
		"a23456789012345678901234567890123456789012345678901234567890123456789012345678901:"
		" {type: string}\n",
		"components.schemas.o.properties."
		"a2345678901234567890123456789012345678901234567890123456789012345678901234567890…:"
		" the "
		"field name has 81 bytes; it may have at most 80 (line 6)"},
	    /* fields' types */
	    {FIELDS "        a:\n", "components.schemas.o.properties.a: a field must be a mapping "
				    "with a type (line 6)"},
	    {FIELDS "        a: string\n", "components.schemas.o.properties.a: a field must be a "
					   "mapping with a type (line 6)"},
	    {FIELDS "        a: {format: date}\n", "components.schemas.o.properties.a: it has no "
						   "type; give string, number, integer or "
						   "boolean (line 6)"},
	    {FIELDS "        a: {type: money}\n",
		"components.schemas.o.properties.a: type \"money\" is not known; it may be string, "
		"number, "
		"integer or boolean (line 6)"},
	    {FIELDS "        a: {type: String}\n", "components.schemas.o.properties.a: type "
						   "\"String\" is not known; it may be string, "
						   "number, integer or boolean (line 6)"},
	    {FIELDS "        a: {type: [string, 'null']}\n",
		"components.schemas.o.properties.a: its type must be one word: string, number, "
		"integer or "
		"boolean (line 6)"},
	    {FIELDS "        a: {type: string, format: [date]}\n",
		"components.schemas.o.properties.a: its format must be one word (line 6)"},
	    {FIELDS "        a: {type: object, properties: {b: {type: string}}}\n",
		"components.schemas.o.properties.a: a field can't be an object; nested objects are "
		"not "
		"supported (line 6)"},
	    {FIELDS "        a: {properties: {b: {type: string}}}\n",
		"components.schemas.o.properties.a: a field can't be an object; nested objects are "
		"not "
		"supported (line 6)"},
	    {FIELDS "        a: {type: array, items: {type: string}}\n",
		"components.schemas.o.properties.a: a field can't be an array; arrays are not "
		"supported "
		"(line 6)"},
	    {FIELDS "        a: {items: {type: string}}\n",
		"components.schemas.o.properties.a: a field can't be an array; arrays are not "
		"supported "
		"(line 6)"},
	    {FIELDS "        a: {oneOf: [{type: string}]}\n",
		"components.schemas.o.properties.a: oneOf is not supported; write the type out "
		"(line 6)"},
	    {FIELDS "        a: {anyOf: [{type: string}]}\n",
		"components.schemas.o.properties.a: anyOf is not supported; write the type out "
		"(line 6)"},
	    /* $ref */
	    {FIELDS "        a: {$ref: 'other.yaml#/x'}\n",
		"components.schemas.o.properties.a: $ref \"other.yaml#/x\" is not supported; it "
		"must begin "
		"with #/components/schemas/ (line 6)"},
	    {FIELDS "        a: {$ref: [x]}\n",
		"components.schemas.o.properties.a: $ref \"\" is not supported; it must begin with "
		"#/components/schemas/ (line 6)"},
	    {FIELDS "        a: {$ref: '#/components/schemas/x'}\n",
		"components.schemas.o.properties.a: $ref \"#/components/schemas/x\" points to "
		"nothing "
		"(line 6)"},
	    {FIELDS "        a: {$ref: '#/components/schemas/p'}\n    p: {properties: {b: {type: "
		    "string}}}\n",
		"components.schemas.o.properties.a: a field can't be an object; nested objects are "
		"not "
		"supported (line 6)"},
	    {FIELDS "        a: {type: string}\n    p: {$ref: '#/components/schemas/p'}\n",
		"components.schemas.p: its $ref leads in a circle (line 7)"},
	    {FIELDS "        a: {$ref: '#/components/schemas/t'}\n    p: {$ref: "
		    "'#/components/schemas/t'}\n    t: {type: string}\n",
		"components.schemas.p: it is not an object, and no $ref uses it (line 7)"},
	    /* required */
	    {FIELDS "        a: {type: string}\n      required: [a, b]\n",
		"components.schemas.o.required[1]: \"b\" is none of the object's fields (line 7)"},
	    {FIELDS "        a: {type: string}\n      required: [A]\n",
		"components.schemas.o.required[0]: \"A\" is none of the object's fields (line 7)"},
	    {FIELDS "        a: {type: string}\n      required: a\n",
		"components.schemas.o.required: it must be a list of field names (line 7)"},
	    {FIELDS "        a: {type: string}\n      required: [{a: 1}]\n",
		"components.schemas.o.required[0]: it must be a field name (line 7)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_one_problem(slice_of(cases[i].document), cases[i].problem);
}

static void all_reserved_names_are_refused_in_any_case(void **state)
{
	static const char *const names[] = {"date_id", "LOCATION_ID", "dat_account_currency",
	    "Dat_Exchange_Rate", "pacing_period", "pacing_end_date", "row_count", "VERSION"};
	char document[200];
	struct attempt t;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(
		    document, sizeof(document), FIELDS "        %s: {type: string}\n", names[i]);
		attempt_begin(&t, slice_of(document));
		assert_int_equal(t.status, E_INVALID);
		assert_int_equal(t.problems.count, 1);
		attempt_end(&t);
	}
}

static void every_broken_rule_is_reported_not_only_the_first(void **state)
{
	static const char document[] = "openapi: 2.0\n"
				       "components:\n"
				       "  schemas:\n"
				       "    bad name:\n"
				       "      required: [x]\n"
				       "      properties:\n"
				       "        a b__c: {type: money}\n"
				       "        version: {type: array}\n"
				       "        version: {type: string}\n"
				       "    a: {$ref: '#/components/schemas/b'}\n"
				       "    b: {$ref: '#/components/schemas/a'}\n";
	static const char *const expected[] = {
	    "components.schemas.bad name.properties.version: this key is there twice; give it once "
	    "(line "
	    "9)",
	    "openapi: 2.0 is a number; it must be text of the form 3.0.x, such as 3.0.3 (line 1)",
	    "components.schemas.bad name.properties.a b__c: the field name may be made of a-z A-Z "
	    "0-9 _ - "
	    "only (line 7)",
	    "components.schemas.bad name.properties.a b__c: a field name can't hold two "
	    "underscores in a "
	    "row (line 7)",
	    "components.schemas.bad name.properties.a b__c: type \"money\" is not known; it may be "
	    "string, "
	    "number, integer or boolean (line 7)",
	    "components.schemas.bad name.properties.version: the field name \"version\" is "
	    "reserved; "
	    "choose another (line 8)",
	    "components.schemas.bad name.properties.version: a field can't be an array; arrays are "
	    "not "
	    "supported (line 8)",
	    "components.schemas.bad name.required[0]: \"x\" is none of the object's fields (line "
	    "5)",
	    "components.schemas.a: its $ref leads in a circle (line 10)",
	    "components.schemas.b: its $ref leads in a circle (line 11)",
	    "components.schemas.bad name: the object name may be made of a-z A-Z 0-9 _ - only "
	    "(line 4)",
	};
	const size_t count = sizeof(expected) / sizeof(expected[0]);
	struct attempt t;

	(void)state;
	attempt_begin(&t, SLICE(document));
	assert_int_equal(t.status, E_INVALID);
	for (size_t i = 0; i < count && i < t.problems.count; i++)
		assert_string_equal(t.problems.texts[i], expected[i]);
	assert_int_equal(t.problems.count, count);
	assert_string_equal(t.err.text, "components.schemas.bad name.properties.version: this key "
					"is there twice; give it once (line "
					"9); and 10 more problems");
	attempt_end(&t);
}

/* --- limits ----------------------------------------------------------------------------------- */

/* ${count} repeats of ${piece}, whose one %d is the number, between ${head} and ${tail}. */
static void repeat(struct buffer *buffer, const char *head, const char *piece_head,
    const char *piece_tail, const char *tail, int count)
{
	buffer_init(buffer, SCHEMA_DOCUMENT_BYTES_MAX * 2);
	buffer_put_text(buffer, head);
	for (int i = 0; i < count; i++)
		buffer_printf(buffer, "%s%d%s", piece_head, i, piece_tail);
	buffer_put_text(buffer, tail);
	assert_false(buffer->failed);
}

static void takes_1000_fields_and_refuses_1001(void **state)
{
	struct buffer b;

	(void)state;
	repeat(&b, FIELDS, "        f", ": {type: string}\n", "", 1000);
	expect_good(buffer_slice(&b));
	buffer_fini(&b);
	repeat(&b, FIELDS, "        f", ": {type: string}\n", "", 1001);
	expect_one_problem(buffer_slice(&b), "components.schemas.o.properties: there are 1001 "
					     "fields; an object may have at most 1000 (line "
					     "5)");
	buffer_fini(&b);
}

static void takes_1000_objects_and_refuses_1001(void **state)
{
	struct buffer b;

	(void)state;
	repeat(&b, HEAD, "    o", ": {properties: {a: {type: string}}}\n", "", 1000);
	expect_good(buffer_slice(&b));
	buffer_fini(&b);
	repeat(&b, HEAD, "    o", ": {properties: {a: {type: string}}}\n", "", 1001);
	expect_one_problem(buffer_slice(&b),
	    "components.schemas: there are 1001 objects; there may be at most 1000 (line 3)");
	buffer_fini(&b);
}

static void takes_64_levels_and_refuses_65(void **state)
{
	char opening[64 + 1] = {0}, closing[64 + 1] = {0}, document[512];

	(void)state;
	memset(opening, '[', 63);
	memset(closing, ']', 63);
	snprintf(document, sizeof(document), "x: %s%s\n" FIELDS "        a: {type: string}\n",
	    opening, closing);
	expect_good(slice_of(document));
	opening[63] = '[';
	closing[63] = ']';
	snprintf(document, sizeof(document), "x: %s%s\n" FIELDS "        a: {type: string}\n",
	    opening, closing);
	expect_one_problem(
	    slice_of(document), "the document: nested deeper than 64 levels (line 1)");
}

static void takes_4_mib_and_refuses_a_byte_more(void **state)
{
	static const char head[] = FIELDS "        a: {type: string}\n#";
	const size_t most = 4194304;
	char *document = malloc(most + 1);

	(void)state;
	assert_non_null(document);
	memset(document, 'x', most + 1);
	memcpy(document, head, sizeof(head) - 1);
	expect_good((struct slice){document, most});
	expect_one_problem((struct slice){document, most + 1},
	    "the document: it has 4194305 bytes; it may have at most 4194304");
	free(document);
}

static void takes_200000_nodes_and_refuses_one_more(void **state)
{
	struct buffer b;

	/* Around the numbers there are 17 nodes: the root, x and its list, openapi and 3.0.3,
	 * components and its mapping, schemas and its, o and its, properties and its, a and its,
	 * type and string. */
	(void)state;
	repeat(&b, "x: [", "", ",", "]\n" FIELDS "        a: {type: string}\n", 200000 - 17);
	expect_good(buffer_slice(&b));
	buffer_fini(&b);
	repeat(&b, "x: [", "", ",", "]\n" FIELDS "        a: {type: string}\n", 200000 - 16);
	expect_one_problem(
	    buffer_slice(&b), "the document: more than 200000 keys and values (line 7)");
	buffer_fini(&b);
}

static void takes_16_directives_and_refuses_17(void **state)
{
	struct buffer b;

	(void)state;
	repeat(&b, "", "%TAG !a", "! x\n", "---\n" FIELDS "        a: {type: string}\n", 16);
	expect_good(buffer_slice(&b));
	buffer_fini(&b);
	repeat(&b, "", "%TAG !a", "! x\n", "---\n" FIELDS "        a: {type: string}\n", 17);
	expect_one_problem(buffer_slice(&b), "the document: more than 16 lines begin with %");
	buffer_fini(&b);
}

static void follows_16_refs_and_refuses_17(void **state)
{
	static const char head[] = FIELDS "        a: {$ref: '#/components/schemas/t0'}\n";
	char document[4096];
	struct attempt t;

	(void)state;
	for (int last = 15; last <= 16; last++) {
		int used = snprintf(document, sizeof(document), "%s", head);

		for (int i = 0; i < last; i++)
			used += snprintf(document + used, sizeof(document) - (size_t)used,
			    "    t%d: {$ref: '#/components/schemas/t%d'}\n", i, i + 1);
		snprintf(document + used, sizeof(document) - (size_t)used,
		    "    t%d: {type: string}\n", last);
		if (last == 15)
			expect_good(slice_of(document));
	}
	attempt_begin(&t, slice_of(document));
	assert_int_equal(t.problems.count, 1);
	assert_string_equal(t.problems.texts[0], "components.schemas.o.properties.a: its $ref "
						 "leads through more than 16 others (line 6)");
	attempt_end(&t);
}

static void more_than_200_problems_are_counted(void **state)
{
	struct buffer b;
	struct attempt t;

	(void)state;
	repeat(&b, FIELDS, "        f", ": {type: x}\n", "", 300);
	attempt_begin(&t, buffer_slice(&b));
	assert_int_equal(t.status, E_INVALID);
	assert_int_equal(t.problems.count, 300);
	assert_string_equal(t.problems.texts[199], "components.schemas.o.properties.f199: type "
						   "\"x\" is not known; it may be string, number, "
						   "integer or boolean (line 205)");
	attempt_end(&t);
	buffer_fini(&b);
}

static void a_long_value_is_cut_in_the_text(void **state)
{
	char document[1000], expected[400], letters[401] = {0}, kept[81] = {0};

	(void)state;
	memset(letters, 'q', 400);
	memset(kept, 'q', 80);
	snprintf(document, sizeof(document), FIELDS "        a: {type: %s}\n", letters);
	snprintf(expected, sizeof(expected),
	    "components.schemas.o.properties.a: type \"%s…\" is not known; it may be string, "
	    "number, "
	    "integer or boolean (line 6)",
	    kept);
	expect_one_problem(slice_of(document), expected);
}

static void an_alias_bomb_is_refused_and_costs_nothing(void **state)
{
	static const char document[] =
	    "a: &a [x,x,x,x,x,x,x,x,x]\n"
	    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" FIELDS "        a: {type: string}\n";
	struct attempt t;

	(void)state;
	attempt_begin(&t, SLICE(document));
	assert_int_equal(t.status, E_INVALID);
	assert_int_equal(t.problems.count, 18);
	assert_string_equal(t.problems.texts[17],
	    "c[8]: YAML aliases are not supported; write the value out (line 3)");
	attempt_end(&t);
}

/* Texts that make a careless reader take a time that grows with the square of their length. */
static void hostile_texts_of_full_size_take_seconds_at_most(void **state)
{
	static const char *const pieces[] = {"[", "- ", "a: ", "? ", "{", "\"", "%TAG !a! x\n",
	    "\n", "---\n", "!", "&a ", "*a ", "- *a\n", "- {a: 1, a: 1}\n", "{\"\\ud83d", "'\n",
	    "# ", ",", "a\n ", "|\n", "{a", "[a,"};
	struct timespec start, end;
	struct attempt t;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct buffer b;

		buffer_init(&b, SCHEMA_DOCUMENT_BYTES_MAX);
		while (b.len + strlen(pieces[i]) <= SCHEMA_DOCUMENT_BYTES_MAX)
			buffer_put_text(&b, pieces[i]);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		attempt_begin(&t, buffer_slice(&b));
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		assert_int_equal(t.status, E_INVALID);
		if (end.tv_sec - start.tv_sec > 1)
			fail_msg(
			    "\"%s\" takes %ld s", pieces[i], (long)(end.tv_sec - start.tv_sec));
		attempt_end(&t);
		buffer_fini(&b);
	}
}

/* --- changes ---------------------------------------------------------------------------------- */

static enum status try_change(const char *now, const char *next, struct attempt *ret_result)
{
	struct attempt a, b;

	*ret_result = (struct attempt){0};
	arena_init(&ret_result->arena, 1024);
	ret_result->problems.arena = &ret_result->arena;
	attempt_begin(&a, slice_of(now));
	attempt_begin(&b, slice_of(next));
	assert_int_equal(a.status, OK);
	assert_int_equal(b.status, OK);
	ret_result->status =
	    schema_check_change(a.schema, b.schema, &ret_result->problems, &ret_result->err);
	attempt_end(&b);
	attempt_end(&a);
	return ret_result->status;
}

static const char before_change[] = HEAD "    orders: {required: [id], properties: {id: {type: "
					 "string}, total: {type: number}, at: {type: "
					 "string, format: date}}}\n"
					 "    customers: {properties: {id: {type: string}}}\n";

static void a_change_may_add_and_reorder_and_alter_required_and_format(void **state)
{
	struct attempt t;

	(void)state;
	assert_int_equal(OK, try_change(before_change, before_change, &t));
	attempt_end(&t);
	assert_int_equal(OK, try_change(before_change,
				 HEAD "    more: {properties: {x: {type: string}}}\n"
				      "    customers: {required: [id], properties: {new: {type: "
				      "integer}, id: {type: string, "
				      "format: email}}}\n"
				      "    orders: {properties: {at: {type: string, format: date}, "
				      "total: {type: number}, id: "
				      "{type: string}}}\n",
				 &t));
	assert_int_equal(t.problems.count, 0);
	attempt_end(&t);
}

static void every_removal_and_change_of_type_is_refused(void **state)
{
	struct attempt t;

	(void)state;
	assert_int_equal(E_CONFLICT, try_change(before_change,
					 HEAD "    orders: {properties: {ID: {type: string}, "
					      "total: {type: string}, at: {type: string, "
					      "format: date-time}}}\n"
					      "    Customers: {properties: {id: {type: string}}}\n",
					 &t));
	assert_int_equal(t.problems.count, 4);
	assert_string_equal(t.problems.texts[0], "orders.id: the field can't be removed");
	assert_string_equal(t.problems.texts[1], "orders.total: type number can't become string");
	assert_string_equal(t.problems.texts[2], "orders.at: type date can't become date-time");
	assert_string_equal(t.problems.texts[3], "customers: the object can't be removed");
	assert_string_equal(
	    t.err.text, "orders.id: the field can't be removed; and 3 more problems");
	attempt_end(&t);
}

static void a_valid_name_has_1_to_80_of_the_allowed_characters(void **state)
{
	static const char long_name[] =
	    "123456789012345678901234567890123456789012345678901234567890123456789012345678901";

	(void)state;
	assert_true(schema_name_is_valid(SLICE("azAZ09_-")));
	assert_true(schema_name_is_valid((struct slice){long_name, 80}));
	assert_false(schema_name_is_valid((struct slice){long_name, 81}));
	assert_false(schema_name_is_valid(SLICE("")));
	assert_false(schema_name_is_valid(SLICE("a b")));
	assert_false(schema_name_is_valid(SLICE("a.b")));
	assert_false(schema_name_is_valid(SLICE("a\0b")));
	assert_false(schema_name_is_valid(SLICE("\xc3\xa9")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_type_and_format_in_order_from_yaml),
	    cmocka_unit_test(reads_the_same_from_json_with_tabs_and_escapes),
	    cmocka_unit_test(takes_every_harmless_spelling),
	    cmocka_unit_test(a_ref_gives_a_field_the_named_type),
	    cmocka_unit_test(names_are_found_exactly_case_included),
	    cmocka_unit_test(one_broken_rule_is_one_problem_at_its_place),
	    cmocka_unit_test(all_reserved_names_are_refused_in_any_case),
	    cmocka_unit_test(every_broken_rule_is_reported_not_only_the_first),
	    cmocka_unit_test(takes_1000_fields_and_refuses_1001),
	    cmocka_unit_test(takes_1000_objects_and_refuses_1001),
	    cmocka_unit_test(takes_64_levels_and_refuses_65),
	    cmocka_unit_test(takes_4_mib_and_refuses_a_byte_more),
	    cmocka_unit_test(takes_200000_nodes_and_refuses_one_more),
	    cmocka_unit_test(takes_16_directives_and_refuses_17),
	    cmocka_unit_test(follows_16_refs_and_refuses_17),
	    cmocka_unit_test(more_than_200_problems_are_counted),
	    cmocka_unit_test(a_long_value_is_cut_in_the_text),
	    cmocka_unit_test(an_alias_bomb_is_refused_and_costs_nothing),
	    cmocka_unit_test(hostile_texts_of_full_size_take_seconds_at_most),
	    cmocka_unit_test(a_change_may_add_and_reorder_and_alter_required_and_format),
	    cmocka_unit_test(every_removal_and_change_of_type_is_refused),
	    cmocka_unit_test(a_valid_name_has_1_to_80_of_the_allowed_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
