// SPDX-License-Identifier: Apache-2.0
// Clients that send slowly, or stop in the middle of a part, hold up nobody but themselves.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { Wire } from './wire.mjs';

const begun = 'id\n';

// More of them than the server has chunks of memory for uploads, which are 256.
const slow = 260;

const received = async (s) => Number((await s.must(200, 'GET', '/metrics')).text.match(/^sluice_http_received_bytes_total (\d+)/m)[1]);

test('260 uploads that stand still keep no other from being taken', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const before = await received(s);
	const wires = await Promise.all(Array.from({ length: slow }, () => Wire.connect(s)));
	for (const wire of wires) {
		await wire.head(s, 'PUT', `/api/v1/ingest/jobs/${job.id}/batches`, { 'Content-Type': 'text/csv', 'Content-Length': 100 });
		await wire.send(begun);
	}
	while (await received(s) < before + 256 * begun.length)
		;
	const ended = Promise.race(wires.map(async (wire) => { await wire.rest(); return { status: 'a slow one was ended first' }; }));
	assert.equal((await Promise.race([s.upload(job.id, 'id\na\n'), ended])).status, 202);
	for (const wire of wires) {
		await wire.send('x'.repeat(100 - begun.length));
		assert.equal((await wire.answer()).status, wires.indexOf(wire) < 99 ? 202 : 400);
	}
	wires.forEach((wire) => wire.cut(false));
	assert.equal((await s.must(200, 'GET', `/api/v1/ingest/jobs/${job.id}`)).json.numberParts, 100);
}, { args: ['--idle-timeout', '10'] }));
