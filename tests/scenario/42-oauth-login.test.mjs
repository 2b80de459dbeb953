// SPDX-License-Identifier: Apache-2.0
// Clients log in as they do at the hosted service: by an app's secret, by a signed assertion, and where it is switched on by a
// user's password and a refresh token.
import assert from 'node:assert/strict';
import test from 'node:test';
import { formOf, refusal, tokenPath, withLogins } from './logins.mjs';

const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const scopesOf = (answer) => answer.json.scope.split(' ');

test('an app logs in by its secret, and what it gets opens the API as its user', () => withLogins(async (s, { clientId, clientSecret }) => {
	const before = Date.now();
	const answer = await s.post(tokenPath, { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
	assert.equal(answer.status, 200, answer.text);
	const { access_token: token, id, issued_at: issued, ...rest } = answer.json;
	assert.deepEqual(rest, { scope: 'cdp_ingest_api cdp_query_api api', instance_url: s.url, token_type: 'Bearer' });
	assert.match(token, /^00D[0-9a-z]{12}![A-Za-z0-9._]{96}$/);
	const [, org, user] = id.match(/^http:\/\/127\.0\.0\.1:\d+\/id\/(00D[0-9a-z]{12}EAA)\/(005[0-9a-z]{12}AAA)$/);
	assert.equal(token.slice(0, 15), org.slice(0, 15));
	assert.ok(Number(issued) >= before && Number(issued) <= Date.now() && issued.length === 13, issued);
	assert.deepEqual([answer.headers.get('cache-control'), answer.headers.get('pragma'), answer.headers.get('content-type')], ['no-store', 'no-cache', 'application/json;charset=UTF-8']);
	s.token = token;
	await s.setUpThings({ id: 'string' });
	assert.equal((await s.createJob('things')).createdById, user);
	assert.equal((await s.must(200, 'GET', new URL(id).pathname)).json.username, 'ann@example.com');
	// Each login is a token of its own, and all are good.
	assert.notEqual((await s.logIn({ client_id: clientId, client_secret: clientSecret })).access_token, token);
	await s.must(200, 'GET', '/api/v1/connectors');
}));

test('secret and parameters come in the body, in the query string, or by HTTP Basic', () => withLogins(async (s, app) => {
	const { clientId: id, clientSecret: secret } = app;
	const grant = 'grant_type=client_credentials', escapeFirst = (text) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`, basic = (text) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
	const named = { client_id: id, client_secret: secret };
	for (const [body, query, headers] of [
		[formOf({ grant_type: 'client_credentials', ...named })], [undefined, `?${grant}&${formOf(named)}`], [grant, `?${formOf(named)}`], ['', `?${grant}&${formOf(named)}`],
		[grant, '', basic(`${id}:${secret}`)], [`${grant}&client_id=${id}`, '', basic(`${id}:${secret}`)], [undefined, `?${grant}`, basic(`${id}:${secret}`)],
		[grant, '', basic(`${escapeFirst(id)}:${escapeFirst(secret)}`)], [`${grant}&scope=&x=y`, '', { Authorization: basic(`${id}:${secret}`).Authorization.replace('Basic', 'bASIC') }],
	]) {
		const answer = await s.post(tokenPath + (query ?? ''), body, headers);
		assert.equal(answer.status, 200, `${body} ${query} ${JSON.stringify(headers)}: ${answer.text}`);
	}
	// What can be read in two ways is not read in one of them.
	for (const [body, query, headers] of [
		[`${grant}&${formOf(named)}&client_id=${id}`], [`${grant}&${formOf(named)}`, `?client_id=${id}`], [`${grant}&${formOf(named)}`, `?${grant}`], [`${grant}&${grant}&${formOf(named)}`],
		[`${grant}&${formOf(named)}`, '', basic(`${id}:${secret}`)], [`${grant}&client_secret=${secret}`, '', basic(`${id}:${secret}`)], [`${grant}&client_id=other`, '', basic(`${id}:${secret}`)],
		[grant, '', basic(id)], [grant, '', { Authorization: 'Basic ?' }], [grant, '', { Authorization: `Bearer ${s.token}` }], [`${grant}&client_id=${id}`], [`${grant}&client_secret=${secret}`], [`${grant}&client_id=${id}&client_secret=`],
		[formOf(named)], [`grant_type=&${formOf(named)}`],
	]) {
		const answer = await s.post(tokenPath + (query ?? ''), body, headers);
		assert.deepEqual(refusal(answer), [400, 'invalid_request'], `${body} ${query} ${JSON.stringify(headers)}`);
		assert.equal(answer.headers.get('cache-control'), 'no-store');
	}
	// So it goes on for ever without a failure: none of these was a guess.
	assert.equal((await s.logIn(named)).token_type, 'Bearer');
}));

test('the scope parameter narrows, what the hosted service knows beside ours is passed over', () => withLogins(async (s, app) => {
	const narrow = s.makeApp('narrow', ['--scope', 'cdp_ingest_api,cdp_query_api']);
	const ask = (which, scope) => s.post(tokenPath, { grant_type: 'client_credentials', client_id: which.clientId, client_secret: which.clientSecret, scope });
	for (const [which, scope, wanted] of [
		[app, 'cdp_query_api', ['cdp_query_api']], [app, 'api refresh_token web cdp_profile_api sfap_api openid id', ['api']], [app, '  api   cdp_ingest_api api ', ['cdp_ingest_api', 'api']],
		[app, 'full', ['cdp_ingest_api', 'cdp_query_api', 'api']], [narrow, undefined, ['cdp_ingest_api', 'cdp_query_api']], [narrow, 'full offline_access', ['cdp_ingest_api', 'cdp_query_api']], [narrow, 'api cdp_ingest_api', ['cdp_ingest_api']],
	])
		assert.deepEqual(scopesOf(await ask(which, scope ?? '')), wanted, scope);
	for (const [which, scope] of [[narrow, 'api'], [app, 'refresh_token'], [app, 'openid id web'], [app, 'api root'], [app, 'API'], [app, 'cdp_ingest_api,api'], [app, ' ']])
		assert.deepEqual(refusal(await ask(which, scope)), [400, 'invalid_scope'], scope);
	s.token = (await ask(app, 'cdp_query_api')).json.access_token;
	await s.must(403, 'GET', '/api/v1/ingest/jobs');
	assert.deepEqual(await s.sql('select 1'), [[1]]);
}));

test('an assertion signed by the key of the app\'s certificate logs in, as the clients send it', () => withLogins(async (s, app) => {
	const host = new URL(s.url).host, now = Math.floor(Date.now() / 1000);
	for (const claims of [
		{}, { aud: `https://${host}/services/oauth2/token` }, { aud: ['https://elsewhere.example', `http://${host}/`] }, { aud: 'https://login.salesforce.com' },
		{ exp: Date.now() + 180000 }, { exp: now, iat: now }, { sub: 'ANN@example.com' }, { jti: 'one' }, { jti: 'two', iat: now, nbf: now },
	]) {
		const answer = await s.post(tokenPath, { grant_type: bearer, assertion: app.sign(claims) });
		assert.equal(answer.status, 200, `${JSON.stringify(claims)}: ${answer.text}`);
		assert.equal(answer.json.refresh_token, undefined);
	}
	const answer = await s.post(`${tokenPath}?${formOf({ grant_type: bearer, assertion: app.sign(), scope: 'api' })}`);
	s.token = answer.json.access_token;
	assert.equal((await s.must(200, 'GET', new URL(answer.json.id).pathname)).json.username, 'ann@example.com');
}));

