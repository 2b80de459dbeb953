// SPDX-License-Identifier: Apache-2.0
// A data directory with a past, a server on it that dies and is started again, and what must be true after that.
import assert from 'node:assert/strict';
import { closeSync, constants, cpSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server } from '../scenario/harness.mjs';
import { apply, countsOf, parseFailed, partText, plain, problemSql, problemsOf, readDisk, rowsOf, schemaOf, sortProblems } from './model.mjs';

const jobsPath = '/api/v1/ingest/jobs';

// A request that is answered by the server's death.
export const lost = (request) => request.then(
	(answer) => assert.fail(`answered with ${answer.status}: ${answer.text}`),
	(error) => assert.equal(error.message, 'fetch failed'));

export class World {
	// A copy of ${past}, or an empty directory.
	constructor(past) {
		this.data = mkdtempSync(join(tmpdir(), 'sluice-'));
		this.jobs = [];
		this.connectors = {};
		if (past) {
			cpSync(past.data, this.data, { recursive: true });
			this.jobs = structuredClone(past.jobs);
			this.connectors = structuredClone(past.connectors);
			this.token = past.token;
		}
	}

	// Start the server.  ${crash}: the point at which it dies; ${hold}: the one at which it waits for the test.
	async start({ crash = '', hold, args } = {}) {
		this.s = new Server({ data: this.data, token: this.token, holdAt: hold, args });
		this.token = this.s.token = this.token ?? this.s.makeToken('all', 'cdp_ingest_api,cdp_query_api,api');
		await this.s.run({ SLUICE_CRASH: crash });
	}

	async died() {
		const s = this.s, late = setTimeout(() => s.kill('SIGTERM'), 60000);	// it never came to its crash point
		const end = await s.ended;
		clearTimeout(late);
		assert.deepEqual(end, { code: null, signal: 'SIGKILL' });
	}

	// Start it and see it die, on its way up or soon after.
	async startAndDie(crash) {
		await this.start({ crash }).catch((error) => assert.match(error.message, /signal SIGKILL/));
		await this.died();
	}

	async setUp(connector, objects = { things: plain }) {
		await this.s.must(201, 'PUT', `/api/v1/connectors/${connector}`, schemaOf(objects));
		for (const [object, kind] of Object.entries(objects))
			await this.s.must(201, 'PUT', `/api/v1/connectors/${connector}/streams/${object}`, kind.stream);
		this.connectors[connector] = objects;
	}

	textOf(job, rows) {
		return partText(this.connectors[job.connector].things, job.operation, rows);
	}

	// The part counts, whoever was told so.
	accept(job, rows) {
		job.parts.push(rows);
		job.texts.push(this.textOf(job, rows));
	}

	// A job whose parts are all acknowledged.
	async open(operation, parts, connector = 'shop') {
		const { id } = await this.s.createJob('things', operation, connector);
		const job = { id, operation, connector, state: 'Open', parts: [], texts: [] };
		this.jobs.push(job);
		for (const rows of parts)
			await this.add(job, rows);
		return job;
	}

	upload(job, rows, headers) {
		return this.s.upload(job.id, this.textOf(job, rows), headers);
	}

	async add(job, rows) {
		const answer = await this.upload(job, rows);
		assert.equal(answer.status, 202, answer.text);
		this.accept(job, rows);
	}

	// To be told to end, and to be expected to: the place in this.jobs is the place in the queue.
	enqueue(job) {
		job.state = 'JobComplete';
		this.jobs.splice(this.jobs.indexOf(job), 1);
		this.jobs.push(job);
	}

	async close(job) {
		this.enqueue(job);
		assert.equal((await this.s.patch(job.id, 'UploadComplete')).status, 200);
	}

	// A streaming request: rows, or for a delete keys.
	send(rows, operation = 'upsert', connector = 'shop') {
		const path = `/api/v1/ingest/sources/${connector}/things`;
		if (operation === 'delete')
			return this.s.call('DELETE', path, { ids: rows.flat() });
		const { columns } = this.connectors[connector].things;
		return this.s.call('POST', path, { data: rows.map((row) => Object.fromEntries(columns.map((c, i) => [c, c === 'n' ? Number(row[i]) : row[i]]))) });
	}

	// It counts, whoever was told so: its place among the jobs is that of its acceptance.
	take(rows, operation = 'upsert', connector = 'shop') {
		this.jobs.push({ operation, connector, state: 'streamed', landed: true, parts: [rows] });
	}

	async stream(rows, operation, connector) {
		const answer = await this.send(rows, operation, connector);
		assert.equal(answer.status, 202, answer.text);
		this.take(rows, operation, connector);
	}

	// Nobody asks the server to go on here, either.
	async checkStreams() {
		for (const connector of Object.keys(this.connectors)) {
			const { streaming } = (await this.s.must(200, 'GET', `/api/v1/connectors/${connector}/streams/things?wait=60`)).json;
			assert.equal(streaming.pendingBytes, 0, connector);
		}
	}

	async load(operation, parts, connector) {
		const job = await this.open(operation, parts, connector);
		await this.close(job);
		await this.s.job(job.id, 60);
		return job;
	}

	remove(job) {
		return this.s.call('DELETE', `${jobsPath}/${job.id}`);
	}

