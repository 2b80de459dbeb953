/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_REFUSAL_H
#define SLUICE_CLI_REFUSAL_H

/*
 * Which records of a body the server refused: the validationReport in the details of a 400, brought
 * together with the body that was sent.
 *
 *	refusal_read(answer, &pack, &refusal, &err)
 *	for (i < refusal.count) refusal.entries[i]
 *	refusal_fini(&refusal)
 */

#include "base/buffer.h"
#include "base/json.h"
#include "base/slice.h"
#include "base/status.h"
#include "cli/pack.h"

#define REFUSAL_UNKNOWN SIZE_MAX

struct refusal_entry {
	size_t record;         /* index in the pack, or REFUSAL_UNKNOWN */
	const char *text;      /* the record as the server tells it, "" when it does not */
	const json_t *reasons; /* an array, or NULL */
};

struct refusal {
	json_t *answer;
	struct refusal_entry *entries;
	size_t count;
	size_t known; /* so many of them name a record of the pack */
};

/* The report in ${answer}, the body of a 400.  An entry is the first record with its text that is
 * behind the one of the entry before; a text that is none byte by byte is compared as JSON.  Without
 * a report there are no entries.  E_NOMEM. */
enum status refusal_read(struct slice answer, const struct pack *pack, struct refusal *ret_refusal,
    struct err *err) WARN_UNUSED;
void refusal_fini(struct refusal *refusal);

/* Append why an entry failed: its reasons, "; " between them. */
void refusal_put_reasons(const struct refusal_entry *entry, struct buffer *out);

#endif
