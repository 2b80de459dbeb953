// SPDX-License-Identifier: Apache-2.0
// A bulk job on the wire: its members, its states cell by cell, and who wins when requests race.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Server, withServer } from './harness.mjs';

const jobs = '/api/v1/ingest/jobs';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a job has every member from its creation on', () => withServer(async (s) => {
	await s.setUpEcomm();
	const job = (await s.must(201, 'POST', jobs, { object: 'orders', sourceName: 'ecomm', operation: 'upsert', unknown: [1] })).json;
	assert.match(job.id, uuid);
	assert.match(job.createdDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
	assert.match(job.systemModstamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	assert.match(job.createdById, /^005\d{12}AAA$/);
	assert.deepEqual(job, {
		id: job.id, operation: 'upsert', object: 'orders', sourceName: 'ecomm', createdById: job.createdById,
		createdDate: job.createdDate, systemModstamp: job.systemModstamp, state: 'Open', contentType: 'CSV', apiVersion: 'v1',
		contentUrl: `/api/v1/ingest/jobs/${job.id}/batches`, retries: 0, totalProcessingTime: 0,
		numberRecordsProcessed: 0, numberRecordsFailed: 0, processingMilliseconds: 0, progress: 0, numberParts: 0, bytesUploaded: 0, errorMessage: null, validateOnly: false,
	});
	assert.deepEqual(await s.job(job.id), job);
	const answer = await s.call('GET', `//api///v1/ingest/jobs/${job.id}/?unknown=1&empty=`, undefined, { 'Content-Type': 'text/csv' });
	assert.equal(answer.status, 200);
	assert.equal(answer.headers.get('content-type'), 'application/json;charset=UTF-8');
}));

