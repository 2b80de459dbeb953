/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people read about the options: see manual.h.
 *
 * Help, the config file that is a manual, and the document show the same rows in three shapes, so
 * none of them can say something else than the program does.  script/check-docs holds the document
 * in docs/ against what is printed here.
 */
#include "config/manual.h"

#include "config/config_file.h"
#include "config/option.h"

#include <ctype.h>
#include <string.h>

#define FILE_COLUMNS     100
#define DOCUMENT_COLUMNS 120

/* --- Pieces ----------------------------------------------------------------------------------- */

/* ${text} in lines of at most ${columns}, each with ${prefix} in front.  Bytes are counted for
 * columns: the texts of the table are ASCII. */
static void print_wrapped(FILE *out, const char *prefix, const char *text, size_t columns)
{
	size_t room = columns - strlen(prefix), used = 0;

	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		size_t word = strcspn(text, " ");

		if (used > 0 && used + 1 + word > room) {
			fputc('\n', out);
			used = 0;
		}
		fprintf(out, "%s%.*s", used > 0 ? " " : prefix, (int)word, text);
		used += word + (used > 0);
		text += word;
	}
	fputc('\n', out);
}

/* The line of a row as a sentence, and its paragraph behind it. */
static void print_text(
    FILE *out, const char *prefix, const char *before, const struct option_row *row, size_t columns)
{
	size_t line = strcspn(row->text, "\n");
	char text[2048];

	snprintf(text, sizeof(text), "%s%c%.*s. %s", before, toupper((unsigned char)row->text[0]),
	    (int)(line - 1), row->text + 1, row->text[line] == '\0' ? "" : row->text + line + 1);
	print_wrapped(out, prefix, text, columns);
}

/* The default as text; "" when it is empty, NULL when there is none. */
static const char *initial_value(const struct option_row *row, char room[OPTION_TEXT_BYTES])
{
	struct config config = {0};

	option_set_initial(row, &config);
	return option_value(row, &config, room);
}

/* "name = value", quoted where it must be; returns how long it is. */
static int print_setting(FILE *out, const struct option_row *row, const char *value)
{
	const char quote[] = {config_file_quote(slice_of(value)), '\0'};

	return fprintf(out, "%s = %s%s%s", row->name, quote, value, quote);
}

/* --- Help ------------------------------------------------------------------------------------- */

void manual_print_help(FILE *out)
{
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		char head[OPTION_TEXT_BYTES], environment[OPTION_TEXT_BYTES],
		    expected[OPTION_TEXT_BYTES], room[OPTION_TEXT_BYTES];
		const char *value;

		if (row->kind == OPTION_HEADING) {
			fprintf(out, "%s%s:\n", i == 0 ? "" : "\n", row->name);
			continue;
		}
		snprintf(head, sizeof(head), option_is_switch(row) ? "--%s [%s]" : "--%s %s",
		    row->name, row->value_name);
		option_environment_name(row, environment);
		option_expected(row, expected);
		value = initial_value(row, room);
		fprintf(out, "  %-24s %.*s\n  %-24s ", head, (int)strcspn(row->text, "\n"),
		    row->text, "");
		fprintf(out, "[%s%s; %s; $%s]\n",
		    value == NULL      ? "required"
		    : value[0] == '\0' ? "none"
				       : "default ",
		    value == NULL ? "" : value, expected, environment);
	}
}

/* --- The config file -------------------------------------------------------------------------- */

static void print_file_row(FILE *out, const struct option_row *row)
{
	char expected[OPTION_TEXT_BYTES], room[OPTION_TEXT_BYTES];
	const char *value = initial_value(row, room);

	option_expected(row, expected);
	fputc('\n', out);
	print_text(out, "# ", "", row, FILE_COLUMNS);
	fprintf(out, "# It must be %s%s.\n", expected,
	    value == NULL      ? ", and has no default; this is an example"
	    : value[0] == '\0' ? ", and is none unless it is given; this is an example"
			       : "");
	if (value != NULL && value[0] == '\0')
		fputs("# ", out);
	print_setting(out, row, value == NULL || value[0] == '\0' ? row->example : value);
	fputc('\n', out);
}

void manual_print_file(FILE *out)
{
	fputs("# The configuration of Sluice.  Every option stands here with its default; remove "
	      "what "
	      "you do not\n"
	      "# change.  Start the server with: sluice serve --config FILE\n"
	      "# See what is wrong with this file, or what comes out of it: sluice config check "
	      "--config FILE\n"
	      "#\n"
	      "# A line is \"name = value\" or a comment.  Quotes keep blanks and # in a value: "
	      "data = "
	      "\"/srv/a # b\"\n"
	      "# Flags (--workers 4) and the environment (SLUICE_WORKERS=4) win over what stands "
	      "here.\n",
	    out);
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];

		if (row->kind == OPTION_HEADING)
			fprintf(out, "\n# --- %s ---\n", row->name);
		else if (option_in_file(row))
			print_file_row(out, row);
	}
}

/* --- The document ----------------------------------------------------------------------------- */

