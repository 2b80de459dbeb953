/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few endpoints of the platform around the hosted service that its clients ask for once they
 * have logged in: who am I, which versions are there, what is this organisation called.  Nothing of
 * it has to do with data.
 *
 * The organisation is this data directory; the user is the token's.  A tenant token is good for
 * /api alone, there as here.
 *
 * Errors below /services/data have the platform's own form (platform_write_error).
 */
#include "api/platform.h"

#include "api/handlers.h"
#include "api/origin.h"
#include "api/soql.h"
#include "catalog/access.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Version 63 is that of spring 2025, and there are three a year. */
#define VERSION_FIRST      31
#define VERSION_LAST       68
#define VERSION_OF_SPRING  63
#define YEAR_OF_SPRING     25
#define VERSIONS_A_YEAR    3
#define VERSION_TEXT_BYTES 16

/* --- Errors ----------------------------------------------------------------------------------- */

static const char *error_code(unsigned status)
{
	switch (status) {
	case 400:
		return "INVALID_REQUEST";
	case 401:
		return "INVALID_SESSION_ID";
	case 403:
		return "INSUFFICIENT_ACCESS";
	case 404:
		return "NOT_FOUND";
	case 405:
		return "METHOD_NOT_ALLOWED";
	case 413:
	case 414:
		return "REQUEST_TOO_LARGE";
	case 429:
		return "REQUEST_LIMIT_EXCEEDED";
	case 503:
		return "SERVER_UNAVAILABLE";
	default:
		return "UNKNOWN_EXCEPTION";
	}
}

static void write_error(struct buffer *out, const char *code, const char *message)
{
	struct json_writer w;

	json_write_begin(&w, out);
	json_write_array(&w);
	json_write_object(&w);
	json_write_key(&w, "message");
	json_write_text(&w, message);
	json_write_key(&w, "errorCode");
	json_write_text(&w, code);
	json_write_end(&w);
	json_write_end(&w);
}

void platform_write_error(struct buffer *out, unsigned status, const char *message)
{
	write_error(out, error_code(status), message);
}

static void respond_code(
    struct request *request, unsigned status, const char *code, const char *message)
{
	struct buffer body;

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	write_error(&body, code, message);
	respond_json(request, status, &body);
}

/* --- Who asks --------------------------------------------------------------------------------- */

struct asker {
	const struct catalog_token *token;
	char org[CATALOG_ORG_BYTES];
	struct buffer origin; /* to be freed */
};

/* When it may not ask here, respond and return false. */
static bool take_asker(struct request *request, struct asker *ret_asker)
{
	struct api *api = request_context(request);
	struct err err = {{0}};
	enum status st;

	ret_asker->token = request_user(request);
	if (ret_asker->token->kind == TOKEN_TENANT) {
		respond_error(request, 401,
		    "A tenant token is good for /api alone; here the core token is needed that it "
		    "was exchanged for.");
		return false;
	}
	st = catalog_org_get(api->catalog, ret_asker->org, &err);
	if (st != OK) {
		respond_failure(request, st, &err);
		return false;
	}
	buffer_init(&ret_asker->origin, API_ANSWER_BYTES_MAX);
	api_put_origin(request, &ret_asker->origin);
	return true;
}

/* origin and a path below it, of which ${format} makes the end. */
static void write_link(struct json_writer *w, const struct asker *asker, const char *key,
    const char *format, ...) PRINTF_LIKE(4, 5);

static void write_link(
    struct json_writer *w, const struct asker *asker, const char *key, const char *format, ...)
{
	char path[256];
	struct buffer link;
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	buffer_init(&link, API_ANSWER_BYTES_MAX);
	buffer_put(&link, buffer_slice(&asker->origin));
	buffer_put_text(&link, path);
	json_write_key(w, key);
	json_write_slice(w, buffer_slice(&link));
	buffer_fini(&link);
}

static void write_pair(struct json_writer *w, const char *key, const char *text)
{
	json_write_key(w, key);
	json_write_text(w, text);
}

/* A user's name is his address, when it is of that form. */
static const char *email_of(const char *name)
{
	return strchr(name, '@') != NULL ? name : NULL;
}

/* Some clients drop the last three characters, which only repeat the case of the others. */
static struct slice whole_id(struct slice id, char ret_text[CATALOG_USER_BYTES])
{
	if (id.len != CATALOG_USER_BYTES - 4)
		return id;
	snprintf(ret_text, CATALOG_USER_BYTES, "%.*sAAA", SLICE_ARGS(id));
	return slice_of(ret_text);
}

/* The user that the path's ${index}th parameter names; when there is none, respond with 404 and
 * return false. */
static bool take_user(struct request *request, size_t index, struct catalog_user *ret_user)
{
	struct api *api = request_context(request);
	struct slice id = request_param(request, index);
	char whole[CATALOG_USER_BYTES];
	struct err err = {{0}};
	enum status st = catalog_user_get(api->catalog, whole_id(id, whole), ret_user, &err);

	if (st == E_NOT_FOUND)
		respond_error(request, 404, "There is no user \"%.*s\".", SLICE_ARGS(id));
	else if (st != OK)
		respond_failure(request, st, &err);
	return st == OK;
}

