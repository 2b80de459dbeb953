// SPDX-License-Identifier: Apache-2.0
// How to break what is told of failed records: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const rejects = 'src/work/rejects.c', parts = 'src/api/parts.c';
const first = "scenario/08-failed-results: part, line, error, then the record's own columns as they came";
const quotes = 'scenario/08-failed-results: values that need quotes get them, and everything reads back as it came';
const sentence = 'scenario/08-failed-results: sf__Error is one short line of UTF-8, whatever the value was; the value itself is whole';
const nothing = [raw`	buffer_put_text(&body, "sf__Part,sf__Line,sf__Error\n");`, raw`	buffer_put_text(&body, "\n");`];

export default [
	{ test: first, file: rejects, from: raw`	buffer_put_text(&rejects->rows, "sf__Part,sf__Line,sf__Error");`, to: raw`	buffer_put_text(&rejects->rows, "sf__Line,sf__Part,sf__Error");` },
	{ test: first, file: rejects, from: raw`rejects->part, record->line);`, to: raw`rejects->part, record->line - 1);` },
	{ test: first, file: parts, from: raw`	respond_source(request, 200, "text/csv; charset=UTF-8", &source);`, to: raw`	respond_source(request, 200, "text/plain; charset=UTF-8", &source);` },
	{ test: first, file: 'src/convert/reject.def', from: raw`"NOT_A_NUMBER"`, to: raw`"NUMBER_FORM"` },
	{ test: 'scenario/08-failed-results: lines are physical ones: line ends inside quotes, CRLF, blank lines and the header count', file: 'src/csv/csv.c', from: raw`	csv->line += lines;`, to: raw`	csv->line++;` },
	{ test: quotes, file: 'src/csv/csv_write.c', from: raw`		buffer_put(out, (struct slice){text.ptr, len});
		buffer_put_char(out, '"');`, to: raw`		buffer_put(out, (struct slice){text.ptr, len});` },
	{ test: sentence, file: 'src/convert/reject.c', from: raw`#define VALUE_BYTES_MAX 40`, to: raw`#define VALUE_BYTES_MAX 4000` },
	{ test: sentence, file: 'src/convert/reject.c', from: raw`(unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)`, to: raw`text.ptr[i] == 0x7f)` },
	{ test: 'scenario/08-failed-results: a malformed field comes as its raw text, the others as ever', file: 'src/csv/csv.c', from: raw`		if (csv->field_quoted && !csv->field_raw) {`, to: raw`		if (csv->field_quoted) {` },
	{ test: 'scenario/12-memory: memory grows by less than 5 MB while the 300,000 failed records of a job are downloaded', file: parts, from: raw`	if (blob_read(ctx, ret_bytes, room, &count, &err) == OK)
		return (int64_t)count;`, to: raw`	if (blob_read(ctx, ret_bytes, room, &count, &err) == OK) {
		static char *all;
		static size_t length;

		all = realloc(all, length + count + 1);
		memcpy(all + length, ret_bytes, count);
		length += count;
		return (int64_t)count;
	}` },
	{ test: 'scenario/08-failed-results: tens of thousands of failures: every one is there, once and in order, and the counts add up', file: rejects, from: raw`	buffer_reset(&rejects->rows);
	return st;`, to: raw`	return st;` },
	{ test: 'scenario/08-failed-results: they stay as long as the job, and go with it', file: 'src/job/job.c', from: raw`	if (job->records_failed == 0)
		return blob_remove(service->blob, id, "", err);
	st = blob_remove(service->blob, id, JOB_PART_PREFIX, err);`, to: raw`	st = blob_remove(service->blob, id, "", err);` },
	{ test: 'scenario/08-failed-results: they stay as long as the job, and go with it', file: 'src/job/job.c', from: raw`	st = blob_remove(service->blob, group, "", err);`, to: raw`	st = OK;` },
	{ test: 'scenario/08-failed-results: parts whose columns come in another order are one table', file: rejects, from: raw`	if (is_same_header(rejects, columns, column_count))
		return OK;`, to: raw`	if (is_same_header(rejects, columns, column_count) || column_count == rejects->column_count)
		return OK;` },
	{ test: 'scenario/08-failed-results: before the end of the job there is nothing to tell: 409', file: parts, from: raw`	if (!job_state_is_final(job.state)) {`, to: raw`	if (job.state == JOB_OPEN) {` },
	{ test: 'scenario/08-failed-results: a job without failed records has the header line only', file: parts, from: nothing[0], to: nothing[1] },
	{ test: 'scenario/08-failed-results: a job that failed or was aborted has none', file: parts, from: nothing[0], to: nothing[1] },
];
