/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the sources to values: see config.h.  The table is walked as data; nothing here knows a
 * single option but --config, which names the file.
 *
 * Flags are read first, then the environment, then the file, whose name is known by then.  Which
 * one wins does not depend on that order: a value is kept with its source, and gives way to a
 * higher one only.  A value that another one wins over is checked all the same, for it is a mistake
 * that waits.
 *
 * Variables with SLUICE_ in front that are no option are ignored: SLUICE_TOKEN and SLUICE_URL
 * belong to the client's commands.
 */
#include "config/config.h"

#include "config/config_file.h"
#include "config/option.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Problems --------------------------------------------------------------------------------- */

static void complain(struct config_reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);

static void complain(struct config_reading *reading, const char *format, ...)
{
	size_t place = reading->problem_count++;
	va_list args;

	if (place >= CONFIG_PROBLEMS_MAX)
		return;
	va_start(args, format);
	vsnprintf(
	    reading->problems[place].text, sizeof(reading->problems[place].text), format, args);
	va_end(args);
}

/* What a message shows of a text: its beginning, without what a terminal would obey. */
#define SHOWN_BYTES 80

static const char *show(struct slice text, char room[SHOWN_BYTES + sizeof("…")])
{
	size_t len = text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		room[i] = c < 0x20 || c == 0x7f ? '?' : text.ptr[i];
	}
	strcpy(room + len, text.len > SHOWN_BYTES ? "…" : "");
	return room;
}

/* ${before} says where, such as "sluice.conf:3: "; ${dashes} are those of a flag. */
static void complain_unknown(
    struct config_reading *reading, const char *before, const char *dashes, struct slice name)
{
	const struct option_row *near = option_find_near(name);
	char shown[SHOWN_BYTES + sizeof("…")];

	show(name, shown);
	if (near != NULL)
		complain(reading, "%sthere is no option %s%s; did you mean %s%s?", before, dashes,
		    shown, dashes, near->name);
	else
		complain(reading, "%sthere is no option %s%s; see sluice serve --help", before,
		    dashes, shown);
}

/* --- One value -------------------------------------------------------------------------------- */

/* ${where} is for a message: "--workers", "SLUICE_WORKERS", "sluice.conf:3: workers". */
static void take(struct config_reading *reading, const struct option_row *row,
    enum config_source source, const char *origin, const char *where, const char *value)
{
	size_t place = (size_t)(row - option_table);
	struct config scratch = reading->values;
	bool wins = source >= reading->origins[place].source;
	char expected[OPTION_TEXT_BYTES], shown[SHOWN_BYTES + sizeof("…")];

	if (!option_set(row, wins ? &reading->values : &scratch, value)) {
		option_expected(row, expected);
		complain(reading, "%s is \"%s\"; it must be %s", where,
		    show(slice_of(value), shown), expected);
	}
	/* A bad value counts as given: that it is missing is not told on top. */
	if (wins) {
		reading->origins[place].source = source;
		reading->origins[place].name = origin;
	}
}

static void set_defaults(struct config_reading *reading)
{
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		option_set_initial(&option_table[i], &reading->values);
		reading->origins[i].name = "default";
	}
}

/* --- Flags ------------------------------------------------------------------------------------ */

static bool is_flag(const char *argument)
{
	return strncmp(argument, "--", 2) == 0;
}

/* Read the flag at ${i}; returns the place of the next one. */
static int read_flag(struct config_reading *reading, int argc, char **argv, int i)
{
	const char *flag = argv[i] + 2, *value = strchr(flag, '=');
	size_t length = value == NULL ? strlen(flag) : (size_t)(value - flag);
	const struct option_row *row = option_find((struct slice){flag, length});
	char where[OPTION_TEXT_BYTES];

	/* A value that begins with "--" must be said with "=": more often it was forgotten. */
	if (value != NULL)
		value++;
	else if (i + 1 < argc && !is_flag(argv[i + 1]))
		value = argv[++i];
	else if (row != NULL && option_is_switch(row))
		value = "on";
	if (row == NULL) {
		complain_unknown(reading, "", "--", (struct slice){flag, length});
	} else if (value == NULL) {
		complain(
		    reading, "--%s needs a value: --%s %s", row->name, row->name, row->value_name);
	} else {
		snprintf(where, sizeof(where), "--%s", row->name);
		take(reading, row, CONFIG_FLAG, "flag", where, value);
	}
	return i + 1;
}

static void read_flags(struct config_reading *reading, int argc, char **argv)
{
	char shown[SHOWN_BYTES + sizeof("…")];

	for (int i = 0; i < argc && !reading->help_asked;) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			reading->help_asked = true;
		} else if (is_flag(argv[i])) {
			i = read_flag(reading, argc, argv, i);
		} else {
			complain(reading, "\"%s\" is not an option; see sluice serve --help",
			    show(slice_of(argv[i]), shown));
			i++;
		}
	}
}

/* --- Environment ------------------------------------------------------------------------------ */

static void read_environment(struct config_reading *reading)
{
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		char name[OPTION_TEXT_BYTES];
		const char *value, *origin;

		if (row->kind == OPTION_HEADING)
			continue;
		option_environment_name(row, name);
		value = getenv(name);
		/* Empty is as good as unset: a script that passes $X on means that. */
		if (value == NULL || value[0] == '\0')
			continue;
		origin = arena_copy(&reading->arena, slice_of(name));
		if (origin == NULL)
			complain(reading, "%s: no memory", name);
		else
			take(reading, row, CONFIG_ENVIRONMENT, origin, name, value);
	}
}

/* --- The file --------------------------------------------------------------------------------- */

