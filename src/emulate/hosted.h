/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_EMULATE_HOSTED_H
#define SLUICE_EMULATE_HOSTED_H

/* Whose habits the server shows, and the hosted service's quotas as its documentation gives them
 * ("Ingestion API limits"). */

#include "catalog/catalog.h"

/* In the order of the words of --emulate. */
enum emulate { EMULATE_NONE, EMULATE_HOSTED };

static const struct catalog_quota hosted_quota = {
    .object_max = 1, /* "one active job per object" */
    .active_max = 5,
    .created_max = 20,
    .created_span_us = INT64_C(3600) * 1000000,
};

/* "250 requests per second" of streaming ingestion, for the whole organisation. */
#define HOSTED_STREAMING_MAX     250
#define HOSTED_STREAMING_SPAN_US 1000000

#endif
