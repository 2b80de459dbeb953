// SPDX-License-Identifier: Apache-2.0
// Failed records as SQL sees them: PR_<connector>.<object> has what failedResults has, appears with the job's rows, outlives
// the job, and goes with the connector.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { rootFolder, withServer } from './harness.mjs';
import { complete, makeTable, outcome, parseCsv, quote, stories } from './records.mjs';

const story = stories('problem records');
const codes = [...readFileSync(join(rootFolder, 'src/convert/reject.def'), 'utf8').matchAll(/^REJECT\(\w+, "(\w+)"/gm)].map(([, code]) => code);

const problems = (s, { connector }, id) => s.sql(`select part, line, field, error_code, message, record from PR_${connector}.things where job_id = '${id}' order by part, line`);

// What is in both, in the form of the failed results; returns the codes.
async function checkSame(s, table, job) {
	const rows = await problems(s, table, job.id);
	const failed = parseCsv(await s.failed(job.id)).slice(1);
	assert.equal(rows.length, job.numberRecordsFailed);
	assert.deepEqual(rows.map(([part, line, , code, message, record]) => [String(part), String(line), `${code}: ${message}`, ...parseCsv(`${record}\n`)[0]]), failed);
	for (const [, , field, , message] of rows)
		assert.ok(field === null || message.startsWith(`${field}: `), message);
	return rows.map((row) => row[3]);
}

story('every reason that a record can have is there with its code, field, sentence and record', async (s) => {
	const types = { id: 'string', n: 'number', i: 'integer', b: 'boolean', d: 'date', at: 'date-time', v: 'string' };
	const good = { id: 'k', n: '1', i: '1', b: 'true', d: '2024-01-01', at: '2024-01-01T00:00:00Z', v: 'x' };
	const line = (change) => `${Object.values({ ...good, ...change }).join(',')}\n`;
	const changes = {
		CSV_LONE_CR: { v: 'a\rb' }, CSV_BARE_QUOTE: { v: 'a"b' }, CSV_TEXT_AFTER_QUOTE: { v: '"a"b' }, FIELD_COUNT: { v: 'a,b' },
		BLANK_PRIMARY_KEY: { id: '' }, BLANK_RECORD_MODIFIED: { at: '' }, BLANK_REQUIRED: { n: '' },
		NOT_A_NUMBER: { n: 'one' }, NUMBER_RANGE: { n: '1e20' }, NUMBER_SCALE: { n: '1e-19' },
		NOT_AN_INTEGER: { i: '1.5' }, INTEGER_RANGE: { i: '9223372036854775808' }, NOT_A_BOOLEAN: { b: 'yes' },
		NOT_A_DATE: { d: '1.1.2024' }, NO_SUCH_DATE: { d: '2024-02-30' },
		NOT_A_DATE_TIME: { at: '2024-01-01' }, NO_SUCH_DATE_TIME: { at: '2024-01-01T24:00:00Z' },
	};
	const table = await makeTable(s, types, { primaryKey: 'id', category: 'Profile', recordModifiedField: 'at' }, ['n']);
	const job = await table.load(`${Object.keys(types)}\n${Object.values(changes).map(line).join('')}${line({})}`);
	assert.deepEqual(outcome(job), complete(18, 17));
	assert.deepEqual(await checkSame(s, table, job), Object.keys(changes));
	assert.deepEqual((await problems(s, table, job.id))[7], [1, 9, 'n', 'NOT_A_NUMBER',
		'n: "one" is not a number; expected digits such as 12, -12.50 or 1.5e3', 'k,one,1,true,2024-01-01,2024-01-01T00:00:00Z,x']);
	assert.equal((await problems(s, table, job.id))[3][2], null);	// no field is at fault

	const deletes = await table.load('id,at\nk,2024-01-01T00:00:00Z\nk\n', 'delete');
	assert.deepEqual(await checkSame(s, table, deletes), ['LOOKS_LIKE_HEADER', 'FIELD_COUNT']);
	const events = await makeTable(s, { id: 'string', at: 'date-time' }, { primaryKey: 'id', category: 'Engagement', eventTimeField: 'at' });
	const event = await events.load('id,at\nk,\n');
	assert.deepEqual(await checkSame(s, events, event), ['BLANK_EVENT_TIME']);
	const texts = await makeTable(s, { id: 'string', v: 'string' });
	const odd = await texts.load(Buffer.concat([Buffer.from('id,v\nk,a\0b\nk,"Gr'), Buffer.from([0xfc, 0xdf]), Buffer.from(`e"\nk,${'x'.repeat(16 * 1024 * 1024)}\n`)]));
	assert.deepEqual(outcome(odd), complete(3, 3));
	const [nul, latin, long] = await problems(s, texts, odd.id);
	assert.deepEqual([nul[3], nul[5], latin[3], latin[5]], ['NUL_BYTE', 'k,a\ufffdb', 'NOT_UTF8', 'k,Gr\ufffd\ufffde']);
	assert.deepEqual([long[3], long[5]], ['RECORD_TOO_LONG', `k,${'x'.repeat(16 * 1024 - 2)}…`]);
	const seen = new Set([...Object.keys(changes), 'LOOKS_LIKE_HEADER', 'BLANK_EVENT_TIME', nul[3], latin[3], long[3]]);
	assert.deepEqual(codes.filter((code) => code !== 'NONE' && !seen.has(code)), []);
});

story('parts with other headers: each record as it came', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	const job = await table.load(['id,extra,n\na,e1,x\n', 'n,id\nx,b\n', 'other,n,id\n"o,3",x,c\n"o\n4",x,d\n']);
	assert.deepEqual((await problems(s, table, job.id)).map((row) => [row[0], row[1], row[5]]),
		[[1, 2, 'a,e1,x'], [2, 2, 'x,b'], [3, 2, '"o,3",x,c'], [3, 3, '"o\n4",x,d']]);
	assert.equal(job.numberRecordsFailed, 4);
});

