/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_RECORD_PLAN_H
#define SLUICE_CONVERT_RECORD_PLAN_H

/*
 * What records.c, record_ids.c and record_report.c share: the plan, and one value's conversion.
 * For these files only.
 */

#include "base/slice.h"
#include "convert/entry.h"
#include "convert/records.h"
#include "convert/reject.h"
#include "json/json_scan.h"
#include "schema/schema.h"
#include "schema/stream.h"

#include <stdbool.h>
#include <stddef.h>

/* A field of the object, in the schema's order. */
struct record_cell {
	struct slice name;
	enum field_type type;
	enum reject_code if_blank; /* REJECT_NONE: it is NULL then */
	bool must_be_there;        /* must the record have a member of this name? */
};

struct record_plan {
	const struct object *object;
	enum entry_kind kind; /* of its records' entries */
	struct record_cell *cells;
	const struct field **fields; /* the object's, as an entry wants them */
	size_t cell_count;
	size_t *by_name; /* the cells' numbers, by length and then text of their names */
	size_t key;      /* the cell of the primary key */
};

/* The number of the cell of that name; cell_count when there is none. */
size_t record_plan_find(const struct record_plan *plan, struct slice name);

/* Why a member's value is none of its field. */
enum record_fault {
	RECORD_FINE,
	RECORD_TYPE,   /* it is of another JSON type */
	RECORD_REJECT, /* it is of the type, and refused */
};

/* Convert the value that ${token} is, or begins.  RECORD_REJECT: ${ret_code} says why. */
enum record_fault record_convert(const struct record_cell *cell, const struct json_token *token,
    struct value *ret_value, enum reject_code *ret_code) WARN_UNUSED;

/* Text as in a CSV to a value of ${type}. */
enum reject_code record_value(
    enum field_type type, struct slice text, struct value *ret_value) WARN_UNUSED;

/*
 * The report of a request, as it is read.
 *
 *	report_begin -> report_add … (a record that failed) -> report_end -> report_fini
 */
struct report_writer {
	const struct record_plan *plan;
	struct record_report *report;
	size_t listed; /* of report->count; once they differ, the array has room for no more */
	struct buffer entry;
	struct buffer scratch;
	struct arena arena;
};

/* Empties ${report}, which must outlive the writer. */
void report_begin(
    struct report_writer *w, const struct record_plan *plan, struct record_report *report);
/* ${record}: the failed one's text, valid JSON, which ${first} began.  E_NOMEM. */
enum status report_add(struct report_writer *w, const struct json_token *first, struct slice record,
    struct err *err) WARN_UNUSED;
enum status report_end(struct report_writer *w, struct err *err) WARN_UNUSED;
void report_fini(struct report_writer *w);

#endif
