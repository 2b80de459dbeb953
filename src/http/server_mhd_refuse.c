/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals that the library cannot send for us, or sends in its own way.
 *
 * In mid-body no answer can be queued.  It is written to the socket, whose send buffer is empty at
 * that time, and the library is told to cut the connection.
 *
 * What the library cannot read (a request line, a length, chunks) or hold (a head longer than its
 * memory for a connection) it refuses itself, with an HTML page that no option changes, and which
 * it garbles for a bad Content-Length.  It hands that page to MHD_queue_response() by its public
 * name, so the function of that name here stands before the library's: it writes the envelope to
 * the socket and ends the sending direction, so that the page goes nowhere.  The library still gets
 * to queue it: told that this failed it frees memory, which after a Cookie header it goes on to
 * use.  But a library that is being stopped does not queue it, says that it did, and then follows a
 * pointer that it never set; so it must not be stopped meanwhile, and once it is, the failure is
 * the lesser evil.  Where the two are linked so that ours does not come first, the page is what the
 * client gets.
 *
 * Not here: whether the method was HEAD, which the library does not tell before on_access().  Such
 * a refusal has a body, and the connection ends behind it.
 */
#include "http/server_mhd.h"

#include "base/log.h"
#include "http/tls_handshake.h"

#include <assert.h>
#include <dlfcn.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <time.h>

typedef enum MHD_Result queue_response_fn(
    struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);

/* The library's own MHD_queue_response; set before the first daemon starts. */
static queue_response_fn *library_queue;

enum status refuse_begin(struct err *err)
{
	void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");

	if (symbol == NULL)
		return err_set(err, E_IO, "the HTTP library has no MHD_queue_response");
	/* ISO C has no cast for this. */
	memcpy(&library_queue, &symbol, sizeof(symbol));
	return OK;
}

enum MHD_Result refuse_pass(
    struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
	return library_queue(connection, status, response);
}

/* --- In mid-body ------------------------------------------------------------------------------ */

/* The part of a head that each answer has which goes to the socket. */
static void write_head(
    struct buffer *out, unsigned status, size_t content_length, const char *content_type)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[64];

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buffer_printf(out,
	    "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Length: %zu\r\n", status,
	    MHD_get_reason_phrase_for(status), date, content_length);
	if (content_type != NULL)
		buffer_printf(out, "Content-Type: %s\r\n", content_type);
}

static void write_reply(struct buffer *out, const struct reply *reply)
{
	const struct reply_header *header;

	write_head(out, reply->status, reply->body.len, reply->content_type);
	for (header = reply->headers; header != NULL; header = header->next) {
		if (strpbrk(header->value, "\r\n") == NULL)
			buffer_printf(out, "%s: %s\r\n", header->name, header->value);
	}
	buffer_put_text(out, "\r\n");
	buffer_put(out, buffer_slice(&reply->body));
}

/* NULL without TLS. */
static gnutls_session_t session_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info == NULL ? NULL : info->tls_session;
}

/* What does not fit the socket's empty buffer at once is given up with the
 * rest of the connection. */
static void send_refusal(struct MHD_Connection *connection, unsigned status, struct buffer *out)
{
	gnutls_session_t session = session_of(connection);
	bool sent = !out->failed;

	if (sent && session != NULL)
		sent = tls_send(session, buffer_slice(out));
	else if (sent)
		sent = send(socket_of(connection), out->ptr, out->len,
			   MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	if (!sent)
		log_event(LOG_LEVEL_DEBUG, "http.refusal_lost", "status=%u", status);
}

/* Answer in mid-body, and cut. */
enum MHD_Result refuse_midway(struct request *request)
{
	struct buffer out;

	assert(request->state == REQUEST_BODY && request->reply.ready);
	assert(request->reply.source.read == NULL); /* a refusal is short */
	count_reply(request, request->reply.status);
	buffer_init(&out, 4 * HTTP_ERROR_BYTES_MAX);
	write_reply(&out, &request->reply);
	if (request->fault.cut_answer)
		out.len -= request->reply.body.len - fault_half(request->reply.body.len);
	request->cut = request->fault.cut_answer;
	send_refusal(request->connection, request->reply.status, &out);
	buffer_fini(&out);
	request->linger = true;
	request->state = REQUEST_SENDING;
	return MHD_NO;
}

/* --- What the library refuses itself ---------------------------------------------------------- */

static const char *refusal_text(unsigned status)
{
	switch (status) {
	case 400:
		return "The request is not well-formed HTTP.";
	case 413:
		return "The request entity is too large: no body may have such a length.";
	case 414:
		return "The request line is too long.";
	case 431:
		return "The request's head is too long, or has too many headers.";
	case 505:
		return "This version of HTTP is not spoken here; use HTTP/1.1.";
	default:
		return "The request cannot be answered.";
	}
}

/* Of the request only what is settled with its head may be looked at: in mid-body its reply may be
 * somebody else's at this time. */
static void refuse_unread(
    struct MHD_Connection *mhd, struct connection *connection, unsigned status)
{
	struct request *request = connection->request;
	struct slice path = request == NULL ? SLICE("") : request->path;
	struct buffer body, out;

	connection->refused = true;
	/* Its 500 is a line of a chunked body that does not end. */
	if (status == 500)
		status = 400;
	if (request != NULL)
		count_reply(request, status);
	else
		count_unread(status);
	buffer_init(&body, HTTP_ERROR_BYTES_MAX);
	buffer_init(&out, 2 * HTTP_ERROR_BYTES_MAX);
	respond_write_envelope(&body, path, status, refusal_text(status));
	write_head(&out, status, body.len, RESPOND_JSON_TYPE);
	buffer_put_text(&out, "\r\n");
	buffer_put(&out, buffer_slice(&body));
	send_refusal(mhd, status, &out);
	if (session_of(mhd) != NULL)
		tls_end_sending(session_of(mhd));
	shutdown(socket_of(mhd), SHUT_WR);
	buffer_fini(&body);
	buffer_fini(&out);
}

/* Called by the library alone: see above. */
enum MHD_Result MHD_queue_response(
    struct MHD_Connection *mhd, unsigned status, struct MHD_Response *page)
{
	struct connection *connection = connection_of(mhd);
	enum MHD_Result result;

	if (connection == NULL)
		return library_queue(mhd, status, page);
	if (!server_enter(connection->server))
		return MHD_NO;
	if (!connection->refused)
		refuse_unread(mhd, connection, status);
	result = library_queue(mhd, status, page);
	server_leave(connection->server);
	return result;
}
