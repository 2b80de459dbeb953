// SPDX-License-Identifier: Apache-2.0
// What the measurements share: a work folder that goes with the process, servers and other programs that end with it, files
// of orders, uploads by curl, and a word on the machine.
// A figure is only ever a ratio to a peer that ran in the same minute, so nothing here keeps or compares old figures.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { program, Server } from '../tests/scenario/harness.mjs';

export const folder = import.meta.dirname ?? decodeURIComponent(new URL('.', import.meta.url).pathname);
export const dataFolder = resolve(folder, 'data');
export const tool = (name) => join(dataFolder, 'bin', name);

// --- What ends with the process ------------------------------------------------------------------------------------

const children = new Set(), servers = new Set();

// A program that runs beside us: { process, line(), ended }; line() is the next line of its output, or rejects at its end.
export function start(command, args, options = {}) {
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
	let out = '', problem = '', waiting;
	const ended = new Promise((done) => child.on('close', (code) => {
		children.delete(child);
		done(code);
	}));
	const serve = () => {
		const end = out.indexOf('\n');
		if (!waiting || end < 0)
			return;
		waiting.done(out.slice(0, end));
		waiting = undefined;
		out = out.slice(end + 1);
	};
	children.add(child);
	child.on('error', (error) => { problem += error.message; });
	child.stdin.on('error', () => {});	// its end says more
	child.stdout.on('data', (text) => { out += text; serve(); });
	child.stderr.on('data', (text) => { problem += text; });
	ended.then((code) => waiting?.fail(new Error(`${command} ended with ${code}: ${problem.trim()}`)));
	return {
		process: child,
		ended,
		problem: () => problem.trim(),
		line: () => new Promise((done, fail) => { waiting = { done, fail }; serve(); }),
		async stop(signal = 'SIGTERM') {
			child.kill(signal);
			return ended;
		},
	};
}

// The output of a program that comes to its end.
export async function output(command, args, options) {
	const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
	let out = '', problem = '';
	children.add(child);
	child.stdout.on('data', (text) => { out += text; });
	child.stderr.on('data', (text) => { problem += text; });
	const code = await new Promise((done, fail) => {
		child.on('error', fail);
		child.on('close', done);
	}).finally(() => children.delete(child));
	if (code !== 0)
		throw new Error(`${command} ended with ${code}: ${(problem || out).trim().slice(-2000)}`);
	return out;
}

// On the same disk as the repository, as a temporary folder may be in memory, where a sync costs nothing.  It goes with
// the process, however that ends, and so do the programs that were started.
export function makeWorkFolder() {
	const work = mkdtempSync(join(dataFolder, 'run-'));
	process.on('exit', () => {
		for (const server of servers)
			server.process.kill('SIGKILL');
		for (const child of children)
			child.kill(child.endBy ?? 'SIGKILL');
		for (let tries = 0; existsSync(work) && tries < 50; tries++) {	// what they still write while they end
			try { rmSync(work, { recursive: true, force: true }); } catch { execFileSync('sleep', ['0.1']); }
		}
	});
	for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]])
		process.on(signal, () => process.exit(code));
	return work;
}

