/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under goals 1 and 3: the least that a program can do which takes a body and answers when it is durable.
 *
 *	bare_epoll FOLDER [ANSWER]	listens on a free port of 127.0.0.1 and prints it; files go to FOLDER
 *
 * One thread, epoll, non-blocking sockets that stay open.  PUT: what recv() gives, up to 1 MiB, goes to a file by write();
 * at the end fsync(), then 201.  GET: 200 with ANSWER.  Nothing else: no token, no limit, no name that a client chooses, no
 * timeout, and a request that it does not understand ends the connection.  So whatever a server does beyond this is seen as
 * time beyond this.  One thread is its best way: goal 1 has one upload at a time, whose bytes come one after the other.
 * Larger buffers, splice() and preallocating were tried with goal 1's file and are within the noise.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd;
	int file;    /* -1: waits for a head */
	size_t left; /* of the body */
	size_t head_len;
	char head[8192];
};

static char chunk[1 << 20];
static char answer[16384];
static size_t answer_len;
static const char *folder;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool send_all(struct client *client, const char *text, size_t len)
{
	return send(client->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool store(struct client *client, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(client->file, bytes, len);

		if (n < 0)
			die("write");
		bytes += n;
		len -= (size_t)n;
		client->left -= (size_t)n;
	}
	if (client->left > 0)
		return true;
	if (fsync(client->file) != 0 || close(client->file) != 0)
		die("fsync");
	client->file = -1;
	return send_all(client, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 43);
}

static bool begin_put(struct client *client, const char *rest, size_t rest_len)
{
	static unsigned number;
	const char *length = strcasestr(client->head, "\r\nContent-Length:");
	char path[4096];

	if (length == NULL)
		return false;
	client->left = strtoul(length + 17, NULL, 10);
	if (client->left == 0 || client->left < rest_len)
		return false;
	snprintf(path, sizeof(path), "%s/%u", folder, number++);
	client->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (client->file < 0)
		die(path);
	return store(client, rest, rest_len);
}

static bool read_head(struct client *client)
{
	ssize_t n = recv(client->fd, client->head + client->head_len,
	    sizeof(client->head) - 1 - client->head_len, 0);
	size_t head_len, rest_len;
	char *end;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	client->head_len += (size_t)n;
	client->head[client->head_len] = '\0';
	end = strstr(client->head, "\r\n\r\n");
	if (end == NULL)
		return client->head_len < sizeof(client->head) - 1;
	end[2] = '\0';
	head_len = (size_t)(end + 4 - client->head);
	rest_len = client->head_len - head_len;
	client->head_len = 0;
	if (strncmp(client->head, "PUT ", 4) == 0)
		return begin_put(client, end + 4, rest_len);
	return rest_len == 0 && send_all(client, answer, answer_len);
}

static bool read_body(struct client *client)
{
	size_t most = client->left < sizeof(chunk) ? client->left : sizeof(chunk);
	ssize_t n = recv(client->fd, chunk, most, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	return store(client, chunk, (size_t)n);
}

static void accept_client(int epoll, int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct client *client;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		die("calloc");
	client->fd = fd;
	client->file = -1;
	event.data.ptr = client;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		die("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN}, events[128];
	const char *body = argc > 2 ? argv[2] : "";
	int listener, epoll;

	if (argc < 2 || argc > 3 || strlen(body) > sizeof(answer) - 256) {
		fprintf(stderr, "usage: bare_epoll FOLDER [ANSWER]\n");
		return 2;
	}
	folder = argv[1];
	answer_len = (size_t)snprintf(answer, sizeof(answer),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
	listener = listen_somewhere();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(epoll, events, 128, -1);

		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;

			if (client == NULL) {
				accept_client(epoll, listener);
			} else if (!(client->file < 0 ? read_head(client) : read_body(client))) {
				close(client->fd);
				if (client->file >= 0)
					close(client->file);
				free(client);
			}
		}
	}
}
