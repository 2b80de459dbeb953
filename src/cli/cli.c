/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table, and what all commands have in common: see cli.h.
 *
 * One row a command: its words, arguments, options, a line of text, examples and the function.
 * Parsing, counting, --help, the list for `sluice --help` and the client's options all come from
 * the rows, so that a new command is a row and a function.
 */
#include "cli/cli.h"

#include "cli/command.h"
#include "base/term.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define URL_DEFAULT "http://127.0.0.1:8080"
#define NO_LIMIT    SIZE_MAX

struct option_row {
	const char *name;
	const char *value; /* NULL: it takes none */
	const char *text;
};

static const struct option_row option_rows[OPTION_COUNT] = {
    [OPT_URL] = {"url", "URL", "the server; default $SLUICE_URL, else " URL_DEFAULT},
    [OPT_TOKEN_FILE] = {"token-file", "FILE",
	"holds the token; default: $SLUICE_TOKEN is the token"},
    [OPT_CA_FILE] = {"ca-file", "FILE", "certificates to trust instead of the system's"},
    [OPT_HELP] = {"help", NULL, "this text"},
    [OPT_JSON] = {"json", NULL, "print JSON"},
    [OPT_CSV] = {"csv", NULL, "print CSV with a header row"},
    [OPT_PRIMARY_KEY] = {"primary-key", "FIELD", "the field that tells records apart"},
    [OPT_CATEGORY] = {"category", "CATEGORY", "Profile (default), Engagement or Other"},
    [OPT_RECORD_MODIFIED_FIELD] = {"record-modified-field", "FIELD",
	"a date-time: an older record does not replace a newer one"},
    [OPT_EVENT_TIME_FIELD] = {"event-time-field", "FIELD", "when it happened (Engagement)"},
    [OPT_REFRESH_MODE] = {"refresh-mode", "MODE", "Upsert (default) or Partial"},
    [OPT_DELETE] = {"delete", NULL, "delete the records whose keys the files list (no header row)"},
    [OPT_DRY_RUN] = {"dry-run", NULL, "check all of it as if it were real, and land nothing"},
    [OPT_PART_SIZE] = {"part-size", "BYTES", "of one upload, such as 150MB; default 140MB"},
    [OPT_WAIT] = {"wait", "SECONDS",
	"for the result; 0: do not; default: load as long as it takes, else 0"},
    [OPT_STATE] = {"state", "STATE,...",
	"Open, UploadComplete, InProgress, JobComplete, Failed, Aborted"},
    [OPT_OBJECT] = {"object", "OBJECT", "jobs of this object only"},
    [OPT_SOURCE] = {"source", "CONNECTOR", "jobs of this connector only"},
    [OPT_LIMIT] = {"limit", "N", "so many at most, 1 to 100; default 20"},
    [OPT_OFFSET] = {"offset", "N", "leave out the first N"},
    [OPT_FROM] = {"from", "FILE", "holds the ids, one a line; \"-\" is standard input"},
    [OPT_KEEP_GOING] = {"keep-going", NULL, "leave bad records out instead of stopping there"},
    [OPT_BATCH_RECORDS] = {"batch-records", "N", "in one request at most; default: what fits"},
    [OPT_LINGER_MS] = {"linger-ms", "MS", "a record waits so long for more; default 200"},
    [OPT_RETRY_SECONDS] = {"retry-seconds", "N",
	"try a failed request again for so long; 0: do not; default 60"},
};

#define BIT(option) (UINT32_C(1) << (option))
#define COMMON      (BIT(OPT_URL) | BIT(OPT_TOKEN_FILE) | BIT(OPT_CA_FILE) | BIT(OPT_HELP))

struct command {
	const char *word, *verb; /* ${verb} is NULL for a command of one word */
	const char *arguments;
	size_t arguments_min, arguments_max;
	uint32_t options; /* beside the common ones */
	const char *text;
	const char *details; /* more for --help, or NULL */
	const char *examples;
	command_fn *run;
};