test('creating says what is wrong', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	// An object without a data stream takes no data.
	const object = { type: 'object', properties: { id: { type: 'string' } } };
	await s.must(200, 'PUT', '/api/v1/connectors/shop', { openapi: '3.0.3', components: { schemas: { things: object, bare: object } } });
	const cases = [
		['', 400, /empty/], ['{', 400, /not valid JSON/], ['[]', 400, /must be a JSON object/], ['{} x', 400, /not valid JSON/], ['{"object":"\xff"}', 400, /./],
		['{"object":"things","object":"things","sourceName":"shop","operation":"upsert"}', 400, /duplicate/i],
		[{ sourceName: 'shop', operation: 'upsert' }, 400, /"object" is missing/],
		[{ object: 'things', operation: 'upsert' }, 400, /"sourceName" is missing/],
		[{ object: 'things', sourceName: 'shop' }, 400, /"operation" is missing/],
		[{ object: 7, sourceName: 'shop', operation: 'upsert' }, 400, /"object" must be a string/],
		[{ object: 'things', sourceName: 'shop', operation: 'insert' }, 400, /"insert".*"upsert" or "delete"/],
		[{ object: 'things', sourceName: 'shop', operation: 'Upsert' }, 400, /"Upsert"/],
		[{ object: 'things', sourceName: 'nobody', operation: 'upsert' }, 404, /^The requested resource doesn't exist.*"nobody"/],
		[{ object: 'nothing', sourceName: 'shop', operation: 'upsert' }, 404, /^The requested resource doesn't exist.*"nothing"/],
		[{ object: 'bare', sourceName: 'shop', operation: 'upsert' }, 404, /^The requested resource doesn't exist.*"bare".*data stream/],
		[{ object: 'THINGS', sourceName: 'shop', operation: 'upsert' }, 404, /THINGS/],
	];
	for (const [body, status, message] of cases) {
		const answer = await s.call('POST', jobs, typeof body === 'string' ? Buffer.from(body, 'latin1') : body);
		assert.equal(answer.status, status, JSON.stringify(body));
		assert.match(answer.json.message, message);
	}
	assert.equal((await s.must(200, 'GET', jobs)).json.totalSize, 0);
}));

test('an error has the envelope of the wire', () => withServer(async (s) => {
	const answer = await s.must(404, 'GET', `${jobs}/no-such-job?x=1`);
	assert.match(answer.json.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
	assert.deepEqual({ ...answer.json, timestamp: '' }, {
		timestamp: '', error: '404 NOT_FOUND', message: "The requested resource doesn't exist: there is no job no-such-job.",
		path: 'uri=/api/v1/ingest/jobs/no-such-job', tenantId: 'a360/local', internalErrorCode: 'COMMON_ERROR_GENERIC', details: {},
	});
	const wrong = await s.call('PUT', jobs);
	assert.equal(wrong.status, 405);
	assert.equal(wrong.headers.get('allow').split(/, */).sort().join(), 'GET,HEAD,POST');
}));

// A job in each state.  InProgress is a job of another object that is held at a named point; there is one worker, so what is
// closed meanwhile stays UploadComplete.
const csvOf = (rows) => 'id\n' + Array.from({ length: rows }, (_, i) => `k${i}\n`).join('');
const makers = {
	Open: async (s) => (await s.createJob('things')).id,
	UploadComplete: async (s) => {
		const id = (await s.createJob('things')).id;
		await s.upload(id, csvOf(3));
		await s.patch(id, 'UploadComplete');
		return id;
	},
	InProgress: (s) => s.busy,
	JobComplete: async (s) => s.complete,
	Failed: async (s) => s.failedJob,
	Aborted: async (s) => {
		const id = (await s.createJob('things')).id;
		await s.patch(id, 'Aborted');
		return id;
	},
};
const requests = {
	upload: (s, id) => s.upload(id, 'id\nx\n'),
	close: (s, id) => s.patch(id, 'UploadComplete'),
	abort: (s, id) => s.patch(id, 'Aborted'),
	delete: (s, id) => s.call('DELETE', `${jobs}/${id}`),
};
// state -> request -> [status, state afterwards (null: gone)]
const cells = {
	Open: { upload: [202, 'Open'], close: [200, 'UploadComplete'], abort: [200, 'Aborted'], delete: [409, 'Open'] },
	UploadComplete: { upload: [409, 'UploadComplete'], close: [200, 'UploadComplete'], abort: [200, 'Aborted'], delete: [204, null] },
	InProgress: { upload: [409, 'InProgress'], close: [200, 'InProgress'], abort: [409, 'InProgress'], delete: [409, 'InProgress'] },
	JobComplete: { upload: [409, 'JobComplete'], close: [200, 'JobComplete'], abort: [409, 'JobComplete'], delete: [204, null] },
	Failed: { upload: [409, 'Failed'], close: [200, 'Failed'], abort: [409, 'Failed'], delete: [204, null] },
	Aborted: { upload: [409, 'Aborted'], close: [409, 'Aborted'], abort: [200, 'Aborted'], delete: [204, null] },
};

test('every state answers every request as the table says', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	await s.setUpThings({ id: 'string' }, undefined, 'slow');
	for (const [state, row] of Object.entries(cells)) {
		for (const [request, [status, after]] of Object.entries(row)) {
			// Each cell has a job of its own.
			s.complete = (await s.load('things', 'id\na\n')).id;
			s.failedJob = (await s.load('things', 'wrong\na\n')).id;
			const slow = await s.createJob('things', 'upsert', 'slow');
			s.busy = slow.id;
			await s.upload(slow.id, csvOf(1));
			s.hold();
			await s.patch(slow.id, 'UploadComplete');
			await s.held();

			const id = await makers[state](s);
			const before = await s.job(id);
			assert.equal(before.state, state);
			const answer = await requests[request](s, id);
			const where = `${request} on ${state}`;
			assert.equal(answer.status, status, `${where}: ${answer.text}`);
			if (status === 409)
				assert.match(answer.json.message, new RegExp(`^The request conflicts with current state of the target resource: job ${id} is ${state}`), where);
			if (status === 202)
				assert.deepEqual(answer.json, { accepted: true });
			if (after === null) {
				await s.must(404, 'GET', `${jobs}/${id}`);
				assert.ok(!(await s.must(200, 'GET', `${jobs}?limit=100`)).text.includes(id), where);
			} else {
				const now = await s.job(id);
				assert.equal(now.state, after, where);
				assert.equal(now.contentUrl, after === 'Open' ? `${jobs}/${id}/batches` : null);
				if (after !== state)
					assert.ok(now.systemModstamp >= before.systemModstamp, where);
				if (status === 200)
					assert.equal(answer.json.state, after, where);
			}
			if (after === 'Aborted' || after === null)
				assert.ok(!readdirSync(join(s.data, 'blobs')).includes(id), `${where} leaves data on disk`);
			await s.release();
			await s.job(slow.id, 60);
			if (state !== 'InProgress')
				await requests.close(s, id);
		}
	}
}, { args: ['--workers', '1'], holdAt: 'load.staged' }));

