// SPDX-License-Identifier: Apache-2.0
// docs/DESIGN.md, "Exactly once", step by step: the server kills itself at each named crash point, is started again, and must
// hold what was acknowledged, once, and nothing else.  World.check() looks at all of it after every story: each job's state,
// counts and failed records, every row of every table, every file in the data directory.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { program, rootFolder } from '../scenario/harness.mjs';
import { withWire } from '../scenario/wire.mjs';
import { plain, readDisk, schemaOf, wider } from './model.mjs';
import { lost, makePast, World } from './world.mjs';

// Each start removes what the past's two jobs with failed records need no more, in two steps each.
const sweep = 'blob.emptied', emptied = (pass) => `blob.emptied:${4 + pass}`;

const covered = new Set();
let past;	// the same for all stories, which copy it

async function enter() {
	past ??= makePast();
	return new World(await past);
}

// ${point} is "name" or "name:pass"; a list when the server dies more than once.
function story(points, title, tell) {
	for (const point of [].concat(points))
		covered.add(point.split(':')[0]);
	test(`${[].concat(points).join(', ')}: ${title}`, { timeout: 120000 }, async () => {
		const w = await enter();
		try {
			await tell(w, ...[].concat(points));
			await w.check();
		} catch (error) {
			error.message += `\n--- the server's log:\n${w.s?.log.slice(-4000)}`;
			throw error;
		} finally {
			await w.leave();
		}
	});
}

// --- Upload ------------------------------------------------------------------------------------------------------

const partOne = [['k1', '10', 'one'], ['k2', 'x', 'one'], ['k3', '12', 'one']];
const partTwo = [['k3', '20', 'two'], ['k4', '21', 'two']];

for (const [point, accepted] of [['upload.written:2', false], ['blob.synced:2', false], ['blob.renamed:2', false],
	['upload.stored:2', false], ['upload.accepted:2', true]])
	story(point, 'a part counts as a whole or not at all, and what was acknowledged before stays', async (w) => {
		await w.start({ crash: point });
		const job = await w.open('upsert', [partOne]);
		await lost(w.upload(job, partTwo));
		await w.died();
		await w.start();
		if (accepted)
			w.accept(job, partTwo);
		await w.checkParts(job);
		await w.add(job, partTwo);	// as a client does that lost the answer
		await w.close(job);
	});

for (const [point, accepted] of [['upload.stored:2', false], ['upload.accepted:2', true]])
	story(point, 'a client that did not see the answer repeats its upload with its key, and there is one part', async (w) => {
		const key = { 'Idempotency-Key': 'part two' };
		const repeat = async () => assert.equal((await w.upload(job, partTwo, key)).status, 202);
		await w.start({ crash: point });
		const job = await w.open('upsert', [partOne]);
		await lost(w.upload(job, partTwo, key));
		await w.died();
		await w.start();
		await w.checkParts(accepted ? { ...job, texts: [...job.texts, w.textOf(job, partTwo)] } : job);
		w.accept(job, partTwo);
		await repeat();
		await repeat();
		await w.checkParts(job);
		await w.close(job);
		await repeat();
	});

story('upload.stored:3', 'of two uploads with one key the second dies before it learns of the first, and leaves nothing', async (w, point) => {
	const key = { 'Idempotency-Key': 'part two' };
	await w.start({ crash: point });
	const job = await w.open('upsert', [partOne]), text = w.textOf(job, partTwo);
	await withWire(w.s, async (wire) => {
		const headers = { 'Content-Type': 'text/csv', 'Content-Length': text.length, Expect: '100-continue', ...key };
		await wire.head(w.s, 'PUT', `/api/v1/ingest/jobs/${job.id}/batches`, headers);
		assert.equal((await wire.answer()).status, 100);	// it was begun, and is not known as a repeat
		assert.equal((await w.upload(job, partTwo, key)).status, 202);
		w.accept(job, partTwo);
		await wire.send(text);
		assert.equal(await wire.answer(), null);
	});
	await w.died();
	await w.start();
	await w.checkParts(job);
	assert.equal((await w.upload(job, partTwo, key)).status, 202);
	await w.close(job);
});

story('blob.group_made', 'a first part that was not acknowledged leaves an open job without parts', async (w, point) => {
	await w.start({ crash: point });
	const job = await w.open('upsert', []);
	await lost(w.upload(job, partOne));
	await w.died();
	await w.start();
	await w.checkParts(job);
	await w.close(job);
});

