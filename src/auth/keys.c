/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing keys: see keys.h.
 *
 *	DIR/keys/0001764000000000000-ID.pem	made at that microsecond
 *
 * The folder is the state, and what is in memory a copy of it.  The copy is as good as the folder's
 * time of change: when that is another, the folder is read again.  So a rotation by another process
 * needs no message.  A file system's clock is coarse, and two changes may have one time: a copy that
 * was read within a second of the last change is therefore read again at each use.
 *
 * Who makes or removes keys has a lock on the folder, so two processes make one first key, and
 * neither takes the other's half-written file for litter.  Who only reads them needs none.
 */
#include "auth/keys.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/uuid.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jwt.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEY_BITS      2048
#define KEY_BITS_MAX  4096 /* of one that somebody put there */
#define PEM_BYTES_MAX 8192
#define TIME_DIGITS   19
#define TIME_US_MAX   (INT64_C(1) << 62)
#define NAME_BYTES    (TIME_DIGITS + KEYS_ID_BYTES + 8)

/* A signature that was begun before a rotation, and another's clock that is a little behind. */
#define MARGIN_US  (INT64_C(60) * 1000000)
#define SETTLED_NS INT64_C(1000000000)

struct key {
	int64_t created_us;
	char id[KEYS_ID_BYTES];
	char pem[PEM_BYTES_MAX];
	EVP_PKEY *key;
};

struct keys {
	char path[PATH_MAX];
	int64_t token_us;

	pthread_mutex_t mutex; /* guards all below; held while the folder is read, which is rare */
	struct timespec read_at; /* the folder's time of change as it was read */
	bool is_settled;         /* and whether another change would have another time */
	size_t count;
	struct key *list[KEYS_MAX]; /* the oldest first */
};

static void key_free(struct key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->key);
	explicit_bzero(key, sizeof(*key));
	free(key);
}

