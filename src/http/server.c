/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's life: its socket, start, drain, stop, and the counts that the last two wait for.
 *
 * ${running} is what a drain waits for: requests that were let in.  ${busy} is what a stop waits
 * for: requests that a handler has, or whose connection is parked, so that the library must not be
 * stopped under them.
 */
#include "http/request.h"

#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* An address in the form that bind() takes; 0 when it is none. */
static socklen_t parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

enum status server_listen(
    const struct http_options *options, int *ret_socket, uint16_t *ret_port, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t len = parse_address(options->address, options->port, &address);
	enum status st = E_IO;
	int fd = -1, one = 1;

	if (len == 0) {
		err_set(
		    err, E_IO, "listen on '%s': that is no IPv4 or IPv6 address", options->address);
		goto out;
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		err_errno(err, errno, "listen on %s, port %u", options->address, options->port);
		goto out;
	}
	*ret_port =
	    ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						: ((struct sockaddr_in *)&address)->sin_port);
	*ret_socket = fd;
	fd = -1;
	st = OK;
out:
	if (fd >= 0)
		close(fd);
	return st;
}

bool server_enter_locked(struct http_server *server)
{
	if (server->stopping)
		return false;
	server->busy++;
	return true;
}

bool server_enter(struct http_server *server)
{
	bool entered;

	mutex_lock(&server->mutex);
	entered = server_enter_locked(server);
	mutex_unlock(&server->mutex);
	return entered;
}

void server_leave(struct http_server *server)
{
	mutex_lock(&server->mutex);
	server->busy--;
	if (server->busy == 0)
		cond_broadcast(&server->idle);
	mutex_unlock(&server->mutex);
}

enum status http_server_start(
    const struct http_options *options, struct http_server **ret_server, struct err *err)
{
	struct http_server *server = calloc(1, sizeof(*server));
	enum status st;

	if (server == NULL)
		return err_set(err, E_NOMEM, "HTTP server: no memory");
	server->options = *options;
	server->waiting_end = &server->waiting;
	count_begin(server);
	mutex_init(&server->mutex);
	cond_init(&server->idle);
	cond_init(&server->delays_changed);
	st = router_create(options->routes, options->route_count, &server->router, err);
	if (st == OK)
		st = pool_create("work", options->work_threads, LANE_QUEUE_MAX, &server->work, err);
	if (st == OK)
		st = pool_create(
		    "query", options->query_threads, LANE_QUEUE_MAX, &server->query, err);
	if (st == OK)
		st = linger_create(&server->linger, err);
	if (st == OK && options->intercept != NULL)
		st = fault_start(server, err);
	if (st == OK)
		st = server_daemon_start(server, err);
	if (st != OK)
		http_server_stop(&server);
	else
		*ret_server = server;
	return st;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

bool http_server_drain(struct http_server *server, int64_t deadline_us)
{
	bool idle;

	mutex_lock(&server->mutex);
	server->draining = true;
	cond_signal(&server->delays_changed); /* they are over */
	while (server->running > 0 && cond_wait_until(&server->idle, &server->mutex, deadline_us))
		;
	idle = server->running == 0;
	mutex_unlock(&server->mutex);
	return idle;
}

void http_server_stop(struct http_server **server_ptr)
{
	struct http_server *server = *server_ptr;

	if (server == NULL)
		return;
	/* First no connection may be parked any more, nor become so; then the library
	 * can end, which ends all connections; then what these have left to the
	 * lanes, cancelling above all. */
	mutex_lock(&server->mutex);
	server->draining = true;
	server->stopping = true;
	mutex_unlock(&server->mutex);
	upload_wake_waiting(server);
	fault_stop(server);
	mutex_lock(&server->mutex);
	while (server->busy > 0)
		cond_wait(&server->idle, &server->mutex);
	mutex_unlock(&server->mutex);
	server_daemon_stop(server);
	mutex_lock(&server->mutex);
	while (server->running > 0)
		cond_wait(&server->idle, &server->mutex);
	mutex_unlock(&server->mutex);
	pool_destroy(&server->work);
	pool_destroy(&server->query);
	linger_destroy(&server->linger);
	upload_free_chunks(server);
	router_destroy(&server->router);
	count_end();
	cond_fini(&server->idle);
	cond_fini(&server->delays_changed);
	mutex_fini(&server->mutex);
	free(server);
	*server_ptr = NULL;
}
