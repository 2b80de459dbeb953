// SPDX-License-Identifier: Apache-2.0
// Streaming on the wire: what is accepted, what is refused and in which words, and that it lands.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const path = '/api/v1/ingest/sources/shop/things';
const accepted = { accepted: true };
const one = { id: 'a', n: 1, ok: true, at: '2024-05-06T07:08:09Z', day: '2024-05-06', k: 7 };
const types = { id: 'string', n: 'number', ok: 'boolean', at: 'date-time', day: 'date', k: 'integer' };

const post = (s, data, more = '') => s.call('POST', path + more, { data });
// All that was accepted so far is in the lake.
const landed = (s) => s.must(200, 'GET', '/api/v1/connectors/shop/streams/things?wait=60');
const rows = async (s, sql) => (await s.must(200, 'POST', '/api/v2/query', { sql })).json.data;
const all = async (s) => {
	await landed(s);
	return rows(s, 'select id, n::varchar, ok, "at", "day", k from shop.things order by id');
};

test('records are accepted, land, and replace those of their keys', () => withServer(async (s) => {
	await s.setUpThings(types);
	const first = await post(s, [one, { ...one, id: 'b', n: null, ok: null, at: '', day: null, k: null }]);
	assert.equal(first.status, 202);
	assert.deepEqual(first.json, accepted);
	assert.equal(first.headers.get('content-type'), 'application/json;charset=UTF-8');
	assert.equal((await all(s)).length, 2);
	assert.equal((await post(s, [{ ...one, n: 2.5 }])).status, 202);
	const [a, b] = await all(s);
	assert.deepEqual([a[0], a[1], a[2], a[5]], ['a', '2.500000000000000000', true, 7]);
	assert.match(a[3], /^2024-05-06T07:08:09/);
	assert.equal(a[4], '2024-05-06');
	assert.deepEqual(b, ['b', null, null, null, null, null]);
}));

test('a JSON number keeps its exact decimal value', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	const texts = ['0.1', '12345678901234567890.123456789012345678', '1e-18', '-0.000000000000000001', '9007199254740993', '1.5E3'];
	const body = `{"data":[${texts.map((text, i) => `{"id":"${i}","n":${text}}`).join()}]}`;
	assert.equal((await s.call('POST', path, body, { 'Content-Type': 'application/json' })).status, 202);
	await landed(s);
	assert.deepEqual((await rows(s, 'select n::varchar from shop.things order by id')).flat(), ['0.100000000000000000', '12345678901234567890.123456789012345678',
		'0.000000000000000001', '-0.000000000000000001', '9007199254740993.000000000000000000', '1500.000000000000000000']);
}));

test('one bad record refuses the whole request, and the report says what is wrong in order', () => withServer(async (s) => {
	await s.setUpThings({ event_id: 'string', total: 'number' }, { primaryKey: 'event_id' });
	const bad = '{"total":"5","x":1}';
	for (const more of ['', '/actions/test']) {
		const answer = await s.call('POST', path + more, `{"data":[{"event_id":"a","total":1},${bad}]}`, { 'Content-Type': 'application/json' });
		assert.equal(answer.status, 400);
		assert.equal(answer.json.message, 'Bad Request: JSON is properly formatted but has a mismatch with Schema.');
		assert.deepEqual(answer.json.details.validationReport, [{
			record: bad,
			causingExceptions: ['#: required key [event_id] not found', '#: extraneous key [x] is not permitted', '#/total: expected type: Number, found: String'],
		}]);
	}
	await landed(s);
	assert.deepEqual(await rows(s, 'select count(*) from shop.things'), [[0]]);
}));

test('actions/test stores nothing', () => withServer(async (s) => {
	await s.setUpThings(types);
	const answer = await post(s, [one], '/actions/test');
	assert.equal(answer.status, 200);
	assert.deepEqual(answer.json, accepted);
	assert.deepEqual(await all(s), []);
}));

test('what is not of the form is 400 and leaves nothing', () => withServer(async (s) => {
	await s.setUpThings(types);
	for (const body of ['', '[]', '{}', '{"data":{}}', '{"data":[1]}', '{"data":[{"id":"a"]}', '{"data":null}', '{"data":[{"id":"a","id":"b"}]}', `{"data":[${JSON.stringify(one)}]} x`])
		for (const more of ['', '/actions/test']) {
			const answer = await s.call('POST', path + more, body, { 'Content-Type': 'application/json' });
			assert.equal(answer.status, 400, body);
			assert.ok(answer.json.message.length > 10, body);
		}
	assert.deepEqual(await all(s), []);
}));