static enum status join(
    const struct keys *keys, const char *name, char ret_path[PATH_MAX], struct err *err)
{
	if (snprintf(ret_path, PATH_MAX, "%s/%s", keys->path, name) >= PATH_MAX)
		return err_set(err, E_INVALID, "the path %.100s… is too long", keys->path);
	return OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* "0001764000000000000-0123….pem" */
static bool parse_name(const char *name, int64_t *ret_created_us, char ret_id[KEYS_ID_BYTES])
{
	const size_t id_at = TIME_DIGITS + 1, end = id_at + KEYS_ID_BYTES - 1;

	if (strlen(name) != end + 4 || strspn(name, "0123456789") != TIME_DIGITS ||
	    name[TIME_DIGITS] != '-' || strspn(name + id_at, "0123456789abcdef") != end - id_at ||
	    strcmp(name + end, ".pem") != 0 || strtoll(name, NULL, 10) > TIME_US_MAX)
		return false;
	*ret_created_us = strtoll(name, NULL, 10);
	memcpy(ret_id, name + id_at, KEYS_ID_BYTES - 1);
	ret_id[KEYS_ID_BYTES - 1] = '\0';
	return true;
}

static void write_name(char ret_name[NAME_BYTES], int64_t created_us, const char *id)
{
	snprintf(ret_name, NAME_BYTES, "%0*" PRId64 "-%s.pem", TIME_DIGITS, created_us, id);
}

static EVP_PKEY *parse_pem(const char *pem)
{
	BIO *memory = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key =
	    memory == NULL ? NULL : PEM_read_bio_PrivateKey(memory, NULL, NULL, (void *)"");

	BIO_free(memory);
	if (key == NULL ||
	    (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= KEY_BITS &&
		EVP_PKEY_get_bits(key) <= KEY_BITS_MAX))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* Who can read a key can sign.  It is refused and not mended: somebody may have read it. */
static enum status check_mode(const char *path, struct err *err)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return err_errno(err, errno, "look at %s", path);
	if ((info.st_mode & 077) != 0)
		return err_set(err, E_IO,
		    "others may read the key %s (mode %o); remove it, and run \"sluice key "
		    "rotate\"",
		    path, info.st_mode & 0777);
	return OK;
}

static enum status read_key(
    struct keys *keys, const char *name, struct key **ret_key, struct err *err)
{
	struct key *key = calloc(1, sizeof(*key));
	struct buffer pem;
	char path[PATH_MAX];
	enum status st;

	if (key == NULL)
		return err_set(err, E_NOMEM, "a key: no memory");
	buffer_init(&pem, PEM_BYTES_MAX);
	(void)parse_name(name, &key->created_us, key->id);
	st = join(keys, name, path, err);
	if (st == OK)
		st = check_mode(path, err);
	if (st == OK)
		st = file_read(path, PEM_BYTES_MAX - 1, &pem, err);
	if (st == OK) {
		memcpy(key->pem, pem.ptr, pem.len);
		key->key = parse_pem(key->pem);
		if (key->key == NULL)
			st = err_set(err, E_IO, "%s holds no RSA key of %d to %d bits in PEM form",
			    path, KEY_BITS, KEY_BITS_MAX);
	}
	if (pem.ptr != NULL)
		explicit_bzero(pem.ptr, pem.len);
	buffer_fini(&pem);
	if (st != OK) {
		key_free(key);
		return st;
	}
	*ret_key = key;
	return OK;
}

/* A file that was being written when its process ended. */
static bool is_litter(const char *name)
{
	return ends_with(name, ".pem.new");
}

static void insert(struct key *list[KEYS_MAX], size_t count, struct key *key)
{
	for (; count > 0 && list[count - 1]->created_us > key->created_us; count--)
		list[count] = list[count - 1];
	list[count] = key;
}

/* Would a change from now on give the folder another time than ${changed_at}? */
static bool is_settled(struct timespec changed_at)
{
	struct timespec now;

	/* Of the file system's clock, not of one that a test has moved. */
	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - changed_at.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
		   changed_at.tv_nsec >
	       SETTLED_NS;
}

/* Read the folder; on failure what was in memory stays. */
static enum status read_folder_locked(struct keys *keys, struct err *err)
{
	struct key *list[KEYS_MAX], *key = NULL;
	struct dirent *entry;
	struct stat info;
	size_t count = 0, i;
	enum status st = OK;
	bool settled;
	DIR *folder;

	/* Before its names: what changes meanwhile is seen the next time. */
	if (stat(keys->path, &info) != 0)
		return err_errno(err, errno, "look at %s", keys->path);
	settled = is_settled(info.st_mtim);
	folder = opendir(keys->path);
	if (folder == NULL)
		return err_errno(err, errno, "open %s", keys->path);
	while (st == OK && (entry = readdir(folder)) != NULL) {
		int64_t created_us;
		char id[KEYS_ID_BYTES];

		if (!ends_with(entry->d_name, ".pem"))
			continue;
		if (!parse_name(entry->d_name, &created_us, id))
			st = err_set(err, E_IO,
			    "%s/%s has not the name of a key; \"sluice key rotate\" makes keys",
			    keys->path, entry->d_name);
		else if (count == KEYS_MAX)
			st = err_set(
			    err, E_LIMIT, "%s holds more than %d keys", keys->path, KEYS_MAX);
		else
			st = read_key(keys, entry->d_name, &key, err);
		if (st == OK)
			insert(list, count++, key);
		/* The other process may just have removed it. */
		else if (st == E_NOT_FOUND)
			st = OK;
	}
	closedir(folder);
	if (st != OK) {
		for (i = 0; i < count; i++)
			key_free(list[i]);
		return st;
	}
	for (i = 0; i < keys->count; i++)
		key_free(keys->list[i]);
	for (i = 0; i < count; i++)
		keys->list[i] = list[i];
	keys->count = count;
	keys->read_at = info.st_mtim;
	keys->is_settled = settled;
	return OK;
}

static enum status refresh_locked(struct keys *keys, struct err *err)
{
	struct stat info;

	if (stat(keys->path, &info) != 0)
		return err_errno(err, errno, "look at %s", keys->path);
	if (keys->is_settled && info.st_mtim.tv_sec == keys->read_at.tv_sec &&
	    info.st_mtim.tv_nsec == keys->read_at.tv_nsec)
		return OK;
	return read_folder_locked(keys, err);
}

/* --- Making, removing ------------------------------------------------------------------------- */

static enum status make_pem(struct buffer *ret_pem, struct err *err)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	BIO *memory = BIO_new(BIO_s_mem());
	enum status st = E_NOMEM;
	char *text;
	long len;

	if (key != NULL && memory != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1) {
		len = BIO_get_mem_data(memory, &text);
		buffer_put(ret_pem, (struct slice){text, (size_t)len});
		explicit_bzero(text, (size_t)len);
		st = ret_pem->failed ? E_NOMEM : OK;
	}
	BIO_free(memory);
	EVP_PKEY_free(key);
	return st == OK ? OK : err_set(err, st, "make a key: no memory");
}

