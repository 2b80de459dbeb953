/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that costs little: many keep-alive connections, one thread, epoll.  One in JavaScript would take more of the two
 * cores than the server that it measures.
 *
 *	load_client PORT CLIENTS SECONDS COUNT SCRIPT …		SECONDS or COUNT (of whole scripts) may be 0: no end by that
 *
 *	close|abort|open|mix CONNECTOR OBJECT	create a job, then close it, abort it, leave it open, or one after the other
 *	stream CONNECTOR OBJECT			stream one record a request, each with a key of its own
 *	upload CONNECTOR OBJECT FILE BYTES	create a job and PUT the first BYTES of FILE.  When each client has sent half, a
 *						line "half" comes and all wait for a line of standard input
 *
 * The token stands in SLUICE_TOKEN.  Each client sends its next request when the answer to its last is there.  At the end
 * one line of JSON: requests that were answered as they should be, those that were not (the first such answer goes to
 * standard error), scripts that came to their end, seconds, and the latency of requests in milliseconds.
 *
 * Not here: TLS, pipelining, answers in chunks, and answers of more than 16 KiB; the server sends none to these requests.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum script { SCRIPT_CLOSE, SCRIPT_ABORT, SCRIPT_OPEN, SCRIPT_MIX, SCRIPT_STREAM, SCRIPT_UPLOAD };

struct client {
	int fd;
	int step;     /* of the script: 0 is its first request */
	bool has_job; /* job is what its first request gave */
	char job[64];
	unsigned number; /* which script of all this is */
	int status;      /* that the running request should be answered with */
	uint64_t begin_ns;
	char out[2048];
	size_t out_len, out_sent;
	size_t body_sent; /* of the file, behind out */
	bool has_body, is_held, wants_out;
	char in[16384 + 1];
	size_t in_len;
};

static struct {
	enum script script;
	const char *connector, *object, *token;
	const char *body;
	size_t body_len;
	int port, clients;
	uint64_t end_ns;
	unsigned count;
	int epoll;
} plan;

static struct {
	unsigned begun, finished, good, bad;
	int busy, held;
	uint32_t *latency_us;
	size_t latency_max;
} sums;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- What is asked ---------------------------------------------------------------------------- */

static void request(struct client *c, int status, const char *method, const char *path,
    const char *type, size_t body_len, const char *body)
{
	int n = snprintf(c->out, sizeof(c->out),
	    "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
	    method, path, plan.port, plan.token, type, body_len, body);

	if (n < 0 || (size_t)n >= sizeof(c->out)) {
		fprintf(stderr, "load_client: a request of %d bytes\n", n);
		exit(1);
	}
	c->status = status;
	c->out_len = (size_t)n;
	c->out_sent = 0;
	c->begin_ns = now_ns();
}

static void ask_for_job(struct client *c)
{
	char body[512];

	snprintf(body, sizeof(body),
	    "{\"object\":\"%s\",\"sourceName\":\"%s\",\"operation\":\"upsert\"}", plan.object,
	    plan.connector);
	request(c, 201, "POST", "/api/v1/ingest/jobs", "application/json", strlen(body), body);
}

static void ask_for_state(struct client *c, bool abort_it)
{
	const char *body = abort_it ? "{\"state\":\"Aborted\"}" : "{\"state\":\"UploadComplete\"}";
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/ingest/jobs/%s", c->job);
	request(c, 200, "PATCH", path, "application/json", strlen(body), body);
}

static void stream_record(struct client *c)
{
	char path[512], body[512];

	snprintf(path, sizeof(path), "/api/v1/ingest/sources/%s/%s", plan.connector, plan.object);
	snprintf(body, sizeof(body),
	    "{\"data\":[{\"id\":\"C-%08u\",\"name\":\"Ada "
	    "Lovelace\",\"email\":\"ada%u@example.org\","
	    "\"phone\":\"+44 20 7946 0958\",\"birth_date\":\"1990-12-%02u\",\"loyalty_points\":%u,"
	    "\"active\":true,\"modified_date\":\"2021-12-%02uT08:00:00Z\"}]}",
	    c->number, c->number, c->number % 28 + 1, c->number % 1000, c->number % 28 + 1);
	request(c, 202, "POST", path, "application/json", strlen(body), body);
}

