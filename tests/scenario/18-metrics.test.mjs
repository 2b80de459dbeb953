// SPDX-License-Identifier: Apache-2.0
// GET /metrics: Prometheus text that a strict reader takes, and numbers that are right after things whose number is known.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withServer } from './harness.mjs';
import { routes } from './walk.mjs';
import { exchange, Wire } from './wire.mjs';

// --- A reader of version 0.0.4 of the format that takes nothing else ---------------------------------------------------

function parseLabels(text, what) {
	const labels = {};
	let rest = text;
	while (rest !== '') {
		const [whole, name, value] = rest.match(/^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=[a-zA-Z_])|$)/) ?? assert.fail(`labels: ${what}`);
		assert.ok(!(name in labels), `label ${name} twice: ${what}`);
		labels[name] = value.replace(/\\(.)/g, (_, c) => c === 'n' ? '\n' : c);
		rest = rest.slice(whole.length);
	}
	return labels;
}

// { family: { type, help, samples: [{ name, labels, value }] } }
function parseMetrics(text) {
	const families = {};
	const seen = new Set();
	let family;
	assert.ok(text.endsWith('\n') && !text.includes('\r'));
	for (const line of text.slice(0, -1).split('\n')) {
		const comment = line.match(/^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/);
		if (comment?.[1] === 'HELP') {
			assert.ok(!families[comment[2]], `${comment[2]} twice`);
			family = families[comment[2]] = { name: comment[2], help: comment[3], samples: [] };
			continue;
		}
		if (comment) {
			assert.ok(comment[2] === family.name && !family.type && family.samples.length === 0, line);
			assert.match(comment[3], /^(counter|gauge|histogram)$/);
			family.type = comment[3];
			continue;
		}
		const [, name, labels, value] = line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.+)\})? (-?\d+(?:\.\d+)?)$/) ?? assert.fail(`no sample: ${line}`);
		const suffix = name.slice(family.name.length);
		assert.ok(name.startsWith(family.name) && (family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).includes(suffix), line);
		assert.ok(!seen.has(line.slice(0, line.lastIndexOf(' '))), `twice: ${line}`);
		seen.add(line.slice(0, line.lastIndexOf(' ')));
		family.samples.push({ suffix, labels: parseLabels(labels ?? '', line), value: Number(value) });
	}
	for (const { name, type, samples } of Object.values(families)) {
		assert.ok(type, name);
		assert.ok((type === 'counter') === name.endsWith('_total'), `${name} is named as what it is`);
		assert.ok(type === 'gauge' || samples.every(({ value }) => value >= 0), name);
		if (type === 'histogram')
			checkHistogram(name, samples);
	}
	return families;
}

function checkHistogram(name, samples) {
	const rows = {};
	for (const { suffix, labels: { le, ...labels }, value } of samples) {
		const row = rows[JSON.stringify(labels)] ??= { buckets: [] };
		assert.equal(suffix === '_bucket', le !== undefined, name);
		if (suffix === '_bucket')
			row.buckets.push([le === '+Inf' ? Infinity : Number(le), value]);
		else
			row[suffix] = value;
	}
	for (const [labels, row] of Object.entries(rows)) {
		assert.equal(row.buckets.at(-1)[0], Infinity, name);
		assert.equal(row.buckets.at(-1)[1], row._count, `${name} ${labels}: +Inf is the count`);
		assert.ok(row._sum >= 0, name);
		for (let i = 1; i < row.buckets.length; i++)
			assert.ok(row.buckets[i][0] > row.buckets[i - 1][0] && row.buckets[i][1] >= row.buckets[i - 1][1], `${name} ${labels}: cumulative`);
	}
}

async function scrape(s) {
	const answer = await s.must(200, 'GET', '/metrics');
	assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
	const families = parseMetrics(answer.text);
	// The value of the sample with exactly these labels; undefined when it is not there.
	return Object.assign(families, { get: (name, labels = {}, suffix = '') => families[name].samples.find((sample) => sample.suffix === suffix &&
		JSON.stringify(Object.entries(sample.labels).sort()) === JSON.stringify(Object.entries(labels).sort()))?.value });
}

