/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_FUZZ_CSV_MODEL_H
#define SLUICE_TESTS_FUZZ_CSV_MODEL_H

/*
 * What the CSV tokenizer is compared with, by the fuzz target and by the unit test.
 *
 * model_log() reads a whole part that lies in memory in the plainest way: it looks ahead as it
 *likes, knows no chunks, and applies the limits only after it has seen a record's end.  run_*()
 *lead the real one over chunks, each an allocation of its own that ends with the chunk, and freed
 *before the next one comes.
 *
 * Both write a log, a line a record, so that two readings are equal when their logs are:
 *
 *	3[a][b "c"]			the line where it begins, and its fields
 *	4[a"b]!bare_quote@0		a fault and its field
 *	5[a]#3				three fields, of which one was kept
 *	the quote opened in line 6 is never closed
 *
 * Bytes that are not plain ASCII, brackets and backslashes are written \xNN; LF and CR \n and \r.
 */

#include "csv/csv.h"

#include "base/buffer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline void log_text(struct buffer *log, struct slice text)
{
	buffer_put_char(log, '[');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '\n' || c == '\r')
			buffer_put_text(log, c == '\n' ? "\\n" : "\\r");
		else if (c < ' ' || c > '~' || c == '[' || c == ']' || c == '\\')
			buffer_printf(log, "\\x%02x", c);
		else
			buffer_put_char(log, (char)c);
	}
	buffer_put_char(log, ']');
}

static inline void log_record(struct buffer *log, const struct csv_record *record)
{
	static const char *const names[] = {
	    [CSV_FAULT_LONE_CR] = "lone_cr",
	    [CSV_FAULT_BARE_QUOTE] = "bare_quote",
	    [CSV_FAULT_TEXT_AFTER_QUOTE] = "text_after_quote",
	    [CSV_FAULT_TOO_LONG] = "too_long",
	};

	buffer_printf(log, "%" PRIu64, record->line);
	for (size_t i = 0; i < record->field_kept; i++)
		log_text(log, record->fields[i]);
	if (record->field_count != record->field_kept)
		buffer_printf(log, "#%zu", record->field_count);
	if (record->fault != CSV_FAULT_NONE)
		buffer_printf(log, "!%s@%zu", names[record->fault], record->fault_field);
	buffer_put_char(log, '\n');
	assert(!log->failed);
}

/*
 * The model.
 */

struct model_field {
	size_t begin;
	size_t end;
	size_t fault_at; /* NO_FAULT: none */
	enum csv_fault fault;
	struct slice text;
};

#define NO_FAULT SIZE_MAX

static inline bool model_line_ends(struct slice part, size_t at)
{
	if (at == part.len || part.ptr[at] == '\n')
		return true;
	return part.ptr[at] == '\r' && at + 1 < part.len && part.ptr[at + 1] == '\n';
}

static inline void model_fault(struct model_field *field, enum csv_fault fault, size_t at)
{
	if (field->fault_at == NO_FAULT) {
		field->fault_at = at;
		field->fault = fault;
	}
}

/* Read one field that begins at ${at}; false: its quotes are never closed. */
static inline bool model_field(struct slice part, size_t at, struct model_field *field)
{
	bool quoted = at < part.len && part.ptr[at] == '"';

	*field = (struct model_field){.begin = at, .fault_at = NO_FAULT};
	if (quoted) {
		for (at++;; at += 2) {
			while (at < part.len && part.ptr[at] != '"')
				at++;
			if (at == part.len)
				return false;
			if (at + 1 == part.len || part.ptr[at + 1] != '"')
				break;
		}
		at++;
	}
	for (; !model_line_ends(part, at) && part.ptr[at] != ','; at++) {
		if (part.ptr[at] == '\r')
			model_fault(field, CSV_FAULT_LONE_CR, at);
		else if (quoted)
			model_fault(field, CSV_FAULT_TEXT_AFTER_QUOTE, at);
		else if (part.ptr[at] == '"')
			model_fault(field, CSV_FAULT_BARE_QUOTE, at);
	}
	field->end = at;
	return true;
}

/* Set the field's text, cut at ${limit}; ${room} takes it when it has to be changed. */
static inline void model_text(
    struct slice part, struct model_field *field, size_t limit, char *room)
{
	size_t end = field->end < limit ? field->end : limit, len = 0;

	field->text = (struct slice){part.ptr + field->begin, end - field->begin};
	if (field->fault_at != NO_FAULT || part.len == field->begin || *field->text.ptr != '"')
		return;
	for (size_t i = field->begin + 1; i < end - 1; i += part.ptr[i] == '"' ? 2 : 1)
		room[len++] = part.ptr[i];
	field->text = (struct slice){room, len};
}

