/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoints at which clients get tokens, exchange them and end them: the form that comes in,
 * the answer that goes out, and OAuth's own errors.  What is granted is decided in auth/oauth.h.
 *
 * A form may stand in the body and in the query string, for official clients send either; a
 * parameter that is there twice, in whichever, is refused, since nobody can say which one counts.
 * An app may name itself by HTTP Basic instead.  No answer may be kept by anybody on its way.
 */
#include "api/oauth.h"

#include "api/basic.h"
#include "api/handlers.h"
#include "api/origin.h"
#include "auth/auth.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

/* --- Errors ----------------------------------------------------------------------------------- */

static void write_error(struct buffer *out, const char *error, const char *description)
{
	struct json_writer w;

	json_write_begin(&w, out);
	json_write_object(&w);
	json_write_key(&w, "error");
	json_write_text(&w, error);
	json_write_key(&w, "error_description");
	json_write_text(&w, description);
	json_write_end(&w);
}

/* OAuth's word for a status that is none of its own. */
static const char *error_of_status(unsigned status)
{
	switch (status) {
	case 401:
		return "invalid_token";
	case 403:
		return "insufficient_scope";
	case 429:
	case 503:
		return "temporarily_unavailable";
	default:
		return status >= 500 ? "server_error" : "invalid_request";
	}
}

void oauth_write_error(struct buffer *out, unsigned status, const char *message)
{
	write_error(out, error_of_status(status), message);
}

static void forbid_keeping(struct request *request)
{
	respond_header(request, "Cache-Control", "no-store");
	respond_header(request, "Pragma", "no-cache");
}

static void respond_refusal(
    struct request *request, unsigned status, const char *error, const char *description)
{
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	write_error(&body, error, description);
	forbid_keeping(request);
	respond_json(request, status, &body);
}

/* --- The form --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct oauth_form, name)                                           \
	}
    FIELD(grant_type),
    FIELD(client_id),
    FIELD(client_secret),
    FIELD(assertion),
    FIELD(refresh_token),
    FIELD(username),
    FIELD(password),
    FIELD(scope),
    FIELD(subject_token),
    FIELD(subject_token_type),
    FIELD(dataspace),
#undef FIELD
};

/* A parameter without a value is as good as absent.  When it is there twice, respond and return
 * false. */
static bool take_field(struct request *request, const char *name, struct slice *ret_value)
{
	char text[128];

	if (request_form_count(request, name) > 1) {
		snprintf(text, sizeof(text), "%s is given more than once", name);
		respond_refusal(request, 400, "invalid_request", text);
		return false;
	}
	if (!request_form(request, name, ret_value) || ret_value->len == 0)
		*ret_value = (struct slice){NULL, 0};
	return true;
}

/* The app's name and secret from the header, when they are there.  When they are no such thing, or
 * the form has others, respond and return false. */
static bool take_basic(struct request *request, struct oauth_form *form, bool *ret_is_basic)
{
	struct slice header, id, secret;
	struct err err = {{0}};
	enum status st;

	*ret_is_basic = request_header(request, "Authorization", &header) && basic_is(header);
	if (!*ret_is_basic)
		return true;
	st = basic_parse(header, request_arena(request), &id, &secret, &err);
	if (st == E_INVALID) {
		respond_refusal(request, 400, "invalid_request", err.text);
		return false;
	}
	if (st != OK) {
		respond_failure(request, st, &err);
		return false;
	}
	if (form->client_secret.ptr != NULL ||
	    (form->client_id.ptr != NULL && !slice_equals(form->client_id, id))) {
		respond_refusal(request, 400, "invalid_request",
		    "the client is named both by the Authorization header and by the form");
		return false;
	}
	form->client_id = id;
	form->client_secret = secret;
	return true;
}

/* ${origin} is to be freed, whatever is returned.  When the form is not in order, respond and
 * return false. */
static bool take_form(struct request *request, struct buffer *origin, struct oauth_form *ret_form)
{
	struct oauth_form form = {.host = api_host(request), .address = request_peer(request)};

	buffer_init(origin, API_ANSWER_BYTES_MAX);
	api_put_origin(request, origin);
	form.instance = buffer_slice(origin);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!take_field(request, fields[i].name,
			(struct slice *)((char *)&form + fields[i].offset)))
			return false;
	}
	*ret_form = form;
	return true;
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* ${error}: OAuth's word, or NULL for a failure of the world. */
static void respond_refused(struct request *request, enum status st, const char *error,
    bool is_basic, int64_t wait_us, const struct err *err)
{
	char seconds[32];

	if (error == NULL || (st != E_INVALID && st != E_BUSY)) {
		respond_failure(request, st, err);
	} else if (st == E_BUSY) {
		snprintf(seconds, sizeof(seconds), "%" PRId64, (wait_us + 999999) / 1000000);
		respond_header(request, "Retry-After", seconds);
		respond_refusal(request, 429, error, err->text);
	} else if (is_basic && strcmp(error, "invalid_client") == 0) {
		respond_header(request, "WWW-Authenticate", "Basic realm=\"sluice\"");
		respond_refusal(request, 401, error, err->text);
	} else {
		respond_refusal(request, 400, error, err->text);
	}
}

