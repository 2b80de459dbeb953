/* SPDX-License-Identifier: Apache-2.0 */
/* From options.def to values: see config.h.  The table is walked as data; nothing
 * here knows a single option. */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum option_kind { TEXT, NUMBER, CHOICE };

struct option_row {
	enum option_kind kind;
	const char *flag;
	const char *value_name;
	const char *text;
	size_t offset;       /* in struct config */
	const char *initial; /* of a text, or a choice */
	const char *choices; /* "off|on" */
	int64_t number_initial, min, max;
};

static const struct option_row rows[] = {
#define TEXT_OPTION(m, f, v, d, t)                                                                 \
	{.kind = TEXT,                                                                             \
	    .flag = f,                                                                             \
	    .value_name = v,                                                                       \
	    .text = t,                                                                             \
	    .offset = offsetof(struct config, m),                                                  \
	    .initial = d},
#define NUMBER_OPTION(m, f, v, d, lo, hi, t)                                                       \
	{.kind = NUMBER,                                                                           \
	    .flag = f,                                                                             \
	    .value_name = v,                                                                       \
	    .text = t,                                                                             \
	    .offset = offsetof(struct config, m),                                                  \
	    .number_initial = d,                                                                   \
	    .min = lo,                                                                             \
	    .max = hi},
#define CHOICE_OPTION(m, f, v, d, c, t)                                                            \
	{.kind = CHOICE,                                                                           \
	    .flag = f,                                                                             \
	    .value_name = v,                                                                       \
	    .text = t,                                                                             \
	    .offset = offsetof(struct config, m),                                                  \
	    .initial = d,                                                                          \
	    .choices = c},
#include "config/options.def"
#undef TEXT_OPTION
#undef NUMBER_OPTION
#undef CHOICE_OPTION
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const char **text_of(struct config *config, const struct option_row *row)
{
	return (const char **)((char *)config + row->offset);
}

static int64_t *number_of(struct config *config, const struct option_row *row)
{
	return (int64_t *)((char *)config + row->offset);
}

static int *choice_of(struct config *config, const struct option_row *row)
{
	return (int *)((char *)config + row->offset);
}

static enum status set_number(struct config *config, const struct option_row *row,
    const char *where, const char *value, struct err *err)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || number < row->min || number > row->max)
		return err_set(err, E_INVALID,
		    "%s is \"%s\"; it must be a number from %" PRId64 " to %" PRId64, where, value,
		    row->min, row->max);
	*number_of(config, row) = number;
	return OK;
}

/* The place of ${value} in ${choices}, or -1. */
static int find_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (int i = 0;; i++) {
		size_t end = strcspn(choices, "|");

		if (end == length && memcmp(choices, value, length) == 0)
			return i;
		if (choices[end] == '\0')
			return -1;
		choices += end + 1;
	}
}

static enum status set(struct config *config, const struct option_row *row, const char *where,
    const char *value, struct err *err)
{
	int choice;

	switch (row->kind) {
	case TEXT:
		*text_of(config, row) = value;
		return OK;
	case NUMBER:
		return set_number(config, row, where, value, err);
	case CHOICE:
		break;
	}
	choice = find_choice(row->choices, value);
	if (choice < 0)
		return err_set(err, E_INVALID, "%s is \"%s\"; it must be one of %s", where, value,
		    row->choices);
	*choice_of(config, row) = choice;
	return OK;
}

static void set_initial(struct config *config)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		switch (rows[i].kind) {
		case TEXT:
			*text_of(config, &rows[i]) = rows[i].initial;
			break;
		case NUMBER:
			*number_of(config, &rows[i]) = rows[i].number_initial;
			break;
		case CHOICE:
			*choice_of(config, &rows[i]) =
			    find_choice(rows[i].choices, rows[i].initial);
			break;
		}
	}
}

/* "ready-fd" -> "SLUICE_READY_FD" */
static void environment_name(const char *flag, char *ret_name, size_t room)
{
	size_t used = (size_t)snprintf(ret_name, room, "SLUICE_%s", flag);

	for (size_t i = 0; i < used; i++)
		ret_name[i] = ret_name[i] == '-' ? '_' : (char)toupper((unsigned char)ret_name[i]);
}

static enum status read_environment(struct config *config, struct err *err)
{
	enum status st = OK;
	char name[64];

	for (size_t i = 0; st == OK && i < ROW_COUNT; i++) {
		const char *value;

		environment_name(rows[i].flag, name, sizeof(name));
		value = getenv(name);
		if (value != NULL && value[0] != '\0')
			st = set(config, &rows[i], name, value, err);
	}
	return st;
}

static const struct option_row *find_row(const char *flag, size_t length)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strlen(rows[i].flag) == length && memcmp(rows[i].flag, flag, length) == 0)
			return &rows[i];
	}
	return NULL;
}

static enum status read_flags(struct config *config, int argc, char **argv, struct err *err)
{
	const struct option_row *row;
	char where[64];
	enum status st = OK;

	for (int i = 0; st == OK && i < argc; i++) {
		const char *flag = argv[i] + 2, *value = strchr(argv[i], '=');
		size_t length;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return E_CANCELLED;
		if (strncmp(argv[i], "--", 2) != 0)
			return err_set(err, E_INVALID,
			    "\"%s\" is not an option; see sluice serve --help", argv[i]);
		length = value == NULL ? strlen(flag) : (size_t)(value - flag);
		row = find_row(flag, length);
		if (row == NULL)
			return err_set(err, E_INVALID,
			    "there is no option --%.*s; see sluice serve --help", (int)length,
			    flag);
		value = value != NULL ? value + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (value == NULL)
			return err_set(err, E_INVALID, "--%s needs a value: --%s %s", row->flag,
			    row->flag, row->value_name);
		snprintf(where, sizeof(where), "--%s", row->flag);
		st = set(config, row, where, value, err);
	}
	return st;
}

enum status config_read(struct config *ret_config, int argc, char **argv, struct err *err)
{
	struct config config;
	enum status st;

	set_initial(&config);
	st = read_environment(&config, err);
	if (st == OK)
		st = read_flags(&config, argc, argv, err);
	for (size_t i = 0; st == OK && i < ROW_COUNT; i++) {
		const char *value = rows[i].kind == TEXT ? *text_of(&config, &rows[i]) : "set";

		if (value == NULL || value[0] == '\0')
			st = err_set(err, E_INVALID, "--%s %s must be given: %s", rows[i].flag,
			    rows[i].value_name, rows[i].text);
	}
	if (st == OK)
		*ret_config = config;
	return st;
}

void config_help(FILE *out)
{
	char head[64], environment[64];

	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &rows[i];

		snprintf(head, sizeof(head), "--%s %s", row->flag, row->value_name);
		environment_name(row->flag, environment, sizeof(environment));
		fprintf(out, "  %-24s %s\n  %-24s ", head, row->text, "");
		switch (row->kind) {
		case TEXT:
			fprintf(out, "[%s; $%s]\n",
			    row->initial == NULL ? "required" : row->initial, environment);
			break;
		case NUMBER:
			fprintf(out, "[%" PRId64 ", from %" PRId64 " to %" PRId64 "; $%s]\n",
			    row->number_initial, row->min, row->max, environment);
			break;
		case CHOICE:
			fprintf(out, "[%s of %s; $%s]\n", row->initial, row->choices, environment);
			break;
		}
	}
}