static const struct command commands[] = {
    {"connector", "put", "NAME SCHEMA-FILE", 2, 2, 0,
	"create a connector, or give it a new version of its schema",
	"The schema is an OpenAPI 3.0 document in YAML or JSON; \"-\" is standard input.",
	"  sluice connector put ecomm schema.yaml\n", command_connector_put},
    {"connector", "list", "", 0, 0, BIT(OPT_JSON), "list the connectors", NULL,
	"  sluice connector list\n  sluice connector list --json\n", command_connector_list},
    {"connector", "show", "NAME", 1, 1, BIT(OPT_JSON), "show a connector's objects and fields",
	NULL, "  sluice connector show ecomm\n", command_connector_show},
    {"stream", "put", "CONNECTOR OBJECT", 2, 2,
	BIT(OPT_PRIMARY_KEY) | BIT(OPT_CATEGORY) | BIT(OPT_RECORD_MODIFIED_FIELD) |
	    BIT(OPT_EVENT_TIME_FIELD) | BIT(OPT_REFRESH_MODE),
	"give an object its data stream, so that it takes data", NULL,
	"  sluice stream put ecomm customers --primary-key id --record-modified-field updated_at\n"
	"  sluice stream put ecomm clicks --primary-key id --category Engagement "
	"--event-time-field at\n",
	command_stream_put},
    {"stream", "show", "CONNECTOR OBJECT", 2, 2, BIT(OPT_JSON), "show an object's data stream",
	NULL, "  sluice stream show ecomm customers\n", command_stream_show},
    {"stream", "send", "CONNECTOR OBJECT [FILE]", 2, 3,
	BIT(OPT_DRY_RUN) | BIT(OPT_KEEP_GOING) | BIT(OPT_BATCH_RECORDS) | BIT(OPT_LINGER_MS) |
	    BIT(OPT_RETRY_SECONDS) | BIT(OPT_WAIT) | BIT(OPT_JSON),
	"send records, a JSON object a line",
	"Without FILE, or with \"-\", it reads standard input, and sends what a slow pipe has "
	"brought\n"
	"every --linger-ms. Records go in the order of their lines, in requests of up to 204,800\n"
	"bytes. Blank lines are skipped.\n"
	"A request that fails for the moment (429, 503, a lost connection) is sent again; that is\n"
	"harmless, as a record replaces the one with its key.\n"
	"It stops at the first bad record, and all before it is accepted: mend the line and go on\n"
	"from there. With --keep-going, and with --dry-run, bad records are told and left out.\n"
	"--wait waits until all of it can be queried. Ctrl-C sends what was read, and ends.\n"
	"Exit status: 0 all records accepted (or would be), 1 wrong usage or an error, 3 some "
	"records\n"
	"were left out, 130 interrupted.",
	"  sluice stream send ecomm orders orders.ndjson\n"
	"  tail -f -n +1 app.ndjson | sluice stream send ecomm clicks\n"
	"  sluice stream send ecomm orders orders.ndjson --dry-run\n"
	"  tail -n +1017 orders.ndjson | sluice stream send ecomm orders --keep-going --wait 60\n",
	command_stream_send},
    {"stream", "delete", "CONNECTOR OBJECT [ID...]", 2, NO_LIMIT,
	BIT(OPT_FROM) | BIT(OPT_BATCH_RECORDS) | BIT(OPT_LINGER_MS) | BIT(OPT_RETRY_SECONDS) |
	    BIT(OPT_WAIT) | BIT(OPT_JSON),
	"delete the records with these keys",
	"The ids are arguments, or come from --from, one a line; they go in requests of up to "
	"200.\n"
	"An id that is not there is no failure. Otherwise it is as `sluice stream send`.",
	"  sluice stream delete ecomm orders 1017 1018\n"
	"  sluice stream delete ecomm orders --from cancelled-ids.txt --wait 60\n",
	command_stream_delete},
    {"load", NULL, "CONNECTOR OBJECT FILE...", 3, NO_LIMIT,
	BIT(OPT_DELETE) | BIT(OPT_DRY_RUN) | BIT(OPT_PART_SIZE) | BIT(OPT_WAIT),
	"load CSV files, or delete what they list, as one job",
	"Files are cut into parts between records; \"-\" is standard input.\n"
	"Ctrl-C aborts the job.\n"
	"Exit status: 0 all records landed (or would; or --wait 0), 1 wrong usage or an error, 2 "
	"the job\n"
	"is Failed or Aborted, 3 it is complete but some records failed, 130 interrupted.",
	"  sluice load ecomm orders orders.csv\n"
	"  zcat orders-*.csv.gz | sluice load ecomm orders - --part-size 50MB\n"
	"  sluice load ecomm orders cancelled-ids.csv --delete\n"
	"  sluice load ecomm orders orders.csv --dry-run\n",
	command_load},
    {"jobs", "list", "", 0, 0,
	BIT(OPT_STATE) | BIT(OPT_OBJECT) | BIT(OPT_SOURCE) | BIT(OPT_LIMIT) | BIT(OPT_OFFSET) |
	    BIT(OPT_JSON),
	"list jobs, the last changed one first", NULL,
	"  sluice jobs list\n  sluice jobs list --state Open,InProgress --object orders\n",
	command_jobs_list},
    {"jobs", "show", "ID", 1, 1, BIT(OPT_JSON), "show a job", NULL,
	"  sluice jobs show 4d5a4477-e27f-4bc1-a219-31e79407eade\n", command_jobs_show},
    {"jobs", "close", "ID", 1, 1, 0, "close an open job, so that it is processed", NULL,
	"  sluice jobs close 4d5a4477-e27f-4bc1-a219-31e79407eade\n", command_jobs_close},
    {"jobs", "abort", "ID", 1, 1, 0, "abort a job and drop what was uploaded", NULL,
	"  sluice jobs abort 4d5a4477-e27f-4bc1-a219-31e79407eade\n", command_jobs_abort},
    {"jobs", "delete", "ID", 1, 1, 0, "forget a job; the records that it landed stay", NULL,
	"  sluice jobs delete 4d5a4477-e27f-4bc1-a219-31e79407eade\n", command_jobs_delete},
    {"jobs", "failed", "ID", 1, 1, 0, "print a job's failed records as CSV", NULL,
	"  sluice jobs failed 4d5a4477-e27f-4bc1-a219-31e79407eade >failed.csv\n",
	command_jobs_failed},
    {"query", NULL, "SQL", 1, 1, BIT(OPT_CSV) | BIT(OPT_JSON), "run a query; \"-\" reads it",
	"Tables are CONNECTOR.OBJECT, or CONNECTOR_OBJECT__dll as the hosted service names them.\n"
	"Rows are printed as they come, however many there are. A table's columns are as wide as\n"
	"the first batch of rows needs; a wider cell that comes later is printed whole.\n"
	"The exit status is 0 only when all rows were printed.",
	"  sluice query 'SELECT count(*) FROM ecomm.orders'\n"
	"  sluice query --csv - <report.sql >report.csv\n"
	"  sluice query 'SELECT * FROM ecomm.orders' | head\n",
	command_query},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* --- Help ------------------------------------------------------------------------------------- */

static void print_list(FILE *out, const char *word)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *c = &commands[i];
		char left[64];

		if (word != NULL && strcmp(c->word, word) != 0)
			continue;
		snprintf(left, sizeof(left), "%s%s%s %s", c->word, c->verb == NULL ? "" : " ",
		    c->verb == NULL ? "" : c->verb, c->arguments);
		fprintf(out, "  %-32s  %s\n", left, c->text);
	}
}

