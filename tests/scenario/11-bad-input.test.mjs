// SPDX-License-Identifier: Apache-2.0
// Input that no honest client sends: broken JSON, odd ids, wrong methods, CSV that is none, bytes that are no HTTP.  Each is
// refused with a reason, or its connection is ended; nothing of it changes anything, and the server goes on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ecommSchema, withServer } from './harness.mjs';
import { exchange, Wire, withWire } from './wire.mjs';

const jobs = '/api/v1/ingest/jobs';
const nobody = '00000000-0000-4000-8000-000000000000';
const names = {
	400: 'BAD_REQUEST', 401: 'UNAUTHORIZED', 404: 'NOT_FOUND', 405: 'METHOD_NOT_ALLOWED', 409: 'CONFLICT', 413: 'PAYLOAD_TOO_LARGE', 414: 'URI_TOO_LONG', 415: 'UNSUPPORTED_MEDIA_TYPE',
};

// Is it an answer with one of ${statuses} and the wire's envelope?
function assertRefused(answer, statuses, what) {
	assert.ok([].concat(statuses).includes(answer?.status), `${what}: ${answer?.status} ${answer?.text}`);
	const { timestamp, error, message, path, ...rest } = answer.json;
	assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
	assert.equal(error, `${answer.status} ${names[answer.status]}`);
	assert.ok(message.length > 10 && message.length < 5000, what);
	assert.match(path, /^uri=/);
	assert.deepEqual({ ...rest, details: {} }, { tenantId: 'a360/local', internalErrorCode: 'COMMON_ERROR_GENERIC', details: {} });
}

