// SPDX-License-Identifier: Apache-2.0
// A connection on which a test decides about every byte, for what no HTTP client would send.  Nothing here knows what is
// right: it sends, and reads the answers that come.
import net from 'node:net';
import tls from 'node:tls';

const patience_ms = 60000;	// nothing may take longer; a test that reaches it fails

export class Wire {
	static async connect(server) {
		const wire = new Wire();
		const { hostname, port } = new URL(server.url);
		const where = { host: hostname, port: Number(port), allowHalfOpen: true };
		wire.socket = server.caText ? tls.connect({ ...where, ca: server.caText, servername: 'localhost' }) : net.connect(where);
		wire.received = Buffer.alloc(0);
		wire.ended = wire.closed = false;
		wire.waiting = [];
		const ring = (change) => (value) => { change(value); wire.waiting.splice(0).forEach((done) => done()); };
		wire.socket.on('data', ring((bytes) => { wire.received = Buffer.concat([wire.received, bytes]); }));
		wire.socket.on('end', ring(() => { wire.ended = true; }));
		wire.socket.on('close', ring(() => { wire.ended = wire.closed = true; }));
		wire.socket.on('error', () => {});	// a reset is the end like any other
		wire.socket.on('drain', ring(() => {}));
		wire.socket.setTimeout(patience_ms, () => wire.socket.destroy());
		await new Promise((done, fail) => wire.socket.once(server.caText ? 'secureConnect' : 'connect', done).once('error', fail));
		return wire;
	}

	// The next thing that happens on the connection.
	next() {
		return new Promise((done) => { this.waiting.push(done); });
	}

	// Send, and wait until the kernel has it; false when the server does not take it any more.
	async send(bytes) {
		if (this.closed || this.socket.destroyed)
			return false;
		const taken = this.socket.write(bytes);
		while (!taken && this.socket.writableNeedDrain && !this.closed && !this.hasAnswer())
			await this.next();
		return !this.closed;
	}

	// The head of a request: a line, Host, the token, and what ${headers} says ({ name: value or [values] }, null: not that one).
	head(server, method, path, headers = {}) {
		const all = { Host: '127.0.0.1', Authorization: `Bearer ${server.token}`, ...headers };
		const lines = Object.entries(all).flatMap(([name, value]) => value === null ? [] : [].concat(value).map((v) => `${name}: ${v}`));
		return this.send(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
	}

	chunk(bytes, extension = '') {
		return this.send(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}${extension}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')]));
	}

	hasAnswer() {
		return this.received.indexOf('\r\n\r\n') >= 0;
	}

	// The next answer, interim ones (100) included: { status, headers, text, json }; null when the connection ends without one.
	// ${isHead}: it has no body, whatever its Content-Length says.
	async answer(isHead = false) {
		let end;
		while ((end = this.received.indexOf('\r\n\r\n')) < 0 && !this.ended)
			await this.next();
		if (end < 0)
			return null;
		const [line, ...rest] = this.received.subarray(0, end).toString('latin1').split('\r\n');
		const headers = Object.fromEntries(rest.map((h) => [h.slice(0, h.indexOf(':')).toLowerCase(), h.slice(h.indexOf(':') + 1).trim()]));
		this.received = this.received.subarray(end + 4);
		const status = Number(line.split(' ')[1]);
		const length = status < 200 || status === 204 || isHead ? 0 : Number(headers['content-length'] ?? Infinity);
		while (this.received.length < length && !this.ended)
			await this.next();
		const text = this.received.subarray(0, length).toString();
		this.received = this.received.subarray(Math.min(length, this.received.length));
		let json;
		try { json = JSON.parse(text); } catch { json = undefined; }
		return { status, headers, text, json };
	}

	// All that comes until the server ends the connection.
	async rest() {
		while (!this.ended)
			await this.next();
		return this.received.toString('latin1');
	}

	// Say that nothing more comes, and go on reading.
	finish() {
		this.socket.end();
	}

	// Go away: a reset, as when the other side's machine dies, or a plain close.
	cut(reset = true) {
		if (reset && this.socket.resetAndDestroy)
			this.socket.resetAndDestroy();
		else
			this.socket.destroy();
	}
}

// Run with a connection that is closed in the end.
export async function withWire(server, story) {
	const wire = await Wire.connect(server);
	try {
		return await story(wire);
	} finally {
		wire.cut(false);
	}
}

// One request of any bytes on a connection of its own; its answer, or null.
export function exchange(server, bytes) {
	return withWire(server, async (wire) => {
		await wire.send(bytes);
		return wire.answer();
	});
}

// Wait until ${check} says so.  Between two looks the server answers a request, so that it has had its turn.
export async function until(server, check, what) {
	for (const end = Date.now() + patience_ms; !check(); ) {
		if (Date.now() > end)
			throw new Error(`it never came to this: ${what}`);
		await exchange(server, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
	}
}