story('values that need quotes, and tens of thousands of records: the same as in failedResults', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number', v: 'string' });
	const values = ['a,b', 'say "hi"', 'two\nlines', 'CR\r\nLF', '', 'ä日本𝄞', '\u001b[31m', ' '];
	const body = Array.from({ length: 30000 }, (_, i) => `k${i},x,${quote(values[i % values.length])}\n`).join('');
	const job = await table.load(`id,n,v\n${body}k,1,good\n`);
	assert.deepEqual(outcome(job), complete(30001, 30000));
	const rows = parseCsv(await s.failed(job.id)).slice(1), stored = [];
	for (let after = 0; after < rows.length; after += 10000)
		stored.push(...await s.sql(`select line, record from PR_${table.connector}.things order by line limit 10000 offset ${after}`));
	assert.deepEqual(stored.map(([line, record]) => [String(line), ...parseCsv(`${record}\n`)[0]]), rows.map(([, line, , ...record]) => [line, ...record]));
});

story('by the hosted service\'s names, with the time of the job\'s end, and in the list of tables', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	const job = await table.load('id,n\na,x\nb,y\n');
	const columns = ['job_id', 'part', 'line', 'field', 'error_code', 'message', 'record', 'failed_at'];
	const view = `PR_${table.connector}_things__dll`;
	const named = await s.must(200, 'POST', '/api/v2/query', { sql: `select * from ${view} order by line__c` });
	assert.deepEqual(Object.keys(named.json.metadata), columns.map((column) => `${column}__c`));
	assert.deepEqual(named.json.data.map((row) => [row[0], row[2]]), [[job.id, 2], [job.id, 3]]);
	for (const row of named.json.data)
		assert.ok(row[7] >= job.createdDate.slice(0, 19) && row[7].slice(0, 23) <= job.systemModstamp.slice(0, 23), row[7]);
	assert.deepEqual((await s.sql(`describe pr_${table.connector}.things`)).map(([column]) => column), columns);
	assert.ok((await s.sql('show tables')).flat().includes(view));
	await s.must(400, 'POST', '/api/v2/query', { sql: `delete from PR_${table.connector}.things` });
	assert.equal((await problems(s, table, job.id)).length, 2);
});

