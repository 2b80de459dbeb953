// SPDX-License-Identifier: Apache-2.0
// Goal 5: durable steps of empty jobs a second, 64 clients; creating is one step, closing or aborting one.  Against a loop that
// appends and syncs: what there would be if each step had a sync of its own.  A closed job is empty and goes through a worker,
// beside what is measured; those that are still in the queue when the clients stop are waited for.
import { inTurn, loadClient, output, tool, withFreshServer } from '../bench.mjs';

export const goals = [5];

export async function* measure({ work, pairs, quick }) {
	const seconds = quick ? 0.7 : 4;	// what is closed in a second takes ten to process
	for (const script of ['close', 'abort']) {
		const both = await withFreshServer(work, async (server) => {
			await server.setUpEcomm();
			return inTurn(pairs, {
				ours: async () => {
					const { rate } = await loadClient(server, 64, seconds, 0, script, 'ecomm', 'orders');
					await queueIsEmpty(server);
					return rate;
				},
				peer: async () => Number(await output(tool('fsync_rate'), [work, String(seconds)])),
			});
		});
		yield { goal: 5, what: `create + ${script}, 64 clients: steps`, unit: '/s', digits: 0, peerName: 'one fsync a step', ...both, limits: [{ of: 'ratio', atLeast: 3 }] };
	}
}

// The jobs of an object run one after the other, so when the one that was closed last is through, all are.
export async function queueIsEmpty(server) {
	for (;;) {
		const { json } = await server.must(200, 'GET', '/api/v1/ingest/jobs?states=UploadComplete,InProgress&orderby=systemModstamp%20desc&limit=1');
		if (json.data.length === 0)
			return;
		await server.job(json.data[0].id, 60);
	}
}
