// SPDX-License-Identifier: Apache-2.0
// Clients that work on a server until it is gone: they create, upload, close, abort, remove and look, by chance and all at
// once, and tell the ledger what came of it.  Nothing is repeated by the HTTP client, so a request is sent once.
import assert from 'node:assert/strict';
import http from 'node:http';
import { Server } from '../scenario/harness.mjs';
import { jobsPath, objects } from './ledger.mjs';
import { partText } from './model.mjs';

const chunkBytes = 64 * 1024;
const rowsMax = 12;

// Numbers by chance that a seed repeats (mulberry32).
export class Chance {
	constructor(seed) {
		this.state = seed >>> 0;
	}

	next() {
		this.state = (this.state + 0x6d2b79f5) >>> 0;
		let t = this.state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	below(limit) {
		return Math.floor(this.next() * limit);
	}

	is(probability) {
		return this.next() < probability;
	}

	of(list) {
		return list[this.below(list.length)];
	}
}

// A server that is killed at the Nth event.  Events are answers, chunks sent, and lines of the server's log, so that a kill
// falls into anything that the server does, and none depends on a time.
export class Target extends Server {
	killAt(events) {
		this.eventsLeft = events;
		this.isOver = false;
	}

	async run(env) {
		this.killAt(Infinity);
		this.agent?.destroy();
		this.agent = new http.Agent({ keepAlive: true });
		const up = super.run(env);
		this.ended.then(() => { this.isOver = true; });	// also when it died of itself
		this.process.stderr.on('data', (text) => {
			for (const _ of String(text).matchAll(/\n/g))
				this.tick();
		});
		await up;
	}

	tick() {
		if (--this.eventsLeft !== 0)
			return;
		this.isOver = true;
		this.process.kill('SIGKILL');
	}

	// { status, text }; null: there was no whole answer.  ${cutAt}: break the connection after so many chunks.
	ask(method, path, body, { type = 'application/json', cutAt = Infinity } = {}) {
		const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
		const headers = { Authorization: `Bearer ${this.token}`, ...(bytes && { 'Content-Type': type, 'Content-Length': bytes.length }) };
		return new Promise((done) => {
			const request = http.request(this.url + path, { method, headers, agent: this.agent }, (response) => {
				let text = '';
				response.setEncoding('utf8').on('data', (more) => { text += more; }).on('error', () => {});
				response.on('close', () => {
					if (response.complete)
						this.tick();
					done(response.complete ? { status: response.statusCode, text } : null);
				});
			});
			request.on('error', () => done(null));
			this.sendBody(request, bytes, cutAt);
		});
	}

	sendBody(request, bytes, cutAt, sent = 0) {
		if (bytes === undefined || sent >= bytes.length)
			return void request.end();
		if (cutAt === 0)
			return void request.destroy();
		const end = Math.min(bytes.length, sent + (cutAt < Infinity ? Math.ceil(bytes.length / 3) : chunkBytes));
		request.write(bytes.subarray(sent, end), (error) => {
			if (error)
				return;
			this.tick();
			this.sendBody(request, bytes, cutAt - 1, end);
		});
	}
}

export class Fleet {
	constructor(target, ledger, chance) {
		Object.assign(this, { target, ledger, chance });
		this.serial = 0;
		this.closing = new Set();	// objects: one close at a time each, so that their order is known
	}

	// Work until the server is gone.
	async work(clients, withBig) {
		await Promise.all(Array.from({ length: clients }, async (_, i) => {
			if (i === 0 && withBig)
				await this.loadBig();
			while (!this.target.isOver)
				await this.act();
		}));
	}

	recent(keep) {
		return [...this.ledger.jobs.values()].slice(-40).filter((job) => !job.done.remove && keep(job));
	}

	async act() {
		const open = [...this.ledger.jobs.values()].slice(-200).filter((job) => job.object !== 'big' && !job.sent.close && !job.sent.abort);
		const others = this.recent((job) => job.object !== 'big' && (job.sent.close || job.sent.abort));
		const dice = this.chance.below(100);
		if (open.length < 5 || dice < 8)
			await this.create(this.chance.of(['plain', 'versioned']), this.chance.is(0.3) ? 'delete' : 'upsert');
		else if (dice < 55)
			await this.upload(this.chance.of(dice < 53 || others.length === 0 ? open : others));
		else if (dice < 78)
			await this.close(this.chance.of(dice < 76 || others.length === 0 ? open : others));
		else if (dice < 84)
			await this.abort(this.chance.of(dice < 81 || others.length === 0 ? open : others));
		else if (others.length > 0)
			await (dice < 92 ? this.remove(this.chance.of(others)) : this.look(this.chance.of(others)));
	}

	/* --- Records --- */

	row(object, id, who) {
		const n = this.chance.is(0.06) ? 'bad' : String(++this.serial);
		return object === 'versioned' ? [id, n, who, this.time()] : [id, n, who];
	}

	time() {
		return new Date(Date.UTC(2024, 0, 1) + this.chance.below(5000) * 1000).toISOString();
	}

