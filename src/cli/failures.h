/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_FAILURES_H
#define SLUICE_CLI_FAILURES_H

/* The first failed records of a job, out of the CSV that the server streams. */

#include "base/slice.h"
#include "base/status.h"
#include "cli/client.h"

#include <stdint.h>

struct failure {
	uint64_t part; /* from 1; 0: not told */
	uint64_t line; /* of the part, from 1 */
	struct slice reason;
};

/* Takes one; its text is valid until it returns. */
typedef void failure_fn(void *ctx, const struct failure *failure);

/* Up to ${count_max} of the job's failed records; no more than these are downloaded. */
enum status failures_read(struct client *client, const char *job_id, uint64_t count_max,
    failure_fn *on_failure, void *ctx, struct err *err) WARN_UNUSED;

#endif
