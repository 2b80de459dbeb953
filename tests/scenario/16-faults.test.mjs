// SPDX-License-Identifier: Apache-2.0
// Faults on request, for people who test their clients: answers that are made up, late or lost, requests that are cut, jobs
// that hang and fail, and a clock that can be moved.  What the manual promises is in 22-testing-clients.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { makeTable, outcome, stories } from './records.mjs';
import { until, withWire } from './wire.mjs';

const faults = '/api/v1/test/faults', clock = '/api/v1/test/clock';
const jobs = '/api/v1/ingest/jobs', batches = (id) => `${jobs}/${id}/batches`;
const anyPart = { method: 'PUT', path: `${jobs}/*/batches` };
const on = { args: ['--test-controls', 'on'] };
const csv = 'id,n\na,1\n';

// Make a rule; its id.
const rule = async (s, members) => (await s.must(201, 'POST', faults, members)).json.id;
const counts = async (s, id) => {
	const { matched, applied } = (await s.must(200, 'GET', `${faults}/${id}`)).json;
	return [matched, applied];
};
const filesOf = (s, id) => existsSync(join(s.data, 'blobs', id)) ? readdirSync(join(s.data, 'blobs', id)) : [];
// A request of a client whose connection is cut: it has no answer.
const assertCut = (promise) => assert.rejects(promise, (error) => error instanceof TypeError);

test('without --test-controls nothing of it is there, and it is said how to get it', () => withServer(async (s) => {
	for (const [method, path, body] of [['GET', faults], ['POST', faults, { delayMs: 1 }], ['POST', faults, 'nonsense'], ['DELETE', faults],
		['GET', `${faults}/f1`], ['DELETE', `${faults}/f1`], ['GET', clock], ['POST', clock, { advanceSeconds: 1 }]]) {
		const answer = await s.must(404, method, path, body);
		assert.equal(answer.json.message,
			"The requested resource doesn't exist: the test controls are off; start the server with --test-controls on.");
	}
	assert.ok(Math.abs(Date.parse((await s.call('GET', faults)).json.timestamp.slice(0, 23) + 'Z') - Date.now()) < 60000);
}));

const story = stories('with the test controls on', on);

story('rules are made, read, and removed, one or all', async (s) => {
	const made = (await s.must(201, 'POST', faults, { method: 'GET', path: '/never', delayMs: 5 })).json;
	assert.deepEqual(made, { id: made.id, method: 'GET', path: '/never', skip: 0, count: 1, delayMs: 5, matched: 0, applied: 0 });
	const other = (await s.must(201, 'POST', faults, { connector: 'x', failJob: { message: 'no' }, count: 0 })).json;
	assert.deepEqual((await s.must(200, 'GET', faults)).json, { data: [made, other] });
	assert.deepEqual((await s.must(200, 'GET', `${faults}/${made.id}`)).json, made);
	await s.must(204, 'DELETE', `${faults}/${made.id}`);
	for (const method of ['GET', 'DELETE'])
		assert.equal((await s.must(404, method, `${faults}/${made.id}`)).json.message, `The requested resource doesn't exist: there is no rule ${made.id}.`);
	assert.deepEqual((await s.must(200, 'GET', faults)).json, { data: [other] });
	await s.must(204, 'DELETE', faults);
	assert.deepEqual((await s.must(200, 'GET', faults)).json, { data: [] });
});

story('a rule that is wrong is refused with everything that is wrong with it', async (s) => {
	const { json } = await s.must(400, 'POST', faults, { method: 'LOOK', answer: { status: 200 }, cut: 'answer', colour: 1 });
	assert.deepEqual(json.details, { problemCount: 4, problems: ['"colour" is not a member of a rule', '"method" must be one of: GET, POST, PUT, PATCH, DELETE',
		'"answer.status" must be a whole number from 400 to 599', '"answer" and "cut" do not go together'] });
	assert.equal(json.message, 'The rule is not valid (problems: 4, see details): "colour" is not a member of a rule.');
	await s.must(400, 'POST', faults, '[]');
	await s.must(400, 'POST', faults, '{"delayMs":1,"delayMs":2}');
	assert.deepEqual((await s.must(200, 'GET', faults)).json, { data: [] });
});

story('a hundred rules fit, and one more is refused', async (s) => {
	for (let i = 0; i < 100; i++)
		await rule(s, { path: '/never', delayMs: 1 });
	const answer = await s.must(409, 'POST', faults, { delayMs: 1 });
	assert.match(answer.json.message, /there are 100 rules already; remove some\.$/);
	assert.equal((await s.must(200, 'GET', faults)).json.data.length, 100);
	await s.must(204, 'DELETE', faults);
});

