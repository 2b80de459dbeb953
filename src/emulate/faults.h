/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_EMULATE_FAULTS_H
#define SLUICE_EMULATE_FAULTS_H

/*
 * The table of rules by which requests and jobs meet faults, for people who test their clients.
 *
 * It is in memory, and gone when the server ends.  It only decides: what a fault does is done where
 * requests and jobs are (http/fault.c, work/worker.c).
 *
 * Rules are asked in the order in which they were made.  The first that fits and is not used up
 * hits, and those behind it are not asked; one that lets its first ${skip} pass, or has had its
 * ${count}, is counted as matched, and the next one is asked.
 *
 * Any thread; no call blocks for longer than a walk through the table.
 */

#include "base/slice.h"
#include "base/status.h"
#include "emulate/fault_rule.h"

#include <stdbool.h>
#include <stddef.h>

#define FAULTS_MAX 100

struct faults;

/* E_NOMEM. */
enum status faults_create(struct faults **ret_faults, struct err *err) WARN_UNUSED;
/* NULL is fine. */
void faults_destroy(struct faults **faults);

/* Add a copy, which gets an id and counts of 0; ${ret_rule} is how it stands now.  E_LIMIT. */
enum status faults_add(struct faults *faults, const struct fault_rule *rule,
    struct fault_rule *ret_rule, struct err *err) WARN_UNUSED;
/* false: there is none of that id.  What a removed rule has begun goes on. */
bool faults_get(struct faults *faults, struct slice id, struct fault_rule *ret_rule) WARN_UNUSED;
bool faults_remove(struct faults *faults, struct slice id) WARN_UNUSED;
void faults_clear(struct faults *faults);
/* Up to ${room} of them, in their order; returns how many. */
size_t faults_list(struct faults *faults, struct fault_rule *ret_rules, size_t room);

/* What is known of a request when its rule is looked for. */
struct fault_request {
	const char *method;
	const struct slice *segments; /* of the path, decoded */
	size_t segment_count;
	struct slice job; /* that the path names; empty: none */
};

struct fault_job {
	const char *id, *connector, *object;
};

/* Which fault is it to meet?  The rule's use is counted.  false: none. */
bool faults_take_request(struct faults *faults, const struct fault_request *request,
    struct fault_rule *ret_rule) WARN_UNUSED;
bool faults_take_job(
    struct faults *faults, const struct fault_job *job, struct fault_rule *ret_rule) WARN_UNUSED;

#endif
