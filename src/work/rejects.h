/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_REJECTS_H
#define SLUICE_WORK_REJECTS_H

/*
 * The failed records of one job, kept while they are found, in two places:
 *
 *	the blob	a CSV file: sf__Part, sf__Line, sf__Error, then the record's own columns as
 *			they came, byte for byte.  The first part's header names the columns; a part
 *			with another header is mapped onto it by name, so that the file is one
 *			table.
 *	the lake	a problem record of the job's load: the error's code and sentence apart, and
 *			the record's fields as CSV in the order in which they came.
 *
 * Private to work/.
 */

#include "blob/blob.h"
#include "convert/reject.h"
#include "csv/csv.h"
#include "lake/lake.h"

struct rejects;

/* Nothing is stored before the first failed record.  Borrows ${load} until its end, which the
 * caller brings about with commit or abort; NULL: nothing is to land, so the blob alone has
 * them. */
enum status rejects_create(struct blob *blob, const char *job_id, struct lake_load *load,
    struct rejects **ret_rejects, struct err *err) WARN_UNUSED;

/* A new part, with the names of its columns (upsert: its header; delete: the fields). */
enum status rejects_begin_part(struct rejects *rejects, int64_t part, const struct slice *columns,
    size_t column_count, struct err *err) WARN_UNUSED;

/* Add a failed record of the part that was begun last, with its reason.  E_IO, E_FULL, E_NOMEM. */
enum status rejects_add(struct rejects *rejects, const struct csv_record *record,
    const struct reject *reject, struct err *err) WARN_UNUSED;

/* Make the blob durable, if there are any, and end; the problem records follow with the load's
 * commit. */
enum status rejects_commit(struct rejects **rejects, struct err *err) WARN_UNUSED;
/* Forget them.  NULL is fine. */
void rejects_abort(struct rejects **rejects);

#endif
