// SPDX-License-Identifier: Apache-2.0
// Loads the data sets of sets.mjs with "sluice load" and checks what landed.  What must be there comes from sqlite3,
// which reads the file as it was published, column by column as text; last wins and failed records are said in its SQL.
// Of every column: how many values, how many different ones, the least and greatest or the longest, the exact sum, and all
// values in the order of the key, as a digest.  Then the file is loaded again, cut into parts, which must change nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Server, program } from '../scenario/harness.mjs';
import { packages, sets } from './sets.mjs';

const US = '\x1f'; // between values in a digest
const MAX = { maxBuffer: 1 << 30, encoding: 'utf8' };
const words = process.argv.slice(2).filter((word) => word !== '--all');
const showAll = process.argv.includes('--all');
const md5 = (text) => createHash('md5').update(text).digest('hex');

// --- Getting the files ----------------------------------------------------------------------------------------------

// Unpack a package into a folder of ${work} and return it.  Nothing of the package is run.
function fetchPackage({ name, integrity }, work, cache) {
	const folder = join(work, name.replace(/[^a-z0-9.]+/g, '-'));
	const packed = join(cache, `${basename(folder)}.tgz`);
	mkdirSync(folder);
	if (!readdirSync(cache).includes(basename(packed))) {
		const out = mkdtempSync(join(work, 'pack-'));
		execFileSync('npm', ['pack', '--silent', name], { cwd: out, stdio: ['ignore', 'ignore', 'inherit'] });
		writeFileSync(packed, readFileSync(join(out, readdirSync(out)[0])));
	}
	const digest = `sha512-${createHash('sha512').update(readFileSync(packed)).digest('base64')}`;
	if (digest !== integrity) {
		rmSync(packed);
		throw new Error(`${name} has the digest ${digest} instead of the pinned one`);
	}
	execFileSync('tar', ['-xzf', packed, '-C', folder, '--strip-components=1']);
	return folder;
}

// Where the first line ends; no header of these files holds a line break.
function splitHeader(bytes) {
	const end = bytes.indexOf('\n');
	return [bytes.subarray(0, end).toString().replace(/^\uFEFF/, '').replace(/\r$/, ''), bytes.subarray(end + 1)];
}

// The set's columns, also where sets.mjs names only some of them: after the header.
function columnsOf(set, header) {
	if (set.fields)
		return set.fields;
	return header.split(',').map((text) => {
		const name = text.replaceAll('"', '').replace(/[^A-Za-z0-9-]/g, '_');
		return { name, type: set.types?.[name] ?? 'string' };
	});
}

// What is loaded: our names in front of the records as they were published, numbered where they have no key.
function prepare(set, bytes, eol) {
	const records = set.header === false ? bytes : splitHeader(bytes)[1];
	const names = set.columns.map((column) => column.name);
	if (set.key !== 'row')
		return Buffer.concat([Buffer.from(names.join(',') + eol), records]);
	const text = records.toString();
	if (text.includes('"'))
		throw new Error(`${set.name}: only records of one line each can be numbered`);
	const lines = text.split('\n').filter((line) => line !== '').map((line, i) => `${i + 1},${line}\n`);
	return Buffer.from(`row,${names.join(',')}${eol}${lines.join('')}`);
}

// --- What must be there ---------------------------------------------------------------------------------------------

// A database with the table raw, all text, and the view landed: what must be in the lake.
function readBySqlite(set, file, database) {
	const names = set.columns.map((column) => `"${column.name}"`);
	const fails = `(${set.fails ?? 'false'})`;
	const key = set.key === 'row' ? 'rowid' : `"${set.key}"`;
	execFileSync('sqlite3', ['-batch', database], { ...MAX, input: `CREATE TABLE raw (${names.map((name) => `${name} TEXT`).join(', ')});
.mode csv
.import ${set.header === false ? '' : '--skip 1'} "${file}" raw
CREATE TABLE landed AS SELECT ${set.key === 'row' ? 'rowid AS "row", ' : ''}* FROM raw
	WHERE rowid IN (SELECT max(rowid) FROM raw WHERE NOT ${fails} GROUP BY ${key});
` });
	return (sql) => execFileSync('sqlite3', ['-batch', '-noheader', '-list', '-nullvalue', '', database, sql], MAX).replace(/\n$/, '');
}

// A decimal in its shortest form: "-0.50" is "-0.5", "007" is "7".
function shortest(text) {
	if (text === '')
		return '';
	const [, sign, whole, fraction = ''] = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) ?? [undefined, '', `? ${text}`];
	const digits = `${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`;
	return `${sign === '-' && digits !== '0' ? '-' : ''}${digits}`;
}

