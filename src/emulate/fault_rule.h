/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_EMULATE_FAULT_RULE_H
#define SLUICE_EMULATE_FAULT_RULE_H

/*
 * A rule: which requests or jobs it is for, and which fault befalls them.  Plain data, and the JSON
 * that it is told in; docs/testing-clients.md is its reference.
 */

#include "base/json.h"
#include "base/status.h"
#include "base/uuid.h"
#include "schema/schema.h"
#include "schema/stream.h"

#include <stdbool.h>
#include <stdint.h>

#define FAULT_ID_BYTES      24 /* "f" and a number */
#define FAULT_PATH_BYTES    513
#define FAULT_MESSAGE_BYTES 1001
#define FAULT_DELAY_MS_MAX  600000
#define FAULT_HOLD_S_MAX    86400
#define FAULT_RETRY_S_MAX   86400
#define FAULT_TIMES_MAX     1000000000
#define FAULT_CUT_BYTES_MAX 1000000000

enum fault_cut {
	FAULT_CUT_NONE,
	FAULT_CUT_REQUEST, /* after so many bytes of its body; nothing is done */
	FAULT_CUT_ANSWER,  /* all is done, and half of the answer sent */
};

struct fault_rule {
	char id[FAULT_ID_BYTES]; /* the table's; "" before */

	/* Which; "" is any. */
	char method[8];
	char path[FAULT_PATH_BYTES]; /* "*" is one segment, "**" at the end any number */
	char job[UUID_TEXT_BYTES];
	char connector[STREAM_NAME_BYTES], object[STREAM_NAME_BYTES]; /* of jobs only */
	int64_t skip;                                                 /* so many pass first */
	int64_t count; /* then so many are hit; 0: all */

	/* What befalls a request: a delay, and one of answer and cut. */
	int64_t delay_ms;
	int64_t status;        /* of the answer that is given in its place; 0: none */
	int64_t retry_after_s; /* -1: not said */
	enum fault_cut cut;
	int64_t cut_after_bytes;

	/* What befalls a job when a worker claims it: it is held, then it may fail. */
	int64_t hold_s;
	bool fail;

	char message[FAULT_MESSAGE_BYTES]; /* of the answer, or of the job; "": not said */

	int64_t matched; /* how many were of this kind when the rule was asked */
	int64_t applied; /* how many it hit */
};

/* Is it for jobs?  Else it is for requests. */
bool fault_rule_is_for_jobs(const struct fault_rule *rule);

/* Read what a person wrote.  ${problems} (initialised with an arena, count 0) takes everything that
 * is wrong with it; false, and ${ret_rule} is good for nothing, when there is something. */
bool fault_rule_parse(
    const json_t *object, struct fault_rule *ret_rule, struct problems *problems) WARN_UNUSED;

/* The same form, with id and counts; what was not said is left out. */
void fault_rule_write(struct json_writer *w, const struct fault_rule *rule);

#endif
