/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_LAKE_LAKE_OPS_H
#define SLUICE_LAKE_LAKE_OPS_H

/*
 * What a backend of the lake provides.  lake.c checks the arguments and calls these; the contract
 * of each is that of the function of its name in lake.h.  A backend's own structs begin with struct
 * lake and struct lake_load.
 */

#include "lake/lake.h"

struct lake {
	const struct lake_ops *ops;
};

struct lake_load {
	struct lake *lake;
	enum lake_operation operation;
	enum field_type *types; /* of the batches' columns; the backend's */
	size_t column_count;
	size_t key; /* which of them is the key */
};

struct lake_ops {
	void (*close)(struct lake *lake);
	enum status (*table_ensure)(
	    struct lake *lake, const struct lake_table *table, struct err *err);
	enum status (*table_drop)(
	    struct lake *lake, const char *connector, const char *object, struct err *err);
	enum status (*load_begin)(struct lake *lake, const struct lake_table *table,
	    enum lake_operation operation, struct lake_load **ret_load, struct err *err);
	enum status (*load_append)(
	    struct lake_load *load, const struct batch *batch, struct err *err);
	enum status (*load_problem)(
	    struct lake_load *load, const struct lake_problem *problem, struct err *err);
	enum status (*load_append_changes)(struct lake_load *load, const struct batch *batch,
	    const enum lake_change *changes, const uint64_t (*given)[BATCH_ROWS / 64],
	    struct err *err);
	/* These three free the load, whatever comes of it. */
	enum status (*load_commit)(
	    struct lake_load *load, const struct lake_applied *jobs, size_t count, struct err *err);
	enum status (*load_commit_position)(
	    struct lake_load *load, const char *journal, int64_t from, int64_t to, struct err *err);
	bool (*load_is_in_the_way)(const struct lake_load *load);
	void (*load_abort)(struct lake_load *load);
	enum status (*problems_expire)(struct lake *lake, const char *connector, const char *object,
	    int64_t before_us, int64_t *ret_removed, struct err *err);
	enum status (*mark_get)(
	    struct lake *lake, const char *job_id, struct lake_mark *ret_mark, struct err *err);
	enum status (*mark_clear)(struct lake *lake, struct err *err);
	enum status (*position_get)(
	    struct lake *lake, const char *journal, int64_t *ret_position, struct err *err);
	enum status (*position_forget)(struct lake *lake, const char *journal, struct err *err);
	enum status (*versions_get)(struct lake *lake, const struct lake_table *table,
	    const struct batch *const *keys, size_t batch_count, struct lake_version *ret_versions,
	    struct err *err);
	enum status (*query)(struct lake *lake, const struct lake_query *query,
	    const struct lake_sink *sink, bool *ret_more, struct err *err);
};

#endif
