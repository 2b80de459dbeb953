// SPDX-License-Identifier: Apache-2.0
// Connectors and data streams: stored, read back, checked, grown.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ecommSchema, withServer } from './harness.mjs';

const schemaOf = (properties) => ({ openapi: '3.0.3', components: { schemas: { things: { type: 'object', properties } } } });

test('a connector is stored and read back, its objects and fields with it', () => withServer(async (s) => {
	const made = await s.must(201, 'PUT', '/api/v1/connectors/ecomm', ecommSchema);
	assert.equal(made.json.name, 'ecomm');
	assert.equal(made.json.schema, ecommSchema);
	assert.deepEqual(made.json.objects.map((o) => o.name), ['orders', 'customers']);
	assert.deepEqual(made.json.objects[0].fields.slice(0, 4), [
		{ name: 'id', type: 'string', format: null, required: true },
		{ name: 'contact_name', type: 'string', format: null, required: false },
		{ name: 'created_date', type: 'date-time', format: null, required: false },
		{ name: 'tax_exempt', type: 'boolean', format: null, required: false },
	]);
	assert.equal(made.json.objects[0].stream, null);
	assert.equal((await s.must(200, 'PUT', '/api/v1/connectors/ecomm', ecommSchema)).json.revision, 2);
	const list = (await s.must(200, 'GET', '/api/v1/connectors')).json.connectors;
	assert.deepEqual(list.map((c) => [c.name, c.revision, c.schema]), [['ecomm', 2, undefined]]);
	await s.must(404, 'GET', '/api/v1/connectors/nobody');
}));

test('a bad document is refused with every broken rule', () => withServer(async (s) => {
	const answer = await s.must(400, 'PUT', '/api/v1/connectors/shop', schemaOf({ a__b: { type: 'string' }, version: { type: 'string' }, list: { type: 'array', items: { type: 'string' } } }));
	assert.equal(answer.json.details.problemCount, 3);
	for (const field of ['a__b', 'version', 'list'])
		assert.ok(answer.json.details.problems.some((p) => p.includes(field)), field);
	await s.must(404, 'GET', '/api/v1/connectors/shop');
	for (const body of ['', 'not: [a schema', '{"openapi":"3.0.3"}', '\u0000'])
		assert.equal((await s.call('PUT', '/api/v1/connectors/shop', body)).status, 400, JSON.stringify(body));
}));

test('a connector has a plain name that the lake can use', () => withServer(async (s) => {
	for (const name of ['a.b', 'a%20b', 'x'.repeat(81), 'main', 'Temp', 'information_schema', 'caf%C3%A9'])
		assert.equal((await s.call('PUT', `/api/v1/connectors/${name}`, ecommSchema)).status, 400, name);
	await s.must(201, 'PUT', `/api/v1/connectors/${'x'.repeat(80)}`, ecommSchema);
	await s.must(201, 'PUT', '/api/v1/connectors/With-Dash_9', ecommSchema);
	assert.equal((await s.call('PUT', '/api/v1/connectors/WITH-DASH_9', ecommSchema)).status, 409);
}));

test('a schema may grow, but neither shrink nor change a type', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	assert.equal((await s.load('things', 'id,n\na,1\n')).state, 'JobComplete');
	const removed = await s.must(409, 'PUT', '/api/v1/connectors/shop', schemaOf({ id: { type: 'string' } }));
	assert.match(removed.json.message, /^The request conflicts with current state of the target resource: .*\bn\b/);
	const changed = await s.must(409, 'PUT', '/api/v1/connectors/shop', schemaOf({ id: { type: 'string' }, n: { type: 'string' } }));
	assert.match(changed.json.message, /\bn\b.*number.*string/);
	await s.must(200, 'PUT', '/api/v1/connectors/shop', schemaOf({ id: { type: 'string' }, n: { type: 'number' }, d: { type: 'string', format: 'date' } }));
	assert.deepEqual(await s.sql('select * from shop.things'), [['a', '1.000000000000000000', null]]);
	assert.equal((await s.load('things', 'd,n,id\n2024-02-29,2,b\n')).state, 'JobComplete');
	assert.deepEqual(await s.sql('select id, n, d from shop.things order by id'), [['a', '1.000000000000000000', null], ['b', '2.000000000000000000', '2024-02-29']]);
	assert.deepEqual(await s.sql('select id__c, d__c from shop_things__dll order by 1'), [['a', null], ['b', '2024-02-29']]);
}));

