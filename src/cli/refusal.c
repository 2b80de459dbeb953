/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A validationReport read: see refusal.h.
 *
 * The report's entries carry the record, not its place.  They come in the order of the body, so one
 * walk over both finds them.  Our server repeats a record as it was sent; one that writes it anew
 * is compared by value, for which the body's records are parsed, once, when the first entry is not
 * found as it stands.
 */
#include "cli/refusal.h"

#include "cli/reply.h"

#include <stdlib.h>

struct match {
	const struct pack *pack;
	json_t **parsed; /* NULL: not yet; a member is NULL when it cannot be */
	size_t next;     /* records before it are taken */
};

static size_t find_text(const struct match *match, struct slice text)
{
	for (size_t i = match->next; i < match->pack->count; i++) {
		if (slice_equals(pack_record(match->pack, i), text))
			return i;
	}
	return REFUSAL_UNKNOWN;
}

static bool parse_all(struct match *match)
{
	const struct pack *pack = match->pack;

	if (match->parsed != NULL)
		return true;
	match->parsed = calloc(pack->count + 1, sizeof(json_t *));
	for (size_t i = 0; match->parsed != NULL && i < pack->count; i++) {
		json_t *value = NULL;

		if (json_parse(pack_record(pack, i), &value, NULL) == OK)
			match->parsed[i] = value;
	}
	return match->parsed != NULL;
}

static size_t find_value(struct match *match, struct slice text)
{
	size_t found = REFUSAL_UNKNOWN;
	json_t *value = NULL;

	if (json_parse(text, &value, NULL) != OK)
		return found;
	if (parse_all(match)) {
		for (size_t i = match->next; found == REFUSAL_UNKNOWN && i < match->pack->count;
		     i++) {
			if (json_equal(match->parsed[i], value))
				found = i;
		}
	}
	json_decref(value);
	return found;
}

static void forget_parsed(struct match *match)
{
	for (size_t i = 0; match->parsed != NULL && i < match->pack->count; i++)
		json_decref(match->parsed[i]);
	free(match->parsed);
}

static struct refusal_entry read_entry(struct match *match, const json_t *entry)
{
	const char *text = reply_text(entry, "record");
	struct refusal_entry found = {
	    .text = text,
	    .reasons = json_object_get(entry, "causingExceptions"),
	    .record = find_text(match, slice_of(text)),
	};

	if (found.record == REFUSAL_UNKNOWN)
		found.record = find_value(match, slice_of(text));
	if (found.record != REFUSAL_UNKNOWN)
		match->next = found.record + 1;
	return found;
}

enum status refusal_read(
    struct slice answer, const struct pack *pack, struct refusal *ret_refusal, struct err *err)
{
	struct refusal refusal = {0};
	struct match match = {.pack = pack};
	const json_t *report;
	size_t count;

	/* A proxy's page is no failure here: it is an answer without a report. */
	if (json_parse(answer, &refusal.answer, NULL) == OK)
		report =
		    json_object_get(json_object_get(refusal.answer, "details"), "validationReport");
	else
		report = NULL;
	count = json_array_size(report);
	refusal.entries = calloc(count + 1, sizeof(*refusal.entries));
	if (refusal.entries == NULL) {
		refusal_fini(&refusal);
		return err_set(err, E_NOMEM, "no memory for the server's report");
	}
	for (; refusal.count < count; refusal.count++) {
		struct refusal_entry entry =
		    read_entry(&match, json_array_get(report, refusal.count));

		refusal.known += entry.record != REFUSAL_UNKNOWN;
		refusal.entries[refusal.count] = entry;
	}
	forget_parsed(&match);
	*ret_refusal = refusal;
	return OK;
}

void refusal_fini(struct refusal *refusal)
{
	json_decref(refusal->answer);
	free(refusal->entries);
	*refusal = (struct refusal){0};
}

void refusal_put_reasons(const struct refusal_entry *entry, struct buffer *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < json_array_size(entry->reasons); i++) {
		const char *reason = json_string_value(json_array_get(entry->reasons, i));

		if (reason == NULL)
			continue;
		if (out->len > start)
			buffer_put_text(out, "; ");
		buffer_put_text(out, reason);
	}
	if (out->len == start)
		buffer_put_text(out, "refused without a reason");
}
