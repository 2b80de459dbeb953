// SPDX-License-Identifier: Apache-2.0
// An upsert of orders by hand with PostgreSQL and sqlite3, for goal 6 and the plot.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileA, fileB, output, PART_ROWS, seconds, settleDisk } from './bench.mjs';
import { readableBy, startPostgres } from './peers.mjs';

// --- PostgreSQL ----------------------------------------------------------------------------------------------------

const COLUMNS = `id text%, contact_name text, created_date timestamp, tax_exempt boolean, ship_address text,
	total numeric(18,2), tax_rate numeric(18,2), modified_date timestamp`;
const MEMBERS = ['contact_name', 'created_date', 'tax_exempt', 'ship_address', 'total', 'tax_rate', 'modified_date'];
const UPSERT = `insert into orders select distinct on (id) id, ${MEMBERS.join(', ')} from stage order by id, line desc
	on conflict (id) do update set ${MEMBERS.map((name) => `${name} = excluded.${name}`).join(', ')}`;
// The same sums, as far as PostgreSQL has the functions.
const POSTGRES_SUMS = `select count(*) || ' ' || count(distinct id) || ' ' || sum(total)::numeric(38,2) || ' ' ||
	sum((extract(epoch from created_date) * 1000000)::bigint) || ' ' || sum((extract(epoch from modified_date) * 1000000)::bigint) || ' ' ||
	count(*) filter (where tax_exempt) || ' ' || sum(length(ship_address)) from orders`;

const upsertByPostgres = (server, database, file) => server.psql(database, 'begin',
	`create temp table stage (line bigint generated always as identity (cache 100000), ${COLUMNS.replace('%', '')}) on commit drop`,
	`copy stage (id, ${MEMBERS.join(', ')}) from '${file}' (format csv, header)`, UPSERT, 'commit');

// Goal 6's: { prepare() loads A, measure() loads B onto a copy of that, stop() }.
export async function postgresPeer(work) {
	const server = await startPostgres(work);
	const files = [fileA(), fileB()].map((file) => readableBy(server, file));
	const upsert = (database, file) => upsertByPostgres(server, database, file);
	return {
		async prepare() {
			await server.psql('postgres', 'create database base');
			await server.psql('base', `create table orders (${COLUMNS.replace('%', ' primary key')})`);
			await upsert('base', files[0]);
			await server.psql('base', 'vacuum (freeze, analyze) orders');
		},
		async measure() {
			await server.psql('postgres', 'drop database if exists peer', 'create database peer template base strategy file_copy', 'checkpoint');
			await server.psql('peer', 'select count(*), sum(length(ship_address)) from orders', "select count(*) from orders where id > ''");	// into memory
			settleDisk();
			const whole = await seconds(() => upsert('peer', files[1]));
			return { whole, sums: (await server.psql('peer', POSTGRES_SUMS)).trim() };
		},
		stop: async () => {
			await server.stop();
			rmSync(server.place, { recursive: true, force: true });
		},
	};
}

// For the plot: { load(file) onto an empty table: seconds, stop() }.
export async function postgresLoader(work) {
	const server = await startPostgres(work);
	return {
		async load(file) {
			const path = readableBy(server, file);
			await server.psql('postgres', 'drop database if exists plot', 'create database plot');
			await server.psql('plot', `create table orders (${COLUMNS.replace('%', ' primary key')})`, 'checkpoint');
			settleDisk();
			const time = await seconds(() => upsertByPostgres(server, 'plot', path));
			if (path !== file)
				rmSync(path);
			return time;
		},
		stop: () => server.stop(),
	};
}

// --- sqlite3 -------------------------------------------------------------------------------------------------------

function upsertBySqlite(file, from) {
	if (!existsSync('/usr/bin/sqlite3'))
		throw new Error('no sqlite3; bench/install-peers installs it');
	return output('/usr/bin/sqlite3', ['-bail', file, 'pragma journal_mode = wal', 'pragma synchronous = full', 'pragma temp_store = memory', 'pragma cache_size = -1000000',
		`create table if not exists orders (${COLUMNS.replace('%', ' primary key')}) without rowid`,
		`create temp table stage (${COLUMNS.replace('%', '')})`, `.import --csv --skip 1 --schema temp ${from} stage`,
		`insert into orders select * from stage where true on conflict (id) do update set ${MEMBERS.map((name) => `${name} = excluded.${name}`).join(', ')}`]);
}

// As postgresPeer.
export function sqlitePeer(work) {
	const base = join(work, 'base.sqlite'), database = join(work, 'copy.sqlite');
	return {
		prepare: () => upsertBySqlite(base, fileA()),
		async measure() {
			copyFileSync(base, database);
			settleDisk();
			const whole = await seconds(() => upsertBySqlite(database, fileB()));
			const rows = execFileSync('/usr/bin/sqlite3', [database, 'select count(*) from orders'], { encoding: 'utf8' }).trim();
			assert.equal(Number(rows), PART_ROWS * 1.5, 'the rows of sqlite3');
			rmSync(database);
			return { whole };
		},
	};
}

// As postgresLoader's load.
export async function loadBySqlite(work, file) {
	const database = join(work, 'plot.sqlite');
	settleDisk();
	const time = await seconds(() => upsertBySqlite(database, file));
	rmSync(database);
	return time;
}
