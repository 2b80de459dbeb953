// SPDX-License-Identifier: Apache-2.0
// What clients know of their jobs: what was acknowledged, what was refused, and what is in doubt because the answer never came.
// Every answer, and every look at a server that has been started again, is held against it and makes it more certain.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { apply, countsOf, parseFailed, plain, problemSql, problemsOf, rowsOf, sortProblems, versioned } from './model.mjs';

export const jobsPath = '/api/v1/ingest/jobs';
export const objects = { plain, versioned, big: plain };

const digest = (text) => createHash('sha256').update(text).digest('hex');
const isFinal = (state) => ['JobComplete', 'Failed', 'Aborted'].includes(state);

export class Ledger {
	jobs = new Map();
	closes = 0;
	lostCreates = [];	// "object operation"
	doubts = { yes: 0, no: 0 };	// requests without an answer that turned out to be done, and not

	add({ id, object, operation }) {
		const job = {
			id, object, operation,
			parts: [],	// each sent: { text, rows, sha256, fate: sent | accepted | refused | lost }
			order: [],	// of the accepted ones, once it was read
			sent: { close: false, abort: false, remove: false },	// ever
			done: { close: false, abort: false, remove: false },	// for certain
			lost: { close: false, abort: false, remove: false },	// since the last start
			closedAs: 0,	// its place among the closes
			final: null,	// as it was first seen in a final state
		};
		this.jobs.set(id, job);
		return job;
	}

	addPart(job, rows, text) {
		const part = { rows, text, sha256: digest(text), fate: 'sent' };
		job.parts.push(part);
		return part;
	}

	// What a job looks like, with what was certain before it was asked for.
	observe(job, json, done) {
		const where = JSON.stringify(json);
		assert.ok(!done.remove, `a removed job is there again: ${where}`);
		assert.ok(json.state !== 'Open' || !done.close, `a closed job is open again: ${where}`);
		assert.ok(!done.abort || json.state === 'Aborted', `an aborted job is there again: ${where}`);
		assert.ok(json.state !== 'Aborted' || job.sent.abort, `nobody has aborted it: ${where}`);
		assert.ok(json.state === 'Open' || json.state === 'Aborted' || job.sent.close, `nobody has closed it: ${where}`);
		const end = [json.state, json.numberRecordsProcessed, json.numberRecordsFailed, json.systemModstamp];
		if (job.final)
			assert.deepEqual(end, job.final, `a finished job has changed: ${where}`);
		if (isFinal(json.state))
			job.final = end;
		job.state = json.state;
	}

	// The job's parts as the server lists them.  ${quiet}: nobody is sending any, so that what is in doubt is decided by it.
	learnParts(job, listed, quiet) {
		const bySha = new Map(job.parts.map((part) => [part.sha256, part]));
		assert.equal(bySha.size, job.parts.length);
		job.order = listed.map(({ sha256, bytes }) => {
			const part = bySha.get(sha256);
			assert.ok(part, `${job.id} has a part that nobody sent`);
			assert.ok(bySha.delete(sha256), `${job.id} has a part twice`);
			assert.notEqual(part.fate, 'refused', `${job.id} has a part that was refused`);
			assert.equal(bytes, part.text.length);
			return part;
		});
		for (const part of bySha.values())
			assert.notEqual(part.fate, 'accepted', `${job.id} has lost an acknowledged part`);
		if (!quiet)
			return;
		for (const part of job.parts.filter((p) => p.fate === 'lost')) {
			part.fate = job.order.includes(part) ? 'accepted' : 'refused';
			this.doubts[part.fate === 'accepted' ? 'yes' : 'no']++;
		}
	}

	// After a start, before any client: every doubt is decided by what the server has.
	async settle(server) {
		const found = await listJobs(server);
		for (const job of this.jobs.values()) {
			const json = found.get(job.id);
			found.delete(job.id);
			if (json === undefined) {
				assert.ok(job.done.remove || job.lost.remove, `job ${job.id} is lost`);
			} else {
				this.observe(job, json, job.done);
				if (json.state !== 'Open' && json.state !== 'Aborted')
					assert.ok(job.done.close || job.lost.close, `nobody has closed it: ${JSON.stringify(json)}`);
				if (json.state === 'Aborted')
					assert.ok(job.done.abort || job.lost.abort, `nobody has aborted it: ${JSON.stringify(json)}`);
			}
			// An aborted or removed job may have been closed before; then that no longer matters.
			this.decide(job, 'remove', json === undefined);
			this.decide(job, 'abort', json?.state === 'Aborted');
			this.decide(job, 'close', json !== undefined && json.state !== 'Open' && json.state !== 'Aborted');
			if (json !== undefined && job.parts.some((part) => part.fate === 'lost'))
				this.learnParts(job, (await must(server, 'GET', `${jobsPath}/${job.id}/batches`)).data, true);
			if (json !== undefined)
				assert.equal(json.numberParts, job.parts.filter((part) => part.fate === 'accepted').length, `parts of ${job.id}`);
		}
		for (const json of found.values()) {
			const name = `${json.object} ${json.operation}`, at = this.lostCreates.indexOf(name);
			assert.ok(at >= 0 && json.state === 'Open' && json.numberParts === 0, `a job that nobody made: ${JSON.stringify(json)}`);
			this.lostCreates.splice(at, 1);
			this.observe(this.add(json), json, {});
			this.doubts.yes++;
		}
		this.doubts.no += this.lostCreates.length;
		this.lostCreates = [];
	}

