// SPDX-License-Identifier: Apache-2.0
// The server is killed a hundred times in the middle of everything and started again on the same data.  After each start all
// that was acknowledged is there, and in the end each record is what the jobs make of it, one after the other in the order
// in which they were closed.
//
// SLUICE_KILL_SEED repeats the clients' choices, if not the moments at which their requests meet in the server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Chance, Fleet, Target } from './fleet.mjs';
import { jobsPath, Ledger, must, objects } from './ledger.mjs';
import { readDisk, schemaOf } from './model.mjs';

const seed = Number(process.env.SLUICE_KILL_SEED ?? Date.now() % 1000000);
const rounds = Number(process.env.SLUICE_KILL_ROUNDS ?? 100);

async function setUp(s) {
	s.token = s.makeToken('all', 'cdp_ingest_api,cdp_query_api,api');
	await s.run();
	await s.must(201, 'PUT', '/api/v1/connectors/shop', schemaOf(objects));
	for (const [object, kind] of Object.entries(objects))
		await s.must(201, 'PUT', `/api/v1/connectors/shop/streams/${object}`, kind.stream);
	await s.kill();
}

// Now and then it is killed on its way up, too: at the first or the second line of its log.
async function killAtStart(s, chance) {
	const up = s.run().catch(() => {});
	s.killAt(1 + chance.below(2));
	await Promise.all([up, s.ended]);
}

// One life of the server: what is there is checked, then clients work until it is killed.
async function live(s, ledger, fleet, chance) {
	await s.run();
	await ledger.settle(s);
	ledger.checkDisk(s.data);
	const withBig = chance.is(0.3);
	s.killAt(1 + (withBig ? chance.below(60) : 0) + Math.floor(chance.next() ** 2 * 200));
	await fleet.work(6, withBig);
	assert.deepEqual(await s.ended, { code: null, signal: 'SIGKILL' });
}

// Let every job come to its end.
async function finish(s, ledger, fleet) {
	await s.run();
	await ledger.settle(s);
	const jobs = [...ledger.jobs.values()].filter((job) => !job.done.remove);
	for (const job of jobs.filter((j) => j.state === 'Open'))
		await fleet.close(job);
	for (const job of jobs) {
		const json = await must(s, 'GET', `${jobsPath}/${job.id}?wait=60`);
		ledger.observe(job, json, job.done);
		assert.ok(job.final, `job ${job.id} is stuck: ${JSON.stringify(json)}`);
	}
	return jobs;
}

// Applying a job again at once would leave the same records, so the server is taken at its word, too.
function checkAppliedOnce(log) {
	const applied = [...log.matchAll(/ lake\.applied job=(\S+)/g)].map(([, id]) => id);
	assert.ok(applied.length > rounds);
	assert.equal(new Set(applied).size, applied.length, 'a job was applied twice');
}

async function checkAll(s, ledger, jobs) {
	let records = 0;
	for (const job of jobs)
		await ledger.checkJob(s, job);
	for (const object of Object.keys(objects))
		records += await ledger.checkTable(s, object);
	await s.stop();
	const { blobs, tmp } = readDisk(s.data, false);
	const needed = jobs.filter((job) => job.hasRejects).map((job) => [job.id, { rejects: null }]);
	assert.deepEqual(blobs, Object.fromEntries(needed));
	assert.deepEqual(tmp, []);
	return records;
}

// How often recovery had something to do, from its log.
function recovered(log, ledger) {
	const sums = { jobs_completed: 0, jobs_requeued: 0, leftovers_removed: 0 };
	const ids = [...log.matchAll(/ job\.recovered job=(\S+)/g)].map(([, id]) => id);
	sums.big = ids.filter((id) => ledger.jobs.get(id)?.object === 'big').length;
	for (const [, text] of log.matchAll(/server\.recovered (.*)/g))
		for (const [, name, count] of text.matchAll(/(\w+)=(\d+)/g))
			sums[name] += Number(count);
	return sums;
}

test(`a server that is killed ${rounds} times loses nothing and applies nothing twice`, { timeout: 300000 }, async (t) => {
	const begun = Date.now();
	const chance = new Chance(seed), ledger = new Ledger();
	const s = new Target({ data: mkdtempSync(join(tmpdir(), 'sluice-')), args: ['--workers', '3', '--log-level', 'debug'] });
	const fleet = new Fleet(s, ledger, chance);
	let starts = 0;
	try {
		await setUp(s);
		for (let round = 0; round < rounds; round++) {
			if (chance.is(0.1)) {
				await killAtStart(s, chance);
				starts++;
			}
			await live(s, ledger, fleet, chance);
		}
		const jobs = await finish(s, ledger, fleet);
		const records = await checkAll(s, ledger, jobs);
		checkAppliedOnce(s.log);
		const { jobs_completed, jobs_requeued, big, leftovers_removed } = recovered(s.log, ledger);
		t.diagnostic(`seed ${seed}: ${rounds} kills, ${starts} more on the way up, in ${((Date.now() - begun) / 1000).toFixed(1)} s; ` +
			`${ledger.jobs.size} jobs, ${records} records in the end; ${ledger.doubts.yes + ledger.doubts.no} requests in doubt, ${ledger.doubts.yes} done; ` +
			`recovery completed ${jobs_completed} jobs, requeued ${jobs_requeued}, ${big} of them big, removed ${leftovers_removed} leftovers`);
	} catch (error) {
		error.message = `seed ${seed}: ${error.message}\n--- the data is in ${s.data}; the server's log:\n${s.log.slice(-6000)}`;
		await s.kill();
		throw error;
	}
	rmSync(s.data, { recursive: true, force: true });
});