// --- Close, abort, delete ----------------------------------------------------------------------------------------

story('close.moved', 'the job is closed, comes to its end by itself, and may be closed again', async (w, point) => {
	await w.start({ crash: point });
	const job = await w.open('upsert', [partOne, partTwo]);
	w.enqueue(job);
	await lost(w.s.patch(job.id, 'UploadComplete'));
	await w.died();
	await w.start();
	assert.equal((await w.s.job(job.id, 60)).state, 'JobComplete');
	assert.equal((await w.s.patch(job.id, 'UploadComplete')).status, 200);
});

// A job of the same object is held in the middle of its load, so that what is closed after it stays in the queue.
async function holdUp(w, crash) {
	await w.start({ crash, hold: 'load.claimed' });
	const busy = await w.open('upsert', [[['k1', '30', 'busy'], ['k6', '31', 'busy']]]);
	w.s.hold();
	await w.close(busy);
	await w.s.held();
	busy.retries = 1;
}

for (const points of ['abort.moved', emptied(1), 'abort.removed', ['abort.moved', sweep], [emptied(1), 'recover.swept']]) {
	const [first, second] = [].concat(points);
	const finish = async (w, job) => {
		await w.died();
		if (second)
			await w.startAndDie(second);
		await w.start();
		job.state = 'Aborted';
		assert.equal((await w.s.job(job.id)).state, 'Aborted');
		assert.ok(!readdirSync(join(w.data, 'blobs')).includes(job.id), 'its data is gone from storage');
		assert.equal((await w.s.patch(job.id, 'Aborted')).status, 200);
		assert.equal((await w.s.patch(job.id, 'UploadComplete')).status, 409);
	};
	story(points, 'an open job is aborted, and its data is gone', async (w) => {
		await w.start({ crash: first });
		const job = await w.open('upsert', [partOne, partTwo]);
		await lost(w.s.patch(job.id, 'Aborted'));
		await finish(w, job);
	});
	// The load that is held has emptied nothing yet, so the abort's pass is the first here, too.
	story(points, 'a queued job is aborted and never loaded', async (w) => {
		await holdUp(w, first);
		const job = await w.open('upsert', [partOne]);
		assert.equal((await w.s.patch(job.id, 'UploadComplete')).status, 200);
		await lost(w.s.patch(job.id, 'Aborted'));
		await w.s.release();
		await finish(w, job);
	});
}

for (const points of ['delete.marked', emptied(1), 'delete.removed', ['delete.marked', sweep], ['delete.removed', 'recover.swept']]) {
	const [first, second] = [].concat(points);
	const finish = async (w, job) => {
		job.state = 'gone';
		await w.died();
		if (second)
			await w.startAndDie(second);
		await w.start();
		await w.s.must(404, 'GET', `/api/v1/ingest/jobs/${job.id}`);
		assert.ok(!readdirSync(join(w.data, 'blobs')).includes(job.id), 'its data is gone from storage');
	};
	story(points, 'a finished job is gone with its failed records, and its rows stay', async (w) => {
		const job = w.jobs.find((j) => j.connector === 'depot');
		await w.start({ crash: first });
		await lost(w.remove(job));
		job.landed = true;
		await finish(w, job);
		await w.checkTables();
		// It was the connector's only job, and no trace of it keeps the connector, though nobody repeated the request.
		await w.s.must(204, 'DELETE', '/api/v1/connectors/depot');
		delete w.connectors.depot;
		assert.equal((await w.remove(job)).status, 404);
	});
	story(points, 'a queued job is gone and never loaded', async (w) => {
		await holdUp(w, first);
		const job = await w.open('upsert', [partOne]);
		assert.equal((await w.s.patch(job.id, 'UploadComplete')).status, 200);
		await lost(w.remove(job));
		await w.s.release();
		await finish(w, job);
		assert.equal((await w.remove(job)).status, 404);
	});
}

// --- Load --------------------------------------------------------------------------------------------------------

