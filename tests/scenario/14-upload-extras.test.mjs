// SPDX-License-Identifier: Apache-2.0
// A part may come as gzip and with its digest.  What is packed is checked on the way in and limited by what it unpacks to; what
// is not as it was said to be leaves nothing.  The expected bytes are those of Node.js's zlib and crypto.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, brotliCompressSync } from 'node:zlib';
import { complete, makeTable, outcome, stories } from './records.mjs';
import { until, withWire } from './wire.mjs';

const story = stories('gzip and digests');
const batches = (id) => `/api/v1/ingest/jobs/${id}/batches`;
const csvType = { 'Content-Type': 'text/csv' };
const gzipType = { ...csvType, 'Content-Encoding': 'gzip' };
const partBytesMax = 157286400;	// 150 MiB
const csv = Buffer.from(`id,v\n${Array.from({ length: 500 }, (_, i) => `k${i},${'x'.repeat(i % 90)}\n`).join('')}`);
const digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest('base64');
const sha256 = (bytes) => `sha-256=:${digest('sha256', bytes)}:`;
const sha512 = (bytes) => `sha-512=:${digest('sha512', bytes)}:`;
const filesOf = (s, id) => existsSync(join(s.data, 'blobs', id)) ? readdirSync(join(s.data, 'blobs', id)) : [];
const open = async (s) => (await (await makeTable(s, { id: 'string', v: 'string' })).create()).id;
const parts = async (s, id) => (await s.must(200, 'GET', batches(id))).json.data.map((p) => [p.bytes, p.sha256]);
const partOf = (bytes) => [bytes.length, createHash('sha256').update(bytes).digest('hex')];

// It was refused with ${status}, for a reason that ${words} matches, and left nothing.
async function refused(s, id, answer, status, words) {
	assert.equal(answer?.status, status, answer?.text);
	assert.match(answer.json.message, words);
	await until(s, () => filesOf(s, id).length === 0, 'nothing of it is left');
	assert.equal((await s.job(id)).numberParts, 0);
}

story('a gzip part counts as what it unpacks to, whatever the spelling and the number of members', async (s) => {
	const table = await makeTable(s, { id: 'string', v: 'string' });
	const { id } = await table.create();
	const halves = Buffer.concat([gzipSync(csv.subarray(0, 999)), gzipSync(''), gzipSync(csv.subarray(999), { level: 0 })]);
	for (const [coding, body] of [['gzip', gzipSync(csv)], ['GZip', gzipSync(csv)], ['x-gzip', gzipSync(csv)], ['gzip', halves], ['identity', csv], ['Identity', csv]])
		assert.equal((await s.upload(id, body, { 'Content-Encoding': coding })).status, 202, coding);
	assert.deepEqual(await parts(s, id), Array(6).fill(partOf(csv)));
	assert.equal((await s.job(id)).bytesUploaded, 6 * csv.length);
	await s.patch(id, 'UploadComplete');
	assert.deepEqual(outcome(await s.job(id, 60)), complete(3000));
	assert.deepEqual((await s.sql(`select count(*), sum(length(v)) from ${table.name}`))[0].map(Number), [500, csv.toString().match(/x/g).length]);
});

story('any other coding, and more than one, is 415 before the body is read, and the answer says what is taken', async (s) => {
	const id = await open(s);
	for (const coding of ['br', 'deflate', 'gzip, gzip', 'identity, gzip', 'gzipx', '', '*', ['gzip', 'gzip'], ['identity', 'gzip'], 'gzip;q=1'])
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Encoding': coding, 'Content-Length': 1000000 });
			const answer = await wire.answer();
			assert.equal(answer.headers['accept-encoding'], 'gzip');
			await refused(s, id, answer, 415, /Content-Encoding/);
		});
	assert.equal((await s.upload(id, brotliCompressSync(csv), { 'Content-Encoding': 'br' })).headers.get('accept-encoding'), 'gzip');
});

story('a gzip body may come in chunks of one byte, after a 100', async (s) => {
	const id = await open(s);
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(id), { ...gzipType, 'Transfer-Encoding': 'chunked', Expect: '100-continue' });
		assert.equal((await wire.answer()).status, 100);
		for (const byte of gzipSync(csv))
			await wire.chunk(Buffer.from([byte]));
		await wire.send('0\r\n\r\n');
		assert.equal((await wire.answer()).status, 202);
	});
	assert.deepEqual(await parts(s, id), [partOf(csv)]);
});

