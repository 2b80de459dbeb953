// SPDX-License-Identifier: Apache-2.0
// Small jobs that wait one behind the other are loaded in one change of the lake, and each is a job of its own all the same.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Server } from './harness.mjs';

const things = { id: 'string', name: 'string', amount: 'number' };
const csv = (...rows) => ['id,name,amount', ...rows.map((row) => row.join(','))].join('\n') + '\n';
const ORDERED = 'select id, name, amount from shop.things order by id';

// The jobs of the log's loads: ["first job of the load", how many].
const loads = (server) => [...server.log.matchAll(/ lake\.applied job=(\S+) jobs=(\d+)/g)].map(([, job, count]) => [job, Number(count)]);

// A server whose worker has taken one job and waits, so that what the story closes stands in the queue; release() lets it go on.
async function withQueue(story, args = []) {
	const server = await Server.start({ args: ['--log-level', 'debug', '--workers', '1', ...args], holdAt: 'load.claimed' });
	try {
		await server.setUpThings(things);
		const first = await server.createJob('things');
		await server.upload(first.id, csv(['first', 'f', 1]));
		server.hold();
		await server.patch(first.id, 'UploadComplete');
		await server.held();
		await story(server);
		assert.equal((await server.job(first.id)).state, 'JobComplete');
	} finally {
		await server.stop();
	}
}

async function close(server, text, members = {}) {
	const { json: job } = await server.must(201, 'POST', '/api/v1/ingest/jobs', { object: 'things', sourceName: 'shop', operation: 'upsert', ...members });
	if (text !== undefined)
		await server.upload(job.id, text);
	assert.equal((await server.patch(job.id, 'UploadComplete')).status, 200);
	return job.id;
}

async function ends(server, ids) {
	const jobs = [];
	for (const id of ids)
		jobs.push(await server.job(id, 60));
	return jobs.map((job) => [job.state, job.numberRecordsProcessed, job.numberRecordsFailed]);
}

test('jobs that wait are loaded together, each with its counts, and the last one wins', () => withQueue(async (server) => {
	const ids = [];
	for (let i = 0; i < 20; i++)
		ids.push(await close(server, csv(['same', `n${i}`, i], [`k${i}`, 'own', i], ...Array.from({ length: i % 3 }, () => ['bad', 'x', 'twelve']))));
	ids.push(await close(server));
	await server.release();
	assert.deepEqual(await ends(server, ids), [...Array.from({ length: 20 }, (_, i) => ['JobComplete', 2 + i % 3, i % 3]), ['JobComplete', 0, 0]]);
	assert.deepEqual(loads(server).map(([job, count]) => [ids.indexOf(job), count]), [[-1, 1], [0, 21]]);
	assert.deepEqual((await server.sql("select name from shop.things where id = 'same'")).flat(), ['n19']);
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [22]);
	// What failed belongs to its own job.
	assert.deepEqual((await server.sql('select job_id, count(*) from "PR_shop".things group by job_id')).map(([job, count]) => [ids.indexOf(job), Number(count)])
		.sort(([a], [b]) => a - b), Array.from({ length: 20 }, (_, i) => [i, i % 3]).filter(([, count]) => count > 0));
	assert.match(await server.failed(ids[1]), /^sf__Part,sf__Line,sf__Error,id,name,amount\n1,4,[^\n]*\n$/);
}));

test('an unreadable job among them fails alone', () => withQueue(async (server) => {
	const ids = [await close(server, csv(['a', 'one', 1])), await close(server, 'id,name\nb,two\n'), await close(server, csv(['a', 'three', 3])),
		await close(server, csv(['"', 'four', 4])), await close(server, csv(['a', 'five', 5], ['c', 'five', 'x']))];
	await server.release();
	assert.deepEqual(await ends(server, ids), [['JobComplete', 1, 0], ['Failed', 0, 0], ['JobComplete', 1, 0], ['Failed', 0, 0], ['JobComplete', 2, 1]]);
	assert.match((await server.job(ids[1])).errorMessage, /amount/);
	assert.deepEqual(await server.sql(ORDERED), [['a', 'five', '5.000000000000000000'], ['first', 'f', '1.000000000000000000']]);
	assert.deepEqual((await server.sql('select job_id, line from "PR_shop".things')).map(([job, line]) => [ids.indexOf(job), Number(line)]), [[4, 3]]);
}));

test('an upsert and a delete are not loaded together, nor one that only validates', () => withQueue(async (server) => {
	const ids = [await close(server, csv(['a', 'one', 1])), await close(server, csv(['b', 'two', 2])), await close(server, 'a\n', { operation: 'delete' }),
		await close(server, 'b\n', { operation: 'delete' }), await close(server, csv(['a', 'three', 3])), await close(server, csv(['d', 'dry', 4]), { validateOnly: true }),
		await close(server, csv(['e', 'five', 5]))];
	await server.release();
	assert.deepEqual(await ends(server, ids), ids.map((_, i) => ['JobComplete', 1, 0]));
	assert.deepEqual(loads(server).map(([job, count]) => [ids.indexOf(job), count]), [[-1, 1], [0, 2], [2, 2], [4, 1], [6, 1]]);
	assert.deepEqual((await server.sql('select id from shop.things order by id')).flat(), ['a', 'e', 'first']);
}));

test('what was streamed between two closes comes between the jobs', () => withQueue(async (server) => {
	const stream = (name) => server.must(202, 'POST', '/api/v1/ingest/sources/shop/things', { data: [{ id: name === 'two' ? 'a' : 'b', name, amount: 1 }] });
	const ids = [await close(server, csv(['a', 'one', 1], ['b', 'one', 1]))];
	await stream('two');
	ids.push(await close(server, csv(['b', 'three', 3])));
	await stream('four');
	await server.release();
	await ends(server, ids);
	while ((await server.sql("select name from shop.things where id = 'b'")).flat()[0] !== 'four')
		await once(server.process.stderr, 'data');
	assert.deepEqual(loads(server).map(([, count]) => count), [1, 1, 1]);
	assert.deepEqual((await server.sql('select id, name from shop.things order by id')), [['a', 'two'], ['b', 'four'], ['first', 'f']]);
}, ['--stream-interval', '20']));

test('more than four megabytes are not loaded together', () => withQueue(async (server) => {
	const note = 'x'.repeat(1100), large = (name) => csv(...Array.from({ length: 2000 }, (_, i) => [`${name}${i}`, note, i]));
	const ids = [await close(server, large('a')), await close(server, csv(['z', 'z', 1])), await close(server, large('b')), await close(server, large('c'))];
	await server.release();
	await ends(server, ids);
	assert.deepEqual(loads(server).map(([job, count]) => [ids.indexOf(job), count]), [[-1, 1], [0, 2], [2, 1], [3, 1]]);
	assert.deepEqual((await server.sql('select count(*) from shop.things')).flat().map(Number), [6002]);
}));
