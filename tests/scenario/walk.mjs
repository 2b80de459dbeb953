// SPDX-License-Identifier: Apache-2.0
// A walk over every route that src/api/routes.def has, with every method and every way in which a request can be wrong that is
// the same for all.  A new route is walked without anybody remembering; where it needs a body, the walk says that it lacks one.
// Every error is held against the wire's envelope, whoever asks, and every answer is kept in world.seen.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from './harness.mjs';
import { withWire } from './wire.mjs';

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'FROBNICATE'];
export const nobody = '00000000-0000-4000-8000-000000000000';
const beginnings = {
	404: "The requested resource doesn't exist: ",
	409: 'The request conflicts with current state of the target resource: ',
	413: 'The request entity is too large: the limit is ',
	414: 'The request target is too long: the limit is 8192 bytes',
	431: "The request's headers are too long: the limit is 8192 bytes for one and 16384 bytes for all.",
};

// --- What the source says -------------------------------------------------------------------------------------------

export function sources(folder) {
	return readdirSync(join(rootFolder, folder)).filter((file) => /\.(c|h|def)$/.test(file)).map((file) => readFileSync(join(rootFolder, folder, file), 'utf8')).join('\n');
}

const headers = ['base', 'schema', 'http', 'api'].map((folder) => sources(`src/${folder}`)).join('\n');

// A number, or the name of one.
function numberOf(text) {
	if (/^\d+$/.test(text))
		return Number(text);
	const [, value] = headers.match(new RegExp(`#define ${text}\\s+\\(?([0-9][0-9 *]*)\\)?$`, 'm')) ?? assert.fail(`what is ${text}?`);
	return value.split('*').reduce((product, factor) => product * Number(factor), 1);
}

const scopeNames = { SCOPE_INGEST: 'cdp_ingest_api', SCOPE_QUERY: 'cdp_query_api', SCOPE_ADMIN: 'api' };
const forms = {
	OPEN_BODY_ROUTE: ([most]) => ({ open: true, scopes: [], body: 'WHOLE', most }),
	OPEN_ROUTE: () => ({ open: true, scopes: [], body: 'NONE', most: '0' }),
	ROUTE: ([scopes, , body, most]) => ({ scopes, body, most }),
	UPLOAD_ROUTE: ([scopes, most]) => ({ scopes, body: 'STREAM', most }),
};

// Every route: { method, pattern, open, scopes: names, body: 'NONE' | 'WHOLE' | 'STREAM', most: bytes of a body }.
export const routes = readFileSync(join(rootFolder, 'src/api/routes.def'), 'utf8').split('\n').filter((line) => /^\w*ROUTE\(/.test(line)).map((line) => {
	const [, form, rest] = line.match(/^(\w+)\((.*)\)$/);
	const [method, pattern, ...more] = rest.split(/,\s*/).map((word) => word.replaceAll('"', ''));
	const route = { method, pattern, ...forms[form](more) };
	route.scopes = route.open || route.scopes === '0' ? [] : route.scopes.split(/\s*\|\s*/).map((name) => scopeNames[name] ?? assert.fail(`which scope is ${name}?`));
	route.most = route.body === 'NONE' ? numberOf('HTTP_DROPPED_BYTES_MAX') : numberOf(route.most);
	return route;
});
export const patterns = [...new Set(routes.map((route) => route.pattern))];
export const routeOf = (method, pattern) => routes.find((route) => route.pattern === pattern && route.method === (method === 'HEAD' ? 'GET' : method));
export const allowOf = (pattern) => ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => routeOf(method, pattern)).map((method) => method === 'GET' ? 'GET, HEAD' : method).join(', ');

// --- The world in which it walks ------------------------------------------------------------------------------------

const schema = JSON.stringify({ openapi: '3.0.3', components: { schemas: { things: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'number' } } } } } });