void cli_usage(FILE *out)
{
	print_list(out, NULL);
}

static void print_options(FILE *out, uint32_t mask)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		char left[64];

		if ((mask & BIT(i)) == 0)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", row->name, row->value == NULL ? "" : " ",
		    row->value == NULL ? "" : row->value);
		fprintf(out, "  %-30s  %s\n", left, row->text);
	}
}

static void print_help(const struct command *c)
{
	printf("usage: sluice %s%s%s %s%s[OPTION]...\n\n%s\n", c->word, c->verb == NULL ? "" : " ",
	    c->verb == NULL ? "" : c->verb, c->arguments, *c->arguments == '\0' ? "" : " ",
	    c->text);
	if (c->details != NULL)
		printf("\n%s\n", c->details);
	printf("\nOptions:\n");
	print_options(stdout, c->options);
	print_options(stdout, COMMON);
	printf("\nExamples:\n%s", c->examples);
}

/* --- Parsing ---------------------------------------------------------------------------------- */

static const struct command *find_command(const char *word, const char *verb)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->word, word) != 0)
			continue;
		if (c->verb == NULL || (verb != NULL && strcmp(c->verb, verb) == 0))
			return c;
	}
	return NULL;
}

bool cli_has(const char *word)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].word, word) == 0)
			return true;
	}
	return false;
}

