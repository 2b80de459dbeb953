/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog in one SQLite file: opening and closing it.  catalog_sqlite_db.h
 * says which file does the rest.
 *
 * Opening makes the file when it is not there, with a mode that keeps the tokens' hashes from
 * other users (SQLite gives its -wal and -shm files the same), looks whether it is one of
 * ours and of a format that we know before it changes anything in it, turns on the
 * write-ahead log and makes the tables that are missing.
 *
 * Several processes may do this at the same moment.  The tables are made in one transaction by
 * whoever gets there first; the others find them.  Turning on the log does not wait its turn by
 * itself, so that is tried again.
 *
 * A file of an older format is brought up by the steps that it lacks (catalog_sqlite_schema.h), in
 * one transaction, too.
 */
#include "catalog/catalog_sqlite.h"

#include "catalog/catalog_sqlite_db.h"
#include "catalog/catalog_sqlite_schema.h"

#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 10

static void close_catalog(struct catalog *catalog)
{
	struct catalog_sqlite *store = store_of(catalog);
	struct conn *conn;

	assert(!store->leading);
	assert(store->first == NULL);
	/* The writer goes last: who closes last brings the log into the file. */
	while ((conn = store->readers) != NULL) {
		store->readers = conn->next;
		conn_close(&conn);
	}
	conn_close(&store->writer);
	mutex_fini(&store->write_mutex);
	mutex_fini(&store->read_mutex);
	free(store->path);
	free(store);
}

static const struct catalog_ops sqlite_ops = {
    .close = close_catalog,
    .connector_put = catalog_sqlite_connector_put,
    .connector_get = catalog_sqlite_connector_get,
    .connector_list = catalog_sqlite_connector_list,
    .connector_delete = catalog_sqlite_connector_delete,
    .stream_put = catalog_sqlite_stream_put,
    .stream_get = catalog_sqlite_stream_get,
    .stream_list = catalog_sqlite_stream_list,
    .dropped_list = catalog_sqlite_dropped_list,
    .dropped_forget = catalog_sqlite_dropped_forget,
    .org_get = catalog_sqlite_org_get,
    .user_add = catalog_sqlite_user_add,
    .user_find = catalog_sqlite_user_find,
    .user_get = catalog_sqlite_user_get,
    .user_set_password = catalog_sqlite_user_set_password,
    .user_delete = catalog_sqlite_user_delete,
    .user_list = catalog_sqlite_user_list,
    .app_add = catalog_sqlite_app_add,
    .app_find = catalog_sqlite_app_find,
    .app_set_secret = catalog_sqlite_app_set_secret,
    .app_delete = catalog_sqlite_app_delete,
    .app_list = catalog_sqlite_app_list,
    .token_add = catalog_sqlite_token_add,
    .token_issue = catalog_sqlite_token_issue,
    .token_find = catalog_sqlite_token_find,
    .token_used = catalog_sqlite_token_used,
    .token_revoke = catalog_sqlite_token_revoke,
    .token_list = catalog_sqlite_token_list,
    .access_expire = catalog_sqlite_access_expire,
    .job_create = catalog_sqlite_job_create,
    .job_get = catalog_sqlite_job_get,
    .job_first_closed = catalog_sqlite_job_first_closed,
    .job_move = catalog_sqlite_job_move,
    .job_move_all = catalog_sqlite_job_move_all,
    .job_claim = catalog_sqlite_job_claim,
    .job_delete = catalog_sqlite_job_delete,
    .job_remove = catalog_sqlite_job_remove,
    .job_list = catalog_sqlite_job_list,
    .job_each = catalog_sqlite_job_each,
    .job_aged = catalog_sqlite_job_aged,
    .part_add = catalog_sqlite_part_add,
    .part_find = catalog_sqlite_part_find,
    .part_list = catalog_sqlite_part_list,
};

/* --- The file --------------------------------------------------------------------------------- */

/* Make the name of a new file durable: without this a power cut may take
 * away the file with all in it. */
static enum status sync_folder(const char *path, struct err *err)
{
	char *copy = strdup(path);
	enum status status = OK;
	int fd;

	if (copy == NULL)
		return err_set(err, E_NOMEM, "catalog: open: no memory");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		status = err_errno(err, errno, "catalog: sync the folder of %s", path);
	if (fd >= 0)
		close(fd);
	free(copy);
	return status;
}

/* Make an empty file that only its owner may read.  One that is there is left as it is, and not
 * even opened: closing it would drop the locks that SQLite has on it elsewhere in this process. */
static enum status make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum status status = OK;

	if (fd < 0 && errno == EEXIST)
		return OK;
	if (fd < 0)
		return err_errno(err, errno, "catalog: create %s", path);
	/* Whatever the umask took away of it. */
	if (fchmod(fd, 0600) != 0)
		status = err_errno(err, errno, "catalog: set the mode of %s", path);
	close(fd);
	return status == OK ? sync_folder(path, err) : status;
}

/* --- The format ------------------------------------------------------------------------------- */

