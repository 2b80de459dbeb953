// SPDX-License-Identifier: Apache-2.0
// What a value may look like, type by type: each of a table goes through a job and comes back in SQL, or fails with its
// code and line.
import assert from 'node:assert/strict';
import { complete, decimal, failures, makeTable, outcome, parseCsv, quote, stories } from './records.mjs';

const story = stories('values');

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

// One job with all values of a type.  ${accepted}: [text, what SQL shows]; ${refused}: { code: [texts] }.
async function check(s, type, accepted, refused, show = 'cast(v as varchar)') {
	const table = await makeTable(s, { id: 'integer', v: type });
	const bad = Object.entries(refused).flatMap(([code, texts]) => texts.map((text) => [text, code]));
	const texts = [...accepted, ...bad].map(([text]) => text);
	const records = texts.map((text, i) => bytes(`${i},"`, Buffer.from(Buffer.from(text).toString('latin1').replaceAll('"', '""'), 'latin1'), '"\n'));
	const job = await table.load(bytes('id,v\n', ...records));
	assert.deepEqual(outcome(job), complete(texts.length, bad.length));

	for (const [i, row] of (await table.rows(`id, ${show}`)).entries())
		assert.deepEqual(row, [i, accepted[i][1]], JSON.stringify(accepted[i][0]).slice(0, 200));
	assert.equal((await table.rows()).length, accepted.length);

	// A line each: no value holds a line end.
	const failed = await failures(s, job.id);
	for (const [i, [text, code]] of bad.entries())
		assert.deepEqual(failed[i], [1, accepted.length + i + 2, code], JSON.stringify(String(text)).slice(0, 200));
	return { table, job };
}

