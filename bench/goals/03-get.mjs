// SPDX-License-Identifier: Apache-2.0
// Goals 3 and 4: GET of one job by 64 keep-alive clients (wrk, one thread), its token checked each time.
// 3: requests a second, against nginx that returns the same bytes without looking at anything.  4: the latency that 99 of a
// hundred stay below while, in a loop, 150 MB are uploaded and the job is processed; beside it that of a server at rest.
import { existsSync, rmSync } from 'node:fs';
import { closeJob, fileB, inTurn, output, PART_ROWS, putFile, withFreshServer } from '../bench.mjs';
import { startBare, startMhd, startNginx } from '../peers.mjs';

export const goals = [3, 4];

// { rate, p99 } in requests a second and ms.
async function runWrk(url, seconds, token) {
	const text = await output('wrk', ['-t1', '-c64', `-d${seconds}s`, '--latency', '-H', `Authorization: Bearer ${token}`, url]);
	const [, number, unit] = /^\s+99%\s+([\d.]+)(us|ms|s)$/m.exec(text);
	if (/Non-2xx|Socket errors/.test(text))
		throw new Error(text);
	return { rate: Number(/^Requests\/sec:\s+([\d.]+)$/m.exec(text)[1]), p99: Number(number) * { us: 1e-3, ms: 1, s: 1e3 }[unit] };
}

async function* measureRate(work, server, job, pairs, seconds) {
	const what = 'GET of a job, 64 clients', body = await (await server.fetch(job, { headers: { Authorization: `Bearer ${server.token}` } })).text();
	const ours = () => runWrk(job, seconds, server.token);
	await ours();
	for (const [peerName, begin, limits] of [['nginx `return 200`', startNginx, [{ of: 'ratio', atLeast: 0.65 }]], ['libmicrohttpd alone', startMhd, []], ['bare epoll', startBare, []]]) {
		let peer;
		try {
			peer = await begin(work, body);
			const both = await inTurn(pairs, { ours, peer: () => runWrk(`${peer.url}/answer`, seconds, server.token) });
			yield { goal: 3, what, unit: '/s', digits: 0, peerName, ours: both.ours.map((one) => one.rate), peer: both.peer.map((one) => one.rate), limits };
		} catch (error) {
			yield { goal: 3, what: `${what}; ${peerName}`, missing: error.message };
		} finally {
			await peer?.stop();
			if (peer?.place)
				rmSync(peer.place, { recursive: true, force: true });
		}
	}
}

// Uploads and processes until told to stop; how many jobs that were comes back.
function keepBusy(server) {
	let isOver = false, jobs = 0;
	const done = (async () => {
		for (; !isOver; jobs++) {
			const { id } = await server.createJob('orders', 'upsert', 'ecomm');
			await putFile(server, id, fileB());
			await closeJob(server, id, PART_ROWS);
		}
		return jobs;
	})();
	done.catch(() => {});
	return () => { isOver = true; return done; };
}

async function* measureLatency(server, job, pairs, seconds) {
	const idle = [], busy = [];
	for (let i = 0; i < pairs; i++) {
		idle.push((await runWrk(job, seconds, server.token)).p99);
		const stop = keepBusy(server);
		busy.push((await runWrk(job, seconds, server.token)).p99);
		await stop();
	}
	yield { goal: 4, what: 'the same, p99 while jobs run', unit: 'ms', digits: 2, ours: busy, peer: idle, peerName: 'at rest', limits: [{ of: 'ours', atMost: 10 }] };
}

export async function* measure({ work, pairs, quick, wanted }) {
	if (!existsSync('/usr/bin/wrk'))
		throw new Error('no wrk; bench/install-peers installs it');
	yield* await withFreshServer(work, async (server) => {
		await server.setUpEcomm();
		const job = `${server.url}/api/v1/ingest/jobs/${(await server.createJob('customers', 'upsert', 'ecomm')).id}`;
		const rows = [];
		if (wanted(3))
			for await (const row of measureRate(work, server, job, pairs, quick ? 1 : 3))
				rows.push(row);
		if (wanted(4))
			for await (const row of measureLatency(server, job, pairs, quick ? 4 : 10))
				rows.push(row);
		return rows;
	});
}
