/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice load`: files in, one job through its whole life, the outcome told.
 *
 *	open and plan all files -> create the job -> upload part by part -> close -> wait -> report
 *
 * Whatever can be found wrong without the server is found before there is a job.  After that a
 * failure, or Ctrl-C, aborts the job, so that none is left open; once it is closed only Ctrl-C
 * does, for the job is complete in itself and a lost connection is no reason to throw it away.
 *
 * A part is tried again after a failure of the network or the server.  Its answer may have been
 * what got lost; then it was stored already, and the Idempotency-Key keeps a server that knows the
 * header from storing it twice.  One that does not, stores it twice, which is harmless: of two rows
 * with one key the last wins, and to delete twice is to delete.  Creating the job is not tried
 * again, as that could leave an open one behind.
 */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/reply.h"
#include "cli/source.h"
#include "base/term.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PART_BYTES_DEFAULT UINT64_C(140000000)
/* What the server takes: 150 MiB. */
#define PART_BYTES_MAX UINT64_C(157286400)
#define RETRY_COUNT    3
/* The server may ask for a longer pause, up to this. */
#define PAUSE_S_MAX    60u
#define FAILURES_SHOWN 10
#define PATH_BYTES_MAX (64u << 10)
#define BODY_BYTES_MAX (1u << 20)
/* The longest ?wait= there is, and a short one that keeps a progress bar moving. */
#define WAIT_S_MAX    60
#define WAIT_S_MOVING 1
#define WAIT_FOREVER  INT64_MAX
/* A wait that ends sooner was none. */
#define POLL_US_MIN 200000

struct load {
	struct invocation *in;
	struct client *client;
	uint64_t part_bytes_max;
	int64_t wait_s;

	struct source **sources;
	size_t source_count;
	uint64_t bytes_all; /* to send; 0: not known, as there is a stream */
	uint64_t bytes_sent;
	struct progress progress;
	char label[64];

	char *job_id; /* NULL: there is no job */
	bool is_dry;  /* the server says that it lands nothing */
	struct buffer path;
	bool closed;

	/* The part that is being sent, and where the sent ones came from. */
	const struct source *source;
	struct split_part part;
	struct {
		const struct source *source;
		struct split_part part;
	} sent[SOURCE_PARTS_MAX];
	size_t sent_count;
	int64_t failures_left;
};

/* --- Options ---------------------------------------------------------------------------------- */

/* "150MB", "64KiB", "1000000". */
static bool parse_size(const char *text, uint64_t *ret_bytes)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
	    {"", 1},
	    {"B", 1},
	    {"K", 1000},
	    {"KB", 1000},
	    {"M", 1000000},
	    {"MB", 1000000},
	    {"KiB", 1u << 10},
	    {"MiB", 1u << 20},
	};
	uint64_t number = 0;
	const char *p = text;

	for (; isdigit((unsigned char)*p); p++) {
		if (number > PART_BYTES_MAX)
			return false;
		number = number * 10 + (uint64_t)(*p - '0');
	}
	for (size_t i = 0; p > text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(p, units[i].name) != 0)
			continue;
		*ret_bytes = number * units[i].bytes;
		return true;
	}
	return false;
}

static enum status read_options(struct load *load, struct err *err)
{
	const char *size = load->in->options[OPT_PART_SIZE];
	const char *wait = load->in->options[OPT_WAIT];
	char *end;

	load->part_bytes_max = PART_BYTES_DEFAULT;
	if (size != NULL && (!parse_size(size, &load->part_bytes_max) ||
				load->part_bytes_max == 0 || load->part_bytes_max > PART_BYTES_MAX))
		return err_set(err, E_INVALID,
		    "--part-size %s: a size such as 150MB is expected, at most %" PRIu64 " bytes",
		    size, PART_BYTES_MAX);
	load->wait_s = WAIT_FOREVER;
	if (wait == NULL)
		return OK;
	load->wait_s = strtol(wait, &end, 10);
	if (!isdigit((unsigned char)*wait) || *end != '\0' || load->wait_s > INT_MAX)
		return err_set(err, E_INVALID, "--wait %s: a number of seconds is expected", wait);
	return OK;
}

/* --- Files ------------------------------------------------------------------------------------ */

static enum status open_sources(struct load *load, struct err *err)
{
	const struct source_options options = {
	    .part_bytes_max = load->part_bytes_max,
	    .has_header = load->in->options[OPT_DELETE] == NULL,
	    .cancelled = &interrupt_asked,
	};
	const char *const *names = load->in->args + 2;
	size_t count = load->in->arg_count - 2;
	enum status st;

	/* Each file is a part at least, but for empty ones, which nobody has so many of. */
	if (count > SOURCE_PARTS_MAX)
		return err_set(err, E_LIMIT,
		    "%zu files: a job takes at most %d parts, and a file is one or more", count,
		    SOURCE_PARTS_MAX);
	load->sources = calloc(count, sizeof(struct source *));
	if (load->sources == NULL)
		return err_set(err, E_NOMEM, "no memory");
	for (size_t i = 0; i < count; i++) {
		st = source_open(names[i], &options, &load->sources[i], err);
		if (st != OK)
			return st;
		load->source_count++;
	}
	return OK;
}

static enum status too_many_parts(const struct load *load, uint64_t parts, struct err *err)
{
	return err_set(err, E_LIMIT,
	    "the files make %s%" PRIu64 " parts of %" PRIu64 " bytes; a job takes at most %d: "
	    "use a larger --part-size (at most 150MiB), or load them as several jobs",
	    parts == 0 ? "more than " : "", parts == 0 ? SOURCE_PARTS_MAX : parts,
	    load->part_bytes_max, SOURCE_PARTS_MAX);
}

/* Cut all plain files, so that bad ones are known before there is a job.  First what their sizes
 * tell alone: reading 20 GB only to refuse them would be rude. */
static enum status plan_sources(struct load *load, struct err *err)
{
	uint64_t parts = 0, bytes = 0;
	bool has_stream = false;
	enum status st;

	for (size_t i = 0; i < load->source_count; i++)
		parts += (source_bytes(load->sources[i]) + load->part_bytes_max - 1) /
			 load->part_bytes_max;
	if (parts > SOURCE_PARTS_MAX)
		return too_many_parts(load, 0, err);
	parts = 0;
	for (size_t i = 0; i < load->source_count; i++) {
		struct source *source = load->sources[i];

		if (source_is_stream(source)) {
			has_stream = true;
			continue;
		}
		progress_bytes(&load->progress, "reading", bytes, 0);
		st = source_plan(source, err);
		if (st != OK)
			return st;
		parts += source_part_count(source);
		bytes += source_sent_bytes(source);
	}
	load->bytes_all = has_stream ? 0 : bytes;
	return parts > SOURCE_PARTS_MAX ? too_many_parts(load, parts, err) : OK;
}

/* --- Requests --------------------------------------------------------------------------------- */

static const char *job_path(struct load *load, const char *rest)
{
	buffer_reset(&load->path);
	client_path(&load->path, "/api/v1/ingest/jobs/{}", load->job_id);
	buffer_put_text(&load->path, rest);
	buffer_put_char(&load->path, '\0');
	/* Without memory: a path that no server has, so that the request fails. */
	return load->path.failed ? "/-" : load->path.ptr;
}

/* Sleep, but not through Ctrl-C. */
static void pause_s(unsigned seconds)
{
	struct timespec left = {.tv_sec = seconds};

	while (!interrupt_asked && nanosleep(&left, &left) != 0)
		;
}

/* Send, and again after a failure that may pass.  ${ret_answer} may be NULL. */
static enum status send_stubbornly(
    struct load *load, const struct client_request *request, json_t **ret_answer, struct err *err)
{
	unsigned seconds = 1, asked;
	enum status st;

	for (int tried = 0;; tried++, seconds *= 2) {
		if (ret_answer != NULL)
			st = client_send_json(load->client, request, ret_answer, err);
		else
			st = client_send(load->client, request, NULL, err);
		if ((st != E_IO && st != E_BUSY) || tried == RETRY_COUNT)
			return st;
		asked = client_retry_after_s(load->client);
		if (asked > seconds)
			seconds = asked < PAUSE_S_MAX ? asked : PAUSE_S_MAX;
		progress_clear(&load->progress);
		fputs("sluice: ", stderr);
		term_put(stderr, slice_of(err->text));
		fprintf(stderr, "; trying again in %u s\n", seconds);
		pause_s(seconds);
		if (interrupt_asked)
			return err_set(err, E_CANCELLED, "interrupted");
	}
}

static enum status create_job(struct load *load, struct err *err)
{
	struct client_request request = {
	    .method = "POST", .path = "/api/v1/ingest/jobs", .content_type = "application/json"};
	bool is_delete = load->in->options[OPT_DELETE] != NULL;
	struct json_writer w;
	struct buffer body;
	json_t *job = NULL;
	enum status st;

	buffer_init(&body, BODY_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "object");
	json_write_text(&w, load->in->args[1]);
	json_write_key(&w, "sourceName");
	json_write_text(&w, load->in->args[0]);
	json_write_key(&w, "operation");
	json_write_text(&w, is_delete ? "delete" : "upsert");
	/* Only where it is asked for: the hosted service does not know it. */
	if (load->in->options[OPT_DRY_RUN] != NULL) {
		json_write_key(&w, "validateOnly");
		json_write_bool(&w, true);
	}
	json_write_end(&w);
	request.body = buffer_slice(&body);
	st = body.failed ? err_set(err, E_NOMEM, "no memory")
			 : client_send_json(load->client, &request, &job, err);
	if (st == OK && *reply_text(job, "id") == '\0')
		st = err_set(err, E_INVALID, "the server's answer names no job");
	if (st == OK) {
		load->is_dry = json_is_true(json_object_get(job, "validateOnly"));
		load->job_id = strdup(reply_text(job, "id"));
		if (load->job_id == NULL)
			st = err_set(err, E_NOMEM, "no memory");
	}
	json_decref(job);
	buffer_fini(&body);
	return st;
}

/* --- Uploading -------------------------------------------------------------------------------- */

static enum status read_part(
    void *ctx, uint64_t offset, char *ret_bytes, size_t room, size_t *ret_count, struct err *err)
{
	const struct load *load = ctx;

	return source_read(load->source, &load->part, offset, ret_bytes, room, ret_count, err);
}

static void show_sent(void *ctx, uint64_t bytes)
{
	struct load *load = ctx;

	progress_bytes(&load->progress, load->label, load->bytes_sent + bytes, load->bytes_all);
}

static enum status upload_part(struct load *load, struct err *err)
{
	char key[128];
	struct client_request request = {
	    .method = "PUT",
	    .path = job_path(load, "/batches"),
	    .content_type = "text/csv",
	    .idempotency_key = key,
	    .read = read_part,
	    .read_bytes = source_part_bytes(&load->part),
	    .sent = show_sent,
	    .ctx = load,
	};
	enum status st;

	snprintf(key, sizeof(key), "%.64s-%zu", load->job_id, load->sent_count + 1);
	snprintf(load->label, sizeof(load->label), "part %zu", load->sent_count + 1);
	st = send_stubbornly(load, &request, NULL, err);
	if (st != OK) {
		if (st != E_CANCELLED)
			err_add(
			    err, "%s: part %zu", source_name(load->source), load->sent_count + 1);
		return st;
	}
	load->sent[load->sent_count].source = load->source;
	load->sent[load->sent_count].part = load->part;
	load->sent_count++;
	load->bytes_sent += request.read_bytes;
	return OK;
}

static enum status upload_source(struct load *load, struct source *source, struct err *err)
{
	bool more = true;
	enum status st;

	load->source = source;
	for (;;) {
		st = source_next(source, &load->part, &more, err);
		if (st != OK || !more)
			return st;
		/* Files were counted; streams can be too long only now. */
		if (load->sent_count == SOURCE_PARTS_MAX)
			return too_many_parts(load, 0, err);
		st = upload_part(load, err);
		if (st != OK)
			return st;
	}
}

static enum status upload_all(struct load *load, struct err *err)
{
	enum status st = OK;

	progress_restart(&load->progress);
	for (size_t i = 0; st == OK && i < load->source_count; i++)
		st = upload_source(load, load->sources[i], err);
	return st;
}

/* --- The end of a job ------------------------------------------------------------------------- */

static enum status close_job(struct load *load, struct err *err)
{
	struct client_request request = {
	    .method = "PATCH",
	    .path = job_path(load, ""),
	    .content_type = "application/json",
	    .body = SLICE("{\"state\":\"UploadComplete\"}"),
	};
	enum status st = send_stubbornly(load, &request, NULL, err);

	if (st == OK)
		load->closed = true;
	return st;
}

static bool is_final(const json_t *job)
{
	const char *state = reply_text(job, "state");

	return strcmp(state, "JobComplete") == 0 || strcmp(state, "Failed") == 0 ||
	       strcmp(state, "Aborted") == 0;
}

/* Read the job until it is at its end or the time is over; ${ret_job} is the last that was read. */
static enum status wait_for_job(struct load *load, json_t **ret_job, struct err *err)
{
	int64_t start = clock_mono_us(), left, step, asked;
	struct client_request request = {.method = "GET"};
	char query[32];
	json_t *job = NULL;
	enum status st;

	do {
		json_decref(job);
		job = NULL;
		left = load->wait_s == WAIT_FOREVER
			   ? WAIT_FOREVER
			   : load->wait_s - (clock_mono_us() - start) / 1000000;
		step = load->progress.active ? WAIT_S_MOVING : WAIT_S_MAX;
		step = left < 0 ? 0 : left < step ? left : step;
		snprintf(query, sizeof(query), "?wait=%" PRId64, step);
		request.path = job_path(load, query);
		asked = clock_mono_us();
		st = send_stubbornly(load, &request, &job, err);
		if (st != OK)
			return st;
		/* A server that does not know ?wait= answers at once; it is not to be hammered. */
		if (!is_final(job) && left > 0 && clock_mono_us() - asked < POLL_US_MIN)
			pause_s(1);
		if (interrupt_asked) {
			json_decref(job);
			return err_set(err, E_CANCELLED, "interrupted");
		}
		progress_share(&load->progress, reply_text(job, "state"),
		    json_number_value(json_object_get(job, "progress")));
	} while (!is_final(job) && left > 0);
	*ret_job = job;
	return OK;
}

/* "aborted" or why not, for the end of a message.  Ctrl-C does not stop this one. */
static void abort_job(struct load *load, char *ret_outcome, size_t room)
{
	struct client_request request = {
	    .method = "PATCH",
	    .path = job_path(load, ""),
	    .content_type = "application/json",
	    .body = SLICE("{\"state\":\"Aborted\"}"),
	};
	struct err why = {""};
	enum status st;

	client_set_cancel(load->client, NULL);
	st = client_send(load->client, &request, NULL, &why);
	if (st == OK)
		snprintf(ret_outcome, room, "job %s was aborted; nothing was loaded", load->job_id);
	else if (st == E_CONFLICT && load->closed)
		snprintf(ret_outcome, room,
		    "job %s is being processed already and goes on: sluice jobs show %s",
		    load->job_id, load->job_id);
	else
		snprintf(ret_outcome, room,
		    "job %s could not be aborted (%.200s): sluice jobs abort %s", load->job_id,
		    why.text, load->job_id);
}

/* Tell why it ended, after what was still to be done about the job.  Returns ${st}. */
static enum status give_up(struct load *load, enum status st, struct err *err)
{
	struct err why = *err;
	char outcome[512] = "";

	progress_clear(&load->progress);
	if (st == E_CANCELLED)
		load->in->exit_status = EXIT_INTERRUPTED;
	if (load->job_id == NULL)
		return st;
	if (!load->closed || st == E_CANCELLED)
		abort_job(load, outcome, sizeof(outcome));
	else
		snprintf(outcome, sizeof(outcome),
		    "job %s is closed and goes on: sluice jobs show %s", load->job_id,
		    load->job_id);
	return err_set(err, st, "%.500s; %s", why.text, outcome);
}

/* --- The report ------------------------------------------------------------------------------- */

/* A line of a part is a line of the file that it was cut from: that is where a person looks. */
static void print_failure(void *ctx, const struct failure *failure)
{
	struct load *load = ctx;
	const struct split_part *part;
	uint64_t line = failure->line;

	load->failures_left--;
	if (failure->part < 1 || failure->part > load->sent_count) {
		printf("  part %" PRIu64 ", line %" PRIu64 ": ", failure->part, line);
	} else {
		part = &load->sent[failure->part - 1].part;
		if (line > part->header_lines)
			line = part->line + (line - part->header_lines - 1);
		printf(
		    "  %s:%" PRIu64 ": ", source_name(load->sent[failure->part - 1].source), line);
	}
	term_put(stdout, failure->reason);
	putchar('\n');
}

static void print_failures(struct load *load, int64_t failed)
{
	char count[TERM_COUNT_BYTES];
	struct err why = {""};

	if (failed <= 0)
		return;
	load->failures_left = failed;
	printf("%s:\n", failed > FAILURES_SHOWN ? "first failures" : "failures");
	fflush(stdout);
	if (failures_read(load->client, load->job_id, FAILURES_SHOWN, print_failure, load, &why) !=
	    OK) {
		fputs("sluice: the failed records cannot be read: ", stderr);
		term_put(stderr, slice_of(why.text));
		fputc('\n', stderr);
		return;
	}
	if (load->failures_left > 0)
		printf("  and %s more: sluice jobs failed %s\n",
		    term_count(count, load->failures_left), load->job_id);
}

static void print_counts(const json_t *job)
{
	int64_t read = reply_int(job, "numberRecordsProcessed");
	int64_t failed = reply_int(job, "numberRecordsFailed");
	char text[TERM_COUNT_BYTES];

	/* Nothing of a job lands unless all of it is through. */
	bool landed = strcmp(reply_text(job, "state"), "JobComplete") == 0;
	bool dry = json_is_true(json_object_get(job, "validateOnly"));

	printf("%s records read", term_count(text, read));
	printf(
	    ", %s %s", term_count(text, landed ? read - failed : 0), dry ? "would land" : "landed");
	printf(", %s failed", term_count(text, failed));
	printf(", in %.1f s\n", (double)reply_int(job, "processingMilliseconds") / 1000);
}

/* The outcome in words and in the exit status. */
static enum status report(struct load *load, const json_t *job, struct err *err)
{
	const char *state = reply_text(job, "state");
	int64_t failed = reply_int(job, "numberRecordsFailed");

	progress_clear(&load->progress);
	printf("job %s is %s\n", load->job_id, state);
	if (!is_final(job)) {
		if (load->wait_s == 0)
			return OK;
		return err_set(err, E_TIMEOUT,
		    "it is not done after %" PRId64 " s; it goes on: sluice jobs show %s",
		    load->wait_s, load->job_id);
	}
	if (strcmp(state, "Aborted") != 0) {
		print_counts(job);
		print_failures(load, failed);
	}
	if (strcmp(state, "JobComplete") != 0) {
		load->in->exit_status = EXIT_JOB_FAILED;
		return err_set(err, E_INVALID, "job %s is %s%s%.800s", load->job_id, state,
		    *reply_text(job, "errorMessage") == '\0' ? "" : ": ",
		    reply_text(job, "errorMessage"));
	}
	if (failed > 0)
		load->in->exit_status = EXIT_RECORDS_FAILED;
	return OK;
}

/* --- The command ------------------------------------------------------------------------------ */

static enum status run_job(struct load *load, json_t **ret_job, struct err *err)
{
	enum status st;

	st = create_job(load, err);
	if (st != OK)
		return st;
	/* A server that does not know the dry run would land the records. */
	if (load->in->options[OPT_DRY_RUN] != NULL && !load->is_dry)
		return err_set(err, E_INVALID,
		    "the server knows no dry run (its job has no \"validateOnly\"), so nothing was "
		    "sent");
	/* Not before: a job whose creation is cut off could not be aborted. */
	client_set_cancel(load->client, &interrupt_asked);
	st = upload_all(load, err);
	if (st == OK)
		st = close_job(load, err);
	if (st == OK)
		st = wait_for_job(load, ret_job, err);
	return st;
}

static void load_fini(struct load *load)
{
	for (size_t i = 0; i < load->source_count; i++)
		source_close(&load->sources[i]);
	free(load->sources);
	free(load->job_id);
	buffer_fini(&load->path);
}

enum status command_load(struct invocation *in, struct err *err)
{
	struct load load = {.in = in, .client = in->client};
	json_t *job = NULL;
	enum status st;

	buffer_init(&load.path, PATH_BYTES_MAX);
	progress_init(&load.progress);
	interrupt_catch(0);
	st = read_options(&load, err);
	if (st == OK)
		st = open_sources(&load, err);
	if (st == OK)
		st = plan_sources(&load, err);
	if (st == OK)
		st = run_job(&load, &job, err);
	if (st == OK)
		st = report(&load, job, err);
	else
		st = give_up(&load, st, err);
	json_decref(job);
	load_fini(&load);
	return st;
}
