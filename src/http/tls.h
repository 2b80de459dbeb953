/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_TLS_H
#define SLUICE_HTTP_TLS_H

/*
 * The server's side of TLS: which certificate it shows.  TLS 1.2 and up, the protocol itself is the
 * HTTP library's (GnuTLS).
 *
 * A certificate may be exchanged while connections are open: each handshake takes the newest, and a
 * handshake that has begun keeps what it took.
 */

#include "base/status.h"

#include <limits.h>
#include <stdint.h>

struct http_tls;

/* Read a certificate chain and its key, both PEM.  E_INVALID: what a file holds is no such thing,
 * the key is not the certificate's, or the certificate has ended; the text names the file.  E_IO,
 * E_NOT_FOUND.  Both paths are copied. */
enum status http_tls_open(const char *certificate, const char *key, struct http_tls **ret_tls,
    struct err *err) WARN_UNUSED;

/* Read both files again.  On failure what there was stays.  Any thread. */
enum status http_tls_reload(struct http_tls *tls, struct err *err) WARN_UNUSED;

/* After the server that has it.  NULL is fine. */
void http_tls_close(struct http_tls **tls);

/* --- A certificate of its own making ---------------------------------------------------------- */

struct http_tls_local {
	char ca[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX];
};

/* Make below ${path} what lacks of a certificate authority (ca.pem, ca-key.pem) and of a
 * certificate by it for localhost, 127.0.0.1 and ::1 (cert.pem, key.pem), and make again the
 * latter when it ends within thirty days of ${now_us}.  Keys are for their owner alone.  The folder
 * is made.  A certificate by the same authority is trusted by whoever trusted the one before. */
enum status http_tls_local_make(const char *path, int64_t now_us, struct http_tls_local *ret_local,
    struct err *err) WARN_UNUSED;

#endif
