// SPDX-License-Identifier: Apache-2.0
// A job that only validates: all is read and explained as by any other job, and nothing lands.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { program, withServer } from './harness.mjs';

const jobs = '/api/v1/ingest/jobs';
const csv = 'id,total\na,1\nb,no\nc,3\n';

async function tryOut(s, parts, operation = 'upsert') {
	const job = (await s.must(201, 'POST', jobs, { object: 'things', sourceName: 'shop', operation, validateOnly: true })).json;
	assert.equal(job.validateOnly, true);
	for (const part of parts)
		assert.equal((await s.upload(job.id, part)).status, 202);
	await s.patch(job.id, 'UploadComplete');
	return s.job(job.id, 60);
}

test('a dry run counts and explains as a job does, and lands nothing', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	const dry = await tryOut(s, [csv, 'id,total\nd,4\n']);
	assert.deepEqual([dry.state, dry.validateOnly, dry.numberRecordsProcessed, dry.numberRecordsFailed, dry.progress], ['JobComplete', true, 4, 1, 1]);
	assert.deepEqual(await s.sql('select * from shop.things'), []);
	const real = await s.load('things', [csv, 'id,total\nd,4\n']);
	assert.deepEqual([real.state, real.validateOnly, real.numberRecordsProcessed, real.numberRecordsFailed], ['JobComplete', false, 4, 1]);
	assert.equal(await s.failed(dry.id), await s.failed(real.id));
	assert.match(await s.failed(dry.id), /^sf__Part,sf__Line,sf__Error,id,total\n1,3,.*NOT_A_NUMBER.*,b,no\n$/);
	assert.deepEqual(await s.sql('select id from shop.things order by id'), [['a'], ['c'], ['d']]);
}));

test('a dry run of a delete deletes nothing', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	await s.load('things', csv);
	const dry = await tryOut(s, ['a\nid\n\nc\n'], 'delete');
	assert.deepEqual([dry.state, dry.numberRecordsProcessed, dry.numberRecordsFailed], ['JobComplete', 3, 0]);
	assert.equal((await s.sql('select * from shop.things')).length, 2);
}));

test('a dry run of what cannot be read is Failed with the same reason', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	for (const bad of ['id\na\n', 'id,total,id\na,1,b\n', 'id,total\n"a,1\n']) {
		const dry = await tryOut(s, [bad]), real = await s.load('things', bad);
		assert.equal(dry.state, 'Failed');
		assert.equal(dry.errorMessage, real.errorMessage);
		assert.ok(dry.errorMessage.length > 10);
	}
}));

test('dry runs keep their place in the queue of their object and survive a restart', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	s.hold();
	const first = (await s.must(201, 'POST', jobs, { object: 'things', sourceName: 'shop', operation: 'upsert', validateOnly: true })).json;
	await s.upload(first.id, csv);
	await s.patch(first.id, 'UploadComplete');
	await s.held();
	const second = await s.createJob('things');
	await s.upload(second.id, 'id,total\nz,9\n');
	await s.patch(second.id, 'UploadComplete');
	assert.equal((await s.job(first.id)).state, 'InProgress');
	assert.equal((await s.job(second.id)).state, 'UploadComplete');
	await s.kill();
	await s.release();
	await s.run();
	assert.deepEqual([(await s.job(first.id, 60)).state, (await s.job(first.id)).numberRecordsProcessed, (await s.job(first.id)).retries], ['JobComplete', 3, 1]);
	assert.equal((await s.job(second.id, 60)).state, 'JobComplete');
	assert.deepEqual(await s.sql('select id from shop.things'), [['z']]);
}, { holdAt: 'load.staged' }));

test('validateOnly is true or false, and false is a job like any other', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	for (const value of ['true', 1, null, {}]) {
		const answer = await s.must(400, 'POST', jobs, { object: 'things', sourceName: 'shop', operation: 'upsert', validateOnly: value });
		assert.match(answer.json.message, /"validateOnly" must be true or false/);
	}
	const job = (await s.must(201, 'POST', jobs, { object: 'things', sourceName: 'shop', operation: 'upsert', validateOnly: false })).json;
	assert.equal(job.validateOnly, false);
	assert.equal((await s.must(200, 'GET', jobs)).json.data[0].validateOnly, false);
}));

test('sluice load --dry-run says what would land', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', total: 'number' });
	const file = join(s.data, 'things.csv');
	writeFileSync(file, csv);
	const run = (...more) => {
		try {
			return { code: 0, out: execFileSync(program, ['load', 'shop', 'things', file, ...more, '--url', s.url],
				{ encoding: 'utf8', env: { ...process.env, SLUICE_TOKEN: s.token }, stdio: ['ignore', 'pipe', 'pipe'] }) };
		} catch (error) {
			return { code: error.status, out: error.stdout };
		}
	};
	const dry = run('--dry-run');
	assert.equal(dry.code, 3);
	assert.match(dry.out, /3 records read, 2 would land, 1 failed/);
	assert.match(dry.out, /things\.csv:3: .*total.*"no"/);
	assert.deepEqual(await s.sql('select * from shop.things'), []);
	assert.match(run().out, /3 records read, 2 landed, 1 failed/);
}));
