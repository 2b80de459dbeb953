/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_CLIENT_H
#define SLUICE_CLI_CLIENT_H

/*
 * An HTTP client of one server: its address, the token, one connection kept alive, and failures
 * told in words.
 *
 *	client_create(&options, &client, &err)
 *	client_path(&path, "/api/v1/connectors/{}", name)
 *	request = (struct client_request){.method = "GET", .path = path.ptr};
 *	client_send(client, &request, &body, &err)
 *	client_destroy(&client)
 *
 * One thread at a time.  Every call blocks until the answer is there.  It follows no redirects,
 * for the token would travel with them, and tries nothing twice: who knows whether a retry is safe
 * is the caller.
 */

#include "base/buffer.h"
#include "base/json.h"
#include "base/slice.h"
#include "base/status.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct client;

struct client_options {
	const char *url;   /* http or https; a path in it goes before every request's */
	const char *token; /* NULL or "": none */
	/* NULL: none, else it holds the token and ${token} is not looked at. */
	const char *token_file;
	const char *ca_file; /* NULL: the system's certificates */
};

enum status client_create(
    const struct client_options *options, struct client **ret_client, struct err *err) WARN_UNUSED;
void client_destroy(struct client **client);

/* Give up the request under way, with E_CANCELLED, soon after ${*cancelled} is not 0 any more.  It
 * may be set by a signal handler.  NULL: never. */
void client_set_cancel(struct client *client, const volatile sig_atomic_t *cancelled);

/* Up to ${room} bytes of a body from ${offset} on; ${ret_count} of 0 is an error of the caller's,
 * as the length of the body was told. */
typedef enum status client_read_fn(
    void *ctx, uint64_t offset, char *ret_bytes, size_t room, size_t *ret_count, struct err *err);

/* Takes a piece of a 2xx answer.  Anything but OK ends the request, and client_send returns it. */
typedef enum status client_write_fn(void *ctx, struct slice bytes, struct err *err);

/* How many bytes of the body have left so far.  Called about once a second or more often. */
typedef void client_sent_fn(void *ctx, uint64_t bytes);

struct client_request {
	const char *method;
	const char *path;            /* encoded, with the query */
	const char *content_type;    /* NULL: no body */
	const char *idempotency_key; /* NULL: none */
	struct slice body;           /* a body in memory, or … */
	client_read_fn *read;        /* … one of ${read_bytes} that is asked for */
	uint64_t read_bytes;
	client_sent_fn *sent;   /* may be NULL */
	client_write_fn *write; /* NULL: the answer is kept in memory */
	void *ctx;              /* for the three */
};

/* Send it and take the answer.  ${ret_body} is a view until the next send, empty with a write
 * function; NULL when it does not matter.  E_IO, E_BUSY: the network or the server failed, another
 * try may help; E_NOT_FOUND, E_CONFLICT, E_INVALID: it said no; E_CANCELLED; E_LIMIT: the answer is
 * too big to keep. */
enum status client_send(struct client *client, const struct client_request *request,
    struct slice *ret_body, struct err *err) WARN_UNUSED;

/* As client_send, and parse the answer, an object; the caller frees it with json_decref. */
enum status client_send_json(struct client *client, const struct client_request *request,
    json_t **ret_answer, struct err *err) WARN_UNUSED;

/* What was wrong with the last request that failed, a line each; often
 * empty.  Valid until the next send. */
struct slice client_problems(const struct client *client);

/* After how many seconds the last answer asked to be tried again; 0 when it did not. */
unsigned client_retry_after_s(const struct client *client);

/* The status and the body of the last answer when it was no 2xx; 0 and empty when none came.
 * Valid until the next send. */
long client_refusal(const struct client *client, struct slice *ret_body);

/* Append ${pattern}, in which each "{}" stands for the next argument, a const char *,
 * percent-encoded so that it stays one segment of a path or one value of a query.  NUL-terminated;
 * failure is the buffer's sticky one. */
void client_path(struct buffer *path, const char *pattern, ...);

#endif
