/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules in JSON: see fault_rule.h.  Whoever writes a rule tests something with it, and a rule that
 * is not what he meant makes his test pass for nothing; so nothing is ignored here: an unknown
 * member, a member that does not go with the action, or an action that never happens is a problem.
 */
#include "emulate/fault_rule.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

bool fault_rule_is_for_jobs(const struct fault_rule *rule)
{
	return rule->fail || rule->hold_s > 0;
}

/* --- Reading members -------------------------------------------------------------------------- */

/* A reader of one object: what stands in front of a member's name in a problem, and where to
 * complain. */
struct reader {
	const json_t *object;
	const char *prefix; /* "" or "answer." */
	struct problems *problems;
};

static bool has(const struct reader *r, const char *name)
{
	const json_t *member = json_object_get(r->object, name);

	return member != NULL && !json_is_null(member);
}

static void read_number(
    const struct reader *r, const char *name, int64_t min, int64_t max, int64_t *ret_value)
{
	const json_t *member = json_object_get(r->object, name);

	if (!has(r, name))
		return;
	if (!json_is_integer(member) || json_integer_value(member) < min ||
	    json_integer_value(member) > max)
		problems_add(r->problems,
		    "\"%s%s\" must be a whole number from %" PRId64 " to %" PRId64, r->prefix, name,
		    min, max);
	else
		*ret_value = json_integer_value(member);
}

/* At least one byte, and fewer than ${room}. */
static void read_text(const struct reader *r, const char *name, char *ret_text, size_t room)
{
	const json_t *member = json_object_get(r->object, name);

	if (!has(r, name))
		return;
	if (!json_is_string(member) || json_string_length(member) == 0 ||
	    json_string_length(member) >= room)
		problems_add(r->problems, "\"%s%s\" must be a text of 1 to %zu bytes", r->prefix,
		    name, room - 1);
	else
		strcpy(ret_text, json_string_value(member));
}

