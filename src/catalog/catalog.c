/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog's front: see catalog.h.  Each call checks what only a bug can get wrong
 * and goes on to the backend behind ${ops}.  So the checks are written once and a
 * backend sees sound arguments only.
 *
 * What a client may send is not checked here: a name that is too long or a job id that is none is
 * simply not found.
 *
 * The words of the job enums live here too, for every layer above speaks them.
 */
#include "catalog/catalog.h"

#include "catalog/catalog_ops.h"

#include <assert.h>

static const char *const state_names[JOB_STATE_COUNT] = {
    [JOB_OPEN] = "Open",
    [JOB_UPLOAD_COMPLETE] = "UploadComplete",
    [JOB_IN_PROGRESS] = "InProgress",
    [JOB_COMPLETE] = "JobComplete",
    [JOB_FAILED] = "Failed",
    [JOB_ABORTED] = "Aborted",
};

const char *job_state_name(enum job_state state)
{
	assert(state < JOB_STATE_COUNT);
	return state_names[state];
}

bool job_state_parse(struct slice text, enum job_state *ret_state)
{
	enum job_state state;

	for (state = JOB_OPEN; state < JOB_STATE_COUNT; state++) {
		if (slice_is(text, state_names[state])) {
			*ret_state = state;
			return true;
		}
	}
	return false;
}

const char *job_operation_name(enum job_operation operation)
{
	assert(operation == JOB_UPSERT || operation == JOB_DELETE);
	return operation == JOB_UPSERT ? "upsert" : "delete";
}

bool job_operation_parse(struct slice text, enum job_operation *ret_operation)
{
	if (slice_is(text, "upsert"))
		*ret_operation = JOB_UPSERT;
	else if (slice_is(text, "delete"))
		*ret_operation = JOB_DELETE;
	else
		return false;
	return true;
}

/* A text that fits into an array of ${room} bytes, NUL included, and is not empty. */
static bool fits(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	return length > 0 && length < room;
}

static bool states_are_valid(unsigned states)
{
	return (states & ~JOB_STATES_ALL) == 0;
}

void catalog_close(struct catalog **catalog)
{
	if (catalog == NULL || *catalog == NULL)
		return;
	(*catalog)->ops->close(*catalog);
	*catalog = NULL;
}

enum status catalog_connector_put(struct catalog *catalog, struct slice name, struct slice document,
    int64_t revision_now, struct err *err)
{
	assert(name.len > 0);
	assert(name.len < CATALOG_NAME_BYTES);
	assert(revision_now >= 0);
	return catalog->ops->connector_put(catalog, name, document, revision_now, err);
}

enum status catalog_connector_get(struct catalog *catalog, struct slice name, struct arena *arena,
    struct catalog_connector *ret_connector, struct err *err)
{
	assert(arena != NULL);
	assert(ret_connector != NULL);
	return catalog->ops->connector_get(catalog, name, arena, ret_connector, err);
}

enum status catalog_connector_list(struct catalog *catalog, struct arena *arena,
    struct catalog_connector **ret_connectors, size_t *ret_count, struct err *err)
{
	assert(arena != NULL);
	assert(ret_connectors != NULL);
	assert(ret_count != NULL);
	return catalog->ops->connector_list(catalog, arena, ret_connectors, ret_count, err);
}

enum status catalog_connector_delete(struct catalog *catalog, struct slice name, struct err *err)
{
	return catalog->ops->connector_delete(catalog, name, err);
}

enum status catalog_stream_put(
    struct catalog *catalog, const struct stream *stream, bool *ret_created, struct err *err)
{
	assert(fits(stream->connector, sizeof(stream->connector)));
	assert(fits(stream->object, sizeof(stream->object)));
	assert(fits(stream->primary_key, sizeof(stream->primary_key)));
	assert(ret_created != NULL);
	return catalog->ops->stream_put(catalog, stream, ret_created, err);
}

