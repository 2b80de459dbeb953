/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reasons' names and sentences: see reject.h.  Both come from reject.def; here they only meet
 * the field, the value and the numbers.  A sentence is for a person and a log line, so whatever the
 * record held comes out as one line of valid text, and short.  Not here: where the record was (part
 * and line), which its reader knows.
 */
#include "convert/reject.h"

#include "base/utf8.h"

#include <assert.h>

_Static_assert(REJECT_RECORD_BYTES_MAX == 16 * 1024 * 1024, "what the text of TOO_LONG says");

#define VALUE_BYTES_MAX 40 /* enough to find it in the file, too few to fill a log with */

static const struct {
	const char *name;
	const char *text;
} reasons[] = {
#define REJECT(code, name, text) [REJECT_##code] = {name, text},
#include "convert/reject.def"
#undef REJECT
};

const char *reject_name(enum reject_code code)
{
	assert((size_t)code < sizeof(reasons) / sizeof(reasons[0]));
	return reasons[code].name;
}

/* The length of the character that ${text} begins with; 0 when those bytes are none. */
static size_t character_length(struct slice text)
{
	unsigned char first = (unsigned char)text.ptr[0];
	size_t need = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (need > text.len || !utf8_is_valid((struct slice){text.ptr, need}))
		return 0;
	return need;
}

void reject_quote(struct slice text, struct buffer *out)
{
	size_t i = 0, length;

	buffer_put_char(out, '"');
	while (i < text.len) {
		length = character_length(slice_skip(text, i));
		if (i + (length > 0 ? length : 1) > VALUE_BYTES_MAX)
			break;
		if (length == 0 || (unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)text.ptr[i]);
		else
			buffer_put(out, (struct slice){text.ptr + i, length});
		i += length > 0 ? length : 1;
	}
	if (i < text.len)
		buffer_put_text(out, "…");
	buffer_put_char(out, '"');
}

/* What went wrong, as far as the numbers tell. */
static const char *field_count_advice(const struct reject *reject)
{
	return reject->have > reject->want ? "quote a field that holds a comma"
					   : "keep the commas of blank values";
}

static const char *fields_word(size_t count)
{
	return count == 1 ? "field" : "fields";
}

static void describe_field_count(const struct reject *reject, struct buffer *out)
{
	buffer_printf(out, "the record has %zu %s, ", reject->have, fields_word(reject->have));
	if (!reject->of_delete)
		buffer_printf(out, "the header %zu; %s", reject->want, field_count_advice(reject));
	else if (reject->want == 1)
		buffer_put_text(out, "a delete's has 1: the primary key");
	else
		buffer_put_text(
		    out, "a delete's has 2: the primary key and the record modified field");
}

/* Does the sentence begin with a verb, so that the field or value before it is its subject? */
static bool needs_subject(enum reject_code code)
{
	switch (code) {
	case REJECT_NONE:
	case REJECT_TOO_LONG:
	case REJECT_FIELD_COUNT:
	case REJECT_BLANK_KEY:
	case REJECT_BLANK_VERSION:
	case REJECT_BLANK_EVENT_TIME:
		return false;
	default:
		return true;
	}
}

void reject_describe(const struct reject *reject, struct buffer *out)
{
	buffer_printf(out, "%s" REJECT_NAME_END, reject_name(reject->code));
	if (reject->field != NULL)
		buffer_printf(out, "%s: ", reject->field);
	if (reject->code == REJECT_FIELD_COUNT) {
		describe_field_count(reject, out);
		return;
	}
	if (reject->value.len > 0) {
		reject_quote(reject->value, out);
		buffer_put_char(out, ' ');
	} else if (needs_subject(reject->code)) {
		buffer_put_text(out, reject->field == NULL ? "a field " : "the field ");
	}
	buffer_put_text(out, reasons[reject->code].text);
}
