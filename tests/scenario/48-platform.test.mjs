// SPDX-License-Identifier: Apache-2.0
// What clients of the platform around the hosted service ask once they have logged in: who am I, which versions are there, what is
// this organisation called.  Here with tokens of the command line; logins are in 42-oauth-login.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Server, withServer } from './harness.mjs';

const data = '/services/data/v60.0';
const soql = (text) => `${data}/query?q=${encodeURIComponent(text)}`;
const codeOf = ({ status, json }) => [status, json.length, json[0]?.errorCode];

test('a token is told whose it is, the same in each way to ask', () => withServer(async (s) => {
	const info = (await s.must(200, 'GET', '/services/oauth2/userinfo')).json;
	const { user_id: user, organization_id: org } = info;
	assert.match(user, /^005[0-9a-z]{12}AAA$/);
	assert.match(org, /^00D[0-9a-z]{12}EAA$/);
	const urls = { rest: `${s.url}/services/data/v{version}/`, sobjects: `${s.url}/services/data/v{version}/sobjects/`, query: `${s.url}/services/data/v{version}/query/` };
	const common = { user_id: user, organization_id: org, email: null, active: true, user_type: 'STANDARD', urls };
	assert.deepEqual(info, { sub: `${s.url}/id/${org}/${user}`, preferred_username: 'all', nickname: 'all', name: 'all', ...common });
	assert.deepEqual((await s.must(200, 'POST', '/services/oauth2/userinfo')).json, info);
	const identity = await s.must(200, 'GET', new URL(info.sub).pathname);
	assert.deepEqual(identity.json, { id: info.sub, asserted_user: true, username: 'all', nick_name: 'all', display_name: 'all', ...common });
	for (const id of [user, user.slice(0, 15)])
		assert.deepEqual((await s.must(200, 'GET', `${data}/sobjects/User/${id}`)).json, {
			attributes: { type: 'User', url: `${data}/sobjects/User/${user}` }, Id: user, Username: 'all', Name: 'all', Email: null, IsActive: true,
		});
	// Jobs are created by the same.
	await s.setUpThings({ id: 'string' });
	assert.equal((await s.createJob('things')).createdById, user);
}));

test('a name that is an address is an address', () => withServer(async (s) => {
	s.token = s.makeToken('ann@example.com', 'api');
	const info = (await s.must(200, 'GET', '/services/oauth2/userinfo')).json;
	assert.deepEqual([info.email, info.preferred_username], ['ann@example.com', 'ann@example.com']);
	assert.equal((await s.must(200, 'GET', `${data}/sobjects/User/${info.user_id}`)).json.Email, 'ann@example.com');
}));

test('organisation and users stay who they are, and other directories are others', async () => {
	const first = await Server.start();
	const ask = async (s) => (await s.must(200, 'GET', '/services/oauth2/userinfo')).json;
	const before = await ask(first);
	await first.kill();
	await first.run();
	const { user_id, organization_id } = await ask(first);
	assert.deepEqual([user_id, organization_id], [before.user_id, before.organization_id]);
	await first.stop();
	await withServer(async (other) => assert.notEqual((await ask(other)).organization_id, organization_id));
});

test('versions are listed without a token, by their names', () => withServer(async (s) => {
	const versions = (await s.must(200, 'GET', '/services/data', undefined, { Authorization: null })).json;
	assert.deepEqual(versions.filter(({ version }) => ['58.0', '62.0', '63.0', '64.0', '65.0'].includes(version)), [
		{ label: "Summer '23", url: '/services/data/v58.0', version: '58.0' }, { label: "Winter '25", url: '/services/data/v62.0', version: '62.0' },
		{ label: "Spring '25", url: '/services/data/v63.0', version: '63.0' }, { label: "Summer '25", url: '/services/data/v64.0', version: '64.0' },
		{ label: "Winter '26", url: '/services/data/v65.0', version: '65.0' },
	]);
	for (const { url } of [versions[0], versions.at(-1)])
		assert.equal((await s.must(200, 'GET', url)).json.query, `${url}/query`);
	for (const version of ['v30.0', 'v69.0', 'v60', '60.0', 'v60.1', 'V60.0', 'v060.0'])
		assert.deepEqual(codeOf(await s.call('GET', `/services/data/${version}`)), [404, 1, 'NOT_FOUND'], version);
}));

