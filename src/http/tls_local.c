/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate authority for one data directory, and a certificate by it for this machine's own
 * names: see tls.h.
 *
 * The authority's certificate is what people tell their clients to trust, so it stays as long as it
 * can.  It is worth little to a thief: it may vouch for localhost and the loopback addresses only,
 * and for no further authority.  Its key is kept, to renew the server's certificate.
 *
 * What is there is looked at piece by piece, in the order in which it was made: a key that cannot
 * be read is made again, and so is all that hung on it.  That is how a first start that was cut off
 * is finished, and how somebody who removed a file gets it back.
 *
 * Not here: certificates that are given (tls.c), revocation, names beyond this machine.
 */
#include "http/tls.h"

#include "base/file.h"
#include "base/log.h"
#include "base/uuid.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#define DAY_S INT64_C(86400)

#define CA_DAYS 3650
/* As long as clients take one at most, and renewed a month before its end. */
#define SERVER_DAYS 397
#define RENEW_DAYS  30
/* Clocks differ. */
#define BEFORE_DAYS 1

#define PEM_BYTES_MAX 65536
#define SERIAL_BYTES  16

/* A key and its certificate. */
struct pair {
	const char *key_path, *certificate_path;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t certificate;
};

static enum status failed(int code, const char *what, struct err *err)
{
	return err_set(err, code == GNUTLS_E_MEMORY_ERROR ? E_NOMEM : E_IO, "%s: %s", what,
	    gnutls_strerror(code));
}

static enum status pair_init(struct pair *pair, struct err *err)
{
	int code = gnutls_x509_privkey_init(&pair->key);

	if (code == 0)
		code = gnutls_x509_crt_init(&pair->certificate);
	return code == 0 ? OK : failed(code, "a certificate", err);
}

static void pair_fini(struct pair *pair)
{
	gnutls_x509_crt_deinit(pair->certificate);
	gnutls_x509_privkey_deinit(pair->key);
}

/* A key or certificate that was used before is not one to read into. */
static enum status pair_renew(struct pair *pair, bool with_key, struct err *err)
{
	gnutls_x509_crt_deinit(pair->certificate);
	pair->certificate = NULL;
	if (with_key) {
		gnutls_x509_privkey_deinit(pair->key);
		pair->key = NULL;
	}
	if (gnutls_x509_crt_init(&pair->certificate) != 0 ||
	    (with_key && gnutls_x509_privkey_init(&pair->key) != 0))
		return err_set(err, E_NOMEM, "a certificate: no memory");
	return OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* ${ret_found}: is it there, and of a form that can be read? */
static enum status read_key(struct pair *pair, bool *ret_found, struct err *err)
{
	struct buffer pem;
	gnutls_datum_t datum;
	enum status st;

	*ret_found = false;
	buffer_init(&pem, PEM_BYTES_MAX);
	st = file_read(pair->key_path, PEM_BYTES_MAX, &pem, err);
	datum = (gnutls_datum_t){(unsigned char *)pem.ptr, (unsigned)pem.len};
	if (st == OK)
		*ret_found =
		    gnutls_x509_privkey_import(pair->key, &datum, GNUTLS_X509_FMT_PEM) == 0;
	if (pem.ptr != NULL)
		explicit_bzero(pem.ptr, pem.len);
	buffer_fini(&pem);
	return st == E_NOT_FOUND || st == E_LIMIT ? OK : st;
}

static enum status read_certificate(struct pair *pair, bool *ret_found, struct err *err)
{
	struct buffer pem;
	gnutls_datum_t datum;
	enum status st;

	*ret_found = false;
	buffer_init(&pem, PEM_BYTES_MAX);
	st = file_read(pair->certificate_path, PEM_BYTES_MAX, &pem, err);
	datum = (gnutls_datum_t){(unsigned char *)pem.ptr, (unsigned)pem.len};
	if (st == OK)
		*ret_found =
		    gnutls_x509_crt_import(pair->certificate, &datum, GNUTLS_X509_FMT_PEM) == 0;
	buffer_fini(&pem);
	return st == E_NOT_FOUND || st == E_LIMIT ? OK : st;
}

/* Is the certificate that of the key? */
static bool belong(const struct pair *pair)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_bytes = sizeof(of_key), certificate_bytes = sizeof(of_certificate);

	return gnutls_x509_privkey_get_key_id(
		   pair->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_bytes) == 0 &&
	       gnutls_x509_crt_get_key_id(pair->certificate, GNUTLS_KEYID_USE_SHA256,
		   of_certificate, &certificate_bytes) == 0 &&
	       key_bytes == certificate_bytes && memcmp(of_key, of_certificate, key_bytes) == 0;
}

static bool lasts(gnutls_x509_crt_t certificate, int64_t until_s)
{
	return (int64_t)gnutls_x509_crt_get_expiration_time(certificate) > until_s;
}

