// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/metadata: what there is to query, as the hosted service tells it; and that what it tells is true in SQL.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const path = '/api/v1/metadata';
const list = async (s, filter = '') => (await s.must(200, 'GET', `${path}${filter}`)).json.metadata;
const names = async (s, filter) => (await list(s, filter)).map((entity) => entity.name);
const schemaOf = (objects) => ({ openapi: '3.0.3', components: { schemas: Object.fromEntries(Object.entries(objects).map(([name, properties]) => [name, { type: 'object', properties }])) } });
const text = { type: 'string' };

async function make(s, connector, objects, streams = {}) {
	await s.must(201, 'PUT', `/api/v1/connectors/${connector}`, schemaOf(objects));
	for (const [object, settings] of Object.entries(streams))
		await s.must(201, 'PUT', `/api/v1/connectors/${connector}/streams/${object}`, { primaryKey: 'id', ...settings });
}

const field = (name, type, businessType = type) => ({ name: `${name}__c`, displayName: name, type, businessType });

test('an entity has the members that a client expects, and every type its word', () => withServer(async (s) => {
	assert.equal((await s.must(200, 'GET', path)).text, '{"metadata":[]}');
	await make(s, 'ecomm', {
		orders: {
			total: { type: 'number' }, id: text, day: { type: 'string', format: 'date' }, at: { type: 'string', format: 'date-time' }, paid: { type: 'boolean' }, pieces: { type: 'integer' },
			mail: { type: 'string', format: 'email' }, tel: { type: 'string', format: 'phone' }, link: { type: 'string', format: 'url' }, rate: { type: 'number', format: 'percent' },
		},
		without_stream: { id: text },
	}, { orders: { category: 'Profile' } });
	const answer = await s.must(200, 'GET', path);
	assert.equal(answer.headers.get('content-type'), 'application/json;charset=UTF-8');
	// To the letter: the order of members is the hosted service's.
	assert.equal(answer.text, JSON.stringify({ metadata: [{
		name: 'ecomm_orders__dll', displayName: 'orders', category: 'Profile',
		fields: [
			field('total', 'NUMBER'), field('id', 'STRING', 'TEXT'), field('day', 'DATE'), field('at', 'DATE_TIME'), field('paid', 'BOOLEAN'), field('pieces', 'NUMBER'),
			field('mail', 'STRING', 'TEXT'), field('tel', 'STRING', 'TEXT'), field('link', 'STRING', 'TEXT'), field('rate', 'NUMBER'),
		],
		indexes: [], relationships: [], primaryKeys: [{ name: 'id__c', displayName: 'id', indexOrder: '1' }],
	}] }));
	// What it names is there, under these names and in this order; a field that comes later comes here, too.
	const { metadata } = (await s.must(200, 'POST', '/api/v2/query', { sql: 'select * from ecomm_orders__dll' })).json;
	assert.deepEqual(Object.keys(metadata), answer.json.metadata[0].fields.map(({ name }) => name));
	await s.must(200, 'PUT', '/api/v1/connectors/ecomm', schemaOf({ orders: { id: text, total: { type: 'number' }, day: { type: 'string', format: 'date' }, at: { type: 'string', format: 'date-time' },
		paid: { type: 'boolean' }, pieces: { type: 'integer' }, mail: text, tel: text, link: text, rate: { type: 'number' }, more: text }, without_stream: { id: text } }));
	assert.deepEqual((await list(s))[0].fields.at(-1), field('more', 'STRING', 'TEXT'));
	assert.deepEqual(await s.sql('select more__c from ecomm_orders__dll'), []);
}));

test('entities come in the order of their names; problem records and what has no stream are not among them', () => withServer(async (s) => {
	const three = { id: text };
	await make(s, 'b', { x: three }, { x: {} });
	await make(s, 'a', { a: three, c_x: three, hidden: three }, { c_x: {}, a: {} });
	await make(s, 'a_b', { y: three }, { y: {} });
	await make(s, 'B-2', { 'X-1': three }, { 'X-1': {} });
	const all = ['B-2_X-1__dll', 'a_a__dll', 'a_b_y__dll', 'a_c_x__dll', 'b_x__dll'];
	assert.deepEqual(await names(s), all);
	assert.deepEqual((await list(s)).map(({ displayName }) => displayName), ['X-1', 'a', 'y', 'c_x', 'x']);
	await s.must(204, 'DELETE', '/api/v1/connectors/a');
	assert.deepEqual(await names(s), ['B-2_X-1__dll', 'a_b_y__dll', 'b_x__dll']);
}));

test('entityName, entityType and entityCategory filter, alone and together', () => withServer(async (s) => {
	const fields = { id: text, at: { type: 'string', format: 'date-time' } };
	await make(s, 'shop', { p: fields, e: fields, o: fields }, { p: {}, e: { category: 'Engagement', eventTimeField: 'at' }, o: { category: 'Other' } });
	const cases = {
		'': 'eop', '?entityName=': 'eop', '?entityType=&entityCategory=': 'eop', '?other=1': 'eop',
		'?entityName=shop_p__dll': 'p', '?entityName=Shop_p__dll': '', '?entityName=shop_p': '', '?entityName=shop_p__dll_': '', '?entityName=PR_shop_p__dll': '',
		'?entityType=DataLakeObject': 'eop', '?entityType=DataModelObject': '', '?entityType=CalculatedInsight': '',
		'?entityCategory=Profile': 'p', '?entityCategory=Engagement': 'e', '?entityCategory=Related': 'o', '?entityCategory=Other': 'o',
		'?entityType=DataLakeObject&entityCategory=Engagement&entityName=shop_e__dll': 'e', '?entityCategory=Engagement&entityName=shop_p__dll': '', '?entityType=DataModelObject&entityName=shop_p__dll': '',
	};
	for (const [filter, expected] of Object.entries(cases))
		assert.equal((await list(s, filter)).map(({ displayName }) => displayName).join(''), expected, filter);
	assert.deepEqual((await list(s)).map(({ category }) => category), ['Engagement', 'Related', 'Profile']);
	const wrong = { entityType: ['dataLakeObject', 'Table', 'DataLakeObject,DataModelObject'], entityCategory: ['profile', 'Nothing', ' '] };
	for (const [name, values] of Object.entries(wrong))
		for (const value of values) {
			const { json } = await s.must(400, 'GET', `${path}?${name}=${encodeURIComponent(value)}`);
			const right = { entityType: 'DataLakeObject, DataModelObject or CalculatedInsight', entityCategory: 'Profile, Engagement or Related' }[name];
			assert.equal(json.message, `${name} is "${value}"; it may be ${right}.`);
		}
}));

test('a document of a thousand objects is read once for all its streams', () => withServer(async (s) => {
	const fields = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i === 0 ? 'id' : `field_${i}`, text]));
	const objects = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`o${i}`, fields]));
	const streams = Object.keys(objects).filter((_, i) => i % 20 === 0);
	await make(s, 'wide', objects, Object.fromEntries(streams.map((object) => [object, {}])));
	const all = await list(s);
	assert.deepEqual(all.map(({ name }) => name), streams.map((object) => `wide_${object}__dll`).sort());
	assert.ok(all.every((entity) => entity.fields.length === 20 && entity.primaryKeys[0].name === 'id__c'));
	assert.deepEqual(await names(s, '?entityName=wide_o40__dll'), ['wide_o40__dll']);
}));
