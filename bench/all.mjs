// SPDX-License-Identifier: Apache-2.0
// Every goal of speed in one table.  A goal's module (goals/) measures and yields rows; what it throws becomes a row that
// says so, because a goal that nobody measured is not a goal that was met.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, makeWorkFolder, seconds, setting } from './bench.mjs';
import { judge, parseOptions, tableOf } from './figures.mjs';

const modules = await Promise.all(['01-put', '02-upload-memory', '03-get', '05-steps', '06-upsert', '08-convert', '09-small-jobs',
	'10-streaming', '11-large-job', '12-query', '13-start'].map((name) => import(`./goals/${name}.mjs`)));

let options;
try {
	options = parseOptions({ pairs: 5, only: [], quick: false, keep: false }, process.argv.slice(2));
} catch (error) {
	console.error(`bench/all: ${error.message}`);
	process.exit(2);
}
const pairs = options.quick ? 2 : options.pairs;
const wanted = (goal) => options.only.length === 0 || options.only.includes(goal);
const work = makeWorkFolder();
const rows = [];
const say = (text) => console.error(`    ${text}`);

console.error(setting());
const time = await seconds(async () => {
	for (const { goals, measure } of modules.filter((one) => one.goals.some(wanted))) {
		console.error(`goal ${goals.filter(wanted).join(', ')}`);
		const took = await seconds(async () => {
			try {
				for await (const row of measure({ work, pairs, quick: options.quick, wanted, say }))
					if (wanted(row.goal))
						rows.push(row);
			} catch (error) {
				say(error.stack);
				for (const goal of goals.filter((one) => wanted(one) && !rows.some((row) => row.goal === one)))
					rows.push({ goal, what: '', missing: error.message.split('\n')[0] });
			}
		});
		say(`${took.toFixed(0)} s`);
	}
});

rows.sort((a, b) => a.goal - b.goal);
const unmet = [...new Set(rows.filter((row) => ['missed', 'not measured'].includes(judge(row))).map((row) => row.goal))];
const text = [`bench/all${process.argv.slice(2).filter((arg) => arg !== '--keep').map((arg) => ` ${arg}`).join('')}: ${pairs} pairs; median (least–greatest); ${(time / 60).toFixed(1)} minutes.`,
	'', tableOf(rows), ...rows.some((row) => row.note) ? ['', ...rows.filter((row) => row.note).map((row) => `- ${row.goal}: ${row.note}`)] : []].join('\n');
console.log(`${setting()}\n\n${text}\n\n${unmet.length === 0 ? 'every goal is met' : `not met: ${unmet.join(', ')}`}`);
if (options.keep) {
	const path = join(folder, 'RESULTS.md'), old = readFileSync(path, 'utf8'), at = old.indexOf('\n## ') + 1;
	writeFileSync(path, `${old.slice(0, at)}## ${setting()}\n\n${text}\n\n${old.slice(at)}`);
}
process.exit(unmet.length === 0 ? 0 : 1);