test('204,800 bytes are taken, one more is 413', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'string' });
	const sized = (bytes) => {
		const empty = '{"data":[{"id":"a","n":""}]}';
		return empty.replace('"n":""', `"n":"${'x'.repeat(bytes - empty.length)}"`);
	};
	assert.equal((await s.call('POST', path, sized(204801), { 'Content-Type': 'application/json' })).status, 413);
	assert.equal((await s.call('POST', path, sized(204800), { 'Content-Type': 'application/json' })).status, 202);
	await landed(s);
	assert.deepEqual(await rows(s, 'select length(n) from shop.things'), [[204800 - '{"data":[{"id":"a","n":""}]}'.length]]);
}));

test('records are deleted by the query string and by the body', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	const ids = async () => {
		await landed(s);
		return (await rows(s, 'select id from shop.things order by id')).flat();
	};
	await post(s, ['a', 'b', 'c d', 'e,f', 'g'].map((id) => ({ id, n: 1 })));
	const first = await s.call('DELETE', `${path}?ids=a,${encodeURIComponent('c d')},nobody`);
	assert.equal(first.status, 202);
	assert.deepEqual(first.json, accepted);
	assert.deepEqual(await ids(), ['b', 'e,f', 'g']);
	assert.equal((await s.call('DELETE', path, { ids: ['e,f', 'e,f', 'b'] })).status, 202);
	assert.deepEqual(await ids(), ['g']);
	const many = (count) => Array.from({ length: count }, (_, i) => `k${i}`);
	assert.equal((await s.call('DELETE', path, { ids: [...many(199), 'g'] })).status, 202);
	assert.deepEqual(await ids(), []);
	for (const [query, body] of [['', { ids: many(201) }], [`?ids=${many(201).join()}`], ['', { ids: [] }], ['', {}], ['', { ids: 'a' }], ['', { ids: [''] }], ['', { ids: [null] }], ['?ids=a', { ids: ['a'] }], ['']]) {
		const answer = await s.call('DELETE', path + query, body);
		assert.equal(answer.status, 400, query + JSON.stringify(body));
	}
}));

test('an unknown connector, object or stream is 404 and says which', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	for (const [wrong, words] of [['/api/v1/ingest/sources/none/things', /no connector named "none"/], ['/api/v1/ingest/sources/shop/none', /no object "none" with a data stream/]])
		for (const [method, more, body] of [['POST', '', { data: [{ id: 'a' }] }], ['POST', '/actions/test', { data: [{ id: 'a' }] }], ['DELETE', '', { ids: ['a'] }]]) {
			const answer = await s.call(method, wrong + more, body);
			assert.equal(answer.status, 404);
			assert.match(answer.json.message, words);
		}
}));

test('a body in a content coding is 415', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const answer = await s.call('POST', path, '{"data":[{"id":"a"}]}', { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
	assert.equal(answer.status, 415);
}));

test('a schema that grows is asked for at the next request', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	assert.equal((await post(s, [{ id: 'a' }])).status, 202);
	const grown = { openapi: '3.0.3', components: { schemas: { things: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'number' } } } } } };
	await s.must(200, 'PUT', '/api/v1/connectors/shop', grown);
	const refused = await post(s, [{ id: 'b' }]);
	assert.equal(refused.status, 400);
	assert.deepEqual(refused.json.details.validationReport[0].causingExceptions, ['#: required key [n] not found']);
	assert.equal((await post(s, [{ id: 'b', n: 3 }])).status, 202);
	await landed(s);
	assert.deepEqual(await rows(s, 'select id, n::integer from shop.things order by id'), [['a', null], ['b', 3]]);
}));

test('what was accepted is counted', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	await post(s, [{ id: 'a' }]);
	await post(s, [{ id: 'a' }], '/actions/test');
	await post(s, [{ id: 1 }]);
	await s.call('DELETE', `${path}?ids=a`);
	const { text } = await s.must(200, 'GET', '/metrics');
	assert.match(text, /^sluice_streaming_requests_total\{outcome="accepted"\} 2$/m);
	assert.match(text, /^sluice_streaming_requests_total\{outcome="valid"\} 1$/m);
	assert.match(text, /^sluice_streaming_requests_total\{outcome="refused"\} 1$/m);
	assert.match(text, /^sluice_streaming_bytes_total 21$/m);
}));
