// SPDX-License-Identifier: Apache-2.0
// What goes with time, under a clock that the test moves: open jobs, finished jobs, problem records, quotas, delays.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { withWire } from './wire.mjs';

const jobs = '/api/v1/ingest/jobs';
const day = 86400;
const controls = { args: ['--test-controls', 'on'] };
const advance = (s, seconds) => s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds: seconds });
const blobs = (s) => readdirSync(join(s.data, 'blobs'));

test('an open job is aborted after 7 days and its data removed, not a minute before', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await s.upload(job.id, 'id\na\n');
	await advance(s, 7 * day - 60);
	assert.equal((await s.job(job.id)).state, 'Open');
	await advance(s, 120);
	assert.equal((await s.job(job.id)).state, 'Aborted');
	assert.deepEqual(blobs(s), []);
	assert.equal((await s.upload(job.id, 'id\na\n')).status, 409);
	assert.equal((await s.patch(job.id, 'UploadComplete')).status, 409);
	assert.match(s.log, /job\.expired job=/);
}, controls));

test('a finished job is removed 7 days after its end with its failed records; what it landed stays', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	const done = await s.load('things', 'id,total\na,1\nb,x\n'), failed = await s.load('things', 'id\na\n');
	const aborted = await s.createJob('things');
	await s.patch(aborted.id, 'Aborted');
	assert.deepEqual([done.state, failed.state], ['JobComplete', 'Failed']);
	await advance(s, 7 * day - 60);
	assert.equal((await s.must(200, 'GET', jobs)).json.totalSize, 3);
	await advance(s, 120);
	for (const job of [done, failed, aborted])
		await s.must(404, 'GET', `${jobs}/${job.id}`);
	await s.must(404, 'GET', `${jobs}/${done.id}/failedResults`);
	assert.equal((await s.must(200, 'GET', jobs)).json.totalSize, 0);
	assert.deepEqual(blobs(s), []);
	assert.deepEqual(await s.sql('select id from shop.things'), [['a']]);
}, controls));

test('problem records stay for 30 days, longer than their job', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	await s.load('things', 'id,total\nb,x\n');
	await advance(s, 20 * day);
	await s.load('things', 'id,total\nc,y\n');
	await advance(s, 10 * day - 60);
	assert.deepEqual(await s.sql('select record from "PR_shop".things order by 1'), [['b,x'], ['c,y']]);
	await advance(s, 120);
	assert.deepEqual(await s.sql('select record from "PR_shop".things order by 1'), [['c,y']]);
	assert.deepEqual(await s.sql('select record__c from "PR_shop_things__dll"'), [['c,y']]);
}, controls));

test('a closed job is never too old: neither in the queue nor while it is processed', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const make = async (csv) => {
		const job = await s.createJob('things');
		await s.upload(job.id, csv);
		await s.patch(job.id, 'UploadComplete');
		return job;
	};
	s.hold();
	const running = await make('id\na\n');
	await s.held();
	const queued = await make('id\nb\n');
	await advance(s, 300 * day);
	assert.equal((await s.job(running.id)).state, 'InProgress');
	assert.equal((await s.job(queued.id)).state, 'UploadComplete');
	await s.release();
	assert.equal((await s.job(running.id, 60)).state, 'JobComplete');
	assert.equal((await s.job(queued.id, 60)).state, 'JobComplete');
	assert.deepEqual(await s.sql('select id from shop.things order by 1'), [['a'], ['b']]);
}, { ...controls, holdAt: 'load.staged' }));

test('an upload that runs while its job grows too old is told 409 and leaves nothing', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', `${jobs}/${job.id}/batches`, { 'Content-Type': 'text/csv', 'Content-Length': 5, Expect: '100-continue' });
		assert.equal((await wire.answer()).status, 100);
		await wire.send('id\n');
		await advance(s, 8 * day);
		assert.equal((await s.job(job.id)).state, 'Aborted');
		await wire.send('a\n');
		assert.equal((await wire.answer()).status, 409);
	});
	await s.must(204, 'DELETE', `${jobs}/${job.id}`);
	assert.deepEqual(blobs(s), []);
}, controls));

test('the days can be set, and 0 keeps for ever', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const open = await s.createJob('things'), done = await s.load('things', 'id\na\n');
	await advance(s, 2 * day);
	assert.equal((await s.job(open.id)).state, 'Aborted');
	await advance(s, 3000 * day);
	assert.equal((await s.job(done.id)).state, 'JobComplete');
}, { args: [...controls.args, '--open-days', '1', '--finished-days', '0'] }));

test('killed in the middle of ageing, the next start finishes what was begun', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	for (const point of ['abort.moved', 'abort.removed', 'delete.marked', 'delete.removed']) {
		const open = await s.createJob('things');
		await s.upload(open.id, 'id,total\na,1\n');
		const done = await s.load('things', 'id,total\na,1\nb,x\n');
		await s.kill('SIGTERM');
		await s.run({ SLUICE_CRASH: point });
		await assert.rejects(advance(s, 8 * day));
		await s.ended;
		await s.run();
		if (point.startsWith('abort')) {
			assert.equal((await s.job(open.id)).state, 'Aborted');
			assert.deepEqual(blobs(s), [done.id]);
			await s.must(204, 'DELETE', `${jobs}/${done.id}`);
		} else {
			await s.must(404, 'GET', `${jobs}/${done.id}`);
			assert.deepEqual(blobs(s), []);
		}
		await s.must(204, 'DELETE', `${jobs}/${open.id}`);
		assert.deepEqual(await s.sql('select id from shop.things'), [['a']]);
	}
}, controls));

test('an hour later twenty more jobs may be created, and a delay of an hour is over', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const create = () => s.call('POST', jobs, { object: 'things', sourceName: 'shop', operation: 'upsert' });
	for (let i = 0; i < 20; i++)
		await s.patch((await create()).json.id, 'Aborted');
	assert.equal((await create()).status, 429);
	await advance(s, 3601);
	const job = (await create()).json;
	await s.upload(job.id, 'id\na\n');
	await s.patch(job.id, 'UploadComplete');
	assert.equal((await s.job(job.id)).state, 'UploadComplete');
	await advance(s, 3500);
	assert.equal((await s.job(job.id)).state, 'UploadComplete');
	await advance(s, 100);
	assert.equal((await s.job(job.id, 60)).state, 'JobComplete');
}, { args: [...controls.args, '--emulate', 'hosted', '--processing-delay', '3600'] }));
