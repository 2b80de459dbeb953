/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice query`: SQL in, a table, CSV or JSON out.
 *
 * A BIGINT has more digits than a double, and jansson makes doubles.  So every number of the answer
 * is put in quotes before it is parsed, and comes out digit by digit as the server wrote it; which
 * columns hold numbers is known from the metadata.  A DECIMAL comes in quotes, with all 18 places:
 * the zeros at its end are left out, as they tell a person nothing.
 *
 * A result comes in batches.  Each is printed, flushed and forgotten before the next is asked for, so
 * that memory is a batch's, and `| head` ends it all: the pipe's signal does, which is why nothing
 * here looks for it.  A table's columns are as wide as the first batch needs.
 *
 * The server gives each batch once.  So only a refusal of the server's (429, 503) is tried again,
 * and not the query's own, which may be one that asks for too much memory each time.
 */
#include "cli/command.h"
#include "cli/reply.h"
#include "cli/retry.h"
#include "base/table.h"
#include "base/term.h"
#include "csv/csv_write.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_BYTES_MAX    (1u << 20)
#define BODY_BYTES_MAX   (8u << 20) /* each byte of SQL may take six in JSON */
#define QUOTED_BYTES_MAX (SIZE_MAX / 4)
#define ROW_BYTES_MAX    (512u << 20)
#define PATH_BYTES_MAX   (4u << 10)
#define RETRY_S          60

struct column {
	const char *name;
	bool is_number;
	bool is_decimal;
	long place;
};

struct result;

/* One way to print: what comes before the first row, the rows of a batch, what comes behind the last
 * one.  Either of the outer two may be NULL. */
struct form {
	enum status (*begin)(struct result *result, struct err *err);
	enum status (*rows)(struct result *result, struct err *err);
	void (*end)(struct result *result);
};

struct result {
	const struct form *form;
	json_t *metadata; /* of the first batch; holds the columns' names */
	struct column *columns;
	size_t column_count;
	struct table *table; /* of the form that needs one */
	struct buffer line;

	const json_t *rows; /* of the batch at hand */
	uint64_t row_count; /* of those before it */
};

/* --- Reading the answer
 * --------------------------------------------------------------------------------------------- */

static bool is_number_char(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Copy the string that begins at ${i}, and return where it ends. */
static size_t copy_string(struct slice json, size_t i, struct buffer *out)
{
	size_t start = i++;

	while (i < json.len && json.ptr[i] != '"')
		i += json.ptr[i] == '\\' ? 2 : 1;
	i = i < json.len ? i + 1 : json.len;
	buffer_put(out, (struct slice){json.ptr + start, i - start});
	return i;
}

/* Every number becomes a string.  Text that is not JSON is the parser's to
 * refuse, before or after this. */
static void quote_numbers(struct slice json, struct buffer *out)
{
	size_t i = 0, start;

	while (i < json.len) {
		char c = json.ptr[i];

		if (c == '"') {
			i = copy_string(json, i, out);
		} else if (c == '-' || isdigit((unsigned char)c)) {
			start = i;
			while (i < json.len && is_number_char(json.ptr[i]))
				i++;
			buffer_put_char(out, '"');
			buffer_put(out, (struct slice){json.ptr + start, i - start});
			buffer_put_char(out, '"');
		} else {
			buffer_put_char(out, c);
			i++;
		}
	}
}

/* JDBC's codes: DECIMAL 3, NUMERIC 2, INTEGER 4, SMALLINT 5, FLOAT 6, REAL 7,
 * DOUBLE 8, BIGINT -5, TINYINT -6. */
static bool is_number_code(long code)
{
	return (code >= 2 && code <= 8) || code == -5 || code == -6;
}

static bool is_decimal_code(long code)
{
	return code == 2 || code == 3;
}

static int by_place(const void *a, const void *b)
{
	const struct column *left = a, *right = b;

	return (left->place > right->place) - (left->place < right->place);
}

static enum status read_columns(const json_t *answer, struct result *result, struct err *err)
{
	json_t *metadata = json_object_get(answer, "metadata"), *about;
	const char *name;

	result->metadata = json_incref(metadata);
	result->column_count = json_object_size(metadata);
	result->columns = calloc(result->column_count + 1, sizeof(*result->columns));
	if (result->columns == NULL)
		return err_set(err, E_NOMEM, "no memory");
	result->column_count = 0;
	json_object_foreach(metadata, name, about)
	{
		long code = strtol(reply_text(about, "typeCode"), NULL, 10);

		result->columns[result->column_count++] = (struct column){
		    .name = name,
		    .is_number = is_number_code(code),
		    .is_decimal = is_decimal_code(code),
		    .place = strtol(reply_text(about, "placeInOrder"), NULL, 10),
		};
	}
	qsort(result->columns, result->column_count, sizeof(*result->columns), by_place);
	return OK;
}

/* "12.500" is 12.5, "3.00" is 3. */
static struct slice without_zeros(struct slice text)
{
	if (text.len == 0 || memchr(text.ptr, '.', text.len) == NULL)
		return text;
	while (text.ptr[text.len - 1] == '0')
		text.len--;
	if (text.ptr[text.len - 1] == '.')
		text.len--;
	return text;
}

/* The text of a cell; no pointer for NULL.  Valid as long as the answer. */
static struct slice cell_text(const struct column *column, const json_t *cell)
{
	if (json_is_string(cell)) {
		struct slice text = {json_string_value(cell), json_string_length(cell)};

		return column->is_decimal ? without_zeros(text) : text;
	}
	if (json_is_boolean(cell))
		return slice_of(json_is_true(cell) ? "true" : "false");
	return (struct slice){NULL, 0};
}

static const json_t *cell_at(const struct result *result, size_t row, size_t column)
{
	return json_array_get(json_array_get(result->rows, row), column);
}

/* --- Three ways to print it
 * ------------------------------------------------------------------------------------------ */

static enum status begin_table(struct result *result, struct err *err)
{
	enum status st = table_create(result->column_count, &result->table, err);

	for (size_t i = 0; st == OK && i < result->column_count; i++) {
		const struct column *column = &result->columns[i];

		table_set_column(result->table, i, slice_of(column->name),
		    column->is_number ? TABLE_RIGHT : TABLE_LEFT);
	}
	return st;
}

static enum status print_table(struct result *result, struct err *err)
{
	struct slice *cells = calloc(result->column_count + 1, sizeof(*cells));

	if (cells == NULL)
		return err_set(err, E_NOMEM, "no memory");
	for (size_t row = 0; row < json_array_size(result->rows); row++) {
		for (size_t i = 0; i < result->column_count; i++)
			cells[i] = cell_text(&result->columns[i], cell_at(result, row, i));
		table_add(result->table, cells);
	}
	free(cells);
	return table_print(result->table, term_is_terminal(stdout), stdout, err);
}

/* Print what one row of output came to, and begin the next. */
static enum status put_out(struct buffer *line, struct err *err)
{
	if (line->failed)
		return err_set(err, E_NOMEM, "no memory for a row");
	if (line->len > 0)
		fwrite(line->ptr, 1, line->len, stdout);
	buffer_reset(line);
	return OK;
}

static void put_csv_field(
    struct buffer *line, const struct result *result, size_t i, struct slice text)
{
	if (i > 0)
		buffer_put_char(line, ',');
	/* A blank line is no record to most readers, so a lone blank value is quoted. */
	if (text.len == 0 && result->column_count == 1)
		buffer_put_text(line, "\"\"");
	else if (text.len > 0)
		csv_write_field(line, text);
	if (i + 1 == result->column_count)
		buffer_put_char(line, '\n');
}

static enum status begin_csv(struct result *result, struct err *err)
{
	for (size_t i = 0; i < result->column_count; i++)
		put_csv_field(&result->line, result, i, slice_of(result->columns[i].name));
	return put_out(&result->line, err);
}

static enum status print_csv(struct result *result, struct err *err)
{
	enum status st = OK;

	for (size_t row = 0; st == OK && row < json_array_size(result->rows); row++) {
		for (size_t i = 0; i < result->column_count; i++)
			put_csv_field(&result->line, result, i,
			    cell_text(&result->columns[i], cell_at(result, row, i)));
		st = put_out(&result->line, err);
	}
	return st;
}

/* Only what JSON takes for a number may stand there without quotes: "NaN" may not. */
static bool is_json_number(struct slice text)
{
	size_t i = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;

	if (i == text.len || !isdigit((unsigned char)text.ptr[i]))
		return false;
	for (; i < text.len; i++) {
		if (!is_number_char(text.ptr[i]))
			return false;
	}
	return true;
}

static void write_cell(struct json_writer *w, const struct column *column, const json_t *cell)
{
	struct slice text = cell_text(column, cell);

	json_write_key(w, column->name);
	if (text.ptr == NULL)
		json_write_null(w);
	else if (json_is_boolean(cell) || (column->is_number && is_json_number(text)))
		json_write_raw(w, text);
	else
		json_write_slice(w, text);
}

/* An array of objects, one a line.  It is closed behind the last batch only, so that what was cut
 * off does not pass for whole. */
static enum status begin_json(struct result *result, struct err *err)
{
	(void)result;
	(void)err;
	putchar('[');
	return OK;
}

static enum status print_json(struct result *result, struct err *err)
{
	struct json_writer w;
	enum status st = OK;

	for (size_t row = 0; st == OK && row < json_array_size(result->rows); row++) {
		if (result->row_count + row > 0)
			buffer_put_text(&result->line, ",\n");
		json_write_begin(&w, &result->line);
		json_write_object(&w);
		for (size_t i = 0; i < result->column_count; i++)
			write_cell(&w, &result->columns[i], cell_at(result, row, i));
		json_write_end(&w);
		st = put_out(&result->line, err);
	}
	return st;
}

static void end_json(struct result *result)
{
	(void)result;
	fputs("]\n", stdout);
}

static const struct form table_form = {begin_table, print_table, NULL};
static const struct form csv_form = {begin_csv, print_csv, NULL};
static const struct form json_form = {begin_json, print_json, end_json};

/* --- The command ------------------------------------------------------------------------------ */

/* An answer of rows: its numbers are put in quotes, see above. */
static enum status parse_answer(struct slice answer, json_t **ret_answer, struct err *err)
{
	struct buffer quoted;
	enum status st;

	buffer_init(&quoted, QUOTED_BYTES_MAX);
	quote_numbers(answer, &quoted);
	st = quoted.failed ? err_set(err, E_NOMEM, "no memory for the answer")
			   : json_parse(buffer_slice(&quoted), ret_answer, err);
	if (st == E_INVALID)
		err_add(err, "the server's answer");
	buffer_fini(&quoted);
	return st;
}

static enum status send_query(
    struct invocation *in, struct slice sql, json_t **ret_answer, struct err *err)
{
	struct client_request request = {
	    .method = "POST", .path = "/api/v2/query", .content_type = "application/json"};
	struct buffer body;
	struct json_writer w;
	struct slice answer = {0};
	enum status st;

	buffer_init(&body, BODY_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "sql");
	json_write_slice(&w, sql);
	json_write_end(&w);
	request.body = buffer_slice(&body);
	st = body.failed ? err_set(err, E_NOMEM, "no memory")
			 : client_send(in->client, &request, &answer, err);
	if (st == OK)
		st = parse_answer(answer, ret_answer, err);
	buffer_fini(&body);
	return st;
}

/* The batch named ${id}, in the place of ${answer}. */
static enum status fetch_batch(
    struct invocation *in, const char *id, json_t **answer, struct err *err)
{
	struct retry retry = {.seconds_max = RETRY_S, .refused_only = true};
	struct client_request request = {.method = "GET"};
	struct buffer path;
	struct slice body;
	enum status st;

	buffer_init(&path, PATH_BYTES_MAX);
	client_path(&path, "/api/v2/query/{}", id);
	request.path = path.ptr;
	/* It holds the id; and two batches would be one too many. */
	json_decref(*answer);
	*answer = NULL;
	st = path.failed ? err_set(err, E_INVALID, "the server's batch id is too long")
			 : retry_send(&retry, in->client, &request, &body, err);
	if (st == OK)
		st = parse_answer(body, answer, err);
	buffer_fini(&path);
	return st;
}

/* The id of the batch that follows, "" when there is none. */
static const char *next_batch(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "done")) ? ""
							     : reply_text(answer, "nextBatchId");
}

static enum status print_batch(struct result *result, const json_t *answer, struct err *err)
{
	enum status st;

	result->rows = json_object_get(answer, "data");
	st = result->form->rows(result, err);
	result->row_count += json_array_size(result->rows);
	/* A full disk is no reason to ask for the rest. */
	if (st == OK && (fflush(stdout) != 0 || ferror(stdout)))
		st = err_errno(err, errno, "standard output");
	return st;
}

static enum status print_all(
    struct invocation *in, struct result *result, json_t **answer, struct err *err)
{
	char count[TERM_COUNT_BYTES];
	enum status st = read_columns(*answer, result, err);

	if (st == OK)
		st = result->form->begin(result, err);
	if (st == OK)
		st = print_batch(result, *answer, err);
	while (st == OK && *next_batch(*answer) != '\0') {
		st = fetch_batch(in, next_batch(*answer), answer, err);
		if (st == OK)
			st = print_batch(result, *answer, err);
		if (st != OK)
			err_add(err, "after %s rows, and there are more",
			    term_count(count, (int64_t)result->row_count));
	}
	if (st == OK && result->form->end != NULL)
		result->form->end(result);
	fflush(stdout);
	return st;
}

static enum status print_result(struct invocation *in, json_t **answer, struct err *err)
{
	struct result result = {.form = &table_form};
	enum status st;

	if (in->options[OPT_CSV] != NULL)
		result.form = &csv_form;
	if (in->options[OPT_JSON] != NULL)
		result.form = &json_form;
	buffer_init(&result.line, ROW_BYTES_MAX);
	st = print_all(in, &result, answer, err);
	if (st == OK) {
		fprintf(stderr, "(%" PRIu64 " row%s)\n", result.row_count,
		    result.row_count == 1 ? "" : "s");
		/* A server that has no batches behind the first. */
		if (json_is_false(json_object_get(*answer, "done")))
			fputs("More rows exist than are shown: narrow the query, or use LIMIT and "
			      "OFFSET.\n",
			    stderr);
	}
	table_destroy(&result.table);
	buffer_fini(&result.line);
	free(result.columns);
	json_decref(result.metadata);
	return st;
}

enum status command_query(struct invocation *in, struct err *err)
{
	struct slice sql = slice_of(in->args[0]);
	struct buffer text;
	json_t *answer = NULL;
	enum status st = OK;

	if (in->options[OPT_CSV] != NULL && in->options[OPT_JSON] != NULL)
		return err_set(err, E_INVALID, "--csv and --json exclude each other");
	buffer_init(&text, SQL_BYTES_MAX);
	if (slice_is(sql, "-")) {
		st = command_read_text("-", &text, err);
		sql = buffer_slice(&text);
	}
	if (st == OK)
		st = send_query(in, sql, &answer, err);
	if (st == OK)
		st = print_result(in, &answer, err);
	json_decref(answer);
	buffer_fini(&text);
	return st;
}
