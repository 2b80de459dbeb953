// SPDX-License-Identifier: Apache-2.0
// Everything at once: bulk jobs, streams, deletes and queries on two objects for two minutes, with restarts and kills in
// between, against a model that is kept here.  Each writer has keys of its own and does one thing after the other, so it knows
// what each of its keys must hold; all writers share the objects, so everything interleaves there.  Keys come in pairs that are
// written by the same request or job: a query that sees two halves of a pair differ has seen half of one.
//
// SLUICE_MIX_SECONDS is how long it runs (120), SLUICE_MIX_SEED how it goes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as retryAfter } from 'node:timers/promises';
import { withServer } from './harness.mjs';

const seconds = Number(process.env.SLUICE_MIX_SECONDS ?? 120);
const seed = Number(process.env.SLUICE_MIX_SEED ?? Date.now() % 1e6);
const restartEvery = 120;	// things done
const pairsOfWriter = 120;

const texts = (names) => Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
const objects = {
	plain: {
		columns: ['id', 'pair', 'round', 'a'],
		properties: { ...texts(['id', 'pair', 'a']), round: { type: 'integer' } },
		stream: { primaryKey: 'id' },
	},
	merged: {
		columns: ['id', 'pair', 'round', 'a', 'b', 'changed'],
		properties: { ...texts(['id', 'pair', 'a', 'b']), round: { type: 'integer' }, changed: { type: 'string', format: 'date-time' } },
		stream: { primaryKey: 'id', recordModifiedField: 'changed', refreshMode: 'Partial' },
		versioned: true,
	},
};
const past = (n) => new Date(Date.UTC(2020, 0, 1) + n * 60000).toISOString();
const future = (n) => new Date(Date.UTC(2100, 0, 1) + n * 60000).toISOString();
const now = '2050-01-01T00:00:00.000Z';	// later than any past version, earlier than any future one

// --- What the server must hold --------------------------------------------------------------------------------------

class Model {
	constructor(object) {
		this.object = object;
		this.rows = new Map();
	}

	upsert(row, partial) {
		const stored = this.rows.get(row.id);
		if (this.object.versioned && stored && stored.changed > row.changed)
			return;
		const blank = Object.fromEntries(this.object.columns.map((c) => [c, null]));
		this.rows.set(row.id, { ...(partial && stored ? stored : blank), ...row });
	}

	delete(id, time) {
		const stored = this.rows.get(id);
		if (stored && !(this.object.versioned && stored.changed >= time))
			this.rows.delete(id);
	}
}

// --- Writers --------------------------------------------------------------------------------------------------------

function randomOf(state) {
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor(state / 4294967296 * below);
	};
}

class Writer {
	constructor(world, name, number) {
		this.world = world;
		this.object = objects[name];
		this.name = name;
		this.key = `${name}${number}`;
		this.random = randomOf(seed * 31 + number * 7919 + name.length);
		this.model = new Model(this.object);
		this.jobs = [];
		this.round = 0;
		this.done = {};
	}

	pairs(most) {
		const count = 1 + this.random(most);
		return Array.from({ length: count }, () => `${this.key}-${this.random(pairsOfWriter)}`);
	}

	// The two rows of a pair; ${partial}: without some of the fields.
	rowsOf(pair, round, partial) {
		const row = { pair, round, a: this.random(4) ? `a${round}` : null };
		if (this.object.versioned) {
			row.b = this.random(4) ? `b${round}` : null;
			row.changed = (this.random(8) ? past : future)(this.random(3) ? round : this.random(round));
		}
		if (partial && this.random(2))
			delete row.a;
		if (partial && this.object.versioned && this.random(2))
			delete row.b;
		return ['x', 'y'].map((half) => ({ id: `${pair}${half}`, ...row }));
	}

