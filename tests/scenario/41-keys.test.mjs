// SPDX-License-Identifier: Apache-2.0
// Tenant tokens are signed: who is handed one can check it, with nothing but what /id/keys publishes.  Checked here by Node's own
// cryptography.  Keys change while the server runs, and nobody is shut out by that.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { program, withServer } from './harness.mjs';

const run = promisify(execFile);
const hour = 3600;
const keysOf = async (s) => (await s.must(200, 'GET', '/id/keys', undefined, { Authorization: null })).json.keys;
const folderOf = (s) => join(s.data, 'keys');
const filesOf = (s) => readdirSync(folderOf(s)).sort();
const rotate = (s) => execFileSync(program, ['key', 'rotate', '--data', s.data], { encoding: 'utf8', stdio: 'pipe' }).match(/[0-9a-f]{32}/)[0];
const list = (s) => execFileSync(program, ['key', 'list', '--data', s.data], { encoding: 'utf8' });

// A tenant token by way of a login.
async function tokenOf(s) {
	s.app ??= s.makeApp('reader');
	const core = (await s.logIn({ client_id: s.app.clientId, client_secret: s.app.clientSecret })).access_token;
	const form = new URLSearchParams({ grant_type: 'urn:salesforce:grant-type:external:cdp', subject_token: core });
	return (await s.must(200, 'POST', '/services/a360/token', String(form), { Authorization: null, 'Content-Type': 'application/x-www-form-urlencoded' })).json.access_token;
}

const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
const kidOf = (token) => read(token.split('.')[0]).kid;

// As a verifier does it: the key by its name, the signature over the first two parts.
function isSigned(token, keys) {
	const [header, claims, signature] = token.split('.');
	const jwk = keys.find(({ kid }) => kid === read(header).kid);
	return jwk !== undefined && verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64url'));
}

const isLetIn = async (s, token) => (await s.call('GET', '/api/v1/ingest/jobs', undefined, { Authorization: `Bearer ${token}` })).status === 200;

test('a tenant token can be checked with what is published, and with nothing else', () => withServer(async (s) => {
	const token = await tokenOf(s), [jwk, ...more] = await keysOf(s), [header, claims, signature] = token.split('.');
	assert.deepEqual(read(header), { typ: 'JWT', alg: 'RS256', kid: jwk.kid });
	assert.deepEqual([more.length, jwk.kty, jwk.use, jwk.alg, jwk.e, Object.keys(jwk).length], [0, 'RSA', 'sig', 'RS256', 'AQAB', 6]);
	assert.equal(createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails.modulusLength, 2048);
	assert.ok(isSigned(token, [jwk]));
	const { aud, audienceTenantId, exp, iat } = read(claims);
	assert.deepEqual([aud, typeof audienceTenantId, exp - iat], [s.url, 'string', 2 * hour]);
	const other = Buffer.from(JSON.stringify({ ...read(claims), exp: exp + 1 })).toString('base64url');
	assert.ok(!isSigned([header, other, signature].join('.'), [jwk]));
	// To the server a token is what it has made itself, whatever its signature.
	assert.deepEqual([await isLetIn(s, token), await isLetIn(s, [header, other, signature].join('.'))], [true, false]);
}));

test('keys are for their owner alone, and are the same after a restart', () => withServer(async (s) => {
	assert.deepEqual(filesOf(s), []);	// the first use makes it
	const [{ kid }] = await keysOf(s), [file, ...more] = filesOf(s);
	assert.match(file, new RegExp(`^\\d{19}-${kid}\\.pem$`));
	assert.deepEqual([more, statSync(join(folderOf(s), file)).mode & 0o777, statSync(folderOf(s)).mode & 0o777], [[], 0o600, 0o700]);
	await s.kill();
	await s.run();
	assert.deepEqual((await keysOf(s)).map((key) => key.kid), [kid]);
	assert.equal((s.log.match(/ key\.made /g)).length, 1);
	assert.ok(!s.log.includes('PRIVATE'));
}));

test('a rotated key signs from the next token on, and the one before is good until its tokens end', () => withServer(async (s) => {
	const before = await tokenOf(s), kid = rotate(s), after = await tokenOf(s);
	assert.deepEqual([kidOf(after), kidOf(before) === kid], [kid, false]);
	const keys = await keysOf(s);
	assert.deepEqual(keys.map((key) => key.kid), [kid, kidOf(before)]);
	assert.deepEqual([isSigned(before, keys), isSigned(after, keys), await isLetIn(s, before), await isLetIn(s, after)], [true, true, true, true]);
	const lines = list(s).trim().split('\n').filter((line) => /[0-9a-f]{32}/.test(line));
	assert.deepEqual(lines.map((line) => [line.match(/[0-9a-f]{32}/)[0], /\byes\b/.test(line)]), [[kid, true], [kidOf(before), false]]);
	const move = (advanceSeconds) => s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds });
	await move(2 * hour - 60);
	assert.deepEqual([(await keysOf(s)).length, await isLetIn(s, before)], [2, true]);
	await move(180);
	assert.deepEqual([(await keysOf(s)).map((key) => key.kid), await isLetIn(s, before)], [[kid], false]);
}, { args: ['--test-controls', 'on'] }));

test('what has ended is removed by the next rotation', () => withServer(async (s) => {
	await keysOf(s);
	const oldFile = filesOf(s)[0], ended = `0000000000000000001${oldFile.slice(19)}`;
	rotate(s);
	const [, successor] = filesOf(s);
	renameSync(join(folderOf(s), oldFile), join(folderOf(s), ended));
	renameSync(join(folderOf(s), successor), join(folderOf(s), `0000000000000000002${successor.slice(19)}`));
	const kid = rotate(s);
	assert.deepEqual(filesOf(s).map((file) => file.slice(20, 52)), [successor.slice(20, 52), kid]);
	assert.deepEqual((await keysOf(s)).map((key) => key.kid), [kid, successor.slice(20, 52)]);
}));

test('rotations at once, beside a server that signs, each make a key', () => withServer(async (s) => {
	await keysOf(s);
	const made = Promise.all(Array.from({ length: 4 }, () => run(program, ['key', 'rotate', '--data', s.data])));
	const tokens = [await tokenOf(s), await tokenOf(s)];
	const kids = (await made).map(({ stdout }) => stdout.match(/[0-9a-f]{32}/)[0]);
	const keys = await keysOf(s);
	assert.equal(new Set(kids).size, 4);
	assert.equal(keys.length, 5);
	for (const token of [...tokens, await tokenOf(s)])
		assert.ok(isSigned(token, keys));
	assert.equal(filesOf(s).length, 5);
}));

test('a key that others may read, or that is none, is named at start and the server does not run', () => withServer(async (s) => {
	await keysOf(s);
	await s.kill();
	const [file] = filesOf(s), path = join(folderOf(s), file), pem = readFileSync(path);
	const refused = async (name) => {
		s.log = '';
		await assert.rejects(s.run(), /ended before it was ready: code 1/);
		assert.ok(s.log.includes(name) && !s.log.includes('PRIVATE KEY'), s.log);
	};
	chmodSync(path, 0o640);
	await refused(path);
	chmodSync(path, 0o600);
	writeFileSync(path, pem.subarray(0, 400));
	await refused(path);
	writeFileSync(path, pem);
	writeFileSync(join(folderOf(s), 'mine.pem'), pem, { mode: 0o600 });
	await refused('mine.pem');
	unlinkSync(join(folderOf(s), 'mine.pem'));
	await s.run();
}));
