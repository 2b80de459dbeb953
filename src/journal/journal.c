/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal, the part that all backends share: see journal.h for the promises and journal_ops.h
 * for what is left to a backend.
 *
 * Names are made by this program, never taken from a client, so a bad one is a bug and is asserted;
 * that also keeps "..", "/" and their kin out of every backend.  So is an entry that is too long:
 * who makes entries knows their size before he has accepted anything.
 *
 * What this does not check is where a reader may begin: that is for the backend, which alone knows
 * what it still has.
 */
#include "journal/journal.h"

#include "journal/journal_ops.h"

#include <assert.h>
#include <string.h>

bool journal_name_is_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length > 0 && length < JOURNAL_NAME_BYTES && name[length] == '\0';
}

void journal_close(struct journal **journal_ptr)
{
	if (*journal_ptr == NULL)
		return;
	(*journal_ptr)->ops->close(*journal_ptr);
	*journal_ptr = NULL;
}

enum status journal_append(struct journal *journal, const char *name, struct slice entry,
    int64_t *ret_end, struct err *err)
{
	enum status st;

	assert(journal_name_is_valid(name));
	assert(entry.len <= JOURNAL_ENTRY_BYTES_MAX);
	st = journal->ops->append(journal, name, entry, ret_end, err);
	if (st != OK)
		err_add(err, "log %s: append", name);
	return st;
}

enum status journal_state(
    struct journal *journal, const char *name, struct journal_state *ret_state, struct err *err)
{
	enum status st;

	assert(journal_name_is_valid(name));
	st = journal->ops->state(journal, name, ret_state, err);
	if (st != OK)
		err_add(err, "log %s", name);
	return st;
}

enum status journal_read(struct journal *journal, const char *name, int64_t from, int64_t to,
    size_t bytes_max, struct arena *arena, journal_entry_fn *visit, void *ctx, int64_t *ret_next,
    struct err *err)
{
	assert(journal_name_is_valid(name));
	assert(from >= 0);
	assert(from <= to);
	/* No err_add: the text may be the visitor's. */
	return journal->ops->read(
	    journal, name, from, to, bytes_max, arena, visit, ctx, ret_next, err);
}

enum status journal_trim(
    struct journal *journal, const char *name, int64_t position, struct err *err)
{
	enum status st;

	assert(journal_name_is_valid(name));
	assert(position >= 0);
	st = journal->ops->trim(journal, name, position, err);
	if (st != OK)
		err_add(err, "log %s: trim", name);
	return st;
}

enum status journal_remove(struct journal *journal, const char *name, struct err *err)
{
	enum status st;

	assert(journal_name_is_valid(name));
	st = journal->ops->remove(journal, name, err);
	if (st != OK)
		err_add(err, "log %s: remove", name);
	return st;
}

enum status journal_list(struct journal *journal, struct arena *arena, const char ***ret_names,
    size_t *ret_count, struct err *err)
{
	enum status st = journal->ops->list(journal, arena, ret_names, ret_count, err);

	if (st != OK)
		err_add(err, "list the logs");
	return st;
}
