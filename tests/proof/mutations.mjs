// SPDX-License-Identifier: Apache-2.0
// The mutations of tests/mutations/*.mjs, each { area, number, test, file, from, to, hangs?, asan? }, and what is wrong with them
// before any is tried.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './titles.mjs';

export async function readMutations() {
	const all = [];
	for (const file of readdirSync(join(root, 'tests/mutations')).filter((name) => name.endsWith('.mjs')).sort()) {
		const { default: entries } = await import(new URL(`../mutations/${file}`, import.meta.url).href);
		for (const [i, entry] of entries.entries())
			all.push({ area: file.slice(0, -'.mjs'.length), number: i + 1, ...entry });
	}
	return all;
}

export const nameOf = ({ area, number }) => `${area} ${number}`;

const count = (text, part) => part === '' ? 0 : text.split(part).length - 1;

// Every fault of the list: ${tests} of titles.mjs, ${needed} the ids that must have a mutation.
export function checkMutations(mutations, tests, needed) {
	const faults = [];
	for (const mutation of mutations) {
		const say = (what) => faults.push(`tests/mutations/${mutation.area}.mjs, entry ${mutation.number}: ${what}`);
		const strange = Object.keys(mutation).filter((key) => !['area', 'number', 'test', 'file', 'from', 'to', 'hangs', 'asan'].includes(key));
		if (strange.length > 0)
			say(`nothing is known of "${strange}"`);
		if (!tests.has(mutation.test))
			say(`there is no test ${mutation.test}`);
		else if (tests.get(mutation.test).isSkipped)
			say(`the test is skipped: ${mutation.test}`);
		if (!existsSync(join(root, mutation.file))) {
			say(`there is no file ${mutation.file}`);
			continue;
		}
		const found = count(readFileSync(join(root, mutation.file), 'utf8'), mutation.from);
		if (found !== 1)
			say(`${mutation.file} holds this text ${found} times, not once: ${mutation.from.slice(0, 200)}`);
		if (mutation.from === mutation.to)
			say('it changes nothing');
	}
	const proven = new Set(mutations.map(({ test }) => test));
	for (const id of needed)
		if (!proven.has(id))
			faults.push(`no mutation is known that turns it red: ${id}`);
	return faults;
}
