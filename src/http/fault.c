/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: what a test of a client asks of a request beside its handling.  See struct http_fault,
 * and request.h for where they stand among a request's states.
 *
 * A delayed request is parked, so no thread stands still for it.  It is on a list, and one timer
 * thread, which is there only when the server has an intercept(), unparks those whose time is up;
 * all of them when the server drains, after which none is delayed any more.
 *
 * Which request has which fault is not decided here: emulate/ has the rules, api/ asks them.
 */
#include "http/request.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* More would make the timer's walk long, and tests do not need it. */
#define DELAYS_MAX 256

/* --- Delays ----------------------------------------------------------------------------------- */

/* Some connections must stay for whoever wants to take the rule back. */
static bool is_full_locked(const struct http_server *server)
{
	return server->delayed_count >= DELAYS_MAX ||
	       server->delayed_count >= server->options.connections_max / 2;
}

enum fault_next fault_delay(struct request *request)
{
	struct http_server *server = request->server;
	enum fault_next next = FAULT_GO;
	bool full = false;

	if (request->fault.delay_ms == 0)
		return FAULT_GO;
	mutex_lock(&server->mutex);
	if (server->draining) {
		next = FAULT_GO;
	} else if (is_full_locked(server)) {
		full = true;
	} else if (!server_park_locked(request)) {
		next = FAULT_CUT;
	} else {
		request->delayed_until_us =
		    clock_mono_us() + (int64_t)request->fault.delay_ms * 1000;
		request->next_delayed = server->delayed;
		server->delayed = request;
		server->delayed_count++;
		cond_signal(&server->delays_changed);
		next = FAULT_PARKED;
	}
	mutex_unlock(&server->mutex);
	if (full && !request->reply.ready)
		respond_error(request, 503, "Too many requests are delayed by a fault already.");
	return next;
}

/* Take those whose time is up off the list; when is the next one's? */
static struct request *take_due_locked(struct http_server *server, int64_t *ret_next_us)
{
	struct request **link = &server->delayed, *due = NULL, *request;
	int64_t now_us = clock_mono_us();

	*ret_next_us = INT64_MAX;
	while ((request = *link) != NULL) {
		if (!server->draining && request->delayed_until_us > now_us) {
			if (request->delayed_until_us < *ret_next_us)
				*ret_next_us = request->delayed_until_us;
			link = &request->next_delayed;
			continue;
		}
		*link = request->next_delayed;
		server->delayed_count--;
		request->next_delayed = due;
		due = request;
	}
	return due;
}

static void unpark_list(struct request *request)
{
	struct request *next;

	for (; request != NULL; request = next) {
		next = request->next_delayed; /* it may be gone at once */
		server_unpark(request);
	}
}

static void *run_delays(void *ctx)
{
	struct http_server *server = ctx;
	struct request *due;
	int64_t next_us;

	mutex_lock(&server->mutex);
	for (;;) {
		due = take_due_locked(server, &next_us);
		if (due != NULL) {
			mutex_unlock(&server->mutex);
			unpark_list(due);
			mutex_lock(&server->mutex);
			continue;
		}
		if (server->stopping)
			break; /* and so draining: nobody is delayed, nor will be */
		if (next_us == INT64_MAX)
			cond_wait(&server->delays_changed, &server->mutex);
		else
			cond_wait_until(&server->delays_changed, &server->mutex, next_us);
	}
	mutex_unlock(&server->mutex);
	return NULL;
}

enum status fault_start(struct http_server *server, struct err *err)
{
	enum status st = thread_start(&server->delay_timer, "delays", run_delays, server, err);

	server->has_delay_timer = st == OK;
	return st;
}

void fault_stop(struct http_server *server)
{
	mutex_lock(&server->mutex);
	cond_signal(&server->delays_changed);
	mutex_unlock(&server->mutex);
	if (server->has_delay_timer)
		thread_join(server->delay_timer);
	server->has_delay_timer = false;
}

/* --- Cuts ------------------------------------------------------------------------------------- */

bool fault_cuts_head(const struct request *request)
{
	return request->fault.cut_request &&
	       (request->fault.cut_after_bytes == 0 || !request->has_body);
}

bool fault_cuts_body(const struct request *request, size_t next)
{
	return request->fault.cut_request &&
	       next >= request->fault.cut_after_bytes - request->received;
}

bool fault_cuts_end(const struct request *request)
{
	return request->fault.cut_request;
}

size_t fault_half(size_t body_bytes)
{
	return body_bytes / 2;
}

void fault_reset(int socket)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	/* A close would say goodbye first, since the library shuts its side down; dissolving the
	 * association is what makes Linux send a reset there and then. */
	if (connect(socket, &nobody, sizeof(nobody)) != 0)
		log_event(LOG_LEVEL_DEBUG, "http.reset_failed", "error=\"%s\"", strerror(errno));
}
