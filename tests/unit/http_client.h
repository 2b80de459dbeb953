/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_HTTP_CLIENT_H
#define SLUICE_TESTS_HTTP_CLIENT_H

/*
 * A client for the tests of http/ that can do what a well-bred one cannot: send half a request, two
 * at once, or a wrong one.  Plain sockets; it waits at most ten seconds for anything, so that a
 * hung server fails a test.
 */

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REPLY_BYTES_MAX 1048576

struct client_reply {
	int status;
	char *head; /* a copy of the status line and headers */
	char *body;
	size_t body_len;
};

struct client {
	int fd;
	char *bytes; /* what came and was not looked at yet; ends in NUL */
	size_t len, room;
};

static inline void client_open(struct client *c, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval limit = {.tv_sec = 10};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->len = 0;
	c->room = 4096;
	c->bytes = calloc(1, c->room + 1);
	assert_non_null(c->bytes);
	assert_true(c->fd >= 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static inline void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->bytes);
	c->bytes = NULL;
}

/* How many bytes went out; fewer than ${len} when the server has closed. */
static inline size_t client_send_bytes(struct client *c, const void *bytes, size_t len)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < len) {
		n = send(c->fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	return sent;
}

static inline void client_send(struct client *c, const char *text)
{
	assert_int_equal(client_send_bytes(c, text, strlen(text)), strlen(text));
}

/* More bytes; false at the end, with errno 0, or on an error, with errno. */
static inline bool client_fill(struct client *c)
{
	ssize_t n;

	if (c->len == c->room) {
		assert_true(c->room < REPLY_BYTES_MAX);
		c->room *= 2;
		c->bytes = realloc(c->bytes, c->room + 1);
		assert_non_null(c->bytes);
	}
	errno = 0;
	n = recv(c->fd, c->bytes + c->len, c->room - c->len, 0);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	c->bytes[c->len] = '\0';
	return true;
}

/* Has the server closed, in an orderly manner, without another byte? */
static inline bool client_at_end(struct client *c)
{
	return c->len == 0 && !client_fill(c) && errno == 0;
}

/* The value of a header, or NULL; good until the thread asks again. */
static inline const char *reply_header(const struct client_reply *r, const char *name)
{
	static _Thread_local char value[1024];
	const char *line = r->head;
	size_t len = strlen(name), n;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " ");
		n = strcspn(line, "\r");
		assert_true(n < sizeof(value));
		memcpy(value, line, n);
		value[n] = '\0';
		return value;
	}
	return NULL;
}

static inline void reply_free(struct client_reply *r)
{
	free(r->head);
	free(r->body);
	r->head = r->body = NULL;
}

static inline void client_drop(struct client *c, size_t n)
{
	memmove(c->bytes, c->bytes + n, c->len - n + 1);
	c->len -= n;
}

static inline void client_need(struct client *c, size_t n)
{
	while (c->len < n) {
		if (!client_fill(c))
			fail_msg("the connection ended in mid-answer (errno %d) after: %.*s", errno,
			    (int)c->len, c->bytes);
	}
}

static inline void client_read_chunks(struct client *c, struct client_reply *r)
{
	size_t n;
	char *end;

	r->body = calloc(1, REPLY_BYTES_MAX);
	assert_non_null(r->body);
	for (;;) {
		client_need(c, 1);
		while ((end = strstr(c->bytes, "\r\n")) == NULL)
			client_need(c, c->len + 1);
		n = strtoul(c->bytes, NULL, 16);
		client_drop(c, (size_t)(end + 2 - c->bytes));
		client_need(c, n + 2);
		memcpy(r->body + r->body_len, c->bytes, n);
		r->body_len += n;
		client_drop(c, n + 2);
		if (n == 0)
			return;
	}
}

/* Read one answer; ${has_body} is false for that to a HEAD. */
static inline void client_read_reply(struct client *c, struct client_reply *r, bool has_body)
{
	const char *length, *coding;
	char *end;
	size_t n;

	*r = (struct client_reply){.status = 0};
	client_need(c, 1);
	while ((end = strstr(c->bytes, "\r\n\r\n")) == NULL)
		client_need(c, c->len + 1);
	n = (size_t)(end + 4 - c->bytes);
	r->head = strndup(c->bytes, n);
	client_drop(c, n);
	assert_int_equal(sscanf(r->head, "HTTP/1.1 %d", &r->status), 1);
	coding = reply_header(r, "Transfer-Encoding");
	if (coding != NULL && has_body) {
		client_read_chunks(c, r);
		return;
	}
	length = reply_header(r, "Content-Length");
	n = length == NULL || !has_body || r->status == 100 ? 0 : strtoul(length, NULL, 10);
	client_need(c, n);
	r->body = calloc(1, n + 1);
	memcpy(r->body, c->bytes, n);
	r->body_len = n;
	client_drop(c, n);
}

/* Send ${text} on a connection of its own, read one answer, and close. */
static inline void client_ask(uint16_t port, const char *text, struct client_reply *r)
{
	struct client c;

	client_open(&c, port);
	client_send(&c, text);
	client_read_reply(&c, r, strncmp(text, "HEAD ", 5) != 0);
	client_close(&c);
}

/* Wait until *${value} is at least ${least}; at most ten seconds. */
static inline bool wait_for(const volatile _Atomic long *value, long least)
{
	int64_t deadline_us = clock_mono_us() + 10000000;

	while (*value < least && clock_mono_us() < deadline_us)
		usleep(1000);
	return *value >= least;
}

/* Resident memory of this process. */
static inline long rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
