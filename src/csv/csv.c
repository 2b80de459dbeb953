/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CSV tokenizer.
 *
 * Two readers share one struct.  step() takes one byte and knows every rule; it looks at no byte
 * but the one it is given and keeps fields as offsets from the record's first byte, so that it can
 * be stopped anywhere, and the text may lie in the chunk or elsewhere.  ordinary_record() knows
 * only the records that nearly all are: wholly in the chunk, without fault, within the limits.  It
 * jumps from special byte to special byte, which csv_index.h finds in the fastest way that the
 * processor has, and changes nothing until it has seen the record's end; what it does not
 * understand it leaves to step(), from the record's first byte.  So step() says what a record is.
 *
 * Fields are views: of the chunk, or, for a record that began in an earlier feed, of a carry
 * buffer.  There are two of those, because the tail of a chunk is put aside while the record that
 * ended at its head is still in use.  Doubled quotes are undone in place, at the record's end:
 * until then the raw text may still be needed.
 *
 * A field with a fault in it is given as its raw text, quotes and all,
 * so that a person sees what came.
 *
 * Not here: other separators, encodings, header rows, what a value means.
 */
#include "csv/csv.h"

#include "base/buffer.h"
#include "csv/csv_index.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};

/*
 * Where step() is.  "text" is any byte not named in the row; after a CR that no LF follows,
 * the byte is taken as in PLAIN.
 *
 *	            "                comma   LF          CR        text
 *	RECORD      QUOTED           FIELD   blank line  BLANK_CR  PLAIN
 *	BLANK_CR    (lone CR)        (…)     blank line  (…)       (…)
 *	FIELD       QUOTED           FIELD   record      CR        PLAIN
 *	PLAIN       PLAIN, fault     FIELD   record      CR        PLAIN
 *	QUOTED      QUOTE            QUOTED  QUOTED      QUOTED    QUOTED
 *	QUOTE       QUOTED           FIELD   record      CR        PLAIN, fault
 *	CR          (lone CR)        (…)     record      (…)       (…)
 */
enum state {
	STATE_RECORD,   /* at a record's first byte */
	STATE_BLANK_CR, /* a CR is all there is of the record */
	STATE_FIELD,    /* at a field's first byte, after a comma */
	STATE_PLAIN,    /* in a field without quotes */
	STATE_QUOTED,   /* between quotes */
	STATE_QUOTE,    /* after a quote that closes the field, or is the first of two */
	STATE_CR,       /* after a CR that an LF should follow */
};

enum outcome { GOES_ON, ENDS_RECORD, ENDS_BLANK };

struct csv {
	struct csv_options options;

	/* Of the record, as far as it was read.  ${begins} holds step()'s offsets. */
	enum state state;
	size_t pos; /* bytes of the record so far */
	struct slice *fields;
	size_t *begins;
	size_t field_count;
	size_t field_kept;
	size_t field_begin; /* of the field being read */
	bool field_quoted;  /* it opened with a quote */
	bool field_raw;     /* it has a fault in it */
	bool escapes;       /* "" was seen in some field of the record */
	enum csv_fault fault;
	size_t fault_field;
	uint64_t record_line;
	uint64_t quote_line; /* where the last opening quote was */

	/* Of the part. */
	uint64_t line;
	size_t bom_matched; /* how much of a byte order mark was seen and put nowhere */
	bool bom_over;      /* no byte order mark can come any more */
	bool over;          /* only reset and destroy may follow */

	/* carries[carry] holds the record's first min(pos,
	 * record_bytes_max) bytes if ${carried}. */
	struct buffer carries[2];
	unsigned carry;
	bool carried;
};

/* Where records go. */
struct sink {
	csv_record_fn *on_record;
	void *ctx;
	struct err *err;
};

/*
 * What both readers need.
 */

static void begin_record(struct csv *csv)
{
	csv->state = STATE_RECORD;
	csv->pos = 0;
	csv->field_count = 0;
	csv->field_kept = 0;
	csv->field_begin = 0;
	csv->field_quoted = false;
	csv->field_raw = false;
	csv->escapes = false;
	csv->fault = CSV_FAULT_NONE;
	csv->fault_field = 0;
	csv->record_line = csv->line;
}

/* Make "" one quote, in ${text}[0, len), the inside of a quoted field: each
 * quote in there has its twin. */
