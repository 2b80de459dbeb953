// SPDX-License-Identifier: Apache-2.0
// Parts: what is taken and what is not, the limits to the byte, and that an upload leaves a part or nothing, whatever happens
// to its connection or its job meanwhile.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { until, withWire } from './wire.mjs';

const jobs = '/api/v1/ingest/jobs';
const batches = (id) => `${jobs}/${id}/batches`;
const csvType = { 'Content-Type': 'text/csv' };
const partBytesMax = 157286400;	// 150 MiB
const partsMax = 100;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const parts = async (s, id) => (await s.must(200, 'GET', batches(id))).json.data;

// What lies on the disk of a job, unfinished files included.
const filesOf = (s, id) => existsSync(join(s.data, 'blobs', id)) ? readdirSync(join(s.data, 'blobs', id)) : [];
const isGone = (s, id) => !existsSync(join(s.data, 'blobs', id));

// Begin an upload of ${length} bytes (null: chunked) on ${wire} and send ${bytes} of it; the server has begun to store it then.
async function beginUpload(s, wire, id, length, bytes) {
	const before = filesOf(s, id).length;
	await wire.head(s, 'PUT', batches(id), { ...csvType, ...(length === null ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': length }) });
	await (length === null ? wire.chunk(Buffer.from(bytes)) : wire.send(bytes));
	await until(s, () => filesOf(s, id).length > before, 'the upload has a file');
}

test('a part is accepted and counted, and its place, size, digest and time can be read', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'integer' });
	const job = await s.createJob('things');
	const texts = ['id,n\na,1\n', '\ufeffid,n\r\nb,2\r\n', ''];
	const begun = Date.now();
	for (const text of texts) {
		const answer = await s.call('PUT', job.contentUrl, Buffer.from(text), csvType);
		assert.equal(answer.status, 202);
		assert.deepEqual(answer.json, { accepted: true });
		assert.equal(answer.headers.get('content-type'), 'application/json;charset=UTF-8');
	}
	const list = await parts(s, job.id);
	assert.deepEqual(list.map(({ part, bytes, sha256: digest }) => [part, bytes, digest]), texts.map((text, i) => [i + 1, Buffer.byteLength(text), sha256(text)]));
	for (const { acceptedDate } of list) {
		assert.match(acceptedDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
		assert.ok(Date.parse(acceptedDate) >= begun - 1 && Date.parse(acceptedDate) <= Date.now() + 1);
	}
	const now = await s.job(job.id);
	assert.deepEqual([now.state, now.numberParts, now.bytesUploaded], ['Open', 3, 9 + 14]);
	await s.patch(job.id, 'UploadComplete');
	const end = await s.job(job.id, 60);
	assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed, end.contentUrl], ['JobComplete', 2, 0, null]);
	assert.deepEqual(await s.sql('select * from shop.things order by id'), [['a', 1], ['b', 2]]);
}));

test('an empty part is fine, with a length and chunked, and a job of nothing else completes with 0 records', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	for (const framing of ['Content-Length: 0\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'])
		await withWire(s, async (wire) => {
			await wire.send(`PUT ${batches(job.id)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Type: text/csv\r\n${framing}`);
			assert.equal((await wire.answer()).status, 202, framing);
		});
	await s.patch(job.id, 'UploadComplete');
	const end = await s.job(job.id, 60);
	assert.deepEqual([end.state, end.numberParts, end.bytesUploaded, end.numberRecordsProcessed], ['JobComplete', 2, 0, 0]);
}));

test('only text/csv is taken, whatever its case and parameters', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const put = (type) => s.call('PUT', batches(job.id), Buffer.from('id\na\n'), { 'Content-Type': type });
	const good = ['text/csv', 'TEXT/CSV', 'text/csv; charset=utf-8', 'text/csv;charset=UTF-8', 'Text/Csv ; header=present', 'text/csv;'];
	const bad = [null, '', ';', 'application/json', 'text/plain', 'text/csvx', 'text/cs', 'text', 'application/csv', 'text/csv,text/csv', '"text/csv"', 'multipart/form-data; boundary=text/csv', 'x text/csv'];
	for (const type of good)
		assert.equal((await put(type)).status, 202, type);
	for (const type of bad) {
		const answer = await put(type);
		assert.equal(answer.status, 415, type);
		assert.equal(answer.json.error, '415 UNSUPPORTED_MEDIA_TYPE');
		assert.match(answer.json.message, /text\/csv/);
	}
	assert.equal((await s.call('PUT', batches(job.id), Buffer.from('id\n'), { ...csvType, 'Content-Encoding': 'br' })).status, 415);
	assert.equal((await s.job(job.id)).numberParts, good.length);
	assert.equal(filesOf(s, job.id).length, good.length);
}));

