// SPDX-License-Identifier: Apache-2.0
// The failed records of a job as CSV: which columns, where each was, why it failed, and for how long they can be had.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { complete, makeTable, outcome, parseCsv, quote, stories } from './records.mjs';

const story = stories('failed records');
const fields = { id: 'string', n: 'number', d: 'date' };
const header = 'sf__Part,sf__Line,sf__Error';
const path = (id) => `/api/v1/ingest/jobs/${id}/failedResults`;
const notANumber = (text) => `NOT_A_NUMBER: n: ${text} is not a number; expected digits such as 12, -12.50 or 1.5e3`;

story('part, line, error, then the record\'s own columns as they came', async (s) => {
	const table = await makeTable(s, fields);
	const job = await table.load('d,extra,id,n\n2024-01-01,x y,a,1\n2024-02-30,,b,1\n,"p,q",c,one\n"","say ""hi""",d, 2\n');
	assert.deepEqual(outcome(job), complete(4, 3));
	const answer = await s.must(200, 'GET', path(job.id));
	assert.match(answer.headers.get('content-type'), /^text\/csv\b/);
	assert.equal(answer.text, `${header},d,extra,id,n\n`
		+ '1,3,"NO_SUCH_DATE: d: ""2024-02-30"" is not in the calendar; expected a day that exists, in the years 0001 to 9999",2024-02-30,,b,1\n'
		+ `1,4,${quote(notANumber('"one"'))},,"p,q",c,one\n`
		+ `1,5,${quote(notANumber('" 2"'))},,"say ""hi""",d, 2\n`);
	assert.equal(await s.failed(job.id), answer.text);	// again
});

story('a job without failed records has the header line only', async (s) => {
	const table = await makeTable(s, fields);
	assert.equal(await s.failed((await table.load('id,n,d\na,1,\n')).id), `${header}\n`);
	assert.equal(await s.failed((await table.load([])).id), `${header}\n`);
	assert.equal(await s.failed((await table.load('a\n', 'delete')).id), `${header}\n`);
});

story('values that need quotes get them, and everything reads back as it came', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number', v: 'string' });
	const values = ['plain', ' spaces ', 'a,b', 'say "hi"', '"', '""', ',', 'two\nlines', 'CR and LF\r\nand CR\r.', '', 'tab\t', 'ä日本𝄞', "=cmd|' /C calc'!A0", '\ufeff', 'x'.repeat(100000)];
	const job = await table.load(`id,n,v,"odd, name",\n${values.map((value) => `k,x,${quote(value)},${quote(value)},${quote(value)}\n`).join('')}`);
	assert.deepEqual(outcome(job), complete(values.length, values.length));
	const rows = parseCsv(await s.failed(job.id));
	assert.deepEqual(rows[0], ['sf__Part', 'sf__Line', 'sf__Error', 'id', 'n', 'v', 'odd, name', '']);
	let line = 2;
	for (const [i, value] of values.entries()) {
		assert.deepEqual(rows[i + 1], ['1', String(line), notANumber('"x"'), 'k', 'x', value, value, value]);
		line += 1 + 3 * (value.split('\n').length - 1);
	}
	assert.equal(rows.length, values.length + 1);
	// What failed can be mended and loaded again: the columns that the schema lacks are ignored.
	const again = await table.load((await s.failed(job.id)).replaceAll(',k,x,', ',k,1,'));
	assert.deepEqual(outcome(again), complete(values.length));
	assert.deepEqual(await table.rows('n, length(v)'), [['1.000000000000000000', 100000]]);
});

story('lines are physical ones: line ends inside quotes, CRLF, blank lines and the header count', async (s) => {
	const table = await makeTable(s, fields);
	const parts = [
		'id,n,d\r\nbad 2,x,\r\n\r\n"bad\r\n4",x,\r\nbad 6,x,\r\ngood,1,\r\n"good\n\n\n",1,\r\nbad 12,x,\r\n',
		'\n\n"id","n","d","a\nname\nof four\nlines"\n"bad 7",x,,\n"bad\r8",x,,\n\n\n"good",1,,"\r\n\r\n"\n"bad 14",x,,',
		'id,n,d\nbad\r2,1,\nbad 3,"1"x,\nbad 4,1\n"good ""5\n""",1,\n',
	];
	const job = await table.load(parts);
	const rows = parseCsv(await s.failed(job.id)).slice(1);
	// Each bad record says in its key where it is.  The very last one is fine, quotes, line end and all.
	assert.deepEqual(rows.map(([part, line, , id]) => [Number(part), Number(line), id]), [
		[1, 2, 'bad 2'], [1, 4, 'bad\r\n4'], [1, 6, 'bad 6'], [1, 12, 'bad 12'],
		[2, 7, 'bad 7'], [2, 8, 'bad\r8'], [2, 14, 'bad 14'],
		[3, 2, 'bad\r2'], [3, 3, 'bad 3'], [3, 4, 'bad 4'],
	]);
	assert.deepEqual(outcome(job), complete(14, 10));
});

