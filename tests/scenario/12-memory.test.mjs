// SPDX-License-Identifier: Apache-2.0
// Nothing holds a whole body: what the server needs for uploads depends neither on their size nor, but for a little, on
// how many run.  It measures the program as people get it, since a build with checks multiplies every allocation.
import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { resetResidentPeak, residentKb, residentPeakKb } from './memory.mjs';

process.env.SLUICE = process.env.SLUICE_RELEASE ?? 'build/sluice';
const { withServer } = await import('./harness.mjs');

const CLIENTS = 8;
const MB = 1000000;

// ${bytes} of CSV for the things of setUpThings.
function csvOf(bytes) {
	const rows = ['id,name\n'];
	for (let i = 0, length = 0; length < bytes; i++, length += 100)
		rows.push(`${String(i).padStart(10, '0')},${'x'.repeat(88)}\n`);
	return Buffer.from(rows.join(''));
}

// By how many KiB the server's memory grows while ${CLIENTS} clients upload ${body} each, of ${bytes} unpacked.
async function growthKb(s, body, bytes, headers) {
	await s.setUpThings({ id: 'string', name: 'string' });
	const jobs = [];
	// Of a delete, as the first upload of an upsert is loaded while it comes, in the lake's memory (49-early).
	for (let i = 0; i < CLIENTS; i++)
		jobs.push((await s.createJob('things', 'delete')).id);

	const before = residentKb(s.process.pid);
	resetResidentPeak(s.process.pid);
	const answers = await Promise.all(jobs.map((id) => s.upload(id, body, headers)));
	const growth = residentPeakKb(s.process.pid) - before;

	assert.deepEqual(answers.map((answer) => answer.status), Array(CLIENTS).fill(202));
	for (const id of jobs)
		assert.equal((await s.job(id)).bytesUploaded, bytes);
	return growth;
}

test('memory grows by less than 5 MB while 8 clients upload 20 MB each', () => withServer(async (s) => {
	const csv = csvOf(20 * MB), growth = await growthKb(s, csv, csv.length);
	assert.ok(growth < 5 * MB / 1024, `it grew by ${growth} KiB, of ${CLIENTS * csv.length / 1024 | 0} KiB that were uploaded`);
}));

test('memory grows by less than 5 MB while 8 clients upload gzip that unpacks to 40 MB each', () => withServer(async (s) => {
	const blanks = Buffer.alloc(40 * MB, '\n'), growth = await growthKb(s, gzipSync(blanks), blanks.length, { 'Content-Encoding': 'gzip' });
	assert.ok(growth < 5 * MB / 1024, `it grew by ${growth} KiB, of ${CLIENTS * blanks.length / 1024 | 0} KiB that came out`);
}));

test('memory grows by less than 5 MB while the 300,000 failed records of a job are downloaded', () => withServer(async (s) => {
	const records = 300000;
	await s.setUpThings({ id: 'string', n: 'number' });
	const job = await s.load('things', `id,n\n${Array.from({ length: records }, (_, i) => `${String(i).padStart(40, 'k')},none\n`).join('')}`);
	assert.equal(job.numberRecordsFailed, records);
	// A new process: what the load has given back would hide what the download takes.
	assert.deepEqual(await s.kill('SIGTERM'), { code: 0, signal: null });
	await s.run();
	await s.job(job.id);

	const before = residentKb(s.process.pid);
	resetResidentPeak(s.process.pid);
	const failed = await s.failed(job.id);
	const growth = residentPeakKb(s.process.pid) - before;

	assert.ok(failed.length > 40 * MB);
	assert.equal(failed.split('\n').length, records + 2);
	assert.ok(growth < 5 * MB / 1024, `it grew by ${growth} KiB, of ${failed.length / 1024 | 0} KiB that were downloaded`);
}));

test('memory of a load stays near that of the lake\'s engine, whatever many long records fail', () => withServer(async (s) => {
	const records = 9000, parts = 3;	// of 16 KB: as much as a problem record keeps
	const csv = `id,n,more\n${`k,none,${'x'.repeat(16000)}\n`.repeat(records)}`;
	await s.setUpThings({ id: 'string', n: 'number' });
	await s.load('things', 'id,n\nk,none\n');

	const before = residentKb(s.process.pid);
	resetResidentPeak(s.process.pid);
	const job = await s.load('things', Array(parts).fill(csv));
	const growth = residentPeakKb(s.process.pid) - before;

	assert.equal(job.numberRecordsFailed, parts * records);
	assert.deepEqual(await s.sql('select count(*), max(length(record)) from PR_shop.things'), [[parts * records + 1, 16007]]);
	// The engine has its 128 MB, and some vectors of 2,048 texts that it does not count.
	assert.ok(growth < 300 * MB / 1024, `it grew by ${growth} KiB, of ${parts * csv.length / 1024 | 0} KiB that failed`);
}, { args: ['--lake-memory', '128'] }));

test('memory stays near that of the lake\'s engine while a result of 200 MB is made and fetched', () => withServer(async (s) => {
	const bytes = 190, rows = 1000000, call = async (method, path, body) => (await s.must(200, method, path, body)).json;
	await s.sql('select count(*) from range(1000000)');

	const before = residentKb(s.process.pid);
	resetResidentPeak(s.process.pid);
	let answer = await call('POST', '/api/v2/query', { sql: `select range as i, repeat('x', ${bytes}) as t from range(${rows})` }), seen = 0;
	for (;; answer = await call('GET', `/api/v2/query/${answer.nextBatchId}`)) {
		for (const [i] of answer.data)
			assert.equal(i, seen++);
		if (answer.done)
			break;
	}
	const growth = residentPeakKb(s.process.pid) - before;

	assert.equal(seen, rows);
	// A batch of 8 MiB, which doubled as it grew, on the threads that made one; and what the engine keeps.
	assert.ok(growth < 100 * MB / 1024, `it grew by ${growth} KiB, of ${bytes * rows / 1024 | 0} KiB that were fetched`);
}, { args: ['--query-rows', '1000000', '--lake-memory', '128'] }));
