/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs, the part that all backends share: see blob.h for the promises and blob_ops.h for what is
 * left to a backend.
 *
 * Names are made by this program, never taken from a client, so a bad one is a bug and is asserted;
 * that also keeps "..", "/" and their kin out of every backend.  Bytes are counted and digested
 * here, once they are stored, so that no backend can forget a byte or digest one twice.
 *
 * There is no lock: whatever two threads may do to the same group at
 * once is the backend's to sort out.
 */
#include "blob/blob.h"

#include "blob/blob_ops.h"

#include <assert.h>
#include <string.h>

static bool has_name_chars(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return text[length] == '\0' && length <= BLOB_NAME_BYTES_MAX;
}

bool blob_name_is_valid(const char *name)
{
	return name[0] != '\0' && has_name_chars(name);
}

bool blob_name_is_unfinished(const char *name)
{
	return strncmp(name, BLOB_UNFINISHED_PREFIX, strlen(BLOB_UNFINISHED_PREFIX)) == 0;
}

static void assert_names(const char *group, const char *name)
{
	assert(blob_name_is_valid(group));
	assert(blob_name_is_valid(name));
	assert(!blob_name_is_unfinished(name));
}

void blob_close(struct blob **blob_ptr)
{
	if (*blob_ptr == NULL)
		return;
	(*blob_ptr)->ops->close(*blob_ptr);
	*blob_ptr = NULL;
}

enum status blob_write_begin(struct blob *blob, const char *group, const char *name,
    struct blob_writer **ret_writer, struct err *err)
{
	struct blob_writer *writer;
	struct digest *sha256 = NULL;
	enum status st;

	assert_names(group, name);

	/* The digest first: once the backend has made the writer, nothing here can fail. */
	st = digest_create(DIGEST_SHA256, &sha256, err);
	if (st == OK)
		st = blob->ops->write_begin(blob, group, &writer, err);
	if (st != OK) {
		digest_destroy(&sha256);
		err_add(err, "write blob %s/%s", group, name);
		return st;
	}
	writer->ops = blob->ops;
	writer->sha256 = sha256;
	writer->bytes = 0;
	writer->failed = false;
	memcpy(writer->group, group, strlen(group) + 1);
	memcpy(writer->name, name, strlen(name) + 1);
	*ret_writer = writer;
	return OK;
}

enum status blob_write(struct blob_writer *writer, struct slice bytes, struct err *err)
{
	enum status st;

	assert(!writer->failed);
	st = writer->ops->write(writer, bytes, err);
	if (st != OK) {
		writer->failed = true;
		err_add(err, "write blob %s/%s", writer->group, writer->name);
		return st;
	}
	digest_add(writer->sha256, bytes);
	writer->bytes += bytes.len;
	return OK;
}

enum status blob_write_info(
    const struct blob_writer *writer, struct blob_info *ret_info, struct err *err)
{
	struct blob_info info = {.bytes = writer->bytes};
	enum status st = digest_get(writer->sha256, info.sha256, err);

	if (st != OK) {
		err_add(err, "blob %s/%s", writer->group, writer->name);
		return st;
	}
	*ret_info = info;
	return OK;
}

enum status blob_write_commit(
    struct blob_writer **writer_ptr, struct blob_info *ret_info, struct err *err)
{
	struct blob_writer *writer = *writer_ptr;
	struct blob_info info;
	/* The backend frees the writer; the error text comes after. */
	struct blob_writer names = *writer;
	enum status st;

	assert(!writer->failed);
	st = blob_write_info(writer, &info, err);
	if (st != OK) {
		blob_write_abort(writer_ptr);
		return st;
	}
	digest_destroy(&writer->sha256);
	*writer_ptr = NULL;
	st = writer->ops->write_commit(writer, err);
	if (st != OK) {
		err_add(err, "commit blob %s/%s", names.group, names.name);
		return st;
	}
	*ret_info = info;
	return OK;
}

void blob_write_abort(struct blob_writer **writer_ptr)
{
	struct blob_writer *writer = *writer_ptr;

	if (writer == NULL)
		return;
	digest_destroy(&writer->sha256);
	writer->ops->write_abort(writer);
	*writer_ptr = NULL;
}

enum status blob_read_open(struct blob *blob, const char *group, const char *name,
    struct blob_reader **ret_reader, uint64_t *ret_bytes, struct err *err)
{
	enum status st;

	assert_names(group, name);
	st = blob->ops->read_open(blob, group, name, ret_reader, ret_bytes, err);
	if (st != OK) {
		err_add(err, "read blob %s/%s", group, name);
		return st;
	}
	(*ret_reader)->ops = blob->ops;
	return OK;
}

enum status blob_read(
    struct blob_reader *reader, char *ret_bytes, size_t room, size_t *ret_count, struct err *err)
{
	enum status st = reader->ops->read(reader, ret_bytes, room, ret_count, err);

	if (st != OK)
		err_add(err, "read blob");
	return st;
}

void blob_read_close(struct blob_reader **reader)
{
	if (*reader == NULL)
		return;
	(*reader)->ops->read_close(*reader);
	*reader = NULL;
}

enum status blob_follow(
    const struct blob_writer *writer, struct blob_reader **ret_reader, struct err *err)
{
	enum status st;

	assert(!writer->failed);
	st = writer->ops->follow(writer, ret_reader, err);
	if (st != OK) {
		err_add(err, "follow blob %s/%s", writer->group, writer->name);
		return st;
	}
	(*ret_reader)->ops = writer->ops;
	return OK;
}

enum status blob_remove(struct blob *blob, const char *group, const char *prefix, struct err *err)
{
	enum status st;

	assert(blob_name_is_valid(group));
	assert(has_name_chars(prefix));
	st = blob->ops->remove(blob, group, prefix, err);
	if (st != OK)
		err_add(err, "remove blobs %s/%s*", group, prefix);
	return st;
}

enum status blob_each_group(struct blob *blob, blob_group_fn *visit, void *ctx, struct err *err)
{
	return blob->ops->each_group(blob, visit, ctx, err);
}

enum status blob_each(
    struct blob *blob, const char *group, blob_name_fn *visit, void *ctx, struct err *err)
{
	assert(blob_name_is_valid(group));
	return blob->ops->each(blob, group, visit, ctx, err);
}
