/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_API_SOQL_H
#define SLUICE_API_SOQL_H

/*
 * The one form of a SOQL query that is understood, since clients of the platform ask it after a
 * login:
 *
 *	SELECT field [, field …] FROM object [LIMIT number]
 *
 * In whatever case and spacing.  Data is queried in SQL, at /api/v2/query.
 */

#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

#define SOQL_BYTES_MAX  4096
#define SOQL_FIELDS_MAX 32

/* Views of the query's text. */
struct soql {
	struct slice fields[SOQL_FIELDS_MAX];
	size_t field_count; /* 1 at least */
	struct slice object;
	int64_t limit; /* INT64_MAX: none given */
};

/* E_INVALID: it has another form; the text says where that begins. */
enum status soql_parse(struct slice text, struct soql *ret_soql, struct err *err) WARN_UNUSED;

#endif
