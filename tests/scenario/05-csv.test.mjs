// SPDX-License-Identifier: Apache-2.0
// What a part may look like: quoting, line ends, headers, blank lines; which records fail, and when the whole job does.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { complete, decimal, failures, makeTable, outcome, quote, seeded, stories } from './records.mjs';

const story = stories('CSV');
const two = { id: 'string', v: 'string' };
const bom = '\ufeff';

// The job fails as a whole: with this message, no counts, and nothing landed.
async function fails(s, table, parts, message, operation) {
	const before = await table.rows();
	const job = await table.load(parts, operation);
	assert.deepEqual(outcome(job), ['Failed', 0, 0], job.errorMessage);
	assert.match(job.errorMessage, message);
	assert.deepEqual(await table.rows(), before);
	assert.equal(await s.failed(job.id), 'sf__Part,sf__Line,sf__Error\n');
	return job;
}

story('quoted and plain fields, LF, CRLF and no line end at all', async (s) => {
	const cases = [
		['plain', 'a,x', ['a', 'x']],
		['quoted', '"a","x"', ['a', 'x']],
		['a comma inside quotes', 'a,"x,y"', ['a', 'x,y']],
		['a doubled quote', 'a,"x""y"', ['a', 'x"y']],
		['nothing but quotes', 'a,""""""', ['a', '""']],
		['a line feed inside quotes', 'a,"x\ny"', ['a', 'x\ny']],
		['CR and LF inside quotes', 'a,"x\r\ny\rz\n"', ['a', 'x\r\ny\rz\n']],
		['spaces stay', ' a , x ', [' a ', ' x ']],
		['spaces inside quotes stay', '" a "," x "', [' a ', ' x ']],
		['only the comma separates', 'a,x;y\tz|w', ['a', 'x;y\tz|w']],
		['an apostrophe is text', "a,'x'", ['a', "'x'"]],
		['a backslash is text', 'a,"x\\"', ['a', 'x\\']],
		['a number sign is no comment', '#a,x', ['#a', 'x']],
		['control characters are text', 'a,x\u0001\u000b\u000c\u001f\u007fy', ['a', 'x\u0001\u000b\u000c\u001f\u007fy']],
		['other line separators are text', 'a,x\u0085\u2028\u2029y', ['a', 'x\u0085\u2028\u2029y']],
		['UTF-8', 'ä,日本𝄞', ['ä', '日本𝄞']],
	];
	const table = await makeTable(s, { k: 'integer', id: 'string', v: 'string' }, { primaryKey: 'k' });
	for (const end of ['\n', '\r\n', '']) {
		// Each record is the last of a part of its own.
		const job = await table.load(cases.map(([, record], i) => `k,id,v${end || '\n'}${i},${record}${end}`));
		assert.deepEqual(outcome(job), complete(cases.length));
		for (const [i, row] of (await s.sql(`select id, v from ${table.name} order by k`)).entries())
			assert.deepEqual(row, cases[i][2], `${cases[i][0]}, line end ${JSON.stringify(end)}`);
		assert.deepEqual(outcome(await table.load(cases.map((_, i) => `${i}${end}`), 'delete')), complete(cases.length));
		assert.deepEqual(await table.rows(), []);
	}
});

story('LF and CRLF may change within a part', async (s) => {
	const table = await makeTable(s, two);
	assert.deepEqual(outcome(await table.load('id,v\r\na,1\nb,2\r\n"c","3"\n"d","4"\r\ne,5')), complete(5));
	assert.deepEqual(await table.rows(), [['a', '1'], ['b', '2'], ['c', '3'], ['d', '4'], ['e', '5']]);
});