static void put_file(struct client *c)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/ingest/jobs/%s/batches", c->job);
	request(c, 202, "PUT", path, "text/csv", plan.body_len, "");
	c->has_body = true;
	c->body_sent = 0;
}

/* The next request of c's script; false when the script is at its end. */
static bool next_step(struct client *c)
{
	unsigned kind = c->number % 3;

	if (c->step == 0) {
		if (plan.script == SCRIPT_STREAM)
			stream_record(c);
		else
			ask_for_job(c);
		return true;
	}
	if (c->step > 1 || plan.script == SCRIPT_STREAM || plan.script == SCRIPT_OPEN ||
	    (plan.script == SCRIPT_MIX && kind == 2))
		return false;
	if (plan.script == SCRIPT_UPLOAD)
		put_file(c);
	else
		ask_for_state(
		    c, plan.script == SCRIPT_ABORT || (plan.script == SCRIPT_MIX && kind == 1));
	return true;
}

/* --- How it goes ------------------------------------------------------------------------------ */

/* Whether to be told when the socket takes more. */
static void want_out(struct client *c, bool wants)
{
	struct epoll_event event = {.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};

	if (wants != c->wants_out && epoll_ctl(plan.epoll, EPOLL_CTL_MOD, c->fd, &event) != 0)
		die("epoll_ctl");
	c->wants_out = wants;
}

/* The next request, of this script or a new one; false when c has nothing more to do. */
static bool go_on(struct client *c)
{
	if (c->step > 0 && next_step(c))
		return true;
	if (c->step > 0)
		sums.finished++;
	if ((plan.end_ns != 0 && now_ns() >= plan.end_ns) ||
	    (plan.count != 0 && sums.begun == plan.count))
		return false;
	c->number = sums.begun++;
	c->step = 0;
	c->has_job = false;
	return next_step(c);
}

/* Sends what the socket takes. */
static void push(struct client *c)
{
	size_t half = plan.body_len / 2;
	ssize_t n = 0;

	while (c->out_sent < c->out_len) {
		n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
		if (n < 0)
			break;
		c->out_sent += (size_t)n;
	}
	while (n >= 0 && c->has_body && c->body_sent < plan.body_len) {
		size_t end = c->body_sent < half ? half : plan.body_len;
		size_t most = end - c->body_sent < 65536 ? end - c->body_sent : 65536;

		if (c->body_sent == half && !c->is_held) {
			c->is_held = true;
			sums.held++;
			break;
		}
		n = send(c->fd, plan.body + c->body_sent, most, MSG_NOSIGNAL);
		if (n >= 0)
			c->body_sent += (size_t)n;
	}
	if (n < 0 && errno != EAGAIN)
		die("send");
	want_out(c, n < 0);
}

/* Whether the answer is whole. */
static bool is_whole(const struct client *c)
{
	const char *end = strstr(c->in, "\r\n\r\n"), *length;

	if (end == NULL)
		return false;
	length = strcasestr(c->in, "\r\nContent-Length:");
	if (length == NULL || length > end) {
		fprintf(stderr, "load_client: an answer without Content-Length:\n%s\n", c->in);
		exit(1);
	}
	return c->in_len >= (size_t)(end + 4 - c->in) + strtoul(length + 17, NULL, 10);
}

static void note_answer(struct client *c)
{
	const char *id = strstr(c->in, "\"id\":\"");
	int status = atoi(c->in + strlen("HTTP/1.1 "));

	if (status != c->status && sums.bad++ == 0)
		fprintf(stderr, "load_client: %d instead of %d:\n%.*s\n%s\n", status, c->status,
		    (int)strcspn(c->out, "\r"), c->out, c->in);
	if (status != c->status) {
		c->step = 9; /* the script is over */
		return;
	}
	if (sums.good == sums.latency_max) {
		sums.latency_max = sums.latency_max == 0 ? 1 << 16 : 2 * sums.latency_max;
		sums.latency_us =
		    realloc(sums.latency_us, sums.latency_max * sizeof(*sums.latency_us));
		if (sums.latency_us == NULL)
			die("realloc");
	}
	sums.latency_us[sums.good++] = (uint32_t)((now_ns() - c->begin_ns) / 1000);
	if (!c->has_job && id != NULL) {
		snprintf(c->job, sizeof(c->job), "%.*s", (int)strcspn(id + 6, "\""), id + 6);
		c->has_job = true;
	}
	c->step++;
}