test('the text is as the format has it, from the first request on', () => withServer(async (s) => {
	const first = await scrape(s), second = await scrape(s);
	assert.deepEqual(Object.keys(second), Object.keys(first));
	assert.equal(first.get('sluice_http_requests_total', { route: '/metrics', method: 'GET', status: '200' }), undefined);
	assert.equal(second.get('sluice_http_requests_total', { route: '/metrics', method: 'GET', status: '200' }), 1);
	assert.equal(second.sluice_build_info.samples.length, 1);
	assert.match(second.sluice_build_info.samples[0].labels.version, /^\d+\.\d+\.\d+$/);
	assert.ok(second.get('process_resident_memory_bytes') > 1e6);
	assert.ok(second.get('process_open_fds') > 5 && second.get('process_open_fds') < 500);
	const age = Date.now() / 1000 - second.get('process_start_time_seconds');
	assert.ok(age > -2 && age < 120, `started ${age} s ago`);
}));

test('after jobs whose outcome is known, the counts are theirs', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string', n: 'number' });
	const parts = ['id,n\na,1\nb,x\n,2\n', 'id,n\nc,y\nd,3\n'], unreadable = 'id\na\n';
	await s.load('things', parts);
	await s.load('things', [unreadable]);
	const dry = (await s.must(201, 'POST', '/api/v1/ingest/jobs', { object: 'things', sourceName: 'shop', operation: 'upsert', validateOnly: true })).json;
	await s.upload(dry.id, parts[0]);
	await s.patch(dry.id, 'UploadComplete');
	assert.equal((await s.job(dry.id, 60)).numberRecordsFailed, 2);	// which took no effect
	const open = await s.createJob('things'), aborted = await s.createJob('things');
	await s.upload(open.id, parts[0]);
	await s.upload(open.id, parts[0], { 'Content-Type': 'text/plain' });
	await s.patch(aborted.id, 'Aborted');
	const m = await scrape(s);
	const counts = (name, label) => Object.fromEntries(m[name].samples.filter(({ value }) => value > 0).map(({ labels, value }) => [labels[label], value]));
	assert.deepEqual(Object.fromEntries(m.sluice_jobs.samples.map(({ labels, value }) => [labels.state, value])), { Open: 1, UploadComplete: 0, InProgress: 0, JobComplete: 2, Failed: 1, Aborted: 1 });
	assert.equal(m.get('sluice_parts_accepted_total'), 5);
	assert.equal(m.get('sluice_part_bytes_total'), parts.join('').length + unreadable.length + 2 * parts[0].length);
	assert.deepEqual(counts('sluice_loads_total', 'outcome'), { complete: 2, failed: 1 });
	assert.equal(m.get('sluice_load_duration_seconds', {}, '_count'), 3);
	assert.ok(m.get('sluice_load_duration_seconds', {}, '_sum') > 0);
	assert.equal(m.get('sluice_load_attempts_failed_total'), 0);
	assert.equal(m.get('sluice_records_processed_total'), 5);
	assert.deepEqual(counts('sluice_records_failed_total', 'code'), { NOT_A_NUMBER: 2, BLANK_PRIMARY_KEY: 1 });
	assert.ok(!m.sluice_records_failed_total.samples.some(({ labels }) => labels.code === 'NONE'));
	const requests = (route, method, status) => m.get('sluice_http_requests_total', { route, method, status: String(status) });
	const batches = '/api/v1/ingest/jobs/{id}/batches';
	assert.equal(requests('/api/v1/ingest/jobs', 'POST', 201), 5);
	assert.deepEqual([requests(batches, 'PUT', 202), requests(batches, 'PUT', 415), requests(batches, 'GET', 200)], [5, 1, undefined]);
	assert.equal(m.get('sluice_http_request_duration_seconds', { route: batches, method: 'PUT' }, '_count'), 6);
}));