/* getopt's table out of ours: its ${val} is the option's number past any character's. */
#define OPTION_BASE 256

static void make_getopt_table(uint32_t mask, struct option table[OPTION_COUNT + 1])
{
	size_t count = 0;

	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];

		if ((mask & BIT(i)) == 0)
			continue;
		table[count++] = (struct option){
		    .name = row->name,
		    .has_arg = row->value == NULL ? no_argument : required_argument,
		    .val = OPTION_BASE + i,
		};
	}
	table[count] = (struct option){0};
}

static enum status parse_options(
    const struct command *command, int argc, char **argv, struct invocation *in, struct err *err)
{
	struct option table[OPTION_COUNT + 1];
	int found;

	make_getopt_table(COMMON | command->options, table);
	opterr = 0; /* we say it ourselves */
	optind = 0; /* begin anew, also for glibc's permutation */
	while ((found = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		const char *given = argv[optind - 1];

		if (found == ':')
			return err_set(err, E_INVALID, "%s needs a value", given);
		if (found == '?' && optopt >= OPTION_BASE)
			return err_set(err, E_INVALID, "--%s takes no value",
			    option_rows[optopt - OPTION_BASE].name);
		if (found == '?' && optopt != 0)
			return err_set(err, E_INVALID, "unknown option -%c", optopt);
		if (found == '?')
			return err_set(err, E_INVALID, "unknown option %s", given);
		in->options[found - OPTION_BASE] = optarg == NULL ? "" : optarg;
	}
	in->args = (const char *const *)argv + optind;
	in->arg_count = (size_t)(argc - optind);
	return OK;
}

static enum status check_arguments(
    const struct command *command, const struct invocation *in, struct err *err)
{
	if (in->arg_count < command->arguments_min || in->arg_count > command->arguments_max)
		return err_set(err, E_INVALID, "%s arguments: %s expected",
		    in->arg_count < command->arguments_min ? "too few" : "too many",
		    *command->arguments == '\0' ? "none is" : command->arguments);
	for (size_t i = 0; i < in->arg_count; i++) {
		/* An empty name would vanish from a path and name another resource. */
		if (in->args[i][0] == '\0')
			return err_set(err, E_INVALID, "an argument is empty: %s expected",
			    command->arguments);
	}
	return OK;
}

/* --- Running ---------------------------------------------------------------------------------- */

/* A text of several lines, such as the database's complaint with its caret, keeps them. */
static void print_lines(const char *indent, struct slice text)
{
	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t length = end == NULL ? text.len : (size_t)(end - text.ptr);

		fputs(indent, stderr);
		term_put(stderr, (struct slice){text.ptr, length});
		fputc('\n', stderr);
		text = slice_skip(text, end == NULL ? length : length + 1);
	}
}

/* Standard output first, so that the two do not come out in the wrong order. */
static void print_failure(const struct invocation *in, const struct err *err)
{
	fflush(stdout);
	fputs("sluice: ", stderr);
	print_lines("", slice_of(err->text));
	if (in->client != NULL)
		print_lines("  ", client_problems(in->client));
}

static enum status connect_client(struct invocation *in, struct err *err)
{
	const char *url = in->options[OPT_URL];
	struct client_options options = {
	    .token = getenv("SLUICE_TOKEN"),
	    .token_file = in->options[OPT_TOKEN_FILE],
	    .ca_file = in->options[OPT_CA_FILE],
	};