test('a part of 157,286,400 bytes is taken', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Content-Length': partBytesMax });
		await wire.send('id\na\n');
		const blank = Buffer.alloc(1 << 20, '\n');	// blank lines are skipped
		for (let left = partBytesMax - 5; left > 0; left -= blank.length)
			await wire.send(blank.subarray(0, left));
		assert.equal((await wire.answer()).status, 202);
	});
	assert.equal((await s.job(job.id)).bytesUploaded, partBytesMax);
	await s.patch(job.id, 'UploadComplete');
	assert.deepEqual(await s.job(job.id, 60).then((j) => [j.state, j.numberRecordsProcessed, j.numberRecordsFailed]), ['JobComplete', 1, 0]);
}));

test('one byte more is refused: at once when Content-Length says so, else as soon as it is passed', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const tooLarge = (answer) => {
		assert.equal(answer.status, 413);
		assert.equal(answer.json.error, '413 PAYLOAD_TOO_LARGE');
		assert.match(answer.json.message, /157286400/);
	};
	for (const length of [partBytesMax + 1, Number.MAX_SAFE_INTEGER, '18446744073709551614'])
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Content-Length': length });
			tooLarge(await wire.answer());	// nothing of the body was sent
		});
	assert.deepEqual(filesOf(s, job.id), []);
	await withWire(s, async (wire) => {
		await beginUpload(s, wire, job.id, null, 'id\n');
		const blank = Buffer.alloc(1 << 20, '\n');
		for (let left = partBytesMax - 3; left > 0; left -= blank.length)
			assert.ok(await wire.chunk(blank.subarray(0, left)));
		assert.equal(wire.hasAnswer(), false);	// all of that was within the limit
		await wire.chunk(Buffer.from('\n'));
		tooLarge(await wire.answer());
	});
	await until(s, () => filesOf(s, job.id).length === 0, 'the refused bytes are removed');
	assert.equal((await s.upload(job.id, 'id\na\n')).status, 202);
	assert.equal((await s.job(job.id)).numberParts, 1);
}));

test('100 parts are taken, the 101st is refused, and what was accepted stays', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	for (let i = 1; i <= partsMax; i++)
		assert.equal((await s.upload(job.id, `id\nk${i}\n`)).status, 202, `part ${i}`);
	const answer = await s.upload(job.id, 'id\nover\n');
	assert.equal(answer.status, 400);
	assert.match(answer.json.message, new RegExp(`${job.id} has 100 parts`));
	assert.deepEqual((await parts(s, job.id)).map((p) => p.part), Array.from({ length: partsMax }, (_, i) => i + 1));
	await s.patch(job.id, 'UploadComplete');
	assert.equal((await s.job(job.id, 60)).numberRecordsProcessed, partsMax);
}));

test('of 150 parts at once, exactly 100 are taken', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => s.upload(job.id, `id\nk${i}\n`)));
	assert.deepEqual([202, 400].map((status) => answers.filter((a) => a.status === status).length), [100, 50]);
	assert.equal((await parts(s, job.id)).length, partsMax);
	assert.equal(filesOf(s, job.id).length, partsMax);
	await s.patch(job.id, 'UploadComplete');
	assert.equal((await s.job(job.id, 60)).numberRecordsProcessed, partsMax);
	const landed = (await s.sql('select id from shop.things')).map(([id]) => id).sort();
	assert.deepEqual(landed, answers.flatMap((a, i) => a.status === 202 ? [`k${i}`] : []).sort());
}));

