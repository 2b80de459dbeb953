// SPDX-License-Identifier: Apache-2.0
// Who guesses has to wait, and what happens to tokens stands in the log, with no secret in it.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import test from 'node:test';
import { cdpGrant, exchangePath, formOf, refusal, revokePath, tokenPath, withLogins } from './logins.mjs';

const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

// A form from another address of this machine; { status, json }.
const postFrom = (address, url, form) => new Promise((done, fail) => {
	const sent = request(url, { method: 'POST', localAddress: address, headers: { 'Content-Type': 'application/x-www-form-urlencoded', Connection: 'close' } }, (answer) => {
		let text = '';
		answer.on('data', (piece) => { text += piece; }).on('end', () => done({ status: answer.statusCode, json: JSON.parse(text) }));
	});
	sent.on('error', fail).end(formOf(form));
});

test('after ten failures an address has to wait, and nobody else has', () => withLogins(async (s, app) => {
	const good = { grant_type: 'client_credentials', client_id: app.clientId, client_secret: app.clientSecret };
	const wrong = [{ ...good, client_secret: 'x' }, { ...good, client_id: 'x' }, { grant_type: bearer, assertion: 'x' }, { ...good, grant_type: 'password', username: 'ann@example.com', password: 'x' }, { ...good, grant_type: 'refresh_token', refresh_token: 'x' }];
	const core = (await s.logIn(good)).access_token;
	// These do not count: what succeeds, and what is no guess.
	for (let i = 0; i < 15; i++) {
		assert.equal((await s.post(tokenPath, good)).status, 200);
		assert.deepEqual(refusal(await s.post(tokenPath, { ...good, scope: 'x' })), [400, 'invalid_scope']);
		assert.deepEqual(refusal(await s.post(tokenPath, { ...good, client_secret: '' })), [400, 'invalid_request']);
		assert.equal((await s.call('GET', '/api/v1/connectors', undefined, { Authorization: 'Bearer x' })).status, 401);
	}
	for (let i = 0; i < 10; i++)
		assert.equal((await s.post(tokenPath, wrong[i % wrong.length])).status, 400);
	for (const form of [...wrong, good]) {
		const answer = await s.post(tokenPath, form);
		assert.deepEqual(refusal(answer), [429, 'temporarily_unavailable']);
		const seconds = Number(answer.headers.get('retry-after'));
		assert.ok(seconds >= 1 && seconds <= 60, answer.headers.get('retry-after'));
		assert.equal(answer.headers.get('cache-control'), 'no-store');
	}
	// Who has a token goes on with it, and another address is another client.
	assert.equal((await s.post(exchangePath, { grant_type: cdpGrant, subject_token: core })).status, 200);
	assert.equal((await s.call('GET', '/api/v1/connectors', undefined, { Authorization: `Bearer ${core}` })).status, 200);
	assert.equal((await s.post(revokePath, { token: core })).status, 200);
	const other = await postFrom('127.0.0.2', s.url + tokenPath, good);
	assert.equal(other.status, 200, JSON.stringify(other.json));
}, ['--password-grant', '--refresh-tokens']));

// The lines of the audit, without their time; what a run numbers or chooses as it likes is put by name.
function auditOf(s, names = {}) {
	let lines = s.log.split('\n').filter((line) => / audit\./.test(line)).map((line) => line.slice(25));
	for (const [value, name] of Object.entries(names))
		lines = lines.map((line) => line.replaceAll(value, name));
	return lines;
}

