/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CSV_CSV_WRITE_H
#define SLUICE_CSV_CSV_WRITE_H

/* CSV out: the other direction, for failed records and for the command line. */

#include "base/buffer.h"

/* Append one field, quoted when it holds a comma, quote, CR or LF.  The caller
 * puts the commas and line ends. */
void csv_write_field(struct buffer *out, struct slice text);

#endif
