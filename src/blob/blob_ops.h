/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BLOB_BLOB_OPS_H
#define SLUICE_BLOB_BLOB_OPS_H

/*
 * What a backend of blob.h implements.  Only blob.c and the backends include this.
 *
 * blob.c checks the arguments, counts and digests the bytes, and puts "write blob g/n" in front of
 * error texts; so a backend may trust what it is given and has only storage to think about.  The
 * promises of blob.h are the backend's to keep.  A backend's structs begin with the base structs
 * below; blob.c fills those of a writer or reader once the backend has made it.
 */

#include "base/digest.h"
#include "blob/blob.h"

#include <stdbool.h>

struct blob_ops {
	void (*close)(struct blob *blob);

	enum status (*write_begin)(
	    struct blob *blob, const char *group, struct blob_writer **ret_writer, struct err *err);
	enum status (*write)(struct blob_writer *writer, struct slice bytes, struct err *err);
	/* Under ${writer}->name.  Both end the writer, a commit that fails too. */
	enum status (*write_commit)(struct blob_writer *writer, struct err *err);
	void (*write_abort)(struct blob_writer *writer);

	enum status (*read_open)(struct blob *blob, const char *group, const char *name,
	    struct blob_reader **ret_reader, uint64_t *ret_bytes, struct err *err);
	enum status (*read)(struct blob_reader *reader, char *ret_bytes, size_t room,
	    size_t *ret_count, struct err *err);
	void (*read_close)(struct blob_reader *reader);
	enum status (*follow)(const struct blob_writer *writer, struct blob_reader **ret_reader,
	    struct err *err);

	enum status (*remove)(
	    struct blob *blob, const char *group, const char *prefix, struct err *err);
	enum status (*each_group)(
	    struct blob *blob, blob_group_fn *visit, void *ctx, struct err *err);
	enum status (*each)(
	    struct blob *blob, const char *group, blob_name_fn *visit, void *ctx, struct err *err);
};

struct blob {
	const struct blob_ops *ops; /* the backend sets it when it opens */
};

struct blob_writer {
	const struct blob_ops *ops;
	struct digest *sha256;
	uint64_t bytes;
	bool failed; /* only abort is left */
	char group[BLOB_NAME_BYTES_MAX + 1];
	char name[BLOB_NAME_BYTES_MAX + 1];
};

struct blob_reader {
	const struct blob_ops *ops;
};

/* One to BLOB_NAME_BYTES_MAX of a-z 0-9 - ? */
bool blob_name_is_valid(const char *name);

/* Is it the name of an unfinished blob? */
bool blob_name_is_unfinished(const char *name);

#endif
