/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which certificate the server shows: see tls.h.
 *
 * The library asks for it at each handshake, by a function that it gives nothing of ours; so there
 * is one struct http_tls at a time, and it is found by a variable of this file.
 *
 * A handshake keeps what it was given, without a copy, for as long as it likes.  So an identity
 * that was exchanged is kept until the end: some kilobytes for each new certificate, which is a few
 * times a year.  Files that have not changed make no new one.
 *
 * Not here: the protocol, and who may speak which version of it (server_mhd.c).
 */
#include "http/tls.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "http/tls_handshake.h"

#include <assert.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_BYTES_MAX 262144
#define CHAIN_MAX     16

/* A certificate with those that vouch for it, and its key. */
struct identity {
	struct identity *older;
	struct buffer certificate_pem, key_pem; /* as they were read */
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned chain_count;
	gnutls_privkey_t key;
};

struct http_tls {
	char certificate_path[PATH_MAX], key_path[PATH_MAX];
	pthread_mutex_t mutex; /* one reload at a time */
	struct identity *_Atomic newest;
};

static _Atomic(struct http_tls *) shown;

static void identity_free(struct identity *identity)
{
	if (identity == NULL)
		return;
	for (unsigned i = 0; i < identity->chain_count; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	gnutls_privkey_deinit(identity->key);
	if (identity->key_pem.ptr != NULL)
		explicit_bzero(identity->key_pem.ptr, identity->key_pem.len);
	buffer_fini(&identity->certificate_pem);
	buffer_fini(&identity->key_pem);
	free(identity);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static gnutls_datum_t datum_of(const struct buffer *buffer)
{
	return (gnutls_datum_t){(unsigned char *)buffer->ptr, (unsigned)buffer->len};
}

static enum status wrong(const char *path, const char *what, int code, struct err *err)
{
	if (code == GNUTLS_E_MEMORY_ERROR)
		return err_set(err, E_NOMEM, "read %s: no memory", path);
	return err_set(err, E_INVALID, "%s: %s (%s)", path, what, gnutls_strerror(code));
}

static enum status check_times(
    const struct http_tls *tls, const struct identity *identity, struct err *err)
{
	time_t now = (time_t)(clock_now_us() / 1000000);
	gnutls_x509_crt_t certificate;
	time_t ends;
	int code = gnutls_x509_crt_init(&certificate);

	if (code == 0)
		code = gnutls_x509_crt_import(
		    certificate, &identity->chain[0].cert, GNUTLS_X509_FMT_DER);
	if (code != 0)
		return wrong(tls->certificate_path, "no certificate that can be read", code, err);
	ends = gnutls_x509_crt_get_expiration_time(certificate);
	gnutls_x509_crt_deinit(certificate);
	if (ends != (time_t)-1 && ends <= now) {
		char text[CLOCK_TEXT_BYTES];

		clock_format_us(text, (int64_t)ends * 1000000);
		return err_set(err, E_INVALID, "%s: the certificate has ended, at %s",
		    tls->certificate_path, text);
	}
	return OK;
}

/* Is the key that of the first certificate? */
static enum status check_pair(
    const struct http_tls *tls, const struct identity *identity, struct err *err)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_bytes = sizeof(of_key), certificate_bytes = sizeof(of_certificate);
	gnutls_pubkey_t public_half;
	int code = gnutls_pubkey_init(&public_half);

	if (code != 0)
		return wrong(tls->key_path, "a key", code, err);
	code = gnutls_pubkey_import_privkey(public_half, identity->key, 0, 0);
	if (code == 0)
		code = gnutls_pubkey_get_key_id(
		    public_half, GNUTLS_KEYID_USE_SHA256, of_key, &key_bytes);
	if (code == 0)
		code = gnutls_pubkey_get_key_id(identity->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
		    of_certificate, &certificate_bytes);
	gnutls_pubkey_deinit(public_half);
	if (code != 0)
		return wrong(tls->key_path, "a key", code, err);
	if (key_bytes != certificate_bytes || memcmp(of_key, of_certificate, key_bytes) != 0)
		return err_set(err, E_INVALID, "the key %s is not that of the certificate %s",
		    tls->key_path, tls->certificate_path);
	return OK;
}

static enum status parse(const struct http_tls *tls, struct identity *identity, struct err *err)
{
	gnutls_datum_t certificate = datum_of(&identity->certificate_pem),
		       key = datum_of(&identity->key_pem);
	unsigned count = CHAIN_MAX;
	int code = gnutls_pcert_list_import_x509_raw(
	    identity->chain, &count, &certificate, GNUTLS_X509_FMT_PEM, 0);
	enum status st;

	if (code != 0)
		return wrong(tls->certificate_path, "no certificate in PEM form", code, err);
	identity->chain_count = count;
	code = gnutls_privkey_init(&identity->key);
	if (code == 0)
		code = gnutls_privkey_import_x509_raw(
		    identity->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code != 0)
		return wrong(tls->key_path, "no key in PEM form without a passphrase", code, err);
	st = check_pair(tls, identity, err);
	return st == OK ? check_times(tls, identity, err) : st;
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	return b != NULL &&
	       slice_equals(buffer_slice(&a->certificate_pem), buffer_slice(&b->certificate_pem)) &&
	       slice_equals(buffer_slice(&a->key_pem), buffer_slice(&b->key_pem));
}

enum status http_tls_reload(struct http_tls *tls, struct err *err)
{
	struct identity *identity = calloc(1, sizeof(*identity)), *newest;
	enum status st;

	if (identity == NULL)
		return err_set(err, E_NOMEM, "a certificate: no memory");
	buffer_init(&identity->certificate_pem, PEM_BYTES_MAX);
	buffer_init(&identity->key_pem, PEM_BYTES_MAX);
	mutex_lock(&tls->mutex);
	newest = atomic_load(&tls->newest);
	st = file_read(tls->certificate_path, PEM_BYTES_MAX, &identity->certificate_pem, err);
	if (st == OK)
		st = file_read(tls->key_path, PEM_BYTES_MAX, &identity->key_pem, err);
	if (st == OK)
		st = parse(tls, identity, err);
	if (st == OK && !is_same(identity, newest)) {
		identity->older = newest;
		atomic_store(&tls->newest, identity);
		identity = NULL;
	}
	mutex_unlock(&tls->mutex);
	identity_free(identity);
	return st;
}

enum status http_tls_open(
    const char *certificate, const char *key, struct http_tls **ret_tls, struct err *err)
{
	struct http_tls *tls = calloc(1, sizeof(*tls));
	enum status st;

	if (tls == NULL)
		return err_set(err, E_NOMEM, "a certificate: no memory");
	mutex_init(&tls->mutex);
	if (snprintf(tls->certificate_path, PATH_MAX, "%s", certificate) >= PATH_MAX ||
	    snprintf(tls->key_path, PATH_MAX, "%s", key) >= PATH_MAX)
		st = err_set(err, E_INVALID, "the path %.100s… is too long", certificate);
	else
		st = http_tls_reload(tls, err);
	if (st != OK) {
		http_tls_close(&tls);
		return st;
	}
	*ret_tls = tls;
	return OK;
}

void http_tls_close(struct http_tls **tls_ptr)
{
	struct http_tls *tls = *tls_ptr;
	struct identity *identity, *older;

	if (tls == NULL)
		return;
	assert(atomic_load(&shown) != tls); /* its server is gone */
	for (identity = atomic_load(&tls->newest); identity != NULL; identity = older) {
		older = identity->older;
		identity_free(identity);
	}
	mutex_fini(&tls->mutex);
	free(tls);
	*tls_ptr = NULL;
}

/* --- Handshakes ------------------------------------------------------------------------------- */

void tls_show(struct http_tls *tls)
{
	assert(tls == NULL || atomic_load(&shown) == NULL); /* one at a time */
	atomic_store(&shown, tls);
}

int tls_choose(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
    const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **ret_chain,
    unsigned *ret_chain_count, gnutls_privkey_t *ret_key)
{
	struct http_tls *tls = atomic_load(&shown);
	struct identity *identity;

	(void)session, (void)authorities, (void)authority_count;
	(void)algorithms, (void)algorithm_count;
	if (tls == NULL)
		return -1;
	identity = atomic_load(&tls->newest);
	*ret_chain = identity->chain;
	*ret_chain_count = identity->chain_count;
	*ret_key = identity->key;
	return 0;
}

bool tls_send(gnutls_session_t session, struct slice bytes)
{
	ssize_t sent;

	while (bytes.len > 0) {
		sent = gnutls_record_send(session, bytes.ptr, bytes.len);
		if (sent <= 0)
			return false;
		bytes = slice_skip(bytes, (size_t)sent);
	}
	return true;
}

void tls_end_sending(gnutls_session_t session)
{
	(void)gnutls_bye(session, GNUTLS_SHUT_WR);
}
