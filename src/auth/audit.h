/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_AUDIT_H
#define SLUICE_AUTH_AUDIT_H

/*
 * What happened to tokens, as log lines that somebody can account by: made, used for the first
 * time, refused, revoked.  The names and keys are an interface (docs/operating.md); no line holds a
 * secret, or any part of one.
 *
 *	audit.token_made    token=7 kind=core app="…" user="…" scopes="…" grant=jwt_bearer address=…
 *	audit.token_used    token=7 kind=core app="…" user="…" address=…
 *	audit.token_refused grant=… app="…" user="…" address=… reason=…
 *	audit.token_revoked token=7 kind=core app="…" user="…" count=2 by=…
 *
 * What stands between quotes may be anything that a client sent: quotes, backslashes, controls and
 * what is not UTF-8 come as \xNN, and what is longer than 80 bytes is cut.
 *
 * Any thread.  A first use is seen on an event thread, which may not write to the catalog: a thread
 * of audit's own marks the token, and logs the line if it was the one who did.
 */

#include "base/slice.h"
#include "base/status.h"
#include "catalog/access.h"

struct audit;

enum status audit_start(
    struct catalog *catalog, struct audit **ret_audit, struct err *err) WARN_UNUSED;
/* What is waiting is marked first.  NULL is fine. */
void audit_stop(struct audit **audit);

/* ${token} was used, from ${address}.  Cheap when it was used before; never blocks.  With more than
 * 256 first uses under way this one is left for the next request. */
void audit_used(struct audit *audit, const struct catalog_token *token, const char *address);

/* ${grant} and ${by} are one word each. */
void audit_made(const struct catalog_token *token, const char *grant, const char *address);
void audit_revoked(const struct catalog_token *token, size_t count, const char *by);
/* ${app} and ${user} are what the client said, and may be anything; ${reason} is one word. */
void audit_refused(const char *grant, struct slice app, struct slice user, const char *address,
    const char *reason);
/* The same for what a client can have refused as often as it likes: an address gets ten such lines
 * a minute, so that nobody fills the disk with them. */
void audit_refused_often(struct audit *audit, const char *grant, struct slice app,
    struct slice user, const char *address, const char *reason);

/* "static", "core", "tenant", "refresh" */
const char *audit_kind_name(enum catalog_token_kind kind);

#endif