test('closing or aborting with another word is refused', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	for (const state of ['Open', 'InProgress', 'JobComplete', 'Failed', 'uploadcomplete', ''])
		assert.equal((await s.patch(job.id, state)).status, 400, state);
	assert.equal((await s.call('PATCH', `${jobs}/${job.id}`, {})).status, 400);
	assert.equal((await s.call('PATCH', `${jobs}/${job.id}`, { state: 3 })).status, 400);
	assert.equal((await s.patch('00000000-0000-4000-8000-000000000000', 'Aborted')).status, 404);
	assert.equal((await s.job(job.id)).state, 'Open');
}));

test('64 racing requests close and abort one job: one winner, and all answers agree', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	for (let round = 0; round < 5; round++) {
		const job = await s.createJob('things');
		await s.upload(job.id, 'id\na\n');
		const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => s.patch(job.id, i % 2 ? 'UploadComplete' : 'Aborted').then((a) => ({ wish: i % 2 ? 'close' : 'abort', ...a }))));
		const end = await s.job(job.id, 60);
		assert.ok(['JobComplete', 'Aborted'].includes(end.state));
		for (const a of answers) {
			// A close may be overtaken by an abort from the queue, so its 200 is right even when the job ends Aborted.
			if (end.state === 'JobComplete')
				assert.equal(a.status, a.wish === 'close' ? 200 : 409, `${a.wish}: ${a.text}`);
			else if (a.wish === 'abort')
				assert.equal(a.status, 200, a.text);
			else
				assert.ok([200, 409].includes(a.status), a.text);
		}
		const count = Number((await s.sql('select count(*) from shop.things'))[0][0]);
		assert.equal(end.numberRecordsProcessed, end.state === 'JobComplete' ? 1 : 0);
		if (end.state === 'JobComplete')
			assert.equal(count, 1);
	}
}));

test('waiting answers at the end of the job, or at the end of the wait', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const begun = Date.now();
	assert.equal((await s.job(job.id, 1)).state, 'Open');
	assert.ok(Date.now() - begun >= 990);
	const waits = Array.from({ length: 20 }, () => s.job(job.id, 60));
	await s.patch(job.id, 'UploadComplete');
	for (const done of await Promise.all(waits))
		assert.deepEqual([done.state, done.numberRecordsProcessed, done.progress], ['JobComplete', 0, 1]);
	assert.ok(Date.now() - begun < 30000);
	for (const wait of ['61', '-1', 'x', '1.5'])
		assert.equal((await s.call('GET', `${jobs}/${job.id}?wait=${wait}`)).status, 400, wait);
	assert.equal((await s.call('GET', `${jobs}/${job.id}?wait=`)).status, 200);
}));

test('a job that is aborted or removed ends the waits for it at once', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const aborted = await s.createJob('things');
	const begun = Date.now();
	const wait = s.call('GET', `${jobs}/${aborted.id}?wait=60`);
	await s.patch(aborted.id, 'Aborted');
	assert.equal((await wait).json.state, 'Aborted');
	// One in the queue behind another that is held.
	const first = await s.createJob('things'), second = await s.createJob('things');
	s.hold();
	await s.patch(first.id, 'UploadComplete');
	await s.held();
	await s.patch(second.id, 'UploadComplete');
	const waits = Array.from({ length: 5 }, () => s.call('GET', `${jobs}/${second.id}?wait=60`));
	await s.must(204, 'DELETE', `${jobs}/${second.id}`);
	for (const answer of await Promise.all(waits))
		assert.equal(answer.status, 404);
	await s.release();
	assert.ok(Date.now() - begun < 30000);
}, { args: ['--workers', '1'], holdAt: 'load.staged' }));