test('requests are counted by route, never by path, and those that reach none by method', () => withServer(async (s) => {
	for (let i = 0; i < 20; i++)
		await s.must(404, 'GET', `/api/v1/ingest/jobs/x${i}`);
	for (const [method, path] of [['GET', '/x'], ['GET', '/y?z'], ['HEAD', '/z'], ['PATCH', '/healthz'], ['PROPFIND', '/healthz'], ['SEARCH', '/x']])
		await s.call(method, path);
	await s.call('GET', '/healthz', undefined, { Authorization: null });
	await s.call('HEAD', '/healthz', undefined, { Authorization: null });
	await s.call('GET', '/api/v1/connectors', undefined, { Authorization: null });
	await exchange(s, 'GET /healthz HTTP/3.0\r\n\r\n');
	await exchange(s, `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(200000)}\r\n\r\n`);
	const m = await scrape(s);
	assert.deepEqual(Object.fromEntries(m.sluice_http_requests_total.samples.map(({ labels, value }) => [Object.values(labels).join(' '), value])), {
		'/api/v1/ingest/jobs/{id} GET 404': 20, '/healthz GET 200': 2, '/api/v1/connectors GET 401': 1,
		'none GET 404': 3, 'none PATCH 405': 1, 'none other 404': 1, 'none other 405': 1, 'none other 431': 1, 'none other 505': 1,
	});
	const known = new Set(routes.map((r) => `${r.pattern} ${r.method}`));
	for (const { labels } of m.sluice_http_request_duration_seconds.samples)
		assert.ok(labels.route === 'none' || known.has(`${labels.route} ${labels.method}`), JSON.stringify(labels));
}));

test('bytes of bodies are counted as they come, whatever becomes of them', () => withServer(async (s) => {
	await s.setUpThings({ id: 'string' });
	const before = (await scrape(s)).get('sluice_http_received_bytes_total');
	const job = await s.createJob('things'), sent = JSON.stringify({ object: 'things', sourceName: 'shop', operation: 'upsert' }).length;
	await s.upload(job.id, `id\n${'a\n'.repeat(500000)}`);
	await s.call('POST', '/api/v2/query', 'x'.repeat(1000));
	assert.equal((await scrape(s)).get('sluice_http_received_bytes_total') - before, sent + 3 + 1000000 + 1000);
}));

test('queries are counted by outcome', () => withServer(async (s) => {
	await s.must(200, 'POST', '/api/v2/query', { sql: 'select 1' });
	await s.must(200, 'POST', '/api/v2/query', { sql: 'select 2' });
	await s.must(400, 'POST', '/api/v2/query', { sql: 'drop table x' });
	await s.must(400, 'POST', '/api/v2/query', { sql: 'selec' });
	await s.must(408, 'POST', '/api/v2/query', { sql: 'select count(*) from range(10000000000) a, range(1000) b where a.range % 7 = b.range' });
	const m = await scrape(s);
	assert.deepEqual(Object.fromEntries(m.sluice_queries_total.samples.map(({ labels, value }) => [labels.outcome, value])), { done: 2, refused: 2, timed_out: 1, too_large: 0, failed: 0, cancelled: 0 });
}, { args: ['--query-timeout', '300'] }));

test('connections are counted while they are open', () => withServer(async (s) => {
	// Asked on connections of our own, one at a time: a pool would keep some open.
	const comes = async (count) => {
		for (const end = Date.now() + 30000, now = []; now.at(-1) !== count; ) {
			assert.ok(Date.now() < end, `${now.at(-1)} connections, not ${count}`);
			const { text } = await exchange(s, `GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${s.token}\r\n\r\n`);
			now.push(parseMetrics(text).sluice_http_connections.samples[0].value);
		}
	};
	await comes(1);
	const wires = await Promise.all(Array.from({ length: 7 }, () => Wire.connect(s)));
	await comes(8);
	wires.forEach((wire) => wire.cut(false));
	await comes(1);
}));