/* Which of ${words} is it?  ${ret_index} stays when it is absent or none of them. */
static void read_word(
    const struct reader *r, const char *name, const char *const *words, size_t *ret_index)
{
	const json_t *member = json_object_get(r->object, name);
	char list[64] = "";
	size_t i, used = 0;

	if (!has(r, name))
		return;
	for (i = 0; words[i] != NULL; i++) {
		if (json_is_string(member) && strcmp(json_string_value(member), words[i]) == 0) {
			*ret_index = i;
			return;
		}
		used += (size_t)snprintf(
		    list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	problems_add(r->problems, "\"%s%s\" must be one of: %s", r->prefix, name, list);
}

/* The members of an object that is itself a member; false when it is absent or wrong. */
static bool read_object(
    const struct reader *r, const char *name, const char *prefix, struct reader *ret_reader)
{
	const json_t *member = json_object_get(r->object, name);

	if (!has(r, name))
		return false;
	*ret_reader = (struct reader){.object = member, .prefix = prefix, .problems = r->problems};
	if (json_is_object(member))
		return true;
	problems_add(r->problems, "\"%s\" must be an object", name);
	return false;
}

/* Complain of members that are in no list. */
static void refuse_unknown(const struct reader *r, const char *const *names)
{
	const char *name;
	json_t *member;
	size_t i;

	json_object_foreach((json_t *)r->object, name, member)
	{
		for (i = 0; names[i] != NULL && strcmp(names[i], name) != 0; i++)
			;
		if (names[i] == NULL)
			problems_add(
			    r->problems, "\"%s%.100s\" is not a member of a rule", r->prefix, name);
	}
}

/* --- The members of a rule -------------------------------------------------------------------- */

static void check_path(const struct reader *r, const char *path)
{
	const char *piece = path, *end;
	size_t len;

	if (path[0] == '\0')
		return;
	if (path[0] != '/')
		problems_add(r->problems, "\"path\" must begin with \"/\"");
	if (strpbrk(path, "?#") != NULL)
		problems_add(r->problems, "\"path\" must have no query");
	for (; *piece != '\0'; piece = end) {
		piece += strspn(piece, "/");
		len = strcspn(piece, "/");
		end = piece + len;
		if (memchr(piece, '*', len) == NULL || (len == 1 && *piece == '*'))
			continue;
		if (len != 2 || strncmp(piece, "**", 2) != 0)
			problems_add(r->problems,
			    "\"path\" has \"%.*s\"; a \"*\" stands for a whole segment, \"**\" for "
			    "the rest of the path",
			    (int)(len > 100 ? 100 : len), piece);
		else if (*end != '\0')
			problems_add(r->problems,
			    "\"path\" has \"**\" in its midst; it may only be "
			    "the last segment");
	}
}

static void read_match(const struct reader *r, struct fault_rule *rule)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
	size_t method = sizeof(methods) / sizeof(methods[0]) - 1;

	read_word(r, "method", methods, &method);
	if (methods[method] != NULL)
		strcpy(rule->method, methods[method]);
	read_text(r, "path", rule->path, sizeof(rule->path));
	check_path(r, rule->path);
	read_text(r, "job", rule->job, sizeof(rule->job));
	if (rule->job[0] != '\0' && !uuid_is_valid(slice_of(rule->job)))
		problems_add(r->problems, "\"job\" must be the id of a job, a UUID in lower case");
	read_text(r, "connector", rule->connector, sizeof(rule->connector));
	read_text(r, "object", rule->object, sizeof(rule->object));
	read_number(r, "skip", 0, FAULT_TIMES_MAX, &rule->skip);
	read_number(r, "count", 0, FAULT_TIMES_MAX, &rule->count);
}

static void read_answer(const struct reader *r, struct fault_rule *rule)
{
	static const char *const members[] = {"status", "message", "retryAfter", NULL};
	struct reader answer;

	if (!read_object(r, "answer", "answer.", &answer))
		return;
	refuse_unknown(&answer, members);
	if (!has(&answer, "status"))
		problems_add(r->problems, "\"answer.status\" is missing");
	read_number(&answer, "status", 400, 599, &rule->status);
	read_text(&answer, "message", rule->message, sizeof(rule->message));
	read_number(&answer, "retryAfter", 0, FAULT_RETRY_S_MAX, &rule->retry_after_s);
}

static void read_cut(const struct reader *r, struct fault_rule *rule)
{
	static const char *const words[] = {"request", "answer", NULL};
	static const enum fault_cut cuts[] = {FAULT_CUT_REQUEST, FAULT_CUT_ANSWER, FAULT_CUT_NONE};
	size_t word = 2;

	read_word(r, "cut", words, &word);
	rule->cut = cuts[word];
	read_number(r, "afterBytes", 0, FAULT_CUT_BYTES_MAX, &rule->cut_after_bytes);
	if (has(r, "afterBytes") && rule->cut != FAULT_CUT_REQUEST)
		problems_add(r->problems, "\"afterBytes\" goes with \"cut\": \"request\" only");
}

static void read_fail(const struct reader *r, struct fault_rule *rule)
{
	static const char *const members[] = {"message", NULL};
	struct reader fail;

	if (!read_object(r, "failJob", "failJob.", &fail))
		return;
	refuse_unknown(&fail, members);
	read_text(&fail, "message", rule->message, sizeof(rule->message));
	rule->fail = true;
}

/* Do the members go together? */
static void check_together(const struct reader *r)
{
	static const char *const for_requests[] = {
	    "method", "path", "delayMs", "answer", "cut", NULL};
	static const char *const for_jobs[] = {"connector", "object", NULL};
	bool jobs = has(r, "failJob") || has(r, "holdJobSeconds");
	bool requests = has(r, "delayMs") || has(r, "answer") || has(r, "cut");
	const char *const *others = jobs ? for_requests : for_jobs;

	if (!jobs && !requests) {
		problems_add(r->problems,
		    "there is no fault; one of \"answer\", \"delayMs\", \"cut\", "
		    "\"failJob\" and \"holdJobSeconds\" must be there");
		return;
	}
	for (; *others != NULL; others++) {
		if (has(r, *others))
			problems_add(r->problems,
			    "\"%s\" is for faults of %s and does not go with %s", *others,
			    jobs ? "requests" : "jobs",
			    jobs ? "\"failJob\" and \"holdJobSeconds\""
				 : "\"answer\", \"delayMs\" and \"cut\"");
	}
	if (has(r, "answer") && has(r, "cut"))
		problems_add(r->problems, "\"answer\" and \"cut\" do not go together");
}

bool fault_rule_parse(const json_t *object, struct fault_rule *ret_rule, struct problems *problems)
{
	static const char *const members[] = {"method", "path", "job", "connector", "object",
	    "skip", "count", "delayMs", "answer", "cut", "afterBytes", "failJob", "holdJobSeconds",
	    NULL};
	const struct reader r = {.object = object, .prefix = "", .problems = problems};

	*ret_rule = (struct fault_rule){.count = 1, .retry_after_s = -1};
	refuse_unknown(&r, members);
	read_match(&r, ret_rule);
	read_number(&r, "delayMs", 1, FAULT_DELAY_MS_MAX, &ret_rule->delay_ms);
	read_answer(&r, ret_rule);
	read_cut(&r, ret_rule);
	read_fail(&r, ret_rule);
	read_number(&r, "holdJobSeconds", 1, FAULT_HOLD_S_MAX, &ret_rule->hold_s);
	check_together(&r);
	return problems->count == 0;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void write_text(struct json_writer *w, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	json_write_key(w, name);
	json_write_text(w, text);
}

static void write_number(struct json_writer *w, const char *name, int64_t value)
{
	json_write_key(w, name);
	json_write_int(w, value);
}

static void write_answer(struct json_writer *w, const struct fault_rule *rule)
{
	json_write_key(w, "answer");
	json_write_object(w);
	write_number(w, "status", rule->status);
	write_text(w, "message", rule->message);
	if (rule->retry_after_s >= 0)
		write_number(w, "retryAfter", rule->retry_after_s);
	json_write_end(w);
}

static void write_action(struct json_writer *w, const struct fault_rule *rule)
{
	if (rule->delay_ms > 0)
		write_number(w, "delayMs", rule->delay_ms);
	if (rule->status != 0)
		write_answer(w, rule);
	if (rule->cut != FAULT_CUT_NONE)
		write_text(w, "cut", rule->cut == FAULT_CUT_REQUEST ? "request" : "answer");
	if (rule->cut == FAULT_CUT_REQUEST)
		write_number(w, "afterBytes", rule->cut_after_bytes);
	if (rule->hold_s > 0)
		write_number(w, "holdJobSeconds", rule->hold_s);
	if (rule->fail) {
		json_write_key(w, "failJob");
		json_write_object(w);
		write_text(w, "message", rule->message);
		json_write_end(w);
	}
}

void fault_rule_write(struct json_writer *w, const struct fault_rule *rule)
{
	json_write_object(w);
	write_text(w, "id", rule->id);
	write_text(w, "method", rule->method);
	write_text(w, "path", rule->path);
	write_text(w, "job", rule->job);
	write_text(w, "connector", rule->connector);
	write_text(w, "object", rule->object);
	write_number(w, "skip", rule->skip);
	write_number(w, "count", rule->count);
	write_action(w, rule);
	write_number(w, "matched", rule->matched);
	write_number(w, "applied", rule->applied);
	json_write_end(w);
}
