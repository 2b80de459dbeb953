// SPDX-License-Identifier: Apache-2.0
// The second step of the clients' dance: the token of a login becomes a tenant token, and tokens end, by their time or by hand.
import assert from 'node:assert/strict';
import { createPublicKey, createVerify } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { cdpGrant, exchangePath, formOf, partsOf, refusal, revokePath, tokenPath, withLogins } from './logins.mjs';

const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const list = '/api/v1/connectors';
const with_ = (token) => ({ Authorization: `Bearer ${token}` });
const logIn = async (s, app, more = {}) => (await s.logIn({ client_id: app.clientId, client_secret: app.clientSecret, ...more })).access_token;
const exchange = async (s, token, more = {}) => (await s.post(exchangePath, { grant_type: cdpGrant, subject_token: token, ...more })).json.access_token;
// Is it good for anything?
const statusOf = async (s, token) => (await s.call('GET', list, undefined, with_(token))).status;

test('a core token is exchanged in each way in which the clients ask', () => withLogins(async (s, app) => {
	const core = await logIn(s, app), named = { grant_type: cdpGrant, subject_token: core }, typed = { ...named, subject_token_type: accessToken };
	const tokens = new Set();
	for (const [query, body, headers] of [
		['', formOf(typed)], ['', formOf(named)], [`?${formOf(typed)}`, undefined], [`?${formOf(typed)}`, ''],
		['', formOf({ grant_type: cdpGrant }), with_(core)], [`?${formOf({ grant_type: cdpGrant })}`, undefined, with_(core)], ['', formOf({ ...typed, dataspace: 'north' })],
		['', `grant_type=${cdpGrant}&subject_token_type=${accessToken}&subject_token=${core}`], ['', formOf(named), with_('something else')],	// as the JDBC driver sends it: nothing is encoded
	]) {
		const answer = await s.post(exchangePath + query, body, headers);
		assert.equal(answer.status, 200, `${query} ${body}: ${answer.text}`);
		const { access_token: token, ...rest } = answer.json;
		assert.deepEqual(rest, { instance_url: s.url, token_type: 'Bearer', issued_token_type: 'urn:ietf:params:oauth:token-type:jwt', expires_in: 7200 });
		assert.equal(answer.headers.get('cache-control'), 'no-store');
		assert.equal(await statusOf(s, token), 200);
		tokens.add(token);
	}
	assert.equal(tokens.size, 9, 'each is another');
}));