test('Expect: 100-continue is answered with 100 when the part is wanted, and with the refusal when it is not', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const aborted = await s.createJob('things');
	await s.patch(aborted.id, 'Aborted');
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Content-Length': 5, Expect: '100-continue' });
		assert.equal((await wire.answer()).status, 100);
		await wire.send('id\na\n');
		assert.equal((await wire.answer()).status, 202);
	});
	const refusals = [
		[401, job.id, { Authorization: null }], [404, 'no-such-job', {}], [409, aborted.id, {}], [415, job.id, { 'Content-Type': 'text/plain' }],
		[413, job.id, { 'Content-Length': partBytesMax + 1 }],
	];
	for (const [status, id, headers] of refusals)
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Length': 5, Expect: '100-continue', ...headers });
			assert.equal((await wire.answer()).status, status);
		});
	assert.equal((await s.job(job.id)).numberParts, 1);
}));

test('a chunked body may be cut anywhere, down to single bytes, with extensions and trailers', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', t: 'string' });
	const job = await s.createJob('things');
	const text = 'id,t\n"a","x, ""y"" \u20ac\n"\nb,2\n';
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Transfer-Encoding': 'chunked' });
		for (const byte of Buffer.from(text))
			await wire.chunk(Buffer.from([byte]), ';name=value');
		await wire.send('0\r\nX-Trailer: 1\r\n\r\n');
		assert.equal((await wire.answer()).status, 202);
	});
	assert.equal((await parts(s, job.id))[0].sha256, sha256(text));
	await s.patch(job.id, 'UploadComplete');
	await s.job(job.id, 60);
	assert.deepEqual(await s.sql('select * from shop.things order by id'), [['a', 'x, "y" \u20ac\n'], ['b', '2']]);
}));

test('a broken chunk size is refused or cut, and leaves no part', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	for (const chunks of ['zz\r\nid\n', '-1\r\nid\n', 'ffffffffffffffffff\r\nid\n', '3\r\nid\nXX\r\n', '\r\n', `${'0'.repeat(300000)}3\r\nid\n\r\n0\r\n\r\n`])
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Transfer-Encoding': 'chunked' });
			await wire.send(chunks);
			const answer = await wire.answer();
			assert.ok(answer === null || answer.status >= 400, `${chunks.slice(0, 20)}: ${answer?.status}`);
		});
	await until(s, () => filesOf(s, job.id).length === 0, 'nothing is left of the broken bodies');
	assert.equal((await s.job(job.id)).numberParts, 0);
	assert.equal((await s.upload(job.id, 'id\na\n')).status, 202);
}));

test('a connection that breaks in mid-body leaves no trace', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const sent = 'id\n' + 'broken\n'.repeat(60000);	// some chunks of the server's
	const ends = {
		'reset, with a length': [500000, (wire) => wire.cut()],
		'closed, with a length': [500000, (wire) => wire.cut(false)],
		'finished before its Content-Length': [sent.length + 1, (wire) => wire.finish()],
		'reset, chunked': [null, (wire) => wire.cut()],
		'finished without the last chunk': [null, (wire) => wire.finish()],
	};
	for (const [name, [length, end]] of Object.entries(ends)) {
		await withWire(s, async (wire) => {
			await beginUpload(s, wire, job.id, length, sent);
			end(wire);
			const answer = await wire.answer();
			assert.ok(answer === null || answer.status >= 400, name);
			await until(s, () => filesOf(s, job.id).length === 0, `${name}: no file is left`);
		});
		assert.equal((await s.job(job.id)).numberParts, 0, name);
	}
	assert.equal((await s.upload(job.id, 'id\nwhole\n')).status, 202);
	await s.patch(job.id, 'UploadComplete');
	const end = await s.job(job.id, 60);
	assert.deepEqual([end.state, end.numberParts, end.bytesUploaded, end.numberRecordsProcessed], ['JobComplete', 1, 9, 1]);
	assert.deepEqual(await s.sql('select * from shop.things'), [['whole']]);
}));

