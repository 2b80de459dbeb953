/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_EMULATE_RATE_H
#define SLUICE_EMULATE_RATE_H

/*
 * So many in any span of time, and no more: a quota of requests a second.  Exact: whatever the
 * moment at which the span begins, no more than that many were taken in it.
 *
 * Any thread; never blocks for long.
 */

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate;

/* ${count_max} in ${span_us}.  E_NOMEM. */
enum status rate_create(
    size_t count_max, int64_t span_us, struct rate **ret_rate, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void rate_destroy(struct rate **rate);

/* May one more be taken at ${now_us}, of a clock that does not go back?  Then it counts.  Else
 * ${ret_wait_us} is how long until one may; what is refused does not count. */
bool rate_take(struct rate *rate, int64_t now_us, int64_t *ret_wait_us);

#endif
