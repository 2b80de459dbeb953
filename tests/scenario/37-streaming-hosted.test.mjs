// SPDX-License-Identifier: Apache-2.0
// The hosted service's quota of streaming requests, on request.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const path = '/api/v1/ingest/sources/shop/things';
const hosted = { args: ['--emulate', 'hosted'] };

// ${count} requests as fast as they go; their statuses, by how many there were of each.
async function flood(s, count) {
	const statuses = {};
	const answers = [];
	const client = async () => {
		while (count-- > 0) {
			const answer = await s.call('POST', `${path}/actions/test`, { data: [{ id: 'a' }] });
			statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
			answers.push(answer);
		}
	};
	await Promise.all(Array.from({ length: 8 }, client));
	return { statuses, answers };
}

test('250 streaming requests are taken in a second: the next is 429 with Retry-After', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	let round;
	const begun = performance.now();
	const taken = [];
	// However slow the machine: until one is refused.
	do {
		round = await flood(s, 400);
		taken.push(round.statuses[200] ?? 0);
	} while (!round.statuses[429] && performance.now() - begun < 20000);
	const seconds = (performance.now() - begun) / 1000;
	const refused = round.answers.find(({ status }) => status === 429);
	assert.ok(refused, JSON.stringify(round.statuses));
	assert.equal(refused.headers.get('retry-after'), '1');
	assert.equal(refused.json.error, '429 TOO_MANY_REQUESTS');
	assert.match(refused.json.message, /^250 streaming requests/);
	assert.ok(taken.reduce((a, b) => a + b) <= 250 * (Math.ceil(seconds) + 1), `${taken} in ${seconds} s`);
	// Other requests have no part in it.
	assert.equal((await s.call('POST', '/api/v1/ingest/jobs', { object: 'things', sourceName: 'shop', operation: 'upsert' })).status, 201);
}, hosted));

test('without --emulate hosted there is no such quota', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	assert.deepEqual((await flood(s, 600)).statuses, { 200: 600 });
}));