// What is right for a route that is no plain GET: the body, its type, the status, and what its parameters are to name: a job in
// that state, or a connector without jobs.
const form = { type: 'application/x-www-form-urlencoded', notJson: true, isForm: true };
const right = {
	'POST /api/v1/ingest/jobs': { body: '{"object":"things","sourceName":"shop","operation":"upsert"}', status: 201 },
	'PATCH /api/v1/ingest/jobs/{id}': { body: '{"state":"Aborted"}', status: 200 },
	'DELETE /api/v1/ingest/jobs/{id}': { job: 'Aborted', status: 204 },
	'PUT /api/v1/ingest/jobs/{id}/batches': { body: 'id,n\na,1\n', type: 'text/csv', status: 202 },
	'GET /api/v1/ingest/jobs/{id}/failedResults': { job: 'Aborted', status: 200 },
	'POST /api/v1/ingest/sources/{connector}/{object}': { body: '{"data":[{"id":"a","n":1}]}', status: 202 },
	'DELETE /api/v1/ingest/sources/{connector}/{object}': { body: '{"ids":["a"]}', status: 202 },
	'POST /api/v1/ingest/sources/{connector}/{object}/actions/test': { body: '{"data":[{"id":"a","n":1}]}', status: 200 },
	'POST /api/v2/query': { body: '{"sql":"select 1"}', status: 200 },
	'POST /api/v2/query/{nextBatchId}': { status: 200 },
	'POST /api/v1/query': { body: '{"sql":"select 1"}', status: 200 },
	'POST /services/oauth2/userinfo': { status: 200 },
	// {secret} and {core} are filled in by the world.  Behind pad= may stand whatever a story adds.
	'POST /services/oauth2/token': { ...form, body: 'grant_type=client_credentials&client_id=walker&client_secret={secret}&pad=', status: 200 },
	'POST /services/a360/token': { ...form, body: 'grant_type=urn:salesforce:grant-type:external:cdp&subject_token={core}&pad=', status: 200 },
	'POST /services/oauth2/revoke': { ...form, body: 'token=none&pad=', status: 200 },
	'GET /services/oauth2/revoke': { query: '?token=none', status: 200 },
	'GET /services/data/{version}/query': { query: '?q=SELECT+Id+FROM+Organization', status: 200 },
	'PUT /api/v1/connectors/{name}': { body: schema, type: 'application/json', status: 200, notJson: true, creates: true },
	'DELETE /api/v1/connectors/{name}': { connector: 'fresh', status: 204 },
	'PUT /api/v1/connectors/{name}/streams/{object}': { body: '{"primaryKey":"id"}', status: 200 },
	'POST /api/v1/test/faults': { body: '{"path":"/never","delayMs":1}', status: 201 },
	'DELETE /api/v1/test/faults': { status: 204 },
	'DELETE /api/v1/test/faults/{id}': { status: 204 },
	'POST /api/v1/test/clock': { body: '{"advanceSeconds":0}', status: 200 },
};
// The routes that are there with --test-controls on only.
const isControl = (pattern) => pattern.startsWith('/api/v1/test/');

export const rightOf = (route) => right[`${route.method} ${route.pattern}`] ??
	(route.method === 'GET' ? { status: 200 } : assert.fail(`tests/scenario/walk.mjs: tell in "right" what a right ${route.method} ${route.pattern} is`));

export class World {
	static async make(server) {
		const world = new World();
		world.server = server;
		world.seen = [];
		world.tokens = Object.fromEntries(Object.values(scopeNames).map((scope) => [scope, server.makeToken(`only ${scope}`, scope)]));
		await server.setUpThings({ id: 'string', n: 'number' });
		world.secret = server.makeApp('walker', ['--client-id', 'walker']).clientSecret;
		world.core = (await server.logIn({ client_id: 'walker', client_secret: world.secret })).access_token;
		world.open = await server.createJob('things');
		return world;
	}

