// SPDX-License-Identifier: Apache-2.0
// What the measurements share: options, medians with their spread, a table, uploads by curl, and a word on the machine.
// A figure is only ever a ratio to a peer that ran in the same minute, so nothing here keeps or compares old figures.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { Server } from '../tests/scenario/harness.mjs';

export const folder = import.meta.dirname ?? decodeURIComponent(new URL('.', import.meta.url).pathname);
export const dataFolder = resolve(folder, 'data');

// --pairs N, --quick and the like: { pairs: 5, quick: false } with what the command line says.
export function parseOptions(options, args = process.argv.slice(2)) {
	const values = { ...options };
	for (let i = 0; i < args.length; i++) {
		const name = args[i].replace(/^--/, '');
		if (!args[i].startsWith('--') || !(name in values))
			throw new Error(`there is no option ${args[i]}; there are: ${Object.keys(values).map((key) => `--${key}`).join(' ')}`);
		if (typeof values[name] === 'boolean') {
			values[name] = true;
		} else {
			values[name] = Number(args[++i]);
			if (!Number.isInteger(values[name]) || values[name] < 1)
				throw new Error(`${args[i - 1]} must be a whole number from 1 on`);
		}
	}
	return values;
}

// On the same disk as the repository, as a temporary folder may be in memory, where a sync costs nothing.  It goes with
// the process, however that ends, and so do the servers that were started in it.
export function makeWorkFolder() {
	const work = mkdtempSync(join(dataFolder, 'run-'));
	process.on('exit', () => {
		for (const server of servers)
			server.process.kill('SIGKILL');
		rmSync(work, { recursive: true, force: true });
	});
	process.on('SIGINT', () => process.exit(130));
	process.on('SIGTERM', () => process.exit(143));
	return work;
}

const servers = new Set();

// Run ${story} with a server on a fresh data directory of ${work}; what the story returns comes back once the server ended
// in good order and its data is gone.
export async function withFreshServer(work, story, args = []) {
	const data = mkdtempSync(join(work, 'data-'));
	const server = await Server.start({ data, args });
	servers.add(server);
	const result = await story(server);
	await server.stop();
	servers.delete(server);
	rmSync(data, { recursive: true });
	return result;
}

// Write ${name} of bench/data with examples/ecomm/make-orders, unless it is there.
export function makeOrders(name, rows, first) {
	const path = join(dataFolder, name);
	if (!existsSync(path)) {
		const make = resolve(folder, '../examples/ecomm/make-orders');
		execFileSync('bash', ['-c', 'mkdir -p "$(dirname "$4")" && "$1" "$2" "$3" >"$4.new" && mv "$4.new" "$4"',
			'make-orders', make, String(rows), String(first), path], { stdio: ['ignore', 'inherit', 'inherit'] });
	}
	return path;
}

// Dirty pages of what came before must not be written in the time of what comes now.
export function settleDisk() {
	execFileSync('sync');
}

export async function seconds(work) {
	const begin = process.hrtime.bigint();
	await work();
	return Number(process.hrtime.bigint() - begin) / 1e9;
}

// PUT a file by curl, which streams it and costs the server's cores the least.  Resolves when the 202 is there.
export function putFile(server, job, path) {
	const curl = spawn('curl', ['-sS', '--fail-with-body', '-X', 'PUT', '-T', path, '-H', `Authorization: Bearer ${server.token}`,
		'-H', 'Content-Type: text/csv', '-H', 'Expect:', '-w', '%{http_code}', '-o', '/dev/null',
		`${server.url}/api/v1/ingest/jobs/${job}/batches`], { stdio: ['ignore', 'pipe', 'pipe'] });
	let out = '', problem = '';
	curl.stdout.on('data', (text) => { out += text; });
	curl.stderr.on('data', (text) => { problem += text; });
	return new Promise((done, fail) => curl.on('close', (code) => code === 0 && out === '202' ? done()
		: fail(new Error(`upload: status ${out}, curl ${code}: ${problem}`))));
}

// What the kernel calls kB is 1,024 bytes.
export const megabytes = (kb) => kb * 1024 / 1e6;

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// "1.23 (1.10–1.40)": the median and the least and greatest.
export function spread(values, digits = 2) {
	return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

export function table(rows) {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
	const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`;
	return [line(rows[0]), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.slice(1).map(line)].join('\n');
}

// The machine in a line, for results: cores, processor, kernel, commit, day; no name of a host.
export function setting() {
	const run = (command, ...args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8' }).trim();
	let commit = 'no commit';
	try {
		commit = `commit ${run('git', 'rev-parse', '--short', 'HEAD')}${run('git', 'status', '--porcelain', '--', '../src') ? ' + changes' : ''}`;
	} catch { /* not a repository */ }
	const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))[1] / 1048576;
	const processor = `${cpus().length} cores (${cpus()[0].model})`;
	return `${new Date().toISOString().slice(0, 10)}, ${commit}, ${processor}, ${memory.toFixed(0)} GiB, Linux ${run('uname', '-r')}`;
}
