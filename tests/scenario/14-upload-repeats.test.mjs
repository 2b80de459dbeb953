// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key: whoever did not see the answer to an upload sends it again, and the job has the part once, whatever has become
// of the job meanwhile.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { program, withServer } from './harness.mjs';
import { complete, makeTable, outcome, stories } from './records.mjs';
import { until, withWire } from './wire.mjs';

const story = stories('repeated uploads');
const batches = (id) => `/api/v1/ingest/jobs/${id}/batches`;
const csvType = { 'Content-Type': 'text/csv' };
const key = (text) => ({ 'Idempotency-Key': text });
const filesOf = (s, id) => existsSync(join(s.data, 'blobs', id)) ? readdirSync(join(s.data, 'blobs', id)) : [];
const parts = async (s, id) => (await s.must(200, 'GET', batches(id))).json.data;
const statuses = (answers) => answers.map((a) => a.status);

function accepted(answer) {
	assert.equal(answer?.status, 202, answer?.text);
	assert.deepEqual(answer.json, { accepted: true });
}

// Begin an upload of ${length} bytes and send ${bytes} of it; the server has begun to store it then.
async function beginUpload(s, wire, id, length, bytes, headers) {
	const before = filesOf(s, id).length;
	await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Length': length, ...headers });
	await wire.send(bytes);
	await until(s, () => filesOf(s, id).length > before, 'the upload has a file');
}

story('a repeated upload is answered as the first was, packed or not, and the job has one part of it', async (s) => {
	const table = await makeTable(s, { id: 'string' }), { id } = await table.create();
	for (const [text, name] of [['id\na\n', 'one'], ['id\nb\n', 'two'], ['id\na\n', 'one'], ['id\nb\n', 'two'], ['id\na\n', 'one']])
		accepted(await s.upload(id, text, key(name)));
	accepted(await s.upload(id, gzipSync('id\nb\n'), { ...key('two'), 'Content-Encoding': 'gzip' }));
	accepted(await s.upload(id, 'id\na\n', key('three')));	// the key counts, not the content
	accepted(await s.upload(id, 'id\na\n'));
	accepted(await s.upload(id, 'id\na\n'));
	assert.deepEqual((await parts(s, id)).map((p) => p.bytes), [5, 5, 5, 5, 5]);
	assert.equal(filesOf(s, id).length, 5);
	await s.patch(id, 'UploadComplete');
	assert.deepEqual(outcome(await s.job(id, 60)), complete(5));
});

story('other content under the same key is 409, whatever its length, and changes nothing', async (s) => {
	const { id } = await (await makeTable(s, { id: 'string' })).create();
	accepted(await s.upload(id, 'id\na\n', key('k')));
	const before = await parts(s, id);
	for (const text of ['id\nb\n', 'id\na\n\n', '', 'id\na'])
		for (const [body, coding] of [[text, 'identity'], [gzipSync(text), 'gzip']]) {
			const answer = await s.upload(id, body, { ...key('k'), 'Content-Encoding': coding });
			assert.equal(answer.status, 409, text);
			assert.match(answer.json.message, /part 1 of job .* has the Idempotency-Key "k" but other content .*needs a new key/);
		}
	assert.deepEqual(await parts(s, id), before);
	assert.equal(filesOf(s, id).length, 1);
});

story('a repeat is still held against its digest, its coding and its limit', async (s) => {
	const { id } = await (await makeTable(s, { id: 'string' })).create(), text = 'id\na\n', wrong = createHash('sha256').update('x').digest('base64');
	const right = createHash('sha512').update(text).digest('base64');
	accepted(await s.upload(id, text, key('k')));
	accepted(await s.upload(id, text, { ...key('k'), 'Content-Digest': `sha-512=:${right}:` }));
	assert.equal((await s.upload(id, text, { ...key('k'), 'Content-Digest': `sha-256=:${wrong}:` })).status, 400);
	assert.equal((await s.upload(id, gzipSync(text).subarray(0, -1), { ...key('k'), 'Content-Encoding': 'gzip' })).status, 400);
	assert.equal((await s.upload(id, gzipSync(Buffer.alloc(157286401), { level: 1 }), { ...key('k'), 'Content-Encoding': 'gzip' })).status, 413);
	assert.equal((await parts(s, id)).length, 1);
});

