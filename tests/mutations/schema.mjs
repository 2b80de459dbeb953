// SPDX-License-Identifier: Apache-2.0
// How to break the rules of schema documents, of their change, and of data streams: each entry makes the named test fail
// (script/prove-tests).
const raw = String.raw;
const all = 'scenario/26-schema: every broken rule of a document is told at once, each with its place and line';
const limits = 'scenario/26-schema: each rule is kept to the last character: 80 in a name, 1,000 fields, and the names that are nearly reserved';
const change = 'scenario/26-schema: what a later document may not do is told whole: each object and field that goes, each type that changes';
const refs = 'scenario/26-schema: $ref is followed, aliases are refused, and no document is too hostile to be answered';
const stored = 'scenario/02-connector: a connector is stored and read back, its objects and fields with it';
const stream = 'scenario/02-connector: a stream must fit its object';
const openapi = 'src/schema/openapi.c', schema = 'src/schema/schema.c', streams = 'src/schema/stream.c';

export default [
	// --- One document ---------------------------------------------------------------------------------------------------
	{ test: all, file: openapi, from: raw`	const struct slice prefix = SLICE("3.0.");`, to: raw`	const struct slice prefix = SLICE("3.");` },
	{ test: 'unit/schema_test: one_broken_rule_is_one_problem_at_its_place', file: openapi, from: raw`	const struct slice prefix = SLICE("3.0.");`, to: raw`	const struct slice prefix = SLICE("3.");` },
	{ test: all, file: openapi, from: raw`	if (count == 0)
		complain(r, r->schemas, "there is no object; at least one is needed");
`, to: '' },
	{ test: all, file: openapi, from: raw`	if (properties->child_count == 0) {
		complain(r, properties, "there are no fields; an object needs at least one");
		return;
	}
`, to: '' },
	{ test: all, file: openapi, from: raw`	if (node_is(type, "object") ||
	    (type == NULL && node_get(node, SLICE("properties")) != NULL)) {
		complain(r, place, "a field can't be an object; nested objects are not supported");
		return NULL;
	}
`, to: '' },
	{ test: all, file: openapi, from: raw`		complain(r, place, "a field can't be an array; arrays are not supported");
`, to: '' },
	{ test: all, file: openapi, from: raw`		check_name(r, entry->node, "object");
`, to: '' },
	{ test: all, file: openapi, from: raw`	check_name(r, node, "field");
`, to: '' },
	{ test: all, file: openapi, from: raw`	if (memmem(node->key.ptr, node->key.len, "__", 2) != NULL)`, to: raw`	if (memmem(node->key.ptr, node->key.len, "___", 3) != NULL)` },
	{ test: all, file: openapi, from: raw`	check_case(r, valid, valid_count, "object");
`, to: '' },
	{ test: all, file: openapi, from: raw`	check_case(r, valid, count, "field");
`, to: '' },
	{ test: all, file: openapi, from: raw`	problems_add(r->problems, "%s: %s (line %zu)",
	    node->parent == NULL ? "the document" : node_place(node).text, text, node->line);`, to: raw`	if (r->problems->count == 0)
		problems_add(r->problems, "%s: %s (line %zu)",
		    node->parent == NULL ? "the document" : node_place(node).text, text, node->line);` },
	{ test: 'unit/schema_test: every_broken_rule_is_reported_not_only_the_first', file: openapi, from: raw`	if (!expect_mapping(r, property, "a field must be a mapping with a type"))
		return;`, to: raw`	if (r->problems->count > 0 || !expect_mapping(r, property, "a field must be a mapping with a type"))
		return;` },
	{ test: all, file: 'src/schema/document.c', from: raw`			node->line = b->key_line;`, to: raw`			node->line = b->key_line + 1;` },
	{ test: limits, file: 'src/schema/schema.h', from: raw`#define SCHEMA_NAME_BYTES_MAX     80`, to: raw`#define SCHEMA_NAME_BYTES_MAX     79` },
	{ test: limits, file: openapi, from: raw`	if (properties->child_count > SCHEMA_FIELDS_MAX) {`, to: raw`	if (properties->child_count >= SCHEMA_FIELDS_MAX) {` },
	{ test: limits, file: openapi, from: raw`"pacing_period", "pacing_end_date"`, to: raw`"pacing_period", "pacing_end"` },
	{ test: 'unit/schema_test: takes_1000_fields_and_refuses_1001', file: openapi, from: raw`	if (properties->child_count > SCHEMA_FIELDS_MAX) {`, to: raw`	if (properties->child_count >= SCHEMA_FIELDS_MAX) {` },
	{ test: 'unit/schema_test: all_reserved_names_are_refused_in_any_case', file: openapi, from: raw`		if (slice_is_nocase(node->key, reserved_names[i]))`, to: raw`		if (slice_is(node->key, reserved_names[i]))` },
	{ test: 'unit/schema_test: reads_every_type_and_format_in_order_from_yaml', file: openapi, from: raw`    {"string", "date-time", FIELD_DATE_TIME, false},`, to: raw`    {"string", "datetime", FIELD_DATE_TIME, false},` },
	{ test: 'unit/schema_test: reads_every_type_and_format_in_order_from_yaml', file: openapi, from: raw`	return plain;
}`, to: raw`	return format.len > 0 ? NULL : plain;
}` },
	{ test: 'scenario/06-values: annotated formats are plain strings and numbers', file: openapi, from: raw`    {"number", "percent", FIELD_NUMBER, true},`, to: raw`    {"number", "percent", FIELD_STRING, true},` },
	{ test: refs, file: openapi, from: raw`		if (node_get(entry->node, SLICE("$ref")) == NULL)
			return entry;`, to: raw`		if (count == 0)
			return entry;` },
	{ test: refs, file: 'src/schema/document.c', from: raw`		add_flaw(b, node, "YAML aliases are not supported; write the value out");`, to: raw`		node->kind = NODE_TEXT;` },
	{ test: refs, file: 'src/schema/document.h', from: raw`#define DOCUMENT_DEPTH_MAX`, to: raw`#define DOCUMENT_DEPTH_MAX 65 //` },
	{ test: refs, file: 'src/schema/document.h', from: raw`#define DOCUMENT_NODES_MAX`, to: raw`#define DOCUMENT_NODES_MAX 300000 //` },
	{ test: 'unit/schema_test: follows_16_refs_and_refuses_17', file: openapi, from: raw`#define REFS_MAX 16`, to: raw`#define REFS_MAX 17` },
	{ test: 'unit/schema_test: an_alias_bomb_is_refused_and_costs_nothing', file: 'src/schema/document.c', from: raw`		add_flaw(b, node, "YAML aliases are not supported; write the value out");`, to: raw`		node->kind = NODE_TEXT;` },
	{ test: 'unit/schema_test: takes_64_levels_and_refuses_65', file: 'src/schema/document.h', from: raw`#define DOCUMENT_DEPTH_MAX`, to: raw`#define DOCUMENT_DEPTH_MAX 65 //` },
	{ test: 'unit/schema_test: takes_200000_nodes_and_refuses_one_more', file: 'src/schema/document.c', from: raw`	if (++b->node_count > DOCUMENT_NODES_MAX)`, to: raw`	if (++b->node_count >= DOCUMENT_NODES_MAX)` },

	// --- A later document -----------------------------------------------------------------------------------------------
	{ test: change, file: schema, from: raw`			problems_add(problems, "%s: the object can't be removed", old->name);`, to: raw`			continue;` },
	{ test: change, file: schema, from: raw`			problems_add(
			    problems, "%s.%s: the field can't be removed", now->name, old->name);`, to: raw`			continue;` },
	{ test: change, file: schema, from: raw`		else if (new->type != old->type)`, to: raw`		else if (new->type == FIELD_STRING && new->type != old->type)` },
	{ test: change, file: 'src/api/connectors.c', from: raw`respond_problems(request, st == E_CONFLICT ? 409 : 400, &problems);`, to: raw`respond_problems(request, 400, &problems);` },
	{ test: 'scenario/02-connector: a schema may grow, but neither shrink nor change a type', file: schema, from: raw`		else if (new->type != old->type)`, to: raw`		else if (new->type == FIELD_DATE && new->type != old->type)` },
	{ test: 'scenario/02-connector: a schema may grow, but neither shrink nor change a type', file: 'src/lake/lake_duckdb_table.c', from: raw`	if (status == OK && (is_changed || !change->rows.has_view)) {`, to: raw`	if (status == OK && !change->rows.has_view) {` },
	{ test: 'conformance/lake_test: a_table_gets_new_columns_and_keeps_its_rows', file: 'src/lake/lake_duckdb_table.c', from: raw`		if (status == OK && !is_there) {
			status = add_column(change, field, err);`, to: raw`		if (status == OK && !is_there && i > 1) {
			status = add_column(change, field, err);` },
	{ test: 'conformance/lake_growth_test: a_new_column_costs_old_rows_next_to_nothing', file: 'src/lake/lake_duckdb_table.c', from: raw`	buffer_printf(&change->sql, " %s%s", lake_duckdb_type_name(field->type),
	    compression_of(field->type, false));
	return run(change, "add a column", err);`, to: raw`	buffer_printf(&change->sql, " %s%s", lake_duckdb_type_name(field->type), field->type == FIELD_STRING ? " DEFAULT md5(random()::VARCHAR)" : "");
	return run(change, "add a column", err);` },

	// --- Connectors -----------------------------------------------------------------------------------------------------
	{ test: stored, file: 'src/api/connectors.c', from: raw`respond_connector(request, revision == 0 ? 201 : 200, name);`, to: raw`respond_connector(request, 200, name);` },
	{ test: stored, file: 'src/api/connectors.c', from: raw`		json_write_slice(w, connector->document);`, to: raw`		json_write_text(w, "");` },
	{ test: stored, file: 'src/api/connectors.c', from: raw`write_connector(&w, request, &connectors[i], false, &err);`, to: raw`write_connector(&w, request, &connectors[i], true, &err);` },
	{ test: stored, file: 'src/api/connectors.c', from: raw`	json_write_bool(w, field->required);`, to: raw`	json_write_bool(w, false);` },
	{ test: 'scenario/02-connector: a connector goes only when it has no jobs, and its records go with it', file: 'src/catalog/catalog_sqlite_sql.def', from: raw`    " WHERE streams.connector = ?1 LIMIT 1")`, to: raw`    " WHERE streams.connector = ?1 AND jobs.state = 0 LIMIT 1")` },
	{ test: 'scenario/02-connector: a connector goes only when it has no jobs, and its records go with it', file: 'src/api/connectors.c', from: raw`		dropped = tables_drop(api->tables, name, &err);`, to: raw`		dropped = OK;` },
	{ test: 'scenario/02-connector: a connector has a plain name that the lake can use', file: 'src/api/connectors.c', from: raw`	if (lake_name_is_reserved(arena_copy(request_arena(request), name))) {`, to: raw`	if (name.len == 0 && lake_name_is_reserved(arena_copy(request_arena(request), name))) {` },
	{ test: 'scenario/02-connector: a connector has a plain name that the lake can use', file: 'src/catalog/catalog_sqlite_sql.def', from: raw`"SELECT name FROM connectors WHERE lower(name) = lower(?1)"`, to: raw`"SELECT name FROM connectors WHERE name = ?1"` },

	// --- Data streams ---------------------------------------------------------------------------------------------------
	{ test: stream, file: streams, from: raw`	enum status status = check_field(&primary_key, object, err);`, to: raw`	enum status status = primary_key.value[0] == '\0' ? OK : check_field(&primary_key, object, err);` },
	{ test: stream, file: streams, from: raw`		return check_field(&setting, object, err);
	if (stream->event_time_field[0] != '\0')`, to: raw`		return setting.value[0] == '\0' ? OK : check_field(&setting, object, err);
	if (stream->event_time_field[0] != '\0')` },
	{ test: stream, file: 'src/api/streams.c', from: raw`	return st == OK ? stream_check_change(&now, stream, err) : st;`, to: raw`	return st;` },
	{ test: stream, file: 'src/api/streams.c', from: raw`respond_stream(request, created ? 201 : 200, stream, NULL);`, to: raw`respond_stream(request, 200, stream, NULL);` },
	{ test: stream, file: 'src/api/streams.c', from: raw`		st = lake_table_ensure(api->lake, &table, &err);`, to: raw`		st = table.field_count > 0 ? OK : lake_table_ensure(api->lake, &table, &err);` },
	{ test: 'scenario/02-connector: two streams cannot have one table', file: 'src/catalog/catalog_sqlite_sql.def', from: raw`    " WHERE lower(connector || '_' || object) = lower(?1 || '_' || ?2)"`, to: raw`    " WHERE lower(connector || '.' || object) = lower(?1 || '.' || ?2)"` },
	{ test: 'unit/stream_test: another_word_is_refused_and_changes_nothing', file: streams, from: raw`		if (slice_is(text, refresh_names[i])) {`, to: raw`		if (slice_is_nocase(text, refresh_names[i])) {` },
	{ test: 'unit/stream_test: settings_must_fit_the_object', file: streams, from: raw`	    1U << FIELD_DATE_TIME, "a date-time field"};`, to: raw`	    1U << FIELD_DATE_TIME | 1U << FIELD_DATE, "a date-time field"};` },
	{ test: 'unit/stream_test: settings_must_fit_the_object', file: streams, from: raw`	if (stream->category == STREAM_ENGAGEMENT)
		return err_set(err, E_INVALID,
		    "recordModifiedField`, to: raw`	if (stream->category == STREAM_OTHER)
		return err_set(err, E_INVALID,
		    "recordModifiedField` },
	{ test: 'unit/stream_test: the_primary_key_and_record_modified_field_stay', file: streams, from: raw`	if (strcmp(now->record_modified_field, next->record_modified_field) != 0)`, to: raw`	if (strcmp(now->record_modified_field, next->record_modified_field) > 0)` },
];