static void pull(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fprintf(stderr, "load_client: the server closed a connection\n");
		exit(1);
	}
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	if (!is_whole(c))
		return;
	note_answer(c);
	c->in_len = 0;
	c->in[0] = '\0';
	c->has_body = c->is_held = false;
	if (go_on(c)) {
		push(c);
	} else {
		close(c->fd);
		sums.busy--;
	}
}

/* When all are held: say so, wait for a word, and let them go on. */
static void release(struct client *clients)
{
	printf("half\n");
	fflush(stdout);
	if (getchar() == EOF)
		exit(1);
	sums.held = -1;
	for (int i = 0; i < plan.clients; i++)
		push(&clients[i]);
}

static void run(struct client *clients)
{
	struct epoll_event events[256];

	for (int i = 0; i < plan.clients; i++) {
		struct sockaddr_in address = {.sin_family = AF_INET,
		    .sin_port = htons((uint16_t)plan.port),
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
			die("connect");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		clients[i].fd = fd;
		if (epoll_ctl(plan.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			die("epoll_ctl");
	}
	sums.busy = plan.clients;
	for (int i = 0; i < plan.clients; i++) {
		if (go_on(&clients[i]))
			push(&clients[i]);
		else
			sums.busy--;
	}
	while (sums.busy > 0) {
		int n = epoll_wait(plan.epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (events[i].events & ~(uint32_t)EPOLLOUT)
				pull(c);
			else
				push(c);
		}
		if (sums.held == plan.clients)
			release(clients);
	}
}

/* --- The command ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double latency_ms(double part)
{
	return sums.good == 0 ? 0 : sums.latency_us[(size_t)(part * (double)(sums.good - 1))] / 1e3;
}

static void map_file(const char *path, const char *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *map;

	plan.body_len = strtoul(bytes, NULL, 10);
	map = mmap(NULL, plan.body_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (fd < 0 || map == MAP_FAILED || lseek(fd, 0, SEEK_END) < (off_t)plan.body_len)
		die(path);
	plan.body = map;
	close(fd);
}

static bool read_arguments(int argc, char **argv)
{
	static const char *const scripts[] = {"close", "abort", "open", "mix", "stream", "upload"};
	int script = 0;

	if (argc < 8)
		return false;
	while (script < 6 && strcmp(scripts[script], argv[5]) != 0)
		script++;
	if (script == 6 || argc != (script == SCRIPT_UPLOAD ? 10 : 8))
		return false;
	plan.script = (enum script)script;
	plan.port = atoi(argv[1]);
	plan.clients = atoi(argv[2]);
	plan.end_ns = (uint64_t)(atof(argv[3]) * 1e9);
	plan.count = (unsigned)strtoul(argv[4], NULL, 10);
	plan.connector = argv[6];
	plan.object = argv[7];
	plan.token = getenv("SLUICE_TOKEN");
	if (script == SCRIPT_UPLOAD)
		map_file(argv[8], argv[9]);
	return plan.port > 0 && plan.clients > 0 && plan.token != NULL;
}

int main(int argc, char **argv)
{
	struct client *clients;
	uint64_t begin;
	double seconds;

	if (!read_arguments(argc, argv)) {
		fprintf(stderr,
		    "usage: load_client PORT CLIENTS SECONDS COUNT SCRIPT CONNECTOR OBJECT "
		    "[FILE BYTES], with SLUICE_TOKEN\n");
		return 2;
	}
	clients = calloc((size_t)plan.clients, sizeof(*clients));
	plan.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clients == NULL || plan.epoll < 0)
		die("load_client");
	begin = now_ns();
	if (plan.end_ns != 0)
		plan.end_ns += begin;
	run(clients);
	seconds = (double)(now_ns() - begin) / 1e9;
	if (sums.good > 0)
		qsort(sums.latency_us, sums.good, sizeof(*sums.latency_us), by_size);
	printf("{\"requests\":%u,\"failed\":%u,\"scripts\":%u,\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n",
	    sums.good, sums.bad, sums.finished, seconds, sums.good / seconds, latency_ms(0.5),
	    latency_ms(0.99), latency_ms(1));
	free(clients);
	free(sums.latency_us);
	return 0;
}
