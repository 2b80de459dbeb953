/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_API_H
#define SLUICE_API_API_H

/*
 * The resources of the wire, one file each: parse, call, render.  No SQL, no threads, no rules of
 * their own: those are in schema/, job/ and below.  What is served where stands in routes.def.
 */

#include "auth/oauth.h"
#include "blob/blob.h"
#include "catalog/catalog.h"
#include "catalog/shape.h"
#include "emulate/faults.h"
#include "emulate/hosted.h"
#include "emulate/rate.h"
#include "http/http.h"
#include "job/job.h"
#include "job/tables.h"
#include "journal/journal.h"
#include "lake/lake.h"
#include "query/results.h"
#include "work/applier.h"
#include "work/work.h"

#include <pthread.h>
#include <stdatomic.h>

struct api {
	struct catalog *catalog;
	struct blob *blob;
	struct lake *lake;
	struct job_service *jobs;
	struct work *work;
	struct early *early;
	struct results *results;
	struct applier *applier;
	const struct tables_service *tables;
	int64_t query_timeout_ms;
	atomic_bool ready;                 /* for /readyz */
	const struct catalog_quota *quota; /* of jobs; NULL: none */
	struct rate *streaming_rate;       /* of streaming requests; NULL: none */

	/* Who is let in.  The oauth has the audit, too. */
	struct oauth oauth;
	bool instance_is_host; /* --instance-url host */

	/* Streaming.  The plan of a shape is a struct record_plan.  accepted(), if not NULL, is told
	 * that there is something new in the stream's journal; it must not block for long. */
	struct shapes *shapes;
	struct journal *journal;
	void (*accepted)(void *ctx, const struct stream *stream);
	void *accepted_ctx;

	/* --test-controls: NULL when they are off.  clock_moved(), if not NULL, is called when a
	 * test has moved the wall clock, on a thread of the work lane, and returns when what became
	 * due by that is done. */
	struct faults *faults;
	void (*clock_moved)(void *ctx);
	void *clock_moved_ctx;

	/* Held by a change of a connector or stream from its first look into the catalog to
	 * its last step in the lake.  Without it a stream could be given another key than the
	 * one that was just checked, and a table be made for a connector that was just
	 * deleted, or be dropped for one that was just made again.  Loads need it not: a
	 * connector that has jobs stays. */
	pthread_mutex_t tables_mutex;
};

/* The routes, for http_options; they live as long as the program.
 * Their context is a struct api. */
const struct http_route *api_routes(size_t *ret_count);

/* Name the cells of what is counted here (base/metrics.h).  Once, before the first request. */
void api_name_metrics(void);

/* For http_options: the token of the request, and its scope for the route. */
void api_authorize(struct request *request, const struct http_route *route);

/* For http_options, when there are faults: meets the request with what the rules say. */
void api_intercept(struct request *request, const struct http_route *route);

#endif