test('SOQL answers what the organisation is called, however it is spelled', () => withServer(async (s) => {
	const { organization_id: org } = (await s.must(200, 'GET', '/services/oauth2/userinfo')).json;
	const attributes = { type: 'Organization', url: `${data}/sobjects/Organization/${org}` };
	const one = (record) => ({ totalSize: 1, done: true, records: [{ attributes, ...record }] });
	assert.deepEqual((await s.must(200, 'GET', soql('SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix FROM Organization'))).json,
		one({ Name: 'Sluice', InstanceName: 'LOCAL', IsSandbox: false, TrialExpirationDate: null, NamespacePrefix: null }));
	assert.deepEqual((await s.must(200, 'GET', soql('Select Namespaceprefix FROM Organization'))).json, one({ NamespacePrefix: null }));
	assert.deepEqual((await s.must(200, 'GET', soql('\n select\tid ,OrganizationType from ORGANIZATION limit 1 '))).json, one({ Id: org, OrganizationType: 'Developer Edition' }));
	assert.deepEqual((await s.must(200, 'GET', soql('select id from organization limit 0'))).json, { totalSize: 0, done: true, records: [] });
	for (const [text, code, word] of [
		['SELECT Id FROM Account', 'INVALID_TYPE', 'Account'], ['SELECT Id, Nme FROM Organization', 'INVALID_FIELD', 'Nme'], ['SELECT Id, ID FROM Organization', 'MALFORMED_QUERY', 'ID'],
		['SELECT * FROM Organization', 'MALFORMED_QUERY', '*'], ['', 'MALFORMED_QUERY', 'SELECT'], ['SELECT Id', 'MALFORMED_QUERY', 'FROM'], ['SELECT Id FROM', 'MALFORMED_QUERY', 'object'],
		['SELECT Id FROM Organization WHERE Id = 1', 'MALFORMED_QUERY', 'WHERE'], ['SELECT Id FROM Organization LIMIT x', 'MALFORMED_QUERY', 'number'], ['SELECT Id FROM Organization LIMIT 1234567890', 'MALFORMED_QUERY', 'number'],
		['SELECT Id FROM Organization; DROP TABLE x', 'MALFORMED_QUERY', ';'], ['SELECT Id,, Name FROM Organization', 'MALFORMED_QUERY', ','], [`SELECT ${Array.from({ length: 33 }, (_, i) => `f${i}`)} FROM Organization`, 'MALFORMED_QUERY', '32'],
		[`SELECT Id FROM ${'x'.repeat(4090)}`, 'MALFORMED_QUERY', '4096'], ['SELECT Id FROM Organization\0', 'MALFORMED_QUERY', 'end'], ['SELECT (SELECT Id FROM Users) FROM Organization', 'MALFORMED_QUERY', '('],
	]) {
		const answer = await s.call('GET', soql(text));
		assert.deepEqual(codeOf(answer), [400, 1, code], text);
		assert.ok(answer.json[0].message.includes(word), `${text}: ${answer.text}`);
	}
	assert.deepEqual(codeOf(await s.call('GET', `${data}/query`)), [400, 1, 'MALFORMED_QUERY']);
}));

test('errors below /services/data have the form of the platform, and only there', () => withServer(async (s) => {
	for (const path of [data, `${data}/query?q=x`, '/services/data/none', '/services/data/v60.0/sobjects/User/none'])
		for (const token of [null, 'Bearer wrong', 'Basic eDp5'])
			assert.deepEqual(codeOf(await s.call('GET', path, undefined, { Authorization: token })), [401, 1, 'INVALID_SESSION_ID'], path);
	assert.deepEqual(codeOf(await s.call('DELETE', data)), [405, 1, 'METHOD_NOT_ALLOWED']);
	assert.deepEqual(codeOf(await s.call('GET', `${data}/sobjects/Account/1`)), [404, 1, 'NOT_FOUND']);
	assert.deepEqual(codeOf(await s.call('GET', `${data}/sobjects/User/005000000000999AAA`)), [404, 1, 'NOT_FOUND']);
	assert.deepEqual(codeOf(await s.call('GET', `${data}?${'x'.repeat(8192)}`)), [414, 1, 'REQUEST_TOO_LARGE']);
	// Slashes collapse before anybody looks.
	assert.deepEqual(codeOf(await s.call('GET', '//services///data//none')), [404, 1, 'NOT_FOUND']);
	assert.equal((await s.must(200, 'GET', '//services//data/')).json.length > 10, true);
	for (const path of ['/services/database', '/services', '/data', '/services/datax/v60.0'])
		assert.equal((await s.must(404, 'GET', path)).json.error, '404 NOT_FOUND', path);
}));