	if (url == NULL)
		url = getenv("SLUICE_URL");
	options.url = url == NULL || *url == '\0' ? URL_DEFAULT : url;
	return client_create(&options, &in->client, err);
}

/* A full disk or a closed pipe behind standard output shows only here. */
static enum status flush_output(struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errno(err, errno, "standard output");
	return OK;
}

static int run(const struct command *command, struct invocation *in)
{
	struct err err = {""};
	enum status st = connect_client(in, &err);

	if (st == OK)
		st = command->run(in, &err);
	if (st == OK)
		st = flush_output(&err);
	if (st != OK) {
		print_failure(in, &err);
		if (in->exit_status == 0)
			in->exit_status = EXIT_FAILURE;
	}
	client_destroy(&in->client);
	return in->exit_status;
}

/* Not a command of ours: what would be one? */
static int explain_words(const char *word, const char *verb)
{
	bool wants_help = verb != NULL && strcmp(verb, "--help") == 0;
	FILE *out = wants_help ? stdout : stderr;

	if (!cli_has(word)) {
		fprintf(out, "sluice: there is no command \"%s\"\n", word);
		cli_usage(out);
	} else {
		if (verb != NULL && !wants_help)
			fprintf(out, "sluice: there is no command \"%s %s\"\n", word, verb);
		print_list(out, word);
		fprintf(out, "Each has a --help with its options and examples.\n");
	}
	return wants_help ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_main(int argc, char **argv)
{
	struct invocation in = {0};
	struct err err = {""};
	const struct command *command;
	enum status st;

	assert(argc >= 1);
	/* Who reads our output has had enough, as in `| head`: that ends us without a word, also where
	 * whoever started us ignores the signal. */
	signal(SIGPIPE, SIG_DFL);
	term_start();
	command = find_command(argv[0], argc > 1 ? argv[1] : NULL);
	if (command == NULL)
		return explain_words(argv[0], argc > 1 ? argv[1] : NULL);
	/* getopt takes the last word of the command for the program's name. */
	if (command->verb != NULL) {
		argc--;
		argv++;
	}
	st = parse_options(command, argc, argv, &in, &err);
	if (st == OK && in.options[OPT_HELP] != NULL) {
		print_help(command);
		return EXIT_SUCCESS;
	}
	if (st == OK)
		st = check_arguments(command, &in, &err);
	if (st == OK)
		return run(command, &in);
	print_failure(&in, &err);
	fprintf(stderr, "Try: sluice %s%s%s --help\n", command->word,
	    command->verb == NULL ? "" : " ", command->verb == NULL ? "" : command->verb);
	return EXIT_FAILURE;
}

/* --- What several commands need --------------------------------------------------------------- */

enum status command_get(
    struct invocation *in, const char *path, json_t **ret_answer, struct err *err)
{
	struct client_request request = {.method = "GET", .path = path};
	struct slice body;
	enum status st;

	if (in->options[OPT_JSON] == NULL)
		return client_send_json(in->client, &request, ret_answer, err);
	st = client_send(in->client, &request, &body, err);
	if (st != OK)
		return st;
	fwrite(body.len == 0 ? "" : body.ptr, 1, body.len, stdout);
	if (body.len == 0 || body.ptr[body.len - 1] != '\n')
		putchar('\n');
	*ret_answer = NULL;
	return OK;
}

enum status command_read_text(const char *name, struct buffer *text, struct err *err)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(name, "re");
	char piece[4096];
	size_t count;
	enum status st = OK;

	if (file == NULL)
		return err_errno(err, errno, "%s", name);
	while ((count = fread(piece, 1, sizeof(piece), file)) > 0)
		buffer_put(text, (struct slice){piece, count});
	if (ferror(file))
		st = err_errno(err, errno, "%s", name);
	else if (text->failed)
		st = err_set(err, E_LIMIT, "%s: longer than %zu bytes", name, text->bytes_max);
	if (!is_stdin)
		fclose(file);
	return st;
}
