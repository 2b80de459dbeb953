// SPDX-License-Identifier: Apache-2.0
// `sluice stream send` and `sluice stream delete`: lines of a file or a pipe become streaming requests, each answered before the
// next.  The server is a script, as a real one does not refuse, cut and hang when a story wants it to.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { run, start, withScript } from './scripted.mjs';

const LIMIT = 204800, path = '/api/v1/ingest/sources/shop/things';
const send = ['stream', 'send', 'shop', 'things'], remove = ['stream', 'delete', 'shop', 'things'];
const accept = () => ({});
const lines = (...records) => records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`).join('');
const ids = (s) => s.requests.map((request) => request.body.data.map((record) => record.id));

// As the server refuses: a report on the records that are bad, of which nobody is stored.
function strict(request) {
	const bad = (request.body.data ?? []).filter((record) => record.total === 'no');
	if (bad.length === 0)
		return { status: request.path.endsWith('/actions/test') ? 200 : 202 };
	return { status: 400, json: { message: 'Bad Request: JSON is properly formatted but has a mismatch with Schema.', details: { validationReport:
		bad.map((record) => ({ record: JSON.stringify(record), causingExceptions: ['#: required key [at] not found', '#/total: expected type: Number, found: String'] })) } } };
}

test('records go as they stand, in order, in full bodies of up to 204,800 bytes, one request at a time', () => withScript(accept, async (s) => {
	const records = Array.from({ length: 3000 }, (_, i) => `{ "id":"${i}", "n": 1.${'0'.repeat(i % 700)}1e+2,"t":"\\u00e4ä" }`);
	const all = records.join('\r\n\n \n');
	const { code, out } = await run(s, send, `\ufeff${all}`);
	assert.deepEqual([code, s.requests.map((request) => request.text.slice(9, -2)).join(',')], [0, records.join(',')]);
	for (const [i, { method, path: asked, text, others }] of s.requests.entries()) {
		assert.deepEqual([method, asked, others], ['POST', path, 0]);
		const next = s.requests[i + 1]?.text.slice(9).split(' },')[0].length + 2;
		assert.ok(Buffer.byteLength(text) <= LIMIT && !(Buffer.byteLength(text) + 1 + next + 2 <= LIMIT), `${i}: ${text.length} and ${next}`);
	}
	assert.match(out, new RegExp(`^3,000 records accepted, 0 failed, in ${s.requests.length} requests, \\d\\.\\d MB, in \\d+\\.\\d s\n$`));
}));

test('the longest record fills a body to the byte, and one byte more is a bad line', () => withScript(accept, async (s) => {
	const record = (bytes) => `{"id":"${'x'.repeat(bytes - 9)}"}`;
	const { code, err, out } = await run(s, [...send, '--keep-going'], lines(record(LIMIT - 11), record(LIMIT - 10), record(900000), { id: 'z' }));
	assert.deepEqual(s.requests.map((request) => request.text.length), [LIMIT, 21]);
	assert.deepEqual([code, err], [3, 'standard input:2: longer than fits into a request\nstandard input:3: longer than fits into a request\n']);
	assert.match(out, /^2 records accepted, 2 failed, in 2 requests/);
}));

test('a line of a pipe that stays open is sent before the next one comes', () => withScript(accept, async (s) => {
	const child = start(s, send);
	for (const id of ['a', 'b', 'c']) {
		child.stdin.write(lines({ id }));
		assert.deepEqual((await s.next()).body, { data: [{ id }] });
	}
	child.stdin.end('{"id":"d"}');	// without a line end
	assert.equal((await child.result).code, 0);
	assert.deepEqual(ids(s), [['a'], ['b'], ['c'], ['d']]);
}));

test('lines that come within --linger-ms go together, and --batch-records at most', () => withScript(accept, async (s) => {
	const child = start(s, [...send, '--linger-ms', '60000', '--batch-records', '3']);
	child.stdin.write(lines({ id: 1 }, { id: 2 }, { id: 3 }));
	await s.next();
	child.stdin.write(lines({ id: 4 }));
	await run(s, ['stream', 'send', '--help']);	// long enough for 4 to go alone, if it did
	child.stdin.write(lines({ id: 5 }));
	child.stdin.end(lines({ id: 6 }, { id: 7 }));
	await child.result;
	assert.deepEqual(ids(s), [[1, 2, 3], [4, 5, 6], [7]]);
}));

test('429, 503, 500 and a lost connection are tried again with the same body, after the pause that was asked for', () => withScript(
	(_, count) => ['cut', { status: 429, headers: { 'Retry-After': '1' } }, { status: 503 }, { status: 500 }][count] ?? {}, async (s) => {
		const { code, out, err } = await run(s, send, lines({ id: 'a' }, { id: 'b' }));
		assert.deepEqual([code, s.requests.length, new Set(s.requests.map((request) => request.text)).size], [0, 5, 1]);
		assert.ok(s.requests[2].at - s.requests[1].at >= 1000);
		assert.match(out, /^2 records accepted, 0 failed, in 1 request \(4 tried again\)/);
		assert.equal(err.match(/trying again in \d+\.\d s/g).length, 4);
	}));

test('--retry-seconds bounds the tries, and what is known of the records is told', () => withScript(
	(_, count) => (count === 1 ? { status: 503, headers: { 'Retry-After': '90' } } : count > 1 ? { status: 503 } : {}), async (s) => {
		const input = lines({ id: 'a' }, { id: 'b' }, { id: 'c' });
		let { code, out, err } = await run(s, [...send, '--batch-records', '1'], input);
		assert.deepEqual([code, s.requests.length], [1, 2]);
		assert.match(err, /standard input:2: .*asks to be left alone for 90 s.*all before was accepted; whether this was is not known/);
		assert.match(out, /^1 record accepted/);
		({ code, err } = await run(s, [...send, '--retry-seconds', '0'], input));
		assert.deepEqual([code, s.requests.length], [1, 3]);
		assert.doesNotMatch(err, /given up|trying again/);
		({ code, err } = await run(s, [...send, '--retry-seconds', '1'], input));
		assert.equal(code, 1);
		assert.match(err, /standard input:1 to 3: .*given up after \d tries in 1 s/);
	}));

test('it stops at a line that is no object: all before it is sent, nothing from it on', () => withScript(accept, async (s) => {
	const cases = {
		'[{"id":"b"}]': /a JSON array; one object a line is expected/, '"b"': /not valid JSON|not a JSON object/, '{"id":"b"': /not valid JSON/, '{"id":"b"} {}': /not valid JSON/,
		'{"id":"b","id":"c"}': /"id"/, '{"id":01}': /not valid JSON/, '{"id":"\\ud800"}': /not valid JSON/, '{"id":"b"},{"id":"c"}': /not valid JSON/,
	};
	for (const [bad, why] of Object.entries(cases)) {
		s.requests.length = 0;
		const { code, out, err } = await run(s, [...send, '--linger-ms', '60000'], lines({ id: 'a' }, '', bad, { id: 'd' }));
		assert.deepEqual([code, ids(s)], [1, [['a']]], bad);
		assert.match(err, why);
		assert.match(err, /standard input:3: .*; all before it was accepted, nothing from it on/);
		assert.match(out, /^1 record accepted, 1 failed/);
	}
	s.requests.length = 0;
	const { code, err } = await run(s, [...send, '--keep-going'], lines({ id: 'a' }, '7', { id: 'd' }, '[]'));
	assert.deepEqual([code, ids(s), err.match(/^standard input:\d/gm)], [3, [['a', 'd']], ['standard input:2', 'standard input:4']]);
}));

test('records that the server refuses are told with their lines and reasons', () => withScript(strict, async (s) => {
	const input = lines({ id: 1 }, { id: 2 }, '', { id: 3, total: 'no' }, { id: 4 }, { id: 5, total: 'no' });
	const why = '#: required key \\[at\\] not found; #/total: expected type: Number, found: String';
	let { code, out, err } = await run(s, send, input);
	assert.deepEqual([code, ids(s).at(-1)], [1, [1, 2]]);
	assert.match(err, new RegExp(`^standard input:4: ${why}\nstandard input:6: ${why}\nsluice: standard input:4: .*all before it was accepted, nothing from it on\n$`));
	assert.match(out, /^2 records accepted, 2 failed, in 1 request/);
	({ code, out, err } = await run(s, [...send, '--keep-going'], input));
	assert.deepEqual([code, ids(s).at(-1)], [3, [1, 2, 4]]);
	assert.match(out, /^3 records accepted, 2 failed, in 1 request/);
	s.requests.length = 0;
	({ code, out, err } = await run(s, [...send, '--dry-run', '--batch-records', '2'], input));
	assert.deepEqual([code, new Set(s.requests.map((request) => request.path)), err.match(/^standard input:\d/gm)], [3, new Set([`${path}/actions/test`]), ['standard input:4', 'standard input:6']]);
	assert.match(out, /^3 records would be accepted, 2 failed/);
	assert.equal((await run(s, [...send, '--dry-run'], lines({ id: 1 }))).code, 0);
}));

test('a record that the server writes anew is found by its value; a 400 that names none is told with its lines', () => withScript(
	(request) => (request.body.data.length === 1 ? {} : { status: 400, json: { message: 'mismatch', details: request.body.data[0].id === 'x' ? {} : { validationReport:
		[{ record: '{"total":"no","id":2}', causingExceptions: ['#/total: wrong'] }] } } }), async (s) => {
		let { err } = await run(s, send, lines('{"id":1}', '{ "id": 2, "total": "no" }', '{"id":3}'));
		assert.match(err, /^standard input:2: #\/total: wrong\n/);
		let code;
		({ code, err } = await run(s, [...send, '--batch-records', '2'], lines({ id: 'x' }, { id: 'y' }, { id: 'z' })));
		assert.deepEqual([code, err], [1, 'sluice: standard input:1 to 2: mismatch; all before was accepted, nothing from there on\n']);
		s.requests.length = 0;
		({ code, err } = await run(s, [...send, '--batch-records', '2', '--keep-going'], lines({ id: 'x' }, { id: 'y' }, { id: 'z' })));
		assert.deepEqual([code, err, s.requests.length], [3, 'standard input:1 to 2: mismatch\n', 2]);
	}));

test('Ctrl-C sends what was read, waits for its answer, and says how far it came', async () => {
	let answer;
	const answered = new Promise((done) => { answer = done; });
	await withScript((_, count) => (count === 0 ? answered : {}), async (s) => {
		const child = start(s, [...send, '--batch-records', '1']);
		child.stdin.write(`${lines({ id: 'a' }, { id: 'b' })}{"id":"cut off`);
		await s.next();
		child.kill('SIGINT');
		answer({});
		const { code, out, err } = await child.result;
		assert.deepEqual([code, ids(s), err], [130, [['a'], ['b']], 'sluice: interrupted; the last that was read is line 2\n']);
		assert.match(out, /^2 records accepted/);
	});
});

