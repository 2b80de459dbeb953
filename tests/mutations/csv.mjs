// SPDX-License-Identifier: Apache-2.0
// How to break the reading of CSV: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const file = 'src/csv/csv.c', row = 'src/convert/row.c', load = 'src/work/load.c';
const quoted = 'scenario/05-csv: quoted and plain fields, LF, CRLF and no line end at all';
const malformed = 'scenario/05-csv: a malformed record fails alone, and the next one is found again';
const columns = 'scenario/05-csv: columns in any order, those that the schema lacks ignored';
const lacks = 'scenario/05-csv: a header that lacks fields fails the job and names all that miss';
const unterminated = 'scenario/05-csv: an unterminated quote fails the whole job, and nothing of it lands';
const deletes = 'scenario/05-csv: a delete has no header: the key, and the date-time only with a record modified field';
const noHeader = [raw`	/* The tokenizer's last record may point into its own memory,`, raw`	if (st == OK && !load->seen_header) {
		load->unreadable = true;
		st = err_set(err, E_INVALID, "there is no header");
	}
	/* The tokenizer's last record may point into its own memory,`];

export default [
	{ test: quoted, file, from: raw`	csv->escapes = escapes;`, to: raw`	csv->escapes = false;` },
	{ test: quoted, file, from: raw`			to = next_special(cursor, &next);
			if (to != special + 1`, to: raw`			fields[kept].len++;
			to = next_special(cursor, &next);
			if (to != special + 1` },
	{ test: 'scenario/05-csv: records come out as they went in, however they lie across the chunks that are read', file, from: raw`				end_field(csv, at - 1);`, to: raw`				end_field(csv, at);` },
	{ test: quoted, file, from: raw`		} else if (bytes[special] == '"' || from != begin) {`, to: raw`		} else if (bytes[special] == '"' || from != begin || bytes[special] == '\t') {
			if (bytes[special] == '\t') {
				kept++;
				begin = special + 1;
				continue;
			}` },
	{ test: 'scenario/05-csv: LF and CRLF may change within a part', file, from: raw`	*at = special + 1 + (bytes[special] == '\r');`, to: raw`	static _Thread_local bool crlf;
	if (*at == 0)
		crlf = bytes[special] == '\r';
	*at = special + 1 + crlf;` },
	{ test: 'scenario/05-csv: a byte order mark is skipped at the beginning of each part, and only there', file, from: raw`	csv->bom_matched = 0;
	csv->bom_over = false;`, to: raw`	csv->bom_matched = 0;` },
	{ test: malformed, file, from: raw`		put_fault(csv, CSV_FAULT_LONE_CR, at - 1);
`, to: '' },
	{ test: malformed, file, from: raw`			put_fault(csv, CSV_FAULT_BARE_QUOTE, at);`, to: raw`			csv->state = STATE_PLAIN;` },
	{ test: malformed, file, from: raw`			put_fault(csv, CSV_FAULT_TEXT_AFTER_QUOTE, at);
`, to: '' },
	{ test: malformed, file, from: raw`			put_fault(csv, CSV_FAULT_TEXT_AFTER_QUOTE, at);
			csv->state = STATE_PLAIN;`, to: raw`			put_fault(csv, CSV_FAULT_TEXT_AFTER_QUOTE, at);
			csv->state = STATE_QUOTED;` },
	{ test: unterminated, file, from: raw`		return err_set(err, E_INVALID,
		    "the quote opened in line %" PRIu64 " is never closed", csv->quote_line);`, to: raw`		put_fault(csv, CSV_FAULT_TEXT_AFTER_QUOTE, csv->pos - 1);
		break;` },
	{ test: unterminated, file, from: raw`			csv->quote_line = csv->line;`, to: raw`			csv->quote_line = 1;` },
	{ test: columns, file: row, from: raw`			plan->cells[i].column = found->column;`, to: raw`			plan->cells[i].column = i;` },
	{ test: columns, file: row, from: raw`	return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);`, to: raw`	return a.len == 0 ? 0 : strncasecmp(a.ptr, b.ptr, a.len);` },
	{ test: columns, file: row, from: raw`	describe_duplicates(names, count, &text);`, to: raw`	if (count > plan->cell_count)
		buffer_put_text(&text, "the header names columns that the schema lacks");
	describe_duplicates(names, count, &text);` },
	{ test: lacks, file: row, from: raw`		if (missing++ == 0 && text->len > 0)`, to: raw`		if (plan->cells[i].if_blank == REJECT_NONE) {
			plan->cells[i].column = 0;
			continue;
		}
		if (missing++ == 0 && text->len > 0)` },
	{ test: lacks, file: row, from: raw`		if (said == MISSING_NAMES_MAX ||`, to: raw`		if (said == 1 ||` },
	{ test: 'scenario/05-csv: a column named twice fails the job', file: row, from: raw`	describe_duplicates(names, count, &text);
`, to: '' },
	{ test: 'scenario/05-csv: a malformed header fails the job', file: row, from: raw`	if (header->fault != CSV_FAULT_NONE) {`, to: raw`	if (header->fault == CSV_FAULT_TOO_LONG) {` },
	{ test: 'scenario/05-csv: a header may have 16,384 columns, and not one more', file: 'src/work/load.h', from: raw`#define LOAD_COLUMNS_MAX 16384`, to: raw`#define LOAD_COLUMNS_MAX 16385` },
	{ test: 'scenario/05-csv: a record may have 16 MiB, and not one byte more', file: load, from: raw`.record_bytes_max = REJECT_RECORD_BYTES_MAX,`, to: raw`.record_bytes_max = REJECT_RECORD_BYTES_MAX + 1,` },
	{ test: 'scenario/05-csv: a row with too few or too many fields is a failed record', file: row, from: raw`	if (record->field_count != plan->column_count) {`, to: raw`	if (record->field_count < plan->column_count) {` },
	{ test: deletes, file: row, from: raw`	if (record->field_count != plan->column_count) {`, to: raw`	if (plan->operation == ROW_DELETE ? record->field_count < plan->column_count
					  : record->field_count != plan->column_count) {` },
	{ test: 'scenario/05-csv: a blank line is skipped, yet counts as a line', file, from: raw`special == *at ? 0 : kept + 1;`, to: raw`kept + 1;` },
	{ test: 'scenario/05-csv: an empty part is fine, wherever it stands', file: load, from: noHeader[0], to: noHeader[1] },
	{ test: 'scenario/04-upload: an empty part is fine, with a length and chunked, and a job of nothing else completes with 0 records', file: load, from: noHeader[0], to: noHeader[1] },
	{ test: 'scenario/05-csv: failed records never stop a job, even when all of them fail', file: load, from: raw`		load->counts.records_failed++;`, to: raw`		if (++load->counts.records_failed >= 5) {
			load->unreadable = true;
			return err_set(err, E_INVALID, "too many records failed");
		}` },
];