// Three jobs on the same keys: the first is held until all are closed, and goes on to where it dies.
async function loadThree(w, crash) {
	await w.start({ crash, hold: 'load.claimed' });
	const first = await w.open('upsert', [[['k1', '41', 'first'], ['k2', 'x', 'first'], ['k2', '42', 'first']],
		[['k3', '43', 'first'], ['k4', 'y', 'first'], ['k1', '44', 'first']]]);
	const second = await w.open('delete', [[['k2'], ['k3']]]);
	const third = await w.open('upsert', [[['k3', '61', 'third'], ['k4', '62', 'third']]]);
	w.s.hold();
	await w.close(first);
	await w.s.held();
	await w.close(second);
	await w.close(third);
	await w.s.release();
	await w.died();
	return first;
}

// Point -> how often the first job is loaded again.  The four uploads pass blob.synced and blob.renamed before the failed
// records do; blob.emptied is passed when a load begins, twice as a key comes twice and it begins anew through the stage, and
// at its end for the parts and for what is unfinished.
const loadPoints = {
	'load.claimed': 1, [emptied(1)]: 1, [emptied(2)]: 1, 'load.staged': 1, 'blob.synced:5': 1, 'blob.renamed:5': 1, 'load.rejects': 1,
	'load.applied': 0, 'load.completed': 0, [emptied(3)]: 0, [emptied(4)]: 0, 'load.removed': 0,
};
const hasParts = ['load.applied', 'load.completed'];
for (const [point, retries] of Object.entries(loadPoints))
	story(point, 'the job is applied once, and those behind it follow in their order', async (w) => {
		const first = await loadThree(w, point);
		first.retries = retries;
		if (hasParts.includes(point))
			w.tamper(first);
		await w.start();
	});

// Three upserts on the same keys behind one that is held: they are loaded together.
for (const [point, retries] of [['load.together', 1], ['load.applied:2', 0], ['load.completed:2', 0], ['load.removed:2', 0], ['load.removed:3', 0]])
	story(point, 'jobs that are loaded together are applied once each, all of them or none', async (w) => {
		await w.start({ crash: point, hold: 'load.claimed' });
		const first = await w.open('upsert', [[['k1', '1', 'held']]]), jobs = [];
		for (const name of ['one', 'two', 'three'])
			jobs.push(await w.open('upsert', [[['k1', '41', name], ['k2', 'x', name], [`k${name}`, '42', name]]]));
		w.s.hold();
		await w.close(first);
		await w.s.held();
		for (const job of jobs)
			await w.close(job);
		await w.s.release();
		await w.died();
		for (const job of jobs)
			job.retries = retries;
		await w.start();
	});

// Recovery dies, too, and the next one finds what it left.
for (const [point, second] of [['load.staged', 'recover.moved'], ['load.staged', 'recover.swept'], ['load.applied', 'recover.moved'],
	['load.applied', sweep], ['load.applied', 'recover.swept'], ['load.completed', sweep], ['load.rejects', 'load.applied']])
	story([point, second], 'a crash of the recovery changes nothing', async (w) => {
		const first = await loadThree(w, point);
		first.retries = loadPoints[point];
		if (hasParts.includes(point))
			w.tamper(first);
		await w.startAndDie(second);
		await w.start();
	});

story('load.applied', 'a server that dies after every job it has applied still comes to the end of the queue', async (w, point) => {
	await loadThree(w, point);
	await w.startAndDie(point);
	await w.startAndDie(point);
	await w.start();
});

for (const point of ['recover.moved', 'recover.moved:2'])
	story(point, 'of two jobs in progress each is recovered, whichever side of the crash it is on', async (w) => {
		await w.start({ hold: 'load.staged' });
		const jobs = [await w.open('upsert', [partOne]), await w.open('upsert', [partTwo], 'depot')];
		w.s.hold();
		for (const job of jobs)
			await w.close(job);
		await w.s.held();
		for (const job of jobs) {
			for (let looks = 0; (await w.s.job(job.id)).state !== 'InProgress'; looks++)
				assert.ok(looks < 10000, 'a worker takes it');
			job.retries = 1;
		}
		await w.s.kill();
		await w.s.release();
		await w.startAndDie(point);
		await w.start();
	});

story('load.failed', 'an unreadable job is Failed, its parts are removed, and the next one is loaded', async (w, point) => {
	await w.start({ crash: point });
	const job = await w.open('upsert', []);
	assert.equal((await w.s.upload(job.id, 'id,n\nk1,99\n')).status, 202);
	job.parts.push([['k1', '99']]);
	await w.s.patch(job.id, 'UploadComplete').catch(() => {});	// the answer may be overtaken by the end
	await w.died();
	await w.start();
	job.state = 'Failed';
	assert.match((await w.s.job(job.id, 60)).errorMessage, /who/);
});

