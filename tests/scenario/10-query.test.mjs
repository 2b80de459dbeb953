// SPDX-License-Identifier: Apache-2.0
// SQL over what landed: the answer's form, every type's values, what is refused, and that no query can change anything, reach
// anything, or hold up the server.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { decimal } from './records.mjs';

const query = (s, sql) => s.call('POST', '/api/v2/query', { sql });
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('an answer has the members that a client expects', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	await s.load('things', 'id,n\na,1\nb,2.5\n');
	const begun = Date.now();
	const answer = await query(s, 'select id, n from shop.things order by id desc');
	assert.equal(answer.status, 200);
	assert.equal(answer.headers.get('content-type'), 'application/json;charset=UTF-8');
	const { startTime, endTime, queryId } = answer.json;
	assert.deepEqual(answer.json, {
		data: [['b', '2.500000000000000000'], ['a', '1.000000000000000000']], startTime, endTime, rowCount: 2, queryId, nextBatchId: null, done: true,
		metadata: { id: { type: 'VARCHAR', placeInOrder: 0, typeCode: 12 }, n: { type: 'DECIMAL', placeInOrder: 1, typeCode: 3 } },
	});
	assert.match(queryId, uuid);
	assert.match(startTime, moment);
	assert.match(endTime, moment);
	assert.ok(Date.parse(startTime) >= begun - 1 && startTime <= endTime && Date.parse(endTime) <= Date.now() + 1);
	assert.notEqual((await query(s, 'select 1')).json.queryId, queryId);
	const none = (await query(s, 'select * from shop.things where false')).json;
	assert.deepEqual([none.data, none.rowCount, none.done, Object.keys(none.metadata)], [[], 0, true, ['id', 'n']]);
}));

test('each field type has its values, its type and its JDBC code, and NULL is null', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number', i: 'integer', b: 'boolean', d: 'date', t: 'date-time' });
	await s.load('things', [
		'id,n,i,b,d,t',
		'"a ""\u20ac\u{1F600}""\n",12345678901234567890.123456789012345678,9223372036854775807,TRUE,2024-02-29,2024-02-29T23:59:59.123456Z',
		'b,,,,,',
		'c,-0.50,-9223372036854775808,0,0001-01-01,1970-01-01T01:00:00+02:00',
	].join('\n'));
	const answer = await query(s, 'select * from shop.things order by id');
	// As text: JSON.parse would round the numbers.
	assert.ok(answer.text.startsWith('{"data":[' + [
		'["a \\"\u20ac\u{1F600}\\"\\n","12345678901234567890.123456789012345678",9223372036854775807,true,"2024-02-29","2024-02-29T23:59:59.123456Z"]',
		'["b",null,null,null,null,null]',
		'["c","-0.500000000000000000",-9223372036854775808,false,"0001-01-01","1969-12-31T23:00:00.000Z"]',
	].join() + '],'), answer.text);
	assert.deepEqual(answer.json.metadata, {
		id: { type: 'VARCHAR', placeInOrder: 0, typeCode: 12 }, n: { type: 'DECIMAL', placeInOrder: 1, typeCode: 3 },
		i: { type: 'BIGINT', placeInOrder: 2, typeCode: -5 }, b: { type: 'BOOLEAN', placeInOrder: 3, typeCode: 16 },
		d: { type: 'DATE', placeInOrder: 4, typeCode: 91 }, t: { type: 'TIMESTAMP', placeInOrder: 5, typeCode: 93 },
	});
}));

test('decimals are exact, to the last of their 18 places and 20 digits', () => withServer(async (s) => {
	await s.setUpThings({ id: 'integer', n: 'number' });
	const values = {
		'99999999999999999999.999999999999999999': '99999999999999999999.999999999999999999',
		'-99999999999999999999.999999999999999999': '-99999999999999999999.999999999999999999',
		'0.000000000000000001': '0.000000000000000001', '-1e-18': '-0.000000000000000001', '1.10': '1.1', '100': '100', '1e19': '10000000000000000000',
		'0.1': '0.1', '-0': '0', '+7': '7', '0.30000000000000004': '0.30000000000000004', '9007199254740993': '9007199254740993',
	};
	const end = await s.load('things', `id,n\n${Object.keys(values).map((v, i) => `${i},${v}\n`).join('')}`);
	assert.equal(end.numberRecordsFailed, 0, await s.failed(end.id));
	const answer = await query(s, 'select n from shop.things order by id');
	assert.ok(answer.text.startsWith(`{"data":[${Object.values(values).map((v) => `["${decimal(v)}"]`).join()}],`), answer.text);
	const sums = await query(s, 'select sum(n), max(n) - min(n) from (select 0.1::decimal(38,18) as n from range(10))');
	assert.ok(sums.text.startsWith('{"data":[["1.000000000000000000","0.000000000000000000"]],'), sums.text);
}));

