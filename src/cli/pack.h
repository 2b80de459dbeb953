/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_PACK_H
#define SLUICE_CLI_PACK_H

/*
 * The body of a streaming request, {"data":[…]} or {"ids":[…]}, made of records that came one by
 * one: as many as fit in its bytes and its count.
 *
 *	pack_init(&pack, &options, &err)
 *	if (!pack_add(&pack, record, line))	full: send pack_body(), pack_clear(), add again
 *	pack_fini(&pack)
 *
 * A record goes in as it is; whether it is JSON is the caller's to know.  One thread at a time.
 */

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack_record {
	size_t offset, bytes; /* in the body */
	uint64_t line;        /* where it came from */
};

struct pack_options {
	const char *member; /* "data" or "ids" */
	size_t bytes_max;   /* of the whole body as it is sent */
	size_t count_max;
};

struct pack {
	struct pack_options options;
	struct buffer body; /* without its end */
	size_t head_bytes;
	struct pack_record *records;
	size_t count, room;
};

enum status pack_init(
    struct pack *pack, const struct pack_options *options, struct err *err) WARN_UNUSED;
void pack_fini(struct pack *pack);

/* The longest record that fits into an empty body. */
size_t pack_record_bytes_max(const struct pack *pack);

/* false, and nothing is changed, when it is one or some bytes too many.  A record that is longer
 * than the longest fits never.  A lack of memory shows in pack_body. */
bool pack_add(struct pack *pack, struct slice record, uint64_t line);

/* The body as it is to be sent; a view until the next change.  E_NOMEM. */
enum status pack_body(struct pack *pack, struct slice *ret_body, struct err *err) WARN_UNUSED;

struct slice pack_record(const struct pack *pack, size_t i);

/* Keep the records whose ${keep} is true, in their order. */
void pack_keep(struct pack *pack, const bool *keep);

void pack_clear(struct pack *pack);

#endif