story('who has no token, or not the scope for it, does not get at them', async (s) => {
	const token = s.makeToken('client', 'cdp_ingest_api,cdp_query_api');
	for (const path of [faults, `${faults}/f1`, clock]) {
		await s.must(401, 'GET', path, undefined, { Authorization: null });
		await s.must(403, 'GET', path, undefined, { Authorization: `Bearer ${token}` });
	}
	for (const path of [faults, clock])
		await s.must(403, 'POST', path, {}, { Authorization: `Bearer ${token}` });
});

story('an answer is made up before anything is done, as often as the rule says', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'integer' });
	const job = await table.create();
	const id = await rule(s, { ...anyPart, skip: 1, count: 2, answer: { status: 503, message: 'Down for maintenance.', retryAfter: 7 } });
	assert.equal((await s.upload(job.id, csv)).status, 202);
	for (let i = 0; i < 2; i++) {
		const { status, headers, json } = await s.upload(job.id, csv);
		assert.deepEqual([status, headers.get('retry-after'), json.error, json.message, json.path],
			[503, '7', '503 SERVICE_UNAVAILABLE', 'Down for maintenance.', `uri=${batches(job.id)}`]);
	}
	assert.equal((await s.upload(job.id, csv)).status, 202);
	assert.equal((await s.job(job.id)).numberParts, 2);
	assert.deepEqual(await counts(s, id), [4, 2]);
	await s.must(204, 'DELETE', faults);
});

story('without a message it names its rule; 429 and 503 have a Retry-After, and no status hides anything', async (s) => {
	for (const [status, retryAfter] of [[429, '1'], [503, '1'], [404, null], [409, null], [500, null], [504, null], [418, null]]) {
		const id = await rule(s, { path: jobs, answer: { status } });
		const answer = await s.must(status, 'GET', jobs);
		assert.equal(answer.headers.get('retry-after'), retryAfter);
		assert.equal(answer.json.message, `A test asked for this answer (rule ${id}).`);
	}
	await rule(s, { path: jobs, answer: { status: 500, message: 'as told' } });
	assert.equal((await s.must(500, 'GET', jobs)).json.message, 'as told');
	await s.must(204, 'DELETE', faults);
});

story('a made-up answer comes before the body is sent', async (s) => {
	const table = await makeTable(s, { id: 'string' });
	const job = await table.create();
	await rule(s, { ...anyPart, answer: { status: 429 } });
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { 'Content-Type': 'text/csv', 'Content-Length': 150000000 });
		assert.equal((await wire.answer()).status, 429);
	});
	assert.deepEqual(filesOf(s, job.id), []);
});

story('a rule can be for one job, and for paths however they are written', async (s) => {
	const table = await makeTable(s, { id: 'string' });
	const [one, two] = [await table.create(), await table.create()];
	const id = await rule(s, { job: one.id, answer: { status: 503 }, count: 0 });
	await s.must(200, 'GET', `${jobs}/${two.id}`);
	await s.must(200, 'GET', jobs);
	await s.must(503, 'GET', `${jobs}/${one.id}?wait=1`);
	await s.must(503, 'GET', `/api//v1/ingest/jobs/${one.id.replace('-', '%2D')}/batches/`);
	await s.must(503, 'PATCH', `${jobs}/${one.id}`, { state: 'Aborted' });
	await s.must(503, 'GET', `${jobs}/${one.id}`, undefined, {});
	assert.deepEqual(await counts(s, id), [4, 4]);
	await s.must(204, 'DELETE', faults);
	assert.equal((await s.job(one.id)).state, 'Open');
});

story('the controls and the health of the server are never faulty, and strangers use up no rule', async (s) => {
	const id = await rule(s, { path: '/**', count: 0, cut: 'request' });
	await s.must(200, 'GET', '/healthz');
	await s.must(200, 'GET', '/readyz');
	await s.must(200, 'GET', clock);
	await s.must(401, 'GET', jobs, undefined, { Authorization: null });
	await s.must(404, 'GET', '/api/v1/nowhere');
	await s.must(405, 'PUT', jobs);
	assert.deepEqual(await counts(s, id), [0, 0]);
	await assertCut(s.call('GET', jobs));
	assert.deepEqual(await counts(s, id), [1, 1]);
	await s.must(204, 'DELETE', `${faults}/${id}`);
	await s.must(200, 'GET', jobs);
});

story('a delay is waited for, whatever comes after it, and holds up no other request', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'integer' });
	const job = await table.create();
	await rule(s, { ...anyPart, delayMs: 300 });
	await rule(s, { path: jobs, delayMs: 300, answer: { status: 429 } });
	for (const [status, ask] of [[202, () => s.upload(job.id, csv)], [429, () => s.call('GET', jobs)]]) {
		const begun = performance.now();
		const late = ask();
		for (let i = 0; i < 10; i++)
			await s.must(200, 'GET', `${jobs}/${job.id}`);
		assert.equal((await late).status, status);
		assert.ok(performance.now() - begun >= 300);
	}
	assert.equal((await s.job(job.id)).numberParts, 1);
});