static int read_number(sqlite3 *db, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		*ret_number = sqlite3_column_int64(statement, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return rc;
}

struct format {
	int64_t application_id, version, tables;
};

/* In one transaction, for somebody may be making the tables just now. */
static int read_format(sqlite3 *db, struct format *format)
{
	int rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = read_number(db, "PRAGMA application_id", &format->application_id);
	if (rc == SQLITE_OK)
		rc = read_number(db, "PRAGMA user_version", &format->version);
	if (rc == SQLITE_OK)
		rc = read_number(db, "SELECT count(*) FROM sqlite_schema", &format->tables);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* E_INVALID: it is neither empty nor ours, or of a format that we do not know. */
static enum status check_format(const struct format *format, const char *path, struct err *err)
{
	bool ours = format->application_id == strtoll(APPLICATION_ID, NULL, 10);
	bool empty = format->application_id == 0 && format->version == 0 && format->tables == 0;

	if (!ours && !empty)
		return err_set(
		    err, E_INVALID, "catalog: %s is an SQLite file of another program", path);
	if (format->version > FORMAT_VERSION)
		return err_set(err, E_INVALID,
		    "catalog: %s has format %" PRId64
		    ", made by a newer version of this program; this one knows formats up to "
		    "%" PRId64,
		    path, format->version, FORMAT_VERSION);
	return OK;
}

/* The log lets readers go on while somebody writes.  Where it cannot be (a network file system),
 * SQLite says so only by the mode that it answers with. */
static int use_log(sqlite3 *db)
{
	sqlite3_stmt *statement;
	const char *mode;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		mode = (const char *)sqlite3_column_text(statement, 0);
		rc = mode != NULL && strcmp(mode, "wal") == 0 ? SQLITE_OK : SQLITE_PROTOCOL;
	}
	sqlite3_finalize(statement);
	return rc;
}

/* One step, to format ${version}. */
static int take_step(sqlite3 *db, int64_t version)
{
	const char *const *text = formats[version - 1];
	char pragma[64];
	int rc = SQLITE_OK;

	for (; *text != NULL && rc == SQLITE_OK; text++)
		rc = sqlite3_exec(db, *text, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %" PRId64, version);
	return sqlite3_exec(db, pragma, NULL, NULL, NULL);
}

/* The tables that are missing, all or none.  Who waits for the lock here finds them made by
 * somebody else. */
static int make_tables(sqlite3 *db)
{
	int64_t version = 0;
	int rc;

	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = read_number(db, "PRAGMA user_version", &version);
	while (rc == SQLITE_OK && version < FORMAT_VERSION)
		rc = take_step(db, ++version);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* One try; SQLITE_BUSY when somebody else is at it.  A refusal is a status with SQLITE_OK. */
static int try_prepare(sqlite3 *db, const char *path, enum status *ret_status, struct err *err)
{
	struct format format = {0, 0, 0};
	int rc = read_format(db, &format);

	if (rc != SQLITE_OK)
		return rc;
	*ret_status = check_format(&format, path, err);
	if (*ret_status != OK)
		return SQLITE_OK;
	rc = use_log(db);
	return rc == SQLITE_OK && format.version < FORMAT_VERSION ? make_tables(db) : rc;
}

static enum status prepare_file(struct conn *conn, const char *path, struct err *err)
{
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	int64_t deadline_us = clock_mono_us() + INT64_C(1000) * BUSY_TIMEOUT_MS;
	enum status status = OK;
	int rc;

	for (;;) {
		rc = try_prepare(conn->db, path, &status, err);
		if ((rc & 0xff) != SQLITE_BUSY || clock_mono_us() >= deadline_us)
			break;
		nanosleep(&pause, NULL);
	}
	return rc == SQLITE_OK ? status : catalog_sqlite_error(conn->db, rc, "open", err);
}

/* --- Opening ---------------------------------------------------------------------------------- */

enum status catalog_sqlite_open(const char *path, struct catalog **ret_catalog, struct err *err)
{
	struct catalog_sqlite *store = NULL;
	struct conn *conn = NULL;
	char *whole = NULL;
	enum status status;

	status = make_file(path, err);
	if (status != OK)
		goto out;
	/* Absolute, and so never taken for a "file:" URI either. */
	whole = realpath(path, NULL);
	if (whole == NULL) {
		status = err_errno(err, errno, "catalog: open %s", path);
		goto out;
	}
	status = conn_open(whole, false, &conn, err);
	if (status == OK)
		status = prepare_file(conn, path, err);
	if (status != OK)
		goto out;
	store = calloc(1, sizeof(*store));
	if (store == NULL) {
		status = err_set(err, E_NOMEM, "catalog: open: no memory");
		goto out;
	}

	store->catalog.ops = &sqlite_ops;
	store->path = whole;
	store->writer = conn;
	store->last = &store->first;
	mutex_init(&store->write_mutex);
	mutex_init(&store->read_mutex);
	*ret_catalog = &store->catalog;
	return OK;
out:
	conn_close(&conn);
	free(whole);
	return status;
}
