// SPDX-License-Identifier: Apache-2.0
// What was streamed takes effect once, in the order of acceptance, with the object's bulk jobs at the place of their close, and
// soon.  A story that needs a job to wait gives the server a processing delay, or holds a worker between claim and load.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const source = (object = 'things', connector = 'shop') => `/api/v1/ingest/sources/${connector}/${object}`;
const streamPath = (object = 'things', connector = 'shop') => `/api/v1/connectors/${connector}/streams/${object}`;
const post = (s, ...data) => s.must(202, 'POST', source(), { data });
const remove = (s, ...ids) => s.must(202, 'DELETE', source(), { ids });
const progress = async (s, wait = 0, object, connector) =>
	(await s.must(200, 'GET', `${streamPath(object, connector)}?wait=${wait}`)).json.streaming;
const rows = (s) => s.sql('select * from shop.things order by id');
const plain = { id: 'string', n: 'integer' };
const timed = { id: 'string', n: 'integer', changed: 'date-time' };
const byTime = { primaryKey: 'id', recordModifiedField: 'changed' };

// Wait until all is applied, and be sure that it is.
async function applied(s, object, connector) {
	const p = await progress(s, 60, object, connector);
	assert.deepEqual([p.pendingBytes, p.appliedPosition, p.oldestPendingSeconds], [0, p.acceptedPosition, 0]);
	return p;
}

async function closed(s, csv, more = {}) {
	const job = (await s.must(201, 'POST', '/api/v1/ingest/jobs', { object: 'things', sourceName: 'shop', operation: 'upsert', ...more })).json;
	assert.equal((await s.upload(job.id, csv)).status, 202);
	assert.equal((await s.patch(job.id, 'UploadComplete')).status, 200);
	return job;
}

// The server has had its time to apply what it may, and some is left.
async function held(s) {
	const p = await progress(s, 1);
	assert.ok(p.pendingBytes > 0 && p.oldestPendingSeconds > 0, JSON.stringify(p));
	return p;
}

const delayed = { args: ['--processing-delay', '3600'] };
const never = ['--stream-interval', '60000'];

test('what was accepted is in the lake within a second', () => withServer(async (s) => {
	await s.setUpThings(plain);
	const times = [];
	for (let n = 0; n < 5; n++) {
		const begun = Date.now();
		await post(s, { id: `k${n}`, n });
		await applied(s);
		times.push(Date.now() - begun);
	}
	assert.deepEqual((await rows(s)).map((row) => row[1]), [0, 1, 2, 3, 4]);
	assert.ok(Math.min(...times) < 1000, `took ${times} ms`);	// the others are the machine's business
}));

test('requests of a moment are applied together, and a job that is closed does not wait for that moment', () => withServer(async (s) => {
	await s.setUpThings(plain);
	for (let n = 0; n < 10; n++)
		await post(s, { id: `k${n % 3}`, n });
	const p = await progress(s);
	assert.deepEqual([p.appliedPosition, p.pendingBytes], [0, p.acceptedPosition]);
	assert.ok(p.acceptedPosition > 0);
	assert.equal((await s.load('things', 'id,n\nk2,100\n')).state, 'JobComplete');
	assert.deepEqual(await rows(s), [['k0', 9], ['k1', 7], ['k2', 100]]);
	await applied(s);
	assert.match((await s.must(200, 'GET', '/metrics')).text, /^sluice_stream_entries_applied_total 10\n.*^sluice_stream_rows_applied_total 10\n.*^sluice_stream_apply_duration_seconds_count 1\n/ms);
}, { args: never }));

test('a job takes effect between what was accepted before and what was accepted after its close', () => withServer(async (s) => {
	await s.setUpThings(plain);
	await post(s, { id: 'a', n: 1 }, { id: 'b', n: 1 });
	s.hold();
	const job = await closed(s, 'id,n\nb,2\nc,2\n');
	await s.held();		// claimed, and nothing of it loaded
	await post(s, { id: 'c', n: 3 }, { id: 'd', n: 3 });
	const p = await held(s);
	assert.deepEqual(await rows(s), [['a', 1], ['b', 1]]);
	assert.ok(p.appliedPosition > 0);
	assert.match((await s.must(200, 'GET', '/metrics')).text, new RegExp(`^sluice_journal_bytes ${p.pendingBytes}$`, 'm'));
	await s.release();
	assert.equal((await s.job(job.id, 60)).state, 'JobComplete');
	await applied(s);
	assert.deepEqual(await rows(s), [['a', 1], ['b', 2], ['c', 3], ['d', 3]]);
}, { holdAt: 'load.claimed' }));

for (const [how, end] of Object.entries({
	aborted: (s, job) => s.patch(job.id, 'Aborted'),
	deleted: (s, job) => s.call('DELETE', `/api/v1/ingest/jobs/${job.id}`),
}))
	test(`a job that is ${how} before it was loaded lets the stream go on`, () => withServer(async (s) => {
		await s.setUpThings(plain);
		const first = await closed(s, 'id,n\na,2\n'), second = await closed(s, 'id,n\na,3\n');
		await post(s, { id: 'a', n: 1 });
		await held(s);
		assert.ok((await end(s, first)).status < 300);
		await held(s);
		assert.ok((await end(s, second)).status < 300);
		await applied(s);
		assert.deepEqual(await rows(s), [['a', 1]]);
	}, delayed));

