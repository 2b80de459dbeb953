// SPDX-License-Identifier: Apache-2.0
// The server as a process: it starts, says where, owns its data directory, and ends in good order.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Server, program, withServer } from './harness.mjs';

test('it says where it listens, answers, and ends with 0 on SIGTERM', () => withServer(async (s) => {
	assert.match(s.url, /^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
	const health = await s.call('GET', '/healthz', undefined, { Authorization: null });
	assert.deepEqual([health.status, health.json], [200, { status: 'up' }]);
	const ready = await s.call('GET', '/readyz', undefined, { Authorization: null });
	assert.deepEqual([ready.status, ready.json], [200, { status: 'ready' }]);
}));

test('only one server may own a data directory', () => withServer(async (s) => {
	const second = spawnSync(program, ['serve', '--data', s.data, '--listen', '127.0.0.1:0'], { encoding: 'utf8', timeout: 20000 });
	assert.equal(second.status, 1);
	assert.equal(second.stderr.trim(), `sluice: the data directory is in use by another server, process ${s.process.pid}`);
	assert.equal((await s.call('GET', '/api/v1/ingest/jobs')).status, 200);
}));

test('a killed server leaves no lock behind', () => withServer(async (s) => {
	await s.kill();
	await s.run();
	assert.equal((await s.call('GET', '/api/v1/ingest/jobs')).status, 200);
}));

test('a taken port is named', () => withServer(async (s) => {
	const other = mkdtempSync(join(tmpdir(), 'sluice-'));
	const port = new URL(s.url).port;
	const second = spawnSync(program, ['serve', '--data', other, '--listen', `127.0.0.1:${port}`], { encoding: 'utf8', timeout: 20000 });
	rmSync(other, { recursive: true });
	assert.equal(second.status, 1);
	assert.match(second.stderr, new RegExp(`^sluice: .*127\\.0\\.0\\.1.*${port}.*in use`, 'm'));
}));

test('a bad option is refused with its name, value and range', () => {
	const cases = [
		[['--workers', '0'], /^sluice: --workers is "0"; it must be a number from 1 to 64$/m],
		[['--workers=x'], /^sluice: --workers is "x"; it must be a number from 1 to 64$/m],
		[['--nonsense', '1'], /^sluice: there is no option --nonsense/m],
		[['--workers'], /^sluice: --workers needs a value: --workers N$/m],
		[['--listen', 'nowhere'], /^sluice: --listen is "nowhere"; it must be ADDRESS:PORT/m],
	];
	const data = mkdtempSync(join(tmpdir(), 'sluice-'));
	for (const [args, message] of cases) {
		const run = spawnSync(program, ['serve', '--data', data, ...args], { encoding: 'utf8', timeout: 20000 });
		assert.equal(run.status, 1, args.join(' '));
		assert.match(run.stderr, message);
	}
	const none = spawnSync(program, ['serve'], { encoding: 'utf8', env: { ...process.env, SLUICE_DATA: '' } });
	assert.match(none.stderr, /^sluice: --data DIR must be given/m);
	rmSync(data, { recursive: true });
});

test('options come from the environment, and a flag wins', () => {
	const run = (args) => spawnSync(program, ['serve', ...args], { encoding: 'utf8', env: { ...process.env, SLUICE_WORKERS: '99', SLUICE_DATA: '/nonexistent/x' } });
	assert.match(run([]).stderr, /^sluice: SLUICE_WORKERS is "99"; it must be a number from 1 to 64$/m);
	assert.match(spawnSync(program, ['serve', '--workers', '0'], { encoding: 'utf8', env: { ...process.env, SLUICE_WORKERS: '1', SLUICE_DATA: '/nonexistent/x' } }).stderr, /--workers is "0"/);
});

test('no request passes without a token', () => withServer(async (s) => {
	for (const [method, path] of [['GET', '/api/v1/ingest/jobs'], ['POST', '/api/v1/ingest/jobs'], ['GET', '/api/v1/connectors'],
		['POST', '/api/v2/query'], ['GET', '/no/such/path'], ['DELETE', '/api/v1/ingest/jobs/x']]) {
		for (const value of [null, 'Bearer', 'Bearer ', 'Bearer wrong', `Basic ${s.token}`, s.token, `Bearer ${s.token}x`]) {
			const answer = await s.call(method, path, undefined, { Authorization: value });
			assert.equal(answer.status, 401, `${method} ${path} with ${value}`);
			assert.equal(answer.headers.get('www-authenticate'), /^Bearer ./.test(value) ? 'Bearer error="invalid_token"' : 'Bearer');
			assert.equal(answer.json.error, '401 UNAUTHORIZED');
		}
	}
}));

test('a token reaches as far as its scopes', () => withServer(async (s) => {
	const routes = {
		cdp_ingest_api: ['GET', '/api/v1/ingest/jobs', undefined],
		cdp_query_api: ['POST', '/api/v2/query', { sql: 'select 1' }],
		api: ['GET', '/api/v1/connectors', undefined],
	};
	for (const scope of Object.keys(routes)) {
		const token = s.makeToken(`only ${scope}`, scope);	// beside the running server
		for (const [needed, [method, path, body]] of Object.entries(routes)) {
			const answer = await s.call(method, path, body, { Authorization: `Bearer ${token}` });
			assert.equal(answer.status, needed === scope ? 200 : 403, `${scope} on ${path}`);
			if (needed !== scope)
				assert.match(answer.json.message, new RegExp(`lacks the scope ${needed}`));
		}
	}
}));

test('a token of a taken name, or with a wrong scope, is refused', () => withServer(async (s) => {
	const make = (name, scope) => spawnSync(program, ['token', 'create', '--data', s.data, '--name', name, '--scope', scope], { encoding: 'utf8' });
	assert.match(make('all', 'api').stderr, /all/);
	assert.equal(make('all', 'api').status, 1);
	assert.match(make('new', 'api,everything').stderr, /"everything" is not a scope; there are cdp_ingest_api, cdp_query_api and api/);
}));

test('the data directory is for its owner alone, and holds no token', () => withServer(async (s) => {
	assert.equal(statSync(s.data).mode & 0o777, 0o700);
	await s.setUpThings({ id: 'string' });
	await s.load('things', 'id\na\n');
	const modes = readdirSync(s.data).map((file) => [file, statSync(join(s.data, file)).mode & 0o077]);
	assert.ok(modes.length >= 6, modes.join());
	assert.deepEqual(modes.filter(([, mode]) => mode !== 0), []);
	const found = await new Promise((done) => execFile('grep', ['-rl', s.token, s.data], (error, out) => done(out)));
	assert.equal(found, '');
	assert.ok(!s.log.includes(s.token));
}));

test('SIGTERM: a running upload finishes, a new request gets 503, the exit is 0', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	let feed;
	const body = new ReadableStream({ start(controller) { feed = controller; } });
	const running = s.upload(job.id, body);
	feed.enqueue(new TextEncoder().encode('id\n'));
	// The upload runs once the job's folder is there; asking for the job tells nothing of it, so wait for the log of a second one.
	await s.must(200, 'GET', '/readyz');
	s.process.kill('SIGTERM');
	let refused;
	do
		refused = await s.call('GET', '/api/v1/ingest/jobs').catch(() => ({ status: 0 }));
	while (refused.status === 200);
	if (refused.status !== 0) {
		assert.equal(refused.status, 503);
		assert.ok(Number(refused.headers.get('retry-after')) >= 1);
	}
	feed.enqueue(new TextEncoder().encode('a\n'));
	feed.close();
	assert.ok([202, 503].includes((await running).status));
	assert.deepEqual(await s.ended, { code: 0, signal: null });
}));

test('as many files as the system allows may be open, whatever the shell said', () => withServer(async (s) => {
	const [, soft, hard] = readFileSync(`/proc/${s.process.pid}/limits`, 'utf8').match(/^Max open files +(\S+) +(\S+)/m);
	assert.notEqual(hard, '256');
	assert.equal(soft, hard);
}, { openFiles: 256 }));