/* All of it, from a file or a pipe; false when it was complained of. */
static bool slurp(struct config_reading *reading, const char *path, struct slice *ret_text)
{
	const char *origin = reading->origins[CONFIG_ROW_config_file].name;
	bool from_flag = reading->origins[CONFIG_ROW_config_file].source == CONFIG_FLAG;
	char *text = arena_alloc(&reading->arena, CONFIG_FILE_BYTES_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err err = {{0}};
	size_t len = 0;
	ssize_t got = -1;

	if (from_flag)
		origin = "--config";
	if (text == NULL)
		errno = ENOMEM;
	while (fd >= 0 && text != NULL && len <= CONFIG_FILE_BYTES_MAX) {
		got = read(fd, text + len, CONFIG_FILE_BYTES_MAX + 1 - len);
		if (got > 0)
			len += (size_t)got;
		else if (got == 0 || errno != EINTR)
			break;
	}
	if (got < 0)
		err_errno(&err, errno, "%s: read %s", origin, path);
	else if (len > CONFIG_FILE_BYTES_MAX)
		err_set(&err, E_LIMIT, "%s: %s is longer than %zu KiB", origin, path,
		    CONFIG_FILE_BYTES_MAX / 1024);
	if (fd >= 0)
		close(fd);
	if (err.text[0] != '\0') {
		complain(reading, "%s", err.text);
		return false;
	}
	*ret_text = (struct slice){text, len};
	return true;
}

/* A line that sets an option; ${origin} is "sluice.conf:3", and ${lines_seen} has the line in which
 * each option stood. */
static void take_setting(struct config_reading *reading, const struct config_line *line,
    const char *origin, size_t lines_seen[CONFIG_ROW_COUNT])
{
	const struct option_row *row = option_find(line->name);
	char *value = arena_copy(&reading->arena, line->value);
	char where[sizeof(reading->problems[0].text)];
	size_t *seen;

	snprintf(where, sizeof(where), "%s: ", origin);
	if (value == NULL) {
		complain(reading, "%sno memory", where);
		return;
	}
	if (row == NULL) {
		complain_unknown(reading, where, "", line->name);
		return;
	}
	seen = &lines_seen[row - option_table];
	if (!option_in_file(row)) {
		complain(reading, "%s%s names a config file, so it cannot stand in one", where,
		    row->name);
	} else if (*seen != 0) {
		complain(reading, "%s%s stands in line %zu already; remove one of the two", where,
		    row->name, *seen);
	} else {
		*seen = line->number;
		snprintf(where, sizeof(where), "%s: %s", origin, row->name);
		take(reading, row, CONFIG_FILE, origin, where, value);
	}
}

static void read_file(struct config_reading *reading, const char *path)
{
	size_t lines_seen[CONFIG_ROW_COUNT] = {0};
	struct config_file file;
	struct config_line line;
	struct slice text;

	if (!slurp(reading, path, &text))
		return;
	config_file_begin(&file, text);
	while (config_file_next(&file, &line)) {
		char *origin = arena_printf(&reading->arena, "%s:%zu", path, line.number);

		if (origin == NULL)
			complain(reading, "%s:%zu: no memory", path, line.number);
		else if (line.problem != NULL)
			complain(reading, "%s: %s", origin, line.problem);
		else
			take_setting(reading, &line, origin, lines_seen);
	}
}

/* --- All of it -------------------------------------------------------------------------------- */

static void require(struct config_reading *reading)
{
	char room[OPTION_TEXT_BYTES];

	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];

		if (row->kind != OPTION_HEADING && reading->origins[i].source == CONFIG_DEFAULT &&
		    option_value(row, &reading->values, room) == NULL)
			complain(reading, "--%s %s must be given: %.*s", row->name, row->value_name,
			    (int)strcspn(row->text, "\n"), row->text);
	}
}

static bool is_loopback(const char *listen)
{
	char host[CONFIG_HOST_BYTES];
	struct in6_addr six;
	struct in_addr four;
	uint16_t port;

	if (!config_split_address(listen, host, &port))
		return true; /* it was complained of already */
	if (inet_pton(AF_INET, host, &four) == 1)
		return (ntohl(four.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* What no option can tell by itself. */
static void check_together(struct config_reading *reading)
{
	const struct config *config = &reading->values;
	bool has_cert = config->tls_cert[0] != '\0', has_key = config->tls_key[0] != '\0';

	if (has_cert != has_key)
		complain(reading, "--tls-cert and --tls-key go together; --%s is missing",
		    has_cert ? "tls-key" : "tls-cert");
	if ((has_cert || has_key) && config->tls_self_signed)
		complain(reading,
		    "--tls-self-signed makes a certificate, and --tls-cert gives one; choose");
	if (!has_cert && !has_key && !config->tls_self_signed && !config->insecure_http &&
	    !is_loopback(config->listen))
		complain(reading,
		    "--listen is \"%s\", which others can reach, and without TLS tokens and data "
		    "would travel in the clear; give --tls-cert and --tls-key, listen on a "
		    "loopback "
		    "address such as 127.0.0.1:8080, or say --insecure-http where something else "
		    "encrypts",
		    config->listen);
}

bool config_read(struct config_reading *reading, int argc, char **argv)
{
	*reading = (struct config_reading){.help_asked = false};
	arena_init(&reading->arena, 4096);
	set_defaults(reading);
	read_flags(reading, argc, argv);
	if (reading->help_asked)
		return false;
	read_environment(reading);
	if (reading->values.config_file[0] != '\0')
		read_file(reading, reading->values.config_file);
	require(reading);
	check_together(reading);
	return reading->problem_count == 0;
}

void config_reading_fini(struct config_reading *reading)
{
	arena_fini(&reading->arena);
}