story('a job that failed, was aborted or was a dry run leaves none', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	assert.equal((await table.load(['id,n\na,x\n', 'id,n\nb,"1\n'])).state, 'Failed');
	const aborted = await table.create();
	await s.upload(aborted.id, 'id,n\na,x\n');
	await s.patch(aborted.id, 'Aborted');
	const dry = (await s.must(201, 'POST', '/api/v1/ingest/jobs', { object: 'things', sourceName: table.connector, operation: 'upsert', validateOnly: true })).json;
	await s.upload(dry.id, 'id,n\na,x\n');
	await s.patch(dry.id, 'UploadComplete');
	assert.deepEqual(outcome(await s.job(dry.id, 60)), complete(1, 1));
	assert.equal(parseCsv(await s.failed(dry.id)).length, 2);
	assert.deepEqual(await s.sql(`from PR_${table.connector}.things`), []);
});

story('they outlive the job and a restart, and go with the connector', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	const job = await table.load('id,n\na,x\n');
	const rows = await problems(s, table, job.id);
	await s.must(204, 'DELETE', `/api/v1/ingest/jobs/${job.id}`);
	await s.kill();
	await s.run();
	assert.equal(rows.length, 1);
	assert.deepEqual(await problems(s, table, job.id), rows);
	await s.must(204, 'DELETE', `/api/v1/connectors/${table.connector}`);
	await s.must(400, 'POST', '/api/v2/query', { sql: `from PR_${table.connector}.things` });
	await s.setUpThings({ id: 'string', n: 'number' }, { primaryKey: 'id' }, table.connector);
	assert.deepEqual(await s.sql(`from PR_${table.connector}.things`), []);
});

story('their names are no connectors, and the longest names have theirs', async (s) => {
	const schema = { openapi: '3.0.3', components: { schemas: { ['o'.repeat(80)]: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'number' } } } } } };
	for (const name of ['PR_shop', 'pr_shop', 'PR_', 'Pr']) {
		const answer = await s.must(400, 'PUT', `/api/v1/connectors/${name}`, schema);
		assert.match(answer.json.message, new RegExp(`The connector name "${name}" is reserved \\(PR and PR_… for problem records`));
	}
	const connector = 'c'.repeat(80), object = 'o'.repeat(80);
	await s.must(201, 'PUT', `/api/v1/connectors/${connector}`, schema);
	await s.must(201, 'PUT', `/api/v1/connectors/${connector}/streams/${object}`, { primaryKey: 'id' });
	assert.deepEqual(outcome(await s.load(object, 'id,n\na,x\n', 'upsert', connector)), complete(1, 1));
	assert.deepEqual(await s.sql(`select record from PR_${connector}.${object}`), [['a,x']]);
	assert.deepEqual(await s.sql(`select record__c from PR_${connector}_${object}__dll`), [['a,x']]);
});

test('a query sees the rows and the problem records of a job together, or neither', () => withServer(async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	const both = `select (select count(*) from ${table.name}), (select count(*) from PR_${table.connector}.things)`;
	const job = await table.create();
	await s.upload(job.id, 'id,n\na,1\nb,x\nc,2\n');
	s.hold();
	await s.patch(job.id, 'UploadComplete');
	await s.held();	// all has been read, nothing is committed
	assert.deepEqual(await s.sql(both), [[0, 0]]);
	await s.release();
	assert.deepEqual(outcome(await s.job(job.id, 60)), complete(3, 1));
	assert.deepEqual(await s.sql(both), [[2, 1]]);
}, { holdAt: 'load.rejects' }));