	// The path of a pattern, with what a right request of ${route} needs.
	async path(pattern, route) {
		const { job, connector } = route ? rightOf(route) : {};
		let id = this.open.id;
		if (isControl(pattern))
			id = await this.onlyRule();
		else if (pattern.includes('{id}') && route && route.method !== 'GET' || job) {
			({ id } = await this.server.createJob('things'));
			if (job)
				await this.server.patch(id, job);
		}
		if (connector)
			await this.server.call('PUT', `/api/v1/connectors/${connector}`, schema);
		if (pattern.includes('{nextBatchId}') && route)	// good once
			id = (await this.server.must(200, 'POST', '/api/v2/query', { sql: 'select 1 from range(10001)' })).json.nextBatchId;
		if (pattern.includes('{userId}') || pattern.includes('/User/'))
			id = await this.userId();
		return (pattern + (route ? rightOf(route).query ?? '' : '')).replace('{organizationId}/{userId}', this.identity).replace('{version}', 'v60.0').replace('{id}', id).replace('{nextBatchId}', id).replace('{connector}', 'shop').replace('{name}', connector ?? 'shop').replace('{object}', 'things');
	}

	// That of the server's own token.
	async userId() {
		const { organization_id, user_id } = (await this.server.must(200, 'GET', '/services/oauth2/userinfo')).json;
		this.identity = `${organization_id}/${user_id}`;
		return user_id;
	}

	// Make the one rule that there is; its id.
	async onlyRule() {
		await this.server.call('DELETE', '/api/v1/test/faults');
		return (await this.server.call('POST', '/api/v1/test/faults', { path: '/never', delayMs: 1 })).json.id ?? 'f1';
	}

	// A request on a connection of its own.  ${token}: null for none; ${length}: what it says that its body has, without sending it.
	async ask(method, path, { token = this.server.token, type, body = '', length = body.length, headers = [], chunked = false } = {}, pattern = undefined) {
		const lines = [`${method} ${path} HTTP/1.1`, 'Host: x', ...headers];
		if (token !== null)
			lines.push(`Authorization: Bearer ${token}`);
		if (type)
			lines.push(`Content-Type: ${type}`);
		if (chunked)
			lines.push('Transfer-Encoding: chunked');
		else if (length > 0 || !['GET', 'HEAD'].includes(method))
			lines.push(`Content-Length: ${length}`);
		const bytes = Buffer.from(body, 'latin1');
		const answer = await withWire(this.server, async (wire) => {
			await wire.send(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), chunked ? Buffer.from(`${bytes.length.toString(16)}\r\n`) : Buffer.alloc(0), bytes, Buffer.from(chunked ? '\r\n0\r\n\r\n' : '')]));
			return wire.answer(method === 'HEAD');
		});
		const what = `${method} ${path.slice(0, 100)}`;
		assert.ok(answer, `${what}: no answer`);
		this.seen.push({ method, pattern, path, answer });
		if (answer.status >= 400)
			assertRefusal(answer, method, path, what);
		return answer;
	}

	// The same, and it must be ${status}.
	async must(status, method, path, options, pattern) {
		const answer = await this.ask(method, path, options, pattern);
		assert.equal(answer.status, status, `${method} ${path.slice(0, 100)} ${JSON.stringify(options ?? {}).slice(0, 200)}: ${answer.text}`);
		return answer;
	}

	// The body of a right request.
	bodyOf(route) {
		return rightOf(route).body?.replace('{secret}', this.secret).replace('{core}', this.core);
	}

	// A right request, changed by ${options}.
	async askRight(route, options = {}, change = (path) => path) {
		const { type } = rightOf(route), body = this.bodyOf(route);
		const [path, query] = (await this.path(route.pattern, route)).split('?');
		const changed = change(path, query ? query.length + 1 : 0);
		return this.ask(route.method, query ? `${changed}${changed.includes('?') ? '&' : '?'}${query}` : changed, { body, type, ...options }, route.pattern);
	}
}

