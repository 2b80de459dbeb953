// SPDX-License-Identifier: Apache-2.0
// The list while jobs come and change: whoever walks it from the oldest on meets each job that was there exactly once.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const path = '/api/v1/ingest/jobs';

test('a walk by createdDate asc meets each job once while others are created and all change their state', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const old = [];
	for (let i = 0; i < 60; i++)
		old.push((await s.createJob('things')).id);
	let walking = true, created = 0;
	// Three who create, close and abort, the old ones too.
	const disturb = async (n) => {
		for (let i = n; walking || i < n + 9; i += 3) {
			const { id } = await s.createJob('things');
			created++;
			await s.upload(id, 'id\na\n');
			await s.patch(i % 2 ? id : old[i % old.length], i % 4 < 2 ? 'UploadComplete' : 'Aborted');
		}
	};
	const disturbers = [0, 1, 2].map(disturb);
	for (let walk = 0; walk < 8; walk++) {
		const seen = [];
		for (let offset = 0; ; offset += 7) {
			const { data } = (await s.must(200, 'GET', `${path}?orderBy=createdDate%20asc&limit=7&offset=${offset}`)).json;
			seen.push(...data.map((job) => job.id));
			if (data.length < 7)
				break;
		}
		assert.deepEqual(seen.slice(0, old.length), old, 'the old ones, each once, in the order of their creation');
		assert.equal(new Set(seen).size, seen.length);
	}
	walking = false;
	await Promise.all(disturbers);
	assert.ok(created >= 9);
}));