story('gzip that is not in order is 400 with what is wrong and where, and leaves nothing', async (s) => {
	const id = await open(s);
	const good = gzipSync(csv), changed = (at) => Buffer.from(good).fill(good.at(at) ^ 1, good.length + at, good.length + at + 1);
	const cases = [
		[csv, /not gzip, which begins with the bytes 1f 8b/], [Buffer.alloc(0), /not gzip but empty/],
		[good.subarray(0, -1), new RegExp(`too early, after byte ${good.length - 1}, inside the member that begins at byte 1`)],
		[good.subarray(0, 700), /too early, after byte 700/], [good.subarray(0, 5), /too early, after byte 5/],
		[changed(-8), /near byte \d+: incorrect data check/], [changed(-1), /near byte \d+: incorrect length check/],
		[Buffer.concat([good, Buffer.from('\nid')]), new RegExp(`from byte ${good.length + 1} on, is not gzip`)],
		[Buffer.concat([good, Buffer.alloc(512)]), new RegExp(`from byte ${good.length + 1} on, is not gzip`)],
		[Buffer.concat([good, good.subarray(0, 99)]), new RegExp(`after byte ${good.length + 99}, inside the member that begins at byte ${good.length + 1}`)],
	];
	for (const [body, words] of cases)
		await refused(s, id, await s.upload(id, body, gzipType), 400, words);
});

story('the limit is of what comes out, to the byte: 157,286,400 are taken, packed well or not at all; one more is 413', async (s) => {
	const id = await open(s), blanks = Buffer.alloc(partBytesMax + 1, '\n'), noise = randomBytes(partBytesMax);
	await refused(s, id, await s.upload(id, gzipSync(blanks, { level: 1 }), gzipType), 413, /unpacks to more than 157286400 bytes/);
	assert.equal((await s.upload(id, gzipSync(blanks.subarray(1), { level: 1 }), gzipType)).status, 202);
	const packed = gzipSync(noise, { level: 1 });
	assert.ok(packed.length > partBytesMax);
	assert.equal((await s.upload(id, packed, gzipType)).status, 202);
	assert.deepEqual(await parts(s, id), [partOf(blanks.subarray(1)), partOf(noise)]);
});

story('the limit of what is sent stays as it is without gzip, and is 1 MiB more with it', async (s) => {
	const id = await open(s), extra = 1 << 20;
	for (const [headers, bytes] of [[csvType, partBytesMax], [{ ...csvType, 'Content-Encoding': 'identity' }, partBytesMax], [gzipType, partBytesMax + extra]])
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(id), { ...headers, 'Content-Length': bytes + 1, Expect: '100-continue' });
			await refused(s, id, await wire.answer(), 413, /limit is 157286400 bytes/);
		}).then(() => withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(id), { ...headers, 'Content-Length': bytes, Expect: '100-continue' });
			assert.equal((await wire.answer()).status, 100);
		}));
	// A name in the header of a gzip can be of any length, and nothing comes out of it.
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(id), { ...gzipType, 'Transfer-Encoding': 'chunked' });
		await wire.chunk(Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]));
		const block = Buffer.alloc(1 << 20, 'n');
		for (let left = partBytesMax + extra - 10; left > 0; left -= block.length)
			assert.ok(await wire.chunk(block.subarray(0, left)));
		assert.equal(wire.hasAnswer(), false);
		await wire.chunk(Buffer.from('n'));
		await refused(s, id, await wire.answer(), 413, /limit is 157286400 bytes/);
	});
});

story('a bomb is cut off, and gzip that turns bad in mid-body refused, while the client is still sending', async (s) => {
	const id = await open(s), zeros = gzipSync(Buffer.alloc(64 << 20)), noise = gzipSync(randomBytes(1 << 20));
	const broken = Buffer.from(noise).fill(0xff, 500000, 501000);
	for (const [status, words, begin] of [[413, /unpacks to more than/, [zeros, zeros, zeros]], [400, /broken near byte \d+/, [noise, broken]]])
		for (const framing of [{ 'Transfer-Encoding': 'chunked' }, { 'Content-Length': 100000000 }])
			await withWire(s, async (wire) => {
				const send = (bytes) => framing['Content-Length'] ? wire.send(bytes) : wire.chunk(bytes);
				await wire.head(s, 'PUT', batches(id), { ...gzipType, ...framing });
				for (const bytes of begin)
					await send(bytes);
				// At most 60 MB: far more than what fits in between.
				for (let i = 0; i < 57 && !wire.hasAnswer() && !wire.ended; i++)
					await send(noise);
				await refused(s, id, await wire.answer(), status, words);
			});
});

