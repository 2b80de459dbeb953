/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_INTERRUPT_H
#define SLUICE_CLI_INTERRUPT_H

/*
 * Ctrl-C (SIGINT) and SIGTERM, for commands that have something to bring to an end first.  For a
 * process, not a thread; call interrupt_catch once.
 */

#include <signal.h>

/* The exit status of a command that was interrupted. */
enum { EXIT_INTERRUPTED = 130 };

/* Not 0 once the first signal came: begin nothing more. */
extern volatile sig_atomic_t interrupt_asked;

/* Not 0 once a second one came, or the time of grace was over: give up what is under way. */
extern volatile sig_atomic_t interrupt_now;

/* From now on signals only set the two.  With ${grace_s} of 0 the second ends the process at once;
 * else it sets interrupt_now, as do ${grace_s} seconds after the first, and the third ends the
 * process.  Calls of the system that block end early, with EINTR. */
void interrupt_catch(unsigned grace_s);

#endif
