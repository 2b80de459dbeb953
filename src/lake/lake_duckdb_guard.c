/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query's text may not say, looked at before the engine sees it.
 *
 * The engine's own doors are shut (lake_duckdb.c), and a query runs in a transaction that may only
 * read.  Two gaps stay, and this file closes them:
 *	- with external access off, DuckDB still lets SQL read the database's own file and the
 *	  folder for temporary data, and tell their paths.  So functions that return tables may be
 *	  called only when they are on a short list; the engine itself is asked for all it has, so
 *	  that a new version cannot bring an unknown one.
 *	- some statements act when they are merely prepared, and PRAGMA turns into SELECT.  So a
 *	  statement begins with one of a few words.
 *
 * The text is searched as it is, strings and comments included, for a refused name with a
 * "(" behind it.  A parser of our own would have to agree with the engine's about where
 * strings end; this way a disagreement can only refuse too much (the text 'read_csv(' in
 * a condition), never too little.
 */
#include "lake/lake_duckdb_db.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Functions that return tables and show nothing but what a query may see. */
static const char *const allowed_tables[] = {"duckdb_columns", "duckdb_constraints",
    "duckdb_functions", "duckdb_indexes", "duckdb_keywords", "duckdb_schemas", "duckdb_tables",
    "duckdb_types", "duckdb_views", "generate_series", "histogram", "histogram_values",
    "icu_calendar_names", "json_each", "json_tree", "pg_timezone_names", "pragma_collations",
    "pragma_show", "pragma_table_info", "pragma_version", "range", "repeat", "repeat_row",
    "summary", "test_all_types", "unnest"};

/* Others that do not belong in a query: settings and paths, the log, threads put to sleep,
 * counters; and those whose time goes with the product of two lengths, which no interrupt ends:
 * two texts of a megabyte would hold up all commits for an hour; and those that follow a text into
 * its depth by calling themselves, until the stack ends and the process with it. */
static const char *const refused_scalars[] = {"current_setting", "getenv", "write_log", "sleep_ms",
    "pg_sleep", "nextval", "currval", "setseed", "set_config", "getvariable", "levenshtein",
    "parse_path", "parse_dirpath", "parse_dirname", "parse_filename", "editdist3",
    "damerau_levenshtein", "jaro_similarity", "jaro_winkler_similarity", "json_structure",
    "json_group_structure", "json_contains", "json_merge_patch", "json_deserialize_sql",
    "json_serialize_sql", "json_serialize_plan", "json_transform", "json_transform_strict",
    "from_json", "from_json_strict"};

/* Views that tell paths or settings, which need no "("; and the type into which a deep JSON text is
 * cast by a function that calls itself (a field of that name is still there as variant__c). */
static const char *const refused_words[] = {"duckdb_databases", "duckdb_extensions",
    "duckdb_log_contexts", "duckdb_logs", "duckdb_logs_parsed", "duckdb_secrets", "duckdb_settings",
    "duckdb_temporary_files", "variant", "pg_prepared_statements", "pg_settings",
    "pragma_database_list"};

static const char *const first_words[] = {"SELECT", "WITH", "FROM", "VALUES", "TABLE", "SHOW",
    "DESCRIBE", "DESC", "SUMMARIZE", "EXPLAIN"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- The list of refused functions
 * ----------------------------------------------------------------------------- */

static bool is_in(const char *const *list, size_t count, struct slice word)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_is_nocase(word, list[i]))
			return true;
	}
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static bool add_refused(struct lake_duckdb *db, const char *name)
{
	char *copy = strdup(name);

	if (copy != NULL)
		db->refused[db->refused_count++] = copy;
	return copy != NULL;
}

static bool fill_refused(struct lake_duckdb *db, duckdb_result *result)
{
	bool is_good = true;

	for (idx_t i = 0; i < duckdb_row_count(result) && is_good; i++) {
		char *name = duckdb_value_varchar(result, 0, i);

		if (name == NULL)
			return false;
		if (!is_in(allowed_tables, COUNT(allowed_tables), slice_of(name)))
			is_good = add_refused(db, name);
		duckdb_free(name);
	}
	for (size_t i = 0; i < COUNT(refused_scalars) && is_good; i++)
		is_good = add_refused(db, refused_scalars[i]);
	return is_good;
}

enum status lake_duckdb_guard_init(
    struct lake_duckdb *db, duckdb_connection connection, struct err *err)
{
	duckdb_result result;
	enum status status = lake_duckdb_run_with(connection,
	    "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN "
	    "('table', 'table_macro')",
	    NULL, 0, "list the engine's functions", &result, err);

	if (status != OK)
		return status;
	db->refused =
	    calloc(duckdb_row_count(&result) + COUNT(refused_scalars), sizeof(*db->refused));
	if (db->refused == NULL || !fill_refused(db, &result))
		status = err_set(err, E_NOMEM, "no memory for the engine's functions");
	else
		qsort(db->refused, db->refused_count, sizeof(*db->refused), compare_names);
	duckdb_destroy_result(&result);
	return status;
}

