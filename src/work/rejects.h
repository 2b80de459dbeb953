/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_REJECTS_H
#define SLUICE_WORK_REJECTS_H

/*
 * The failed records of one job, written as CSV while they are found: sf__Part,
 * sf__Line, sf__Error, then the record's own columns as they came.  The first part's
 * header names the columns; a part with another header is mapped onto it by name, so
 * that the file is one table.  Private to work/.
 */

#include "blob/blob.h"
#include "convert/reject.h"
#include "csv/csv.h"

struct rejects;

/* Nothing is stored before the first failed record.  The caller ends it with commit or abort. */
enum status rejects_create(struct blob *blob, const char *job_id, struct rejects **ret_rejects,
    struct err *err) WARN_UNUSED;

/* A new part, with the names of its columns (upsert: its header; delete: the fields). */
enum status rejects_begin_part(struct rejects *rejects, int64_t part, const struct slice *columns,
    size_t column_count, struct err *err) WARN_UNUSED;

/* Add a failed record of the part that was begun last, with its reason.  E_IO, E_FULL, E_NOMEM. */
enum status rejects_add(struct rejects *rejects, const struct csv_record *record,
    const struct reject *reject, struct err *err) WARN_UNUSED;

/* Make them durable, if there are any, and end. */
enum status rejects_commit(struct rejects **rejects, struct err *err) WARN_UNUSED;
/* Forget them.  NULL is fine. */
void rejects_abort(struct rejects **rejects);

#endif
