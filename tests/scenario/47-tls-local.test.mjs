// SPDX-License-Identifier: Apache-2.0
// --tls-self-signed: https with nothing but the data directory, as clients that insist on it need it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { program, Server, withServer } from './harness.mjs';

const args = ['--tls-self-signed'];
const local = (s) => s.url.replace('127.0.0.1', 'localhost');
const ca = (s) => join(s.data, 'tls/ca.pem');
const node = (code, env) => spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', env: { ...process.env, ...env } });

test('Node, curl and our own command line trust it once they are told to, and not before', () => withServer(async (s) => {
	const port = new URL(s.url).port;
	for (const host of [`localhost:${port}`, `127.0.0.1:${port}`]) {
		const ask = `fetch('https://${host}/readyz').then((a) => a.json()).then((j) => console.log(j.status), (e) => console.log(e.cause.code))`;
		assert.equal(node(ask, { NODE_EXTRA_CA_CERTS: ca(s) }).stdout.trim(), 'ready', host);
		assert.match(node(ask, {}).stdout, /UNABLE_TO_VERIFY|SELF_SIGNED/);
		assert.equal(execFileSync('curl', ['-sS', '--cacert', ca(s), `https://${host}/readyz`], { encoding: 'utf8' }), '{"status":"ready"}');
	}
	assert.equal(spawnSync('curl', ['-s', `${local(s)}/readyz`]).status, 60);	// curl's number for that
	const sluice = (...more) => spawnSync(program, ['query', 'select 42 as answer', '--url', local(s), ...more], { encoding: 'utf8', env: { ...process.env, SLUICE_TOKEN: s.token } });
	assert.match(sluice('--ca-file', ca(s)).stdout, /42/);
	const stranger = sluice();
	assert.equal(stranger.status, 1);
	assert.match(stranger.stderr, /--ca-file/);
}, { args }));

test('the authority stays over restarts, and keys are for their owner alone', () => withServer(async (s) => {
	const before = readFileSync(ca(s), 'utf8');
	for (const name of ['key.pem', 'ca-key.pem'])
		assert.equal(statSync(join(s.data, 'tls', name)).mode & 0o777, 0o600);
	await s.kill();
	rmSync(join(s.data, 'tls/cert.pem'));	// as if the first start had been cut off
	await s.run();
	assert.equal(readFileSync(ca(s), 'utf8'), before);
	await s.must(200, 'GET', '/readyz');
}, { args }));

test('a start tells how to trust it', async () => {
	const s = await Server.start({ args });
	await s.kill('SIGTERM');
	const child = spawnSync('timeout', ['-s', 'TERM', '3', program, 'serve', '--data', s.data, '--listen', '127.0.0.1:0', ...args], { encoding: 'utf8' });
	assert.match(child.stdout, /^sluice listens on https:\/\/127\.0\.0\.1:\d+\n/);
	for (const word of ['NODE_EXTRA_CA_CERTS=', 'REQUESTS_CA_BUNDLE=', '--cacert ', '--ca-file ', 'keytool '])
		assert.ok(child.stdout.includes(`${word}`) && child.stdout.includes(ca(s)), child.stdout);
	rmSync(s.data, { recursive: true });
});