story('an upload that is cut in mid-body leaves nothing', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'integer' });
	const job = await table.create();
	const body = csv + 'b,2\n'.repeat(500000);
	for (const afterBytes of [0, 1, 1000000, body.length, 1000000000]) {
		const id = await rule(s, { ...anyPart, cut: 'request', afterBytes });
		await assertCut(s.upload(job.id, body));
		assert.deepEqual(await counts(s, id), [1, 1]);
	}
	await until(s, () => filesOf(s, job.id).length === 0, 'what the uploads had begun is gone');
	assert.equal((await s.job(job.id)).numberParts, 0);
	assert.equal((await s.upload(job.id, csv)).status, 202);
	await s.patch(job.id, 'UploadComplete');
	assert.deepEqual(outcome(await s.job(job.id, 60)), ['JobComplete', 1, 0]);
});

story('when an answer is cut, all was done: half of it comes, and none when it has no body', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'integer' });
	const job = await table.create();
	await rule(s, { ...anyPart, cut: 'answer' });
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { 'Content-Type': 'text/csv', 'Content-Length': csv.length });
		await wire.send(csv);
		assert.match(await wire.rest(), /^HTTP\/1\.1 202 (?=[^]*\r\nContent-Length: 17\r\n)[^]*\r\n\r\n\{"accept$/);
	});
	assert.equal((await s.job(job.id)).numberParts, 1);
	await rule(s, { method: 'PATCH', job: job.id, cut: 'answer' });
	await assertCut(s.patch(job.id, 'UploadComplete'));
	assert.deepEqual(outcome(await s.job(job.id, 60)), ['JobComplete', 1, 0]);
	assert.deepEqual(await table.rows(), [['a', 1]]);
	await rule(s, { method: 'GET', path: `${jobs}/*/failedResults`, cut: 'answer' });
	await assertCut(s.call('GET', `${jobs}/${job.id}/failedResults`));
	await rule(s, { method: 'DELETE', cut: 'answer' });
	await withWire(s, async (wire) => {
		await wire.head(s, 'DELETE', `${jobs}/${job.id}`);
		assert.equal(await wire.rest(), '');
	});
	await s.must(404, 'GET', `${jobs}/${job.id}`);
});

story('a job can be made to fail: it says why, nothing of it lands, and the next one is as ever', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'integer' });
	const other = await makeTable(s, { id: 'string', n: 'integer' });
	const id = await rule(s, { connector: table.connector, object: 'things', failJob: { message: 'The data space is gone.' } });
	assert.deepEqual(outcome(await other.load(csv)), ['JobComplete', 1, 0]);
	const failed = await table.load(csv);
	assert.deepEqual([failed.state, failed.errorMessage, failed.numberRecordsProcessed], ['Failed', 'The data space is gone.', 0]);
	await until(s, () => filesOf(s, failed.id).length === 0, 'its parts are gone');
	assert.deepEqual(outcome(await table.load('id,n\nb,2\n')), ['JobComplete', 1, 0]);
	assert.deepEqual(await table.rows(), [['b', 2]]);
	assert.deepEqual(await counts(s, id), [2, 1]);
	await s.must(204, 'DELETE', faults);
	await rule(s, { failJob: {} });
	assert.equal((await table.load(csv)).errorMessage, 'A test asked for the end of this job.');
});

story('a job can be held: it stays InProgress, then goes on, or fails', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'integer' });
	for (const [fault, end] of [[{}, ['JobComplete', 1, 0]], [{ failJob: { message: 'too late' } }, ['Failed', 0, 0]]]) {
		const job = await table.create();
		await s.upload(job.id, csv);
		await rule(s, { job: job.id, holdJobSeconds: 2, ...fault });
		const begun = performance.now();
		await s.patch(job.id, 'UploadComplete');
		await until(s, () => s.log.includes(`job=${job.id} hold_seconds=2`), 'a worker holds the job');
		assert.equal((await s.job(job.id)).state, 'InProgress');
		await s.must(409, 'PATCH', `${jobs}/${job.id}`, { state: 'Aborted' });
		assert.deepEqual(outcome(await s.job(job.id, 60)), end);
		assert.ok(performance.now() - begun >= 2000);
	}
});

