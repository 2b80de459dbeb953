/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_INT128_H
#define SLUICE_BASE_INT128_H

/* The compiler's 128-bit integers, which ISO C lacks: named once, so that
 * -Wpedantic is content everywhere. */

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

#endif
