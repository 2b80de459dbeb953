// SPDX-License-Identifier: Apache-2.0
// What the scenarios share: a server of their own on a free port with its own data directory, and calls in one line.
// Nothing here waits for a time: start waits for the server's ready line, jobs for ?wait=, ends for the process's exit.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import https from 'node:https';
import { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');
export const program = resolve(root, process.env.SLUICE ?? 'build/sluice');
export const ecommSchema = readFileSync(join(root, 'examples/ecomm/schema.yaml'), 'utf8');
export const rootFolder = root;

// The same as fetch, over TLS and with an authority of one's own, for which fetch has no option.
export function fetchTrusting(agent, url, { method = 'GET', headers = {}, body } = {}) {
	return new Promise((done, fail) => {
		const request = https.request(url, { method, headers, agent }, async (answer) => {
			try {
				const pieces = [];
				for await (const piece of answer)
					pieces.push(piece);
				done({ status: answer.statusCode, headers: new Headers(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])), text: async () => Buffer.concat(pieces).toString() });
			} catch (error) {
				fail(error);
			}
		});
		request.on('error', fail);
		if (typeof body?.getReader === 'function')
			Readable.fromWeb(body).pipe(request);
		else
			request.end(body);
	});
}

// SLUICE_TEST_TLS=1: every server speaks TLS that says nothing of it itself.
const overTls = process.env.SLUICE_TEST_TLS === '1';
const saysTls = (args) => args.some((arg) => arg.startsWith('--tls-') || arg === '--insecure-http');

export class Server {
	constructor(options = {}) {
		this.args = options.args ?? [];
		if (overTls && !saysTls(this.args))
			this.args = [...this.args, '--tls-self-signed'];
		this.ca = options.ca;	// a file; else that of --tls-self-signed
		this.env = { ...process.env, ...options.env };
		this.data = options.data ?? mkdtempSync(join(tmpdir(), 'sluice-'));
		this.ownsData = options.data === undefined;
		this.logFile = options.logFile;	// where its log goes instead of here: reading it costs a measurement time
		this.openFiles = options.openFiles;	// the shell's soft limit, when it is to be another
		this.fifo = join(this.data, 'hold');
		if (options.holdAt)
			this.env.SLUICE_HOLD = `${options.holdAt}:${this.fifo}`;
		this.log = '';
	}

	// A server with a token of every scope; resolves when it takes requests.
	static async start(options = {}) {
		const server = new Server(options);
		server.token = options.token ?? server.makeToken('all', 'cdp_ingest_api,cdp_query_api,api');
		await server.run();
		return server;
	}

	makeToken(name, scope) {
		return execFileSync(program, ['token', 'create', '--data', this.data, '--name', name, '--scope', scope],
			{ encoding: 'utf8' }).trim();
	}

	// An app: { clientId, clientSecret }.
	makeApp(name, args = []) {
		const text = execFileSync(program, ['app', 'create', name, '--data', this.data, ...args], { encoding: 'utf8' });
		const [, clientId] = text.match(/^client_id\W+(\S+)$/m), [, clientSecret] = text.match(/^client_secret\W+(\S+)$/m);
		return { clientId, clientSecret };
	}

	// A login by client_credentials, or what ${form} says; the answer.
	async logIn(form) {
		const body = new URLSearchParams({ grant_type: 'client_credentials', ...form });
		return (await this.must(200, 'POST', '/services/oauth2/token', String(body), { Authorization: null, 'Content-Type': 'application/x-www-form-urlencoded' })).json;
	}

	// Start the process (again); env is added for this run.  Resolves when it takes requests, rejects when it ends before.
	run(env = {}) {
		const shell = this.openFiles ? ['sh', '-c', `ulimit -Sn ${this.openFiles}; exec "$0" "$@"`] : [];
		const [command, ...args] = [...shell, program, 'serve', '--data', this.data, '--listen', '127.0.0.1:0', '--ready-fd', '3', ...this.args];
		const log = this.logFile ? openSync(this.logFile, 'a') : 'pipe';
		this.process = spawn(command, args,
			{ stdio: ['ignore', 'ignore', log, 'pipe'], env: { ...this.env, ...env } });
		if (this.logFile)
			closeSync(log);
		this.process.stderr?.on('data', (text) => { this.log += text; });
		this.ended = new Promise((done) => this.process.on('close', (code, signal) => done({ code, signal })));
		const ready = new Promise((done) => this.process.stdio[3].once('data', (line) => done(String(line).trim())));
		return Promise.race([
			ready.then((url) => { this.url = url; this.trust(); }),
			this.ended.then(({ code, signal }) => {
				throw new Error(`the server ended before it was ready: code ${code}, signal ${signal}\n${this.log}`);
			}),
		]);
	}

	// With TLS: trust its authority, from now on.
	trust() {
		if (!this.url.startsWith('https:'))
			return;
		this.agent?.destroy();
		this.caText = readFileSync(this.ca ?? join(this.data, 'tls/ca.pem'), 'utf8');
		this.agent = new https.Agent({ keepAlive: true, ca: this.caText });
	}

	fetch(url, options) {
		return this.agent ? fetchTrusting(this.agent, url, options) : fetch(url, { ...options, duplex: 'half' });
	}

	// Hold the server at the named point of options.holdAt (a test build): hold() before what leads there, held() resolves
	// when it is there, release() lets it go on.
	hold() {
		execFileSync('mkfifo', [this.fifo]);
	}

	async held() {
		this.holder = await open(this.fifo, 'w');
	}