test('values that no field has are written so that JSON holds them', () => withServer(async (s) => {
	const cases = [
		["1.5::double", '1.5', 'DOUBLE', 8], ["'NaN'::double", '"NaN"', 'DOUBLE', 8], ["'Infinity'::double", '"Infinity"', 'DOUBLE', 8], ["'-Infinity'::double", '"-Infinity"', 'DOUBLE', 8],
		['0.1::float', '0.1', 'DOUBLE', 8], ['170141183460469231731687303715884105727::hugeint', '"170141183460469231731687303715884105727"', 'DECIMAL', 3],
		['18446744073709551615::ubigint', '"18446744073709551615"', 'DECIMAL', 3], ['1::tinyint', '1', 'BIGINT', -5], ['NULL::integer', 'null', 'BIGINT', -5],
		["timestamptz '2020-01-01 00:00:00+02'", '"2019-12-31T22:00:00.000Z"', 'TIMESTAMP', 93], ["time '12:30:00'", '"12:30:00"', 'VARCHAR', 12],
		["'a'::blob", '"a"', 'VARCHAR', 12], ['[1, NULL, 2]', '"[1, NULL, 2]"', 'VARCHAR', 12], ["{'k': 'v'}", '"{\'k\': v}"', 'VARCHAR', 12], ['map([1], [2])', '"{1=2}"', 'VARCHAR', 12],
		["interval '1 month 2 days'", '"1 month 2 days"', 'VARCHAR', 12], ["'\"x\\'", '"\\"x\\\\"', 'VARCHAR', 12], ["chr(0) || chr(31)", '"\\u0000\\u001f"', 'VARCHAR', 12],
		["'{\"a\":1}'::json", '"{\\"a\\":1}"', 'VARCHAR', 12], ["'b'::enum('a', 'b')", '"b"', 'VARCHAR', 12], ["''", '""', 'VARCHAR', 12],
	];
	for (const [expression, value, type, typeCode] of cases) {
		const answer = await query(s, `select ${expression} as x`);
		assert.equal(answer.status, 200, `${expression}: ${answer.text}`);
		assert.ok(answer.text.startsWith(`{"data":[[${value}]],`), `${expression}: ${answer.text}`);
		assert.deepEqual(answer.json.metadata, { x: { type, placeInOrder: 0, typeCode } }, expression);
	}
}));

test('columns of one name are told apart', () => withServer(async (s) => {
	const { json } = await query(s, 'select 1 as a, 2 as b, 3 as a, 4 as a, 5 as a_3');
	assert.deepEqual(json.data, [[1, 2, 3, 4, 5]]);
	const byPlace = Object.entries(json.metadata).sort((x, y) => x[1].placeInOrder - y[1].placeInOrder);
	assert.deepEqual(byPlace.map(([, column]) => column.placeInOrder), [0, 1, 2, 3, 4]);
	assert.deepEqual(byPlace.map(([name]) => name).filter((name) => ['a', 'b', 'a_3'].includes(name)), ['a', 'b', 'a_3']);
}));

test("a stream's table has the hosted service's name and the plain one, whatever the names are", () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer' });
	await s.load('things', 'id,n\na,1\n');
	const expected = { shop_things__dll: ['id__c', 'n__c'], 'shop.things': ['id', 'n'], 'SHOP.Things': ['id', 'n'] };
	for (const [table, columns] of Object.entries(expected)) {
		const { json } = await s.must(200, 'POST', '/api/v2/query', { sql: `select * from ${table}` });
		assert.deepEqual([json.data, Object.keys(json.metadata)], [[['a', 1]], columns], table);
	}
	// Keywords of SQL, dashes, a leading digit.
	const names = ['select', 'my-shop', '1', '_', 'a'.repeat(80)];
	for (const name of names) {
		const schema = { openapi: '3.0.3', components: { schemas: { [name]: { type: 'object', properties: { [name]: { type: 'string' } } } } } };
		await s.must(201, 'PUT', `/api/v1/connectors/${name}`, schema);
		await s.must(201, 'PUT', `/api/v1/connectors/${name}/streams/${name}`, { primaryKey: name });
		assert.equal((await s.load(name, `${name}\nx\n`, 'upsert', name)).state, 'JobComplete');
		assert.deepEqual(await s.sql(`select "${name}" from "${name}"."${name}"`), [['x']]);
		assert.deepEqual(await s.sql(`select "${name}__c" from "${name}_${name}__dll"`), [['x']]);
	}
}));