test('an upload that stands still is ended by --idle-timeout and leaves no trace', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await withWire(s, async (wire) => {
		await beginUpload(s, wire, job.id, 100, 'id\n');
		const answer = await wire.answer();
		assert.ok(answer === null || answer.status >= 400);
	});
	await until(s, () => filesOf(s, job.id).length === 0, 'no file is left');
	// On a connection of its own: those of fetch may be ending.
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Content-Length': 5 });
		await wire.send('id\na\n');
		assert.equal((await wire.answer()).status, 202);
		await wire.head(s, 'GET', `${jobs}/${job.id}`);
		assert.equal((await wire.answer()).json.numberParts, 1);
	});
}, { args: ['--idle-timeout', '1'] }));

test('what a body is followed by is not part of it', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(job.id), { ...csvType, 'Content-Length': 5 });
		await wire.send(`id\na\nGET ${jobs}/${job.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`);
		assert.equal((await wire.answer()).status, 202);
		assert.equal((await wire.answer()).json.bytesUploaded, 5);
	});
}));

test('parts count in the order of their acceptance, not of their beginning', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', v: 'string' });
	const job = await s.createJob('things');
	const csv = (v) => `id,v\nk,${v}\n`;
	await withWire(s, async (wire) => {
		await beginUpload(s, wire, job.id, csv('slow').length, 'id,v\n');
		assert.equal((await s.upload(job.id, csv('quick'))).status, 202);
		await wire.send('k,slow\n');
		assert.equal((await wire.answer()).status, 202);
	});
	assert.deepEqual((await parts(s, job.id)).map((p) => p.sha256), [sha256(csv('quick')), sha256(csv('slow'))]);
	await s.patch(job.id, 'UploadComplete');
	await s.job(job.id, 60);
	assert.deepEqual(await s.sql('select v from shop.things'), [['slow']]);
}));

test('of parallel parts the one that is last in the list wins', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', v: 'string' });
	for (let round = 0; round < 5; round++) {
		const job = await s.createJob('things');
		const texts = Array.from({ length: 30 }, (_, i) => `id,v\nk,${round}-${i}\n`);
		const finished = [];
		await Promise.all(texts.map(async (text) => {
			assert.equal((await s.upload(job.id, text)).status, 202);
			finished.push(sha256(text));
		}));
		const order = (await parts(s, job.id)).map((p) => p.sha256);
		assert.deepEqual([...order].sort(), [...finished].sort());
		await s.patch(job.id, 'UploadComplete');
		assert.equal((await s.job(job.id, 60)).numberRecordsProcessed, 30);
		const last = texts.find((text) => sha256(text) === order.at(-1));
		assert.deepEqual(await s.sql('select v from shop.things'), [[last.slice(7, -1)]]);
	}
}));

test('a refusal reaches a client that is still sending, and one that waits before it sends', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const aborted = await s.createJob('things');
	await s.patch(aborted.id, 'Aborted');
	const full = await s.createJob('things');
	await Promise.all(Array.from({ length: partsMax }, () => s.upload(full.id, 'id\n')));
	const cases = [
		[400, full.id, {}], [400, job.id, { 'Content-Digest': 'sha-256' }], [401, job.id, { Authorization: 'Bearer wrong' }],
		[403, job.id, { Authorization: `Bearer ${s.makeToken('reader', 'cdp_query_api')}` }], [404, 'no-such-job', {}], [409, aborted.id, {}],
		[413, job.id, { 'Content-Length': 2 * partBytesMax }], [415, job.id, { 'Content-Type': 'application/json' }], [415, job.id, { 'Content-Encoding': 'br' }],
	];
	const block = Buffer.alloc(1 << 18, '\n');
	for (const [status, id, headers] of cases) {
		for (const isChunked of status === 413 ? [false] : [false, true]) {
			const framing = isChunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': 50000000 };
			for (const isPatient of [true, false])
				await withWire(s, async (wire) => {
					await wire.head(s, 'PUT', batches(id), { ...csvType, ...framing, ...headers });
					// At most 30 MB: far more than what fits in between.
					for (let i = 0; i < 120 && !isPatient && !wire.hasAnswer(); i++)
						await (isChunked ? wire.chunk(block) : wire.send(block));
					const answer = await wire.answer();
					assert.equal(answer?.status, status, `${status} ${isChunked} ${isPatient}`);
					assert.ok(answer.json.message.length > 10);
				});
		}
	}
	assert.deepEqual(filesOf(s, job.id), []);
}));