story('a part that is as its digest says is taken: of what was sent, by every algorithm known, others ignored', async (s) => {
	const id = await open(s), packed = gzipSync(csv), other = 'md5=:1B2M2Y8AsgTpgAmY7PhCfg==:';
	const good = [sha256(csv), sha512(csv), `${sha256(csv)}, ${sha512(csv)}`, [sha512(csv), sha256(csv)], `${sha256(csv)};a=1;b="x,y"`, other, [other, sha256(csv)]];
	for (const value of good)
		for (const framing of [{ 'Content-Length': csv.length }, { 'Transfer-Encoding': 'chunked' }])
			await withWire(s, async (wire) => {
				await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Digest': value, ...framing });
				await (framing['Content-Length'] ? wire.send(csv) : wire.chunk(csv).then(() => wire.send('0\r\n\r\n')));
				assert.equal((await wire.answer()).status, 202, value);
			});
	for (const value of [sha256(packed), sha512(packed), `${sha512(packed)}, ${sha256(packed)}`])
		assert.equal((await s.upload(id, packed, { ...gzipType, 'Content-Digest': value })).status, 202, value);
	assert.deepEqual(await parts(s, id), Array(2 * good.length + 3).fill(partOf(csv)));
});

story('a digest that is not that of the body is 400 with its algorithm and both digests, and leaves nothing', async (s) => {
	const id = await open(s), packed = gzipSync(csv), wrong = Buffer.from('else');
	const cases = [
		['sha-256', sha256(wrong), csv], ['sha-512', sha512(wrong), csv], ['sha-512', `${sha256(csv)}, ${sha512(wrong)}`, csv],
		['sha-256', `${sha512(csv)}, ${sha256(wrong)}`, csv], ['sha-256', sha256(wrong), Buffer.alloc(0)], ['sha-256', sha256(wrong), packed],
		['sha-256', sha256(csv), packed.subarray(0, 500)],	// the digest explains more than that the gzip is too short
	];
	for (const [name, value, body] of cases) {
		const algorithm = name.replace('-', '');
		const answer = await s.upload(id, body, { ...(body[0] === 0x1f ? gzipType : csvType), 'Content-Digest': value });
		await refused(s, id, answer, 400, new RegExp(`${name} digest`));
		for (const text of [digest(algorithm, value.includes(digest(algorithm, wrong)) ? wrong : csv), digest(algorithm, body)])
			assert.ok(answer.json.message.includes(`:${text}:`), answer.json.message);
	}
	// The digest of what it unpacks to is not that of what was sent.
	await refused(s, id, await s.upload(id, packed, { ...gzipType, 'Content-Digest': sha256(csv) }), 400, /sha-256 digest/);
});

story('a malformed digest is 400 before the body is read; one in a trailer is ignored', async (s) => {
	const id = await open(s);
	for (const value of ['sha-256', 'sha-256=abc', 'sha-256=:YWJj:', 'sha-256=:!!!!:', `${sha256(csv).slice(0, -1)}`, `SHA-256=:${digest('sha256', csv)}:`, `${sha256(csv)},`, [sha256(csv), 'sha-512=:YWJj:']])
		await withWire(s, async (wire) => {
			await wire.head(s, 'PUT', batches(id), { ...csvType, 'Content-Length': 1000000, 'Content-Digest': value });
			await refused(s, id, await wire.answer(), 400, /Content-Digest is malformed/);
		});
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', batches(id), { ...csvType, 'Transfer-Encoding': 'chunked', Trailer: 'Content-Digest' });
		await wire.chunk(csv);
		await wire.send(`0\r\nContent-Digest: ${sha256(Buffer.from('else'))}\r\n\r\n`);
		assert.equal((await wire.answer()).status, 202);
	});
});