story('parts whose columns come in another order are one table', async (s) => {
	const table = await makeTable(s, fields);
	const parts = ['id,extra,n,d\na,e1,x,\n', 'd,n,id\n,x,b\n', 'n,other,id,extra,d\nx,o3,c,e3,\n', 'id,n,d\nd,x,\n', '', 'id,extra,n,d\ne,e5,x,\n'];
	const job = await table.load(parts);
	assert.deepEqual(outcome(job), complete(5, 5));
	// The first part's columns; what others lack is empty, what only they have is left out.
	const error = quote(notANumber('"x"'));
	assert.equal(await s.failed(job.id), `${header},id,extra,n,d\n1,2,${error},a,e1,x,\n2,2,${error},b,,x,\n3,2,${error},c,e3,x,\n4,2,${error},d,,x,\n6,2,${error},e,e5,x,\n`);
	// The first part with a header gives the names, though the failure is elsewhere.
	const late = await table.load(['', '\n', 'd,id,n\n,a,1\n', 'id,n,d\nb,x,\n']);
	assert.equal(await s.failed(late.id), `${header},d,id,n\n4,2,${error},,b,x\n`);
});

story('ragged records come with the fields that they have', async (s) => {
	const table = await makeTable(s, fields);
	const job = await table.load('id,n,d\na\nb,1\nc,1,,4,"5,5"\n,\n');
	assert.equal(await s.failed(job.id), `${header},id,n,d\n`
		+ '1,2,"FIELD_COUNT: the record has 1 field, the header 3; keep the commas of blank values",a\n'
		+ '1,3,"FIELD_COUNT: the record has 2 fields, the header 3; keep the commas of blank values",b,1\n'
		+ '1,4,"FIELD_COUNT: the record has 5 fields, the header 3; quote a field that holds a comma",c,1,,4,"5,5"\n'
		+ '1,5,"FIELD_COUNT: the record has 2 fields, the header 3; keep the commas of blank values",,\n');
});

story('a malformed field comes as its raw text, the others as ever', async (s) => {
	const table = await makeTable(s, { id: 'string', v: 'string' });
	const job = await table.load('id,v\n"a,1",x"y\n"b"b,"2,2"\n"c\n""c""" ,3\n"d\r\n",4\r4\n');
	assert.deepEqual(parseCsv(await s.failed(job.id)).slice(1).map(([, line, error, ...record]) => [Number(line), error.split(':')[0], ...record]), [
		[2, 'CSV_BARE_QUOTE', 'a,1', 'x"y'],
		[3, 'CSV_TEXT_AFTER_QUOTE', '"b"b', '2,2'],
		[4, 'CSV_TEXT_AFTER_QUOTE', '"c\n""c""" ', '3'],
		[6, 'CSV_LONE_CR', 'd\r\n', '4\r4'],
	]);
	assert.match(await s.failed(job.id), /"CSV_BARE_QUOTE: v: ""x""y"" has a quote inside an unquoted field/);
});

story('a delete\'s columns are the key and the record modified field', async (s) => {
	const plain = await makeTable(s, { 'the-key': 'integer', v: 'string' }, { primaryKey: 'the-key' });
	let job = await plain.load(['the-key\n1\nx\n', '2,2\n'], 'delete');
	assert.equal(await s.failed(job.id), `${header},the-key\n`
		+ '1,1,"LOOKS_LIKE_HEADER: the-key: ""the-key"" looks like a header; a delete job\'s parts have none, so leave it out",the-key\n'
		+ '1,3,"NOT_AN_INTEGER: the-key: ""x"" is not an integer; expected digits such as -42",x\n'
		+ '2,1,"FIELD_COUNT: the record has 2 fields, a delete\'s has 1: the primary key",2,2\n');
	const dated = await makeTable(s, { at: 'date-time', v: 'string', id: 'integer' }, { primaryKey: 'id', recordModifiedField: 'at' });
	job = await dated.load('1\n,2024-01-01T00:00:00Z\n1,\n', 'delete');
	assert.equal(await s.failed(job.id), `${header},id,at\n`
		+ '1,1,"FIELD_COUNT: the record has 1 field, a delete\'s has 2: the primary key and the record modified field",1\n'
		+ '1,2,BLANK_PRIMARY_KEY: id: the primary key is blank; every record needs one,,2024-01-01T00:00:00Z\n'
		+ '1,3,BLANK_RECORD_MODIFIED: at: the record modified field is blank; every record needs one,1,\n');
});

story('sf__Error is one short line of UTF-8, whatever the value was; the value itself is whole', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	const values = [Buffer.from('long '.repeat(1000)), Buffer.from('line\r\nends\n'), Buffer.from([0xff, 0xfe, 0x41]), Buffer.from([0x31, 0, 0x31]), Buffer.from('ß'.repeat(500)), Buffer.from('\u001b[31mred')];
	const body = Buffer.concat([Buffer.from('id,n\n'), ...values.flatMap((value) => [Buffer.from('k,"'), value, Buffer.from('"\n')])]);
	const job = await table.load(body);
	const answer = await fetch(s.url + path(job.id), { headers: { Authorization: `Bearer ${s.token}` } });
	const rows = parseCsv(Buffer.from(await answer.arrayBuffer()).toString('latin1')).slice(1);
	assert.deepEqual(rows.map((row) => Buffer.from(row[4], 'latin1')), values);
	for (const [, , error] of rows) {
		const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(error, 'latin1'));
		assert.match(text, /^NOT_A_NUMBER: n: "[^\u0000-\u001f\u007f]*" is not a number; [^\u0000-\u001f\u007f]*$/u);
		assert.ok(text.length < 300, text);
	}
	assert.match(rows[0][2], /"long long long long long long long long \xe2\x80\xa6"/);
	assert.match(rows[2][2], /"\\xff\\xfeA"/);
	assert.match(rows[3][2], /"1\\x001"/);
});