/* What userinfo and identity have in common, in words that differ. */
static void write_user(struct json_writer *w, const struct asker *asker, const char *user_id,
    const char *user_name, const char *const keys[3])
{
	write_pair(w, "user_id", user_id);
	write_pair(w, "organization_id", asker->org);
	for (size_t i = 0; i < 3; i++)
		write_pair(w, keys[i], user_name);
	write_pair(w, "email", email_of(user_name));
	json_write_key(w, "active");
	json_write_bool(w, true);
	write_pair(w, "user_type", "STANDARD");
	json_write_key(w, "urls");
	json_write_object(w);
	write_link(w, asker, "rest", "/services/data/v{version}/");
	write_link(w, asker, "sobjects", "/services/data/v{version}/sobjects/");
	write_link(w, asker, "query", "/services/data/v{version}/query/");
	json_write_end(w);
}

void api_userinfo(struct request *request)
{
	static const char *const keys[3] = {"preferred_username", "nickname", "name"};
	struct json_writer w;
	struct asker asker;
	struct buffer body;

	if (!take_asker(request, &asker))
		return;
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	write_link(&w, &asker, "sub", "/id/%s/%s", asker.org, asker.token->user_id);
	write_user(&w, &asker, asker.token->user_id, asker.token->user_name, keys);
	json_write_end(&w);
	buffer_fini(&asker.origin);
	respond_json(request, 200, &body);
}

void api_identity(struct request *request)
{
	static const char *const keys[3] = {"username", "nick_name", "display_name"};
	struct catalog_user user;
	struct json_writer w;
	struct asker asker;
	struct buffer body;

	if (!take_asker(request, &asker))
		return;
	if (!slice_is(request_param(request, 0), asker.org)) {
		respond_error(request, 404, "There is no organisation \"%.*s\".",
		    SLICE_ARGS(request_param(request, 0)));
		goto out;
	}
	if (!take_user(request, 1, &user))
		goto out;
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	write_link(&w, &asker, "id", "/id/%s/%s", asker.org, user.id);
	json_write_key(&w, "asserted_user");
	json_write_bool(&w, true);
	write_user(&w, &asker, user.id, user.name, keys);
	json_write_end(&w);
	respond_json(request, 200, &body);
out:
	buffer_fini(&asker.origin);
}

/* --- Versions --------------------------------------------------------------------------------- */

static void write_label(struct json_writer *w, int version)
{
	static const char *const seasons[VERSIONS_A_YEAR] = {"Spring", "Summer", "Winter"};
	/* From spring 2000 on; winter's name is that of the year to come. */
	int count = version - VERSION_OF_SPRING + YEAR_OF_SPRING * VERSIONS_A_YEAR;
	int season = count % VERSIONS_A_YEAR;
	char text[32];

	assert(count >= 0);
	snprintf(text, sizeof(text), "%s '%02d", seasons[season],
	    count / VERSIONS_A_YEAR + (season == 2));
	write_pair(w, "label", text);
}

void api_platform_versions(struct request *request)
{
	struct json_writer w;
	struct buffer body;
	char text[64];

	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_array(&w);
	for (int version = VERSION_FIRST; version <= VERSION_LAST; version++) {
		json_write_object(&w);
		write_label(&w, version);
		snprintf(text, sizeof(text), "/services/data/v%d.0", version);
		write_pair(&w, "url", text);
		snprintf(text, sizeof(text), "%d.0", version);
		write_pair(&w, "version", text);
		json_write_end(&w);
	}
	json_write_end(&w);
	respond_json(request, 200, &body);
}

/* The path's {version}, "v60.0"; when there is none such, respond with 404 and return false. */
static bool take_version(struct request *request, char ret_text[VERSION_TEXT_BYTES])
{
	struct slice given = request_param(request, 0);

	for (int version = VERSION_FIRST; version <= VERSION_LAST; version++) {
		snprintf(ret_text, VERSION_TEXT_BYTES, "v%d.0", version);
		if (slice_is(given, ret_text))
			return true;
	}
	respond_error(request, 404, "There is no version \"%.*s\"; there are v%d.0 to v%d.0.",
	    SLICE_ARGS(given), VERSION_FIRST, VERSION_LAST);
	return false;
}

void api_platform_resources(struct request *request)
{
	char version[VERSION_TEXT_BYTES], text[64];
	struct json_writer w;
	struct asker asker;
	struct buffer body;

	if (!take_version(request, version) || !take_asker(request, &asker))
		return;
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	snprintf(text, sizeof(text), "/services/data/%s/query", version);
	write_pair(&w, "query", text);
	snprintf(text, sizeof(text), "/services/data/%s/sobjects", version);
	write_pair(&w, "sobjects", text);
	write_link(&w, &asker, "identity", "/id/%s/%s", asker.org, asker.token->user_id);
	json_write_end(&w);
	buffer_fini(&asker.origin);
	respond_json(request, 200, &body);
}

/* --- Records ---------------------------------------------------------------------------------- */

static void write_attributes(
    struct json_writer *w, const char *version, const char *type, const char *id)
{
	char url[128];

