// SPDX-License-Identifier: Apache-2.0
// Goal 1: a durable PUT of 150 MB, by curl, from its start to its end; against the bare program (which syncs, too) and nginx's
// DAV (which does not).  Each round is a job and a file of its own; what was written before is on the disk by then.
import { rmSync } from 'node:fs';
import { fileB, inTurn, putByCurl, putFile, seconds, settleDisk, withFreshServer } from '../bench.mjs';
import { startBare, startNginx } from '../peers.mjs';

export const goals = [1];
const what = 'durable PUT of 150 MB';

async function measureAgainst(work, pairs, peer, status) {
	const file = fileB();
	return withFreshServer(work, async (server) => {
		await server.setUpEcomm();
		const timed = (put) => { settleDisk(); return seconds(put); };
		const ours = async () => {
			const { id } = await server.createJob('orders', 'upsert', 'ecomm');
			const time = await timed(() => putFile(server, id, file));
			await server.patch(id, 'Aborted');
			return time;
		};
		await ours();	// the first one warms both up
		await putByCurl(`${peer.url}/dav/warm`, file, status);
		return inTurn(pairs, { ours, peer: (i) => timed(() => putByCurl(`${peer.url}/dav/${i}`, file, status)) });
	});
}

export async function* measure({ work, pairs }) {
	const peers = [
		['bare epoll', () => startBare(work), 1.25],
		['nginx DAV, no fsync', () => startNginx(work), 0.8],
	];
	for (const [peerName, begin, atMost] of peers) {
		let peer;
		try {
			peer = await begin();
			yield { goal: 1, what, unit: 's', digits: 3, peerName, ...await measureAgainst(work, pairs, peer, 201), limits: [{ of: 'ratio', atMost }] };
		} catch (error) {
			yield { goal: 1, what: `${what}; ${peerName}`, missing: error.message };
		} finally {
			await peer?.stop();
			if (peer)
				rmSync(peer.place, { recursive: true, force: true });
		}
	}
}
