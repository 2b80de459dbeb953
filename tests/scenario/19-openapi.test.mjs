// SPDX-License-Identifier: Apache-2.0
// GET /openapi.yaml tells the truth: it has the routes of routes.def and no others, and all that the walk over them (walk.mjs) is
// answered is what it declares.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { rootFolder, withServer } from './harness.mjs';
import { nobody, patterns, rightOf, routes, sources, walk, walkWithoutControls, World } from './walk.mjs';
import { parseYaml } from './yaml.mjs';

const source = readFileSync(join(rootFolder, 'src/api/openapi.yaml'), 'utf8');
const api = parseYaml(source);
const resolve = (thing) => thing?.$ref ? thing.$ref.split('/').slice(1).reduce((place, name) => place[name], api) : thing;
const operationOf = (method, pattern) => api.paths[pattern]?.[(method === 'HEAD' ? 'GET' : method).toLowerCase()];

// --- As much of JSON Schema as the document uses -----------------------------------------------------------------------

const kindOf = (value) => value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
const isType = (value, type) => type === 'integer' ? Number.isInteger(value) : kindOf(value) === type;
const formats = { uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ };
const rules = {
	type: (value, types) => [].concat(types).some((type) => isType(value, type)),
	enum: (value, values) => values.includes(value),
	const: (value, only) => value === only,
	pattern: (value, pattern) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
	format: (value, format) => formats[format].test(value),
	minimum: (value, least) => value >= least,
	maximum: (value, most) => value <= most,
	maxLength: (value, most) => value.length <= most,
	minItems: (value, least) => !Array.isArray(value) || value.length >= least,
	maxItems: (value, most) => !Array.isArray(value) || value.length <= most,
	anyOf: (value, schemas, at) => schemas.some((schema) => problems(value, schema, at).length === 0),
	required: (value, names) => kindOf(value) !== 'object' || names.every((name) => name in value),
};
const silent = ['description', 'default', 'x-extension', 'properties', 'additionalProperties', 'items'];

function problems(value, schema, at = '') {
	const { ...s } = resolve(schema);
	const found = Object.entries(s).filter(([rule]) => !silent.includes(rule)).filter(([rule, setting]) => !(rules[rule] ?? assert.fail(`no rule ${rule}`))(value, setting, at)).map(([rule]) => `${at || 'the answer'}: ${rule}: ${JSON.stringify(value)?.slice(0, 100)}`);
	if (kindOf(value) === 'array')
		found.push(...value.flatMap((item, i) => problems(item, s.items ?? {}, `${at}[${i}]`)));
	if (kindOf(value) === 'object')
		for (const [name, member] of Object.entries(value)) {
			const inner = s.properties?.[name] ?? s.additionalProperties ?? {};
			found.push(...(inner === false ? [`${at}.${name} is not declared`] : inner === true ? [] : problems(member, inner, `${at}.${name}`)));
		}
	return found;
}

test('the reader of schemas finds what is wrong', () => {
	const job = { $ref: '#/components/schemas/Job' }, part = { part: 1, bytes: 0, sha256: 'a'.repeat(64), acceptedDate: '2026-01-01T00:00:00.000Z' };
	assert.deepEqual(problems(part, api.components.schemas.Part), []);
	for (const wrong of [{ part: 0 }, { part: 1.5 }, { part: '1' }, { bytes: null }, { sha256: 'x' }, { acceptedDate: '2026-01-01' }, { more: 1 }, { part: undefined }])
		assert.notDeepEqual(problems({ ...part, ...wrong }, api.components.schemas.Part), [], JSON.stringify(wrong));
	assert.notDeepEqual(problems({}, job), []);
	assert.throws(() => parseYaml('a: *b\n'));
	assert.throws(() => parseYaml('a: 1\na: 2\n'));
});