static bool is_by(gnutls_x509_crt_t certificate, gnutls_x509_crt_t authority)
{
	unsigned faults = 0;

	return gnutls_x509_crt_verify(
		   certificate, &authority, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &faults) == 0 &&
	       faults == 0;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static enum status write_key(const struct pair *pair, struct err *err)
{
	gnutls_datum_t pem;
	enum status st;
	int code = gnutls_x509_privkey_export2_pkcs8(
	    pair->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

	if (code != 0)
		return failed(code, "write a key as PEM", err);
	st = file_replace(
	    pair->key_path, (struct slice){(const char *)pem.data, pem.size}, 0600, err);
	explicit_bzero(pem.data, pem.size);
	gnutls_free(pem.data);
	return st;
}

static enum status write_certificate(const struct pair *pair, struct err *err)
{
	gnutls_datum_t pem;
	enum status st;
	int code = gnutls_x509_crt_export2(pair->certificate, GNUTLS_X509_FMT_PEM, &pem);

	if (code != 0)
		return failed(code, "write a certificate as PEM", err);
	/* Nothing of it is secret, and somebody may want to copy it from here. */
	st = file_replace(
	    pair->certificate_path, (struct slice){(const char *)pem.data, pem.size}, 0644, err);
	gnutls_free(pem.data);
	return st;
}

/* --- Making ----------------------------------------------------------------------------------- */

static enum status make_key(struct pair *pair, struct err *err)
{
	/* A curve that every client of TLS 1.2 has. */
	int code = gnutls_x509_privkey_generate(
	    pair->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

	return code == 0 ? write_key(pair, err) : failed(code, "make a key", err);
}

/* What every certificate has. */
static int fill_in(const struct pair *pair, const char *name, int64_t from_s, int64_t days)
{
	unsigned char serial[SERIAL_BYTES], id[64];
	size_t id_bytes = sizeof(id);
	int code;

	random_fill(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; /* a positive number of its full length */
	code = gnutls_x509_crt_set_version(pair->certificate, 3);
	if (code == 0)
		code = gnutls_x509_crt_set_serial(pair->certificate, serial, sizeof(serial));
	if (code == 0)
		code = gnutls_x509_crt_set_dn_by_oid(pair->certificate, GNUTLS_OID_X520_COMMON_NAME,
		    0, name, (unsigned)strlen(name));
	if (code == 0)
		code = gnutls_x509_crt_set_activation_time(
		    pair->certificate, (time_t)(from_s - BEFORE_DAYS * DAY_S));
	if (code == 0)
		code = gnutls_x509_crt_set_expiration_time(
		    pair->certificate, (time_t)(from_s + (days - BEFORE_DAYS) * DAY_S));
	if (code == 0)
		code = gnutls_x509_crt_set_key(pair->certificate, pair->key);
	if (code == 0)
		code = gnutls_x509_crt_get_key_id(
		    pair->certificate, GNUTLS_KEYID_USE_SHA1, id, &id_bytes);
	if (code == 0)
		code = gnutls_x509_crt_set_subject_key_id(pair->certificate, id, id_bytes);
	return code;
}

static int sign(const struct pair *pair, const struct pair *authority)
{
	unsigned char id[64];
	size_t id_bytes = sizeof(id);
	int code = gnutls_x509_crt_get_key_id(
	    authority->certificate, GNUTLS_KEYID_USE_SHA1, id, &id_bytes);

	if (code == 0)
		code = gnutls_x509_crt_set_authority_key_id(pair->certificate, id, id_bytes);
	if (code == 0)
		code = gnutls_x509_crt_sign2(pair->certificate, authority->certificate,
		    authority->key, GNUTLS_DIG_SHA256, 0);
	return code;
}

/* What it may vouch for: one name of the host, and two networks with one address each. */
static int limit_names(gnutls_x509_crt_t certificate)
{
	static unsigned char host[] = "localhost";
	gnutls_datum_t name = {host, sizeof(host) - 1}, network = {NULL, 0};
	gnutls_x509_name_constraints_t names;
	const char *const networks[] = {"127.0.0.1/32", "::1/128"};
	int code = gnutls_x509_name_constraints_init(&names);

	if (code != 0)
		return code;
	code = gnutls_x509_name_constraints_add_permitted(names, GNUTLS_SAN_DNSNAME, &name);
	for (size_t i = 0; code == 0 && i < sizeof(networks) / sizeof(networks[0]); i++) {
		code = gnutls_x509_cidr_to_rfc5280(networks[i], &network);
		if (code != 0)
			break;
		code = gnutls_x509_name_constraints_add_permitted(
		    names, GNUTLS_SAN_IPADDRESS, &network);
		gnutls_free(network.data);
	}
	if (code == 0)
		code = gnutls_x509_crt_set_name_constraints(certificate, names, 1);
	gnutls_x509_name_constraints_deinit(names);
	return code;
}

static enum status make_authority(struct pair *ca, int64_t now_s, struct err *err)
{
	char name[64];
	unsigned char random[4];
	int code;

	/* People may have several in one store. */
	random_fill(random, sizeof(random));
	snprintf(name, sizeof(name), "Sluice local CA %02x%02x%02x%02x", random[0], random[1],
	    random[2], random[3]);
	code = fill_in(ca, name, now_s, CA_DAYS);
	if (code == 0)
		code = gnutls_x509_crt_set_basic_constraints(ca->certificate, 1, 0);
	if (code == 0)
		code = gnutls_x509_crt_set_key_usage(ca->certificate, GNUTLS_KEY_KEY_CERT_SIGN);
	if (code == 0)
		code = limit_names(ca->certificate);
	if (code == 0)
		code = sign(ca, ca);
	return code == 0 ? write_certificate(ca, err) : failed(code, "make a local CA", err);
}

static int add_names(gnutls_x509_crt_t certificate)
{
	static const char host[] = "localhost";
	unsigned char four[4], six[16];
	int code = gnutls_x509_crt_set_subject_alt_name(
	    certificate, GNUTLS_SAN_DNSNAME, host, sizeof(host) - 1, GNUTLS_FSAN_SET);

	(void)inet_pton(AF_INET, "127.0.0.1", four);
	(void)inet_pton(AF_INET6, "::1", six);
	if (code == 0)
		code = gnutls_x509_crt_set_subject_alt_name(
		    certificate, GNUTLS_SAN_IPADDRESS, four, sizeof(four), GNUTLS_FSAN_APPEND);
	if (code == 0)
		code = gnutls_x509_crt_set_subject_alt_name(
		    certificate, GNUTLS_SAN_IPADDRESS, six, sizeof(six), GNUTLS_FSAN_APPEND);
	return code;
}

static enum status make_server(
    struct pair *server, const struct pair *ca, int64_t now_s, struct err *err)
{
	int code = fill_in(server, "localhost", now_s, SERVER_DAYS);

	if (code == 0)
		code = gnutls_x509_crt_set_basic_constraints(server->certificate, 0, -1);
	if (code == 0)
		code = gnutls_x509_crt_set_key_usage(
		    server->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (code == 0)
		code = gnutls_x509_crt_set_key_purpose_oid(
		    server->certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (code == 0)
		code = add_names(server->certificate);
	if (code == 0)
		code = sign(server, ca);
	return code == 0 ? write_certificate(server, err) : failed(code, "make a certificate", err);
}

/* --- All of it -------------------------------------------------------------------------------- */

static enum status settle_authority(struct pair *ca, int64_t now_s, struct err *err)
{
	bool has_key, has_certificate = false;
	enum status st = read_key(ca, &has_key, err);

	if (st == OK)
		st = read_certificate(ca, &has_certificate, err);
	if (st != OK)
		return st;
	/* The server's certificate must not outlive it. */
	if (has_key && has_certificate && belong(ca) &&
	    lasts(ca->certificate, now_s + SERVER_DAYS * DAY_S))
		return OK;
	if (has_certificate)
		log_event(LOG_LEVEL_WARN, "tls.authority_replaced", "certificate=\"%s\" reason=%s",
		    ca->certificate_path, has_key && belong(ca) ? "ends" : "key_is_gone");
	st = pair_renew(ca, !has_key, err);
	if (st == OK && !has_key)
		st = make_key(ca, err);
	return st == OK ? make_authority(ca, now_s, err) : st;
}

static enum status settle_server(
    struct pair *server, const struct pair *ca, int64_t now_s, struct err *err)
{
	bool has_key, has_certificate = false;
	enum status st = read_key(server, &has_key, err);

	if (st == OK)
		st = read_certificate(server, &has_certificate, err);
	if (st != OK)
		return st;
	if (has_key && has_certificate && belong(server) &&
	    lasts(server->certificate, now_s + RENEW_DAYS * DAY_S) &&
	    is_by(server->certificate, ca->certificate))
		return OK;
	st = pair_renew(server, !has_key, err);
	if (st == OK && !has_key)
		st = make_key(server, err);
	return st == OK ? make_server(server, ca, now_s, err) : st;
}

static enum status join(
    char ret_path[PATH_MAX], const char *folder, const char *name, struct err *err)
{
	if (snprintf(ret_path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return err_set(err, E_INVALID, "the path %.100s… is too long", folder);
	return OK;
}

enum status http_tls_local_make(
    const char *path, int64_t now_us, struct http_tls_local *ret_local, struct err *err)
{
	char ca_key[PATH_MAX];
	struct pair ca = {.key_path = ca_key, .certificate_path = ret_local->ca};
	struct pair server = {
	    .key_path = ret_local->key, .certificate_path = ret_local->certificate};
	int64_t now_s = now_us / 1000000;
	enum status st = file_make_folder(path, err);

	if (st == OK)
		st = join(ca_key, path, "ca-key.pem", err);
	if (st == OK)
		st = join(ret_local->ca, path, "ca.pem", err);
	if (st == OK)
		st = join(ret_local->key, path, "key.pem", err);
	if (st == OK)
		st = join(ret_local->certificate, path, "cert.pem", err);
	if (st == OK)
		st = pair_init(&ca, err);
	if (st == OK)
		st = pair_init(&server, err);
	if (st == OK)
		st = settle_authority(&ca, now_s, err);
	if (st == OK)
		st = settle_server(&server, &ca, now_s, err);
	pair_fini(&server);
	pair_fini(&ca);
	if (st != OK)
		err_add(err, "the local CA in %s", path);
	return st;
}
