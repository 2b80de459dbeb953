/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under goal 3 with the library that the server stands on: libmicrohttpd, set up as the server sets it up, and a
 * handler that answers everything with the same bytes.
 *
 *	bare_mhd ANSWER		listens on a free port of 127.0.0.1 and prints it
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECTION_MEMORY ((size_t)40 * 1024) /* as src/http/server_mhd.c has it */

static struct MHD_Response *response;

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *body, size_t *body_len, void **state)
{
	static int begun;

	(void)ctx;
	(void)url;
	(void)method;
	(void)version;
	(void)body;
	(void)body_len;
	/* The first call is for the head; who answers it ends the connection. */
	if (*state == NULL) {
		*state = &begun;
		return MHD_YES;
	}
	return MHD_queue_response(connection, 200, response);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;

	if (argc != 2) {
		fprintf(stderr, "usage: bare_mhd ANSWER\n");
		return 2;
	}
	response =
	    MHD_create_response_from_buffer(strlen(argv[1]), argv[1], MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "application/json");
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE,
	    (unsigned)sysconf(_SC_NPROCESSORS_ONLN), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    CONNECTION_MEMORY, MHD_OPTION_END);
	info = daemon == NULL ? NULL : MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (info == NULL) {
		fprintf(stderr, "bare_mhd: cannot listen\n");
		return 1;
	}
	printf("%u\n", (unsigned)info->port);
	fflush(stdout);
	pause();
	return 0;
}