story('a byte order mark is skipped at the beginning of each part, and only there', async (s) => {
	const table = await makeTable(s, two);
	const job = await table.load([`${bom}id,v\na,1\n`, `${bom}"v","id"\r\n2,b\r\n`, `id,v\n${bom}c,${bom}3\n`, bom]);
	assert.deepEqual(outcome(job), complete(3));
	assert.deepEqual(await table.rows(), [['a', '1'], ['b', '2'], [`${bom}c`, `${bom}3`]]);
	await fails(s, table, `${bom}${bom}id,v\na,1\n`, /"id"/);
	assert.deepEqual(outcome(await table.load([`${bom}a\n`, `${bom}"b"\n`], 'delete')), complete(2));
	assert.deepEqual(await table.rows(), [[`${bom}c`, `${bom}3`]]);
});

story('a malformed record fails alone, and the next one is found again', async (s) => {
	const table = await makeTable(s, two);
	const cases = [
		['x,a\rb', 'CSV_LONE_CR'], ['x\ra,b', 'CSV_LONE_CR'], ['\rx,a', 'CSV_LONE_CR'], ['x,"a"\rb', 'CSV_LONE_CR'], ['x,a\r\r', 'CSV_LONE_CR'],
		['x,a"b', 'CSV_BARE_QUOTE'], ['x,a""', 'CSV_BARE_QUOTE'], ['x"y",a', 'CSV_BARE_QUOTE'], ['x, "a"', 'CSV_BARE_QUOTE'],
		['x,"a"b', 'CSV_TEXT_AFTER_QUOTE'], ['x,"a" ', 'CSV_TEXT_AFTER_QUOTE'], ['"x" ,a', 'CSV_TEXT_AFTER_QUOTE'], ['x,"a"b"c"', 'CSV_TEXT_AFTER_QUOTE'],
	];
	for (const end of ['\n', '\r\n']) {
		// Good, bad, good, bad, …: the record behind each bad one lands.
		const lines = cases.map(([record], i) => `g${10 + i},${end.length}${end}${record}${end}`);
		const job = await table.load(`id,v${end}${lines.join('')}last,${end.length}${end}`);
		assert.deepEqual(outcome(job), complete(2 * cases.length + 1, cases.length));
		assert.deepEqual(await failures(s, job.id), cases.map(([, code], i) => [1, 3 + 2 * i, code]));
		assert.deepEqual(await table.rows(), [...cases.map((_, i) => [`g${10 + i}`, String(end.length)]), ['last', String(end.length)]]);
	}
	// The very last byte of a part.
	const job = await table.load(['id,v\nlast,5\nx,a\r', 'id,v\ny,b"', 'id,v\nz,"c"c']);
	assert.deepEqual(outcome(job), complete(4, 3));
	assert.deepEqual(await failures(s, job.id), [[1, 3, 'CSV_LONE_CR'], [2, 2, 'CSV_BARE_QUOTE'], [3, 2, 'CSV_TEXT_AFTER_QUOTE']]);
	assert.deepEqual((await table.rows()).at(-1), ['last', '5']);
});

story('a fault in a column that the schema lacks fails the record, too', async (s) => {
	const table = await makeTable(s, two);
	const job = await table.load('id,ignored,v\na,x"y,1\nb,fine,2\n');
	assert.deepEqual(outcome(job), complete(2, 1));
	assert.deepEqual(await failures(s, job.id), [[1, 2, 'CSV_BARE_QUOTE']]);
	assert.deepEqual(await table.rows(), [['b', '2']]);
});

story('an unterminated quote fails the whole job, and nothing of it lands', async (s) => {
	const table = await makeTable(s, two);
	await table.load('id,v\nold,1\n');
	await fails(s, table, 'id,v\nold,2\nb,"open\nc,3\n', /^part 1: .*quote.*line 3\b/);
	await fails(s, table, ['id,v\nold,2\nb,bad"\n', 'id,v\nc,3\n', 'id,v\n\n\n"d","x\ny', 'id,v\ne,4\n'], /^part 3: .*quote.*line 4\b/);
	await fails(s, table, 'id,"v\na,1\n', /^part 1: .*quote.*line 1\b/);
	await fails(s, table, 'id,v\na,"x""', /line 2\b/);
	await fails(s, table, 'old\n"x\n', /^part 1: .*quote.*line 2\b/, 'delete');
});