enum status catalog_stream_get(struct catalog *catalog, struct slice connector, struct slice object,
    struct stream *ret_stream, struct err *err)
{
	assert(ret_stream != NULL);
	return catalog->ops->stream_get(catalog, connector, object, ret_stream, err);
}

enum status catalog_stream_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct stream **ret_streams, size_t *ret_count, struct err *err)
{
	assert(arena != NULL);
	assert(ret_streams != NULL);
	assert(ret_count != NULL);
	return catalog->ops->stream_list(catalog, connector, arena, ret_streams, ret_count, err);
}

enum status catalog_dropped_list(struct catalog *catalog, struct slice connector,
    struct arena *arena, struct catalog_table **ret_tables, size_t *ret_count, struct err *err)
{
	assert(arena != NULL && ret_tables != NULL && ret_count != NULL);
	return catalog->ops->dropped_list(catalog, connector, arena, ret_tables, ret_count, err);
}

enum status catalog_dropped_forget(
    struct catalog *catalog, const struct catalog_table *table, struct err *err)
{
	assert(table != NULL);
	return catalog->ops->dropped_forget(catalog, table, err);
}

static void assert_new_job(const struct job *job)
{
	assert(uuid_is_valid(slice_of(job->id)));
	assert(job->operation == JOB_UPSERT || job->operation == JOB_DELETE);
	assert(job->state < JOB_STATE_COUNT);
	assert(!job->deleted);
	assert(fits(job->connector, sizeof(job->connector)));
	assert(fits(job->object, sizeof(job->object)));
	assert(strnlen(job->created_by, sizeof(job->created_by)) < sizeof(job->created_by));
	assert(job->created_us == job->modified_us);
}

enum status catalog_job_create(struct catalog *catalog, const struct job *job, struct err *err)
{
	assert_new_job(job);
	return catalog->ops->job_create(catalog, job, NULL, NULL, err);
}

enum status catalog_job_create_within(struct catalog *catalog, const struct job *job,
    const struct catalog_quota *quota, struct catalog_quota_hit *ret_hit, struct err *err)
{
	assert_new_job(job);
	assert(quota->object_max >= 0 && quota->active_max >= 0 && quota->created_max >= 0);
	assert(quota->created_max == 0 || quota->created_span_us > 0);
	assert(ret_hit != NULL);
	return catalog->ops->job_create(catalog, job, quota, ret_hit, err);
}

enum status catalog_job_get(
    struct catalog *catalog, struct slice id, struct job *ret_job, struct err *err)
{
	assert(ret_job != NULL);
	return catalog->ops->job_get(catalog, id, ret_job, err);
}

enum status catalog_job_first_closed(struct catalog *catalog, struct slice connector,
    struct slice object, struct job *ret_job, struct err *err)
{
	assert(ret_job != NULL);
	return catalog->ops->job_first_closed(catalog, connector, object, ret_job, err);
}

static void assert_move(const struct catalog_job_move *move)
{
	assert(move->from != 0);
	assert(states_are_valid(move->from));
	assert(move->to < JOB_STATE_COUNT);
	/* Only a job InProgress has a lease. */
	assert(move->new_lease == NULL || move->to == JOB_IN_PROGRESS);
	assert(move->new_lease == NULL || fits(move->new_lease, UUID_TEXT_BYTES));
}

enum status catalog_job_move(struct catalog *catalog, struct slice id,
    const struct catalog_job_move *move, struct job *ret_job, struct err *err)
{
	assert_move(move);
	assert(ret_job != NULL);
	return catalog->ops->job_move(catalog, id, move, ret_job, err);
}

enum status catalog_job_move_all(struct catalog *catalog, const struct catalog_job_step *steps,
    size_t count, struct job *ret_jobs, struct err *err)
{
	assert(ret_jobs != NULL);
	for (size_t i = 0; i < count; i++)
		assert_move(&steps[i].move);
	return catalog->ops->job_move_all(catalog, steps, count, ret_jobs, err);
}

