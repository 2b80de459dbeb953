// SPDX-License-Identifier: Apache-2.0
// The commands for apps, users and tokens: what they make is good at once in a server that runs, what they take back is over at once,
// and what is a secret is shown once.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { program, withServer } from './harness.mjs';

// Runs a command on the server's data directory: { status, stdout, stderr, rows }.
function sluice(s, ...args) {
	const { status, stdout, stderr } = spawnSync(program, [...args, '--data', s.data], { encoding: 'utf8', env: { ...process.env, TZ: 'Pacific/Auckland' } });
	// A table: its head and the rule below it tell where columns begin.
	const [head, rule, ...lines] = stdout.split('\n');
	const starts = [...(rule ?? '').matchAll(/-+/g)].map(({ index }) => index);
	const cells = (line) => starts.map((start, i) => line.slice(start, starts[i + 1]).trim());
	return { status, stdout, stderr, rows: lines.filter(Boolean).map((line) => Object.fromEntries(cells(head).map((name, i) => [name, cells(line)[i]]))) };
}

function must(s, ...args) {
	const result = sluice(s, ...args);
	assert.equal(result.status, 0, `${args.join(' ')}: ${result.stderr}`);
	return result;
}

// What a command said of tokens that it took back.
const audit = ({ stderr }) => [...stderr.matchAll(/ audit\.token_revoked (.*)/g)].map(([, what]) => what);
const secretsOf = ({ stdout }) => Object.fromEntries(stdout.trim().split('\n').map((line) => line.split('=')));
const login = (s, id, secret) => s.call('POST', '/services/oauth2/token', new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret }).toString(),
	{ Authorization: null, 'Content-Type': 'application/x-www-form-urlencoded' });
const asks = async (s, token, path = '/api/v1/ingest/jobs') => (await s.call('GET', path, undefined, { Authorization: `Bearer ${token}` })).status;
const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/;

test('an app is made beside a running server, logs in at once, and is gone at once', () => withServer(async (s) => {
	const { client_id: id, client_secret: secret } = secretsOf(must(s, 'app', 'create', 'etl', '--scope', 'cdp_ingest_api,cdp_query_api', '--user', 'ann@example.com'));
	assert.match(id, /^3MVG9[\w.]{80}$/);
	assert.match(secret, /^[0-9A-F]{64}$/);
	const first = await login(s, id, secret);
	assert.deepEqual([first.status, first.json.scope], [200, 'cdp_ingest_api cdp_query_api']);
	assert.deepEqual([await asks(s, first.json.access_token), await asks(s, first.json.access_token, '/api/v1/connectors')], [200, 403]);
	const [{ created, ...app }] = must(s, 'app', 'list').rows;
	assert.deepEqual(app, { name: 'etl', client_id: id, user: 'ann@example.com', scopes: 'cdp_ingest_api cdp_query_api', certificate: 'no' });
	assert.match(created, time);
	// A new secret: the old one is none, what it got goes on.
	const { client_secret: next } = secretsOf(must(s, 'app', 'secret', 'ETL'));
	assert.deepEqual([(await login(s, id, secret)).status, (await login(s, id, next)).status, await asks(s, first.json.access_token)], [400, 200, 200]);
	// Each token that goes with it has its line.
	assert.deepEqual(audit(must(s, 'app', 'delete', 'etl')), ['token=3 kind=core app="etl" user="ann@example.com" count=1 by=command', 'token=5 kind=core app="etl" user="ann@example.com" count=1 by=command']);
	assert.deepEqual([(await login(s, id, next)).status, await asks(s, first.json.access_token)], [400, 401]);
	assert.deepEqual(must(s, 'app', 'list').rows, []);
	assert.deepEqual(must(s, 'user', 'list').rows.map(({ name }) => name), ['ann@example.com']);
	// Nothing that was printed is kept.
	for (const file of ['catalog.sqlite', 'catalog.sqlite-wal'])
		for (const text of [secret, next, first.json.access_token])
			assert.ok(!readFileSync(join(s.data, file)).includes(text), file);
}));

