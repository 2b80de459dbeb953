// SPDX-License-Identifier: Apache-2.0
// A job from its creation to its end, as who reads it sees it: its times, its progress, how long it took.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

// Ask once more when the clock has gone on by a millisecond, the unit of systemModstamp.
async function tick(stamp) {
	for (const at = Date.parse(stamp); Date.now() <= at; )
		await new Promise(setImmediate);
}

test('systemModstamp moves with every change of state, and createdDate never', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const follow = async (job, states) => {
		for (const [state, change] of states) {
			await tick(job.systemModstamp);
			await change?.(job.id);
			const now = await s.job(job.id);
			assert.equal(now.state, state);
			assert.ok(now.systemModstamp > job.systemModstamp, `${state}: ${now.systemModstamp} after ${job.systemModstamp}`);
			assert.equal(now.createdDate, job.createdDate);
			job = now;
		}
		// What changes nothing moves nothing.
		await tick(job.systemModstamp);
		await s.patch(job.id, job.state === 'Aborted' ? 'Aborted' : 'UploadComplete');
		assert.equal((await s.job(job.id)).systemModstamp, job.systemModstamp);
	};
	const close = (id) => s.patch(id, 'UploadComplete');
	const first = await s.createJob('things'), second = await s.createJob('things');
	assert.equal(first.systemModstamp, first.createdDate.replace(/\d{3}Z$/, 'Z'));
	await s.upload(first.id, 'id\na\n');
	await s.upload(second.id, 'wrong\na\n');
	s.hold();
	let held;	// the first is held in its load; the second waits in the queue
	await follow(first, [['InProgress', async (id) => { await close(id); await s.held(); held = await s.job(id); }]]);
	await follow(second, [['UploadComplete', close]]);
	const waiting = await s.job(second.id);
	await tick(held.systemModstamp);
	await s.release();
	for (const [before, state] of [[held, 'JobComplete'], [waiting, 'Failed']]) {
		const end = await s.job(before.id, 60);
		assert.deepEqual([end.state, end.systemModstamp > before.systemModstamp, end.createdDate], [state, true, before.createdDate]);
	}
	await follow(await s.createJob('things'), [['Aborted', (id) => s.patch(id, 'Aborted')]]);
}, { args: ['--workers', '1'], holdAt: 'load.staged' }));

test('the time of processing is told in whole seconds and in milliseconds, from the claim to the end', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const { id } = await s.createJob('things');
	await s.upload(id, 'id\na\n');
	assert.equal((await s.job(id, 1)).processingMilliseconds, 0);	// a second before its claim that does not count
	s.hold();
	await s.patch(id, 'UploadComplete');
	await s.held();
	const held = await s.job(id, 2);	// two seconds within it
	assert.deepEqual([held.state, held.totalProcessingTime], ['InProgress', 0]);
	await s.release();
	const end = await s.job(id, 60);
	assert.ok(end.processingMilliseconds >= 1990 && end.processingMilliseconds < 60000, String(end.processingMilliseconds));
	assert.equal(end.totalProcessingTime, Math.floor(end.processingMilliseconds / 1000));
}, { holdAt: 'load.staged' }));

// What a job says of its progress while it is held at ${point}, and before and after.
async function progressAt(point, check) {
	await withServer(async (s) => {
		await s.setUpThings({ id: 'string' });
		const { id } = await s.createJob('things');
		await s.upload(id, `id\n${'a\n'.repeat(1000)}`);
		assert.equal((await s.job(id)).progress, 0);
		s.hold();
		await s.patch(id, 'UploadComplete');
		await s.held();
		const { state, progress } = await s.job(id);
		assert.equal(state, 'InProgress');
		check(progress);
		await s.release();
		assert.equal((await s.job(id, 60)).progress, 1);
	}, { holdAt: point });
}

test('progress is 0 when a job is claimed, moves while it is read, and is 1 at its end', async () => {
	await progressAt('load.claimed', (progress) => assert.equal(progress, 0));
	await progressAt('load.staged', (progress) => assert.ok(progress > 0 && progress < 1, String(progress)));
});

test('errorMessage is null unless the job is Failed, and then says why', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const failed = await s.load('things', 'wrong\na\n');
	assert.equal(failed.state, 'Failed');
	assert.match(failed.errorMessage, /^part 1: .*"id"/);
	const open = await s.createJob('things');
	assert.equal(open.errorMessage, null);
	assert.equal((await s.patch(open.id, 'Aborted')).json.errorMessage, null);
	assert.equal((await s.load('things', 'id\n')).errorMessage, null);
}));

test('numberRecordsProcessed counts every record that was read, the failed ones included', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	const job = await s.load('things', ['id,n\na,1\na,2\nb,x\n\n', 'n,id\n3,c\n,\n']);
	assert.deepEqual([job.numberRecordsProcessed, job.numberRecordsFailed, job.numberParts, job.bytesUploaded], [5, 2, 2, 18 + 11]);
	const gone = await s.load('things', 'a\nnobody\n"",x\n', 'delete');
	assert.deepEqual([gone.numberRecordsProcessed, gone.numberRecordsFailed], [3, 1]);
}));
