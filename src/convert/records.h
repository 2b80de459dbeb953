/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_RECORDS_H
#define SLUICE_CONVERT_RECORDS_H

/*
 * A streaming request's body to an entry (entry.h): JSON records, checked against the schema.
 *
 *	record_plan_create(object, stream, &plan, &err)		once a schema
 *	records_read(plan, body, now, &entry, &report, &err)	POST and actions/test
 *	record_ids_read / record_ids_split			DELETE
 *	record_plan_destroy(&plan)
 *
 * A number keeps its exact decimal value: it is never a double.  A plan never changes once it is
 * made; any number of threads may use it.  Nothing blocks.
 */

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "schema/schema.h"
#include "schema/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_plan;

/* Borrows ${object} and ${stream}, which must outlive the plan.  E_NOMEM. */
enum status record_plan_create(const struct object *object, const struct stream *stream,
    struct record_plan **ret_plan, struct err *err) WARN_UNUSED;
void record_plan_destroy(struct record_plan **plan);

/* What is wrong with a request's records, for the wire: the JSON array of
 * details.validationReport, api.md §3, an entry a failed record in their order.  ${count} records
 * failed.  When the array can't hold them all in RECORD_REPORT_BYTES_MAX, its last entry has an
 * empty record and says how many more there are. */
struct record_report {
	struct buffer json;
	size_t count;
};

#define RECORD_REPORT_BYTES_MAX (1024 * 1024)

/* The wire's message for records that do not fit. */
#define RECORDS_MISMATCH "Bad Request: JSON is properly formatted but has a mismatch with Schema."

/* Read {"data":[{…},…]} and put its entry (ENTRY_UPSERT, or ENTRY_PARTIAL by the stream's refresh
 * mode) behind what is in ${entry}; or, when anything is wrong, nothing.  Other members beside
 * "data" are ignored.
 * E_INVALID: the body is not JSON or not of this form, or has no record; the text says what is wrong
 * and where.
 * E_CONFLICT: ${ret_report}->count records do not fit the schema; the text is RECORDS_MISMATCH.
 * E_NOMEM.  The caller initialises both buffers and frees them: an entry has at most 128 KiB and
 * twice the body's bytes, the report's array RECORD_REPORT_BYTES_MAX.  Only with E_CONFLICT is
 * there anything in the report. */
enum status records_read(const struct record_plan *plan, struct slice body, int64_t now_us,
    struct buffer *entry, struct record_report *ret_report, struct err *err) WARN_UNUSED;

#define RECORD_IDS_MAX 200

/* Read {"ids":["a",…]} (a number for a number key is as good, and true for a boolean one) or the
 * query string's "a,b", percent-decoded, and put the entry (ENTRY_DELETE) behind what is in
 * ${entry}.  E_INVALID: not of this form, no id at all, more than RECORD_IDS_MAX, a blank one, or one
 * that is no value of the key's type as a CSV would have it; the text names it.  E_NOMEM. */
enum status record_ids_read(const struct record_plan *plan, struct slice body, int64_t now_us,
    struct buffer *entry, struct err *err) WARN_UNUSED;
enum status record_ids_split(const struct record_plan *plan, struct slice ids, int64_t now_us,
    struct buffer *entry, struct err *err) WARN_UNUSED;

#endif