test('SIGTERM waits neither for a delay nor for a held job, which is loaded by the next start; rules are gone then', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer' });
	const job = await s.createJob('things');
	await s.upload(job.id, csv);
	await rule(s, { holdJobSeconds: 86400, count: 0 });
	await rule(s, { path: jobs, delayMs: 600000, count: 0 });
	await s.patch(job.id, 'UploadComplete');
	await until(s, () => s.log.includes('fault.job'), 'a worker holds the job');
	const late = s.call('GET', jobs);
	await until(s, () => s.log.includes(`path=${jobs}\n`), 'the request is delayed');
	const begun = performance.now();
	assert.deepEqual(await s.kill('SIGTERM'), { code: 0, signal: null });
	assert.ok(performance.now() - begun < 20000);	// --drain is 30 s
	assert.equal((await late).status, 200);
	await s.run();
	assert.deepEqual((await s.must(200, 'GET', faults)).json, { data: [] });
	assert.deepEqual(outcome(await s.job(job.id, 60)), ['JobComplete', 1, 0]);
	assert.deepEqual(await s.sql('select * from shop.things'), [['a', 1]]);
}, on));

test('what was done for a lost answer survives a crash', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer' });
	const job = await s.createJob('things');
	await rule(s, { ...anyPart, cut: 'answer' });
	await assertCut(s.upload(job.id, csv));
	await s.kill();
	await s.run();
	assert.equal((await s.job(job.id)).numberParts, 1);
}, on));

test('the clock goes forward, and with it every time that the server gives, and what goes by it', () => withServer(async (s) => {
	const day = 86400;
	const near = (text, offset) => assert.ok(Math.abs(Date.parse(text) - Date.now() - offset * 1000) < 60000, `${text} is not ${offset} s ahead`);
	await s.setUpThings({ id: 'string', n: 'integer' });
	const old = await s.createJob('things'), finished = await s.load('things', csv);
	const before = (await s.must(200, 'GET', clock)).json;
	assert.deepEqual(Object.keys(before), ['now', 'offsetSeconds']);
	near(before.now, 0);
	assert.equal(before.offsetSeconds, 0);
	const moved = (await s.must(200, 'POST', clock, { advanceSeconds: 6 * day })).json;
	near(moved.now, 6 * day);
	assert.equal(moved.offsetSeconds, 6 * day);
	const fresh = await s.createJob('things');
	near(fresh.createdDate, 6 * day);
	near((await s.must(404, 'GET', '/nowhere')).json.timestamp.replace(/(\.\d{3})\d*/, '$1'), 6 * day);
	near((await s.must(200, 'POST', '/api/v2/query', { sql: 'select 1' })).json.endTime, 6 * day);
	// What is a week old by then goes before the call answers.
	assert.equal((await s.job(old.id)).state, 'Open');
	await s.must(200, 'POST', clock, { advanceSeconds: 0 });
	await s.must(200, 'POST', clock, { advanceSeconds: 2 * day });
	assert.equal((await s.job(old.id)).state, 'Aborted');
	assert.equal((await s.job(fresh.id)).state, 'Open');
	await s.must(404, 'GET', `${jobs}/${finished.id}`);
	// Waits do not notice.
	assert.equal((await s.job(fresh.id, 1)).state, 'Open');
	for (const body of [{}, { advanceSeconds: -1 }, { advanceSeconds: 1.5 }, { advanceSeconds: '1' }, { advanceSeconds: 315360001 }])
		assert.match((await s.must(400, 'POST', clock, body)).json.message, /^"advanceSeconds" must be a whole number from 0 to 315360000 \(ten years\); the clock only goes forward\.$/);
	for (let i = 0; i < 9; i++)
		await s.must(200, 'POST', clock, { advanceSeconds: 315360000 });
	assert.match((await s.must(400, 'POST', clock, { advanceSeconds: 315360000 })).json.message,
		/^"advanceSeconds" is 315360000, and the clock is 2838931200 seconds ahead already; the most is 3153600000\.$/);
	near((await s.must(200, 'GET', clock)).json.now, 2838931200);
	// After a restart it is the real time again, and a job that was changed in that future goes on.
	const late = await s.createJob('things');
	await s.upload(late.id, csv);
	await s.kill('SIGTERM');
	await s.run();
	near((await s.must(200, 'GET', clock)).json.now, 0);
	await s.patch(late.id, 'UploadComplete');
	assert.deepEqual(outcome(await s.job(late.id, 60)), ['JobComplete', 1, 0]);
}, on));

test('a closed job that waits for its processing delay is loaded when the clock has passed it', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer' });
	const job = await s.createJob('things');
	await s.upload(job.id, csv);
	await s.patch(job.id, 'UploadComplete');
	assert.equal((await s.job(job.id)).state, 'UploadComplete');
	await s.must(200, 'POST', clock, { advanceSeconds: 3601 });
	assert.deepEqual(outcome(await s.job(job.id, 60)), ['JobComplete', 1, 0]);
}, { args: [...on.args, '--processing-delay', '3600'] }));