	async streamUpsert() {
		const partial = this.object.stream.refreshMode === 'Partial';
		const rows = this.pairs(12).flatMap((pair) => this.rowsOf(pair, this.round, partial));
		await this.world.ask(202, 'POST', `/api/v1/ingest/sources/shop/${this.name}`, { data: rows });
		rows.forEach((row) => this.model.upsert(row, partial));
	}

	async streamDelete() {
		const ids = this.pairs(6).flatMap((pair) => [`${pair}x`, `${pair}y`]);
		if (this.random(2))
			await this.world.ask(202, 'DELETE', `/api/v1/ingest/sources/shop/${this.name}?ids=${ids.join()}`);
		else
			await this.world.ask(202, 'DELETE', `/api/v1/ingest/sources/shop/${this.name}`, { ids });
		ids.forEach((id) => this.model.delete(id, now));
	}

	// Create, upload, close; its end is not waited for.
	async bulk(operation, parts) {
		const job = (await this.world.ask(201, 'POST', '/api/v1/ingest/jobs', { object: this.name, sourceName: 'shop', operation })).json;
		for (const [i, lines] of parts.entries())
			await this.world.ask(202, 'PUT', `/api/v1/ingest/jobs/${job.id}/batches`, `${lines.join('\n')}\n`, { 'Content-Type': 'text/csv', 'Idempotency-Key': `part ${i}` });
		await this.world.ask(200, 'PATCH', `/api/v1/ingest/jobs/${job.id}`, { state: 'UploadComplete' });
		this.jobs.push(job.id);
	}

	async bulkUpsert() {
		const rows = this.pairs(60).flatMap((pair) => this.rowsOf(pair, this.round, false));
		const half = 2 * Math.ceil(rows.length / 4);
		const parts = [rows.slice(0, half), rows.slice(half)].filter((part) => part.length)
			.map((part) => [this.object.columns.join(), ...part.map((row) => this.object.columns.map((c) => row[c] ?? '').join())]);
		await this.bulk('upsert', parts);
		rows.forEach((row) => this.model.upsert(row, false));
	}

	async bulkDelete() {
		const ids = this.pairs(20).flatMap((pair) => [`${pair}x`, `${pair}y`]);
		await this.bulk('delete', [ids.map((id) => this.object.versioned ? `${id},${now}` : id)]);
		ids.forEach((id) => this.model.delete(id, now));
	}

	async run() {
		const kinds = ['streamUpsert', 'streamUpsert', 'streamUpsert', 'streamUpsert', 'streamDelete', 'bulkUpsert', 'bulkDelete'];
		while (!this.world.isOver()) {
			const kind = kinds[this.random(kinds.length)];
			this.round++;
			await this[kind]();
			this.done[kind] = (this.done[kind] ?? 0) + 1;
			await this.world.didOne();
		}
	}
}

// --- The world ------------------------------------------------------------------------------------------------------

class World {
	constructor(server) {
		this.server = server;
		this.deadline = performance.now() + seconds * 1000;
		this.doneCount = 0;
		this.restarts = 0;
		this.lostAnswers = 0;
		this.busy = 0;
		this.running = Promise.resolve();
	}

	isOver() {
		return performance.now() > this.deadline;
	}

	// Until it is answered so: an answer that was lost with the server is asked for again, which changes nothing.
	async ask(status, method, path, body, headers) {
		for (;;) {
			await this.running;
			const restarts = this.restarts;
			let answer;
			try {
				answer = await this.server.call(method, path, body, headers);
			} catch (error) {
				await this.running;
				assert.ok(restarts !== this.restarts || this.restarting, `${method} ${path}: ${error.cause ?? error}`);
				this.lostAnswers++;
				continue;
			}
			if (answer.status === status)
				return answer;
			assert.equal(answer.status, 503, `${method} ${path}: ${answer.status} ${answer.text}`);
			this.busy++;
			await retryAfter(100 * Number(answer.headers.get('retry-after')));
		}
	}

