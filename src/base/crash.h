/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_CRASH_H
#define SLUICE_BASE_CRASH_H

/*
 * Named places between two durable steps (docs/DESIGN.md, "Exactly once") at
 * which a test build kills itself:
 *
 *	SLUICE_CRASH=load.applied	at the first pass
 *	SLUICE_CRASH=load.applied:3	at the third
 *
 * or waits for the test:
 *
 *	SLUICE_HOLD=load.staged:PATH	as long as there is a FIFO at PATH: until a writer has
 *					opened and closed it
 *
 * In other builds the macro is nothing.
 */

#ifdef SLUICE_CRASH_POINTS
/* Reached the place ${name}: may not return. */
void crash_point(const char *name);
#define CRASH_POINT(name) crash_point(name)
#else
#define CRASH_POINT(name) ((void)0)
#endif

#endif
