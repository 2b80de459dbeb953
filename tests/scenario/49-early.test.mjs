// SPDX-License-Identifier: Apache-2.0
// Parts are loaded while they are uploaded, and what was loaded before the close counts exactly when the job does.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Server } from './harness.mjs';

const things = { id: 'string', name: 'string', note: 'string', amount: 'number' };
const NOTE = 'x'.repeat(100);

// Some 5 MB of rows, more than what is worth following (work/early.h), with the ids from ${first} on.
function rows(first, count = 40000, name = 'n') {
	const lines = ['id,name,note,amount'];
	for (let i = first; i < first + count; i++)
		lines.push(`k${i},${name}${i},${NOTE},${i}.25`);
	return `${lines.join('\n')}\n`;
}

const document = (fields, required) => ({ openapi: '3.0.3', components: { schemas: { things: { type: 'object', required,
	properties: Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { type }])) } } } });
const logged = (server, event, job) => server.log.split('\n').filter((line) => line.includes(` ${event} `) && line.includes(`job=${job}`));

// When the server's log has the event of the job.
async function told(server, event, job) {
	while (logged(server, event, job).length === 0)
		await once(server.process.stderr, 'data');
}

async function withServer(story, args = []) {
	const server = await Server.start({ args: ['--log-level', 'debug', ...args] });
	try {
		await server.setUpThings(things);
		await story(server);
	} finally {
		await server.stop();
	}
}

test('a part is loaded before its job is closed, and lands at the close', () => withServer(async (server) => {
	const job = await server.createJob('things');
	await server.upload(job.id, rows(0));
	await server.upload(job.id, rows(40000));
	assert.deepEqual(await server.sql('select count(*) from shop.things'), [[0]], 'nothing shows before the close');
	await server.patch(job.id, 'UploadComplete');
	const end = await server.job(job.id, 60);
	assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], ['JobComplete', 80000, 0]);
	assert.match(logged(server, 'early.finished', job.id).join(), /status=ok/);
	assert.deepEqual((await server.sql('select count(*), count(distinct id) from shop.things'))[0].map(Number), [80000, 80000]);
}));

test('small parts behind a large one are loaded, too', () => withServer(async (server) => {
	const job = await server.createJob('things');
	await server.upload(job.id, rows(0));
	await server.upload(job.id, rows(40000, 10));
	await server.upload(job.id, rows(50000, 10));
	await server.patch(job.id, 'UploadComplete');
	assert.equal((await server.job(job.id, 60)).numberRecordsProcessed, 40020);
	assert.match(logged(server, 'early.finished', job.id).join(), /status=ok/);
	assert.deepEqual((await server.sql('select count(*), count(distinct id) from shop.things'))[0].map(Number), [40020, 40020]);
}));

test('an abort throws away what was loaded', () => withServer(async (server) => {
	const job = await server.createJob('things');
	await server.upload(job.id, rows(0));
	await told(server, 'early.read', job.id);
	await server.patch(job.id, 'Aborted');
	await told(server, 'early.dropped', job.id);
	assert.match(logged(server, 'early.dropped', job.id).join(), /its job has ended/);
	const next = await server.createJob('things');
	await server.upload(next.id, rows(7, 3));
	await server.patch(next.id, 'UploadComplete');
	assert.equal((await server.job(next.id, 60)).state, 'JobComplete');
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [3]);
	assert.equal(logged(server, 'early.finished', job.id).length, 0);
}));

test('a job that is closed first lands first, and what was loaded before it is loaded again', () => withServer(async (server) => {
	const early = await server.createJob('things');
	await server.upload(early.id, rows(0, 40000, 'early'));
	await told(server, 'early.read', early.id);
	const first = await server.createJob('things');
	await server.upload(first.id, rows(0, 5, 'first'));
	await server.patch(first.id, 'UploadComplete');
	assert.equal((await server.job(first.id, 60)).state, 'JobComplete');
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [5]);
	await server.patch(early.id, 'UploadComplete');
	assert.equal((await server.job(early.id, 60)).numberRecordsProcessed, 40000);
	assert.deepEqual((await server.sql("select count(*), count(*) filter (where name like 'early%') from shop.things"))[0].map(Number), [40000, 40000]);
	await told(server, 'early.dropped', early.id);
	assert.match(logged(server, 'early.dropped', early.id).join(), /in the way/);
}));

test('keys that come twice and rows that fail come out as if nothing was early', () => withServer(async (server) => {
	const job = await server.createJob('things');
	await server.upload(job.id, rows(0) + 'k5,again,,1\nk6,bad,,no number\n');
	await server.upload(job.id, rows(39999, 2, 'later'));
	await server.patch(job.id, 'UploadComplete');
	const end = await server.job(job.id, 60);
	assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], ['JobComplete', 40004, 1]);
	assert.deepEqual(await server.sql("select id, name from shop.things where id in ('k5','k6','k39999') order by id"),
		[['k39999', 'later39999'], ['k5', 'again'], ['k6', 'n6']]);
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [40001]);
	const failed = await server.call('GET', `/api/v1/ingest/jobs/${job.id}/failedResults`);
	assert.equal(failed.text.trim().split('\n').length, 2, failed.text);
}));

test('a part without a header fails its job though it was loaded early', () => withServer(async (server) => {
	const job = await server.createJob('things');
	await server.upload(job.id, rows(0).replace('id,name', 'id,nome'));
	await server.patch(job.id, 'UploadComplete');
	assert.equal((await server.job(job.id, 60)).state, 'Failed');
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [0]);
}));

test('an upload that breaks off leaves nothing of what was loaded of it', () => withServer(async (server) => {
	const job = await server.createJob('things');
	const whole = rows(0);
	await assert.rejects(fetch(`${server.url}/api/v1/ingest/jobs/${job.id}/batches`, {
		method: 'PUT', duplex: 'half', headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'text/csv' },
		body: new ReadableStream({
			start(controller) {
				controller.enqueue(Buffer.from(whole));
				server.process.stderr.on('data', (text) => {
					if (String(text).includes(' early.begun '))
						controller.error(new Error('the line is cut'));
				});
			},
		}),
	}));
	await told(server, 'early.dropped', job.id);
	assert.match(logged(server, 'early.dropped', job.id).join(), /became no part/);
	await server.upload(job.id, rows(3, 2));
	await server.patch(job.id, 'UploadComplete');
	assert.equal((await server.job(job.id, 60)).numberRecordsProcessed, 2);
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [2]);
	assert.equal(logged(server, 'early.finished', job.id).length, 0);
}));

test('a document that changes before the close counts', () => withServer(async (server) => {
	const job = await server.createJob('things');
	await server.upload(job.id, `${rows(0)}k0x,without a note,,1\n`);
	await server.must(200, 'PUT', '/api/v1/connectors/shop', document({ ...things, note: 'string' }, ['note']));
	await server.patch(job.id, 'UploadComplete');
	assert.deepEqual([(await server.job(job.id, 60)).state, (await server.job(job.id)).numberRecordsFailed], ['JobComplete', 1]);
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [40000]);
}));