static size_t undo_quotes(char *text, size_t len)
{
	char *end = text + len, *in, *out, *next;

	in = out = memchr(text, '"', len);
	if (in == NULL)
		return len;
	while (in < end) {
		*out++ = '"';
		in += 2;
		next = memchr(in, '"', (size_t)(end - in));
		if (next == NULL)
			next = end;
		memmove(out, in, (size_t)(next - in));
		out += next - in;
		in = next;
	}
	return (size_t)(out - text);
}

/* The same for all fields of the record at ${base}.  A field that was quoted, and without fault, is
 * the one that has a quote right before it: any other begins the record or follows a comma. */
static void undo_record_quotes(struct csv *csv, char *base)
{
	for (size_t i = 0; i < csv->field_kept; i++) {
		struct slice *field = &csv->fields[i];
		size_t begin = (size_t)(field->ptr - base);

		if (begin > 0 && base[begin - 1] == '"')
			field->len = undo_quotes(base + begin, field->len);
	}
}

static enum status report(struct csv *csv, char *base, const struct sink *sink)
{
	const struct csv_record record = {
	    .fields = csv->fields,
	    .field_count = csv->field_count,
	    .field_kept = csv->field_kept,
	    .line = csv->record_line,
	    .fault = csv->fault,
	    .fault_field = csv->fault_field,
	};

	if (csv->escapes)
		undo_record_quotes(csv, base);
	return sink->on_record(sink->ctx, &record, sink->err);
}

/*
 * Reading byte by byte.
 */

/* There is a fault at the record's byte ${at}.  A byte past the limit is one too many before it is
 * anything else. */
static void put_fault(struct csv *csv, enum csv_fault fault, size_t at)
{
	csv->field_raw = true;
	if (csv->fault != CSV_FAULT_NONE)
		return;
	csv->fault = at >= csv->options.record_bytes_max ? CSV_FAULT_TOO_LONG : fault;
	csv->fault_field = csv->field_count;
}

/* The field ends before the record's byte ${end}; the next one, if any, begins behind that byte. */
static void end_field(struct csv *csv, size_t end)
{
	size_t begin = csv->field_begin;

	if (csv->field_kept < csv->options.fields_max && begin <= csv->options.record_bytes_max) {
		if (csv->field_quoted && !csv->field_raw) {
			csv->begins[csv->field_kept] = begin + 1;
			csv->fields[csv->field_kept].len = end - begin - 2;
		} else {
			if (end > csv->options.record_bytes_max)
				end = csv->options.record_bytes_max;
			csv->begins[csv->field_kept] = begin;
			csv->fields[csv->field_kept].len = end - begin;
		}
		csv->field_kept++;
	}
	csv->field_count++;
	csv->field_quoted = false;
	csv->field_raw = false;
}

static void take_text(struct csv *csv, char c, size_t at)
{
	switch (csv->state) {
	case STATE_RECORD:
	case STATE_FIELD:
		if (c == '"') {
			csv->field_quoted = true;
			csv->quote_line = csv->line;
			csv->state = STATE_QUOTED;
		} else {
			csv->state = STATE_PLAIN;
		}
		break;
	case STATE_PLAIN:
		if (c == '"')
			put_fault(csv, CSV_FAULT_BARE_QUOTE, at);
		break;
	case STATE_QUOTE:
		if (c == '"') {
			csv->escapes = true;
			csv->state = STATE_QUOTED;
		} else {
			put_fault(csv, CSV_FAULT_TEXT_AFTER_QUOTE, at);
			csv->state = STATE_PLAIN;
		}
		break;
	case STATE_QUOTED:
	case STATE_CR:
	case STATE_BLANK_CR:
		assert(0 && "step() deals with these");
	}
}

static enum outcome step(struct csv *csv, char c)
{
	size_t at = csv->pos++;
	bool blank = csv->state == STATE_RECORD || csv->state == STATE_BLANK_CR;

	if (c == '\n')
		csv->line++;

	/* The byte that decides what the CR before it was. */
	if (csv->state == STATE_CR || csv->state == STATE_BLANK_CR) {
		if (c == '\n') {
			if (!blank)
				end_field(csv, at - 1);
			return blank ? ENDS_BLANK : ENDS_RECORD;
		}
		put_fault(csv, CSV_FAULT_LONE_CR, at - 1);
		csv->state = STATE_PLAIN;
		blank = false;
	}

