// SPDX-License-Identifier: Apache-2.0
// Nothing holds a whole body: what the server needs for uploads depends neither on their size nor, but for a little, on
// how many run.  It measures the program as people get it, since a build with checks multiplies every allocation.
import assert from 'node:assert/strict';
import test from 'node:test';
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

test('memory grows by less than 5 MB while 8 clients upload 20 MB each', () => withServer(async (s) => {
	const csv = csvOf(20 * MB);
	await s.setUpThings({ id: 'string', name: 'string' });
	const jobs = [];
	for (let i = 0; i < CLIENTS; i++)
		jobs.push((await s.createJob('things')).id);

	const before = residentKb(s.process.pid);
	resetResidentPeak(s.process.pid);
	const answers = await Promise.all(jobs.map((id) => s.upload(id, csv)));
	const growth = residentPeakKb(s.process.pid) - before;

	assert.deepEqual(answers.map((answer) => answer.status), Array(CLIENTS).fill(202));
	for (const id of jobs)
		assert.equal((await s.job(id)).bytesUploaded, csv.length);
	assert.ok(growth < 5 * MB / 1024, `it grew by ${growth} KiB, of ${CLIENTS * csv.length / 1024 | 0} KiB that were uploaded`);
}));
