// SPDX-License-Identifier: Apache-2.0
// What a job does to the records that are there: who wins, what goes, in which order, and that a query sees all of a job
// or nothing of it.
import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { complete, decimal, failures, makeTable, outcome, seeded, stories } from './records.mjs';

const story = stories('meaning');
const plain = [{ id: 'string', v: 'string' }];
const versioned = [{ id: 'string', v: 'string', at: 'date-time' }, { primaryKey: 'id', recordModifiedField: 'at' }];
const csv = (header, rows) => `${header}\n${rows.map((row) => `${row.join()}\n`).join('')}`;
const day = (n) => `2024-01-${String(n).padStart(2, '0')}T00:00:00Z`;

story('an upsert adds and replaces whole records; the last row of a key wins', async (s) => {
	const table = await makeTable(s, { id: 'string', v: 'string', w: 'string' });
	assert.deepEqual(outcome(await table.load('id,v,w\na,1,x\nb,1,x\na,2,\nc,1,x\na,3,y\nb,2,\n')), complete(6));
	assert.deepEqual(await table.rows(), [['a', '3', 'y'], ['b', '2', null], ['c', '1', 'x']]);
	assert.deepEqual(outcome(await table.load('w,v,id\n,4,a\nx,1,d\n')), complete(2));
	assert.deepEqual(await table.rows(), [['a', '4', null], ['b', '2', null], ['c', '1', 'x'], ['d', '1', 'x']]);
});

story('a failed record never replaces one, whatever comes before or behind it', async (s) => {
	const table = await makeTable(s, { id: 'string', n: 'number' });
	assert.deepEqual(outcome(await table.load('id,n\na,1\na,x\nb,x\nb,2\nc,3\nc\n')), complete(6, 3));
	assert.deepEqual(await table.rows(), [['a', decimal(1)], ['b', decimal(2)], ['c', decimal(3)]]);
	assert.deepEqual(outcome(await table.load('id,n\na,x\nb,2x\nc,4\n')), complete(3, 2));
	assert.deepEqual(await table.rows(), [['a', decimal(1)], ['b', decimal(2)], ['c', decimal(4)]]);
});

story('parts take effect in the order in which they were accepted', async (s) => {
	const table = await makeTable(s, ...plain);
	const job = await table.load(['id,v\na,1\nb,1\nc,1\n', 'v,id\n2,b\n2,c\n', 'id,v\nc,3\n']);
	assert.deepEqual([outcome(job), job.numberParts], [complete(6), 3]);
	assert.deepEqual(await table.rows(), [['a', '1'], ['b', '2'], ['c', '3']]);
	// All 100 that a job may have.
	const parts = Array.from({ length: 100 }, (_, i) => `id,v\nlast,${i}\np${i},${i}\n`);
	assert.deepEqual(outcome(await table.load(parts)), complete(200));
	assert.deepEqual(await s.sql(`select v, (select count(*) from ${table.name}) from ${table.name} where id = 'last'`), [['99', 104]]);
});

