/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_AUTH_LOGIN_LIMIT_H
#define SLUICE_AUTH_LOGIN_LIMIT_H

/*
 * How often one address may fail to log in.  Ten failures within a minute, and it has to wait until
 * the first of them is a minute old; a login that succeeds is neither counted nor held against
 * anybody else.  An IPv6 address counts as its /64, which one client has to itself; what is no
 * address counts as one.
 *
 * Remembers 4,096 addresses and no more; when all places are taken, who failed longest ago is
 * forgotten.  Any thread; never blocks for long.
 */

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define LOGIN_FAILURES_MAX 10
#define LOGIN_SPAN_US      (INT64_C(60) * 1000000)

struct login_limit;

enum status login_limit_create(struct login_limit **ret_limit, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void login_limit_destroy(struct login_limit **limit);

/* May ${address} (numeric) try at ${now_us}, of a clock that does not go back?  When not,
 * ${ret_wait_us} is how long until it may. */
bool login_limit_may(
    struct login_limit *limit, const char *address, int64_t now_us, int64_t *ret_wait_us);
void login_limit_failed(struct login_limit *limit, const char *address, int64_t now_us);

#endif
