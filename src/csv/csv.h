/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CSV_CSV_H
#define SLUICE_CSV_CSV_H

/*
 * A push tokenizer for CSV: RFC 4180 in UTF-8, comma only, LF or CRLF, quotes with "" inside.
 *
 *	csv_create(&options, &csv, &err)
 *	csv_feed(csv, bytes, count, on_record, ctx, &err)	as often as there are bytes, split
 *								anywhere
 *	csv_finish(csv, on_record, ctx, &err)			the end of the part: the last record
 *								may lack its LF
 *	csv_reset(csv)						before the next part
 *	csv_destroy(&csv)
 *
 * The records do not depend on how the bytes were split over the feeds.  A byte order
 * mark at the very start is skipped; so is a blank line (nothing between two line
 * ends), though it counts as a line.
 *
 * A malformed record is reported with its fault, never dropped, and the next record is found again:
 * after a fault the field goes on to the next comma or line end as plain text, and is given as it
 * came, quotes and all.  The record's other fields are read as ever.  Of a record that is too long
 * the first record_bytes_max bytes are kept, and the fields that begin in them or right behind
 * them, the last one as it came; the others are only counted.
 *
 * Lines are physical ones, from 1: every LF ends one, inside quotes too.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum csv_fault {
	CSV_FAULT_NONE,
	CSV_FAULT_LONE_CR,          /* a CR that no LF follows, outside quotes */
	CSV_FAULT_BARE_QUOTE,       /* a quote inside a field that did not begin with one */
	CSV_FAULT_TEXT_AFTER_QUOTE, /* something between a closing quote and the field's end */
	CSV_FAULT_TOO_LONG,         /* more than record_bytes_max; its fields are cut */
};

struct csv_record {
	const struct slice *fields; /* unquoted, "" made " */
	size_t field_count;   /* all of them, also those past fields_max, which are not in fields */
	size_t field_kept;    /* how many are in fields */
	uint64_t line;        /* where it begins */
	enum csv_fault fault; /* the first one */
	size_t fault_field;   /* in which field it is, from 0 */
};

/* Takes one record.  The record and its fields' array are valid until it returns; the fields' text
 * until the next call of feed, finish, reset or destroy.  Anything but OK stops the feed, which
 * returns it; after that, as after finish, only reset and destroy are allowed. */
typedef enum status csv_record_fn(void *ctx, const struct csv_record *record, struct err *err);

struct csv_index;

struct csv_options {
	size_t record_bytes_max; /* of one record's raw text, line ends inside quotes included */
	size_t fields_max;       /* kept of one record */
	const struct csv_index *index; /* how special bytes are found (csv_index.h); NULL: the
					  fastest way that this processor has */
};

struct csv;

/* The caller destroys.  E_NOMEM. */
enum status csv_create(
    const struct csv_options *options, struct csv **ret_csv, struct err *err) WARN_UNUSED;
/* Before another part: as after csv_create, whatever came before; the memory is kept. */
void csv_reset(struct csv *csv);
void csv_destroy(struct csv **csv);

/* ${bytes} may be changed (quotes are undone in place) and must stay until the next call: records
 * point into it.  No allocation per record.  E_NOMEM, or what ${on_record} returned. */
enum status csv_feed(struct csv *csv, char *bytes, size_t count, csv_record_fn *on_record,
    void *ctx, struct err *err) WARN_UNUSED;

/* E_INVALID: a quote is open at the end; the text names the line where it opened.  The record that
 * it is in is not reported. */
enum status csv_finish(
    struct csv *csv, csv_record_fn *on_record, void *ctx, struct err *err) WARN_UNUSED;

#endif