story('parts that arrive in parallel count in the order that the list of parts tells', async (s) => {
	const table = await makeTable(s, ...plain);
	const job = await table.create();
	const parts = Array.from({ length: 12 }, (_, i) => `id,v\na,${'x'.repeat(i + 1)}\n`);	// a length each
	for (const answer of await Promise.all(parts.map((part) => s.upload(job.id, part))))
		assert.equal(answer.status, 202);
	const listed = (await s.must(200, 'GET', `/api/v1/ingest/jobs/${job.id}/batches`)).json.data;
	assert.deepEqual(listed.map((part) => part.part), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
	await s.patch(job.id, 'UploadComplete');
	assert.deepEqual(outcome(await s.job(job.id, 60)), complete(12));
	const last = parts.find((part) => part.length === listed.at(-1).bytes);
	assert.deepEqual(await table.rows(), [['a', last.trim().split(',').at(-1)]]);
});

story('record modified: a row lands only if its value is not older; of equal ones the last wins', async (s) => {
	const table = await makeTable(s, ...versioned);
	const load = async (...rows) => assert.deepEqual(outcome(await table.load(csv('id,v,at', rows))), complete(rows.length));
	const now = async (v) => assert.deepEqual((await table.rows('id, v')).map(([, value]) => value), [v]);
	await load(['a', 'first', day(5)]);
	await load(['a', 'older', day(4)]);
	await now('first');
	await load(['a', 'equal', day(5)]);
	await now('equal');
	await load(['a', 'newer', day(6)]);
	await now('newer');
	// Within a job the same holds row by row.
	await load(['a', 'x', day(7)], ['a', 'latest', day(9)], ['a', 'y', day(8)], ['a', 'z', day(1)]);
	await now('latest');
	await load(['a', 'x', day(10)], ['a', 'y', day(9)], ['a', 'last of equals', day(10)], ['a', 'z', day(9)]);
	await now('last of equals');
	await load(['a', 'x', day(8)], ['a', 'y', day(9)]);
	await now('last of equals');
	// Microseconds count, the digits behind them do not; an offset is no difference.
	await load(['a', 'a microsecond later', '2024-01-10T00:00:00.000001Z']);
	await now('a microsecond later');
	await load(['a', 'less', '2024-01-10T00:00:00.0000009Z']);
	await now('a microsecond later');
	await load(['a', 'equal but for nanoseconds', '2024-01-10T00:00:00.0000010Z'], ['a', 'the same moment', '2024-01-10T02:00:00.0000019+02:00']);
	await now('the same moment');
	await load(['a', 'before 1970', '1969-12-31T23:59:59.999999Z']);
	await now('the same moment');
});

story('record modified: a blank one fails the record and changes nothing', async (s) => {
	const table = await makeTable(s, ...versioned);
	const job = await table.load(csv('id,v,at', [['a', 'x', ''], ['b', 'x', day(1)], ['b', 'y', ''], ['b', 'z', '""']]));
	assert.deepEqual(outcome(job), complete(4, 3));
	assert.deepEqual(await failures(s, job.id), [[1, 2, 'BLANK_RECORD_MODIFIED'], [1, 4, 'BLANK_RECORD_MODIFIED'], [1, 5, 'BLANK_RECORD_MODIFIED']]);
	assert.deepEqual(await table.rows('id, v'), [['b', 'x']]);
});

story('delete: the keys go, and one that is not there is processed, not failed', async (s) => {
	const table = await makeTable(s, ...plain);
	await table.load(csv('id,v', [['a', 1], ['b', 2], ['c', 3]]));
	assert.deepEqual(outcome(await table.load(['nobody\na\n', 'c\na\nc\n'], 'delete')), complete(5));
	assert.deepEqual(await table.rows(), [['b', '2']]);
	assert.deepEqual(outcome(await table.load('a\nnobody\n', 'delete')), complete(2));
	assert.deepEqual(await table.rows(), [['b', '2']]);
	// What went may come again.
	await table.load(csv('id,v', [['a', 9]]));
	assert.deepEqual(await table.rows(), [['a', '9'], ['b', '2']]);
	const empty = await makeTable(s, ...plain);
	assert.deepEqual(outcome(await empty.load('a\n', 'delete')), complete(1));
});

story('delete with a record modified field: only what is stored with an earlier one goes', async (s) => {
	const table = await makeTable(s, ...versioned);
	const keys = ['earlier', 'equal', 'later', 'other', 'twice'];
	await table.load(csv('id,v,at', keys.map((key) => [key, 1, day(5)])));
	const job = await table.load(csv('earlier,2024-01-04T23:59:59.999999Z', [['equal', day(5)], ['later', day(6)], ['nobody', day(9)], ['twice', day(6)], ['twice', day(1)], ['other', '']]), 'delete');
	assert.deepEqual(outcome(job), complete(7, 1));
	assert.deepEqual(await failures(s, job.id), [[1, 7, 'BLANK_RECORD_MODIFIED']]);
	assert.deepEqual(await table.rows('id'), [['earlier'], ['equal'], ['other']]);
	assert.deepEqual(outcome(await table.load('equal,2024-01-05T00:00:00.000001Z\nearlier,2024-01-05T01:00:00+01:00\n', 'delete')), complete(2));
	assert.deepEqual(await table.rows('id'), [['earlier'], ['other']]);
	// Nothing remembers the deleted: an older row is a new one.
	await table.load(csv('id,v,at', [['later', 2, day(1)]]));
	assert.deepEqual(await table.rows('id, v'), [['earlier', '1'], ['later', '2'], ['other', '1']]);
});

story('delete: a first row that is the key\'s own name looks like a header, and fails', async (s) => {
	const table = await makeTable(s, ...plain);
	await table.load(csv('id,v', [['a', 1], ['b', 1], ['id', 1], ['v', 1], ['ID', 1], ['c', 1]]));
	let job = await table.load(['id\na\n', '\r\n"id"\r\nb\r\n', '\ufeffid\n'], 'delete');
	assert.deepEqual(outcome(job), complete(5, 3));
	assert.deepEqual(await failures(s, job.id), [[1, 1, 'LOOKS_LIKE_HEADER'], [2, 2, 'LOOKS_LIKE_HEADER'], [3, 1, 'LOOKS_LIKE_HEADER']]);
	assert.match(await s.failed(job.id), /looks like a header/);
	assert.deepEqual(await table.rows('id'), [['ID'], ['c'], ['id'], ['v']]);
	// People also add the columns that they have.
	job = await table.load('id,v\nc\n', 'delete');
	assert.deepEqual(await failures(s, job.id), [[1, 1, 'LOOKS_LIKE_HEADER']]);
	// Other names, another case, and further down, they are keys as any.
	assert.deepEqual(outcome(await table.load(['v\nid\n', 'ID\n'], 'delete')), complete(3));
	assert.deepEqual(await table.rows('id'), []);

	const dated = await makeTable(s, ...versioned);
	await dated.load(csv('id,v,at', [['a', 1, day(1)]]));
	job = await dated.load(`id,at\na,${day(2)}\n`, 'delete');
	assert.deepEqual([outcome(job), await failures(s, job.id)], [complete(2, 1), [[1, 1, 'LOOKS_LIKE_HEADER']]]);
	assert.deepEqual(await dated.rows(), []);
	// An upsert has a real header, so there it is a record as any.
	assert.deepEqual(outcome(await table.load('id,v\nid,v\n')), complete(1));
	assert.deepEqual(await table.rows(), [['id', 'v']]);
});

story('a job without parts, or with empty ones only, completes with 0 records', async (s) => {
	const table = await makeTable(s, ...plain);
	await table.load('id,v\na,1\n');
	for (const operation of ['upsert', 'delete']) {
		for (const parts of [[], [''], ['', '', ''], ['\n\r\n\n', '\ufeff']]) {
			const job = await table.load(parts, operation);
			assert.deepEqual([outcome(job), job.numberParts, job.errorMessage, job.progress], [complete(0), parts.length, null, 1]);
			assert.equal(await s.failed(job.id), 'sf__Part,sf__Line,sf__Error\n');
		}
	}
	const job = await table.load(['id,v\n', 'v,id']);
	assert.deepEqual(outcome(job), complete(0));
	assert.deepEqual(await table.rows(), [['a', '1']]);
});

// Jobs of random rows on few keys, against a model that goes row by row.
async function compareWithModel(s, hasVersion, seed) {
	const random = seeded(seed);
	const table = await makeTable(s, ...(hasVersion ? versioned : plain));
	const model = new Map();	// key -> [value, version]
	let value = 0;
	for (let round = 0; round < 24; round++) {
		const isDelete = random(3) === 0;
		let rows = 0;
		const parts = Array.from({ length: 1 + random(3) }, () => {
			const lines = [];
			for (let n = random(isDelete ? 12 : 60); n > 0; n--) {
				const key = `k${random(40)}`, version = 1 + random(6) + Math.floor(round / 3);
				const before = model.get(key);
				rows++;
				lines.push(isDelete ? [key, ...(hasVersion ? [day(version)] : [])] : [key, ++value, ...(hasVersion ? [day(version)] : [])]);
				if (isDelete && before && (!hasVersion || version > before[1]))
					model.delete(key);
				else if (!isDelete && (!hasVersion || !before || version >= before[1]))
					model.set(key, [String(value), version]);
			}
			return isDelete ? lines.map((line) => `${line.join()}\n`).join('') : csv(hasVersion ? 'id,v,at' : 'id,v', lines);
		});
		assert.deepEqual(outcome(await table.load(parts, isDelete ? 'delete' : 'upsert')), complete(rows));
		const expected = [...model].map(([key, [v]]) => [key, v]).sort(([a], [b]) => (a < b ? -1 : 1));
		assert.deepEqual(await table.rows('id, v'), expected, `seed ${seed}, round ${round}`);
	}
}

story('random jobs do what a model does that goes row by row', (s) => compareWithModel(s, false, 1));
story('random jobs with a record modified field do what a model does that goes row by row', async (s) => {
	await compareWithModel(s, true, 2);
	await compareWithModel(s, true, 3);
});

// While a job of the object is held just before its rows are applied, others are closed in another order than created.
test('jobs of one object take effect in the order in which they were closed, one after the other', () => withServer(async (s) => {
	const table = await makeTable(s, ...plain);
	const first = await table.create();
	await s.upload(first.id, 'id,v\na,first\n');
	const jobs = [];
	for (const operation of ['upsert', 'upsert', 'delete', 'upsert', 'delete', 'upsert'])
		jobs.push(await table.create(operation));
	const [one, two, wipe, three, last, four] = jobs;
	for (const [job, body] of [[four, 'id,v\na,4\nd,4\n'], [three, 'id,v\na,3\nc,3\n'], [two, 'id,v\na,2\nb,2\n'], [one, 'id,v\na,1\ne,1\n'], [wipe, 'c\ne\n'], [last, 'd\n']])
		await s.upload(job.id, body);
	s.hold();
	await s.patch(first.id, 'UploadComplete');
	await s.held();
	for (const job of [three, one, wipe, two, four, last])
		await s.patch(job.id, 'UploadComplete');
	// There are idle workers, but nobody overtakes.
	assert.deepEqual((await Promise.all(jobs.map((job) => s.job(job.id)))).map((job) => job.state), Array(6).fill('UploadComplete'));
	assert.deepEqual(await table.rows(), []);
	await s.release();
	for (const job of jobs)
		assert.equal((await s.job(job.id, 60)).state, 'JobComplete');
	// three: a3 c3; one: a1 e1; wipe: -c -e; two: a2 b2; four: a4 d4; last: -d
	assert.deepEqual(await table.rows(), [['a', '4'], ['b', '2']]);
	// Those that go into the lake together are claimed together; nobody is ever before the one that was closed before it.
	for (const step of ['claimed', 'completed'])
		assert.deepEqual([...s.log.matchAll(new RegExp(`job\\.${step} job=(\\S+)`, 'g'))].map(([, id]) => id), [first, three, one, wipe, two, four, last].map(({ id }) => id));
}, { args: ['--workers', '4'], holdAt: 'load.staged' }));

test('a job of one object does not wait for one of another', () => withServer(async (s) => {
	const slow = await makeTable(s, ...plain), quick = await makeTable(s, ...plain);
	const held = await slow.create(), behind = await slow.create();
	await s.upload(held.id, 'id,v\na,1\n');
	await s.upload(behind.id, 'id,v\na,2\n');
	s.hold();
	await s.patch(held.id, 'UploadComplete');
	await s.held();
	unlinkSync(s.fifo);	// holds nobody else
	await s.patch(behind.id, 'UploadComplete');
	for (let i = 1; i <= 3; i++)
		assert.deepEqual(outcome(await quick.load(`id,v\na,${i}\n`)), complete(1));
	assert.deepEqual(await quick.rows(), [['a', '3']]);
	assert.deepEqual([(await s.job(held.id)).state, (await s.job(behind.id)).state], ['InProgress', 'UploadComplete']);
	assert.deepEqual(await slow.rows(), []);
	await s.holder.close();
	assert.deepEqual(outcome(await s.job(behind.id, 60)), complete(1));
	assert.deepEqual(await slow.rows(), [['a', '2']]);
}, { args: ['--workers', '2'], holdAt: 'load.staged' }));

test('many jobs on two objects at the same time: each object gets its own, in its own order', () => withServer(async (s) => {
	const tables = [await makeTable(s, ...versioned), await makeTable(s, ...plain)];
	const run = async (table, mine) => {
		const jobs = [];
		for (let i = 0; i < 10; i++) {
			const job = await table.create();
			const rows = Array.from({ length: 500 }, (_, k) => [`${mine}${i < 5 ? k : 1000 + k}`, `${mine}${i}`, ...(mine === 'x' ? [day(1 + i)] : [])]);
			assert.equal((await s.upload(job.id, csv(mine === 'x' ? 'id,v,at' : 'id,v', rows))).status, 202);
			await s.patch(job.id, 'UploadComplete');
			jobs.push(job.id);
		}
		for (const id of jobs)
			assert.deepEqual(outcome(await s.job(id, 60)), complete(500));
		assert.deepEqual(await s.sql(`select v, count(*), count(distinct id) from ${table.name} group by v order by v`), [[`${mine}4`, 500, 500], [`${mine}9`, 500, 500]]);
	};
	await Promise.all([run(tables[0], 'x'), run(tables[1], 'y')]);
}));

// Three loops ask without a pause while jobs replace and delete all records; every answer must be the state between two jobs.
test('a query sees all of a job or nothing of it', () => withServer(async (s) => {
	const count = 150000;
	const table = await makeTable(s, { id: 'integer', v: 'integer', pad: 'string' });
	const part = (v, from, to) => {
		const rows = [];
		for (let i = from; i < to; i++)
			rows.push(`${i},${v},padding of record ${i}\n`);
		return `id,v,pad\n${rows.join('')}`;
	};
	const keys = Array.from({ length: count }, (_, i) => `${i}\n`).join('');
	const jobs = [[[part(1, 0, count / 2), part(1, count / 2, count)]], [[part(2, 0, count / 2), part(2, count / 2, count)]], [keys, 'delete'], [part(3, 0, count)], [part(4, 0, count)]];
	// What may be seen, in this order: nothing, all of 1, all of 2, nothing, all of 3, all of 4.  The statement reads the table twice.
	const sql = `select count(*), min(v), max(v), sum(v), (select count(*) from ${table.name}) from ${table.name}`;
	const states = [[0, null, null, null, 0], ...[1, 2].map((v) => [count, v, v, String(v * count), count]), [0, null, null, null, 0], ...[3, 4].map((v) => [count, v, v, String(v * count), count])].map((row) => JSON.stringify([row]));

	const at = [0, 0, 0];	// the state that each loop saw last
	let running = true;
	const ask = async (loop) => {
		while (running) {
			const answer = JSON.stringify(await s.sql(sql));
			const next = states.indexOf(answer, at[loop]);	// forward only
			assert.notEqual(next, -1, `after state ${at[loop]} a query saw ${answer}`);
			at[loop] = next;
		}
	};
	const load = async () => {
		for (const [i, [parts, operation]] of jobs.entries()) {
			assert.deepEqual(outcome(await table.load(parts, operation)), complete(count));
			// Once the job says complete, whoever asks sees it; and no loop misses a state.
			assert.equal(JSON.stringify(await s.sql(sql)), states[i + 1]);
			for (let tries = 0; at.some((state) => state !== i + 1); tries++) {
				assert.ok(tries < 2000, `the loops saw the states ${at}, not ${i + 1}`);
				await s.sql('select 1');
			}
		}
	};
	const loops = Promise.all([0, 1, 2].map(ask));
	await Promise.race([load(), loops]).finally(() => { running = false; });
	await loops;
	assert.deepEqual(at, [5, 5, 5]);
	assert.deepEqual(await s.sql(`select count(distinct id), min(id), max(id) from ${table.name}`), [[count, 0, count - 1]]);
}));