	/* Line ends count towards the length inside quotes only. */
	if (csv->state != STATE_QUOTED && c == '\n') {
		if (!blank)
			end_field(csv, at);
		return blank ? ENDS_BLANK : ENDS_RECORD;
	}
	if (csv->state != STATE_QUOTED && c == '\r') {
		csv->state = blank ? STATE_BLANK_CR : STATE_CR;
		return GOES_ON;
	}
	if (at >= csv->options.record_bytes_max)
		put_fault(csv, CSV_FAULT_TOO_LONG, at);

	if (csv->state == STATE_QUOTED) {
		if (c == '"')
			csv->state = STATE_QUOTE;
	} else if (c == ',') {
		end_field(csv, at);
		csv->field_begin = at + 1;
		csv->state = STATE_FIELD;
	} else {
		take_text(csv, c, at);
	}
	return GOES_ON;
}

/* Put the next bytes of the record aside, up to the limit: what is cut is never looked at again. */
static enum status carry_bytes(struct csv *csv, const char *bytes, size_t count, struct err *err)
{
	struct buffer *carry;
	size_t room;

	/* The other buffer may hold the record that this feed reported first. */
	if (!csv->carried) {
		csv->carry ^= 1;
		buffer_reset(&csv->carries[csv->carry]);
		csv->carried = true;
	}
	carry = &csv->carries[csv->carry];
	room = csv->options.record_bytes_max - carry->len;
	buffer_put(carry, (struct slice){bytes, count < room ? count : room});
	if (carry->failed)
		return err_set(err, E_NOMEM, "no memory for a record that spans chunks");
	return OK;
}

/* The record, or blank line, that step() was led through is over: its text begins at ${base}. */
static enum status end_record(
    struct csv *csv, enum outcome outcome, char *base, const struct sink *sink)
{
	enum status status = OK;

	if (outcome == ENDS_RECORD) {
		for (size_t i = 0; i < csv->field_kept; i++)
			csv->fields[i].ptr = base + csv->begins[i];
		status = report(csv, base, sink);
	}
	begin_record(csv);
	csv->carried = false;
	return status;
}

/* Lead step() to the end of the record, or of the chunk, from ${*at} on. */
static enum status take_any_record(
    struct csv *csv, char *bytes, size_t count, size_t *at, const struct sink *sink)
{
	size_t from = *at, to = from;
	enum outcome outcome = GOES_ON;
	enum status status;

	while (to < count && outcome == GOES_ON)
		outcome = step(csv, bytes[to++]);
	*at = to;
	if (csv->carried || outcome == GOES_ON) {
		status = carry_bytes(csv, bytes + from, to - from, sink->err);
		if (status != OK)
			return status;
	}
	if (outcome == GOES_ON)
		return OK;
	return end_record(
	    csv, outcome, csv->carried ? csv->carries[csv->carry].ptr : bytes + from, sink);
}

/* What was seen of a byte order mark in earlier feeds, ${count} bytes, was text after all. */
static enum status take_mark_as_text(struct csv *csv, size_t count, struct err *err)
{
	csv->bom_over = true;
	if (count == 0)
		return OK;
	for (size_t i = 0; i < count; i++)
		(void)step(csv, byte_order_mark[i]);
	return carry_bytes(csv, byte_order_mark, count, err);
}

/* Skip a byte order mark, or as much of it as came. */
static enum status skip_mark(
    struct csv *csv, const char *bytes, size_t count, size_t *at, struct err *err)
{
	size_t before = csv->bom_matched, used = 0;

	while (used < count && csv->bom_matched < sizeof(byte_order_mark) &&
	       bytes[used] == byte_order_mark[csv->bom_matched]) {
		csv->bom_matched++;
		used++;
	}
	if (csv->bom_matched == sizeof(byte_order_mark)) {
		csv->bom_over = true;
	} else if (used < count) {
		used = 0;
		*at = 0;
		return take_mark_as_text(csv, before, err);
	}
	*at = used;
	return OK;
}

/*
 * Reading from special byte to special byte.
 */

#define WINDOW_BLOCKS_MIN 4  /* what is looked at before it is known whether records are ordinary */
#define WINDOW_BLOCKS     32 /* later: two kilobytes of text */
#define WINDOW_BYTES      (WINDOW_BLOCKS * INDEX_BLOCK_BYTES)

/* Finds the special bytes of a chunk one after the other.  Their places are looked for a window
 * at a time; no byte past the chunk's end is read. */
