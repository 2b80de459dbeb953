/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SCHEMA_STREAM_H
#define SLUICE_SCHEMA_STREAM_H

/*
 * A data stream: the settings of one object of one connector.  An object takes data only once it
 * has one.  Texts are inside the struct, so that it can be copied and stored whole.
 */

#include "base/status.h"
#include "schema/schema.h"

#include <stdbool.h>
#include <stdint.h>

enum stream_category { STREAM_PROFILE, STREAM_ENGAGEMENT, STREAM_OTHER };
enum stream_refresh { STREAM_UPSERT, STREAM_PARTIAL };

#define STREAM_NAME_BYTES    (SCHEMA_NAME_BYTES_MAX + 1)
#define STREAM_JOURNAL_BYTES 33

struct stream {
	char connector[STREAM_NAME_BYTES];
	char object[STREAM_NAME_BYTES];
	enum stream_category category;
	enum stream_refresh refresh;
	char primary_key[STREAM_NAME_BYTES];
	char record_modified_field[STREAM_NAME_BYTES]; /* "" = none; Profile and Other only */
	char event_time_field[STREAM_NAME_BYTES]; /* "" = none; Engagement only, and needed there */

	/* No settings: given by the catalog, and "" and 0 to it. */
	char journal[STREAM_JOURNAL_BYTES]; /* the name of its journal's log, its own for ever */
	int64_t revision;                   /* of its connector's document */
};

/* "Profile", "Engagement", "Other"; "Upsert", "Partial": the wire's words.  The
 * parsers return false for others. */
const char *stream_category_name(enum stream_category category);
const char *stream_refresh_name(enum stream_refresh refresh);
bool stream_category_parse(struct slice text, enum stream_category *ret_category);
bool stream_refresh_parse(struct slice text, enum stream_refresh *ret_refresh);

/* The same stream, with the same settings and document? */
bool stream_is_same(const struct stream *a, const struct stream *b);

/* Do the settings fit the object?  The primary key is a field; the record modified field
 * is a date-time of a Profile or Other stream; the event time field a date-time or date
 * of an Engagement stream, which must name one.  E_INVALID naming the setting, its
 * value, and what would be right. */
enum status stream_check(
    const struct stream *stream, const struct object *object, struct err *err) WARN_UNUSED;

/* May ${next} replace ${now}?  The primary key stays, and so does the record modified field, for
 * rows are stored by them.  E_CONFLICT. */
enum status stream_check_change(
    const struct stream *now, const struct stream *next, struct err *err) WARN_UNUSED;

#endif