	// One thing was done; after some of them the server is ended, in good order or not, and started again.
	async didOne() {
		if (++this.doneCount % restartEvery === 0 && !this.isOver()) {
			this.restarting = true;
			this.running = this.restart();
		}
		await this.running;
	}

	async restart() {
		await this.server.kill(this.restarts % 3 === 2 ? 'SIGTERM' : 'SIGKILL');
		this.restarts++;
		await this.server.run();
		this.restarting = false;
	}
}

// Look again and again: pairs are whole, and what was seen never goes back.
async function watch(world, name, seen) {
	let looks = 0;
	while (!world.isOver()) {
		const answer = await world.ask(200, 'POST', '/api/v2/query', { sql: `select pair, min(round), max(round), count(*) from shop.${name} group by pair` });
		for (const [pair, least, most, count] of answer.json.data) {
			assert.ok(least === most && count === 2, `${pair}: half of a change is seen: ${least} ${most} ${count}`);
			assert.ok(least >= (seen.get(pair) ?? 0), `${pair}: back to ${least} from ${seen.get(pair)}`);
			seen.set(pair, least);
		}
		looks++;
	}
	return looks;
}

test('bulk jobs, streams, deletes and queries on two objects at once, with restarts and kills in between', { timeout: (seconds + 300) * 1000 }, () => withServer(async (s) => {
	console.log(`# for ${seconds} s, seed ${seed}`);
	const schemas = Object.fromEntries(Object.entries(objects).map(([name, { properties }]) => [name, { type: 'object', properties }]));
	await s.must(201, 'PUT', '/api/v1/connectors/shop', { openapi: '3.0.3', components: { schemas } });
	for (const [name, { stream }] of Object.entries(objects))
		await s.must(201, 'PUT', `/api/v1/connectors/shop/streams/${name}`, stream);

	const world = new World(s);
	const writers = Object.keys(objects).flatMap((name) => [1, 2, 3].map((number) => new Writer(world, name, number)));
	const [looks] = await Promise.all([
		Promise.all(Object.keys(objects).map((name) => watch(world, name, new Map()))),
		...writers.map((writer) => writer.run()),
	]);

	// All that was accepted and closed is in the lake.
	for (const writer of writers)
		for (const id of writer.jobs) {
			const job = await s.job(id, 60);
			assert.equal(job.state, 'JobComplete', JSON.stringify(job));
			assert.equal(job.numberRecordsFailed ?? 0, 0, JSON.stringify(job));
		}
	let records = 0;
	for (const [name, { columns, versioned }] of Object.entries(objects)) {
		await s.must(200, 'GET', `/api/v1/connectors/shop/streams/${name}?wait=60`);
		const list = columns.map((c) => c === 'changed' ? `strftime(changed, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'` : c);
		const held = await s.sql(`select ${list.join()} from shop.${name} order by id`);
		const wanted = writers.filter((writer) => writer.name === name).flatMap(({ model }) => [...model.rows.values()])
			.map((row) => columns.map((c) => row[c])).sort((x, y) => (x[0] < y[0] ? -1 : 1));
		assert.equal(held.length, wanted.length, `${name}${versioned ? ', versioned' : ''}`);
		held.forEach((row, i) => assert.deepEqual(row, wanted[i]));
		records += held.length;
	}
	const counts = writers.reduce((sum, { done }) => Object.fromEntries([...new Set([...Object.keys(sum), ...Object.keys(done)])].map((k) => [k, (sum[k] ?? 0) + (done[k] ?? 0)])), {});
	console.log(`# ${world.doneCount} things done (${JSON.stringify(counts)}), ${looks.reduce((a, b) => a + b)} queries, ${world.restarts} restarts, ${world.lostAnswers} answers lost, ${world.busy} times 503; ${records} records compared`);
	assert.ok(world.restarts >= Math.min(2, seconds / 30), `${world.restarts} restarts`);
	assert.ok(records > 100);
}));
