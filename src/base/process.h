/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_PROCESS_H
#define SLUICE_BASE_PROCESS_H

/*
 * What the system says of this process.  Each reads a file or a folder of /proc; 0 when it can't.
 */

#include <stdint.h>

int64_t process_resident_bytes(void);
int64_t process_open_fds(void);
int64_t process_start_seconds(void); /* since 1970-01-01T00:00:00Z */

#endif