story('columns in any order, those that the schema lacks ignored', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number', d: 'date' });
	const parts = [
		'id,n,d\na,1,2024-01-01\n',
		'd,id,n\n2024-01-02,b,2\n',
		'x,n,"y,""y""",d,,id,\nnot a number,3,"any,\nthing",2024-01-03,,c,\n',
		'ID,Id,n,N,id,d,D\nno,no,4,no,d,2024-01-04,no\n',
		'd,id,n, id,n ,id \n2024-01-05,e,5,,,\n',
	];
	assert.deepEqual(outcome(await table.load(parts)), complete(5));
	assert.deepEqual(await table.rows(), ['a', 'b', 'c', 'd', 'e'].map((id, i) => [id, decimal(i + 1), `2024-01-0${i + 1}`]));
});

story('a header that lacks fields fails the job and names all that miss', async (s) => {
	// Only id is required; a column must be there all the same.
	const table = await makeTable(s, { id: 'string', n: 'number', d: 'date', flag: 'boolean' }, undefined, ['id']);
	await fails(s, table, 'id\na\n', /^part 1: the header lacks a column for "n", "d", "flag"/);
	await fails(s, table, 'flag,d,n\n1,2024-01-01,1\n', /lacks a column for "id" of the 4 fields/);
	await fails(s, table, 'a,1,2024-01-01,true\n', /lacks a column for "id", "n", "d", "flag"/);
	await fails(s, table, 'ID,n,d,flag\na,1,,\n', /lacks a column for "id"/);
	await fails(s, table, 'id, n,d,flag \na,1,,\n', /lacks a column for "n", "flag"/);
	await fails(s, table, 'id;n;d;flag\na;1;;\n', /"id", "n", "d", "flag"/);
	await fails(s, table, Buffer.from('\ufeffid,n,d,flag\na,1,,\n', 'utf16le'), /"id", "n", "d", "flag"/);
	await fails(s, table, ['id,n,d,flag\na,1,,\n', 'id,n,d\nb,2,\n'], /^part 2: .*"flag"/);
	// A header alone is read, too.
	await fails(s, table, 'id,n,d\n', /"flag"/);
	await fails(s, table, 'id,n,d,', /"flag"/);
	const wide = Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`field_${i}`, 'string']));
	const job = await fails(s, await makeTable(s, { id: 'string', ...wide }), 'id\na\n', /"field_0", "field_1", .* and \d+ more of the 1000 fields/);
	assert.ok(job.errorMessage.length < 1000);
});

story('a column named twice fails the job', async (s) => {
	const table = await makeTable(s, two);
	await fails(s, table, 'id,v,id\na,1,a\n', /^part 1: the header names column "id" twice \(columns 1 and 3\)/);
	await fails(s, table, 'id,"v",v\na,1,1\n', /"v" twice/);
	await fails(s, table, 'x,id,x,v,x\n1,a,2,b,3\n', /"x" 3 times/);
	await fails(s, table, 'id,id\na,a\n', /"id" twice.*lacks a column for "v"/);
	// Columns without a name, as spreadsheets leave them, are nobody's.
	assert.deepEqual(outcome(await table.load('id,v,,,\na,1,,x,\n')), complete(1));
	assert.deepEqual(await table.rows(), [['a', '1']]);
});

story('a malformed header fails the job', async (s) => {
	const table = await makeTable(s, two);
	await fails(s, table, 'id,v"\na,1\n', /^part 1: the header is malformed at column 2/);
	await fails(s, table, 'id,"v" \na,1\n', /malformed at column 2/);
	await fails(s, table, 'id,v\ra,1\rb,2\r', /malformed.*CR without LF/);	// line ends of an old Mac
});