	// Turn the letters in the job's parts into capitals, on the disk: a server that reads them once more gives itself away.
	tamper(job) {
		const folder = join(this.data, 'blobs', job.id);
		const parts = readdirSync(folder).filter((name) => name.startsWith('part-'));
		assert.equal(parts.length, job.parts.length);
		for (const name of parts)
			writeFileSync(join(folder, name), readFileSync(join(folder, name), 'utf8').replaceAll('first', 'FIRST'));
	}

	// What the job has been given, and what it has been given only.
	async checkParts(job) {
		const listed = (await this.s.must(200, 'GET', `${jobsPath}/${job.id}/batches`)).json.data;
		assert.deepEqual(listed.map((p) => [p.part, p.bytes]), job.texts.map((text, i) => [i + 1, text.length]));
		assert.deepEqual(Object.values(readDisk(this.data).blobs[job.id] ?? {}).sort(), [...job.texts].sort());
	}

	async checkJob(job) {
		if (job.state === 'streamed')
			return;
		if (job.state === 'gone') {
			await this.s.must(404, 'GET', `${jobsPath}/${job.id}`);
			return;
		}
		// Nobody asks the server to go on: what was closed comes to its end by itself.
		const now = await this.s.job(job.id, job.state === 'Open' ? 0 : 60);
		const where = `${job.operation} ${job.id}`;
		assert.equal(now.state, job.state, where);
		assert.equal(now.numberParts, job.parts.length, where);
		if (job.state === 'Open')
			await this.checkParts(job);
		if (job.state !== 'JobComplete')
			return;
		const { processed, failed, rejects } = countsOf(job);
		assert.deepEqual([now.numberRecordsProcessed, now.numberRecordsFailed], [processed, failed], where);
		assert.deepEqual(parseFailed(await this.s.failed(job.id)), rejects, where);
		if (job.retries !== undefined)
			assert.equal(now.retries, job.retries, `${where} was loaded as often as it should be`);
	}

	// The tables, by what the jobs say that came to their end: rows and problem records, those of removed jobs, too.
	async checkTables() {
		for (const [connector, { things }] of Object.entries(this.connectors)) {
			const table = new Map();
			const landed = this.jobs.filter((j) => j.connector === connector && (j.state === 'JobComplete' || j.landed));
			for (const job of landed)
				apply(table, things, job);
			assert.deepEqual(await this.s.sql(`${problemSql} from PR_${connector}.things order by job_id, part, line`),
				sortProblems(landed.flatMap(problemsOf)), `problem records of ${connector}`);
			assert.deepEqual(await this.s.sql(`select ${things.columns} from ${connector}.things order by id`), rowsOf(table, things), connector);
		}
		const schemas = (await this.s.sql("select distinct table_schema from information_schema.tables where table_name not like '%\\_\\_dll' escape '\\' order by 1")).flat();
		const names = Object.keys(this.connectors);
		assert.deepEqual(schemas.filter((name) => !name.startsWith('~')), [...names, ...names.map((name) => `PR_${name}`)].sort());
	}

	// Only what is needed: parts of open jobs, failed records of finished ones.
	checkDisk() {
		const { blobs, tmp } = readDisk(this.data);
		const needed = {};
		for (const job of this.jobs) {
			if (job.state === 'Open' && blobs[job.id])
				needed[job.id] = [...job.texts].sort();
			if (job.state === 'JobComplete' && countsOf(job).failed > 0)
				needed[job.id] = [blobs[job.id]?.rejects];
		}
		assert.deepEqual(Object.fromEntries(Object.entries(blobs).map(([id, files]) => [id, Object.values(files).sort()])), needed);
		assert.deepEqual(tmp, []);
	}

	// Everything, at the end of a story: the server must still work, too, and end in good order.
	async check() {
		await this.load('upsert', [[['k1', '900', 'last'], ['k9', '901', 'last']]]);
		for (const job of this.jobs)
			await this.checkJob(job);
		await this.checkStreams();
		await this.checkTables();
		await this.s.stop();
		this.checkDisk();
	}

	async leave() {
		await this.s?.kill();
		// A story that failed may still wait for the server to come to its hold: let it go.
		if (this.s && existsSync(this.s.fifo))
			closeSync(openSync(this.s.fifo, constants.O_RDONLY | constants.O_NONBLOCK));
		rmSync(this.data, { recursive: true, force: true });
	}
}

// A past for all stories, removed at the end: two jobs with failed records, one that deletes, an aborted one, and one that is still
// open.
export async function makePast() {
	const w = new World();
	await w.start();
	await w.setUp('shop');
	await w.setUp('depot');
	await w.load('upsert', [[['k1', '1', 'past'], ['k2', '2', 'past'], ['k3', 'x', 'past'], ['k5', '3', 'past']]]);
	await w.load('delete', [[['k2'], ['k7']]]);
	await w.load('upsert', [[['k1', '4', 'past'], ['k2', 'x', 'past']]], 'depot');
	const aborted = await w.open('upsert', [[['k1', '5', 'aborted']]]);
	assert.equal((await w.s.patch(aborted.id, 'Aborted')).status, 200);
	aborted.state = 'Aborted';
	await w.open('upsert', [[['k1', '6', 'open'], ['k2', '7', 'open']]]);
	await w.s.stop();
	process.on('exit', () => rmSync(w.data, { recursive: true, force: true }));
	return w;
}
