/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice jobs`: list, show, close, abort and delete jobs, and fetch their failed records. */
#include "cli/command.h"
#include "cli/reply.h"
#include "base/table.h"
#include "base/term.h"

#include <errno.h>
#include <stdio.h>

#define PATH_BYTES_MAX (64u << 10)

static enum status no_memory(struct err *err)
{
	return err_set(err, E_NOMEM, "no memory, or too long a name");
}

/* --- list ------------------------------------------------------------------------------------- */

static void put_list_path(const struct invocation *in, struct buffer *path)
{
	static const struct {
		enum option_id option;
		const char *parameter;
	} rows[] = {
	    {OPT_STATE, "states"},
	    {OPT_OBJECT, "object"},
	    {OPT_SOURCE, "sourceName"},
	    {OPT_LIMIT, "limit"},
	    {OPT_OFFSET, "offset"},
	};
	const char *joint = "?";

	client_path(path, "/api/v1/ingest/jobs");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = in->options[rows[i].option];

		if (value == NULL)
			continue;
		buffer_printf(path, "%s%s=", joint, rows[i].parameter);
		client_path(path, "{}", value);
		joint = "&";
	}
}

static void add_job(struct table *table, const json_t *job)
{
	char records[TERM_COUNT_BYTES], failed[TERM_COUNT_BYTES];
	const struct slice cells[] = {
	    slice_of(reply_text(job, "id")),
	    slice_of(reply_text(job, "state")),
	    slice_of(reply_text(job, "operation")),
	    slice_of(reply_text(job, "sourceName")),
	    slice_of(reply_text(job, "object")),
	    slice_of(term_count(records, reply_int(job, "numberRecordsProcessed"))),
	    slice_of(term_count(failed, reply_int(job, "numberRecordsFailed"))),
	    slice_of(reply_text(job, "systemModstamp")),
	};

	table_add(table, cells);
}

static enum status print_list(const json_t *answer, struct err *err)
{
	static const struct {
		const char *name;
		enum table_side side;
	} columns[] = {
	    {"ID", TABLE_LEFT},
	    {"STATE", TABLE_LEFT},
	    {"OPERATION", TABLE_LEFT},
	    {"CONNECTOR", TABLE_LEFT},
	    {"OBJECT", TABLE_LEFT},
	    {"RECORDS", TABLE_RIGHT},
	    {"FAILED", TABLE_RIGHT},
	    {"CHANGED", TABLE_LEFT},
	};
	const size_t count = sizeof(columns) / sizeof(columns[0]);
	const json_t *list = json_object_get(answer, "data");
	struct table *table = NULL;
	enum status st = table_create(count, &table, err);

	if (st != OK)
		return st;
	for (size_t i = 0; i < count; i++)
		table_set_column(table, i, slice_of(columns[i].name), columns[i].side);
	for (size_t i = 0; i < json_array_size(list); i++)
		add_job(table, json_array_get(list, i));
	st = table_print(table, term_is_terminal(stdout), stdout, err);
	table_destroy(&table);
	return st;
}

enum status command_jobs_list(struct invocation *in, struct err *err)
{
	struct buffer path;
	json_t *answer = NULL;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	put_list_path(in, &path);
	st = path.failed ? no_memory(err) : command_get(in, path.ptr, &answer, err);
	if (st == OK && answer != NULL) {
		size_t shown = json_array_size(json_object_get(answer, "data"));
		int64_t all = reply_int(answer, "totalSize");

		st = print_list(answer, err);
		fflush(stdout);
		if (all > (int64_t)shown)
			fprintf(stderr, "(%zu of %lld jobs; --limit and --offset show others)\n",
			    shown, (long long)all);
	}
	json_decref(answer);
	buffer_fini(&path);
	return st;
}

/* --- One job ---------------------------------------------------------------------------------- */

static void put_job_path(const struct invocation *in, struct buffer *path)
{
	client_path(path, "/api/v1/ingest/jobs/{}", in->args[0]);
}

/* A member as it is, but texts without their quotes and null as nothing. */
static void print_value(const json_t *value)
{
	char count[TERM_COUNT_BYTES];

	if (json_is_string(value))
		term_put(stdout, slice_of(json_string_value(value)));
	else if (json_is_integer(value))
		fputs(term_count(count, json_integer_value(value)), stdout);
	else if (json_is_real(value))
		printf("%g", json_real_value(value));
	putchar('\n');
}

static void print_job(const json_t *job)
{
	static const struct {
		const char *member, *label;
	} rows[] = {
	    {"id", "id"},
	    {"state", "state"},
	    {"errorMessage", "error"},
	    {"operation", "operation"},
	    {"sourceName", "connector"},
	    {"object", "object"},
	    {"createdDate", "created"},
	    {"systemModstamp", "changed"},
	    {"numberParts", "parts"},
	    {"bytesUploaded", "bytes uploaded"},
	    {"numberRecordsProcessed", "records"},
	    {"numberRecordsFailed", "failed records"},
	    {"progress", "progress (0 to 1)"},
	    {"processingMilliseconds", "milliseconds"},
	    {"retries", "retries"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *value = json_object_get(job, rows[i].member);

		if (value == NULL || json_is_null(value))
			continue;
		printf("%-18s ", rows[i].label);
		print_value(value);
	}
}

enum status command_jobs_show(struct invocation *in, struct err *err)
{
	struct buffer path;
	json_t *answer = NULL;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	put_job_path(in, &path);
	st = path.failed ? no_memory(err) : command_get(in, path.ptr, &answer, err);
	if (st == OK && answer != NULL)
		print_job(answer);
	json_decref(answer);
	buffer_fini(&path);
	return st;
}

static enum status change_state(struct invocation *in, struct slice body, struct err *err)
{
	struct client_request request = {
	    .method = "PATCH", .content_type = "application/json", .body = body};
	struct buffer path;
	json_t *job = NULL;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	put_job_path(in, &path);
	request.path = path.ptr;
	st = path.failed ? no_memory(err) : client_send_json(in->client, &request, &job, err);
	if (st == OK) {
		printf("job ");
		term_put(stdout, slice_of(in->args[0]));
		printf(" is ");
		term_put(stdout, slice_of(reply_text(job, "state")));
		putchar('\n');
	}
	json_decref(job);
	buffer_fini(&path);
	return st;
}

enum status command_jobs_close(struct invocation *in, struct err *err)
{
	return change_state(in, SLICE("{\"state\":\"UploadComplete\"}"), err);
}

enum status command_jobs_abort(struct invocation *in, struct err *err)
{
	return change_state(in, SLICE("{\"state\":\"Aborted\"}"), err);
}

enum status command_jobs_delete(struct invocation *in, struct err *err)
{
	struct client_request request = {.method = "DELETE"};
	struct buffer path;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	put_job_path(in, &path);
	request.path = path.ptr;
	st = path.failed ? no_memory(err) : client_send(in->client, &request, NULL, err);
	if (st == OK) {
		printf("job ");
		term_put(stdout, slice_of(in->args[0]));
		printf(" is deleted; the records that it landed stay\n");
	}
	buffer_fini(&path);
	return st;
}

static enum status print_bytes(void *ctx, struct slice bytes, struct err *err)
{
	(void)ctx;
	if (fwrite(bytes.ptr, 1, bytes.len, stdout) != bytes.len)
		return err_errno(err, errno, "standard output");
	return OK;
}

/* As it comes, for it may be as long as the upload was. */
enum status command_jobs_failed(struct invocation *in, struct err *err)
{
	struct client_request request = {.method = "GET", .write = print_bytes};
	struct buffer path;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	put_job_path(in, &path);
	buffer_put_text(&path, "/failedResults");
	buffer_put_char(&path, '\0');
	request.path = path.ptr;
	st = path.failed ? no_memory(err) : client_send(in->client, &request, NULL, err);
	buffer_fini(&path);
	return st;
}
