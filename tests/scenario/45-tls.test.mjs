// SPDX-License-Identifier: Apache-2.0
// The server over TLS: which versions it speaks, what it does without a good certificate, and that everything that a connection can
// go through works as it does in the clear.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import test from 'node:test';
import tls from 'node:tls';
import { withCertificates } from './certificates.mjs';
import { Server, computing, program, withServer } from './harness.mjs';
import { withWire } from './wire.mjs';

const over = (pair) => ({ args: ['--tls-cert', pair.certificate, '--tls-key', pair.key], ca: pair.certificate });
const withTls = (story, more = []) => withCertificates((c) => withServer((s) => story(s, c), { ...over(c.make('one')), args: [...over(c.make('one')).args, ...more] }));

// What a handshake comes to: the version, or the error's code.
function shake(s, options = {}) {
	return new Promise((done) => {
		const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(s.url).port), servername: 'localhost', ca: s.caText, ...options });
		socket.once('secureConnect', () => { done(socket.getProtocol()); socket.destroy(); });
		socket.once('error', (error) => done(error.code));
	});
}

test('TLS 1.2 and 1.3 are spoken, nothing older, and nothing without forward secrecy', () => withTls(async (s) => {
	assert.match(s.url, /^https:/);
	assert.equal(await shake(s), 'TLSv1.3');
	assert.equal(await shake(s, { maxVersion: 'TLSv1.2' }), 'TLSv1.2');
	for (const old of ['TLSv1.1', 'TLSv1'])
		assert.match(await shake(s, { minVersion: 'TLSv1', maxVersion: old, ciphers: 'ALL:@SECLEVEL=0' }), /^(ERR_SSL|ECONNRESET|EPROTO)/, old);
	for (const ciphers of ['AES128-GCM-SHA256', 'AES128-SHA', 'ECDHE-RSA-AES128-SHA', 'NULL-SHA256:@SECLEVEL=0'])
		assert.match(await shake(s, { maxVersion: 'TLSv1.2', ciphers }), /^(ERR_SSL|ECONNRESET|EPROTO)/, ciphers);
	assert.equal(await shake(s, { ca: undefined }), 'DEPTH_ZERO_SELF_SIGNED_CERT');
}));

test('a certificate that cannot be used keeps the server from starting, and the file is named', () => withCertificates((c) => {
	const one = c.make('one'), other = c.make('other'), ended = c.makeEnded('ended');
	c.openssl('rsa', '-aes128', '-passout', 'pass:secret', '-in', 'one.key', '-out', 'locked.key');
	for (const [certificate, key, words] of [
		[one.certificate, other.key, ['other.key', 'one.pem', 'not that of']], [ended.certificate, ended.key, ['ended.pem', 'has ended', '2020-02-01']], [one.key, one.key, ['one.key', 'certificate']],
		[one.certificate, one.certificate, ['one.pem', 'key']], [one.certificate, c.path('locked.key'), ['locked.key', 'passphrase']], [c.path('none'), one.key, ['none', 'No such file']], ['/dev/zero', one.key, ['/dev/zero', 'longer than']],
	]) {
		const { status, stderr } = spawnSync(program, ['serve', '--data', c.path('data'), '--listen', '127.0.0.1:0', '--tls-cert', certificate, '--tls-key', key], { encoding: 'utf8', timeout: 30000 });
		assert.equal(status, 1, stderr);
		for (const word of words)
			assert.ok(stderr.includes(word), `${word}: ${stderr}`);
	}
}));

test('a chain is shown as a whole', () => withCertificates((c) => {
	const root = c.make('root', { more: ['-addext', 'basicConstraints=critical,CA:TRUE'] });
	c.openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'middle.key', '-out', 'middle.csr', '-subj', '/CN=middle', '-addext', 'basicConstraints=critical,CA:TRUE');
	c.openssl('x509', '-req', '-in', 'middle.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-copy_extensions', 'copy', '-out', 'middle.pem', '-days', '2');
	c.openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf', '-addext', 'subjectAltName=DNS:localhost');
	c.openssl('x509', '-req', '-in', 'leaf.csr', '-CA', 'middle.pem', '-CAkey', 'middle.key', '-copy_extensions', 'copy', '-out', 'leaf.pem', '-days', '2');
	c.concat('chain.pem', ['leaf.pem', 'middle.pem']);
	return withServer(async (s) => assert.equal(await shake(s), 'TLSv1.3'), { ...over({ certificate: c.path('chain.pem'), key: c.path('leaf.key') }), ca: root.certificate });
}));

