// SPDX-License-Identifier: Apache-2.0
// Goals 6 and 7: a 150 MB upsert, half of whose keys are there.  A holds the ids 1 to 1,230,000, B those from 615,001 on.
//
//	ours		a server on a fresh data directory loads A (not timed); then B: PUT, close, wait for JobComplete
//	script		duckdb_script on a copy of a database that holds A: the process from start to exit
//	PostgreSQL	psql from start to exit: COPY into a stage and INSERT … ON CONFLICT, on a copy of a database that holds A
//	sqlite3		the same by .import, for information
//
// What all hold at the end must be the same, or there is no result.
import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { closeJob, fileA, fileB, inTurn, megabytes, output, PART_ROWS, putFile, seconds, settleDisk, tool, withFreshServer } from '../bench.mjs';
import { postgresPeer, sqlitePeer } from '../loads.mjs';
import { resetResidentPeak, residentPeakKb } from '../../tests/scenario/memory.mjs';

export const goals = [6, 7];

const SUMS = `select cast(count(*) as varchar) || ' ' || count(distinct id) || ' ' || cast(sum(total) as decimal(38,2)) || ' ' ||
	sum(epoch_us(created_date)) || ' ' || sum(epoch_us(modified_date)) || ' ' || count(*) filter (where tax_exempt) || ' ' ||
	sum(length(ship_address)) from ecomm.orders`;

// --- Ours ----------------------------------------------------------------------------------------------------------

// { put, close, whole } in seconds, the peak of resident memory in MB, and what the table holds at the end.
const measureOurs = (work) => withFreshServer(work, async (server) => {
	await server.setUpEcomm();
	const first = await server.createJob('orders', 'upsert', 'ecomm');
	await putFile(server, first.id, fileA());
	await closeJob(server, first.id, PART_ROWS);

	const job = await server.createJob('orders', 'upsert', 'ecomm');
	settleDisk();
	const put = await seconds(() => putFile(server, job.id, fileB()));
	resetResidentPeak(server.process.pid);
	const close = await seconds(() => closeJob(server, job.id, PART_ROWS));
	const memory = megabytes(residentPeakKb(server.process.pid));
	return { put, close, whole: put + close, memory, sums: (await server.sql(SUMS))[0][0] };
});

// --- The DuckDB script ---------------------------------------------------------------------------------------------

function scriptPeer(work) {
	const base = join(work, 'script.duckdb'), database = join(work, 'script-copy.duckdb');
	return {
		prepare: () => output(tool('duckdb_script'), ['upsert', base, fileA()]),
		async measure() {
			copyFileSync(base, database);
			settleDisk();
			const whole = await seconds(() => output(tool('duckdb_script'), ['upsert', database, fileB()]));
			const sums = (await output(tool('duckdb_script'), ['sums', database])).trim();
			rmSync(database);
			return { whole, sums };
		},
	};
}

// --- The rows ------------------------------------------------------------------------------------------------------

export async function* measure({ work, pairs, wanted, say }) {
	const peers = { script: scriptPeer(work) }, missing = {};
	if (wanted(6)) {
		for (const [name, make] of [['PostgreSQL', postgresPeer], ['sqlite3', sqlitePeer]]) {
			try {
				peers[name] = await make(work);
			} catch (error) {
				missing[name] = error.message.split('\n')[0];
			}
		}
	}
	try {
		for (const [name, peer] of Object.entries(peers)) {
			const time = await seconds(() => peer.prepare());
			say(`${name} holds A after ${time.toFixed(1)} s`);
		}
		const sides = { ours: () => measureOurs(work) };
		for (const [name, peer] of Object.entries(peers))
			sides[name] = () => peer.measure();
		const all = await inTurn(pairs, sides);
		for (const [name, results] of Object.entries(all))
			for (const { sums } of results.filter((one) => one.sums !== undefined))
				assert.equal(sums, all.ours[0].sums, `the same rows in ${name} as in ours`);

		const row = (goal, what, member, peer, limits, note) => ({ goal, what, unit: 's', digits: 2, peerName: peer === 'script' ? 'DuckDB script' : peer,
			ours: all.ours.map((one) => one[member]), peer: all[peer].map((one) => one.whole), limits, note });
		const whole = '150 MB upsert: PUT to JobComplete';
		yield row(6, whole, 'whole', 'script', [{ of: 'ratio', atMost: 0.85 }]);
		if (peers.PostgreSQL)
			yield row(6, whole, 'whole', 'PostgreSQL', [{ of: 'ratio', atMost: 0.2 }], '≤ 0.2x PostgreSQL is five times as fast');
		if (peers.sqlite3)
			yield row(6, whole, 'whole', 'sqlite3', []);
		for (const [name, why] of Object.entries(missing))
			yield { goal: 6, what: `${whole}; ${name}`, missing: why };
		yield row(7, '150 MB upsert: close to JobComplete', 'close', 'script', [{ of: 'ratio', atMost: 0.45 }]);
		yield { goal: 7, what: 'peak of resident memory meanwhile', unit: 'MB', digits: 0, ours: all.ours.map((one) => one.memory) };
	} finally {
		await peers.PostgreSQL?.stop();
	}
}
