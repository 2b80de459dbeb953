// SPDX-License-Identifier: Apache-2.0
// A 150 MB upsert, half of whose keys are there, against a DuckDB script that reads the local file.  Two files of 1.23
// million orders each: A has the ids 1 to 1,230,000, B those from 615,001 on.  A pair is
//
//	ours	a server on a fresh data directory loads A (not timed); then B: PUT, close, wait for JobComplete
//	peer	duckdb_script on a database that holds A: the process from start to exit
//
// and pairs alternate in which goes first.  What both hold at the end must be the same, or there is no result.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { resetResidentPeak, residentPeakKb } from '../tests/scenario/memory.mjs';
import {
	dataFolder, makeOrders, makeWorkFolder, median, megabytes, parseOptions, putFile, seconds, setting, settleDisk, spread, table,
	withFreshServer,
} from './bench.mjs';

const ROWS = 1230000;
const SUMS = `select cast(count(*) as varchar) || ' ' || count(distinct id) || ' ' || cast(sum(total) as decimal(38,2)) || ' ' ||
	sum(epoch_us(created_date)) || ' ' || sum(epoch_us(modified_date)) || ' ' || count(*) filter (where tax_exempt) || ' ' ||
	sum(length(ship_address)) from ecomm.orders`;

const options = parseOptions({ pairs: 5, quick: false });
const pairs = options.quick ? 2 : options.pairs;
const script = join(dataFolder, 'duckdb_script');
const fileA = makeOrders('a.csv', ROWS, 1), fileB = makeOrders('b.csv', ROWS, ROWS / 2 + 1);
const work = makeWorkFolder();
const databaseA = join(work, 'a.duckdb');

// { put, close, whole } in seconds, the peak of resident memory, and what the table holds at the end.
const measureOurs = () => withFreshServer(work, async (server) => {
	await server.setUpEcomm();
	const first = await server.createJob('orders', 'upsert', 'ecomm');
	await putFile(server, first.id, fileA);
	await server.patch(first.id, 'UploadComplete');
	assert.equal((await server.job(first.id, 60)).numberRecordsProcessed, ROWS);

	const job = await server.createJob('orders', 'upsert', 'ecomm');
	settleDisk();
	const put = await seconds(() => putFile(server, job.id, fileB));
	resetResidentPeak(server.process.pid);
	let end;
	const close = await seconds(async () => {
		await server.patch(job.id, 'UploadComplete');
		end = await server.job(job.id, 60);
	});
	const memory = megabytes(residentPeakKb(server.process.pid));
	assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], ['JobComplete', ROWS, 0]);
	return { put, close, whole: put + close, memory, sums: (await server.sql(SUMS))[0][0] };
});

async function measurePeer() {
	const database = join(work, 'peer.duckdb');
	copyFileSync(databaseA, database);
	settleDisk();
	const whole = await seconds(() => execFileSync(script, ['upsert', database, fileB]));
	const sums = execFileSync(script, ['sums', database], { encoding: 'utf8' }).trim();
	rmSync(database);
	return { whole, sums };
}

console.log(`${setting()}\n`);
execFileSync(script, ['upsert', databaseA, fileA]);
const ours = [], peers = [];
for (let i = 0; i < pairs; i++) {
	for (const side of i % 2 ? ['peer', 'ours'] : ['ours', 'peer'])
		side === 'ours' ? ours.push(await measureOurs()) : peers.push(await measurePeer());
	assert.equal(ours[i].sums, peers[i].sums, 'the same rows on both sides');
	const [put, close, whole] = [ours[i].put, ours[i].close, peers[i].whole].map((time) => `${time.toFixed(2)} s`);
	console.log(`pair ${i + 1}: PUT ${put}, close to JobComplete ${close}; script ${whole}`);
}
const row = (what, member, goal) => [what, `${spread(ours.map((one) => one[member]))} s`, `${spread(peers.map((one) => one.whole))} s`,
	`${spread(ours.map((one, i) => one[member] / peers[i].whole))}x`, goal];
console.log(`\n${pairs} pairs, ${(statSync(fileB).size / 1e6).toFixed(0)} MB, ${ROWS} rows; median (least–greatest)\n`);
console.log(table([
	['what', 'ours', 'DuckDB script', 'ratio', 'goal'],
	row('upsert: close to JobComplete', 'close', '≤ 1.5x, later ≤ 0.45x'),
	row('upsert: PUT to JobComplete', 'whole', 'later ≤ 0.85x'),
]));
const ratio = median(ours.map((one, i) => one.close / peers[i].whole));
console.log(`\nour peak of resident memory while it loads: ${spread(ours.map((one) => one.memory), 0)} MB`);
console.log(`close to JobComplete ≤ 1.5x the script: ${ratio <= 1.5 ? 'met' : 'missed'}`);
process.exitCode = ratio <= 1.5 ? 0 : 1;