/* The newest signs, and must be the one that was made last, whatever the clock did. */
static int64_t next_time(const struct keys *keys)
{
	int64_t newest_us = keys->count == 0 ? 0 : keys->list[keys->count - 1]->created_us;
	int64_t now_us = clock_now_us();

	return now_us > newest_us ? now_us : newest_us + 1;
}

static enum status make_key_locked(struct keys *keys, char ret_id[KEYS_ID_BYTES], struct err *err)
{
	char name[NAME_BYTES], path[PATH_MAX], id[KEYS_ID_BYTES];
	unsigned char random[(KEYS_ID_BYTES - 1) / 2];
	struct buffer pem;
	enum status st;

	random_fill(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	buffer_init(&pem, PEM_BYTES_MAX);
	st = make_pem(&pem, err);
	/* Now, as it has been made: until then the one before has signed. */
	write_name(name, next_time(keys), id);
	if (st == OK)
		st = join(keys, name, path, err);
	if (st == OK)
		st = file_replace(path, buffer_slice(&pem), 0600, err);
	if (pem.ptr != NULL)
		explicit_bzero(pem.ptr, pem.len);
	buffer_fini(&pem);
	if (st == OK)
		memcpy(ret_id, id, sizeof(id));
	return st;
}

/* Have all tokens ended that this one signed?  It signed until its successor came. */
static bool has_ended_locked(const struct keys *keys, size_t i, int64_t now_us)
{
	return i + 1 < keys->count &&
	       keys->list[i + 1]->created_us < now_us - keys->token_us - MARGIN_US;
}

/* Remove keys of which all tokens have ended, and litter.  What cannot be removed is tried again
 * the next time. */
static void sweep_locked(struct keys *keys)
{
	char name[NAME_BYTES], path[PATH_MAX];
	int64_t now_us = clock_now_us();
	struct dirent *entry;
	struct err err;
	DIR *folder = opendir(keys->path);

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (is_litter(entry->d_name) && join(keys, entry->d_name, path, &err) == OK)
			(void)unlink(path);
	}
	if (folder != NULL)
		closedir(folder);
	for (size_t i = 0; i + 1 < keys->count; i++) {
		const struct key *key = keys->list[i];

		if (!has_ended_locked(keys, i, now_us))
			break;
		write_name(name, key->created_us, key->id);
		if (join(keys, name, path, &err) == OK && unlink(path) == 0)
			log_event(LOG_LEVEL_INFO, "key.removed", "key=%s", key->id);
	}
}

/* Read the folder, less what is over. */
static enum status read_swept_locked(struct keys *keys, struct err *err)
{
	enum status st = read_folder_locked(keys, err);

	if (st != OK)
		return st;
	sweep_locked(keys);
	return read_folder_locked(keys, err);
}