test('so does one that fails; a held job holds up what comes behind it, and no other object', () => withServer(async (s) => {
	const field = { type: 'object', properties: { id: { type: 'string' } } };
	await s.must(201, 'PUT', '/api/v1/connectors/shop', { openapi: '3.0.3', components: { schemas: { things: field, others: field } } });
	for (const object of ['things', 'others'])
		await s.must(201, 'PUT', streamPath(object), { primaryKey: 'id' });
	await s.must(201, 'POST', '/api/v1/test/faults', { object: 'things', holdJobSeconds: 3, failJob: {} });
	const job = await closed(s, 'id\na\n');
	await s.must(202, 'POST', source(), { data: [{ id: 'b' }] });
	await s.must(202, 'POST', source('others'), { data: [{ id: 'c' }] });
	await applied(s, 'others');
	assert.deepEqual(await s.sql('select * from shop.others'), [['c']]);
	await held(s);
	assert.equal((await s.job(job.id, 60)).state, 'Failed');
	await applied(s);
	assert.deepEqual(await rows(s), [['b']]);
}, { args: ['--test-controls', 'on'] }));

test('a job that only validates holds nothing up, and waits for nothing', () => withServer(async (s) => {
	await s.setUpThings(plain);
	s.hold();
	await post(s, { id: 'a', n: 1 });
	const job = await closed(s, 'id,n\na,2\n', { validateOnly: true });
	await s.held();		// it is read to its end, though nothing is applied
	assert.deepEqual(await rows(s), []);
	const real = await closed(s, 'id,n\na,2\n');
	await post(s, { id: 'a', n: 3 });
	assert.equal((await s.patch(real.id, 'Aborted')).status, 200);
	await applied(s);	// the dry run is still there
	assert.deepEqual(await rows(s), [['a', 3]]);
	await s.release();
	assert.equal((await s.job(job.id, 60)).state, 'JobComplete');
}, { args: ['--stream-interval', '3000'], holdAt: 'load.staged' }));

test('a record with an older time does not land, and a deletion removes what is older than its acceptance', () => withServer(async (s) => {
	await s.setUpThings(timed, byTime);
	const at = (year) => `${year}-01-01T00:00:00.000Z`;
	await post(s, { id: 'a', n: 1, changed: at(2020) }, { id: 'b', n: 1, changed: at(2999) }, { id: 'c', n: 1, changed: at(2020) });
	await applied(s);
	await post(s, { id: 'a', n: 2, changed: at(2019) }, { id: 'c', n: 2, changed: at(2020) }, { id: 'c', n: 3, changed: at(2018) });
	await remove(s, 'b', 'c', 'nobody');
	await post(s, { id: 'c', n: 4, changed: at(2000) });	// the old one is gone, so it is new
	await applied(s);
	assert.deepEqual(await rows(s), [['a', 1, at(2020)], ['b', 1, at(2999)], ['c', 4, at(2000)]]);
}));

test('a deletion that is applied late removes what it would have removed at once', () => withServer(async (s) => {
	await s.setUpThings(timed, byTime);
	s.hold();
	const soon = new Date(Date.now() + 600000).toISOString();
	const job = await closed(s, `id,n,changed\na,1,2020-01-01T00:00:00.000Z\nb,1,${soon}\n`);
	await s.held();
	await remove(s, 'a', 'b');
	await s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds: 3600 });	// b is older than now by then
	await s.release();
	await s.job(job.id, 60);
	await applied(s);
	assert.deepEqual(await rows(s), [['b', 1, soon]]);
}, { args: ['--test-controls', 'on'], holdAt: 'load.claimed' }));

test('on a Partial stream what a record lacks stays, or is NULL where nothing was', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer', note: 'string' }, { primaryKey: 'id', refreshMode: 'Partial' });
	await post(s, { id: 'a', n: 1, note: 'one' }, { id: 'b', n: 1 });
	await applied(s);
	await post(s, { id: 'a', n: 2 }, { id: 'b', note: 'two' });
	await post(s, { id: 'a', note: null }, { id: 'c', note: 'new' });
	await applied(s);
	assert.deepEqual(await rows(s), [['a', 2, null], ['b', 1, 'two'], ['c', null, 'new']]);
	await remove(s, 'b');
	await post(s, { id: 'b', n: 3 });
	await applied(s);
	assert.deepEqual((await rows(s))[1], ['b', 3, null]);
}));