test('a server that hangs holds up Ctrl-C for five seconds', () => withScript((_, count) => (count === 0 ? {} : new Promise(() => {})), async (s) => {
	const child = start(s, [...send, '--batch-records', '1']);
	child.stdin.write(lines({ id: 'a' }, { id: 'b' }, { id: 'c' }));
	await s.next();
	await s.next();
	child.kill('SIGTERM');
	const { code, out, err } = await child.result;
	assert.deepEqual([code, err], [130, 'sluice: standard input:2: interrupted; all before was accepted; whether this was is not known, and to send it again does no harm\n']);
	assert.match(out, /^1 record accepted/);
}));

test('--json gives the outcome to a program, also of a run that fails', () => withScript(strict, async (s) => {
	const input = lines({ id: 1 }, { id: 2 }, { id: 3, total: 'no' });
	for (const [options, code, accepted, requests] of [[['--keep-going'], 3, 2, 1], [['--batch-records', '1'], 1, 2, 2]]) {
		const result = await run(s, [...send, '--json', ...options], input), summary = JSON.parse(result.out);
		assert.equal(result.code, code);
		assert.deepEqual(summary, { accepted, failed: 1, requests, bytes: requests === 1 ? 28 : 38, retries: 0, lastLine: 2, seconds: summary.seconds, visible: false });
	}
}));

