/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_STATUS_H
#define SLUICE_BASE_STATUS_H

/*
 * How a function says that the world failed it: an enum for the caller, a text for the person.
 *
 * A function that can meet the disk, the network, the memory limit or a rival returns enum status
 * and takes a struct err last.  Where the failure happens err_set() writes the text; each level on
 * the way up may put what it was doing in front with err_add(), so that the edge logs "job 7: part
 * 3: write: No space left on device".
 *
 * Not for bugs (assert) and not for bad records (data: see convert/).
 */

#define WARN_UNUSED              __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum status {
	OK = 0,
	E_NOMEM,     /* no memory */
	E_IO,        /* the disk or a library on it failed; trying again may help */
	E_FULL,      /* no space left */
	E_EXISTS,    /* there is one already */
	E_NOT_FOUND, /* there is none */
	E_CONFLICT,  /* it is not in the state that the call needs */
	E_INVALID,   /* what was given is wrong; the text says what would be right */
	E_LIMIT,     /* one more than the limit */
	E_GONE,      /* it was removed while the call was using it */
	E_BUSY,      /* somebody else holds it, or the queue is full */
	E_TIMEOUT,   /* the time given ran out */
	E_CANCELLED, /* somebody asked for the end of it */
};

struct err {
	char text[1024];
};

/* Write the text of a failure and return ${status}, so that a line can end in `return
 * err_set(...)`.  Too long a text is cut.  ${err} may be NULL. */
enum status err_set(struct err *err, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set, with ": " and the system's text for ${number} (an errno) behind; the
 * status follows from the number: ENOSPC and EDQUOT are E_FULL, ENOENT E_NOT_FOUND,
 * ENOMEM E_NOMEM, the rest E_IO. */
enum status err_errno(struct err *err, int number, const char *format, ...) PRINTF_LIKE(3, 4);

/* Put what was being done, and ": ", in front of the text that is there.  ${err} may be NULL. */
void err_add(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* A stable lower-case name such as "not_found", for logs. */
const char *status_name(enum status status);

#endif
