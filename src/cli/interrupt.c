/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that end a command in good order: see interrupt.h.
 *
 * A signal that comes within a second of the one before is the same one: programs that run others
 * (timeout, npm) send it to the process and again to its group.
 */
#include "cli/interrupt.h"

#include <time.h>
#include <unistd.h>

volatile sig_atomic_t interrupt_asked, interrupt_now;

static volatile sig_atomic_t last_s;
static volatile sig_atomic_t grace;

/* Only what a signal handler may call. */
static void on_signal(int number)
{
	struct timespec now;

	if (number == SIGALRM) {
		interrupt_now = 1;
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (interrupt_asked && (sig_atomic_t)now.tv_sec - last_s <= 1)
		return;
	last_s = (sig_atomic_t)now.tv_sec;
	if (!interrupt_asked) {
		interrupt_asked = 1;
		alarm((unsigned)grace);
	} else if (grace == 0 || interrupt_now) {
		_exit(EXIT_INTERRUPTED);
	} else {
		interrupt_now = 1;
	}
}

/* Without SA_RESTART, so that a read of standard input ends. */
void interrupt_catch(unsigned grace_s)
{
	struct sigaction action = {.sa_handler = on_signal};

	grace = (sig_atomic_t)grace_s;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
}
