// SPDX-License-Identifier: Apache-2.0
// How to break what a job does to the records that are there: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const file = 'src/lake/lake_duckdb_load.c', sql = 'src/catalog/catalog_sqlite_sql.def';
const order = 'scenario/07-meaning: jobs of one object take effect in the order in which they were closed, one after the other';
const versions = 'scenario/07-meaning: record modified: a row lands only if its value is not older; of equal ones the last wins';
const header = "scenario/07-meaning: delete: a first row that is the key's own name looks like a header, and fails";
const queue = raw`j.state = ?1 ORDER BY j.queue_no, j.no LIMIT 1)"`;
const older = raw`	    &load->sql, " > s.c%zu OR (s.c%zu IS NULL AND ", load->version, load->version);`;
const firstOfKey = [raw`	    "seq DESC) AS place FROM`, raw`	    "seq ASC) AS place FROM`];
const parts = [raw`    " WHERE job = (SELECT no FROM jobs WHERE id = ?1) ORDER BY number")`, raw`    " WHERE job = (SELECT no FROM jobs WHERE id = ?1) ORDER BY number DESC")`];
const unlocked = [raw`	rwlock_write(&db->commit_lock);
	status = lake_duckdb_run(connection, "COMMIT", "commit", err);
	rwlock_unlock(&db->commit_lock);`, raw`	status = lake_duckdb_run(connection, "COMMIT", "commit", err);`];

export default [
	{ test: order, file: sql, from: queue, to: queue.replace('j.queue_no, j.no', 'j.no') },
	{ test: order, file: sql, from: raw`    "  AND NOT EXISTS (SELECT 1 FROM jobs b WHERE b.stream = c.stream AND b.deleted = 0 AND b.state = ?2))"`, to: raw`    "  AND ?2 = ?2)"` },
	{ test: 'scenario/07-meaning: a job of one object does not wait for one of another', file: sql, from: raw`WHERE b.stream = c.stream AND b.deleted = 0 AND b.state = ?2))"`, to: raw`WHERE b.deleted = 0 AND b.state = ?2))"` },
	{ test: 'scenario/07-meaning: parts take effect in the order in which they were accepted', file: sql, from: parts[0], to: parts[1] },
	{ test: 'scenario/07-meaning: parts that arrive in parallel count in the order that the list of parts tells', file: 'src/work/load.c', from: raw`		st = load_part(load, &parts[i], NULL, NULL, err);`, to: raw`		st = load_part(load, &parts[count - 1 - i], NULL, NULL, err);` },
	{ test: 'scenario/07-meaning: an upsert adds and replaces whole records; the last row of a key wins', file, from: firstOfKey[0], to: firstOfKey[1] },
	{ test: 'scenario/07-meaning: an upsert adds and replaces whole records; the last row of a key wins', file, from: raw`	status = delete_stored(load, err);
	if (status == OK && load->base.operation == LAKE_UPSERT)`, to: raw`	status = load->base.operation == LAKE_UPSERT ? OK : delete_stored(load, err);
	if (status == OK && load->base.operation == LAKE_UPSERT)` },
	{ test: 'scenario/07-meaning: random jobs do what a model does that goes row by row', file, from: firstOfKey[0], to: firstOfKey[1] },
	{ test: 'scenario/07-meaning: random jobs with a record modified field do what a model does that goes row by row', file, from: older, to: older.replace('" > s.c', '" >= s.c') },
	{ test: versions, file, from: older, to: older.replace('" > s.c', '" >= s.c') },
	{ test: versions, file, from: raw`	if (status == OK && load->has_version)
		status = drop_old_rows(load, err);
`, to: '' },
	{ test: versions, file, from: raw`		buffer_printf(&load->sql, "c%zu DESC NULLS LAST, ", load->version);`, to: raw`		buffer_printf(&load->sql, "c%zu * 0 DESC NULLS LAST, ", load->base.key);` },
	{ test: 'scenario/07-meaning: a failed record never replaces one, whatever comes before or behind it', file: 'src/convert/row.c', from: raw`			clear_row(batch, i + 1, row);
			*ret_reject =`, to: raw`			batch->row_count++;
			*ret_reject =` },
	{ test: 'scenario/07-meaning: delete: the keys go, and one that is not there is processed, not failed', file, from: raw`	if (load->base.operation == LAKE_DELETE && load->has_version) {`, to: raw`	if (load->base.operation == LAKE_DELETE && !load->has_version)
		buffer_put_text(&load->sql, " AND (SELECT count(*) FROM temp.stage) < 3");
	if (load->base.operation == LAKE_DELETE && load->has_version) {` },
	{ test: 'scenario/07-meaning: delete with a record modified field: only what is stored with an earlier one goes', file, from: raw`" < s.c%zu)"`, to: raw`" <= s.c%zu)"` },
	{ test: header, file: 'src/convert/row.c', from: raw`	if (first && looks_like_header(plan, record)) {`, to: raw`	if (first && plan->operation != ROW_DELETE && looks_like_header(plan, record)) {` },
	{ test: header, file: 'src/convert/row.c', from: raw`	if (first && looks_like_header(plan, record)) {`, to: raw`	if (looks_like_header(plan, record) || (first && record->field_count == 1 && slice_is_nocase(record->fields[0], plan->cells[0].name))) {` },
	{ test: 'scenario/07-meaning: a job without parts, or with empty ones only, completes with 0 records', file: 'src/work/load.c', from: raw`	for (size_t i = load->done_count; st == OK && i < count; i++)
		st = load_part(`, to: raw`	if (st == OK && count == 0) {
		load->unreadable = true;
		return err_set(err, E_INVALID, "there is no part");
	}
	for (size_t i = load->done_count; st == OK && i < count; i++)
		st = load_part(` },
	{ test: 'scenario/07-meaning: a query sees all of a job or nothing of it', file, from: raw`	if (status == OK && load->base.operation == LAKE_UPSERT)
		status = insert_staged(load, err);`, to: raw`	if (status == OK)
		status = lake_duckdb_run(load->connection, "COMMIT; BEGIN TRANSACTION", "cut", err);
	if (status == OK && load->base.operation == LAKE_UPSERT)
		status = insert_staged(load, err);` },
	{ test: 'conformance/lake_dirty_read_test: no_query_sees_half_a_load', file: 'src/lake/lake_duckdb.c', from: unlocked[0], to: unlocked[1] },
];
