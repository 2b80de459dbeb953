// SPDX-License-Identifier: Apache-2.0
// Goal 10: streaming, one record a request, 64 clients, each with a key of its own, answered when durable.
// While that runs, one more client streams a record every 50 ms and notes when its 202 came; another asks for all of those
// that it has not seen yet, over and over.  A record's age is the time from its 202 to the answer of the query that has it.
import { loadClient, withFreshServer } from '../bench.mjs';
import { percentile } from '../figures.mjs';

export const goals = [10];

// Samples until told to stop; then the ages in ms, once all are seen.
function watchVisibility(server) {
	const unseen = new Map(), ages = [];
	let isOver = false, number = 0;
	const record = (id) => ({ id, name: 'Seen', email: 'seen@example.org', phone: '+44 20 7946 0958', birth_date: '1990-12-01',
		loyalty_points: 1, active: true, modified_date: '2021-12-01T08:00:00Z' });
	const sender = (async () => {
		while (!isOver) {
			const id = `seen-${process.hrtime.bigint()}-${number++}`;
			await server.must(202, 'POST', '/api/v1/ingest/sources/ecomm/customers', { data: [record(id)] });
			unseen.set(id, performance.now());
			await new Promise((done) => setTimeout(done, 50));
		}
	})();
	const seer = (async () => {
		while (!isOver || unseen.size > 0) {
			const ids = [...unseen.keys()];
			const found = ids.length > 0 ? await server.sql(`select id from ecomm.customers where id in (${ids.map((id) => `'${id}'`).join(',')})`) : [];
			for (const [id] of found) {
				ages.push(performance.now() - unseen.get(id));
				unseen.delete(id);
			}
			await new Promise((done) => setTimeout(done, 20));
		}
	})();
	const both = Promise.all([sender, seer]);
	both.catch(() => {});
	return async () => { isOver = true; await both; return ages; };
}

export async function* measure({ work, pairs, quick }) {
	const rates = [], ages = [], latencies = [];
	let samples = 0;
	for (let i = 0; i < pairs; i++)
		await withFreshServer(work, async (server) => {
			await server.setUpEcomm();
			const stop = watchVisibility(server);
			const sums = await loadClient(server, 64, quick ? 3 : 8, 0, 'stream', 'ecomm', 'customers');
			const all = await stop();
			rates.push(sums.rate);
			latencies.push(sums.p99);
			ages.push(percentile(all, 0.99));
			samples += all.length;
			const [[rows]] = await server.sql('select count(*) from ecomm.customers');
			if (Number(rows) !== sums.requests + all.length)
				throw new Error(`${sums.requests + all.length} records were acknowledged, ${rows} are there`);
		});
	yield { goal: 10, what: 'streaming, one record a request, 64 clients', unit: '/s', digits: 0, ours: rates, limits: [{ of: 'ours', atLeast: 10000 }] };
	yield { goal: 10, what: 'until a query sees a record, p99', unit: 'ms', digits: 0, ours: ages, limits: [{ of: 'ours', atMost: 1000 }], note: `${samples} records were watched` };
	yield { goal: 10, what: 'latency of the 202, p99', unit: 'ms', digits: 1, ours: latencies };
}
