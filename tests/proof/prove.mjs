// SPDX-License-Identifier: Apache-2.0
// Breaks the program in a copy of the tree, one mutation of tests/mutations/ at a time, and looks whether the test that guards
// what was broken fails.  See script/prove-tests for what it takes.
//
// The copy has a build of its own, without sanitizers and with the crash points, which each mutation changes by a file.  Tests
// run first as they are: a test that fails without any mutation proves nothing.  Of a program that dies, the test in which it
// died has failed.  A test that does not come to an end proves something only when its mutation says that it hangs.
import { spawn, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { listAll, root } from './titles.mjs';
import { checkMutations, nameOf, readMutations } from './mutations.mjs';
import { readTable } from './table.mjs';

const limit_ms = 240000;	// a test takes a minute at most, a build with the lake's headers changed two
const args = process.argv.slice(2);
const flags = args.filter((a) => a.startsWith('--')), patterns = args.filter((a) => !a.startsWith('--'));
const unknown = flags.find((flag) => !['--list', '--check', '--keep'].includes(flag));
if (unknown) {
	console.error(`prove-tests: there is no option ${unknown}; there are --list, --check and --keep`);
	process.exit(2);
}

const tests = await listAll();
const mutations = await readMutations();
const needed = new Set(readTable().rows.flatMap((row) => row.tests));
const chosen = mutations.filter((m) => patterns.length === 0 || patterns.some((p) => `${nameOf(m)} ${m.test} ${m.file}`.includes(p)));

if (flags.includes('--list')) {
	for (const m of chosen)
		console.log(`${nameOf(m)}: ${m.test}\n\t${m.file}: ${JSON.stringify(m.from.slice(0, 100))} → ${JSON.stringify(m.to.slice(0, 100))}`);
	process.exit(0);
}
if (flags.includes('--check')) {
	const faults = checkMutations(mutations, tests, needed);
	faults.forEach((fault) => console.error(fault));
	if (faults.length === 0)
		console.log(`${mutations.length} mutations for ${new Set(mutations.map(({ test }) => test)).size} tests; each applies, and every test of docs/compatibility.md has one`);
	process.exit(faults.length > 0 ? 1 : 0);
}

// --- The copy ------------------------------------------------------------------------------------------------------

const copy = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'prove-tests-'));
const children = new Set();

