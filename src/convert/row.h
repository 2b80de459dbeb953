/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_ROW_H
#define SLUICE_CONVERT_ROW_H

/*
 * A record of a CSV part to a row of a batch: which column goes where, and the
 * rules that concern a whole record.
 *
 *	row_plan_create(object, stream, operation, &plan, &err)
 *	row_plan_bind(plan, header, &err)	upsert: at each part's first record
 *	row_convert(plan, record, first, batch, &reject)
 *	row_plan_destroy(&plan)
 *
 * An upsert's batch has the object's fields in the schema's order.  A delete's batch has the
 * primary key and, when the stream has a record modified field, that date-time.
 */

#include "base/status.h"
#include "convert/batch.h"
#include "convert/reject.h"
#include "csv/csv.h"
#include "schema/schema.h"
#include "schema/stream.h"

enum row_operation { ROW_UPSERT, ROW_DELETE };

struct row_plan;

/* Borrows ${object} and ${stream}, which must outlive the plan.  E_NOMEM. */
enum status row_plan_create(const struct object *object, const struct stream *stream,
    enum row_operation operation, struct row_plan **ret_plan, struct err *err) WARN_UNUSED;
void row_plan_destroy(struct row_plan **plan);

/* A batch of the plan's column types; the caller destroys it. */
enum status row_plan_batch(
    const struct row_plan *plan, struct batch **ret_batch, struct err *err) WARN_UNUSED;

/* Take the names of a part's columns (upsert only).  Names match exactly, in any order; columns
 * that the schema lacks are ignored, and so are columns with a blank name.  E_INVALID: a field of
 * the schema has no column (the text names those that miss, as many as it holds), a column is named
 * twice, or the header itself is malformed; the part cannot be read then.  E_NOMEM.  After a
 * failure the plan is not bound.  Nothing of ${header} is kept. */
enum status row_plan_bind(
    struct row_plan *plan, const struct csv_record *header, struct err *err) WARN_UNUSED;

/* Append the record to ${batch}, which must be of the plan's types and have room: true.
 * Or say in ${ret_reject} why it is refused and leave the batch's rows as they were:
 * false.  An upsert's plan must have been bound.  Strings in the batch, and the reject's
 * value, are views of the record's text.
 * Rules, in the order in which they are asked: the tokenizer found no fault; a delete's very first
 * record of a part (${first}) is not the key field's own name, which looks like a header; the
 * number of fields is the header's (delete: the key's and, with a record modified field, its own);
 * then field by field in the batch's order, values convert, and key, record modified field, event
 * time field and required fields are not blank. */
bool row_convert(struct row_plan *plan, const struct csv_record *record, bool first,
    struct batch *batch, struct reject *ret_reject) WARN_UNUSED;

#endif