test('what a load spilled is gone after the next start', { timeout: 120000 }, async () => {
	const w = await enter();
	try {
		writeFileSync(join(w.data, 'tmp', 'duckdb_temp_storage_DEFAULT-0.tmp'), 'x'.repeat(1000));
		await w.start();
		assert.deepEqual(readDisk(w.data).tmp, []);
		await w.check();
	} finally {
		await w.leave();
	}
});

// --- Connectors and streams: the lake's tables follow the catalog --------------------------------------------------

story('stream.stored', 'a stream that is in the catalog has its table after the next start', async (w, point) => {
	await w.start({ crash: point });
	await w.s.must(201, 'PUT', '/api/v1/connectors/extra', schemaOf({ things: plain }));
	await lost(w.s.call('PUT', '/api/v1/connectors/extra/streams/things', plain.stream));
	await w.died();
	await w.start();
	assert.deepEqual(await w.s.sql('select id, n, who from extra.things'), []);
	assert.deepEqual(await w.s.sql('select id__c, n__c, who__c from extra_things__dll'), []);
	assert.deepEqual(await w.s.sql('select record, record__c from PR_extra.things, PR_extra_things__dll'), []);
	await w.s.must(200, 'PUT', '/api/v1/connectors/extra/streams/things', plain.stream);	// it is there already
	w.connectors.extra = { things: plain };
	await w.load('upsert', [partTwo], 'extra');
});

story('connector.stored', 'a schema that has grown has its columns after the next start', async (w, point) => {
	await w.start({ crash: point });
	await lost(w.s.call('PUT', '/api/v1/connectors/shop', schemaOf({ things: wider })));
	await w.died();
	await w.start();
	const count = Number((await w.s.sql('select count(*) from shop.things'))[0][0]);
	assert.ok(count > 0);
	assert.deepEqual(await w.s.sql('select changed, count(*) from shop.things group by 1'), [[null, count]]);
	assert.deepEqual(await w.s.sql('select changed__c, count(*) from shop_things__dll group by 1'), [[null, count]]);
	w.connectors.shop.things = wider;
	await w.load('upsert', [[['k8', '70', 'grown', '2024-02-29T00:00:00.000Z']]]);
});

story('connector.stored', 'a new connector is there after the next start', async (w, point) => {
	await w.start({ crash: point });
	await lost(w.s.call('PUT', '/api/v1/connectors/extra', schemaOf({ things: plain })));
	await w.died();
	await w.start();
	assert.equal((await w.s.must(200, 'GET', '/api/v1/connectors/extra')).json.revision, 1);
	await w.s.must(201, 'PUT', '/api/v1/connectors/extra/streams/things', plain.stream);
	w.connectors.extra = { things: plain };
	await w.load('upsert', [partTwo], 'extra');
});

for (const points of ['connector.deleted', 'table.dropped', 'table.dropped:2', ['connector.deleted', 'table.dropped'], ['connector.deleted', 'table.dropped:2']])
	story(points, 'the tables of a deleted connector are gone after the next start, and its name is free', async (w, first, second) => {
		await w.start({ crash: first });
		await w.setUp('extra', { things: plain, more: plain });
		const { id } = await w.s.load('things', 'id,n,who\nk1,80,gone\n', 'upsert', 'extra');
		await w.s.must(204, 'DELETE', `/api/v1/ingest/jobs/${id}`);
		await lost(w.s.call('DELETE', '/api/v1/connectors/extra'));
		await w.died();
		if (second)
			await w.startAndDie(second);
		await w.start();
		delete w.connectors.extra;
		await w.s.must(404, 'GET', '/api/v1/connectors/extra');
		await w.s.must(400, 'POST', '/api/v2/query', { sql: 'select * from extra.things' });
		await w.s.must(400, 'POST', '/api/v2/query', { sql: 'select * from PR_extra.things' });
		await w.s.must(400, 'POST', '/api/v2/query', { sql: 'select * from PR_extra_more__dll' });
		await w.s.must(400, 'POST', '/api/v2/query', { sql: 'select * from extra_more__dll' });
		// A connector of that name whose fields are of other types.
		await w.s.setUpThings({ id: 'integer', n: 'date', who: 'boolean' }, plain.stream, 'extra');
		const done = await w.s.load('things', 'id,n,who\n7,2024-02-29,true\n', 'upsert', 'extra');
		assert.equal(done.state, 'JobComplete');
		assert.deepEqual(await w.s.sql('select id, n, who from extra.things'), [[7, '2024-02-29', true]]);
		await w.s.must(204, 'DELETE', `/api/v1/ingest/jobs/${done.id}`);
		await w.s.must(204, 'DELETE', '/api/v1/connectors/extra');
	});