function leave(code) {
	for (const pid of children)
		try { process.kill(-pid, 'SIGKILL'); } catch { /* it ended */ }
	if (flags.includes('--keep'))
		console.log(`the copy is in ${copy}`);
	else
		rmSync(copy, { recursive: true, force: true });
	process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.on(signal, () => leave(130));

function copyTree() {
	// Exactly what is there, new files too, but nothing that a build made.
	const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0').filter(Boolean);
	for (const file of files.filter((name) => existsSync(join(root, name)))) {
		mkdirSync(join(copy, dirname(file)), { recursive: true });
		cpSync(join(root, file), join(copy, file));
	}
	if (existsSync(join(root, '.deps')))
		symlinkSync(join(root, '.deps'), join(copy, '.deps'));
	mkdirSync(join(copy, 'tmp'));
}

// Runs until its end or the limit, with everything that it starts in a group of its own: { code, out, isLate }.
function run(command, commandArgs, env = {}) {
	return new Promise((done) => {
		const child = spawn(command, commandArgs, { cwd: copy, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
		let out = '', isLate = false;
		children.add(child.pid);
		const stop = () => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it ended */ } };
		const timer = setTimeout(() => { isLate = true; stop(); }, limit_ms);
		child.stdout.on('data', (text) => { out += text; });
		child.stderr.on('data', (text) => { out += text; });
		child.on('close', (code) => {
			clearTimeout(timer);
			stop();	// a server that a test left behind
			children.delete(child.pid);
			done({ code, out, isLate });
		});
	});
}

const hasCcache = process.env.PATH.split(':').some((folder) => existsSync(join(folder, 'ccache')));
const folderOf = (m) => m.asan ? 'build-asan' : 'build';

async function setUp(folder) {
	if (existsSync(join(copy, folder)))
		return;
	const asan = folder === 'build-asan' ? ['-Db_sanitize=address,undefined', '-Db_lundef=false'] : [];
	const made = await run('meson', ['setup', folder, '--buildtype=debugoptimized', '-Doptimization=1', '-Dcrash_points=true', ...asan,
		...(process.env.DUCKDB_DIR ? [`-Dduckdb_dir=${process.env.DUCKDB_DIR}`] : [])],
		{ CC: hasCcache ? 'ccache gcc' : 'gcc', CCACHE_BASEDIR: copy, CCACHE_NOHASHDIR: '1' });
	if (made.code !== 0) {
		console.error(made.out);
		leave(1);
	}
}

const programOf = (test) => test.kind === 'program' ? `tests/${test.program}` : 'sluice';
const build = (folder, targets) => run('nice', ['ninja', '-C', folder, '--quiet', `-j${cpus().length}`, ...new Set(targets)], { CCACHE_BASEDIR: copy, CCACHE_NOHASHDIR: '1' });

// --- Tests ---------------------------------------------------------------------------------------------------------

// What a test that fails leaves in TMPDIR goes with the copy.
const environment = (folder) => ({
	TMPDIR: join(copy, 'tmp'), SLUICE: join(copy, folder, 'sluice'), SLUICE_RELEASE: join(copy, folder, 'sluice'), CMOCKA_MESSAGE_OUTPUT: 'TAP',
	ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=1', UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:abort_on_error=1',
	LSAN_OPTIONS: `suppressions=${copy}/tests/lsan.supp:print_suppressions=0`,
});
const literally = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
// What TAP escapes in a title, undone.
const plain = (title) => title.replace(/ # .*$/, '').replace(/\\([\\#])/g, '$1').trimEnd();

// The verdicts of ${wanted} (tests of one file): title -> 'ok', 'not ok', or undefined when it said nothing.
async function runTests(folder, wanted) {
	const [{ kind, file, program, all, parents, title: first }] = wanted;
	// Which of a server's stories to run is for records.mjs to see; the runner takes all of a parent or none.
	const story = kind === 'script' && wanted.length === 1 && parents.length > 0 ? { SLUICE_STORY: first } : {};
	const names = wanted.flatMap((t) => [...(t.parents ?? []), t.title]).flatMap((title) => ['--test-name-pattern', `^${literally(title)}$`]);
	const { out, isLate, code } = kind === 'program'
		? await run('stdbuf', ['-oL', join(copy, folder, 'tests', program)], environment(folder))
		: await run('node', ['--test', '--test-reporter=tap', ...names, file], { ...environment(folder), ...story });
	const verdicts = new Map();
	// A C test's verdict may stand behind a message that was cut off in mid-line.
	const line = kind === 'program' ? /(not ok|\bok) \d+ -? ?(\w+(?: #.*)?)$/gm : /^\s*(ok|not ok) \d+ -? ?(.*)$/gm;
	for (const [, verdict, title] of out.matchAll(line))
		if (!/# SKIP/.test(title))
			verdicts.set(plain(title), verdict);
	if (kind === 'program' && code !== 0 && !isLate) {
		// It died in the first test that it did not report.
		const silent = all.find((name) => !verdicts.has(name));
		if (silent)
			verdicts.set(silent, 'not ok');
	}
	return { verdicts, out, isLate };
}

async function runUnchanged() {
	const files = new Map();
	for (const m of chosen) {
		const key = `${folderOf(m)} ${tests.get(m.test).file}`;
		files.set(key, [...(files.get(key) ?? []), m.test]);
	}
	let bad = 0;
	for (const folder of new Set(chosen.map(folderOf))) {
		await setUp(folder);
		const made = await build(folder, chosen.filter((m) => folderOf(m) === folder).map((m) => programOf(tests.get(m.test))));
		if (made.code !== 0) {
			console.error(made.out);
			leave(1);
		}
	}
	for (const [key, ids] of files) {
		const wanted = [...new Set(ids)].map((id) => tests.get(id));
		const { verdicts, out } = await runTests(key.split(' ')[0], wanted);
		for (const { title, file } of wanted)
			if (verdicts.get(title) !== 'ok') {
				console.log(`${file}: ${title}: fails without any mutation\n${out.slice(-3000)}`);
				bad++;
			}
	}
	return bad;
}

// One mutation: 'red', 'green', 'hangs', 'does not apply', 'does not compile', and what its test said.
async function prove(m) {
	const path = join(copy, m.file), folder = folderOf(m), test = tests.get(m.test);
	const before = readFileSync(path, 'utf8');
	if (before.split(m.from).length !== 2)
		return ['does not apply', ''];
	writeFileSync(path, before.replace(m.from, () => m.to));
	try {
		const made = await build(folder, [programOf(test)]);
		if (made.code !== 0)
			return ['does not compile', made.out];
		const { verdicts, out, isLate } = await runTests(folder, [test]);
		if (isLate)
			return [m.hangs ? 'red' : 'hangs', out];
		return [verdicts.get(test.title) === 'not ok' ? 'red' : 'green', out];
	} finally {
		writeFileSync(path, before);
	}
}

const faults = checkMutations(chosen, tests, []);
if (chosen.length === 0 || faults.length > 0) {
	console.error(faults.join('\n') || 'prove-tests: no mutation has that in its name, test or file');
	leave(1);
}
copyTree();
const unsound = await runUnchanged();
const counts = {};
for (const m of chosen) {
	const begun = Date.now();
	const [result, out] = await prove(m);
	counts[result] = (counts[result] ?? 0) + 1;
	console.log(`${result.padEnd(16)} ${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${nameOf(m)}: ${m.test}`);
	if (result !== 'red')
		console.log(`\t${m.file}: ${JSON.stringify(m.from.slice(0, 160))} → ${JSON.stringify(m.to.slice(0, 160))}\n${out.slice(-1500).replace(/^/gm, '\t')}`);
}
const { red = 0, green = 0, ...others } = counts;
console.log(`\n${red} red, ${green} still green${Object.entries(others).map(([what, n]) => `, ${n} ${what}`).join('')}${unsound ? `, ${unsound} fail unchanged` : ''}`);
leave(red === chosen.length && unsound === 0 ? 0 : 1);