test('its paths and methods are those of routes.def', () => {
	const declared = Object.entries(api.paths).flatMap(([path, item]) => Object.keys(item).filter((key) => key !== 'parameters').map((method) => `${method.toUpperCase()} ${path}`));
	assert.deepEqual(declared.sort(), routes.map((r) => `${r.method} ${r.pattern}`).sort());
	for (const pattern of patterns)
		assert.deepEqual((api.paths[pattern].parameters ?? []).map((p) => resolve(p).name), (pattern.match(/\{\w+\}/g) ?? []).map((name) => name.slice(1, -1)), pattern);
	for (const route of routes) {
		const operation = operationOf(route.method, route.pattern);
		assert.equal(operation.security?.length === 0, route.open === true, operation.operationId);
		assert.equal(operation.requestBody !== undefined, route.body !== 'NONE', operation.operationId);
		assert.ok(String(rightOf(route).status) in operation.responses, operation.operationId);
		if (route.body === 'WHOLE' && !rightOf(route).notJson)
			assert.deepEqual(problems(JSON.parse(rightOf(route).body), operation.requestBody.content['application/json'].schema), [], operation.operationId);
	}
	const used = new Set(source.match(/#\/components\/[\w/]+/g));
	for (const kind of ['parameters', 'responses', 'schemas'])
		for (const name of Object.keys(api.components[kind]))
			assert.ok(used.has(`#/components/${kind}/${name}`), `${kind}/${name} is used`);
	for (const reference of used)
		assert.ok(resolve({ $ref: reference }), reference);
});

test('it comes to every token, as it is in the source', () => withServer(async (s) => {
	const world = await World.make(s);
	for (const token of Object.values(world.tokens)) {
		const answer = await world.must(200, 'GET', '/openapi.yaml', { token });
		assert.equal(answer.text, source);
		assert.equal(answer.headers['content-type'], 'application/yaml');
		assert.equal(answer.headers['cache-control'], 'private, no-cache');
		assert.match(answer.headers.etag, /^"[0-9a-f]{64}"$/);
	}
	await world.must(401, 'GET', '/openapi.yaml', { token: null });
}));

test('who has the document already is told so', () => withServer(async (s) => {
	const world = await World.make(s);
	const { headers: { etag } } = await world.must(200, 'GET', '/openapi.yaml');
	for (const known of [etag, `W/${etag}`, `"x", ${etag}`, `"x" ,\t${etag} , "y"`, '*'])
		for (const method of ['GET', 'HEAD']) {
			const answer = await world.ask(method, '/openapi.yaml', { headers: [`If-None-Match: ${known}`, 'Connection: close'] });
			assert.deepEqual([answer.status, answer.headers.etag, answer.text], [304, etag, ''], known);
		}
	for (const other of ['"x"', etag.slice(1, -1), `${etag.slice(0, -1)}`, '', ',', 'W/'])
		await world.must(200, 'GET', '/openapi.yaml', { headers: [`If-None-Match: ${other}`] });
}));

// Rules that have every member, among them.
const faultRules = [
	{ method: 'PUT', path: '/never/**', job: nobody, skip: 1, count: 2, delayMs: 1, answer: { status: 503, message: 'Not now.', retryAfter: 3 } }, { path: '/never', cut: 'request', afterBytes: 5 }, { path: '/never', cut: 'answer' },
	{ job: nobody, connector: 'nowhere', object: 'nothing', count: 0, holdJobSeconds: 1, failJob: { message: 'no' } }, { job: nobody, failJob: {} },
];

test('the schema of a rule has the members that the server takes, and no others', () => {
	const schema = api.components.schemas.NewFaultRule;
	for (const rule of faultRules)
		assert.deepEqual(problems(rule, schema), []);
	const [, taken] = sources('src/emulate').match(/^bool fault_rule_parse\([^]*?members\[\] = \{([^}]*),\s*NULL\}/m);
	assert.deepEqual(Object.keys(schema.properties).sort(), taken.match(/\w+/g).sort());
	assert.deepEqual([...new Set(faultRules.flatMap(Object.keys))].sort(), Object.keys(schema.properties).sort());
	// In the answer the same, and what the server adds.
	assert.deepEqual(Object.keys(api.components.schemas.FaultRule.properties).filter((name) => !(name in schema.properties)), ['id', 'matched', 'applied']);
});

test('what the walk is answered is declared, to the member', () => withServer(async (s) => {
	const world = await World.make(s);
	for (const story of Object.values(walk))
		await story(world);
	// A job and a connector that have something to tell.
	const job = await s.load('things', 'id,n\na,1\n,2\n');
	for (const [method, path, pattern, options] of [
		['GET', `/api/v1/ingest/jobs/${job.id}`, '/api/v1/ingest/jobs/{id}'], ['GET', '/api/v1/ingest/jobs?limit=100', '/api/v1/ingest/jobs'], ['GET', '/api/v1/connectors', '/api/v1/connectors'],
		['GET', `/api/v1/ingest/jobs/${job.id}/failedResults`, '/api/v1/ingest/jobs/{id}/failedResults', { headers: ['Connection: close'] }],	// it comes in chunks
		['POST', '/api/v2/query', '/api/v2/query', { body: JSON.stringify({ sql: "select *, true, null, [1], date '2024-01-01', 1e300 from shop.things" }) }],
		['PUT', `/api/v1/ingest/jobs/${world.open.id}/batches`, '/api/v1/ingest/jobs/{id}/batches', { body: 'id,n\n', type: 'text/csv' }], ['GET', `/api/v1/ingest/jobs/${world.open.id}/batches`, '/api/v1/ingest/jobs/{id}/batches'],
		['PUT', '/api/v1/connectors/other', '/api/v1/connectors/{name}', { body: rightOf({ method: 'PUT', pattern: '/api/v1/connectors/{name}' }).body }],
		['PUT', '/api/v1/connectors/other/streams/things', '/api/v1/connectors/{name}/streams/{object}', { body: '{"primaryKey":"id"}' }],
		['DELETE', '/api/v1/test/faults', '/api/v1/test/faults'],	// the walk has left as many as there may be
		...faultRules.map((rule) => ['POST', '/api/v1/test/faults', '/api/v1/test/faults', { body: JSON.stringify(rule) }]), ['GET', '/api/v1/test/faults', '/api/v1/test/faults'], ['DELETE', '/api/v1/test/faults', '/api/v1/test/faults'],
	])
		assert.ok((await world.ask(method, path, options, pattern)).status < 300, path);
	assert.equal(job.numberRecordsFailed, 1);
	const stranger = { token: null, type: 'application/x-www-form-urlencoded', body: 'grant_type=client_credentials', headers: ['Authorization: Basic YTpi'] };
	await world.must(401, 'POST', '/services/oauth2/token', stranger, '/services/oauth2/token');

	await withServer(async (hosted) => {
		const strict = await World.make(hosted);	// with an open job
		await strict.askRight(routes.find((r) => r.method === 'POST' && r.pattern === '/api/v1/ingest/jobs'));
		world.seen.push(strict.seen.at(-1));
	}, { args: ['--emulate', 'hosted'] });
	await withServer(async (plain) => {
		const other = await World.make(plain);
		await walkWithoutControls(other);
		world.seen.push(...other.seen);
	});

	const met = new Set();
	for (const { method, pattern, path, answer } of world.seen) {
		const operation = pattern && operationOf(method, pattern);
		if (!operation)
			continue;	// no such operation: 401, 404 or 405
		const declared = resolve(operation.responses[answer.status]);
		const what = `${method} ${path.slice(0, 80)}: ${answer.status}`;
		assert.ok(declared, `${what} is declared`);
		met.add(`${operation.operationId} ${answer.status}`);
		const [type] = (answer.headers['content-type'] ?? '').split(';');
		if (answer.status !== 304)
			assert.deepEqual(type ? [type] : [], Object.keys(declared.content ?? {}), what);
		for (const header of Object.keys(declared.headers ?? {}))
			assert.ok(header.toLowerCase() in answer.headers, `${what}: ${header}`);
		if (method !== 'HEAD' && type === 'application/json')
			assert.deepEqual(problems(answer.json, declared.content[type].schema), [], what);
	}
	// And what is declared is met, but for what needs a failure, or a long time.
	const rare = (status) => ['304', '408', '429', '500', '503'].includes(status);
	for (const item of Object.values(api.paths))
		for (const { operationId, responses } of Object.values(item).filter((operation) => operation.operationId))
			for (const status of Object.keys(responses).filter((s) => !rare(s)))
				assert.ok(met.has(`${operationId} ${status}`), `${operationId} answers ${status}`);
}, { args: ['--test-controls', 'on'] }));