/* Apply the limits to the ${count} fields of a record and log it. */
static inline void model_log_record(struct slice part, struct model_field *fields, size_t count,
    uint64_t line, const struct csv_options *options, struct buffer *log)
{
	size_t limit = fields[0].begin + options->record_bytes_max;
	bool too_long = fields[count - 1].end > limit, placed = false;
	struct csv_record record = {.field_count = count, .line = line};
	struct slice *kept = calloc(count, sizeof(*kept));
	char *room = malloc(part.len + 1);
	size_t used = 0;

	assert(kept != NULL && room != NULL);
	for (size_t i = 0; i < count; i++) {
		if (too_long && !placed && fields[i].end >= limit) {
			placed = true;
			if (fields[i].fault_at >= limit)
				fields[i].fault_at = NO_FAULT;
			model_fault(&fields[i], CSV_FAULT_TOO_LONG, limit);
		}
		if (fields[i].fault_at != NO_FAULT && record.fault == CSV_FAULT_NONE) {
			record.fault = fields[i].fault;
			record.fault_field = i;
		}
		if (i < options->fields_max && fields[i].begin <= limit) {
			model_text(part, &fields[i], limit, room + used);
			used += fields[i].text.ptr == room + used ? fields[i].text.len : 0;
			kept[record.field_kept++] = fields[i].text;
		}
	}
	record.fields = kept;
	log_record(log, &record);
	free(kept);
	free(room);
}

static inline void model_log(
    struct slice part, const struct csv_options *options, struct buffer *log)
{
	struct model_field *fields = calloc(part.len + 1, sizeof(*fields));
	size_t at = 0, count;
	uint64_t line = 1, line_begin;

	assert(fields != NULL);
	if (slice_starts(part, SLICE("\xef\xbb\xbf")))
		part = slice_skip(part, 3);
	while (at < part.len) {
		size_t begin = at;

		line_begin = line;
		for (count = 0;; at++) {
			if (!model_field(part, at, &fields[count])) {
				for (; begin < at; begin++)
					line += part.ptr[begin] == '\n';
				buffer_printf(log,
				    "the quote opened in line %" PRIu64 " is never closed\n", line);
				goto out;
			}
			at = fields[count++].end;
			if (model_line_ends(part, at))
				break;
		}
		if (at > begin)
			model_log_record(part, fields, count, line_begin, options, log);
		if (at < part.len)
			at += part.ptr[at] == '\r' ? 2 : 1;
		for (; begin < at; begin++)
			line += part.ptr[begin] == '\n';
	}
out:
	free(fields);
}

/*
 * The real one.
 */

struct run {
	struct csv *csv;
	struct buffer *log;
	/* What was reported since the last call: logged only when the call is over, because the
	 * texts must last that long.  Each record's fields lie in ${fields} one after the other. */
	struct csv_record *records;
	size_t record_count;
	struct slice *fields;
	size_t field_count;
};

static inline enum status run_on_record(void *ctx, const struct csv_record *record, struct err *err)
{
	struct run *run = ctx;

	(void)err;
	run->records = realloc(run->records, (run->record_count + 1) * sizeof(*run->records));
	run->fields = realloc(
	    run->fields, (run->field_count + record->field_kept + 1) * sizeof(*run->fields));
	assert(run->records != NULL && run->fields != NULL);
	assert(record->field_count > 0 && record->field_kept <= record->field_count);
	run->records[run->record_count++] = *record;
	memcpy(run->fields + run->field_count, record->fields,
	    record->field_kept * sizeof(*run->fields));
	run->field_count += record->field_kept;
	return OK;
}

static inline void run_log(struct run *run)
{
	const struct slice *fields = run->fields;

	for (size_t i = 0; i < run->record_count; i++) {
		run->records[i].fields = fields;
		log_record(run->log, &run->records[i]);
		fields += run->records[i].field_kept;
	}
	run->record_count = 0;
	run->field_count = 0;
}

static inline void run_begin(struct run *run, const struct csv_options *options, struct buffer *log)
{
	enum status status;

	*run = (struct run){.log = log};
	status = csv_create(options, &run->csv, NULL);
	assert(status == OK);
}

static inline void run_feed(struct run *run, struct slice chunk)
{
	char *copy = malloc(chunk.len);
	enum status status;

	assert(copy != NULL || chunk.len == 0);
	if (chunk.len > 0)
		memcpy(copy, chunk.ptr, chunk.len);
	status = csv_feed(run->csv, copy, chunk.len, run_on_record, run, NULL);
	assert(status == OK);
	run_log(run);
	free(copy);
}

static inline void run_finish(struct run *run)
{
	struct err err = {.text = ""};
	enum status status = csv_finish(run->csv, run_on_record, run, &err);

	run_log(run);
	assert(status == OK || status == E_INVALID);
	if (status == E_INVALID)
		buffer_printf(run->log, "%s\n", err.text);
}

static inline void run_end(struct run *run)
{
	csv_destroy(&run->csv);
	free(run->records);
	free(run->fields);
}

/* A sequence of numbers that is the same in every run and on every machine. */
static inline uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = *state;

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The log of ${part} fed in chunks of at most ${chunk_max} bytes whose lengths follow from
 * ${*random}. */
static inline void run_split(struct slice part, const struct csv_options *options, size_t chunk_max,
    uint64_t *random, struct buffer *log)
{
	struct run run;
	size_t len;

	run_begin(&run, options, log);
	while (part.len > 0) {
		len = next_random(random) % chunk_max + 1;
		if (len > part.len)
			len = part.len;
		run_feed(&run, (struct slice){part.ptr, len});
		part = slice_skip(part, len);
	}
	run_finish(&run);
	run_end(&run);
}

/* The log of ${part} fed at once. */
static inline void run_whole(
    struct slice part, const struct csv_options *options, struct buffer *log)
{
	struct run run;

	run_begin(&run, options, log);
	run_feed(&run, part);
	run_finish(&run);
	run_end(&run);
}

#endif
