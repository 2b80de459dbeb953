/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and scopes: see auth.h.  A header is checked for its form, hashed and looked up; nothing
 * is kept in between, so a token that another process adds counts at once.  Not here: which scope a
 * route needs (api/routes.def), and how tokens come about (oauth.c).
 */
#include "auth/auth.h"

#include "auth/secret.h"

#include <assert.h>
#include <stdio.h>

static const struct {
	unsigned bit;
	const char *name;
} scope_names[] = {
    {SCOPE_INGEST, "cdp_ingest_api"},
    {SCOPE_QUERY, "cdp_query_api"},
    {SCOPE_ADMIN, "api"},
};
#define SCOPE_COUNT (sizeof(scope_names) / sizeof(scope_names[0]))

enum status auth_token_create(struct catalog *catalog, const char *name, unsigned scopes,
    int64_t expires_us, char ret_text[AUTH_TOKEN_TEXT_BYTES], struct err *err)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	char text[AUTH_TOKEN_TEXT_BYTES];
	enum status st;

	secret_make_token(text);
	secret_hash(slice_of(text), hash);
	st = catalog_token_add(catalog, hash, name, scopes, expires_us, err);
	if (st == OK)
		memcpy(ret_text, text, sizeof(text));
	explicit_bzero(text, sizeof(text));
	return st;
}

bool auth_read_bearer(struct slice header, struct slice *ret_text)
{
	const struct slice scheme = SLICE("Bearer ");

	/* RFC 9110: the scheme's name is the same in either case. */
	if (header.len <= scheme.len || strncasecmp(header.ptr, scheme.ptr, scheme.len) != 0)
		return false;
	header = slice_skip(header, scheme.len);
	while (header.len > 0 && header.ptr[0] == ' ')
		header = slice_skip(header, 1);
	*ret_text = header;
	return header.len > 0;
}

enum status auth_check(struct catalog *catalog, struct slice header, int64_t now_us,
    struct catalog_token *ret_token, struct err *err)
{
	unsigned char hash[CATALOG_HASH_BYTES];
	struct catalog_token token;
	struct slice text;
	enum status st;

	if (!auth_read_bearer(header, &text))
		return err_set(
		    err, E_INVALID, "the Authorization header is not of the form \"Bearer TOKEN\"");
	/* Looking the hash up tells an attacker nothing by its time: he does not
	 * know which hash he asked for. */
	secret_hash(text, hash);
	st = catalog_token_find(catalog, hash, &token, err);
	if (st != OK)
		return st;
	if (token.kind == TOKEN_REFRESH)
		return err_set(err, E_NOT_FOUND, "a refresh token is no access token");
	*ret_token = token;
	return auth_has_ended(&token, now_us) ? err_set(err, E_GONE, "the token has ended") : OK;
}

unsigned auth_scope_of_name(struct slice name)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		if (slice_is(name, scope_names[i].name))
			return scope_names[i].bit;
	}
	return 0;
}

enum status auth_scopes_parse(struct slice text, unsigned *ret_scopes, struct err *err)
{
	unsigned scopes = 0, bit;
	struct slice word;

	while (text.len > 0) {
		word = (struct slice){text.ptr, 0};
		while (word.len < text.len && strchr(" ,", word.ptr[word.len]) == NULL)
			word.len++;
		text = slice_skip(text, word.len < text.len ? word.len + 1 : word.len);
		if (word.len == 0)
			continue;
		bit = auth_scope_of_name(word);
		if (bit == 0)
			return err_set(err, E_INVALID,
			    "\"%.*s\" is not a scope; there are cdp_ingest_api, cdp_query_api and "
			    "api",
			    SLICE_ARGS(word));
		scopes |= bit;
	}
	if (scopes == 0)
		return err_set(err, E_INVALID,
		    "no scope given; there are cdp_ingest_api, cdp_query_api and api");
	*ret_scopes = scopes;
	return OK;
}

const char *auth_scopes_format(unsigned scopes, char ret_text[AUTH_SCOPES_BYTES])
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		if ((scopes & scope_names[i].bit) != 0)
			used += (size_t)snprintf(ret_text + used, AUTH_SCOPES_BYTES - used, "%s%s",
			    used == 0 ? "" : " ", scope_names[i].name);
	}
	return ret_text;
}

const char *auth_scope_name(unsigned scope)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		if (scope_names[i].bit == scope)
			return scope_names[i].name;
	}
	assert(false && "a scope has a name");
	return NULL;
}