test('an app may have a certificate, and the client id that it has elsewhere', () => withServer(async (s) => {
	const folder = mkdtempSync(join(tmpdir(), 'app-'));
	execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', join(folder, 'k.pem'), '-out', join(folder, 'c.pem')], { stdio: 'ignore' });
	assert.equal(secretsOf(must(s, 'app', 'create', 'cli', '--certificate', join(folder, 'c.pem'), '--client-id', '3MVG9.mine_-@1')).client_id, '3MVG9.mine_-@1');
	assert.equal(must(s, 'app', 'list').rows[0].certificate, 'yes');
	for (const [args, why] of [
		[['other', '--certificate', join(folder, 'k.pem')], /k\.pem: .*certificate/], [['other', '--certificate', join(folder, 'none')], /none.*No such file/], [['other', '--client-id', 'a b'], /client id/], [['other', '--client-id', ''], /client id/],
		[['CLI'], /there is an app "cli"/], [['other', '--client-id', '3MVG9.mine_-@1'], /there is an app "cli"/], [['x'.repeat(81)], /1 to 80 bytes/], [['a\nb'], /control character/], [['other', '--scope', 'everything'], /"everything" is not a scope/],
	]) {
		const { status, stdout, stderr } = sluice(s, 'app', 'create', ...args);
		assert.deepEqual([status, stdout], [1, ''], args.join(' '));
		assert.match(stderr, why);
	}
	rmSync(folder, { recursive: true });
}));

test('a user is made, gets another password, and goes when no app acts as it', () => withServer(async (s) => {
	const file = join(s.data, 'password');
	writeFileSync(file, 'correct horse\nwhat follows is not it\n');
	assert.match(must(s, 'user', 'create', 'ann@example.com', '--password-file', file).stdout, /^user ann@example\.com: 005u[0-9a-f]{11}AAA\n$/);
	must(s, 'user', 'create', 'bob');
	assert.deepEqual(must(s, 'user', 'list').rows.map(({ name, password }) => [name, password]), [['ann@example.com', 'yes'], ['bob', 'no']]);
	const { client_id, client_secret } = secretsOf(must(s, 'app', 'create', 'web', '--user', 'bob'));
	const logIn = async (password) => (await s.call('POST', '/services/oauth2/token', new URLSearchParams({ grant_type: 'password', client_id, client_secret, username: 'ann@example.com', password }).toString(),
		{ Authorization: null, 'Content-Type': 'application/x-www-form-urlencoded' })).status;
	assert.deepEqual([await logIn('correct horse'), await logIn('what follows is not it')], [200, 400]);
	writeFileSync(file, 'battery staple\r\n');
	must(s, 'user', 'password', 'Ann@example.com', '--password-file', file);
	assert.deepEqual([await logIn('correct horse'), await logIn('battery staple')], [400, 200]);
	for (const [args, why] of [
		[['create', 'BOB'], /there is a user "bob"/], [['password', 'eve', '--password-file', file], /no user "eve"/], [['password', 'bob'], /--password-file FILE must be given/], [['delete', 'bob'], /the app "web" acts as user/], [['delete', 'eve'], /no user "eve"/],
	]) {
		const { status, stderr } = sluice(s, 'user', ...args);
		assert.equal(status, 1, args.join(' '));
		assert.match(stderr, why);
	}
	writeFileSync(file, 'seven77\n');
	assert.match(sluice(s, 'user', 'create', 'eve', '--password-file', file).stderr, /8 bytes at least/);
	must(s, 'app', 'delete', 'web');
	assert.deepEqual(audit(must(s, 'user', 'delete', 'bob')), []);
	assert.deepEqual(must(s, 'user', 'list').rows.map(({ name }) => name), ['ann@example.com']);
}, { args: ['--password-grant'] }));

