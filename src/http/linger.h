/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_HTTP_LINGER_H
#define SLUICE_HTTP_LINGER_H

/*
 * A socket that is closed with unread bytes in it is reset, and a reset destroys the answer that is
 * under way to the client.  So the sockets of clients that were answered before they had sent their
 * body go here: one thread ends the sending direction, then reads and drops what comes, until the
 * client closes, or has had its time.
 */

#include "base/status.h"

struct lingering;

enum status linger_create(struct lingering **ret_linger, struct err *err) WARN_UNUSED;

/* Take over a copy of ${socket}, which the caller closes when it likes.  When too many linger
 * already nothing is done, and the client may see a reset.  Any thread; does not block. */
void linger_add(struct lingering *linger, int socket);

/* Close them all.  NULL is fine. */
void linger_destroy(struct lingering **linger);

#endif