test('what happens to tokens has its line, and no line has a secret', () => withLogins(async (s, app) => {
	const client = { client_id: app.clientId, client_secret: app.clientSecret }, ann = { username: 'ann@example.com', password: s.password };
	const ids = [], secrets = [app.clientSecret, s.password, s.token];
	const keep = (token) => { secrets.push(token); return token; };
	const ask = (form) => s.post(tokenPath, form);
	const use = (token) => s.call('GET', '/api/v1/connectors', undefined, { Authorization: `Bearer ${token}` });

	const core = keep((await s.logIn(client)).access_token);
	const assertion = keep(app.sign({ jti: 'one' }));
	keep((await ask({ grant_type: bearer, assertion, scope: 'api' })).json.access_token);
	const login = (await ask({ grant_type: 'password', ...client, ...ann })).json;
	keep(login.access_token);
	keep(login.refresh_token);
	const renewed = keep((await ask({ grant_type: 'refresh_token', ...client, refresh_token: login.refresh_token })).json.access_token);
	const tenant = keep((await s.post(`${exchangePath}?${formOf({ grant_type: cdpGrant, subject_token: renewed })}`)).json.access_token);
	for (const token of [core, tenant, core, s.token, tenant])
		assert.equal((await use(token)).status, 200);
	await Promise.all(Array.from({ length: 10 }, () => use(login.access_token)));

	await ask({ grant_type: bearer, assertion });
	await ask({ grant_type: 'client_credentials', client_id: 'no\nbody" user="root', client_secret: keep('a secret that is wrong') });
	await ask({ grant_type: 'password', ...client, ...ann, password: keep('a password that is wrong') });
	await ask({ grant_type: 'password', ...client, ...ann, username: 'bob' });
	await ask({ grant_type: bearer, assertion: keep(app.sign({ sub: 'bob' })) });
	await ask({ grant_type: 'refresh_token', ...client, refresh_token: keep('5Aep861 and what is unknown') });
	await s.post(exchangePath, { grant_type: cdpGrant, subject_token: keep('00D000000000000!unknown.token') });
	await use(keep('a bearer token that is unknown'));
	await s.post(revokePath, { token: core });
	await s.call('GET', `${revokePath}?${formOf({ token: login.refresh_token })}`, undefined, { Authorization: null });
	await s.post(revokePath, { token: core });	// it was over
	await s.kill('SIGTERM');	// what waits is marked first

	const lines = auditOf(s);
	const made = lines.filter((line) => line.startsWith('info audit.token_made')).map((line) => line.match(/token=(\d+)/)[1]);
	ids.push(...made);
	const [one, two, refresh, four, five, six] = ids.map((id) => `token=${id}`);
	const who = 'app="loader" user="ann@example.com"', all = 'scopes="cdp_ingest_api cdp_query_api api"', at = 'address=127.0.0.1';
	assert.deepEqual(lines.filter((line) => !line.includes('token_used')), [
		`info audit.token_made ${one} kind=core ${who} ${all} grant=client_credentials ${at}`,
		`info audit.token_made ${two} kind=core ${who} scopes="api" grant=jwt_bearer ${at}`,
		`info audit.token_made ${refresh} kind=refresh ${who} ${all} grant=password ${at}`,
		`info audit.token_made ${four} kind=core ${who} ${all} grant=password ${at}`,
		`info audit.token_made ${five} kind=core ${who} ${all} grant=refresh_token ${at}`,
		`info audit.token_made ${six} kind=tenant ${who} ${all} grant=exchange ${at}`,
		`warn audit.token_refused grant=jwt_bearer ${who} ${at} reason=assertion_used`,
		`warn audit.token_refused grant=client_credentials app="no\\x0abody\\x22 user=\\x22root" user="" ${at} reason=unknown_app`,
		`warn audit.token_refused grant=password ${who} ${at} reason=wrong_password`,
		`warn audit.token_refused grant=password app="loader" user="bob" ${at} reason=unknown_user`,
		`warn audit.token_refused grant=jwt_bearer app="loader" user="bob" ${at} reason=unknown_user`,
		`warn audit.token_refused grant=refresh_token app="loader" user="" ${at} reason=unknown_token`,
		`warn audit.token_refused grant=exchange app="" user="" ${at} reason=unknown_token`,
		`warn audit.token_refused grant=bearer app="" user="" ${at} reason=unknown_token`,
		`info audit.token_revoked ${one} kind=core ${who} count=1 by=127.0.0.1`,
		`info audit.token_revoked ${refresh} kind=refresh ${who} count=4 by=127.0.0.1`,
	]);
	assert.deepEqual(lines.filter((line) => line.includes('token_used')).map((line) => line.replace(/token=\d+ kind=static/, 'kind=static')).sort(), [
		`info audit.token_used ${one} kind=core ${who} ${at}`, `info audit.token_used ${refresh} kind=refresh ${who} ${at}`, `info audit.token_used ${four} kind=core ${who} ${at}`,
		`info audit.token_used ${five} kind=core ${who} ${at}`, `info audit.token_used ${six} kind=tenant ${who} ${at}`, `info audit.token_used kind=static app="" user="all" ${at}`,
	].sort());
	assert.equal(secrets.length, 16);
	for (const secret of secrets)	// nor any part of one
		for (let i = 0; i + 12 <= secret.length; i += 4)
			assert.ok(!s.log.includes(secret.slice(i, i + 12)), `${secret.slice(i, i + 12)} of ${secret}`);

	// A first use is told once and for all.
	await s.run();
	const before = auditOf(s).length;
	assert.equal((await use(s.token)).status, 200);
	await s.kill('SIGTERM');
	assert.equal(auditOf(s).length, before);
	await s.run();
}, ['--password-grant', '--refresh-tokens', '--log-level', 'debug']));

test('who is refused again and again does not fill the log', () => withLogins(async (s, app) => {
	for (let i = 0; i < 100; i++) {
		await s.call('GET', '/api/v1/connectors', undefined, { Authorization: 'Bearer x' });
		await s.post(tokenPath, { grant_type: 'client_credentials', client_id: app.clientId, client_secret: 'x' });
	}
	await s.kill('SIGTERM');
	const reasons = auditOf(s).filter((line) => line.includes('token_refused')).map((line) => line.match(/reason=(\w+)/)[1]);
	const count = (reason) => reasons.filter((one) => one === reason).length;
	assert.equal(count('wrong_secret'), 10);	// each failed login has its line
	assert.equal(count('unknown_token') + count('too_many_failures'), 10);
	assert.equal(reasons.length, 20);
	await s.run();
}));