story('number: exact to 20 digits before the point and 18 behind it', async (s) => {
	// What SQL shows has all 18 places; the table leaves the zeros at the end out.
	const { table, job } = await check(s, 'number', [
		['0', '0'], ['-0', '0'], ['+0', '0'], ['0.0', '0'], ['1', '1'], ['-1', '-1'], ['+1.50', '1.5'], ['007', '7'], ['-0.5', '-0.5'],
		['0.1', '0.1'], ['0.30000000000000004', '0.30000000000000004'], ['123456789012345678', '123456789012345678'],
		['12345678', '12345678'], ['123456789', '123456789'], ['1234567.8', '1234567.8'], ['0.1234567', '0.1234567'], ['12345678.12345678', '12345678.12345678'],
		['9007199254740993', '9007199254740993'],
		['99999999999999999999.999999999999999999', '99999999999999999999.999999999999999999'],
		['-99999999999999999999.999999999999999999', '-99999999999999999999.999999999999999999'],
		['12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
		['0.000000000000000001', '0.000000000000000001'], ['-0.000000000000000001', '-0.000000000000000001'],
		['1e3', '1000'], ['1E3', '1000'], ['1e+3', '1000'], ['1.5e-3', '0.0015'], ['-2.5E2', '-250'], ['1e19', '10000000000000000000'], ['1e-18', '0.000000000000000001'],
		['100e-20', '0.000000000000000001'], ['0.001e22', '10000000000000000000'], ['0e999999999999', '0'], ['1e0', '1'], ['1e-0', '1'], ['1e003', '1000'],
		// Zeros that carry nothing never hurt.
		['0000000000000000000000000000000000000000000000001', '1'], ['1.00000000000000000000000000000000000', '1'], ['0.0000000000000000000', '0'],
	], {
		NOT_A_NUMBER: ['abc', '1,5', '1.', '.5', '-.5', '.', 'e5', '1e', '1e+', '1e5.5', '--1', '+-1', '+', '-', '1-', '1 ', ' 1', '\t1', '1 000', "1'000", '1_000', '0x10',
			'1.2.3', '1e2e3', 'NaN', 'nan', 'Infinity', '-inf', 'true', '1%', '$1', '١', '１', '−1', '1\u00a0', '1f', '"1"', bytes('1', [0]), bytes('1', [0xff])],
		NUMBER_RANGE: ['100000000000000000000', '-100000000000000000000', '1e20', '1E+400', '-1e999999999999999999999', '99999999999999999999999999999999999999', '12345678901234567890123.5'],
		NUMBER_SCALE: ['0.0000000000000000001', '1e-19', '1.5e-18', '-1e-999999999999999999999', '1.1234567890123456789'],
	}, "rtrim(rtrim(cast(v as varchar), '0'), '.')");
	assert.deepEqual((await table.rows('id, typeof(v)'))[0], [0, 'DECIMAL(38,18)']);
	// On the wire no digit is lost either.
	const wire = await s.must(200, 'POST', '/api/v2/query', { sql: `select v from ${table.name} where v < -1e19` });
	assert.ok(wire.text.startsWith('{"data":[["-99999999999999999999.999999999999999999"]],'), wire.text);
	assert.equal(parseCsv(await s.failed(job.id))[1][2], 'NOT_A_NUMBER: v: "abc" is not a number; expected digits such as 12, -12.50 or 1.5e3');
});

story('integer: 64 bits with a sign', async (s) => {
	const { table } = await check(s, 'integer', [
		['0', '0'], ['-0', '0'], ['+7', '7'], ['007', '7'], ['-42', '-42'], ['9007199254740993', '9007199254740993'], ['999999999999999999', '999999999999999999'],
		['9223372036854775807', '9223372036854775807'], ['-9223372036854775808', '-9223372036854775808'], ['00000000000000000000000000000000000000009', '9'],
	], {
		NOT_AN_INTEGER: ['abc', '1.0', '1.', '1e3', '--1', '+', '-', ' 1', '1 ', '1,000', '1_000', '0x10', '٣', 'true', '1-', bytes('1', [0])],
		INTEGER_RANGE: ['9223372036854775808', '-9223372036854775809', '18446744073709551616', '18446744073709551617', '99999999999999999999999999999999'],
	});
	assert.deepEqual((await table.rows('id, typeof(v)'))[0], [0, 'BIGINT']);
	const wire = await s.must(200, 'POST', '/api/v2/query', { sql: `select v from ${table.name} where id in (7, 8) order by id` });
	assert.ok(wire.text.startsWith('{"data":[[9223372036854775807],[-9223372036854775808]],'), wire.text);
});

story('boolean: true, false, 1, 0', async (s) => {
	const { table } = await check(s, 'boolean', [
		['true', true], ['TRUE', true], ['True', true], ['tRuE', true], ['1', true], ['false', false], ['FALSE', false], ['False', false], ['fALSe', false], ['0', false],
	], {
		NOT_A_BOOLEAN: ['yes', 'no', 't', 'f', 'T', 'F', 'y', 'n', 'on', 'off', '2', '-1', '01', '00', '1.0', ' true', 'true ', 'truee', 'tru', 'fals', 'falsee', 'null', '\u0011',
			'TRU\u0045\u0301', 'ｔｒｕｅ', bytes('true', [0]), bytes([0x10]), bytes('TRU', [0x05]), bytes([0x54, 0x52, 0x55, 0xc5])],
	}, 'v');
	assert.deepEqual((await table.rows('id, typeof(v)'))[0], [0, 'BOOLEAN']);
});

story('date: the real calendar, yyyy-MM-dd', async (s) => {
	const { table } = await check(s, 'date', [
		['2024-02-29', '2024-02-29'], ['2000-02-29', '2000-02-29'], ['2023-02-28', '2023-02-28'], ['1970-01-01', '1970-01-01'], ['1969-12-31', '1969-12-31'],
		['2024-12-31', '2024-12-31'], ['2023-12-31', '2023-12-31'], ['1582-10-10', '1582-10-10'], ['0001-01-01', '0001-01-01'], ['0004-02-29', '0004-02-29'], ['9999-12-31', '9999-12-31'],
		...[31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].map((days, i) => `2023-${String(i + 1).padStart(2, '0')}-${days}`).map((day) => [day, day]),
	], {
		NO_SUCH_DATE: ['2023-02-29', '1900-02-29', '2100-02-29', '2024-02-30', '2024-00-10', '2024-13-01', '2024-01-00', '2024-01-32', '0000-01-01', '9999-99-99',
			'2024-04-31', '2024-06-31', '2024-09-31', '2024-11-31'],
		NOT_A_DATE: ['2024-1-1', '24-01-01', '2024/01/01', '20240101', '01-02-2024', '01/02/2024', '2024-01-01 ', ' 2024-01-01', '2024-01-01T00:00:00Z', '2024-01', '2024-01-1x',
			'10000-01-01', '-001-01-01', '+2024-01-01', 'today', '0', '2024-0１-1', '2024-01-0O', '2024:01:01', '----------', bytes('2024-01-0', [0])],
	}, 'v');
	assert.deepEqual((await table.rows('id, typeof(v), cast(v as varchar)'))[0], [0, 'DATE', '2024-02-29']);
});

story('date-time: UTC or an offset, to microseconds, no leap second', async (s) => {
	const { table } = await check(s, 'date-time', [
		['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'], ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'], ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
		['2021-06-10T13:25:40.784Z', '2021-06-10T13:25:40.784Z'], ['2021-06-10T13:25:40.7Z', '2021-06-10T13:25:40.700Z'], ['2021-06-10T13:25:40.000001Z', '2021-06-10T13:25:40.000001Z'],
		['2021-06-10T13:25:40.78456Z', '2021-06-10T13:25:40.78456Z'], ['2021-06-10T13:25:40.120000Z', '2021-06-10T13:25:40.120Z'], ['2021-06-10T13:25:40.0Z', '2021-06-10T13:25:40.000Z'],
		['2021-06-10T13:25:40.1234569Z', '2021-06-10T13:25:40.123456Z'], ['2021-06-10T13:25:40.999999999999Z', '2021-06-10T13:25:40.999999Z'],
		['2021-06-10T13:25:40+02:00', '2021-06-10T11:25:40.000Z'], ['2021-06-10T13:25:40.5-07:30', '2021-06-10T20:55:40.500Z'], ['2021-06-10T13:25:40+00:00', '2021-06-10T13:25:40.000Z'],
		['2021-06-10T13:25:40-00:00', '2021-06-10T13:25:40.000Z'], ['2021-06-10T00:10:00.000+05:45', '2021-06-09T18:25:00.000Z'], ['2023-12-31T23:30:00-01:00', '2024-01-01T00:30:00.000Z'],
		['2024-03-01T00:30:00+01:00', '2024-02-29T23:30:00.000Z'], ['2024-01-01T00:00:00+23:59', '2023-12-31T00:01:00.000Z'], ['2024-01-01T00:00:00-23:59', '2024-01-01T23:59:00.000Z'],
		['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'], ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
		['2000-02-29T12:00:00Z', '2000-02-29T12:00:00.000Z'], ['2000-02-29T12:00:00.000Z', '2000-02-29T12:00:00.000Z'],
	], {
		NO_SUCH_DATE_TIME: ['2016-12-31T23:59:60Z', '2016-12-31T23:59:60.000Z', '2024-01-01T24:00:00Z', '2024-01-01T25:00:00.000Z', '2024-01-01T00:60:00Z', '2024-01-01T00:00:61Z',
			'2023-02-29T00:00:00Z', '1900-02-29T00:00:00.000Z', '2024-13-01T00:00:00Z', '2024-00-01T00:00:00Z', '2024-01-00T00:00:00Z', '2024-04-31T00:00:00Z', '0000-01-01T00:00:00Z',
			'2024-01-01T00:00:00+24:00', '2024-01-01T00:00:00+01:60', '2024-01-01T00:00:00-99:99', '0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01'],
		NOT_A_DATE_TIME: ['2024-01-01', '2024-01-01T00:00:00', '2024-01-01 00:00:00Z', '2024-01-01 00:00:00', '2024-01-01t00:00:00z', '2024-01-01T00:00:00z', '2024-01-01T00:00Z', '2024-01-01T00Z',
			'2024-01-01T00:00:00+0200', '2024-01-01T00:00:00+02', '2024-01-01T00:00:00+2:00', '2024-01-01T00:00:00 +02:00', '2024-01-01T00:00:00UTC', '2024-01-01T00:00:00.Z', '2024-01-01T00:00:00,5Z',
			'2024-01-01T00:00:00.5', '2024-01-01T00:00:00Z ', ' 2024-01-01T00:00:00Z', '2024-01-01T00:00:00ZZ', '2024-01-01T00:00:00Z+02:00', '2024-1-1T00:00:00Z', '24-01-01T00:00:00Z',
			'20240101T000000Z', '2024-01-01T00:00:0xZ', '2024-01-01T00:00:00.00xZ', '2024-01-01T00:00:00.000000xZ', '1704067200', '1704067200000', '12024-01-01T00:00:00Z', 'now', bytes('2024-01-01T00:00:00Z', [0])],
	}, 'v');
	assert.deepEqual((await table.rows('id, typeof(v), cast(v as varchar)'))[3], [3, 'TIMESTAMP', '2021-06-10 13:25:40.784']);
});

story('string: UTF-8 as given, never trimmed', async (s) => {
	const long = 'Schiffahrt, "auf" der Donau 🛶 '.repeat(5000);
	const texts = ['x', ' x ', '\t', ' ', '  \u00a0', 'null', 'NULL', '\\N', '"', '""', ',', "'; drop table x; --", 'é', 'e\u0301', 'Straße', '日本語', 'עברית', '🏳️‍🌈', '\u0001\u001f\u007f',
		'\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\ufffd', '\ufeff', '𐀀', '\u{10ffff}', '0123456', '01234567', '012345678901', '0123456789012', '1e3', '2024-01-01', long];
	const invalid = [[0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0xaf], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
		[0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xfe], [0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x9b], [0xc3, 0x41], [0xe2, 0x82, 0x41], [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]];
	const nul = bytes([0]);
	const { table } = await check(s, 'string', texts.map((text) => [text, text]), {
		NOT_UTF8: [...invalid.map((wrong) => bytes(wrong)), ...invalid.map((wrong) => bytes('some text before it, ', wrong, ' and some behind it')), bytes([0xff, 0]), bytes(long, [0xff])],
		NUL_BYTE: [nul, bytes('a', nul), bytes(nul, 'a'), bytes('some longer text with', nul, 'in it'), bytes('ä', nul), bytes(long, nul)],
	}, 'v');
	assert.deepEqual((await table.rows('id, typeof(v), length(v)')).at(-1), [35, 'VARCHAR', 5000 * 30]);
});

story('a string keeps the line ends inside its quotes', async (s) => {
	const table = await makeTable(s, { id: 'integer', v: 'string' });
	const texts = ['a\nb', 'a\r\nb', 'a\rb', '\n', '\r\n', '\n\n\n'];
	assert.deepEqual(outcome(await table.load(`id,v\n${texts.map((text, i) => `${i},${quote(text)}\n`).join('')}`)), complete(6));
	assert.deepEqual(await table.rows(), texts.map((text, i) => [i, text]));
});

story('a blank value is NULL, for every type, quoted or not', async (s) => {
	const table = await makeTable(s, { id: 'integer', n: 'number', i: 'integer', b: 'boolean', d: 'date', t: 'date-time', s: 'string' });
	const job = await table.load('id,n,i,b,d,t,s\n1,,,,,,\n2,"","","","","",""\r\n3,1,1,1,2024-01-01,2024-01-01T00:00:00Z,x\n4,,,,,,"');
	assert.equal(job.state, 'Failed');	// the last quote is open; without it:
	assert.deepEqual(outcome(await table.load('id,n,i,b,d,t,s\n1,,,,,,\n2,"","","","","",""\r\n3,1,1,1,2024-01-01,2024-01-01T00:00:00Z,x\n4,,,,,,')), complete(4));
	const none = [null, null, null, null, null, null];
	assert.deepEqual(await table.rows(), [[1, ...none], [2, ...none], [3, decimal(1), 1, true, '2024-01-01', '2024-01-01T00:00:00.000Z', 'x'], [4, ...none]]);
	assert.deepEqual(await s.sql(`select count(*), count(n), count(i), count(b), count(d), count(t), count(s) from ${table.name}`), [[4, 1, 1, 1, 1, 1, 1]]);
	// A later row with a blank value replaces the one before it: full replace.
	assert.deepEqual(outcome(await table.load('s,t,d,b,i,n,id\n,,,,,,3\n')), complete(1));
	assert.deepEqual((await table.rows())[2], [3, ...none]);
});

story('a blank key, record modified field, event time or required field fails the record', async (s) => {
	const profile = await makeTable(s, { id: 'string', at: 'date-time', need: 'number', free: 'string' }, { primaryKey: 'id', category: 'Profile', recordModifiedField: 'at' }, ['id', 'need']);
	const at = '2024-01-01T00:00:00Z';
	let job = await profile.load(`id,at,need,free\n,${at},1,\n"",${at},1,x\na,,1,x\nb,${at},,x\nc,${at},"",x\nd,${at},1,\ne,"",,\n ,${at},1,\n`);
	assert.deepEqual(outcome(job), complete(8, 6));
	assert.deepEqual(await failures(s, job.id), [[1, 2, 'BLANK_PRIMARY_KEY'], [1, 3, 'BLANK_PRIMARY_KEY'], [1, 4, 'BLANK_RECORD_MODIFIED'], [1, 5, 'BLANK_REQUIRED'], [1, 6, 'BLANK_REQUIRED'], [1, 8, 'BLANK_RECORD_MODIFIED']]);
	assert.deepEqual(await profile.rows('id, need, free'), [[' ', decimal(1), null], ['d', decimal(1), null]]);

	for (const type of ['date-time', 'date']) {
		const engagement = await makeTable(s, { id: 'string', at: type }, { primaryKey: 'id', category: 'Engagement', eventTimeField: 'at' });
		job = await engagement.load('id,at\na,\n,\nb,yesterday\n');
		assert.deepEqual(await failures(s, job.id), [[1, 2, 'BLANK_EVENT_TIME'], [1, 3, 'BLANK_PRIMARY_KEY'], [1, 4, type === 'date' ? 'NOT_A_DATE' : 'NOT_A_DATE_TIME']]);
		assert.deepEqual(await engagement.rows(), []);
	}
});

story('a key of any type is one key however it is written', async (s) => {
	const cases = [
		['number', ['1', '1.0', '+1', '1e0', '01'], '1.5'], ['integer', ['1', '+1', '01', '001'], '2'], ['boolean', ['true', 'TRUE', '1'], '0'], ['date', ['2024-01-01'], '2024-01-02'],
		['date-time', ['2024-01-01T00:00:00Z', '2024-01-01T01:00:00+01:00', '2024-01-01T00:00:00.0000009Z'], '2024-01-01T00:00:00.000001Z'],
	];
	for (const [type, same, other] of cases) {
		const table = await makeTable(s, { id: type, v: 'integer' });
		const records = [other, ...same, ...same];
		assert.deepEqual(outcome(await table.load(`id,v\n${records.map((key, i) => `${key},${i}\n`).join('')}`)), complete(records.length), type);
		assert.deepEqual((await s.sql(`select v from ${table.name} order by v`)), [[0], [records.length - 1]], type);
		for (const key of same) {
			await table.load(`id,v\n${same[0]},7\n`);
			assert.deepEqual(outcome(await table.load(`${key}\n`, 'delete')), complete(1));
			assert.deepEqual(await table.rows('v'), [[0]], `${type} ${key}`);
		}
	}
	// Texts are compared byte by byte.
	const table = await makeTable(s, { id: 'string', v: 'integer' });
	const keys = ['a', 'A', ' a', 'a ', 'á', 'a\u0301', '1', '01', '1.0'];
	await table.load(`id,v\n${keys.map((key, i) => `${key},${i}\n`).join('')}`);
	assert.deepEqual(await s.sql(`select id, v from ${table.name} order by v`), keys.map((key, i) => [key, i]));
});

story('annotated formats are plain strings and numbers', async (s) => {
	const property = { id: { type: 'string' }, mail: { type: 'string', format: 'email' }, tel: { type: 'string', format: 'phone' }, link: { type: 'string', format: 'url' }, rate: { type: 'number', format: 'percent' } };
	await s.must(201, 'PUT', '/api/v1/connectors/formats', { openapi: '3.0.3', components: { schemas: { things: { type: 'object', properties: property } } } });
	await s.must(201, 'PUT', '/api/v1/connectors/formats/streams/things', { primaryKey: 'id' });
	const job = await s.load('things', 'id,mail,tel,link,rate\na,x@example.org,+49 30 1,https://example.org/?a=1,12.5\nb,no mail,no phone,no link,0.5\nc,,,,12%\n', 'upsert', 'formats');
	assert.deepEqual(outcome(job), complete(3, 1));
	assert.deepEqual(await failures(s, job.id), [[1, 4, 'NOT_A_NUMBER']]);
	assert.deepEqual(await s.sql('select * from formats.things order by id'), [['a', 'x@example.org', '+49 30 1', 'https://example.org/?a=1', decimal(12.5)], ['b', 'no mail', 'no phone', 'no link', decimal(0.5)]]);
});
