/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes, made of routes.def; who may use one; and whether the server is up. */
#include "api/handlers.h"

#include "auth/auth.h"

static const struct http_route routes[] = {
#define ROUTE(m, p, s, l, b, max, handler, text)                                                   \
	{.method = HTTP_##m,                                                                       \
	    .pattern = p,                                                                          \
	    .scopes = s,                                                                           \
	    .lane = HTTP_LANE_##l,                                                                 \
	    .body = HTTP_BODY_##b,                                                                 \
	    .body_bytes_max = max,                                                                 \
	    .handle = handler},
#define OPEN_ROUTE(m, p, l, handler, text)                                                         \
	{.method = HTTP_##m,                                                                       \
	    .pattern = p,                                                                          \
	    .open = true,                                                                          \
	    .lane = HTTP_LANE_##l,                                                                 \
	    .body = HTTP_BODY_NONE,                                                                \
	    .handle = handler},
#define OPEN_BODY_ROUTE(m, p, max, handler, text)                                                  \
	{.method = HTTP_##m,                                                                       \
	    .pattern = p,                                                                          \
	    .open = true,                                                                          \
	    .lane = HTTP_LANE_WORK,                                                                \
	    .body = HTTP_BODY_WHOLE,                                                               \
	    .body_bytes_max = max,                                                                 \
	    .handle = handler},
#define UPLOAD_ROUTE(m, p, s, max, extra, functions, text)                                         \
	{.method = HTTP_##m,                                                                       \
	    .pattern = p,                                                                          \
	    .scopes = s,                                                                           \
	    .lane = HTTP_LANE_WORK,                                                                \
	    .body = HTTP_BODY_STREAM,                                                              \
	    .body_bytes_max = max,                                                                 \
	    .coded_extra_bytes = extra,                                                            \
	    .upload = &functions},
#include "api/routes.def"
#undef ROUTE
#undef OPEN_ROUTE
#undef OPEN_BODY_ROUTE
#undef UPLOAD_ROUTE
};

const struct http_route *api_routes(size_t *ret_count)
{
	*ret_count = sizeof(routes) / sizeof(routes[0]);
	return routes;
}

/* ${token}: which it was, when its time is over, else NULL. */
static void refuse_token(struct request *request, const struct catalog_token *token, bool is_bearer)
{
	struct api *api = request_context(request);
	const bool has_app = token != NULL && token->kind != TOKEN_STATIC;

	audit_refused_often(api->oauth.audit, "bearer", slice_of(has_app ? token->name : ""),
	    slice_of(token != NULL ? token->user_name : ""), request_peer(request),
	    token != NULL ? "ended_token"
	    : is_bearer   ? "unknown_token"
			  : "no_bearer");
	/* RFC 6750: who did not even try gets no error code. */
	if (is_bearer)
		respond_header(request, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
	respond_error(request, 401, "The token is unknown or has ended.");
}

void api_authorize(struct request *request, const struct http_route *route)
{
	struct api *api = request_context(request);
	struct catalog_token *token;
	struct slice header;
	struct err err = {{0}};
	enum status st;

	if (route != NULL && route->open)
		return;
	if (!request_header(request, "Authorization", &header)) {
		respond_error(request, 401,
		    "There is no Authorization header; send \"Authorization: Bearer TOKEN\" "
		    "(make one with: sluice token create).");
		return;
	}
	token = arena_alloc(request_arena(request), sizeof(*token));
	st =
	    token == NULL ? E_NOMEM : auth_check(api->catalog, header, clock_now_us(), token, &err);
	if (st == E_INVALID || st == E_NOT_FOUND || st == E_GONE) {
		refuse_token(request, st == E_GONE ? token : NULL, st != E_INVALID);
		return;
	}
	if (st != OK) {
		respond_failure(request, st, &err);
		return;
	}
	if (route != NULL && (route->scopes & token->scopes) != route->scopes) {
		respond_error(request, 403, "The token lacks the scope %s that this needs.",
		    auth_scope_name(route->scopes));
		return;
	}
	audit_used(api->oauth.audit, token, request_peer(request));
	request_set_user(request, token);
}

static void respond_state(struct request *request, unsigned status, const char *state)
{
	struct json_writer w;
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "status");
	json_write_text(&w, state);
	json_write_end(&w);
	respond_json(request, status, &body);
}

void api_health(struct request *request)
{
	respond_state(request, 200, "up");
}

void api_ready(struct request *request)
{
	struct api *api = request_context(request);
	bool ready = atomic_load(&api->ready);

	respond_state(request, ready ? 200 : 503, ready ? "ready" : "not ready");
}
