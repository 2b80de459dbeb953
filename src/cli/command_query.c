/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice query`: SQL in, a table, CSV or JSON out.
 *
 * A BIGINT has more digits than a double, and jansson makes doubles.  So every number of the answer
 * is put in quotes before it is parsed, and comes out digit by digit as the server wrote it; which
 * columns hold numbers is known from the metadata.  A DECIMAL comes in quotes, with all 18 places:
 * the zeros at its end are left out, as they tell a person nothing.
 *
 * It shows the first batch, which is what a person reads, and says when there is more.
 */
#include "cli/command.h"
#include "cli/reply.h"
#include "cli/table.h"
#include "cli/term.h"
#include "csv/csv_write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_BYTES_MAX    (1u << 20)
#define BODY_BYTES_MAX   (8u << 20) /* each byte of SQL may take six in JSON */
#define QUOTED_BYTES_MAX (SIZE_MAX / 4)
#define ROW_BYTES_MAX    (512u << 20)

struct column {
	const char *name;
	bool is_number;
	bool is_decimal;
	long place;
};

struct result {
	const json_t *rows;
	struct column *columns;
	size_t column_count;
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
	result->rows = json_object_get(answer, "data");
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

static enum status print_table(const struct result *result, struct err *err)
{
	struct slice *cells = calloc(result->column_count + 1, sizeof(*cells));
	struct table *table = NULL;
	enum status st = table_create(result->column_count, &table, err);

	if (st == OK && cells == NULL)
		st = err_set(err, E_NOMEM, "no memory");
	if (st != OK)
		goto out;
	for (size_t i = 0; i < result->column_count; i++) {
		const struct column *column = &result->columns[i];

		table_set_column(
		    table, i, slice_of(column->name), column->is_number ? TABLE_RIGHT : TABLE_LEFT);
	}
	for (size_t row = 0; row < json_array_size(result->rows); row++) {
		for (size_t i = 0; i < result->column_count; i++)
			cells[i] = cell_text(&result->columns[i], cell_at(result, row, i));
		table_add(table, cells);
	}
	st = table_print(table, term_is_terminal(stdout), stdout, err);
out:
	table_destroy(&table);
	free(cells);
	return st;
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

static enum status print_csv(const struct result *result, struct err *err)
{
	struct buffer line;
	enum status st;

	buffer_init(&line, ROW_BYTES_MAX);
	for (size_t i = 0; i < result->column_count; i++)
		put_csv_field(&line, result, i, slice_of(result->columns[i].name));
	st = put_out(&line, err);
	for (size_t row = 0; st == OK && row < json_array_size(result->rows); row++) {
		for (size_t i = 0; i < result->column_count; i++)
			put_csv_field(&line, result, i,
			    cell_text(&result->columns[i], cell_at(result, row, i)));
		st = put_out(&line, err);
	}
	buffer_fini(&line);
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

/* An array of objects, one a line. */
static enum status print_json(const struct result *result, struct err *err)
{
	size_t count = json_array_size(result->rows);
	struct json_writer w;
	struct buffer line;
	enum status st = OK;

	buffer_init(&line, ROW_BYTES_MAX);
	putchar('[');
	for (size_t row = 0; st == OK && row < count; row++) {
		json_write_begin(&w, &line);
		json_write_object(&w);
		for (size_t i = 0; i < result->column_count; i++)
			write_cell(&w, &result->columns[i], cell_at(result, row, i));
		json_write_end(&w);
		buffer_put_text(&line, row + 1 < count ? ",\n" : "");
		st = put_out(&line, err);
	}
	fputs("]\n", stdout);
	buffer_fini(&line);
	return st;
}

/* --- The command ------------------------------------------------------------------------------ */

static enum status send_query(
    struct invocation *in, struct slice sql, json_t **ret_answer, struct err *err)
{
	struct client_request request = {
	    .method = "POST", .path = "/api/v2/query", .content_type = "application/json"};
	struct buffer body, quoted;
	struct json_writer w;
	struct slice answer = {0};
	enum status st;

	buffer_init(&body, BODY_BYTES_MAX);
	buffer_init(&quoted, QUOTED_BYTES_MAX);
	json_write_begin(&w, &body);
	json_write_object(&w);
	json_write_key(&w, "sql");
	json_write_slice(&w, sql);
	json_write_end(&w);
	request.body = buffer_slice(&body);
	st = body.failed ? err_set(err, E_NOMEM, "no memory")
			 : client_send(in->client, &request, &answer, err);
	if (st != OK)
		goto out;
	quote_numbers(answer, &quoted);
	st = quoted.failed ? err_set(err, E_NOMEM, "no memory for the answer")
			   : json_parse(buffer_slice(&quoted), ret_answer, err);
	if (st == E_INVALID)
		err_add(err, "the server's answer");
out:
	buffer_fini(&body);
	buffer_fini(&quoted);
	return st;
}

static enum status print_answer(struct invocation *in, const json_t *answer, struct err *err)
{
	struct result result = {0};
	enum status st = read_columns(answer, &result, err);

	if (st == OK && in->options[OPT_CSV] != NULL)
		st = print_csv(&result, err);
	else if (st == OK && in->options[OPT_JSON] != NULL)
		st = print_json(&result, err);
	else if (st == OK)
		st = print_table(&result, err);
	fflush(stdout);
	if (st == OK) {
		size_t count = json_array_size(result.rows);

		fprintf(stderr, "(%zu row%s)\n", count, count == 1 ? "" : "s");
		if (json_is_false(json_object_get(answer, "done")))
			fputs("More rows exist than are shown: narrow the query, or use LIMIT and "
			      "OFFSET.\n",
			    stderr);
	}
	free(result.columns);
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
		st = print_answer(in, answer, err);
	json_decref(answer);
	buffer_fini(&text);
	return st;
}
