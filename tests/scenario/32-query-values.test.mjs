// SPDX-License-Identifier: Apache-2.0
// How a query's values stand on the wire, for every row of the table in docs/api.md; and that a stream's two names, the
// hosted service's and the plain one, are one table.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { rootFolder, withServer } from './harness.mjs';

const query = async (s, sql) => (await s.must(200, 'POST', '/api/v2/query', { sql }));
const codes = { VARCHAR: 12, BIGINT: -5, DECIMAL: 3, DOUBLE: 8, BOOLEAN: 16, DATE: 91, TIMESTAMP: 93 };

// What SQL makes: [expression, as it stands in the answer's text, type].
const rows = {
	'string, VARCHAR': [["'a \"b\" \u20ac'", '"a \\"b\\" \u20ac"', 'VARCHAR'], ["''", '""', 'VARCHAR'], ['NULL::varchar', 'null', 'VARCHAR'], ["upper('x')", '"X"', 'VARCHAR']],
	'number, DECIMAL(p,s)': [
		['45.5::decimal(38,18)', '"45.500000000000000000"', 'DECIMAL'], ['-45.5::decimal(38,18)', '"-45.500000000000000000"', 'DECIMAL'], ['0::decimal(38,18)', '"0.000000000000000000"', 'DECIMAL'],
		['1.50', '"1.50"', 'DECIMAL'], ['7::decimal(5,0)', '"7"', 'DECIMAL'], ['-0.05', '"-0.05"', 'DECIMAL'], ['NULL::decimal(38,18)', 'null', 'DECIMAL'],
		['sum(x::decimal(38,18)) from (values (0.1), (0.2)) t(x)', '"0.300000000000000000"', 'DECIMAL'], ['max(x) from (values (0.10), (0.20)) t(x)', '"0.20"', 'DECIMAL'],
	],
	'integer, BIGINT and smaller ones': [
		['9223372036854775807', '9223372036854775807', 'BIGINT'], ["'-9223372036854775808'::bigint", '-9223372036854775808', 'BIGINT'], ['1', '1', 'BIGINT'], ['255::utinyint', '255', 'BIGINT'],
		['count(*) from range(3)', '3', 'BIGINT'], ['NULL::bigint', 'null', 'BIGINT'],
	],
	'HUGEINT, UBIGINT, UHUGEINT': [
		['sum(range) from range(5)', '"10"', 'DECIMAL'], ["'-170141183460469231731687303715884105728'::hugeint", '"-170141183460469231731687303715884105728"', 'DECIMAL'],
		['18446744073709551615::ubigint', '"18446744073709551615"', 'DECIMAL'], ["'340282366920938463463374607431768211455'::uhugeint", '"340282366920938463463374607431768211455"', 'DECIMAL'],
	],
	'DOUBLE, FLOAT': [
		['avg(x) from (values (1), (2)) t(x)', '1.5', 'DOUBLE'], ['0.1::double', '0.1', 'DOUBLE'], ['1e300::double', '1e+300', 'DOUBLE'], ['0.1::float', '0.1', 'DOUBLE'], ['5::double', '5', 'DOUBLE'],
		["'NaN'::double", '"NaN"', 'DOUBLE'], ["'inf'::double", '"Infinity"', 'DOUBLE'], ["'-inf'::float", '"-Infinity"', 'DOUBLE'], ['NULL::double', 'null', 'DOUBLE'],
	],
	'boolean': [['true', 'true', 'BOOLEAN'], ['1 > 2', 'false', 'BOOLEAN'], ['NULL::boolean', 'null', 'BOOLEAN']],
	'date': [
		["date '2022-03-01'", '"2022-03-01"', 'DATE'], ["max(x) from (values (date '0001-01-01'), (date '9999-12-31')) t(x)", '"9999-12-31"', 'DATE'], ["date '0044-03-15 (BC)'", '"-0043-03-15"', 'DATE'],
		["'infinity'::date", '"infinity"', 'DATE'], ['NULL::date', 'null', 'DATE'],
	],
	'date-time, TIMESTAMP of any unit, with a zone or without': [
		["timestamp '2022-03-01 10:00:00'", '"2022-03-01T10:00:00.000Z"', 'TIMESTAMP'], ["timestamp '2022-03-01 10:00:00.5'", '"2022-03-01T10:00:00.500Z"', 'TIMESTAMP'],
		["timestamp '2022-03-01 10:00:00.123456'", '"2022-03-01T10:00:00.123456Z"', 'TIMESTAMP'], ["timestamptz '2022-03-01 10:00:00+02'", '"2022-03-01T08:00:00.000Z"', 'TIMESTAMP'],
		["timestamp_s '2022-03-01 10:00:00'", '"2022-03-01T10:00:00.000Z"', 'TIMESTAMP'], ["timestamp_ms '2022-03-01 10:00:00.25'", '"2022-03-01T10:00:00.250Z"', 'TIMESTAMP'],
		["timestamp_ns '2022-03-01 10:00:00.123456789'", '"2022-03-01T10:00:00.123456Z"', 'TIMESTAMP'], ["timestamp_ns '1969-12-31 23:59:59.999999999'", '"1969-12-31T23:59:59.999999Z"', 'TIMESTAMP'],
		["date_trunc('month', timestamp '2022-03-17 10:00:00')", '"2022-03-01T00:00:00.000Z"', 'TIMESTAMP'], ["'-infinity'::timestamp", '"-infinity"', 'TIMESTAMP'], ['NULL::timestamp', 'null', 'TIMESTAMP'],
	],
	'TIME, INTERVAL': [["time '12:30:00.5'", '"12:30:00.5"', 'VARCHAR'], ["timetz '12:30:00+02'", '"12:30:00+02"', 'VARCHAR'], ["interval '1 month 2 days'", '"1 month 2 days"', 'VARCHAR']],
	'UUID, ENUM, BIT, BLOB': [
		["'00000000-0000-4000-8000-00000000000A'::uuid", '"00000000-0000-4000-8000-00000000000a"', 'VARCHAR'], ["'b'::enum('a', 'b')", '"b"', 'VARCHAR'], ["'0101'::bit", '"0101"', 'VARCHAR'],
		["'a\\xFF'::blob", '"a\\\\xFF"', 'VARCHAR'],
	],
	'LIST, STRUCT, MAP, JSON': [
		['[1, NULL, 2]', '"[1, NULL, 2]"', 'VARCHAR'], ["{'k': 1.50}", '"{\'k\': 1.50}"', 'VARCHAR'], ['map([1], [2])', '"{1=2}"', 'VARCHAR'], ["'{\"a\": [1]}'::json", '"{\\"a\\": [1]}"', 'VARCHAR'],
		["[timestamp '2022-03-01 10:00:00']", '"[\'2022-03-01 10:00:00\']"', 'VARCHAR'],
	],
	NULL: [['NULL', 'null', 'BIGINT']],
};