test('a stream must fit its object', () => withServer(async (s) => {
	await s.must(201, 'PUT', '/api/v1/connectors/ecomm', ecommSchema);
	const put = (body, object = 'orders') => s.call('PUT', `/api/v1/connectors/ecomm/streams/${object}`, body);
	const bad = [
		[{}, /primaryKey/],
		[{ primaryKey: 'nope' }, /nope/],
		[{ primaryKey: 7 }, /"primaryKey" must be a string/],
		[{ primaryKey: 'id', category: 'Other things' }, /Profile, Engagement or Other/],
		[{ primaryKey: 'id', refreshMode: 'Replace' }, /Upsert or Partial/],
		[{ primaryKey: 'id', recordModifiedField: 'total' }, /total/],
		[{ primaryKey: 'id', recordModifiedField: 'nope' }, /nope/],
		[{ primaryKey: 'id', category: 'Engagement' }, /eventTimeField|event time/],
		[{ primaryKey: 'id', category: 'Engagement', eventTimeField: 'created_date', recordModifiedField: 'modified_date' }, /modified_date|record ?modified/i],
		[{ primaryKey: 'id', eventTimeField: 'created_date' }, /event ?time/i],
	];
	for (const [body, message] of bad) {
		const answer = await put(body);
		assert.equal(answer.status, 400, JSON.stringify(body));
		assert.match(answer.json.message, message);
	}
	assert.equal((await put({ primaryKey: 'id' }, 'nothing')).status, 404);
	assert.equal((await s.call('PUT', '/api/v1/connectors/nobody/streams/orders', { primaryKey: 'id' })).status, 404);
	const made = await put({ primaryKey: 'id', category: 'Profile', recordModifiedField: 'modified_date' });
	assert.equal(made.status, 201);
	assert.deepEqual(made.json, { connector: 'ecomm', object: 'orders', primaryKey: 'id', category: 'Profile', recordModifiedField: 'modified_date', eventTimeField: null, refreshMode: 'Upsert' });
	const { streaming, ...settings } = (await s.must(200, 'GET', '/api/v1/connectors/ecomm/streams/orders')).json;
	assert.deepEqual(settings, made.json);
	assert.deepEqual(streaming, { acceptedPosition: 0, appliedPosition: 0, pendingBytes: 0, oldestPendingSeconds: 0 });
	assert.equal((await put({ primaryKey: 'contact_name', recordModifiedField: 'modified_date' })).status, 409);
	assert.equal((await put({ primaryKey: 'id', category: 'Other', recordModifiedField: 'modified_date' })).status, 200);
	assert.deepEqual(await s.sql('select * from ecomm.orders'), []);	// the table is there at once
}));

test('two streams cannot have one table', () => withServer(async (s) => {
	const two = (name) => ({ openapi: '3.0.3', components: { schemas: { [name]: { type: 'object', properties: { id: { type: 'string' } } } } } });
	await s.must(201, 'PUT', '/api/v1/connectors/a', two('b_c'));
	await s.must(201, 'PUT', '/api/v1/connectors/a_b', two('c'));
	await s.must(201, 'PUT', '/api/v1/connectors/a/streams/b_c', { primaryKey: 'id' });
	assert.equal((await s.call('PUT', '/api/v1/connectors/a_b/streams/c', { primaryKey: 'id' })).status, 409);
}));

test('a connector goes only when it has no jobs, and its records go with it', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.load('things', 'id\na\n');
	assert.match((await s.must(409, 'DELETE', '/api/v1/connectors/shop')).json.message, /has jobs/);
	await s.must(204, 'DELETE', `/api/v1/ingest/jobs/${job.id}`);
	assert.deepEqual(await s.sql('select * from shop.things'), [['a']]);
	await s.must(204, 'DELETE', '/api/v1/connectors/shop');
	await s.must(404, 'GET', '/api/v1/connectors/shop');
	await s.must(404, 'DELETE', '/api/v1/connectors/shop');
	await s.setUpThings({ id: 'integer', other: 'date' });
	assert.deepEqual(await s.sql('select * from shop.things'), []);
}));

test('changes of one connector come one after the other, in catalog and lake together', () => withServer(async (s) => {
	await s.must(201, 'PUT', '/api/v1/connectors/shop', schemaOf({ id: { type: 'string' }, mail: { type: 'string' } }));
	s.hold();	// a stream that is in the catalog, and its table not yet in the lake
	const made = s.call('PUT', '/api/v1/connectors/shop/streams/things', { primaryKey: 'id' });
	await s.held();
	const rekeyed = s.call('PUT', '/api/v1/connectors/shop/streams/things', { primaryKey: 'mail' });
	const gone = s.call('DELETE', '/api/v1/connectors/shop');
	for (let i = 0; i < 20; i++)
		await s.must(200, 'GET', '/api/v1/connectors');
	await s.release();
	assert.equal((await made).status, 201);
	assert.ok([404, 409].includes((await rekeyed).status), `the key changed: ${(await rekeyed).text}`);
	assert.equal((await gone).status, 204);
	// No table stayed behind: the name is free for other fields, and the server starts.
	await s.setUpThings({ id: 'integer' });
	await s.kill('SIGTERM');
	await s.run();
	assert.deepEqual(await s.sql('select * from shop.things'), []);
}, { holdAt: 'stream.stored' }));
