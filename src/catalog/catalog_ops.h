/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_CATALOG_OPS_H
#define SLUICE_CATALOG_CATALOG_OPS_H

/*
 * For backends only: the table that catalog.c dispatches through.  A backend's own struct begins
 * with a struct catalog and its open function sets ${ops}.  What each entry does stands in
 * catalog.h; catalog.c has checked the arguments, so a backend need not.  Every entry is filled in.
 */

#include "catalog/access.h"

struct catalog {
	const struct catalog_ops *ops;
};

struct catalog_ops {
	/* Nobody is inside another call any more. */
	void (*close)(struct catalog *catalog);

	enum status (*connector_put)(struct catalog *catalog, struct slice name,
	    struct slice document, int64_t revision_now, struct err *err);
	enum status (*connector_get)(struct catalog *catalog, struct slice name,
	    struct arena *arena, struct catalog_connector *ret_connector, struct err *err);
	enum status (*connector_list)(struct catalog *catalog, struct arena *arena,
	    struct catalog_connector **ret_connectors, size_t *ret_count, struct err *err);
	enum status (*connector_delete)(
	    struct catalog *catalog, struct slice name, struct err *err);

	enum status (*stream_put)(struct catalog *catalog, const struct stream *stream,
	    bool *ret_created, struct err *err);
	enum status (*stream_get)(struct catalog *catalog, struct slice connector,
	    struct slice object, struct stream *ret_stream, struct err *err);
	enum status (*stream_list)(struct catalog *catalog, struct slice connector,
	    struct arena *arena, struct stream **ret_streams, size_t *ret_count, struct err *err);
	enum status (*dropped_list)(struct catalog *catalog, struct slice connector,
	    struct arena *arena, struct catalog_table **ret_tables, size_t *ret_count,
	    struct err *err);
	enum status (*dropped_forget)(
	    struct catalog *catalog, const struct catalog_table *table, struct err *err);

	enum status (*org_get)(
	    struct catalog *catalog, char ret_org[CATALOG_ORG_BYTES], struct err *err);
	enum status (*user_add)(
	    struct catalog *catalog, struct catalog_user *user, struct err *err);
	enum status (*user_find)(struct catalog *catalog, struct slice name,
	    struct catalog_user *ret_user, struct err *err);
	enum status (*user_get)(struct catalog *catalog, struct slice id,
	    struct catalog_user *ret_user, struct err *err);
	enum status (*user_set_password)(
	    struct catalog *catalog, struct slice name, const char *password, struct err *err);
	enum status (*user_delete)(struct catalog *catalog, struct slice name, struct arena *arena,
	    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
	enum status (*user_list)(struct catalog *catalog, struct arena *arena,
	    struct catalog_user **ret_users, size_t *ret_count, struct err *err);
	enum status (*app_add)(struct catalog *catalog, struct catalog_app *app, struct err *err);
	enum status (*app_find)(struct catalog *catalog, struct slice client_id,
	    struct catalog_app *ret_app, struct err *err);
	enum status (*app_set_secret)(struct catalog *catalog, struct slice name,
	    const unsigned char secret_hash[CATALOG_HASH_BYTES], struct err *err);
	enum status (*app_delete)(struct catalog *catalog, struct slice name, struct arena *arena,
	    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
	enum status (*app_list)(struct catalog *catalog, struct arena *arena,
	    struct catalog_app **ret_apps, size_t *ret_count, struct err *err);
	enum status (*token_add)(struct catalog *catalog,
	    const unsigned char hash[CATALOG_HASH_BYTES], const char *name, unsigned scopes,
	    int64_t expires_us, struct err *err);
	enum status (*token_issue)(struct catalog *catalog,
	    const unsigned char hash[CATALOG_HASH_BYTES], const struct catalog_assertion *assertion,
	    struct catalog_token *token, struct err *err);
	enum status (*token_find)(struct catalog *catalog,
	    const unsigned char hash[CATALOG_HASH_BYTES], struct catalog_token *ret_token,
	    struct err *err);
	enum status (*token_used)(
	    struct catalog *catalog, int64_t id, int64_t now_us, bool *ret_first, struct err *err);
	enum status (*token_revoke)(
	    struct catalog *catalog, int64_t id, size_t *ret_count, struct err *err);
	enum status (*token_list)(struct catalog *catalog, struct arena *arena,
	    struct catalog_token **ret_tokens, size_t *ret_count, struct err *err);
	enum status (*access_expire)(struct catalog *catalog, int64_t now_us, size_t count_max,
	    size_t *ret_count, struct err *err);

	/* ${quota}: NULL for none. */
	enum status (*job_create)(struct catalog *catalog, const struct job *job,
	    const struct catalog_quota *quota, struct catalog_quota_hit *ret_hit, struct err *err);
	enum status (*job_get)(
	    struct catalog *catalog, struct slice id, struct job *ret_job, struct err *err);
	enum status (*job_first_closed)(struct catalog *catalog, struct slice connector,
	    struct slice object, struct job *ret_job, struct err *err);
	enum status (*job_move)(struct catalog *catalog, struct slice id,
	    const struct catalog_job_move *move, struct job *ret_job, struct err *err);
	enum status (*job_move_all)(struct catalog *catalog, const struct catalog_job_step *steps,
	    size_t count, struct job *ret_jobs, struct err *err);
	enum status (*job_claim)(struct catalog *catalog, const struct catalog_claim *claim,
	    struct job *ret_jobs, size_t *ret_count, int64_t *ret_ready_us, struct err *err);
	enum status (*job_delete)(struct catalog *catalog, struct slice id, unsigned from,
	    struct job *ret_job, struct err *err);
	enum status (*job_remove)(struct catalog *catalog, struct slice id, struct err *err);
	enum status (*job_list)(struct catalog *catalog, const struct catalog_job_filter *filter,
	    struct arena *arena, struct job **ret_jobs, size_t *ret_count, int64_t *ret_total,
	    struct err *err);
	enum status (*job_each)(struct catalog *catalog, unsigned states, bool deleted,
	    catalog_job_fn *visit, void *ctx, struct err *err);
	enum status (*job_aged)(struct catalog *catalog, enum job_state state, int64_t before_us,
	    int64_t limit, struct arena *arena, char (**ret_ids)[UUID_TEXT_BYTES],
	    size_t *ret_count, struct err *err);

	enum status (*part_find)(struct catalog *catalog, struct slice job_id, struct slice key,
	    struct part *ret_part, struct err *err);
	enum status (*part_add)(struct catalog *catalog, struct slice job_id, struct part *part,
	    int64_t part_max, enum job_state *ret_state, struct err *err);
	enum status (*part_list)(struct catalog *catalog, struct slice job_id, struct arena *arena,
	    struct part **ret_parts, size_t *ret_count, struct err *err);
};

#endif