// How a value of each type is written for the digest: by us, of a text of the file; and by the lake's SQL, of a column.
const written = {
	string: [(text) => text, (column) => column],
	number: [shortest, (column) => `rtrim(rtrim(cast(${column} as varchar), '0'), '.')`],
	integer: [shortest, (column) => `cast(${column} as varchar)`],
	boolean: [
		(text) => ({ '': '', 1: 'true', true: 'true', 0: 'false', false: 'false' })[text.toLowerCase()],
		(column) => `cast(${column} as varchar)`,
	],
	date: [(text) => text, (column) => `cast(${column} as varchar)`],
	'date-time': [(text) => text && new Date(text).toISOString(), (column) => `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%gZ')`],
};

// The checks of a column: what, by SQLite over its values, by the lake.
function checksOf({ name, type }) {
	const c = `"${name}"`;
	const of = (expression, order = '') => `SELECT ${expression} FROM landed WHERE ${c} <> '' ${order}`;
	const number = type === 'number' || type === 'integer';
	const checks = [
		['values', of('count(*)'), `count(${c})`],
		['different', of(`count(DISTINCT ${number ? `CAST(${c} AS REAL)` : c})`), `count(DISTINCT ${c})`],
	];
	if (type === 'string')
		checks.push(
			['longest', of(`max(length(${c}))`), `max(length(${c}))`],
			['least', of(`min(${c})`), `min(${c})`],
			['greatest', of(`max(${c})`), `max(${c})`]);
	if (number)
		checks.push(
			['sum', of(`decimal_sum(${c})`), `sum(${c})`],
			['least', of(c, `ORDER BY CAST(${c} AS REAL) LIMIT 1`), `min(${c})`],
			['greatest', of(c, `ORDER BY CAST(${c} AS REAL) DESC LIMIT 1`), `max(${c})`]);
	if (type === 'date' || type === 'date-time')
		checks.push(['sum', of(`sum(strftime('%s', ${c}))`), `cast(sum(epoch(${c})) as bigint)`]);
	return checks;
}

// --- Comparing ------------------------------------------------------------------------------------------------------

function sluice(server, ...args) {
	return spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, SLUICE_URL: server.url, SLUICE_TOKEN: server.token } });
}

async function load(server, connector, file, ...options) {
	const run = sluice(server, 'load', connector, 'things', file, ...options);
	const newest = (await server.must(200, 'GET', '/api/v1/ingest/jobs?limit=1&orderby=createdDate')).json.data[0];
	if (newest.state !== 'JobComplete' || run.status !== (newest.numberRecordsFailed > 0 ? 3 : 0))
		throw new Error(`${connector}: sluice load ended with ${run.status ?? run.signal ?? run.error}, the newest job is ${newest.state}: ` +
			`${newest.errorMessage ?? run.stderr}`);
	return newest;
}

async function setUp(server, connector, set, work) {
	const properties = {};
	for (const { name, type } of [...(set.key === 'row' ? [{ name: 'row', type: 'integer' }] : []), ...set.columns])
		properties[name] = type.startsWith('date') ? { type: 'string', format: type } : { type };
	const schema = join(work, 'schema.json');
	writeFileSync(schema, JSON.stringify({ openapi: '3.0.3', info: { title: set.name, version: '1' }, components: { schemas: {
		things: { type: 'object', ...(set.required ? { required: set.required } : {}), properties } } } }));
	for (const args of [['connector', 'put', connector, schema], ['stream', 'put', connector, 'things', '--primary-key', set.key]]) {
		const run = sluice(server, ...args);
		if (run.status !== 0)
			throw new Error(`${set.name}: sluice ${args.join(' ')}: ${run.stderr}`);
	}
}

// One value of the lake as text; NULL is "".
async function ask(server, table, expression) {
	const value = (await server.sql(`select ${expression} from ${table}`))[0][0];
	return value === null ? '' : String(value);
}

async function digests(server, table, set) {
	const key = `"${set.key}"`;
	const all = {};
	for (const { name, type } of set.columns)
		all[name] = await ask(server, table,
			`md5(coalesce(string_agg(coalesce(${written[type][1](`"${name}"`)}, ''), chr(31) order by ${key}), ''))`);
	return all;
}

// Compare a set whose maker says in JSON what it holds.
async function compareJson(server, table, set, expected, note) {
	const rows = [].concat(expected).map((row) => Object.values(row));
	const list = set.columns.map((column) => `coalesce("${column.name}", '')`).join(', ');
	const landed = await server.sql(`select ${list} from ${table} order by 1`);
	const sorted = (all) => JSON.stringify([...all].sort());
	note('rows as the package says', sorted(rows.map((row) => row.map(String))), sorted(landed));
}

