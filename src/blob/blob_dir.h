/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BLOB_BLOB_DIR_H
#define SLUICE_BLOB_BLOB_DIR_H

#include "blob/blob.h"

/* Blobs as files below the folder ${path}, which is made when it is not there: a folder a group, a
 * file a blob.  The caller closes with blob_close. */
enum status blob_dir_open(const char *path, struct blob **ret_blob, struct err *err) WARN_UNUSED;

#endif
