// SPDX-License-Identifier: Apache-2.0
// The list of jobs: order, pages, filters, every spelling of every parameter, and what is refused.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { makeTable } from './records.mjs';

const path = '/api/v1/ingest/jobs';
const ids = (answer) => answer.json.data.map((job) => job.id);

// ${query}: { name: value }.
const list = (s, query = {}) => s.must(200, 'GET', `${path}?${new URLSearchParams(query)}`);

test('an empty list', () => withServer(async (s) => {
	assert.deepEqual((await s.must(200, 'GET', path)).json, { data: [], totalSize: 0 });
	const table = await makeTable(s, { id: 'string' });
	assert.deepEqual((await list(s, { limit: 100, offset: 0, states: 'Open' })).json, { data: [], totalSize: 0 });
	const job = await table.create();
	assert.deepEqual((await list(s)).json, { data: [job], totalSize: 1 });
}));

// 130 jobs are more than the longest page.  Created one after the other; then some change their state, so that the order of
// the last change is another one than that of creation.
test('130 jobs: order and pages', (t) => withServer(async (s) => {
	const table = await makeTable(s, { id: 'string' });
	const created = [];
	for (let i = 0; i < 130; i++)
		created.push((await table.create()).id);
	// From here on a job is told by its number.
	const numbers = (answer) => ids(answer).map((id) => created.indexOf(id));
	const changed = created.map((_, i) => i);
	for (const i of [70, 3, 129, 0, 64, 65, 12, 100]) {
		await s.patch(created[i], 'Aborted');
		changed.push(...changed.splice(changed.indexOf(i), 1));
	}
	const newest = { systemModstamp: changed.reverse(), createdDate: created.map((_, i) => 129 - i) };

	await t.test('the newest change first, 20 of them', async () => {
		const answer = await list(s);
		assert.equal(answer.json.totalSize, 130);
		assert.deepEqual(Object.keys(answer.json), ['data', 'totalSize']);
		assert.deepEqual(numbers(answer), newest.systemModstamp.slice(0, 20));
		for (const job of answer.json.data)
			assert.deepEqual(job, await s.job(job.id));	// each as if it were read alone
	});

	await t.test('every spelling of the order', async () => {
		const spellings = [
			['orderBy=systemModstamp', 'systemModstamp'], ['orderBy=systemModstamp%20desc', 'systemModstamp'], ['orderBy=systemModstamp+DESC', 'systemModstamp'],
			['orderBy=systemModstamp%20asc', 'systemModstamp', 'asc'], ['orderBy=systemModstamp+ASC', 'systemModstamp', 'asc'],
			['orderBy=createdDate', 'createdDate'], ['orderBy=createdDate%20desc', 'createdDate'], ['orderBy=createdDate+asc', 'createdDate', 'asc'],
			['orderby=createdDate', 'createdDate'], ['orderby=createdDate+asc', 'createdDate', 'asc'], ['orderby=systemModstamp%20ASC', 'systemModstamp', 'asc'],
			['orderBy=', 'systemModstamp'], ['orderby=', 'systemModstamp'], ['orderBy=&orderby=createdDate', 'createdDate'], ['orderBy=createdDate&orderby=', 'createdDate'],
			['orderBy=createdDate&orderby=systemModstamp', 'createdDate'], ['orderby=systemModstamp&orderBy=createdDate', 'createdDate'],
		];
		for (const [query, order, direction] of spellings) {
			const expected = direction === 'asc' ? [...newest[order]].reverse() : newest[order];
			const answer = await s.must(200, 'GET', `${path}?limit=100&${query}`);
			assert.deepEqual(numbers(answer), expected.slice(0, 100), query);
			assert.equal(answer.json.totalSize, 130);
			const stamps = answer.json.data.map((job) => job[order]), sorted = [...stamps].sort();
			assert.deepEqual(stamps, direction === 'asc' ? sorted : sorted.reverse(), query);
		}
	});

	await t.test('limit is 20, or 1 to 100', async () => {
		for (const [query, count] of [['', 20], ['limit=', 20], ['limit=1', 1], ['limit=2', 2], ['limit=99', 99], ['limit=100', 100], ['limit=100&offset=129', 1], ['Limit=5', 20], ['pageSize=5', 20]])
			assert.deepEqual(numbers(await s.must(200, 'GET', `${path}?${query}`)), newest.systemModstamp.slice(query.includes('129') ? 129 : 0).slice(0, count), query);
	});

	await t.test('offset skips; behind the end there is nothing', async () => {
		for (const offset of [0, 1, 19, 20, 64, 65, 66, 110, 111, 129, 130, 131, 1000, 2147483647, 2147483648, 999999999999]) {
			const answer = await list(s, { offset });
			assert.deepEqual(numbers(answer), newest.systemModstamp.slice(offset, offset + 20), `offset ${offset}`);
			assert.equal(answer.json.totalSize, 130);
		}
		assert.deepEqual(numbers(await s.must(200, 'GET', `${path}?offset=`)), newest.systemModstamp.slice(0, 20));
	});

	await t.test('pages follow on each other without overlap or gap, in every order', async () => {
		for (const order of ['systemModstamp', 'createdDate']) {
			for (const direction of ['asc', 'desc']) {
				for (const limit of [7, 13, 64, 65, 100]) {
					const all = [];
					for (let offset = 0; offset < 130; offset += limit)
						all.push(...numbers(await list(s, { orderBy: `${order} ${direction}`, limit, offset })));
					assert.deepEqual(all, direction === 'asc' ? [...newest[order]].reverse() : newest[order], `${order} ${direction}, ${limit} a page`);
				}
			}
		}
	});

	await t.test('pages of a filtered list, too', async () => {
		const open = newest.systemModstamp.slice(8);
		const all = [];
		for (let offset = 0; offset < 122; offset += 11) {
			const answer = await list(s, { states: 'Open', object: 'things', limit: 11, offset });
			assert.equal(answer.json.totalSize, 122);
			all.push(...numbers(answer));
		}
		assert.deepEqual(all, open);
	});

	await t.test('a deleted job is in no list', async () => {
		await s.must(204, 'DELETE', `${path}/${created[129]}`);
		const answer = await list(s, { orderBy: 'createdDate', limit: 3 });
		assert.deepEqual([answer.json.totalSize, numbers(answer)], [129, [128, 127, 126]]);
	});
}));

