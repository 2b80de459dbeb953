// SPDX-License-Identifier: Apache-2.0
// Schema documents through the front door: everything that is wrong is told at once and where it stands, what a later document
// may not do is told as wholly, and growing is free.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const put = (s, document, name = 'shop') => s.call('PUT', `/api/v1/connectors/${name}`, document);
const long = 'a'.repeat(81);

test('every broken rule of a document is told at once, each with its place and line', () => withServer(async (s) => {
	const document = `openapi: 3.1.0
components:
  schemas:
    my order:
      properties:
        id: {type: string}
    empty: {type: object, properties: {}}
    nothing: {type: object}
    ${long}: {properties: {id: {type: string}}}
    orders:
      required: [id, missing]
      properties:
        id: {type: string}
        ID: {type: string}
        a__b: {type: string}
        caf\u00e9: {type: string}
        ${long}: {type: string}
        version: {type: string}
        nested: {type: object, properties: {x: {type: string}}}
        list: {type: array, items: {type: string}}
        money: {type: currency}
        untyped: {}
        lost: {$ref: '#/components/schemas/nobody'}
    Orders: {properties: {id: {type: string}}}
`;
	const answer = await put(s, document);
	assert.equal(answer.status, 400);
	const at = 'components.schemas';
	const expected = [
		/^openapi: .*"3\.1\.0".*3\.0\.x.*\(line 1\)$/, [`${at}.my order: `, 'a-z A-Z 0-9 _ -', '(line 4)'], [`${at}.empty.properties: `, 'at least one', '(line 7)'], [`${at}.nothing: `, 'at least one', '(line 8)'],
		[`${at}.aaa`, 'at most 80', '(line 9)'], [`${at}.orders.required[1]: `, '"missing"', '(line 11)'], [`${at}.orders.properties.ID: `, 'in case only', '(line 14)'], [`${at}.orders.properties.a__b: `, 'two underscores', '(line 15)'],
		[`${at}.orders.properties.caf\u00e9: `, 'a-z A-Z 0-9 _ -', '(line 16)'], [`${at}.orders.properties.aaa`, 'at most 80', '(line 17)'], [`${at}.orders.properties.version: `, 'reserved', '(line 18)'],
		[`${at}.orders.properties.nested: `, 'nested objects', '(line 19)'], [`${at}.orders.properties.list: `, 'arrays are not', '(line 20)'], [`${at}.orders.properties.money: `, '"currency"', '(line 21)'], [`${at}.orders.properties.untyped: `, 'no type', '(line 22)'],
		[`${at}.orders.properties.lost: `, '$ref', '(line 23)'], [`${at}.Orders: `, 'in case only', '(line 24)'],
	];
	const { problemCount, problems } = answer.json.details;
	for (const what of expected)
		assert.equal(problems.filter((p) => Array.isArray(what) ? p.startsWith(what[0]) && p.includes(what[1]) && p.endsWith(what[2]) : what.test(p)).length, 1, `${what} in\n${problems.join('\n')}`);
	assert.equal(problemCount, expected.length);
	assert.match(answer.json.message, /17 problems/);
	assert.equal((await put(s, 'openapi: 3.0.3\ncomponents: {schemas: {}}')).json.details.problems[0], 'components.schemas: there is no object; at least one is needed (line 2)');
	assert.equal((await s.call('GET', '/api/v1/connectors/shop')).status, 404);
}));

test('each rule is kept to the last character: 80 in a name, 1,000 fields, and the names that are nearly reserved', () => withServer(async (s) => {
	const name = 'Ab9_-'.repeat(16);	// 80
	const fields = { [name]: { type: 'string' }, version_: { type: 'string' }, a_b_: { type: 'string' }, _: { type: 'number' }, '-': { type: 'string' } };
	const of = (properties, object = name) => ({ openapi: '3.0.99', components: { schemas: { [object]: { type: 'object', properties } } } });
	assert.equal((await put(s, of(fields))).status, 201);
	assert.deepEqual((await s.must(200, 'GET', '/api/v1/connectors/shop')).json.objects.map((o) => [o.name, o.fields.map((f) => f.name)]), [[name, Object.keys(fields)]]);
	const many = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, { type: 'string' }]));
	assert.equal((await put(s, of(many(1000), 'wide'), 'wide')).status, 201);
	assert.equal((await put(s, of(many(1001), 'wide'), 'wider')).status, 400);
	for (const reserved of ['date_id', 'location_id', 'dat_account_currency', 'dat_exchange_rate', 'pacing_period', 'pacing_end_date', 'row_count', 'version'])
		assert.match((await put(s, of({ [reserved]: { type: 'string' } }, 'o'), 'other')).json.message, new RegExp(`"${reserved}" is reserved`));
}));