	async release() {
		unlinkSync(this.fifo);
		await this.holder.close();
	}

	kill(signal = 'SIGKILL') {
		this.process.kill(signal);
		return this.ended;
	}

	// End it in good order and remove its data; throws when the server did not end with 0.
	async stop() {
		this.agent?.destroy();
		const { code, signal } = this.process.exitCode === null && this.process.signalCode === null
			? await this.kill('SIGTERM') : await this.ended;
		if (this.ownsData)
			rmSync(this.data, { recursive: true, force: true });
		if (code !== 0)
			throw new Error(`the server ended with code ${code}, signal ${signal}\n${this.log}`);
	}

	// One request: { status, headers, text, json }.  Where the server ends idle connections soon, each goes on one of its own: fetch
	// would keep one, and take it for the next request at the moment at which the server ends it.
	async call(method, path, body, headers = {}) {
		const own = this.args.includes('--idle-timeout') ? { Connection: 'close' } : {};
		const sent = { Authorization: `Bearer ${this.token}`, ...own, ...headers };
		for (const name of Object.keys(sent))
			if (sent[name] === null)
				delete sent[name];
		let payload = body;
		if (body !== undefined && typeof body === 'object' && !(body instanceof Uint8Array) && typeof body.getReader !== 'function') {
			payload = JSON.stringify(body);
			sent['Content-Type'] ??= 'application/json';
		}
		const answer = await this.fetch(this.url + path, { method, body: payload, headers: sent });
		const text = await answer.text();
		let json;
		try { json = JSON.parse(text); } catch { json = undefined; }
		return { status: answer.status, headers: answer.headers, text, json };
	}

	async must(status, method, path, body, headers) {
		const answer = await this.call(method, path, body, headers);
		if (answer.status !== status)
			throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${answer.text}`);
		return answer;
	}

	// The connector of examples/ecomm with its two streams; ${orders} changes the settings of orders.
	async setUpEcomm(orders = {}) {
		await this.must(201, 'PUT', '/api/v1/connectors/ecomm', ecommSchema);
		await this.must(201, 'PUT', '/api/v1/connectors/ecomm/streams/orders', { primaryKey: 'id', category: 'Profile', ...orders });
		await this.must(201, 'PUT', '/api/v1/connectors/ecomm/streams/customers', { primaryKey: 'id', category: 'Profile' });
	}

	// A connector with one object "things" of the given fields ({ name: 'string' | 'number' | 'date' | … }).
	async setUpThings(fields, stream = { primaryKey: 'id' }, connector = 'shop', required = []) {
		const properties = {};
		for (const [name, type] of Object.entries(fields))
			properties[name] = type === 'date' || type === 'date-time' ? { type: 'string', format: type } : { type };
		const schema = { openapi: '3.0.3', components: { schemas: { things: { type: 'object', properties, ...(required.length ? { required } : {}) } } } };
		await this.must(201, 'PUT', `/api/v1/connectors/${connector}`, schema);
		await this.must(201, 'PUT', `/api/v1/connectors/${connector}/streams/things`, stream);
	}

	async createJob(object, operation = 'upsert', sourceName = 'shop') {
		return (await this.must(201, 'POST', '/api/v1/ingest/jobs', { object, sourceName, operation })).json;
	}

	upload(id, csv, headers = {}) {
		return this.call('PUT', `/api/v1/ingest/jobs/${id}/batches`, csv, { 'Content-Type': 'text/csv', ...headers });
	}

	patch(id, state) {
		return this.call('PATCH', `/api/v1/ingest/jobs/${id}`, { state });
	}

	async job(id, wait) {
		return (await this.must(200, 'GET', `/api/v1/ingest/jobs/${id}${wait ? `?wait=${wait}` : ''}`)).json;
	}

	// A whole job: create, upload each part, close, wait for the end.
	async load(object, parts, operation = 'upsert', sourceName = 'shop') {
		const job = await this.createJob(object, operation, sourceName);
		for (const part of [].concat(parts)) {
			const answer = await this.upload(job.id, part);
			if (answer.status !== 202)
				throw new Error(`upload: ${answer.status}: ${answer.text}`);
		}
		await this.patch(job.id, 'UploadComplete');
		return this.job(job.id, 60);
	}

	async failed(id) {
		return (await this.must(200, 'GET', `/api/v1/ingest/jobs/${id}/failedResults`)).text;
	}

	// The rows of a query.
	async sql(sql) {
		return (await this.must(200, 'POST', '/api/v2/query', { sql })).json.data;
	}
}

// Run a story with a server, and end it whatever comes.
export async function withServer(story, options) {
	const server = await Server.start(options);
	try {
		await story(server);
	} catch (error) {
		error.message += `\n--- the server's log:\n${server.log.slice(-4000)}`;
		await server.kill().catch(() => {});
		if (server.ownsData)
			rmSync(server.data, { recursive: true, force: true });
		throw error;
	}
	await server.stop();
}

// Resolves when a thread of the query lane has computed for a fifth of a second.
export async function computing(s) {
	const folder = `/proc/${s.process.pid}/task`;
	const ticks = () => readdirSync(folder).map((id) => readFileSync(join(folder, id, 'stat'), 'utf8')).filter((text) => text.includes('(query)'))
		.map((text) => Number(text.slice(text.lastIndexOf(')')).split(' ')[12])).reduce((a, b) => a + b);
	for (const begin = ticks(); ticks() < begin + 20; )
		await s.must(200, 'GET', '/healthz');
}
