// SPDX-License-Identifier: Apache-2.0
// Holds docs/compatibility.md against the tests that there are: every row names some, all of which exist and run.
import { listAll } from './titles.mjs';
import { readTable } from './table.mjs';

const tests = await listAll();
const { rows, faults } = readTable();
const lines = new Map();
for (const { line, id, tests: names } of rows) {
	if (lines.has(id))
		faults.push(`line ${line}: ${id} is the number of line ${lines.get(id)}, too`);
	lines.set(id, line);
	for (const name of names)
		if (!tests.has(name))
			faults.push(`line ${line}: ${id} names a test that does not exist: ${name}`);
		else if (tests.get(name).isSkipped)
			faults.push(`line ${line}: ${id} names a test that is skipped: ${name}`);
}
if (rows.length === 0)
	faults.push('there is no row');
for (const fault of faults)
	console.error(`docs/compatibility.md: ${fault}`);
if (faults.length === 0)
	console.log(`${rows.length} rules, each with a test; ${new Set(rows.flatMap((row) => row.tests)).size} of ${tests.size} tests are named`);
process.exit(faults.length > 0 ? 1 : 0);
