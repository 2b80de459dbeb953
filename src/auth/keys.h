/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_KEYS_H
#define SLUICE_AUTH_KEYS_H

/*
 * The keys that sign tenant tokens: RSA, 2,048 bits, a PEM file each in DIR/keys, for their owner
 * alone.  The newest signs; the older ones are published until the last token that they signed has
 * ended, and are then removed.
 *
 * A signature is for those who are handed a token and want to know whose it is.  What lets a token
 * in here is its row in the catalog: so a stolen key opens nothing, and a key that is gone shuts
 * nobody out.
 *
 * Another process may rotate the keys: the next use sees it.  Any thread; signing takes about a
 * millisecond and may read and write files, so not on an event thread.
 */

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

#define KEYS_ID_BYTES 33
/* A rotation every few minutes for a token's whole life. */
#define KEYS_MAX 64

struct keys;

/* Open the folder, which is made when it is not there.  A first key is made at the first use, as it
 * takes a tenth of a second, and most servers that a test starts never need it.  ${token_us}: how
 * long a token lasts at most.  E_IO (a key that others may read, or that is none, is named). */
enum status keys_open(
    const char *path, int64_t token_us, struct keys **ret_keys, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void keys_close(struct keys **keys);

/* Make a new key that signs from now on, and remove those of which all tokens have ended. */
enum status keys_rotate(struct keys *keys, char ret_id[KEYS_ID_BYTES], struct err *err) WARN_UNUSED;

struct keys_entry {
	char id[KEYS_ID_BYTES];
	int64_t created_us;
};
/* The newest, which signs, first. */
enum status keys_list(struct keys *keys, struct keys_entry ret_entries[KEYS_MAX], size_t *ret_count,
    struct err *err) WARN_UNUSED;

/* A JWT with these claims (a JSON object), its header naming the key: put at the end of
 * ${ret_token}. */
enum status keys_sign(
    struct keys *keys, const char *claims, struct buffer *ret_token, struct err *err) WARN_UNUSED;

/* The public halves as a JSON Web Key Set (RFC 7517). */
enum status keys_publish(struct keys *keys, struct buffer *ret_json, struct err *err) WARN_UNUSED;

#endif