story('a key is of one job, and may be any 1 to 255 printable characters; others are 400 before the body is read', async (s) => {
	const table = await makeTable(s, { id: 'string' }), { id } = await table.create(), other = await table.create();
	const good = ['k', 'x'.repeat(255), '"8e03978e-40d5-43e8-bc93-6894a57f9324"', 'a b', "~!'%;--", 'K'];
	for (const name of good)
		for (const job of [id, other.id, id])
			accepted(await s.upload(job, `id\n${good.indexOf(name)}\n`, key(name)));
	for (const job of [id, other.id])
		assert.equal((await parts(s, job)).length, good.length);
	for (const name of ['', '   ', 'x'.repeat(256), 'a\tb', 'a\u00e4b', ['k', 'k']])
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Length': 1000000, ...key(name) });
			const answer = await wire.answer();
			assert.equal(answer.status, 400, name);
			assert.match(answer.json.message, /Idempotency-Key/);
		});
});

story('a repeat is 202 when the job has its 100 parts, is closed, and is finished; a new key is not', async (s) => {
	const table = await makeTable(s, { id: 'string' }), { id } = await table.create();
	for (let i = 1; i <= 100; i++)
		accepted(await s.upload(id, `id\nk${i}\n`, key(`${i}`)));
	const look = async (status) => {
		accepted(await s.upload(id, 'id\nk7\n', key('7')));
		assert.equal((await s.upload(id, 'id\nk8\n', key('7'))).status, 409);
		assert.equal((await s.upload(id, 'id\nnew\n', key('new'))).status, status);
	};
	await look(400);
	await s.patch(id, 'UploadComplete');
	await look(409);
	assert.deepEqual(outcome(await s.job(id, 60)), complete(100));
	await look(409);
	await until(s, () => filesOf(s, id).length === 0, 'its parts are removed');
	assert.equal((await s.job(id)).numberParts, 100);
	await s.must(204, 'DELETE', `/api/v1/ingest/jobs/${id}`);
	assert.equal((await s.upload(id, 'id\nk7\n', key('7'))).status, 404);
});

story('a repeat is 409 once the job is aborted, also when that happens in its middle', async (s) => {
	const { id } = await (await makeTable(s, { id: 'string' })).create();
	accepted(await s.upload(id, 'id\na\n', key('k')));
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Length': 5, Expect: '100-continue', ...key('k') });
		assert.equal((await wire.answer()).status, 100);	// it is known as a repeat
		await s.patch(id, 'Aborted');
		await wire.send('id\na\n');
		assert.equal((await wire.answer()).status, 409);
	});
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Length': 1000000, ...key('k') });
		const answer = await wire.answer();	// before the body is read
		assert.equal(answer.status, 409);
		assert.match(answer.json.message, /is Aborted/);
	});
	assert.deepEqual(filesOf(s, id), []);
});

story('of many at once with one key one is stored, and all are told 202', async (s) => {
	const table = await makeTable(s, { id: 'string' });
	for (let round = 0; round < 5; round++) {
		const { id } = await table.create();
		const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => s.upload(id, `id\nk${i % 3}\n`, key(`k${i % 3}`))));
		assert.deepEqual(statuses(answers), Array(30).fill(202));
		assert.equal((await parts(s, id)).length, 3);
		assert.equal(filesOf(s, id).length, 3);
		await s.patch(id, 'UploadComplete');
		assert.deepEqual(outcome(await s.job(id, 60)), complete(3));
	}
});