test('every type stands on the wire as docs/api.md says', () => withServer(async (s) => {
	for (const [row, cases] of Object.entries(rows))
		for (const [expression, value, type] of cases) {
			const [what, from = ''] = expression.split(/ (?=from )/);
			const answer = await query(s, `select ${what} as x ${from}`);
			assert.ok(answer.text.startsWith(`{"data":[[${value}]],`), `${row}: ${expression}: ${answer.text}`);
			assert.deepEqual(answer.json.metadata, { x: { type, placeInOrder: 0, typeCode: codes[type] } }, `${row}: ${expression}`);
		}
	// The document's table has these rows, each with its word and code, and an example that is among these.
	const document = readFileSync(join(rootFolder, 'docs/api.md'), 'utf8');
	const told = [...document.matchAll(/^\| (.+?) \| `(\w+)` (-?\d+) \| .+? \| `(.+?)` \|$/gm)].map(([, name, type, code, example]) => [name.replaceAll('`', ''), type, Number(code), example]);
	assert.deepEqual(told.map(([name]) => name), Object.keys(rows));
	for (const [name, type, code, example] of told) {
		assert.deepEqual([type, code], [rows[name][0][2], codes[type]], name);
		assert.ok(rows[name].some(([, value]) => value === example), `${name}: ${example}`);
	}
}));

