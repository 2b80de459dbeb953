/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_JSON_H
#define SLUICE_BASE_JSON_H

/*
 * JSON in (jansson, made strict and bounded) and JSON out (straight into a
 * buffer, nothing built in between).
 *
 * Writing:
 *	struct json_writer w;
 *	json_write_begin(&w, &buffer);
 *	json_write_object(&w);
 *	json_write_key(&w, "id");
 *	json_write_text(&w, job->id);
 *	json_write_end(&w);			closes the object or array that is open
 * Commas are the writer's business; keys and nesting the caller's.  A
 * failure is the buffer's sticky one.
 */

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Parse one JSON object or array.  Duplicate members, invalid UTF-8, trailing bytes, and nesting
 * deeper than 64 are errors; NUL in a string is one, too.  The caller frees with json_decref.
 * E_INVALID: the text says what is wrong, with line and column. */
enum status json_parse(struct slice text, json_t **ret_value, struct err *err) WARN_UNUSED;

/* The text of a member that must be a string.  A view: valid as long as ${object}.
 * E_NOT_FOUND when it is absent or null; E_INVALID when it is another
 * type; the text names the member. */
enum status json_member_text(
    const json_t *object, const char *name, struct slice *ret_text, struct err *err) WARN_UNUSED;

#define JSON_WRITER_DEPTH 16

struct json_writer {
	struct buffer *out;
	unsigned depth;
	bool filled[JSON_WRITER_DEPTH]; /* has this level a member yet? */
	char closer[JSON_WRITER_DEPTH];
	bool after_key;
};

void json_write_begin(struct json_writer *w, struct buffer *out);
void json_write_object(struct json_writer *w);
void json_write_array(struct json_writer *w);
void json_write_end(struct json_writer *w);
void json_write_key(struct json_writer *w, const char *key);
void json_write_key_slice(struct json_writer *w, struct slice key);

/* A string; bytes that are not UTF-8 come out as U+FFFD, so that the answer
 * is JSON whatever was stored. */
void json_write_slice(struct json_writer *w, struct slice text);
void json_write_text(struct json_writer *w, const char *text); /* NULL gives null */
void json_write_int(struct json_writer *w, int64_t value);
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);
/* ${text} is JSON already: a number in the caller's own form. */
void json_write_raw(struct json_writer *w, struct slice text);

#endif