// The story, then the proof that the server is as well as before: it answers, and a job lands.
function survives(story, options) {
	return withServer(async (s) => {
		await s.setUpThings({ id: 'string', n: 'number' });
		await story(s);
		assert.equal((await exchange(s, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'))?.status, 200);
		const end = await s.load('things', 'id,n\ngood,1\n');
		assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], ['JobComplete', 1, 0]);
		assert.deepEqual(await s.sql("select * from shop.things where id = 'good'"), [['good', '1.000000000000000000']]);
	}, options);
}

const bytes = (text) => Buffer.from(text, 'latin1');

test('what is not one JSON object is refused on every route that takes one', () => survives(async (s) => {
	const job = await s.createJob('things');
	const routes = [['POST', jobs], ['PATCH', `${jobs}/${job.id}`], ['POST', '/api/v2/query'], ['PUT', '/api/v1/connectors/shop/streams/things']];
	// Each would abort the job, or run the query, if it were taken.
	const good = '"state":"Aborted","sql":"select 1","object":"things","sourceName":"shop","operation":"upsert","primaryKey":"id"';
	const bodies = [
		'', ' ', '\n', '{', '}', '[', ']', ',', '[]', `[{${good}}]`, 'null', 'true', '1', '"x"', 'state=Aborted', '<x/>', '\0', `{${good}`, `{${good}}}`, `{${good}} {}`, `{${good}}x`, `{${good}}\0`,
		`\xef\xbb\xbf{${good}}`, `{${good},}`, `{${good} "x":1}`, `{${good.replaceAll('"', "'")}}`, `{${good},x:1}`, `{${good},"x"}`, `{${good},"x":}`, `{${good},"x":tru}`, `{${good},"x":01}`, `{${good},"x":+1}`, `{${good},"x":.5}`,
		`{${good},"x":NaN}`, `{${good},"x":Infinity}`, `{${good},"x":0x10}`, `{${good},"x":1e99999}`, `{${good},"x":"\n"}`, `{${good},"x":"\x01"}`, `{${good},"x":"\\x"}`, `{${good},"x":"\\u12"}`, `{${good},"x":"\\ud800"}`,
		`{${good},"x":"\\udc00\\ud800"}`, `{${good},"x":"\\u0000"}`, `{${good},"\\u0000":1}`, `{${good},"x":"\xff"}`, `{${good},"x":"\xc0\x80"}`, `{${good},"x":"\xed\xa0\x80"}`, `{${good},"x":"\xf4\x90\x80\x80"}`, `{${good},"x":"\xe2\x82"}`,
		`{${good},"x":"`, `{${good},"x":"\\`, `{${good},"state":"Aborted","sql":"select 2","object":"things","primaryKey":"id"}`, `{${good},"x":{"y":1,"y":1}}`, `{${good},"x":${'['.repeat(64)}${']'.repeat(64)}}`,
		'['.repeat(60000), '{"a":'.repeat(12000), `{${good},"x":${'['.repeat(30000)}${']'.repeat(30000)}}`, '"'.repeat(60001), '\\'.repeat(60000), `{${good},"x":${'9'.repeat(60000)}}`, `// x\n{${good}}`, `/**/{${good}}`,
	];
	for (const [method, path] of routes)
		for (const body of bodies)
			assertRefused(await s.call(method, path, bytes(body)), 400, `${method} ${path} ${body.slice(0, 80)}`);
	assert.equal((await s.job(job.id)).state, 'Open');
	assert.equal((await s.must(200, 'GET', jobs)).json.totalSize, 1);
	// And what is right about them is taken: unknown members, spaces, escapes, 63 levels below.
	const odd = ` \r\n\t{ "st\\u0061te" : "Abort\\u0065d" , "x":${'['.repeat(62)}${']'.repeat(62)}, "\xf0\x9f\x98\x80":[1e5,-0.0,null,true,{"x":{}}]}\n`;
	assert.equal((await s.call('PATCH', `${jobs}/${job.id}`, bytes(odd))).json.state, 'Aborted');
}));

test('members of the wrong type are refused', () => survives(async (s) => {
	const job = await s.createJob('things');
	const wrong = [null, true, false, 0, 1.5, [], ['things'], {}, { object: 'things' }, '', ' ', 'x'.repeat(60000), '\u{1F600}', '../', '%00', "'; drop table job; --", '\u0001', ' things', 'things '];
	const full = {
		[`POST ${jobs}`]: { object: 'things', sourceName: 'shop', operation: 'upsert' },
		[`PATCH ${jobs}/${job.id}`]: { state: 'Aborted' },
		'POST /api/v2/query': { sql: 'select 1' },
		'PUT /api/v1/connectors/shop/streams/things': { primaryKey: 'id', category: 'Profile', recordModifiedField: null, eventTimeField: null, refreshMode: 'Upsert' },
	};
	const optional = ['category', 'recordModifiedField', 'eventTimeField', 'refreshMode'];
	for (const [route, body] of Object.entries(full))
		for (const member of Object.keys(body))
			for (const value of wrong) {
				const [method, path] = route.split(' ');
				const answer = await s.call(method, path, { ...body, [member]: value });
				if (optional.includes(member) && (value === null || (value === '' && /Field$/.test(member))))
					assert.equal(answer.status, 200, `${route} ${member} ${JSON.stringify(value)}`);	// as if it were not there
				else
					assertRefused(answer, ['object', 'sourceName'].includes(member) && typeof value === 'string' ? 404 : 400, `${route} ${member} ${JSON.stringify(value).slice(0, 80)}`);
			}
	assert.equal((await s.job(job.id)).state, 'Open');
}));

test('what is no schema document is refused', () => survives(async (s) => {
	const good = JSON.stringify({ openapi: '3.0.3', components: { schemas: { o: { type: 'object', properties: { id: { type: 'string' } } } } } });
	const bodies = [
		'', ' ', 'x', '[]', '{}', 'null', '1', '- a\n- b', 'a: b: c', '\tx: 1', 'openapi: 3.0.3', '{"openapi":"3.0.3"}', '{"openapi":"3.0.3","components":{}}', '{"openapi":"3.0.3","components":{"schemas":{}}}', '{"openapi":"3.0.3","components":{"schemas":[]}}',
		good.replace('3.0.3', '2.0'), good.replace('3.0.3', '3.1.0'), good.replace('"3.0.3"', '3'), good.replace('"3.0.3"', 'null'), good.replace('"3.0.3"', '[]'), good.replace('"string"', '"array"'), good.replace('"string"', '1'), good.replace('{"type":"string"}', '[]'), good.replace('{"type":"string"}', 'null'),
		good.replace('"o"', '"o/p"'), good.replace('"o"', '""'), good.replace('"o"', `"${'o'.repeat(81)}"`), good.replace('"id"', '"a__b"'), good.replace('"id"', '"date_id"'), good.replace('"id"', '"\u00e9"'),
		good.slice(0, -1), `${good}}`, `${good}\n---\n${good}`, `\0${good}`, `${good}\xff`, '&a [*a, *a]', 'a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]', '[[[['.repeat(20000), '{a: '.repeat(20000), '- '.repeat(50000), '? '.repeat(50000), '!!python/object:x {}', '%YAML 9.9\n---\n{}', '*nothing', '"\\x', '>', '|', '---', '...', '{"a":"\\ud800"}',
		'a: &a [x,x,x,x,x,x,x,x,x]\n' + 'bcdefghijk'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefghij'[i]}`).join()}]\n`).join(''),
	];
	for (const body of bodies)
		assertRefused(await s.call('PUT', '/api/v1/connectors/fresh', bytes(body)), 400, body.slice(0, 100));
	await s.must(404, 'GET', '/api/v1/connectors/fresh');
	for (const name of ['a%20b', 'a%2Fb', '%C3%A9', 'a.b', 'x'.repeat(81), "a'b", '%27%3B', '~sluice', 'main', 'information_schema', 'pg_catalog', 'temp', 'system', 'LAKE'])
		assertRefused(await s.call('PUT', `/api/v1/connectors/${name}`, good), 400, name);
	assert.deepEqual((await s.must(200, 'GET', '/api/v1/connectors')).json.connectors.map((c) => c.name), ['shop']);
}));

test('an id that is none is 404, or 400 when its escapes are broken', () => survives(async (s) => {
	const job = await s.createJob('things');
	const odd = {
		404: ['x', '0', nobody, `${job.id}x`, job.id.slice(0, -1), `${job.id}%20`, '..', '.', '%2e%2e', '..%2F..%2Fcatalog.sqlite', '%2F', '%2Fetc%2Fpasswd', '%5C', '*', '%25', '%25s%25n', '%22', "'", "'%20or%20'1'='1", '%0A', '%0D%0AX:%20y', '%7F', '%01', '%E2%82%AC', '%FF', '%C0%80', '\xff\xfe',
			'x'.repeat(300), 'x'.repeat(8000), '%41'.repeat(2500), ':', ';', '@', '{id}', '[]', '<b>', '~', '$', '+', '&', '=', '!', ',', '(', '-', '_'],
		400: ['%00', `${job.id}%00`, '%', '%Z', '%ZZ', '%4', 'a%', '%%', '%G0', '%0G', '%u0041', '\x01', '\x7f', 'a\tb'],
	};
	const routes = [['GET', ''], ['PATCH', '', '{"state":"Aborted"}'], ['DELETE', ''], ['PUT', '/batches', 'id\n'], ['GET', '/batches'], ['GET', '/failedResults']];
	await withWire(s, async (first) => {
		let wire = first;
		for (const [status, ids] of Object.entries(odd))
			for (const id of ids)
				for (const [method, tail, body = ''] of routes) {
					// A refused upload ends its connection.
					if (wire.ended)
						wire = await Wire.connect(s);
					await wire.send(bytes(`${method} ${jobs}/${id}${tail} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Type: text/csv\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
					const answer = await wire.answer();
					if (answer.headers.connection === 'close')
						await wire.rest();
					// ".." and "." are names like any other, and what stands behind "?" or "#" is not the path's.
					assertRefused(answer, Number(status), `${method} ${id.slice(0, 50)} ${tail}`);
				}
		wire.cut(false);
	});
	assert.equal((await s.job(job.id)).state, 'Open');
}));

test('an unknown path is 404, with a token; without one it is 401', () => survives(async (s) => {
	const paths = ['/', '//', '/x', '/api', '/api/', '/api/v1', '/api/v1/ingest', '/api/v2/ingest/jobs', '/API/v1/ingest/jobs', '/api/v1/ingest/job', `${jobs}/x/y`, `${jobs}/x/batches/1`, `${jobs}/x/failedresults`, '/api/v1/connectors/shop/streams', '/api/v1/connectors/shop/streams/things/x',
		'/healthz/x', '/api%2Fv1%2Fingest%2Fjobs', '/a'.repeat(17), '/a'.repeat(4000), `/${'a'.repeat(8000)}`, '/api/../api/v1/ingest/jobs', '/./api/v1/ingest/jobs', '/.git/config', '/etc/passwd', '/favicon.ico'];
	for (const path of paths)
		for (const method of ['GET', 'POST', 'DELETE']) {
			const ask = (token) => exchange(s, `${method} ${path} HTTP/1.1\r\nHost: x\r\n${token}Content-Length: 2\r\n\r\n{}`);
			assertRefused(await ask(`Authorization: Bearer ${s.token}\r\n`), 404, `${method} ${path.slice(0, 50)}`);
			assertRefused(await ask(''), 401, `${method} ${path.slice(0, 50)}`);
		}
	for (const target of ['*', 'x', 'x:80', 'ftp://x/healthz'])
		assertRefused(await exchange(s, `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`), 404, target);
	assert.equal((await exchange(s, 'GET http://elsewhere/healthz HTTP/1.1\r\nHost: x\r\n\r\n')).status, 200);
}));

test('a method that a resource lacks is 405 and told which it has', () => survives(async (s) => {
	const job = await s.createJob('things');
	const has = {
		'/healthz': 'GET, HEAD', '/readyz': 'GET, HEAD', [jobs]: 'GET, HEAD, POST', [`${jobs}/${job.id}`]: 'GET, HEAD, PATCH, DELETE', [`${jobs}/${job.id}/batches`]: 'GET, HEAD, PUT', [`${jobs}/${job.id}/failedResults`]: 'GET, HEAD',
		'/api/v2/query': 'POST', '/api/v1/connectors': 'GET, HEAD', '/api/v1/connectors/shop': 'GET, HEAD, PUT, DELETE', '/api/v1/connectors/shop/streams/things': 'GET, HEAD, PUT',
	};
	for (const [path, allow] of Object.entries(has)) {
		const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'get', 'GETS', 'X', `${'M'.repeat(5000)}`, 'G%45T', "'"];
		for (const method of all.filter((m) => !allow.split(', ').includes(m)))
			await withWire(s, async (wire) => {
				await wire.head(s, method, path);
				const answer = await wire.answer(method === 'HEAD');
				assert.equal(answer.headers.allow, allow, `${method} ${path}`);
				if (method === 'HEAD')
					assert.equal(answer.status, 405, path);
				else
					assertRefused(answer, 405, `${method} ${path}`);
			});
	}
	for (const path of ['/healthz', jobs, `${jobs}/${job.id}`, '/api/v1/connectors/shop']) {
		const [get, head] = [await s.call('GET', path), await s.call('HEAD', path)];
		assert.deepEqual([head.status, head.text, head.headers.get('content-length')], [200, '', String(get.text.length)], path);
	}
	assert.equal((await s.job(job.id)).state, 'Open');
}));

test('a body may be as long as its route says, and not a byte longer, with a length or chunked', () => survives(async (s) => {
	const job = await s.createJob('things');
	const routes = [
		['POST', jobs, '{"object":"things","sourceName":"shop","operation":"upsert"}', 65536, 201], ['PATCH', `${jobs}/${job.id}`, '{"state":"Aborted"}', 65536, 200], ['PUT', '/api/v1/connectors/shop/streams/things', '{"primaryKey":"id"}', 65536, 200],
		['POST', '/api/v2/query', '{"sql":"select 1"}', 1048576, 200], ['PUT', '/api/v1/connectors/ecomm', ecommSchema, 4194304, 201],
		['GET', jobs, '', 65536, 200], ['GET', '/healthz', '', 65536, 200], ['DELETE', '/api/v1/connectors/ecomm', '', 65536, 204],
	];
	for (const [method, path, text, most, good] of routes) {
		const body = (length) => Buffer.concat([Buffer.from(text), Buffer.alloc(length - Buffer.byteLength(text), method === 'PUT' && path.endsWith('ecomm') ? '\n' : ' ')]);
		const send = (length, isChunked) => withWire(s, async (wire) => {
			await wire.head(s, method, path, isChunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': length });
			if (isChunked) {
				await wire.chunk(body(length));
				await wire.send('0\r\n\r\n');
			} else if (length <= most) {	// else the answer comes before the body
				await wire.send(body(length));
			}
			return wire.answer();
		});
		for (const isChunked of [false, true]) {
			const answer = await send(most + 1, isChunked);
			assertRefused(answer, 413, `${method} ${path} ${isChunked}`);
			assert.match(answer.json.message, new RegExp(`\\b${most}\\b`));
		}
		assert.equal((await send(most, false)).status, good, `${method} ${path}`);
		if (good === 200)
			assert.equal((await send(most, true)).status, good, `${method} ${path}, chunked`);
	}
}));

test('query parameters may be anything', () => survives(async (s) => {
	const job = await s.createJob('things');
	const fine = ['?', '?&', '?&&&=', '?=', '?x', '?x=1&x=2', '?%', '?%ZZ=%ZZ', '?%00=%00', `?${'x'.repeat(8000)}`, `?${'&'.repeat(1000)}`, `?${'a=b&'.repeat(1000)}`, '?x=\xff\xfe', '??', '?/../', '?limit=&offset=', '?object=%00', '?object=%FF&sourceName=\xff', "?object=' or 1=1 --".replaceAll(' ', '+')];
	const bad = ['?limit=0', '?limit=101', '?limit=-1', '?limit=1e1', '?limit=0x1', '?limit=%00', '?limit=99999999999999999999', '?limit=1&limit=x&limit'.replace('1', 'x'), '?offset=-1', '?offset=x', '?orderBy=x', '?orderBy=createdDate+x', '?orderBy=%00', '?states=x', '?states=Open,,Failed', '?states=open', `?states=${'Open,'.repeat(1600)}x`];
	for (const query of fine)
		assert.equal((await exchange(s, bytes(`GET ${jobs}${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`)))?.status, 200, query.slice(0, 60));
	for (const query of bad)
		assertRefused(await s.call('GET', jobs + query), 400, query.slice(0, 60));
	for (const wait of ['-1', '61', 'x', '1.5', '%00', '99999999999999999999', ' 1', '0x1'])
		assertRefused(await s.call('GET', `${jobs}/${job.id}?wait=${encodeURIComponent(wait)}`), 400, wait);
}));

test('tokens and headers may be anything', () => survives(async (s) => {
	for (const value of ['', 'Bearer', 'Bearer ', `Bearer  ${'x'.repeat(8000)}`, 'Bearer \xff\xfe', 'Bearer %00', `bearer ${s.token}\t${s.token}`, `Bearer ${s.token},Bearer ${s.token}`, `Bearer ${s.token} x`, `Bearer "${s.token}"`, `Basic ${Buffer.from(`x:${s.token}`).toString('base64')}`, 'Digest x', '=', ','])
		assertRefused(await exchange(s, bytes(`GET ${jobs} HTTP/1.1\r\nHost: x\r\nAuthorization: ${value}\r\n\r\n`)), 401, value.slice(0, 40));
	const job = await s.createJob('things');
	for (const headers of ['Accept: \xff', 'Content-Type: \xff/\xff;;;=', `Content-Type: ${'x'.repeat(8000)}`, 'Content-Type: text/csv\r\nContent-Type: application/json', 'Connection: \xff, close, keep-alive', 'If-None-Match: *', 'Range: bytes=0-1', 'Accept-Encoding: *;q=0', 'Cookie: a=b; c', `X-${'y'.repeat(8000)}: z`, 'Upgrade: h2c\r\nConnection: Upgrade', 'Trailer: Content-Length', 'Content-Encoding: br'])
		assert.ok([200, 415].includes((await exchange(s, bytes(`GET ${jobs}/${job.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n${headers}\r\n\r\n`)))?.status), headers.slice(0, 40));
}));

test('CSV that is none fails the job or its records, with a reason', () => survives(async (s) => {
	await s.setUpThings({ id: 'string', alpha: 'string', beta: 'date', gamma: 'boolean' }, { primaryKey: 'id' }, 'wide');
	const header = (count) => ['id', 'n', ...Array.from({ length: count - 2 }, (_, i) => `c${i}`)].join();
	// [part, state, processed, failed, errorMessage]
	const cases = [
		['x\n1\n', 'Failed', 0, 0, /"id", "n"/], ['id,n,id\n1,2,3\n', 'Failed', 0, 0, /"id" twice/], ['"id,n\na,1\n', 'Failed', 0, 0, /line 1\b/], ['id,n\na,1\nb,1\n"c,1\nd,1\n', 'Failed', 0, 0, /line 4\b/],
		['id,n\ra,1\rb,2\r', 'Failed', 0, 0, /CR without LF/], ['\0'.repeat(100000), 'Failed', 0, 0, /"id", "n"/], [Buffer.from('\ufeffid,n\na,1\n', 'utf16le'), 'Failed', 0, 0, /./], [bytes('\x1f\x8b\x08\0\0\0\0\0'), 'Failed', 0, 0, /./], ['{"id":"a"}\n', 'Failed', 0, 0, /./],
		[`${header(17000)}\n`, 'Failed', 0, 0, /16384 columns/], [`${header(400000)}\n`, 'Failed', 0, 0, /16384 columns/], [`id,n,${'x'.repeat(17 << 20)}\na,1,2\n`, 'Failed', 0, 0, /./],
		['\ufeff', 'JobComplete', 0, 0], ['\n\r\n\n', 'JobComplete', 0, 0], ['\ufeff\n\n', 'JobComplete', 0, 0], ['id,n', 'JobComplete', 0, 0],
		[`${header(10000)}\nwide,1${',x'.repeat(9998)}\n`, 'JobComplete', 1, 0], [`id,n\n${'f'.repeat(15000000)},1\n`, 'JobComplete', 1, 0], [`id,n\n${'f'.repeat(17 << 20)},1\nafter,1\n`, 'JobComplete', 2, 1],
		['id,n\nshort\na,1,2\n,,,\nb,1\n', 'JobComplete', 4, 3], [bytes('id,n\n\xff,1\n\xc0\x80,1\n\xed\xa0\x80,1\n\xf4\x90\x80\x80,1\n\xe2\x82,1\nb,1\n'), 'JobComplete', 6, 5], ['id,n\na\0b,1\n\0,1\nb,1\0\nb,1\n', 'JobComplete', 4, 3],
	];
	for (const [part, state, processed, failed, message] of cases) {
		const end = await s.load('things', part);
		const what = String(part).slice(0, 40);
		assert.deepEqual([end.state, end.numberRecordsProcessed, end.numberRecordsFailed], [state, processed, failed], `${what}: ${end.errorMessage}`);
		if (message)
			assert.match(end.errorMessage, message, what);
		else
			assert.equal(end.errorMessage, null);
	}
	const lacking = await s.load('things', 'gamma\n1\n', 'upsert', 'wide');
	assert.match(lacking.errorMessage, /"id", "alpha", "beta"/);
	assert.deepEqual(await s.sql('select length(id), n from shop.things where length(id) > 10'), [[15000000, '1.000000000000000000']]);
	for (const [part, processed, failed] of [['a,b,c\n', 1, 1], [bytes('\xff\n'), 1, 1], ['\0\n', 1, 1], ['id\n', 1, 1], ['nothing\n', 1, 0], ['\n\n', 0, 0]])
		assert.deepEqual(await s.load('things', part, 'delete').then((j) => [j.state, j.numberRecordsProcessed, j.numberRecordsFailed]), ['JobComplete', processed, failed], String(part));
	assert.equal((await s.load('things', '"a\n', 'delete')).state, 'Failed');
}));

test('bytes that are no HTTP are refused or their connection is ended', () => survives(async (s) => {
	const host = 'Host: x\r\n';
	const cases = [
		'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', '\0'.repeat(5000), '\xff'.repeat(5000), '\r\n\r\n\r\nx\r\n\r\n', 'x', 'GET', 'GET ', 'GET /healthz', 'GET /healthz\r\n\r\n', 'GET  HTTP/1.1\r\n\r\n', `GET /healthz HTTP/9.9\r\n${host}\r\n`, `GET /healthz http/1.1\r\n${host}\r\n`,
		`GET /healthz HTTP/1.1x\r\n${host}\r\n`, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET /healthz HTTP/1.1\r\n\r\n', `GET /healthz HTTP/1.1\r\n${host}${host}\r\n`, `GET /healthz HTTP/1.1\r\n${host}no colon\r\n\r\n`, `GET /healthz HTTP/1.1\r\n${host}X : y\r\n\r\n`, `GET /healthz HTTP/1.1\r\n X: y\r\n${host}\r\n`,
		`GET /healthz HTTP/1.1\r\n${host}X\0Y: z\r\n\r\n`, `GET /heal thz HTTP/1.1\r\n${host}\r\n`, 'G'.repeat(1000000), `GET /${'x'.repeat(1000000)} HTTP/1.1\r\n${host}\r\n`, `GET /healthz HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(100000)}\r\n`, `GET /healthz HTTP/1.1\r\n${host}X: ${'y'.repeat(1000000)}\r\n\r\n`, `GET /healthz HTTP/1.1\r\n${host}${'y'.repeat(1000000)}: x\r\n\r\n`,
		`GET /healthz HTTP/1.1\r\n${host}${' x\r\n'.repeat(100000)}\r\n`, '\n'.repeat(1000000), '\r'.repeat(100000), ' '.repeat(1000000),
	];
	await Promise.all(cases.map((text) => withWire(s, async (wire) => {
		await wire.send(bytes(text));
		const answer = await wire.answer();
		assert.ok(answer === null || (answer.status >= 400 && answer.status < 500) || answer.status === 505, `${JSON.stringify(text.slice(0, 50))}: ${answer?.status}`);
	})));
}, { args: ['--idle-timeout', '2'] }));

test('headers beyond the limit are 431', () => survives(async (s) => {
	for (const headers of ['X: y\r\n'.repeat(50000), `X: ${'y'.repeat(300000)}\r\n`])
		assert.equal((await exchange(s, `GET /healthz HTTP/1.1\r\nHost: x\r\n${headers}\r\n`))?.status, 431);
}));

test('a query of thousands of parameters is read like any other, up to the length of a target', () => survives(async (s) => {
	// A build that looks for leaks says so at its end.
	const ask = (query) => exchange(s, `GET ${jobs}?${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`);
	for (const query of ['&'.repeat(8000), 'a=b&'.repeat(2000), 'a&'.repeat(4000), '=&'.repeat(4000)]) {
		assert.equal((await ask(query))?.status, 200, query.slice(0, 10));
		assertRefused(await ask(`${query}&limit=0`), 400, query.slice(0, 10));
	}
	for (const query of ['&'.repeat(60000), 'a=b&'.repeat(20000), 'x'.repeat(100000)])
		assertRefused(await ask(query), 414, query.slice(0, 10));
}));

test('where a request ends is never in doubt: contradicting lengths are refused and nothing behind them is read', () => survives(async (s) => {
	const job = await s.createJob('things');
	const smuggled = `PATCH ${jobs}/${job.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Length: 19\r\n\r\n{"state":"Aborted"}`;
	const framings = [
		'Content-Length: 5\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nContent-Length: 5', 'Content-Length: 0\r\nTransfer-Encoding: chunked', 'Content-Length: 0\r\nContent-Length: 5', 'Content-Length: 5\r\nContent-Length: 0', 'Content-Length: 0\r\nContent-Length: 0', 'Content-Length: 0\r\ncontent-length: 7',
		'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked;q=1', 'Transfer-Encoding: "chunked"', 'Transfer-Encoding:', 'Transfer-Encoding : chunked', 'Content-Length : 0', 'Transfer-Encoding: chunked\r\n ,identity',
		...['+0', '-0', '-1', '0x0', '0,0', '0 0', '', '00 ,', '99999999999999999999', '18446744073709551616', '1e0', '\xb2', '0;', '0\0'].map((length) => `Content-Length: ${length}`),
	];
	for (const framing of framings)
		for (const path of [jobs, `${jobs}/${job.id}`, '/healthz', '/nowhere'])
			await withWire(s, async (wire) => {
				await wire.send(bytes(`POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n${framing}\r\n\r\n0\r\n\r\n${smuggled}`));
				const all = await wire.rest();
				assert.match(all, /^(HTTP\/1\.1 4\d\d |$)/, JSON.stringify(framing));
				assert.ok(!all.includes('HTTP/1.1 200'), JSON.stringify(framing));
			});
	assert.equal((await s.job(job.id)).state, 'Open');
	// HTTP/1.0 knows no chunks.
	assertRefused(await exchange(s, `POST ${jobs} HTTP/1.0\r\nAuthorization: Bearer ${s.token}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), 400, 'chunks in 1.0');
}));

test('requests behind each other are answered in order, and garbage behind them ends the connection', () => survives(async (s) => {
	const job = await s.createJob('things');
	const requests = Array.from({ length: 60 }, (_, i) => [`GET /healthz`, `GET ${jobs}/${job.id}`, `GET /nowhere/${i}`, `GET ${jobs}/x${i}/batches`][i % 4]);
	await withWire(s, async (wire) => {
		await wire.send(requests.map((line) => `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`).join('') + '\x01\x02 garbage\r\n\r\n');
		for (let i = 0; i < requests.length; i++) {
			const answer = await wire.answer();
			assert.equal(answer.status, [200, 200, 404, 404][i % 4], requests[i]);
			if (i % 4 === 1)
				assert.equal(answer.json.id, job.id);
			if (i % 4 > 1)
				assert.equal(answer.json.path, `uri=${requests[i].slice(4)}`);
		}
		assert.match(await wire.rest(), /^(HTTP\/1\.1 400 |$)/);
	});
}));

test('requests that stop anywhere harm nobody, however they end', () => survives(async (s) => {
	const job = await s.createJob('things');
	const whole = [
		`GET ${jobs}/${job.id}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`,
		`POST ${jobs} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Length: 61\r\n\r\n{"object":"things","sourceName":"shop","operation":"nothing"}`,
		`PUT ${jobs}/${job.id}/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nid\n\r\n3\r\na,b\r\n`,
		`POST /api/v2/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Length: 41\r\n\r\n{"sql":"select count(*) from range(1000)"`,
	];
	const ends = [(wire) => wire.cut(true), (wire) => wire.cut(false), (wire) => wire.finish()];
	const wires = [];
	for (const text of whole)
		for (let length = 0; length <= text.length; length += 1 + Math.floor(length / 12))
			for (const end of ends) {
				const wire = await Wire.connect(s);
				wires.push(wire);
				await wire.send(text.slice(0, length));
				end(wire);
			}
	assert.equal((await s.call('GET', '/healthz')).status, 200);
	wires.forEach((wire) => wire.cut(false));
	assert.equal((await s.job(job.id)).numberParts, 0);
	assert.equal((await s.must(200, 'GET', jobs)).json.totalSize, 1);
}, { args: ['--idle-timeout', '2'] }));

test('half requests on 300 connections leave the others their service', () => survives(async (s) => {
	const job = await s.createJob('things');
	const wires = await Promise.all(Array.from({ length: 300 }, async (_, i) => {
		const wire = await Wire.connect(s);
		await wire.send([`GET /healthz HTTP/1.1\r\nHost: x\r\nX: `, '', `PUT ${jobs}/${job.id}/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\nid,n\n`][i % 3]);
		return wire;
	}));
	for (let i = 0; i < 5; i++)
		assert.equal((await s.load('things', `id,n\nk${i},${i}\n`)).state, 'JobComplete');
	assert.equal((await s.patch(job.id, 'Aborted')).status, 200);
	wires.forEach((wire, i) => wire.cut(i % 2 === 0));
}));

test('more connections than --connections wait, and it goes on when they leave, in the middle of whatever', () => survives(async (s) => {
	const line = (method, path) => `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n`;
	const query = `${line('POST', '/api/v2/query')}Content-Length: 99\r\n\r\n`;
	const texts = ['', 'GET /healthz HTTP/1.1\r\n', line('GET', '/healthz'), line('GET', jobs), query, `${query}{"sql":"select 1"}`];
	const holders = await Promise.all(Array.from({ length: 16 }, () => Wire.connect(s)));
	for (const wire of holders)
		await wire.send(texts[1]);
	// These are not looked at before all that they will ever send is there, their end with it.
	const waiting = await Promise.all(texts.flatMap((text) => Array.from({ length: 16 }, async () => {
		const wire = await Wire.connect(s);
		await new Promise((done) => wire.socket.end(text, done));
		return { wire, text };
	})));
	holders.forEach((wire) => wire.cut(false));
	for (const { wire, text } of waiting) {
		assert.equal(await wire.rest(), '');
		assert.ok(wire.socket.readableEnded || wire.socket.errored, `${JSON.stringify(text)}: the server let it wait beyond the test's patience`);
		wire.cut(false);
	}
}, { args: ['--connections', '16'] }));	// and an idle timeout beyond all patience