struct cursor {
	csv_index_fn *index;
	const char *bytes;
	size_t count;
	size_t window;        /* where the window begins, from which places count */
	size_t behind;        /* where the next one will */
	size_t window_blocks; /* that one's length at most */
	uint64_t inside;      /* at its first byte: see csv_index.h */
	const uint32_t *next, *end;
	uint32_t places[WINDOW_BYTES + INDEX_SLACK];
};

#define NOWHERE SIZE_MAX

/* The chunk's last bytes, too few for a block: through a copy. */
static size_t look_at_tail(struct cursor *cursor)
{
	size_t count = cursor->count - cursor->behind;
	char block[INDEX_BLOCK_BYTES];

	memset(block, 'a', sizeof(block));
	memcpy(block, cursor->bytes + cursor->behind, count);
	cursor->behind = cursor->count;
	return cursor->index(block, 1, &cursor->inside, cursor->places);
}

/* Go on to the next window that has a special byte; false when there is none. */
static __attribute__((noinline)) bool find_window(struct cursor *cursor)
{
	size_t found = 0, blocks;

	while (found == 0 && cursor->behind < cursor->count) {
		blocks = (cursor->count - cursor->behind) / INDEX_BLOCK_BYTES;
		if (blocks > cursor->window_blocks)
			blocks = cursor->window_blocks;
		cursor->window = cursor->behind;
		if (blocks == 0) {
			found = look_at_tail(cursor);
		} else {
			found = cursor->index(cursor->bytes + cursor->window, blocks,
			    &cursor->inside, cursor->places);
			cursor->behind += blocks * INDEX_BLOCK_BYTES;
		}
		cursor->window_blocks = WINDOW_BLOCKS;
	}
	cursor->next = cursor->places;
	cursor->end = cursor->places + found;
	return found > 0;
}

/* At byte ${at}, a record's first. */
static void begin_cursor(
    struct cursor *cursor, csv_index_fn *index, const char *bytes, size_t count, size_t at)
{
	cursor->index = index;
	cursor->bytes = bytes;
	cursor->count = count;
	cursor->behind = at;
	cursor->window_blocks = WINDOW_BLOCKS_MIN;
	cursor->inside = 0;
	cursor->next = cursor->end = cursor->places;
}

/* The offset of the next special byte, or NOWHERE.  ${*at} stands for cursor->next, in a register. */
static inline size_t next_special(struct cursor *cursor, const uint32_t **at)
{
	if (*at == cursor->end) {
		if (!find_window(cursor))
			return NOWHERE;
		*at = cursor->next;
	}
	return cursor->window + *(*at)++;
}

/* After an opening quote: the offset of the comma or line end behind the closing one; NOWHERE when
 * that is not in the chunk, or when something else follows. */
static inline size_t skip_quoted(
    struct cursor *cursor, const uint32_t **at, uint64_t *lines, bool *escapes)
{
	size_t quote, behind;

	for (;;) {
		quote = next_special(cursor, at);
		if (quote == NOWHERE)
			return NOWHERE;
		if (cursor->bytes[quote] == '\n')
			++*lines;
		if (cursor->bytes[quote] != '"')
			continue;
		/* What may follow is special, all of it. */
		behind = next_special(cursor, at);
		if (behind != quote + 1)
			return NOWHERE;
		if (cursor->bytes[behind] != '"')
			return behind;
		*escapes = true;
	}
}

/* Take one record, or blank line, that begins at ${*at}, and move ${*at} behind it: true.  False,
 * with nothing changed but the cursor: it is not an ordinary one. */
static inline bool ordinary_record(struct csv *csv, struct cursor *cursor, size_t *at)
{
	const char *bytes = cursor->bytes;
	const uint32_t *next = cursor->next;
	struct slice *fields = csv->fields;
	size_t begin = *at, from, special, to, kept = 0, kept_max = csv->options.fields_max;
	uint64_t lines = 1;
	bool escapes = false;

	for (;;) {
		from = begin;
		special = to = next_special(cursor, &next);
		if (special == begin && bytes[special] == '"') {
			special = skip_quoted(cursor, &next, &lines, &escapes);
			from++;
			to = special - 1;
		}
		if (special == NOWHERE || kept == kept_max)
			return false;
		fields[kept] = (struct slice){bytes + from, to - from};
		if (bytes[special] == ',') {
			kept++;
			begin = special + 1;
		} else if (bytes[special] == '\n') {
			break;
		} else if (bytes[special] == '\r') {
			to = next_special(cursor, &next);
			if (to != special + 1 || bytes[to] != '\n')
				return false;
			break;
		} else if (bytes[special] == '"' || from != begin) {
			return false;
		}
		/* Else some control character in a field without quotes: text. */
	}
	if (special - *at > csv->options.record_bytes_max)
		return false;
	cursor->next = next;
	csv->field_kept = csv->field_count = special == *at ? 0 : kept + 1;
	csv->escapes = escapes;
	csv->line += lines;
	*at = special + 1 + (bytes[special] == '\r');
	return true;
}