export const names = {
	200: 'OK', 201: 'CREATED', 202: 'ACCEPTED', 204: 'NO_CONTENT', 304: 'NOT_MODIFIED', 400: 'BAD_REQUEST', 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 404: 'NOT_FOUND', 405: 'METHOD_NOT_ALLOWED', 408: 'REQUEST_TIMEOUT', 409: 'CONFLICT',
	413: 'PAYLOAD_TOO_LARGE', 414: 'URI_TOO_LONG', 415: 'UNSUPPORTED_MEDIA_TYPE', 429: 'TOO_MANY_REQUESTS', 431: 'REQUEST_HEADER_FIELDS_TOO_LARGE', 500: 'INTERNAL_SERVER_ERROR', 503: 'SERVICE_UNAVAILABLE', 505: 'HTTP_VERSION_NOT_SUPPORTED',
};

// Below these paths errors have a form of their own.
const checkOAuth = (answer, what) => {
	assert.deepEqual(Object.keys(answer.json), ['error', 'error_description'], what);
	assert.match(answer.json.error, /^[a-z_]+$/, what);
	assert.ok(answer.json.error_description.length > 10, what);
};
const ownForms = [
	{ prefix: '/services/oauth2/', check: checkOAuth },
	{ prefix: '/services/a360/', check: checkOAuth },
	{ prefix: '/services/data/', check: (answer, what) => {
		assert.deepEqual(answer.json.map((one) => Object.keys(one)), [['message', 'errorCode']], what);
		assert.match(answer.json[0].errorCode, /^[A-Z_]+$/, what);
		assert.ok(answer.json[0].message.length > 10, what);
	} },
];

// What an error says, in whichever form.
export const messageOf = ({ json }) => Array.isArray(json) ? json[0].message : json.error_description ?? json.message;

// Is it the wire's envelope, to the letter?
export function assertRefusal(answer, method, path, what) {
	assert.equal(answer.headers['content-type'], 'application/json;charset=UTF-8', what);
	if (answer.status === 401)
		assert.match(answer.headers['www-authenticate'], /^(Bearer( error="invalid_token")?|Basic realm="sluice")$/, what);
	if (answer.status === 503)
		assert.match(answer.headers['retry-after'], /^[1-9]\d*$/, what);
	if (method === 'HEAD') {
		assert.equal(answer.text, '', what);
		return;
	}
	assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.text)), what);
	const form = ownForms.find(({ prefix }) => `${path.split('?')[0].replace(/\/+/g, '/')}/`.startsWith(prefix));
	if (form) {
		form.check(answer, what);
		return;
	}
	const { timestamp, error, message, details, ...rest } = answer.json;
	assert.deepEqual(Object.keys(answer.json), ['timestamp', 'error', 'message', 'path', 'tenantId', 'internalErrorCode', 'details'], what);
	assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/, what);
	assert.ok(Math.abs(Date.parse(`${timestamp.slice(0, 23)}Z`) - Date.now()) < 60000, what);
	assert.equal(error, `${answer.status} ${names[answer.status]}`, what);
	assert.ok(message.length > 10 && message.startsWith(beginnings[answer.status] ?? ''), `${what}: ${message}`);
	assert.deepEqual(rest, { path: `uri=${path.split('?')[0].slice(0, 8192)}`, tenantId: 'a360/local', internalErrorCode: 'COMMON_ERROR_GENERIC' }, what);
	assert.ok(details !== null && typeof details === 'object' && !Array.isArray(details), what);
}

// --- The walk -------------------------------------------------------------------------------------------------------

const isOpen = (method, pattern) => routeOf(method, pattern)?.open === true;