	// The first row of a part has a key that no other has: no two parts are the same, and an upsert's tells that it has landed.
	rows({ object, operation }) {
		const who = `t${++this.serial}`;
		const ids = Array.from({ length: this.chance.below(rowsMax) }, () => `k${this.chance.below(40)}`);
		if (operation === 'upsert')
			return [[`w-${who}`, String(++this.serial), who, ...(object === 'versioned' ? [this.time()] : [])],
				...ids.map((id) => this.row(object, id, who))];
		return [`w-${who}`, ...ids].map((id, i) => object !== 'versioned' ? [id]
			: [id, i > 0 && this.chance.is(0.06) ? 'never' : this.time()]);
	}

	/* --- Requests --- */

	async create(object, operation) {
		const answer = await this.target.ask('POST', jobsPath, { object, operation, sourceName: 'shop' });
		if (answer === null)
			return void this.ledger.lostCreates.push(`${object} ${operation}`);
		assert.equal(answer.status, 201, answer.text);
		return this.ledger.add(JSON.parse(answer.text));
	}

	async upload(job, rows = this.rows(job)) {
		const isUnreadable = job.operation === 'upsert' && job.object !== 'big' && this.chance.is(0.03);
		const isCut = this.chance.is(0.04);
		const text = isUnreadable ? `id,n\n${rows[0].slice(0, 2)}\n` : partText(objects[job.object], job.operation, rows);
		const part = this.ledger.addPart(job, rows, text);
		part.unreadable = isUnreadable;
		const before = { ...job.done };
		const answer = await this.target.ask('PUT', `${jobsPath}/${job.id}/batches`, text, { type: 'text/csv', cutAt: isCut ? 1 + this.chance.below(2) : Infinity });
		// A cut upload must leave no trace: its last bytes were never sent.
		part.fate = answer === null ? (isCut ? 'refused' : 'lost') : answer.status === 202 ? 'accepted' : 'refused';
		if (answer === null)
			return;
		assert.ok(answer.status === 202 ? !before.close && !before.abort && !before.remove
			: answer.status === 409 ? job.sent.close || job.sent.abort : answer.status === 404 && job.sent.remove, answer.text);
	}

	async change(job, what, state) {
		job.sent[what] = true;
		const before = { ...job.done };
		const answer = state ? await this.target.ask('PATCH', `${jobsPath}/${job.id}`, { state })
			: await this.target.ask('DELETE', `${jobsPath}/${job.id}`);
		if (answer === null)
			job.lost[what] = true;
		else if (answer.status === 404)
			assert.ok(job.sent.remove, answer.text);
		else if (answer.status < 300)
			assert.ok(!before.remove && !(what === 'close' && before.abort), answer.text);
		if (answer?.status < 300)
			job.done[what] = true;
		return answer;
	}

	async close(job) {
		if (this.closing.has(job.object))
			return;
		this.closing.add(job.object);
		if (!job.done.close)
			job.closedAs = ++this.ledger.closes;
		const answer = await this.change(job, 'close', 'UploadComplete');
		this.closing.delete(job.object);
		if (answer !== null)
			assert.ok(answer.status === 200 || answer.status === 404 || answer.status === 409 && job.sent.abort, answer.text);
	}

	async abort(job) {
		const answer = await this.change(job, 'abort', 'Aborted');
		if (answer !== null)
			assert.ok(answer.status === 200 || answer.status === 404 || answer.status === 409 && job.sent.close, answer.text);
	}

	async look(job) {
		const done = { ...job.done };
		const answer = await this.target.ask('GET', `${jobsPath}/${job.id}`);
		if (answer?.status === 200)
			this.ledger.observe(job, JSON.parse(answer.text), done);
		else if (answer !== null)
			assert.ok(answer.status === 404 && job.sent.remove, answer.text);
		return answer?.status === 200;
	}

	// Its parts are read before, and their order with them: afterwards nobody can tell.  A delete has no witness, so it is
	// removed only when its end is known.
	async remove(job) {
		if (!await this.look(job) || job.state === 'Open' || job.operation === 'delete' && !job.final)
			return;
		const answer = await this.target.ask('GET', `${jobsPath}/${job.id}/batches`);
		if (answer?.status !== 200)
			return;
		this.ledger.learnParts(job, JSON.parse(answer.text).data, false);
		const gone = await this.change(job, 'remove');
		if (gone !== null)
			assert.ok(gone.status === 204 || gone.status === 404 || gone.status === 409 && job.sent.close, gone.text);
	}

	// Enough that a kill falls into reading it, into its staging, or into the lake's commit.
	async loadBig() {
		const operation = this.chance.is(0.2) ? 'delete' : 'upsert';
		const job = await this.create('big', operation);
		if (job === undefined)
			return;
		const who = `t${++this.serial}`, count = 20000 + this.chance.below(30001), first = this.chance.below(10000);
		const ids = [`w-${who}`, ...Array.from({ length: count }, (_, i) => `b${first + i}`)];
		await this.upload(job, operation === 'delete' ? ids.map((id) => [id]) : ids.map((id, i) => [id, String(++this.serial), who]));
		await this.close(job);
	}
}