/* What there is, less what is over; and a first key, if ${make_first}. */
static enum status prepare_locked(struct keys *keys, bool make_first, struct err *err)
{
	char id[KEYS_ID_BYTES];
	enum status st;
	int lock;

	st = file_lock_folder(keys->path, &lock, err);
	if (st != OK)
		return st;
	st = read_swept_locked(keys, err);
	if (st == OK && keys->count == 0 && make_first) {
		st = make_key_locked(keys, id, err);
		if (st == OK)
			log_event(LOG_LEVEL_INFO, "key.made", "key=%s", id);
		if (st == OK)
			st = read_folder_locked(keys, err);
	}
	close(lock);
	return st;
}

/* What there is now; the first use makes a first key. */
static enum status need_key_locked(struct keys *keys, struct err *err)
{
	enum status st = refresh_locked(keys, err);

	if (st == OK && keys->count == 0)
		st = prepare_locked(keys, true, err);
	return st;
}

enum status keys_open(const char *path, int64_t token_us, struct keys **ret_keys, struct err *err)
{
	struct keys *keys = calloc(1, sizeof(*keys));
	enum status st;

	if (keys == NULL)
		return err_set(err, E_NOMEM, "keys: no memory");
	mutex_init(&keys->mutex);
	keys->token_us = token_us;
	st = snprintf(keys->path, sizeof(keys->path), "%s", path) >= PATH_MAX
		 ? err_set(err, E_INVALID, "the path %.100s… is too long", path)
		 : file_make_folder(path, err);
	mutex_lock(&keys->mutex);
	if (st == OK)
		st = prepare_locked(keys, false, err);
	mutex_unlock(&keys->mutex);
	if (st != OK) {
		err_add(err, "signing keys");
		keys_close(&keys);
		return st;
	}
	*ret_keys = keys;
	return OK;
}

void keys_close(struct keys **keys_ptr)
{
	struct keys *keys = *keys_ptr;

	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++)
		key_free(keys->list[i]);
	mutex_fini(&keys->mutex);
	free(keys);
	*keys_ptr = NULL;
}

static enum status rotate_locked(struct keys *keys, char ret_id[KEYS_ID_BYTES], struct err *err)
{
	char id[KEYS_ID_BYTES];
	enum status st;
	int lock;

	st = file_lock_folder(keys->path, &lock, err);
	if (st != OK)
		return st;
	st = read_swept_locked(keys, err);
	/* The new one, too, must be found again. */
	if (st == OK && keys->count >= KEYS_MAX)
		st = err_set(err, E_LIMIT,
		    "there are %d keys whose tokens have not all ended; rotate again later",
		    KEYS_MAX);
	if (st == OK)
		st = make_key_locked(keys, id, err);
	if (st == OK)
		st = read_folder_locked(keys, err);
	close(lock);
	if (st == OK)
		memcpy(ret_id, id, sizeof(id));
	return st;
}

enum status keys_rotate(struct keys *keys, char ret_id[KEYS_ID_BYTES], struct err *err)
{
	enum status st;

	mutex_lock(&keys->mutex);
	st = rotate_locked(keys, ret_id, err);
	mutex_unlock(&keys->mutex);
	return st;
}

enum status keys_list(
    struct keys *keys, struct keys_entry ret_entries[KEYS_MAX], size_t *ret_count, struct err *err)
{
	enum status st;

	mutex_lock(&keys->mutex);
	st = refresh_locked(keys, err);
	for (size_t i = 0; st == OK && i < keys->count; i++) {
		const struct key *key = keys->list[keys->count - 1 - i];

		memcpy(ret_entries[i].id, key->id, sizeof(key->id));
		ret_entries[i].created_us = key->created_us;
	}
	if (st == OK)
		*ret_count = keys->count;
	mutex_unlock(&keys->mutex);
	return st;
}

/* --- Signing ---------------------------------------------------------------------------------- */

