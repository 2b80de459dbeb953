/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice stream send` and `sluice stream delete`: lines in, streaming requests out.
 *
 *	a line -> checked -> packed -> sent when the body is full, or no line came for a while -> told
 *
 * One request is under way at a time, so that records take effect in the order of their lines; what
 * comes meanwhile waits in the pipe and makes the next body a bigger one.  A failure that may pass
 * is tried again with the same body.  Its answer may have been what got lost; then the records are
 * written twice, which is harmless: a key's record replaces itself.  (Of two writers of one key
 * either may come last anyway; a record modified field settles that, here as everywhere.)
 *
 * It stops at the first bad line, and what was before that line is always sent: so "go on with line
 * 17" is true whoever found line 17 bad, this program or the server.  With --keep-going, and in a
 * dry run, bad lines are told and left out, and the others of a refused body are sent again.
 */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/lines.h"
#include "cli/pack.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "cli/refusal.h"
#include "cli/reply.h"
#include "cli/retry.h"
#include "base/term.h"
#include "cli/visible.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What the server takes in one request. */
#define BODY_BYTES_MAX 204800
#define IDS_MAX        200

#define LINGER_MS_DEFAULT 200
#define RETRY_S_DEFAULT   60
#define DAY_S             86400
/* Ctrl-C: what was read is still sent, for so long. */
#define GRACE_S        5
#define FAILURES_SHOWN 10
#define PATH_BYTES_MAX (64u << 10)
#define TEXT_BYTES_MAX (16u << 20)

struct sender {
	struct invocation *in;
	struct client *client;
	bool is_delete, is_dry, keeps_going;
	int64_t linger_ms, wait_s;

	struct lines *lines; /* NULL: the ids are arguments, and a line is the number of one */
	struct pack pack;
	int64_t since_us; /* when the first record came that is in the pack */
	struct retry retry;
	struct progress progress;
	struct arena scratch;
	struct buffer text, path;

	/* A bad line was met; the records before it are still to be sent. */
	bool stops;
	struct err stop;

	uint64_t taken, failed, requests, bytes;
	uint64_t last_line; /* all up to it are taken, or were told to be bad */
	int64_t start_us;
};

/* --- Options ---------------------------------------------------------------------------------- */

static enum status read_number(const struct invocation *in, enum option_id id, const char *name,
    int64_t min, int64_t max, int64_t *number, struct err *err)
{
	const char *text = in->options[id];
	char *end;
	int64_t given;

	if (text == NULL)
		return OK;
	given = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || given < min || given > max)
		return err_set(err, E_INVALID,
		    "--%s %s: a number from %" PRId64 " to %" PRId64 " is expected", name, text,
		    min, max);
	*number = given;
	return OK;
}

static enum status read_options(struct sender *s, struct pack_options *pack, struct err *err)
{
	int64_t count = (int64_t)pack->count_max;
	enum status st;

	s->linger_ms = LINGER_MS_DEFAULT;
	s->retry.seconds_max = RETRY_S_DEFAULT;
	s->is_dry = s->in->options[OPT_DRY_RUN] != NULL;
	s->keeps_going = s->is_dry || s->in->options[OPT_KEEP_GOING] != NULL;
	st = read_number(s->in, OPT_BATCH_RECORDS, "batch-records", 1, count, &count, err);
	if (st == OK)
		st = read_number(s->in, OPT_LINGER_MS, "linger-ms", 0, 60000, &s->linger_ms, err);
	if (st == OK)
		st = read_number(s->in, OPT_RETRY_SECONDS, "retry-seconds", 0, DAY_S,
		    &s->retry.seconds_max, err);
	if (st == OK)
		st = read_number(s->in, OPT_WAIT, "wait", 0, DAY_S, &s->wait_s, err);
	if (st == OK && s->is_dry && s->wait_s > 0)
		st = err_set(
		    err, E_INVALID, "--dry-run stores nothing, so there is nothing to --wait for");
	pack->count_max = (size_t)count;
	return st;
}

/* --- Places, as a person is told them --------------------------------------------------------- */

static void put_place(const struct sender *s, uint64_t line, struct buffer *out)
{
	if (s->lines == NULL)
		buffer_printf(out, "id %" PRIu64, line);
	else
		buffer_printf(out, "%s:%" PRIu64, lines_name(s->lines), line);
}

/* "orders.ndjson:7", or "orders.ndjson:7 to 12" for all that is packed. */
static const char *packed_place(struct sender *s)
{
	const struct pack_record *records = s->pack.records;
	size_t count = s->pack.count;

	buffer_reset(&s->text);
	put_place(s, records[0].line, &s->text);
	if (count > 1)
		buffer_printf(&s->text, " to %" PRIu64, records[count - 1].line);
	buffer_put_char(&s->text, '\0');
	return s->text.failed ? "?" : s->text.ptr;
}

/* One line of standard error about a record that is left out, or that ends it all. */
static void print_bad(struct sender *s, uint64_t line, struct slice why)
{
	progress_clear(&s->progress);
	buffer_reset(&s->text);
	put_place(s, line, &s->text);
	buffer_put_text(&s->text, ": ");
	buffer_put(&s->text, why);
	fflush(stdout);
	term_put(stderr, buffer_slice(&s->text));
	fputc('\n', stderr);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static void show_progress(struct sender *s)
{
	char label[64], count[TERM_COUNT_BYTES];

	if (s->lines == NULL)
		return;
	snprintf(label, sizeof(label), "%s records", term_count(count, (int64_t)s->taken));
	progress_bytes(&s->progress, label, lines_bytes_read(s->lines), lines_bytes(s->lines));
}

static void count_taken(struct sender *s, size_t bytes)
{
	s->taken += s->pack.count;
	s->last_line = s->pack.records[s->pack.count - 1].line;
	s->requests++;
	s->bytes += bytes;
	pack_clear(&s->pack);
	show_progress(s);
}

/* Stop at ${line} once what is before it is sent. */
static void stop_at(struct sender *s, uint64_t line, const char *why)
{
	buffer_reset(&s->text);
	put_place(s, line, &s->text);
	buffer_put_char(&s->text, '\0');
	s->stops = true;
	err_set(&s->stop, E_INVALID, "%s: %.600s; all before it was %s, nothing from it on",
	    s->text.failed ? "?" : s->text.ptr, why, s->is_dry ? "checked" : "accepted");
}

static void print_entry(struct sender *s, const struct refusal_entry *entry)
{
	struct buffer why;

	buffer_init(&why, TEXT_BYTES_MAX);
	refusal_put_reasons(entry, &why);
	print_bad(s, s->pack.records[entry->record].line, buffer_slice(&why));
	buffer_fini(&why);
}

/* Take the records out of the pack that the server named; or, as that is where it ends, all from
 * the first of them on. */
static enum status drop_named(struct sender *s, const struct refusal *refusal, struct err *err)
{
	bool *keep = malloc(s->pack.count);
	size_t shown = 0, first = REFUSAL_UNKNOWN;

	if (keep == NULL)
		return err_set(err, E_NOMEM, "no memory");
	memset(keep, true, s->pack.count);
	for (size_t i = 0; i < refusal->count; i++) {
		const struct refusal_entry *entry = &refusal->entries[i];

		if (entry->record == REFUSAL_UNKNOWN)
			continue;
		if (first == REFUSAL_UNKNOWN)
			first = entry->record;
		keep[entry->record] = false;
		if (s->keeps_going || shown++ < FAILURES_SHOWN)
			print_entry(s, entry);
	}
	s->failed += refusal->known;
	if (!s->keeps_going) {
		if (shown > FAILURES_SHOWN)
			fprintf(
			    stderr, "and %zu more in the same request\n", shown - FAILURES_SHOWN);
		stop_at(s, s->pack.records[first].line, "the server refused it");
		memset(keep + first, false, s->pack.count - first);
	}
	pack_keep(&s->pack, keep);
	free(keep);
	return OK;
}

/* A body that was refused with 400.  ${why} is the server's message. */
static enum status settle_refusal(
    struct sender *s, struct slice answer, const struct err *why, struct err *err)
{
	struct refusal refusal = {0};
	enum status st = refusal_read(answer, &s->pack, &refusal, err);

	if (st != OK)
		return st;
	if (refusal.known > 0) {
		st = drop_named(s, &refusal, err);
	} else if (s->keeps_going) {
		progress_clear(&s->progress);
		term_put(stderr, slice_of(packed_place(s)));
		fputs(": ", stderr);
		term_put(stderr, slice_of(why->text));
		fputc('\n', stderr);
		s->failed += s->pack.count;
		pack_clear(&s->pack);
	} else {
		st = err_set(err, E_INVALID,
		    "%.300s: %.600s; all before was accepted, nothing from there on",
		    packed_place(s), why->text);
	}
	refusal_fini(&refusal);
	return st;
}

/* The end of it: what is known of the records that were under way? */
static enum status give_up(struct sender *s, enum status st, bool was_retried, struct err *err)
{
	struct err why = *err;
	bool is_open = st == E_IO || st == E_BUSY || st == E_CANCELLED || was_retried;

	return err_set(err, st, "%.300s: %.500s; all before was accepted; %s", packed_place(s),
	    why.text,
	    is_open ? "whether this was is not known, and to send it again does no harm"
		    : "nothing from there on");
}

/* Send all that is packed. */
static enum status send_packed(struct sender *s, struct err *err)
{
	struct client_request request = {
	    .method = s->is_delete ? "DELETE" : "POST",
	    .path = s->path.ptr,
	    .content_type = "application/json",
	};
	struct slice answer;
	uint64_t retries;
	enum status st;

	while (s->pack.count > 0) {
		retries = s->retry.count;
		st = pack_body(&s->pack, &request.body, err);
		if (st != OK)
			return st;
		st = retry_send(&s->retry, s->client, &request, NULL, err);
		if (st == OK) {
			count_taken(s, request.body.len);
		} else if (st == E_INVALID && client_refusal(s->client, &answer) == 400) {
			struct err why = *err;

			st = settle_refusal(s, answer, &why, err);
			if (st != OK)
				return st;
		} else {
			return give_up(s, st, s->retry.count > retries, err);
		}
	}
	return s->stops ? err_set(err, E_INVALID, "%s", s->stop.text) : OK;
}

/* A line that is bad already here. */
static enum status fail_line(struct sender *s, uint64_t line, const char *why, struct err *err)
{
	s->failed++;
	if (!s->keeps_going) {
		stop_at(s, line, why);
		return send_packed(s, err);
	}
	print_bad(s, line, slice_of(why));
	return OK;
}

static enum status add(struct sender *s, struct slice record, uint64_t line, struct err *err)
{
	enum status st = OK;
	bool fits;

	if (record.len > pack_record_bytes_max(&s->pack))
		return fail_line(s, line, "longer than fits into a request", err);
	fits = pack_add(&s->pack, record, line);
	if (!fits) {
		st = send_packed(s, err);
		if (st != OK)
			return st;
		fits = pack_add(&s->pack, record, line);
		assert(fits);
	}
	if (s->pack.count == 1)
		s->since_us = clock_mono_us();
	/* Full by its bytes it is only when the next one does not fit. */
	return s->pack.count == s->pack.options.count_max ? send_packed(s, err) : OK;
}

/* --- Lines ------------------------------------------------------------------------------------ */

static bool is_blank(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!isspace((unsigned char)text.ptr[i]))
			return false;
	}
	return true;
}

static enum status add_record(struct sender *s, struct slice text, uint64_t line, struct err *err)
{
	struct err why = {""};
	enum status st;

	if (is_blank(text))
		return OK;
	st = record_check(text, &s->scratch, &why);
	if (st == E_INVALID)
		return fail_line(s, line, why.text, err);
	if (st != OK)
		return err_set(err, st, "%s", why.text);
	return add(s, text, line, err);
}

static enum status add_id(struct sender *s, struct slice text, uint64_t line, struct err *err)
{
	struct err why = {""};
	struct buffer id;
	enum status st;

	if (text.len == 0)
		return OK;
	buffer_init(&id, TEXT_BYTES_MAX);
	st = record_put_id(&id, text, &why);
	if (st == OK)
		st = add(s, buffer_slice(&id), line, err);
	else
		st = fail_line(s, line, why.text, err);
	buffer_fini(&id);
	return st;
}

static enum status add_line(struct sender *s, const struct line *line, struct err *err)
{
	return s->is_delete ? add_id(s, line->text, line->number, err)
			    : add_record(s, line->text, line->number, err);
}

/* How long the next line may be waited for. */
static int patience_ms(const struct sender *s)
{
	int64_t waited_ms;

	if (s->pack.count == 0)
		return LINES_FOREVER;
	waited_ms = (clock_mono_us() - s->since_us) / 1000;
	return waited_ms >= s->linger_ms ? 0 : (int)(s->linger_ms - waited_ms);
}

static enum status send_lines(struct sender *s, struct err *err)
{
	enum lines_event event;
	struct line line;
	enum status st;

	do {
		st = lines_next(s->lines, patience_ms(s), &line, &event, err);
		if (st != OK)
			return st;
		if (event == LINES_LINE)
			st = add_line(s, &line, err);
		else if (event == LINES_TOO_LONG)
			st = fail_line(s, line.number, "longer than fits into a request", err);
		else
			st = send_packed(s, err);
	} while (st == OK && event != LINES_END);
	return st;
}

static enum status send_arguments(struct sender *s, struct err *err)
{
	enum status st = OK;

	for (size_t i = 2; st == OK && i < s->in->arg_count && !interrupt_asked; i++)
		st = add_id(s, slice_of(s->in->args[i]), i - 1, err);
	return st == OK ? send_packed(s, err) : st;
}

/* --- The report ------------------------------------------------------------------------------- */

static void print_json(const struct sender *s, double seconds, bool visible)
{
	char text[32];
	struct json_writer w;
	struct buffer out;

	buffer_init(&out, TEXT_BYTES_MAX);
	json_write_begin(&w, &out);
	json_write_object(&w);
	json_write_key(&w, s->is_dry ? "valid" : "accepted");
	json_write_int(&w, (int64_t)s->taken);
	json_write_key(&w, "failed");
	json_write_int(&w, (int64_t)s->failed);
	json_write_key(&w, "requests");
	json_write_int(&w, (int64_t)s->requests);
	json_write_key(&w, "bytes");
	json_write_int(&w, (int64_t)s->bytes);
	json_write_key(&w, "retries");
	json_write_int(&w, (int64_t)s->retry.count);
	json_write_key(&w, "lastLine");
	json_write_int(&w, (int64_t)s->last_line);
	json_write_key(&w, "seconds");
	snprintf(text, sizeof(text), "%.3f", seconds);
	json_write_raw(&w, slice_of(text));
	json_write_key(&w, "visible");
	json_write_bool(&w, visible);
	json_write_end(&w);
	buffer_put_char(&out, '\n');
	if (!out.failed)
		fwrite(out.ptr, 1, out.len, stdout);
	buffer_fini(&out);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void report(const struct sender *s, bool visible)
{
	double seconds = (double)(clock_mono_us() - s->start_us) / 1e6;
	char count[TERM_COUNT_BYTES];

	if (s->in->options[OPT_JSON] != NULL) {
		print_json(s, seconds, visible);
		return;
	}
	printf("%s %s%s %s", term_count(count, (int64_t)s->taken), s->is_delete ? "id" : "record",
	    plural(s->taken), s->is_dry ? "would be accepted" : "accepted");
	printf(", %s failed", term_count(count, (int64_t)s->failed));
	printf(", in %s request%s", term_count(count, (int64_t)s->requests), plural(s->requests));
	if (s->retry.count > 0)
		printf(" (%s tried again)", term_count(count, (int64_t)s->retry.count));
	printf(", %.1f MB, in %.1f s%s\n", (double)s->bytes / 1e6, seconds,
	    visible ? ", and can be queried" : "");
}

/* --- The commands ----------------------------------------------------------------------------- */

static enum status set_up(
    struct sender *s, const char *file, struct pack_options *pack, struct err *err)
{
	struct lines_options options = {.stopped = &interrupt_asked};
	enum status st = read_options(s, pack, err);

	if (st == OK)
		st = pack_init(&s->pack, pack, err);
	if (st != OK)
		return st;
	client_path(&s->path, "/api/v1/ingest/sources/{}/{}", s->in->args[0], s->in->args[1]);
	if (s->is_dry)
		client_path(&s->path, "/actions/test");
	if (s->path.failed)
		return err_set(err, E_NOMEM, "no memory, or too long a name");
	options.line_bytes_max = pack_record_bytes_max(&s->pack);
	return file == NULL ? OK : lines_open(file, &options, &s->lines, err);
}

/* Send it all and tell how it went, the summary whatever comes. */
static enum status run(struct sender *s, struct err *err)
{
	bool visible = false;
	enum status st;

	s->start_us = clock_mono_us();
	interrupt_catch(GRACE_S);
	client_set_cancel(s->client, &interrupt_now);
	st = s->lines == NULL ? send_arguments(s, err) : send_lines(s, err);
	if (st == OK && interrupt_asked)
		st = err_set(err, E_CANCELLED,
		    "interrupted; the last that was read is line %" PRIu64, s->last_line);
	if (st == OK && s->wait_s > 0) {
		client_set_cancel(s->client, &interrupt_asked);
		st = visible_wait(s->client, &s->retry, s->in->args, s->wait_s, err);
		visible = st == OK;
	}
	progress_clear(&s->progress);
	report(s, visible);
	if (interrupt_asked && st != OK)
		s->in->exit_status = EXIT_INTERRUPTED;
	else if (st == OK && s->failed > 0)
		s->in->exit_status = EXIT_RECORDS_FAILED;
	return st;
}

static enum status send_all(
    struct sender *s, const char *file, struct pack_options *pack, struct err *err)
{
	enum status st;

	arena_init(&s->scratch, 16u << 10);
	buffer_init(&s->text, TEXT_BYTES_MAX);
	buffer_init(&s->path, PATH_BYTES_MAX);
	progress_init(&s->progress);
	s->retry.progress = &s->progress;
	st = set_up(s, file, pack, err);
	if (st == OK)
		st = run(s, err);
	lines_close(&s->lines);
	pack_fini(&s->pack);
	arena_fini(&s->scratch);
	buffer_fini(&s->text);
	buffer_fini(&s->path);
	return st;
}

enum status command_stream_send(struct invocation *in, struct err *err)
{
	struct sender s = {.in = in, .client = in->client};
	/* So many of the smallest fit: no limit of its own. */
	struct pack_options pack = {"data", BODY_BYTES_MAX, BODY_BYTES_MAX};

	return send_all(&s, in->arg_count > 2 ? in->args[2] : "-", &pack, err);
}

enum status command_stream_delete(struct invocation *in, struct err *err)
{
	struct sender s = {.in = in, .client = in->client, .is_delete = true};
	struct pack_options pack = {"ids", BODY_BYTES_MAX, IDS_MAX};
	const char *from = in->options[OPT_FROM];

	if ((in->arg_count > 2) == (from != NULL))
		return err_set(
		    err, E_INVALID, "which ids? name them, or a file of them with --from");
	return send_all(&s, from, &pack, err);
}
