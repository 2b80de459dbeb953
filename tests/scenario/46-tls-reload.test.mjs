// SPDX-License-Identifier: Apache-2.0
// SIGHUP: a renewed certificate counts from the next connection on, whatever the others are doing.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import tls from 'node:tls';
import { withCertificates } from './certificates.mjs';
import { withServer } from './harness.mjs';
import { residentKb } from './memory.mjs';
import { withWire } from './wire.mjs';

// The certificate's name that a new connection is shown.
function shown(s) {
	return new Promise((done, fail) => {
		const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(s.url).port), rejectUnauthorized: false });
		socket.once('secureConnect', () => { done(socket.getPeerCertificate().subject.CN); socket.destroy(); });
		socket.once('error', fail);
	});
}

const withReload = (story) => withCertificates((c) => {
	c.make('one');
	c.make('two');
	c.concat('both.pem', ['one.pem', 'two.pem']);
	const put = (name) => { copyFileSync(c.path(`${name}.pem`), c.path('now.pem')); copyFileSync(c.path(`${name}.key`), c.path('now.key')); };
	put('one');
	return withServer((s) => {
		// Resolves when the server has said in its log what came of it.
		const reload = async () => {
			const count = () => (s.log.match(/tls\.reload/g) ?? []).length, before = count();
			s.process.kill('SIGHUP');
			while (count() === before)
				await new Promise((done) => s.process.stderr.once('data', done));
			return s.log.trim().split('\n').filter((line) => line.includes('tls.reload')).at(-1);
		};
		return story(s, c, put, reload);
	}, { args: ['--tls-cert', c.path('now.pem'), '--tls-key', c.path('now.key')], ca: c.path('both.pem') });
});

test('new connections are shown the new certificate, and an upload that runs goes on', () => withReload(async (s, c, put, reload) => {
	await s.setUpThings({ id: 'string' });
	const job = await s.createJob('things');
	assert.equal(await shown(s), 'one');
	await withWire(s, async (wire) => {
		await wire.head(s, 'PUT', `/api/v1/ingest/jobs/${job.id}/batches`, { 'Content-Type': 'text/csv', 'Transfer-Encoding': 'chunked' });
		await wire.chunk('id\na\n');
		put('two');
		assert.match(await reload(), / info tls\.reloaded/);
		assert.equal(await shown(s), 'two');
		await wire.chunk('b\n');
		await wire.send('0\r\n\r\n');
		assert.equal((await wire.answer()).status, 202);
	});
	await s.patch(job.id, 'UploadComplete');
	assert.equal((await s.job(job.id, 60)).numberRecordsProcessed, 2);
}));

test('a file that cannot be used leaves what there was, and the log says why', () => withReload(async (s, c, put, reload) => {
	for (const [break_, why] of [
		[() => writeFileSync(c.path('now.pem'), 'nonsense'), /now\.pem/], [() => copyFileSync(c.path('two.pem'), c.path('now.pem')), /not that of the certificate/],
		[() => writeFileSync(c.path('now.key'), ''), /now\.key/],
	]) {
		put('one');
		break_();
		const line = await reload();
		assert.match(line, / error tls\.reload_failed/);
		assert.match(line, why);
		assert.equal(await shown(s), 'one');
	}
	put('two');
	assert.match(await reload(), /tls\.reloaded/);
	assert.equal(await shown(s), 'two');
}));

test('two hundred reloads under load cost neither a request nor memory nor files', () => withReload(async (s, c, put, reload) => {
	let over = false, requests = 0;
	const asking = Array.from({ length: 4 }, async () => {
		for (; !over; requests++)
			await withWire(s, async (wire) => {
				await wire.head(s, 'GET', '/readyz');
				assert.equal((await wire.answer()).status, 200);
			});
	});
	const files = () => readdirSync(`/proc/${s.process.pid}/fd`).length;
	for (let i = 0; i < 20; i++) {
		put(i % 2 ? 'one' : 'two');
		await reload();
	}
	const before = residentKb(s.process.pid), filesBefore = files();
	for (let i = 0; i < 180 || requests < 200; i++) {
		put(i % 2 ? 'one' : 'two');
		assert.match(await reload(), /tls\.reloaded/);
	}
	over = true;
	await Promise.all(asking);
	// A sanitizer keeps what was freed.
	const limitKb = (/lib[at]san/.test(readFileSync(`/proc/${s.process.pid}/maps`, 'utf8')) ? 400 : 20) * 1024;
	assert.ok(residentKb(s.process.pid) - before < limitKb, `from ${before} KB to ${residentKb(s.process.pid)} KB`);
	assert.ok(files() <= filesBefore + 8, `from ${filesBefore} files to ${files()}`);
}));

test('without TLS a SIGHUP changes nothing', () => withServer(async (s) => {
	s.process.kill('SIGHUP');
	while (!s.log.includes('tls.nothing_to_reload'))
		await new Promise((done) => s.process.stderr.once('data', done));
	await s.must(200, 'GET', '/readyz');
}, { args: ['--insecure-http'] }));