test('it is a JWT with the claims that clients look into, signed with the newest key', () => withLogins(async (s, app) => {
	const login = await s.logIn({ client_id: app.clientId, client_secret: app.clientSecret, scope: 'cdp_query_api api' });
	const now = Math.floor(Date.now() / 1000), [, org] = login.id.match(/\/id\/(00D\w+)\//);
	const token = await exchange(s, login.access_token, { dataspace: 'north "ö"' }), [head, claims] = partsOf(token);
	assert.deepEqual([head.alg, head.typ, typeof head.kid], ['RS256', 'JWT', 'string']);
	const { iat, nbf, exp, jti, ...rest } = claims;
	assert.deepEqual(rest, {
		sub: login.id, aud: s.url, iss: s.url, scp: 'cdp_query_api api', orgId: org, sfappid: app.clientId, issuerTenantId: 'core/local', audienceTenantId: 'a360/local', custom_attributes: { dataspace: 'north "ö"' },
	});
	assert.ok(iat >= now - 1 && iat <= now + 5 && nbf === iat && exp === iat + 7200, JSON.stringify(claims));
	assert.match(jti, /^[0-9a-f-]{36}$/);
	assert.equal(partsOf(await exchange(s, login.access_token))[1].custom_attributes.dataspace, 'default');
	const [pem] = readdirSync(join(s.data, 'keys')).filter((name) => name.endsWith('.pem'));
	const cut = token.lastIndexOf('.'), key = createPublicKey(readFileSync(join(s.data, 'keys', pem)));
	assert.ok(createVerify('RSA-SHA256').update(token.slice(0, cut)).verify(key, token.slice(cut + 1), 'base64url'));
	// It has the scopes of the login and no more, and it is good for /api alone.
	s.token = token;
	assert.deepEqual(await s.sql('select 1'), [[1]]);
	await s.must(403, 'GET', '/api/v1/ingest/jobs');
	const { nextBatchId } = (await s.must(200, 'POST', '/api/v2/query', { sql: 'select 1 from range(10001)' }, with_(login.access_token))).json;
	await s.must(200, 'GET', `/api/v2/query/${nextBatchId}`);	// it is the same user's
	await s.must(401, 'GET', '/services/data/v60.0');
	await s.must(200, 'GET', '/services/data/v60.0', undefined, with_(login.access_token));
	// What lets it in is the catalog, not the signature.
	for (const other of [token.slice(0, cut), `${token}x`, `${token.slice(0, cut)}.`, `${token.slice(0, cut)}.AAAA`])
		assert.equal(await statusOf(s, other), 401);
}));

test('what is no core token is not exchanged, and no failure is counted', () => withLogins(async (s, app) => {
	const core = await logIn(s, app), tenant = await exchange(s, core), good = { grant_type: cdpGrant, subject_token: core };
	for (const [form, error] of [
		[{ ...good, subject_token: `${core}x` }, 'invalid_grant'], [{ ...good, subject_token: tenant }, 'invalid_grant'], [{ ...good, subject_token: s.token }, 'invalid_grant'],
		[{ ...good, grant_type: 'client_credentials' }, 'unsupported_grant_type'], [{ ...good, grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }, 'unsupported_grant_type'], [{ ...good, grant_type: '' }, 'invalid_request'],
		[{ grant_type: cdpGrant }, 'invalid_request'], [{ ...good, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, 'invalid_request'],
		[{ ...good, dataspace: 'x'.repeat(81) }, 'invalid_request'], [{ ...good, dataspace: 'a\nb' }, 'invalid_request'], [`${formOf(good)}&subject_token=${core}`, 'invalid_request'], [`${formOf(good)}&dataspace=a&dataspace=a`, 'invalid_request'], [`${formOf(good)}&dataspace=%ff`, 'invalid_request'],
	])
		assert.deepEqual(refusal(await s.post(exchangePath, form)), [400, error], JSON.stringify(form));
	for (let i = 0; i < 20; i++)
		assert.deepEqual(refusal(await s.post(exchangePath, { ...good, subject_token: 'x' })), [400, 'invalid_grant']);
	await exchange(s, await logIn(s, app), { dataspace: 'x'.repeat(80) });
}));

test('a token is good for two hours', () => withLogins(async (s, app) => {
	const ahead = (seconds) => s.must(200, 'POST', '/api/v1/test/clock', { advanceSeconds: seconds });
	const core = await logIn(s, app);
	await ahead(3600);
	const tenant = await exchange(s, core);
	await ahead(3590);
	assert.deepEqual([await statusOf(s, core), await statusOf(s, tenant)], [200, 200]);
	await ahead(20);
	assert.deepEqual([await statusOf(s, core), await statusOf(s, tenant)], [401, 200]);	// it outlives the other
	const answer = await s.call('GET', list, undefined, with_(core));
	assert.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
	assert.deepEqual(refusal(await s.post(exchangePath, { grant_type: cdpGrant, subject_token: core })), [400, 'invalid_grant']);
	await ahead(3600);
	assert.deepEqual([await statusOf(s, core), await statusOf(s, tenant)], [401, 401]);
	assert.equal(await statusOf(s, await logIn(s, app)), 200);
}, ['--test-controls', 'on']));

test('a token ends when it is revoked, in whichever way one asks', () => withLogins(async (s, app) => {
	for (const revoke of [(token) => s.post(revokePath, { token }), (token) => s.post(`${revokePath}?${formOf({ token })}`, ''), (token) => s.call('GET', `${revokePath}?${formOf({ token })}`, undefined, { Authorization: null }), (token) => s.post(revokePath, { token, token_type_hint: 'refresh_token' })]) {
		const [ended, other] = [await logIn(s, app), await logIn(s, app)];
		assert.deepEqual([await statusOf(s, ended), await statusOf(s, other)], [200, 200]);
		for (const again of [0, 1]) {	// it is over already, which is no error
			const answer = await revoke(ended);
			assert.deepEqual([answer.status, answer.text, answer.headers.get('cache-control')], [200, '', 'no-store'], `${again}`);
		}
		assert.deepEqual([await statusOf(s, ended), await statusOf(s, other)], [401, 200]);
		assert.equal((await revoke('no token of ours')).status, 200);
	}
	for (const form of ['', 'token=', 'token', 'token=a&token=a'])
		assert.deepEqual(refusal(await s.post(revokePath, form)), [400, 'invalid_request'], form);
	// Tokens of the command line and tenant tokens as well.
	const tenant = await exchange(s, await logIn(s, app));
	for (const token of [tenant, s.makeToken('ci', 'api')]) {
		assert.equal(await statusOf(s, token), 200);
		assert.equal((await s.post(revokePath, { token })).status, 200);
		assert.equal(await statusOf(s, token), 401);
	}
}));

// The official connectors do so at once: they exchange, revoke the core token, and go on with the other.
test('a tenant token stays when its core token is revoked', () => withLogins(async (s, app) => {
	const core = await logIn(s, app), tenant = await exchange(s, core);
	assert.equal((await s.post(`${revokePath}?${formOf({ token: core })}`)).status, 200);
	assert.deepEqual([await statusOf(s, core), await statusOf(s, tenant)], [401, 200]);
	assert.deepEqual(refusal(await s.post(exchangePath, { grant_type: cdpGrant, subject_token: core })), [400, 'invalid_grant']);
}));

test('with a refresh token ends all that came of it, and nothing else', () => withLogins(async (s, app) => {
	const named = { client_id: app.clientId, client_secret: app.clientSecret }, ann = { grant_type: 'password', username: 'ann@example.com', password: s.password };
	const first = await s.logIn({ ...named, ...ann }), second = await s.logIn({ ...named, ...ann });
	const again = async (login) => (await s.logIn({ ...named, grant_type: 'refresh_token', refresh_token: login.refresh_token })).access_token;
	const ofFirst = [first.access_token, await again(first), await exchange(s, first.access_token), await exchange(s, await again(first))];
	const ofSecond = [second.access_token, await again(second), await exchange(s, second.access_token)];
	const statuses = (tokens) => Promise.all(tokens.map((token) => statusOf(s, token)));
	// Without one of the others nothing else ends.
	await s.post(revokePath, { token: ofFirst[0] });
	assert.deepEqual(await statuses(ofFirst), [401, 200, 200, 200]);
	await s.post(revokePath, { token: first.refresh_token });
	assert.deepEqual(await statuses(ofFirst), [401, 401, 401, 401]);
	assert.deepEqual(await statuses(ofSecond), [200, 200, 200]);
	assert.deepEqual(refusal(await s.post(tokenPath, { ...named, grant_type: 'refresh_token', refresh_token: first.refresh_token })), [400, 'invalid_grant']);
}, ['--password-grant', '--refresh-tokens']));

test('with --instance-url host a tenant token comes with the bare host, a core token with the URL', () => withLogins(async (s, app) => {
	const login = await s.logIn({ client_id: app.clientId, client_secret: app.clientSecret });
	assert.equal(login.instance_url, s.url);
	const { json } = await s.post(exchangePath, { grant_type: cdpGrant, subject_token: login.access_token });
	assert.equal(json.instance_url, new URL(s.url).host);
	assert.equal(partsOf(json.access_token)[1].iss, s.url);
}, ['--instance-url', 'host']));

test('errors below these paths have OAuth\'s form, whatever they are about', () => withLogins(async (s) => {
	for (const [method, path, token, status, error] of [
		['GET', tokenPath, s.token, 405, 'invalid_request'], ['GET', exchangePath, s.token, 405, 'invalid_request'], ['PUT', revokePath, s.token, 405, 'invalid_request'], ['GET', '/services/oauth2/authorize', s.token, 404, 'invalid_request'],
		['GET', '/services//oauth2//nothing', s.token, 404, 'invalid_request'], ['GET', tokenPath, 'x', 401, 'invalid_token'], ['GET', '/services/a360/', s.token, 404, 'invalid_request'],
	]) {
		const answer = await s.call(method, path, undefined, with_(token));
		assert.deepEqual(refusal(answer), [status, error], `${method} ${path}: ${answer.text}`);
		assert.deepEqual(Object.keys(answer.json), ['error', 'error_description']);
	}
	assert.deepEqual(refusal(await s.post('/services//oauth2///token', `x=${'y'.repeat(65535)}`)), [413, 'invalid_request']);
	assert.deepEqual(refusal(await s.post(tokenPath, `x=${'y'.repeat(65534)}`)), [400, 'invalid_request']);
}));
