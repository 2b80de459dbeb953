/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice connector` and `sluice stream`: schemas and the settings of their objects.
 *
 * A schema goes to the server as it is; all checking is the server's, so
 * that there is one list of rules.
 */
#include "cli/command.h"
#include "cli/reply.h"
#include "base/table.h"
#include "base/term.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#define PATH_BYTES_MAX   (64u << 10)
#define SCHEMA_BYTES_MAX (64u << 20)
#define BODY_BYTES_MAX   (1u << 20)

static enum status no_memory(struct err *err)
{
	return err_set(err, E_NOMEM, "no memory, or too long a name");
}

/* --- connector -------------------------------------------------------------------------------- */

/* A JSON document begins with a brace, a YAML one of ours never does. */
static const char *content_type_of(struct slice schema)
{
	size_t i = 0;

	while (i < schema.len && isspace((unsigned char)schema.ptr[i]))
		i++;
	return i < schema.len && schema.ptr[i] == '{' ? "application/json" : "application/yaml";
}

enum status command_connector_put(struct invocation *in, struct err *err)
{
	const char *name = in->args[0];
	struct client_request request = {.method = "PUT"};
	struct buffer path, schema;
	json_t *answer = NULL;
	size_t count;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	buffer_init(&schema, SCHEMA_BYTES_MAX);
	client_path(&path, "/api/v1/connectors/{}", name);
	st = path.failed ? no_memory(err) : command_read_text(in->args[1], &schema, err);
	if (st != OK)
		goto out;
	request.path = path.ptr;
	request.body = buffer_slice(&schema);
	request.content_type = content_type_of(request.body);
	st = client_send_json(in->client, &request, &answer, err);
	if (st != OK)
		goto out;
	printf("connector ");
	term_put(stdout, slice_of(name));
	count = json_array_size(json_object_get(answer, "objects"));
	printf(": revision %" PRId64 ", %zu object%s\n", reply_int(answer, "revision"), count,
	    count == 1 ? "" : "s");
out:
	json_decref(answer);
	buffer_fini(&path);
	buffer_fini(&schema);
	return st;
}

static void add_connector(struct table *table, const json_t *connector)
{
	char revision[TERM_COUNT_BYTES], objects[TERM_COUNT_BYTES];
	const struct slice cells[] = {
	    slice_of(reply_text(connector, "name")),
	    slice_of(term_count(revision, reply_int(connector, "revision"))),
	    slice_of(term_count(
		objects, (int64_t)json_array_size(json_object_get(connector, "objects")))),
	    slice_of(reply_text(connector, "createdDate")),
	    slice_of(reply_text(connector, "modifiedDate")),
	};

	table_add(table, cells);
}

enum status command_connector_list(struct invocation *in, struct err *err)
{
	struct table *table = NULL;
	const json_t *list;
	json_t *answer;
	enum status st = command_get(in, "/api/v1/connectors", &answer, err);

	if (st != OK || answer == NULL)
		return st;
	st = table_create(5, &table, err);
	if (st != OK)
		goto out;
	table_set_column(table, 0, SLICE("NAME"), TABLE_LEFT);
	table_set_column(table, 1, SLICE("REVISION"), TABLE_RIGHT);
	table_set_column(table, 2, SLICE("OBJECTS"), TABLE_RIGHT);
	table_set_column(table, 3, SLICE("CREATED"), TABLE_LEFT);
	table_set_column(table, 4, SLICE("MODIFIED"), TABLE_LEFT);
	list = json_object_get(answer, "connectors");
	for (size_t i = 0; i < json_array_size(list); i++)
		add_connector(table, json_array_get(list, i));
	st = table_print(table, term_is_terminal(stdout), stdout, err);
out:
	table_destroy(&table);
	json_decref(answer);
	return st;
}

/* "  primary key id", one line a setting that is there. */
static void print_stream(const json_t *stream)
{
	static const struct {
		const char *member, *label;
	} rows[] = {
	    {"primaryKey", "primary key"},
	    {"category", "category"},
	    {"recordModifiedField", "record modified field"},
	    {"eventTimeField", "event time field"},
	    {"refreshMode", "refresh mode"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = reply_text(stream, rows[i].member);

		if (*value == '\0')
			continue;
		printf("  %-22s ", rows[i].label);
		term_put(stdout, slice_of(value));
		putchar('\n');
	}
}

static enum status print_fields(const json_t *fields, struct err *err)
{
	struct table *table = NULL;
	enum status st = table_create(4, &table, err);

	if (st != OK)
		return st;
	table_set_column(table, 0, SLICE("  FIELD"), TABLE_LEFT);
	table_set_column(table, 1, SLICE("TYPE"), TABLE_LEFT);
	table_set_column(table, 2, SLICE("FORMAT"), TABLE_LEFT);
	table_set_column(table, 3, SLICE("REQUIRED"), TABLE_LEFT);
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *field = json_array_get(fields, i);
		bool required = json_is_true(json_object_get(field, "required"));
		char name[256];

		snprintf(name, sizeof(name), "  %s", reply_text(field, "name"));
		table_add(table,
		    (const struct slice[]){slice_of(name), slice_of(reply_text(field, "type")),
			slice_of(reply_text(field, "format")), slice_of(required ? "yes" : "")});
	}
	st = table_print(table, false, stdout, err);
	table_destroy(&table);
	return st;
}

static enum status print_object(const json_t *object, struct err *err)
{
	const json_t *stream = json_object_get(object, "stream");

	printf("\nobject ");
	term_put(stdout, slice_of(reply_text(object, "name")));
	putchar('\n');
	if (json_is_object(stream))
		print_stream(stream);
	else
		printf("  no data stream yet, so it takes no data: sluice stream put\n");
	putchar('\n');
	return print_fields(json_object_get(object, "fields"), err);
}

enum status command_connector_show(struct invocation *in, struct err *err)
{
	struct buffer path;
	const json_t *objects;
	json_t *answer = NULL;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	client_path(&path, "/api/v1/connectors/{}", in->args[0]);
	st = path.failed ? no_memory(err) : command_get(in, path.ptr, &answer, err);
	if (st != OK || answer == NULL)
		goto out;
	printf("connector ");
	term_put(stdout, slice_of(in->args[0]));
	printf(", revision %" PRId64 ", modified %.32s\n", reply_int(answer, "revision"),
	    reply_text(answer, "modifiedDate"));
	objects = json_object_get(answer, "objects");
	for (size_t i = 0; st == OK && i < json_array_size(objects); i++)
		st = print_object(json_array_get(objects, i), err);
out:
	json_decref(answer);
	buffer_fini(&path);
	return st;
}

/* --- stream ----------------------------------------------------------------------------------- */

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	if (value == NULL)
		return;
	json_write_key(w, key);
	json_write_text(w, value);
}

static const char *or_else(const char *given, const char *otherwise)
{
	return given == NULL ? otherwise : given;
}

static void write_stream(const struct invocation *in, struct buffer *body)
{
	struct json_writer w;

	json_write_begin(&w, body);
	json_write_object(&w);
	write_member(&w, "primaryKey", in->options[OPT_PRIMARY_KEY]);
	write_member(&w, "category", or_else(in->options[OPT_CATEGORY], "Profile"));
	write_member(&w, "recordModifiedField", in->options[OPT_RECORD_MODIFIED_FIELD]);
	write_member(&w, "eventTimeField", in->options[OPT_EVENT_TIME_FIELD]);
	write_member(&w, "refreshMode", or_else(in->options[OPT_REFRESH_MODE], "Upsert"));
	json_write_end(&w);
}

/* The path of the stream that the two arguments name. */
static void put_stream_path(const struct invocation *in, struct buffer *path)
{
	client_path(path, "/api/v1/connectors/{}/streams/{}", in->args[0], in->args[1]);
}

enum status command_stream_put(struct invocation *in, struct err *err)
{
	struct client_request request = {.method = "PUT", .content_type = "application/json"};
	struct buffer path, body;
	enum status st = OK;

	if (in->options[OPT_PRIMARY_KEY] == NULL)
		return err_set(
		    err, E_INVALID, "--primary-key is missing: which field tells records apart?");
	buffer_init(&path, PATH_BYTES_MAX);
	buffer_init(&body, BODY_BYTES_MAX);
	put_stream_path(in, &path);
	write_stream(in, &body);
	request.path = path.ptr;
	request.body = buffer_slice(&body);
	if (path.failed || body.failed)
		st = no_memory(err);
	else
		st = client_send(in->client, &request, NULL, err);
	if (st == OK) {
		term_put(stdout, slice_of(in->args[1]));
		printf(" of ");
		term_put(stdout, slice_of(in->args[0]));
		printf(" takes data now\n");
	}
	buffer_fini(&path);
	buffer_fini(&body);
	return st;
}

enum status command_stream_show(struct invocation *in, struct err *err)
{
	struct buffer path;
	json_t *answer = NULL;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	put_stream_path(in, &path);
	st = path.failed ? no_memory(err) : command_get(in, path.ptr, &answer, err);
	if (st == OK && answer != NULL) {
		printf("data stream of ");
		term_put(stdout, slice_of(in->args[1]));
		printf(" of ");
		term_put(stdout, slice_of(in->args[0]));
		putchar('\n');
		print_stream(answer);
	}
	json_decref(answer);
	buffer_fini(&path);
	return st;
}