// --- Streaming -----------------------------------------------------------------------------------------------------

const one = [['k1', '10', 'one'], ['k6', '11', 'one']], two = [['k1', '20', 'two'], ['k7', '21', 'two']];

for (const [point, accepted] of [['journal.made', false], ['journal.written', true], ['journal.synced', true],
	['journal.written:2', true], ['journal.synced:2', true]])
	story(point, 'a streaming request counts as a whole or not at all, and what was acknowledged before stays', async (w) => {
		await w.start({ crash: point });
		if (point.endsWith(':2'))
			await w.stream(two);
		await lost(w.send(one));
		await w.died();
		await w.start();
		if (accepted)
			w.take(one);
		await w.checkStreams();
		await w.checkTables();
		await w.stream(two);
		await w.stream(one);	// as a client does that lost the answer
		await w.stream([['k6']], 'delete');
	});

// How many entries the server has applied since its start.
async function appliedSince(w) {
	await w.checkStreams();
	return Number(/^sluice_stream_entries_applied_total (\d+)$/m.exec((await w.s.must(200, 'GET', '/metrics')).text)[1]);
}

// Two entries, a closed job, two entries; the first two are applied when it dies.
async function streamAround(w, crash) {
	await w.start({ crash, args: ['--stream-interval', '60000'] });
	await w.stream(one);
	await w.stream([['k6']], 'delete');
	const job = await w.open('upsert', [[['k1', '41', 'first'], ['k6', '42', 'first'], ['k7', '43', 'first']]]);
	w.enqueue(job);
	await w.s.patch(job.id, 'UploadComplete').catch(() => {});	// the answer may be overtaken by the end
	await w.died();
	return job;
}

for (const [points, left] of [[['stream.folded'], 2], [['stream.applied'], 0], [['stream.folded', 'stream.folded'], 2], [['stream.folded', 'stream.applied'], 0],
	[['stream.folded', 'recover.moved'], 2], [['stream.applied', 'recover.moved'], 0], [['stream.applied', 'recover.swept'], 0],
	[['stream.applied', 'load.applied'], 0]]) {
	const [first, second] = points;
	story(points, 'what was streamed is applied once, before the job that was closed after it', async (w) => {
		const job = await streamAround(w, first);
		if (second)
			await w.startAndDie(second);
		await w.start();
		assert.equal(await appliedSince(w), left);
		assert.equal((await w.s.job(job.id, 60)).state, 'JobComplete');
		await w.stream(two);
		await w.stream([['k7'], ['k5']], 'delete');
		assert.equal(await appliedSince(w), left + 2);
	});
}

for (const point of ['stream.folded', 'stream.applied', 'stream.folded:2', 'stream.applied:2'])
	story(point, 'what was streamed after a close is applied once, after the job', async (w) => {
		await w.start({ crash: point, hold: 'load.claimed' });
		if (point.endsWith(':2')) {
			await w.stream([['k8', '1', 'before']]);
			await w.checkStreams();
		}
		const job = await w.open('upsert', [[['k1', '41', 'first'], ['k7', '42', 'first']]]);
		w.s.hold();
		await w.close(job);
		await w.s.held();
		await w.stream(one);
		await w.stream(two);
		await w.stream([['k1']], 'delete');
		await w.s.release();
		await w.died();
		await w.start();
		await w.stream([['k7', '50', 'after']]);
		const left = point.startsWith('stream.folded') ? 3 : 0;
		assert.equal(await appliedSince(w), left + 1);
	});

