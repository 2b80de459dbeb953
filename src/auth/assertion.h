/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_ASSERTION_H
#define SLUICE_AUTH_ASSERTION_H

/*
 * The JWT by which an app asks for a token without a secret (RFC 7523): is it the app's, for us, of
 * now, and about whom?  Taken is what the clients of the hosted service send: times in seconds or
 * milliseconds, a lifetime of nothing within the skew, an audience in any of its spellings.  And
 * nothing beyond that: RS256 only, with the key of the app's certificate.
 *
 * Pure: no storage, no clock.  Any thread.
 */

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

#define ASSERTION_BYTES_MAX 16384
#define ASSERTION_SKEW_US   (INT64_C(180) * 1000000)

struct assertion {
	struct slice issuer;   /* the client id */
	struct slice subject;  /* the user's name */
	struct slice audience; /* the first of them that is ours, once checked */
	struct slice id;       /* "jti"; empty: has none */
	int64_t expires_us;
};

/* Whose is it, before its signature can be checked: nothing of it is to be trusted yet.  The
 * slices are in ${arena}.  E_INVALID: no JWT with the claims that it needs; the text says what is
 * wrong with it, for the client. */
enum status assertion_peek(struct slice jwt, struct arena *arena, struct assertion *ret_assertion,
    struct err *err) WARN_UNUSED;

/* Check the signature with ${public_key} (PEM) and the claims at ${now_us}.  ${host}: the Host of
 * the request ("localhost:8080"); audiences that are ours are its spellings and the hosted
 * service's login hosts.  E_INVALID as above. */
enum status assertion_check(struct slice jwt, const char *public_key, struct slice host,
    int64_t now_us, struct arena *arena, struct assertion *ret_assertion,
    struct err *err) WARN_UNUSED;

/* The public key of a certificate (PEM, X.509) as PEM: at most ${room} bytes with the NUL.
 * E_INVALID: no certificate, or not RSA of 2,048 bits or more. */
enum status assertion_key_of_certificate(
    struct slice certificate, char *ret_pem, size_t room, struct err *err) WARN_UNUSED;

#endif
