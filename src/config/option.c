/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of options, and the checks of their values: see option.h.
 *
 * A value is checked as text, in the same way wherever it came from.  What only the system can
 * tell (is the port free, may the directory be made) is not asked here: "sluice config check" must
 * be able to run beside a server and on another machine.
 */
#include "config/option.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* SQLite opens no file whose path is longer than about 500 bytes; the names below the data
 * directory need the rest. */
#define PATH_BYTES_MAX 480
/* Longer than any option's name, for the distance to one. */
#define NAME_BYTES_MAX 32

const struct option_row option_table[CONFIG_ROW_COUNT] = {
#define COMMON(k, m, n, v, t)                                                                      \
	.kind = k, .name = n, .value_name = v, .text = t, .offset = offsetof(struct config, m)
#define OPTION_GROUP(id, title)       {.kind = OPTION_HEADING, .name = title},
#define PATH_OPTION(m, n, v, d, e, t) {COMMON(OPTION_PATH, m, n, v, t), .initial = d, .example = e},
#define ADDRESS_OPTION(m, n, v, d, t) {COMMON(OPTION_ADDRESS, m, n, v, t), .initial = d},
#define NUMBER_OPTION(m, n, v, d, least, most, t)                                                  \
	{COMMON(OPTION_NUMBER, m, n, v, t), .number_initial = d, .min = least, .max = most},
#define CHOICE_OPTION(m, n, v, d, c, t)                                                            \
	{COMMON(OPTION_CHOICE, m, n, v, t), .initial = d, .choices = c},
#include "config/options.def"
#undef COMMON
};

/* --- Members ---------------------------------------------------------------------------------- */

static const char **text_of(const struct option_row *row, const struct config *config)
{
	assert(row->kind == OPTION_PATH || row->kind == OPTION_ADDRESS);
	return (const char **)((char *)config + row->offset);
}

static int64_t *number_of(const struct option_row *row, const struct config *config)
{
	assert(row->kind == OPTION_NUMBER);
	return (int64_t *)((char *)config + row->offset);
}

static int *choice_of(const struct option_row *row, const struct config *config)
{
	assert(row->kind == OPTION_CHOICE);
	return (int *)((char *)config + row->offset);
}

bool option_is_switch(const struct option_row *row)
{
	return row->kind == OPTION_CHOICE && strcmp(row->choices, "off|on") == 0;
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Digits, perhaps behind a minus: strtoll() would take blanks and a plus, too. */
static bool read_number(const char *text, int64_t min, int64_t max, int64_t *ret_number)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	long long number;

	if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return false;
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno != 0 || number < min || number > max)
		return false;
	*ret_number = number;
	return true;
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

/* The word at ${place}. */
static struct slice choice_at(const char *choices, int place)
{
	for (; place > 0; place--)
		choices += strcspn(choices, "|") + 1;
	return (struct slice){choices, strcspn(choices, "|")};
}

bool config_split_address(const char *address, char ret_host[CONFIG_HOST_BYTES], uint16_t *ret_port)
{
	const char *colon = strrchr(address, ':'), *begin = address, *end = colon;
	char host[CONFIG_HOST_BYTES];
	unsigned char binary[sizeof(struct in6_addr)];
	int64_t port;
	bool six;

	if (colon == NULL || !read_number(colon + 1, 0, UINT16_MAX, &port))
		return false;
	six = *begin == '[' && end - begin > 2 && end[-1] == ']';
	if (six) {
		begin++;
		end--;
	}
	if ((size_t)(end - begin) >= sizeof(host))
		return false;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, host, binary) != 1)
		return false;
	memcpy(ret_host, host, sizeof(host));
	*ret_port = (uint16_t)port;
	return true;
}

bool option_set(const struct option_row *row, struct config *config, const char *value)
{
	char host[CONFIG_HOST_BYTES];
	uint16_t port;
	int choice;

	assert(row->kind != OPTION_HEADING);
	switch (row->kind) {
	case OPTION_PATH:
		if (value[0] == '\0' || strlen(value) > PATH_BYTES_MAX)
			return false;
		*text_of(row, config) = value;
		return true;
	case OPTION_ADDRESS:
		if (!config_split_address(value, host, &port))
			return false;
		*text_of(row, config) = value;
		return true;
	case OPTION_NUMBER:
		return read_number(value, row->min, row->max, number_of(row, config));
	case OPTION_CHOICE:
		choice = find_choice(row->choices, value);
		if (choice < 0)
			return false;
		*choice_of(row, config) = choice;
		return true;
	case OPTION_HEADING:
		break;
	}
	return false;
}