test('a token is listed with all that is known of it, and revoked by name, by number, or with its app', () => withServer(async (s) => {
	const short = must(s, 'token', 'create', '--name', 'short', '--scope', 'cdp_ingest_api', '--expires', '12h').stdout.trim();
	assert.match(short, /^sluice_[0-9a-f]{64}$/);
	assert.match(sluice(s, 'token', 'create', '--name', '3', '--scope', 'api').stderr, /something else than digits/);	// it would be an id
	const { client_id, client_secret } = secretsOf(must(s, 'app', 'create', 'etl'));
	const [one, two] = [(await login(s, client_id, client_secret)).json.access_token, (await login(s, client_id, client_secret)).json.access_token];
	assert.equal(await asks(s, short), 200);
	while (must(s, 'token', 'list').rows.find(({ 'name or app': name }) => name === 'short')['first used'] === '')
		await asks(s, short);	// marked by a thread of its own
	const rows = must(s, 'token', 'list').rows;
	assert.deepEqual(rows.map(({ kind, 'name or app': name, user }) => [kind, name, user]), [['static', 'all', 'all'], ['core', 'etl', 'etl'], ['static', 'short', 'short'], ['core', 'etl', 'etl']]);
	const listed = rows.find((row) => row['name or app'] === 'short');
	assert.match(listed.created, time);
	assert.ok(Math.abs(Date.parse(listed.expires.replace(' ', 'T')) - Date.now() - 12 * 3600e3) < 60000, listed.expires);
	assert.ok(Math.abs(Date.parse(listed['first used'].replace(' ', 'T')) - Date.now()) < 60000);
	assert.equal(listed.scopes, 'cdp_ingest_api');
	assert.ok(![short, one, two].some((text) => must(s, 'token', 'list').stdout.includes(text.slice(-20))));

	assert.equal(must(s, 'token', 'revoke', 'short').stdout, '1 token revoked\n');
	assert.deepEqual([await asks(s, short), await asks(s, one)], [401, 200]);
	const number = must(s, 'token', 'list').rows.find(({ kind }) => kind === 'core').id;
	assert.equal(must(s, 'token', 'revoke', number).stdout, '1 token revoked\n');
	assert.deepEqual([await asks(s, one), await asks(s, two)].sort(), [200, 401]);
	assert.equal(must(s, 'token', 'revoke', '--app', 'ETL').stdout, '1 token revoked\n');
	assert.deepEqual([await asks(s, one), await asks(s, two)], [401, 401]);
	for (const [args, why] of [
		[['revoke', 'short'], /no token "short"/], [['revoke', '--app', 'etl'], /has no token/], [['revoke'], /takes the name or id/], [['revoke', 'x', '--app', 'y'], /takes the name or id/],
		...['12', 'h', '0d', '-1d', '1w', '36501d', '1d ', '999999999d'].map((text) => [['create', '--name', 'n', '--scope', 'api', `--expires=${text}`], /30m, 12h or 90d/]),
		[['create', '--name', 'n'], /--scope must be given/], [['create', '--name', 'all', '--scope', 'api'], /there is a token "all"/],
	]) {
		const { status, stderr } = sluice(s, 'token', ...args);
		assert.equal(status, 1, args.join(' '));
		assert.match(stderr, why);
	}
}));

test('a static token ends at its time', () => withServer(async (s) => {
	const short = must(s, 'token', 'create', '--name', 'short', '--scope', 'cdp_ingest_api', '--expires', '30m').stdout.trim();
	const advance = (seconds) => s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds: seconds });
	await advance(1790);
	assert.equal(await asks(s, short), 200);
	await advance(11);
	assert.equal(await asks(s, short), 401);
}, { args: ['--test-controls'] }));

test('issued tokens that have ended are removed within a minute or two', () => withServer(async (s) => {
	const { client_id, client_secret } = secretsOf(must(s, 'app', 'create', 'etl'));
	for (let i = 0; i < 3; i++)
		assert.equal((await login(s, client_id, client_secret)).status, 200);
	assert.equal(must(s, 'token', 'list').rows.length, 4);
	// Moving the clock ages at once.
	await s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds: 7000 });
	assert.equal(must(s, 'token', 'list').rows.length, 4);
	await s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds: 201 });
	assert.equal(must(s, 'token', 'list').rows.length, 1);
}, { args: ['--test-controls'] }));

test('each command tells how it is used', () => withServer(async (s) => {
	for (const noun of ['app', 'user', 'token', 'key']) {
		assert.match(spawnSync(program, [noun, '--help'], { encoding: 'utf8' }).stdout, new RegExp(`^usage: sluice ${noun} [\\s\\S]*\nexample:\n`));
		for (const args of [[], ['nonsense'], ['list', 'x'], ['list', '--nonsense', 'x']]) {
			const { status, stdout, stderr } = sluice(s, noun, ...args);
			assert.deepEqual([status, stdout], [1, ''], `${noun} ${args.join(' ')}`);
			assert.match(stderr, new RegExp(`usage: sluice ${noun} `));
		}
		assert.match(spawnSync(program, [noun, 'list'], { encoding: 'utf8' }).stderr, /--data DIR must be given/);
	}
}));
