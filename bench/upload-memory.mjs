// SPDX-License-Identifier: Apache-2.0
// The server's memory while clients upload 150 MB each, all at once and durable: each round is a fresh server whose peak
// of resident memory (the kernel's own mark, reset just before) is compared with what it had before the uploads.
// Beside it the throughput, from the first PUT to the last 202.
import { statSync } from 'node:fs';
import { residentPeakKb, residentKb, resetResidentPeak } from '../tests/scenario/memory.mjs';
import {
	makeOrders, makeWorkFolder, megabytes, parseOptions, putFile, seconds, setting, settleDisk, spread, table, withFreshServer,
} from './bench.mjs';

const GOAL_MB = 5;
const options = parseOptions({ clients: 8, rounds: 5, quick: false });
const rounds = options.quick ? 2 : options.rounds;
const file = makeOrders('a.csv', 1230000, 1);
const work = makeWorkFolder();

const measure = () => withFreshServer(work, async (server) => {
	await server.setUpEcomm();
	const jobs = [];
	for (let i = 0; i < options.clients; i++)
		jobs.push((await server.createJob('orders', 'upsert', 'ecomm')).id);
	settleDisk();
	const before = residentKb(server.process.pid);
	resetResidentPeak(server.process.pid);
	const time = await seconds(() => Promise.all(jobs.map((job) => putFile(server, job, file))));
	const growth = megabytes(residentPeakKb(server.process.pid) - before);
	for (const job of jobs) {
		const { bytesUploaded } = await server.job(job);
		if (bytesUploaded !== statSync(file).size)
			throw new Error(`job ${job} has ${bytesUploaded} bytes`);
	}
	return { before: megabytes(before), growth, time, speed: options.clients * statSync(file).size / 1e6 / time };
});

console.log(`${setting()}\n`);
const all = [];
for (let i = 0; i < rounds; i++) {
	all.push(await measure());
	console.log(`round ${i + 1}: from ${all[i].before.toFixed(1)} MB by ${all[i].growth.toFixed(2)} MB, ${all[i].time.toFixed(2)} s`);
}
const growth = all.map((one) => one.growth);
const size = (statSync(file).size / 1e6).toFixed(0);
console.log(`\n${rounds} rounds, ${options.clients} clients, ${size} MB each; median (least–greatest)\n`);
console.log(table([
	['what', 'ours', 'goal'],
	['resident memory before the uploads', `${spread(all.map((one) => one.before), 1)} MB`, ''],
	['growth of its peak during them', `${spread(growth)} MB`, `< ${GOAL_MB} MB`],
	['throughput, all clients together', `${spread(all.map((one) => one.speed), 0)} MB/s`, ''],
]));
console.log(`\ngrowth < ${GOAL_MB} MB: ${Math.max(...growth) < GOAL_MB ? 'met' : 'missed'}`);
process.exitCode = Math.max(...growth) < GOAL_MB ? 0 : 1;
