/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client: see client.h.
 *
 * One libcurl easy handle lives as long as the client; curl_easy_reset() between requests
 * forgets their options and keeps the connection.  libcurl calls back for the body's bytes
 * and with the answer's; what a callback meets is remembered in the client, as libcurl itself
 * only says "aborted by callback".
 *
 * An answer that is not 2xx is never given to the caller's write function: it is
 * kept, and reply.c explains it.
 */
#include "cli/client.h"

#include "cli/reply.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* An answer kept in memory: far above a batch of query rows, far below what would hurt. */
#define ANSWER_BYTES_MAX   (512u << 20)
#define PROBLEMS_BYTES_MAX (1u << 20)
#define TOKEN_BYTES_MAX    (64u << 10)
#define URL_BYTES_MAX      (64u << 10)

#define CONNECT_TIMEOUT_S 10L
/* No byte in either direction for so long: the server is gone.  It must be longer than ?wait= (60
 * s) and than a query may compute. */
#define STALL_TIMEOUT_S 300L
/* Large reads, large sends: a part is up to 150 MB. */
#define UPLOAD_BUFFER_BYTES (512L << 10)

struct client {
	CURL *curl;
	char *url; /* without slashes at its end */
	char *ca_file;
	struct buffer authorization; /* the whole header line; empty: none */
	const volatile sig_atomic_t *cancelled;
	char reason[CURL_ERROR_SIZE];

	/* The request under way, or the last one. */
	const struct client_request *request;
	uint64_t read_offset;
	enum status callback_status;
	struct err callback_err;
	struct buffer answer;
	struct buffer problems;
	unsigned retry_after_s;
	long refusal_status;
};

/* --- Life ------------------------------------------------------------------------------------- */

static enum status read_token_file(const char *name, char *token, size_t room, struct err *err)
{
	FILE *file = fopen(name, "re");
	size_t count;

	if (file == NULL)
		return err_errno(err, errno, "token file %s", name);
	count = fread(token, 1, room, file);
	fclose(file);
	if (count == room)
		return err_set(err, E_INVALID, "token file %s: too long to be a token", name);
	token[count] = '\0';
	return OK;
}

/* White space around it is dropped, for files end in a line end; anything but printable ASCII
 * inside could smuggle in another header line. */
static enum status put_token(struct client *client, char *token, struct err *err)
{
	size_t length;

	while (isspace((unsigned char)*token))
		token++;
	length = strlen(token);
	while (length > 0 && isspace((unsigned char)token[length - 1]))
		length--;
	if (length == 0)
		return OK;
	for (size_t i = 0; i < length; i++) {
		if (token[i] <= ' ' || token[i] > '~')
			return err_set(
			    err, E_INVALID, "the token holds a character that no token has");
	}
	buffer_put_text(&client->authorization, "Authorization: Bearer ");
	buffer_put(&client->authorization, (struct slice){token, length});
	buffer_put_char(&client->authorization, '\0');
	if (client->authorization.failed)
		return err_set(err, E_NOMEM, "no memory for the token");
	return OK;
}

static enum status load_token(
    struct client *client, const struct client_options *options, struct err *err)
{
	char *token = calloc(1, TOKEN_BYTES_MAX);
	enum status st = OK;

	if (token == NULL)
		return err_set(err, E_NOMEM, "no memory for the token");
	if (options->token_file != NULL)
		st = read_token_file(options->token_file, token, TOKEN_BYTES_MAX, err);
	else if (options->token != NULL && strlen(options->token) < TOKEN_BYTES_MAX)
		strcpy(token, options->token);
	else if (options->token != NULL)
		st = err_set(err, E_INVALID, "SLUICE_TOKEN is too long to be a token");
	if (st == OK)
		st = put_token(client, token, err);
	explicit_bzero(token, TOKEN_BYTES_MAX);
	free(token);
	return st;
}

static enum status copy_url(struct client *client, const char *url, struct err *err)
{
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return err_set(err, E_INVALID,
		    "%s is not the URL of a server: http://HOST:PORT is expected", url);
	client->url = strndup(url, length);
	return client->url == NULL ? err_set(err, E_NOMEM, "no memory") : OK;
}

enum status client_create(
    const struct client_options *options, struct client **ret_client, struct err *err)
{
	struct client *client = calloc(1, sizeof(*client));
	enum status st;

	if (client == NULL)
		return err_set(err, E_NOMEM, "no memory for the client");
	buffer_init(&client->authorization, TOKEN_BYTES_MAX + 64);
	buffer_init(&client->answer, ANSWER_BYTES_MAX);
	buffer_init(&client->problems, PROBLEMS_BYTES_MAX);
	st = copy_url(client, options->url, err);
	if (st == OK)
		st = load_token(client, options, err);
	if (st != OK)
		goto out;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (client->curl = curl_easy_init()) == NULL)
		st = err_set(err, E_NOMEM, "libcurl does not start");
	else if (options->ca_file != NULL && (client->ca_file = strdup(options->ca_file)) == NULL)
		st = err_set(err, E_NOMEM, "no memory");
