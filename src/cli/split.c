/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting CSV between records: see split.h.
 *
 * The grammar is that of the server's tokenizer (csv/csv.h), malformed records included: a quote
 * opens only at the start of a field, and after a fault the field is plain text up to the next
 * comma or line end.  A splitter that only counted quotes would be wrong about every line after a
 * value such as `5" screen`, and cut good records in two.
 *
 * A part is closed when the next record would not fit any more.  So nothing is known about the last
 * records until the end or until they are too many; split_feed() complains about a record that
 * grows too long before its end is seen.
 */
#include "cli/split.h"

#include <inttypes.h>

static const char byte_order_mark[3] = {'\xef', '\xbb', '\xbf'};

void split_init(struct split *split, uint64_t part_bytes_max, bool wants_header)
{
	*split = (struct split){
	    .part_bytes_max = part_bytes_max,
	    .wants_header = wants_header,
	    .only_cr = true,
	    .line = 1,
	    .record_line = 1,
	    .part_line = 1,
	};
}

/* The mark is no text: a quote after it still begins the first field.  Half of one is text. */
static const char *skip_mark(struct split *split, const char *p, const char *end)
{
	while (p < end && split->offset < sizeof(byte_order_mark) &&
	       split->mark_bytes == split->offset && *p == byte_order_mark[split->offset]) {
		split->offset++;
		split->mark_bytes++;
		split->state =
		    split->mark_bytes < sizeof(byte_order_mark) ? SPLIT_PLAIN : SPLIT_FIELD_START;
		p++;
	}
	return p;
}

static const char *skip_plain(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != '\n')
		p++;
	return p;
}

static const char *skip_quoted(const char *p, const char *end, uint64_t *line)
{
	for (; p < end && *p != '"'; p++)
		*line += *p == '\n';
	return p;
}

/* Go on from ${p} to just behind the line end that ends the record, or to
 * ${end}.  Returns where it stopped. */
static const char *scan_record(struct split *split, const char *p, const char *end, bool *ret_ended)
{
	while (p < end) {
		switch (split->state) {
		case SPLIT_FIELD_START:
			if (*p != '\r' && *p != '\n')
				split->only_cr = false;
			if (*p == '"') {
				split->state = SPLIT_QUOTED;
				p++;
				continue;
			}
			break;
		case SPLIT_PLAIN:
			p = skip_plain(p, end);
			break;
		case SPLIT_QUOTED:
			p = skip_quoted(p, end, &split->line);
			if (p < end) {
				split->state = SPLIT_QUOTE_IN_QUOTED;
				p++;
			}
			continue;
		case SPLIT_QUOTE_IN_QUOTED:
			if (*p == '"') {
				split->state = SPLIT_QUOTED;
				p++;
				continue;
			}
			break;
		}
		/* Outside quotes: a comma or a line end means something, all else is plain text. */
		if (p == end)
			break;
		split->state = *p == ',' || *p == '\n' ? SPLIT_FIELD_START : SPLIT_PLAIN;
		if (*p++ == '\n') {
			split->line++;
			*ret_ended = true;
			return p;
		}
	}
	*ret_ended = false;
	return p;
}

static enum status give_part(
    struct split *split, uint64_t end, split_part_fn *on_part, void *ctx, struct err *err)
{
	struct split_part part = {
	    .header_bytes = split->header_bytes,
	    .header_lines = split->header_lines,
	    .offset = split->part_offset,
	    .bytes = end - split->part_offset,
	    .line = split->part_line,
	};

	split->part_count++;
	return on_part(ctx, &part, err);
}

/* Does what lies between ${from} and here make a part with the header? */
static bool fits(const struct split *split, uint64_t from)
{
	return split->header_bytes + (split->offset - from) <= split->part_bytes_max;
}

static enum status complain(const struct split *split, struct err *err)
{
	return err_set(err, E_LIMIT,
	    "line %" PRIu64 ": the record that begins here is longer than a part may be (%" PRIu64
	    " bytes%s); is a quote never closed?",
	    split->record_line, split->part_bytes_max,
	    split->header_bytes > 0 ? ", the header included" : "");
}

/* "Nothing between two line ends", as the server sees it. */
static bool is_blank(const struct split *split)
{
	uint64_t start = split->record_offset;

	if (start == 0 && split->mark_bytes == sizeof(byte_order_mark))
		start += sizeof(byte_order_mark);
	return split->only_cr && split->offset - start <= strlen("\r\n");
}

/* Everything up to here is the header. */
static void take_header(struct split *split)
{
	split->has_header = true;
	split->header_bytes = split->offset;
	split->header_lines = split->line - 1;
	split->part_offset = split->offset;
	split->part_line = split->line;
}

/* A record ends here: it still fits the part, or it begins the next one. */
static enum status end_record(
    struct split *split, split_part_fn *on_part, void *ctx, struct err *err)
{
	enum status st = OK;

	if (split->wants_header && !split->has_header) {
		if (split->offset > split->part_bytes_max)
			return complain(split, err);
		if (!is_blank(split))
			take_header(split);
	} else if (!fits(split, split->part_offset)) {
		if (!fits(split, split->record_offset))
			return complain(split, err);
		st = give_part(split, split->record_offset, on_part, ctx, err);
		split->part_offset = split->record_offset;
		split->part_line = split->record_line;
	}
	split->record_offset = split->offset;
	split->record_line = split->line;
	split->only_cr = true;
	return st;
}

enum status split_feed(
    struct split *split, struct slice bytes, split_part_fn *on_part, void *ctx, struct err *err)
{
	const char *end = bytes.ptr + bytes.len;
	const char *p, *from;
	enum status st;
	bool ended;

	if (bytes.len == 0)
		return OK;
	p = skip_mark(split, bytes.ptr, end);
	while (p < end) {
		from = p;
		p = scan_record(split, p, end, &ended);
		split->offset += (uint64_t)(p - from);
		if (!ended)
			break;
		st = end_record(split, on_part, ctx, err);
		if (st != OK)
			return st;
	}
	/* Without this a quote that is never closed would have the whole file read first. */
	return fits(split, split->record_offset) ? OK : complain(split, err);
}

enum status split_finish(struct split *split, split_part_fn *on_part, void *ctx, struct err *err)
{
	enum status st = OK;

	if (split->wants_header && !split->has_header)
		take_header(split);
	else if (split->record_offset < split->offset)
		st = end_record(split, on_part, ctx, err);
	if (st != OK || split->offset == 0)
		return st;
	if (split->part_offset < split->offset || split->part_count == 0)
		st = give_part(split, split->offset, on_part, ctx, err);
	return st;
}
