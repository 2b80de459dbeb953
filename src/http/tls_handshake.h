/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_TLS_HANDSHAKE_H
#define SLUICE_HTTP_TLS_HANDSHAKE_H

/* What server_mhd*.c need of TLS.  Private to http/. */

#include "base/slice.h"
#include "http/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

/* From now on tls_choose() shows this one's certificate; NULL: none.  Before the daemon starts, and
 * after it has stopped. */
void tls_show(struct http_tls *tls);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK: a gnutls_certificate_retrieve_function2. */
int tls_choose(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
    const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **ret_chain,
    unsigned *ret_chain_count, gnutls_privkey_t *ret_key);

/* Send all at once, without waiting; false when that did not work, and then some may be sent. */
bool tls_send(gnutls_session_t session, struct slice bytes);

/* Tell the client that no more comes. */
void tls_end_sending(gnutls_session_t session);

#endif
