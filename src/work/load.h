/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_WORK_LOAD_H
#define SLUICE_WORK_LOAD_H

/*
 * One job into the lake: parts in order -> tokenizer -> converters -> batches -> the lake's load;
 * failed records into a blob and, as problem records, into the same load.  Private to work/.
 */

#include "catalog/catalog.h"
#include "job/job.h"
#include "lake/lake.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The most columns that a header may name: the schema's 1,000 and many more that are ignored. */
#define LOAD_COLUMNS_MAX 16384

struct load_control {
	atomic_bool stop;        /* set by who wants it to end */
	_Atomic double progress; /* 0 to 1, for who asks */
};

enum load_outcome {
	LOAD_APPLIED,    /* rows and mark are in the lake, or it only validates and all was read */
	LOAD_UNREADABLE, /* the data is at fault: trying again would not help; the text is for the
			  * client */
};

/*
 * Load a job that this server holds the lease of.  On LOAD_APPLIED ${ret_mark} has the counts, and
 * its failed records, if any, are durable; on LOAD_UNREADABLE nothing of it is in the lake and
 * ${err} says why.  E_CANCELLED: stop was set before the commit; other failures are the world's;
 * nothing of it is in the lake then.
 */
enum status load_job(struct job_service *service, struct lake *lake, const struct job *job,
    struct load_control *control, enum load_outcome *ret_outcome, struct lake_mark *ret_mark,
    struct err *err) WARN_UNUSED;

#endif
