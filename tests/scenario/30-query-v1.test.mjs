// SPDX-License-Identifier: Apache-2.0
// The older form of queries: rows as objects, and pages by limit, offset and orderby.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';

const page = (s, sql, parameters = {}) => s.call('POST', `/api/v1/query?${new URLSearchParams(parameters)}`, { sql });

test('an answer of the older form has its rows as objects and no next batch', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', b: 'boolean' });
	await s.load('things', 'id,b\na,true\n"b""",\n');
	const { status, json } = await page(s, 'select id__c, b__c from shop_things__dll order by 1');
	assert.equal(status, 200);
	const { startTime, endTime, queryId } = json;
	assert.deepEqual(json, {
		data: [{ id__c: 'a', b__c: true }, { id__c: 'b"', b__c: null }], startTime, endTime, rowCount: 2, queryId, done: true,
		metadata: { id__c: { type: 'VARCHAR', placeInOrder: 0, typeCode: 12 }, b__c: { type: 'BOOLEAN', placeInOrder: 1, typeCode: 16 } },
	});
	assert.ok(startTime <= endTime);
	assert.deepEqual((await page(s, 'select 1 as a, 2 as a, 3 as "x\\"')).json.data, [{ a: 1, a_1: 2, 'x\\': 3 }]);
	const none = (await page(s, 'select 1 as a where false')).json;
	assert.deepEqual([none.data, none.rowCount, none.done, Object.keys(none.metadata)], [[], 0, true, ['a']]);
}));

test('limit and offset cut a page out of the rows, and done says whether there are more', () => withServer(async (s) => {
	const cases = [
		[{}, 0, 49999, false], [{ limit: '' }, 0, 49999, false], [{ limit: 7 }, 0, 7, false], [{ offset: 9 }, 9, 49999, false], [{ limit: 10, offset: 59990 }, 59990, 10, true],
		[{ limit: 11, offset: 59990 }, 59990, 10, true], [{ limit: 9, offset: 59990 }, 59990, 9, false], [{ offset: 60000 }, 0, 0, true], [{ offset: '9223372036854775807' }, 0, 0, true],
		[{ limit: 49999, offset: 2047, orderby: '1' }, 2047, 49999, false], [{ limit: 5, offset: 3, orderby: 'I asc' }, 3, 5, false],
	];
	for (const [parameters, from, count, done] of cases) {
		const { status, json, text } = await page(s, 'select range as i from range(60000)', parameters);
		assert.equal(status, 200, text.slice(0, 200));
		assert.deepEqual([json.rowCount, json.done], [count, done], JSON.stringify(parameters));
		assert.deepEqual(json.data, Array.from({ length: count }, (_, i) => ({ i: from + i })));
	}
	// Before a page has more than 8 MiB, it ends: whoever goes on by rowCount misses nothing.
	const large = (offset) => page(s, "select range as i, repeat('x', 1000000) as t from range(10)", { offset });
	const first = (await large(0)).json, rest = (await large(first.rowCount)).json;
	assert.deepEqual([first.rowCount, first.done, rest.rowCount, rest.done], [8, false, 2, true]);
	assert.deepEqual([...first.data, ...rest.data].map(({ i }) => i), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}));

test('orderby brings rows into the order of columns, by name or place, up or down', () => withServer(async (s) => {
	const sql = `select * from (values (1, 'b', [10]), (2, 'a', [9]), (3, NULL, [9, 1]), (4, 'b', NULL)) t(n, "my ""col", l) -- as they come;`;
	const cases = {
		'n': [1, 2, 3, 4], 'n DESC': [4, 3, 2, 1], '1 desc': [4, 3, 2, 1], ' N\tdesc ': [4, 3, 2, 1], '"n" Desc': [4, 3, 2, 1],
		'"my ""col" ASC,n DESC': [2, 4, 1, 3], '2 DESC, 1': [1, 4, 2, 3], '2 desc nulls first,n': [3, 1, 4, 2], '2 NULLS LAST , n': [2, 1, 4, 3],
		// Lists in the order of lists, not of what they look like on the wire.
		'l': [2, 3, 1, 4],
	};
	for (const [orderby, expected] of Object.entries(cases))
		assert.deepEqual((await page(s, sql, { orderby })).json.data?.map(({ n }) => n), expected, orderby);
	assert.deepEqual((await page(s, `${sql.replace(' -- as they come;', '')} order by 1`, { orderby: '"my ""col" desc', limit: 1, offset: 2 })).json.data.map(({ n }) => n), [2]);
	const hundred = await page(s, 'select range as n, range // 10 as ten from range(100)', { orderby: 'ten desc, n', limit: 3, offset: 98 });
	assert.deepEqual(hundred.json.data, [{ n: 8, ten: 0 }, { n: 9, ten: 0 }]);
}));

test('what is no limit, offset or orderby is refused with what would be right', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	await s.load('things', 'id\na\n');
	const cases = [
		[{ limit: '0' }, /limit is "0"; it must be a whole number from 1 to 49999/], [{ limit: '50000' }, /"50000".*49999/], [{ limit: '-1' }, /"-1"/], [{ limit: '1.0' }, /"1.0"/], [{ limit: 'ten' }, /"ten"/],
		[{ limit: ' 1' }, /" 1"/], [{ limit: '99999999999999999999' }, /"99999999999999999999"/], [{ offset: '-1' }, /offset is "-1"; it must be a whole number from 0 to/], [{ offset: '9223372036854775808' }, /offset/],
		[{ orderby: ',' }, /orderby is ",": a column's name is missing/], [{ orderby: 'id,' }, /missing/], [{ orderby: 'id DOWN' }, /"DOWN" is not ASC/], [{ orderby: 'id ASC DESC' }, /"DESC" is not/],
		[{ orderby: '"id' }, /a quote is not closed/], [{ orderby: '""' }, /empty name/], [{ orderby: 'id nulls' }, /behind NULLS comes FIRST or LAST/], [{ orderby: 'none' }, /no column "none" to order by/],
		[{ orderby: '0' }, /no column 0 to order by; the result has 1/], [{ orderby: '2' }, /no column 2/], [{ orderby: '99999999999999999999' }, /no column \d+ to order by/], [{ orderby: Array(33).fill('id').join() }, /more than 32 columns/],
		// Nothing of it gets into the statement.
		[{ orderby: 'id; drop table shop.things' }, /"drop table shop.things" is not ASC/], [{ orderby: "getenv('HOME')" }, /no column/], [{ orderby: '(select 1)' }, /./], [{ orderby: '"id) limit 0 --"' }, /no column "id\) limit 0 --"/],
		[{ orderby: '1, 1) union select 1 --' }, /./], [{ orderby: '"main"."id"' }, /is not ASC/],
	];
	for (const [parameters, message] of cases) {
		const answer = await page(s, 'select id from shop.things', parameters);
		assert.equal(answer.status, 400, `${JSON.stringify(parameters)}: ${answer.text}`);
		assert.match(answer.json.message, message);
	}
	assert.equal((await page(s, 'delete from shop.things')).status, 400);
	assert.equal((await page(s, 'explain select 1')).status, 200);
	assert.equal((await page(s, 'explain select 1', { orderby: '1' })).status, 400);
	assert.equal((await page(s, 'select id from shop.things', { unknown: 'x', offset: '' })).status, 200);
	assert.deepEqual(await s.sql('select id from shop.things'), [['a']]);
}));