enum status catalog_job_claim(struct catalog *catalog, const struct catalog_claim *claim,
    struct job *ret_jobs, size_t *ret_count, int64_t *ret_ready_us, struct err *err)
{
	assert(fits(claim->lease, UUID_TEXT_BYTES));
	assert(claim->delay_us >= 0);
	assert(claim->jobs_max > 0 && claim->jobs_max <= CATALOG_CLAIM_MAX);
	assert(ret_jobs != NULL && ret_count != NULL && ret_ready_us != NULL);
	return catalog->ops->job_claim(catalog, claim, ret_jobs, ret_count, ret_ready_us, err);
}

enum status catalog_job_delete(
    struct catalog *catalog, struct slice id, unsigned from, struct job *ret_job, struct err *err)
{
	assert(from != 0);
	assert(states_are_valid(from));
	assert(ret_job != NULL);
	return catalog->ops->job_delete(catalog, id, from, ret_job, err);
}

enum status catalog_job_remove(struct catalog *catalog, struct slice id, struct err *err)
{
	return catalog->ops->job_remove(catalog, id, err);
}

enum status catalog_job_list(struct catalog *catalog, const struct catalog_job_filter *filter,
    struct arena *arena, struct job **ret_jobs, size_t *ret_count, int64_t *ret_total,
    struct err *err)
{
	assert(states_are_valid(filter->states));
	assert(filter->order == JOB_ORDER_MODIFIED || filter->order == JOB_ORDER_CREATED);
	assert(filter->limit >= 0);
	assert(filter->offset >= 0);
	assert(arena != NULL);
	assert(ret_jobs != NULL);
	assert(ret_count != NULL);
	assert(ret_total != NULL);
	return catalog->ops->job_list(catalog, filter, arena, ret_jobs, ret_count, ret_total, err);
}

enum status catalog_job_each(struct catalog *catalog, unsigned states, bool deleted,
    catalog_job_fn *visit, void *ctx, struct err *err)
{
	assert(states_are_valid(states));
	assert(visit != NULL);
	return catalog->ops->job_each(catalog, states, deleted, visit, ctx, err);
}

enum status catalog_job_aged(struct catalog *catalog, enum job_state state, int64_t before_us,
    int64_t limit, struct arena *arena, char (**ret_ids)[UUID_TEXT_BYTES], size_t *ret_count,
    struct err *err)
{
	assert(state < JOB_STATE_COUNT);
	assert(limit > 0);
	assert(arena != NULL && ret_ids != NULL && ret_count != NULL);
	return catalog->ops->job_aged(
	    catalog, state, before_us, limit, arena, ret_ids, ret_count, err);
}

enum status catalog_part_find(struct catalog *catalog, struct slice job_id, struct slice key,
    struct part *ret_part, struct err *err)
{
	assert(key.len > 0);
	assert(ret_part != NULL);
	return catalog->ops->part_find(catalog, job_id, key, ret_part, err);
}

enum status catalog_part_add(struct catalog *catalog, struct slice job_id, struct part *part,
    int64_t part_max, enum job_state *ret_state, struct err *err)
{
	assert(fits(part->blob_name, sizeof(part->blob_name)));
	assert(part->bytes >= 0);
	assert(strnlen(part->key, sizeof(part->key)) < sizeof(part->key));
	assert(part_max >= 0);
	assert(ret_state != NULL);
	return catalog->ops->part_add(catalog, job_id, part, part_max, ret_state, err);
}

enum status catalog_part_list(struct catalog *catalog, struct slice job_id, struct arena *arena,
    struct part **ret_parts, size_t *ret_count, struct err *err)
{
	assert(arena != NULL);
	assert(ret_parts != NULL);
	assert(ret_count != NULL);
	return catalog->ops->part_list(catalog, job_id, arena, ret_parts, ret_count, err);
}