test('$ref is followed, aliases are refused, and no document is too hostile to be answered', () => withServer(async (s) => {
	const named = { openapi: '3.0.3', components: { schemas: {
		o: { type: 'object', properties: { id: { $ref: '#/components/schemas/key' }, at: { $ref: '#/components/schemas/moment' } } },
		key: { $ref: '#/components/schemas/text' }, text: { type: 'string' }, moment: { type: 'string', format: 'date-time' }, same: { $ref: '#/components/schemas/o' },
	} } };
	const made = await s.must(201, 'PUT', '/api/v1/connectors/shop', named);
	assert.deepEqual(made.json.objects.map((o) => [o.name, o.fields.map((f) => f.type)]), [['o', ['string', 'date-time']], ['same', ['string', 'date-time']]]);
	const head = 'openapi: 3.0.3\ncomponents:\n  schemas:\n';
	const bombs = {
		'an alias': [`${head}    o: {properties: {a: &t {type: string}, b: *t}}\n`, /aliases are not supported/],
		'aliases of aliases': [`a0: &a0 [x]\n${Array.from({ length: 60 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]\n`).join('')}${head}    o: {properties: {a: {type: string}}}\n`, /aliases are not supported/],
		'a circle': [`${head}    o: {properties: {a: {type: string}}}\n    p: {$ref: '#/components/schemas/q'}\n    q: {$ref: '#/components/schemas/p'}\n`, /circle/],
		'65 levels': [`${head}    o: {properties: {a: {type: string}}}\nx: ${'['.repeat(64)}${']'.repeat(64)}\n`, /deeper than 64 levels/],
		'a hundred thousand levels': [`x: ${'['.repeat(100000)}`, /deeper than 64 levels/],
		'more than 200,000 values': [`${head}    o: {properties: {a: {type: string}}}\nx: [${'1,'.repeat(200001)}1]\n`, /more than 200000 keys and values/],
	};
	for (const [what, [document, message]] of Object.entries(bombs)) {
		const answer = await put(s, document, 'bomb');
		assert.equal(answer.status, 400, what);
		assert.match(answer.json.message, message, what);
	}
}));

test('what a later document may not do is told whole: each object and field that goes, each type that changes', () => withServer(async (s) => {
	const of = (schemas) => ({ openapi: '3.0.3', components: { schemas: Object.fromEntries(Object.entries(schemas).map(([name, fields]) =>
		[name, { type: 'object', properties: Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, type.startsWith('date') ? { type: 'string', format: type } : { type }])) }])) } });
	const now = { orders: { id: 'string', n: 'number', at: 'date-time', b: 'boolean' }, customers: { id: 'string' }, gone: { id: 'string' } };
	await s.must(201, 'PUT', '/api/v1/connectors/shop', of(now));
	const answer = await s.must(409, 'PUT', '/api/v1/connectors/shop', of({ orders: { N: 'number', id: 'integer', at: 'date' }, customers: { id: 'string', more: 'number' } }));
	assert.match(answer.json.message, /^The request conflicts with current state of the target resource: /);
	assert.deepEqual([...answer.json.details.problems].sort(), [
		'gone: the object can\'t be removed', 'orders.at: type date-time can\'t become date', 'orders.b: the field can\'t be removed', 'orders.id: type string can\'t become integer', 'orders.n: the field can\'t be removed',
	]);
	assert.deepEqual((await s.must(200, 'GET', '/api/v1/connectors/shop')).json.objects[0].fields.map((f) => f.name), ['id', 'n', 'at', 'b']);
	// Every type into every other.
	const types = ['string', 'number', 'integer', 'boolean', 'date', 'date-time'];
	for (const from of types) {
		await s.must(201, 'PUT', `/api/v1/connectors/from-${from}`, of({ o: { id: 'string', v: from } }));
		for (const to of types)
			await s.must(from === to ? 200 : 409, 'PUT', `/api/v1/connectors/from-${from}`, of({ o: { id: 'string', v: to } }));
	}
	// Adding objects and fields, in any order, is a change that is taken.
	const grown = await s.must(200, 'PUT', '/api/v1/connectors/shop', of({ fresh: { id: 'string' }, gone: { z: 'date', id: 'string' }, customers: { id: 'string' }, orders: { more: 'date', b: 'boolean', at: 'date-time', n: 'number', id: 'string' } }));
	assert.deepEqual(grown.json.objects.map((o) => [o.name, o.fields.length]), [['fresh', 1], ['gone', 2], ['customers', 1], ['orders', 5]]);
}));
