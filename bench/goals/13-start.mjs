// SPDX-License-Identifier: Apache-2.0
// Goal 13: from the start of the process to its ready line, with 10,000 jobs in the catalog: a third each closed, aborted, open.
import { loadClient, withFreshServer } from '../bench.mjs';
import { queueIsEmpty } from './05-steps.mjs';

export const goals = [13];

const JOBS = 10000;

export async function* measure({ work, pairs, say }) {
	const times = [];
	await withFreshServer(work, async (server) => {
		await server.setUpEcomm();
		await loadClient(server, 64, 0, JOBS, 'mix', 'ecomm', 'orders');
		await queueIsEmpty(server);
		say(`${JOBS} jobs are there`);
		for (let i = 0; i < 2 * pairs; i++) {
			await server.stop();
			const begin = performance.now();
			await server.run();
			times.push(performance.now() - begin);
		}
	});
	yield { goal: 13, what: 'start to ready, 10,000 jobs', unit: 'ms', digits: 0, ours: times, limits: [{ of: 'ours', atMost: 100 }] };
}