export const walk = {
	'without a token every path and method is 401': async (w) => {
		for (const pattern of [...patterns, '/nowhere', '/']) {
			for (const method of methods.filter((m) => !isOpen(m, pattern)))
				for (const token of [null, 'wrong'])
					await w.must(401, method, await w.path(pattern), { token }, pattern);
			if (isOpen('GET', pattern))
				await w.must(200, 'GET', await w.path(pattern, routeOf('GET', pattern)), { token: null }, pattern);
		}
	},

	'a token without the scope is 403': async (w) => {
		for (const route of routes.filter((r) => r.scopes.length > 0))
			for (const [scope, token] of Object.entries(w.tokens).filter(([name]) => !route.scopes.includes(name))) {
				const answer = await w.must(403, route.method, await w.path(route.pattern), { token }, route.pattern);
				assert.ok(messageOf(answer).includes(route.scopes[0]), `${scope}: ${messageOf(answer)}`);
			}
		for (const route of routes.filter((r) => !r.open && r.scopes.length === 0))
			for (const token of Object.values(w.tokens))
				assert.equal((await w.askRight(route, { token })).status, rightOf(route).status);
	},

	'a method that a path lacks is 405 with Allow': async (w) => {
		for (const pattern of patterns)
			for (const method of methods.filter((m) => !routeOf(m, pattern))) {
				const answer = await w.must(405, method, await w.path(pattern), {}, pattern);
				assert.equal(answer.headers.allow, allowOf(pattern));
				if (method !== 'HEAD')
					assert.ok(messageOf(answer).startsWith(`${method} is not a method of this resource`), answer.text);
			}
	},

	'a right request is taken, by each route': async (w) => {
		for (const route of routes) {
			const answer = await w.askRight(route);
			assert.equal(answer.status, rightOf(route).status, `${route.method} ${route.pattern}: ${answer.text}`);
			if (answer.json)
				assert.equal(answer.headers['content-type'], 'application/json;charset=UTF-8');
		}
	},

	'a HEAD is a GET without its body': async (w) => {
		for (const route of routes.filter((r) => r.method === 'GET')) {
			const path = await w.path(route.pattern, route);
			const get = await w.must(rightOf(route).status, 'GET', path, {}, route.pattern);
			const again = path.includes('/query/') ? await w.path(route.pattern, route) : path;	// what is good once
			const head = await w.must(rightOf(route).status, 'HEAD', again, {}, route.pattern);
			assert.equal(head.headers['content-type'], get.headers['content-type'], route.pattern);
			if (route.pattern !== '/metrics')	// whose numbers move
				assert.equal(head.headers['content-length'], get.headers['content-length'], route.pattern);
			assert.equal(head.text, '', route.pattern);
		}
	},

	'JSON is taken under any Content-Type, a part only under its own': async (w) => {
		const types = [undefined, 'application/json', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded', 'text/plain', 'text/csvx', 'image/png; x=y', '/', '\xff'];
		for (const route of routes.filter((r) => !rightOf(r).isForm))
			for (const type of types)
				assert.equal((await w.askRight(route, { type })).status, route.body === 'STREAM' ? 415 : rightOf(route).status, `${route.method} ${route.pattern} as ${type}`);
		for (const route of routes.filter((r) => r.body === 'STREAM')) {
			assert.equal((await w.askRight(route, { type: 'Text/CSV ;charset=x' })).status, 202);
			assert.equal((await w.askRight(route, { headers: ['Content-Encoding: br'] })).status, 415);
		}
		for (const route of routes.filter((r) => r.pattern.includes('/ingest/sources/')))	// nothing is unpacked there
			assert.equal((await w.askRight(route, { headers: ['Content-Encoding: gzip'] })).status, 415);
	},

	'a form is taken as a form only': async (w) => {
		for (const route of routes.filter((r) => rightOf(r).isForm)) {
			for (const type of ['Application/X-WWW-Form-Urlencoded', `${form.type};charset=UTF-8`])
				assert.equal((await w.askRight(route, { type })).status, 200);
			for (const type of [undefined, 'application/json', 'text/plain', 'multipart/form-data; boundary=x'])
				assert.equal((await w.askRight(route, { type })).status, 400);
			const body = w.bodyOf(route), [first] = body.split('&');
			for (const bad of ['', ' ', 'nonsense', '{}', '&&&', `${body}&${first}`, first.split('=')[0], `${first.split('=')[0]}=`, '%00=%00'])
				assert.equal((await w.askRight(route, { body: bad })).json.error, 'invalid_request', `${route.pattern}: ${bad}`);
		}
	},

	'no body, and one that is not one JSON object, are 400': async (w) => {
		for (const route of routes.filter((r) => r.body === 'WHOLE' && !rightOf(r).isForm)) {
			const { body, notJson } = rightOf(route);
			const first = body.match(/^\{("\w+":("[^"]*"|\{.*\}|\[.*\]|\d+))/)[1];
			const wrong = ['', ' ', 'nonsense', '[]', 'null', '"x"', `{${first}`, `{"x":"\xff",${body.slice(1)}`, `{${first},${body.slice(1)}`];
			for (const bad of notJson ? wrong : [...wrong, `${body}x`, `${body}{}`, `\xef\xbb\xbf${body}`, `${body}\0`])
				await w.must(400, route.method, await w.path(route.pattern, route), { body: bad, type: 'application/json' }, route.pattern);
		}
	},

	'a request whose end is in doubt is 400': async (w) => {
		for (const route of routes)
			for (const headers of [['Content-Length: 0', 'Content-Length: 0'], ['Host: y'], ['X : y']])
				assert.equal((await w.askRight(route, { headers })).status, 400);
	},

	'a body of one byte more than its route takes is 413, and no sooner': async (w) => {
		for (const route of routes) {
			const path = await w.path(route.pattern, route), { type } = rightOf(route);
			for (const over of [1, 1000000000000]) {
				const answer = await w.must(413, route.method, path, { type, length: route.most + over }, route.pattern);
				assert.ok(messageOf(answer).includes(`the limit is ${route.most} bytes`), answer.text);
			}
			if (route.most > 4194304)
				continue;
			await w.must(413, route.method, path, { type, body: ' '.repeat(route.most + 1), chunked: true }, route.pattern);
			const body = w.bodyOf(route) ?? '';
			assert.equal((await w.askRight(route, { body: body + ' '.repeat(route.most - body.length) })).status, rightOf(route).status, `${route.method} ${path}`);
		}
	},

	'a target of 8,193 bytes is 414, and one of 8,192 is not': async (w) => {
		for (const route of routes) {
			const pad = (length) => (path, more) => `${path}?x=${'y'.repeat(length - path.length - more - 3)}`;
			assert.equal((await w.askRight(route, {}, pad(8193))).status, 414);
			assert.equal((await w.askRight(route, {}, pad(8192))).status, rightOf(route).status);
		}
		await w.must(414, 'GET', `/${'z'.repeat(8192)}`, { token: null });
	},

	'headers that are too long are 431, before the token is looked at': async (w) => {
		const header = (length) => `X-Y: ${'z'.repeat(length - 7)}`;	// with the four bytes around it
		for (const route of routes) {
			assert.equal((await w.askRight(route, { headers: [header(8192)] })).status, rightOf(route).status);
			for (const headers of [[header(8193)], [header(8192), header(8192)]])
				assert.equal((await w.askRight(route, { headers, token: null })).status, 431);
		}
	},

	'unknown and empty query parameters, repeated slashes and one at the end change nothing': async (w) => {
		const changes = [(p) => `${p}?`, (p) => `${p}?nothing=1&x&=&&&%zz=%zz`, (p) => `${p}?limit=&offset=&orderBy=&states=&wait=&sourceName=&object=`, (p) => `${p}/`, (p) => `${p}///`, (p) => p.replaceAll('/', '//'), (p) => `http://elsewhere${p}`];
		for (const route of routes)
			for (const change of changes)
				assert.equal((await w.askRight(route, {}, change)).status, rightOf(route).status, change(route.pattern));
	},

	'what a path names and is not there is 404': async (w) => {
		const odd = [nobody, 'nothing', '%20', '..', "'", '%2F', 'x'.repeat(4000)];
		for (const route of routes.filter((r) => r.pattern.includes('{')))
			for (const name of route.pattern.match(/\{\w+\}/g))
				for (const value of odd.filter(() => !rightOf(route).creates)) {
					const pattern = route.pattern.replace(name, value);
					await w.must(404, route.method, await w.path(pattern), rightOf(route), route.pattern);
				}
		for (const [object, sourceName] of [['things', 'nowhere'], ['nothing', 'shop']])
			await w.must(404, 'POST', '/api/v1/ingest/jobs', { body: JSON.stringify({ object, sourceName, operation: 'upsert' }) }, '/api/v1/ingest/jobs');
		for (const path of ['/', '/nowhere', '/api/v1', '/api/v1/ingest/jobs/x/y/z', '/healthz/x', '*'])
			for (const method of methods)
				await w.must(404, method, path);
	},

	'a path with broken escapes, or a NUL, is 400': async (w) => {
		for (const route of routes.filter((r) => r.pattern.includes('{')))
			for (const value of ['%', '%zz', '%4', '%00', 'a%00b'])
				await w.must(400, route.method, await w.path(route.pattern.replace(/\{\w+\}/, value)), rightOf(route), route.pattern);
	},

	'what the state of a thing forbids is 409': async (w) => {
		const job = async (state) => {
			const { id } = await w.server.createJob('things');
			if (state)
				await w.server.patch(id, state);
			return `/api/v1/ingest/jobs/${id}`;
		};
		const jobs = '/api/v1/ingest/jobs/{id}', connector = '/api/v1/connectors/{name}', stream = `${connector}/streams/{object}`;
		await w.must(409, 'DELETE', await job(), {}, jobs);
		await w.must(409, 'PATCH', await job('Aborted'), { body: '{"state":"UploadComplete"}' }, jobs);
		await w.must(409, 'PUT', `${await job('Aborted')}/batches`, { body: 'id\n', type: 'text/csv' }, `${jobs}/batches`);
		await w.must(409, 'GET', `${await job()}/failedResults`, {}, `${jobs}/failedResults`);
		await w.must(409, 'DELETE', '/api/v1/connectors/shop', {}, connector);
		await w.must(409, 'PUT', '/api/v1/connectors/shop', { body: schema.replace('"n":', '"m":') }, connector);
		await w.must(409, 'PUT', '/api/v1/connectors/shop/streams/things', { body: '{"primaryKey":"n"}' }, stream);
		const faults = '/api/v1/test/faults', rule = { body: rightOf({ method: 'POST', pattern: faults }).body };
		await w.must(204, 'DELETE', faults, {}, faults);
		for (let i = 0; i < 100; i++)
			await w.must(201, 'POST', faults, rule, faults);
		await w.must(409, 'POST', faults, rule, faults);
	},
};

// A server that was started without --test-controls: whoever may use them is told so, whatever he sends.
export async function walkWithoutControls(w) {
	const controls = routes.filter((r) => isControl(r.pattern));
	assert.ok(controls.length >= 7);
	for (const route of controls) {
		for (const options of [{}, ...route.body === 'NONE' ? [] : [{ body: '' }, { body: 'nonsense' }]]) {
			const answer = await w.askRight(route, options);
			assert.deepEqual([answer.status, answer.json.message],
				[404, "The requested resource doesn't exist: the test controls are off; start the server with --test-controls on."], `${route.method} ${route.pattern}`);
		}
		assert.equal((await w.askRight(route, { token: null })).status, 401);
		assert.equal((await w.askRight(route, { token: w.tokens.cdp_ingest_api })).status, 403);
		assert.equal((await w.askRight(route, { length: route.most + 1 })).status, 413);
	}
	for (const pattern of new Set(controls.map((r) => r.pattern)))
		assert.equal((await w.must(405, 'PATCH', await w.path(pattern), {}, pattern)).headers.allow, allowOf(pattern));
}