test('a job goes its whole way, with parts of 50 MB in one length and in chunks', () => withTls(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	const job = await s.createJob('things');
	const part = (letter) => Buffer.from(`id,n\n${Array.from({ length: 1000 }, (_, i) => `${letter}${i}${'x'.repeat(50000)},1\n`).join('')}`);
	assert.ok(part('a').length > 50e6);
	assert.equal((await s.upload(job.id, part('a'))).status, 202);
	const stream = new ReadableStream({ pull(controller) { controller.enqueue(part('b')); controller.close(); } });
	assert.equal((await s.upload(job.id, stream)).status, 202);
	await s.patch(job.id, 'UploadComplete');
	const end = await s.job(job.id, 60);
	assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], ['JobComplete', 2000, 0]);
	assert.deepEqual(await s.sql("select left(id, 1), count(*), min(length(id)) from shop.things group by 1 order by 1"), [['a', 1000, 50002], ['b', 1000, 50002]]);
}));

test('a thousand small requests on a few connections, and on one each', () => withTls(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	const post = (i) => s.must(202, 'POST', '/api/v1/ingest/sources/shop/things', { data: [{ id: `k${i}`, n: i }] });
	await Promise.all(Array.from({ length: 20 }, async (_, client) => {
		for (let i = 0; i < 50; i++)
			await post(client * 50 + i);
	}));
	for (let i = 0; i < 50; i++)
		await withWire(s, async (wire) => {
			await wire.head(s, 'GET', '/readyz');
			assert.equal((await wire.answer()).status, 200);
		});
	const { streaming } = (await s.must(200, 'GET', '/api/v1/connectors/shop/streams/things?wait=60')).json;
	assert.equal(streaming.appliedPosition, streaming.acceptedPosition);
	assert.deepEqual(await s.sql('select count(*), sum(n)::bigint from shop.things'), [[1000, 499500]]);
}));

test('requests that come together are answered one after the other', () => withTls((s) => withWire(s, async (wire) => {
	// In one record, so that what is left of it waits where no event tells of it.
	const one = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`;
	await wire.send(one('/readyz') + one('/api/v1/ingest/jobs') + one('/healthz') + one('/api/v1/connectors') + one('/readyz'));
	for (let i = 0; i < 5; i++)
		assert.equal((await wire.answer()).status, 200);
})));

test('a refusal in mid-body arrives, and so does one of what is no HTTP', () => withTls(async (s) => {
	await withWire(s, async (wire) => {
		await wire.head(s, 'POST', '/api/v2/query', { 'Transfer-Encoding': 'chunked' });
		for (let i = 0; i < 40 && !wire.hasAnswer(); i++)
			await wire.chunk(Buffer.alloc(65536, 32));
		const answer = await wire.answer();
		assert.equal(answer.status, 413);
		assert.ok(answer.json.message.includes('1048576'));
	});
	await withWire(s, async (wire) => {
		await wire.head(s, 'POST', '/api/v2/query', { 'Transfer-Encoding': 'chunked' });
		await wire.send('zz\r\n');
		const answer = await wire.answer();
		assert.deepEqual([answer.status, answer.json.error], [400, '400 BAD_REQUEST']);
	});
}));

test('waiting, and a client that leaves while its query runs, are as in the clear', () => withTls(async (s) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	const waiting = s.job(job.id, 60);
	await s.patch(job.id, 'Aborted');
	assert.equal((await waiting).state, 'Aborted');
	await withWire(s, async (wire) => {
		const sql = JSON.stringify({ sql: 'select count(*) from range(1000000) a, range(1000000) b, range(1000000) c' });
		await wire.head(s, 'POST', '/api/v2/query', { 'Content-Length': sql.length });
		await wire.send(sql);
		await computing(s);
		wire.socket.destroy();
		assert.deepEqual(await s.sql('select 43'), [[43]]);	// the one thread is free again
	});
}, ['--query-threads', '1', '--query-timeout', '60000']));

test('who speaks no TLS gets no answer, and holds a connection no longer than others', () => withTls(async (s) => {
	const port = Number(new URL(s.url).port);
	const talk = (bytes) => new Promise((done) => {
		const socket = net.connect({ host: '127.0.0.1', port });
		let got = '';
		socket.on('data', (data) => { got += data.toString('latin1'); });
		socket.on('close', () => done(got));
		socket.on('error', () => {});
		if (bytes)
			socket.write(bytes);
	});
	assert.doesNotMatch(await talk('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP/);
	assert.doesNotMatch(await talk(), /^HTTP/);	// says nothing: the idle timeout ends it
	assert.equal((await s.must(200, 'GET', '/readyz')).json.status, 'ready');
}, ['--idle-timeout', '2']));

test('without TLS others cannot reach the server, unless it is said', async () => {
	const refused = spawnSync(program, ['serve', '--data', '/nowhere/at/all', '--listen', '0.0.0.0:0'], { encoding: 'utf8', timeout: 30000 });
	assert.equal(refused.status, 1);
	for (const word of ['--listen is "0.0.0.0:0"', '--tls-cert', '127.0.0.1', '--insecure-http'])
		assert.ok(refused.stderr.includes(word), refused.stderr);
	const open = await Server.start({ args: ['--insecure-http', '--listen', '0.0.0.0:0'] });
	assert.match(open.url, /^http:\/\/0\.0\.0\.0:\d+$/);
	await open.stop();
});
