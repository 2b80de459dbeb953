// SPDX-License-Identifier: Apache-2.0
// How to break the metadata, and how values and the names of tables stand in queries: each entry makes the named test fail
// (script/prove-tests).
const metadata = 'src/api/metadata.c', render = 'src/lake/lake_duckdb_render.c', table = 'src/lake/lake_duckdb_table.c', query = 'src/api/query.c';
const members = 'scenario/31-metadata: an entity has the members that a client expects, and every type its word';
const order = 'scenario/31-metadata: entities come in the order of their names; problem records and what has no stream are not among them';
const filters = 'scenario/31-metadata: entityName, entityType and entityCategory filter, alone and together';
const once = 'scenario/31-metadata: a document of a thousand objects is read once for all its streams';
const values = 'scenario/32-query-values: every type stands on the wire as docs/api.md says';
const field = "scenario/32-query-values: a field's value comes back in its type's form, by either name of the table";
const names = 'scenario/32-query-values: both names of a table, and of two objects, go together in one query';

export default [
	{ test: members, file: metadata, from: '[FIELD_INTEGER] = {"NUMBER", "NUMBER"}', to: '[FIELD_INTEGER] = {"STRING", "NUMBER"}' },
	{ test: members, file: metadata, from: 'json_write_text(w, "1");', to: 'json_write_int(w, 1);' },
	{ test: order, file: metadata, from: 'return strcmp(left->name, right->name);', to: 'return strcmp(left->stream->object, right->stream->object);' },
	{ test: filters, file: metadata, from: '(filter->of_all_categories || filter->category == entity->stream->category)', to: 'true' },
	{ test: filters, file: metadata, from: 'category == STREAM_OTHER ? "Related"', to: 'category == STREAM_OTHER ? "Other"' },
	{ test: once, file: metadata, from: 'entity->offset = answer->pieces.len;', to: 'entity->offset = 0;' },
	{ test: values, file: render, from: 'value / 1000 - (value % 1000 < 0)', to: 'value / 1000' },
	{ test: values, file: render, from: 'day.year < 0 ? "-" : ""', to: '""' },
	{ test: values, file: 'src/query/render.c', from: '{"DECIMAL", 3, true}', to: '{"DECIMAL", 3, false}' },
	{ test: field, file: 'src/query/render.c', from: '{"DECIMAL", 3, true}', to: '{"DECIMAL", 3, false}' },
	{ test: names, file: table, from: 'strcat(name, "__c");', to: 'strcat(name, "__C_");' },
];