void lake_duckdb_guard_fini(struct lake_duckdb *db)
{
	for (size_t i = 0; i < db->refused_count; i++)
		free(db->refused[i]);
	free(db->refused);
}

static bool is_refused_function(const struct lake_duckdb *db, struct slice word)
{
	char name[64];
	const char *key = name;

	if (word.len >= sizeof(name))
		return false; /* the engine has none so long */
	memcpy(name, word.ptr, word.len);
	name[word.len] = '\0';
	return bsearch(&key, db->refused, db->refused_count, sizeof(*db->refused), compare_names) !=
	       NULL;
}

/* --- The text --------------------------------------------------------------------------------- */

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The word that begins at the start of ${text}. */
static struct slice word_at(struct slice text)
{
	size_t n = 0;

	while (n < text.len && is_word_char(text.ptr[n]))
		n++;
	return (struct slice){text.ptr, n};
}

/* May what comes after a name be the "(" of a call?  A comment or a character beyond ASCII (some
 * are spaces to the engine) may hide one. */
static bool may_be_call(struct slice rest)
{
	if (rest.len > 0 && rest.ptr[0] == '"')
		rest = slice_skip(rest, 1);
	while (rest.len > 0 && is_space(rest.ptr[0]))
		rest = slice_skip(rest, 1);
	if (rest.len == 0)
		return false;
	return rest.ptr[0] == '(' || (unsigned char)rest.ptr[0] >= 0x80 ||
	       slice_starts(rest, SLICE("--")) || slice_starts(rest, SLICE("/*"));
}

static enum status check_names(const struct lake_duckdb *db, struct slice sql, struct err *err)
{
	while (sql.len > 0) {
		struct slice word = word_at(sql);

		if (word.len == 0) {
			sql = slice_skip(sql, 1);
			continue;
		}
		sql = slice_skip(sql, word.len);
		if (is_in(refused_words, COUNT(refused_words), word) ||
		    (is_refused_function(db, word) && may_be_call(sql)))
			return err_set(
			    err, E_INVALID, "a query may not use %.*s", SLICE_ARGS(word));
	}
	return OK;
}

/* Skip spaces, comments and opening brackets. */
static struct slice skip_blank(struct slice sql)
{
	while (sql.len > 0) {
		if (is_space(sql.ptr[0]) || sql.ptr[0] == '(') {
			sql = slice_skip(sql, 1);
		} else if (slice_starts(sql, SLICE("--"))) {
			const char *end = memchr(sql.ptr, '\n', sql.len);

			sql = slice_skip(sql, end == NULL ? sql.len : (size_t)(end - sql.ptr));
		} else if (slice_starts(sql, SLICE("/*"))) {
			const char *end = memmem(sql.ptr + 2, sql.len - 2, "*/", 2);

			sql = slice_skip(sql, end == NULL ? sql.len : (size_t)(end - sql.ptr) + 2);
		} else {
			break;
		}
	}
	return sql;
}

/* After EXPLAIN: ANALYZE, or options in brackets. */
static struct slice skip_explain(struct slice sql)
{
	struct slice word;

	sql = skip_blank(sql);
	word = word_at(sql);
	if (slice_is_nocase(word, "ANALYZE"))
		return skip_blank(slice_skip(sql, word.len));
	if (slice_is_nocase(word, "FORMAT")) {
		const char *end = memchr(sql.ptr, ')', sql.len);

		if (end != NULL)
			sql = slice_skip(sql, (size_t)(end - sql.ptr) + 1);
		return skip_blank(sql);
	}
	return sql;
}

static enum status check_first_word(struct slice sql, struct err *err)
{
	struct slice word;

	sql = skip_blank(sql);
	if (sql.len == 0)
		return err_set(err, E_INVALID, "there is no statement");
	word = word_at(sql);
	if (slice_is_nocase(word, "EXPLAIN")) {
		sql = skip_explain(slice_skip(sql, word.len));
		word = word_at(sql);
	}
	if (!is_in(first_words, COUNT(first_words), word))
		return err_set(err, E_INVALID,
		    "only a statement that reads may be run: SELECT, WITH, FROM, VALUES, SHOW, "
		    "DESCRIBE, SUMMARIZE or EXPLAIN of one");
	return OK;
}

enum status lake_duckdb_guard(const struct lake_duckdb *db, struct slice sql, struct err *err)
{
	enum status status;

	if (sql.len > 0 && memchr(sql.ptr, '\0', sql.len) != NULL)
		return err_set(err, E_INVALID, "the statement holds a NUL character");
	status = check_first_word(sql, err);
	if (status == OK)
		status = check_names(db, sql, err);
	return status == OK ? lake_duckdb_check_nesting(sql, err) : status;
}
