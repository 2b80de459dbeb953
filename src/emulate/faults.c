/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of faults: see faults.h.  An array in the order of making, walked from the top for each
 * request and each claimed job under one short lock; with a hundred rules at most, on a server that
 * is being tested with, nothing cleverer is worth its lines.
 */
#include "emulate/faults.h"

#include "base/thread.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct faults {
	pthread_mutex_t mutex; /* guards all below */
	int64_t made;          /* so many had an id so far */
	size_t count;
	struct fault_rule rules[FAULTS_MAX];
};

enum status faults_create(struct faults **ret_faults, struct err *err)
{
	struct faults *faults = calloc(1, sizeof(*faults));

	if (faults == NULL)
		return err_set(err, E_NOMEM, "no memory for the table of faults");
	mutex_init(&faults->mutex);
	*ret_faults = faults;
	return OK;
}

void faults_destroy(struct faults **faults)
{
	if (*faults == NULL)
		return;
	mutex_fini(&(*faults)->mutex);
	free(*faults);
	*faults = NULL;
}

/* --- The table -------------------------------------------------------------------------------- */

/* NULL: there is none. */
static struct fault_rule *find_locked(struct faults *faults, struct slice id)
{
	for (size_t i = 0; i < faults->count; i++) {
		if (slice_is(id, faults->rules[i].id))
			return &faults->rules[i];
	}
	return NULL;
}

enum status faults_add(struct faults *faults, const struct fault_rule *rule,
    struct fault_rule *ret_rule, struct err *err)
{
	enum status st = OK;

	mutex_lock(&faults->mutex);
	if (faults->count == FAULTS_MAX) {
		st = err_set(err, E_LIMIT, "there are %d rules already", FAULTS_MAX);
	} else {
		struct fault_rule *added = &faults->rules[faults->count++];

		*added = *rule;
		snprintf(added->id, sizeof(added->id), "f%" PRId64, ++faults->made);
		added->matched = added->applied = 0;
		*ret_rule = *added;
	}
	mutex_unlock(&faults->mutex);
	return st;
}

bool faults_get(struct faults *faults, struct slice id, struct fault_rule *ret_rule)
{
	const struct fault_rule *rule;

	mutex_lock(&faults->mutex);
	rule = find_locked(faults, id);
	if (rule != NULL)
		*ret_rule = *rule;
	mutex_unlock(&faults->mutex);
	return rule != NULL;
}

bool faults_remove(struct faults *faults, struct slice id)
{
	struct fault_rule *rule;

	mutex_lock(&faults->mutex);
	rule = find_locked(faults, id);
	if (rule != NULL) {
		faults->count--;
		memmove(
		    rule, rule + 1, (size_t)(&faults->rules[faults->count] - rule) * sizeof(*rule));
	}
	mutex_unlock(&faults->mutex);
	return rule != NULL;
}

void faults_clear(struct faults *faults)
{
	mutex_lock(&faults->mutex);
	faults->count = 0;
	mutex_unlock(&faults->mutex);
}

size_t faults_list(struct faults *faults, struct fault_rule *ret_rules, size_t room)
{
	size_t count;

	mutex_lock(&faults->mutex);
	count = faults->count < room ? faults->count : room;
	if (count > 0)
		memcpy(ret_rules, faults->rules, count * sizeof(*ret_rules));
	mutex_unlock(&faults->mutex);
	return count;
}

/* --- Which rule hits? ------------------------------------------------------------------------- */

/* "" is any. */
static bool is_any_or(const char *wanted, struct slice is)
{
	return wanted[0] == '\0' || slice_is(is, wanted);
}

static bool path_fits(const char *path, const struct slice *segments, size_t count)
{
	size_t i = 0, len;

	if (path[0] == '\0')
		return true;
	for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (len == 2 && strncmp(path, "**", 2) == 0)
			return true;
		if (i == count)
			return false;
		if (!(len == 1 && *path == '*') &&
		    !slice_equals((struct slice){path, len}, segments[i]))
			return false;
		path += len;
		i++;
	}
	return i == count;
}

static bool fits_request(const struct fault_rule *rule, const void *ctx)
{
	const struct fault_request *request = ctx;

	return !fault_rule_is_for_jobs(rule) &&
	       is_any_or(rule->method, slice_of(request->method)) &&
	       is_any_or(rule->job, request->job) &&
	       path_fits(rule->path, request->segments, request->segment_count);
}

static bool fits_job(const struct fault_rule *rule, const void *ctx)
{
	const struct fault_job *job = ctx;

	return fault_rule_is_for_jobs(rule) && is_any_or(rule->job, slice_of(job->id)) &&
	       is_any_or(rule->connector, slice_of(job->connector)) &&
	       is_any_or(rule->object, slice_of(job->object));
}

typedef bool fits_fn(const struct fault_rule *rule, const void *ctx);

static bool take(struct faults *faults, fits_fn *fits, const void *ctx, struct fault_rule *ret_rule)
{
	bool taken = false;

	mutex_lock(&faults->mutex);
	for (size_t i = 0; i < faults->count && !taken; i++) {
		struct fault_rule *rule = &faults->rules[i];

		if (!fits(rule, ctx))
			continue;
		rule->matched++;
		if (rule->matched <= rule->skip ||
		    (rule->count > 0 && rule->applied >= rule->count))
			continue;
		rule->applied++;
		*ret_rule = *rule;
		taken = true;
	}
	mutex_unlock(&faults->mutex);
	return taken;
}

bool faults_take_request(
    struct faults *faults, const struct fault_request *request, struct fault_rule *ret_rule)
{
	return take(faults, fits_request, request, ret_rule);
}

bool faults_take_job(
    struct faults *faults, const struct fault_job *job, struct fault_rule *ret_rule)
{
	return take(faults, fits_job, job, ret_rule);
}
