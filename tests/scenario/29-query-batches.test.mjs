// SPDX-License-Identifier: Apache-2.0
// A query's whole result, in batches: each row once and in order, whatever lands meanwhile; each id once, for an hour, for whom it was
// given to; within the room that results have; and over as soon as nobody waits for it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { computing, withServer } from './harness.mjs';
import { Wire } from './wire.mjs';

const query = (s, sql, token = s.token) => s.call('POST', '/api/v2/query', { sql }, { Authorization: `Bearer ${token}` });
const next = (s, id, method = 'GET', token = s.token) => s.call(method, `/api/v2/query/${id}`, undefined, { Authorization: `Bearer ${token}` });
const advance = (s, advanceSeconds) => s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds });
const files = (s) => readdirSync(join(s.data, 'results'));
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const endless = 'select count(*) from range(1000000000) a, range(1000000000) b where a.range % 7 = b.range';

async function metric(s, name) {
	const { text } = await s.must(200, 'GET', '/metrics');
	return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)[1]);
}

// All batches from the answer on; ${between} is called before each that follows.
async function batches(s, answer, between = async () => {}) {
	const all = [];
	for (;;) {
		assert.equal(answer.status, 200, answer.text?.slice(0, 300));
		all.push(answer.json);
		if (answer.json.done)
			return all;
		await between(all.length);
		answer = await next(s, answer.json.nextBatchId, all.length % 2 ? 'GET' : 'POST');
	}
}

// A query sent on a wire of its own.
async function ask(s, sql) {
	const wire = await Wire.connect(s), body = JSON.stringify({ sql });
	await wire.head(s, 'POST', '/api/v2/query', { 'Content-Length': body.length });
	await wire.send(body);
	return wire;
}

test('a million rows are fetched whole, each once and in order, of one state, though jobs land meanwhile', () => withServer(async (s) => {
	await s.setUpThings({ id: 'integer' });
	await s.load('things', `id\n${Array.from({ length: 1000 }, (_, i) => `${i}\n`).join('')}`);
	const first = await query(s, 'select id * 1000 + r.range as n, id::varchar as t from shop.things, range(1000) r order by n desc');
	const all = await batches(s, first, (n) => n % 5 === 1 ? s.load('things', `id\n${5000 + n}\n`) : undefined);
	assert.equal(all.length, 20);
	let expected = 1000000;
	for (const [i, batch] of all.entries()) {
		const { data, startTime, endTime, queryId, metadata, ...rest } = batch;
		assert.deepEqual({ startTime, endTime, queryId, metadata }, { startTime: all[0].startTime, endTime: all[0].endTime, queryId: all[0].queryId,
			metadata: { n: { type: 'BIGINT', placeInOrder: 0, typeCode: -5 }, t: { type: 'VARCHAR', placeInOrder: 1, typeCode: 12 } } });
		assert.deepEqual(rest, { rowCount: 50000, nextBatchId: i < 19 ? rest.nextBatchId : null, done: i === 19 });
		if (i < 19)
			assert.match(rest.nextBatchId, uuid);
		for (const row of data)
			if (row[0] !== --expected || row[1] !== String(Math.floor(expected / 1000)))
				assert.fail(`${row} instead of ${expected}`);
	}
	assert.equal(expected, 0);
	assert.deepEqual(files(s), []);
	assert.deepEqual(await s.sql('select count(*) > 1000 from shop.things'), [[true]]);
}, { args: ['--query-rows', '50000'] }));

test('a batch ends at --query-rows or before 8 MiB, and has a row however large that is', () => withServer(async (s) => {
	const cases = [
		['select 1 from range(0)', [0]], ['select 1 from range(4)', [4]], ['select 1 from range(5)', [4, 1]], ['select 1 from range(8)', [4, 4]],
		["select repeat('x', 3000000) from range(5)", [2, 2, 1]], ["select repeat('x', 9000000) from range(3)", [1, 1, 1]],
		["select repeat('x', case when range = 1 then 20000000 else 1 end) from range(4)", [1, 1, 2]],
		// One byte: a row is ["…"] with what parts it from the next.
		["select repeat('x', 4194304 - 5) from range(3)", [2, 1]], ["select repeat('x', 4194304 - 4) from range(3)", [1, 1, 1]],
	];
	for (const [sql, counts] of cases)
		assert.deepEqual((await batches(s, await query(s, sql))).map((batch) => batch.data.length), counts, sql);
	const huge = await query(s, "select repeat('x', 70000000)");
	assert.equal(huge.status, 503);
	assert.match(huge.json.message, /a row has more than 67108864 bytes/);
	assert.deepEqual(files(s), []);
}, { args: ['--query-rows', '4', '--query-timeout', '120000'] }));