static void print_document_head(FILE *out)
{
	fputs("# Configuration\n\n"
	      "<!-- Printed by `sluice config manual`; script/check-docs compares. -->\n\n",
	    out);
	print_wrapped(out, "",
	    "Each option of `sluice serve` can be given as a flag (`--idle-timeout 60`), in the "
	    "environment (`SLUICE_IDLE_TIMEOUT=60`) or in a config file (`idle-timeout = 60`). A "
	    "flag wins over the environment, which wins over the file, which wins over the "
	    "default. A value that is wrong keeps the server from starting, wherever it stands, "
	    "and also when another one wins over it. All mistakes are told at once.",
	    DOCUMENT_COLUMNS);
	fputs(
	    "\n"
	    "```\n"
	    "sluice config print > sluice.conf           # every option with its default, "
	    "explained\n"
	    "sluice config check --config sluice.conf    # what is wrong; or each value and where "
	    "it came from\n"
	    "sluice serve --config sluice.conf\n"
	    "```\n\n",
	    out);
	print_wrapped(out, "",
	    "`config check` takes what `serve` takes, looks at the same environment, and does not "
	    "touch the data directory, so it can run beside a server. It ends with 0, or with 1 "
	    "when something is wrong.",
	    DOCUMENT_COLUMNS);
	fputs("\n## The config file\n\n", out);
	print_wrapped(out, "",
	    "A line is `name = value`, a comment that begins with `#`, or blank. Blanks around "
	    "name "
	    "and value do not count. A value with blanks at its ends or with a `#` stands in "
	    "quotes, double or single; nothing in them is special, and they end on the same line. "
	    "A comment may follow a value, after a blank. Names are the flags', in lower case, "
	    "each at most once. The file is UTF-8 or plain ASCII with lines of at most 1,024 "
	    "bytes, "
	    "256 KiB at most; line ends of Windows and a byte order mark are fine.",
	    DOCUMENT_COLUMNS);
	fputc('\n', out);
	print_wrapped(out, "",
	    "An empty variable is as good as none, and one with `SLUICE_` in front that is not "
	    "below "
	    "is ignored: `SLUICE_TOKEN` and `SLUICE_URL` belong to the client's commands. A flag "
	    "that "
	    "is given twice has its last value. There are no secrets among the options.",
	    DOCUMENT_COLUMNS);
}

/* In a table's cell, "|" would end it. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_document_row(FILE *out, const struct option_row *row)
{
	char environment[OPTION_TEXT_BYTES], expected[OPTION_TEXT_BYTES], room[OPTION_TEXT_BYTES];
	const char *value = initial_value(row, room);

	option_environment_name(row, environment);
	option_expected(row, expected);
	fprintf(out,
	    option_is_switch(row) ? "| %s | `--%s [%s]` | `%s` | " : "| %s | `--%s %s` | `%s` | ",
	    option_in_file(row) ? row->name : "", row->name, row->value_name, environment);
	fprintf(out, "%s | ", value == NULL ? "must be given" : value[0] == '\0' ? "none" : value);
	print_cell(out, expected);
	fputs(" |\n", out);
}

/* The rows between a heading and the next one: ${begin} up to ${end}. */
static void print_document_group(FILE *out, size_t begin, size_t end)
{
	char before[OPTION_TEXT_BYTES];

	fputs("\n| in the file | flag | environment | default | must be |\n|---|---|---|---|---|\n",
	    out);
	for (size_t i = begin; i < end; i++)
		print_document_row(out, &option_table[i]);
	for (size_t i = begin; i < end; i++) {
		snprintf(before, sizeof(before), "**%s**: ", option_table[i].name);
		fputc('\n', out);
		print_text(out, "", before, &option_table[i], DOCUMENT_COLUMNS);
	}
}

void manual_print_document(FILE *out)
{
	print_document_head(out);
	for (size_t i = 0; i < CONFIG_ROW_COUNT;) {
		size_t end = i + 1;

		while (end < CONFIG_ROW_COUNT && option_table[end].kind != OPTION_HEADING)
			end++;
		fprintf(out, "\n## %s\n", option_table[i].name);
		print_document_group(out, i + 1, end);
		i = end;
	}
}

/* --- A reading -------------------------------------------------------------------------------- */

void manual_print_reading(const struct config_reading *reading, FILE *out)
{
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		char room[OPTION_TEXT_BYTES];
		const char *value = option_value(row, &reading->values, room);
		int used;

		if (row->kind == OPTION_HEADING || value[0] == '\0')
			continue;
		/* What comes out is a config file, so the name of one is a comment. */
		used = option_in_file(row) ? 0 : fprintf(out, "# ");
		used += print_setting(out, row, value);
		fprintf(out, "%*s # %s\n", used < 32 ? 32 - used : 0, "", reading->origins[i].name);
	}
}

void manual_print_problems(const struct config_reading *reading, FILE *out)
{
	for (size_t i = 0; i < reading->problem_count && i < CONFIG_PROBLEMS_MAX; i++)
		fprintf(out, "sluice: %s\n", reading->problems[i].text);
	if (reading->problem_count > CONFIG_PROBLEMS_MAX)
		fprintf(
		    out, "sluice: and %zu more\n", reading->problem_count - CONFIG_PROBLEMS_MAX);
}
