// SPDX-License-Identifier: Apache-2.0
// Every test that there is, by its id: "scenario/04-upload: a title", "unit/row_test: a_function".  Runs under list-hooks.mjs.
// A title that a loop makes is as real as any, since the files are imported; for C the tables of cmocka are read.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const inTests = (folder, end) => readdirSync(join(root, 'tests', folder)).filter((file) => file.endsWith(end)).sort();

async function listScripts(listTests, add) {
	for (const folder of readdirSync(join(root, 'tests')).filter((name) => !/\./.test(name)).sort())
		for (const file of inTests(folder, '.test.mjs')) {
			const group = `${folder}/${file.slice(0, -'.test.mjs'.length)}`;
			const tests = await listTests(new URL(`../${folder}/${file}`, import.meta.url).href)
				.catch((error) => { throw new Error(`tests/${folder}/${file} does not tell its tests: ${error.stack}`); });
			for (const { title, parents, isSkipped } of tests)
				add(`${group}: ${title}`, { kind: 'script', file: `tests/${folder}/${file}`, title, parents, isSkipped });
		}
}

function listPrograms(add) {
	const runner = readFileSync(join(root, 'script/test'), 'utf8');
	for (const folder of ['unit', 'conformance'])
		for (const file of inTests(folder, '_test.c')) {
			const text = readFileSync(join(root, 'tests', folder, file), 'utf8');
			const program = `${folder}_${file.slice(0, -2)}`;
			// What skips itself under sanitizers counts when script/test runs it in the release build, too.
			const isRunInRelease = runner.includes(`build/tests/${program}`);
			// The functions that a test's table holds, in its order, whatever macro puts them there.
			const isTest = new Set([...text.matchAll(/^static void (\w+)\(void \*\*\w+\)/gm)].map(([, name]) => name));
			const tables = [...text.matchAll(/struct CMUnitTest \w+\[\] = \{(.*?)^\t\};/gms)].map(([, inside]) => inside).join();
			const names = [...tables.matchAll(/\w+/g)].map(([name]) => name).filter((name) => isTest.has(name));
			for (const [order, title] of names.entries()) {
				const body = new RegExp(`^static void ${title}\\([^)]*\\)\\n\\{\\n(.*?)^\\}`, 'ms').exec(text)?.[1] ?? '';
				add(`${folder}/${file.slice(0, -2)}: ${title}`,
					{ kind: 'program', file: `tests/${folder}/${file}`, program, title, order, all: names, isSkipped: /\bskip\(\)/.test(body) && !isRunInRelease });
			}
		}
}

// A map from id to { kind, file, title, isSkipped, … }; throws when two tests have one id.
export async function listAll() {
	const { listTests } = await import('node:test');
	if (!listTests)
		throw new Error('run it with node --experimental-loader tests/proof/list-hooks.mjs');
	const tests = new Map();
	const add = (id, test) => {
		if (tests.has(id))
			throw new Error(`two tests have one name: ${id}`);
		tests.set(id, test);
	};
	await listScripts(listTests, add);
	listPrograms(add);
	return tests;
}