story('tens of thousands of failures: every one is there, once and in order, and the counts add up', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	// Of three records one is good, one has a wrong number, and one a field too many.
	const part = (number, count) => {
		let csv = 'id,n\n', failed = '', good = 0;
		for (let i = 0; i < count; i++) {
			const id = `p${number}-${i}`, line = i + 2;
			csv += [`${id},${i}\n`, `${id},"x,y"\n`, `${id},1,\n`][i % 3];
			failed += ['', `${number},${line},${quote(notANumber('"x,y"'))},${id},"x,y"\n`, `${number},${line},"FIELD_COUNT: the record has 3 fields, the header 2; quote a field that holds a comma",${id},1,\n`][i % 3];
			good += i % 3 === 0 ? 1 : 0;
		}
		return { csv, failed, good };
	};
	const parts = [part(1, 20001), part(2, 20000), part(3, 20002)];
	const good = 6667 + 6667 + 6668, all = 60003;
	assert.equal(parts[0].good + parts[1].good + parts[2].good, good);
	const job = await table.load(parts.map(({ csv }) => csv));
	assert.deepEqual(outcome(job), complete(all, all - good));
	assert.equal(await s.failed(job.id), `${header},id,n\n${parts.map(({ failed }) => failed).join('')}`);
	assert.deepEqual(await s.sql(`select count(*), count(distinct id), count(*) filter (id not like 'p%' or split_part(id, '-', 2)::int % 3 <> 0) from ${table.name}`), [[good, good, 0]]);
});

story('they stay as long as the job, and go with it', async (s) => {
	const table = await makeTable(s, fields);
	const job = await table.load('id,n,d\na,x,\n');
	const expected = `${header},id,n,d\n1,2,${quote(notANumber('"x"'))},a,x,\n`;
	assert.equal(await s.failed(job.id), expected);
	// Another job of the object, one that mends the record, even; and a restart.
	await table.load('id,n,d\na,1,\nb,y,\n');
	assert.equal(await s.failed(job.id), expected);
	assert.deepEqual(await s.kill('SIGTERM'), { code: 0, signal: null });
	await s.run();
	assert.equal(await s.failed(job.id), expected);
	await s.kill();
	await s.run();
	assert.equal(await s.failed(job.id), expected);
	await s.must(204, 'DELETE', `/api/v1/ingest/jobs/${job.id}`);
	await s.must(404, 'GET', path(job.id));
	assert.ok(!readdirSync(join(s.data, 'blobs')).includes(job.id));
	await s.must(404, 'GET', path('00000000-0000-4000-8000-000000000000'));
	await s.must(404, 'GET', path('no-id'));
	assert.equal((await s.call('POST', path(job.id))).status, 405);
});

story('a job that failed or was aborted has none', async (s) => {
	const table = await makeTable(s, fields);
	const failed = await table.load(['id,n,d\na,x,\n', 'id,n,d\nb,"1,\n']);
	assert.deepEqual(outcome(failed), ['Failed', 0, 0]);
	assert.equal(await s.failed(failed.id), `${header}\n`);
	const aborted = await table.create();
	await s.upload(aborted.id, 'id,n,d\na,x,\n');
	await s.patch(aborted.id, 'Aborted');
	assert.equal(await s.failed(aborted.id), `${header}\n`);
});

test('before the end of the job there is nothing to tell: 409', () => withServer(async (s) => {
	const table = await makeTable(s, fields);
	const asks = async (id, state) => {
		const answer = await s.must(409, 'GET', path(id));
		assert.match(answer.json.message, new RegExp(`^The request conflicts with current state of the target resource: job ${id} is ${state}`));
	};
	const first = await table.create(), second = await table.create();
	for (const { id } of [first, second])
		await s.upload(id, 'id,n,d\na,x,\n');
	await asks(first.id, 'Open');
	s.hold();
	await s.patch(first.id, 'UploadComplete');
	await s.held();	// the failed records are written, the rows are not
	await s.patch(second.id, 'UploadComplete');
	await asks(first.id, 'InProgress');
	await asks(second.id, 'UploadComplete');
	await s.release();
	for (const { id } of [first, second]) {
		assert.deepEqual(outcome(await s.job(id, 60)), complete(1, 1));
		assert.equal(parseCsv(await s.failed(id)).length, 2);
	}
}, { holdAt: 'load.rejects' }));
