/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_CATALOG_H
#define SLUICE_CATALOG_CATALOG_H

/*
 * What the server knows: connectors, streams, jobs, parts; and in access.h who is let in.  The rows, not the rules: which
 * state may follow which is decided in job/, the catalog only compares and sets.
 *
 * Every change is one atomic step and is durable when the call returns OK: it survives a
 * power cut.  Changes that come together may share one durable write (group commit); a lone
 * one does not wait for company.
 *
 * Calls that change something block on storage and do not belong on an event thread.  Calls that
 * only read are short and may run there.  Any thread, any number at once.  Structs are plain data
 * without pointers, filled in by the call; lists and long texts go into the caller's arena.
 *
 * All calls may return E_IO, E_FULL or E_NOMEM beside what stands at each.
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/uuid.h"
#include "schema/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CATALOG_NAME_BYTES      STREAM_NAME_BYTES
#define CATALOG_USER_BYTES      19 /* an 18-character user id and NUL */
#define CATALOG_HASH_BYTES      32 /* SHA-256 */
#define CATALOG_BLOB_NAME_BYTES 65
#define CATALOG_JOB_ERROR_BYTES 1024
#define CATALOG_KEY_BYTES       256

struct catalog;

/* Nobody may be inside another call any more.  NULL is fine. */
void catalog_close(struct catalog **catalog);

/* --- Connectors ------------------------------------------------------------------------------- */

struct catalog_connector {
	char name[CATALOG_NAME_BYTES];
	int64_t revision; /* 1, 2, 3, …: moves with every new document */
	int64_t created_us, modified_us;
	struct slice document; /* the schema as it was uploaded; in the caller's arena */
};

/* Store a document.  ${revision_now} is the revision that it replaces, 0 for a new connector.
 * E_CONFLICT: that is not the revision any more (or, with 0, there is one of
 * that name, in whatever case). */
enum status catalog_connector_put(struct catalog *catalog, struct slice name, struct slice document,
    int64_t revision_now, struct err *err) WARN_UNUSED;

/* Names match exactly, case included.  E_NOT_FOUND. */
enum status catalog_connector_get(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_connector *ret_connector, struct err *err) WARN_UNUSED;

/* All, by name. */
enum status catalog_connector_list(struct catalog *catalog, struct arena *arena,
    struct catalog_connector **ret_connectors, size_t *ret_count, struct err *err) WARN_UNUSED;

/* With its streams, whose tables are from now on remembered as dropped.
 * E_NOT_FOUND; E_CONFLICT: it has jobs. */
enum status catalog_connector_delete(
    struct catalog *catalog, struct slice name, struct err *err) WARN_UNUSED;

/* --- Streams ---------------------------------------------------------------------------------- */

/* Store or replace.  ${ret_created} says which.  E_NOT_FOUND: no such connector.  E_CONFLICT:
 * another stream's table would have the same name, "<connector>_<object>" in whatever case, or one
 * of that name is still remembered as dropped. */
enum status catalog_stream_put(struct catalog *catalog, const struct stream *stream,
    bool *ret_created, struct err *err) WARN_UNUSED;
/* Names match exactly, case included.  E_NOT_FOUND: no such connector, or no stream of it. */
enum status catalog_stream_get(struct catalog *catalog, struct slice connector, struct slice object,
    struct stream *ret_stream, struct err *err) WARN_UNUSED;
/* All, by connector and object; with ${connector}.len > 0 only that one's. */
enum status catalog_stream_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct stream **ret_streams, size_t *ret_count,
    struct err *err) WARN_UNUSED;

/* A table of the lake whose stream is gone.  It is remembered until it is forgotten here, which is
 * to be after the lake has dropped it: so a crash in between can be finished at start, and no other
 * table is ever dropped. */
struct catalog_table {
	char connector[CATALOG_NAME_BYTES];
	char object[CATALOG_NAME_BYTES];
	char journal[STREAM_JOURNAL_BYTES]; /* of its stream; "" from an older program */
};

/* All, by connector and object; with ${connector}.len > 0 only that one's. */
enum status catalog_dropped_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct catalog_table **ret_tables, size_t *ret_count,
    struct err *err) WARN_UNUSED;
/* Not there: OK. */
enum status catalog_dropped_forget(
    struct catalog *catalog, const struct catalog_table *table, struct err *err) WARN_UNUSED;

/* --- Jobs ------------------------------------------------------------------------------------- */

enum job_operation { JOB_UPSERT, JOB_DELETE };

enum job_state {
	JOB_OPEN,
	JOB_UPLOAD_COMPLETE,
	JOB_IN_PROGRESS,
	JOB_COMPLETE,
	JOB_FAILED,
	JOB_ABORTED,
	JOB_STATE_COUNT,
};
#define JOB_STATES_ALL ((1u << JOB_STATE_COUNT) - 1)

/* "Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"; "upsert", "delete":
 * the wire's words.  The parsers return false for others, case included. */