out:
	if (st != OK)
		client_destroy(&client);
	else
		*ret_client = client;
	return st;
}

void client_destroy(struct client **client)
{
	struct client *c = *client;

	if (c == NULL)
		return;
	curl_easy_cleanup(c->curl);
	if (c->authorization.len > 0)
		explicit_bzero(c->authorization.ptr, c->authorization.len);
	buffer_fini(&c->authorization);
	buffer_fini(&c->answer);
	buffer_fini(&c->problems);
	free(c->ca_file);
	free(c->url);
	free(c);
	*client = NULL;
}

void client_set_cancel(struct client *client, const volatile sig_atomic_t *cancelled)
{
	client->cancelled = cancelled;
}

struct slice client_problems(const struct client *client)
{
	return buffer_slice(&client->problems);
}

unsigned client_retry_after_s(const struct client *client)
{
	return client->retry_after_s;
}

long client_refusal(const struct client *client, struct slice *ret_body)
{
	*ret_body = client->refusal_status == 0 ? (struct slice){0} : buffer_slice(&client->answer);
	return client->refusal_status;
}

/* --- Paths ------------------------------------------------------------------------------------ */

static void put_encoded(struct buffer *path, const char *text)
{
	/* RFC 3986's unreserved characters stay, all else is encoded. */
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x80 && isalnum(c)) || (c != '\0' && strchr("-._~", c) != NULL))
			buffer_put_char(path, (char)c);
		else
			buffer_printf(path, "%%%02X", c);
	}
}

void client_path(struct buffer *path, const char *pattern, ...)
{
	va_list args;

	va_start(args, pattern);
	for (; *pattern != '\0'; pattern++) {
		if (pattern[0] == '{' && pattern[1] == '}') {
			put_encoded(path, va_arg(args, const char *));
			pattern++;
		} else {
			buffer_put_char(path, *pattern);
		}
	}
	va_end(args);
	/* The NUL is there but does not count, so that the next call appends. */
	buffer_put_char(path, '\0');
	if (!path->failed)
		path->len--;
}

/* --- What libcurl calls
 * ----------------------------------------------------------------------------------------- */

static bool is_cancelled(const struct client *client)
{
	return client->cancelled != NULL && *client->cancelled != 0;
}

static size_t give_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct client *client = ctx;
	const struct client_request *request = client->request;
	uint64_t left = request->read_bytes - client->read_offset;
	size_t room = size * count, got = 0;

	if (is_cancelled(client))
		return CURL_READFUNC_ABORT;
	if (room > left)
		room = (size_t)left;
	if (room == 0)
		return 0;
	client->callback_status = request->read(
	    request->ctx, client->read_offset, bytes, room, &got, &client->callback_err);
	if (client->callback_status != OK)
		return CURL_READFUNC_ABORT;
	client->read_offset += got;
	return got;
}

/* libcurl sends again from the start when a connection that was kept turns out to be dead. */
static int seek_body(void *ctx, curl_off_t offset, int origin)
{
	struct client *client = ctx;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > client->request->read_bytes)
		return CURL_SEEKFUNC_CANTSEEK;
	client->read_offset = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *ctx)
{
	struct client *client = ctx;
	struct slice piece = {bytes, size * count};
	long http_status = 0;

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http_status);
	if (client->request->write != NULL && http_status / 100 == 2) {
		client->callback_status =
		    client->request->write(client->request->ctx, piece, &client->callback_err);
	} else {
		buffer_put(&client->answer, piece);
		if (client->answer.failed)
			client->callback_status = err_set(
			    &client->callback_err, E_LIMIT, "the server's answer is too big");
	}
	return client->callback_status == OK ? piece.len : 0;
}

static int watch(void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	struct client *client = ctx;

	(void)down_all;
	(void)down;
	(void)up_all;
	if (client->request->sent != NULL && up >= 0)
		client->request->sent(client->request->ctx, (uint64_t)up);
	return is_cancelled(client);
}

/* --- A request -------------------------------------------------------------------------------- */

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct buffer line;
	struct curl_slist *longer = NULL;

	buffer_init(&line, 4096);
	buffer_printf(&line, "%s: %s", name, value);
	if (!line.failed)
		longer = curl_slist_append(*list, line.ptr);
	if (longer != NULL)
		*list = longer;
	buffer_fini(&line);
	return longer != NULL;
}