test('and no other does', () => withLogins(async (s, app) => {
	const other = s.makeSigner('other');	// an app of its own, with another key
	const now = Math.floor(Date.now() / 1000);
	const used = app.sign({ jti: 'once' });
	const ask = (assertion, more = {}) => s.post(tokenPath, { grant_type: bearer, assertion, ...more });
	assert.equal((await ask(used)).status, 200);
	const wrong = {
		'used before': used, 'the same jti, signed anew': app.sign({ jti: 'once', exp: now + 60 }), 'another key': other.sign({ iss: app.clientId }), 'no signature': app.sign({}, { alg: 'none' }),
		'HS256 with the public key': app.sign({}, { alg: 'HS256' }), 'an unknown app': app.sign({ iss: 'nobody' }), 'an app without a certificate': app.sign({ iss: s.plain.clientId }), 'nobody\'s name': app.sign({ sub: 'nobody@example.com' }),
		ended: app.sign({ exp: now - 200 }), 'issued tomorrow': app.sign({ iat: now + 86400 }), 'for somebody else': app.sign({ aud: 'https://elsewhere.example' }), 'no JWT': 'x.y.z', 'cut short': app.sign().slice(0, -1), empty: '.',
	};
	for (const [what, assertion] of Object.entries(wrong)) {
		assert.deepEqual(refusal(await ask(assertion)), [400, 'invalid_grant'], what);
		if (what.startsWith('an unknown app') || what === 'no JWT')	// ten in a minute are too many
			await s.anew();
	}
	assert.deepEqual(refusal(await ask(app.sign({}), { client_id: other.clientId })), [400, 'invalid_grant']);
	assert.deepEqual(refusal(await ask('')), [400, 'invalid_request']);
	// Whether there is such an app nobody can tell who has no key of it.
	const texts = [wrong['another key'], wrong['an unknown app'], wrong['an app without a certificate']].map(async (assertion) => (await ask(assertion)).text);
	assert.equal(new Set(await Promise.all(texts)).size, 1);
	// One that was used for another app's name is another.
	assert.equal((await ask(other.sign({ jti: 'once' }))).status, 200);
}));

