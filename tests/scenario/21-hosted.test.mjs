// SPDX-License-Identifier: Apache-2.0
// The hosted service's habits, on request: its quotas of jobs, and its slowness.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const jobs = '/api/v1/ingest/jobs';
const hosted = { args: ['--emulate', 'hosted'] };

// A connector with objects o0, o1, … of one field.
async function setUpObjects(s, count) {
	const schemas = {};
	for (let i = 0; i < count; i++)
		schemas[`o${i}`] = { type: 'object', properties: { id: { type: 'string' } } };
	await s.must(201, 'PUT', '/api/v1/connectors/shop', { openapi: '3.0.3', components: { schemas } });
	for (let i = 0; i < count; i++)
		await s.must(201, 'PUT', `/api/v1/connectors/shop/streams/o${i}`, { primaryKey: 'id' });
}

const create = (s, object) => s.call('POST', jobs, { object, sourceName: 'shop', operation: 'upsert' });

test('an object has one active job: 409 with its id, until it ends', () => withServer(async (s) => {
	await setUpObjects(s, 2);
	const first = (await create(s, 'o0')).json;
	const refused = await create(s, 'o0');
	assert.equal(refused.status, 409);
	assert.match(refused.json.message, /^The request conflicts with current state of the target resource: object "o0" of "shop"/);
	assert.ok(refused.json.message.includes(first.id));
	assert.equal((await create(s, 'o1')).status, 201);
	await s.patch(first.id, 'UploadComplete');
	await s.job(first.id, 60);
	const second = await create(s, 'o0');
	assert.equal(second.status, 201);
	await s.patch(second.json.id, 'Aborted');
	assert.equal((await create(s, 'o0')).status, 201);
	assert.equal((await s.must(200, 'GET', jobs)).json.totalSize, 4);
}, hosted));

test('five jobs are open or running at once: the sixth is 429 with Retry-After', () => withServer(async (s) => {
	await setUpObjects(s, 6);
	const made = [];
	for (let i = 0; i < 5; i++)
		made.push((await create(s, `o${i}`)).json);
	const refused = await create(s, 'o5');
	assert.equal(refused.status, 429);
	assert.equal(refused.json.error, '429 TOO_MANY_REQUESTS');
	assert.match(refused.json.message, /5 jobs/);
	assert.equal(refused.headers.get('retry-after'), '30');
	await s.patch(made[2].id, 'Aborted');
	assert.equal((await create(s, 'o5')).status, 201);
}, hosted));

test('twenty jobs are created in an hour, removed ones included: the next is 429, and Retry-After says when', () => withServer(async (s) => {
	await setUpObjects(s, 1);
	for (let i = 0; i < 20; i++) {
		const job = await create(s, 'o0');
		assert.equal(job.status, 201);
		await s.patch(job.json.id, 'Aborted');
		await s.must(204, 'DELETE', `${jobs}/${job.json.id}`);
	}
	const refused = await create(s, 'o0');
	assert.equal(refused.status, 429);
	assert.match(refused.json.message, /20 jobs were created in the last hour/);
	const seconds = Number(refused.headers.get('retry-after'));
	assert.ok(seconds > 3500 && seconds <= 3600, String(seconds));
	// An object that is not there is told first, and a restart forgets nothing.
	assert.equal((await create(s, 'nothing')).status, 404);
	await s.kill('SIGTERM');
	await s.run();
	assert.equal((await create(s, 'o0')).status, 429);
}, hosted));

test('20 requests at once make one job of an object', () => withServer(async (s) => {
	await setUpObjects(s, 1);
	const answers = await Promise.all(Array.from({ length: 20 }, () => create(s, 'o0')));
	assert.deepEqual(answers.map((a) => a.status).sort(), [201, ...Array(19).fill(409)]);
}, hosted));

test('without --emulate there are no quotas', () => withServer(async (s) => {
	await setUpObjects(s, 1);
	for (let i = 0; i < 25; i++)
		assert.equal((await create(s, 'o0')).status, 201);
}));

test('--processing-delay lets a closed job wait before it is processed', () => withServer(async (s) => {
	await setUpObjects(s, 1);
	const job = await s.createJob('o0');
	await s.upload(job.id, 'id\na\n');
	const closed = (await s.patch(job.id, 'UploadComplete')).json;
	assert.equal((await s.job(job.id)).state, 'UploadComplete');
	const done = await s.job(job.id, 60);
	assert.equal(done.state, 'JobComplete');
	assert.ok(new Date(done.systemModstamp) - new Date(closed.systemModstamp) >= 1000);
	assert.ok(done.processingMilliseconds < 1000);
}, { args: ['--processing-delay', '1'] }));