test('what was accepted means the same after the schema has grown and the stream has become Partial', () => withServer(async (s) => {
	await s.setUpThings(plain);
	await s.must(202, 'POST', source(), { data: [{ id: 'a', n: 1 }, { id: 'b', n: 1 }] });
	await applied(s);
	const job = await closed(s, 'id,n\nz,0\n');
	await post(s, { id: 'a', n: null });
	const properties = { id: { type: 'string' }, n: { type: 'integer' }, note: { type: 'string' } };
	const schema = { openapi: '3.0.3', components: { schemas: { things: { type: 'object', properties } } } };
	await s.must(200, 'PUT', '/api/v1/connectors/shop', schema);
	await post(s, { id: 'b', n: 2, note: 'grown' });
	await s.must(200, 'PUT', streamPath(), { primaryKey: 'id', refreshMode: 'Partial' });
	await post(s, { id: 'b', n: 3 }, { id: 'c', note: 'partial' });
	assert.equal((await s.patch(job.id, 'Aborted')).status, 200);
	await applied(s);
	assert.deepEqual(await rows(s), [['a', null, null], ['b', 3, 'grown'], ['c', null, 'partial']]);
}, delayed));

test('a key that comes and goes a thousand times is what it was last', () => withServer(async (s) => {
	await s.setUpThings(plain);
	for (let n = 0; n < 1000; n++)
		await (n % 2 ? remove(s, 'k') : post(s, { id: 'k', n }, { id: `x${n % 7}`, n }));
	await applied(s);
	assert.deepEqual(await s.sql("select * from shop.things where id = 'k'"), []);
	await post(s, { id: 'k', n: 1001 });
	await applied(s);
	assert.deepEqual(await rows(s), [['k', 1001], ...[994, 988, 996, 990, 998, 992, 986].map((n) => [`x${n % 7}`, n]).sort()]);
}));

test('a connector that goes takes with it what was not applied yet, and one of its name begins anew', () => withServer(async (s) => {
	await s.setUpThings(plain);
	await post(s, { id: 'a', n: 1 });
	await s.must(204, 'DELETE', '/api/v1/connectors/shop');
	await s.must(404, 'GET', `${streamPath()}?wait=60`);
	await s.setUpThings({ id: 'integer', n: 'date' });
	assert.deepEqual(await progress(s), { acceptedPosition: 0, appliedPosition: 0, pendingBytes: 0, oldestPendingSeconds: 0 });
	await post(s, { id: 7, n: '2024-02-29' });
	const job = await s.load('things', 'id,n\n8,2024-03-01\n');
	assert.equal(job.state, 'JobComplete');
	assert.deepEqual(await rows(s), [[7, '2024-02-29'], [8, '2024-03-01']]);
}, { args: never }));

test('a wait ends when the stream goes', () => withServer(async (s) => {
	await s.setUpThings(plain);
	await post(s, { id: 'a', n: 1 });
	const begun = Date.now(), waiting = s.call('GET', `${streamPath()}?wait=60`);
	await s.must(204, 'DELETE', '/api/v1/connectors/shop');
	assert.equal((await waiting).status, 404);
	assert.ok(Date.now() - begun < 30000, 'long before its time');
}, { args: never }));

test('an end in good order leaves nothing to be applied, and what a kill leaves is applied at the next start', () => withServer(async (s) => {
	await s.setUpThings(plain);
	await post(s, { id: 'a', n: 1 });
	await s.kill('SIGTERM');
	await s.run();
	assert.deepEqual(await rows(s), [['a', 1]]);
	const { acceptedPosition } = await applied(s);
	await post(s, { id: 'b', n: 2 });
	await s.kill();
	await s.run();
	assert.ok((await applied(s)).acceptedPosition > acceptedPosition);	// no position comes twice
	assert.deepEqual(await rows(s), [['a', 1], ['b', 2]]);
}, { args: never }));

test('a stream that has accepted all it may says so, and goes on when the lake has caught up', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', note: 'string' });
	const job = await closed(s, 'id,note\nz,\n');
	const data = Array.from({ length: 4 }, (_, i) => ({ id: `k${i}`, note: 'x'.repeat(49000) }));
	let answer, accepted = 0;
	while ((answer = await s.call('POST', source(), { data })).status === 202)
		assert.ok(++accepted < 100);
	assert.equal(answer.status, 503);
	assert.ok(Number(answer.headers.get('retry-after')) > 0);
	assert.ok((await progress(s)).pendingBytes > 7 * 1024 * 1024);
	assert.equal((await s.patch(job.id, 'Aborted')).status, 200);
	await applied(s);
	await s.must(202, 'POST', source(), { data });
	assert.equal((await s.sql('select count(*) from shop.things'))[0][0], 4);
}, { args: ['--processing-delay', '3600', '--stream-log-mb', '8'] }));

test('wait is 0 to 60 seconds', () => withServer(async (s) => {
	await s.setUpThings(plain);
	for (const wait of ['61', '-1', 'soon'])
		assert.match((await s.must(400, 'GET', `${streamPath()}?wait=${wait}`)).text, /\\"wait\\" is .*; it must be 0 to 60 seconds/);
	await s.must(404, 'GET', `${streamPath('nothing')}?wait=60`);
}));