void option_set_initial(const struct option_row *row, struct config *config)
{
	switch (row->kind) {
	case OPTION_PATH:
	case OPTION_ADDRESS:
		*text_of(row, config) = row->initial;
		break;
	case OPTION_NUMBER:
		*number_of(row, config) = row->number_initial;
		break;
	case OPTION_CHOICE:
		*choice_of(row, config) = find_choice(row->choices, row->initial);
		break;
	case OPTION_HEADING:
		break;
	}
}

const char *option_value(
    const struct option_row *row, const struct config *config, char room[OPTION_TEXT_BYTES])
{
	switch (row->kind) {
	case OPTION_PATH:
	case OPTION_ADDRESS:
		return *text_of(row, config);
	case OPTION_NUMBER:
		snprintf(room, OPTION_TEXT_BYTES, "%" PRId64, *number_of(row, config));
		return room;
	case OPTION_CHOICE:
		snprintf(room, OPTION_TEXT_BYTES, "%.*s",
		    SLICE_ARGS(choice_at(row->choices, *choice_of(row, config))));
		return room;
	case OPTION_HEADING:
		break;
	}
	return NULL;
}

void option_expected(const struct option_row *row, char ret_text[OPTION_TEXT_BYTES])
{
	switch (row->kind) {
	case OPTION_PATH:
		snprintf(ret_text, OPTION_TEXT_BYTES, "a path of 1 to %d bytes", PATH_BYTES_MAX);
		break;
	case OPTION_ADDRESS:
		snprintf(ret_text, OPTION_TEXT_BYTES, "%s, such as 127.0.0.1:8080 or [::1]:8080",
		    row->value_name);
		break;
	case OPTION_NUMBER:
		snprintf(ret_text, OPTION_TEXT_BYTES, "a number from %" PRId64 " to %" PRId64,
		    row->min, row->max);
		break;
	case OPTION_CHOICE:
		snprintf(ret_text, OPTION_TEXT_BYTES, "one of %s", row->choices);
		break;
	case OPTION_HEADING:
		ret_text[0] = '\0';
		break;
	}
}

/* --- Names ------------------------------------------------------------------------------------ */

void option_environment_name(const struct option_row *row, char ret_name[OPTION_TEXT_BYTES])
{
	snprintf(ret_name, OPTION_TEXT_BYTES, "SLUICE_%s", row->name);
	for (char *c = ret_name; *c != '\0'; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

const struct option_row *option_find(struct slice name)
{
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		if (option_table[i].kind != OPTION_HEADING && slice_is(name, option_table[i].name))
			return &option_table[i];
	}
	return NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out, changed, or swapped with the next one, to get from
 * ${a} to ${b}. */
static size_t distance(struct slice a, struct slice b)
{
	size_t far[NAME_BYTES_MAX + 1][NAME_BYTES_MAX + 1];

	assert(a.len <= NAME_BYTES_MAX && b.len <= NAME_BYTES_MAX);
	for (size_t i = 0; i <= a.len; i++) {
		for (size_t k = 0; k <= b.len; k++) {
			if (i == 0 || k == 0) {
				far[i][k] = i + k;
				continue;
			}
			far[i][k] = least(least(far[i - 1][k], far[i][k - 1]) + 1,
			    far[i - 1][k - 1] + (a.ptr[i - 1] != b.ptr[k - 1]));
			if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] &&
			    a.ptr[i - 2] == b.ptr[k - 1])
				far[i][k] = least(far[i][k], far[i - 2][k - 2] + 1);
		}
	}
	return far[a.len][b.len];
}

const struct option_row *option_find_near(struct slice name)
{
	const struct option_row *near = NULL;
	size_t nearest = 3; /* more than two slips are another word */

	if (name.len > NAME_BYTES_MAX)
		return NULL;
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		size_t far;

		if (row->kind == OPTION_HEADING)
			continue;
		far = distance(name, slice_of(row->name));
		/* Of a short word, a third must not change. */
		if (far < nearest && far * 3 <= name.len) {
			nearest = far;
			near = row;
		}
	}
	return near;
}

bool option_in_file(const struct option_row *row)
{
	return row != &option_table[CONFIG_ROW_config_file];
}