story('of two with one key that overlap, the one that ends later is told 202, or 409 for other content', async (s) => {
	const { id } = await (await makeTable(s, { id: 'string' })).create();
	for (const [name, last, status] of [['same', 'a\n', 202], ['other', 'b\n', 409]])
		await withWire(s, async (wire) => {
			await beginUpload(s, wire, id, 5, 'id\n', key(name));
			accepted(await s.upload(id, 'id\na\n', key(name)));
			await wire.send(last);
			assert.equal((await wire.answer()).status, status, name);
		});
	assert.equal((await parts(s, id)).length, 2);
	await until(s, () => filesOf(s, id).length === 2, 'what was stored twice is removed');
});

story('a repeat that the end of its job overtakes is told to come again, and then 202', async (s) => {
	const table = await makeTable(s, { id: 'string' });
	for (const [length, sent] of [[400003, 400000], [400003, 10], [131072, 131071], [131072, 131072 / 2]]) {
		const { id } = await table.create(), text = `id\n${'a\n'.repeat(length / 2)}`.slice(0, length);
		await withWire(s, async (wire) => {
			await beginUpload(s, wire, id, length, text.slice(0, sent), key('k'));
			accepted(await s.upload(id, text, key('k')));
			await s.patch(id, 'UploadComplete');
			await until(s, () => s.log.includes(`job.completed job=${id}`), 'the job ends');
			await until(s, () => !existsSync(join(s.data, 'blobs', id)), 'its parts are removed');
			await wire.send(text.slice(sent));
			const answer = await wire.answer();
			assert.equal(answer?.status, 503, answer?.text);
			assert.ok('retry-after' in answer.headers);
		});
		accepted(await s.upload(id, text, key('k')));
		assert.equal((await s.job(id)).numberParts, 1);
		await until(s, () => filesOf(s, id).length === 0, 'nothing is left');
	}
});

// A way to the server on which the answers to the first ${losses} uploads get lost, connection and all.
async function withLossyWay(s, losses, tell) {
	const { hostname, port } = new URL(s.url);
	const way = net.createServer((client) => {
		const server = net.connect({ host: hostname, port: Number(port) });
		let isUpload = false;
		client.on('data', (bytes) => { isUpload ||= bytes.includes('PUT /api'); server.write(bytes); });
		server.on('data', (bytes) => {
			// A 100 goes through: the body is to be sent.
			if (isUpload && bytes.includes('HTTP/1.1 202') && losses-- > 0)
				client.destroy();
			else
				client.write(bytes);
		});
		for (const [one, other] of [[client, server], [server, client]])
			one.on('error', () => {}).on('close', () => other.destroy());
	});
	await new Promise((done) => way.listen(0, '127.0.0.1', done));
	try {
		await tell(`http://127.0.0.1:${way.address().port}`);
	} finally {
		way.close();
	}
}

test('sluice load tries a part again whose answer got lost, and the job has it once', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const file = join(s.data, 'things.csv');
	writeFileSync(file, `id\n${Array.from({ length: 3000 }, (_, i) => `k${i}\n`).join('')}`);
	await withLossyWay(s, 2, async (url) => {
		const load = spawn(program, ['load', 'shop', 'things', file, '--part-size', '8000'], { env: { ...process.env, SLUICE_URL: url, SLUICE_TOKEN: s.token } });
		let said = '';
		load.stderr.on('data', (text) => { said += text; });
		assert.equal(await new Promise((done) => load.on('close', done)), 0, said);
		assert.equal(said.match(/trying again/g)?.length, 2, said);
	});
	const [job] = (await s.must(200, 'GET', '/api/v1/ingest/jobs')).json.data;
	assert.deepEqual([job.state, job.numberRecordsProcessed, job.numberParts], ['JobComplete', 3000, 3]);
	assert.equal((s.log.match(/part\.repeated/g) ?? []).length, 2);
}));
