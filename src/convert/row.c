/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to rows: see row.h.
 *
 * A plan is a list of cells, one for each column of the batch: which field of the record it takes,
 * how to convert it, and what it means when it is blank.  Everything that can be decided once
 * (names, roles, places) is decided when the plan is made or bound, so that a record costs one pass
 * over the cells and no allocation.
 *
 * A cell's value is written straight into the batch, past its last row; only when all cells are
 * there does the row count move.  A refused record takes its bits back, and what it left in the
 * arrays means nothing.
 *
 * Names are found by sorting the header's: twice the same name is then side by side, and it stays
 * quick for the widest header and the worst names that somebody can send.
 *
 * Not here: the tokenizer, parts and lines, what becomes of rejects, the
 * rules between rows (the lake's).
 */
#include "convert/row.h"

#include "base/buffer.h"
#include "convert/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What the text about a header says at most, so that it and what callers put in
 * front fit into a struct err. */
#define TEXT_BYTES_MAX      4096 /* of the buffer: never reached */
#define DUPLICATES_BYTES    250
#define MISSING_NAMES_MAX   20
#define MISSING_NAMES_BYTES 650

struct cell {
	const char *name;
	enum field_type type;
	enum reject_code if_blank; /* REJECT_NONE: it is NULL then */
	size_t column;             /* of the record */
};

struct column_name {
	struct slice name;
	size_t column;
};

struct row_plan {
	enum row_operation operation;
	const struct object *object;
	struct cell *cells;
	size_t cell_count;
	size_t column_count; /* of a record; 0: not bound yet */
};

static enum reject_code blank_rule(const struct stream *stream, const struct field *field)
{
	if (strcmp(field->name, stream->primary_key) == 0)
		return REJECT_BLANK_KEY;
	if (strcmp(field->name, stream->record_modified_field) == 0)
		return REJECT_BLANK_VERSION;
	if (strcmp(field->name, stream->event_time_field) == 0)
		return REJECT_BLANK_EVENT_TIME;
	return field->required ? REJECT_BLANK_REQUIRED : REJECT_NONE;
}

static void add_cell(struct row_plan *plan, const struct stream *stream, const struct field *field)
{
	plan->cells[plan->cell_count] = (struct cell){
	    .name = field->name,
	    .type = field->type,
	    .if_blank = blank_rule(stream, field),
	    .column = plan->cell_count,
	};
	plan->cell_count++;
}

/* The cell of the field that a setting of the stream names, which the stream's own check has found
 * in the object. */
static void add_named_cell(struct row_plan *plan, const struct stream *stream, const char *name)
{
	size_t i = 0;

	while (i < plan->object->field_count && strcmp(plan->object->fields[i].name, name) != 0)
		i++;
	assert(i < plan->object->field_count);
	add_cell(plan, stream, &plan->object->fields[i]);
}

enum status row_plan_create(const struct object *object, const struct stream *stream,
    enum row_operation operation, struct row_plan **ret_plan, struct err *err)
{
	enum status status = E_NOMEM;
	struct row_plan *plan = NULL;
	size_t room = object->field_count > 2 ? object->field_count
					      : 2; /* a delete's cells are two at most */

	plan = calloc(1, sizeof(*plan));
	if (plan == NULL)
		goto out;
	*plan = (struct row_plan){.operation = operation, .object = object};
	plan->cells = calloc(room, sizeof(*plan->cells));
	if (plan->cells == NULL)
		goto out;
	if (operation == ROW_UPSERT) {
		for (size_t i = 0; i < object->field_count; i++)
			add_cell(plan, stream, &object->fields[i]);
	} else {
		add_named_cell(plan, stream, stream->primary_key);
		if (stream->record_modified_field[0] != '\0')
			add_named_cell(plan, stream, stream->record_modified_field);
		plan->column_count = plan->cell_count;
	}
	*ret_plan = plan;
	plan = NULL;
	status = OK;
out:
	row_plan_destroy(&plan);
	return status == OK ? OK
			    : err_set(err, status, "no memory for a plan of %zu columns", room);
}

void row_plan_destroy(struct row_plan **plan)
{
	if (*plan == NULL)
		return;
	free((*plan)->cells);
	free(*plan);
	*plan = NULL;
}

enum status row_plan_batch(const struct row_plan *plan, struct batch **ret_batch, struct err *err)
{
	enum status status;
	enum field_type *types;

	types = calloc(plan->cell_count > 0 ? plan->cell_count : 1, sizeof(*types));
	if (types == NULL)
		return err_set(
		    err, E_NOMEM, "no memory for a batch of %zu columns", plan->cell_count);
	for (size_t i = 0; i < plan->cell_count; i++)
		types[i] = plan->cells[i].type;
	status = batch_create(types, plan->cell_count, ret_batch, err);
	free(types);
	return status;
}

/*
 * Binding: the header's names, sorted, and what is wrong with them as text.
 */

/* Shorter names first: most differ in length, and that costs no look at the text. */
static int compare_names(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

static int compare_columns(const void *a, const void *b)
{
	const struct column_name *left = a, *right = b;
	int order = compare_names(left->name, right->name);

	if (order != 0)
		return order;
	return left->column < right->column ? -1 : 1;
}

static int compare_key(const void *key, const void *element)
{
	return compare_names(
	    *(const struct slice *)key, ((const struct column_name *)element)->name);
}

static void describe_duplicate(const struct column_name *names, size_t times, struct buffer *text)
{
	buffer_put_text(text, "column ");
	reject_quote(names[0].name, text);
	if (times == 2)
		buffer_printf(
		    text, " twice (columns %zu and %zu)", names[0].column + 1, names[1].column + 1);
	else
		buffer_printf(text, " %zu times (columns %zu, %zu, ...)", times,
		    names[0].column + 1, names[1].column + 1);
}

/* Columns without a name belong to nobody, so any number of them is fine. */
static void describe_duplicates(const struct column_name *names, size_t count, struct buffer *text)
{
	size_t begin, times, found = 0, said = 0;

	for (begin = 0; begin < count; begin += times) {
		times = 1;
		while (begin + times < count &&
		       slice_equals(names[begin].name, names[begin + times].name))
			times++;
		if (times == 1 || names[begin].name.len == 0)
			continue;
		if (found++ > 0 && text->len > DUPLICATES_BYTES)
			continue;
		buffer_put_text(text, found == 1 ? "the header names " : ", ");
		describe_duplicate(&names[begin], times, text);
		said++;
	}
	if (found > said)
		buffer_printf(text, " and %zu more so", found - said);
}

/* Give each cell its column; name the fields that have none. */
static void find_columns(
    struct row_plan *plan, const struct column_name *names, size_t count, struct buffer *text)
{
	const struct column_name *found;
	size_t missing = 0, said = 0;
	struct slice name;

	for (size_t i = 0; i < plan->cell_count; i++) {
		name = slice_of(plan->cells[i].name);
		found = bsearch(&name, names, count, sizeof(*names), compare_key);
		if (found != NULL) {
			plan->cells[i].column = found->column;
			continue;
		}
		if (missing++ == 0 && text->len > 0)
			buffer_put_text(text, "; it lacks a column for ");
		else if (missing == 1)
			buffer_put_text(text, "the header lacks a column for ");
		if (said == MISSING_NAMES_MAX || text->len > MISSING_NAMES_BYTES)
			continue;
		buffer_printf(text, "%s\"%s\"", said > 0 ? ", " : "", plan->cells[i].name);
		said++;
	}
	if (missing > said)
		buffer_printf(text, " and %zu more", missing - said);
	if (missing > 0)
		buffer_printf(
		    text, " of the %zu fields of %s", plan->cell_count, plan->object->name);
}

static enum reject_code reject_of_fault(enum csv_fault fault)
{
	switch (fault) {
	case CSV_FAULT_NONE:
		return REJECT_NONE;
	case CSV_FAULT_LONE_CR:
		return REJECT_LONE_CR;
	case CSV_FAULT_BARE_QUOTE:
		return REJECT_BARE_QUOTE;
	case CSV_FAULT_TEXT_AFTER_QUOTE:
		return REJECT_TEXT_AFTER_QUOTE;
	case CSV_FAULT_TOO_LONG:
		return REJECT_TOO_LONG;
	}
	assert(false);
	return REJECT_NONE;
}

/* The value that a fault is in; that of a record too long says nothing about it. */
static struct slice faulty_value(const struct csv_record *record)
{
	if (record->fault == CSV_FAULT_TOO_LONG || record->fault_field >= record->field_kept)
		return (struct slice){NULL, 0};
	return record->fields[record->fault_field];
}

static void describe_malformed(const struct csv_record *header, struct buffer *text)
{
	struct reject reject = {
	    .code = reject_of_fault(header->fault), .value = faulty_value(header)};

	if (header->fault != CSV_FAULT_NONE) {
		buffer_printf(
		    text, "the header is malformed at column %zu: ", header->fault_field + 1);
		reject_describe(&reject, text);
	} else if (header->field_count > header->field_kept) {
		buffer_printf(text, "the header has more than %zu columns: %zu", header->field_kept,
		    header->field_count);
	}
}

enum status row_plan_bind(struct row_plan *plan, const struct csv_record *header, struct err *err)
{
	enum status status = OK;
	struct column_name *names = NULL;
	size_t count = header->field_kept;
	struct buffer text;

	assert(plan->operation == ROW_UPSERT);
	plan->column_count = 0;
	buffer_init(&text, TEXT_BYTES_MAX);
	describe_malformed(header, &text);
	if (text.len > 0 || text.failed)
		goto out;
	names = calloc(count > 0 ? count : 1, sizeof(*names));
	if (names == NULL) {
		text.failed = true;
		goto out;
	}
	for (size_t i = 0; i < count; i++)
		names[i] = (struct column_name){header->fields[i], i};
	qsort(names, count, sizeof(*names), compare_columns);
	describe_duplicates(names, count, &text);
	find_columns(plan, names, count, &text);
out:
	if (text.failed)
		status = err_set(err, E_NOMEM, "no memory for a header of %zu columns", count);
	else if (text.len > 0)
		status = err_set(err, E_INVALID, "%.*s", SLICE_ARGS(buffer_slice(&text)));
	else
		plan->column_count = count;
	free(names);
	buffer_fini(&text);
	return status;
}

/*
 * Records.
 */

/* The name of the schema's field in ${column}; NULL when that column is ignored. */
static const char *name_of_column(const struct row_plan *plan, size_t column)
{
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (plan->cells[i].column == column)
			return plan->cells[i].name;
	}
	return NULL;
}

static bool looks_like_header(const struct row_plan *plan, const struct csv_record *record)
{
	return plan->operation == ROW_DELETE && record->field_kept > 0 &&
	       slice_is(record->fields[0], plan->cells[0].name);
}

/* The rules about the record as a whole.  A record with a fault has no certain number of
 * fields, so that comes first; a header of a delete has more often than not the wrong
 * number, so that comes second. */
static bool check_record(const struct row_plan *plan, const struct csv_record *record, bool first,
    struct reject *ret_reject)
{
	if (record->fault != CSV_FAULT_NONE) {
		*ret_reject = (struct reject){
		    .code = reject_of_fault(record->fault),
		    .field = name_of_column(plan, record->fault_field),
		    .value = faulty_value(record),
		};
		return false;
	}
	if (first && looks_like_header(plan, record)) {
		*ret_reject = (struct reject){
		    .code = REJECT_LOOKS_LIKE_HEADER,
		    .field = plan->cells[0].name,
		    .value = record->fields[0],
		};
		return false;
	}
	if (record->field_count != plan->column_count) {
		*ret_reject = (struct reject){
		    .code = REJECT_FIELD_COUNT,
		    .want = plan->column_count,
		    .have = record->field_count,
		    .of_delete = plan->operation == ROW_DELETE,
		};
		return false;
	}
	return true;
}

/* Convert into the place of ${row}. */
static inline enum reject_code put_value(
    enum field_type type, struct slice text, struct batch_column *column, size_t row)
{
	switch (type) {
	case FIELD_STRING:
		((struct slice *)column->values)[row] = text;
		return value_string(text);
	case FIELD_NUMBER:
		return value_number(text, &((int128 *)column->values)[row]);
	case FIELD_INTEGER:
		return value_integer(text, &((int64_t *)column->values)[row]);
	case FIELD_BOOLEAN:
		return value_boolean(text, &((bool *)column->values)[row]);
	case FIELD_DATE:
		return value_date(text, &((int32_t *)column->values)[row]);
	case FIELD_DATE_TIME:
		return value_date_time(text, &((int64_t *)column->values)[row]);
	}
	assert(false);
	return REJECT_NONE;
}

/* Undo what the first ${count} columns have of a row that is not to be. */
static void clear_row(struct batch *batch, size_t count, size_t row)
{
	for (size_t i = 0; i < count; i++)
		batch->columns[i].valid[row / 64] &= ~(UINT64_C(1) << (row % 64));
}

bool row_convert(struct row_plan *plan, const struct csv_record *record, bool first,
    struct batch *batch, struct reject *ret_reject)
{
	const struct cell *cells = plan->cells, *cell;
	const struct slice *fields = record->fields;
	struct batch_column *columns = batch->columns;
	const size_t count = plan->cell_count, row = batch->row_count;
	enum reject_code code;
	struct slice text;

	assert(plan->column_count > 0);
	assert(batch->column_count == count);
	assert(row < BATCH_ROWS);
	if (!check_record(plan, record, first, ret_reject))
		return false;
	/* The header, or the two columns of a delete, fitted; so do these,
	 * unless the tokenizer was changed. */
	assert(record->field_kept == record->field_count);

	for (size_t i = 0; i < count; i++) {
		cell = &cells[i];
		text = fields[cell->column];
		if (text.len == 0) {
			code = cell->if_blank;
		} else {
			code = put_value(cell->type, text, &columns[i], row);
			batch_set_valid(&columns[i], row);
		}
		if (code != REJECT_NONE) {
			clear_row(batch, i + 1, row);
			*ret_reject =
			    (struct reject){.code = code, .field = cell->name, .value = text};
			return false;
		}
	}
	batch->row_count++;
	return true;
}