test('a wrong query is told what is wrong', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const cases = [
		['', /no statement/], [' ; ', /./], ['-- nothing', /no statement/], ['selec 1', /only a statement that reads/], ['select', /select/i], ['select 1 +', /syntax error/],
		['select * from nowhere', /nowhere does not exist/], ['select nothing from shop.things', /"nothing"/], ["select 'a'::integer", /Could not convert|Conversion/],
		["select '", /unterminated/], ['select 1 as "', /unterminated/], ['select * from shop.things where id = 1 + ', /syntax error/],
		['select 9223372036854775807 + 1::bigint', /Overflow/i], ["select error('of the user')", /of the user/],
		['select ' + '('.repeat(2000) + '1 + 1' + ')'.repeat(1999), /./], ['select ' + '1+'.repeat(5000) + '1', /depth/],
	];
	for (const [sql, message] of cases) {
		const answer = await query(s, sql);
		assert.equal(answer.status, 400, `${sql.slice(0, 60)}: ${answer.text}`);
		assert.match(answer.json.message, message, sql.slice(0, 60));
		assert.ok(!answer.text.includes(s.data), 'the message tells a path');
	}
	for (const body of [{}, { sql: null }, { sql: 1 }, { sql: ['select 1'] }, { SQL: 'select 1' }, [], '"select 1"', 'select 1', '', '{"sql":"select 1 \\u0000"}'])
		assert.equal((await s.call('POST', '/api/v2/query', body)).status, 400, JSON.stringify(body));
	const most = JSON.stringify({ sql: `select 1 --${'x'.repeat(1048576 - 21)}` });
	assert.equal(most.length, 1048576);
	assert.equal((await s.call('POST', '/api/v2/query', most)).status, 200);
	assert.equal((await s.call('POST', '/api/v2/query', `${most} `)).status, 413);
}));

