// SPDX-License-Identifier: Apache-2.0
// Goal 12: a GROUP BY over 1.8 million records, asked again and again: on a server at rest, and while jobs of 150 MB land on the
// same object one after the other.
import { closeJob, fileA, fileB, PART_ROWS, putFile, withFreshServer } from '../bench.mjs';
import { median } from '../figures.mjs';

export const goals = [12];

const SQL = 'select contact_name, count(*), sum(total), max(modified_date) from ecomm.orders group by contact_name order by contact_name';

async function load(server, file) {
	const { id } = await server.createJob('orders', 'upsert', 'ecomm');
	await putFile(server, id, file);
	await closeJob(server, id, PART_ROWS);
}

// Times in ms of queries, for so long as ${goesOn}() says.
async function ask(server, goesOn) {
	const times = [];
	while (goesOn(times.length)) {
		const begin = performance.now(), rows = await server.sql(SQL);
		times.push(performance.now() - begin);
		if (rows.length !== 8)
			throw new Error(`${rows.length} groups`);
	}
	return times;
}

export async function* measure({ work, pairs, quick }) {
	const idle = [], busy = [], worst = [];
	await withFreshServer(work, async (server) => {
		await server.setUpEcomm();
		await load(server, fileA());
		await load(server, fileB());
		await ask(server, (count) => count < 10);
		for (let i = 0; i < (quick ? 2 : pairs); i++) {
			idle.push(median(await ask(server, (count) => count < 40)));
			let left = quick ? 2 : 5;
			const jobs = (async () => {
				for (; left > 0; left--)
					await load(server, left % 2 ? fileA() : fileB());
			})();
			jobs.catch(() => { left = 0; });
			const times = await ask(server, () => left > 0);
			await jobs;
			busy.push(median(times));
			worst.push(Math.max(...times));
		}
	});
	yield { goal: 12, what: 'GROUP BY over 1.8 M records while jobs land, median', unit: 'ms', digits: 1, ours: busy, peer: idle, peerName: 'at rest', limits: [{ of: 'ratio', atMost: 3 }] };
	yield { goal: 12, what: 'the slowest of them', unit: 'ms', digits: 0, ours: worst, limits: [{ of: 'worst', atMost: 200 }] };
}
