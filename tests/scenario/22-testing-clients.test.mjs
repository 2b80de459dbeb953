// SPDX-License-Identifier: Apache-2.0
// docs/testing-clients.md, word for word: its commands are run by a shell, and what they print is what stands below them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { program, rootFolder, withServer } from './harness.mjs';

const manual = readFileSync(join(rootFolder, 'docs/testing-clients.md'), 'utf8');

// The commands of the manual, each with what it is to print and the heading that it stands under.
function readSteps() {
	const steps = [];
	let heading = '';
	for (const [, title, kind, text] of manual.matchAll(/^(?:##+ (.*)|```(\w*)\n([^]*?)^```)$/gm)) {
		if (title !== undefined)
			heading = title;
		else if (kind === 'sh')
			steps.push({ heading, commands: text, prints: '' });
		else if (kind === '')
			steps.at(-1).prints = text;
	}
	return steps;
}

// What is printed, with "…" for whatever comes.
const patternOf = (text) => new RegExp(`^${text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\\n]*')}$`);

// Run the commands in one shell, as a person would; what each of them printed.
async function run(steps, env, folder) {
	const mark = '--- the end of a step ---\n';
	const script = steps.map(({ commands }) => `${commands}printf %s '${mark}'\n`).join('');
	const printed = await new Promise((done) => {
		execFile('bash', ['-c', script], { env, cwd: folder, timeout: 120000 }, (error, stdout, stderr) => done({ error, stdout, stderr }));
	});
	const outputs = printed.stdout.split(mark);
	assert.equal(outputs.length, steps.length + 1, `not every step came to its end: ${printed.error}\n${printed.stdout}\n${printed.stderr}`);
	return outputs;
}

// The server's options as the manual gives them, without its place.
const optionsOf = (text) => text.match(/sluice serve .*--listen \S+ (.*) &$/m)[1].split(' ');

test('the manual has the examples that it promises, and starts the server as they need it', () => {
	assert.deepEqual([...new Set(readSteps().map(({ heading }) => heading))],
		['Switching on', '1. The client backs off', '2. An answer is lost', '3. A job hangs, then fails', 'The clock']);
	assert.deepEqual(optionsOf(manual), ['--test-controls', 'on']);
});

test("the manual's commands print what stands below them", () => withServer(async (s) => {
	const folder = mkdtempSync(join(tmpdir(), 'sluice-manual-'));
	try {
		mkdirSync(join(folder, 'build'));
		symlinkSync(program, join(folder, 'build/sluice'));
		symlinkSync(join(rootFolder, 'examples'), join(folder, 'examples'));
		const steps = readSteps(), outputs = await run(steps, { ...process.env, SLUICE_URL: s.url, SLUICE_TOKEN: s.token }, folder);
		steps.forEach(({ heading, commands, prints }, i) => assert.match(outputs[i], patternOf(prints), `${heading}:\n${commands}`));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}, { args: optionsOf(manual) }));
