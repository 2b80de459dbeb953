/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_SERVER_MHD_H
#define SLUICE_HTTP_SERVER_MHD_H

/* What the two files on libmicrohttpd share.  Private to them. */

#include "http/request.h"

#include <microhttpd.h>

/* A connection's own. */
struct connection {
	struct http_server *server;
	struct request *request; /* whose head is being read, or that is being served */
	bool refused;            /* the library has refused it; the client may be sending still */
};
/* NULL when there was no memory for it. */
struct connection *connection_of(struct MHD_Connection *connection);
int socket_of(struct MHD_Connection *connection);

/* --- server_mhd_refuse.c ---------------------------------------------------------------------- */

/* Before the first daemon starts.  E_IO: this is no library that we know. */
enum status refuse_begin(struct err *err) WARN_UNUSED;

/* Queue an answer that is ours: what MHD_queue_response() would do if that were not ours, too. */
enum MHD_Result refuse_pass(
    struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);

/* Answer in mid-body.  Its result is the callback's: cut. */
enum MHD_Result refuse_midway(struct request *request);

#endif