// Run ${story} with a server on a fresh data directory of ${work}; what the story returns comes back once the server ended
// in good order and its data is gone.
export async function withFreshServer(work, story, args = []) {
	const data = mkdtempSync(join(work, 'data-'));
	const token = execFileSync(program, ['token', 'create', '--data', data, '--name', 'bench', '--scope', 'cdp_ingest_api,cdp_query_api,api'],
		{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
	const server = await Server.start({ data, args, token, logFile: `${data}.log` });
	servers.add(server);
	try {
		const result = await story(server);
		await server.stop();
		return result;
	} catch (error) {
		await server.kill();
		throw new Error(`${error.message}\n${readFileSync(server.logFile, 'utf8').split('\n').filter((line) => / (warn|error) /.test(line)).slice(-5).join('\n')}`.trim());
	} finally {
		servers.delete(server);
		rmSync(data, { recursive: true, force: true });
		rmSync(server.logFile);
	}
}

// --- Data ----------------------------------------------------------------------------------------------------------

// bench/data/${name}: ${rows} orders with ids from ${first} on, made unless it is there.
export function makeOrders(name, rows, first) {
	const path = join(dataFolder, name);
	if (!existsSync(path)) {
		mkdirSync(dataFolder, { recursive: true });
		execFileSync('sh', ['-c', '"$1" "$2" "$3" >"$4"', 'sh', tool('make_orders'), rows, first, `${path}.new`].map(String));
		renameSync(`${path}.new`, path);
	}
	return path;
}

// Orders with ids from ${first} on, as text.
export const orders = (rows, first) => execFileSync(tool('make_orders'), [String(rows), String(first)], { encoding: 'utf8', maxBuffer: 1 << 28 });

// As much as fits into a part (150 MiB), in rows of make_orders; and files A and B, half of whose keys are A's.
export const PART_ROWS = 1230000;
export const fileA = () => makeOrders('a.csv', PART_ROWS, 1);
export const fileB = () => makeOrders('b.csv', PART_ROWS, PART_ROWS / 2 + 1);

// --- A job ---------------------------------------------------------------------------------------------------------

// PUT a file by curl, which streams it and costs the server's cores the least.  Resolves when the answer is ${status}.
export async function putByCurl(url, path, status, headers = []) {
	const answer = await output('curl', ['-sS', '-X', 'PUT', '-T', path, ...['Expect:', ...headers].flatMap((line) => ['-H', line]),
		'-w', '\n%{http_code}', url]);
	if (answer.split('\n').pop() !== String(status))
		throw new Error(`upload: ${answer}`);
}

export const putFile = (server, job, path) => putByCurl(`${server.url}/api/v1/ingest/jobs/${job}/batches`, path, 202,
	[`Authorization: Bearer ${server.token}`, 'Content-Type: text/csv']);

// PUT orders as make_orders writes them, without a file between.
export async function putOrders(server, job, rows, first) {
	const answer = await output('sh', ['-c', '"$1" "$2" "$3" | curl -sS -X PUT -T - -H Expect: -H "Authorization: Bearer $4" -H "Content-Type: text/csv" -w "%{http_code}" "$5"',
		'sh', tool('make_orders'), String(rows), String(first), server.token, `${server.url}/api/v1/ingest/jobs/${job}/batches`]);
	if (!answer.endsWith('202'))
		throw new Error(`upload: ${answer}`);
}

// Close a job and wait for its end; throws unless it is complete, with ${records} records and none failed.
export async function closeJob(server, id, records) {
	const { status, text } = await server.patch(id, 'UploadComplete');
	if (status !== 200)
		throw new Error(`close: ${status}: ${text}`);
	let job;
	do
		job = await server.job(id, 60);
	while (['UploadComplete', 'InProgress'].includes(job.state));
	if (job.state !== 'JobComplete' || job.numberRecordsProcessed !== records || job.numberRecordsFailed !== 0)
		throw new Error(`job: ${JSON.stringify(job)}`);
	return job;
}

// What the C client reports (load_client.c): { requests, scripts, seconds, rate, p50, p99, max }.
export async function loadClient(server, clients, seconds, count, ...script) {
	const out = await output(tool('load_client'), [new URL(server.url).port, clients, seconds, count, ...script].map(String),
		{ env: { ...process.env, SLUICE_TOKEN: server.token }, stdio: ['ignore', 'pipe', 'pipe'] });
	const sums = JSON.parse(out);
	if (sums.failed > 0)
		throw new Error(`${sums.failed} of ${sums.requests + sums.failed} requests of "${script[0]}" failed`);
	return sums;
}

// --- Time and place ------------------------------------------------------------------------------------------------

// Dirty pages of what came before must not be written in the time of what comes now.
export function settleDisk() {
	execFileSync('sync');
}

export async function seconds(work) {
	const begin = process.hrtime.bigint();
	await work();
	return Number(process.hrtime.bigint() - begin) / 1e9;
}

// Each of ${sides} once a pair, in alternating order: { name: [what it returned, …], … }.
export async function inTurn(pairs, sides) {
	const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
	for (let i = 0; i < pairs; i++)
		for (const name of i % 2 ? Object.keys(sides).reverse() : Object.keys(sides))
			results[name].push(await sides[name](i));
	return results;
}

// What the kernel calls kB is 1,024 bytes.
export const megabytes = (kb) => kb * 1024 / 1e6;

// The machine in a line, for results: cores, processor, kernel, commit, day; no name of a host.
export function setting() {
	const run = (command, ...args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
	let commit = 'no commit';
	try {
		commit = `commit ${run('git', 'rev-parse', '--short', 'HEAD')}${run('git', 'status', '--porcelain', '--', '../src') ? ' + changes' : ''}`;
	} catch { /* not a repository */ }
	const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))[1] / 1048576;
	const processor = `${cpus().length} cores (${cpus()[0].model})`;
	return `${new Date().toISOString().slice(0, 10)}, ${commit}, ${processor}, ${memory.toFixed(0)} GiB, Linux ${run('uname', '-r')}`;
}