// A log's file goes when a later one was begun, which more than a MiB in it brings about.
story('journal.trimmed', 'what the lake has goes from the journal, and the rest stays', async (w, point) => {
	const long = 'x'.repeat(49000), rowsOf = (n) => [0, 1, 2].map((i) => [`k${i}`, String(n), long]);
	await w.start({ crash: point, args: ['--stream-interval', '60000'] });
	for (let n = 0; n < 12; n++)
		await w.stream(rowsOf(n));
	const job = await w.open('upsert', [[['k1', '41', 'first']]]);
	w.enqueue(job);
	await w.s.patch(job.id, 'UploadComplete').catch(() => {});	// all is applied for it, and then trimmed
	await w.died();
	await w.start();
	await w.stream([['k1']], 'delete');
	assert.equal(await appliedSince(w), 1);
	const [log] = readdirSync(join(w.data, 'journal'));
	assert.equal(readdirSync(join(w.data, 'journal', log)).length, 1);
});

for (const points of ['connector.deleted', 'table.dropped', 'journal.removed', ['connector.deleted', 'table.dropped'], ['connector.deleted', 'journal.removed'], ['table.dropped', 'journal.removed']])
	story(points, 'what a deleted connector had accepted is gone after the next start, and a new one of its name begins anew', async (w, first, second) => {
		const before = existsSync(join(w.data, 'journal')) ? readdirSync(join(w.data, 'journal')) : [];
		await w.start({ crash: first, args: ['--stream-interval', '60000'] });
		await w.setUp('extra');
		await w.stream(one, 'upsert', 'extra');
		await lost(w.s.call('DELETE', '/api/v1/connectors/extra'));
		await w.died();
		w.jobs.pop();
		if (second)
			await w.startAndDie(second);
		await w.start();
		delete w.connectors.extra;
		assert.deepEqual(readdirSync(join(w.data, 'journal')), before);
		await w.setUp('extra');
		const { streaming } = (await w.s.must(200, 'GET', '/api/v1/connectors/extra/streams/things')).json;
		assert.equal(streaming.acceptedPosition, 0);
		await w.stream(two, 'upsert', 'extra');
	});

// --- Keys ----------------------------------------------------------------------------------------------------------

const keyFiles = (w) => readdirSync(join(w.data, 'keys')).sort();
const publishedKeys = async (w) => (await w.s.must(200, 'GET', '/id/keys')).json.keys.map(({ kid }) => kid);

for (const [point, made] of [['file.written', false], ['file.renamed', true]])
	story(point, 'the first key is there whole or not at all, and the next start has one', async (w) => {
		await w.start({ crash: point });
		await lost(w.s.call('GET', '/id/keys'));
		await w.died();
		const left = keyFiles(w);
		assert.deepEqual(left.map((file) => /\.pem$/.test(file)), [made]);
		await w.start();
		assert.deepEqual([await publishedKeys(w), keyFiles(w).length], [keyFiles(w).map((file) => file.slice(20, 52)), 1]);
		assert.equal(keyFiles(w)[0] === left[0], made);
	});

for (const [point, made] of [['file.written', false], ['file.renamed', true]])
	story(point, 'a rotation that was cut off has made a key, or nothing, and the server goes on', async (w) => {
		await w.start();
		await publishedKeys(w);
		const [first] = keyFiles(w);
		const rotate = (env) => spawnSync(program, ['key', 'rotate', '--data', w.data], { env: { ...process.env, ...env }, encoding: 'utf8' });
		assert.equal(rotate({ SLUICE_CRASH: point }).signal, 'SIGKILL');
		const cut = keyFiles(w).filter((file) => file !== first).map((file) => file.slice(20, 52));
		assert.equal(cut.length, 1);
		assert.deepEqual(await publishedKeys(w), [...(made ? cut : []), first.slice(20, 52)]);
		const { stdout } = rotate({});
		const { length } = keyFiles(w);
		assert.deepEqual([length, (await publishedKeys(w))[0]], [made ? 3 : 2, stdout.match(/[0-9a-f]{32}/)[0]]);
	});

// --- The list ------------------------------------------------------------------------------------------------------

test('every crash point in src/ has a story here', () => {
	const named = new Set();
	for (const folder of readdirSync(join(rootFolder, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory()))
		for (const file of readdirSync(join(rootFolder, 'src', folder.name)).filter((name) => name.endsWith('.c')))
			for (const [, name] of readFileSync(join(rootFolder, 'src', folder.name, file), 'utf8').matchAll(/CRASH_POINT\("([^"]+)"\)/g))
				named.add(name);
	assert.ok(named.size > 15);
	assert.deepEqual([...covered].sort(), [...named].sort());
});
