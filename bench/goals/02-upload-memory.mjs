// SPDX-License-Identifier: Apache-2.0
// Goal 2: how far resident memory grows while a hundred clients upload at once, durable.  All stop when half of their part is
// sent, so that all hundred are under way at the same time; what counts is the kernel's own mark of the peak, from before
// the first byte to the last answer, for each upload.
import { fileA, megabytes, settleDisk, start, tool, withFreshServer } from '../bench.mjs';
import { residentKb, residentPeakKb, resetResidentPeak } from '../../tests/scenario/memory.mjs';

export const goals = [2];

const CLIENTS = 100, BYTES = 20e6;

const measureOnce = (work) => withFreshServer(work, async (server) => {
	await server.setUpEcomm();
	settleDisk();
	const before = residentKb(server.process.pid);
	resetResidentPeak(server.process.pid);
	const client = start(tool('load_client'), [new URL(server.url).port, CLIENTS, 0, CLIENTS, 'upload', 'ecomm', 'orders', fileA(), BYTES].map(String),
		{ env: { ...process.env, SLUICE_TOKEN: server.token } });
	const word = await client.line();
	if (word !== 'half')
		throw new Error(`the client said "${word}"`);
	client.process.stdin.write('\n');
	const sums = JSON.parse(await client.line());
	await client.ended;
	if (sums.failed > 0 || sums.requests !== 2 * CLIENTS)
		throw new Error(`${sums.requests} of ${2 * CLIENTS} requests went well`);
	return { growth: megabytes(residentPeakKb(server.process.pid) - before), before: megabytes(before), speed: CLIENTS * BYTES / 1e6 / sums.seconds };
});

export async function* measure({ work, pairs, quick }) {
	const all = [];
	for (let i = 0; i < (quick ? 1 : pairs); i++)
		all.push(await measureOnce(work));
	yield { goal: 2, what: 'growth of resident memory an upload, 100 at once', unit: 'MB', digits: 2, ours: all.map((one) => one.growth / CLIENTS), limits: [{ of: 'worst', atMost: 1 }] };
	yield { goal: 2, what: 'resident memory before', unit: 'MB', digits: 0, ours: all.map((one) => one.before) };
	yield { goal: 2, what: 'throughput of the hundred', unit: 'MB/s', digits: 0, ours: all.map((one) => one.speed) };
}
