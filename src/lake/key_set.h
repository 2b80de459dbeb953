/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_KEY_SET_H
#define SLUICE_LAKE_KEY_SET_H

/*
 * Does any key of a load come twice?  Answered while the rows arrive, so that the commit need not
 * count them (a tenth of its time).  Hashes only, in a table of bounded size: "no" is certain,
 * everything else is "perhaps", also after more keys than it may hold.  One thread at a time.
 */

#include "convert/batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_set {
	uint64_t *slots; /* 0: free */
	size_t slot_count;
	size_t count;
	bool may_repeat; /* a key perhaps came twice; it stays so and nothing more is kept */
};

void key_set_init(struct key_set *set);
void key_set_fini(struct key_set *set);

/* Take the keys of the first ${row_count} rows, none of them NULL. */
void key_set_add(struct key_set *set, const struct batch_column *keys, size_t row_count);

#endif
