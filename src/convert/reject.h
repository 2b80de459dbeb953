/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CONVERT_REJECT_H
#define SLUICE_CONVERT_REJECT_H

/* Why a record is refused: data about data, not an error of the program.  The list is
 * convert/reject.def. */

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum reject_code {
#define REJECT(code, name, text) REJECT_##code,
#include "convert/reject.def"
#undef REJECT
	REJECT_CODE_COUNT,
};

/* The most that a record may have, its line ends inside quotes included. */
#define REJECT_RECORD_BYTES_MAX (16 * 1024 * 1024)

struct reject {
	enum reject_code code;
	const char *field;  /* its name; NULL when the reason concerns the whole record */
	struct slice value; /* a view of it, as long as the record's; empty when there is none */
	size_t want, have;  /* REJECT_FIELD_COUNT: numbers of fields */
	bool of_delete; /* REJECT_FIELD_COUNT: of a delete's record, which no header describes */
};

/* The stable name, such as "NOT_A_NUMBER". */
const char *reject_name(enum reject_code code);

/* Append the name, REJECT_NAME_END, and the sentence that a person reads, with field and value (cut
 * after 40 bytes, at a whole character) and what would be right:
 *	NOT_A_NUMBER: total: "abc" is not a number; expected digits such as 12, -12.50 or 1.5e3
 * Bytes that are not UTF-8, and control characters, are written as \xHH, so the sentence is always
 * one line of text. */
#define REJECT_NAME_END ": "
void reject_describe(const struct reject *reject, struct buffer *out);

/* Append a text that came from outside as the sentence does: in quotes, cut, and escaped. */
void reject_quote(struct slice text, struct buffer *out);

#endif