test('a query can only read: every other statement is refused and has no effect', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	await s.load('things', 'id,n\na,1\nb,2\n');
	const outside = mkdtempSync(join(tmpdir(), 'sluice-'));
	writeFileSync(join(outside, 'in.csv'), 'id\nkept-apart\n');
	const file = (name) => join(outside, name);
	const refused = [
		`copy shop.things to '${file('out.csv')}'`, `copy (select 1) to '${file('out.parquet')}'`, `copy shop.things from '${file('in.csv')}'`, `export database '${file('out')}'`, `import database '${file('in')}'`,
		"attach ':memory:' as other", `attach '${file('out.duckdb')}'`, 'detach lake', 'use main',
		`select * from read_csv('${file('in.csv')}')`, `select * from read_csv_auto('${file('in.csv')}')`, `select * from read_text('${file('in.csv')}')`, `select * from read_blob('${file('in.csv')}')`,
		`select * from read_json('${file('in.csv')}')`, `select * from read_parquet('${file('in.csv')}')`, `select * from glob('${outside}/*')`, `select * from sniff_csv('${file('in.csv')}')`,
		`select * from '${file('in.csv')}'`, `from "${file('in.csv')}"`, `select * from '${file('*.csv')}'`, "select * from 'http://127.0.0.1:1/x.csv'", `select * from '${s.data}/lake.duckdb'`, `select * from '${s.data}/catalog.sqlite'`,
		`select * from "read_csv"('${file('in.csv')}')`, `select * from READ_CSV/**/('${file('in.csv')}')`, `select * from read_csv --\n ('${file('in.csv')}')`, `from query('from read_csv(''${file('in.csv')}'')')`, "from query_table('shop.things')",
		"select getenv('HOME')", "select 'HOME'.getenv()", "select main.getenv('HOME')", "select \"getenv\" ('HOME')", "select current_setting('temp_directory')", "select list_transform(['HOME'], lambda x: getenv(x))",
		'select * from duckdb_settings()', 'select * from duckdb_settings', 'select * from pg_catalog.pg_settings', 'select * from duckdb_databases()', 'select * from duckdb_secrets()', 'select * from duckdb_extensions()', 'select * from duckdb_temporary_files()', 'select * from pragma_database_list',
		'pragma database_list', 'pragma memory_limit', "pragma memory_limit='1GB'", 'set threads = 1', 'set global enable_external_access = true', 'reset threads', 'set variable x = 1', "set file_search_path = '/'",
		'install httpfs', 'load httpfs', `load '${file('x.so')}'`, 'update extensions', "create secret (type s3)",
		'create table t (i integer)', 'create temp table t as select 1', 'create or replace view shop_things__dll as select 1', 'create schema x', 'create macro m() as 1', 'create sequence q', 'create index i on shop.things (id)', "create type e as enum ('a')",
		"insert into shop.things values ('c', 3)", "update shop.things set n = 7", 'delete from shop.things', 'truncate shop.things', 'merge into shop.things using shop.things as t on true when matched then delete',
		'drop table shop.things', 'drop view shop_things__dll', 'drop schema shop cascade', 'alter table shop.things add column x integer', 'alter table shop.things rename to other', "comment on table shop.things is 'x'",
		'select 1; select 2', 'select 1; drop table shop.things', 'drop table shop.things; select 1', 'select 1;\n--\ndelete from shop.things',
		"explain analyze insert into shop.things values ('c', 3)", 'explain analyze delete from shop.things', 'explain delete from shop.things', 'EXPLAIN (ANALYZE) delete from shop.things', "/* select */ insert into shop.things values ('c', 3)",
		"with x as (insert into shop.things values ('c', 3) returning *) select * from x", '(delete from shop.things)', 'select * from (delete from shop.things returning *)',
		'call pragma_version()', 'call force_checkpoint()', 'checkpoint', 'force checkpoint', 'vacuum', 'analyze', 'select * from checkpoint()', 'prepare p as select 1', 'execute p', 'deallocate p',
		'begin', 'commit', 'rollback', 'begin transaction read write', 'select ?', 'select $1', 'select $name', "select nextval('x')", 'pivot shop.things on id',
	];
	for (const sql of refused) {
		const answer = await query(s, sql);
		assert.equal(answer.status, 400, `${sql}: ${answer.text}`);
		assert.ok(!answer.text.includes('kept-apart'), sql);
		assert.ok(sql.includes(s.data) || !answer.json.message.includes(s.data), `${sql}: ${answer.text}`);
	}
	const rows = [['a', '1.000000000000000000'], ['b', '2.000000000000000000']];
	assert.deepEqual(await s.sql('select * from shop.things order by id'), rows);
	assert.deepEqual(await s.sql('select id__c, n__c from shop_things__dll order by 1'), rows);
	assert.deepEqual(await s.sql('show tables'), [['PR_shop_things__dll'], ['shop_things__dll']]);
	assert.deepEqual(await s.sql("select table_schema, table_name from information_schema.tables where table_schema not like '~%' order by all"), [['PR_shop', 'things'], ['main', 'PR_shop_things__dll'], ['main', 'shop_things__dll'], ['shop', 'things']]);
	assert.deepEqual(readdirSync(outside), ['in.csv']);
	rmSync(outside, { recursive: true });
	assert.ok(!existsSync(join(s.data, 'out.csv')));
	assert.equal((await s.load('things', 'id,n\nc,3\n')).state, 'JobComplete');
}));

test('every way to read is open', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer' });
	await s.load('things', 'id,n\na,1\nb,2\n');
	const cases = {
		'select sum(n) from shop.things': [['3']], 'with t as (select n * 2 as m from shop.things) select max(m) from t': [[4]], 'from shop.things select id order by id limit 1': [['a']],
		"values (1, 'x'), (2, NULL)": [[1, 'x'], [2, null]], 'table shop.things order by id desc limit 1': [['b', 2]], '((select 1))': [[1]], ' \n-- why\n/* what */ select 1; -- end': [[1]],
		'select count(*) from shop.things a join shop.things b using (id)': [[2]], 'select id, row_number() over (order by n desc) from shop.things order by 1': [['a', 2], ['b', 1]],
		'with recursive r as (select 1 as i union all select i + 1 from r where i < 5) select sum(i) from r': [['15']], 'select * from range(3)': [[0], [1], [2]],
		'describe shop.things': [['id', 'VARCHAR', 'YES', null, null, null], ['n', 'BIGINT', 'YES', null, null, null]],
	};
	for (const [sql, rows] of Object.entries(cases))
		assert.deepEqual(await s.sql(sql), rows, sql);
	for (const sql of ['summarize shop.things', 'explain select 1', 'explain analyze select * from shop.things', 'show tables', 'select * from information_schema.columns'])
		assert.equal((await query(s, sql)).status, 200, sql);
}));