	snprintf(url, sizeof(url), "/services/data/%s/sobjects/%s/%s", version, type, id);
	json_write_key(w, "attributes");
	json_write_object(w);
	write_pair(w, "type", type);
	write_pair(w, "url", url);
	json_write_end(w);
}

void api_platform_user(struct request *request)
{
	char version[VERSION_TEXT_BYTES];
	struct catalog_user user;
	struct json_writer w;
	struct asker asker;
	struct buffer body;

	if (!take_version(request, version) || !take_asker(request, &asker))
		return;
	buffer_fini(&asker.origin);
	if (!take_user(request, 1, &user))
		return;
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	write_attributes(&w, version, "User", user.id);
	write_pair(&w, "Id", user.id);
	write_pair(&w, "Username", user.name);
	write_pair(&w, "Name", user.name);
	write_pair(&w, "Email", email_of(user.name));
	json_write_key(&w, "IsActive");
	json_write_bool(&w, true);
	json_write_end(&w);
	respond_json(request, 200, &body);
}

/* What there is to ask of the organisation. */
static const struct {
	const char *name;
	enum { FIELD_ID, FIELD_TEXT, FIELD_FALSE, FIELD_NOTHING } kind;
	const char *text;
} organization[] = {
    {"Id", FIELD_ID, NULL},
    {"Name", FIELD_TEXT, "Sluice"},
    {"NamespacePrefix", FIELD_NOTHING, NULL},
    {"InstanceName", FIELD_TEXT, "LOCAL"},
    {"IsSandbox", FIELD_FALSE, NULL},
    {"OrganizationType", FIELD_TEXT, "Developer Edition"},
    {"TrialExpirationDate", FIELD_NOTHING, NULL},
};
#define ORGANIZATION_FIELDS (sizeof(organization) / sizeof(organization[0]))

/* The place of a field; ORGANIZATION_FIELDS when there is none. */
static size_t find_field(struct slice name)
{
	size_t i = 0;

	while (i < ORGANIZATION_FIELDS && !slice_is_nocase(name, organization[i].name))
		i++;
	return i;
}

static void write_field(struct json_writer *w, size_t place, const char *org)
{
	json_write_key(w, organization[place].name);
	switch (organization[place].kind) {
	case FIELD_ID:
		json_write_text(w, org);
		break;
	case FIELD_TEXT:
		json_write_text(w, organization[place].text);
		break;
	case FIELD_FALSE:
		json_write_bool(w, false);
		break;
	case FIELD_NOTHING:
		json_write_null(w);
		break;
	}
}

/* Is it the question that is answered here?  When not, respond with 400 and return false. */
static bool take_question(struct request *request, struct soql *ret_soql)
{
	struct slice text = SLICE("");
	struct err err = {{0}};
	char message[256];

	if (!request_query(request, "q", &text)) {
		respond_code(request, 400, "MALFORMED_QUERY",
		    "The parameter q is missing; it has the query: ?q=SELECT+Id+FROM+Organization");
		return false;
	}
	if (soql_parse(text, ret_soql, &err) != OK) {
		respond_code(request, 400, "MALFORMED_QUERY", err.text);
		return false;
	}
	if (!slice_is_nocase(ret_soql->object, "Organization")) {
		snprintf(message, sizeof(message),
		    "sObject type '%.*s' is not supported; Organization is. Data is queried in "
		    "SQL, "
		    "at /api/v2/query.",
		    ret_soql->object.len > 80 ? 80 : (int)ret_soql->object.len,
		    ret_soql->object.ptr);
		respond_code(request, 400, "INVALID_TYPE", message);
		return false;
	}
	for (size_t i = 0; i < ret_soql->field_count; i++) {
		struct slice field = ret_soql->fields[i];

		if (find_field(field) < ORGANIZATION_FIELDS)
			continue;
		snprintf(message, sizeof(message),
		    "No such column '%.*s' on entity 'Organization'.",
		    field.len > 80 ? 80 : (int)field.len, field.ptr);
		respond_code(request, 400, "INVALID_FIELD", message);
		return false;
	}
	return true;
}

void api_platform_query(struct request *request)
{
	char version[VERSION_TEXT_BYTES];
	struct json_writer w;
	struct asker asker;
	struct buffer body;
	struct soql soql;
	bool has_record;

	if (!take_version(request, version) || !take_asker(request, &asker))
		return;
	buffer_fini(&asker.origin);
	if (!take_question(request, &soql))
		return;
	has_record = soql.limit > 0;
	buffer_init(&body, API_ANSWER_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "totalSize");
	json_write_int(&w, has_record);
	json_write_key(&w, "done");
	json_write_bool(&w, true);
	json_write_key(&w, "records");
	json_write_array(&w);
	if (has_record) {
		json_write_object(&w);
		write_attributes(&w, version, "Organization", asker.org);
		for (size_t i = 0; i < soql.field_count; i++)
			write_field(&w, find_field(soql.fields[i]), asker.org);
		json_write_end(&w);
	}
	json_write_end(&w);
	json_write_end(&w);
	respond_json(request, 200, &body);
}
