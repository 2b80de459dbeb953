// SPDX-License-Identifier: Apache-2.0
// `sluice query` prints a result batch by batch: whole, in the three forms, in the memory of one batch, and without a word when the
// reader of a pipe has had enough.  The server is a script but where its own batches are the point.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import test from 'node:test';
import { program, rootFolder, withServer } from './harness.mjs';
import { residentPeakKb } from './memory.mjs';
import { run, start, withScript } from './scripted.mjs';

// Memory is measured in the program as people get it, since a build with checks multiplies every allocation.
const release = resolve(rootFolder, process.env.SLUICE_RELEASE ?? 'build/sluice');

const metadata = { n: { type: 'DECIMAL', placeInOrder: 1, typeCode: 3 }, id: { type: 'VARCHAR', placeInOrder: 0, typeCode: 12 } };
const query = ['query', 'select id, n from shop.things'];

// A server with a result of these batches, each a list of rows; 'fail' in the place of one is a refusal.
const paged = (...batches) => (request, count) => {
	const wanted = request.method === 'POST' ? 0 : Number(request.path.replace('/api/v2/query/batch-', ''));
	const rows = batches[wanted], done = wanted + 1 === batches.length;
	if (rows === 'fail')
		return { status: 404, json: { message: "The requested resource doesn't exist: the batch is gone." } };
	if (typeof rows === 'function')
		return rows(count);
	return { status: 200, json: { data: rows, rowCount: rows.length, queryId: 'q', nextBatchId: done ? null : `batch-${wanted + 1}`, done, metadata } };
};

test('every batch is asked for once, and the rows come out in all three forms', () => withScript(paged([['a', 1], ['b', 2.5]], [['long and, wide', -3]], [], [[null, 4]]), async (s) => {
	const forms = [
		[[], 'id    n\n--  ---\na     1\nb   2.5\nlong and, wide   -3\n      4\n'],
		[['--csv'], 'id,n\na,1\nb,2.5\n"long and, wide",-3\n,4\n'],
		[['--json'], '[{"id":"a","n":1},\n{"id":"b","n":2.5},\n{"id":"long and, wide","n":-3},\n{"id":null,"n":4}]\n'],
	];
	for (const [options, expected] of forms) {
		s.requests.length = 0;
		const { code, out, err } = await run(s, [...query, ...options]);
		assert.deepEqual([code, out, err], [0, expected, '(4 rows)\n']);
		assert.deepEqual(s.requests.map((request) => `${request.method} ${request.path}`), ['POST /api/v2/query', ...[1, 2, 3].map((n) => `GET /api/v2/query/batch-${n}`)]);
	}
}));

test('the batches of the server itself make the whole result', () => withServer(async (s) => {
	const { code, out, err } = await run(s, ['query', '--csv', 'select range as n from range(1005) order by n']);
	assert.deepEqual([code, out, err], [0, `n\n${Array.from({ length: 1005 }, (_, n) => `${n}\n`).join('')}`, '(1005 rows)\n']);
}, { args: ['--query-rows', '100'] }));

test('a result without rows has its columns, and a server without batches says that there are more rows', () => withScript(
	(_, count) => ({ status: 200, json: { data: [], metadata, done: count === 0, nextBatchId: null } }), async (s) => {
		assert.deepEqual(await run(s, [...query, '--json']), { code: 0, signal: null, out: '[]\n', err: '(0 rows)\n' });
		assert.match((await run(s, [...query, '--csv'])).err, /^\(0 rows\)\nMore rows exist than are shown/);
	}));

test('rows are printed before the next batch is there', async () => {
	let answer;
	const answered = new Promise((done) => { answer = done; });
	await withScript(paged([['a', 1]], () => answered), async (s) => {
		const child = start(s, [...query, '--csv']);
		assert.equal(String(await Promise.race([new Promise((done) => child.stdout.once('data', done)), child.result])), 'id,n\na,1\n');
		answer({ status: 200, json: { data: [['b', 2]], metadata, done: true } });
		assert.equal((await child.result).out, 'id,n\na,1\nb,2\n');
	});
});

test('a batch that fails ends it with 1, and how many rows came before is told', () => withScript(paged([['a', 1]], [['b', 2]], 'fail'), async (s) => {
	const { code, out, err } = await run(s, [...query, '--json']);
	assert.deepEqual([code, out], [1, '[{"id":"a","n":1},\n{"id":"b","n":2}']);
	assert.equal(err, "sluice: after 2 rows, and there are more: The requested resource doesn't exist: the batch is gone.\n");
}));

test('a batch that the server refuses for the moment is asked for again, a query is not', () => withScript(
	paged([['a', 1]], (count) => (count === 1 ? { status: 503 } : { status: 200, json: { data: [['b', 2]], metadata, done: true } })), async (s) => {
		const { code, out } = await run(s, [...query, '--csv']);
		assert.deepEqual([code, out, s.requests.length], [0, 'id,n\na,1\nb,2\n', 3]);
		await withScript(() => ({ status: 503, headers: { 'Retry-After': '1' } }), async (busy) => {
			assert.equal((await run(busy, query)).code, 1);
			assert.equal(busy.requests.length, 1);
		});
	}));

test('a reader that leaves ends it early and without a word, also where SIGPIPE is ignored', () => withScript(
	paged(...Array.from({ length: 1000 }, (_, i) => Array.from({ length: 1000 }, (_, n) => [`k${i}`, n]))), async (s) => {
		for (const ignored of ['', 'trap "" PIPE; ']) {
			s.requests.length = 0;
			const [out, err] = await new Promise((done) => execFile('bash', ['-c', `${ignored}"$0" query --csv "select 1" | head -n 2; echo "\${PIPESTATUS[0]}"`, program],
				{ env: { ...process.env, SLUICE_URL: s.url } }, (_, ...texts) => done(texts)));
			assert.deepEqual([out, err], ['id,n\nk0,0\n141\n', '']);
			assert.ok(s.requests.length < 50, `${s.requests.length} batches`);
		}
	}));

test('a million rows take the memory of one batch', async () => {
	const batch = Array.from({ length: 10000 }, (_, n) => ['x'.repeat(100), n]);
	let child, peak;
	const grown = async (count) => {
		await withScript((request, at) => {
			if (at === count - 1)
				peak = residentPeakKb(child.pid);
			return paged(...Array(count).fill(batch))(request, at);
		}, async (s) => {
			for (const form of ['--csv', '--json', undefined]) {
				s.requests.length = 0;
				child = start(s, [...query, ...(form ? [form] : [])], release);
				let bytes = 0;
				child.stdout.removeAllListeners('data').on('data', (piece) => { bytes += piece.length; });
				const { code, err } = await child.result;
				assert.deepEqual([code, err], [0, `(${count * 10000} rows)\n`]);
				assert.ok(bytes > count * 10000 * 100);
				sizes[form] = [...(sizes[form] ?? []), peak];
			}
		});
	};
	const sizes = {};
	await grown(3);
	await grown(100);
	for (const [form, [few, many]] of Object.entries(sizes))
		assert.ok(many - few < 5000, `${form}: ${few} KiB for 30,000 rows, ${many} KiB for 1,000,000`);
});