/* Take records from ${*at} on as long as they are ordinary. */
static enum status take_ordinary_records(
    struct csv *csv, char *bytes, size_t count, size_t *at, const struct sink *sink)
{
	struct cursor cursor;
	enum status status = OK;
	size_t begin = *at;

	begin_cursor(&cursor, csv->options.index->run, bytes, count, *at);
	while (status == OK && ordinary_record(csv, &cursor, at)) {
		if (csv->field_count > 0)
			status = report(csv, bytes + begin, sink);
		begin = *at;
		csv->record_line = csv->line;
	}
	begin_record(csv);
	return status;
}

/*
 * The contract.
 */

enum status csv_create(const struct csv_options *options, struct csv **ret_csv, struct err *err)
{
	struct csv *csv;

	assert(options->record_bytes_max > 0);
	assert(options->fields_max > 0);
	csv = calloc(1, sizeof(*csv));
	if (csv == NULL)
		goto out;
	csv->options = *options;
	if (csv->options.index == NULL)
		csv->options.index = csv_index_best();
	for (size_t i = 0; i < 2; i++)
		buffer_init(&csv->carries[i], options->record_bytes_max);
	csv->fields = calloc(options->fields_max, sizeof(*csv->fields));
	csv->begins = calloc(options->fields_max, sizeof(*csv->begins));
	if (csv->fields == NULL || csv->begins == NULL)
		goto out;
	csv_reset(csv);
	*ret_csv = csv;
	return OK;
out:
	csv_destroy(&csv);
	return err_set(err, E_NOMEM, "no memory for a CSV reader");
}

void csv_reset(struct csv *csv)
{
	csv->line = 1;
	csv->bom_matched = 0;
	csv->bom_over = false;
	csv->over = false;
	csv->carried = false;
	begin_record(csv);
}

void csv_destroy(struct csv **csv)
{
	if (*csv == NULL)
		return;
	for (size_t i = 0; i < 2; i++)
		buffer_fini(&(*csv)->carries[i]);
	free((*csv)->fields);
	free((*csv)->begins);
	free(*csv);
	*csv = NULL;
}

enum status csv_feed(struct csv *csv, char *bytes, size_t count, csv_record_fn *on_record,
    void *ctx, struct err *err)
{
	const struct sink sink = {on_record, ctx, err};
	enum status status = OK;
	size_t at = 0;

	assert(!csv->over);
	if (!csv->bom_over)
		status = skip_mark(csv, bytes, count, &at, err);
	/* First what an earlier feed left; then mostly ordinary records, and one of the others
	 * after each run of them, the chunk's tail being the last such. */
	if (status == OK && csv->carried && at < count)
		status = take_any_record(csv, bytes, count, &at, &sink);
	while (status == OK && at < count) {
		status = take_ordinary_records(csv, bytes, count, &at, &sink);
		if (status == OK && at < count)
			status = take_any_record(csv, bytes, count, &at, &sink);
	}
	csv->over = status != OK;
	return status;
}

enum status csv_finish(struct csv *csv, csv_record_fn *on_record, void *ctx, struct err *err)
{
	const struct sink sink = {on_record, ctx, err};
	enum status status;

	assert(!csv->over);
	csv->over = true;
	if (!csv->bom_over && csv->bom_matched > 0) {
		status = take_mark_as_text(csv, csv->bom_matched, err);
		if (status != OK)
			return status;
	}
	switch (csv->state) {
	case STATE_RECORD:
		return OK;
	case STATE_QUOTED:
		return err_set(err, E_INVALID,
		    "the quote opened in line %" PRIu64 " is never closed", csv->quote_line);
	case STATE_CR:
	case STATE_BLANK_CR:
		put_fault(csv, CSV_FAULT_LONE_CR, csv->pos - 1);
		break;
	case STATE_FIELD:
	case STATE_PLAIN:
	case STATE_QUOTE:
		break;
	}
	assert(csv->carried);
	end_field(csv, csv->pos);
	return end_record(csv, ENDS_RECORD, csv->carries[csv->carry].ptr, &sink);
}
