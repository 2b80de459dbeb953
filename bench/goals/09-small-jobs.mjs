// SPDX-License-Identifier: Apache-2.0
// Goal 9: a job of 1,000 records, close to JobComplete, on an empty object and on a large one; half of its keys are there.  Spread
// over the whole object, which is the worst that there is, and, for information, side by side, as those of recent records are;
// and what one of 64 such jobs takes that are closed at once.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeJob, orders, PART_ROWS, putFile, putOrders, seconds, settleDisk, withFreshServer } from '../bench.mjs';

export const goals = [9];

const ROWS = 1000;

// Every other id is one of ${total}, the rest lie behind all that will ever be there.
const spread = (i, round, total) => 1 + Math.floor((i + round / 100) / (ROWS + 1) * total);
const adjacent = (i, round, total) => Math.max(1, total - (round + 1) * ROWS + i);

function smallFile(work, round, total, place) {
	const lines = orders(ROWS, 1).trimEnd().split('\n').map((line, i) => {
		const id = i % 2 ? 90000000 + round * ROWS + i : place(i, round, total);
		return i === 0 ? line : line.replace(/^ORD-\d+/, `ORD-${String(id).padStart(8, '0')}`);
	});
	const path = join(work, 'small.csv');
	writeFileSync(path, `${lines.join('\n')}\n`);
	return path;
}

// In ms, one a job.
async function timesOf(server, work, rounds, total, place = spread) {
	const times = [];
	for (let round = 0; round < rounds; round++) {
		const { id } = await server.createJob('orders', 'upsert', 'ecomm');
		await putFile(server, id, smallFile(work, round, total, place));
		times.push(1000 * await seconds(() => closeJob(server, id, ROWS)));
	}
	return times;
}

// The same for 64 jobs that are closed one right after the other: what each took of the time until all were complete.
async function timeOfMany(server, work, total) {
	const ids = [];
	for (let round = 0; round < 64; round++) {
		const { id } = await server.createJob('orders', 'upsert', 'ecomm');
		await putFile(server, id, smallFile(work, 200 + round, total, spread));
		ids.push(id);
	}
	return 1000 / ids.length * await seconds(async () => {
		await Promise.all(ids.map((id) => server.patch(id, 'UploadComplete')));
		for (const id of ids)
			await server.job(id, 60);
	});
}

export async function* measure({ work, pairs, quick, say }) {
	const sizes = quick ? [2] : [1, 5, 20], rounds = 4 * pairs;
	yield* await withFreshServer(work, async (server) => {
		await server.setUpEcomm();
		const empty = await timesOf(server, work, rounds, 2 * ROWS);
		const rows = [{ goal: 9, what: '1,000 records on an empty object', unit: 'ms', digits: 1, ours: empty, limits: [{ of: 'ours', atMost: 50 }] }];
		let total = 0;
		for (const size of sizes) {
			while (total < size * 1e6) {
				const { id } = await server.createJob('orders', 'upsert', 'ecomm'), count = Math.min(PART_ROWS, size * 1e6 - total);
				await putOrders(server, id, count, total + 1);
				await closeJob(server, id, count);
				total += count;
			}
			say(`${size} million records are there`);
			settleDisk();
			rows.push({ goal: 9, what: `1,000 records on ${size} million`, unit: 'ms', digits: 1, ours: await timesOf(server, work, rounds, total),
				peer: empty, peerName: 'empty', limits: size === 20 ? [{ of: 'ratio', atMost: 2 }] : [], note: quick ? '--quick stops at 2 million records' : undefined },
				{ goal: 9, what: `the same, keys side by side`, unit: 'ms', digits: 1, ours: await timesOf(server, work, rounds, total, adjacent) },
				{ goal: 9, what: `one of 64 such jobs that are closed at once`, unit: 'ms', digits: 1, ours: [await timeOfMany(server, work, total)] });
		}
		return rows;
	});
}
