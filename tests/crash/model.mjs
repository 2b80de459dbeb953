// SPDX-License-Identifier: Apache-2.0
// What the server must hold, worked out a second time: jobs are replayed record by record in plain JavaScript.
//
// A record is the list of its texts in the order of the columns; a part is a list of records; a job is
// { operation, parts }.  A delete's records have the key alone, and the version with it where there is one.  All records
// are given so that applying a job twice, late or not at all shows: n and who are different in every record, and deletes
// come between upserts of the same keys.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const stream = { primaryKey: 'id', category: 'Profile' };
export const plain = { columns: ['id', 'n', 'who'], stream };
export const wider = { columns: ['id', 'n', 'who', 'changed'], stream };
export const versioned = { columns: wider.columns, stream: { ...stream, recordModifiedField: 'changed' } };

const fields = {
	id: { type: 'string' },
	n: { type: 'integer' },
	who: { type: 'string' },
	changed: { type: 'string', format: 'date-time' },
};

// The schema document of a connector with these objects: { name: kind }.
export function schemaOf(objects) {
	const schemas = {};
	for (const [name, kind] of Object.entries(objects))
		schemas[name] = { type: 'object', properties: Object.fromEntries(kind.columns.map((c) => [c, fields[c]])) };
	return { openapi: '3.0.3', components: { schemas } };
}

// A record that is shorter than the object's columns has blanks there.
export function partText(kind, operation, rows) {
	const lines = rows.map((row) => (operation === 'upsert' ? kind.columns.map((_, i) => row[i] ?? '') : row).join(','));
	if (operation === 'upsert')
		lines.unshift(kind.columns.join(','));
	return lines.map((line) => `${line}\n`).join('');
}

// The only fault that a record here may have: its n is no number, or the version of a delete no time.
const isBad = (operation, row) => operation === 'upsert' ? !/^\d+$/.test(row[1]) : row.length > 1 && !row[1].endsWith('Z');

// Records read, records failed, and the failed ones as [part, line, text …].
export function countsOf({ operation, parts }) {
	const rejects = [];
	const header = operation === 'upsert' ? 1 : 0;
	let processed = 0;
	parts.forEach((rows, p) => rows.forEach((row, i) => {
		processed++;
		if (isBad(operation, row))
			rejects.push([String(p + 1), String(i + 1 + header), ...row]);
	}));
	return { processed, failed: rejects.length, rejects };
}

// The problem records that a job leaves in the lake.
export const problemSql = 'select job_id, part, line, field, error_code, record';
export function problemsOf(job) {
	const [field, code] = job.operation === 'upsert' ? ['n', 'NOT_AN_INTEGER'] : ['changed', 'NOT_A_DATE_TIME'];
	return countsOf(job).rejects.map(([part, line, ...row]) => [job.id, Number(part), Number(line), field, code, row.join(',')]);
}

export const sortProblems = (problems) => problems.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2]));

// Apply a job to ${table}, a Map of key -> record, row by row.
export function apply(table, kind, { operation, parts }) {
	const version = kind.columns.indexOf(kind.stream.recordModifiedField);
	for (const row of parts.flat()) {
		if (isBad(operation, row))
			continue;
		const stored = table.get(row[0]);
		if (operation === 'delete') {
			if (stored && (version < 0 || row[1] > stored[version]))
				table.delete(row[0]);
		} else if (!stored || version < 0 || row[version] >= stored[version]) {
			table.set(row[0], row);
		}
	}
}

// The table as a query gives it, sorted by key.
export function rowsOf(table, kind) {
	const sorted = [...table.values()].sort((a, b) => (a[0] < b[0] ? -1 : 1));
	return sorted.map((row) => kind.columns.map((_, i) => (i === 1 ? Number(row[i]) : row[i] ?? null)));
}

// Failed records as the server gives them, without the sentence: what it says is not the business of these tests.
export function parseFailed(text) {
	const [, ...lines] = text.trimEnd().split('\n');
	return lines.map((line) => {
		const [, part, number, rest] = /^(\d+),(\d+),(?:"(?:[^"]|"")+"|[^",]+),(.*)$/.exec(line);
		return [part, number, ...rest.split(',')];
	});
}

// What lies on disk: { blobs: { job: { name: text } }, tmp: [name] }.
export function readDisk(data, withText = true) {
	const blobs = {};
	for (const group of readdirSync(join(data, 'blobs')))
		blobs[group] = Object.fromEntries(readdirSync(join(data, 'blobs', group))
			.map((name) => [name, withText ? readFileSync(join(data, 'blobs', group, name), 'utf8') : null]));
	return { blobs, tmp: readdirSync(join(data, 'tmp')) };
}
