// SPDX-License-Identifier: Apache-2.0
// What the stories about logins share: a server with an app that has a secret and a certificate, a user with a password, and the
// assertions that the app signs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, createPublicKey, createSign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program, withServer } from './harness.mjs';
import { withWire } from './wire.mjs';

export const tokenPath = '/services/oauth2/token';
export const exchangePath = '/services/a360/token';
export const revokePath = '/services/oauth2/revoke';
export const cdpGrant = 'urn:salesforce:grant-type:external:cdp';
export const formOf = (values) => String(new URLSearchParams(values));
export const refusal = ({ status, json }) => [status, json?.error];
export const partsOf = (jwt) => jwt.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function signatureOf(alg, text, key) {
	if (alg === 'none')
		return '';
	if (alg === 'HS256')	// with what everybody has
		return createHmac('sha256', createPublicKey(key).export({ type: 'spki', format: 'pem' })).update(text).digest('base64url');
	return createSign('RSA-SHA256').update(text).sign(key, 'base64url');
}

// A server; ${story} gets it and the app "loader", with which comes sign(claims, header).  ${s}.plain: an app without a certificate;
// ${s}.password: that of the user ann@example.com.
export function withLogins(story, args = []) {
	const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
	return withServer(async (s) => {
		s.password = 'correct horse+battery & staple=€';
		s.makeUser = (name, password) => {
			const file = join(folder, 'password');
			writeFileSync(file, `${password}\n`);
			execFileSync(program, ['user', 'create', name, '--data', s.data, ...password === undefined ? [] : ['--password-file', file]], { stdio: ['ignore', 'ignore', 'inherit'] });
		};
		s.makeSigner = (name) => {
			const [key, certificate] = ['key', 'cert'].map((what) => join(folder, `${name}.${what}`));
			execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-subj', '/CN=test'], { stdio: 'ignore' });
			const app = s.makeApp(name, ['--user', 'ann@example.com', '--certificate', certificate]);
			const pem = readFileSync(key);
			app.sign = (claims = {}, header = {}) => {
				const whole = { alg: 'RS256', ...header };
				const text = `${encode(whole)}.${encode({ iss: app.clientId, sub: 'ann@example.com', aud: s.url, exp: Math.floor(Date.now() / 1000) + 180, ...claims })}`;
				return `${text}.${signatureOf(whole.alg, text, pem)}`;
			};
			return app;
		};
		// A form, without a token.
		s.post = (path, form, headers = {}) => s.call('POST', path, typeof form === 'object' ? formOf(form) : form, { Authorization: null, 'Content-Type': 'application/x-www-form-urlencoded', ...headers });
		// A server that remembers no failed login.
		s.anew = async () => {
			await s.kill('SIGTERM');
			await s.run();
		};
		// A form by hand, with headers that fetch() keeps for itself; the answer's JSON.
		s.wireForm = (path, form, headers) => withWire(s, async (wire) => {
			const body = formOf(form);
			await wire.send([`POST ${path} HTTP/1.1`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), 'Content-Type: application/x-www-form-urlencoded', `Content-Length: ${body.length}`, '', body].join('\r\n'));
			const answer = await wire.answer();
			assert.equal(answer.status, 200, answer.text);
			return answer.json;
		});
		s.makeUser('ann@example.com', s.password);
		s.makeUser('no-password@example.com');
		s.plain = s.makeApp('plain');
		await story(s, s.makeSigner('loader'));
	}, { args }).finally(() => rmSync(folder, { recursive: true }));
}
