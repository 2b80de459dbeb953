// SPDX-License-Identifier: Apache-2.0
// Goal 11: the peak of resident memory while a job of 100 parts of 150 MB is processed, and how long that takes.
import { closeJob, megabytes, PART_ROWS, putOrders, seconds, withFreshServer } from '../bench.mjs';
import { residentPeakKb, resetResidentPeak } from '../../tests/scenario/memory.mjs';

export const goals = [11];

// { memory, time } of a job of ${parts} parts, no key twice, on an empty object: MB and seconds.
export const measureJob = (work, parts) => withFreshServer(work, async (server) => {
	await server.setUpEcomm();
	const { id } = await server.createJob('orders', 'upsert', 'ecomm');
	resetResidentPeak(server.process.pid);
	for (let i = 0; i < parts; i++)
		await putOrders(server, id, PART_ROWS, i * PART_ROWS + 1);
	const time = await seconds(() => closeJob(server, id, parts * PART_ROWS));
	return { memory: megabytes(residentPeakKb(server.process.pid)), time };
});

export async function* measure({ work, quick }) {
	const parts = quick ? 6 : 100, { memory, time } = await measureJob(work, parts);
	yield { goal: 11, what: `peak of resident memory, job of ${parts} × 150 MB`, unit: 'MB', digits: 0, ours: [memory], limits: [{ of: 'worst', atMost: 1000 }],
		note: quick ? '--quick takes 6 parts' : undefined };
	yield { goal: 11, what: 'its close to JobComplete', unit: 's', digits: 1, ours: [time] };
}
