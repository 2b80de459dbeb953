/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines about tokens: see audit.h.
 *
 * A token that was never used carries used_us 0 in its row.  The request that sees this puts the
 * token into a ring, once as long as it waits there; the thread takes it out, has the catalog mark
 * it, and logs the line if the catalog says that this was the first time.  So there is never a
 * second line, whatever the number of requests, processes and restarts; and a crash between commit
 * and line loses the line (docs/DESIGN.md, "Who is let in").
 *
 * Not here: what is refused, and why (auth/oauth.c, api/api.c).
 */
#include "auth/audit.h"

#include "auth/auth.h"
#include "auth/login_limit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define WAITING_MAX      256
#define VALUE_BYTES_MAX  80
#define VALUE_TEXT_BYTES (4 * VALUE_BYTES_MAX + 1)

struct use {
	struct catalog_token token;
	char address[INET6_ADDRSTRLEN];
};

struct audit {
	struct catalog *catalog;
	struct login_limit *lines; /* of audit_refused_often() */
	pthread_t thread;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	bool stopping;
	size_t first, count;
	struct use waiting[WAITING_MAX]; /* a ring */
};

/* --- Lines ------------------------------------------------------------------------------------ */

/* May ${text} begin with a character that is written as it is?  Then its length, else 0. */
static size_t plain_length(struct slice text)
{
	unsigned char c = (unsigned char)text.ptr[0];
	size_t len = 1;

	if (c < 0x80)
		return c < ' ' || c == 0x7f || c == '"' || c == '\\' ? 0 : 1;
	while (len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len++;
	/* U+0080 to U+009F are controls, too: a terminal may do what they say. */
	if (!utf8_is_valid((struct slice){text.ptr, len}) ||
	    (c == 0xc2 && (unsigned char)text.ptr[1] < 0xa0))
		return 0;
	return len;
}

static const char *format_value(char ret_text[VALUE_TEXT_BYTES], struct slice value)
{
	size_t used = 0, len;

	value = utf8_cut(value, VALUE_BYTES_MAX);
	while (value.len > 0) {
		len = plain_length(value);
		if (len > 0) {
			memcpy(ret_text + used, value.ptr, len);
			used += len;
		} else {
			used += (size_t)snprintf(ret_text + used, VALUE_TEXT_BYTES - used,
			    "\\x%02x", (unsigned char)value.ptr[0]);
			len = 1;
		}
		value = slice_skip(value, len);
	}
	ret_text[used] = '\0';
	return ret_text;
}

const char *audit_kind_name(enum catalog_token_kind kind)
{
	switch (kind) {
	case TOKEN_STATIC:
		return "static";
	case TOKEN_CORE:
		return "core";
	case TOKEN_TENANT:
		return "tenant";
	case TOKEN_REFRESH:
		return "refresh";
	}
	assert(false && "a token has a kind");
	return NULL;
}

/* "token=7 kind=core app="…" user="…"" */
static const char *format_token(
    char ret_text[2 * VALUE_TEXT_BYTES + 80], const struct catalog_token *token)
{
	char app[VALUE_TEXT_BYTES], user[VALUE_TEXT_BYTES];
	const char *name = token->kind == TOKEN_STATIC ? "" : token->name;

	snprintf(ret_text, 2 * VALUE_TEXT_BYTES + 80,
	    "token=%" PRId64 " kind=%s app=\"%s\" user=\"%s\"", token->id,
	    audit_kind_name(token->kind), format_value(app, slice_of(name)),
	    format_value(user, slice_of(token->user_name)));
	return ret_text;
}

void audit_made(const struct catalog_token *token, const char *grant, const char *address)
{
	char text[2 * VALUE_TEXT_BYTES + 80], scopes[AUTH_SCOPES_BYTES];

	log_event(LOG_LEVEL_INFO, "audit.token_made", "%s scopes=\"%s\" grant=%s address=%s",
	    format_token(text, token), auth_scopes_format(token->scopes, scopes), grant, address);
}

void audit_revoked(const struct catalog_token *token, size_t count, const char *by)
{
	char text[2 * VALUE_TEXT_BYTES + 80];

	log_event(LOG_LEVEL_INFO, "audit.token_revoked", "%s count=%zu by=%s",
	    format_token(text, token), count, by);
}

void audit_refused(
    const char *grant, struct slice app, struct slice user, const char *address, const char *reason)
{
	char app_text[VALUE_TEXT_BYTES], user_text[VALUE_TEXT_BYTES];

	log_event(LOG_LEVEL_WARN, "audit.token_refused",
	    "grant=%s app=\"%s\" user=\"%s\" address=%s reason=%s", grant,
	    format_value(app_text, app), format_value(user_text, user), address, reason);
}

void audit_refused_often(struct audit *audit, const char *grant, struct slice app,
    struct slice user, const char *address, const char *reason)
{
	int64_t now_us = clock_mono_us(), ignored;

	if (!login_limit_may(audit->lines, address, now_us, &ignored))
		return;
	login_limit_failed(audit->lines, address, now_us);
	audit_refused(grant, app, user, address, reason);
}

/* --- First uses ------------------------------------------------------------------------------- */

static bool is_waiting_locked(const struct audit *audit, int64_t id)
{
	for (size_t i = 0; i < audit->count; i++) {
		if (audit->waiting[(audit->first + i) % WAITING_MAX].token.id == id)
			return true;
	}
	return false;
}

void audit_used(struct audit *audit, const struct catalog_token *token, const char *address)
{
	struct use *use;

	if (token->used_us != 0)
		return;
	mutex_lock(&audit->mutex);
	if (audit->count < WAITING_MAX && !is_waiting_locked(audit, token->id)) {
		use = &audit->waiting[(audit->first + audit->count) % WAITING_MAX];
		use->token = *token;
		snprintf(use->address, sizeof(use->address), "%s", address);
		audit->count++;
		cond_signal(&audit->changed);
	}
	mutex_unlock(&audit->mutex);
}

static void mark(struct audit *audit, const struct use *use)
{
	char text[2 * VALUE_TEXT_BYTES + 80];
	struct err err = {{0}};
	bool first = false;
	enum status st =
	    catalog_token_used(audit->catalog, use->token.id, clock_now_us(), &first, &err);

	if (st != OK)
		log_event(LOG_LEVEL_WARN, "audit.failed", "token=%" PRId64 " error=\"%s\"",
		    use->token.id, err.text);
	else if (first)
		log_event(LOG_LEVEL_INFO, "audit.token_used", "%s address=%s",
		    format_token(text, &use->token), use->address);
}

/* Wait for a use and take it; false when there will be none any more. */
static bool take(struct audit *audit, struct use *ret_use)
{
	bool taken;

	mutex_lock(&audit->mutex);
	while (audit->count == 0 && !audit->stopping)
		cond_wait(&audit->changed, &audit->mutex);
	taken = audit->count > 0;
	if (taken) {
		*ret_use = audit->waiting[audit->first];
		audit->first = (audit->first + 1) % WAITING_MAX;
		audit->count--;
	}
	mutex_unlock(&audit->mutex);
	return taken;
}

static void *run_audit(void *ctx)
{
	struct audit *audit = ctx;
	struct use use;

	while (take(audit, &use))
		mark(audit, &use);
	return NULL;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void destroy(struct audit *audit)
{
	login_limit_destroy(&audit->lines);
	cond_fini(&audit->changed);
	mutex_fini(&audit->mutex);
	free(audit);
}

enum status audit_start(struct catalog *catalog, struct audit **ret_audit, struct err *err)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	enum status st;

	if (audit == NULL)
		return err_set(err, E_NOMEM, "no memory for the audit");
	audit->catalog = catalog;
	mutex_init(&audit->mutex);
	cond_init(&audit->changed);
	st = login_limit_create(&audit->lines, err);
	if (st == OK)
		st = thread_start(&audit->thread, "audit", run_audit, audit, err);
	if (st != OK) {
		destroy(audit);
		return st;
	}
	*ret_audit = audit;
	return OK;
}

void audit_stop(struct audit **audit)
{
	if (*audit == NULL)
		return;
	mutex_lock(&(*audit)->mutex);
	(*audit)->stopping = true;
	cond_signal(&(*audit)->changed);
	mutex_unlock(&(*audit)->mutex);
	thread_join((*audit)->thread);
	destroy(*audit);
	*audit = NULL;
}
