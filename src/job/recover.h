/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOB_RECOVER_H
#define SLUICE_JOB_RECOVER_H

#include "job/job.h"
#include "lake/lake.h"

/*
 * Bring catalog, blobs and lake to agree after a stop of whatever kind: docs/DESIGN.md, "Exactly
 * once".  Called once at start, by the server that owns the data directory, before anybody else
 * uses the three.  Doing it again changes nothing, so a crash in the middle is no matter.
 */
enum status job_recover(
    struct job_service *service, struct lake *lake, struct err *err) WARN_UNUSED;

#endif
