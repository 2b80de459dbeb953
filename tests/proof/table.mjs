// SPDX-License-Identifier: Apache-2.0
// The rows of docs/compatibility.md: { line, id, rule, from, tests }, and what is wrong with its form.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './titles.mjs';

export function readTable() {
	const rows = [], faults = [];
	for (const [i, text] of readFileSync(join(root, 'docs/compatibility.md'), 'utf8').split('\n').entries()) {
		const line = i + 1;
		if (!text.startsWith('|') || /^\|[-| ]+\|$/.test(text) || /^\| *number *\|/.test(text))
			continue;
		// A bar inside a cell is written \|.
		const cells = text.slice(1, text.endsWith('|') ? -1 : undefined).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
		if (cells.length !== 4) {
			faults.push(`line ${line}: a row has 4 cells, not ${cells.length}`);
			continue;
		}
		const [id, rule, from, tests] = cells;
		if (cells.includes(''))
			faults.push(`line ${line}: a cell is empty`);
		if (!/^\d+(\.\d+)?-\d\d$/.test(id))
			faults.push(`line ${line}: "${id}" is no number such as 2.3-07`);
		if (!['wire', '[d]', '[x]'].includes(from))
			faults.push(`line ${line}: "${from}" is none of wire, [d] and [x]`);
		const names = [...tests.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
		if (tests.replace(/`[^`]+`|<br>/g, '').trim() !== '' || names.length === 0)
			faults.push(`line ${line}: the tests must be \`names\` with <br> between them: ${tests}`);
		rows.push({ line, id, rule, from, tests: names });
	}
	return { rows, faults };
}