test('--query-rows ends a result and says that there is more', () => withServer(async (s) => {
	for (const [rows, count, done] of [[4, 4, true], [5, 5, true], [6, 5, false], [1000000, 5, false]]) {
		const { json } = await s.must(200, 'POST', '/api/v2/query', { sql: `select range as i from range(${rows})` });
		assert.deepEqual([json.rowCount, json.done, json.data], [count, done, Array.from({ length: count }, (_, i) => [i])]);
	}
	assert.equal((await query(s, 'select * from range(10) where range < 2')).json.done, true);
}, { args: ['--query-rows', '5'] }));

test('a query that runs too long is ended with 408, and jobs land meanwhile', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const endless = [
		'select count(*) from range(1000000) a, range(1000000) b, range(1000000) c',
		'with recursive r as (select 1 as i union all select i + 1 from r) select count(*) from r',
		'select sum(a.range * b.range) from range(100000000) a, range(100000000) b where (a.range + b.range) % 7 = 8',
	];
	let over = false;
	const asking = endless.map(async (sql) => {
		let count = 0;
		while (!over) {
			const begun = Date.now();
			const answer = await query(s, sql);
			assert.equal(answer.status, 408, answer.text);
			assert.match(answer.json.message, /longer than 500 ms/);
			const took = Date.now() - begun;
			assert.ok(took >= 450 && took < 15000, `${took} ms`);
			count++;
		}
		return count;
	});
	for (let i = 0; i < 6; i++)
		assert.equal((await s.load('things', `id\nk${i}\n`)).state, 'JobComplete');
	over = true;
	for (const count of await Promise.all(asking))
		assert.ok(count >= 1);
	assert.deepEqual(await s.sql('select count(*) from shop.things'), [[6]]);
}, { args: ['--query-timeout', '500'] }));

test('a query that needs too much memory ends alone', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	await s.load('things', 'id\na\n');
	const bombs = [
		'select list(range) from range(1000000000)', "select string_agg(repeat('x', 1000000), '') from range(100000)", 'select array_agg(a.range) from range(1000000) a, range(1000) b',
		"select repeat('x', 100000000 + range::integer) from range(3)", 'select a.range, b.range from range(100000000) a, range(100000000) b order by hash(a.range, b.range)',
	];
	// What the engine does not count only the limit of the process ends, which a build with a sanitizer cannot have.
	if (!/^Max data size +unlimited/m.test(readFileSync(`/proc/${s.process.pid}/limits`, 'utf8')))
		bombs.push('select len(range(2000000000))', "select sum(length(repeat('x', 50000000 + range::integer))) from range(2000)", "select damerau_levenshtein(repeat('a', 40000), repeat('b', 40000))");
	for (const sql of bombs) {
		const answer = await query(s, sql);
		assert.ok([408, 503].includes(answer.status), `${sql}: ${answer.status} ${answer.text.slice(0, 200)}`);
		assert.ok(!answer.text.includes(s.data));
	}
	assert.deepEqual(await s.sql('select id from shop.things'), [['a']]);
	assert.equal((await s.load('things', 'id\nb\n')).state, 'JobComplete');
	assert.deepEqual(await s.sql('select count(*) from shop.things'), [[2]]);
}, { args: ['--lake-memory', '128', '--query-timeout', '3000'] }));

test('a client that leaves in mid-query ends nothing but its own', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const gone = Array.from({ length: 12 }, () => {
		const control = new AbortController();
		const answer = fetch(`${s.url}/api/v2/query`, {
			method: 'POST', headers: { Authorization: `Bearer ${s.token}` }, signal: control.signal,
			body: JSON.stringify({ sql: 'select count(*) from range(1000000) a, range(1000000) b' }),
		});
		return { control, answer };
	});
	await s.must(200, 'GET', '/healthz');
	for (const { control, answer } of gone) {
		control.abort();
		await assert.rejects(answer);
	}
	assert.equal((await s.load('things', 'id\na\n')).state, 'JobComplete');
	assert.deepEqual(await s.sql('select id from shop.things'), [['a']]);
}, { args: ['--query-timeout', '1000'] }));
