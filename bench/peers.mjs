// SPDX-License-Identifier: Apache-2.0
// The servers that Sluice is compared with, each in its best known way (README.md says why it is that), on 127.0.0.1 in
// folders of their own.  What cannot be started is an Error that says why; the goal's row has it then.
import { accessSync, chmodSync, chownSync, constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { output, start, tool } from './bench.mjs';

const freePort = () => new Promise((done) => {
	const server = createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => done(port));
	});
});

// Asks until there is an answer: only for servers that do not say when they are ready.
async function untilItAnswers(what, server, ask) {
	for (let tries = 0; ; tries++) {
		try {
			return await ask();
		} catch (error) {
			if (tries === 300 || server.process.exitCode !== null)
				throw new Error(`${what} does not answer: ${server.problem() || error.message}`);
			await new Promise((done) => setTimeout(done, 20));
		}
	}
}

// --- HTTP ----------------------------------------------------------------------------------------------------------

// bare_epoll: { url, stop() }.  Files go to a folder of ${work}.
export async function startBare(work, answer = '') {
	const place = mkdtempSync(join(work, 'bare-')), server = start(tool('bare_epoll'), [place, answer]);
	return { url: `http://127.0.0.1:${await server.line()}`, place, stop: () => server.stop() };
}

// bare_mhd: { url, stop() }.
export async function startMhd(work, answer) {
	const server = start(tool('bare_mhd'), [answer]);
	return { url: `http://127.0.0.1:${await server.line()}`, stop: () => server.stop() };
}

// nginx: { url, dav(name), stop() }.  GET /answer gives ${answer}; PUT /dav/… keeps a file.
export async function startNginx(work, answer = '') {
	if (!existsSync('/usr/sbin/nginx'))
		throw new Error('no nginx; bench/install-peers installs it');
	const place = mkdtempSync(join(work, 'nginx-')), port = await freePort();
	mkdirSync(join(place, 'dav'));
	writeFileSync(join(place, 'nginx.conf'), `
		daemon off;
		${process.getuid() === 0 ? 'user root;' : ''}
		worker_processes ${cpus().length};
		pid ${place}/pid;
		error_log ${place}/error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			default_type application/json;
			keepalive_requests 1000000000;
			tcp_nodelay on;
			client_max_body_size 0;
			client_body_buffer_size 1m;
			client_body_temp_path ${place}/body;
			proxy_temp_path ${place}/proxy;
			fastcgi_temp_path ${place}/fastcgi;
			uwsgi_temp_path ${place}/uwsgi;
			scgi_temp_path ${place}/scgi;
			server {
				listen 127.0.0.1:${port} backlog=1024;
				location = /answer { return 200 '${answer}'; }
				location /dav/ { root ${place}; dav_methods PUT; create_full_put_path on; }
			}
		}`);
	const server = start('/usr/sbin/nginx', ['-p', place, '-e', join(place, 'error.log'), '-c', join(place, 'nginx.conf')]);
	server.process.endBy = 'SIGTERM';	// SIGKILL would leave its workers behind
	const url = `http://127.0.0.1:${port}`;
	await untilItAnswers('nginx', server, () => fetch(`${url}/answer`));
	return { url, place, stop: () => server.stop() };
}

// --- Databases -----------------------------------------------------------------------------------------------------

// PostgreSQL refuses to run as root.
function userOfPostgres() {
	if (process.getuid() !== 0)
		return {};
	for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
		const [name, , uid, gid] = line.split(':');
		if (name === 'postgres')
			return { uid: Number(uid), gid: Number(gid), env: { PATH: process.env.PATH, LC_ALL: 'C' } };
	}
	throw new Error('no user postgres, and PostgreSQL does not run as root');
}

// PostgreSQL 15 in a fresh cluster: { psql(database, sql), stop() }.
export async function startPostgres(work) {
	const programs = '/usr/lib/postgresql/15/bin';
	if (!existsSync(`${programs}/initdb`))
		throw new Error('no PostgreSQL 15; bench/install-peers installs it');
	const place = mkdtempSync(join(work, 'postgres-')), user = userOfPostgres();
	if (user.uid !== undefined) {
		chownSync(place, user.uid, user.gid);
		chmodSync(work, 0o711);
		try {
			execFileSync('test', ['-x', place], user);
		} catch {
			throw new Error(`the user postgres may not enter ${dirname(work)}`);
		}
	}
	const data = join(place, 'data');
	await output(`${programs}/initdb`, ['-D', data, '-U', 'bench', '--auth=trust', '--locale=C', '--encoding=UTF8', '--no-sync'], user);
	const settings = {
		listen_addresses: '', unix_socket_directories: place, port: 5432,
		shared_buffers: `${Math.min(4096, Math.floor(totalmem() / 4 / 1048576))}MB`, work_mem: '1GB', maintenance_work_mem: '1GB',
		max_wal_size: '8GB', min_wal_size: '2GB', wal_buffers: '64MB', checkpoint_timeout: '1h', checkpoint_completion_target: 0.9,
		wal_level: 'minimal', max_wal_senders: 0, wal_compression: 'lz4', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on',
		autovacuum: 'off', jit: 'off', temp_buffers: '1GB', effective_io_concurrency: 200, huge_pages: 'try',
	};
	const server = start(`${programs}/postgres`, ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], user);
	server.process.endBy = 'SIGQUIT';	// at once, with its children
	const psql = (database, ...sql) => output('psql', ['-h', place, '-U', 'bench', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', database, ...sql.flatMap((text) => ['-c', text])]);
	await untilItAnswers('PostgreSQL', server, () => psql('postgres', 'select 1'));
	return { psql, stop: () => server.stop('SIGINT'), place, user };
}

// A file that PostgreSQL may read: itself, or a copy where it may.
export function readableBy({ place, user }, file) {
	if (user.uid === undefined)
		return file;
	const copy = join(place, file.split('/').pop());
	copyFileSync(file, copy);
	chmodSync(copy, 0o644);
	return copy;
}