const char *job_state_name(enum job_state state);
bool job_state_parse(struct slice text, enum job_state *ret_state);
const char *job_operation_name(enum job_operation operation);
bool job_operation_parse(struct slice text, enum job_operation *ret_operation);

struct job {
	char id[UUID_TEXT_BYTES];
	enum job_operation operation;
	enum job_state state;
	bool deleted; /* gone for clients; the row stays until its blobs are removed */
	char connector[CATALOG_NAME_BYTES];
	char object[CATALOG_NAME_BYTES];
	char created_by[CATALOG_USER_BYTES];
	int64_t created_us;
	int64_t modified_us;         /* moves forward with every change of state */
	int64_t queue_no;            /* the order of closing; 0 until closed */
	char lease[UUID_TEXT_BYTES]; /* InProgress: the server instance that works on it; else "" */
	int64_t part_count;
	int64_t part_bytes;
	int64_t retries;
	int64_t records_processed;
	int64_t records_failed;
	int64_t processing_ms;
	char error[CATALOG_JOB_ERROR_BYTES]; /* "" unless Failed */
	bool validate_only;                  /* it is checked, and lands nothing */
	int64_t journal_end; /* where its stream's journal ended when it was closed; else 0 */
};

/* The states in which a job still has a way to go. */
#define JOB_STATES_ACTIVE (1u << JOB_OPEN | 1u << JOB_UPLOAD_COMPLETE | 1u << JOB_IN_PROGRESS)

/* Add a row.  The caller fills in id, operation, state, connector, object, created_by, created_us =
 * modified_us, validate_only.  E_NOT_FOUND: the object has no stream (any more). */
enum status catalog_job_create(
    struct catalog *catalog, const struct job *job, struct err *err) WARN_UNUSED;

/* How many jobs there may be.  0: any number. */
struct catalog_quota {
	int64_t object_max;  /* active ones of one object */
	int64_t active_max;  /* active ones in all */
	int64_t created_max; /* created, under a quota, in the span that ends now; also those that
				 are removed meanwhile, and those of the span to come, if the clock
				 was set back */
	int64_t created_span_us;
};

enum catalog_quota_part { QUOTA_OBJECT, QUOTA_ACTIVE, QUOTA_CREATED };

/* Which part of a quota is used up. */
struct catalog_quota_hit {
	enum catalog_quota_part part;
	char job_id[UUID_TEXT_BYTES]; /* QUOTA_OBJECT: an active job of the object; else "" */
	int64_t free_us;              /* QUOTA_CREATED: when the next may be created; else 0 */
};

/* The same within ${quota}, looked at in the order of its members in the step that adds the row;
 * now is the job's created_us.  E_LIMIT: it is used up, ${ret_hit} says where; E_NOT_FOUND goes
 * first. */
enum status catalog_job_create_within(struct catalog *catalog, const struct job *job,
    const struct catalog_quota *quota, struct catalog_quota_hit *ret_hit,
    struct err *err) WARN_UNUSED;

/* E_NOT_FOUND, also when it is deleted. */
enum status catalog_job_get(
    struct catalog *catalog, struct slice id, struct job *ret_job, struct err *err) WARN_UNUSED;

struct catalog_job_move {
	unsigned from;     /* states it may be in, 1u << enum job_state each */
	const char *lease; /* when not NULL: it must hold this lease, too */
	enum job_state to;

	/* What changes with it. */
	bool enqueue; /* give it the next queue number, and the journal_end below */
	int64_t journal_end;
	const char *new_lease; /* NULL: none (any more) */
	bool add_retry;        /* one more retry */
	bool set_result;       /* store the four below */
	int64_t records_processed, records_failed, processing_ms;
	const char *error; /* NULL: ""; cut to what struct job holds */
};

/* Of an object's closed jobs that are not settled, UploadComplete or InProgress, the one that was
 * closed first; those that only validate left out.  E_NOT_FOUND: there is none. */
enum status catalog_job_first_closed(struct catalog *catalog, struct slice connector,
    struct slice object, struct job *ret_job, struct err *err) WARN_UNUSED;

/* Compare and set.  modified_us becomes now, or one more than it was when the clock stands still or
 * goes back.  ${ret_job} is the row after it, and on E_CONFLICT the row as it is.
 * E_NOT_FOUND (also when deleted); E_CONFLICT: it is in another state, or holds another lease. */
enum status catalog_job_move(struct catalog *catalog, struct slice id,
    const struct catalog_job_move *move, struct job *ret_job, struct err *err) WARN_UNUSED;

/* The same for several jobs in one step: for each of ${count} jobs, its id and its move.  All of them
 * or none; ${ret_jobs} has a place for each, and is only to be looked at when OK comes back. */
struct catalog_job_step {
	struct slice id;
	struct catalog_job_move move;
};
enum status catalog_job_move_all(struct catalog *catalog, const struct catalog_job_step *steps,
    size_t count, struct job *ret_jobs, struct err *err) WARN_UNUSED;

