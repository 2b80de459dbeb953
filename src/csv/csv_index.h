/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CSV_CSV_INDEX_H
#define SLUICE_CSV_CSV_INDEX_H

/*
 * Where a CSV has bytes that may mean something, 64 bytes at a time, in as many ways as the processor
 * has.  For csv.c; tests and measurements name one of them.
 */

#include <stddef.h>
#include <stdint.h>

#define INDEX_BLOCK_BYTES 64

/* A way may write so many numbers behind the last one that counts. */
#define INDEX_SLACK 8

/* Put the places of special bytes in ${count} blocks from ${bytes} on into ${ret_places}, counted from
 * ${bytes} and in ascending order; there must be room for every byte and INDEX_SLACK more.  Returns how
 * many there are.  Special is each quote and LF, and each comma and CR outside quotes.  There may
 * be commas and CRs inside quotes, too, and control characters: who walks the places looks at the
 * byte.
 *
 * ${*inside}: all bits set when the first byte stands inside quotes, else none; it is set for the byte
 * behind the last.  A quote opens and closes whatever stands beside it, so in malformed text places
 * are missing from the first quote on that opens no field; who finds one begins anew behind it.
 * (A way that leaves nothing out need not touch ${*inside}.) */
typedef size_t csv_index_fn(
    const char *bytes, size_t count, uint64_t *inside, uint32_t *ret_places);

struct csv_index {
	const char *name;
	csv_index_fn *run;
};

/* The one that is fastest on this processor.  Any thread. */
const struct csv_index *csv_index_best(void);

/* The ${i}th of those that this processor has, the fastest first and "scalar" last; NULL past it. */
const struct csv_index *csv_index_at(size_t i);

#endif
