/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOURNAL_JOURNAL_OPS_H
#define SLUICE_JOURNAL_JOURNAL_OPS_H

/*
 * What a backend of journal.h implements.  Only journal.c and the backends include this.
 *
 * journal.c checks the arguments and puts "log n: append" in front of error texts; so a backend may
 * trust what it is given and has only storage to think about.  The promises of journal.h are the
 * backend's to keep.  A backend's struct begins with struct journal.
 */

#include "journal/journal.h"

struct journal_ops {
	void (*close)(struct journal *journal);
	enum status (*append)(struct journal *journal, const char *name, struct slice entry,
	    int64_t *ret_end, struct err *err);
	enum status (*state)(struct journal *journal, const char *name,
	    struct journal_state *ret_state, struct err *err);
	enum status (*read)(struct journal *journal, const char *name, int64_t from, int64_t to,
	    size_t bytes_max, struct arena *arena, journal_entry_fn *visit, void *ctx,
	    int64_t *ret_next, struct err *err);
	enum status (*trim)(
	    struct journal *journal, const char *name, int64_t position, struct err *err);
	enum status (*remove)(struct journal *journal, const char *name, struct err *err);
	enum status (*list)(struct journal *journal, struct arena *arena, const char ***ret_names,
	    size_t *ret_count, struct err *err);
};

struct journal {
	const struct journal_ops *ops; /* the backend sets it when it opens */
};

/* One to JOURNAL_NAME_BYTES - 1 of a-z 0-9 - ? */
bool journal_name_is_valid(const char *name);

#endif