test('an id is good once, for who was given it; of two requests at once one gets the batch', () => withServer(async (s) => {
	const other = s.makeToken('other', 'cdp_query_api');
	const { json: { nextBatchId: id, queryId } } = await query(s, 'select range as i from range(9)');
	for (const wrong of [await next(s, id, 'GET', other), await next(s, queryId), await next(s, 'nonsense'), await next(s, id.toUpperCase())]) {
		assert.equal(wrong.status, 404, wrong.text);
		assert.match(wrong.json.message, /^The requested resource doesn't exist: there is no batch .*good once, for an hour/);
	}
	const both = await Promise.all(['GET', 'POST', 'GET', 'POST'].map((method) => next(s, id, method)));
	assert.deepEqual(both.map(({ status }) => status).sort(), [200, 404, 404, 404]);
	const { json } = both.find(({ status }) => status === 200);
	assert.deepEqual([json.data, json.rowCount, json.done], [[[3], [4], [5]], 3, false]);
	assert.equal((await next(s, id)).status, 404);
	const last = await next(s, json.nextBatchId, 'POST');
	assert.deepEqual([last.json.data, last.json.done, last.json.nextBatchId], [[[6], [7], [8]], true, null]);
	assert.equal((await next(s, json.nextBatchId)).status, 404);
}, { args: ['--query-rows', '3'] }));

test('a result is kept for an hour from its query, and its file goes at once then', () => withServer(async (s) => {
	const large = "select range as i, repeat('x', 1000) from range(3000)";	// 3 MB
	const { json } = await query(s, large);
	assert.deepEqual(files(s), [`result-${json.queryId}`]);
	assert.equal(statSync(join(s.data, 'results', files(s)[0])).mode & 0o7777, 0o600);
	assert.equal(statSync(join(s.data, 'results')).mode & 0o7777, 0o700);
	await advance(s, 3590);
	const second = await next(s, json.nextBatchId);
	assert.equal(second.status, 200);
	assert.equal(await metric(s, 'sluice_query_result_bytes'), statSync(join(s.data, 'results', files(s)[0])).size);
	await advance(s, 11);	// taking a batch does not begin the hour anew
	assert.deepEqual(files(s), []);
	assert.equal(await metric(s, 'sluice_query_result_bytes'), 0);
	assert.equal((await next(s, second.json.nextBatchId)).status, 404);
}, { args: ['--query-rows', '1000', '--test-controls', 'on'] }));

test('a restart forgets what was kept, a kill as well', () => withServer(async (s) => {
	const ids = [];
	for (const signal of ['SIGTERM', 'SIGKILL']) {
		ids.push((await query(s, "select repeat('x', 1000) from range(3000)")).json.nextBatchId, (await query(s, 'select 1 from range(3000)')).json.nextBatchId);
		assert.equal(files(s).length, 1);
		await s.kill(signal);
		assert.equal(files(s).length, signal === 'SIGTERM' ? 0 : 1);
		await s.run();
		assert.deepEqual(files(s), []);
	}
	for (const id of ids)
		assert.equal((await next(s, id)).status, 404);
}, { args: ['--query-rows', '1000'] }));

test('results have the room of --query-spool together; what is fetched or old gives it back', () => withServer(async (s) => {
	const sql = "select repeat('x', 1000) from range(2500)";	// 2.5 MB
	const full = async () => {
		const { status, headers, json } = await query(s, sql);
		assert.equal(status, 503);
		assert.match(json.message, /can't be kept: .* 4 MB .*--query-spool/);
		assert.ok(headers.get('retry-after'));
	};
	const first = await query(s, sql);
	await full();
	assert.equal((await query(s, "select repeat('x', 1000) from range(1000)")).status, 200, 'what is answered at once needs no room');
	await batches(s, first);
	assert.equal((await query(s, sql)).status, 200);
	await full();
	await advance(s, 3600);
	assert.equal((await query(s, sql)).status, 200);
	assert.equal((await query(s, "select repeat('x', 1000) from range(10000000)")).status, 503);
	assert.equal(files(s).length, 1);
	assert.deepEqual(await s.sql('select 1'), [[1]]);
}, { args: ['--query-rows', '1000', '--query-spool', '4', '--test-controls', 'on'] }));

test('a client that leaves ends its query within a moment, also one that waits for its turn', () => withServer(async (s) => {
	const running = await ask(s, endless);
	await computing(s);
	const waiting = await Promise.all([ask(s, endless), ask(s, endless)]);
	const patient = query(s, 'select 42');
	waiting.forEach((wire) => wire.cut(false));
	const begun = Date.now();
	running.cut(false);
	assert.deepEqual((await patient).json.data, [[42]]);
	assert.ok(Date.now() - begun < 10000, 'far from the limit');
	// One that closes its side in good order has left, too; its thread is free again.
	const half = await ask(s, endless);
	await computing(s);
	half.socket.end();
	assert.deepEqual(await s.sql('select 43'), [[43]]);
	assert.equal(await metric(s, 'sluice_queries_total{outcome="cancelled"}'), 4);
}, { args: ['--query-threads', '1', '--query-timeout', '20000'] }));

test('a client that is silent, or sends its next request ahead, has not left', () => withServer(async (s) => {
	const slow = 'select count(*) from range(100000) a, range(12000) b where a.range % 7 = b.range % 5';
	const wire = await ask(s, slow);
	await computing(s);
	await wire.head(s, 'GET', '/healthz');
	const first = await wire.answer();
	assert.equal(first.status, 200, first.text);
	assert.equal((await wire.answer()).json.status, 'up');
	wire.cut(false);
}));

test('a query holds up a job for its time limit at most, and a slow reader of a large result not at all', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const late = query(s, endless);
	await computing(s);
	const begun = Date.now();
	assert.equal((await s.load('things', 'id\na\n')).state, 'JobComplete');
	assert.ok(Date.now() - begun < 3000 + 10000, `${Date.now() - begun} ms`);
	assert.equal((await late).status, 408);
	// 8 MB that nobody reads, and 80 MB that nobody fetches.
	const wire = await ask(s, "select repeat('x', 1000) from range(90000)");
	while (!wire.hasAnswer())
		await wire.next();
	wire.socket.pause();
	const again = Date.now();
	assert.equal((await s.load('things', 'id\nb\n')).state, 'JobComplete');
	assert.ok(Date.now() - again < 3000, `${Date.now() - again} ms`);
	wire.cut(false);
}, { args: ['--query-timeout', '3000'] }));
