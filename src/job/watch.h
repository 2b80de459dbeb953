/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_JOB_WATCH_H
#define SLUICE_JOB_WATCH_H

/*
 * Who waits for a job's end, or for a stream's log to be applied: GET …?wait=SECONDS.
 *
 * A waiter is woken once: when its job came to its end, or its log was applied as far as it waits
 * for, when its time is up, or when the server drains.  It is not told which; it looks for itself.
 * To miss nothing, add the waiter first and look then; when there is nothing to wait for any more,
 * job_watch_wake() it.
 */

#include "base/slice.h"
#include "base/status.h"
#include "base/uuid.h"

#include <stdint.h>

#define JOB_WATCH_KEY_BYTES UUID_TEXT_BYTES /* a log's name is shorter */

struct job_watch;

/* The caller's memory; it must stay until woken() is called, which may free it. */
struct job_waiter {
	char key[JOB_WATCH_KEY_BYTES];            /* the job's id, or the log's name */
	int64_t position;                         /* in the log; 0 for a job */
	int64_t deadline_us;                      /* of clock_mono_us() */
	void (*woken)(struct job_waiter *waiter); /* on any thread, no lock held */
	struct job_waiter *next;                  /* the watch's */
};

/* Starts the timer thread.  E_NOMEM, or no thread could be made. */
enum status job_watch_create(struct job_watch **ret_watch, struct err *err) WARN_UNUSED;

/* Every waiter has been woken before: job_watch_wake_all().  NULL is fine. */
void job_watch_destroy(struct job_watch **watch);

/* Let ${waiter} wait.  From here on it may be woken, on another thread, before this returns. */
void job_watch_add(struct job_watch *watch, struct job_waiter *waiter);

/* Wake all that wait for this job, or log. */
void job_watch_wake(struct job_watch *watch, const char *key);

/* Wake all that wait for this log to be applied up to ${position} or less. */
void job_watch_wake_reached(struct job_watch *watch, const char *key, int64_t position);

/* Wake all, and every later one at once. */
void job_watch_wake_all(struct job_watch *watch);

#endif