// A job in each state, on one of two connectors with two objects each.
test('filters and what is refused', (t) => withServer(async (s) => {
	const objects = { a: { type: 'object', properties: { id: { type: 'string' } } }, b: { type: 'object', properties: { id: { type: 'string' } } } };
	for (const connector of ['one', 'two']) {
		await s.must(201, 'PUT', `/api/v1/connectors/${connector}`, { openapi: '3.0.3', components: { schemas: objects } });
		for (const object of ['a', 'b'])
			await s.must(201, 'PUT', `/api/v1/connectors/${connector}/streams/${object}`, { primaryKey: 'id' });
	}
	const job = {};
	job.JobComplete = (await s.load('a', 'id\nx\n', 'upsert', 'one')).id;
	job.Failed = (await s.load('b', 'no\nx\n', 'upsert', 'one')).id;
	for (const [state, object, connector] of [['Open', 'a', 'one'], ['Aborted', 'a', 'two'], ['InProgress', 'b', 'two'], ['UploadComplete', 'b', 'two']])
		job[state] = (await s.createJob(object, 'upsert', connector)).id;
	await s.patch(job.Aborted, 'Aborted');
	s.hold();
	await s.patch(job.InProgress, 'UploadComplete');
	await s.held();
	await s.patch(job.UploadComplete, 'UploadComplete');

	const finds = async (query, states) => {
		const answer = await s.must(200, 'GET', `${path}?${query}`);
		assert.deepEqual(ids(answer).sort(), states.map((state) => job[state]).sort(), query);
		assert.equal(answer.json.totalSize, states.length, query);
		for (const found of answer.json.data)
			assert.equal(job[found.state], found.id);
	};
	const every = Object.keys(job);

	await t.test('states: any of the six, one or several', async () => {
		for (const state of every) {
			await finds(`states=${state}`, [state]);
			await finds(`state=${state}`, [state]);
		}
		await finds('states=Open,Failed', ['Open', 'Failed']);
		await finds('states=Failed,Open,Open', ['Open', 'Failed']);
		await finds('states=Open%2CFailed%2C%20Aborted', ['Open', 'Failed', 'Aborted']);
		await finds('state=JobComplete,InProgress', ['JobComplete', 'InProgress']);
		await finds(`states=${every.join()}`, every);
		await finds('states=', every);
		await finds('states=&state=Open', ['Open']);
		await finds('states=Failed&state=Open', ['Failed']);
	});

	await t.test('object and source name, exactly', async () => {
		await finds('sourceName=one', ['JobComplete', 'Failed', 'Open']);
		await finds('sourceName=two', ['Aborted', 'InProgress', 'UploadComplete']);
		await finds('object=a', ['JobComplete', 'Open', 'Aborted']);
		await finds('object=b&sourceName=two', ['InProgress', 'UploadComplete']);
		await finds('object=b&sourceName=two&states=InProgress,Open', ['InProgress']);
		await finds('object=b&sourceName=one&states=Open', []);
		await finds('object=&sourceName=', every);
		for (const query of ['object=c', 'object=A', 'object=a%20', 'sourceName=ONE', 'sourceName=on', 'sourceName=%25', 'object=_', 'object=%27%20or%201=1%20--', `object=${'x'.repeat(500)}`])
			await finds(query, []);
	});

	await t.test('all together', async () => {
		const answer = await s.must(200, 'GET', `${path}?sourceName=two&states=Aborted,UploadComplete,Open&orderBy=createdDate%20asc&limit=1&offset=1&unknown=1&empty=`);
		assert.deepEqual([ids(answer), answer.json.totalSize], [[job.UploadComplete], 2]);
	});

	await t.test('a bad value is refused with its name, itself and what would be right', async () => {
		const orders = ['id', 'state', 'createdDate up', 'createdDate asc desc', 'createdDate,systemModstamp', 'asc', '-createdDate', 'createdDateasc', 'created'];
		const states = ['Closed', 'open', 'OPEN', 'Open;Failed', 'Open,', ',Open', 'Open,,Failed', 'Open,Nothing', 'Open Failed', ','];
		const cases = [
			['limit', ['0', '-1', '101', '1000', 'x', '1.5', '1e1', '+5', ' 5', '5 ', '0x10', '٣', '99999999999999999999999'], (v) => `"limit" is "${v}"; it must be 1 to 100.`],
			['offset', ['-1', 'x', '1.5', '1e1', ' 1', '0x10', '99999999999999999999999'], (v) => `"offset" is "${v}"; it must be 0 or more.`],
			['orderBy', orders, (v) => `"orderBy" is "${v}"; it must be systemModstamp or createdDate, and asc or desc may follow.`],
			['orderby', orders, (v) => `"orderBy" is "${v}"; it must be systemModstamp or createdDate, and asc or desc may follow.`],
			['states', states, () => 'the states are Open, UploadComplete, InProgress, JobComplete, Failed and Aborted.'],
			['state', states, () => 'the states are Open, UploadComplete, InProgress, JobComplete, Failed and Aborted.'],
		];
		for (const [name, values, message] of cases) {
			for (const value of values) {
				const answer = await s.call('GET', `${path}?${new URLSearchParams({ [name]: value })}`);
				assert.equal(answer.status, 400, `${name}=${value}: ${answer.text.slice(0, 200)}`);
				assert.ok(answer.json.message.endsWith(message(value)), answer.json.message);
			}
		}
		assert.match((await s.must(400, 'GET', `${path}?states=Open,Closed`)).json.message, /"states" names "Closed"/);
	});
	await s.release();
	await s.job(job.UploadComplete, 60);
}, { args: ['--workers', '1'], holdAt: 'load.staged' }));
