// SPDX-License-Identifier: Apache-2.0
// What the stories about records share: one server for a file's stories, a table of one's own in a line, and a reader of
// failed records that is written for clarity and knows nothing of the server's tokenizer.
import test from 'node:test';
import { withServer } from './harness.mjs';

// The stories of one server: story(name, async (s) => …) adds one; each is a test of its own.  SLUICE_STORY=name runs that one.
const only = process.env.SLUICE_STORY;

export function stories(title, options) {
	const all = [];
	test(title, async (t) => {
		await new Promise(setImmediate);	// the file has been read to its end
		await withServer(async (s) => {
			for (const [name, story] of all.filter(([title]) => !only || title === only)) {
				await t.test(name, () => story(s).catch((error) => {
					error.message += `\n--- the end of the server's log:\n${s.log.slice(-2000)}`;
					throw error;
				}));
			}
		}, options);
	});
	return (name, story) => all.push([name, story]);
}

let tables = 0;

// A connector of its own with one object, of the given fields.
export async function makeTable(s, fields, stream = { primaryKey: 'id' }, required = []) {
	const connector = `c${++tables}`;
	await s.setUpThings(fields, stream, connector, required);
	return {
		connector,
		name: `${connector}.things`,
		create: (operation = 'upsert') => s.createJob('things', operation, connector),
		load: (parts, operation = 'upsert') => s.load('things', parts, operation, connector),
		rows: (columns = '*') => s.sql(`select ${columns} from ${connector}.things order by id`),
	};
}

// How a job ended: [state, records read, records failed].
export const outcome = (job) => [job.state, job.numberRecordsProcessed, job.numberRecordsFailed];
export const complete = (processed, failed = 0) => ['JobComplete', processed, failed];

// CSV as RFC 4180 has it to rows of texts; throws on anything else.
export function parseCsv(text) {
	const rows = [];
	let row = [], at = 0;
	while (at < text.length) {
		const match = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
		match.lastIndex = at;
		const [whole, quoted, plain, end] = match.exec(text) ?? (() => { throw new Error(`not CSV at ${at}: ${text.slice(at, at + 80)}`); })();
		row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
		at += whole.length;
		if (end === ',')
			continue;
		rows.push(row);
		row = [];
	}
	return rows;
}

// The failed records of a job as [part, line, code].
export async function failures(s, id) {
	return parseCsv(await s.failed(id)).slice(1).map(([part, line, error]) => [Number(part), Number(line), error.split(':')[0]]);
}

// A number field's value on the wire: a text with all of its 18 places.
export const decimal = (value) => {
	const [whole, fraction = ''] = String(value).split('.');
	return `${whole}.${fraction.padEnd(18, '0')}`;
};

export const quote = (text) => `"${String(text).replaceAll('"', '""')}"`;

// Numbers that are the same in every run (mulberry32): random(n) is 0 … n - 1.
export function seeded(seed) {
	return (n) => {
		seed = (seed + 0x6d2b79f5) | 0;
		let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
		x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
		return ((x ^ (x >>> 14)) >>> 0) % n;
	};
}