	decide(job, what, is) {
		if (job.lost[what])
			this.doubts[is ? 'yes' : 'no']++;
		job.lost[what] = false;
		job.done[what] ||= is;
	}

	// Right after a start: no file of a job that has none, and of an open one exactly its parts.  Closed jobs are being worked on.
	checkDisk(data) {
		for (const id of readdirSync(join(data, 'blobs'))) {
			const job = this.jobs.get(id);
			assert.ok(job && !job.done.remove && !job.done.abort, `data of ${id} is left on the disk`);
			if (job.state !== 'Open')
				continue;
			const names = readdirSync(join(data, 'blobs', id));
			assert.ok(names.every((name) => name.startsWith('part-')), `${id}: ${names}`);
			assert.equal(names.length, job.parts.filter((part) => part.fate === 'accepted').length, `files of ${id}`);
		}
	}

	/* At the end, with every job in a final state. */

	jobOf(job) {
		return { id: job.id, operation: job.operation, parts: job.order.map((part) => part.rows) };
	}

	async checkJob(server, job) {
		this.learnParts(job, (await must(server, 'GET', `${jobsPath}/${job.id}/batches`)).data, true);
		if (job.final[0] === 'Aborted')
			return;
		const isUnreadable = job.order.some((part) => part.unreadable);
		assert.equal(job.final[0], isUnreadable ? 'Failed' : 'JobComplete', job.id);
		if (isUnreadable)
			return;
		const { processed, failed, rejects } = countsOf(this.jobOf(job));
		assert.deepEqual(job.final.slice(1, 3), [processed, failed], `counts of ${job.id}`);
		if (failed > 0)
			assert.deepEqual(parseFailed(await mustText(server, 'GET', `${jobsPath}/${job.id}/failedResults`)), rejects);
		job.hasRejects = failed > 0;
	}

	// Every record of ${object} against the jobs in the order in which they were closed.  Returns how many there are.
	async checkTable(server, object) {
		const kind = objects[object], rows = await readTable(server, object, kind);
		const stored = new Map(rows.map((row) => [row[0], row]));
		const table = new Map(), problems = [];
		assert.equal(stored.size, rows.length, `${object}: a key is there twice`);
		for (const job of [...this.jobs.values()].filter((j) => j.object === object).sort((a, b) => a.closedAs - b.closedAs)) {
			// A job that was removed from the queue tells by its witness whether it had landed by then.
			const landed = job.final ? job.final[0] === 'JobComplete'
				: job.order.some((part) => part.rows.length > 0 && stored.has(part.rows[0][0]));
			if (landed) {
				apply(table, kind, this.jobOf(job));
				problems.push(...problemsOf(this.jobOf(job)));
			}
		}
		assert.deepEqual(await readProblems(server, object), sortProblems(problems), `problem records of ${object}`);
		assert.deepEqual(rows, rowsOf(table, kind), `records of ${object}`);
		return rows.length;
	}
}

async function mustText(server, method, path, body) {
	const answer = await server.ask(method, path, body);
	assert.equal(answer?.status, 200, `${method} ${path}: ${answer?.text}`);
	return answer.text;
}

export async function must(server, method, path, body) {
	return JSON.parse(await mustText(server, method, path, body));
}

async function listJobs(server) {
	const found = new Map();
	for (let offset = 0, total = 1; offset < total; offset += 100) {
		const page = await must(server, 'GET', `${jobsPath}?limit=100&offset=${offset}&orderBy=createdDate%20asc`);
		for (const json of page.data)
			found.set(json.id, json);
		total = page.totalSize;
	}
	return found;
}

async function readProblems(server, object) {
	const rows = [], page = 5000;
	for (let more = true; more;) {
		const sql = `${problemSql} from PR_shop.${object} order by job_id, part, line limit ${page} offset ${rows.length}`;
		const { data } = await must(server, 'POST', '/api/v2/query', { sql });
		rows.push(...data);
		more = data.length === page;
	}
	return rows;
}

async function readTable(server, object, kind) {
	const rows = [];
	for (let page, after = ''; page === undefined || page.length > 0; after = rows.at(-1)?.[0]) {
		const sql = `select ${kind.columns} from shop.${object} where id > '${after}' order by id limit 5000`;
		page = (await must(server, 'POST', '/api/v2/query', { sql })).data;
		rows.push(...page);
	}
	return rows;
}
