// SPDX-License-Identifier: Apache-2.0
// What holds for every resource: how a path may be written, which parameters and members are passed over, the form of times
// and of JSON answers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const jobs = '/api/v1/ingest/jobs';
const json = 'application/json;charset=UTF-8';

test('repeated slashes count as one, and one at the end as none', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const spellings = (path) => [path, `${path}/`, `${path}///`, `/${path}`, path.replaceAll('/', '//'), `${path.replaceAll('/', '///')}//`];
	const { id } = await s.createJob('things');
	await s.must(202, 'PUT', `${jobs}/${id}/batches`, 'id\na,1\n', { 'Content-Type': 'text/csv' });
	for (const path of ['/healthz', '/readyz', jobs, `${jobs}/${id}`, `${jobs}/${id}/batches`, '/api/v1/connectors', '/api/v1/connectors/shop', '/api/v1/connectors/shop/streams/things']) {
		const plain = await s.must(200, 'GET', path);
		for (const spelling of spellings(path))
			assert.deepEqual((await s.must(200, 'GET', spelling)).json, plain.json, spelling);
	}
	for (const path of spellings('/api/v2/query'))
		assert.deepEqual((await s.must(200, 'POST', path, { sql: 'select 1' })).json.data, [[1]]);
	for (const path of spellings(jobs))
		await s.must(201, 'POST', path, { object: 'things', sourceName: 'shop', operation: 'upsert' });
	for (const path of spellings(`${jobs}/${id}/batches`))
		await s.must(202, 'PUT', path, 'id\n', { 'Content-Type': 'text/csv' });
	for (const path of spellings(`${jobs}/${id}`))
		assert.equal((await s.must(200, 'PATCH', path, { state: 'Aborted' })).json.state, 'Aborted');
	await s.must(204, 'DELETE', `/${jobs}//${id}//`);
}));

test('unknown and empty query parameters are passed over', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const queries = ['?', '?x', '?x=1', '?x=&y', '?limits=0&Wait=x', '?wait=', '?limit=&offset=&orderBy=&orderby=&states=&state=&object=&sourceName=', '?&&=&=1'];
	for (const query of queries) {
		const { id } = (await s.must(201, 'POST', `${jobs}${query}`, { object: 'things', sourceName: 'shop', operation: 'upsert' })).json;
		await s.must(202, 'PUT', `${jobs}/${id}/batches${query}`, 'id\na\n', { 'Content-Type': 'text/csv' });
		for (const path of [jobs, `${jobs}/${id}`, `${jobs}/${id}/batches`, '/api/v1/connectors', '/api/v1/connectors/shop', '/api/v1/connectors/shop/streams/things', '/healthz'])
			assert.deepEqual((await s.must(200, 'GET', path + query)).json, (await s.must(200, 'GET', path)).json, path + query);
		await s.must(200, 'PATCH', `${jobs}/${id}${query}`, { state: 'Aborted' });
		await s.must(200, 'GET', `${jobs}/${id}/failedResults${query}`);
		await s.must(204, 'DELETE', `${jobs}/${id}${query}`);
		await s.must(200, 'POST', `/api/v2/query${query}`, { sql: 'select 1' });
		await s.must(200, 'PUT', `/api/v1/connectors/shop/streams/things${query}`, { primaryKey: 'id' });
	}
}));

test('a GET may carry a Content-Type', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const { id } = await s.load('things', 'id\na\n');
	for (const type of ['application/json', 'text/csv', 'application/json; charset=UTF-8', 'nonsense', ''])
		for (const path of ['/healthz', jobs, `${jobs}/${id}`, `${jobs}/${id}/batches`, `${jobs}/${id}/failedResults`, '/api/v1/connectors', '/api/v1/connectors/shop/streams/things'])
			await s.must(200, 'GET', path, undefined, { 'Content-Type': type });
}));

test('JSON answers say that they are JSON in UTF-8, errors as well', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const { id } = await s.createJob('things');
	const answers = [
		['GET', '/healthz'], ['GET', '/readyz'], ['GET', jobs], ['GET', `${jobs}/${id}`], ['GET', `${jobs}/${id}/batches`], ['POST', jobs, { object: 'things', sourceName: 'shop', operation: 'upsert' }],
		['PATCH', `${jobs}/${id}`, { state: 'Aborted' }], ['POST', '/api/v2/query', { sql: "select 'ä'" }], ['GET', '/api/v1/connectors'], ['GET', '/api/v1/connectors/shop'], ['GET', '/api/v1/connectors/shop/streams/things'],
		['PUT', '/api/v1/connectors/shop/streams/things', { primaryKey: 'id' }], ['GET', '/nowhere'], ['POST', jobs, {}], ['DELETE', jobs], ['PATCH', `${jobs}/${id}`, { state: 'UploadComplete' }],
	];
	for (const [method, path, body] of answers) {
		const answer = await s.call(method, path, body);
		assert.equal(answer.headers.get('content-type'), json, `${method} ${path}`);
		assert.equal(typeof answer.json, 'object', `${method} ${path}`);
	}
	const part = await s.createJob('things');
	assert.equal((await s.upload(part.id, 'id\n')).headers.get('content-type'), json);
}));

// A zone that needs no table of zones: fourteen hours ahead.
test("times are UTC, whatever the server's own zone", () => withServer(async (s) => {
	const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, us = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, ns = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
	const begun = Date.now();
	await s.setUpThings({ id: 'string' });
	const { id } = await s.load('things', 'id\na\n');
	const job = await s.job(id), open = await s.createJob('things');
	await s.upload(open.id, 'id\n');
	const part = (await s.must(200, 'GET', `${jobs}/${open.id}/batches`)).json.data[0];
	const query = (await s.must(200, 'POST', '/api/v2/query', { sql: 'select now() as n' })).json;
	const connector = (await s.must(200, 'GET', '/api/v1/connectors/shop')).json;
	const error = (await s.must(404, 'GET', '/nowhere')).json;
	const times = [
		[job.createdDate, us], [job.systemModstamp, ms], [open.createdDate, us], [open.systemModstamp, ms], [part.acceptedDate, ms], [query.startTime, ms], [query.endTime, ms],
		[connector.createdDate, ms], [connector.modifiedDate, ms], [error.timestamp, ns],
	];
	for (const [i, [time, form]] of times.entries()) {
		assert.match(time, form, `time ${i}`);
		const at = Date.parse(time.replace(/(\.\d{3})\d*Z/, '$1Z'));
		assert.ok(at >= begun - 1 && at <= Date.now() + 1, `time ${i}: ${time}`);
	}
	assert.ok(Math.abs(Date.parse(query.data[0][0]) - Date.now()) < 60000, query.data[0][0]);
}, { env: { TZ: 'FAR-14' } }));

test('unknown members of a request are passed over', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const more = { unknown: 1, ID: [{ deep: null }], State: 'Nonsense', contentType: 'JSON', '': '' };
	const { id } = (await s.must(201, 'POST', jobs, { object: 'things', sourceName: 'shop', operation: 'upsert', ...more })).json;
	assert.equal((await s.must(200, 'PATCH', `${jobs}/${id}`, { state: 'Aborted', ...more })).json.state, 'Aborted');
	const stream = (await s.must(200, 'PUT', '/api/v1/connectors/shop/streams/things', { primaryKey: 'id', ...more })).json;
	assert.deepEqual(Object.keys(stream), ['connector', 'object', 'primaryKey', 'category', 'recordModifiedField', 'eventTimeField', 'refreshMode']);
	assert.deepEqual((await s.must(200, 'POST', '/api/v2/query', { sql: 'select 1', ...more })).json.data, [[1]]);
}));
