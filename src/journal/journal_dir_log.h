/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOURNAL_JOURNAL_DIR_LOG_H
#define SLUICE_JOURNAL_JOURNAL_DIR_LOG_H

/*
 * What the files of the folder backend share: a journal's and a log's state, and what is done to a
 * log's files.  Only journal_dir*.c include this.
 *
 * A log's *role* is the right to change its files and to wait for the disk while doing so.  It is a
 * flag, not a lock: who has it set holds no mutex.  Appends, opening, rolling and removal need it;
 * reading and the deletion of files that were trimmed do not.
 */

#include "journal/journal_dir_frame.h"
#include "journal/journal_ops.h"

#include <pthread.h>

/* A file takes no more frames when it has come to so many bytes. */
#define JOURNAL_FILE_BYTES (4 * 1024 * 1024)

/* No log gets there, and what it counts from there cannot overflow. */
#define JOURNAL_POSITION_MAX INT64_C(999999999999999999)

/* "NAME/" and twenty digits and ".log" */
#define JOURNAL_PATH_BYTES (JOURNAL_NAME_BYTES + 32)

/* An append that waits; it lies on its caller's stack. */
struct journal_append {
	struct slice entry;
	struct journal_frame_header header; /* whoever leads gives it its place */
	int64_t bytes;                      /* of the frame */
	int64_t end;                        /* of the frame in the log, once it is done */
	enum status status;
	struct err err;
	bool done;
	pthread_cond_t wake; /* it is done, or it is first in the queue and the role is free */
	struct journal_append *next;
};

struct journal_log {
	/* Constant. */
	char name[JOURNAL_NAME_BYTES];
	uint32_t seed;
	struct journal_log *next_of_hash;

	/* Under the journal's mutex. */
	bool opened;  /* what follows is known */
	bool removed; /* for ever */
	bool busy;    /* the role is taken */
	bool trimming;
	bool broken; /* for ever: bytes are not as they were written */
	bool stuck;  /* for ever: a failed append could not be undone, so none may follow */
	char why[192];
	unsigned waiting_for_role;
	pthread_cond_t role; /* for those */
	int64_t begin, end;
	int64_t queued;     /* bytes of the queue and of the group that is being written */
	int64_t *firsts;    /* of each file, ascending: the position where it begins */
	size_t count, room; /* of them */
	struct journal_append *first, **last;
	struct journal_log *older, *newer; /* in the list of those with an open file */
	bool listed;

	/* Who has the role; ${file} also who finds the role free, under the mutex. */
	int file;        /* the last one, for writing; -1: not open */
	int64_t segment; /* where the last one begins; -1: there is none */
	bool made;       /* the folder is there, and synced into its parent */
	bool clear;      /* all files must go before the next one is made; also under the mutex */
	bool roll;       /* the last file must not be written to any more */
};

#define JOURNAL_HASH_SIZE 1024

struct journal_dir {
	struct journal base;
	int root;
	int64_t log_bytes_max, bytes_max;

	pthread_mutex_t mutex; /* a leaf; guards what is below, and of each log what says so */
	struct journal_log *logs[JOURNAL_HASH_SIZE];
	int64_t bytes;                       /* from begin to end, and queued, of all logs */
	struct journal_log *oldest, *newest; /* of those with an open file */
	size_t open_files;
};

/* journal_dir_disk.c: I/O, with the role of the log, and without any lock. */

void journal_disk_path(char path[JOURNAL_PATH_BYTES], const struct journal_log *log, int64_t first);

/* A new, empty last file, which begins at ${position}; it survives a power cut.  The one before is
 * closed.  Unless OK, the last file is what it was; but it may be that no more can be written to it,
 * and ${log}->roll says so. */
enum status journal_disk_start_file(struct journal_dir *dir, struct journal_log *log,
    int64_t position, struct err *err) WARN_UNUSED;

/* Write the frames of a group at ${end}, which is where the last file ends, and sync them.  Unless
 * OK nothing of it is in the log; when that could not be made true, ${ret_stuck}. */
enum status journal_disk_write(struct journal_dir *dir, struct journal_log *log,
    const struct journal_append *group, int64_t end, bool *ret_stuck, struct err *err) WARN_UNUSED;

/* Delete a file, for good.  It may be gone.  (Without the role when nobody needs the file.) */
enum status journal_disk_delete_file(
    struct journal_dir *dir, struct journal_log *log, int64_t first, struct err *err) WARN_UNUSED;

/* Delete the log's folder with all that is in it, for good. */
enum status journal_disk_delete_log(
    struct journal_dir *dir, struct journal_log *log, struct err *err) WARN_UNUSED;

void journal_disk_close_file(struct journal_log *log);

/* Called with each entry of a folder other than "." and "..". */
struct dirent;
typedef enum status journal_disk_name_fn(
    void *ctx, int folder, const struct dirent *entry, struct err *err);
enum status journal_disk_each(
    int folder, journal_disk_name_fn *visit, void *ctx, struct err *err) WARN_UNUSED;

/* What opening a log has found. */
struct journal_found {
	int64_t *firsts; /* malloc'd; the caller's */
	size_t count;
	int64_t end;
};

/* Look at a log's files, cut off what a crash left, and sync.  Sets what of ${log} belongs to the
 * role.  ${ret_broken}: the E_IO is for ever. */
enum status journal_recover(struct journal_dir *dir, struct journal_log *log,
    struct journal_found *ret_found, bool *ret_broken, struct err *err) WARN_UNUSED;

/* journal_dir_log.c.  With the mutex; those that do I/O let go of it meanwhile. */

/* Known or made known, not opened.  NULL: no memory. */
struct journal_log *journal_log_find_locked(struct journal_dir *dir, const char *name);
/* The log, opened.  E_NOT_FOUND: removed; E_IO: broken, or not to be opened now. */
enum status journal_log_use_locked(struct journal_dir *dir, const char *name,
    struct journal_log **ret_log, struct err *err) WARN_UNUSED;
enum status journal_log_check_locked(const struct journal_log *log, struct err *err) WARN_UNUSED;
/* Bytes are not as they were written: nothing is taken or given any more.  False when that was
 * known; else the caller says so to the operator, without the mutex. */
bool journal_log_break_locked(struct journal_log *log, const char *why);
void journal_log_say_broken(const struct journal_log *log, const char *why);
void journal_log_free(struct journal_log *log);

void journal_log_take_role_locked(struct journal_dir *dir, struct journal_log *log);
/* And wake who wants it. */
void journal_log_give_role_locked(struct journal_dir *dir, struct journal_log *log);

/* Add to what all logs hold. */
void journal_log_count_bytes_locked(struct journal_dir *dir, int64_t bytes);

/* Unless OK the oldest file is still the oldest. */
enum status journal_log_delete_oldest_locked(
    struct journal_dir *dir, struct journal_log *log, struct err *err) WARN_UNUSED;

/* Begin a file at ${position}, where the log ends.  With the role and without the mutex. */
enum status journal_log_start_file(struct journal_dir *dir, struct journal_log *log,
    int64_t position, struct err *err) WARN_UNUSED;

/* See journal.h. */
enum status journal_dir_append(struct journal *base, const char *name, struct slice entry,
    int64_t *ret_end, struct err *err) WARN_UNUSED;
enum status journal_dir_read(struct journal *base, const char *name, int64_t from, int64_t to,
    size_t bytes_max, struct arena *arena, journal_entry_fn *visit, void *ctx, int64_t *ret_next,
    struct err *err) WARN_UNUSED;

#endif