test('--wait ends when what was accepted can be queried, whatever others send meanwhile', () => withScript(
	({ method, path: asked }, count) => (method === 'POST' ? {} : { status: 200, json: { streaming: count < 3
		? { acceptedPosition: 100, appliedPosition: 40, pendingBytes: 60 } : { acceptedPosition: 900, appliedPosition: asked.endsWith('wait=0') ? 700 : 100, pendingBytes: 800 } } }), async (s) => {
		const { code, out } = await run(s, [...send, '--wait', '90'], lines({ id: 1 }));
		assert.equal(code, 0);
		assert.match(out, /and can be queried\n$/);
		assert.deepEqual(s.requests.slice(1).map((request) => request.path), [0, 60, 60].map((wait) => `/api/v1/connectors/shop/streams/things?wait=${wait}`));
		const late = await run(s, [...remove, 'a', '--wait', '1']);
		assert.equal(late.code, 1);
		assert.match(late.err, /all was accepted, but it cannot be queried yet after 1 s/);
	}));

test('stream delete sends ids as they are, 200 a request, from arguments or from lines', () => withScript(accept, async (s) => {
	const folder = mkdtempSync(join(tmpdir(), 'sluice-')), file = join(folder, 'ids.txt');
	const many = Array.from({ length: 450 }, (_, i) => (i % 3 ? `k ${i}` : `"${i}\\,ä`));
	writeFileSync(file, many.join('\n\n'));
	const { code, out } = await run(s, [...remove, '--from', file]);
	assert.deepEqual([code, s.requests.map((request) => [request.method, request.path, request.body.ids.length])], [0, [200, 200, 50].map((count) => ['DELETE', path, count])]);
	assert.deepEqual(s.requests.flatMap((request) => request.body.ids), many);
	assert.match(out, /^450 ids accepted, 0 failed, in 3 requests/);
	s.requests.length = 0;
	assert.equal((await run(s, [...remove, 'a', 'b,c', '--', '-1'])).code, 0);
	assert.deepEqual(s.requests.map((request) => request.body), [{ ids: ['a', 'b,c', '-1'] }]);
	for (const wrong of [remove, [...remove, 'a', '--from', file]])
		assert.match((await run(s, wrong)).err, /which ids\?/);
	const { err } = await run(s, [...remove, '--from', '-'], Buffer.from('a\nb\xff\n', 'latin1'));
	assert.match(err, /standard input:2: not UTF-8 text; all before it was accepted, nothing from it on/);
	assert.deepEqual(s.requests.at(-1).body, { ids: ['a'] });
	rmSync(folder, { recursive: true });
}));

test('wrong options and files are refused before anything is sent', () => withScript(accept, async (s) => {
	const cases = {
		'--batch-records 0': /--batch-records 0: a number from 1 to/, '--linger-ms x': /--linger-ms x: a number from 0 to 60000/, '--retry-seconds -1': /--retry-seconds -1/, '--wait 1s': /--wait 1s/,
		'--dry-run --wait 1': /stores nothing/, '/': /is a folder/, '/no-such-file': /No such file/, '- -': /too many arguments/,
	};
	for (const [options, why] of Object.entries(cases)) {
		const { code, err } = await run(s, [...send, ...options.split(' ')], lines({ id: 1 }));
		assert.equal(code, 1, options);
		assert.match(err, why);
	}
	assert.equal(s.requests.length, 0);
	for (const verb of ['send', 'delete'])
		assert.match((await run(s, ['stream', verb, '--help'])).out, new RegExp(`Examples:\n +(.* \\| )?sluice stream ${verb} ecomm`));
}));