test('an HTTP client with a body of 20 MB sees the refusal, too', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const aborted = await s.createJob('things');
	await s.patch(aborted.id, 'Aborted');
	const body = Buffer.alloc(20 << 20, '\n');
	for (let i = 0; i < 10; i++)
		assert.equal((await s.upload(aborted.id, body)).status, 409);
}));

test('an abort during an upload answers 200 with nothing left on disk, and the upload is told 409', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	for (const isChunked of [false, true]) {
		const job = await s.createJob('things');
		assert.equal((await s.upload(job.id, 'id\nearlier\n')).status, 202);
		await withWire(s, async (wire) => {
			await beginUpload(s, wire, job.id, isChunked ? null : 4000000, 'id\n' + 'a\n'.repeat(200000));
			assert.equal((await s.patch(job.id, 'Aborted')).status, 200);
			assert.ok(isGone(s, job.id));
			for (let left = 4000000 - 400003; left > 0 && !wire.hasAnswer() && !wire.ended; left -= 100000) {
				const more = Buffer.alloc(Math.min(100000, left), 'a\n');
				await (isChunked ? wire.chunk(more) : wire.send(more));
			}
			const answer = await wire.answer();
			assert.equal(answer?.status, 409);
			assert.match(answer.json.message, new RegExp(`job ${job.id} is Aborted`));
		});
		await until(s, () => isGone(s, job.id), 'the folder stays gone');
		assert.equal((await s.job(job.id)).numberParts, 1);
	}
}));

test('an upload whose last byte comes after the abort is told 409 and leaves nothing', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await withWire(s, async (wire) => {
		await beginUpload(s, wire, job.id, 5, 'id\na');
		await s.must(200, 'PATCH', `${jobs}/${job.id}`, { state: 'Aborted' });
		assert.ok(isGone(s, job.id));
		await wire.send('\n');
		assert.equal((await wire.answer()).status, 409);
	});
	assert.ok(isGone(s, job.id));
	await s.must(204, 'DELETE', `${jobs}/${job.id}`);
}));

test('an upload that ends after the job was closed is told 409, and the job has the earlier parts only', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	assert.equal((await s.upload(job.id, 'id\nearly\n')).status, 202);
	await withWire(s, async (wire) => {
		await beginUpload(s, wire, job.id, 8, 'id\nlate');
		await s.patch(job.id, 'UploadComplete');
		assert.equal((await s.job(job.id, 60)).state, 'JobComplete');
		await wire.send('\n');
		const answer = await wire.answer();
		assert.equal(answer.status, 409);
		assert.match(answer.json.message, /is JobComplete/);
	});
	assert.deepEqual(await s.sql('select * from shop.things'), [['early']]);
	await until(s, () => isGone(s, job.id), 'nothing is left');
}));

test('an upload whose job is deleted meanwhile is told 404 and leaves nothing', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	await withWire(s, async (wire) => {
		await beginUpload(s, wire, job.id, 5, 'id\na');
		await s.must(200, 'PATCH', `${jobs}/${job.id}`, { state: 'Aborted' });
		await s.must(204, 'DELETE', `${jobs}/${job.id}`);
		await wire.send('\n');
		assert.equal((await wire.answer()).status, 404);
	});
	assert.ok(isGone(s, job.id));
}));

test('aborts that race with many uploads leave nothing on disk, and every upload gets 202 or 409', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const ids = [];
	for (let round = 0; round < 10; round++) {
		const { id } = await s.createJob('things');
		ids.push(id);
		const body = Buffer.alloc(round * 40000, 'id\n');
		const uploads = Array.from({ length: 12 }, () => s.upload(id, body));
		await uploads[round % 12];
		const abort = s.patch(id, 'Aborted');
		for (const answer of await Promise.all(uploads))
			assert.ok([202, 409].includes(answer.status), answer.text);
		assert.equal((await abort).status, 200);
	}
	await until(s, () => ids.every((id) => isGone(s, id)), 'every folder is gone');
}));