static void write_pair(struct json_writer *w, const char *key, struct slice value)
{
	json_write_key(w, key);
	json_write_slice(w, value);
}

static void respond_login(
    struct request *request, const char *org, struct slice origin, const struct oauth_token *token)
{
	char scopes[AUTH_SCOPES_BYTES], issued[32];
	struct buffer body, id;
	struct json_writer w;

	snprintf(issued, sizeof(issued), "%" PRId64, token->row.created_us / 1000);
	buffer_init(&id, API_ANSWER_BYTES_MAX);
	buffer_printf(&id, "%.*s/id/%s/%s", SLICE_ARGS(origin), org, token->row.user_id);
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	write_pair(&w, "access_token", token->text);
	if (token->refresh_text.len > 0)
		write_pair(&w, "refresh_token", token->refresh_text);
	write_pair(&w, "scope", slice_of(auth_scopes_format(token->row.scopes, scopes)));
	write_pair(&w, "instance_url", origin);
	write_pair(&w, "id", buffer_slice(&id));
	write_pair(&w, "issued_at", slice_of(issued));
	write_pair(&w, "token_type", SLICE("Bearer"));
	json_write_end(&w);
	body.failed = body.failed || id.failed;
	buffer_fini(&id);
	forbid_keeping(request);
	respond_json(request, 200, &body);
}

void api_token_login(struct request *request)
{
	struct api *api = request_context(request);
	char org[CATALOG_ORG_BYTES];
	struct oauth_token token;
	struct oauth_form form;
	const char *error = NULL;
	struct err err = {{0}};
	struct buffer origin;
	int64_t wait_us = 0;
	bool is_basic;
	enum status st;

	if (take_form(request, &origin, &form) && take_basic(request, &form, &is_basic)) {
		st = oauth_login(
		    &api->oauth, &form, request_arena(request), &token, &error, &wait_us, &err);
		if (st == OK)
			st = catalog_org_get(api->catalog, org, &err);
		if (st == OK)
			respond_login(request, org, buffer_slice(&origin), &token);
		else
			respond_refused(request, st, error, is_basic, wait_us, &err);
	}
	buffer_fini(&origin);
}

static void respond_exchanged(
    struct request *request, struct slice instance, const struct oauth_token *token)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	write_pair(&w, "access_token", token->text);
	write_pair(&w, "instance_url", instance);
	write_pair(&w, "token_type", SLICE("Bearer"));
	write_pair(&w, "issued_token_type", SLICE("urn:ietf:params:oauth:token-type:jwt"));
	json_write_key(&w, "expires_in");
	json_write_int(&w, OAUTH_TENANT_US / 1000000);
	json_write_end(&w);
	forbid_keeping(request);
	respond_json(request, 200, &body);
}

void api_token_exchange(struct request *request)
{
	struct api *api = request_context(request);
	struct oauth_token token;
	struct oauth_form form;
	const char *error = NULL;
	struct err err = {{0}};
	struct slice header;
	struct buffer origin;
	enum status st;

	if (take_form(request, &origin, &form)) {
		if (form.subject_token.ptr == NULL &&
		    request_header(request, "Authorization", &header) &&
		    !auth_read_bearer(header, &form.subject_token))
			form.subject_token = (struct slice){NULL, 0};
		st = oauth_exchange(
		    &api->oauth, &form, request_arena(request), &token, &error, &err);
		if (st == OK)
			respond_exchanged(request,
			    api->instance_is_host ? form.host : buffer_slice(&origin), &token);
		else
			respond_refused(request, st, error, false, 0, &err);
	}
	buffer_fini(&origin);
}

void api_token_revoke(struct request *request)
{
	struct api *api = request_context(request);
	struct err err = {{0}};
	struct slice token;
	enum status st;

	if (!take_field(request, "token", &token))
		return;
	if (token.ptr == NULL) {
		respond_refusal(request, 400, "invalid_request", "token is missing");
		return;
	}
	st = oauth_revoke(&api->oauth, token, request_peer(request), &err);
	if (st != OK) {
		respond_failure(request, st, &err);
		return;
	}
	forbid_keeping(request);
	respond_empty(request, 200);
}