async function trySet(server, set, folder, work) {
	const bytes = readFileSync(join(folder, set.file));
	const [header] = splitHeader(bytes);
	set.columns = columnsOf(set, header);
	set.key ??= set.columns[0].name;
	const eol = bytes.indexOf('\r\n') >= 0 ? '\r\n' : '\n';
	const connector = set.name.replace(/[^a-z0-9]/g, '_'), table = `${connector}.things`;
	const file = join(work, `${set.name}.csv`);
	writeFileSync(file, prepare(set, bytes, eol));
	const sqlite = readBySqlite(set, join(folder, set.file), join(work, `${set.name}.sqlite`));

	const result = { name: set.name, checks: 0, differences: [] };
	if (showAll)
		console.log(`${set.name}:`);
	const note = (what, expected, actual) => {
		result.checks++;
		if (showAll)
			console.log(`    ${what}: ${String(expected).slice(0, 60)} ${expected === actual ? '=' : `<> ${String(actual).slice(0, 60)}`}`);
		if (expected !== actual)
			result.differences.push(`${what}: ${JSON.stringify(expected).slice(0, 99)} in the file, ${JSON.stringify(actual).slice(0, 99)} in the lake`);
	};

	await setUp(server, connector, set, work);
	const job = await load(server, connector, file);
	result.records = job.numberRecordsProcessed;
	result.failed = job.numberRecordsFailed;
	note('records', sqlite('SELECT count(*) FROM raw'), String(job.numberRecordsProcessed));
	note('failed', sqlite(`SELECT count(*) FROM raw WHERE ${set.fails ?? 'false'}`), String(job.numberRecordsFailed));
	note('rows', sqlite('SELECT count(*) FROM landed'), result.rows = await ask(server, table, 'count(*)'));
	if (set.json)
		await compareJson(server, table, set, JSON.parse(readFileSync(join(folder, set.json), 'utf8')), note);
	const keyType = set.columns.find(({ name }) => name === set.key)?.type ?? 'integer';
	const order = keyType === 'integer' ? `CAST("${set.key}" AS INTEGER)` : `"${set.key}"`;
	const first = await digests(server, table, set);
	for (const column of set.columns) {
		const number = column.type === 'number' || column.type === 'integer';
		for (const [what, theirs, ours] of checksOf(column)) {
			const [expected, actual] = [sqlite(theirs), await ask(server, table, ours)];
			note(`${column.name}: ${what}`, ...(number ? [shortest(expected), shortest(actual)] : [expected, actual]));
		}
		// sqlite3 takes an empty field at the very end of a file, with no line end after it, for a missing one: NULL.
		const values = sqlite(`SELECT coalesce("${column.name}", '') || '${US}' FROM landed ORDER BY ${order}`)
			.replace(/\x1f$/, '').split(`${US}\n`);
		note(`${column.name}: all values`, md5(values.map(written[column.type][0]).join(US)), first[column.name]);
	}

	// Once more, as a job of about seven parts: every record replaces itself.
	const again = await load(server, connector, file, '--part-size', String(Math.max(Math.ceil(bytes.length / 7), 4096)));
	note('failed, again', String(job.numberRecordsFailed), String(again.numberRecordsFailed));
	note('rows, again', result.rows, await ask(server, table, 'count(*)'));
	note('all values, again', JSON.stringify(first), JSON.stringify(await digests(server, table, set)));
	if (result.failed > 0)
		result.reason = (await server.failed(job.id)).split('\n')[1].slice(0, 110);
	return result;
}

// --- The whole ------------------------------------------------------------------------------------------------------

const chosen = sets.filter((set) => words.length === 0 || words.some((word) => set.name.includes(word)));
const work = mkdtempSync(join(tmpdir(), 'sluice-datasets-'));
const cache = process.env.DATASETS_DIR ?? join(work, 'packages');
mkdirSync(cache, { recursive: true });
const server = await Server.start({ data: join(work, 'data') });
// However this ends, also by Ctrl-C or a closed pipe, no server and no folder stay behind.
process.on('exit', () => {
	server.process.kill('SIGKILL');
	rmSync(work, { recursive: true, force: true });
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
try {
	const folders = {};
	for (const { package: name } of chosen)
		folders[name] ??= fetchPackage(packages[name], work, cache);
	const rows = [['data set', 'records', 'failed', 'rows', 'checks', 'equal']];
	const differences = [], explained = [];
	for (const set of chosen) {
		const result = await trySet(server, set, folders[set.package], work);
		const equal = result.differences.length === 0 ? 'yes' : 'NO';
		rows.push([result.name, result.records, result.failed, result.rows, result.checks, equal].map(String));
		differences.push(...result.differences.map((text) => `${result.name}: ${text}`));
		if (result.reason)
			explained.push(`${result.name}: ${result.failed} records failed: ${set.why}\n    ${result.reason}`);
	}
	const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
	for (const row of rows)
		console.log(row.map((text, i) => i > 0 && i < 5 ? text.padStart(widths[i]) : text.padEnd(widths[i])).join('  '));
	for (const list of [explained, differences])
		if (list.length > 0)
			console.log(`\n${list.join('\n')}`);
	console.log();
	console.log(`${rows.filter((row) => row[5] === 'yes').length} passed, ${rows.filter((row) => row[5] === 'NO').length} failed`);
	process.exitCode = differences.length > 0 ? 1 : 0;
} finally {
	await server.stop().catch((error) => { console.error(error.message); process.exitCode = 1; });
}