story('a header may have 16,384 columns, and not one more', async (s) => {
	const table = await makeTable(s, two);
	const header = (count) => ['id', 'v', ...Array.from({ length: count - 2 }, (_, i) => `x${i}`)].join() + '\n';
	assert.deepEqual(outcome(await table.load(`${header(16384)}a,1${','.repeat(16382)}\n`)), complete(1));
	assert.deepEqual(await table.rows(), [['a', '1']]);
	await fails(s, table, `${header(16385)}b,1${','.repeat(16383)}\n`, /more than 16384 columns: 16385/);
});

story('a row with too few or too many fields is a failed record', async (s) => {
	const table = await makeTable(s, { id: 'string', v: 'string', w: 'string' });
	const job = await table.load('id,v,w\na,1,2\nb,1\nc,1,2,3\nd\ne,,\nf,1,2,\n,\n"g,1,2"\nh,"1,2"\ni,1,2\n');
	assert.deepEqual(outcome(job), complete(10, 7));
	assert.deepEqual(await failures(s, job.id), [3, 4, 5, 7, 8, 9, 10].map((line) => [1, line, 'FIELD_COUNT']));
	assert.deepEqual(await table.rows(), [['a', '1', '2'], ['e', null, null], ['i', '1', '2']]);
	// It is the part's own header that counts.
	const parts = await table.load(['id,v,w\nj,1,2\nk,1,2,3\n', 'id,v,w,x\nl,1,2\nm,1,2,3\n']);
	assert.deepEqual(await failures(s, parts.id), [[1, 3, 'FIELD_COUNT'], [2, 2, 'FIELD_COUNT']]);
});

story('a delete has no header: the key, and the date-time only with a record modified field', async (s) => {
	const plain = await makeTable(s, two);
	await plain.load('id,v\na,1\n"b,""b""",2\nc,3\nd,4\ne,5\n');
	let job = await plain.load(['a\r\n\r\n"b,""b"""\r\n', '"c"\nd,2024-01-01T00:00:00Z\n,\ne,\nx"\n""\n'], 'delete');
	assert.deepEqual(outcome(job), complete(8, 5));
	assert.deepEqual(await failures(s, job.id), [[2, 2, 'FIELD_COUNT'], [2, 3, 'FIELD_COUNT'], [2, 4, 'FIELD_COUNT'], [2, 5, 'CSV_BARE_QUOTE'], [2, 6, 'BLANK_PRIMARY_KEY']]);
	assert.deepEqual(await plain.rows(), [['d', '4'], ['e', '5']]);

	const versioned = await makeTable(s, { id: 'integer', at: 'date-time' }, { primaryKey: 'id', recordModifiedField: 'at' });
	await versioned.load('at,id\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:00Z,2\n2024-01-01T00:00:00Z,3\n2024-01-01T00:00:00Z,4\n');
	job = await versioned.load('1,2025-01-01T00:00:00Z\n2\n3,2025-01-01T00:00:00Z,\n4,\nx,2025-01-01T00:00:00Z\n4,yesterday\n,2025-01-01T00:00:00Z\n', 'delete');
	assert.deepEqual(outcome(job), complete(7, 6));
	assert.deepEqual(await failures(s, job.id), [[1, 2, 'FIELD_COUNT'], [1, 3, 'FIELD_COUNT'], [1, 4, 'BLANK_RECORD_MODIFIED'],
		[1, 5, 'NOT_AN_INTEGER'], [1, 6, 'NOT_A_DATE_TIME'], [1, 7, 'BLANK_PRIMARY_KEY']]);
	assert.deepEqual(await versioned.rows('id'), [[2], [3], [4]]);
});