static enum status sign(
    const char *claims, const char *id, const char *pem, struct buffer *ret_token, struct err *err)
{
	jwt_t *jwt = NULL;
	char *text = NULL;
	int code = jwt_new(&jwt);

	if (code == 0)
		code = jwt_add_grants_json(jwt, claims);
	if (code == 0)
		code = jwt_add_header(jwt, "kid", id);
	if (code == 0)
		code =
		    jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *)pem, (int)strlen(pem));
	if (code == 0)
		text = jwt_encode_str(jwt);
	jwt_free(jwt);
	if (text == NULL)
		return err_set(err, code == EINVAL ? E_IO : E_NOMEM, "sign a token: %s",
		    strerror(code == 0 ? errno : code));
	buffer_put_text(ret_token, text);
	free(text); /* by malloc, as long as nobody has set another */
	return ret_token->failed ? err_set(err, E_NOMEM, "sign a token: no memory") : OK;
}

enum status keys_sign(
    struct keys *keys, const char *claims, struct buffer *ret_token, struct err *err)
{
	char id[KEYS_ID_BYTES], pem[PEM_BYTES_MAX];
	enum status st;

	mutex_lock(&keys->mutex);
	st = need_key_locked(keys, err);
	if (st == OK) {
		const struct key *newest = keys->list[keys->count - 1];

		memcpy(id, newest->id, sizeof(id));
		memcpy(pem, newest->pem, sizeof(pem));
	}
	mutex_unlock(&keys->mutex);
	if (st == OK)
		st = sign(claims, id, pem, ret_token, err);
	explicit_bzero(pem, sizeof(pem));
	return st;
}

/* --- Publishing ------------------------------------------------------------------------------- */

/* Base64url of a number of the key, without padding. */
static bool write_number(
    struct json_writer *w, const EVP_PKEY *key, const char *name, const char *param)
{
	unsigned char bytes[KEY_BITS_MAX / 8], text[KEY_BITS_MAX / 4];
	BIGNUM *number = NULL;
	int count, len;

	if (EVP_PKEY_get_bn_param(key, param, &number) != 1)
		return false;
	count = BN_num_bytes(number);
	if (count > (int)sizeof(bytes)) {
		BN_free(number);
		return false;
	}
	BN_bn2bin(number, bytes);
	BN_free(number);
	len = EVP_EncodeBlock(text, bytes, count);
	for (int i = 0; i < len; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	while (len > 0 && text[len - 1] == '=')
		len--;
	json_write_key(w, name);
	json_write_slice(w, (struct slice){(const char *)text, (size_t)len});
	return true;
}

enum status keys_publish(struct keys *keys, struct buffer *ret_json, struct err *err)
{
	int64_t now_us = clock_now_us();
	struct json_writer w;
	enum status st;

	mutex_lock(&keys->mutex);
	st = need_key_locked(keys, err);
	json_write_begin(&w, ret_json);
	json_write_object(&w);
	json_write_key(&w, "keys");
	json_write_array(&w);
	for (size_t i = keys->count; st == OK && i-- > 0;) {
		const struct key *key = keys->list[i];

		/* Its file goes at the next start or rotation. */
		if (has_ended_locked(keys, i, now_us))
			continue;
		json_write_object(&w);
		json_write_key(&w, "kty");
		json_write_text(&w, "RSA");
		json_write_key(&w, "use");
		json_write_text(&w, "sig");
		json_write_key(&w, "alg");
		json_write_text(&w, "RS256");
		json_write_key(&w, "kid");
		json_write_text(&w, key->id);
		if (!write_number(&w, key->key, "n", OSSL_PKEY_PARAM_RSA_N) ||
		    !write_number(&w, key->key, "e", OSSL_PKEY_PARAM_RSA_E))
			st = err_set(err, E_NOMEM, "publish keys: no memory");
		json_write_end(&w);
	}
	mutex_unlock(&keys->mutex);
	if (st != OK)
		return st;
	json_write_end(&w);
	json_write_end(&w);
	return ret_json->failed ? err_set(err, E_NOMEM, "publish keys: no memory") : OK;
}
