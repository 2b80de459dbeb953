// SPDX-License-Identifier: Apache-2.0
// Measures and draws two lines of questions: how long an upsert takes by its rows, onto an empty table, and what memory a job
// takes by its size.  Values are medians of three, in one run; rows.json and memory.json keep them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeJob, folder, makeOrders, makeWorkFolder, output, PART_ROWS, putOrders, seconds, setting, settleDisk, tool, withFreshServer } from './bench.mjs';
import { drawing } from './drawing.mjs';
import { median, parseOptions } from './figures.mjs';
import { measureJob } from './goals/11-large-job.mjs';
import { loadBySqlite, postgresLoader } from './loads.mjs';

let options;
try {
	options = parseOptions({ quick: false, redraw: false }, process.argv.slice(2));
} catch (error) {
	console.error(`bench/plot: ${error.message}`);
	process.exit(2);
}

const repeat = async (times, measure) => {
	const values = [];
	for (let i = 0; i < times; i++)
		values.push(await measure());
	return median(values);
};

const ours = (work, rows) => withFreshServer(work, async (server) => {
	await server.setUpEcomm();
	const { id } = await server.createJob('orders', 'upsert', 'ecomm');
	settleDisk();
	return seconds(async () => {
		for (let first = 1; first <= rows; first += PART_ROWS)
			await putOrders(server, id, Math.min(PART_ROWS, rows - first + 1), first);
		await closeJob(server, id, rows);
	});
});

async function script(work, file) {
	const database = join(work, 'plot.duckdb');
	settleDisk();
	const time = await seconds(() => output(tool('duckdb_script'), ['upsert', database, file]));
	rmSync(database);
	return time;
}

async function measureRows(work) {
	const sizes = [1e3, 1e4, 1e5, 1e6, ...options.quick ? [] : [5e6, 20e6]];
	const lines = [['Sluice', []], ['DuckDB script', []], ['PostgreSQL 15', []], ['sqlite3', []]];
	const postgres = await postgresLoader(work);
	for (const rows of sizes) {
		const file = makeOrders(`plot-${rows}.csv`, rows, 1), times = rows > 2e6 ? 1 : 3;
		const values = [await repeat(times, () => ours(work, rows)), await repeat(times, () => script(work, file)),
			await repeat(times, () => postgres.load(file)), await repeat(times, () => loadBySqlite(work, file))];
		values.forEach((value, i) => lines[i][1].push([rows, value]));
		console.error(`${rows} rows: ${values.map((value) => value.toFixed(3)).join(' s, ')} s`);
		rmSync(file);
	}
	await postgres.stop();
	return { setting: setting(), lines };
}

async function measureMemory(work) {
	const points = [];
	for (const parts of [1, 2, 4, 8, ...options.quick ? [] : [16, 32, 64, 100]]) {
		const { memory } = await measureJob(work, parts);
		points.push([parts * 150, memory]);
		console.error(`${parts} parts: ${memory.toFixed(0)} MB`);
	}
	return { setting: setting(), lines: [['peak of resident memory', points]] };
}

const kept = (name, values) => {
	const path = join(folder, `${name}.json`);
	if (options.redraw)
		return JSON.parse(readFileSync(path, 'utf8'));
	writeFileSync(path, `${JSON.stringify(values)}\n`);
	return values;
};

const work = options.redraw ? undefined : makeWorkFolder();
const rows = kept('rows', work && await measureRows(work));
writeFileSync(join(folder, 'rows.svg'), drawing({ title: 'An upsert onto an empty table; Sluice: first byte of the PUT to JobComplete', across: 'rows', up: 'seconds', ...rows }));
const memory = kept('memory', work && await measureMemory(work));
writeFileSync(join(folder, 'memory.svg'), drawing({ title: 'A job\'s memory', across: 'size of the job in MB', up: 'MB resident, peak', limit: 1000, ...memory }));
