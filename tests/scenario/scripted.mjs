// SPDX-License-Identifier: Apache-2.0
// The other half of the harness: a server that answers as a story wants it to, and the command line run against it.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { program } from './harness.mjs';

// answer(request, count) is given { method, path, body, at } and how many came before it; it returns { status, json, headers },
// or 'cut' to end the connection without an answer, or a promise of these.  Resolves to { url, requests, next(), close() }; next()
// resolves when one more request has come than at its last call, and rejects when the program ends before.
export async function scripted(answer) {
	const requests = [], waiting = [];
	let seen = 0, underWay = 0;
	const wake = (error) => waiting.splice(0).forEach(({ done, fail }) => (error ? fail(error) : done()));
	const server = createServer(async (message, reply) => {
		const pieces = [];
		for await (const piece of message)
			pieces.push(piece);
		const text = Buffer.concat(pieces).toString();
		const request = { method: message.method, path: message.url, text, body: text && JSON.parse(text), at: performance.now(), others: underWay++ };
		requests.push(request);
		wake();
		const given = await answer(request, requests.length - 1);
		underWay--;
		if (given === 'cut')
			return message.socket.destroy();
		const { status = 202, json = { accepted: true }, headers = {} } = given ?? {};
		reply.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(json));
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		requests,
		async next() {
			while (requests.length <= seen)
				await new Promise((done, fail) => waiting.push({ done, fail }));
			return requests[seen++];
		},
		programEnded: () => wake(new Error('the program ended before one more request')),
		close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
	};
}

// Start the program (or another build of it) with ${args} against ${s} (anything with a url), its standard input open; child.result
// resolves at its end, to { code, signal, out, err }.  After half a minute it is killed.  run gives it ${input} and waits.
export function start(s, args, bin = program) {
	const child = spawn(bin, args, { env: { ...process.env, SLUICE_URL: s.url, SLUICE_TOKEN: s.token ?? 'none' }, timeout: 30000, killSignal: 'SIGKILL' });
	const result = { out: '', err: '' };
	child.stdout.on('data', (text) => { result.out += text; });
	child.stderr.on('data', (text) => { result.err += text; });
	child.stdin.on('error', () => {});	// it may end before it has read all
	child.result = once(child, 'close').then(([code, signal]) => {
		s.programEnded?.();
		return { code, signal, ...result };
	});
	return child;
}

export function run(s, args, input = '') {
	const child = start(s, args);
	child.stdin.end(input);
	return child.result;
}

// A story with a scripted server.
export async function withScript(answer, story) {
	const s = await scripted(answer);
	try {
		await story(s);
	} finally {
		await s.close();
	}
}