story('a blank line is skipped, yet counts as a line', async (s) => {
	const table = await makeTable(s, two);
	const job = await table.load('\n\r\nid,v\n\na,1\r\n\r\n\r\n\nb\nc,3\n\n');
	assert.deepEqual(outcome(job), complete(3, 1));
	assert.deepEqual(await failures(s, job.id), [[1, 9, 'FIELD_COUNT']]);
	assert.deepEqual(await table.rows(), [['a', '1'], ['c', '3']]);
	// These are not blank lines.
	const single = await makeTable(s, { id: 'string' });
	const odd = await single.load('id\n \n""\n\n\t\nx\n');
	assert.deepEqual(outcome(odd), complete(4, 1));
	assert.deepEqual(await failures(s, odd.id), [[1, 3, 'BLANK_PRIMARY_KEY']]);
	assert.deepEqual(await single.rows(), [['\t'], [' '], ['x']]);
});

story('an empty part is fine, wherever it stands', async (s) => {
	const table = await makeTable(s, two);
	assert.deepEqual(outcome(await table.load(['', 'id,v\na,1\n', '', '\n\r\n\n', 'id,v', 'v,id\r\n', bom, 'v,id\n2,b\n', ''])), complete(2));
	assert.deepEqual(await table.rows(), [['a', '1'], ['b', '2']]);
	assert.deepEqual(outcome(await table.load(['', '\n', 'a\n', ''], 'delete')), complete(1));
	assert.deepEqual(await table.rows(), [['b', '2']]);
});

story('failed records never stop a job, even when all of them fail', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	const job = await table.load(['id,n\na,x\n,1\nb"b,1\nc\n', 'n,id\ny,d\n']);
	assert.deepEqual(outcome(job), complete(5, 5));
	assert.equal(job.errorMessage, null);
	assert.deepEqual(await failures(s, job.id), [[1, 2, 'NOT_A_NUMBER'], [1, 3, 'BLANK_PRIMARY_KEY'], [1, 4, 'CSV_BARE_QUOTE'], [1, 5, 'FIELD_COUNT'], [2, 2, 'NOT_A_NUMBER']]);
	assert.deepEqual(await table.rows(), []);
});

story('a record may have 16 MiB, and not one byte more', async (s) => {
	const table = await makeTable(s, two);
	const record = (id, bytes) => `${id},${'x'.repeat(bytes - id.length - 1)}`;
	const job = await table.load(`id,v\n${record('fits', 16777216)}\n${record('more', 16777217)}\nnext,1\n`);
	assert.deepEqual(outcome(job), complete(3, 1));
	assert.deepEqual(await failures(s, job.id), [[1, 3, 'RECORD_TOO_LONG']]);
	assert.deepEqual(await table.rows('id, length(v)'), [['fits', 16777211], ['next', 1]]);
});

story('records come out as they went in, however they lie across the chunks that are read', async (s) => {
	// Records of all lengths, quoted or not, with every special character, some longer than a chunk of 1 MiB.
	const random = seeded(5);
	const pieces = ['a', 'xyz', ' ', 'ä', '日本', '𝄞', ',', '"', '\n', '\r\n', '""', '\r', 'long '.repeat(40)];
	const table = await makeTable(s, two);
	const expected = [];
	let csv = 'id,v\n';
	for (let i = 0; i < 4000; i++) {
		let value = '.';	// never blank
		for (let left = random(i % 100 === 0 ? 400 : 30); left > 0; left--)
			value += pieces[random(pieces.length)];
		if (i === 1000 || i === 3000)
			value += 'quite "long",\r\n'.repeat(100000);
		const needed = /[",\r\n]/.test(value);
		csv += `k${10000 + i},${needed || random(2) ? quote(value) : value}${random(2) ? '\n' : '\r\n'}`;
		expected.push([`k${10000 + i}`, createHash('md5').update(value).digest('hex')]);
	}
	assert.ok(csv.length > 4e6);
	assert.deepEqual(outcome(await table.load(csv)), complete(4000));
	assert.deepEqual(await table.rows('id, md5(v)'), expected);
});
