// SPDX-License-Identifier: Apache-2.0
// What the server is started with: flags, environment and config file, and the commands that tell of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Server, program, rootFolder } from './harness.mjs';

// The environment without any option in it.
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')));

// Tell a story in a folder of its own; run(args, env) starts the program there.
function story(title, tell) {
	test(title, async () => {
		const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
		const run = (args, env = {}) => spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: { ...clean, ...env }, timeout: 20000 });
		try {
			await tell({ folder, run, write: (text, name = 'sluice.conf') => writeFileSync(join(folder, name), text) });
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});
}

// "name = value   # origin" lines as { name: [value, origin] }.
const effective = (text) => Object.fromEntries(text.trimEnd().split('\n').map((line) => {
	const [, name, value, origin] = line.match(/^(?:# )?(\S+) = (.*?) +# (.*)$/);
	return [name, [value, origin]];
}));

story('the server is started with a file, and a flag and the environment win over it', async ({ folder, write }) => {
	write(`\ufeff# ours\r\ndata = ${folder}/elsewhere\r\nquery-rows = 3\r\nquery-timeout = 20000\r\nlog-level = "error"   # quiet\r\n`);
	const s = await Server.start({ args: ['--config', join(folder, 'sluice.conf')], env: { SLUICE_QUERY_ROWS: '2' } });
	try {
		assert.ok(!existsSync(join(folder, 'elsewhere')), 'the flag names the data directory');
		const answer = await s.must(200, 'POST', '/api/v2/query', { sql: 'select * from range(5)' });
		assert.deepEqual([answer.json.data.length, answer.json.done], [2, false]);
		assert.doesNotMatch(s.log, /server\.ready/, 'the file sets the level of the log');
	} finally {
		await s.stop();
	}
});

story('serve tells every mistake of all sources at once, and touches nothing', ({ folder, run, write }) => {
	write('workers = 0\nidle_timeout = 5\n\nno equals\ndrain = 1\ndrain = 2\n');
	const { status, stderr, stdout } = run(['serve', '--data', 'data', '--config', 'sluice.conf', '--listen', 'localhost:80', '--quiet'],
		{ SLUICE_LOG_LEVEL: 'loud' });
	assert.deepEqual([status, stdout], [1, '']);
	assert.deepEqual(stderr.trimEnd().split('\n'), [
		'sluice: --listen is "localhost:80"; it must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080',
		'sluice: there is no option --quiet; see sluice serve --help',
		'sluice: SLUICE_LOG_LEVEL is "loud"; it must be one of error|warn|info|debug',
		'sluice: sluice.conf:1: workers is "0"; it must be a number from 1 to 64',
		'sluice: sluice.conf:2: there is no option idle_timeout; did you mean idle-timeout?',
		'sluice: sluice.conf:4: there is no =; it must be name = value',
		'sluice: sluice.conf:6: drain stands in line 5 already; remove one of the two',
	]);
	assert.ok(!existsSync(join(folder, 'data')));
});

story('config check prints each value and where it came from, without touching the data', ({ folder, run, write }) => {
	write('data = "./my data"\nworkers = 3\nquery-rows = 4\n');
	const { status, stdout, stderr } = run(['config', 'check', '--workers', '5'],
		{ SLUICE_CONFIG: 'sluice.conf', SLUICE_QUERY_ROWS: '6', SLUICE_TOKEN: 'secret', SLUICE_URL: 'x' });
	assert.deepEqual([status, stderr], [0, '']);
	const values = effective(stdout);
	assert.deepEqual(values.config, ['sluice.conf', 'SLUICE_CONFIG']);
	assert.deepEqual(values.data, ['./my data', 'sluice.conf:1']);
	assert.deepEqual(values.workers, ['5', 'flag']);
	assert.deepEqual(values['query-rows'], ['6', 'SLUICE_QUERY_ROWS']);
	assert.deepEqual(values['log-level'], ['info', 'default']);
	assert.ok(!existsSync(join(folder, 'my data')));
	assert.doesNotMatch(stdout, /secret/);
});

story('what config check prints is a config file with the same values', ({ run, write }) => {
	const args = ['--data', ' a # "b" ', '--workers', '7', '--log-level', 'debug'];
	const first = run(['config', 'check', ...args]);
	assert.equal(first.status, 0, first.stderr);
	write(first.stdout);
	const second = run(['config', 'check', '--config', 'sluice.conf']);
	assert.equal(second.status, 0, second.stderr);
	const values = (text) => Object.entries(effective(text)).filter(([name]) => name !== 'config').map(([name, [value]]) => [name, value]);
	assert.deepEqual(values(second.stdout), values(first.stdout));
});

story('config check ends with 1 and prints no values when something is wrong', ({ run }) => {
	const { status, stdout, stderr } = run(['config', 'check', '--config', 'none.conf']);
	assert.deepEqual([status, stdout], [1, '']);
	assert.deepEqual(stderr.trimEnd().split('\n'), [
		'sluice: --config: read none.conf: No such file or directory',
		'sluice: --data DIR must be given: the data directory; made when it is not there',
	]);
});

story('config print writes a file that is taken as it is, has every option, and changes nothing', ({ run, write }) => {
	const printed = run(['config', 'print']);
	assert.equal(printed.status, 0);
	assert.deepEqual(printed.stdout.split('\n').filter((line) => line.length > 100), []);
	write(printed.stdout);
	const fromFile = effective(run(['config', 'check', '--config', 'sluice.conf']).stdout);
	const fromDefaults = effective(run(['config', 'check', '--data', './data']).stdout);
	assert.deepEqual(Object.keys(fromFile), ['config', ...Object.keys(fromDefaults)]);
	for (const [name, [value, origin]] of Object.entries(fromFile).slice(1)) {
		assert.equal(value, fromDefaults[name][0], name);
		assert.match(origin, /^sluice\.conf:\d+$/, name);
	}
});

story('help and the manual tell of every option: flag, environment, file, default, what it must be', ({ run }) => {
	const help = run(['serve', '--help']).stdout, manual = run(['config', 'manual']).stdout;
	const names = Object.keys(effective(run(['config', 'check', '--data', 'd', '--config', '/dev/null']).stdout));
	assert.ok(names.length >= 16);
	for (const name of names) {
		const environment = `SLUICE_${name.toUpperCase().replaceAll('-', '_')}`;
		assert.match(help, new RegExp(`^  --${name} \\[?[A-Z:]+\\]? +[a-z0-9].*\n +\\[.*\\$${environment}\\]$`, 'm'));
		assert.match(manual, new RegExp(`^\\| ${name === 'config' ? '' : name} \\| \`--${name} \\[?[A-Z:]+\\]?\` \\| \`${environment}\` \\| .+ \\| .+ \\|$`, 'm'));
		assert.match(manual, new RegExp(`^\\*\\*${name}\\*\\*: [A-Z]`, 'm'));
	}
	assert.match(help, /--workers N .*\n +\[default 2; a number from 1 to 64; \$SLUICE_WORKERS\]/);
	assert.match(manual, /\| info \| one of error\\\|warn\\\|info\\\|debug \|/);
	assert.equal(manual, readFileSync(join(rootFolder, 'docs/configuration.md'), 'utf8'));
});

story('config is told how it is used', ({ run }) => {
	for (const args of [['--help'], ['check', '--help']])
		assert.match(run(['config', ...args]).stdout, /^usage: sluice config check/);
	for (const args of [[], ['nonsense'], ['print', 'x'], ['manual', '--data', 'd']]) {
		const { status, stdout, stderr } = run(['config', ...args]);
		assert.deepEqual([status, stdout], [1, ''], args.join(' '));
		assert.match(stderr, /^usage: sluice config check/);
	}
	assert.match(run(['--help']).stdout, /^ {2}config check /m);
});