struct catalog_claim {
	const char *lease;
	int64_t delay_us; /* for so long a job stays closed before it may be claimed */
	/* How many jobs may be claimed together, and how many bytes their parts may have then. */
	size_t jobs_max; /* 1 to CATALOG_CLAIM_MAX */
	int64_t bytes_max;
};
#define CATALOG_CLAIM_MAX 64

/* Lease the oldest closed job whose object has no job InProgress: to InProgress, with the lease.
 * With it, as far as the claim allows, those that were closed right after it on the same object,
 * without a gap, if they and it are alike: operation and journal_end the same, none only validates.
 * They come in the order in which they were closed; ${ret_jobs} has room for jobs_max.  One atomic
 * step.  E_NOT_FOUND: nothing to do; or that job has been closed for less than delay_us, and
 * ${ret_ready_us} is when it may be claimed (else 0).  One that by its times was closed more than
 * delay_us from now, since the clock was set back, does not wait. */
enum status catalog_job_claim(struct catalog *catalog, const struct catalog_claim *claim,
    struct job *ret_jobs, size_t *ret_count, int64_t *ret_ready_us, struct err *err) WARN_UNUSED;

/* Mark as deleted when it is in one of the states ${from}.  Then it is gone from
 * get, list and claim, and catalog_job_remove takes the row away.  ${ret_job} as for
 * move.  E_NOT_FOUND, E_CONFLICT. */
enum status catalog_job_delete(struct catalog *catalog, struct slice id, unsigned from,
    struct job *ret_job, struct err *err) WARN_UNUSED;
/* Take away the row, and its parts', of a job marked as deleted.  Not there: OK.
 * E_CONFLICT: it is not marked. */
enum status catalog_job_remove(
    struct catalog *catalog, struct slice id, struct err *err) WARN_UNUSED;

enum job_order { JOB_ORDER_MODIFIED, JOB_ORDER_CREATED };

struct catalog_job_filter {
	unsigned states;        /* 1u << enum job_state each */
	struct slice connector; /* empty: any */
	struct slice object;    /* empty: any */
	enum job_order order;
	bool ascending; /* oldest first; ties by id, so that pages do not overlap */
	int64_t limit;
	int64_t offset;
};

/* ${ret_total} is the number of jobs that match, on whatever page. */
enum status catalog_job_list(struct catalog *catalog, const struct catalog_job_filter *filter,
    struct arena *arena, struct job **ret_jobs, size_t *ret_count, int64_t *ret_total,
    struct err *err) WARN_UNUSED;

/* For start-up: every job in one of ${states}, and the deleted ones as well when ${deleted}, in the
 * order of their creation, each at most once and as it is at its visit.  The walk holds no lock:
 * ${visit} may change jobs; one that does not match any more when its turn comes is left out.
 * Anything but OK from ${visit} ends it and is returned. */
typedef enum status catalog_job_fn(void *ctx, const struct job *job, struct err *err);
enum status catalog_job_each(struct catalog *catalog, unsigned states, bool deleted,
    catalog_job_fn *visit, void *ctx, struct err *err) WARN_UNUSED;

/* The ids of at most ${limit} jobs in ${state} that came into it before ${before_us}, the oldest
 * first. */
enum status catalog_job_aged(struct catalog *catalog, enum job_state state, int64_t before_us,
    int64_t limit, struct arena *arena, char (**ret_ids)[UUID_TEXT_BYTES], size_t *ret_count,
    struct err *err) WARN_UNUSED;

/* --- Parts ------------------------------------------------------------------------------------ */

struct part {
	int64_t number; /* 1, 2, 3, … in the order of acceptance */
	char blob_name[CATALOG_BLOB_NAME_BYTES];
	int64_t bytes;
	unsigned char sha256[CATALOG_HASH_BYTES];
	int64_t accepted_us;
	char key[CATALOG_KEY_BYTES]; /* what the client calls the part, unique in its job; "" */
};

/* Accept a part: its row gets the next number and the job's count and bytes move.  The number is
 * written into ${part}.  ${ret_state} is the job's state on E_CONFLICT.  A part with a key that the
 * job has already is not added: E_EXISTS, and ${part} is the one that is there, whatever the job's
 * state (but Aborted) and number of parts.
 * E_NOT_FOUND: no such job; E_CONFLICT: it is not Open; E_LIMIT: it has ${part_max} parts. */
enum status catalog_part_add(struct catalog *catalog, struct slice job_id, struct part *part,
    int64_t part_max, enum job_state *ret_state, struct err *err) WARN_UNUSED;

/* The part of that key, which is not empty.  E_NOT_FOUND: none, or no such job. */
enum status catalog_part_find(struct catalog *catalog, struct slice job_id, struct slice key,
    struct part *ret_part, struct err *err) WARN_UNUSED;

/* By number; also those of a job marked as deleted.  No such job: none. */
enum status catalog_part_list(struct catalog *catalog, struct slice job_id, struct arena *arena,
    struct part **ret_parts, size_t *ret_count, struct err *err) WARN_UNUSED;

#endif