test("a field's value comes back in its type's form, by either name of the table", () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number', i: 'integer', b: 'boolean', d: 'date', t: 'date-time' });
	await s.load('things', 'id,n,i,b,d,t\na,45.5,7,true,2022-03-01,2022-03-01T12:00:00+02:00\nb,,,,,\n');
	const expected = '{"data":[["a","45.500000000000000000",7,true,"2022-03-01","2022-03-01T10:00:00.000Z"],["b",null,null,null,null,null]],';
	for (const sql of ['select * from shop.things order by id', 'select * from shop_things__dll order by id__c']) {
		const answer = await query(s, sql);
		assert.ok(answer.text.startsWith(expected), answer.text);
		assert.deepEqual(Object.values(answer.json.metadata).map(({ type, typeCode }) => [type, typeCode]),
			[['VARCHAR', 12], ['DECIMAL', 3], ['BIGINT', -5], ['BOOLEAN', 16], ['DATE', 91], ['TIMESTAMP', 93]]);
	}
	assert.deepEqual(await s.sql('select sum(n), avg(i), count(n), max(d), min(t), bool_or(b) from shop.things'), [['45.500000000000000000', 7, 1, '2022-03-01', '2022-03-01T10:00:00.000Z', true]]);
}));

const schemaOf = (objects) => ({ openapi: '3.0.3', components: { schemas: Object.fromEntries(Object.entries(objects).map(([name, fields]) => [name, { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])) }])) } });

test('both names of a table, and of two objects, go together in one query', () => withServer(async (s) => {
	await s.must(201, 'PUT', '/api/v1/connectors/My-Shop', schemaOf({ 'Line-Items': ['Id', 'Order-Id'], Orders: ['Id', 'Name'] }));
	await s.must(201, 'PUT', '/api/v1/connectors/My-Shop/streams/Line-Items', { primaryKey: 'Id' });
	await s.must(201, 'PUT', '/api/v1/connectors/My-Shop/streams/Orders', { primaryKey: 'Id' });
	await s.load('Line-Items', 'Id,Order-Id\n1,a\n2,a\n3,b\n', 'upsert', 'My-Shop');
	await s.load('Orders', 'Id,Name\na,first\nb,second\n', 'upsert', 'My-Shop');
	const view = '"My-Shop_Line-Items__dll"', orders = '"My-Shop".Orders';
	const expected = [['first', 2], ['second', 1]];
	assert.deepEqual(await s.sql(`select o."Name", count(*) from ${view} l join ${orders} o on o."Id" = l."Order-Id__c" group by 1 order by 1`), expected);
	assert.deepEqual(await s.sql(`select o.Name__c, count(*) from "My-Shop"."Line-Items" l join "My-Shop_Orders__dll" o on o.Id__c = l."Order-Id" group by 1 order by 1`), expected);
	assert.deepEqual(await s.sql(`select name__C from "MY-SHOP_ORDERS__DLL" union all select NAME from "my-shop".orders order by 1`), [['first'], ['first'], ['second'], ['second']]);
	assert.deepEqual(await s.sql(`select count(*) from ${view} v join "My-Shop"."Line-Items" t on v.Id__c = t.Id and v."Order-Id__c" = t."Order-Id"`), [[3]]);
	// A field that comes later is in both, NULL where it was not known; and so it is after a restart.
	await s.must(200, 'PUT', '/api/v1/connectors/My-Shop', schemaOf({ 'Line-Items': ['Id', 'Order-Id'], Orders: ['Id', 'New-One', 'Name'] }));
	await s.load('Orders', 'Id,Name,New-One\nc,third,x\n', 'upsert', 'My-Shop');
	const grown = async () => {
		assert.deepEqual(await s.sql(`select v.Name__c, v."New-One__c", t."New-One" from "My-Shop_Orders__dll" v join ${orders} t on v.Id__c = t.Id order by 1`), [['first', null, null], ['second', null, null], ['third', 'x', 'x']]);
		const { metadata } = (await s.must(200, 'GET', '/api/v1/metadata?entityName=My-Shop_Orders__dll')).json;
		assert.deepEqual(metadata[0].fields.map(({ name }) => name), ['Id__c', 'New-One__c', 'Name__c']);
	};
	await grown();
	await s.kill();
	await s.run();
	await grown();
}));