static bool add_headers(const struct client *client, struct curl_slist **list)
{
	const struct client_request *request = client->request;
	struct curl_slist *longer;

	if (!add_header(list, "Accept", "*/*"))
		return false;
	if (request->content_type != NULL &&
	    !add_header(list, "Content-Type", request->content_type))
		return false;
	if (request->idempotency_key != NULL &&
	    !add_header(list, "Idempotency-Key", request->idempotency_key))
		return false;
	if (client->authorization.len > 0) {
		longer = curl_slist_append(*list, client->authorization.ptr);
		if (longer == NULL)
			return false;
		*list = longer;
	}
	return true;
}

/* A proxy in the environment is meant for the world outside, and
 * would look for its own loopback. */
static bool is_loopback(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
	       (strncasecmp(host, "localhost", 9) == 0 && strchr(":/", host[9]) != NULL);
}

static void set_transport(struct client *client)
{
	CURL *curl = client->curl;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* a segment may be ".." */
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->reason);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	if (client->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
	if (is_loopback(client->url))
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

static void set_body(struct client *client)
{
	const struct client_request *request = client->request;
	CURL *curl = client->curl;

	if (request->read != NULL) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(curl, CURLOPT_READDATA, client);
		curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(curl, CURLOPT_SEEKDATA, client);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->read_bytes);
	} else if (request->content_type != NULL) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		curl_easy_setopt(
		    curl, CURLOPT_POSTFIELDS, request->body.len == 0 ? "" : request->body.ptr);
	} else {
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* The failure when no whole answer came. */
static enum status explain_transport(struct client *client, CURLcode code, struct err *err)
{
	const char *reason = client->reason[0] != '\0' ? client->reason : curl_easy_strerror(code);

	if (is_cancelled(client))
		return err_set(err, E_CANCELLED, "interrupted");
	if (client->callback_status != OK)
		return err_set(err, client->callback_status, "%s", client->callback_err.text);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return err_set(
		    err, E_IO, "cannot reach %s: is `sluice serve` running?", client->url);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return err_set(err, E_IO, "cannot reach %s: %s", client->url, reason);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(err, E_INVALID, "%s is not a server's URL: %s", client->url, reason);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, E_INVALID,
		    "%s is not to be trusted: %s; --ca-file names a certificate to trust",
		    client->url, reason);
	case CURLE_OUT_OF_MEMORY:
		return err_set(err, E_NOMEM, "no memory");
	default:
		return err_set(err, E_IO, "the connection to %s failed: %s", client->url, reason);
	}
}

static void forget_last(struct client *client, const struct client_request *request)
{
	client->request = request;
	client->read_offset = 0;
	client->callback_status = OK;
	client->reason[0] = '\0';
	client->retry_after_s = 0;
	client->refusal_status = 0;
	buffer_reset(&client->answer);
	buffer_reset(&client->problems);
	curl_easy_reset(client->curl);
}

/* Send, and judge the answer. */
static enum status perform(struct client *client, struct err *err)
{
	long http_status = 0;
	curl_off_t retry_after = 0;
	CURLcode code = curl_easy_perform(client->curl);

	if (code != CURLE_OK)
		return explain_transport(client, code, err);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http_status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after > 0)
		client->retry_after_s = retry_after > 3600 ? 3600 : (unsigned)retry_after;
	if (http_status / 100 == 2)
		return OK;
	client->refusal_status = http_status;
	return reply_explain(http_status, buffer_slice(&client->answer), &client->problems, err);
}

enum status client_send(struct client *client, const struct client_request *request,
    struct slice *ret_body, struct err *err)
{
	struct curl_slist *headers = NULL;
	struct buffer url;
	enum status st = E_NOMEM;

	forget_last(client, request);
	buffer_init(&url, URL_BYTES_MAX);
	buffer_printf(&url, "%s%s", client->url, request->path);
	if (url.failed || !add_headers(client, &headers)) {
		err_set(err, st, "no memory, or too long a request");
		goto out;
	}
	set_transport(client);
	set_body(client);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	if (curl_easy_setopt(client->curl, CURLOPT_URL, url.ptr) != CURLE_OK) {
		err_set(err, st, "no memory, or too long a request");
		goto out;
	}
	st = perform(client, err);
	if (st == OK && ret_body != NULL)
		*ret_body = buffer_slice(&client->answer);
out:
	curl_slist_free_all(headers);
	buffer_fini(&url);
	client->request = NULL;
	return st;
}

enum status client_send_json(struct client *client, const struct client_request *request,
    json_t **ret_answer, struct err *err)
{
	struct slice body;
	enum status st = client_send(client, request, &body, err);

	if (st != OK)
		return st;
	st = json_parse(body, ret_answer, err);
	if (st != OK)
		err_add(err, "the server's answer");
	return st;
}
