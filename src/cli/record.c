/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as members of a body: see record.h. */
#include "cli/record.h"

#include "base/json.h"
#include "base/utf8.h"
#include "json/json_scan.h"

/* A whole file that is one array is what other tools write, so that gets a hint of its own. */
static enum status explain_kind(enum json_scan_kind kind, struct err *err)
{
	if (kind == SCAN_ARRAY)
		return err_set(err, E_INVALID,
		    "a JSON array; one object a line is expected (jq -c '.[]' makes lines of an "
		    "array)");
	return err_set(err, E_INVALID, "not a JSON object; one object a line is expected");
}

enum status record_check(struct slice line, struct arena *scratch, struct err *err)
{
	struct json_scan scan;
	struct json_token token;
	enum status st;

	arena_reset(scratch);
	json_scan_init(&scan, line, scratch);
	st = json_scan_next(&scan, &token, err);
	if (st == OK && token.kind != SCAN_OBJECT)
		return explain_kind(token.kind, err);
	if (st == OK)
		st = json_scan_skip(&scan, &token, err);
	/* Nothing may follow. */
	if (st == OK)
		st = json_scan_next(&scan, &token, err);
	return st;
}

enum status record_put_id(struct buffer *out, struct slice id, struct err *err)
{
	struct json_writer w;

	if (!utf8_is_valid(id) || memchr(id.ptr, '\0', id.len) != NULL)
		return err_set(err, E_INVALID, "not UTF-8 text");
	json_write_begin(&w, out);
	json_write_slice(&w, id);
	return out->failed ? err_set(err, E_NOMEM, "no memory, or too long an id") : OK;
}