test('an assertion with an id is good for one token, however many ask at once', () => withLogins(async (s, app) => {
	const assertion = app.sign({ jti: 'race' });
	const answers = await Promise.all(Array.from({ length: 8 }, () => s.post(tokenPath, { grant_type: bearer, assertion })));
	assert.deepEqual(answers.map((a) => a.status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
	await s.anew();	// and after a restart, too
	assert.deepEqual(refusal(await s.post(tokenPath, { grant_type: bearer, assertion })), [400, 'invalid_grant']);
}));

test('passwords and refresh tokens are taken only where they are switched on', () => withLogins(async (s, app) => {
	const named = { client_id: app.clientId, client_secret: app.clientSecret };
	for (const form of [{ grant_type: 'password', username: 'ann@example.com', password: 'correct horse' }, { grant_type: 'refresh_token', refresh_token: '5Aep861x' }, { grant_type: 'authorization_code', code: 'x' }, { grant_type: 'urn:salesforce:grant-type:external:cdp' }, { grant_type: 'CLIENT_CREDENTIALS' }])
		assert.deepEqual(refusal(await s.post(tokenPath, { ...form, ...named })), [400, 'unsupported_grant_type'], form.grant_type);
	assert.equal((await s.post(tokenPath, { grant_type: bearer, assertion: app.sign(), scope: 'api refresh_token' })).json.refresh_token, undefined);
}));

test('a password gives a core token and a refresh token, and that more core tokens', () => withLogins(async (s, app) => {
	const named = { client_id: app.clientId, client_secret: app.clientSecret }, ann = { username: 'Ann@Example.com', password: s.password };
	const ask = (form) => s.post(tokenPath, { ...named, ...form });
	const first = await ask({ grant_type: 'password', ...ann });
	assert.equal(first.status, 200, first.text);
	assert.match(first.json.refresh_token, /^5Aep861\S{81}$/);
	const { refresh_token: refresh } = first.json;
	s.token = refresh;	// it opens nothing itself
	await s.must(401, 'GET', '/api/v1/connectors');
	for (const scope of ['', 'cdp_query_api']) {
		const again = await ask({ grant_type: 'refresh_token', refresh_token: refresh, scope });
		assert.deepEqual([again.status, again.json.refresh_token, again.json.id], [200, undefined, first.json.id], again.text);
		assert.equal(scopesOf(again).length, scope ? 1 : 3);
		s.token = again.json.access_token;
		assert.deepEqual(await s.sql('select 1'), [[1]]);
	}
	// It has what the login had, and not what the app might have.
	const less = await ask({ grant_type: 'password', ...ann, scope: 'cdp_query_api' });
	assert.deepEqual(scopesOf(await ask({ grant_type: 'refresh_token', refresh_token: less.json.refresh_token })), ['cdp_query_api']);
	// By an assertion for who asks for one; by client credentials never.
	const signed = await ask({ grant_type: bearer, assertion: app.sign({ jti: 'x' }), client_id: app.clientId, scope: 'api refresh_token' });
	assert.equal((await ask({ grant_type: 'refresh_token', refresh_token: signed.json.refresh_token })).status, 200);
	assert.equal((await ask({ grant_type: bearer, assertion: app.sign(), scope: 'api' })).json.refresh_token, undefined);
	assert.equal((await ask({ grant_type: 'client_credentials', scope: 'api refresh_token' })).json.refresh_token, undefined);
	const other = s.makeApp('other');
	for (const [form, error] of [
		[{ refresh_token: `${refresh}x` }, 'invalid_grant'], [{ refresh_token: s.token }, 'invalid_grant'], [{ refresh_token: refresh, client_id: other.clientId, client_secret: other.clientSecret }, 'invalid_grant'],
		[{ refresh_token: refresh, client_secret: 'wrong' }, 'invalid_client'], [{ refresh_token: '' }, 'invalid_request'], [{ refresh_token: refresh, client_secret: '' }, 'invalid_request'],
	])
		assert.deepEqual(refusal(await ask({ grant_type: 'refresh_token', ...form })), [400, error], JSON.stringify(form));
}, ['--password-grant', '--refresh-tokens']));

test('nobody can tell by a refusal what was wrong', () => withLogins(async (s, app) => {
	const ask = (form, headers = {}) => s.post(tokenPath, form, headers);
	const client = { grant_type: 'client_credentials', client_id: app.clientId, client_secret: app.clientSecret }, password = { ...client, grant_type: 'password', username: 'ann@example.com', password: s.password };
	assert.equal((await ask(password)).status, 200);
	const wrong = [{ client_id: 'nobody' }, { client_secret: 'wrong' }, { client_id: s.plain.clientId }, { client_secret: app.clientSecret.toLowerCase() }];
	const first = await Promise.all(wrong.map((change) => ask({ ...client, ...change })));
	assert.deepEqual(first.map(refusal), wrong.map(() => [400, 'invalid_client']));
	assert.equal(new Set(first.map((a) => a.text)).size, 1);
	await s.anew();
	const wrongToo = [...wrong, { username: 'nobody@example.com' }, { password: 'wrong' }, { username: 'no-password@example.com' }, { password: `${s.password} ` }];
	const second = await Promise.all(wrongToo.map((change) => ask({ ...password, ...change })));
	assert.deepEqual(second.map(refusal), wrongToo.map(() => [400, 'invalid_grant']));
	assert.equal(new Set(second.map((a) => a.text)).size, 1);
	// Who names himself by HTTP Basic is answered in its terms.
	const basic = await ask({ grant_type: 'client_credentials' }, { Authorization: `Basic ${Buffer.from(`${app.clientId}:wrong`).toString('base64')}` });
	assert.deepEqual([...refusal(basic), basic.headers.get('www-authenticate')], [401, 'invalid_client', 'Basic realm="sluice"']);
}, ['--password-grant']));

test('nor by the time that it takes', () => withLogins(async (s, app) => {
	const right = { grant_type: 'password', client_id: app.clientId, client_secret: app.clientSecret, username: 'ann@example.com', password: s.password };
	const shortest = async (change) => {
		await s.anew();	// ten failures in a minute are too many
		const times = [];
		for (let i = 0; i < 6; i++) {
			const begun = performance.now();
			assert.equal((await s.post(tokenPath, { ...right, ...change })).status, 400);
			times.push(performance.now() - begun);
		}
		return Math.min(...times);
	};
	const times = [];
	for (const change of [{ client_id: 'nobody' }, { client_secret: 'wrong' }, { username: 'nobody@example.com' }, { username: 'no-password@example.com' }])
		times.push([change, await shortest(change)]);
	// Some 50 ms; without the work a few.  Before and after, for what else the machine does only adds.
	const wanted = Math.min(await shortest({ password: 'wrong' }), await shortest({ password: 'wrong' }));
	for (const [change, time] of times)
		assert.ok(time > wanted / 4, `${JSON.stringify(change)}: ${time} ms instead of ${wanted}`);
}, ['--password-grant']));

test('where the server is, is where the client asked', () => withLogins(async (s, app) => {
	const named = { grant_type: 'client_credentials', client_id: app.clientId, client_secret: app.clientSecret };
	for (const [headers, wanted] of [[{ Host: 'sluice.example' }, 'http://sluice.example'], [{ Host: 'a.b:81', 'X-Forwarded-Proto': 'https' }, 'https://a.b:81'], [{ Host: '[::1]:8080' }, 'http://[::1]:8080'], [{ Host: 'a"b/c' }, 'http://localhost']]) {
		const { instance_url: url, id } = await s.wireForm(tokenPath, named, headers);
		assert.equal(url, wanted);
		assert.ok(id.startsWith(`${wanted}/id/00D`), id);
	}
}));
